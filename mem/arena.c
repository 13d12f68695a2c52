/*
 * arena.c - memory borrowed from the host, found again by address
 *
 * An arena begins with a struct arena and one struct page for each of its
 * pages; what follows is handed out. Arenas come in any number, at any page
 * address and of any whole number of pages, so that the one an address lies in
 * is looked up in a tree: a treap, whose shape is that of a binary search tree
 * built in the order of the nodes' priorities. With a hash of the address for
 * priority that order is as good as random, and the depth O(log n).
 *
 *      | arena | page 0, 1 ... | extra |  pad  | page | page | ... | page |
 *      |<------------ head_pages ------------->|
 */
#include "mem.h"
#include "memfn.h"

#define SMALL_ARENA ((size_t)128 << 10)
#define PLENTY ((size_t)64 << 20)
#define PAGES_MAX UINT32_MAX    /* of an arena; struct page counts in 32 bits */

static uint64_t priority(const struct arena *arena)
{
    return ((uint64_t)(uintptr_t)arena >> PAGE_BITS_MAX) * 0x9e3779b97f4a7c15u;
}

static bool before(const struct arena *a, const struct arena *b)
{
    return (uintptr_t)a < (uintptr_t)b;
}

/* Bytes at the head of an arena of PAGES pages, before EXTRA. */
static size_t descriptor_bytes(size_t pages)
{
    size_t bytes = sizeof(struct arena) + pages * sizeof(struct page);

    return (bytes + 63) & ~(size_t)63;
}

size_t arena_bytes_for(size_t pages, size_t extra, unsigned page_bits)
{
    size_t page = (size_t)1 << page_bits;
    size_t fixed = sizeof(struct arena) + 63 + extra + page;
    size_t total;

    /* Each page costs itself and a descriptor. */
    if (pages > (SIZE_MAX / 2 - fixed) >> page_bits)
        return 0;
    total = (fixed + (pages << page_bits)) / (page - sizeof(struct page)) + 1;
    if (total > PAGES_MAX)
        return 0;
    return ((total << page_bits) + SHALE_PAGE_SIZE - 1) &
           ~(size_t)(SHALE_PAGE_SIZE - 1);
}

struct arena *arena_init(void *base, size_t lent, size_t most, size_t extra,
                         unsigned page_bits)
{
    struct arena *arena = base;
    size_t page = (size_t)1 << page_bits;
    size_t pages = (lent < most ? lent : most) >> page_bits;
    size_t head;

    if (pages > PAGES_MAX)
        pages = PAGES_MAX;
    head = descriptor_bytes(pages) + extra;
    memset(arena, 0, sizeof *arena);
    arena->lent = lent;
    arena->page_count = pages;
    arena->page_bits = page_bits;
    arena->head_pages = (head + page - 1) >> page_bits;
    for (size_t i = 0; i < pages; i++)
        arena->pages[i] = (struct page){ .index = (uint32_t)i,
                                         .state = PAGE_INSIDE };
    arena->pages[0].state = PAGE_HEAD;
    arena->pages[0].u.run.pages = arena->head_pages;
    return arena;
}

void *arena_extra(struct arena *arena)
{
    return (uint8_t *)arena + descriptor_bytes(arena->page_count);
}

void arena_insert(struct arena **root, struct arena *arena)
{
    struct arena **at = root, **left, **right;
    struct arena *rest;

    while (*at && priority(*at) >= priority(arena))
        at = before(arena, *at) ? &(*at)->left : &(*at)->right;

    /* Take the place of this subtree, and divide it by address. */
    rest = *at;
    *at = arena;
    left = &arena->left;
    right = &arena->right;
    while (rest) {
        if (before(rest, arena)) {
            *left = rest;
            left = &rest->right;
            rest = *left;
        } else {
            *right = rest;
            right = &rest->left;
            rest = *right;
        }
    }
    *left = NULL;
    *right = NULL;
}

void arena_remove(struct arena **root, struct arena *arena)
{
    struct arena **at = root;
    struct arena *left = arena->left, *right = arena->right;

    while (*at != arena)
        at = before(arena, *at) ? &(*at)->left : &(*at)->right;

    /* Its two subtrees become one, the higher priority on top. */
    while (left && right) {
        if (priority(left) >= priority(right)) {
            *at = left;
            at = &left->right;
            left = *at;
        } else {
            *at = right;
            at = &right->left;
            right = *at;
        }
    }
    *at = left ? left : right;
}

struct arena *arena_find(struct arena *root, const void *address)
{
    uintptr_t wanted = (uintptr_t)address;

    while (root) {
        uintptr_t base = (uintptr_t)root;

        if (wanted < base)
            root = root->left;
        else if ((wanted - base) >> root->page_bits < root->page_count)
            return root;
        else
            root = root->right;
    }
    return NULL;
}

struct arena *arena_next(struct arena *root, const struct arena *after)
{
    struct arena *best = NULL;

    while (root) {
        if (before(after, root)) {
            best = root;
            root = root->left;
        } else {
            root = root->right;
        }
    }
    return best;
}

/* ------------------------------------------- the arena that a kernel lends */

static void *static_lend(struct shale_arena_source *source, size_t min,
                         size_t *size)
{
    struct shale_static_arena *arena = (struct shale_static_arena *)source;
    void *bytes = arena->bytes;

    if (!bytes || arena->size < min)
        return NULL;
    arena->bytes = NULL;
    *size = arena->size;
    return bytes;
}

static void static_give_back(struct shale_arena_source *source, void *bytes,
                             size_t size)
{
    struct shale_static_arena *arena = (struct shale_static_arena *)source;

    arena->bytes = bytes;
    arena->size = size;
}

void shale_static_arena_init(struct shale_static_arena *arena, void *bytes,
                             size_t size)
{
    size_t skip = -(uintptr_t)bytes & (SHALE_PAGE_SIZE - 1);

    arena->source.lend = static_lend;
    arena->source.give_back = static_give_back;
    arena->bytes = NULL;
    arena->size = 0;
    arena->source.page_size = 0;
    arena->source.is_plenty = size >= PLENTY;
    if (size < skip || size - skip < SHALE_PAGE_SIZE)
        return;                 /* not one whole page in it: lends nothing */
    arena->bytes = (uint8_t *)bytes + skip;
    arena->size = (size - skip) & ~(size_t)(SHALE_PAGE_SIZE - 1);
    if (arena->size <= SMALL_ARENA)
        arena->source.page_size = SHALE_PAGE_SIZE_MIN;
}
