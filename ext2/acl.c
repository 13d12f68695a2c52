/*
 * acl.c - POSIX access control lists, from the volume's form to Linux's
 */
#include "acl.h"
#include "memfn.h"

int ext2_acl_next(struct span *s, struct ext2_acl_entry *out)
{
    const struct ext2_disk_acl_entry *raw;
    const le32 *id;

    if (s->left == 0)
        return 0;
    raw = (const struct ext2_disk_acl_entry *)span_take(s, sizeof *raw);
    if (!raw)
        return SHALE_ECORRUPT;
    out->tag = raw->tag;
    out->perm = raw->perm;
    out->id = le32_make(EXT2_ACL_NO_ID);

    switch (le16_get(raw->tag)) {
    case EXT2_ACL_USER_OBJ:
    case EXT2_ACL_GROUP_OBJ:
    case EXT2_ACL_MASK:
    case EXT2_ACL_OTHER:
        return 1;
    case EXT2_ACL_USER:
    case EXT2_ACL_GROUP:
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
    const le32 new_version = le32_make(EXT2_ACL_LINUX_VERSION);
    struct ext2_acl_entry entry;
    size_t len = sizeof new_version;
    int more;

    if (!version || le32_get(*version) != EXT2_ACL_DISK_VERSION)
        return SHALE_ECORRUPT;
    if (size > 0 && size < len)
        return SHALE_ERANGE;
    if (size > 0)
        memcpy(buf, &new_version, len);

    while ((more = ext2_acl_next(&value, &entry)) > 0) {
        if (size > 0) {
            if (size - len < sizeof entry)
                return SHALE_ERANGE;
            memcpy(buf + len, &entry, sizeof entry);
        }
        len += sizeof entry;
    }
    return more < 0 ? more : (int64_t)len;
}
