/*
 * dumpdir.c - the tree below a directory, through the kernel, as dump.h says
 *
 * Goes from descriptor to descriptor, so that paths may be longer than the
 * kernel takes in one call, and leaves access times alone where it may.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "dump.h"

enum { LIST_MAX = 65536 };

static struct dump dump;
static char names[LIST_MAX], value[LIST_MAX];

static int open_at(int dir, const char *name, int flags)
{
    int fd = openat(dir, name, flags | O_NOATIME | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 && errno == EPERM)
        fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC);
    return fd;
}

static void read_at(void *file, void *buf, size_t len, uint64_t offset)
{
    char *to = buf;

    while (len > 0) {
        ssize_t got = pread(*(int *)file, to, len, (off_t)offset);

        if (got <= 0)
            dump_die("read: %s", got ? strerror(errno) : "too short");
        to += got;
        offset += (uint64_t)got;
        len -= (size_t)got;
    }
}

static int64_t seek(void *file, uint64_t offset, bool hole)
{
    off_t at = lseek(*(int *)file, (off_t)offset,
                     hole ? SEEK_HOLE : SEEK_DATA);

    if (at < 0 && errno != ENXIO)
        dump_die("lseek: %s", strerror(errno));
    return at;
}

static void take_xattrs(struct dump_node *node, int dir, const char *name)
{
    char path[300 + sizeof "/proc/self/fd/0123456789/"];
    ssize_t len;

    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir, name);
    len = llistxattr(path, names, sizeof names);
    if (len < 0 && errno != ENOTSUP)
        dump_die("%s: listxattr: %s", node->path, strerror(errno));
    for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1) {
        ssize_t size = lgetxattr(path, names + at, value, sizeof value);

        if (size < 0)
            dump_die("%s: %s: %s", node->path, names + at, strerror(errno));
        dump_xattr(node, names + at, value, (size_t)size);
    }
}

static void take_data(struct dump_node *node, int dir, const char *name)
{
    char target[PATH_MAX + 1];
    struct dump_source source = {
        .size = node->size, .read = read_at, .seek = seek,
    };
    ssize_t len;
    int fd;

    switch (node->mode & S_IFMT) {
    case S_IFREG:
        fd = open_at(dir, name, O_RDONLY);
        if (fd < 0)
            dump_die("%s: %s", node->path, strerror(errno));
        source.file = &fd;
        node->data = dump_hash(&dump, &source);
        if (dump.options.holes)
            node->ranges = dump_ranges(&source);
        close(fd);
        break;
    case S_IFLNK:
        len = readlinkat(dir, name, target, sizeof target);
        if (len < 0)
            dump_die("%s: %s", node->path, strerror(errno));
        node->data = dump_target(target, (size_t)len);
        break;
    default:
        node->data = strdup("-");
        break;
    }
}

static struct shale_time time_of(struct timespec t)
{
    return (struct shale_time){ t.tv_sec, (uint32_t)t.tv_nsec };
}

static mode_t take_node(int dir, const char *name, const char *path)
{
    struct dump_node node = { .path = strdup(path) };
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        dump_die("%s: %s", path, strerror(errno));
    node.ino = st.st_ino;
    node.size = (uint64_t)st.st_size;
    node.links = st.st_nlink;
    node.mode = st.st_mode;
    node.uid = st.st_uid;
    node.gid = st.st_gid;
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
        node.rdev_major = major(st.st_rdev);
        node.rdev_minor = minor(st.st_rdev);
    }
    node.mtime = time_of(st.st_mtim);
    node.atime = time_of(st.st_atim);
    node.ctime = time_of(st.st_ctim);
    take_xattrs(&node, dir, name);
    take_data(&node, dir, name);
    dump_add(&dump, &node);
    return st.st_mode;
}

static void walk(int fd, const char *path)
{
    DIR *dir = fdopendir(fd);
    struct dirent *entry;

    if (!dir)
        dump_die("%s: %s", path, strerror(errno));
    while ((errno = 0, entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;
        char *below;

        if (!strcmp(name, ".") || !strcmp(name, ".."))
            continue;
        below = dump_join(path, name, strlen(name));
        if (S_ISDIR(take_node(fd, name, below))) {
            int next = open_at(fd, name, O_RDONLY | O_DIRECTORY);

            if (next < 0)
                dump_die("%s: %s", below, strerror(errno));
            walk(next, below);
        }
        free(below);
    }
    if (errno != 0)
        dump_die("%s: %s", path, strerror(errno));
    closedir(dir);
}

int main(int argc, char **argv)
{
    struct rlimit files;
    int at = dump_getopt(argc, argv, "", "dumpdir [-sHdb] DIR", NULL,
                         &dump.options);
    int fd;

    if (at != argc - 1)
        dump_die("usage: dumpdir [-sHdb] DIR");
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    fd = open(argv[at], O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        dump_die("%s: %s", argv[at], strerror(errno));
    take_node(fd, ".", "");
    walk(fd, "");
    dump_print(&dump);
    return 0;
}
