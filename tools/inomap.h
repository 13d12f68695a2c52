/*
 * inomap.h - inode numbers met so far, each with a number of ours
 *
 * Open addressing in a table of a power of two, at most two thirds full: find
 * and add are O(1), and the table takes at most 48 bytes an entry.
 */
#ifndef SHALE_TOOLS_INOMAP_H
#define SHALE_TOOLS_INOMAP_H

#include <stddef.h>
#include <stdint.h>

struct inomap_slot {
    uint64_t ino;
    uint64_t value;             /* 0: the slot is free */
};

/* All zero is an empty map. */
struct inomap {
    struct inomap_slot *slots;
    size_t count, capacity;
};

/*
 * Note VALUE, not 0, for INO, unless there is a value already. Returns that
 * value, or 0 if INO is new.
 */
uint64_t inomap_add(struct inomap *map, uint64_t ino, uint64_t value);

/* The value of INO, or 0. */
uint64_t inomap_find(const struct inomap *map, uint64_t ino);

void inomap_free(struct inomap *map);

#endif /* SHALE_TOOLS_INOMAP_H */
