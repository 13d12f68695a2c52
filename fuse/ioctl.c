/*
 * ioctl.c - what has no call of its own: the attributes of DOS
 *
 * The three commands of Linux's vfat that fatattr(1), for one, uses. Whoever
 * asks for anything else is told that he has the wrong kind of file.
 */
#include <errno.h>
#include <linux/msdos_fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include "fuse/ops.h"

#define CHANGEABLE 0x27u        /* read-only, hidden, system, archive */

static int get_attributes(struct shale_vnode *vn, uint32_t *out)
{
    struct shale_attr attr;
    int err = shale_getattr(vn, &attr);

    if (!err)
        *out = attr.flags;
    return err;
}

static int set_attributes(fuse_req_t req, struct shale_vnode *vn,
                          uint32_t flags)
{
    struct service *service = service_of(req);
    struct shale_setattr set = { .valid = SHALE_SET_FLAGS };
    uint32_t old;
    int err = check_owner(req, vn);

    if (!err)
        err = get_attributes(vn, &old);
    if (err)
        return err;
    set.flags = (flags & CHANGEABLE) | (old & ~CHANGEABLE);
    if (set.flags == old)
        return 0;
    return (int)changed(service, shale_setattr(vn, &set));
}

static int get_volume_id(const struct service *service, uint32_t *out)
{
    struct shale_statfs volume;
    int err = shale_statfs(service->fs, &volume);

    if (!err)
        *out = (uint32_t)volume.id;
    return err;
}

void op_ioctl(fuse_req_t req, fuse_ino_t node, unsigned command, void *arg,
              struct fuse_file_info *file, unsigned flags, const void *in,
              size_t in_size, size_t out_size)
{
    const struct service *service = service_of(req);
    struct shale_vnode *vn;
    uint32_t value = 0;
    bool set = command == FAT_IOCTL_SET_ATTRIBUTES;
    int err;

    (void)arg, (void)file, (void)flags;
    if (!has_trait(service, SHALE_TRAIT_DOS_FLAGS) ||
        (command != FAT_IOCTL_GET_ATTRIBUTES && !set &&
         command != FAT_IOCTL_GET_VOLUME_ID) ||
        (set ? in_size : out_size) < sizeof value) {
        fuse_reply_err(req, ENOTTY);
        return;
    }
    err = vnode_of(service, node, &vn);
    if (err) {
        reply_error(req, err);
        return;
    }
    if (set) {
        memcpy(&value, in, sizeof value);
        err = set_attributes(req, vn, value);
        drop_attr(service, node);       /* its permissions are others now */
    } else if (command == FAT_IOCTL_GET_ATTRIBUTES) {
        err = get_attributes(vn, &value);
    } else {
        err = get_volume_id(service, &value);
    }
    shale_vnode_put(vn);
    if (err)
        reply_error(req, err);
    else
        fuse_reply_ioctl(req, 0, &value, set ? 0 : sizeof value);
}
