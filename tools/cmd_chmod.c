/*
 * cmd_chmod.c - shale chmod: the permissions of files in an image
 */
#include "each.h"
#include "mode.h"

struct chmod {
    struct volume vol;
    const char *mode;
    bool recurse;
};

static void change(void *context, struct shale_vnode *vn, const char *path)
{
    struct chmod *chmod = context;
    struct shale_setattr what = { .valid = SHALE_SET_MODE };
    bool is_dir = shale_vnode_type(vn) == SHALE_TYPE_DIR;
    struct shale_attr attr;
    int err;

    /* Those of a symlink mean nothing. */
    if (shale_vnode_type(vn) == SHALE_TYPE_SYMLINK)
        return;
    err = shale_getattr(vn, &attr);
    if (!err && mode_change(chmod->mode, attr.mode, is_dir, &what.mode) &&
        what.mode != (attr.mode & 07777))
        err = shale_setattr(vn, &what);
    if (err == SHALE_EPERM &&
        (shale_fs_traits(chmod->vol.fs) & SHALE_TRAIT_NO_OWNERS))
        volume_fail_text(&chmod->vol, path, "files of this volume can be "
                         "writable or not, and have no other permissions");
    else if (err)
        volume_fail(&chmod->vol, path, err);
}

static const struct command_option options_chmod[] = {
    { 'R', "recursive", NULL, "with all that is in directories" },
    { 0, NULL, NULL, NULL },
};

static int cmd_chmod(int argc, char **argv)
{
    struct chmod chmod = { .recurse = false };
    struct options options;
    char **operands;
    int letter, count, status;
    uint32_t mode;

    options_init(&options, &command_chmod, argc, argv);
    while ((letter = options_next(&options)) >= 0)
        chmod.recurse = true;
    if (letter == OPTIONS_STOP)
        return options.status;
    count = options_operands(&options, &operands);
    if (count < 2)
        return options_complain(&options, "which mode for which file?");
    chmod.mode = operands[0];
    if (!mode_change(chmod.mode, 0, false, &mode))
        return options_complain(&options, "not a mode: '%s'", chmod.mode);
    status = volume_open_write(&chmod.vol, &options, operands + 1, count - 1,
                               NULL);
    if (status != STATUS_OK)
        return status;

    for (int i = 0; i < chmod.vol.path_count; i++)
        each_file(&chmod.vol, chmod.vol.paths[i],
                  chmod.recurse ? EACH_RECURSE : 0, change, &chmod);
    return volume_close(&chmod.vol);
}

const struct command command_chmod = {
    .name     = "chmod",
    .run      = cmd_chmod,
    .operands = "MODE IMAGE:PATH [PATH...]",
    .summary  = "change the permissions of files",
    .details  =
        "MODE is octal, 0644, or as for chmod(1): u=rwX,g-w,+t. One that "
        "begins\n"
        "with a minus is written a-w.\n",
    .options  = options_chmod,
    .image    = true,
};
