/*
 * magazine.c - a few free objects at hand, for each thread or processor
 *
 * See magazine.h for what they are. To take an object out of a magazine, or to
 * put one back, needs no lock, as long as the caller's place is nobody else's.
 * When a magazine is empty half of it is filled, and when it is full half of it
 * is given away, with the lock, and not at the place meanwhile: who waits for a
 * lock may be moved elsewhere.
 *
 * What is given away goes to the slab's depot, an array of pointers that is
 * copied from and to, as far as there is room; so that objects which one thread
 * allocates and another frees do not go through the slab's pages.
 *
 * When pages run out, all that is at hand at the caller's place and in depots
 * goes back, and at the others when they next need the lock: they see that the
 * `drain` has gone on.
 *
 * (1) What a magazine is filled with comes from pages that are there: none is
 *     added only to have something at hand.
 * (2) `live` of a slab counts what is in its magazines and its depot, and that
 *     of the whole allocator does not; but each magazine has bytes that are
 *     still to be added to that, or, as a wrapped number, taken away.
 * (3) When objects have been given away for a while and none was wanted back,
 *     a depot has half as many as there are others, at most: when all are freed
 *     it empties, and its pages go back.
 *
 * Debug builds have none: their guards watch every object come and go.
 */
#include "magazine.h"
#include "mem.h"
#include "memfn.h"

#include "shale/err.h"

#define AT_HAND_BYTES ((size_t)16 << 10)
#define DEPOT_ROOMS 7           /* of magazines, in a depot */
#define A_WHILE 32              /* magazines' halves; see (3) */

/* With a budget, one magazine has so small a part of it at most. */
#define BUDGET_MIN ((size_t)4 << 20)
#define BUDGET_SHARE 2048

/* After so many allocations a slab is thought worth magazines. */
#define WORTH_IT 32

/* At most so many are moved at once, by way of the stack. */
#define BATCH (MAGAZINE_MAX / 2)

/* What a call has found at its place, and what it carries away from there. */
struct trip {
    unsigned place;             /* plus 1; 0: nowhere */
    bool is_kept;               /* there is a magazine */
    bool is_drained;            /* ... of which all is to go back */
    struct noted noted;
    size_t count;
    void *some[BATCH];
};

static struct rack *rack_of(const struct shale_slab *slab)
{
    return atomic_load_explicit(&slab->rack, memory_order_acquire);
}

/* The magazine of RACK at PLACE, plus 1, or NULL. */
static struct magazine *magazine_at(const struct shale_slab *slab,
                                    const struct rack *rack, unsigned place)
{
    struct magazine *magazine =
        rack ? atomic_load_explicit(&rack->at[place].magazine,
                                    memory_order_acquire)
             : NULL;

    return magazine == slab->mem->magazines->none ? NULL : magazine;
}

static void magazine_set(struct rack *rack, unsigned place,
                         struct magazine *magazine)
{
    atomic_store_explicit(&rack->at[place].magazine, magazine,
                          memory_order_release);
}

/*
 * Be at a place, stored in *PLACE, plus 1. Returns its magazine, or NULL.
 * magazine_leave() always follows.
 */
static struct magazine *magazine_enter(const struct shale_slab *slab,
                                       unsigned *place)
{
    struct magazines *all = slab->mem->magazines;
    unsigned here = all->places->enter(all->places);

    *place = here < all->places->count ? here + 1 : 0;
    if (atomic_load_explicit(&all->idle, memory_order_relaxed))
        *place = 0;
    return *place ? magazine_at(slab, rack_of(slab), *place) : NULL;
}

static void magazine_leave(const struct shale_slab *slab)
{
    struct shale_places *places = slab->mem->magazines->places;

    if (places->leave)
        places->leave(places);
}

static bool is_class(const struct shale_slab *slab)
{
    return slab >= slab->mem->classes &&
           slab < slab->mem->classes + slab->mem->class_count;
}

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

/* The caller accounts it, and MAGAZINE has COUNT at hand: keeps (2). */
static struct noted note_take(const struct shale_slab *slab,
                              struct magazine *magazine, size_t count)
{
    struct noted noted = note_look(slab, magazine);

    number_set(&magazine->bytes, 0);
    number_set(&magazine->allocs, 0);
    number_set(&magazine->count, count);
    number_set(&magazine->accounted, count);
    return noted;
}

/* Only some who need no accounting have come, or gone: now there are COUNT. */
static void count_move(struct magazine *magazine, size_t count)
{
    number_add(&magazine->accounted, count - number_get(&magazine->count));
    number_set(&magazine->count, count);
}

/* With the lock, as all that follows until "calls". */
static void note_account(struct shale_slab *slab, const struct noted *noted)
{
    mem_count_alloc(slab->mem, noted->bytes);
    slab->allocs += noted->allocs;
}

/* ------------------------------------------------------ racks and magazines */

/* Memory of our own, which nobody is told of. Drops the lock. */
static void *own_take(struct shale_mem *mem, size_t size)
{
    return slab_take(mem_class(mem, size), size);
}

static void own_put(struct shale_mem *mem, void *bytes, size_t size)
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

/* From now on threads look into SLAB's rack, or, if IDLE, do not. */
static void rack_show(struct shale_slab *slab, bool idle)
{
    const struct magazines *all = slab->mem->magazines;
    const struct rack *rack = all->is_fast && !idle ? rack_of(slab) : NULL;

    slab->thread_at = all->thread_at;
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
    rack = own_take(slab->mem, size);
    if (!rack || rack_of(slab)) {
        own_put(slab->mem, rack, size);     /* somebody was faster */
        return rack_of(slab);
    }
    rack->room = room;
    rack->depot_room = room * DEPOT_ROOMS;
    rack->depot_count = 0;
    rack->given = 0;
    rack->depot = NULL;
    for (unsigned i = 0; i <= all->places->count; i++)
        atomic_init(&rack->at[i].magazine, all->none);
    atomic_store_explicit(&slab->rack, rack, memory_order_release);
    rack_show(slab, atomic_load_explicit(&all->idle, memory_order_relaxed));
    return rack;
}

/* One with nothing in it, or NULL. Drops the lock. */
static struct magazine *magazine_new(struct magazines *all, size_t room)
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

/* Is there a magazine of SLAB at PLACE now? Makes it; drops the lock. */
static bool magazine_make(struct shale_slab *slab, unsigned place)
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
    magazine_set(rack, place, magazine);
    return true;
}

/* Take MAGAZINE, at PLACE, away, to which nobody comes any more. */
static void magazine_end(struct shale_slab *slab, struct rack *rack,
                         unsigned place)
{
    struct magazine *magazine = magazine_at(slab, rack, place);
    struct noted noted;

    if (!magazine)
        return;
    noted = note_take(slab, magazine, 0);
    note_account(slab, &noted);
    while (noted.at_hand > 0)
        slab_put_held(slab, magazine->objects[--noted.at_hand]);
    magazine_set(rack, place, slab->mem->magazines->none);
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
    own_put(slab->mem, rack->depot, rack->depot_room * sizeof(void *));
    rack->depot = NULL;
}

/* Carry away some objects of SLAB: of the depot, or else of its pages. */
static void some_take(struct shale_slab *slab, struct trip *trip)
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
    void **depot = rack->depot ? NULL : own_take(slab->mem, size);

    if (rack->depot)
        own_put(slab->mem, depot, size);    /* somebody was faster */
    else
        rack->depot = depot;
}

/* Give away what TRIP has carried here. Drops the lock. */
static void some_put(struct shale_slab *slab, struct trip *trip)
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

/* Carry away what is at hand of SLAB at the caller's place, or some of it. */
static void hand_over(struct shale_slab *slab, struct trip *trip)
{
    struct magazine *magazine = magazine_enter(slab, &trip->place);
    size_t held = magazine ? number_get(&magazine->count) : 0;

    while (held > 0 && trip->count < BATCH)
        trip->some[trip->count++] = magazine->objects[--held];
    if (magazine)
        count_move(magazine, held);
    magazine_leave(slab);
}

static size_t magazines_drain(struct shale_slab *slab)
{
    struct rack *rack = rack_of(slab);
    struct trip trip = { .count = 0 };
    size_t all = 0;

    if (!rack)
        return 0;
    for (hand_over(slab, &trip); trip.count > 0; hand_over(slab, &trip)) {
        all += trip.count;
        while (trip.count > 0)
            slab_put(slab, trip.some[--trip.count], 0);
    }
    for (; rack->depot_count > 0; all++)
        slab_put(slab, rack->depot[--rack->depot_count], 0);
    depot_end(slab, rack);
    return all;
}

/* ------------------------------------------------------------------- calls */

/* Have what TRIP carries at hand, at the place where we are by now. */
static void some_keep(struct shale_slab *slab, struct trip *trip)
{
    unsigned place;
    struct magazine *magazine = magazine_enter(slab, &place);
    size_t held = magazine ? number_get(&magazine->count) : 0;

    while (magazine && trip->count > 0 && held < magazine->room)
        magazine->objects[held++] = trip->some[--trip->count];
    if (magazine)
        count_move(magazine, held);
    magazine_leave(slab);
    if (trip->count == 0)
        return;
    mem_lock(slab->mem);
    some_put(slab, trip);
    mem_unlock(slab->mem);
}

/* One for the caller, who wants ASKED bytes of it; TRIP gets some more. */
static void *alloc_locked(struct shale_slab *slab, size_t asked,
                          struct trip *trip)
{
    void *object;

    if (trip->place && magazine_make(slab, trip->place))
        some_take(slab, trip);
    object = trip->count > 0 ? trip->some[--trip->count]
                             : slab_take(slab, asked);
    if (object) {
        slab->allocs++;
        mem_count_alloc(slab->mem, asked);
    }
    return object;
}

static void *magazine_alloc(struct shale_slab *slab, size_t asked)
{
    struct trip trip = { .count = 0 };
    struct magazine *magazine = magazine_enter(slab, &trip.place);
    void *object = NULL;
    bool is_popped = magazine && magazine_pop(magazine, &object);

    if (is_popped && is_class(slab))
        number_add(&magazine->bytes, asked);
    if (magazine && !is_popped)
        trip.noted = note_take(slab, magazine, 0);
    magazine_leave(slab);
    if (is_popped)
        return object;

    mem_lock(slab->mem);
    note_account(slab, &trip.noted);
    if (mem_fails_now(slab->mem))
        slab->failures++;
    else
        object = alloc_locked(slab, asked, &trip);
    mem_unlock(slab->mem);
    if (trip.count > 0)
        some_keep(slab, &trip);
    return object;
}

/* Has all been asked back since MAGAZINE was last looked at? */
static bool is_drained(const struct shale_slab *slab,
                       struct magazine *magazine)
{
    size_t drain = number_get(&slab->mem->magazines->drain);
    bool is_new = drain != magazine->drain;

    magazine->drain = drain;
    return is_new;
}

/* MAGAZINE is full: TRIP takes half of it away, and OBJECT finds room. */
static void make_room(struct shale_slab *slab, struct magazine *magazine,
                      void *object, struct trip *trip)
{
    size_t held = number_get(&magazine->count);

    trip->is_kept = true;
    trip->is_drained = is_drained(slab, magazine);
    while (trip->count < magazine->room / 2)
        trip->some[trip->count++] = magazine->objects[--held];
    magazine->objects[held] = object;
    trip->noted = note_take(slab, magazine, held + 1);
}

static void magazine_free(struct shale_slab *slab, void *object, size_t asked)
{
    struct trip trip = { .count = 0 };
    struct magazine *magazine = magazine_enter(slab, &trip.place);
    bool is_pushed = magazine && magazine_push(magazine, object);

    if (is_pushed && is_class(slab))
        number_add(&magazine->bytes, 0 - asked);
    if (magazine && !is_pushed)
        make_room(slab, magazine, object, &trip);
    else if (!is_pushed)
        trip.some[trip.count++] = object;
    magazine_leave(slab);
    if (is_pushed)
        return;

    mem_lock(slab->mem);
    trip.noted.bytes -= asked;
    note_account(slab, &trip.noted);
    some_put(slab, &trip);
    if (trip.place)
        magazine_make(slab, trip.place);
    if (trip.is_drained)
        magazines_drain(slab);
    mem_unlock(slab->mem);
}

/* --------------------------------------------------- all of them at once */

static void magazines_rest(struct shale_mem *mem, bool idle)
{
    atomic_store_explicit(&mem->magazines->idle, idle, memory_order_relaxed);
    for (size_t i = 0; i < mem->class_count; i++)
        rack_show(&mem->classes[i], idle);
    for (struct shale_slab *slab = mem->slabs; slab; slab = slab->next)
        rack_show(slab, idle);
}

static struct noted magazines_sum(const struct shale_slab *slab)
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

static void magazines_fini(struct shale_slab *slab)
{
    struct shale_mem *mem = slab->mem;
    struct rack *rack = rack_of(slab);

    if (!rack)
        return;
    atomic_store_explicit(&slab->berths, NULL, memory_order_relaxed);
    for (unsigned i = 1; i <= mem->magazines->places->count; i++)
        magazine_end(slab, rack, i);
    while (rack->depot_count > 0)
        slab_put_held(slab, rack->depot[--rack->depot_count]);
    depot_end(slab, rack);
    atomic_store_explicit(&slab->rack, NULL, memory_order_relaxed);
    own_put(mem, rack, rack_size(mem));
}

/* PLACE, plus 1, is left for good. */
static void vacate(struct shale_slab *slab, unsigned place)
{
    struct rack *rack = rack_of(slab);

    if (rack)
        magazine_end(slab, rack, place);
}

static void magazines_end(struct shale_mem *mem)
{
    struct magazines *all = mem->magazines;

    if (all->places->detach)
        all->places->detach(all->places, &all->user);
}

static const struct magazine_ops magazine_ops = {
    .alloc = magazine_alloc,
    .free  = magazine_free,
    .rest  = magazines_rest,
    .sum   = magazines_sum,
    .drain = magazines_drain,
    .fini  = magazines_fini,
    .end   = magazines_end,
};

/* Where a thread's own place is written, if it can be read without a call. */
static void own_place_find(struct magazines *all)
{
    const unsigned *own = NULL;

    if (MAGAZINE_THREADS && all->places->own)
        own = all->places->own(all->places);
    if (!own)
        return;
    all->thread_at = (const char *)own - MAGAZINE_THREAD_POINTER;
    all->is_fast = true;
}

static bool magazines_init(struct shale_mem *mem, struct magazines *all,
                           struct shale_places *places)
{
    static const struct shale_slab_config own = {
        .name = "magazine", .size = sizeof(struct magazine), .align = 64,
    };

    memset(all, 0, sizeof *all);
    all->ops = &magazine_ops;
    all->places = places;
    all->user.mem = mem;
    own_place_find(all);
    slab_init(&all->own, mem, &own);
    all->none = magazine_new(all, 0);
    if (!all->none) {
        own_put(mem, all, sizeof *all);
        return false;
    }
    slab_link(&all->own);
    mem->magazines = all;
    return true;
}

int shale_mem_set_places(struct shale_mem *mem, struct shale_places *places)
{
    struct magazines *all;
    bool is_made;

    if (places->count == 0 || places->count > PLACES_MAX || mem->magazines)
        return SHALE_EINVAL;
    if (MEM_DEBUG || mem->page_bits < PAGE_BITS_MAX ||
        (mem->budget && mem->budget < BUDGET_MIN))
        return 0;
    mem_lock(mem);
    all = own_take(mem, sizeof *all);
    is_made = all && magazines_init(mem, all, places);
    mem_unlock(mem);
    if (is_made && places->attach)
        places->attach(places, &all->user);
    return is_made ? 0 : SHALE_ENOMEM;
}

void shale_mem_vacate(struct shale_mem *mem, unsigned place)
{
    if (!mem->magazines || place >= mem->magazines->places->count)
        return;
    mem_lock(mem);
    for (size_t i = 0; i < mem->class_count; i++)
        vacate(&mem->classes[i], place + 1);
    for (struct shale_slab *slab = mem->slabs; slab; slab = slab->next)
        vacate(slab, place + 1);
    mem_unlock(mem);
}
