/*
 * compress.c - data in compression units, NTFS's own way to save space
 *
 * The clusters of a compressed stream are seen as units, of sixteen as a rule.
 * How many of a unit's are there says what it is:
 *
 *     all      the data itself; also if the runs end, without a hole, within
 *              the last unit
 *     none     zeros
 *     n        LZNT1, in the first n; a hole behind makes the unit full
 *
 * A run may cover many units, or a unit be made of many runs. Nothing is
 * written past the valid-data length, whatever the clusters there hold; in the
 * unit that it is in, zeros follow it.
 *
 * The chunks of LZNT1 know nothing of each other. Who asks for no more than one
 * makes, of a unit that has not been asked for lately, is answered with that: a
 * unit has to be read as a whole, but to unpack it takes ten times as long. The
 * second time all of it is unpacked, and the core keeps it.
 *
 * (Documented by the Linux-NTFS project and by libfsntfs, and as found in what
 * ntfs-3g writes.)
 */
#include "memfn.h"
#include "ntfs.h"

#define METHOD_LZNT1 1u
#define UNIT_SHIFT_USUAL 4u     /* where Windows XP has not written any */

bool ntfs_units_used(const struct ntfs_stream *stream)
{
    return stream->flags & NTFS_ATTR_COMPRESSION_MASK;
}

/* A unit. */
struct unit {
    uint64_t first, end;        /* its clusters, as far as there are runs */
    uint64_t present;           /* those of them that are no hole */
    uint64_t clusters;          /* of any unit of this stream */
};

static unsigned unit_shift(const struct ntfs_stream *stream)
{
    return stream->unit_shift != 0 ? stream->unit_shift : UNIT_SHIFT_USUAL;
}

/* Is this a kind of compression that we know? */
static int check_method(struct ntfs_volume *vol,
                        const struct ntfs_stream *stream)
{
    unsigned shift = unit_shift(stream) + vol->boot.cluster_shift;

    if ((stream->flags & NTFS_ATTR_COMPRESSION_MASK) != METHOD_LZNT1)
        return shale_refuse(vol->fs, "ntfs: a file is compressed", "not LZNT1",
                            stream->at);
    if (shift >= 32 || UINT64_C(1) << shift > SHALE_UNIT_MAX)
        return shale_refuse(vol->fs, "ntfs: a file is compressed",
                            "in units of more than 16 MiB", stream->at);
    return 0;
}

/* The unit that cluster VCN, for which there is a run, is in. */
static int unit_find(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                     uint64_t vcn, struct unit *out)
{
    uint64_t clusters = UINT64_C(1) << unit_shift(stream);
    struct unit u = {
        .first = vcn & ~(clusters - 1), .clusters = clusters,
    };
    bool hole = false;

    u.end = stream->runs.end - u.first < clusters ? stream->runs.end
                                                  : u.first + clusters;
    for (vcn = u.first; vcn < u.end;) {
        const struct ntfs_run *run = ntfs_runs_find(&stream->runs, vcn);
        uint64_t stop = run->vcn + run->count;

        if (stop > u.end)
            stop = u.end;
        if (run->lcn == NTFS_HOLE)
            hole = true;
        else if (hole)
            return shale_corrupt_inode(
                vol->fs, "ntfs: a compression unit has a hole in its middle",
                run->lcn << vol->boot.cluster_shift, stream->ino);
        else
            u.present += stop - vcn;
        vcn = stop;
    }
    *out = u;
    return 0;
}

/*
 * Where what OFFSET is in ends, if that is not packed: UNIT, or more of the
 * like behind it in the same run, or before UNIT's end, where the run ends.
 */
static uint64_t alike_until(const struct ntfs_volume *vol,
                            const struct ntfs_stream *stream,
                            const struct unit *unit, uint64_t offset)
{
    const struct ntfs_run *run = ntfs_runs_find(
        &stream->runs, offset >> vol->boot.cluster_shift);
    uint64_t end = run->vcn + run->count;

    /* The unit that the run ends in may be packed. */
    if (end > unit->end && end < stream->runs.end)
        end &= ~(unit->clusters - 1);
    return end << vol->boot.cluster_shift;
}

/*
 * Has UNIT been asked for lately, by what LATELY keeps? From now on it has. Two
 * threads may do this at once: whatever they find is right enough.
 */
static bool asked_lately(uint32_t *lately, const struct unit *unit)
{
    uint64_t number = unit->first / unit->clusters;
    uint32_t *slot = &lately[number % NTFS_UNITS_LATELY];
    uint32_t tag = (uint32_t)(number / NTFS_UNITS_LATELY) + 1;

    if (__atomic_load_n(slot, __ATOMIC_RELAXED) == tag)
        return true;
    __atomic_store_n(slot, tag, __ATOMIC_RELAXED);
    return false;
}

/* The extent of the LEN bytes at OFFSET in UNIT, which is packed. */
static void packed_extent(const struct ntfs_volume *vol,
                          const struct ntfs_stream *stream, uint32_t *lately,
                          const struct unit *unit, uint64_t offset,
                          uint64_t len, struct shale_extent *out)
{
    unsigned shift = vol->boot.cluster_shift;
    uint64_t start = unit->first << shift, length = unit->clusters << shift;
    uint64_t in_chunk = (offset - start) % NTFS_LZNT1_CHUNK;

    out->kind = SHALE_EXTENT_ENCODED;
    out->device = ntfs_data_place(vol, stream, start);
    if (lately && !asked_lately(lately, unit) &&
        len <= NTFS_LZNT1_CHUNK - in_chunk && length > NTFS_LZNT1_CHUNK) {
        start = offset - in_chunk;
        length = NTFS_LZNT1_CHUNK;
    }
    out->offset = start;
    out->length = length < stream->size - start ? length
                                                : stream->size - start;
}

/* The extent of OFFSET, below the valid-data length, in UNIT, which is not. */
static void plain_extent(const struct ntfs_volume *vol,
                         const struct ntfs_stream *stream,
                         const struct unit *unit, uint64_t offset,
                         struct shale_extent *out)
{
    uint64_t end;

    end = alike_until(vol, stream, unit, offset);
    out->kind = SHALE_EXTENT_HOLE;
    if (unit->present > 0) {
        out->kind = SHALE_EXTENT_DATA;
        out->device = ntfs_data_place(vol, stream, offset);
        if (end > stream->initialized)
            end = stream->initialized;
    }
    out->length = end - offset;
}

int ntfs_unit_map(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                  uint32_t *lately, uint64_t offset, uint64_t len,
                  struct shale_extent *out)
{
    struct shale_extent extent = {
        .offset = offset, .kind = SHALE_EXTENT_HOLE,
    };
    uint64_t vcn = offset >> vol->boot.cluster_shift;
    struct unit unit;
    int err = check_method(vol, stream);

    if (err)
        return err;
    if (offset >= stream->initialized) {
        extent.length = stream->size - offset;
        *out = extent;
        return 0;
    }
    if (vcn >= stream->runs.end)
        return shale_corrupt_inode(vol->fs,
                                   "ntfs: data ends before its file does",
                                   stream->at, stream->ino);
    err = unit_find(vol, stream, vcn, &unit);
    if (err)
        return err;
    if (unit.present > 0 && unit.present < unit.end - unit.first)
        packed_extent(vol, stream, lately, &unit, offset, len, &extent);
    else
        plain_extent(vol, stream, &unit, offset, &extent);
    *out = extent;
    return 0;
}

/*
 * Unpack to BUF what EXTENT is of the LEN bytes at PACKED, the unit that begins
 * at START. The part of it that is valid has to be there.
 */
static const char *unpack(const struct ntfs_stream *stream, uint64_t start,
                          const uint8_t *packed, size_t len,
                          const struct shale_extent *extent, uint8_t *buf,
                          size_t *at)
{
    size_t chunk = (size_t)((extent->offset - start) / NTFS_LZNT1_CHUNK);
    size_t length = (size_t)extent->length, need = 0, skipped;
    const char *broken = ntfs_lznt1_find(packed, len, chunk, at);

    if (broken)
        return broken;
    if (extent->offset < stream->initialized) {
        uint64_t valid = stream->initialized - extent->offset;

        need = valid < length ? (size_t)valid : length;
    }
    skipped = *at;
    broken = ntfs_lznt1_decode(packed + skipped, len - skipped, buf, length,
                               need, at);
    *at += skipped;
    if (!broken)
        memset(buf + need, 0, length - need);
    return broken;
}

int ntfs_unit_decode(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                     const struct shale_extent *extent, void *buf)
{
    struct unit unit;
    uint64_t start;
    const char *broken;
    size_t packed_size, at = 0;
    uint8_t *packed;
    int err = unit_find(vol, stream, extent->offset >> vol->boot.cluster_shift,
                        &unit);

    if (err)
        return err;
    start = unit.first << vol->boot.cluster_shift;
    packed_size = (size_t)(unit.present << vol->boot.cluster_shift);
    packed = shale_alloc(vol->fs->mem, packed_size);
    if (!packed)
        return SHALE_ENOMEM;
    err = ntfs_data_read(vol, stream, start, packed, packed_size);
    if (!err) {
        broken = unpack(stream, start, packed, packed_size, extent, buf, &at);
        if (broken)
            err = shale_corrupt_inode(
                vol->fs, broken, ntfs_data_place(vol, stream, start + at),
                stream->ino);
    }
    shale_free(vol->fs->mem, packed, packed_size);
    return err;
}
