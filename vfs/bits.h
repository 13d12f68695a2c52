/*
 * bits.h - where the lowest and the highest set bit of a number are
 *
 * Most machines have an instruction for it, which the compiler knows. Where
 * there is none it would call a function of its own library, which the core
 * does not ask for; there it is counted out.
 */
#ifndef VFS_BITS_H
#define VFS_BITS_H

#include <stdint.h>

#if (defined __riscv && !defined __riscv_zbb) || \
    (defined __ARM_ARCH_ISA_THUMB && __ARM_ARCH_ISA_THUMB == 1)
#define BITS_COUNTED 1
#else
#define BITS_COUNTED 0
#endif

/* The highest set bit of WORD, which is not 0: half of it at a time. */
static inline unsigned bit_highest_counted(uint32_t word)
{
    unsigned bit = 0;

    for (unsigned half = 16; half > 0; half /= 2)
        if (word >> half) {
            word >>= half;
            bit += half;
        }
    return bit;
}

/* The lowest one. */
static inline unsigned bit_lowest_counted(uint32_t word)
{
    return bit_highest_counted(word & (~word + 1));
}

/* The same two, by what the machine has. */
static inline unsigned bit_highest32(uint32_t word)
{
    return BITS_COUNTED ? bit_highest_counted(word)
                        : 31 - (unsigned)__builtin_clz(word);
}

static inline unsigned bit_lowest32(uint32_t word)
{
    return BITS_COUNTED ? bit_lowest_counted(word)
                        : (unsigned)__builtin_ctz(word);
}

/* ... and of 64 bits. */
static inline unsigned bit_highest(uint64_t word)
{
    uint32_t high = (uint32_t)(word >> 32);

    if (!BITS_COUNTED && UINTPTR_MAX > UINT32_MAX)
        return 63 - (unsigned)__builtin_clzll(word);
    return high ? 32 + bit_highest32(high) : bit_highest32((uint32_t)word);
}

static inline unsigned bit_lowest(uint64_t word)
{
    uint32_t low = (uint32_t)word;

    if (!BITS_COUNTED && UINTPTR_MAX > UINT32_MAX)
        return (unsigned)__builtin_ctzll(word);
    return low ? bit_lowest32(low) : 32 + bit_lowest32((uint32_t)(word >> 32));
}

#endif /* VFS_BITS_H */
