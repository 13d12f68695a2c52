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
 * unit that it is in, zeros follow it. (Documented by the Linux-NTFS project
 * and by libfsntfs, and as found in what ntfs-3g writes.)
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

/* The extent of OFFSET, below the valid-data length, in UNIT. */
static void unit_extent(const struct ntfs_volume *vol,
                        const struct ntfs_stream *stream,
                        const struct unit *unit, uint64_t offset,
                        struct shale_extent *out)
{
    unsigned shift = vol->boot.cluster_shift;
    uint64_t end;

    if (unit->present > 0 && unit->present < unit->end - unit->first) {
        out->kind = SHALE_EXTENT_ENCODED;
        out->offset = unit->first << shift;
        out->length = unit->clusters << shift;
        if (out->length > stream->size - out->offset)
            out->length = stream->size - out->offset;
        out->device = ntfs_data_place(vol, stream, out->offset);
        return;
    }
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
                  uint64_t offset, struct shale_extent *out)
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
    if (!err) {
        unit_extent(vol, stream, &unit, offset, &extent);
        *out = extent;
    }
    return err;
}

int ntfs_unit_decode(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                     const struct shale_extent *extent, void *buf)
{
    uint64_t need = extent->length;
    struct unit unit;
    const char *broken;
    size_t packed_size, at = 0;
    uint8_t *packed;
    int err = unit_find(vol, stream, extent->offset >> vol->boot.cluster_shift,
                        &unit);

    if (err)
        return err;
    packed_size = (size_t)(unit.present << vol->boot.cluster_shift);
    packed = shale_alloc(vol->fs->mem, packed_size);
    if (!packed)
        return SHALE_ENOMEM;
    err = ntfs_data_read(vol, stream, extent->offset, packed, packed_size);
    if (err)
        goto free_packed;

    if (need > stream->initialized - extent->offset)
        need = stream->initialized - extent->offset;
    broken = ntfs_lznt1_decode(packed, packed_size, buf,
                               (size_t)extent->length, (size_t)need, &at);
    if (broken)
        err = shale_corrupt_inode(
            vol->fs, broken,
            ntfs_data_place(vol, stream, extent->offset + at), stream->ino);
    else if (need < extent->length)
        memset((uint8_t *)buf + need, 0, (size_t)(extent->length - need));

free_packed:
    shale_free(vol->fs->mem, packed, packed_size);
    return err;
}
