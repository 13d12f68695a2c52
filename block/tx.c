/*
 * tx.c - transactions: changing blocks, whole or not at all
 *
 * Before a block is changed it is copied; undoing copies back. Committing just
 * adds the blocks to the batch, which writeback.c writes. So what may fail,
 * for want of memory, fails before anything is changed, and neither commit nor
 * undo can fail.
 *
 * A block that a transaction leaves as it found it is not written: a second
 * write to a file within the same second, where its format keeps seconds.
 */
#include "shale/tx.h"

#include "assert.h"
#include "batch.h"
#include "memfn.h"
#include "shale/bdev.h"
#include "shale/err.h"
#include "shale/mem.h"

#define UNDO_ROOM_MIN 16u       /* entries */

#define SECTOR_MIN ((size_t)512)
#define NOWHERE SIZE_MAX

/* --------------------------------------------------------------- blocks */

/* Free the late changes of BLOCK that are newer than KEPT (NULL: all). */
static void lates_drop(struct shale_tx *tx, struct tx_block *block,
                       struct tx_late *kept)
{
    while (block->late != kept) {
        struct tx_late *late = block->late;

        block->late = late->next;
        shale_slab_free(tx->lates, late);
    }
}

void tx_block_drop(struct shale_tx *tx, struct tx_block *block)
{
    struct shale_cache *cache = tx->cache;

    if (tx->alone == block)
        tx->alone = NULL;
    cache_lock(cache);
    if (block->dirty)
        cache->dirty--;
    cache_release(cache, block->buf);
    cache_unlock(cache);
    shale_slab_free(tx->blocks, block);
}

/* The transaction may change BUF: see to it that it has an image of it. */
static int block_change(struct shale_tx *tx, struct cache_buf *buf,
                        enum shale_rank rank)
{
    struct shale_cache *cache = tx->cache;
    struct tx_block *block = buf->tx;
    uint8_t *image;

    SHALE_ASSERT(tx->open && buf->pins > 0 && buf->base.cache == cache);
    SHALE_ASSERT((int)rank < (int)TX_RANKS);
    if (block && block->image)
        return 0;

    image = shale_alloc(tx->mem, cache->block_size);
    if (!image)
        return SHALE_ENOMEM;
    if (!block) {
        block = shale_slab_alloc(tx->blocks);
        if (!block) {
            shale_free(tx->mem, image, cache->block_size);
            return SHALE_ENOMEM;
        }
        *block = (struct tx_block){ .buf = buf, .rank = rank };
        cache_lock(cache);
        cache_hold(cache, buf, block);
        cache_unlock(cache);
    }
    memcpy(image, buf->base.data, cache->block_size);
    block->image = image;
    block->touched = false;
    block->late_before = block->late;
    block->next_changed = tx->changed;
    tx->changed = block;
    return 0;
}

int shale_tx_change(struct shale_tx *tx, struct shale_buf *buf,
                    enum shale_rank rank)
{
    struct cache_buf *own = (struct cache_buf *)buf;
    int err = block_change(tx, own, rank);

    if (!err)
        own->tx->touched = true;
    return err;
}

/* As shale_tx_change_with(), for any step. */
static int change_late(struct shale_tx *tx, struct shale_buf *buf,
                       size_t offset, size_t len, enum shale_rank rank,
                       unsigned step)
{
    struct cache_buf *own = (struct cache_buf *)buf;
    struct tx_late *late;
    int err;

    SHALE_ASSERT(len <= SHALE_TX_LATE_MAX && len <= tx->cache->block_size &&
                 offset <= tx->cache->block_size - len && step > rank);
    err = block_change(tx, own, rank);
    if (err)
        return err;
    late = shale_slab_alloc(tx->lates);
    if (!late)
        return SHALE_ENOMEM;
    late->step = step;
    late->offset = (uint32_t)offset;
    late->len = (uint32_t)len;
    memcpy(late->old, buf->data + offset, len);
    late->next = own->tx->late;
    own->tx->late = late;
    return 0;
}

int shale_tx_change_with(struct shale_tx *tx, struct shale_buf *buf,
                         size_t offset, size_t len, enum shale_rank rank,
                         enum shale_rank step)
{
    return change_late(tx, buf, offset, len, rank, step);
}

int shale_tx_change_late(struct shale_tx *tx, struct shale_buf *buf,
                         size_t offset, size_t len, enum shale_rank rank)
{
    return change_late(tx, buf, offset, len, rank, TX_STEP_LAST);
}

/* --------------------------------------------------------- to be undone */

static int undo_add(struct shale_tx *tx, struct tx_undo undo)
{
    struct tx_undo *undos;

    SHALE_ASSERT(tx->open);
    undos = tx_array_grow(tx->mem, tx->undos, &tx->undo_room, tx->undo_count,
                          sizeof *undos, UNDO_ROOM_MIN);
    if (!undos)
        return SHALE_ENOMEM;
    tx->undos = undos;
    undos[tx->undo_count++] = undo;
    return 0;
}

int shale_tx_on_undo(struct shale_tx *tx,
                     void (*undo)(void *context, uint64_t a, uint64_t b),
                     void *context, uint64_t a, uint64_t b)
{
    return undo_add(tx, (struct tx_undo){
        .undo = undo, .context = context, .a = a, .b = b,
    });
}

int shale_tx_save(struct shale_tx *tx, void *what, size_t size)
{
    void *saved = shale_alloc(tx->mem, size);
    int err;

    if (!saved)
        return SHALE_ENOMEM;
    memcpy(saved, what, size);
    err = undo_add(tx, (struct tx_undo){
        .context = what, .a = size, .saved = saved,
    });
    if (err)
        shale_free(tx->mem, saved, size);
    return err;
}

/* Forget what was to be undone, all of it; UNDO: having undone it. */
static void undos_end(struct shale_tx *tx, bool undo)
{
    while (tx->undo_count > 0) {
        const struct tx_undo *last = &tx->undos[--tx->undo_count];

        if (last->undo) {
            if (undo)
                last->undo(last->context, last->a, last->b);
            continue;
        }
        /* What has not changed may be read by others at this moment. */
        if (undo && memcmp(last->context, last->saved, (size_t)last->a) != 0)
            memcpy(last->context, last->saved, (size_t)last->a);
        shale_free(tx->mem, last->saved, (size_t)last->a);
    }
}

/* ------------------------------------------------ begin, commit, undo */

void shale_tx_begin(struct shale_tx *tx)
{
    SHALE_ASSERT(!tx->open);
    tx->open = true;
    tx->unordered = false;
    tx->logs_before = tx->logs;
}

void shale_tx_unordered(struct shale_tx *tx)
{
    SHALE_ASSERT(tx->open);
    tx->unordered = true;
}

/* Add BLOCK to the batch. */
static void block_dirty(struct shale_tx *tx, struct tx_block *block)
{
    block->dirty = true;
    block->next = tx->dirty[block->rank];
    tx->dirty[block->rank] = block;
    cache_lock(tx->cache);
    tx->cache->dirty++;
    cache_unlock(tx->cache);
}

/* The transaction is over for BLOCK, whose data is as it shall be. */
static void block_end(struct shale_tx *tx, struct tx_block *block)
{
    shale_free(tx->mem, block->image, tx->cache->block_size);
    block->image = NULL;
    if (block->dirty)
        return;
    if (block->plain || block->late)
        block_dirty(tx, block);
    else
        tx_block_drop(tx, block);
}

static struct tx_block *changed_take(struct shale_tx *tx)
{
    struct tx_block *block = tx->changed;

    if (block)
        tx->changed = block->next_changed;
    return block;
}

size_t tx_sector_size(const struct shale_tx *tx)
{
    size_t size = tx->cache->dev->block_size;

    return size < SECTOR_MIN ? SECTOR_MIN : size;
}

/*
 * Do all changes of BLOCK lie in the sector at *AT, or, if that is NOWHERE, in
 * any, which is stored?
 */
static bool in_one_sector(const struct shale_tx *tx,
                          const struct tx_block *block, size_t *at)
{
    const uint8_t *data = block->buf->base.data;
    size_t size = tx_sector_size(tx);

    for (size_t i = 0; i < tx->cache->block_size; i += size) {
        if (memcmp(data + i, block->image + i, size) == 0)
            continue;
        if (*at != NOWHERE && *at != i)
            return false;
        *at = i;
    }
    return true;
}

static bool batch_is_empty(const struct shale_tx *tx)
{
    for (unsigned rank = 0; rank < TX_RANKS; rank++)
        if (tx->dirty[rank])
            return false;
    return true;
}

/* Is the batch one sector with this transaction, which is being committed? */
static void alone_note(struct shale_tx *tx)
{
    struct tx_block *block = tx->changed;
    bool frees = tx->runs.count > tx->runs.ready;
    size_t at = tx->alone ? tx->alone_at : NOWHERE;

    if (!block && !frees)
        return;
    if (block && !block->next_changed && !block->late && !frees &&
        tx->unordered && (tx->alone == block || batch_is_empty(tx)) &&
        in_one_sector(tx, block, &at)) {
        tx->alone = at == NOWHERE ? NULL : block;
        tx->alone_at = at;
    } else {
        tx->alone = NULL;
    }
}

void shale_tx_commit(struct shale_tx *tx)
{
    struct tx_block *block;

    SHALE_ASSERT(tx->open);
    alone_note(tx);
    while ((block = changed_take(tx))) {
        if (block->touched && !block->plain)
            block->plain = memcmp(block->buf->base.data, block->image,
                                  tx->cache->block_size) != 0;
        block_end(tx, block);
    }
    tx_runs_commit(&tx->runs);
    undos_end(tx, false);
    tx->open = false;
}

void shale_tx_undo(struct shale_tx *tx)
{
    struct tx_block *block;

    SHALE_ASSERT(tx->open);
    while ((block = changed_take(tx))) {
        memcpy(block->buf->base.data, block->image, tx->cache->block_size);
        lates_drop(tx, block, block->late_before);
        block_end(tx, block);
    }
    tx->runs.count = tx->runs.committed;
    undos_end(tx, true);
    tx->logs = tx->logs_before;
    tx->open = false;
}

/* ------------------------------------------------------------ the batch */

uint64_t shale_tx_batch(const struct shale_tx *tx)
{
    uint64_t batch;

    cache_lock(tx->cache);
    batch = tx->batch;
    cache_unlock(tx->cache);
    return batch;
}

size_t shale_tx_dirty_bytes(const struct shale_tx *tx)
{
    size_t blocks;

    cache_lock(tx->cache);
    blocks = tx->cache->dirty;
    cache_unlock(tx->cache);
    return blocks * tx->cache->block_size;
}

bool shale_tx_dirty(const struct shale_tx *tx)
{
    return shale_tx_dirty_bytes(tx) > 0;
}

void shale_tx_set_log(struct shale_tx *tx, const struct shale_tx_log *log)
{
    tx->logs.next = log;
    if (!log)
        tx->logs.now = NULL;
}

bool shale_tx_fits(const struct shale_tx *tx)
{
    size_t blocks = shale_tx_dirty_bytes(tx) / tx->cache->block_size;

    for (const struct tx_block *b = tx->changed; b; b = b->next_changed)
        blocks += !b->dirty;
    return tx->logs.now && blocks <= tx->logs.now->capacity;
}

size_t shale_tx_whole_bytes(const struct shale_tx *tx)
{
    const struct shale_tx_log *log = tx->logs.next;
    size_t block_size = tx->cache->block_size;

    if (!log || log->capacity > SIZE_MAX / block_size)
        return SIZE_MAX;
    return log->capacity * block_size;
}

/* --------------------------------------------------------- a whole one */

int shale_tx_create(struct shale_cache *cache, struct shale_mem *mem,
                    struct shale_tx **out)
{
    const struct shale_slab_config blocks = {
        .name = "tx-block", .size = sizeof(struct tx_block),
    };
    const struct shale_slab_config lates = {
        .name = "tx-late", .size = sizeof(struct tx_late),
    };
    struct shale_tx *tx;

    if (cache->block_size < cache->dev->block_size)
        return SHALE_ENOTSUP;
    tx = shale_zalloc(mem, sizeof *tx);
    if (!tx)
        return SHALE_ENOMEM;
    tx->cache = cache;
    tx->mem = mem;
    tx->batch = 1;
    tx->spare = shale_alloc(mem, cache->block_size);
    if (!tx->spare)
        goto free_tx;
    tx->blocks = shale_slab_create(mem, &blocks);
    if (!tx->blocks)
        goto free_spare;
    tx->lates = shale_slab_create(mem, &lates);
    if (!tx->lates)
        goto destroy_blocks;
    *out = tx;
    return 0;

destroy_blocks:
    shale_slab_destroy(tx->blocks);
free_spare:
    shale_free(mem, tx->spare, cache->block_size);
free_tx:
    shale_free(mem, tx, sizeof *tx);
    return SHALE_ENOMEM;
}

void shale_tx_destroy(struct shale_tx *tx)
{
    if (!tx)
        return;
    SHALE_ASSERT(!tx->open);
    for (unsigned rank = 0; rank < TX_RANKS; rank++) {
        struct tx_block *block = tx->dirty[rank], *next;

        for (; block; block = next) {
            uint64_t number = block->buf->base.block;

            next = block->next;
            lates_drop(tx, block, NULL);
            tx_block_drop(tx, block);
            cache_forget(tx->cache, number);
        }
    }
    shale_slab_destroy(tx->lates);
    shale_slab_destroy(tx->blocks);
    shale_free(tx->mem, tx->runs.list, tx->runs.room * sizeof *tx->runs.list);
    shale_free(tx->mem, tx->undos, tx->undo_room * sizeof *tx->undos);
    shale_free(tx->mem, tx->spare, tx->cache->block_size);
    shale_free(tx->mem, tx, sizeof *tx);
}
