/*
 * guard.c - slab pages in debug builds: who wrote where nobody may?
 *
 *      | header, slots | redzone | object | redzone | object | redzone | ...
 *
 * Redzones hold a pattern that is looked at when the object is freed. A free
 * object holds another one, looked at when it is allocated; unless it has a
 * constructor, for then its bytes are to be kept, and their sum is noted. The
 * size that a caller asked for is noted as well, and everything behind it is
 * redzone: a sized free with the wrong size stops here.
 */
#include "mem.h"

#ifdef SHALE_MEM_DEBUG

/* SLOT has been freed, or is new. */
static void close_slot(struct slab_page *page, size_t slot)
{
    const struct shale_slab *slab = page->slab;
    uint8_t *object = slab_object(page, slot);
    size_t size = slab->config.size;

    if (slab->config.construct) {
        page->slots[slot].sum = poison_sum(object, size);
        poison_hide(object, size);
    } else {
        poison_close(object, size, POISON_FREE);
    }
    poison_close(object + size, slab->stride - size, POISON_REDZONE);
}

void guard_page(struct slab_page *page)
{
    const struct shale_slab *slab = page->slab;

    poison_close((uint8_t *)page + slab->first - REDZONE_SIZE, REDZONE_SIZE,
                 POISON_REDZONE);
    for (size_t slot = 0; slot < slab->capacity; slot++)
        close_slot(page, slot);
}

void guard_page_end(struct slab_page *page)
{
    for (size_t slot = 0; slot < page->slab->capacity; slot++) {
        mem_require(guard_sound(page, slot), "a free object was written to");
        poison_open(slab_object(page, slot), page->slab->config.size);
    }
}

void guard_alloc(struct slab_page *page, size_t slot, size_t asked)
{
    const struct shale_slab *slab = page->slab;
    uint8_t *object = slab_object(page, slot);

    mem_require(guard_sound(page, slot), "a free object was written to");
    if (slab->config.construct)
        poison_open(object, slab->config.size);
    else
        poison_fresh(object, slab->config.size);
    page->slots[slot].asked = (uint32_t)asked;
    poison_close(object + asked, slab->stride - asked, POISON_REDZONE);
}

/* The page that OBJECT would be in; stops if there is none. */
static struct slab_page *page_of(const struct shale_slab *slab, void *object)
{
    uintptr_t within = (uintptr_t)object & (slab->page_bytes - 1);
    struct slab_page *page = (struct slab_page *)((uint8_t *)object - within);
    struct arena *arena = arena_find(slab->mem->arenas, page);

    mem_require(arena &&
                    arena->pages[page_index(arena, page)].state == PAGE_SLAB,
                "freed what no slab ever gave");
    mem_require(page->slab == slab, "freed what another slab gave");
    mem_require(within >= slab->first &&
                    (within - slab->first) % slab->stride == 0 &&
                    (within - slab->first) / slab->stride < slab->capacity,
                "freed what is not the start of an object");
    return page;
}

void guard_free(struct shale_slab *slab, void *object, size_t asked)
{
    struct slab_page *page = page_of(slab, object);
    size_t slot =
        (size_t)((uint8_t *)object - slab_object(page, 0)) / slab->stride;

    mem_require(page->slots[slot].next == SLOT_LIVE, "freed twice");
    mem_require(page->slots[slot].asked == asked, "freed with another size");
    mem_require(guard_sound(page, slot), "written past the end of an object");
    mem_require(poison_intact((uint8_t *)object - REDZONE_SIZE, REDZONE_SIZE,
                              POISON_REDZONE),
                "written before the start of an object");
    close_slot(page, slot);
}

bool guard_sound(struct slab_page *page, size_t slot)
{
    const struct shale_slab *slab = page->slab;
    const uint8_t *object = slab_object(page, slot);
    size_t size = slab->config.size;

    if (page->slots[slot].next == SLOT_LIVE)
        size = page->slots[slot].asked;
    else if (slab->config.construct
                 ? poison_sum(object, size) != page->slots[slot].sum
                 : !poison_intact(object, size, POISON_FREE))
        return false;
    return poison_intact(object + size, slab->stride - size, POISON_REDZONE);
}

size_t guard_asked(const struct slab_page *page, size_t slot)
{
    return page->slots[slot].asked;
}

#endif
