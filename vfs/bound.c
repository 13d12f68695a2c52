/*
 * bound.c - what a volume takes of memory at most: the formula, as a call
 *
 * Each part is bounded where it is allocated, by a number of the configuration
 * or by a constant; here these are added up. The constants are larger than what
 * they stand for, but not by much, and tests/test_vfs_bound.c holds what is
 * measured against the sum. What has no bound is in docs/memory.md.
 *
 * Units      bytes
 */
#include "decoded.h"
#include "memfn.h"
#include "profile.h"
#include "shale/cache.h"
#include "vfs.h"

/* Mounting reads tables; and what the driver keeps of its own. */
#define VOLUME_BYTES ((size_t)24 << 10)

/* A block's struct, and its place in the hash, beside its data. */
#define BLOCK_EXTRA ((size_t)112)

/* Blocks that one call pins at once. */
#define BLOCKS_PINNED ((size_t)8)

/* The state lock, the write lock and those of runs; see block/buffers.h. */
#define CACHE_LOCKS ((size_t)18)

/* A vnode's place in the table, and what a driver keeps with one. */
#define VNODE_EXTRA ((size_t)64)
#define VNODE_EXTRA_DECODED ((size_t)640)       /* lists of runs, values */

/* Tables of names; as NAMES_MAX of the drivers. */
#define NAMES_BYTES ((size_t)3 << 20)

/* A call's own structs, paths, and names on their way to the caller. */
#define CALL_BYTES ((size_t)24 << 10)

/* What is read at once; requests of a device that works on several. */
#define RUN_BYTES ((size_t)128 << 10)
#define FLIGHT_BYTES ((size_t)8 << 10)

/* To decode a unit: what it is decoded from, and the decoder's tables. */
#define DECODER_BYTES ((size_t)192 << 10)

/*
 * What one call changes: so many blocks, or bytes of them, each there twice
 * until the call has succeeded.
 */
#define CHANGED_BLOCKS ((size_t)12)
#define CHANGED_BYTES ((size_t)64 << 10)

/* What is known of a changed block; places that are freed, and undone. */
#define CHANGED_EXTRA ((size_t)160)
#define FREED_BYTES ((size_t)16 << 10)

/* Neighbours are written together. */
#define GATHER_BYTES ((size_t)1 << 20)

/*
 * A journal's are, too. And there is a table of what it has, for as many blocks
 * as a journal has on a volume of so many; the largest is for 32,768.
 */
#define JOURNAL_BYTES ((size_t)128 << 10)
#define JOURNAL_BLOCKS ((size_t)6)
#define JOURNAL_TABLE ((size_t)1 << 20)
#define JOURNAL_TABLE_MIN ((size_t)64 << 10)
#define JOURNAL_TABLE_BLOCK 8u

/* Two bits for each unit of a format that has no bitmap of its own, each in
   pieces of 4 KiB. */
#define UNITS_A_BYTE 4u
#define UNITS_EXTRA ((size_t)16 << 10)

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* What is read with one request: see run_shift() of block/cache.c. */
static size_t run_bytes(size_t budget, size_t block)
{
    size_t run = RUN_BYTES;

    while (run > budget / 4)
        run /= 2;
    return larger(run, block);
}

static size_t cache_bound(size_t budget, size_t block, size_t lock,
                          unsigned calls)
{
    size_t blocks = larger(budget / block, 1) + calls * BLOCKS_PINNED;

    return blocks * (block + BLOCK_EXTRA) + budget / 16 + CACHE_LOCKS * lock;
}

/*
 * What the format takes to be changed: a journal; or, where clusters are found
 * in chains of a table, bitmaps of those that are free.
 */
static size_t format_bound(struct shale_fs *fs, size_t block)
{
    struct shale_statfs usage;
    size_t units, table;

    if (shale_statfs(fs, &usage))
        return 0;
    units = usage.blocks < SIZE_MAX / 16 ? (size_t)usage.blocks
                                         : SIZE_MAX / 16;
    if (!(fs->traits & SHALE_TRAIT_LINUX_FLAGS))
        return units / UNITS_A_BYTE + UNITS_EXTRA;
    table = JOURNAL_TABLE_MIN + units * JOURNAL_TABLE_BLOCK;
    return larger(JOURNAL_BYTES, JOURNAL_BLOCKS * block) +
           smaller(table, JOURNAL_TABLE);
}

static size_t changes_bound(struct shale_fs *fs, size_t budget, size_t block)
{
    size_t changed = larger(CHANGED_BLOCKS, CHANGED_BYTES / block);
    size_t waiting = larger(budget / 2 / block, 1) + changed;

    return 2 * changed * block + waiting * CHANGED_EXTRA + FREED_BYTES +
           block + smaller(GATHER_BYTES, waiting * block) +
           format_bound(fs, block);
}

static size_t passing_bound(struct shale_fs *fs, size_t run, unsigned calls)
{
    size_t bytes = calls * (CALL_BYTES + run);

    if (fs->ops->decode)
        bytes += calls * DECODER_BYTES;
    if (fs->dev->at_once > 1)
        bytes += fs->state->cache_bytes / 4 + run + (1 + calls) * FLIGHT_BYTES;
    return bytes;
}

void shale_memory_bound(struct shale_fs *fs, size_t held, unsigned calls,
                        struct shale_memory_bound *out)
{
    size_t budget = fs->state->cache_bytes;
    size_t lock = fs->state->locks ? fs->state->locks->size : 0;
    struct shale_decoded_stats decoded;
    struct shale_cache_stats cache;
    struct shale_vnode_stats vnodes;
    size_t block, extra;

    memset(out, 0, sizeof *out);
    shale_fs_cache_stats(fs, &cache);
    shale_fs_vnode_stats(fs, &vnodes);
    shale_fs_decoded_stats(fs, &decoded);
    block = cache.block_size;
    extra = fs->ops->decode ? VNODE_EXTRA_DECODED : VNODE_EXTRA;

    out->volume = VOLUME_BYTES + 4 * lock + fs->state->options_size;
    if (block > 0)
        out->cache = cache_bound(budget, block, lock, calls);
    out->vnodes = (vnodes.unused_max + held + 2 * (size_t)calls + 16) *
                  (vnodes.size + extra);
    out->decoded = decoded.budget + decoded.budget / 16;
    out->names = smaller(budget, NAMES_BYTES);
    out->passing = passing_bound(fs, run_bytes(budget, larger(block, 1)),
                                 calls);
    if (PROFILE_WRITES && shale_driver_writes(fs->ops) && block > 0)
        out->changes = changes_bound(fs, budget, block);
    out->total = out->volume + out->cache + out->vnodes + out->decoded +
                 out->names + out->passing;
    if (!shale_fs_read_only(fs))
        out->total += out->changes;
}
