/*
 * inomap.c - inode numbers met so far, each with a number of ours
 */
#include <stdlib.h>
#include <string.h>

#include "inomap.h"
#include "tools.h"

/* The slot that holds INO, or the free one where it belongs. */
static struct inomap_slot *slot_of(const struct inomap *map, uint64_t ino)
{
    /* Fibonacci hashing: 2^64 over the golden ratio spreads runs of numbers. */
    uint64_t hash = ino * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(hash >> 32) & (map->capacity - 1);

    while (map->slots[at].value != 0 && map->slots[at].ino != ino)
        at = (at + 1) & (map->capacity - 1);
    return &map->slots[at];
}

static void grow(struct inomap *map)
{
    struct inomap old = *map;

    map->capacity = old.capacity ? old.capacity * 2 : 64;
    map->slots = xrealloc(NULL, map->capacity, sizeof *map->slots);
    memset(map->slots, 0, map->capacity * sizeof *map->slots);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i].value != 0)
            *slot_of(map, old.slots[i].ino) = old.slots[i];
    free(old.slots);
}

uint64_t inomap_add(struct inomap *map, uint64_t ino, uint64_t value)
{
    struct inomap_slot *slot;

    if (3 * (map->count + 1) > 2 * map->capacity)
        grow(map);
    slot = slot_of(map, ino);
    if (slot->value != 0)
        return slot->value;
    slot->ino = ino;
    slot->value = value;
    map->count++;
    return 0;
}

uint64_t inomap_find(const struct inomap *map, uint64_t ino)
{
    return map->capacity ? slot_of(map, ino)->value : 0;
}

void inomap_free(struct inomap *map)
{
    free(map->slots);
    memset(map, 0, sizeof *map);
}
