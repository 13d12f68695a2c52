/*
 * test_check_run.c - who is asked, how it ends, and what is told meanwhile
 */
#include "test_check_rig.h"

/* -------------------------------------------------------- choosing, ending */

static int run_nothing(struct check *check)
{
    check->result->files = 3;
    check->result->units = 9;
    return 0;
}

START_TEST(a_mark_is_known)
{
    rig_open(1);
    ck_assert_int_eq(rig_check(run_nothing), 0);
    ck_assert_str_eq(rig.result.type, "rig");
    ck_assert(rig.result.complete);
    ck_assert_uint_eq(rig.result.files, 3);
    ck_assert_uint_eq(rig.result.units, 9);
    ck_assert_uint_eq(rig.result.size, RIG_SIZE);
    ck_assert_str_eq(rig.result.memory_formula, "what the test takes");
    ck_assert_uint_eq(rig.done, 1);
    rig_close();
}
END_TEST

START_TEST(nobody_knows_it)
{
    rig_open(1);
    rig.bytes[0] = 0;
    ck_assert_int_eq(rig_check(run_nothing), SHALE_ENODEV);
    ck_assert_ptr_null(rig.result.type);
    ck_assert(!rig.result.complete);
    ck_assert_uint_eq(rig.done, 0);

    rig.config.type = "rig";            /* but somebody says so */
    ck_assert_int_eq(rig_check(run_nothing), 0);
    rig.config.type = "rigs";
    ck_assert_int_eq(rig_check(run_nothing), SHALE_ENODEV);
    rig.config.type = "ri";
    ck_assert_int_eq(rig_check(run_nothing), SHALE_ENODEV);
    rig_close();
}
END_TEST

START_TEST(a_backup_is_found)
{
    rig_open(1);
    rig.bytes[0] = 0;
    rig.bytes[RIG_SIZE - 1] = 'T';
    ck_assert_int_eq(rig_check(run_nothing), 0);
    ck_assert_str_eq(rig.result.type, "rig");
    rig_close();
}
END_TEST

/* The beginning fails as a whole, and then sectors of it. */
START_TEST(a_beginning_that_cannot_be_read)
{
    rig_open(1);
    shale_fault_at(&rig.fault, 0, 1, SHALE_EIO);
    ck_assert_int_eq(rig_check(run_nothing), 0);
    shale_fault_at(&rig.fault, 0, 9, SHALE_EIO);
    ck_assert_int_eq(rig_check(run_nothing), SHALE_EIO);
    rig.bytes[RIG_SIZE - 1] = 'T';
    shale_fault_at(&rig.fault, 0, 9, SHALE_EIO);
    ck_assert_int_eq(rig_check(run_nothing), 0);
    shale_fault_at(&rig.fault, 0, UINT64_MAX, SHALE_EIO);
    ck_assert_int_eq(rig_check(run_nothing), SHALE_EIO);
    rig_close();
}
END_TEST

START_TEST(a_small_device_is_no_problem)
{
    static const uint64_t sizes[] = { 0, 512, 4096 };

    for (size_t i = 0; i < 3; i++) {
        rig_open(1);
        rig.fault.base.size = sizes[i];
        ck_assert_int_eq(rig_check(run_nothing), i ? 0 : SHALE_ENODEV);
        rig_close();
    }
}
END_TEST

/* ------------------------------------------------------------------ memory */

static int run_holding(struct check *check)
{
    void *a = check_alloc(check, 100000), *b = check_zalloc(check, 200000);

    check_free(check, a, a ? 100000 : 0);
    a = check_alloc(check, 50000);
    check_free(check, a, a ? 50000 : 0);
    check_free(check, b, b ? 200000 : 0);
    check_free(check, NULL, 7);
    return a && b ? 0 : SHALE_ENOMEM;
}

START_TEST(the_peak_is_told)
{
    struct shale_mem_stats stats;

    rig_open(1);
    ck_assert_int_eq(rig_check(run_holding), 0);
    shale_mem_stats(rig.mem, &stats);
    ck_assert_uint_ge(rig.result.memory_peak, 300000);
    ck_assert_uint_lt(rig.result.memory_peak, 350000);
    ck_assert_uint_le(rig.result.memory_peak, stats.peak);
    rig_close();
}
END_TEST

START_TEST(every_allocation_fails_once)
{
    rig_open(_i ? 4 : 1);
    rig_fail_allocations(run_holding);
    rig_close();
}
END_TEST

/* ---------------------------------------------------------------- stopping */

static volatile bool stop;
static unsigned calls;

static int work_until_stopped(struct check *check, uint64_t index,
                              void *context)
{
    (void)check;
    (void)context;
    __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
    if (index == 50)
        __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    return 0;
}

static int run_stopped(struct check *check)
{
    uint8_t byte;

    check_tell(check, &rig_codes[RIG_BAD], 0,
               &(struct check_note){ .object = SHALE_OBJECT_VOLUME });
    ck_assert_int_eq(check_going(check), 0);
    ck_assert_int_eq(check_each(check, 1000000, work_until_stopped, NULL),
                     SHALE_EINTR);
    ck_assert_int_eq(check_read(check, 0, &byte, 1), SHALE_EINTR);
    return check_going(check);
}

START_TEST(it_can_be_stopped)
{
    rig_open(_i ? 4 : 1);
    rig.config.stop = &stop;
    stop = false;
    calls = 0;
    ck_assert_int_eq(rig_check(run_stopped), SHALE_EINTR);
    ck_assert(!rig.result.complete);
    ck_assert_uint_lt(calls, 2000);
    ck_assert_str_eq(rig.told, "rig.bad volume 0 0 - the volume is bad\n");
    ck_assert_uint_eq(rig.done, 1);
    rig_close();
}
END_TEST

/* -------------------------------------------------------------------- each */

static unsigned char times[3000];

static int count_times(struct check *check, uint64_t index, void *context)
{
    uint64_t fail_at = *(uint64_t *)context;

    __atomic_add_fetch(&times[index], 1, __ATOMIC_RELAXED);
    check_done(check, 1);
    return index == fail_at ? -99 : 0;
}

static int run_each(struct check *check)
{
    static const uint64_t counts[] = { 0, 1, 2, 63, 64, 65, 3000 };
    uint64_t never = UINT64_MAX, late = 2000;

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        memset(times, 0, sizeof times);
        ck_assert_int_eq(check_each(check, counts[i], count_times, &never), 0);
        for (size_t k = 0; k < sizeof times; k++)
            ck_assert_uint_eq(times[k], k < counts[i]);
    }
    memset(times, 0, sizeof times);
    ck_assert_int_eq(check_each(check, 3000, count_times, &late), -99);
    ck_assert_uint_eq(times[2000], 1);
    return 0;
}

START_TEST(each_is_done_once)
{
    rig_open((unsigned)_i);
    ck_assert_int_eq(rig_check(run_each), 0);
    rig_close();
}
END_TEST

static int refuse(struct shale_workers *workers, void (*job)(void *arg),
                  void *arg)
{
    (void)workers;
    (void)job;
    (void)arg;
    return SHALE_EAGAIN;
}

START_TEST(without_threads_the_caller_does_it)
{
    struct shale_workers none = { .count = 8, .run = refuse };

    rig_open(1);
    rig.config.workers = &none;
    ck_assert_int_eq(rig_check(run_each), 0);
    rig.config.locks = NULL;            /* and without locks nobody else */
    ck_assert_int_eq(rig_check(run_each), 0);
    rig.config.workers = NULL;
    ck_assert_int_eq(rig_check(run_each), 0);
    rig_close();
}
END_TEST

/* ---------------------------------------------------------------- progress */

static struct {
    unsigned reports, phase;
    uint64_t done, total;
    bool inside, wrong;
    char text[200];
} progress;

/* Never twice at a time, never back, each phase from 0 to its end. */
static void take_progress(void *context, unsigned phase, unsigned phases,
                          const char *what, uint64_t done, uint64_t total)
{
    size_t len = strlen(progress.text);
    bool next = phase == progress.phase + 1;

    (void)context;
    progress.wrong |= progress.inside || phases != 3 || done > total;
    progress.inside = true;
    progress.reports++;
    if (next) {
        progress.wrong |= progress.done != progress.total || done != 0;
        snprintf(progress.text + len, sizeof progress.text - len, "%u %s;",
                 phase, what);
    } else {
        progress.wrong |= phase != progress.phase || total != progress.total ||
                          done < progress.done;
    }
    progress.phase = phase;
    progress.done = done;
    progress.total = total;
    progress.inside = false;
}

static int run_phases(struct check *check)
{
    uint64_t never = UINT64_MAX;
    int err;

    check_phase(check, "reading", 3000);
    err = check_each(check, 3000, count_times, &never);
    check_phase(check, "nothing", 0);
    check_done(check, 5);
    check_phase(check, "much", 1u << 30);
    for (unsigned i = 0; i < 1u << 16; i++)
        check_done(check, 1u << 12);
    check_done(check, UINT64_MAX);
    return err;
}

START_TEST(progress_is_told_now_and_then)
{
    rig_open(_i ? 4 : 1);
    memset(&progress, 0, sizeof progress);
    rig.config.progress = take_progress;
    ck_assert_int_eq(rig_check(run_phases), 0);
    ck_assert(!progress.wrong);
    ck_assert_str_eq(progress.text, "1 reading;2 nothing;3 much;");
    ck_assert_uint_eq(progress.done, progress.total);
    ck_assert_uint_gt(progress.reports, 100);
    ck_assert_uint_lt(progress.reports, 2200);
    rig_close();
}
END_TEST

/* ------------------------------------------------------------------ claims */

static uint64_t claimed, claims_inside;

static void take_claim(void *context, const struct shale_claim *claim)
{
    (void)context;
    if (claims_inside++ == 0)
        claimed += claim->length;
    claims_inside--;
}

static int claim_one(struct check *check, uint64_t index, void *context)
{
    (void)context;
    check_claim(check, &(struct shale_claim){ .at = index, .length = 3 });
    check_claim(check, &(struct shale_claim){ .at = index, .length = 0 });
    return 0;
}

static int run_claims(struct check *check)
{
    return check_each(check, 5000, claim_one, NULL);
}

START_TEST(claims_come_one_at_a_time)
{
    rig_open(6);
    ck_assert_int_eq(rig_check(run_claims), 0);
    rig.config.claim = take_claim;
    ck_assert_int_eq(rig_check(run_claims), 0);
    ck_assert_uint_eq(claimed, 15000);
    rig_close();
}
END_TEST

/* ------------------------------------------------------------------- names */

START_TEST(codes_and_words)
{
    size_t count = 0;

    ck_assert_str_eq(shale_checker_name(&rig_checker), "rig");
    while (shale_checker_code(&rig_checker, count))
        count++;
    ck_assert_uint_eq(count, RIG_CODES);
    ck_assert_ptr_null(shale_checker_code(&rig_checker, SIZE_MAX));
    ck_assert_str_eq(shale_checker_code(NULL, 0)->name, "read.failed");
    ck_assert_ptr_null(shale_checker_code(NULL, CHECK_CODES));
    for (int i = 0; i < SHALE_USES; i++)
        ck_assert_str_ne(shale_use_name((enum shale_use)i), "unknown");
    for (int i = 0; i <= SHALE_OBJECT_RECORD; i++)
        ck_assert_str_ne(shale_object_name((enum shale_object)i), "unknown");
    for (int i = 0; i <= SHALE_CORRUPTION; i++)
        ck_assert_str_ne(shale_severity_name((enum shale_severity)i),
                         "unknown");
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("check/run");
    TCase *tc = tcase_create("run");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_mark_is_known);
    tcase_add_test(tc, nobody_knows_it);
    tcase_add_test(tc, a_backup_is_found);
    tcase_add_test(tc, a_beginning_that_cannot_be_read);
    tcase_add_test(tc, a_small_device_is_no_problem);
    tcase_add_test(tc, the_peak_is_told);
    tcase_add_loop_test(tc, every_allocation_fails_once, 0, 2);
    tcase_add_loop_test(tc, it_can_be_stopped, 0, 2);
    tcase_add_loop_test(tc, each_is_done_once, 1, 8);
    tcase_add_test(tc, without_threads_the_caller_does_it);
    tcase_add_loop_test(tc, progress_is_told_now_and_then, 0, 2);
    tcase_add_test(tc, claims_come_one_at_a_time);
    tcase_add_test(tc, codes_and_words);
    suite_add_tcase(s, tc);
    return s;
}
