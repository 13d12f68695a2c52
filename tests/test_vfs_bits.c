/* test_vfs_bits.c - the lowest and the highest bit, by both ways */
#include <check.h>

#include "bits.h"
#include "suite.h"

/* Words with bits A and B set, and any between. */
static void check(unsigned a, unsigned b)
{
    uint64_t ends = (uint64_t)1 << a | (uint64_t)1 << b;
    uint64_t between = ends | (((uint64_t)1 << b) - ((uint64_t)1 << a));

    ck_assert_uint_eq(bit_lowest(ends), a);
    ck_assert_uint_eq(bit_highest(ends), b);
    ck_assert_uint_eq(bit_lowest(between), a);
    ck_assert_uint_eq(bit_highest(between), b);
    if (b > 31)
        return;
    ck_assert_uint_eq(bit_lowest32((uint32_t)ends), a);
    ck_assert_uint_eq(bit_highest32((uint32_t)ends), b);
    ck_assert_uint_eq(bit_lowest_counted((uint32_t)ends), a);
    ck_assert_uint_eq(bit_highest_counted((uint32_t)ends), b);
    ck_assert_uint_eq(bit_lowest_counted((uint32_t)between), a);
    ck_assert_uint_eq(bit_highest_counted((uint32_t)between), b);
}

START_TEST(finds_both_ends)
{
    for (unsigned b = 0; b < 64; b++)
        for (unsigned a = 0; a <= b; a++)
            check(a, b);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/bits");
    TCase *tc = tcase_create("ends");

    tcase_add_test(tc, finds_both_ends);
    suite_add_tcase(s, tc);
    return s;
}
