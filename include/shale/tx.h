/*
 * tx.h - a change of metadata, whole or not at all, and when it is written
 *
 * Every call that changes a volume is one transaction: the core opens it, the
 * driver changes blocks of the buffer cache through it, and the core commits
 * it or, after an error, undoes it, byte for byte. What is committed stays in
 * memory as part of the volume's batch, and the batch is written as a unit.
 *
 * Without a journal, what makes a power cut harmless is the order in which a
 * batch is written, with the device flushed between any two steps:
 *
 *     1. file data: it is on the device before its batch, see file.c
 *     2. blocks of rank MAP    what is in use: a file allocation table, bitmaps
 *     3. blocks of rank NODE   what files are made of: inodes, their pointers
 *     4. blocks of rank NAME   what makes files reachable: directories
 *     5. changes with WHOLE    what completes a name in more than one block
 *     6. changes made late     the old name of a file that has got a new one
 *     7. now what the batch freed is free: only here may it be used again
 *
 * So a cut leaks space at worst. Before its step a late change is not to be
 * seen on the device: its block is written as if it had not been made.
 *
 * A format that has a journal gives a log (shale_tx_set_log). Then a batch is
 * whole on the device or not at all, ranks and steps do not matter, and it is
 * written like this:
 *
 *     1. file data, and the blocks of the batch to the log; a flush
 *     2. what makes the log valid; a flush, and the batch is safe
 *     3. all its blocks in their places; the next batch flushes that
 *     4. if it freed blocks that are in the log, the log is made void, before
 *        they are used for anything else
 *
 * With or without, a batch that changes no more than one sector, and no file
 * data needs to be there before it, is written to its place as it is: a sector
 * is written whole or not at all. So to overwrite bytes of a file and have them
 * and its times safe takes one flush.
 *
 * When a flush fails, nobody knows what is lost of all that was written since
 * the one before. So nobody flushes the device past this, lest he gets the
 * error and we go on as if all was well.
 *
 * Ownership  buffers stay their callers'; a transaction holds a pin of its own
 * Errors     0 or a negative enum shale_err
 * Locking    one transaction at a time, all with the volume's lock exclusive;
 *            shale_tx_write() with it shared at least (nothing may change
 *            meanwhile, everything may be read), where several calls take
 *            turns; shale_tx_flush(), shale_tx_dirty() and
 *            shale_tx_dirty_bytes() with none
 */
#ifndef SHALE_TX_H
#define SHALE_TX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_buf;
struct shale_cache;
struct shale_mem;
struct shale_tx;

/*
 * When a block is written, see above. A block always has the same rank. The
 * last is none of a block: shale_tx_change_with() takes it for its step.
 */
enum shale_rank {
    SHALE_RANK_MAP,
    SHALE_RANK_NODE,
    SHALE_RANK_NAME,
    SHALE_STEP_WHOLE,
};

#define SHALE_TX_LATE_MAX 32u

/* Units of the driver's, clusters or blocks, that are in use no more. */
struct shale_tx_run {
    uint64_t first, count;
};

/* ------------------------------------------------------- for a driver */

/*
 * BUF's data is about to be changed. From now on until the transaction ends
 * the driver may change any of it; if the transaction is undone, so is that.
 * SHALE_ENOMEM. Calling it again for the same block costs nothing.
 */
int shale_tx_change(struct shale_tx *tx, struct shale_buf *buf,
                    enum shale_rank rank);

/*
 * As shale_tx_change() for the LEN (up to SHALE_TX_LATE_MAX) bytes of BUF at
 * OFFSET, which are to reach the device after all else in the batch; no other
 * bytes may be changed by this call's leave. The device keeps the bytes that
 * are there now until the last step, and then gets those that are there then,
 * if they were changed again or not. What stood there is not free, for a driver
 * to use again, before shale_tx_batch() has moved on.
 */
int shale_tx_change_late(struct shale_tx *tx, struct shale_buf *buf,
                         size_t offset, size_t len, enum shale_rank rank);

/*
 * As shale_tx_change_late(), but the bytes go with the blocks of rank STEP,
 * which is above RANK: a link to be made when what it leads to is there.
 */
int shale_tx_change_with(struct shale_tx *tx, struct shale_buf *buf,
                         size_t offset, size_t len, enum shale_rank rank,
                         enum shale_rank step);

/*
 * This transaction makes no file data be seen that was not: it may be on the
 * device before data that was written earlier.
 */
void shale_tx_unordered(struct shale_tx *tx);

/*
 * The units of RUN are free as soon as this transaction is on the device. Then
 * the core calls the driver's reclaim(). What a RUN without units means is the
 * driver's own business. SHALE_ENOMEM.
 */
int shale_tx_free(struct shale_tx *tx, struct shale_tx_run run);

/*
 * If this transaction is undone, UNDO(CONTEXT, A, B) is called, last noted
 * first, after the blocks are as they were: for what a driver keeps in memory.
 * To be called before the change that it undoes. SHALE_ENOMEM.
 */
int shale_tx_on_undo(struct shale_tx *tx,
                     void (*undo)(void *context, uint64_t a, uint64_t b),
                     void *context, uint64_t a, uint64_t b);

/*
 * If this transaction is undone, the SIZE bytes at WHAT become what they are
 * now: for fields of the driver's own memory. SHALE_ENOMEM.
 */
int shale_tx_save(struct shale_tx *tx, void *what, size_t size);

/*
 * How many units have been freed and are not reclaimed, of runs that begin
 * below BELOW: what a driver's statfs() adds to what is free already.
 */
uint64_t shale_tx_freed(const struct shale_tx *tx, uint64_t below);

/*
 * The number of the batch that is being filled, rising from 1. What was done
 * in a batch with a lower number is on the device.
 */
uint64_t shale_tx_batch(const struct shale_tx *tx);

/* The blocks of a batch that is being written. */
struct shale_tx_walk;

/* The next block, by number; NULL after the last. */
const struct shale_buf *shale_tx_walk_next(struct shale_tx_walk *walk);

/* Where a format with a journal keeps a batch until it is in its places. */
struct shale_tx_log {
    void *context;
    size_t capacity;            /* blocks that the largest batch may have */

    /*
     * Flush the device, and make the COUNT blocks of WALK, 1 to CAPACITY, valid
     * in the log, durably: all of them or, if it fails, perhaps none.
     */
    int (*write)(void *context, struct shale_tx_walk *walk, size_t count);

    /*
     * All that the log holds has been written to its places, and need not be
     * kept when that has been flushed. MAKE_VOID: flush it, and see to it that
     * the log cannot come back, durably.
     */
    int (*placed)(void *context, bool make_void);

    /* May the log hold a unit of RUN, which has been freed? */
    bool (*holds)(void *context, struct shale_tx_run run);

    /*
     * BLOCK is going to be written to its place, and not to the log. If that
     * holds it, too, what the log holds is flushed, and the log must not come
     * back when the device has been flushed next; then placed() is called.
     */
    int (*bypass)(void *context, uint64_t block);

    /*
     * A flush has failed: what was written in its places and not flushed may
     * be lost. What the log holds has to be brought there again before it is
     * given up.
     */
    void (*doubt)(void *context);
};

/*
 * Batches go through *LOG, which stays the caller's, from the next one on: not
 * the one that is being filled, which may be what makes the log. NULL: without
 * one, and at once; what the log holds has to be void. If the transaction under
 * way is undone, so is this.
 *
 * A batch that is larger than the log's capacity is written by rank.
 */
void shale_tx_set_log(struct shale_tx *tx, const struct shale_tx_log *log);

/* --------------------------------------------------------- for the core */

/* Bytes of blocks that the log takes as one batch; SIZE_MAX without a log. */
size_t shale_tx_whole_bytes(const struct shale_tx *tx);

/*
 * Make what the transactions on CACHE need, from MEM. SHALE_ENOTSUP if CACHE's
 * blocks are smaller than its device's: it can be read but not written.
 */
int shale_tx_create(struct shale_cache *cache, struct shale_mem *mem,
                    struct shale_tx **out);

/*
 * Free it, before its cache. What was not written is lost: write first. TX may
 * be NULL.
 */
void shale_tx_destroy(struct shale_tx *tx);

void shale_tx_begin(struct shale_tx *tx);

/* End the transaction: it is part of the batch. Cannot fail. */
void shale_tx_commit(struct shale_tx *tx);

/* End the transaction as if it had not been begun. Cannot fail. */
void shale_tx_undo(struct shale_tx *tx);

/* Is anything committed and not on the device? How many bytes of blocks? */
bool shale_tx_dirty(const struct shale_tx *tx);
size_t shale_tx_dirty_bytes(const struct shale_tx *tx);

/*
 * Write the batch in the order above, steps 1 to 6; with nothing to write,
 * flush the device. On error nothing is lost from memory: what has not been
 * written is still in the batch, and the next call tries again.
 */
int shale_tx_write(struct shale_tx *tx);

/* Flush the device. */
int shale_tx_flush(struct shale_tx *tx);

/*
 * With nothing to write: flush the device, and see to it that the log, if there
 * is one, cannot come back, durably.
 */
int shale_tx_make_void(struct shale_tx *tx);

/* Runs freed by transactions, on the device or not, and not yet taken. */
bool shale_tx_frees_pending(const struct shale_tx *tx);

/*
 * Take a run that is free now (step 7): one freed in a batch that has been
 * written, oldest first, neighbours merged. False if there is none (any more).
 * Not within a transaction.
 */
bool shale_tx_take_free(struct shale_tx *tx, struct shale_tx_run *out);

/*
 * A run of the batch at hand, if that has a log. What is to be noted of it on
 * the volume may be noted now, in a transaction after which the batch still
 * shale_tx_fits() the log; shale_tx_early_done() then, and it is not taken
 * later. Nobody may be given any of it before the batch is written: so from
 * here until then the volume's lock is exclusive. False if there is none (any
 * more).
 */
bool shale_tx_early(const struct shale_tx *tx, struct shale_tx_run *out);
void shale_tx_early_done(struct shale_tx *tx);

/* With what the open transaction has changed: is the batch not too large for
   the log? */
bool shale_tx_fits(const struct shale_tx *tx);

#ifdef __cplusplus
}
#endif

#endif /* SHALE_TX_H */
