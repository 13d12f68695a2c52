/*
 * test_host_holes.c - where a sparse image has data, and that no more is read
 */
#include "test_check_rig.h"

#include <fcntl.h>
#include <unistd.h>

enum { HOLES_SIZE = 16 << 20, DATA_AT = 5 << 20, DATA_LEN = 200000 };

static char path[32];
static uint64_t data_start, data_end;

/* A file that is a mark, a hole, data, and a hole. False: not on this disk. */
static bool sparse_file(void)
{
    static uint8_t data[DATA_LEN];
    bool sparse;
    int fd;

    strcpy(path, "/tmp/shale-check-read-XXXXXX");
    fd = mkstemp(path);
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

Suite *suite(void)
{
    Suite *s = suite_create("host/holes");
    TCase *tc = tcase_create("holes");

    tcase_add_test(tc, holes_are_not_read);
    tcase_add_test(tc, slices_have_holes_too);
    suite_add_tcase(s, tc);
    return s;
}
