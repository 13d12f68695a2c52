/*
 * streams.c - the named streams of a file
 *
 * A file has, besides its data, any number of $DATA attributes with names. They
 * are numbered from 1 on in the order in which the record has them, and such a
 * number is what a vnode of one goes by. Their names are told apart by case, as
 * by ntfs-3g, although Windows does not make two that differ in that alone.
 */
#include "data.h"
#include "memfn.h"
#include "meta.h"
#include "utf16.h"

/* Which stream is sought: by its name, or, without one, by its ordinal. */
struct sought {
    const uint16_t *name;
    size_t len;
    unsigned ordinal;
};

/*
 * Walk to the first piece of the one that is SOUGHT, and leave the walk there:
 * 1 with its ordinal in *ORDINAL, or 0.
 */
static int walk_to(struct ntfs_walk *walk, const struct sought *sought,
                   unsigned *ordinal)
{
    const struct ntfs_attr *attr = &walk->attr;
    unsigned count = 0;
    int more;

    while ((more = ntfs_walk_next(walk)) > 0) {
        if (!ntfs_streams_is_first(attr))
            continue;
        count++;
        if (sought->name ?
            ntfs_attr_is(attr, NTFS_DATA, sought->name, sought->len) :
            count == sought->ordinal) {
            *ordinal = count;
            return 1;
        }
    }
    return more;
}

/* Open the stream that begins where WALK has come to. */
static int open_from(struct ntfs_volume *vol, struct ntfs_walk *walk,
                     struct ntfs_stream *out)
{
    const struct ntfs_attr *attr = &walk->attr;
    uint16_t name[UINT8_MAX];
    size_t len = attr->name_length;
    int err = ntfs_stream_begin(vol, out, attr), more;

    if (err)
        return err;
    for (size_t i = 0; i < len; i++)
        name[i] = le16_load(attr->name + 2 * i);
    while ((more = ntfs_walk_next(walk)) > 0) {
        if (attr->resident || attr->first_vcn == 0 ||
            !ntfs_attr_is(attr, NTFS_DATA, name, len))
            break;
        err = ntfs_stream_add(vol, out, attr);
        if (err)
            break;
    }
    if (!err && more < 0)
        err = more;
    if (!err)
        err = ntfs_stream_end(vol, out);
    if (err)
        ntfs_stream_close(vol, out);
    return err;
}

int ntfs_streams_open(struct ntfs_volume *vol, const struct ntfs_record *base,
                      unsigned ordinal, struct ntfs_stream *out)
{
    const struct sought sought = { .ordinal = ordinal };
    struct ntfs_walk *walk = &base->room->walk;
    unsigned is;
    int err = ntfs_walk_begin(vol, base, NTFS_DATA, walk), found;

    if (err)
        return err;
    found = walk_to(walk, &sought, &is);
    if (found > 0) {
        err = open_from(vol, walk, out);
        if (err)
            found = err;
    }
    ntfs_walk_end(walk);
    return found;
}

int ntfs_streams_load(struct ntfs_volume *vol, const struct ntfs_record *base,
                      unsigned ordinal, struct ntfs_info *info,
                      struct ntfs_stream *data)
{
    struct ntfs_stream unwanted, *stream = data ? data : &unwanted;
    int found = ntfs_streams_open(vol, base, ordinal, stream);

    if (found <= 0)
        return found < 0 ? found : SHALE_ESTALE;
    info->type = SHALE_TYPE_FILE;
    info->size = stream->size;
    info->allocated = stream->resident ? 0 : stream->taken;
    if (!data)
        ntfs_stream_close(vol, &unwanted);
    return 0;
}

int ntfs_streams_find(struct ntfs_volume *vol, const struct ntfs_record *base,
                      const uint16_t *name, size_t len, unsigned *ordinal)
{
    const struct sought sought = { .name = name, .len = len };
    struct ntfs_walk *walk = &base->room->walk;
    int err = ntfs_walk_begin(vol, base, NTFS_DATA, walk), found;

    if (err)
        return err;
    found = walk_to(walk, &sought, ordinal);
    ntfs_walk_end(walk);
    return found;
}

int ntfs_streams_lookup(struct ntfs_volume *vol, uint64_t reference,
                        const char *name, size_t len, uint64_t *ino)
{
    uint64_t number = NTFS_REFERENCE_NUMBER(reference);
    uint16_t units[NTFS_NAME_UNITS];
    struct ntfs_record *record;
    unsigned ordinal = 0;
    int count, err;

    if (len == 0) {
        *ino = number;
        return 0;
    }
    count = utf16_from_utf8(name, len, units, NTFS_NAME_UNITS);
    if (count < 0)
        return SHALE_ENOENT;
    err = ntfs_record_by_reference(vol, reference, &record);
    if (err)
        return err;
    err = ntfs_streams_find(vol, record, units, (size_t)count, &ordinal);
    ntfs_record_put(vol, record);
    if (err < 0)
        return err;
    if (err == 0 || ordinal > NTFS_INO_STREAM(UINT64_MAX))
        return SHALE_ENOENT;
    *ino = number | (uint64_t)ordinal << NTFS_INO_STREAM_SHIFT;
    return 0;
}

/* ------------------------------------------------------------ its bytes */

/* Store the part of EXTENT, of STREAM, from OFFSET on in BUF, which has LEN
   bytes. Returns how many that were. */
static int64_t extent_read(struct ntfs_volume *vol,
                           const struct ntfs_stream *stream,
                           const struct shale_extent *extent, uint64_t offset,
                           uint8_t *buf, size_t len)
{
    uint64_t skip = offset - extent->offset, left = extent->length - skip;
    uint8_t *whole;
    int err;

    if (len > left)
        len = (size_t)left;
    switch (extent->kind) {
    case SHALE_EXTENT_DATA:
        err = ntfs_runs_read(vol, &stream->runs, offset, buf, len, 0);
        return err ? err : (int64_t)len;
    case SHALE_EXTENT_HOLE:
    case SHALE_EXTENT_UNWRITTEN:
        memset(buf, 0, len);
        return (int64_t)len;
    case SHALE_EXTENT_INLINE:
    case SHALE_EXTENT_ENCODED:
        break;
    }
    if (skip == 0 && len == extent->length) {
        err = ntfs_stream_decode(vol, stream, extent, buf);
        return err ? err : (int64_t)len;
    }
    whole = shale_alloc(vol->fs->mem, (size_t)extent->length);
    if (!whole)
        return SHALE_ENOMEM;
    err = ntfs_stream_decode(vol, stream, extent, whole);
    if (!err)
        memcpy(buf, whole + skip, len);
    shale_free(vol->fs->mem, whole, (size_t)extent->length);
    return err ? err : (int64_t)len;
}

/* Store all of STREAM in BUF, as a file's data is read. */
static int64_t data_read(struct ntfs_volume *vol,
                         const struct ntfs_stream *stream, uint8_t *buf)
{
    uint64_t offset = 0, size = stream->size;

    while (offset < size) {
        struct shale_extent extent;
        int64_t got = ntfs_stream_map(vol, stream, offset, size - offset,
                                      &extent);

        if (!got)
            got = extent_read(vol, stream, &extent, offset, buf + offset,
                              (size_t)(size - offset));
        if (got < 0)
            return got;
        offset += (uint64_t)got;
    }
    return (int64_t)size;
}

int64_t ntfs_streams_value(struct ntfs_volume *vol,
                           const struct ntfs_record *base, unsigned ordinal,
                           void *buf, size_t size)
{
    struct ntfs_stream stream;
    int64_t answer = ntfs_streams_open(vol, base, ordinal, &stream);

    if (answer <= 0)
        return answer < 0 ? answer : SHALE_ENODATA;
    answer = SHALE_ERANGE;
    if (size == 0 && stream.size <= INT64_MAX)
        answer = (int64_t)stream.size;
    else if (stream.size <= size)
        answer = data_read(vol, &stream, buf);
    ntfs_stream_close(vol, &stream);
    return answer;
}
