/*
 * mapfile.c - where the bytes of a file lie, and in how many pieces
 *
 * By mounting, as `shale extents`, but with the numbers of blocks or clusters
 * as other tools count them, and what of it is in one piece.
 */
#include <inttypes.h>
#include <string.h>

#include "jsonout.h"
#include "map.h"
#include "shale/fs.h"

/* ----------------------------------------------------------------- facts */

struct facts_sink {
    struct shale_describe base;
    struct map_facts *facts;
};

static void sink_text(struct shale_describe *to, const char *key,
                      const char *value)
{
    struct map_facts *facts = ((struct facts_sink *)to)->facts;

    if (!strcmp(key, "label"))
        snprintf(facts->label, sizeof facts->label, "%s", value);
}

/* FAT says where its first cluster, number 2, lies; the others count from the
   volume's beginning. */
static void sink_number(struct shale_describe *to, const char *key,
                        uint64_t value)
{
    struct map_facts *facts = ((struct facts_sink *)to)->facts;

    if (!strcmp(key, "data_offset")) {
        facts->unit_first = 2;
        facts->units_at = value;
    } else if (!strcmp(key, "cluster_size") || !strcmp(key, "block_size")) {
        facts->unit_size = value;
    }
}

static void sink_time(struct shale_describe *to, const char *key,
                      int64_t seconds)
{
    (void)to;
    (void)key;
    (void)seconds;
}

static void sink_item(struct shale_describe *to, const char *key,
                      const char *value)
{
    (void)to;
    (void)key;
    (void)value;
}

void mapfacts_get(struct shale_fs *fs, struct map_facts *out)
{
    struct facts_sink sink = {
        { sink_text, sink_number, sink_time, sink_item }, out,
    };

    memset(out, 0, sizeof *out);
    out->known = shale_describe(fs, &sink.base) == 0;
}

/* --------------------------------------------------------------- extents */

struct layout {
    struct volume *vol;
    struct map_facts facts;
    struct jsonout_array array;
    bool json;
    struct json *list;          /* of the file at hand */
    uint64_t extents, pieces, allocated;
    uint64_t end;               /* of the last extent, byte of the volume */
};

static bool has_place(enum shale_extent_kind kind)
{
    return kind == SHALE_EXTENT_DATA || kind == SHALE_EXTENT_UNWRITTEN ||
           kind == SHALE_EXTENT_ENCODED;
}

/* Which unit byte AT of the volume is in; false before the first one. */
static bool unit_at(const struct map_facts *facts, uint64_t at, uint64_t *out)
{
    if (facts->unit_size == 0 || at < facts->units_at)
        return false;
    *out = (at - facts->units_at) / facts->unit_size + facts->unit_first;
    return true;
}

static uint64_t units_in(const struct map_facts *facts, uint64_t bytes)
{
    uint64_t size = facts->unit_size ? facts->unit_size : 1;

    return bytes / size + (bytes % size != 0);
}

static void print_extent(const struct layout *lay,
                         const struct shale_extent *extent)
{
    uint64_t unit;

    printf("%5" PRIu64 "%14" PRIu64 "%14" PRIu64, lay->extents, extent->offset,
           extent->length);
    if (has_place(extent->kind))
        printf("%16" PRIu64,
               lay->vol->image->volume.start + extent->device);
    else
        printf("%16s", "-");
    if (has_place(extent->kind) && unit_at(&lay->facts, extent->device, &unit))
        printf("%12" PRIu64 "%9" PRIu64, unit,
               units_in(&lay->facts, extent->length));
    else
        printf("%12s%9s", "-", "-");
    printf("  %s\n", print_extent_key(extent->kind));
}

static void add_extent(const struct layout *lay,
                       const struct shale_extent *extent)
{
    struct json *object = json_new();
    uint64_t start = lay->vol->image->volume.start, unit = 0;
    bool placed = has_place(extent->kind);

    jsonout_number(object, "position", extent->offset);
    jsonout_number(object, "length", extent->length);
    json_set(object, "start", placed ? json_number(start + extent->device)
                                     : json_null());
    placed = placed && unit_at(&lay->facts, extent->device, &unit);
    json_set(object, "unit", placed ? json_number(unit) : json_null());
    json_set(object, "units", placed
                 ? json_number(units_in(&lay->facts, extent->length))
                 : json_null());
    jsonout_text(object, "kind", print_extent_key(extent->kind));
    json_append(lay->list, object);
}

/*
 * Does EXTENT go on where the one before it ended? ext2 puts pointer blocks, at
 * most three in a row, where they are needed: between data, which is none the
 * slower to read.
 */
static bool continues(const struct layout *lay,
                      const struct shale_extent *extent)
{
    uint64_t gap = extent->device - lay->end;
    bool pointers = !strcmp(shale_fs_name(lay->vol->fs), "ext2");

    return lay->allocated > 0 && extent->device >= lay->end &&
           gap <= (pointers ? 3 * lay->facts.unit_size : 0);
}

/* One more extent of the file at hand. */
static void take_extent(struct layout *lay, const struct shale_extent *extent)
{
    if (lay->json)
        add_extent(lay, extent);
    else
        print_extent(lay, extent);
    lay->extents++;
    if (!has_place(extent->kind))
        return;
    lay->pieces += !continues(lay, extent);
    lay->allocated += extent->length;
    lay->end = extent->device + extent->length;
}

static void print_head(const struct layout *lay, const char *path,
                       uint64_t ino, uint64_t size)
{
    char unit[16];

    snprintf(unit, sizeof unit, "%s",
             checkrun_unit(shale_fs_name(lay->vol->fs)));
    print_name(stdout, path, strlen(path));
    printf(": %" PRIu64 " bytes, inode %" PRIu64 ", %ss of %" PRIu64 "\n",
           size, ino, unit, lay->facts.unit_size);
    for (char *at = unit; *at; at++)
        *at = (char)(*at - 'a' + 'A');
    printf("%5s%14s%14s%16s%12s%8sS  KIND\n", "#", "FILE BYTE", "LENGTH",
           "IMAGE BYTE", unit, unit);
}

static void print_pieces(const struct layout *lay)
{
    char text[CHECKRUN_COUNT_MAX];

    checkrun_count(lay->pieces, "piece", "pieces", text);
    if (lay->pieces == 0)
        puts("no place of its own");
    else
        printf("%s%s\n", text, lay->pieces == 1 ? ": not fragmented" : "");
}

/* Show FILE, of SIZE bytes. */
static void show_file(struct layout *lay, const char *path,
                      struct shale_vnode *file, uint64_t size)
{
    uint64_t ino = shale_vnode_ino(file);
    int err = 0;

    lay->extents = lay->pieces = lay->allocated = lay->end = 0;
    if (lay->json)
        lay->list = json_list();
    else
        print_head(lay, path, ino, size);
    for (uint64_t at = 0; at < size && !err;) {
        struct shale_extent extent;

        err = shale_map(file, at, size - at, &extent);
        if (err)
            break;
        take_extent(lay, &extent);
        at += extent.length;
    }
    if (lay->json) {
        struct json *object = json_new();

        jsonout_text(object, "path", path);
        jsonout_number(object, "ino", ino);
        jsonout_number(object, "size", size);
        jsonout_number(object, "unit_size", lay->facts.unit_size);
        jsonout_number(object, "pieces", lay->pieces);
        json_set(object, "extents", lay->list);
        jsonout_item(&lay->array, object);
    } else {
        print_pieces(lay);
    }
    if (err)
        volume_fail(lay->vol, path, err);
}

static void show_path(struct layout *lay, const char *path)
{
    struct shale_vnode *file = volume_walk(lay->vol, path, 0);
    struct shale_attr attr;
    int err;

    if (!file)
        return;
    err = shale_getattr(file, &attr);
    if (err)
        volume_fail(lay->vol, path, err);
    else if (shale_vnode_type(file) == SHALE_TYPE_DIR)
        volume_fail(lay->vol, path, SHALE_EISDIR);
    else if (shale_vnode_type(file) != SHALE_TYPE_FILE)
        volume_fail_text(lay->vol, path, "not a regular file");
    else
        show_file(lay, path, file, attr.size);
    shale_vnode_put(file);
}

int mapfile_show(struct volume *vol, bool json)
{
    struct layout lay = { .vol = vol, .json = json };

    mapfacts_get(vol->fs, &lay.facts);
    if (json)
        jsonout_begin(&lay.array);
    for (int i = 0; i < vol->path_count; i++)
        show_path(&lay, vol->paths[i]);
    if (json)
        jsonout_end(&lay.array);
    return volume_close(vol);
}
