/*
 * quota.h - files of quotas, against what inodes take
 *
 *      quota.c       what inodes take, by user, group, project; the comparison
 *      quota_tree.c  what the file of one kind says
 */
#ifndef EXT2_CHECK_QUOTA_H
#define EXT2_CHECK_QUOTA_H

#include "ext2/check/scan.h"
#include "ext2/check/table.h"

#define QUOTA_KINDS 3u          /* of users, groups, projects */

/* What somebody has. */
struct quota_use {
    uint64_t space, inodes;     /* bytes; and how many */
    uint64_t at;                /* byte of the volume of the entry that says so;
                                   where inodes are counted: no matter */
    uint32_t id;
};

/* Blocks of a quota file, neighbours in it and on the volume. */
struct quota_run {
    uint64_t logical, block, count;
};

struct quota_file {
    uint32_t ino;               /* 0: there are no such quotas */
    uint64_t size;              /* bytes; 0 until the inode has been seen */
    struct ext2_table runs;     /* struct quota_run */
    struct ext2_table used;     /* struct quota_use, of inodes */
    struct ext2_table said;     /* ... and by the file */
    size_t sums;                /* rows of USED that are of distinct ids */
};

struct ext2_check_quota {
    struct check_lock lock;
    struct quota_file files[QUOTA_KINDS];
};

/* "user", "group", "project" */
extern const char *const quota_kinds[QUOTA_KINDS];

/*
 * Read the file of quotas of kind KIND: fills FILE->said, sorted by id. False
 * in *SOUND if what it says cannot be gone by, which has been told.
 */
int ext2_quota_read(struct ext2_check *c, unsigned kind, bool *sound);

int ext2_quota_by_id(const void *a, const void *b);

#endif /* EXT2_CHECK_QUOTA_H */
