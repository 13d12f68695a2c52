/*
 * codepage.c - characters of OEM code pages to UTF-16 units and back
 *
 * Short names and labels are in the code page of whoever wrote them, which the
 * volume does not name. A byte that the page does not have is shown as U+FFFD.
 */
#include "codepage.h"

#define REPLACEMENT 0xfffdu

const struct shale_codepage *
fat_codepage_find(const struct shale_codepage *const *pages, uint64_t number)
{
    for (; pages && *pages; pages++)
        if ((*pages)->number == number)
            return *pages;
    return number == shale_codepage_437.number ? &shale_codepage_437 : NULL;
}

size_t fat_codepage_decode(const struct shale_codepage *page,
                           const uint8_t *bytes, size_t len, uint16_t *unit)
{
    uint8_t first = bytes[0];
    uint16_t found = 0;

    *unit = first;
    if (first < 0x80)
        return 1;
    *unit = page->high[first - 0x80];
    if (*unit != 0)
        return 1;
    if (page->pair_decode && len > 1)
        found = page->pair_decode(page, bytes);
    *unit = found ? found : REPLACEMENT;
    return found ? 2 : 1;
}

size_t fat_codepage_encode(const struct shale_codepage *page, uint16_t unit,
                           uint8_t out[2])
{
    if (unit < 0x80) {
        out[0] = (uint8_t)unit;
        return 1;
    }
    for (uint32_t i = 0; i < 0x80; i++)
        if (page->high[i] == unit) {
            out[0] = (uint8_t)(0x80 + i);
            return 1;
        }
    return page->pair_encode ? page->pair_encode(page, unit, out) : 0;
}
