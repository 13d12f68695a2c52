/*
 * rack.c - where the magazines of a slab stand
 *
 * A slab gets its rack when it has been used for a while, and a place in it its
 * magazine when somebody is first there. It has little room at first, and twice
 * as much whenever that turns out to be too little (depot.c).
 *
 * (1) `live` of a slab counts what is in its magazines and its depot, and that
 *     of the whole allocator does not; but each magazine has bytes that are
 *     still to be added to that, or, as a wrapped number, taken away.
 * (2) All magazines together never have room for more than at_hand_most(). What
 *     is in them is the only memory that who is short of it may have to wait
 *     for, until those at whose places it is come by.
 */
#include "rack.h"
#include "memfn.h"

/* What a magazine has room for, to begin with and at last. */
#define AT_HAND_BYTES ((size_t)32 << 10)
#define AT_HAND_BYTES_MOST (MAGAZINE_MAX * CLASS_MAX)

/* A magazine is so small a part of a budget to begin with, and all are. */
#define BUDGET_SHARE 2048
#define BUDGET_SHARE_OF_ALL 8

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

static void magazine_set(struct shale_slab *slab, unsigned place,
                         struct magazine *magazine)
{
    const struct shale_mem *mem = slab->mem;

    atomic_store_explicit(&rack_of(slab)->at[place].magazine, magazine,
                          memory_order_release);
    if (is_class(slab) && mem->magazines->hands->made[place])
        atomic_store_explicit(&mem->magazines->hands->made[place]
                                   ->of[slab - mem->classes].magazine,
                              magazine, memory_order_relaxed);
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

/* Keeps (1). */
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

/* Bytes that all magazines may have room for. */
static size_t at_hand_most(const struct shale_mem *mem)
{
    if (mem->budget)
        return mem->budget / BUDGET_SHARE_OF_ALL;
    return mem->source->is_plenty ? SIZE_MAX : mem->borrowed / 4;
}

/* Let MAGAZINE have ROOM; false if that is more than there may be: keeps (2) */
static bool room_set(struct shale_slab *slab, struct magazine *magazine,
                     size_t room)
{
    struct magazines *all = slab->mem->magazines;
    size_t had = number_get(&magazine->room);
    size_t bytes = all->room + (room - had) * slab->stride;

    if (room > had && bytes > at_hand_most(slab->mem))
        return false;
    all->room = bytes;
    number_set(&magazine->room, room);
    return true;
}

void magazine_grow(struct shale_slab *slab, unsigned place)
{
    struct magazine *magazine = magazine_at(slab, rack_of(slab), place);
    size_t most = AT_HAND_BYTES_MOST / slab->stride & ~(size_t)1, room;

    if (!magazine)
        return;
    if (most > MAGAZINE_MAX)
        most = MAGAZINE_MAX;
    room = number_get(&magazine->room);
    if (room < most)
        room_set(slab, magazine, room * 2 < most ? room * 2 : most);
}

void magazine_shrink(struct shale_slab *slab, unsigned place)
{
    struct rack *rack = rack_of(slab);
    struct magazine *magazine = magazine_at(slab, rack, place);
    size_t room;

    if (!magazine)
        return;
    /* What is still in it counts, or others got room for as much: keeps (2). */
    room = (number_get(&magazine->count) + 1) & ~(size_t)1;
    if (room < rack->room)
        room = rack->room;
    if (room < number_get(&magazine->room))
        room_set(slab, magazine, room);
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
    depot_init(rack);
    for (unsigned i = 0; i <= all->places->count; i++)
        atomic_init(&rack->at[i].magazine, all->none);
    slab->thread_at = all->thread_at;
    atomic_store_explicit(&slab->rack, rack, memory_order_release);
    rack_show(slab, atomic_load_explicit(&all->idle, memory_order_relaxed));
    return rack;
}

struct magazine *magazine_new(struct magazines *all)
{
    struct magazine *magazine = slab_take(&all->own, 0);

    if (!magazine)
        return NULL;
    atomic_init(&magazine->room, 0);
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

/*
 * Let PLACE, plus 1, have a hand of its own, if there is memory, with what of
 * magazines there is by now. Drops the lock.
 */
static void hand_make(struct shale_mem *mem, unsigned place)
{
    struct magazines *all = mem->magazines;
    struct hands *hands = all->hands;
    struct hand *hand;

    if (hands->made[place])
        return;
    hand = hand_new(all);
    if (!hand || hands->made[place]) {
        mem_own_put(mem, hand, sizeof *hand);   /* somebody was faster */
        return;
    }
    for (size_t i = 0; i < mem->class_count; i++) {
        const struct rack *rack = rack_of(&mem->classes[i]);

        if (rack)
            atomic_init(&hand->of[i].magazine,
                        atomic_load_explicit(&rack->at[place].magazine,
                                             memory_order_relaxed));
    }
    hands->made[place] = hand;
    atomic_store_explicit(&hands->at[place], hand, memory_order_release);
}

void hand_end(struct shale_mem *mem, unsigned place)
{
    struct magazines *all = mem->magazines;

    atomic_store_explicit(&all->hands->at[place], all->none_of_all,
                          memory_order_relaxed);
    mem_own_put(mem, all->hands->made[place], sizeof(struct hand));
    all->hands->made[place] = NULL;
}

bool magazine_make(struct shale_slab *slab, unsigned place)
{
    struct magazines *all = slab->mem->magazines;
    struct rack *rack = place ? rack_make(slab) : NULL;
    struct magazine *magazine;

    if (!rack)
        return false;
    hand_make(slab->mem, place);
    if (magazine_at(slab, rack, place))
        return true;
    magazine = magazine_new(all);
    if (!magazine)
        return false;
    if (magazine_at(slab, rack, place)) {
        slab_put_held(&all->own, magazine); /* somebody was faster */
        return true;
    }
    if (!room_set(slab, magazine, rack->room)) {
        slab_put_held(&all->own, magazine);
        return false;
    }
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
    room_set(slab, magazine, 0);
    magazine_set(slab, place, slab->mem->magazines->none);
    slab_put_held(&slab->mem->magazines->own, magazine);
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
    rack_depot_drain(slab);
    atomic_store_explicit(&slab->rack, NULL, memory_order_relaxed);
    mem_own_put(mem, rack, rack_size(mem));
}
