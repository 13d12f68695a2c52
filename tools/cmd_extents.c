/*
 * cmd_extents.c - shale extents: where the bytes of files lie
 */
#include <inttypes.h>
#include <string.h>

#include "jsonout.h"
#include "tools.h"

struct extents {
    struct volume vol;
    bool json;
    struct jsonout_array array;
};

/* Does an extent of that KIND have a place on the volume? */
static bool has_place(enum shale_extent_kind kind)
{
    return kind == SHALE_EXTENT_DATA || kind == SHALE_EXTENT_UNWRITTEN ||
           kind == SHALE_EXTENT_ENCODED;
}

static void print_line(const struct extents *ex, uint64_t number,
                       const struct shale_extent *extent)
{
    printf("%5" PRIu64 "%16" PRIu64 "%16" PRIu64, number, extent->offset,
           extent->length);
    if (has_place(extent->kind))
        printf("%18" PRIu64 "%18" PRIu64, extent->device,
               ex->vol.image->volume.start + extent->device);
    else
        printf("%18s%18s", "-", "-");
    printf("  %s\n", print_extent_key(extent->kind));
}

static void add_json(const struct extents *ex, struct json *list,
                     const struct shale_extent *extent)
{
    struct json *object = json_new();

    jsonout_number(object, "offset", extent->offset);
    jsonout_number(object, "length", extent->length);
    if (has_place(extent->kind)) {
        jsonout_number(object, "volume_offset", extent->device);
        jsonout_number(object, "image_offset",
                       ex->vol.image->volume.start + extent->device);
    }
    jsonout_text(object, "kind", print_extent_key(extent->kind));
    json_append(list, object);
}

/* Show the extents of FILE, SIZE bytes long. */
static void show_file(struct extents *ex, const char *path,
                      struct shale_vnode *file, uint64_t size)
{
    struct json *object = ex->json ? json_new() : NULL;
    struct json *list = ex->json ? json_list() : NULL;
    uint64_t count = 0;
    int err = 0;

    if (!ex->json) {
        print_name(stdout, path, strlen(path));
        printf(": %" PRIu64 " bytes\n%5s%16s%16s%18s%18s  %s\n", size, "#",
               "OFFSET", "LENGTH", "VOLUME BYTE", "IMAGE BYTE", "KIND");
    }
    for (uint64_t at = 0; at < size && !err;) {
        struct shale_extent extent;

        err = shale_map(file, at, size - at, &extent);
        if (err)
            break;
        if (ex->json)
            add_json(ex, list, &extent);
        else
            print_line(ex, count, &extent);
        count++;
        at += extent.length;
    }
    if (ex->json) {
        jsonout_text(object, "path", path);
        jsonout_number(object, "ino", shale_vnode_ino(file));
        jsonout_number(object, "size", size);
        json_set(object, "extents", list);
        jsonout_item(&ex->array, object);
    }
    if (err)
        volume_fail(&ex->vol, path, err);
}

static void show_path(struct extents *ex, const char *path)
{
    struct shale_vnode *file = volume_walk(&ex->vol, path, 0);
    struct shale_attr attr;
    int err;

    if (!file)
        return;
    err = shale_getattr(file, &attr);
    if (err)
        volume_fail(&ex->vol, path, err);
    else if (shale_vnode_type(file) == SHALE_TYPE_DIR)
        volume_fail(&ex->vol, path, SHALE_EISDIR);
    else if (shale_vnode_type(file) != SHALE_TYPE_FILE)
        volume_fail_text(&ex->vol, path, "not a regular file");
    else
        show_file(ex, path, file, attr.size);
    shale_vnode_put(file);
}

enum { OPTION_JSON = OPTION_LONG };

static const struct command_option options_extents[] = {
    { OPTION_JSON, "json", NULL, "one JSON array with an object a file" },
    { 0, NULL, NULL, NULL },
};

static int cmd_extents(int argc, char **argv)
{
    struct extents ex = { .json = false };
    struct options options;
    char **operands;
    int letter, count, status;

    options_init(&options, &command_extents, argc, argv);
    while ((letter = options_next(&options)) >= 0)
        ex.json = true;
    if (letter == OPTIONS_STOP)
        return options.status;
    count = options_operands(&options, &operands);
    status = volume_open(&ex.vol, &options, operands, count, NULL);
    if (status != STATUS_OK)
        return status;

    if (ex.json)
        jsonout_begin(&ex.array);
    for (int i = 0; i < ex.vol.path_count; i++)
        show_path(&ex, ex.vol.paths[i]);
    if (ex.json)
        jsonout_end(&ex.array);
    return finish_output(volume_close(&ex.vol));
}

const struct command command_extents = {
    .name     = "extents",
    .run      = cmd_extents,
    .operands = "IMAGE:PATH [PATH...] | IMAGE PATH...",
    .summary  = "show where the bytes of files lie",
    .details  = "All in bytes: in the file, on the volume, on the image.\n",
    .options  = options_extents,
    .image    = true,
};
