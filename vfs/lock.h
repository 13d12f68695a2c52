/*
 * lock.h - taking the locks that a host lends, if it lends any
 *
 * A lock is a pointer to bytes the core allocated and the host's init()
 * prepared; without locks both OPS and the lock are NULL, and these do nothing.
 */
#ifndef VFS_LOCK_H
#define VFS_LOCK_H

#include <stddef.h>

#include "shale/lock.h"

static inline void lock_exclusive(const struct shale_lock_ops *ops, void *lock)
{
    if (ops)
        ops->lock(lock);
}

static inline void lock_shared(const struct shale_lock_ops *ops, void *lock)
{
    if (ops)
        ops->lock_shared(lock);
}

static inline void lock_release(const struct shale_lock_ops *ops, void *lock)
{
    if (ops)
        ops->unlock(lock);
}

#endif /* VFS_LOCK_H */
