/*
 * hash.c - the hashes that indexed directories are sorted by
 *
 * Three functions: a "legacy" one, half of MD4 (rounds of RFC 1320 cut to
 * eight steps each), and TEA used as a compression function. All work on the
 * bytes of the name packed into 32-bit words; whether a byte over 127 counts
 * as negative used to depend on the machine, so each comes in two versions.
 */
#include "ext2.h"
#include "memfn.h"

/* A hash is even; the largest one is taken by the end of a directory. */
#define HASH_EOF 0xfffffffeu

static uint32_t byte_value(char c, bool is_unsigned)
{
    uint32_t byte = (uint8_t)c;

    if (!is_unsigned && byte > 127)
        return byte | 0xffffff00u;
    return byte;
}

static uint32_t rotate_left(uint32_t x, unsigned by)
{
    return x << by | x >> (32 - by);
}

/*
 * Pack up to COUNT * 4 bytes of the LEN at NAME, the rest of the name, into
 * COUNT words, most significant byte first. What is missing is filled with the
 * length, repeated in each byte; bytes after a whole word shift it out.
 */
static void words_pack(const char *name, size_t len, bool is_unsigned,
                       uint32_t *words, size_t count)
{
    uint32_t pad = ((uint32_t)len | (uint32_t)len << 8) * 0x00010001u;
    size_t used = len < count * 4 ? len : count * 4;

    for (size_t i = 0; i < count; i++) {
        uint32_t word = pad;

        for (size_t k = i * 4; k < i * 4 + 4 && k < used; k++)
            word = (word << 8) + byte_value(name[k], is_unsigned);
        words[i] = word;
    }
}

static uint32_t hash_legacy(const char *name, size_t len, bool is_unsigned)
{
    uint32_t newer = 0x12a3fe2d, older = 0x37abe8f9;

    for (size_t i = 0; i < len; i++) {
        uint32_t mixed = byte_value(name[i], is_unsigned) * 7152373u;
        uint32_t hash = older + (newer ^ mixed);

        if (hash & 0x80000000u)
            hash -= 0x7fffffff;
        older = newer;
        newer = hash;
    }
    return newer << 1;
}

/* The three functions of RFC 1320, section 3.4. */
static uint32_t md4_f(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) | (~x & z);
}

static uint32_t md4_g(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) | (x & z) | (y & z);
}

static uint32_t md4_h(uint32_t x, uint32_t y, uint32_t z)
{
    return x ^ y ^ z;
}

/* Mix eight words into STATE, in three rounds. */
static void half_md4_mix(uint32_t state[4], const uint32_t words[8])
{
    static const struct {
        uint32_t (*f)(uint32_t x, uint32_t y, uint32_t z);
        uint32_t constant;
        uint8_t order[8], shift[4];
    } rounds[] = {
        { md4_f, 0,          { 0, 1, 2, 3, 4, 5, 6, 7 }, { 3, 7, 11, 19 } },
        { md4_g, 0x5a827999, { 1, 3, 5, 7, 0, 2, 4, 6 }, { 3, 5, 9, 13 } },
        { md4_h, 0x6ed9eba1, { 3, 7, 2, 6, 1, 5, 0, 4 }, { 3, 9, 11, 15 } },
    };
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];

    for (unsigned r = 0; r < 3; r++) {
        for (unsigned i = 0; i < 8; i++) {
            uint32_t mixed = a + rounds[r].f(b, c, d) +
                             words[rounds[r].order[i]] + rounds[r].constant;

            a = d;
            d = c;
            c = b;
            b = rotate_left(mixed, rounds[r].shift[i % 4]);
        }
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

/* Mix four words, as a TEA key of 16 cycles, into the first half of STATE. */
static void tea_mix(uint32_t state[4], const uint32_t key[4])
{
    uint32_t sum = 0, a = state[0], b = state[1];

    for (unsigned i = 0; i < 16; i++) {
        sum += 0x9e3779b9;
        a += ((b << 4) + key[0]) ^ (b + sum) ^ ((b >> 5) + key[1]);
        b += ((a << 4) + key[2]) ^ (a + sum) ^ ((a >> 5) + key[3]);
    }
    state[0] += a;
    state[1] += b;
}

/* The volume's seed, or, if it has none, MD4's initial state. */
static void state_init(uint32_t state[4], const uint32_t seed[4])
{
    static const uint32_t initial[4] = {
        0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
    };
    bool seeded = seed[0] || seed[1] || seed[2] || seed[3];

    memcpy(state, seeded ? seed : initial, sizeof initial);
}

/* Mix all of NAME, COUNT words at a time. An empty one is mixed not at all. */
static void name_mix(uint32_t state[4], const char *name, size_t len,
                     bool is_unsigned, size_t count,
                     void (*mix)(uint32_t state[4], const uint32_t *words))
{
    uint32_t words[8];

    for (size_t at = 0; at < len; at += count * 4) {
        words_pack(name + at, len - at, is_unsigned, words, count);
        mix(state, words);
    }
}

uint32_t ext2_hash(enum ext2_hash version, const uint32_t seed[4],
                   const char *name, size_t len)
{
    bool is_unsigned = version >= EXT2_HASH_LEGACY_UNSIGNED;
    uint32_t state[4], hash = 0;

    state_init(state, seed);
    switch (version) {
    case EXT2_HASH_LEGACY:
    case EXT2_HASH_LEGACY_UNSIGNED:
        hash = hash_legacy(name, len, is_unsigned);
        break;
    case EXT2_HASH_HALF_MD4:
    case EXT2_HASH_HALF_MD4_UNSIGNED:
        name_mix(state, name, len, is_unsigned, 8, half_md4_mix);
        hash = state[1];
        break;
    case EXT2_HASH_TEA:
    case EXT2_HASH_TEA_UNSIGNED:
        name_mix(state, name, len, is_unsigned, 4, tea_mix);
        hash = state[0];
        break;
    case EXT2_HASH_COUNT:
        break;
    }
    hash &= ~1u;
    return hash == HASH_EOF ? HASH_EOF - 2 : hash;
}
