/*
 * placement.c - serve a caller on the processor that it runs on
 *
 * A program that looks up one name after the other waits for each answer, so
 * it and the worker never run at the same time. On two processors each request
 * then costs two wake-ups across them, which is most of its price; on one
 * processor it is a change of context and back. The scheduler does not see
 * that and spreads them, so the supervisor watches and, while requests come
 * from one caller, one after the other, keeps the worker's threads on that
 * caller's processor. As soon as callers mix, or large reads make copying what
 * takes the time, the threads may run anywhere again.
 *
 * That alone would chase the caller from processor to processor: woken by a
 * worker that is still running, it is sent to one that has nothing to do. But
 * the scheduler takes a processor on which only SCHED_IDLE threads run for one
 * of those, and so leaves the caller where it is if the worker is such a
 * thread. It would starve beside anybody else who computes there; so as soon
 * as requests come slowly the worker is an ordinary one again, and stays that
 * for a while. Where we could not undo it (an ordinary user without
 * RLIMIT_NICE cannot) it is not done.
 *
 * The worker counts, in memory that both share; the supervisor, which alone may
 * read /proc, looks every TICK while requests come, and sleeps when none do.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fuse/daemon.h"

enum {
    TICK_MS = 10,
    IDLE_TICKS = 50,            /* without a request, then stop looking */
    REST_TICKS = 20,            /* from slow requests to the next try */
    SERIAL_MIN = 10,            /* requests a tick worth moving for */
    OVERLAP_SHARE = 8,          /* of so many, at most one may be apart */
};

/* Nice value 0, as RLIMIT_NICE counts. */
#define NICE_ZERO 20

struct placement *placement_create(void)
{
    struct placement *p;
    void *shared;

    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        return NULL;
    shared = mmap(NULL, sizeof(struct placement), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return NULL;
    p = shared;
    if (sched_getaffinity(0, sizeof p->all, &p->all) < 0)
        memset(&p->all, 0xff, sizeof p->all);
    return p;
}

/* ------------------------------------------------------------ the worker */

/*
 * A thread whose class of I/O was never set gets it from its policy, so that
 * for a SCHED_IDLE one every other program's requests would go first. A thread
 * inherits what is set (ioprio_set(2)); glibc has no wrapper and no names.
 */
static void keep_io_priority(void)
{
    enum { WHO_PROCESS = 1, CLASS_BEST_EFFORT = 2, CLASS_SHIFT = 13,
           NORMAL = 4 };

    syscall(SYS_ioprio_set, WHO_PROCESS, 0,
            CLASS_BEST_EFFORT << CLASS_SHIFT | NORMAL);
}

void placement_join(struct placement *p)
{
    unsigned slot;

    if (!p)
        return;
    slot = atomic_fetch_add(&p->thread_count, 1);
    if (slot == 0)
        keep_io_priority();
    if (slot < PLACEMENT_THREADS)
        atomic_store(&p->threads[slot], gettid());
}

/*
 * Without a supervisor nobody would ever move the threads back. Its death is a
 * signal to the main thread; the others see a flag, each with its next request.
 */
static struct placement *survivor;
static atomic_bool orphaned;
static _Thread_local bool restored;

/* Be a thread as any other. A mere two system calls. */
static void restore(const struct placement *p)
{
    const struct sched_param none = { .sched_priority = 0 };

    restored = true;
    sched_setaffinity(0, sizeof p->all, &p->all);
    sched_setscheduler(0, SCHED_OTHER, &none);
}

static void on_orphaned(int signal)
{
    int saved = errno;

    (void)signal;
    orphaned = true;
    restore(survivor);
    if (survivor->name[0])      /* shale umount has to wait for us, now */
        prctl(PR_SET_NAME, survivor->name);
    errno = saved;
}

void placement_survive(struct placement *p)
{
    const struct sigaction action = { .sa_handler = on_orphaned,
                                      .sa_flags = SA_RESTART };

    /* Or a SCHED_IDLE thread without privileges has to stay one. */
    const struct rlimit no_nicer = { NICE_ZERO, NICE_ZERO };

    if (!p)
        return;
    survivor = p;
    setrlimit(RLIMIT_NICE, &no_nicer);
    sigaction(SIGUSR2, &action, NULL);
    prctl(PR_SET_PDEATHSIG, SIGUSR2);
}

bool placement_note(struct placement *p, pid_t caller, bool large)
{
    const memory_order any = memory_order_relaxed;

    if (!p)
        return false;
    if (orphaned && !restored)
        restore(p);
    if (atomic_exchange_explicit(&p->caller, caller, any) != caller || large)
        atomic_fetch_add_explicit(&p->apart, 1, any);
    atomic_fetch_add_explicit(&p->requests, 1, any);
    return !atomic_load_explicit(&p->watched, any) &&
           !atomic_exchange_explicit(&p->watched, true, any);
}

/* -------------------------------------------------------- the supervisor */

/* The processor that thread ID ran on last; -1 if nobody will tell. */
static int processor_of(pid_t id)
{
    char path[32], text[1024], *at;
    size_t got;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)id);
    file = fopen(path, "re");
    if (!file)
        return -1;
    got = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[got] = '\0';

    /* proc(5): the name, field 2, ends with the last ')'; we want field 39. */
    at = strrchr(text, ')');
    for (int field = 2; at && field < 39; field++)
        at = strchr(at + 1, ' ');
    return at ? atoi(at + 1) : -1;
}

/* Can a thread of ours become SCHED_IDLE, and an ordinary one again? */
static void *try_policies(void *out)
{
    const struct sched_param none = { .sched_priority = 0 };

    *(bool *)out = sched_setscheduler(0, SCHED_IDLE, &none) == 0 &&
                   sched_setscheduler(0, SCHED_OTHER, &none) == 0;
    return NULL;
}

/* Tried on a thread that ends then, as it may not find back. */
static bool may_change_policy(void)
{
    bool may = false;
    pthread_t thread;

    if (pthread_create(&thread, NULL, try_policies, &may) == 0)
        pthread_join(thread, NULL);
    return may;
}

static void move_threads(struct placement *p, const cpu_set_t *set, int policy)
{
    const struct sched_param none = { .sched_priority = 0 };
    unsigned count = atomic_load(&p->thread_count);

    for (unsigned i = 0; i < count && i < PLACEMENT_THREADS; i++) {
        pid_t id = atomic_load(&p->threads[i]);

        sched_setaffinity(id, sizeof *set, set);
        if (policy >= 0)
            sched_setscheduler(id, policy, &none);
    }
}

/* Keep the worker on PROCESSOR; on any that it had at first, if that is -1. */
static void move_to(struct placement *p, struct placement_watch *watch,
                    int processor)
{
    cpu_set_t one;

    if (processor == watch->processor)
        return;
    if (!watch->tried) {
        watch->tried = true;
        watch->may_idle = may_change_policy();
    }
    if (processor < 0) {
        move_threads(p, &p->all, watch->may_idle ? SCHED_OTHER : -1);
    } else {
        CPU_ZERO(&one);
        CPU_SET((size_t)processor, &one);
        move_threads(p, &one, watch->may_idle ? SCHED_IDLE : -1);
    }
    watch->processor = processor;
}

void placement_watch_init(struct placement_watch *watch)
{
    *watch = (struct placement_watch){ .processor = -1 };
}

int placement_tick(struct placement *p, struct placement_watch *watch)
{
    unsigned requests, apart;
    int processor = -1;

    if (!p || !atomic_load(&p->watched))
        return -1;
    requests = atomic_load(&p->requests) - watch->requests;
    apart = atomic_load(&p->apart) - watch->apart;
    watch->requests += requests;
    watch->apart += apart;

    /* Slow: the caller does something else, or others compete. */
    if (requests < SERIAL_MIN && watch->processor >= 0)
        watch->rest = REST_TICKS;
    else if (watch->rest > 0)
        watch->rest--;

    if (requests == 0) {
        move_to(p, watch, -1);
        if (++watch->idle < IDLE_TICKS)
            return TICK_MS;
        watch->idle = 0;
        watch->rest = 0;
        atomic_store(&p->watched, false);
        return -1;
    }
    watch->idle = 0;
    if (requests >= SERIAL_MIN && apart <= requests / OVERLAP_SHARE &&
        watch->rest == 0)
        processor = processor_of(atomic_load(&p->caller));
    if (processor >= CPU_SETSIZE ||
        (processor >= 0 && !CPU_ISSET((size_t)processor, &p->all)))
        processor = -1;
    move_to(p, watch, processor);
    return TICK_MS;
}
