/*
 * dir_room.c - which blocks of a directory without an index have room
 *
 * To enter a name without knowing that, all blocks would be looked at, each
 * time. So for each block there is a byte in memory that says how long a record
 * it has room for, in units of four; at first, that this is not known.
 *
 * Names tend to be entered one after the other, so the search begins where the
 * last one ended. The blocks past ROOM_MAX, of a directory too large to be used
 * without an index, are not kept account of: only the last one is tried.
 */
#include "dir.h"
#include "memfn.h"

#define ROOM_FIRST   64u        /* blocks a new account is for */
#define ROOM_MAX     16384u     /* blocks, at most */
#define ROOM_UNKNOWN 0xffu

struct ext2_room {
    uint32_t count;             /* blocks there are bytes for */
    uint32_t next;              /* where the next search begins */
    uint8_t units[];            /* as much as fits, or ROOM_UNKNOWN */
};

_Static_assert((EXT2_NAME_MAX + EXT2_DIRENT_HEAD + 4) / 4 < ROOM_UNKNOWN,
               "a byte for the longest record");

static uint8_t units_of(uint32_t room)
{
    uint32_t most = ext2_dirent_need(EXT2_NAME_MAX);

    return (uint8_t)((room < most ? room : most) / 4);
}

static size_t room_size(uint32_t count)
{
    return sizeof(struct ext2_room) + count;
}

void ext2_room_forget(struct ext2_vnode *dir)
{
    if (dir->room)
        shale_free(dir->base.fs->mem, dir->room, room_size(dir->room->count));
    dir->room = NULL;
}

/* See to it that there is an account of COUNT blocks, if that can be. */
static void room_grow(struct ext2_vnode *dir, uint32_t count)
{
    struct ext2_room *old = dir->room, *room;
    uint32_t had = old ? old->count : 0, becomes = ROOM_FIRST;

    if (count > ROOM_MAX)
        count = ROOM_MAX;
    if (had >= count)
        return;
    while (becomes < count)
        becomes *= 2;
    room = shale_alloc(dir->base.fs->mem, room_size(becomes));
    if (!room)
        return;
    room->count = becomes;
    room->next = old ? old->next : 0;
    if (old)
        memcpy(room->units, old->units, had);
    memset(room->units + had, ROOM_UNKNOWN, becomes - had);
    ext2_room_forget(dir);
    dir->room = room;
}

/* The first block from FIRST to before END that may have UNITS. */
static uint32_t room_scan(const struct ext2_room *room, uint32_t first,
                          uint32_t end, uint8_t units)
{
    while (first < end && room->units[first] < units)
        first++;
    return first < end ? first : UINT32_MAX;
}

uint32_t ext2_room_find(struct ext2_vnode *dir, uint32_t need, uint32_t *tries)
{
    const struct ext2_super *super = &ext2_volume_of(dir->base.fs)->super;
    uint32_t blocks = (uint32_t)(dir->base.size >> super->block_shift);
    uint32_t kept, found = UINT32_MAX;
    struct ext2_room *room;

    room_grow(dir, blocks);
    room = dir->room;
    kept = room && room->count < blocks ? room->count : room ? blocks : 0;
    if (kept > 0) {
        uint8_t units = units_of(need);

        if (room->next >= kept)
            room->next = 0;
        found = room_scan(room, room->next, kept, units);
        if (found == UINT32_MAX)
            found = room_scan(room, 0, room->next, units);
        if (found != UINT32_MAX)
            room->next = found;
    }
    if (found == UINT32_MAX && kept < blocks && (*tries)++ == 0)
        found = blocks - 1;
    return found;
}

void ext2_room_note(struct ext2_vnode *dir, uint64_t index, uint32_t bytes)
{
    struct ext2_room *room = dir->room;

    if (room && index < room->count)
        room->units[index] = units_of(bytes);
}

void ext2_room_raise(struct ext2_vnode *dir, uint64_t index, uint32_t bytes)
{
    struct ext2_room *room = dir->room;

    if (room && index < room->count && room->units[index] < units_of(bytes))
        room->units[index] = units_of(bytes);
}
