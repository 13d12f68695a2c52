/* known.c - counts of nodes, in whatever memory there is for them */
#include <stdlib.h>

#include "fuse/known.h"
#include "inkfs.h"
#include "suite.h"

enum { ROOM = 1 << 20, MANY = 100000 };

static struct ink ink;
static struct known *known;

static struct known *make(size_t room, bool named)
{
    struct known *made = known_create(ink.fs, ink.mem, room, named);

    ck_assert_ptr_nonnull(made);
    return made;
}

static void setup(void)
{
    ink_init(&ink, false);
    ink_mount(&ink);
}

static void teardown(void)
{
    known_destroy(known);
    known = NULL;
    ink_fini(&ink);
}

static struct known_stats stats(void)
{
    struct known_stats now;

    known_stats(known, &now);
    ck_assert_uint_le(now.bytes, now.room + 16384);
    return now;
}

/* With room for all counts, for none, and for none that is wide. */
static const size_t rooms[] = { ROOM, 512, 700 };

/* --------------------------------------------------------------- counts */

START_TEST(a_million_take_little_more_than_a_byte_each)
{
    known = make((size_t)4 << 20, false);
    for (uint64_t i = 0; i < 1000000; i++)
        known_add(known, 12 + i, KNOWN_NO_NAME);
    ck_assert_uint_eq(stats().nodes, 1000000);
    ck_assert_uint_eq(stats().summed, 0);
    ck_assert_uint_lt(stats().bytes, 2000000);
    for (uint64_t i = 0; i < 1000000; i++)
        known_drop(known, 12 + i, 1);
    ck_assert_uint_eq(stats().nodes, 0);
}
END_TEST

START_TEST(what_has_no_room_is_summed)
{
    size_t empty;

    known = make(4096, false);
    empty = stats().bytes;
    for (uint64_t i = 0; i < MANY; i++)
        known_add(known, i * 1000, KNOWN_NO_NAME);
    ck_assert_uint_gt(stats().nodes, 10);
    ck_assert_uint_eq(stats().nodes + stats().summed, MANY);
    for (uint64_t i = MANY; i-- > 0;)
        known_drop(known, i * 1000, 1);
    ck_assert_uint_eq(stats().nodes + stats().summed, 0);
    ck_assert_uint_le(stats().bytes, empty + 4096);

    /* And has, when there is room again. */
    known_add(known, 5000, KNOWN_NO_NAME);
    ck_assert_uint_eq(stats().nodes, 1);
}
END_TEST

/* Too many are taken back: that is the kernel's mistake, and does no harm. */
START_TEST(counts_as_far_as_it_goes)
{
    static const uint64_t counts[] = { 1, 2, 254, 255, 256, 65535, 65536,
                                       70000 };

    known = make(rooms[_i], true);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct shale_vnode *vn = ink_create(&ink, "x");
        uint64_t ino = shale_vnode_ino(vn);

        for (uint64_t n = 0; n < counts[i]; n++)
            known_add(known, ino, 7);
        ck_assert_uint_ne(known_name(known, ino), KNOWN_NO_NAME);
        ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
        known_settle(known, vn);
        shale_vnode_put(vn);
        if (counts[i] > 1)
            known_drop(known, ino, counts[i] - 1);
        ck_assert(shale_vnode_in_memory(ink.fs, ino));
        known_drop(known, ino, 1);
        ck_assert(!shale_vnode_in_memory(ink.fs, ino));
        known_drop(known, ino, 3);
        ck_assert_uint_eq(stats().nodes + stats().summed, 0);
        ck_assert_uint_eq(known_name(known, ino), KNOWN_NO_NAME);
    }
}
END_TEST

/* ----------------------------------------------------------------- held */

START_TEST(what_has_a_name_is_not_held)
{
    struct shale_vnode *vn = ink_create(&ink, "x");
    uint64_t ino = shale_vnode_ino(vn);

    known = make(rooms[_i], false);
    known_add(known, ino, KNOWN_NO_NAME);
    known_settle(known, vn);
    shale_vnode_put(vn);
    shale_fs_shrink(ink.fs);
    ck_assert(!shale_vnode_in_memory(ink.fs, ino));
    known_drop(known, ino, 1);
}
END_TEST

START_TEST(what_nobody_knows_is_not_held)
{
    struct shale_vnode *vn = ink_create(&ink, "x");

    known = make(rooms[_i], false);
    ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
    known_settle(known, vn);
    shale_vnode_put(vn);
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 1);
}
END_TEST

/* A sum lets go when all that are in it are forgotten, and not before. */
START_TEST(sums_hold_together)
{
    struct shale_vnode *vn = ink_create(&ink, "x");
    uint64_t ino = shale_vnode_ino(vn);

    known = make(512, false);
    known_add(known, ino, KNOWN_NO_NAME);
    known_add(known, ino ^ 1, KNOWN_NO_NAME);
    ck_assert_uint_eq(stats().summed, 2);
    ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
    known_settle(known, vn);
    known_settle(known, vn);
    shale_vnode_put(vn);
    known_drop(known, ino, 1);
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 0);
    known_drop(known, ino ^ 1, 1);
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 1);
}
END_TEST

/* A kernel, and the one file that it has not given back yet. */
static bool all_but_one(void *context, uint64_t ino)
{
    const uint64_t *one = context;

    return ino != *one;
}

enum { REMOVED = 12, HELD = 8 };

/* REMOVED files, of each of which the kernel has had two answers. */
static void remove_some(uint64_t *numbers)
{
    for (unsigned i = 0; i < REMOVED; i++) {
        struct shale_vnode *vn = ink_create(&ink, "x");

        numbers[i] = shale_vnode_ino(vn);
        known_add(known, numbers[i], KNOWN_NO_NAME);
        known_add(known, numbers[i], KNOWN_NO_NAME);
        ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
        known_settle(known, vn);
        known_wrote(known, vn);
        shale_vnode_put(vn);
    }
}

/*
 * But not of more than there is memory for. What the kernel has given back but
 * a part of, an answer that it had no use for, is held all the same; and what
 * another answer may lead to that is on its way.
 */
START_TEST(sums_hold_some)
{
    uint64_t numbers[REMOVED];
    struct shale_vnode *busy;

    known = make(512, false);
    known_ask(known, all_but_one, &numbers[1]);
    remove_some(numbers);
    ck_assert_int_eq(shale_vnode_get(ink.fs, numbers[2], &busy), 0);
    for (unsigned i = 0; i < REMOVED; i++)
        known_drop(known, numbers[i], 1);
    shale_vnode_put(busy);
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), REMOVED - HELD);
    ck_assert(!shale_vnode_in_memory(ink.fs, numbers[0]));
    ck_assert(shale_vnode_in_memory(ink.fs, numbers[1]));
    ck_assert(shale_vnode_in_memory(ink.fs, numbers[2]));
    for (unsigned i = 0; i < REMOVED; i++)
        known_drop(known, numbers[i], 1);
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), REMOVED);
}
END_TEST

static bool all(void *context, uint64_t ino)
{
    (void)context, (void)ino;
    return true;
}

/* Who can ask nobody holds them all, and who answers by handle. */
START_TEST(sums_that_cannot_ask_hold_all)
{
    uint64_t numbers[REMOVED];

    known = make(512, false);
    if (_i == 1) {
        known_ask(known, all, NULL);
        known_by_handle(known);
    }
    remove_some(numbers);
    for (unsigned i = 0; i < REMOVED; i++)
        known_drop(known, numbers[i], 1);
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 0);
    for (unsigned i = 0; i < REMOVED; i++)
        known_drop(known, numbers[i], 1);
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), REMOVED);
}
END_TEST

/* Written after it its name went, it goes with what knows it all the same. */
START_TEST(what_was_written_goes_when_it_is_forgotten)
{
    struct shale_vnode *vn = ink_create(&ink, "x");
    uint64_t ino = shale_vnode_ino(vn);

    known = make(rooms[_i], false);
    known_add(known, ino, KNOWN_NO_NAME);
    ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
    known_settle(known, vn);
    known_wrote(known, vn);
    shale_vnode_put(vn);
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 0);
    known_drop(known, ino, 1);
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 1);
}
END_TEST

START_TEST(the_end_lets_go_of_all)
{
    struct shale_vnode *vn = ink_create(&ink, "x");

    known = make(rooms[_i], false);
    known_add(known, shale_vnode_ino(vn), KNOWN_NO_NAME);
    known_wrote(known, vn);
    ck_assert_int_eq(ink_unlink(&ink, "x"), 0);
    known_settle(known, vn);
    shale_vnode_put(vn);
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 0);
    known_destroy(known);
    known = NULL;
    ck_assert_uint_eq(ink_calls(&ink, INK_RELEASE), 1);
}
END_TEST

START_TEST(what_was_written_stays_until_it_is_forgotten)
{
    struct shale_vnode *vn = ink_create(&ink, "x");
    uint64_t ino = shale_vnode_ino(vn);

    known = make(ROOM, false);
    known_add(known, ino, KNOWN_NO_NAME);
    known_wrote(known, vn);
    known_wrote(known, vn);
    shale_vnode_put(vn);
    shale_fs_shrink(ink.fs);
    ck_assert(shale_vnode_in_memory(ink.fs, ino));
    known_drop(known, ino, 1);
    shale_fs_shrink(ink.fs);
    ck_assert(!shale_vnode_in_memory(ink.fs, ino));
}
END_TEST

/* ---------------------------------------------------------------- names */

START_TEST(names_are_noted)
{
    known = make(ROOM, true);
    known_rename(known, 5, 1);          /* nobody knows it */
    ck_assert_uint_eq(known_name(known, 5), KNOWN_NO_NAME);
    known_add(known, 5, KNOWN_NO_NAME);
    ck_assert_uint_eq(known_name(known, 5), KNOWN_NO_NAME);
    known_add(known, 5, 1);
    known_add(known, 5, 1);
    known_add(known, 5, KNOWN_NO_NAME);
    ck_assert_uint_eq(known_name(known, 5), 1);
    ck_assert_uint_eq(known_name(known, 6), KNOWN_NO_NAME);
    known_add(known, 5, 2);
    ck_assert_uint_eq(known_name(known, 5), KNOWN_SEVERAL);
    known_add(known, 5, 2);
    ck_assert_uint_eq(known_name(known, 5), KNOWN_SEVERAL);
    known_rename(known, 5, 3);
    for (unsigned n = 0; n < 300; n++)  /* a wider chunk has it, too */
        known_add(known, 5, 3);
    ck_assert_uint_eq(known_name(known, 5), 3);
    known_drop(known, 5, 400);
    known_add(known, 5, 4);
    ck_assert_uint_eq(known_name(known, 5), 4);
}
END_TEST

START_TEST(a_sum_has_several)
{
    known = make(512, true);
    known_add(known, 5, 1);
    ck_assert_uint_eq(known_name(known, 5), KNOWN_SEVERAL);
    known_drop(known, 5, 1);
    ck_assert_uint_eq(known_name(known, 5), KNOWN_NO_NAME);
}
END_TEST

/* No memory: as no room. */
START_TEST(each_allocation_fails)
{
    for (uint64_t n = 0; n < 8; n++) {
        shale_mem_fail_at(ink.mem, n);
        known = known_create(ink.fs, ink.mem, ROOM, true);
        for (uint64_t i = 0; known && i < 20000; i += 100)
            known_add(known, i, 1);
        for (uint64_t i = 0; known && i < 300; i++)
            known_add(known, 7, 1);
        ck_assert(shale_mem_failed(ink.mem));
        for (uint64_t i = 0; known && i < 20000; i += 100)
            known_drop(known, i, 1);
        known_drop(known, 7, 300);
        if (known)
            ck_assert_uint_eq(stats().nodes + stats().summed, 0);
        known_destroy(known);
        known = NULL;
    }
}
END_TEST

/* ---------------------------------------------------------------- model */

/* What a table of plain numbers would say. */
START_TEST(does_as_a_plain_table)
{
    enum { NODES = 600, STEPS = 200000 };
    static uint32_t counts[NODES];
    uint64_t total = 0, dice = 1;

    known = make(_i == 0 ? ROOM : 1500, false);
    for (unsigned i = 0; i < NODES; i++)
        counts[i] = 0;
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned i;

        dice = dice * 6364136223846793005u + 1442695040888963407u;
        i = (unsigned)(dice >> 33) % NODES;
        if (dice >> 62 != 0 || counts[i] == 0) {
            known_add(known, i, KNOWN_NO_NAME);
            counts[i]++;
            total++;
        } else {
            known_drop(known, i, counts[i]);
            total -= counts[i];
            counts[i] = 0;
        }
    }
    for (unsigned i = 0; i < NODES; i++)
        if (counts[i] > 1) {
            known_drop(known, i, counts[i] - 1);
            total -= counts[i] - 1;
        }
    ck_assert_uint_eq(stats().nodes + stats().summed, total);
    for (unsigned i = 0; i < NODES; i++)
        known_drop(known, i, 1);
    ck_assert_uint_eq(stats().nodes + stats().summed, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fuse/known");
    TCase *tc = tcase_create("known");
    const int count = (int)(sizeof rooms / sizeof rooms[0]);

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_million_take_little_more_than_a_byte_each);
    tcase_add_test(tc, what_has_no_room_is_summed);
    tcase_add_loop_test(tc, counts_as_far_as_it_goes, 0, count);
    tcase_add_loop_test(tc, what_has_a_name_is_not_held, 0, count);
    tcase_add_loop_test(tc, what_nobody_knows_is_not_held, 0, count);
    tcase_add_test(tc, sums_hold_together);
    tcase_add_test(tc, sums_hold_some);
    tcase_add_loop_test(tc, sums_that_cannot_ask_hold_all, 0, 2);
    tcase_add_loop_test(tc, what_was_written_goes_when_it_is_forgotten, 0,
                        count);
    tcase_add_loop_test(tc, the_end_lets_go_of_all, 0, count);
    tcase_add_test(tc, what_was_written_stays_until_it_is_forgotten);
    tcase_add_test(tc, names_are_noted);
    tcase_add_test(tc, a_sum_has_several);
    tcase_add_test(tc, each_allocation_fails);
    tcase_add_loop_test(tc, does_as_a_plain_table, 0, 2);
    suite_add_tcase(s, tc);
    return s;
}
