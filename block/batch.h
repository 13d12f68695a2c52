/*
 * batch.h - transactions and their batch from inside
 *
 * A tx_block stands for a block that differs from the device, or is about to:
 * from the first change that a transaction announces until the block has been
 * written and flushed, or the change undone. Meanwhile the buffer stays in the
 * cache whether anybody pins it or not.
 *
 *      in the transaction's list   it may be changed; `image` is as it was
 *      in its rank's list          committed and not on the device: dirty
 *
 * It may be in both. The lists are changed with the volume's lock exclusive,
 * or by shale_tx_write(), which excludes that and takes the cache's write lock.
 * cache->dirty and the batch's number are under the cache's state lock, so that
 * they may be asked for while a batch is being written.
 */
#ifndef BLOCK_BATCH_H
#define BLOCK_BATCH_H

#include "buffers.h"
#include "shale/tx.h"

/*
 * A batch is written in as many steps as there are ranks, one for what makes
 * names whole, and a last one.
 */
enum { TX_RANKS = SHALE_STEP_WHOLE, TX_STEP_LAST };

/* What stood where a late change was made, until its step has been written. */
struct tx_late {
    struct tx_late *next;       /* made earlier in the same block */
    unsigned step;              /* a rank or above, to TX_STEP_LAST */
    uint32_t offset;
    uint32_t len;
    uint8_t old[SHALE_TX_LATE_MAX];
};

struct tx_block {
    struct cache_buf *buf;
    enum shale_rank rank;
    bool dirty;                 /* in its rank's list */
    bool plain;                 /* to be written in its rank's step */
    struct tx_block *next;      /* in its rank's list */
    struct tx_late *late;       /* newest first */

    /* Of the transaction, if it changes the block. */
    uint8_t *image;             /* the data as it was; or NULL */
    bool touched;               /* changed otherwise than late */
    struct tx_late *late_before;            /* `late` as it was */
    struct tx_block *next_changed;
};

/* To be called if the transaction is undone; or, with no UNDO, ... */
struct tx_undo {
    void (*undo)(void *context, uint64_t a, uint64_t b);
    void *context;              /* ... to be restored ... */
    uint64_t a, b;              /* ... of A bytes ... */
    void *saved;                /* ... from here */
};

/* The logs of the batch that is being filled, and of those after it. */
struct tx_logs {
    const struct shale_tx_log *now, *next;
};

/*
 * Runs that were freed, oldest first, in one array that grows:
 *
 *      taken       ready           committed           count
 *      | free now  | of the batch  | of the transaction |
 *
 * Those below EARLY have been seen to; it is past the ready ones only when all
 * of these have been taken. See shale_tx_early().
 */
struct tx_runs {
    struct shale_tx_run *list;
    size_t room;
    size_t taken, ready, early, committed, count;
};

struct shale_tx {
    struct shale_cache *cache;
    struct shale_mem *mem;
    struct shale_slab *blocks, *lates;
    uint8_t *spare;             /* one block, to gather in if there is no
                                   memory for more */

    struct tx_block *dirty[TX_RANKS];
    struct tx_block *alone;     /* all that is dirty, and of it ... */
    size_t alone_at;            /* ... the sector here; or NULL: not so */
    uint64_t batch;
    struct tx_runs runs;
    struct tx_logs logs;
    bool flush_failed;          /* since the log has last been asked */
    bool unplaced;              /* what the log holds could not be written to
                                   its places; it is dirty as well */

    /* The transaction. */
    bool open;
    bool unordered;             /* no file data has to be there before it */
    struct tx_block *changed;   /* newest first */
    struct tx_undo *undos;
    size_t undo_room, undo_count;
    struct tx_logs logs_before;
};

struct shale_tx_walk {
    const struct tx_block *at[TX_RANKS];    /* of lists that are sorted */
};

/*
 * Make room in ARRAY, of *ROOM entries of SIZE bytes, COUNT of them in use, for
 * one more. Returns the array, moved perhaps; NULL, and all is as it was, if
 * there is no memory.
 */
void *tx_array_grow(struct shale_mem *mem, void *array, size_t *room,
                    size_t count, size_t size, size_t room_min);

/* The transaction's runs become the batch's. */
void tx_runs_commit(struct tx_runs *runs);

/* Bytes that TX's device writes whole or not at all. */
size_t tx_sector_size(const struct shale_tx *tx);

/* Forget BLOCK, in no list any more; its buffer is one like any other. */
void tx_block_drop(struct shale_tx *tx, struct tx_block *block);

#endif /* BLOCK_BATCH_H */
