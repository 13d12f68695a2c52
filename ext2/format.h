/*
 * format.h - what the files that make a new ext2 volume share
 *
 * layout.c decides how the volume is going to look, in the same struct that a
 * mounted one has; format.c writes that down; firstfiles.c makes the files
 * that every volume has.
 *
 * Those files get their blocks from the front of the volume, one after the
 * other, leaving out what the groups need for themselves. So a block is in use
 * if it is a group's own or lies before `next`, and no bitmap has to be kept.
 */
#ifndef EXT2_FORMAT_H
#define EXT2_FORMAT_H

#include "ext2.h"

#define EXT2_LOST_INO 11u       /* lost+found, the first that is not reserved */

/* A volume in the making. */
struct ext2_new {
    struct shale_bdev *dev;
    struct shale_mem *mem;
    const struct shale_format *format;
    struct ext2_super super;    /* what mount would read */
    uint32_t journal_blocks;
    uint32_t next;              /* the first block that no file has yet */
    uint32_t taken;             /* how many blocks files have */
    le32 journal_map[EXT2_POINTERS];

    uint8_t *buf;
    size_t buf_size;            /* bytes; whole blocks, at least two */
};

/* ------------------------------------------------------------ layout.c */

/*
 * Fill in V->super and V->journal_blocks by V->dev's size and what V->format
 * asks for. SHALE_EINVAL, having told LOG why, if that cannot be.
 */
int ext2_layout_choose(struct ext2_new *v, struct shale_log *log);

/*
 * How many blocks at the start of GROUP are its own: its head, bitmaps and
 * inode table.
 */
uint32_t ext2_group_own(const struct ext2_super *super, uint32_t group);

/* The size of the resize inode: all that a double indirect block reaches. */
uint64_t ext2_resize_size(const struct ext2_super *super);

/* -------------------------------------------------------- firstfiles.c */

/* Make the root directory, lost+found, and what the features ask for. */
int ext2_first_files(struct ext2_new *v);

/* Write COUNT blocks of BUF to BLOCK. */
int ext2_new_put(struct ext2_new *v, uint32_t block, const void *buf,
                 uint32_t count);

/* Make COUNT blocks from BLOCK on zero. */
int ext2_new_clear(struct ext2_new *v, uint32_t block, uint32_t count);

/* --------------------------------------------------------- describe.c */

/* Tell TO how V is going to look. */
void ext2_describe_new(const struct ext2_new *v, struct shale_describe *to);

#endif /* EXT2_FORMAT_H */
