/*
 * inline.c - files and directories small enough for their inodes
 *
 * Data begins in i_block, and goes on in the attribute "system.data". Of a
 * directory the first four bytes are what ".." would lead to; it has no records
 * for "." and "..". ("Inline Data" in "ext4 Data Structures and Algorithms")
 *
 * Such directories are noted in pass 1, and looked at when all inodes are
 * known.
 */
#include "ext2/check/tree.h"
#include "ext2/check/xattr.h"
#include "ext2/xattr.h"
#include "memfn.h"

#define HEAD        ((uint32_t)(EXT2_POINTERS * sizeof(le32)))
#define PARENT      ((uint32_t)sizeof(le32))

/* "system.data" of INODE, and its size. NULL: it is missing. */
static const uint8_t *rest_of(struct ext2_check *c,
                              const struct ext2_check_inode *inode,
                              uint32_t *size)
{
    struct ext2_attrs list;

    if (!ext2_attrs_open(c, inode, &list))
        return NULL;
    return ext2_attrs_find(&list, EXT2_XATTR_SYSTEM, "data", size);
}

uint64_t ext2_check_inline_size(struct ext2_check *c,
                                const struct ext2_check_inode *inode,
                                bool *has_data)
{
    uint32_t size = 0;

    *has_data = rest_of(c, inode, &size) != NULL;
    return *has_data ? HEAD + size : 0;
}

int ext2_check_inline_dir(struct ext2_check *c,
                          const struct ext2_check_inode *inode)
{
    struct ext2_check_tree *tree = ext2_tree_of(c);
    uint32_t *row;

    check_lock(c->check, &tree->lock);
    row = ext2_table_add(&tree->inlined);
    if (row)
        *row = inode->ino;
    check_unlock(c->check, &tree->lock);
    return row ? 0 : SHALE_ENOMEM;
}

static int compare_numbers(const void *a, const void *b)
{
    return ext2_order(*(const uint32_t *)a, *(const uint32_t *)b);
}

/* The two pieces of INODE, whose bytes may be changed. */
static int pieces_each(struct ext2_check *c,
                       const struct ext2_check_inode *inode, uint8_t *bytes,
                       int (*each)(const struct ext2_check_inode *inode,
                                   uint8_t *bytes, uint32_t size, uint64_t at,
                                   void *context),
                       void *context)
{
    const uint32_t head = offsetof(struct ext2_disk_inode, block) + PARENT;
    uint32_t size = 0, offset;
    const uint8_t *rest = rest_of(c, inode, &size);
    int err = each(inode, bytes + head, HEAD - PARENT, inode->at + head,
                   context);

    if (err || !rest || size == 0)
        return err;
    offset = (uint32_t)(rest - inode->bytes);
    return each(inode, bytes + offset, size, inode->at + offset, context);
}

int ext2_inline_each(struct ext2_check *c,
                     int (*each)(const struct ext2_check_inode *inode,
                                 uint8_t *bytes, uint32_t size, uint64_t at,
                                 void *context),
                     void *context)
{
    struct ext2_table *inlined = &ext2_tree_of(c)->inlined;
    size_t size = c->super.inode_size;
    uint8_t *bytes;
    int err = 0;

    if (inlined->count == 0)
        return 0;
    bytes = check_alloc(c->check, size);
    if (!bytes)
        return SHALE_ENOMEM;
    ext2_table_sort(inlined, compare_numbers);
    for (size_t i = 0; i < inlined->count && !err; i++) {
        uint32_t ino = *(uint32_t *)ext2_table_at(inlined, i);
        struct ext2_check_inode inode;
        bool good;

        err = ext2_check_inode_read(c, ino, bytes, &inode, &good);
        if (!err && good)
            err = pieces_each(c, &inode, bytes, each, context);
    }
    check_free(c->check, bytes, size);
    return err;
}

/* A piece of a directory. */
static int piece_check(const struct ext2_check_inode *inode, uint8_t *bytes,
                       uint32_t size, uint64_t at, void *context)
{
    struct ext2_check *c = context;
    const struct ext2_check_info *info = ext2_check_info_of(c, inode->ino);
    struct ext2_dir_block b = {
        .c = c, .ino = inode->ino, .size = size, .end = size, .at = at,
        .bytes = bytes, .flags = info ? info->flags : 0,
    };
    int err = ext2_dir_set_dotdot(&b, le32_get(inode->block[0]));

    if (!err)
        err = ext2_fold_begin(c, b.flags, &b.folding);
    if (!err)
        err = ext2_dir_records(&b, 0);
    if (!err)
        err = ext2_check_names_block(&b);
    ext2_fold_end(c, b.folding);
    return err ? err : ext2_dir_flush(&b);
}

int ext2_inline_dirs(struct ext2_check *c)
{
    return ext2_inline_each(c, piece_check, c);
}
