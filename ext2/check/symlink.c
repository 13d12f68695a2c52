/*
 * symlink.c - what symbolic links lead to
 *
 * A target of less than 60 bytes is in i_block, in place of pointers; a longer
 * one in the one block that the link has. Either ends with a NUL which i_size
 * does not count, and has no other. ("Symbolic Links" in "ext4 Data Structures
 * and Algorithms")
 */
#include "ext2/check/tree.h"

#define FAST_MAX    ((uint32_t)(EXT2_POINTERS * sizeof(le32)))
#define SECTOR      512u

/* Bytes of the LEN at TEXT before a NUL; LEN if there is none. */
static uint32_t text_length(const uint8_t *text, uint32_t len)
{
    uint32_t i = 0;

    while (i < len && text[i] != '\0')
        i++;
    return i;
}

/*
 * How long is the target in the LEN bytes at TEXT? An encrypted one comes after
 * its own length, and has any bytes.
 */
static uint32_t target_length(const uint8_t *text, uint32_t len, bool is_crypt)
{
    if (is_crypt)
        return le16_get(*(const le16 *)text) + (uint32_t)sizeof(le16);
    return text_length(text, len);
}

static void tell_length(struct ext2_check *c, uint32_t ino, uint64_t at,
                        uint64_t size, uint32_t found)
{
    ext2_tell_inode(c, SYMLINK_LENGTH, at, ino, .compared = true,
                    .expected = found, .found = size);
}

/* Is INODE's target in i_block? It is if the link has no block of its own. */
static bool is_fast(const struct ext2_check *c,
                    const struct ext2_check_inode *inode)
{
    uint32_t cluster = c->super.block_size << c->super.cluster_shift;
    uint64_t own = inode->acl != 0 ? cluster / SECTOR : 0;

    return !(inode->flags & EXT2_INODE_EXTENTS) && inode->sectors <= own &&
           inode->size < FAST_MAX;
}

/* INODE's target begins in i_block and goes on in an attribute. */
static void check_inline(struct ext2_check *c,
                         const struct ext2_check_inode *inode)
{
    bool has_data;
    uint64_t size = ext2_check_inline_size(c, inode, &has_data);
    const uint8_t *text = (const uint8_t *)inode->block;

    if (!has_data)
        return;                 /* which is told of any file */
    if (size <= FAST_MAX)
        size = target_length(text, FAST_MAX,
                             inode->flags & EXT2_INODE_ENCRYPTED);
    if (size != inode->size)
        tell_length(c, inode->ino, EXT2_AT(inode, size), inode->size,
                    (uint32_t)size);
}

int ext2_check_symlink(struct ext2_check *c,
                       const struct ext2_check_inode *inode, uint64_t block)
{
    bool is_crypt = inode->flags & EXT2_INODE_ENCRYPTED;
    const struct check_item item = {
        .at = ext2_check_at(c, block),
        .tag = { inode->ino, inode->size, is_crypt },
    };
    uint32_t length;

    if (inode->flags & EXT2_INODE_INLINE) {
        check_inline(c, inode);
        return 0;
    }
    if (inode->size == 0 || inode->size >= c->super.block_size) {
        ext2_tell_inode(c, SYMLINK_SIZE, EXT2_AT(inode, size), inode->ino,
                        .other = inode->size);
        return 0;
    }
    if (!is_fast(c, inode)) {
        if (block != 0)
            return check_queue_add(ext2_tree_of(c)->targets, &item);
        ext2_tell_inode(c, SYMLINK_NONE, EXT2_AT(inode, block), inode->ino,
                        .other = inode->size);
        return 0;
    }
    length = target_length((const uint8_t *)inode->block, FAST_MAX, is_crypt);
    if (length != inode->size)
        tell_length(c, inode->ino, EXT2_AT(inode, size), inode->size, length);
    return 0;
}

static int target_check(struct check *check, const struct check_item *item,
                        uint8_t *bytes, void *context)
{
    struct ext2_check *c = context;
    uint32_t ino = (uint32_t)item->tag[0], size = c->super.block_size, length;

    if (!bytes) {
        check_tell(check, &check_codes[CHECK_READ], item->at,
                   &(const struct check_note){
                       .object = SHALE_OBJECT_INODE, .number = ino,
                       .other = item->at });
        return 0;
    }
    length = target_length(bytes, size, item->tag[2] != 0);
    if (length != item->tag[1])
        tell_length(c, ino, item->at, item->tag[1], length);
    return 0;
}

int ext2_check_targets(struct ext2_check *c)
{
    return check_queue_run(ext2_tree_of(c)->targets, target_check, c);
}
