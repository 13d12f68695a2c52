/*
 * grow.c - files that get longer, shorter, and go
 *
 * A file gets longer in three steps that a power cut may part: the FAT links
 * its new clusters with each other, then its last cluster to the first of
 * them, and then its entry says the new size (and, if it had no cluster, the
 * first one). It gets shorter the other way round: first the entry, then its
 * new last cluster's end mark, and what is behind is free in the next batch. So
 * what an entry says is always there, and never somebody else's.
 *
 * Within one batch only the last state of an entry of the FAT counts. For the
 * part of a chain that has come in the same batch, which nothing on the device
 * leads to yet, there is no order to keep: see struct fat_growth. But a chain
 * that has been cut cannot grow in the same batch: its last entry would have to
 * be a link before the new size is there, and an end mark after it.
 */
#include "chain.h"
#include "dirent.h"
#include "fat.h"
#include "node.h"
#include "write.h"

/* ------------------------------------------- what a vnode is put back to */

static void undo_base(void *context, uint64_t size, uint64_t links)
{
    struct shale_vnode *base = context;

    base->links = (uint32_t)links;
    if (base->size != size)     /* else it may be read now */
        base->size = size;
}

static void undo_kept(void *context, uint64_t a, uint64_t b)
{
    uint64_t *kept = context;

    kept[0] = a;
    kept[1] = b;
}

int fat_vnode_note(struct fat_vnode *vn)
{
    const unsigned count = sizeof vn->kept / sizeof vn->kept[0];
    struct shale_tx *tx = vn->base.fs->tx;
    int err = shale_tx_on_undo(tx, undo_base, &vn->base, vn->base.size,
                               vn->base.links);

    /* Every write() comes here: no memory of its own for what it undoes. */
    for (unsigned i = 0; i < count && !err; i += 2)
        err = shale_tx_on_undo(tx, undo_kept, &vn->kept[i], vn->kept[i],
                               vn->kept[i + 1]);
    return err;
}

int fat_spot_store(struct fat_volume *vol, const struct fat_spot *spot,
                   const struct fat_entry *entry)
{
    int err = fat_change(vol, spot, FAT_ENTRY_SIZE, SHALE_RANK_NAME, FAT_NOW);

    if (err)
        return err;
    fat_entry_encode(vol, entry, (struct fat_disk_entry *)spot->raw);
    shale_buf_put(spot->buf);
    return 0;
}

int fat_entry_store(struct fat_volume *vol, uint64_t at,
                    const struct fat_entry *entry)
{
    struct fat_spot spot;
    int err = fat_entry_get(vol, at, &spot);

    return err ? err : fat_spot_store(vol, &spot, entry);
}

void fat_entry_touch(struct fat_volume *vol, struct fat_entry *entry,
                     struct fat_stamp *now)
{
    struct shale_time time = shale_now(vol->fs);

    fat_time_encode(vol, &time, now);
    entry->written = *now;
    entry->written.tenth = 0;
    entry->accessed = now->date;
}

int fat_vnode_store(struct fat_vnode *vn, const struct fat_entry *entry)
{
    struct fat_volume *vol = fat_volume_of(vn->base.fs);
    int err = fat_vnode_note(vn);

    if (!err && vn->at != 0)
        err = fat_entry_store(vol, vn->at, entry);
    if (!err)
        vn->entry = *entry;
    return err;
}

/* --------------------------------------------------------------- growing */

/*
 * The undo of any change of a chain, which began with FIRST: the FAT is as it
 * was, so what is known of it can be read again.
 */
static void chain_undo(void *context, uint64_t first, uint64_t unused)
{
    struct fat_vnode *vn = context;

    (void)unused;
    fat_chain_reset(fat_volume_of(vn->base.fs), &vn->chain, (uint32_t)first);
    vn->growth.batch = 0;
}

/* Are the entries of LAST and of all of RUN written as a whole, together? */
static bool all_together(const struct fat_volume *vol, uint32_t last,
                         const struct fat_run *run)
{
    return fat_link_together(vol, last, run->cluster) &&
           fat_link_together(vol, run->cluster,
                             run->cluster + run->count - 1);
}

/*
 * Take up to WANT clusters for VN, whose chain has been measured, and link
 * them. Nothing leads to them yet but what is in memory.
 */
static int run_take(struct fat_vnode *vn, uint32_t want, struct fat_run *out)
{
    struct fat_volume *vol = fat_volume_of(vn->base.fs);
    struct fat_chain *chain = &vn->chain;
    int err = fat_space_take(vol, chain->length, chain->last, want, out);

    if (!err)
        err = fat_link_run(vol, out->cluster, out->count);
    if (err)
        return err;
    out->index = chain->length;
    fat_chain_append(vol, chain, out->cluster, out->count);
    return 0;
}

/*
 * Link LAST, which VN's chain ended with, to its new clusters, from FIRST on:
 * when they are there, unless the lot is written at once.
 */
static int chain_attach(struct fat_vnode *vn, uint32_t last, uint32_t first,
                        bool together)
{
    struct fat_growth *growth = &vn->growth;
    enum fat_when when = FAT_NOW;

    if (last == 0) {
        growth->hidden = true;
        return 0;
    }
    if (!growth->hidden && !together) {
        when = FAT_NEXT;
        growth->hidden = true;
    }
    return fat_link_set(fat_volume_of(vn->base.fs), last, first, when);
}

/* VN's chain is about to grow. */
static int grow_begin(struct fat_vnode *vn)
{
    struct fat_volume *vol = fat_volume_of(vn->base.fs);
    uint64_t batch = shale_tx_batch(vol->fs->tx);
    struct fat_growth *growth = &vn->growth;
    struct fat_chain *chain = &vn->chain;
    int err = fat_chain_measure(vol, chain);

    if (err)
        return err;
    /* Once it has grown it was not cut before, nor since: see chain_cut(). */
    if (chain->length > 0 && growth->batch != batch &&
        fat_recent_chain(vol, FAT_CHAIN_CUT, chain->first))
        return SHALE_EAGAIN;
    err = shale_tx_on_undo(vol->fs->tx, chain_undo, vn, chain->first, 0);
    if (!err && growth->batch != batch) {
        growth->batch = batch;
        growth->from = chain->length;
        growth->hidden = false;
    }
    return err;
}

int fat_grow(struct fat_vnode *vn, uint32_t count, bool whole,
             struct fat_run *out)
{
    struct fat_volume *vol = fat_volume_of(vn->base.fs);
    uint32_t last, before = 0, first = 0;
    int err = grow_begin(vn);
    bool together = true;

    if (err)
        return err;
    last = vn->chain.length > 0 ? vn->chain.last : 0;
    do {
        err = run_take(vn, count, out);
        if (!err && before != 0)
            err = fat_link_set(vol, before, out->cluster, FAT_NOW);
        if (err)
            return err;
        if (before == 0)
            first = out->cluster;
        before = out->cluster + out->count - 1;
        together = together && last != 0 && all_together(vol, last, out);
        count -= out->count;
    } while (whole && count > 0);
    return chain_attach(vn, last, first, together);
}

int fat_allocate(struct shale_vnode *base, uint64_t offset, uint64_t len,
                 struct shale_extent *out)
{
    struct fat_vnode *vn = fat_vnode_of(base);
    struct fat_volume *vol = fat_volume_of(base->fs);
    uint32_t start = (uint32_t)offset, index;
    struct fat_run run;
    int found, err = fat_vnode_check(vn);

    if (err)
        return err;
    if (offset > FAT_SIZE_MAX || len > FAT_SIZE_MAX - offset)
        return SHALE_EFBIG;
    found = fat_extent_find(vn, start, (uint32_t)len, out);
    if (found > 0 && out->length > len)
        out->length = len;
    if (found != 0)
        return found < 0 ? found : 0;

    err = fat_chain_measure(vol, &vn->chain);
    if (err)
        return err;
    index = start >> vol->boot.cluster_shift;
    if (index != vn->chain.length)
        return fat_chain_short(vn);
    err = fat_grow(vn, fat_clusters_of(vol, (uint32_t)(offset + len)) - index,
                   false, &run);
    if (err)
        return err;
    fat_run_extent(vol, &run, 0, out);
    out->kind = SHALE_EXTENT_UNWRITTEN;
    return 0;
}

/* -------------------------------------------------------------- shrinking */

/* Free the clusters of VN from number INDEX on, wherever the chain ends. */
static int chain_free(struct fat_vnode *vn, uint32_t index)
{
    struct fat_volume *vol = fat_volume_of(vn->base.fs);
    struct fat_run run;
    int err, found;

    for (;; index += run.count) {
        found = fat_chain_find(vol, &vn->chain, index, FAT_UNKNOWN, &run);
        if (found <= 0)
            return found;
        err = fat_space_free(vol, run.cluster, run.count);
        if (err)
            return err;
    }
}

/* Cut the chain of VN, which is longer, to LENGTH clusters. */
static int chain_cut(struct fat_vnode *vn, uint32_t length)
{
    struct fat_volume *vol = fat_volume_of(vn->base.fs);
    uint64_t batch = shale_tx_batch(vol->fs->tx);
    struct fat_growth *growth = &vn->growth;
    struct fat_run run = { .cluster = 0 };
    int err, found;

    err = shale_tx_on_undo(vol->fs->tx, chain_undo, vn, vn->chain.first, 0);
    if (err)
        return err;
    if (length > 0) {
        bool fresh = growth->batch == batch && length >= growth->from;

        /* An old name, on the device for a while still, says the old size. */
        if (fat_recent_chain(vol, FAT_CHAIN_LEFT, vn->chain.first))
            return SHALE_EAGAIN;
        found = fat_chain_find(vol, &vn->chain, length - 1, 1, &run);
        if (found <= 0)
            return found < 0 ? found : SHALE_EINVAL;
        err = fat_link_set(vol, run.cluster, FAT_END,
                           fresh ? FAT_NOW : FAT_LATE);
        if (!err && !fresh) {
            growth->batch = 0;
            err = fat_recent_add_chain(vol, FAT_CHAIN_CUT, vn->chain.first);
        }
        if (err)
            return err;
        growth->hidden = false;
    }
    err = chain_free(vn, length);
    if (err)
        return err;
    fat_space_release(vol, &vn->chain);
    fat_chain_cut(vol, &vn->chain, length, run.cluster);
    return 0;
}

/* Cut the chain of VN to LENGTH clusters, if it is longer. */
static int chain_keep(struct fat_vnode *vn, uint32_t length)
{
    int err = fat_chain_measure(fat_volume_of(vn->base.fs), &vn->chain);

    return err || vn->chain.length <= length ? err : chain_cut(vn, length);
}

int fat_trim(struct shale_vnode *base)
{
    struct fat_vnode *vn = fat_vnode_of(base);
    struct fat_volume *vol = fat_volume_of(base->fs);
    uint32_t keep = fat_clusters_of(vol, (uint32_t)base->size);
    int err = chain_keep(vn, keep);

    if (!err)
        fat_space_release(vol, &vn->chain);
    return err;
}

int fat_resize(struct shale_vnode *base, uint64_t size)
{
    struct fat_vnode *vn = fat_vnode_of(base);
    struct fat_volume *vol = fat_volume_of(base->fs);
    struct fat_entry entry;
    struct fat_stamp now;
    int err = size != base->size ? fat_vnode_check(vn) : 0;

    if (err)
        return err;
    if (size > FAT_SIZE_MAX)
        return SHALE_EFBIG;
    if (size < base->size) {
        err = chain_keep(vn, fat_clusters_of(vol, (uint32_t)size));
        if (err)
            return err;
    }
    entry = vn->entry;
    entry.size = (uint32_t)size;
    entry.cluster = size > 0 ? vn->chain.first : 0;
    fat_entry_touch(vol, &entry, &now);
    entry.attr |= FAT_ATTR_ARCHIVE;
    err = fat_vnode_store(vn, &entry);
    if (err)
        return err;
    base->size = size;
    return 0;
}

int fat_release(struct shale_vnode *base)
{
    struct fat_vnode *vn = fat_vnode_of(base);
    struct fat_volume *vol = fat_volume_of(base->fs);
    uint32_t first = vn->chain.first;
    int err;

    if (first == 0)
        return 0;
    fat_space_release(vol, &vn->chain);
    err = shale_tx_on_undo(vol->fs->tx, chain_undo, vn, first, 0);
    if (!err)
        err = chain_free(vn, 0);

    /* What is behind the damage of a chain is lost; the rest is free. */
    if (err && err != SHALE_ECORRUPT)
        return err;
    if (base->type == SHALE_TYPE_DIR)
        fat_owner_forget(vol, first);
    fat_chain_reset(vol, &vn->chain, 0);
    return 0;
}
