/*
 * memory.c - what a volume has in memory, for people and programs
 *
 * Keys and values, as a driver describes its volume, so that who shows those
 * can show these.
 */
#include <stdio.h>

#include "shale/cache.h"
#include "shale/fs.h"
#include "shale/host.h"

static void heap(struct shale_mem *mem, struct shale_describe *to)
{
    struct shale_mem_stats stats;

    shale_mem_stats(mem, &stats);
    to->number(to, "heap_budget_bytes", stats.budget);
    to->number(to, "heap_bytes", stats.borrowed);
    to->number(to, "heap_peak_bytes", stats.borrowed_peak);
    to->number(to, "pages_bytes", stats.in_use);
    to->number(to, "pages_peak_bytes", stats.in_use_peak);
    to->number(to, "live_bytes", stats.live);
    to->number(to, "live_peak_bytes", stats.peak);
}

static void metadata(struct shale_fs *fs, struct shale_describe *to)
{
    struct shale_cache_stats stats;

    shale_fs_cache_stats(fs, &stats);
    to->number(to, "metadata_budget_bytes", stats.budget);
    to->number(to, "metadata_bytes", stats.bytes);
    to->number(to, "metadata_block_size", stats.block_size);
    to->number(to, "metadata_pinned_blocks", stats.pinned);
    to->number(to, "metadata_unwritten_blocks", stats.dirty);
    to->number(to, "metadata_hits", stats.hits);
    to->number(to, "metadata_misses", stats.misses);
    to->number(to, "metadata_reads", stats.reads);
}

static void vnodes(struct shale_fs *fs, struct shale_describe *to)
{
    struct shale_vnode_stats stats;

    shale_fs_vnode_stats(fs, &stats);
    to->number(to, "vnodes_used", stats.used);
    to->number(to, "vnodes_unused", stats.unused);
    to->number(to, "vnodes_unused_max", stats.unused_max);
    to->number(to, "vnode_size", stats.size);
    to->number(to, "vnode_hits", stats.hits);
    to->number(to, "vnode_misses", stats.misses);
}

static void decoded(struct shale_fs *fs, struct shale_describe *to)
{
    struct shale_decoded_stats stats;

    shale_fs_decoded_stats(fs, &stats);
    if (stats.budget == 0)
        return;
    to->number(to, "decoded_budget_bytes", stats.budget);
    to->number(to, "decoded_bytes", stats.bytes);
}

static void slab(void *context, const struct shale_slab_stats *stats)
{
    struct shale_describe *to = context;
    char words[96];

    if (stats->peak == 0)
        return;
    snprintf(words, sizeof words, "%s:%zux%zu/%zu", stats->name, stats->live,
             stats->object_size, stats->capacity);
    to->item(to, "slabs", words);
}

static void formula(struct shale_fs *fs, unsigned calls,
                    struct shale_describe *to)
{
    struct shale_memory_bound bound;

    shale_memory_bound(fs, 0, calls, &bound);
    to->number(to, "bound_volume_bytes", bound.volume);
    to->number(to, "bound_metadata_bytes", bound.cache);
    to->number(to, "bound_vnodes_bytes", bound.vnodes);
    to->number(to, "bound_decoded_bytes", bound.decoded);
    to->number(to, "bound_names_bytes", bound.names);
    to->number(to, "bound_passing_bytes", bound.passing);
    to->number(to, "bound_changes_bytes", bound.changes);
    to->number(to, "bound_bytes", bound.total);
}

void shale_describe_memory(struct shale_fs *fs, struct shale_mem *mem,
                           unsigned calls, struct shale_describe *to)
{
    heap(mem, to);
    metadata(fs, to);
    vnodes(fs, to);
    decoded(fs, to);
    formula(fs, calls, to);
    shale_mem_each_slab(mem, slab, to);
}
