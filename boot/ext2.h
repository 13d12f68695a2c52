/*
 * ext2.h - what the files of the ext2 reader share, also with `shale map`
 *
 *      ext2.c      the volume, inodes, symlinks
 *      ext2map.c   where a file's bytes are: in the inode, by its map, ...
 *      extent.c    ... or by its extent tree
 *      ext2dir.c   directories
 */
#ifndef BOOT_EXT2_H
#define BOOT_EXT2_H

#include "boot/boot.h"
#include "ext2/ext2.h"

/*
 * What shale_boot_file.where has: what is in the inode in place of the map,
 * which may be that or the root of an extent tree; the inode's flags, of which
 * EXT2_INODE_INLINE also says that a symlink's target is there; its number.
 */
enum { BOOT_FLAGS = EXT2_POINTERS, BOOT_INO };

/* Bytes of an inode that have a map, a tree's root, or data. */
#define BOOT_INSIDE ((uint32_t)(EXT2_POINTERS * sizeof(le32)))

struct boot_ext2 {
    struct ext2_volume vol;     /* what is in the superblock only */
    union {
        struct ext2_disk_super super;           /* while it is opened */
        struct {
            uint8_t name[EXT2_NAME_MAX];        /* of a directory's record */
            char path[SHALE_BOOT_PATH + 1];     /* with symlinks */
        } text;
    } raw;
};

_Static_assert(sizeof(struct boot_ext2) <= SHALE_BOOT_STATE, "state of ext2");
_Static_assert(sizeof((struct shale_boot_file *)0)->where >=
                   (BOOT_INO + 1) * sizeof(uint32_t), "room for pointers");

static inline struct boot_ext2 *boot_ext2_of(struct shale_boot *boot)
{
    return (struct boot_ext2 *)(void *)boot->state.bytes;
}

/* --------------------------------------------------------------- ext2.c */

/* Open the volume by the superblock at byte AT. */
int boot_ext2_open(struct shale_boot *boot, uint64_t at);

/* Where inode INO, a valid number, is. */
int boot_ext2_inode_at(struct shale_boot *boot, uint32_t ino, uint64_t *at);

/* The file of inode INO, to which a name leads. */
int boot_ext2_load(struct shale_boot *boot, uint32_t ino,
                   struct shale_boot_file *out);

/* ------------------------------------------------------------ ext2map.c */

/* Blocks of a file in a row, as struct ext2_run. */
struct boot_run {
    uint32_t block;             /* 0: a hole */
    uint64_t count;             /* at least 1 */
    bool unwritten;
};

/* As struct shale_boot_format's map, of a file that may be encrypted. */
int boot_ext2_map(struct shale_boot *boot, const struct shale_boot_file *file,
                  uint64_t offset, uint64_t want, struct shale_extent *out);

/* ------------------------------------------------------------- extent.c */

/* Where block INDEX of FILE is, by its extent tree. */
int boot_extent_find(struct shale_boot *boot,
                     const struct shale_boot_file *file, uint32_t index,
                     struct boot_run *out);

/* ------------------------------------------------------------ ext2dir.c */

/* As in struct shale_boot_format. */
int boot_ext2_find(struct shale_boot *boot, struct shale_boot_file *dir,
                   const char *name, size_t len, struct shale_boot_file *out);
int boot_ext2_list(struct shale_boot *boot, struct shale_boot_file *dir,
                   uint64_t *cookie, struct shale_boot_entry *out);

#endif /* BOOT_EXT2_H */
