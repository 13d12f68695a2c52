/*
 * test_mem_magazine_room.c - how much is at hand, and what becomes of it
 *
 * Magazines get more room where that saves the lock, together no more than a
 * part of all memory, and are empty when somebody is short of it.
 */
#include <string.h>

#include "arenas.h"
#include "shale/mem.h"
#include "suite.h"

#ifdef SHALE_MEM_DEBUG
enum { AT_HAND = 0 };           /* such builds have none */
#else
enum { AT_HAND = 1 };
#endif

/* The way to a thread's own place is short on these; elsewhere it is asked. */
#if defined __x86_64__ || defined __aarch64__
enum { IS_FAST = AT_HAND };
#else
enum { IS_FAST = 0 };
#endif

enum { PLACES = 3, KIB = 1024 };

/* ------------------------------------------- places that the test moves to */

static _Thread_local unsigned here;     /* plus 1; 0: nowhere */
static unsigned asked;          /* how often where that is */

static unsigned enter(struct shale_places *places)
{
    asked++;
    return here ? here - 1 : places->count;
}

static const unsigned *own(struct shale_places *places)
{
    (void)places;
    return &here;
}

static struct shale_places places = {
    .count = PLACES, .enter = enter, .own = own,
};

static struct test_source source;
static struct shale_mem *mem;

/* An allocator with magazines, of BUDGET, or of COUNT arenas; 0: any number. */
static void begin(size_t budget, size_t count)
{
    test_source_init(&source, (size_t)256 * KIB, 0);
    source.base.is_plenty = budget == 0 && count == 0;
    source.limit = count;
    mem = shale_mem_create(&source.base, NULL, budget);
    ck_assert_ptr_nonnull(mem);
    ck_assert_int_eq(shale_mem_set_places(mem, &places), 0);
    here = 1;
}

static void end(void)
{
    test_mem_sound(mem, "at the end");
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
    here = 0;
}

static size_t in_use(void)
{
    struct shale_mem_stats stats;

    shale_mem_stats(mem, &stats);
    return stats.in_use;
}

enum { HELD_MAX = 4096 };

static void *held[HELD_MAX];

/* Allocate COUNT objects of SIZE bytes, or as many as there are. */
static size_t take(size_t count, size_t size)
{
    size_t taken = 0;

    while (taken < count && (held[taken] = shale_alloc(mem, size)))
        taken++;
    return taken;
}

static void give(size_t count, size_t size)
{
    while (count > 0)
        shale_free(mem, held[--count], size);
}

/* ------------------------------------------------------------------ tests */

static const size_t sizes[] = { 24, 320, 1024, 4096 };

/* Many at once, time and again: all of them are at hand in the end. */
START_TEST(as_many_as_are_wanted)
{
    enum { MANY = 64 };
    size_t size = sizes[_i];
    unsigned before;

    begin(0, 0);
    for (unsigned round = 0; round < 20; round++) {
        ck_assert_uint_eq(take(MANY, size), MANY);
        give(MANY, size);
    }
    before = asked;
    ck_assert_uint_eq(take(MANY, size), MANY);
    give(MANY, size);
    if (IS_FAST)
        ck_assert_uint_eq(asked, before);
    end();
}
END_TEST

/* ... and when so many are no more wanted, they are not kept. */
START_TEST(no_more_than_are_wanted)
{
    enum { MANY = 64 };
    size_t size = sizes[_i], before;

    begin(0, 0);
    before = in_use();
    for (unsigned round = 0; round < 20; round++) {
        ck_assert_uint_eq(take(MANY, size), MANY);
        give(MANY, size);
    }
    ck_assert_uint_eq(take(HELD_MAX, size), HELD_MAX);
    give(HELD_MAX, size);
    ck_assert_uint_le(in_use() - before, (size_t)256 * KIB);
    end();
}
END_TEST

/* What others have at hand is a small part of the budget. */
START_TEST(a_part_of_the_budget)
{
    enum { BUDGET = 4 << 20, PART = BUDGET / 8 };
    size_t most, found;

    begin(BUDGET, 0);
    here = 0;
    most = take(HELD_MAX, 8 * KIB);
    give(most, 8 * KIB);
    for (here = 1; here <= PLACES; here++) {
        for (size_t size = 16; size <= 4 * KIB; size += size / 4)
            for (unsigned round = 0; round < 12; round++)
                give(take(96, size), size);
    }
    here = 0;
    found = take(HELD_MAX, 8 * KIB);
    /* Besides that the magazines, and one page for what is in each slab. */
    ck_assert_uint_ge((found + 1) * 8 * KIB,
                      most * 8 * KIB - PART - (size_t)256 * KIB);
    give(found, 8 * KIB);
    end();
}
END_TEST

/* Free TAKEN objects, until their magazine has been full TIMES times. */
static size_t give_until(size_t taken, size_t size, unsigned times)
{
    unsigned before = asked;

    while (taken > 0 && asked - before < times)
        shale_free(mem, held[--taken], size);
    return taken;
}

/* ... also if magazines have become smaller that were full of objects. */
START_TEST(a_part_when_they_shrink)
{
    enum { BUDGET = 4 << 20, PART = BUDGET / 8, SHRINKS = 23, MANY = 1400 };
    size_t before, left;

    places.count = 16;
    begin(BUDGET, 0);
    before = in_use();
    for (unsigned place = 1; place <= places.count; place++) {
        for (size_t size = 512; size <= 1024; size += 128) {
            here = place;
            for (unsigned round = 0; round < 12; round++)
                give(take(96, size), size);
            left = give_until(take(MANY, size), size, SHRINKS);
            here = 0;
            give(left, size);
        }
    }
    /* What is not at hand, but in between, goes back. */
    ck_assert_ptr_null(shale_alloc(mem, (size_t)1 << 30));
    ck_assert_uint_le(in_use() - before, PART + (size_t)256 * KIB);
    end();
    places.count = PLACES;
}
END_TEST

/* Somebody is short: others give back all they have when they next come. */
START_TEST(recalled)
{
    size_t before, with;

    begin(0, 1);
    before = in_use();
    for (size_t size = 48; size <= 4 * KIB; size *= 2)
        give(take(40, size), size);
    with = in_use();
    here = 2;
    ck_assert_ptr_null(shale_alloc(mem, (size_t)1 << 30));
    here = 1;
    give(take(1, 48), 48);
    if (AT_HAND)
        ck_assert_uint_ge(with - before, (size_t)32 * KIB);
    ck_assert_uint_le(in_use() - before, (size_t)24 * KIB);
    end();
}
END_TEST

/*
 * There is no memory for a place's table of magazines when somebody is first
 * there, while for all else there is a slot: the table comes when it can.
 */
START_TEST(short_at_first)
{
    enum { TABLE = 224, WANTED = 100, CLASSES = 32 };
    void *one[CLASSES];
    size_t count = 0;
    unsigned before;

    begin(0, 1);
    here = 0;
    for (size_t i = 0; i < CLASSES; i++)
        ck_assert_ptr_nonnull(one[i] = shale_alloc(mem, 16 * (i + 1)));
    give(take(40, WANTED), WANTED);
    while (count < HELD_MAX && (held[count] = shale_alloc(mem, TABLE)))
        count++;
    ck_assert_uint_lt(count, HELD_MAX);

    here = 1;
    for (unsigned i = 0; i < 5; i++)
        shale_free(mem, shale_alloc(mem, WANTED), WANTED);
    here = 0;
    give(count, TABLE);
    here = 1;
    for (unsigned i = 0; i < 5; i++)
        give(take(90, WANTED), WANTED);
    before = asked;
    for (unsigned i = 0; i < 100; i++)
        shale_free(mem, shale_alloc(mem, WANTED), WANTED);
    if (IS_FAST)
        ck_assert_uint_eq(asked, before);
    for (size_t i = 0; i < CLASSES; i++)
        shale_free(mem, one[i], 16 * (i + 1));
    end();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("mem/magazine room");
    TCase *tc = tcase_create("room");

    tcase_add_loop_test(tc, as_many_as_are_wanted, 0,
                        sizeof sizes / sizeof sizes[0]);
    tcase_add_loop_test(tc, no_more_than_are_wanted, 0,
                        sizeof sizes / sizeof sizes[0]);
    tcase_add_test(tc, a_part_of_the_budget);
    tcase_add_test(tc, a_part_when_they_shrink);
    tcase_add_test(tc, recalled);
    tcase_add_test(tc, short_at_first);
    suite_add_tcase(s, tc);
    return s;
}
