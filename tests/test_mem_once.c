/*
 * test_mem_once.c - done once, by one thread
 */
#include <stdatomic.h>
#include <stdint.h>

#include "shale/once.h"
#include "suite.h"

/* What INIT is to answer, and how often it was called. */
struct work {
    int answer;
    unsigned calls;
    struct shale_once *once;
    int inner;                  /* what a try from within has been answered */
};

static int work_do(void *context)
{
    struct work *work = context;

    work->calls++;
    ck_assert_int_eq(shale_once_state(work->once), SHALE_ONCE_RUNNING);
    work->inner = shale_once_try(work->once, work_do, work);
    return work->answer;
}

/* Hooks that count; nobody ever has to wait here. */
struct counting_wait {
    struct shale_once_wait base;
    unsigned waited, woken;
};

static void count_wait(struct shale_once_wait *self,
                       const struct shale_once *once)
{
    (void)once;
    ((struct counting_wait *)self)->waited++;
}

static void count_wake(struct shale_once_wait *self,
                       const struct shale_once *once)
{
    ck_assert_int_ne(shale_once_state(once), SHALE_ONCE_RUNNING);
    ((struct counting_wait *)self)->woken++;
}

START_TEST(done_once)
{
    static struct shale_once once = SHALE_ONCE_INIT;
    struct counting_wait wait = { { count_wait, count_wake }, 0, 0 };
    struct work work = { .once = &once };

    ck_assert_int_eq(shale_once_state(&once), SHALE_ONCE_NEW);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(shale_once(&once, work_do, &work, &wait.base), 0);
    ck_assert_int_eq(shale_once_try(&once, work_do, &work), 0);
    ck_assert_int_eq(shale_once_state(&once), SHALE_ONCE_DONE);
    ck_assert_uint_eq(work.calls, 1);
    ck_assert_int_eq(work.inner, SHALE_EAGAIN);
    ck_assert_uint_eq(wait.waited, 0);
    ck_assert_uint_eq(wait.woken, 1);
}
END_TEST

START_TEST(tried_again)
{
    static struct shale_once once = SHALE_ONCE_INIT;
    struct work work = { .once = &once, .answer = SHALE_EIO };

    for (unsigned i = 1; i <= 3; i++) {
        ck_assert_int_eq(shale_once_try(&once, work_do, &work), SHALE_EIO);
        ck_assert_int_eq(shale_once_state(&once), SHALE_ONCE_FAILED);
        ck_assert_uint_eq(work.calls, i);
    }
    work.answer = 0;
    ck_assert_int_eq(shale_once_try(&once, work_do, &work), 0);
    ck_assert_int_eq(shale_once_try(&once, work_do, &work), 0);
    ck_assert_int_eq(shale_once_state(&once), SHALE_ONCE_DONE);
    ck_assert_uint_eq(work.calls, 4);
}
END_TEST

START_TEST(poisoned)
{
    static struct shale_once once = SHALE_ONCE_INIT_POISON;
    struct counting_wait wait = { { count_wait, NULL }, 0, 0 };
    struct work work = { .once = &once, .answer = SHALE_ENOMEM };

    ck_assert_int_eq(shale_once(&once, work_do, &work, &wait.base),
                     SHALE_ENOMEM);
    work.answer = 0;
    ck_assert_int_eq(shale_once(&once, work_do, &work, &wait.base),
                     SHALE_ENOMEM);
    ck_assert_int_eq(shale_once_try(&once, work_do, &work), SHALE_ENOMEM);
    ck_assert_int_eq(shale_once_state(&once), SHALE_ONCE_FAILED);
    ck_assert_uint_eq(work.calls, 1);
    ck_assert_uint_eq(wait.waited, 0);
}
END_TEST

/* Somebody else is at it, and through, or has failed, after some waiting. */
struct other {
    struct shale_once_wait base;
    unsigned left;
    int answer;
};

static void other_goes_on(struct shale_once_wait *self,
                          const struct shale_once *once)
{
    struct other *other = (struct other *)self;

    ck_assert_uint_gt(other->left, 0);
    if (--other->left == 0)
        atomic_store((atomic_int *)(uintptr_t)&once->state, other->answer);
}

START_TEST(another_is_at_it)
{
    static const struct {
        const char *what;
        bool poison;
        int others, mine, result;
        unsigned calls;
    } cases[] = {
        { "who does it", false, SHALE_ONCE_DONE, SHALE_EIO, 0, 0 },
        { "who fails", false, SHALE_EIO, 0, 0, 1 },
        { "who fails, as I do", false, SHALE_EIO, SHALE_ENOMEM,
          SHALE_ENOMEM, 1 },
        { "who fails for good", true, SHALE_EIO, 0, SHALE_EIO, 0 },
    };
    struct shale_once once = { SHALE_ONCE_RUNNING, cases[_i].poison };
    struct work work = { .once = &once, .answer = cases[_i].mine };
    struct other other = {
        { other_goes_on, NULL }, 3, cases[_i].others,
    };

    ck_assert_int_eq(shale_once_try(&once, work_do, &work), SHALE_EAGAIN);
    ck_assert_uint_eq(work.calls, 0);
    ck_assert_msg(shale_once(&once, work_do, &work, &other.base) ==
                      cases[_i].result, "%s", cases[_i].what);
    ck_assert_uint_eq(work.calls, cases[_i].calls);
    ck_assert_uint_eq(other.left, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("mem/once");
    TCase *tc = tcase_create("once");

    tcase_add_test(tc, done_once);
    tcase_add_test(tc, tried_again);
    tcase_add_test(tc, poisoned);
    tcase_add_loop_test(tc, another_is_at_it, 0, 4);
    suite_add_tcase(s, tc);
    return s;
}
