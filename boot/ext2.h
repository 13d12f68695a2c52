/*
 * ext2.h - what the files of the ext2 reader share
 */
#ifndef BOOT_EXT2_H
#define BOOT_EXT2_H

#include "boot/boot.h"
#include "ext2/ext2.h"

/*
 * Where block INDEX of FILE is, whose extent tree's root is in file->where, and
 * how many follow it there: as ext2_map().
 */
int boot_extent_find(struct shale_boot *boot, const struct ext2_volume *vol,
                     const struct shale_boot_file *file, uint32_t index,
                     struct ext2_run *out);

#endif /* BOOT_EXT2_H */
