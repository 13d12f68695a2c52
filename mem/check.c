/*
 * check.c - shale_mem_check: every invariant, walked and compared
 *
 *   (1) Blocks and runs follow each other through an arena without a gap, and
 *       no two free buddies are left apart.
 *   (2) The free lists hold the free blocks, each one once, under its order.
 *   (3) Each slab page is aligned, is in the list that its count of live
 *       objects asks for if it is not the current one, and every slot is
 *       either live or free, once.
 *   (4) All totals are the sums of their parts.
 *   (5) Debug builds: poison, redzones and sums are as they were left.
 *
 * Pointers found on the way are looked up before they are followed, so that
 * damage is reported and not stepped into. Other threads may have borrowed an
 * arena or taken a slab page that they have not linked yet: those two totals
 * are bounds, and all others equalities.
 */
#include "mem.h"

/* What is counted on the walk. */
struct tally {
    size_t pages, free_pages;
    size_t blocks[MEM_ORDERS];  /* free ones */
    size_t slab_blocks;         /* by descriptors */
    size_t listed_slabs;        /* by the slabs' lists */
    size_t live;                /* bytes */
};

/* ------------------------------------------------------- arenas and blocks */

/* Is PAGE a descriptor in one of MEM's arenas? */
static bool is_page(struct shale_mem *mem, const struct page *page)
{
    struct arena *arena = arena_find(mem->arenas, page);
    uintptr_t offset;

    if (!arena || (uintptr_t)page < (uintptr_t)arena->pages)
        return false;
    offset = (uintptr_t)page - (uintptr_t)arena->pages;
    return offset % sizeof *page == 0 &&
           offset / sizeof *page < arena->page_count;
}

static const char *check_free(struct shale_mem *mem, struct arena *arena,
                              struct page *page)
{
    size_t base = (uintptr_t)arena >> arena->page_bits;
    size_t count, buddy;
    const struct page *prev = page->u.list.prev, *next = page->u.list.next;

    if (page->order >= MEM_ORDERS)
        return "a free block has an impossible order";
    count = (size_t)1 << page->order;
    if (((base + page->index) & (count - 1)) != 0)
        return "a free block is not aligned to its size";
    if (count > arena->page_count - page->index)
        return "a free block runs past the end of its arena";

    buddy = ((base + page->index) ^ count) - base;
    if (buddy < arena->page_count &&
        arena->pages[buddy].state == PAGE_FREE &&
        arena->pages[buddy].order == page->order)
        return "two free buddies are not merged";

    if (prev ? !is_page(mem, prev) || prev->u.list.next != page
             : mem->free[page->order] != page)
        return "a free block is not in its list";
    if (next && (!is_page(mem, next) || next->u.list.prev != page))
        return "a free list is broken";
    if (MEM_DEBUG && !poison_intact(page_address(arena, page->index),
                                    count << arena->page_bits, POISON_FREE))
        return "a free page was written to";
    return NULL;
}

static const char *check_run(struct arena *arena, const struct page *page)
{
    size_t bytes;

    if (page->u.run.pages == 0 ||
        page->u.run.pages > arena->page_count - page->index)
        return "a run of pages runs past the end of its arena";
    bytes = page->u.run.pages << arena->page_bits;
    if (page->state == PAGE_RUN &&
        (page->u.run.asked > bytes ||
         bytes - page->u.run.asked >= (size_t)1 << arena->page_bits))
        return "a run of pages is not as long as what was asked for";
    if (MEM_DEBUG && page->state == PAGE_RUN &&
        !poison_intact((uint8_t *)page_address(arena, page->index) +
                           page->u.run.asked,
                       bytes - page->u.run.asked, POISON_REDZONE))
        return "written past the end of pages";
    return NULL;
}

static const char *check_arena(struct shale_mem *mem, struct arena *arena,
                               struct tally *tally)
{
    size_t free_pages = 0;

    for (size_t index = 0, end; index < arena->page_count; index = end) {
        struct page *page = &arena->pages[index];
        const char *wrong;

        if (page->index != index)
            return "a page's descriptor has another page's number";
        if ((page->state == PAGE_HEAD) != (index == 0) ||
            page->state == PAGE_INSIDE || page->state > PAGE_HEAD)
            return "a page belongs to nothing";

        if (page->state == PAGE_FREE) {
            wrong = check_free(mem, arena, page);
            if (wrong)
                return wrong;
            end = index + ((size_t)1 << page->order);
            free_pages += end - index;
            tally->blocks[page->order]++;
        } else {
            wrong = check_run(arena, page);
            if (wrong)
                return wrong;
            end = index + page->u.run.pages;
            if (page->state == PAGE_RUN)
                tally->live += page->u.run.asked;
            if (page->state == PAGE_SLAB)
                tally->slab_blocks++;
        }
        for (size_t i = index + 1; i < end; i++) {
            if (arena->pages[i].state != PAGE_INSIDE)
                return "two blocks of pages overlap";
        }
    }
    if (free_pages != arena->free_pages)
        return "an arena's count of free pages is wrong";
    tally->pages += arena->page_count;
    tally->free_pages += free_pages;
    return NULL;
}

/*
 * check_free() has seen that every block is linked to its neighbours; now the
 * lists must have as many blocks as the arenas, to hold those and no others.
 */
static const char *check_free_lists(struct shale_mem *mem,
                                    const struct tally *tally)
{
    for (unsigned order = 0; order < MEM_ORDERS; order++) {
        const struct page *page = mem->free[order];
        size_t left = tally->blocks[order];

        if ((mem->free_orders >> order & 1) != (page != NULL))
            return "the map of free lists is wrong";
        for (; page; page = page->u.list.next) {
            if (left-- == 0 || !is_page(mem, page) ||
                page->state != PAGE_FREE || page->order != order)
                return "a free list holds what is not free";
        }
        if (left > 0)
            return "a free list is cut short";
    }
    return NULL;
}

/* ------------------------------------------------------------------- slabs */

static const char *check_slots(const struct shale_slab *slab,
                               struct slab_page *page, struct tally *tally)
{
    size_t live = 0, free = 0;

    for (size_t slot = 0; slot < slab->capacity; slot++) {
        bool is_live = page->slots[slot].next == SLOT_LIVE;

        live += is_live;
        if (!guard_sound(page, slot))
            return is_live ? "written past the end of an object"
                           : "a free object was written to";
        if (is_live)
            tally->live += guard_asked(page, slot);
    }
    for (size_t slot = page->free; slot != SLOT_END;
         slot = page->slots[slot].next) {
        /* Meeting a slot twice means going round until FREE is too high. */
        if (slot >= slab->capacity || free++ == slab->capacity)
            return "a slab page's list of free objects is broken";
    }
    if (live != page->live || live + free != slab->capacity)
        return "a slab page's count of live objects is wrong";
    if (MEM_DEBUG && !poison_intact((uint8_t *)page + slab->first -
                                        REDZONE_SIZE,
                                    REDZONE_SIZE, POISON_REDZONE))
        return "written before the start of an object";
    return NULL;
}

/* A page on its own. */
static const char *check_slab_page(struct shale_slab *slab,
                                   struct slab_page *page, size_t *pages,
                                   size_t *live, struct tally *tally)
{
    struct arena *arena = arena_find(slab->mem->arenas, page);
    const struct page *block;

    if (!arena || ((uintptr_t)page & (slab->page_bytes - 1)) != 0)
        return "a slab's list holds what is not a slab page";
    block = &arena->pages[page_index(arena, page)];
    if (block->state != PAGE_SLAB ||
        block->u.run.pages != (size_t)1 << slab->order)
        return "a slab's list holds what is not a slab page";
    if (page->slab != slab || page->arena != arena)
        return "a slab page belongs to another slab";
    if (++*pages > slab->page_count)
        return "a slab's list is longer than its count of pages";
    *live += page->live;
    return check_slots(slab, page, tally);
}

/* One of the three lists: pages with LEAST to MOST live objects. */
static const char *check_list(struct shale_slab *slab, struct slab_page *page,
                              size_t least, size_t most, size_t *pages,
                              size_t *live, struct tally *tally)
{
    struct slab_page *prev = NULL;

    for (; page; prev = page, page = page->next) {
        const char *wrong = check_slab_page(slab, page, pages, live, tally);

        if (wrong)
            return wrong;
        if (page->prev != prev)
            return "a slab's list is broken";
        if (page->live < least || page->live > most)
            return "a slab page is in the wrong list";
    }
    return NULL;
}

static const char *check_slab(struct shale_slab *slab, struct tally *tally)
{
    size_t pages = 0, live = 0;
    const char *wrong = NULL;

    if (slab->capacity == 0)
        return slab->live == slab->page_count && slab->live <= slab->peak
                   ? NULL : "a count of pages is wrong";
    if (slab->current)
        wrong = check_slab_page(slab, slab->current, &pages, &live, tally);
    if (wrong)
        return wrong;
    wrong = check_list(slab, slab->empty, 0, 0, &pages, &live, tally);
    if (wrong)
        return wrong;
    wrong = check_list(slab, slab->partial, 1, slab->capacity - 1, &pages,
                       &live, tally);
    if (wrong)
        return wrong;
    wrong = check_list(slab, slab->full, slab->capacity, slab->capacity,
                       &pages, &live, tally);
    if (wrong)
        return wrong;
    if (pages != slab->page_count)
        return "a slab's count of pages is wrong";
    if (live != slab->live || live > slab->peak)
        return "a slab's count of live objects is wrong";
    tally->listed_slabs += pages;
    return NULL;
}

/* ---------------------------------------------------------- all of it */

static const char *check_all(struct shale_mem *mem, struct tally *tally)
{
    const char *wrong;

    for (struct arena *arena = arena_next(mem->arenas, NULL); arena;
         arena = arena_next(mem->arenas, arena)) {
        wrong = check_arena(mem, arena, tally);
        if (wrong)
            return wrong;
    }
    wrong = check_free_lists(mem, tally);
    if (wrong)
        return wrong;

    for (struct shale_slab *slab = mem->slabs; slab; slab = slab->next) {
        wrong = check_slab(slab, tally);
        if (wrong)
            return wrong;
    }
    for (size_t i = 0; i < mem->class_count; i++) {
        wrong = check_slab(&mem->classes[i], tally);
        if (wrong)
            return wrong;
    }

    if (tally->pages != mem->total_pages ||
        tally->free_pages != mem->free_pages)
        return "the pool's count of pages is wrong";
    if (tally->pages > mem->borrowed >> mem->page_bits ||
        (mem->budget && mem->borrowed > mem->budget))
        return "more is borrowed than was accounted for";
    if (tally->listed_slabs > tally->slab_blocks)
        return "there are more slab pages than were taken";
    if (MEM_DEBUG && tally->live != mem->live)
        return "the count of live bytes is wrong";
    if (mem->live > mem->peak && !mem->magazines)
        return "more bytes are live than ever were";
    return NULL;
}

const char *shale_mem_check(struct shale_mem *mem)
{
    struct tally tally = { 0 };
    const char *wrong;

    mem_lock(mem);
    wrong = check_all(mem, &tally);
    mem_unlock(mem);
    return wrong;
}
