/* test_block_txfree.c - what transactions free: when, joined, and in order */
#include "test_block_cache.h"

static void setup(void)
{
    rig_open(64);
}

static void teardown(void)
{
    rig_close();
}

static void free_run(uint64_t first, uint64_t count)
{
    ck_assert_int_eq(shale_tx_free(rig.tx,
                                   (struct shale_tx_run){ first, count }), 0);
}

/* All that can be taken, as text: "5+2 9+1 ". */
static const char *taken(void)
{
    static char text[4096];
    struct shale_tx_run run;
    char *end = text;

    text[0] = '\0';
    while (shale_tx_take_free(rig.tx, &run))
        end += sprintf(end, "%llu+%llu ", (unsigned long long)run.first,
                       (unsigned long long)run.count);
    return text;
}

START_TEST(free_only_after_the_batch)
{
    rig_fill(3, 0xaa, SHALE_RANK_NODE);
    shale_tx_begin(rig.tx);
    free_run(10, 2);
    ck_assert(shale_tx_frees_pending(rig.tx));
    shale_tx_commit(rig.tx);
    ck_assert(shale_tx_frees_pending(rig.tx));
    ck_assert_str_eq(taken(), "");

    /* A batch that is not written whole frees nothing. */
    shale_fault_at(&rig.fault, 2, 1, SHALE_EIO);
    ck_assert_int_eq(shale_tx_write(rig.tx), SHALE_EIO);
    ck_assert_str_eq(taken(), "");
    ck_assert_uint_eq(shale_tx_batch(rig.tx), 1);

    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_uint_eq(shale_tx_batch(rig.tx), 2);
    ck_assert(shale_tx_frees_pending(rig.tx));

    /* What the next one frees is told apart, neighbours or not. */
    shale_tx_begin(rig.tx);
    free_run(12, 1);
    shale_tx_commit(rig.tx);
    ck_assert_str_eq(taken(), "10+2 ");
    ck_assert_str_eq(taken(), "");
    ck_assert(shale_tx_frees_pending(rig.tx));
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(taken(), "12+1 ");
    ck_assert(!shale_tx_frees_pending(rig.tx));
}
END_TEST

START_TEST(undo_frees_nothing)
{
    shale_tx_begin(rig.tx);
    free_run(10, 2);
    shale_tx_commit(rig.tx);
    shale_tx_begin(rig.tx);
    free_run(12, 1);
    free_run(20, 1);
    shale_tx_undo(rig.tx);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(taken(), "10+2 ");
    shale_tx_begin(rig.tx);
    free_run(10, 2);
    shale_tx_undo(rig.tx);
    ck_assert(!shale_tx_frees_pending(rig.tx));
}
END_TEST

static const struct {
    const char *what;
    struct shale_tx_run runs[6];    /* first UINT64_MAX: a commit */
    unsigned count;
    const char *taken;
} joins[] = {
    { "apart", { { 5, 2 }, { 8, 1 } }, 2, "5+2 8+1 " },
    { "rising", { { 5, 2 }, { 7, 1 }, { 8, 3 } }, 3, "5+6 " },
    { "falling", { { 8, 3 }, { 7, 1 }, { 5, 2 } }, 3, "5+6 " },
    { "not the last", { { 5, 1 }, { 9, 1 }, { 6, 1 } }, 3, "5+1 9+1 6+1 " },
    { "two transactions", { { 5, 1 }, { UINT64_MAX, 0 }, { 6, 1 } }, 3,
      "5+2 " },
    { "no units", { { 5, 1 }, { 6, 0 }, { 6, 1 } }, 3, "5+1 6+0 6+1 " },
    { "no units before", { { 6, 0 }, { 6, 1 } }, 2, "6+0 6+1 " },
    { "no units twice", { { 6, 0 }, { 6, 0 } }, 2, "6+0 6+0 " },
    { "the same twice", { { 6, 1 }, { 6, 1 } }, 2, "6+1 6+1 " },
    { "as many as can be", { { 0, UINT64_MAX - 1 }, { UINT64_MAX - 1, 1 } }, 2,
      "0+18446744073709551615 " },
    { "and more", { { 0, UINT64_MAX - 1 }, { UINT64_MAX - 1, 2 } }, 2,
      "0+18446744073709551614 18446744073709551614+2 " },
};

START_TEST(neighbours_are_joined)
{
    const char *got;

    shale_tx_begin(rig.tx);
    for (unsigned i = 0; i < joins[_i].count; i++) {
        struct shale_tx_run run = joins[_i].runs[i];

        if (run.first == UINT64_MAX) {
            shale_tx_commit(rig.tx);
            shale_tx_begin(rig.tx);
        } else {
            free_run(run.first, run.count);
        }
    }
    shale_tx_commit(rig.tx);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    got = taken();
    ck_assert_msg(strcmp(got, joins[_i].taken) == 0, "%s: %s", joins[_i].what,
                  got);
}
END_TEST

/* Freed, written, taken in turns of changing lengths: none lost, in order. */
/* What is free already but cannot be had yet, of some kind. */
START_TEST(freed_and_not_reclaimed)
{
    struct shale_tx_run run;

    shale_tx_begin(rig.tx);
    free_run(10, 2);
    free_run(2000, 3);
    shale_tx_undo(rig.tx);
    ck_assert_uint_eq(shale_tx_freed(rig.tx, UINT64_MAX), 0);
    shale_tx_begin(rig.tx);
    free_run(10, 2);
    free_run(20, 5);
    free_run(2000, 3);
    ck_assert_uint_eq(shale_tx_freed(rig.tx, 20), 2);
    shale_tx_commit(rig.tx);
    ck_assert_uint_eq(shale_tx_freed(rig.tx, 21), 7);
    ck_assert_uint_eq(shale_tx_freed(rig.tx, UINT64_MAX), 10);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_uint_eq(shale_tx_freed(rig.tx, UINT64_MAX), 10);
    ck_assert(shale_tx_take_free(rig.tx, &run));
    ck_assert_uint_eq(shale_tx_freed(rig.tx, UINT64_MAX), 8);
    ck_assert_uint_eq(shale_tx_freed(rig.tx, 100), 5);
}
END_TEST

START_TEST(many_frees)
{
    uint64_t freed = 0, written = 0, got = 0;

    for (unsigned round = 1; round < 60; round++) {
        struct shale_tx_run run;

        for (unsigned i = 0; i < round * 7; i++) {
            shale_tx_begin(rig.tx);
            free_run(2 * freed++, 1);
            free_run(2 * freed++, 1);
            free_run(1 << 30, 7);
            if (i % 5 == 0) {
                shale_tx_undo(rig.tx);
                freed -= 2;
                continue;
            }
            shale_tx_commit(rig.tx);
        }
        if (round % 3 == 0) {
            ck_assert_int_eq(shale_tx_write(rig.tx), 0);
            written = freed;
        }
        for (unsigned i = 0; round % 4 == 0 || i < round * 5; i++) {
            if (!shale_tx_take_free(rig.tx, &run))
                break;
            if (run.count == 7)
                continue;
            ck_assert_uint_eq(run.first, 2 * got++);
            ck_assert_uint_eq(run.count, 1);
            ck_assert_uint_le(got, written);
        }
    }
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    for (struct shale_tx_run run; shale_tx_take_free(rig.tx, &run);)
        got += run.count == 1;
    ck_assert_uint_eq(got, freed);
    ck_assert(!shale_tx_frees_pending(rig.tx));
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

Suite *suite(void)
{
    Suite *s = suite_create("block/txfree");
    TCase *tc = tcase_create("free");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, free_only_after_the_batch);
    tcase_add_test(tc, undo_frees_nothing);
    tcase_add_loop_test(tc, neighbours_are_joined, 0, COUNT(joins));
    tcase_add_test(tc, freed_and_not_reclaimed);
    tcase_add_test(tc, many_frees);
    suite_add_tcase(s, tc);
    return s;
}
