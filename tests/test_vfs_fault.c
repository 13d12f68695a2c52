/* test_vfs_fault.c - events, and errors in words */
#include <string.h>

#include "suite.h"
#include "toyfs.h"

static struct toy toy;

static void setup(void)
{
    toy_init(&toy);
    toy_mount(&toy);
}

static void teardown(void)
{
    toy_fini(&toy);
}

/* The last event was this, and the only one since BEFORE. */
static void check_said(unsigned before, enum shale_level level, int err,
                       const char *detail, uint64_t at, uint64_t ino)
{
    ck_assert_uint_eq(toy.events, before + 1);
    ck_assert_int_eq((int)toy.said.level, (int)level);
    ck_assert_int_eq(toy.said.err, err);
    ck_assert_str_eq(toy.said.what, "toy: x");
    ck_assert_uint_eq(toy.said.at, at);
    ck_assert_uint_eq(toy.said.ino, ino);
    if (detail)
        ck_assert_str_eq(toy.said.detail, detail);
    else
        ck_assert_ptr_null(toy.said.detail);
}

START_TEST(events_have_all_parts)
{
    ck_assert_int_eq(shale_corrupt(toy.fs, "toy: x", 77), SHALE_ECORRUPT);
    check_said(0, SHALE_LOG_ERROR, SHALE_ECORRUPT, NULL, 77, 0);
    ck_assert_int_eq(shale_corrupt_inode(toy.fs, "toy: x", 78, 12),
                     SHALE_ECORRUPT);
    check_said(1, SHALE_LOG_ERROR, SHALE_ECORRUPT, NULL, 78, 12);
    ck_assert_int_eq(shale_refuse(toy.fs, "toy: x", "wings", 79),
                     SHALE_ENOTSUP);
    check_said(2, SHALE_LOG_ERROR, SHALE_ENOTSUP, "wings", 79, 0);
    shale_warn(toy.fs, "toy: x", NULL, SHALE_NOWHERE);
    check_said(3, SHALE_LOG_WARNING, 0, NULL, SHALE_NOWHERE, 0);
}
END_TEST

START_TEST(nobody_need_listen)
{
    ck_assert_int_eq(shale_unmount(toy.fs), 0);
    toy.config.log = NULL;
    toy_mount(&toy);
    ck_assert_int_eq(shale_corrupt(toy.fs, "toy: x", 77), SHALE_ECORRUPT);
    ck_assert_int_eq(shale_refuse(toy.fs, "toy: x", NULL, 0), SHALE_ENOTSUP);
    shale_warn(toy.fs, "toy: x", NULL, 0);
    ck_assert_uint_eq(toy.events, 0);
}
END_TEST

static const int known[] = {
    SHALE_EPERM, SHALE_ENOENT, SHALE_EINTR, SHALE_EIO, SHALE_ENXIO,
    SHALE_EAGAIN, SHALE_ENOMEM, SHALE_EACCES, SHALE_EBUSY, SHALE_EEXIST,
    SHALE_ENODEV, SHALE_ENOTDIR, SHALE_EISDIR, SHALE_EINVAL, SHALE_EFBIG,
    SHALE_ENOSPC, SHALE_EROFS, SHALE_EMLINK, SHALE_ERANGE, SHALE_ENAMETOOLONG,
    SHALE_ENOTEMPTY, SHALE_ELOOP, SHALE_ENODATA, SHALE_EOVERFLOW,
    SHALE_ENOTSUP, SHALE_ESTALE, SHALE_ECORRUPT,
};

#define KNOWN (sizeof known / sizeof known[0])

START_TEST(each_error_has_its_own_words)
{
    const char *words = shale_strerror(known[_i]);

    ck_assert_uint_gt(strlen(words), 4);
    ck_assert_str_ne(words, "unknown error");
    for (int i = 0; i < _i; i++)
        ck_assert_str_ne(words, shale_strerror(known[i]));
}
END_TEST

START_TEST(other_numbers_have_words_too)
{
    ck_assert_str_eq(shale_strerror(SHALE_ENOENT),
                     "no such file or directory");
    ck_assert_str_eq(shale_strerror(0), "no error");
    ck_assert_str_eq(shale_strerror(5), "no error");
    ck_assert_str_eq(shale_strerror(-3), "unknown error");
    ck_assert_str_eq(shale_strerror(INT32_MIN), "unknown error");
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/fault");
    TCase *tc = tcase_create("events");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, events_have_all_parts);
    tcase_add_test(tc, nobody_need_listen);
    suite_add_tcase(s, tc);

    tc = tcase_create("words");
    tcase_add_loop_test(tc, each_error_has_its_own_words, 0, KNOWN);
    tcase_add_test(tc, other_numbers_have_words_too);
    suite_add_tcase(s, tc);
    return s;
}
