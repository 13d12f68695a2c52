/*
 * unix.c - an extra: what Windows' own Unixes have made of a file
 *
 * WSL keeps owner, permissions and device in extended attributes (ea.c), and
 * Interix, before it, special files in files of the system (interix.c). Where
 * this is not named, both are files like others, and whose they are is as for
 * those.
 */
#include "extras.h"

/* What WSL says of it. */
static int load_wsl(struct ntfs_volume *vol, const struct ntfs_record *base,
                    struct ntfs_info *info)
{
    const struct ntfs_options *options = &vol->options;
    bool given = !options->mapping;     /* the options below count */
    struct ntfs_wsl wsl;
    int err = ntfs_wsl_get(vol, base, &wsl);

    if (ntfs_is_damage(vol, err))
        info->has &= ~NTFS_HAS(NTFS_EA);
    if (err)
        return ntfs_is_damage(vol, err) ? 0 : err;
    if (wsl.has_uid && !(given && options->uid_given))
        info->uid = wsl.uid;
    if (wsl.has_gid && !(given && options->gid_given))
        info->gid = wsl.gid;

    /* A mode without an owner is what ntfs-3g gives a special when it is made;
       what becomes of it later, the descriptor alone will tell. */
    if (wsl.has_mode && (wsl.has_uid || !ntfs_by_descriptor(options)) &&
        !(given && (info->is_directory ? options->dmask_given :
                    options->fmask_given)))
        info->mode = wsl.mode & 07777;
    if (wsl.has_device && (info->type == SHALE_TYPE_CHAR ||
                           info->type == SHALE_TYPE_BLOCK)) {
        info->rdev_major = wsl.rdev_major;
        info->rdev_minor = wsl.rdev_minor;
    }
    return 0;
}

static const struct ntfs_unix_ops unixes = {
    .wsl_load       = load_wsl,
    .interix_load   = ntfs_interix_load,
    .interix_target = ntfs_interix_readlink,
};

static void unix_add(struct ntfs_extras *to)
{
    to->unixes = &unixes;
}

const struct shale_ntfs_extra shale_ntfs_unix = { unix_add };
