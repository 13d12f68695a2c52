/*
 * namehash.h - where in a directory the names with a given hash are
 *
 * For directories that a format keeps in no order: a driver that has had to
 * search one from end to end makes such a table of it, and from then on looks
 * where the table says. The table knows hashes and positions, and not names:
 * the driver compares each candidate with what is on the volume, which also
 * leaves case and encoding to it.
 *
 *   1. A slot holds 32 bits of hash and 32 bits of position; hash 0 is free.
 *   2. A name goes into the first free slot from the one its hash gives on.
 *   3. At most two slots in three are taken; then the table is doubled.
 *   4. Entries with one hash stand in the order in which they were added.
 *
 * What a directory's author can choose is bounded: no entry is more than
 * NAMEHASH_PROBES slots from its place, no more than NAMEHASH_SAME have one
 * hash, and a table that would break either rule is given up, as is one that
 * has no room. A directory without a table is searched as it was before.
 *
 * Units      bytes
 * Locking    a table that is complete may be searched by several threads, and
 *            a budget may be shared by several; else the caller's business
 */
#ifndef VFS_NAMEHASH_H
#define VFS_NAMEHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMEHASH_MAX ((size_t)16 << 20)     /* one table, at most */
#define NAMEHASH_PROBES 512u
#define NAMEHASH_SAME 16u

struct namehash;
struct shale_mem;

/* What the tables of a volume may take together, growing ones included. */
struct namehash_budget {
    size_t max;
    size_t used;                /* at most MAX; atomic */
};

/* A search under way. */
struct namehash_search {
    const struct namehash *table;
    uint32_t hash;
    uint32_t left;              /* slots that may still be looked at */
    size_t at;                  /* the next one */
};

/* A good hash of the LEN bytes of a name. */
uint32_t namehash_of(const void *name, size_t len);

/* Make an empty table, within BUDGET, which outlives it. NULL if it cannot. */
struct namehash *namehash_create(struct shale_mem *mem,
                                 struct namehash_budget *budget);
void namehash_destroy(struct namehash *table);

/* Note a name with HASH at POSITION. False: the table has to be given up. */
bool namehash_add(struct namehash *table, uint32_t hash, uint32_t position);

/* Forget that one, if it is noted. No search may be under way. */
void namehash_remove(struct namehash *table, uint32_t hash, uint32_t position);

/* Search for names with HASH, one after the other until there is none. */
struct namehash_search namehash_start(const struct namehash *table,
                                      uint32_t hash);
bool namehash_next(struct namehash_search *search, uint32_t *position);

#endif /* VFS_NAMEHASH_H */
