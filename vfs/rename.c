/*
 * rename.c - giving a file another name
 */
#include "rename.h"

/* Directories in each other, at most: a bound for loops on the volume. */
#define DEPTH_MAX 65536u

/* --------------------------- finding both, with the volume's lock held */

void rename_ends_put(struct shale_rename *what)
{
    vnode_put_locked(what->vn);
    vnode_put_locked(what->victim);
    what->vn = what->victim = NULL;
}

int rename_ends_find(struct shale_rename *what)
{
    int err;

    rename_ends_put(what);
    if (what->from->orphan || what->to->orphan)
        return SHALE_ENOENT;
    err = dir_find_locked(what->from, what->name, what->len, &what->vn);
    if (err)
        return err;
    err = dir_find_locked(what->to, what->to_name, what->to_len,
                          &what->victim);
    if (err == SHALE_ENOENT)
        return 0;
    if (err)
        rename_ends_put(what);
    return err;
}

/* 0 if DIR is neither VN nor below it. */
static int check_not_below(struct shale_vnode *dir,
                           const struct shale_vnode *vn)
{
    struct shale_fs *fs = dir->fs;
    struct shale_vnode *up;
    int err = 0;

    shale_vnode_ref(dir);
    for (unsigned depth = 0; !err && dir != vn && dir->ino != fs->root_ino;
         depth++) {
        err = depth < DEPTH_MAX
                  ? dir_find_locked(dir, "..", 2, &up)
                  : shale_corrupt_inode(fs, "vfs: directories in a circle",
                                        SHALE_NOWHERE, dir->ino);
        if (!err) {
            vnode_put_locked(dir);
            dir = up;
        }
    }
    if (!err && dir == vn)
        err = SHALE_EINVAL;
    vnode_put_locked(dir);
    return err;
}

int rename_check_move(struct shale_vnode *vn, struct shale_vnode *from,
                      struct shale_vnode *to)
{
    if (vn->ino == vn->fs->root_ino)
        return SHALE_EBUSY;     /* a damaged volume: it has no name */
    return vn->type == SHALE_TYPE_DIR && from != to ? check_not_below(to, vn)
                                                    : 0;
}

static bool same_name(const struct shale_rename *what)
{
    if (what->from != what->to || what->len != what->to_len)
        return false;
    for (size_t i = 0; i < what->len; i++)
        if (what->name[i] != what->to_name[i])
            return false;
    return true;
}

/* ------------------------------------------------------------- rename */

/* 0 if VN may take the victim's place. */
static int check_victim(const struct shale_rename *what)
{
    bool dir = what->vn->type == SHALE_TYPE_DIR;
    bool victim_dir = what->victim->type == SHALE_TYPE_DIR;
    int err;

    if (what->victim->ino == what->victim->fs->root_ino)
        return SHALE_EBUSY;
    if (dir == victim_dir)
        return 0;
    if (dir)
        return SHALE_ENOTDIR;

    /* The directory that VN is in, or one above, has VN at least in it. */
    err = rename_check_move(what->victim, what->to, what->from);
    return err == SHALE_EINVAL ? SHALE_ENOTEMPTY : SHALE_EISDIR;
}

/* Make what is left where WHAT was. */
static int leave(struct shale_fs *fs, const struct shale_rename *what,
                 const struct shale_node *left)
{
    uint64_t ino;
    int err = fs->ops->create(what->from, what->name, what->len, left, &ino);

    /* A name that goes last, after the batch, leaves its place only then. */
    return err == SHALE_EAGAIN ? SHALE_ENOTSUP : err;
}

/* 0 if the new name is not one that a driver gave to what has none any more:
   lookups do not show it, but it is there. */
static int check_not_hidden(struct shale_fs *fs,
                            const struct shale_rename *what)
{
    uint64_t ino;
    int err;

    if (fs->state->orphans == 0)
        return 0;
    err = fs->ops->lookup(what->to, what->to_name, what->to_len, &ino);
    return err == SHALE_ENOENT ? 0 : err ? err : SHALE_EEXIST;
}

static int rename_found(struct shale_fs *fs, struct renaming *r)
{
    struct shale_rename *what = &r->what;
    int err = what->victim ? 0 : check_not_hidden(fs, what);

    if (err)
        return err;
    /*
     * Both names lead to one file. Either they are two of its names, or they
     * are one entry, written differently, and that is a rename like any other.
     */
    if (what->victim == what->vn) {
        bool folds = fs->traits & SHALE_TRAIT_FOLDS_CASE;

        if (!folds || same_name(what) ||
            (what->vn->links > 1 && what->vn->type != SHALE_TYPE_DIR))
            return r->flags & SHALE_RENAME_NOREPLACE ? SHALE_EEXIST : 0;
        vnode_put_locked(what->victim);
        what->victim = NULL;
    }
    if (what->victim && (r->flags & SHALE_RENAME_NOREPLACE))
        return SHALE_EEXIST;
    err = rename_check_move(what->vn, what->from, what->to);
    if (!err && what->victim)
        err = check_victim(what);
    if (!err)
        err = fs->ops->rename(what);
    if (!err && r->left)
        err = leave(fs, what, r->left);
    if (!err && what->victim)
        settle_note_unlinked(what->victim);
    return err;
}

int rename_in_tx(struct shale_fs *fs, void *context)
{
    struct renaming *r = context;
    int err;

    if (!fs->ops->rename)
        return SHALE_ENOTSUP;
    err = rename_ends_find(&r->what);
    return err ? err : rename_found(fs, r);
}

/* --------------------------------------------------------------- public */

/* 0 if NAME can be renamed in DIR, or be made by a rename. */
static int check_end(const struct shale_vnode *dir, const char *name,
                     size_t len)
{
    if (dir->type != SHALE_TYPE_DIR)
        return SHALE_ENOTDIR;
    if (dir_is_dots(name, len))
        return SHALE_EINVAL;
    return dir_check_name(dir->fs, name, len);
}

/* 0 if a file can be renamed as R says, from what is known without a look. */
static int check_ends(const struct renaming *r)
{
    const struct shale_rename *what = &r->what;
    int err = check_end(what->from, what->name, what->len);

    if (!err)
        err = check_end(what->to, what->to_name, what->to_len);
    if (!err && (what->from->fs != what->to->fs ||
                 r->flags > SHALE_RENAME_EXCHANGE))
        err = SHALE_EINVAL;
    return err;
}

/* Rename, and let go of what was found. */
static int rename_run(struct renaming *r)
{
    int err = change_run(r->what.from->fs, rename_in_tx, r);

    shale_vnode_put(r->what.vn);
    shale_vnode_put(r->what.victim);
    return err;
}

int shale_rename(struct shale_vnode *from, const char *name, size_t len,
                 struct shale_vnode *to, const char *to_name, size_t to_len,
                 unsigned flags)
{
    struct renaming r = {
        .what = {
            .from = from, .name = name, .len = len,
            .to = to, .to_name = to_name, .to_len = to_len,
        },
        .flags = flags,
    };
    int err = check_ends(&r);

    if (err)
        return err;
    if (flags == SHALE_RENAME_EXCHANGE)
        return rename_exchange(from->fs, &r.what);
    return rename_run(&r);
}

int shale_rename_leaving(struct shale_vnode *from, const char *name,
                         size_t len, struct shale_vnode *to,
                         const char *to_name, size_t to_len, unsigned flags,
                         const struct shale_node *left)
{
    struct renaming r = {
        .what = {
            .from = from, .name = name, .len = len,
            .to = to, .to_name = to_name, .to_len = to_len,
        },
        .flags = flags, .left = left,
    };
    int err = check_ends(&r);

    if (!err && flags & SHALE_RENAME_EXCHANGE)
        err = SHALE_EINVAL;
    if (!err)
        err = change_check_node(left);
    return err ? err : rename_run(&r);
}
