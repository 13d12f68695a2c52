/*
 * drivers.c - the drivers there are
 *
 * The one file of the core that names any. An embedder who wants fewer passes
 * an array of its own, and the linker leaves this file and the rest out.
 *
 * They are asked in this order. NTFS has the longest mark, which whoever makes
 * another filesystem overwrites; within its first sectors, which it hardly
 * uses, there may be one of ext2's.
 */
#include "shale/shale.h"

const struct shale_fs_ops *const shale_all_drivers[] = {
    &shale_ntfs,
    &shale_ext2,
    &shale_fat,
    NULL,
};
