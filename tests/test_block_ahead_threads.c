/*
 * test_block_ahead_threads.c - many threads, and a device that works meanwhile
 *
 * ThreadSanitizer looks on.
 */
#include "asyncdisk.h"
#include "test_block_cache.h"
#include "threads.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 4, RUN = 128 };

/* Check's asserts stay on its own thread. */
static atomic_int wrong;
static struct async_disk disk;
static pthread_barrier_t start;
static pthread_rwlock_t volume = PTHREAD_RWLOCK_INITIALIZER;

static void open_with(size_t budget)
{
    struct shale_cache_config config;

    rig_open_device(512);
    rig.fault.watch = NULL;
    async_disk_init(&disk, &rig.fault.base, 12, 2, 3);
    config = rig_config(budget);
    config.dev = &disk.base;
    rig_open_cache(&config);
    pthread_barrier_init(&start, NULL, THREADS);
}

static void close_all(void)
{
    ck_assert_uint_eq(rig_stats().pinned, 0);
    rig_close_cache();
    async_disk_fini(&disk);
    rig_close_device();
    pthread_barrier_destroy(&start);
}

static void run_threads(void *(*body)(void *seed))
{
    in_threads(THREADS, body);
    ck_assert_int_eq(wrong, 0);
}

static unsigned next_random(uint64_t *state, unsigned end)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((*state >> 33) % end);
}

static void look(uint64_t block)
{
    struct shale_buf *buf;

    if (shale_buf_get_run(rig.cache, block, 0, RIG_BLOCKS, &buf)) {
        wrong++;
        return;
    }
    wrong += !rig_is(buf->data, block);
    shale_buf_put(buf);
}

/* Some of it in order, some said in advance, with memory given back. */
static void *read_any_way(void *seed)
{
    uint64_t x = (uintptr_t)seed;

    pthread_barrier_wait(&start);
    for (unsigned n = 0; n < 60; n++) {
        uint64_t block = next_random(&x, RIG_BLOCKS - 600);

        switch (next_random(&x, 5)) {
        case 4:
            shale_buf_ahead_each(rig.cache, (const uint64_t[]){
                next_random(&x, RIG_BLOCKS), block + 500, block,
                next_random(&x, RIG_BLOCKS), block + 250, block + 1 }, 6, 2);
            break;
        case 0:
            shale_buf_ahead(rig.cache, block, next_random(&x, 600), 0,
                            RIG_BLOCKS);
            break;
        case 1:
            shale_cache_shrink(rig.cache, 200 * RIG_BLOCK);
            break;
        default:
            for (unsigned i = 0; i < 600; i += 20)
                look(block + i);
        }
    }
    return NULL;
}

START_TEST(reading)
{
    open_with(_i ? 700 : 3000);
    run_threads(read_any_way);
    ck_assert_uint_gt(disk.taken, 100);
    close_all();
}
END_TEST

/*
 * Some come in order, time and again; some make blocks new, which are then of
 * one byte, and write them. Nobody ever sees what was there before, though at
 * any time, without the lock, somebody finds that memory is short.
 */
static uint8_t made[RIG_BLOCKS];        /* the byte, or 0; under the lock */

static bool is_right(const struct shale_buf *buf)
{
    uint8_t byte = made[buf->block];

    for (size_t i = 0; byte && i < RIG_BLOCK; i++)
        if (buf->data[i] != byte)
            return false;
    return byte || rig_is(buf->data, buf->block);
}

static void read_in_order(void)
{
    for (uint64_t block = 0; block < RIG_BLOCKS; block += 16) {
        struct shale_buf *buf;

        pthread_rwlock_rdlock(&volume);
        if (block % 128 == 0)
            shale_buf_ahead_each(rig.cache, (const uint64_t[]){
                (block + 400) % RIG_BLOCKS, (block + 208) % RIG_BLOCKS,
                (block + 416) % RIG_BLOCKS, (block + 32) % RIG_BLOCKS }, 4, 4);
        if (shale_buf_get_run(rig.cache, block, 0, RIG_BLOCKS, &buf) == 0) {
            wrong += !is_right(buf);
            shale_buf_put(buf);
        } else {
            wrong++;
        }
        pthread_rwlock_unlock(&volume);
        if (block % 512 == 256)
            shale_cache_shrink(rig.cache, RUN * RIG_BLOCK);
    }
}

static void make_new(uint64_t block, uint8_t byte)
{
    struct shale_buf *buf;

    pthread_rwlock_wrlock(&volume);
    shale_tx_begin(rig.tx);
    if (shale_buf_get_new(rig.cache, block, &buf) == 0) {
        wrong += shale_tx_change(rig.tx, buf,
                                 (enum shale_rank)(block % 3)) != 0;
        memset(buf->data, byte, RIG_BLOCK);
        made[block] = byte;
        shale_tx_commit(rig.tx);
        shale_buf_put(buf);
    } else {
        wrong++;
    }
    pthread_rwlock_unlock(&volume);
}

static void *read_and_write(void *seed)
{
    uint64_t x = (uintptr_t)seed;

    pthread_barrier_wait(&start);
    for (unsigned n = 0; n < 6; n++) {
        if ((uintptr_t)seed % 2 == 0) {
            read_in_order();
            continue;
        }
        for (unsigned i = 0; i < 100; i++) {
            make_new(next_random(&x, RIG_BLOCKS / 16) * 16,
                     (uint8_t)(1 + next_random(&x, 255)));
            if (i % 25 == 24) {
                pthread_rwlock_rdlock(&volume);
                wrong += shale_tx_write(rig.tx) != 0;
                pthread_rwlock_unlock(&volume);
            }
        }
    }
    return NULL;
}

START_TEST(reading_and_writing)
{
    open_with(1000);
    run_threads(read_and_write);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    for (uint64_t block = 0; block < RIG_BLOCKS; block += 16)
        ck_assert(!made[block] || rig_filled(block, made[block]));
    ck_assert_uint_gt(disk.taken, 100);
    close_all();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("block/ahead threads");
    TCase *tc = tcase_create("threads");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, reading, 0, 2);
    tcase_add_test(tc, reading_and_writing);
    suite_add_tcase(s, tc);
    return s;
}
