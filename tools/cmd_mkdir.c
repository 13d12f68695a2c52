/*
 * cmd_mkdir.c - shale mkdir: directories in an image
 */
#include <stdlib.h>
#include <string.h>

#include "tools.h"

static const struct shale_node directory = { .mode = SHALE_S_IFDIR | 0755 };

/* Make PATH, whose parent exists. Returns an error, not reported. */
static int make_one(struct volume *vol, const char *path)
{
    struct shale_vnode *dir;
    const char *name;
    size_t len;
    int err;

    err = shale_walk_parent(vol->fs, path, &dir, &name, &len);
    if (err == SHALE_EBUSY)     /* the root, "." or "..": it is there */
        return SHALE_EEXIST;
    if (err)
        return err;
    err = shale_create(dir, name, len, &directory, NULL);
    shale_vnode_put(dir);
    return err;
}

/* Is there a directory at PATH? */
static bool is_dir(struct volume *vol, const char *path)
{
    struct shale_vnode *vn;
    bool dir;

    if (shale_walk(vol->fs, NULL, path, 0, &vn) != 0)
        return false;
    dir = shale_vnode_type(vn) == SHALE_TYPE_DIR;
    shale_vnode_put(vn);
    return dir;
}

/* Make PATH and what is missing above it; what is there is no error. */
static void make_all(struct volume *vol, const char *path)
{
    char *part = xstrdup(path);
    size_t end = strspn(path, "/");
    int err = 0;

    while (!err && path[end]) {
        size_t len = strcspn(path + end, "/");

        end += len;
        part[end] = '\0';
        if (!is_dir(vol, part))
            err = make_one(vol, part);
        if (err)
            volume_fail_new(vol, part, err);
        part[end] = path[end];
        end += strspn(path + end, "/");
    }
    free(part);
}

static const struct command_option options_mkdir[] = {
    { 'p', "parents", NULL, "make what is missing above, too; what is there "
      "already is no error" },
    { 0, NULL, NULL, NULL },
};

static int cmd_mkdir(int argc, char **argv)
{
    struct options options;
    struct volume vol;
    bool parents = false;
    char **operands;
    int letter, count, status;

    options_init(&options, &command_mkdir, argc, argv);
    while ((letter = options_next(&options)) >= 0)
        parents = true;
    if (letter == OPTIONS_STOP)
        return options.status;
    count = options_operands(&options, &operands);
    status = volume_open_write(&vol, &options, operands, count, NULL);
    if (status != STATUS_OK)
        return status;

    for (int i = 0; i < vol.path_count; i++) {
        int err = 0;

        vol.image->fault[0] = '\0';
        if (parents)
            make_all(&vol, vol.paths[i]);
        else
            err = make_one(&vol, vol.paths[i]);
        if (err)
            volume_fail_new(&vol, vol.paths[i], err);
    }
    return volume_close(&vol);
}

const struct command command_mkdir = {
    .name     = "mkdir",
    .run      = cmd_mkdir,
    .operands = "IMAGE:PATH [PATH...] | IMAGE PATH...",
    .summary  = "make directories",
    .options  = options_mkdir,
    .image    = true,
};
