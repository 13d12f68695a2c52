/*
 * prefix.c - canonical prefix codes out of the lengths of their words
 *
 * The symbols are sorted by length, and by number among equals. That is the
 * order of their codes, too, so the table is filled from its start to where the
 * codes that are longer than it begin.
 */
#include "memfn.h"
#include "prefix.h"

/* Eight lengths at once: most symbols of most codes are unused. */
static inline bool none_of_eight(const uint8_t *lengths)
{
    uint64_t eight;

    __builtin_memcpy(&eight, lengths, sizeof eight);
    return eight == 0;
}

/* How many symbols there are of each length. */
static void count_lengths(const uint8_t *lengths, unsigned symbols,
                          uint16_t counts[PREFIX_BITS_MAX + 1])
{
    memset(counts, 0, (PREFIX_BITS_MAX + 1) * sizeof counts[0]);
    for (unsigned i = 0; i < symbols; i += 8) {
        if (none_of_eight(lengths + i))
            continue;
        for (unsigned j = i; j < i + 8; j++)
            counts[lengths[j]]++;
    }
    counts[0] = 0;
}

/* Sort the symbols that have a code; FIRST is where each length begins. */
static void sort_symbols(const uint8_t *lengths, unsigned symbols,
                         uint16_t first[PREFIX_BITS_MAX + 1], uint16_t *sorted)
{
    for (unsigned i = 0; i < symbols; i += 8) {
        if (none_of_eight(lengths + i))
            continue;
        for (unsigned j = i; j < i + 8; j++) {
            if (lengths[j] > 0)
                sorted[first[lengths[j]]++] = (uint16_t)j;
        }
    }
}

/* SPAN times ENTRY at TABLE. */
static inline uint16_t *fill(uint16_t *table, unsigned span, unsigned entry)
{
    uint64_t four = entry * UINT64_C(0x0001000100010001);

    if (span < 4) {
        while (span-- > 0)
            *table++ = (uint16_t)entry;
        return table;
    }
    for (; span > 0; span -= 4, table += 4)
        __builtin_memcpy(table, &four, sizeof four);
    return table;
}

enum prefix_kind prefix_build(struct prefix *code, const uint8_t *lengths,
                              unsigned count, unsigned root)
{
    uint16_t counts[PREFIX_BITS_MAX + 1], first[PREFIX_BITS_MAX + 1];
    uint16_t *table = code->table, *table_end = table + ((size_t)1 << root);
    const uint16_t *symbol = code->sorted;
    uint32_t end = 0, before = 0;       /* of codes, as if they had 16 bits */

    count_lengths(lengths, count, counts);
    for (unsigned length = 1; length <= PREFIX_BITS_MAX; length++) {
        first[length] = (uint16_t)before;
        code->bias[length] = before - (end >> (16 - length));
        before += counts[length];
        end += (uint32_t)counts[length] << (16 - length);
        code->limit[length] = end;
    }
    if (end == 0) {
        fill(table, 1u << root, PREFIX_NONE << 4 | 1);
        return PREFIX_EMPTY;
    }
    if (end != (uint32_t)1 << 16)
        return PREFIX_BROKEN;
    sort_symbols(lengths, count, first, code->sorted);
    for (unsigned length = 1; length <= root; length++) {
        for (unsigned n = counts[length]; n > 0; n--)
            table = fill(table, 1u << (root - length),
                         (unsigned)*symbol++ << 4 | length);
    }
    memset(table, 0, (size_t)(table_end - table) * sizeof *table);
    return PREFIX_COMPLETE;
}
