/*
 * codepage.c - characters of OEM code pages to UTF-16 units and back
 *
 * Short names and labels are in the code page of whoever wrote them, which the
 * volume does not name. A byte that the page does not have is shown as U+FFFD.
 */
#include "codepage.h"
#include "fat.h"

#define REPLACEMENT 0xfffdu

const struct shale_codepage *
fat_codepage_find(const struct shale_codepage *const *pages, uint64_t number)
{
    for (; pages && *pages; pages++)
        if ((*pages)->number == number)
            return *pages;
    return number == shale_codepage_437.number ? &shale_codepage_437 : NULL;
}

uint32_t fat_codepage_number(const struct shale_codepage *page)
{
    return page->number;
}

/* Bytes that can follow a lead byte. */
static size_t row_size(const struct shale_codepage *page)
{
    return (size_t)(page->trail_last - page->trail_first + 1);
}

size_t fat_codepage_decode(const struct shale_codepage *page,
                           const uint8_t *bytes, size_t len, uint16_t *unit)
{
    uint8_t lead = bytes[0];
    uint16_t found;

    if (lead < 0x80) {
        *unit = lead;
        return 1;
    }
    found = page->high[lead - 0x80];
    if (found == 0 && page->pairs && len > 1 && lead >= page->lead_first &&
        lead <= page->lead_last && bytes[1] >= page->trail_first &&
        bytes[1] <= page->trail_last) {
        found = page->pairs[(lead - page->lead_first) * row_size(page) +
                            bytes[1] - page->trail_first];
        if (found != 0) {
            *unit = found;
            return 2;
        }
    }
    *unit = found ? found : REPLACEMENT;
    return 1;
}

/* Store CODE, of two bytes. */
static size_t pair_store(uint8_t out[2], uint32_t lead, uint32_t trail)
{
    out[0] = (uint8_t)lead;
    out[1] = (uint8_t)trail;
    return 2;
}

size_t fat_codepage_encode(const struct shale_codepage *page, uint16_t unit,
                           uint8_t out[2])
{
    size_t row, count;

    if (unit < 0x80) {
        out[0] = (uint8_t)unit;
        return 1;
    }
    for (uint32_t i = 0; i < 0x80; i++)
        if (page->high[i] == unit) {
            out[0] = (uint8_t)(0x80 + i);
            return 1;
        }
    if (!page->pairs)
        return 0;

    for (uint32_t i = 0; i < page->other_count; i++)
        if (page->other[2 * i] == unit)
            return pair_store(out, page->other[2 * i + 1] >> 8,
                              page->other[2 * i + 1] & 0xff);

    /* The only such search there is: for the short name of a new file. */
    row = row_size(page);
    count = row * (size_t)(page->lead_last - page->lead_first + 1);
    for (size_t i = 0; i < count; i++)
        if (page->pairs[i] == unit)
            return pair_store(out, (uint32_t)(page->lead_first + i / row),
                              (uint32_t)(page->trail_first + i % row));
    return 0;
}
