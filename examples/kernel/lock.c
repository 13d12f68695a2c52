/*
 * lock.c - locks, and the waiting for them
 *
 * A spinlock protects a few instructions, and everything here stands on it: a
 * lock that threads may hold for long is a number, and, under a spinlock, two
 * lists of threads that wait for the number to change. While nobody waits, the
 * number is changed by one instruction, and the spinlock left alone.
 *
 * With one processor the loop in spin_lock() never turns: with interrupts off
 * nobody else runs. It is there because it is what makes the lock one for more
 * processors.
 */
#include "arch.h"
#include "kernel.h"
#include "machine.h"

void spin_lock(struct spinlock *lock)
{
    bool interrupts = interrupts_off();

    while (atomic_exchange_explicit(&lock->held, 1, memory_order_acquire))
        continue;
    lock->interrupts = interrupts;
}

void spin_unlock(struct spinlock *lock)
{
    bool interrupts = lock->interrupts;

    atomic_store_explicit(&lock->held, 0, memory_order_release);
    interrupts_restore(interrupts);
}

/* ------------------------------------------------- the locks of threads */

/*
 * A lock's state is the sum of these; a free one's is 0. While AWAITED is in it
 * only who holds the spinlock changes it.
 */
#define WRITER  1u              /* one has it */
#define AWAITED 2u              /* somebody waits, or looks whether he must */
#define READER  4u              /* for each that has it */

/* Go from the state FROM to TO, if that is what it is. */
static bool go(struct lock *lock, unsigned from, unsigned to)
{
    return atomic_compare_exchange_strong_explicit(
        &lock->state, &from, to, memory_order_acq_rel, memory_order_relaxed);
}

static unsigned look(const struct lock *lock)
{
    return atomic_load_explicit(&lock->state, memory_order_relaxed);
}

/* Take the spinlock, and have the state to oneself; answers it. */
static unsigned hold_still(struct lock *lock)
{
    spin_lock(&lock->spin);
    return atomic_fetch_or(&lock->state, AWAITED) & ~AWAITED;
}

/* ... and give both back: the state is STATE. */
static void let_go(struct lock *lock, unsigned state)
{
    bool awaited = lock->writers_waiting > 0 || lock->readers.first;

    atomic_store_explicit(&lock->state, state | (awaited ? AWAITED : 0),
                          memory_order_release);
    spin_unlock(&lock->spin);
}

static void wait_exclusive(struct lock *lock)
{
    unsigned state = hold_still(lock);

    lock->writers_waiting++;
    while (state != 0) {
        wait_on(&lock->writers, &lock->spin);
        state = look(lock) & ~AWAITED;
    }
    lock->writers_waiting--;
    let_go(lock, WRITER);
}

static void wait_shared(struct lock *lock)
{
    unsigned state = hold_still(lock);

    while (state & WRITER || lock->writers_waiting > 0) {
        wait_on(&lock->readers, &lock->spin);
        state = atomic_fetch_or(&lock->state, AWAITED) & ~AWAITED;
    }
    let_go(lock, state + READER);
}

static void release_awaited(struct lock *lock)
{
    unsigned state = hold_still(lock);

    state = state & WRITER ? 0 : state - READER;
    if (state == 0) {
        if (lock->writers_waiting > 0)
            wake_one(&lock->writers);
        else
            wake_all(&lock->readers);
    }
    let_go(lock, state);
}

void lock_exclusive(struct lock *lock)
{
    if (!go(lock, 0, WRITER))
        wait_exclusive(lock);
}

void lock_shared(struct lock *lock)
{
    unsigned state = look(lock);

    while (!(state & (WRITER | AWAITED))) {
        if (go(lock, state, state + READER))
            return;
        state = look(lock);
    }
    wait_shared(lock);
}

void lock_release(struct lock *lock)
{
    unsigned state = look(lock);

    while (!(state & AWAITED)) {
        if (go(lock, state, state & WRITER ? 0 : state - READER))
            return;
        state = look(lock);
    }
    release_awaited(lock);
}

/* ------------------------------------------------ as Shale takes them */

static int ops_init(void *lock)
{
    memset(lock, 0, sizeof(struct lock));
    return 0;
}

static void ops_fini(void *lock)
{
    if (look(lock) & ~AWAITED)
        panic("a lock goes that somebody holds");
}

static void ops_exclusive(void *lock)
{
    lock_exclusive(lock);
}

static void ops_shared(void *lock)
{
    lock_shared(lock);
}

static void ops_release(void *lock)
{
    lock_release(lock);
}

const struct shale_lock_ops kernel_locks = {
    .size = sizeof(struct lock),
    .init = ops_init,
    .fini = ops_fini,
    .lock = ops_exclusive,
    .lock_shared = ops_shared,
    .unlock = ops_release,
};
