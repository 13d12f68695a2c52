/*
 * putdata.c - the bytes of a file of the host, into a file of a volume
 *
 * A megabyte at a time, and nothing is flushed before all files are copied.
 * Whatever fails has been told when false is returned.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"
#include "put.h"
#include "shale/fs.h"

/* Write the LEN bytes at FROM to FILE at AT; told if that fails. */
static bool write_bytes(struct put *put, struct shale_vnode *file,
                        const char *from, size_t len, uint64_t at)
{
    size_t written = 0;

    while (written < len) {
        int64_t count = shale_write(file, from + written, len - written,
                                    at + written);

        if (count <= 0) {
            put_fail(put, count < 0 ? (int)count : SHALE_EIO);
            return false;
        }
        written += (size_t)count;
        progress_bytes((uint64_t)count);
    }
    return true;
}

/* How much of the LEN bytes at FROM, which are at AT of the file, lies in units
   that are all zero, or, if the first one is not, in units that are not. */
static size_t same_kind(const struct put *put, const char *from, size_t len,
                        uint64_t at, bool *zero)
{
    size_t end = 0;

    while (end < len) {
        size_t unit = put->hole_unit - (size_t)((at + end) % put->hole_unit);
        bool is_zero;

        unit = unit < len - end ? unit : len - end;
        is_zero = from[end] == 0 &&
                  !memcmp(from + end, from + end + 1, unit - 1);
        if (end > 0 && is_zero != *zero)
            break;
        *zero = is_zero;
        end += unit;
    }
    return end;
}

/*
 * Write the LEN bytes in the buffer to FILE at AT; told if that fails. With a
 * unit of holes, zeros are none's: FILE's size may then be missing.
 */
static bool write_chunk(struct put *put, struct shale_vnode *file, size_t len,
                        uint64_t at)
{
    size_t part;

    if (!put->hole_unit)
        return write_bytes(put, file, put->buf, len, at);
    for (size_t done = 0; done < len; done += part) {
        bool zero = false;

        part = same_kind(put, put->buf + done, len - done, at + done, &zero);
        if (zero)
            progress_bytes(part);
        else if (!write_bytes(put, file, put->buf + done, part, at + done))
            return false;
    }
    return true;
}

/* Copy what FD has from AT on, up to END or its end, and move *AT behind it. */
static bool copy_range(struct put *put, int fd, struct shale_vnode *file,
                       uint64_t *at, uint64_t end)
{
    while (*at < end) {
        size_t want = end - *at < PUT_CHUNK ? (size_t)(end - *at) : PUT_CHUNK;
        ssize_t count;

        if (put_interrupted()) {
            put->failed++;
            return false;
        }
        count = pread(fd, put->buf, want, (off_t)*at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            put_fail_host(put, errno);
            return false;
        }
        if (count == 0)
            break;
        if (!write_chunk(put, file, (size_t)count, *at))
            return false;
        *at += (uint64_t)count;
    }
    return true;
}

/*
 * Copy FD, which is sparse, without its holes. A volume that has none itself
 * fills them with zeros.
 */
static bool copy_sparse(struct put *put, int fd, struct shale_vnode *file,
                        uint64_t size)
{
    uint64_t at = 0;
    int err = 0;

    while (at < size) {
        off_t data = lseek(fd, (off_t)at, SEEK_DATA), hole;

        if (data < 0)           /* ENXIO: no more; else try without */
            break;
        hole = lseek(fd, data, SEEK_HOLE);
        at = (uint64_t)data;
        if (!copy_range(put, fd, file, &at,
                        hole > data ? (uint64_t)hole : size))
            return false;
    }
    if (at < size && errno != ENXIO)
        return copy_range(put, fd, file, &at, size);
    if (at < size || put->hole_unit)
        err = shale_truncate(file, size);
    if (err)
        put_fail(put, err);
    return !err;
}

/*
 * See to it that SIZE bytes fit, so that what does not is known before it has
 * been written for minutes. In a format without holes, space can be had at
 * once, and so in one piece; where there are holes it would be filled with
 * zeros first.
 */
static int reserve(struct put *put, struct shale_vnode *file, uint64_t size)
{
    struct shale_fs *fs = put->vol->fs;
    struct shale_statfs st;
    int err;

    if (fs->ops->holes)
        err = shale_statfs(fs, &st);
    else
        err = shale_allocate(file, 0, size, SHALE_ALLOCATE_KEEP_SIZE);
    if (!err && fs->ops->holes && size / st.block_size > st.blocks_free)
        err = SHALE_ENOSPC;
    return err == SHALE_ENOTSUP ? 0 : err;
}

bool put_data(struct put *put, int fd, struct shale_vnode *file,
              const struct stat *st)
{
    uint64_t size = (uint64_t)st->st_size, at = 0;
    int err = 0;

    if (st->st_blocks < st->st_size / 512)
        return copy_sparse(put, fd, file, size);
    if (size > PUT_CHUNK)
        err = reserve(put, file, size);
    if (err) {
        put_fail(put, err);
        return false;
    }
    /* To its end: one of /proc says that it has 0 bytes. */
    if (!copy_range(put, fd, file, &at, UINT64_MAX))
        return false;
    if (put->hole_unit)
        err = shale_truncate(file, at);
    if (err)
        put_fail(put, err);
    return !err;
}

bool put_stream(struct put *put, int fd, struct shale_vnode *file)
{
    uint64_t at = 0;

    for (;;) {
        ssize_t count = read(fd, put->buf, PUT_CHUNK);

        if (put_interrupted()) {
            put->failed++;
            return false;
        }
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            put_fail_host(put, errno);
            return false;
        }
        if (count == 0)
            return true;
        if (!write_chunk(put, file, (size_t)count, at))
            return false;
        at += (uint64_t)count;
    }
}
