/*
 * test_block_ahead.c - a cache on a device that works on several requests
 *
 * The device does nothing but when somebody waits, and then in an order of its
 * own: so what is pending stays so for as long as a test wants.
 */
#include "test_block_async.h"

static void all_is_cached(uint64_t first, uint64_t end)
{
    rig_forget();
    for (uint64_t block = first; block < end; block++)
        rig_touch(block);
    ck_assert_str_eq(rig.asked, "");
}

/* ------------------------------------------------------ said in advance */

START_TEST(runs_under_way_at_once)
{
    open_async(BUDGET, 32);
    shale_buf_ahead(rig.cache, 5, 20 * RUN, 0, RIG_BLOCKS);
    ck_assert_uint_gt(disk.most, 2);        /* two may have become one */
    ck_assert_uint_gt(disk.overtaken, 0);
    ck_assert_uint_eq(rig_stats().reads, 21);
    ck_assert_uint_eq(rig_stats().pinned, 0);
    all_is_cached(0, 21 * RUN);
    close_async();
}
END_TEST

/* One run is no more than a request, and is read as ever. */
START_TEST(a_single_run)
{
    open_async(BUDGET, 32);
    shale_buf_ahead(rig.cache, 5, 20, 5, 20);
    ck_assert_uint_eq(disk.taken, 0);
    ck_assert_str_eq(rig.asked, "r5+20 ");
    all_is_cached(5, 25);
    close_async();
}
END_TEST

static void ask_for_runs(void)
{
    shale_buf_ahead(rig.cache, 0, 10 * RUN, 0, 10 * RUN);
}

/* Any request fails, and all others are there; who takes that, reads it. */
START_TEST(a_run_that_fails)
{
    bool failed = true;

    for (unsigned n = 0; failed; n++) {
        open_async(BUDGET, 32);
        shale_fault_at(&rig.fault, n, 1, SHALE_EIO);
        ask_for_runs();
        failed = shale_fault_failed(&rig.fault);
        ck_assert_uint_eq(rig_stats().pinned, 0);
        all_is_cached(0, 10 * RUN);
        close_async();
    }
}
END_TEST

static void all_is_right(void)
{
    for (uint64_t block = 0; block < 10 * RUN; block++)
        rig_touch(block);
}

START_TEST(no_memory_for_it)
{
    each_allocation_fails(101, ask_for_runs, all_is_right);
}
END_TEST

/* -------------------------------------------------- the run that is next */

/* Touch the runs FIRST to LAST of a range that is all of the device. */
static void come_in_order(uint64_t first, uint64_t last)
{
    for (uint64_t run = first; run <= last; run++)
        rig_touch_run(run * RUN, 0, RIG_BLOCKS);
}

START_TEST(each_run_asked_for_before)
{
    open_async(BUDGET, 8);
    rig_touch_run(0, 0, RIG_BLOCKS);
    ck_assert_uint_eq(disk.taken, 0);       /* that may have been all */
    rig_touch_run(RUN, 0, RIG_BLOCKS);
    ck_assert_uint_eq(disk.taken, 1);
    ck_assert_uint_eq(disk.waiting_count + (rig_stats().reads == 3), 2);
    for (uint64_t run = 2; run < RIG_BLOCKS / RUN; run++) {
        rig_touch_run(run * RUN, 0, RIG_BLOCKS);
        ck_assert_uint_eq(disk.taken,
                          run + 1 < RIG_BLOCKS / RUN ? run : run - 1);
    }
    ck_assert_uint_eq(rig_stats().reads, RIG_BLOCKS / RUN);
    close_async();
}
END_TEST

/* Nobody comes in order, or the table is at its end: nothing is asked for. */
START_TEST(not_asked_for)
{
    open_async(BUDGET, 8);
    rig_touch_run(5 * RUN, 0, RIG_BLOCKS);
    rig_touch_run(3 * RUN, 0, RIG_BLOCKS);
    rig_touch_run(7 * RUN, 0, RIG_BLOCKS);
    rig_touch_run(10 * RUN, 10 * RUN, 2 * RUN);
    rig_touch_run(11 * RUN, 10 * RUN, 2 * RUN);
    rig_touch_run(30 * RUN, 0, RIG_BLOCKS);
    rig_touch_run(31 * RUN, 0, RIG_BLOCKS);
    ck_assert_uint_eq(disk.taken, 0);
    close_async();
}
END_TEST

/* Who wants another run next has it, and that one is there as well. */
START_TEST(another_comes_first)
{
    open_async(BUDGET, 8);
    come_in_order(0, 1);
    ck_assert_uint_eq(disk.taken, 1);
    come_in_order(10, 11);
    ck_assert_uint_eq(disk.taken, 2);       /* 2, and 12 */
    rig_forget();
    rig_touch(2 * RUN);
    rig_touch(3 * RUN - 1);
    ck_assert_str_eq(rig.asked, "");
    close_async();
}
END_TEST

START_TEST(never_taken)
{
    open_async(BUDGET, 8);
    come_in_order(0, 1);
    ck_assert_uint_eq(disk.taken, 1);
    close_async();                          /* leaks nothing */
}
END_TEST

START_TEST(given_up_when_memory_is_short)
{
    size_t held;

    open_async(BUDGET, 8);
    come_in_order(0, 1);
    held = rig_stats().bytes;
    ck_assert_uint_eq(shale_cache_shrink(rig.cache, SIZE_MAX),
                      held + (size_t)RUN * RIG_BLOCK);
    ck_assert_uint_eq(rig_stats().bytes, 0);
    ck_assert_uint_eq(disk.waiting_count, 0);
    close_async();
}
END_TEST

/* The pending run fails: who comes to it reads it. */
START_TEST(pending_and_fails)
{
    open_async(BUDGET, 8);
    come_in_order(0, 1);
    ck_assert_uint_eq(disk.taken, 1);
    shale_fault_at(&rig.fault, 0, 1, SHALE_EIO);
    rig_touch_run(2 * RUN, 0, RIG_BLOCKS);
    rig_touch(3 * RUN - 1);
    close_async();
}
END_TEST

/*
 * A block of the pending run gets new contents, written, and evicted, before
 * the request is done, or after: they are not replaced by what it has seen.
 */
START_TEST(pending_and_changed)
{
    const uint64_t block = 2 * RUN + 9;

    open_async(BUDGET, 8);
    come_in_order(0, 1);
    ck_assert_uint_eq(disk.taken, 1);
    if (_i == 1 && disk.waiting_count == 1)     /* it sees what was there */
        memcpy(disk.waiting[0]->buf, rig.bytes + 2 * RUN * RIG_BLOCK,
               disk.waiting[0]->len);

    fill_new(block, 0x77);
    if (_i == 2) {                              /* and it is written */
        ck_assert_int_eq(shale_tx_write(rig.tx), 0);
        ck_assert(rig_filled(block, 0x77));
    }
    rig_touch_run(2 * RUN, 0, RIG_BLOCKS);
    is_full_of(block, 0x77);
    rig_touch(block - 1);
    rig_touch(block + 1);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    close_async();
}
END_TEST

/* What is written past the cache, the same. */
START_TEST(pending_and_forgotten)
{
    const uint64_t block = 2 * RUN + 9;

    open_async(BUDGET, 8);
    come_in_order(0, 1);
    ck_assert_uint_eq(disk.taken, 1);
    all_done();                             /* it has seen what was there */
    memset(rig.bytes + block * RIG_BLOCK, 0x66, RIG_BLOCK);
    shale_cache_forget(rig.cache, block, 1);
    rig_touch_run(2 * RUN, 0, RIG_BLOCKS);
    is_full_of(block, 0x66);
    rig_touch(block + 1);
    close_async();
}
END_TEST

/* ----------------------------------------------------------- writing back */

/* Blocks all over the device, of several ranks, some of them neighbours. */
static void change_many(void)
{
    for (uint64_t i = 0; i < 300; i++) {
        uint64_t block = i % 3 == 2 ? i * 13 - 12 : i * 13;

        rig_fill(block, (uint8_t)i, (enum shale_rank)(i % SHALE_STEP_WHOLE));
    }
}

static void all_is_written(void)
{
    for (uint64_t i = 0; i < 300; i++)
        ck_assert(rig_filled(i % 3 == 2 ? i * 13 - 12 : i * 13, (uint8_t)i));
}

/* No request is under way when the device is flushed. */
static void flush_alone(void *context, enum shale_request_kind kind,
                        uint64_t offset, size_t len)
{
    (void)context;
    (void)offset;
    (void)len;
    if (kind == SHALE_REQUEST_FLUSH)
        ck_assert_uint_eq(disk.waiting_count, 0);
}

START_TEST(pieces_under_way_at_once)
{
    open_async(BUDGET, 8);
    rig.fault.watch = flush_alone;
    change_many();
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_uint_eq(disk.most, 8);
    ck_assert_uint_gt(disk.overtaken, 0);
    all_is_written();
    close_async();
}
END_TEST

/* Large enough that the room to gather in is used again and again. */
START_TEST(more_than_is_gathered_at_once)
{
    open_async(BUDGET, 8);
    for (uint64_t i = 0; i < 3000; i++)
        rig_fill(i + i / 100, (uint8_t)(i * 3), 0);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    for (uint64_t i = 0; i < 3000; i++)
        ck_assert(rig_filled(i + i / 100, (uint8_t)(i * 3)));
    ck_assert_uint_gt(disk.most, 2);
    close_async();
}
END_TEST

START_TEST(a_write_that_fails)
{
    bool failed = true;

    for (unsigned n = 0; failed; n += n < 20 ? 1 : 37) {
        int err;

        open_async(BUDGET, 8);
        change_many();
        shale_fault_at(&rig.fault, n, 1, SHALE_EIO);
        err = shale_tx_write(rig.tx);
        failed = shale_fault_failed(&rig.fault);
        ck_assert_int_eq(err, failed ? SHALE_EIO : 0);
        ck_assert_uint_eq(disk.waiting_count, 0);
        if (err)
            ck_assert_uint_gt(shale_tx_dirty_bytes(rig.tx), 0);
        ck_assert_int_eq(shale_tx_write(rig.tx), 0);
        ck_assert_uint_eq(shale_tx_dirty_bytes(rig.tx), 0);
        all_is_written();
        close_async();
    }
}
END_TEST

START_TEST(no_memory_to_write)
{
    for (unsigned n = 0; n < 2; n++) {      /* a flight, room to gather in */
        open_async(BUDGET, 8);
        change_many();
        shale_mem_fail_at(rig.mem, n);
        ck_assert_int_eq(shale_tx_write(rig.tx), 0);
        shale_mem_fail_at(rig.mem, UINT64_MAX);
        all_is_written();
        close_async();
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("block/ahead");
    TCase *tc = tcase_create("said in advance");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, runs_under_way_at_once);
    tcase_add_test(tc, a_single_run);
    tcase_add_test(tc, a_run_that_fails);
    tcase_add_test(tc, no_memory_for_it);
    suite_add_tcase(s, tc);

    tc = tcase_create("the next run");
    tcase_add_test(tc, each_run_asked_for_before);
    tcase_add_test(tc, not_asked_for);
    tcase_add_test(tc, another_comes_first);
    tcase_add_test(tc, never_taken);
    tcase_add_test(tc, given_up_when_memory_is_short);
    tcase_add_test(tc, pending_and_fails);
    tcase_add_loop_test(tc, pending_and_changed, 0, 3);
    tcase_add_test(tc, pending_and_forgotten);
    suite_add_tcase(s, tc);

    tc = tcase_create("writing back");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, pieces_under_way_at_once);
    tcase_add_test(tc, more_than_is_gathered_at_once);
    tcase_add_test(tc, a_write_that_fails);
    tcase_add_test(tc, no_memory_to_write);
    suite_add_tcase(s, tc);
    return s;
}
