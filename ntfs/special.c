/*
 * special.c - what kind of file one is, whose, and who may what
 *
 * NTFS has files and directories; all else is told by something beside the
 * data. In this order, what comes later counts:
 *
 *   owner        whoever mounts; the descriptor, with `permissions`; $LXUID and
 *                $LXGID of WSL; the options uid= and gid=
 *   permissions  all, less fmask or dmask; the descriptor; $LXMOD; fmask= and
 *                dmask= if given
 *   kind         the record's; an Interix special; the reparse point
 *
 * As with ntfs-3g any of uid, gid and the masks, if given, keeps descriptors
 * from being asked at all, unless usermapping= is given too, which then counts
 * alone. A symlink's permissions are always 0777.
 *
 * What is damaged counts as not there, with one exception: a file whose
 * descriptor cannot be read is nobody's but the one's who mounts.
 */
#include "meta.h"

/* Are owner and permissions to be had from the descriptor? */
static bool by_descriptor(const struct ntfs_options *options)
{
    return options->mapping ||
           (options->permissions && !options->uid_given &&
            !options->gid_given && !options->fmask_given &&
            !options->dmask_given);
}

static int owner_load(struct ntfs_volume *vol, const struct ntfs_record *base,
                      struct ntfs_info *info)
{
    const struct ntfs_options *options = &vol->options;
    struct ntfs_rights rights = {
        .uid = options->uid,
        .gid = options->gid,
        .mode = 0777 & ~(info->is_directory ? options->dmask : options->fmask),
    };
    int err = 0;

    if (by_descriptor(options))
        err = ntfs_security_rights(vol, base, info, &rights);
    if (err && !ntfs_is_damage(vol, err))
        return err;
    if (err)
        rights = (struct ntfs_rights){
            .uid = options->uid, .gid = options->gid, .mode = 0700,
        };
    info->uid = rights.uid;
    info->gid = rights.gid;
    info->mode = rights.mode;
    return 0;
}

/* What WSL says of it. */
static int wsl_load(struct ntfs_volume *vol, const struct ntfs_record *base,
                    struct ntfs_info *info)
{
    const struct ntfs_options *options = &vol->options;
    bool given = !options->mapping;     /* the options below count */
    struct ntfs_wsl wsl;
    int err = ntfs_wsl_load(vol, base, &wsl);

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
    if (wsl.has_mode && (wsl.has_uid || !by_descriptor(options)) &&
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

/* What its reparse point makes of it. */
static int reparse_load(struct ntfs_volume *vol, const struct ntfs_record *base,
                        struct ntfs_info *info)
{
    struct ntfs_text text = { NULL, 0, 0 };
    struct ntfs_reparse point;
    enum shale_type type;
    int err = ntfs_reparse_open(vol, base, &point);

    if (ntfs_is_damage(vol, err)) {
        info->reparse_lost = true;
        return 0;
    }
    if (err <= 0)
        return err;
    err = 0;
    info->reparse_tag = point.tag;
    type = ntfs_reparse_type(&point);

    /* A directory can be a link, but nothing else. */
    if (type == SHALE_TYPE_SYMLINK) {
        info->type = type;
        err = ntfs_reparse_target(vol, base, &point, &text);
        info->symlink_length = text.len;
    } else if (type != SHALE_TYPE_UNKNOWN && !info->is_directory) {
        info->type = type;
        ntfs_reparse_device(&point, &info->rdev_major, &info->rdev_minor);
    }
    ntfs_reparse_close(vol, &point);
    return ntfs_is_damage(vol, err) ? 0 : err;
}

int ntfs_special_load(struct ntfs_volume *vol, const struct ntfs_record *base,
                      struct ntfs_info *info)
{
    int err = owner_load(vol, base, info);

    if (err)
        return err;
    info->type = info->is_directory ? SHALE_TYPE_DIR : SHALE_TYPE_FILE;
    info->reparse_tag = 0;
    if (info->has & NTFS_HAS(NTFS_REPARSE_POINT))
        err = reparse_load(vol, base, info);
    else if (info->flags & NTFS_FILE_SYSTEM && !info->is_directory &&
             info->number >= NTFS_FIRST_USER && !info->data_lost)
        err = ntfs_interix_load(vol, base, info);
    if (ntfs_is_damage(vol, err))
        err = 0;
    if (!err && info->has & NTFS_HAS(NTFS_EA))
        err = wsl_load(vol, base, info);
    if (info->type == SHALE_TYPE_SYMLINK)
        info->mode = 0777;
    return err;
}
