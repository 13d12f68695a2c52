/*
 * atime.c - when files were read
 *
 * The kernel leaves that to us, and tells of reads only as far as it has to ask
 * for data: what is in its cache is read without a trace. So a time of access
 * is when something was last read from the image. It is kept as on Linux:
 *
 *     relatime      if it is not after the last change, or a day old: what
 *                   programs want to know, without a write for each read
 *     strictatime   at each read that we are told of
 *     noatime       never; likewise files with the flag of chattr(1) +A
 *
 * A format that has no users to speak of is not bothered with it.
 */
#include <linux/fs.h>
#include <sys/mount.h>
#include <time.h>

#include "fuse/ops.h"

#define DAY 86400

static bool is_after(const struct shale_time *a, const struct shale_time *b)
{
    return a->sec != b->sec ? a->sec > b->sec : a->nsec > b->nsec;
}

/* Is VN, with attributes ATTR, to get a new one? */
static bool is_due(const struct mount_options *options,
                   const struct shale_attr *attr, const struct shale_time *now)
{
    bool is_dir = (attr->mode & SHALE_S_IFMT) == SHALE_S_IFDIR;

    if (attr->flags & FS_NOATIME_FL ||
        (is_dir && options->flags & MS_NODIRATIME))
        return false;
    return options->strict_atime || !is_after(&attr->atime, &attr->mtime) ||
           !is_after(&attr->atime, &attr->ctime) ||
           now->sec - attr->atime.sec >= DAY;
}

void note_read(struct service *service, struct shale_vnode *vn)
{
    struct shale_setattr set = { .valid = SHALE_SET_ATIME | SHALE_SET_CTIME };
    struct shale_attr attr;
    struct timespec now;

    if (!service->writable || service->options->flags & MS_NOATIME ||
        !has_trait(service, SHALE_TRAIT_LINUX_FLAGS) ||
        shale_getattr(vn, &attr))
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    set.atime.sec = now.tv_sec;
    set.atime.nsec = (uint32_t)now.tv_nsec;
    if (!is_due(service->options, &attr, &set.atime))
        return;
    set.ctime = attr.ctime;
    /* What cannot be noted was read all the same. */
    changed(service, shale_setattr(vn, &set));
}
