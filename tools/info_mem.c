/*
 * info_mem.c - shale info --mem: what a volume takes of memory
 *
 * Of an image: the parts of the memory formula, as if it were mounted. Of a
 * directory that something is mounted on: what its daemon has in memory now,
 * which it tells by an attribute of the mount's root. Either way they are keys
 * and values, which programs get as they are, and people in tables.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "fuse/budget.h"
#include "fuse/told.h"
#include "info.h"

enum { ANSWER_MAX = 65536 };

/* Those that serve where there are a few processors. */
enum { THREADS = 4 };

bool info_is_directory(const char *name)
{
    struct stat st;

    return stat(name, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Write what TELL tells, with CONTEXT, of KIND (a key) called NAME. */
static void write_json(const char *kind, const char *name,
                       void (*tell)(void *context, struct shale_describe *to),
                       void *context)
{
    struct json *document = json_new();
    struct info_json_sink sink;

    jsonout_text(document, kind, name);
    info_json_sink_init(&sink, json_new());
    tell(context, &sink.base);
    json_set(document, "memory", sink.object);
    jsonout_document(document);
}

/* ------------------------------------------------------------- an image */

void info_mem_configure(struct shale_image_config *config)
{
    config->cache_bytes = BUDGET_METADATA;
}

static void tell_image(void *context, struct shale_describe *to)
{
    struct info *info = context;

    to->text(to, "filesystem", shale_fs_name(info->vol.fs));
    shale_describe_memory(info->vol.fs, info->vol.image->mem, THREADS, to);
}

void info_mem_image(struct info *info)
{
    if (!info->vol.fs)
        return;
    if (info->json)
        write_json("image", info->vol.name, tell_image, info);
    else
        memtext_show(info->vol.name, "an image, as just mounted read-only",
                     tell_image, info);
}

/* -------------------------------------------------------------- a mount */

/* Hand TO the lines of TEXT: a key, a blank, and a number or words. */
static void tell_lines(void *context, struct shale_describe *to)
{
    char *text = context, *line, *value, *end;

    while ((line = strsep(&text, "\n")) != NULL) {
        unsigned long long number;

        value = strchr(line, ' ');
        if (!value)
            continue;
        *value++ = '\0';
        number = strtoull(value, &end, 10);
        if (*value && !*end)
            to->number(to, line, number);
        else if (strcmp(line, "slabs") == 0)
            to->item(to, line, value);
        else
            to->text(to, line, value);
    }
}

char *info_mount_of(const char *name)
{
    char *path = realpath(name, NULL);
    struct stat st, above;
    char *slash;

    if (!path || lstat(path, &st) != 0)
        goto none;
    /* As far up as it is one filesystem: there is the mount's root. */
    while ((slash = strrchr(path, '/')) != NULL && slash != path) {
        *slash = '\0';
        if (lstat(path, &above) != 0 || above.st_dev != st.st_dev) {
            *slash = '/';
            break;
        }
    }
    if (getxattr(path, MEMORY_ATTRIBUTE, NULL, 0) >= 0 || errno == EACCES)
        return path;
none:
    free(path);
    return NULL;
}

/* Why DIR has told nothing, but ERR. */
static void complain(const char *dir, int err)
{
    char *root = NULL;

    if (err == EACCES || err == EPERM)
        report("%s: only who has mounted it, and root, may see that", dir);
    else if (err != ENODATA && err != ENOTSUP)
        report("%s: %s", dir, strerror(err));
    else if ((root = info_mount_of(dir)) != NULL)
        report("%s: is in what is mounted at %s, which is to be asked", dir,
               root);
    else
        report("%s: not where shale has mounted something", dir);
    free(root);
}

int info_mem_mounted(const char *dir, bool as_json)
{
    char *text = xrealloc(NULL, ANSWER_MAX + 1, 1);
    ssize_t got = getxattr(dir, MEMORY_ATTRIBUTE, text, ANSWER_MAX);

    if (got < 0) {
        complain(dir, errno);
        free(text);
        return STATUS_USAGE;
    }
    text[got] = '\0';
    if (as_json)
        write_json("mountpoint", dir, tell_lines, text);
    else
        memtext_show(dir, "mounted", tell_lines, text);
    free(text);
    return STATUS_OK;
}
