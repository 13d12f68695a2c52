/*
 * fold.h - letter case, and what its generated tables look like
 */
#ifndef FAT32_FOLD_H
#define FAT32_FOLD_H

#include <stddef.h>
#include <stdint.h>

/* Units from FIRST to LAST, every STEP-th of them, change by DELTA. */
struct fat_case {
    uint16_t first, last, step, delta;
};

extern const struct fat_case fat_fold_ranges[], fat_upper_ranges[];
extern const size_t fat_fold_count, fat_upper_count;

/* UNIT without its case / in upper case, of the whole BMP. */
uint16_t fat_fold(uint16_t unit);
uint16_t fat_upper(uint16_t unit);

#endif /* FAT32_FOLD_H */
