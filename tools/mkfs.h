/*
 * mkfs.h - what the files of `shale mkfs` share
 *
 * The options of all formats are in one table, and each is kept as it was
 * given until the type is known: the same letter may mean one thing to FAT and
 * another to ext2, as it does to the mkfs programs that people know.
 */
#ifndef SHALE_TOOLS_MKFS_H
#define SHALE_TOOLS_MKFS_H

#include "put.h"
#include "shale/fs.h"
#include "tools.h"

enum {
    MKFS_SIZE = OPTION_LONG,
    MKFS_FORCE,
    MKFS_DEREFERENCE,
    MKFS_OWNER,
    MKFS_DRY_RUN,
    MKFS_RATIO,
    MKFS_HASH_SEED,
    MKFS_ROOT_OWNER,
    MKFS_LETTERS,
};

struct mkfs {
    struct volume vol;
    const struct options *options;
    const struct shale_fs_ops *driver;
    struct shale_format format;
    const char *given[MKFS_LETTERS];    /* the argument, or "", of each option;
                                           NULL: not given */
    char features[512];         /* what format.features points to */
    uint64_t size;              /* the image's, from --size; 0: as it is */
    uint32_t owner[2];          /* of what is copied; OWNER_KEEP */
    bool has_id, has_seed;      /* not to be chosen */
    bool created;
    struct put_size tree;       /* what is to be copied */
};

/* ---------------------------------------------------------- cmd_mkfs.c */

/* Complain about the image; returns STATUS_USAGE. */
int mkfs_refuse(const struct mkfs *mkfs, const char *text);

/* Fill in what the image that is open says of the disk, ... */
void mkfs_set_place(struct mkfs *mkfs);
/* ... and what the time, or chance, decides, for a volume of SIZE bytes. */
void mkfs_set_time(struct mkfs *mkfs, uint64_t size);

/* ---------------------------------------------------------- mkfsfill.c */

/* See how much is to be copied, and that there are going to be inodes. */
void mkfs_measure(struct mkfs *mkfs);

/*
 * Mount the new volume, on the image that is open, and copy the tree in.
 * STATUS_OK if all that failed has been noted in the volume; another status,
 * having said why, if nothing has been copied.
 */
int mkfs_fill(struct mkfs *mkfs);

/* ---------------------------------------------------------- mkfsplan.c */

/* Print what would be made, and write nothing. STATUS_OK, or told why not. */
int mkfs_plan(struct mkfs *mkfs);

/* ------------------------------------------------- mkfsopt.c, mkfsext2.c */

extern const struct command_option mkfs_options[];

/*
 * Turn what was given into mkfs->format, the driver being known. STATUS_OK
 * or another status after a complaint.
 */
int mkfs_take_options(struct mkfs *mkfs);

/* What time or chance decide: for FAT; for ext2, when the size is known too. */
void mkfs_choose_fat(struct mkfs *mkfs);
void mkfs_choose_ext2(struct mkfs *mkfs, uint64_t size);

/* Take TEXT, a number from MIN to MAX that is called WHAT, into *OUT. */
int mkfs_number(const struct mkfs *mkfs, const char *what, const char *text,
                uint64_t min, uint64_t max, uint32_t *out);

/* One option of FAT's, of ext2's. */
int mkfs_take_fat(struct mkfs *mkfs, int letter, const char *text);
int mkfs_take_ext2(struct mkfs *mkfs, int letter, const char *text);

#endif /* SHALE_TOOLS_MKFS_H */
