/*
 * test_block_threads.c - one cache, many threads; ThreadSanitizer looks on
 */
#include "test_block_cache.h"
#include "threads.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 8 };

/* As in rig_get() and the rest, but Check's asserts stay on its own thread. */
static atomic_int wrong;
static atomic_uint reads_of[RIG_BLOCKS];
static pthread_barrier_t start;
static pthread_rwlock_t volume = PTHREAD_RWLOCK_INITIALIZER;

/* Count how often each block is read: text would not do for many threads. */
static void count_reads(void *context, enum shale_request_kind kind,
                        uint64_t offset, size_t len)
{
    (void)context;
    if (kind == SHALE_REQUEST_READ)
        for (uint64_t at = offset; at < offset + len; at += RIG_BLOCK)
            reads_of[at / RIG_BLOCK]++;
}

static void open_with(size_t budget)
{
    rig_open(budget);
    rig.fault.watch = count_reads;
    pthread_barrier_init(&start, NULL, THREADS);
}

static void run_threads(void *(*body)(void *seed))
{
    in_threads(THREADS, body);
    pthread_barrier_destroy(&start);
    ck_assert_int_eq(wrong, 0);
}

/* Everyone wants the same blocks at once. */
static void *same_blocks(void *seed)
{
    (void)seed;
    pthread_barrier_wait(&start);
    for (uint64_t block = 0; block < RIG_BLOCKS; block++) {
        struct shale_buf *buf;

        if (shale_buf_get_run(rig.cache, block, 0, RIG_BLOCKS, &buf)) {
            wrong++;
            continue;
        }
        wrong += !rig_is(buf->data, block);
        shale_buf_put(buf);
    }
    return NULL;
}

START_TEST(no_block_is_read_twice)
{
    open_with(RIG_BLOCKS);
    run_threads(same_blocks);
    for (unsigned i = 0; i < RIG_BLOCKS; i++)
        ck_assert_uint_eq(reads_of[i], 1);
    ck_assert_uint_eq(rig_stats().bytes, RIG_BLOCKS * RIG_BLOCK);
    ck_assert_uint_eq(rig_stats().pinned, 0);
    ck_assert_uint_eq(rig_stats().hits + rig_stats().misses,
                      THREADS * RIG_BLOCKS);
    rig_close();
}
END_TEST

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Random gets, runs and shrinks in a cache that is much too small. */
static void *thrash(void *seed)
{
    uint64_t x = (uintptr_t)seed;

    pthread_barrier_wait(&start);
    for (unsigned n = 0; n < 4000; n++) {
        uint64_t block = next_random(&x) % RIG_BLOCKS;
        uint64_t first = block - next_random(&x) % (block + 1);
        struct shale_buf *a, *b;

        if (shale_buf_get_run(rig.cache, block, first, 200, &a)) {
            wrong++;
            continue;
        }
        if (shale_buf_get(rig.cache, RIG_BLOCKS - 1 - block, &b)) {
            wrong++;
            shale_buf_put(a);
            continue;
        }
        wrong += !rig_is(a->data, block);
        wrong += !rig_is(b->data, RIG_BLOCKS - 1 - block);
        shale_buf_put(a);
        shale_buf_put(b);
        if (n % 500 == 0)
            shale_cache_shrink(rig.cache, 50 * RIG_BLOCK);
    }
    return NULL;
}

START_TEST(thrashing)
{
    open_with(100);
    run_threads(thrash);
    ck_assert_uint_le(rig_stats().bytes, 100 * RIG_BLOCK);
    ck_assert_uint_eq(rig_stats().pinned, 0);
    rig_close();
}
END_TEST

/*
 * Writers count in blocks under the volume's lock, some write back, readers
 * read along; eviction goes on throughout. Not one count may be lost, neither
 * in the cache nor on the device.
 */
enum { COUNTERS = 300, ROUNDS = 3000 };

static uint64_t counter_get(const uint8_t *data)
{
    uint64_t x;

    memcpy(&x, data, sizeof x);
    return x;
}

static void count_up(uint64_t block)
{
    struct shale_buf *buf;
    uint64_t x;

    pthread_rwlock_wrlock(&volume);
    if (shale_buf_get_run(rig.cache, block, 0, COUNTERS, &buf)) {
        wrong++;
    } else {
        shale_tx_begin(rig.tx);
        wrong += shale_tx_change(rig.tx, buf, block % 3) != 0;
        x = counter_get(buf->data) + 1;
        memcpy(buf->data, &x, sizeof x);
        if (x % 7 == 0) {           /* a change of mind */
            shale_tx_undo(rig.tx);
            shale_tx_begin(rig.tx);
            wrong += shale_tx_change(rig.tx, buf, block % 3) != 0;
            memcpy(buf->data, &x, sizeof x);
        }
        shale_tx_commit(rig.tx);
        shale_buf_put(buf);
    }
    pthread_rwlock_unlock(&volume);
}

static void *count_and_write(void *seed)
{
    uint64_t x = (uintptr_t)seed;

    pthread_barrier_wait(&start);
    for (unsigned n = 0; n < ROUNDS; n++) {
        struct shale_buf *buf;

        if (n % 2 == 0) {
            count_up(next_random(&x) % COUNTERS);
            continue;
        }
        pthread_rwlock_rdlock(&volume);
        if (n % 101 == 0)
            wrong += shale_tx_write(rig.tx) != 0;
        if (shale_buf_get_run(rig.cache, next_random(&x) % COUNTERS, 0,
                              COUNTERS, &buf))
            wrong++;
        else
            shale_buf_put(buf);
        pthread_rwlock_unlock(&volume);
    }
    return NULL;
}

START_TEST(no_change_is_lost)
{
    uint64_t sum = 0;

    open_with(40);
    for (unsigned i = 0; i < COUNTERS; i++)
        memset(rig.bytes + i * RIG_BLOCK, 0, RIG_BLOCK);
    run_threads(count_and_write);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    for (unsigned i = 0; i < COUNTERS; i++)
        sum += counter_get(rig.bytes + i * RIG_BLOCK);
    ck_assert_uint_eq(sum, THREADS * ROUNDS / 2);
    ck_assert_uint_eq(rig_stats().dirty, 0);
    rig_close();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("block/threads");
    TCase *tc = tcase_create("threads");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, no_block_is_read_twice);
    tcase_add_test(tc, thrashing);
    tcase_add_test(tc, no_change_is_lost);
    suite_add_tcase(s, tc);
    return s;
}
