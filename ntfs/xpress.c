/*
 * xpress.c - XPRESS Huffman, which WOF packs files with ([MS-XCA] 2.1, 2.2)
 *
 * A block makes up to 64 KiB, and a chunk of WOF's is one block, its own world:
 *
 *     256 bytes   the lengths of the codes of 512 symbols, 4 bits each, that
 *                 of the even one lower
 *     the rest    16-bit words of symbols
 *
 * Symbols below 256 are bytes. The others are matches: the upper 4 bits say how
 * many bits of distance follow, under a 1 that is not there; the lower 4 bits
 * are the length less 3. A length of 15 there goes on in bytes, which lie
 * between the words: where the original decoder would read next, which holds
 * 16 to 31 bits at that point. This one holds more, and first gives them back.
 */
#include "data.h"
#include "lzcopy.h"
#include "prefix.h"

#define SYMBOLS 512u
#define LENGTHS_SIZE 256u
#define BLOCK_MAX 65536u
#define ROOT 11u                /* bits that are looked up at once */

#define LENGTH_MIN 3u
#define LENGTH_IN_BYTES 15u     /* it goes on ... */
#define LENGTH_IN_WORD 255u     /* ... and on */
#define BITS_HELD 16u           /* by the original decoder, at least */
#define SYMBOLS_AT_ONCE 3u

struct scratch {
    uint16_t table[1u << ROOT];
    uint16_t sorted[SYMBOLS];
    uint8_t lengths[SYMBOLS];
};

_Static_assert(sizeof(struct scratch) <= NTFS_XPRESS_SCRATCH, "see ntfs.h");

/* The rest of a length that does not fit into its symbol. */
static const char *take_length(struct bits *b, size_t *length)
{
    bits_unread(b, BITS_HELD);
    if (b->next == b->end)
        return "ntfs: an XPRESS match has no length";
    *length = *b->next++;
    if (*length != LENGTH_IN_WORD) {
        *length += LENGTH_IN_BYTES;
        return NULL;
    }
    if (b->end - b->next < 2)
        return "ntfs: an XPRESS match has no length";
    *length = (size_t)(b->next[0] | b->next[1] << 8);
    b->next += 2;
    if (*length < LENGTH_IN_BYTES)
        return "ntfs: an XPRESS match is too short for its form";
    return NULL;
}

/*
 * Decode the END - START bytes at START. A round of the loop takes three bytes,
 * or up to two and a match; there are bits enough for three symbols of 15, and
 * nearly always for a distance of 15 on top.
 */
static const char *decode_symbols(const struct prefix *prefix,
                                  struct bits *bits, uint8_t *start,
                                  uint8_t *end)
{
    /* Copies, which no byte that is stored can change: for registers. */
    const struct prefix code = *prefix;
    struct bits b = *bits;
    uint8_t *out = start;
    const char *broken = NULL;

    while (out < end) {
        unsigned symbol, distance_bits, n = SYMBOLS_AT_ONCE;
        size_t length, distance;

        bits_refill(&b);
        do {
            symbol = prefix_take(&code, &b, ROOT);
            if (symbol >= 256)
                break;
            *out++ = (uint8_t)symbol;
        } while (--n > 0 && out < end);
        if (symbol < 256)
            continue;
        if (b.count < BITS_HELD)
            bits_refill(&b);
        length = symbol & 15;
        distance_bits = symbol >> 4 & 15;
        if (length == LENGTH_IN_BYTES) {
            struct bits held = b;

            broken = take_length(&held, &length);
            b = held;
            if (broken)
                break;
        }
        length += LENGTH_MIN;
        distance = ((size_t)1 << distance_bits) + bits_take(&b, distance_bits);
        if (distance > (size_t)(out - start)) {
            broken = "ntfs: an XPRESS match begins before its chunk";
            break;
        }
        if (length > (size_t)(end - out)) {
            broken = "ntfs: an XPRESS match runs past the end of its chunk";
            break;
        }
        lz_copy(out, distance, length, end);
        out += length;
    }
    *bits = b;
    return broken;
}

const char *ntfs_xpress_decode(const uint8_t *in, size_t in_len, uint8_t *out,
                               size_t out_len, void *scratch, size_t *at)
{
    struct scratch *s = scratch;
    struct prefix code = { .table = s->table, .sorted = s->sorted };
    struct bits b = { .end = in + in_len };
    const char *broken;

    *at = 0;
    if (in_len < LENGTHS_SIZE)
        return "ntfs: an XPRESS chunk is too short for its code";
    if (out_len > BLOCK_MAX)
        return "ntfs: an XPRESS chunk is longer than 64 KiB";
    for (unsigned i = 0; i < LENGTHS_SIZE; i++) {
        s->lengths[2 * i] = in[i] & 15;
        s->lengths[2 * i + 1] = in[i] >> 4;
    }
    if (prefix_build(&code, s->lengths, SYMBOLS, ROOT) != PREFIX_COMPLETE)
        return "ntfs: an XPRESS chunk has a code that is not complete";
    b.next = in + LENGTHS_SIZE;
    broken = decode_symbols(&code, &b, out, out + out_len);
    *at = bits_at(&b, in);
    if (!broken && bits_overran(&b))
        return "ntfs: an XPRESS chunk ends before its data does";
    return broken;
}
