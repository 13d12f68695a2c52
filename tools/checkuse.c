/*
 * checkuse.c - is somebody changing what is being read?
 *
 * Ways in which a volume can be in use, and what of Linux tells it:
 *
 *     a block device, or a partition of it, is mounted, or a device is made
 *     of it                       /proc/self/mountinfo, /sys/dev/block
 *     a loop device is on the image, and that is so
 *                                 /sys/block/loopN/loop/backing_file
 *     a program serves it         /proc/self/mountinfo, type fuse: the source
 *     a program has locked it     fcntl(2)
 *
 * What is mounted read-only does not change. Mounts of other namespaces are not
 * seen; a lock may tell of them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "checkuse.h"
#include "tools.h"

/* -------------------------------------------------------------- mountinfo */

/* One mount: proc(5), "/proc/pid/mountinfo". */
struct mount {
    dev_t dev;
    char *dir, *type, *source;
    bool writable;              /* the filesystem, whatever the mount says */
};

/* Blanks and the like come as a backslash and three octal digits. */
static void unescape(char *text)
{
    char *out = text;

    while (*text) {
        if (*text == '\\' && strspn(text + 1, "01234567") >= 3) {
            *out++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
                            (text[3] - '0'));
            text += 4;
        } else {
            *out++ = *text++;
        }
    }
    *out = '\0';
}

/* Take LINE apart: "ID PARENT MAJOR:MINOR ROOT DIR OPTIONS ... - TYPE SOURCE
   OPTIONS". False if it is not like that. */
static bool parse(char *line, struct mount *out)
{
    char *end = strstr(line, " - "), *words[5], *super;
    unsigned major, minor;

    if (!end)
        return false;
    *end = '\0';
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!(words[i] = strsep(&line, " ")) || !line)
            return false;
    end += 3;
    out->dir = words[4];
    out->type = strsep(&end, " ");
    out->source = strsep(&end, " ");
    super = strsep(&end, " \n");
    if (!super || sscanf(words[2], "%u:%u", &major, &minor) != 2)
        return false;
    out->dev = makedev(major, minor);
    out->writable = !strncmp(super, "rw", 2);
    unescape(out->dir);
    unescape(out->source);
    return true;
}

/* Does MOUNT write to the file FILE, by a program that serves it? */
static bool serves(const struct mount *mount, const struct stat *file)
{
    struct stat source;

    return !strncmp(mount->type, "fuse", 4) && *mount->source == '/' &&
           stat(mount->source, &source) == 0 &&
           source.st_dev == file->st_dev && source.st_ino == file->st_ino;
}

/*
 * Where DEV, or what a program makes of FILE (unless that is NULL), is mounted
 * to be written to: "mounted on /mnt", or NULL.
 */
static char *find_mount(dev_t dev, const struct stat *file)
{
    FILE *list = fopen("/proc/self/mountinfo", "re");
    char *line = NULL, *found = NULL;
    struct mount mount;
    size_t room = 0;

    while (list && !found && getline(&line, &room, list) > 0)
        if (parse(line, &mount) && mount.writable &&
            (file ? serves(&mount, file) : mount.dev == dev) &&
            asprintf(&found, "mounted on %s", mount.dir) < 0)
            found = NULL;
    free(line);
    if (list)
        fclose(list);
    return found;
}

/* ---------------------------------------------------------------- devices */

/* Store the first line of the file FORMAT in LINE, of PATH_MAX bytes. */
__attribute__((format(printf, 2, 3)))
static bool read_line(char *line, const char *format, ...)
{
    char path[PATH_MAX];
    va_list args;
    FILE *file;
    bool ok;

    va_start(args, format);
    ok = vsnprintf(path, sizeof path, format, args) < (int)sizeof path;
    va_end(args);
    file = ok ? fopen(path, "re") : NULL;
    if (!file)
        return false;
    ok = fgets(line, PATH_MAX, file) != NULL;
    fclose(file);
    if (ok)
        line[strcspn(line, "\n")] = '\0';
    return ok;
}

/* The number of the device whose folder in /sys is FOLDER/NAME. */
static bool device_of(const char *folder, const char *name, dev_t *out)
{
    char line[PATH_MAX];
    unsigned major, minor;

    if (!read_line(line, "%s/%s/dev", folder, name) ||
        sscanf(line, "%u:%u", &major, &minor) != 2)
        return false;
    *out = makedev(major, minor);
    return true;
}

/* "part of the device dm-0", if the device at FOLDER is; or NULL. */
static char *find_holder(const char *folder)
{
    char path[PATH_MAX], *found = NULL;
    const struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof path, "%s/holders", folder);
    dir = opendir(path);
    while (dir && !found && (entry = readdir(dir)))
        if (entry->d_name[0] != '.' &&
            asprintf(&found, "part of the device %s", entry->d_name) < 0)
            found = NULL;
    if (dir)
        closedir(dir);
    return found;
}

/* Who writes to the block device DEV, or to a partition of it. */
static char *find_device(dev_t dev)
{
    char folder[64], *found = find_mount(dev, NULL), line[PATH_MAX];
    const struct dirent *entry;
    dev_t part;
    DIR *dir;

    snprintf(folder, sizeof folder, "/sys/dev/block/%u:%u", major(dev),
             minor(dev));
    if (!found)
        found = find_holder(folder);
    dir = opendir(folder);
    while (dir && !found && (entry = readdir(dir)))
        if (read_line(line, "%s/%s/partition", folder, entry->d_name) &&
            device_of(folder, entry->d_name, &part))
            found = find_mount(part, NULL);
    if (dir)
        closedir(dir);
    return found;
}

/* Who writes to a loop device on FILE. */
static char *find_loop(const struct stat *file)
{
    static const char folder[] = "/sys/block";
    char backing[PATH_MAX], *found = NULL;
    const struct dirent *entry;
    DIR *dir = opendir(folder);
    struct stat other;
    dev_t dev;

    while (dir && !found && (entry = readdir(dir)))
        if (!strncmp(entry->d_name, "loop", 4) &&
            read_line(backing, "%s/%s/loop/backing_file", folder,
                      entry->d_name) &&
            stat(backing, &other) == 0 && other.st_dev == file->st_dev &&
            other.st_ino == file->st_ino &&
            device_of(folder, entry->d_name, &dev))
            found = find_device(dev);
    if (dir)
        closedir(dir);
    return found;
}

/* ------------------------------------------------------------------ locks */

/* What a lock of TYPE on LEN bytes at AT (0: all from there) would have to wait
   for, in *OUT. False if for nothing. */
static bool find_conflict(int fd, short type, off_t at, off_t len,
                          struct flock *out)
{
    *out = (struct flock){
        .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = len,
    };
    return fcntl(fd, F_OFD_GETLK, out) == 0 && out->l_type != F_UNLCK;
}

/*
 * Who writes, locks for himself alone. But QEMU says what it does by shared
 * locks on bytes from 100 on: on the second one, that it writes.
 */
static char *find_lock(int fd)
{
    const off_t first = 100, last = 199, writes = 101;
    struct flock lock;

    if (find_conflict(fd, F_RDLCK, 0, 0, &lock))
        return xstrdup(CHECKUSE_LOCKED);
    if (find_conflict(fd, F_WRLCK, writes, 1, &lock) && lock.l_start >= first &&
        lock.l_len > 0 && lock.l_len <= last + 1 - first)
        return xstrdup(CHECKUSE_LOCKED);
    return NULL;
}

char *checkuse_find(const char *name, int fd)
{
    struct stat file;
    char *found;

    if (stat(name, &file) != 0)
        return NULL;
    found = find_mount(0, &file);
    if (!found && S_ISBLK(file.st_mode))
        found = find_device(file.st_rdev);
    else if (!found)
        found = find_loop(&file);
    return found ? found : find_lock(fd);
}
