/*
 * map.c - where a file's data is, and bringing what only NTFS can read
 *
 *     resident                      INLINE: load() has copied it
 *     in clusters                   DATA, HOLE; and UNWRITTEN from the valid-
 *                                   data length on, where clusters hold what
 *                                   somebody else left there
 *     in compression units          the same, and ENCODED; see compress.c
 *     packed by WOF                 ENCODED; see wof.c
 *     encrypted, with efs_raw       DATA, as it is, and two bytes INLINE
 *     elsewhere                     an error that says so
 */
#include "memfn.h"
#include "ntfs.h"

#define RAW_SECTOR 512u         /* see node.c */
#define RAW_TRAILER 2u

/* ---------------------------------------------------------- streams as such */

/* The run that OFFSET of STREAM is in; NULL past the last one. */
static const struct ntfs_run *run_at(const struct ntfs_volume *vol,
                                     const struct ntfs_stream *stream,
                                     uint64_t offset)
{
    uint64_t vcn = offset >> vol->boot.cluster_shift;

    return vcn < stream->runs.end ? ntfs_runs_find(&stream->runs, vcn) : NULL;
}

/* The byte of the volume that is OFFSET, which is in RUN, no hole. */
static uint64_t run_place(const struct ntfs_volume *vol,
                          const struct ntfs_run *run, uint64_t offset)
{
    unsigned shift = vol->boot.cluster_shift;

    return (run->lcn << shift) + (offset - (run->vcn << shift));
}

uint64_t ntfs_data_place(const struct ntfs_volume *vol,
                         const struct ntfs_stream *stream, uint64_t offset)
{
    const struct ntfs_run *run = run_at(vol, stream, offset);

    return run && run->lcn != NTFS_HOLE ? run_place(vol, run, offset)
                                        : stream->at;
}

/* Bytes from OFFSET to the end of the RUN that it is in. */
static uint64_t run_left(const struct ntfs_volume *vol,
                         const struct ntfs_run *run, uint64_t offset)
{
    return ((run->vcn + run->count) << vol->boot.cluster_shift) - offset;
}

static int device_read(struct ntfs_volume *vol, uint64_t at, void *buf,
                       size_t len)
{
    int err = shale_bdev_read_bytes(vol->fs->dev, vol->fs->mem, at, buf, len);

    if (err && err != SHALE_ENOMEM)
        shale_fail(vol->fs, err, "ntfs: file data cannot be read", NULL, at);
    return err;
}

int ntfs_data_read(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                   uint64_t offset, void *buf, size_t len)
{
    uint8_t *to = buf;

    if (stream->resident) {
        if (offset > stream->size || len > stream->size - offset)
            return shale_corrupt_inode(
                vol->fs, "ntfs: data ends before what is in it", stream->at,
                stream->ino);
        memcpy(to, stream->value + offset, len);
        return 0;
    }
    while (len > 0) {
        const struct ntfs_run *run = run_at(vol, stream, offset);
        size_t count = len;
        int err;

        if (!run || run->lcn == NTFS_HOLE)
            return shale_corrupt_inode(vol->fs, "ntfs: packed data has a hole",
                                       stream->at, stream->ino);
        if (count > run_left(vol, run, offset))
            count = (size_t)run_left(vol, run, offset);
        err = device_read(vol, run_place(vol, run, offset), to, count);
        if (err)
            return err;
        to += count;
        offset += count;
        len -= count;
    }
    return 0;
}

/* --------------------------------------------------- data that is elsewhere */

/* Why the unnamed data of VN's file cannot be read here; NULL if it can. */
static const char *elsewhere(const struct ntfs_vnode *vn)
{
    const struct ntfs_info *info = &vn->info;
    uint32_t tag = info->reparse_tag;

    switch (tag) {
    case 0:
    case NTFS_TAG_WOF:          /* see wof.c */
        return NULL;
    case NTFS_TAG_DEDUP:
        return "deduplicated: it is in the volume's chunk store";
    case NTFS_TAG_SIS:
        return "kept once for several files, in the single-instance store";
    case NTFS_TAG_HSM:
    case NTFS_TAG_HSM2:
        return "moved to other storage, by hierarchical storage management";
    default:
        break;
    }
    if (info->flags & (NTFS_FILE_OFFLINE | NTFS_FILE_RECALL_ON_DATA)) {
        if ((tag & NTFS_TAG_CLOUD_MASK) == NTFS_TAG_CLOUD ||
            tag == NTFS_TAG_ONEDRIVE)
            return "in a cloud: this is its placeholder";
        return "offline: this is its placeholder";
    }
    /* Whatever the tag means: its owner does without clusters here. */
    if (!vn->data.resident && vn->data.taken == 0)
        return "elsewhere, where its reparse point says";
    return NULL;
}

/* ------------------------------------------------------------------- maps */

/* A whole unit of kind INLINE: the LENGTH bytes at OFFSET, which are AT. */
static void map_inline(uint64_t offset, uint64_t length, uint64_t at,
                       struct shale_extent *out)
{
    *out = (struct shale_extent){
        .offset = offset, .length = length, .device = at,
        .kind = SHALE_EXTENT_INLINE,
    };
}

/*
 * The clusters at OFFSET. From VALID on they are allocated, but nothing has
 * been written there.
 */
static int map_clusters(struct ntfs_volume *vol,
                        const struct ntfs_stream *stream, uint64_t offset,
                        uint64_t valid, struct shale_extent *out)
{
    const struct ntfs_run *run = run_at(vol, stream, offset);

    if (!run)
        return shale_corrupt_inode(vol->fs,
                                   "ntfs: data ends before its file does",
                                   stream->at, stream->ino);
    *out = (struct shale_extent){
        .offset = offset, .length = run_left(vol, run, offset),
        .kind = SHALE_EXTENT_HOLE,
    };
    if (run->lcn == NTFS_HOLE)
        return 0;
    out->device = run_place(vol, run, offset);
    out->kind = SHALE_EXTENT_DATA;
    if (offset >= valid)
        out->kind = SHALE_EXTENT_UNWRITTEN;
    else if (out->length > valid - offset)
        out->length = valid - offset;
    return 0;
}

/*
 * An encrypted file: its clusters are told as they are, to the end of a sector
 * of 512 bytes, and then how much of that is too much, for which node.c has
 * made the size larger. Of a stream with a name, no more than it has.
 */
static int map_encrypted(struct ntfs_volume *vol, struct ntfs_vnode *vn,
                         uint64_t offset, struct shale_extent *out)
{
    uint64_t end = (vn->data.size + RAW_SECTOR - 1) & ~(RAW_SECTOR - 1ull);
    int err;

    if (!vol->options.efs_raw)
        return shale_fail(vol->fs, SHALE_EACCES,
                          "ntfs: a file is encrypted",
                          "the option efs_raw shows it as it is",
                          ntfs_data_place(vol, &vn->data, offset));
    if (offset >= end) {
        map_inline(end, RAW_TRAILER, vn->data.at, out);
        return 0;
    }
    err = map_clusters(vol, &vn->data, offset, UINT64_MAX, out);
    if (!err && out->length > end - offset)
        out->length = end - offset;
    return err;
}

int ntfs_map(struct shale_vnode *file, uint64_t offset, uint64_t len,
             struct shale_extent *out)
{
    struct ntfs_volume *vol = ntfs_volume_of(file->fs);
    struct ntfs_vnode *vn = (struct ntfs_vnode *)file;
    const struct ntfs_stream *data = &vn->data;
    const char *where = NULL;

    if (NTFS_INO_STREAM(file->ino) == 0)
        where = elsewhere(vn);
    if (where)
        return shale_refuse(vol->fs, "ntfs: the data of a file is not here",
                            where, data->at);
    if (vn->wof)
        return ntfs_wof_map(vn, offset, out);
    if (data->resident) {
        map_inline(0, data->size, data->at, out);
        return 0;
    }
    if (data->flags & NTFS_ATTR_ENCRYPTED)
        return map_encrypted(vol, vn, offset, out);
    if (ntfs_units_used(data))
        return ntfs_unit_map(vol, data, vn->lately, offset, len, out);
    return map_clusters(vol, data, offset, data->initialized, out);
}

int ntfs_decode(struct shale_vnode *file, const struct shale_extent *extent,
                void *buf)
{
    struct ntfs_volume *vol = ntfs_volume_of(file->fs);
    struct ntfs_vnode *vn = (struct ntfs_vnode *)file;
    const struct ntfs_stream *data = &vn->data;

    if (vn->wof)
        return ntfs_wof_decode(vn, extent, buf);
    if (extent->kind == SHALE_EXTENT_ENCODED)
        return ntfs_unit_decode(vol, data, extent, buf);
    if (data->resident) {
        memcpy(buf, data->value + extent->offset, (size_t)extent->length);
    } else {
        le16 excess = le16_make((uint16_t)(extent->offset - data->size));

        memcpy(buf, &excess, sizeof excess);
    }
    return 0;
}
