/* test_vfs_pair.c - two words, found together or not at all */
#include <check.h>

#include "pair.h"
#include "suite.h"

static const uint64_t numbers[] = {
    1, UINT32_MAX, (uint64_t)1 << 32, UINT64_MAX, 0x0123456789abcdef,
    0x89abcdef01234567,
};

#define NUMBERS (sizeof numbers / sizeof *numbers)

START_TEST(finds_what_was_stored)
{
    struct pair pair = { 0 };
    struct pair_halves halves = { 0 };

    ck_assert_uint_eq(pair_get(&pair), 0);
    ck_assert_uint_eq(pair_halves_get(&halves), 0);
    for (unsigned i = 0; i < NUMBERS; i++) {
        pair_set(&pair, numbers[i]);
        pair_halves_set(&halves, numbers[i]);
        ck_assert_uint_eq(pair_get(&pair), numbers[i]);
        ck_assert_uint_eq(pair_halves_get(&halves), numbers[i]);
    }
    pair_set(&pair, 0);
    pair_halves_set(&halves, 0);
    ck_assert_uint_eq(pair_get(&pair), 0);
    ck_assert_uint_eq(pair_halves_get(&halves), 0);
}
END_TEST

/* Each word may be that of one number or of another. */
START_TEST(takes_no_halves_of_two)
{
    uint64_t a = numbers[(size_t)_i / NUMBERS];
    uint64_t b = numbers[(size_t)_i % NUMBERS];
    struct pair_halves first, second;

    pair_halves_set(&first, a);
    pair_halves_set(&second, b);
    for (unsigned mix = 0; mix < 8; mix++) {
        struct pair_halves met = {
            mix & 1 ? first.high : second.high,
            mix & 2 ? first.low : second.low,
            mix & 4 ? first.sum : second.sum,
        };
        uint64_t got = pair_halves_get(&met);

        ck_assert_msg(got == 0 || got == a || got == b, "%u: %llx", mix,
                      (unsigned long long)got);
    }
}
END_TEST

/* ... or of a third, where all three are like what is kept: small. */
START_TEST(takes_no_thirds_of_three)
{
    enum { SMALL = 12 };

    for (uint32_t high = 0; high < SMALL; high++)
        for (uint32_t low = 0; low < SMALL; low++)
            for (uint32_t of = 0; of < SMALL * SMALL; of++) {
                const uint32_t third[] = { of / SMALL, of % SMALL };
                const struct pair_halves met = {
                    high, low, pair_sum(third[0], third[1]),
                };

                if (third[0] != high || third[1] != low)
                    ck_assert_uint_eq(pair_halves_get(&met), 0);
            }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/pair");
    TCase *tc = tcase_create("pairs");

    tcase_add_test(tc, finds_what_was_stored);
    tcase_add_loop_test(tc, takes_no_halves_of_two, 0,
                        (int)(NUMBERS * NUMBERS));
    tcase_add_test(tc, takes_no_thirds_of_three);
    suite_add_tcase(s, tc);
    return s;
}
