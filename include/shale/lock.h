/*
 * lock.h - the locks a host lends
 *
 * The core never knows what a lock is. It allocates `size` bytes for each one
 * it needs, and calls these. A single-threaded kernel lends none (a NULL
 * pointer in struct shale_config), and the core then takes none.
 *
 * Every lock is a reader-writer lock; none is taken recursively, and none is
 * ever held while the core calls back into the host's emit or log functions
 * unless those functions' contracts say so.
 */
#ifndef SHALE_LOCK_H
#define SHALE_LOCK_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_lock_ops {
    size_t size;                /* bytes of one lock, aligned like a pointer */

    /* Prepare the lock in LOCK's bytes. 0 or a negative enum shale_err. */
    int (*init)(void *lock);
    void (*fini)(void *lock);

    void (*lock)(void *lock);           /* exclusive: writers */
    void (*lock_shared)(void *lock);    /* shared: readers */
    void (*unlock)(void *lock);         /* either kind */
};

#ifdef __cplusplus
}
#endif

#endif /* SHALE_LOCK_H */
