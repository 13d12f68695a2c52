/* test_block_readrun.c - reading ahead: how much, around what, and how not */
#include "test_block_cache.h"

static void setup(void)
{
    rig_open(2048);                 /* runs are 128 blocks, 128 KiB */
}

static void teardown(void)
{
    rig_close();
}

static const struct {
    const char *what;
    uint64_t block, first, count;
    const char *asked;
} windows[] = {
    { "one of one",           5, 5, 1, "r5+1 " },
    { "a short range",        5, 3, 4, "r3+4 " },
    { "its first",            3, 3, 4, "r3+4 " },
    { "its last",             6, 3, 4, "r3+4 " },
    { "a whole run",          128, 128, 128, "r128+128 " },
    { "the run around it",    300, 10, 2000, "r256+128 " },
    { "the run's tail",       127, 100, 2000, "r100+28 " },
    { "the run's head",       128, 100, 100, "r128+72 " },
    { "the volume's end",     4095, 4000, 1000, "r4000+96 " },
    { "everything there is",  4095, 0, UINT64_MAX, "r3968+128 " },
    { "a range that wraps",   4090, 4090, UINT64_MAX, "r4090+6 " },
    { "a range without it",   5, 10, 20, "r5+1 " },
    { "a range before it",    50, 10, 20, "r50+1 " },
    { "an empty range",       5, 5, 0, "r5+1 " },
};

START_TEST(reads_the_window)
{
    rig_touch_run(windows[_i].block, windows[_i].first, windows[_i].count);
    ck_assert_msg(strcmp(rig.asked, windows[_i].asked) == 0, "%s: %s",
                  windows[_i].what, rig.asked);
    ck_assert_uint_eq(rig_stats().pinned, 0);
    ck_assert_uint_eq(rig_stats().reads, 1);
}
END_TEST

/* The volume may end before its device does, and inside a run. */
START_TEST(stops_at_the_volume)
{
    struct shale_cache_config config = rig_config(2048);

    config.block_count = 4000;
    rig_replace(&config);
    rig_touch_run(3999, 3900, 196);
    ck_assert_str_eq(rig.asked, "r3968+32 ");
}
END_TEST

START_TEST(run_is_there_afterwards)
{
    rig_touch_run(70, 64, 128);
    rig_forget();
    for (unsigned i = 64; i < 128; i++)
        rig_touch(i);
    ck_assert_str_eq(rig.asked, "");
    ck_assert_uint_eq(rig_stats().bytes, 64 * RIG_BLOCK);
    rig_touch(63);
    rig_touch(128);
    ck_assert_str_eq(rig.asked, "r63+1 r128+1 ");
}
END_TEST

/* A tree walk's pattern: each block of a table in turn, by its range. */
START_TEST(few_requests_for_a_table)
{
    for (unsigned i = 200; i < 700; i++)
        rig_touch_run(i, 200, 500);
    ck_assert_str_eq(rig.asked, "r200+56 r256+128 r384+128 r512+128 r640+60 ");
}
END_TEST

START_TEST(present_blocks_are_skipped)
{
    struct shale_buf *held;

    rig_touch(256);                 /* at the run's start: not read again */
    rig_touch(257);
    held = rig_get(300);            /* inside: read, but not inserted */
    rig_touch(383);                 /* at its end */
    rig_forget();

    rig_touch_run(310, 256, 128);
    ck_assert_str_eq(rig.asked, "r258+125 ");
    ck_assert_uint_eq(rig_stats().bytes, 128 * RIG_BLOCK);
    ck_assert_ptr_eq(rig_get(300), held);
    shale_buf_put(held);
    shale_buf_put(held);
    for (unsigned i = 256; i < 384; i++)
        rig_touch(i);
    ck_assert_str_eq(rig.asked, "r258+125 ");
}
END_TEST

/* A dirty block is not even read over: it may be on its way to the device. */
START_TEST(dirty_blocks_bound_a_run)
{
    static const unsigned dirty[] = { 256, 301, 330 };

    for (unsigned i = 0; i < 3; i++)
        rig_fill(dirty[i], 0x99, SHALE_RANK_MAP);
    rig_forget();
    rig_touch_run(310, 0, RIG_BLOCKS);
    rig_touch_run(300, 0, RIG_BLOCKS);
    rig_touch_run(331, 0, RIG_BLOCKS);
    ck_assert_str_eq(rig.asked, "r302+28 r257+44 r331+53 ");
    for (unsigned i = 0; i < 3; i++) {
        struct shale_buf *buf = rig_get(dirty[i]);

        ck_assert_uint_eq(buf->data[RIG_BLOCK - 1], 0x99);
        shale_buf_put(buf);
    }

    /* Once written, they are blocks like any other. */
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    shale_cache_shrink(rig.cache, SIZE_MAX);
    rig_touch(310);
    rig_forget();
    rig_touch_run(320, 0, RIG_BLOCKS);
    ck_assert_str_eq(rig.asked, "r256+128 ");
}
END_TEST

START_TEST(only_one_is_missing)
{
    rig_touch_run(0, 0, 10);
    rig_touch_run(11, 11, 10);
    rig_forget();
    rig_touch_run(10, 0, 100);      /* 21 .. 99 are missing, too */
    ck_assert_str_eq(rig.asked, "r10+90 ");
    rig_fresh(2048);
    rig_touch_run(0, 0, 10);
    rig_touch_run(11, 11, 117);
    rig_forget();
    rig_touch_run(10, 0, 128);
    ck_assert_str_eq(rig.asked, "r10+1 ");
}
END_TEST

/* Evicted, they come back one by one, until the run has been forgotten. */
START_TEST(runs_are_read_once)
{
    uint64_t n = 0;

    rig_fresh(512);                 /* forgotten after 8192 misses */
    rig_touch_run(300, 0, RIG_BLOCKS);
    shale_cache_shrink(rig.cache, SIZE_MAX);
    rig_touch_run(300, 0, RIG_BLOCKS);
    rig_touch_run(301, 0, RIG_BLOCKS);
    rig_touch_run(400, 0, RIG_BLOCKS);          /* another run */
    ck_assert_str_eq(rig.asked, "r256+128 r300+1 r301+1 r384+128 ");

    while (rig_stats().misses < 8192 - 1)
        rig_touch(1000 + n++ % 3000);
    rig_forget();
    rig_touch_run(302, 0, RIG_BLOCKS);
    ck_assert_str_eq(rig.asked, "r302+1 ");
    rig_touch_run(303, 0, RIG_BLOCKS);
    ck_assert_str_eq(rig.asked, "r302+1 r256+128 ");
}
END_TEST

/* ... unless somebody says that he is going to take several of them. */
START_TEST(what_is_wanted_comes_together)
{
    struct shale_cache_stats stats;

    rig_fresh(512);
    shale_buf_ahead(rig.cache, 300, 3, 0, RIG_BLOCKS);
    shale_buf_ahead(rig.cache, 310, 3, 0, RIG_BLOCKS);
    ck_assert_str_eq(rig.asked, "r256+128 ");
    shale_cache_shrink(rig.cache, SIZE_MAX);
    rig_forget();
    shale_buf_ahead(rig.cache, 300, 3, 0, RIG_BLOCKS);
    shale_buf_ahead(rig.cache, 299, 6, 0, RIG_BLOCKS);
    shale_buf_ahead(rig.cache, 299, 6, 0, RIG_BLOCKS);
    ck_assert_str_eq(rig.asked, "r300+3 r299+6 ");

    /* Across runs, of which one was not lately; and to the volume's end. */
    rig_forget();
    shale_buf_ahead(rig.cache, 380, 10, 0, RIG_BLOCKS);
    shale_buf_ahead(rig.cache, RIG_BLOCKS - 2, UINT64_MAX, 0, 0);
    shale_buf_ahead(rig.cache, RIG_BLOCKS, 1, 0, UINT64_MAX);
    shale_buf_ahead(rig.cache, 5, 0, 0, RIG_BLOCKS);
    ck_assert_str_eq(rig.asked, "r380+4 r384+128 r4094+2 ");

    stats = rig_stats();
    ck_assert_uint_eq(stats.pinned, 0);
    ck_assert_uint_eq(stats.hits, 0);
    ck_assert_uint_eq(stats.misses, 3 + 3 + 3 + 4 + 6 + 2);
    rig_forget();
    rig_touch(299);
    rig_touch(389);
    rig_touch(RIG_BLOCKS - 1);
    ck_assert_str_eq(rig.asked, "");
}
END_TEST

/* What cannot be read ahead is for who takes it to complain about. */
START_TEST(nobody_minds_what_does_not_come)
{
    shale_fault_at(&rig.fault, 0, 1, SHALE_EIO);
    shale_buf_ahead(rig.cache, 300, 3, 256, 128);
    ck_assert_uint_eq(rig_stats().bytes, 0);
    ck_assert_uint_eq(rig_stats().pinned, 0);
    rig_touch_run(301, 256, 128);
    ck_assert_str_eq(rig.asked, "r256+128 r256+128 ");

    rig_fill(600, 0x99, SHALE_RANK_MAP);
    rig_forget();
    shale_buf_ahead(rig.cache, 598, 5, 512, 128);
    ck_assert_str_eq(rig.asked, "r512+88 ");
}
END_TEST

/* A run that could not be read was not read. */
START_TEST(failed_runs_are_tried_again)
{
    shale_fault_at(&rig.fault, 0, 1, SHALE_EIO);
    rig_touch_run(300, 256, 128);
    rig_touch_run(301, 256, 128);
    ck_assert_str_eq(rig.asked, "r256+128 r300+1 r256+128 ");
}
END_TEST

/* Runs shrink with the budget, to a quarter of it. */
static const struct {
    size_t budget;              /* blocks */
    const char *asked;
} budgets[] = {
    { 0, "r300+1 " }, { 1, "r300+1 " }, { 7, "r300+1 " }, { 8, "r300+2 " },
    { 64, "r288+16 " }, { 100, "r288+16 " }, { 511, "r256+64 " },
    { 512, "r256+128 " }, { 100000, "r256+128 " },
};

START_TEST(runs_fit_the_budget)
{
    struct shale_cache_config config = rig_config(budgets[_i].budget);

    rig_replace(&config);
    rig_touch_run(300, 0, RIG_BLOCKS);
    ck_assert_str_eq(rig.asked, budgets[_i].asked);
    ck_assert_uint_le(rig_stats().bytes, config.budget);
}
END_TEST

/* ------------------------------------------------------- going wrong */

/* The run fails, the block does not: nobody hears of it. */
START_TEST(run_fails_block_does_not)
{
    shale_fault_at(&rig.fault, 0, 1, SHALE_EIO);
    rig_touch_run(300, 256, 128);
    ck_assert_str_eq(rig.asked, "r256+128 r300+1 ");
    ck_assert_uint_eq(rig_stats().bytes, RIG_BLOCK);
}
END_TEST

START_TEST(both_fail)
{
    struct shale_buf *buf = NULL;

    shale_fault_at(&rig.fault, 0, 2, SHALE_EIO);
    ck_assert_int_eq(shale_buf_get_run(rig.cache, 300, 256, 128, &buf),
                     SHALE_EIO);
    ck_assert_ptr_null(buf);
    ck_assert_uint_eq(rig_stats().bytes, 0);
    ck_assert_uint_eq(rig_stats().pinned, 0);
}
END_TEST

/* An image cut short inside a run. */
START_TEST(cut_short)
{
    struct shale_buf *buf = NULL;

    rig.fault.base.size = 310 * RIG_BLOCK + 512;
    rig_touch_run(300, 256, 128);
    rig_touch_run(309, 256, 128);
    ck_assert_int_eq(shale_buf_get_run(rig.cache, 310, 256, 128, &buf),
                     SHALE_EIO);
    ck_assert_int_eq(shale_buf_get_run(rig.cache, 311, 256, 128, &buf),
                     SHALE_EIO);
    ck_assert_ptr_null(buf);
}
END_TEST

/* Fail each allocation of one run: the block is got all the same, but for the
   two that it alone needs. */
START_TEST(survives_lack_of_memory)
{
    unsigned n, refused = 0;
    bool failed = true;

    for (n = 0; failed; n++) {
        struct shale_buf *buf = NULL;
        int err;

        shale_mem_fail_at(rig.mem, n);
        err = shale_buf_get_run(rig.cache, 9, 8, 8, &buf);
        failed = shale_mem_failed(rig.mem);
        ck_assert(err == 0 || (failed && err == SHALE_ENOMEM));
        refused += err != 0;
        if (!err)
            ck_assert(rig_is(buf->data, 9));
        shale_buf_put(buf);
        shale_mem_fail_at(rig.mem, UINT64_MAX);
        for (unsigned i = 8; i < 16; i++)
            rig_touch(i);
        rig_fresh(2048);
    }
    ck_assert_uint_eq(refused, 0);      /* read alone, it tries again */
    ck_assert_uint_gt(n, 8);
}
END_TEST

/* Blocks smaller than the device's own. */
static const uint32_t sectors[] = { 1, 512, 1024, 2048, 4096 };

START_TEST(any_sector_size)
{
    rig_close();
    rig_open_device(sectors[_i]);
    struct shale_cache_config config = rig_config(2048);

    rig_open_cache(&config);
    rig_touch(4095);
    rig_touch(1);
    rig_touch_run(5, 3, 7);
    for (unsigned i = 0; i < 20; i++)
        rig_touch_run(200 + i, 190, 100);
    ck_assert_uint_eq(rig_stats().reads, 4);
    ck_assert_uint_eq(rig_stats().misses, 4);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

Suite *suite(void)
{
    Suite *s = suite_create("block/readrun");
    TCase *tc = tcase_create("readrun");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, reads_the_window, 0, COUNT(windows));
    tcase_add_test(tc, stops_at_the_volume);
    tcase_add_test(tc, run_is_there_afterwards);
    tcase_add_test(tc, few_requests_for_a_table);
    tcase_add_test(tc, present_blocks_are_skipped);
    tcase_add_test(tc, dirty_blocks_bound_a_run);
    tcase_add_test(tc, only_one_is_missing);
    tcase_add_test(tc, runs_are_read_once);
    tcase_add_test(tc, what_is_wanted_comes_together);
    tcase_add_test(tc, nobody_minds_what_does_not_come);
    tcase_add_test(tc, failed_runs_are_tried_again);
    tcase_add_loop_test(tc, runs_fit_the_budget, 0, COUNT(budgets));
    tcase_add_test(tc, run_fails_block_does_not);
    tcase_add_test(tc, both_fail);
    tcase_add_test(tc, cut_short);
    tcase_add_test(tc, survives_lack_of_memory);
    tcase_add_loop_test(tc, any_sector_size, 0, COUNT(sectors));
    suite_add_tcase(s, tc);
    return s;
}
