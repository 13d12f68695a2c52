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
 *     probe rename FROM TO FLAGS renameat2
 *     probe mmap FILE AT TEXT    write TEXT at AT by a shared mapping, msync
 *     probe direct FILE AT LEN   write LEN bytes "d" at AT with O_DIRECT
 *     probe copy FROM AT TO AT LEN   copy_file_range, until it is done
 *     probe allocate FILE MODE AT LEN    fallocate
 *     probe fill FILE LEN        write LEN bytes, 4096 at a time, then close
 *     probe late FILE TEXT       write, and when stdin ends fsync, and close
 *     probe tmpfile DIR NAME     make a file without a name (O_TMPFILE); write
 *                                to it; then give it NAME
 *     probe version FILE         FS_IOC_GETVERSION, twice as 32 bits
 *     probe dos FILE [ATTR]      the DOS attributes; set them
 *     probe volume FILE          the volume's id
 *
 * Prints the result, or the name of the error, and exits with 0 unless it was
 * called wrongly.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <linux/msdos_fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
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
    int fd = open(path, flags, 0666);

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

/* -------------------------------------------------------------- changes */

static int probe_rename(const char *from, const char *to, const char *flags)
{
    return outcome(renameat2(AT_FDCWD, from, AT_FDCWD, to,
                             (unsigned)strtoul(flags, NULL, 0)) < 0);
}

static int probe_mmap(const char *path, const char *at, const char *text)
{
    size_t end = strtoul(at, NULL, 0) + strlen(text);
    int fd = open_or_say(path, O_RDWR);
    char *map;

    if (fd < 0)
        return 0;
    map = mmap(NULL, end, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return outcome(1);
    memcpy(map + end - strlen(text), text, strlen(text));
    return outcome(msync(map, end, MS_SYNC) < 0 || munmap(map, end) < 0 ||
                   close(fd) < 0);
}

static int probe_direct(const char *path, const char *at, const char *len)
{
    size_t size = strtoul(len, NULL, 0);
    int fd = open_or_say(path, O_WRONLY | O_CREAT | O_DIRECT);
    void *buf;
    ssize_t done;

    if (fd < 0)
        return 0;
    if (posix_memalign(&buf, 4096, size + 1))
        return 2;
    memset(buf, 'd', size);
    done = pwrite(fd, buf, size, strtoll(at, NULL, 0));
    free(buf);
    if (done < 0)
        return outcome(1);
    printf("%zd\n", done);
    return close(fd);
}

static int probe_copy(char **argv)
{
    off_t from_at = strtoll(argv[3], NULL, 0);
    off_t to_at = strtoll(argv[5], NULL, 0);
    int from = open_or_say(argv[2], O_RDONLY);
    int to = from < 0 ? -1 : open_or_say(argv[4], O_WRONLY | O_CREAT);
    size_t left = strtoul(argv[6], NULL, 0), count = 0;
    ssize_t done = 1;

    if (to < 0)
        return 0;
    while (left > 0 && done > 0) {
        done = copy_file_range(from, &from_at, to, &to_at, left, 0);
        if (done < 0)
            return outcome(1);
        left -= (size_t)done;
        count += (size_t)done;
    }
    printf("%zu\n", count);
    return close(to);
}

static int probe_allocate(const char *path, const char *mode, const char *at,
                          const char *len)
{
    int fd = open_or_say(path, O_WRONLY | O_CREAT);

    if (fd < 0)
        return 0;
    return outcome(fallocate(fd, (int)strtol(mode, NULL, 0),
                             strtoll(at, NULL, 0), strtoll(len, NULL, 0)) < 0);
}

/* Which call fails, if any, and how. */
static int probe_fill(const char *path, const char *len)
{
    static const char block[4096] = "fill";
    off_t left = strtoll(len, NULL, 0);
    int fd = open_or_say(path, O_WRONLY | O_CREAT);

    if (fd < 0)
        return 0;
    while (left > 0) {
        ssize_t done = write(fd, block, sizeof block);

        if (done < 0) {
            printf("write ");
            return outcome(1);
        }
        left -= done;
    }
    if (close(fd) < 0) {
        printf("close ");
        return outcome(1);
    }
    return outcome(0);
}

static int probe_late(const char *path, const char *text)
{
    int fd = open_or_say(path, O_WRONLY | O_CREAT);
    ssize_t done;

    if (fd < 0)
        return 0;
    done = write(fd, text, strlen(text));
    printf("write %s", done < 0 ? strerrorname_np(errno) : "ok");
    puts("");
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    printf("fsync %s", fsync(fd) < 0 ? strerrorname_np(errno) : "ok");
    printf(" close %s\n", close(fd) < 0 ? strerrorname_np(errno) : "ok");
    return 0;
}

static int probe_dos(const char *path, const char *flags)
{
    int fd = open_or_say(path, O_RDONLY);
    uint32_t value = flags ? (uint32_t)strtoul(flags, NULL, 0) : 0;

    if (fd < 0)
        return 0;
    if (flags)
        return outcome(ioctl(fd, FAT_IOCTL_SET_ATTRIBUTES, &value) < 0);
    if (ioctl(fd, FAT_IOCTL_GET_ATTRIBUTES, &value) < 0)
        return outcome(1);
    printf("0x%02x\n", (unsigned)value);
    return close(fd);
}

static int probe_volume(const char *path)
{
    int fd = open_or_say(path, O_RDONLY);
    uint32_t value = 0;

    if (fd < 0)
        return 0;
    if (ioctl(fd, FAT_IOCTL_GET_VOLUME_ID, &value) < 0)
        return outcome(1);
    printf("%08x\n", (unsigned)value);
    return close(fd);
}

static int probe_tmpfile(const char *dir, const char *name)
{
    int fd = open_or_say(dir, O_TMPFILE | O_RDWR);
    struct stat before, after;
    char path[40];

    if (fd < 0)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (write(fd, "temp", 4) != 4 || fstat(fd, &before) < 0 ||
        linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW) < 0 ||
        fstat(fd, &after) < 0)
        return outcome(1);
    printf("%jd bytes, %ju names, then %ju\n", (intmax_t)before.st_size,
           (uintmax_t)before.st_nlink, (uintmax_t)after.st_nlink);
    close(fd);
    return 0;
}

static int probe_version(const char *path)
{
    int fd = open_or_say(path, O_RDONLY);
    unsigned long wide = 0;
    unsigned narrow = 1;

    if (fd < 0)
        return 0;
    if (ioctl(fd, FS_IOC_GETVERSION, &wide) < 0 ||
        ioctl(fd, FS_IOC32_GETVERSION, &narrow) < 0)
        return outcome(1);
    printf("%lu %u\n", wide, narrow);
    close(fd);
    return 0;
}

/* Those that change something. -1: there is no such one. */
static int change(int argc, char **argv, const char *what)
{
    if (strcmp(what, "dos") == 0)
        return probe_dos(argv[2], argv[3]);
    if (strcmp(what, "volume") == 0)
        return probe_volume(argv[2]);
    if (strcmp(what, "version") == 0)
        return probe_version(argv[2]);
    if (argc > 3 && strcmp(what, "tmpfile") == 0)
        return probe_tmpfile(argv[2], argv[3]);
    if (argc > 3 && strcmp(what, "fill") == 0)
        return probe_fill(argv[2], argv[3]);
    if (argc > 3 && strcmp(what, "late") == 0)
        return probe_late(argv[2], argv[3]);
    if (argc > 4 && strcmp(what, "rename") == 0)
        return probe_rename(argv[2], argv[3], argv[4]);
    if (argc > 4 && strcmp(what, "mmap") == 0)
        return probe_mmap(argv[2], argv[3], argv[4]);
    if (argc > 4 && strcmp(what, "direct") == 0)
        return probe_direct(argv[2], argv[3], argv[4]);
    if (argc > 5 && strcmp(what, "allocate") == 0)
        return probe_allocate(argv[2], argv[3], argv[4], argv[5]);
    if (argc > 6 && strcmp(what, "copy") == 0)
        return probe_copy(argv);
    return -1;
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    int status;

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
    status = argc > 2 ? change(argc, argv, what) : -1;
    if (status >= 0)
        return status;
    fprintf(stderr, "probe: wrong arguments; see the top of probe.c\n");
    return 2;
}
