/*
 * inkdisk.h - what the blocks of an ink volume hold; see inkfs.h
 *
 * Native integers: no such volume leaves the test that made it.
 */
#ifndef SUPPORT_INKDISK_H
#define SUPPORT_INKDISK_H

#include "inkfs.h"

#define INK_IN_USE_AT 3u
#define INK_LABEL_AT 16u
#define INK_LABEL_MAX 32u

#define INK_MAP_BLOCK 1u        /* a byte a unit; byte 0 is nobody's */
#define INK_FILE_BLOCK(ino) (1u + (ino))        /* 2 to INK_FILES + 1 */
#define INK_NAMES_A_BLOCK 16u
#define INK_NAME_BLOCK(slot) (2u + INK_FILES + (slot) / INK_NAMES_A_BLOCK)
#define INK_DATA_BLOCK (2u + INK_FILES + INK_NAMES / INK_NAMES_A_BLOCK)

/* Where unit UNIT, numbered from 1, is. */
#define INK_UNIT_AT(unit) ((uint64_t)(INK_DATA_BLOCK + (unit) - 1) * INK_BLOCK)

struct ink_file {
    uint32_t type;              /* enum shale_type; 0: free */
    uint32_t links;
    uint32_t mode;
    uint32_t note_len;          /* plus 1; 0: none */
    uint64_t size, mtime;
    char note[32];
    uint32_t units[INK_FILE_UNITS];     /* 0: a hole */
};

struct ink_name {
    uint32_t dir, ino;          /* ino 0: free */
    uint32_t len;
    char name[INK_NAME_MAX + 12];
};

_Static_assert(sizeof(struct ink_file) <= INK_BLOCK, "ink file");
_Static_assert(sizeof(struct ink_name) * INK_NAMES_A_BLOCK == INK_BLOCK,
               "ink name");

#endif /* SUPPORT_INKDISK_H */
