/* test_ntfs_xpress.c - XPRESS Huffman chunks, good and bad */
#include "ntfs/data.h"
#include "suite.h"

#include <string.h>

static uint64_t scratch[NTFS_XPRESS_SCRATCH / sizeof(uint64_t)];

static const char *decode(const uint8_t *in, size_t in_len, uint8_t *out,
                          size_t out_len, size_t *at)
{
    return ntfs_xpress_decode(in, in_len, out, out_len, scratch, at);
}

/* ------------------------------------------------ the document's examples */

/* [MS-XCA] 3.2: the alphabet as bytes. */
START_TEST(decodes_the_alphabet)
{
    static const uint8_t rest[] = {
        0xd8, 0x52, 0x3e, 0xd7, 0x94, 0x11, 0x5b, 0xe9, 0x19, 0x5f, 0xf9,
        0xd6, 0x7c, 0xdf, 0x8d, 0x04, 0x00, 0x00, 0x00, 0x00,
    };
    uint8_t in[256 + sizeof rest] = { [48] = 0x50, [59] = 0x45, [60] = 0x44,
                                      [61] = 0x04, [128] = 0x04 };
    uint8_t out[26];
    size_t at;

    memset(in + 49, 0x55, 10);
    memcpy(in + 256, rest, sizeof rest);
    ck_assert_ptr_null(decode(in, sizeof in, out, 26, &at));
    ck_assert_mem_eq(out, "abcdefghijklmnopqrstuvwxyz", 26);
    /* What follows the data is only there to be read ahead. */
    ck_assert_ptr_null(decode(in, sizeof in - 4, out, 26, &at));
    ck_assert_ptr_nonnull(decode(in, sizeof in - 6, out, 26, &at));
}
END_TEST

/* [MS-XCA] 3.2: "abc" and a match of 297 bytes, whose length is a word. */
START_TEST(decodes_a_hundred_abc)
{
    static const uint8_t rest[] = {
        0xa8, 0xdc, 0x00, 0x00, 0xff, 0x26, 0x01, 0x00, 0x00,
    };
    uint8_t in[256 + sizeof rest] = { [48] = 0x30, [49] = 0x23, [128] = 0x02,
                                      [143] = 0x20 };
    uint8_t out[300];
    size_t at;

    memcpy(in + 256, rest, sizeof rest);
    ck_assert_ptr_null(decode(in, sizeof in, out, 300, &at));
    for (unsigned i = 0; i < 300; i++)
        ck_assert_int_eq(out[i], "abc"[i % 3]);
}
END_TEST

/* Packed by another program: 32 KiB of one byte, in seven. */
START_TEST(decodes_a_long_run)
{
    static const uint8_t rest[] = { 0x00, 0x38, 0x00, 0x00, 0xff, 0xfb, 0x7f };
    static uint8_t out[32768];
    uint8_t in[256 + sizeof rest] = { [60] = 0x01, [128] = 0x02,
                                      [135] = 0x20 };
    size_t at;

    memcpy(in + 256, rest, sizeof rest);
    ck_assert_ptr_null(decode(in, sizeof in, out, sizeof out, &at));
    /* Each byte is the one before. */
    ck_assert_uint_eq(out[0], 'x');
    ck_assert(memcmp(out, out + 1, sizeof out - 1) == 0);
}
END_TEST

/* --------------------------------------------------------- made by hand */

/* 'a' is 0, 'b' is 10, and 11 is the match SYMBOL. */
static void put_lengths(uint8_t *in, unsigned symbol)
{
    memset(in, 0, 256);
    in['a' / 2] = 0x10;
    in['b' / 2] = 0x02;
    in[symbol / 2] = symbol % 2 ? 0x20 : 0x02;
}

#define MATCH(bits, length) (256 + (bits) * 16 + (length))

static const struct {
    const char *what;
    unsigned match;
    uint8_t bytes[10];          /* behind the code's lengths */
    size_t size, out_len;
    const char *out;            /* what that makes; or, what is wrong */
    const char *broken;
} chunks[] = {
    { "bytes", MATCH(0, 0), { 0x00, 0x40 }, 2, 3, "aba", NULL },
    { "distance 1", MATCH(0, 0), { 0x00, 0x60 }, 2, 4, "aaaa", NULL },
    { "a bit of distance", MATCH(1, 0), { 0x00, 0x58 }, 2, 5, "ababa", NULL },
    { "length in a byte", MATCH(0, 15), { 0x00, 0x60, 0, 0, 2 }, 5, 21,
      "aaaaaaaaaaaaaaaaaaaaa", NULL },
    { "length in a word", MATCH(0, 15), { 0x00, 0x60, 0, 0, 255, 17, 0 }, 7, 21,
      "aaaaaaaaaaaaaaaaaaaaa", NULL },
    { "words go on behind a length", MATCH(0, 15),
      { 0x00, 0x60, 0xaa, 0xaa, 0, 0xa8, 0xaa }, 7, 49,
      "aaaaaaaaaaaaaaaaaaa" "aaaaaaaaaaaaa" "bbbbbbbb" "bbbbbbb" "aa", NULL },
    { "nothing", MATCH(0, 0), { 0 }, 0, 1, NULL, "ends before" },
    { "a word too few", MATCH(0, 0), { 0, 0 }, 2, 17, NULL, "ends before" },
    { "match at the start", MATCH(0, 0), { 0x00, 0xc0 }, 2, 4, NULL,
      "begins before" },
    { "match of too much", MATCH(1, 0), { 0x00, 0x60 }, 2, 4, NULL,
      "begins before" },
    { "match past the end", MATCH(0, 0), { 0x00, 0x60 }, 2, 3, NULL,
      "runs past" },
    { "no length", MATCH(0, 15), { 0x00, 0x60, 0, 0 }, 4, 21, NULL,
      "no length" },
    { "half a length", MATCH(0, 15), { 0x00, 0x60, 0, 0, 255, 17 }, 6, 21, NULL,
      "no length" },
    { "a short length in a word", MATCH(0, 15),
      { 0x00, 0x60, 0, 0, 255, 14, 0 }, 7, 18, NULL, "too short" },
};

START_TEST(decodes_chunks)
{
    uint8_t in[256 + sizeof chunks[0].bytes], out[64];
    const char *broken;
    size_t at;

    put_lengths(in, chunks[_i].match);
    memcpy(in + 256, chunks[_i].bytes, chunks[_i].size);
    broken = decode(in, 256 + chunks[_i].size, out, chunks[_i].out_len, &at);
    ck_assert_uint_le(at, 256 + chunks[_i].size);
    if (chunks[_i].broken) {
        ck_assert_msg(broken && strstr(broken, chunks[_i].broken), "%s: %s",
                      chunks[_i].what, broken ? broken : "fine");
        return;
    }
    ck_assert_msg(!broken, "%s: %s", chunks[_i].what, broken);
    ck_assert_mem_eq(out, chunks[_i].out, chunks[_i].out_len);
}
END_TEST

START_TEST(refuses_codes)
{
    static uint8_t out[65537];
    uint8_t in[300] = { 0 };
    size_t at;

    ck_assert_ptr_nonnull(strstr(decode(in, 255, out, 1, &at), "too short"));
    ck_assert_ptr_nonnull(strstr(decode(in, 300, out, 1, &at), "complete"));
    put_lengths(in, MATCH(0, 0));
    in['a' / 2] = 0x20;         /* bits that mean nothing */
    ck_assert_ptr_nonnull(strstr(decode(in, 300, out, 1, &at), "complete"));
    in['a' / 2] = 0x11;         /* bits that mean two things */
    ck_assert_ptr_nonnull(strstr(decode(in, 300, out, 1, &at), "complete"));
    in['a' / 2] = 0x10;
    ck_assert_ptr_null(decode(in, 300, out, 1, &at));
    ck_assert_ptr_nonnull(strstr(decode(in, 300, out, 65537, &at), "64 KiB"));
}
END_TEST

/* Codes of 15 bits, the last of which is all ones. */
START_TEST(decodes_the_longest_codes)
{
    uint8_t in[256 + 8] = { 0 }, out[3];
    size_t at;

    for (unsigned i = 0; i < 16; i++)
        in[i / 2] |= (uint8_t)((i < 15 ? i + 1 : 15) << (i % 2 ? 4 : 0));
    in[256] = 0xff;             /* 15 ones; 14 and a zero; 10 */
    in[257] = 0xff;
    in[258] = 0xfa;
    in[259] = 0xff;
    ck_assert_ptr_null(decode(in, sizeof in, out, 3, &at));
    ck_assert_uint_eq(out[0], 15);
    ck_assert_uint_eq(out[1], 14);
    ck_assert_uint_eq(out[2], 1);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/xpress");
    TCase *tc = tcase_create("xpress");

    tcase_add_test(tc, decodes_the_alphabet);
    tcase_add_test(tc, decodes_a_hundred_abc);
    tcase_add_test(tc, decodes_a_long_run);
    tcase_add_loop_test(tc, decodes_chunks, 0,
                        sizeof chunks / sizeof chunks[0]);
    tcase_add_test(tc, refuses_codes);
    tcase_add_test(tc, decodes_the_longest_codes);
    suite_add_tcase(s, tc);
    return s;
}
