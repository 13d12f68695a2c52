/*
 * backend_posix.c - operations carried out through a mount, by system calls
 *
 * Whether data goes by write(2) and read(2) or through a shared mapping is
 * decided by the operation's numbers, so that a run can be repeated.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "backend.h"
#include "shale/err.h"
#include "shale/shale.h"

enum { PATH_ROOM = 8192 };

struct posix {
    struct backend base;
    const char *command;        /* shale's; NULL: it is the kernel's mount */
    const char *type, *image, *dir, *options;
    int slots[OP_SLOTS];        /* descriptors, or -1 */
    void *map;                  /* of the image, while it is not mounted */
};

static struct posix *posix_of(struct backend *backend)
{
    return (struct posix *)backend;
}

static int64_t answer(int64_t got)
{
    return got < 0 ? -errno : got;
}

static const char *full(struct posix *p, const char *path, char *out)
{
    snprintf(out, PATH_ROOM, "%s%s", p->dir, path);
    return out;
}

/* A descriptor of the file at PATH, to be given back to close_file(). Devices
   are left alone. */
static int open_file(struct posix *p, const char *path, int flags)
{
    char at[PATH_ROOM];
    struct stat st;
    int fd;

    if (path[0] == '@') {
        fd = p->slots[(unsigned)(path[1] - '0') % OP_SLOTS];
        if (fd < 0)
            errno = ENOENT;
        return fd;
    }
    full(p, path, at);
    if (stat(at, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    return open(at, flags | O_CLOEXEC);
}

/* With what was DONE; an error that comes now counts. */
static int64_t close_file(const char *path, int fd, int64_t done)
{
    if (path[0] != '@' && fd >= 0 && close(fd) != 0 && done >= 0)
        return -errno;
    return done;
}

/* ----------------------------------------------------------------- data */

/* LEN bytes at OFFSET of the file, mapped; *SKIP is where they begin. */
static uint8_t *map_part(int fd, uint64_t offset, size_t len, size_t *skip,
                         size_t *size)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    void *at;

    *skip = (size_t)(offset % page);
    *size = len + *skip;
    at = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
              (off_t)(offset - *skip));
    return at == MAP_FAILED ? NULL : at;
}

static sigjmp_buf no_page;

static void on_bus(int number)
{
    (void)number;
    siglongjmp(no_page, 1);
}

/* Copy within mapped files. False if they cannot be read or written now. */
static bool map_copy(void *to, const void *from, size_t len)
{
    const struct sigaction catch = { .sa_handler = on_bus };
    struct sigaction before;
    volatile bool done = false;

    sigaction(SIGBUS, &catch, &before);
    if (sigsetjmp(no_page, 1) == 0) {
        memcpy(to, from, len);
        done = true;
    }
    sigaction(SIGBUS, &before, NULL);
    return done;
}

static uint64_t size_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static int64_t write_data(int fd, const struct op *op)
{
    uint64_t at = op->kind == OP_APPEND ? size_of(fd) : op->a;
    uint8_t *bytes = need((size_t)op->b), *map;
    size_t skip, size;
    int64_t done = 0;

    stamp_fill(bytes, (size_t)op->b, at, op->c);
    if (op->c % 2 && op->b > 0 && at + op->b <= size_of(fd) &&
        (map = map_part(fd, at, (size_t)op->b, &skip, &size)) != NULL) {
        if (!map_copy(map + skip, bytes, (size_t)op->b))
            done = -EIO;
        else if (op->c % 4 == 1 && msync(map, size, MS_SYNC) != 0)
            done = -errno;
        munmap(map, size);
        free(bytes);
        return done ? done : (int64_t)op->b;
    }
    while (done < (int64_t)op->b) {
        ssize_t part = pwrite(fd, bytes + done, (size_t)op->b - (size_t)done,
                              (off_t)at + done);

        if (part <= 0) {
            if (done == 0)
                done = part < 0 ? -errno : 0;
            break;
        }
        done += part;
    }
    free(bytes);
    return done;
}

static int64_t read_data(int fd, const struct op *op, uint8_t *buf)
{
    uint64_t end = size_of(fd);
    uint64_t len = op->a >= end ? 0 : op->b;
    size_t skip, size;
    uint8_t *map;
    int64_t done = 0;

    if (len > end - op->a)
        len = end - op->a;
    if (op->b % 2 && len > 0 &&
        (map = map_part(fd, op->a, (size_t)len, &skip, &size)) != NULL) {
        done = map_copy(buf, map + skip, (size_t)len) ? (int64_t)len : -EIO;
        munmap(map, size);
        return done;
    }
    while (done < (int64_t)op->b) {
        ssize_t part = pread(fd, buf + done, (size_t)op->b - (size_t)done,
                             (off_t)op->a + done);

        if (part < 0)
            return -errno;
        if (part == 0)
            break;
        done += part;
    }
    return done;
}

static int64_t copy(struct posix *p, int from, const struct op *op)
{
    int to = open_file(p, op->to, O_RDWR);
    off_t in = (off_t)op->a, out = (off_t)op->c;
    uint64_t len = op->b;
    int64_t done = 0;

    if (to < 0)
        return -errno;
    /* A file that is copied to its own end grows meanwhile. */
    if (len > 0 && op->a < size_of(from) && len > size_of(from) - op->a)
        len = size_of(from) - op->a;
    while (done < (int64_t)len) {
        ssize_t part = copy_file_range(from, &in, to, &out,
                                       (size_t)len - (size_t)done, 0);

        if (part <= 0) {
            if (done == 0)
                done = answer(part);
            break;
        }
        done += part;
    }
    return close_file(op->to, to, done);
}

/* As SHALE_ALLOCATE_... has it. */
static int64_t allocate(int fd, const struct op *op)
{
    int how = 0;

    if (op->c & SHALE_ALLOCATE_KEEP_SIZE)
        how |= FALLOC_FL_KEEP_SIZE;
    if (op->c & SHALE_ALLOCATE_PUNCH_HOLE)
        how |= FALLOC_FL_PUNCH_HOLE;
    if (op->c & SHALE_ALLOCATE_ZERO_RANGE)
        how |= FALLOC_FL_ZERO_RANGE;
    return answer(fallocate(fd, how, (off_t)op->a, (off_t)op->b));
}

static int64_t touch(struct posix *p, const struct op *op)
{
    struct timespec times[2] = { { 0, UTIME_OMIT },
                                 { (time_t)op->a, (long)op->b } };
    char at[PATH_ROOM];

    return answer(utimensat(AT_FDCWD, full(p, op->path, at), times, 0));
}

/* Nothing is to be written to a device, or waited for at a FIFO. */
static int64_t sync_file(struct posix *p, const struct op *op)
{
    struct stat st;
    char at[PATH_ROOM];
    int64_t done;
    int fd;

    if (op->path[0] != '@') {
        full(p, op->path, at);
        if (stat(at, &st) != 0)
            return -errno;
        if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
            return 0;
    }
    fd = open_file(p, op->path, O_RDONLY);
    if (fd < 0)
        return -errno;
    done = answer(fsync(fd));
    return close_file(op->path, fd, done);
}

static int64_t file_op(struct posix *p, const struct op *op, uint8_t *buf)
{
    int fd = open_file(p, op->path, O_RDWR);
    int *slot = &p->slots[op->a % OP_SLOTS];
    int64_t done;

    if (fd < 0)
        return -errno;
    switch (op->kind) {
    case OP_OPEN:
        if (*slot >= 0)
            close(*slot);
        *slot = fd;
        return 0;
    case OP_WRITE:
    case OP_APPEND:
        done = write_data(fd, op);
        break;
    case OP_TRUNCATE:
        done = answer(ftruncate(fd, (off_t)op->a));
        break;
    case OP_ALLOCATE:
        done = allocate(fd, op);
        break;
    case OP_COPY:
        done = copy(p, fd, op);
        break;
    default:
        done = read_data(fd, op, buf);
        break;
    }
    return close_file(op->path, fd, done);
}

static int64_t sync_all(struct posix *p)
{
    int fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int64_t done;

    if (fd < 0)
        return -errno;
    /* Linux tells a daemon of no sync(2), but of an fsync(2). */
    done = answer(syncfs(fd));
    if (done == 0)
        done = answer(fsync(fd));
    close(fd);
    return done;
}

static int64_t attribute_op(struct posix *p, const struct op *op)
{
    char at[PATH_ROOM];
    uint8_t *bytes;
    int64_t done;

    full(p, op->path, at);
    switch (op->kind) {
    case OP_CHMOD:
        return answer(chmod(at, (mode_t)op->a));
    case OP_CHOWN:
        return answer(lchown(at, (uid_t)op->a, (gid_t)op->b));
    case OP_REMOVEXATTR:
        return answer(removexattr(at, op->to));
    default:
        break;
    }
    bytes = need((size_t)op->b);
    stamp_fill(bytes, (size_t)op->b, 0, op->a);
    done = answer(setxattr(at, op->to, bytes, (size_t)op->b, (int)op->c));
    free(bytes);
    return done;
}

static int64_t posix_op(struct backend *backend, const struct op *op,
                        uint8_t *buf)
{
    struct posix *p = posix_of(backend);
    char at[PATH_ROOM], to[PATH_ROOM];
    int fd;

    switch (op->kind) {
    case OP_CREATE:
        fd = open(full(p, op->path, at), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                  0644);
        if (fd < 0)
            return -errno;
        close(fd);
        return 0;
    case OP_MKDIR:
        return answer(mkdir(full(p, op->path, at), 0755));
    case OP_UNLINK:
        return answer(unlink(full(p, op->path, at)));
    case OP_RMDIR:
        return answer(rmdir(full(p, op->path, at)));
    case OP_RENAME:
        return answer(renameat2(AT_FDCWD, full(p, op->path, at), AT_FDCWD,
                                full(p, op->to, to), (unsigned)op->a));
    case OP_LINK:
        return answer(link(full(p, op->path, at), full(p, op->to, to)));
    case OP_SYMLINK:
        return answer(symlink(op->to, full(p, op->path, at)));
    case OP_MKNOD:
        return answer(mknod(full(p, op->path, at), (mode_t)op->a | 0644,
                            makedev((unsigned)op->b, (unsigned)op->c)));
    case OP_CHMOD:
    case OP_CHOWN:
    case OP_SETXATTR:
    case OP_REMOVEXATTR:
        return attribute_op(p, op);
    case OP_TOUCH:
        if (op->path[0] != '@')
            return touch(p, op);
        fd = open_file(p, op->path, O_RDONLY);
        return fd < 0 ? -errno
                      : answer(futimens(fd, (struct timespec[]){
                            { 0, UTIME_OMIT },
                            { (time_t)op->a, (long)op->b } }));
    case OP_FSYNC:
        return sync_file(p, op);
    case OP_CLOSE:
        fd = p->slots[op->a % OP_SLOTS];
        p->slots[op->a % OP_SLOTS] = -1;
        return fd < 0 ? 0 : answer(close(fd));
    case OP_SYNC:
        return sync_all(p);
    case OP_WRITEBACK:
    case OP_SHRINK:
        return 0;
    default:
        return file_op(p, op, buf);
    }
}

/* -------------------------------------------------------------- the tree */

static int posix_list(struct backend *backend, const char *path,
                      backend_emit *emit, void *context)
{
    struct posix *p = posix_of(backend);
    char at[PATH_ROOM];
    DIR *dir = opendir(full(p, path, at));
    struct dirent *entry;
    int err = 0;

    if (!dir)
        return -errno;
    while (!err && (errno = 0, entry = readdir(dir)) != NULL) {
        struct stat st;
        struct seen seen = { .name = entry->d_name,
                             .len = strlen(entry->d_name) };

        if (strcmp(entry->d_name, ".") == 0 ||
            strcmp(entry->d_name, "..") == 0)
            continue;
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW)) {
            err = -errno;
            break;
        }
        seen.type = shale_type_of_mode(st.st_mode);
        seen.size = (uint64_t)st.st_size;
        seen.ino = st.st_ino;
        seen.mtime = st.st_mtim.tv_sec;
        seen.mtime_nsec = (uint32_t)st.st_mtim.tv_nsec;
        seen.mode = st.st_mode;
        seen.uid = st.st_uid;
        seen.gid = st.st_gid;
        seen.links = (uint32_t)st.st_nlink;
        seen.rdev_major = major(st.st_rdev);
        seen.rdev_minor = minor(st.st_rdev);
        emit(context, &seen);
    }
    if (!err && errno)
        err = -errno;
    closedir(dir);
    return err;
}

static int64_t posix_read(struct backend *backend, const char *path, void *buf,
                          size_t len, uint64_t offset)
{
    char at[PATH_ROOM];
    int fd = open(full(posix_of(backend), path, at), O_RDONLY | O_CLOEXEC);
    int64_t got;

    if (fd < 0)
        return -errno;
    got = answer(pread(fd, buf, len, (off_t)offset));
    close(fd);
    return got;
}

static int64_t posix_readlink(struct backend *backend, const char *path,
                              char *buf, size_t size)
{
    char at[PATH_ROOM];

    return answer(readlink(full(posix_of(backend), path, at), buf, size));
}

static int64_t posix_listxattr(struct backend *backend, const char *path,
                               char *buf, size_t size)
{
    char at[PATH_ROOM];

    return answer(listxattr(full(posix_of(backend), path, at), buf, size));
}

static int64_t posix_getxattr(struct backend *backend, const char *path,
                              const char *name, void *buf, size_t size)
{
    char at[PATH_ROOM];

    return answer(getxattr(full(posix_of(backend), path, at), name, buf,
                           size));
}

static int posix_space(struct backend *backend, struct space *out)
{
    struct statvfs st;

    if (statvfs(posix_of(backend)->dir, &st) != 0)
        return -errno;
    *out = (struct space){ st.f_bfree * st.f_frsize, st.f_ffree,
                           st.f_frsize };
    return 0;
}

static int run(struct posix *p, const char *command, char *const *argv)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        alarm(600);
        execvp(command, argv);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        snprintf(p->base.why, sizeof p->base.why, "%s %s", argv[0], argv[1]);
        return SHALE_EIO;
    }
    return 0;
}

static int posix_start(struct backend *backend)
{
    struct posix *p = posix_of(backend);
    char options[400], image[4096], dir[4096], pid[4200];
    char *argv[] = { (char[]){ "shale" }, (char[]){ "mount" },
                     (char[]){ "-o" }, options, (char[]){ "--pid-file" }, pid,
                     image, dir, NULL };

    if (p->map)
        munmap(p->map, backend->size);
    p->map = NULL;
    snprintf(options, sizeof options, "%s", p->options ? p->options : "rw");
    snprintf(image, sizeof image, "%s", p->image);
    snprintf(pid, sizeof pid, "%s.pid", p->image);
    snprintf(dir, sizeof dir, "%s", p->dir);
    return run(p, p->command, argv);
}

static int kernel_start(struct backend *backend)
{
    struct posix *p = posix_of(backend);
    char options[400], type[40], image[4096], dir[4096];
    char *argv[] = { (char[]){ "mount" }, (char[]){ "-t" }, type,
                     (char[]){ "-o" }, options, image, dir, NULL };

    if (p->map)
        munmap(p->map, backend->size);
    p->map = NULL;
    snprintf(options, sizeof options, "loop,%s",
             p->options ? p->options : "rw");
    snprintf(type, sizeof type, "%s", p->type);
    snprintf(image, sizeof image, "%s", p->image);
    snprintf(dir, sizeof dir, "%s", p->dir);
    return run(p, "mount", argv);
}

static int posix_stop(struct backend *backend)
{
    struct posix *p = posix_of(backend);
    char dir[4096];
    char *argv[] = { (char[]){ "shale" }, (char[]){ "umount" }, dir, NULL };
    int err = 0, fd;

    for (unsigned i = 0; i < OP_SLOTS; i++) {
        if (p->slots[i] >= 0)
            close(p->slots[i]);
        p->slots[i] = -1;
    }
    snprintf(dir, sizeof dir, "%s", p->dir);
    if (p->command)
        err = run(p, p->command, argv);
    else if (umount2(dir, 0) != 0)
        err = -errno;
    if (err)
        return err;
    fd = open(p->image, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    backend->size = (size_t)size_of(fd);
    p->map = mmap(NULL, backend->size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (p->map == MAP_FAILED) {
        p->map = NULL;
        return -errno;
    }
    backend->image = p->map;
    return 0;
}

struct backend *backend_posix(const char *command, const char *image,
                              const char *dir, const char *options)
{
    struct posix *p = need(sizeof *p);

    p->base = (struct backend){
        .op = posix_op, .list = posix_list, .read = posix_read,
        .readlink = posix_readlink, .listxattr = posix_listxattr,
        .getxattr = posix_getxattr, .space = posix_space,
        .start = posix_start, .stop = posix_stop,
        .frees_late = true,
    };
    p->command = command;
    p->image = image;
    p->dir = dir;
    p->options = options;
    for (unsigned i = 0; i < OP_SLOTS; i++)
        p->slots[i] = -1;
    return &p->base;
}

struct backend *backend_kernel(const char *type, const char *image,
                               const char *dir, const char *options)
{
    struct backend *backend = backend_posix(NULL, image, dir, options);

    posix_of(backend)->type = type;
    backend->start = kernel_start;
    return backend;
}

void backend_posix_free(struct backend *backend)
{
    struct posix *p = posix_of(backend);
    char at[PATH_ROOM];
    struct stat inside, outside;

    /* Still mounted, after a failure? */
    if (stat(p->dir, &inside) != 0 ||
        (stat(full(p, "/..", at), &outside) == 0 &&
         inside.st_dev != outside.st_dev))
        posix_stop(backend);
    if (p->map)
        munmap(p->map, backend->size);
    free(p);
}
