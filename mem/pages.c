/*
 * pages.c - runs of pages, by the buddy method
 *
 *   1. A block is 2^K pages at a page number that is a multiple of 2^K. Page
 *      numbers are addresses / 4096, so that blocks are aligned in memory
 *      wherever their arena begins.
 *   2. Free blocks of order K form a doubly linked list through their first
 *      pages' descriptors. Bit K of a word says whether that list is empty.
 *   3. To take 2^K pages: the lowest bit not below K names a list; split its
 *      first block, putting back upper halves, until it has order K.
 *   4. To free a block: its buddy's number differs in bit K. If the buddy is
 *      a free block of order K too, unlink it and go on with the two as one.
 *
 * Nothing is searched: taking and freeing a block are O(log n). A run of any
 * other number of pages is what remains of the next larger block after freeing
 * its tail, and a freed run, like a new arena, is cut into the largest blocks
 * that alignment allows, at most two of each order. No two free buddies are
 * ever left apart.
 *
 * Adding an arena and retiring one are the only ways the pool grows and
 * shrinks. One arena with nothing in it is kept, so that a caller at the edge
 * doesn't borrow and return it in turns; a second one goes at once.
 */
#include "bits.h"
#include "lock.h"
#include "mem.h"

/* The smallest K for which 2^K is at least COUNT. */
static unsigned order_for(size_t count)
{
    return count < 2 ? 0 : 1 + bit_highest(count - 1);
}

static struct arena *arena_of(struct page *page)
{
    return (struct arena *)((uint8_t *)(page - page->index) -
                            offsetof(struct arena, pages));
}

/* ------------------------------------------------------------------ blocks */

static void list_add(struct shale_mem *mem, struct page *page, unsigned order)
{
    struct page *next = mem->free[order];

    page->state = PAGE_FREE;
    page->order = (uint8_t)order;
    page->u.list.prev = NULL;
    page->u.list.next = next;
    if (next)
        next->u.list.prev = page;
    mem->free[order] = page;
    mem->free_orders |= (uint64_t)1 << order;
}

/* Unlink a free block; its first page is now inside of something. */
static void list_remove(struct shale_mem *mem, struct page *page)
{
    struct page *prev = page->u.list.prev, *next = page->u.list.next;

    if (next)
        next->u.list.prev = prev;
    if (prev)
        prev->u.list.next = next;
    else
        mem->free[page->order] = next;
    if (!mem->free[page->order])
        mem->free_orders &= ~((uint64_t)1 << page->order);
    page->state = PAGE_INSIDE;
}

/* Free the 2^ORDER pages from INDEX on, merging while there is a buddy. */
static void block_free(struct shale_mem *mem, struct arena *arena, size_t index,
                       unsigned order)
{
    size_t base = (uintptr_t)arena >> arena->page_bits;

    for (; order + 1 < MEM_ORDERS; order++) {
        /* Below the arena, this wraps to more than it has pages. */
        size_t buddy = ((base + index) ^ (size_t)1 << order) - base;

        if (buddy >= arena->page_count ||
            arena->pages[buddy].state != PAGE_FREE ||
            arena->pages[buddy].order != order)
            break;
        list_remove(mem, &arena->pages[buddy]);
        if (buddy < index)
            index = buddy;
    }
    list_add(mem, &arena->pages[index], order);
}

/* Free the pages from FROM to before TO, in the largest blocks there are. */
static void range_free(struct shale_mem *mem, struct arena *arena, size_t from,
                       size_t to)
{
    size_t base = (uintptr_t)arena >> arena->page_bits;

    arena->free_pages += to - from;
    mem->free_pages += to - from;
    while (from < to) {
        unsigned aligned = bit_lowest(base + from);
        unsigned fits = bit_highest(to - from);
        unsigned order = aligned < fits ? aligned : fits;

        block_free(mem, arena, from, order);
        from += (size_t)1 << order;
    }
}

/* Unlink a block of 2^ORDER pages, or NULL if there is none so large. */
static struct page *block_take(struct shale_mem *mem, unsigned order)
{
    uint64_t fitting;
    struct page *page;
    unsigned have;

    if (order >= MEM_ORDERS)
        return NULL;
    fitting = mem->free_orders >> order << order;
    if (!fitting)
        return NULL;

    have = bit_lowest(fitting);
    page = mem->free[have];
    list_remove(mem, page);
    while (have > order) {
        have--;
        list_add(mem, page + ((size_t)1 << have), have);
    }
    return page;
}

/* -------------------------------------------------------------------- runs */

/* Make COUNT pages from INDEX on, which are in no list any more, a run. */
static void *run_start(struct arena *arena, size_t index, size_t count,
                       enum page_state state)
{
    struct page *page = &arena->pages[index];
    void *run = page_address(arena, index);

    page->state = (uint8_t)state;
    page->u.run.pages = count;
    page->u.run.asked = count << arena->page_bits;
    if (MEM_DEBUG) {
        mem_require(poison_intact(run, count << arena->page_bits, POISON_FREE),
                    "a free page was written to");
        poison_fresh(run, count << arena->page_bits);
    }
    return run;
}

/* Take a run from the pages that are free now; NULL if none is long enough. */
static void *take(struct shale_mem *mem, size_t count, unsigned align,
                  enum page_state state, struct arena **out)
{
    unsigned order = order_for(count);
    struct page *page;
    struct arena *arena;
    size_t whole;

    if (order < align)
        order = align;
    page = block_take(mem, order);
    if (!page)
        return NULL;

    arena = arena_of(page);
    if (mem->spare == arena)
        mem->spare = NULL;
    whole = (size_t)1 << order;
    arena->free_pages -= whole;
    mem->free_pages -= whole;
    range_free(mem, arena, page->index + count, page->index + whole);
    *out = arena;
    return run_start(arena, page->index, count, state);
}

void pages_add_arena(struct shale_mem *mem, struct arena *arena, size_t from,
                     size_t to)
{
    arena_insert(&mem->arenas, arena);
    mem->total_pages += arena->page_count;
    if (MEM_DEBUG)
        poison_close(page_address(arena, arena->head_pages),
                     (arena->page_count - arena->head_pages)
                         << arena->page_bits,
                     POISON_FREE);
    range_free(mem, arena, arena->head_pages, from);
    range_free(mem, arena, to, arena->page_count);
}

/* Forget ARENA, all of whose pages are free; mem_unlock() gives it back. */
static void retire(struct shale_mem *mem, struct arena *arena)
{
    size_t index = arena->head_pages;

    while (index < arena->page_count) {
        struct page *page = &arena->pages[index];

        list_remove(mem, page);
        index += (size_t)1 << page->order;
    }
    arena_remove(&mem->arenas, arena);
    mem->total_pages -= arena->page_count;
    mem->free_pages -= arena->free_pages;
    arena->next_gone = mem->gone;
    mem->gone = arena;
}

void pages_drop_spare(struct shale_mem *mem)
{
    if (mem->spare)
        retire(mem, mem->spare);
    mem->spare = NULL;
}

/*
 * Borrow an arena with room for the run, and take the run from it before
 * anybody else can. The budget is charged before the lock is dropped, so that
 * two threads growing at once don't exceed it together. What the source lends
 * beyond the budget is left untouched.
 */
static void *grow(struct shale_mem *mem, size_t count, unsigned align,
                  enum page_state state, struct arena **out)
{
    size_t slack = ((size_t)1 << align) - 1;
    size_t min = arena_bytes_for(count + slack, 0, mem->page_bits);
    size_t lent = 0, most, frame, index;
    struct arena *arena;
    void *base;

    if (min == 0 || (mem->budget && min > mem->budget - mem->borrowed))
        return NULL;
    mem->borrowed += min;
    lock_release(mem->locks, mem->lock);
    base = mem->source->lend(mem->source, min, &lent);
    lock_exclusive(mem->locks, mem->lock);
    mem->borrowed -= min;
    if (!base)
        return NULL;
    mem_require(lent >= min && (uintptr_t)base % SHALE_PAGE_SIZE == 0,
                "the source lent less than was asked for");

    most = mem->budget ? mem->budget - mem->borrowed : SIZE_MAX;
    arena = arena_init(base, lent, most, 0, mem->page_bits);
    mem->borrowed += arena->page_count << mem->page_bits;

    /* The first suitable page: less than SLACK pages are skipped. */
    frame = ((uintptr_t)base >> mem->page_bits) + arena->head_pages;
    index = arena->head_pages + (-frame & slack);
    pages_add_arena(mem, arena, index, index + count);
    *out = arena;
    return run_start(arena, index, count, state);
}

/* RUN has been taken. Were there ever as many? */
static void *run_counted(struct shale_mem *mem, void *run)
{
    size_t used = mem->total_pages - mem->free_pages;

    if (used > mem->used_peak)
        mem->used_peak = used;
    if (mem->borrowed > mem->borrowed_peak)
        mem->borrowed_peak = mem->borrowed;
    return run;
}

void *pages_alloc(struct shale_mem *mem, size_t count, unsigned align,
                  enum page_state state, struct arena **out)
{
    void *run = take(mem, count, align, state, out);

    if (!run)
        run = grow(mem, count, align, state, out);
    if (run)
        return run_counted(mem, run);

    /*
     * Last resort: what is kept only to be fast; and what others have borrowed
     * while we asked the source in vain.
     */
    slab_reclaim(mem);
    run = take(mem, count, align, state, out);
    if (!run && mem->spare) {
        pages_drop_spare(mem);
        mem_unlock(mem);
        mem_lock(mem);
        run = grow(mem, count, align, state, out);
    }
    return run_counted(mem, run);
}

void pages_free(struct shale_mem *mem, struct arena *arena, void *run)
{
    size_t index = page_index(arena, run);
    size_t count = arena->pages[index].u.run.pages;

    if (MEM_DEBUG)
        poison_close(run, count << mem->page_bits, POISON_FREE);
    arena->pages[index].state = PAGE_INSIDE;
    range_free(mem, arena, index, index + count);

    if (arena == mem->first || !mem->source->give_back ||
        arena->free_pages < arena->page_count - arena->head_pages)
        return;
    if (mem->spare)
        retire(mem, arena);
    else
        mem->spare = arena;
}
