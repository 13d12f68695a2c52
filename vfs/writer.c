/*
 * writer.c - bringing file data to the device
 *
 * Data goes to the device first, past the cache, and what makes it visible
 * afterwards, by way of the cache; so the metadata of a batch never reaches
 * the device before the data it speaks of. For each piece:
 *
 *     below the file's size      the driver says where, and it goes there
 *     past it, or in a hole      the driver allocates, and it goes there
 *
 * and at the end the driver is told the new size. The volume's lock is held
 * only while the driver works, so writes to any files run side by side; but
 * where there may be holes, it is held too while new space is filled.
 *
 * New space holds whatever it held before, which is nobody's to read:
 *
 * (1) Without holes: what is between a file's size and OFFSET is written, with
 *     zeros, before the size moves past it.
 * (2) With holes: new space is filled from end to end in the transaction that
 *     allocates it, and that moves the size past it; then only the last unit
 *     may have old bytes past the size, and these are overwritten when the
 *     size moves past them.
 */
#include "write.h"

#include "assert.h"
#include "memfn.h"

#define ZEROS_MAX ((size_t)256 << 10)
#define PIECE_MAX ((size_t)1 << 30)     /* fits any size_t */

/* New space up to so many bytes is written at once, rather than in pieces. */
#define WHOLE_MAX ((uint64_t)64 << 10)

/*
 * Bytes that are allocated at once, at most: in the smallest units there are,
 * 512 bytes, that is 256 KiB of metadata, which fits the smallest of caches.
 */
#define ALLOCATE_MAX ((uint64_t)32 << 20)

/*
 * Bytes that are allocated and filled in one transaction: nobody else changes
 * anything on the volume meanwhile.
 */
#define FILL_MAX ((uint64_t)8 << 20)

/* A file is not shortened by less, in steps. */
#define STEP_MIN ((uint64_t)1 << 20)

static const uint8_t no_bytes[512];

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

uint64_t writer_size_max(const struct shale_fs *fs)
{
    uint64_t max = fs->file_max > 0 ? fs->file_max : fs->ops->file_max;

    return max > 0 && max < INT64_MAX ? max : INT64_MAX;
}

/* ------------------------------------------------------ to the device */

static int bytes_write(struct shale_vnode *file, uint64_t at, const void *buf,
                       size_t len)
{
    struct shale_fs *fs = file->fs;
    unsigned tries = 0;
    int err;

    do
        err = shale_bdev_write_bytes(fs->dev, fs->mem, at, buf, len);
    while (vfs_again(fs, err, &tries));

    __atomic_store_n(&fs->state->data_written, true, __ATOMIC_RELEASE);
    if (err && err != SHALE_ENOMEM) {
        const struct shale_event event = {
            .level = SHALE_LOG_ERROR, .err = err, .at = at, .ino = file->ino,
            .what = "vfs: file data cannot be written",
        };

        fault_event(fs, &event);
    }
    return err;
}

static int zeros_write(struct shale_vnode *file, uint64_t at, uint64_t len)
{
    struct shale_mem *mem = file->fs->mem;
    size_t room_size = len < ZEROS_MAX ? (size_t)len : ZEROS_MAX;
    void *room = len > sizeof no_bytes ? shale_zalloc(mem, room_size) : NULL;
    const void *zeros = room ? room : no_bytes;
    size_t size = room ? room_size : sizeof no_bytes;
    int err = 0;

    while (!err && len > 0) {
        size_t count = len < size ? (size_t)len : size;

        err = bytes_write(file, at, zeros, count);
        at += count;
        len -= count;
    }
    shale_free(mem, room, room_size);
    return err;
}

/* LEN bytes of BUF, or zeros, to byte AT of the volume. */
static int data_write(struct shale_vnode *file, uint64_t at, const void *buf,
                      size_t len)
{
    return buf ? bytes_write(file, at, buf, len) : zeros_write(file, at, len);
}

/* --------------------------------------------------------- new space */

struct allocation {
    struct shale_vnode *file;
    uint64_t offset;
    const void *buf;            /* what goes there; NULL: zeros */
    uint64_t len;               /* as much as was asked for, then as there is */
    bool fill;                  /* ... is to be written, too */
    struct shale_extent extent;
};

/*
 * As extent_fill(), for a small one of a format with holes: all of it at once,
 * whole blocks of the device below, which then need not be read. SHALE_ENOMEM.
 */
static int extent_fill_whole(const struct allocation *a)
{
    const struct shale_extent *e = &a->extent;
    struct shale_mem *mem = a->file->fs->mem;
    uint8_t *bytes = shale_zalloc(mem, (size_t)e->length);
    int err;

    if (!bytes)
        return SHALE_ENOMEM;
    if (a->buf)
        memcpy(bytes + (a->offset - e->offset), a->buf, (size_t)a->len);
    err = bytes_write(a->file, e->device, bytes, (size_t)e->length);
    shale_free(mem, bytes, (size_t)e->length);
    return err;
}

/* Write to the extent what goes there, and what else it is not to show. */
static int extent_fill(const struct allocation *a)
{
    const struct shale_extent *e = &a->extent;
    bool fresh = e->kind == SHALE_EXTENT_UNWRITTEN;
    bool whole = fresh && a->file->fs->ops->holes;
    uint64_t before = a->offset - e->offset;
    uint64_t after = e->length - before - a->len;
    uint64_t at = e->device + before;
    int err = 0;

    if (whole && before + after > 0 && e->length <= WHOLE_MAX) {
        err = extent_fill_whole(a);
        if (err != SHALE_ENOMEM)
            return err;
        err = 0;
    }
    if (fresh)
        err = zeros_write(a->file, e->device, before);
    if (!err)
        err = data_write(a->file, at, a->buf, (size_t)a->len);
    if (!err && whole)
        err = zeros_write(a->file, at + a->len, after);
    return err;
}

static int allocate_in_tx(struct shale_fs *fs, void *context)
{
    struct allocation *a = context;
    struct shale_extent *e = &a->extent;
    uint64_t len = a->len < ALLOCATE_MAX ? a->len : ALLOCATE_MAX;
    int err = fs->ops->allocate(a->file, a->offset, len, e);
    bool sound;

    if (err)
        return err;
    sound = e->offset <= a->offset && a->offset - e->offset < e->length &&
            (e->kind == SHALE_EXTENT_DATA ||
             e->kind == SHALE_EXTENT_UNWRITTEN);
    SHALE_ASSERT(sound);
    if (!sound)
        return SHALE_EIO;
    if (len > e->length - (a->offset - e->offset))
        len = e->length - (a->offset - e->offset);
    a->len = len;
    return a->fill && fs->ops->holes ? extent_fill(a) : 0;
}

/* Allocate, and fill if that is wanted. */
static int allocate(struct allocation *a)
{
    struct shale_fs *fs = a->file->fs;
    int err = change_run(fs, allocate_in_tx, a);

    return !err && a->fill && !fs->ops->holes ? extent_fill(a) : err;
}

/* ------------------------------------------------------ a file's size */

struct range {
    struct shale_vnode *file;
    uint64_t offset, len;
};

struct resizing {
    struct shale_vnode *file;
    uint64_t size;
};

static int resize_in_tx(struct shale_fs *fs, void *context)
{
    const struct resizing *r = context;

    if (r->size == r->file->size)
        shale_tx_unordered(fs->tx);     /* it is just the times */
    return fs->ops->resize(r->file, r->size);
}

int file_resize(struct shale_vnode *file, uint64_t size)
{
    struct resizing r = { file, size };
    uint64_t step = file->size > size ? (file->size - size) / 2 : 0;
    int err = change_run(file->fs, resize_in_tx, &r);

    /*
     * What becomes free is kept in mind until it is free on the device. Of a
     * file in very many pieces that may be too much at once.
     */
    while (err == SHALE_ENOMEM && step >= STEP_MIN) {
        r.size = file->size - size > step ? file->size - step : size;
        err = change_run(file->fs, resize_in_tx, &r);
        if (err == SHALE_ENOMEM)
            step /= 2;
        else if (!err && r.size > size)
            err = SHALE_ENOMEM; /* so far: there is more to do */
    }
    return err;
}

static int trim_in_tx(struct shale_fs *fs, void *context)
{
    return fs->ops->trim ? fs->ops->trim(context) : 0;
}

void file_trim(struct shale_vnode *file)
{
    /* Else when the last reference goes; see settle.c. */
    file->excess = change_run(file->fs, trim_in_tx, file) != 0;
}

/* -------------------------------------------------------------- writers */

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

        err = allocate_in_tx(fs, &a);
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
    int err = allocate(&a);

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
            err = data_write(w->file, extent.device, buf, len);
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
    return zeros_write(file, tail.device, tail.length);
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

int file_zero(struct shale_vnode *file, uint64_t offset, uint64_t end)
{
    int err = 0;

    while (!err && offset < end) {
        struct shale_extent extent;

        err = file_map(file, offset, end - offset, &extent);
        if (err)
            break;
        if (extent.length > end - offset)
            extent.length = end - offset;
        if (extent.kind == SHALE_EXTENT_DATA)
            err = zeros_write(file, extent.device, extent.length);
        offset += extent.length;
    }
    return err;
}

static int punch_in_tx(struct shale_fs *fs, void *context)
{
    const struct range *range = context;

    return fs->ops->punch(range->file, range->offset, range->len);
}

int file_punch(struct shale_vnode *file, uint64_t offset, uint64_t len)
{
    struct range range = { file, offset, len };

    return change_run(file->fs, punch_in_tx, &range);
}

int file_reserve(struct shale_vnode *file, uint64_t offset, uint64_t len,
                 uint64_t *done)
{
    struct allocation a = {
        .file = file, .offset = offset, .len = len,
        .fill = file->fs->ops->holes,
    };
    int err = allocate(&a);

    if (!err)
        *done = a.len;
    return err;
}
