/*
 * fat.h - FAT in less code
 *
 * shale_fat does all there is. shale_fat_small is the same driver for who has
 * little room: it reads and writes files, directories, long names, times, flags
 * and the label, as safe in a power cut as the other. A program that names it,
 * and not shale_fat, links nothing of
 *
 *     shale_mkfs(), shale_describe()
 *     the flags as an extended attribute, system.ntfs_attrib
 *     tables of the names in large directories: these are searched slot by slot
 *     attributes in a listing that need no vnode: each file becomes one
 *     reading volumes whose boot sector is bad by its copy
 *     floppies of DOS 1, which have none
 *     mount options: it takes none. Times are in the host's zone, and short
 *     names in the code page that is first in config.codepages, or 437
 */
#ifndef SHALE_FAT_H
#define SHALE_FAT_H

#ifdef __cplusplus
extern "C" {
#endif

struct shale_fs_ops;

extern const struct shale_fs_ops shale_fat_small;

#ifdef __cplusplus
}
#endif

#endif /* SHALE_FAT_H */
