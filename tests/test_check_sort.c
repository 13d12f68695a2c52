/*
 * test_check_sort.c - in order, whatever comes; and not too slowly
 */
#include "test_check_rig.h"

enum { MOST = 700 };

static uint64_t compared;

static int by_key(const void *a, const void *b)
{
    const uint8_t *x = a, *y = b;

    compared++;
    return *x - *y;
}

/* What the numbers look like that are to be sorted. */
static uint8_t key_of(unsigned kind, size_t i, size_t count, uint64_t *seed)
{
    switch (kind) {
    case 0: return (uint8_t)(i * 255 / count);          /* in order */
    case 1: return (uint8_t)((count - i) * 255 / count);
    case 2: return (uint8_t)(rig_random(seed) % 3);
    case 3: return 7;
    case 4: return (uint8_t)(i < count / 2 ? i : count - i);
    default: return (uint8_t)rig_random(seed);
    }
}

static void sort_bytes(unsigned kind, size_t count, size_t size)
{
    static uint8_t bytes[MOST * 64 + 1];
    unsigned before[256] = { 0 }, after[256] = { 0 };
    uint64_t seed = kind + count;
    size_t log = 1, wrong = 0;

    for (size_t i = 0; i < count; i++) {
        uint8_t key = key_of(kind, i, count, &seed);

        memset(bytes + i * size, key, size);
        before[key]++;
    }
    bytes[count * size] = 0xcc;
    compared = 0;
    check_sort(bytes, count, size, by_key);

    for (size_t i = 0; i < count; i++) {
        const uint8_t *element = bytes + i * size;

        wrong += i > 0 && element[-(ptrdiff_t)size] > element[0];
        for (size_t k = 1; k < size; k++)
            wrong += element[k] != element[0];
        after[element[0]]++;
    }
    ck_assert_msg(wrong == 0, "kind %u, %zu of %zu bytes", kind, count, size);
    ck_assert_int_eq(memcmp(before, after, sizeof before), 0);
    ck_assert_uint_eq(bytes[count * size], 0xcc);
    while ((size_t)1 << log < count)
        log++;
    ck_assert_uint_le(compared, 3 * count * log);
    if (kind == 0 && count > 0)
        ck_assert_uint_eq(compared, count - 1);
}

START_TEST(sorts)
{
    static const size_t sizes[] = { 1, 3, 8, 24, 32, 64 };

    for (unsigned kind = 0; kind < 6; kind++)
        for (size_t count = 0; count < MOST; count += 1 + count / 9)
            for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
                sort_bytes(kind, count, sizes[i]);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("check/sort");
    TCase *tc = tcase_create("sort");

    tcase_add_test(tc, sorts);
    suite_add_tcase(s, tc);
    return s;
}
