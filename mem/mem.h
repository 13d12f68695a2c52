/*
 * mem.h - inside the allocator: arenas, pages, slabs, and who calls whom
 *
 *      alloc.c     sizes to classes and runs of pages; create and destroy
 *      slab.c      equal objects carved from slab pages
 *      slabpage.c  those pages, each a block of what pages.c has
 *      pages.c     the buddy allocator: runs of pages carved from arenas
 *      arena.c     arenas borrowed from the host, found again by address
 *      magazine.c  objects at hand, for each thread or processor, if asked for
 *      rack.c      where those stand, and how much they hold
 *      depot.c     what goes between them
 *      guard.c     redzones and poison in slab pages, in debug builds
 *      stats.c     numbers for people; failures for tests
 *      check.c     every invariant of the above, walked and compared
 *      poison.c    what debug builds write where nobody may read or write
 *
 * Each stands on those below it; the one call upward is slab_reclaim(), when
 * pages run out. One lock covers all of it, and is let go while the host's code
 * runs: functions that may do so say "drops the lock".
 */
#ifndef MEM_MEM_H
#define MEM_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/atomic.h"
#include "shale/mem.h"

#include "lock.h"

/* By itself: what it keeps in registers its callers need not save. */
#define MEM_NOINLINE __attribute__((noinline))

/* A constant and not an #ifdef: either build compiles all of the code. */
#ifdef SHALE_MEM_DEBUG
#define MEM_DEBUG true
#else
#define MEM_DEBUG false
#endif

#define PAGE_BITS_MIN 9
#define PAGE_BITS_MAX 12
#define MEM_ORDERS (sizeof(size_t) * 8 - PAGE_BITS_MIN)

_Static_assert(SHALE_PAGE_SIZE == 1u << PAGE_BITS_MAX &&
               SHALE_PAGE_SIZE_MIN == 1u << PAGE_BITS_MIN, "page sizes");

/* ------------------------------------------------------- pages and arenas */

enum page_state {
    PAGE_INSIDE,                /* in a block or run that began earlier */
    PAGE_FREE,                  /* first of a free block */
    PAGE_RUN,                   /* first of a run that a caller holds */
    PAGE_SLAB,                  /* first of a block that a slab holds */
    PAGE_HEAD,                  /* first of the arena's own pages */
};

/* What is known of one page. They stand in order at the head of the arena. */
struct page {
    union {
        struct {                /* PAGE_FREE: others of the same order */
            struct page *prev, *next;
        } list;
        struct {                /* PAGE_RUN, PAGE_SLAB, PAGE_HEAD */
            size_t pages;       /* how many from this one on */
            size_t asked;       /* bytes the caller wanted */
        } run;
    } u;
    uint32_t index;             /* in its arena */
    uint8_t state;              /* enum page_state */
    uint8_t order;              /* PAGE_FREE: the block is 2^order pages */
};

/* An arena begins with this; its first pages are its own descriptors. */
struct arena {
    struct arena *left, *right; /* in mem->arenas */
    struct arena *next_gone;    /* in mem->gone */
    size_t lent;                /* bytes that the source lent */
    size_t page_count;          /* pages of it that the budget lets us use */
    size_t head_pages;          /* of those, taken by descriptors */
    size_t free_pages;
    unsigned page_bits;         /* of struct shale_mem */
    struct page pages[];
};

/* ------------------------------------------------------------------ slabs */

#define SLOT_END 0xffffu        /* no free slot follows */
#define SLOT_LIVE 0xfffeu       /* the slot's object is allocated */
#define SLOT_MAX 0xfff0u        /* slots a page can have */

/* Of every object in a slab page; so a free object keeps all of its bytes. */
struct slab_slot {
    uint16_t next;              /* free slot after this, or as above */
#ifdef SHALE_MEM_DEBUG
    uint16_t pad;
    uint32_t asked;             /* live: bytes the caller wanted */
    uint32_t sum;               /* free and constructed: of its bytes */
#endif
};

/* A slab page is 2^order pages, aligned to its size; it begins with this. */
struct slab_page {
    struct shale_slab *slab;
    struct slab_page *prev, *next;
    struct arena *arena;
    uint16_t live;              /* objects allocated */
    uint16_t free;              /* first free slot, or SLOT_END */
    struct slab_slot slots[];
};

struct berth;
struct hands;
struct magazines;
struct rack;

struct shale_slab {
    /* See magazine.h: its rack; and where in that a thread finds its own. */
    SHALE_ATOMIC(struct rack *) rack;
    SHALE_ATOMIC(const struct berth *) berths;
    ptrdiff_t thread_at;
    struct shale_mem *mem;
    struct shale_slab *prev, *next;     /* in mem->slabs */
    struct shale_slab_config config;
    size_t first;               /* bytes from a page's start to object 0 */
    size_t stride;              /* bytes from one object to the next */
    uint64_t slots_per_4g;      /* 2^32 / stride, rounded up */
    size_t page_bytes;          /* of a slab page; a power of two */
    unsigned order;             /* ... and that in pages, as an exponent */
    unsigned capacity;          /* objects in a slab page; 0: they are pages */
    struct slab_page *current;  /* what is taken comes from here; or NULL */
    struct slab_page *partial, *full, *empty;
    size_t page_count;          /* slab pages, of all four kinds */
    size_t live, peak;          /* objects */
    uint64_t allocs, failures;
};

/* --------------------------------------------------------------- the pool */

/*
 * 16, 32 ... 128 bytes, then four sizes a doubling, up to 4096; of pages that
 * are not the largest, up to half a page.
 */
#define CLASS_COUNT 28
#define CLASS_MAX ((size_t)SHALE_PAGE_SIZE)

/*
 * Objects of the last class are whole pages, and no slab's: it counts them, and
 * lets threads have some at hand. Where nobody has, there is no use for it.
 */
#define CLASS_OF_PAGES (!MEM_DEBUG && UINTPTR_MAX > UINT32_MAX)

struct shale_mem {
    /*
     * What threads look at without the lock, and nobody changes but rarely: a
     * line of the cache for itself. See magazine.h for all three.
     */
    SHALE_ATOMIC(const struct hands *) hands;
    ptrdiff_t thread_at;        /* of a thread's place, for those */
    struct magazines *magazines;        /* of all slabs, or NULL */
    size_t class_max;           /* larger ones are runs of pages */
    size_t class_count;
    struct shale_arena_source *source;
    const struct shale_lock_ops *locks;
    void *lock;

    struct arena *first;        /* the one that holds this struct */
    struct arena *arenas;       /* tree by address */
    struct arena *spare;        /* an arena with nothing in it, or NULL */
    struct arena *gone;         /* to be given back when the lock is dropped */
    size_t budget, borrowed;    /* bytes */
    size_t borrowed_peak;
    unsigned page_bits;         /* a page is 1 << page_bits bytes */
    size_t total_pages;         /* in the tree's arenas */
    size_t free_pages;
    size_t used_peak;           /* pages that were not free */
    uint64_t free_orders;       /* bit K: the list of order K has a block */
    struct page *free[MEM_ORDERS];

    struct shale_slab *slabs;   /* all but the classes */

    size_t live, peak;          /* bytes; without what magazines note */
    uint64_t fail_after;        /* allocations until one fails */
    bool fail_armed, failed;

    struct shale_slab classes[];
};

static inline void mem_lock(struct shale_mem *mem)
{
    lock_exclusive(mem->locks, mem->lock);
}

/* Let the lock go, and then return to the host what has come loose. */
void mem_unlock_gone(struct shale_mem *mem);

static inline void mem_unlock(struct shale_mem *mem)
{
    if (mem->gone)
        mem_unlock_gone(mem);
    else
        lock_release(mem->locks, mem->lock);
}

/* An allocation is to fail soon: is it this one? */
bool mem_fails_soon(struct shale_mem *mem);

/* Called by every allocation first: is this the one that has to fail? */
static inline bool mem_fails_now(struct shale_mem *mem)
{
    return mem->fail_armed && mem_fails_soon(mem);
}

/* Account BYTES given to a caller, or taken back. */
static inline void mem_count_alloc(struct shale_mem *mem, size_t bytes)
{
    mem->live += bytes;
    /* What magazines note may be missing here: a wrapped number, then. */
    if (mem->live > mem->peak && mem->live <= SIZE_MAX / 2)
        mem->peak = mem->live;
}

static inline void mem_count_free(struct shale_mem *mem, size_t bytes)
{
    mem->live -= bytes;
}

/* Bytes that callers hold, what is noted in magazines included. */
size_t mem_live(const struct shale_mem *mem);

/* The slab of the class for SIZE bytes, 1 to MEM's class_max. */
struct shale_slab *mem_class(struct shale_mem *mem, size_t size);

/* ----------------------------------------------------------------- arena.c */

/*
 * How much to ask for, to be sure of PAGES consecutive pages, with EXTRA bytes
 * after the descriptors; 0 if that is more than an address can count.
 */
size_t arena_bytes_for(size_t pages, size_t extra, unsigned page_bits);

/*
 * Lay out an arena over the LENT bytes at BASE, using no more than MOST of
 * them, with EXTRA bytes (arena_extra()) after the descriptors. No page is free
 * yet, and nobody knows the arena.
 */
struct arena *arena_init(void *base, size_t lent, size_t most, size_t extra,
                         unsigned page_bits);
void *arena_extra(struct arena *arena);

void arena_insert(struct arena **root, struct arena *arena);
void arena_remove(struct arena **root, struct arena *arena);

/* The arena with ADDRESS in it, or NULL. */
struct arena *arena_find(struct arena *root, const void *address);

/* The arena that follows AFTER by address (NULL: the first), or NULL. */
struct arena *arena_next(struct arena *root, const struct arena *after);

static inline void *page_address(struct arena *arena, size_t index)
{
    return (uint8_t *)arena + (index << arena->page_bits);
}

static inline size_t page_index(const struct arena *arena, const void *address)
{
    return ((uintptr_t)address - (uintptr_t)arena) >> arena->page_bits;
}

/* ----------------------------------------------------------------- pages.c */

/*
 * Take COUNT pages at a multiple of 2^ALIGN pages, for a caller (PAGE_RUN) or
 * a slab (PAGE_SLAB), and store their arena in *OUT. Asks the source for more
 * when there is need: drops the lock.
 */
void *pages_alloc(struct shale_mem *mem, size_t count, unsigned align,
                  enum page_state state, struct arena **out);

/* Give back what pages_alloc() gave. */
void pages_free(struct shale_mem *mem, struct arena *arena, void *run);

/* Make ARENA, which is new, part of the pool, all free but pages FROM to TO. */
void pages_add_arena(struct shale_mem *mem, struct arena *arena, size_t from,
                     size_t to);

/* Part with the spare arena, if there is one: mem_unlock() gives it back. */
void pages_drop_spare(struct shale_mem *mem);

/* -------------------------------------------------------------- slabpage.c */

void slab_init(struct shale_slab *slab, struct shale_mem *mem,
               const struct shale_slab_config *config);

/*
 * The current page is full, or there is none: make one current that has a free
 * slot. NULL if no memory is left. Drops the lock.
 */
struct slab_page *slab_page_next(struct shale_slab *slab);

/* PAGE, which is not current, was full, or is now empty. */
void slab_page_turn(struct shale_slab *slab, struct slab_page *page,
                    bool was_full);

/*
 * Keep no more than one page that is empty; or none; or none at all. Each drops
 * the lock if objects have a destructor.
 */
void slab_pages_trim(struct shale_slab *slab);
void slab_spare_drop(struct shale_slab *slab);
void slab_pages_drop(struct shale_slab *slab);

/* Is SLAB the class of whole pages, which has no slab pages? */
static inline bool is_of_pages(const struct shale_slab *slab)
{
    return CLASS_OF_PAGES && slab->capacity == 0;
}

/* One of those, for a caller; or back. Taking drops the lock. */
void *slab_whole_take(struct shale_slab *slab);
void slab_whole_put(struct shale_slab *slab, void *page);

/* ------------------------------------------------------------------ slab.c */

/* Let SLAB be seen by statistics and checks, or no more. */
void slab_link(struct shale_slab *slab);
void slab_unlink(struct shale_slab *slab);

/*
 * An object of ASKED bytes, or back, of which nobody is told: to a magazine it
 * goes, or comes from. Drops the lock if a page comes, or goes.
 */
void *slab_take(struct shale_slab *slab, size_t asked);
void slab_put(struct shale_slab *slab, void *object, size_t asked);

/* The latter, which never drops the lock: more pages may stay empty for it. */
void slab_put_held(struct shale_slab *slab, void *object);

/* From beginning to end, when there is nothing to be had without the lock. */
void *object_alloc(struct shale_slab *slab, size_t asked);
void object_free(struct shale_slab *slab, void *object, size_t asked);

/*
 * Take from every slab the empty pages that it keeps to be fast, except where
 * a destructor has to run first. Never drops the lock.
 */
void slab_reclaim(struct shale_mem *mem);

/* Is there a free slot in a page that SLAB has? */
static inline bool slab_has_room(const struct shale_slab *slab)
{
    return slab->partial || slab->empty ||
           (slab->current && slab->current->free != SLOT_END);
}

static inline uint8_t *slab_object(struct slab_page *page, size_t slot)
{
    return (uint8_t *)page + page->slab->first + slot * page->slab->stride;
}

/* ----------------------------------------------------------------- guard.c */

/* Watches slab pages in debug builds, and is not there in others. */
#ifdef SHALE_MEM_DEBUG

/* PAGE is new, its objects constructed; or it is to go, and they retired. */
void guard_page(struct slab_page *page);
void guard_page_end(struct slab_page *page);

/* SLOT is to be allocated. Stops if somebody wrote to it while it was free. */
void guard_alloc(struct slab_page *page, size_t slot, size_t asked);

/*
 * OBJECT is to be freed. Stops unless it is a live object of SLAB that was
 * allocated with that size, with nothing written beside it.
 */
void guard_free(struct shale_slab *slab, void *object, size_t asked);

/* Is what nobody may write to in and around SLOT as it was left? */
bool guard_sound(struct slab_page *page, size_t slot);

/* The bytes that the holder of SLOT asked for. */
size_t guard_asked(const struct slab_page *page, size_t slot);

#else
#define guard_page(page) ((void)(page))
#define guard_page_end(page) ((void)(page))
#define guard_alloc(page, slot, asked) ((void)(asked))
#define guard_free(slab, object, asked) ((void)(asked))
#define guard_sound(page, slot) ((void)(page), true)
#define guard_asked(page, slot) ((void)(page), (size_t)0)
#endif

/* ---------------------------------------------------------------- poison.c */

#define POISON_FRESH 0xa5       /* allocated, and not written yet */
#define POISON_FREE 0xf5        /* freed */
#define POISON_REDZONE 0xbd     /* beside an object */
#define REDZONE_SIZE ((size_t)(MEM_DEBUG ? 16 : 0))

/* Fill with POISON_FRESH, for the owner to write over. */
void poison_fresh(void *bytes, size_t len);

/* Fill with BYTE; under AddressSanitizer nobody may touch it from here on. */
void poison_close(void *bytes, size_t len, uint8_t byte);

/* As it is, nobody may touch it from here on; or somebody may again. */
void poison_hide(void *bytes, size_t len);
void poison_open(void *bytes, size_t len);

/* Are all of them still BYTE? */
bool poison_intact(const void *bytes, size_t len, uint8_t byte);

/* A number that changes when the bytes do. */
uint32_t poison_sum(const void *bytes, size_t len);

/* A caller broke the rules: stop here, with WHY at hand in a debugger. */
_Noreturn void poison_fault(const char *why);

/* In debug builds, stop unless OK. */
static inline void mem_require(bool ok, const char *why)
{
    if (MEM_DEBUG && !ok)
        poison_fault(why);
}

#endif /* MEM_MEM_H */
