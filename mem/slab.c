/*
 * slab.c - equal objects, allocated and freed in constant time
 *
 *   1. A slab page is 2^K pages aligned to their size: a header, one slot
 *      number for each object, then the objects.
 *   2. Free objects form a list of slot numbers in the header, not in the
 *      objects: a constructed object keeps every byte while it is free.
 *   3. An object's page is its address rounded down: nothing is searched.
 *   4. A page is in one of three doubly linked lists, partial, full or empty.
 *      An allocation takes from the first partial page, else from an empty
 *      one, else from a new one. One empty page is kept, others go at once.
 *
 *      | header | slot 0 1 ... n-1 | pad | object 0 | ... | object n-1 |
 *      |<----------- first ------------->|<-stride->|
 *
 * K is the smallest for which no more than an eighth of a page is not objects,
 * as far as that is to be had within 8 times the smallest page that holds one.
 * Where pages are small, so that little memory is enough, it is that one.
 *
 * Debug builds watch every step through guard.c.
 */
#include "lock.h"
#include "mem.h"
#include "memfn.h"

#define SLAB_OBJECT_MAX ((size_t)1 << 24)

static size_t round_up(size_t bytes, size_t to)
{
    return (bytes + to - 1) & ~(to - 1);
}

/* ----------------------------------------------------------- the page lists */

static void list_add(struct slab_page **list, struct slab_page *page)
{
    page->prev = NULL;
    page->next = *list;
    if (*list)
        (*list)->prev = page;
    *list = page;
}

static void list_remove(struct slab_page **list, struct slab_page *page)
{
    if (page->next)
        page->next->prev = page->prev;
    if (page->prev)
        page->prev->next = page->next;
    else
        *list = page->next;
}

/* ------------------------------------------------------------------ layout */

/* Lay out a page of 2^ORDER pages; false if it doesn't hold one object. */
static bool layout(struct shale_slab *slab, unsigned order)
{
    size_t bytes = (size_t)1 << (slab->mem->page_bits + order);
    size_t align = slab->config.align;
    size_t count = (bytes - sizeof(struct slab_page)) /
                   (slab->stride + sizeof(struct slab_slot));

    if (count > SLOT_MAX)
        count = SLOT_MAX;
    for (; count > 0; count--) {
        size_t head =
            sizeof(struct slab_page) + count * sizeof(struct slab_slot);

        slab->first = round_up(head + REDZONE_SIZE, align);
        if (slab->first + count * slab->stride <= bytes)
            break;
    }
    slab->order = order;
    slab->page_bytes = bytes;
    slab->capacity = (unsigned)count;
    return count > 0 && bytes >= align;
}

void slab_init(struct shale_slab *slab, struct shale_mem *mem,
               const struct shale_slab_config *config)
{
    unsigned order = 0, most;

    memset(slab, 0, sizeof *slab);
    slab->mem = mem;
    slab->config = *config;
    if (slab->config.align == 0 || (MEM_DEBUG && slab->config.align < 16))
        slab->config.align = 16;
    slab->stride = round_up(config->size + REDZONE_SIZE, slab->config.align);

    while (!layout(slab, order))
        order++;
    most = order + (mem->page_bits == PAGE_BITS_MAX ? 3 : 0);
    while (order < most && slab->capacity < 64 &&
           (slab->page_bytes - slab->capacity * slab->stride) * 8 >
               slab->page_bytes)
        layout(slab, ++order);
}

/* ------------------------------------------------------------------- pages */

static void destruct(const struct shale_slab *slab, struct slab_page *page,
                     size_t count)
{
    if (!slab->config.destruct)
        return;
    for (size_t slot = 0; slot < count; slot++)
        slab->config.destruct(slab_object(page, slot), slab->config.arg);
}

/* Construct every object of a new page. Called without the lock. */
static bool construct(const struct shale_slab *slab, struct slab_page *page)
{
    for (size_t slot = 0; slot < slab->capacity; slot++) {
        if (slab->config.construct(slab_object(page, slot), slab->config.arg)) {
            destruct(slab, page, slot);
            return false;
        }
    }
    return true;
}

/* Add an empty page, or return NULL. Drops the lock. */
static struct slab_page *page_add(struct shale_slab *slab)
{
    struct shale_mem *mem = slab->mem;
    struct arena *arena;
    struct slab_page *page = pages_alloc(mem, (size_t)1 << slab->order,
                                         slab->order, PAGE_SLAB, &arena);
    bool sound = true;

    if (!page)
        return NULL;
    page->slab = slab;
    page->arena = arena;
    page->live = 0;
    page->free = 0;
    for (unsigned slot = 0; slot < slab->capacity; slot++)
        page->slots[slot].next = (uint16_t)(slot + 1);
    page->slots[slab->capacity - 1].next = SLOT_END;

    if (slab->config.construct) {
        mem_unlock(mem);
        sound = construct(slab, page);
        mem_lock(mem);
    }
    if (!sound) {
        pages_free(mem, arena, page);
        return NULL;
    }
    guard_page(page);
    list_add(&slab->empty, page);
    slab->empty_count++;
    slab->page_count++;
    return page;
}

/* Give back PAGE, which is in no list. Drops the lock to run destructors. */
static void page_drop(struct shale_slab *slab, struct slab_page *page)
{
    struct shale_mem *mem = slab->mem;

    slab->page_count--;
    guard_page_end(page);
    if (slab->config.destruct) {
        mem_unlock(mem);
        destruct(slab, page, slab->capacity);
        mem_lock(mem);
    }
    pages_free(mem, page->arena, page);
}

/* Give back all of LIST; returns the bytes. Drops the lock. */
static size_t list_drop(struct shale_slab *slab, struct slab_page **list)
{
    struct slab_page *page;
    size_t bytes = 0;

    while ((page = *list)) {
        list_remove(list, page);
        if (page->live == 0)
            slab->empty_count--;
        page_drop(slab, page);
        bytes += slab->page_bytes;
    }
    return bytes;
}

bool slab_reclaim(struct shale_mem *mem)
{
    size_t bytes = 0;

    /* Without a destructor, list_drop() doesn't drop the lock. */
    for (size_t i = 0; i < CLASS_COUNT; i++)
        bytes += list_drop(&mem->classes[i], &mem->classes[i].empty);
    for (struct shale_slab *slab = mem->slabs; slab; slab = slab->next) {
        if (!slab->config.destruct)
            bytes += list_drop(slab, &slab->empty);
    }
    return bytes > 0;
}

/* ----------------------------------------------------------------- objects */

void *slab_alloc(struct shale_slab *slab, size_t asked)
{
    struct slab_page *page = slab->partial;
    size_t slot;

    if (!page)
        page = slab->empty;
    if (!page)
        page = page_add(slab);
    if (!page) {
        slab->failures++;
        return NULL;
    }

    slot = page->free;
    guard_alloc(page, slot, asked);
    page->free = page->slots[slot].next;
    page->slots[slot].next = SLOT_LIVE;

    if (page->live == 0) {
        list_remove(&slab->empty, page);
        slab->empty_count--;
        list_add(page->free == SLOT_END ? &slab->full : &slab->partial, page);
    } else if (page->free == SLOT_END) {
        list_remove(&slab->partial, page);
        list_add(&slab->full, page);
    }
    page->live++;
    slab->allocs++;
    if (++slab->live > slab->peak)
        slab->peak = slab->live;
    mem_count_alloc(slab->mem, asked);
    return slab_object(page, slot);
}

void slab_free(struct shale_slab *slab, void *object, size_t asked)
{
    uintptr_t within = (uintptr_t)object & (slab->page_bytes - 1);
    struct slab_page *page = (struct slab_page *)((uint8_t *)object - within);
    uint32_t slot = (uint32_t)(within - slab->first) / (uint32_t)slab->stride;

    guard_free(slab, object, asked);
    page->live--;
    if (page->free == SLOT_END || page->live == 0)
        list_remove(page->free == SLOT_END ? &slab->full : &slab->partial,
                    page);
    if (page->live > 0 && page->free == SLOT_END)
        list_add(&slab->partial, page);
    page->slots[slot].next = page->free;
    page->free = (uint16_t)slot;
    slab->live--;
    mem_count_free(slab->mem, asked);

    if (page->live > 0)
        return;
    if (slab->empty_count > 0) {
        page_drop(slab, page);
    } else {
        list_add(&slab->empty, page);
        slab->empty_count++;
    }
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
    slab->next = mem->slabs;
    if (slab->next)
        slab->next->prev = slab;
    mem->slabs = slab;
    mem_unlock(mem);
    return slab;
}

size_t shale_slab_destroy(struct shale_slab *slab)
{
    struct shale_mem *mem;
    size_t live;

    if (!slab)
        return 0;
    mem = slab->mem;
    live = slab->live;
    mem_lock(mem);
    if (slab->next)
        slab->next->prev = slab->prev;
    if (slab->prev)
        slab->prev->next = slab->next;
    else
        mem->slabs = slab->next;
    mem_count_free(mem, live * slab->config.size);
    list_drop(slab, &slab->full);
    list_drop(slab, &slab->partial);
    list_drop(slab, &slab->empty);
    pages_drop_spare(mem);
    mem_unlock(mem);
    shale_free(mem, slab, sizeof *slab);
    return live;
}

void *shale_slab_alloc(struct shale_slab *slab)
{
    void *object;

    mem_lock(slab->mem);
    if (mem_fails_now(slab->mem)) {
        slab->failures++;
        object = NULL;
    } else {
        object = slab_alloc(slab, slab->config.size);
    }
    mem_unlock(slab->mem);
    return object;
}

void shale_slab_free(struct shale_slab *slab, void *object)
{
    if (!object)
        return;
    mem_lock(slab->mem);
    slab_free(slab, object, slab->config.size);
    mem_unlock(slab->mem);
}

size_t shale_slab_shrink(struct shale_slab *slab)
{
    size_t bytes;

    mem_lock(slab->mem);
    bytes = list_drop(slab, &slab->empty);
    pages_drop_spare(slab->mem);
    mem_unlock(slab->mem);
    return bytes;
}
