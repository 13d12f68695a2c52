/*
 * flight.h - several requests to a device, under way at once
 *
 *      shale_flight_begin(&flight, dev);
 *      shale_flight_read(&flight, 0, a, 4096);
 *      shale_flight_read(&flight, 65536, b, 4096);
 *      err = shale_flight_finish(&flight);
 *
 * A device that takes one request at a time (see bdev.h) does each when it is
 * asked for; any other gets as many as it has room for, and works on them side
 * by side.
 *
 * Order      none, between begin and finish; no two of them may overlap, unless
 *            both read. What is to come after all of them, a flush or the next
 *            step, comes after finish
 * Ownership  the flight is the caller's memory, about 1.3 KiB: not for a small
 *            stack. It and all buffers stay where they are until finish
 * Errors     the first one that is met is what finish answers. Nothing is begun
 *            after it, but what is under way may have been done or not
 * Locking    a flight is one thread's; several may use a device at once
 */
#ifndef SHALE_FLIGHT_H
#define SHALE_FLIGHT_H

#include <stddef.h>
#include <stdint.h>

#include "shale/bdev.h"
#include "shale/queue.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How many requests of a flight are under way at once. */
#define SHALE_FLIGHT_MAX 16

/* What is longer goes in several requests. */
#define SHALE_FLIGHT_BYTES ((size_t)256 << 10)

struct shale_flight {
    struct shale_bdev *dev;
    unsigned room;              /* requests to use, up to SHALE_FLIGHT_MAX */
    unsigned free_count, ready_count, out_count;
    int err;                    /* the first */
    struct shale_queue done;
    struct shale_queue_slot slots[SHALE_FLIGHT_MAX];
    struct shale_bdev_request requests[SHALE_FLIGHT_MAX];
    struct shale_bdev_request *free[SHALE_FLIGHT_MAX];
    struct shale_bdev_request *ready[SHALE_FLIGHT_MAX];     /* to be begun */
};

void shale_flight_begin(struct shale_flight *flight, struct shale_bdev *dev);

/*
 * Read LEN bytes at OFFSET into BUF, or write them from there. Returns the
 * flight's error so far. May wait until some others have been completed.
 */
int shale_flight_read(struct shale_flight *flight, uint64_t offset, void *buf,
                      size_t len);
int shale_flight_write(struct shale_flight *flight, uint64_t offset,
                       const void *buf, size_t len);

/* Let what has been asked for begin, without waiting for it. */
void shale_flight_go(struct shale_flight *flight);

/* Wait for all. Begin may follow. */
int shale_flight_finish(struct shale_flight *flight);

#ifdef __cplusplus
}
#endif

#endif /* SHALE_FLIGHT_H */
