/*
 * writeback.c - changes reach the image within five seconds
 *
 * What a request changes is in memory until somebody asks for it to be durable.
 * A thread sees to it that this is not long: it sleeps until a first change
 * comes, and writes all there is as soon as none has come for a while, or the
 * first has waited for long enough. A change then costs one look at a flag.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <time.h>

#include "fuse/ops.h"

/* In looks: without a change, then write; since the first, write anyway. */
enum { QUIET_LOOKS = 2, OLD_LOOKS = 8 };

/* Milliseconds between two looks; with -o flush; and after an error. */
enum { LOOK_MS = 500, LOOK_FLUSH_MS = 50, RETRY_MS = 5000 };

struct writeback {
    struct service *service;
    pthread_t thread;
    sem_t wake;                 /* a change after none; or the end */
    atomic_bool dirty;          /* something is to be written */
    atomic_uint changes;        /* so far */
    atomic_bool stop;
};

/* ------------------------------------------------------------ the thread */

/* Sleep for MS milliseconds, or until woken. */
static void doze(struct writeback *w, int ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    sem_clockwait(&w->wake, CLOCK_MONOTONIC, &until);
}

/* From a first change on: until it is time to write. */
static void await_quiet(struct writeback *w)
{
    int ms = w->service->options->flush ? LOOK_FLUSH_MS : LOOK_MS;
    unsigned seen = atomic_load(&w->changes), quiet = 0;

    for (unsigned looks = 0;
         looks < OLD_LOOKS && quiet < QUIET_LOOKS && !atomic_load(&w->stop);
         looks++) {
        unsigned now;

        doze(w, ms);
        now = atomic_load(&w->changes);
        quiet = now == seen ? quiet + 1 : 0;
        seen = now;
    }
}

static void *writeback_main(void *context)
{
    struct writeback *w = context;
    struct shale_fs *fs = w->service->fs;

    while (!atomic_load(&w->stop)) {
        while (sem_wait(&w->wake) < 0)
            continue;
        await_quiet(w);
        if (atomic_load(&w->stop))
            break;
        /* First, so that a change from here on wakes us again. */
        atomic_store(&w->dirty, false);
        if (shale_writeback(fs) == 0 || shale_fs_read_only(fs))
            continue;
        /* The log knows of the error; the volume goes on, so try again. */
        doze(w, RETRY_MS);
        if (!atomic_exchange(&w->dirty, true))
            sem_post(&w->wake);
    }
    return NULL;
}

/* ---------------------------------------------------------- who changes */

static void note(struct service *service)
{
    struct writeback *w = service->writeback;

    if (!w)
        return;
    atomic_fetch_add_explicit(&w->changes, 1, memory_order_relaxed);
    if (!atomic_load(&w->dirty) && !atomic_exchange(&w->dirty, true))
        sem_post(&w->wake);
}

int64_t changed(struct service *service, int64_t result)
{
    int err = 0;

    if (result < 0)
        return result;
    note(service);
    if (service->options->flags & MS_SYNCHRONOUS)
        err = shale_writeback(service->fs);
    return err ? err : result;
}

int changed_names(struct service *service, int err)
{
    if (err)
        return err;
    if (!(service->options->flags & MS_DIRSYNC))
        return (int)changed(service, 0);
    note(service);
    return shale_writeback(service->fs);
}

/* ------------------------------------------------------- start and end */

bool writeback_start(struct service *service)
{
    struct writeback *w = calloc(1, sizeof *w);

    if (!w)
        return false;
    w->service = service;
    sem_init(&w->wake, 0, 0);
    errno = pthread_create(&w->thread, NULL, writeback_main, w);
    if (errno) {
        free(w);
        return false;
    }
    service->writeback = w;
    return true;
}

void writeback_stop(struct service *service)
{
    struct writeback *w = service->writeback;

    if (!w)
        return;
    atomic_store(&w->stop, true);
    sem_post(&w->wake);
    pthread_join(w->thread, NULL);
    sem_destroy(&w->wake);
    free(w);
    service->writeback = NULL;
}
