/*
 * lock.c - pthread reader-writer locks for the core
 *
 * The core never takes a lock it already holds, so writers may go first, and
 * a stream of readers cannot keep one waiting for ever.
 */
#include <pthread.h>

#include "shale/err.h"
#include "shale/host.h"

_Static_assert(_Alignof(pthread_rwlock_t) <= _Alignof(void *),
               "the core aligns a lock like a pointer");

static int rwlock_init(void *lock)
{
    pthread_rwlockattr_t attr;
    int err;

    err = pthread_rwlockattr_init(&attr);
    if (err)
        return -err;
#ifdef __GLIBC__
    pthread_rwlockattr_setkind_np(
        &attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
#endif
    err = pthread_rwlock_init(lock, &attr);
    pthread_rwlockattr_destroy(&attr);
    return -err;
}

static void rwlock_fini(void *lock)
{
    pthread_rwlock_destroy(lock);
}

static void rwlock_lock(void *lock)
{
    pthread_rwlock_wrlock(lock);
}

static void rwlock_lock_shared(void *lock)
{
    pthread_rwlock_rdlock(lock);
}

static void rwlock_unlock(void *lock)
{
    pthread_rwlock_unlock(lock);
}

const struct shale_lock_ops shale_host_locks = {
    .size        = sizeof(pthread_rwlock_t),
    .init        = rwlock_init,
    .fini        = rwlock_fini,
    .lock        = rwlock_lock,
    .lock_shared = rwlock_lock_shared,
    .unlock      = rwlock_unlock,
};
