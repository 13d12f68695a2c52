/* test_vfs_option.c - "name=value,name,..." */
#include <string.h>

#include "suite.h"
#include "toyfs.h"
#include "vfs/vfs.h"

static const struct {
    const char *options;
    int result;
    uint64_t value;
} cases[] = {
    { "", 0, 0 },
    { ",", 0, 0 },
    { "sb=1", 1, 1 },
    { "sb=0", 1, 0 },
    { ",,sb=7,,", 1, 7 },
    { "x=1,sb=2,y", 1, 2 },
    { "sb=1,sb=2", 1, 2 },              /* the last one counts */
    { "sb=x,sb=2", 1, 2 },
    { "sb=2,sb", SHALE_EINVAL, 0 },
    { "s=1", 0, 0 },
    { "sbb=1", 0, 0 },
    { "SB=1", 0, 0 },
    { "asb=1,=3", 0, 0 },
    { "sb", SHALE_EINVAL, 0 },
    { "sb=", SHALE_EINVAL, 0 },
    { "sb=,x", SHALE_EINVAL, 0 },
    { "sb=-1", SHALE_EINVAL, 0 },
    { "sb=1 ", SHALE_EINVAL, 0 },
    { "sb=1=1", SHALE_EINVAL, 0 },
    { "sb=1k", SHALE_EINVAL, 0 },
    { "sb=a", SHALE_EINVAL, 0 },
    { "sb=010", 1, 10 },
    { "sb=0x10", 1, 16 },
    { "sb=0XaF", 1, 0xaf },
    { "sb=0x", SHALE_EINVAL, 0 },
    { "sb=0xg", SHALE_EINVAL, 0 },
    { "sb=18446744073709551615", 1, UINT64_MAX },
    { "sb=18446744073709551616", SHALE_EINVAL, 0 },
    { "sb=99999999999999999999", SHALE_EINVAL, 0 },
    { "sb=0xffffffffffffffff", 1, UINT64_MAX },
    { "sb=0x10000000000000000", SHALE_EINVAL, 0 },
};

START_TEST(finds_a_number)
{
    struct shale_fs fs = { .options = cases[_i].options };
    uint64_t value = 99;
    int r = shale_option(&fs, "sb", &value);

    ck_assert_msg(r == cases[_i].result, "%s: %d", cases[_i].options, r);
    ck_assert_uint_eq(value, r == 1 ? cases[_i].value : 99);
}
END_TEST

START_TEST(driver_names_its_options)
{
    ck_assert(shale_driver_has_option(&toy_ops, "speed", 5));
    ck_assert(shale_driver_has_option(&toy_ops, "size=1", 4));
    ck_assert(!shale_driver_has_option(&toy_ops, "speed", 4));
    ck_assert(!shale_driver_has_option(&toy_ops, "speeds", 6));
    ck_assert(!shale_driver_has_option(&toy_ops, "speed\0", 6));
    ck_assert(!shale_driver_has_option(&toy_ops, "", 0));
    ck_assert(!shale_driver_has_option(&toy_bare_ops, "speed", 5));
}
END_TEST

static const struct {
    const char *options, *unknown;
} lists[] = {
    { "", NULL },
    { "speed,size=3,,", NULL },
    { "speed,siz", "siz" },
    { "siz=3,speed", "siz" },
    { "=3", "" },
};

START_TEST(names_the_first_unknown_option)
{
    size_t len = 99;
    const char *unknown = option_unknown(&toy_ops, lists[_i].options, &len);

    if (!lists[_i].unknown) {
        ck_assert_ptr_null(unknown);
        return;
    }
    ck_assert_uint_eq(len, strlen(lists[_i].unknown));
    ck_assert_int_eq(memcmp(unknown, lists[_i].unknown, len), 0);
}
END_TEST

static const struct {
    const char *options, *name;
    int result;
    const char *text;
} texts[] = {
    { "codepage=437", "codepage", 1, "437" },
    { "a,b=c,d", "b", 1, "c" },
    { "a,b=c,d", "d", 1, "" },
    { "a,b=c,d", "a", 1, "" },
    { "a,b=c,d", "c", 0, NULL },
    { "b=", "b", 1, "" },
    { "b==", "b", 1, "=" },
    { "b=1,b=two,c", "b", 1, "two" },
    { "b=1,b", "b", 1, "" },
    { "bb=1", "b", 0, NULL },
    { "", "b", 0, NULL },
};

START_TEST(finds_a_text)
{
    const struct shale_fs fs = { .options = texts[_i].options };
    const char *text = NULL;
    size_t len = 99;

    ck_assert_int_eq(shale_option_text(&fs, texts[_i].name, &text, &len),
                     texts[_i].result);
    if (!texts[_i].result)
        return;
    ck_assert_uint_eq(len, strlen(texts[_i].text));
    ck_assert_int_eq(memcmp(text, texts[_i].text, len), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/option");
    TCase *tc = tcase_create("option");

    tcase_add_loop_test(tc, finds_a_number, 0, sizeof cases / sizeof cases[0]);
    tcase_add_loop_test(tc, finds_a_text, 0, sizeof texts / sizeof texts[0]);
    tcase_add_test(tc, driver_names_its_options);
    tcase_add_loop_test(tc, names_the_first_unknown_option, 0,
                        sizeof lists / sizeof lists[0]);
    suite_add_tcase(s, tc);
    return s;
}
