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
#include "memfn.h"
#include "write.h"

/* ------------------------------------------- what a vnode is put back to */

static uint64_t name_pack(const uint8_t *bytes, unsigned count)
{
    uint64_t packed = 0;

    for (unsigned i = 0; i < count; i++)
        packed |= (uint64_t)bytes[i] << (8 * i);
    return packed;
}

static void name_unpack(uint64_t packed, uint8_t *bytes, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bytes[i] = (uint8_t)(packed >> (8 * i));
}

static void undo_name(void *context, uint64_t a, uint64_t b)
{
    struct fat_entry *entry = &((struct fat_vnode *)context)->entry;

    name_unpack(a, entry->name, 8);
    name_unpack(b, entry->name + 8, 3);
    entry->attr = (uint8_t)(b >> 24);
    entry->lower = (uint8_t)(b >> 32);
    entry->created.tenth = (uint8_t)(b >> 40);
    entry->accessed = (uint16_t)(b >> 48);
}

static void undo_data(void *context, uint64_t a, uint64_t b)
{
    struct fat_entry *entry = &((struct fat_vnode *)context)->entry;

    entry->cluster = (uint32_t)a;
    entry->size = (uint32_t)(a >> 32);
    entry->created.date = (uint16_t)b;
    entry->created.time = (uint16_t)(b >> 16);
    entry->written.date = (uint16_t)(b >> 32);
    entry->written.time = (uint16_t)(b >> 48);
}

static void undo_place(void *context, uint64_t a, uint64_t b)
{
    struct fat_vnode *vn = context;

    vn->at = a;
    if (vn->base.size != b)     /* else it may be read now */
        vn->base.size = b;
}

static void undo_links(void *context, uint64_t a, uint64_t b)
{
    struct fat_vnode *vn = context;

    (void)b;
    vn->base.links = (uint32_t)a;
}

int fat_vnode_note(struct fat_vnode *vn)
{
    struct shale_tx *tx = vn->base.fs->tx;
    const struct fat_entry *entry = &vn->entry;
    uint64_t rest = name_pack(entry->name + 8, 3) |
                    (uint64_t)entry->attr << 24 |
                    (uint64_t)entry->lower << 32 |
                    (uint64_t)entry->created.tenth << 40 |
                    (uint64_t)entry->accessed << 48;
    uint64_t data = entry->cluster | (uint64_t)entry->size << 32;
    uint64_t times = entry->created.date |
                     (uint64_t)entry->created.time << 16 |
                     (uint64_t)entry->written.date << 32 |
                     (uint64_t)entry->written.time << 48;
    int err = shale_tx_on_undo(tx, undo_name, vn, name_pack(entry->name, 8),
                               rest);

    if (!err)
        err = shale_tx_on_undo(tx, undo_data, vn, data, times);
    if (!err)
        err = shale_tx_on_undo(tx, undo_place, vn, vn->at, vn->base.size);
    if (!err)
        err = shale_tx_on_undo(tx, undo_links, vn, vn->base.links, 0);
    return err;
}

int fat_vnode_store(struct fat_vnode *vn, const struct fat_entry *entry)
{
    struct fat_volume *vol = fat_volume_of(vn->base.fs);
    struct shale_buf *buf;
    size_t offset;
    int err = fat_vnode_note(vn);

    if (err)
        return err;
    if (vn->at != 0) {
        err = fat_entry_get(vol, vn->at, &buf, &offset);
        if (err)
            return err;
        err = shale_tx_change(vol->fs->tx, buf, SHALE_RANK_NAME);
        if (!err)
            fat_entry_encode(vol, entry,
                             (struct fat_disk_entry *)(buf->data + offset));
        shale_buf_put(buf);
        if (err)
            return err;
    }
    vn->entry = *entry;
    return 0;
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
    int err = fat_space_take(vol, vn->base.ino, chain->length, chain->last,
                             want, out);

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
    enum fat_when when = FAT_WHEN_MAP;

    if (last == 0) {
        growth->hidden = true;
        return 0;
    }
    if (!growth->hidden && !together) {
        when = FAT_WHEN_NODE;
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
    if (chain->length > 0 && fat_recent_cut(vol, chain->first))
        return SHALE_EAGAIN;
    err = shale_tx_on_undo(vol->fs->tx, chain_undo, vn, chain->first, 0);
    if (!err && growth->batch != batch) {
        growth->batch = batch;
        growth->from = chain->length;
        growth->hidden = false;
    }
    return err;
}

int fat_grow(struct fat_vnode *vn, uint32_t want, struct fat_run *out)
{
    struct fat_volume *vol = fat_volume_of(vn->base.fs);
    int err = grow_begin(vn);
    uint32_t last;

    if (err)
        return err;
    last = vn->chain.length > 0 ? vn->chain.last : 0;
    err = run_take(vn, want, out);
    if (err)
        return err;
    return chain_attach(vn, last, out->cluster,
                        last != 0 && all_together(vol, last, out));
}

int fat_grow_whole(struct fat_vnode *vn, uint32_t count)
{
    struct fat_volume *vol = fat_volume_of(vn->base.fs);
    uint32_t last, before = 0, first = 0;
    int err = grow_begin(vn);
    bool together = true;
    struct fat_run run;

    if (err)
        return err;
    last = vn->chain.length > 0 ? vn->chain.last : 0;
    for (; count > 0; count -= run.count) {
        err = run_take(vn, count, &run);
        if (!err && before != 0)
            err = fat_link_set(vol, before, run.cluster, FAT_WHEN_MAP);
        if (err)
            return err;
        if (before == 0)
            first = run.cluster;
        before = run.cluster + run.count - 1;
        together = together && last != 0 && all_together(vol, last, &run);
    }
    return chain_attach(vn, last, first, together);
}

/* The extent of RUN, from OFFSET on, which is in it, for LEN bytes or less. */
static void extent_of(const struct fat_volume *vol, const struct fat_run *run,
                      uint64_t offset, uint64_t len, struct shale_extent *out)
{
    uint64_t start = (uint64_t)run->index << vol->boot.cluster_shift;
    uint64_t bytes = (uint64_t)run->count << vol->boot.cluster_shift;
    uint64_t into = offset - start;

    out->offset = offset;
    out->length = bytes - into < len ? bytes - into : len;
    out->device = fat_cluster_at(vol, run->cluster) + into;
}

int fat_allocate(struct shale_vnode *base, uint64_t offset, uint64_t len,
                 struct shale_extent *out)
{
    struct fat_vnode *vn = fat_vnode_of(base);
    struct fat_volume *vol = fat_volume_of(base->fs);
    uint32_t index, want;
    struct fat_run run;
    int found, err = fat_vnode_check(vn);

    if (err)
        return err;
    if (offset > FAT_SIZE_MAX || len > FAT_SIZE_MAX - offset)
        return SHALE_EFBIG;
    index = (uint32_t)(offset >> vol->boot.cluster_shift);
    want = fat_clusters_of(vol, offset + len) - index;
    found = fat_chain_find(vol, &vn->chain, index, want, &run);
    if (found < 0)
        return found;
    if (found > 0) {
        extent_of(vol, &run, offset, len, out);
        out->kind = SHALE_EXTENT_DATA;
        return 0;
    }

    err = fat_chain_measure(vol, &vn->chain);
    if (err)
        return err;
    if (index != vn->chain.length)
        return shale_corrupt_inode(base->fs, "fat: a file's chain ends before "
                                   "the file does", vn->at, base->ino);
    err = fat_grow(vn, want, &run);
    if (err)
        return err;
    extent_of(vol, &run, (uint64_t)index << vol->boot.cluster_shift,
              UINT64_MAX, out);
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
        if (fat_recent_left(vol, vn->chain.first))
            return SHALE_EAGAIN;
        found = fat_chain_find(vol, &vn->chain, length - 1, 1, &run);
        if (found <= 0)
            return found < 0 ? found : SHALE_EINVAL;
        err = fat_link_set(vol, run.cluster, FAT_END,
                           fresh ? FAT_WHEN_MAP : FAT_WHEN_LATE);
        if (!err && !fresh)
            err = fat_recent_add_cut(vol, vn->chain.first);
        if (err)
            return err;
        growth->hidden = false;
    }
    err = chain_free(vn, length);
    if (err)
        return err;
    fat_space_release(vol, vn->base.ino);
    fat_chain_cut(vol, &vn->chain, length, run.cluster);
    return 0;
}

int fat_trim(struct shale_vnode *base)
{
    struct fat_vnode *vn = fat_vnode_of(base);
    struct fat_volume *vol = fat_volume_of(base->fs);
    uint32_t keep = fat_clusters_of(vol, base->size);
    int err;

    fat_space_release(vol, base->ino);
    err = fat_chain_measure(vol, &vn->chain);
    if (err || vn->chain.length <= keep)
        return err;
    return chain_cut(vn, keep);
}

int fat_resize(struct shale_vnode *base, uint64_t size)
{
    struct fat_vnode *vn = fat_vnode_of(base);
    struct fat_volume *vol = fat_volume_of(base->fs);
    struct fat_entry entry;
    int err = size != base->size ? fat_vnode_check(vn) : 0;

    if (err)
        return err;
    if (size > FAT_SIZE_MAX)
        return SHALE_EFBIG;
    if (size < base->size) {
        uint32_t keep = fat_clusters_of(vol, size);

        err = fat_chain_measure(vol, &vn->chain);
        if (!err && vn->chain.length > keep)
            err = chain_cut(vn, keep);
        if (err)
            return err;
    }
    entry = vn->entry;
    entry.size = (uint32_t)size;
    entry.cluster = size > 0 ? vn->chain.first : 0;
    entry.written = fat_time_encode(vol, shale_now(base->fs));
    entry.written.tenth = 0;
    entry.accessed = entry.written.date;
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

    fat_space_release(vol, base->ino);
    if (first == 0)
        return 0;
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
