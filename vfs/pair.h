/*
 * pair.h - two words that are stored and found together, without a lock
 *
 * Small caches that threads share hold a key and a value in one number of 64
 * bits, so that nobody meets the key of one entry with the value of another.
 * Where a machine's words have 64 bits, storing such a number is one step. On
 * others it is three words, the last of which is a sum of the two: what is met
 * half stored, of two numbers, or of more that are small, does not agree with
 * it, and counts as empty, as 0.
 * (The compiler's own way there is a function that takes a lock, which the core
 * does not have, or a floating-point register, which a kernel does not touch.)
 */
#ifndef VFS_PAIR_H
#define VFS_PAIR_H

#include <stdint.h>

/* The one for words of 32 bits. */
struct pair_halves {
    uint32_t high, low, sum;
};

/*
 * No mix of two numbers has the sum of one, as the factor is odd: 2^32 divided
 * by the golden ratio. One of three could; with small numbers it does not.
 */
static inline uint32_t pair_sum(uint32_t high, uint32_t low)
{
    return high * 0x9e3779b1u + low;
}

static inline uint64_t pair_halves_get(const struct pair_halves *pair)
{
    uint32_t high = __atomic_load_n(&pair->high, __ATOMIC_RELAXED);
    uint32_t low = __atomic_load_n(&pair->low, __ATOMIC_RELAXED);
    uint32_t sum = __atomic_load_n(&pair->sum, __ATOMIC_RELAXED);

    return pair_sum(high, low) == sum ? (uint64_t)high << 32 | low : 0;
}

static inline void pair_halves_set(struct pair_halves *pair, uint64_t both)
{
    uint32_t high = (uint32_t)(both >> 32), low = (uint32_t)both;

    __atomic_store_n(&pair->high, high, __ATOMIC_RELAXED);
    __atomic_store_n(&pair->low, low, __ATOMIC_RELAXED);
    __atomic_store_n(&pair->sum, pair_sum(high, low), __ATOMIC_RELAXED);
}

#if UINTPTR_MAX > UINT32_MAX

struct pair {
    uint64_t both;
};

static inline uint64_t pair_get(const struct pair *pair)
{
    return __atomic_load_n(&pair->both, __ATOMIC_RELAXED);
}

static inline void pair_set(struct pair *pair, uint64_t both)
{
    __atomic_store_n(&pair->both, both, __ATOMIC_RELAXED);
}

#else

struct pair {
    struct pair_halves halves;
};

static inline uint64_t pair_get(const struct pair *pair)
{
    return pair_halves_get(&pair->halves);
}

static inline void pair_set(struct pair *pair, uint64_t both)
{
    pair_halves_set(&pair->halves, both);
}

#endif

#endif /* VFS_PAIR_H */
