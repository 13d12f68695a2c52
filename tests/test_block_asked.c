/*
 * test_block_asked.c - single blocks that are asked for, and nobody waits
 *
 * The device does next to nothing but when somebody waits, and then in an order
 * of its own: so what is on its way stays so for as long as a test wants.
 */
#include <limits.h>

#include "shale/flight.h"
#include "test_block_async.h"

enum { EACH = 8 };

static const uint64_t each[EACH] = { 10, 210, 410, 610, 810, 1010, 1210, 1410 };

static void ask_each(void)
{
    shale_buf_ahead_each(rig.cache, each, EACH, 1);
}

static void touch_each(void)
{
    for (unsigned i = 0; i < EACH; i++)
        rig_touch(each[i]);
}

/* Blocks here and there, in any order, some of them twice or nowhere. */
START_TEST(blocks_here_and_there)
{
    static const struct {
        const char *what;
        uint64_t blocks[12];
        size_t count, reads;
    } cases[] = {
        { "apart", { 3, 260, 517, 774 }, 4, 4 },
        { "of one lock", { 3, 3 + 16 * RUN }, 2, 2 },
        { "of one run", { 3, 9, 4, 100 }, 4, 4 },
        { "backwards", { 4000, 3000, 2000, 1000 }, 4, 4 },
        { "twice", { 50, 50, 700, 50, 700 }, 5, 2 },
        { "nowhere", { 50, RIG_BLOCKS, UINT64_MAX, 51 }, 4, 2 },
        { "more of them", { 10, 400, 20, 500, 30, 600, 40, 700, 50, 800, 60,
                            900 }, 12, 12 },
        { "alone", { 50 }, 1, 0 },
        { "none", { 0 }, 0, 0 },
    };
    const uint64_t *blocks = cases[_i].blocks;

    open_async(BUDGET, 32);
    shale_buf_ahead_each(rig.cache, blocks, cases[_i].count, 1);
    ck_assert_msg(disk.taken == cases[_i].reads, "%s: %u", cases[_i].what,
                  (unsigned)disk.taken);
    /* Nobody has waited; but one interrupt may have come. */
    ck_assert_uint_ge(disk.waiting_count + 1, disk.taken);
    ck_assert_uint_eq(rig_stats().pinned, 0);
    for (size_t i = 0; i < cases[_i].count && cases[_i].reads > 0; i++)
        if (blocks[i] < RIG_BLOCKS)
            rig_touch(blocks[i]);
    ck_assert_uint_eq(disk.waiting_count, 0);
    ck_assert_uint_eq(rig_stats().reads, cases[_i].reads);

    /* With the first there nothing is asked for. */
    shale_buf_ahead_each(rig.cache, (const uint64_t[]){ blocks[0], 99 }, 2, 1);
    ck_assert(cases[_i].reads == 0 || disk.taken == cases[_i].reads);
    shale_buf_ahead_each(rig.cache, (const uint64_t[]){ blocks[0], 99 }, 2, 2);
    ck_assert_uint_gt(disk.taken, cases[_i].reads);
    close_async();
}
END_TEST

/* What is on its way counts as there: a second call asks for what is not. */
START_TEST(not_asked_for_twice)
{
    open_async(BUDGET, 32);
    ask_each();
    ask_each();
    shale_buf_ahead_each(rig.cache, each, EACH, EACH);
    ck_assert_uint_eq(disk.taken, EACH);
    shale_buf_ahead_each(rig.cache, (const uint64_t[]){ each[3], 77 }, 2, 2);
    ck_assert_uint_eq(disk.taken, EACH + 1);
    touch_each();
    rig_touch(77);
    ck_assert_uint_eq(rig_stats().reads, EACH + 1);
    close_async();
}
END_TEST

/* The last one that is needed soon tells whether it is time to ask. */
START_TEST(asked_when_it_is_time)
{
    open_async(BUDGET, 32);
    rig_touch(each[3]);
    shale_buf_ahead_each(rig.cache, each, EACH, 4);
    shale_buf_ahead_each(rig.cache, each, EACH, 0);
    shale_buf_ahead_each(rig.cache, each, 4, EACH);
    ck_assert_uint_eq(disk.taken, 0);
    shale_buf_ahead_each(rig.cache, each, EACH, 5);
    ck_assert_uint_eq(disk.taken, EACH - 1);
    touch_each();
    ck_assert_uint_eq(rig_stats().reads, EACH);
    close_async();
}
END_TEST

/* However small the cache is, and however little room the device has. */
START_TEST(as_far_as_there_is_room)
{
    struct shale_flight flight;
    uint8_t bytes[1024];

    open_async(12, 32);
    ask_each();
    ck_assert_uint_eq(disk.taken, 3);       /* a quarter of the cache */
    touch_each();
    close_async();

    open_async(4, 32);                      /* for one: it is no use */
    ask_each();
    ck_assert_uint_eq(disk.taken, 0);
    close_async();

    open_async(BUDGET, 4);
    shale_flight_begin(&flight, &disk.base);
    shale_flight_read(&flight, 0, bytes, 512);
    shale_flight_read(&flight, 2048, bytes + 512, 512);
    shale_flight_go(&flight);
    ck_assert_uint_eq(disk.taken, 2);
    ask_each();                             /* it has room for two more */
    ck_assert_uint_eq(disk.taken, 4);
    touch_each();
    ck_assert_int_eq(shale_flight_finish(&flight), 0);
    close_async();

    rig_open(BUDGET);                       /* one at a time */
    ask_each();
    ck_assert_str_eq(rig.asked, "");
    rig_close();
}
END_TEST

/* Those that nobody takes do not take the room of others for ever. */
START_TEST(taken_by_nobody)
{
    open_async(BUDGET, 32);
    for (uint64_t block = 0; block < 40; block++) {
        const uint64_t blocks[] = { 50 * block, 50 * block + 7 };

        shale_buf_ahead_each(rig.cache, blocks, 2, 2);
        rig_touch(blocks[1]);               /* the other one comes some time */
    }
    ck_assert_uint_gt(disk.taken, 70);
    for (uint64_t block = 0; block < 40; block++)
        rig_touch(50 * block);
    ck_assert_uint_le(rig_stats().reads, 80);
    close_async();

    open_async(BUDGET, 32);
    ask_each();
    close_async();                          /* leaks nothing */
}
END_TEST

/* Any of the requests fails: who takes that block reads it. */
START_TEST(a_request_that_fails)
{
    bool failed = true;

    for (unsigned n = 0; failed; n++) {
        open_async(BUDGET, 32);
        ask_each();
        shale_fault_at(&rig.fault, n, 1, SHALE_EIO);
        touch_each();
        failed = shale_fault_failed(&rig.fault);
        ck_assert_uint_eq(rig_stats().reads, EACH + failed);
        ck_assert_uint_eq(rig_stats().pinned, 0);
        close_async();
    }
}
END_TEST

static void each_is_read_once(void)
{
    touch_each();
    ck_assert_uint_eq(rig_stats().reads, EACH);
}

START_TEST(no_memory_for_it)
{
    each_allocation_fails(UINT_MAX, ask_each, each_is_read_once);
}
END_TEST

START_TEST(given_up_when_memory_is_short)
{
    open_async(BUDGET, 32);
    ask_each();
    rig_touch(4000);
    ck_assert_uint_eq(shale_cache_shrink(rig.cache, SIZE_MAX),
                      (EACH + 1) * RIG_BLOCK);
    ck_assert_uint_eq(rig_stats().bytes, 0);
    ck_assert_uint_eq(disk.waiting_count, 0);
    touch_each();
    close_async();
}
END_TEST

/*
 * A block that is asked for gets new contents, and they are written, perhaps,
 * and evicted, before the request is done or after: they stay.
 */
START_TEST(asked_for_and_changed)
{
    open_async(BUDGET, 32);
    ask_each();
    if (_i & 1)
        all_done();
    fill_new(each[2], 0x77);
    is_full_of(each[2], 0x77);
    if (_i & 2) {
        ck_assert_int_eq(shale_tx_write(rig.tx), 0);
        ck_assert_uint_eq(disk.waiting_count, 0);
        ck_assert(rig_filled(each[2], 0x77));
        is_full_of(each[2], 0x77);
        shale_cache_shrink(rig.cache, SIZE_MAX);
    }
    for (unsigned i = 0; i < EACH; i++)
        if (i != 2)
            rig_touch(each[i]);
    is_full_of(each[2], 0x77);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    close_async();
}
END_TEST

/* What is written past the cache, the same. */
START_TEST(asked_for_and_forgotten)
{
    open_async(BUDGET, 32);
    ask_each();
    all_done();                             /* it has seen what was there */
    memset(rig.bytes + each[2] * RIG_BLOCK, 0x66, RIG_BLOCK);
    shale_cache_forget(rig.cache, each[2], 1);
    is_full_of(each[2], 0x66);
    rig_touch(each[3]);
    close_async();
}
END_TEST

/* A run that is read meanwhile may have some of them as well. */
START_TEST(asked_for_and_in_a_run)
{
    open_async(BUDGET, 32);
    ask_each();
    rig_touch_run(each[1] + 1, 0, RIG_BLOCKS);
    touch_each();
    rig_touch_run(each[1] + 2, 0, RIG_BLOCKS);
    ck_assert_uint_eq(rig_stats().reads, EACH + 1);
    ck_assert_uint_eq(rig_stats().pinned, 0);
    close_async();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("block/asked");
    TCase *tc = tcase_create("asked");

    tcase_add_loop_test(tc, blocks_here_and_there, 0, 9);
    tcase_add_test(tc, not_asked_for_twice);
    tcase_add_test(tc, asked_when_it_is_time);
    tcase_add_test(tc, as_far_as_there_is_room);
    tcase_add_test(tc, taken_by_nobody);
    tcase_add_test(tc, a_request_that_fails);
    tcase_add_test(tc, no_memory_for_it);
    tcase_add_test(tc, given_up_when_memory_is_short);
    tcase_add_loop_test(tc, asked_for_and_changed, 0, 4);
    tcase_add_test(tc, asked_for_and_forgotten);
    tcase_add_test(tc, asked_for_and_in_a_run);
    suite_add_tcase(s, tc);
    return s;
}
