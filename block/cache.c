/*
 * cache.c - the buffer cache's public calls, and making and freeing one
 *
 * A hit is a lock, a short hash chain and a few pointers, in buffers.c; reading
 * is in readrun.c, changing in tx.c and writing in writeback.c. buffers.h says
 * which lists a buffer is on and which lock is for what.
 */
#include "shale/cache.h"

#include "assert.h"
#include "memfn.h"
#include "readrun.h"
#include "shale/err.h"
#include "shale/mem.h"

#define HASH_BITS_MIN 4u
#define HASH_BITS_MAX 16u

#define LOCK_COUNT (CACHE_LOCK_LOAD + CACHE_LOAD_LOCKS)

/* --------------------------------------------------------------- locks */

/* Retire the first COUNT locks and free all of them. */
static void locks_fini(struct shale_cache *cache, unsigned count)
{
    if (!cache->locks)
        return;
    for (unsigned i = 0; i < count; i++)
        cache->locks->fini(cache_lock_at(cache, i));
    shale_free(cache->mem, cache->lock_bytes, LOCK_COUNT * cache->lock_size);
}

static int locks_init(struct shale_cache *cache)
{
    const size_t align = sizeof(void *);

    if (!cache->locks)
        return 0;
    cache->lock_size = (cache->locks->size + align - 1) & ~(align - 1);
    cache->lock_bytes =
        shale_alloc_array(cache->mem, LOCK_COUNT, cache->lock_size);
    if (!cache->lock_bytes)
        return SHALE_ENOMEM;
    for (unsigned i = 0; i < LOCK_COUNT; i++) {
        int err = cache->locks->init(cache_lock_at(cache, i));

        if (err) {
            locks_fini(cache, i);
            return err;
        }
    }
    return 0;
}

/* -------------------------------------------------------- public calls */

/* Read BLOCK, with what is missing around it of the COUNT blocks from FIRST. */
static int load(struct shale_cache *cache, uint64_t block, uint64_t first,
                uint64_t count, struct cache_buf **out)
{
    uint64_t end = count > UINT64_MAX - first ? UINT64_MAX : first + count;
    uint64_t number = block >> cache->run_shift;
    void *lock = run_lock(cache, number);
    bool whole = ahead_land(cache, number);
    int err = run_load(cache, block, first, end, out, &whole);

    lock_release(cache->locks, lock);
    if (whole)
        ahead_next(cache, number + 1, first, end);
    return err;
}

int shale_buf_get_run(struct shale_cache *cache, uint64_t block,
                      uint64_t first, uint64_t count, struct shale_buf **out)
{
    struct cache_buf *buf;
    int err;

    if (block >= cache->block_count)
        return SHALE_EINVAL;

    cache_lock(cache);
    buf = cache_find(cache, block);
    if (buf) {
        cache_pin(cache, buf);
        cache->hits++;
    } else {
        cache->misses++;
    }
    cache_unlock(cache);

    if (!buf) {
        err = load(cache, block, first, count, &buf);
        if (err)
            return err;
    }
    *out = &buf->base;
    return 0;
}

int shale_buf_get(struct shale_cache *cache, uint64_t block,
                  struct shale_buf **out)
{
    return shale_buf_get_run(cache, block, block, 1, out);
}

int shale_buf_get_new(struct shale_cache *cache, uint64_t block,
                      struct shale_buf **out)
{
    struct cache_buf *buf;

    if (block >= cache->block_count)
        return SHALE_EINVAL;
    cache_lock(cache);
    buf = cache_find(cache, block);
    if (buf)
        cache_pin(cache, buf);
    cache_unlock(cache);
    if (!buf) {
        buf = cache_buf_new(cache);
        if (!buf)
            return SHALE_ENOMEM;
        cache_insert(cache, buf, block);
    }
    memset(buf->base.data, 0, cache->block_size);
    *out = &buf->base;
    return 0;
}

void shale_buf_put(struct shale_buf *buf)
{
    struct shale_cache *cache;
    bool over;

    if (!buf)
        return;
    cache = buf->cache;
    cache_lock(cache);
    cache_unpin(cache, (struct cache_buf *)buf);
    over = cache->bytes > cache->budget && cache->oldest;
    cache_unlock(cache);
    if (over)
        cache_trim(cache, cache->budget);
}

void shale_cache_forget(struct shale_cache *cache, uint64_t first,
                        uint64_t count)
{
    ahead_end(cache, true);     /* which may be reading them */
    for (uint64_t i = 0; i < count; i++)
        cache_forget(cache, first + i);
}

size_t shale_cache_shrink(struct shale_cache *cache, size_t want)
{
    size_t freed = ahead_end(cache, false), bytes;

    want -= freed < want ? freed : want;
    cache_lock(cache);
    bytes = cache->bytes;
    cache_unlock(cache);
    freed += cache_trim(cache, want < bytes ? bytes - want : 0);
    shale_slab_shrink(cache->slab);
    return freed;
}

void shale_cache_stats(struct shale_cache *cache,
                       struct shale_cache_stats *out)
{
    cache_lock(cache);
    *out = (struct shale_cache_stats){
        .budget = cache->budget,
        .bytes = cache->bytes,
        .block_size = cache->block_size,
        .pinned = cache->pinned,
        .dirty = cache->dirty,
        .hits = cache->hits,
        .misses = cache->misses,
        .reads = cache->reads,
    };
    cache_unlock(cache);
}

/* --------------------------------------------------------- a whole cache */

static bool config_is_sound(const struct shale_cache_config *config)
{
    uint32_t size = config->block_size;

    return size >= CACHE_BLOCK_MIN && size <= CACHE_BLOCK_MAX &&
           (size & (size - 1)) == 0 &&
           config->block_count <= UINT64_MAX / size;
}

/*
 * Blocks of a run, as a power of two: as many as 128 KiB hold, but no more
 * than a quarter of the budget, so that reading ahead does not push out what
 * was just read.
 */
static unsigned run_shift(const struct shale_cache_config *config)
{
    size_t run = CACHE_RUN_BYTES;
    unsigned shift = 0;

    while (run > config->budget / 4)
        run /= 2;
    for (; run / 2 >= config->block_size; run /= 2)
        shift++;
    return shift;
}

/*
 * Enough to remember each run of the volume, within reason, and in a sixteenth
 * of the budget.
 */
static unsigned run_slots(const struct shale_cache_config *config,
                          unsigned shift)
{
    uint64_t runs = (config->block_count >> shift) + 1;
    uint64_t most = config->budget / 16 / sizeof(struct cache_run);

    if (runs > most)
        runs = most > 0 ? most : 1;
    return runs < CACHE_RUNS_MAX ? (unsigned)runs : CACHE_RUNS_MAX;
}

/* Enough chains for each block of the budget to have its own, within reason. */
static unsigned hash_bits(const struct shale_cache_config *config)
{
    size_t blocks = config->budget / config->block_size;
    unsigned bits = HASH_BITS_MIN;

    if (blocks > config->block_count)
        blocks = (size_t)config->block_count;
    while (bits < HASH_BITS_MAX && (size_t)1 << bits < blocks)
        bits++;
    return bits;
}

int shale_cache_create(const struct shale_cache_config *config,
                       struct shale_cache **out)
{
    const struct shale_slab_config slab = {
        .name = "buffer",
        .size = sizeof(struct cache_buf),
    };
    struct shale_cache *cache;
    int err;

    if (!config_is_sound(config))
        return SHALE_EINVAL;
    cache = shale_zalloc(config->mem, sizeof *cache);
    if (!cache)
        return SHALE_ENOMEM;
    cache->dev = config->dev;
    cache->mem = config->mem;
    cache->log = config->log;
    cache->block_size = config->block_size;
    cache->block_count = config->block_count;
    cache->budget = config->budget;
    cache->locks = config->locks;
    cache->run_shift = run_shift(config);
    cache->run_slots = run_slots(config, cache->run_shift);
    cache->hash_bits = hash_bits(config);

    err = locks_init(cache);
    if (err)
        goto free_cache;

    err = SHALE_ENOMEM;
    cache->hash = shale_alloc_array(cache->mem, (size_t)1 << cache->hash_bits,
                                    sizeof(struct cache_buf *));
    if (!cache->hash)
        goto fini_locks;
    cache->runs = shale_alloc_array(cache->mem, cache->run_slots,
                                    sizeof *cache->runs);
    if (!cache->runs)
        goto free_hash;
    cache->slab = shale_slab_create(cache->mem, &slab);
    if (!cache->slab)
        goto free_runs;

    ahead_init(cache);

    *out = cache;
    return 0;

free_runs:
    shale_free(cache->mem, cache->runs,
               cache->run_slots * sizeof *cache->runs);
free_hash:
    shale_free(cache->mem, cache->hash,
               ((size_t)1 << cache->hash_bits) * sizeof(struct cache_buf *));
fini_locks:
    locks_fini(cache, LOCK_COUNT);
free_cache:
    shale_free(cache->mem, cache, sizeof *cache);
    return err;
}

size_t shale_cache_destroy(struct shale_cache *cache)
{
    size_t chains = (size_t)1 << cache->hash_bits;
    size_t pinned = cache->pinned;

    ahead_fini(cache);
    for (size_t i = 0; i < chains; i++) {
        struct cache_buf *buf = cache->hash[i], *next;

        for (; buf; buf = next) {
            next = buf->hash_next;
            cache_buf_free(cache, buf);
        }
    }
    SHALE_ASSERT(cache->bytes == 0);
    shale_slab_destroy(cache->slab);
    shale_free(cache->mem, cache->runs,
               cache->run_slots * sizeof *cache->runs);
    shale_free(cache->mem, cache->hash, chains * sizeof(struct cache_buf *));
    locks_fini(cache, LOCK_COUNT);
    shale_free(cache->mem, cache, sizeof *cache);
    return pinned;
}
