/* test_fat_codepage.c - OEM code pages, both ways */
#include "fat32/codepage.h"
#include "suite.h"

static const struct {
    const char *what;
    unsigned page;
    uint8_t bytes[2];
    size_t len;
    uint16_t unit;
} characters[] = {
    { "ASCII", 437, { 'A' }, 1, 'A' },
    { "437", 437, { 0x80 }, 1, 0xc7 },
    { "437, last", 437, { 0xff }, 1, 0xa0 },
    { "850", 850, { 0xd5 }, 1, 0x131 },
    { "852", 852, { 0xe6 }, 1, 0x160 },
    { "858 has the euro", 858, { 0xd5 }, 1, 0x20ac },
    { "866", 866, { 0xf0 }, 1, 0x401 },
    { "737", 737, { 0x80 }, 1, 0x391 },
    { "874", 874, { 0xa1 }, 1, 0xe01 },
    { "1251", 1251, { 0xc0 }, 1, 0x410 },
    { "932, one byte", 932, { 0xb1 }, 1, 0xff71 },
    { "932, two", 932, { 0x93, 0xfa }, 2, 0x65e5 },
    { "932, backslash as trail", 932, { 0x83, 0x5c }, 2, 0x30bd },
    { "932, last row", 932, { 0xfc, 0x4b }, 2, 0x9ed1 },
    { "932, one of two codes", 932, { 0x81, 0xe6 }, 2, 0x2235 },
    { "936", 936, { 0xd6, 0xd0 }, 2, 0x4e2d },
    { "936, first", 936, { 0x81, 0x40 }, 2, 0x4e02 },
    { "949", 949, { 0xc7, 0xd1 }, 2, 0xd55c },
    { "950", 950, { 0xa4, 0xa4 }, 2, 0x4e2d },
};

static const struct shale_codepage *page_of(uint64_t number)
{
    return fat_codepage_find(shale_all_codepages, number);
}

START_TEST(converts_both_ways)
{
    const struct shale_codepage *page = page_of(characters[_i].page);
    uint8_t back[2] = { 0, 0 };
    uint16_t unit;

    ck_assert_ptr_nonnull(page);
    ck_assert_uint_eq(page->number, characters[_i].page);
    ck_assert_msg(fat_codepage_decode(page, characters[_i].bytes,
                                      characters[_i].len, &unit) ==
                      characters[_i].len &&
                      unit == characters[_i].unit,
                  "%s: U+%04X", characters[_i].what, unit);
    ck_assert_msg(fat_codepage_encode(page, unit, back) ==
                      characters[_i].len &&
                      back[0] == characters[_i].bytes[0] &&
                      back[1] == characters[_i].bytes[1],
                  "%s: back to %02x %02x", characters[_i].what, back[0],
                  back[1]);
}
END_TEST

/* What a page has for a unit means that unit. */
START_TEST(encodes_what_decodes_alike)
{
    unsigned pages = 0;

    for (const struct shale_codepage *const *p = shale_all_codepages; *p; p++) {
        unsigned found = 0;
        /* Those of two bytes are searched from end to end: fewer of them. */
        uint32_t step = (*p)->pairs ? 37 : 1;

        pages++;
        for (uint32_t unit = 0; unit < 0x10000; unit += step) {
            uint8_t bytes[2];
            uint16_t back = 0;
            size_t len = fat_codepage_encode(*p, (uint16_t)unit, bytes);

            if (len == 0)
                continue;
            found++;
            ck_assert_uint_eq(fat_codepage_decode(*p, bytes, len, &back), len);
            ck_assert_msg(back == unit, "page %u, U+%04X: U+%04X",
                          (*p)->number, unit, back);
        }
        ck_assert_uint_gt(found, 100);
    }
    ck_assert_uint_eq(pages, 31);
}
END_TEST

START_TEST(knows_what_is_not_there)
{
    const struct shale_codepage *sjis = page_of(932);
    const struct shale_codepage *thai = page_of(874);
    uint8_t bytes[2] = { 0x81, 0x7f };
    uint16_t unit;

    ck_assert_ptr_null(page_of(0));
    ck_assert_ptr_null(page_of(65001));

    /* What is not named is not there, but for 437. */
    ck_assert_ptr_null(fat_codepage_find(NULL, 850));
    ck_assert_ptr_eq(fat_codepage_find(NULL, 437), page_of(437));
    ck_assert_uint_eq(fat_codepage_encode(page_of(437), 0x4e2d,
                                          bytes), 0);
    ck_assert_uint_eq(fat_codepage_encode(sjis, 0xd800, bytes), 0);

    /* A lead without a trail, with a bad one, and a hole in a page. */
    bytes[0] = 0x81;
    bytes[1] = 0x7f;
    ck_assert_uint_eq(fat_codepage_decode(sjis, bytes, 2, &unit), 1);
    ck_assert_uint_eq(unit, 0xfffd);
    ck_assert_uint_eq(fat_codepage_decode(sjis, bytes, 1, &unit), 1);
    ck_assert_uint_eq(unit, 0xfffd);
    bytes[0] = 0xdb;
    ck_assert_uint_eq(fat_codepage_decode(thai, bytes, 2, &unit), 1);
    ck_assert_uint_eq(unit, 0xfffd);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fat/codepage");
    TCase *tc = tcase_create("codepage");

    tcase_add_loop_test(tc, converts_both_ways, 0,
                        sizeof characters / sizeof characters[0]);
    tcase_add_test(tc, encodes_what_decodes_alike);
    tcase_add_test(tc, knows_what_is_not_there);
    suite_add_tcase(s, tc);
    return s;
}
