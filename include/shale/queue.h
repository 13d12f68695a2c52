/*
 * queue.h - a bounded queue of pointers, for any number of threads
 *
 * Requests go to a device and come back by one of these, from an interrupt if
 * need be. It is of a fixed length, in the caller's memory, and takes no lock:
 *
 *      static struct shale_queue_slot slots[3];
 *      static struct shale_queue queue = SHALE_QUEUE_INIT(slots);
 *
 * Items      any pointer but NULL; the queue never looks behind it
 * Order      first in, first out; each item comes out exactly once
 * Locking    any calls may overlap, on any threads and in interrupts. What a
 *            thread wrote before it pushed an item, who pops that sees
 * Waiting    none: a call that meets another one tries again, some hundreds
 *            of instructions later, but only after that one has got its way.
 *            Who wants to sleep until there is room, or an item, does so by
 *            means of his own
 *
 * A thread that is stopped in the middle of a call, by an interrupt say, stops
 * nobody else from returning, but its slot is in transit for so long:
 *
 *      in a push   its item, and those pushed after it, cannot be popped yet:
 *                  a pop answers NULL from there on
 *      in a pop    its slot cannot be filled yet: pushes fail from when the
 *                  others have all been filled
 *      in a force  which had to drop an item, both; pushes fail at once
 *
 * A word counts the rounds. A thread that is stopped in the middle of a call
 * while exactly so many calls succeed that it comes round (2^31 of them or
 * more with 32 bits, 2^63 with 64) may take an item that is not its own.
 */
#ifndef SHALE_QUEUE_H
#define SHALE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/atomic.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Room for one item. All zeros is an empty one. */
struct shale_queue_slot {
    SHALE_ATOMIC(uintptr_t) turn;
    void *item;
};

/* The distance at which two words are of no concern to each other. */
#define SHALE_QUEUE_APART 64

struct shale_queue {
    struct shale_queue_slot *slots;
    uintptr_t capacity;         /* slots; 1 or more, and need be no power of
                                   two */
    uintptr_t lap;              /* SHALE_QUEUE_LAP(capacity) */
    char apart_head[SHALE_QUEUE_APART - 3 * sizeof(uintptr_t)];

    /* The next to be popped and to be pushed: laps made, and the slot. */
    SHALE_ATOMIC(uintptr_t) head;
    char apart_tail[SHALE_QUEUE_APART - sizeof(uintptr_t)];
    SHALE_ATOMIC(uintptr_t) tail;
};

/* The lowest power of two that is COUNT or more, and 2 or more. */
#define SHALE_QUEUE_LAP(count) \
    (SHALE_QUEUE_ONES(((uintptr_t)(count) - 1) | 1) + 1)

/* X and all bits below its highest one, of 32. */
#define SHALE_QUEUE_ONES(x)                                             \
    SHALE_QUEUE_OR(SHALE_QUEUE_OR(SHALE_QUEUE_OR(                       \
        SHALE_QUEUE_OR(SHALE_QUEUE_OR(x, 1), 2), 4), 8), 16)
#define SHALE_QUEUE_OR(x, n) ((x) | ((x) >> (n)))

/* For a queue on the whole of an array of slots, which are all zeros. */
#define SHALE_QUEUE_INIT(array)                                         \
    {                                                                   \
        .slots = (array),                                               \
        .capacity = sizeof(array) / sizeof((array)[0]),                 \
        .lap = SHALE_QUEUE_LAP(sizeof(array) / sizeof((array)[0])),     \
    }

/*
 * Make QUEUE an empty one on the COUNT slots, 1 to 2^28, whatever is in them.
 */
void shale_queue_init(struct shale_queue *queue, struct shale_queue_slot *slots,
                      size_t count);

/* Append ITEM. False if there is no room. */
bool shale_queue_push(struct shale_queue *queue, void *item);

/*
 * Append ITEM, if there is no room in the place of the oldest one, which is
 * stored in *DROPPED and is the caller's; else NULL is stored there. False, and
 * nothing is done, if that place is in transit.
 */
bool shale_queue_force(struct shale_queue *queue, void *item, void **dropped);

/* Take the oldest item out. NULL if there is none. */
void *shale_queue_pop(struct shale_queue *queue);

/*
 * Take out up to COUNT items that follow each other, oldest first, into ITEMS.
 * Returns how many there were.
 */
size_t shale_queue_pop_many(struct shale_queue *queue, void **items,
                            size_t count);

/* Would a pop have answered NULL just now? */
bool shale_queue_is_empty(const struct shale_queue *queue);

#ifdef __cplusplus
}
#endif

#endif /* SHALE_QUEUE_H */
