/*
 * xattr.h - what the files about attributes call on each other
 *
 *      xattr.c       inodes and blocks that have attributes; who refers to what
 *      xattr_list.c  one list: entries, names, values, hashes
 *      acl.c         access control lists
 *      inline.c      data of small files, which is an attribute
 */
#ifndef EXT2_CHECK_XATTR_H
#define EXT2_CHECK_XATTR_H

#include "ext2/check/check.h"
#include "ext2/check/table.h"

/* A list of attributes, in an inode or in a block of its own. */
struct ext2_attrs {
    struct ext2_check *c;
    const uint8_t *bytes;       /* what offsets of values count from */
    uint32_t size;              /* bytes */
    uint32_t start;             /* where the first entry is */
    uint64_t at;                /* byte of the volume of BYTES */
    enum shale_object object;   /* whose it is, for findings */
    uint64_t number;
    uint32_t owner;             /* inode that has it, or one of those */
    bool in_inode;
};

/* The attributes in INODE. False if it has none there. */
bool ext2_attrs_open(struct ext2_check *c,
                          const struct ext2_check_inode *inode,
                          struct ext2_attrs *list);

/* Check LIST. False if something is wrong with it, which has been told. */
int ext2_attrs_check(const struct ext2_attrs *list, bool *sound);

/* The value of attribute NAME of prefix INDEX in LIST; NULL: there is none. */
const uint8_t *ext2_attrs_find(const struct ext2_attrs *list,
                                    unsigned index, const char *name,
                                    uint32_t *size);

/*
 * Add to *CHARGE the values of LIST that are in inodes of their own: each file
 * that has such an attribute is charged with it.
 */
int ext2_attrs_charge(const struct ext2_attrs *list,
                      struct ext2_check_charge *charge);

/*
 * Does RAW, an inode that holds a value, have it for OWNER alone? An older form
 * that has no counts and hashes, and is not charged to anybody.
 */
static inline bool ext2_value_is_own(const struct ext2_disk_inode *raw,
                                     uint32_t owner)
{
    return le32_get(raw->mtime) == owner;
}

/* A value that is in an inode of its own. */
struct ext2_attr_ref {
    uint64_t at;                /* byte of the volume of the entry */
    uint64_t number;            /* whose attribute it is */
    uint32_t owner;
    enum shale_object object;   /* ... likewise */
    uint32_t ino, size;         /* where the value is */
    uint32_t hash;              /* the entry's */
    uint32_t name_hash;         /* ... the part of it that is of the name */
};

int ext2_attrs_refer(struct ext2_check *c, const struct ext2_attr_ref *ref);

/* -------------------------------------------------------------- acl.c */

/* Are the LEN bytes at VALUE an access control list? */
bool ext2_acl_is_sound(const uint8_t *value, uint32_t len);

#endif /* EXT2_CHECK_XATTR_H */
