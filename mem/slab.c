/*
 * slab.c - equal objects, allocated and freed in constant time
 *
 *   1. Objects stand in slab pages (slabpage.c), of which one is current: what
 *      is allocated comes from it, so that most calls touch no list.
 *   2. Free objects form a list of slot numbers in the page's header, not in
 *      the objects: a constructed object keeps every byte while it is free.
 *   3. An object's page is its address rounded down: nothing is searched.
 *
 * Debug builds watch every step through guard.c. Callers meet magazine.h first,
 * and come here when nothing is at hand.
 */
#include "magazine.h"
#include "mem.h"
#include "memfn.h"

#define SLAB_OBJECT_MAX ((size_t)1 << 24)

/* ----------------------------------------------------------------- objects */

static inline void *take(struct shale_slab *slab, size_t asked)
{
    struct slab_page *page = slab->current;
    size_t slot;

    if (!page || page->free == SLOT_END) {
        if (is_of_pages(slab))
            return slab_whole_take(slab);
        page = slab_page_next(slab);
        if (!page) {
            slab->failures++;
            return NULL;
        }
    }

    slot = page->free;
    guard_alloc(page, slot, asked);
    page->free = page->slots[slot].next;
    page->slots[slot].next = SLOT_LIVE;
    page->live++;
    if (++slab->live > slab->peak)
        slab->peak = slab->live;
    return (uint8_t *)page + slab->first + slot * slab->stride;
}

void *slab_take(struct shale_slab *slab, size_t asked)
{
    return take(slab, asked);
}

static inline void *slab_alloc(struct shale_slab *slab, size_t asked)
{
    void *object = take(slab, asked);

    if (object) {
        slab->allocs++;
        mem_count_alloc(slab->mem, asked);
    }
    return object;
}

/*
 * Which object is OFFSET bytes after the first. OFFSET is S times the stride,
 * and what the factor is too large by, less than the stride, makes less than
 * OFFSET of it: the quotient is right, and comes without a division.
 */
static size_t slot_at(const struct shale_slab *slab, size_t offset)
{
    return (size_t)(offset * slab->slots_per_4g >> 32);
}

/* Give back OBJECT, and no page. Returns whether its page is empty now. */
static inline bool put(struct shale_slab *slab, void *object, size_t asked)
{
    uintptr_t within = (uintptr_t)object & (slab->page_bytes - 1);
    struct slab_page *page = (struct slab_page *)((uint8_t *)object - within);
    size_t slot = slot_at(slab, within - slab->first);
    bool was_full;

    if (is_of_pages(slab)) {
        slab_whole_put(slab, object);
        return false;
    }
    guard_free(slab, object, asked);
    was_full = page->free == SLOT_END;
    page->slots[slot].next = page->free;
    page->free = (uint16_t)slot;
    page->live--;
    slab->live--;
    if (page != slab->current && (was_full || page->live == 0))
        slab_page_turn(slab, page, was_full);
    return page->live == 0;
}

void slab_put(struct shale_slab *slab, void *object, size_t asked)
{
    if (put(slab, object, asked) && slab->empty)
        slab_pages_trim(slab);
}

void slab_put_held(struct shale_slab *slab, void *object)
{
    if (put(slab, object, 0) && slab->empty && !slab->config.destruct)
        slab_pages_trim(slab);
}

static inline void slab_free(struct shale_slab *slab, void *object,
                             size_t asked)
{
    mem_count_free(slab->mem, asked);
    if (put(slab, object, asked) && slab->empty)
        slab_pages_trim(slab);
}

/* --------------------------------------- what is kept only to be fast */

/* What is at hand of SLAB goes back to its pages. */
static void hand_drop(struct shale_slab *slab)
{
    if (slab->mem->magazines)
        slab->mem->magazines->ops->drain(slab);
}

void slab_reclaim(struct shale_mem *mem)
{
    if (mem->magazines)
        mem->magazines->ops->recall(mem);
    /* Without a destructor, none of this drops the lock. */
    for (size_t i = 0; i < mem->class_count; i++)
        hand_drop(&mem->classes[i]);
    for (struct shale_slab *slab = mem->slabs; slab; slab = slab->next) {
        if (!slab->config.destruct) {
            hand_drop(slab);
            slab_spare_drop(slab);
        }
    }
    for (size_t i = 0; i < mem->class_count; i++)
        slab_spare_drop(&mem->classes[i]);
}

/* ------------------------------------------------------------ public calls */

struct shale_slab *shale_slab_create(struct shale_mem *mem,
                                     const struct shale_slab_config *config)
{
    struct shale_slab *slab;

    /* The bound keeps every sum of this file far from wrapping. */
    if (config->size == 0 || config->size > SLAB_OBJECT_MAX ||
        config->align > SHALE_PAGE_SIZE ||
        (config->align & (config->align - 1)) != 0)
        return NULL;
    slab = shale_alloc(mem, sizeof *slab);
    if (!slab)
        return NULL;
    slab_init(slab, mem, config);

    mem_lock(mem);
    slab_link(slab);
    mem_unlock(mem);
    return slab;
}

void slab_link(struct shale_slab *slab)
{
    slab->next = slab->mem->slabs;
    if (slab->next)
        slab->next->prev = slab;
    slab->mem->slabs = slab;
}

void slab_unlink(struct shale_slab *slab)
{
    if (slab->next)
        slab->next->prev = slab->prev;
    if (slab->prev)
        slab->prev->next = slab->next;
    else
        slab->mem->slabs = slab->next;
}

size_t shale_slab_destroy(struct shale_slab *slab)
{
    struct shale_mem *mem;
    size_t live;

    if (!slab)
        return 0;
    mem = slab->mem;
    mem_lock(mem);
    if (mem->magazines)
        mem->magazines->ops->fini(slab);
    slab_unlink(slab);
    live = slab->live;
    mem_count_free(mem, live * slab->config.size);
    slab_pages_drop(slab);
    pages_drop_spare(mem);
    mem_unlock(mem);
    shale_free(mem, slab, sizeof *slab);
    return live;
}

void *object_alloc(struct shale_slab *slab, size_t asked)
{
    struct shale_mem *mem = slab->mem;
    void *object = NULL;

    if (mem->magazines)
        return mem->magazines->ops->alloc(slab, asked);
    mem_lock(mem);
    if (mem_fails_now(mem))
        slab->failures++;
    else
        object = slab_alloc(slab, asked);
    mem_unlock(mem);
    return object;
}

void object_free(struct shale_slab *slab, void *object, size_t asked)
{
    struct shale_mem *mem = slab->mem;

    if (mem->magazines) {
        mem->magazines->ops->free(slab, object, asked);
        return;
    }
    mem_lock(mem);
    slab_free(slab, object, asked);
    mem_unlock(mem);
}

void *shale_slab_alloc(struct shale_slab *slab)
{
    struct magazine *magazine;
    void *object;

    if (magazine_own(slab, &magazine) && magazine_pop(magazine, &object))
        return object;
    return object_alloc(slab, slab->config.size);
}

void shale_slab_free(struct shale_slab *slab, void *object)
{
    struct magazine *magazine;

    if (!object ||
        (magazine_own(slab, &magazine) && magazine_push(magazine, object)))
        return;
    object_free(slab, object, slab->config.size);
}

size_t shale_slab_shrink(struct shale_slab *slab)
{
    struct magazines *magazines = slab->mem->magazines;
    size_t before, after;

    mem_lock(slab->mem);
    before = slab->page_count;
    if (magazines)
        magazines->ops->recall(slab->mem);
    hand_drop(slab);
    slab_spare_drop(slab);
    after = slab->page_count;
    pages_drop_spare(slab->mem);
    mem_unlock(slab->mem);
    return before > after ? (before - after) * slab->page_bytes : 0;
}
