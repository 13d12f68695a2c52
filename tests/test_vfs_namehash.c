/* test_vfs_namehash.c - tables of hashes: what is found, and every bound */
#include <stdio.h>
#include <string.h>

#include "arenas.h"
#include "shale/mem.h"
#include "suite.h"
#include "vfs/namehash.h"

#define PAGE 4096u              /* bytes of an empty table's slots */
#define FILL 340u               /* entries that fit them: two in three */

static struct test_source source;
static struct shale_mem *mem;
static struct namehash_budget budget;

static void setup(void)
{
    test_source_init(&source, (size_t)256 << 10, 0);
    mem = shale_mem_create(&source.base, NULL, 0);
    ck_assert_ptr_nonnull(mem);
    budget = (struct namehash_budget){ .max = SIZE_MAX };
}

static void teardown(void)
{
    test_mem_sound(mem, "at the end");
    ck_assert_uint_eq(budget.used, 0);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}

static struct namehash *create(void)
{
    struct namehash *table = namehash_create(mem, &budget);

    ck_assert_ptr_nonnull(table);
    return table;
}

/* All positions of HASH, as text: "3 1 " */
static const char *positions(const struct namehash *table, uint32_t hash)
{
    static char text[256];
    struct namehash_search search = namehash_start(table, hash);
    uint32_t position;
    size_t len = 0;

    text[0] = '\0';
    while (namehash_next(&search, &position))
        len += (size_t)snprintf(text + len, sizeof text - len, "%u ",
                                position);
    return text;
}

/* Is POSITION the one place of HASH? */
static bool is_at(const struct namehash *table, uint32_t hash,
                  uint32_t position)
{
    struct namehash_search search = namehash_start(table, hash);
    uint32_t found, more;

    return namehash_next(&search, &found) && found == position &&
           !namehash_next(&search, &more);
}

/* --------------------------------------------------------------- entries */

static const struct {
    const char *what;
    uint32_t hashes[6];         /* entry I is at position I; ends with END */
    uint32_t ask;
    const char *found;
} cases[] = {
#define END 0xeeeeeeeeu
    { "an empty table", { END }, 5, "" },
    { "one", { 5, END }, 5, "0 " },
    { "one, and another asked for", { 5, END }, 6, "" },
    { "one in its place, not it", { 5, END }, 512 + 5, "" },
    { "two of one hash, in order", { 5, 5, END }, 5, "0 1 " },
    { "with others between", { 5, 6, 5, 7, 5, END }, 5, "0 2 4 " },
    { "second in its place", { 5, 512 + 5, END }, 512 + 5, "1 " },
    { "first in its place", { 5, 512 + 5, END }, 5, "0 " },
    { "pushed aside twice", { 5, 6, 512 + 5, 512 + 6, END }, 512 + 6, "3 " },
    { "the last slot", { 511, END }, 511, "0 " },
    { "round the end", { 511, 1023, UINT32_MAX, END }, UINT32_MAX, "2 " },
    { "round the end, one hash", { 511, 511, 511, END }, 511, "0 1 2 " },
    { "hash 0", { 0, END }, 0, "0 " },
    { "hash 0, not there", { END }, 0, "" },
    { "0 counts as 1: a candidate too many", { 0, 1, END }, 1, "0 1 " },
};

START_TEST(finds_positions)
{
    struct namehash *table = create();

    for (uint32_t i = 0; cases[_i].hashes[i] != END; i++)
        ck_assert(namehash_add(table, cases[_i].hashes[i], i));
    ck_assert_msg(strcmp(positions(table, cases[_i].ask), cases[_i].found) ==
                      0,
                  "%s: %s", cases[_i].what, positions(table, cases[_i].ask));
    namehash_destroy(table);
}
END_TEST

START_TEST(any_position_will_do)
{
    struct namehash *table = create();

    ck_assert(namehash_add(table, 1, 0));
    ck_assert(namehash_add(table, 1, UINT32_MAX));
    ck_assert_str_eq(positions(table, 1), "0 4294967295 ");
    namehash_destroy(table);
    namehash_destroy(NULL);
}
END_TEST

/* The names that a hash has to tell apart are often much alike. */
START_TEST(hashes_names_well)
{
    enum { COUNT = 100000, BUCKETS = 1024 };
    static unsigned bucket[BUCKETS];
    char name[32];

    memset(bucket, 0, sizeof bucket);
    for (unsigned i = 0; i < COUNT; i++) {
        int len = snprintf(name, sizeof name, "file-%05u.txt", i);

        bucket[namehash_of(name, (size_t)len) % BUCKETS]++;
    }
    /* 98 on average; a good hash strays from that by 10 at a time. */
    for (unsigned i = 0; i < BUCKETS; i++)
        ck_assert_msg(bucket[i] > 48 && bucket[i] < 148, "bucket %u: %u", i,
                      bucket[i]);
    ck_assert_uint_ne(namehash_of("ab", 2), namehash_of("ba", 2));
    ck_assert_uint_ne(namehash_of("a", 1), namehash_of("a\0", 2));
    ck_assert_uint_eq(namehash_of("ab", 1), namehash_of("a", 1));
}
END_TEST

/* ---------------------------------------------------------------- growth */

START_TEST(grows)
{
    enum { COUNT = 20000 };
    struct namehash *table = create();

    for (uint32_t i = 0; i < COUNT; i++)
        ck_assert(namehash_add(table, namehash_of(&i, sizeof i), i));
    /* 16384 slots are too few for two in three, 32768 are not. */
    ck_assert_uint_eq(budget.used, 32768 * 8);
    for (uint32_t i = 0; i < COUNT; i++)
        ck_assert(is_at(table, namehash_of(&i, sizeof i), i));
    for (uint32_t i = COUNT; i < 2 * COUNT; i++)
        ck_assert_str_eq(positions(table, namehash_of(&i, sizeof i)), "");
    namehash_destroy(table);
}
END_TEST

START_TEST(grows_when_two_in_three_are_taken)
{
    struct namehash *table = create();

    for (uint32_t i = 1; i <= FILL; i++)
        ck_assert(namehash_add(table, i, i));
    ck_assert_uint_eq(budget.used, PAGE);
    ck_assert(namehash_add(table, FILL + 1, 0));
    ck_assert_uint_eq(budget.used, 2 * PAGE);
    namehash_destroy(table);
}
END_TEST

/* From the last slot on, and so round the end, through several tables. */
START_TEST(keeps_the_order_of_one_hash)
{
    struct namehash *table = create();

    for (uint32_t i = 0; i < 8; i++)
        ck_assert(namehash_add(table, UINT32_MAX, i));
    for (uint32_t i = 1; i < 5000; i++) {
        ck_assert(namehash_add(table, i * 7919, i));
        if (i == FILL || i == 2 * FILL || i == 4999)
            ck_assert_str_eq(positions(table, UINT32_MAX),
                             "0 1 2 3 4 5 6 7 ");
    }
    namehash_destroy(table);
}
END_TEST

/* ---------------------------------------------------------------- bounds */

START_TEST(few_entries_have_one_hash)
{
    struct namehash *table = create();

    for (uint32_t i = 0; i < NAMEHASH_SAME; i++)
        ck_assert(namehash_add(table, 77, i));
    ck_assert(!namehash_add(table, 77, 0));
    ck_assert(namehash_add(table, 78, 0));
    namehash_destroy(table);
}
END_TEST

/* Hashes that all want one slot, however many slots there are. */
START_TEST(no_entry_is_far_from_its_place)
{
    struct namehash *table = create();

    for (uint32_t i = 0; i < NAMEHASH_PROBES; i++)
        ck_assert(namehash_add(table, i << 20 | 7, i));
    ck_assert(!namehash_add(table, NAMEHASH_PROBES << 20 | 7, 0));
    for (uint32_t i = 0; i < NAMEHASH_PROBES; i++)
        ck_assert(is_at(table, i << 20 | 7, i));
    ck_assert_str_eq(positions(table, NAMEHASH_PROBES << 20 | 7), "");
    namehash_destroy(table);
}
END_TEST

/* Add entries until one is refused. Returns how many were not. */
static uint32_t fill(struct namehash *table)
{
    uint32_t count = 0;

    /* Any 2^n of these in a row differ in their low n bits. */
    while (namehash_add(table, count * 0x9e3779b1u, count))
        count++;
    return count;
}

START_TEST(one_table_is_bounded)
{
    struct namehash *table = create();

    ck_assert_uint_eq(fill(table), NAMEHASH_MAX / 8 / 3 * 2);
    ck_assert_uint_eq(budget.used, NAMEHASH_MAX);
    ck_assert(is_at(table, 1000000 * 0x9e3779b1u, 1000000));
    namehash_destroy(table);
}
END_TEST

static const struct {
    const char *what;
    size_t max;
    bool made;
    uint32_t entries;           /* that fit one table */
} budgets[] = {
    { "nothing", 0, false, 0 },
    { "less than a page", PAGE - 1, false, 0 },
    { "a page", PAGE, true, FILL },
    { "two do not fit next to it", 3 * PAGE - 1, true, FILL },
    { "two pages next to one", 3 * PAGE, true, 682 },
    { "four next to two", 6 * PAGE, true, 1364 },
};

START_TEST(all_tables_are_bounded)
{
    struct namehash *table;

    budget.max = budgets[_i].max;
    table = namehash_create(mem, &budget);
    ck_assert_msg(!table == !budgets[_i].made, "%s", budgets[_i].what);
    if (table)
        ck_assert_msg(fill(table) == budgets[_i].entries, "%s",
                      budgets[_i].what);
    ck_assert_uint_le(budget.used, budget.max);
    namehash_destroy(table);
}
END_TEST

START_TEST(tables_share_a_budget)
{
    struct namehash *first = create(), *second;

    budget.max = 2 * PAGE;
    second = create();
    ck_assert_ptr_null(namehash_create(mem, &budget));
    ck_assert_uint_eq(fill(first), FILL);
    namehash_destroy(first);
    ck_assert_uint_eq(fill(second), FILL);  /* it would take two for a while */
    namehash_destroy(second);
}
END_TEST

START_TEST(every_allocation_fails_once)
{
    enum { COUNT = 2000 };      /* one struct, and slots four times */
    uint64_t nth;
    bool failed = true;

    for (nth = 0; failed; nth++) {
        struct namehash *table;
        uint32_t i = 0;

        shale_mem_fail_at(mem, nth);
        table = namehash_create(mem, &budget);
        while (table && i < COUNT && namehash_add(table, i * 0x9e3779b1u, i))
            i++;
        failed = shale_mem_failed(mem);
        ck_assert_int_eq(i == COUNT, !failed);
        if (table && i > 0)
            ck_assert(is_at(table, (i - 1) * 0x9e3779b1u, i - 1));
        namehash_destroy(table);
        ck_assert_uint_eq(budget.used, 0);
        ck_assert_uint_eq(test_mem_stats(mem).live, 0);
    }
    ck_assert_uint_ge(nth, 6);
}
END_TEST

#define LOOP(tc, test, table) \
    tcase_add_loop_test(tc, test, 0, sizeof table / sizeof table[0])

/* ---------------------------------------------------------------- removal */

static const struct {
    const char *what;
    uint32_t hashes[6];         /* as above */
    uint32_t hash, position;    /* what is removed */
    uint32_t ask;
    const char *found;
} removals[] = {
    { "the only one", { 5, END }, 5, 0, 5, "" },
    { "what is not there", { 5, END }, 6, 0, 5, "0 " },
    { "that hash elsewhere", { 5, END }, 5, 7, 5, "0 " },
    { "the first of one hash", { 5, 5, 5, END }, 5, 0, 5, "1 2 " },
    { "the middle one", { 5, 5, 5, END }, 5, 1, 5, "0 2 " },
    { "the last one", { 5, 5, 5, END }, 5, 2, 5, "0 1 " },
    { "before one put behind", { 5, 517, END }, 5, 0, 517, "1 " },
    { "before one in its place", { 5, 6, END }, 5, 0, 6, "1 " },
    { "before both", { 5, 6, 517, END }, 5, 0, 517, "2 " },
    { "before both, the other", { 5, 6, 517, END }, 5, 0, 6, "1 " },
    { "across the end", { 511, 1023, 511, END }, 511, 0, 1023, "1 " },
    { "across the end, the same", { 511, 1023, 511, END }, 511, 0, 511, "2 " },
    { "hash 0", { 0, 0, END }, 0, 0, 0, "1 " },
};

START_TEST(forgets_one)
{
    struct namehash *table = create();

    for (uint32_t i = 0; removals[_i].hashes[i] != END; i++)
        ck_assert(namehash_add(table, removals[_i].hashes[i], i));
    namehash_remove(table, removals[_i].hash, removals[_i].position);
    ck_assert_msg(strcmp(positions(table, removals[_i].ask),
                         removals[_i].found) == 0,
                  "%s: %s", removals[_i].what,
                  positions(table, removals[_i].ask));
    namehash_destroy(table);
}
END_TEST

/* Come and go as files do: the table does not grow, and knows who is there. */
START_TEST(many_come_and_go)
{
    struct namehash *table = create();
    size_t used = budget.used;

    for (uint32_t i = 0; i < 100000; i++) {
        ck_assert(namehash_add(table, namehash_of(&i, sizeof i), i));
        if (i >= 300) {
            uint32_t old = i - 300;

            ck_assert(is_at(table, namehash_of(&old, sizeof old), old));
            namehash_remove(table, namehash_of(&old, sizeof old), old);
            ck_assert_str_eq(positions(table, namehash_of(&old, sizeof old)),
                             "");
        }
    }
    ck_assert_uint_eq(budget.used, used);
    namehash_destroy(table);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/namehash");
    TCase *tc = tcase_create("namehash");

    tcase_add_checked_fixture(tc, setup, teardown);
    LOOP(tc, finds_positions, cases);
    tcase_add_test(tc, any_position_will_do);
    tcase_add_test(tc, hashes_names_well);
    tcase_add_test(tc, grows);
    tcase_add_test(tc, grows_when_two_in_three_are_taken);
    tcase_add_test(tc, keeps_the_order_of_one_hash);
    tcase_add_test(tc, few_entries_have_one_hash);
    tcase_add_test(tc, no_entry_is_far_from_its_place);
    tcase_add_test(tc, one_table_is_bounded);
    LOOP(tc, all_tables_are_bounded, budgets);
    tcase_add_test(tc, tables_share_a_budget);
    tcase_add_test(tc, every_allocation_fails_once);
    LOOP(tc, forgets_one, removals);
    tcase_add_test(tc, many_come_and_go);
    suite_add_tcase(s, tc);
    return s;
}
