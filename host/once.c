/*
 * once.c - waiting until another thread has done what is to be done once
 *
 * One lock and one condition for all: waiting is rare, and short.
 */
#include <pthread.h>

#include "shale/host.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void host_wait(struct shale_once_wait *self,
                      const struct shale_once *once)
{
    (void)self;
    pthread_mutex_lock(&lock);
    while (shale_once_state(once) == SHALE_ONCE_RUNNING)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void host_wake(struct shale_once_wait *self,
                      const struct shale_once *once)
{
    (void)self;
    (void)once;
    pthread_mutex_lock(&lock);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

struct shale_once_wait shale_host_once_wait = { host_wait, host_wake };
