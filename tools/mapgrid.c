/*
 * mapgrid.c - the volume in equal cells, and what each of them is used for
 *
 * Claims come from the check in no order, by the million on a large volume, and
 * are kept until the end (40 bytes each), when they are settled. Whose most of
 * a cell is, is known before, as it is the check that looks up paths.
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

/* Note the owner of the largest piece in each cell of CLAIM's; of several that
   are as large, the lowest. */
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
        if (part > cell->largest ||
            (part == cell->largest &&
             map_compare_claims(claim, &cell->owner) < 0)) {
            cell->largest = part;
            cell->owner = *claim;
        }
    }
}

static void keep_piece(struct map_grid *grid, const struct shale_claim *claim,
                       uint64_t length)
{
    struct map_piece piece = {
        .object = claim->object,
        .use = (uint8_t)claim->use,
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

    if (claim->within || claim->at >= grid->size)
        return;
    if (length > grid->size - claim->at)
        length = grid->size - claim->at;
    if (length == 0)
        return;
    note_owner(grid, claim, length);
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
                grid->cells[i].owner.object, grid->cells[i].owner.number, NULL,
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
        cell->largest ? find_path(grid, cell->owner.object, cell->owner.number)
                      : NULL;

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
    uint64_t used = 0;

    for (unsigned use = 0; use < SHALE_USES; use++)
        used += grid->cells[index].used[use];
    return used;
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
