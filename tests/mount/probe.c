/*
 * probe.c - system calls that the shell has no command for
 *
 *     probe map FILE             data and holes, as lseek(2) finds them
 *     probe ioctl FILE           an ioctl that nobody knows
 *     probe name DIR LEN         lstat a name of LEN bytes in DIR
 *     probe read FILE AT LEN     read LEN bytes at AT
 *     probe handle FILE          name_to_handle_at, as a line of hex
 *     probe open DIR HEX         open_by_handle_at, on the mount that DIR is on
 *     probe telldir DIR          list twice, the second time by seekdir only
 *     probe xattr FILE NAME      getxattr: sizes, and errors of small buffers
 *     probe hold FILE            keep FILE open until stdin ends
 *
 * Prints the result, or the name of the error, and exits with 0 unless it was
 * called wrongly.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static int outcome(int failed)
{
    puts(failed ? strerrorname_np(errno) : "ok");
    return 0;
}

static int open_or_say(const char *path, int flags)
{
    int fd = open(path, flags);

    if (fd < 0)
        outcome(1);
    return fd;
}

static int probe_map(const char *path)
{
    int fd = open_or_say(path, O_RDONLY);
    off_t at = 0, data, hole;

    if (fd < 0)
        return 0;
    while ((data = lseek(fd, at, SEEK_DATA)) >= 0) {
        hole = lseek(fd, data, SEEK_HOLE);
        if (hole < 0)
            return outcome(1);
        printf("%jd-%jd ", (intmax_t)data, (intmax_t)hole);
        at = hole;
    }
    printf("%s size %jd\n", strerrorname_np(errno),
           (intmax_t)lseek(fd, 0, SEEK_END));
    close(fd);
    return 0;
}

static int probe_ioctl(const char *path)
{
    int fd = open_or_say(path, O_RDONLY);
    char argument[8] = "";

    if (fd < 0)
        return 0;
    return outcome(ioctl(fd, _IOWR('~', 0x7f, argument), argument) < 0);
}

static int probe_name(const char *dir, const char *len)
{
    char path[8192];
    size_t used = (size_t)snprintf(path, sizeof path, "%s/", dir);
    size_t count = strtoul(len, NULL, 10);
    struct stat st;

    if (used + count >= sizeof path)
        return 2;
    memset(path + used, 'n', count);
    path[used + count] = '\0';
    return outcome(lstat(path, &st) < 0);
}

static int probe_read(const char *path, const char *at, const char *len)
{
    static char buf[1 << 20];
    size_t size = strtoul(len, NULL, 10);
    int fd = open_or_say(path, O_RDONLY);
    ssize_t got;

    if (size > sizeof buf)
        return 2;
    if (fd < 0)
        return 0;
    got = pread(fd, buf, size, strtoll(at, NULL, 10));
    if (got < 0)
        return outcome(1);
    printf("%zd\n", got);
    close(fd);
    return 0;
}

/* ------------------------------------------------------------- handles */

union handle {
    struct file_handle head;
    unsigned char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

static int probe_handle(const char *path)
{
    union handle handle = { .head.handle_bytes = MAX_HANDLE_SZ };
    int mount;

    if (name_to_handle_at(AT_FDCWD, path, &handle.head, &mount, 0) < 0)
        return outcome(1);
    printf("%x:", (unsigned)handle.head.handle_type);
    for (unsigned i = 0; i < handle.head.handle_bytes; i++)
        printf("%02x", handle.head.f_handle[i]);
    putchar('\n');
    return 0;
}

static int probe_open(const char *dir, const char *hex)
{
    union handle handle = { .head.handle_bytes = 0 };
    int mount = open_or_say(dir, O_RDONLY);
    unsigned type, byte;
    struct stat st;
    int used, fd;

    if (mount < 0 || sscanf(hex, "%x:%n", &type, &used) != 1)
        return 2;
    handle.head.handle_type = (int)type;
    for (hex += used; sscanf(hex, "%2x", &byte) == 1; hex += 2)
        handle.head.f_handle[handle.head.handle_bytes++] = (unsigned char)byte;
    fd = open_by_handle_at(mount, &handle.head, O_RDONLY);
    if (fd < 0 || fstat(fd, &st) < 0)
        return outcome(1);
    printf("ino %ju\n", (uintmax_t)st.st_ino);
    if (S_ISDIR(st.st_mode) && fstatat(fd, "..", &st, 0) == 0)
        printf("parent %ju\n", (uintmax_t)st.st_ino);
    return 0;
}

/* --------------------------------------------------------- directories */

static int probe_telldir(const char *path)
{
    DIR *dir = opendir(path);
    static struct place { long at; ino_t ino; } places[200000];
    struct dirent *entry;
    size_t count = 0, wrong = 0;

    if (!dir)
        return outcome(1);
    while (count < sizeof places / sizeof places[0]) {
        places[count].at = telldir(dir);
        entry = readdir(dir);
        if (!entry)
            break;
        places[count++].ino = entry->d_ino;
    }
    for (size_t i = count; i-- > 0;) {
        seekdir(dir, places[i].at);
        entry = readdir(dir);
        if (!entry || entry->d_ino != places[i].ino)
            wrong++;
    }
    printf("%zu entries, %zu wrong\n", count, wrong);
    closedir(dir);
    return 0;
}

static int probe_xattr(const char *path, const char *name)
{
    char value[65536];
    ssize_t need = lgetxattr(path, name, NULL, 0);

    if (need < 0)
        return outcome(1);
    printf("%zd ", need);
    printf("%zd ", lgetxattr(path, name, value, (size_t)need));
    if (need > 1 && lgetxattr(path, name, value, (size_t)need - 1) < 0)
        printf("%s ", strerrorname_np(errno));
    need = llistxattr(path, NULL, 0);
    if (llistxattr(path, value, (size_t)need - 1) < 0)
        printf("%s\n", strerrorname_np(errno));
    return 0;
}

static int probe_hold(const char *path)
{
    int fd = open_or_say(path, O_RDONLY);

    if (fd < 0)
        return 0;
    puts("open");
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";

    if (strcmp(what, "map") == 0)
        return probe_map(argv[2]);
    if (strcmp(what, "ioctl") == 0)
        return probe_ioctl(argv[2]);
    if (strcmp(what, "handle") == 0)
        return probe_handle(argv[2]);
    if (strcmp(what, "telldir") == 0)
        return probe_telldir(argv[2]);
    if (strcmp(what, "hold") == 0)
        return probe_hold(argv[2]);
    if (argc > 3 && strcmp(what, "name") == 0)
        return probe_name(argv[2], argv[3]);
    if (argc > 3 && strcmp(what, "open") == 0)
        return probe_open(argv[2], argv[3]);
    if (argc > 3 && strcmp(what, "xattr") == 0)
        return probe_xattr(argv[2], argv[3]);
    if (argc > 4 && strcmp(what, "read") == 0)
        return probe_read(argv[2], argv[3], argv[4]);
    fprintf(stderr, "probe: wrong arguments; see the top of probe.c\n");
    return 2;
}
