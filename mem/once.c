/*
 * once.c - the calls that do not find it done
 *
 * Whoever moves the state to "running" does it, and nobody moves it away from
 * there but he. He sets what has become of it, which releases, and only then
 * wakes those that wait.
 */
#include "shale/once.h"

static int state_get(const struct shale_once *once)
{
    return atomic_load_explicit(&once->state, memory_order_acquire);
}

enum shale_once_state shale_once_state(const struct shale_once *once)
{
    int state = state_get(once);

    return state < 0 ? SHALE_ONCE_FAILED : (enum shale_once_state)state;
}

/* Do it, and tell. */
static int run(struct shale_once *once, int (*init)(void *context),
               void *context, struct shale_once_wait *wait)
{
    int err = init(context);

    atomic_store_explicit(&once->state, err ? err : SHALE_ONCE_DONE,
                          memory_order_release);
    if (wait && wait->wake)
        wait->wake(wait, once);
    return err;
}

int shale_once_slow(struct shale_once *once, int (*init)(void *context),
                    void *context, struct shale_once_wait *wait)
{
    int state = state_get(once);

    for (;;) {
        if (state == SHALE_ONCE_DONE)
            return 0;
        if (state < 0 && once->poison)
            return state;
        if (state != SHALE_ONCE_RUNNING) {
            if (atomic_compare_exchange_strong_explicit(
                    &once->state, &state, SHALE_ONCE_RUNNING,
                    memory_order_acquire, memory_order_acquire))
                return run(once, init, context, wait);
        } else if (!wait) {
            return SHALE_EAGAIN;
        } else {
            wait->wait(wait, once);
            state = state_get(once);
        }
    }
}
