/*
 * writer.c - bringing data to files
 *
 * For each piece of a write:
 *
 *     below the file's size      the driver says where, and it goes there
 *     past it, or in a hole      space is taken, and it goes there (space.c)
 *
 * and at the end the driver is told the new size. The volume's lock is held
 * only while the driver works, so writes to any files run side by side; but
 * where there may be holes, it is held too while new space is filled.
 *
 * Between a file's size and what is written past it, nobody is to read what
 * the device held before:
 *
 * (1) Without holes: what is in between is written, with zeros, before the size
 *     moves past it.
 * (2) With holes: the size moves in the transaction that takes the space; only
 *     the last unit may have old bytes past the size, and these are overwritten
 *     when the size moves past them.
 */
#include "write.h"

#define PIECE_MAX ((size_t)1 << 30)     /* fits any size_t */

/*
 * Bytes that are allocated and filled in one transaction: nobody else changes
 * anything on the volume meanwhile.
 */
#define FILL_MAX ((uint64_t)8 << 20)

int writer_check(struct shale_vnode *vn)
{
    const struct shale_fs_ops *ops = vn->fs->ops;
    int err = file_check(vn);

    if (err)
        return err;
    if (!vn->fs->tx)
        return SHALE_EROFS;
    return ops->allocate && ops->resize ? 0 : SHALE_ENOTSUP;
}

int writer_check_at(const struct shale_vnode *file, uint64_t start)
{
    uint32_t protection = __atomic_load_n(&file->protection, __ATOMIC_RELAXED);

    if (protection & SHALE_PROTECT_ALL)
        return SHALE_EPERM;
    return protection & SHALE_PROTECT_BEGUN && start < file->size ? SHALE_EPERM
                                                                  : 0;
}

int writer_check_free(const struct shale_vnode *file)
{
    return __atomic_load_n(&file->protection, __ATOMIC_RELAXED) ? SHALE_EPERM
                                                                : 0;
}

uint64_t writer_size_max(const struct shale_fs *fs)
{
    uint64_t max = fs->file_max > 0 ? fs->file_max : fs->ops->file_max;

    return max > 0 && max < INT64_MAX ? max : INT64_MAX;
}

/* --------------------------------------------------------------- pieces */

/* A piece of a file with holes, being allocated and filled. */
struct filling {
    struct writer *w;
    const uint8_t *buf;         /* NULL: zeros */
    uint64_t len;
    uint64_t done;              /* so much of it, even if it came to an error */
};

static int fill_in_tx(struct shale_fs *fs, void *context)
{
    struct filling *f = context;
    struct shale_vnode *file = f->w->file;
    uint64_t at = f->w->at;
    int err = 0;

    f->done = 0;
    while (!err && f->done < f->len) {
        struct allocation a = {
            .file = file, .offset = at + f->done,
            .buf = f->buf ? f->buf + f->done : NULL, .len = f->len - f->done,
            .fill = true,
        };

        err = space_allocate_in_tx(fs, &a);
        if (!err)
            f->done += a.len;
    }
    at += f->done;
    if (!err && (at > file->size || !f->w->stamped))
        err = fs->ops->resize(file, at > file->size ? at : file->size);
    return err;
}

/* Allocate and fill some of LEN bytes at w->at. */
static int fill(struct writer *w, const void *buf, uint64_t len)
{
    struct filling f = {
        .w = w, .buf = buf, .len = len < FILL_MAX ? len : FILL_MAX,
    };
    int err = change_run(w->file->fs, fill_in_tx, &f);

    /* As much as there was space for will do. */
    while (err == SHALE_ENOSPC && f.done > 0 && f.done < f.len) {
        f.len = f.done;
        err = change_run(w->file->fs, fill_in_tx, &f);
    }
    if (err)
        return err;
    w->at += f.done;
    w->stamped = true;
    return 0;
}

/* Allocate for some of LEN bytes at w->at, of a file without holes. */
static int extend(struct writer *w, const void *buf, uint64_t len)
{
    struct allocation a = {
        .file = w->file, .offset = w->at, .buf = buf, .len = len,
        .fill = true,
    };
    int err = space_allocate(&a);

    if (a.extent.kind == SHALE_EXTENT_UNWRITTEN &&
        a.extent.offset + a.extent.length > w->file->size)
        w->excess = true;
    if (!err)
        w->at += a.len;
    return err;
}

/* Write some of LEN bytes at w->at. */
static int writer_step(struct writer *w, const void *buf, size_t len)
{
    struct shale_extent extent;
    int err;

    if (w->at < w->file->size) {
        err = file_map(w->file, w->at, len, &extent);
        if (err)
            return err;
        if (len > extent.length)
            len = (size_t)extent.length;
        if (extent.kind == SHALE_EXTENT_DATA) {
            err = space_write(w->file, extent.device, buf, len);
            if (!err)
                w->at += len;
            return err;
        }
        if (extent.kind == SHALE_EXTENT_INLINE ||
            extent.kind == SHALE_EXTENT_ENCODED)
            return SHALE_ENOTSUP;
    }
    return w->file->fs->ops->holes ? fill(w, buf, len) : extend(w, buf, len);
}

int writer_put(struct writer *w, const void *buf, uint64_t len)
{
    const uint8_t *from = buf;
    uint64_t end = w->at + len;
    int err = 0;

    while (!err && w->at < end) {
        uint64_t before = w->at, left = end - w->at;

        err = writer_step(w, from, left < PIECE_MAX ? (size_t)left : PIECE_MAX);
        if (from)
            from += w->at - before;
    }
    return err;
}

/* Overwrite with zeros what FILE's last unit has past the size, up to END. */
static int tail_clear(struct shale_vnode *file, uint64_t end)
{
    struct shale_extent tail;
    int err = file_map_tail(file, &tail);

    if (err || tail.kind != SHALE_EXTENT_DATA)
        return err;
    if (tail.length > end - file->size)
        tail.length = end - file->size;
    return space_write(file, tail.device, NULL, tail.length);
}

int writer_skip(struct writer *w, uint64_t len)
{
    uint64_t end = w->at + len;
    int err = 0;

    if (!w->file->fs->ops->holes)
        return writer_put(w, NULL, len);
    while (!err && w->at < end) {
        struct shale_extent extent = { .kind = SHALE_EXTENT_HOLE };

        len = end - w->at;
        if (w->at < w->file->size) {
            err = file_map(w->file, w->at, len, &extent);
            if (len > extent.length)
                len = extent.length;
        } else {
            err = tail_clear(w->file, end);
        }
        if (!err && extent.kind != SHALE_EXTENT_HOLE)
            err = writer_put(w, NULL, len);
        else if (!err)
            w->at += len;
    }
    return err;
}

/*
 * 0 if FILE, which cannot have holes, may get as long as SIZE: a gap is filled
 * for a while, which is not to be for nothing.
 */
static int gap_check(struct shale_vnode *file, uint64_t size)
{
    struct shale_statfs stat;

    if (size - file->size < FILL_MAX || file->excess ||
        shale_statfs(file->fs, &stat))
        return 0;               /* filling it will show */
    return (size - file->size) / stat.block_size > stat.blocks_available
               ? SHALE_ENOSPC : 0;
}

int writer_begin(struct writer *w, struct shale_vnode *file, uint64_t start)
{
    bool holes = file->fs->ops->holes;
    bool gap = start > file->size;
    int err = writer_check_at(file, start);

    if (!err && gap && !holes)
        err = gap_check(file, start);
    if (!err)
        err = sync_writer_enter(file->fs);
    if (err)
        return err;
    *w = (struct writer){ .file = file, .start = start, .at = start };
    if (gap && holes) {
        err = tail_clear(file, start);
    } else if (gap) {
        w->at = file->size;
        err = writer_put(w, NULL, start - file->size);
    }
    if (err)
        writer_end_whole(w, err);
    return err;
}

int writer_end_whole(struct writer *w, int err)
{
    struct shale_vnode *file = w->file;

    if (!err && (!w->stamped || w->at > file->size))
        err = file_resize(file, w->at > file->size ? w->at : file->size);
    if (err && w->excess)
        file_trim(file);
    sync_writer_leave(file->fs);
    return err;
}

int64_t writer_end(struct writer *w, int err)
{
    uint64_t done = w->at - w->start;
    bool excess = w->excess;
    int end_err;

    if (done == 0)
        return writer_end_whole(w, err);
    end_err = writer_end_whole(w, 0);
    if (end_err)
        return end_err;
    if (err && excess)
        file_trim(w->file);
    return (int64_t)done;
}

int writer_put_zeros(struct shale_vnode *file, uint64_t offset, uint64_t len)
{
    uint64_t size = file->size;
    struct writer w;
    int err = writer_begin(&w, file, offset);

    if (err)
        return err;
    err = writer_end_whole(&w, writer_put(&w, NULL, len));
    if (err && file->size > size)
        file_resize(file, size);        /* its error would come second */
    return err;
}
