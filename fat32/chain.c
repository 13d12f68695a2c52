/*
 * chain.c - which clusters a file has, found by walking its chain once
 *
 * The FAT has no index: the only way to a cluster is through all before it. So
 * what has been walked is kept, as runs, sorted by their place in the file:
 *
 *     near[2]  far[0]: 8 runs  far[1]: 16  far[2]: 32 ...
 *
 * Parts never move, so that a reader can search them while another adds.
 *
 * (1) A run is complete in memory before run_count says that it is there. The
 *     last one's count may still grow; no other changes.
 * (2) Who adds runs holds `busy`. Who does not get it walks for itself and
 *     keeps nothing.
 * (3) Runs need not touch: between two of them the chain is walked. So runs
 *     beyond RUNS_EXACT are kept only every STRIDE clusters, and none if there
 *     is no memory.
 * (4) Once `length` is known the FAT is not asked for more.
 *
 * A chain that comes back to one of its clusters would go on for ever. Brent's
 * method finds that with one comparison a step: a mark is left whenever the
 * file has become twice as long as it was at the last one, and who comes upon
 * the mark has been there before. Walks that keep runs hand it on; others begin
 * with one of their own, and end where the volume has no more clusters.
 */
#include "chain.h"
#include "fat.h"
#include "memfn.h"
#include "node.h"

#define PART_FIRST 8u
#define RUNS_EXACT (1u << 18)
#define STRIDE 64u

void fat_chain_init(struct fat_chain *chain, uint64_t ino, uint32_t first)
{
    memset(chain, 0, sizeof *chain);
    chain->ino = ino;
    chain->first = first;
    chain->length = first ? FAT_UNKNOWN : 0;
    chain->loop_index = FAT_UNKNOWN;
}

void fat_chain_fini(struct fat_volume *vol, struct fat_chain *chain)
{
    for (unsigned part = 0; part < FAT_CHAIN_PARTS; part++)
        shale_free(vol->fs->mem, chain->far[part],
                   ((size_t)PART_FIRST << part) * sizeof(struct fat_run));
}

void fat_chain_reset(struct fat_volume *vol, struct fat_chain *chain,
                     uint32_t first)
{
    fat_chain_fini(vol, chain);
    fat_chain_init(chain, chain->ino, first);
}

/* ------------------------------------------------------------- the runs */

/* Where run number N is kept: *PART says in which part, if in any. */
static uint32_t part_of(uint32_t n, unsigned *part)
{
    uint32_t size = PART_FIRST;

    n -= FAT_CHAIN_INLINE;
    for (*part = 0; n >= size; size *= 2) {
        n -= size;
        ++*part;
    }
    return n;
}

static struct fat_run *run_at(struct fat_chain *chain, uint32_t n)
{
    unsigned part;

    if (n < FAT_CHAIN_INLINE)
        return &chain->near[n];
    n = part_of(n, &part);
    return &chain->far[part][n];
}

/* A copy of run number N, whose count may be growing. */
static struct fat_run run_load(struct fat_chain *chain, uint32_t n)
{
    const struct fat_run *run = run_at(chain, n);

    return (struct fat_run){
        .index = run->index,
        .cluster = run->cluster,
        .count = __atomic_load_n(&run->count, __ATOMIC_RELAXED),
    };
}

/* Keep RUN as the last one. False if there is no room. */
static bool run_push(struct fat_volume *vol, struct fat_chain *chain,
                     struct fat_run run)
{
    uint32_t n = chain->run_count;
    unsigned part;

    if (n >= FAT_CHAIN_INLINE) {
        part_of(n, &part);
        if (part >= FAT_CHAIN_PARTS)
            return false;
        if (!chain->far[part])
            chain->far[part] = shale_alloc_array(
                vol->fs->mem, (size_t)PART_FIRST << part, sizeof run);
        if (!chain->far[part])
            return false;
    }
    *run_at(chain, n) = run;
    __atomic_store_n(&chain->run_count, n + 1, __ATOMIC_RELEASE);
    return true;
}

/*
 * The number of the last of COUNT runs that begins at INDEX or before it;
 * FAT_UNKNOWN if there is none.
 */
static uint32_t run_search(struct fat_chain *chain, uint32_t count,
                           uint32_t index)
{
    uint32_t low = 0, high = count;

    /* Whoever reads a file on asks for what is next. */
    if (count > 0 && run_at(chain, count - 1)->index <= index)
        return count - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (run_at(chain, middle)->index <= index)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? FAT_UNKNOWN : low - 1;
}

/* -------------------------------------------------------------- the walk */

struct walk {
    struct fat_volume *vol;
    struct fat_chain *chain;
    struct fat_cursor cursor;
    struct fat_run run;         /* the one being walked */
    uint32_t mark, mark_index;  /* see loop_mark */
    bool keeps;                 /* adds runs to the chain; holds busy */
    bool kept;                  /* run is the chain's last one */
};

/* CLUSTER's entry, or with 0 the file's own, breaks a rule. */
static int bad_chain(const struct walk *w, const char *what, uint32_t cluster)
{
    uint64_t at = SHALE_NOWHERE;

    if (cluster != 0)
        at = fat_table_at(w->vol, cluster);
    else if (w->chain->ino != FAT_ROOT_INO)
        fat_ino_place(w->vol, w->chain->ino, &at);
    return shale_corrupt_inode(w->vol->fs, what, at, w->chain->ino);
}

/* Which rule says that NEXT, a FAT entry, cannot follow. */
static const char *bad_link(uint32_t next)
{
    if (next == FAT_FREE)
        return "fat: a file's chain runs into a free cluster";
    if (next == FAT_BAD)
        return "fat: a file's chain runs into a bad cluster";
    return "fat: a file's chain leaves the volume";
}

/* Keep the run being walked, if it is time to and there is room. */
static void walk_keep(struct walk *w)
{
    struct fat_chain *chain = w->chain;
    uint32_t n = chain->run_count;
    const struct fat_run *last = n > 0 ? run_at(chain, n - 1) : NULL;

    if (w->kept) {
        __atomic_store_n(&run_at(chain, n - 1)->count, w->run.count,
                         __ATOMIC_RELAXED);
        return;
    }
    if (n >= RUNS_EXACT && last &&
        w->run.index + w->run.count - last->index - last->count < STRIDE)
        return;
    w->kept = run_push(w->vol, chain, w->run);
    if (!w->kept)
        w->keeps = false;       /* no memory: do not ask at every step */
}

/* The chain has so many clusters, and ends with run's last. */
static void walk_end(struct walk *w)
{
    if (!w->keeps)
        return;
    w->chain->last = w->run.cluster + w->run.count - 1;
    __atomic_store_n(&w->chain->length, w->run.index + w->run.count,
                     __ATOMIC_RELEASE);
}

/*
 * One step: the run grows or, if NEXT begins another, that is stored in *NEXT.
 * Returns 1 for a step, 0 at the end of the chain, or an error.
 */
static int walk_step(struct walk *w, struct fat_run *next)
{
    uint32_t last = w->run.cluster + w->run.count - 1;
    uint32_t end = w->run.index + w->run.count, entry;
    int err;

    next->count = 0;
    if (end == __atomic_load_n(&w->chain->length, __ATOMIC_RELAXED))
        return 0;
    err = fat_table_get(w->vol, &w->cursor, last, &entry);
    if (err)
        return err;
    if (entry == FAT_END) {
        walk_end(w);
        return 0;
    }
    if (!fat_is_cluster(w->vol, entry))
        return bad_chain(w, bad_link(entry), last);
    if (entry == w->mark || end >= w->vol->boot.cluster_count)
        return bad_chain(w, "fat: a file's chain is a loop", last);
    if (entry == last + 1)
        w->run.count++;
    else
        *next = (struct fat_run){ .index = end, .cluster = entry, .count = 1 };
    return 1;
}

/* The walk has come to the last cluster of its run. */
static void walk_mark(struct walk *w)
{
    uint32_t index = w->run.index + w->run.count - 1;

    if (index / 2 >= w->mark_index) {
        w->mark = w->run.cluster + w->run.count - 1;
        w->mark_index = index;
    }
}

/*
 * Walk on until the run with cluster INDEX is found, and then to that run's
 * end or, if that comes first, until it has WANT clusters from there.
 */
static int walk_to(struct walk *w, uint32_t index, uint32_t want,
                   struct fat_run *out)
{
    struct fat_run next;
    int more;

    for (;;) {
        uint32_t end = w->run.index + w->run.count;

        if (index < end && end - index >= want)
            break;
        more = walk_step(w, &next);

        /* An error behind what is asked for is for whoever asks for that. */
        if (more <= 0 && index < end)
            break;
        if (more <= 0)
            return more;
        if (next.count > 0) {
            if (w->keeps)
                walk_keep(w);
            if (index < end)
                break;
            w->run = next;
            w->kept = false;
        }
        walk_mark(w);
    }
    if (w->keeps)
        walk_keep(w);
    out->index = index;
    out->cluster = w->run.cluster + (index - w->run.index);
    out->count = w->run.count - (index - w->run.index);
    return 1;
}

/* Walk from run number N, or the chain's first cluster, to cluster INDEX. */
static int walk_from(struct fat_volume *vol, struct fat_chain *chain,
                     uint32_t n, bool keeps, uint32_t index, uint32_t want,
                     struct fat_run *out)
{
    struct walk w = { .vol = vol, .chain = chain, .keeps = keeps };
    int found;

    if (n != FAT_UNKNOWN) {
        w.run = run_load(chain, n);
        w.kept = keeps;
    } else {
        w.run = (struct fat_run){ .cluster = chain->first, .count = 1 };
        if (!fat_is_cluster(vol, chain->first))
            return bad_chain(&w, "fat: a file begins outside the volume", 0);
    }
    w.mark = w.run.cluster + w.run.count - 1;
    w.mark_index = w.run.index + w.run.count - 1;
    if (keeps && chain->loop_index <= w.mark_index) {
        w.mark = chain->loop_mark;
        w.mark_index = chain->loop_index;
    }
    found = walk_to(&w, index, want, out);
    if (found <= 0 && w.keeps)
        walk_keep(&w);
    if (w.kept) {               /* else the next walk begins before it */
        chain->loop_mark = w.mark;
        chain->loop_index = w.mark_index;
    }
    fat_cursor_put(&w.cursor);
    return found;
}

int fat_chain_find(struct fat_volume *vol, struct fat_chain *chain,
                   uint32_t index, uint32_t want, struct fat_run *out)
{
    uint32_t length = __atomic_load_n(&chain->length, __ATOMIC_ACQUIRE);
    uint32_t count = __atomic_load_n(&chain->run_count, __ATOMIC_ACQUIRE);
    uint32_t n = run_search(chain, count, index);
    struct fat_run run = { .count = 0 };
    bool keeps;
    int found;

    if (index >= length)
        return 0;
    if (n != FAT_UNKNOWN)
        run = run_load(chain, n);
    if (index - run.index < run.count) {
        uint32_t into = index - run.index;

        if (n + 1 < count || run.count - into >= want ||
            run.index + run.count == length) {
            *out = (struct fat_run){ index, run.cluster + into,
                                     run.count - into };
            return 1;
        }
    }
    if (n != FAT_UNKNOWN && n + 1 < count)
        return walk_from(vol, chain, n, false, index, want, out);

    keeps = !__atomic_exchange_n(&chain->busy, 1, __ATOMIC_ACQUIRE);
    if (keeps) {
        /* Somebody may have gone on since we looked. */
        count = chain->run_count;
        n = run_search(chain, count, index);
    }
    if (keeps && n + 1 < count)
        found = walk_from(vol, chain, n, false, index, want, out);
    else
        found = walk_from(vol, chain, n, keeps, index, want, out);
    if (keeps)
        __atomic_store_n(&chain->busy, 0, __ATOMIC_RELEASE);
    return found;
}

int fat_chain_measure(struct fat_volume *vol, struct fat_chain *chain)
{
    struct fat_run run;
    int found;

    if (chain->length != FAT_UNKNOWN)
        return 0;
    found = fat_chain_find(vol, chain, FAT_UNKNOWN - 1, 1, &run);
    return found < 0 ? found : 0;
}

/* ------------------------------------------------------------ the writer */

void fat_chain_append(struct fat_volume *vol, struct fat_chain *chain,
                      uint32_t cluster, uint32_t count)
{
    uint32_t n = chain->run_count;
    struct fat_run *last = n > 0 ? run_at(chain, n - 1) : NULL;

    if (chain->length == 0)
        chain->first = cluster;
    if (last && last->index + last->count == chain->length &&
        last->cluster + last->count == cluster) {
        last->count += count;
    } else if (n < RUNS_EXACT || !last ||
               chain->length - last->index - last->count >= STRIDE) {
        run_push(vol, chain, (struct fat_run){ chain->length, cluster, count });
    }
    chain->length += count;
    chain->last = cluster + count - 1;
}

void fat_chain_cut(struct fat_volume *vol, struct fat_chain *chain,
                   uint32_t length, uint32_t last)
{
    uint32_t n = chain->run_count;
    struct fat_run *run;

    (void)vol;
    while (n > 0 && run_at(chain, n - 1)->index >= length)
        n--;
    if (n > 0) {
        run = run_at(chain, n - 1);
        if (length - run->index < run->count)
            run->count = length - run->index;
    }
    chain->run_count = n;
    chain->length = length;
    chain->last = last;
    chain->loop_index = FAT_UNKNOWN;
    if (length == 0)
        chain->first = 0;
}
