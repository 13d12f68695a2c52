/*
 * copyattr.c - owner, extended attributes, mode and times of a copy
 *
 * In that order: a change of owner clears setuid and file capabilities, an
 * access ACL changes the mode, and everything changes the times.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "copy.h"

/* Room for /proc/self/fd/N/NAME. */
#define PROC_PATH_MAX 320

static int change_owner(const struct copy_target *target, uid_t uid, gid_t gid)
{
    if (target->fd >= 0)
        return fchown(target->fd, uid, gid);
    return fchownat(target->dir, target->name, uid, gid, AT_SYMLINK_NOFOLLOW);
}

/*
 * Set the owner. Returns the bits of the mode that may be kept: not setuid
 * for somebody who is not the owner meant.
 */
static mode_t set_owner(struct copy *copy, const struct shale_attr *attr,
                        const struct copy_target *target)
{
    mode_t keep = 07777;
    /* (uid_t)-1 tells chown(2) to change nothing: nobody can be that. */
    bool possible = attr->uid != (uid_t)-1 && attr->gid != (gid_t)-1;

    if (possible && change_owner(target, attr->uid, attr->gid) == 0)
        return keep;
    if (copy->is_root) {
        copy_fail(copy, possible ? errno : EINVAL);
        return keep & ~(mode_t)06000;
    }
    if (attr->uid != geteuid())
        keep &= ~(mode_t)04000;
    if (!possible || change_owner(target, (uid_t)-1, attr->gid) != 0)
        keep &= ~(mode_t)02000;
    return keep;
}

/* A path to TARGET for calls that know neither directory nor descriptor. */
static void proc_path(const struct copy_target *target,
                      char out[PROC_PATH_MAX])
{
    snprintf(out, PROC_PATH_MAX, "/proc/self/fd/%d/%s", target->dir,
             target->name);
}

static int set_xattr(const struct copy_target *target, const char *name,
                     const void *value, size_t len)
{
    char path[PROC_PATH_MAX];

    if (target->fd >= 0)
        return fsetxattr(target->fd, name, value, len, 0);
    proc_path(target, path);
    return lsetxattr(path, name, value, len, 0);
}

static bool starts_with(const char *text, const char *start)
{
    return !strncmp(text, start, strlen(start));
}

/* Attribute NAME could not be set: is that worth a word? */
static void xattr_failed(struct copy *copy, const char *name, int error)
{
    bool privileged = starts_with(name, "trusted.") ||
                      starts_with(name, "security.");
    char *path;

    if (privileged && !copy->is_root)
        return;
    if (error != EOPNOTSUPP) {
        copy_fail(copy, error);
        return;
    }
    if (copy->said_no_xattrs)
        return;
    copy->said_no_xattrs = true;
    path = copy_path(copy);
    report("%s/%s: warning: extended attribute %s: not supported there (this "
           "is said once)", copy->base_path, path, name);
    free(path);
}

static void set_xattrs(struct copy *copy, const char *path,
                       struct shale_vnode *vn,
                       const struct copy_target *target)
{
    char *names = NULL;
    int64_t len = volume_xattr_names(vn, &names);

    if (len < 0) {
        volume_fail(copy->vol, path, (int)len);
        return;
    }
    for (const char *name = names; name < names + len;
         name += strlen(name) + 1) {
        char *value;
        int64_t value_len = volume_xattr_value(vn, name, &value);

        if (value_len < 0) {
            volume_fail(copy->vol, path, (int)value_len);
            continue;
        }
        if (set_xattr(target, name, value, (size_t)value_len) != 0)
            xattr_failed(copy, name, errno);
        free(value);
    }
    free(names);
}

/*
 * What TARGET inherited from the destination's default ACL is not its own.
 * Most have none: failing is fine.
 */
static void drop_acls(const struct copy_target *target)
{
    static const char access[] = "system.posix_acl_access";
    char path[PROC_PATH_MAX];

    if (target->fd >= 0) {
        (void)fremovexattr(target->fd, access);
        (void)fremovexattr(target->fd, "system.posix_acl_default");
        return;
    }
    proc_path(target, path);
    (void)lremovexattr(path, access);
}

static void set_mode(struct copy *copy, mode_t mode,
                     const struct copy_target *target)
{
    char path[PROC_PATH_MAX];
    int fd, result;

    if (target->fd >= 0) {
        if (fchmod(target->fd, mode) != 0)
            copy_fail(copy, errno);
        return;
    }
    /* A fifo or a device is not opened for so little, only pointed at. */
    fd = openat(target->dir, target->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        copy_fail(copy, errno);
        return;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    result = chmod(path, mode);
    if (result != 0)
        copy_fail(copy, errno);
    close(fd);
}

static void set_times(struct copy *copy, const struct shale_attr *attr,
                      const struct copy_target *target)
{
    const struct timespec times[2] = {
        { (time_t)attr->atime.sec, (long)attr->atime.nsec },
        { (time_t)attr->mtime.sec, (long)attr->mtime.nsec },
    };
    int result;

    if (target->fd >= 0)
        result = futimens(target->fd, times);
    else
        result = utimensat(target->dir, target->name, times,
                           AT_SYMLINK_NOFOLLOW);
    if (result != 0)
        copy_fail(copy, errno);
}

void copy_attr(struct copy *copy, const char *path, struct shale_vnode *vn,
               const struct shale_attr *attr,
               const struct copy_target *target)
{
    mode_t keep = set_owner(copy, attr, target);

    if (copy->drop_acls)
        drop_acls(target);
    set_xattrs(copy, path, vn, target);
    if (shale_type_of_mode(attr->mode) != SHALE_TYPE_SYMLINK)
        set_mode(copy, attr->mode & keep, target);
    set_times(copy, attr, target);
}
