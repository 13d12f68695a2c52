/*
 * alloc.c - an allocator from beginning to end, and memory of any size
 *
 * Up to 4096 bytes a size is rounded up to one of 28 classes, each a slab:
 *
 *      16 32 48 ... 128        every 16 bytes
 *      160 192 224 256         then four to each doubling, so that rounding
 *      320 384 448 512         wastes less than a quarter of what was asked
 *      ...        4096
 *
 * and beyond that to whole pages, straight from the buddy allocator. The size
 * comes back with the pointer, and says which of the two it was.
 */
#include "shale/lock.h"

#include "bits.h"
#include "lock.h"
#include "magazine.h"
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
    { .name = "size-3584", .size = 3584 },
    { .name = "size-4096", .size = CLASS_MAX },
};

/*
 * The class for SIZE bytes, 1 to CLASS_MAX. In units of 16 bytes, what is left
 * of the number when all but its three highest bits are dropped goes from 4 to
 * 7 in each doubling; below that all of it counts. Where there is room for it
 * the answers are written down.
 */
#if UINTPTR_MAX > UINT32_MAX
#define X2(class) class, class
#define X4(class) X2(class), X2(class)
#define X8(class) X4(class), X4(class)
#define X16(class) X8(class), X8(class)
#define X32(class) X16(class), X16(class)

static const uint8_t class_of_units[CLASS_MAX / 16] = {
    0, 1, 2, 3, 4, 5, 6, 7,
    X2(8), X2(9), X2(10), X2(11),
    X4(12), X4(13), X4(14), X4(15),
    X8(16), X8(17), X8(18), X8(19),
    X16(20), X16(21), X16(22), X16(23),
    X32(24), X32(25), X32(26), X32(27),
};

static size_t class_for(size_t size)
{
    return class_of_units[(size - 1) / 16];
}
#else
static size_t class_for(size_t size)
{
    size_t units = (size - 1) / 16;
    unsigned drop = bit_highest32((uint32_t)units | 4) - 2;

    return 4 * drop + (units >> drop);
}
#endif

struct shale_slab *mem_class(struct shale_mem *mem, size_t size)
{
    return &mem->classes[class_for(size)];
}

/* Is SIZE one of a class? Neither 0 nor too large, in one comparison. */
static bool is_classed(const struct shale_mem *mem, size_t size)
{
    return size - 1 < mem->class_max;
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

static size_t class_max_for(unsigned page_bits)
{
    if (page_bits < PAGE_BITS_MAX)
        return (size_t)1 << (page_bits - 1);
    return CLASS_OF_PAGES ? CLASS_MAX : CLASS_MAX / 8 * 7;
}

struct shale_mem *shale_mem_create(struct shale_arena_source *source,
                                   const struct shale_lock_ops *locks,
                                   size_t budget)
{
    unsigned page_bits = page_bits_of(source);
    size_t class_max = class_max_for(page_bits);
    size_t class_count = class_for(class_max) + 1;
    size_t size = sizeof(struct shale_mem) +
                  class_count * sizeof(struct shale_slab);
    size_t lock_at = (size + 15) & ~(size_t)15;
    size_t extra = lock_at + (locks ? locks->size : 0);
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
    memset(mem, 0, size);
    mem->source = source;
    mem->first = arena;
    mem->budget = budget;
    mem->page_bits = page_bits;
    mem->class_max = class_max;
    mem->class_count = class_count;
    mem->borrowed = arena->page_count << page_bits;
    mem->borrowed_peak = mem->borrowed;
    if (locks) {
        mem->lock = (uint8_t *)mem + lock_at;
        if (locks->init(mem->lock)) {
            if (source->give_back)
                source->give_back(source, base, lent);
            return NULL;
        }
        mem->locks = locks;
    }
    for (size_t i = 0; i < class_count; i++)
        slab_init(&mem->classes[i], mem, &classes[i]);
    pages_add_arena(mem, arena, arena->page_count, arena->page_count);
    mem->used_peak = mem->total_pages - mem->free_pages;
    return mem;
}

size_t shale_mem_destroy(struct shale_mem *mem)
{
    struct shale_arena_source *source;
    struct arena *arena, *first;
    size_t live;

    if (!mem)
        return 0;
    if (mem->magazines)
        mem->magazines->ops->end(mem);
    live = mem_live(mem);
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

void mem_unlock_gone(struct shale_mem *mem)
{
    struct arena *arena = mem->gone, *next;
    size_t returned = 0;

    mem->gone = NULL;
    lock_release(mem->locks, mem->lock);
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

static MEM_NOINLINE void *alloc_run(struct shale_mem *mem, size_t size)
{
    void *run = NULL;

    if (size == 0)
        return NULL;
    mem_lock(mem);
    if (!mem_fails_now(mem))
        run = run_alloc(mem, size);
    mem_unlock(mem);
    return run;
}

static MEM_NOINLINE void free_run(struct shale_mem *mem, void *run, size_t size)
{
    mem_lock(mem);
    run_free(mem, run, size);
    mem_unlock(mem);
}

/* As shale_alloc() and shale_free(), when nothing is at hand. */
static MEM_NOINLINE void *alloc_slow(struct shale_mem *mem, size_t size)
{
    return is_classed(mem, size) ? object_alloc(mem_class(mem, size), size)
                                 : alloc_run(mem, size);
}

static MEM_NOINLINE void free_slow(struct shale_mem *mem, void *ptr,
                                   size_t size)
{
    if (!ptr)
        return;
    if (is_classed(mem, size))
        object_free(mem_class(mem, size), ptr, size);
    else
        free_run(mem, ptr, size);
}

void *shale_alloc(struct shale_mem *mem, size_t size)
{
    struct magazine *magazine;
    void *object;

    /* Where there are magazines all classes are. */
    if (size - 1 >= CLASS_MAX ||
        !magazine_own_of(mem, class_for(size), &magazine) ||
        !magazine_pop(magazine, &object))
        return alloc_slow(mem, size);
    number_add(&magazine->bytes, size);
    return object;
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
    struct magazine *magazine;

    if (ptr && size - 1 < CLASS_MAX &&
        magazine_own_of(mem, class_for(size), &magazine) &&
        magazine_push(magazine, ptr))
        number_add(&magazine->bytes, 0 - size);
    else
        free_slow(mem, ptr, size);
}
