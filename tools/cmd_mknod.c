/*
 * cmd_mknod.c - shale mknod: devices and fifos in an image
 */
#include <string.h>

#include "mode.h"
#include "tools.h"

/*
 * Take the paths behind the first one as mknod(1) does: a letter, and for
 * devices their numbers. False if they are wrong.
 */
static bool take_type(const struct volume *vol, struct shale_node *node)
{
    const char *type = vol->path_count > 1 ? vol->paths[1] : "";
    bool device = !strcmp(type, "b") || !strcmp(type, "c") ||
                  !strcmp(type, "u");
    uint64_t major, minor;

    if (!strcmp(type, "p")) {
        node->mode |= SHALE_S_IFIFO;
        return vol->path_count == 2;
    }
    node->mode |= *type == 'b' ? SHALE_S_IFBLK : SHALE_S_IFCHR;
    if (!device || vol->path_count != 4 ||
        !options_number(vol->paths[2], 0, UINT32_MAX, &major) ||
        !options_number(vol->paths[3], 0, UINT32_MAX, &minor))
        return false;
    node->rdev_major = (uint32_t)major;
    node->rdev_minor = (uint32_t)minor;
    return true;
}

static void make(struct volume *vol, const struct shale_node *node)
{
    const char *path = vol->paths[0], *name;
    struct shale_vnode *dir;
    size_t len;
    int err;

    dir = volume_parent(vol, path, &name, &len);
    if (!dir)
        return;
    if (path_wants_dir(path))
        err = SHALE_ENOTDIR;
    else
        err = shale_create(dir, name, len, node, NULL);
    shale_vnode_put(dir);
    if (err == SHALE_ENOTSUP)
        volume_fail_text(vol, path, "this volume has files and directories "
                         "only");
    else if (err == SHALE_EINVAL)
        volume_fail_text(vol, path, "not a name, or a number, that this volume "
                         "can have");
    else if (err)
        volume_fail_new(vol, path, err);
}

static const struct command_option options_mknod[] = {
    { 'm', "mode", "MODE", "its permissions, as for chmod; else 0644" },
    { 0, NULL, NULL, NULL },
};

static int cmd_mknod(int argc, char **argv)
{
    struct shale_node node = { .mode = 0644 };
    struct options options;
    struct volume vol;
    char **operands;
    int letter, count, status;

    options_init(&options, &command_mknod, argc, argv);
    while ((letter = options_next(&options)) >= 0)
        if (!mode_change(optarg, 0666, false, &node.mode))
            return options_complain(&options, "not a mode: '%s'", optarg);
    if (letter == OPTIONS_STOP)
        return options.status;
    count = options_operands(&options, &operands);
    status = volume_open_write(&vol, &options, operands, count, NULL);
    if (status != STATUS_OK)
        return status;

    if (take_type(&vol, &node)) {
        make(&vol, &node);
    } else {
        vol.status = options_complain(&options, "what is it to be? b MAJOR "
                                      "MINOR, c MAJOR MINOR, or p");
    }
    return volume_close(&vol);
}

const struct command command_mknod = {
    .name     = "mknod",
    .run      = cmd_mknod,
    .operands = "IMAGE:PATH {b,c} MAJOR MINOR | IMAGE:PATH p",
    .summary  = "make a device or a fifo",
    .details  = "b is a block device, c a character device, p a fifo.\n",
    .options  = options_mknod,
    .image    = true,
};
