/*
 * test_mem_once_threads.c - many that come first at once
 *
 * In each round all threads start together and ask for the same. What is made
 * is plain memory, which ThreadSanitizer looks at.
 */
#include <sched.h>
#include <stdatomic.h>

#include "shale/host.h"
#include "shale/once.h"
#include "threads.h"

enum { THREADS = 4, ROUNDS = 2000, FAILURES = 3 };

static struct {
    struct shale_once once[ROUNDS];
    unsigned made[ROUNDS];              /* written by INIT alone, as it goes */
    atomic_uint calls[ROUNDS], failures[ROUNDS];
    atomic_uint wrong;
    pthread_barrier_t start;
    struct shale_once_wait *wait;       /* NULL: tries */
    bool poison, fails;
} all;

static int make(void *context)
{
    unsigned *made = context;
    size_t round = (size_t)(made - all.made);
    unsigned call = atomic_fetch_add(&all.calls[round], 1);

    sched_yield();
    if (all.poison || (all.fails && call < FAILURES))
        return SHALE_EIO;
    *made += (unsigned)round + 1;
    return 0;
}

/* Ask until there is an answer that is one. */
static int ask(size_t round)
{
    int err;

    while ((err = shale_once(&all.once[round], make, &all.made[round],
                             all.wait)) == SHALE_EAGAIN)
        sched_yield();
    return err;
}

static void *body(void *arg)
{
    (void)arg;
    for (size_t round = 0; round < ROUNDS; round++) {
        int err;

        pthread_barrier_wait(&all.start);
        while ((err = ask(round)) && !all.poison)
            atomic_fetch_add(&all.failures[round], 1);
        if (all.poison ? err != SHALE_EIO : all.made[round] != round + 1)
            atomic_fetch_add(&all.wrong, 1);
    }
    return NULL;
}

static void yield(struct shale_once_wait *self, const struct shale_once *once)
{
    (void)self;
    (void)once;
    sched_yield();
}

static struct shale_once_wait yielding = { yield, NULL };

static struct shale_once_wait *const waits[] = {
    NULL, &yielding, &shale_host_once_wait,
};

static void run(int way, bool fails, bool poison)
{
    unsigned calls = fails ? FAILURES + 1 : 1;

    memset(&all, 0, sizeof all);
    all.wait = waits[way];
    all.fails = fails;
    all.poison = poison;
    for (size_t i = 0; i < ROUNDS; i++)
        all.once[i].poison = poison;
    pthread_barrier_init(&all.start, NULL, THREADS);
    in_threads(THREADS, body);
    pthread_barrier_destroy(&all.start);

    ck_assert_uint_eq(all.wrong, 0);
    for (size_t i = 0; i < ROUNDS; i++) {
        ck_assert_uint_eq(all.calls[i], calls);
        ck_assert_uint_eq(all.failures[i], calls - 1);
    }
}

START_TEST(exactly_once)
{
    run(_i, false, false);
}
END_TEST

START_TEST(once_after_failures)
{
    run(_i, true, false);
}
END_TEST

START_TEST(one_failure_for_all)
{
    run(_i, false, true);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("mem/once threads");
    TCase *tc = tcase_create("threads");
    int count = sizeof waits / sizeof waits[0];

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, exactly_once, 0, count);
    tcase_add_loop_test(tc, once_after_failures, 0, count);
    tcase_add_loop_test(tc, one_failure_for_all, 0, count);
    suite_add_tcase(s, tc);
    return s;
}
