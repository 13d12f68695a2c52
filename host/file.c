/*
 * file.c - an image file or a block-special device as a block device
 *
 * pread and pwrite, which take any range, so block_size is 1. The size is
 * fixed when the file is opened: if it shrinks afterwards, a read meets the
 * end of the file and answers SHALE_EIO, never zeros.
 *
 * The lock is flock(2)'s, which belongs to the open file and so goes with the
 * last descriptor, however the process ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/inuse.h"
#include "shale/err.h"
#include "shale/host.h"

struct shale_file_bdev {
    struct shale_bdev base;
    bool sparse;                /* a file with holes, when it was opened */
};

static int file_read(struct shale_bdev *dev, uint64_t offset, void *buf,
                     size_t len)
{
    uint8_t *to = buf;

    while (len > 0) {
        ssize_t count = pread(dev->fd, to, len, (off_t)offset);

        if (count < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        if (count == 0)
            return SHALE_EIO;   /* the file has become shorter */
        to += count;
        offset += (uint64_t)count;
        len -= (size_t)count;
    }
    return 0;
}

static int file_write(struct shale_bdev *dev, uint64_t offset, const void *buf,
                      size_t len)
{
    const uint8_t *from = buf;

    while (len > 0) {
        ssize_t count = pwrite(dev->fd, from, len, (off_t)offset);

        if (count < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        from += count;
        offset += (uint64_t)count;
        len -= (size_t)count;
    }
    return 0;
}

static int file_flush(struct shale_bdev *dev)
{
    return fdatasync(dev->fd) < 0 ? -errno : 0;
}

/* Has the file a hole at OFFSET that is LEN bytes or longer? */
static bool is_hole(int fd, uint64_t offset, uint64_t len)
{
    off_t data = lseek(fd, (off_t)offset, SEEK_DATA);

    return data < 0 ? errno == ENXIO : (uint64_t)data - offset >= len;
}

/*
 * A hole reads as zeros; on a device, the same call is done only if the device
 * promises that too. To see that there is one already is quicker still.
 */
static int file_zero(struct shale_bdev *dev, uint64_t offset, uint64_t len)
{
    int done;

    if (is_hole(dev->fd, offset, len))
        return 0;
    do
        done = fallocate(dev->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                         (off_t)offset, (off_t)len);
    while (done < 0 && errno == EINTR);
    return done < 0 ? SHALE_ENOTSUP : 0;
}

/*
 * A block device knows no holes, and a file without any need not be asked
 * again and again. Past the end of one that has become shorter there are no
 * zeros, but errors, which are to be met.
 */
static uint64_t file_data_from(struct shale_bdev *dev, uint64_t offset)
{
    const struct shale_file_bdev *file = (struct shale_file_bdev *)dev;
    struct stat st;
    off_t data;

    if (!file->sparse)
        return offset;
    data = lseek(dev->fd, (off_t)offset, SEEK_DATA);
    if (data >= 0)
        return (uint64_t)data;
    if (errno != ENXIO || fstat(dev->fd, &st) < 0)
        return offset;
    return (uint64_t)st.st_size;
}

/* The system reads it meanwhile, if it likes, into its cache of the file. */
static void file_soon(struct shale_bdev *dev, uint64_t offset, uint64_t len)
{
    posix_fadvise(dev->fd, (off_t)offset, (off_t)len, POSIX_FADV_WILLNEED);
}

static const struct shale_bdev_ops read_only_ops = {
    .read      = file_read,
    .data_from = file_data_from,
    .soon      = file_soon,
};

static const struct shale_bdev_ops read_write_ops = {
    .read      = file_read,
    .write     = file_write,
    .flush     = file_flush,
    .zero      = file_zero,
    .data_from = file_data_from,
    .soon      = file_soon,
};

/*
 * A descriptor of this process that PATH names, "/proc/self/fd/3" or
 * "/dev/fd/3"; or -1.
 */
static int fd_named(const char *path)
{
    int fd, end = 0;

    if (sscanf(path, "/proc/self/fd/%9d%n", &fd, &end) != 1 &&
        sscanf(path, "/dev/fd/%9d%n", &fd, &end) != 1)
        return -1;
    return path[end] == '\0' && fd >= 0 ? fd : -1;
}

/*
 * Open PATH; returns a descriptor or an error. A path that names one of our
 * descriptors is opened again like any other, so that the lock is ours alone.
 * Where the program that gave us the descriptor was allowed more than we are,
 * a duplicate will do to read; not to write, since two users of one open file
 * share its lock.
 */
static int open_path(const char *path, unsigned flags)
{
    bool write = flags & SHALE_FILE_WRITE;
    int exclusive = 0, fd, err;
    struct stat st;

    /* For a device: not while the kernel has it mounted, or it is part of
       something. (The answer does not matter for what is no device.) */
    if (write && stat(path, &st) == 0 && S_ISBLK(st.st_mode))
        exclusive = O_EXCL;

    /* O_NONBLOCK: a fifo must not hang us before we see that it is one. */
    do
        fd = open(path, (write ? O_RDWR : O_RDONLY) | exclusive | O_CLOEXEC |
                  O_NOCTTY | O_NONBLOCK);
    while (fd < 0 && errno == EINTR);
    if (fd >= 0)
        return fd;

    err = -errno;
    fd = fd_named(path);
    if (err != SHALE_EACCES || write || fd < 0)
        return err;
    fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return fd < 0 ? err : fd;
}

/*
 * How many bytes FD holds, if it is something that holds bytes, and whether it
 * is a file with holes.
 */
static int size_of(int fd, uint64_t *out, bool *sparse)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (S_ISBLK(st.st_mode))
        return ioctl(fd, BLKGETSIZE64, out) < 0 ? -errno : 0;
    if (S_ISDIR(st.st_mode))
        return SHALE_EISDIR;
    if (!S_ISREG(st.st_mode))
        return SHALE_EINVAL;
    *out = (uint64_t)st.st_size;
    *sparse = (uint64_t)st.st_blocks * 512 < *out;
    return 0;
}

static int lock(int fd, unsigned flags)
{
    int kind = flags & SHALE_FILE_WRITE ? LOCK_EX : LOCK_SH;

    if (flags & SHALE_FILE_NOLOCK)
        return 0;
    while (flock(fd, kind | LOCK_NB) < 0)
        if (errno != EINTR)
            return -errno;      /* EWOULDBLOCK is EAGAIN on Linux */
    return 0;
}

int shale_file_bdev_open(const char *path, unsigned flags,
                         struct shale_file_bdev **out)
{
    struct shale_file_bdev *file;
    int fd, err;

    file = calloc(1, sizeof *file);
    if (!file)
        return SHALE_ENOMEM;

    fd = open_path(path, flags);
    if (fd < 0) {
        err = fd;
        goto free_file;
    }
    err = lock(fd, flags);
    if (err)
        goto close_fd;
    err = size_of(fd, &file->base.size, &file->sparse);
    if (!err && (flags & SHALE_FILE_WRITE) && inuse_by_loop(fd))
        err = SHALE_EBUSY;
    if (err)
        goto close_fd;

    file->base.ops = flags & SHALE_FILE_WRITE ? &read_write_ops :
                                                &read_only_ops;
    file->base.block_size = 1;
    file->base.fd = fd;
    *out = file;
    return 0;

close_fd:
    close(fd);
free_file:
    free(file);
    return err;
}

struct shale_bdev *shale_file_bdev(struct shale_file_bdev *file)
{
    return &file->base;
}

void shale_file_bdev_close(struct shale_file_bdev *file)
{
    if (!file)
        return;
    close(file->base.fd);
    free(file);
}
