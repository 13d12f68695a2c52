/*
 * readrun.h - runs, for what reads them: on a miss, or ahead of one
 */
#ifndef BLOCK_READRUN_H
#define BLOCK_READRUN_H

#include "buffers.h"

#define RUN_BLOCKS_MAX (CACHE_RUN_BYTES / CACHE_BLOCK_MIN)

/* What to read: it begins and ends with a missing block. */
struct run {
    uint64_t first;
    unsigned count;             /* blocks; 1 to RUN_BLOCKS_MAX */
    bool whole;                 /* nothing else is missing in its window */
    uint8_t missing[RUN_BLOCKS_MAX / 8];    /* bit i for block first + i */
};

/* Narrow [*FIRST, *END) to BLOCK's run, to the volume, and to sense. */
void run_window(const struct shale_cache *cache, uint64_t block,
                uint64_t *first, uint64_t *end);

/* Was the window from FIRST on read whole lately? Under the state lock. */
bool run_read_lately(const struct shale_cache *cache, uint64_t first);

/*
 * Plan to read what is missing of [FIRST, END) around the missing BLOCK, from
 * the first such block to the last. Under the state lock.
 */
void run_plan(const struct shale_cache *cache, uint64_t block, uint64_t first,
              uint64_t end, struct run *run);

/*
 * Read RUN, planned with its load lock held since, of the window from FIRST on;
 * its block number WANTED is the one that is asked for, and not missing then.
 */
int run_read(struct shale_cache *cache, struct run *run, uint64_t first,
             unsigned wanted, struct cache_buf **out);

/*
 * As above, of the DATA that has been read: nothing is pinned, and what there
 * is no memory for is left out.
 */
void run_deal(struct shale_cache *cache, const struct run *run, uint64_t first,
              const uint8_t *data);

/*
 * Read BLOCK, and what is missing around it in [FIRST, END), and store BLOCK's
 * buffer, pinned, in *OUT. With the run's load lock. *WHOLE becomes true if all
 * that was missing in that range's window has been read.
 */
int run_load(struct shale_cache *cache, uint64_t block, uint64_t first,
             uint64_t end, struct cache_buf **out, bool *whole);

/* The load lock of the run NUMBER; and takes it. */
void *run_lock_of(const struct shale_cache *cache, uint64_t number);
void *run_lock(const struct shale_cache *cache, uint64_t number);

/* ---------------------------------------------------------------- ahead.c */

/*
 * The run before the run NUMBER has been read whole, in the range [FIRST, END).
 * If they come in order, ask for this one, and do not wait for it. Without any
 * load lock.
 */
void ahead_next(struct shale_cache *cache, uint64_t number, uint64_t first,
                uint64_t end);

/* Deal out the run NUMBER, if it was asked for so. With its load lock. */
bool ahead_land(struct shale_cache *cache, uint64_t number);

/* ---------------------------------------------------------------- asked.c */

struct asked;

/*
 * What has been asked for to be BLOCK and is on its way, or NULL. Under the
 * state lock, and with the block's load lock until asked_take(), ...
 */
struct asked *asked_find(struct shale_cache *cache, uint64_t block);

/*
 * ... which waits for it. With KEEP it is put in the cache, with one pin. NULL
 * if it is not fit for that, or not to be kept.
 */
struct cache_buf *asked_take(struct shale_cache *cache, struct asked *asked,
                             bool keep);

/* As those of ahead.c, which calls these. */
void asked_fini(struct shale_cache *cache);
void asked_strike(struct shale_cache *cache, uint64_t block);
size_t asked_end(struct shale_cache *cache, bool keep);

#endif /* BLOCK_READRUN_H */
