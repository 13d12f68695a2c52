/*
 * putattr.c - owner, extended attributes, mode and times of a copy in a volume
 *
 * In that order: a change of owner takes set-id bits and file capabilities
 * away, an access ACL changes the mode, and everything changes the times.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "epoch.h"
#include "put.h"

uint32_t put_uid(const struct put *put, const struct stat *st)
{
    return put->owner && put->owner[0] != OWNER_KEEP ? put->owner[0]
                                                     : st->st_uid;
}

uint32_t put_gid(const struct put *put, const struct stat *st)
{
    return put->owner && put->owner[1] != OWNER_KEEP ? put->owner[1]
                                                     : st->st_gid;
}

static bool has_owners(const struct put *put)
{
    return !(shale_fs_traits(put->vol->fs) & SHALE_TRAIT_NO_OWNERS);
}

static struct shale_time time_of(struct timespec ts)
{
    const struct shale_time time = { ts.tv_sec, (uint32_t)ts.tv_nsec };

    return epoch_clamp(time);
}

/* --------------------------------------------------- extended attributes */

/* Are links in the host's tree what they lead to? See put_walk(). */
static bool follows(const struct put *put)
{
    return put->dereference || !put->recurse;
}

/*
 * The names of the file in hand's attributes, in *OUT, to be freed; returns
 * their length, 0 if it has none, or an errno value below 0.
 */
static ssize_t host_names(const struct put *put, char **out)
{
    ssize_t (*list)(const char *, char *, size_t) =
        follows(put) ? listxattr : llistxattr;
    ssize_t len = list(put->from, NULL, 0);

    *out = NULL;
    if (len <= 0)
        return len < 0 && errno != ENOTSUP ? -errno : 0;
    *out = xmalloc((size_t)len);
    len = list(put->from, *out, (size_t)len);
    return len < 0 ? -errno : len;
}

/* The value of one of them, likewise. */
static ssize_t host_value(const struct put *put, const char *name, char **out)
{
    ssize_t (*get)(const char *, const char *, void *, size_t) =
        follows(put) ? getxattr : lgetxattr;
    ssize_t len = get(put->from, name, NULL, 0);

    *out = NULL;
    if (len < 0)
        return -errno;
    *out = xmalloc((size_t)len + 1);
    len = get(put->from, name, *out, (size_t)len);
    return len < 0 ? -errno : len;
}

static void put_xattr(struct put *put, struct shale_vnode *vn,
                      const char *name)
{
    char *value;
    ssize_t len = host_value(put, name, &value);
    int err = 0;

    if (len < 0)
        put_fail_host(put, (int)-len);
    else
        err = shale_setxattr(vn, name, value, (size_t)len, 0);
    free(value);
    if (err == SHALE_ENOTSUP && !put->said_no_xattrs) {
        put->said_no_xattrs = true;
        report("%s: warning: extended attribute %s: not supported there (this "
               "is said once)", put->to, name);
    } else if (err && err != SHALE_ENOTSUP) {
        report("%s: extended attribute %s", put->to, name);
        put_fail(put, err);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Set all of the LEN bytes of NAMES, in their order: the host's is its own. */
static void put_names(struct put *put, struct shale_vnode *vn, char *names,
                      size_t len)
{
    char **sorted = xmalloc((len + 1) * sizeof *sorted);
    size_t count = 0;

    for (char *name = names; name < names + len; name += strlen(name) + 1)
        sorted[count++] = name;
    qsort(sorted, count, sizeof *sorted, by_text);
    for (size_t i = 0; i < count; i++)
        put_xattr(put, vn, sorted[i]);
    free(sorted);
}

/* VN's are those of the file in hand, and no ACL that it inherited. */
static void put_xattrs(struct put *put, struct shale_vnode *vn)
{
    static const char *const acls[] = {
        "system.posix_acl_access", "system.posix_acl_default",
    };
    char *names;
    ssize_t len = host_names(put, &names);

    for (size_t i = 0; i < sizeof acls / sizeof *acls; i++)
        if (shale_getxattr(vn, acls[i], NULL, 0) >= 0)
            (void)shale_removexattr(vn, acls[i]);
    if (len > 0)
        put_names(put, vn, names, (size_t)len);
    free(names);
    if (len < 0)
        put_fail_host(put, (int)-len);
}

/* ----------------------------------------------------------- the others */

/*
 * The mode that a file of mode HAVE is to get: the host's, or, where the volume
 * knows no more than whether a file can be written to, that. False if it has it
 * already.
 */
static bool mode_wanted(const struct put *put, uint32_t have,
                        const struct stat *st, uint32_t *out)
{
    uint32_t want = st->st_mode & 07777u;

    have &= 07777u;
    if (!has_owners(put)) {
        if (S_ISDIR(st->st_mode) || !(have & 0200) == !(want & 0200))
            return false;
        want = want & 0200 ? have | 0200 : have & ~0222u;
    } else if (S_ISLNK(st->st_mode)) {
        return false;
    }
    *out = want;
    return want != have;
}

/* A directory that was there, or that is in a set-group-id directory. */
static int set_owner(struct put *put, struct shale_vnode *vn,
                     const struct stat *st)
{
    struct shale_setattr what = {
        .valid = SHALE_SET_UID | SHALE_SET_GID,
        .uid = put_uid(put, st), .gid = put_gid(put, st),
    };
    struct shale_attr attr;
    int err = shale_getattr(vn, &attr);

    if (err || (attr.uid == what.uid && attr.gid == what.gid))
        return err;
    return shale_setattr(vn, &what);
}

void put_attr(struct put *put, struct shale_vnode *vn, const struct stat *st)
{
    struct shale_setattr what = { .valid = SHALE_SET_ATIME | SHALE_SET_MTIME };
    struct shale_attr attr;
    int err = 0;

    what.mtime = time_of(st->st_mtim);
    /* When a file was last read says nothing about it. */
    what.atime = epoch_fixed() ? what.mtime : time_of(st->st_atim);
    if (has_owners(put)) {
        err = set_owner(put, vn, st);
        if (!err)
            put_xattrs(put, vn);
    }
    if (!err)
        err = shale_getattr(vn, &attr);
    if (!err && mode_wanted(put, attr.mode, st, &what.mode))
        what.valid |= SHALE_SET_MODE;
    if (!err)
        err = shale_setattr(vn, &what);
    if (err)
        put_fail(put, err);
}
