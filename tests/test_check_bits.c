/*
 * test_check_bits.c - sets of numbers, compared with an array of truths
 */
#include "test_check_rig.h"

enum { COUNT = 3 * 32768 + 1234 };

static bool model[COUNT];

static uint64_t model_sum(uint64_t first, uint64_t len)
{
    uint64_t sum = 0;

    for (uint64_t i = first; i < first + len && i < COUNT; i++)
        sum += model[i];
    return sum;
}

static uint64_t model_next(uint64_t at, bool in)
{
    while (at < COUNT && model[at] != in)
        at++;
    return at;
}

/* Whatever can be asked about the numbers from FIRST on. */
static void compare(struct check_bits *bits, uint64_t first, uint64_t len)
{
    static uint8_t map[COUNT / 8 + 2];

    ck_assert_uint_eq(check_bits_sum(bits, first, len), model_sum(first, len));
    ck_assert_uint_eq(check_bits_next(bits, first, true),
                      model_next(first, true));
    ck_assert_uint_eq(check_bits_next(bits, first, false),
                      model_next(first, false));
    memset(map, 0xa5, sizeof map);
    check_bits_store(bits, first, len, map);
    for (uint64_t i = 0; i < (len + 7) / 8 * 8; i++) {
        bool in = i < len && first + i < COUNT && model[first + i];

        if ((map[i / 8] >> i % 8 & 1) != in)
            ck_abort_msg("bit %u of %u from %u", (unsigned)i, (unsigned)len,
                         (unsigned)first);
    }
    ck_assert_uint_eq(map[(len + 7) / 8], 0xa5);
}

static void change(struct check_bits *bits, bool in, uint64_t first,
                   uint64_t len)
{
    uint64_t already, before = model_sum(first, len);

    if (in) {
        ck_assert_int_eq(check_bits_add(bits, first, len, &already), 0);
        ck_assert_uint_eq(already, before);
    } else {
        ck_assert_int_eq(check_bits_remove(bits, first, len), 0);
    }
    for (uint64_t i = first; i < first + len && i < COUNT; i++)
        model[i] = in;
}

/* Lengths around those at which something changes. */
static uint64_t some_length(uint64_t *seed)
{
    static const unsigned lengths[] = {
        1, 1, 1, 2, 3, 7, 8, 9, 63, 64, 65, 500, 4096, 32767, 32768, 32769,
    };

    return lengths[rig_random(seed) % (sizeof lengths / sizeof lengths[0])];
}

/* SCALE: of how far apart things are, so that all kinds of chunks come up. */
static void walk(struct check *check, uint64_t seed, unsigned scale)
{
    struct check_bits *bits = check_bits_create(check, COUNT);

    ck_assert_ptr_nonnull(bits);
    ck_assert_uint_eq(check_bits_size(bits), COUNT);
    memset(model, 0, sizeof model);
    for (unsigned i = 0; i < 600; i++) {
        uint64_t first = rig_random(&seed) % (COUNT / scale) * scale;
        uint64_t len = some_length(&seed);
        bool in = rig_random(&seed) % 5 > 0;

        change(bits, in, first, len);
        if (i % 16 == 0) {
            compare(bits, first, len);
            compare(bits, rig_random(&seed) % COUNT, some_length(&seed));
        }
        ck_assert_int_eq(check_bits_has(bits, first), model[first]);
    }
    for (uint64_t at = 0; at < COUNT; at += 32768)
        compare(bits, at, 32768);
    change(bits, true, 0, UINT64_MAX / 2);
    compare(bits, 0, COUNT);
    change(bits, false, 0, COUNT);
    compare(bits, 0, COUNT);
    check_bits_destroy(bits);
}

static int run_walks(struct check *check)
{
    static const unsigned scales[] = { 1, 8, 2048, 32768 };

    for (unsigned i = 0; i < 12; i++)
        walk(check, i + 1, scales[i % 4]);
    return 0;
}

START_TEST(is_as_an_array_of_truths)
{
    rig_open(1);
    ck_assert_int_eq(rig_check(run_walks), 0);
    rig_close();
}
END_TEST

/* What is claimed again is in the second set, and no more than that. */
static int run_claims(struct check *check)
{
    struct check_bits *bits = check_bits_create(check, COUNT);
    struct check_bits *twice = check_bits_create(check, COUNT);

    check_bits_claim(bits, 10, 20, twice);
    check_bits_claim(bits, 100, 3, twice);
    ck_assert_uint_eq(check_bits_sum(twice, 0, COUNT), 0);
    check_bits_claim(bits, 0, 102, twice);
    ck_assert_uint_eq(check_bits_sum(twice, 0, COUNT), 22);
    ck_assert_uint_eq(check_bits_sum(twice, 10, 20), 20);
    ck_assert_uint_eq(check_bits_sum(twice, 100, 2), 2);
    /* Over the edge of a piece, of which the second is full. */
    check_bits_claim(bits, 32768, 32768, twice);
    check_bits_claim(bits, 32760, 32768 + 16, twice);
    ck_assert_uint_eq(check_bits_sum(twice, 32760, 40000), 32768);
    ck_assert_uint_eq(check_bits_next(twice, 32700, true), 32768);
    /* Past the end. */
    check_bits_claim(bits, COUNT - 1, 9, twice);
    check_bits_claim(bits, COUNT - 1, 9, twice);
    ck_assert(check_bits_has(twice, COUNT - 1));
    check_bits_destroy(bits);
    check_bits_destroy(twice);
    return 0;
}

START_TEST(what_is_claimed_twice_is_known)
{
    rig_open(1);
    ck_assert_int_eq(rig_check(run_claims), 0);
    rig_close();
}
END_TEST

static int run_edges(struct check *check)
{
    struct check_bits *none = check_bits_create(check, 0);
    struct check_bits *one = check_bits_create(check, 1);
    uint64_t already = 7;
    uint8_t out = 0xff;

    ck_assert_int_eq(check_bits_add(none, 0, 10, &already), 0);
    ck_assert_uint_eq(already, 0);
    ck_assert_uint_eq(check_bits_next(none, 0, false), 0);
    check_bits_store(none, 0, 8, &out);
    ck_assert_uint_eq(out, 0);

    ck_assert_int_eq(check_bits_add(one, UINT64_MAX, UINT64_MAX, NULL), 0);
    ck_assert_int_eq(check_bits_add(one, 1, UINT64_MAX, NULL), 0);
    ck_assert(!check_bits_has(one, 0));
    ck_assert_int_eq(check_bits_add(one, 0, UINT64_MAX, NULL), 0);
    ck_assert(check_bits_has(one, 0));
    ck_assert(!check_bits_has(one, 1));
    ck_assert(!check_bits_has(one, UINT64_MAX));
    ck_assert_uint_eq(check_bits_sum(one, 0, UINT64_MAX), 1);
    ck_assert_uint_eq(check_bits_next(one, 0, false), 1);
    ck_assert_uint_eq(check_bits_next(one, 99, true), 1);
    check_bits_destroy(none);
    check_bits_destroy(one);
    check_bits_destroy(NULL);
    return 0;
}

START_TEST(numbers_past_the_end_are_left_out)
{
    rig_open(1);
    ck_assert_int_eq(rig_check(run_edges), 0);
    rig_close();
}
END_TEST

static size_t live(void)
{
    struct shale_mem_stats stats;

    shale_mem_stats(rig.mem, &stats);
    return stats.live;
}

/* What it takes is what check.h promises, and comes back. */
static int run_memory(struct check *check)
{
    struct check_bits *bits = check_bits_create(check, 1u << 20);
    size_t empty = live();

    check_bits_add(bits, 0, 1u << 20, NULL);
    ck_assert_uint_eq(live(), empty);               /* full */
    check_bits_remove(bits, 5, 1);
    ck_assert_uint_le(live(), empty + 64);          /* two runs */
    for (unsigned i = 0; i < 1000; i++)
        check_bits_remove(bits, i * 2, 1);
    ck_assert_uint_le(live(), empty + 4096);        /* a bitmap */
    check_bits_add(bits, 0, 2000, NULL);
    ck_assert_uint_eq(live(), empty);               /* full again */
    for (unsigned i = 0; i < 32768; i++)
        check_bits_remove(bits, i * 7 % 32768, 1);
    ck_assert_uint_eq(live(), empty);               /* empty */
    ck_assert_uint_eq(check_bits_sum(bits, 0, 32768), 0);
    check_bits_destroy(bits);
    return 0;
}

START_TEST(memory_is_what_it_takes)
{
    rig_open(1);
    ck_assert_int_eq(rig_check(run_memory), 0);
    rig_close();
}
END_TEST

/* Workers at the same places: each number is new to one of them. */
static struct check_bits *shared;
static uint64_t added;

static int add_some(struct check *check, uint64_t index, void *context)
{
    uint64_t first = index / 2 * 37 % 60000, already;
    int err = check_bits_add(shared, first, 50, &already);

    (void)check;
    (void)context;
    __atomic_add_fetch(&added, 50 - already, __ATOMIC_RELAXED);
    if (!err && !check_bits_has(shared, first + 49))
        return SHALE_EINVAL;
    return err;
}

static int run_threads(struct check *check)
{
    int err;

    added = 0;
    shared = check_bits_create(check, 60100);
    err = check_each(check, 8000, add_some, NULL);
    ck_assert_uint_eq(check_bits_sum(shared, 0, 60100), added);
    check_bits_destroy(shared);
    return err;
}

START_TEST(workers_agree_who_was_first)
{
    rig_open(8);
    ck_assert_int_eq(rig_check(run_threads), 0);
    rig_close();
}
END_TEST

static int run_failing(struct check *check)
{
    struct check_bits *bits = check_bits_create(check, 100000);
    int err = 0;

    if (!bits)
        return SHALE_ENOMEM;
    for (unsigned i = 0; !err && i < 100; i++)
        err = check_bits_add(bits, i * 900, 2, NULL);
    if (!err)
        err = check_bits_add(bits, 40000, 40000, NULL);
    if (!err)
        err = check_bits_remove(bits, 50000, 3);
    check_bits_destroy(bits);
    return err;
}

START_TEST(every_allocation_fails_once)
{
    rig_open(2);
    rig_fail_allocations(run_failing);
    rig_close();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("check/bits");
    TCase *tc = tcase_create("bits");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, is_as_an_array_of_truths);
    tcase_add_test(tc, what_is_claimed_twice_is_known);
    tcase_add_test(tc, numbers_past_the_end_are_left_out);
    tcase_add_test(tc, memory_is_what_it_takes);
    tcase_add_test(tc, workers_agree_who_was_first);
    tcase_add_test(tc, every_allocation_fails_once);
    suite_add_tcase(s, tc);
    return s;
}
