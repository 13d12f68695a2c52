/* test_block_writeback.c - a batch: what is written, in what order, failing */
#include "test_block_cache.h"

static void setup(void)
{
    rig_open(256);
}

static void teardown(void)
{
    rig_close();
}

enum { MAP = SHALE_RANK_MAP, NODE = SHALE_RANK_NODE, NAME = SHALE_RANK_NAME };

/*
 * Changes of a batch: each sets the bytes 8 to 15 of a block to BYTE, with its
 * rank or in a later step.
 */
enum { NOW = -1, LAST = 3 };

struct change {
    unsigned block;
    int rank, step;
    uint8_t byte;
};

static void make(const struct change *change)
{
    struct shale_buf *buf = rig_get(change->block);
    enum shale_rank rank = (enum shale_rank)change->rank;
    int err;

    shale_tx_begin(rig.tx);
    if (change->step == NOW)
        err = shale_tx_change(rig.tx, buf, rank);
    else if (change->step == LAST)
        err = shale_tx_change_late(rig.tx, buf, 8, 8, rank);
    else
        err = shale_tx_change_with(rig.tx, buf, 8, 8, rank,
                                   (enum shale_rank)change->step);
    ck_assert_int_eq(err, 0);
    memset(buf->data + 8, change->byte, 8);
    shale_tx_commit(rig.tx);
    shale_buf_put(buf);
}

static const struct {
    const char *what;
    struct change changes[8];
    const char *asked;
} batches[] = {
    { "nothing", { { 0, 0, 0, 0 } }, "f " },
    { "one", { { 5, MAP, NOW, 1 } }, "f w5+1 f " },
    { "first and last", { { 4095, MAP, NOW, 1 }, { 0, MAP, NOW, 2 } },
      "f w0+1 w4095+1 f " },
    { "neighbours, falling",
      { { 7, NODE, NOW, 1 }, { 6, NODE, NOW, 2 }, { 5, NODE, NOW, 3 } },
      "f w5+3 f " },
    { "scattered",
      { { 9, NAME, NOW, 1 }, { 3, NAME, NOW, 1 }, { 7, NAME, NOW, 1 },
        { 5, NAME, NOW, 1 }, { 1, NAME, NOW, 1 } },
      "f w1+1 w3+1 w5+1 w7+1 w9+1 f " },
    { "twice the same",
      { { 3, MAP, NOW, 3 }, { 3, MAP, NOW, 4 }, { 4, MAP, NOW, 5 } },
      "f w3+2 f " },
    { "each rank",
      { { 10, NAME, NOW, 1 }, { 20, NODE, NOW, 2 }, { 30, MAP, NOW, 3 } },
      "f w30+1 f w20+1 f w10+1 f " },
    { "neighbours of three ranks",
      { { 10, MAP, NOW, 1 }, { 11, NODE, NOW, 2 }, { 12, NAME, NOW, 3 } },
      "f w10+1 f w11+1 f w12+1 f " },
    { "late alone", { { 10, NAME, LAST, 1 } }, "f w10+1 f " },
    { "late after all",
      { { 10, MAP, LAST, 1 }, { 11, NAME, NOW, 2 } },
      "f w11+1 f w10+1 f " },
    { "late in what changes anyway",
      { { 10, NAME, NOW, 1 }, { 10, NAME, LAST, 2 } },
      "f w10+1 f w10+1 f " },
    { "late among neighbours",
      { { 10, NAME, NOW, 1 }, { 11, NAME, LAST, 2 }, { 12, NAME, NOW, 3 } },
      "f w10+1 w12+1 f w11+1 f " },
    { "late of three ranks",
      { { 10, NAME, LAST, 1 }, { 11, MAP, LAST, 2 }, { 12, NODE, LAST, 3 } },
      "f w11+1 w12+1 w10+1 f " },
    { "with another rank",
      { { 10, MAP, NODE, 1 }, { 11, MAP, NOW, 2 }, { 20, NODE, NOW, 3 },
        { 30, NAME, NOW, 4 } },
      "f w11+1 f w10+1 w20+1 f w30+1 f " },
    { "with two other steps",
      { { 10, MAP, NOW, 1 }, { 10, MAP, NODE, 2 }, { 10, MAP, LAST, 3 } },
      "f w10+1 f w10+1 f w10+1 f " },
};

START_TEST(written_in_order)
{
    const struct change *change = batches[_i].changes;

    for (unsigned i = 0; i < 8 && change[i].byte; i++)
        make(&change[i]);
    rig_forget();
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_msg(strcmp(rig.asked, batches[_i].asked) == 0, "%s: %s",
                  batches[_i].what, rig.asked);
    ck_assert(!shale_tx_dirty(rig.tx));
    ck_assert_uint_eq(rig_stats().dirty, 0);
    ck_assert_uint_eq(shale_tx_batch(rig.tx), 2);
    for (unsigned i = 0; i < 8 && change[i].byte; i++) {
        struct shale_buf *buf = rig_get(change[i].block);

        ck_assert_mem_eq(rig.bytes + change[i].block * RIG_BLOCK, buf->data,
                         RIG_BLOCK);
        shale_buf_put(buf);
    }

    rig_forget();                   /* and that was all */
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(rig.asked, "f ");
}
END_TEST

/*
 * What a block looks like on the device in each step: bytes at 8 are changed
 * by all, in the order given, and read after each flush.
 */
static const struct {
    const char *what;
    struct change changes[5];
    uint8_t seen[4];            /* by step; 0: as it was */
} steps[] = {
    { "plain", { { 5, MAP, NOW, 1 } }, { 1, 1, 1, 1 } },
    { "late", { { 5, MAP, LAST, 1 } }, { 0, 0, 0, 1 } },
    { "plain, then late", { { 5, MAP, NOW, 1 }, { 5, MAP, LAST, 2 } },
      { 1, 1, 1, 2 } },
    { "late, then plain", { { 5, MAP, LAST, 1 }, { 5, MAP, NOW, 2 } },
      { 0, 0, 0, 2 } },
    { "late twice", { { 5, MAP, LAST, 1 }, { 5, MAP, LAST, 2 } },
      { 0, 0, 0, 2 } },
    { "plain, late twice",
      { { 5, MAP, NOW, 1 }, { 5, MAP, LAST, 2 }, { 5, MAP, LAST, 3 } },
      { 1, 1, 1, 3 } },
    { "with nodes", { { 5, MAP, NODE, 1 } }, { 0, 1, 1, 1 } },
    { "with nodes, then late",
      { { 5, MAP, NODE, 1 }, { 5, MAP, LAST, 2 } }, { 0, 1, 1, 2 } },
    { "late, then with nodes",
      { { 5, MAP, LAST, 1 }, { 5, MAP, NODE, 2 } }, { 0, 0, 0, 2 } },
    { "all of them",
      { { 5, MAP, NOW, 1 }, { 5, MAP, NODE, 2 }, { 5, MAP, NAME, 3 },
        { 5, MAP, LAST, 4 } },
      { 1, 2, 3, 4 } },
    { "a name's", { { 5, NAME, NOW, 1 }, { 5, NAME, LAST, 2 } },
      { 0, 0, 1, 2 } },
};

START_TEST(seen_in_its_step)
{
    uint8_t was = rig_byte(5, 8), now = was, seen[4];
    unsigned step = 0;

    /* Neighbours in each step, so that there is one to look after. */
    rig_fill(4, 1, SHALE_RANK_MAP);
    rig_fill(100, 1, SHALE_RANK_NODE);
    rig_fill(6, 1, SHALE_RANK_NAME);
    make(&(struct change){ 101, NAME, LAST, 1 });
    for (unsigned i = 0; i < 5 && steps[_i].changes[i].byte; i++)
        make(&steps[_i].changes[i]);

    shale_fault_forget(&rig.fault);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_int_eq(rig.fault.records->kind, SHALE_REQUEST_FLUSH);
    for (const struct shale_fault_record *r = rig.fault.records->next; r;
         r = r->next) {
        size_t at = 5 * RIG_BLOCK + 8;

        if (r->kind == SHALE_REQUEST_FLUSH)
            seen[step++] = now;
        else if (r->offset <= at && at < r->offset + r->len)
            now = r->bytes[at - r->offset];
    }
    ck_assert_uint_eq(step, 4);
    for (step = 0; step < 4; step++) {
        uint8_t wanted = steps[_i].seen[step] ? steps[_i].seen[step] : was;

        ck_assert_msg(seen[step] == wanted, "%s: step %u: %u",
                      steps[_i].what, step, seen[step]);
    }
}
END_TEST

/* 2500 neighbours dirtied in a wild order: requests of 1 MiB. */
START_TEST(requests_of_a_mebibyte)
{
    for (unsigned i = 0; i < 2500; i++)
        rig_fill(100 + i * 1237 % 2500, (uint8_t)i, SHALE_RANK_MAP);
    make(&(struct change){ 500, MAP, LAST, 0x77 });
    rig_forget();
    ck_assert_uint_eq(rig_stats().dirty, 2500);
    ck_assert_uint_eq(rig_stats().bytes, 2500 * RIG_BLOCK);
    ck_assert_uint_eq(shale_tx_dirty_bytes(rig.tx), 2500 * RIG_BLOCK);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(rig.asked,
                     "f w100+1024 w1124+1024 w2148+452 f w500+1 f ");
    memset(rig.bytes + 500 * RIG_BLOCK + 8, rig.bytes[500 * RIG_BLOCK], 8);
    for (unsigned i = 0; i < 2500; i++)
        ck_assert(rig_filled(100 + i * 1237 % 2500, (uint8_t)i));
    ck_assert_uint_eq(rig_stats().bytes, 256 * RIG_BLOCK);  /* the budget */
}
END_TEST

START_TEST(clean_blocks_can_leave_again)
{
    struct shale_buf *held = rig_get(8);

    rig_fill(8, 1, SHALE_RANK_MAP);
    rig_fill(9, 9, SHALE_RANK_MAP);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_uint_eq(shale_cache_shrink(rig.cache, SIZE_MAX), RIG_BLOCK);
    ck_assert_uint_eq(held->data[0], 1);        /* pinned, so not gone */
    ck_assert(rig_filled(8, 1));
    rig_fill(8, 2, SHALE_RANK_MAP);
    shale_buf_put(held);
    rig_forget();
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(rig.asked, "f w8+1 f ");
    ck_assert(rig_filled(8, 2));
}
END_TEST

/* ------------------------------------------------------------- failures */

static const struct change busy[] = {
    { 40, MAP, NOW, 1 },  { 7, MAP, NOW, 2 },    { 41, MAP, NODE, 3 },
    { 3, NODE, NOW, 4 },  { 20, NODE, LAST, 5 }, { 4, NAME, NOW, 6 },
    { 42, NAME, NOW, 7 }, { 42, NAME, LAST, 8 }, { 50, NAME, NOW, 9 },
};

enum { BUSY = sizeof busy / sizeof busy[0] };

/*
 * Fail each request of a batch, in between perhaps change more, and write
 * again: all is written then, and in order.
 */
START_TEST(survives_io_errors)
{
    bool failed = true;
    unsigned n;

    for (n = 0; failed; n++) {
        uint64_t batch = shale_tx_batch(rig.tx);
        int err;

        for (unsigned i = 0; i < BUSY; i++) {
            struct change change = busy[i];

            change.byte = (uint8_t)(change.byte + 10 * n);
            make(&change);
        }
        shale_fault_at(&rig.fault, n, 1, SHALE_ENXIO);
        err = shale_tx_write(rig.tx);
        failed = shale_fault_failed(&rig.fault);
        ck_assert_int_eq(err, failed ? SHALE_ENXIO : 0);
        ck_assert_int_eq(shale_tx_dirty(rig.tx), failed);
        ck_assert_uint_eq(shale_tx_batch(rig.tx), failed ? batch : batch + 1);
        ck_assert_uint_eq(rig_stats().pinned, 0);
        shale_fault_at(&rig.fault, 0, 0, 0);
        if (_i && failed) {
            rig_fill(60, (uint8_t)n, SHALE_RANK_MAP);
            make(&(struct change){ 20, NODE, NOW, (uint8_t)(200 + n) });
        }
        ck_assert_int_eq(shale_tx_write(rig.tx), 0);
        ck_assert(!shale_tx_dirty(rig.tx));
        for (unsigned i = 0; i < BUSY; i++) {
            struct shale_buf *buf = rig_get(busy[i].block);

            ck_assert_mem_eq(rig.bytes + buf->block * RIG_BLOCK, buf->data,
                             RIG_BLOCK);
            shale_buf_put(buf);
        }
    }
    /* The writes of the four steps, their flushes, the one before them, and
       the round without an error. */
    ck_assert_uint_eq(n, 2 + 2 + 3 + 2 + 4 + 1 + 1);
}
END_TEST

/* What a failed flush may have lost is written again. */
START_TEST(a_failed_flush_counts)
{
    rig_fill(3, 3, SHALE_RANK_MAP);
    rig_fill(4, 4, SHALE_RANK_NAME);
    rig_forget();
    shale_fault_at(&rig.fault, 2, 1, SHALE_EIO);
    ck_assert_int_eq(shale_tx_write(rig.tx), SHALE_EIO);
    ck_assert_uint_eq(rig_stats().dirty, 2);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(rig.asked, "f w3+1 f f w3+1 f w4+1 f ");
}
END_TEST

/* ... but what a flush has made sure of is not. */
START_TEST(completed_steps_are_not_repeated)
{
    rig_fill(3, 3, SHALE_RANK_MAP);
    rig_fill(4, 4, SHALE_RANK_NAME);
    make(&(struct change){ 4, NAME, LAST, 7 });
    rig_forget();
    shale_fault_at(&rig.fault, 5, 1, SHALE_EIO);
    ck_assert_int_eq(shale_tx_write(rig.tx), SHALE_EIO);
    ck_assert_uint_eq(rig_stats().dirty, 1);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(rig.asked, "f w3+1 f w4+1 f w4+1 f w4+1 f ");
}
END_TEST

/* Without memory for the largest piece, a smaller one will do. */
START_TEST(survives_lack_of_memory)
{
    struct shale_cache_config config = rig_config(256);

    /* The records of the fault device would be the next to fail. */
    config.dev = &rig.memory.base;
    rig_replace(&config);
    for (unsigned i = 0; i < 50; i++)
        rig_fill(30 + i, 0x42, SHALE_RANK_NAME);
    make(&(struct change){ 33, NAME, LAST, 0x42 });
    shale_mem_fail_at(rig.mem, 0);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert(shale_mem_failed(rig.mem));
    for (unsigned i = 0; i < 50; i++)
        ck_assert(rig_filled(30 + i, 0x42));
    ck_assert_uint_eq(rig_stats().dirty, 0);
}
END_TEST

/* With no memory left at all, pieces are blocks, and late bytes still late. */
START_TEST(writes_with_no_memory)
{
    static _Alignas(4096) uint8_t arena_bytes[256 << 10];
    struct shale_static_arena arena;
    struct shale_cache_config config = rig_config(8);
    struct shale_mem *kept = rig.mem, *mem;
    void *hog = NULL, *taken;

    shale_static_arena_init(&arena, arena_bytes, sizeof arena_bytes);
    mem = shale_mem_create(&arena.source, NULL, 0);
    ck_assert_ptr_nonnull(mem);
    rig_close_cache();
    config.mem = rig.mem = mem;
    rig_open_cache(&config);
    for (unsigned i = 0; i < 8; i++)
        rig_fill(30 + i, 0x42, SHALE_RANK_NAME);
    make(&(struct change){ 33, NAME, LAST, 0x43 });
    for (size_t size = 4096; size >= 1024; size -= 1024)
        while ((taken = shale_alloc(mem, size))) {
            memcpy(taken, &hog, sizeof hog);
            memcpy((uint8_t *)taken + sizeof hog, &size, sizeof size);
            hog = taken;
        }

    rig_forget();
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(rig.asked, "f w30+1 w31+1 w32+1 w33+1 w34+1 w35+1 "
                                "w36+1 w37+1 f w33+1 f ");
    ck_assert_uint_eq(rig.fault.records->next->next->next->next->bytes[8],
                      0x42);
    ck_assert_uint_eq(rig.bytes[33 * RIG_BLOCK + 8], 0x43);

    while (hog) {
        void *next;
        size_t size;

        memcpy(&next, hog, sizeof next);
        memcpy(&size, (uint8_t *)hog + sizeof next, sizeof size);
        shale_free(mem, hog, size);
        hog = next;
    }
    rig_close_cache();
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
    rig.mem = kept;
    config = rig_config(8);
    rig_open_cache(&config);
}
END_TEST

START_TEST(read_only_device)
{
    struct shale_cache_config config = rig_config(256);
    struct shale_memory_bdev read_only;

    shale_memory_bdev_init(&read_only, rig.bytes, sizeof rig.bytes, 512, true);
    config.dev = &read_only.base;
    rig_replace(&config);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    rig_fill(3, 3, SHALE_RANK_MAP);
    ck_assert_int_eq(shale_tx_write(rig.tx), SHALE_EROFS);
    ck_assert_uint_eq(rig_stats().dirty, 1);
    rig_fresh(256);
}
END_TEST

/* Sectors larger than blocks: reading is possible, transactions are not. */
START_TEST(larger_sectors_are_refused)
{
    struct shale_cache_config config;

    rig_close();
    rig_open_device(4096);
    config = rig_config(256);
    rig_open_cache(&config);
    ck_assert_ptr_null(rig.tx);
    rig_touch(3);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

Suite *suite(void)
{
    Suite *s = suite_create("block/writeback");
    TCase *tc = tcase_create("write");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, written_in_order, 0, COUNT(batches));
    tcase_add_loop_test(tc, seen_in_its_step, 0, COUNT(steps));
    tcase_add_test(tc, requests_of_a_mebibyte);
    tcase_add_test(tc, clean_blocks_can_leave_again);
    tcase_add_loop_test(tc, survives_io_errors, 0, 2);
    tcase_add_test(tc, a_failed_flush_counts);
    tcase_add_test(tc, completed_steps_are_not_repeated);
    tcase_add_test(tc, survives_lack_of_memory);
    tcase_add_test(tc, writes_with_no_memory);
    tcase_add_test(tc, read_only_device);
    tcase_add_test(tc, larger_sectors_are_refused);
    suite_add_tcase(s, tc);
    return s;
}
