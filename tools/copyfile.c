/*
 * copyfile.c - the bytes of a file, from the image to a file of the host
 *
 * The volume says where the bytes lie. Holes are left out, and the rest goes
 * from descriptor to descriptor inside the kernel where it can do that (on
 * some filesystems by sharing the blocks), else through a buffer.
 */
#include <errno.h>
#include <unistd.h>

#include "copy.h"
#include "progress.h"

/* Below this, asking the kernel costs more than copying. */
#define RANGE_MIN (64u << 10)

/* Is that how copy_file_range() says that these two files will never do? */
static bool never_works(int error)
{
    return error == EXDEV || error == EINVAL || error == EOPNOTSUPP ||
           error == ENOSYS || error == EPERM || error == EBADF;
}

/*
 * Copy LEN bytes from byte FROM of the image to byte AT of FD. Returns how
 * many were; the rest is for the caller, who will meet the same error, if it
 * was one, and know whose it is.
 */
static uint64_t copy_range(struct copy *copy, uint64_t from, int fd,
                           uint64_t at, uint64_t len)
{
    int image_fd = copy->vol->image->volume.base.fd;
    off_t in = (off_t)(copy->vol->image->volume.base.fd_offset + from);
    off_t out = (off_t)at;
    uint64_t done = 0;

    while (done < len && !copy->no_range) {
        uint64_t left = len - done;
        size_t want = left < 16 * COPY_CHUNK ? (size_t)left : 16 * COPY_CHUNK;
        ssize_t count = copy_file_range(image_fd, &in, fd, &out, want, 0);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            copy->no_range = never_works(errno);
        if (count <= 0)
            break;
        done += (uint64_t)count;
        progress_bytes((uint64_t)count);
    }
    return done;
}

static bool write_at(struct copy *copy, int fd, const char *bytes, size_t len,
                     uint64_t at)
{
    while (len > 0) {
        ssize_t count = pwrite(fd, bytes, len, (off_t)at);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            copy_fail(copy, errno);
            return false;
        }
        bytes += count;
        len -= (size_t)count;
        at += (uint64_t)count;
    }
    return true;
}

/* Copy bytes AT up to END of FILE through the buffer. */
static bool copy_buffered(struct copy *copy, const char *path,
                          struct shale_vnode *file, uint64_t at, uint64_t end,
                          int fd)
{
    size_t chunk = COPY_CHUNK;

    while (at < end) {
        size_t want = end - at < chunk ? (size_t)(end - at) : chunk;
        int64_t count = shale_read(file, copy->buf, want, at);

        if (count < 0 && want > 512) {
            chunk = 512;        /* save what precedes the bad place */
            continue;
        }
        if (count <= 0) {
            volume_fail(copy->vol, path, count < 0 ? (int)count : SHALE_EIO);
            return false;
        }
        if (!write_at(copy, fd, copy->buf, (size_t)count, at))
            return false;
        at += (uint64_t)count;
        progress_bytes((uint64_t)count);
    }
    return true;
}

bool copy_data(struct copy *copy, const char *path, struct shale_vnode *file,
               uint64_t size, int fd)
{
    bool can_range = copy->vol->image->volume.base.fd >= 0;
    uint64_t written = 0;       /* FD's size so far */

    for (uint64_t at = 0; at < size;) {
        struct shale_extent extent;
        uint64_t end, done = 0;
        int err = shale_map(file, at, size - at, &extent);

        if (err) {
            volume_fail(copy->vol, path, err);
            return false;
        }
        end = extent.length < size - at ? at + extent.length : size;
        if (extent.kind == SHALE_EXTENT_HOLE ||
            extent.kind == SHALE_EXTENT_UNWRITTEN) {
            at = end;
            continue;
        }
        if (extent.kind == SHALE_EXTENT_DATA && can_range &&
            end - at >= RANGE_MIN)
            done = copy_range(copy, extent.device, fd, at, end - at);
        if (!copy_buffered(copy, path, file, at + done, end, fd))
            return false;
        at = written = end;
    }
    if (written < size && ftruncate(fd, (off_t)size) != 0) {
        copy_fail(copy, errno);
        return false;
    }
    return true;
}
