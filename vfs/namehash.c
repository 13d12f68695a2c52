/*
 * namehash.c - open addressing, with linear probing and bounds (namehash.h)
 *
 * What is removed leaves no gap, so a search may stop at the first free slot.
 */
#include "namehash.h"
#include "shale/mem.h"

#define FIRST_COUNT ((size_t)512)       /* slots of an empty table: a page */

struct slot {
    uint32_t hash;              /* 0: free */
    uint32_t position;
};

struct namehash {
    struct shale_mem *mem;
    struct namehash_budget *budget;
    struct slot *slots;
    size_t count;               /* slots: a power of two */
    size_t used;                /* ... that are taken */
};

/* FNV-1a, and the last step of MurmurHash3, for its low bits are better. */
uint32_t namehash_of(const void *name, size_t len)
{
    const uint8_t *byte = name;
    uint32_t hash = 0x811c9dc5u;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ byte[i]) * 0x01000193u;
    hash = (hash ^ hash >> 16) * 0x85ebca6bu;
    hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
    return hash ^ hash >> 16;
}

/* -------------------------------------------------------------- memory */

static bool budget_take(struct namehash_budget *budget, size_t bytes)
{
    size_t used = __atomic_load_n(&budget->used, __ATOMIC_RELAXED);

    do {
        if (bytes > budget->max - used)
            return false;
    } while (!__atomic_compare_exchange_n(&budget->used, &used, used + bytes,
                                          true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return true;
}

static void budget_give(struct namehash_budget *budget, size_t bytes)
{
    __atomic_sub_fetch(&budget->used, bytes, __ATOMIC_RELAXED);
}

/* COUNT free slots, or NULL. */
static struct slot *slots_alloc(struct namehash *table, size_t count)
{
    struct slot *slots;

    if (count > NAMEHASH_MAX / sizeof *slots ||
        !budget_take(table->budget, count * sizeof *slots))
        return NULL;
    slots = shale_alloc_array(table->mem, count, sizeof *slots);
    if (!slots)
        budget_give(table->budget, count * sizeof *slots);
    return slots;
}

static void slots_free(struct namehash *table, struct slot *slots,
                       size_t count)
{
    shale_free(table->mem, slots, count * sizeof *slots);
    budget_give(table->budget, count * sizeof *slots);
}

struct namehash *namehash_create(struct shale_mem *mem,
                                 struct namehash_budget *budget)
{
    struct namehash *table = shale_zalloc(mem, sizeof *table);

    if (!table)
        return NULL;
    table->mem = mem;
    table->budget = budget;
    table->count = FIRST_COUNT;
    table->slots = slots_alloc(table, table->count);
    if (!table->slots) {
        shale_free(mem, table, sizeof *table);
        return NULL;
    }
    return table;
}

void namehash_destroy(struct namehash *table)
{
    if (!table)
        return;
    slots_free(table, table->slots, table->count);
    shale_free(table->mem, table, sizeof *table);
}

/* --------------------------------------------------------------- slots */

/* The hash as it is kept. */
static uint32_t kept(uint32_t hash)
{
    return hash ? hash : 1;
}

/* Store ENTRY; there is a free slot. False if that would break a bound. */
static bool slot_fill(struct namehash *table, struct slot entry)
{
    size_t at = entry.hash & (table->count - 1);
    unsigned probes = 0, same = 0;

    while (table->slots[at].hash) {
        if (table->slots[at].hash == entry.hash)
            same++;
        if (++probes == NAMEHASH_PROBES || same == NAMEHASH_SAME)
            return false;
        at = (at + 1) & (table->count - 1);
    }
    table->slots[at] = entry;
    table->used++;
    return true;
}

/*
 * Double the slots. Entries with one hash have no free slot between them, so
 * from a free slot on, all the way round, they come in their order.
 */
static bool table_grow(struct namehash *table)
{
    struct slot *old = table->slots;
    size_t count = table->count, at = 0;
    struct slot *slots = slots_alloc(table, count * 2);
    bool fits = true;

    if (!slots)
        return false;
    table->slots = slots;
    table->count = count * 2;
    table->used = 0;
    while (old[at].hash)
        at++;
    for (size_t i = 0; i < count && fits; i++) {
        struct slot entry = old[(at + i) & (count - 1)];

        if (entry.hash)
            fits = slot_fill(table, entry);
    }
    slots_free(table, old, count);
    return fits;
}

bool namehash_add(struct namehash *table, uint32_t hash, uint32_t position)
{
    if (table->used >= table->count / 3 * 2 && !table_grow(table))
        return false;
    return slot_fill(table, (struct slot){ kept(hash), position });
}

/* Could ENTRY, found at slot AT or behind it, be in slot FREED? */
static bool may_move(const struct namehash *table, struct slot entry,
                     size_t freed, size_t at)
{
    size_t mask = table->count - 1, home = entry.hash & mask;

    return ((at - home) & mask) >= ((at - freed) & mask);
}

void namehash_remove(struct namehash *table, uint32_t hash, uint32_t position)
{
    size_t mask = table->count - 1, freed = kept(hash) & mask, at;

    while (table->slots[freed].hash != kept(hash) ||
           table->slots[freed].position != position) {
        if (table->slots[freed].hash == 0)
            return;
        freed = (freed + 1) & mask;
    }

    /* Who was put behind for want of that slot comes nearer, in order. */
    for (at = (freed + 1) & mask; table->slots[at].hash; at = (at + 1) & mask) {
        if (!may_move(table, table->slots[at], freed, at))
            continue;
        table->slots[freed] = table->slots[at];
        freed = at;
    }
    table->slots[freed] = (struct slot){ .hash = 0 };
    table->used--;
}

/* -------------------------------------------------------------- search */

struct namehash_search namehash_start(const struct namehash *table,
                                      uint32_t hash)
{
    return (struct namehash_search){
        .table = table,
        .hash = kept(hash),
        .left = NAMEHASH_PROBES,
        .at = kept(hash) & (table->count - 1),
    };
}

bool namehash_next(struct namehash_search *search, uint32_t *position)
{
    const struct namehash *table = search->table;

    while (search->left > 0 && table->slots[search->at].hash) {
        const struct slot *slot = &table->slots[search->at];

        search->left--;
        search->at = (search->at + 1) & (table->count - 1);
        if (slot->hash == search->hash) {
            *position = slot->position;
            return true;
        }
    }
    return false;
}
