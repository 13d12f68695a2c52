/*
 * inuse.c - does the kernel itself have an image in use?
 *
 * Every loop device says in /sys/block/loopN/loop/backing_file which file it
 * is on. Where there is no sysfs, nobody can tell, and the answer is no.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "host/inuse.h"

/* Store the first line of the file at PATH in LINE, of PATH_MAX bytes. */
static bool read_line(const char *path, char *line)
{
    FILE *file = fopen(path, "re");
    bool ok;

    if (!file)
        return false;
    ok = fgets(line, PATH_MAX, file) != NULL;
    fclose(file);
    if (ok)
        line[strcspn(line, "\n")] = '\0';
    return ok;
}

bool inuse_by_loop(int fd)
{
    char path[300], backing[PATH_MAX];
    const struct dirent *entry;
    struct stat ours, theirs;
    bool found = false;
    DIR *dir;

    if (fstat(fd, &ours) != 0 || !S_ISREG(ours.st_mode))
        return false;
    dir = opendir("/sys/block");
    if (!dir)
        return false;
    while (!found && (entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, "loop", 4) != 0)
            continue;
        snprintf(path, sizeof path, "/sys/block/%s/loop/backing_file",
                 entry->d_name);
        found = read_line(path, backing) && stat(backing, &theirs) == 0 &&
                theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
    }
    closedir(dir);
    return found;
}
