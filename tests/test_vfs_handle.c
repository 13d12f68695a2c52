/* test_vfs_handle.c - open files and directories */
#include <stdio.h>
#include <string.h>

#include "suite.h"
#include "toyfs.h"

enum { ROOT = TOY_ROOT, FILE_, LINK, FIFO, BIG };

#define ENTRIES 500u            /* of BIG; some batches of them */
#define SIZE 1000u              /* of FILE_: 600 of data, 400 of hole */

static struct toy toy;

static void setup(void)
{
    struct toy_node *node;

    toy_init(&toy);
    node = toy_add(&toy, ROOT, "file", SHALE_TYPE_FILE);
    toy_extent(node, SHALE_EXTENT_DATA, 600, 2000);
    toy_extent(node, SHALE_EXTENT_HOLE, 400, 0);
    toy_add_link(&toy, ROOT, "link", "file");
    toy_add(&toy, ROOT, "fifo", SHALE_TYPE_FIFO);
    toy_add(&toy, ROOT, "big", SHALE_TYPE_DIR);
    for (unsigned i = 0; i < ENTRIES; i++) {
        char name[256];

        /* A number, drawn out to between 3 and 255 bytes. */
        snprintf(name, sizeof name, "%0*u", (int)(3 + i * 7 % 253), i);
        toy_add(&toy, BIG, name, SHALE_TYPE_FILE);
    }
    toy_mount(&toy);
}

static void teardown(void)
{
    toy_fini(&toy);
}

static struct shale_file *open_path(const char *path)
{
    struct shale_file *file;

    ck_assert_int_eq(shale_open(toy.fs, path, &file), 0);
    return file;
}

START_TEST(opens)
{
    struct shale_file *file = open_path("/link");

    ck_assert_uint_eq(shale_vnode_ino(shale_file_vnode(file)), FILE_);
    shale_close(file);
    shale_close(NULL);
    ck_assert_int_eq(shale_open(toy.fs, "/none", &file), SHALE_ENOENT);
    ck_assert_int_eq(shale_open(toy.fs, "/fifo", &file), SHALE_EINVAL);
    ck_assert_int_eq(shale_open(toy.fs, "/file/", &file), SHALE_ENOTDIR);
}
END_TEST

START_TEST(reads_on_and_on)
{
    struct shale_file *file = open_path("/file");
    uint8_t buf[300];
    uint64_t at = 0;
    int64_t got;

    while ((got = shale_file_read(file, buf, sizeof buf)) > 0) {
        for (int64_t i = 0; i < got; i++, at++)
            ck_assert_uint_eq(buf[i], at < 600 ? toy_byte(2000 + at) : 0);
    }
    ck_assert_int_eq(got, 0);
    ck_assert_uint_eq(at, SIZE);
    ck_assert_int_eq(shale_file_seek(file, 0, SHALE_SEEK_CUR), SIZE);
    shale_close(file);
}
END_TEST

START_TEST(failed_read_stays_where_it_is)
{
    struct shale_file *file = open_path("/file");
    uint8_t buf[10];

    toy.fail[TOY_READ] = SHALE_EIO;
    ck_assert_int_eq(shale_file_read(file, buf, 10), SHALE_EIO);
    ck_assert_int_eq(shale_file_seek(file, 0, SHALE_SEEK_CUR), 0);
    shale_close(file);
}
END_TEST

static const struct {
    int64_t from, offset;
    enum shale_whence whence;
    int64_t result;
} seeks[] = {
    { 0, 0, SHALE_SEEK_SET, 0 },
    { 0, 5000, SHALE_SEEK_SET, 5000 },
    { 0, INT64_MAX, SHALE_SEEK_SET, INT64_MAX },
    { 7, -1, SHALE_SEEK_SET, SHALE_EINVAL },
    { 7, INT64_MIN, SHALE_SEEK_SET, SHALE_EINVAL },
    { 7, 0, SHALE_SEEK_CUR, 7 },
    { 7, 3, SHALE_SEEK_CUR, 10 },
    { 7, -7, SHALE_SEEK_CUR, 0 },
    { 7, -8, SHALE_SEEK_CUR, SHALE_EINVAL },
    { 7, INT64_MIN, SHALE_SEEK_CUR, SHALE_EINVAL },
    { 7, INT64_MAX - 7, SHALE_SEEK_CUR, INT64_MAX },
    { 7, INT64_MAX - 6, SHALE_SEEK_CUR, SHALE_EOVERFLOW },
    { INT64_MAX, 1, SHALE_SEEK_CUR, SHALE_EOVERFLOW },
    { 7, 0, SHALE_SEEK_END, SIZE },
    { 7, 1, SHALE_SEEK_END, SIZE + 1 },
    { 7, -1000, SHALE_SEEK_END, 0 },
    { 7, -1001, SHALE_SEEK_END, SHALE_EINVAL },
    { 7, INT64_MAX, SHALE_SEEK_END, SHALE_EOVERFLOW },
    { 7, 0, SHALE_SEEK_DATA, 0 },
    { 7, 599, SHALE_SEEK_DATA, 599 },
    { 7, 600, SHALE_SEEK_DATA, SHALE_ENXIO },
    { 7, -1, SHALE_SEEK_DATA, SHALE_ENXIO },
    { 7, 0, SHALE_SEEK_HOLE, 600 },
    { 7, 999, SHALE_SEEK_HOLE, 999 },
    { 7, 1000, SHALE_SEEK_HOLE, SHALE_ENXIO },
    { 7, -1, SHALE_SEEK_HOLE, SHALE_ENXIO },
    { 7, 0, (enum shale_whence)99, SHALE_EINVAL },
};

START_TEST(seeks_in_a_file)
{
    struct shale_file *file = open_path("/file");
    int64_t r = seeks[_i].result;

    ck_assert_int_eq(shale_file_seek(file, seeks[_i].from, SHALE_SEEK_SET),
                     seeks[_i].from);
    ck_assert_int_eq(shale_file_seek(file, seeks[_i].offset,
                                     seeks[_i].whence), r);
    ck_assert_int_eq(shale_file_seek(file, 0, SHALE_SEEK_CUR),
                     r < 0 ? seeks[_i].from : r);
    shale_close(file);
}
END_TEST

START_TEST(reads_past_the_end)
{
    struct shale_file *file = open_path("/file");
    uint8_t buf[10];

    shale_file_seek(file, 5000, SHALE_SEEK_SET);
    ck_assert_int_eq(shale_file_read(file, buf, 10), 0);
    shale_file_seek(file, -3, SHALE_SEEK_END);
    ck_assert_int_eq(shale_file_read(file, buf, 10), 3);
    shale_close(file);
}
END_TEST

/* --------------------------------------------------------- directories */

/* Is ENTRY the one at INDEX of BIG, "." and ".." being 0 and 1? */
static void check_entry(const struct shale_entry *entry, unsigned index)
{
    const struct toy_node *node;

    if (index < 2) {
        ck_assert_str_eq(entry->name, index == 0 ? "." : "..");
        ck_assert_uint_eq(entry->ino, index == 0 ? (uint64_t)BIG : ROOT);
        return;
    }
    node = &toy.nodes[BIG + index - 2];
    ck_assert_str_eq(entry->name, node->name);
    ck_assert_uint_eq(entry->ino, node->ino);
    ck_assert_int_eq((int)entry->type, SHALE_TYPE_FILE);
}

START_TEST(reads_a_big_directory)
{
    struct shale_file *file = open_path("/big");
    struct shale_entry entry;

    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < ENTRIES + 2; i++) {
            ck_assert_int_eq(shale_file_readdir(file, &entry), 1);
            check_entry(&entry, i);
        }
        ck_assert_int_eq(shale_file_readdir(file, &entry), 0);
        ck_assert_int_eq(shale_file_readdir(file, &entry), 0);
        ck_assert_int_eq(shale_file_seek(file, 0, SHALE_SEEK_SET), 0);
    }
    /* In batches: far fewer searches for the place than entries. */
    ck_assert_uint_lt(toy_calls(&toy, TOY_ITERATE), ENTRIES / 4);
    shale_close(file);
}
END_TEST

START_TEST(position_of_a_directory_is_a_cookie)
{
    struct shale_file *file = open_path("/big");
    struct shale_entry entry;
    int64_t cookies[ENTRIES + 2];

    for (unsigned i = 0; i < ENTRIES + 2; i++) {
        cookies[i] = shale_file_seek(file, 0, SHALE_SEEK_CUR);
        ck_assert_int_eq(shale_file_readdir(file, &entry), 1);
    }
    for (unsigned i = 0; i < ENTRIES + 2; i++) {
        unsigned j = i * 211 % (ENTRIES + 2);

        ck_assert_int_eq(shale_file_seek(file, cookies[j], SHALE_SEEK_SET),
                         cookies[j]);
        ck_assert_int_eq(shale_file_readdir(file, &entry), 1);
        check_entry(&entry, j);
    }
    shale_close(file);
}
END_TEST

START_TEST(what_directories_do_not_do)
{
    struct shale_file *file = open_path("/big");
    struct shale_entry entry;
    uint8_t buf[10];

    ck_assert_int_eq(shale_file_read(file, buf, 10), SHALE_EISDIR);
    ck_assert_int_eq(shale_file_seek(file, 0, SHALE_SEEK_END), SHALE_EINVAL);
    ck_assert_int_eq(shale_file_seek(file, 1, SHALE_SEEK_CUR), SHALE_EINVAL);
    ck_assert_int_eq(shale_file_seek(file, 0, SHALE_SEEK_DATA), SHALE_EISDIR);
    shale_close(file);

    file = open_path("/file");
    ck_assert_int_eq(shale_file_readdir(file, &entry), SHALE_ENOTDIR);
    shale_close(file);
}
END_TEST

START_TEST(entries_before_an_error_are_read)
{
    struct shale_file *file = open_path("/big");
    struct shale_entry entry;

    toy.fail[TOY_ITERATE] = SHALE_EIO;
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(shale_file_readdir(file, &entry), 1);
        check_entry(&entry, i);
    }
    ck_assert_int_eq(shale_file_readdir(file, &entry), SHALE_EIO);
    ck_assert_int_eq(shale_file_readdir(file, &entry), SHALE_EIO);
    toy.fail[TOY_ITERATE] = 0;
    ck_assert_int_eq(shale_file_readdir(file, &entry), 1);
    check_entry(&entry, 2);
    shale_close(file);
}
END_TEST

/* What passes is waited for. */
START_TEST(readdir_without_memory)
{
    struct shale_file *file = open_path("/big");
    struct shale_entry entry;

    shale_mem_fail_at(toy.mem, 0);
    ck_assert_int_eq(shale_file_readdir(file, &entry), 1);
    check_entry(&entry, 0);
    shale_close(file);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/handle");
    TCase *tc = tcase_create("file");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, opens);
    tcase_add_test(tc, reads_on_and_on);
    tcase_add_test(tc, failed_read_stays_where_it_is);
    tcase_add_loop_test(tc, seeks_in_a_file, 0,
                        sizeof seeks / sizeof seeks[0]);
    tcase_add_test(tc, reads_past_the_end);
    suite_add_tcase(s, tc);

    tc = tcase_create("directory");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, reads_a_big_directory);
    tcase_add_test(tc, position_of_a_directory_is_a_cookie);
    tcase_add_test(tc, what_directories_do_not_do);
    tcase_add_test(tc, entries_before_an_error_are_read);
    tcase_add_test(tc, readdir_without_memory);
    suite_add_tcase(s, tc);
    return s;
}
