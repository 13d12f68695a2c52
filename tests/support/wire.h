/*
 * wire.h - integers as they lie on a volume
 *
 * The checkers here are another opinion: they share nothing with the drivers,
 * not even how a number is read.
 */
#ifndef SUPPORT_WIRE_H
#define SUPPORT_WIRE_H

#include <stdint.h>

static inline uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t get32(const uint8_t *at)
{
    return get16(at) | (uint32_t)get16(at + 2) << 16;
}

/* Those of a journal are the other way round. */
static inline uint32_t big32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
           (uint32_t)at[2] << 8 | at[3];
}

#endif /* SUPPORT_WIRE_H */
