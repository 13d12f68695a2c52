/* test_mem_pages.c - runs of pages from arenas of every shape */
#include <check.h>

#include "arenas.h"
#include "suite.h"

#define PAGE ((size_t)SHALE_PAGE_SIZE)

/* The longest run that can be had now, in pages. */
static size_t longest_run(struct shale_mem *mem, size_t most)
{
    for (size_t pages = most; pages > 0; pages--) {
        void *run = shale_alloc(mem, pages * PAGE);

        if (run) {
            shale_free(mem, run, pages * PAGE);
            return pages;
        }
    }
    return 0;
}

/* ------------------------------------------------------- one static arena */

static const struct {
    const char *what;
    size_t pages;               /* whole ones in the array */
    size_t skip;                /* bytes that the array begins off a page */
} arrays[] = {
    { "a power of two",          256, 0 },
    { "one page less",           255, 0 },
    { "one page more",           257, 0 },
    { "a prime",                 131, 0 },
    { "not at a page",           64,  1 },
    { "16 bytes before a page",  37,  SHALE_PAGE_SIZE - 16 },
    { "few",                     8,   0 },
};

static bool all_bytes(const void *bytes, size_t len, uint8_t value)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++) {
        if (at[i] != value)
            return false;
    }
    return true;
}

/* Take every page, free them in an order that depends on STEP. */
static void drain_and_refill(struct shale_mem *mem, size_t step)
{
    void *pages[300];
    size_t count = 0;

    while ((pages[count] = shale_alloc(mem, PAGE))) {
        memset(pages[count], (int)count, PAGE);
        count++;
    }
    ck_assert_uint_gt(count, 0);
    test_mem_sound(mem, "exhausted");

    for (size_t i = 0, at = 0; i < count; i++) {
        at = (at + step) % count;
        while (!pages[at])
            at = (at + 1) % count;
        ck_assert(all_bytes(pages[at], PAGE, (uint8_t)at));
        shale_free(mem, pages[at], PAGE);
        pages[at] = NULL;
    }
    test_mem_sound(mem, "refilled");
}

START_TEST(static_arena_is_all_there_again)
{
    static uint8_t array[260 * SHALE_PAGE_SIZE]
        __attribute__((aligned(SHALE_PAGE_SIZE)));
    size_t pages = arrays[_i].pages, skip = arrays[_i].skip;
    struct shale_static_arena arena;
    struct shale_mem *mem;
    size_t idle, longest;

    shale_static_arena_init(&arena, array + skip,
                            (pages + (skip != 0)) * PAGE - skip);
    mem = shale_mem_create(&arena.source, NULL, 0);
    ck_assert_msg(mem != NULL, "%s", arrays[_i].what);
    ck_assert_ptr_null(arena.bytes);
    idle = test_mem_stats(mem).in_use;
    longest = longest_run(mem, pages);
    ck_assert_uint_gt(longest, 0);
    ck_assert_uint_eq(test_mem_stats(mem).borrowed, pages * PAGE);

    for (size_t step = 1; step < 12; step += 3) {
        drain_and_refill(mem, step);
        ck_assert_uint_eq(test_mem_stats(mem).in_use, idle);
        ck_assert_uint_eq(longest_run(mem, pages), longest);
    }
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
    ck_assert_ptr_nonnull(arena.bytes);
}
END_TEST

START_TEST(too_small_an_array_lends_nothing)
{
    static uint8_t array[2 * SHALE_PAGE_SIZE]
        __attribute__((aligned(SHALE_PAGE_SIZE)));
    static const struct { size_t skip, size; } sizes[] = {
        { 0, 0 }, { 0, 4095 }, { 1, 8190 }, { 4095, 0 }, { 0, 4096 },
    };

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct shale_static_arena arena;

        shale_static_arena_init(&arena, array + sizes[i].skip, sizes[i].size);
        ck_assert_ptr_null(shale_mem_create(&arena.source, NULL, 0));
    }
}
END_TEST

START_TEST(runs_take_no_more_pages_than_they_need)
{
    struct test_source source;
    struct shale_mem *mem;
    size_t idle;

    test_source_init(&source, 1 << 20, 3 * PAGE);
    mem = shale_mem_create(&source.base, NULL, 0);
    idle = test_mem_stats(mem).in_use;
    for (size_t pages = 1; pages <= 100; pages++) {
        size_t size = pages * PAGE - (pages % 7) * 11;
        uint8_t *run = shale_alloc(mem, size);

        ck_assert_ptr_nonnull(run);
        ck_assert_uint_eq((uintptr_t)run % PAGE, 0);
        memset(run, 1, size);
        ck_assert_uint_eq(test_mem_stats(mem).in_use, idle + pages * PAGE);
        ck_assert_uint_eq(test_mem_stats(mem).live, size);
        test_mem_sound(mem, "one run");
        shale_free(mem, run, size);
        ck_assert_uint_eq(test_mem_stats(mem).in_use, idle);
    }
    test_mem_sound(mem, "no run");
    ck_assert_uint_eq(source.lends, 1);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
    ck_assert_uint_eq(source.arenas, 0);
}
END_TEST

/* --------------------------------------------------------- several arenas */

static const struct {
    const char *what;
    size_t chunk, shift, run;   /* pages */
} chunks[] = {
    { "many runs an arena",         64,  0, 1 },
    { "few runs an arena",          64,  5, 11 },
    { "arenas of an odd size",      37,  1, 4 },
    { "one run an arena",           16,  0, 16 },
    { "a run larger than a chunk",  16,  7, 50 },
    { "arenas cut to measure",      0,   0, 3 },
};

START_TEST(arenas_come_and_go)
{
    enum { RUNS = 300 };
    size_t size = chunks[_i].run * PAGE;
    struct test_source source;
    struct shale_mem *mem;
    uint8_t *runs[RUNS];

    test_source_init(&source, chunks[_i].chunk * PAGE,
                     chunks[_i].shift * PAGE);
    mem = shale_mem_create(&source.base, NULL, 0);
    for (size_t i = 0; i < RUNS; i++) {
        runs[i] = shale_alloc(mem, size);
        ck_assert_ptr_nonnull(runs[i]);
        memset(runs[i], (int)i, size);
    }
    ck_assert_uint_gt(source.arenas, 2);
    ck_assert_uint_eq(test_mem_stats(mem).borrowed, source.bytes);
    test_mem_sound(mem, chunks[_i].what);

    for (size_t i = 0, at = 0; i < RUNS; i++, at = (at + 77) % RUNS) {
        ck_assert(all_bytes(runs[at], size, (uint8_t)at));
        shale_free(mem, runs[at], size);
        if (i % 37 == 0)
            test_mem_sound(mem, chunks[_i].what);
    }
    /* The first holds the allocator, and one is kept for next time. */
    ck_assert_uint_le(source.arenas, 2);
    ck_assert_uint_eq(test_mem_stats(mem).borrowed, source.bytes);
    test_mem_sound(mem, chunks[_i].what);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
    ck_assert_uint_eq(source.arenas, 0);
}
END_TEST

START_TEST(a_caller_at_the_edge_does_not_borrow_in_turns)
{
    struct test_source source;
    struct shale_mem *mem;
    void *held[64];
    size_t count = 0, lends;

    test_source_init(&source, 32 * PAGE, 0);
    mem = shale_mem_create(&source.base, NULL, 0);
    while (source.lends == 1)
        held[count++] = shale_alloc(mem, PAGE);
    lends = source.lends;
    for (int i = 0; i < 50; i++) {
        shale_free(mem, held[count - 1], PAGE);
        held[count - 1] = shale_alloc(mem, PAGE);
        ck_assert_ptr_nonnull(held[count - 1]);
    }
    ck_assert_uint_eq(source.lends, lends);
    while (count > 0)
        shale_free(mem, held[--count], PAGE);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}
END_TEST

/* A kernel may lend what it never wants to see again. */
START_TEST(a_source_may_refuse_to_take_back)
{
    struct test_source source;
    struct shale_mem *mem;
    void *runs[20];

    test_source_init(&source, 16 * PAGE, 0);
    source.base.give_back = NULL;
    mem = shale_mem_create(&source.base, NULL, 0);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 20; i++)
            ck_assert_ptr_nonnull(runs[i] = shale_alloc(mem, 5 * PAGE));
        for (size_t i = 0; i < 20; i++)
            shale_free(mem, runs[i], 5 * PAGE);
        test_mem_sound(mem, "all free");
    }
    ck_assert_uint_eq(source.lends, source.arenas);
    ck_assert_uint_le(source.lends, 21);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
    test_source_free(&source);
}
END_TEST

/* ------------------------------------------------------------------ budget */

static const struct {
    size_t chunk, budget;       /* pages */
} budgets[] = {
    { 16, 100 }, { 64, 100 }, { 1, 33 }, { 1000, 40 }, { 37, 111 },
};

START_TEST(budget_is_never_exceeded)
{
    size_t budget = budgets[_i].budget * PAGE + 123;
    struct test_source source;
    struct shale_mem *mem;
    void *runs[200];
    size_t count = 0, again = 0;

    test_source_init(&source, budgets[_i].chunk * PAGE, 0);
    mem = shale_mem_create(&source.base, NULL, budget);
    ck_assert_ptr_nonnull(mem);
    ck_assert_uint_eq(test_mem_stats(mem).budget, budget);

    while ((runs[count] = shale_alloc(mem, PAGE))) {
        ck_assert_uint_le(test_mem_stats(mem).borrowed, budget);
        ck_assert_uint_lt(++count, 200);
    }
    ck_assert_uint_gt(count, budgets[_i].budget / 3);
    test_mem_sound(mem, "at the budget");
    ck_assert_ptr_null(shale_alloc(mem, 2 * budget));
    ck_assert_ptr_null(shale_alloc(mem, SIZE_MAX));
    ck_assert_ptr_null(shale_alloc(mem, SIZE_MAX - PAGE));

    for (size_t i = 0; i < count; i++)
        shale_free(mem, runs[i], PAGE);
    while ((runs[again] = shale_alloc(mem, PAGE)))
        again++;
    ck_assert_uint_eq(again, count);
    while (again > 0)
        shale_free(mem, runs[--again], PAGE);
    test_mem_sound(mem, "below it again");
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}
END_TEST

START_TEST(budget_too_small_to_begin)
{
    struct test_source source;

    test_source_init(&source, 64 * PAGE, 0);
    ck_assert_ptr_null(shale_mem_create(&source.base, NULL, 1));
    ck_assert_ptr_null(shale_mem_create(&source.base, NULL, PAGE));
    ck_assert_uint_eq(source.lends, 0);
}
END_TEST

/* An arena kept only to be fast must not stand in the way of a larger one. */
START_TEST(the_spare_arena_makes_room)
{
    struct test_source source;
    struct shale_mem *mem;
    void *small, *large;

    test_source_init(&source, 16 * PAGE, 0);
    mem = shale_mem_create(&source.base, NULL, 60 * PAGE);
    small = shale_alloc(mem, 15 * PAGE);
    ck_assert_ptr_nonnull(small);
    shale_free(mem, small, 15 * PAGE);
    ck_assert_uint_eq(source.arenas, 2);

    large = shale_alloc(mem, 40 * PAGE);
    ck_assert_ptr_nonnull(large);
    ck_assert_uint_eq(source.arenas, 2);
    test_mem_sound(mem, "large");
    shale_free(mem, large, 40 * PAGE);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}
END_TEST

/* ------------------------------------------------- two who grow at a time */

static struct shale_mem *grown;
static void *of_another;

/* Somebody else borrows the last there is while we ask for it. */
static void *lend_to_another(struct shale_arena_source *base, size_t min,
                             size_t *size)
{
    base->lend = test_lend;
    of_another = shale_alloc(grown, PAGE);
    ck_assert_ptr_nonnull(of_another);
    return test_lend(base, min, size);
}

/* What he borrowed has room for both. */
START_TEST(another_has_borrowed)
{
    struct test_source source;
    void *pages[64];
    size_t count = 0;

    test_source_init(&source, 16 * PAGE, 0);
    source.limit = 1;
    grown = shale_mem_create(&source.base, NULL, 0);
    while (count < 64 && (pages[count] = shale_alloc(grown, 2 * PAGE)))
        count++;
    ck_assert_uint_lt(count, 64);
    source.limit = 2;
    source.base.lend = lend_to_another;
    ck_assert_ptr_nonnull(pages[count] = shale_alloc(grown, 2 * PAGE));
    ck_assert_uint_eq(source.arenas, 2);
    shale_free(grown, of_another, PAGE);
    for (size_t i = 0; i <= count; i++)
        shale_free(grown, pages[i], 2 * PAGE);
    test_mem_sound(grown, "at the end");
    ck_assert_uint_eq(shale_mem_destroy(grown), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("mem/pages");
    TCase *tc = tcase_create("static");

    tcase_add_loop_test(tc, static_arena_is_all_there_again, 0,
                        sizeof arrays / sizeof arrays[0]);
    tcase_add_test(tc, too_small_an_array_lends_nothing);
    tcase_add_test(tc, another_has_borrowed);
    suite_add_tcase(s, tc);

    tc = tcase_create("arenas");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, runs_take_no_more_pages_than_they_need);
    tcase_add_loop_test(tc, arenas_come_and_go, 0,
                        sizeof chunks / sizeof chunks[0]);
    tcase_add_test(tc, a_caller_at_the_edge_does_not_borrow_in_turns);
    tcase_add_test(tc, a_source_may_refuse_to_take_back);
    suite_add_tcase(s, tc);

    tc = tcase_create("budget");
    tcase_add_loop_test(tc, budget_is_never_exceeded, 0,
                        sizeof budgets / sizeof budgets[0]);
    tcase_add_test(tc, budget_too_small_to_begin);
    tcase_add_test(tc, the_spare_arena_makes_room);
    suite_add_tcase(s, tc);
    return s;
}
