/*
 * mmio.h - devices' registers that are at an address
 */
#ifndef MMIO_H
#define MMIO_H

#include <stdint.h>

static inline uint8_t mmio_read8(uintptr_t at)
{
    return *(volatile uint8_t *)at;
}

static inline uint16_t mmio_read16(uintptr_t at)
{
    return *(volatile uint16_t *)at;
}

static inline uint32_t mmio_read32(uintptr_t at)
{
    return *(volatile uint32_t *)at;
}

static inline void mmio_write8(uintptr_t at, uint8_t value)
{
    *(volatile uint8_t *)at = value;
}

static inline void mmio_write16(uintptr_t at, uint16_t value)
{
    *(volatile uint16_t *)at = value;
}

static inline void mmio_write32(uintptr_t at, uint32_t value)
{
    *(volatile uint32_t *)at = value;
}

/* As two halves: no device here minds. */
static inline void mmio_write64(uintptr_t at, uint64_t value)
{
    mmio_write32(at, (uint32_t)value);
    mmio_write32(at + 4, (uint32_t)(value >> 32));
}

#endif /* MMIO_H */
