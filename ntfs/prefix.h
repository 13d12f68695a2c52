/*
 * prefix.h - prefix codes over 16-bit words, as XPRESS and LZX have them
 *
 * Both formats are streams of little-endian 16-bit words, each taken from its
 * highest bit on. Both use canonical codes: shorter ones come before longer
 * ones, and among equals that of the lower symbol, so that the lengths say it
 * all. A code is looked up by its first bits in a table; those longer than that
 * are rare, which is why they are long, and are found by comparing with where
 * each length ends.
 *
 * The window holds up to 63 bits. Past the end of the input it is fed zeros,
 * which are counted: whoever is done asks whether he has used any.
 */
#ifndef NTFS_PREFIX_H
#define NTFS_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "le.h"

#define PREFIX_BITS_MAX 16u     /* of the longest code */

/* ---------------------------------------------------------------- the bits */

struct bits {
    const uint8_t *next, *end;  /* of the input, words not yet taken */
    uint64_t window;            /* bits to come, the first one highest; below
                                   `count` of them, anything that comes later
                                   or zeros */
    unsigned count;             /* bits in the window */
    unsigned missing;           /* ... and how many the input did not have */
};

/* Four words, the first one highest. */
static inline uint64_t bits_words(const uint8_t *bytes)
{
    le64 raw;
    uint64_t v;

    __builtin_memcpy(&raw, bytes, sizeof raw);
    v = le64_get(raw);
    v = v >> 32 | v << 32;
    return (v & UINT64_C(0x0000ffff0000ffff)) << 16 |
           (v >> 16 & UINT64_C(0x0000ffff0000ffff));
}

/* Near the end of the input: word by word. */
static inline void bits_refill_slowly(struct bits *b)
{
    b->window &= ~(UINT64_MAX >> b->count);
    for (; b->count < 48; b->count += 16) {
        if (b->end - b->next >= 2) {
            uint64_t word = (uint64_t)(b->next[0] | b->next[1] << 8);

            b->window |= word << (48 - b->count);
            b->next += 2;
        } else {
            b->missing += 16;
        }
    }
}

/* Have at least 48 bits in the window. */
static inline void bits_refill(struct bits *b)
{
    if (b->end - b->next < 8) {
        bits_refill_slowly(b);
        return;
    }
    b->window |= bits_words(b->next) >> b->count;
    b->next += (63 - b->count) / 16 * 2;
    b->count |= 48;             /* as many more words as there is room for */
}

/* The next N bits, at most 31, which are in the window. */
static inline unsigned bits_peek(const struct bits *b, unsigned n)
{
    return (unsigned)(b->window >> 1 >> (63 - n));
}

static inline void bits_drop(struct bits *b, unsigned n)
{
    b->window <<= n;
    b->count -= n;
}

static inline unsigned bits_take(struct bits *b, unsigned n)
{
    unsigned value = bits_peek(b, n);

    bits_drop(b, n);
    return value;
}

/* The same at leisure: N is at most 31. */
static inline unsigned bits_get(struct bits *b, unsigned n)
{
    if (b->count < n)
        bits_refill(b);
    return bits_take(b, n);
}

/* Give back the words that are in the window whole, but for KEEP bits. */
static inline void bits_unread(struct bits *b, unsigned keep)
{
    while (b->count >= keep + 16) {
        b->count -= 16;
        if (b->missing > 0)
            b->missing -= 16;
        else
            b->next -= 2;
    }
    b->window &= ~(UINT64_MAX >> b->count);
}

/* Have bits been taken that are not in the input? */
static inline bool bits_overran(const struct bits *b)
{
    return b->missing > b->count;
}

/* The byte of the input, which begins at START, that the next bit is in. */
static inline size_t bits_at(const struct bits *b, const uint8_t *start)
{
    size_t at = (size_t)(b->next - start);
    size_t ahead = bits_overran(b) ? 0 : (b->count - b->missing) / 8;

    return ahead < at ? at - ahead : 0;
}

/* --------------------------------------------------------------- the codes */

/*
 * What is in the table for the first ROOT bits of a code: its symbol << 4 and
 * its length; or 0 for a longer code.
 */
struct prefix {
    uint16_t *table;            /* 1 << root entries */
    uint16_t *sorted;           /* symbols by their codes */
    /* By length: the code behind the last of it, as if it had 16 bits, and
       what to add to a code for its place in `sorted`. */
    uint32_t limit[PREFIX_BITS_MAX + 1];
    uint32_t bias[PREFIX_BITS_MAX + 1];
};

/* The symbol in a code that has none. */
#define PREFIX_NONE 0xfffu

enum prefix_kind { PREFIX_COMPLETE, PREFIX_EMPTY, PREFIX_BROKEN };

/*
 * Make CODE of the lengths of COUNT symbols, with a table for ROOT bits, at
 * most 12. LENGTHS has zeros up to a multiple of 8 behind them. A code of no
 * symbols at all decodes to PREFIX_NONE; any other that leaves bits without a
 * meaning, or gives them two, is broken.
 */
enum prefix_kind prefix_build(struct prefix *code, const uint8_t *lengths,
                              unsigned count, unsigned root);

/* A symbol of more than ROOT bits. */
static inline unsigned prefix_take_long(const struct prefix *code,
                                        struct bits *b, unsigned root)
{
    uint32_t next = (uint32_t)(b->window >> 48);
    unsigned length = root + 1;

    /* A complete code's last limit is beyond all words. */
    while (next >= code->limit[length])
        length++;
    bits_drop(b, length);
    return code->sorted[(next >> (16 - length)) + code->bias[length]];
}

/* The next symbol; its code, at most 16 bits, is in the window. */
static inline unsigned prefix_take(const struct prefix *code, struct bits *b,
                                   unsigned root)
{
    unsigned entry = code->table[b->window >> (64 - root)];

    if (__builtin_expect(entry == 0, 0))
        return prefix_take_long(code, b, root);
    bits_drop(b, entry & 15);
    return entry >> 4;
}

#endif /* NTFS_PREFIX_H */
