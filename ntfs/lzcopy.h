/*
 * lzcopy.h - copy what was decoded before, the step all LZ77 formats share
 *
 * The bytes may overlap those they make: at a distance of 1 a match repeats one
 * byte. Where there is room behind it, a match is copied in pieces of 8 or 16
 * bytes and may overshoot; what it overshoots into is decoded later.
 */
#ifndef NTFS_LZCOPY_H
#define NTFS_LZCOPY_H

#include <stddef.h>
#include <stdint.h>

#include "memfn.h"

/* How far beyond its end a match may write. */
#define LZ_SLACK 16u

/* The core is compiled without the compiler's own memcpy(), but a few bytes at
   any address should be one instruction and not a call. */
static inline void lz_copy_8(uint8_t *to, const uint8_t *from)
{
    __builtin_memcpy(to, from, 8);
}

static inline void lz_copy_16(uint8_t *to, const uint8_t *from)
{
    __builtin_memcpy(to, from, 16);
}

/*
 * Repeat the last 2 to 7 bytes. After the first eight, what is repeated is the
 * same at any multiple of the distance; the smallest one from 8 on is taken.
 */
static inline void lz_repeat(uint8_t *to, size_t distance, uint8_t *stop)
{
    static const uint8_t multiple[8] = { 8, 8, 8, 9, 8, 10, 12, 14 };
    const uint8_t *from = to - distance;

    for (unsigned i = 0; i < 8; i++)
        to[i] = from[i];
    from = to + 8 - multiple[distance];
    for (to += 8; to < stop; to += 8, from += 8)
        lz_copy_8(to, from);
}

/*
 * Make LENGTH bytes at TO of those DISTANCE before it; END is behind the last
 * byte that may be written. The caller has checked that all are in bounds, and
 * that neither is 0.
 */
static inline void lz_copy(uint8_t *to, size_t distance, size_t length,
                           const uint8_t *end)
{
    const uint8_t *from = to - distance;
    uint8_t *stop = to + length;

    if ((size_t)(end - stop) < LZ_SLACK) {
        while (to < stop)
            *to++ = *from++;
    } else if (distance >= 16) {
        do {
            lz_copy_16(to, from);
            to += 16;
            from += 16;
        } while (to < stop);
    } else if (distance >= 8) {
        do {
            lz_copy_8(to, from);
            to += 8;
            from += 8;
        } while (to < stop);
    } else if (distance == 1) {
        memset(to, *from, length);
    } else {
        lz_repeat(to, distance, stop);
    }
}

#endif /* NTFS_LZCOPY_H */
