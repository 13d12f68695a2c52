/*
 * descriptor.c - a security descriptor: is every part of it within it?
 *
 *      | 1 0 | control | owner | group | SACL | DACL |  offsets, or 0
 *      SID   | 1 | count | authority 6 | 4 bytes each |
 *      ACL   | revision 0 | size | count 0 | ACE ...  |
 *      ACE   | type flags | size | rights | SID ... |
 *
 * An ACL may be larger than its entries: room for more. ([MS-DTYP] 2.4)
 */
#include "ntfs/meta.h"
#include "ntfs/check/check.h"

struct disk_descriptor {
    uint8_t revision, manager;
    le16 control;
    le32 owner, group, sacl, dacl;
};

struct disk_acl {
    uint8_t revision, unused;
    le16 size, count, unused2;
};

struct disk_ace {
    uint8_t type, flags;
    le16 size;
    le32 rights;
};

#define REVISION      1u
#define MANAGER_VALID 0x4000u   /* `manager` means something */
#define SELF_RELATIVE 0x8000u

#define ACL_LEAST 2u            /* revisions of lists */
#define ACL_MOST  4u

#define FIELD(name) NTFS_CHECK_FIELD(disk_descriptor, name)

/* Does an entry of TYPE have a SID right behind its rights? Those of objects
   have GUIDs before it; [MS-DTYP] 2.4.4.1. */
static bool has_sid(uint8_t type)
{
    static const uint8_t types[] = { 0, 1, 2, 3, 9, 10, 13, 17, 18, 19 };

    for (size_t i = 0; i < sizeof types; i++)
        if (types[i] == type)
            return true;
    return false;
}

static const char *sid_check(const uint8_t *bytes, size_t len, uint32_t offset,
                             size_t *at)
{
    if (offset == 0)
        return NULL;            /* nobody */
    *at = offset;
    if (offset < sizeof(struct disk_descriptor) || offset > len ||
        ntfs_sid_length(bytes + offset, len - offset) == 0)
        return "ntfs: an owner or group that is none";
    return NULL;
}

/* The list at OFFSET, if there is one. */
static const char *acl_check(const uint8_t *bytes, size_t len, uint32_t offset,
                             size_t *at)
{
    const struct disk_acl *acl = (const void *)(bytes + offset);
    size_t end, size;

    if (offset == 0)
        return NULL;
    *at = offset;
    if (offset < sizeof(struct disk_descriptor) || offset > len ||
        len - offset < sizeof *acl)
        return "ntfs: a list of rights that is not within it";
    if (acl->revision < ACL_LEAST || acl->revision > ACL_MOST)
        return "ntfs: a list of rights of a revision that there is not";
    size = le16_get(acl->size);
    if (size < sizeof *acl || size > len - offset)
        return "ntfs: a list of rights that runs past its end";
    end = offset + size;
    *at += sizeof *acl;
    for (uint32_t left = le16_get(acl->count); left > 0; left--) {
        const struct disk_ace *ace = (const void *)(bytes + *at);

        if (end - *at < sizeof *ace)
            return "ntfs: a list of rights with fewer entries than it says";
        size = le16_get(ace->size);
        if (size < sizeof *ace || size % 4 != 0 || size > end - *at)
            return "ntfs: an entry of rights of a size that cannot be";
        if (has_sid(ace->type) &&
            ntfs_sid_length(bytes + *at + sizeof *ace, size - sizeof *ace) == 0)
            return "ntfs: an entry of rights for nobody that can be";
        *at += size;
    }
    return NULL;
}

const char *ntfs_check_descriptor(const uint8_t *bytes, size_t len, size_t *at)
{
    const struct disk_descriptor *head = (const void *)bytes;
    const char *wrong;
    uint16_t control;

    *at = 0;
    if (len < sizeof *head)
        return "ntfs: it is cut short";
    if (head->revision != REVISION)
        return "ntfs: a revision that there is not";
    control = le16_get(head->control);
    *at = FIELD(control);
    if (!(control & SELF_RELATIVE))
        return "ntfs: it does not say that its parts are in it";
    if (head->manager != 0 && !(control & MANAGER_VALID)) {
        *at = FIELD(manager);
        return "ntfs: bits for a resource manager that it has not";
    }
    wrong = sid_check(bytes, len, le32_get(head->owner), at);
    if (!wrong)
        wrong = sid_check(bytes, len, le32_get(head->group), at);
    if (!wrong)
        wrong = acl_check(bytes, len, le32_get(head->sacl), at);
    return wrong ? wrong : acl_check(bytes, len, le32_get(head->dacl), at);
}
