/*
 * budget.c - the memory that a mounted volume may take, and for what
 *
 * All that a volume keeps in memory comes from one heap, which borrows no more
 * from the system than its budget. Of that a half is for metadata, an eighth
 * each for unpacked data and for vnodes, and on a writable mount a quarter, if
 * it should ever take so much, for what the kernel knows. The rest is for what
 * a call needs while it runs. What a part needs beyond its share, and is free,
 * it gets; and where there is none, all give up what they keep to be fast
 * before anything fails.
 *
 * Unless somebody says how much there is, metadata gets a fixed amount, enough
 * for the inode tables of 32,000 files, twice as much if they change, and the
 * budget is a bound that nobody should ever meet.
 */
#include "fuse/budget.h"

#include <inttypes.h>
#include <stdio.h>

#include "fuse/daemon.h"
#include "shale/cache.h"

/* Of a vnode, with its lock and what it keeps of its file; bytes. */
#define VNODE_USUAL ((size_t)512)

/* So many at least: a call may change a dozen, each there twice. */
#define BLOCKS_LEAST ((size_t)64)

/* More than half of all addresses nobody has anyway, where they are few. */
#define BUDGET_MOST (SIZE_MAX / 2)

static size_t budget_of(const struct mount_options *options)
{
    if (!options->has_cache)
        return BUDGET_DEFAULT;
    return options->cache < BUDGET_MOST ? (size_t)options->cache : BUDGET_MOST;
}

void budget_choose(const struct mount_options *options, bool write,
                   struct shale_image_config *config)
{
    size_t budget = budget_of(options);

    config->memory_budget = budget;
    if (options->has_cache) {
        config->cache_bytes = budget / 2;
        config->decoded_bytes = budget / 8;
        config->vnode_max = budget / 8 / VNODE_USUAL;
    } else if (write) {
        config->cache_bytes = BUDGET_METADATA_WRITABLE;
        config->vnode_max = BUDGET_VNODES_WRITABLE;
    } else {
        config->cache_bytes = BUDGET_METADATA;
    }
}

bool budget_suffices(const struct mount_options *options, struct shale_fs *fs,
                     char *why)
{
    struct shale_cache_stats stats;
    size_t least;

    shale_fs_cache_stats(fs, &stats);
    least = stats.block_size * BLOCKS_LEAST;
    if (budget_of(options) >= least)
        return true;
    snprintf(why, SHALE_WHY_MAX, "cache= has to be %zuM at least, as its "
             "blocks have %" PRIu32 " bytes", least >> 20, stats.block_size);
    return false;
}

size_t budget_for_known(const struct mount_options *options)
{
    return budget_of(options) / 4;
}
