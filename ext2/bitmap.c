/*
 * bitmap.c - the bits of a bitmap: set for what is in use
 *
 * 64 at a time, in little-endian words, whatever the machine.
 */
#include "bits.h"
#include "write.h"

uint32_t ext2_bit_find(const le64 *words, uint32_t at, uint32_t end,
                       bool value)
{
    while (at < end) {
        uint64_t word = le64_get(words[at / 64]);

        word = (value ? word : ~word) >> (at % 64);
        if (word) {
            at += bit_lowest(word);
            return at < end ? at : end;
        }
        at = (at / 64 + 1) * 64;
    }
    return end;
}

/* How many bits of WORD are set: in ever larger groups, side by side. */
static uint32_t bits_count(uint64_t word)
{
    word -= word >> 1 & UINT64_C(0x5555555555555555);
    word = (word & UINT64_C(0x3333333333333333)) +
           (word >> 2 & UINT64_C(0x3333333333333333));
    word = (word + (word >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (uint32_t)(word * UINT64_C(0x0101010101010101) >> 56);
}

uint32_t ext2_bits_set(le64 *words, uint32_t at, uint32_t count, bool value)
{
    uint32_t end = at + count, changed = 0;

    while (at < end) {
        uint32_t bit = at % 64;
        uint32_t n = end - at < 64 - bit ? end - at : 64 - bit;
        uint64_t mask = (n == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1)
                        << bit;
        uint64_t word = le64_get(words[at / 64]);
        uint64_t wrong = (value ? ~word : word) & mask;

        changed += bits_count(wrong);
        words[at / 64] = le64_make(word ^ wrong);
        at += n;
    }
    return changed;
}
