/*
 * entry.c - slots of a directory: finding room, storing and freeing sets
 *
 * A sector is what the device writes at once. So a set, a short entry with the
 * pieces of its long name, is put into one sector if that is long enough for
 * it, and there comes and goes as a whole. A set that has to be in more is
 * made whole by its short entry: it is stored when the pieces are there, and
 * freed before they are.
 *
 * (1) A directory ends at a slot that begins with 0. What is stored behind that
 *     is there when the end is behind it: free slots left out before a set get
 *     the mark of a free slot, and after the set there is another end.
 * (2) A slot that is freed late keeps its content until the next batch.
 */
#include "memfn.h"
#include "write.h"

#define ZEROS_MAX (32u << 10)   /* bytes of zeros that are written at once */

static struct fat_volume *vol_of(const struct fat_vnode *dir)
{
    return fat_volume_of(dir->base.fs);
}

uint32_t fat_set_sector(const struct fat_volume *vol,
                        const struct fat_set *set)
{
    uint32_t slots = fat_sector_slots(vol);
    uint32_t sector = set->slot / slots;

    return (set->slot + set->count - 1) / slots == sector ? sector
                                                          : FAT_UNKNOWN;
}

/* The place of the byte at OFFSET of BUF. */
static uint64_t place_of(const struct fat_volume *vol,
                         const struct shale_buf *buf, size_t offset)
{
    return (buf->block << vol->boot.sector_shift) + offset;
}

/* --------------------------------------------------------------- finding */

/* What is looked for, and where. */
struct search {
    struct fat_vnode *dir;
    uint32_t count;             /* slots */
    bool in_one;                /* sector */
    const struct fat_set *own;  /* whose slots are as good as free; or NULL */

    uint32_t end;               /* where the directory ends, if that was met */
    uint32_t gap;               /* first gap of FAT_GAP_SIZES that is too small */
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
           !fat_recent_slot(vol, place_of(vol, walk->buf,
                                          (size_t)(raw - walk->buf->data)));
}

/* Search the slots from FIRST to before STOP. Returns 1 if there is room. */
static int search_slots(struct search *s, uint32_t first, uint32_t stop,
                        struct fat_room *out)
{
    uint32_t sector = fat_sector_slots(vol_of(s->dir));
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
        if (!is_free || (s->in_one && slot % sector == 0)) {
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
    if (run < s->count)
        return 0;
    *out = (struct fat_room){ start, s->count, s->end };
    return 1;
}

int fat_room_find_in(struct fat_vnode *dir, uint32_t count, uint32_t sector,
                     const struct fat_set *own, struct fat_room *out)
{
    struct search s = { .dir = dir, .count = count, .in_one = true,
                        .own = own };
    uint32_t first = sector * fat_sector_slots(vol_of(dir));
    int found = search_slots(&s, first, first + fat_sector_slots(vol_of(dir)),
                             out);

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
    slot -= slot % fat_sector_slots(vol_of(dir));
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

    if (found > 0 && (s->in_one || s->count > fat_sector_slots(vol_of(s->dir))))
        *gap = s->gap < out->slot ? s->gap : out->slot;
    return found;
}

/* -------------------------------------------------------------- growing */

/* Give DIR one more cluster. SHALE_ENOSPC also if it must not have one. */
static int dir_grow(struct fat_vnode *dir, uint32_t slots)
{
    struct fat_volume *vol = vol_of(dir);
    uint32_t more = vol->boot.cluster_size / FAT_ENTRY_SIZE;
    struct fat_run run;
    int err;

    if (dir->chain.first == 0 || slots > FAT_DIR_ENTRIES - more)
        return SHALE_ENOSPC;
    err = fat_vnode_note(dir);
    if (!err)
        err = fat_grow(dir, 1, &run);
    if (!err)
        err = fat_dir_clear(vol, run.cluster, NULL, NULL);
    if (err)
        return err;
    dir->base.size += vol->boot.cluster_size;
    return 0;
}

/*
 * Let DIR grow until there is room: by more than one cluster, where these are
 * small and the set is large. *S is a search that found none.
 */
static int room_make(struct search *s, struct fat_room *out)
{
    struct fat_vnode *dir = s->dir;
    uint32_t slots, from;
    int err, found = 0;

    while (found == 0) {
        err = fat_dir_slots(dir, &slots);
        if (!err)
            err = dir_grow(dir, slots);
        if (err)
            return err;

        /* Free slots before may be part of it, if one sector is not enough. */
        from = s->in_one || slots < s->count ? slots : slots - s->count;
        *gap_of(dir, s->count) = s->gap < from ? s->gap : from;
        found = search_slots(s, s->end < from ? s->end : from, FAT_UNKNOWN,
                             out);
    }
    return found < 0 ? found : 0;
}

int fat_room_find(struct fat_vnode *dir, uint32_t count, struct fat_room *out)
{
    struct search s = { .dir = dir, .count = count };
    int err, found;

    s.in_one = count <= fat_sector_slots(vol_of(dir));
    gaps_refresh(dir);
    found = room_search(&s, *gap_of(dir, count), out);
    if (found != 0)
        return found < 0 ? found : 0;
    err = room_make(&s, out);
    if (err != SHALE_ENOSPC)
        return err;

    /* The last resort: behind the marks, then across sectors. */
    found = room_search(&s, 0, out);
    if (found == 0 && s.in_one) {
        s.in_one = false;
        found = room_search(&s, 0, out);
    }
    return found < 0 ? found : found ? 0 : SHALE_ENOSPC;
}

/* --------------------------------------------------------------- storing */

/* Pin SLOT of DIR, which is there, to be changed. */
static int slot_change(struct fat_vnode *dir, uint32_t slot,
                       struct shale_buf **out, size_t *offset)
{
    int found = fat_dir_slot(dir, slot, out, offset), err;

    if (found <= 0)
        return found < 0 ? found : SHALE_EINVAL;
    err = shale_tx_change(dir->base.fs->tx, *out, SHALE_RANK_NAME);
    if (err)
        shale_buf_put(*out);
    return err;
}

/* Give the free slots from FIRST to before END the mark of free slots. */
static int slots_fill(struct fat_vnode *dir, uint32_t first, uint32_t end)
{
    for (uint32_t slot = first; slot < end; slot++) {
        struct shale_buf *buf;
        size_t offset;
        int err = slot_change(dir, slot, &buf, &offset);

        if (err)
            return err;
        buf->data[offset] = FAT_NAME_FREE;
        shale_buf_put(buf);
    }
    return 0;
}

/*
 * See to it that the directory ends at SLOT, if there is one: some leave behind
 * the end what was there before. Stores whether that slot's sector, which is
 * BLOCK or the one after, had to be changed.
 */
static int end_make(struct fat_vnode *dir, uint32_t slot, bool *changed)
{
    size_t offset = 0;
    struct shale_buf *buf;
    int found = fat_dir_slot(dir, slot, &buf, &offset), err = 0;
    size_t size = vol_of(dir)->boot.sector_size;

    *changed = false;
    if (found <= 0)
        return found;
    if (buf->data[offset] != FAT_NAME_END) {
        *changed = true;
        err = shale_tx_change(dir->base.fs->tx, buf, SHALE_RANK_NAME);
        if (!err)
            memset(buf->data + offset, 0, size - offset);
    }
    shale_buf_put(buf);
    return err;
}

/* Store the pieces of NAME in the slots from SLOT on. */
static int pieces_store(struct fat_vnode *dir, uint32_t slot,
                        const struct fat_newname *name)
{
    uint32_t pieces = fat_newname_slots(name) - 1;
    uint8_t checksum = fat_checksum(name->name);

    for (uint32_t order = pieces; order > 0; order--, slot++) {
        struct shale_buf *buf;
        size_t offset;
        int err = slot_change(dir, slot, &buf, &offset);

        if (err)
            return err;
        fat_long_encode(name->units, name->len, order, checksum,
                        (struct fat_disk_long *)(buf->data + offset));
        shale_buf_put(buf);
    }
    return 0;
}

/* Store the short ENTRY in SLOT; LATE: after all else. Stores its place. */
static int short_store(struct fat_vnode *dir, uint32_t slot,
                       const struct fat_entry *entry, bool late, uint64_t *at)
{
    struct fat_volume *vol = vol_of(dir);
    struct shale_buf *buf;
    size_t offset;
    int err = slot_change(dir, slot, &buf, &offset);

    if (err)
        return err;
    if (late) {
        /* Until then the slot is free, and not the end. */
        buf->data[offset] = FAT_NAME_FREE;
        err = shale_tx_change_late(vol->fs->tx, buf, offset, FAT_ENTRY_SIZE,
                                   SHALE_RANK_NAME);
    }
    if (!err) {
        uint8_t *raw = buf->data + offset;

        memset(raw, 0, FAT_ENTRY_SIZE);
        fat_entry_encode(vol, entry, (struct fat_disk_entry *)raw);
        *at = place_of(vol, buf, offset);
    }
    shale_buf_put(buf);
    return err;
}

int fat_set_store(struct fat_vnode *dir, const struct fat_room *room,
                  const struct fat_newname *name,
                  const struct fat_entry *entry, struct fat_set *out)
{
    uint32_t last = room->slot + room->count - 1;
    bool late = false;
    int err = 0;

    out->slot = room->slot;
    out->count = room->count;
    out->entry = *entry;
    memcpy(out->entry.name, name->name, sizeof out->entry.name);
    out->entry.lower = name->lower;
    out->is_long = name->is_long;
    out->len = name->len;
    memcpy(out->name, name->units, name->len * sizeof *name->units);

    if (room->end <= last) {
        err = slots_fill(dir, room->end, room->slot);
        if (!err)
            err = end_make(dir, last + 1, &late);
        if ((last + 1) % fat_sector_slots(vol_of(dir)) != 0)
            late = false;       /* the end is in the same sector */
    }
    if (fat_set_sector(vol_of(dir), out) == FAT_UNKNOWN)
        late = true;
    if (!err && name->is_long)
        err = pieces_store(dir, room->slot, name);
    if (!err)
        err = short_store(dir, last, &out->entry, late, &out->at);
    return err;
}

/* --------------------------------------------------------------- freeing */

static int slot_free(struct fat_vnode *dir, uint32_t slot, bool late)
{
    struct fat_volume *vol = vol_of(dir);
    struct shale_buf *buf;
    size_t offset;
    int err, found = fat_dir_slot(dir, slot, &buf, &offset);

    if (found <= 0)
        return found < 0 ? found : SHALE_EINVAL;
    if (late) {
        err = shale_tx_change_late(vol->fs->tx, buf, offset, 1,
                                   SHALE_RANK_NAME);
        if (!err)
            err = fat_recent_add_slot(vol, place_of(vol, buf, offset));
    } else {
        err = shale_tx_change(vol->fs->tx, buf, SHALE_RANK_NAME);
    }
    if (!err)
        buf->data[offset] = FAT_NAME_FREE;
    shale_buf_put(buf);
    return err;
}

/* Note that both names of SET are free, by a change of SECTOR. */
static int names_free(struct fat_vnode *dir, const struct fat_set *set,
                      uint32_t sector)
{
    uint16_t shown[FAT_SHORT_UNITS];
    size_t len;
    int err = fat_recent_add(dir, set->name, set->len, sector);

    if (err || !set->is_long)
        return err;
    len = fat_short_decode(vol_of(dir), &set->entry, shown);
    return fat_recent_add(dir, shown, (uint32_t)len, sector);
}

int fat_set_erase(struct fat_vnode *dir, const struct fat_set *set, bool late)
{
    uint32_t last = set->slot + set->count - 1;
    uint32_t slots = fat_sector_slots(vol_of(dir));
    uint32_t sector = late ? FAT_UNKNOWN : fat_set_sector(vol_of(dir), set);
    int err = names_free(dir, set, sector);

    /* The short entry goes first: pieces by themselves are nothing. */
    for (uint32_t slot = last + 1; slot-- > set->slot && !err; )
        err = slot_free(dir, slot, late || slot / slots != last / slots);
    if (err)
        return err;
    if (sector == FAT_UNKNOWN)
        dir->gaps.late_batch = shale_tx_batch(dir->base.fs->tx);
    if (!late)
        gaps_lower(dir, last);
    return 0;
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
    if (found < 0)
        return found;
    return found ? SHALE_ENOTEMPTY : 0;
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
    shale_cache_forget(vol->fs->cache, at >> vol->boot.sector_shift,
                       vol->boot.cluster_sectors);
    if (parent) {
        uint32_t up = parent->base.ino == FAT_ROOT_INO ? 0
                                                       : parent->chain.first;

        dots_encode(vol, entry, 1, cluster, bytes);
        dots_encode(vol, entry, 2, up, bytes + FAT_ENTRY_SIZE);
    }
    for (uint32_t done = 0; done < size && !err; done += chunk) {
        err = shale_bdev_write(vol->fs->dev, at + done, bytes, chunk);
        memset(bytes, 0, chunk < 2 * FAT_ENTRY_SIZE ? chunk
                                                    : 2 * FAT_ENTRY_SIZE);
    }
    shale_free(vol->fs->mem, bytes, chunk);
    return err;
}
