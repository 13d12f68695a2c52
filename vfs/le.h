/*
 * le.h - little-endian wire integers
 *
 * Their own types, made of bytes: no alignment, no padding, and no way to use
 * one without saying le32_get(). On little-endian machines each of these
 * compiles to one load or store.
 */
#ifndef VFS_LE_H
#define VFS_LE_H

#include <stdint.h>

typedef struct { uint8_t b[2]; } le16;
typedef struct { uint8_t b[4]; } le32;
typedef struct { uint8_t b[8]; } le64;

#if defined __BYTE_ORDER__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

/* The bytes of a number in memory are those on the wire. */
union le16_both { uint16_t number; le16 wire; };
union le32_both { uint32_t number; le32 wire; };
union le64_both { uint64_t number; le64 wire; };

static inline uint16_t le16_get(le16 v)
{
    return (union le16_both){ .wire = v }.number;
}

static inline uint32_t le32_get(le32 v)
{
    return (union le32_both){ .wire = v }.number;
}

static inline uint64_t le64_get(le64 v)
{
    return (union le64_both){ .wire = v }.number;
}

static inline le16 le16_make(uint16_t x)
{
    return (union le16_both){ .number = x }.wire;
}

static inline le32 le32_make(uint32_t x)
{
    return (union le32_both){ .number = x }.wire;
}

static inline le64 le64_make(uint64_t x)
{
    return (union le64_both){ .number = x }.wire;
}

#else

static inline uint16_t le16_get(le16 v)
{
    return (uint16_t)(v.b[0] | v.b[1] << 8);
}

static inline uint32_t le32_get(le32 v)
{
    return (uint32_t)v.b[0] | (uint32_t)v.b[1] << 8 |
           (uint32_t)v.b[2] << 16 | (uint32_t)v.b[3] << 24;
}

static inline uint64_t le64_get(le64 v)
{
    le32 lo = {{ v.b[0], v.b[1], v.b[2], v.b[3] }};
    le32 hi = {{ v.b[4], v.b[5], v.b[6], v.b[7] }};

    return le32_get(lo) | (uint64_t)le32_get(hi) << 32;
}

static inline le16 le16_make(uint16_t x)
{
    return (le16){{ (uint8_t)x, (uint8_t)(x >> 8) }};
}

static inline le32 le32_make(uint32_t x)
{
    return (le32){{ (uint8_t)x, (uint8_t)(x >> 8),
                    (uint8_t)(x >> 16), (uint8_t)(x >> 24) }};
}

static inline le64 le64_make(uint64_t x)
{
    return (le64){{ (uint8_t)x, (uint8_t)(x >> 8), (uint8_t)(x >> 16),
                    (uint8_t)(x >> 24), (uint8_t)(x >> 32),
                    (uint8_t)(x >> 40), (uint8_t)(x >> 48),
                    (uint8_t)(x >> 56) }};
}

#endif

/* The number at BYTES, wherever that is. */
static inline uint16_t le16_load(const uint8_t *bytes)
{
    return le16_get(*(const le16 *)bytes);
}

static inline uint32_t le32_load(const uint8_t *bytes)
{
    return le32_get(*(const le32 *)bytes);
}

#endif /* VFS_LE_H */
