/*
 * readrun.c - reading blocks into the buffer cache, a run at a time
 *
 * A miss reads what is missing around the block inside its run, an aligned
 * window of at most 128 KiB, with one request into a passing buffer, and deals
 * that out. Whatever goes wrong with the run, the block is then read alone: it
 * alone decides the answer.
 *
 * A run is read whole once, not again and again: blocks that are wanted back
 * after having been evicted were wanted in no order that the cache can keep up
 * with (50,000 names by hash, in inode tables larger than the budget), and
 * reading 128 KiB to use 4 would make it worse. So the runs read lately are
 * remembered, and their blocks come alone. After RUN_MEMORY times as many
 * misses as the cache has blocks, a run may be read whole again; that costs
 * next to nothing then, and serves those who come in order a second time.
 *
 * What is read before anybody takes it is in ahead.c.
 *
 * (1) Only blocks that were missing before the device was asked are inserted.
 *     One that was there may have been changed, written and evicted while the
 *     request was under way, which would have read its old contents.
 * (2) A run does not cover a block that is dirty, which it is for as long as it
 *     is being written: the device is never asked to read what it is writing.
 *     None can become so during the request, as changing a block excludes all
 *     readers of the volume; and what is pending is waited for before a batch
 *     is written.
 */
#include "readrun.h"

#include "memfn.h"
#include "shale/bdev.h"
#include "shale/err.h"
#include "shale/log.h"
#include "shale/mem.h"

#define RUN_MEMORY 16u

static bool is_missing(const struct run *run, unsigned i)
{
    return run->missing[i / 8] >> i % 8 & 1;
}

void run_window(const struct shale_cache *cache, uint64_t block,
                uint64_t *first, uint64_t *end)
{
    uint64_t run_first = block >> cache->run_shift << cache->run_shift;
    uint64_t run_end = run_first + ((uint64_t)1 << cache->run_shift);

    if (*first > block || *end <= block) {
        *first = block;
        *end = block + 1;
        return;
    }
    if (*first < run_first)
        *first = run_first;
    if (*end > run_end)
        *end = run_end;
    if (*end > cache->block_count)
        *end = cache->block_count;
}

/*
 * Where the window from block FIRST on is remembered, if it is. Tables lie at
 * equal distances, often powers of two, so the number is mixed first: 2^64
 * divided by the golden ratio.
 */
static struct cache_run *memory_of(const struct shale_cache *cache,
                                   uint64_t first)
{
    uint64_t mixed = (first >> cache->run_shift) * 0x9e3779b97f4a7c15u;

    return &cache->runs[(mixed >> 32) % cache->run_slots];
}

bool run_read_lately(const struct shale_cache *cache, uint64_t first)
{
    const struct cache_run *memory = memory_of(cache, first);
    uint64_t age = RUN_MEMORY * (cache->budget / cache->block_size);

    return memory->first == first + 1 && cache->misses - memory->when < age;
}

static void remember(struct shale_cache *cache, uint64_t first)
{
    struct cache_run *memory = memory_of(cache, first);

    cache_lock(cache);
    memory->first = first + 1;
    memory->when = cache->misses;
    cache_unlock(cache);
}

/* True if BUF, which may be NULL, is to be kept out of a run: keeps (2). */
static bool is_changing(const struct cache_buf *buf)
{
    return buf && buf->tx;
}

void run_plan(const struct shale_cache *cache, uint64_t block, uint64_t first,
              uint64_t end, struct run *run)
{
    uint64_t low = block, high = block;
    bool whole = true;

    for (uint64_t b = block; b > first; b--) {
        const struct cache_buf *buf = cache_find(cache, b - 1);

        if (is_changing(buf)) {
            whole = false;
            break;
        }
        if (!buf)
            low = b - 1;
    }
    for (uint64_t b = block + 1; b < end; b++) {
        const struct cache_buf *buf = cache_find(cache, b);

        if (is_changing(buf)) {
            whole = false;
            break;
        }
        if (!buf)
            high = b;
    }

    run->whole = whole && end - first > 1;      /* one is no run */
    run->first = low;
    run->count = (unsigned)(high - low) + 1;
    memset(run->missing, 0, sizeof run->missing);
    for (unsigned i = 0; i < run->count; i++)
        if (!cache_find(cache, low + i))
            run->missing[i / 8] |= (uint8_t)(1u << i % 8);
}

/* Free some memory for what found none: half of the blocks nobody holds. */
static bool make_room(struct shale_cache *cache)
{
    size_t bytes;

    cache_lock(cache);
    bytes = cache->bytes;
    cache_unlock(cache);
    return cache_trim(cache, bytes / 2) > 0;
}

static int device_read(struct shale_cache *cache, uint64_t block,
                       unsigned count, uint8_t *data)
{
    cache_lock(cache);
    cache->reads++;
    cache_unlock(cache);
    return shale_bdev_read_bytes(cache->dev, cache->mem,
                                 block * cache->block_size, data,
                                 (size_t)count * cache->block_size);
}

/* Tell where the device failed; nobody above knows it as well. */
static void tell_unreadable(const struct shale_cache *cache, uint64_t block,
                            int err)
{
    const struct shale_event event = {
        .level = SHALE_LOG_ERROR, .err = err,
        .what = "cache: metadata cannot be read",
        .at = block * cache->block_size,
    };

    if (cache->log && err != SHALE_ENOMEM)
        cache->log->event(cache->log, &event);
}

/* Read BLOCK by itself. */
static int read_alone(struct shale_cache *cache, uint64_t block,
                      struct cache_buf **out)
{
    struct cache_buf *buf = cache_buf_new(cache);
    int err;

    if (!buf)
        return SHALE_ENOMEM;
    do
        err = device_read(cache, block, 1, buf->base.data);
    while (err == SHALE_ENOMEM && make_room(cache));
    if (err) {
        cache_buf_free(cache, buf);
        tell_unreadable(cache, block, err);
        return err;
    }
    cache_insert(cache, buf, block);
    *out = buf;
    return 0;
}

/* Insert block I of RUN with its DATA; NULL if there is no memory for it. */
static struct cache_buf *deal(struct shale_cache *cache, const struct run *run,
                              unsigned i, const uint8_t *data)
{
    struct cache_buf *buf = cache_buf_new(cache);

    if (buf) {
        memcpy(buf->base.data, data + (size_t)i * cache->block_size,
               cache->block_size);
        cache_insert(cache, buf, run->first + i);
    }
    return buf;
}

void run_deal(struct shale_cache *cache, const struct run *run, uint64_t first,
              const uint8_t *data)
{
    for (unsigned i = 0; i < run->count; i++) {
        struct cache_buf *buf;

        if (!is_missing(run, i))        /* keeps (1) */
            continue;
        buf = deal(cache, run, i, data);
        if (!buf)
            break;
        shale_buf_put(&buf->base);
    }
    if (run->whole)
        remember(cache, first);
}

int run_read(struct shale_cache *cache, struct run *run, uint64_t first,
             unsigned wanted, struct cache_buf **out)
{
    size_t size = (size_t)run->count * cache->block_size;
    uint8_t *data = shale_alloc(cache->mem, size);
    int err;

    if (!data)
        return SHALE_ENOMEM;
    err = device_read(cache, run->first, run->count, data);
    if (err)
        goto free_data;

    *out = deal(cache, run, wanted, data);
    if (!*out) {
        err = SHALE_ENOMEM;
        goto free_data;
    }
    run->missing[wanted / 8] &= (uint8_t)~(1u << wanted % 8);
    run_deal(cache, run, first, data);

free_data:
    shale_free(cache->mem, data, size);
    return err;
}

/* ------------------------------------------------------------ one block */

void *run_lock_of(const struct shale_cache *cache, uint64_t number)
{
    return cache_lock_at(
        cache, CACHE_LOCK_LOAD + (unsigned)(number % CACHE_LOAD_LOCKS));
}

void *run_lock(const struct shale_cache *cache, uint64_t number)
{
    void *lock = run_lock_of(cache, number);

    lock_exclusive(cache->locks, lock);
    return lock;
}

int run_load(struct shale_cache *cache, uint64_t block, uint64_t first,
             uint64_t end, struct cache_buf **out, bool *whole)
{
    struct cache_buf *buf;
    struct asked *asked = NULL;
    struct run run = { .count = 1 };

    run_window(cache, block, &first, &end);
    cache_lock(cache);
    buf = cache_find(cache, block);     /* somebody was faster */
    if (!buf)
        asked = asked_find(cache, block);
    if (buf)
        cache_pin(cache, buf);
    else if (!asked && end - first > 1 && !run_read_lately(cache, first))
        run_plan(cache, block, first, end, &run);
    cache_unlock(cache);

    if (asked)
        buf = asked_take(cache, asked, true);
    if (buf) {
        *out = buf;
        return 0;
    }
    if (run.count > 1 && run_read(cache, &run, first,
                                  (unsigned)(block - run.first), out) == 0) {
        *whole = run.whole;
        return 0;
    }
    return read_alone(cache, block, out);
}
