/* test_block_writeback.c - sync: what is written, in what order, and failing */
#include "test_block_cache.h"

static void setup(void)
{
    rig_open(256);
}

static void teardown(void)
{
    rig_close();
}

/* Fill BLOCK with BYTE and dirty it. */
static void change(uint64_t block, uint8_t byte)
{
    struct shale_buf *buf = rig_get(block);

    memset(buf->data, byte, RIG_BLOCK);
    shale_buf_dirty(buf);
    shale_buf_put(buf);
}

static bool on_disk(uint64_t block, uint8_t byte)
{
    const uint8_t *data = rig.bytes + block * RIG_BLOCK;

    for (size_t i = 0; i < RIG_BLOCK; i++)
        if (data[i] != byte)
            return false;
    return true;
}

static const struct {
    const char *what;
    unsigned blocks[8], count;
    const char *asked;
} orders[] = {
    { "nothing",        { 0 }, 0, "f " },
    { "one",            { 5 }, 1, "w5+1 f " },
    { "first and last", { 4095, 0 }, 2, "w0+1 w4095+1 f " },
    { "neighbours",     { 5, 6, 7 }, 3, "w5+3 f " },
    { "falling",        { 7, 6, 5 }, 3, "w5+3 f " },
    { "scattered",      { 9, 3, 7, 5, 1 }, 5, "w1+1 w3+1 w5+1 w7+1 w9+1 f " },
    { "two series",     { 20, 3, 21, 2, 22, 4 }, 6, "w2+3 w20+3 f " },
    { "twice the same", { 3, 3, 4, 4 }, 4, "w3+2 f " },
};

START_TEST(rising_and_merged)
{
    for (unsigned i = 0; i < orders[_i].count; i++)
        change(orders[_i].blocks[i], (uint8_t)orders[_i].blocks[i]);
    rig_forget();
    ck_assert_int_eq(shale_cache_sync(rig.cache), 0);
    ck_assert_msg(strcmp(rig.asked, orders[_i].asked) == 0, "%s: %s",
                  orders[_i].what, rig.asked);
    for (unsigned i = 0; i < orders[_i].count; i++)
        ck_assert(on_disk(orders[_i].blocks[i], (uint8_t)orders[_i].blocks[i]));
    ck_assert_uint_eq(rig_stats().dirty, 0);

    rig_forget();                   /* and that was all */
    ck_assert_int_eq(shale_cache_sync(rig.cache), 0);
    ck_assert_str_eq(rig.asked, "f ");
}
END_TEST

/* 2500 neighbours dirtied in a wild order: requests of 1 MiB. */
START_TEST(requests_of_a_mebibyte)
{
    for (unsigned i = 0; i < 2500; i++)
        change(100 + i * 1237 % 2500, (uint8_t)i);
    rig_forget();
    ck_assert_uint_eq(rig_stats().dirty, 2500);
    ck_assert_uint_eq(rig_stats().bytes, 2500 * RIG_BLOCK);
    ck_assert_int_eq(shale_cache_sync(rig.cache), 0);
    ck_assert_str_eq(rig.asked, "w100+1024 w1124+1024 w2148+452 f ");
    for (unsigned i = 0; i < 2500; i++)
        ck_assert(on_disk(100 + i * 1237 % 2500, (uint8_t)i));
    ck_assert_uint_eq(rig_stats().bytes, 256 * RIG_BLOCK);  /* the budget */
}
END_TEST

START_TEST(clean_blocks_can_leave_again)
{
    struct shale_buf *held = rig_get(8);

    held->data[0] = 1;
    shale_buf_dirty(held);
    change(9, 9);
    ck_assert_int_eq(shale_cache_sync(rig.cache), 0);
    ck_assert_uint_eq(shale_cache_shrink(rig.cache, SIZE_MAX), RIG_BLOCK);
    ck_assert_uint_eq(held->data[0], 1);        /* pinned, so not gone */
    ck_assert_uint_eq(rig.bytes[8 * RIG_BLOCK], 1);
    held->data[0] = 2;
    shale_buf_dirty(held);
    shale_buf_put(held);
    rig_forget();
    ck_assert_int_eq(shale_cache_sync(rig.cache), 0);
    ck_assert_str_eq(rig.asked, "w8+1 f ");
    ck_assert_uint_eq(rig.bytes[8 * RIG_BLOCK], 2);
}
END_TEST

/* Fail each request of a sync, then sync again: nothing is lost. */
START_TEST(survives_io_errors)
{
    static const unsigned blocks[] = { 40, 7, 3, 41, 20, 4, 42 };
    bool failed = true;
    unsigned n;

    for (n = 0; failed; n++) {
        uint8_t byte = (uint8_t)(100 + n);
        unsigned written = 0;
        int err;

        for (unsigned i = 0; i < 7; i++)
            change(blocks[i], byte);
        shale_fault_at(&rig.fault, n, 1, SHALE_EIO);
        err = shale_cache_sync(rig.cache);
        failed = shale_fault_failed(&rig.fault);
        ck_assert_int_eq(err, failed ? SHALE_EIO : 0);

        for (unsigned i = 0; i < 7; i++)
            written += on_disk(blocks[i], byte);
        ck_assert_uint_eq(rig_stats().dirty, 7 - written);
        ck_assert_uint_eq(rig_stats().pinned, 0);
        ck_assert_uint_eq(shale_cache_shrink(rig.cache, SIZE_MAX),
                          written * RIG_BLOCK);

        shale_fault_at(&rig.fault, 0, 0, 0);
        ck_assert_int_eq(shale_cache_sync(rig.cache), 0);
        ck_assert_uint_eq(rig_stats().dirty, 0);
        for (unsigned i = 0; i < 7; i++)
            ck_assert(on_disk(blocks[i], byte));
    }
    ck_assert_uint_eq(n, 4 + 1 + 1);    /* four writes, a flush, and none */
}
END_TEST

/* Without memory to merge in, blocks are written one by one. */
START_TEST(survives_lack_of_memory)
{
    struct shale_cache_config config = rig_config(256);

    /* The records of the fault device would be the next to fail. */
    config.dev = &rig.memory.base;
    ck_assert_uint_eq(shale_cache_destroy(rig.cache), 0);
    ck_assert_int_eq(shale_cache_create(&config, &rig.cache), 0);
    for (unsigned i = 0; i < 50; i++)
        change(30 + i, 0x42);
    shale_mem_fail_at(rig.mem, 0);
    ck_assert_int_eq(shale_cache_sync(rig.cache), 0);
    ck_assert(shale_mem_failed(rig.mem));
    for (unsigned i = 0; i < 50; i++)
        ck_assert(on_disk(30 + i, 0x42));
    ck_assert_uint_eq(rig_stats().dirty, 0);
}
END_TEST

START_TEST(read_only_device)
{
    struct shale_cache_config config = rig_config(256);
    struct shale_memory_bdev read_only;

    shale_memory_bdev_init(&read_only, rig.bytes, sizeof rig.bytes, 512, true);
    config.dev = &read_only.base;
    ck_assert_uint_eq(shale_cache_destroy(rig.cache), 0);
    ck_assert_int_eq(shale_cache_create(&config, &rig.cache), 0);
    ck_assert_int_eq(shale_cache_sync(rig.cache), 0);
    change(3, 3);
    ck_assert_int_eq(shale_cache_sync(rig.cache), SHALE_EROFS);
    ck_assert_uint_eq(rig_stats().dirty, 1);
}
END_TEST

/* Sectors larger than blocks: read yes, write no, and nothing is harmed. */
START_TEST(larger_sectors_are_refused)
{
    rig_close();
    rig_open_device(4096);
    struct shale_cache_config config = rig_config(256);

    ck_assert_int_eq(shale_cache_create(&config, &rig.cache), 0);
    ck_assert_int_eq(shale_cache_sync(rig.cache), 0);
    change(3, 3);
    rig_forget();
    ck_assert_int_eq(shale_cache_sync(rig.cache), SHALE_ENOTSUP);
    ck_assert_str_eq(rig.asked, "");
    ck_assert_uint_eq(rig_stats().dirty, 1);
}
END_TEST

/*
 * Replay what the fault device recorded over the image as it was, the way a
 * power-cut test will: the end of the recording is the image as it is.
 */
START_TEST(records_replay)
{
    static uint8_t replay[sizeof rig.bytes];
    unsigned flushes = 0;

    memcpy(replay, rig.bytes, sizeof replay);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 30; i++)
            change(i * (round + 3), (uint8_t)(round * 50 + i));
        ck_assert_int_eq(shale_cache_sync(rig.cache), 0);
    }
    for (const struct shale_fault_record *r = rig.fault.records; r; r = r->next)
        if (r->kind == SHALE_REQUEST_WRITE)
            memcpy(replay + r->offset, r->bytes, r->len);
        else
            flushes++;
    ck_assert_uint_eq(flushes, 3);
    ck_assert(memcmp(replay, rig.bytes, sizeof replay) == 0);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

Suite *suite(void)
{
    Suite *s = suite_create("block/writeback");
    TCase *tc = tcase_create("sync");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, rising_and_merged, 0, COUNT(orders));
    tcase_add_test(tc, requests_of_a_mebibyte);
    tcase_add_test(tc, clean_blocks_can_leave_again);
    tcase_add_test(tc, survives_io_errors);
    tcase_add_test(tc, survives_lack_of_memory);
    tcase_add_test(tc, read_only_device);
    tcase_add_test(tc, larger_sectors_are_refused);
    tcase_add_test(tc, records_replay);
    suite_add_tcase(s, tc);
    return s;
}
