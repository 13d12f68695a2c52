/* test_host_file.c - image files, their locks, and what is no image file */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shale/err.h"
#include "shale/host.h"
#include "suite.h"

#define SIZE 10000              /* a multiple of nothing */

static char folder[] = "/tmp/shale-test-XXXXXX";
static char path[64];
static struct shale_file_bdev *file;
static struct shale_bdev *dev;

/* Byte number AT of the file. */
static uint8_t content(size_t at)
{
    return (uint8_t)(at * 7 + at / 256);
}

static void setup(void)
{
    uint8_t bytes[SIZE];
    FILE *to;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/image", folder);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = content(i);
    to = fopen(path, "wb");
    ck_assert_ptr_nonnull(to);
    ck_assert_uint_eq(fwrite(bytes, 1, SIZE, to), SIZE);
    ck_assert_int_eq(fclose(to), 0);
}

static void teardown(void)
{
    shale_file_bdev_close(file);
    file = NULL;
    unlink(path);
    rmdir(folder);
    strcpy(folder, "/tmp/shale-test-XXXXXX");
}

static void open_image(unsigned flags)
{
    ck_assert_int_eq(shale_file_bdev_open(path, flags, &file), 0);
    dev = shale_file_bdev(file);
}

START_TEST(reads_any_range)
{
    static const size_t ranges[][2] = {
        { 0, 1 }, { 0, SIZE }, { 511, 514 }, { SIZE - 1, 1 }, { SIZE, 0 },
    };
    uint8_t buf[SIZE];

    open_image(0);
    ck_assert_uint_eq(dev->size, SIZE);
    ck_assert_uint_eq(dev->block_size, 1);
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        ck_assert_int_eq(shale_bdev_read(dev, ranges[i][0], buf, ranges[i][1]),
                         0);
        for (size_t j = 0; j < ranges[i][1]; j++)
            ck_assert_uint_eq(buf[j], content(ranges[i][0] + j));
    }
    ck_assert_int_eq(shale_bdev_read(dev, SIZE, buf, 1), SHALE_EIO);
    ck_assert_int_eq(shale_bdev_read(dev, SIZE - 1, buf, 2), SHALE_EIO);
}
END_TEST

/* A hint changes nothing, wherever it points. */
START_TEST(may_be_told_what_comes)
{
    uint8_t bytes[100];

    open_image(0);
    shale_bdev_soon(dev, 0, SIZE);
    shale_bdev_soon(dev, 5000, UINT64_MAX);
    shale_bdev_soon(dev, UINT64_MAX, UINT64_MAX);
    shale_bdev_soon(dev, SIZE, 1);
    ck_assert_int_eq(shale_bdev_read(dev, 5000, bytes, sizeof bytes), 0);
    for (size_t i = 0; i < sizeof bytes; i++)
        ck_assert_uint_eq(bytes[i], content(5000 + i));
}
END_TEST

START_TEST(exposes_its_descriptor)
{
    uint8_t byte;

    open_image(0);
    ck_assert_int_eq(pread(dev->fd, &byte, 1, 5000 + (off_t)dev->fd_offset),
                     1);
    ck_assert_uint_eq(byte, content(5000));
    ck_assert_int_ne(fcntl(dev->fd, F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_ge(dev->fd, 3);
}
END_TEST

START_TEST(a_file_cut_short_is_an_io_error)
{
    uint8_t buf[SIZE];

    open_image(0);
    ck_assert_int_eq(truncate(path, 6000), 0);
    ck_assert_int_eq(shale_bdev_read(dev, 5999, buf, 1), 0);
    ck_assert_int_eq(shale_bdev_read(dev, 5999, buf, 2), SHALE_EIO);
    ck_assert_int_eq(shale_bdev_read(dev, 6000, buf, 1), SHALE_EIO);
    ck_assert_int_eq(shale_bdev_read(dev, 0, buf, SIZE), SHALE_EIO);
}
END_TEST

START_TEST(a_read_only_file_is_not_written)
{
    open_image(0);
    ck_assert_int_eq(shale_bdev_write(dev, 0, "x", 1), SHALE_EROFS);
    ck_assert_int_eq(fcntl(dev->fd, F_GETFL) & O_ACCMODE, O_RDONLY);
}
END_TEST

START_TEST(writes)
{
    uint8_t buf[3];

    open_image(SHALE_FILE_WRITE);
    ck_assert_int_eq(shale_bdev_write(dev, SIZE - 2, "ab", 2), 0);
    ck_assert_int_eq(shale_bdev_flush(dev), 0);
    ck_assert_int_eq(shale_bdev_read(dev, SIZE - 3, buf, 3), 0);
    ck_assert_uint_eq(buf[0], content(SIZE - 3));
    ck_assert_mem_eq(buf + 1, "ab", 2);
    ck_assert_int_eq(shale_bdev_write(dev, SIZE - 1, "ab", 2), SHALE_EIO);
}
END_TEST

/* A lock held by another open file, then ours; 0 is shared, 1 exclusive. */
static const struct {
    const char *name;
    int theirs;
    unsigned flags;
    int result;
} locks[] = {
    { "two read",              LOCK_SH, 0, 0 },
    { "we write, one reads",   LOCK_SH, SHALE_FILE_WRITE, SHALE_EAGAIN },
    { "we read, one writes",   LOCK_EX, 0, SHALE_EAGAIN },
    { "two write",             LOCK_EX, SHALE_FILE_WRITE, SHALE_EAGAIN },
    { "we do not lock",        LOCK_EX, SHALE_FILE_NOLOCK, 0 },
    { "we write unlocked",     LOCK_EX, SHALE_FILE_WRITE | SHALE_FILE_NOLOCK,
      0 },
};

/* Where the host's filesystem has holes; elsewhere the caller is told. */
START_TEST(zeroes)
{
    uint8_t bytes[SIZE];
    int r;

    open_image(SHALE_FILE_WRITE);
    r = shale_bdev_zero(dev, 4097, 5000);
    ck_assert_int_eq(shale_bdev_read(dev, 0, bytes, SIZE), 0);
    if (r == SHALE_ENOTSUP)
        memset(bytes + 4097, 0, 5000);
    else
        ck_assert_int_eq(r, 0);
    for (size_t i = 0; i < SIZE; i++)
        ck_assert_uint_eq(bytes[i], i < 4097 || i >= 9097 ? content(i) : 0);
    /* A hole stays one, and the file as long as it was. */
    ck_assert_int_eq(shale_bdev_zero(dev, 4100, 10), r);
    ck_assert_uint_eq(dev->size, SIZE);
    ck_assert_int_eq(shale_bdev_zero(dev, SIZE - 10, 10), r);
    shale_file_bdev_close(file);
    open_image(0);
    ck_assert_uint_eq(dev->size, SIZE);
    ck_assert_int_eq(shale_bdev_zero(dev, 0, 1), SHALE_EROFS);
}
END_TEST

START_TEST(two_writers_never_meet)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int err;

    ck_assert_int_eq(flock(fd, locks[_i].theirs), 0);
    err = shale_file_bdev_open(path, locks[_i].flags, &file);
    ck_assert_msg(err == locks[_i].result, "%s: %d", locks[_i].name, err);
    close(fd);

    /* Once they are gone it always works, and closing ends our own lock. */
    for (int i = 0; i < 2; i++) {
        shale_file_bdev_close(file);
        file = NULL;
        open_image(SHALE_FILE_WRITE);
    }
}
END_TEST

START_TEST(follows_names_of_descriptors)
{
    static const char *const formats[] = { "/proc/self/fd/%d", "/dev/fd/%d" };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char name[64];
    uint8_t byte;

    snprintf(name, sizeof name, formats[_i], fd);
    unlink(path);               /* the name is gone, the file is not */
    ck_assert_int_eq(shale_file_bdev_open(name, 0, &file), 0);
    close(fd);
    ck_assert_int_eq(shale_bdev_read(shale_file_bdev(file), 1, &byte, 1), 0);
    ck_assert_uint_eq(byte, content(1));
}
END_TEST

/* A program without rights to the file reads through what it was handed. */
START_TEST(a_descriptor_is_enough_to_read)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char name[64];

    if (geteuid() != 0)
        return;                 /* root alone can become somebody else */
    chmod(path, 0600);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ck_assert_int_eq(seteuid(65534), 0);
    ck_assert_int_eq(shale_file_bdev_open(path, 0, &file), SHALE_EACCES);
    ck_assert_int_eq(shale_file_bdev_open(name, SHALE_FILE_WRITE, &file),
                     SHALE_EACCES);
    ck_assert_int_eq(shale_file_bdev_open(name, 0, &file), 0);
    ck_assert_int_ne(shale_file_bdev(file)->fd, fd);
    ck_assert_int_eq(seteuid(0), 0);
    close(fd);
}
END_TEST

START_TEST(refuses_what_holds_no_bytes)
{
    char fifo[80];

    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    ck_assert_int_eq(shale_file_bdev_open(fifo, 0, &file), SHALE_EINVAL);
    unlink(fifo);
    ck_assert_int_eq(shale_file_bdev_open("/dev/null", 0, &file),
                     SHALE_EINVAL);
    ck_assert_int_eq(shale_file_bdev_open(folder, 0, &file), SHALE_EISDIR);
    ck_assert_int_eq(shale_file_bdev_open("/proc/self/fd/999", 0, &file),
                     SHALE_ENOENT);
    ck_assert_int_eq(shale_file_bdev_open("", 0, &file), SHALE_ENOENT);
    ck_assert_ptr_null(file);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("host/file");
    TCase *tc = tcase_create("file");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, reads_any_range);
    tcase_add_test(tc, may_be_told_what_comes);
    tcase_add_test(tc, exposes_its_descriptor);
    tcase_add_test(tc, a_file_cut_short_is_an_io_error);
    tcase_add_test(tc, a_read_only_file_is_not_written);
    tcase_add_test(tc, writes);
    tcase_add_test(tc, zeroes);
    tcase_add_loop_test(tc, two_writers_never_meet, 0,
                        sizeof locks / sizeof locks[0]);
    tcase_add_loop_test(tc, follows_names_of_descriptors, 0, 2);
    tcase_add_test(tc, a_descriptor_is_enough_to_read);
    tcase_add_test(tc, refuses_what_holds_no_bytes);
    suite_add_tcase(s, tc);
    return s;
}
