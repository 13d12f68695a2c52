/*
 * test_mem_magazine_threads.c - free objects at hand, by thread
 *
 * Threads come and go, and take over each other's places; what one allocates
 * another frees. ThreadSanitizer looks on.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "shale/host.h"
#include "shale/queue.h"
#include "suite.h"

enum { THREADS = 4, LIVES = 12, STEPS = 4000, SLOTS = 64 };

static struct shale_mem *mem;
static struct shale_slab *slab;
static struct shale_queue_slot slots[SLOTS];
static struct shale_queue queue = SHALE_QUEUE_INIT(slots);
static atomic_uint wrong;
static pthread_barrier_t all_there;

/* An object says how large it is, and is full of that. */
static void *object_new(size_t size)
{
    uint8_t *object = shale_alloc(mem, size);

    if (!object)
        return NULL;
    memset(object, (int)(size % 251), size);
    memcpy(object, &size, sizeof size);
    return object;
}

static void object_end(uint8_t *object)
{
    size_t size;

    memcpy(&size, object, sizeof size);
    for (size_t i = sizeof size; i < size; i++)
        if (object[i] != (uint8_t)(size % 251)) {
            atomic_fetch_add(&wrong, 1);
            break;
        }
    shale_free(mem, object, size);
}

/* More than there is: what all others have at hand is wanted back. */
static void run_short(void)
{
    if (shale_alloc(mem, SIZE_MAX / 4))
        atomic_fetch_add(&wrong, 1);
    shale_slab_shrink(slab);
}

static void *live(void *arg)
{
    uint64_t x = (uintptr_t)arg;

    for (unsigned n = 0; n < STEPS; n++) {
        void *object, *dropped, *own;

        x = x * 6364136223846793005u + 1442695040888963407u;
        own = shale_slab_alloc(slab);
        object = object_new(sizeof(size_t) + (x >> 33) % 700);
        if (!object || !own) {
            atomic_fetch_add(&wrong, 1);
            continue;
        }
        *(void **)own = own;
        if (!shale_queue_force(&queue, object, &dropped))
            dropped = object;
        if (dropped)
            object_end(dropped);
        if (x >> 62 == 0 && (object = shale_queue_pop(&queue)))
            object_end(object);
        if (*(void **)own != own)
            atomic_fetch_add(&wrong, 1);
        shale_slab_free(slab, own);
        if (x >> 56 == 0)
            run_short();
    }
    return NULL;
}

/* Somebody looks at the numbers meanwhile. */
static void look(void *context, const struct shale_slab_stats *stats)
{
    (void)context;
    if (stats->live > stats->capacity + 96 * THREADS)
        atomic_fetch_add(&wrong, 1);
}

START_TEST(come_and_go)
{
    static const struct shale_slab_config config = {
        .name = "thing", .size = 48,
    };
    struct shale_mem_stats stats;
    void *object;

    mem = shale_host_mem_create(_i ? (size_t)4 << 20 : 0);
    ck_assert_ptr_nonnull(mem);
    ck_assert_int_eq(shale_mem_set_places(mem, &shale_host_places), 0);
    slab = shale_slab_create(mem, &config);
    for (unsigned n = 0; n < LIVES; n++) {
        pthread_t threads[THREADS];

        for (uintptr_t i = 0; i < THREADS; i++)
            ck_assert_int_eq(pthread_create(&threads[i], NULL, live,
                                            (void *)(n * THREADS + i)), 0);
        shale_mem_stats(mem, &stats);
        shale_mem_each_slab(mem, look, NULL);
        for (unsigned i = 0; i < THREADS; i++)
            ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    while ((object = shale_queue_pop(&queue)))
        object_end(object);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_eq(shale_slab_destroy(slab), 0);
    shale_mem_stats(mem, &stats);
    ck_assert_uint_eq(stats.live, 0);
    ck_assert_ptr_null(shale_mem_check(mem));
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}
END_TEST

/* What a thread had at hand goes back when it ends. */
static void *fill_and_end(void *arg)
{
    enum { COUNT = 300 };
    void *objects[COUNT];

    for (unsigned i = 0; i < COUNT; i++)
        objects[i] = shale_alloc(mem, 200);
    for (unsigned i = 0; i < COUNT; i++)
        shale_free(mem, objects[i], 200);
    (void)arg;
    return NULL;
}

static void count_magazines(void *context,
                            const struct shale_slab_stats *stats)
{
    if (strcmp(stats->name, "magazine") == 0)
        *(size_t *)context = stats->live;
}

START_TEST(ended)
{
    size_t before = 0, after = 0;

    mem = shale_host_mem_create(0);
    ck_assert_int_eq(shale_mem_set_places(mem, &shale_host_places), 0);
    shale_mem_each_slab(mem, count_magazines, &before);
    for (unsigned i = 0; i < 5; i++) {
        pthread_t thread;

        ck_assert_int_eq(pthread_create(&thread, NULL, fill_and_end, NULL), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        shale_mem_each_slab(mem, count_magazines, &after);
        ck_assert_uint_eq(after, before);
    }
    ck_assert_ptr_null(shale_mem_check(mem));
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}
END_TEST

/* Threads end while allocators that they have used go. */
static void *use_and_end(void *arg)
{
    struct shale_mem *used = arg;

    for (unsigned i = 0; i < 100; i++)
        shale_free(used, shale_alloc(used, 100), 100);
    pthread_barrier_wait(&all_there);
    return NULL;
}

START_TEST(ended_with_it)
{
    pthread_barrier_init(&all_there, NULL, THREADS + 1);
    for (unsigned round = 0; round < 50; round++) {
        pthread_t threads[THREADS];
        struct shale_mem *short_lived = shale_host_mem_create(0);

        ck_assert_int_eq(shale_mem_set_places(short_lived,
                                              &shale_host_places), 0);
        for (unsigned i = 0; i < THREADS; i++)
            ck_assert_int_eq(pthread_create(&threads[i], NULL, use_and_end,
                                            short_lived), 0);
        pthread_barrier_wait(&all_there);
        ck_assert_uint_eq(shale_mem_destroy(short_lived), 0);
        for (unsigned i = 0; i < THREADS; i++)
            ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    pthread_barrier_destroy(&all_there);
}
END_TEST

/* More threads at once than there are places. */
static void *wait_and_live(void *arg)
{
    pthread_barrier_wait(&all_there);
    shale_free(mem, shale_alloc(mem, 100), 100);
    pthread_barrier_wait(&all_there);
    (void)arg;
    return NULL;
}

START_TEST(too_many)
{
    enum { MANY = 40 };
    pthread_t threads[MANY];

    mem = shale_host_mem_create(0);
    ck_assert_int_eq(shale_mem_set_places(mem, &shale_host_places), 0);
    pthread_barrier_init(&all_there, NULL, MANY);
    for (unsigned i = 0; i < MANY; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, wait_and_live,
                                        NULL), 0);
    for (unsigned i = 0; i < MANY; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    pthread_barrier_destroy(&all_there);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("mem/magazine threads");
    TCase *tc = tcase_create("threads");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, come_and_go, 0, 2);
    tcase_add_test(tc, ended);
    tcase_add_test(tc, ended_with_it);
    tcase_add_test(tc, too_many);
    suite_add_tcase(s, tc);
    return s;
}
