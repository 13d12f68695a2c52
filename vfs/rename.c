/*
 * rename.c - giving a file another name, and two files each other's
 *
 * A driver may have an operation to exchange two names. Where it has not, that
 * takes three renames, by way of a third name, all under the volume's lock, so
 * that nobody sees that. What a power cut may leave behind is that third name;
 * the batch is written each time, so that it never leaves less.
 */
#include "vfs.h"

/* Directories in each other, at most: a bound for loops on the volume. */
#define DEPTH_MAX 65536u

#define SPARE_NAME_MAX 32u

struct renaming {
    struct shale_rename what;
    unsigned flags;
    const struct shale_node *left;      /* what comes where it was, or NULL */
};

/* --------------------------- finding both, with the volume's lock held */

static void ends_put(struct shale_rename *what)
{
    vnode_put_locked(what->vn);
    vnode_put_locked(what->victim);
    what->vn = what->victim = NULL;
}

/*
 * Find what WHAT is about; the victim is NULL if there is none. What it had
 * found before it lets go.
 */
static int ends_find(struct shale_rename *what)
{
    int err;

    ends_put(what);
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
        ends_put(what);
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

/* 0 if VN may move from directory FROM to TO. */
static int check_move(struct shale_vnode *vn, struct shale_vnode *from,
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
    err = check_move(what->victim, what->to, what->from);
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

static int rename_found(struct shale_fs *fs, struct renaming *r)
{
    struct shale_rename *what = &r->what;
    int err;

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
    err = check_move(what->vn, what->from, what->to);
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

/* Who runs this puts the ends: the undo of a transaction needs them, too. */
static int rename_in_tx(struct shale_fs *fs, void *context)
{
    struct renaming *r = context;
    int err;

    if (!fs->ops->rename)
        return SHALE_ENOTSUP;
    err = ends_find(&r->what);
    return err ? err : rename_found(fs, r);
}

/* ----------------------------------------------------------- exchange */

/* A name that is not in DIR. */
static int spare_name(struct shale_vnode *dir, char *out, size_t *len)
{
    static const char stem[] = "shale-exchange-";
    uint64_t ino;
    int err;

    *len = sizeof stem - 1;
    for (size_t i = 0; i < *len; i++)
        out[i] = stem[i];
    out[(*len)++] = '0';
    while (!(err = dir->fs->ops->lookup(dir, out, *len, &ino))) {
        if (out[*len - 1] == '9') {
            if (*len == SPARE_NAME_MAX)
                return SHALE_EEXIST;
            out[(*len)++] = '0';
        } else {
            out[*len - 1]++;
        }
    }
    return err == SHALE_ENOENT ? 0 : err;
}

/* WHAT the other way round. */
static struct shale_rename reversed(const struct shale_rename *what)
{
    return (struct shale_rename){
        .from = what->to, .name = what->to_name, .len = what->to_len,
        .to = what->from, .to_name = what->name, .to_len = what->len,
    };
}

/* Rename as STEP says, and write it. */
static int exchange_step(struct shale_fs *fs, const struct shale_rename *step)
{
    struct renaming r = { *step, SHALE_RENAME_NOREPLACE, NULL };
    int err = change_run_locked(fs, rename_in_tx, &r);

    ends_put(&r.what);
    return err ? err : sync_write_exclusive(fs);
}

/*
 * Take back the COUNT STEPS, the last of which may have failed when it was
 * written. Not asking whether the volume is read-only by now: nobody is to see
 * the third name, whatever the device has.
 */
static void exchange_take_back(struct shale_fs *fs,
                               const struct shale_rename *steps, size_t count)
{
    while (count-- > 0) {
        struct renaming r = {
            reversed(&steps[count]), SHALE_RENAME_NOREPLACE, NULL
        };
        int err = change_attempt(fs, rename_in_tx, &r);

        if (err == SHALE_EAGAIN && !sync_write_exclusive(fs))
            err = change_attempt(fs, rename_in_tx, &r);
        ends_put(&r.what);
        if (err && err != SHALE_ENOENT)
            shale_fail(fs, err, "vfs: a file keeps the name it had while two "
                       "were exchanged", NULL, SHALE_NOWHERE);
    }
}

/* Exchange the names of WHAT, by way of SPARE in its first directory. */
static int exchange_by(struct shale_fs *fs, const struct shale_rename *what,
                       const char *spare, size_t spare_len)
{
    const struct shale_rename steps[] = {
        { .from = what->from, .name = what->name, .len = what->len,
          .to = what->from, .to_name = spare, .to_len = spare_len },
        reversed(what),
        { .from = what->from, .name = spare, .len = spare_len,
          .to = what->to, .to_name = what->to_name, .to_len = what->to_len },
    };

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        int err = exchange_step(fs, &steps[i]);

        if (err) {
            exchange_take_back(fs, steps, i + 1);
            return err;
        }
    }
    return 0;
}

/* 0 if WHAT can be exchanged; 1 if that is nothing to do. */
static int exchange_check(struct shale_rename *what)
{
    int err = ends_find(what);

    if (err)
        return err;
    if (!what->victim)
        err = SHALE_ENOENT;
    else if (what->victim == what->vn)
        err = 1;
    if (!err)
        err = check_move(what->vn, what->from, what->to);
    if (!err)
        err = check_move(what->victim, what->to, what->from);
    ends_put(what);
    return err;
}

static int exchange_in_tx(struct shale_fs *fs, void *context)
{
    struct shale_rename *what = context;
    int err = ends_find(what);

    return err ? err : fs->ops->exchange(what);
}

/* Exchange the names of WHAT, which has been checked. */
static int exchange_checked(struct shale_fs *fs, struct shale_rename *what)
{
    char spare[SPARE_NAME_MAX];
    size_t spare_len = 0;
    int err = SHALE_ENOTSUP;

    if (fs->ops->exchange) {
        err = change_run_locked(fs, exchange_in_tx, what);
        ends_put(what);
    }
    if (err != SHALE_ENOTSUP)
        return err;
    err = spare_name(what->from, spare, &spare_len);
    return err ? err : exchange_by(fs, what, spare, spare_len);
}

static int exchange(struct shale_fs *fs, struct shale_rename *what)
{
    bool due;
    int err;

    volume_lock_exclusive(fs);
    err = change_open(fs);
    if (!err && !fs->ops->rename)
        err = SHALE_ENOTSUP;
    if (!err)
        err = exchange_check(what);
    if (!err)
        err = exchange_checked(fs, what);
    due = !fs->read_only && sync_is_due(fs);
    volume_unlock(fs);
    settle(fs);
    if (due)
        shale_writeback(fs);    /* its error is a late one */
    return err < 0 ? err : 0;
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
    return flags == SHALE_RENAME_EXCHANGE ? exchange(from->fs, &r.what)
                                          : rename_run(&r);
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
