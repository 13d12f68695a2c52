/*
 * lznt1.c - LZNT1, the compression of NTFS itself ([MS-XCA] 2.5)
 *
 * A compressed unit is a row of chunks that make 4096 bytes each, and know
 * nothing of one another:
 *
 *     header   bits 0-11   bytes that follow, less 1
 *              bits 12-14  3
 *              bit 15      compressed; else the bytes are the data
 *
 * A header of 0 ends the unit, if its end does not. A compressed chunk is made
 * of groups: eight flags, the lowest first, and for each a byte to take as it
 * is (0) or a match (1), 16 bits of which the upper ones are the distance less
 * 1 and the lower ones the length less 3. Where they meet depends on how many
 * bytes of the chunk are there: the distance has just as many bits as it takes
 * to reach the first of them, but at least 4.
 *
 * A chunk may make less than 4096 bytes. The next one begins at a multiple of
 * 4096 nevertheless, and what lies between is zeros.
 *
 * The caller may want less than the last chunk makes, as a file may end there.
 * What is too much is not looked at.
 */
#include "bits.h"
#include "data.h"
#include "le.h"
#include "lzcopy.h"
#include "memfn.h"

#define CHUNK_SIZE 4096u
#define CHUNK_SIGNATURE 3u
#define CHUNK_COMPRESSED 0x8000u

#define MATCH_SIZE 2u
#define LENGTH_MIN 3u
#define DISTANCE_BITS_MIN 4u

/* A ninth flag, behind those of a group. */
#define GROUP_END 0x100u

/* A chunk, and where in it the decoder is. */
struct chunk {
    const uint8_t *in, *in_end;
    uint8_t *start, *out, *end; /* what is made, and room for it */
};

static inline unsigned word_at(const uint8_t *bytes)
{
    return le16_get((le16){{ bytes[0], bytes[1] }});
}

static const char overfull[] =
    "ntfs: an LZNT1 chunk makes more than 4096 bytes";

/* The next COUNT bytes as they are: at most 8, one group's. */
static inline const char *take_bytes(struct chunk *c, unsigned count)
{
    size_t in_left = (size_t)(c->in_end - c->in);
    size_t out_left = (size_t)(c->end - c->out);

    if (in_left >= 8 && out_left >= 8) {
        lz_copy_8(c->out, c->in);
        c->in += count;
        c->out += count;
        return NULL;
    }
    /* The last group may have flags for nothing. */
    if (count > in_left)
        count = (unsigned)in_left;
    for (; count > 0 && c->out < c->end; count--)
        *c->out++ = *c->in++;
    return count > 0 ? overfull : NULL;
}

/*
 * The next match. *DISTANCE_BITS is how many a distance had at the last one.
 */
static inline const char *take_match(struct chunk *c, unsigned *distance_bits)
{
    size_t done = (size_t)(c->out - c->start), distance, length;
    size_t left = (size_t)(c->end - c->out);
    unsigned word, length_bits;

    if (c->in_end - c->in < (ptrdiff_t)MATCH_SIZE)
        return "ntfs: an LZNT1 chunk ends within a match";
    word = word_at(c->in);
    while (done > (size_t)1 << *distance_bits)
        ++*distance_bits;
    length_bits = 16 - *distance_bits;
    distance = (word >> length_bits) + 1;
    length = (word & ((1u << length_bits) - 1)) + LENGTH_MIN;
    if (distance > done)
        return "ntfs: an LZNT1 match begins before its chunk";
    if (length > left) {
        if (left > 0)
            lz_copy(c->out, distance, left, c->end);
        c->out = c->end;
        return overfull;
    }
    lz_copy(c->out, distance, length, c->end);
    c->in += MATCH_SIZE;
    c->out += length;
    return NULL;
}

/* All groups of a compressed chunk. */
static const char *decode_groups(struct chunk *chunk)
{
    struct chunk c = *chunk;    /* for registers */
    unsigned distance_bits = DISTANCE_BITS_MIN;
    const char *broken = NULL;

    while (c.in < c.in_end && !broken) {
        unsigned flags = *c.in++ | GROUP_END;

        for (;;) {
            unsigned bytes = bit_lowest32(flags);

            if (bytes > 0)
                broken = take_bytes(&c, bytes);
            flags >>= bytes;
            if (flags == 1 || c.in == c.in_end || broken)
                break;
            broken = take_match(&c, &distance_bits);
            if (broken)
                break;
            flags >>= 1;
        }
    }
    *chunk = c;
    return broken;
}

/* A chunk that has the bytes chunk->in to chunk->in_end behind HEADER. */
static const char *decode_chunk(struct chunk *chunk, unsigned header)
{
    size_t len = (size_t)(chunk->in_end - chunk->in);
    size_t room = (size_t)(chunk->end - chunk->out);

    if (header & CHUNK_COMPRESSED)
        return decode_groups(chunk);
    /* The twelve bits of a length cannot say more than 4096. */
    if (len > room)
        len = room;
    memcpy(chunk->out, chunk->in, len);
    chunk->in += len;
    chunk->out += len;
    return NULL;
}

/* The header at NEXT of a unit; 0 at its end. */
static unsigned header_at(const uint8_t *in, size_t in_len, size_t next)
{
    return in_len - next >= 2 ? word_at(in + next) : 0;
}

/* Bytes behind HEADER. */
static size_t chunk_length(unsigned header)
{
    return (header & 0xfff) + 1u;
}

/* Can HEADER be one, with so many bytes left of its unit? */
static const char *check_header(unsigned header, size_t left)
{
    if ((header >> 12 & 7) != CHUNK_SIGNATURE)
        return "ntfs: an LZNT1 chunk has the wrong signature";
    if (chunk_length(header) > left - 2)
        return "ntfs: an LZNT1 chunk runs past the end of its unit";
    return NULL;
}

const char *ntfs_lznt1_find(const uint8_t *in, size_t in_len, size_t number,
                            size_t *at)
{
    for (*at = 0; number > 0; number--) {
        unsigned header = header_at(in, in_len, *at);
        const char *broken;

        if (header == 0)
            break;
        broken = check_header(header, in_len - *at);
        if (broken)
            return broken;
        *at += 2 + chunk_length(header);
    }
    return NULL;
}

const char *ntfs_lznt1_decode(const uint8_t *in, size_t in_len, uint8_t *out,
                              size_t out_len, size_t need, size_t *at)
{
    size_t next = 0, made = 0, start = 0;

    while (start < out_len && header_at(in, in_len, next) != 0) {
        unsigned header = header_at(in, in_len, next);
        size_t len = chunk_length(header);
        size_t room = out_len - start;
        struct chunk chunk;
        const char *broken = check_header(header, in_len - next);

        *at = next;
        if (broken)
            return broken;
        if (room > CHUNK_SIZE)
            room = CHUNK_SIZE;
        memset(out + made, 0, start - made);
        chunk = (struct chunk){
            .in = in + next + 2, .in_end = in + next + 2 + len,
            .start = out + start, .out = out + start, .end = out + start + room,
        };
        broken = decode_chunk(&chunk, header);
        if (broken == overfull && room < CHUNK_SIZE)
            broken = NULL;
        if (broken) {
            *at = (size_t)(chunk.in - in);
            return broken;
        }
        next += 2 + len;
        made = (size_t)(chunk.out - out);
        start += room;
    }
    *at = next;
    /* A chunk that is followed by another may make less than it could. */
    if (made < need && (header_at(in, in_len, next) == 0 ||
                        check_header(header_at(in, in_len, next),
                                     in_len - next)))
        return "ntfs: an LZNT1 unit ends before its data does";
    memset(out + made, 0, out_len - made);
    return NULL;
}
