/*
 * table.h - rows of one size, in chunks of up to 4 KiB, that can be sorted
 */
#ifndef EXT2_CHECK_TABLE_H
#define EXT2_CHECK_TABLE_H

#include "check/check.h"

struct ext2_table {
    struct check *check;
    uint8_t **chunks;
    size_t chunk_count, chunk_room;
    size_t row;                 /* bytes */
    unsigned shift;             /* 2^SHIFT rows are a chunk */
    size_t count;               /* rows in use */
};

/* An empty table of rows of ROW bytes, which holds no memory. */
void ext2_table_init(struct ext2_table *table, struct check *check, size_t row);
void ext2_table_fini(struct ext2_table *table);

/* A new row at the end, to be filled; NULL if there is no memory. */
void *ext2_table_add(struct ext2_table *table);

static inline void *ext2_table_at(const struct ext2_table *table, size_t index)
{
    size_t within = index & (((size_t)1 << table->shift) - 1);

    return table->chunks[index >> table->shift] + within * table->row;
}

/*
 * Sort by COMPARE, which answers as memcmp() does. Rows of at most 64 bytes;
 * in place, and in n log n steps whatever the rows are.
 */
void ext2_table_sort(struct ext2_table *table,
                     int (*compare)(const void *a, const void *b));

/*
 * The first row that is not less than KEY, by COMPARE, of a sorted table; its
 * count if there is none.
 */
size_t ext2_table_find(const struct ext2_table *table, const void *key,
                       int (*compare)(const void *a, const void *b));

/* Compare two numbers as memcmp() would. */
static inline int ext2_order(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

#endif /* EXT2_CHECK_TABLE_H */
