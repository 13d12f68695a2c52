/* test_vfs_rename.c - renaming, over others, and exchanging */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "inkfs.h"
#include "suite.h"
#include "watch.h"

/*
 * The tree of each test:
 *
 *     a  b            files
 *     a2              another name of a
 *     d/  d/e/  d/f   directories and a file
 *     z/              an empty directory
 */
static struct ink ink;
static struct shale_vnode *a, *b, *d, *e, *f, *z;

static void setup(void)
{
    ink_init(&ink, false);
    ink_mount(&ink);
    a = ink_create(&ink, "a");
    b = ink_create(&ink, "b");
    d = ink_mkdir(&ink, "d");
    z = ink_mkdir(&ink, "z");
    ck_assert_int_eq(ink_make(&ink, d, "e", SHALE_S_IFDIR, &e), 0);
    ck_assert_int_eq(ink_make(&ink, d, "f", SHALE_S_IFREG, &f), 0);
    ck_assert_int_eq(shale_link(a, ink.root, "a2", 2), 0);
}

static void put_all(void)
{
    shale_vnode_put(a);
    shale_vnode_put(b);
    shale_vnode_put(d);
    shale_vnode_put(e);
    shale_vnode_put(f);
    shale_vnode_put(z);
}

static void teardown(void)
{
    put_all();
    ink_fini(&ink);
}

static struct shale_vnode *dir_named(const char *name)
{
    switch (name[0]) {
    case 'a': return a;
    case 'd': return name[1] ? e : d;   /* "d", "de" */
    case 'z': return z;
    }
    return ink.root;
}

static const struct {
    const char *what, *from, *name, *to, *to_name;
    unsigned flags;
    int result;
} renames[] = {
    { "a file", "", "a", "", "new", 0, 0 },
    { "to another directory", "", "a", "d", "a", 0, 0 },
    { "a directory", "", "d", "", "new", 0, 0 },
    { "a directory into another", "", "d", "z", "d", 0, 0 },
    { "a directory up", "d", "e", "", "e", 0, 0 },
    { "over a file", "", "a", "", "b", 0, 0 },
    { "over a file elsewhere", "", "a", "d", "f", 0, 0 },
    { "over an empty directory", "", "d", "", "z", 0, 0 },
    { "over a full directory", "", "z", "", "d", 0, SHALE_ENOTEMPTY },
    { "a directory over a file", "", "z", "", "a", 0, SHALE_ENOTDIR },
    { "a file over a directory", "", "a", "", "z", 0, SHALE_EISDIR },
    { "what is not there", "", "none", "", "new", 0, SHALE_ENOENT },
    { "from no directory", "a", "x", "", "new", 0, SHALE_ENOTDIR },
    { "to no directory", "", "b", "a", "new", 0, SHALE_ENOTDIR },
    { "onto itself", "", "a", "", "a", 0, 0 },
    { "onto another name of it", "", "a", "", "a2", 0, 0 },
    { "into itself", "", "d", "d", "x", 0, SHALE_EINVAL },
    { "below itself", "", "d", "de", "x", 0, SHALE_EINVAL },
    { "over its own child", "", "d", "d", "e", 0, SHALE_EINVAL },
    { "over its parent", "d", "e", "", "d", 0, SHALE_ENOTEMPTY },
    { "a file over its directory", "d", "f", "", "d", 0, SHALE_ENOTEMPTY },
    { "dot", "", ".", "", "new", 0, SHALE_EINVAL },
    { "dot dot", "d", "..", "", "new", 0, SHALE_EINVAL },
    { "to dot", "", "a", "", ".", 0, SHALE_EINVAL },
    { "to dot dot", "", "a", "d", "..", 0, SHALE_EINVAL },
    { "to no name", "", "a", "", "", 0, SHALE_EINVAL },
    { "to a path", "", "a", "", "d/x", 0, SHALE_EINVAL },
    { "a flag there is not", "", "a", "", "new", 4, SHALE_EINVAL },
    { "two that exclude each other", "", "a", "", "b", 3, SHALE_EINVAL },

    { "no victim, and none wanted", "", "a", "", "new",
      SHALE_RENAME_NOREPLACE, 0 },
    { "a victim, and none wanted", "", "a", "", "b", SHALE_RENAME_NOREPLACE,
      SHALE_EEXIST },
    { "itself is a victim, too", "", "a", "", "a", SHALE_RENAME_NOREPLACE,
      SHALE_EEXIST },
    { "its other name is", "", "a", "", "a2", SHALE_RENAME_NOREPLACE,
      SHALE_EEXIST },

    { "exchange two files", "", "a", "", "b", SHALE_RENAME_EXCHANGE, 0 },
    { "across directories", "", "a", "d", "f", SHALE_RENAME_EXCHANGE, 0 },
    { "a file and a full directory", "", "a", "", "d",
      SHALE_RENAME_EXCHANGE, 0 },
    { "exchange with itself", "", "a", "", "a", SHALE_RENAME_EXCHANGE, 0 },
    { "with its other name", "", "a", "", "a2", SHALE_RENAME_EXCHANGE, 0 },
    { "with nothing", "", "a", "", "new", SHALE_RENAME_EXCHANGE,
      SHALE_ENOENT },
    { "nothing with something", "", "new", "", "a", SHALE_RENAME_EXCHANGE,
      SHALE_ENOENT },
    { "with its child", "", "d", "d", "e", SHALE_RENAME_EXCHANGE,
      SHALE_EINVAL },
    { "with its parent", "d", "e", "", "d", SHALE_RENAME_EXCHANGE,
      SHALE_EINVAL },
};

static int64_t lookup(struct shale_vnode *dir, const char *name)
{
    struct shale_vnode *vn;
    int64_t r;

    if (shale_vnode_type(dir) != SHALE_TYPE_DIR)
        return SHALE_ENOTDIR;
    r = shale_lookup(dir, name, strlen(name), &vn);
    if (r)
        return r;
    r = (int64_t)shale_vnode_ino(vn);
    shale_vnode_put(vn);
    return r;
}

/* What is to be where, after a rename that worked. */
static void check_moved(int i, int64_t was, int64_t to_was)
{
    struct shale_vnode *from = dir_named(renames[i].from);
    struct shale_vnode *to = dir_named(renames[i].to);
    int64_t is = lookup(from, renames[i].name);
    int64_t to_is = lookup(to, renames[i].to_name);

    if (was == to_was) {
        ck_assert_int_eq(is, was);
        ck_assert_int_eq(to_is, was);
    } else {
        ck_assert_int_eq(to_is, was);
        ck_assert_int_eq(is, renames[i].flags == SHALE_RENAME_EXCHANGE
                                 ? to_was : SHALE_ENOENT);
    }
}

START_TEST(renames_this)
{
    struct shale_vnode *from = dir_named(renames[_i].from);
    struct shale_vnode *to = dir_named(renames[_i].to);
    int64_t was = lookup(from, renames[_i].name);
    int64_t to_was = lookup(to, renames[_i].to_name);
    int err = shale_rename(from, renames[_i].name, strlen(renames[_i].name),
                           to, renames[_i].to_name,
                           strlen(renames[_i].to_name), renames[_i].flags);

    ck_assert_msg(err == renames[_i].result, "%s: %d", renames[_i].what, err);
    ck_assert_uint_eq(watch_held(), 0);
    if (err) {
        ck_assert_int_eq(lookup(from, renames[_i].name), was);
        ck_assert_int_eq(lookup(to, renames[_i].to_name), to_was);
    } else {
        check_moved(_i, was, to_was);
    }
    ck_assert_int_eq(ink_find(&ink, "/shale-exchange-0"), SHALE_ENOENT);
}
END_TEST

/* "d/e" becomes "z/e": its ".." is z from then on. */
START_TEST(a_directory_has_another_parent)
{
    ck_assert_int_eq(shale_rename(d, "e", 1, z, "e", 1, 0), 0);
    ck_assert_int_eq(ink_find(&ink, "/z/e/.."), (int64_t)shale_vnode_ino(z));
    ck_assert_int_eq(shale_rename(ink.root, "z", 1, e, "z", 1, 0),
                     SHALE_EINVAL);
    ck_assert_int_eq(shale_rename(ink.root, "d", 1, e, "d", 1, 0), 0);
    ck_assert_int_eq(ink_find(&ink, "/z/e/d/f"), (int64_t)shale_vnode_ino(f));
}
END_TEST

/* The spare name is in use: there are others. */
START_TEST(exchange_finds_a_spare_name)
{
    char name[32];

    for (unsigned i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "shale-exchange-%u", i);
        ck_assert_int_eq(shale_link(b, ink.root, name, strlen(name)), 0);
    }
    ck_assert_int_eq(ink_rename(&ink, "a", "b", SHALE_RENAME_EXCHANGE), 0);
    ck_assert_int_eq(lookup(ink.root, "b"), (int64_t)shale_vnode_ino(a));
    ck_assert_int_eq(lookup(ink.root, "shale-exchange-3"), SHALE_ENOENT);
    ck_assert_int_eq(lookup(ink.root, "shale-exchange-1"),
                     (int64_t)shale_vnode_ino(b));
}
END_TEST

/* The Nth of an exchange's three renames fails: the names are as before. */
START_TEST(exchange_is_taken_back)
{
    unsigned calls;

    for (unsigned n = 0; n < 3; n++) {
        calls = ink_calls(&ink, INK_RENAME);
        ink_fail(&ink, INK_RENAME, 1, SHALE_EIO);
        ink.fail_after[INK_RENAME] = n;
        ck_assert_int_eq(shale_rename(ink.root, "a", 1, d, "f", 1,
                                      SHALE_RENAME_EXCHANGE), SHALE_EIO);
        ck_assert_int_eq(lookup(ink.root, "a"), (int64_t)shale_vnode_ino(a));
        ck_assert_int_eq(lookup(d, "f"), (int64_t)shale_vnode_ino(f));
        ck_assert_int_eq(lookup(ink.root, "shale-exchange-0"), SHALE_ENOENT);
        ck_assert_uint_ge(ink_calls(&ink, INK_RENAME) - calls, 2 * n + 1);
    }
    ck_assert_int_eq(shale_rename(ink.root, "a", 1, d, "f", 1,
                                  SHALE_RENAME_EXCHANGE), 0);
}
END_TEST

/* Names that differ in case are one entry to some formats: not a victim. */
START_TEST(an_entry_written_differently)
{
    ck_assert_int_eq(ink_unlink(&ink, "a2"), 0);
    ink.fold_case = true;
    ck_assert_int_eq(ink_rename(&ink, "a", "A", 0), 0);
    ck_assert_int_eq(ink_rename(&ink, "A", "a", SHALE_RENAME_NOREPLACE), 0);
    ck_assert_int_eq(ink_rename(&ink, "d", "D", 0), 0);
    ck_assert_int_eq(ink_rename(&ink, "b", "B", SHALE_RENAME_EXCHANGE), 0);
    ck_assert_int_eq(lookup(ink.root, "D"), (int64_t)shale_vnode_ino(d));
    ink.fold_case = false;
    ck_assert_int_eq(lookup(ink.root, "D"), (int64_t)shale_vnode_ino(d));
    ck_assert_int_eq(lookup(ink.root, "d"), SHALE_ENOENT);
}
END_TEST

/* A victim that somebody holds lives on. */
START_TEST(a_victim_that_is_held)
{
    unsigned free_units;

    ck_assert_int_eq(ink_write(b, 7, 0, 3000), 3000);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    free_units = ink_free_units(&ink);
    ck_assert_int_eq(ink_rename(&ink, "a", "b", 0), 0);
    ink_expect(b, 7, 0, 3000);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_uint_eq(ink_free_units(&ink), free_units);
    shale_vnode_put(b);
    b = NULL;
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_uint_eq(ink_free_units(&ink), free_units + 3);
}
END_TEST

static int leave(const char *name, const char *to_name, unsigned flags,
                 uint32_t mode)
{
    const struct shale_node left = { .mode = mode };

    return shale_rename_leaving(ink.root, name, strlen(name), ink.root,
                                to_name, strlen(to_name), flags, &left);
}

START_TEST(something_is_left)
{
    uint64_t was = shale_vnode_ino(a);
    struct shale_vnode *vn;

    ck_assert_int_eq(leave("a", "b", 0, SHALE_S_IFREG), 0);
    ck_assert_int_eq(lookup(ink.root, "b"), (int64_t)was);
    ck_assert_int_ne(lookup(ink.root, "a"), (int64_t)was);
    ck_assert_int_eq(shale_lookup(ink.root, "a", 1, &vn), 0);
    ck_assert_int_eq(shale_vnode_type(vn), SHALE_TYPE_FILE);
    shale_vnode_put(vn);

    /* Two names of one file: both stay, and nothing comes. */
    ck_assert_int_eq(leave("b", "a2", 0, SHALE_S_IFREG), 0);
    ck_assert_int_eq(lookup(ink.root, "b"), (int64_t)was);
    ck_assert_int_eq(leave("b", "a", SHALE_RENAME_NOREPLACE, SHALE_S_IFREG),
                     SHALE_EEXIST);
    ck_assert_int_eq(leave("b", "a", SHALE_RENAME_EXCHANGE, SHALE_S_IFREG),
                     SHALE_EINVAL);
    ck_assert_int_eq(leave("b", "new", 0, 0), SHALE_EINVAL);
    ck_assert_int_eq(leave("none", "new", 0, SHALE_S_IFREG), SHALE_ENOENT);
    ck_assert_int_eq(lookup(ink.root, "new"), SHALE_ENOENT);
}
END_TEST

/* What cannot be left leaves everything as it was. */
START_TEST(nothing_is_moved_if_nothing_can_be_left)
{
    static const struct {
        int fails, result;
    } cases[] = {
        { SHALE_EIO, SHALE_EIO },
        { SHALE_ENOSPC, SHALE_ENOSPC },
        { SHALE_EAGAIN, SHALE_ENOTSUP },
    };
    uint64_t was = shale_vnode_ino(a), other = shale_vnode_ino(b);

    ink_fail(&ink, INK_CREATE, 9, cases[_i].fails);
    ck_assert_int_eq(leave("a", "b", 0, SHALE_S_IFREG), cases[_i].result);
    ck_assert_int_eq(leave("a", "new", 0, SHALE_S_IFREG), cases[_i].result);
    ink_fail(&ink, INK_CREATE, 0, 0);
    ck_assert_int_eq(lookup(ink.root, "a"), (int64_t)was);
    ck_assert_int_eq(lookup(ink.root, "b"), (int64_t)other);
    ck_assert_int_eq(lookup(ink.root, "new"), SHALE_ENOENT);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/rename");
    TCase *tc = tcase_create("rename");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, renames_this, 0,
                        sizeof renames / sizeof *renames);
    tcase_add_test(tc, a_directory_has_another_parent);
    tcase_add_test(tc, exchange_finds_a_spare_name);
    tcase_add_test(tc, exchange_is_taken_back);
    tcase_add_test(tc, an_entry_written_differently);
    tcase_add_test(tc, a_victim_that_is_held);
    tcase_add_test(tc, something_is_left);
    tcase_add_loop_test(tc, nothing_is_moved_if_nothing_can_be_left, 0, 3);
    suite_add_tcase(s, tc);
    return s;
}
