/*
 * acl.h - POSIX access control lists: the volume's form and Linux's
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
#ifndef EXT2_ACL_H
#define EXT2_ACL_H

#include "ext2.h"

#define EXT2_ACL_DISK_VERSION  1u
#define EXT2_ACL_LINUX_VERSION 2u
#define EXT2_ACL_NO_ID         0xffffffffu

enum {
    EXT2_ACL_USER_OBJ  = 0x01,
    EXT2_ACL_USER      = 0x02,
    EXT2_ACL_GROUP_OBJ = 0x04,
    EXT2_ACL_GROUP     = 0x08,
    EXT2_ACL_MASK      = 0x10,
    EXT2_ACL_OTHER     = 0x20,
};

struct ext2_disk_acl_entry {
    le16 tag;
    le16 perm;
};

struct ext2_acl_entry {
    le16 tag;
    le16 perm;
    le32 id;
};

_Static_assert(sizeof(struct ext2_disk_acl_entry) == 4,
               "ACL entry on the volume");
_Static_assert(sizeof(struct ext2_acl_entry) == 8, "ACL entry of Linux");

/* Take one entry off S. Returns 1, 0 at the end, or SHALE_ECORRUPT. */
int ext2_acl_next(struct span *s, struct ext2_acl_entry *out);

#endif /* EXT2_ACL_H */
