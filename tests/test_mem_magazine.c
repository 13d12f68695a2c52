/*
 * test_mem_magazine.c - free objects at hand, by place
 *
 * Places here are what a test says: it moves from one to another as a thread
 * does that ends, or a caller that is moved to another processor.
 */
#include <stdlib.h>
#include <string.h>

#include "arenas.h"
#include "shale/err.h"
#include "shale/lock.h"
#include "shale/mem.h"
#include "suite.h"

#ifdef SHALE_MEM_DEBUG
enum { AT_HAND = 0 };           /* such builds have none */
#else
enum { AT_HAND = 1 };
#endif

enum { PLACES = 3, NOWHERE = PLACES };

static struct test_places {
    struct shale_places base;
    unsigned at, inside;
} places;

static unsigned enter(struct shale_places *base)
{
    struct test_places *self = (struct test_places *)base;

    ck_assert_uint_eq(self->inside++, 0);
    return self->at;
}

static void leave(struct shale_places *base)
{
    ck_assert_uint_eq(--((struct test_places *)base)->inside, 0);
}

/* Locks that insist that nobody is at a place meanwhile, and are counted. */
static unsigned locked;

static int lock_init(void *lock)
{
    (void)lock;
    return 0;
}

static void lock_fini(void *lock)
{
    (void)lock;
}

static void lock_take(void *lock)
{
    (void)lock;
    ck_assert_uint_eq(places.inside, 0);
    locked++;
}

static void lock_give(void *lock)
{
    (void)lock;
}

static const struct shale_lock_ops locks = {
    sizeof(void *), lock_init, lock_fini, lock_take, lock_take, lock_give,
};

static struct test_source source;
static struct shale_mem *mem;

static void setup(void)
{
    memset(&places, 0, sizeof places);
    places.base.count = PLACES;
    places.base.enter = enter;
    places.base.leave = leave;
    test_source_init(&source, (size_t)256 << 10, 0);
    mem = shale_mem_create(&source.base, &locks, 0);
    ck_assert_ptr_nonnull(mem);
    ck_assert_int_eq(shale_mem_set_places(mem, &places.base), 0);
}

static void teardown(void)
{
    test_mem_sound(mem, "at the end");
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}

static size_t live(void)
{
    struct shale_mem_stats stats;

    shale_mem_stats(mem, &stats);
    ck_assert_uint_le(stats.live, stats.peak);
    return stats.live;
}

/* Whole pages are at hand where an address has room for it; see mem.h. */
static const size_t sizes[] = {
    1, 100, 3584,
#if UINTPTR_MAX > UINT32_MAX
    3585, 4096,
#endif
};

START_TEST(no_lock_for_most_calls)
{
    size_t size = sizes[_i];
    unsigned before;

    for (unsigned i = 0; i < 100; i++)
        shale_free(mem, shale_alloc(mem, size), size);
    before = locked;
    for (unsigned i = 0; i < 100; i++)
        shale_free(mem, shale_alloc(mem, size), size);
    ck_assert_uint_eq(locked - before, AT_HAND ? 0 : 200);
    ck_assert_uint_eq(live(), 0);
}
END_TEST

/* A number that tells objects apart, all over the object. */
static void object_mark(uint8_t *object, size_t size, unsigned number)
{
    memset(object, (int)(number * 7 + 1), size);
}

static bool object_is(const uint8_t *object, size_t size, unsigned number)
{
    for (size_t i = 0; i < size; i++)
        if (object[i] != (uint8_t)(number * 7 + 1))
            return false;
    return true;
}

/* Any sizes at any places, and nowhere: no object is had by two. */
START_TEST(as_without)
{
    enum { HELD = 700, STEPS = 60000 };
    static struct {
        uint8_t *object;
        size_t size;
    } held[HELD];
    uint64_t x = 1;
    size_t bytes = 0;

    memset(held, 0, sizeof held);
    for (unsigned n = 0; n < STEPS; n++) {
        unsigned i;

        x = x * 6364136223846793005u + 1442695040888963407u;
        i = (unsigned)((x >> 40) % HELD);
        if (n % 17 == 0)
            places.at = (unsigned)(x >> 33) % (PLACES + 1);
        if (held[i].object) {
            ck_assert(object_is(held[i].object, held[i].size, i));
            shale_free(mem, held[i].object, held[i].size);
            bytes -= held[i].size;
            held[i].object = NULL;
        } else {
            held[i].size = 1 + (size_t)(x >> 20) % (n % 5 ? 300 : 6000);
            held[i].object = shale_alloc(mem, held[i].size);
            ck_assert_ptr_nonnull(held[i].object);
            object_mark(held[i].object, held[i].size, i);
            bytes += held[i].size;
        }
        if (n % 100 == 0)
            ck_assert_uint_eq(live(), bytes);
        if (n % 10000 == 0)
            test_mem_sound(mem, "on the way");
    }
    for (unsigned i = 0; i < HELD; i++)
        shale_free(mem, held[i].object, held[i].size);
    ck_assert_uint_eq(live(), 0);
}
END_TEST

/* Freed elsewhere, time and again: what comes together there goes back. */
START_TEST(freed_at_another_place)
{
    void *objects[100];

    for (unsigned round = 0; round < 200; round++) {
        places.at = round % 2 ? NOWHERE : 0;
        for (unsigned i = 0; i < 100; i++)
            ck_assert_ptr_nonnull(objects[i] = shale_alloc(mem, 1000));
        places.at = 1 + round % 2;
        for (unsigned i = 0; i < 100; i++)
            shale_free(mem, objects[i], 1000);
    }
    ck_assert_uint_le(source.lends, 2);
    ck_assert_uint_eq(live(), 0);
}
END_TEST

/* With no more memory to be had, what is at hand is. */
START_TEST(until_there_is_no_more)
{
    static void *objects[4096];
    size_t first = 0, again = 0;

    source.limit = 1;
    while ((objects[first] = shale_alloc(mem, 500)))
        ck_assert_uint_lt(++first, 4096);
    for (size_t i = 0; i < first; i++)
        shale_free(mem, objects[i], 500);
    while ((objects[again] = shale_alloc(mem, 500)))
        ck_assert_uint_lt(++again, 4096);
    ck_assert_uint_eq(again, first);
    for (size_t i = 0; i < again; i++)
        shale_free(mem, objects[i], 500);
}
END_TEST

/* The Nth allocation fails, whatever is at hand. */
START_TEST(failures_on_demand)
{
    for (unsigned nth = 0; nth < 5; nth++) {
        void *objects[6];

        for (unsigned i = 0; i < 40; i++)
            shale_free(mem, shale_alloc(mem, 64), 64);
        shale_mem_fail_at(mem, nth);
        for (unsigned i = 0; i < 6; i++) {
            objects[i] = shale_alloc(mem, 64);
            ck_assert_int_eq(objects[i] == NULL, i == nth);
        }
        ck_assert(shale_mem_failed(mem));
        for (unsigned i = 0; i < 6; i++)
            shale_free(mem, objects[i], 64);
    }
}
END_TEST

/* --------------------------------------------------------- what goes back */

struct sum {
    const char *name;
    size_t live, bytes;
};

static void add(void *context, const struct shale_slab_stats *stats)
{
    struct sum *sum = context;

    if (strcmp(stats->name, sum->name) == 0) {
        sum->live = stats->live;
        sum->bytes = stats->bytes;
    }
}

static struct sum sum_of(const char *name)
{
    struct sum sum = { .name = name };

    shale_mem_each_slab(mem, add, &sum);
    return sum;
}

static size_t in_use(void)
{
    struct shale_mem_stats stats;

    shale_mem_stats(mem, &stats);
    ck_assert_uint_le(stats.in_use, stats.in_use_peak);
    ck_assert_uint_le(stats.borrowed, stats.borrowed_peak);
    return stats.in_use;
}

enum { MANY = 20000 };

static void *many[MANY];

/* Allocate COUNT objects of 100 bytes here, and free them at place FREED. */
static void allocate_and_free(size_t count, unsigned freed)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_ptr_nonnull(many[i] = shale_alloc(mem, 100));
    places.at = freed;
    for (size_t i = 0; i < count; i++)
        shale_free(mem, many[i * 1237 % count], 100);
}

/* A place that is left has nothing, and costs nothing, any more. */
START_TEST(vacated)
{
    for (unsigned place = 0; place < PLACES; place++) {
        places.at = place;
        allocate_and_free(200, place);
    }
    ck_assert_uint_eq(sum_of("magazine").live, AT_HAND * (1 + PLACES));
    for (unsigned place = 0; place < PLACES; place++)
        shale_mem_vacate(mem, place);
    ck_assert_uint_eq(sum_of("magazine").live, AT_HAND);
    shale_mem_vacate(mem, PLACES);
    allocate_and_free(200, 1);
    test_mem_sound(mem, "somebody is there again");
}
END_TEST

/*
 * Freed in any order: each of the 96 at hand at a place, and half as many in
 * the depot, may keep a page, and one page may be empty.
 */
START_TEST(pages_go_back)
{
    for (unsigned round = 0; round < PLACES; round++) {
        places.at = 0;
        allocate_and_free(MANY, round);
        ck_assert_uint_le(sum_of("size-112").bytes,
                          ((round + 1) * 96 * 3 / 2 + 1) * SHALE_PAGE_SIZE);
    }
}
END_TEST

/* Pages run out elsewhere: what is at hand here is given back at last. */
START_TEST(asked_back_by_another)
{
    size_t before;

    allocate_and_free(500, 0);
    before = in_use();
    source.limit = 1;
    places.at = 1;
    ck_assert_ptr_null(shale_alloc(mem, (size_t)1 << 30));
    places.at = 0;
    allocate_and_free(500, 0);
    ck_assert_uint_le(in_use(), before);
}
END_TEST

START_TEST(shrunk)
{
    static const struct shale_slab_config config = {
        .name = "thing", .size = 100,
    };
    struct shale_slab *slab = shale_slab_create(mem, &config);

    for (size_t i = 0; i < 1000; i++)
        ck_assert_ptr_nonnull(many[i] = shale_slab_alloc(slab));
    for (size_t i = 0; i < 1000; i++)
        shale_slab_free(slab, many[i * 7 % 1000]);
    ck_assert_uint_gt(sum_of("thing").bytes, 0);
    ck_assert_uint_gt(shale_slab_shrink(slab), 0);
    ck_assert_uint_eq(sum_of("thing").bytes, 0);
    ck_assert_uint_eq(shale_slab_destroy(slab), 0);
}
END_TEST

/* A slab takes everything with it, whoever has something of it at hand. */
START_TEST(destroyed)
{
    static const struct shale_slab_config config = {
        .name = "thing", .size = 100,
    };
    size_t before = 0;

    for (unsigned round = 0; round < 3; round++) {
        struct shale_slab *slab = shale_slab_create(mem, &config);

        for (unsigned place = 0; place <= PLACES; place++) {
            places.at = place;
            for (size_t i = 0; i < 300; i++)
                many[i] = shale_slab_alloc(slab);
            places.at = (place + 1) % PLACES;
            for (size_t i = 0; i < 300; i++)
                shale_slab_free(slab, many[i]);
        }
        ck_assert_uint_eq(shale_slab_destroy(slab), 0);
        ck_assert_uint_eq(sum_of("magazine").live, AT_HAND);
        if (round == 0)
            before = in_use();
        ck_assert_uint_eq(in_use(), before);
    }
}
END_TEST

/* --------------------------------------------- a place that a thread knows */

static _Thread_local unsigned own_place;
static unsigned asked;

static unsigned own_enter(struct shale_places *base)
{
    (void)base;
    asked++;
    own_place = 2;
    return 1;
}

static const unsigned *own(struct shale_places *base)
{
    (void)base;
    return &own_place;
}

/* The way to it is short where the core knows the machine's thread pointer. */
START_TEST(nobody_is_asked)
{
    struct shale_places known = { 0 };
    struct shale_mem *other = shale_mem_create(&source.base, &locks, 0);
    unsigned before;

    known.count = PLACES;
    known.enter = own_enter;
    known.own = own;
    ck_assert_int_eq(shale_mem_set_places(other, &known), 0);
    for (unsigned i = 0; i < 100; i++)
        shale_free(other, shale_alloc(other, 100), 100);
    before = asked;
    for (unsigned i = 0; i < 100; i++)
        shale_free(other, shale_alloc(other, 100), 100);
#if defined __x86_64__ && !defined SHALE_MEM_DEBUG
    ck_assert_uint_gt(before, 0);
    ck_assert_uint_eq(asked, before);
#else
    ck_assert_uint_ge(asked, before);
#endif

    /* Whoever is nowhere is not at the place where he was. */
    own_place = 0;
    shale_free(other, shale_alloc(other, 100), 100);
    ck_assert_uint_eq(shale_mem_destroy(other), 0);
}
END_TEST

/* ------------------------------------------------------------------ slabs */

static unsigned alive;

static int construct(void *object, void *arg)
{
    (void)arg;
    *(unsigned *)object = 4711;
    alive++;
    return 0;
}

static void destruct(void *object, void *arg)
{
    (void)arg;
    ck_assert_uint_eq(*(unsigned *)object, 4711);
    alive--;
}

struct counted {
    size_t live;
    uint64_t allocs;
};

static void count(void *context, const struct shale_slab_stats *stats)
{
    struct counted *counted = context;

    if (strcmp(stats->name, "thing") == 0)
        *counted = (struct counted){ stats->live, stats->allocs };
}

START_TEST(constructed_once)
{
    static const struct shale_slab_config config = {
        .name = "thing", .size = 72, .construct = construct,
        .destruct = destruct,
    };
    struct shale_slab *slab = shale_slab_create(mem, &config);
    struct counted counted = { 0, 0 };
    void *objects[50];

    for (unsigned round = 0; round < 30; round++) {
        places.at = round % (PLACES + 1);
        for (unsigned i = 0; i < 50; i++) {
            objects[i] = shale_slab_alloc(slab);
            ck_assert_uint_eq(*(unsigned *)objects[i], 4711);
        }
        shale_mem_each_slab(mem, count, &counted);
        ck_assert_uint_eq(counted.live, 50);
        ck_assert_uint_eq(counted.allocs, (round + 1) * 50);
        places.at = round / 2 % (PLACES + 1);
        for (unsigned i = 0; i < 50; i++)
            shale_slab_free(slab, objects[i]);
        shale_mem_each_slab(mem, count, &counted);
        ck_assert_uint_eq(counted.live, 0);
    }
    objects[0] = shale_slab_alloc(slab);
    if (_i == 0)
        shale_slab_free(slab, objects[0]);
    ck_assert_uint_eq(shale_slab_destroy(slab), (size_t)_i);
    ck_assert_uint_eq(alive, 0);
    ck_assert_uint_eq(live(), 0);
}
END_TEST

START_TEST(what_is_lent)
{
    struct shale_places none = places.base, crowd = places.base;
    struct shale_mem *other = shale_mem_create(&source.base, NULL, 0);

    none.count = 0;
    crowd.count = 65;
    if (AT_HAND) {
        ck_assert_int_eq(shale_mem_set_places(other, &none), SHALE_EINVAL);
        ck_assert_int_eq(shale_mem_set_places(other, &crowd), SHALE_EINVAL);
        ck_assert_int_eq(shale_mem_set_places(mem, &places.base),
                         SHALE_EINVAL);
    }
    shale_free(other, shale_alloc(other, 10), 10);
    ck_assert_uint_eq(shale_mem_destroy(other), 0);
}
END_TEST

/* Take all that OTHER has, by PAGES; returns how many there were. */
static size_t take_all(struct shale_mem *other, void **pages, size_t count)
{
    size_t taken = 0;

    while (taken < count && (pages[taken] = shale_alloc(other, 8192)))
        taken++;
    return taken;
}

/* Where too little is left for magazines, none of it is gone afterwards. */
START_TEST(no_memory_for_any)
{
    enum { PAGES = 64, LEFT = 4 };
    void *pages[PAGES];
    unsigned refused = 0;

    for (size_t left = 0; left < LEFT; left++) {
        struct test_source small;
        struct shale_mem *other;
        size_t all, count;

        test_source_init(&small, (size_t)256 << 10, 0);
        small.limit = 1;
        other = shale_mem_create(&small.base, &locks, 0);
        ck_assert_ptr_nonnull(other);
        all = count = take_all(other, pages, PAGES);
        while (count > all - left)
            shale_free(other, pages[--count], 8192);
        if (shale_mem_set_places(other, &places.base)) {
            count += take_all(other, pages + count, PAGES - count);
            ck_assert_uint_eq(count, all);
            refused++;
        }
        while (count > 0)
            shale_free(other, pages[--count], 8192);
        test_mem_sound(other, "at the end");
        ck_assert_uint_eq(shale_mem_destroy(other), 0);
    }
    ck_assert_uint_eq(refused > 0, AT_HAND);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("mem/magazine");
    TCase *tc = tcase_create("magazine");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, no_lock_for_most_calls, 0,
                        sizeof sizes / sizeof sizes[0]);
    tcase_add_test(tc, as_without);
    tcase_add_test(tc, freed_at_another_place);
    tcase_add_test(tc, until_there_is_no_more);
    tcase_add_test(tc, failures_on_demand);
    tcase_add_test(tc, vacated);
    tcase_add_test(tc, pages_go_back);
    tcase_add_test(tc, asked_back_by_another);
    tcase_add_test(tc, shrunk);
    tcase_add_test(tc, destroyed);
    tcase_add_test(tc, nobody_is_asked);
    tcase_add_loop_test(tc, constructed_once, 0, 2);
    tcase_add_test(tc, what_is_lent);
    tcase_add_test(tc, no_memory_for_any);
    suite_add_tcase(s, tc);
    return s;
}
