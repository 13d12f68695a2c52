/*
 * queue.c - a bounded queue in which each slot says whose turn it is
 *
 * Head and tail count positions: the low bits are a slot's index, which goes
 * from 0 to the capacity and never as far as a lap, a power of two; the bits
 * above are the rounds made. So a capacity may be any, and that the word comes
 * round one day does not matter.
 *
 *      tail  | round 7 | index 2 |
 *
 *      slot    0          1          2          3          4
 *      turn    7 filled   7 filled   7 empty    6 filled   6 filled
 *                                    ^ tail     ^ head, of round 6
 *
 * A turn is a round, in the same bits, and in the lowest one whether the slot
 * is filled. Who pushes at position P needs it to be "P's round, empty", moves
 * the tail past P, by which the slot is his, fills it and sets "P's round,
 * filled". Who pops at P needs that, moves the head past it, empties the slot
 * and sets "the round after P's, empty".
 *
 * (1) A turn only goes up, and the tail, or the head, is moved past P only when
 *     P's slot had the turn for it. So as long as a turn is found that is lower
 *     than what P asks for, P is where the tail, or the head, still is, and to
 *     answer "full", or "empty", is right.
 * (2) A turn that is higher is found only after the tail, or the head, has been
 *     moved past P: reading that again makes progress.
 * (3) Setting a turn releases, and reading it acquires: the items need no more,
 *     and the positions none. It is the last that a call does to a queue.
 *
 * Who finds that somebody else has moved the tail, or the head, first gives way
 * for a moment, and each time for a longer one: two that fight for a word of
 * memory get less done than one that has it and makes several calls in a row.
 */
#include "shale/queue.h"

#define FILLED ((uintptr_t)1)

/* Moments to give way for the first time, and how often that is doubled. */
#define MOMENTS 16u
#define DOUBLINGS 4u

/* Tell the processor that nothing is to be done for a moment. */
static inline void moment(void)
{
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#elif defined __aarch64__ || (defined __arm__ && __ARM_ARCH >= 7)
    __asm__ volatile("yield" ::: "memory");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

/* Let others go on, for the *TIMES-th time. */
static void give_way(unsigned *times)
{
    unsigned moments = MOMENTS << (*times < DOUBLINGS ? *times : DOUBLINGS);

    ++*times;
    while (moments-- > 0)
        moment();
}

static struct shale_queue_slot *slot_at(const struct shale_queue *queue,
                                        uintptr_t at)
{
    return &queue->slots[at & (queue->lap - 1)];
}

/* The round that AT is in: the turn of an empty slot that is to be filled. */
static uintptr_t round_of(const struct shale_queue *queue, uintptr_t at)
{
    return at & ~(queue->lap - 1);
}

/* The position after AT. */
static uintptr_t after(const struct shale_queue *queue, uintptr_t at)
{
    uintptr_t round = round_of(queue, at);

    return at - round + 1 < queue->capacity ? at + 1 : round + queue->lap;
}

static uintptr_t turn_get(const struct shale_queue_slot *slot)
{
    return atomic_load_explicit(&slot->turn, memory_order_acquire);
}

static void turn_set(struct shale_queue_slot *slot, uintptr_t turn)
{
    atomic_store_explicit(&slot->turn, turn, memory_order_release);
}

static uintptr_t position_get(const _Atomic(uintptr_t) *position)
{
    return atomic_load_explicit(position, memory_order_relaxed);
}

/* Move *POSITION from AT to TO; false if it is not there. */
static bool position_move(_Atomic(uintptr_t) *position, uintptr_t at,
                          uintptr_t to)
{
    return atomic_compare_exchange_strong_explicit(
        position, &at, to, memory_order_relaxed, memory_order_relaxed);
}

/* The same, again: gives way and stores in *AT where *POSITION is by now. */
static bool position_claim(_Atomic(uintptr_t) *position, uintptr_t *at,
                           uintptr_t to, unsigned *times)
{
    if (position_move(position, *at, to))
        return true;
    give_way(times);
    *at = position_get(position);
    return false;
}

/* Is TURN one of the round before ROUND? */
static bool is_before(const struct shale_queue *queue, uintptr_t turn,
                      uintptr_t round)
{
    return (turn & ~FILLED) == round - queue->lap;
}

void shale_queue_init(struct shale_queue *queue, struct shale_queue_slot *slots,
                      size_t count)
{
    queue->slots = slots;
    queue->capacity = count;
    queue->lap = SHALE_QUEUE_LAP(count);
    atomic_init(&queue->head, 0);
    atomic_init(&queue->tail, 0);
    for (size_t i = 0; i < count; i++)
        atomic_init(&slots[i].turn, 0);
}

/* --------------------------------------------------------------- pushing */

bool shale_queue_push(struct shale_queue *queue, void *item)
{
    uintptr_t at = position_get(&queue->tail);
    unsigned times = 0;

    for (;;) {
        struct shale_queue_slot *slot = slot_at(queue, at);
        uintptr_t round = round_of(queue, at), turn = turn_get(slot);

        if (turn == round) {
            if (position_claim(&queue->tail, &at, after(queue, at), &times)) {
                slot->item = item;
                turn_set(slot, round | FILLED);
                return true;
            }
        } else if (is_before(queue, turn, round)) {
            return false;
        } else {
            at = position_get(&queue->tail);
        }
    }
}

/*
 * Put ITEM in the place of the oldest one, at position AT of the tail: the slot
 * is filled in the round before. False if somebody else is taking that out.
 *
 * With the head past it the slot is ours, in both roles, and until its turn is
 * set nobody else moves the tail.
 */
static bool replace(struct shale_queue *queue, uintptr_t at, void *item,
                    void **dropped)
{
    struct shale_queue_slot *slot = slot_at(queue, at);
    uintptr_t oldest = at - queue->lap;

    if (!position_move(&queue->head, oldest, after(queue, oldest)))
        return false;
    *dropped = slot->item;
    slot->item = item;
    atomic_store_explicit(&queue->tail, after(queue, at),
                          memory_order_relaxed);
    turn_set(slot, round_of(queue, at) | FILLED);
    return true;
}

bool shale_queue_force(struct shale_queue *queue, void *item, void **dropped)
{
    *dropped = NULL;
    while (!shale_queue_push(queue, item)) {
        uintptr_t at = position_get(&queue->tail);
        struct shale_queue_slot *slot = slot_at(queue, at);
        uintptr_t before = round_of(queue, at) - queue->lap;
        uintptr_t turn = turn_get(slot);

        if (turn == before)
            return false;       /* not even filled */
        if (turn != (before | FILLED))
            continue;           /* there is room, or was */
        if (replace(queue, at, item, dropped))
            return true;
        if (turn_get(slot) == turn)
            return false;
    }
    return true;
}

/* --------------------------------------------------------------- popping */

/* Empty the slot at AT, which the head has been moved past. */
static void *take(struct shale_queue *queue, uintptr_t at)
{
    struct shale_queue_slot *slot = slot_at(queue, at);
    void *item = slot->item;

    turn_set(slot, round_of(queue, at) + queue->lap);
    return item;
}

/*
 * What there is at position *AT of the head: 1 an item; 0 none; -1 nothing any
 * more, and *AT is where the head is.
 */
static int look(const struct shale_queue *queue, uintptr_t *at)
{
    uintptr_t round = round_of(queue, *at);
    uintptr_t turn = turn_get(slot_at(queue, *at));

    if (turn == (round | FILLED))
        return 1;
    if (turn == round || is_before(queue, turn, round))
        return 0;
    *at = position_get(&queue->head);
    return -1;
}

void *shale_queue_pop(struct shale_queue *queue)
{
    uintptr_t at = position_get(&queue->head);
    unsigned times = 0;

    for (;;) {
        int found = look(queue, &at);

        if (found == 0)
            return NULL;
        if (found > 0) {
            uintptr_t taken = at;

            if (position_claim(&queue->head, &at, after(queue, at), &times))
                return take(queue, taken);
        }
    }
}

/* How many items there are in a row from AT on, up to COUNT; and after them. */
static size_t run_length(const struct shale_queue *queue, uintptr_t at,
                         size_t count, uintptr_t *end)
{
    size_t found = 0;

    while (found < count &&
           turn_get(slot_at(queue, at)) == (round_of(queue, at) | FILLED)) {
        at = after(queue, at);
        found++;
    }
    *end = at;
    return found;
}

size_t shale_queue_pop_many(struct shale_queue *queue, void **items,
                            size_t count)
{
    uintptr_t at = position_get(&queue->head);
    unsigned times = 0;

    for (;;) {
        uintptr_t end, taken = at;
        size_t found = run_length(queue, at, count, &end);

        if (found == 0 && (count == 0 || look(queue, &at) == 0))
            return 0;
        if (found == 0 || !position_claim(&queue->head, &at, end, &times))
            continue;
        for (size_t i = 0; i < found; i++, taken = after(queue, taken))
            items[i] = take(queue, taken);
        return found;
    }
}

bool shale_queue_is_empty(const struct shale_queue *queue)
{
    uintptr_t at = position_get(&queue->head);
    int found;

    do
        found = look(queue, &at);
    while (found < 0);
    return found == 0;
}
