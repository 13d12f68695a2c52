/*
 * ioctl.c - what has no call of its own: the formats' own attributes
 *
 * For a format whose flags are DOS's: the three commands of Linux's vfat that
 * fatattr(1), for one, uses. For one whose flags are Linux's: what lsattr(1)
 * and chattr(1) use, and the same in the words that began with XFS. A new
 * enough kernel checks who may change them; others hand it on unseen. Whoever
 * asks for anything else is told that he has the wrong kind of file.
 */
#include <errno.h>
#include <linux/fs.h>
#include <linux/msdos_fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include "fuse/ops.h"

/* One command, on its way. */
struct command {
    fuse_req_t req;
    struct shale_vnode *vn;
    const void *in;
    size_t in_size;
    void *out;
    size_t out_size;            /* bytes asked for */
    bool changes;
};

static int get_flags(struct shale_vnode *vn, uint32_t *out)
{
    struct shale_attr attr;
    int err = shale_getattr(vn, &attr);

    if (!err)
        *out = attr.flags;
    return err;
}

/* Change the flags in MASK to what they are in FLAGS. */
static int set_flags(const struct command *c, uint32_t flags, uint32_t mask)
{
    const uint32_t guarded = FS_IMMUTABLE_FL | FS_APPEND_FL;
    struct service *service = service_of(c->req);
    struct shale_setattr set = { .valid = SHALE_SET_FLAGS };
    uint32_t old;
    int err = check_owner(c->req, c->vn);

    if (!err)
        err = get_flags(c->vn, &old);
    if (err)
        return err;
    set.flags = (flags & mask) | (old & ~mask);
    if (has_trait(service, SHALE_TRAIT_LINUX_FLAGS) &&
        (set.flags ^ old) & guarded && fuse_req_ctx(c->req)->uid != 0 &&
        !service->options->fakeroot)
        return SHALE_EPERM;
    if (set.flags == old)
        return 0;
    return (int)changed(service, shale_setattr(c->vn, &set));
}

/* VALUE is the answer, as wide as it was asked for. */
static int give(const struct command *c, uint32_t value)
{
    if (c->out_size < sizeof value)
        return SHALE_EINVAL;
    memset(c->out, 0, c->out_size);
    memcpy(c->out, &value, sizeof value);
    return 0;
}

/* ------------------------------------------------------------------ DOS */

#define DOS_CHANGEABLE 0x27u    /* read-only, hidden, system, archive */

static int give_volume_id(const struct command *c)
{
    struct shale_statfs volume;
    int err = shale_statfs(service_of(c->req)->fs, &volume);

    return err ? err : give(c, (uint32_t)volume.id);
}

static int dos_command(struct command *c, unsigned number)
{
    uint32_t value = 0;
    int err;

    switch (number) {
    case FAT_IOCTL_GET_ATTRIBUTES:
        err = get_flags(c->vn, &value);
        return err ? err : give(c, value);
    case FAT_IOCTL_GET_VOLUME_ID:
        return give_volume_id(c);
    case FAT_IOCTL_SET_ATTRIBUTES:
        if (c->in_size < sizeof value)
            return SHALE_EINVAL;
        memcpy(&value, c->in, sizeof value);
        c->changes = true;
        return set_flags(c, value, DOS_CHANGEABLE);
    }
    return -ENOTTY;
}

/* ---------------------------------------------------------------- Linux */

/* The flags that struct fsxattr has, too, and its words for them. */
static const struct {
    uint32_t flag, xflag;
} xflags[] = {
    { FS_SYNC_FL, FS_XFLAG_SYNC },
    { FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE },
    { FS_APPEND_FL, FS_XFLAG_APPEND },
    { FS_NODUMP_FL, FS_XFLAG_NODUMP },
    { FS_NOATIME_FL, FS_XFLAG_NOATIME },
};

enum { XFLAGS = sizeof xflags / sizeof xflags[0] };

static int give_fsxattr(const struct command *c)
{
    struct fsxattr x = { .fsx_xflags = 0 };
    uint32_t flags;
    int err = get_flags(c->vn, &flags);

    if (err)
        return err;
    if (c->out_size < sizeof x)
        return SHALE_EINVAL;
    for (unsigned i = 0; i < XFLAGS; i++)
        if (flags & xflags[i].flag)
            x.fsx_xflags |= xflags[i].xflag;
    memset(c->out, 0, c->out_size);
    memcpy(c->out, &x, sizeof x);
    return 0;
}

static int take_fsxattr(struct command *c)
{
    uint32_t flags = 0, mask = 0, known = 0;
    struct fsxattr x;

    if (c->in_size < sizeof x)
        return SHALE_EINVAL;
    memcpy(&x, c->in, sizeof x);
    for (unsigned i = 0; i < XFLAGS; i++) {
        mask |= xflags[i].flag;
        known |= xflags[i].xflag;
        if (x.fsx_xflags & xflags[i].xflag)
            flags |= xflags[i].flag;
    }
    if (x.fsx_xflags & ~known || x.fsx_projid || x.fsx_extsize ||
        x.fsx_cowextsize)
        return SHALE_ENOTSUP;
    c->changes = true;
    return set_flags(c, flags, mask);
}

/*
 * 0 if what is at VN can have FLAGS. What can be seen but not changed, a
 * program hands back as it was.
 */
static int check_flags(const struct command *c, uint32_t flags)
{
    const uint32_t of_dirs = FS_DIRSYNC_FL | FS_TOPDIR_FL;
    uint32_t old;
    int err = get_flags(c->vn, &old);

    if (err)
        return err;
    if (flags & ~(uint32_t)FS_FL_USER_VISIBLE ||
        (flags & of_dirs && shale_vnode_type(c->vn) != SHALE_TYPE_DIR))
        return SHALE_ENOTSUP;
    if ((flags ^ old) & FS_JOURNAL_DATA_FL && fuse_req_ctx(c->req)->uid != 0)
        return SHALE_EPERM;
    return 0;
}

static int take_flags(struct command *c)
{
    uint32_t flags;
    int err;

    if (c->in_size < sizeof flags)
        return SHALE_EINVAL;
    memcpy(&flags, c->in, sizeof flags);
    err = check_flags(c, flags);
    if (err)
        return err;
    c->changes = true;
    return set_flags(c, flags, FS_FL_USER_MODIFIABLE);
}

static int give_generation(const struct command *c)
{
    return give(c, shale_vnode_generation(c->vn));
}

static int linux_command(struct command *c, unsigned number)
{
    uint32_t value = 0;
    int err;

    switch (number) {
    case FS_IOC_GETFLAGS:
    case FS_IOC32_GETFLAGS:
        err = get_flags(c->vn, &value);
        return err ? err : give(c, value & FS_FL_USER_VISIBLE);
    case FS_IOC_SETFLAGS:
    case FS_IOC32_SETFLAGS:
        return take_flags(c);
    case FS_IOC_FSGETXATTR:
        return give_fsxattr(c);
    case FS_IOC_FSSETXATTR:
        return take_fsxattr(c);
    case FS_IOC_GETVERSION:
    case FS_IOC32_GETVERSION:
        return give_generation(c);
    }
    return -ENOTTY;
}

void op_ioctl(fuse_req_t req, fuse_ino_t node, unsigned command, void *arg,
              struct fuse_file_info *file, unsigned flags, const void *in,
              size_t in_size, size_t out_size)
{
    const struct service *service = service_of(req);
    uint8_t answer[64];
    struct command c = {
        .req = req, .in = in, .in_size = in_size, .out = answer,
        .out_size = out_size < sizeof answer ? out_size : sizeof answer,
    };
    int err = vnode_of(service, node, &c.vn);

    (void)arg, (void)file, (void)flags;
    if (err) {
        reply_error(req, err);
        return;
    }
    err = -ENOTTY;
    if (has_trait(service, SHALE_TRAIT_DOS_FLAGS))
        err = dos_command(&c, command);
    else if (has_trait(service, SHALE_TRAIT_LINUX_FLAGS))
        err = linux_command(&c, command);
    shale_vnode_put(c.vn);
    if (c.changes)
        drop_attr(service, node);       /* times, and perhaps permissions */
    if (err)
        reply_error(req, err);
    else
        fuse_reply_ioctl(req, 0, answer, c.changes ? 0 : c.out_size);
}
