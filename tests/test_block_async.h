/*
 * test_block_async.h - a cache on a device that works on several requests
 *
 * As test_block_cache.h, whose device is below that one. Included once in a
 * program.
 */
#ifndef TEST_BLOCK_ASYNC_H
#define TEST_BLOCK_ASYNC_H

#include "asyncdisk.h"
#include "test_block_cache.h"

enum {
    RUN = 128,                  /* blocks of 128 KiB */
    BUDGET = 4000,              /* blocks; enough for all of these tests */
};

static struct async_disk disk;

/* A cache of BUDGET blocks, on a device that has ROOM for so many requests. */
static inline void open_async(size_t budget, unsigned room)
{
    struct shale_cache_config config;

    rig_open_device(512);
    async_disk_init(&disk, &rig.fault.base, room, 0, 7);
    config = rig_config(budget);
    config.dev = &disk.base;
    rig_open_cache(&config);
}

static inline void close_async(void)
{
    rig_close_cache();
    async_disk_fini(&disk);
    rig_close_device();
}

/* The device has done what it was asked for, and nobody knows yet. */
static inline void all_done(void)
{
    while (disk.waiting_count > 0) {
        struct shale_bdev_request *request = disk.waiting[0];

        for (unsigned i = 1; i < disk.waiting_count; i++)
            disk.waiting[i - 1] = disk.waiting[i];
        disk.waiting_count--;
        shale_bdev_complete(request, shale_bdev_read(
            &rig.fault.base, request->offset, request->buf, request->len));
    }
}

/* Fill BLOCK with BYTE, without reading what was there. */
static inline void fill_new(uint64_t block, uint8_t byte)
{
    struct shale_buf *buf;

    shale_tx_begin(rig.tx);
    ck_assert_int_eq(shale_buf_get_new(rig.cache, block, &buf), 0);
    ck_assert_int_eq(shale_tx_change(rig.tx, buf, 0), 0);
    memset(buf->data, byte, RIG_BLOCK);
    shale_tx_commit(rig.tx);
    shale_buf_put(buf);
}

/* It is what whoever gets BLOCK sees. */
static inline void is_full_of(uint64_t block, uint8_t byte)
{
    struct shale_buf *buf = rig_get(block);

    ck_assert_uint_eq(buf->data[0], byte);
    ck_assert_uint_eq(buf->data[RIG_BLOCK - 1], byte);
    shale_buf_put(buf);
}

/*
 * Whichever allocation fails of the first MOST that ASK makes: VERIFY finds all
 * there, and nothing leaks.
 */
static inline void each_allocation_fails(unsigned most, void (*ask)(void),
                                         void (*verify)(void))
{
    bool failed = true;

    for (unsigned n = 0; failed && n < most; n++) {
        open_async(BUDGET, 32);
        shale_mem_fail_at(rig.mem, n);
        ask();
        failed = shale_mem_failed(rig.mem);
        shale_mem_fail_at(rig.mem, UINT64_MAX);
        verify();
        close_async();
    }
}

#endif /* TEST_BLOCK_ASYNC_H */
