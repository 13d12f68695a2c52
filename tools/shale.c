/*
 * shale.c - the shale command: its table of verbs, and main()
 *
 * Called as mount.shale, mount.fuse.shale or umount.shale, as mount(8) and
 * umount(8) do, it is `shale mount` or `shale umount`; as fsck.shale,
 * fsck.fuse.shale or fsck.shale.ext2, as fsck(8) does, it is `shale check`.
 */
#include <string.h>

#include "start.h"
#include "tools.h"

#ifndef SHALE_FUSE
int cmd_mount(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    report("this shale was built without FUSE and cannot mount");
    return STATUS_USAGE;
}

int cmd_umount(int argc, char **argv)
{
    return cmd_mount(argc, argv);
}
#endif

static const struct command command_mount = {
    .name     = "mount",
    .run      = cmd_mount,
    .operands = "IMAGE DIR",
    .summary  = "mount the volume at DIR",
    .own_help = true,
};

static const struct command command_umount = {
    .name     = "umount",
    .run      = cmd_umount,
    .operands = "DIR",
    .summary  = "unmount, and wait until the image is released",
    .own_help = true,
};

const struct command *const commands[] = {
    &command_info,
    &command_ls,
    &command_tree,
    &command_cat,
    &command_stat,
    &command_cp,
    &command_put,
    &command_mkdir,
    &command_rm,
    &command_mv,
    &command_ln,
    &command_mknod,
    &command_touch,
    &command_chmod,
    &command_chown,
    &command_attr,
    &command_label,
    &command_extents,
    &command_check,
    &command_map,
    &command_mkfs,
    &command_mount,
    &command_umount,
    &command_version,
    &command_help,
    NULL,
};

const struct command *command_find(const char *name)
{
    for (const struct command *const *each = commands; *each; each++)
        if (!strcmp((*each)->name, name))
            return *each;
    return NULL;
}

/* The command that the program's own name asks for; NULL for plain shale. */
static const struct command *command_of_program(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    if (!strcmp(name, "mount.shale") || !strcmp(name, "mount.fuse.shale"))
        return &command_mount;
    if (!strcmp(name, "umount.shale") || !strcmp(name, "umount.fuse.shale"))
        return &command_umount;
    if (!strcmp(name, "fsck.fuse.shale") ||
        (!strncmp(name, "fsck.shale", 10) &&
         (name[10] == '\0' || name[10] == '.')))
        return &command_check;
    return NULL;
}

/* Run COMMAND as "shale VERB", the name that getopt(3) shows in complaints. */
static int command_run(const struct command *command, int argc, char **argv)
{
    static char title[64];

    snprintf(title, sizeof title, "shale %s", command->name);
    argv[0] = title;
    return command->run(argc, argv);
}

int main(int argc, char **argv)
{
    const struct command *command;

    program_start();
    command = argc > 0 ? command_of_program(argv[0]) : NULL;
    if (command)
        return command->run(argc, argv);
    if (argc < 2) {
        help_overview(stderr);
        return STATUS_USAGE;
    }
    argc--;
    argv++;
    if (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h"))
        command = &command_help;
    else if (!strcmp(argv[0], "--version") || !strcmp(argv[0], "-V"))
        command = &command_version;
    else
        command = command_find(argv[0]);
    if (!command) {
        report("no such command: %s (shale help lists them)", argv[0]);
        return STATUS_USAGE;
    }
    return command_run(command, argc, argv);
}
