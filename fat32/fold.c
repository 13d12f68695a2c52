/*
 * fold.c - letter case, of the whole Basic Multilingual Plane
 *
 * Folding is Unicode's simple one: it maps a unit to one unit, so the length of
 * a name stays. Units of surrogate pairs are left alone.
 */
#include "fold.h"

/* What UNIT, which is not ASCII, becomes by the COUNT ranges at RANGES. */
static uint16_t change(const struct fat_case *ranges, size_t count,
                       uint16_t unit)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct fat_case *r = &ranges[middle];

        if (unit > r->last) {
            low = middle + 1;
        } else if (unit < r->first) {
            high = middle;
        } else {
            if ((unit - r->first) % r->step == 0)
                unit = (uint16_t)(unit + r->delta);
            return unit;
        }
    }
    return unit;
}

uint16_t fat_fold(uint16_t unit)
{
    if (unit >= 'A' && unit <= 'Z')
        return (uint16_t)(unit + ('a' - 'A'));
    if (unit < 0x80)
        return unit;
    return change(fat_fold_ranges, fat_fold_count, unit);
}

uint16_t fat_upper(uint16_t unit)
{
    if (unit >= 'a' && unit <= 'z')
        return (uint16_t)(unit - ('a' - 'A'));
    if (unit < 0x80)
        return unit;
    return change(fat_upper_ranges, fat_upper_count, unit);
}
