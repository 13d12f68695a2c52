/*
 * cmd_chown.c - shale chown: the owners of files in an image
 */
#include "each.h"
#include "owner.h"

struct chown {
    struct volume vol;
    struct shale_setattr what;
};

static void change(void *context, struct shale_vnode *vn, const char *path)
{
    struct chown *chown = context;
    int err = shale_setattr(vn, &chown->what);

    if (err && (shale_fs_traits(chown->vol.fs) & SHALE_TRAIT_NO_OWNERS))
        volume_fail_text(&chown->vol, path, "files of this volume have no "
                         "owners");
    else if (err)
        volume_fail(&chown->vol, path, err);
}

static const struct command_option options_chown[] = {
    { 'R', "recursive", NULL, "with all that is in directories" },
    { 'h', "no-dereference", NULL, "symlinks themselves, not what they lead "
      "to" },
    { 0, NULL, NULL, NULL },
};

static int cmd_chown(int argc, char **argv)
{
    struct chown chown = { .what = { .valid = 0 } };
    struct options options;
    unsigned flags = 0;
    char **operands;
    int letter, count, status;

    options_init(&options, &command_chown, argc, argv);
    while ((letter = options_next(&options)) >= 0)
        flags |= letter == 'R' ? EACH_RECURSE : EACH_NOFOLLOW;
    if (letter == OPTIONS_STOP)
        return options.status;
    count = options_operands(&options, &operands);
    if (count < 2)
        return options_complain(&options, "which owner for which file?");
    if (!owner_is_one(operands[0]))
        return options_complain(&options, "not an owner: '%s'", operands[0]);
    status = volume_open_write(&chown.vol, &options, operands + 1, count - 1,
                               NULL);
    if (status != STATUS_OK)
        return status;

    if (!owner_find(&chown.vol, operands[0], &chown.what.uid,
                    &chown.what.gid)) {
        chown.vol.status = STATUS_USAGE;
        return volume_close(&chown.vol);
    }
    if (chown.what.uid != OWNER_KEEP)
        chown.what.valid |= SHALE_SET_UID;
    if (chown.what.gid != OWNER_KEEP)
        chown.what.valid |= SHALE_SET_GID;
    for (int i = 0; i < chown.vol.path_count; i++)
        each_file(&chown.vol, chown.vol.paths[i], flags, change, &chown);
    return volume_close(&chown.vol);
}

const struct command command_chown = {
    .name     = "chown",
    .run      = cmd_chown,
    .operands = "OWNER[:GROUP] IMAGE:PATH [PATH...]",
    .summary  = "change the owners of files",
    .details  =
        "OWNER and GROUP are numbers, or names that the image's own "
        "/etc/passwd and\n"
        "/etc/group have. 1000: is 1000:1000, www-data: goes with its login "
        "group,\n"
        "and :100 changes the group alone.\n",
    .options  = options_chown,
    .image    = true,
};
