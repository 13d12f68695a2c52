/* placement.c - where the worker's threads may run, tick by tick */
#include <sched.h>
#include <unistd.h>

#include "fuse/daemon.h"
#include "suite.h"

static struct placement *p;
static struct placement_watch watch;

/* Processors that this thread may run on. */
static int allowed(void)
{
    cpu_set_t set;

    ck_assert_int_eq(sched_getaffinity(0, sizeof set, &set), 0);
    return CPU_COUNT(&set);
}

static void setup(void)
{
    p = placement_create();
    placement_watch_init(&watch);
    placement_join(p);
}

/* COUNT requests, in turn from the CALLERS threads with ids from FIRST on. */
static void requests(unsigned count, pid_t first, unsigned callers, bool large)
{
    for (unsigned i = 0; i < count; i++)
        placement_note(p, first + (pid_t)(i % callers), large);
}

static const struct {
    const char *what;
    unsigned count, callers;
    bool large, kept;
} loads[] = {
    { "one caller, one after the other", 100, 1, false, true },
    { "the fewest worth moving for", 10, 1, false, true },
    { "too few", 9, 1, false, false },
    { "two callers in turn", 100, 2, false, false },
    { "large reads", 100, 1, true, false },
};

START_TEST(keeps_serial_callers_company)
{
    int all = allowed();

    if (!p || all < 2)
        return;                 /* one processor: there is nowhere to go */
    requests(1, gettid(), 1, false);    /* so that the caller is not new */
    placement_tick(p, &watch);

    requests(loads[_i].count, gettid(), loads[_i].callers, loads[_i].large);
    ck_assert_int_gt(placement_tick(p, &watch), 0);
    ck_assert_msg(allowed() == (loads[_i].kept ? 1 : all), "%s",
                  loads[_i].what);
    ck_assert_int_eq(sched_getscheduler(0),
                     loads[_i].kept && watch.may_idle ? SCHED_IDLE
                                                      : SCHED_OTHER);

    /* Whatever it was, a crowd has them all again. */
    requests(100, gettid(), 2, false);
    placement_tick(p, &watch);
    ck_assert_int_eq(allowed(), all);
    ck_assert_int_eq(sched_getscheduler(0), SCHED_OTHER);
}
END_TEST

START_TEST(slow_requests_have_it_rest)
{
    int all = allowed();
    unsigned ticks = 0;

    if (!p || all < 2)
        return;
    requests(101, gettid(), 1, false);
    placement_tick(p, &watch);
    ck_assert_int_eq(allowed(), 1);
    requests(1, gettid(), 1, false);    /* as if it starved */
    placement_tick(p, &watch);
    ck_assert_int_eq(allowed(), all);
    ck_assert_int_eq(sched_getscheduler(0), SCHED_OTHER);
    do {
        requests(100, gettid(), 1, false);
        placement_tick(p, &watch);
        ck_assert_uint_lt(ticks++, 1000);
    } while (allowed() == all);
    ck_assert_uint_gt(ticks, 10);
}
END_TEST

START_TEST(sleeps_when_idle_and_is_woken_once)
{
    int all = allowed();
    unsigned ticks = 0;

    if (!p || all < 2)
        return;
    ck_assert_int_eq(placement_tick(p, &watch), -1);
    ck_assert(placement_note(p, gettid(), false));      /* wake it */
    ck_assert(!placement_note(p, gettid(), false));     /* it is awake */
    requests(100, gettid(), 1, false);
    ck_assert_int_gt(placement_tick(p, &watch), 0);
    ck_assert_int_eq(allowed(), 1);
    while (placement_tick(p, &watch) > 0)
        ck_assert_uint_lt(ticks++, 1000);
    ck_assert_int_eq(allowed(), all);
    ck_assert(placement_note(p, gettid(), false));
}
END_TEST

START_TEST(caller_that_is_gone_is_not_followed)
{
    int all = allowed();

    if (!p || all < 2)
        return;
    requests(100, 0x3fffffff, 1, false);        /* no such thread */
    ck_assert_int_gt(placement_tick(p, &watch), 0);
    ck_assert_int_eq(allowed(), all);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fuse/placement");
    TCase *tc = tcase_create("tick");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_loop_test(tc, keeps_serial_callers_company, 0,
                        sizeof loads / sizeof loads[0]);
    tcase_add_test(tc, slow_requests_have_it_rest);
    tcase_add_test(tc, sleeps_when_idle_and_is_woken_once);
    tcase_add_test(tc, caller_that_is_gone_is_not_followed);
    suite_add_tcase(s, tc);
    return s;
}
