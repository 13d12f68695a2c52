/*
 * decoded.c - decoded units of compressed files, kept for a while
 *
 * Compressed data comes in units that can only be decoded whole. A reader who
 * wants all of one gets it straight into his buffer. One who wants a piece
 * leaves the unit here, where the next finds it: so small reads, in whatever
 * order, decode each unit once as long as the budget lasts. Units leave in
 * least-recently-used order.
 *
 * (1) A unit in the table is complete and does not change.
 * (2) It is in the list exactly if nobody has it pinned, so what leaves by the
 *     list is in nobody's hands.
 * (3) The lock is held while any of this changes, and not while a driver
 *     decodes, bytes are copied, or memory is allocated or freed: a leaf.
 * (4) The volume's lock is, shared: who finds no memory can wait until nobody
 *     else has a unit, or decodes one.
 *
 * Because of (3) two threads may decode the same unit at once; the one that is
 * second to enter it in the table drops its own and takes the other's.
 *
 * What is INLINE is as quickly copied by the driver as from here, and is not
 * kept. Nothing here is ever out of date, as no driver that decodes changes
 * anything.
 */
#include "decoded.h"

#include "assert.h"
#include "memfn.h"
#include "room.h"

#define BUCKET_BITS_MIN 4u
#define BUCKET_BITS_MAX 12u
#define UNIT_USUAL ((size_t)4 << 10)    /* bytes; the smallest that is common */

struct unit {
    uint64_t ino, offset;       /* of the file; in it */
    size_t length;              /* bytes */
    uint8_t *bytes;
    size_t pins;                /* readers */
    struct unit *hash_next;
    struct unit *older, *newer;
};

struct decoded {
    const struct shale_lock_ops *locks;
    void *lock;
    struct shale_slab *slab;
    struct unit **buckets;      /* 1 << bucket_bits of them */
    unsigned bucket_bits;
    struct unit *oldest, *newest;       /* that nobody reads */
    size_t bytes, budget;       /* of units, pinned or not */
};

static struct decoded *decoded_of(const struct shale_fs *fs)
{
    return fs->state->decoded;
}

/* ------------------------------------------ the table, with the lock held */

static struct unit **bucket_of(const struct decoded *d, uint64_t ino,
                               uint64_t offset)
{
    /* 2^64 divided by the golden ratio: neighbours end up far apart. */
    const uint64_t golden = 0x9e3779b97f4a7c15u;

    return &d->buckets[(size_t)((ino * golden + offset) * golden >>
                                (64 - d->bucket_bits))];
}

static void list_append(struct decoded *d, struct unit *unit)
{
    unit->older = d->newest;
    unit->newer = NULL;
    if (d->newest)
        d->newest->newer = unit;
    else
        d->oldest = unit;
    d->newest = unit;
}

static void list_remove(struct decoded *d, struct unit *unit)
{
    if (unit->older)
        unit->older->newer = unit->newer;
    else
        d->oldest = unit->newer;
    if (unit->newer)
        unit->newer->older = unit->older;
    else
        d->newest = unit->older;
}

/* Pin the unit of the file INO that EXTENT is; NULL if it is not there. */
static struct unit *find(struct decoded *d, uint64_t ino,
                         const struct shale_extent *extent)
{
    struct unit *unit = *bucket_of(d, ino, extent->offset);

    while (unit && (unit->ino != ino || unit->offset != extent->offset ||
                    unit->length != extent->length))
        unit = unit->hash_next;
    if (unit && unit->pins++ == 0)
        list_remove(d, unit);
    return unit;
}

/* Take the unit least recently used out; NULL if all are being read. */
static struct unit *take_oldest(struct decoded *d)
{
    struct unit *unit = d->oldest, **at;

    if (!unit)
        return NULL;
    list_remove(d, unit);
    at = bucket_of(d, unit->ino, unit->offset);
    while (*at != unit)
        at = &(*at)->hash_next;
    *at = unit->hash_next;
    return unit;
}

/* ------------------------------------------------------- units in memory */

static size_t bytes_of(const struct unit *unit)
{
    return sizeof *unit + unit->length;
}

static void count_bytes(struct decoded *d, size_t more, size_t less)
{
    lock_exclusive(d->locks, d->lock);
    d->bytes += more;
    d->bytes -= less;
    lock_release(d->locks, d->lock);
}

/* Free a unit that is not in the table. */
static void unit_free(struct shale_fs *fs, struct unit *unit)
{
    struct decoded *d = decoded_of(fs);
    size_t bytes = bytes_of(unit);

    shale_free(fs->mem, unit->bytes, unit->length);
    shale_slab_free(d->slab, unit);
    count_bytes(d, 0, bytes);
}

/* Free units until no more than LIMIT bytes are held, but not the last KEEP
   that were used, 0 or 1. */
static size_t trim(struct shale_fs *fs, size_t limit, unsigned keep)
{
    struct decoded *d = decoded_of(fs);
    size_t freed = 0;

    for (;;) {
        struct unit *unit = NULL;

        lock_exclusive(d->locks, d->lock);
        if (d->bytes > limit && !(keep > 0 && d->oldest == d->newest))
            unit = take_oldest(d);
        lock_release(d->locks, d->lock);
        if (!unit)
            return freed;
        freed += bytes_of(unit);
        unit_free(fs, unit);
    }
}

/* A unit for EXTENT of FILE, pinned, its bytes not there yet. */
static struct unit *unit_new(struct shale_vnode *file,
                             const struct shale_extent *extent)
{
    struct shale_fs *fs = file->fs;
    struct decoded *d = decoded_of(fs);
    size_t length = (size_t)extent->length;
    struct unit *unit;

    count_bytes(d, sizeof *unit + length, 0);
    trim(fs, d->budget, 0);
    unit = shale_slab_alloc(d->slab);
    if (!unit) {
        count_bytes(d, 0, sizeof *unit + length);
        return NULL;
    }
    *unit = (struct unit){
        .ino = file->ino, .offset = extent->offset, .length = length,
        .bytes = shale_alloc(fs->mem, length), .pins = 1,
    };
    if (!unit->bytes) {
        shale_slab_free(d->slab, unit);
        count_bytes(d, 0, sizeof *unit + length);
        return NULL;
    }
    return unit;
}

static void unit_put(struct shale_fs *fs, struct unit *unit)
{
    struct decoded *d = decoded_of(fs);
    bool over;

    lock_exclusive(d->locks, d->lock);
    SHALE_ASSERT(unit->pins > 0);
    if (--unit->pins == 0)
        list_append(d, unit);
    over = d->bytes > d->budget;
    lock_release(d->locks, d->lock);
    if (over)                   /* one is kept, however large */
        trim(fs, d->budget, 1);
}

/* ------------------------------------------------------------- reading */

/* Decode EXTENT and keep it; stores the unit, pinned. */
static int unit_load(struct shale_vnode *file,
                     const struct shale_extent *extent, struct unit **out)
{
    struct decoded *d = decoded_of(file->fs);
    struct unit *unit = unit_new(file, extent), *other;
    int err;

    if (!unit)
        return SHALE_ENOMEM;
    err = file->fs->ops->decode(file, extent, unit->bytes);
    if (err) {
        unit_free(file->fs, unit);
        return err;
    }

    lock_exclusive(d->locks, d->lock);
    other = find(d, file->ino, extent);
    if (!other) {
        struct unit **bucket = bucket_of(d, unit->ino, unit->offset);

        unit->hash_next = *bucket;
        *bucket = unit;
    }
    lock_release(d->locks, d->lock);

    if (other)                  /* somebody was faster */
        unit_free(file->fs, unit);
    *out = other ? other : unit;
    return 0;
}

/* Read a piece of EXTENT, which is not kept. */
static int read_inline(struct shale_vnode *file,
                       const struct shale_extent *extent, uint64_t offset,
                       void *buf, size_t len)
{
    size_t length = (size_t)extent->length;
    struct shale_fs *fs = file->fs;
    uint8_t *bytes = shale_alloc(fs->mem, length);
    int err;

    if (!bytes)
        return SHALE_ENOMEM;
    err = fs->ops->decode(file, extent, bytes);
    if (!err)
        memcpy(buf, bytes + (offset - extent->offset), len);
    shale_free(fs->mem, bytes, length);
    return err;
}

/* As decoded_read(), of a driver that decodes. */
static int read_locked(struct shale_vnode *file,
                       const struct shale_extent *extent, uint64_t offset,
                       void *buf, size_t len)
{
    struct decoded *d = decoded_of(file->fs);
    bool is_inline = extent->kind == SHALE_EXTENT_INLINE;
    bool whole = len == extent->length;
    struct unit *unit = NULL;
    int err;

    if (!is_inline) {
        lock_exclusive(d->locks, d->lock);
        unit = find(d, file->ino, extent);
        lock_release(d->locks, d->lock);
    }
    if (!unit && whole)
        return file->fs->ops->decode(file, extent, buf);
    if (is_inline)
        return read_inline(file, extent, offset, buf, len);
    if (!unit) {
        err = unit_load(file, extent, &unit);
        if (err)
            return err;
    }
    memcpy(buf, unit->bytes + (offset - extent->offset), len);
    unit_put(file->fs, unit);
    return 0;
}

int decoded_read(struct shale_vnode *file, const struct shale_extent *extent,
                 uint64_t offset, void *buf, size_t len)
{
    struct visit v;
    int err;

    if (!decoded_of(file->fs))
        return SHALE_ENOTSUP;   /* the driver's map() knows of what its
                                   decode(), which is none, does not */
    visit_shared(&v, file->fs);
    do
        err = read_locked(file, extent, offset, buf, len);
    while (visit_again(&v, err));
    return err;
}

/* ---------------------------------------------------- a cache as a whole */

size_t decoded_bytes(struct shale_fs *fs)
{
    struct decoded *d = decoded_of(fs);
    size_t bytes;

    if (!d)
        return 0;
    lock_exclusive(d->locks, d->lock);
    bytes = d->bytes;
    lock_release(d->locks, d->lock);
    return bytes;
}

void shale_fs_decoded_stats(struct shale_fs *fs,
                            struct shale_decoded_stats *out)
{
    struct decoded *d = decoded_of(fs);

    out->bytes = decoded_bytes(fs);
    out->budget = d ? d->budget : 0;
}

size_t decoded_shrink(struct shale_fs *fs, size_t want)
{
    struct decoded *d = decoded_of(fs);
    size_t bytes = decoded_bytes(fs), freed;

    if (!d)
        return 0;
    freed = trim(fs, want < bytes ? bytes - want : 0, 0);
    shale_slab_shrink(d->slab);
    return freed;
}

/* Enough buckets for each unit of the budget to have its own, within reason. */
static unsigned bucket_bits(size_t budget)
{
    unsigned bits = BUCKET_BITS_MIN;

    while (bits < BUCKET_BITS_MAX && (size_t)1 << bits < budget / UNIT_USUAL)
        bits++;
    return bits;
}

int decoded_create(struct shale_fs *fs, size_t budget)
{
    const struct shale_slab_config slab = {
        .name = "decoded", .size = sizeof(struct unit),
    };
    struct decoded *d;
    int err;

    if (!fs->ops->decode)
        return 0;
    d = shale_zalloc(fs->mem, sizeof *d);
    if (!d)
        return SHALE_ENOMEM;
    d->locks = fs->state->locks;
    d->budget = budget;
    d->bucket_bits = bucket_bits(budget);
    err = vfs_lock_create(d->locks, fs->mem, &d->lock);
    if (err)
        goto free_decoded;

    err = SHALE_ENOMEM;
    d->buckets = shale_alloc_array(fs->mem, (size_t)1 << d->bucket_bits,
                                   sizeof(struct unit *));
    if (!d->buckets)
        goto destroy_lock;
    d->slab = shale_slab_create(fs->mem, &slab);
    if (!d->slab)
        goto free_buckets;
    fs->state->decoded = d;
    return 0;

free_buckets:
    shale_free(fs->mem, d->buckets,
               ((size_t)1 << d->bucket_bits) * sizeof(struct unit *));
destroy_lock:
    vfs_lock_destroy(d->locks, fs->mem, d->lock);
free_decoded:
    shale_free(fs->mem, d, sizeof *d);
    return err;
}

void decoded_destroy(struct shale_fs *fs)
{
    struct decoded *d = decoded_of(fs);

    if (!d)
        return;
    trim(fs, 0, 0);
    SHALE_ASSERT(d->bytes == 0);
    shale_slab_destroy(d->slab);
    shale_free(fs->mem, d->buckets,
               ((size_t)1 << d->bucket_bits) * sizeof(struct unit *));
    vfs_lock_destroy(d->locks, fs->mem, d->lock);
    shale_free(fs->mem, d, sizeof *d);
    fs->state->decoded = NULL;
}
