/*
 * lzx.c - LZX, which WOF packs files with, and WIM archives
 *
 * The format is that of cabinets and of LZX DELTA ([MS-PATCH] 2), with other
 * rules for what is around it: a chunk makes up to 32 KiB and knows of no other
 * chunk, has no header, and is always translated (see below). It is a row of
 * blocks, in 16-bit words:
 *
 *     3 bits      kind
 *     1 bit       the block makes 32768 bytes; if it is 0, 16 bits say how many
 *     verbatim    the lengths of the main and of the length code, symbols
 *     aligned     the aligned code before those: eight lengths of 3 bits
 *     stored      1 to 16 bits up to a whole word; then bytes: the three last
 *                 distances, 32 bits each; the data; one more if it is odd
 *
 * Symbols of the main code below 256 are bytes. The others are matches: the
 * lower three bits are the length less 2, where 7 means to add a symbol of the
 * length code; the rest is a slot, which says where a range of distances begins
 * and how many bits below follow. The first three slots mean the last three
 * distances, others the distance and 2. In an aligned block the lowest 3 of 3
 * or more bits are a symbol of the aligned code.
 *
 * Lengths of codes are told as the difference to what they were in the block
 * before, in a code of their own ([MS-PATCH] 2.3.4 and 2.4).
 */
#include "bits.h"
#include "data.h"
#include "lzcopy.h"
#include "prefix.h"

#define CHUNK_MAX 32768u
#define BLOCK_DEFAULT 32768u

enum block_kind { VERBATIM = 1, ALIGNED = 2, STORED = 3 };

#define BYTES 256u              /* symbols that are bytes */
#define SLOTS 30u               /* of a window of 32 KiB */
#define MAIN_SYMBOLS (BYTES + SLOTS * 8)
#define LENGTH_SYMBOLS 249u
#define ALIGNED_SYMBOLS 8u
#define PRE_SYMBOLS 20u

/* How many bits of a code are looked up at once. */
#define MAIN_ROOT 11u
#define LENGTH_ROOT 9u
#define ALIGNED_ROOT 7u
#define PRE_ROOT 6u

#define ALIGNED_BITS 3u
#define NEVER_ALIGNED 32u       /* more bits than any slot has */

#define SYMBOLS_AT_ONCE 3u      /* of 16 bits, and there are 48 */
#define MATCH_BITS 33u          /* at most, behind the symbol: 16 + 10 + 7 */

#define LENGTH_MIN 2u
#define LENGTH_LONG 7u
#define REPEATS 3u

struct decoder {
    struct bits bits;
    struct prefix main, length, aligned, pre;
    struct scratch *s;
    uint32_t repeat[REPEATS];   /* the last distances, newest first */
    uint8_t *start, *out, *end; /* of what is made */
};

/* All of it lies in the caller's memory: it is too much for a small stack. */
struct scratch {
    struct decoder decoder;
    uint16_t main_table[1u << MAIN_ROOT], main_sorted[MAIN_SYMBOLS];
    uint16_t length_table[1u << LENGTH_ROOT], length_sorted[LENGTH_SYMBOLS];
    uint16_t aligned_table[1u << ALIGNED_ROOT], aligned_sorted[ALIGNED_SYMBOLS];
    uint16_t pre_table[1u << PRE_ROOT], pre_sorted[PRE_SYMBOLS];
    /* Up to multiples of 8, for prefix_build(). */
    uint8_t main_lengths[MAIN_SYMBOLS], length_lengths[256];
    uint8_t aligned_lengths[ALIGNED_SYMBOLS], pre_lengths[24];
};

_Static_assert(sizeof(struct scratch) <= NTFS_LZX_SCRATCH, "see ntfs.h");
_Static_assert(MAIN_SYMBOLS % 8 == 0, "prefix_build() takes eight at once");

/* Where the distances of a slot begin, and how many bits go on top. */
static const struct {
    uint16_t base, bits;
} slots[SLOTS] = {
    { 0, 0 },      { 1, 0 },      { 2, 0 },      { 3, 0 },      { 4, 1 },
    { 6, 1 },      { 8, 2 },      { 12, 2 },     { 16, 3 },     { 24, 3 },
    { 32, 4 },     { 48, 4 },     { 64, 5 },     { 96, 5 },     { 128, 6 },
    { 192, 6 },    { 256, 7 },    { 384, 7 },    { 512, 8 },    { 768, 8 },
    { 1024, 9 },   { 1536, 9 },   { 2048, 10 },  { 3072, 10 },  { 4096, 11 },
    { 6144, 11 },  { 8192, 12 },  { 12288, 12 }, { 16384, 13 }, { 24576, 13 },
};

/* ------------------------------------------------------------- the codes */

/* Symbols of the pre code: up to 16 a difference, then runs. */
enum { ZEROS = 17, MANY_ZEROS = 18, SAME = 19 };

/* LENGTH less the difference that SYMBOL is, modulo 17. */
static uint8_t less(uint8_t length, unsigned symbol)
{
    return (uint8_t)(length >= symbol ? length - symbol : length + 17 - symbol);
}

/* Read COUNT lengths, which were those of the block before. */
static const char *read_lengths(struct decoder *d, uint8_t *lengths,
                                unsigned count)
{
    struct bits *b = &d->bits;

    for (unsigned i = 0; i < PRE_SYMBOLS; i++)
        d->s->pre_lengths[i] = (uint8_t)bits_get(b, 4);
    if (prefix_build(&d->pre, d->s->pre_lengths, PRE_SYMBOLS, PRE_ROOT) !=
        PREFIX_COMPLETE)
        return "ntfs: an LZX block has a code for lengths that is not complete";
    for (unsigned i = 0; i < count;) {
        unsigned symbol, run = 1;
        uint8_t length;

        bits_refill(b);         /* two symbols and a run are 31 bits */
        symbol = prefix_take(&d->pre, b, PRE_ROOT);
        length = 0;
        if (symbol == ZEROS) {
            run = 4 + bits_take(b, 4);
        } else if (symbol == MANY_ZEROS) {
            run = 20 + bits_take(b, 5);
        } else {
            if (symbol == SAME) {
                run = 4 + bits_take(b, 1);
                symbol = prefix_take(&d->pre, b, PRE_ROOT);
                if (symbol > 16)
                    return "ntfs: an LZX block has a run of runs of lengths";
            }
            length = less(lengths[i], symbol);
        }
        if (run > count - i)
            return "ntfs: an LZX block has more lengths than symbols";
        while (run-- > 0)
            lengths[i++] = length;
    }
    return NULL;
}

/* Read the codes of a block. Only that of bytes and matches has to be there. */
static const char *read_codes(struct decoder *d, enum block_kind kind)
{
    struct scratch *s = d->s;
    const char *broken;

    if (kind == ALIGNED) {
        for (unsigned i = 0; i < ALIGNED_SYMBOLS; i++)
            s->aligned_lengths[i] = (uint8_t)bits_get(&d->bits, 3);
        if (prefix_build(&d->aligned, s->aligned_lengths, ALIGNED_SYMBOLS,
                         ALIGNED_ROOT) == PREFIX_BROKEN)
            return "ntfs: an LZX block has an incomplete aligned code";
    }
    broken = read_lengths(d, s->main_lengths, BYTES);
    if (!broken)
        broken = read_lengths(d, s->main_lengths + BYTES, MAIN_SYMBOLS - BYTES);
    if (!broken)
        broken = read_lengths(d, s->length_lengths, LENGTH_SYMBOLS);
    if (broken)
        return broken;
    if (prefix_build(&d->main, s->main_lengths, MAIN_SYMBOLS, MAIN_ROOT) !=
        PREFIX_COMPLETE)
        return "ntfs: an LZX block has a main code that is not complete";
    if (prefix_build(&d->length, s->length_lengths, LENGTH_SYMBOLS,
                     LENGTH_ROOT) == PREFIX_BROKEN)
        return "ntfs: an LZX block has a length code that is not complete";
    return NULL;
}

/* ------------------------------------------------------------- the blocks */

/*
 * The distance of a match of SLOT, 3 or more; 0 if the code for it is empty.
 * From as many bits as ALIGNED_FROM the lowest three are in the aligned code.
 */
static inline uint32_t take_distance(const struct prefix *aligned,
                                     struct bits *b, unsigned slot,
                                     unsigned aligned_from)
{
    unsigned bits = slots[slot].bits, low;
    uint32_t distance = slots[slot].base;

    if (bits < aligned_from)
        return distance + bits_take(b, bits) - 2;
    distance += bits_take(b, bits - ALIGNED_BITS) << ALIGNED_BITS;
    low = prefix_take(aligned, b, ALIGNED_ROOT);
    return low == PREFIX_NONE ? 0 : distance + low - 2;
}

/*
 * Decode the symbols that make all up to END. A round of the loop takes three
 * bytes, or up to two and a match.
 */
static const char *decode_symbols(struct decoder *d, uint8_t *end,
                                  unsigned aligned_from)
{
    /* Copies, which no byte that is stored can change: for registers. */
    const struct prefix main = d->main, lengths = d->length;
    struct bits b = d->bits;
    uint8_t *const start = d->start, *out = d->out;
    const uint8_t *const room = d->end;
    uint32_t repeat[REPEATS] = { d->repeat[0], d->repeat[1], d->repeat[2] };
    const char *broken = NULL;

    while (out < end) {
        unsigned symbol, slot, n = SYMBOLS_AT_ONCE;
        size_t length;
        uint32_t distance;

        bits_refill(&b);
        do {
            symbol = prefix_take(&main, &b, MAIN_ROOT);
            if (symbol >= BYTES)
                break;
            *out++ = (uint8_t)symbol;
        } while (--n > 0 && out < end);
        if (symbol < BYTES)
            continue;
        if (b.count < MATCH_BITS)
            bits_refill(&b);
        length = symbol & 7;
        slot = (symbol - BYTES) >> 3;
        if (length == LENGTH_LONG) {
            symbol = prefix_take(&lengths, &b, LENGTH_ROOT);
            if (symbol == PREFIX_NONE) {
                broken = "ntfs: an LZX match has a length without a code";
                break;
            }
            length += symbol;
        }
        length += LENGTH_MIN;
        if (slot < REPEATS) {
            distance = repeat[slot];
            repeat[slot] = repeat[0];
        } else {
            distance = take_distance(&d->aligned, &b, slot, aligned_from);
            repeat[2] = repeat[1];
            repeat[1] = repeat[0];
        }
        repeat[0] = distance;
        /* 0, for no code, is refused as what is beyond all. */
        if (distance - 1u >= (size_t)(out - start)) {
            broken = "ntfs: an LZX match begins before its chunk";
            break;
        }
        if (length > (size_t)(end - out)) {
            broken = "ntfs: an LZX match runs past the end of its block";
            break;
        }
        lz_copy(out, distance, length, room);
        out += length;
    }
    d->bits = b;
    d->out = out;
    memcpy(d->repeat, repeat, sizeof repeat);
    return broken;
}

static const char *decode_stored(struct decoder *d, size_t size)
{
    struct bits *b = &d->bits;
    size_t padded = size + (size & 1);

    /* At least one bit, so that a whole word may be in between. */
    if (b->count < 16)
        bits_refill(b);
    bits_drop(b, b->count % 16 ? b->count % 16 : 16);
    bits_unread(b, 0);
    if (bits_overran(b) || (size_t)(b->end - b->next) < 4 * REPEATS + size)
        return "ntfs: a stored LZX block runs past the end of its chunk";
    for (unsigned i = 0; i < REPEATS; i++, b->next += 4)
        d->repeat[i] = le32_get((le32){{ b->next[0], b->next[1], b->next[2],
                                         b->next[3] }});
    memcpy(d->out, b->next, size);
    d->out += size;
    /* The last block's need not be there. */
    if (padded > (size_t)(b->end - b->next))
        padded = size;
    b->next += padded;
    return NULL;
}

static const char *decode_block(struct decoder *d)
{
    struct bits *b = &d->bits;
    unsigned kind = bits_get(b, 3);
    size_t size = bits_get(b, 1) ? BLOCK_DEFAULT : bits_get(b, 16);
    const char *broken;

    if (kind != VERBATIM && kind != ALIGNED && kind != STORED)
        return "ntfs: an LZX block is of no known kind";
    if (size == 0)
        return "ntfs: an LZX block is empty";
    if (size > (size_t)(d->end - d->out))
        return "ntfs: an LZX block is longer than what is left of its chunk";
    if (kind == STORED)
        return decode_stored(d, size);
    broken = read_codes(d, kind);
    if (broken)
        return broken;
    broken = decode_symbols(d, d->out + size,
                            kind == ALIGNED ? ALIGNED_BITS : NEVER_ALIGNED);
    if (!broken && bits_overran(b))
        broken = "ntfs: an LZX chunk ends before its data does";
    return broken;
}

/* -------------------------------------------------------- the translation */

/*
 * Calls of x86 code, 0xe8 and a distance, were made to name their targets, so
 * that calls of one function look alike ([MS-PATCH] 2.2.2). In a file the
 * targets lie between 0 and its size; WIM and WOF always say that this is
 * 12,000,000. Nor do the last ten bytes take part, nor do they know where in
 * the file the chunk is: its own start is 0.
 */
#define CODE_SIZE 12000000
#define CALL 0xe8u
#define CALL_TAIL 10u
#define SCAN 64u

/* Most data is no code: is there no CALL in the 64 bytes at P? This loop is
   one that compilers make vectors of. */
static inline bool no_call(const uint8_t *p)
{
    uint8_t any = 0;

    for (unsigned i = 0; i < SCAN; i++)
        any |= p[i] == CALL;
    return !any;
}

/* The CALLs among the eight bytes at P: of each the highest bit, and the first
   byte is the lowest. */
static inline uint64_t calls(const uint8_t *p)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    le64 raw;
    uint64_t v;

    __builtin_memcpy(&raw, p, sizeof raw);
    v = le64_get(raw) ^ CALL * UINT64_C(0x0101010101010101);
    return ~(((v & low) + low) | v | low);
}

static void translate_call(uint8_t *operand, int32_t position)
{
    uint32_t raw = le32_get((le32){{ operand[0], operand[1], operand[2],
                                     operand[3] }});
    int64_t target = raw < UINT32_C(0x80000000)
                         ? (int64_t)raw : (int64_t)raw - INT64_C(0x100000000);
    le32 distance;

    if (target < -position || target >= CODE_SIZE)
        return;
    distance = le32_make((uint32_t)(target >= 0 ? target - position
                                                : target + CODE_SIZE));
    __builtin_memcpy(operand, distance.b, sizeof distance.b);
}

static void translate(uint8_t *bytes, size_t len)
{
    size_t end = len - CALL_TAIL, next = 0;

    if (len <= CALL_TAIL)
        return;
    for (size_t i = 0; i < end; i += 8) {
        if (i % SCAN == 0 && end - i >= SCAN && no_call(bytes + i)) {
            i += SCAN - 8;
            continue;
        }
        for (uint64_t found = calls(bytes + i); found; found &= found - 1) {
            size_t at = i + bit_lowest(found) / 8;

            /* Not what is within a distance, nor in the tail. */
            if (at >= next && at < end) {
                translate_call(bytes + at + 1, (int32_t)at);
                next = at + 5;
            }
        }
    }
}

/* -------------------------------------------------------------- the chunk */

const char *ntfs_lzx_decode(const uint8_t *in, size_t in_len, uint8_t *out,
                            size_t out_len, void *scratch, size_t *at)
{
    struct scratch *s = scratch;
    struct decoder *d = &s->decoder;

    *d = (struct decoder){
        .bits = { .next = in, .end = in + in_len },
        .main = { .table = s->main_table, .sorted = s->main_sorted },
        .length = { .table = s->length_table, .sorted = s->length_sorted },
        .aligned = { .table = s->aligned_table, .sorted = s->aligned_sorted },
        .pre = { .table = s->pre_table, .sorted = s->pre_sorted },
        .s = s, .repeat = { 1, 1, 1 },
        .start = out, .out = out, .end = out + out_len,
    };

    *at = 0;
    if (out_len > CHUNK_MAX)
        return "ntfs: an LZX chunk is longer than 32 KiB";
    memset(s->main_lengths, 0, sizeof s->main_lengths);
    memset(s->length_lengths, 0, sizeof s->length_lengths);
    memset(s->pre_lengths, 0, sizeof s->pre_lengths);
    while (d->out < d->end) {
        const char *broken = decode_block(d);

        *at = bits_at(&d->bits, in);
        if (broken)
            return broken;
    }
    translate(out, out_len);
    return NULL;
}
