/*
 * space.c - what a file takes of its volume
 *
 * The driver says where; here it is taken and given back, and what is written
 * to it goes to the device: past the cache, and before what makes it visible,
 * so the metadata of a batch never reaches the device before the data it speaks
 * of.
 *
 * New space holds whatever it held before, which is nobody's to read. In a
 * format with holes it is filled from end to end in the transaction that takes
 * it; else only what was asked for is written, and a file's size does not move
 * past the rest.
 */
#include "write.h"

#include "assert.h"
#include "memfn.h"
#include "room.h"

#define ZEROS_MAX ((size_t)256 << 10)

/* New space up to so many bytes is written at once, rather than in pieces. */
#define WHOLE_MAX ((uint64_t)64 << 10)

/*
 * Bytes that are allocated at once, at most: in the smallest units there are,
 * 512 bytes, that is 256 KiB of metadata, which fits the smallest of caches.
 */
#define ALLOCATE_MAX ((uint64_t)32 << 20)

/* A file is not shortened by less, in steps. */
#define STEP_MIN ((uint64_t)1 << 20)

static const uint8_t no_bytes[512];

/* ------------------------------------------------------ to the device */

static int bytes_write(struct shale_vnode *file, uint64_t at, const void *buf,
                       size_t len)
{
    struct shale_fs *fs = file->fs;
    int err = shale_bdev_write_bytes(fs->dev, fs->mem, at, buf, len);

    __atomic_store_n(&fs->state->data_written, 1, __ATOMIC_RELEASE);
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

static int write_once(struct shale_vnode *file, uint64_t at, const void *buf,
                      uint64_t len)
{
    return buf ? bytes_write(file, at, buf, (size_t)len)
               : zeros_write(file, at, len);
}

int space_write(struct shale_vnode *file, uint64_t at, const void *buf,
                uint64_t len)
{
    unsigned tries = 0;
    int err;

    do
        err = write_once(file, at, buf, len);
    while (room_again(file->fs, err, &tries));
    return err;
}

/* --------------------------------------------------------- new space */

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
        err = write_once(a->file, at, a->buf, a->len);
    if (!err && whole)
        err = zeros_write(a->file, at + a->len, after);
    return err;
}

int space_allocate_in_tx(struct shale_fs *fs, void *context)
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

int space_allocate(struct allocation *a)
{
    struct shale_fs *fs = a->file->fs;
    int err = change_run(fs, space_allocate_in_tx, a);
    unsigned tries = 0;

    if (err || !a->fill || fs->ops->holes)
        return err;
    do
        err = extent_fill(a);
    while (room_again(fs, err, &tries));
    return err;
}

/* ------------------------------------------------------ a file's size */

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

/* --------------------------------------------------- holes, and no holes */

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
            err = space_write(file, extent.device, NULL, extent.length);
        offset += extent.length;
    }
    return err;
}

struct range {
    struct shale_vnode *file;
    uint64_t offset, len;
};

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
    int err = space_allocate(&a);

    if (!err)
        *done = a.len;
    return err;
}
