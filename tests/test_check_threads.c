/*
 * test_check_threads.c - four threads find what one does
 *
 * The small images, as they are and with bytes changed all over their metadata,
 * are checked by one thread and by four: the same findings, in the same order,
 * and the same sums. Under a thread sanitizer this shows races, too.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "shale/check.h"
#include "shale/host.h"
#include "suite.h"
#include "volume.h"

static const struct {
    const char *type, *image;
} cases[] = {
    { "ext2", "ext2-small" },
    { "ext2", "check/ext4-small" },
    { "ext2", "check/ext4-sums" },
    { "fat", "fat12-small" },
    { "fat", "fat16-small" },
    { "fat", "fat32-small" },
    { "ntfs", "ntfs-small" },
    { "ntfs", "ntfs-packed" },
};

enum { CASES = sizeof cases / sizeof cases[0], TEXT = 1 << 20, CHANGES = 24 };

struct told {
    char *text;
    size_t len;
    uint64_t claimed;           /* a sum that order does not change */
    uint64_t counted, codes;    /* findings; a sum that says of which codes */
    struct shale_check_result result;
};

static int on_finding(void *context, const struct shale_finding *finding)
{
    struct told *told = context;
    int len = snprintf(told->text + told->len, TEXT - told->len,
                       "%s %d %llu %lld %s %s\n", finding->code->name,
                       (int)finding->object,
                       (unsigned long long)finding->number,
                       (long long)finding->at,
                       finding->path ? finding->path : "-",
                       finding->sentence);

    ck_assert_uint_lt((size_t)len, TEXT - told->len);
    told->len += (size_t)len;
    return 0;
}

static void on_claim(void *context, const struct shale_claim *claim)
{
    struct told *told = context;

    told->claimed += (claim->at + 1) * (claim->length + 7) *
                     ((uint64_t)claim->use + 3) * (claim->number + 5);
}

static void on_counted(void *context, const struct shale_check_code *code,
                       uint64_t count)
{
    struct told *told = context;

    told->counted += count;
    for (const char *c = code->name; *c; c++)
        told->codes = told->codes * 31 + (unsigned char)*c + count;
}

/* Check the golden image in BYTES with COUNT threads. */
static void check_by(unsigned count, const char *type, uint8_t *bytes,
                     size_t size, struct told *told)
{
    struct shale_memory_bdev memory;
    struct shale_mem *mem = shale_host_mem_create(0);
    struct shale_workers *workers = shale_host_workers_create(count);
    struct shale_check_config config = {
        .dev = &memory.base, .mem = mem, .checkers = shale_all_checkers,
        .type = type, .context = told, .finding = on_finding,
        .counted = on_counted,
        .claim = on_claim, .workers = workers, .locks = &shale_host_locks,
        .findings_max = 2000,
    };

    ck_assert_ptr_nonnull(mem);
    ck_assert_ptr_nonnull(workers);
    memset(told, 0, sizeof *told);
    told->text = calloc(1, TEXT);
    ck_assert_ptr_nonnull(told->text);
    shale_memory_bdev_init(&memory, bytes, size, 512, true);
    ck_assert_int_eq(shale_check(&config, &told->result), 0);
    shale_host_workers_destroy(workers);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}

static void compare(const char *type, uint8_t *bytes, size_t size)
{
    struct told one, four;

    check_by(1, type, bytes, size, &one);
    check_by(4, type, bytes, size, &four);
    ck_assert_str_eq(one.text, four.text);
    ck_assert_uint_eq(one.claimed, four.claimed);
    ck_assert_uint_eq(one.codes, four.codes);
    ck_assert_uint_eq(one.counted, four.counted);
    for (int i = 0; i <= SHALE_CORRUPTION; i++) {
        ck_assert_uint_eq(one.result.findings[i], four.result.findings[i]);
        one.counted -= one.result.findings[i];
    }
    ck_assert_uint_eq(one.counted, 0);
    ck_assert_uint_eq(one.result.files, four.result.files);
    ck_assert_uint_eq(one.result.directories, four.result.directories);
    ck_assert_uint_eq(one.result.units_used, four.result.units_used);
    free(one.text);
    free(four.text);
}

static uint32_t random_of(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

START_TEST(threads_find_the_same)
{
    struct golden golden;
    uint8_t *copy;

    golden_load(&golden, cases[_i].image);
    copy = malloc(golden.size);
    ck_assert_ptr_nonnull(copy);
    compare(cases[_i].type, golden.bytes, golden.size);
    for (uint32_t round = 1; round <= 12; round++) {
        uint32_t state = round;

        memcpy(copy, golden.bytes, golden.size);
        for (unsigned left = CHANGES; left > 0;) {
            size_t at = random_of(&state) % golden.size;

            if (copy[at] == 0 && random_of(&state) % 64 != 0)
                continue;
            copy[at] ^= (uint8_t)(1 + random_of(&state) % 255);
            left--;
        }
        compare(cases[_i].type, copy, golden.size);
    }
    free(copy);
    golden_free(&golden);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("check/threads");
    TCase *tc = tcase_create("images");

    tcase_set_timeout(tc, 240);
    tcase_add_loop_test(tc, threads_find_the_same, 0, CASES);
    suite_add_tcase(s, tc);
    return s;
}
