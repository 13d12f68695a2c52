/*
 * test_check_faults.c - everything that can fail while a volume is checked
 *
 * Each small image, sound and with a few bytes changed, is checked with the
 * first allocation failing, then the second, and so on, and likewise with every
 * request to the device, once and for good. A check ends with a verdict or an
 * error that says what failed; whoever was not stopped by it must have told:
 * that something could not be read is a finding. Nothing may be left.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "golden.h"
#include "shale/check.h"
#include "shale/host.h"
#include "suite.h"
#include "volume.h"

static const struct {
    const char *type, *image;
    struct { size_t at, len; uint8_t with; } change;    /* of a second round */
} cases[] = {
    { "ext2", "ext2-small", { 0x1400, 64, 0x55 } },
    { "ext2", "check/ext4-small", { 0x1400, 64, 0x55 } },
    { "ext2", "check/ext4-sums", { 0x1000, 64, 0x55 } },
    { "fat", "fat12-small", { 0x210, 16, 0x33 } },
    { "fat", "fat16-small", { 0x210, 16, 0x33 } },
    { "fat", "fat32-small", { 0, 512, 0 } },
    { "ntfs", "ntfs-small", { 0x6000, 64, 0x11 } },
    { "ntfs", "ntfs-packed", { 0, 16, 0 } },
};

enum {
    CASES = sizeof cases / sizeof cases[0],
    TRIALS = 2 * CASES,         /* each as it is, and changed */
    ALL = 60,                   /* so many failures are tried one by one, */
    ROUNDS = 150,               /* and then so many of the rest */
};

static struct golden golden;
static struct shale_mem *mem;
static const char *type;

static void load(int trial)
{
    int i = trial / 2;

    golden_load(&golden, cases[i].image);
    type = cases[i].type;
    if (trial % 2)
        memset(golden.bytes + cases[i].change.at, cases[i].change.with,
               cases[i].change.len);
    mem = shale_host_mem_create(0);
    ck_assert_ptr_nonnull(mem);
}

static void unload(void)
{
    ck_assert_ptr_null(shale_mem_check(mem));
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
    golden_free(&golden);
}

static int hear(void *context, const struct shale_finding *finding)
{
    ck_assert_ptr_nonnull(finding->code);
    ck_assert_uint_gt(strlen(finding->sentence), 0);
    ++*(uint64_t *)context;
    return 0;
}

static void claim(void *context, const struct shale_claim *claim)
{
    (void)context;
    ck_assert_uint_lt(claim->use, SHALE_USES);
}

static bool wanted(void *context, size_t index, enum shale_object *object,
                   uint64_t *number)
{
    (void)context;
    *object = strcmp(type, "ntfs") ? SHALE_OBJECT_INODE : SHALE_OBJECT_RECORD;
    *number = 12 + index;
    return index < 4;
}

static void path(void *context, enum shale_object object, uint64_t number,
                 const char *text)
{
    (void)context, (void)object, (void)number, (void)text;
}

/* What came of a check: told and counted findings, and faults. */
struct outcome {
    int err;
    bool failed;                /* what was to fail did */
    uint64_t requests, faults;
};

/*
 * Allocation number ALLOCATION fails, and COUNT requests from REQUEST on. For
 * good, and no paths are asked for: what can be told must be.
 */
static void one_round(uint64_t allocation, uint64_t request, uint64_t count,
                      struct outcome *out)
{
    struct shale_check_result result;
    struct shale_mem_stats before, after;
    struct shale_fault_bdev fault;
    struct volume v;
    uint64_t told = 0;
    struct shale_check_config config = {
        .dev = &fault.base, .mem = mem, .checkers = shale_all_checkers,
        .type = type, .context = &told, .finding = hear, .claim = claim,
        .wanted = count == UINT64_MAX ? NULL : wanted, .path = path,
    };

    ck_assert_int_eq(volume_of_bytes(&v, golden.bytes, golden.size), 0);
    ck_assert_int_eq(shale_fault_bdev_init(&fault, v.dev, NULL, NULL), 0);
    shale_mem_stats(mem, &before);
    shale_mem_fail_at(mem, allocation);
    shale_fault_at(&fault, request, count, SHALE_EIO);
    out->err = shale_check(&config, &result);
    out->failed = allocation == UINT64_MAX ? shale_fault_failed(&fault)
                                           : shale_mem_failed(mem);
    out->requests = shale_fault_requests(&fault);
    out->faults = result.findings[SHALE_INCONSISTENCY] +
                  result.findings[SHALE_CORRUPTION];
    shale_mem_fail_at(mem, UINT64_MAX);
    shale_mem_stats(mem, &after);
    ck_assert_uint_eq(after.live, before.live);
    ck_assert_int_eq(result.complete, out->err == 0);
    if (!out->err)
        ck_assert_uint_eq(told + result.untold, out->faults +
                          result.findings[SHALE_ADVICE]);
    shale_fault_bdev_fini(&fault);
    ck_assert_uint_eq(volume_close(&v), 0);
}

/* The round after number NTH of COUNT. */
static uint64_t next(uint64_t nth, uint64_t count)
{
    if (nth < ALL || suite_is("long") || count <= ALL + ROUNDS)
        return nth + 1;
    return nth + 1 + (count - ALL) / ROUNDS;
}

START_TEST(every_allocation_fails_once)
{
    struct outcome sound, got = { .failed = true };
    uint64_t count = 0, low = 0, high = 1 << 20;

    load(_i);
    one_round(UINT64_MAX, 0, 0, &sound);
    ck_assert_int_eq(sound.err, 0);
    while (low < high) {
        one_round((low + high) / 2, 0, 0, &got);
        if (got.failed)
            low = (low + high) / 2 + 1;
        else
            high = (low + high) / 2;
    }
    count = low;
    ck_assert_uint_gt(count, 5);
    for (uint64_t nth = 0; nth < count; nth = next(nth, count)) {
        one_round(nth, 0, 0, &got);
        ck_assert_msg(got.failed, "allocation %llu did not happen",
                      (unsigned long long)nth);
        /* Some can be done without; then all is found that there is. */
        ck_assert_msg(got.err == SHALE_ENOMEM ||
                      (got.err == 0 && got.faults == sound.faults),
                      "allocation %llu: %d, %llu faults",
                      (unsigned long long)nth, got.err,
                      (unsigned long long)got.faults);
    }
    unload();
}
END_TEST

/* COUNT requests, from each in turn. */
static void fail_requests(uint64_t count)
{
    struct outcome sound, got;

    one_round(UINT64_MAX, UINT64_MAX, count, &sound);
    ck_assert_uint_gt(sound.requests, 2);
    for (uint64_t nth = 0; nth < sound.requests;
         nth = next(nth, sound.requests)) {
        one_round(UINT64_MAX, nth, count, &got);
        ck_assert(got.failed);
        ck_assert_msg(got.err == 0 || got.err == SHALE_EIO,
                      "request %llu: %d", (unsigned long long)nth, got.err);
        /* A larger read may be made once more in parts, which then works. */
        if (count == UINT64_MAX && !got.err)
            ck_assert_msg(got.faults > 0, "request %llu: nothing told",
                          (unsigned long long)nth);
    }
}

START_TEST(every_request_fails_once)
{
    load(_i);
    fail_requests(1);
    unload();
}
END_TEST

START_TEST(the_device_dies)
{
    load(_i);
    fail_requests(UINT64_MAX);
    unload();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("check/faults");
    TCase *tc = tcase_create("images");

    tcase_set_timeout(tc, 240);
    tcase_add_loop_test(tc, every_allocation_fails_once, 0, TRIALS);
    tcase_add_loop_test(tc, every_request_fails_once, 0, TRIALS);
    tcase_add_loop_test(tc, the_device_dies, 0, TRIALS);
    suite_add_tcase(s, tc);
    return s;
}
