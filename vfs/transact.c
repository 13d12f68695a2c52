/*
 * transact.c - one change of a volume, whole or not at all
 *
 * Every call that changes something hands a function here, which is run in a
 * transaction with the volume's lock exclusive. What may stand in its way for
 * the moment is cleared out of it, and it is run again:
 *
 *     no memory      what the caches can do without is given up; then the
 *                    batch is written, whose blocks can be given up after it
 *                    (room.c does the same for who changes nothing)
 *     no space       if earlier changes have freed some, they are written, and
 *                    what they freed can be used; then the driver gives up what
 *                    it keeps for itself
 *     "again"        the driver wants the batch written first, so that what it
 *                    holds is out of the way
 *
 * All of that happens under the one lock, so nobody comes in between and takes
 * what has been made free.
 */
#include "assert.h"
#include "vfs.h"

int change_attempt(struct shale_fs *fs, change_fn *change, void *context)
{
    unsigned tries = 0;
    int err;

    do {
        shale_tx_begin(fs->tx);
        err = change(fs, context);
        if (err)
            shale_tx_undo(fs->tx);
        else
            shale_tx_commit(fs->tx);
    } while (vfs_again(fs, err, &tries));
    return err;
}

static int mark_in_use(struct shale_fs *fs, void *context)
{
    (void)context;
    return fs->ops->mark(fs, false);
}

/* Is the volume marked, and is that all that is to be done? */
static bool is_marked(struct shale_fs *fs)
{
    if (!fs->state->in_use)
        return false;
    return !fs->mark_again || shale_tx_dirty(fs->tx) ||
           shale_tx_frees_pending(fs->tx);
}

int change_open(struct shale_fs *fs)
{
    struct shale_fs_state *state = fs->state;
    bool again = state->in_use;
    int err = 0;

    if (fs->read_only)
        return SHALE_EROFS;
    if (is_marked(fs))
        return 0;
    fs->mark_again = false;

    /* On the device before the first change, so that a cut shows. */
    if (fs->ops->mark) {
        err = change_attempt(fs, mark_in_use, NULL);
        if (err == SHALE_ENOSPC)
            err = change_attempt(fs, mark_in_use, NULL);
        if (err && again)
            return 0;
        if (!err)
            err = sync_write_exclusive(fs);
    }
    state->in_use = again || !err;
    return err;
}

/* Can writing the batch help a change that met ERR? */
static bool writing_helps(struct shale_fs *fs, int err)
{
    switch (err) {
    case SHALE_ENOMEM:
        return shale_tx_dirty(fs->tx) || vnode_count_unsettled(fs) > 0;
    case SHALE_ENOSPC:
        return shale_tx_frees_pending(fs->tx) || vnode_count_unsettled(fs) > 0;
    case SHALE_EAGAIN:
        return true;
    }
    return false;
}

static int make_room(struct shale_fs *fs, void *context)
{
    (void)context;
    return fs->ops->make_room(fs);
}

/*
 * The driver has given up space that it keeps for itself. False if it has none.
 * What may be in the batch is written before: it is to be whole on the device,
 * and what was kept may be what makes it so.
 */
static bool driver_makes_room(struct shale_fs *fs)
{
    return fs->ops->make_room && sync_write_exclusive(fs) == 0 &&
           change_attempt(fs, make_room, NULL) == 0 &&
           sync_write_exclusive(fs) == 0;
}

int change_run_locked(struct shale_fs *fs, change_fn *change, void *context)
{
    int err = change_open(fs), write_err;

    if (err)
        return err;
    err = change_attempt(fs, change, context);
    /* To note what the batch has freed is a batch once more. */
    for (unsigned i = 0; i < 2 && err && writing_helps(fs, err); i++) {
        settle_locked(fs);
        write_err = sync_write_exclusive(fs);
        if (write_err)
            return err == SHALE_EAGAIN ? write_err : err;
        err = change_attempt(fs, change, context);
    }
    while (err == SHALE_ENOSPC && driver_makes_room(fs))
        err = change_attempt(fs, change, context);
    SHALE_ASSERT(err != SHALE_EAGAIN);
    return err == SHALE_EAGAIN ? SHALE_EIO : err;
}

static int recover(struct shale_fs *fs, void *context)
{
    (void)context;
    return fs->ops->recover(fs);
}

void change_recover(struct shale_fs *fs)
{
    int err = change_open(fs);

    while (!err) {
        err = change_attempt(fs, recover, NULL);
        if (!err && sync_is_due(fs))
            err = sync_write_exclusive(fs);
    }
    if (err != SHALE_ENOENT)
        shale_fail(fs, err, "vfs: what was left unfinished stays so", NULL,
                   SHALE_NOWHERE);
}

int change_run(struct shale_fs *fs, change_fn *change, void *context)
{
    bool due;
    int err;

    volume_lock_exclusive(fs);
    err = change_run_locked(fs, change, context);
    due = !fs->read_only && sync_is_due(fs);
    volume_unlock(fs);

    settle(fs);
    if (due)
        shale_writeback(fs);    /* its error is a late one */
    return err;
}
