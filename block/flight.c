/*
 * flight.c - keeping several requests to a device under way
 *
 * A request is free, or ready to be begun, or out, at the device. Those that
 * are ready go together when no other is free, or when somebody is going to
 * wait. A device that has no room, all of which others use, is asked to do one
 * at once: so there is always one of ours to wait for, or none is needed.
 */
#include "shale/flight.h"

#include "request.h"

void shale_flight_begin(struct shale_flight *flight, struct shale_bdev *dev)
{
    flight->dev = dev;
    flight->room = dev->at_once < SHALE_FLIGHT_MAX ? dev->at_once
                                                   : SHALE_FLIGHT_MAX;
    flight->free_count = flight->room;
    flight->ready_count = 0;
    flight->out_count = 0;
    flight->err = 0;
    shale_queue_init(&flight->done, flight->slots, SHALE_FLIGHT_MAX);
    for (unsigned i = 0; i < flight->room; i++)
        flight->free[i] = &flight->requests[i];
}

static void note(struct shale_flight *flight, int err)
{
    if (!flight->err)
        flight->err = err;
}

/* Take back what has been completed. */
static void collect(struct shale_flight *flight)
{
    struct shale_bdev_request *request;

    while ((request = shale_queue_pop(&flight->done))) {
        note(flight, request->err);
        flight->out_count--;
        flight->free[flight->free_count++] = request;
    }
}

/* COUNT of what is ready, the first ones, are not any more. */
static void ready_drop(struct shale_flight *flight, unsigned count)
{
    flight->ready_count -= count;
    for (unsigned i = 0; i < flight->ready_count; i++)
        flight->ready[i] = flight->ready[i + count];
}

void shale_flight_go(struct shale_flight *flight)
{
    while (flight->ready_count > 0 && !flight->err) {
        struct shale_bdev_request *first = flight->ready[0];
        unsigned taken = (unsigned)shale_bdev_submit(
            flight->dev, flight->ready, flight->ready_count);

        flight->out_count += taken;
        ready_drop(flight, taken);
        if (flight->ready_count == 0 || flight->out_count > 0)
            return;
        note(flight, bdev_request_do(flight->dev, first));
        flight->free[flight->free_count++] = first;
        ready_drop(flight, 1);
    }
    for (unsigned i = 0; i < flight->ready_count; i++)
        flight->free[flight->free_count++] = flight->ready[i];
    flight->ready_count = 0;
}

/* Let what is ready begin, and wait for anything that is out. */
static void go_and_wait(struct shale_flight *flight)
{
    shale_flight_go(flight);
    if (flight->out_count > 0 && shale_queue_is_empty(&flight->done))
        shale_bdev_wait(flight->dev, &flight->done);
    collect(flight);
}

/* Is this what follows REQUEST, on the device and in memory, and fits in? */
static bool continues(const struct shale_bdev_request *request, bool write,
                      uint64_t offset, const uint8_t *buf, size_t len)
{
    return request->write == write &&
           request->offset + request->len == offset &&
           (const uint8_t *)request->buf + request->len == buf &&
           request->len + len <= SHALE_FLIGHT_BYTES;
}

static int add(struct shale_flight *flight, bool write, uint64_t offset,
               void *buf, size_t len)
{
    uint8_t *at = buf;

    if (flight->room == 0 && !flight->err)
        note(flight, bdev_request_do(flight->dev, &(struct shale_bdev_request){
            .offset = offset, .buf = buf, .len = len, .write = write,
        }));
    while (flight->room > 0 && len > 0 && !flight->err) {
        size_t count = len < SHALE_FLIGHT_BYTES ? len : SHALE_FLIGHT_BYTES;
        struct shale_bdev_request *request;

        request = flight->ready_count > 0
                      ? flight->ready[flight->ready_count - 1] : NULL;
        if (request && continues(request, write, offset, at, count)) {
            request->len += count;
            break;
        }
        while (flight->free_count == 0)
            go_and_wait(flight);
        if (flight->err)
            break;
        request = flight->free[--flight->free_count];
        *request = (struct shale_bdev_request){
            .offset = offset, .buf = at, .len = count, .write = write,
            .done = &flight->done,
        };
        flight->ready[flight->ready_count++] = request;
        offset += count;
        at += count;
        len -= count;
    }
    return flight->err;
}

int shale_flight_read(struct shale_flight *flight, uint64_t offset, void *buf,
                      size_t len)
{
    return add(flight, false, offset, buf, len);
}

int shale_flight_write(struct shale_flight *flight, uint64_t offset,
                       const void *buf, size_t len)
{
    union {
        const void *from;
        void *buf;
    } unchanged = { buf };      /* a write only reads it */

    return add(flight, true, offset, unchanged.buf, len);
}

int shale_flight_finish(struct shale_flight *flight)
{
    while (flight->ready_count > 0 || flight->out_count > 0)
        go_and_wait(flight);
    return flight->err;
}
