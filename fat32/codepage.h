/*
 * codepage.h - code pages: what their generated tables look like, and what they
 * say of a character
 *
 * Below 0x80 every page is ASCII.
 */
#ifndef FAT32_CODEPAGE_H
#define FAT32_CODEPAGE_H

#include <stddef.h>
#include <stdint.h>

#include "shale/codepage.h"

struct shale_codepage {
    uint32_t number;
    const uint16_t *high;       /* of bytes 0x80 to 0xff; 0: none, or a lead */

    /* Of pages with characters of two bytes; else all zero. The calls are
       codepage_pairs.c's, which is linked with such a page. */
    uint16_t (*pair_decode)(const struct shale_codepage *page,
                            const uint8_t bytes[2]);
    size_t (*pair_encode)(const struct shale_codepage *page, uint16_t unit,
                          uint8_t out[2]);
    const uint16_t *pairs;      /* a row of trails for each lead; 0: none */
    uint8_t lead_first, lead_last;
    uint8_t trail_first, trail_last;
    const uint16_t *other;      /* unit, code: of those units that are in pairs
                                   twice, and are not written as the first */
    uint32_t other_count;
};

/* ------------------------------------------------- codepage_pairs.c */

/* The unit of two BYTES; 0: the page does not have them. */
uint16_t fat_pair_decode(const struct shale_codepage *page,
                         const uint8_t bytes[2]);

/* Store the two bytes of UNIT. Returns 2, or 0 if the page does not have it. */
size_t fat_pair_encode(const struct shale_codepage *page, uint16_t unit,
                       uint8_t out[2]);

/* ------------------------------------------------------- codepage.c */

/* Code page NUMBER, 437 or one of PAGES (or NULL), a list; or NULL. */
const struct shale_codepage *
fat_codepage_find(const struct shale_codepage *const *pages, uint64_t number);

/*
 * Decode the character that begins the LEN (at least 1) bytes at BYTES into
 * *UNIT. Returns its bytes, 1 or 2. What the page does not have becomes U+FFFD.
 */
size_t fat_codepage_decode(const struct shale_codepage *page,
                           const uint8_t *bytes, size_t len, uint16_t *unit);

/* The bytes of UNIT, 1 or 2, stored in OUT; 0 if the page does not have it. */
size_t fat_codepage_encode(const struct shale_codepage *page, uint16_t unit,
                           uint8_t out[2]);

#endif /* FAT32_CODEPAGE_H */
