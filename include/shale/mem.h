/*
 * mem.h - memory that is accounted, bounded, and may run out
 *
 * A struct shale_mem hands out memory carved from arenas that the host lends:
 * a kernel lends one static array, a program lends mmap'ed chunks on demand.
 * On top of a buddy allocator of pages stand slab caches for the struct types
 * allocated over and over, and size classes for everything else.
 *
 * Nothing here is global: every volume uses the struct shale_mem it was given,
 * and several volumes may share one.
 *
 * Units      bytes, unless a name says pages
 * Errors     every allocation can fail, and then returns NULL
 * Locking    calls on one struct shale_mem may overlap if it was created with
 *            locks; its lock is a leaf, held for no longer than a call, and
 *            not while a source or a constructor runs. Where the host tells
 *            its threads apart (struct shale_places), most calls take none
 */
#ifndef SHALE_MEM_H
#define SHALE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_lock_ops;
struct shale_mem;
struct shale_slab;

#define SHALE_PAGE_SIZE 4096u   /* what arenas are whole multiples of */
#define SHALE_PAGE_SIZE_MIN 512u

/* Where arenas come from. Embed it as the first member of your own struct. */
struct shale_arena_source {
    /*
     * Lend an arena of at least MIN bytes, a multiple of SHALE_PAGE_SIZE, at
     * an address that is one too. Stores how much was lent in *SIZE (which may
     * be more than MIN). NULL if there is no more to lend.
     */
    void *(*lend)(struct shale_arena_source *source, size_t min, size_t *size);

    /*
     * Take back an arena exactly as it was lent. Called for arenas that hold
     * no allocation any more, and for all of them by shale_mem_destroy(). NULL
     * if the host does not want them back.
     */
    void (*give_back)(struct shale_arena_source *source, void *arena,
                      size_t size);

    /*
     * Memory is handed out by pages of this size, each of which has objects of
     * one size: small ones for little memory, from SHALE_PAGE_SIZE_MIN on. A
     * power of two; 0: SHALE_PAGE_SIZE.
     */
    size_t page_size;

    /*
     * There is so much memory that large blocks of pages may be taken where
     * little of them is lost then. False: each takes as few as will do.
     */
    bool is_plenty;
};

/* An arena source over one array, for kernels; see shale_static_arena_init. */
struct shale_static_arena {
    struct shale_arena_source source;
    void *bytes;                /* NULL while it is lent */
    size_t size;
};

/*
 * Lend the SIZE bytes at BYTES (trimmed to whole pages) as the one arena. Up to
 * 128 KiB are handed out by the smallest pages; 64 MiB are plenty.
 */
void shale_static_arena_init(struct shale_static_arena *arena, void *bytes,
                             size_t size);

/*
 * Make an allocator over SOURCE, which must outlive it. LOCKS may be NULL for
 * single-threaded use. BUDGET bounds the bytes borrowed from SOURCE at any
 * moment, and what SOURCE lends beyond it is left untouched; 0 means as much
 * as SOURCE lends. The allocator keeps its own state in the first arena. NULL
 * if SOURCE lends nothing.
 */
struct shale_mem *shale_mem_create(struct shale_arena_source *source,
                                   const struct shale_lock_ops *locks,
                                   size_t budget);

/*
 * Give every arena back. Everything allocated from MEM is gone afterwards.
 * Returns the bytes that were still allocated: anything but 0 is a leak.
 */
size_t shale_mem_destroy(struct shale_mem *mem);

/* An allocator as a host's places know it: see attach() there. */
struct shale_place_user {
    struct shale_mem *mem;
    struct shale_place_user *prev, *next;   /* the host's, to use as it likes */
};

/*
 * How a host tells its threads apart, or its processors, so that each can have
 * a few free objects at hand, and needs no lock for most calls. Embed it as the
 * first member of your own struct.
 */
struct shale_places {
    unsigned count;             /* 1 to 64 */

    /*
     * Where the caller is, below COUNT: nobody else is there until leave() is
     * called, a few instructions later, with no lock taken in between. A place
     * that is the thread's for good will do, or the number of the processor
     * that the caller cannot be moved from. COUNT: nowhere; it takes the lock.
     */
    unsigned (*enter)(struct shale_places *places);
    void (*leave)(struct shale_places *places);     /* or NULL */

    /*
     * Where the calling thread has written what enter() answers it, plus 1; 0
     * before it has asked, and when it is nowhere. At the same distance from
     * the thread pointer in every thread: then most calls need not even ask.
     * NULL if that is not so, or if a place is not the thread's for good.
     */
    const unsigned *(*own)(struct shale_places *places);

    /*
     * USER's allocator uses these places, and is to be told of each that is
     * left for good, with shale_mem_vacate(); or it is so no more. NULL if
     * places are never left. Called with no lock held; detach() returns when
     * nobody is at that.
     */
    void (*attach)(struct shale_places *places, struct shale_place_user *user);
    void (*detach)(struct shale_places *places, struct shale_place_user *user);
};

/*
 * Use PLACES, which outlive MEM, for MEM's size classes and slabs. At each
 * place up to 96 objects of a slab may be free and at hand, of 32 KiB to begin
 * with and of 384 KiB where so much is wanted back time and again; and up to
 * 2 MiB besides for whoever needs them next. They count as in use, and as
 * nobody's. Together, places have no more at hand than an eighth of the budget,
 * or, where there is none and memory is not plenty, a quarter of what is
 * borrowed; it goes back when memory is short: from the caller's place and from
 * between them at once, from others when they next call shale_alloc() or
 * shale_free() for up to 4096 bytes, or find no object of a slab at hand. Slabs
 * that have a destructor keep theirs until shale_slab_shrink().
 *
 * Once, before there are other threads. SHALE_ENOMEM, and all is as without,
 * or SHALE_EINVAL. Builds with SHALE_MEM_DEBUG watch every object come and go,
 * and have none at hand; nor has memory in small pages, or with a budget under
 * 4 MiB.
 */
int shale_mem_set_places(struct shale_mem *mem, struct shale_places *places);

/* The caller is the last at PLACE, below COUNT: what is at hand goes back. */
void shale_mem_vacate(struct shale_mem *mem, unsigned place);

/*
 * SIZE bytes aligned to 16 (from SHALE_PAGE_SIZE bytes up to a page of the
 * source's size); NULL if SIZE is 0.
 */
void *shale_alloc(struct shale_mem *mem, size_t size);

/* As shale_alloc(), cleared to zero. */
void *shale_zalloc(struct shale_mem *mem, size_t size);

/* COUNT objects of SIZE bytes, cleared; NULL also if the product wraps. */
void *shale_alloc_array(struct shale_mem *mem, size_t count, size_t size);

/*
 * Free what any of the three returned. SIZE is the size that was asked for
 * (COUNT * SIZE for an array), so that no allocation needs a header. PTR may
 * be NULL.
 */
void shale_free(struct shale_mem *mem, void *ptr, size_t size);

/* What a slab cache holds. */
struct shale_slab_config {
    const char *name;           /* static storage; shown by statistics */
    size_t size;                /* bytes of one object */
    size_t align;               /* a power of two up to 4096; 0 means 16 */

    /*
     * Prepare / retire OBJECT. Both run once in an object's life, when its
     * page comes and when its page goes, not at every allocation: an object is
     * to be freed in the state that its next user expects. NULL if not needed.
     * A constructor's error makes that allocation fail.
     */
    int (*construct)(void *object, void *arg);
    void (*destruct)(void *object, void *arg);
    void *arg;                  /* handed to both */
};

/* Make a cache of equal objects in MEM. Everything in *CONFIG is copied. */
struct shale_slab *shale_slab_create(struct shale_mem *mem,
                                     const struct shale_slab_config *config);

/*
 * Return the cache's pages and the cache itself. Returns how many objects were
 * still alive: anything but 0 is a leak in the caller (they are gone too).
 */
size_t shale_slab_destroy(struct shale_slab *slab);

void *shale_slab_alloc(struct shale_slab *slab);
void shale_slab_free(struct shale_slab *slab, void *object);

/*
 * Return every empty page to the pool. Returns the bytes returned. What other
 * places have at hand, of any slab, goes back as when memory is short.
 */
size_t shale_slab_shrink(struct shale_slab *slab);

/* One cache, or one size class, at one moment. */
struct shale_slab_stats {
    const char *name;           /* "vnode"; size classes are "size-64" ... */
    size_t object_size;         /* bytes one object takes, padding included */
    size_t live;                /* objects allocated now */
    size_t peak;                /* ... and at most so far */
    size_t capacity;            /* objects the cache's pages hold */
    size_t bytes;               /* memory those pages take */
    uint64_t allocs, failures;  /* since the cache was made */
};

struct shale_mem_stats {
    size_t borrowed;            /* bytes lent by the source now */
    size_t budget;              /* 0 if there is none */
    size_t in_use;              /* bytes of pages that are not free */
    size_t live;                /* bytes that callers hold now */
    size_t peak;                /* ... and at most so far */
    size_t borrowed_peak;       /* as the first and the third, at most so far */
    size_t in_use_peak;
};

/* Store MEM's totals in *OUT. */
void shale_mem_stats(struct shale_mem *mem, struct shale_mem_stats *out);

/*
 * Call EMIT for every slab cache and size class of MEM, with MEM's lock held:
 * EMIT must not call back into MEM.
 */
void shale_mem_each_slab(struct shale_mem *mem,
                         void (*emit)(void *context,
                                      const struct shale_slab_stats *stats),
                         void *context);

/*
 * Make the Nth allocation from now fail (0 is the next one), pages, slabs and
 * size classes alike, and every later one succeed again. For tests. Returns
 * true from shale_mem_failed() once it has happened.
 */
void shale_mem_fail_at(struct shale_mem *mem, uint64_t nth);
bool shale_mem_failed(struct shale_mem *mem);

/*
 * Walk every structure of MEM and check its invariants (and, in builds with
 * SHALE_MEM_DEBUG, every redzone and the poison of every free object). Returns
 * NULL if all is well, or a sentence naming the first thing that is not.
 */
const char *shale_mem_check(struct shale_mem *mem);

#ifdef __cplusplus
}
#endif

#endif /* SHALE_MEM_H */
