/*
 * buffers.c - the buffer cache's hash, its lists, and where buffers come from
 *
 * A hash from block number to buffer, and a list of the buffers that nobody
 * holds, least recently used first. Nothing here does I/O.
 */
#include "buffers.h"

#include "assert.h"
#include "shale/mem.h"

/* --------------------------------------------------------- state lock */

void *cache_lock_at(const struct shale_cache *cache, unsigned index)
{
    return cache->locks ? cache->lock_bytes + index * cache->lock_size : NULL;
}

void cache_lock(struct shale_cache *cache)
{
    lock_exclusive(cache->locks, cache_lock_at(cache, CACHE_LOCK_STATE));
}

void cache_unlock(struct shale_cache *cache)
{
    lock_release(cache->locks, cache_lock_at(cache, CACHE_LOCK_STATE));
}

/* ------------------------------------------------------ hash and lists */

/* The slot of the hash that points at BLOCK's chain. */
static struct cache_buf **chain_of(const struct shale_cache *cache,
                                   uint64_t block)
{
    /* 2^64 divided by the golden ratio: neighbours end up far apart. */
    uint64_t mixed = block * 0x9e3779b97f4a7c15u;

    return &cache->hash[mixed >> (64 - cache->hash_bits)];
}

struct cache_buf *cache_find(const struct shale_cache *cache, uint64_t block)
{
    struct cache_buf *buf = *chain_of(cache, block);

    while (buf && buf->base.block != block)
        buf = buf->hash_next;
    return buf;
}

static void unhash(struct shale_cache *cache, struct cache_buf *buf)
{
    struct cache_buf **at = chain_of(cache, buf->base.block);

    while (*at != buf)
        at = &(*at)->hash_next;
    *at = buf->hash_next;
}

static void lru_append(struct shale_cache *cache, struct cache_buf *buf)
{
    buf->lru_prev = cache->newest;
    buf->lru_next = NULL;
    if (cache->newest)
        cache->newest->lru_next = buf;
    else
        cache->oldest = buf;
    cache->newest = buf;
}

static void lru_remove(struct shale_cache *cache, struct cache_buf *buf)
{
    if (buf->lru_prev)
        buf->lru_prev->lru_next = buf->lru_next;
    else
        cache->oldest = buf->lru_next;
    if (buf->lru_next)
        buf->lru_next->lru_prev = buf->lru_prev;
    else
        cache->newest = buf->lru_prev;
}

/* Take the least recently used buffer out; NULL if all are held. */
static struct cache_buf *evict_oldest(struct shale_cache *cache)
{
    struct cache_buf *buf = cache->oldest;

    if (buf) {
        lru_remove(cache, buf);
        unhash(cache, buf);
    }
    return buf;
}

void cache_pin(struct shale_cache *cache, struct cache_buf *buf)
{
    if (buf->pins++ > 0)
        return;
    cache->pinned++;
    if (!buf->tx)
        lru_remove(cache, buf);
}

void cache_unpin(struct shale_cache *cache, struct cache_buf *buf)
{
    SHALE_ASSERT(buf->pins > 0);
    if (--buf->pins > 0)
        return;
    cache->pinned--;
    if (!buf->tx)
        lru_append(cache, buf);
}

void cache_hold(struct shale_cache *cache, struct cache_buf *buf,
                struct tx_block *block)
{
    SHALE_ASSERT(buf->pins > 0 && !buf->tx);
    (void)cache;                /* pinned, it is in no list of the cache's */
    buf->tx = block;
}

void cache_release(struct shale_cache *cache, struct cache_buf *buf)
{
    buf->tx = NULL;
    if (buf->pins == 0)
        lru_append(cache, buf);
}

/* ------------------------------------------------------------- buffers */

struct cache_buf *cache_buf_new(struct shale_cache *cache)
{
    struct cache_buf *buf = NULL;

    cache_lock(cache);
    if (cache->bytes + cache->block_size > cache->budget)
        buf = evict_oldest(cache);
    if (!buf)
        cache->bytes += cache->block_size;
    cache_unlock(cache);
    if (buf)
        return buf;

    buf = shale_slab_alloc(cache->slab);
    if (buf) {
        buf->base.cache = cache;
        buf->base.data = shale_alloc(cache->mem, cache->block_size);
        if (buf->base.data)
            return buf;
        shale_slab_free(cache->slab, buf);
    }

    /* No memory: a buffer of our own will do, over budget or not. */
    cache_lock(cache);
    cache->bytes -= cache->block_size;
    buf = evict_oldest(cache);
    cache_unlock(cache);
    return buf;
}

void cache_buf_free(struct shale_cache *cache, struct cache_buf *buf)
{
    shale_free(cache->mem, buf->base.data, cache->block_size);
    shale_slab_free(cache->slab, buf);
    cache_lock(cache);
    cache->bytes -= cache->block_size;
    cache_unlock(cache);
}

void cache_insert(struct shale_cache *cache, struct cache_buf *buf,
                  uint64_t block)
{
    struct cache_buf **chain = chain_of(cache, block);

    buf->base.block = block;
    buf->pins = 1;
    buf->tx = NULL;

    cache_lock(cache);
    ahead_strike(cache, block);
    buf->hash_next = *chain;
    *chain = buf;
    cache->pinned++;
    cache_unlock(cache);
}

void cache_forget(struct shale_cache *cache, uint64_t block)
{
    struct cache_buf *buf;

    cache_lock(cache);
    ahead_strike(cache, block);
    buf = cache_find(cache, block);
    if (buf && (buf->pins > 0 || buf->tx))
        buf = NULL;
    if (buf) {
        lru_remove(cache, buf);
        unhash(cache, buf);
    }
    cache_unlock(cache);
    if (buf)
        cache_buf_free(cache, buf);
}

size_t cache_trim(struct shale_cache *cache, size_t limit)
{
    size_t freed = 0;

    for (;;) {
        struct cache_buf *buf = NULL;

        cache_lock(cache);
        if (cache->bytes > limit)
            buf = evict_oldest(cache);
        cache_unlock(cache);
        if (!buf)
            return freed;
        cache_buf_free(cache, buf);
        freed += cache->block_size;
    }
}
