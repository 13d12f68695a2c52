/* test_vfs_utf16.c - names as UTF-8 and as 16-bit units */
#include <string.h>

#include "shale/err.h"
#include "suite.h"
#include "vfs/utf16.h"

#define UNITS 255u

static const struct {
    const char *what, *text;
    int count;                  /* units, or the error */
    uint16_t units[6];
} texts[] = {
    { "empty", "", 0, { 0 } },
    { "ASCII", "a.b", 3, { 'a', '.', 'b' } },
    { "two bytes", "\xc3\xa4", 1, { 0xe4 } },
    { "three bytes", "\xe2\x98\x83", 1, { 0x2603 } },
    { "last of two", "\xdf\xbf", 1, { 0x7ff } },
    { "first of three", "\xe0\xa0\x80", 1, { 0x800 } },
    { "last of three", "\xef\xbf\xbf", 1, { 0xffff } },
    { "a pair", "\xf0\x9f\x98\x80", 2, { 0xd83d, 0xde00 } },
    { "first pair", "\xf0\x90\x80\x80", 2, { 0xd800, 0xdc00 } },
    { "last pair", "\xf4\x8f\xbf\xbf", 2, { 0xdbff, 0xdfff } },
    { "high half alone", "\xed\xa0\x80x", 2, { 0xd800, 'x' } },
    { "low half alone", "\xed\xb0\x80", 1, { 0xdc00 } },
    { "halves the wrong way round", "\xed\xb0\x80\xed\xa0\x80", 2,
      { 0xdc00, 0xd800 } },
    { "a pair as two", "\xed\xa0\x80\xed\xb0\x80", SHALE_EINVAL, { 0 } },
    { "continuation first", "\x80", SHALE_EINVAL, { 0 } },
    { "cut short", "\xe2\x98", SHALE_EINVAL, { 0 } },
    { "no continuation", "\xc3x", SHALE_EINVAL, { 0 } },
    { "longer than need be", "\xc1\xbf", SHALE_EINVAL, { 0 } },
    { "three for two", "\xe0\x9f\xbf", SHALE_EINVAL, { 0 } },
    { "four for three", "\xf0\x8f\xbf\xbf", SHALE_EINVAL, { 0 } },
    { "past the end", "\xf4\x90\x80\x80", SHALE_EINVAL, { 0 } },
    { "five bytes", "\xf8\x88\x80\x80\x80", SHALE_EINVAL, { 0 } },
};

START_TEST(decodes_utf8)
{
    uint16_t units[UNITS];
    char back[16];
    int count = utf16_from_utf8(texts[_i].text, strlen(texts[_i].text), units,
                                UNITS);

    ck_assert_msg(count == texts[_i].count, "%s: %d", texts[_i].what, count);
    if (count < 0)
        return;
    ck_assert_msg(memcmp(units, texts[_i].units, (size_t)count * 2) == 0,
                  "%s", texts[_i].what);
    ck_assert_uint_eq(utf16_to_utf8(units, (size_t)count, back),
                      strlen(texts[_i].text));
    ck_assert_mem_eq(back, texts[_i].text, strlen(texts[_i].text));
}
END_TEST

/* Every two units there can be lead back to themselves. */
START_TEST(keeps_any_units)
{
    static const uint16_t odd[] = {
        'a', 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff,
        0xe000, 0xfffd, 0xffff,
    };
    const size_t count = sizeof odd / sizeof odd[0];

    for (size_t n = 0; n < count * count * count; n++) {
        uint16_t units[3] = {
            odd[n % count], odd[n / count % count], odd[n / count / count],
        };
        uint16_t back[UNITS];
        char text[9];
        size_t len = utf16_to_utf8(units, 3, text);

        ck_assert_int_eq(utf16_from_utf8(text, len, back, UNITS), 3);
        ck_assert_mem_eq(back, units, sizeof units);
    }
}
END_TEST

START_TEST(counts_units_not_bytes)
{
    uint16_t units[UNITS];
    char text[4 * 256], back[3 * UNITS];

    for (unsigned i = 0; i < 256; i++)
        memcpy(text + 3 * i, "\xe2\x98\x83", 3);
    ck_assert_int_eq(utf16_from_utf8(text, 3 * 255, units, UNITS), 255);
    ck_assert_uint_eq(utf16_to_utf8(units, 255, back), 3 * 255);
    ck_assert_int_eq(utf16_from_utf8(text, 3 * 256, units, UNITS),
                     SHALE_ENAMETOOLONG);

    /* A pair counts twice, and is not cut. */
    memset(text, 'x', 254);
    memcpy(text + 253, "\xf0\x9f\x98\x80", 4);
    ck_assert_int_eq(utf16_from_utf8(text, 257, units, UNITS), 255);
    memset(text, 'x', 254);
    memcpy(text + 254, "\xf0\x9f\x98\x80", 4);
    ck_assert_int_eq(utf16_from_utf8(text, 258, units, UNITS),
                     SHALE_ENAMETOOLONG);
}
END_TEST

/* Nothing is stored past what there is room for, nor half a pair. */
START_TEST(keeps_to_its_room)
{
    uint16_t units[4] = { 0, 0, 0, 0xbeef };

    ck_assert_int_eq(utf16_from_utf8("", 0, units, 0), 0);
    ck_assert_int_eq(utf16_from_utf8("a", 1, units, 0), SHALE_ENAMETOOLONG);
    ck_assert_int_eq(utf16_from_utf8("abc", 3, units, 3), 3);
    ck_assert_int_eq(utf16_from_utf8("abcd", 4, units, 3),
                     SHALE_ENAMETOOLONG);
    ck_assert_int_eq(utf16_from_utf8("ab\xf0\x9f\x98\x80", 6, units, 3),
                     SHALE_ENAMETOOLONG);
    ck_assert_uint_eq(units[3], 0xbeef);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/utf16");
    TCase *tc = tcase_create("utf16");

    tcase_add_loop_test(tc, decodes_utf8, 0, sizeof texts / sizeof texts[0]);
    tcase_add_test(tc, keeps_any_units);
    tcase_add_test(tc, counts_units_not_bytes);
    tcase_add_test(tc, keeps_to_its_room);
    suite_add_tcase(s, tc);
    return s;
}
