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
 * makes, of a unit that nobody had anything of lately, is answered with that: a
 * unit has to be read as a whole, but to unpack it takes ten times as long. Who
 * comes next gets all that is before that chunk, or all that is behind it. The
 * core keeps what it was given, so nothing is unpacked twice:
 *
 *     |            unit            |
 *     |  second  |first|   third   |
 *
 * (Documented by the Linux-NTFS project and by libfsntfs, and as found in what
 * ntfs-3g writes.)
 */
#include "data.h"
#include "memfn.h"

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

/* Is this a kind of compression that we know? Windows compresses in units of
   64 KiB at most: clusters of up to 4 KiB, 16 together. */
static int check_method(struct ntfs_volume *vol,
                        const struct ntfs_stream *stream)
{
    unsigned shift = unit_shift(stream) + vol->boot.cluster_shift;

    if ((stream->flags & NTFS_ATTR_COMPRESSION_MASK) != METHOD_LZNT1)
        return shale_refuse(vol->fs, "ntfs: a file is compressed", "not LZNT1",
                            stream->at);
    if (shift >= 32 || UINT64_C(1) << shift > SHALE_UNIT_MAX)
        return shale_refuse(vol->fs, "ntfs: a file is compressed",
                            "in units of more than 1 MiB", stream->at);
    return 0;
}

static int ends_too_early(struct ntfs_volume *vol,
                          const struct ntfs_stream *stream)
{
    return shale_corrupt_inode(vol->fs, "ntfs: data ends before its file does",
                               stream->at, stream->ino);
}

/* The unit that cluster VCN, for which there is a run, is in. */
static int unit_find(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                     uint64_t vcn, struct unit *out)
{
    uint64_t clusters = UINT64_C(1) << unit_shift(stream);
    struct unit u = {
        .first = vcn & ~(clusters - 1), .clusters = clusters,
    };
    const struct ntfs_run *run = ntfs_runs_find(&stream->runs, u.first);
    bool hole = false;

    u.end = stream->runs.end - u.first < clusters ? stream->runs.end
                                                  : u.first + clusters;
    for (vcn = u.first; vcn < u.end; run++) {
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

/* ------------------------------------------ what has been unpacked lately */

/*
 * A slot holds the number of a unit, as far as there are bits for it, and what
 * was first unpacked of that: a chunk, from 1 on, or all. If it means another
 * unit than it says, or two threads write it at once, that costs time only: an
 * answer is right whatever a slot says.
 */
#define CHUNK_BITS 9u
#define CHUNK_ALL ((1u << CHUNK_BITS) - 1)
#define NUMBER_MASK ((1u << (32 - CHUNK_BITS)) - 1)

_Static_assert(SHALE_UNIT_MAX / NTFS_LZNT1_CHUNK < CHUNK_ALL,
               "chunks of a unit");

int ntfs_lately_create(struct ntfs_volume *vol,
                       const struct ntfs_stream *stream,
                       struct ntfs_lately **out)
{
    unsigned shift = unit_shift(stream) + vol->boot.cluster_shift;
    uint64_t units = shift < 63 ? (stream->size >> shift) + 1 : 1;
    uint32_t count = units < NTFS_LATELY_MAX ? (uint32_t)units
                                             : NTFS_LATELY_MAX;
    struct ntfs_lately *lately = shale_zalloc(
        vol->fs->mem, sizeof *lately + count * sizeof lately->slots[0]);

    if (!lately)
        return SHALE_ENOMEM;
    lately->count = count;
    *out = lately;
    return 0;
}

void ntfs_lately_free(struct ntfs_volume *vol, struct ntfs_lately *lately)
{
    if (lately)
        shale_free(vol->fs->mem, lately,
                   sizeof *lately + lately->count * sizeof lately->slots[0]);
}

static uint64_t number_of(const struct unit *unit)
{
    return unit->first / unit->clusters;
}

/* What was unpacked of UNIT; 0: nothing that is known of. */
static unsigned lately_get(const struct ntfs_lately *lately,
                           const struct unit *unit)
{
    uint64_t number = number_of(unit);
    uint32_t slot = __atomic_load_n(&lately->slots[number % lately->count],
                                    __ATOMIC_RELAXED);

    return slot >> CHUNK_BITS == (number & NUMBER_MASK) ? slot & CHUNK_ALL : 0;
}

static void lately_put(struct ntfs_lately *lately, const struct unit *unit,
                       unsigned chunk)
{
    uint64_t number = number_of(unit);

    if (lately_get(lately, unit) == 0)
        __atomic_store_n(&lately->slots[number % lately->count],
                         (uint32_t)(number & NUMBER_MASK) << CHUNK_BITS | chunk,
                         __ATOMIC_RELAXED);
}

/* EXTENT of UNIT, which begins at START, has been unpacked. */
static void lately_note(struct ntfs_lately *lately, const struct unit *unit,
                        uint64_t start, const struct shale_extent *extent)
{
    uint64_t chunk = (extent->offset - start) / NTFS_LZNT1_CHUNK;

    lately_put(lately, unit, extent->length <= NTFS_LZNT1_CHUNK
                                 ? (unsigned)chunk + 1 : CHUNK_ALL);
}

/* ------------------------------------------------------------------- maps */

/* Bytes of a unit, from its first on. */
struct part {
    uint64_t from, to;
};

/*
 * Which of the SIZE bytes of UNIT to unpack for who wants LEN bytes at INTO of
 * it.
 */
static struct part part_of(const struct ntfs_lately *lately,
                           const struct unit *unit, uint64_t size,
                           uint64_t into, uint64_t len)
{
    struct part all = { 0, size }, part = { into - into % NTFS_LZNT1_CHUNK, 0 };
    unsigned known = lately ? lately_get(lately, unit) : CHUNK_ALL;
    uint64_t chunk;

    part.to = part.from + NTFS_LZNT1_CHUNK;
    if (part.to > size)
        part.to = size;
    if (known == CHUNK_ALL || (into == 0 && len >= size))
        return all;
    if (known == 0)
        return into + len <= part.to ? part : all;
    chunk = (known - 1) * (uint64_t)NTFS_LZNT1_CHUNK;
    if (into < chunk)
        return (struct part){ 0, chunk };
    if (into >= chunk + NTFS_LZNT1_CHUNK)
        return (struct part){ chunk + NTFS_LZNT1_CHUNK, size };
    return part;
}

/* The extent of the LEN bytes at OFFSET in UNIT, which is packed. */
static void packed_extent(const struct ntfs_volume *vol,
                          const struct ntfs_stream *stream,
                          const struct ntfs_lately *lately,
                          const struct unit *unit, uint64_t offset,
                          uint64_t len, struct shale_extent *out)
{
    unsigned shift = vol->boot.cluster_shift;
    uint64_t start = unit->first << shift, size = unit->clusters << shift;
    struct part part;

    if (size > stream->size - start)
        size = stream->size - start;
    part = part_of(lately, unit, size, offset - start, len);
    out->kind = SHALE_EXTENT_ENCODED;
    out->device = ntfs_data_place(vol, stream, start);
    out->offset = start + part.from;
    out->length = part.to - part.from;
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
                  const struct ntfs_lately *lately, uint64_t offset,
                  uint64_t len, struct shale_extent *out)
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
        return ends_too_early(vol, stream);
    err = unit_find(vol, stream, vcn, &unit);
    if (err)
        return err;
    /* Whether what is left of a unit is packed nobody knows. */
    if (unit.end - unit.first < unit.clusters &&
        unit.end << vol->boot.cluster_shift < stream->size)
        return ends_too_early(vol, stream);
    if (unit.present > 0 && unit.present < unit.end - unit.first)
        packed_extent(vol, stream, lately, &unit, offset, len, &extent);
    else
        plain_extent(vol, stream, &unit, offset, &extent);
    *out = extent;
    return 0;
}

/* --------------------------------------------------------------- decoding */

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
                     struct ntfs_lately *lately,
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
        else if (lately)
            lately_note(lately, &unit, start, extent);
    }
    shale_free(vol->fs->mem, packed, packed_size);
    return err;
}
