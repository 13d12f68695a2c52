/*
 * ahead.c - reading runs of blocks before anybody takes them
 *
 * Who is going to take many blocks says so first (shale_buf_ahead()): they are
 * read a run at a time, and on a device that works on several requests the runs
 * of a group are under way at once, with their load locks held.
 *
 * Who comes run after run, through a table or a directory, does not say so. On
 * such a device each run that is read whole after the one before it has the
 * next one asked for, which nobody waits for: the pending run. Who comes to it
 * then, holding its load lock, waits for it if it is not there yet, and deals
 * it out. There is one of a cache.
 *
 * (1) While a run is pending none of its locks is held, and its blocks may be
 *     freed, and used anew, which the request may or may not have seen. Whoever
 *     puts a block in the cache, or has one forgotten, therefore strikes it
 *     from the pending run (ahead_strike()): it is not dealt out. Who does so
 *     has the volume's lock, exclusive or with the run's load lock; and a run
 *     is dealt out under that lock, shared at least: who has it not, drops it.
 * (2) Load locks held at once are taken in the order of their numbers.
 */
#include "readrun.h"
#include "shale/bdev.h"
#include "shale/err.h"
#include "shale/flight.h"
#include "shale/mem.h"

/* What is under way at once is at most this part of the budget. */
#define GROUP_MAX SHALE_FLIGHT_MAX
#define GROUP_BUDGET 4u

/* A run, and where it is read to. */
struct ahead_run {
    struct run run;
    uint64_t first;             /* of its window */
    uint8_t *data;
};

struct ahead_group {
    struct shale_flight flight;
    struct ahead_run runs[GROUP_MAX];
    unsigned room, count;
    uint32_t held;              /* bit i: load lock i, and those of the runs */
};

_Static_assert(CACHE_LOAD_LOCKS <= 32, "there is a bit for each");

struct cache_pending {
    struct shale_flight flight;
    uint64_t number;            /* of the run, plus 1; 0: there is none. Set
                                   under the state lock, by who holds the run's
                                   load lock or has found it 0 */
    struct run run;
    uint64_t first;             /* of its window */
    uint8_t *data;              /* NULL: nothing was asked for yet */
};

static size_t run_bytes(const struct shale_cache *cache, const struct run *run)
{
    return (size_t)run->count * cache->block_size;
}

/* Ask for RUN; its data, or NULL: there is no memory, or no way. */
static uint8_t *run_ask(struct shale_cache *cache, struct shale_flight *flight,
                        const struct run *run)
{
    size_t size = run_bytes(cache, run);
    uint64_t at = run->first * cache->block_size;
    uint8_t *data = NULL;

    if (((at | size) & (cache->dev->block_size - 1)) == 0)
        data = shale_alloc(cache->mem, size);
    if (!data)
        return NULL;
    cache_lock(cache);
    cache->reads++;
    cache_unlock(cache);
    shale_flight_read(flight, at, data, size);
    return data;
}

/* ------------------------------------------------ the run that is next */

void ahead_init(struct shale_cache *cache)
{
    if (cache->dev->at_once > 1)
        cache->pending = shale_zalloc(cache->mem, sizeof *cache->pending);
}

/*
 * Wait for what is pending, and KEEP it, or not. With its load lock. Returns
 * how many bytes it was read to, which are free.
 */
static size_t pending_end(struct shale_cache *cache, bool keep)
{
    struct cache_pending *p = cache->pending;
    size_t size = p->data ? run_bytes(cache, &p->run) : 0;

    if (p->data) {
        if (shale_flight_finish(&p->flight) == 0 && keep)
            run_deal(cache, &p->run, p->first, p->data);
        shale_free(cache->mem, p->data, size);
        p->data = NULL;
    }
    cache_lock(cache);
    p->number = 0;
    cache_unlock(cache);
    return size;
}

void ahead_fini(struct shale_cache *cache)
{
    asked_fini(cache);
    if (!cache->pending)
        return;
    pending_end(cache, false);
    shale_free(cache->mem, cache->pending, sizeof *cache->pending);
}

static uint64_t pending_number(struct shale_cache *cache)
{
    uint64_t number;

    cache_lock(cache);
    number = cache->pending->number;
    cache_unlock(cache);
    return number;
}

bool ahead_land(struct shale_cache *cache, uint64_t number)
{
    bool is_it = cache->pending && pending_number(cache) == number + 1;

    if (is_it)
        pending_end(cache, true);
    return is_it;
}

void ahead_strike(struct shale_cache *cache, uint64_t block)
{
    struct cache_pending *p = cache->pending;

    if (p && p->number > 0 && block >= p->run.first &&
        block - p->run.first < p->run.count)
        p->run.missing[(block - p->run.first) / 8] &=
            (uint8_t)~(1u << (block - p->run.first) % 8);
    asked_strike(cache, block);
}

size_t ahead_end(struct shale_cache *cache, bool keep)
{
    uint64_t number = cache->pending ? pending_number(cache) : 0;
    size_t size = asked_end(cache, keep);
    void *lock;

    if (number == 0)
        return size;
    lock = run_lock(cache, number - 1);
    if (pending_number(cache) == number)        /* nobody was faster */
        size += pending_end(cache, keep);
    lock_release(cache->locks, lock);
    return size;
}

/*
 * Plan to read what is missing of the run NUMBER, in the range [FIRST, END), if
 * two before it were read lately, and it was not, and nothing is pending.
 */
static bool pending_plan(struct shale_cache *cache, uint64_t number,
                         uint64_t first, uint64_t end)
{
    struct cache_pending *p = cache->pending;
    uint64_t block = number << cache->run_shift;
    uint64_t before = (number - 2) << cache->run_shift;
    bool wanted;

    if (before < first)
        before = first;
    run_window(cache, block, &first, &end);

    cache_lock(cache);
    wanted = p->number == 0 && run_read_lately(cache, before) &&
             !run_read_lately(cache, first);
    while (wanted && block < end && cache_find(cache, block))
        block++;
    wanted = wanted && block < end;
    if (wanted) {
        p->number = number + 1;
        p->first = first;
        run_plan(cache, block, first, end, &p->run);
    }
    cache_unlock(cache);
    return wanted;
}

void ahead_next(struct shale_cache *cache, uint64_t number, uint64_t first,
                uint64_t end)
{
    struct cache_pending *p = cache->pending;
    void *lock;

    if (!p || number < 2 || (number - 1) << cache->run_shift <= first ||
        number << cache->run_shift >= end ||
        number << cache->run_shift >= cache->block_count)
        return;
    ahead_end(cache, true);
    lock = run_lock(cache, number);
    if (pending_plan(cache, number, first, end)) {
        shale_flight_begin(&p->flight, cache->dev);
        p->data = run_ask(cache, &p->flight, &p->run);
        if (p->data)
            shale_flight_go(&p->flight);
        else
            pending_end(cache, false);
    }
    lock_release(cache->locks, lock);
}

/* ----------------------------------------------------- said in advance */

/*
 * Plan to read what is missing of [BLOCK, LAST), a part of a window; or of the
 * whole window [FIRST, END), if that was not lately. False if nothing is.
 */
static bool ahead_plan(struct shale_cache *cache, uint64_t block, uint64_t last,
                       uint64_t first, uint64_t end, struct run *run)
{
    bool missing;

    cache_lock(cache);
    while (block < last && cache_find(cache, block))
        block++;
    missing = block < last;
    if (missing && run_read_lately(cache, first)) {
        run_plan(cache, block, block, last, run);
        run->whole = false;
    } else if (missing) {
        run_plan(cache, block, first, end, run);
    }
    for (; block < last; block++)       /* those that take them will not miss */
        cache->misses += !cache_find(cache, block);
    cache_unlock(cache);
    return missing;
}

/* Read RUN of the window from FIRST, and wait for it. */
static void read_now(struct shale_cache *cache, struct run *run,
                     uint64_t first)
{
    struct cache_buf *buf;

    if (run_read(cache, run, first, 0, &buf) == 0)
        shale_buf_put(&buf->base);
}

/*
 * Deal out what GROUP has. If any of it failed each run is read for itself:
 * what is readable is to be had.
 */
static void group_land(struct shale_cache *cache, struct ahead_group *group)
{
    int err = shale_flight_finish(&group->flight);

    for (unsigned i = 0; i < group->count; i++) {
        struct ahead_run *ahead = &group->runs[i];

        if (!err)
            run_deal(cache, &ahead->run, ahead->first, ahead->data);
        shale_free(cache->mem, ahead->data, run_bytes(cache, &ahead->run));
        if (err)
            read_now(cache, &ahead->run, ahead->first);
    }
    for (unsigned i = 0; i < CACHE_LOAD_LOCKS; i++)
        if (group->held >> i & 1)
            lock_release(cache->locks, run_lock_of(cache, i));
    group->held = 0;
    group->count = 0;
    shale_flight_begin(&group->flight, cache->dev);
}

/* Hold the load lock of the run NUMBER; keeps (2). */
static void group_lock(struct shale_cache *cache, struct ahead_group *group,
                       uint64_t number)
{
    unsigned index = (unsigned)(number % CACHE_LOAD_LOCKS);

    if (group->held >> index & 1)
        return;
    if (group->held >> index != 0)
        group_land(cache, group);
    lock_exclusive(cache->locks, run_lock_of(cache, number));
    group->held |= UINT32_C(1) << index;
}

/*
 * Read [BLOCK, LAST), a part of a window, around which is [FIRST, END). With
 * its load lock. With a GROUP, which has room, it is not waited for.
 */
static void load(struct shale_cache *cache, struct ahead_group *group,
                 uint64_t block, uint64_t last, uint64_t first, uint64_t end)
{
    struct ahead_run ahead = { .data = NULL };

    ahead_land(cache, block >> cache->run_shift);
    run_window(cache, block, &first, &end);
    if (end < last)
        end = last;
    ahead.first = first;
    if (!ahead_plan(cache, block, last, first, end, &ahead.run))
        return;
    if (group)
        ahead.data = run_ask(cache, &group->flight, &ahead.run);
    if (ahead.data)
        group->runs[group->count++] = ahead;
    else
        read_now(cache, &ahead.run, first);
}

/* As load(), and sees to the lock and to the room. */
static void ahead_load(struct shale_cache *cache, struct ahead_group *group,
                       uint64_t block, uint64_t last, uint64_t first,
                       uint64_t end)
{
    uint64_t number = block >> cache->run_shift;

    if (!group) {
        void *lock = run_lock(cache, number);

        load(cache, NULL, block, last, first, end);
        lock_release(cache->locks, lock);
        return;
    }
    if (group->count == group->room)
        group_land(cache, group);
    group_lock(cache, group, number);
    load(cache, group, block, last, first, end);
}

/* NULL if there is no room for two runs at once. */
static struct ahead_group *group_begin(struct shale_cache *cache)
{
    size_t size = (size_t)cache->block_size << cache->run_shift;
    struct ahead_group *group = NULL;
    size_t room = cache->budget / GROUP_BUDGET / size;

    if (room > cache->dev->at_once)
        room = cache->dev->at_once;
    if (room > 1)
        group = shale_alloc(cache->mem, sizeof *group);
    if (group) {
        group->room = room < GROUP_MAX ? (unsigned)room : GROUP_MAX;
        group->count = 0;
        group->held = 0;
        shale_flight_begin(&group->flight, cache->dev);
    }
    return group;
}

static void group_end(struct shale_cache *cache, struct ahead_group *group)
{
    if (!group)
        return;
    group_land(cache, group);
    shale_free(cache->mem, group, sizeof *group);
}

void shale_buf_ahead(struct shale_cache *cache, uint64_t block, uint64_t len,
                     uint64_t first, uint64_t count)
{
    uint64_t end = count > UINT64_MAX - first ? UINT64_MAX : first + count;
    struct ahead_group *group = NULL;

    if (block >= cache->block_count || len == 0)
        return;
    if (len > cache->block_count - block)
        len = cache->block_count - block;
    if (block >> cache->run_shift != (block + len - 1) >> cache->run_shift)
        group = group_begin(cache);
    while (len > 0) {
        uint64_t left = ((uint64_t)1 << cache->run_shift) -
                        (block & (((uint64_t)1 << cache->run_shift) - 1));

        if (left > len)
            left = len;
        ahead_load(cache, group, block, block + left, first, end);
        block += left;
        len -= left;
    }
    group_end(cache, group);
}
