/*
 * sync.c - bringing changes to the device, and what their errors come to
 *
 * Changes that are done are in memory, as the batch of the transactions; tx.h
 * says in which order it is written. Here is when:
 *
 *     shale_writeback      now and then: the host's clock, or the cache is half
 *                          full of changes, or the log would be
 *     shale_fsync          ... and the device flushed, even if nothing changed
 *     shale_sync           ... and what became free noted, and that too, and
 *                          at last that the volume is clean
 *
 * The batch is written with the volume's lock shared: everybody reads on, and
 * who wants to change something waits; but exclusive where it is noted in the
 * batch itself what that has freed, see reclaim_early(). The batch lock is for
 * two who want to write it at once.
 *
 * A write that fails has usually been answered long ago. So its error is kept
 * and reported by the next call that promises durability, and the volume is
 * read-only from then on, so that no more is promised than is kept: from what
 * is on the device, cut off as it is, at worst some space is lost.
 *
 * (1) The volume is marked as in use, on the device, before anything else there
 *     changes. Whoever writes file data enters first, so that (1) holds until
 *     he leaves.
 */
#include "shale/bdev.h"
#include "vfs.h"

/* ---------------------------- with the volume's lock exclusive, all of it */

/* Writing the batch answered ERR. */
static void write_failed(struct shale_fs *fs, int err)
{
    struct shale_fs_state *state = fs->state;
    const struct shale_event event = {
        .level = SHALE_LOG_ERROR, .err = err,
        .what = state->errors_continue
                    ? "vfs: changes cannot be written"
                    : "vfs: changes cannot be written; the volume is "
                      "read-only now",
        .at = SHALE_NOWHERE,
    };

    state->late_err = err;
    if (!state->errors_continue)
        fs->read_only = true;
    fault_event(fs, &event);
}

int shale_fs_write_failed(struct shale_fs *fs, int err)
{
    write_failed(fs, err);
    return err;
}

bool sync_is_due(struct shale_fs *fs)
{
    size_t whole = shale_tx_whole_bytes(fs->tx);
    size_t most = fs->state->cache_bytes;

    return shale_tx_dirty_bytes(fs->tx) > (whole < most ? whole : most) / 2;
}

/* The error that is to be reported now, by who promises durability. */
static int late_error(struct shale_fs *fs)
{
    int err = fs->state->late_err;

    if (!fs->read_only)
        fs->state->late_err = 0;
    return err;
}

static int reclaim_in_tx(struct shale_fs *fs, void *context)
{
    const struct shale_tx_run *run = context;

    return fs->ops->reclaim(fs, *run);
}

static int write_only(struct shale_fs *fs)
{
    int err = shale_tx_write(fs->tx);

    if (err)
        write_failed(fs, err);
    return err;
}

static int free_in_tx(struct shale_fs *fs, void *context)
{
    const struct shale_tx_run *run = context;

    return shale_tx_free(fs->tx, *run);
}

/* Reclaiming RUN met ERR. Unless it never can be, it is tried again later. */
static void reclaim_failed(struct shale_fs *fs, int err,
                           struct shale_tx_run run)
{
    fs->state->reclaim_failed = true;
    if (err == SHALE_ECORRUPT || change_attempt(fs, free_in_tx, &run) != 0)
        shale_fail(fs, err, "vfs: space that is free now stays unused", NULL,
                   SHALE_NOWHERE);
}

/*
 * The batch is on the device: what it freed is free now. To note that is many
 * changes, if what was freed lay all over the volume; they are written as soon
 * as they take half of the cache, or all memory.
 */
static int reclaim_all(struct shale_fs *fs)
{
    struct shale_tx_run run;
    int err = 0;

    while (!err && shale_tx_take_free(fs->tx, &run)) {
        int failed = change_attempt(fs, reclaim_in_tx, &run);

        if (failed == SHALE_ENOMEM) {
            err = write_only(fs);
            failed = change_attempt(fs, reclaim_in_tx, &run);
        }
        if (failed)
            reclaim_failed(fs, failed, run);
        if (!err && sync_is_due(fs))
            err = write_only(fs);
    }
    if (fs->ops->purge)
        fs->ops->purge(fs);
    return err;
}

/* What writing the batch came to; and what follows it, if that was well. */
static int write_done(struct shale_fs *fs, int err)
{
    if (!err)
        return reclaim_all(fs);
    write_failed(fs, err);
    return err;
}

static int reclaim_early_in_tx(struct shale_fs *fs, void *context)
{
    int err = reclaim_in_tx(fs, context);

    return err || shale_tx_fits(fs->tx) ? err : SHALE_ENOSPC;
}

/*
 * What the batch has freed is noted in the batch itself where that is whole, so
 * that a cut leaves no space that is nobody's. What does not fit, or fails, is
 * tried again after it. Nobody comes in between and takes it; nor when writing
 * the batch fails, as nobody changes anything then, unless he is to go on.
 */
static void reclaim_early(struct shale_fs *fs)
{
    struct shale_tx_run run;

    while (!fs->read_only && !fs->state->errors_continue &&
           shale_tx_early(fs->tx, &run) &&
           change_attempt(fs, reclaim_early_in_tx, &run) == 0)
        shale_tx_early_done(fs->tx);
}

int sync_write_exclusive(struct shale_fs *fs)
{
    reclaim_early(fs);
    return write_done(fs, shale_tx_write(fs->tx));
}

bool sync_waiting(struct shale_fs *fs)
{
    unsigned times = 0;

    if (!fs->tx || fs->read_only)
        return false;
    /* To note what is free now makes blocks dirty once more. */
    while (times < 2 && shale_tx_dirty(fs->tx)) {
        times++;
        if (sync_write_exclusive(fs))
            break;
    }
    return times > 0;
}

static int mark_clean(struct shale_fs *fs, void *context)
{
    (void)context;
    return fs->ops->mark(fs, true);
}

static bool anyone_writes(struct shale_fs *fs)
{
    struct vnode_table *table = &fs->state->table;
    bool any;

    lock_exclusive(table->locks, table->lock);
    any = table->writers > 0;
    lock_release(table->locks, table->lock);
    return any;
}

/* Write until nothing is left to be written, and mark the volume clean. */
static int sync_all(struct shale_fs *fs)
{
    struct shale_fs_state *state = fs->state;
    unsigned failures = 0;
    int err = 0;

    if (fs->read_only)
        return 0;
    while (!err && failures < 2 &&
           (shale_tx_dirty(fs->tx) || shale_tx_frees_pending(fs->tx))) {
        state->reclaim_failed = false;
        err = sync_write_exclusive(fs);
        failures += state->reclaim_failed;
    }
    if (err || !state->in_use || state->orphans > 0 || failures == 2 ||
        anyone_writes(fs))
        return err;

    if (fs->ops->mark) {
        err = change_attempt(fs, mark_clean, NULL);
        if (!err)
            err = sync_write_exclusive(fs);
    }
    state->in_use = err != 0;
    return err;
}

/* ------------------------------------------------------ with no lock held */

/* Has file data been written since the last time that this was asked? */
static bool data_written_take(struct shale_fs_state *state)
{
    return __atomic_exchange_n(&state->data_written, 0, __ATOMIC_ACQ_REL);
}

/*
 * Nobody may change anything; all may read on, unless space has been freed:
 * then the lock is exclusive, and the answer is true.
 */
static bool volume_lock_to_write(struct shale_fs *fs)
{
    struct shale_tx_run run;

    volume_lock_shared(fs);
    if (fs->state->errors_continue || !shale_tx_early(fs->tx, &run))
        return false;
    volume_unlock(fs);
    volume_lock_exclusive(fs);
    reclaim_early(fs);
    return true;
}

/*
 * Write the batch. If it is empty, flush the device only if URGENT, or if file
 * data has been written: bytes put in the place of others are no change to the
 * batch if the time is the same as well.
 *
 * Unless it is URGENT, data goes first, with others at work meanwhile: what has
 * to be flushed when they may not change anything is then only what they have
 * written since.
 */
static int write_batch(struct shale_fs *fs, bool urgent)
{
    struct shale_fs_state *state = fs->state;
    bool any, exclusive;
    int err = 0;

    lock_exclusive(state->locks, state->batch_lock);
    if (!urgent && data_written_take(state))
        err = shale_tx_flush(fs->tx);
    exclusive = volume_lock_to_write(fs);
    any = !fs->read_only &&
          (data_written_take(state) || urgent || err ||
           shale_tx_dirty(fs->tx) || shale_tx_frees_pending(fs->tx));
    if (any && !err)
        err = shale_tx_write(fs->tx);
    if (err)
        __atomic_store_n(&state->data_written, 1, __ATOMIC_RELEASE);
    if (any && !exclusive) {
        volume_unlock(fs);
        volume_lock_exclusive(fs);
    }
    if (any)
        err = write_done(fs, err);
    volume_unlock(fs);
    lock_release(state->locks, state->batch_lock);
    return any ? err : 0;
}

int shale_writeback(struct shale_fs *fs)
{
    if (!fs->tx)
        return 0;
    settle(fs);
    return write_batch(fs, false);
}

int shale_fsync(struct shale_vnode *vn)
{
    struct shale_fs *fs = vn->fs;
    int err;

    if (!fs->tx)
        return 0;
    write_batch(fs, true);
    volume_lock_exclusive(fs);
    err = late_error(fs);
    volume_unlock(fs);
    return err;
}

int shale_sync(struct shale_fs *fs)
{
    int err, late;

    if (!fs->tx)
        return 0;
    settle(fs);
    write_batch(fs, true);      /* most of it, while others read on */
    volume_lock_exclusive(fs);
    err = sync_all(fs);
    late = late_error(fs);
    volume_unlock(fs);
    return late ? late : err;
}

int sync_writer_enter(struct shale_fs *fs)
{
    struct vnode_table *table = &fs->state->table;
    bool ready;
    int err = 0;

    lock_exclusive(table->locks, table->lock);
    table->writers++;
    lock_release(table->locks, table->lock);

    /* Whoever marks the volume clean from now on sees us. */
    volume_lock_shared(fs);
    ready = fs->state->in_use && !fs->read_only;
    volume_unlock(fs);
    if (!ready) {
        volume_lock_exclusive(fs);
        err = change_open(fs);
        volume_unlock(fs);
    }
    if (err)
        sync_writer_leave(fs);
    return err;
}

void sync_writer_leave(struct shale_fs *fs)
{
    struct vnode_table *table = &fs->state->table;

    lock_exclusive(table->locks, table->lock);
    table->writers--;
    lock_release(table->locks, table->lock);
}
