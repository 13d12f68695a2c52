/*
 * writeback.c - writing a batch, in the order that tx.h promises
 *
 * There is a step for each rank and two more. A step writes the blocks of its
 * rank and those of lower ranks that have changes for this very step. Where a
 * block has changes for a later step, what is written has the old bytes.
 *
 * Each rank's list is sorted and written piece by piece: a piece is a series of
 * neighbours, up to 1 MiB, gathered into one request. Of a device that works on
 * several requests, those of a step are under way at once, up to 256 KiB each.
 *
 * With a log a batch that fits goes there first. Once it is valid there, the
 * order does not matter any more: all blocks are written in one step, as they
 * are, pieces of neighbours whatever their ranks; and no flush is waited for,
 * since (1) is what the log is for.
 *
 * A batch of one sector, see tx.c, is written as it is, and flushed.
 *
 * (1) A block stays dirty until a flush after its request has succeeded: when
 *     a flush fails nobody knows what it was that the device has lost.
 * (2) Whatever fails, the batch is as it was but for steps that were completed,
 *     and beginning again from the first step is right.
 * (3) No memory is needed: without any for a piece of many blocks, pieces are
 *     of one, in the transactions' spare block.
 */
#include "batch.h"
#include "memfn.h"
#include "shale/bdev.h"
#include "shale/err.h"
#include "shale/flight.h"
#include "shale/mem.h"

#define GATHER_BYTES ((size_t)1 << 20)

/* One write of a batch under way. */
struct writer {
    struct shale_tx *tx;
    struct shale_flight *flight;    /* or NULL: one request at a time */
    uint8_t *gather;            /* room for pieces */
    size_t gather_size;         /* bytes; at least a block */
    size_t gather_used;         /* by pieces under way */
    unsigned step;              /* a rank or above, to TX_STEP_LAST */
};

/*
 * Flush the device. When that fails, (1) is not enough for what a log holds:
 * it is in its places, and no block is dirty for it.
 */
static int flush(const struct shale_tx *tx)
{
    const struct shale_tx_log *log = tx->logs.now;
    int err = shale_bdev_flush(tx->cache->dev);

    if (err && log)
        log->doubt(log->context);
    return err;
}

/* ------------------------------------------------------------- requests */

/* Wait for all that is under way. */
static int land(struct writer *w)
{
    w->gather_used = 0;
    return w->flight ? shale_flight_finish(w->flight) : 0;
}

/* How many blocks a piece may have. */
static size_t piece_room(const struct writer *w)
{
    size_t size = w->gather_size;

    if (w->flight && size > SHALE_FLIGHT_BYTES)
        size = SHALE_FLIGHT_BYTES;
    return size / w->tx->cache->block_size;
}

/* A place for COUNT blocks, a piece at most, that is theirs until they land. */
static int gather_take(struct writer *w, size_t count, uint8_t **out)
{
    size_t size = count * w->tx->cache->block_size;
    int err = 0;

    if (size > w->gather_size - w->gather_used)
        err = land(w);
    *out = w->gather + w->gather_used;
    w->gather_used += size;
    return err;
}

/* Write COUNT blocks from block FIRST on, or begin to. */
static int blocks_write(struct writer *w, uint64_t first, const uint8_t *data,
                        size_t count)
{
    struct shale_cache *cache = w->tx->cache;
    size_t size = cache->block_size;

    if (w->flight)
        return shale_flight_write(w->flight, first * size, data, count * size);
    w->gather_used = 0;
    return shale_bdev_write(cache->dev, first * size, data, count * size);
}

/* Neighbours, by next. */
struct piece {
    const struct tx_block *head;
    size_t count;               /* blocks */
    bool copy;                  /* gather it even if it is one block */
};

/* -------------------------------------------------------------- sorting */

/* Merge two sorted lists. */
static struct tx_block *merge(struct tx_block *a, struct tx_block *b)
{
    struct tx_block *head = NULL, **end = &head;

    while (a && b) {
        struct tx_block **smaller =
            a->buf->base.block < b->buf->base.block ? &a : &b;

        *end = *smaller;
        *smaller = (*smaller)->next;
        end = &(*end)->next;
    }
    *end = a ? a : b;
    return head;
}

/*
 * Sort LIST by block: a merge sort that counts in binary, where bins[i] is
 * empty or a sorted list of 2^i blocks. 32 bins hold 2^32 - 1.
 */
static struct tx_block *sort(struct tx_block *list)
{
    struct tx_block *bins[32] = { NULL };
    struct tx_block *sorted = NULL;

    while (list) {
        struct tx_block *carry = list;
        unsigned i = 0;

        list = list->next;
        carry->next = NULL;
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

/* --------------------------------------------------------------- pieces */

/* Is BLOCK to be written in this step? */
static bool is_due(const struct writer *w, const struct tx_block *block)
{
    if (block->plain && block->rank == w->step)
        return true;
    for (const struct tx_late *late = block->late; late; late = late->next)
        if (late->step == w->step)
            return true;
    return false;
}

/* Does BLOCK have changes that are for a later step? */
static bool has_later(const struct writer *w, const struct tx_block *block)
{
    for (const struct tx_late *late = block->late; late; late = late->next)
        if (late->step > w->step)
            return true;
    return false;
}

/* The next piece of the list from *AT on, which moves past it. */
static struct piece piece_next(const struct writer *w,
                               const struct tx_block **at)
{
    size_t room = piece_room(w);
    const struct tx_block *block = *at;
    struct piece piece = { NULL, 0, false };

    while (block && !is_due(w, block))
        block = block->next;
    piece.head = block;
    while (block && is_due(w, block) && piece.count < room &&
           block->buf->base.block ==
               piece.head->buf->base.block + piece.count) {
        if (has_later(w, block))
            piece.copy = true;
        piece.count++;
        block = block->next;
    }
    *at = block;
    return piece;
}

/* Copy BLOCK to TO as this step writes it. */
static void copy_block(const struct writer *w, const struct tx_block *block,
                       uint8_t *to)
{
    memcpy(to, block->buf->base.data, w->tx->cache->block_size);
    /* Newest first: where two overlap, what stood there first prevails. */
    for (const struct tx_late *late = block->late; late; late = late->next)
        if (late->step > w->step)
            memcpy(to + late->offset, late->old, late->len);
}

static int piece_write(struct writer *w, const struct piece *piece)
{
    const struct tx_block *block = piece->head;
    const uint8_t *data = block->buf->base.data;
    size_t size = w->tx->cache->block_size;

    if (piece->count > 1 || piece->copy) {
        uint8_t *to;
        int err = gather_take(w, piece->count, &to);

        if (err)
            return err;
        for (size_t i = 0; i < piece->count; i++, block = block->next)
            copy_block(w, block, to + i * size);
        data = to;
    }
    return blocks_write(w, piece->head->buf->base.block, data, piece->count);
}

/* Write what is due of RANK. *ANY becomes true if anything is. */
static int write_due(struct writer *w, unsigned rank, bool *any)
{
    const struct tx_block *at = w->tx->dirty[rank];

    for (;;) {
        struct piece piece = piece_next(w, &at);
        int err;

        if (piece.count == 0)
            return 0;
        *any = true;
        err = piece_write(w, &piece);
        if (err)
            return err;
    }
}

/* ---------------------------------------------------------------- steps */

/* This step's changes of BLOCK are on the device. */
static void settle_block(const struct writer *w, struct tx_block *block)
{
    struct tx_late **at = &block->late;
    struct tx_late *late;

    block->plain = false;
    while ((late = *at)) {
        if (late->step > w->step) {
            at = &late->next;
        } else {
            *at = late->next;
            shale_slab_free(w->tx->lates, late);
        }
    }
}

/* ... and those of all of RANK, where what has no others is clean now. */
static void settle(const struct writer *w, unsigned rank)
{
    struct tx_block **at = &w->tx->dirty[rank];
    struct tx_block *block;

    while ((block = *at)) {
        settle_block(w, block);
        if (block->late) {
            at = &block->next;
        } else {
            *at = block->next;
            tx_block_drop(w->tx, block);
        }
    }
}

static int write_step(struct writer *w)
{
    unsigned ranks = w->step < TX_RANKS ? w->step + 1 : TX_RANKS;
    bool any = false;
    int err = 0, landed;

    for (unsigned rank = 0; rank < ranks && !err; rank++)
        err = write_due(w, rank, &any);
    landed = land(w);
    if (err || landed || !any)
        return err ? err : landed;
    err = flush(w->tx);
    for (unsigned rank = 0; rank < ranks && !err; rank++)
        settle(w, rank);
    return err;
}

static int write_steps(struct writer *w)
{
    struct shale_tx *tx = w->tx;
    int err = flush(tx);        /* the files' data */

    for (unsigned rank = 0; rank < TX_RANKS; rank++)
        tx->dirty[rank] = sort(tx->dirty[rank]);
    for (w->step = 0; w->step <= TX_STEP_LAST && !err; w->step++)
        err = write_step(w);
    return err;
}

/* -------------------------------------------------------------- one sector */

/*
 * Write the batch, which is one sector, and flush it. Nothing has to be there
 * before: it is whole by itself.
 */
static int write_alone(struct writer *w, const struct shale_tx_log *log)
{
    struct shale_tx *tx = w->tx;
    const struct shale_buf *buf = &tx->alone->buf->base;
    uint64_t at = buf->block * tx->cache->block_size + tx->alone_at;
    int err = log ? log->bypass(log->context, buf->block) : 0;

    if (!err)
        err = shale_bdev_write(tx->cache->dev, at, buf->data + tx->alone_at,
                               tx_sector_size(tx));
    if (!err)
        err = flush(tx);
    w->step = TX_STEP_LAST;
    if (!err)
        settle(w, tx->alone->rank);
    return err;
}

/* ------------------------------------------------------------ with a log */

/* Which of the lists of WALK has the lowest block; TX_RANKS if none has any. */
static unsigned walk_lowest(const struct shale_tx_walk *walk)
{
    unsigned lowest = TX_RANKS;

    for (unsigned rank = 0; rank < TX_RANKS; rank++) {
        const struct tx_block *block = walk->at[rank];

        if (block && (lowest == TX_RANKS || block->buf->base.block <
                                     walk->at[lowest]->buf->base.block))
            lowest = rank;
    }
    return lowest;
}

static void walk_begin(const struct shale_tx *tx, struct shale_tx_walk *walk)
{
    for (unsigned rank = 0; rank < TX_RANKS; rank++)
        walk->at[rank] = tx->dirty[rank];
}

const struct shale_buf *shale_tx_walk_next(struct shale_tx_walk *walk)
{
    unsigned lowest = walk_lowest(walk);
    const struct tx_block *block;

    if (lowest == TX_RANKS)
        return NULL;
    block = walk->at[lowest];
    walk->at[lowest] = block->next;
    return &block->buf->base;
}

/*
 * Write the neighbours that begin with BUF, as many as there are and as can be
 * gathered. Stores the block after them.
 */
static int neighbours_write(struct writer *w, struct shale_tx_walk *walk,
                            const struct shale_buf **buf)
{
    const struct shale_buf *first = *buf, *next = first;
    size_t size = w->tx->cache->block_size, room = piece_room(w), count = 0;
    uint8_t *to;
    int err = gather_take(w, 1, &to);

    if (err)
        return err;
    for (;;) {
        memcpy(to + count++ * size, next->data, size);
        next = shale_tx_walk_next(walk);
        if (!next || count == room || next->block != first->block + count ||
            size > w->gather_size - w->gather_used)
            break;
        w->gather_used += size;
    }
    *buf = next;
    return blocks_write(w, first->block, to, count);
}

/*
 * Write all blocks to their places. They are clean then: should the device lose
 * them before it is flushed, they are in the log.
 */
static int write_places(struct writer *w)
{
    struct shale_tx *tx = w->tx;
    struct shale_tx_walk walk;
    const struct shale_buf *buf;
    int err = 0, landed;

    walk_begin(tx, &walk);
    buf = shale_tx_walk_next(&walk);
    while (buf && !err)
        err = neighbours_write(w, &walk, &buf);
    landed = land(w);
    err = err ? err : landed;
    w->step = TX_STEP_LAST;
    for (unsigned rank = 0; rank < TX_RANKS && !err; rank++)
        settle(w, rank);
    return err;
}

/* As write_steps(), through the LOG, which the COUNT dirty blocks fit. */
static int write_logged(struct writer *w, const struct shale_tx_log *log,
                        size_t count)
{
    struct shale_tx *tx = w->tx;
    struct shale_tx_walk walk;
    int err;

    for (unsigned rank = 0; rank < TX_RANKS; rank++)
        tx->dirty[rank] = sort(tx->dirty[rank]);
    walk_begin(tx, &walk);
    err = log->write(log->context, &walk, count);
    if (err)
        return err;
    err = write_places(w);
    tx->unplaced = err != 0;
    return err;
}

/* Has the batch freed anything that the LOG may bring back? */
static bool frees_logged(const struct shale_tx *tx,
                         const struct shale_tx_log *log)
{
    const struct tx_runs *runs = &tx->runs;

    for (size_t i = runs->ready; i < runs->committed; i++)
        if (log->holds(log->context, runs->list[i]))
            return true;
    return false;
}

/* Write the batch: through the log, or past it if it is too large for that. */
static int write_batch(struct writer *w)
{
    struct shale_tx *tx = w->tx;
    const struct shale_tx_log *log = tx->logs.now;
    size_t count = shale_tx_dirty_bytes(tx) / tx->cache->block_size;
    bool fits = log && count > 0 && count <= log->capacity;
    int err = 0;

    if (log && count > log->capacity) {
        if (tx->unplaced)
            log->doubt(log->context);
        err = log->placed(log->context, true);
    }
    if (!err && tx->alone)
        err = write_alone(w, log);
    else if (!err)
        err = fits ? write_logged(w, log, count) : write_steps(w);
    if (!err && log && (count > 0 || tx->runs.ready < tx->runs.committed))
        err = log->placed(log->context, frees_logged(tx, log));
    return err;
}

/* ---------------------------------------------------------------- a batch */

/* Without memory for a flight, or any use of one, it is one by one. */
static void flight_alloc(struct writer *w)
{
    struct shale_bdev *dev = w->tx->cache->dev;

    if (dev->at_once > 1)
        w->flight = shale_alloc(w->tx->mem, sizeof *w->flight);
    if (w->flight)
        shale_flight_begin(w->flight, dev);
}

/* Room for as large a piece as there may be, or as there is memory for. */
static void gather_alloc(struct writer *w)
{
    size_t block_size = w->tx->cache->block_size;
    size_t size = shale_tx_dirty_bytes(w->tx);

    for (size = size < GATHER_BYTES ? size : GATHER_BYTES;
         size > block_size; size /= 2) {
        w->gather = shale_alloc(w->tx->mem, size);
        if (w->gather) {
            w->gather_size = size;
            return;
        }
    }
    w->gather = w->tx->spare;
    w->gather_size = block_size;
}

/* All is on the device: what the batch freed is free, and the next begins. */
static void batch_end(struct shale_tx *tx)
{
    tx->runs.ready = tx->runs.committed;
    cache_lock(tx->cache);
    tx->batch++;
    cache_unlock(tx->cache);
    tx->logs.now = tx->logs.next;
    tx->unplaced = false;
}

int shale_tx_flush(struct shale_tx *tx)
{
    struct shale_cache *cache = tx->cache;
    void *lock = cache_lock_at(cache, CACHE_LOCK_WRITE);
    int err;

    /* Which log there is, others may be changing. */
    lock_exclusive(cache->locks, lock);
    err = shale_bdev_flush(cache->dev);
    if (err)
        tx->flush_failed = true;
    lock_release(cache->locks, lock);
    return err;
}

/* Tell the log of flushes that have failed without it. */
static void flush_failed_tell(struct shale_tx *tx)
{
    const struct shale_tx_log *log = tx->logs.now;

    if (tx->flush_failed && log)
        log->doubt(log->context);
    tx->flush_failed = false;
}

int shale_tx_make_void(struct shale_tx *tx)
{
    const struct shale_tx_log *log = tx->logs.now;
    struct shale_cache *cache = tx->cache;
    void *lock = cache_lock_at(cache, CACHE_LOCK_WRITE);
    int err;

    lock_exclusive(cache->locks, lock);
    flush_failed_tell(tx);
    err = log ? log->placed(log->context, true) : flush(tx);
    lock_release(cache->locks, lock);
    return err;
}

int shale_tx_write(struct shale_tx *tx)
{
    struct shale_cache *cache = tx->cache;
    void *lock = cache_lock_at(cache, CACHE_LOCK_WRITE);
    struct writer w = { .tx = tx };
    int err;

    lock_exclusive(cache->locks, lock);
    ahead_end(cache, true);     /* which may be reading what is written now */
    flush_failed_tell(tx);
    flight_alloc(&w);
    gather_alloc(&w);
    err = write_batch(&w);
    if (w.gather != tx->spare)
        shale_free(tx->mem, w.gather, w.gather_size);
    if (w.flight)
        shale_free(tx->mem, w.flight, sizeof *w.flight);
    if (!err)
        batch_end(tx);
    lock_release(cache->locks, lock);
    cache_trim(cache, cache->budget);
    return err;
}
