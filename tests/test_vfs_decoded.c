/* test_vfs_decoded.c - reading what the driver has to decode */
#include <pthread.h>
#include <string.h>

#include "suite.h"
#include "toyfs.h"
#include "vfs/decoded.h"
#include "vfs/vfs.h"
#include "watch.h"

#define UNIT 4096u              /* bytes, of most of what is encoded here */
#define UNITS 12u               /* of PACKED, the last one cut short */
#define PACKED_SIZE (UNIT * (UNITS - 1) + 1000)
#define LARGE ((uint64_t)256 << 10)
#define UNIT_TAKES (UNIT + 256) /* and no more, with what is noted of it */

/* Inode numbers, in the order setup makes them. */
enum { PACKED = TOY_ROOT + 1, SMALL, MIXED, UNCUT, LARGE_UNITS, WIDEST };

/*
 * MIXED, byte by byte:
 *
 *     0       data at 8192
 *     512     two units
 *     8704    a hole
 *     9216    data at 1000
 *     9226    two units, the last one of 6 bytes
 *     13328   the end
 */
#define MIXED_SIZE 13328u

static struct toy toy;

static void setup(void)
{
    struct toy_node *node;

    toy_init(&toy);
    node = toy_add(&toy, TOY_ROOT, "packed", SHALE_TYPE_FILE);
    toy_extent(node, SHALE_EXTENT_ENCODED, PACKED_SIZE, 0);
    node->unit = UNIT;

    toy_extent(toy_add(&toy, TOY_ROOT, "small", SHALE_TYPE_FILE),
               SHALE_EXTENT_INLINE, 700, 0);

    node = toy_add(&toy, TOY_ROOT, "mixed", SHALE_TYPE_FILE);
    toy_extent(node, SHALE_EXTENT_DATA, 512, 8192);
    toy_extent(node, SHALE_EXTENT_ENCODED, (uint64_t)2 * UNIT, 0);
    toy_extent(node, SHALE_EXTENT_HOLE, 512, 0);
    toy_extent(node, SHALE_EXTENT_DATA, 10, 1000);
    toy_extent(node, SHALE_EXTENT_ENCODED, UNIT + 6, 0);
    node->unit = UNIT;

    node = toy_add(&toy, TOY_ROOT, "uncut", SHALE_TYPE_FILE);
    toy_extent(node, SHALE_EXTENT_ENCODED, (uint64_t)2 * UNIT, 0);
    node->unit = UNIT;
    node->size = UNIT + 100;    /* and its last unit does not know */

    node = toy_add(&toy, TOY_ROOT, "large units", SHALE_TYPE_FILE);
    toy_extent(node, SHALE_EXTENT_ENCODED, 4 * LARGE, 0);
    node->unit = LARGE;

    toy_extent(toy_add(&toy, TOY_ROOT, "widest", SHALE_TYPE_FILE),
               SHALE_EXTENT_ENCODED, SHALE_UNIT_MAX, 0);
}

static void setup_mounted(void)
{
    setup();
    toy_mount(&toy);
}

static void teardown(void)
{
    toy_fini(&toy);
}

static uint8_t byte_of(uint64_t ino, uint64_t at)
{
    if (ino == MIXED && at < 512)
        return toy_byte(8192 + at);
    if (ino == MIXED && at >= 8704 && at < 9216)
        return 0;
    if (ino == MIXED && at >= 9216 && at < 9226)
        return toy_byte(1000 + at - 9216);
    return toy_decoded(ino, at);
}

/* Read LEN bytes; if that works, they are right, and none is past them. */
static int64_t read_ino(uint64_t ino, uint64_t offset, size_t len)
{
    static uint8_t buf[4 * LARGE + 1];
    struct shale_vnode *vn = toy_get(&toy, ino);
    int64_t got;

    ck_assert_uint_lt(len, sizeof buf);
    memset(buf, 0x5a, len);
    buf[len] = 0xa5;
    got = shale_read(vn, buf, len, offset);
    ck_assert_uint_eq(buf[len], 0xa5);
    ck_assert_uint_eq(watch_held(), 0);
    for (int64_t i = 0; i < got; i++)
        if (buf[i] != byte_of(ino, offset + (uint64_t)i))
            ck_abort_msg("byte %d of %d at %d", (int)i, (int)got, (int)offset);
    shale_vnode_put(vn);
    return got;
}

static unsigned decodes(void)
{
    return toy_calls(&toy, TOY_DECODE);
}

/* ------------------------------------------------------------- reading */

/* Everything from the bytes around each edge to those around each other. */
START_TEST(reads_from_anywhere_to_anywhere)
{
    static const struct {
        uint64_t ino, size;
    } files[] = {
        { PACKED, PACKED_SIZE }, { SMALL, 700 }, { MIXED, MIXED_SIZE },
        { UNCUT, UNIT + 100 },
    };
    static const uint64_t edges[] = {
        0, 100, 512, 512 + UNIT, 4096, 8192, 8704, 9216, 9226, 9226 + UNIT,
        (UNITS - 1) * UNIT, PACKED_SIZE,
    };
    const size_t count = sizeof edges / sizeof edges[0];
    uint64_t ino = files[_i].ino, size = files[_i].size;

    for (size_t n = 0; n < 9 * count * count; n++) {
        uint64_t from = edges[n / 9 % count] + n % 3;
        uint64_t to = edges[n / 9 / count] + n / 3 % 3;
        int64_t want;

        if (from == 0 || to <= from)
            continue;
        from--;
        want = from >= size ? 0 : (int64_t)((to < size ? to : size) - from);
        ck_assert_int_eq(read_ino(ino, from, (size_t)(to - from)), want);
        if (n % 7 == 0)
            shale_fs_shrink(toy.fs);
    }
}
END_TEST

START_TEST(whole_units_go_to_the_reader)
{
    ck_assert_int_eq(read_ino(PACKED, 0, PACKED_SIZE), PACKED_SIZE);
    ck_assert_uint_eq(decodes(), UNITS);
    ck_assert_int_eq(read_ino(PACKED, (UNITS - 1) * UNIT, 5000), 1000);
    ck_assert_uint_eq(decodes(), UNITS + 1);
    ck_assert_uint_eq(decoded_bytes(toy.fs), 0);

    /* Pieces at both ends are kept; what is kept is not decoded again. */
    ck_assert_int_eq(read_ino(PACKED, 1, 3 * UNIT), 3 * UNIT);
    ck_assert_uint_eq(decodes(), UNITS + 5);
    ck_assert_uint_gt(decoded_bytes(toy.fs), 2 * UNIT);
    ck_assert_uint_le(decoded_bytes(toy.fs), 2 * UNIT_TAKES);
    ck_assert_int_eq(read_ino(PACKED, 0, 4 * UNIT), 4 * UNIT);
    ck_assert_uint_eq(decodes(), UNITS + 7);
}
END_TEST

START_TEST(small_reads_decode_each_unit_once)
{
    uint32_t random = 1;

    for (unsigned i = 0; i < 2000; i++) {
        random = random * 1103515245u + 12345u;
        ck_assert_int_gt(read_ino(PACKED, (random >> 8) % PACKED_SIZE, 100),
                         0);
    }
    ck_assert_uint_eq(decodes(), UNITS);

    for (uint64_t at = 0; at < PACKED_SIZE; at += 100)
        ck_assert_int_gt(read_ino(PACKED, at, 100), 0);
    ck_assert_uint_eq(decodes(), UNITS);
}
END_TEST

START_TEST(what_is_inline_is_not_kept)
{
    ck_assert_int_eq(read_ino(SMALL, 0, 700), 700);
    ck_assert_int_eq(read_ino(SMALL, 10, 20), 20);
    ck_assert_int_eq(read_ino(SMALL, 10, 20), 20);
    ck_assert_uint_eq(decodes(), 3);
    ck_assert_uint_eq(decoded_bytes(toy.fs), 0);
}
END_TEST

START_TEST(readv_fills_pieces)
{
    struct shale_vnode *vn = toy_get(&toy, PACKED);
    static uint8_t a[10], b[2 * UNIT], c[UNIT - 10], d[2000];
    const struct shale_iovec iov[] = {
        { a, sizeof a }, { NULL, 0 }, { b, sizeof b }, { c, sizeof c },
        { d, sizeof d },
    };
    uint64_t at = (UNITS - 4) * UNIT;

    /* The one whole unit there is in b is decoded into it. */
    ck_assert_int_eq(shale_readv(vn, iov, 5, at), 3 * UNIT + 1000);
    ck_assert_uint_eq(decodes(), 4);
    ck_assert_uint_le(decoded_bytes(toy.fs), 2 * UNIT_TAKES);
    for (uint64_t i = 0; i < sizeof a; i++)
        ck_assert_uint_eq(a[i], toy_decoded(PACKED, at + i));
    for (uint64_t i = 0; i < sizeof b; i++)
        ck_assert_uint_eq(b[i], toy_decoded(PACKED, at + 10 + i));
    for (uint64_t i = 0; i < sizeof c; i++)
        ck_assert_uint_eq(c[i], toy_decoded(PACKED, at + 10 + 2 * UNIT + i));
    for (uint64_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(d[i], toy_decoded(PACKED, at + 3 * UNIT + i));
    shale_vnode_put(vn);
}
END_TEST

START_TEST(errors_come_through_and_nothing_is_kept)
{
    static const int errors[] = { SHALE_EIO, SHALE_ECORRUPT, SHALE_ENOMEM };

    toy.fail[TOY_DECODE] = errors[_i];
    ck_assert_int_eq(read_ino(PACKED, 10, 20), errors[_i]);
    ck_assert_int_eq(read_ino(PACKED, 0, UNIT), errors[_i]);
    ck_assert_int_eq(read_ino(SMALL, 1, 1), errors[_i]);
    ck_assert_uint_eq(decoded_bytes(toy.fs), 0);
    toy.fail[TOY_DECODE] = 0;
    ck_assert_int_eq(read_ino(PACKED, 10, 20), 20);
}
END_TEST

/* ------------------------------------------------------------- mapping */

static const struct {
    uint64_t ino, offset, length;
    enum shale_extent_kind kind;
} maps[] = {
    { PACKED, 0, UNIT, SHALE_EXTENT_ENCODED },
    { PACKED, 1, UNIT - 1, SHALE_EXTENT_ENCODED },
    { PACKED, 2 * UNIT - 1, 1, SHALE_EXTENT_ENCODED },
    { PACKED, PACKED_SIZE - 1, 1, SHALE_EXTENT_ENCODED },
    { SMALL, 0, 700, SHALE_EXTENT_INLINE },
    { SMALL, 699, 1, SHALE_EXTENT_INLINE },
    { MIXED, 511, 1, SHALE_EXTENT_DATA },
    { MIXED, 512, UNIT, SHALE_EXTENT_ENCODED },
    { MIXED, 8700, 4, SHALE_EXTENT_ENCODED },
    { MIXED, 8704, 512, SHALE_EXTENT_HOLE },
    { UNCUT, UNIT, 100, SHALE_EXTENT_ENCODED },
    { UNCUT, UNIT + 99, 1, SHALE_EXTENT_ENCODED },
};

START_TEST(maps_begin_where_they_are_asked)
{
    struct shale_vnode *vn = toy_get(&toy, maps[_i].ino);
    struct shale_extent extent = { 0 };

    ck_assert_int_eq(shale_map(vn, maps[_i].offset, UINT64_MAX, &extent), 0);
    ck_assert_uint_eq(extent.offset, maps[_i].offset);
    ck_assert_uint_eq(extent.length, maps[_i].length);
    ck_assert_int_eq((int)extent.kind, (int)maps[_i].kind);
    ck_assert_uint_eq(decodes(), 0);
    shale_vnode_put(vn);
}
END_TEST

START_TEST(what_is_encoded_is_data)
{
    struct shale_vnode *vn = toy_get(&toy, MIXED);

    ck_assert_int_eq(shale_seek_data(vn, 600), 600);
    ck_assert_int_eq(shale_seek_hole(vn, 600), 8704);
    ck_assert_int_eq(shale_seek_data(vn, 8704), 9216);
    ck_assert_int_eq(shale_seek_hole(vn, 9216), MIXED_SIZE);
    ck_assert_int_eq(shale_seek_hole(vn, MIXED_SIZE - 1), MIXED_SIZE);
    shale_vnode_put(vn);
}
END_TEST

/* -------------------------------------------------------------- budget */

/* Read a little of unit I of PACKED. */
static void touch(unsigned i)
{
    ck_assert_int_eq(read_ino(PACKED, i * UNIT + 5, 1), 1);
}

START_TEST(the_least_recently_used_goes)
{
    toy.config.decoded_bytes = 4 * UNIT_TAKES;
    toy_mount(&toy);
    for (unsigned i = 0; i < UNITS; i++)
        touch(i);
    ck_assert_uint_eq(decodes(), UNITS);
    ck_assert_uint_le(decoded_bytes(toy.fs), 4 * UNIT_TAKES);
    touch(8);                   /* 8 to 11 are there: now 9 is the oldest */
    ck_assert_uint_eq(decodes(), UNITS);
    touch(0);
    ck_assert_uint_eq(decodes(), UNITS + 1);
    for (unsigned i = 10; i < UNITS; i++)
        touch(i);
    touch(8);
    touch(0);
    ck_assert_uint_eq(decodes(), UNITS + 1);
    touch(9);
    ck_assert_uint_eq(decodes(), UNITS + 2);
}
END_TEST

/* However little memory there is to be, a unit is not decoded byte by byte. */
START_TEST(one_unit_is_always_kept)
{
    toy.config.decoded_bytes = 1;
    toy_mount(&toy);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned j = 0; j < 10; j++)
            ck_assert_int_eq(read_ino(LARGE_UNITS, i * LARGE + j, 1), 1);
        ck_assert_uint_eq(decodes(), i + 1);
        ck_assert_uint_le(decoded_bytes(toy.fs), LARGE + 256);
    }
    ck_assert_int_eq(read_ino(LARGE_UNITS, 0, 1), 1);
    ck_assert_uint_eq(decodes(), 4);
}
END_TEST

START_TEST(the_widest_unit_is_read)
{
    ck_assert_int_eq(read_ino(WIDEST, SHALE_UNIT_MAX - 5, 100), 5);
    ck_assert_int_eq(read_ino(WIDEST, 0, 5), 5);
    ck_assert_uint_eq(decodes(), 1);
}
END_TEST

START_TEST(units_give_way)
{
    struct shale_mem_stats before, after;

    shale_vnode_put(toy_get(&toy, PACKED));
    shale_fs_shrink(toy.fs);
    shale_mem_stats(toy.mem, &before);
    for (unsigned i = 0; i < UNITS; i++)
        touch(i);
    ck_assert_uint_gt(decoded_bytes(toy.fs), (UNITS - 1) * UNIT);

    /* Half of them for a first want of memory, the rest for a second. */
    ck_assert(vfs_make_room(toy.fs, 0));
    ck_assert_uint_gt(decoded_bytes(toy.fs), 0);
    ck_assert_uint_le(decoded_bytes(toy.fs), UNITS / 2 * UNIT_TAKES);
    ck_assert(vfs_make_room(toy.fs, 1));
    ck_assert_uint_eq(decoded_bytes(toy.fs), 0);
    ck_assert(!vfs_make_room(toy.fs, 1));
    touch(3);
    shale_fs_shrink(toy.fs);
    ck_assert_uint_eq(decoded_bytes(toy.fs), 0);
    shale_mem_stats(toy.mem, &after);
    ck_assert_uint_eq(after.live, before.live);
}
END_TEST

/*
 * Each allocation fails in turn. With nothing to give up that is an error, and
 * nothing is left of it; with units to give up it is none.
 */
START_TEST(reads_without_memory)
{
    bool full = _i & 1, small = _i & 2, failed = true;
    uint64_t ino = small ? SMALL : LARGE_UNITS;

    for (uint64_t n = 0; failed; n++) {
        size_t before;
        int64_t got;

        shale_fs_shrink(toy.fs);
        shale_vnode_put(toy_get(&toy, ino));
        if (full)
            touch(0);
        before = decoded_bytes(toy.fs);
        shale_mem_fail_at(toy.mem, n);
        got = read_ino(ino, 3, 4);
        failed = shale_mem_failed(toy.mem);
        shale_mem_fail_at(toy.mem, UINT64_MAX);
        ck_assert_msg(got == 4 || (got == SHALE_ENOMEM && failed && !full),
                      "allocation %d: %d", (int)n, (int)got);
        if (got < 0)
            ck_assert_uint_eq(decoded_bytes(toy.fs), before);
        test_mem_sound(toy.mem, "after a failure");
    }
}
END_TEST

/* ------------------------------------------------ a driver that has none */

static struct shale_fs_ops no_decode;
static const struct shale_fs_ops *const no_decode_drivers[] = {
    &no_decode, NULL,
};

START_TEST(nothing_is_decoded_without_a_decoder)
{
    no_decode = toy_ops;
    no_decode.decode = NULL;
    toy.config.drivers = no_decode_drivers;
    toy_mount(&toy);
    ck_assert_int_eq(read_ino(PACKED, 0, 10), SHALE_ENOTSUP);
    ck_assert_int_eq(read_ino(SMALL, 0, 700), SHALE_ENOTSUP);
    ck_assert_int_eq(read_ino(MIXED, 0, 512), 512);
    ck_assert_int_eq(read_ino(MIXED, 0, 513), SHALE_ENOTSUP);
    ck_assert_uint_eq(decoded_bytes(toy.fs), 0);
    shale_fs_shrink(toy.fs);
}
END_TEST

/* ------------------------------------------------------------- threads */

#define THREADS 4u
#define ROUNDS 600u

static atomic_bool unsound;

/* ck_assert is for the main thread. */
static void sound(bool what)
{
    if (!what)
        atomic_store(&unsound, true);
}

static void read_and_check(uint64_t ino, uint64_t offset, size_t len)
{
    uint8_t buf[2 * UNIT];
    struct shale_vnode *vn = NULL;
    int64_t got;

    if (shale_vnode_get(toy.fs, ino, &vn)) {
        sound(false);
        return;
    }
    got = shale_read(vn, buf, len, offset);
    sound(got > 0);
    for (int64_t i = 0; i < got; i++)
        sound(buf[i] == byte_of(ino, offset + (uint64_t)i));
    shale_vnode_put(vn);
}

static void *read_all_over(void *arg)
{
    uint32_t random = *(unsigned *)arg + 1;

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t at;

        random = random * 1103515245u + 12345u;
        at = random >> 8;
        switch (random >> 4 & 7) {
        case 0:
            shale_fs_shrink(toy.fs);
            break;
        case 1:
            read_and_check(SMALL, at % 700, 200);
            break;
        case 2:
            read_and_check(MIXED, at % MIXED_SIZE, 2 * UNIT);
            break;
        default:
            read_and_check(PACKED, at % PACKED_SIZE, 1 + at % (2 * UNIT));
        }
    }
    sound(watch_held() == 0);
    return NULL;
}

static void run(void *(*body)(void *))
{
    pthread_t threads[THREADS];
    unsigned args[THREADS];

    atomic_store(&unsound, false);
    for (unsigned i = 0; i < THREADS; i++) {
        args[i] = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, body, &args[i]),
                         0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert(!atomic_load(&unsound));
}

START_TEST(everything_at_once)
{
    toy.config.decoded_bytes = 3 * UNIT_TAKES;
    toy_mount(&toy);
    run(read_all_over);
    ck_assert_uint_le(decoded_bytes(toy.fs), 3 * UNIT_TAKES);
}
END_TEST

static pthread_barrier_t all_here;

/* Nobody gets on with decoding before all are decoding the same unit. */
static void meet(struct toy *t, uint64_t ino)
{
    (void)t;
    (void)ino;
    pthread_barrier_wait(&all_here);
}

static void *read_a_byte(void *arg)
{
    read_and_check(PACKED, *(unsigned *)arg, 1);
    return NULL;
}

START_TEST(all_decode_one_unit)
{
    toy_mount(&toy);
    pthread_barrier_init(&all_here, NULL, THREADS);
    toy.on_decode = meet;
    run(read_a_byte);
    ck_assert_uint_eq(decodes(), THREADS);
    ck_assert_uint_le(decoded_bytes(toy.fs), UNIT_TAKES);
    toy.on_decode = NULL;
    touch(0);
    ck_assert_uint_eq(decodes(), THREADS);
    pthread_barrier_destroy(&all_here);
}
END_TEST

#define COUNT(array) (int)(sizeof (array) / sizeof (array)[0])

Suite *suite(void)
{
    Suite *s = suite_create("vfs/decoded");
    TCase *tc = tcase_create("mounted"), *by_hand = tcase_create("by hand");

    tcase_add_checked_fixture(tc, setup_mounted, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, reads_from_anywhere_to_anywhere, 0, 4);
    tcase_add_test(tc, whole_units_go_to_the_reader);
    tcase_add_test(tc, small_reads_decode_each_unit_once);
    tcase_add_test(tc, what_is_inline_is_not_kept);
    tcase_add_test(tc, readv_fills_pieces);
    tcase_add_loop_test(tc, errors_come_through_and_nothing_is_kept, 0, 3);
    tcase_add_loop_test(tc, maps_begin_where_they_are_asked, 0, COUNT(maps));
    tcase_add_test(tc, what_is_encoded_is_data);
    tcase_add_test(tc, the_widest_unit_is_read);
    tcase_add_test(tc, units_give_way);
    tcase_add_loop_test(tc, reads_without_memory, 0, 4);
    suite_add_tcase(s, tc);

    tcase_add_checked_fixture(by_hand, setup, teardown);
    tcase_set_timeout(by_hand, 60);
    tcase_add_test(by_hand, the_least_recently_used_goes);
    tcase_add_test(by_hand, one_unit_is_always_kept);
    tcase_add_test(by_hand, nothing_is_decoded_without_a_decoder);
    tcase_add_test(by_hand, everything_at_once);
    tcase_add_test(by_hand, all_decode_one_unit);
    suite_add_tcase(s, by_hand);
    return s;
}
