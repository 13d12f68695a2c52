/*
 * base.c - memory, which is counted; locks; when to stop
 *
 * A check that has run out of memory ends soon: what fails says so at once to
 * whoever can return an error, and to the rest by check_going().
 */
#include "check/state.h"
#include "lock.h"

/* ----------------------------------------------------------------- memory */

static void memory_add(struct check_state *state, size_t size)
{
    size_t now = __atomic_add_fetch(&state->memory, size, __ATOMIC_RELAXED);
    size_t peak = __atomic_load_n(&state->memory_peak, __ATOMIC_RELAXED);

    while (now > peak &&
           !__atomic_compare_exchange_n(&state->memory_peak, &peak, now, true,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

void check_fail(struct check *check)
{
    __atomic_store_n(&check->state->failed, SHALE_ENOMEM, __ATOMIC_RELAXED);
}

void *check_alloc(struct check *check, size_t size)
{
    void *ptr = shale_alloc(check->mem, size);

    if (ptr)
        memory_add(check->state, size);
    else if (size > 0)
        check_fail(check);
    return ptr;
}

void *check_zalloc(struct check *check, size_t size)
{
    void *ptr = shale_zalloc(check->mem, size);

    if (ptr)
        memory_add(check->state, size);
    else if (size > 0)
        check_fail(check);
    return ptr;
}

void check_free(struct check *check, void *ptr, size_t size)
{
    if (!ptr)
        return;
    shale_free(check->mem, ptr, size);
    __atomic_sub_fetch(&check->state->memory, size, __ATOMIC_RELAXED);
}

/* ------------------------------------------------------------------ locks */

/* The locks to be used; NULL where nobody else is about. */
static const struct shale_lock_ops *ops_of(const struct check *check)
{
    return check->workers > 1 ? check->config->locks : NULL;
}

int check_lock_init(struct check *check, struct check_lock *lock)
{
    const struct shale_lock_ops *ops = ops_of(check);
    int err;

    lock->lock = NULL;
    if (!ops)
        return 0;
    lock->lock = check_alloc(check, ops->size);
    if (!lock->lock)
        return SHALE_ENOMEM;
    err = ops->init(lock->lock);
    if (err) {
        check_free(check, lock->lock, ops->size);
        lock->lock = NULL;
        check_fail(check);
    }
    return err ? SHALE_ENOMEM : 0;
}

void check_lock_fini(struct check *check, struct check_lock *lock)
{
    const struct shale_lock_ops *ops = ops_of(check);

    if (!ops || !lock->lock)
        return;
    ops->fini(lock->lock);
    check_free(check, lock->lock, ops->size);
    lock->lock = NULL;
}

void check_lock(struct check *check, struct check_lock *lock)
{
    lock_exclusive(ops_of(check), lock->lock);
}

void check_unlock(struct check *check, struct check_lock *lock)
{
    lock_release(ops_of(check), lock->lock);
}

/* -------------------------------------------------------------- the state */

int check_state_init(struct check *check)
{
    struct check_state *state = check->state;
    int err;

    err = check_lock_init(check, &state->sinks);
    if (!err)
        err = check_lock_init(check, &state->counts);
    return err ? err : check_lock_init(check, &state->turn);
}

void check_state_fini(struct check *check)
{
    struct check_state *state = check->state;

    check_lock_fini(check, &state->sinks);
    check_lock_fini(check, &state->counts);
    check_lock_fini(check, &state->turn);
}

int check_going(struct check *check)
{
    const volatile bool *stop = check->config->stop;

    if (stop && __atomic_load_n(stop, __ATOMIC_RELAXED))
        return SHALE_EINTR;
    return __atomic_load_n(&check->state->failed, __ATOMIC_RELAXED);
}
