/* test_ntfs_lznt1.c - LZNT1 units, good and bad */
#include "ntfs/data.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

/* [MS-XCA] 3.3 */
static const char tune[142] =
    "F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E "
    "F# D E F# G F# D E F# G F# E D E A F# F# G A A G F# E D D E F# E D D";

static const uint8_t tune_packed[59] = {
    0x38, 0xb0, 0x88, 0x46, 0x23, 0x20, 0x00, 0x20, 0x47, 0x20, 0x41, 0x00,
    0x10, 0xa2, 0x47, 0x01, 0xa0, 0x45, 0x20, 0x44, 0x00, 0x08, 0x45, 0x01,
    0x50, 0x79, 0x00, 0xc0, 0x45, 0x20, 0x05, 0x24, 0x13, 0x88, 0x05, 0xb4,
    0x02, 0x4a, 0x44, 0xef, 0x03, 0x58, 0x02, 0x8c, 0x09, 0x16, 0x01, 0x48,
    0x45, 0x00, 0xbe, 0x00, 0x9e, 0x00, 0x04, 0x01, 0x18, 0x90, 0x00,
};

START_TEST(decodes_the_tune)
{
    uint8_t in[4096] = { 0 }, out[8192];
    const char *broken;
    size_t at;

    /* It ends where the input does, or with a header of 0. */
    for (size_t len = sizeof tune_packed; len <= sizeof in; len = len * 2 + 3) {
        memcpy(in, tune_packed, sizeof tune_packed);
        memset(out, 0xff, sizeof out);
        broken = ntfs_lznt1_decode(in, len, out, sizeof out, sizeof tune, &at);
        ck_assert_msg(!broken, "%zu: %s", len, broken);
        ck_assert_mem_eq(out, tune, sizeof tune);
        for (size_t i = sizeof tune; i < sizeof out; i++)
            ck_assert_uint_eq(out[i], 0);
    }
    broken = ntfs_lznt1_decode(in, sizeof in, out, sizeof out,
                               sizeof tune + 1, &at);
    ck_assert_ptr_nonnull(strstr(broken, "ends before"));
    ck_assert_uint_eq(at, sizeof tune_packed);
    for (size_t len = 0; len < sizeof tune_packed; len++)
        ck_assert_ptr_nonnull(ntfs_lznt1_decode(in, len, out, sizeof out,
                                                sizeof tune, &at));
}
END_TEST

/* What a chunk leaves of its 4096 bytes is zeros; the next one begins there. */
START_TEST(keeps_chunks_apart)
{
    uint8_t in[2 * sizeof tune_packed], out[3 * 4096];
    size_t at;

    memcpy(in, tune_packed, sizeof tune_packed);
    memcpy(in + sizeof tune_packed, tune_packed, sizeof tune_packed);
    memset(out, 0xff, sizeof out);
    ck_assert_ptr_null(ntfs_lznt1_decode(in, sizeof in, out, sizeof out,
                                         4096 + sizeof tune, &at));
    ck_assert_mem_eq(out, tune, sizeof tune);
    ck_assert_mem_eq(out + 4096, tune, sizeof tune);
    for (size_t i = sizeof tune; i < 4096; i++)
        ck_assert_uint_eq(out[i] | out[i + 4096] | out[8192 + i], 0);
    /* Not more than is asked for. */
    ck_assert_ptr_null(ntfs_lznt1_decode(in, sizeof in, out, 4096, 100, &at));
    ck_assert_uint_eq(at, sizeof tune_packed);
}
END_TEST

START_TEST(decodes_stored_chunks)
{
    static uint8_t in[4098 + sizeof tune_packed], out[8192];
    size_t at;

    in[0] = 0xff;
    in[1] = 0x3f;
    for (unsigned i = 0; i < 4096; i++)
        in[2 + i] = (uint8_t)(i * 7 + i / 256);
    memcpy(in + 4098, tune_packed, sizeof tune_packed);
    ck_assert_ptr_null(ntfs_lznt1_decode(in, sizeof in, out, sizeof out,
                                         4096 + sizeof tune, &at));
    ck_assert_mem_eq(out, in + 2, 4096);
    ck_assert_mem_eq(out + 4096, tune, sizeof tune);
    ck_assert_ptr_nonnull(strstr(ntfs_lznt1_decode(in, 4097, out, sizeof out,
                                                   1, &at), "runs past"));
}
END_TEST

/* Where the two parts of a match meet: COUNT bytes, then a match of the three
   bytes DISTANCE before. */
static const struct {
    unsigned count, distance, word;
} splits[] = {
    { 1, 1, 0x0000 },    { 16, 16, 0xf000 },    { 17, 17, 0x8000 },
    { 17, 1, 0x0000 },   { 32, 32, 0xf800 },    { 33, 33, 0x8000 },
    { 64, 64, 0xfc00 },  { 65, 65, 0x8000 },    { 128, 128, 0xfe00 },
    { 129, 129, 0x8000 },    { 256, 256, 0xff00 },   { 257, 257, 0x8000 },
    { 512, 512, 0xff80 },    { 513, 513, 0x8000 },   { 1024, 1024, 0xffc0 },
    { 1025, 1025, 0x8000 },  { 2048, 2048, 0xffe0 }, { 2049, 2049, 0x8000 },
    { 4093, 4093, 0xffc0 },  { 4093, 2049, 0x8000 },
};

START_TEST(splits_matches)
{
    static uint8_t in[8192], want[4096], out[4096];
    unsigned count = splits[_i].count, size = 2;
    const char *broken;
    size_t at;

    for (unsigned i = 0; i < count + 3; i++)
        want[i] = i < count ? (uint8_t)(i * 31 + i / 256 * 7)
                            : want[i - splits[_i].distance];
    for (unsigned i = 0; i <= count; i++) {
        if (i % 8 == 0)
            in[size++] = (uint8_t)(i + 8 > count ? 1 << count % 8 : 0);
        if (i < count)
            in[size++] = want[i];
    }
    in[size++] = (uint8_t)splits[_i].word;
    in[size++] = (uint8_t)(splits[_i].word >> 8);
    in[0] = (uint8_t)(size - 3);
    in[1] = (uint8_t)(0xb0 | (size - 3) >> 8);
    broken = ntfs_lznt1_decode(in, size, out, 4096, count + 3, &at);
    if (size - 3 > 4095) {
        /* No header can say so much. */
        ck_assert_ptr_nonnull(broken);
        return;
    }
    ck_assert_msg(!broken, "%u, %u: %s", count, splits[_i].distance, broken);
    ck_assert_mem_eq(out, want, count + 3);
}
END_TEST

/* A chunk by its number; past the last one, the end. */
START_TEST(finds_chunks)
{
    static const uint8_t in[] = {
        0x03, 0xb0, 0x02, 'a', 0xfc, 0x0f,      0x00, 0x30, 'b',
        0x03, 0xb0, 0x02, 'c', 0xfc, 0x0f,      0, 0, 0xff,
    };
    static const size_t places[] = { 0, 6, 9, 15, 15, 15 };
    size_t at;

    for (size_t i = 0; i < 6; i++) {
        ck_assert_ptr_null(ntfs_lznt1_find(in, sizeof in, i, &at));
        ck_assert_uint_eq(at, places[i]);
    }
    for (size_t len = 0; len < 2; len++) {
        ck_assert_ptr_null(ntfs_lznt1_find(in, len, 3, &at));
        ck_assert_uint_eq(at, 0);
    }
    ck_assert_ptr_nonnull(strstr(ntfs_lznt1_find(in, 5, 1, &at), "runs past"));
    ck_assert_uint_eq(at, 0);
    ck_assert_ptr_nonnull(strstr(ntfs_lznt1_find(in + 2, 9, 1, &at),
                                 "signature"));
}
END_TEST

/* A chunk with another one behind may make less than it could, and only it. */
START_TEST(short_chunks_are_followed)
{
    uint8_t in[2 * sizeof tune_packed + 2] = { 0 }, out[4096];
    size_t at;

    memcpy(in, tune_packed, sizeof tune_packed);
    memcpy(in + sizeof tune_packed, tune_packed, sizeof tune_packed);
    ck_assert_ptr_null(ntfs_lznt1_decode(in, sizeof in, out, 4096, 4096, &at));
    ck_assert_mem_eq(out, tune, sizeof tune);
    ck_assert_uint_eq(out[sizeof tune], 0);
    ck_assert_uint_eq(out[4095], 0);
    ck_assert_ptr_nonnull(ntfs_lznt1_decode(
        in + sizeof tune_packed, sizeof in - sizeof tune_packed, out, 4096,
        4096, &at));
    /* What follows is no chunk. */
    in[sizeof tune_packed + 1] = 0x80;
    ck_assert_ptr_nonnull(ntfs_lznt1_decode(in, sizeof in, out, 4096, 4096,
                                            &at));
}
END_TEST

static const struct {
    const char *what;
    uint8_t in[16];
    size_t in_len;
    const char *broken;
    size_t at;
} bad[] = {
    { "signature", { 0x02, 0xa0, 0, 'a', 'b' }, 5, "signature", 0 },
    { "signature 7", { 0x02, 0xf0, 0, 'a', 'b' }, 5, "signature", 0 },
    { "longer than its unit", { 0x03, 0xb0, 0, 'a', 'b' }, 5, "runs past", 0 },
    { "match at the start", { 0x02, 0xb0, 1, 0, 0 }, 5, "begins before", 3 },
    { "match of too much", { 0x03, 0xb0, 2, 'a', 0, 0x10 }, 6, "begins before",
      4 },
    { "half a match", { 0x02, 0xb0, 2, 'a', 0 }, 5, "within a match", 4 },
    { "match too long", { 0x03, 0xb0, 2, 'a', 0xfd, 0x0f }, 6, "more than", 4 },
    { "byte too many", { 0x04, 0xb0, 2, 'a', 0xfc, 0x0f, 'b' }, 7, "more than",
      6 },
    { "second chunk", { 0x01, 0xb0, 0, 'a', 0x01, 0x90, 0, 'a' }, 8,
      "signature", 4 },
    { "nothing", { 0 }, 0, "ends before", 0 },
    { "end", { 0, 0, 1 }, 3, "ends before", 0 },
};

START_TEST(refuses)
{
    uint8_t out[8192];
    size_t at = 99;
    const char *broken = ntfs_lznt1_decode(bad[_i].in, bad[_i].in_len, out,
                                           sizeof out, 1, &at);

    ck_assert_msg(broken && strstr(broken, bad[_i].broken), "%s: %s",
                  bad[_i].what, broken ? broken : "fine");
    ck_assert_msg(at == bad[_i].at, "%s: at %zu", bad[_i].what, at);
}
END_TEST

/* A match may fill a chunk, and overlap what it makes, at any distance. */
START_TEST(repeats)
{
    uint8_t in[32], out[4096];
    unsigned distance = (unsigned)_i, size = 2, length = 4096 - distance;
    size_t at;

    in[size++] = (uint8_t)(distance < 8 ? 1 << distance : 0);
    for (unsigned i = 0; i < distance; i++) {
        if (i == 8)
            in[size++] = (uint8_t)(1 << (distance - 8));
        in[size++] = (uint8_t)('a' + i);
    }
    if (distance == 8)
        in[size++] = 1;
    in[size++] = (uint8_t)(length - 3);
    in[size++] = (uint8_t)((distance - 1) << 4 | (length - 3) >> 8);
    in[0] = (uint8_t)(size - 3);
    in[1] = 0xb0;
    ck_assert_ptr_null(ntfs_lznt1_decode(in, size, out, 4096, 4096, &at));
    for (unsigned i = 0; i < 4096; i++)
        ck_assert_uint_eq(out[i], 'a' + i % distance);
}
END_TEST

/* A file may end within a chunk: no more than that is made, in a buffer that
   has no room for more, nor missed. */
static void cut_at(size_t len)
{
    static const uint8_t run[6] = { 0x03, 0xb0, 0x02, 'a', 0xfc, 0x0f };
    static uint8_t stored[4098] = { 0xff, 0x3f, 'x', 'y', 'z' };
    uint8_t *out = malloc(len);
    const char *broken;
    size_t at;

    if (len <= sizeof tune) {
        broken = ntfs_lznt1_decode(tune_packed, sizeof tune_packed, out, len,
                                   len, &at);
        ck_assert_msg(!broken, "%zu: %s", len, broken);
        ck_assert_mem_eq(out, tune, len);
        ck_assert_uint_eq(at, sizeof tune_packed);
    }
    broken = ntfs_lznt1_decode(run, sizeof run, out, len, len, &at);
    ck_assert_msg(!broken, "%zu: %s", len, broken);
    /* Each byte is the one before. */
    ck_assert_uint_eq(out[0], 'a');
    ck_assert(memcmp(out, out + 1, len - 1) == 0);
    broken = ntfs_lznt1_decode(stored, sizeof stored, out, len, len, &at);
    ck_assert_msg(!broken, "%zu: %s", len, broken);
    ck_assert_mem_eq(out, stored + 2, len);
    free(out);
}

START_TEST(is_cut_anywhere)
{
    for (size_t len = 1; len < 600; len++)
        cut_at(len);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/lznt1");
    TCase *tc = tcase_create("lznt1");

    tcase_add_test(tc, decodes_the_tune);
    tcase_add_test(tc, keeps_chunks_apart);
    tcase_add_test(tc, decodes_stored_chunks);
    tcase_add_loop_test(tc, splits_matches, 0,
                        sizeof splits / sizeof splits[0]);
    tcase_add_loop_test(tc, refuses, 0, sizeof bad / sizeof bad[0]);
    tcase_add_loop_test(tc, repeats, 1, 16);
    tcase_add_test(tc, finds_chunks);
    tcase_add_test(tc, short_chunks_are_followed);
    tcase_add_test(tc, is_cut_anywhere);
    suite_add_tcase(s, tc);
    return s;
}
