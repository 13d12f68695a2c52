/*
 * nametable.c - where the names of a directory are, by their hash
 *
 * Long names and short ones. A table may say too much, never too little: what
 * it says is read again, what comes to the directory is added, and what goes is
 * taken out. Only a directory that was read to its end gets one, so what is not
 * in it is not there.
 */
#include "dir.h"
#include "extras.h"
#include "fat.h"
#include "name.h"
#include "node.h"

void fat_table_forget(struct fat_vnode *dir)
{
    namehash_destroy(dir->names);
    dir->names = NULL;
    dir->names_asked = 0;
    dir->names_made = (struct shale_once)SHALE_ONCE_INIT_POISON;
}

/* Is POSITION noted with HASH? */
static bool is_noted(const struct namehash *names, uint32_t hash,
                     uint32_t position)
{
    struct namehash_search search = namehash_start(names, hash);
    uint32_t other;

    while (namehash_next(&search, &other))
        if (other == position)
            return true;
    return false;
}

/* Note the names of SET. CHECK: not if they are there. */
static bool names_note(const struct fat_volume *vol, struct namehash *names,
                       const struct fat_set *set, bool check)
{
    uint16_t shown[FAT_SHORT_UNITS];
    uint32_t hash = fat_name_hash(set->name, set->len);
    size_t len;

    if (!(check && is_noted(names, hash, set->slot)) &&
        !namehash_add(names, hash, set->slot))
        return false;
    if (!set->is_long)
        return true;
    len = fat_short_decode(vol, &set->entry, shown);
    hash = fat_name_hash(shown, len);
    return (check && is_noted(names, hash, set->slot)) ||
           namehash_add(names, hash, set->slot);
}

void fat_table_add(struct fat_vnode *dir, const struct fat_set *set)
{
    if (dir->names &&
        !names_note(fat_volume_of(dir->base.fs), dir->names, set, true))
        fat_table_forget(dir);
}

void fat_table_remove(struct fat_vnode *dir, const struct fat_set *set)
{
    uint16_t shown[FAT_SHORT_UNITS];
    size_t len;

    if (!dir->names)
        return;
    namehash_remove(dir->names, fat_name_hash(set->name, set->len), set->slot);
    if (!set->is_long)
        return;
    len = fat_short_decode(fat_volume_of(dir->base.fs), &set->entry, shown);
    namehash_remove(dir->names, fat_name_hash(shown, len), set->slot);
}

/* Make a table of all names of DIR, or return NULL. */
static struct namehash *names_build(struct fat_vnode *dir)
{
    struct fat_volume *vol = fat_volume_of(dir->base.fs);
    struct namehash *names = namehash_create(vol->fs->mem, &vol->names);
    struct fat_set *set = names ? fat_set_get(vol) : NULL;
    bool added = true;
    struct fat_walk walk;
    int more = SHALE_ENOMEM;

    if (set) {
        fat_walk_start(&walk, dir, 0);
        while (added && (more = fat_walk_next(&walk, set)) > 0)
            added = names_note(vol, names, set, false);
        fat_walk_stop(&walk);
        fat_set_put(vol, set);
    }
    if (more == 0)
        return names;
    namehash_destroy(names);
    return NULL;
}

static int names_make(void *context)
{
    struct fat_vnode *dir = context;

    dir->names = names_build(dir);
    return dir->names ? 0 : SHALE_ENOMEM;
}

/* The table of DIR, built if it is time to; or NULL. */
static const struct namehash *names_of(struct fat_vnode *dir)
{
    /* While somebody else is at it there is still the other way. */
    if (!__atomic_load_n(&dir->names_asked, __ATOMIC_RELAXED) ||
        shale_once_try(&dir->names_made, names_make, dir))
        return NULL;
    return dir->names;
}

bool fat_table_find(struct fat_vnode *dir, uint32_t hash,
                    bool (*look)(void *context, uint32_t slot), void *context)
{
    const struct namehash *names = names_of(dir);
    struct namehash_search search;
    uint32_t slot;

    if (!names)
        return false;
    search = namehash_start(names, hash);
    while (namehash_next(&search, &slot) && !look(context, slot))
        ;
    return true;
}
