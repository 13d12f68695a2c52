/* test_vfs_change_threads.c - changes by several threads at once */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "inkfs.h"
#include "suite.h"
#include "watch.h"

#define THREADS 4
#define ROUNDS 300u

static struct ink ink;
static atomic_bool stop;

static void setup(void)
{
    ink_init(&ink, false);
    ink.config.cache_bytes = 32 * INK_BLOCK;    /* writes a lot by itself */
    ink.config.vnode_max = 4;
    ink_mount(&ink);
    atomic_store(&stop, false);
}

static void teardown(void)
{
    ink_fini(&ink);
}

/* Run WORK on COUNT threads, each with its number, until all are through. */
static void run(void *(*work)(void *arg), unsigned count)
{
    pthread_t threads[THREADS];
    unsigned numbers[THREADS];

    for (unsigned i = 0; i < count; i++) {
        numbers[i] = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &numbers[i]),
                         0);
    }
    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

/* What a host does besides: write back, sync, look at all there is. */
static int look(void *context, const struct shale_dirent *entry)
{
    (void)context, (void)entry;
    return 0;
}

static void *bystander(void *arg)
{
    unsigned round = 0;

    (void)arg;
    while (!atomic_load(&stop)) {
        struct shale_statfs unused;

        switch (round++ % 5) {
        case 0: shale_writeback(ink.fs); break;
        case 1: shale_fsync(ink.root); break;
        case 2: shale_sync(ink.fs); break;
        case 3: shale_fs_shrink(ink.fs); break;
        default:
            shale_iterate(ink.root, 0, SHALE_ITERATE_ATTR, look, NULL);
            shale_statfs(ink.fs, &unused);
        }
        watch_insist(!shale_fs_read_only(ink.fs), "read-only");
    }
    return NULL;
}

static void run_watched(void *(*work)(void *arg), unsigned count)
{
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, bystander, NULL), 0);
    run(work, count);
    atomic_store(&stop, true);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

/* ----------------------------------------------------------- one name */

static atomic_uint created, removed;

static void *create_and_unlink(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        int err = ink_make(&ink, NULL, "x", SHALE_S_IFREG, NULL);

        watch_insist(err == 0 || err == SHALE_EEXIST, "create");
        if (!err)
            atomic_fetch_add(&created, 1);
        err = ink_unlink(&ink, "x");
        watch_insist(err == 0 || err == SHALE_ENOENT, "unlink");
        if (!err)
            atomic_fetch_add(&removed, 1);
    }
    return NULL;
}

START_TEST(threads_that_want_one_name)
{
    run_watched(create_and_unlink, THREADS);
    ck_assert_uint_eq(atomic_load(&created), atomic_load(&removed));
    ck_assert_uint_ge(atomic_load(&created), ROUNDS);
    ck_assert_int_eq(ink_find(&ink, "/x"), SHALE_ENOENT);
}
END_TEST

/* ------------------------------------------------- files come and go */

/* Each has a file that it makes, writes, reads, unlinks and still reads. */
static void *use_a_file(void *arg)
{
    unsigned number = *(unsigned *)arg;
    char name[8];

    snprintf(name, sizeof name, "f%u", number);
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t len = 1 + (i * 977 + number * 3000) % 20000;
        unsigned seed = i * THREADS + number + 1;
        struct shale_vnode *vn = NULL;

        watch_insist(!ink_make(&ink, NULL, name, SHALE_S_IFREG, &vn),
                     "create");
        watch_insist(ink_write(vn, seed, 0, len) == (int64_t)len, "write");
        if (i % 3 == 0)
            watch_insist(!shale_fsync(vn), "fsync");
        watch_insist(!ink_unlink(&ink, name), "unlink");
        ink_expect(vn, seed, 0, len);
        watch_insist(!shale_truncate(vn, len / 2), "truncate");
        ink_expect(vn, seed, 0, len / 2);
        shale_vnode_put(vn);
    }
    return NULL;
}

START_TEST(threads_with_files_of_their_own)
{
    run_watched(use_a_file, THREADS);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_uint_eq(ink_free_units(&ink), INK_UNITS);
}
END_TEST

/* ------------------------------------------------------------- one file */

/* A record is one thread's, all of it: nobody sees half of a write. */
#define RECORD 700u

static void *use_one_file(void *arg)
{
    unsigned number = *(unsigned *)arg;
    struct shale_vnode *vn = ink_get(&ink, "/shared");
    uint8_t record[RECORD];
    uint64_t at;

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t place = (uint64_t)(i * 7 + number) % 16 * RECORD;

        memset(record, (int)(1 + number), RECORD);
        if (i % 16 == 0)
            watch_insist(!shale_truncate(vn, place), "truncate");
        else if (i % 16 == 1)
            watch_insist(shale_append(vn, record, RECORD, &at) >= 0,
                         "append");
        else
            watch_insist(shale_write(vn, record, RECORD, place) == RECORD,
                         "write");
        if (shale_read(vn, record, RECORD, place) < (int64_t)RECORD)
            continue;
        for (unsigned k = 1; k < RECORD; k++)
            watch_insist(record[k] == record[0], "half of a write");
    }
    shale_vnode_put(vn);
    return NULL;
}

START_TEST(threads_that_write_one_file)
{
    shale_vnode_put(ink_create(&ink, "shared"));
    run_watched(use_one_file, THREADS);
}
END_TEST

/* Copies from either file to the other, which take both locks. */
static void *copy_both_ways(void *arg)
{
    bool back = *(unsigned *)arg % 2;
    struct shale_vnode *a = ink_get(&ink, "/a"), *b = ink_get(&ink, "/b");

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t from = i % 7 * 1000;

        watch_insist(shale_copy_range(back ? b : a, from, back ? a : b,
                                      from, 3000) == 3000, "copy");
        watch_insist(shale_copy_range(a, 0, a, 20000, 2000) == 2000,
                     "copy in itself");
    }
    shale_vnode_put(a);
    shale_vnode_put(b);
    return NULL;
}

START_TEST(threads_that_copy_both_ways)
{
    struct shale_vnode *a = ink_create(&ink, "a"), *b = ink_create(&ink, "b");

    ck_assert_int_eq(ink_write(a, 5, 0, 30000), 30000);
    ck_assert_int_eq(ink_write(b, 5, 0, 30000), 30000);
    run_watched(copy_both_ways, THREADS);
    ink_expect(a, 5, 0, 20000);
    ink_expect(b, 5, 0, 30000);
    shale_vnode_put(a);
    shale_vnode_put(b);
}
END_TEST

/* --------------------------------------------------------------- renames */

/* "a" is always there, whoever is put in its place. */
static void *rename_over(void *arg)
{
    unsigned number = *(unsigned *)arg;
    char name[8];

    snprintf(name, sizeof name, "r%u", number);
    for (unsigned i = 0; i < ROUNDS; i++) {
        watch_insist(ink_find(&ink, "/a") > 0, "there is no a");
        if (number == 0) {
            watch_insist(!ink_rename(&ink, "a", "b", SHALE_RENAME_EXCHANGE),
                         "exchange");
            continue;
        }
        watch_insist(!ink_make(&ink, NULL, name, SHALE_S_IFREG, NULL),
                     "create");
        watch_insist(!ink_rename(&ink, name, "a", 0), "rename");
    }
    return NULL;
}

START_TEST(threads_that_rename_over_one_name)
{
    shale_vnode_put(ink_create(&ink, "a"));
    shale_vnode_put(ink_create(&ink, "b"));
    run_watched(rename_over, THREADS);
}
END_TEST

/* ------------------------------------------------------ what a kernel knows */

/* Half look up and remember, half forget; a file may go at any moment. */
static atomic_ulong known[INK_FILES + 1];

static void *lookup_and_remember(void *arg)
{
    unsigned number = *(unsigned *)arg;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct shale_vnode *vn;

        if (number == 0) {
            ink_make(&ink, NULL, "x", SHALE_S_IFREG, NULL);
            ink_unlink(&ink, "x");
        } else if (number == 1) {
            for (uint64_t ino = 1; ino <= INK_FILES; ino++) {
                unsigned long count = atomic_exchange(&known[ino], 0);

                shale_vnode_forget(ink.fs, ino, count);
            }
        } else if (!shale_lookup(ink.root, "x", 1, &vn)) {
            uint64_t ino = shale_vnode_ino(vn);

            shale_vnode_remember(vn);
            atomic_fetch_add(&known[ino], 1);
            shale_vnode_put(vn);
        }
    }
    return NULL;
}

START_TEST(threads_that_remember_and_forget)
{
    run_watched(lookup_and_remember, THREADS);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/change_threads");
    TCase *tc = tcase_create("threads");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, threads_that_want_one_name);
    tcase_add_test(tc, threads_with_files_of_their_own);
    tcase_add_test(tc, threads_that_write_one_file);
    tcase_add_test(tc, threads_that_copy_both_ways);
    tcase_add_test(tc, threads_that_rename_over_one_name);
    tcase_add_test(tc, threads_that_remember_and_forget);
    suite_add_tcase(s, tc);
    return s;
}
