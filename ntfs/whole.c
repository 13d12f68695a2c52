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
    NTFS_SHARED_OPS,
    .mount      = whole_mount,
    .describe   = ntfs_describe,
    .getxattr   = ntfs_getxattr,
    .listxattr  = ntfs_listxattr,
    .deleted    = ntfs_deleted,
};
