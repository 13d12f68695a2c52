/*
 * magazine.h - objects at hand: what a call looks at before it takes the lock
 *
 * In front of a slab there is, for each place that the host tells apart, a
 * magazine: objects that are free, but that the slab counts as allocated. The
 * magazines of a slab stand in its rack. Where a thread's own place is written
 * at a known distance from the thread pointer, the way there is a few loads and
 * no call; it is inline here, and all else is in magazine.c, which is linked
 * only if shale_mem_set_places() is.
 */
#ifndef MEM_MAGAZINE_H
#define MEM_MAGAZINE_H

#include "mem.h"

#include "shale/atomic.h"

/* Machines whose thread pointer is a register that anybody may read. */
#if defined __x86_64__ || defined __aarch64__ || \
    (defined __riscv && __riscv_xlen == 64)
#define MAGAZINE_THREADS true
#define MAGAZINE_THREAD_POINTER ((const char *)__builtin_thread_pointer())
#else
#define MAGAZINE_THREADS false
#define MAGAZINE_THREAD_POINTER ((const char *)NULL)
#endif

#define MAGAZINE_MAX 96
#define PLACES_MAX 64

/*
 * Only whoever is at the place changes the numbers; others look at them. What
 * callers have got here, less what they have given back, since it was last
 * accounted, is told by ALLOCS and by BYTES, which may be a wrapped number, and
 * in a slab that is no size class by what COUNT was then.
 */
struct magazine {
    SHALE_ATOMIC(size_t) count, allocs, bytes;
    SHALE_ATOMIC(size_t) accounted;     /* COUNT as of then */
    SHALE_ATOMIC(size_t) room;  /* objects; even; set with the lock */
    void *objects[MAGAZINE_MAX];
};

/* Where a magazine stands; never without one, but that may have no room. */
struct berth {
    SHALE_ATOMIC(struct magazine *) magazine;
};

/* The magazines of a slab, and what one of them left for the next. */
struct rack {
    size_t room;                /* of each magazine, to begin with */
    size_t depot_count, depot_room;
    size_t given;               /* objects, since some were taken */
    bool is_spilt;              /* some found no room in the depot */
    void **depot;               /* NULL: not needed yet */
    char apart[64];             /* ... from what is looked at all the time */
    struct berth at[];          /* by place; 0 is nowhere */
};

/* What is at one place, of all classes. */
struct hand {
    struct berth of[CLASS_COUNT];
};

/*
 * All of them; 0 is nowhere. Whoever is to give back what he has is shown a
 * hand without anything, until he comes to do so.
 */
struct hands {
    SHALE_ATOMIC(struct hand *) at[PLACES_MAX + 1];
    struct hand *made[PLACES_MAX + 1];
    SHALE_ATOMIC(bool) recalled[PLACES_MAX + 1];
};

struct magazine_ops;

/* What magazines have noted, and of what they know. */
struct noted {
    size_t bytes, allocs;
    size_t at_hand;             /* objects */
};

/* Of all slabs of an allocator. */
struct magazines {
    const struct magazine_ops *ops;
    struct shale_places *places;
    struct shale_place_user user;
    struct magazine *none;      /* which has no room, for all who have none */
    struct hand *none_of_all;   /* ... of any class */
    struct hands *hands;
    ptrdiff_t thread_at;        /* of a thread's place from its pointer */
    bool is_fast;               /* ... if that is to be had */
    SHALE_ATOMIC(bool) idle;    /* an allocation is to fail: use none */
    size_t room;                /* bytes, of all magazines together */
    struct shale_slab own;      /* of the magazines themselves */
};

/*
 * What others call on magazine.c, so that it is linked only where it is used.
 * All but the first two with the lock.
 */
struct magazine_ops {
    void *(*alloc)(struct shale_slab *slab, size_t asked);
    void (*free)(struct shale_slab *slab, void *object, size_t asked);

    /* Use none while an allocation is to fail; or use them again. */
    void (*rest)(struct shale_mem *mem, bool idle);

    /* All that is noted of SLAB; others may go on meanwhile. */
    struct noted (*sum)(const struct shale_slab *slab);

    /*
     * Give back what is at hand of SLAB at the caller's place, and in between.
     * Pages of objects with a destructor stay, empty.
     */
    void (*drain)(struct shale_slab *slab);

    /* See to it that all others do so when they next come, for anything. */
    void (*recall)(struct shale_mem *mem);

    /* Take SLAB's away, and what is in them. Nobody is at any place. */
    void (*fini)(struct shale_slab *slab);

    /* Nobody is to call for MEM any more. Without the lock. */
    void (*end)(struct shale_mem *mem);
};

static inline size_t number_get(const SHALE_ATOMIC(size_t) *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

static inline void number_set(SHALE_ATOMIC(size_t) *number, size_t to)
{
    atomic_store_explicit(number, to, memory_order_relaxed);
}

static inline void number_add(SHALE_ATOMIC(size_t) *number, size_t what)
{
    number_set(number, number_get(number) + what);
}

/* What this thread's own place is, plus 1. */
static inline unsigned place_own(ptrdiff_t thread_at)
{
    const char *at = MAGAZINE_THREAD_POINTER + thread_at;

    return *(const unsigned *)(const void *)at;
}

/*
 * Store in *MAGAZINE the one of SLAB that is this thread's own, or one without
 * room. False if that is not to be had so.
 */
static inline bool magazine_own(const struct shale_slab *slab,
                                struct magazine **magazine)
{
    const struct berth *berths =
        atomic_load_explicit(&slab->berths, memory_order_acquire);

    if (!MAGAZINE_THREADS || !berths)
        return false;
    *magazine = atomic_load_explicit(
        &berths[place_own(slab->thread_at)].magazine, memory_order_relaxed);
    return true;
}

/* The same of a size class of MEM: few cache lines for all of them. */
static inline bool magazine_own_of(const struct shale_mem *mem, size_t class,
                                   struct magazine **magazine)
{
    const struct hands *hands =
        atomic_load_explicit(&mem->hands, memory_order_acquire);
    const struct hand *hand;

    if (!MAGAZINE_THREADS || !hands)
        return false;
    hand = atomic_load_explicit(&hands->at[place_own(mem->thread_at)],
                                memory_order_relaxed);
    *magazine = atomic_load_explicit(&hand->of[class].magazine,
                                     memory_order_relaxed);
    return true;
}

/* Take one out of MAGAZINE; false if it is empty. */
static inline bool magazine_pop(struct magazine *magazine, void **object)
{
    size_t count = number_get(&magazine->count);

    if (count == 0)
        return false;
    *object = magazine->objects[count - 1];
    number_set(&magazine->count, count - 1);
    number_add(&magazine->allocs, 1);
    return true;
}

/* Put OBJECT into it; false if it is full. */
static inline bool magazine_push(struct magazine *magazine, void *object)
{
    size_t count = number_get(&magazine->count);

    /* There may be more than there is to be room for, from now on. */
    if (count >= number_get(&magazine->room))
        return false;
    magazine->objects[count] = object;
    number_set(&magazine->count, count + 1);
    return true;
}

#endif /* MEM_MAGAZINE_H */
