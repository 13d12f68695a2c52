/*
 * alloc.c - an allocator from beginning to end, and memory of any size
 *
 * Up to 3584 bytes a size is rounded up to one of 27 classes, each a slab:
 *
 *      16 32 48 ... 128        every 16 bytes
 *      160 192 224 256         then four to each doubling, so that rounding
 *      320 384 448 512         wastes less than a quarter of what was asked
 *      ...        3584
 *
 * and beyond that to whole pages, straight from the buddy allocator. The size
 * comes back with the pointer, and says which of the two it was.
 */
#include "shale/lock.h"

#include "bits.h"
#include "lock.h"
#include "mem.h"
#include "memfn.h"

static const struct shale_slab_config classes[CLASS_COUNT] = {
    { .name = "size-16",   .size = 16 },
    { .name = "size-32",   .size = 32 },
    { .name = "size-48",   .size = 48 },
    { .name = "size-64",   .size = 64 },
    { .name = "size-80",   .size = 80 },
    { .name = "size-96",   .size = 96 },
    { .name = "size-112",  .size = 112 },
    { .name = "size-128",  .size = 128 },
    { .name = "size-160",  .size = 160 },
    { .name = "size-192",  .size = 192 },
    { .name = "size-224",  .size = 224 },
    { .name = "size-256",  .size = 256 },
    { .name = "size-320",  .size = 320 },
    { .name = "size-384",  .size = 384 },
    { .name = "size-448",  .size = 448 },
    { .name = "size-512",  .size = 512 },
    { .name = "size-640",  .size = 640 },
    { .name = "size-768",  .size = 768 },
    { .name = "size-896",  .size = 896 },
    { .name = "size-1024", .size = 1024 },
    { .name = "size-1280", .size = 1280 },
    { .name = "size-1536", .size = 1536 },
    { .name = "size-1792", .size = 1792 },
    { .name = "size-2048", .size = 2048 },
    { .name = "size-2560", .size = 2560 },
    { .name = "size-3072", .size = 3072 },
    { .name = "size-3584", .size = CLASS_MAX },
};

/* The class for SIZE bytes, 1 to CLASS_MAX. */
static size_t class_for(size_t size)
{
    unsigned top;               /* the highest bit of SIZE - 1 */

    if (size <= 128)
        return (size - 1) / 16;
    top = bit_highest(size - 1);
    return 8 + (top - 7) * 4 + ((size - 1) >> (top - 2) & 3);
}

/* ------------------------------------------------------ create and destroy */

static unsigned page_bits_of(const struct shale_arena_source *source)
{
    unsigned bits = PAGE_BITS_MIN;

    if (source->page_size == 0)
        return PAGE_BITS_MAX;
    while (bits < PAGE_BITS_MAX && (size_t)1 << bits < source->page_size)
        bits++;
    return bits;
}

struct shale_mem *shale_mem_create(struct shale_arena_source *source,
                                   const struct shale_lock_ops *locks,
                                   size_t budget)
{
    size_t lock_at = (sizeof(struct shale_mem) + 15) & ~(size_t)15;
    size_t extra = lock_at + (locks ? locks->size : 0);
    unsigned page_bits = page_bits_of(source);
    size_t min = arena_bytes_for(1, extra, page_bits);
    size_t lent = 0;
    struct shale_mem *mem;
    struct arena *arena;
    void *base;

    if (budget && budget < min)
        return NULL;
    base = source->lend(source, min, &lent);
    if (!base)
        return NULL;
    arena = arena_init(base, lent, budget ? budget : SIZE_MAX, extra,
                       page_bits);

    mem = arena_extra(arena);
    memset(mem, 0, sizeof *mem);
    mem->source = source;
    mem->first = arena;
    mem->budget = budget;
    mem->page_bits = page_bits;
    mem->class_max = page_bits == PAGE_BITS_MAX ? CLASS_MAX
                                                : (size_t)1 << (page_bits - 1);
    mem->borrowed = arena->page_count << page_bits;
    if (locks) {
        mem->lock = (uint8_t *)mem + lock_at;
        if (locks->init(mem->lock)) {
            if (source->give_back)
                source->give_back(source, base, lent);
            return NULL;
        }
        mem->locks = locks;
    }
    for (size_t i = 0; i < CLASS_COUNT; i++)
        slab_init(&mem->classes[i], mem, &classes[i]);
    pages_add_arena(mem, arena, arena->page_count, arena->page_count);
    return mem;
}

size_t shale_mem_destroy(struct shale_mem *mem)
{
    struct shale_arena_source *source;
    struct arena *arena, *first;
    size_t live;

    if (!mem)
        return 0;
    live = mem->live;
    source = mem->source;
    first = mem->first;
    if (mem->locks)
        mem->locks->fini(mem->lock);

    /* MEM itself lies in the first arena, which goes last. */
    arena_remove(&mem->arenas, first);
    while ((arena = mem->arenas)) {
        arena_remove(&mem->arenas, arena);
        poison_open(arena, arena->page_count << arena->page_bits);
        if (source->give_back)
            source->give_back(source, arena, arena->lent);
    }
    poison_open(first, first->page_count << first->page_bits);
    if (source->give_back)
        source->give_back(source, first, first->lent);
    return live;
}

void mem_lock(struct shale_mem *mem)
{
    lock_exclusive(mem->locks, mem->lock);
}

void mem_unlock(struct shale_mem *mem)
{
    struct arena *arena = mem->gone, *next;
    size_t returned = 0;

    mem->gone = NULL;
    lock_release(mem->locks, mem->lock);
    if (!arena)
        return;

    for (; arena; arena = next) {
        next = arena->next_gone;
        returned += arena->page_count << arena->page_bits;
        poison_open(arena, arena->page_count << arena->page_bits);
        mem->source->give_back(mem->source, arena, arena->lent);
    }
    /* Only now is there room in the budget for others. */
    lock_exclusive(mem->locks, mem->lock);
    mem->borrowed -= returned;
    lock_release(mem->locks, mem->lock);
}

/* -------------------------------------------------------------- allocation */

/* A run of pages for SIZE bytes. Drops the lock. */
static void *run_alloc(struct shale_mem *mem, size_t size)
{
    size_t count = ((size - 1) >> mem->page_bits) + 1;
    struct arena *arena;
    void *run = pages_alloc(mem, count, 0, PAGE_RUN, &arena);

    if (!run)
        return NULL;
    arena->pages[page_index(arena, run)].u.run.asked = size;
    if (MEM_DEBUG)
        poison_close((uint8_t *)run + size, (count << mem->page_bits) - size,
                     POISON_REDZONE);
    mem_count_alloc(mem, size);
    return run;
}

static void run_free(struct shale_mem *mem, void *run, size_t size)
{
    struct arena *arena = arena_find(mem->arenas, run);

    if (MEM_DEBUG) {
        const struct page *page;

        mem_require(arena && (uintptr_t)run % SHALE_PAGE_SIZE_MIN == 0,
                    "freed pages that were never given");
        page = &arena->pages[page_index(arena, run)];
        mem_require(page->state != PAGE_FREE && page->state != PAGE_INSIDE,
                    "freed twice");
        mem_require(page->state == PAGE_RUN,
                    "freed pages that were never given");
        mem_require(page->u.run.asked == size, "freed with another size");
        mem_require(poison_intact((uint8_t *)run + size,
                                  (page->u.run.pages << mem->page_bits) - size,
                                  POISON_REDZONE),
                    "written past the end of pages");
    }
    mem_count_free(mem, size);
    pages_free(mem, arena, run);
}

void *shale_alloc(struct shale_mem *mem, size_t size)
{
    void *result = NULL;

    if (size == 0)
        return NULL;
    mem_lock(mem);
    if (mem_fails_now(mem)) {
        if (size <= mem->class_max)
            mem->classes[class_for(size)].failures++;
    } else if (size <= mem->class_max) {
        result = slab_alloc(&mem->classes[class_for(size)], size);
    } else {
        result = run_alloc(mem, size);
    }
    mem_unlock(mem);
    return result;
}

void *shale_zalloc(struct shale_mem *mem, size_t size)
{
    void *result = shale_alloc(mem, size);

    if (result)
        memset(result, 0, size);
    return result;
}

void *shale_alloc_array(struct shale_mem *mem, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    return shale_zalloc(mem, count * size);
}

void shale_free(struct shale_mem *mem, void *ptr, size_t size)
{
    if (!ptr)
        return;
    mem_lock(mem);
    if (size <= mem->class_max)
        slab_free(&mem->classes[class_for(size)], ptr, size);
    else
        run_free(mem, ptr, size);
    mem_unlock(mem);
}
