/*
 * test_vfs_file_async.c - files on a device that works on several requests
 *
 * The toy's device keeps what it is asked for until somebody waits, and then
 * does the last request first.
 */
#include <stdlib.h>
#include <string.h>

#include "shale/flight.h"
#include "shale/queue.h"
#include "suite.h"
#include "toyfs.h"
#include "watch.h"

enum { ROOM = 6, SIZE = 30000 };

static struct toy toy;
static struct shale_vnode *file;
static struct shale_bdev_ops ops;
static struct shale_bdev_request *kept[ROOM];
static unsigned kept_count, most, taken;

static size_t keep(struct shale_bdev *dev,
                   struct shale_bdev_request *const *requests, size_t count)
{
    size_t n = 0;

    (void)dev;
    while (n < count && kept_count < ROOM)
        kept[kept_count++] = requests[n++];
    taken += (unsigned)n;
    if (kept_count > most)
        most = kept_count;
    return n;
}

static void do_last(struct shale_bdev *dev, const struct shale_queue *done)
{
    struct shale_bdev_request *request;

    ck_assert_uint_gt(kept_count, 0);
    ck_assert(shale_queue_is_empty(done));
    request = kept[--kept_count];
    ck_assert(!request->write);
    ck_assert_uint_eq((request->offset | request->len) &
                      (dev->block_size - 1), 0);
    shale_bdev_complete(request, dev->ops->read(
        dev, request->offset, request->buf, request->len));
}

/*
 * A file of eight extents: at any byte of the device, if its sectors are bytes,
 * else on whole ones, but for its end.
 */
static const struct {
    enum shale_extent_kind kind;
    uint64_t length, device;
} parts[] = {
    { SHALE_EXTENT_DATA, 1024, 20480 }, { SHALE_EXTENT_DATA, 5120, 4096 },
    { SHALE_EXTENT_HOLE, 2048, 0 }, { SHALE_EXTENT_DATA, 512, 1024 },
    { SHALE_EXTENT_DATA, 8192, 40960 }, { SHALE_EXTENT_UNWRITTEN, 1024, 512 },
    { SHALE_EXTENT_DATA, 10240, 51200 }, { SHALE_EXTENT_DATA, 1840, 30720 },
};

enum { PARTS = sizeof parts / sizeof parts[0] };

static uint8_t expected[SIZE];

static void open_file(uint32_t sector)
{
    struct toy_node *node;

    toy_init(&toy);
    node = toy_add(&toy, TOY_ROOT, "file", SHALE_TYPE_FILE);
    for (unsigned i = 0; i < PARTS; i++) {
        for (uint64_t n = 0; n < parts[i].length; n++)
            expected[node->size + n] =
                parts[i].kind == SHALE_EXTENT_DATA
                    ? toy_byte(parts[i].device + n) : 0;
        toy_extent(node, parts[i].kind, parts[i].length, parts[i].device);
    }
    ck_assert_uint_eq(node->size, SIZE);

    ops = *toy.base.ops;
    ops.submit = keep;
    ops.wait = do_last;
    toy.base.ops = &ops;
    toy.base.at_once = ROOM;
    toy.base.block_size = sector;
    most = taken = kept_count = 0;
    toy_mount(&toy);
    file = toy_get(&toy, node->ino);
}

static void close_file(void)
{
    shale_vnode_put(file);
    toy_fini(&toy);
}

static const uint32_t sectors[] = { 1, 512 };

/* Read LEN bytes at OFFSET into their own memory: no byte beside is touched. */
static int read_some(size_t offset, size_t len)
{
    uint8_t *buf = malloc(len + 1);
    int64_t got;

    ck_assert_ptr_nonnull(buf);
    memset(buf, 0xee, len + 1);
    got = shale_read(file, buf, len, offset);
    if (got >= 0) {
        ck_assert_int_eq(got, (int64_t)len);
        ck_assert_mem_eq(buf, expected + offset, len);
    }
    ck_assert_uint_eq(buf[len], 0xee);
    ck_assert_uint_eq(kept_count, 0);
    ck_assert_uint_eq(watch_held(), 0);
    free(buf);
    return got < 0 ? (int)got : 0;
}

START_TEST(extents_under_way_at_once)
{
    open_file(sectors[_i]);
    ck_assert_int_eq(read_some(0, SIZE), 0);
    ck_assert_uint_eq(most, 6);
    ck_assert_uint_eq(taken, 6);
    ck_assert_uint_eq(toy_calls(&toy, TOY_MAP), PARTS);
    close_file();
}
END_TEST

START_TEST(a_small_read_is_one_request)
{
    open_file(sectors[_i]);
    ck_assert_int_eq(read_some(1024, 5120), 0);
    ck_assert_uint_eq(taken, 0);
    ck_assert_uint_eq(toy_calls(&toy, TOY_READ), 2);    /* one to mount */
    close_file();
}
END_TEST

/* Every kind of beginning and end, in and between extents and sectors. */
START_TEST(any_part_of_it)
{
    static const size_t ends[] = {
        0, 1, 511, 512, 513, 1023, 1024, 1025, 1536, 6143, 6144, 6145, 8000,
        8192, 8193, 8703, 8704, 8705, 9000, 16896, 17000, 17920, 17921, 20000,
        28159, 28160, 28161, 28700, 29999, SIZE,
    };
    enum { ENDS = sizeof ends / sizeof ends[0] };

    open_file(sectors[_i]);
    for (unsigned a = 0; a < ENDS; a++)
        for (unsigned b = a + 1; b < ENDS; b++)
            ck_assert_int_eq(read_some(ends[a], ends[b] - ends[a]), 0);
    close_file();
}
END_TEST

/* A device that fails is asked again, part by part: that tells where. */
START_TEST(it_fails)
{
    open_file(sectors[_i]);
    toy.fail[TOY_READ] = SHALE_EIO;
    ck_assert_int_eq(read_some(0, SIZE), SHALE_EIO);
    ck_assert_uint_eq(toy.events, 1);
    ck_assert_str_eq(toy.said.what, "vfs: file data cannot be read");
    /* A ragged end is waited for before the rest is. */
    ck_assert_uint_eq(toy.said.at, _i == 0 ? 20480 : 32256);
    toy.fail[TOY_READ] = 0;
    toy.fail[TOY_MAP] = SHALE_ECORRUPT;
    ck_assert_int_eq(read_some(0, SIZE), SHALE_ECORRUPT);
    toy.fail[TOY_MAP] = 0;
    ck_assert_int_eq(read_some(0, SIZE), 0);
    close_file();
}
END_TEST

/* With the first extents failed, nobody asks where the last ones are. */
START_TEST(it_fails_early)
{
    open_file(1);
    toy.base.at_once = 2;
    toy.fail[TOY_READ] = SHALE_EIO;
    ck_assert_int_eq(read_some(0, SIZE), SHALE_EIO);
    ck_assert_uint_eq(toy.events, 1);
    ck_assert_uint_lt(toy_calls(&toy, TOY_MAP), PARTS);
    toy.fail[TOY_READ] = 0;
    ck_assert_int_eq(read_some(0, SIZE), 0);
    close_file();
}
END_TEST

/* Any allocation fails, and the read does not, but for want of ragged ends. */
START_TEST(no_memory)
{
    bool failed = true;

    open_file(sectors[_i]);
    for (unsigned n = 0; failed; n++) {
        shale_mem_fail_at(toy.mem, n);
        ck_assert(read_some(100, SIZE - 100) == 0 ||
                  (sectors[_i] > 1 && shale_mem_failed(toy.mem)));
        failed = shale_mem_failed(toy.mem);
        shale_mem_fail_at(toy.mem, UINT64_MAX);
    }
    close_file();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/file async");
    TCase *tc = tcase_create("read");

    tcase_add_loop_test(tc, extents_under_way_at_once, 0, 2);
    tcase_add_loop_test(tc, a_small_read_is_one_request, 0, 2);
    tcase_add_loop_test(tc, any_part_of_it, 0, 2);
    tcase_add_loop_test(tc, it_fails, 0, 2);
    tcase_add_test(tc, it_fails_early);
    tcase_add_loop_test(tc, no_memory, 0, 2);
    suite_add_tcase(s, tc);
    return s;
}
