/*
 * workers.c - threads for whoever has work for several
 *
 * They live as long as one call of run(), which costs some ten microseconds:
 * little beside what is worth being done by several. The caller's thread is
 * one of them; and if the system gives fewer threads than were asked for, it
 * does what they would have done.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#include "shale/err.h"
#include "shale/host.h"

enum { WORKERS_MAX = 16 };      /* more wait for the image more than they do */

struct job {
    void (*call)(void *arg);
    void *arg;
};

static void *thread_main(void *arg)
{
    const struct job *job = arg;

    job->call(job->arg);
    return NULL;
}

/* Start up to COUNT threads; returns how many. Signals are the caller's. */
static unsigned start(pthread_t *threads, unsigned count, struct job *job)
{
    sigset_t all, before;
    unsigned started = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (started < count && pthread_create(&threads[started], NULL,
                                             thread_main, job) == 0)
        started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static int workers_run(struct shale_workers *workers, void (*call)(void *arg),
                       void *arg)
{
    struct job job = { call, arg };
    pthread_t threads[WORKERS_MAX];
    unsigned others = workers->count - 1;
    unsigned started = start(threads, others, &job);

    for (unsigned i = started; i < others + 1; i++)
        call(arg);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

/* How many CPUs this process may run on. */
static unsigned cpu_count(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return 1;
    return (unsigned)CPU_COUNT(&set);
}

struct shale_workers *shale_host_workers_create(unsigned count)
{
    struct shale_workers *workers = malloc(sizeof *workers);

    if (!workers)
        return NULL;
    if (count == 0)
        count = cpu_count();
    if (count > WORKERS_MAX)
        count = WORKERS_MAX;
    workers->count = count ? count : 1;
    workers->run = workers_run;
    return workers;
}

void shale_host_workers_destroy(struct shale_workers *workers)
{
    free(workers);
}
