/* test_ntfs_lzx.c - LZX chunks, good and bad */
#include "ntfs/data.h"
#include "suite.h"

#include <string.h>

static uint64_t scratch[NTFS_LZX_SCRATCH / sizeof(uint64_t)];

/* --------------------------------------------- packed by another program */

/* 1024 bytes with a call every 16: see make_calls(). */
static const uint8_t calls_packed[] = {
    0x40, 0x20, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x22, 0x00, 0x22, 0x00,
    0xe3, 0x06, 0xfa, 0xff, 0xcf, 0x88, 0x18, 0xfc, 0x90, 0xca, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x30, 0x30, 0x08, 0x21, 0xf4, 0xfb, 0xf3, 0x62,
    0x9c, 0xef, 0x00, 0x40, 0x00, 0x00, 0x00, 0x00, 0x40, 0x00, 0x40, 0x66,
    0xfd, 0x23, 0x7e, 0xbf, 0x37, 0xf8, 0xe7, 0xfe, 0x96, 0x74, 0xf6, 0x11,
    0x64, 0x4b, 0x84, 0x2f, 0xc0, 0x01,
};

/* 1024 bytes whose distances are multiples of 8: see make_records(). The block
   is an aligned one. */
static const uint8_t records_packed[] = {
    0x40, 0x40, 0x08, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00,
    0x00, 0x10, 0x33, 0x02, 0xbc, 0x31, 0xdf, 0x2f, 0x7e, 0xbf, 0x80, 0x81,
    0x00, 0x00, 0x22, 0x01, 0x00, 0x18, 0x11, 0x00, 0x11, 0x86, 0x31, 0x9c,
    0x82, 0xc9, 0x9f, 0x5c, 0x09, 0x49, 0x89, 0x27, 0x74, 0x7a, 0x12, 0x48,
    0xd7, 0xa9, 0xfc, 0x0d, 0x00, 0x90, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x21, 0x02, 0x29, 0x0b, 0xdf, 0xf7, 0x14, 0x7d, 0x88, 0xb1, 0x46, 0x8d,
    0xb2, 0xd2, 0x78, 0x64, 0x36, 0x38, 0xce, 0x9a, 0x38, 0x71, 0xb2, 0xce,
    0x85, 0xce, 0x31, 0x1a, 0xd9, 0x59, 0x2c, 0xe7, 0xf4, 0xe1, 0x24, 0xcb,
    0x78, 0xe9, 0x99, 0xcd, 0x64, 0x89, 0x4f, 0xb5, 0xfb, 0x68, 0x96, 0x4b,
    0xc4, 0xab, 0x08, 0x10, 0x53, 0xc1, 0x69, 0x03, 0x78, 0x2a, 0xd1, 0x56,
    0x93, 0x6a, 0xf4, 0x1c, 0xf7, 0x85, 0xe7, 0xc6, 0x33, 0x4a, 0x31, 0xa4,
    0xe2, 0x4c, 0x23, 0x35, 0xcd, 0xae, 0x92, 0x67, 0x43, 0x31, 0x0d, 0x78,
    0x8c, 0xc1, 0x10, 0x2a, 0xaa, 0xa3, 0xab, 0x82, 0xb4, 0xbc, 0xa3, 0x5d,
    0x10, 0x89, 0xf9, 0xae, 0x00, 0x0e, 0x8c, 0x25, 0xd1, 0x1c, 0x08, 0x18,
    0xf4, 0xf0, 0x97, 0x6b, 0x1b, 0x6d, 0xa6, 0xc0, 0x84, 0xb7, 0x4c, 0x00,
    0xa1, 0xe4, 0xcc, 0xba, 0x71, 0x04, 0xa2, 0xb7, 0x81, 0xd2, 0x0f, 0xa7,
    0x90, 0x9c, 0x16, 0xdc, 0x85, 0xf4, 0x6d, 0x24, 0xe4, 0x6e, 0x03, 0x15,
    0xd3, 0x76, 0x12, 0xc6, 0x37, 0x7b, 0x51, 0x29, 0x83, 0x41, 0xdd, 0xe6,
    0x13, 0xb3, 0x42, 0x41, 0xe4, 0x7a, 0xef, 0x68, 0x16, 0x29, 0xa3, 0x42,
    0x31, 0x63, 0xf0, 0xcd, 0x45, 0xab, 0x31, 0xb4, 0x55, 0x11, 0x0e, 0xe6,
    0xe0, 0xe8, 0x8f, 0x30, 0xb3, 0x6c, 0x2e, 0x88, 0x38, 0x5c, 0xb4, 0xd6,
    0x08, 0x52, 0xba, 0x29, 0xcd, 0xd3, 0xb1, 0x20, 0x72, 0x68, 0x24, 0x1d,
    0x4b, 0x67, 0xb0, 0x15, 0x7d, 0x23, 0xa2, 0x23, 0x89, 0xd4, 0xe8, 0xd9,
    0x24, 0x0b, 0xa0, 0x8c, 0xea, 0x80, 0x05, 0xd0, 0x87, 0x00, 0x6d, 0x19,
    0xb2, 0x99, 0x5a, 0xc4, 0xab, 0x20, 0xcc, 0x32, 0x28, 0xce, 0xf4, 0x73,
    0xf8, 0xb6, 0xc1, 0xa9, 0xa1, 0x4b, 0x61, 0xbd, 0x92, 0x6f, 0x52, 0xe2,
    0xc5, 0xcd, 0x59, 0x7a, 0x1a, 0x70, 0x76, 0x87, 0x4d, 0x5b, 0x04, 0x9c,
    0x90, 0xd9, 0xcf, 0xd0, 0x83, 0x14, 0xb4, 0x80, 0xd3, 0xdf, 0xfd, 0xf3,
    0xbb, 0x5f, 0x7c, 0xdb, 0x6b, 0x3f, 0x7b, 0xfc, 0x79, 0x8f, 0xfe, 0xed,
    0x9f, 0xef, 0xbd, 0xf2, 0xa7, 0x2f, 0x7b, 0xd9, 0x97, 0xff, 0x3e, 0xf2,
    0xdd, 0x57, 0x7a, 0xf6, 0x97, 0xff, 0xfe, 0xd1, 0xc7, 0xbf, 0xf5, 0xb6,
    0x2f, 0x7d, 0xe8, 0x7d, 0x5f, 0x7d, 0x47, 0xb7, 0x7f, 0xe6, 0xf6, 0xd1,
    0x5f, 0xfb, 0xf4, 0x47, 0xbe, 0xf5, 0x97, 0x9f, 0xfe, 0xe9, 0x0b, 0xbf,
    0x8f, 0xfc, 0xfb, 0xcf, 0xfc, 0xbf, 0x8f, 0x9f, 0xe8, 0xcb, 0x3f, 0xf9,
    0xf5, 0xcf, 0x40, 0xfc,
};

static void make_calls(uint8_t *to, size_t len)
{
    memset(to, 0x90, len);
    for (size_t i = 0; i + 5 <= len; i += 16) {
        uint32_t distance = i % 64 == 48 ? 0xfffff000 : 5000 - (uint32_t)i;

        to[i] = 0xe8;
        for (unsigned j = 0; j < 4; j++)
            to[i + 1 + j] = (uint8_t)(distance >> 8 * j);
    }
}

static void make_records(uint8_t *to, size_t len)
{
    uint32_t x = 1;

    for (size_t i = 0; i < len; i++) {
        if (i < 512 || i % 8 == 0)
            x = x * 1103515245 + 12345;
        to[i] = i < 512 ? x >> 16 & 15 : to[i - 8 * (4 + (x >> 16) % 60)];
    }
}

static const struct {
    const char *what;
    const uint8_t *packed;
    size_t size;
    void (*make)(uint8_t *to, size_t len);
    unsigned kind;              /* of its first block */
} golden[] = {
    { "calls", calls_packed, sizeof calls_packed, make_calls, 1 },
    { "records", records_packed, sizeof records_packed, make_records, 2 },
};

START_TEST(decodes_what_others_packed)
{
    uint8_t want[1024], out[1024];
    const char *broken;
    size_t at;

    ck_assert_uint_eq(golden[_i].packed[1] >> 5, golden[_i].kind);
    golden[_i].make(want, sizeof want);
    broken = ntfs_lzx_decode(golden[_i].packed, golden[_i].size, out,
                             sizeof out, scratch, &at);
    ck_assert_msg(!broken, "%s: %s", golden[_i].what, broken);
    ck_assert_mem_eq(out, want, sizeof want);
}
END_TEST

START_TEST(refuses_what_is_cut_short)
{
    uint8_t out[1024];
    size_t at;

    for (size_t len = 0; len < golden[_i].size - 2; len++) {
        const char *broken = ntfs_lzx_decode(golden[_i].packed, len, out,
                                             sizeof out, scratch, &at);

        ck_assert_msg(broken != NULL, "%s, %zu", golden[_i].what, len);
        ck_assert_uint_le(at, len);
    }
}
END_TEST

/* --------------------------------------------------------- made by hand */

struct maker {
    uint8_t bytes[512];
    unsigned bits;
};

static void put(struct maker *m, unsigned value, unsigned count)
{
    while (count-- > 0) {
        /* Words are little-endian, their highest bit is the first. */
        if (count < 32 && value >> count & 1)
            m->bytes[m->bits / 16 * 2 + (m->bits % 16 < 8)] |=
                (uint8_t)(0x80 >> m->bits % 8);
        m->bits++;
    }
}

static void put_bytes(struct maker *m, const char *bytes, size_t len)
{
    memcpy(m->bytes + m->bits / 8, bytes, len);
    m->bits += 8 * (unsigned)len;
}

static void put_head(struct maker *m, unsigned kind, unsigned size)
{
    put(m, kind, 3);
    put(m, 0, 1);
    put(m, size, 16);
}

/* A code for lengths: 0 is the bit 0, a difference of 8 is 10, and 11 is a run
   of zeros. */
static void put_precode(struct maker *m)
{
    for (unsigned symbol = 0; symbol < 20; symbol++)
        put(m, symbol == 0 ? 1 : symbol == 9 || symbol == 17 ? 2 : 0, 4);
}

/*
 * A verbatim block with codes of 8 bits, each byte its own; but if there is a
 * MATCH, a main symbol, then 0xff means that. There are no lengths.
 */
static void put_verbatim(struct maker *m, unsigned size, unsigned match)
{
    put_head(m, 1, size);
    put_precode(m);
    for (unsigned i = 0; i < 256; i++)
        put(m, match && i == 255 ? 0 : 2, match && i == 255 ? 1 : 2);
    put_precode(m);
    for (unsigned i = 256; i < 496; i++)
        put(m, i == match ? 2 : 0, i == match ? 2 : 1);
    put_precode(m);
    put(m, 0x33, 6);            /* a run of 7 */
    put(m, 0, 242);
}

static const char *decode(const struct maker *m, uint8_t *out, size_t out_len,
                          size_t *at)
{
    return ntfs_lzx_decode(m->bytes, (m->bits + 15) / 16 * 2, out, out_len,
                           scratch, at);
}

#define ONES "\1\0\0\0\1\0\0\0\1\0\0\0"

/* The example of [MS-PATCH] 3, under the head that it has here. */
START_TEST(decodes_stored_blocks)
{
    static const uint8_t example[] = {
        0x00, 0x60, 0x00, 0x30, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0,
        'a', 'b', 'c', 0,
    };
    struct maker m = { .bits = 0 };
    uint8_t out[7];
    size_t at;

    ck_assert_ptr_null(ntfs_lzx_decode(example, sizeof example, out, 3, scratch,
                                       &at));
    ck_assert_mem_eq(out, "abc", 3);
    /* The last byte of padding may be missing, but no other. */
    ck_assert_ptr_null(ntfs_lzx_decode(example, sizeof example - 1, out, 3,
                                       scratch, &at));
    ck_assert_ptr_nonnull(ntfs_lzx_decode(example, sizeof example - 2, out, 3,
                                          scratch, &at));

    /* Two, and a compressed one that knows of their distances. */
    put_head(&m, 3, 3);
    m.bits = 32;
    put_bytes(&m, "\2\0\0\0\1\0\0\0\1\0\0\0" "abc", 16);
    put_verbatim(&m, 4, 256);
    put(&m, 0xff, 8);
    put(&m, 'd', 8);
    put(&m, 'e', 8);
    ck_assert_ptr_null(decode(&m, out, 7, &at));
    ck_assert_mem_eq(out, "abcbcde", 7);
}
END_TEST

/* A head that ends with a word is followed by a whole word of padding. */
START_TEST(skips_a_word_of_padding)
{
    struct maker m = { .bits = 0 };
    uint8_t out[4];
    size_t at;

    put_verbatim(&m, 2, 0);
    put(&m, 'a', 8);
    put(&m, 'b', 8);
    put_head(&m, 3, 2);
    ck_assert_uint_eq(m.bits % 16, 0);
    m.bits += 16;
    put_bytes(&m, ONES "yz", 14);
    ck_assert_ptr_null(decode(&m, out, 4, &at));
    ck_assert_mem_eq(out, "abyz", 4);
}
END_TEST

/* [MS-PATCH] 2.2.2: the last ten bytes are never translated, nor is what does
   not lie in the file. */
START_TEST(translates_calls)
{
    struct maker m = { .bits = 0 };
    uint8_t out[32];
    size_t at;

    put_head(&m, 3, 32);
    m.bits = 32;
    put_bytes(&m, ONES, 12);
    put_bytes(&m, "\xe8\x10\0\0\0" "a\xe8\x10\0\0\0"     /* 0, 6 */
                  "\xe8\xf5\xff\xff\xff" "\xe8\0\x1b\xb7\0" /* 11, 16 */
                  "\xe8\xff\x1a\xb7\0\xe8\1\0\0\0\0", 32);   /* 21, 26 */
    ck_assert_ptr_null(decode(&m, out, 32, &at));
    ck_assert_mem_eq(out, "\xe8\x10\0\0\0" "a\xe8\x0a\0\0\0"
                          "\xe8\xf5\x1a\xb7\0" "\xe8\0\x1b\xb7\0"
                          "\xe8\xea\x1a\xb7\0\xe8\1\0\0\0\0", 32);
}
END_TEST

static const struct {
    const char *what;
    unsigned kind, size, match; /* of the block; symbol for 0xff */
    const char *codes;          /* what its symbols are, as bytes */
    unsigned bits;              /* a number of these */
    size_t out_len;
    const char *out;            /* what that makes; or, what is wrong */
    const char *broken;
} blocks[] = {
    { "bytes", 1, 3, 0, "abc", 24, 3, "abc", NULL },
    { "the last distance", 1, 3, 256, "a\xff", 16, 3, "aaa", NULL },
    { "the third distance", 1, 4, 256 + 16 + 1, "a\xff", 16, 4, "aaaa", NULL },
    { "distance 1 by its slot", 1, 3, 256 + 24, "a\xff", 16, 3, "aaa", NULL },
    { "distance 3", 1, 5, 256 + 32, "abc\xff\x80", 33, 5, "abcab", NULL },
    { "kind 0", 0, 3, 0, "abc", 24, 3, NULL, "no known kind" },
    { "kind 4", 4, 3, 0, "abc", 24, 3, NULL, "no known kind" },
    { "empty", 1, 0, 0, "abc", 24, 3, NULL, "is empty" },
    { "larger than its chunk", 1, 4, 0, "abcd", 32, 3, NULL, "longer than" },
    { "no second block", 1, 3, 0, "abc", 24, 4, NULL, "no known kind" },
    { "no byte", 1, 3, 0, "ab", 16, 3, NULL, "ends before" },
    { "match at the start", 1, 3, 256, "\xff" "a", 16, 3, NULL,
      "begins before" },
    { "match of too much", 1, 4, 256 + 32, "ab\xff\x80", 25, 4, NULL,
      "begins before" },
    { "match past the end", 1, 2, 256, "a\xff", 16, 2, NULL, "runs past" },
    { "length without a code", 1, 30, 256 + 7, "a\xff\x80", 24, 30, NULL,
      "without a code" },
};

START_TEST(decodes_blocks)
{
    struct maker m = { .bits = 0 };
    uint8_t out[32];
    const char *broken;
    size_t at;

    put_verbatim(&m, blocks[_i].size, blocks[_i].match);
    m.bytes[1] = (uint8_t)((m.bytes[1] & 0x1f) | blocks[_i].kind << 5);
    for (unsigned i = 0; i < blocks[_i].bits; i++)
        put(&m, (uint8_t)blocks[_i].codes[i / 8] >> (7 - i % 8) & 1, 1);
    broken = decode(&m, out, blocks[_i].out_len, &at);
    if (blocks[_i].broken) {
        ck_assert_msg(broken && strstr(broken, blocks[_i].broken), "%s: %s",
                      blocks[_i].what, broken ? broken : "fine");
        ck_assert_uint_le(at, sizeof m.bytes);
        return;
    }
    ck_assert_msg(!broken, "%s: %s", blocks[_i].what, broken);
    ck_assert_mem_eq(out, blocks[_i].out, blocks[_i].out_len);
}
END_TEST

START_TEST(refuses_codes)
{
    struct maker m = { .bits = 0 };
    uint8_t out[2];
    size_t at;

    /* All zeros: a code for lengths of no symbols. */
    put_head(&m, 1, 2);
    m.bits += 1024;
    ck_assert_ptr_nonnull(strstr(decode(&m, out, 2, &at), "for lengths"));
    /* An aligned code of one symbol. */
    m = (struct maker){ .bits = 0 };
    put_head(&m, 2, 2);
    put(&m, 1, 3);
    m.bits += 1024;
    ck_assert_ptr_nonnull(strstr(decode(&m, out, 2, &at), "aligned code"));
    /* 256 bytes of 8 bits and a match: one too many. */
    m = (struct maker){ .bits = 0 };
    put_head(&m, 1, 2);
    put_precode(&m);
    for (unsigned i = 0; i < 257; i++) {
        if (i == 256)
            put_precode(&m);
        put(&m, 2, 2);
    }
    put(&m, 0, 239);
    put_precode(&m);
    put(&m, 0, 249);
    ck_assert_ptr_nonnull(strstr(decode(&m, out, 2, &at), "main code"));
    /* A run of 19 zeros from the 250th byte on. */
    m = (struct maker){ .bits = 0 };
    put_head(&m, 1, 2);
    put_precode(&m);
    for (unsigned i = 0; i < 250; i++)
        put(&m, 2, 2);
    put(&m, 0x3f, 6);
    m.bits += 1024;
    ck_assert_ptr_nonnull(strstr(decode(&m, out, 2, &at), "more lengths"));
    ck_assert_ptr_nonnull(strstr(ntfs_lzx_decode(m.bytes, 64, m.bytes, 32769,
                                                 scratch, &at), "32 KiB"));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/lzx");
    TCase *tc = tcase_create("lzx");

    tcase_add_loop_test(tc, decodes_what_others_packed, 0,
                        sizeof golden / sizeof golden[0]);
    tcase_add_loop_test(tc, refuses_what_is_cut_short, 0,
                        sizeof golden / sizeof golden[0]);
    tcase_add_test(tc, decodes_stored_blocks);
    tcase_add_test(tc, skips_a_word_of_padding);
    tcase_add_test(tc, translates_calls);
    tcase_add_loop_test(tc, decodes_blocks, 0,
                        sizeof blocks / sizeof blocks[0]);
    tcase_add_test(tc, refuses_codes);
    suite_add_tcase(s, tc);
    return s;
}
