/*
 * xattr.h - what the files about extended attributes call on each other
 */
#ifndef EXT2_XATTR_H
#define EXT2_XATTR_H

#include "ext2.h"

/* Numbers of prefixes. */
enum {
    EXT2_XATTR_USER        = 1,
    EXT2_XATTR_ACL_ACCESS  = 2,
    EXT2_XATTR_ACL_DEFAULT = 3,
    EXT2_XATTR_TRUSTED     = 4,
    EXT2_XATTR_SECURITY    = 6,
    EXT2_XATTR_SYSTEM      = 7,
    EXT2_XATTR_RICHACL     = 8,
};

/* A prefix that does not end in a dot is the whole name. */
struct ext2_xattr_prefix {
    const char *text;
    uint8_t len;
};

/* An attribute's name without its prefix, and the number of that. */
struct ext2_xattr_name {
    unsigned index;
    const uint8_t *text;
    size_t len;                 /* bytes */
};

/* One attribute, in the buffer where it is. */
struct ext2_xattr {
    const struct ext2_disk_xattr_entry *raw;
    const struct ext2_xattr_prefix *prefix;     /* NULL: nobody can name it */
    unsigned index;             /* of the prefix */
    const uint8_t *name;        /* the rest of the name */
    size_t name_len;
    struct span value;
    bool elsewhere;             /* the value is in an inode of its own */
    uint64_t at;                /* byte of the volume of the entry */
};

/* A list of attributes being walked. */
struct ext2_xattr_list {
    struct shale_buf *buf;      /* pinned; NULL if there is no list */
    struct span entries;        /* those not seen yet */
    struct span values;         /* what value offsets refer to */
    uint64_t at;                /* byte of the volume where values begin */
};

/* ------------------------------------------------------------- xattr.c */

/* Start on the attributes in VN's inode / in its block. Put list->buf. */
int ext2_xattr_body(const struct ext2_vnode *vn, struct ext2_xattr_list *list);
int ext2_xattr_block(const struct ext2_vnode *vn,
                     struct ext2_xattr_list *list);

/* Decode the next one. Returns 1, 0 at the end of the list, or an error. */
int ext2_xattr_next(const struct ext2_vnode *vn, struct ext2_xattr_list *list,
                    struct ext2_xattr *out);

/* Find what prefix FULL ("user.comment") has. SHALE_ENOTSUP if none. */
int ext2_xattr_name(const char *full, struct ext2_xattr_name *out);

/* ------------------------------------------------------- xattr_image.c */

/* What is to become of an attribute. */
struct ext2_xattr_edit {
    struct ext2_xattr_name name;
    const uint8_t *value;       /* NULL: it goes */
    uint32_t size;              /* bytes */
};

/* A place being written anew. */
struct ext2_xattr_image {
    uint8_t *bytes;             /* what the offsets of values refer to */
    uint32_t size;
    uint32_t entry;             /* where the next entry goes */
    uint32_t value;             /* where the last value begins */
    uint32_t count;             /* entries */
    bool hashed;                /* a block's entries have hashes */
    bool found;                 /* the attribute was there before */
};

/* Names and values begin at multiples of four. */
static inline uint32_t ext2_xattr_padded(size_t len)
{
    return ((uint32_t)len + 3) & ~3u;
}

/* The order of a block: by prefix, then by length, then by text. */
int ext2_xattr_compare(const struct ext2_xattr_name *a,
                       const struct ext2_xattr *b);

/*
 * Fill IMAGE with what LIST has and what EDIT makes of it. SHALE_ENOSPC if that
 * does not fit.
 */
int ext2_xattr_fill(const struct ext2_vnode *vn,
                    struct ext2_xattr_image *image,
                    struct ext2_xattr_list *list,
                    const struct ext2_xattr_edit *edit);

/* ------------------------------------------------------- xattr_block.c */

/*
 * Apply EDIT to VN's block. Returns 1 if the attribute was there before, 0 if
 * not; SHALE_ENOSPC if it does not fit.
 */
int ext2_xattr_block_edit(struct ext2_vnode *vn,
                          const struct ext2_xattr_edit *edit);

/* ------------------------------------------------------- xattr_write.c */

/*
 * Set attribute NAME of VN to the SIZE bytes at VALUE; NULL removes it
 * (SHALE_ENODATA). Notes VN, but does not store its inode.
 */
int ext2_xattr_put(struct ext2_vnode *vn, const struct ext2_xattr_name *name,
                   const void *value, size_t size);

/* Remove NAME if it is there; likewise. */
int ext2_xattr_forget(struct ext2_vnode *vn, const char *name);

/*
 * Copy the value of NAME, as it is on the volume, to memory that the caller
 * frees: *SIZE bytes at *OUT. SHALE_ENODATA.
 */
int ext2_xattr_copy(struct ext2_vnode *vn, const struct ext2_xattr_name *name,
                    uint8_t **out, size_t *size);

/* --------------------------------------------------------- acl_write.c */

/*
 * Set, or with NULL remove, the list NAME of VN, whose mode follows. VALUE is
 * as given to setxattr() on Linux. Notes VN, but does not store its inode.
 */
int ext2_acl_set(struct ext2_vnode *vn, const struct ext2_xattr_name *name,
                 const void *value, size_t size);

/* VN's mode has been set: its access control list is to say the same. */
int ext2_acl_chmod(struct ext2_vnode *vn);

#endif /* EXT2_XATTR_H */
