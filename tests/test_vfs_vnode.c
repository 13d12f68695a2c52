/* test_vfs_vnode.c - the vnode table: one vnode a file, counted, bounded */
#include <stdio.h>

#include "suite.h"
#include "toyfs.h"
#include "watch.h"
#include "vfs/vfs.h"

#define FILES 100u
#define FIRST (TOY_ROOT + 1u)   /* inode number of the first */

static struct toy toy;

static void setup(void)
{
    toy_init(&toy);
    for (unsigned i = 0; i < FILES; i++) {
        char name[8];

        snprintf(name, sizeof name, "%u", i);
        toy_add(&toy, TOY_ROOT, name, SHALE_TYPE_FILE);
    }
    toy.config.vnode_max = 8;
    toy_mount(&toy);
}

static void teardown(void)
{
    toy_fini(&toy);
}

/* Get and put. Returns whether it had to be loaded. */
static bool touch(uint64_t ino)
{
    unsigned before = toy_calls(&toy, TOY_LOAD);

    shale_vnode_put(toy_get(&toy, ino));
    return toy_calls(&toy, TOY_LOAD) > before;
}

START_TEST(one_vnode_a_file)
{
    struct shale_vnode *a = toy_get(&toy, FIRST), *b = toy_get(&toy, FIRST);

    ck_assert_ptr_eq(a, b);
    ck_assert_uint_eq(shale_vnode_ino(a), FIRST);
    ck_assert_uint_eq(shale_vnode_generation(a), FIRST + 1000);
    ck_assert_int_eq((int)shale_vnode_type(a), SHALE_TYPE_FILE);
    ck_assert_ptr_eq(shale_vnode_fs(a), toy.fs);
    ck_assert_uint_eq(a->refs, 2);
    shale_vnode_ref(a);
    ck_assert_uint_eq(a->refs, 3);
    shale_vnode_put(a);
    shale_vnode_put(a);
    shale_vnode_put(b);
    shale_vnode_put(NULL);
    ck_assert(!touch(FIRST));
}
END_TEST

START_TEST(stale_number)
{
    struct shale_vnode *vn = NULL;

    ck_assert_int_eq(shale_vnode_get(toy.fs, 0, &vn), SHALE_ESTALE);
    ck_assert_int_eq(shale_vnode_get(toy.fs, UINT64_MAX, &vn), SHALE_ESTALE);
    ck_assert_int_eq(shale_vnode_get(toy.fs, FIRST + FILES, &vn),
                     SHALE_ESTALE);
    ck_assert_ptr_null(vn);
    ck_assert_uint_eq(watch_held(), 0);
}
END_TEST

START_TEST(unused_are_kept_up_to_the_bound)
{
    for (uint64_t i = 0; i < 8; i++)
        ck_assert(touch(FIRST + i));
    for (uint64_t i = 0; i < 8; i++)
        ck_assert(!touch(FIRST + i));
    ck_assert_uint_eq(toy_calls(&toy, TOY_EVICT), 0);
    ck_assert(touch(FIRST + 8));
    ck_assert_uint_eq(toy_calls(&toy, TOY_EVICT), 1);
}
END_TEST

START_TEST(least_recently_used_goes_first)
{
    for (uint64_t i = 0; i < 8; i++)
        touch(FIRST + i);
    touch(FIRST);               /* now 1 is the oldest */
    touch(FIRST + 8);
    ck_assert(!touch(FIRST));
    ck_assert(!touch(FIRST + 2));
    ck_assert(touch(FIRST + 1));
}
END_TEST

START_TEST(used_are_never_evicted)
{
    struct shale_vnode *held[FILES];

    for (unsigned i = 0; i < FILES; i++)
        held[i] = toy_get(&toy, FIRST + i);
    shale_fs_shrink(toy.fs);
    ck_assert_uint_eq(toy_calls(&toy, TOY_EVICT), 0);
    for (unsigned i = 0; i < FILES; i++) {
        ck_assert_uint_eq(shale_vnode_ino(held[i]), FIRST + i);
        ck_assert(!touch(FIRST + i));
    }
    for (unsigned i = 0; i < FILES; i++)
        shale_vnode_put(held[i]);
    ck_assert_uint_eq(toy_calls(&toy, TOY_EVICT), FILES - 8);
    ck_assert_uint_eq(toy.fs->state->table.unused.count, 8);
}
END_TEST

START_TEST(shrink_drops_all_unused)
{
    struct shale_vnode *vn = toy_get(&toy, FIRST);

    touch(FIRST + 1);
    touch(FIRST + 2);
    shale_fs_shrink(toy.fs);
    ck_assert_uint_eq(toy_calls(&toy, TOY_EVICT), 2);
    ck_assert(touch(FIRST + 1));
    shale_vnode_put(vn);
    ck_assert(!touch(FIRST));
}
END_TEST

START_TEST(no_memory_makes_room)
{
    for (uint64_t i = 0; i < 8; i++)
        touch(FIRST + i);
    shale_mem_fail_at(toy.mem, 0);
    ck_assert(touch(FIRST + 20));
    ck_assert(shale_mem_failed(toy.mem));
    ck_assert_uint_eq(toy_calls(&toy, TOY_EVICT), 8);
}
END_TEST

START_TEST(failed_load_leaves_nothing)
{
    struct shale_vnode *vn;

    toy.fail[TOY_LOAD] = SHALE_EIO;
    ck_assert_int_eq(shale_vnode_get(toy.fs, FIRST, &vn), SHALE_EIO);
    toy.fail[TOY_LOAD] = 0;
    ck_assert_uint_eq(toy_calls(&toy, TOY_EVICT), 0);
    ck_assert(touch(FIRST));
}
END_TEST

START_TEST(size_past_int64_is_corrupt)
{
    struct shale_vnode *vn;

    toy.nodes[FIRST - 1].size = (uint64_t)INT64_MAX + 1;
    ck_assert_int_eq(shale_vnode_get(toy.fs, FIRST, &vn), SHALE_ECORRUPT);
    ck_assert_uint_eq(toy.said.ino, FIRST);
    ck_assert_uint_eq(toy_calls(&toy, TOY_EVICT), 1);
    toy.nodes[FIRST - 1].size = INT64_MAX;
    ck_assert(touch(FIRST));
}
END_TEST

/* While one load is under way, the same file is loaded by somebody else. */
static void load_again(struct toy *t, uint64_t ino)
{
    t->on_load = NULL;
    ck_assert_int_eq(vnode_find(t->fs, ino,
                                (struct shale_vnode **)t->context), 0);
}

START_TEST(loser_of_two_loads_is_dropped)
{
    struct shale_vnode *winner = NULL, *vn;

    toy.on_load = load_again;
    toy.context = &winner;
    vn = toy_get(&toy, FIRST);
    ck_assert_ptr_nonnull(winner);
    ck_assert_ptr_eq(vn, winner);
    ck_assert_uint_eq(vn->refs, 2);
    ck_assert_uint_eq(toy_calls(&toy, TOY_EVICT), 1);
    shale_vnode_put(vn);
    shale_vnode_put(winner);
    ck_assert_uint_eq(toy.fs->state->table.unused.count, 1);
}
END_TEST

/* Many numbers in one bucket of a table of few. */
START_TEST(chains_in_a_small_table)
{
    struct vnode_table *table = &toy.fs->state->table;
    struct shale_vnode *held[FILES];

    ck_assert_uint_eq(table->bucket_count, 16);
    for (unsigned i = 0; i < FILES; i++)
        held[i] = toy_get(&toy, FIRST + i);
    ck_assert_uint_eq(table->used, FILES + 1);
    /* Middle, ends and all: put in an order that is none. */
    for (unsigned i = 0; i < FILES; i++)
        shale_vnode_put(held[i * 37 % FILES]);
    ck_assert_uint_eq(table->used, 1);
    ck_assert_uint_eq(table->unused.count, 8);
}
END_TEST

static const struct {
    const char *what;
    size_t vnode_max, buckets;
} sizes[] = {
    { "default", 0, 1024 },
    { "one", 1, 16 },
    { "a power of two", 32, 32 },
    { "one more", 33, 64 },
    { "no end", SIZE_MAX, (size_t)1 << 20 },
};

START_TEST(table_sizes)
{
    ck_assert_int_eq(shale_unmount(toy.fs), 0);
    toy.config.vnode_max = sizes[_i].vnode_max;
    toy_mount(&toy);
    ck_assert_msg(toy.fs->state->table.bucket_count == sizes[_i].buckets,
                  "%s", sizes[_i].what);
    touch(FIRST);
    ck_assert(!touch(FIRST));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/vnode");
    TCase *tc = tcase_create("table");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, one_vnode_a_file);
    tcase_add_test(tc, stale_number);
    tcase_add_test(tc, unused_are_kept_up_to_the_bound);
    tcase_add_test(tc, least_recently_used_goes_first);
    tcase_add_test(tc, used_are_never_evicted);
    tcase_add_test(tc, shrink_drops_all_unused);
    tcase_add_test(tc, no_memory_makes_room);
    tcase_add_test(tc, failed_load_leaves_nothing);
    tcase_add_test(tc, size_past_int64_is_corrupt);
    tcase_add_test(tc, loser_of_two_loads_is_dropped);
    tcase_add_test(tc, chains_in_a_small_table);
    tcase_add_loop_test(tc, table_sizes, 0, sizeof sizes / sizeof sizes[0]);
    suite_add_tcase(s, tc);
    return s;
}
