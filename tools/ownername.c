/*
 * ownername.c - owners by the names that an image has for them
 *
 * What /etc/passwd and /etc/group of the image say, not those of this machine:
 * its www-data may be another number, or nobody. Lines are NAME:x:UID:GID:...
 * and NAME:x:GID:... (passwd(5), group(5)).
 */
#include <stdlib.h>
#include <string.h>

#include "owner.h"
#include "tools.h"

#define USERS  "/etc/passwd"
#define GROUPS "/etc/group"
#define FILE_MAX (UINT64_C(64) << 20)   /* bytes of such a file */

/* The file at PATH, terminated, to be freed; NULL, having told why not. */
static char *read_file(struct volume *vol, const char *path)
{
    struct shale_vnode *vn = volume_walk(vol, path, 0);
    struct shale_attr attr;
    char *text = NULL;
    int64_t len;

    if (!vn)
        return NULL;
    len = shale_getattr(vn, &attr);
    if (!len && shale_vnode_type(vn) == SHALE_TYPE_FILE &&
        attr.size < FILE_MAX) {
        text = xmalloc((size_t)attr.size + 1);
        len = shale_read(vn, text, (size_t)attr.size, 0);
    }
    shale_vnode_put(vn);
    if (text && len >= 0) {
        text[len] = '\0';
        return text;
    }
    free(text);
    if (len < 0)
        volume_fail(vol, path, (int)len);
    else
        volume_fail_text(vol, path, "not a list of names");
    return NULL;
}

/* The number that is field INDEX of LINE, which ends at a newline or NUL. */
static bool number_field(const char *line, unsigned index, uint32_t *out)
{
    char digits[16];
    uint64_t number;
    size_t len;

    for (; index > 0; index--) {
        line += strcspn(line, ":\n");
        if (*line++ != ':')
            return false;
    }
    len = strcspn(line, ":\n");
    if (len >= sizeof digits)
        return false;
    memcpy(digits, line, len);
    digits[len] = '\0';
    if (!options_number(digits, 0, UINT32_MAX - 1, &number))
        return false;
    *out = (uint32_t)number;
    return true;
}

/*
 * Find NAME in the file at PATH: its own number, and, unless LOGIN is NULL,
 * that of its group. False, having told why not.
 */
static bool find_name(struct volume *vol, const char *path, const char *name,
                      uint32_t *out, uint32_t *login)
{
    char *text = read_file(vol, path), complaint[128];
    size_t len = strlen(name);
    bool found = false;

    if (!text)
        return false;
    for (const char *line = text; *line && !found;) {
        found = !strncmp(line, name, len) && line[len] == ':' &&
                number_field(line, 2, out) &&
                (!login || number_field(line, 3, login));
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    free(text);
    if (!found) {
        snprintf(complaint, sizeof complaint, "has no '%.64s'", name);
        volume_fail_text(vol, path, complaint);
    }
    return found;
}

/* Is there a name at TEXT? Else there is a number, or nothing. */
static bool is_name(const char *text)
{
    return *text && (*text < '0' || *text > '9');
}

bool owner_find(struct volume *vol, const char *text, uint32_t *uid,
                uint32_t *gid)
{
    char *user = xstrdup(text), *group = strchr(user, ':');
    uint64_t number;
    bool found = true;

    if (group)
        *group++ = '\0';
    *uid = *gid = OWNER_KEEP;
    if (is_name(user)) {
        found = find_name(vol, USERS, user, uid,
                          group && !*group ? gid : NULL);
    } else if (options_number(user, 0, UINT32_MAX - 1, &number)) {
        *uid = (uint32_t)number;
        if (group && !*group)
            *gid = *uid;        /* there may be no such user */
    }
    if (found && group && is_name(group))
        found = find_name(vol, GROUPS, group, gid, NULL);
    else if (group && options_number(group, 0, UINT32_MAX - 1, &number))
        *gid = (uint32_t)number;
    free(user);
    return found;
}
