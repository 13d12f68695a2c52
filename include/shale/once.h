/*
 * once.h - what is to be done once, by whoever comes first
 *
 *      static struct shale_once once = SHALE_ONCE_INIT;
 *
 *      err = shale_once(&once, read_table, volume, wait);
 *
 * Whoever finds it done pays for one load. Who comes while another is at it
 * waits by means that the host lends, as the core knows of none; or, in an
 * interrupt, where there is nothing to wait for, is told SHALE_EAGAIN.
 *
 *      new ----> running ----> done
 *                  |  ^
 *                  v  | unless it is poisoned
 *                 failed
 *
 * Errors     0 if it is done, now or before; else what INIT answered, a
 *            negative enum shale_err; SHALE_EAGAIN
 * Locking    any calls may overlap. What INIT wrote, who gets 0 sees. INIT must
 *            not ask for the same once again: it would wait for itself
 */
#ifndef SHALE_ONCE_H
#define SHALE_ONCE_H

#include <stdbool.h>
#include <stddef.h>

#include "shale/atomic.h"
#include "shale/err.h"

#ifdef __cplusplus
extern "C" {
#endif

enum shale_once_state {
    SHALE_ONCE_NEW,
    SHALE_ONCE_RUNNING,
    SHALE_ONCE_DONE,
    SHALE_ONCE_FAILED,
};

/* All zeros is a new one. */
struct shale_once {
    SHALE_ATOMIC(int) state;    /* or the error it has failed with */
    bool poison;                /* a failure is for good, and what every later
                                   call answers; else the next tries again */
};

#define SHALE_ONCE_INIT { 0, false }
#define SHALE_ONCE_INIT_POISON { 0, true }

/*
 * How a thread waits for another. All that use the same once lend the same.
 * To sleep, wait() takes a lock of the host's, sleeps for as long as
 * shale_once_state() is SHALE_ONCE_RUNNING, and is woken by wake(), which takes
 * that lock as well. Or it gives the processor to somebody else for a moment.
 */
struct shale_once_wait {
    /* Come back when ONCE may no longer be running, or earlier. */
    void (*wait)(struct shale_once_wait *self, const struct shale_once *once);

    /*
     * It is not, any more; NULL if nobody sleeps. ONCE is its address only: who
     * has seen that it is done may have freed it.
     */
    void (*wake)(struct shale_once_wait *self, const struct shale_once *once);
};

enum shale_once_state shale_once_state(const struct shale_once *once);

/* As shale_once(), if it is not known to be done. */
int shale_once_slow(struct shale_once *once, int (*init)(void *context),
                    void *context, struct shale_once_wait *wait);

/*
 * Call INIT, unless it has been done; if another thread is at it, wait for that
 * by WAIT, or, if this is NULL, answer SHALE_EAGAIN. After a failure those that
 * waited try themselves, one by one, or get the error if ONCE is poisoned.
 */
static inline int shale_once(struct shale_once *once,
                             int (*init)(void *context), void *context,
                             struct shale_once_wait *wait)
{
#ifdef __cplusplus
    int state = once->state.load(std::memory_order_acquire);
#else
    int state = atomic_load_explicit(&once->state, memory_order_acquire);
#endif

    return state == SHALE_ONCE_DONE
               ? 0 : shale_once_slow(once, init, context, wait);
}

/*
 * As shale_once(), for who cannot wait: an interrupt, or who has other ways. He
 * wakes nobody: not for a once that others sleep for.
 */
static inline int shale_once_try(struct shale_once *once,
                                 int (*init)(void *context), void *context)
{
    return shale_once(once, init, context, NULL);
}

#ifdef __cplusplus
}
#endif

#endif /* SHALE_ONCE_H */
