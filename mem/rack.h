/*
 * rack.h - inside the allocator: where magazines stand, and the depot
 *
 * What magazine.c does with the lock. See there, and magazine.h. What stands
 * where is rack.c's, and what goes to and fro depot.c's.
 */
#ifndef MEM_RACK_H
#define MEM_RACK_H

#include "magazine.h"
#include "mem.h"

/* At most so many objects are moved at once, by way of the stack. */
#define BATCH (MAGAZINE_MAX / 2)

/* What a call has found at its place, and what it carries away from there. */
struct trip {
    unsigned place;             /* plus 1; 0: nowhere */
    bool is_kept;               /* there is a magazine */
    struct noted noted;
    size_t count;
    void **some;                /* BATCH at most */
};

static inline struct rack *rack_of(const struct shale_slab *slab)
{
    return atomic_load_explicit(&slab->rack, memory_order_acquire);
}

/* The magazine of RACK, which may be NULL, at PLACE, plus 1; or NULL. */
struct magazine *magazine_at(const struct shale_slab *slab,
                             const struct rack *rack, unsigned place);

/* Is SLAB that of a size class? Then a magazine notes its bytes itself. */
static inline bool is_class(const struct shale_slab *slab)
{
    return slab >= slab->mem->classes &&
           slab < slab->mem->classes + slab->mem->class_count;
}

/*
 * What MAGAZINE of SLAB has noted is for the caller to account, and it has
 * COUNT objects now. Without the lock, by whoever is at its place.
 */
struct noted magazine_note(const struct shale_slab *slab,
                           struct magazine *magazine, size_t count);

/* With the lock, as all that follows. */
void rack_account(struct shale_slab *slab, const struct noted *noted);

/* All that is noted of SLAB; others may go on meanwhile. */
struct noted rack_sum(const struct shale_slab *slab);

/* One with nothing in it and no room, or NULL. Drops the lock. */
struct magazine *magazine_new(struct magazines *all);

/* Is there a magazine of SLAB at PLACE now? Makes it; drops the lock. */
bool magazine_make(struct shale_slab *slab, unsigned place);

/*
 * Let that at PLACE have more room, if there may be; or as little as it began
 * with, or as what is in it now needs.
 */
void magazine_grow(struct shale_slab *slab, unsigned place);
void magazine_shrink(struct shale_slab *slab, unsigned place);

/* A hand with nothing in it, or NULL; and give up that at PLACE, plus 1. */
struct hand *hand_new(struct magazines *all);
void hand_end(struct shale_mem *mem, unsigned place);

/* Take it away from PLACE, to which nobody comes any more. */
void magazine_end(struct shale_slab *slab, unsigned place);

/* From now on threads look into SLAB's rack, or, if IDLE, do not. */
void rack_show(struct shale_slab *slab, bool idle);

/* Give up SLAB's rack and all that stands there. Nobody is at any place. */
void rack_fini(struct shale_slab *slab);

/* Begin without a depot; and give it back, in which nothing is any more. */
void depot_init(struct rack *rack);
void depot_end(struct shale_slab *slab, struct rack *rack);

/* Carry away some objects of SLAB: of the depot, or else of its pages. */
void rack_take(struct shale_slab *slab, struct trip *trip);

/* Give away what TRIP has carried here. Drops the lock. */
void rack_give(struct shale_slab *slab, struct trip *trip);

/* Give back what is in the depot of SLAB, which has a rack. */
void rack_depot_drain(struct shale_slab *slab);

/* Memory of our own, which nobody is told of. Taking drops the lock. */
void *mem_own_take(struct shale_mem *mem, size_t size);
void mem_own_put(struct shale_mem *mem, void *bytes, size_t size);

#endif /* MEM_RACK_H */
