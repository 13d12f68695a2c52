/*
 * ext2check_own.h - what the files of ext2check call of each other
 *
 * Each gives the volume another look, in the order in which they stand here;
 * what is wrong goes to fault().
 */
#ifndef SUPPORT_EXT2CHECK_OWN_H
#define SUPPORT_EXT2CHECK_OWN_H

#include "ext2check.h"
#include "wire.h"

enum {
    SUPER = 1024,               /* byte of the volume, and its size */
    ROOT_INO = 2,
    RESIZE_INO = 7,
    JOURNAL_INO = 8,
    DIRECT = 12,
    COMPAT_JOURNAL = 0x4,
    COMPAT_ATTR = 0x8,
    INCOMPAT_FILETYPE = 0x2,
    INCOMPAT_RECOVER = 0x4,
    INCOMPAT_KNOWN = 0x2 | 0x4,
    RO_COMPAT_SPARSE = 0x1,
    STATE_VALID = 1,
};

#define EXT2CHECK_METADATA UINT32_MAX   /* an owner */

static inline const uint8_t *block_at(const struct ext2check *check,
                                      uint32_t block)
{
    if (check->recovering && check->over[block])
        return check->over[block];
    return check->image + (uint64_t)block * check->block_size;
}

static inline bool in_volume(const struct ext2check *check, uint32_t block)
{
    return block >= check->first_block && block < check->block_count;
}

static inline bool bit(const uint8_t *bits, uint32_t number)
{
    return bits[number / 8] >> number % 8 & 1;
}

static inline enum shale_type type_of(uint32_t mode)
{
    switch (mode & SHALE_S_IFMT) {
    case SHALE_S_IFREG:
        return SHALE_TYPE_FILE;
    case SHALE_S_IFDIR:
        return SHALE_TYPE_DIR;
    case SHALE_S_IFLNK:
        return SHALE_TYPE_SYMLINK;
    case SHALE_S_IFCHR:
        return SHALE_TYPE_CHAR;
    case SHALE_S_IFBLK:
        return SHALE_TYPE_BLOCK;
    case SHALE_S_IFIFO:
        return SHALE_TYPE_FIFO;
    case SHALE_S_IFSOCK:
        return SHALE_TYPE_SOCKET;
    default:
        return SHALE_TYPE_UNKNOWN;
    }
}

/* Remember what is wrong, of KIND; only the first of the worst is said. */
void ext2check_fault(struct found *found, unsigned kind, const char *format,
                     ...) __attribute__((format(printf, 3, 4)));
#define fault ext2check_fault

/* Room for COUNT things of SIZE bytes, all zero, instead of OLD's *ROOM. */
void *ext2check_zeros(void *old, uint32_t *room, uint32_t count, size_t size);

/* Where the superblock is, and inode INO, with what is in the journal. */
const uint8_t *ext2check_super(const struct ext2check *check);
const uint8_t *ext2check_inode_at(const struct ext2check *check, uint32_t ino);

/* Blocks: which one is number INDEX of the file at RAW (0: none), and BLOCK is
   OWNER's from now on. */
uint32_t ext2check_map(const struct ext2check *check, const uint8_t *raw,
                       uint64_t index);
void ext2check_claim(struct found *found, uint32_t block, uint32_t owner);

/* Has an inode a map of blocks? Those of devices and short symlinks do not. */
bool ext2check_has_map(uint32_t mode, uint64_t size, uint64_t blocks);

void ext2check_journal(struct found *found);
void ext2check_inodes(struct found *found);
void ext2check_names(struct found *found);

#endif /* SUPPORT_EXT2CHECK_OWN_H */
