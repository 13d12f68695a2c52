/*
 * test_check_failing.h - a check of bytes in memory, in which one thing fails
 */
#ifndef TEST_CHECK_FAILING_H
#define TEST_CHECK_FAILING_H

#include <check.h>

#include "shale/check.h"
#include "shale/fault.h"
#include "shale/host.h"

struct failing {
    unsigned workers;           /* 0: one */
    uint64_t fail_read;         /* of the device: the Nth, from 1; 0: none */
    uint64_t fail_alloc;        /* likewise */

    struct shale_check_result result;
    bool failed;                /* what was to fail has failed */
};

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
    ck_assert_int_eq(shale_fault_bdev_init(&fault, &memory.base, mem,
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
