/*
 * test_mem_torture.c - everything at once, then damage on purpose
 *
 * Random allocations from several caches, all size classes and pages, each
 * filled with a pattern of its own and compared when freed; by one thread with
 * the whole allocator checked as it goes, and by several. Then every kind of
 * damage that shale_mem_check() claims to find is done to it.
 */
#include <check.h>
#include <string.h>

#include "arenas.h"
#include "mem/mem.h"
#include "shale/host.h"
#include "suite.h"

#define PAGE ((size_t)SHALE_PAGE_SIZE)
#define SLABS 5

/* ------------------------------------------------------------------ torture */

struct torture {
    struct shale_mem *mem;
    struct shale_slab *slabs[SLABS];
    uint64_t random;
    unsigned steps, check_every;
    size_t failures;
};

struct held {
    uint8_t *bytes;
    size_t size;
    struct shale_slab *slab;    /* NULL: from shale_alloc() */
    uint8_t seed;
};

static int made_zero(void *object, void *arg)
{
    memset(object, 0, *(size_t *)arg);
    return 0;
}

static size_t slab_sizes[SLABS] = { 24, 104, 696, 2500, 10000 };

static void make_slabs(struct shale_mem *mem, struct shale_slab **slabs)
{
    static const char *const names[SLABS] = { "a", "b", "c", "d", "e" };

    for (size_t i = 0; i < SLABS; i++) {
        struct shale_slab_config config = {
            .name = names[i],
            .size = slab_sizes[i],
            .align = i == 2 ? 64 : 0,
            .construct = i % 2 ? made_zero : NULL,
            .arg = &slab_sizes[i],
        };

        slabs[i] = shale_slab_create(mem, &config);
        ck_assert_ptr_nonnull(slabs[i]);
    }
}

/* xorshift64*, Marsaglia and Vigna */
static uint32_t random_next(struct torture *t)
{
    t->random ^= t->random >> 12;
    t->random ^= t->random << 25;
    t->random ^= t->random >> 27;
    return (uint32_t)(t->random * 0x2545f4914f6cdd1du >> 32);
}

static void fill(struct held *h)
{
    for (size_t i = 0; i < h->size; i++)
        h->bytes[i] = (uint8_t)(h->seed + i);
}

static bool is_filled(const struct held *h)
{
    for (size_t i = 0; i < h->size; i++) {
        if (h->bytes[i] != (uint8_t)(h->seed + i))
            return false;
    }
    return true;
}

static void take_one(struct torture *t, struct held *h)
{
    uint32_t kind = random_next(t) % 8, size = random_next(t);

    h->slab = NULL;
    h->seed = (uint8_t)random_next(t);
    if (kind < SLABS) {
        h->slab = t->slabs[kind];
        h->size = slab_sizes[kind];
        h->bytes = shale_slab_alloc(h->slab);
    } else {
        h->size = 1 + size % (kind == 5 ? 200 : kind == 6 ? 4000 : 60000);
        h->bytes = shale_alloc(t->mem, h->size);
    }
    if (h->bytes)
        fill(h);
    else
        t->failures++;
}

/* Returns false if somebody else has written to it. */
static bool drop_one(struct torture *t, struct held *h)
{
    bool right = is_filled(h);

    if (h->slab) {
        memset(h->bytes, 0, h->size);   /* as its constructor left it */
        shale_slab_free(h->slab, h->bytes);
    } else {
        shale_free(t->mem, h->bytes, h->size);
    }
    h->bytes = NULL;
    return right;
}

/* Returns NULL, or what went wrong. Makes no assertions: it runs in threads. */
static const char *torture(struct torture *t)
{
    static _Thread_local struct held held[600];
    const size_t most = sizeof held / sizeof held[0];
    const char *wrong = NULL;

    for (unsigned step = 0; step < t->steps && !wrong; step++) {
        /* Waves: mostly taking, then mostly dropping. */
        bool rising = step / 500 % 2 == 0;
        struct held *h = &held[random_next(t) % most];

        if (h->bytes && (!rising || random_next(t) % 8 == 0)) {
            if (!drop_one(t, h))
                wrong = "somebody wrote to what I hold";
        } else if (!h->bytes && (rising || random_next(t) % 8 == 0)) {
            take_one(t, h);
        }
        if (step % 97 == 0)
            shale_slab_shrink(t->slabs[random_next(t) % SLABS]);
        if (t->check_every && step % t->check_every == 0 && !wrong)
            wrong = shale_mem_check(t->mem);
    }
    for (size_t i = 0; i < most; i++) {
        if (held[i].bytes && !drop_one(t, &held[i]) && !wrong)
            wrong = "somebody wrote to what I held";
    }
    return wrong;
}

static const struct {
    const char *what;
    size_t chunk, shift, budget;        /* pages */
    bool fails;
} pools[] = {
    { "chunks of 1 MiB",     256,  0, 0,    false },
    { "small odd chunks",    43,   3, 0,    false },
    { "cut to measure",      0,    1, 0,    false },
    { "one large arena",     8192, 0, 0,    false },
    { "a budget in the way", 64,   0, 700,  true },
};

START_TEST(one_thread)
{
    struct test_source source;
    struct torture t = {
        .random = 88172645463325252u + (unsigned)_i,
        .steps = 12000, .check_every = 250,
    };
    const char *wrong;

    test_source_init(&source, pools[_i].chunk * PAGE, pools[_i].shift * PAGE);
    t.mem = shale_mem_create(&source.base, NULL, pools[_i].budget * PAGE);
    ck_assert_ptr_nonnull(t.mem);
    make_slabs(t.mem, t.slabs);
    wrong = torture(&t);
    ck_assert_msg(!wrong, "%s: %s", pools[_i].what, wrong);
    ck_assert_int_eq(t.failures > 0, pools[_i].fails);
    for (size_t i = 0; i < SLABS; i++)
        ck_assert_uint_eq(shale_slab_destroy(t.slabs[i]), 0);
    test_mem_sound(t.mem, pools[_i].what);
    ck_assert_uint_eq(test_mem_stats(t.mem).live, 0);
    ck_assert_uint_eq(shale_mem_destroy(t.mem), 0);
    ck_assert_uint_eq(source.arenas, 0);
}
END_TEST

static void *torture_thread(void *arg)
{
    return (void *)(uintptr_t)torture(arg);
}

START_TEST(many_threads)
{
    enum { THREADS = 4 };
    size_t budget = (_i ? 1500u : 0u) * PAGE;
    struct test_source source;
    struct torture t[THREADS];
    struct shale_slab *slabs[SLABS];
    pthread_t threads[THREADS];
    struct shale_mem *mem;

    /* With a budget, lend what is asked for, so that none can be left over. */
    test_source_init(&source, budget ? 0 : 64 * PAGE, 2 * PAGE);
    mem = shale_mem_create(&source.base, &shale_host_locks, budget);
    ck_assert_ptr_nonnull(mem);
    make_slabs(mem, slabs);
    for (size_t i = 0; i < THREADS; i++) {
        t[i] = (struct torture){ .mem = mem, .random = 1234567 + i,
                                 .steps = 6000, .check_every = 900 };
        memcpy(t[i].slabs, slabs, sizeof slabs);
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, torture_thread, &t[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *wrong;

        pthread_join(threads[i], &wrong);
        ck_assert_msg(!wrong, "thread %zu: %s", i, (const char *)wrong);
    }
    if (budget)
        ck_assert_uint_le(source.most_bytes, budget);
    for (size_t i = 0; i < SLABS; i++)
        ck_assert_uint_eq(shale_slab_destroy(slabs[i]), 0);
    test_mem_sound(mem, "joined");
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
    ck_assert_uint_eq(source.arenas, 0);
}
END_TEST

/* ------------------------------------------------------------------- damage */

/* An allocator with something of everything in it. */
struct victim {
    struct test_source source;
    struct shale_mem *mem;
    struct shale_slab *slab;
    struct slab_page *partial, *full, *empty;
    uint8_t *object;            /* live, in the partial page */
    uint8_t *freed;             /* free, in the partial page */
    uint8_t *run;               /* 3 pages less 100 bytes */
    struct page *run_page;
    struct page *free_page;     /* of a free block */
};

static struct page *page_of(struct shale_mem *mem, void *address)
{
    struct arena *arena = arena_find(mem->arenas, address);

    return &arena->pages[page_index(arena, address)];
}

static void victim_init(struct victim *v)
{
    struct shale_slab_config config = { .name = "victim", .size = 120 };
    unsigned capacity;
    uint8_t *objects[200];

    test_source_init(&v->source, 64 * PAGE, PAGE);
    v->mem = shale_mem_create(&v->source.base, NULL, 0);
    v->slab = shale_slab_create(v->mem, &config);
    capacity = v->slab->capacity;
    ck_assert_uint_lt(3 * capacity, 200);

    /* A full page, a partial one, one that is empty again, the current one. */
    for (unsigned i = 0; i < 3 * capacity + 1; i++)
        objects[i] = shale_slab_alloc(v->slab);
    for (unsigned i = capacity + 2; i < 3 * capacity; i++)
        shale_slab_free(v->slab, objects[i]);
    v->object = objects[capacity];
    v->freed = objects[capacity + 2];
    v->partial = v->slab->partial;
    v->full = v->slab->full;
    v->empty = v->slab->empty;
    ck_assert(v->partial && v->full && v->empty && v->slab->current);

    v->run = shale_alloc(v->mem, 3 * PAGE - 100);
    v->run_page = page_of(v->mem, v->run);
    for (unsigned order = 0; order < MEM_ORDERS; order++) {
        if (v->mem->free[order])
            v->free_page = v->mem->free[order];
    }
    ck_assert_ptr_nonnull(v->free_page);
    test_mem_sound(v->mem, "before the damage");
}

static void wrong_index(struct victim *v)
{
    v->free_page->index++;
}

static void wrong_order(struct victim *v)
{
    v->free_page->order--;
}

static void impossible_order(struct victim *v)
{
    v->free_page->order = 200;
}

static void wrong_state(struct victim *v)
{
    v->free_page->state = PAGE_RUN;
}

static void lost_block(struct victim *v)
{
    v->free_page->state = PAGE_INSIDE;
}

static void wild_link(struct victim *v)
{
    v->free_page->u.list.next = (struct page *)v;
}

static void list_in_a_circle(struct victim *v)
{
    v->free_page->u.list.next = v->free_page;
}

static void lost_list(struct victim *v)
{
    v->mem->free[v->free_page->order] = NULL;
}

static void wrong_map(struct victim *v)
{
    v->mem->free_orders ^= 1u << 11;
}

/* Cut a free block in two and link both halves properly. */
static void unmerged_buddies(struct victim *v)
{
    unsigned order = v->free_page->order - 1u;
    struct page *lower = v->free_page;
    struct page *upper = lower + ((size_t)1 << order);

    ck_assert(!lower->u.list.next && !lower->u.list.prev);
    v->mem->free[order + 1] = NULL;
    v->mem->free_orders &= ~((uint64_t)1 << (order + 1));
    lower->order = upper->order = (uint8_t)order;
    upper->state = PAGE_FREE;
    lower->u.list.next = upper;
    upper->u.list.prev = lower;
    upper->u.list.next = v->mem->free[order];
    if (upper->u.list.next)
        upper->u.list.next->u.list.prev = upper;
    v->mem->free[order] = lower;
    v->mem->free_orders |= (uint64_t)1 << order;
}

static void run_too_long(struct victim *v)
{
    v->run_page->u.run.pages = 100000;
}

static void run_too_short(struct victim *v)
{
    v->run_page->u.run.pages = 2;
}

static void overlapping_blocks(struct victim *v)
{
    v->run_page[1].state = PAGE_FREE;
}

static void wrong_arena_count(struct victim *v)
{
    v->mem->first->free_pages++;
}

static void wrong_pool_count(struct victim *v)
{
    v->mem->free_pages--;
}

static void wrong_borrowed(struct victim *v)
{
    v->mem->borrowed -= PAGE;
}

static void over_budget(struct victim *v)
{
    v->mem->budget = PAGE;
}

static void wrong_peak(struct victim *v)
{
    v->mem->peak = 1;
}

static void slot_in_a_circle(struct victim *v)
{
    v->partial->slots[v->partial->free].next = v->partial->free;
}

static void wild_slot(struct victim *v)
{
    v->partial->free = 60000;
}

static void lost_slot(struct victim *v)
{
    v->partial->free = v->partial->slots[v->partial->free].next;
}

static void live_slot_in_the_list(struct victim *v)
{
    v->partial->slots[v->partial->free].next = SLOT_LIVE;
}

static void wrong_live(struct victim *v)
{
    v->partial->live++;
}

static void wrong_slab_live(struct victim *v)
{
    v->slab->live--;
}

static void wrong_list(struct victim *v)
{
    v->slab->empty = v->partial;
    v->slab->partial = v->empty;
}

static void wrong_owner(struct victim *v)
{
    v->full->slab = &v->mem->classes[0];
}

static void wild_page(struct victim *v)
{
    v->partial->next = (struct slab_page *)v;
}

static void run_as_slab_page(struct victim *v)
{
    v->slab->empty = (struct slab_page *)v->run;
}

static void page_in_a_circle(struct victim *v)
{
    v->full->next = v->full;
}

static void lost_page(struct victim *v)
{
    v->slab->full = NULL;
}

static void lost_empty_page(struct victim *v)
{
    v->slab->empty = NULL;
}

static void lost_current_page(struct victim *v)
{
    v->slab->current = NULL;
}

static void current_page_in_a_list(struct victim *v)
{
    v->slab->current = v->full;
}

static void run_as_current_page(struct victim *v)
{
    v->slab->current = (struct slab_page *)v->run;
}

#ifdef SHALE_MEM_DEBUG
__attribute__((no_sanitize_address)) static void scribble(uint8_t *at)
{
    *(volatile uint8_t *)at ^= 1;
}

static void behind_an_object(struct victim *v)
{
    scribble(v->object + 120);
}

static void before_the_first_object(struct victim *v)
{
    scribble(slab_object(v->full, 0) - 1);
}

static void in_a_free_object(struct victim *v)
{
    scribble(v->freed + 119);
}

static void behind_a_run(struct victim *v)
{
    scribble(v->run + 3 * PAGE - 100);
}

static void in_a_free_page(struct victim *v)
{
    struct arena *arena = arena_find(v->mem->arenas, v->free_page);

    scribble((uint8_t *)page_address(arena, v->free_page->index) + 100);
}

static void wrong_total(struct victim *v)
{
    v->mem->live--;
}
#endif

#define DAMAGE(function) { #function, function }

static const struct {
    const char *what;
    void (*damage)(struct victim *v);
} damages[] = {
    DAMAGE(wrong_index),        DAMAGE(wrong_order),
    DAMAGE(impossible_order),   DAMAGE(wrong_state),
    DAMAGE(lost_block),         DAMAGE(wild_link),
    DAMAGE(list_in_a_circle),   DAMAGE(lost_list),
    DAMAGE(wrong_map),          DAMAGE(unmerged_buddies),
    DAMAGE(run_too_long),       DAMAGE(run_too_short),
    DAMAGE(overlapping_blocks), DAMAGE(wrong_arena_count),
    DAMAGE(wrong_pool_count),   DAMAGE(wrong_borrowed),
    DAMAGE(over_budget),        DAMAGE(wrong_peak),
    DAMAGE(slot_in_a_circle),   DAMAGE(wild_slot),
    DAMAGE(lost_slot),          DAMAGE(live_slot_in_the_list),
    DAMAGE(wrong_live),         DAMAGE(wrong_slab_live),
    DAMAGE(wrong_list),         DAMAGE(wrong_owner),
    DAMAGE(wild_page),          DAMAGE(run_as_slab_page),
    DAMAGE(page_in_a_circle),   DAMAGE(lost_page),
    DAMAGE(lost_empty_page),    DAMAGE(lost_current_page),
    DAMAGE(run_as_current_page), DAMAGE(current_page_in_a_list),
#ifdef SHALE_MEM_DEBUG
    DAMAGE(behind_an_object),   DAMAGE(before_the_first_object),
    DAMAGE(in_a_free_object),   DAMAGE(behind_a_run),
    DAMAGE(in_a_free_page),     DAMAGE(wrong_total),
#endif
};

START_TEST(damage_is_found)
{
    struct victim v = { 0 };

    victim_init(&v);
    damages[_i].damage(&v);
    ck_assert_msg(shale_mem_check(v.mem) != NULL, "%s", damages[_i].what);
    test_source_free(&v.source);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("mem/torture");
    TCase *tc = tcase_create("torture");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, one_thread, 0, sizeof pools / sizeof pools[0]);
    tcase_add_loop_test(tc, many_threads, 0, 2);
    suite_add_tcase(s, tc);

    tc = tcase_create("damage");
    tcase_add_loop_test(tc, damage_is_found, 0,
                        sizeof damages / sizeof damages[0]);
    suite_add_tcase(s, tc);
    return s;
}
