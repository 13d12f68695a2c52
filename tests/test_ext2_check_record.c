/* test_ext2_check_record.c - records of directories, one after the other */
#include "ext2/check/tree.h"
#include "suite.h"

#include <string.h>

#define HEAD(ino, len, name_len) ino, 0, 0, 0, len, 0, name_len, 1

static const struct {
    const char *what;
    uint8_t bytes[24];
    uint32_t at, end;
    int result;
    uint32_t length;            /* if the result is 1 */
} cases[] = {
    { "whole", { HEAD(5, 16, 3), 'a', 'b', 'c' }, 0, 16, 1, 16 },
    { "shortest", { HEAD(5, 12, 4), 'a', 'b', 'c', 'd' }, 0, 24, 1, 12 },
    { "not in use", { HEAD(0, 24, 0) }, 0, 24, 1, 24 },
    { "the end", { 0 }, 24, 24, 0, 0 },
    { "past the end", { 0 }, 28, 24, 0, 0 },
    { "8 bytes left", { HEAD(5, 8, 0) }, 0, 8, -1, 0 },
    { "4 bytes left", { 0 }, 20, 24, -1, 0 },
    { "of no length", { HEAD(5, 0, 1), 'a' }, 0, 24, -1, 0 },
    { "of 8 bytes", { HEAD(5, 8, 0) }, 0, 24, -1, 0 },
    { "of an odd length", { HEAD(5, 14, 1), 'a' }, 0, 24, -1, 0 },
    { "leaves its block", { HEAD(5, 28, 1), 'a' }, 0, 24, -1, 0 },
    { "shorter than its name", { HEAD(5, 12, 5), 'a' }, 0, 24, -1, 0 },
    { "not in use, shorter than its name", { HEAD(0, 12, 5) }, 0, 24, -1, 0 },
};

START_TEST(decodes)
{
    struct ext2_record r;
    int result = ext2_record_get(cases[_i].bytes, cases[_i].at, cases[_i].end,
                                 false, &r);

    ck_assert_msg(result == cases[_i].result, "%s: %d", cases[_i].what, result);
    if (result > 0) {
        ck_assert_uint_eq(r.length, cases[_i].length);
        ck_assert_uint_eq(r.len, cases[_i].bytes[6]);
        ck_assert_ptr_eq(r.name, cases[_i].bytes + cases[_i].at + 8);
    }
}
END_TEST

/* 16 bits do not hold 65536, which 0 and 65535 stand for. */
START_TEST(fills_the_largest_block)
{
    static uint8_t bytes[65536];
    struct ext2_record r;

    bytes[0] = 9;
    ck_assert_int_eq(ext2_record_get(bytes, 0, 65536, true, &r), 1);
    ck_assert_uint_eq(r.length, 65536);
    bytes[4] = bytes[5] = 0xff;
    ck_assert_int_eq(ext2_record_get(bytes, 0, 65536, true, &r), 1);
    ck_assert_uint_eq(r.length, 65536);
    ck_assert_int_eq(ext2_record_get(bytes, 0, 32768, false, &r), -1);
}
END_TEST

START_TEST(knows_dots)
{
    static const struct {
        const char *name;
        uint8_t len;
        bool dots;
    } names[] = {
        { ".", 1, true }, { "..", 2, true }, { "...", 3, false },
        { ".a", 2, false }, { "a.", 2, false }, { "a", 1, false },
        { "", 0, false },
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct ext2_record r = {
            .name = (const uint8_t *)names[i].name, .len = names[i].len,
        };

        ck_assert_msg(ext2_record_is_dots(&r) == names[i].dots, "\"%s\"",
                      names[i].name);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2_check_record");
    TCase *t = tcase_create("records");

    tcase_add_loop_test(t, decodes, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(t, fills_the_largest_block);
    tcase_add_test(t, knows_dots);
    suite_add_tcase(s, t);
    return s;
}
