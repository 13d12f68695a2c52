/*
 * writeback.c - writing the buffer cache's dirty blocks
 *
 * The dirty list is taken off the cache, sorted, and written piece by piece: a
 * piece is a series of neighbours, up to 1 MiB, gathered into one request.
 *
 * (1) A block is marked clean before its data is gathered, and pinned until
 *     the request is over. If it is dirtied meanwhile it goes on the cache's
 *     new dirty list, and no change is ever lost.
 * (2) A block that was not written is dirty again when sync returns.
 */
#include "buffers.h"
#include "memfn.h"
#include "shale/bdev.h"
#include "shale/err.h"
#include "shale/mem.h"

#define REQUEST_BYTES ((size_t)1 << 20)

/* One sync under way. */
struct sync {
    struct shale_cache *cache;
    struct cache_buf *list;     /* still to write, by write_next, rising */
    uint8_t *gather;            /* room for a piece; NULL: one block a piece */
    size_t gather_size;         /* bytes */
};

/* Neighbours, by write_next. */
struct piece {
    struct cache_buf *head;
    size_t count;               /* blocks */
};

/* -------------------------------------------------------------- sorting */

/* Merge two sorted lists. */
static struct cache_buf *merge(struct cache_buf *a, struct cache_buf *b)
{
    struct cache_buf *head = NULL, **end = &head;

    while (a && b) {
        struct cache_buf **smaller = a->base.block < b->base.block ? &a : &b;

        *end = *smaller;
        *smaller = (*smaller)->write_next;
        end = &(*end)->write_next;
    }
    *end = a ? a : b;
    return head;
}

/*
 * Sort LIST by block: a merge sort that counts in binary, where bins[i] is
 * empty or a sorted list of 2^i buffers. 32 bins hold 2^32 - 1.
 */
static struct cache_buf *sort(struct cache_buf *list)
{
    struct cache_buf *bins[32] = { NULL };
    struct cache_buf *sorted = NULL;

    while (list) {
        struct cache_buf *carry = list;
        unsigned i = 0;

        list = list->write_next;
        carry->write_next = NULL;
        for (; i < 31 && bins[i]; i++) {
            carry = merge(bins[i], carry);
            bins[i] = NULL;
        }
        bins[i] = merge(bins[i], carry);
    }
    for (unsigned i = 0; i < 32; i++)
        sorted = merge(bins[i], sorted);
    return sorted;
}

/* -------------------------------------------------------------- writing */

/* Take all that is dirty off the cache's list. It is still marked dirty. */
static void collect(struct sync *sync)
{
    struct shale_cache *cache = sync->cache;
    struct cache_buf *list;

    cache_lock(cache);
    list = cache->dirty_list;
    cache->dirty_list = NULL;
    for (struct cache_buf *buf = list; buf; buf = buf->dirty_next)
        buf->write_next = buf->dirty_next;
    cache_unlock(cache);
    sync->list = sort(list);
}

/* Give back what is left to write: keeps (2). */
static void put_back(struct sync *sync)
{
    struct shale_cache *cache = sync->cache;

    cache_lock(cache);
    for (struct cache_buf *buf = sync->list; buf; buf = buf->write_next) {
        buf->dirty_next = cache->dirty_list;
        cache->dirty_list = buf;
    }
    cache_unlock(cache);
}

/* Take the first piece off the list, pinned and marked clean: keeps (1). */
static struct piece piece_take(struct sync *sync)
{
    struct shale_cache *cache = sync->cache;
    size_t room = sync->gather ? sync->gather_size / cache->block_size : 1;
    struct piece piece = { sync->list, 0 };
    struct cache_buf *buf = sync->list;

    cache_lock(cache);
    while (buf && piece.count < room &&
           buf->base.block == piece.head->base.block + piece.count) {
        cache_pin(cache, buf);
        buf->dirty = false;
        buf->writing = true;
        cache->dirty--;
        piece.count++;
        buf = buf->write_next;
    }
    cache_unlock(cache);
    sync->list = buf;
    return piece;
}

static int piece_write(struct sync *sync, const struct piece *piece)
{
    struct shale_cache *cache = sync->cache;
    const uint8_t *data = piece->head->base.data;
    struct cache_buf *buf = piece->head;
    size_t size = cache->block_size;

    if (piece->count > 1) {
        for (size_t i = 0; i < piece->count; i++, buf = buf->write_next)
            memcpy(sync->gather + i * size, buf->base.data, size);
        data = sync->gather;
    }
    return shale_bdev_write(cache->dev, piece->head->base.block * size, data,
                            piece->count * size);
}

/* Let go of PIECE, whose request answered ERR: keeps (2). */
static void piece_put(struct sync *sync, const struct piece *piece, int err)
{
    struct shale_cache *cache = sync->cache;
    struct cache_buf *buf = piece->head;

    cache_lock(cache);
    for (size_t i = 0; i < piece->count; i++, buf = buf->write_next) {
        buf->writing = false;
        if (err)
            cache_mark_dirty(cache, buf);
        cache_unpin(cache, buf);
    }
    cache_unlock(cache);
}

static int write_all(struct sync *sync)
{
    while (sync->list) {
        struct piece piece = piece_take(sync);
        int err = piece_write(sync, &piece);

        piece_put(sync, &piece, err);
        if (err) {
            put_back(sync);
            return err;
        }
    }
    return 0;
}

/* Room for the largest piece there may be; without it pieces are one block. */
static void gather_alloc(struct sync *sync)
{
    struct shale_cache *cache = sync->cache;
    size_t most = REQUEST_BYTES / cache->block_size;
    size_t blocks = 0;

    for (struct cache_buf *buf = sync->list; buf && blocks < most;
         buf = buf->write_next)
        blocks++;
    sync->gather_size = blocks * cache->block_size;
    if (blocks > 1)
        sync->gather = shale_alloc(cache->mem, sync->gather_size);
}

static int sync_locked(struct shale_cache *cache)
{
    struct sync sync = { .cache = cache };
    bool any;
    int err;

    cache_lock(cache);
    any = cache->dirty_list != NULL;
    cache_unlock(cache);
    if (any && cache->block_size < cache->dev->block_size)
        return SHALE_ENOTSUP;

    collect(&sync);
    gather_alloc(&sync);
    err = write_all(&sync);
    shale_free(cache->mem, sync.gather, sync.gather_size);
    if (err)
        return err;
    cache_trim(cache, cache->budget);
    return shale_bdev_flush(cache->dev);
}

int shale_cache_sync(struct shale_cache *cache)
{
    void *lock = cache_lock_at(cache, CACHE_LOCK_SYNC);
    int err;

    lock_exclusive(cache->locks, lock);
    err = sync_locked(cache);
    lock_release(cache->locks, lock);
    return err;
}
