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
#include "memfn.h"
#include "write.h"

#define ROOM_MIN 64u
#define ROOM_KEEP 4096u         /* a larger table does not outlive its batch */

/* What a key is about is in its highest bits; 0 is a free item. */
#define KEY_NAME ((uint64_t)1 << 61)
#define KEY_SLOT ((uint64_t)2 << 61)
#define KEY_END  ((uint64_t)3 << 61)
#define KEY_CUT  ((uint64_t)4 << 61)
#define KEY_LEFT ((uint64_t)5 << 61)
#define KEY_LEAVER ((uint64_t)6 << 61)

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

/* The item of KEY, or the free one where it would be. */
static struct fat_recent_item *item_find(const struct fat_recent *recent,
                                         uint64_t key)
{
    uint32_t mask = recent->room - 1;
    uint64_t hash = key * 0x9e3779b97f4a7c15u;
    uint32_t i = (uint32_t)(hash >> 32) & mask;

    while (recent->items[i].key != 0 && recent->items[i].key != key)
        i = (i + 1) & mask;
    return &recent->items[i];
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
        if (old.items[i].key != 0)
            *item_find(recent, old.items[i].key) = old.items[i];
    }
    shale_free(vol->fs->mem, old.items, old.room * sizeof *old.items);
    return 0;
}

/* Note KEY with VALUE; with FAT_UNKNOWN if it is there with another. */
static int recent_enter(struct fat_volume *vol, uint64_t key, uint32_t value)
{
    struct fat_recent *recent = recent_of(vol);
    struct fat_recent_item *item;
    int err;

    recent_refresh(vol);
    err = recent_grow(vol);
    if (err)
        return err;
    item = item_find(recent, key);
    if (item->key == 0) {
        recent->count++;
        *item = (struct fat_recent_item){ key, value };
    } else if (item->value != value) {
        item->value = FAT_UNKNOWN;
    }
    return 0;
}

static const struct fat_recent_item *recent_lookup(struct fat_volume *vol,
                                                   uint64_t key)
{
    const struct fat_recent_item *item;

    recent_refresh(vol);
    if (recent_of(vol)->count == 0)
        return NULL;
    item = item_find(recent_of(vol), key);
    return item->key ? item : NULL;
}

static uint64_t name_key(const struct fat_vnode *dir, uint32_t hash)
{
    return KEY_NAME | (uint64_t)dir->chain.first << 32 | hash;
}

int fat_recent_add(struct fat_vnode *dir, const uint16_t *name, uint32_t len,
                   uint32_t row)
{
    return recent_enter(fat_volume_of(dir->base.fs),
                        name_key(dir, fat_name_hash(name, len)), row);
}

bool fat_recent_name(struct fat_vnode *dir, uint32_t hash, uint32_t *row)
{
    const struct fat_recent_item *item =
        recent_lookup(fat_volume_of(dir->base.fs), name_key(dir, hash));

    if (item)
        *row = item->value;
    return item;
}

int fat_recent_add_slot(struct fat_volume *vol, uint64_t at)
{
    int err = recent_enter(vol, KEY_SLOT | at / FAT_ENTRY_SIZE, 0);

    if (!err)
        recent_of(vol)->late_count++;
    return err;
}

bool fat_recent_slot(struct fat_volume *vol, uint64_t at)
{
    const struct fat_recent *recent = recent_of(vol);

    return recent->late_count > 0 &&
           recent_lookup(vol, KEY_SLOT | at / FAT_ENTRY_SIZE);
}

int fat_recent_add_end(struct fat_vnode *dir, uint32_t row)
{
    struct fat_volume *vol = fat_volume_of(dir->base.fs);

    if (recent_lookup(vol, KEY_END | dir->chain.first))
        return 0;
    return recent_enter(vol, KEY_END | dir->chain.first, row);
}

bool fat_recent_behind_end(struct fat_vnode *dir, uint32_t row)
{
    const struct fat_recent_item *item =
        recent_lookup(fat_volume_of(dir->base.fs),
                      KEY_END | dir->chain.first);

    return item && row > item->value;
}

int fat_recent_add_cut(struct fat_volume *vol, uint32_t first)
{
    return recent_enter(vol, KEY_CUT | first, 0);
}

bool fat_recent_cut(struct fat_volume *vol, uint32_t first)
{
    return recent_lookup(vol, KEY_CUT | first);
}

int fat_recent_add_left(struct fat_volume *vol, uint32_t first)
{
    return first ? recent_enter(vol, KEY_LEFT | first, 0) : 0;
}

bool fat_recent_left(struct fat_volume *vol, uint32_t first)
{
    return recent_lookup(vol, KEY_LEFT | first);
}

int fat_recent_add_leaver(struct fat_vnode *dir)
{
    return recent_enter(fat_volume_of(dir->base.fs),
                        KEY_LEAVER | dir->chain.first, 0);
}

bool fat_recent_leaver(struct fat_vnode *dir)
{
    return recent_lookup(fat_volume_of(dir->base.fs),
                         KEY_LEAVER | dir->chain.first);
}
