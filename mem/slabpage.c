/*
 * slabpage.c - the pages of a slab: laid out, fetched, listed, given back
 *
 *   1. A slab page is 2^K pages aligned to their size: a header, one slot
 *      number for each object, then the objects.
 *   2. One page is current, and what is allocated comes from it. The others are
 *      in three doubly linked lists, of partial, full and empty pages. When the
 *      current page is full the first partial one follows it, else an empty
 *      one, else a new one.
 *   3. One page may be empty, the current one included; others go at once.
 *
 *      | header | slot 0 1 ... n-1 | pad | object 0 | ... | object n-1 |
 *      |<----------- first ------------->|<-stride->|
 *
 * K is the smallest for which no more than an eighth of a page is not objects,
 * or where memory is plenty a 32nd, as far as that is to be had within 8 times
 * the smallest page that holds one. Where pages are small, so that little
 * memory is enough, it is that one.
 *
 * Debug builds watch every page come and go through guard.c.
 */
#include "mem.h"
#include "memfn.h"

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
    size_t parts = mem->source->is_plenty ? 32 : 8;

    memset(slab, 0, sizeof *slab);
    slab->mem = mem;
    slab->config = *config;
    if (slab->config.align == 0 || (MEM_DEBUG && slab->config.align < 16))
        slab->config.align = 16;
    slab->stride = round_up(config->size + REDZONE_SIZE, slab->config.align);
    slab->slots_per_4g = UINT32_MAX / slab->stride + (uint64_t)1;
    slab->page_bytes = CLASS_MAX;
    if (CLASS_OF_PAGES && mem->class_count == CLASS_COUNT &&
        slab == &mem->classes[CLASS_COUNT - 1])
        return;

    while (!layout(slab, order))
        order++;
    most = order + (mem->page_bits == PAGE_BITS_MAX ? 3 : 0);
    while (order < most && slab->capacity < 64 &&
           (slab->page_bytes - slab->capacity * slab->stride) * parts >
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

/* A new page, in no list; or NULL. Drops the lock. */
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

/* Give back all of LIST. Drops the lock. */
static void list_drop(struct shale_slab *slab, struct slab_page **list)
{
    struct slab_page *page;

    while ((page = *list)) {
        list_remove(list, page);
        page_drop(slab, page);
    }
}

/* Put the current page into the list that it belongs to. */
static void current_settle(struct shale_slab *slab)
{
    struct slab_page *page = slab->current;

    slab->current = NULL;
    if (page)
        list_add(page->free == SLOT_END ? &slab->full :
                 page->live > 0         ? &slab->partial :
                                          &slab->empty, page);
}

void slab_spare_drop(struct shale_slab *slab)
{
    if (slab->current && slab->current->live == 0)
        current_settle(slab);
    list_drop(slab, &slab->empty);
}

void slab_pages_drop(struct shale_slab *slab)
{
    current_settle(slab);
    list_drop(slab, &slab->full);
    list_drop(slab, &slab->partial);
    list_drop(slab, &slab->empty);
}

struct slab_page *slab_page_next(struct shale_slab *slab)
{
    struct slab_page *page, **list;

    current_settle(slab);
    if (!slab->partial && !slab->empty) {
        page = page_add(slab);
        if (page)
            list_add(&slab->empty, page);
        /* Others have come meanwhile, or what was at hand has come back. */
        if (slab->current && slab->current->free != SLOT_END)
            return slab->current;
        current_settle(slab);
    }
    list = slab->partial ? &slab->partial : &slab->empty;
    page = *list;
    if (page)
        list_remove(list, page);
    slab->current = page;
    return page;
}

void slab_page_turn(struct shale_slab *slab, struct slab_page *page,
                    bool was_full)
{
    list_remove(was_full ? &slab->full : &slab->partial, page);
    list_add(page->live > 0 ? &slab->partial : &slab->empty, page);
}

void slab_pages_trim(struct shale_slab *slab)
{
    bool keep = !slab->current || slab->current->live > 0;

    while (slab->empty && (!keep || slab->empty->next)) {
        struct slab_page *page = slab->empty;

        list_remove(&slab->empty, page);
        page_drop(slab, page);
    }
}

/* ------------------------------------------------- objects that are pages */

void *slab_whole_take(struct shale_slab *slab)
{
    struct arena *arena;
    void *page = pages_alloc(slab->mem, 1, 0, PAGE_RUN, &arena);

    if (!page) {
        slab->failures++;
        return NULL;
    }
    slab->page_count++;
    if (++slab->live > slab->peak)
        slab->peak = slab->live;
    return page;
}

void slab_whole_put(struct shale_slab *slab, void *page)
{
    slab->page_count--;
    slab->live--;
    pages_free(slab->mem, arena_find(slab->mem->arenas, page), page);
}
