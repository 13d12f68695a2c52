/*
 * lock.c - locks, and the waiting for them
 *
 * A spinlock protects a few instructions, and everything here stands on it: a
 * lock that threads may hold for long is a count under a spinlock, and two
 * lists of threads that wait for the count to change.
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

void lock_exclusive(struct lock *lock)
{
    spin_lock(&lock->spin);
    lock->writers_waiting++;
    while (lock->holders != 0)
        wait_on(&lock->writers, &lock->spin);
    lock->writers_waiting--;
    lock->holders = -1;
    spin_unlock(&lock->spin);
}

void lock_shared(struct lock *lock)
{
    spin_lock(&lock->spin);
    while (lock->holders < 0 || lock->writers_waiting > 0)
        wait_on(&lock->readers, &lock->spin);
    lock->holders++;
    spin_unlock(&lock->spin);
}

void lock_release(struct lock *lock)
{
    spin_lock(&lock->spin);
    lock->holders = lock->holders < 0 ? 0 : lock->holders - 1;
    if (lock->holders == 0) {
        if (lock->writers_waiting > 0)
            wake_one(&lock->writers);
        else
            wake_all(&lock->readers);
    }
    spin_unlock(&lock->spin);
}

/* ------------------------------------------------ as Shale takes them */

static int ops_init(void *lock)
{
    memset(lock, 0, sizeof(struct lock));
    return 0;
}

static void ops_fini(void *lock)
{
    if (((struct lock *)lock)->holders != 0)
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
