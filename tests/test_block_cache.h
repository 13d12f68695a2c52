/*
 * test_block_cache.h - a cache on a fault device on an array, for its tests
 *
 * Included once in a program. Requests are noted as text, in blocks:
 * "r8+4 w3+1 f " is a read of blocks 8 to 11, a write of block 3, a flush.
 */
#ifndef TEST_BLOCK_CACHE_H
#define TEST_BLOCK_CACHE_H

#include <stdio.h>
#include <string.h>

#include "shale/cache.h"
#include "shale/err.h"
#include "shale/fault.h"
#include "shale/host.h"
#include "shale/tx.h"
#include "suite.h"

enum { RIG_BLOCK = 1024, RIG_BLOCKS = 4096 };

static struct {
    uint8_t bytes[RIG_BLOCKS * RIG_BLOCK];
    struct shale_memory_bdev memory;
    struct shale_fault_bdev fault;
    struct shale_mem *mem;
    struct shale_cache *cache;
    struct shale_tx *tx;
    char asked[4096];           /* requests since rig_forget() */
} rig;

static inline uint8_t rig_byte(uint64_t block, size_t i)
{
    return (uint8_t)(block * 13 + block / 256 + i * 5);
}

static inline void rig_watch(void *context, enum shale_request_kind kind,
                             uint64_t offset, size_t len)
{
    char *end = strchr(rig.asked, '\0');
    size_t room = (size_t)(rig.asked + sizeof rig.asked - end);

    (void)context;
    if (kind == SHALE_REQUEST_FLUSH)
        snprintf(end, room, "f ");
    else
        snprintf(end, room, "%c%u+%u ", kind == SHALE_REQUEST_READ ? 'r' : 'w',
                 (unsigned)(offset / RIG_BLOCK), (unsigned)(len / RIG_BLOCK));
}

static inline void rig_forget(void)
{
    rig.asked[0] = '\0';
}

/* The cache's configuration for BUDGET blocks, to change and to use. */
static inline struct shale_cache_config rig_config(size_t budget)
{
    return (struct shale_cache_config){
        .dev = &rig.fault.base,
        .mem = rig.mem,
        .locks = &shale_host_locks,
        .block_size = RIG_BLOCK,
        .block_count = RIG_BLOCKS,
        .budget = budget * RIG_BLOCK,
    };
}

/* Everything but the cache, on sectors of SECTOR bytes. */
static inline void rig_open_device(uint32_t sector)
{
    for (size_t i = 0; i < sizeof rig.bytes; i++)
        rig.bytes[i] = rig_byte(i / RIG_BLOCK, i % RIG_BLOCK);
    rig.mem = shale_host_mem_create(0);
    shale_memory_bdev_init(&rig.memory, rig.bytes, sizeof rig.bytes, sector,
                           false);
    ck_assert_int_eq(shale_fault_bdev_init(&rig.fault, &rig.memory.base,
                                           rig.mem, &shale_host_locks), 0);
    rig.fault.watch = rig_watch;
    rig_forget();
}

/* The cache that *CONFIG says, and its transactions. */
static inline void rig_open_cache(const struct shale_cache_config *config)
{
    bool writable = config->block_size >= config->dev->block_size;

    ck_assert_int_eq(shale_cache_create(config, &rig.cache), 0);
    rig.tx = NULL;
    ck_assert_int_eq(shale_tx_create(rig.cache, rig.mem, &rig.tx),
                     writable ? 0 : SHALE_ENOTSUP);
}

static inline void rig_close_cache(void)
{
    shale_tx_destroy(rig.tx);
    ck_assert_uint_eq(shale_cache_destroy(rig.cache), 0);
}

static inline void rig_open(size_t budget)
{
    struct shale_cache_config config;

    rig_open_device(512);
    config = rig_config(budget);
    rig_open_cache(&config);
}

static inline void rig_close_device(void)
{
    shale_fault_bdev_fini(&rig.fault);
    ck_assert_ptr_null(shale_mem_check(rig.mem));
    ck_assert_uint_eq(shale_mem_destroy(rig.mem), 0);
}

static inline void rig_close(void)
{
    rig_close_cache();
    rig_close_device();
}

/* Replace the cache by an empty one, as *CONFIG says. */
static inline void rig_replace(const struct shale_cache_config *config)
{
    rig_close_cache();
    rig_open_cache(config);
}

static inline void rig_fresh(size_t budget)
{
    struct shale_cache_config config = rig_config(budget);

    rig_replace(&config);
}

/* True if DATA is what the rig's device holds as BLOCK. */
static inline bool rig_is(const uint8_t *data, uint64_t block)
{
    for (size_t i = 0; i < RIG_BLOCK; i++)
        if (data[i] != rig_byte(block, i))
            return false;
    return true;
}

/* Get BLOCK, which must work. */
static inline struct shale_buf *rig_get(uint64_t block)
{
    struct shale_buf *buf;

    ck_assert_int_eq(shale_buf_get(rig.cache, block, &buf), 0);
    ck_assert_uint_eq(buf->block, block);
    return buf;
}

/* Get BLOCK, check its data, put it. */
static inline void rig_touch(uint64_t block)
{
    struct shale_buf *buf = rig_get(block);

    ck_assert_msg(rig_is(buf->data, block), "block %u", (unsigned)block);
    shale_buf_put(buf);
}

/* Touch BLOCK by a run of COUNT from FIRST. */
static inline void rig_touch_run(uint64_t block, uint64_t first, uint64_t count)
{
    struct shale_buf *buf;

    ck_assert_int_eq(shale_buf_get_run(rig.cache, block, first, count, &buf),
                     0);
    ck_assert_uint_eq(buf->block, block);
    ck_assert_msg(rig_is(buf->data, block), "block %u", (unsigned)block);
    shale_buf_put(buf);
}

/* A transaction that fills BLOCK with BYTE. */
static inline void rig_fill(uint64_t block, uint8_t byte, enum shale_rank rank)
{
    struct shale_buf *buf = rig_get(block);

    shale_tx_begin(rig.tx);
    ck_assert_int_eq(shale_tx_change(rig.tx, buf, rank), 0);
    memset(buf->data, byte, RIG_BLOCK);
    shale_tx_commit(rig.tx);
    shale_buf_put(buf);
}

/* Is BLOCK full of BYTE on the device? */
static inline bool rig_filled(uint64_t block, uint8_t byte)
{
    const uint8_t *data = rig.bytes + block * RIG_BLOCK;

    for (size_t i = 0; i < RIG_BLOCK; i++)
        if (data[i] != byte)
            return false;
    return true;
}

static inline struct shale_cache_stats rig_stats(void)
{
    struct shale_cache_stats stats;

    shale_cache_stats(rig.cache, &stats);
    return stats;
}

#endif /* TEST_BLOCK_CACHE_H */
