/*
 * whole.c - the driver with all that there is
 */
#include "extras.h"
#include "shale/shale.h"

const struct shale_ntfs_extra *const shale_all_ntfs_extras[] = {
    &shale_ntfs_packed,
    &shale_ntfs_owners,
    &shale_ntfs_unix,
    &shale_ntfs_streams,
    &shale_ntfs_recovery,
    &shale_ntfs_undelete,
    &shale_ntfs_about,
    NULL,
};

static int whole_mount(struct shale_fs *fs)
{
    return ntfs_mount_with(fs, shale_all_ntfs_extras);
}

const struct shale_fs_ops shale_ntfs = {
    .name       = "ntfs",
    .vnode_size = sizeof(struct ntfs_vnode),
    .options    = ntfs_option_names,
    .holes      = true,
    .traits     = SHALE_TRAIT_FOLDS_CASE | SHALE_TRAIT_DOS_FLAGS,
    .time_step  = 100,
    .name_max   = NTFS_NAME_BYTES,
    .probe      = ntfs_probe,
    .mount      = whole_mount,
    .unmount    = ntfs_unmount,
    .statfs     = ntfs_statfs,
    .describe   = ntfs_describe,
    .load       = ntfs_load,
    .evict      = ntfs_evict,
    .getattr    = ntfs_getattr,
    .peek       = ntfs_peek,
    .ahead      = ntfs_ahead,
    .lookup     = ntfs_lookup,
    .parent     = ntfs_parent,
    .iterate    = ntfs_iterate,
    .map        = ntfs_map,
    .decode     = ntfs_decode,
    .readlink   = ntfs_readlink,
    .getxattr   = ntfs_getxattr,
    .listxattr  = ntfs_listxattr,
    .deleted    = ntfs_deleted,
};
