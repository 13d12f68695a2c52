/*
 * make.c - names that come, go and move
 *
 * While the kernel waits for one of these answers it holds the directory
 * concerned, so nobody looks a name up, lists, or makes another change there.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "fuse/ops.h"

/* link(2), symlink(2) and mknod(2) have an error for what a format lacks. */
static int lacking(int err)
{
    return err == SHALE_ENOTSUP ? SHALE_EPERM : err;
}

/* ----------------------------------------------------------- new names */

/*
 * Whose a new file is: its maker's, or whose the options say. The driver knows
 * of directories that pass on their group, or an ACL.
 */
static void choose_owner(fuse_req_t req, struct shale_node *node)
{
    const struct mount_options *options = service_of(req)->options;
    const struct fuse_ctx *maker = fuse_req_ctx(req);

    node->uid = options->has_uid ? options->uid : maker->uid;
    node->gid = options->has_gid ? options->gid : maker->gid;
    node->umask = maker->umask;
}

/*
 * Who makes a file in a directory that passes on its group is not to get the
 * rights of that group thereby. Since 6.0 the kernel sees to it, and knows all
 * the groups of who asks; before, it is left to us, who know one.
 */
static int check_setgid(fuse_req_t req, struct shale_vnode *dir,
                        struct shale_node *node)
{
    const struct service *service = service_of(req);
    const struct fuse_ctx *maker = fuse_req_ctx(req);
    struct shale_attr attr;
    int err;

    if (service->strips_setgid || service->options->fakeroot ||
        has_trait(service, SHALE_TRAIT_NO_OWNERS) || maker->uid == 0 ||
        S_ISDIR(node->mode) || !(node->mode & S_ISGID) ||
        !(node->mode & S_IXGRP))
        return 0;
    err = shale_getattr(dir, &attr);
    if (!err && attr.mode & S_ISGID && attr.gid != maker->gid)
        node->mode &= ~(uint32_t)S_ISGID;
    return err;
}

/* Make what NODE says, and answer with it; open as FILE says, or NULL. */
static void make(fuse_req_t req, fuse_ino_t parent, const char *name,
                 struct shale_node *node, const struct fuse_file_info *file)
{
    struct service *service = service_of(req);
    struct shale_vnode *dir, *vn;
    int err = vnode_of(service, parent, &dir);

    if (err) {
        reply_error(req, err);
        return;
    }
    choose_owner(req, node);
    err = check_mutable(service, dir);
    if (!err)
        err = check_setgid(req, dir, node);
    if (!err)
        err = check_reserve(req, S_ISDIR(node->mode) || S_ISLNK(node->mode));
    if (!err && strcmp(name, RAW_NO_NAME) == 0)
        err = shale_create_unnamed(dir, node, &vn);
    else if (!err)
        err = lacking(shale_create(dir, name, strlen(name), node, &vn));
    if (!err) {
        err = changed_names(service, 0);
        if (!err)
            reply_node(req, dir, name, vn, file);
        shale_vnode_put(vn);
    }
    shale_vnode_put(dir);
    if (err)
        reply_error(req, err);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
              dev_t device)
{
    struct shale_node node = {
        .mode = mode,
        .rdev_major = major(device),
        .rdev_minor = minor(device),
    };

    make(req, parent, name, &node, NULL);
}

/*
 * ENOSYS makes the kernel send MKNOD instead, from then on, and OPEN, which it
 * does not send either after a first one. So a file is made by one request, as
 * before, but nothing is open that would have to be released.
 */
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name,
               mode_t mode, struct fuse_file_info *file)
{
    struct shale_node node = { .mode = mode };

    if (service_of(req)->no_open && strcmp(name, RAW_NO_NAME) != 0) {
        fuse_reply_err(req, ENOSYS);
        return;
    }
    file->keep_cache = 1;
    make(req, parent, name, &node, file);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    struct shale_node node = { .mode = S_IFDIR | mode };

    make(req, parent, name, &node, NULL);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
                const char *name)
{
    struct shale_node node = {
        .mode = S_IFLNK | 0777,
        .target = target,
        .target_len = strlen(target),
    };

    make(req, parent, name, &node, NULL);
}

void op_link(fuse_req_t req, fuse_ino_t node, fuse_ino_t parent,
             const char *name)
{
    struct service *service = service_of(req);
    struct shale_vnode *dir, *vn;
    int err = vnode_of(service, parent, &dir);

    if (err) {
        reply_error(req, err);
        return;
    }
    err = vnode_of(service, node, &vn);
    if (!err) {
        err = lacking(shale_link(vn, dir, name, strlen(name)));
        if (!err)
            err = changed_names(service, 0);
        if (!err)
            reply_node(req, dir, name, vn, NULL);
        shale_vnode_put(vn);
    }
    shale_vnode_put(dir);
    if (err)
        reply_error(req, err);
}

/* --------------------------------------------------------- names that go */

/*
 * What is called NAME in DIR, with a reference, since it may have to be held
 * afterwards; NULL if nothing is. Who cannot tell must not go on.
 */
static int named(struct shale_vnode *dir, const char *name,
                 struct shale_vnode **out)
{
    int err = shale_lookup(dir, name, strlen(name), out);

    if (err)
        *out = NULL;
    return err == SHALE_ENOENT ? 0 : err;
}

/* VN, which may be NULL, has lost or changed its name: the kernel may use it
   on. */
static void name_gone(const struct service *service, struct shale_vnode *vn)
{
    if (vn)
        known_settle(service->known, vn);
}

static void take_away(fuse_req_t req, fuse_ino_t parent, const char *name,
                      int (*how)(struct shale_vnode *dir, const char *name,
                                 size_t len))
{
    struct service *service = service_of(req);
    struct shale_vnode *dir, *vn;
    int err = vnode_of(service, parent, &dir);
    bool others;

    if (!err) {
        err = named(dir, name, &vn);
        others = other_names(service, dir, name, vn);
        if (!err)
            err = check_mutable_name(service, dir, name);
        if (!err)
            err = how(dir, name, strlen(name));
        if (!err && others)
            drop_names();
        if (!err)
            name_gone(service, vn);
        shale_vnode_put(vn);
        err = changed_names(service, err);
        shale_vnode_put(dir);
    }
    reply_error(req, err);
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    take_away(req, parent, name, shale_unlink);
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    take_away(req, parent, name, shale_rmdir);
}

/* --------------------------------------------------------------- rename */

#define RENAME_FLAGS \
    ((unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))

/* NAME in DIR has just got there: it is the name of what is found by it. */
static void note_moved(const struct service *service, struct shale_vnode *dir,
                       const char *name)
{
    struct shale_vnode *vn;

    if (!has_trait(service, SHALE_TRAIT_FOLDS_CASE) ||
        shale_lookup(dir, name, strlen(name), &vn))
        return;
    rename_node(service, dir, name, vn);
    shale_vnode_put(vn);
}

/* Rename, and leave what says to overlayfs(5) that nothing is there. */
static int rename_whiteout(fuse_req_t req, struct shale_vnode *from,
                           const char *name, struct shale_vnode *to,
                           const char *to_name, unsigned flags)
{
    struct shale_node whiteout = { .mode = S_IFCHR };
    int err;

    choose_owner(req, &whiteout);
    flags &= ~(unsigned)RENAME_WHITEOUT;
    err = shale_rename_leaving(from, name, strlen(name), to, to_name,
                               strlen(to_name), flags, &whiteout);
    return err == SHALE_ENOTSUP ? SHALE_EINVAL : err;
}

/* A rename, what it is about being at hand. */
struct moving {
    struct shale_vnode *from, *to;      /* directories */
    const char *name, *to_name;
    struct shale_vnode *vn, *victim;    /* or NULL */
};

static int rename_known(fuse_req_t req, const struct moving *what,
                        unsigned flags)
{
    const struct service *service = service_of(req);
    bool others = other_names(service, what->from, what->name, what->vn) ||
                  other_names(service, what->to, what->to_name, what->victim);
    int err = check_mutable_name(service, what->from, what->name);

    if (!err)
        err = check_mutable_name(service, what->to, what->to_name);
    if (err)
        return err;
    err = flags & RENAME_WHITEOUT
              ? rename_whiteout(req, what->from, what->name, what->to,
                                what->to_name, flags)
              : shale_rename(what->from, what->name, strlen(what->name),
                             what->to, what->to_name, strlen(what->to_name),
                             flags);
    if (err)
        return err;
    if (others)
        drop_names();
    name_gone(service, what->vn);
    name_gone(service, what->victim);
    note_moved(service, what->to, what->to_name);
    if (flags & RENAME_EXCHANGE)
        note_moved(service, what->from, what->name);
    return 0;
}

static int rename_in(fuse_req_t req, struct shale_vnode *from,
                     const char *name, struct shale_vnode *to,
                     const char *to_name, unsigned flags)
{
    struct moving what = {
        .from = from, .to = to, .name = name, .to_name = to_name,
    };
    int err = named(from, name, &what.vn);

    if (!err)
        err = named(to, to_name, &what.victim);
    if (!err)
        err = rename_known(req, &what, flags);
    shale_vnode_put(what.vn);
    shale_vnode_put(what.victim);
    return err;
}

void op_rename(fuse_req_t req, fuse_ino_t from, const char *name,
               fuse_ino_t to, const char *to_name, unsigned flags)
{
    struct service *service = service_of(req);
    struct shale_vnode *from_dir, *to_dir;
    int err = vnode_of(service, from, &from_dir);

    if (!err) {
        err = vnode_of(service, to, &to_dir);
        if (!err) {
            if (flags & ~RENAME_FLAGS)
                err = SHALE_EINVAL;
            else
                err = rename_in(req, from_dir, name, to_dir, to_name, flags);
            err = changed_names(service, err);
            shale_vnode_put(to_dir);
        }
        shale_vnode_put(from_dir);
    }
    reply_error(req, err);
}
