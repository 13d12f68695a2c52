/*
 * slab.c - equal objects, allocated and freed in constant time
 *
 *   1. A slab page is 2^K pages aligned to their size: a header, one slot
 *      number for each object, then the objects.
 *   2. Free objects form a list of slot numbers in the header, not in the
 *      objects: a constructed object keeps every byte while it is free.
 *   3. An object's page is its address rounded down: nothing is searched.
 *   4. One page is current, and what is allocated comes from it; so most calls
 *      touch no list. The others are in three doubly linked ones, of partial,
 *      full and empty pages. When the current page is full the first partial
 *      one follows it, else an empty one, else a new one. One page may be
 *      empty, the current one included; others go at once.
 *
 *      | header | slot 0 1 ... n-1 | pad | object 0 | ... | object n-1 |
 *      |<----------- first ------------->|<-stride->|
 *
 * K is the smallest for which no more than an eighth of a page is not objects,
 * or where memory is plenty a 32nd, as far as that is to be had within 8 times
 * the smallest page that holds one. Where pages are small, so that little
 * memory is enough, it is that one.
 *
 * Debug builds watch every step through guard.c. Callers meet magazine.h first,
 * and come here when nothing is at hand.
 */
#include "lock.h"
#include "magazine.h"
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

/* ------------------------------------------------- objects that are pages */

/* Is SLAB the class of whole pages, which has no slab pages? */
static bool is_of_pages(const struct shale_slab *slab)
{
    return CLASS_OF_PAGES && slab->capacity == 0;
}

static void *page_take(struct shale_slab *slab)
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

static void page_put(struct shale_slab *slab, void *page)
{
    slab->page_count--;
    slab->live--;
    pages_free(slab->mem, arena_find(slab->mem->arenas, page), page);
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

/* Give back all of LIST; returns the bytes. Drops the lock. */
static size_t list_drop(struct shale_slab *slab, struct slab_page **list)
{
    struct slab_page *page;
    size_t bytes = 0;

    while ((page = *list)) {
        list_remove(list, page);
        page_drop(slab, page);
        bytes += slab->page_bytes;
    }
    return bytes;
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

size_t slab_spare_drop(struct shale_slab *slab)
{
    if (slab->current && slab->current->live == 0)
        current_settle(slab);
    return list_drop(slab, &slab->empty);
}

/* What is at hand of SLAB goes back to its pages. Drops the lock. */
static size_t hand_drop(struct shale_slab *slab)
{
    return slab->mem->magazines ? slab->mem->magazines->ops->drain(slab) : 0;
}

bool slab_reclaim(struct shale_mem *mem)
{
    size_t found = 0;

    if (mem->magazines)
        mem->magazines->ops->recall(mem);
    /* Without a destructor, none of this drops the lock. */
    for (size_t i = 0; i < mem->class_count; i++)
        found += hand_drop(&mem->classes[i]);
    for (struct shale_slab *slab = mem->slabs; slab; slab = slab->next) {
        if (!slab->config.destruct)
            found += hand_drop(slab) + slab_spare_drop(slab);
    }
    for (size_t i = 0; i < mem->class_count; i++)
        found += slab_spare_drop(&mem->classes[i]);
    return found > 0;
}

/* ----------------------------------------------------------------- objects */

/*
 * The current page is full, or there is none: make one current that has a free
 * slot. NULL if no memory is left. Drops the lock.
 */
static struct slab_page *current_next(struct shale_slab *slab)
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

void *slab_take(struct shale_slab *slab, size_t asked)
{
    struct slab_page *page = slab->current;
    size_t slot;

    if (is_of_pages(slab))
        return page_take(slab);
    if (!page || page->free == SLOT_END)
        page = current_next(slab);
    if (!page) {
        slab->failures++;
        return NULL;
    }

    slot = page->free;
    guard_alloc(page, slot, asked);
    page->free = page->slots[slot].next;
    page->slots[slot].next = SLOT_LIVE;
    page->live++;
    if (++slab->live > slab->peak)
        slab->peak = slab->live;
    return slab_object(page, slot);
}

void *slab_alloc(struct shale_slab *slab, size_t asked)
{
    void *object = slab_take(slab, asked);

    if (object) {
        slab->allocs++;
        mem_count_alloc(slab->mem, asked);
    }
    return object;
}

/* PAGE, which is not current, was full, or is now empty. */
static void page_turn(struct shale_slab *slab, struct slab_page *page,
                      bool was_full)
{
    list_remove(was_full ? &slab->full : &slab->partial, page);
    list_add(page->live > 0 ? &slab->partial : &slab->empty, page);
}

/* Keep no more than one page that is empty. Drops the lock. */
static void empty_trim(struct shale_slab *slab)
{
    bool keep = !slab->current || slab->current->live > 0;

    while (slab->empty && (!keep || slab->empty->next)) {
        struct slab_page *page = slab->empty;

        list_remove(&slab->empty, page);
        page_drop(slab, page);
    }
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
static bool put(struct shale_slab *slab, void *object, size_t asked)
{
    uintptr_t within = (uintptr_t)object & (slab->page_bytes - 1);
    struct slab_page *page = (struct slab_page *)((uint8_t *)object - within);
    size_t slot = slot_at(slab, within - slab->first);
    bool was_full;

    if (is_of_pages(slab)) {
        page_put(slab, object);
        return false;
    }
    guard_free(slab, object, asked);
    was_full = page->free == SLOT_END;
    page->slots[slot].next = page->free;
    page->free = (uint16_t)slot;
    page->live--;
    slab->live--;
    if (page != slab->current && (was_full || page->live == 0))
        page_turn(slab, page, was_full);
    return page->live == 0;
}

void slab_put(struct shale_slab *slab, void *object, size_t asked)
{
    if (put(slab, object, asked) && slab->empty)
        empty_trim(slab);
}

void slab_put_held(struct shale_slab *slab, void *object)
{
    if (put(slab, object, 0) && slab->empty && !slab->config.destruct)
        empty_trim(slab);
}

void slab_free(struct shale_slab *slab, void *object, size_t asked)
{
    mem_count_free(slab->mem, asked);
    slab_put(slab, object, asked);
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
    current_settle(slab);
    list_drop(slab, &slab->full);
    list_drop(slab, &slab->partial);
    list_drop(slab, &slab->empty);
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
