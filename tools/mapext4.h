/*
 * mapext4.h - an ext4 volume that is read without a mount, for `shale map`
 *
 *      mapext4.c       inodes, and where a file's blocks are
 *      mapext4path.c   directories, and what a path leads to
 *
 * No driver mounts a volume with extents; where a file lies is told all the
 * same. Nothing is cached but a few blocks, and nothing written.
 *
 * Errors     0 or a negative enum shale_err; SHALE_ENOTSUP for a path that
 *            leads through what is encrypted
 */
#ifndef SHALE_TOOLS_MAPEXT4_H
#define SHALE_TOOLS_MAPEXT4_H

#include "ext2/ext2.h"
#include "map.h"

/* Bytes of an inode that have a map, a tree's root or data. */
#define EXT4_INSIDE ((uint32_t)(EXT2_POINTERS * sizeof(le32)))

/* One block a level of a tree or map, and one of a directory or symlink. */
#define EXT4_BLOCKS 7
#define EXT4_CONTENT (EXT4_BLOCKS - 1)

struct ext4_block {
    uint64_t number;            /* 0: none */
    uint8_t *bytes;             /* NULL until it is needed */
};

struct map_ext4 {
    struct shale_slice_bdev dev;
    struct shale_mem *mem;
    struct ext2_volume core;    /* what is in the superblock only */
    struct ext4_block blocks[EXT4_BLOCKS];
};

struct map_ext4_file {
    uint32_t ino, flags;
    enum shale_type type;
    uint64_t size;
    union {
        struct ext2_disk_inode inode;
        uint8_t bytes[EXT2_MAX_INODE_SIZE];     /* all of it */
    } raw;
};

/* LEN bytes AT of the volume. */
int ext4_read(struct map_ext4 *vol, uint64_t at, void *buf, size_t len);

/* Block NUMBER, which may be a file's, in *OUT until SLOT is used again. */
int ext4_block(struct map_ext4 *vol, unsigned slot, uint64_t number,
               const uint8_t **out);

/* Inode INO, to which a name leads. */
int ext4_inode(struct map_ext4 *vol, uint32_t ino, struct map_ext4_file *out);

#endif /* SHALE_TOOLS_MAPEXT4_H */
