/*
 * rack.c - where the magazines of a slab stand, and what goes between them
 *
 * A slab gets its rack when it has been used for a while, and a place in it its
 * magazine when somebody is first there. What magazines are filled from, and
 * what they give away, is in the depot: an array of pointers that is copied
 * from and to, as far as there is room, and else in the slab's pages.
 *
 * (1) What a magazine is filled with comes from pages that are there: none is
 *     added only to have something at hand.
 * (2) `live` of a slab counts what is in its magazines and its depot, and that
 *     of the whole allocator does not; but each magazine has bytes that are
 *     still to be added to that, or, as a wrapped number, taken away.
 * (3) When objects have been given away for a while and none was wanted back,
 *     a depot has half as many as there are others, at most: when all are freed
 *     it empties, and its pages go back.
 */
#include "rack.h"
#include "memfn.h"

#define AT_HAND_BYTES ((size_t)32 << 10)
#define DEPOT_ROOMS 4           /* of magazines, in a depot */
#define A_WHILE 32              /* magazines' halves; see (3) */

#define BUDGET_SHARE 2048       /* a magazine is so small a part of it */

/* After so many allocations a slab is thought worth magazines. */
#define WORTH_IT 32

struct magazine *magazine_at(const struct shale_slab *slab,
                             const struct rack *rack, unsigned place)
{
    struct magazine *magazine =
        rack ? atomic_load_explicit(&rack->at[place].magazine,
                                    memory_order_acquire)
             : NULL;

    return magazine == slab->mem->magazines->none ? NULL : magazine;
}

/* Where the magazines of all classes at PLACE, plus 1, are found. */
static struct hand *hand_at(const struct shale_mem *mem, unsigned place)
{
    return atomic_load_explicit(&mem->magazines->hands->at[place],
                                memory_order_relaxed);
}

static void magazine_set(struct shale_slab *slab, unsigned place,
                         struct magazine *magazine)
{
    const struct shale_mem *mem = slab->mem;

    atomic_store_explicit(&rack_of(slab)->at[place].magazine, magazine,
                          memory_order_release);
    if (is_class(slab) && hand_at(mem, place) != mem->magazines->none_of_all)
        atomic_store_explicit(
            &hand_at(mem, place)->of[slab - mem->classes].magazine, magazine,
            memory_order_relaxed);
}

/* ------------------------------------------------------------------- notes */

/* What MAGAZINE of SLAB has noted. */
static struct noted note_look(const struct shale_slab *slab,
                              const struct magazine *magazine)
{
    size_t count = number_get(&magazine->count);
    size_t gone = number_get(&magazine->accounted) - count;

    return (struct noted){
        .bytes   = is_class(slab) ? number_get(&magazine->bytes)
                                  : gone * slab->config.size,
        .allocs  = number_get(&magazine->allocs),
        .at_hand = count,
    };
}

/* Keeps (2). */
struct noted magazine_note(const struct shale_slab *slab,
                           struct magazine *magazine, size_t count)
{
    struct noted noted = note_look(slab, magazine);

    number_set(&magazine->bytes, 0);
    number_set(&magazine->allocs, 0);
    number_set(&magazine->count, count);
    number_set(&magazine->accounted, count);
    return noted;
}

void rack_account(struct shale_slab *slab, const struct noted *noted)
{
    mem_count_alloc(slab->mem, noted->bytes);
    slab->allocs += noted->allocs;
}

struct noted rack_sum(const struct shale_slab *slab)
{
    const struct rack *rack = rack_of(slab);
    unsigned places = slab->mem->magazines->places->count;
    struct noted sum = { .at_hand = rack ? rack->depot_count : 0 };

    for (unsigned i = 1; i <= places; i++) {
        const struct magazine *magazine = magazine_at(slab, rack, i);

        if (magazine) {
            struct noted noted = note_look(slab, magazine);

            sum.bytes += noted.bytes;
            sum.allocs += noted.allocs;
            sum.at_hand += noted.at_hand;
        }
    }
    return sum;
}

/* ------------------------------------------------------ racks and magazines */

void *mem_own_take(struct shale_mem *mem, size_t size)
{
    return slab_take(mem_class(mem, size), size);
}

void mem_own_put(struct shale_mem *mem, void *bytes, size_t size)
{
    if (bytes)
        slab_put_held(mem_class(mem, size), bytes);
}

static size_t rack_size(const struct shale_mem *mem)
{
    return sizeof(struct rack) +
           (mem->magazines->places->count + 1) * sizeof(struct berth);
}

/* How many objects of SLAB a magazine holds; 0: it is not worth having any. */
static size_t magazine_room(const struct shale_slab *slab)
{
    size_t budget = slab->mem->budget, bytes = AT_HAND_BYTES, room;

    if (slab == &slab->mem->magazines->own || slab->allocs < WORTH_IT)
        return 0;
    if (budget && bytes > budget / BUDGET_SHARE)
        bytes = budget / BUDGET_SHARE;
    room = bytes / slab->stride;
    return room < MAGAZINE_MAX ? room & ~(size_t)1 : MAGAZINE_MAX;
}

void rack_show(struct shale_slab *slab, bool idle)
{
    const struct magazines *all = slab->mem->magazines;
    const struct rack *rack = all->is_fast && !idle ? rack_of(slab) : NULL;

    atomic_store_explicit(&slab->berths, rack ? rack->at : NULL,
                          memory_order_release);
}

/* The rack of SLAB, a new one if need be, or NULL. Drops the lock. */
static struct rack *rack_make(struct shale_slab *slab)
{
    struct magazines *all = slab->mem->magazines;
    size_t room = magazine_room(slab), size = rack_size(slab->mem);
    struct rack *rack = rack_of(slab);

    if (rack || room == 0)
        return rack;
    rack = mem_own_take(slab->mem, size);
    if (!rack || rack_of(slab)) {
        mem_own_put(slab->mem, rack, size);     /* somebody was faster */
        return rack_of(slab);
    }
    rack->room = room;
    rack->depot_room = room * DEPOT_ROOMS;
    rack->depot_count = 0;
    rack->given = 0;
    rack->depot = NULL;
    for (unsigned i = 0; i <= all->places->count; i++)
        atomic_init(&rack->at[i].magazine, all->none);
    slab->thread_at = all->thread_at;
    atomic_store_explicit(&slab->rack, rack, memory_order_release);
    rack_show(slab, atomic_load_explicit(&all->idle, memory_order_relaxed));
    return rack;
}

struct magazine *magazine_new(struct magazines *all, size_t room)
{
    struct magazine *magazine = slab_take(&all->own, 0);

    if (!magazine)
        return NULL;
    magazine->room = room;
    magazine->drain = number_get(&all->drain);
    atomic_init(&magazine->count, 0);
    atomic_init(&magazine->accounted, 0);
    atomic_init(&magazine->bytes, 0);
    atomic_init(&magazine->allocs, 0);
    return magazine;
}

struct hand *hand_new(struct magazines *all)
{
    struct hand *hand = mem_own_take(all->user.mem, sizeof *hand);

    for (size_t i = 0; hand && i < CLASS_COUNT; i++)
        atomic_init(&hand->of[i].magazine, all->none);
    return hand;
}

/* Let PLACE, plus 1, have a hand of its own, if there is memory. */
static void hand_make(struct shale_mem *mem, unsigned place)
{
    struct magazines *all = mem->magazines;
    struct hand *hand;

    if (hand_at(mem, place) != all->none_of_all)
        return;
    hand = hand_new(all);
    if (hand && hand_at(mem, place) == all->none_of_all)
        atomic_store_explicit(&all->hands->at[place], hand,
                              memory_order_release);
    else
        mem_own_put(mem, hand, sizeof *hand);   /* somebody was faster */
}

void hand_end(struct shale_mem *mem, unsigned place)
{
    struct magazines *all = mem->magazines;
    struct hand *hand = hand_at(mem, place);

    if (hand == all->none_of_all)
        return;
    atomic_store_explicit(&all->hands->at[place], all->none_of_all,
                          memory_order_relaxed);
    mem_own_put(mem, hand, sizeof *hand);
}

bool magazine_make(struct shale_slab *slab, unsigned place)
{
    struct magazines *all = slab->mem->magazines;
    struct rack *rack = place ? rack_make(slab) : NULL;
    struct magazine *magazine;

    if (!rack || magazine_at(slab, rack, place))
        return rack != NULL;
    magazine = magazine_new(all, rack->room);
    if (!magazine)
        return false;
    if (magazine_at(slab, rack, place)) {
        slab_put_held(&all->own, magazine); /* somebody was faster */
        return true;
    }
    hand_make(slab->mem, place);
    magazine_set(slab, place, magazine);
    return true;
}

void magazine_end(struct shale_slab *slab, unsigned place)
{
    struct rack *rack = rack_of(slab);
    struct magazine *magazine = magazine_at(slab, rack, place);
    struct noted noted;

    if (!magazine)
        return;
    noted = magazine_note(slab, magazine, 0);
    rack_account(slab, &noted);
    while (noted.at_hand > 0)
        slab_put_held(slab, magazine->objects[--noted.at_hand]);
    magazine_set(slab, place, slab->mem->magazines->none);
    slab_put_held(&slab->mem->magazines->own, magazine);
}

/* --------------------------------------------------------------- the depot */

/* How many objects the depot of RACK may have now: keeps (3). */
static size_t depot_limit(const struct shale_slab *slab,
                          const struct rack *rack)
{
    size_t half = (slab->live - rack->depot_count) / 2;

    if (!rack->depot)
        return 0;
    return rack->given < A_WHILE || half > rack->depot_room ? rack->depot_room
                                                            : half;
}

/* Give back the depot of RACK, in which nothing is any more. */
static void depot_end(struct shale_slab *slab, struct rack *rack)
{
    mem_own_put(slab->mem, rack->depot, rack->depot_room * sizeof(void *));
    rack->depot = NULL;
}

void rack_take(struct shale_slab *slab, struct trip *trip)
{
    struct rack *rack = rack_of(slab);
    size_t want = rack->room / 2;

    rack->given = 0;
    if (rack->depot_count > 0) {
        trip->count = want < rack->depot_count ? want : rack->depot_count;
        rack->depot_count -= trip->count;
        memcpy(trip->some, rack->depot + rack->depot_count,
               trip->count * sizeof *trip->some);
        return;
    }
    /* Keeps (1). */
    while (trip->count < want && slab_has_room(slab))
        trip->some[trip->count++] = slab_take(slab, 0);
}

/* See to it that RACK has a depot, if there is memory. Drops the lock. */
static void depot_make(struct shale_slab *slab, struct rack *rack)
{
    size_t size = rack->depot_room * sizeof(void *);
    void **depot = rack->depot ? NULL : mem_own_take(slab->mem, size);

    if (rack->depot)
        mem_own_put(slab->mem, depot, size);    /* somebody was faster */
    else
        rack->depot = depot;
}

void rack_give(struct shale_slab *slab, struct trip *trip)
{
    struct rack *rack = rack_of(slab);
    size_t space;

    if (rack && trip->is_kept) {
        depot_make(slab, rack);
        rack->given++;
        space = depot_limit(slab, rack);
        space = space > rack->depot_count ? space - rack->depot_count : 0;
        if (space > trip->count)
            space = trip->count;
        trip->count -= space;
        if (space > 0)
            memcpy(rack->depot + rack->depot_count, trip->some + trip->count,
                   space * sizeof *trip->some);
        rack->depot_count += space;
    }
    while (trip->count > 0)
        slab_put(slab, trip->some[--trip->count], 0);
    while (rack && rack->depot_count > depot_limit(slab, rack))
        slab_put(slab, rack->depot[--rack->depot_count], 0);
}

size_t rack_depot_drain(struct shale_slab *slab)
{
    struct rack *rack = rack_of(slab);
    size_t all = 0;

    for (; rack->depot_count > 0; all++)
        slab_put(slab, rack->depot[--rack->depot_count], 0);
    depot_end(slab, rack);
    return all;
}

void rack_fini(struct shale_slab *slab)
{
    struct shale_mem *mem = slab->mem;
    struct rack *rack = rack_of(slab);

    if (!rack)
        return;
    atomic_store_explicit(&slab->berths, NULL, memory_order_relaxed);
    for (unsigned i = 1; i <= mem->magazines->places->count; i++)
        magazine_end(slab, i);
    while (rack->depot_count > 0)
        slab_put_held(slab, rack->depot[--rack->depot_count]);
    depot_end(slab, rack);
    atomic_store_explicit(&slab->rack, NULL, memory_order_relaxed);
    mem_own_put(mem, rack, rack_size(mem));
}
