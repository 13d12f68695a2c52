/*
 * table.c - rows of one size, in chunks of up to 4 KiB, that can be sorted
 *
 * What is learnt in one phase and asked for in a later one is put down row by
 * row, in whatever order it comes, and sorted once. A large piece of memory is
 * never needed, and never copied. A chunk has a power of two of rows: dividing
 * would take longer than all the rest of finding one.
 */
#include "ext2/check/table.h"
#include "memfn.h"

#define CHUNK    4096u          /* bytes, at most */
#define ROW_MAX  64u

void ext2_table_init(struct ext2_table *table, struct check *check, size_t row)
{
    *table = (struct ext2_table){ .check = check, .row = row };
    while (row << (table->shift + 1) <= CHUNK)
        table->shift++;
}

static size_t chunk_size(const struct ext2_table *table)
{
    return table->row << table->shift;
}

void ext2_table_fini(struct ext2_table *table)
{
    for (size_t i = 0; i < table->chunk_count; i++)
        check_free(table->check, table->chunks[i], chunk_size(table));
    if (table->chunks)
        check_free(table->check, table->chunks,
                   table->chunk_room * sizeof *table->chunks);
    ext2_table_init(table, table->check, table->row);
}

/* Make room for one more chunk in the list of them. */
static bool list_grow(struct ext2_table *table)
{
    size_t room = table->chunk_room > 0 ? table->chunk_room * 2 : 8;
    uint8_t **chunks = check_alloc(table->check, room * sizeof *chunks);

    if (!chunks)
        return false;
    if (table->chunks) {
        memcpy(chunks, table->chunks, table->chunk_count * sizeof *chunks);
        check_free(table->check, table->chunks,
                   table->chunk_room * sizeof *chunks);
    }
    table->chunks = chunks;
    table->chunk_room = room;
    return true;
}

void *ext2_table_add(struct ext2_table *table)
{
    if (table->count == table->chunk_count << table->shift) {
        if (table->chunk_count == table->chunk_room && !list_grow(table))
            return NULL;
        table->chunks[table->chunk_count] = check_alloc(table->check,
                                                        chunk_size(table));
        if (!table->chunks[table->chunk_count])
            return NULL;
        table->chunk_count++;
    }
    return ext2_table_at(table, table->count++);
}

/* Let the row at TOP sink into the heap of COUNT rows. */
static void heap_sink(struct ext2_table *table, size_t top, size_t count,
                      int (*compare)(const void *a, const void *b))
{
    _Alignas(8) uint8_t held[ROW_MAX];

    memcpy(held, ext2_table_at(table, top), table->row);
    for (;;) {
        size_t child = top * 2 + 1;

        if (child >= count)
            break;
        if (child + 1 < count && compare(ext2_table_at(table, child),
                                         ext2_table_at(table, child + 1)) < 0)
            child++;
        if (compare(held, ext2_table_at(table, child)) >= 0)
            break;
        memcpy(ext2_table_at(table, top), ext2_table_at(table, child),
               table->row);
        top = child;
    }
    memcpy(ext2_table_at(table, top), held, table->row);
}

static bool is_sorted(const struct ext2_table *table,
                      int (*compare)(const void *a, const void *b))
{
    for (size_t i = 1; i < table->count; i++) {
        if (compare(ext2_table_at(table, i - 1), ext2_table_at(table, i)) > 0)
            return false;
    }
    return true;
}

void ext2_table_sort(struct ext2_table *table,
                     int (*compare)(const void *a, const void *b))
{
    uint8_t held[ROW_MAX];

    if (is_sorted(table, compare))
        return;
    for (size_t top = table->count / 2; top > 0; top--)
        heap_sink(table, top - 1, table->count, compare);
    for (size_t end = table->count - 1; end > 0; end--) {
        void *first = ext2_table_at(table, 0);
        void *last = ext2_table_at(table, end);

        memcpy(held, first, table->row);
        memcpy(first, last, table->row);
        memcpy(last, held, table->row);
        heap_sink(table, 0, end, compare);
    }
}

size_t ext2_table_find(const struct ext2_table *table, const void *key,
                       int (*compare)(const void *a, const void *b))
{
    size_t from = 0, to = table->count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (compare(ext2_table_at(table, middle), key) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}
