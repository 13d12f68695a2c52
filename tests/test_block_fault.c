/* test_block_fault.c - the device that fails and remembers */
#include <stdio.h>
#include <string.h>

#include "shale/err.h"
#include "shale/fault.h"
#include "shale/host.h"
#include "suite.h"

enum { SIZE = 8192, OPS = 6 };

static uint8_t bytes[SIZE], block[512];
static struct shale_mem *mem;
static struct shale_memory_bdev memory;
static struct shale_fault_bdev fault;

static void setup(void)
{
    memset(bytes, 0, sizeof bytes);
    mem = shale_host_mem_create(0);
    shale_memory_bdev_init(&memory, bytes, SIZE, 512, false);
    ck_assert_int_eq(shale_fault_bdev_init(&fault, &memory.base, mem,
                                           &shale_host_locks), 0);
}

static void teardown(void)
{
    shale_fault_bdev_fini(&fault);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}

/* Request N of a fixed series: read, write 1, write 2, flush, write 3, flush */
static int request(unsigned n)
{
    memset(block, (int)n, sizeof block);
    switch (n) {
    case 0:
        return shale_bdev_read(&fault.base, 0, block, 512);
    case 3:
    case 5:
        return shale_bdev_flush(&fault.base);
    default:
        return shale_bdev_write(&fault.base, 512 * n, block, 512);
    }
}

static const struct {
    const char *what;
    uint64_t first, count;
    unsigned failing;           /* bit n: request n fails */
} faults[] = {
    { "none",             0, 0, 0x00 },
    { "the first",        0, 1, 0x01 },
    { "a write",          2, 1, 0x04 },
    { "a flush",          3, 1, 0x08 },
    { "the last",         5, 1, 0x20 },
    { "one never made",   6, 1, 0x00 },
    { "two",              1, 2, 0x06 },
    { "all",              0, UINT64_MAX, 0x3f },
    { "all from 4 on",    4, UINT64_MAX, 0x30 },
};

START_TEST(fails_what_it_is_told)
{
    const struct shale_fault_record *record;

    shale_fault_at(&fault, faults[_i].first, faults[_i].count, SHALE_ENXIO);
    for (unsigned n = 0; n < OPS; n++) {
        bool fails = faults[_i].failing >> n & 1;
        int err = request(n);

        ck_assert_msg(err == (fails ? SHALE_ENXIO : 0), "%s: request %u: %d",
                      faults[_i].what, n, err);
        /* What failed did not reach the device. */
        if (n == 1 || n == 2 || n == 4)
            ck_assert_uint_eq(bytes[512 * n], fails ? 0 : n);
    }
    ck_assert_uint_eq(shale_fault_requests(&fault), OPS);
    ck_assert_int_eq(shale_fault_failed(&fault), faults[_i].failing != 0);

    /* What went through is recorded, in order, and nothing else is. */
    record = fault.records;
    for (unsigned n = 1; n < OPS; n++) {
        if (faults[_i].failing >> n & 1)
            continue;
        ck_assert_ptr_nonnull(record);
        if (n == 3 || n == 5) {
            ck_assert_int_eq(record->kind, SHALE_REQUEST_FLUSH);
            ck_assert_uint_eq(record->len, 0);
        } else {
            ck_assert_int_eq(record->kind, SHALE_REQUEST_WRITE);
            ck_assert_uint_eq(record->offset, 512 * n);
            ck_assert_uint_eq(record->len, 512);
            ck_assert_uint_eq(record->bytes[0], n);
            ck_assert_uint_eq(record->bytes[511], n);
        }
        record = record->next;
    }
    ck_assert_ptr_null(record);
}
END_TEST

START_TEST(forgets)
{
    for (unsigned n = 0; n < OPS; n++)
        ck_assert_int_eq(request(n), 0);
    shale_fault_forget(&fault);
    ck_assert_ptr_null(fault.records);
    ck_assert_int_eq(request(4), 0);
    ck_assert_ptr_nonnull(fault.records);
    ck_assert_ptr_null(fault.records->next);
    ck_assert_uint_eq(fault.records->bytes[0], 4);
}
END_TEST

/* Marks are in the list, in order, and not requests. */
START_TEST(marks)
{
    const struct shale_fault_record *r;

    ck_assert_int_eq(request(1), 0);
    ck_assert_int_eq(shale_fault_mark(&fault, 77), 0);
    ck_assert_int_eq(request(3), 0);
    shale_mem_fail_at(mem, 0);
    ck_assert_int_eq(shale_fault_mark(&fault, 78), SHALE_ENOMEM);
    ck_assert_int_eq(shale_fault_mark(&fault, UINT64_MAX), 0);
    ck_assert_uint_eq(shale_fault_requests(&fault), 2);
    r = fault.records->next;
    ck_assert_int_eq(r->kind, SHALE_REQUEST_MARK);
    ck_assert_uint_eq(r->offset, 77);
    ck_assert_uint_eq(r->len, 0);
    ck_assert_int_eq(r->next->kind, SHALE_REQUEST_FLUSH);
    ck_assert_int_eq(r->next->next->kind, SHALE_REQUEST_MARK);
    ck_assert_uint_eq(r->next->next->offset, UINT64_MAX);
    ck_assert_ptr_null(r->next->next->next);
}
END_TEST

static int refuse_write(struct shale_bdev *dev, uint64_t offset,
                        const void *buf, size_t len)
{
    (void)dev, (void)offset, (void)buf, (void)len;
    return SHALE_ENOSPC;
}

static int refuse_flush(struct shale_bdev *dev)
{
    (void)dev;
    return SHALE_ENOSPC;
}

/* A request that the lower device refuses leaves no record. */
START_TEST(records_only_what_went_through)
{
    struct shale_bdev_ops ops = *memory.base.ops;

    ck_assert_int_eq(request(1), 0);
    ops.write = refuse_write;
    ops.flush = refuse_flush;
    memory.base.ops = &ops;
    ck_assert_int_eq(request(2), SHALE_ENOSPC);
    ck_assert_int_eq(request(3), SHALE_ENOSPC);
    ck_assert_ptr_null(fault.records->next);
    ck_assert(!shale_fault_failed(&fault));
    ops.write = NULL;
    ck_assert_int_eq(request(4), SHALE_EROFS);
}
END_TEST

/* Without memory for the record the write is not made. */
START_TEST(no_memory_no_write)
{
    shale_mem_fail_at(mem, 0);
    ck_assert_int_eq(request(1), SHALE_ENOMEM);
    ck_assert_uint_eq(bytes[512], 0);
    ck_assert_ptr_null(fault.records);
}
END_TEST

START_TEST(nothing_goes_past_it)
{
    ck_assert_int_eq(fault.base.fd, -1);
    ck_assert_ptr_null(shale_bdev_direct(&fault.base, 0, 512));
    ck_assert_int_eq(shale_bdev_discard(&fault.base, 0, 512), 0);
    ck_assert_uint_eq(shale_fault_requests(&fault), 0);
}
END_TEST

START_TEST(read_only_below_is_read_only)
{
    struct shale_fault_bdev over;

    shale_memory_bdev_init(&memory, bytes, SIZE, 512, true);
    ck_assert_int_eq(shale_fault_bdev_init(&over, &memory.base, NULL, NULL), 0);
    ck_assert_int_eq(shale_bdev_write(&over.base, 0, block, 512), SHALE_EROFS);
    ck_assert_int_eq(shale_bdev_read(&over.base, 0, block, 512), 0);
    ck_assert_uint_eq(shale_fault_requests(&over), 1);
    ck_assert_ptr_null(over.records);
    shale_fault_bdev_fini(&over);
}
END_TEST

static void watch(void *context, enum shale_request_kind kind, uint64_t offset,
                  size_t len)
{
    char *end = strchr(context, '\0');

    sprintf(end, "%c%u+%u ", "rwf"[kind], (unsigned)offset, (unsigned)len);
}

START_TEST(watches)
{
    char seen[128] = "";

    fault.watch = watch;
    fault.watch_context = seen;
    shale_fault_at(&fault, 1, 1, SHALE_EIO);
    for (unsigned n = 0; n < OPS; n++)
        ck_assert_int_eq(request(n), n == 1 ? SHALE_EIO : 0);
    ck_assert_str_eq(seen,
                     "r0+512 w512+512 w1024+512 f0+0 w2048+512 f0+0 ");
}
END_TEST

START_TEST(init_survives_lack_of_memory)
{
    struct shale_fault_bdev other;

    shale_mem_fail_at(mem, 0);
    ck_assert_int_eq(shale_fault_bdev_init(&other, &memory.base, mem,
                                           &shale_host_locks), SHALE_ENOMEM);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("block/fault");
    TCase *tc = tcase_create("fault");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, fails_what_it_is_told, 0,
                        sizeof faults / sizeof faults[0]);
    tcase_add_test(tc, forgets);
    tcase_add_test(tc, marks);
    tcase_add_test(tc, records_only_what_went_through);
    tcase_add_test(tc, no_memory_no_write);
    tcase_add_test(tc, nothing_goes_past_it);
    tcase_add_test(tc, read_only_below_is_read_only);
    tcase_add_test(tc, watches);
    tcase_add_test(tc, init_survives_lack_of_memory);
    suite_add_tcase(s, tc);
    return s;
}
