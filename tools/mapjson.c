/*
 * mapjson.c - a volume's layout, for programs
 */
#include <string.h>

#include "jsonout.h"
#include "map.h"

static struct json *totals_json(const struct map_grid *grid)
{
    struct json *object = json_new();

    for (unsigned use = 0; use < SHALE_USES; use++)
        jsonout_number(object, map_look(use).key, grid->totals[use]);
    jsonout_number(object, map_look(MAP_FREE).key, mapgrid_free_bytes(grid));
    return object;
}

static struct json *fragments_json(const struct map_grid *grid)
{
    struct json *object = json_new();

    jsonout_number(object, "files", grid->files);
    jsonout_number(object, "fragmented_files", grid->fragmented_files);
    jsonout_number(object, "gaps", grid->fragments);
    jsonout_number(object, "bytes_after_gaps", grid->fragmented_bytes);
    return object;
}

/* Cell INDEX of MAP: its uses that are not nothing, whose most of it is. */
static struct json *cell_json(const struct map *map, size_t index)
{
    const struct map_grid *grid = &map->grid;
    const struct map_cell *cell = &grid->cells[index];
    const char *path = mapgrid_path_of(grid, cell);
    uint64_t start = map->run.place->start + index * grid->cell_size;
    struct json *object = json_new(), *used = json_new();

    jsonout_number(object, "start", start);
    jsonout_number(object, "length", mapgrid_cell_bytes(grid, index));
    for (unsigned use = 0; use < SHALE_USES; use++)
        if (cell->used[use] > 0)
            jsonout_number(used, map_look(use).key, cell->used[use]);
    json_set(object, "used", used);
    jsonout_number(object, "fragmented", cell->fragmented);
    json_set(object, "object", cell->largest
                 ? json_text(shale_object_name(cell->owner.object))
                 : json_null());
    json_set(object, "number", cell->largest &&
                                   cell->owner.object != SHALE_OBJECT_VOLUME
                 ? json_number(cell->owner.number) : json_null());
    checkjson_name(object, "path", path);
    jsonout_number(object, "findings", cell->findings);
    json_set(object, "code", cell->findings ? json_text(cell->code->name)
                                            : json_null());
    return object;
}

void mapjson_show(const struct map *map)
{
    const struct shale_check_result *result = &map->run.result;
    const struct map_grid *grid = &map->grid;
    struct json *document = json_new(), *cells = json_list();

    jsonout_text(document, "image", map->run.image);
    if (map->run.place->part)
        jsonout_number(document, "partition", map->run.place->part);
    else
        json_set(document, "partition", json_null());
    jsonout_text(document, "type", result->type);
    if (map->facts.known)
        jsonout_text(document, "label", map->facts.label);
    else
        json_set(document, "label", json_null());
    jsonout_number(document, "start", map->run.place->start);
    jsonout_number(document, "size", grid->size);
    jsonout_number(document, "missing", map->run.place->missing);
    jsonout_number(document, "volume_size", result->size);
    jsonout_number(document, "unit_size", result->unit_size);
    jsonout_number(document, "units", result->units);
    jsonout_number(document, "units_used", result->units_used);
    jsonout_text(document, "verdict", checks_verdict(&map->run));
    json_set(document, "bytes", totals_json(grid));
    jsonout_number(document, "shared", grid->shared);
    json_set(document, "fragmentation", fragments_json(grid));
    jsonout_number(document, "unplaced_findings", grid->unplaced);
    jsonout_number(document, "cell_size", grid->cell_size);
    /* What is free is left out: what there is, is in its place. */
    for (size_t i = 0; i < grid->count; i++)
        if (mapgrid_kind(grid, i) != MAP_FREE)
            json_append(cells, cell_json(map, i));
    json_set(document, "cells", cells);
    jsonout_document(document);
}
