/*
 * test_check_failing.h - a check of bytes in memory, in which one thing fails
 */
#ifndef TEST_CHECK_FAILING_H
#define TEST_CHECK_FAILING_H

#include <check.h>

#include "shale/check.h"
#include "shale/fault.h"
#include "shale/host.h"

/* Bytes that cannot be read. */
struct failing_range {
    uint64_t from, end;
};

struct failing {
    unsigned workers;           /* 0: one */
    struct failing_range bad[4];
    uint64_t fail_read;         /* of the device: the Nth, from 1; 0: none */
    uint64_t fail_alloc;        /* likewise */

    struct shale_check_result result;
    bool failed;                /* what was to fail has failed */
};

/* A device of which some bytes can never be read. */
struct failing_bdev {
    struct shale_bdev base;
    struct shale_bdev *lower;
    const struct failing_range *bad;
};

static inline int failing_read(struct shale_bdev *dev, uint64_t at, void *buf,
                               size_t len)
{
    struct failing_bdev *failing = (struct failing_bdev *)dev;

    for (unsigned i = 0; i < 4; i++)
        if (at < failing->bad[i].end && at + len > failing->bad[i].from)
            return SHALE_EIO;
    return shale_bdev_read(failing->lower, at, buf, len);
}

static const struct shale_bdev_ops failing_ops = { .read = failing_read };

/* Check SIZE bytes by CONFIG, but for its device, memory, locks and workers.
   Nothing may be left. */
static inline int failing_run(struct failing *failing,
                              struct shale_check_config config,
                              uint8_t *bytes, size_t size)
{
    struct shale_workers *workers =
        shale_host_workers_create(failing->workers ? failing->workers : 1);
    struct shale_mem *mem = shale_host_mem_create(0);
    struct shale_memory_bdev memory;
    struct failing_bdev bad = {
        .base = { .ops = &failing_ops, .size = size, .block_size = 512,
                  .fd = -1 },
        .lower = &memory.base, .bad = failing->bad,
    };
    struct shale_fault_bdev fault;
    struct shale_mem_stats before, after;
    int err;

    ck_assert_ptr_nonnull(workers);
    ck_assert_ptr_nonnull(mem);
    config.dev = &fault.base;
    config.mem = mem;
    config.locks = &shale_host_locks;
    config.workers = workers;
    shale_memory_bdev_init(&memory, bytes, size, 512, true);
    ck_assert_int_eq(shale_fault_bdev_init(&fault, &bad.base, mem,
                                           &shale_host_locks), 0);
    shale_mem_stats(mem, &before);
    if (failing->fail_alloc)
        shale_mem_fail_at(mem, failing->fail_alloc - 1);
    if (failing->fail_read)
        shale_fault_at(&fault, failing->fail_read - 1, 1, SHALE_EIO);
    err = shale_check(&config, &failing->result);
    failing->failed = failing->fail_alloc ? shale_mem_failed(mem)
                                          : shale_fault_failed(&fault);
    shale_mem_stats(mem, &after);
    ck_assert_uint_eq(after.live, before.live);
    shale_fault_bdev_fini(&fault);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
    shale_host_workers_destroy(workers);
    return err;
}

#endif /* TEST_CHECK_FAILING_H */
