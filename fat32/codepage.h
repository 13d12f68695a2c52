/*
 * codepage.h - what the generated tables of code pages look like
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

    /* Of pages with characters of two bytes; else all zero. */
    const uint16_t *pairs;      /* a row of trails for each lead; 0: none */
    uint8_t lead_first, lead_last;
    uint8_t trail_first, trail_last;
    const uint16_t *other;      /* unit, code: of those units that are in pairs
                                   twice, and are not written as the first */
    uint32_t other_count;
};

#endif /* FAT32_CODEPAGE_H */
