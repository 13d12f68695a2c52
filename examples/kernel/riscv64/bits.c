/*
 * bits.c - counting bits, for which RV64IMAC has no instructions
 *
 * The compiler calls these by the names that its own library has for them.
 * Debian's is for the other calling convention, with floating-point registers,
 * and cannot be linked.
 */
#include <stdint.h>

int __ctzdi2(uint64_t x);
int __clzdi2(uint64_t x);
int __popcountdi2(uint64_t x);

/* How many zeros there are below the lowest one; X is not 0. */
int __ctzdi2(uint64_t x)
{
    int count = 0;

    for (unsigned half = 32; half > 0; half /= 2)
        if (!(x & ((UINT64_C(1) << half) - 1))) {
            x >>= half;
            count += (int)half;
        }
    return count;
}

/* ... above the highest one. */
int __clzdi2(uint64_t x)
{
    int count = 0;

    for (unsigned half = 32; half > 0; half /= 2)
        if (!(x >> (64 - half))) {
            x <<= half;
            count += (int)half;
        }
    return count;
}

int __popcountdi2(uint64_t x)
{
    int count = 0;

    for (; x; x &= x - 1)
        count++;
    return count;
}
