/* test_vfs_file.c - read, map, and seek over data and holes */
#include <string.h>

#include "suite.h"
#include "toyfs.h"
#include "watch.h"

#define TIB ((uint64_t)1 << 40)

/* Inode numbers, in the order setup makes them. */
enum {
    DIR = TOY_ROOT, PLAIN, SPARSE, EMPTY, PAST, CUT, INLINE, ENCODED, FIFO,
    HUGE, TAIL_HOLE, BROKEN, CRUMBS, CRUMBS_HOLE,
};

static struct toy toy;

/*
 * SPARSE, byte by byte:
 *
 *     0       hole
 *     4096    data at 8192, in two pieces that meet at 5096
 *     5120    data at 20000, elsewhere
 *     5632    unwritten at 30000, in two pieces that meet at 6000
 *     6632    hole
 *     7000    data at 40000
 *     7010    the end
 */
static void make_sparse(struct toy_node *node)
{
    toy_extent(node, SHALE_EXTENT_HOLE, 4096, 0);
    toy_extent(node, SHALE_EXTENT_DATA, 1000, 8192);
    toy_extent(node, SHALE_EXTENT_DATA, 24, 9192);
    toy_extent(node, SHALE_EXTENT_DATA, 512, 20000);
    toy_extent(node, SHALE_EXTENT_UNWRITTEN, 368, 30000);
    toy_extent(node, SHALE_EXTENT_UNWRITTEN, 632, 30368);
    toy_extent(node, SHALE_EXTENT_HOLE, 368, 0);
    toy_extent(node, SHALE_EXTENT_DATA, 10, 40000);
}

static uint8_t sparse_byte(uint64_t at)
{
    if (at >= 4096 && at < 5120)
        return toy_byte(at - 4096 + 8192);
    if (at >= 5120 && at < 5632)
        return toy_byte(at - 5120 + 20000);
    if (at >= 7000)
        return toy_byte(at - 7000 + 40000);
    return 0;
}

static void setup(void)
{
    struct toy_node *node;

    toy_init(&toy);
    toy_extent(toy_add(&toy, DIR, "plain", SHALE_TYPE_FILE),
               SHALE_EXTENT_DATA, 3000, 5001);
    make_sparse(toy_add(&toy, DIR, "sparse", SHALE_TYPE_FILE));
    toy_add(&toy, DIR, "empty", SHALE_TYPE_FILE);

    node = toy_add(&toy, DIR, "past", SHALE_TYPE_FILE);
    toy_extent(node, SHALE_EXTENT_DATA, 512, 0x1000);
    toy_extent(node, SHALE_EXTENT_DATA, 512, TOY_DEVICE - 511);
    toy_extent(node, SHALE_EXTENT_DATA, 512, UINT64_MAX - 100);

    node = toy_add(&toy, DIR, "cut", SHALE_TYPE_FILE);
    toy_extent(node, SHALE_EXTENT_DATA, 4096, 4096);
    node->size = 5;             /* its last block is not full */

    toy_extent(toy_add(&toy, DIR, "inline", SHALE_TYPE_FILE),
               SHALE_EXTENT_INLINE, 40, 0);
    toy_extent(toy_add(&toy, DIR, "encoded", SHALE_TYPE_FILE),
               SHALE_EXTENT_ENCODED, 65536, 0);
    toy_add(&toy, DIR, "fifo", SHALE_TYPE_FIFO);

    node = toy_add(&toy, DIR, "huge", SHALE_TYPE_FILE);
    toy_extent(node, SHALE_EXTENT_HOLE, TIB, 0);
    toy_extent(node, SHALE_EXTENT_HOLE, 5 * TIB, 0);
    toy_extent(node, SHALE_EXTENT_DATA, 100, 1000);
    toy_extent(node, SHALE_EXTENT_HOLE, (uint64_t)INT64_MAX - 6 * TIB - 100,
               0);

    node = toy_add(&toy, DIR, "tailhole", SHALE_TYPE_FILE);
    toy_extent(node, SHALE_EXTENT_DATA, 100, 1000);
    toy_extent(node, SHALE_EXTENT_UNWRITTEN, 100, 2000);
    toy_extent(node, SHALE_EXTENT_HOLE, 4000, 0);

    node = toy_add(&toy, DIR, "broken", SHALE_TYPE_FILE);
    toy_extent(node, SHALE_EXTENT_DATA, 1000, 1000);
    node->size = 2000;          /* and no map for the rest */

    node = toy_add(&toy, DIR, "crumbs", SHALE_TYPE_FILE);
    toy_extent(node, SHALE_EXTENT_DATA, 1000 * TIB, 1000);
    node->piece = 512;
    node = toy_add(&toy, DIR, "crumbs of a hole", SHALE_TYPE_FILE);
    toy_extent(node, SHALE_EXTENT_HOLE, 1000 * TIB, 0);
    node->piece = 512;
    toy_mount(&toy);
}

static void teardown(void)
{
    toy_fini(&toy);
}

/* Read, and check that nothing past LEN is touched. */
static int64_t read_ino(uint64_t ino, uint8_t *buf, size_t len,
                        uint64_t offset)
{
    struct shale_vnode *vn = toy_get(&toy, ino);
    int64_t r;

    buf[len] = 0xa5;
    r = shale_read(vn, buf, len, offset);
    ck_assert_uint_eq(buf[len], 0xa5);
    ck_assert_uint_eq(watch_held(), 0);
    shale_vnode_put(vn);
    return r;
}

static const struct {
    uint64_t offset;
    size_t len;
    int64_t count;
} reads[] = {
    { 0, 0, 0 },
    { 0, 1, 1 },
    { 0, 7010, 7010 },          /* everything */
    { 0, 8000, 7010 },
    { 1, 4094, 4094 },
    { 4095, 2, 2 },             /* over every edge */
    { 5095, 2, 2 },
    { 5119, 2, 2 },
    { 5631, 2, 2 },
    { 6631, 2, 2 },
    { 6999, 2, 2 },
    { 5000, 2005, 2005 },
    { 7000, 10, 10 },
    { 7009, 1, 1 },
    { 7009, 2, 1 },
    { 7010, 1, 0 },             /* at the end and after */
    { 7011, 1, 0 },
    { INT64_MAX, 100, 0 },
    { UINT64_MAX, 100, 0 },
};

START_TEST(reads_sparse)
{
    static uint8_t buf[8001];
    int64_t r;

    memset(buf, 0x5a, sizeof buf);
    r = read_ino(SPARSE, buf, reads[_i].len, reads[_i].offset);
    ck_assert_int_eq(r, reads[_i].count);
    for (int64_t i = 0; i < r; i++)
        ck_assert_uint_eq(buf[i], sparse_byte(reads[_i].offset + (uint64_t)i));
}
END_TEST

START_TEST(adjacent_pieces_take_one_request)
{
    uint8_t buf[1025];
    unsigned before = toy_calls(&toy, TOY_READ);

    /* 8192 to 9216 on a device of 512-byte blocks: nothing ragged. */
    ck_assert_int_eq(read_ino(SPARSE, buf, 1024, 4096), 1024);
    ck_assert_uint_eq(toy_calls(&toy, TOY_READ) - before, 1);
}
END_TEST

START_TEST(holes_take_no_request)
{
    uint8_t buf[4097];
    unsigned before = toy_calls(&toy, TOY_READ);

    ck_assert_int_eq(read_ino(SPARSE, buf, 4096, 0), 4096);
    ck_assert_int_eq(read_ino(SPARSE, buf, 1000, 5632), 1000);
    ck_assert_uint_eq(toy_calls(&toy, TOY_READ), before);
}
END_TEST

START_TEST(reads_end_at_the_size)
{
    uint8_t buf[101];

    ck_assert_int_eq(read_ino(CUT, buf, 100, 0), 5);
    ck_assert_int_eq(read_ino(CUT, buf, 100, 4), 1);
    ck_assert_int_eq(read_ino(CUT, buf, 100, 5), 0);
    ck_assert_int_eq(read_ino(EMPTY, buf, 100, 0), 0);
    ck_assert_int_eq(read_ino(HUGE, buf, 100, INT64_MAX - 10), 10);
}
END_TEST

static const struct {
    const char *what;
    uint64_t ino, offset;
    size_t len;
    int64_t result;
} refusals[] = {
    { "directory", DIR, 0, 1, SHALE_EISDIR },
    { "fifo", FIFO, 0, 1, SHALE_EINVAL },
    { "before the device's end", PAST, 0, 1023, 1023 },
    { "one byte past the device", PAST, 1023, 1, SHALE_EIO },
    { "over the device's end", PAST, 0, 1024, SHALE_EIO },
    { "device offset wraps", PAST, 1024, 512, SHALE_EIO },
    { "what is mapped", BROKEN, 0, 1000, 1000 },
    { "map fails in the middle", BROKEN, 0, 1001, SHALE_EIO },
    { "map fails", BROKEN, 1000, 1, SHALE_EIO },
};

START_TEST(refuses)
{
    static uint8_t buf[1200];
    int64_t r = read_ino(refusals[_i].ino, buf, refusals[_i].len,
                         refusals[_i].offset);

    ck_assert_msg(r == refusals[_i].result, "%s: %d", refusals[_i].what,
                  (int)r);
}
END_TEST

START_TEST(device_errors_come_through)
{
    uint8_t buf[11];

    toy.fail[TOY_READ] = SHALE_EIO;
    ck_assert_int_eq(read_ino(PLAIN, buf, 10, 0), SHALE_EIO);
    ck_assert_int_eq(read_ino(SPARSE, buf, 10, 0), 10);
    toy.fail[TOY_READ] = 0;
    ck_assert_int_eq(read_ino(PLAIN, buf, 10, 0), 10);
    ck_assert_uint_eq(buf[3], toy_byte(5004));
}
END_TEST

START_TEST(readv_fills_pieces)
{
    struct shale_vnode *vn = toy_get(&toy, SPARSE);
    uint8_t a[96], b[2000], c[2000];
    const struct shale_iovec iov[] = {
        { a, sizeof a }, { NULL, 0 }, { b, sizeof b }, { c, sizeof c },
    };

    ck_assert_int_eq(shale_readv(vn, iov, 4, 4000), 3010);
    for (uint64_t i = 0; i < 96; i++)
        ck_assert_uint_eq(a[i], sparse_byte(4000 + i));
    for (uint64_t i = 0; i < 2000; i++)
        ck_assert_uint_eq(b[i], sparse_byte(4096 + i));
    for (uint64_t i = 0; i < 914; i++)
        ck_assert_uint_eq(c[i], sparse_byte(6096 + i));
    ck_assert_int_eq(shale_readv(vn, iov, 1, 4000), 96);
    ck_assert_int_eq(shale_readv(vn, iov, 0, 4000), 0);
    ck_assert_int_eq(shale_readv(vn, iov, 4, 7010), 0);
    shale_vnode_put(vn);
}
END_TEST

#define HOLE SHALE_EXTENT_HOLE
#define DATA SHALE_EXTENT_DATA
#define UNWRITTEN SHALE_EXTENT_UNWRITTEN

static const struct {
    uint64_t ino, offset, len;
    int result;
    enum shale_extent_kind kind;
    uint64_t length, device;
} maps[] = {
    { SPARSE, 0, 1, 0, HOLE, 4096, 0 },
    { SPARSE, 4095, 100, 0, HOLE, 1, 0 },
    { SPARSE, 4096, 1000, 0, DATA, 1000, 8192 },    /* no further than LEN */
    { SPARSE, 4096, 1001, 0, DATA, 1024, 8192 },
    { SPARSE, 4096, UINT64_MAX, 0, DATA, 1024, 8192 },
    { SPARSE, 5000, UINT64_MAX, 0, DATA, 120, 9096 },
    { SPARSE, 5632, UINT64_MAX, 0, UNWRITTEN, 1000, 30000 },
    { SPARSE, 7000, UINT64_MAX, 0, DATA, 10, 40000 },
    { SPARSE, 7009, 1, 0, DATA, 1, 40009 },
    { SPARSE, 7010, 1, SHALE_ENXIO, HOLE, 0, 0 },
    { SPARSE, UINT64_MAX, 1, SHALE_ENXIO, HOLE, 0, 0 },
    { SPARSE, 0, 0, SHALE_EINVAL, HOLE, 0, 0 },
    { HUGE, 0, TIB, 0, HOLE, TIB, 0 },
    { HUGE, 0, TIB + 1, 0, HOLE, 6 * TIB, 0 },
    { CUT, 0, 4096, 0, DATA, 5, 4096 },
    { CUT, 4, 1, 0, DATA, 1, 4100 },
    { EMPTY, 0, 1, SHALE_ENXIO, HOLE, 0, 0 },
    { INLINE, 0, 40, 0, SHALE_EXTENT_INLINE, 40, 0 },
    { PAST, 512, 1024, 0, DATA, 512, TOY_DEVICE - 511 },
    { BROKEN, 0, 2000, 0, DATA, 1000, 1000 },   /* the error is behind it */
    { BROKEN, 1000, 1, SHALE_EIO, HOLE, 0, 0 },
    { DIR, 0, 1, SHALE_EISDIR, HOLE, 0, 0 },
    { FIFO, 0, 1, SHALE_EINVAL, HOLE, 0, 0 },
};

START_TEST(maps_files)
{
    struct shale_vnode *vn = toy_get(&toy, maps[_i].ino);
    struct shale_extent extent = { 0 };

    ck_assert_int_eq(shale_map(vn, maps[_i].offset, maps[_i].len, &extent),
                     maps[_i].result);
    if (maps[_i].result == 0) {
        ck_assert_uint_eq(extent.offset, maps[_i].offset);
        ck_assert_uint_eq(extent.length, maps[_i].length);
        ck_assert_uint_eq(extent.device, maps[_i].device);
        ck_assert_int_eq((int)extent.kind, (int)maps[_i].kind);
    }
    ck_assert_uint_eq(watch_held(), 0);
    shale_vnode_put(vn);
}
END_TEST

static const struct {
    uint64_t ino, offset;
    int64_t data, hole;
} seeks[] = {
    { PLAIN, 0, 0, 3000 },
    { PLAIN, 2999, 2999, 3000 },
    { PLAIN, 3000, SHALE_ENXIO, SHALE_ENXIO },
    { SPARSE, 0, 4096, 0 },
    { SPARSE, 4095, 4096, 4095 },
    { SPARSE, 4096, 4096, 5632 },
    { SPARSE, 5631, 5631, 5632 },
    { SPARSE, 5632, 7000, 5632 },       /* unwritten counts as a hole */
    { SPARSE, 6632, 7000, 6632 },
    { SPARSE, 7009, 7009, 7010 },
    { SPARSE, 7010, SHALE_ENXIO, SHALE_ENXIO },
    { SPARSE, UINT64_MAX, SHALE_ENXIO, SHALE_ENXIO },
    { EMPTY, 0, SHALE_ENXIO, SHALE_ENXIO },
    { HUGE, 0, 6 * TIB, 0 },
    { HUGE, 6 * TIB, 6 * TIB, 6 * TIB + 100 },
    { HUGE, 6 * TIB + 100, SHALE_ENXIO, 6 * TIB + 100 },
    { HUGE, INT64_MAX - 1, SHALE_ENXIO, INT64_MAX - 1 },
    { TAIL_HOLE, 0, 0, 100 },
    { TAIL_HOLE, 100, SHALE_ENXIO, 100 },
    { TAIL_HOLE, 4199, SHALE_ENXIO, 4199 },
    { INLINE, 0, 0, 40 },
    { BROKEN, 0, 0, SHALE_EIO },
    { DIR, 0, SHALE_EISDIR, SHALE_EISDIR },
    { FIFO, 0, SHALE_EINVAL, SHALE_EINVAL },
};

START_TEST(seeks_data_and_holes)
{
    struct shale_vnode *vn = toy_get(&toy, seeks[_i].ino);
    unsigned before = toy_calls(&toy, TOY_MAP);

    ck_assert_int_eq(shale_seek_data(vn, seeks[_i].offset), seeks[_i].data);
    ck_assert_int_eq(shale_seek_hole(vn, seeks[_i].offset), seeks[_i].hole);
    ck_assert_uint_le(toy_calls(&toy, TOY_MAP) - before, 2 * TOY_EXTENTS);
    ck_assert_uint_eq(watch_held(), 0);
    shale_vnode_put(vn);
}
END_TEST

/*
 * A map of 2^41 pieces is not followed to its end: that is an answer while
 * there is data, and an error in a hole.
 */
START_TEST(more_pieces_than_anybody_has)
{
    struct shale_vnode *data = toy_get(&toy, CRUMBS);
    struct shale_vnode *hole = toy_get(&toy, CRUMBS_HOLE);
    struct shale_extent extent = { 0 };

    ck_assert_int_eq(shale_seek_hole(data, 0), (int64_t)(1000 * TIB));
    ck_assert_uint_eq(toy.events, 0);
    ck_assert_int_eq(shale_seek_data(hole, 0), SHALE_ECORRUPT);
    ck_assert_uint_eq(toy.events, 1);
    ck_assert_uint_eq(toy.said.ino, CRUMBS_HOLE);

    ck_assert_int_eq(shale_map(data, 0, UINT64_MAX, &extent), 0);
    ck_assert_uint_eq(extent.length, 16384 * 512);
    ck_assert_int_eq(shale_map(hole, 512, UINT64_MAX, &extent), 0);
    ck_assert_uint_eq(extent.length, 16384 * 512);
    ck_assert_uint_eq(watch_held(), 0);
    shale_vnode_put(data);
    shale_vnode_put(hole);
}
END_TEST

/* Reading all data of a sparse file by way of seeks takes two calls a piece. */
START_TEST(data_is_found_piece_by_piece)
{
    struct shale_vnode *vn = toy_get(&toy, SPARSE);
    uint64_t at = 0, bytes = 0;
    int64_t data;

    while ((data = shale_seek_data(vn, at)) >= 0) {
        at = (uint64_t)shale_seek_hole(vn, (uint64_t)data);
        bytes += at - (uint64_t)data;
    }
    ck_assert_int_eq(data, SHALE_ENXIO);
    ck_assert_uint_eq(bytes, 1536 + 10);
    shale_vnode_put(vn);
}
END_TEST

/* Each allocation of a ragged read fails: that is waited for, as it passes. */
START_TEST(read_without_memory)
{
    uint8_t buf[3001];
    bool failed = true;

    shale_vnode_put(toy_get(&toy, PLAIN));
    for (uint64_t n = 0; failed; n++) {
        int64_t r;

        shale_mem_fail_at(toy.mem, n);
        r = read_ino(PLAIN, buf, 3000, 0);
        failed = shale_mem_failed(toy.mem);
        ck_assert_int_eq(r, 3000);
    }
}
END_TEST

/* An extent that is no answer: the driver's bug, which debug builds stop at. */
static void map_badly(void *arg)
{
    struct shale_vnode *vn = toy_get(&toy, PLAIN);
    struct shale_extent extent;
    int err;

    (void)arg;
    err = shale_map(vn, 0, 1, &extent);
    ck_assert_int_eq(err, SHALE_EIO);
    shale_vnode_put(vn);
}

static const struct shale_extent bad_extents[] = {
    { .offset = 1, .length = 5 },
    { .offset = 0, .length = 0 },
    { .offset = 1, .length = 5, .kind = SHALE_EXTENT_INLINE },
    { .offset = 0, .length = 0, .kind = SHALE_EXTENT_ENCODED },
    { .offset = 0, .length = SHALE_UNIT_MAX + 1,
      .kind = SHALE_EXTENT_ENCODED },
};

START_TEST(extents_that_are_no_answer)
{
    toy.bad_extent = bad_extents[_i];
    toy.give_bad_extent = true;
#ifdef SHALE_MEM_DEBUG
    ck_assert(test_traps(map_badly, NULL));
#else
    map_badly(NULL);
#endif
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/file");
    TCase *tc = tcase_create("data");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, reads_sparse, 0, sizeof reads / sizeof reads[0]);
    tcase_add_test(tc, adjacent_pieces_take_one_request);
    tcase_add_test(tc, holes_take_no_request);
    tcase_add_test(tc, reads_end_at_the_size);
    tcase_add_loop_test(tc, refuses, 0,
                        sizeof refusals / sizeof refusals[0]);
    tcase_add_test(tc, device_errors_come_through);
    tcase_add_test(tc, readv_fills_pieces);
    tcase_add_loop_test(tc, maps_files, 0, sizeof maps / sizeof maps[0]);
    tcase_add_loop_test(tc, seeks_data_and_holes, 0,
                        sizeof seeks / sizeof seeks[0]);
    tcase_add_test(tc, more_pieces_than_anybody_has);
    tcase_add_test(tc, data_is_found_piece_by_piece);
    tcase_add_test(tc, read_without_memory);
    tcase_add_loop_test(tc, extents_that_are_no_answer, 0,
                        sizeof bad_extents / sizeof bad_extents[0]);
    suite_add_tcase(s, tc);
    return s;
}
