/*
 * map.c - where a file's data is, and bringing what only NTFS can read
 *
 *     resident                      INLINE: load() has copied it
 *     in clusters                   DATA, HOLE; and UNWRITTEN from the valid-
 *                                   data length on, where clusters hold what
 *                                   somebody else left there
 *     in compression units          the same, and ENCODED; see compress.c
 *     packed by WOF                 ENCODED; see wof.c
 *     encrypted                     refused; with efs_raw DATA, as it is, and
 *                                   two bytes INLINE: see efs.c
 *     elsewhere, or damaged         an error that says so
 *
 * Which of these it is, load() decides: enum ntfs_layout.
 */
#include "extras.h"
#include "memfn.h"

/* ---------------------------------------------------------- streams as such */

uint64_t ntfs_data_place(const struct ntfs_volume *vol,
                         const struct ntfs_stream *stream, uint64_t offset)
{
    uint64_t at = ntfs_runs_place(vol, &stream->runs, offset);

    return at == SHALE_NOWHERE ? stream->at : at;
}

int ntfs_data_read(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                   uint64_t offset, void *buf, size_t len)
{
    int err;

    if (stream->resident) {
        if (offset > stream->size || len > stream->size - offset)
            return shale_corrupt_inode(
                vol->fs, "ntfs: data ends before what is in it", stream->at,
                stream->ino);
        memcpy(buf, stream->value + offset, len);
        return 0;
    }
    err = ntfs_runs_read(vol, &stream->runs, offset, buf, len,
                         NTFS_READ_PAST | NTFS_READ_WHOLE);
    if (err == SHALE_ENODATA)
        return shale_corrupt_inode(vol->fs, "ntfs: packed data has a hole",
                                   stream->at, stream->ino);
    if (err && err != SHALE_ENOMEM)
        shale_fail(vol->fs, err, "ntfs: file data cannot be read", NULL,
                   ntfs_data_place(vol, stream, offset));
    return err;
}

/* --------------------------------------------------- data that is elsewhere */

/* Why the unnamed data of VN's file cannot be read here; NULL if it can. */
static const char *elsewhere(const struct ntfs_vnode *vn)
{
    const struct ntfs_info *info = &vn->info;
    uint32_t tag = info->reparse_tag;

    switch (tag) {
    case 0:
        return NULL;
    case NTFS_TAG_WOF:          /* see wof.c */
        return vn->wof || vn->info.type != SHALE_TYPE_FILE ? NULL :
            "packed by WOF, which this program has not named";
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

/* ----------------------------------------------------------- how it is had */

static enum ntfs_layout layout_of(const struct ntfs_volume *vol,
                                  const struct ntfs_stream *stream)
{
    if (stream->resident)
        return NTFS_LAYOUT_INLINE;
    if (stream->flags & NTFS_ATTR_ENCRYPTED)
        return vol->options.efs_raw ? NTFS_LAYOUT_EFS : NTFS_LAYOUT_SEALED;
    return ntfs_units_used(stream) ? NTFS_LAYOUT_UNITS : NTFS_LAYOUT_CLUSTERS;
}

void ntfs_layout_set(struct ntfs_vnode *vn)
{
    const struct ntfs_info *info = &vn->info;
    const struct ntfs_stream *data = &vn->data;

    vn->elsewhere = NULL;
    vn->layout = layout_of(ntfs_volume_of(vn->base.fs), data);
    if (NTFS_INO_STREAM(vn->base.ino) != 0)
        return;
    vn->elsewhere = elsewhere(vn);
    if (vn->elsewhere)
        vn->layout = NTFS_LAYOUT_ELSEWHERE;
    else if (info->data_lost)
        vn->layout = NTFS_LAYOUT_LOST;
    else if (vn->wof)
        vn->layout = NTFS_LAYOUT_WOF;
    else if (info->reparse_lost && !data->resident && data->taken == 0)
        vn->layout = NTFS_LAYOUT_LOST;  /* that would have said where */
}

/* ------------------------------------------------------------------- maps */

int ntfs_clusters_map(struct ntfs_volume *vol,
                      const struct ntfs_stream *stream, uint64_t offset,
                      uint64_t valid, struct shale_extent *out)
{
    uint64_t at, left;

    if (!ntfs_runs_at(vol, &stream->runs, offset, &at, &left))
        return shale_corrupt_inode(vol->fs,
                                   "ntfs: data ends before its file does",
                                   stream->at, stream->ino);
    *out = (struct shale_extent){
        .offset = offset, .length = left, .kind = SHALE_EXTENT_HOLE,
    };
    if (at == SHALE_NOWHERE)
        return 0;
    out->device = at;
    out->kind = SHALE_EXTENT_DATA;
    if (offset >= valid)
        out->kind = SHALE_EXTENT_UNWRITTEN;
    else if (out->length > valid - offset)
        out->length = valid - offset;
    return 0;
}

/* Of STREAM as a whole, whose LAYOUT needs to know nothing of its file. */
static int stream_map(struct ntfs_volume *vol,
                      const struct ntfs_stream *stream,
                      enum ntfs_layout layout, const struct ntfs_lately *lately,
                      uint64_t offset, uint64_t len, struct shale_extent *out)
{
    switch (layout) {
    case NTFS_LAYOUT_INLINE:
        *out = (struct shale_extent){
            .length = stream->size, .device = stream->at,
            .kind = SHALE_EXTENT_INLINE,
        };
        return 0;
    case NTFS_LAYOUT_UNITS:
        return ntfs_unit_map(vol, stream, lately, offset, len, out);
    case NTFS_LAYOUT_EFS:
        return vol->extras.streams->efs_map(vol, stream, offset, out);
    case NTFS_LAYOUT_SEALED:
        return shale_fail(vol->fs, SHALE_EACCES, "ntfs: a file is encrypted",
                          vol->extras.streams
                              ? "the option efs_raw shows it as it is" : NULL,
                          ntfs_data_place(vol, stream, offset));
    default:
        return ntfs_clusters_map(vol, stream, offset, stream->initialized,
                                 out);
    }
}

int ntfs_stream_map(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                    uint64_t offset, uint64_t len, struct shale_extent *out)
{
    return stream_map(vol, stream, layout_of(vol, stream), NULL, offset, len,
                      out);
}

int ntfs_map(struct shale_vnode *file, uint64_t offset, uint64_t len,
             struct shale_extent *out)
{
    struct ntfs_volume *vol = ntfs_volume_of(file->fs);
    struct ntfs_vnode *vn = (struct ntfs_vnode *)file;

    switch (vn->layout) {
    case NTFS_LAYOUT_ELSEWHERE:
        return shale_refuse(vol->fs, "ntfs: the data of a file is not here",
                            vn->elsewhere, vn->data.at);
    case NTFS_LAYOUT_LOST:
        return shale_corrupt_inode(vol->fs, "ntfs: what says where a file's "
                                   "data is, is damaged", vn->data.at,
                                   file->ino);
    case NTFS_LAYOUT_WOF:
        return vol->extras.packed->wof_map(vn, offset, out);
    default:
        return stream_map(vol, &vn->data, vn->layout, vn->lately, offset, len,
                          out);
    }
}

/* --------------------------------------------------------------- decoding */

static int stream_decode(struct ntfs_volume *vol,
                         const struct ntfs_stream *stream,
                         enum ntfs_layout layout, struct ntfs_lately *lately,
                         const struct shale_extent *extent, void *buf)
{
    switch (layout) {
    case NTFS_LAYOUT_UNITS:
        return ntfs_unit_decode(vol, stream, lately, extent, buf);
    case NTFS_LAYOUT_EFS:
        vol->extras.streams->efs_decode(vol, stream, buf);
        return 0;
    default:
        memcpy(buf, stream->value + extent->offset, (size_t)extent->length);
        return 0;
    }
}

int ntfs_stream_decode(struct ntfs_volume *vol,
                       const struct ntfs_stream *stream,
                       const struct shale_extent *extent, void *buf)
{
    return stream_decode(vol, stream, layout_of(vol, stream), NULL, extent,
                         buf);
}

int ntfs_decode(struct shale_vnode *file, const struct shale_extent *extent,
                void *buf)
{
    struct ntfs_volume *vol = ntfs_volume_of(file->fs);
    struct ntfs_vnode *vn = (struct ntfs_vnode *)file;

    if (vn->layout == NTFS_LAYOUT_WOF)
        return vol->extras.packed->wof_decode(vn, extent, buf);
    return stream_decode(vol, &vn->data, vn->layout, vn->lately, extent, buf);
}
