/*
 * stream.c - an attribute as a whole: its size, and its value or its runs
 *
 * An attribute that is not resident may be in pieces, each with the runs of
 * some VCNs. The first one has the sizes and the unit of compression, and what
 * it says of flags counts: pieces after it may lack them. (libfsntfs, "MFT
 * attribute header")
 *
 *      size         bytes of the value
 *      initialized  ... of which these have ever been written; then zeros
 *      allocated    bytes in clusters, holes included
 *      taken        ... and without holes
 *
 * Left out on purpose: that initialized is no more than size, which is taken to
 * be the least of both; and what allocated is, which nothing depends on.
 */
#include "memfn.h"
#include "ntfs.h"

#define BOUND (UINT64_C(1) << 63)

/* Where a file is compressed and no unit is given. (libfsntfs, "Compression":
   as seen on XP) */
#define UNIT_SHIFT_DEFAULT 4u

/* A value of more bytes is read past the buffer cache. */
#define CACHED_MAX (64u << 10)

/* ------------------------------------------------------ piece by piece */

static uint64_t file_of(const struct ntfs_record *record)
{
    return record->base ? NTFS_REFERENCE_NUMBER(record->base) : record->number;
}

static int stream_corrupt(struct ntfs_volume *vol, const char *what,
                          const struct ntfs_stream *stream, uint64_t at)
{
    return shale_corrupt_inode(vol->fs, what, at, stream->ino);
}

static int resident_begin(struct ntfs_volume *vol, struct ntfs_stream *stream,
                          const struct ntfs_attr *attr)
{
    stream->resident = true;
    if (attr->value_length > 0) {
        stream->value = shale_alloc(vol->fs->mem, attr->value_length);
        if (!stream->value)
            return SHALE_ENOMEM;
        memcpy(stream->value, attr->value, attr->value_length);
    }
    stream->size = attr->value_length;
    stream->initialized = attr->value_length;
    stream->allocated = ((uint64_t)attr->value_length + 7) & ~UINT64_C(7);
    stream->taken = stream->allocated;
    return 0;
}

/* Add the runs of the piece ATTR: all of them, or none. */
static int runs_add(struct ntfs_volume *vol, struct ntfs_stream *stream,
                    const struct ntfs_attr *attr)
{
    struct ntfs_runs *runs = &stream->runs, before = *runs;
    uint64_t last = before.count > 0 ? runs->list[before.count - 1].count : 0;
    int err;

    if (attr->first_vcn != runs->end)
        return stream_corrupt(vol, "ntfs: the pieces of an attribute do not "
                              "follow each other", stream, attr->at);
    err = ntfs_runs_decode(vol, runs, attr->pairs, attr->pairs_length,
                           attr->last_vcn, attr->at, stream->ino);
    if (err) {
        runs->count = before.count;
        runs->end = before.end;
        if (before.count > 0)   /* it may have been made longer */
            runs->list[before.count - 1].count = last;
    }
    return err;
}

int ntfs_stream_begin(struct ntfs_volume *vol, struct ntfs_stream *stream,
                      const struct ntfs_attr *attr)
{
    int err;

    *stream = (struct ntfs_stream){
        .ino = file_of(attr->record),
        .type = attr->type,
        .flags = attr->flags,
        .at = attr->at,
    };
    if (attr->resident)
        return resident_begin(vol, stream, attr);
    if (attr->size >= BOUND || attr->allocated >= BOUND ||
        attr->compressed >= BOUND)
        return stream_corrupt(vol, "ntfs: an attribute is larger than any "
                              "can be", stream, attr->at);
    stream->size = attr->size;
    stream->initialized = attr->initialized < attr->size ? attr->initialized
                                                         : attr->size;
    stream->allocated = attr->allocated;
    stream->taken = attr->compressed;
    stream->unit_shift = attr->unit_shift;
    if (attr->flags & NTFS_ATTR_COMPRESSION_MASK && attr->unit_shift == 0)
        stream->unit_shift = UNIT_SHIFT_DEFAULT;
    err = runs_add(vol, stream, attr);
    if (err)
        ntfs_runs_free(vol, &stream->runs);
    return err;
}

int ntfs_stream_add(struct ntfs_volume *vol, struct ntfs_stream *stream,
                    const struct ntfs_attr *attr)
{
    if (stream->resident || attr->resident)
        return stream_corrupt(vol, "ntfs: an attribute is there twice",
                              stream, attr->at);
    return runs_add(vol, stream, attr);
}

int ntfs_stream_end(struct ntfs_volume *vol, struct ntfs_stream *stream)
{
    if (!stream->resident &&
        stream->runs.end << vol->boot.cluster_shift < stream->size)
        return stream_corrupt(vol, "ntfs: an attribute is larger than its "
                              "clusters", stream, stream->at);
    return 0;
}

void ntfs_stream_close(struct ntfs_volume *vol, struct ntfs_stream *stream)
{
    if (stream->resident)
        shale_free(vol->fs->mem, stream->value, (size_t)stream->size);
    ntfs_runs_free(vol, &stream->runs);
    stream->value = NULL;
}

/* ----------------------------------------------------------- all of them */

/* Open the first attribute that WALK comes to with that type and name. */
static int open_by(struct ntfs_walk *walk, uint32_t type, const uint16_t *name,
                   size_t len, struct ntfs_stream *out)
{
    struct ntfs_volume *vol = walk->vol;
    const struct ntfs_attr *attr = &walk->attr;
    bool begun = false;
    int found, err = 0;

    while (!err && (found = ntfs_walk_next(walk)) != 0) {
        if (found < 0) {
            err = found;
        } else if (ntfs_attr_is(attr, type, name, len)) {
            err = begun ? ntfs_stream_add(vol, out, attr)
                        : ntfs_stream_begin(vol, out, attr);
            begun = true;
        }
    }
    if (!err && begun)
        err = ntfs_stream_end(vol, out);
    if (err && begun)
        ntfs_stream_close(vol, out);
    return err ? err : begun;
}

int ntfs_stream_open(struct ntfs_volume *vol, const struct ntfs_record *base,
                     uint32_t type, const uint16_t *name, size_t len,
                     struct ntfs_stream *out)
{
    struct ntfs_walk *walk = &base->room->walk;
    int found = ntfs_walk_begin(vol, base, type, walk);

    if (found)
        return found;
    found = open_by(walk, type, name, len, out);
    ntfs_walk_end(walk);
    return found;
}

/* --------------------------------------------------------------- reading */

static int stream_read(struct ntfs_volume *vol,
                       const struct ntfs_stream *stream, uint64_t offset,
                       uint8_t *to, size_t len, unsigned flags)
{
    size_t n = len;

    if (len == 0)
        return 0;
    if (stream->resident) {
        memcpy(to, stream->value + offset, len);
        return 0;
    }
    if (offset >= stream->initialized)
        n = 0;
    else if (n > stream->initialized - offset)
        n = (size_t)(stream->initialized - offset);
    memset(to + n, 0, len - n);
    return ntfs_runs_read(vol, &stream->runs, offset, to, n, flags);
}

int ntfs_stream_read(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                     uint64_t offset, void *buf, size_t len)
{
    return stream_read(vol, stream, offset, buf, len, 0);
}

int ntfs_stream_fetch(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                      uint64_t offset, void *buf, size_t len)
{
    return stream_read(vol, stream, offset, buf, len, NTFS_READ_PAST);
}

/* --------------------------------------------------------- small ones whole */

bool ntfs_stream_is_plain(const struct ntfs_stream *stream)
{
    return stream->resident ||
           !(stream->flags &
             (NTFS_ATTR_COMPRESSION_MASK | NTFS_ATTR_ENCRYPTED));
}

static bool has_hole(const struct ntfs_stream *stream)
{
    for (size_t i = 0; i < stream->runs.count; i++)
        if (stream->runs.list[i].lcn == NTFS_HOLE)
            return true;
    return false;
}

/* Why STREAM is not what it should be; NULL: it is. */
static const char *value_check(const struct ntfs_stream *stream, size_t max)
{
    if (stream->size > max)
        return "ntfs: an attribute is longer than one of its kind can be";
    if (!ntfs_stream_is_plain(stream))
        return "ntfs: metadata that is compressed or encrypted";
    return has_hole(stream) ? "ntfs: metadata with a hole in it" : NULL;
}

int ntfs_value_take(struct ntfs_volume *vol, struct ntfs_stream *stream,
                    size_t max, struct ntfs_value *out)
{
    const char *wrong = value_check(stream, max);
    int err = 0;

    *out = (struct ntfs_value){ .at = stream->at };
    if (wrong) {
        err = stream_corrupt(vol, wrong, stream, stream->at);
    } else if (stream->resident) {
        out->bytes = stream->value;
        out->length = (size_t)stream->size;
        stream->value = NULL;
    } else if (stream->size > 0) {
        out->length = (size_t)stream->size;
        out->bytes = shale_alloc(vol->fs->mem, out->length);
        err = out->bytes ? stream_read(vol, stream, 0, out->bytes, out->length,
                                       out->length > CACHED_MAX ?
                                       NTFS_READ_PAST : 0)
                         : SHALE_ENOMEM;
    }
    ntfs_stream_close(vol, stream);
    if (err)
        ntfs_value_put(vol, out);
    return err;
}

int ntfs_value_get(struct ntfs_volume *vol, const struct ntfs_record *base,
                   uint32_t type, const uint16_t *name, size_t len, size_t max,
                   struct ntfs_value *out)
{
    struct ntfs_stream stream;
    int err, found = ntfs_stream_open(vol, base, type, name, len, &stream);

    *out = (struct ntfs_value){ .at = base->at };
    if (found <= 0)
        return found;
    err = ntfs_value_take(vol, &stream, max, out);
    return err ? err : 1;
}

void ntfs_value_put(struct ntfs_volume *vol, struct ntfs_value *value)
{
    shale_free(vol->fs->mem, value->bytes, value->length);
    value->bytes = NULL;
    value->length = 0;
}
