/* test_vfs_deleted.c - files that are deleted and still described */
#include <string.h>

#include "suite.h"
#include "toyfs.h"
#include "vfs/vfs.h"
#include "watch.h"

enum { DIR = TOY_ROOT + 1, KEPT, GONE, GONE_DIR, LOST };

static struct toy toy;

static void setup(void)
{
    toy_init(&toy);
    toy_add(&toy, TOY_ROOT, "dir", SHALE_TYPE_DIR);
    toy_extent(toy_add(&toy, DIR, "kept", SHALE_TYPE_FILE),
               SHALE_EXTENT_DATA, 100, 3000);
    toy_extent(toy_add(&toy, DIR, "gone", SHALE_TYPE_FILE),
               SHALE_EXTENT_DATA, 600, 5000);
    toy.nodes[GONE - 1].deleted = true;
    toy_add(&toy, DIR, "gone dir", SHALE_TYPE_DIR)->deleted = true;
    toy_add(&toy, GONE_DIR, "", SHALE_TYPE_FILE)->deleted = true;
}

static void setup_mounted(void)
{
    setup();
    toy_mount(&toy);
}

static void teardown(void)
{
    toy_fini(&toy);
}

struct found {
    unsigned count, stop_at;
    struct shale_deleted files[4];
    char names[4][16];
};

static int take(void *context, const struct shale_deleted *file)
{
    struct found *found = context;

    if (found->count == found->stop_at)
        return 17;
    found->files[found->count] = *file;
    memcpy(found->names[found->count++], file->name, file->len);
    return 0;
}

START_TEST(finds_deleted_files)
{
    struct found found = { .stop_at = 4 };

    ck_assert_int_eq(shale_deleted_iterate(toy.fs, take, &found), 0);
    ck_assert_uint_eq(watch_held(), 0);
    ck_assert_uint_eq(found.count, 3);
    ck_assert_uint_eq(found.files[0].ino, TOY_DELETED | GONE);
    ck_assert_str_eq(found.names[0], "gone");
    ck_assert_uint_eq(found.files[0].parent, DIR);
    ck_assert_uint_eq(found.files[0].size, 600);
    ck_assert_uint_eq(found.files[0].allocated, 600);
    ck_assert_uint_eq(found.files[0].lost, 300);
    ck_assert_int_eq((int)found.files[1].type, SHALE_TYPE_DIR);
    ck_assert_uint_eq(found.files[2].len, 0);
}
END_TEST

START_TEST(stops_when_told)
{
    struct found found = { .stop_at = 1 };

    ck_assert_int_eq(shale_deleted_iterate(toy.fs, take, &found), 17);
    ck_assert_uint_eq(found.count, 1);
    ck_assert_uint_eq(watch_held(), 0);
}
END_TEST

/* By its number such a file is one like any other; no name leads to it. */
START_TEST(deleted_files_can_be_read)
{
    struct shale_vnode *vn = toy_get(&toy, TOY_DELETED | GONE), *none = NULL;
    struct shale_attr attr;
    uint8_t buf[600];

    ck_assert_uint_eq(shale_vnode_ino(vn), TOY_DELETED | GONE);
    ck_assert_int_eq(shale_read(vn, buf, sizeof buf, 0), 600);
    for (unsigned i = 0; i < sizeof buf; i++)
        ck_assert_uint_eq(buf[i], toy_byte(5000 + i));
    shale_vnode_put(vn);
    ck_assert_int_eq(shale_getattr_ino(toy.fs, TOY_DELETED | LOST, &attr), 0);
    ck_assert_uint_eq(attr.ino, TOY_DELETED | LOST);

    ck_assert_int_eq(shale_vnode_get(toy.fs, GONE, &none), SHALE_ESTALE);
    ck_assert_int_eq(shale_vnode_get(toy.fs, TOY_DELETED | KEPT, &none),
                     SHALE_ESTALE);
    ck_assert_int_eq(shale_vnode_get(toy.fs, TOY_DELETED | 99, &none),
                     SHALE_ESTALE);
    ck_assert_int_eq(toy_walk(&toy, "/dir/gone", 0), SHALE_ENOENT);
}
END_TEST

START_TEST(errors_come_through)
{
    struct found found = { .stop_at = 4 };
    unsigned calls = 0;

    toy.fail[TOY_FIND_DELETED] = SHALE_EIO;
    ck_assert_int_eq(shale_deleted_iterate(toy.fs, take, &found), SHALE_EIO);
    ck_assert_uint_eq(toy_calls(&toy, TOY_FIND_DELETED), 1);

    /* Without memory it is tried again, room having been made. */
    shale_vnode_put(toy_get(&toy, KEPT));
    toy.fail[TOY_FIND_DELETED] = SHALE_ENOMEM;
    calls = toy_calls(&toy, TOY_FIND_DELETED);
    ck_assert_int_eq(shale_deleted_iterate(toy.fs, take, &found),
                     SHALE_ENOMEM);
    ck_assert_uint_ge(toy_calls(&toy, TOY_FIND_DELETED), calls + 2);
    ck_assert_uint_eq(found.count, 0);
    ck_assert_uint_eq(watch_held(), 0);
}
END_TEST

/* But not once the caller has seen some, who would see them twice. */
static int no_memory_after_one(void *context, const struct shale_deleted *file)
{
    (void)file;
    return ++*(unsigned *)context == 2 ? SHALE_ENOMEM : 0;
}

START_TEST(nobody_is_told_twice)
{
    unsigned count = 0;

    shale_vnode_put(toy_get(&toy, KEPT));
    ck_assert_int_eq(shale_deleted_iterate(toy.fs, no_memory_after_one,
                                           &count), SHALE_ENOMEM);
    ck_assert_uint_eq(count, 2);
}
END_TEST

static const struct shale_fs_ops *const bare_drivers[] = {
    &toy_bare_ops, NULL,
};

START_TEST(other_formats_know_of_none)
{
    struct found found = { .stop_at = 4 };

    toy.config.drivers = bare_drivers;
    toy_mount(&toy);
    ck_assert_int_eq(shale_deleted_iterate(toy.fs, take, &found),
                     SHALE_ENOTSUP);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/deleted");
    TCase *tc = tcase_create("deleted"), *bare = tcase_create("bare");

    tcase_add_checked_fixture(tc, setup_mounted, teardown);
    tcase_add_test(tc, finds_deleted_files);
    tcase_add_test(tc, stops_when_told);
    tcase_add_test(tc, deleted_files_can_be_read);
    tcase_add_test(tc, errors_come_through);
    tcase_add_test(tc, nobody_is_told_twice);
    suite_add_tcase(s, tc);

    tcase_add_checked_fixture(bare, setup, teardown);
    tcase_add_test(bare, other_formats_know_of_none);
    suite_add_tcase(s, bare);
    return s;
}
