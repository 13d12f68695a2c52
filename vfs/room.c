/*
 * room.c - memory for those who found none
 *
 * Memory has a bound, and a volume fills it with what it keeps to be fast. So
 * who finds none is not told so before all this has happened, and he has asked
 * again after each:
 *
 *   1. Vnodes that nobody uses are given up, and half of the blocks and of what
 *      was decoded; then all of that.
 *   2. The volume becomes his alone: all others have left it, and given back
 *      what they needed while they were there.
 *   3. The batch is written. Until then none of its blocks can be given up; and
 *      a page of memory is not free while one of the blocks in it is not, so
 *      that a few of them can keep much more than they take.
 *   4. As 1.
 *
 * What fails then needs more by itself than there is beside what is in use: the
 * files that are open, what a kernel knows, what the driver keeps of the volume
 * as a whole.
 *
 * To become alone is to take the volume's lock exclusive where it was shared,
 * and in between it is nobody's: so a call is made again as a whole, and not
 * from where it was. Calls that change something are alone anyway; what they do
 * is in transact.c.
 */
#include "decoded.h"
#include "profile.h"
#include "room.h"

enum {
    SHARED,
    ALONE,
    HELD,                       /* alone, and the lock is the caller's */
};

bool vfs_make_room(struct shale_fs *fs, unsigned tries)
{
    struct shale_cache_stats stats;
    size_t freed;

    if (tries > 1)
        return false;
    freed = vnode_drop_unused(fs);
    shale_slab_shrink(fs->state->table.slab);
    freed += decoded_shrink(fs, tries == 0 ? decoded_bytes(fs) / 2 : SIZE_MAX);
    shale_fs_cache_stats(fs, &stats);
    if (fs->cache)
        freed += shale_cache_shrink(fs->cache, tries == 0 ? stats.bytes / 2
                                                          : SIZE_MAX);
    return freed > 0;
}

/* Write what waits, with the volume's lock exclusive. False if nothing did. */
static bool write_waiting(struct shale_fs *fs)
{
    return PROFILE_WRITES && sync_waiting(fs);
}

/* ------------------------------------------------- with the volume's lock */

static void visit_begin(struct visit *v, struct shale_fs *fs, uint8_t how)
{
    *v = (struct visit){ .fs = fs, .how = how };
}

void visit_shared(struct visit *v, struct shale_fs *fs)
{
    visit_begin(v, fs, SHARED);
    volume_lock_shared(fs);
}

void visit_held(struct visit *v, struct shale_fs *fs)
{
    visit_begin(v, fs, HELD);
}

/*
 * Have the volume alone, and nothing waiting. False if that was so, which is to
 * say that it is of no help.
 */
static bool visit_alone(struct visit *v)
{
    struct shale_fs *fs = v->fs;
    bool helps = false;

    if (v->written)
        return false;
    v->written = true;
    v->tries = 0;
    if (v->how == SHARED) {
        volume_unlock(fs);
        volume_lock_exclusive(fs);
        v->how = ALONE;
        helps = fs->state->locks != NULL;
    }
    return write_waiting(fs) || helps;
}

bool visit_again(struct visit *v, int64_t err)
{
    if (err == SHALE_ENOMEM &&
        (vfs_make_room(v->fs, v->tries++) || visit_alone(v)))
        return true;
    if (v->how != HELD)
        volume_unlock(v->fs);
    return false;
}

/* --------------------------------------------------------- without it */

/*
 * Nothing is read or written for those who ask with the lock held: so somebody
 * might take what has been made free. That would have to be all of it.
 */
bool room_again(struct shale_fs *fs, int64_t err, unsigned *tries)
{
    bool helps;

    if (err != SHALE_ENOMEM || *tries > 2)
        return false;
    if (*tries < 2 && vfs_make_room(fs, *tries)) {
        ++*tries;
        return true;
    }
    *tries = 3;
    volume_lock_exclusive(fs);
    helps = write_waiting(fs) || fs->state->locks;
    vfs_make_room(fs, 1);
    volume_unlock(fs);
    return helps;
}

void *vfs_alloc(struct shale_fs *fs, size_t size)
{
    unsigned tries = 0;
    void *result;

    do
        result = shale_alloc(fs->mem, size);
    while (!result && room_again(fs, SHALE_ENOMEM, &tries));
    return result;
}
