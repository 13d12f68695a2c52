/*
 * codepage_pairs.c - characters of two bytes: a lead, and a trail
 *
 * Code pages 932, 936, 949 and 950 have a row of units for each lead.
 */
#include "codepage.h"

/* Bytes that can follow a lead byte. */
static uint32_t row_size(const struct shale_codepage *page)
{
    return (uint32_t)(page->trail_last - page->trail_first + 1);
}

uint16_t fat_pair_decode(const struct shale_codepage *page,
                         const uint8_t bytes[2])
{
    if (bytes[0] < page->lead_first || bytes[0] > page->lead_last ||
        bytes[1] < page->trail_first || bytes[1] > page->trail_last)
        return 0;
    return page->pairs[(uint32_t)(bytes[0] - page->lead_first) *
                           row_size(page) +
                       (uint32_t)(bytes[1] - page->trail_first)];
}

/* Store CODE, of two bytes. */
static size_t pair_store(uint8_t out[2], uint32_t lead, uint32_t trail)
{
    out[0] = (uint8_t)lead;
    out[1] = (uint8_t)trail;
    return 2;
}

size_t fat_pair_encode(const struct shale_codepage *page, uint16_t unit,
                       uint8_t out[2])
{
    uint32_t row = row_size(page);
    uint32_t count = row * (uint32_t)(page->lead_last - page->lead_first + 1);

    for (uint32_t i = 0; i < page->other_count; i++)
        if (page->other[2 * i] == unit)
            return pair_store(out, page->other[2 * i + 1] >> 8,
                              page->other[2 * i + 1] & 0xff);

    /* The only such search there is: for the short name of a new file. */
    for (uint32_t i = 0; i < count; i++)
        if (page->pairs[i] == unit)
            return pair_store(out, page->lead_first + i / row,
                              page->trail_first + i % row);
    return 0;
}
