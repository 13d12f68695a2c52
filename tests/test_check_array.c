/*
 * test_check_array.c - small numbers, memory only where there are any
 */
#include "test_check_rig.h"

static size_t live(void)
{
    struct shale_mem_stats stats;

    shale_mem_stats(rig.mem, &stats);
    return stats.live;
}

static int run_numbers(struct check *check)
{
    static const size_t sizes[] = { 2, 4, 8 };

    for (size_t i = 0; i < 3; i++) {
        uint64_t max = sizes[i] == 8 ? UINT64_MAX :
                                       ((uint64_t)1 << 8 * sizes[i]) - 1;
        struct check_array *array = check_array_create(check, 100000,
                                                       sizes[i]);

        ck_assert_uint_eq(check_array_size(array), 100000);
        ck_assert_uint_eq(check_array_get(array, 99999), 0);
        ck_assert_int_eq(check_array_add(array, 99999, 3), 0);
        ck_assert_int_eq(check_array_add(array, 99999, 4), 0);
        ck_assert_int_eq(check_array_add(array, 99998, max - 1), 0);
        ck_assert_int_eq(check_array_add(array, 99998, 1), 0);
        ck_assert_uint_eq(check_array_get(array, 99998), max);
        ck_assert_int_eq(check_array_add(array, 99998, 1), 0);
        ck_assert_int_eq(check_array_add(array, 99998, UINT64_MAX), 0);
        ck_assert_uint_eq(check_array_get(array, 99998), max);
        ck_assert_uint_eq(check_array_get(array, 99999), 7);
        ck_assert_uint_eq(check_array_get(array, 99997), 0);
        check_array_destroy(array);
    }
    check_array_destroy(NULL);
    return 0;
}

START_TEST(adds_up_and_stops_at_the_largest)
{
    rig_open(1);
    ck_assert_int_eq(rig_check(run_numbers), 0);
    rig_close();
}
END_TEST

static int run_sparse(struct check *check)
{
    struct check_array *array = check_array_create(check, 1u << 20, 16);
    size_t empty = live();
    uint64_t *element;

    ck_assert_ptr_null(check_array_at(array, 777777, false));
    ck_assert_uint_eq(check_array_next(array, 0), 1u << 20);
    element = check_array_at(array, 777777, true);
    ck_assert_ptr_nonnull(element);
    ck_assert_uint_eq(element[0] | element[1], 0);
    element[1] = 5;
    ck_assert_uint_eq(live(), empty + 4096 + 512);
    ck_assert_ptr_eq(check_array_at(array, 777777, false), element);
    ck_assert_uint_eq(check_array_next(array, 0), 777777 / 32 * 32);
    ck_assert_uint_eq(check_array_next(array, 777777), 777777);
    ck_assert_uint_eq(check_array_next(array, 777777 / 32 * 32 + 32),
                      1u << 20);
    ck_assert_uint_eq(check_array_next(array, 1u << 20), 1u << 20);
    check_array_destroy(array);
    return 0;
}

START_TEST(memory_comes_with_numbers)
{
    rig_open(1);
    ck_assert_int_eq(rig_check(run_sparse), 0);
    rig_close();
}
END_TEST

static struct check_array *counts;

static int count_one(struct check *check, uint64_t index, void *context)
{
    uint64_t *element;

    (void)check;
    (void)context;
    check_array_lock(counts);
    element = check_array_at(counts, 20000 + index % 3, true);
    if (element)
        ++*element;
    check_array_unlock(counts);
    if (!element)
        return SHALE_ENOMEM;
    return check_array_add(counts, index * 31 % 10000, 1);
}

static int run_threads(struct check *check)
{
    uint64_t sum = 0;
    int err;

    counts = check_array_create(check, 20003, 8);
    if (!counts)
        return SHALE_ENOMEM;
    err = check_each(check, 9000, count_one, NULL);
    for (uint64_t i = 0; i < 10000; i++)
        sum += check_array_get(counts, i);
    if (!err) {
        ck_assert_uint_eq(sum, 9000);
        ck_assert_uint_eq(check_array_get(counts, 20002), 3000);
    }
    check_array_destroy(counts);
    return err;
}

START_TEST(workers_add_up)
{
    rig_open(8);
    ck_assert_int_eq(rig_check(run_threads), 0);
    rig_fail_allocations(run_threads);
    rig_close();
}
END_TEST

/* More than there could be memory for: no address is that large. */
static int run_too_many(struct check *check)
{
    ck_assert_ptr_null(check_array_create(check, UINT64_MAX, 8));
    return check_going(check);
}

START_TEST(too_many_is_no_memory)
{
    rig_open(1);
    ck_assert_int_eq(rig_check(run_too_many), SHALE_ENOMEM);
    rig_close();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("check/array");
    TCase *tc = tcase_create("array");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, adds_up_and_stops_at_the_largest);
    tcase_add_test(tc, memory_comes_with_numbers);
    tcase_add_test(tc, workers_add_up);
    tcase_add_test(tc, too_many_is_no_memory);
    suite_add_tcase(s, tc);
    return s;
}
