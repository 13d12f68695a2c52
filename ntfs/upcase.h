/*
 * upcase.h - the upper case of 16-bit units that is built in
 */
#ifndef NTFS_UPCASE_H
#define NTFS_UPCASE_H

#include <stdint.h>

/* FIRST, FIRST + STRIDE ... , COUNT of them: DELTA more is their upper case. */
struct ntfs_case_range {
    uint16_t first;
    uint8_t count, stride;
    int32_t delta;
};

extern const struct ntfs_case_range ntfs_case_ranges[];
extern const unsigned ntfs_case_range_count;

#endif /* NTFS_UPCASE_H */
