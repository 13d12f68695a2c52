/* test_fat_name.c - names: UTF-8 and UTF-16, case, short ones */
#include "fat32/fat.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------- UTF-8/16 */

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
    uint16_t units[FAT_LONG_MAX];
    char back[16];
    int count = fat_name_decode(texts[_i].text, strlen(texts[_i].text), units);

    ck_assert_msg(count == texts[_i].count, "%s: %d", texts[_i].what, count);
    if (count < 0)
        return;
    ck_assert_msg(memcmp(units, texts[_i].units, (size_t)count * 2) == 0,
                  "%s", texts[_i].what);
    ck_assert_uint_eq(fat_name_encode(units, (size_t)count, back),
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
        uint16_t back[FAT_LONG_MAX];
        char text[9];
        size_t len = fat_name_encode(units, 3, text);

        ck_assert_int_eq(fat_name_decode(text, len, back), 3);
        ck_assert_mem_eq(back, units, sizeof units);
    }
}
END_TEST

START_TEST(counts_units_not_bytes)
{
    uint16_t units[FAT_LONG_MAX];
    char text[4 * 256], back[FAT_NAME_BYTES];

    for (unsigned i = 0; i < 256; i++)
        memcpy(text + 3 * i, "\xe2\x98\x83", 3);
    ck_assert_int_eq(fat_name_decode(text, 3 * 255, units), 255);
    ck_assert_uint_eq(fat_name_encode(units, 255, back), FAT_NAME_BYTES);
    ck_assert_int_eq(fat_name_decode(text, 3 * 256, units),
                     SHALE_ENAMETOOLONG);

    /* A pair counts twice, and is not cut. */
    memset(text, 'x', 254);
    memcpy(text + 253, "\xf0\x9f\x98\x80", 4);
    ck_assert_int_eq(fat_name_decode(text, 257, units), 255);
    memset(text, 'x', 254);
    memcpy(text + 254, "\xf0\x9f\x98\x80", 4);
    ck_assert_int_eq(fat_name_decode(text, 258, units), SHALE_ENAMETOOLONG);
}
END_TEST

/* ----------------------------------------------------------------- case */

static const struct {
    const char *what, *a, *b;
    bool equal;
} pairs[] = {
    { "ASCII", "Hello.TXT", "hELLO.txt", true },
    { "length", "hello", "hello.", false },
    { "only letters", "[", "{", false },
    { "@ is not `", "@", "`", false },
    { "Latin", "ÄÖÜÉÑ", "äöüéñ", true },
    { "Greek", "ΑΒΓΔΩ", "αβγδω", true },
    { "final sigma", "ΣΣ", "σς", true },
    { "Cyrillic", "ЖЯЁ", "жяё", true },
    { "Armenian", "ԱՖ", "աֆ", true },
    { "Georgian", "Ა", "ა", true },
    { "fullwidth", "ＡＺ", "ａｚ", true },
    { "circled", "Ⓐ", "ⓐ", true },
    { "sharp s is not ss", "ß", "ss", false },
    { "the large sharp s is one", "ẞ", "ß", true },
    { "dotted I", "İ", "i", false },
    { "dotless i", "ı", "I", false },
    { "every other one", "ĀĂĄ", "āăą", true },
    { "neighbours", "Ā", "Ă", false },
    { "no case", "中文", "中文", true },
    { "beyond the BMP by unit", "\xf0\x90\x90\x80", "\xf0\x90\x90\xa8", false },
};

START_TEST(folds_case)
{
    uint16_t a[FAT_LONG_MAX], b[FAT_LONG_MAX];
    size_t a_len = (size_t)fat_name_decode(pairs[_i].a, strlen(pairs[_i].a), a);
    size_t b_len = (size_t)fat_name_decode(pairs[_i].b, strlen(pairs[_i].b), b);
    bool equal = fat_name_equal(a, a_len, b, b_len);

    ck_assert_msg(equal == pairs[_i].equal, "%s", pairs[_i].what);
    if (equal)
        ck_assert_uint_eq(fat_name_hash(a, a_len), fat_name_hash(b, b_len));
    else
        ck_assert_uint_ne(fat_name_hash(a, a_len), fat_name_hash(b, b_len));
}
END_TEST

START_TEST(folds_to_what_is_folded)
{
    for (uint32_t unit = 0; unit < 0x10000; unit++) {
        uint16_t folded = fat_fold((uint16_t)unit);

        ck_assert_uint_eq(fat_fold(folded), folded);
        if (unit >= 0xd800 && unit < 0xe000)
            ck_assert_uint_eq(folded, unit);
    }
    ck_assert_uint_eq(fat_upper('z'), 'Z');
    ck_assert_uint_eq(fat_upper(0xe4), 0xc4);
    ck_assert_uint_eq(fat_upper(0xff), 0x178);
    ck_assert_uint_eq(fat_upper(0xdf), 0xdf);
}
END_TEST

START_TEST(strips_what_ends_a_name)
{
    static const uint16_t name[] = { 'a', '.', 'b', ' ', '.', '.' };

    ck_assert_uint_eq(fat_name_strip(name, 6, false), 4);
    ck_assert_uint_eq(fat_name_strip(name, 6, true), 3);
    ck_assert_uint_eq(fat_name_strip(name, 3, true), 3);
    ck_assert_uint_eq(fat_name_strip(name + 4, 2, false), 0);
    ck_assert_uint_eq(fat_name_strip(name, 0, true), 0);
}
END_TEST

/* ----------------------------------------------------------- short names */

#define LOWER FAT_LOWER_BASE
#define EXT   FAT_LOWER_EXT

static const struct {
    const char *what, *raw;     /* 11 bytes */
    uint8_t lower;
    unsigned codepage;
    const char *shown, *by_win95, *by_lower;
} shorts[] = {
    { "plain", "HELLO   TXT", 0, 437, "HELLO.TXT", "HELLO.TXT", "hello.txt" },
    { "no extension", "HELLO      ", 0, 437, "HELLO", "HELLO", "hello" },
    { "lower base", "HELLO   TXT", LOWER, 437, "hello.TXT", "HELLO.TXT",
      "hello.txt" },
    { "lower extension", "HELLO   TXT", EXT, 437, "HELLO.txt", "HELLO.TXT",
      "hello.txt" },
    { "full", "12345678ABC", LOWER | EXT, 437, "12345678.abc", "12345678.ABC",
      "12345678.abc" },
    { "space within", "A B     C D", 0, 437, "A B.C D", "A B.C D", "a b.c d" },
    { "0x05 is 0xe5", "\x05X         ", 0, 437, "σX", "σX", "σx" },
    { "0x05 elsewhere", "A\x05         ", 0, 437, "A\x05", "A\x05", "a\x05" },
    { "code page 437", "\x8e\x99\x9a     TXT", LOWER, 437, "äöü.TXT",
      "ÄÖÜ.TXT", "äöü.txt" },
    { "code page 850", "\xb5       \xd2  ", 0, 850, "Á.Ê", "Á.Ê", "á.ê" },
    { "code page 866", "\x80\x81\x82     ", 0, 866, "АБВ", "АБВ", "абв" },
    { "code page 932", "\x93\xfa\x96\x7b\x8c\xea  TXT", 0, 932, "日本語.TXT",
      "日本語.TXT", "日本語.txt" },
    { "half width", "\xb1\xb2        ", 0, 932, "ｱｲ", "ｱｲ", "ｱｲ" },
    { "lead byte that is 0xe5", "\x05\x40       ", 0, 932, "蕁", "蕁", "蕁" },
    { "lead byte at the end", "ABCDEFG\x81   ", 0, 932, "ABCDEFG\xef\xbf\xbd",
      "ABCDEFG\xef\xbf\xbd", "abcdefg\xef\xbf\xbd" },
    { "no such character", "\x81       TXT", 0, 1252, "\xef\xbf\xbd.TXT",
      "\xef\xbf\xbd.TXT", "\xef\xbf\xbd.txt" },
    { "slash", "A/B        ", 0, 437, "A\xef\xbf\xbd" "B", "A\xef\xbf\xbd" "B",
      "a\xef\xbf\xbd" "b" },
    { "nothing", "           ", 0, 437, "", "", "" },
    { "extension alone", "        TXT", 0, 437, ".TXT", ".TXT", ".txt" },
};

/* Is case I shown as WANT? */
static void check_shown(const struct fat_volume *vol, int i, const char *want)
{
    struct fat_entry entry = { .lower = shorts[i].lower };
    uint16_t units[FAT_SHORT_UNITS];
    char text[FAT_SHORT_UNITS * 3 + 1];

    memset(entry.name, ' ', sizeof entry.name);
    memcpy(entry.name, shorts[i].raw, strnlen(shorts[i].raw, 11));
    text[fat_name_encode(units, fat_short_decode(vol, &entry, units), text)] =
        '\0';
    ck_assert_msg(strcmp(text, want) == 0, "%s: %s", shorts[i].what, text);
}

START_TEST(shows_short_names)
{
    struct fat_volume vol = { .options = { .show_nt = true } };

    vol.options.codepage = fat_codepage_find(shorts[_i].codepage);
    ck_assert_ptr_nonnull(vol.options.codepage);
    check_shown(&vol, _i, shorts[_i].shown);
    vol.options.show_nt = false;
    check_shown(&vol, _i, shorts[_i].by_win95);
    vol.options.show_lower = true;
    check_shown(&vol, _i, shorts[_i].by_lower);
}
END_TEST

START_TEST(decodes_labels)
{
    struct fat_volume vol = {
        .options = { .codepage = fat_codepage_find(437) },
    };
    uint16_t units[11];

    ck_assert_uint_eq(fat_label_decode(&vol, (const uint8_t *)"MY DISK    ",
                                       units), 7);
    ck_assert_uint_eq(units[2], ' ');
    ck_assert_uint_eq(fat_label_decode(&vol, (const uint8_t *)"\x05 DISK    X",
                                       units), 11);
    ck_assert_uint_eq(units[0], 0x3c3);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fat/name");
    TCase *tc = tcase_create("name");

    tcase_add_loop_test(tc, decodes_utf8, 0, sizeof texts / sizeof texts[0]);
    tcase_add_test(tc, keeps_any_units);
    tcase_add_test(tc, counts_units_not_bytes);
    tcase_add_loop_test(tc, folds_case, 0, sizeof pairs / sizeof pairs[0]);
    tcase_add_test(tc, folds_to_what_is_folded);
    tcase_add_test(tc, strips_what_ends_a_name);
    tcase_add_loop_test(tc, shows_short_names, 0,
                        sizeof shorts / sizeof shorts[0]);
    tcase_add_test(tc, decodes_labels);
    suite_add_tcase(s, tc);
    return s;
}
