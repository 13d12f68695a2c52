/*
 * places.c - a number for each thread, of those that there are now
 *
 * A thread gets one when it first asks, the lowest that is free. When it ends,
 * what it has at hand in each allocator goes back, and then its number: to give
 * that back releases, and to get it acquires.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "shale/host.h"

enum { PLACES = 32 };

/* At one distance from the thread pointer, which lets the core find it. */
static _Thread_local unsigned mine
    __attribute__((tls_model("initial-exec")));     /* plus 1; 0: nowhere */
static _Thread_local bool is_over;      /* ... for good: the thread ends */

static atomic_uint taken;               /* bit I: place I is somebody's */
static pthread_key_t at_exit;
static struct shale_once key_made = SHALE_ONCE_INIT_POISON;

static pthread_mutex_t users_lock = PTHREAD_MUTEX_INITIALIZER;
static struct shale_place_user *users;

static void place_release(unsigned place)
{
    atomic_fetch_and_explicit(&taken, ~(1u << place), memory_order_release);
}

static void thread_ends(void *value)
{
    unsigned place = (unsigned)(uintptr_t)value - 1;

    pthread_mutex_lock(&users_lock);
    for (struct shale_place_user *user = users; user; user = user->next)
        shale_mem_vacate(user->mem, place);
    pthread_mutex_unlock(&users_lock);
    mine = 0;
    is_over = true;
    place_release(place);
}

static int key_make(void *context)
{
    (void)context;
    return -pthread_key_create(&at_exit, thread_ends);
}

/* A place for this thread, plus 1; or 0. */
static unsigned place_get(void)
{
    unsigned was = atomic_load_explicit(&taken, memory_order_relaxed), place;

    if (is_over || shale_once(&key_made, key_make, NULL, &shale_host_once_wait))
        return 0;
    do {
        if (was == UINT32_MAX)
            return 0;
        place = (unsigned)__builtin_ctz(~was);
    } while (!atomic_compare_exchange_weak_explicit(
        &taken, &was, was | 1u << place, memory_order_acquire,
        memory_order_relaxed));
    if (pthread_setspecific(at_exit, (void *)(uintptr_t)(place + 1))) {
        place_release(place);
        return 0;
    }
    return place + 1;
}

static unsigned host_enter(struct shale_places *places)
{
    (void)places;
    if (mine == 0)
        mine = place_get();
    return mine ? mine - 1 : PLACES;
}

static const unsigned *host_own(struct shale_places *places)
{
    (void)places;
    return &mine;
}

static void host_attach(struct shale_places *places,
                        struct shale_place_user *user)
{
    (void)places;
    pthread_mutex_lock(&users_lock);
    user->prev = NULL;
    user->next = users;
    if (users)
        users->prev = user;
    users = user;
    pthread_mutex_unlock(&users_lock);
}

static void host_detach(struct shale_places *places,
                        struct shale_place_user *user)
{
    (void)places;
    pthread_mutex_lock(&users_lock);
    if (user->next)
        user->next->prev = user->prev;
    if (user->prev)
        user->prev->next = user->next;
    else
        users = user->next;
    pthread_mutex_unlock(&users_lock);
}

struct shale_places shale_host_places = {
    .count  = PLACES,
    .enter  = host_enter,
    .own    = host_own,
    .attach = host_attach,
    .detach = host_detach,
};
