/*
 * exchange.c - giving two files each other's name
 *
 * A driver may have an operation for it. Where it has not, that takes three
 * renames, by way of a third name, all under the volume's lock, so that nobody
 * sees that. What a power cut may leave behind is that third name; the batch is
 * written each time, so that it never leaves less.
 */
#include "rename.h"
#include "room.h"

#define SPARE_NAME_MAX 32u

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

    rename_ends_put(&r.what);
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

        if ((err == SHALE_EAGAIN || err == SHALE_ENOMEM) &&
            !sync_write_exclusive(fs))
            err = change_attempt(fs, rename_in_tx, &r);
        rename_ends_put(&r.what);
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
    int err = rename_ends_find(what);

    if (err)
        return err;
    if (!what->victim)
        err = SHALE_ENOENT;
    else if (what->victim == what->vn)
        err = 1;
    if (!err)
        err = rename_check_move(what->vn, what->from, what->to);
    if (!err)
        err = rename_check_move(what->victim, what->to, what->from);
    rename_ends_put(what);
    return err;
}

static int exchange_in_tx(struct shale_fs *fs, void *context)
{
    struct shale_rename *what = context;
    int err = rename_ends_find(what);

    return err ? err : fs->ops->exchange(what);
}

/* Exchange the names of WHAT, which has been checked. */
static int exchange_checked(struct shale_fs *fs, struct shale_rename *what)
{
    char spare[SPARE_NAME_MAX];
    size_t spare_len = 0;
    int err = SHALE_ENOTSUP;
    struct visit v;

    if (fs->ops->exchange) {
        err = change_run_locked(fs, exchange_in_tx, what);
        rename_ends_put(what);
    }
    if (err != SHALE_ENOTSUP)
        return err;
    visit_held(&v, fs);
    do
        err = spare_name(what->from, spare, &spare_len);
    while (visit_again(&v, err));
    return err ? err : exchange_by(fs, what, spare, spare_len);
}

int rename_exchange(struct shale_fs *fs, struct shale_rename *what)
{
    struct visit v;
    bool due;
    int err;

    volume_lock_exclusive(fs);
    err = change_open(fs);
    if (!err && !fs->ops->rename)
        err = SHALE_ENOTSUP;
    if (!err) {
        visit_held(&v, fs);
        do
            err = exchange_check(what);
        while (visit_again(&v, err));
    }
    if (!err)
        err = exchange_checked(fs, what);
    due = !fs->read_only && sync_is_due(fs);
    volume_unlock(fs);
    settle(fs);
    if (due)
        shale_writeback(fs);    /* its error is a late one */
    return err < 0 ? err : 0;
}
