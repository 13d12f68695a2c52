/*
 * cmd_stat.c - shale stat: everything that a volume knows about a file
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "jsonout.h"
#include "statntfs.h"
#include "tools.h"

struct stat_run {
    struct volume vol;
    bool json, follow;
    struct jsonout_array array;
};

/* One file, on its way to the output. */
struct subject {
    const char *path;
    struct shale_vnode *vn;
    struct shale_attr attr;
    enum shale_type type;
    char target[SHALE_PATH_MAX];        /* of a symlink */
    size_t target_len;
    uint64_t extents, holes;            /* of a regular file */
    char *xattrs;                       /* names, each with its NUL */
    size_t xattrs_len;
};

static int count_extents(struct subject *s)
{
    for (uint64_t at = 0; at < s->attr.size;) {
        struct shale_extent extent;
        int err = shale_map(s->vn, at, s->attr.size - at, &extent);

        if (err)
            return err;
        if (extent.kind == SHALE_EXTENT_HOLE)
            s->holes++;
        else
            s->extents++;
        at += extent.length;
    }
    return 0;
}

/* Find out what getattr does not tell. What fails is told, and left out. */
static void subject_fill(struct stat_run *run, struct subject *s)
{
    int64_t len = 0;
    int err = 0;

    if (s->type == SHALE_TYPE_FILE)
        err = count_extents(s);
    if (err)
        volume_fail(&run->vol, s->path, err);
    if (s->type == SHALE_TYPE_SYMLINK)
        len = shale_readlink(s->vn, s->target, sizeof s->target);
    if (len < 0)
        volume_fail(&run->vol, s->path, (int)len);
    else
        s->target_len = (size_t)len;
    len = volume_xattr_names(s->vn, &s->xattrs);
    if (len < 0)
        volume_fail(&run->vol, s->path, (int)len);
    else
        s->xattrs_len = (size_t)len;
}

static void print_time(const char *label, struct shale_time time)
{
    char text[PRINT_TIME_MAX];

    print_time_full(time, text);
    printf("%s: %s\n", label, text);
}

static void print_xattrs(const struct subject *s)
{
    for (size_t at = 0; at < s->xattrs_len; at += strlen(s->xattrs + at) + 1) {
        const char *name = s->xattrs + at;
        int64_t size = shale_getxattr(s->vn, name, NULL, 0);

        fputs(" Xattr: ", stdout);
        print_name(stdout, name, strlen(name));
        if (size >= 0)
            printf(" (%" PRId64 " bytes)", size);
        putchar('\n');
    }
}

static void print_text(const struct subject *s)
{
    const struct shale_attr *attr = &s->attr;
    char mode[PRINT_MODE_MAX];

    fputs("  File: ", stdout);
    print_name(stdout, s->path, strlen(s->path));
    if (s->type == SHALE_TYPE_SYMLINK) {
        fputs(" -> ", stdout);
        print_name(stdout, s->target, s->target_len);
    }
    printf("\n  Size: %-15" PRIu64 " Allocated: %-12" PRIu64
           " IO Block: %-6" PRIu32 " %s\n", attr->size, attr->allocated,
           attr->block_size, print_type(s->type));
    printf(" Inode: %-15" PRIu64 " Links: %-5" PRIu32 " Generation: %" PRIu32
           "  Flags: 0x%" PRIx32 "\n", attr->ino, attr->links,
           attr->generation, attr->flags);
    print_mode(attr->mode, mode);
    printf("Access: (%04o/%s)  Uid: %" PRIu32 "  Gid: %" PRIu32,
           attr->mode & 07777u, mode, attr->uid, attr->gid);
    if (s->type == SHALE_TYPE_CHAR || s->type == SHALE_TYPE_BLOCK)
        printf("  Device type: %" PRIu32 ",%" PRIu32, attr->rdev_major,
               attr->rdev_minor);
    putchar('\n');
    print_time("Access", attr->atime);
    print_time("Modify", attr->mtime);
    print_time("Change", attr->ctime);
    if (attr->btime.sec || attr->btime.nsec)
        print_time(" Birth", attr->btime);
    else
        puts(" Birth: -");
    if (s->type == SHALE_TYPE_FILE)
        printf("Extent: %" PRIu64 ", and %" PRIu64 " hole%s\n", s->extents,
               s->holes, s->holes == 1 ? "" : "s");
    print_xattrs(s);
    statntfs_print(s->vn);
}

static struct json *xattrs_json(struct stat_run *run, const struct subject *s)
{
    struct json *list = json_list();

    for (size_t at = 0; at < s->xattrs_len; at += strlen(s->xattrs + at) + 1) {
        const char *name = s->xattrs + at;
        struct json *object = json_new();
        char *value;
        int64_t len = volume_xattr_value(s->vn, name, &value);

        jsonout_text(object, "name", name);
        if (len < 0) {
            volume_fail(&run->vol, s->path, (int)len);
        } else {
            jsonout_number(object, "size", (uint64_t)len);
            jsonout_bytes(object, "value", value, (size_t)len);
            free(value);
        }
        json_append(list, object);
    }
    return list;
}

static void print_json(struct stat_run *run, const struct subject *s)
{
    struct json *object = json_new();

    jsonout_text(object, "path", s->path);
    jsonout_number(object, "ino", s->attr.ino);
    jsonout_attr(object, &s->attr);
    jsonout_number(object, "block_size", s->attr.block_size);
    jsonout_number(object, "generation", s->attr.generation);
    jsonout_number(object, "flags", s->attr.flags);
    if (s->type == SHALE_TYPE_SYMLINK)
        jsonout_bytes(object, "target", s->target, s->target_len);
    if (s->type == SHALE_TYPE_FILE) {
        jsonout_number(object, "extents", s->extents);
        jsonout_number(object, "holes", s->holes);
    }
    json_set(object, "xattrs", xattrs_json(run, s));
    statntfs_json(s->vn, object);
    jsonout_item(&run->array, object);
}

static void stat_path(struct stat_run *run, const char *path)
{
    struct subject s = { .path = *path ? path : "/" };
    int err;

    s.vn = volume_walk(&run->vol, s.path,
                       run->follow ? 0 : SHALE_WALK_NOFOLLOW);
    if (!s.vn)
        return;
    err = shale_getattr(s.vn, &s.attr);
    if (err) {
        volume_fail(&run->vol, s.path, err);
    } else {
        s.type = shale_type_of_mode(s.attr.mode);
        subject_fill(run, &s);
        if (run->json)
            print_json(run, &s);
        else
            print_text(&s);
        free(s.xattrs);
    }
    shale_vnode_put(s.vn);
}

enum { OPTION_JSON = OPTION_LONG };

static const struct command_option options_stat[] = {
    { 'L', "dereference", NULL, "follow a symlink at the end of a path" },
    { OPTION_JSON, "json", NULL, "one JSON array with an object a file" },
    { 0, NULL, NULL, NULL },
};

static int cmd_stat(int argc, char **argv)
{
    struct stat_run run = { .json = false };
    struct options options;
    char **operands;
    int letter, count, status;

    options_init(&options, &command_stat, argc, argv);
    while ((letter = options_next(&options)) >= 0) {
        if (letter == 'L')
            run.follow = true;
        else
            run.json = true;
    }
    if (letter == OPTIONS_STOP)
        return options.status;
    count = options_operands(&options, &operands);
    status = volume_open(&run.vol, &options, operands, count, NULL);
    if (status != STATUS_OK)
        return status;

    if (run.json)
        jsonout_begin(&run.array);
    for (int i = 0; i < run.vol.path_count; i++)
        stat_path(&run, run.vol.paths[i]);
    if (run.json)
        jsonout_end(&run.array);
    return finish_output(volume_close(&run.vol));
}

const struct command command_stat = {
    .name     = "stat",
    .run      = cmd_stat,
    .operands = "IMAGE:PATH [PATH...] | IMAGE PATH...",
    .summary  = "show all that is known about files",
    .options  = options_stat,
    .image    = true,
};
