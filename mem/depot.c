/*
 * depot.c - what goes between the magazines of a slab
 *
 * What magazines are filled from, and what they give away, is in the slab's
 * depot: an array of pointers that is copied from and to, as far as there is
 * room, and else in the slab's pages. So what one thread allocates and another
 * frees does not go through pages, and no word of it is written.
 *
 * (1) What a magazine is filled with comes from pages that are there: none is
 *     added only to have something at hand.
 * (2) When objects have been given away for a while and none was wanted back,
 *     a depot has half as many as there are others, at most, and a magazine the
 *     room that it began with: when all are freed both empty, and their pages
 *     go back.
 * (3) What is wanted back after it was given away would have been at hand in a
 *     larger magazine, so that is what there is from then on; and what did not
 *     even find room in the depot, in a larger depot.
 */
#include "rack.h"
#include "memfn.h"

#define DEPOT_ROOMS 4           /* of magazines, in a depot, to begin with */
#define A_WHILE 1024            /* objects; see (2) */

/* At last: objects, whose addresses fit into any class; and their bytes. */
#define DEPOT_MOST 512
#define DEPOT_BYTES ((size_t)2 << 20)
#define BUDGET_SHARE 128

void depot_init(struct rack *rack)
{
    rack->depot_room = rack->room * DEPOT_ROOMS;
    rack->depot_count = 0;
    rack->given = 0;
    rack->is_spilt = false;
    rack->depot = NULL;
}

/* How many objects the depot of RACK may have now: keeps (2). */
static size_t depot_limit(const struct shale_slab *slab,
                          const struct rack *rack)
{
    size_t half = (slab->live - rack->depot_count) / 2;

    if (!rack->depot)
        return 0;
    return rack->given < A_WHILE || half > rack->depot_room ? rack->depot_room
                                                            : half;
}

void depot_end(struct shale_slab *slab, struct rack *rack)
{
    mem_own_put(slab->mem, rack->depot, rack->depot_room * sizeof(void *));
    depot_init(rack);
}

/* The depot of RACK is empty, and was too small: let it be larger. */
static void depot_grow(struct shale_slab *slab, struct rack *rack)
{
    size_t bytes = DEPOT_BYTES, budget = slab->mem->budget, most;
    size_t room = rack->depot_room * 2;

    if (budget && bytes > budget / BUDGET_SHARE)
        bytes = budget / BUDGET_SHARE;
    most = bytes / slab->stride < DEPOT_MOST ? bytes / slab->stride
                                             : DEPOT_MOST;
    if (room > most)
        room = most;
    if (room <= rack->depot_room)
        return;
    depot_end(slab, rack);
    rack->depot_room = room;
}

/* Some of the depot go along with TRIP. */
static void depot_take(struct rack *rack, struct trip *trip, size_t want)
{
    trip->count = want < rack->depot_count ? want : rack->depot_count;
    rack->depot_count -= trip->count;
    memcpy(trip->some, rack->depot + rack->depot_count,
           trip->count * sizeof *trip->some);
}

void rack_take(struct shale_slab *slab, struct trip *trip)
{
    struct rack *rack = rack_of(slab);
    size_t want;

    if (rack->depot_count > 0)
        magazine_grow(slab, trip->place);       /* keeps (3) */
    else if (rack->is_spilt)
        depot_grow(slab, rack);
    rack->given = 0;
    want = number_get(&magazine_at(slab, rack, trip->place)->room) / 2;
    if (rack->depot_count > 0) {
        depot_take(rack, trip, want);
        return;
    }
    /* Keeps (1). */
    while (trip->count < want && slab_has_room(slab))
        trip->some[trip->count++] = slab_take(slab, 0);
}

/* See to it that RACK has a depot, if there is memory. Drops the lock. */
static void depot_make(struct shale_slab *slab, struct rack *rack)
{
    size_t room = rack->depot_room;
    void **depot;

    if (rack->depot)
        return;
    depot = mem_own_take(slab->mem, room * sizeof(void *));
    if (rack->depot || rack->depot_room != room)
        mem_own_put(slab->mem, depot, room * sizeof(void *));
    else
        rack->depot = depot;    /* nobody was faster */
}

/* As many of what TRIP carries go into the depot as there is room for. */
static void depot_give(struct shale_slab *slab, struct rack *rack,
                       struct trip *trip)
{
    size_t limit = depot_limit(slab, rack);
    size_t space = limit > rack->depot_count ? limit - rack->depot_count : 0;

    if (space < trip->count && limit == rack->depot_room)
        rack->is_spilt = true;
    if (space > trip->count)
        space = trip->count;
    if (space == 0)
        return;
    trip->count -= space;
    memcpy(rack->depot + rack->depot_count, trip->some + trip->count,
           space * sizeof *trip->some);
    rack->depot_count += space;
}

void rack_give(struct shale_slab *slab, struct trip *trip)
{
    struct rack *rack = rack_of(slab);

    if (rack && trip->is_kept) {
        if (rack->given == 0)
            magazine_grow(slab, trip->place);   /* keeps (3) */
        else if (rack->given > A_WHILE)
            magazine_shrink(slab, trip->place); /* keeps (2) */
        rack->given += trip->count;
        depot_make(slab, rack);
        depot_give(slab, rack, trip);
    }
    while (trip->count > 0)
        slab_put(slab, trip->some[--trip->count], 0);
    while (rack && rack->depot_count > depot_limit(slab, rack))
        slab_put(slab, rack->depot[--rack->depot_count], 0);
}

void rack_depot_drain(struct shale_slab *slab)
{
    struct rack *rack = rack_of(slab);

    while (rack->depot_count > 0)
        slab_put_held(slab, rack->depot[--rack->depot_count]);
    depot_end(slab, rack);
}
