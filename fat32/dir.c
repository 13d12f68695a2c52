/*
 * dir.c - directories: 32-byte slots, and the files among them
 *
 *     | piece 2 | piece 1 | short entry |  free  | short entry | end ...
 *       long name of the file             0xe5     without one   0x00
 *
 * A file is a short entry, and the pieces of its long name before it. Pieces
 * count down to 1 and carry a checksum of the short name, so that those left
 * behind by someone who knows of short names only can be told: they are passed
 * over, and the file goes by its short name. (FAT spec 1.03, "Long File Name
 * Implementation")
 *
 * A cookie is the slot after a file. Slots do not move, but a set of slots may
 * have come to lie across the cookie; so a listing goes back by the longest
 * set there can be, and leaves out what ends before the cookie.
 */
#include "chain.h"
#include "dir.h"
#include "dirent.h"
#include "fat.h"
#include "name.h"
#include "node.h"
#include "utf16.h"

#define SET_MAX (FAT_LONG_PIECES + 1)   /* slots of a file, at most */

/* ------------------------------------------------------------ the slots */

static uint32_t slots_per_cluster(const struct fat_volume *vol)
{
    return vol->boot.cluster_size / FAT_ENTRY_SIZE;
}

/* The slots of DIR if it is the root of FAT12 or FAT16, which has no clusters;
   else 0. */
static uint32_t slots_fixed(const struct fat_vnode *dir)
{
    const struct fat_boot *boot = &fat_volume_of(dir->base.fs)->boot;

    return dir->base.ino == FAT_ROOT_INO && boot->bits != 32
               ? boot->root_entries : 0;
}

/*
 * Find the next slot of WALK, which has none left: pin its block, and see how
 * many follow there. Returns 1, 0 past the end, or an error.
 */
static int walk_load(struct fat_walk *walk)
{
    struct fat_vnode *dir = walk->dir;
    struct fat_volume *vol = fat_volume_of(dir->base.fs);
    const struct fat_boot *boot = &vol->boot;
    uint32_t fixed = slots_fixed(dir), most = fixed ? fixed : FAT_DIR_ENTRIES;
    uint32_t into = walk->next * FAT_ENTRY_SIZE, sector;
    uint32_t first = boot->root_sector, count = boot->data_sector - first;
    struct fat_run *run = &walk->run;
    struct fat_view view;
    int found;

    if (walk->next >= most)
        return 0;
    if (!fixed) {
        uint32_t index = into >> boot->cluster_shift;

        if (index - run->index >= run->count) {
            found = fat_chain_find(vol, &dir->chain, index, FAT_DIR_ENTRIES,
                                   run);
            if (found <= 0) {
                run->count = 0;
                return found;
            }
        }
        into -= run->index << boot->cluster_shift;
        first = fat_cluster_sector(vol, run->cluster);
        count = run->count * boot->cluster_sectors;
    }
    sector = first + (into >> boot->sector_shift);
    found = fat_view_get(vol, sector, first, count, &view);
    if (found < 0)
        return found;
    into = (sector - view.first) * boot->sector_size +
           (into & (boot->sector_size - 1));
    walk->buf = view.buf;
    walk->raw = view.bytes + into;
    walk->left = (view.count * boot->sector_size - into) / FAT_ENTRY_SIZE;
    if (walk->left > most - walk->next)
        walk->left = most - walk->next;
    return 1;
}

int fat_dir_slot(struct fat_vnode *dir, uint32_t slot, struct fat_spot *out)
{
    struct fat_walk walk;
    int found;

    fat_walk_start(&walk, dir, slot);
    found = walk_load(&walk);
    *out = (struct fat_spot){ walk.buf, walk.raw };
    return found;
}

int fat_dir_slots(struct fat_vnode *dir, uint32_t *out)
{
    struct fat_volume *vol = fat_volume_of(dir->base.fs);
    uint32_t each = slots_per_cluster(vol);
    int err;

    *out = slots_fixed(dir);
    if (*out > 0)
        return 0;
    err = fat_chain_measure(vol, &dir->chain);
    *out = dir->chain.length < FAT_DIR_ENTRIES / each
               ? dir->chain.length * each : FAT_DIR_ENTRIES;
    return err;
}

/* ------------------------------------------------------------- the walk */

void fat_walk_start(struct fat_walk *walk, struct fat_vnode *dir,
                    uint32_t slot)
{
    *walk = (struct fat_walk){ .dir = dir, .next = slot };
}

void fat_walk_stop(struct fat_walk *walk)
{
    shale_buf_put(walk->buf);
    walk->buf = NULL;
    walk->left = 0;
}

/* All the slots there can be have been seen. Is that the end? */
static int walk_end(struct fat_walk *walk)
{
    struct fat_vnode *dir = walk->dir;
    struct fat_volume *vol = fat_volume_of(dir->base.fs);
    struct fat_run run;
    int more;

    if (slots_fixed(dir) > 0)
        return 0;
    more = fat_chain_find(vol, &dir->chain,
                          FAT_DIR_ENTRIES / slots_per_cluster(vol), 1, &run);
    if (more <= 0)
        return more;
    return shale_corrupt_inode(vol->fs, "fat: directory of more than 65536 "
                               "entries", fat_cluster_at(vol, run.cluster),
                               dir->base.ino);
}

int fat_walk_slot(struct fat_walk *walk, const uint8_t **raw, uint32_t *slot)
{
    int found;

    if (walk->left == 0) {
        fat_walk_stop(walk);
        if (walk->next >= FAT_DIR_ENTRIES)
            return walk_end(walk);
        found = walk_load(walk);
        if (found <= 0)
            return found;
    }
    *raw = walk->raw;
    *slot = walk->next++;
    walk->raw += FAT_ENTRY_SIZE;
    walk->left--;
    return 1;
}

/* ------------------------------------------------------------- the sets */

struct fat_set *fat_set_get(struct fat_volume *vol)
{
    return shale_slab_alloc(vol->sets);
}

void fat_set_put(struct fat_volume *vol, struct fat_set *set)
{
    if (set)
        shale_slab_free(vol->sets, set);
}

/* Complete SET, whose short entry is at RAW, which is in SLOT. */
static void set_finish(const struct fat_walk *walk, const uint8_t *raw,
                       uint32_t slot, const struct fat_pieces *pieces,
                       struct fat_set *set)
{
    const struct fat_volume *vol = fat_volume_of(walk->dir->base.fs);

    set->at = fat_place_of(vol, walk->buf, raw);
    fat_entry_decode(vol, (const struct fat_disk_entry *)raw, &set->entry);
    set->slot = slot;
    set->count = 1;
    set->len = fat_pieces_end(pieces, set->entry.name, set->name);
    set->is_long = set->len > 0;
    if (set->is_long) {
        set->slot = pieces->slot;
        set->count = pieces->count + 1;
        return;
    }
    set->len = fat_short_shown(vol, &set->entry, set->name);
}

/* As fat_walk_next(); ONLY looks no further than what the next slot begins. */
static int set_next(struct fat_walk *walk, bool only, struct fat_set *out)
{
    struct fat_pieces pieces = { .count = 0 };
    const uint8_t *raw = NULL;
    uint32_t slot = 0;
    int more;

    while ((more = fat_walk_slot(walk, &raw, &slot)) > 0) {
        enum fat_slot kind = fat_slot_kind(raw);

        if (kind == FAT_SLOT_END)
            return 0;
        if (kind == FAT_SLOT_LONG) {
            fat_pieces_add(&pieces, raw, slot, out->name);
            if (!only || pieces.count > 0)
                continue;
        }
        if (kind == FAT_SLOT_FILE) {
            set_finish(walk, raw, slot, &pieces, out);
            if (out->len > 0)
                return 1;
        }
        if (only)
            return 0;
        pieces.count = 0;
    }
    return more;
}

int fat_walk_next(struct fat_walk *walk, struct fat_set *out)
{
    return set_next(walk, false, out);
}

int fat_set_read(struct fat_vnode *dir, uint32_t slot, struct fat_set *out)
{
    struct fat_walk walk;
    int found;

    fat_walk_start(&walk, dir, slot);
    found = set_next(&walk, true, out);
    fat_walk_stop(&walk);
    return found > 0 ? out->slot == slot : found;
}

/* -------------------------------------------------------------- listing */

struct listing {
    struct fat_set set;
    char text[FAT_NAME_BYTES];
};

/* Emit the files of DIR that end at slot COOKIE or behind it. */
static int emit_all(struct fat_vnode *dir, struct listing *l, uint32_t cookie,
                    shale_emit_fn *emit, void *context)
{
    struct fat_volume *vol = fat_volume_of(dir->base.fs);
    struct fat_walk walk;
    int r;

    fat_walk_start(&walk, dir, cookie > SET_MAX ? cookie - SET_MAX : 0);
    while ((r = fat_walk_next(&walk, &l->set)) > 0) {
        struct shale_dirent dirent = {
            .name = l->text,
            .ino = fat_ino_of(vol, l->set.at),
            .next = l->set.slot + l->set.count,
            .type = l->set.entry.attr & FAT_ATTR_DIR ? SHALE_TYPE_DIR
                                                     : SHALE_TYPE_FILE,
        };

        if (dirent.next <= cookie)
            continue;
        dirent.len = utf16_to_utf8(l->set.name, l->set.len, l->text);
        r = emit(context, &dirent);
        if (r)
            break;
    }
    fat_walk_stop(&walk);
    return r;
}

int fat_dir_iterate(struct fat_vnode *dir, uint64_t cookie,
                    shale_emit_fn *emit, void *context)
{
    struct listing *l;
    int r;

    if (cookie >= FAT_DIR_ENTRIES)
        return 0;
    l = shale_alloc(dir->base.fs->mem, sizeof *l);
    if (!l)
        return SHALE_ENOMEM;
    r = emit_all(dir, l, (uint32_t)cookie, emit, context);
    shale_free(dir->base.fs->mem, l, sizeof *l);
    return r;
}
