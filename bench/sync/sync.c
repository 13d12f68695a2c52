/*
 * sync.c - the queue beside a ring with a mutex, and once beside pthread_once
 *
 * Each line is measured in turn with its peer, several rounds, and the median
 * is printed in nanoseconds of an item (or a call), with the ratio of the two.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "shale/once.h"
#include "shale/queue.h"

enum { ROUNDS = 9, SLOTS = 256, THREADS_MAX = 4, ITEMS = 400000 };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---------------------------------------------------- a ring with a mutex */

static struct {
    pthread_mutex_t lock;
    void *items[SLOTS];
    size_t head, count;
} ring = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool ring_push(void *item)
{
    bool room;

    pthread_mutex_lock(&ring.lock);
    room = ring.count < SLOTS;
    if (room)
        ring.items[(ring.head + ring.count++) % SLOTS] = item;
    pthread_mutex_unlock(&ring.lock);
    return room;
}

static void *ring_pop(void)
{
    void *item = NULL;

    pthread_mutex_lock(&ring.lock);
    if (ring.count > 0) {
        item = ring.items[ring.head];
        ring.head = (ring.head + 1) % SLOTS;
        ring.count--;
    }
    pthread_mutex_unlock(&ring.lock);
    return item;
}

static struct shale_queue_slot slots[SLOTS];
static struct shale_queue queue = SHALE_QUEUE_INIT(slots);

static bool queue_push(void *item)
{
    return shale_queue_push(&queue, item);
}

static void *queue_pop(void)
{
    return shale_queue_pop(&queue);
}

/* ----------------------------------------------------------------- queues */

static unsigned made;                   /* the item, too, for all it matters */

struct kind {
    bool (*push)(void *item);
    void *(*pop)(void);
};

static const struct kind kinds[] = {
    { queue_push, queue_pop }, { ring_push, ring_pop },
};

static const struct kind *kind;
static pthread_barrier_t start;
static size_t share;                    /* items of each thread of a side */

static void *producer(void *arg)
{
    pthread_barrier_wait(&start);
    for (size_t i = 0; i < share; i++)
        while (!kind->push(arg))
            sched_yield();
    return NULL;
}

static void *consumer(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&start);
    for (size_t i = 0; i < share; i++)
        while (!kind->pop())
            sched_yield();
    return NULL;
}

/* Puts one in and takes one out: a list of what is free, say. */
static void *both(void *arg)
{
    pthread_barrier_wait(&start);
    for (size_t i = 0; i < share; i++) {
        while (!kind->push(arg))
            sched_yield();
        while (!kind->pop())
            sched_yield();
    }
    return NULL;
}

/* COUNT threads, the first half of them FIRST. Returns ns an item. */
static double timed(unsigned count, void *(*first)(void *),
                    void *(*second)(void *), unsigned sides)
{
    pthread_t threads[THREADS_MAX];
    double since;

    share = ITEMS / count * sides;
    pthread_barrier_init(&start, NULL, count + 1);
    for (unsigned i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, i < (count + 1) / 2 ? first
                                                                  : second,
                           &made))
            abort();
    since = now();
    pthread_barrier_wait(&start);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
    return (now() - since) * 1e9 / ITEMS;
}

/* ------------------------------------------------------------------- once */

enum { CALLS = 20000000 };

static int make(void *context)
{
    (void)context;
    made++;
    return 0;
}

static void make_posix(void)
{
    made++;
}

static struct shale_once once = SHALE_ONCE_INIT;
static pthread_once_t once_posix = PTHREAD_ONCE_INIT;

static double once_timed(bool posix)
{
    double since = now();

    for (unsigned i = 0; i < CALLS; i++) {
        if (posix)
            pthread_once(&once_posix, make_posix);
        else
            shale_once(&once, make, NULL, NULL);
        __asm__ volatile("" ::: "memory");
    }
    return (now() - since) * 1e9 / CALLS;
}

/* ----------------------------------------------------------------- report */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *of)
{
    qsort(of, ROUNDS, sizeof *of, by_size);
    return of[ROUNDS / 2];
}

static void report(const char *what, double *ours, double *peer)
{
    double a = median(ours), b = median(peer);

    printf("| %s | %.1f | %.1f | %.2f |\n", what, a, b, b / a);
}

static void queues(const char *what, unsigned count, void *(*first)(void *),
                   void *(*second)(void *), unsigned sides)
{
    double times[2][ROUNDS];

    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned i = 0; i < 2; i++) {
            kind = &kinds[i];
            times[i][round] = timed(count, first, second, sides);
        }
    report(what, times[0], times[1]);
}

int main(void)
{
    double times[2][ROUNDS];

    printf("| what, ns | shale | peer | times as fast |\n"
           "| --- | ---: | ---: | ---: |\n");
    queues("push and pop, 1 thread", 1, both, both, 1);
    queues("push and pop, 2 threads", 2, both, both, 1);
    queues("push and pop, 4 threads", 4, both, both, 1);
    queues("1 thread to 1 thread", 2, producer, consumer, 2);
    queues("2 threads to 2 threads", 4, producer, consumer, 2);
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned i = 0; i < 2; i++)
            times[i][round] = once_timed(i == 1);
    report("once, when it is done", times[0], times[1]);
    return made == 2 ? 0 : 1;
}
