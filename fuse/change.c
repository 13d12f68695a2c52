/*
 * change.c - attributes that change
 *
 * A format without owners and permissions of its own (SHALE_TRAIT_NO_OWNERS)
 * shows what the mount's options say, and takes changes as Linux's vfat does,
 * since that is what programs that copy to such a volume have met before:
 *
 *     owner, group    EPERM, unless it is the one shown
 *     setuid, sticky  EPERM
 *     permissions     may become all that the mask leaves, or that without
 *                     every w, which is the read-only flag; to ask for
 *                     anything else does nothing, and is no error
 *
 * With -o quiet the errors, too, are no errors. The same goes for owners that
 * the options uid= and gid= put in the place of a volume's own.
 *
 * Who may change what, the kernel has checked, or nobody shall (fakeroot), but
 * for what is said below. A program that gets the rights of its owner loses
 * them when somebody else changes it: the kernel leaves that to us (raw.c).
 */
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "fuse/ops.h"

#define NO_WRITE ((mode_t)~0222)

static struct shale_time time_of(const struct timespec *time)
{
    return (struct shale_time){ .sec = time->tv_sec,
                                .nsec = (uint32_t)time->tv_nsec };
}

/*
 * Has somebody chosen these times, be it that one of the two is to stay? The
 * rest goes with a change of size, or is what the kernel has put off.
 */
static bool are_chosen(int what)
{
    const int now = FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW;

    if (what & FUSE_SET_ATTR_SIZE || (what & now) == now)
        return false;
    return what & FUSE_SET_ATTR_ATIME || !(what & FUSE_SET_ATTR_CTIME);
}

static void take_times(const struct stat *attr, int what,
                       struct shale_setattr *out)
{
    struct timespec now;

    if (!(what & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME |
                  FUSE_SET_ATTR_CTIME)))
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    if (what & FUSE_SET_ATTR_ATIME) {
        out->valid |= SHALE_SET_ATIME;
        out->atime = time_of(what & FUSE_SET_ATTR_ATIME_NOW ? &now
                                                            : &attr->st_atim);
    }
    if (what & FUSE_SET_ATTR_MTIME) {
        out->valid |= SHALE_SET_MTIME;
        out->mtime = time_of(what & FUSE_SET_ATTR_MTIME_NOW ? &now
                                                            : &attr->st_mtim);
    }
    if (what & FUSE_SET_ATTR_CTIME) {
        out->valid |= SHALE_SET_CTIME;
        out->ctime = time_of(&attr->st_ctim);
    }
    if (!are_chosen(what))
        out->valid |= SHALE_SET_NOW;
}

static void take_owner(const struct stat *attr, int what,
                       struct shale_setattr *out)
{
    if (what & FUSE_SET_ATTR_MODE) {
        out->valid |= SHALE_SET_MODE;
        out->mode = attr->st_mode & 07777;
    }
    if (what & FUSE_SET_ATTR_UID) {
        out->valid |= SHALE_SET_UID;
        out->uid = attr->st_uid;
    }
    if (what & FUSE_SET_ATTR_GID) {
        out->valid |= SHALE_SET_GID;
        out->gid = attr->st_gid;
    }
}

/* The owner that is shown cannot change, and what is not shown does not. */
static int check_shown_owner(const struct mount_options *options,
                             const struct stat *attr, int what,
                             struct shale_setattr *out)
{
    if (options->fakeroot)
        return 0;
    if (!options->quiet &&
        ((what & FUSE_SET_ATTR_UID && options->has_uid &&
          attr->st_uid != options->uid) ||
         (what & FUSE_SET_ATTR_GID && options->has_gid &&
          attr->st_gid != options->gid)))
        return SHALE_EPERM;
    if (options->has_uid)
        out->valid &= ~SHALE_SET_UID;
    if (options->has_gid)
        out->valid &= ~SHALE_SET_GID;
    return 0;
}

/* As take_owner() for VN of a format without owners. */
static int take_shown_owner(const struct service *service,
                            struct shale_vnode *vn, const struct stat *attr,
                            int what, struct shale_setattr *out)
{
    const struct mount_options *options = service->options;
    struct shale_attr now;
    struct stat shown, all;
    mode_t wanted;
    int err = shale_getattr(vn, &now);

    if (err)
        return err;
    convert_attr(options, &now, &shown);
    now.mode |= 0700;
    convert_attr(options, &now, &all);
    if ((what & FUSE_SET_ATTR_UID && attr->st_uid != shown.st_uid) ||
        (what & FUSE_SET_ATTR_GID && attr->st_gid != shown.st_gid) ||
        (what & FUSE_SET_ATTR_MODE && attr->st_mode & 07000))
        return options->quiet ? 0 : SHALE_EPERM;
    if (!(what & FUSE_SET_ATTR_MODE))
        return 0;

    /* ALL has every w that the mask leaves; an x may be missing (showexec). */
    wanted = (shown.st_mode & S_IFMT) | (attr->st_mode & all.st_mode & 0777);
    if ((wanted & NO_WRITE) == (shown.st_mode & NO_WRITE) &&
        wanted != shown.st_mode &&
        ((wanted & 0222) == 0 || (wanted & 0222) == (all.st_mode & 0222))) {
        out->valid |= SHALE_SET_MODE;
        out->mode = wanted & 0222 ? 0777 : 0555;
    }
    return 0;
}

/* In shale_attr.flags, by SHALE_TRAIT_DOS_FLAGS. */
#define DOS_SYSTEM 4u

int check_mutable(const struct service *service, struct shale_vnode *vn)
{
    struct shale_attr attr;
    int err;

    if (!service->options->sys_immutable ||
        !has_trait(service, SHALE_TRAIT_DOS_FLAGS))
        return 0;
    err = shale_getattr(vn, &attr);
    if (!err && attr.flags & DOS_SYSTEM)
        err = SHALE_EPERM;
    return err;
}

int check_mutable_name(const struct service *service, struct shale_vnode *dir,
                       const char *name)
{
    struct shale_vnode *vn;
    int err = check_mutable(service, dir);

    if (err || !service->options->sys_immutable ||
        shale_lookup(dir, name, strlen(name), &vn))
        return err;
    err = check_mutable(service, vn);
    shale_vnode_put(vn);
    return err;
}

#define CAPABILITY "security.capability"

/* ATTR's mode without the set-id bits that who sent REQ may not keep. */
static uint32_t mode_left(fuse_req_t req, const struct shale_attr *attr)
{
    uint32_t mode = attr->mode & ~(uint32_t)S_ISUID;

    /*
     * Without an x for the group it gives nobody rights, and who is in the
     * group may keep it; of whose groups we know one.
     */
    if (mode & S_IXGRP || fuse_req_ctx(req)->gid != attr->gid)
        mode &= ~(uint32_t)S_ISGID;
    return mode;
}

int drop_rights(fuse_req_t req, struct shale_vnode *vn, bool kill)
{
    const struct service *service = service_of(req);
    struct shale_setattr set = { .valid = 0 };
    struct shale_attr attr;
    int err = 0;

    if (has_trait(service, SHALE_TRAIT_NO_OWNERS))
        return 0;
    if (shale_getxattr(vn, CAPABILITY, NULL, 0) >= 0)
        set.valid = SHALE_SET_WRITTEN;
    if (kill)
        err = shale_getattr(vn, &attr);
    if (!err && kill && mode_left(req, &attr) != attr.mode) {
        set.valid = SHALE_SET_WRITTEN | SHALE_SET_MODE;
        set.mode = mode_left(req, &attr);
    }
    if (err || !set.valid)
        return err;
    err = shale_setattr(vn, &set);
    if (set.valid & SHALE_SET_MODE)
        drop_attr(service, convert_node(service->root_ino, attr.ino));
    return err;
}

/* Change VN, and tell what has come of it in *OUT. */
static int change(fuse_req_t req, struct shale_vnode *vn,
                  const struct stat *attr, int what, struct shale_attr *out)
{
    struct service *service = service_of(req);
    struct shale_setattr set = { .valid = 0 };
    int err = check_mutable(service, vn);

    if (err)
        return err;
    if (!has_trait(service, SHALE_TRAIT_NO_OWNERS)) {
        take_owner(attr, what, &set);
        err = check_shown_owner(service->options, attr, what, &set);
    } else if (what &
               (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) {
        err = take_shown_owner(service, vn, attr, what, &set);
    }
    if (!err && what & FUSE_SET_ATTR_SIZE)
        err = shale_truncate(vn, (uint64_t)attr->st_size);
    if (!err && what & FUSE_SET_ATTR_SIZE)
        err = drop_rights(req, vn, raw_kills_setid());
    take_times(attr, what, &set);
    if (!err && set.valid)
        err = shale_setattr(vn, &set);
    /* A directory that cannot be read-only: vfat does not mind. */
    if (err == SHALE_EPERM && set.valid == SHALE_SET_MODE &&
        has_trait(service, SHALE_TRAIT_NO_OWNERS))
        err = 0;
    err = (int)changed(service, err);
    return err ? err : shale_getattr(vn, out);
}

/*
 * Nothing is what comes to us of a chown(2) to no other owner. Nobody tells us
 * that it is by somebody else, who may not; nor that it is a fallocate(2), say,
 * whose turn comes.
 */
static int change_nothing(fuse_req_t req, struct shale_vnode *vn,
                          struct shale_attr *out)
{
    const struct shale_setattr set = { .valid = 0 };
    struct service *service = service_of(req);
    int err = 0;

    if (!has_trait(service, SHALE_TRAIT_NO_OWNERS) && !check_owner(req, vn)) {
        err = drop_rights(req, vn,
                          shale_vnode_type(vn) != SHALE_TYPE_DIR);
        if (!err)
            err = shale_setattr(vn, &set);
    }
    err = (int)changed(service, err);
    return err ? err : shale_getattr(vn, out);
}

void op_setattr(fuse_req_t req, fuse_ino_t node, struct stat *attr, int what,
                struct fuse_file_info *file)
{
    struct service *service = service_of(req);
    struct shale_attr now;
    struct shale_vnode *vn;
    struct stat st;
    int err = vnode_of(service, node, &vn);

    (void)file;
    if (!err) {
        err = what ? change(req, vn, attr, what, &now)
                   : change_nothing(req, vn, &now);
        shale_vnode_put(vn);
    }
    if (err) {
        reply_error(req, err);
        return;
    }
    convert_attr(service->options, &now, &st);
    fuse_reply_attr(req, &st, service->options->attr_timeout);
}

/* -------------------------------------------------------------- xattrs */

int check_owner(fuse_req_t req, struct shale_vnode *vn)
{
    uid_t who = fuse_req_ctx(req)->uid;
    struct shale_attr attr;
    struct stat shown;
    int err;

    if (who == 0 || service_of(req)->options->fakeroot)
        return 0;
    err = shale_getattr(vn, &attr);
    if (err)
        return err;
    convert_attr(service_of(req)->options, &attr, &shown);
    return who == shown.st_uid ? 0 : SHALE_EPERM;
}

int drop_attr(const struct service *service, fuse_ino_t node)
{
    /* No offset: attributes only, which the kernel does without waiting. */
    return fuse_lowlevel_notify_inval_inode(service->session, node, -1, 0);
}

/*
 * By who may, or by the kernel as somebody writes: for those it goes even of a
 * file that is append-only.
 */
static int remove_capability(struct shale_vnode *vn)
{
    const struct shale_setattr set = { .valid = SHALE_SET_WRITTEN };
    int64_t got = shale_getxattr(vn, CAPABILITY, NULL, 0);

    return got < 0 ? (int)got : shale_setattr(vn, &set);
}

static int remove_xattr(const struct service *service, struct shale_vnode *vn,
                        const char *name)
{
    if (!has_trait(service, SHALE_TRAIT_NO_OWNERS) &&
        strcmp(name, CAPABILITY) == 0)
        return remove_capability(vn);
    return shale_removexattr(vn, name);
}

#define ACCESS_LIST "system.posix_acl_access"

/* Who set VN's ACL is not in its group. */
static int drop_setgid(const struct service *service, fuse_ino_t node,
                       struct shale_vnode *vn)
{
    struct shale_setattr set = { .valid = SHALE_SET_MODE };
    struct shale_attr attr;
    int err = shale_getattr(vn, &attr);

    if (err || !(attr.mode & S_ISGID))
        return err;
    set.mode = attr.mode & ~(uint32_t)S_ISGID;
    err = shale_setattr(vn, &set);
    drop_attr(service, node);
    return err;
}

/*
 * VALUE NULL: remove it. Whose "system." ones are, the kernel leaves to us; in
 * a format without permissions of its own they are what permissions stand for.
 */
static void set_xattr(fuse_req_t req, fuse_ino_t node, const char *name,
                      const char *value, size_t size, unsigned flags)
{
    struct service *service = service_of(req);
    bool shown = has_trait(service, SHALE_TRAIT_NO_OWNERS);
    struct shale_vnode *vn;
    int err = vnode_of(service, node, &vn);

    if (!err) {
        err = check_mutable(service, vn);
        if (!err && shown)
            err = check_owner(req, vn);
        if (!err)
            err = value ? shale_setxattr(vn, name, value, size, flags)
                        : remove_xattr(service, vn, name);
        /* It is said of the default list, too, which changes nobody's mode. */
        if (!err && raw_kills_setid() && strcmp(name, ACCESS_LIST) == 0)
            err = drop_setgid(service, node, vn);
        err = (int)changed(service, err);
        shale_vnode_put(vn);
    }
    if (!err && (shown || strcmp(name, ACCESS_LIST) == 0))
        drop_attr(service, node);
    reply_error(req, err);
}

void op_setxattr(fuse_req_t req, fuse_ino_t node, const char *name,
                 const char *value, size_t size, int flags)
{
    set_xattr(req, node, name, value, size, (unsigned)flags);
}

void op_removexattr(fuse_req_t req, fuse_ino_t node, const char *name)
{
    set_xattr(req, node, name, NULL, 0, 0);
}
