/*
 * watch.c - locks that watch over their order
 */
#include "watch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "vfs/vfs.h"

struct watch_lock {
    pthread_rwlock_t lock;
    enum watch_rank rank;
};

#define HELD_MAX 10u

struct held {
    struct watch_lock *lock;
    bool exclusive;
};

static _Thread_local struct held held[HELD_MAX];
static _Thread_local unsigned held_count;

/* Not ck_assert: this is called by every thread of a test. */
void watch_insist(bool what, const char *why)
{
    if (!what) {
        fprintf(stderr, "watch: %s\n", why);
        abort();
    }
}

unsigned watch_held(void)
{
    return held_count;
}

/* May a lock of rank B be taken by who holds one of rank A? */
static bool in_order(enum watch_rank a, enum watch_rank b)
{
    if (a == WATCH_VNODE && b == WATCH_VNODE)
        return true;            /* two files, the lower number first */
    return a < b || b == WATCH_LEAF;
}

static void lock_enter(struct watch_lock *lock, bool exclusive)
{
    for (unsigned i = 0; i < held_count; i++) {
        watch_insist(held[i].lock != lock, "a lock is taken twice");
        watch_insist(held[i].lock->rank != WATCH_TABLE,
                     "a lock under the table's");
        watch_insist(in_order(held[i].lock->rank, lock->rank),
                     "locks are taken out of order");
    }
    watch_insist(held_count < HELD_MAX, "too many locks");
    held[held_count++] = (struct held){ lock, exclusive };
}

static int lock_init(void *lock)
{
    struct watch_lock *l = lock;

    l->rank = WATCH_LEAF;
    return pthread_rwlock_init(&l->lock, NULL) ? SHALE_ENOMEM : 0;
}

static void lock_fini(void *lock)
{
    pthread_rwlock_destroy(&((struct watch_lock *)lock)->lock);
}

static void watch_lock_exclusive(void *lock)
{
    lock_enter(lock, true);
    pthread_rwlock_wrlock(&((struct watch_lock *)lock)->lock);
}

static void watch_lock_shared(void *lock)
{
    lock_enter(lock, false);
    pthread_rwlock_rdlock(&((struct watch_lock *)lock)->lock);
}

static void watch_unlock(void *lock)
{
    watch_insist(held_count > 0 && held[held_count - 1].lock == lock,
                 "a lock is released that is not the last one taken");
    held_count--;
    pthread_rwlock_unlock(&((struct watch_lock *)lock)->lock);
}

const struct shale_lock_ops watch_locks = {
    .size = sizeof(struct watch_lock),
    .init = lock_init,
    .fini = lock_fini,
    .lock = watch_lock_exclusive,
    .lock_shared = watch_lock_shared,
    .unlock = watch_unlock,
};

static int plain_init(void *lock)
{
    return pthread_rwlock_init(lock, NULL) ? SHALE_ENOMEM : 0;
}

static void plain_fini(void *lock)
{
    pthread_rwlock_destroy(lock);
}

static void plain_exclusive(void *lock)
{
    pthread_rwlock_wrlock(lock);
}

static void plain_shared(void *lock)
{
    pthread_rwlock_rdlock(lock);
}

static void plain_unlock(void *lock)
{
    pthread_rwlock_unlock(lock);
}

const struct shale_lock_ops watch_plain_locks = {
    .size = sizeof(pthread_rwlock_t),
    .init = plain_init,
    .fini = plain_fini,
    .lock = plain_exclusive,
    .lock_shared = plain_shared,
    .unlock = plain_unlock,
};

/* --------------------------------------------------- what a driver asks */

static bool watched(struct shale_fs *fs)
{
    return fs->state->locks == &watch_locks;
}

static void rank_set(void *lock, enum watch_rank rank)
{
    ((struct watch_lock *)lock)->rank = rank;
}

void watch_mount(struct shale_fs *fs)
{
    if (!watched(fs))
        return;
    rank_set(fs->state->batch_lock, WATCH_BATCH);
    rank_set(fs->state->volume_lock, WATCH_VOLUME);
    rank_set(fs->state->table.lock, WATCH_TABLE);
}

void watch_load(struct shale_vnode *vn)
{
    if (watched(vn->fs))
        rank_set(vn->lock, WATCH_VNODE);
    else
        watch_insist(vn->fs->state->locks || !vn->lock,
                     "a lock from nowhere");
}

/* Does this thread hold LOCK, as EXCLUSIVE says or better? */
static bool holds(const void *lock, bool exclusive)
{
    for (unsigned i = 0; i < held_count; i++)
        if (held[i].lock == lock)
            return held[i].exclusive || !exclusive;
    return false;
}

void watch_volume(struct shale_fs *fs, bool exclusive)
{
    watch_insist(!watched(fs) || holds(fs->state->volume_lock, exclusive),
                 "the driver is called without the volume's lock");
}

void watch_vnode(struct shale_vnode *vn, bool exclusive)
{
    watch_insist(!watched(vn->fs) || holds(vn->lock, exclusive),
                 "the driver is called without the file's lock");
}

void watch_no_more_than(enum watch_rank rank, const char *why)
{
    for (unsigned i = 0; i < held_count; i++)
        watch_insist(held[i].lock->rank <= rank, why);
}

void watch_not(enum watch_rank rank, const char *why)
{
    for (unsigned i = 0; i < held_count; i++)
        watch_insist(held[i].lock->rank != rank, why);
}
