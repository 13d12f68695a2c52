/* test_mem_alloc.c - memory of any size, and callers that break the rules */
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
    test_source_init(&source, 256 * PAGE, PAGE);
    mem = shale_mem_create(&source.base, NULL, 0);
    ck_assert_ptr_nonnull(mem);
}

static void teardown(void)
{
    test_mem_sound(mem, "at the end");
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
    ck_assert_uint_eq(source.arenas, 0);
}

/* ------------------------------------------------------------------- sizes */

/* Whole pages are counted where threads may have some at hand. */
#if !defined SHALE_MEM_DEBUG && UINTPTR_MAX > UINT32_MAX
#define ONE_PAGE "size-4096"
#else
#define ONE_PAGE NULL
#endif

static const struct {
    size_t size;
    const char *class;          /* NULL: pages */
} sizes[] = {
    { 1, "size-16" },       { 15, "size-16" },      { 16, "size-16" },
    { 17, "size-32" },      { 64, "size-64" },      { 65, "size-80" },
    { 112, "size-112" },    { 113, "size-128" },    { 128, "size-128" },
    { 129, "size-160" },    { 160, "size-160" },    { 161, "size-192" },
    { 224, "size-224" },    { 225, "size-256" },    { 256, "size-256" },
    { 257, "size-320" },    { 511, "size-512" },    { 512, "size-512" },
    { 513, "size-640" },    { 1024, "size-1024" },  { 1025, "size-1280" },
    { 2048, "size-2048" },  { 2049, "size-2560" },  { 2561, "size-3072" },
    { 3073, "size-3584" },  { 3584, "size-3584" },  { 3585, ONE_PAGE },
    { 4095, ONE_PAGE },     { 4096, ONE_PAGE },     { 4097, NULL },
    { 65536, NULL },        { 300000, NULL },       { 2000000, NULL },
};

struct grown {
    const char *name;           /* the slab that has a live object */
    size_t live;                /* in all slabs */
};

static void find_live(void *context, const struct shale_slab_stats *stats)
{
    struct grown *grown = context;

    if (stats->live > 0)
        grown->name = stats->name;
    grown->live += stats->live;
}

START_TEST(every_size_has_its_place)
{
    size_t size = sizes[_i].size;
    struct grown grown = { 0 };
    uint8_t *bytes = shale_alloc(mem, size);

    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq((uintptr_t)bytes % (size < PAGE ? 16 : PAGE), 0);
    memset(bytes, 0xff, size);
    ck_assert_uint_eq(test_mem_stats(mem).live, size);
    shale_mem_each_slab(mem, find_live, &grown);
    if (sizes[_i].class) {
        ck_assert_uint_eq(grown.live, 1);
        ck_assert_str_eq(grown.name, sizes[_i].class);
    } else {
        ck_assert_uint_eq(grown.live, 0);
    }
    test_mem_sound(mem, "one allocation");
    shale_free(mem, bytes, size);
    ck_assert_uint_eq(test_mem_stats(mem).live, 0);
    ck_assert_uint_eq(test_mem_stats(mem).peak, size);
}
END_TEST

START_TEST(memory_is_cleared_when_asked_for)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i].size, zeros = 0;
        uint8_t *bytes = shale_alloc(mem, size);

        memset(bytes, 0xee, size);
        shale_free(mem, bytes, size);
        bytes = i % 2 ? shale_zalloc(mem, size)
                      : shale_alloc_array(mem, size, 1);
        while (zeros < size && bytes[zeros] == 0)
            zeros++;
        ck_assert_uint_eq(zeros, size);
        shale_free(mem, bytes, size);
    }
}
END_TEST

START_TEST(nothing_and_too_much)
{
    static const struct { size_t count, size; } wraps[] = {
        { 2, SIZE_MAX / 2 + 1 }, { SIZE_MAX / 2 + 1, 2 },
        { SIZE_MAX / 16 + 1, 16 }, { (size_t)1 << (sizeof(size_t) * 4),
                                     (size_t)1 << (sizeof(size_t) * 4) },
        { SIZE_MAX, SIZE_MAX }, { SIZE_MAX, 1 }, { 0, 8 }, { 8, 0 },
    };
    struct shale_mem_stats before = test_mem_stats(mem), after;

    ck_assert_ptr_null(shale_alloc(mem, 0));
    ck_assert_ptr_null(shale_zalloc(mem, 0));
    for (size_t i = 0; i < sizeof wraps / sizeof wraps[0]; i++)
        ck_assert_ptr_null(
            shale_alloc_array(mem, wraps[i].count, wraps[i].size));
    shale_free(mem, NULL, 0);
    shale_free(mem, NULL, 100);
    shale_free(mem, NULL, 100000);
    after = test_mem_stats(mem);
    ck_assert_mem_eq(&before, &after, sizeof before);
}
END_TEST

START_TEST(what_is_left_is_returned_by_destroy)
{
    struct test_source other;
    struct shale_mem *leaky;

    test_source_init(&other, 64 * PAGE, 0);
    leaky = shale_mem_create(&other.base, NULL, 0);
    ck_assert_ptr_nonnull(shale_alloc(leaky, 100));
    ck_assert_ptr_nonnull(shale_alloc(leaky, 5000));
    ck_assert_ptr_nonnull(shale_alloc(leaky, 500000));
    ck_assert_uint_eq(shale_mem_destroy(leaky), 505100);
    ck_assert_uint_eq(other.arenas, 0);
    ck_assert_uint_eq(shale_mem_destroy(NULL), 0);
}
END_TEST

/* --------------------------------------------------- create without success */

static int no_init(void *lock)
{
    (void)lock;
    return -12;
}

START_TEST(a_lock_that_cannot_be_made)
{
    struct shale_lock_ops broken = shale_host_locks;
    struct test_source other;

    broken.init = no_init;
    test_source_init(&other, 64 * PAGE, 0);
    ck_assert_ptr_null(shale_mem_create(&other.base, &broken, 0));
    ck_assert_uint_eq(other.lends, 1);
    ck_assert_uint_eq(other.arenas, 0);
}
END_TEST

START_TEST(a_source_that_lends_once)
{
    struct test_source other;
    struct shale_mem *small;
    void *first;

    test_source_init(&other, 64 * PAGE, 0);
    other.limit = 1;
    small = shale_mem_create(&other.base, NULL, 0);
    first = shale_alloc(small, 16 * PAGE);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(shale_alloc(small, 64 * PAGE));
    ck_assert_uint_eq(test_mem_stats(small).borrowed, 64 * PAGE);
    test_mem_sound(small, "refused");
    shale_free(small, first, 16 * PAGE);
    ck_assert_uint_eq(shale_mem_destroy(small), 0);
}
END_TEST

/* ------------------------------------------------------ failures on demand */

/* A bit of everything; true if nothing failed. Leaves nothing behind. */
static bool mixture(struct shale_mem *from)
{
    struct shale_slab_config config = { .name = "mix", .size = 333 };
    struct shale_slab *slab = shale_slab_create(from, &config);
    void *object = slab ? shale_slab_alloc(slab) : NULL;
    void *small = shale_alloc(from, 40);
    void *zeros = shale_zalloc(from, 3000);
    void *array = shale_alloc_array(from, 1000, 24);
    void *page = shale_alloc(from, PAGE);
    bool all = slab && object && small && zeros && array && page;

    shale_free(from, page, PAGE);
    shale_free(from, array, 24000);
    shale_free(from, zeros, 3000);
    shale_free(from, small, 40);
    if (slab) {
        shale_slab_free(slab, object);
        ck_assert_uint_eq(shale_slab_destroy(slab), 0);
    }
    return all;
}

START_TEST(each_allocation_fails_in_turn)
{
    uint64_t n = 0;

    for (;; n++) {
        bool all;

        shale_mem_fail_at(mem, n);
        ck_assert(!shale_mem_failed(mem));
        all = mixture(mem);
        ck_assert_int_eq(all, !shale_mem_failed(mem));
        ck_assert_uint_eq(test_mem_stats(mem).live, 0);
        test_mem_sound(mem, "after a failure");
        if (all)
            break;
        ck_assert(mixture(mem));        /* it fails once, and no more */
    }
    ck_assert_uint_eq(n, 6);
}
END_TEST

START_TEST(a_failing_source_is_survived)
{
    for (size_t limit = 1; limit < 12; limit++) {
        struct test_source other;
        struct shale_mem *small;

        test_source_init(&other, 4 * PAGE, 0);
        other.limit = limit;
        small = shale_mem_create(&other.base, NULL, 0);
        ck_assert_ptr_nonnull(small);
        mixture(small);
        test_mem_sound(small, "source exhausted");
        ck_assert_uint_eq(test_mem_stats(small).live, 0);
        ck_assert_uint_eq(shale_mem_destroy(small), 0);
        ck_assert_uint_eq(other.arenas, 0);
    }
}
END_TEST

/* ---------------------------------------------- callers who break the rules */

#ifdef SHALE_MEM_DEBUG

/* Written behind AddressSanitizer's back, which is to have no say here. */
__attribute__((no_sanitize_address)) static void scribble(void *at)
{
    *(volatile uint8_t *)at ^= 0x55;
}

static struct shale_slab *slab_of(size_t size)
{
    struct shale_slab_config config = { .name = "rule", .size = size };

    return shale_slab_create(mem, &config);
}

static int nothing_to_make(void *object, void *arg)
{
    (void)arg;
    memset(object, 1, 64);
    return 0;
}

static void frees_twice(void *arg)
{
    size_t size = *(size_t *)arg;
    void *bytes = shale_alloc(mem, size);

    shale_free(mem, bytes, size);
    shale_free(mem, bytes, size);
}

static void frees_a_slab_object_twice(void *arg)
{
    struct shale_slab *slab = slab_of(*(size_t *)arg);
    void *object = shale_slab_alloc(slab);

    shale_slab_free(slab, object);
    shale_slab_free(slab, object);
}

static void frees_with_a_smaller_size(void *arg)
{
    size_t size = *(size_t *)arg;

    shale_free(mem, shale_alloc(mem, size), size - 1);
}

static void frees_with_a_larger_size(void *arg)
{
    size_t size = *(size_t *)arg;

    shale_free(mem, shale_alloc(mem, size), 2 * size);
}

static void frees_from_the_stack(void *arg)
{
    uint8_t bytes[16];

    shale_free(mem, bytes, *(size_t *)arg);
}

static void frees_from_the_middle(void *arg)
{
    size_t size = *(size_t *)arg;
    uint8_t *bytes = shale_alloc(mem, size);

    shale_free(mem, bytes + 16, size);
}

static void frees_into_another_slab(void *arg)
{
    size_t size = *(size_t *)arg;

    shale_slab_free(slab_of(size), shale_slab_alloc(slab_of(size)));
}

static void writes_past_the_end(void *arg)
{
    size_t size = *(size_t *)arg;
    uint8_t *bytes = shale_alloc(mem, size);

    scribble(bytes + size);
    shale_free(mem, bytes, size);
}

static void writes_before_the_start(void *arg)
{
    struct shale_slab *slab = slab_of(*(size_t *)arg);
    uint8_t *object = shale_slab_alloc(slab);

    scribble(object - 1);
    shale_slab_free(slab, object);
}

static void writes_after_free(void *arg)
{
    size_t size = *(size_t *)arg;
    uint8_t *bytes = shale_alloc(mem, size);

    shale_free(mem, bytes, size);
    scribble(bytes + size / 2);
    (void)shale_alloc(mem, size);
}

static void writes_to_a_free_constructed_object(void *arg)
{
    struct shale_slab_config config = {
        .name = "made", .size = 64, .construct = nothing_to_make,
    };
    struct shale_slab *slab = shale_slab_create(mem, &config);
    uint8_t *object = shale_slab_alloc(slab);

    (void)arg;
    shale_slab_free(slab, object);
    scribble(object + 63);
    (void)shale_slab_alloc(slab);
}

static const struct {
    const char *what;
    void (*run)(void *arg);
    size_t size;
} crimes[] = {
    { "double free, smallest",      frees_twice, 1 },
    { "double free, class",         frees_twice, 100 },
    { "double free, largest class", frees_twice, 3584 },
    { "double free, page",          frees_twice, 4096 },
    { "double free, pages",         frees_twice, 50000 },
    { "double free, slab",          frees_a_slab_object_twice, 100 },
    { "double free, large slab",    frees_a_slab_object_twice, 9000 },
    { "smaller size, same class",   frees_with_a_smaller_size, 100 },
    { "smaller size, other class",  frees_with_a_smaller_size, 129 },
    { "smaller size, pages",        frees_with_a_smaller_size, 9000 },
    { "pages freed as a class",     frees_with_a_smaller_size, 3585 },
    { "larger size",                frees_with_a_larger_size, 100 },
    { "class freed as pages",       frees_with_a_larger_size, 3000 },
    { "larger size, pages",         frees_with_a_larger_size, 5000 },
    { "foreign pointer",            frees_from_the_stack, 16 },
    { "foreign pages",              frees_from_the_stack, 10000 },
    { "middle of an object",        frees_from_the_middle, 100 },
    { "middle of pages",            frees_from_the_middle, 10000 },
    { "object of another slab",     frees_into_another_slab, 100 },
    { "overrun, smallest",          writes_past_the_end, 1 },
    { "overrun into slack",         writes_past_the_end, 100 },
    { "overrun of a full class",    writes_past_the_end, 128 },
    { "overrun, largest class",     writes_past_the_end, 3584 },
    { "overrun of pages",           writes_past_the_end, 4097 },
    { "underrun",                   writes_before_the_start, 16 },
    { "underrun, aligned",          writes_before_the_start, 4096 },
    { "use after free",             writes_after_free, 48 },
    { "use after free, page",       writes_after_free, 4096 },
    { "use after free, pages",      writes_after_free, 40000 },
    { "use after free, made",       writes_to_a_free_constructed_object, 0 },
};

START_TEST(breaking_the_rules_stops_the_program)
{
    size_t size = crimes[_i].size;

    ck_assert_msg(test_traps(crimes[_i].run, &size), "%s", crimes[_i].what);
}
END_TEST

static void keeps_to_the_rules(void *arg)
{
    (void)arg;
    mixture(mem);
}

START_TEST(keeping_to_them_does_not)
{
    ck_assert(!test_traps(keeps_to_the_rules, NULL));
}
END_TEST

#endif

/* ------------------------------------- what AddressSanitizer is told about */

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif

#if defined(WITH_ASAN) && defined(SHALE_MEM_DEBUG)

int __asan_address_is_poisoned(const volatile void *at);

START_TEST(what_nobody_may_touch_is_poisoned)
{
    static const size_t some[] = { 1, 13, 64, 100, 3584, 4096, 9000 };

    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        size_t size = some[i];
        uint8_t *bytes = shale_alloc(mem, size);

        ck_assert(!__asan_address_is_poisoned(bytes));
        ck_assert(!__asan_address_is_poisoned(bytes + size - 1));
        if (size % PAGE != 0)
            ck_assert(__asan_address_is_poisoned(bytes + size));
        shale_free(mem, bytes, size);
        ck_assert(__asan_address_is_poisoned(bytes));
        ck_assert(__asan_address_is_poisoned(bytes + size - 1));
    }
}
END_TEST

START_TEST(a_free_constructed_object_is_poisoned)
{
    struct shale_slab_config config = {
        .name = "made", .size = 64, .construct = nothing_to_make,
    };
    struct shale_slab *slab = shale_slab_create(mem, &config);
    uint8_t *object = shale_slab_alloc(slab);

    ck_assert(!__asan_address_is_poisoned(object + 63));
    shale_slab_free(slab, object);
    ck_assert(__asan_address_is_poisoned(object));
    ck_assert(shale_slab_alloc(slab) == object && object[63] == 1);
    ck_assert_uint_eq(shale_slab_destroy(slab), 1);
}
END_TEST

#endif

Suite *suite(void)
{
    Suite *s = suite_create("mem/alloc");
    TCase *tc = tcase_create("sizes");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, every_size_has_its_place, 0,
                        sizeof sizes / sizeof sizes[0]);
    tcase_add_test(tc, memory_is_cleared_when_asked_for);
    tcase_add_test(tc, nothing_and_too_much);
    tcase_add_test(tc, what_is_left_is_returned_by_destroy);
    suite_add_tcase(s, tc);

    tc = tcase_create("failures");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_lock_that_cannot_be_made);
    tcase_add_test(tc, a_source_that_lends_once);
    tcase_add_test(tc, each_allocation_fails_in_turn);
    tcase_add_test(tc, a_failing_source_is_survived);
    suite_add_tcase(s, tc);

#ifdef SHALE_MEM_DEBUG
    tc = tcase_create("rules");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, breaking_the_rules_stops_the_program, 0,
                        sizeof crimes / sizeof crimes[0]);
    tcase_add_test(tc, keeping_to_them_does_not);
#ifdef WITH_ASAN
    tcase_add_test(tc, what_nobody_may_touch_is_poisoned);
    tcase_add_test(tc, a_free_constructed_object_is_poisoned);
#endif
    suite_add_tcase(s, tc);
#endif
    return s;
}
