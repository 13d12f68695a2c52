/*
 * test_mem_queue_threads.c - a queue, several at both ends, and interrupts
 *
 * An item is a number, which says who made it and when. Each is to come out
 * once, and each maker's in order at whoever takes them. ThreadSanitizer looks
 * on.
 */
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "shale/queue.h"
#include "threads.h"

enum { SIDE = 2, EACH = 30000 };        /* threads a side; items a thread */

enum way { BY_PUSH, BY_FORCE };

static struct {
    struct shale_queue_slot slots[64];
    struct shale_queue queue;
    enum way way;
    size_t many;                        /* popped at once; 0: one by one */
    atomic_uint left;                   /* threads that push */
    atomic_uint out_of_order;
    /* What was behind each item was written by who pushed it. */
    unsigned payload[SIDE * EACH];
    atomic_uchar seen[SIDE * EACH];
} all;

static void seen(const unsigned *item)
{
    size_t i = (size_t)(item - all.payload);

    atomic_fetch_add(&all.seen[i], *item == i + 1 ? 1 : 100);
}

static void *produce(void *arg)
{
    uintptr_t me = (uintptr_t)arg;

    for (size_t n = 0; n < EACH; n++) {
        unsigned *item = &all.payload[me * EACH + n];
        void *dropped = NULL;

        *item = (unsigned)(me * EACH + n + 1);
        while (!(all.way == BY_PUSH ?
                 shale_queue_push(&all.queue, item) :
                 shale_queue_force(&all.queue, item, &dropped)))
            sched_yield();
        if (dropped)
            seen(dropped);
    }
    atomic_fetch_sub(&all.left, 1);
    return NULL;
}

/* Take ITEM; *LAST is the newest of each maker's that was taken here. */
static void consumed(const unsigned *item, const unsigned **last)
{
    size_t maker = (size_t)(item - all.payload) / EACH;

    if (last[maker] && last[maker] >= item)
        atomic_fetch_add(&all.out_of_order, 1);
    last[maker] = item;
    seen(item);
}

static void *consume(void *arg)
{
    const unsigned *last[SIDE] = { NULL };

    (void)arg;
    for (;;) {
        bool over = atomic_load(&all.left) == 0;
        void *items[8];
        size_t count;

        if (all.many) {
            count = shale_queue_pop_many(&all.queue, items, all.many);
        } else {
            items[0] = shale_queue_pop(&all.queue);
            count = items[0] ? 1 : 0;
        }
        for (size_t i = 0; i < count; i++)
            consumed(items[i], last);
        if (count == 0 && over)
            return NULL;
        if (count == 0)
            sched_yield();
    }
}

static void *at_either_end(void *number)
{
    return (uintptr_t)number < SIDE ? produce(number) : consume(number);
}

static void run(size_t capacity, enum way way, size_t many)
{
    memset(&all, 0, sizeof all);
    shale_queue_init(&all.queue, all.slots, capacity);
    all.way = way;
    all.many = many;
    all.left = SIDE;
    in_threads(2 * SIDE, at_either_end);

    ck_assert_uint_eq(all.out_of_order, 0);
    for (size_t i = 0; i < SIDE * EACH; i++)
        ck_assert_msg(all.seen[i] == 1, "item %zu: %u", i, all.seen[i]);
    ck_assert(shale_queue_is_empty(&all.queue));
}

static const size_t capacities[] = { 1, 2, 3, 64 };

START_TEST(each_item_once_and_in_order)
{
    run(capacities[_i], BY_PUSH, 0);
}
END_TEST

START_TEST(several_popped_at_once)
{
    run(capacities[_i], BY_PUSH, 8);
}
END_TEST

START_TEST(each_item_popped_or_dropped)
{
    run(capacities[_i], BY_FORCE, _i % 2 ? 8 : 0);
}
END_TEST

/* ------------------------------------------------------------- interrupts */

/* What a signal pushes, whatever the thread it interrupts is doing. */
static unsigned rung;
static volatile sig_atomic_t over = 1;

static void ring(int sig)
{
    (void)sig;
    all.payload[rung] = rung + 1;
    if (shale_queue_push(&all.queue, &all.payload[rung]))
        rung++;
    over = 1;
}

/* The next one comes in a moment, wherever this thread is then. */
static void ring_soon(void)
{
    const struct itimerval soon = { .it_value = { 0, 50 } };

    over = 0;
    ck_assert_int_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
}

/*
 * A thread that pushes and pops all the time is interrupted a thousand times by
 * what does the same: nothing gets lost, nothing stands still.
 */
START_TEST(interrupted)
{
    struct sigaction action = { .sa_handler = ring };
    unsigned expected = 0, mine = 0;
    const unsigned *own = NULL;
    unsigned marker = 0;

    memset(&all, 0, sizeof all);
    shale_queue_init(&all.queue, all.slots, 3);
    rung = 0;
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    while (expected < 1000) {
        const unsigned *item;

        if (over)
            ring_soon();
        if (!own && shale_queue_push(&all.queue, &marker))
            own = &marker;
        item = shale_queue_pop(&all.queue);
        if (!item)
            continue;
        if (item == &marker) {
            own = NULL;
            mine++;
            continue;
        }
        ck_assert_uint_eq(*item, ++expected);
    }
    /* A sanitizer that holds signals back lets them through where one waits. */
    while (!over)
        usleep(50);
    ck_assert_uint_gt(mine, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("mem/queue threads");
    TCase *tc = tcase_create("threads");
    int count = sizeof capacities / sizeof capacities[0];

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, each_item_once_and_in_order, 0, count);
    tcase_add_loop_test(tc, several_popped_at_once, 0, count);
    tcase_add_loop_test(tc, each_item_popped_or_dropped, 0, count);
    tcase_add_test(tc, interrupted);
    suite_add_tcase(s, tc);
    return s;
}
