/*
 * test_golden_threads.c - several threads read all of a volume at once
 *
 * Each sees what one alone sees. With next to no memory for what is kept, so
 * that what one thread uses is what another wants to be rid of; a thread
 * sanitizer sees the rest, where the build has one.
 */
#include <pthread.h>
#include <stdio.h>

#include "exercise.h"
#include "golden.h"
#include "shale/host.h"
#include "suite.h"
#include "volume.h"

#define THREADS 4u

static const struct {
    const char *name, *options;
    size_t cache_bytes, decoded_bytes, vnode_max;       /* 0: as usual */
} cases[] = {
    { "ext2-small", NULL, 16384, 0, 2 },
    { "fat32-small", NULL, 16384, 0, 2 },
    { "ntfs-small", NULL, 0, 0, 0 },
    { "ntfs-small", "permissions,show_sys_files", 16384, 1, 2 },
    { "ntfs-small", "streams_interface=windows,recover", 16384, 1, 2 },
    { "ntfs-packed", NULL, 0, 0, 0 },
    { "ntfs-packed", NULL, 16384, 40000, 2 },
    { "ntfs-packed", NULL, 16384, 1, 2 },
};

static struct golden golden;
static struct volume v;

static void hear_nothing(struct shale_log *log, const struct shale_event *event)
{
    (void)log, (void)event;
}

static void open_volume(int i)
{
    golden_load(&golden, cases[i].name);
    ck_assert_int_eq(volume_of_bytes(&v, golden.bytes, golden.size), 0);
    shale_mem_destroy(v.mem);
    v.mem = shale_mem_create(&v.arenas, &shale_host_locks, 0);
    ck_assert_ptr_nonnull(v.mem);
    v.log.event = hear_nothing;
    v.locks = &shale_host_locks;
    v.cache_bytes = cases[i].cache_bytes;
    v.decoded_bytes = cases[i].decoded_bytes;
    v.vnode_max = cases[i].vnode_max;
    ck_assert_int_eq(volume_mount(&v, cases[i].options), 0);
}

static void *read_all(void *context)
{
    exercise(v.fs, context);
    return NULL;
}

static void *make_room(void *context)
{
    (void)context;
    for (unsigned i = 0; i < 200; i++)
        shale_fs_shrink(v.fs);
    return NULL;
}

static void check_same(const struct exercise *got, const struct exercise *want)
{
    ck_assert_uint_eq(got->sum, want->sum);
    ck_assert_uint_eq(got->files, want->files);
    ck_assert_uint_eq(got->bytes, want->bytes);
    ck_assert_uint_eq(got->error_count, want->error_count);
}

START_TEST(all_see_the_same)
{
    struct exercise alone = { 0 }, each[THREADS] = { { 0 } };
    pthread_t threads[THREADS], shrinker;

    open_volume(_i);
    exercise(v.fs, &alone);
    ck_assert_uint_gt(alone.files, 3);
    shale_fs_shrink(v.fs);
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_all, &each[i]),
                         0);
    ck_assert_int_eq(pthread_create(&shrinker, NULL, make_room, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_int_eq(pthread_join(shrinker, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++)
        check_same(&each[i], &alone);
    ck_assert_uint_eq(volume_close(&v), 0);
    golden_free(&golden);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("golden/threads");
    TCase *tc = tcase_create("threads");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, all_see_the_same, 0,
                        sizeof cases / sizeof cases[0]);
    suite_add_tcase(s, tc);
    return s;
}
