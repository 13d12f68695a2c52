/*
 * asyncdisk.h - a device that works on several requests at once, to test with
 *
 * It stands on any other device, to which it takes the requests in an order of
 * its own, out of those that it has. When, is one of two ways: "interrupts"
 * come while somebody waits, and everything is as the seed says, each time; or
 * threads do the work, with pauses, while whoever asked does something else.
 */
#ifndef SUPPORT_ASYNCDISK_H
#define SUPPORT_ASYNCDISK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "shale/bdev.h"

enum { ASYNC_ROOM_MAX = 32, ASYNC_THREADS_MAX = 4 };

struct async_disk {
    struct shale_bdev base;
    struct shale_bdev *lower;

    /* To look at; with nothing under way. */
    uint64_t taken;             /* requests by submit(), of any kind */
    uint64_t overtaken;         /* done before one that came earlier */
    unsigned most;              /* under way at once */

    /* Its own. */
    unsigned room, thread_count;
    uint64_t random;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct shale_bdev_request *waiting[ASYNC_ROOM_MAX];     /* as they came */
    unsigned waiting_count, working;
    bool stop;
    pthread_t threads[ASYNC_THREADS_MAX];
};

/*
 * Make DISK a device on LOWER with room for that many requests. THREADS do
 * them; with 0 they are done in wait().
 */
void async_disk_init(struct async_disk *disk, struct shale_bdev *lower,
                     unsigned room, unsigned threads, uint64_t seed);
void async_disk_fini(struct async_disk *disk);

/*
 * What tests mount instead of LOWER, so that they can be run by way of such a
 * device: with SHALE_TEST_ASYNC=ROOM in the environment DISK is made one on it,
 * with no threads; else it is all zeros, and this is LOWER. async_disk_fini()
 * is right for both.
 */
struct shale_bdev *async_disk_if_asked(struct async_disk *disk,
                                       struct shale_bdev *lower);

#endif /* SUPPORT_ASYNCDISK_H */
