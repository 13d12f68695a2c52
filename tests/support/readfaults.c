/* readfaults.c - see readfaults.h */
#include "readfaults.h"

#include <stdio.h>
#include <string.h>

#include "exercise.h"
#include "golden.h"
#include "shale/fault.h"
#include "shale/host.h"
#include "suite.h"
#include "volume.h"

static const struct readfaults_plan *plan;
static struct golden golden;
static uint64_t sound_sum;      /* of a round in which nothing fails */

/* How far it is to the round after the one numbered NTH: all of the first ones,
   which are the mount's, and then as many as there is time for. */
static uint64_t step(uint64_t nth)
{
    if (suite_is("long"))
        return 1;
    if (suite_is("quick"))
        return nth < plan->all / 4 ? 1 : 4 * plan->step;
    return nth < plan->all ? 1 : plan->step;
}

/* Each test runs with each of these. */
static const struct {
    size_t cache_bytes, vnode_max;
    const struct shale_lock_ops *locks;
} setups[] = {
    { 0, 0, NULL },                     /* all metadata stays in memory */
    { 8192, 2, &shale_host_locks },     /* next to nothing does */
};

enum { SETUPS = sizeof setups / sizeof setups[0] };

/* What is to fail in a round, if anything. */
struct failure {
    bool allocation, request;
    uint64_t nth, count;
};

struct result {
    int mount_err;
    struct exercise first, again;
    bool failed;                /* what was to fail did, before `again` */
    uint64_t requests;          /* likewise */
    size_t leaked;
};

/* One round; *WHAT fails between the call of mount and the second reading. */
static void one_round(int setup, const struct failure *what,
                      struct result *out)
{
    struct shale_fault_bdev fault;
    struct volume v;

    memset(out, 0, sizeof *out);
    ck_assert_int_eq(volume_of_bytes(&v, golden.bytes, golden.size), 0);
    ck_assert_int_eq(shale_fault_bdev_init(&fault, v.dev, NULL, NULL), 0);
    v.dev = &fault.base;
    v.cache_bytes = setups[setup].cache_bytes;
    v.vnode_max = setups[setup].vnode_max;
    v.locks = setups[setup].locks;
    if (what->allocation)
        shale_mem_fail_at(v.mem, what->nth);
    if (what->request)
        shale_fault_at(&fault, what->nth, what->count, SHALE_EIO);

    out->mount_err = volume_mount(&v, plan->options);
    if (!out->mount_err)
        exercise(v.fs, &out->first);
    out->failed = (what->allocation && shale_mem_failed(v.mem)) ||
                  (what->request && shale_fault_failed(&fault));
    out->requests = shale_fault_requests(&fault);

    if (!out->mount_err) {
        shale_mem_fail_at(v.mem, UINT64_MAX);
        if (what->count != UINT64_MAX)
            shale_fault_at(&fault, 0, 0, SHALE_EIO);
        exercise(v.fs, &out->again);
    }
    shale_fault_bdev_fini(&fault);
    out->leaked = volume_close(&v);
}

static void check_round(const struct failure *what, const struct result *got,
                        int right)
{
    unsigned long long nth = (unsigned long long)what->nth;

    ck_assert_msg(got->leaked == 0, "%llu: %zu bytes left", nth, got->leaked);
    ck_assert_msg(got->mount_err == 0 || (got->failed &&
                                          got->mount_err == right),
                  "%llu: mount said %d", nth, got->mount_err);
    if (got->mount_err)
        return;
    for (unsigned i = 0; i < got->first.error_count; i++)
        ck_assert_msg(got->failed && got->first.errors[i] == right,
                      "%llu: an error %d", nth, got->first.errors[i]);
    /* Whoever reports nothing must have lost nothing. */
    ck_assert_msg(got->first.error_count > 0 || got->first.sum == sound_sum,
                  "%llu: an error was swallowed", nth);
    ck_assert_msg(got->again.error_count == 0,
                  "%llu: still error %d", nth, got->again.errors[0]);
    ck_assert_msg(got->again.sum == sound_sum,
                  "%llu: the volume changed: %llu files, first %llu", nth,
                  (unsigned long long)got->again.files,
                  (unsigned long long)got->first.files);
}

START_TEST(a_sound_round_has_no_error)
{
    struct failure nothing = { false, false, 0, 0 };
    struct result got;

    one_round(_i, &nothing, &got);
    ck_assert_int_eq(got.mount_err, 0);
    ck_assert_uint_eq(got.first.error_count, 0);
    ck_assert_uint_eq(got.again.error_count, 0);
    ck_assert_uint_eq(got.first.sum, got.again.sum);
    ck_assert(!got.first.cut_short);
    ck_assert_uint_gt(got.first.files, plan->files);
    ck_assert_uint_eq(got.leaked, 0);
}
END_TEST

/*
 * An arena smaller than the cache is told it may be, from which blocks, vnodes
 * and everything else have to come: nothing is refused, and all is read.
 */
START_TEST(little_memory_is_enough)
{
    static _Alignas(SHALE_PAGE_SIZE) uint8_t bytes[READFAULTS_MEMORY];
    size_t size = plan->memory[_i];
    struct shale_static_arena arena;
    struct exercise x = { .max_steps = 0 };
    struct volume v;

    ck_assert_int_eq(volume_of_bytes(&v, golden.bytes, golden.size), 0);
    shale_mem_destroy(v.mem);
    v.dev->block_size = 4096;   /* so that all smaller reads take memory */
    ck_assert_uint_le(size, sizeof bytes);
    shale_static_arena_init(&arena, bytes, size);
    v.mem = shale_mem_create(&arena.source, NULL, 0);
    ck_assert_ptr_nonnull(v.mem);
    ck_assert_int_eq(volume_mount(&v, plan->options), 0);
    exercise(v.fs, &x);
    ck_assert_msg(x.error_count == 0, "%zu bytes: error %d", size,
                  x.errors[0]);
    ck_assert_uint_eq(x.sum, sound_sum);
    ck_assert_uint_eq(volume_close(&v), 0);
}
END_TEST

START_TEST(every_allocation_fails_once)
{
    struct failure what = { .allocation = true };
    struct result got;
    uint64_t rounds;

    /* How many are there? Bisect: it is known only that one has failed. */
    uint64_t low = 0, high = 1 << 20;
    while (low < high) {
        what.nth = (low + high) / 2;
        one_round(_i, &what, &got);
        if (got.failed)
            low = what.nth + 1;
        else
            high = what.nth;
    }
    rounds = low;
    ck_assert_uint_gt(rounds, 50);
    for (what.nth = 0; what.nth < rounds; what.nth += step(what.nth)) {
        one_round(_i, &what, &got);
        ck_assert_msg(got.failed, "allocation %llu did not happen",
                      (unsigned long long)what.nth);
        check_round(&what, &got, SHALE_ENOMEM);
    }
}
END_TEST

START_TEST(every_request_fails_once)
{
    struct failure what = { .request = true, .count = 0 };
    struct result got;
    uint64_t rounds;

    one_round(_i, &what, &got);
    rounds = got.requests;
    ck_assert_uint_gt(rounds, 50);
    what.count = 1;
    for (what.nth = 0; what.nth < rounds; what.nth += step(what.nth)) {
        one_round(_i, &what, &got);
        check_round(&what, &got, SHALE_EIO);
    }
}
END_TEST

/* The device dies and stays dead: errors, but an end, and no leak. */
START_TEST(the_device_dies)
{
    struct failure what = { .request = true, .count = 0 };
    struct result got;
    uint64_t rounds;

    one_round(_i, &what, &got);
    rounds = got.requests;
    what.count = UINT64_MAX;
    for (what.nth = 0; what.nth < rounds; what.nth += step(what.nth)) {
        one_round(_i, &what, &got);
        ck_assert_uint_eq(got.leaked, 0);
        ck_assert(got.failed);
        if (got.mount_err) {
            ck_assert_int_eq(got.mount_err, SHALE_EIO);
            continue;
        }
        ck_assert_uint_gt(got.again.error_count, 0);
        for (unsigned i = 0; i < got.again.error_count; i++)
            ck_assert_int_eq(got.again.errors[i], SHALE_EIO);
    }
}
END_TEST

static void load(void)
{
    struct failure nothing = { false, false, 0, 0 };
    struct result got;

    golden_load(&golden, plan->golden);
    one_round(0, &nothing, &got);
    sound_sum = got.again.sum;
}

static void unload(void)
{
    golden_free(&golden);
}

Suite *readfaults_suite(const struct readfaults_plan *of)
{
    Suite *s = suite_create(of->name);
    TCase *tc = tcase_create(of->golden);

    plan = of;
    tcase_add_unchecked_fixture(tc, load, unload);
    tcase_set_timeout(tc, 240);
    tcase_add_loop_test(tc, a_sound_round_has_no_error, 0, SETUPS);
    tcase_add_loop_test(tc, little_memory_is_enough, 0, 3);
    tcase_add_loop_test(tc, every_allocation_fails_once, 0, SETUPS);
    tcase_add_loop_test(tc, every_request_fails_once, 0, SETUPS);
    tcase_add_loop_test(tc, the_device_dies, 0, SETUPS);
    suite_add_tcase(s, tc);
    return s;
}
