/*
 * settle.c - files that nobody holds any more, but that the volume has still
 * to be told about
 *
 * Most files can rest, or go, when their last reference goes. Two kinds cannot:
 *
 *     orphans       whose last name was removed while somebody held them: all
 *                   they have is to be freed
 *     with excess   that were given space past their end, which they did not
 *                   come to use: so is that
 *
 * Freeing is a change, and a change takes the volume's lock. But a reference
 * may go at a time when that is held. So these go to a list of their own, and
 * from there as soon as somebody may take that lock.
 */
#include "vfs.h"

/* A file is not shortened by less, in steps, in bytes. */
#define STEP_MIN ((uint64_t)1 << 20)

void settle_note_unlinked(struct shale_vnode *vn)
{
    if (vn->links > 0 || vn->orphan)
        return;
    vn->orphan = true;
    vn->fs->state->orphans++;
}

void settle_note_linked(struct shale_vnode *vn)
{
    if (!vn->orphan)
        return;
    vn->orphan = vn->nameless = false;
    vn->fs->state->orphans--;
}

/* Is ERR one that another time may not bring? */
static bool is_passing(int err)
{
    return err == SHALE_ENOMEM || err == SHALE_EAGAIN;
}

static int release_in_tx(struct shale_fs *fs, void *context)
{
    return fs->ops->release ? fs->ops->release(context) : 0;
}

struct cut {
    struct shale_vnode *vn;
    uint64_t size;
};

static int cut_in_tx(struct shale_fs *fs, void *context)
{
    const struct cut *cut = context;

    return fs->ops->resize(cut->vn, cut->size);
}

static int trim_in_tx(struct shale_fs *fs, void *context)
{
    return fs->ops->trim ? fs->ops->trim(context) : 0;
}

/* Run CHANGE; again with the batch written, if that may be in its way. */
static int settle_by(struct shale_fs *fs, change_fn *change, void *context)
{
    int err = change_attempt(fs, change, context);

    if (is_passing(err) && !sync_write_exclusive(fs))
        err = change_attempt(fs, change, context);
    return err;
}

/*
 * Free all that VN has. What becomes free is kept in mind until it is free on
 * the device: if that is too much, for a file in very many pieces, its end goes
 * first, in steps.
 */
static int release(struct shale_fs *fs, struct shale_vnode *vn)
{
    int err = settle_by(fs, release_in_tx, vn);
    uint64_t step = vn->size / 2;

    if (vn->type != SHALE_TYPE_FILE || !fs->ops->resize)
        return err;
    while (err == SHALE_ENOMEM && step >= STEP_MIN && vn->size > 0) {
        struct cut cut = { vn, vn->size > step ? vn->size - step : 0 };
        int cut_err = settle_by(fs, cut_in_tx, &cut);

        if (cut_err == SHALE_ENOMEM)
            step /= 2;
        else if (cut_err)
            break;
        else
            err = settle_by(fs, release_in_tx, vn);
    }
    return err;
}

static void settle_orphan(struct shale_fs *fs, struct shale_vnode *vn,
                          bool can_change)
{
    int err = can_change ? release(fs, vn) : 0;

    if (is_passing(err)) {
        vnode_return_unsettled(vn);
        return;
    }
    if (err)
        shale_fail(fs, err, "vfs: the space of a removed file stays in use",
                   NULL, SHALE_NOWHERE);
    fs->state->orphans--;
    vnode_evict_settled(vn);
}

static void settle_excess(struct shale_fs *fs, struct shale_vnode *vn,
                          bool can_change)
{
    int err = can_change ? settle_by(fs, trim_in_tx, vn) : 0;

    if (is_passing(err)) {
        vnode_return_unsettled(vn);
        return;
    }
    if (err)
        shale_fail(fs, err, "vfs: space past the end of a file stays in use",
                   NULL, SHALE_NOWHERE);
    vnode_put_locked(vn);
}

void settle_locked(struct shale_fs *fs)
{
    /* What cannot be settled now comes to the list's end again. */
    size_t count = vnode_count_unsettled(fs);
    bool can_change = !fs->read_only;

    if (count == 0 || (can_change && change_open(fs)))
        return;
    for (; count > 0; count--) {
        struct shale_vnode *vn = vnode_take_unsettled(fs);

        if (!vn)
            return;
        if (vn->orphan)
            settle_orphan(fs, vn, can_change);
        else
            settle_excess(fs, vn, can_change);
        /* No batch is to be larger than what is written as a whole. */
        if (can_change && sync_is_due(fs) && sync_write_exclusive(fs))
            can_change = false;
    }
}

void settle(struct shale_fs *fs)
{
    if (vnode_count_unsettled(fs) == 0)
        return;
    volume_lock_exclusive(fs);
    settle_locked(fs);
    volume_unlock(fs);
}
