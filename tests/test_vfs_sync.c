/* test_vfs_sync.c - when changes reach the device, and in what order */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "inkdisk.h"
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

static unsigned count_records(enum shale_request_kind kind)
{
    unsigned count = 0;

    for (const struct shale_fault_record *r = ink.fault.records; r; r = r->next)
        count += r->kind == kind;
    return count;
}

/* Make a change, and forget what has been written so far. */
static void change(const char *name)
{
    ck_assert_int_eq(ink_make(&ink, NULL, name, SHALE_S_IFREG, NULL), 0);
    shale_fault_forget(&ink.fault);
}

/* ----------------------------------------------------------------- marks */

START_TEST(the_mark_is_the_first_write)
{
    const struct shale_fault_record *r;

    ck_assert(!ink_marked(&ink));
    ck_assert_int_eq(ink_make(&ink, NULL, "x", SHALE_S_IFREG, NULL), 0);
    ck_assert(ink_marked(&ink));
    r = ink.fault.records;
    ck_assert_ptr_nonnull(r);
    while (r->kind == SHALE_REQUEST_FLUSH)
        r = r->next;
    ck_assert_int_eq(r->kind, SHALE_REQUEST_WRITE);
    ck_assert_uint_eq(r->offset, 0);
    ck_assert_ptr_nonnull(r->next);
    ck_assert_int_eq(r->next->kind, SHALE_REQUEST_FLUSH);
    ck_assert_ptr_null(r->next->next);  /* the change itself waits */
    ck_assert_int_eq(ink_make(&ink, NULL, "y", SHALE_S_IFREG, NULL), 0);
    ck_assert_uint_eq(ink_calls(&ink, INK_MARK), 1);
}
END_TEST

START_TEST(data_comes_after_the_mark)
{
    struct shale_vnode *vn = ink_create(&ink, "x");
    const struct shale_fault_record *r;

    ck_assert_int_eq(ink_write(vn, 1, 0, 1024), 1024);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert(!ink_marked(&ink));
    shale_fault_forget(&ink.fault);
    ck_assert_int_eq(ink_write(vn, 2, 0, 1024), 1024);  /* in place */
    r = ink.fault.records;
    while (r->kind == SHALE_REQUEST_FLUSH)
        r = r->next;
    ck_assert_uint_eq(r->offset, 0);
    ck_assert_int_eq(r->next->kind, SHALE_REQUEST_FLUSH);
    ck_assert_uint_ge(r->next->next->offset, INK_UNIT_AT(1));
    shale_vnode_put(vn);
}
END_TEST

START_TEST(sync_marks_clean_and_the_rest_does_not)
{
    struct shale_vnode *vn = ink_create(&ink, "x");

    ck_assert_int_eq(shale_writeback(ink.fs), 0);
    ck_assert(ink_marked(&ink));
    ck_assert_int_eq(shale_fsync(vn), 0);
    ck_assert(ink_marked(&ink));
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert(!ink_marked(&ink));
    ck_assert_uint_eq(ink_calls(&ink, INK_MARK), 2);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_uint_eq(ink_calls(&ink, INK_MARK), 2);
    ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
    ck_assert(ink_marked(&ink));

    /* A file without a name would be lost: not clean while it lives. */
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert(ink_marked(&ink));
    shale_vnode_put(vn);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert(!ink_marked(&ink));
}
END_TEST

START_TEST(a_volume_that_is_not_changed_is_not_written)
{
    ck_assert_int_eq(shale_writeback(ink.fs), 0);
    ck_assert_ptr_null(ink.fault.records);
    ck_assert_int_eq(ink_unlink(&ink, "none"), SHALE_ENOENT);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert(!ink_marked(&ink));
    shale_fault_forget(&ink.fault);
    ink_unmount(&ink);
    ck_assert_uint_eq(count_records(SHALE_REQUEST_WRITE), 0);
    ink_mount(&ink);
    shale_fault_forget(&ink.fault);
    ink_unmount(&ink);
    ck_assert_uint_eq(count_records(SHALE_REQUEST_WRITE), 0);
    ink_mount(&ink);
}
END_TEST

START_TEST(a_mark_that_cannot_be_made_stops_the_change)
{
    ink_fail(&ink, INK_MARK, 1, SHALE_EIO);
    ck_assert_int_eq(ink_make(&ink, NULL, "x", SHALE_S_IFREG, NULL),
                     SHALE_EIO);
    ck_assert_uint_eq(ink_calls(&ink, INK_CREATE), 0);
    ck_assert_int_eq(ink_make(&ink, NULL, "x", SHALE_S_IFREG, NULL), 0);
    ink_fail(&ink, INK_MARK, 1, SHALE_EIO);
    ck_assert_int_eq(shale_sync(ink.fs), SHALE_EIO);
    ck_assert(ink_marked(&ink));
    ck_assert_int_eq(shale_sync(ink.fs), 0);
}
END_TEST

/* ----------------------------------------------------------- what is due */

START_TEST(writeback_writes_what_is_due)
{
    change("x");
    ck_assert_int_eq(shale_writeback(ink.fs), 0);
    ck_assert_uint_gt(count_records(SHALE_REQUEST_WRITE), 0);
    ck_assert_int_eq(ink_find(&ink, "/x"), 2);
    ck_assert_uint_gt(ink_calls(&ink, INK_PURGE), 0);
    shale_fault_forget(&ink.fault);
    ck_assert_int_eq(shale_writeback(ink.fs), 0);
    ck_assert_ptr_null(ink.fault.records);
}
END_TEST

START_TEST(fsync_flushes_though_nothing_is_due)
{
    change("x");
    ck_assert_int_eq(shale_writeback(ink.fs), 0);
    shale_fault_forget(&ink.fault);
    ck_assert_int_eq(shale_fsync(ink.root), 0);
    ck_assert_uint_eq(count_records(SHALE_REQUEST_WRITE), 0);
    ck_assert_uint_ge(count_records(SHALE_REQUEST_FLUSH), 1);
}
END_TEST

/* Bytes in the place of others, in the same second: only data has changed. */
START_TEST(writeback_flushes_data)
{
    struct shale_vnode *vn = ink_create(&ink, "x");

    ck_assert_int_eq(ink_write(vn, 1, 0, 1024), 1024);
    ck_assert_int_eq(shale_writeback(ink.fs), 0);
    ck_assert_int_eq(ink_write(vn, 2, 0, 1024), 1024);
    shale_fault_forget(&ink.fault);
    ck_assert_int_eq(shale_writeback(ink.fs), 0);
    ck_assert_uint_eq(count_records(SHALE_REQUEST_FLUSH), 1);
    ck_assert_int_eq(shale_writeback(ink.fs), 0);
    ck_assert_uint_eq(count_records(SHALE_REQUEST_FLUSH), 1);
    shale_vnode_put(vn);
}
END_TEST

/* Half of the cache's budget in changes: they are written without a call. */
START_TEST(many_changes_are_written)
{
    char name[8];

    ink_unmount(&ink);
    ink.config.cache_bytes = 8 * INK_BLOCK;
    ink_mount(&ink);
    change("x");
    for (unsigned i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "f%u", i);
        ck_assert_int_eq(ink_make(&ink, NULL, name, SHALE_S_IFREG, NULL), 0);
    }
    ck_assert_uint_gt(count_records(SHALE_REQUEST_WRITE), 0);
}
END_TEST

START_TEST(what_is_freed_is_free_when_it_is_written)
{
    struct shale_vnode *vn = ink_create(&ink, "x");

    ck_assert_int_eq(ink_write(vn, 1, 0, 5 * 1024), 5 * 1024);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_uint_eq(ink_free_units(&ink), INK_UNITS - 5);
    ck_assert_int_eq(shale_truncate(vn, 0), 0);
    ck_assert_uint_eq(ink_calls(&ink, INK_RECLAIM), 0);
    ck_assert_int_eq(shale_writeback(ink.fs), 0);
    ck_assert_uint_gt(ink_calls(&ink, INK_RECLAIM), 0);
    ck_assert_uint_eq(ink_free_units(&ink), INK_UNITS - 5);
    ck_assert_int_eq(shale_writeback(ink.fs), 0);
    ck_assert_uint_eq(ink_free_units(&ink), INK_UNITS);
    shale_vnode_put(vn);
}
END_TEST

START_TEST(what_cannot_be_reclaimed_is_told)
{
    struct shale_vnode *vn = ink_create(&ink, "x");

    ck_assert_int_eq(ink_write(vn, 1, 0, 1024), 1024);
    ck_assert_int_eq(shale_truncate(vn, 0), 0);
    ink_fail(&ink, INK_RECLAIM, 1, SHALE_ECORRUPT);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_uint_eq(atomic_load(&ink.events), 1);
    ck_assert_int_eq(ink.said.err, SHALE_ECORRUPT);
    ck_assert_ptr_null(ink_check(&ink, true));
    ck_assert_str_eq(ink_check(&ink, false), "a unit is lost");
    ink.bytes[INK_MAP_BLOCK * INK_BLOCK + 1] = 0;       /* for teardown */
    shale_vnode_put(vn);
    ink_unmount(&ink);
    ink_mount(&ink);
}
END_TEST

/* ... and what cannot now is tried again; the volume is not clean before. */
START_TEST(reclaiming_is_tried_again)
{
    struct shale_vnode *vn = ink_create(&ink, "x");

    ck_assert_int_eq(ink_write(vn, 1, 0, 1024), 1024);
    ck_assert_int_eq(shale_truncate(vn, 0), 0);
    shale_vnode_put(vn);
    ink_fail(&ink, INK_RECLAIM, 1, SHALE_EIO);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_uint_eq(ink_free_units(&ink), INK_UNITS);
    ck_assert(!ink_marked(&ink));

    vn = ink_create(&ink, "y");
    ck_assert_int_eq(ink_write(vn, 1, 0, 1024), 1024);
    ck_assert_int_eq(shale_truncate(vn, 0), 0);
    shale_vnode_put(vn);
    ink_fail(&ink, INK_RECLAIM, 3, SHALE_EIO);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert(ink_marked(&ink));
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_uint_eq(ink_free_units(&ink), INK_UNITS);
    ck_assert(!ink_marked(&ink));
    ck_assert_uint_eq(atomic_load(&ink.events), 0);
}
END_TEST

START_TEST(reclaiming_waits_for_memory)
{
    struct shale_vnode *vn = ink_create(&ink, "x");

    ck_assert_int_eq(ink_write(vn, 1, 0, 1024), 1024);
    ck_assert_int_eq(shale_truncate(vn, 0), 0);
    shale_vnode_put(vn);
    ink_fail(&ink, INK_RECLAIM, 3, SHALE_ENOMEM);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_uint_eq(atomic_load(&ink.events), 0);
    ck_assert_uint_eq(ink_free_units(&ink), INK_UNITS);
}
END_TEST

/* What is freed lies all over the volume, and a cache holds a block of it. */
START_TEST(reclaiming_writes_what_is_due)
{
    struct shale_vnode *vn;

    ink_unmount(&ink);
    ink.config.cache_bytes = INK_BLOCK;
    ink_mount(&ink);
    vn = ink_create(&ink, "x");
    ck_assert_int_eq(ink_write(vn, 1, 0, 5000), 5000);
    ck_assert_int_eq(shale_truncate(vn, 0), 0);
    ck_assert_uint_eq(ink_free_units(&ink), INK_UNITS);
    shale_vnode_put(vn);
}
END_TEST

/* A sync comes while data is on its way: the volume is in use. */
static void sync_meanwhile(void *context, enum shale_request_kind kind,
                           uint64_t offset, size_t len)
{
    (void)context, (void)len;
    if (kind != SHALE_REQUEST_WRITE || offset < INK_UNIT_AT(1))
        return;
    ink.fault.watch = NULL;
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert(ink_marked(&ink));
}

START_TEST(a_volume_that_is_written_is_not_clean)
{
    struct shale_vnode *vn = ink_create(&ink, "x");

    ck_assert_int_eq(ink_write(vn, 1, 0, 1024), 1024);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert(!ink_marked(&ink));
    ink.fault.watch = sync_meanwhile;
    ck_assert_int_eq(ink_write(vn, 2, 0, 1024), 1024);
    ck_assert(!ink.fault.watch);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert(!ink_marked(&ink));
    shale_vnode_put(vn);
}
END_TEST

/* ------------------------------------------------------- driver's retries */

START_TEST(a_driver_that_wants_the_batch_written)
{
    change("x");
    ink_fail(&ink, INK_CREATE, 1, SHALE_EAGAIN);
    ck_assert_int_eq(ink_make(&ink, NULL, "y", SHALE_S_IFREG, NULL), 0);
    ck_assert_uint_gt(count_records(SHALE_REQUEST_WRITE), 0);
    ck_assert_uint_eq(ink_calls(&ink, INK_CREATE), 3);
}
END_TEST

START_TEST(no_space_is_believed_if_nothing_was_freed)
{
    change("x");
    ink_fail(&ink, INK_CREATE, 1, SHALE_ENOSPC);
    ck_assert_int_eq(ink_make(&ink, NULL, "y", SHALE_S_IFREG, NULL),
                     SHALE_ENOSPC);
    ck_assert_uint_eq(ink_calls(&ink, INK_CREATE), 2);
    ck_assert_uint_eq(count_records(SHALE_REQUEST_WRITE), 0);
}
END_TEST

START_TEST(no_memory_has_the_batch_written)
{
    change("x");
    ink_fail(&ink, INK_CREATE, 4, SHALE_ENOMEM);
    ck_assert_int_eq(ink_make(&ink, NULL, "y", SHALE_S_IFREG, NULL), 0);
    ck_assert_uint_gt(count_records(SHALE_REQUEST_WRITE), 0);
    ink_fail(&ink, INK_CREATE, 100, SHALE_ENOMEM);
    ck_assert_int_eq(ink_make(&ink, NULL, "z", SHALE_S_IFREG, NULL),
                     SHALE_ENOMEM);
    ink_fail(&ink, INK_CREATE, 0, 0);
}
END_TEST

/* ------------------------------------------------------------ late errors */

/* Let the writing of the batch fail; nobody is told but the log. */
static void fail_late(void)
{
    change("x");
    atomic_store(&ink.events, 0);
    shale_fault_at(&ink.fault, 0, UINT64_MAX, SHALE_EIO);
    ck_assert_int_eq(shale_writeback(ink.fs), SHALE_EIO);
    shale_fault_at(&ink.fault, 0, 0, 0);
    ck_assert_uint_eq(atomic_load(&ink.events), 1);
    ck_assert_int_eq(ink.said.level, SHALE_LOG_ERROR);
    ck_assert_int_eq(ink.said.err, SHALE_EIO);
}

/* Put things right, for ink_fini(). */
static void recover(void)
{
    ck_assert_ptr_null(ink_check(&ink, true));
    ink.bytes[INK_IN_USE_AT] = 0;
    ink_mount(&ink);
}

START_TEST(a_late_error_makes_read_only)
{
    fail_late();
    ck_assert(shale_fs_read_only(ink.fs));
    ck_assert_int_eq(ink_find(&ink, "/x"), 2);  /* readable all the same */
    ck_assert_int_eq(ink_unlink(&ink, "x"), SHALE_EROFS);
    shale_fault_forget(&ink.fault);
    ck_assert_int_eq(shale_fsync(ink.root), SHALE_EIO);
    ck_assert_int_eq(shale_fsync(ink.root), SHALE_EIO);
    ck_assert_int_eq(shale_sync(ink.fs), SHALE_EIO);
    ck_assert_int_eq(shale_sync(ink.fs), SHALE_EIO);
    ck_assert_int_eq(shale_writeback(ink.fs), 0);
    shale_vnode_put(ink.root);
    ck_assert_int_eq(shale_unmount(ink.fs), SHALE_EIO);
    ck_assert_uint_eq(count_records(SHALE_REQUEST_WRITE), 0);
    ck_assert(ink_marked(&ink));
    recover();
    ck_assert_int_eq(ink_find(&ink, "/x"), SHALE_ENOENT);
}
END_TEST

START_TEST(a_late_error_is_told_once_if_we_go_on)
{
    ink_unmount(&ink);
    ink.config.errors_continue = true;
    ink_mount(&ink);
    fail_late();
    ck_assert(!shale_fs_read_only(ink.fs));
    ck_assert_int_eq(shale_fsync(ink.root), SHALE_EIO);
    ck_assert_int_eq(shale_fsync(ink.root), 0);
    ck_assert_int_eq(ink_make(&ink, NULL, "y", SHALE_S_IFREG, NULL), 0);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert(!ink_marked(&ink));
    ink_unmount(&ink);
    ink_mount(&ink);
    ck_assert_int_eq(ink_find(&ink, "/x"), 2);
    ck_assert_int_eq(ink_find(&ink, "/y"), 3);
}
END_TEST

/* Each request of a sync fails in turn: told, and nothing worse than a leak. */
START_TEST(a_sync_that_fails)
{
    bool failed = true;

    for (uint64_t n = 0; failed; n++) {
        struct shale_vnode *vn = ink_create(&ink, "f");
        int err;

        ck_assert_int_eq(ink_write(vn, 3, 0, 3000), 3000);
        ck_assert_int_eq(ink_rename(&ink, "f", "g", 0), 0);
        shale_vnode_put(vn);
        shale_fault_at(&ink.fault, n, UINT64_MAX, SHALE_EIO);
        err = shale_sync(ink.fs);
        failed = shale_fault_failed(&ink.fault);
        shale_fault_at(&ink.fault, 0, 0, 0);
        ck_assert_int_eq(err, failed ? SHALE_EIO : 0);
        ck_assert(shale_fs_read_only(ink.fs) == failed);
        ck_assert(failed || !ink_marked(&ink));
        ck_assert_ptr_null(ink_check(&ink, ink_marked(&ink)));
        shale_vnode_put(ink.root);
        ck_assert_int_eq(shale_unmount(ink.fs), err);
        ck_assert_ptr_null(ink_check(&ink, true));

        /* The volume as it was made, for the next. */
        ink_discard(&ink);
        ink_init(&ink, false);
        ink_mount(&ink);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/sync");
    TCase *tc = tcase_create("sync");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_mark_is_the_first_write);
    tcase_add_test(tc, data_comes_after_the_mark);
    tcase_add_test(tc, sync_marks_clean_and_the_rest_does_not);
    tcase_add_test(tc, a_volume_that_is_not_changed_is_not_written);
    tcase_add_test(tc, a_mark_that_cannot_be_made_stops_the_change);
    tcase_add_test(tc, writeback_writes_what_is_due);
    tcase_add_test(tc, fsync_flushes_though_nothing_is_due);
    tcase_add_test(tc, writeback_flushes_data);
    tcase_add_test(tc, many_changes_are_written);
    tcase_add_test(tc, what_is_freed_is_free_when_it_is_written);
    tcase_add_test(tc, what_cannot_be_reclaimed_is_told);
    tcase_add_test(tc, reclaiming_is_tried_again);
    tcase_add_test(tc, reclaiming_waits_for_memory);
    tcase_add_test(tc, reclaiming_writes_what_is_due);
    tcase_add_test(tc, a_volume_that_is_written_is_not_clean);
    tcase_add_test(tc, a_driver_that_wants_the_batch_written);
    tcase_add_test(tc, no_space_is_believed_if_nothing_was_freed);
    tcase_add_test(tc, no_memory_has_the_batch_written);
    tcase_add_test(tc, a_late_error_makes_read_only);
    tcase_add_test(tc, a_late_error_is_told_once_if_we_go_on);
    tcase_add_test(tc, a_sync_that_fails);
    suite_add_tcase(s, tc);
    return s;
}
