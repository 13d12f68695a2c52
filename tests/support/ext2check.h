/*
 * ext2check.h - another opinion on an ext2 or ext3 volume, in memory
 *
 * Replays the journal in mind, then reads the whole volume: lists what is on
 * it and everything that is wrong, in the terms of e2fsck(8) and some
 * stricter. It shares nothing with the driver, not a header: it is what the
 * driver's work is judged by, thousands of times a second, where e2fsck is run
 * on a sample.
 */
#ifndef SUPPORT_EXT2CHECK_H
#define SUPPORT_EXT2CHECK_H

#include "shape.h"

/* What there is to know of an inode. */
struct ext2check_inode {
    const uint8_t *raw;
    uint64_t size;
    uint32_t names;             /* entries that lead here, "." and ".." too */
    uint32_t parent;            /* of a directory: the one it is found in */
    bool used, orphan;
};

struct ext2check {
    char said[400];
    unsigned said_kind;

    /* The volume, as its superblock says. */
    const uint8_t *image;
    uint64_t size;
    uint32_t block_size, block_count, first_block, blocks_per_group;
    uint32_t inode_size, inode_count, inodes_per_group, first_ino, groups;
    uint32_t desc_blocks, reserved_desc, table_blocks;
    uint32_t compat, incompat, ro_compat, last_orphan;
    uint16_t state;

    const uint8_t **over;       /* blocks that the journal has newer ones of */
    uint8_t *escaped;           /* copies of those that are not as logged */
    uint32_t *owners;           /* of each block, an inode or METADATA */
    struct ext2check_inode *inodes;     /* by number */
    uint32_t *journal;          /* the blocks of the journal */
    uint32_t over_room, owner_room, inode_room, journal_room;
    uint32_t journal_count, escaped_count, escaped_room;
    bool recovering;            /* OVER is in use */

    char *text;                 /* of the names */
    size_t text_len, text_room;
};

/* As in struct shape_kind. */
void ext2check_look(struct found *found, const uint8_t *image, uint64_t size);
bool ext2check_read(const struct found *found, size_t entry, void *buf,
                    size_t len, uint64_t offset);
void ext2check_free(struct found *found);

#endif /* SUPPORT_EXT2CHECK_H */
