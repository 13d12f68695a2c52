/*
 * mount.c - shale-mount: `shale mount` and `shale umount`
 *
 * shale runs it with its own arguments, "shale mount ...", or with those that
 * mount(8) and umount(8) give to mount.shale, umount.shale and the like.
 */
#include <stdbool.h>
#include <string.h>

#include "mounts.h"
#include "start.h"

static bool begins(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

int main(int argc, char **argv)
{
    static char mount[] = "shale mount", umount[] = "shale umount";
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "";
    bool unmounts = begins(name, "umount.");

    program_start();
    if (!unmounts && !begins(name, "mount.") && argc > 1) {
        argc--;
        argv++;
        unmounts = !strcmp(argv[0], "umount");
        argv[0] = unmounts ? umount : mount;
    }
    return unmounts ? umount_main(argc, argv) : mount_main(argc, argv);
}
