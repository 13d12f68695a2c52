/*
 * cmd_version.c - shale version: what this is, and what it is made with
 */
#include <stdio.h>

#include "tools.h"

static int cmd_version(int argc, char **argv)
{
    struct options options;
    char **operands;

    options_init(&options, &command_version, argc, argv);
    if (options_next(&options) != OPTIONS_END)
        return options.status;
    if (options_operands(&options, &operands) > 0)
        return options_complain(&options, "takes no operand");

    printf("shale %s\nfilesystems:", SHALE_VERSION);
    for (size_t i = 0; shale_all_drivers[i]; i++)
        printf(" %s", shale_driver_name(shale_all_drivers[i]));
    puts("\nlibraries: " SHALE_LIBRARIES);
    return finish_output(STATUS_OK);
}

const struct command command_version = {
    .name     = "version",
    .run      = cmd_version,
    .operands = "",
    .summary  = "print the version, the filesystems and the libraries",
};
