/*
 * file.c - file data: where it is, and moving it
 *
 * The driver says where bytes live, an extent at a time; this file moves them.
 * A file's lock is held shared for the whole of a call, so that its size and
 * map stay as they are. The volume's lock is held only while the driver maps:
 * no device is read under it, so reads of any files run side by side.
 *
 * Work is bounded by the extents met, never by a hole's length; and these, too,
 * are counted: a few blocks of pointers that point at each other can make a map
 * of 2^42 pieces.
 */
#include "assert.h"
#include "decoded.h"
#include "memfn.h"
#include "room.h"
#include "shale/flight.h"

/*
 * A driver's answers in a row that one call looks at. A file of 2 TiB that has
 * nothing but its own blocks of pointers in between is so many pieces of data.
 * A hole is a few; each may have cost the driver a search.
 */
#define DATA_PIECES_MAX (UINT32_C(1) << 19)
#define HOLE_PIECES_MAX (UINT32_C(1) << 14)

int file_check(const struct shale_vnode *vn)
{
    if (vn->type == SHALE_TYPE_DIR)
        return SHALE_EISDIR;
    if (vn->type != SHALE_TYPE_FILE)
        return SHALE_EINVAL;
    return vn->fs->ops->map ? 0 : SHALE_ENOTSUP;
}

/* ------------------------------------- maps, with the file's lock held */

/* Is EXTENT something that is only to be had whole? */
static bool is_unit(const struct shale_extent *extent)
{
    return extent->kind == SHALE_EXTENT_INLINE ||
           extent->kind == SHALE_EXTENT_ENCODED;
}

/* Is EXTENT an answer to the question what is at OFFSET? */
static bool is_sound(const struct shale_extent *extent, uint64_t offset)
{
    if (is_unit(extent))
        return extent->offset <= offset &&
               offset - extent->offset < extent->length &&
               extent->length <= SHALE_UNIT_MAX;
    return extent->offset == offset && extent->length > 0;
}

/*
 * Ask the driver for one extent, which may run past the end of the file and, as
 * a unit, begin before OFFSET. The volume's lock is held as well.
 */
static int map_uncut(struct shale_vnode *file, uint64_t offset, uint64_t len,
                     struct shale_extent *out)
{
    struct shale_extent extent = { 0 };
    int err = file->fs->ops->map(file, offset, len, &extent);
    bool sound;

    if (err)
        return err;

    /* The driver checks the disk; this checks the driver. */
    sound = is_sound(&extent, offset);
    SHALE_ASSERT(sound);
    if (!sound)
        return SHALE_EIO;
    *out = extent;
    return 0;
}

/* Cut EXTENT, the answer for OFFSET, to what is between there and the end. */
static void cut(const struct shale_vnode *file, uint64_t offset,
                struct shale_extent *extent)
{
    extent->length -= offset - extent->offset;
    extent->offset = offset;
    if (extent->length > file->size - offset)
        extent->length = file->size - offset;
}

/* As map_uncut(), and cut. */
static int map_one(struct shale_vnode *file, uint64_t offset, uint64_t len,
                   struct shale_extent *out)
{
    int err = map_uncut(file, offset, len, out);

    if (!err)
        cut(file, offset, out);
    return err;
}

/* Does B, which follows A in the file, go on where A ends? */
static bool continues(const struct shale_extent *a,
                      const struct shale_extent *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case SHALE_EXTENT_HOLE:
        return true;
    case SHALE_EXTENT_DATA:
    case SHALE_EXTENT_UNWRITTEN:
        return b->device > a->device && b->device - a->device == a->length;
    case SHALE_EXTENT_INLINE:
    case SHALE_EXTENT_ENCODED:
        break;
    }
    return false;
}

/*
 * As file_map(), and stores what the driver said first in *FIRST. What it said
 * of what follows the answer is stored in *NEXT, to be handed in again for that
 * by who goes on, with the file's lock held since; length 0: nothing. Without
 * JOIN the answer is what the driver said, and it is asked for no more.
 */
static int map_joined(struct shale_vnode *file, uint64_t offset, uint64_t len,
                      bool join, struct shale_extent *first,
                      struct shale_extent *next, struct shale_extent *out)
{
    struct shale_extent extent = *next, joined;
    uint32_t pieces = 1;
    struct visit v;
    int err = 0;

    if (len > file->size - offset)
        len = file->size - offset;

    visit_shared(&v, file->fs);
    do
        if (next->length == 0)
            err = map_uncut(file, offset, len, &extent);
    while (err && visit_again(&v, err));
    if (err)
        return err;
    next->length = 0;
    *first = extent;
    cut(file, offset, &extent);
    while (join && extent.length < len &&
           pieces++ < HOLE_PIECES_MAX) {
        uint64_t end = offset + extent.length;

        if (map_uncut(file, end, len - extent.length, next))
            break;
        joined = *next;
        cut(file, end, &joined);
        if (!continues(&extent, &joined))
            break;
        extent.length += joined.length;
        next->length = 0;
    }
    visit_again(&v, 0);
    *out = extent;
    return 0;
}

int file_map(struct shale_vnode *file, uint64_t offset, uint64_t len,
             struct shale_extent *out)
{
    struct shale_extent first, next = { .length = 0 };

    return map_joined(file, offset, len, true, &first, &next, out);
}

int file_map_tail(struct shale_vnode *file, struct shale_extent *out)
{
    struct shale_extent last = { 0 };
    struct visit v;
    int err;

    *out = (struct shale_extent){
        .offset = file->size, .kind = SHALE_EXTENT_HOLE,
    };
    if (file->size == 0)
        return 0;
    visit_shared(&v, file->fs);
    do
        err = map_uncut(file, file->size - 1, 1, &last);
    while (visit_again(&v, err));
    if (err)
        return err;
    out->kind = last.kind;
    out->device = last.device + 1;
    out->length = last.length - (file->size - last.offset);
    return 0;
}

int shale_map(struct shale_vnode *file, uint64_t offset, uint64_t len,
              struct shale_extent *out)
{
    int err = file_check(file);

    if (err)
        return err;
    if (len == 0)
        return SHALE_EINVAL;

    vnode_lock_shared(file);
    if (offset >= file->size)
        err = SHALE_ENXIO;
    else
        err = file_map(file, offset, len, out);
    vnode_unlock(file);
    return err;
}

/* --------------------------------------------------------------- seek */

static bool reads_as_zeros(const struct shale_extent *extent)
{
    return extent->kind == SHALE_EXTENT_HOLE ||
           extent->kind == SHALE_EXTENT_UNWRITTEN;
}

/*
 * What a search for a hole, or for data, comes to after too many pieces. To say
 * data of a hole is no lie, as it reads as zeros; the other way round is one.
 */
static int64_t seek_too_far(const struct shale_vnode *file, bool hole)
{
    if (hole)
        return (int64_t)file->size;
    return shale_corrupt_inode(file->fs,
                               "vfs: a hole in more pieces than any file has",
                               SHALE_NOWHERE, file->ino);
}

/*
 * The first offset from OFFSET on that is a hole, or is not, as HOLE says; the
 * file's size if there is none.
 */
static int64_t seek_locked(struct shale_vnode *file, uint64_t offset,
                           bool hole)
{
    uint32_t left = hole ? DATA_PIECES_MAX : HOLE_PIECES_MAX;

    while (offset < file->size) {
        struct shale_extent extent;
        struct visit v;
        int err;

        if (left-- == 0)
            return seek_too_far(file, hole);
        visit_shared(&v, file->fs);
        do
            err = map_one(file, offset, file->size - offset, &extent);
        while (visit_again(&v, err));
        if (err)
            return err;
        if (reads_as_zeros(&extent) == hole)
            break;
        offset += extent.length;
    }
    return (int64_t)offset;
}

static int64_t seek(struct shale_vnode *file, uint64_t offset, bool hole)
{
    int64_t found = file_check(file);

    if (found)
        return found;

    vnode_lock_shared(file);
    if (offset >= file->size)
        found = SHALE_ENXIO;
    else
        found = seek_locked(file, offset, hole);
    if (!hole && found >= 0 && (uint64_t)found == file->size)
        found = SHALE_ENXIO;    /* the end is a hole, and no data */
    vnode_unlock(file);
    return found;
}

int64_t shale_seek_data(struct shale_vnode *file, uint64_t offset)
{
    return seek(file, offset, false);
}

int64_t shale_seek_hole(struct shale_vnode *file, uint64_t offset)
{
    return seek(file, offset, true);
}

/* --------------------------------------------------------------- read */

/*
 * Bring LEN bytes at byte AT of the volume to BUF. Nobody above knows as well
 * where the device fails, so this tells.
 */
static int data_read(struct shale_vnode *file, uint64_t at, void *buf,
                     size_t len)
{
    struct shale_fs *fs = file->fs;
    struct shale_event event = {
        .level = SHALE_LOG_ERROR, .what = "vfs: file data cannot be read",
        .at = at, .ino = file->ino,
    };
    unsigned tries = 0;
    int err;

    do
        err = shale_bdev_read_bytes(fs->dev, fs->mem, at, buf, len);
    while (room_again(fs, err, &tries));

    if (err && err != SHALE_ENOMEM) {
        event.err = err;
        if (at < fs->dev->size && len > fs->dev->size - at)
            event.at = fs->dev->size;   /* where a truncated image ends */
        fault_event(fs, &event);
    }
    return err;
}

/*
 * Bring the first LEN bytes of EXTENT to BUF. FIRST is what the driver said: of
 * a unit all of it.
 */
static int extent_read(struct shale_vnode *file,
                       const struct shale_extent *extent,
                       const struct shale_extent *first, void *buf, size_t len)
{
    switch (extent->kind) {
    case SHALE_EXTENT_DATA:
        return data_read(file, extent->device, buf, len);
    case SHALE_EXTENT_HOLE:
    case SHALE_EXTENT_UNWRITTEN:
        memset(buf, 0, len);
        return 0;
    case SHALE_EXTENT_INLINE:
    case SHALE_EXTENT_ENCODED:
        return decoded_read(file, first, extent->offset, buf, len);
    }
    return SHALE_ENOTSUP;
}

/*
 * The first that is so long is under way while the driver says where the rest
 * is; then so much goes together, as telling the device takes time, too.
 */
#define WORTH_TO_GO ((size_t)32 << 10)
#define GO_TOGETHER ((size_t)512 << 10)

/* The requests of one read that are under way at once. */
struct reader {
    struct shale_vnode *file;
    bool one_by_one;            /* none are */
    struct shale_flight *flight;    /* or NULL: not made yet */
    size_t ready;               /* bytes of it that wait to go together */
};

/*
 * Are LEN bytes, of the LEFT that are still to be read, worth being read beside
 * others? A flight is made for the first that are.
 */
static bool is_for_flight(struct reader *r, size_t len, size_t left)
{
    struct shale_fs *fs = r->file->fs;

    if (r->one_by_one)
        return false;
    if (!r->flight && len == left && len <= SHALE_FLIGHT_BYTES)
        return false;
    if (!r->flight) {
        r->flight = shale_alloc(fs->mem, sizeof *r->flight);
        if (r->flight)
            shale_flight_begin(r->flight, fs->dev);
    }
    return r->flight != NULL;
}

/*
 * As data_read(), but what is whole sectors is only begun. Nobody waits for the
 * ragged ends with the rest not under way.
 */
static int data_begin(struct reader *r, uint64_t at, uint8_t *buf, size_t len)
{
    uint64_t sector = r->file->fs->dev->block_size;
    size_t head = (size_t)((0 - at) & (sector - 1));
    size_t tail = (size_t)((at + len) & (sector - 1));
    int err = 0;

    if (len < head + tail + sector)
        return data_read(r->file, at, buf, len);
    len -= head + tail;
    shale_flight_read(r->flight, at + head, buf + head, len);
    r->ready += len;
    if (head + tail > 0 || r->ready >= GO_TOGETHER ||
        (r->flight->out_count == 0 && r->ready >= WORTH_TO_GO)) {
        shale_flight_go(r->flight);
        r->ready = 0;
    }
    if (head > 0)
        err = data_read(r->file, at, buf, head);
    if (tail > 0 && !err)
        err = data_read(r->file, at + head + len, buf + head + len, tail);
    return err;
}

/*
 * Read all of it, extent by extent; what is in the flight is under way, and the
 * sooner the better: what follows an extent is asked for only after that. When
 * any of the flight has failed the rest is left: all will be read again.
 */
static int extents_read(struct reader *r, uint8_t *to, size_t len,
                        uint64_t offset)
{
    struct shale_extent first, next = { .length = 0 }, extent;

    while (len > 0 && !(r->flight && r->flight->err)) {
        size_t count = len;
        int err = map_joined(r->file, offset, len, r->one_by_one, &first,
                             &next, &extent);

        if (err)
            return err;
        if (count > extent.length)
            count = (size_t)extent.length;
        if (extent.kind == SHALE_EXTENT_DATA && is_for_flight(r, count, len))
            err = data_begin(r, extent.device, to, count);
        else
            err = extent_read(r->file, &extent, &first, to, count);
        if (err)
            return err;
        to += count;
        offset += count;
        len -= count;
    }
    return 0;
}

/*
 * On a device that works on several requests, what is in several extents, or in
 * a large one, is read by requests under way at once. If one of them fails, all
 * is read again one by one, which tells where, and may find the memory.
 */
int file_read_locked(struct shale_vnode *file, void *buf, size_t len,
                     uint64_t offset)
{
    struct reader r = {
        .file = file, .one_by_one = file->fs->dev->at_once < 2,
    };
    int err = extents_read(&r, buf, len, offset), landed;

    if (!r.flight)
        return err;
    landed = shale_flight_finish(r.flight);
    shale_free(file->fs->mem, r.flight, sizeof *r.flight);
    if (err || !landed)
        return err;
    r = (struct reader){ .file = file, .one_by_one = true };
    return extents_read(&r, buf, len, offset);
}

static int64_t readv_locked(struct shale_vnode *file,
                            const struct shale_iovec *iov, size_t count,
                            uint64_t offset)
{
    uint64_t start = offset;

    for (size_t i = 0; i < count && offset < file->size; i++) {
        size_t len = iov[i].len;
        int err;

        if (len > file->size - offset)
            len = (size_t)(file->size - offset);
        err = file_read_locked(file, iov[i].base, len, offset);
        if (err)
            return err;
        offset += len;
    }
    return (int64_t)(offset - start);
}

int64_t shale_readv(struct shale_vnode *file, const struct shale_iovec *iov,
                    size_t count, uint64_t offset)
{
    int64_t done = file_check(file);

    if (done)
        return done;
    vnode_lock_shared(file);
    done = readv_locked(file, iov, count, offset);
    vnode_unlock(file);
    return done;
}

int64_t shale_read(struct shale_vnode *file, void *buf, size_t len,
                   uint64_t offset)
{
    const struct shale_iovec iov = { buf, len };

    return shale_readv(file, &iov, 1, offset);
}
