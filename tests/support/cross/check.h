/*
 * check.h - as much of the Check library as the tests use
 *
 * For machines that the real one is not built for. Every test runs in a child
 * process, as there, so that one test's leavings are not the next one's start.
 */
#ifndef CROSS_CHECK_H
#define CROSS_CHECK_H

#include <stdint.h>
#include <string.h>

typedef struct Suite Suite;
typedef struct TCase TCase;
typedef struct SRunner SRunner;
typedef void cross_test(int _i);
typedef void cross_fixture(void);

enum print_output { CK_ENV };

#define START_TEST(name) \
    static void name(int _i __attribute__((unused)))
#define END_TEST

Suite *suite_create(const char *name);
TCase *tcase_create(const char *name);
void suite_add_tcase(Suite *suite, TCase *tcase);
void cross_add(TCase *tcase, const char *name, cross_test *test, int from,
               int to);
void cross_add_fixture(TCase *tcase, cross_fixture *setup,
                       cross_fixture *teardown, int checked);
void tcase_set_timeout(TCase *tcase, double seconds);

#define tcase_add_test(tcase, test) cross_add(tcase, #test, test, 0, 1)
#define tcase_add_loop_test(tcase, test, from, to) \
    cross_add(tcase, #test, test, (int)(from), (int)(to))
#define tcase_add_checked_fixture(tcase, setup, teardown) \
    cross_add_fixture(tcase, setup, teardown, 1)
#define tcase_add_unchecked_fixture(tcase, setup, teardown) \
    cross_add_fixture(tcase, setup, teardown, 0)

SRunner *srunner_create(Suite *suite);
void srunner_run_all(SRunner *runner, enum print_output output);
int srunner_ntests_failed(SRunner *runner);
void srunner_free(SRunner *runner);

/* Say what failed, and end the test. */
_Noreturn void cross_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define CROSS_IS(ok, ...) \
    ((ok) ? (void)0 : cross_fail(__FILE__, __LINE__, __VA_ARGS__))
#define CROSS_COMPARE(type, format, a, op, b) \
    do { \
        type cross_a = (a), cross_b = (b); \
        CROSS_IS(cross_a op cross_b, "%s %s %s: %" format ", %" format, #a, \
                 #op, #b, cross_a, cross_b); \
    } while (0)

#define ck_abort_msg(...) cross_fail(__FILE__, __LINE__, __VA_ARGS__)
#define ck_assert(x) CROSS_IS(x, "%s", #x)
#define ck_assert_msg(x, ...) CROSS_IS(x, __VA_ARGS__)

#define ck_assert_int_eq(a, b) CROSS_COMPARE(intmax_t, "jd", a, ==, b)
#define ck_assert_int_ne(a, b) CROSS_COMPARE(intmax_t, "jd", a, !=, b)
#define ck_assert_int_gt(a, b) CROSS_COMPARE(intmax_t, "jd", a, >, b)
#define ck_assert_int_ge(a, b) CROSS_COMPARE(intmax_t, "jd", a, >=, b)
#define ck_assert_int_lt(a, b) CROSS_COMPARE(intmax_t, "jd", a, <, b)
#define ck_assert_int_le(a, b) CROSS_COMPARE(intmax_t, "jd", a, <=, b)
#define ck_assert_uint_eq(a, b) CROSS_COMPARE(uintmax_t, "ju", a, ==, b)
#define ck_assert_uint_ne(a, b) CROSS_COMPARE(uintmax_t, "ju", a, !=, b)
#define ck_assert_uint_gt(a, b) CROSS_COMPARE(uintmax_t, "ju", a, >, b)
#define ck_assert_uint_ge(a, b) CROSS_COMPARE(uintmax_t, "ju", a, >=, b)
#define ck_assert_uint_lt(a, b) CROSS_COMPARE(uintmax_t, "ju", a, <, b)
#define ck_assert_uint_le(a, b) CROSS_COMPARE(uintmax_t, "ju", a, <=, b)
#define ck_assert_ptr_eq(a, b) \
    ck_assert((const void *)(a) == (const void *)(b))
#define ck_assert_ptr_ne(a, b) \
    ck_assert((const void *)(a) != (const void *)(b))
#define ck_assert_ptr_null(a) ck_assert((a) == NULL)
#define ck_assert_ptr_nonnull(a) ck_assert((a) != NULL)
#define ck_assert_mem_eq(a, b, len) ck_assert(memcmp(a, b, len) == 0)
#define ck_assert_mem_ne(a, b, len) ck_assert(memcmp(a, b, len) != 0)
#define ck_assert_str_eq(a, b) \
    CROSS_IS(strcmp(a, b) == 0, "\"%s\" is not \"%s\"", a, b)
#define ck_assert_str_ne(a, b) \
    CROSS_IS(strcmp(a, b) != 0, "\"%s\" is \"%s\"", a, b)

#endif /* CROSS_CHECK_H */
