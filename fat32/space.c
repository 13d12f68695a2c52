/*
 * space.c - which clusters are free, and which of them to take
 *
 * Free clusters are found in a bitmap, of which a region of 32,768 clusters is
 * made from the FAT when it is first needed. A bit is clear if the cluster can
 * be had: it is free, it is in nobody's window, and its entry does not straddle
 * two sectors (FAT12), for then it could not be changed at once. Each region
 * knows how many such clusters it has, and a bound for how many in a row, so a
 * search passes by regions that are full or too much in pieces.
 *
 * A file that grows gets its next clusters right behind its last ones. So that
 * they are still to be had next time, it is given a window: as many more as it
 * has, up to 8 MiB. Two files growing side by side then lie in long runs each.
 * A window is known by where it begins: behind the last cluster of its file.
 * Windows are only in memory; there are few, the longest unused one goes first,
 * and all of them when space runs out.
 *
 * (1) Bits change when clusters are taken and when reclaim() gives them back,
 *     not when a file is deleted: the FAT says so still, and so does the
 *     device.
 * (2) The bitmap, without windows and straddlers, is what the FAT says, as far
 *     as no transaction is open.
 * (3) A cluster is given up once until it is taken again. On a damaged volume
 *     two files may have it, and both may go; given back after the first one's
 *     part, it could be somebody else's when the second one's turn comes.
 */
#include "bits.h"
#include "chain.h"
#include "fat.h"
#include "memfn.h"
#include "write.h"

#define REGION FAT_REGION_CLUSTERS
#define WORDS (REGION / 32)

/* A window is not larger, in bytes; nor than this part of the volume. */
#define WINDOW_MAX (8u << 20)
#define WINDOW_PART 64u

/*
 * A search for many in a row looks at so many regions, of which so many are
 * read for it, before it takes what is best.
 */
#define LOOKS_MAX 64u
#define LOADS_MAX 4u

/* Clusters that reclaim() frees in one transaction. */
#define RECLAIM_MAX (256u << 10)

static struct fat_space *space_of(const struct fat_volume *vol)
{
    return &vol->writer->space;
}

int fat_space_init(struct fat_volume *vol)
{
    struct fat_space *space = space_of(vol);
    uint32_t count = vol->boot.cluster_count;

    space->region_count = (count + REGION - 1) / REGION;
    space->regions = shale_alloc_array(vol->fs->mem, space->region_count,
                                       sizeof *space->regions);
    if (!space->regions)
        return SHALE_ENOMEM;
    space->cursor = FAT_FIRST_CLUSTER;
    if (vol->info.valid && fat_is_cluster(vol, vol->info.next_free))
        space->cursor = vol->info.next_free;
    return 0;
}

void fat_space_fini(struct fat_volume *vol)
{
    struct fat_space *space = space_of(vol);

    if (!space->regions)
        return;
    for (uint32_t i = 0; i < space->region_count; i++) {
        shale_free(vol->fs->mem, space->regions[i].bits,
                   WORDS * sizeof(uint32_t));
        shale_free(vol->fs->mem, space->regions[i].freed,
                   WORDS * sizeof(uint32_t));
    }
    shale_free(vol->fs->mem, space->regions,
               space->region_count * sizeof *space->regions);
}

/* ----------------------------------------------------------------- bits */

static bool bit_get(const uint32_t *bits, uint32_t i)
{
    return bits[i / 32] >> (i % 32) & 1;
}

/* The first bit from AT to before END that is VALUE, or END. */
static uint32_t bit_find(const uint32_t *bits, uint32_t at, uint32_t end,
                         bool value)
{
    while (at < end) {
        uint32_t word = (value ? bits[at / 32] : ~bits[at / 32]) >> (at % 32);

        if (word) {
            at += bit_lowest32(word);
            return at < end ? at : end;
        }
        at = (at / 32 + 1) * 32;
    }
    return end;
}

/* Set COUNT bits from AT on to VALUE. Returns how many were not that. */
static uint32_t bits_set(uint32_t *bits, uint32_t at, uint32_t count,
                         bool value)
{
    uint32_t changed = 0;

    for (uint32_t i = at; i < at + count; i++) {
        if (bit_get(bits, i) == value)
            continue;
        bits[i / 32] ^= (uint32_t)1 << (i % 32);
        changed++;
    }
    return changed;
}

/*
 * Look for WANT clear bits in a row from AT to before END. Returns how many
 * there are, WANT at most, at *START: the first such, or else the most.
 */
static uint32_t gap_find(const uint32_t *bits, uint32_t at, uint32_t end,
                         uint32_t want, uint32_t *start)
{
    uint32_t best = 0;

    while (best < want) {
        uint32_t stop;

        at = bit_find(bits, at, end, false);
        if (at == end)
            break;
        stop = bit_find(bits, at, end - at < want ? end : at + want, true);
        if (stop - at > best) {
            best = stop - at;
            *start = at;
        }
        at = stop;
    }
    return best;
}

/* -------------------------------------------------------------- regions */

/* The clusters in region number R. */
static uint32_t region_size(const struct fat_volume *vol, uint32_t r)
{
    uint32_t left = vol->boot.cluster_count - r * REGION;

    return left < REGION ? left : REGION;
}

static uint32_t region_first(uint32_t r)
{
    return FAT_FIRST_CLUSTER + r * REGION;
}

/* Make REGION's bitmap from the FAT, if it has none. */
static int region_load(struct fat_volume *vol, struct fat_region *region)
{
    uint32_t r = (uint32_t)(region - space_of(vol)->regions);
    uint32_t *bits;
    int err;

    if (region->bits)
        return 0;
    bits = shale_alloc(vol->fs->mem, WORDS * sizeof *bits);
    if (!bits)
        return SHALE_ENOMEM;
    memset(bits, 0xff, WORDS * sizeof *bits);
    err = fat_table_free(vol, region_first(r), region_size(vol, r), bits,
                         &region->available);
    if (err) {
        shale_free(vol->fs->mem, bits, WORDS * sizeof *bits);
        return err;
    }
    region->longest = region->available;
    region->bits = bits;
    return 0;
}

/* Clusters in a row in one region: bits from AT on. */
struct part {
    struct fat_region *region;
    uint32_t at, count;
};

/* As many of the COUNT clusters from FIRST on as are in the first's region. */
static struct part part_of(const struct fat_volume *vol, uint32_t first,
                           uint32_t count)
{
    uint32_t i = first - FAT_FIRST_CLUSTER, at = i % REGION;

    return (struct part){
        .region = &space_of(vol)->regions[i / REGION],
        .at = at,
        .count = REGION - at < count ? REGION - at : count,
    };
}

/* Note in the bitmaps there are that clusters are TAKEN, or not. */
static void clusters_set(struct fat_volume *vol, uint32_t first,
                         uint32_t count, bool taken)
{
    for (uint32_t done = 0, changed; done < count; ) {
        struct part part = part_of(vol, first + done, count - done);
        struct fat_region *region = part.region;

        done += part.count;
        if (!region->bits)
            continue;
        changed = bits_set(region->bits, part.at, part.count, taken);
        if (taken) {
            region->available -= changed;
        } else {
            region->available += changed;
            region->longest = REGION;
        }
    }
}

/* The COUNT clusters from FIRST on can be had, but for straddlers. */
static void clusters_give(struct fat_volume *vol, uint32_t first,
                          uint32_t count)
{
    clusters_set(vol, first, count, false);
    for (uint32_t i = 0; vol->boot.bits == 12 && i < count; i++) {
        if (fat_table_straddles(vol, first + i))
            clusters_set(vol, first + i, 1, true);
    }
}

/*
 * How many clusters from CLUSTER on can be had, in the same region, up to WANT?
 */
static int run_at(struct fat_volume *vol, uint32_t cluster, uint32_t want,
                  uint32_t *count)
{
    struct part part;
    int err;

    *count = 0;
    if (!fat_is_cluster(vol, cluster))
        return 0;
    part = part_of(vol, cluster, want);
    err = region_load(vol, part.region);
    if (!err)
        *count = bit_find(part.region->bits, part.at, part.at + part.count,
                          true) - part.at;
    return err;
}

/*
 * The count of free clusters, if there is one, has become MORE more and LESS
 * less. If that cannot be, it was wrong, and so was the FSInfo.
 */
static void free_count_change(struct fat_volume *vol, uint32_t more,
                              uint32_t less)
{
    uint32_t count = __atomic_load_n(&vol->free_clusters, __ATOMIC_RELAXED);

    if (count == FAT_INFO_UNKNOWN)
        return;
    if (less > count || more > vol->boot.cluster_count - (count - less)) {
        vol->info.free_count = FAT_INFO_UNKNOWN;
        count = FAT_INFO_UNKNOWN;
    } else {
        count = count - less + more;
    }
    __atomic_store_n(&vol->free_clusters, count, __ATOMIC_RELAXED);
}

/* -------------------------------------------------------------- windows */

/* The window that begins with cluster FIRST, or NULL. */
static struct fat_window *window_find(struct fat_space *space, uint32_t first)
{
    for (unsigned i = 0; i < FAT_WINDOWS; i++) {
        if (space->windows[i].first == first)
            return &space->windows[i];
    }
    return NULL;
}

/* What is left of WINDOW is anybody's. */
static void window_drop(struct fat_volume *vol, struct fat_window *window)
{
    struct fat_space *space = space_of(vol);

    if (window->count > 0) {
        clusters_set(vol, window->first, window->count, false);
        if (space->cursor == window->first + window->count)
            space->cursor = window->first;
    }
    *window = (struct fat_window){ .count = 0 };
}

/* Drop all windows. False if there were none. */
static bool windows_drop(struct fat_volume *vol)
{
    struct fat_space *space = space_of(vol);
    bool any = false;

    for (unsigned i = 0; i < FAT_WINDOWS; i++) {
        any = any || space->windows[i].count > 0;
        window_drop(vol, &space->windows[i]);
    }
    return any;
}

/* Keep COUNT (at least 1) clusters from FIRST on, taken. */
static void window_make(struct fat_volume *vol, uint32_t first, uint32_t count)
{
    struct fat_space *space = space_of(vol);
    struct fat_window *window = &space->windows[0];

    for (unsigned i = 1; i < FAT_WINDOWS; i++) {
        if (space->windows[i].used < window->used)
            window = &space->windows[i];
    }
    window_drop(vol, window);
    *window = (struct fat_window){ first, count, ++space->clock };
}

/* The clusters to keep for a file that has LENGTH of them. */
static uint32_t window_size(const struct fat_volume *vol, uint32_t length)
{
    uint32_t max = WINDOW_MAX >> vol->boot.cluster_shift;

    if (max > vol->boot.cluster_count / WINDOW_PART)
        max = vol->boot.cluster_count / WINDOW_PART;
    return length < max ? length : max;
}

void fat_space_release(struct fat_volume *vol, const struct fat_chain *chain)
{
    struct fat_window *window = window_find(space_of(vol), chain->last + 1);

    if (window && chain->length != 0 && chain->length != FAT_UNKNOWN)
        window_drop(vol, window);
}

/* --------------------------------------------------------------- taking */

/*
 * Find up to WANT clusters in a row that can be had, beginning the search at
 * the cursor. Stores how many there are, 0 if none.
 */
static int space_find(struct fat_volume *vol, uint32_t want,
                      uint32_t *first, uint32_t *count)
{
    struct fat_space *space = space_of(vol);
    uint32_t at = (space->cursor - FAT_FIRST_CLUSTER) % REGION;
    uint32_t r = (space->cursor - FAT_FIRST_CLUSTER) / REGION;
    uint32_t best = 0, looks = 0, loads = 0, start = 0;

    if (want > REGION)
        want = REGION;
    for (uint32_t left = space->region_count; left > 0 && best < want; left--) {
        struct fat_region *region = &space->regions[r];
        uint32_t size = region_size(vol, r), found;

        if (best > 0 && (looks >= LOOKS_MAX || loads >= LOADS_MAX))
            break;
        if (!region->bits) {
            int err = region_load(vol, region);

            if (err)
                return err;
            loads++;
        }
        if (region->available > 0 && region->longest > best) {
            looks++;
            found = gap_find(region->bits, at, size, want, &start);
            if (found < want && at > 0)
                found = gap_find(region->bits, 0, size, want, &start);
            if (found < want)
                region->longest = found;
            if (found > best) {
                best = found;
                *first = region_first(r) + start;
            }
        }
        at = 0;
        if (++r == space->region_count)
            r = 0;
    }
    *count = best;
    return 0;
}

/* The undo of taking COUNT clusters from FIRST on. */
static void take_undo(void *context, uint64_t first, uint64_t count)
{
    struct fat_volume *vol = context;

    clusters_set(vol, (uint32_t)first, (uint32_t)count, false);
    free_count_change(vol, (uint32_t)count, 0);
}

/* The COUNT clusters from FIRST on are going to be *OUT. */
static int run_use(struct fat_volume *vol, uint32_t first, uint32_t count,
                   struct fat_run *out)
{
    int err = shale_tx_on_undo(vol->fs->tx, take_undo, vol, first, count);

    if (err)
        return err;
    free_count_change(vol, 0, count);
    *out = (struct fat_run){ .cluster = first, .count = count };
    return 0;
}

/*
 * Take COUNT clusters from FIRST on, of which the first WANT are for use now,
 * and the rest, if any, is a window.
 */
static int take(struct fat_volume *vol, uint32_t first, uint32_t count,
                uint32_t want, struct fat_run *out)
{
    struct fat_space *space = space_of(vol);
    uint32_t now = want < count ? want : count;
    int err = run_use(vol, first, now, out);

    if (err)
        return err;
    clusters_set(vol, first, count, true);
    if (space->cursor - first < count)
        space->cursor = first + count;
    if (!fat_is_cluster(vol, space->cursor))
        space->cursor = FAT_FIRST_CLUSTER;
    if (count > now)
        window_make(vol, first + now, count - now);
    return 0;
}

/* Take up to WANT clusters of WINDOW. */
static int take_window(struct fat_volume *vol, struct fat_window *window,
                       uint32_t want, struct fat_run *out)
{
    uint32_t now = want < window->count ? want : window->count;
    int err = run_use(vol, window->first, now, out);

    if (err)
        return err;
    window->first += now;
    window->count -= now;
    window->used = ++space_of(vol)->clock;
    if (window->count == 0)
        *window = (struct fat_window){ .count = 0 };
    return 0;
}

int fat_space_take(struct fat_volume *vol, uint32_t length, uint32_t last,
                   uint32_t want, struct fat_run *out)
{
    uint32_t more = window_size(vol, length), first = last + 1, count = 0;
    int err = 0;

    if (want > REGION)
        want = REGION;
    if (length > 0) {
        struct fat_window *window = window_find(space_of(vol), first);

        if (window)
            return take_window(vol, window, want, out);
        err = run_at(vol, first, want + more, &count);
    }
    while (!err && count == 0) {
        err = space_find(vol, want + more, &first, &count);
        if (count > 0) {
            space_of(vol)->cursor = first;
        } else if (!err && !windows_drop(vol)) {
            /* Every region has been looked at: this is no hint any more. */
            __atomic_store_n(&vol->free_clusters, 0, __ATOMIC_RELAXED);
            err = SHALE_ENOSPC;
        }
    }
    return err ? err : take(vol, first, count, want, out);
}

/* -------------------------------------------------------------- freeing */

/* Note that clusters are given up, or not any more. */
static void freed_set(struct fat_volume *vol, uint32_t first, uint32_t count,
                      bool freed)
{
    for (uint32_t done = 0; done < count; ) {
        struct part part = part_of(vol, first + done, count - done);

        done += part.count;
        if (part.region->freed)
            bits_set(part.region->freed, part.at, part.count, freed);
    }
}

/* The undo of giving up COUNT clusters from FIRST on. */
static void free_undo(void *context, uint64_t first, uint64_t count)
{
    freed_set(context, (uint32_t)first, (uint32_t)count, false);
}

/* Is bit I's cluster given up, or even free? */
static bool is_given_up(const struct fat_region *region, uint32_t i)
{
    return bit_get(region->freed, i) ||
           (region->bits && !bit_get(region->bits, i));
}

static int run_free(struct fat_volume *vol, uint32_t first, uint32_t count)
{
    struct shale_tx *tx = vol->fs->tx;
    int err = shale_tx_on_undo(tx, free_undo, vol, first, count);

    if (!err)
        err = shale_tx_free(tx, (struct shale_tx_run){ first, count });
    if (!err)
        freed_set(vol, first, count, true);
    return err;
}

/* Give up the clusters of PART, from FIRST on, that are not given up yet. */
static int part_free(struct fat_volume *vol, const struct part *part,
                     uint32_t first)
{
    uint32_t start = part->at, end = part->at + part->count;
    struct fat_region *region = part->region;
    int err = 0;

    if (!region->freed)
        region->freed = shale_alloc_array(vol->fs->mem, WORDS,
                                          sizeof *region->freed);
    if (!region->freed)
        return SHALE_ENOMEM;
    for (uint32_t i = part->at; i <= end && !err; i++) {
        if (i < end && !is_given_up(region, i))
            continue;
        if (i > start)
            err = run_free(vol, first + (start - part->at), i - start);
        start = i + 1;
    }
    return err;
}

int fat_space_free(struct fat_volume *vol, uint32_t first, uint32_t count)
{
    int err = 0;

    for (uint32_t done = 0; done < count && !err; ) {
        struct part part = part_of(vol, first + done, count - done);

        err = part_free(vol, &part, first + done);
        done += part.count;
    }
    return err;
}

/* ------------------------------------------------------------- reclaim */

/*
 * The undo of giving COUNT clusters back, from FIRST_FREED's low half on, by
 * which as many as its high half says have become free.
 */
static void give_undo(void *context, uint64_t first_freed, uint64_t count)
{
    clusters_set(context, (uint32_t)first_freed, (uint32_t)count, true);
    freed_set(context, (uint32_t)first_freed, (uint32_t)count, true);
    free_count_change(context, 0, (uint32_t)(first_freed >> 32));
}

int fat_reclaim(struct shale_fs *fs, struct shale_tx_run run)
{
    struct fat_volume *vol = fat_volume_of(fs);
    uint32_t first = (uint32_t)run.first, count = (uint32_t)run.count, freed;
    int err;

    /* Not more than a cache holds at once: the rest is for the next batch. */
    if (count > RECLAIM_MAX)
        count = RECLAIM_MAX;
    err = fat_link_clear(vol, first, count, &freed);
    if (err == SHALE_EAGAIN)
        return shale_tx_free(fs->tx, run);
    if (!err && count < run.count)
        err = shale_tx_free(fs->tx, (struct shale_tx_run){
            first + count, run.count - count,
        });
    if (!err)
        err = shale_tx_on_undo(fs->tx, give_undo, vol,
                               (uint64_t)freed << 32 | first, count);
    if (err)
        return err;
    clusters_give(vol, first, count);
    freed_set(vol, first, count, false);
    free_count_change(vol, freed, 0);
    return 0;
}
