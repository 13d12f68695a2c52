/* test_host_lock.c - readers share, writers do not, and neither starves */
#include <stdatomic.h>
#include <unistd.h>

#include "shale/host.h"
#include "threads.h"

static const struct shale_lock_ops *const ops = &shale_host_locks;

/* Room for a lock, aligned no better than the core aligns it. */
static union {
    void *align;
    char bytes[256];
} lock;

static void setup(void)
{
    ck_assert_uint_le(ops->size, sizeof lock);
    ck_assert_int_eq(ops->init(&lock), 0);
}

static void teardown(void)
{
    ops->fini(&lock);
}

#define THREADS 4
#define ROUNDS 20000

static unsigned long counter, seen_odd;

/* Writers leave the counter even; no reader may see it otherwise. */
static void *mixed(void *arg)
{
    unsigned long odd = 0;

    (void)arg;
    for (int i = 0; i < ROUNDS; i++)
        if (i % 4 == 0) {
            ops->lock(&lock);
            counter++;
            counter++;
            ops->unlock(&lock);
        } else {
            ops->lock_shared(&lock);
            odd += counter & 1;
            ops->unlock(&lock);
        }
    ops->lock(&lock);
    seen_odd += odd;
    ops->unlock(&lock);
    return NULL;
}

START_TEST(writers_are_alone)
{
    in_threads(THREADS, mixed);
    ck_assert_uint_eq(counter, THREADS * (ROUNDS / 4) * 2ul);
    ck_assert_uint_eq(seen_odd, 0);
}
END_TEST

static atomic_int inside, met;

/* Both must be inside at once to get out. */
static void *meet(void *arg)
{
    (void)arg;
    ops->lock_shared(&lock);
    atomic_fetch_add(&inside, 1);
    for (int i = 0; i < 60000 && atomic_load(&inside) < 2; i++)
        usleep(1000);
    atomic_fetch_add(&met, atomic_load(&inside) == 2);
    ops->unlock(&lock);
    return NULL;
}

START_TEST(readers_share)
{
    in_threads(2, meet);
    ck_assert_int_eq(atomic_load(&met), 2);
}
END_TEST

static atomic_bool stop;

/* Hold the lock shared nearly all the time. */
static void *read_on(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop)) {
        ops->lock_shared(&lock);
        usleep(1000);
        ops->unlock(&lock);
    }
    return NULL;
}

START_TEST(readers_do_not_keep_a_writer_out)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_on, NULL), 0);
    for (int i = 0; i < 100; i++) {
        ops->lock(&lock);       /* a starved writer runs into the time limit */
        ops->unlock(&lock);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("host/lock");
    TCase *tc = tcase_create("rwlock");

    tcase_set_timeout(tc, 20);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, writers_are_alone);
    tcase_add_test(tc, readers_share);
    tcase_add_test(tc, readers_do_not_keep_a_writer_out);
    suite_add_tcase(s, tc);
    return s;
}
