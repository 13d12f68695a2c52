/*
 * acl.c - POSIX access control lists, from the volume's form to Linux's
 *
 * Both begin with a version and go on with entries. ext2 leaves out the id of
 * the entries that are about nobody in particular:
 *
 *     on the volume, version 1            from getxattr(), version 2
 *     le32 version = 1                    le32 version = 2
 *     le16 tag, le16 perm                 le16 tag, le16 perm, le32 id = -1
 *       of owner, group, mask, other
 *     le16 tag, le16 perm, le32 id        le16 tag, le16 perm, le32 id
 *       of a user, a group by name
 */
#include "ext2.h"
#include "memfn.h"

#define DISK_VERSION  1u
#define LINUX_VERSION 2u
#define NO_ID         0xffffffffu

enum {
    TAG_USER_OBJ  = 0x01,
    TAG_USER      = 0x02,
    TAG_GROUP_OBJ = 0x04,
    TAG_GROUP     = 0x08,
    TAG_MASK      = 0x10,
    TAG_OTHER     = 0x20,
};

struct disk_entry {
    le16 tag;
    le16 perm;
};

struct linux_entry {
    le16 tag;
    le16 perm;
    le32 id;
};

_Static_assert(sizeof(struct disk_entry) == 4, "ACL entry on the volume");
_Static_assert(sizeof(struct linux_entry) == 8, "ACL entry of Linux");

/* Take one entry off S. Returns 1, 0 at the end, or SHALE_ECORRUPT. */
static int entry_next(struct span *s, struct linux_entry *out)
{
    const struct disk_entry *raw;
    const le32 *id;

    if (s->left == 0)
        return 0;
    raw = (const struct disk_entry *)span_take(s, sizeof *raw);
    if (!raw)
        return SHALE_ECORRUPT;
    out->tag = raw->tag;
    out->perm = raw->perm;
    out->id = le32_make(NO_ID);

    switch (le16_get(raw->tag)) {
    case TAG_USER_OBJ:
    case TAG_GROUP_OBJ:
    case TAG_MASK:
    case TAG_OTHER:
        return 1;
    case TAG_USER:
    case TAG_GROUP:
        id = (const le32 *)span_take(s, sizeof *id);
        if (!id)
            return SHALE_ECORRUPT;
        out->id = *id;
        return 1;
    default:
        return SHALE_ECORRUPT;
    }
}

int64_t ext2_acl_convert(struct span value, uint8_t *buf, size_t size)
{
    const le32 *version = (const le32 *)span_take(&value, sizeof *version);
    const le32 new_version = le32_make(LINUX_VERSION);
    struct linux_entry entry;
    size_t len = sizeof new_version;
    int more;

    if (!version || le32_get(*version) != DISK_VERSION)
        return SHALE_ECORRUPT;
    if (size > 0 && size < len)
        return SHALE_ERANGE;
    if (size > 0)
        memcpy(buf, &new_version, len);

    while ((more = entry_next(&value, &entry)) > 0) {
        if (size > 0) {
            if (size - len < sizeof entry)
                return SHALE_ERANGE;
            memcpy(buf + len, &entry, sizeof entry);
        }
        len += sizeof entry;
    }
    return more < 0 ? more : (int64_t)len;
}
