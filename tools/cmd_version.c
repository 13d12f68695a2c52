/*
 * cmd_version.c - shale version: what this is, and what it is made with
 */
#include <blkid/blkid.h>
#include <jansson.h>
#include <stdio.h>

#include "tools.h"

#ifdef SHALE_FUSE
#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#endif

static int cmd_version(int argc, char **argv)
{
    const char *blkid_version = NULL;
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
    blkid_get_library_version(&blkid_version, NULL);
    printf("\nlibraries: libblkid %s, jansson %s", blkid_version,
           JANSSON_VERSION);
#ifdef SHALE_FUSE
    printf(", libfuse %s", fuse_pkgversion());
#else
    printf("; no FUSE");
#endif
    putchar('\n');
    return finish_output(STATUS_OK);
}

const struct command command_version = {
    .name     = "version",
    .run      = cmd_version,
    .operands = "",
    .summary  = "print the version, the filesystems and the libraries",
};
