/*
 * checkers.c - the checkers there are, in the order of vfs/drivers.c
 *
 * The one file of the core that names any; see there.
 */
#include "shale/check.h"

const struct shale_checker *const shale_all_checkers[] = {
    &shale_ntfs_checker,
    &shale_ext2_checker,
    &shale_fat_checker,
    NULL,
};
