/*
 * recent.c - names and slots that are free in memory, but not on the device
 *
 * A batch may reach the device in any order within a step. If a name has gone
 * from one sector and come in another, a power cut may leave it in both. So
 * what has gone in the batch being filled is kept here, in a hash table, and
 * asked for before a name, long or short, is given again: it may come back in
 * the sector that it went from, or in the next batch.
 *
 * The slots of a name that goes late, since the file has a new one, must keep
 * what they have until then.
 *
 * Names are known by 32 bits of hash and their directory's first cluster. If
 * two are taken for one, or a transaction is undone that has added some, the
 * worst that comes of it is a batch written early or another short name.
 */
#include "memfn.h"
#include "write.h"

#define ROOM_MIN 64u
#define ROOM_KEEP 4096u         /* a larger table does not outlive its batch */

/* Keys: 0 is a free item; of slots the highest bit is set. */
#define KEY_SLOT ((uint64_t)1 << 63)
#define KEY_NAME ((uint64_t)1 << 62)

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
                   uint32_t sector)
{
    return recent_enter(fat_volume_of(dir->base.fs),
                        name_key(dir, fat_name_hash(name, len)), sector);
}

bool fat_recent_name(struct fat_vnode *dir, uint32_t hash, uint32_t *sector)
{
    const struct fat_recent_item *item =
        recent_lookup(fat_volume_of(dir->base.fs), name_key(dir, hash));

    if (item)
        *sector = item->value;
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
