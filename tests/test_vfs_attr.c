/* test_vfs_attr.c - attributes by vnode and by number */
#include "suite.h"
#include "toyfs.h"
#include "watch.h"

enum { ROOT = TOY_ROOT, FILE_, STALE };

static struct toy toy;

static void setup(void)
{
    toy_init(&toy);
    toy_extent(toy_add(&toy, ROOT, "file", SHALE_TYPE_FILE),
               SHALE_EXTENT_HOLE, 123, 0);
    toy_add(&toy, ROOT, "stale", SHALE_TYPE_FILE)->stale = true;
    toy_mount(&toy);
}

static void teardown(void)
{
    toy_fini(&toy);
}

static const struct {
    uint32_t mode;
    enum shale_type type;
} modes[] = {
    { 0100644, SHALE_TYPE_FILE },
    { 0040755, SHALE_TYPE_DIR },
    { 0120777, SHALE_TYPE_SYMLINK },
    { 0020600, SHALE_TYPE_CHAR },
    { 0060600, SHALE_TYPE_BLOCK },
    { 0010600, SHALE_TYPE_FIFO },
    { 0140600, SHALE_TYPE_SOCKET },
    { 0000644, SHALE_TYPE_UNKNOWN },
    { 0170000, SHALE_TYPE_UNKNOWN },
    { 0030000, SHALE_TYPE_UNKNOWN },
    { 0107777, SHALE_TYPE_FILE },
    { 1 << 17 | 0100000, SHALE_TYPE_FILE },
};

START_TEST(type_is_in_the_mode)
{
    ck_assert_int_eq((int)shale_type_of_mode(modes[_i].mode),
                     (int)modes[_i].type);
}
END_TEST

START_TEST(by_number_makes_no_vnode)
{
    struct shale_attr attr;

    ck_assert_int_eq(shale_getattr_ino(toy.fs, FILE_, &attr), 0);
    ck_assert_uint_eq(attr.size, 123);
    ck_assert_uint_eq(toy_calls(&toy, TOY_LOAD), 1);    /* the root */
    ck_assert_int_eq(shale_getattr_ino(toy.fs, STALE, &attr), SHALE_ESTALE);
    ck_assert_int_eq(shale_getattr_ino(toy.fs, 99, &attr), SHALE_ESTALE);
    ck_assert_uint_eq(watch_held(), 0);
}
END_TEST

START_TEST(a_vnode_in_memory_knows_better)
{
    struct shale_vnode *vn = toy_get(&toy, FILE_);
    struct shale_attr attr;

    ck_assert_int_eq(shale_getattr_ino(toy.fs, FILE_, &attr), 0);
    ck_assert_uint_eq(toy_calls(&toy, TOY_PEEK), 0);
    ck_assert_uint_eq(toy_calls(&toy, TOY_GETATTR), 1);
    ck_assert_uint_eq(vn->refs, 1);
    shale_vnode_put(vn);

    /* Also while it is unused. */
    ck_assert_int_eq(shale_getattr_ino(toy.fs, FILE_, &attr), 0);
    ck_assert_uint_eq(toy_calls(&toy, TOY_PEEK), 0);
}
END_TEST

START_TEST(by_vnode)
{
    struct shale_vnode *vn = toy_get(&toy, FILE_);
    struct shale_attr attr;

    ck_assert_int_eq(shale_getattr(vn, &attr), 0);
    ck_assert_uint_eq(attr.ino, FILE_);
    toy.fail[TOY_GETATTR] = SHALE_EIO;
    ck_assert_int_eq(shale_getattr(vn, &attr), SHALE_EIO);
    ck_assert_int_eq(shale_getattr_ino(toy.fs, FILE_, &attr), SHALE_EIO);
    ck_assert_uint_eq(watch_held(), 0);
    shale_vnode_put(vn);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/attr");
    TCase *tc = tcase_create("attr");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, type_is_in_the_mode, 0,
                        sizeof modes / sizeof modes[0]);
    tcase_add_test(tc, by_number_makes_no_vnode);
    tcase_add_test(tc, a_vnode_in_memory_knows_better);
    tcase_add_test(tc, by_vnode);
    suite_add_tcase(s, tc);
    return s;
}
