/*
 * name.h - names: how they are decoded, and when two are the same
 *
 * Units   of UTF-16; lengths are in units unless bytes are said
 */
#ifndef FAT32_NAME_H
#define FAT32_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk.h"

struct fat_entry;
struct fat_volume;

/* ------------------------------------------------------------- name.c */

/* Are they the same but for case? */
bool fat_name_equal(const uint16_t *a, size_t a_len, const uint16_t *b,
                    size_t b_len);

/* A hash that is the same for names that are equal so. */
uint32_t fat_name_hash(const uint16_t *name, size_t len);

/*
 * Decode the LEN bytes of a file's NAME into OUT, of FAT_LONG_MAX units: the
 * dots that end it are nothing. Returns its units, or an error.
 */
int fat_name_units(const char *name, size_t len, uint16_t *out);

/* LEN without the dots (and SPACES, if asked) that end NAME. */
size_t fat_name_strip(const uint16_t *name, size_t len, bool spaces);

/* Is UNIT a character of SET? */
static inline bool fat_is_one_of(uint16_t unit, const char *set)
{
    for (; *set; set++) {
        if (unit == (uint8_t)*set)
            return true;
    }
    return false;
}

#define FAT_SHORT_UNITS 12u     /* 8, a dot, 3 */

/*
 * The name that a short entry shows, by the options, in the FAT_SHORT_UNITS
 * units at OUT. Returns its length; 0 if it is empty, as no name may be.
 */
size_t fat_short_decode(const struct fat_volume *vol,
                        const struct fat_entry *entry, uint16_t *out);

/* The same as it is kept, but for what LOWER, FAT_LOWER_..., says. */
size_t fat_short_units(const struct fat_volume *vol, const uint8_t name[11],
                       uint8_t lower, uint16_t *out);

/* The same for a label: 11 bytes without a dot. */
size_t fat_label_decode(const struct fat_volume *vol, const uint8_t label[11],
                        uint16_t *out);

/* ---------------------------------------------------------- longname.c */

/* The pieces of a long name read so far; zero to begin with. */
struct fat_pieces {
    uint32_t left;              /* orders still to come before the entry */
    uint32_t count;             /* of all; 0: there is no name */
    uint32_t slot;              /* of the first one read */
    uint8_t checksum;
};

/*
 * Take a piece, found at SLOT, into NAME, of FAT_LONG_MAX + 1 units; a name
 * that it breaks is dropped.
 */
void fat_pieces_add(struct fat_pieces *pieces, const uint8_t *bytes,
                    uint32_t slot, uint16_t *name);

/*
 * The entry with SHORT_NAME follows: the length of the long name that is in
 * NAME, or 0 if it has none that is sound.
 */
uint32_t fat_pieces_end(const struct fat_pieces *pieces,
                        const uint8_t short_name[11], const uint16_t *name);

/* As fat_short_decode(), but never "." or "..". */
uint32_t fat_short_shown(const struct fat_volume *vol,
                         const struct fat_entry *entry, uint16_t *out);

#endif /* FAT32_NAME_H */
