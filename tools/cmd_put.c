/*
 * cmd_put.c - shale put: files and trees, into an image
 */
#include <unistd.h>

#include "epoch.h"
#include "put.h"

enum { OPTION_PROGRESS = OPTION_LONG, OPTION_NO_PROGRESS, OPTION_OWNER };

static const struct command_option options_put[] = {
    { 'r', "recursive", NULL, "copy directories with all that is in them" },
    { 'R', NULL, NULL, "the same" },
    { 'a', "archive", NULL, "the same" },
    { 'L', "dereference", NULL, "copy what symlinks lead to" },
    { 'n', "no-clobber", NULL, "leave alone what exists already" },
    { OPTION_OWNER, "owner", "UID[:GID]", "all files belong to that owner" },
    { 'v', "verbose", NULL, "print each file's name" },
    { OPTION_PROGRESS, "progress", NULL, "show a bar, terminal or not" },
    { OPTION_NO_PROGRESS, "no-progress", NULL, "show none" },
    { 0, NULL, NULL, NULL },
};

static int cmd_put(int argc, char **argv)
{
    struct put put = { .recurse = false };
    uint32_t owner[2] = { OWNER_KEEP, OWNER_KEEP };
    int progress = -1;          /* 1 yes, 0 no, -1 on a terminal */
    struct options options;
    struct volume vol;
    char **operands;
    int letter, count, status;

    options_init(&options, &command_put, argc, argv);
    while ((letter = options_next(&options)) >= 0) {
        switch (letter) {
        case 'L': put.dereference = true; break;
        case 'n': put.no_clobber = true; break;
        case 'v': put.verbose = true; break;
        case OPTION_OWNER:
            if (!owner_parse(optarg, &owner[0], &owner[1]))
                return options_complain(&options, "not an owner: '%s'", optarg);
            break;
        case OPTION_PROGRESS:    progress = 1; break;
        case OPTION_NO_PROGRESS: progress = 0; break;
        default:  put.recurse = true; break;
        }
    }
    if (letter == OPTIONS_STOP)
        return options.status;
    count = options_operands(&options, &operands);
    if (count < 2)
        return options_complain(&options, "put what into which image?");
    status = volume_open_write(&vol, &options, operands, 1, "/");
    if (status != STATUS_OK)
        return status;

    put.progress = progress < 0 ? isatty(STDERR_FILENO) && !put.verbose
                                : progress > 0;
    put.owner = owner;
    put_init(&put, &vol);
    put_sources(&put, operands + 1, count - 1, vol.paths[0]);
    put_fini(&put);
    return finish_output(volume_close(&vol));
}

const struct command command_put = {
    .name     = "put",
    .run      = cmd_put,
    .operands = "IMAGE[:DEST] FILE...",
    .summary  = "copy files and trees into the image",
    .details  =
        "FILE is a file or directory of this machine, or - for standard "
        "input;\n"
        "DEST is a directory of the image, or the new name. Times, modes,\n"
        "owners, hard links, holes and extended attributes are kept, as far "
        "as\n"
        "the volume has them. Other files that it cannot have are told, and\n"
        "left out. DIR/. is what is in DIR; DEST then becomes as DIR.\n",
    .options  = options_put,
    .image    = true,
};
