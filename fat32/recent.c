/*
 * recent.c - what this batch has done that the device does not know yet
 *
 * Blocks of a batch may reach the device in any order within a step. What has
 * to be known for that to be harmless is kept here until the batch has been
 * written, in a hash table:
 *
 *     names   that are free now. If one went from one row and came back in
 *             another, a power cut might leave it in both. So a name, long or
 *             short, comes back in its row or in the next batch.
 *     slots   that are freed late, since the file has a new name: they keep
 *             what they have until then.
 *     ends    of directories. What is behind the end on the device must not be
 *             there before the end has moved on.
 *     chains  that were cut, and so cannot grow before their end is there; and
 *             those that an entry that goes late leads to, which must not be
 *             cut below the size that the entry says.
 *     leavers names in a directory that go late, for which it has to stay.
 *
 * Names are known by 32 bits of hash and their directory's first cluster. If
 * two are taken for one, or a transaction is undone that has added some, the
 * worst that comes of it is a batch written early or another short name.
 */
#include "chain.h"
#include "fat.h"
#include "memfn.h"
#include "name.h"
#include "node.h"
#include "write.h"

#define ROOM_MIN 64u
#define ROOM_KEEP 4096u         /* a larger table does not outlive its batch */

/* What a key is about, in the highest bits of its first half. */
enum about {
    NAME = 1, SLOT, END,        /* 0: a free item */
    CUT, LEFT, LEAVER,          /* as enum fat_chain_change */
};

#define ABOUT_SHIFT 29u         /* clusters have 28 bits; slots, in all, 39 */

static struct fat_recent *recent_of(const struct fat_volume *vol)
{
    return &vol->writer->recent;
}

void fat_recent_fini(struct fat_volume *vol)
{
    struct fat_recent *recent = recent_of(vol);

    shale_free(vol->fs->mem, recent->items,
               recent->room * sizeof *recent->items);
    *recent = (struct fat_recent){ .items = NULL };
}

/* Forget what was of an earlier batch. */
static void recent_refresh(struct fat_volume *vol)
{
    struct fat_recent *recent = recent_of(vol);
    uint64_t batch = shale_tx_batch(vol->fs->tx);

    if (recent->batch == batch)
        return;
    if (recent->room > ROOM_KEEP)
        fat_recent_fini(vol);
    else if (recent->count > 0)
        memset(recent->items, 0, recent->room * sizeof *recent->items);
    recent->batch = batch;
    recent->count = 0;
    recent->late_count = 0;
}

/* The item of the key HIGH, LOW, or the free one where it would be. */
static struct fat_recent_item *item_find(const struct fat_recent *recent,
                                         uint32_t high, uint32_t low)
{
    uint32_t mask = recent->room - 1;
    uint32_t i = (low * 0x9e3779b1u ^ high) * 0x85ebca6bu >> 8;
    struct fat_recent_item *item;

    do
        item = &recent->items[i++ & mask];
    while (item->high != 0 && (item->high != high || item->low != low));
    return item;
}

/* Make room for one more: at most half of the items are taken. */
static int recent_grow(struct fat_volume *vol)
{
    struct fat_recent *recent = recent_of(vol);
    struct fat_recent old = *recent;
    uint32_t room = old.room ? old.room * 2 : ROOM_MIN;

    if (old.count < old.room / 2)
        return 0;
    recent->items = shale_alloc_array(vol->fs->mem, room,
                                      sizeof *recent->items);
    if (!recent->items) {
        recent->items = old.items;
        return SHALE_ENOMEM;
    }
    recent->room = room;
    for (uint32_t i = 0; i < old.room; i++) {
        const struct fat_recent_item *item = &old.items[i];

        if (item->high != 0)
            *item_find(recent, item->high, item->low) = *item;
    }
    shale_free(vol->fs->mem, old.items, old.room * sizeof *old.items);
    return 0;
}

/*
 * Note VALUE of number HIGH, LOW; FAT_UNKNOWN if something else is noted of it.
 */
static int recent_enter(struct fat_volume *vol, enum about about,
                        uint32_t high, uint32_t low, uint32_t value)
{
    struct fat_recent *recent = recent_of(vol);
    struct fat_recent_item *item;
    int err;

    recent_refresh(vol);
    err = recent_grow(vol);
    if (err)
        return err;
    high |= (uint32_t)about << ABOUT_SHIFT;
    item = item_find(recent, high, low);
    if (item->high == 0) {
        recent->count++;
        *item = (struct fat_recent_item){ high, low, value };
    } else if (item->value != value) {
        item->value = FAT_UNKNOWN;
    }
    return 0;
}

static const struct fat_recent_item *recent_lookup(struct fat_volume *vol,
                                                   enum about about,
                                                   uint32_t high, uint32_t low)
{
    const struct fat_recent_item *item;

    recent_refresh(vol);
    if (recent_of(vol)->count == 0)
        return NULL;
    item = item_find(recent_of(vol), high | (uint32_t)about << ABOUT_SHIFT,
                     low);
    return item->high ? item : NULL;
}

int fat_recent_add(struct fat_vnode *dir, const uint16_t *name, uint32_t len,
                   uint32_t row)
{
    return recent_enter(fat_volume_of(dir->base.fs), NAME, dir->chain.first,
                        fat_name_hash(name, len), row);
}

bool fat_recent_name(struct fat_vnode *dir, uint32_t hash, uint32_t *row)
{
    const struct fat_recent_item *item =
        recent_lookup(fat_volume_of(dir->base.fs), NAME, dir->chain.first,
                      hash);

    if (item)
        *row = item->value;
    return item;
}

int fat_recent_add_slot(struct fat_volume *vol, uint64_t at)
{
    uint64_t number = at / FAT_ENTRY_SIZE;
    int err = recent_enter(vol, SLOT, (uint32_t)(number >> 32),
                           (uint32_t)number, 0);

    if (!err)
        recent_of(vol)->late_count++;
    return err;
}

bool fat_recent_slot(struct fat_volume *vol, uint64_t at)
{
    uint64_t number = at / FAT_ENTRY_SIZE;

    return recent_of(vol)->late_count > 0 &&
           recent_lookup(vol, SLOT, (uint32_t)(number >> 32),
                         (uint32_t)number);
}

int fat_recent_add_end(struct fat_vnode *dir, uint32_t row)
{
    struct fat_volume *vol = fat_volume_of(dir->base.fs);
    uint32_t first = dir->chain.first;

    return recent_lookup(vol, END, first, 0)
               ? 0 : recent_enter(vol, END, first, 0, row);
}

bool fat_recent_behind_end(struct fat_vnode *dir, uint32_t row)
{
    const struct fat_recent_item *item =
        recent_lookup(fat_volume_of(dir->base.fs), END, dir->chain.first, 0);

    return item && row > item->value;
}

int fat_recent_add_chain(struct fat_volume *vol, enum fat_chain_change what,
                         uint32_t first)
{
    return first ? recent_enter(vol, (enum about)(CUT + what), first, 0, 0) : 0;
}

bool fat_recent_chain(struct fat_volume *vol, enum fat_chain_change what,
                      uint32_t first)
{
    return recent_lookup(vol, (enum about)(CUT + what), first, 0);
}
