/*
 * buffers.h - the buffer cache from inside
 *
 * Where a buffer is:
 *
 *      in the hash           always, from when its data is there
 *      on the LRU list       not pinned, and of no transaction: may be evicted
 *      with a tx_block       a transaction changes it, or has changed it and it
 *                            is not on the device: may not leave; see batch.h
 *
 * Three kinds of lock, taken in this order:
 *
 *      write    exclusive for all of shale_tx_write()
 *      load     exclusive while a run is looked up again and read; a run is an
 *               aligned window of at most 128 KiB, and all runs share
 *               CACHE_LOAD_LOCKS locks by number. Only a holder may insert a
 *               block of that run, so that no block is read twice or inserted
 *               twice, and a block that is missing stays missing meanwhile. Who
 *               takes several takes them by their index.
 *      state    exclusive for a few pointers' time: hash, lists, pins, counts.
 *               Never held over I/O, or while memory is allocated or freed.
 */
#ifndef BLOCK_BUFFERS_H
#define BLOCK_BUFFERS_H

#include "lock.h"
#include "shale/cache.h"

#define CACHE_RUN_BYTES (128u << 10)
#define CACHE_BLOCK_MIN 512u
#define CACHE_BLOCK_MAX 65536u
#define CACHE_LOAD_LOCKS 16u
#define CACHE_RUNS_MAX 2048u

struct cache_asked;
struct cache_pending;
struct tx_block;

struct cache_buf {
    struct shale_buf base;
    struct cache_buf *hash_next;
    struct cache_buf *lru_prev, *lru_next;
    struct tx_block *tx;        /* what transactions know of it, or NULL */
    uint32_t pins;
};

/* A run, or a part of one, that was read whole; see readrun.c. */
struct cache_run {
    uint64_t first;             /* its first block, plus 1; 0: none */
    uint64_t when;              /* cache->misses then */
};

struct shale_cache {
    struct shale_bdev *dev;
    struct shale_mem *mem;
    struct shale_log *log;
    uint32_t block_size;        /* bytes */
    uint64_t block_count;
    size_t budget;              /* bytes */
    struct shale_slab *slab;    /* of struct cache_buf */
    unsigned run_shift;         /* a block's run is block >> run_shift */
    struct cache_pending *pending;  /* see ahead.c; NULL: nothing ever is */

    /* All locks are in one allocation, lock_size bytes each. */
    const struct shale_lock_ops *locks;
    uint8_t *lock_bytes;
    size_t lock_size;

    /* The rest is under the state lock. */
    struct cache_asked *asked;  /* see asked.c; NULL: nothing ever was */
    struct cache_buf **hash;
    unsigned hash_bits;
    struct cache_buf *oldest, *newest;      /* the LRU list's ends */
    size_t bytes;               /* of block data, being allocated included */
    size_t pinned, dirty;       /* blocks */
    uint64_t hits, misses, reads;
    struct cache_run *runs;     /* read lately, by number */
    unsigned run_slots;         /* up to CACHE_RUNS_MAX */
};

/* The state lock. */
void cache_lock(struct shale_cache *cache);
void cache_unlock(struct shale_cache *cache);

/* Index in lock_bytes of the other locks. */
enum { CACHE_LOCK_STATE, CACHE_LOCK_WRITE, CACHE_LOCK_LOAD };

void *cache_lock_at(const struct shale_cache *cache, unsigned index);

/* Find BLOCK; NULL if it is not there. Under the state lock. */
struct cache_buf *cache_find(const struct shale_cache *cache, uint64_t block);

/* Take one more pin, or release one. Under the state lock. */
void cache_pin(struct shale_cache *cache, struct cache_buf *buf);
void cache_unpin(struct shale_cache *cache, struct cache_buf *buf);

/*
 * Keep BUF, which somebody has pinned, in memory for BLOCK; and let it go.
 * Under the state lock.
 */
void cache_hold(struct shale_cache *cache, struct cache_buf *buf,
                struct tx_block *block);
void cache_release(struct shale_cache *cache, struct cache_buf *buf);

/* Drop BLOCK from the cache, unless it is in somebody's hands or dirty. */
void cache_forget(struct shale_cache *cache, uint64_t block);

/*
 * A buffer for data that is not in the cache yet: of the budget, of memory
 * beyond it, or the least recently used one's, whichever is first to be had.
 * NULL if none is. It is in nobody's hands until cache_insert().
 */
struct cache_buf *cache_buf_new(struct shale_cache *cache);

/* Put the new BUF, whose data is that of BLOCK, into the hash, with one pin. */
void cache_insert(struct shale_cache *cache, struct cache_buf *buf,
                  uint64_t block);

/* Free BUF, which is not in the hash (any more). */
void cache_buf_free(struct shale_cache *cache, struct cache_buf *buf);

/* Evict while more than LIMIT bytes are held. Returns the bytes freed. */
size_t cache_trim(struct shale_cache *cache, size_t limit);

/*
 * What of a run is asked for ahead and pending (ahead.c): begin and end of a
 * cache; BLOCK has been put in the cache, or is changed past it, under the
 * state lock; nothing is pending any more, and what was is to KEEP, for which
 * one has the volume's lock, or is dropped. Without any load lock. Returns the
 * bytes that it took.
 */
void ahead_init(struct shale_cache *cache);
void ahead_fini(struct shale_cache *cache);
void ahead_strike(struct shale_cache *cache, uint64_t block);
size_t ahead_end(struct shale_cache *cache, bool keep);

#endif /* BLOCK_BUFFERS_H */
