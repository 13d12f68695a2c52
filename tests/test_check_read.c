/*
 * test_check_read.c - reading, what is told if it fails, and holes
 */
#include "test_check_rig.h"

#include <fcntl.h>
#include <unistd.h>

/* ------------------------------------------------------------------ errors */

static uint8_t buf[64 << 10];
static bool good;

static int run_read(struct check *check)
{
    uint8_t byte;

    ck_assert_int_eq(check_read(check, 1, buf, 1023), 0);
    ck_assert_int_eq(memcmp(buf, rig.bytes + 1, 1023), 0);
    ck_assert_int_eq(check_read(check, RIG_SIZE, &byte, 0), 0);
    ck_assert_int_eq(check_read(check, RIG_SIZE, &byte, 1), SHALE_EIO);
    ck_assert_int_eq(check_read(check, RIG_SIZE - 1, buf, 2), SHALE_EIO);
    ck_assert_int_eq(check_read(check, UINT64_MAX, buf, 2), SHALE_EIO);
    ck_assert_uint_eq(check_data_from(check, 77), 77);
    return 0;
}

START_TEST(any_range_of_the_device)
{
    rig_open(1);
    for (unsigned i = 1; i < RIG_SIZE; i++)
        rig.bytes[i] = (uint8_t)(i * 7 >> 3);
    ck_assert_int_eq(rig_check(run_read), 0);
    ck_assert_uint_ge(rig.result.bytes_read, 4096 + 1023);
    ck_assert_str_eq(rig.told, "");
    rig_close();
}
END_TEST

/* The first request is for the head; the next for the whole. */
static int run_get(struct check *check)
{
    memset(buf, 0xaa, sizeof buf);
    return check_get(check, 8192, buf, 20000, SHALE_OBJECT_GROUP, 4, &good);
}

START_TEST(an_unreadable_place_is_told)
{
    rig_open(1);
    memset(rig.bytes + 8192, 0x55, 20000);
    ck_assert_int_eq(rig_check(run_get), 0);
    ck_assert(good);
    ck_assert_uint_eq(buf[19999], 0x55);

    shale_fault_at(&rig.fault, 1, 1, SHALE_EIO);    /* it was a moment's */
    ck_assert_int_eq(rig_check(run_get), 0);
    ck_assert(good);
    ck_assert_str_eq(rig.told, "");

    shale_fault_at(&rig.fault, 1, 2, SHALE_EIO);
    ck_assert_int_eq(rig_check(run_get), 0);
    ck_assert(!good);
    ck_assert_uint_eq(buf[0], 0);
    ck_assert_uint_eq(buf[4095], 0);
    ck_assert_uint_eq(buf[4096], 0x55);
    ck_assert_str_eq(rig.told, "read.failed group 4 8192 - group 4 cannot be "
                     "read at byte 8192 of the volume\n");
    ck_assert_uint_eq(rig.result.findings[SHALE_CORRUPTION], 1);

    shale_fault_at(&rig.fault, 1, UINT64_MAX, -5);
    ck_assert_int_eq(rig_check(run_get), 0);
    ck_assert(!good);
    ck_assert_uint_eq(rig.result.findings[SHALE_CORRUPTION], 1);
    ck_assert(rig.result.complete);
    rig_close();
}
END_TEST

/* Not aligned to the device's blocks: a bounce buffer may fail. */
static int run_ragged(struct check *check)
{
    return check_get(check, 8191, buf, 20001, SHALE_OBJECT_GROUP, 4, &good);
}

START_TEST(every_allocation_fails_once)
{
    rig_open(1);
    rig_fail_allocations(run_ragged);
    rig_close();
}
END_TEST

START_TEST(zeros_are_seen)
{
    static uint8_t bytes[300];

    for (size_t len = 0; len < sizeof bytes; len++)
        for (size_t at = 0; at <= len; at++) {
            if (at < len)
                bytes[at] = 1;
            ck_assert_int_eq(check_is_zero(bytes, len), at == len);
            bytes[at] = 0;
        }
}
END_TEST

/* ------------------------------------------------------------------- holes */

enum { HOLES_SIZE = 16 << 20, DATA_AT = 5 << 20, DATA_LEN = 200000 };

static char path[] = "/tmp/shale-check-read-XXXXXX";
static uint64_t data_start, data_end;

/* A file that is a mark, a hole, data, and a hole. False: not on this disk. */
static bool sparse_file(void)
{
    static uint8_t data[DATA_LEN];
    int fd = mkstemp(path);
    bool sparse;

    memset(data, 0x77, sizeof data);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, HOLES_SIZE), 0);
    ck_assert_int_eq(pwrite(fd, "T", 1, 0), 1);
    ck_assert_int_eq(pwrite(fd, data, sizeof data, DATA_AT), sizeof data);
    ck_assert_int_eq(fsync(fd), 0);
    data_start = (uint64_t)lseek(fd, 1 << 20, SEEK_DATA);
    data_end = (uint64_t)lseek(fd, DATA_AT, SEEK_HOLE);
    sparse = data_start == DATA_AT && data_end < HOLES_SIZE;
    close(fd);
    return sparse;
}

static int run_holes(struct check *check)
{
    static uint8_t all[HOLES_SIZE];
    uint64_t before = check->result->bytes_read;

    memset(all, 0xcc, sizeof all);
    ck_assert_int_eq(check_read(check, 0, all, sizeof all), 0);
    ck_assert_uint_eq(all[0], 'T');
    ck_assert(check_is_zero(all + 1, DATA_AT - 1));
    for (unsigned i = 0; i < DATA_LEN; i++)
        ck_assert_uint_eq(all[DATA_AT + i], 0x77);
    ck_assert(check_is_zero(all + DATA_AT + DATA_LEN,
                            HOLES_SIZE - DATA_AT - DATA_LEN));
    ck_assert_uint_le(check->result->bytes_read - before, 2 << 20);

    ck_assert_uint_eq(check_data_from(check, 1 << 20), DATA_AT);
    ck_assert_uint_eq(check_data_from(check, DATA_AT + 7), DATA_AT + 7);
    ck_assert_uint_eq(check_data_from(check, data_end), HOLES_SIZE);
    ck_assert_uint_eq(check_data_from(check, HOLES_SIZE), HOLES_SIZE);
    return 0;
}

START_TEST(holes_are_not_read)
{
    struct shale_file_bdev *file;

    rig_open(1);
    if (sparse_file()) {
        ck_assert_int_eq(shale_file_bdev_open(path, 0, &file), 0);
        rig.config.dev = shale_file_bdev(file);
        ck_assert_int_eq(rig_check(run_holes), 0);
        shale_file_bdev_close(file);
    }
    unlink(path);
    rig_close();
}
END_TEST

/* A slice has the same holes elsewhere; past a truncated image are none. */
START_TEST(slices_have_holes_too)
{
    struct shale_slice_bdev slice;
    struct shale_file_bdev *file;
    struct shale_bdev *dev;

    if (sparse_file()) {
        ck_assert_int_eq(shale_file_bdev_open(path, 0, &file), 0);
        dev = shale_file_bdev(file);
        shale_slice_bdev_init(&slice, dev, 1 << 20, 8 << 20);
        dev = &slice.base;
        ck_assert_uint_eq(shale_bdev_data_from(dev, 5), DATA_AT - (1 << 20));
        ck_assert_uint_eq(shale_bdev_data_from(dev, data_end - (1 << 20)),
                          8 << 20);
        ck_assert_uint_eq(shale_bdev_data_from(dev, 9 << 20), 9 << 20);

        dev = shale_file_bdev(file);
        shale_slice_bdev_init(&slice, dev, 8 << 20, 20 << 20);
        dev = &slice.base;
        ck_assert_uint_eq(shale_bdev_data_from(dev, 0), 8 << 20);
        ck_assert_uint_eq(shale_bdev_data_from(dev, 8 << 20), 8 << 20);
        ck_assert_uint_eq(shale_bdev_data_from(dev, 12 << 20), 12 << 20);

        /* The file becomes shorter: there is no hole, there is nothing. */
        ck_assert_int_eq(truncate(path, DATA_AT), 0);
        dev = shale_file_bdev(file);
        ck_assert_uint_eq(shale_bdev_data_from(dev, 1 << 20), DATA_AT);
        ck_assert_uint_eq(shale_bdev_data_from(dev, DATA_AT), DATA_AT);
        ck_assert_uint_eq(shale_bdev_data_from(dev, 7 << 20), 7 << 20);
        shale_file_bdev_close(file);
    }
    unlink(path);
}
END_TEST

START_TEST(others_do_not_know)
{
    struct shale_slice_bdev slice;

    rig_open(1);
    ck_assert_uint_eq(shale_bdev_data_from(&rig.memory.base, 5), 5);
    shale_slice_bdev_init(&slice, &rig.memory.base, 512, UINT64_MAX);
    ck_assert_uint_eq(shale_bdev_data_from(&slice.base, 5), 5);
    ck_assert_uint_eq(shale_bdev_data_from(&slice.base, UINT64_MAX),
                      UINT64_MAX);
    rig_close();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("check/read");
    TCase *tc = tcase_create("read");

    tcase_add_test(tc, any_range_of_the_device);
    tcase_add_test(tc, an_unreadable_place_is_told);
    tcase_add_test(tc, every_allocation_fails_once);
    tcase_add_test(tc, zeros_are_seen);
    tcase_add_test(tc, holes_are_not_read);
    tcase_add_test(tc, slices_have_holes_too);
    tcase_add_test(tc, others_do_not_know);
    suite_add_tcase(s, tc);
    return s;
}
