/*
 * cmd_mkdir.c - shale mkdir: directories in an image
 */
#include <stdlib.h>
#include <string.h>

#include "mode.h"
#include "tools.h"

#define USUAL_MODE 0755u

struct mkdir {
    struct volume vol;
    bool parents;
    bool has_mode;              /* exactly .mode, whatever is inherited */
    uint32_t mode;
};

/* VN, which is new, gets the mode that was asked for; what its directory's
   set-group-id bit has given it stays, as for mkdir(1). */
static int set_mode(const struct mkdir *mkdir, struct shale_vnode *vn)
{
    struct shale_setattr what = { .valid = SHALE_SET_MODE };
    struct shale_attr attr;
    int err;

    if (!mkdir->has_mode ||
        (shale_fs_traits(mkdir->vol.fs) & SHALE_TRAIT_NO_OWNERS))
        return 0;
    err = shale_getattr(vn, &attr);
    if (err)
        return err;
    what.mode = mkdir->mode | (attr.mode & 02000);
    return what.mode == (attr.mode & 07777) ? 0 : shale_setattr(vn, &what);
}

/* Make PATH, whose parent exists: the LAST one, or one on the way there.
   Returns an error, not reported. */
static int make_one(struct mkdir *mkdir, const char *path, bool last)
{
    const struct shale_node directory = {
        .mode = SHALE_S_IFDIR | (last ? mkdir->mode : USUAL_MODE),
    };
    struct volume *vol = &mkdir->vol;
    struct shale_vnode *vn;
    struct shale_vnode *dir;
    const char *name;
    size_t len;
    int err;

    err = shale_walk_parent(vol->fs, path, &dir, &name, &len);
    if (err == SHALE_EBUSY)     /* the root, "." or "..": it is there */
        return SHALE_EEXIST;
    if (err)
        return err;
    err = shale_create(dir, name, len, &directory, &vn);
    shale_vnode_put(dir);
    if (err)
        return err;
    if (last)
        err = set_mode(mkdir, vn);
    shale_vnode_put(vn);
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
static void make_all(struct mkdir *mkdir, const char *path)
{
    struct volume *vol = &mkdir->vol;
    char *part = xstrdup(path);
    size_t end = strspn(path, "/");
    int err = 0;

    while (!err && path[end]) {
        size_t len = strcspn(path + end, "/");

        end += len;
        part[end] = '\0';
        end += strspn(path + end, "/");
        if (!is_dir(vol, part))
            err = make_one(mkdir, part, !path[end]);
        if (err)
            volume_fail_new(vol, part, err);
        memcpy(part, path, end);
    }
    free(part);
}

static const struct command_option options_mkdir[] = {
    { 'p', "parents", NULL, "make what is missing above, too; what is there "
      "already is no error" },
    { 'm', "mode", "MODE", "their permissions, as for chmod; else 0755, as of "
      "what -p makes above" },
    { 0, NULL, NULL, NULL },
};

/* Take the options; STATUS_OK, or another status after a complaint. */
static int take_options(struct mkdir *mkdir, struct options *options)
{
    int letter;

    while ((letter = options_next(options)) >= 0) {
        if (letter == 'p') {
            mkdir->parents = true;
        } else if (mode_change(optarg, 0777, true, &mkdir->mode)) {
            mkdir->has_mode = true;
        } else {
            options_complain(options, "not a mode: '%s'", optarg);
            return STATUS_USAGE;
        }
    }
    return letter == OPTIONS_STOP ? OPTIONS_STOP : STATUS_OK;
}

static int cmd_mkdir(int argc, char **argv)
{
    struct mkdir mkdir = { .mode = USUAL_MODE };
    struct options options;
    struct volume *vol = &mkdir.vol;
    char **operands;
    int count, status;

    options_init(&options, &command_mkdir, argc, argv);
    status = take_options(&mkdir, &options);
    if (status != STATUS_OK)
        return status == OPTIONS_STOP ? options.status : status;
    count = options_operands(&options, &operands);
    status = volume_open_write(vol, &options, operands, count, NULL);
    if (status != STATUS_OK)
        return status;

    for (int i = 0; i < vol->path_count; i++) {
        int err = 0;

        vol->image->fault[0] = '\0';
        if (mkdir.parents)
            make_all(&mkdir, vol->paths[i]);
        else
            err = make_one(&mkdir, vol->paths[i], true);
        if (err)
            volume_fail_new(vol, vol->paths[i], err);
    }
    return volume_close(vol);
}

const struct command command_mkdir = {
    .name     = "mkdir",
    .run      = cmd_mkdir,
    .operands = "IMAGE:PATH [PATH...] | IMAGE PATH...",
    .summary  = "make directories",
    .options  = options_mkdir,
    .image    = true,
};
