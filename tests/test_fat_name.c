/* test_fat_name.c - names: case, short ones */
#include "fat32/codepage.h"
#include "fat32/dirent.h"
#include "fat32/fat.h"
#include "fat32/fold.h"
#include "fat32/name.h"
#include "suite.h"
#include "vfs/utf16.h"

#include <stdio.h>
#include <string.h>

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

static size_t decode(const char *text, uint16_t *out)
{
    int count = utf16_from_utf8(text, strlen(text), out, FAT_LONG_MAX);

    ck_assert_int_ge(count, 0);
    return (size_t)count;
}

START_TEST(folds_case)
{
    uint16_t a[FAT_LONG_MAX], b[FAT_LONG_MAX];
    size_t a_len = decode(pairs[_i].a, a), b_len = decode(pairs[_i].b, b);
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
    text[utf16_to_utf8(units, fat_short_decode(vol, &entry, units), text)] =
        '\0';
    ck_assert_msg(strcmp(text, want) == 0, "%s: %s", shorts[i].what, text);
}

START_TEST(shows_short_names)
{
    struct fat_volume vol = { .options = { .flags = FAT_SHOW_NT } };

    vol.options.codepage = fat_codepage_find(shale_all_codepages,
                                            shorts[_i].codepage);
    ck_assert_ptr_nonnull(vol.options.codepage);
    check_shown(&vol, _i, shorts[_i].shown);
    vol.options.flags = 0;
    check_shown(&vol, _i, shorts[_i].by_win95);
    vol.options.flags = FAT_SHOW_LOWER;
    check_shown(&vol, _i, shorts[_i].by_lower);
}
END_TEST

START_TEST(decodes_labels)
{
    struct fat_volume vol = {
        .options = { .codepage = fat_codepage_find(NULL, 437) },
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

    tcase_add_loop_test(tc, folds_case, 0, sizeof pairs / sizeof pairs[0]);
    tcase_add_test(tc, folds_to_what_is_folded);
    tcase_add_test(tc, strips_what_ends_a_name);
    tcase_add_loop_test(tc, shows_short_names, 0,
                        sizeof shorts / sizeof shorts[0]);
    tcase_add_test(tc, decodes_labels);
    suite_add_tcase(s, tc);
    return s;
}
