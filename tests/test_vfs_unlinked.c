/* test_vfs_unlinked.c - files that live on without a name */
#include <check.h>
#include <string.h>

#include "inkfs.h"
#include "suite.h"
#include "watch.h"

static struct ink ink;

static void setup(void)
{
    ink_init(&ink, false);
    ink_mount(&ink);
}

static void teardown(void)
{
    ink_fini(&ink);
}

static struct shale_vnode *file_of(const char *name, size_t len)
{
    struct shale_vnode *vn = ink_create(&ink, name);

    ck_assert_int_eq(ink_write(vn, 1, 0, len), (int64_t)len);
    return vn;
}

/* -------------------------------------------------------------- orphans */

START_TEST(a_file_that_is_held_lives_on)
{
    struct shale_vnode *vn = file_of("x", 3000), *again;
    uint64_t ino = shale_vnode_ino(vn);
    const struct shale_setattr what = { .valid = SHALE_SET_MODE };
    struct shale_attr attr;

    ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
    ck_assert_uint_eq(vn->links, 0);
    ck_assert_int_eq(ink_find(&ink, "/x"), SHALE_ENOENT);
    ink_expect(vn, 1, 0, 3000);
    ck_assert_int_eq(ink_write(vn, 2, 2000, 3000), 3000);
    ck_assert_int_eq(shale_truncate(vn, 4000), 0);
    ck_assert_int_eq(shale_setattr(vn, &what), 0);
    ck_assert_int_eq(shale_getattr(vn, &attr), 0);
    ck_assert_uint_eq(attr.size, 4000);
    ck_assert_uint_eq(attr.links, 0);
    ck_assert_int_eq(shale_vnode_get(ink.fs, ino, &again), 0);
    ck_assert_ptr_eq(again, vn);
    shale_vnode_put(again);
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 0);
    shale_vnode_put(vn);
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 1);
    ck_assert_int_eq(shale_vnode_get(ink.fs, ino, &vn), SHALE_ESTALE);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_uint_eq(ink_free_units(&ink), INK_UNITS);
}
END_TEST

START_TEST(a_file_that_nobody_holds_goes_at_once)
{
    shale_vnode_put(file_of("x", 3000));
    ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 1);
}
END_TEST

/* Its number is not used again while it lives, and is after that. */
START_TEST(a_new_file_is_another_one)
{
    struct shale_vnode *vn = file_of("x", 10), *other;

    ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
    other = file_of("x", 20);
    ck_assert_uint_ne(shale_vnode_ino(other), shale_vnode_ino(vn));
    ink_expect(vn, 1, 0, 10);
    shale_vnode_put(other);
    shale_vnode_put(vn);
}
END_TEST

START_TEST(unmount_frees_what_nobody_holds)
{
    struct shale_vnode *vn = file_of("x", 3000);

    ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
    shale_vnode_put(ink.root);
    ck_assert_int_eq(shale_unmount(ink.fs), SHALE_EBUSY);
    shale_vnode_remember(vn);
    shale_vnode_put(vn);
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 0);
    ck_assert_int_eq(shale_unmount(ink.fs), 0);
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 1);
    ck_assert_ptr_null(ink_check(&ink, false));
    ck_assert_uint_eq(ink_free_units(&ink), INK_UNITS);
    ink_mount(&ink);
}
END_TEST

/* It cannot be freed: now, or ever. */
static const struct {
    const char *what;
    int err;
    unsigned times;
    bool leaks;
} failures[] = {
    { "once more would do", SHALE_ENOMEM, 1, false },
    { "no memory for now", SHALE_ENOMEM, 3, false },
    { "not before the batch is written", SHALE_EAGAIN, 1, false },
    { "the device fails", SHALE_EIO, 1, true },
    { "the volume lies", SHALE_ECORRUPT, 1, true },
};

START_TEST(a_release_that_fails)
{
    struct shale_vnode *vn = file_of("x", 3000);

    ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
    ink_fail(&ink, INK_RELEASE, failures[_i].times, failures[_i].err);
    shale_vnode_put(vn);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_uint_eq(atomic_load(&ink.events), failures[_i].leaks);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert(!ink_marked(&ink));
    ck_assert_uint_eq(ink_free_units(&ink),
                      INK_UNITS - (failures[_i].leaks ? 3 : 0));
    if (failures[_i].leaks) {
        /* Somebody repairs the volume. */
        ink_unmount(&ink);
        ck_assert_ptr_null(ink_check(&ink, true));
        ink_discard(&ink);
        ink_init(&ink, false);
        ink_mount(&ink);
    }
}
END_TEST

/* It could not be freed just now, and then its space is wanted. */
START_TEST(an_orphan_that_waits_makes_room)
{
    struct shale_vnode *vn = file_of("x", 100 * 1024);
    struct shale_vnode *more = file_of("y", 100 * 1024);

    ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
    ink_fail(&ink, INK_RELEASE, UINT32_MAX, SHALE_ENOMEM);
    shale_vnode_put(vn);
    vn = ink_create(&ink, "z");
    ink_fail(&ink, INK_RELEASE, 0, 0);
    ck_assert_int_eq(ink_write(vn, 2, 0, 100 * 1024), 100 * 1024);
    shale_vnode_put(vn);
    shale_vnode_put(more);
}
END_TEST

/* It never can: unmount lets go of it. */
START_TEST(a_release_that_fails_for_good)
{
    struct shale_vnode *vn = file_of("x", 3000);

    ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
    ink_fail(&ink, INK_RELEASE, UINT32_MAX, SHALE_ENOMEM);
    shale_vnode_put(vn);
    shale_vnode_put(ink.root);
    ck_assert_int_eq(shale_unmount(ink.fs), 0);
    ck_assert(ink_marked(&ink));
    ck_assert_ptr_null(ink_check(&ink, true));
    ink_discard(&ink);
    ink_init(&ink, false);
    ink_mount(&ink);
}
END_TEST

/* The volume turns read-only while an orphan is held. */
START_TEST(an_orphan_of_a_volume_that_fails)
{
    struct shale_vnode *vn = file_of("x", 3000);

    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
    shale_fault_at(&ink.fault, 0, UINT64_MAX, SHALE_EIO);
    ck_assert_int_eq(shale_writeback(ink.fs), SHALE_EIO);
    shale_fault_at(&ink.fault, 0, 0, 0);
    ink_expect(vn, 1, 0, 3000);
    shale_vnode_put(vn);
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 0);
    shale_vnode_put(ink.root);
    ck_assert_int_eq(shale_unmount(ink.fs), SHALE_EIO);
    ink.bytes[3] = 0;           /* the mark; the rest is as it was */
    ink_mount(&ink);
    ck_assert_int_ge(ink_find(&ink, "/x"), 0);
}
END_TEST

START_TEST(a_directory_that_is_held)
{
    struct shale_vnode *dir = ink_mkdir(&ink, "d");
    struct shale_vnode *up;

    ck_assert_int_eq(shale_rmdir(ink.root, "d", 1), 0);
    ck_assert_int_eq(shale_lookup(dir, "x", 1, &up), SHALE_ENOENT);
    shale_vnode_put(dir);
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 1);
}
END_TEST

/* Attributes by number take a reference, and may be the last to put it. */
START_TEST(a_listing_may_be_the_last_to_let_go)
{
    struct shale_attr attr;
    struct shale_vnode *vn = file_of("x", 10);
    uint64_t ino = shale_vnode_ino(vn);

    ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
    ck_assert_int_eq(shale_getattr_ino(ink.fs, ino, &attr), 0);
    ck_assert_uint_eq(attr.links, 0);
    shale_vnode_put(vn);
    ck_assert_int_eq(shale_getattr_ino(ink.fs, ino, &attr), SHALE_ESTALE);
}
END_TEST

/* ------------------------------------------------------------ remembered */

START_TEST(what_is_remembered_stays)
{
    struct shale_vnode *vn = file_of("x", 10);
    uint64_t ino = shale_vnode_ino(vn);

    shale_vnode_remember(vn);
    shale_vnode_remember(vn);
    shale_vnode_remember(vn);
    shale_vnode_put(vn);
    ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
    shale_fs_shrink(ink.fs);
    ck_assert(shale_vnode_in_memory(ink.fs, ino));
    shale_vnode_forget(ink.fs, ino, 0);
    shale_vnode_forget(ink.fs, ino + 1, 1);
    shale_vnode_forget(ink.fs, ino, 2);
    ck_assert(shale_vnode_in_memory(ink.fs, ino));
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 0);
    shale_vnode_forget(ink.fs, ino, 5);
    ck_assert(!shale_vnode_in_memory(ink.fs, ino));
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 1);
    shale_vnode_forget(ink.fs, ino, 1);
}
END_TEST

START_TEST(what_is_remembered_and_held)
{
    struct shale_vnode *vn = file_of("x", 10);

    shale_vnode_remember(vn);
    shale_vnode_forget(ink.fs, shale_vnode_ino(vn), UINT64_MAX);
    ink_expect(vn, 1, 0, 10);
    shale_vnode_put(ink.root);
    ck_assert_int_eq(shale_unmount(ink.fs), SHALE_EBUSY);
    shale_vnode_put(vn);
    ck_assert_int_eq(shale_unmount(ink.fs), 0);
    ink_mount(&ink);
}
END_TEST

static bool is_it(void *context, uint64_t ino)
{
    return ino == *(uint64_t *)context;
}

/* Wholly, however often it is remembered; and the others not at all. */
START_TEST(some_are_forgotten)
{
    struct shale_vnode *vn = file_of("x", 10), *other = file_of("y", 10);
    uint64_t ino = shale_vnode_ino(vn), ino_other = shale_vnode_ino(other);

    shale_vnode_remember(vn);
    shale_vnode_remember(vn);
    shale_vnode_remember(other);
    shale_vnode_put(vn);
    shale_vnode_put(other);
    ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
    ck_assert_int_eq(ink_unlink(&ink, "y"), 0);
    shale_vnode_forget_some(ink.fs, is_it, &ino);
    ck_assert(!shale_vnode_in_memory(ink.fs, ino));
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 1);
    ck_assert(shale_vnode_in_memory(ink.fs, ino_other));
    shale_vnode_forget(ink.fs, ino_other, 1);
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 2);
}
END_TEST

/* A file that has a name can be found again; one that has none cannot. */
START_TEST(names_are_what_stays)
{
    struct shale_vnode *vn = file_of("x", 10);

    ck_assert(shale_vnode_stays(ink.root));
    ck_assert(shale_vnode_stays(vn));
    ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
    ck_assert(!shale_vnode_stays(vn));
    shale_vnode_put(vn);
}
END_TEST

/* A kernel remembers the root, too. */
START_TEST(unmount_forgets)
{
    struct shale_vnode *vn = file_of("x", 10);

    shale_vnode_remember(ink.root);
    shale_vnode_remember(vn);
    shale_vnode_put(vn);
    ink_unmount(&ink);
    ink_mount(&ink);
}
END_TEST

/* ---------------------------------------------------------------- excess */

START_TEST(excess_is_trimmed_at_the_end)
{
    struct shale_vnode *vn = file_of("x", 100);

    ck_assert_int_eq(shale_allocate(vn, 0, 5000, SHALE_ALLOCATE_KEEP_SIZE), 0);
    ck_assert_uint_eq(ink_calls(&ink, INK_TRIM), 0);
    shale_vnode_put(vn);
    ck_assert_uint_eq(ink_calls(&ink, INK_TRIM), 1);
    vn = ink_get(&ink, "/x");
    ink_expect(vn, 1, 0, 100);
    shale_vnode_put(vn);
    ck_assert_uint_eq(ink_calls(&ink, INK_TRIM), 1);
}
END_TEST

START_TEST(excess_of_an_orphan_goes_with_it)
{
    struct shale_vnode *vn = file_of("x", 100);

    ck_assert_int_eq(shale_allocate(vn, 0, 5000, SHALE_ALLOCATE_KEEP_SIZE), 0);
    ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
    shale_vnode_put(vn);
    ck_assert_uint_eq(ink_calls(&ink, INK_TRIM), 0);
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 1);
}
END_TEST

/* As a release, it is tried again: at once, and at the next occasion. */
static const struct {
    int err;
    unsigned times;
} passing[] = {
    { SHALE_EAGAIN, 1 },
    { SHALE_EAGAIN, 2 },
    { SHALE_ENOMEM, 3 },
    { SHALE_ENOMEM, 8 },
};

START_TEST(a_trim_that_has_to_wait)
{
    struct shale_vnode *vn = file_of("x", 100);

    ck_assert_int_eq(shale_allocate(vn, 0, 5000, SHALE_ALLOCATE_KEEP_SIZE), 0);
    ink_fail(&ink, INK_TRIM, passing[_i].times, passing[_i].err);
    shale_vnode_put(vn);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_uint_eq(atomic_load(&ink.events), 0);
    ck_assert_uint_eq(ink_calls(&ink, INK_TRIM), passing[_i].times + 1);
    ck_assert_uint_eq(ink_free_units(&ink), INK_UNITS - 1);
}
END_TEST

START_TEST(a_trim_that_fails)
{
    struct shale_vnode *vn = file_of("x", 100);

    ck_assert_int_eq(shale_allocate(vn, 0, 5000, SHALE_ALLOCATE_KEEP_SIZE), 0);
    ink_fail(&ink, INK_TRIM, 1, SHALE_EIO);
    shale_vnode_put(vn);
    ck_assert_uint_eq(atomic_load(&ink.events), 1);
    vn = ink_get(&ink, "/x");
    ck_assert_int_eq(shale_allocate(vn, 0, 6000, SHALE_ALLOCATE_KEEP_SIZE), 0);
    shale_vnode_put(vn);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/unlinked");
    TCase *tc = tcase_create("unlinked");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_file_that_is_held_lives_on);
    tcase_add_test(tc, a_file_that_nobody_holds_goes_at_once);
    tcase_add_test(tc, a_new_file_is_another_one);
    tcase_add_test(tc, unmount_frees_what_nobody_holds);
    tcase_add_loop_test(tc, a_release_that_fails, 0,
                        sizeof failures / sizeof *failures);
    tcase_add_test(tc, an_orphan_that_waits_makes_room);
    tcase_add_test(tc, a_release_that_fails_for_good);
    tcase_add_test(tc, an_orphan_of_a_volume_that_fails);
    tcase_add_test(tc, a_directory_that_is_held);
    tcase_add_test(tc, a_listing_may_be_the_last_to_let_go);
    tcase_add_test(tc, what_is_remembered_stays);
    tcase_add_test(tc, what_is_remembered_and_held);
    tcase_add_test(tc, some_are_forgotten);
    tcase_add_test(tc, names_are_what_stays);
    tcase_add_test(tc, unmount_forgets);
    tcase_add_test(tc, excess_is_trimmed_at_the_end);
    tcase_add_test(tc, excess_of_an_orphan_goes_with_it);
    tcase_add_loop_test(tc, a_trim_that_has_to_wait, 0,
                        sizeof passing / sizeof *passing);
    tcase_add_test(tc, a_trim_that_fails);
    suite_add_tcase(s, tc);
    return s;
}
