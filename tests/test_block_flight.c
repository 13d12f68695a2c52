/*
 * test_block_flight.c - several requests under way, to a device that overtakes
 */
#include <string.h>

#include "asyncdisk.h"
#include "shale/err.h"
#include "shale/fault.h"
#include "shale/flight.h"
#include "shale/host.h"
#include "suite.h"

enum { SECTOR = 512, BYTES = 4 << 20, EACH = 2048 };

static uint8_t disk_bytes[BYTES], image[BYTES];

static struct {
    struct shale_memory_bdev memory;
    struct shale_fault_bdev fault;
    struct async_disk disk;
    struct shale_slice_bdev slice;
    struct shale_flight flight;
} rig;

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 7 + i / 256 * 13);
}

/*
 * Where what is at byte AT of a device goes: neighbours there are none here, so
 * that they stay requests of their own.
 */
static uint8_t *place(size_t at)
{
    return image + (at ^ EACH);
}

/* Is what was read, or written, what is on the disk from byte FIRST on? */
static void image_is(size_t first, size_t len)
{
    for (size_t at = 0; at < len; at += EACH)
        ck_assert_mem_eq(place(at), disk_bytes + first + at, EACH);
}

static void rig_open(unsigned room, unsigned threads)
{
    for (size_t i = 0; i < BYTES; i++)
        disk_bytes[i] = byte_at(i);
    memset(image, 0, sizeof image);
    shale_memory_bdev_init(&rig.memory, disk_bytes, BYTES, SECTOR, false);
    ck_assert_int_eq(shale_fault_bdev_init(&rig.fault, &rig.memory.base, NULL,
                                           NULL), 0);
    async_disk_init(&rig.disk, &rig.fault.base, room, threads, 1);
}

static void rig_close(void)
{
    async_disk_fini(&rig.disk);
    shale_fault_bdev_fini(&rig.fault);
}

/* How many the device has room for, and by what it is done. */
static const struct {
    unsigned room, threads;
} ways[] = {
    { 0, 0 },                           /* not at all */
    { 1, 0 }, { 3, 0 }, { 16, 0 }, { 32, 0 },
    { 1, 1 }, { 3, 2 }, { 32, 4 },
};

enum { WAYS = sizeof ways / sizeof ways[0] };

static struct shale_bdev *open_way(int way)
{
    rig_open(ways[way].room, ways[way].threads);
    return ways[way].room ? &rig.disk.base : &rig.memory.base;
}

START_TEST(reads_all)
{
    struct shale_bdev *dev = open_way(_i);

    shale_flight_begin(&rig.flight, dev);
    for (size_t at = 0; at < BYTES; at += EACH)
        ck_assert_int_eq(shale_flight_read(&rig.flight, at, place(at), EACH),
                         0);
    ck_assert_int_eq(shale_flight_finish(&rig.flight), 0);
    image_is(0, BYTES);
    ck_assert_uint_eq(rig.disk.taken, ways[_i].room ? BYTES / EACH : 0);
    ck_assert_uint_le(rig.disk.most, ways[_i].room);
    /* Threads may be done with one before the next is there. */
    if (ways[_i].room > 1 && ways[_i].threads == 0) {
        ck_assert_uint_eq(rig.disk.most, ways[_i].room < SHALE_FLIGHT_MAX ?
                                             ways[_i].room : SHALE_FLIGHT_MAX);
        ck_assert_uint_gt(rig.disk.overtaken, 0);
    }
    rig_close();
}
END_TEST

START_TEST(writes_all)
{
    struct shale_bdev *dev = open_way(_i);

    for (size_t i = 0; i < BYTES; i++)
        image[i] = (uint8_t)(byte_at(i) ^ 0xff);
    shale_flight_begin(&rig.flight, dev);
    for (size_t at = 0; at < BYTES; at += EACH)
        ck_assert_int_eq(shale_flight_write(&rig.flight, at, place(at), EACH),
                         0);
    ck_assert_int_eq(shale_flight_finish(&rig.flight), 0);
    image_is(0, BYTES);
    rig_close();
}
END_TEST

/* What is long goes in pieces, and what is empty not at all. */
START_TEST(one_long_read)
{
    struct shale_bdev *dev = open_way(_i);

    shale_flight_begin(&rig.flight, dev);
    ck_assert_int_eq(shale_flight_read(&rig.flight, SECTOR, image + SECTOR,
                                       BYTES - SECTOR), 0);
    ck_assert_int_eq(shale_flight_read(&rig.flight, 0, NULL, 0), 0);
    ck_assert_int_eq(shale_flight_finish(&rig.flight), 0);
    ck_assert_mem_eq(image + SECTOR, disk_bytes + SECTOR, BYTES - SECTOR);
    ck_assert_uint_eq(rig.disk.taken,
                      ways[_i].room ? BYTES / SHALE_FLIGHT_BYTES : 0);
    rig_close();
}
END_TEST

/* Neighbours, on the device and in memory, are one request. */
START_TEST(neighbours)
{
    struct shale_bdev *dev = open_way(_i);

    shale_flight_begin(&rig.flight, dev);
    for (size_t at = 0; at < BYTES; at += EACH)
        shale_flight_read(&rig.flight, at, image + at, EACH);
    ck_assert_int_eq(shale_flight_finish(&rig.flight), 0);
    ck_assert_mem_eq(image, disk_bytes, BYTES);
    ck_assert_uint_eq(rig.disk.taken,
                      ways[_i].room ? BYTES / SHALE_FLIGHT_BYTES : 0);

    /* ... but not if one is read and the other written. */
    rig.disk.taken = 0;
    shale_flight_begin(&rig.flight, dev);
    shale_flight_read(&rig.flight, 0, image, EACH);
    shale_flight_write(&rig.flight, EACH, image + EACH, EACH);
    ck_assert_int_eq(shale_flight_finish(&rig.flight), 0);
    ck_assert_mem_eq(image, disk_bytes, BYTES);
    ck_assert_uint_eq(rig.disk.taken, ways[_i].room ? 2 : 0);
    rig_close();
}
END_TEST

START_TEST(nothing_at_all)
{
    struct shale_bdev *dev = open_way(_i);

    shale_flight_begin(&rig.flight, dev);
    shale_flight_go(&rig.flight);
    ck_assert_int_eq(shale_flight_finish(&rig.flight), 0);
    ck_assert_uint_eq(rig.disk.taken, 0);
    rig_close();
}
END_TEST

/* Each request in turn fails: that is the answer, and all have come back. */
START_TEST(any_fails)
{
    enum { COUNT = 40 };
    bool failed = true;

    for (unsigned n = 0; failed; n++) {
        unsigned under_way;

        rig_open(4, (unsigned)_i);
        shale_fault_at(&rig.fault, n, 1, SHALE_ENXIO);
        shale_flight_begin(&rig.flight, &rig.disk.base);
        for (size_t i = 0; i < COUNT; i++)
            shale_flight_read(&rig.flight, i * EACH, place(i * EACH), EACH);
        failed = shale_flight_finish(&rig.flight) == SHALE_ENXIO;
        ck_assert(failed == (n < COUNT));
        ck_assert(failed == shale_fault_failed(&rig.fault));
        under_way = rig.disk.waiting_count + rig.disk.working;
        ck_assert_uint_eq(under_way, 0);
        ck_assert_uint_eq(rig.flight.free_count, 4);

        /* It can be used anew. */
        shale_fault_at(&rig.fault, 0, 0, 0);
        shale_flight_begin(&rig.flight, &rig.disk.base);
        ck_assert_int_eq(shale_flight_read(&rig.flight, 0, image, EACH), 0);
        ck_assert_int_eq(shale_flight_finish(&rig.flight), 0);
        rig_close();
    }
}
END_TEST

/* Ranges are checked, through a slice too, and what is good is done. */
START_TEST(bad_ranges)
{
    static const struct {
        const char *what;
        uint64_t offset;
        size_t len;
        bool write;
        int err;
    } cases[] = {
        { "not aligned", 100, SECTOR, false, SHALE_EINVAL },
        { "length not aligned", 0, 100, false, SHALE_EINVAL },
        { "past the slice", 64 * EACH, SECTOR, false, SHALE_EIO },
        { "past the disk", 48 * EACH, SECTOR, false, SHALE_EIO },
        { "a write past it", 48 * EACH, SECTOR, true, SHALE_EIO },
    };

    rig_open(8, 0);
    rig.memory.base.size = 64 * EACH;   /* it has become shorter */
    rig.fault.base.size = 64 * EACH;
    rig.disk.base.size = 64 * EACH;
    ck_assert_int_eq(shale_slice_bdev_init(&rig.slice, &rig.disk.base,
                                           16 * EACH, 64 * EACH), 0);
    ck_assert_uint_eq(rig.slice.base.at_once, 8);

    shale_flight_begin(&rig.flight, &rig.slice.base);
    shale_flight_read(&rig.flight, 0, image, EACH);
    if (cases[_i].write)
        shale_flight_write(&rig.flight, cases[_i].offset, image + BYTES / 2,
                           cases[_i].len);
    else
        shale_flight_read(&rig.flight, cases[_i].offset, image + BYTES / 2,
                          cases[_i].len);
    shale_flight_read(&rig.flight, EACH, image + EACH, EACH);
    ck_assert_msg(shale_flight_finish(&rig.flight) == cases[_i].err, "%s",
                  cases[_i].what);
    ck_assert_mem_eq(image, disk_bytes + 16 * EACH, EACH);
    rig_close();
}
END_TEST

START_TEST(through_a_slice)
{
    rig_open(5, (unsigned)_i);
    ck_assert_int_eq(shale_slice_bdev_init(&rig.slice, &rig.disk.base,
                                           16 * EACH, UINT64_MAX), 0);
    shale_flight_begin(&rig.flight, &rig.slice.base);
    for (size_t at = 0; at < BYTES / 2; at += EACH)
        shale_flight_read(&rig.flight, at, place(at), EACH);
    ck_assert_int_eq(shale_flight_finish(&rig.flight), 0);
    image_is(16 * EACH, BYTES / 2);
    rig_close();
}
END_TEST

START_TEST(no_writing)
{
    rig_open(4, 0);
    rig.fault.base.ops = &(const struct shale_bdev_ops){
        .read = rig.memory.base.ops->read,
    };
    async_disk_fini(&rig.disk);
    async_disk_init(&rig.disk, &rig.fault.base, 4, 0, 1);
    shale_flight_begin(&rig.flight, &rig.disk.base);
    shale_flight_write(&rig.flight, 0, image, EACH);
    ck_assert_int_eq(shale_flight_finish(&rig.flight), SHALE_EROFS);
    rig_close();
}
END_TEST

/* A device whose room others have taken does one at once, and nobody waits. */
static size_t no_room(struct shale_bdev *dev,
                      struct shale_bdev_request *const *requests, size_t count)
{
    (void)dev;
    (void)requests;
    (void)count;
    return 0;
}

static void never_wait(struct shale_bdev *dev, const struct shale_queue *done)
{
    (void)dev;
    (void)done;
    ck_abort_msg("waited for nothing");
}

START_TEST(room_taken_by_others)
{
    struct shale_bdev_ops ops;

    rig_open(4, 0);
    ops = *rig.disk.base.ops;
    ops.submit = no_room;
    ops.wait = never_wait;
    rig.disk.base.ops = &ops;
    shale_flight_begin(&rig.flight, &rig.disk.base);
    for (size_t at = 0; at < 64 * EACH; at += EACH)
        ck_assert_int_eq(shale_flight_read(&rig.flight, at, place(at), EACH),
                         0);
    ck_assert_int_eq(shale_flight_finish(&rig.flight), 0);
    image_is(0, 64 * EACH);

    shale_fault_at(&rig.fault, 3, 1, SHALE_EIO);
    shale_flight_begin(&rig.flight, &rig.disk.base);
    for (size_t at = 0; at < 64 * EACH; at += EACH)
        shale_flight_read(&rig.flight, at, place(at), EACH);
    ck_assert_int_eq(shale_flight_finish(&rig.flight), SHALE_EIO);
    ck_assert_uint_eq(shale_fault_requests(&rig.fault), 4);
    rig_close();
}
END_TEST

/* A fault device on one that works on several: counted as they are asked. */
START_TEST(through_a_fault_device)
{
    enum { COUNT = 30, WRITES = 10 };
    struct shale_mem *mem = shale_host_mem_create(0);
    struct shale_fault_bdev over;
    bool failed = true;

    for (unsigned n = 0; failed; n++) {
        const struct shale_fault_record *record;
        unsigned written = 0;
        int err;

        rig_open(4, 0);
        ck_assert_int_eq(shale_fault_bdev_init(&over, &rig.disk.base, mem,
                                               NULL), 0);
        ck_assert_uint_eq(over.base.at_once, 4);
        shale_fault_at(&over, n, 1, SHALE_EIO);
        memset(image, 0x55, WRITES * EACH);
        shale_flight_begin(&rig.flight, &over.base);
        for (size_t i = 0; i < COUNT; i++) {
            uint8_t *at = place(i * EACH);

            if (i < WRITES)
                shale_flight_write(&rig.flight, i * EACH, at, EACH);
            else
                shale_flight_read(&rig.flight, i * EACH, at, EACH);
        }
        err = shale_flight_finish(&rig.flight);
        failed = n < COUNT;
        ck_assert_int_eq(err, failed ? SHALE_EIO : 0);
        ck_assert(shale_fault_failed(&over) == failed);
        for (record = over.records; record; record = record->next, written++)
            ck_assert_mem_eq(disk_bytes + record->offset, record->bytes,
                             record->len);
        if (n >= WRITES) {
            ck_assert_uint_eq(written, WRITES);
            ck_assert_uint_gt(rig.disk.taken, 0);
        }
        if (!failed)
            image_is(0, COUNT * EACH);
        shale_fault_bdev_fini(&over);
        rig_close();
    }
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("block/flight");
    TCase *tc = tcase_create("flight");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, reads_all, 0, WAYS);
    tcase_add_loop_test(tc, writes_all, 0, WAYS);
    tcase_add_loop_test(tc, one_long_read, 0, WAYS);
    tcase_add_loop_test(tc, neighbours, 0, WAYS);
    tcase_add_loop_test(tc, nothing_at_all, 0, WAYS);
    tcase_add_test(tc, any_fails);
    tcase_add_loop_test(tc, bad_ranges, 0, 5);
    tcase_add_loop_test(tc, through_a_slice, 0, 3);
    tcase_add_test(tc, through_a_fault_device);
    tcase_add_test(tc, no_writing);
    tcase_add_test(tc, room_taken_by_others);
    suite_add_tcase(s, tc);
    return s;
}
