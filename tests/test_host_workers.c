/*
 * test_host_workers.c - as many as were asked for, and not all signals theirs
 */
#include <check.h>
#include <pthread.h>
#include <signal.h>

#include "shale/host.h"
#include "suite.h"

static unsigned calls, blocked;

static void count(void *arg)
{
    sigset_t set;

    pthread_sigmask(SIG_SETMASK, NULL, &set);
    __atomic_add_fetch((unsigned *)arg, 1, __ATOMIC_RELAXED);
    if (sigismember(&set, SIGINT))
        __atomic_add_fetch(&blocked, 1, __ATOMIC_RELAXED);
}

START_TEST(each_is_called_once)
{
    struct shale_workers *workers = shale_host_workers_create((unsigned)_i);

    calls = blocked = 0;
    ck_assert_ptr_nonnull(workers);
    ck_assert_uint_ge(workers->count, 1);
    ck_assert_uint_le(workers->count, 16);
    if (_i > 0)
        ck_assert_uint_eq(workers->count, _i > 16 ? 16 : (unsigned)_i);
    for (unsigned i = 1; i < 4; i++) {
        ck_assert_int_eq(workers->run(workers, count, &calls), 0);
        ck_assert_uint_eq(calls, i * workers->count);
        ck_assert_uint_eq(blocked, i * (workers->count - 1));
    }
    shale_host_workers_destroy(workers);
    shale_host_workers_destroy(NULL);
}
END_TEST

/* Everyone waits for everyone: that takes as many threads. */
static void meet(void *arg)
{
    pthread_barrier_wait(arg);
}

START_TEST(they_run_at_the_same_time)
{
    struct shale_workers *workers = shale_host_workers_create(5);
    pthread_barrier_t barrier;

    pthread_barrier_init(&barrier, NULL, 5);
    ck_assert_int_eq(workers->run(workers, meet, &barrier), 0);
    pthread_barrier_destroy(&barrier);
    shale_host_workers_destroy(workers);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("host/workers");
    TCase *tc = tcase_create("workers");

    tcase_add_loop_test(tc, each_is_called_once, 0, 20);
    tcase_add_test(tc, they_run_at_the_same_time);
    suite_add_tcase(s, tc);
    return s;
}
