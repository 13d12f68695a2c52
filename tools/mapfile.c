/*
 * mapfile.c - where the bytes of a file lie, and in how many pieces
 *
 * By mounting, as `shale extents`, but with the numbers of blocks or clusters
 * as other tools count them, and what of it is in one piece. An ext4 volume,
 * which cannot be mounted, is read as it is.
 */
#include <inttypes.h>
#include <string.h>

#include "jsonout.h"
#include "mapext4.h"
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
    struct map_ext4 *ext4;      /* NULL: it is mounted */
    uint64_t start;             /* of the volume, byte of the image */
    struct map_facts facts;
    struct jsonout_array array;
    bool json;
    struct json *list;          /* of the file at hand */
    uint64_t slack;             /* bytes between its data that are no gap */
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
        printf("%16" PRIu64, lay->start + extent->device);
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
    uint64_t unit = 0;
    bool placed = has_place(extent->kind);

    jsonout_number(object, "position", extent->offset);
    jsonout_number(object, "length", extent->length);
    json_set(object, "start", placed ? json_number(lay->start +
                                                 extent->device)
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
 * Does EXTENT go on where the one before it ended? Block maps put pointer
 * blocks, at most three in a row, where they are needed: between data, which is
 * none the slower to read.
 */
static bool continues(const struct layout *lay,
                      const struct shale_extent *extent)
{
    return lay->allocated > 0 && extent->device >= lay->end &&
           extent->device - lay->end <= lay->slack;
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
             checkrun_unit(lay->ext4 ? "ext2" : shale_fs_name(lay->vol->fs)));
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

/* A file of a volume, mounted or not. */
struct file {
    struct shale_vnode *vn;     /* or: */
    struct shale_boot_file *raw;
    uint64_t ino, size;
    bool pointers;              /* it has a block map */
};

static int map_at(struct layout *lay, const struct file *file, uint64_t at,
                  struct shale_extent *out)
{
    return file->raw ? mapext4_map(lay->ext4, file->raw, at, out)
                     : shale_map(file->vn, at, file->size - at, out);
}

static void show_file(struct layout *lay, const char *path,
                      const struct file *file)
{
    int err = 0;

    lay->extents = lay->pieces = lay->allocated = lay->end = 0;
    lay->slack = file->pointers ? 3 * lay->facts.unit_size : 0;
    if (lay->json)
        lay->list = json_list();
    else
        print_head(lay, path, file->ino, file->size);
    for (uint64_t at = 0; at < file->size && !err;) {
        struct shale_extent extent;

        err = map_at(lay, file, at, &extent);
        if (err)
            break;
        take_extent(lay, &extent);
        at += extent.length;
    }
    if (lay->json) {
        struct json *object = json_new();

        jsonout_text(object, "path", path);
        jsonout_number(object, "ino", file->ino);
        jsonout_number(object, "size", file->size);
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

/* Show FILE if it is one: it is of TYPE. */
static void show_type(struct layout *lay, const char *path,
                      const struct file *file, enum shale_type type)
{
    if (type == SHALE_TYPE_DIR)
        volume_fail(lay->vol, path, SHALE_EISDIR);
    else if (type != SHALE_TYPE_FILE)
        volume_fail_text(lay->vol, path, "not a regular file");
    else
        show_file(lay, path, file);
}

static void show_mounted(struct layout *lay, const char *path)
{
    struct shale_vnode *vn = volume_walk(lay->vol, path, 0);
    struct shale_attr attr;
    int err;

    if (!vn)
        return;
    err = shale_getattr(vn, &attr);
    if (err)
        volume_fail(lay->vol, path, err);
    else
        show_type(lay, path, &(const struct file){
            .vn = vn, .ino = shale_vnode_ino(vn), .size = attr.size,
            .pointers = !strcmp(shale_fs_name(lay->vol->fs), "ext2"),
        }, shale_vnode_type(vn));
    shale_vnode_put(vn);
}

static void show_unmounted(struct layout *lay, const char *path)
{
    struct shale_boot_file raw;
    int err = mapext4_find(lay->ext4, path, &raw);

    if (err == SHALE_ENOTSUP)
        volume_fail_text(lay->vol, path, "names on the way are encrypted");
    else if (err)
        volume_fail(lay->vol, path, err);
    else
        show_type(lay, path, &(const struct file){
            .raw = &raw, .ino = raw.where[BOOT_INO], .size = raw.size,
            .pointers = mapext4_has_map(&raw),
        }, raw.type);
}

static void show_all(struct layout *lay)
{
    if (lay->json)
        jsonout_begin(&lay->array);
    for (int i = 0; i < lay->vol->path_count; i++) {
        if (lay->ext4)
            show_unmounted(lay, lay->vol->paths[i]);
        else
            show_mounted(lay, lay->vol->paths[i]);
    }
    if (lay->json)
        jsonout_end(&lay->array);
}

/* ----------------------------------------------------------------- volumes */

/* What there is to do where nothing can be mounted, for which WHY is told if it
   is not ext4. */
static void show_ext4(struct layout *lay, const struct options *options,
                      const char *why)
{
    struct places places;
    uint64_t superblock = options_superblock(options);
    const char *refused = why;

    if (!places_open(&places, lay->vol->name, options, false)) {
        places_close(&places);
        lay->vol->status = STATUS_USAGE;
        return;
    }
    if (superblock || !strcmp(places.list[0].content, "ext2"))
        refused = mapext4_open(places.image, places.list[0].start,
                               places.list[0].size, superblock, &lay->ext4);
    if (refused) {
        report("%s: %s", lay->vol->name, refused);
        lay->vol->status = STATUS_USAGE;
    } else {
        if (mapext4_unreplayed(lay->ext4) && !options->quiet)
            report("%s: warning: its journal was not replayed: what only that "
                   "has is not seen", lay->vol->name);
        lay->start = places.list[0].start;
        lay->facts.unit_size = mapext4_block_size(lay->ext4);
        show_all(lay);
        mapext4_close(lay->ext4);
    }
    places_close(&places);
}

int mapfile_show(struct volume *vol, const struct options *options, bool json)
{
    struct layout lay = { .vol = vol, .json = json };
    char why[SHALE_WHY_MAX] = "";
    int err = volume_mount(vol, options, why);

    if (!err) {
        lay.start = vol->image->volume.start;
        mapfacts_get(vol->fs, &lay.facts);
        show_all(&lay);
    } else if (err == SHALE_ENOTSUP) {
        show_ext4(&lay, options, *why ? why : shale_strerror(err));
    } else {
        report("%s: %s", vol->name, *why ? why : shale_strerror(err));
        vol->status = STATUS_USAGE;
    }
    return volume_close(vol);
}
