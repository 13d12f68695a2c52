/*
 * magazine.c - a few free objects at hand, for each thread or processor
 *
 * See magazine.h for what they are. To take an object out of a magazine, or to
 * put one back, needs no lock, as long as the caller's place is nobody else's.
 * When a magazine is empty half of it is filled, and when it is full half of it
 * is given away, with the lock, and not at the place meanwhile: who waits for a
 * lock may be moved elsewhere.
 *
 * What is given away goes to the slab's depot (depot.c), so that objects which
 * one thread allocates and another frees do not go through the slab's pages.
 *
 * When pages run out, all that is at hand at the caller's place and in depots
 * goes back, and what is at the others' is recalled: they are shown nothing at
 * hand, so that they come by to give it back when they next want something.
 *
 * Debug builds have none: their guards watch every object come and go.
 */
#include "rack.h"
#include "memfn.h"

#include "shale/err.h"

/* With a smaller budget there are none. */
#define BUDGET_MIN ((size_t)4 << 20)

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

/* Only some who need no accounting have come, or gone: now there are COUNT. */
static void count_move(struct magazine *magazine, size_t count)
{
    number_add(&magazine->accounted, count - number_get(&magazine->count));
    number_set(&magazine->count, count);
}

/*
 * Carry away what is at hand of SLAB at the caller's place, or some of it: TRIP
 * begins with none.
 */
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

static void magazines_drain(struct shale_slab *slab)
{
    void *some[BATCH];
    struct trip trip = { .some = some };

    if (!rack_of(slab))
        return;
    for (hand_over(slab, &trip); trip.count > 0; hand_over(slab, &trip))
        while (trip.count > 0)
            slab_put_held(slab, some[--trip.count]);
    magazine_shrink(slab, trip.place);
    rack_depot_drain(slab);
}

static void magazines_recall(struct shale_mem *mem)
{
    struct magazines *all = mem->magazines;

    for (unsigned i = 1; i <= all->places->count; i++) {
        atomic_store_explicit(&all->hands->recalled[i], true,
                              memory_order_relaxed);
        atomic_store_explicit(&all->hands->at[i], all->none_of_all,
                              memory_order_relaxed);
    }
}

/* The caller was at PLACE, plus 1, and is to give back what is there. */
static MEM_NOINLINE void recall_follow(struct shale_mem *mem, unsigned place)
{
    struct hands *hands = mem->magazines->hands;

    mem_lock(mem);
    atomic_store_explicit(&hands->recalled[place], false,
                          memory_order_relaxed);
    for (size_t i = 0; i < mem->class_count; i++)
        magazines_drain(&mem->classes[i]);
    for (struct shale_slab *slab = mem->slabs; slab; slab = slab->next)
        magazines_drain(slab);
    if (hands->made[place])
        atomic_store_explicit(&hands->at[place], hands->made[place],
                              memory_order_release);
    mem_unlock(mem);
}

/* Be at a place, as by magazine_enter(), where nothing is recalled. */
static struct magazine *magazine_come(struct shale_slab *slab, unsigned *place)
{
    const struct hands *hands = slab->mem->magazines->hands;
    struct magazine *magazine = magazine_enter(slab, place);

    if (!atomic_load_explicit(&hands->recalled[*place], memory_order_relaxed))
        return magazine;
    magazine_leave(slab);
    recall_follow(slab->mem, *place);
    return magazine_enter(slab, place);
}

/* ------------------------------------------------------------------- calls */

/* Have what TRIP carries at hand, at the place where we are by now. */
static void some_keep(struct shale_slab *slab, struct trip *trip)
{
    unsigned place;
    struct magazine *magazine = magazine_enter(slab, &place);
    size_t held = magazine ? number_get(&magazine->count) : 0;

    while (magazine && trip->count > 0 && held < number_get(&magazine->room))
        magazine->objects[held++] = trip->some[--trip->count];
    if (magazine)
        count_move(magazine, held);
    magazine_leave(slab);
    if (trip->count == 0)
        return;
    mem_lock(slab->mem);
    rack_give(slab, trip);
    mem_unlock(slab->mem);
}

/* One for the caller, who wants ASKED bytes of it; TRIP gets some more. */
static void *alloc_locked(struct shale_slab *slab, size_t asked,
                          struct trip *trip)
{
    void *object;

    if (trip->place && magazine_make(slab, trip->place))
        rack_take(slab, trip);
    object = trip->count > 0 ? trip->some[--trip->count]
                             : slab_take(slab, asked);
    if (object) {
        slab->allocs++;
        mem_count_alloc(slab->mem, asked);
    }
    return object;
}

/* There is nothing at hand in MAGAZINE, or NULL, at PLACE, where we are. */
static MEM_NOINLINE void *alloc_refill(struct shale_slab *slab, size_t asked,
                                       struct magazine *magazine,
                                       unsigned place)
{
    void *some[BATCH], *object = NULL;
    struct trip trip = { .place = place, .some = some };

    if (magazine)
        trip.noted = magazine_note(slab, magazine, 0);
    magazine_leave(slab);
    mem_lock(slab->mem);
    rack_account(slab, &trip.noted);
    if (mem_fails_now(slab->mem))
        slab->failures++;
    else
        object = alloc_locked(slab, asked, &trip);
    mem_unlock(slab->mem);
    if (trip.count > 0)
        some_keep(slab, &trip);
    return object;
}

static void *magazine_alloc(struct shale_slab *slab, size_t asked)
{
    unsigned place;
    struct magazine *magazine = magazine_come(slab, &place);
    void *object;

    if (!magazine || !magazine_pop(magazine, &object))
        return alloc_refill(slab, asked, magazine, place);
    if (is_class(slab))
        number_add(&magazine->bytes, asked);
    magazine_leave(slab);
    return object;
}

/* MAGAZINE is full: TRIP takes half of it away, and OBJECT finds room. */
static void make_room(struct shale_slab *slab, struct magazine *magazine,
                      void *object, struct trip *trip)
{
    size_t held = number_get(&magazine->count), half = held / 2;

    trip->is_kept = true;
    while (trip->count < half)
        trip->some[trip->count++] = magazine->objects[--held];
    magazine->objects[held] = object;
    trip->noted = magazine_note(slab, magazine, held + 1);
}

/* There is no room in MAGAZINE, or NULL, at PLACE, where we are. */
static MEM_NOINLINE void free_away(struct shale_slab *slab, void *object,
                                   size_t asked, struct magazine *magazine,
                                   unsigned place)
{
    void *some[BATCH];
    struct trip trip = { .place = place, .some = some };

    if (magazine)
        make_room(slab, magazine, object, &trip);
    else
        trip.some[trip.count++] = object;
    magazine_leave(slab);

    mem_lock(slab->mem);
    trip.noted.bytes -= asked;
    rack_account(slab, &trip.noted);
    rack_give(slab, &trip);
    if (place)
        magazine_make(slab, place);
    mem_unlock(slab->mem);
}

static void magazine_free(struct shale_slab *slab, void *object, size_t asked)
{
    unsigned place;
    struct magazine *magazine = magazine_come(slab, &place);

    if (!magazine || !magazine_push(magazine, object)) {
        free_away(slab, object, asked, magazine, place);
        return;
    }
    if (is_class(slab))
        number_add(&magazine->bytes, 0 - asked);
    magazine_leave(slab);
}

/* --------------------------------------------------- all of them at once */

static void magazines_rest(struct shale_mem *mem, bool idle)
{
    struct magazines *all = mem->magazines;

    atomic_store_explicit(&all->idle, idle, memory_order_relaxed);
    atomic_store_explicit(&mem->hands,
                          all->is_fast && !idle ? all->hands : NULL,
                          memory_order_release);
    for (struct shale_slab *slab = mem->slabs; slab; slab = slab->next)
        rack_show(slab, idle);
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
    .sum   = rack_sum,
    .drain = magazines_drain,
    .recall = magazines_recall,
    .fini  = rack_fini,
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
    all->none = magazine_new(all);
    all->none_of_all = all->none ? hand_new(all) : NULL;
    all->hands = mem_own_take(mem, sizeof *all->hands);
    if (!all->none_of_all || !all->hands) {
        mem_own_put(mem, all->hands, sizeof *all->hands);
        mem_own_put(mem, all->none_of_all, sizeof *all->none_of_all);
        if (all->none)
            slab_put_held(&all->own, all->none);
        slab_spare_drop(&all->own);
        mem_own_put(mem, all, sizeof *all);
        return false;
    }
    memset(all->hands, 0, sizeof *all->hands);
    for (unsigned i = 0; i <= PLACES_MAX; i++)
        atomic_init(&all->hands->at[i], all->none_of_all);
    mem->thread_at = all->thread_at;
    mem->magazines = all;
    slab_link(&all->own);
    magazines_rest(mem, false);
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
    all = mem_own_take(mem, sizeof *all);
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
        magazine_end(&mem->classes[i], place + 1);
    for (struct shale_slab *slab = mem->slabs; slab; slab = slab->next)
        magazine_end(slab, place + 1);
    hand_end(mem, place + 1);
    mem_unlock(mem);
}
