/*
 * drivers.c - the drivers there are
 *
 * The one file of the core that names any. An embedder who wants fewer passes
 * an array of its own, and the linker leaves this file and the rest out.
 */
#include "shale/shale.h"

const struct shale_fs_ops *const shale_all_drivers[] = {
    &shale_ext2,
    &shale_fat,
    &shale_ntfs,
    NULL,
};
