/* test_block_cache.c - hits, misses, pins, eviction, and running out */
#include "test_block_cache.h"

#include <stdlib.h>

static void setup(void)
{
    rig_open(64);
}

static void teardown(void)
{
    rig_close();
}

/* --------------------------------------------------------- hit and miss */

START_TEST(second_get_is_a_hit)
{
    struct shale_cache_stats stats;

    rig_touch(7);
    rig_touch(7);
    rig_touch(RIG_BLOCKS - 1);
    ck_assert_str_eq(rig.asked, "r7+1 r4095+1 ");
    stats = rig_stats();
    ck_assert_uint_eq(stats.hits, 1);
    ck_assert_uint_eq(stats.misses, 2);
    ck_assert_uint_eq(stats.reads, 2);
    ck_assert_uint_eq(stats.bytes, 2 * RIG_BLOCK);
    ck_assert_uint_eq(stats.budget, 64 * RIG_BLOCK);
    ck_assert_uint_eq(stats.pinned, 0);
}
END_TEST

START_TEST(two_pins_one_buffer)
{
    struct shale_buf *a = rig_get(9), *b = rig_get(9);

    ck_assert_ptr_eq(a, b);
    ck_assert_uint_eq(rig_stats().pinned, 1);
    shale_buf_put(a);
    ck_assert_uint_eq(rig_stats().pinned, 1);
    ck_assert_uint_eq(shale_cache_shrink(rig.cache, SIZE_MAX), 0);
    ck_assert(rig_is(b->data, 9));
    shale_buf_put(b);
    shale_buf_put(NULL);
    ck_assert_uint_eq(rig_stats().pinned, 0);
}
END_TEST

static const uint64_t beyond[] = { RIG_BLOCKS, RIG_BLOCKS + 1, UINT64_MAX };

START_TEST(past_the_end_is_einval)
{
    struct shale_buf *buf = NULL;

    ck_assert_int_eq(shale_buf_get(rig.cache, beyond[_i], &buf), SHALE_EINVAL);
    ck_assert_int_eq(shale_buf_get_run(rig.cache, beyond[_i], beyond[_i], 1,
                                       &buf), SHALE_EINVAL);
    ck_assert_ptr_null(buf);
    ck_assert_str_eq(rig.asked, "");
}
END_TEST

/* ------------------------------------------------------------- eviction */

START_TEST(oldest_goes_first)
{
    for (unsigned i = 0; i < 64; i++)
        rig_touch(i);
    rig_touch(0);                   /* now 1 is the oldest */
    rig_touch(100);
    rig_touch(101);
    ck_assert_uint_eq(rig_stats().bytes, 64 * RIG_BLOCK);
    rig_forget();
    for (unsigned i = 3; i < 64; i++)
        rig_touch(i);
    rig_touch(0);
    ck_assert_str_eq(rig.asked, "");
    rig_touch(1);
    rig_touch(2);
    ck_assert_str_eq(rig.asked, "r1+1 r2+1 ");
}
END_TEST

START_TEST(pinned_blocks_stay)
{
    struct shale_buf *held[100];

    for (unsigned i = 0; i < 100; i++)      /* more than the budget */
        held[i] = rig_get(i);
    ck_assert_uint_eq(rig_stats().bytes, 100 * RIG_BLOCK);
    ck_assert_uint_eq(rig_stats().pinned, 100);
    for (unsigned i = 0; i < 100; i++)
        ck_assert(rig_is(held[i]->data, i));
    for (unsigned i = 0; i < 100; i++)
        shale_buf_put(held[i]);
    ck_assert_uint_eq(rig_stats().bytes, 64 * RIG_BLOCK);   /* and back */
    rig_forget();
    for (unsigned i = 36; i < 100; i++)
        rig_touch(i);
    ck_assert_str_eq(rig.asked, "");
}
END_TEST

START_TEST(dirty_blocks_stay)
{
    struct shale_buf *buf;

    rig_fill(5, 0x77, SHALE_RANK_MAP);
    rig_fill(5, 0x77, SHALE_RANK_MAP);
    ck_assert_uint_eq(rig_stats().dirty, 1);
    ck_assert_uint_eq(rig_stats().pinned, 0);
    for (unsigned i = 100; i < 300; i++)
        rig_touch(i);
    ck_assert_uint_eq(shale_cache_shrink(rig.cache, SIZE_MAX), 63 * RIG_BLOCK);
    buf = rig_get(5);
    ck_assert_uint_eq(buf->data[0], 0x77);
    shale_buf_put(buf);
    ck_assert_uint_eq(rig_stats().dirty, 1);
    ck_assert_uint_ne(rig.bytes[5 * RIG_BLOCK], 0x77);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_uint_eq(rig_stats().dirty, 0);
    ck_assert_uint_eq(shale_cache_shrink(rig.cache, SIZE_MAX), RIG_BLOCK);
}
END_TEST

/* What was written past the cache is not to be had from the cache. */
START_TEST(forgets_what_it_is_told_to)
{
    for (unsigned i = 0; i < 10; i++)
        rig_touch(i);
    for (unsigned i = 3; i < 6; i++)
        memset(rig.bytes + i * RIG_BLOCK, 0x11, RIG_BLOCK);
    shale_cache_forget(rig.cache, 3, 3);
    shale_cache_forget(rig.cache, 200, 100);    /* not there at all */
    ck_assert_uint_eq(rig_stats().bytes, 7 * RIG_BLOCK);
    rig_forget();
    for (unsigned i = 0; i < 10; i++) {
        struct shale_buf *buf = rig_get(i);

        ck_assert_int_eq(buf->data[9] == 0x11, i >= 3 && i < 6);
        shale_buf_put(buf);
    }
    ck_assert_str_eq(rig.asked, "r3+1 r4+1 r5+1 ");
}
END_TEST

static const struct {
    size_t want;
    unsigned freed, left;       /* blocks */
} shrinks[] = {
    { 0, 0, 10 }, { 1, 1, 9 }, { RIG_BLOCK, 1, 9 }, { RIG_BLOCK + 1, 2, 8 },
    { 10 * RIG_BLOCK, 10, 0 }, { 11 * RIG_BLOCK, 10, 0 }, { SIZE_MAX, 10, 0 },
};

START_TEST(shrinks_as_wanted)
{
    for (unsigned i = 0; i < 10; i++)
        rig_touch(i);
    ck_assert_uint_eq(shale_cache_shrink(rig.cache, shrinks[_i].want),
                      shrinks[_i].freed * RIG_BLOCK);
    ck_assert_uint_eq(rig_stats().bytes, shrinks[_i].left * RIG_BLOCK);
    rig_forget();
    for (unsigned i = shrinks[_i].freed; i < 10; i++)
        rig_touch(i);
    ck_assert_str_eq(rig.asked, "");
}
END_TEST

/* A long random walk over few blocks against the plainest model there is. */
START_TEST(like_a_list)
{
    uint64_t model[64], x = 1;      /* most recent first */
    unsigned count = 0;

    for (unsigned n = 0; n < 20000; n++) {
        uint64_t block;
        unsigned at = 0;

        x = x * 6364136223846793005u + 1442695040888963407u;
        block = (x >> 40) % 100 * 37;
        while (at < count && model[at] != block)
            at++;
        rig_forget();
        rig_touch(block);
        ck_assert_int_eq(rig.asked[0] != '\0', at == count);
        if (at == count && count < 64)
            count++;
        if (at == 64)
            at = 63;
        memmove(model + 1, model, at * sizeof *model);
        model[0] = block;
    }
}
END_TEST

/* ------------------------------------------------------ making a cache */

static const struct {
    const char *what;
    uint32_t block_size;
    uint64_t block_count;
    int result;
} configs[] = {
    { "smallest blocks", 512, 8, 0 },
    { "largest blocks", 65536, 8, 0 },
    { "no blocks", 1024, 0, 0 },
    { "as many as there can be", 1024, UINT64_MAX / 1024, 0 },
    { "one more", 1024, UINT64_MAX / 1024 + 1, SHALE_EINVAL },
    { "too small", 256, 8, SHALE_EINVAL },
    { "too large", 131072, 8, SHALE_EINVAL },
    { "no power of two", 1536, 8, SHALE_EINVAL },
    { "nothing", 0, 8, SHALE_EINVAL },
};

START_TEST(checks_its_configuration)
{
    struct shale_cache_config config = rig_config(64);
    struct shale_cache *cache;
    int r;

    config.block_size = configs[_i].block_size;
    config.block_count = configs[_i].block_count;
    r = shale_cache_create(&config, &cache);
    ck_assert_msg(r == configs[_i].result, "%s: %d", configs[_i].what, r);
    if (!r)
        ck_assert_uint_eq(shale_cache_destroy(cache), 0);
}
END_TEST

static unsigned locks_left;

static int init_until(void *lock)
{
    if (locks_left-- == 0)
        return SHALE_EAGAIN;
    return shale_host_locks.init(lock);
}

START_TEST(create_survives_failure)
{
    struct shale_cache_config config = rig_config(64);
    struct shale_lock_ops locks = shale_host_locks;
    struct shale_cache *cache;
    bool failed = true;
    unsigned n;
    int err;

    for (n = 0; failed; n++) {
        shale_mem_fail_at(rig.mem, n);
        err = shale_cache_create(&config, &cache);
        failed = shale_mem_failed(rig.mem);
        ck_assert_int_eq(err, failed ? SHALE_ENOMEM : 0);
    }
    shale_mem_fail_at(rig.mem, UINT64_MAX);
    ck_assert_uint_ge(n, 4);
    ck_assert_uint_eq(shale_cache_destroy(cache), 0);

    locks.init = init_until;
    config.locks = &locks;
    for (n = 0, err = SHALE_EAGAIN; err; n++) {
        locks_left = n;
        err = shale_cache_create(&config, &cache);
        ck_assert(!err || err == SHALE_EAGAIN);
    }
    ck_assert_uint_gt(n, 3);
    ck_assert_uint_eq(shale_cache_destroy(cache), 0);
}
END_TEST

START_TEST(works_without_locks)
{
    struct shale_cache_config config = rig_config(16);

    config.locks = NULL;
    rig_replace(&config);
    for (unsigned i = 0; i < 100; i++)
        rig_touch_run(i, 0, RIG_BLOCKS);
    rig_fill(7, 7, SHALE_RANK_NAME);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert(rig_filled(7, 7));
}
END_TEST

START_TEST(budget_below_a_block)
{
    for (size_t budget = 0; budget < 2; budget++) {
        struct shale_cache_config config = rig_config(0);
        struct shale_buf *a, *b;

        config.budget = budget * (RIG_BLOCK - 1);
        rig_replace(&config);
        a = rig_get(1);
        b = rig_get(2);
        ck_assert(rig_is(a->data, 1) && rig_is(b->data, 2));
        shale_buf_put(b);
        ck_assert_uint_eq(rig_stats().bytes, RIG_BLOCK);
        ck_assert(rig_is(a->data, 1));
        shale_buf_put(a);
        ck_assert_uint_eq(rig_stats().bytes, 0);
        rig_touch_run(3, 0, 100);
    }
}
END_TEST

START_TEST(destroy_counts_leaks)
{
    struct shale_cache_config config = rig_config(8);
    struct shale_cache *kept = rig.cache;

    ck_assert_int_eq(shale_cache_create(&config, &rig.cache), 0);
    rig_get(1);
    rig_get(2);
    rig_get(2);
    rig_touch(4);
    ck_assert_uint_eq(shale_cache_destroy(rig.cache), 2);
    rig.cache = kept;               /* teardown finds nothing left behind */
}
END_TEST

/* Page-sized data is page-aligned, which devices like. */
START_TEST(pages_are_aligned)
{
    struct shale_cache_config config = rig_config(64);
    struct shale_cache *cache;
    struct shale_buf *buf;

    config.block_size = 4096;
    config.block_count = sizeof rig.bytes / 4096;
    ck_assert_int_eq(shale_cache_create(&config, &cache), 0);
    for (unsigned i = 0; i < 40; i++) {
        ck_assert_int_eq(shale_buf_get_run(cache, i, 0, 40, &buf), 0);
        ck_assert_uint_eq((uintptr_t)buf->data % 4096, 0);
        ck_assert_mem_eq(buf->data, rig.bytes + i * 4096, 4096);
        shale_buf_put(buf);
    }
    ck_assert_uint_eq(shale_cache_destroy(cache), 0);
}
END_TEST

/* ------------------------------------------------------------- failures */

START_TEST(io_error_leaves_nothing)
{
    struct shale_buf *buf = NULL;

    shale_fault_at(&rig.fault, 0, 1, SHALE_ENXIO);
    ck_assert_int_eq(shale_buf_get(rig.cache, 3, &buf), SHALE_ENXIO);
    ck_assert_ptr_null(buf);
    ck_assert_uint_eq(rig_stats().bytes, 0);
    rig_touch(3);                   /* and is not remembered */
}
END_TEST

/* Fail each allocation of three gets: the cache makes do, or says ENOMEM. */
START_TEST(survives_lack_of_memory)
{
    bool failed = true;
    unsigned n, refused = 0;

    for (n = 0; failed; n++) {
        unsigned ok = 0;

        shale_mem_fail_at(rig.mem, UINT64_MAX);
        rig_fresh(64);
        shale_mem_fail_at(rig.mem, n);
        for (unsigned i = 0; i < 3; i++) {
            struct shale_buf *buf = NULL;
            int err = shale_buf_get_run(rig.cache, 40 * i, 40 * i, 4, &buf);

            ck_assert(err == 0 || err == SHALE_ENOMEM);
            refused += err != 0;
            ok += err == 0;
            if (!err)
                ck_assert(rig_is(buf->data, 40 * i));
            shale_buf_put(buf);
        }
        failed = shale_mem_failed(rig.mem);
        ck_assert_uint_ge(ok, 2);
        if (!failed)
            ck_assert_uint_eq(ok, 3);
        shale_cache_shrink(rig.cache, SIZE_MAX);
        ck_assert_uint_eq(rig_stats().bytes, 0);
    }
    /* Two at most: the first block's, with nothing of its own to evict. */
    ck_assert_uint_le(refused, 2);
    ck_assert_uint_gt(n, 10);
}
END_TEST

/* With memory for a few blocks only, the cache lives on what it has. */
START_TEST(lives_on_what_it_has)
{
    static _Alignas(4096) uint8_t arena_bytes[192 << 10];
    struct shale_static_arena arena;
    struct shale_cache_config config = rig_config(1 << 20);
    struct shale_cache *kept = rig.cache;
    struct shale_buf *held[256];
    struct shale_mem *mem;
    unsigned count = 0;

    shale_static_arena_init(&arena, arena_bytes, sizeof arena_bytes);
    mem = shale_mem_create(&arena.source, NULL, 0);
    ck_assert_ptr_nonnull(mem);
    config.mem = mem;
    config.block_count = RIG_BLOCKS;
    config.budget = 1 << 20;
    ck_assert_int_eq(shale_cache_create(&config, &rig.cache), 0);

    for (unsigned i = 0; i < 2000; i++)
        rig_touch_run(i, 0, RIG_BLOCKS);
    ck_assert_uint_lt(rig_stats().bytes, sizeof arena_bytes);

    while (count < 256 &&
           shale_buf_get(rig.cache, 10 * count, &held[count]) == 0)
        count++;
    ck_assert_uint_gt(count, 16);
    ck_assert_uint_lt(count, 192);
    shale_buf_put(held[--count]);
    held[count] = rig_get(4000);    /* in its place */
    count++;
    while (count > 0)
        shale_buf_put(held[--count]);

    ck_assert_uint_eq(shale_cache_destroy(rig.cache), 0);
    ck_assert_ptr_null(shale_mem_check(mem));
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
    rig.cache = kept;
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

Suite *suite(void)
{
    Suite *s = suite_create("block/cache");
    TCase *tc = tcase_create("cache");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, second_get_is_a_hit);
    tcase_add_test(tc, two_pins_one_buffer);
    tcase_add_loop_test(tc, past_the_end_is_einval, 0, COUNT(beyond));
    tcase_add_test(tc, oldest_goes_first);
    tcase_add_test(tc, pinned_blocks_stay);
    tcase_add_test(tc, dirty_blocks_stay);
    tcase_add_test(tc, forgets_what_it_is_told_to);
    tcase_add_loop_test(tc, shrinks_as_wanted, 0, COUNT(shrinks));
    tcase_add_test(tc, like_a_list);
    tcase_add_loop_test(tc, checks_its_configuration, 0, COUNT(configs));
    tcase_add_test(tc, create_survives_failure);
    tcase_add_test(tc, works_without_locks);
    tcase_add_test(tc, budget_below_a_block);
    tcase_add_test(tc, destroy_counts_leaks);
    tcase_add_test(tc, pages_are_aligned);
    tcase_add_test(tc, io_error_leaves_nothing);
    tcase_add_test(tc, survives_lack_of_memory);
    tcase_add_test(tc, lives_on_what_it_has);
    suite_add_tcase(s, tc);
    return s;
}
