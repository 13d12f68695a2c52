/*
 * queue.c - places to be read, sorted, in large runs, by all workers
 *
 * Items are gathered in batches. When the queue is run, each batch is sorted,
 * by whichever worker takes it, and then all batches are merged while they are
 * used up: a heap of batches has the one with the lowest place on top. Nothing
 * is moved from batch to batch, and a batch that is used up is given back.
 *
 *      add      item -> open batch of its lane; a full one goes to the lane's
 *               list
 *      run      all lists -> heap      a round
 *               heap -> a run of places that are near each other -> one read ->
 *               handle() each, which may add: to the next round
 *
 * Lanes keep workers that add from waiting for each other.
 *
 * Items leave the heap some time before they are read, and wait in a ring. The
 * device is told where they are, so that it can have many on their way at once:
 * places that are far apart take as long to be found as large runs to be read.
 * The first of a queue it is told of when they are added, which is while
 * something else is read.
 */
#include "check/state.h"

enum {
    BATCH_BYTES = 32 << 10,
    BATCH_ITEMS = BATCH_BYTES / sizeof(struct check_item) - 1,
    LANES = 8,                  /* a power of two */
    RUN_BYTES = 128 << 10,      /* of one read: it stays in a CPU's cache */
    GAP_BYTES = 16 << 10,       /* that are sooner read than passed over */
    RUN_ITEMS = 512,
    ALONE = 32,                 /* items not worth waking others for */
    RING = 512,                 /* items: a power of two */
    HINT_BYTES = 512 << 10,     /* of one hint */
    EARLY = 1024,               /* items told of when they are added */
};

struct batch {
    struct batch *next;
    uint32_t count, used;
    struct check_item items[BATCH_ITEMS];
};

_Static_assert(sizeof(struct batch) <= BATCH_BYTES, "a batch is whole pages");

struct lane {
    struct check_lock lock;     /* guards the rest */
    struct batch *batches;       /* the first one is open */
    uint64_t count;             /* items */
    uint64_t early;             /* of these, told of */
};

struct check_queue {
    struct check *check;
    size_t length;              /* bytes of a place */
    struct lane lanes[LANES];
};

/* Items that are being used up. */
struct round {
    struct check_queue *queue;
    int (*handle)(struct check *check, const struct check_item *item,
                  uint8_t *bytes, void *context);
    void *context;
    size_t room;                /* bytes of a worker's buffer */

    /* The state's `turn` guards: */
    struct batch **heap;        /* BATCHS in use, of ROUND_BATCHS */
    size_t batches, round_batches;
    uint64_t left;              /* items, those in the ring included */
    struct check_item *ring;    /* that have left the heap, in order */
    size_t ring_at, ring_count;
    bool told;                  /* of all of them the device knows */
    int err;
};

/* A stretch that is going to be read. */
struct hint {
    uint64_t at, end;
};

/* A worker's own memory; its buffer of round->room bytes besides. */
struct hand {
    struct check_item items[RUN_ITEMS];
    struct hint hints[RING];
    size_t hint_count;
};

/* -------------------------------------------------------------- gathering */

struct check_queue *check_queue_create(struct check *check, size_t length)
{
    struct check_queue *queue = check_zalloc(check, sizeof *queue);

    if (!queue)
        return NULL;
    queue->check = check;
    queue->length = length;
    for (size_t i = 0; i < LANES; i++)
        if (check_lock_init(check, &queue->lanes[i].lock)) {
            check_queue_destroy(queue);
            return NULL;
        }
    return queue;
}

static void batch_free(struct check *check, struct batch *batch)
{
    check_free(check, batch, sizeof *batch);
}

void check_queue_destroy(struct check_queue *queue)
{
    struct check *check;

    if (!queue)
        return;
    check = queue->check;
    for (size_t i = 0; i < LANES; i++) {
        struct batch *batch = queue->lanes[i].batches, *next;

        for (; batch; batch = next) {
            next = batch->next;
            batch_free(check, batch);
        }
        check_lock_fini(check, &queue->lanes[i].lock);
    }
    check_free(check, queue, sizeof *queue);
}

/* Places near each other go to the same lane, where they are in order. */
static struct lane *lane_of(struct check_queue *queue, uint64_t at)
{
    if (queue->check->workers < 2)
        return &queue->lanes[0];
    return &queue->lanes[at / RUN_BYTES % LANES];
}

/* Of each lane that is in use so many items are told of early. */
static unsigned early_of(const struct check_queue *queue)
{
    return queue->check->workers < 2 ? EARLY : EARLY / LANES;
}

/* A batch with room in it, at the head of LANE's list; or NULL. */
static struct batch *open_batch(struct check *check, struct lane *lane)
{
    struct batch *batch = lane->batches;

    if (batch && batch->count < BATCH_ITEMS)
        return batch;
    batch = check_alloc(check, sizeof *batch);
    if (!batch)
        return NULL;
    batch->next = lane->batches;
    batch->count = batch->used = 0;
    lane->batches = batch;
    return batch;
}

int check_queue_add(struct check_queue *queue, const struct check_item *item)
{
    struct lane *lane = lane_of(queue, item->at);
    bool early = false;
    struct batch *batch;

    check_lock(queue->check, &lane->lock);
    batch = open_batch(queue->check, lane);
    if (batch) {
        early = lane->count < early_of(queue);
        lane->early += early;
        batch->items[batch->count++] = *item;
        lane->count++;
    }
    check_unlock(queue->check, &lane->lock);
    if (early)
        check_soon(queue->check, item->at, queue->length);
    return batch ? 0 : SHALE_ENOMEM;
}

uint64_t check_queue_count(struct check_queue *queue)
{
    uint64_t count = 0;

    for (size_t i = 0; i < LANES; i++) {
        check_lock(queue->check, &queue->lanes[i].lock);
        count += queue->lanes[i].count;
        check_unlock(queue->check, &queue->lanes[i].lock);
    }
    return count;
}

/* ---------------------------------------------------------------- sorting */

static int compare_items(const void *a, const void *b)
{
    const struct check_item *x = a, *y = b;
    int order = check_compare(x->at, y->at);

    for (size_t i = 0; !order && i < sizeof x->tag / sizeof x->tag[0]; i++)
        order = check_compare(x->tag[i], y->tag[i]);
    return order;
}

static int sort_batch(struct check *check, uint64_t index, void *context)
{
    struct round *round = context;
    struct batch *batch = round->heap[index];

    (void)check;
    check_sort(batch->items, batch->count, sizeof batch->items[0],
               compare_items);
    return 0;
}

static bool comes_first(const struct batch *a, const struct batch *b)
{
    return compare_items(&a->items[a->used], &b->items[b->used]) < 0;
}

/* The batch at AT may have to be further down the heap. */
static void sink(struct round *round, size_t at)
{
    struct batch *moving = round->heap[at];
    size_t child;

    while ((child = 2 * at + 1) < round->batches) {
        if (child + 1 < round->batches &&
            comes_first(round->heap[child + 1], round->heap[child]))
            child++;
        if (!comes_first(round->heap[child], moving))
            break;
        round->heap[at] = round->heap[child];
        at = child;
    }
    round->heap[at] = moving;
}

/* Take all batches out of the lanes, into the heap, which is none yet. */
static void take_batches(struct round *round)
{
    struct check_queue *queue = round->queue;

    for (size_t i = 0; i < LANES; i++) {
        struct lane *lane = &queue->lanes[i];

        for (struct batch *batch = lane->batches; batch; batch = batch->next)
            round->heap[round->batches++] = batch;
        round->left += lane->count;
        round->told = round->told && lane->early == lane->count;
        lane->batches = NULL;
        lane->count = lane->early = 0;
    }
}

/* Make ROUND of all that is in its queue; nothing may be left. */
static int round_begin(struct round *round)
{
    struct check_queue *queue = round->queue;
    struct check *check = queue->check;
    size_t batches = 0;
    int err;

    for (size_t i = 0; i < LANES; i++)
        for (struct batch *batch = queue->lanes[i].batches; batch;
             batch = batch->next)
            batches++;
    round->heap = NULL;
    round->left = round->batches = round->round_batches = 0;
    round->told = true;
    if (batches == 0)
        return 0;
    round->heap = check_alloc(check, batches * sizeof(struct batch *));
    if (!round->heap)
        return SHALE_ENOMEM;
    round->round_batches = batches;
    take_batches(round);
    round->ring = check_alloc(check, RING * sizeof *round->ring);
    if (!round->ring)
        return SHALE_ENOMEM;

    err = check_each(check, batches, sort_batch, round);
    for (size_t i = round->batches / 2; !err && i-- > 0;)
        sink(round, i);
    return err;
}

static void round_end(struct round *round)
{
    struct check *check = round->queue->check;

    for (size_t i = 0; i < round->batches; i++)
        batch_free(check, round->heap[i]);
    if (round->ring)
        check_free(check, round->ring, RING * sizeof *round->ring);
    check_free(check, round->heap,
               round->round_batches * sizeof(struct batch *));
}

/* ------------------------------------------------------------------- runs */

/* Take the lowest item out of the heap. */
static void pop(struct round *round, struct check_item *out)
{
    struct batch *top = round->heap[0];

    *out = top->items[top->used++];
    if (top->used == top->count) {
        round->heap[0] = round->heap[--round->batches];
        batch_free(round->queue->check, top);
    }
    if (round->batches > 0)
        sink(round, 0);
}

/* How many to take, so that there is something for everyone to the end. */
static size_t share(const struct round *round)
{
    uint64_t share = round->left /
                     ((uint64_t)round->queue->check->workers * 2) + 8;

    return share < RUN_ITEMS ? (size_t)share : RUN_ITEMS;
}

/* Can NEXT be read together with the items from FIRST to LAST? */
static bool joins(const struct round *round, const struct check_item *first,
                  const struct check_item *last, const struct check_item *next)
{
    size_t length = round->queue->length;
    uint64_t step = next->at - last->at;

    /* A place that is there twice is read twice: its handler may change it. */
    return step >= length && step - length <= GAP_BYTES &&
           next->at - first->at <= round->room - length;
}

/* ITEM is going to be read: one more hint, or a longer one. */
static void hint(const struct round *round, struct hand *hand,
                 const struct check_item *item)
{
    uint64_t end = item->at + round->queue->length;
    struct hint *last = NULL;

    if (hand->hint_count > 0)
        last = &hand->hints[hand->hint_count - 1];
    if (last && item->at >= last->at && item->at <= last->end + GAP_BYTES &&
        end - last->at <= HINT_BYTES)
        last->end = end > last->end ? end : last->end;
    else
        hand->hints[hand->hint_count++] = (struct hint){ item->at, end };
}

/* Fill the ring, once it is half empty; then there is room for the hints. */
static void refill(struct round *round, struct hand *hand)
{
    if (round->ring_count > RING / 2)
        return;
    while (round->ring_count < RING && round->batches > 0) {
        struct check_item *item =
            &round->ring[(round->ring_at + round->ring_count++) % RING];

        pop(round, item);
        if (!round->told)
            hint(round, hand, item);
    }
}

/* Take a run of items that one request reads; 0 at the end. */
static size_t take_run(struct round *round, struct hand *hand)
{
    struct check *check = round->queue->check;
    struct check_item *items = hand->items;
    size_t n = 0, max;

    hand->hint_count = 0;
    check_lock(check, &check->state->turn);
    if (!round->err)
        refill(round, hand);
    max = round->err ? 0 : share(round);
    while (n < max && round->ring_count > 0) {
        const struct check_item *next = &round->ring[round->ring_at];

        if (n > 0 && !joins(round, &items[0], &items[n - 1], next))
            break;
        items[n++] = *next;
        round->ring_at = (round->ring_at + 1) % RING;
        round->ring_count--;
        round->left--;
    }
    check_unlock(check, &check->state->turn);
    for (size_t i = 0; i < hand->hint_count; i++)
        check_soon(check, hand->hints[i].at,
                   hand->hints[i].end - hand->hints[i].at);
    return n;
}

/* Read ITEMS, one by one, and handle them: together they cannot be read. */
static int handle_apart(struct round *round, const struct check_item *items,
                        size_t n, uint8_t *buf)
{
    struct check *check = round->queue->check;

    for (size_t i = 0; i < n; i++) {
        int err = check_read(check, items[i].at, buf, round->queue->length);

        if (err && err != SHALE_EIO)
            return err;
        err = round->handle(check, &items[i], err ? NULL : buf,
                            round->context);
        if (err)
            return err;
    }
    return 0;
}

static int handle_run(struct round *round, const struct check_item *items,
                      size_t n, uint8_t *buf)
{
    struct check *check = round->queue->check;
    uint64_t start = items[0].at;
    size_t len = (size_t)(items[n - 1].at - start) + round->queue->length;
    int err = check_read(check, start, buf, len);

    if (err == SHALE_EIO)
        return handle_apart(round, items, n, buf);
    for (size_t i = 0; !err && i < n; i++) {
        err = round->handle(check, &items[i], buf + (items[i].at - start),
                            round->context);
        if (!err)
            err = check_going(check);
    }
    return err;
}

static int use_up(struct round *round, struct hand *hand, uint8_t *buf)
{
    size_t n;
    int err = 0;

    while (!err && (n = take_run(round, hand)) > 0)
        err = handle_run(round, hand->items, n, buf);
    return err;
}

static void round_job(void *arg)
{
    struct round *round = arg;
    struct check *check = round->queue->check;
    struct hand *hand = check_alloc(check, sizeof *hand);
    uint8_t *buf = check_alloc(check, round->room);
    int err = hand && buf ? use_up(round, hand, buf) : SHALE_ENOMEM;

    check_free(check, hand, sizeof *hand);
    check_free(check, buf, round->room);
    check_lock(check, &check->state->turn);
    if (!round->err)
        round->err = err;
    check_unlock(check, &check->state->turn);
}

int check_queue_round(struct check_queue *queue,
                      int (*handle)(struct check *check,
                                    const struct check_item *item,
                                    uint8_t *bytes, void *context),
                      void *context)
{
    struct round round = {
        .queue = queue, .handle = handle, .context = context,
    };

    round.err = round_begin(&round);
    round.room = queue->length > RUN_BYTES || round.left == 1 ?
                     queue->length : RUN_BYTES;
    if (!round.err && round.left > 0)
        check_together(queue->check, round.left < ALONE, round_job, &round);
    round_end(&round);
    return round.err;
}

int check_queue_run(struct check_queue *queue,
                    int (*handle)(struct check *check,
                                  const struct check_item *item,
                                  uint8_t *bytes, void *context),
                    void *context)
{
    int err = 0;

    while (!err && check_queue_count(queue) > 0)
        err = check_queue_round(queue, handle, context);
    return err;
}
