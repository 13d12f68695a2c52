/*
 * change.c - files come, go and get other names
 *
 * A new name is on the device before the old one goes: in one write, if both
 * are in one row, else the old one goes late. Where somebody has the new
 * name already, their entry stays where it is and becomes that of the file. So
 * at any moment each name leads to one of the files it should lead to.
 */
#include "chain.h"
#include "dir.h"
#include "dirent.h"
#include "fat.h"
#include "memfn.h"
#include "name.h"
#include "node.h"
#include "write.h"

/* --------------------------------------------------------------- numbers */

static void undo_leave(void *context, uint64_t ino, uint64_t unused)
{
    (void)unused;
    fat_moved_leave(context, ino);
}

/* Put the number INO back to place AT, for which memory is kept. */
static void undo_enter(void *context, uint64_t ino, uint64_t at)
{
    (void)fat_moved_enter(context, ino, at);
}

/* Choose the number of the new file whose entry is at AT. */
static int number_choose(struct fat_volume *vol, uint64_t at, uint64_t *ino)
{
    uint64_t natural = fat_ino_natural(at), place = at;
    int err;

    /* Who had that place and a number of their own is no more. */
    *ino = fat_ino_of(vol, at);
    if (*ino != natural)
        fat_moved_leave(vol, *ino);
    if (!shale_vnode_in_memory(vol->fs, natural) &&
        fat_ino_place(vol, natural, &place) && place == at) {
        *ino = natural;
        return 0;
    }
    err = fat_moved_fresh(vol, ino);
    if (!err)
        err = shale_tx_on_undo(vol->fs->tx, undo_leave, vol, *ino, 0);
    if (!err)
        err = fat_moved_enter(vol, *ino, at);
    return err;
}

/* Is its number that of its place? The root, which has none, has its own. */
bool fat_stays(const struct shale_vnode *base)
{
    const struct fat_vnode *vn = (const struct fat_vnode *)base;

    return base->ino == FAT_ROOT_INO || base->ino == fat_ino_natural(vn->at);
}

/* VN keeps its number, and has its entry at AT from now on, as VICTIM had. */
static int number_keep(struct fat_vnode *vn, uint64_t at,
                       const struct fat_vnode *victim)
{
    struct fat_volume *vol = fat_volume_of(vn->base.fs);
    struct shale_tx *tx = vol->fs->tx;
    int err = 0;

    if (victim)
        err = shale_tx_on_undo(tx, undo_enter, vol, victim->base.ino, at);
    if (!err)
        err = shale_tx_on_undo(tx, undo_enter, vol, vn->base.ino, vn->at);
    if (!err)
        err = fat_moved_enter(vol, vn->base.ino, at);
    return err;
}

/* ------------------------------------------------------------- directory */

/* Something in DIR has changed. */
static int dir_touch(struct fat_vnode *dir)
{
    struct fat_volume *vol = fat_volume_of(dir->base.fs);
    struct fat_entry entry = dir->entry;
    struct fat_stamp now;

    fat_entry_touch(vol, &entry, &now);
    if (dir->at == 0 || (dir->entry.written.date == now.date &&
                         dir->entry.written.time == now.time))
        return 0;
    return fat_vnode_store(dir, &entry);
}

static void undo_names(void *context, uint64_t a, uint64_t b)
{
    (void)a;
    (void)b;
    fat_names_forget(context);
}

/* SET has come to DIR. */
static int set_added(struct fat_vnode *dir, const struct fat_set *set)
{
    int err = shale_tx_on_undo(dir->base.fs->tx, undo_names, dir, 0, 0);

    if (!err)
        fat_names_add(dir, set);
    return err;
}

/* Take SET out of DIR; LATE: after all else in the batch. */
static int set_remove(struct fat_vnode *dir, const struct fat_set *set,
                      bool late)
{
    struct fat_volume *vol = fat_volume_of(dir->base.fs);
    int err = shale_tx_on_undo(vol->fs->tx, undo_names, dir, 0, 0);

    if (!err)
        err = fat_set_erase(dir, set, late);
    if (!err && late)
        err = fat_recent_add_chain(vol, FAT_CHAIN_LEFT, set->entry.cluster);
    if (!err && late)
        err = fat_recent_add_chain(vol, FAT_CHAIN_LEAVER, dir->chain.first);
    if (!err)
        fat_names_remove(dir, set);
    return err;
}

/* Find NAME in DIR, where it is the file whose entry is at AT. */
static int set_find(struct fat_vnode *dir, const char *name, size_t len,
                    uint64_t at, struct fat_set *out)
{
    uint16_t *units = fat_volume_of(dir->base.fs)->writer->sought;
    int count = fat_name_units(name, len, units), err;

    if (count < 0)
        return count;
    err = fat_dir_find(dir, units, (size_t)count, out);
    if (!err && out->at != at)
        err = SHALE_ESTALE;
    return err;
}

/* ---------------------------------------------------------------- create */

/*
 * Store NAME, whose short name is still to be chosen, and ENTRY in DIR, where
 * nobody has that name.
 */
static int set_add(struct fat_vnode *dir, struct fat_newname *name,
                   const struct fat_entry *entry, struct fat_set *out)
{
    uint32_t row = FAT_UNKNOWN;
    struct fat_room room;
    bool again = fat_recent_name(dir, name->hash, &row);
    int err;

    /* Somebody had it, on the device still: there, or in the next batch. */
    if (again && row == FAT_UNKNOWN)
        return SHALE_EAGAIN;
    err = fat_newname_choose(dir, name, NULL, row);
    if (err)
        return err;
    if (again)
        err = fat_room_find_in(dir, fat_newname_slots(name), row, NULL,
                               &room);
    else
        err = fat_room_find(dir, fat_newname_slots(name), &room);
    if (!err)
        err = fat_set_store(dir, &room, name, entry, out);
    if (!err)
        err = set_added(dir, out);
    return err;
}

/* Give ENTRY, that of a directory to be in PARENT, a first cluster. */
static int cluster_make(struct fat_vnode *parent, struct fat_entry *entry)
{
    struct fat_volume *vol = fat_volume_of(parent->base.fs);
    struct fat_run run;
    int err = fat_space_take(vol, 0, 0, 1, &run);

    if (err)
        return err;
    entry->cluster = run.cluster;
    err = fat_link_run(vol, run.cluster, 1);
    if (!err)
        err = fat_dir_clear(vol, run.cluster, parent, entry);
    return err;
}

int fat_create(struct shale_vnode *base, const char *text, size_t len,
               const struct shale_node *node, uint64_t *ino)
{
    struct fat_vnode *dir = fat_vnode_of(base);
    struct fat_volume *vol = fat_volume_of(base->fs);
    struct fat_newname *name = &vol->writer->name;
    uint32_t type = node->mode & SHALE_S_IFMT;
    struct fat_entry entry = { .attr = FAT_ATTR_ARCHIVE };
    struct fat_set *set;
    int err;

    if (type != SHALE_S_IFREG && type != SHALE_S_IFDIR)
        return SHALE_ENOTSUP;
    err = fat_vnode_check(dir);
    if (!err)
        err = fat_newname_decode(vol, text, len, name);
    if (err)
        return err;
    if (type == SHALE_S_IFDIR)
        entry.attr = FAT_ATTR_DIR;
    else if (!(node->mode & 0222))
        entry.attr |= FAT_ATTR_READ_ONLY;
    fat_entry_touch(vol, &entry, &entry.created);

    set = fat_set_get(vol);
    if (!set)
        return SHALE_ENOMEM;
    if (type == SHALE_S_IFDIR)
        err = cluster_make(dir, &entry);
    if (!err)
        err = set_add(dir, name, &entry, set);
    if (!err)
        err = dir_touch(dir);
    if (!err)
        err = number_choose(vol, set->at, ino);
    fat_set_put(vol, set);
    return err;
}

/* ---------------------------------------------------------------- remove */

/* VN has no name any more. */
static int name_gone(struct fat_vnode *vn)
{
    int err = fat_vnode_note(vn);

    if (err)
        return err;
    vn->at = 0;
    vn->base.links = 0;
    return 0;
}

int fat_remove(struct shale_vnode *base, const char *text, size_t len,
               struct shale_vnode *gone)
{
    struct fat_vnode *dir = fat_vnode_of(base), *vn = fat_vnode_of(gone);
    struct fat_volume *vol = fat_volume_of(base->fs);
    struct fat_set *set;
    int err = fat_vnode_check(dir);

    if (!err)
        err = fat_vnode_check(vn);
    if (!err && gone->type == SHALE_TYPE_DIR)
        err = fat_dir_check_empty(vn);
    if (err)
        return err;
    set = fat_set_get(vol);
    if (!set)
        return SHALE_ENOMEM;
    err = set_find(dir, text, len, vn->at, set);
    if (!err)
        err = set_remove(dir, set, false);
    if (!err)
        err = dir_touch(dir);
    if (!err)
        err = name_gone(vn);
    fat_set_put(vol, set);
    return err;
}

/* ---------------------------------------------------------------- rename */

/* The directory VN is in PARENT now: its ".." has to say so. */
static int dotdot_change(struct fat_vnode *vn, const struct fat_vnode *parent)
{
    struct fat_volume *vol = fat_volume_of(vn->base.fs);
    struct fat_disk_entry *raw;
    struct fat_entry entry;
    struct fat_spot spot;
    int found = fat_dir_slot(vn, 1, &spot), err;

    if (found <= 0)
        return found;
    raw = (struct fat_disk_entry *)spot.raw;
    fat_entry_decode(vol, raw, &entry);
    if (fat_dots(entry.name) == 2) {
        err = fat_change(vol, &spot, FAT_ENTRY_SIZE, SHALE_RANK_NAME,
                         FAT_LATE);
        if (err)
            return err;
        entry.cluster = fat_dotdot_of(parent);
        fat_entry_encode(vol, &entry, raw);
    }
    shale_buf_put(spot.buf);
    return 0;
}

/*
 * The entry of WHAT's file is that of SET, in its new directory, from now on:
 * note it where it matters.
 */
static int renamed(const struct shale_rename *what, const struct fat_set *set)
{
    struct fat_vnode *from = fat_vnode_of(what->from);
    struct fat_vnode *to = fat_vnode_of(what->to);
    struct fat_vnode *vn = fat_vnode_of(what->vn);
    struct fat_volume *vol = fat_volume_of(what->vn->fs);
    bool is_dir = what->vn->type == SHALE_TYPE_DIR;
    int err = 0;

    if (is_dir && from != to)
        err = dotdot_change(vn, to);
    if (!err)
        err = dir_touch(from);
    if (!err)
        err = dir_touch(to);
    if (!err)
        err = fat_vnode_note(vn);
    if (!err)
        err = number_keep(vn, set->at, what->victim
                                           ? fat_vnode_of(what->victim)
                                           : NULL);
    if (err)
        return err;
    vn->at = set->at;
    memcpy(vn->entry.name, set->entry.name, sizeof vn->entry.name);
    vn->entry.lower = set->entry.lower;
    if (is_dir && vn->chain.first != 0)
        fat_owner_claim(vol, vn->chain.first, vn->at);
    return 0;
}

/* Rename over the victim, whose set is SET; OLD is the file's own. */
static int rename_over(const struct shale_rename *what,
                       const struct fat_set *old, struct fat_set *set)
{
    struct fat_vnode *from = fat_vnode_of(what->from);
    struct fat_vnode *to = fat_vnode_of(what->to);
    struct fat_vnode *vn = fat_vnode_of(what->vn);
    struct fat_vnode *victim = fat_vnode_of(what->victim);
    struct fat_volume *vol = fat_volume_of(what->vn->fs);
    struct fat_entry entry = vn->entry;
    uint32_t row;
    int err = fat_vnode_check(victim);

    if (!err && what->victim->type == SHALE_TYPE_DIR)
        err = fat_dir_check_empty(victim);
    if (!err)
        err = set_find(to, what->to_name, what->to_len, victim->at, set);
    if (err)
        return err;
    memcpy(entry.name, set->entry.name, sizeof entry.name);
    entry.lower = set->entry.lower;

    err = fat_entry_store(vol, set->at, &entry);
    row = fat_set_row(set);
    if (!err)
        err = set_remove(from, old, from != to || row == FAT_UNKNOWN ||
                                        row != fat_set_row(old));
    if (!err)
        err = name_gone(victim);
    return err ? err : renamed(what, set);
}

/*
 * Rename within the row that has the name OLD, whose slots count as free.
 * SHALE_EAGAIN: there is no room.
 */
static int rename_in_row(const struct shale_rename *what, uint32_t row,
                            const struct fat_set *old, struct fat_set *set)
{
    struct fat_vnode *dir = fat_vnode_of(what->to);
    struct fat_newname *name = &fat_volume_of(what->vn->fs)->writer->name;
    struct fat_room room;
    int err = fat_newname_choose(dir, name, old, row);

    if (!err)
        err = fat_room_find_in(dir, fat_newname_slots(name), row, old,
                               &room);
    if (!err)
        err = set_remove(dir, old, false);
    if (!err)
        err = fat_set_store(dir, &room, name, &fat_vnode_of(what->vn)->entry,
                            set);
    return err ? err : set_added(dir, set);
}

/* Rename to a name that nobody has, but perhaps, in another case, the file. */
static int rename_free(const struct shale_rename *what,
                       const struct fat_set *old, struct fat_set *set)
{
    struct fat_vnode *from = fat_vnode_of(what->from);
    struct fat_vnode *to = fat_vnode_of(what->to);
    struct fat_volume *vol = fat_volume_of(what->vn->fs);
    struct fat_newname *name = &vol->writer->name;
    uint32_t row = fat_set_row(old), freed = row;
    int err;

    err = fat_newname_decode(vol, what->to_name, what->to_len, name);
    if (err)
        return err;
    err = SHALE_EAGAIN;
    if (from == to && row != FAT_UNKNOWN &&
        (!fat_recent_name(to, name->hash, &freed) || freed == row))
        err = rename_in_row(what, row, old, set);
    if (err == SHALE_EAGAIN) {
        err = set_add(to, name, &fat_vnode_of(what->vn)->entry, set);
        if (!err)
            err = set_remove(from, old, true);
    }
    return err ? err : renamed(what, set);
}

int fat_rename(const struct shale_rename *what)
{
    struct fat_volume *vol = fat_volume_of(what->vn->fs);
    struct fat_set *old = fat_set_get(vol), *set = fat_set_get(vol);
    int err = old && set ? 0 : SHALE_ENOMEM;

    if (!err)
        err = fat_vnode_check(fat_vnode_of(what->from)) |
              fat_vnode_check(fat_vnode_of(what->to)) |
              fat_vnode_check(fat_vnode_of(what->vn));
    if (!err)
        err = set_find(fat_vnode_of(what->from), what->name, what->len,
                       fat_vnode_of(what->vn)->at, old);
    if (!err)
        err = what->victim ? rename_over(what, old, set)
                           : rename_free(what, old, set);
    fat_set_put(vol, set);
    fat_set_put(vol, old);
    return err;
}
