/* test_block_bdev.c - checked calls, memory devices, slices */
#include <string.h>

#include "shale/bdev.h"
#include "shale/err.h"
#include "shale/fault.h"
#include "shale/host.h"
#include "suite.h"

enum { SIZE = 64 << 10 };

static uint8_t bytes[SIZE], copy[SIZE + 1];
static struct shale_mem *mem;

static void setup(void)
{
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    memset(copy, 0xee, sizeof copy);
    mem = shale_host_mem_create(0);
}

static void teardown(void)
{
    ck_assert_ptr_null(shale_mem_check(mem));
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}

static const struct {
    const char *what;
    uint32_t block_size;
    uint64_t offset;
    size_t len;
    int read, write;            /* to a device that is writable */
} ranges[] = {
    { "first block",       512, 0, 512, 0, 0 },
    { "last block",        512, SIZE - 512, 512, 0, 0 },
    { "all of it",         512, 0, SIZE, 0, 0 },
    { "nothing",           512, 0, 0, 0, 0 },
    { "nothing, ragged",   512, 7, 0, 0, 0 },
    { "nothing, far away", 512, UINT64_MAX, 0, 0, 0 },
    { "one past the end",  512, SIZE, 512, SHALE_EIO, SHALE_EIO },
    { "across the end",    512, SIZE - 512, 1024, SHALE_EIO, SHALE_EIO },
    { "sum wraps",         512, UINT64_MAX - 511, 1024, SHALE_EIO, SHALE_EIO },
    { "offset ragged",     512, 1, 512, SHALE_EINVAL, SHALE_EINVAL },
    { "length ragged",     512, 0, 511, SHALE_EINVAL, SHALE_EINVAL },
    { "of a small block",  4096, 512, 4096, SHALE_EINVAL, SHALE_EINVAL },
    { "any byte",          1, 1, 1, 0, 0 },
    { "any last byte",     1, SIZE - 1, 1, 0, 0 },
    { "any byte past",     1, SIZE, 1, SHALE_EIO, SHALE_EIO },
};

START_TEST(checks_ranges)
{
    struct shale_memory_bdev memory;
    struct shale_bdev *dev = &memory.base;
    uint64_t offset = ranges[_i].offset;
    size_t len = ranges[_i].len;
    const char *what = ranges[_i].what;
    int r;

    shale_memory_bdev_init(&memory, bytes, SIZE, ranges[_i].block_size, false);
    r = shale_bdev_read(dev, offset, copy, len);
    ck_assert_msg(r == ranges[_i].read, "%s: read %d", what, r);
    if (!r && len > 0)
        ck_assert_mem_eq(copy, bytes + offset, len);
    r = shale_bdev_write(dev, offset, copy, len);
    ck_assert_msg(r == ranges[_i].write, "%s: write %d", what, r);
    r = shale_bdev_discard(dev, offset, len);
    ck_assert_msg(r == ranges[_i].write, "%s: discard %d", what, r);
    r = shale_bdev_zero(dev, offset, len);
    ck_assert_msg(r == (ranges[_i].write || len == 0 ? ranges[_i].write
                                                     : SHALE_ENOTSUP),
                  "%s: zero %d", what, r);
    if (len > 0 && !ranges[_i].read)
        ck_assert_ptr_eq(shale_bdev_direct(dev, offset, len), bytes + offset);
    else
        ck_assert_ptr_null(shale_bdev_direct(dev, offset, len));
    ck_assert_int_eq(shale_bdev_flush(dev), 0);
}
END_TEST

START_TEST(writes_what_it_is_given)
{
    struct shale_memory_bdev memory;

    shale_memory_bdev_init(&memory, bytes, SIZE, 512, false);
    ck_assert_int_eq(shale_bdev_write(&memory.base, 1024, copy, 512), 0);
    ck_assert_mem_eq(bytes + 1024, copy, 512);
    ck_assert_uint_ne(bytes[1023], 0xee);
    ck_assert_uint_ne(bytes[1536], 0xee);
}
END_TEST

START_TEST(read_only_is_erofs)
{
    struct shale_memory_bdev memory;
    struct shale_slice_bdev slice;

    shale_memory_bdev_init(&memory, bytes, SIZE, 512, true);
    ck_assert_int_eq(shale_slice_bdev_init(&slice, &memory.base, 512, 1024), 0);
    ck_assert_int_eq(shale_bdev_write(&memory.base, 0, copy, 512), SHALE_EROFS);
    ck_assert_int_eq(shale_bdev_discard(&memory.base, 0, 512), SHALE_EROFS);
    ck_assert_int_eq(shale_bdev_zero(&memory.base, 0, 512), SHALE_EROFS);
    ck_assert(!slice.base.ops->write);
    ck_assert_int_eq(shale_bdev_write(&slice.base, 0, copy, 512), SHALE_EROFS);
    ck_assert_int_eq(shale_bdev_flush(&slice.base), 0);
    ck_assert_uint_ne(bytes[512], 0xee);
}
END_TEST

START_TEST(size_is_whole_blocks)
{
    struct shale_memory_bdev memory;
    struct shale_slice_bdev slice;

    shale_memory_bdev_init(&memory, bytes, 5000, 4096, true);
    ck_assert_uint_eq(memory.base.size, 4096);
    ck_assert_int_eq(memory.base.fd, -1);
    shale_memory_bdev_init(&memory, bytes, SIZE, 512, true);
    ck_assert_int_eq(shale_slice_bdev_init(&slice, &memory.base, 512, 1500), 0);
    ck_assert_uint_eq(slice.base.size, 1024);
}
END_TEST

/* ------------------------------------------------------------- slices */

static const struct {
    const char *what;
    uint64_t start, size;
    int result;
    uint64_t out_size;
} slices[] = {
    { "all",              0, SIZE, 0, SIZE },
    { "to the end",       1024, UINT64_MAX, 0, SIZE - 1024 },
    { "empty, at end",    SIZE, UINT64_MAX, 0, 0 },
    { "past a cut end",   SIZE - 512, 4096, 0, 4096 },
    { "start ragged",     100, 512, SHALE_EINVAL, 0 },
    { "start past end",   SIZE + 512, 512, SHALE_EINVAL, 0 },
    { "end wraps",        512, UINT64_MAX - 1, SHALE_EINVAL, 0 },
};

START_TEST(slices_within_reason)
{
    struct shale_memory_bdev memory;
    struct shale_slice_bdev slice;
    int r;

    shale_memory_bdev_init(&memory, bytes, SIZE, 512, false);
    r = shale_slice_bdev_init(&slice, &memory.base, slices[_i].start,
                              slices[_i].size);
    ck_assert_msg(r == slices[_i].result, "%s: got %d", slices[_i].what, r);
    if (!r)
        ck_assert_uint_eq(slice.base.size, slices[_i].out_size);
}
END_TEST

static int memory_zero(struct shale_bdev *dev, uint64_t offset, uint64_t len)
{
    memset(((struct shale_memory_bdev *)dev)->bytes + offset, 0, (size_t)len);
    return 0;
}

START_TEST(slices_stack)
{
    struct shale_memory_bdev memory;
    struct shale_slice_bdev outer, inner;
    struct shale_bdev_ops ops;

    shale_memory_bdev_init(&memory, bytes, SIZE, 512, false);
    ops = *memory.base.ops;
    ops.zero = memory_zero;
    memory.base.ops = &ops;
    memory.base.fd = 9;
    memory.base.fd_offset = 100;
    ck_assert_int_eq(
        shale_slice_bdev_init(&outer, &memory.base, 1024, 8192), 0);
    ck_assert_int_eq(shale_slice_bdev_init(&inner, &outer.base, 512, 2048), 0);

    ck_assert_int_eq(inner.base.fd, 9);
    ck_assert_uint_eq(inner.base.fd_offset, 100 + 1024 + 512);
    ck_assert_int_eq(shale_bdev_read(&inner.base, 512, copy, 1024), 0);
    ck_assert_mem_eq(copy, bytes + 2048, 1024);
    ck_assert_ptr_eq(shale_bdev_direct(&inner.base, 512, 512), bytes + 2048);
    memset(copy, 0xdd, 512);
    ck_assert_int_eq(shale_bdev_write(&inner.base, 0, copy, 512), 0);
    ck_assert_mem_eq(bytes + 1536, copy, 512);
    ck_assert_int_eq(shale_bdev_discard(&inner.base, 0, 512), 0);
    memset(bytes + 2047, 0xcc, 514);
    ck_assert_int_eq(shale_bdev_zero(&inner.base, 512, 512), 0);
    ck_assert_uint_eq(bytes[2047], 0xcc);
    ck_assert_uint_eq(bytes[2048] | bytes[2559], 0);
    ck_assert_uint_eq(bytes[2560], 0xcc);
    ck_assert_int_eq(shale_bdev_zero(&inner.base, 2048, 512), SHALE_EIO);
    ck_assert_int_eq(shale_bdev_read(&inner.base, 2048, copy, 512), SHALE_EIO);
}
END_TEST

START_TEST(slice_of_a_cut_image)
{
    struct shale_memory_bdev memory;
    struct shale_slice_bdev slice;

    shale_memory_bdev_init(&memory, bytes, SIZE, 512, false);
    ck_assert_int_eq(
        shale_slice_bdev_init(&slice, &memory.base, SIZE - 1024, 8192), 0);
    ck_assert_int_eq(shale_bdev_read(&slice.base, 512, copy, 512), 0);
    ck_assert_int_eq(shale_bdev_read(&slice.base, 512, copy, 1024), SHALE_EIO);
    ck_assert_int_eq(shale_bdev_write(&slice.base, 1024, copy, 512), SHALE_EIO);
    ck_assert_ptr_null(shale_bdev_direct(&slice.base, 1024, 512));
}
END_TEST

/* ---------------------------------------------------------- read_bytes */

static const struct {
    const char *what;
    uint32_t block_size;
    uint64_t offset;
    size_t len;
    unsigned requests;
    int result;
} reads[] = {
    { "aligned",             512, 512, 1024, 1, 0 },
    { "head only",           512, 100, 50, 1, 0 },
    { "head to its edge",    512, 100, 412, 1, 0 },
    { "tail only",           512, 512, 13, 1, 0 },
    { "head and tail",       512, 511, 2, 2, 0 },
    { "head and middle",     512, 100, 412 + 512, 2, 0 },
    { "middle and tail",     512, 0, 513, 2, 0 },
    { "all three",           512, 511, 1 + 1024 + 1, 3, 0 },
    { "1 KiB of 4 KiB",      4096, 1024, 1024, 1, 0 },
    { "1 KiB at the end",    4096, SIZE - 1024, 1024, 1, 0 },
    { "all of 4 KiB blocks", 4096, 0, SIZE, 1, 0 },
    { "the last byte",       4096, SIZE - 1, 1, 1, 0 },
    { "byte device",         1, 12345, 6789, 1, 0 },
    { "nothing",             512, 77, 0, 0, 0 },
    { "nothing, far away",   512, SIZE + 77, 0, 0, 0 },
    { "one byte past",       512, SIZE - 1, 2, 0, SHALE_EIO },
    { "past the end",        512, SIZE, 1, 0, SHALE_EIO },
    { "sum wraps",           512, UINT64_MAX - 1, 4, 0, SHALE_EIO },
};

START_TEST(reads_any_bytes)
{
    struct shale_memory_bdev memory;
    struct shale_fault_bdev fault;
    uint64_t offset = reads[_i].offset;
    size_t len = reads[_i].len;
    int r;

    shale_memory_bdev_init(&memory, bytes, SIZE, reads[_i].block_size, false);
    ck_assert_int_eq(
        shale_fault_bdev_init(&fault, &memory.base, NULL, NULL), 0);
    r = shale_bdev_read_bytes(&fault.base, mem, offset, copy, len);
    ck_assert_msg(r == reads[_i].result, "%s: got %d", reads[_i].what, r);
    ck_assert_msg(shale_fault_requests(&fault) == reads[_i].requests,
                  "%s: %u requests", reads[_i].what,
                  (unsigned)shale_fault_requests(&fault));
    if (!r && len > 0)
        ck_assert_mem_eq(copy, bytes + offset, len);
    ck_assert_uint_eq(copy[r ? 0 : len], 0xee);     /* and not one more */
    shale_fault_bdev_fini(&fault);
}
END_TEST

START_TEST(read_bytes_fails_cleanly)
{
    struct shale_memory_bdev memory;
    struct shale_fault_bdev fault;

    shale_memory_bdev_init(&memory, bytes, SIZE, 512, false);
    ck_assert_int_eq(
        shale_fault_bdev_init(&fault, &memory.base, NULL, NULL), 0);
    for (unsigned n = 0; n < 3; n++) {
        shale_fault_at(&fault, n, 1, SHALE_EIO);
        ck_assert_int_eq(
            shale_bdev_read_bytes(&fault.base, mem, 511, copy, 1026),
            SHALE_EIO);
        ck_assert_uint_eq(shale_fault_requests(&fault), n + 1);
    }
    shale_fault_at(&fault, 0, 0, 0);
    shale_mem_fail_at(mem, 0);
    ck_assert_int_eq(shale_bdev_read_bytes(&fault.base, mem, 511, copy, 1026),
                     SHALE_ENOMEM);
    ck_assert_uint_eq(shale_fault_requests(&fault), 0);
    shale_mem_fail_at(mem, 0);      /* aligned ranges need none */
    ck_assert_int_eq(shale_bdev_read_bytes(&fault.base, mem, 512, copy, 1024),
                     0);
    ck_assert(!shale_mem_failed(mem));
    shale_fault_bdev_fini(&fault);
}
END_TEST

/* --------------------------------------------------------- write_bytes */

/* The same ranges; a block at a ragged end is read as well. */
START_TEST(writes_any_bytes)
{
    struct shale_memory_bdev memory;
    struct shale_fault_bdev fault;
    uint64_t offset = reads[_i].offset;
    size_t len = reads[_i].len, block = reads[_i].block_size;
    bool head = offset % block > 0;
    bool tail = (offset + len) % block > 0 &&
                (!head || offset / block != (offset + len) / block);
    unsigned requests = reads[_i].requests;
    static uint8_t before[SIZE], text[SIZE];
    int r;

    if (len > 0 && requests > 0)
        requests += head + tail;
    memcpy(before, bytes, SIZE);
    memset(text, 0x77, sizeof text);
    shale_memory_bdev_init(&memory, bytes, SIZE, reads[_i].block_size, false);
    ck_assert_int_eq(
        shale_fault_bdev_init(&fault, &memory.base, NULL, NULL), 0);
    r = shale_bdev_write_bytes(&fault.base, mem, offset, text, len);
    ck_assert_msg(r == reads[_i].result, "%s: got %d", reads[_i].what, r);
    ck_assert_msg(shale_fault_requests(&fault) == requests, "%s: %u requests",
                  reads[_i].what, (unsigned)shale_fault_requests(&fault));
    for (uint64_t i = 0; i < SIZE; i++)
        ck_assert_uint_eq(bytes[i], !r && i >= offset && i - offset < len
                                        ? 0x77 : before[i]);
    memcpy(bytes, before, SIZE);
    shale_fault_bdev_fini(&fault);
}
END_TEST

START_TEST(write_bytes_fails_cleanly)
{
    struct shale_memory_bdev memory;
    struct shale_fault_bdev fault;

    shale_memory_bdev_init(&memory, bytes, SIZE, 512, false);
    ck_assert_int_eq(
        shale_fault_bdev_init(&fault, &memory.base, NULL, NULL), 0);
    for (unsigned n = 0; n < 5; n++) {
        shale_fault_at(&fault, n, 1, SHALE_EIO);
        ck_assert_int_eq(
            shale_bdev_write_bytes(&fault.base, mem, 511, copy, 1026),
            SHALE_EIO);
        ck_assert_uint_eq(shale_fault_requests(&fault), n + 1);
    }
    shale_fault_at(&fault, 0, 0, 0);
    shale_mem_fail_at(mem, 0);
    ck_assert_int_eq(shale_bdev_write_bytes(&fault.base, mem, 511, copy, 1026),
                     SHALE_ENOMEM);
    ck_assert_uint_eq(shale_fault_requests(&fault), 0);
    shale_fault_bdev_fini(&fault);
    shale_memory_bdev_init(&memory, bytes, SIZE, 512, true);
    ck_assert_int_eq(shale_bdev_write_bytes(&memory.base, mem, 511, copy, 2),
                     SHALE_EROFS);
    ck_assert_int_eq(shale_bdev_write_bytes(&memory.base, mem, 512, copy, 512),
                     SHALE_EROFS);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

Suite *suite(void)
{
    Suite *s = suite_create("block/bdev");
    TCase *tc = tcase_create("devices");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, checks_ranges, 0, COUNT(ranges));
    tcase_add_test(tc, writes_what_it_is_given);
    tcase_add_test(tc, read_only_is_erofs);
    tcase_add_test(tc, size_is_whole_blocks);
    tcase_add_loop_test(tc, slices_within_reason, 0, COUNT(slices));
    tcase_add_test(tc, slices_stack);
    tcase_add_test(tc, slice_of_a_cut_image);
    tcase_add_loop_test(tc, reads_any_bytes, 0, COUNT(reads));
    tcase_add_test(tc, read_bytes_fails_cleanly);
    tcase_add_loop_test(tc, writes_any_bytes, 0, COUNT(reads));
    tcase_add_test(tc, write_bytes_fails_cleanly);
    suite_add_tcase(s, tc);
    return s;
}
