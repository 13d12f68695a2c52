/*
 * mapsettle.c - all claims are known: what is in fragments, and the sums
 *
 * Claims have come in no order. They are sorted by file, where those that do
 * not follow the one before them are fragments, and by place, where they are
 * added up in cells. Nothing depends on the order in which they came.
 */
#include <stdlib.h>

#include "map.h"

/* ----------------------------------------------------------------- order */

static int compare_numbers(uint64_t one, uint64_t other)
{
    return one < other ? -1 : one > other;
}

int map_compare_claims(const struct shale_claim *one,
                       const struct shale_claim *other)
{
    int order = compare_numbers(one->use, other->use);

    if (order == 0)
        order = compare_numbers(one->object, other->object);
    if (order == 0)
        order = compare_numbers(one->number, other->number);
    if (order == 0)
        order = compare_numbers(one->position, other->position);
    if (order == 0)
        order = compare_numbers(one->at, other->at);
    return order ? order : compare_numbers(one->length, other->length);
}

/* ------------------------------------------------------------- fragments */

/* What a piece is to its file; there, data comes first. */
enum rank {
    RANK_DATA,
    RANK_MAP,
    RANK_OTHER,
    RANKS
};

static enum rank rank_of(const struct map_piece *piece)
{
    if (piece->use == SHALE_USE_DATA && piece->position != SHALE_NOWHERE)
        return RANK_DATA;
    return piece->use == SHALE_USE_MAP ? RANK_MAP : RANK_OTHER;
}

/* By file; there its data by position, then its pointers by place. */
static int compare_pieces(const void *a, const void *b)
{
    const struct map_piece *one = a, *other = b;
    enum rank rank = rank_of(one);
    int order = compare_numbers(one->object, other->object);

    if (order == 0)
        order = compare_numbers(one->number, other->number);
    if (order == 0)
        order = compare_numbers(rank, rank_of(other));
    if (order == 0 && rank == RANK_DATA)
        order = compare_numbers(one->position, other->position);
    if (order == 0)
        order = compare_numbers(one->at, other->at);
    return order ? order : compare_numbers(one->length, other->length);
}

/*
 * Do the COUNT pointers at MAPS, sorted by place, fill all from FROM to TO?
 * ext2 puts a file's pointer blocks between its data, which is none the slower
 * to read for that.
 */
static bool filled(const struct map_piece *maps, size_t count, uint64_t from,
                   uint64_t to)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (maps[middle].at < from)
            low = middle + 1;
        else
            high = middle;
    }
    while (from < to && low < count && maps[low].at == from)
        from += maps[low++].length;
    return from == to;
}

/* One file: COUNT pieces, of which the first DATA are data, the others are
   pointers. */
static void settle_file(struct map_grid *grid, struct map_piece *pieces,
                        size_t count, size_t data)
{
    uint64_t fragments = 0;

    for (size_t i = 1; i < data; i++) {
        uint64_t end = pieces[i - 1].at + pieces[i - 1].length;

        if (pieces[i].at >= end &&
            filled(pieces + data, count - data, end, pieces[i].at))
            continue;
        fragments++;
        pieces[i].fragment = true;
    }
    grid->files += data > 0;
    grid->fragmented_files += fragments > 0;
    grid->fragments += fragments;
}

static void find_fragments(struct map_grid *grid)
{
    size_t end;

    qsort(grid->pieces, grid->piece_count, sizeof *grid->pieces,
          compare_pieces);
    for (size_t from = 0; from < grid->piece_count; from = end) {
        struct map_piece *first = &grid->pieces[from];
        size_t count[RANKS] = { 0 };

        for (end = from; end < grid->piece_count &&
                         grid->pieces[end].object == first->object &&
                         grid->pieces[end].number == first->number; end++)
            count[rank_of(&grid->pieces[end])]++;
        settle_file(grid, first, count[RANK_DATA] + count[RANK_MAP],
                    count[RANK_DATA]);
    }
}

/* ---------------------------------------------------------------- totals */

static int compare_places(const void *a, const void *b)
{
    const struct map_piece *one = a, *other = b;

    return compare_numbers(one->at, other->at);
}

/* Add LENGTH bytes at AT to what *FIELD of each of their cells counts. */
static void add_bytes(struct map_grid *grid, uint64_t at, uint64_t length,
                      size_t field)
{
    while (length > 0) {
        struct map_cell *cell = &grid->cells[at / grid->cell_size];
        uint64_t part = grid->cell_size - at % grid->cell_size;
        uint64_t *count = (uint64_t *)(void *)((char *)cell + field);

        if (part > length)
            part = length;
        *count += part;
        at += part;
        length -= part;
    }
}

/* LENGTH bytes at AT are of KIND, an enum shale_use or MAP_FRAGMENT. */
static void count_bytes(struct map_grid *grid, unsigned kind, uint64_t at,
                        uint64_t length)
{
    unsigned use = kind == MAP_FRAGMENT ? SHALE_USE_DATA : kind;

    grid->totals[use] += length;
    add_bytes(grid, at, length,
              offsetof(struct map_cell, used) + use * sizeof(uint64_t));
    if (kind != MAP_FRAGMENT)
        return;
    grid->fragmented_bytes += length;
    add_bytes(grid, at, length, offsetof(struct map_cell, fragmented));
}

/* The first kind in map_order[] whose claims, which have begun, go on past AT:
   they end at ENDS[kind]. MAP_FREE if none does. */
static unsigned kind_at(const uint64_t ends[MAP_LOOKS], uint64_t at)
{
    for (size_t i = 0; i < MAP_LOOKS; i++)
        if (ends[map_order[i]] > at)
            return map_order[i];
    return MAP_FREE;
}

/* Count what is claimed FROM up to TO, where no claim begins in between. */
static void count_stretch(struct map_grid *grid,
                          const uint64_t ends[MAP_LOOKS], uint64_t from,
                          uint64_t to)
{
    while (from < to) {
        unsigned kind = kind_at(ends, from);
        uint64_t end = ends[kind] < to ? ends[kind] : to;

        if (kind == MAP_FREE)
            return;
        count_bytes(grid, kind, from, end - from);
        from = end;
    }
}

/* Add up what is used for what, from the volume's beginning to its end. */
static void count_uses(struct map_grid *grid)
{
    uint64_t ends[MAP_LOOKS] = { 0 }, claimed = 0, used = 0;

    qsort(grid->pieces, grid->piece_count, sizeof *grid->pieces,
          compare_places);
    for (size_t i = 0; i < grid->piece_count; i++) {
        const struct map_piece *piece = &grid->pieces[i];
        unsigned kind = piece->fragment ? MAP_FRAGMENT : piece->use;
        uint64_t end = piece->at + piece->length;

        if (ends[kind] < end)
            ends[kind] = end;
        count_stretch(grid, ends, piece->at, i + 1 < grid->piece_count
                          ? grid->pieces[i + 1].at : grid->size);
        claimed += piece->length;
    }
    for (unsigned use = 0; use < SHALE_USES; use++)
        used += grid->totals[use];
    grid->shared = claimed - used;
}

void mapgrid_settle(struct map_grid *grid)
{
    if (grid->piece_count == 0)
        return;
    find_fragments(grid);
    count_uses(grid);
}
