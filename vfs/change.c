/*
 * change.c - changing names and attributes
 *
 * What a call asks for is checked here, where it can be for every format
 * alike, and under the same lock under which it is then done: of two threads
 * that create one name, the second finds it there.
 */
#include "memfn.h"
#include "vfs.h"

/* A name in a directory, as an argument. */
struct name_in {
    struct shale_vnode *dir;
    const char *name;
    size_t len;
};

/* 0 if IN can be made or removed; DOTS is the answer to "." and "..". */
static int check_name_in(const struct name_in *in, int dots)
{
    if (in->dir->type != SHALE_TYPE_DIR)
        return SHALE_ENOTDIR;
    if (dir_is_dots(in->name, in->len))
        return dots;
    return dir_check_name(in->dir->fs, in->name, in->len);
}

/* 0 if nothing is called so, with the volume's lock held. */
static int check_absent(const struct name_in *in)
{
    uint64_t ino;
    int err;

    if (in->dir->orphan)        /* removed, though somebody holds it */
        return SHALE_ENOENT;
    err = in->dir->fs->ops->lookup(in->dir, in->name, in->len, &ino);
    if (err == SHALE_ENOENT)
        return 0;
    return err ? err : SHALE_EEXIST;
}

/* -------------------------------------------------------------- create */

struct create {
    struct name_in in;
    const struct shale_node *node;
    bool wanted;
    struct shale_vnode *vn;     /* if so, stored here */
};

static int create_in_tx(struct shale_fs *fs, void *context)
{
    struct create *c = context;
    uint64_t ino = 0;
    int err = check_absent(&c->in);

    if (!err)
        err = fs->ops->create(c->in.dir, c->in.name, c->in.len, c->node, &ino);
    if (!err && c->wanted) {
        err = vnode_find(fs, ino, &c->vn);
        if (err == SHALE_ESTALE)
            err = SHALE_EIO;    /* the driver has lost what it just made */
    }
    return err;
}

int change_check_node(const struct shale_node *node)
{
    enum shale_type type = shale_type_of_mode(node->mode);

    if (type == SHALE_TYPE_UNKNOWN)
        return SHALE_EINVAL;
    if (type != SHALE_TYPE_SYMLINK)
        return node->target ? SHALE_EINVAL : 0;
    if (!node->target)
        return SHALE_EINVAL;
    if (node->target_len == 0)
        return SHALE_ENOENT;
    if (node->target_len >= SHALE_PATH_MAX)
        return SHALE_ENAMETOOLONG;
    for (size_t i = 0; i < node->target_len; i++)
        if (!node->target[i])
            return SHALE_EINVAL;
    return 0;
}

int shale_create(struct shale_vnode *dir, const char *name, size_t len,
                 const struct shale_node *node, struct shale_vnode **out)
{
    struct create c = {
        .in = { dir, name, len }, .node = node, .wanted = out != NULL,
    };
    int err = check_name_in(&c.in, SHALE_EEXIST);

    if (!err)
        err = change_check_node(node);
    if (!err)
        err = change_run(dir->fs, create_in_tx, &c);
    if (!err && out)
        *out = c.vn;
    return err;
}

/* What an attempt that failed and was undone has left in memory goes. */
static void made_forget(struct shale_fs *fs, struct create *c)
{
    if (!c->vn)
        return;
    vnode_put_locked(c->vn);
    c->vn = NULL;
    vnode_drop_unused(fs);
}

static int create_unnamed_in_tx(struct shale_fs *fs, void *context)
{
    struct create *c = context;
    uint64_t ino = 0;
    int err;

    made_forget(fs, c);
    if (!fs->ops->unname)
        return SHALE_ENOTSUP;
    if (c->in.dir->orphan)
        return SHALE_ENOENT;
    err = fs->ops->create(c->in.dir, NULL, 0, c->node, &ino);
    if (!err)
        err = vnode_find(fs, ino, &c->vn);
    if (!err)
        err = fs->ops->unname(c->vn);
    if (err)
        return err;
    c->vn->nameless = true;
    settle_note_unlinked(c->vn);
    return 0;
}

int shale_create_unnamed(struct shale_vnode *dir,
                         const struct shale_node *node,
                         struct shale_vnode **out)
{
    struct create c = { .in = { dir, NULL, 0 }, .node = node };
    struct shale_fs *fs = dir->fs;
    int err = change_check_node(node);

    if (err)
        return err;
    if (dir->type != SHALE_TYPE_DIR)
        return SHALE_ENOTDIR;
    if (shale_type_of_mode(node->mode) != SHALE_TYPE_FILE)
        return SHALE_EINVAL;
    err = change_run(fs, create_unnamed_in_tx, &c);
    if (!err) {
        *out = c.vn;
        return 0;
    }
    volume_lock_exclusive(fs);
    made_forget(fs, &c);
    volume_unlock(fs);
    return err;
}

/* ---------------------------------------------------------------- link */

struct link {
    struct name_in in;
    struct shale_vnode *vn;
};

static int link_in_tx(struct shale_fs *fs, void *context)
{
    struct link *l = context;
    int err;

    if (!fs->ops->link)
        return SHALE_ENOTSUP;
    if (l->vn->links == 0 && !l->vn->nameless)
        return SHALE_ENOENT;
    err = check_absent(&l->in);
    if (!err && l->vn->type == SHALE_TYPE_DIR)
        err = SHALE_EPERM;
    if (!err)
        err = fs->ops->link(l->vn, l->in.dir, l->in.name, l->in.len);
    if (!err)
        settle_note_linked(l->vn);
    return err;
}

int shale_link(struct shale_vnode *vn, struct shale_vnode *dir,
               const char *name, size_t len)
{
    struct link l = { { dir, name, len }, vn };
    int err = check_name_in(&l.in, SHALE_EEXIST);

    if (err)
        return err;
    if (vn->fs != dir->fs)
        return SHALE_EINVAL;
    return change_run(dir->fs, link_in_tx, &l);
}

/* ------------------------------------------------------ unlink, rmdir */

struct removal {
    struct name_in in;
    bool directory;             /* that is what it has to be */
    struct shale_vnode *vn;     /* what it is; held until the transaction, or
                                   its undo, is over */
};

/* 0 if VN may be removed as R says. */
static int check_removal(const struct removal *r, const struct shale_vnode *vn)
{
    if (vn->ino == vn->fs->root_ino)
        return SHALE_EBUSY;     /* a damaged volume: it has no name */
    if (vn->type == SHALE_TYPE_DIR)
        return r->directory ? 0 : SHALE_EISDIR;
    return r->directory ? SHALE_ENOTDIR : 0;
}

static int remove_in_tx(struct shale_fs *fs, void *context)
{
    struct removal *r = context;
    int err;

    if (!fs->ops->remove)
        return SHALE_ENOTSUP;
    vnode_put_locked(r->vn);    /* of an attempt before this one */
    r->vn = NULL;
    err = dir_find_locked(r->in.dir, r->in.name, r->in.len, &r->vn);
    if (err)
        return err;
    err = check_removal(r, r->vn);
    if (!err)
        err = fs->ops->remove(r->in.dir, r->in.name, r->in.len, r->vn);
    if (!err)
        settle_note_unlinked(r->vn);
    return err;
}

static int remove_name(struct shale_vnode *dir, const char *name, size_t len,
                       bool directory)
{
    struct removal r = { { dir, name, len }, directory, NULL };
    int err = check_name_in(&r.in, SHALE_EINVAL);

    if (!err)
        err = change_run(dir->fs, remove_in_tx, &r);
    shale_vnode_put(r.vn);
    return err;
}

int shale_unlink(struct shale_vnode *dir, const char *name, size_t len)
{
    return remove_name(dir, name, len, false);
}

int shale_rmdir(struct shale_vnode *dir, const char *name, size_t len)
{
    return remove_name(dir, name, len, true);
}

/* ---------------------------------------------------------- attributes */

struct setting {
    struct shale_vnode *vn;
    const struct shale_setattr *what;
};

static int setattr_in_tx(struct shale_fs *fs, void *context)
{
    const struct setting *s = context;

    return fs->ops->setattr ? fs->ops->setattr(s->vn, s->what) : SHALE_ENOTSUP;
}

static bool time_is_sound(const struct shale_time *time)
{
    return time->nsec < 1000000000u;
}

int shale_setattr(struct shale_vnode *vn, const struct shale_setattr *what)
{
    struct setting s = { vn, what };
    unsigned valid = what->valid;

    if (((valid & SHALE_SET_ATIME) && !time_is_sound(&what->atime)) ||
        ((valid & SHALE_SET_MTIME) && !time_is_sound(&what->mtime)) ||
        ((valid & SHALE_SET_CTIME) && !time_is_sound(&what->ctime)) ||
        ((valid & SHALE_SET_BTIME) && !time_is_sound(&what->btime)))
        return SHALE_EINVAL;
    return change_run(vn->fs, setattr_in_tx, &s);
}

struct xattr_setting {
    struct shale_vnode *vn;
    const char *name;
    const void *value;          /* NULL: remove it */
    size_t size;
    unsigned flags;
};

static int setxattr_in_tx(struct shale_fs *fs, void *context)
{
    const struct xattr_setting *s = context;
    int64_t len;

    if (!fs->ops->setxattr)
        return SHALE_ENOTSUP;
    if (s->flags && fs->ops->getxattr) {
        len = fs->ops->getxattr(s->vn, s->name, NULL, 0);
        if (len >= 0 && (s->flags & SHALE_XATTR_CREATE))
            return SHALE_EEXIST;
        if (len < 0 && (len != SHALE_ENODATA ||
                        (s->flags & SHALE_XATTR_REPLACE)))
            return (int)len;
    }
    return fs->ops->setxattr(s->vn, s->name, s->value, s->size);
}

int shale_setxattr(struct shale_vnode *vn, const char *name, const void *value,
                   size_t size, unsigned flags)
{
    /* No value is not an empty one to a driver. */
    struct xattr_setting s = { vn, name, value ? value : "", size, flags };

    if ((!value && size > 0) || !name[0] ||
        (flags & ~(SHALE_XATTR_CREATE | SHALE_XATTR_REPLACE)))
        return SHALE_EINVAL;
    return change_run(vn->fs, setxattr_in_tx, &s);
}

int shale_removexattr(struct shale_vnode *vn, const char *name)
{
    struct xattr_setting s = { vn, name, NULL, 0, 0 };

    return change_run(vn->fs, setxattr_in_tx, &s);
}

struct labelling {
    const char *label;
    size_t len;
};

static int set_label_in_tx(struct shale_fs *fs, void *context)
{
    const struct labelling *l = context;

    return fs->ops->set_label ? fs->ops->set_label(fs, l->label, l->len)
                              : SHALE_ENOTSUP;
}

int shale_set_label(struct shale_fs *fs, const char *label)
{
    struct labelling l = { label, 0 };

    while (label[l.len])
        if (l.len++ == SHALE_LABEL_MAX)
            return SHALE_EINVAL;
    return change_run(fs, set_label_in_tx, &l);
}
