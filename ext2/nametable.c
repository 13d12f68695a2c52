/*
 * nametable.c - where in a large directory the names are
 *
 * The first search for a name reads the directory from end to end; the second
 * one makes a table of all names by hash, and those after it look where that
 * says. Only a directory that was read to its end, and had no damage, gets one,
 * so what is not in it is not there.
 *
 * What changes the directory tells the table, which is never out of date: a
 * position in it is where a record begins. A change that is undone, or that
 * moves many names, makes it go; then the searches make another.
 */
#include "dir.h"
#include "memfn.h"

/* A directory of no more bytes is searched as fast without a table. */
#define NAMES_WORTH 8192u

/* In a table of names, positions are counted in: records begin at these. */
#define POSITION_SHIFT 2u

static uint64_t position_of(const struct ext2_vnode *dir, uint64_t index,
                            uint32_t offset)
{
    const struct ext2_super *super = &ext2_volume_of(dir->base.fs)->super;

    return ((index << super->block_shift) + offset) >> POSITION_SHIFT;
}

/* Add the names of one block, which is block INDEX of DIR, to NAMES. */
static bool block_add(const struct ext2_vnode *dir, struct namehash *names,
                      const struct shale_buf *buf, uint64_t index)
{
    const struct ext2_super *super = &ext2_volume_of(dir->base.fs)->super;
    struct ext2_dirent entry = { .ino = 0 };

    if (position_of(dir, index + 1, 0) > UINT32_MAX)
        return false;
    for (uint32_t at = 0; at < super->block_size; at += entry.rec_len) {
        if (ext2_dirent_decode(super, buf->data, at, &entry))
            return false;
        if (entry.ino != 0 &&
            !namehash_add(names, namehash_of(entry.name, entry.name_len),
                          (uint32_t)position_of(dir, index, at)))
            return false;
    }
    return true;
}

/* Make a table of all names of DIR, or return NULL. */
static struct namehash *names_build(const struct ext2_vnode *dir)
{
    struct ext2_volume *vol = ext2_volume_of(dir->base.fs);
    struct namehash *names;
    struct ext2_walk w;
    bool added = true;
    int more;

    if (ext2_walk_start(&w, dir, 0))
        return NULL;
    names = namehash_create(dir->base.fs->mem, &vol->names);
    if (!names)
        return NULL;
    do {
        struct shale_buf *buf;
        uint64_t index;

        more = ext2_walk_next(&w, &index, &buf);
        if (more > 0) {
            added = block_add(dir, names, buf, index);
            shale_buf_put(buf);
        }
    } while (more > 0 && added);
    if (more == 0)
        return names;
    namehash_destroy(names);
    return NULL;
}

/* Whoever moves the state to BUILDING builds it; others do without so long. */
const struct namehash *ext2_names_of(struct ext2_vnode *dir)
{
    uint32_t *state = &dir->names_state;
    uint32_t was = __atomic_load_n(state, __ATOMIC_ACQUIRE);
    uint32_t becomes = EXT2_NAMES_ASKED;

    /* Names come and go there by way of another vnode. */
    if (dir->base.ino == ext2_volume_of(dir->base.fs)->parks_in)
        return NULL;
    if (was == EXT2_NAMES_READY)
        return dir->names;
    if (was > EXT2_NAMES_ASKED)
        return NULL;
    if (was == EXT2_NAMES_ASKED)
        becomes = EXT2_NAMES_BUILDING;
    else if (dir->base.size <= NAMES_WORTH)
        becomes = EXT2_NAMES_NEVER;
    if (!__atomic_compare_exchange_n(state, &was, becomes, false,
                                     __ATOMIC_RELAXED, __ATOMIC_RELAXED) ||
        becomes != EXT2_NAMES_BUILDING)
        return NULL;

    dir->names = names_build(dir);
    becomes = dir->names ? EXT2_NAMES_READY : EXT2_NAMES_NEVER;
    __atomic_store_n(state, becomes, __ATOMIC_RELEASE);
    return dir->names;
}

/* Is NAME what the record at POSITION of DIR has? As ext2_dir_find_in(). */
static int position_compare(const struct ext2_vnode *dir, uint32_t position,
                            const char *name, size_t len,
                            struct ext2_place *out)
{
    const struct ext2_super *super = &ext2_volume_of(dir->base.fs)->super;
    uint64_t byte = (uint64_t)position << POSITION_SHIFT;
    uint32_t at = (uint32_t)(byte & (super->block_size - 1));
    uint64_t index = byte >> super->block_shift;
    struct ext2_dirent entry = { .ino = 0 };
    struct shale_buf *buf;
    const char *wrong;
    int found = ext2_dir_get(dir, index, &buf);

    if (found)
        return found;
    wrong = ext2_dirent_decode(super, buf->data, at, &entry);
    if (wrong) {
        found = ext2_dir_bad_record(dir, buf, at, wrong);
    } else if (ext2_dirent_has_name(&entry, name, len)) {
        *out = (struct ext2_place){ buf, index, at, entry.ino };
        return 1;
    }
    shale_buf_put(buf);
    return found;
}

int ext2_names_find(const struct ext2_vnode *dir,
                    const struct namehash *names, const char *name, size_t len,
                    struct ext2_place *out)
{
    struct namehash_search search =
        namehash_start(names, namehash_of(name, len));
    uint32_t position;
    int found = 0;

    while (!found && namehash_next(&search, &position))
        found = position_compare(dir, position, name, len, out);
    return found;
}

/* --------------------------------------------------------------- upkeep */

/* There is no table, and it is as STATE says. */
static void names_drop(struct ext2_vnode *dir, enum ext2_names state)
{
    namehash_destroy(dir->names);
    dir->names = NULL;
    __atomic_store_n(&dir->names_state, state, __ATOMIC_RELEASE);
}

void ext2_names_forget(struct ext2_vnode *dir)
{
    names_drop(dir, EXT2_NAMES_UNASKED);
}

void ext2_names_add(struct ext2_vnode *dir, const char *name, size_t len,
                    uint64_t index, uint32_t offset)
{
    uint64_t position = position_of(dir, index, offset);

    /* One that was too small for a table has become large enough. */
    if (dir->names_state == EXT2_NAMES_NEVER && position_of(dir, index, 0) ==
        (NAMES_WORTH >> POSITION_SHIFT))
        ext2_names_forget(dir);
    if (dir->names_state == EXT2_NAMES_READY &&
        (position > UINT32_MAX ||
         !namehash_add(dir->names, namehash_of(name, len),
                       (uint32_t)position)))
        names_drop(dir, EXT2_NAMES_NEVER);
}

void ext2_names_remove(struct ext2_vnode *dir, const char *name, size_t len,
                       uint64_t index, uint32_t offset)
{
    if (dir->names_state == EXT2_NAMES_READY)
        namehash_remove(dir->names, namehash_of(name, len),
                        (uint32_t)position_of(dir, index, offset));
}
