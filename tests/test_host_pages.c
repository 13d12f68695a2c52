/* test_host_pages.c - memory from mmap: bounded, returned, usable by threads */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shale/host.h"
#include "suite.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* Field NAME of /proc/self/status, in bytes. */
static size_t status(const char *name)
{
    FILE *from = fopen("/proc/self/status", "r");
    char line[256];
    size_t kib = 0;

    while (fgets(line, sizeof line, from))
        if (strncmp(line, name, strlen(name)) == 0)
            sscanf(line + strlen(name), ": %zu", &kib);
    fclose(from);
    return kib * KIB;
}

START_TEST(grows_and_returns_it_all)
{
    size_t before = status("VmSize");
    struct shale_mem *mem = shale_host_mem_create(0);
    static const size_t sizes[] = { 1, 4096, 100 * KIB, 3 * MIB, 40 * MIB };
    void *blocks[sizeof sizes / sizeof sizes[0]];
    size_t count = sizeof sizes / sizeof sizes[0];

    ck_assert_ptr_nonnull(mem);
    for (size_t i = 0; i < count; i++) {
        blocks[i] = shale_alloc(mem, sizes[i]);
        ck_assert_msg(blocks[i], "%zu bytes", sizes[i]);
        memset(blocks[i], 0x5a, sizes[i]);
    }
    for (size_t i = 0; i < count; i++)
        shale_free(mem, blocks[i], sizes[i]);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
    ck_assert_uint_le(status("VmSize"), before + MIB);
}
END_TEST

START_TEST(a_budget_is_kept)
{
    struct shale_mem *mem = shale_host_mem_create(3 * MIB);
    struct shale_mem_stats stats;
    void *blocks[64];
    size_t count = 0;

    ck_assert_ptr_nonnull(mem);
    while (count < 64) {
        blocks[count] = shale_alloc(mem, 128 * KIB);
        if (!blocks[count])
            break;
        count++;
    }
    shale_mem_stats(mem, &stats);
    ck_assert_uint_le(stats.borrowed, 3 * MIB);
    ck_assert_uint_ge(count, 12);       /* at least half of it is usable */
    ck_assert_uint_lt(count, 24);       /* its own state takes something */
    while (count > 0)
        shale_free(mem, blocks[--count], 128 * KIB);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}
END_TEST

/* However small the budget, the answer is an allocator or NULL. */
START_TEST(a_budget_may_be_too_small)
{
    static const size_t budgets[] = {
        1, 4096, 64 * KIB - 1, 64 * KIB, 100 * KIB, MIB - 1, SIZE_MAX,
    };

    for (size_t i = 0; i < sizeof budgets / sizeof budgets[0]; i++) {
        struct shale_mem *mem = shale_host_mem_create(budgets[i]);

        if (mem) {
            ck_assert_ptr_null(shale_alloc(mem, SIZE_MAX / 2));
            ck_assert_uint_eq(shale_mem_destroy(mem), 0);
        }
        ck_assert_msg(mem || budgets[i] < MIB, "%zu", budgets[i]);
    }
}
END_TEST

/* Memory that nobody has touched costs nothing. */
START_TEST(untouched_memory_is_not_resident)
{
    struct shale_mem *mem = shale_host_mem_create(0);
    size_t before = status("VmRSS");
    void *block = shale_alloc(mem, 64 * MIB);

    ck_assert_ptr_nonnull(block);
#ifndef SHALE_MEM_DEBUG         /* which poisons it */
    ck_assert_uint_lt(status("VmRSS"), before + 8 * MIB);
#endif
    (void)before;
    shale_free(mem, block, 64 * MIB);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}
END_TEST

#define THREADS 4
#define ROUNDS 200

/* Allocate, write, check and free; large blocks, so that arenas come and go. */
static void *churn(void *arg)
{
    struct shale_mem *mem = arg;
    uint8_t mark = (uint8_t)(uintptr_t)pthread_self();

    for (size_t i = 0; i < ROUNDS; i++) {
        size_t size = (i * 37 % 97 + 1) * 16 * KIB;
        uint8_t *block = shale_alloc(mem, size);

        if (!block)
            return mem;
        block[0] = block[size - 1] = mark;
        if (i % 8 == 0)
            usleep(50);
        if (block[0] != mark || block[size - 1] != mark)
            return mem;
        shale_free(mem, block, size);
    }
    return NULL;
}

START_TEST(threads_share_it)
{
    struct shale_mem *mem = shale_host_mem_create(0);
    pthread_t threads[THREADS];
    void *bad;

    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, mem), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &bad);
        ck_assert_ptr_null(bad);
    }
    ck_assert_ptr_null(shale_mem_check(mem));
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("host/pages");
    TCase *tc = tcase_create("mmap");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, grows_and_returns_it_all);
    tcase_add_test(tc, a_budget_is_kept);
    tcase_add_test(tc, a_budget_may_be_too_small);
    tcase_add_test(tc, untouched_memory_is_not_resident);
    tcase_add_test(tc, threads_share_it);
    suite_add_tcase(s, tc);
    return s;
}
