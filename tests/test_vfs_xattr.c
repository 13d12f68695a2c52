/* test_vfs_xattr.c - extended attributes, and the sizes asked for */
#include <string.h>

#include "suite.h"
#include "toyfs.h"
#include "watch.h"

enum { ROOT = TOY_ROOT, FILE_, BARE };

static struct toy toy;
static struct shale_vnode *vn;

static void setup(void)
{
    struct toy_node *node;

    toy_init(&toy);
    node = toy_add(&toy, ROOT, "file", SHALE_TYPE_FILE);
    node->xattr_names[0] = "user.a";
    node->xattr_values[0] = "value";
    node->xattr_names[1] = "user.empty";
    node->xattr_values[1] = "";
    node->xattr_count = 2;
    toy_add(&toy, ROOT, "bare", SHALE_TYPE_FILE);
    toy_mount(&toy);
    vn = toy_get(&toy, FILE_);
}

static void teardown(void)
{
    shale_vnode_put(vn);
    toy_fini(&toy);
}

static const struct {
    const char *name;
    size_t size;
    int64_t result;
} gets[] = {
    { "user.a", 0, 5 },
    { "user.a", 4, SHALE_ERANGE },
    { "user.a", 5, 5 },
    { "user.a", 16, 5 },
    { "user.empty", 0, 0 },
    { "user.empty", 1, 0 },
    { "user.b", 0, SHALE_ENODATA },
    { "", 0, SHALE_ENODATA },
};

START_TEST(gets_values)
{
    char buf[17];

    memset(buf, '#', sizeof buf);
    ck_assert_int_eq(shale_getxattr(vn, gets[_i].name, buf, gets[_i].size),
                     gets[_i].result);
    ck_assert_uint_eq(watch_held(), 0);
    if (gets[_i].size >= 5 && gets[_i].result == 5)
        ck_assert_int_eq(memcmp(buf, "value#", 6), 0);
}
END_TEST

START_TEST(lists_names)
{
    static const char all[] = "user.a\0user.empty";
    char buf[sizeof all + 1];

    ck_assert_int_eq(shale_listxattr(vn, NULL, 0), sizeof all);
    for (size_t size = 1; size <= sizeof all; size++) {
        memset(buf, '#', sizeof buf);
        ck_assert_int_eq(shale_listxattr(vn, buf, size),
                         size < sizeof all ? SHALE_ERANGE
                                           : (int64_t)sizeof all);
        ck_assert_int_eq(buf[size], '#');
    }
    ck_assert_int_eq(memcmp(buf, all, sizeof all), 0);
    ck_assert_uint_eq(watch_held(), 0);
}
END_TEST

START_TEST(lists_none)
{
    struct shale_vnode *bare = toy_get(&toy, BARE);
    char buf[1];

    ck_assert_int_eq(shale_listxattr(bare, NULL, 0), 0);
    ck_assert_int_eq(shale_listxattr(bare, buf, 1), 0);
    shale_vnode_put(bare);
}
END_TEST

START_TEST(driver_errors_come_through)
{
    char buf[8];

    toy.fail[TOY_GETXATTR] = SHALE_EIO;
    toy.fail[TOY_LISTXATTR] = SHALE_ECORRUPT;
    ck_assert_int_eq(shale_getxattr(vn, "user.a", buf, 8), SHALE_EIO);
    ck_assert_int_eq(shale_listxattr(vn, NULL, 0), SHALE_ECORRUPT);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/xattr");
    TCase *tc = tcase_create("xattr");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, gets_values, 0, sizeof gets / sizeof gets[0]);
    tcase_add_test(tc, lists_names);
    tcase_add_test(tc, lists_none);
    tcase_add_test(tc, driver_errors_come_through);
    suite_add_tcase(s, tc);
    return s;
}
