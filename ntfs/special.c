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
 * A symlink's permissions are always 0777. Descriptors are an extra (secure.c),
 * and so is what WSL and Interix have left (unix.c).
 *
 * What is damaged counts as not there, with one exception: a file whose
 * descriptor cannot be read is nobody's but the one's who mounts.
 */
#include "extras.h"
#include "memfn.h"

#define STANDARD_SIZE offsetof(struct ntfs_disk_standard, owner_id)

/* Find $STANDARD_INFORMATION of BASE, for which there is room. */
static int standard_find(struct ntfs_volume *vol,
                         const struct ntfs_record *base)
{
    struct ntfs_attr *attr = &base->room->walk.attr;
    uint32_t offset = base->attrs;
    int more;

    /* It is first, and always in the base record. */
    while ((more = ntfs_attr_next(vol, base, &offset, attr)) > 0) {
        if (attr->type != NTFS_STANDARD_INFORMATION || !attr->resident)
            continue;
        if (attr->value_length >= STANDARD_SIZE)
            return 0;
        break;
    }
    return more < 0 ? more :
        shale_corrupt_inode(vol->fs, "ntfs: file without $STANDARD_INFORMATION",
                            base->at, base->number);
}

int ntfs_standard_get(struct ntfs_volume *vol, const struct ntfs_record *base,
                      struct ntfs_disk_standard *out)
{
    const struct ntfs_attr *attr = &base->room->walk.attr;
    int err = standard_find(vol, base);

    memset(out, 0, sizeof *out);
    if (!err)
        memcpy(out, attr->value, attr->value_length < sizeof *out ?
               attr->value_length : sizeof *out);
    return err;
}

int ntfs_flags_get(struct ntfs_volume *vol, const struct ntfs_record *base,
                   uint32_t *out)
{
    int err = standard_find(vol, base);

    *out = err ? 0 : le32_load(base->room->walk.attr.value +
                               offsetof(struct ntfs_disk_standard, flags));
    return err;
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

    if (ntfs_by_descriptor(options))
        err = vol->extras.owners->rights(vol, base, info, &rights);
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

/* What its reparse point makes of it. */
static int reparse_load(struct ntfs_volume *vol, const struct ntfs_record *base,
                        struct ntfs_info *info)
{
    struct ntfs_text text = { NULL, 0, 0 };
    struct ntfs_reparse *point = &base->room->point;
    enum shale_type type;
    int err = ntfs_reparse_open(vol, base, point);

    if (ntfs_is_damage(vol, err)) {
        info->reparse_lost = true;
        return 0;
    }
    if (err <= 0)
        return err;
    err = 0;
    info->reparse_tag = point->tag;
    type = ntfs_reparse_type(point);

    /* A directory can be a link, but nothing else. */
    if (type == SHALE_TYPE_SYMLINK) {
        info->type = type;
        err = ntfs_reparse_target(vol, base, point, &text);
        info->symlink_length = text.len;
    } else if (type != SHALE_TYPE_UNKNOWN && !info->is_directory) {
        info->type = type;
        ntfs_reparse_device(point, &info->rdev_major, &info->rdev_minor);
    }
    ntfs_reparse_close(vol, point);
    return ntfs_is_damage(vol, err) ? 0 : err;
}

int ntfs_special_load(struct ntfs_volume *vol, const struct ntfs_record *base,
                      struct ntfs_info *info)
{
    const struct ntfs_unix_ops *unixes = vol->extras.unixes;
    int err = owner_load(vol, base, info);

    if (err)
        return err;
    info->type = info->is_directory ? SHALE_TYPE_DIR : SHALE_TYPE_FILE;
    info->reparse_tag = 0;
    if (info->has & NTFS_HAS(NTFS_REPARSE_POINT))
        err = reparse_load(vol, base, info);
    else if (unixes && info->flags & NTFS_FILE_SYSTEM &&
             !info->is_directory && info->number >= NTFS_FIRST_USER &&
             !info->data_lost)
        err = unixes->interix_load(vol, base, info);
    if (ntfs_is_damage(vol, err))
        err = 0;
    if (!err && unixes && info->has & NTFS_HAS(NTFS_EA))
        err = unixes->wsl_load(vol, base, info);
    if (info->type == SHALE_TYPE_SYMLINK)
        info->mode = 0777;
    return err;
}
