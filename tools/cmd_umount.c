/*
 * cmd_umount.c - shale umount, and the same as umount(8)'s helper
 */
#include <getopt.h>
#include <stdio.h>

#include "fuse/daemon.h"
#include "mounts.h"
#include "optionerr.h"
#include "tools.h"

static const char usage[] =
    "Usage: shale umount [-l] DIR|IMAGE...\n"
    "Unmount what shale mount has mounted on DIR, or the mount of IMAGE, and\n"
    "return when its daemon has ended and let go of the image.\n"
    "\n"
    "  -l, --lazy   detach at once; the daemon ends when nobody uses it\n"
    "  -h, --help   print this\n"
    "\n"
    "Exit status: 0 unmounted, 1 wrong usage or no permission, 2 the system\n"
    "failed, 32 in use or not mounted.\n";

static const struct option longs[] = {
    { "lazy", no_argument, NULL, 'l' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

int umount_main(int argc, char **argv)
{
    char why[OPTIONERR_MAX];
    bool lazy = false;
    int letter, status = MOUNT_OK;

    optind = 1;
    opterr = 0;
    /* The flags after the colon are umount(8)'s, with no meaning here. */
    while ((letter = getopt_long(argc, argv, ":lh" "fnrvt:N:", longs,
                                 NULL)) >= 0) {
        switch (letter) {
        case 'l':
            lazy = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return finish_output(MOUNT_OK);
        case '?':
        case ':':
            optionerr(argv, longs, letter, why);
            complain(NULL, "%s; see shale umount --help", why);
            return MOUNT_USAGE;
        default:
            break;
        }
    }
    if (optind == argc) {
        complain(NULL, "unmount what? see shale umount --help");
        return MOUNT_USAGE;
    }
    for (; optind < argc; optind++) {
        int one = daemon_unmount(argv[optind], lazy);

        if (one)
            status = one;
    }
    return status;
}
