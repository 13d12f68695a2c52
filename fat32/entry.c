/*
 * entry.c - slots of a directory: finding room, storing and freeing sets
 *
 * A row of 16 slots is what a device writes at once. So a set, a short entry
 * with the pieces of its long name, is put into one row if that is long enough
 * for it, and there comes and goes as a whole. A set that has to be in more is
 * made whole by its short entry: that gets to the device when the pieces are
 * there, and goes before they do.
 *
 * (1) A directory ends at a slot that begins with 0. What is behind the end, on
 *     the device, is not there: it must not come before the end has moved on.
 *     So the end is made to be at the beginning of a row, to move on with what
 *     is stored there; and in the rows that a batch stores behind, the short
 *     entries go in a step of their own.
 * (2) A slot that is freed late keeps its content until the next batch.
 */
#include "chain.h"
#include "dir.h"
#include "dirent.h"
#include "fat.h"
#include "memfn.h"
#include "name.h"
#include "node.h"
#include "write.h"

#define ROW FAT_ROW_SLOTS
#define ZEROS_MAX (32u << 10)   /* bytes of zeros that are written at once */

static struct fat_volume *vol_of(const struct fat_vnode *dir)
{
    return fat_volume_of(dir->base.fs);
}

uint32_t fat_set_row(const struct fat_set *set)
{
    uint32_t row = set->slot / ROW;

    return (set->slot + set->count - 1) / ROW == row ? row : FAT_UNKNOWN;
}

/* --------------------------------------------------------------- finding */

/* What is looked for, and where. */
struct search {
    struct fat_vnode *dir;
    uint32_t count;             /* slots */
    bool in_one;                /* row */
    const struct fat_set *own;  /* whose slots are as good as free; or NULL */

    uint32_t end;               /* where the directory ends, if that was met */
    uint32_t gap;               /* the first that is too small, but has
                                   FAT_GAP_SIZES slots */
    uint32_t tail;              /* slots in a row at the end */
};

static bool slot_is_free(const struct search *s, const struct fat_walk *walk,
                         const uint8_t *raw, uint32_t slot)
{
    struct fat_volume *vol = vol_of(s->dir);

    if (s->end != FAT_UNKNOWN)
        return true;
    if (s->own && slot - s->own->slot < s->own->count)
        return true;
    return fat_slot_kind(raw) == FAT_SLOT_FREE &&
           !fat_recent_slot(vol, fat_place_of(vol, walk->buf, raw));
}

/* Search the slots from FIRST to before STOP. Returns 1 if there is room. */
static int search_slots(struct search *s, uint32_t first, uint32_t stop,
                        struct fat_room *out)
{
    uint32_t run = 0, start = first, slot = 0;
    const uint8_t *raw;
    struct fat_walk walk;
    int more = 0;

    s->end = FAT_UNKNOWN;
    s->gap = FAT_UNKNOWN;
    fat_walk_start(&walk, s->dir, first);
    while (run < s->count && walk.next < stop &&
           (more = fat_walk_slot(&walk, &raw, &slot)) > 0) {
        bool is_free;

        if (s->end == FAT_UNKNOWN && fat_slot_kind(raw) == FAT_SLOT_END)
            s->end = slot;
        is_free = slot_is_free(s, &walk, raw, slot);
        if (!is_free || (s->in_one && slot % ROW == 0)) {
            if (run >= FAT_GAP_SIZES && s->gap == FAT_UNKNOWN)
                s->gap = start;
            run = 0;
        }
        if (!is_free)
            continue;
        if (run++ == 0)
            start = slot;
    }
    fat_walk_stop(&walk);
    if (more < 0)
        return more;
    s->tail = run;
    if (run < s->count)
        return 0;
    *out = (struct fat_room){ start, s->count, s->end };
    return 1;
}

int fat_room_find_in(struct fat_vnode *dir, uint32_t count, uint32_t row,
                     const struct fat_set *own, struct fat_room *out)
{
    struct search s = { .dir = dir, .count = count, .in_one = true,
                        .own = own };
    int found = search_slots(&s, row * ROW, (row + 1) * ROW, out);

    if (found < 0)
        return found;
    return found ? 0 : SHALE_EAGAIN;
}

/* ------------------------------------------------------------------ gaps */

static uint32_t *gap_of(struct fat_vnode *dir, uint32_t count)
{
    return &dir->gaps.at[(count < FAT_GAP_SIZES ? count : FAT_GAP_SIZES) - 1];
}

/* There may be gaps of any size from SLOT on. */
static void gaps_lower(struct fat_vnode *dir, uint32_t slot)
{
    slot -= slot % ROW;
    for (unsigned i = 0; i < FAT_GAP_SIZES; i++) {
        if (dir->gaps.at[i] > slot)
            dir->gaps.at[i] = slot;
    }
}

/* Slots freed late are gaps once their batch has been written. */
static void gaps_refresh(struct fat_vnode *dir)
{
    uint64_t batch = shale_tx_batch(dir->base.fs->tx);

    if (dir->gaps.late_batch != 0 && dir->gaps.late_batch != batch)
        dir->gaps = (struct fat_gaps){ .late_batch = 0 };
}

/* As fat_room_find(), from FIRST on, among the slots there are. */
static int room_search(struct search *s, uint32_t first, struct fat_room *out)
{
    uint32_t *gap = gap_of(s->dir, s->count);
    int found = search_slots(s, first, FAT_UNKNOWN, out);

    if (found > 0 && (s->in_one || s->count > ROW))
        *gap = s->gap < out->slot ? s->gap : out->slot;
    return found;
}

/* -------------------------------------------------------------- growing */

/*
 * Give DIR, which has SLOTS slots, clusters for MORE. SHALE_ENOSPC also if it
 * must not have them.
 */
static int dir_grow(struct fat_vnode *dir, uint32_t slots, uint32_t more)
{
    struct fat_volume *vol = vol_of(dir);
    uint32_t each = vol->boot.cluster_size / FAT_ENTRY_SIZE;
    uint32_t count = (more + each - 1) / each, index = slots / each;
    struct fat_run run;
    int err;

    if (dir->chain.first == 0 && dir->base.ino != FAT_ROOT_INO)
        return fat_node_corrupt(dir, "fat: directory without clusters");
    if (dir->chain.first == 0 || slots > FAT_DIR_ENTRIES - count * each)
        return SHALE_ENOSPC;
    err = fat_vnode_note(dir);
    if (!err)
        err = fat_grow(dir, count, true, &run);
    for (; count > 0 && !err; count--, index++) {
        int found = fat_chain_find(vol, &dir->chain, index, 1, &run);

        err = found > 0 ? fat_dir_clear(vol, run.cluster, NULL, NULL)
            : found < 0 ? found : SHALE_EIO;
        dir->base.size += vol->boot.cluster_size;
    }
    return err;
}

/*
 * Let DIR grow so that there is room: by more than one cluster, where these are
 * small and the set is large. *S is a search that found none.
 */
static int room_make(struct search *s, struct fat_room *out)
{
    struct fat_vnode *dir = s->dir;
    uint32_t slots, from, more = s->count, *mark = gap_of(dir, s->count);
    int found = 0, err = fat_dir_slots(dir, &slots);

    if (err)
        return err;
    from = s->in_one || slots < s->count ? slots : slots - s->count;
    *mark = s->gap < from ? s->gap : from;
    if (s->end < from)
        from = s->end;
    if (!s->in_one) {
        /* Free slots before may be part of it, if one row is not enough. */
        found = search_slots(s, from, FAT_UNKNOWN, out);
        more -= s->tail;
    }
    if (found == 0) {
        err = dir_grow(dir, slots, more);
        if (err)
            return err;
        found = search_slots(s, from, FAT_UNKNOWN, out);
    }
    return found > 0 ? 0 : found < 0 ? found : SHALE_EIO;
}

int fat_room_find(struct fat_vnode *dir, uint32_t count, struct fat_room *out)
{
    struct search s = { .dir = dir, .count = count };
    int err, found;

    s.in_one = count <= ROW;
    gaps_refresh(dir);
    found = room_search(&s, *gap_of(dir, count), out);
    if (found != 0)
        return found < 0 ? found : 0;
    err = room_make(&s, out);
    if (err != SHALE_ENOSPC)
        return err;

    /* The last resort: behind the marks, then across rows. */
    found = room_search(&s, 0, out);
    if (found == 0 && s.in_one) {
        s.in_one = false;
        found = room_search(&s, 0, out);
    }
    return found < 0 ? found : found ? 0 : SHALE_ENOSPC;
}

/* --------------------------------------------------------------- storing */

/* Pin SLOT of DIR, which is there, to be changed; but now its first byte. */
static int slot_change(struct fat_vnode *dir, uint32_t slot,
                       enum fat_when when, struct fat_spot *out)
{
    int err = fat_dir_slot(dir, slot, out);

    if (err <= 0)
        return err < 0 ? err : SHALE_EINVAL;
    return fat_change(vol_of(dir), out, 1, SHALE_RANK_NAME, when);
}

/* Change the first byte of SLOT to MARK. Stores its place. */
static int slot_mark(struct fat_vnode *dir, uint32_t slot, enum fat_when when,
                     uint8_t mark, uint64_t *at)
{
    struct fat_spot spot;
    int err = slot_change(dir, slot, when, &spot);

    if (err)
        return err;
    *spot.raw = mark;
    *at = fat_place_of(vol_of(dir), spot.buf, spot.raw);
    shale_buf_put(spot.buf);
    return 0;
}

/* Give the slots from FIRST to before END that there are the mark of free ones,
   which they are. */
static int slots_fill(struct fat_vnode *dir, uint32_t first, uint32_t end)
{
    uint32_t slots;
    uint64_t at;
    int err = fat_dir_slots(dir, &slots);

    if (end > slots)
        end = slots;
    for (uint32_t slot = first; slot < end && !err; slot++)
        err = slot_mark(dir, slot, FAT_NOW, FAT_NAME_FREE, &at);
    return err;
}

/* SLOT, which may be changed by now, is going to be something else last. */
static int slot_hold(struct fat_vnode *dir, uint32_t slot)
{
    struct fat_spot spot;
    int err = slot_change(dir, slot, FAT_NEXT, &spot);

    if (!err)
        shale_buf_put(spot.buf);
    return err;
}

/*
 * The directory has ended at SLOT, and is to have a set from FIRST to LAST: let
 * it end after LAST's row.
 */
static int end_move(struct fat_vnode *dir, uint32_t slot, uint32_t first,
                    uint32_t last)
{
    uint32_t next = (last / ROW + 1) * ROW;
    struct fat_spot spot;
    bool is_end = true;
    uint64_t at;
    int err = fat_dir_slot(dir, next, &spot);

    /* Some leave behind the end what was there before. */
    if (err > 0) {
        is_end = *spot.raw == FAT_NAME_END;
        shale_buf_put(spot.buf);
        err = 0;
    }
    if (!err && !is_end)
        err = slot_mark(dir, next, FAT_NOW, FAT_NAME_END, &at);

    /* The old end stays until the new one is there. */
    if (!err && !is_end)
        err = slot_hold(dir, slot);
    if (!err)
        err = fat_recent_add_end(dir, slot / ROW);
    if (!err)
        err = slots_fill(dir, slot, first);
    return err ? err : slots_fill(dir, last + 1, next);
}

/*
 * Pin SLOT of DIR, which is free, to store something in it. HELD: it is free on
 * the device, too, until all else of its name is there.
 */
static int slot_take(struct fat_vnode *dir, uint32_t slot, bool held,
                     struct fat_spot *out)
{
    int err = slot_change(dir, slot, FAT_NOW, out);

    if (err || !held)
        return err;
    *out->raw = FAT_NAME_FREE;          /* and not the end */
    err = slot_hold(dir, slot);
    if (err)
        shale_buf_put(out->buf);
    return err;
}

/* Store the pieces of NAME in the slots from SLOT on; held if in HELD_ROW. */
static int pieces_store(struct fat_vnode *dir, uint32_t slot,
                        const struct fat_newname *name, uint32_t held_row)
{
    uint32_t pieces = fat_newname_slots(name) - 1;
    uint8_t checksum = fat_checksum(name->name);

    for (uint32_t order = pieces; order > 0; order--, slot++) {
        struct fat_spot spot;
        int err = slot_take(dir, slot, slot / ROW == held_row, &spot);

        if (err)
            return err;
        fat_long_encode(name->units, name->len, order, checksum,
                        (struct fat_disk_long *)spot.raw);
        shale_buf_put(spot.buf);
    }
    return 0;
}

/* Store the short entry of SET in its last slot. Notes its place there. */
static int short_store(struct fat_vnode *dir, struct fat_set *set, bool held)
{
    struct fat_volume *vol = vol_of(dir);
    struct fat_spot spot;
    int err = slot_take(dir, set->slot + set->count - 1, held, &spot);

    if (err)
        return err;
    memset(spot.raw, 0, FAT_ENTRY_SIZE);
    fat_entry_encode(vol, &set->entry, (struct fat_disk_entry *)spot.raw);
    set->at = fat_place_of(vol, spot.buf, spot.raw);
    shale_buf_put(spot.buf);
    return 0;
}

int fat_set_store(struct fat_vnode *dir, const struct fat_room *room,
                  const struct fat_newname *name,
                  const struct fat_entry *entry, struct fat_set *out)
{
    uint32_t last = room->slot + room->count - 1;
    bool held;
    int err = 0;

    out->slot = room->slot;
    out->count = room->count;
    out->entry = *entry;
    memcpy(out->entry.name, name->name, sizeof out->entry.name);
    out->entry.lower = name->lower;
    out->is_long = name->is_long;
    out->len = name->len;
    memcpy(out->name, name->units, name->len * sizeof *name->units);

    if (room->end <= last)
        err = end_move(dir, room->end, room->slot, last);
    held = fat_set_row(out) == FAT_UNKNOWN ||
           fat_recent_behind_end(dir, last / ROW);
    if (!err && name->is_long)
        err = pieces_store(dir, room->slot, name,
                           held ? last / ROW : FAT_UNKNOWN);
    if (!err)
        err = short_store(dir, out, held);
    return err;
}

/* --------------------------------------------------------------- freeing */

static int slot_free(struct fat_vnode *dir, uint32_t slot, bool late)
{
    uint64_t at;
    int err = slot_mark(dir, slot, late ? FAT_LATE : FAT_NOW, FAT_NAME_FREE,
                        &at);

    return err || !late ? err : fat_recent_add_slot(vol_of(dir), at);
}

/* Note that both names of SET are free, by a change of ROW. */
static int names_free(struct fat_vnode *dir, const struct fat_set *set,
                      uint32_t row)
{
    uint16_t shown[FAT_SHORT_UNITS];
    size_t len;
    int err = fat_recent_add(dir, set->name, set->len, row);

    if (err || !set->is_long)
        return err;
    len = fat_short_decode(vol_of(dir), &set->entry, shown);
    return fat_recent_add(dir, shown, (uint32_t)len, row);
}

int fat_set_erase(struct fat_vnode *dir, const struct fat_set *set, bool late)
{
    uint32_t last = set->slot + set->count - 1;
    uint32_t row = late ? FAT_UNKNOWN : fat_set_row(set);
    int err = names_free(dir, set, row);

    /* The short entry goes first: pieces by themselves are nothing. */
    for (uint32_t slot = last + 1; slot-- > set->slot && !err; )
        err = slot_free(dir, slot, late || slot / ROW != last / ROW);
    if (err)
        return err;
    if (row == FAT_UNKNOWN)
        dir->gaps.late_batch = shale_tx_batch(dir->base.fs->tx);
    if (!late)
        gaps_lower(dir, last);
    return 0;
}

int fat_slot_erase(struct fat_vnode *dir, uint32_t slot)
{
    int err = slot_free(dir, slot, false);

    if (!err)
        gaps_lower(dir, slot);
    return err;
}

/* ----------------------------------------------------------- directories */

int fat_dir_check_empty(struct fat_vnode *dir)
{
    struct fat_volume *vol = vol_of(dir);
    struct fat_set *set = fat_set_get(vol);
    struct fat_walk walk;
    int found;

    if (!set)
        return SHALE_ENOMEM;
    fat_walk_start(&walk, dir, 0);
    found = fat_walk_next(&walk, set);
    fat_walk_stop(&walk);
    fat_set_put(vol, set);
    if (found != 0)
        return found < 0 ? found : SHALE_ENOTEMPTY;
    return fat_recent_chain(vol, FAT_CHAIN_LEAVER, dir->chain.first)
               ? SHALE_EAGAIN : 0;
}

/* Store "." or "..": as ENTRY, but for the name and the CLUSTER it leads to. */
static void dots_encode(const struct fat_volume *vol,
                        const struct fat_entry *entry, unsigned dots,
                        uint32_t cluster, uint8_t *raw)
{
    struct fat_entry dot = *entry;

    memset(dot.name, ' ', sizeof dot.name);
    memset(dot.name, '.', dots);
    dot.attr = FAT_ATTR_DIR;
    dot.lower = 0;
    dot.cluster = cluster;
    dot.size = 0;
    fat_entry_encode(vol, &dot, (struct fat_disk_entry *)raw);
}

int fat_dir_clear(struct fat_volume *vol, uint32_t cluster,
                  const struct fat_vnode *parent,
                  const struct fat_entry *entry)
{
    uint32_t size = vol->boot.cluster_size;
    uint32_t chunk = size < ZEROS_MAX ? size : ZEROS_MAX;
    uint64_t at = fat_cluster_at(vol, cluster);
    uint8_t *bytes = shale_zalloc(vol->fs->mem, chunk);
    int err = 0;

    if (!bytes)
        return SHALE_ENOMEM;
    shale_cache_forget(vol->fs->cache, fat_cluster_sector(vol, cluster),
                       vol->boot.cluster_sectors);
    if (parent) {
        dots_encode(vol, entry, 1, cluster, bytes);
        dots_encode(vol, entry, 2, fat_dotdot_of(parent),
                    bytes + FAT_ENTRY_SIZE);
        for (uint32_t slot = 2; slot < ROW; slot++)
            bytes[slot * FAT_ENTRY_SIZE] = FAT_NAME_FREE;
    }
    for (uint32_t done = 0; done < size && !err; done += chunk) {
        err = shale_bdev_write(vol->fs->dev, at + done, bytes, chunk);
        memset(bytes, 0, ROW * FAT_ENTRY_SIZE);
    }
    shale_free(vol->fs->mem, bytes, chunk);
    return err;
}
