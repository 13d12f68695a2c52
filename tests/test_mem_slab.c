/* test_mem_slab.c - caches of equal objects */
#include <check.h>
#include <string.h>

#include "arenas.h"
#include "shale/host.h"
#include "suite.h"

#define PAGE ((size_t)SHALE_PAGE_SIZE)

static struct test_source source;
static struct shale_mem *mem;

static void setup(void)
{
    test_source_init(&source, 1 << 20, 0);
    mem = shale_mem_create(&source.base, NULL, 0);
    ck_assert_ptr_nonnull(mem);
}

static void teardown(void)
{
    test_mem_sound(mem, "at the end");
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
    ck_assert_uint_eq(source.arenas, 0);
}

struct wanted {
    const char *name;
    struct shale_slab_stats stats;
};

static void pick(void *context, const struct shale_slab_stats *stats)
{
    struct wanted *wanted = context;

    if (strcmp(stats->name, wanted->name) == 0)
        wanted->stats = *stats;
}

static struct shale_slab_stats stats_of(const char *name)
{
    struct wanted wanted = { .name = name };

    shale_mem_each_slab(mem, pick, &wanted);
    ck_assert_ptr_nonnull(wanted.stats.name);
    return wanted.stats;
}

/* ------------------------------------------------------------------ shapes */

static const struct {
    size_t size, align;
} shapes[] = {
    { 1, 1 }, { 1, 0 }, { 3, 2 }, { 8, 8 }, { 16, 16 }, { 24, 8 }, { 40, 0 },
    { 64, 64 }, { 100, 32 }, { 200, 0 }, { 500, 128 }, { 1000, 0 },
    { 1024, 1024 }, { 2040, 0 }, { 4000, 0 }, { 4096, 4096 }, { 4096, 0 },
    { 4097, 0 }, { 10000, 64 }, { 65536, 0 }, { 300000, 4096 },
};

START_TEST(objects_are_aligned_and_apart)
{
    enum { COUNT = 100 };
    struct shale_slab_config config = {
        .name = "shape", .size = shapes[_i].size, .align = shapes[_i].align,
    };
    size_t align = config.align ? config.align : 16;
    struct shale_slab *slab = shale_slab_create(mem, &config);
    struct shale_slab_stats stats;
    uint8_t *objects[COUNT];

    ck_assert_ptr_nonnull(slab);
    for (size_t i = 0; i < COUNT; i++) {
        objects[i] = shale_slab_alloc(slab);
        ck_assert_ptr_nonnull(objects[i]);
        ck_assert_uint_eq((uintptr_t)objects[i] % align, 0);
        memset(objects[i], (int)i + 1, config.size);
    }
    test_mem_sound(mem, "all live");
    stats = stats_of("shape");
    ck_assert_uint_eq(stats.live, COUNT);
    ck_assert_uint_ge(stats.capacity, COUNT);
    ck_assert_uint_ge(stats.object_size, config.size);

    for (size_t i = 0; i < COUNT; i++) {
        size_t at = i * 37 % COUNT, same = 0;

        while (same < config.size && objects[at][same] == (uint8_t)(at + 1))
            same++;
        ck_assert_uint_eq(same, config.size);
        shale_slab_free(slab, objects[at]);
    }
    shale_slab_free(slab, NULL);
    test_mem_sound(mem, "all free");
    ck_assert_uint_eq(shale_slab_destroy(slab), 0);
}
END_TEST

/* What debug builds add is not waste but a price. */
#ifndef SHALE_MEM_DEBUG
START_TEST(little_of_a_page_is_not_objects)
{
    for (size_t size = 32; size < 5000; size += 13) {
        struct shale_slab_config config = { .name = "waste", .size = size };
        struct shale_slab *slab = shale_slab_create(mem, &config);
        struct shale_slab_stats stats;
        void *object = shale_slab_alloc(slab);

        ck_assert_ptr_nonnull(object);
        stats = stats_of("waste");
        ck_assert_msg((stats.bytes - stats.capacity * stats.object_size) * 8 <=
                          stats.bytes,
                      "%zu: %zu in %zu", size, stats.capacity, stats.bytes);
        shale_slab_free(slab, object);
        shale_slab_destroy(slab);
    }
}
END_TEST
#endif

START_TEST(nonsense_is_refused)
{
    static const struct shale_slab_config wrong[] = {
        { .name = "empty", .size = 0 },
        { .name = "align 3", .size = 8, .align = 3 },
        { .name = "align 8192", .size = 8, .align = 8192 },
        { .name = "endless", .size = SIZE_MAX },
    };

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_msg(!shale_slab_create(mem, &wrong[i]), "%s",
                      wrong[i].name);
    ck_assert_uint_eq(shale_slab_destroy(NULL), 0);
}
END_TEST

/* ------------------------------------------------ constructors, destructors */

struct thing {
    uint64_t magic;
    uint64_t serial;            /* which construction made it */
    uint8_t bytes[84];
};

struct maker {
    uint64_t made, retired;
    uint64_t fail_at;           /* the construction to fail; 0: none */
};

static int thing_make(void *object, void *arg)
{
    struct maker *maker = arg;
    struct thing *thing = object;

    if (++maker->made == maker->fail_at) {
        maker->made--;
        maker->fail_at = 0;
        return -12;
    }
    memset(thing, 0x77, sizeof *thing);
    thing->magic = 0x600d;
    thing->serial = maker->made;
    return 0;
}

static void thing_retire(void *object, void *arg)
{
    struct maker *maker = arg;
    struct thing *thing = object;

    ck_assert_uint_eq(thing->magic, 0x600d);
    thing->magic = 0xdead;
    maker->retired++;
}

static struct shale_slab *thing_slab(struct maker *maker)
{
    struct shale_slab_config config = {
        .name = "thing", .size = sizeof(struct thing),
        .construct = thing_make, .destruct = thing_retire, .arg = maker,
    };
    struct shale_slab *slab = shale_slab_create(mem, &config);

    ck_assert_ptr_nonnull(slab);
    return slab;
}

START_TEST(objects_are_constructed_once)
{
    enum { COUNT = 200 };
    struct maker maker = { 0 };
    struct shale_slab *slab = thing_slab(&maker);
    struct thing *things[COUNT];
    uint64_t serials[COUNT], made;

    for (size_t i = 0; i < COUNT; i++) {
        things[i] = shale_slab_alloc(slab);
        ck_assert_uint_eq(things[i]->magic, 0x600d);
        serials[i] = things[i]->serial;
    }
    made = maker.made;
    ck_assert_uint_ge(made, COUNT);
    ck_assert_uint_eq(made, stats_of("thing").capacity);

    /* Free all but the first of each page or so, and take them again. */
    for (size_t i = 0; i < COUNT; i++) {
        if (i % 10 != 0)
            shale_slab_free(slab, things[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        if (i % 10 != 0)
            things[i] = shale_slab_alloc(slab);
        ck_assert_uint_eq(things[i]->magic, 0x600d);
        ck_assert_uint_eq(things[i]->bytes[0], 0x77);
        ck_assert_uint_eq(things[i]->bytes[83], 0x77);
        serials[i] = things[i]->serial;
    }
    ck_assert_uint_eq(maker.made, made);
    ck_assert_uint_eq(maker.retired, 0);
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < i; j++)
            if (serials[i] == serials[j])
                ck_abort_msg("one object given twice");
    }

    for (size_t i = 0; i < COUNT; i++)
        shale_slab_free(slab, things[i]);
    ck_assert_uint_eq(maker.made - maker.retired, stats_of("thing").capacity);
    ck_assert_uint_eq(shale_slab_destroy(slab), 0);
    ck_assert_uint_eq(maker.made, maker.retired);
}
END_TEST

START_TEST(a_constructor_that_fails)
{
    for (uint64_t n = 1; n < 100; n++) {
        struct maker maker = { .fail_at = n };
        struct shale_slab *slab = thing_slab(&maker);
        struct thing *things[100];
        size_t live = 0, failed = 0;

        for (size_t i = 0; i < 100; i++) {
            things[live] = shale_slab_alloc(slab);
            if (things[live])
                ck_assert_uint_eq(things[live++]->magic, 0x600d);
            else
                failed++;
        }
        ck_assert_uint_eq(failed, 1);
        ck_assert_uint_eq(stats_of("thing").failures, 1);
        ck_assert_uint_eq(maker.made - maker.retired,
                          stats_of("thing").capacity);
        while (live > 0)
            shale_slab_free(slab, things[--live]);
        ck_assert_uint_eq(shale_slab_destroy(slab), 0);
        ck_assert_uint_eq(maker.made, maker.retired);
    }
}
END_TEST

static struct shale_mem *locked;

static int part_make(void *object, void *arg)
{
    (void)arg;
    *(void **)object = shale_alloc(locked, 300);
    return *(void **)object ? 0 : -12;
}

static void part_retire(void *object, void *arg)
{
    (void)arg;
    shale_free(locked, *(void **)object, 300);
}

/* The lock is not held around them: if it were, this would never end. */
START_TEST(constructors_may_allocate)
{
    struct shale_slab_config config = {
        .name = "whole", .size = 500,
        .construct = part_make, .destruct = part_retire,
    };
    struct test_source other;
    struct shale_slab *slab;
    void *objects[50];
    size_t live;

    test_source_init(&other, 16 * PAGE, 0);
    locked = shale_mem_create(&other.base, &shale_host_locks, 0);
    slab = shale_slab_create(locked, &config);
    live = test_mem_stats(locked).live;
    for (size_t i = 0; i < 50; i++)
        ck_assert_ptr_nonnull(objects[i] = shale_slab_alloc(slab));
    test_mem_sound(locked, "all live");
    for (size_t i = 0; i < 50; i++)
        shale_slab_free(slab, objects[i]);
    ck_assert_uint_gt(shale_slab_shrink(slab), 0);
    test_mem_sound(locked, "all free");

    /* One part cannot be had: its page's other parts go back. */
    shale_mem_fail_at(locked, 5);
    ck_assert_ptr_null(shale_slab_alloc(slab));
    ck_assert_uint_eq(test_mem_stats(locked).live, live);
    ck_assert_ptr_nonnull(shale_slab_alloc(slab));
    ck_assert_uint_eq(shale_slab_destroy(slab), 1);
    ck_assert_uint_eq(shale_mem_destroy(locked), 0);
}
END_TEST

/* ----------------------------------------------------------- empty pages */

START_TEST(empty_pages_go)
{
    enum { COUNT = 500 };
    struct maker maker = { 0 };
    struct shale_slab *slab = thing_slab(&maker);
    struct thing *things[COUNT];
    size_t idle = test_mem_stats(mem).in_use, page;

    ck_assert_uint_eq(shale_slab_shrink(slab), 0);
    for (size_t i = 0; i < COUNT; i++)
        things[i] = shale_slab_alloc(slab);
    ck_assert_uint_gt(stats_of("thing").bytes, 4 * PAGE);
    for (size_t i = 0; i < COUNT; i++)
        shale_slab_free(slab, things[i]);

    /* One is kept until somebody asks for it. */
    page = stats_of("thing").bytes;
    ck_assert_uint_gt(page, 0);
    ck_assert_uint_le(page, 4 * PAGE);
    ck_assert_uint_eq(test_mem_stats(mem).in_use, idle + page);
    ck_assert_uint_eq(shale_slab_shrink(slab), page);
    ck_assert_uint_eq(shale_slab_shrink(slab), 0);
    ck_assert_uint_eq(stats_of("thing").bytes, 0);
    ck_assert_uint_eq(stats_of("thing").peak, COUNT);
    ck_assert_uint_eq(test_mem_stats(mem).in_use, idle);
    ck_assert_uint_eq(maker.made, maker.retired);
    ck_assert_uint_eq(shale_slab_destroy(slab), 0);
}
END_TEST

START_TEST(shrinking_returns_arenas)
{
    enum { COUNT = 4000 };
    static void *objects[COUNT];
    struct shale_slab_config config = { .name = "kib", .size = 1000 };
    struct shale_slab *slab = shale_slab_create(mem, &config);

    for (size_t i = 0; i < COUNT; i++)
        objects[i] = shale_slab_alloc(slab);
    ck_assert_uint_gt(source.arenas, 2);
    for (size_t i = 0; i < COUNT; i++)
        shale_slab_free(slab, objects[i]);
    shale_slab_shrink(slab);
    ck_assert_uint_eq(source.arenas, 1);
    ck_assert_uint_eq(test_mem_stats(mem).borrowed, source.bytes);
    ck_assert_uint_eq(shale_slab_destroy(slab), 0);
}
END_TEST

/* A page that one cache keeps for later is had by whoever needs it now. */
START_TEST(kept_pages_are_reclaimed)
{
    static uint8_t array[64 * SHALE_PAGE_SIZE]
        __attribute__((aligned(SHALE_PAGE_SIZE)));
    struct shale_slab_config config = { .name = "kept", .size = 2000 };
    struct shale_static_arena arena;
    struct shale_mem *small;
    struct shale_slab *slab;
    void *pages[64];
    size_t idle, count = 0, again = 0;

    shale_static_arena_init(&arena, array, sizeof array);
    small = shale_mem_create(&arena.source, NULL, 0);
    slab = shale_slab_create(small, &config);
    idle = test_mem_stats(small).in_use;
    while ((pages[count] = shale_alloc(small, PAGE)))
        count++;
    while (count > 0)
        shale_free(small, pages[--count], PAGE);

    shale_slab_free(slab, shale_slab_alloc(slab));
    shale_free(small, shale_alloc(small, 500), 500);
    ck_assert_uint_gt(test_mem_stats(small).in_use, idle + PAGE);
    while ((pages[again] = shale_alloc(small, PAGE)))
        again++;
    ck_assert_uint_eq(test_mem_stats(small).in_use, 64 * PAGE);
    test_mem_sound(small, "reclaimed");
    while (again > 0)
        shale_free(small, pages[--again], PAGE);
    ck_assert_uint_eq(shale_slab_destroy(slab), 0);
    ck_assert_uint_eq(shale_mem_destroy(small), 0);
}
END_TEST

START_TEST(what_is_left_alive_is_counted)
{
    struct maker maker = { 0 };
    struct shale_slab *slab = thing_slab(&maker);

    for (int i = 0; i < 150; i++)
        ck_assert_ptr_nonnull(shale_slab_alloc(slab));
    ck_assert_uint_eq(shale_slab_destroy(slab), 150);
    ck_assert_uint_eq(maker.made, maker.retired);
    ck_assert_uint_eq(test_mem_stats(mem).live, 0);
}
END_TEST

START_TEST(statistics_are_exact)
{
    struct maker maker = { 0 };
    struct shale_slab *slab = thing_slab(&maker);
    struct thing *a, *b, *c;
    struct shale_slab_stats stats;
    size_t before = test_mem_stats(mem).live;

    a = shale_slab_alloc(slab);
    b = shale_slab_alloc(slab);
    shale_slab_free(slab, a);
    c = shale_slab_alloc(slab);
    shale_mem_fail_at(mem, 0);
    ck_assert_ptr_null(shale_slab_alloc(slab));
    stats = stats_of("thing");
    ck_assert_uint_eq(stats.live, 2);
    ck_assert_uint_eq(stats.peak, 2);
    ck_assert_uint_eq(stats.allocs, 3);
    ck_assert_uint_eq(stats.failures, 1);
    ck_assert_uint_eq(test_mem_stats(mem).live,
                      before + 2 * sizeof(struct thing));
    shale_slab_free(slab, b);
    shale_slab_free(slab, c);
    ck_assert_uint_eq(test_mem_stats(mem).live, before);
    ck_assert_uint_eq(test_mem_stats(mem).peak,
                      before + 2 * sizeof(struct thing));
    shale_slab_destroy(slab);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("mem/slab");
    TCase *tc = tcase_create("slab");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, objects_are_aligned_and_apart, 0,
                        sizeof shapes / sizeof shapes[0]);
#ifndef SHALE_MEM_DEBUG
    tcase_add_test(tc, little_of_a_page_is_not_objects);
#endif
    tcase_add_test(tc, nonsense_is_refused);
    tcase_add_test(tc, objects_are_constructed_once);
    tcase_add_test(tc, a_constructor_that_fails);
    tcase_add_test(tc, constructors_may_allocate);
    tcase_add_test(tc, empty_pages_go);
    tcase_add_test(tc, shrinking_returns_arenas);
    tcase_add_test(tc, kept_pages_are_reclaimed);
    tcase_add_test(tc, what_is_left_alive_is_counted);
    tcase_add_test(tc, statistics_are_exact);
    suite_add_tcase(s, tc);
    return s;
}
