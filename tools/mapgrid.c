/*
 * mapgrid.c - the volume in equal cells, and what each of them is used for
 *
 * Claims come from the check in no order, by the million on a large volume:
 * they are added up in cells, of which there are only so many. What is known of
 * a file's pieces is kept until the end (40 bytes each), when they are sorted,
 * and those that do not follow the one before them are fragments.
 */
#include <stdlib.h>
#include <string.h>

#include "map.h"

static const struct map_look looks[MAP_LOOKS] = {
    [SHALE_USE_BOOT] = { "boot", "boot, superblock", 'S', 0x1f2937, 246 },
    [SHALE_USE_TABLE] = { "table", "tables", 'T', 0x4f46e5, 62 },
    [SHALE_USE_BITMAP] = { "bitmap", "bitmaps", 'B', 0xc026d3, 164 },
    [SHALE_USE_INODES] = { "inodes", "inodes", 'I', 0x8b5cf6, 99 },
    [SHALE_USE_DIRECTORY] = { "directory", "directories", 'D', 0x16a34a, 34 },
    [SHALE_USE_MAP] = { "map", "pointer blocks", 'M', 0x0d9488, 37 },
    [SHALE_USE_ATTRIBUTES] = { "attributes", "attributes", 'A', 0x84cc16, 112 },
    [SHALE_USE_JOURNAL] = { "journal", "journal", 'J', 0x92633a, 130 },
    [SHALE_USE_DATA] = { "data", "data", '#', 0x3b82f6, 33 },
    [SHALE_USE_SYSTEM] = { "system", "system files", 'Y', 0x64748b, 103 },
    [SHALE_USE_BAD] = { "bad", "bad", 'X', 0x000000, 124 },
    [SHALE_USE_LOST] = { "lost", "lost", '?', 0xfacc15, 220 },
    [MAP_FREE] = { "free", "free", '.', 0xe8ecf1, 243 },
    [MAP_FRAGMENT] = { "fragment", "data after a gap", '%', 0xf59e0b, 214 },
    [MAP_DAMAGED] = { "damaged", "damaged", '!', 0xdc2626, 196 },
};

const uint8_t map_order[MAP_LOOKS] = {
    SHALE_USE_BOOT, SHALE_USE_TABLE, SHALE_USE_BITMAP, SHALE_USE_INODES,
    SHALE_USE_DIRECTORY, SHALE_USE_MAP, SHALE_USE_ATTRIBUTES,
    SHALE_USE_JOURNAL, SHALE_USE_SYSTEM, SHALE_USE_DATA, MAP_FRAGMENT,
    SHALE_USE_LOST, SHALE_USE_BAD, MAP_FREE, MAP_DAMAGED,
};

struct map_look map_look(unsigned kind)
{
    return looks[kind];
}

const char *map_name(unsigned kind, const char *type)
{
    static const struct {
        unsigned kind;
        const char *type, *name;
    } names[] = {
        { SHALE_USE_BOOT, "ext2", "superblocks" },
        { SHALE_USE_TABLE, "ext2", "descriptors" },
        { SHALE_USE_BOOT, "fat", "boot sectors" },
        { SHALE_USE_TABLE, "fat", "FATs" },
        { SHALE_USE_BOOT, "ntfs", "boot sectors" },
        { SHALE_USE_INODES, "ntfs", "MFT records" },
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].kind == kind && !strcmp(names[i].type, type))
            return names[i].name;
    return looks[kind].name;
}

/* The next round number: 1, 1.25, 1.5, 1.75 times a power of two. */
static uint64_t round_up(uint64_t size)
{
    uint64_t power = 512;

    while (power < size && power <= UINT64_MAX / 2)
        power *= 2;
    for (uint64_t quarters = 5; power > 4096 && quarters < 8; quarters++)
        if (power / 8 * quarters >= size)
            return power / 8 * quarters;
    return power;
}

void mapgrid_init(struct map_grid *grid, uint64_t size, size_t count)
{
    memset(grid, 0, sizeof *grid);
    grid->size = size;
    grid->cell_size = round_up(size / count + (size % count != 0));
    grid->count = (size_t)(size / grid->cell_size +
                           (size % grid->cell_size != 0));
    grid->cells = xrealloc(NULL, grid->count, sizeof *grid->cells);
    memset(grid->cells, 0, grid->count * sizeof *grid->cells);
}

void mapgrid_free(struct map_grid *grid)
{
    for (size_t i = 0; i < grid->path_count; i++)
        free(grid->paths[i].path);
    free(grid->paths);
    free(grid->pieces);
    free(grid->cells);
    memset(grid, 0, sizeof *grid);
}

/* ---------------------------------------------------------------- claims */

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

/* Note the owner of the largest piece in each cell of CLAIM's. */
static void note_owner(struct map_grid *grid, const struct shale_claim *claim,
                       uint64_t length)
{
    size_t first = (size_t)(claim->at / grid->cell_size);
    size_t last = (size_t)((claim->at + length - 1) / grid->cell_size);

    for (size_t i = first; i <= last; i++) {
        uint64_t begin = i * grid->cell_size, end = begin + grid->cell_size;
        struct map_cell *cell = &grid->cells[i];
        uint64_t part;

        if (begin < claim->at)
            begin = claim->at;
        if (end > claim->at + length)
            end = claim->at + length;
        part = end - begin;
        if (part > cell->largest) {
            cell->largest = part;
            cell->object = claim->object;
            cell->number = claim->number;
        }
    }
}

static void keep_piece(struct map_grid *grid, const struct shale_claim *claim,
                       uint64_t length)
{
    struct map_piece piece = {
        .object = claim->object,
        .map = claim->use == SHALE_USE_MAP,
        .number = claim->number,
        .position = claim->position,
        .at = claim->at,
        .length = length,
    };

    if (grid->piece_count == grid->piece_room) {
        grid->piece_room = 2 * grid->piece_room + 1024;
        grid->pieces = xrealloc(grid->pieces, grid->piece_room,
                                sizeof *grid->pieces);
    }
    grid->pieces[grid->piece_count++] = piece;
}

void mapgrid_claim(struct map_grid *grid, const struct shale_claim *claim)
{
    uint64_t length = claim->length;
    bool data = claim->use == SHALE_USE_DATA && claim->position !=
                                                    SHALE_NOWHERE;

    if (claim->within || claim->at >= grid->size)
        return;
    if (length > grid->size - claim->at)
        length = grid->size - claim->at;
    if (length == 0)
        return;
    grid->totals[claim->use] += length;
    add_bytes(grid, claim->at, length,
              offsetof(struct map_cell, used) +
                  (size_t)claim->use * sizeof(uint64_t));
    note_owner(grid, claim, length);
    if (data || claim->use == SHALE_USE_MAP)
        keep_piece(grid, claim, length);
}

void mapgrid_finding(struct map_grid *grid,
                     const struct shale_finding *finding)
{
    struct map_cell *cell;

    if (finding->code->severity == SHALE_ADVICE)
        return;
    if (finding->at >= grid->size) {
        grid->unplaced++;
        return;
    }
    cell = &grid->cells[finding->at / grid->cell_size];
    if (cell->findings++ == 0)
        cell->code = finding->code;
}

/* ------------------------------------------------------------- fragments */

/* By file; there its data by position, then its pointers by place. */
static int compare_pieces(const void *a, const void *b)
{
    const struct map_piece *one = a, *other = b;

    if (one->object != other->object)
        return one->object < other->object ? -1 : 1;
    if (one->number != other->number)
        return one->number < other->number ? -1 : 1;
    if (one->map != other->map)
        return one->map ? 1 : -1;
    if (!one->map && one->position != other->position)
        return one->position < other->position ? -1 : 1;
    return one->at < other->at ? -1 : one->at > other->at;
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

/* One file: COUNT pieces, of which the first DATA are data. */
static void settle_file(struct map_grid *grid, const struct map_piece *pieces,
                        size_t count, size_t data)
{
    uint64_t fragments = 0;

    for (size_t i = 1; i < data; i++) {
        uint64_t end = pieces[i - 1].at + pieces[i - 1].length;

        if (pieces[i].at >= end &&
            filled(pieces + data, count - data, end, pieces[i].at))
            continue;
        fragments++;
        grid->fragmented_bytes += pieces[i].length;
        add_bytes(grid, pieces[i].at, pieces[i].length,
                  offsetof(struct map_cell, fragmented));
    }
    grid->files += data > 0;
    grid->fragmented_files += fragments > 0;
    grid->fragments += fragments;
}

void mapgrid_settle(struct map_grid *grid)
{
    size_t end;

    if (grid->piece_count > 0)
        qsort(grid->pieces, grid->piece_count, sizeof *grid->pieces,
              compare_pieces);
    for (size_t from = 0; from < grid->piece_count; from = end) {
        const struct map_piece *first = &grid->pieces[from];
        size_t data = 0;

        for (end = from; end < grid->piece_count &&
                         grid->pieces[end].object == first->object &&
                         grid->pieces[end].number == first->number; end++)
            data += !grid->pieces[end].map;
        settle_file(grid, first, end - from, data);
    }
}

/* ----------------------------------------------------------------- paths */

static int compare_paths(const void *a, const void *b)
{
    const struct map_path *one = a, *other = b;

    if (one->object != other->object)
        return one->object < other->object ? -1 : 1;
    return one->number < other->number ? -1 : one->number > other->number;
}

/* All cells' owners, each once. */
static void list_owners(struct map_grid *grid)
{
    size_t count = 0;

    grid->paths = xrealloc(NULL, grid->count, sizeof *grid->paths);
    for (size_t i = 0; i < grid->count; i++)
        if (grid->cells[i].largest > 0)
            grid->paths[count++] = (struct map_path){
                grid->cells[i].object, grid->cells[i].number, NULL,
            };
    if (count > 0)
        qsort(grid->paths, count, sizeof *grid->paths, compare_paths);
    for (size_t i = 0; i < count; i++)
        if (grid->path_count == 0 ||
            compare_paths(&grid->paths[grid->path_count - 1],
                          &grid->paths[i]) != 0)
            grid->paths[grid->path_count++] = grid->paths[i];
}

bool mapgrid_wanted(struct map_grid *grid, size_t index,
                    enum shale_object *object, uint64_t *number)
{
    if (!grid->paths)
        list_owners(grid);
    if (index >= grid->path_count)
        return false;
    *object = grid->paths[index].object;
    *number = grid->paths[index].number;
    return true;
}

static struct map_path *find_path(const struct map_grid *grid,
                                  enum shale_object object, uint64_t number)
{
    struct map_path key = { object, number, NULL };

    if (grid->path_count == 0)
        return NULL;
    return bsearch(&key, grid->paths, grid->path_count, sizeof key,
                   compare_paths);
}

void mapgrid_path(struct map_grid *grid, enum shale_object object,
                  uint64_t number, const char *path)
{
    struct map_path *found = find_path(grid, object, number);

    if (found && path && !found->path)
        found->path = xstrdup(path);
}

const char *mapgrid_path_of(const struct map_grid *grid,
                            const struct map_cell *cell)
{
    const struct map_path *found =
        cell->largest ? find_path(grid, cell->object, cell->number) : NULL;

    return found ? found->path : NULL;
}

/* --------------------------------------------------------------- answers */

uint64_t mapgrid_cell_bytes(const struct map_grid *grid, size_t index)
{
    uint64_t at = index * grid->cell_size;

    return grid->size - at < grid->cell_size ? grid->size - at
                                             : grid->cell_size;
}

uint64_t mapgrid_cell_used(const struct map_grid *grid, size_t index)
{
    uint64_t all = mapgrid_cell_bytes(grid, index), used = 0;

    for (unsigned use = 0; use < SHALE_USES; use++)
        used += grid->cells[index].used[use];
    return used < all ? used : all;     /* what is shared is counted twice */
}

/*
 * How much a byte of USE counts where several share a cell: the little metadata
 * that there is more than the data that it lies among, and what is scarce most
 * of all, or nobody would ever see it.
 */
static uint64_t weight_of(unsigned use)
{
    switch (use) {
    case SHALE_USE_BOOT:
        return 256;
    case SHALE_USE_BITMAP:
        return 32;
    case SHALE_USE_DATA:
        return 1;
    default:
        return 4;
    }
}

/* A cell is damaged where anything is; else what most of it is used for. */
unsigned mapgrid_kind(const struct map_grid *grid, size_t index)
{
    const struct map_cell *cell = &grid->cells[index];
    unsigned kind = MAP_FREE;
    uint64_t most = 0;

    if (cell->findings > 0)
        return MAP_DAMAGED;
    for (unsigned use = 0; use < SHALE_USES; use++) {
        uint64_t weight = cell->used[use] / 64 * weight_of(use);

        if (weight > most) {
            most = weight;
            kind = use;
        }
    }
    if (kind == SHALE_USE_DATA && 2 * cell->fragmented > cell->used[kind])
        return MAP_FRAGMENT;
    return kind;
}

uint64_t mapgrid_free_bytes(const struct map_grid *grid)
{
    uint64_t used = 0;

    for (size_t i = 0; i < grid->count; i++)
        used += mapgrid_cell_used(grid, i);
    return grid->size - used;
}

uint64_t mapgrid_bytes(const struct map_grid *grid, unsigned kind)
{
    if (kind == MAP_FREE)
        return mapgrid_free_bytes(grid);
    if (kind == MAP_FRAGMENT)
        return grid->fragmented_bytes;
    if (kind == SHALE_USE_DATA)
        return grid->totals[kind] - grid->fragmented_bytes;
    return kind < SHALE_USES ? grid->totals[kind] : 0;
}
