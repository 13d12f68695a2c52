/*
 * owner.c - owners by number, as users write them
 */
#include <string.h>

#include "owner.h"
#include "tools.h"

/* The number in the LEN bytes at TEXT; none is KEEP. */
static bool parse_id(const char *text, size_t len, uint32_t *out)
{
    char digits[16];
    uint64_t id;

    *out = OWNER_KEEP;
    if (len == 0)
        return true;
    if (len >= sizeof digits)
        return false;
    memcpy(digits, text, len);
    digits[len] = '\0';
    if (!options_number(digits, 0, UINT32_MAX - 1, &id))
        return false;
    *out = (uint32_t)id;
    return true;
}

bool owner_parse(const char *text, uint32_t *uid, uint32_t *gid)
{
    size_t len = strcspn(text, ":");

    if (!parse_id(text, len, uid))
        return false;
    if (!text[len]) {
        *gid = OWNER_KEEP;
        return len > 0;
    }
    if (!parse_id(text + len + 1, strlen(text + len + 1), gid))
        return false;
    if (!text[len + 1])
        *gid = *uid;            /* chown(1) takes the user's login group */
    return *uid != OWNER_KEEP || *gid != OWNER_KEEP;
}

/* Could the LEN bytes at TEXT be a number or a name, or are none? */
static bool id_or_name(const char *text, size_t len)
{
    uint32_t id;

    if (len == 0 || *text < '0' || *text > '9')
        return len == 0 || *text != '-';
    return parse_id(text, len, &id);
}

bool owner_is_one(const char *text)
{
    size_t len = strcspn(text, ":");
    const char *group = text[len] ? text + len + 1 : "";

    return (len > 0 || *group) && !strchr(group, ':') &&
           id_or_name(text, len) && id_or_name(group, strlen(group));
}
