/* test_fat_chain.c - chains of clusters, and the map that is made of them */
#include <pthread.h>

#include "fat32/chain.h"
#include "fat32/fat.h"
#include "shale/host.h"
#include "suite.h"
#include "test_fat_image.h"

static struct image image;
static struct fat_chain chain;

static void open_chain(uint32_t first)
{
    image_mount(&image, NULL);
    fat_chain_init(&chain, FAT_ROOT_INO, first);
}

static void close_chain(void)
{
    fat_chain_fini(image_volume(&image), &chain);
    image_close(&image);
}

/* The cluster that is number INDEX; 0 past the end; an error. */
static int64_t find(uint32_t index)
{
    struct fat_run run;
    int found = fat_chain_find(image_volume(&image), &chain, index, 1, &run);

    if (found <= 0)
        return found;
    ck_assert_uint_eq(run.index, index);
    ck_assert_uint_ge(run.count, 1);
    return run.cluster;
}

START_TEST(walks_a_chain)
{
    static const unsigned bits[] = { 12, 16, 32 };

    image_init(&image, bits[_i]);
    image_chain(&image, 10, 5);
    image_link(&image, 14, 30);
    image_chain(&image, 30, 3);
    image_link(&image, 32, 20);
    image_link(&image, 20, FAT_END);
    open_chain(10);

    /* From the middle first: what is before it is known from then on. */
    ck_assert_int_eq(find(6), 31);
    ck_assert_int_eq(find(0), 10);
    ck_assert_int_eq(find(4), 14);
    ck_assert_int_eq(find(5), 30);
    ck_assert_int_eq(find(8), 20);
    ck_assert_int_eq(find(9), 0);
    ck_assert_int_eq(find(1000000), 0);
    ck_assert_uint_eq(chain.length, 9);
    ck_assert_uint_eq(chain.last, 20);
    close_chain();
}
END_TEST

START_TEST(gives_long_runs)
{
    struct fat_run run;

    image_init(&image, 16);
    image_chain(&image, 100, 1000);
    open_chain(100);
    ck_assert_int_eq(fat_chain_find(image_volume(&image), &chain, 10, 500,
                                    &run), 1);
    ck_assert_uint_eq(run.cluster, 110);
    ck_assert_uint_ge(run.count, 500);
    /* Longer than asked for if it is known, and never than it is. */
    ck_assert_int_eq(fat_chain_find(image_volume(&image), &chain, 0, 5000,
                                    &run), 1);
    ck_assert_uint_eq(run.count, 1000);
    ck_assert_int_eq(fat_chain_find(image_volume(&image), &chain, 1, 1, &run),
                     1);
    ck_assert_uint_eq(run.count, 999);
    close_chain();
}
END_TEST

/* Every cluster on its own, forwards, backwards and across. */
START_TEST(maps_a_scattered_file)
{
    enum { COUNT = 2000 };
    uint32_t state = 1;

    image_init(&image, 16);
    for (uint32_t i = 0; i < COUNT; i++)        /* odd ones, from the top */
        image_link(&image, 4801 - 2 * i,
                   i + 1 < COUNT ? 4801 - 2 * (i + 1) : FAT_END);
    open_chain(4801);
    for (uint32_t i = 0; i < COUNT; i++) {
        state = state * 1103515245 + 12345;
        ck_assert_int_eq(find((state >> 8) % COUNT),
                         4801 - 2 * ((state >> 8) % COUNT));
    }
    ck_assert_int_eq(find(COUNT), 0);
    for (uint32_t i = COUNT; i-- > 0;)
        ck_assert_int_eq(find(i), 4801 - 2 * i);
    ck_assert_uint_eq(chain.run_count, COUNT);
    close_chain();
}
END_TEST

static const struct {
    const char *what;
    uint32_t first, entry;      /* of cluster 12, the third one */
    uint32_t good;              /* clusters that can be had */
    const char *said;
} broken[] = {
    { "free", 10, FAT_FREE, 3, "free cluster" },
    { "bad", 10, FAT_BAD, 3, "bad cluster" },
    { "one", 10, 1, 3, "leaves the volume" },
    { "past the end", 10, 202, 3, "leaves the volume" },
    { "to itself", 10, 12, 0, "loop" },
    { "to the start", 10, 10, 0, "loop" },
    { "begins at 1", 1, FAT_END, 0, "begins outside" },
    { "begins past the end", 202, FAT_END, 0, "begins outside" },
};

START_TEST(refuses_broken_chains)
{
    const char *what = broken[_i].what;
    uint32_t length;

    image_init(&image, 12);
    image_chain(&image, 10, 2);
    image_link(&image, 11, 12);
    image_link(&image, 12, broken[_i].entry);
    open_chain(broken[_i].first);
    ck_assert_msg(fat_chain_measure(image_volume(&image), &chain) ==
                      SHALE_ECORRUPT, "%s", what);
    ck_assert_msg(strstr(image.v.said, broken[_i].said), "%s: %s", what,
                  image.v.said);
    for (uint32_t i = 0; i < broken[_i].good; i++)
        ck_assert_int_eq(find(i), 10 + i);
    if (broken[_i].good)
        ck_assert_int_eq(find(broken[_i].good), SHALE_ECORRUPT);

    /* In steps of one, a loop ends no later than the volume. */
    length = 0;
    while (length < 1000 && find(length) > 0)
        length++;
    ck_assert_uint_le(length, image.clusters);
    close_chain();
}
END_TEST

START_TEST(has_no_clusters)
{
    image_init(&image, 12);
    open_chain(0);
    ck_assert_int_eq(find(0), 0);
    ck_assert_uint_eq(chain.length, 0);
    close_chain();
}
END_TEST

/* ------------------------------------------------------------ the writer */

START_TEST(appends_and_cuts)
{
    struct fat_volume *vol;

    image_init(&image, 12);
    image_chain(&image, 10, 3);
    open_chain(10);
    vol = image_volume(&image);
    ck_assert_int_eq(fat_chain_measure(vol, &chain), 0);

    fat_chain_append(vol, &chain, 13, 2);       /* goes on where it was */
    fat_chain_append(vol, &chain, 40, 1);
    fat_chain_append(vol, &chain, 50, 10);
    ck_assert_uint_eq(chain.length, 16);
    ck_assert_uint_eq(chain.last, 59);
    ck_assert_int_eq(find(4), 14);
    ck_assert_int_eq(find(5), 40);
    ck_assert_int_eq(find(15), 59);
    ck_assert_int_eq(find(16), 0);

    fat_chain_cut(vol, &chain, 8, 51);
    ck_assert_int_eq(find(7), 51);
    ck_assert_int_eq(find(8), 0);
    fat_chain_cut(vol, &chain, 2, 11);          /* the FAT still has more */
    ck_assert_int_eq(find(1), 11);
    ck_assert_int_eq(find(2), 0);
    fat_chain_append(vol, &chain, 60, 1);
    ck_assert_int_eq(find(2), 60);

    fat_chain_cut(vol, &chain, 0, 0);
    ck_assert_uint_eq(chain.first, 0);
    ck_assert_int_eq(find(0), 0);
    fat_chain_append(vol, &chain, 70, 1);
    ck_assert_uint_eq(chain.first, 70);
    ck_assert_int_eq(find(0), 70);
    fat_chain_reset(vol, &chain, 10);
    ck_assert_int_eq(find(2), 12);
    ck_assert_int_eq(find(3), 0);
    close_chain();
}
END_TEST

/* -------------------------------------------------------------- threads */

enum { THREADS = 4, LENGTH = 2000 };

static void *read_across(void *arg)
{
    uint32_t state = *(const uint32_t *)arg;

    for (unsigned i = 0; i < 20000; i++) {
        struct fat_run run;
        uint32_t index;

        state = state * 1103515245 + 12345;
        index = (state >> 8) % LENGTH;
        if (fat_chain_find(image_volume(&image), &chain, index, 1 + i % 5,
                           &run) != 1 || run.cluster != 4801 - 2 * index)
            return arg;
    }
    return NULL;
}

START_TEST(is_found_by_threads)
{
    pthread_t threads[THREADS];
    uint32_t seeds[THREADS];

    for (unsigned round = 0; round < 10; round++) {
        image_init(&image, 16);
        for (uint32_t i = 0; i < LENGTH; i++)
            image_link(&image, 4801 - 2 * i,
                       i + 1 < LENGTH ? 4801 - 2 * (i + 1) : FAT_END);
        ck_assert_int_eq(volume_of_bytes(&image.v, image.bytes,
                                         (size_t)image.sectors * SECTOR), 0);
        ck_assert_uint_eq(shale_mem_destroy(image.v.mem), 0);
        image.v.mem = shale_mem_create(&image.v.arenas, &shale_host_locks, 0);
        image.v.locks = &shale_host_locks;
        ck_assert_int_eq(volume_mount(&image.v, NULL), 0);
        fat_chain_init(&chain, FAT_ROOT_INO, 4801);
        for (uint32_t i = 0; i < THREADS; i++) {
            seeds[i] = round * THREADS + i;
            ck_assert_int_eq(pthread_create(&threads[i], NULL, read_across,
                                            &seeds[i]), 0);
        }
        for (unsigned i = 0; i < THREADS; i++) {
            void *failed;

            ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
            ck_assert_ptr_null(failed);
        }
        close_chain();
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fat/chain");
    TCase *tc = tcase_create("chain");

    tcase_add_loop_test(tc, walks_a_chain, 0, 3);
    tcase_add_test(tc, gives_long_runs);
    tcase_add_test(tc, maps_a_scattered_file);
    tcase_add_loop_test(tc, refuses_broken_chains, 0,
                        sizeof broken / sizeof broken[0]);
    tcase_add_test(tc, has_no_clusters);
    tcase_add_test(tc, appends_and_cuts);
    tcase_add_test(tc, is_found_by_threads);
    suite_add_tcase(s, tc);
    return s;
}
