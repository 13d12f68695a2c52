/*
 * test_ext2_check.h - the checker, asked about an image in memory
 *
 * Findings come out as lines: "code number path", in the order in which they
 * are told.
 */
#ifndef TEST_EXT2_CHECK_H
#define TEST_EXT2_CHECK_H

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "shale/check.h"
#include "shale/fault.h"
#include "shale/host.h"
#include "suite.h"

enum { CHECKED_TEXT = 1 << 18 };

struct checked {
    unsigned workers;           /* 0: one */
    uint64_t fail_read;         /* of the device: the Nth; 0: none */
    uint64_t fail_alloc;        /* likewise */

    struct shale_check_result result;
    bool failed;                /* what was to fail has failed */
    char told[CHECKED_TEXT];
};

static inline int checked_finding(void *context,
                                  const struct shale_finding *finding)
{
    struct checked *checked = context;
    size_t len = strlen(checked->told);

    snprintf(checked->told + len, sizeof checked->told - len, "%s %llu %s\n",
             finding->code->name, (unsigned long long)finding->number,
             finding->path ? finding->path : "-");
    return 0;
}

static const struct shale_checker *const checked_by[] = {
    &shale_ext2_checker, NULL,
};

/* Check SIZE bytes. Nothing may be left. */
static inline int checked_run(struct checked *checked, uint8_t *bytes,
                              size_t size)
{
    struct shale_workers *workers =
        shale_host_workers_create(checked->workers ? checked->workers : 1);
    struct shale_mem *mem = shale_host_mem_create(0);
    struct shale_memory_bdev memory;
    struct shale_fault_bdev fault;
    struct shale_mem_stats before, after;
    struct shale_check_config config = {
        .dev = &fault.base, .mem = mem, .checkers = checked_by, .type = "ext2",
        .locks = &shale_host_locks, .workers = workers,
        .context = checked, .finding = checked_finding,
    };
    int err;

    ck_assert_ptr_nonnull(workers);
    ck_assert_ptr_nonnull(mem);
    shale_memory_bdev_init(&memory, bytes, size, 512, true);
    ck_assert_int_eq(shale_fault_bdev_init(&fault, &memory.base, mem,
                                           &shale_host_locks), 0);
    checked->told[0] = '\0';
    shale_mem_stats(mem, &before);
    if (checked->fail_alloc)
        shale_mem_fail_at(mem, checked->fail_alloc - 1);
    if (checked->fail_read)
        shale_fault_at(&fault, checked->fail_read - 1, 1, SHALE_EIO);
    err = shale_check(&config, &checked->result);
    checked->failed = checked->fail_alloc ? shale_mem_failed(mem)
                                          : shale_fault_failed(&fault);
    shale_mem_stats(mem, &after);
    ck_assert_uint_eq(after.live, before.live);
    shale_fault_bdev_fini(&fault);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
    shale_host_workers_destroy(workers);
    return err;
}

#endif /* TEST_EXT2_CHECK_H */
