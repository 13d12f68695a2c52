/*
 * wof.c - files that Windows packed: CompactOS, `compact /exe`
 *
 * The file's own data is a hole of the right size, and its reparse point says
 * that the Windows Overlay Filter has it. The packed data is in the stream
 * "WofCompressedData": a table, and chunks, each of which makes as many bytes
 * (but for the last one) and knows nothing of the others.
 *
 *     table    for each chunk but the first: its first byte, counted from the
 *              end of the table. 4 bytes each, or 8 if the file has 4 GiB or
 *              more
 *     chunks   one behind the other. One that is as long as what it makes is
 *              that, as it is
 *
 * Nothing of the table is kept, as it may be large: the two entries that tell
 * of a chunk come through the buffer cache, where their neighbours are found
 * next time. (Documented by libfsntfs; archives of wimlib have the same layout
 * for a file.)
 */
#include "extras.h"
#include "memfn.h"

#define ENTRIES_OF_4_MAX UINT32_MAX     /* bytes of a file */

struct ntfs_wof {
    struct ntfs_stream packed;  /* "WofCompressedData" */
    const char *refused;        /* why it cannot be read; or NULL */
    const char *damaged;        /* likewise, and it should be */
    unsigned chunk_shift;
    bool lzx;                   /* else XPRESS */
    unsigned entry_shift;       /* of the table: 2 or 3 */
    uint64_t chunks;
    uint64_t table_size;        /* bytes */
};

/* By enum ntfs_wof_algorithm. */
static const struct {
    unsigned chunk_shift;
    bool lzx;
} algorithms[] = {
    [NTFS_WOF_XPRESS4K] = { 12, false },
    [NTFS_WOF_LZX] = { 15, true },
    [NTFS_WOF_XPRESS8K] = { 13, false },
    [NTFS_WOF_XPRESS16K] = { 14, false },
};

/* ----------------------------------------------------------------- load */

/* Read from BASE's reparse point what its owner keeps there, in *OUT. */
static int reparse_read(struct ntfs_volume *vol, const struct ntfs_record *base,
                        struct ntfs_disk_wof *out)
{
    struct ntfs_reparse point;
    int found = ntfs_reparse_open(vol, base, &point);

    memset(out, 0, sizeof *out);
    if (found <= 0)
        return found;
    memcpy(out, point.data, point.data_length < sizeof *out ?
           point.data_length : sizeof *out);
    ntfs_reparse_close(vol, &point);
    return 0;
}

/* What DISK says of how the data is packed. */
static void disk_decode(struct ntfs_wof *wof, const struct ntfs_disk_wof *disk)
{
    uint32_t algorithm = le32_get(disk->algorithm);

    if (le32_get(disk->provider) == NTFS_WOF_WIM)
        wof->refused = "in an archive elsewhere (WIMBoot)";
    else if (le32_get(disk->version) != 1 ||
             le32_get(disk->provider) != NTFS_WOF_FILE ||
             le32_get(disk->file_version) != 1 ||
             algorithm >= sizeof algorithms / sizeof algorithms[0])
        wof->refused = "packed by WOF, in a way that is not known";
    if (wof->refused)
        return;
    wof->chunk_shift = algorithms[algorithm].chunk_shift;
    wof->lzx = algorithms[algorithm].lzx;
}

/* Is the stream, which has been opened, what a file of SIZE bytes needs? */
static void wof_check(struct ntfs_wof *wof, uint64_t size)
{
    const struct ntfs_stream *packed = &wof->packed;

    if (packed->flags & NTFS_ATTR_ENCRYPTED)
        wof->refused = "packed by WOF, and encrypted";
    else if (packed->flags & NTFS_ATTR_COMPRESSION_MASK && !packed->resident)
        wof->refused = "packed by WOF, and compressed again";
    wof->chunks = (size >> wof->chunk_shift) +
                  ((size & ((1u << wof->chunk_shift) - 1)) != 0);
    wof->entry_shift = size > ENTRIES_OF_4_MAX ? 3 : 2;
    wof->table_size = wof->chunks > 0
                          ? (wof->chunks - 1) << wof->entry_shift : 0;
    if (packed->size < wof->table_size)
        wof->damaged = "ntfs: WOF's table of chunks is cut short";
    else if (!packed->resident && packed->initialized < packed->size)
        wof->damaged = "ntfs: WOF's data is not all written";
}

static int load_packed(struct ntfs_volume *vol, const struct ntfs_record *base,
                       struct ntfs_vnode *vn)
{
    struct ntfs_disk_wof disk;
    struct ntfs_wof *wof = shale_zalloc(vol->fs->mem, sizeof *wof);
    int err;

    if (!wof)
        return SHALE_ENOMEM;
    vn->wof = wof;              /* evict() frees it, whatever comes */
    err = reparse_read(vol, base, &disk);
    if (err)
        return err;
    disk_decode(wof, &disk);
    if (wof->refused)
        return 0;
    err = ntfs_stream_open(vol, base, NTFS_DATA, ntfs_wof_name,
                           NTFS_WOF_NAME_UNITS, &wof->packed);
    if (err == SHALE_ECORRUPT)
        wof->damaged = "ntfs: what says where WOF's data is, is damaged";
    else if (err < 0)
        return err;
    else if (err == 0)
        wof->damaged = "ntfs: a file lacks the data that WOF packed";
    else
        wof_check(wof, vn->info.size);
    return 0;
}

static void free_packed(struct ntfs_volume *vol, struct ntfs_wof *wof)
{
    ntfs_stream_close(vol, &wof->packed);
    shale_free(vol->fs->mem, wof, sizeof *wof);
}

/* --------------------------------------------------------------- chunks */

static int map_packed(struct ntfs_vnode *vn, uint64_t offset,
                      struct shale_extent *out)
{
    struct shale_fs *fs = vn->base.fs;
    const struct ntfs_wof *wof = vn->wof;
    uint64_t start, length;

    if (wof->refused)
        return shale_refuse(fs, "ntfs: the data of a file is not here",
                            wof->refused, vn->data.at);
    if (wof->damaged)
        return shale_corrupt_inode(
            fs, wof->damaged,
            ntfs_data_place(ntfs_volume_of(fs), &wof->packed, 0),
            vn->base.ino);
    start = offset >> wof->chunk_shift << wof->chunk_shift;
    length = UINT64_C(1) << wof->chunk_shift;
    if (length > vn->base.size - start)
        length = vn->base.size - start;
    *out = (struct shale_extent){
        .offset = start, .length = length, .device = wof->packed.at,
        .kind = SHALE_EXTENT_ENCODED,
    };
    return 0;
}

static uint64_t entry_at(const struct ntfs_wof *wof, const uint8_t *bytes)
{
    le64 wide = {{ 0 }};

    memcpy(&wide, bytes, (size_t)1 << wof->entry_shift);
    return le64_get(wide);
}

/* Where in the stream chunk NUMBER is: *START to *END. */
static int chunk_find(struct ntfs_volume *vol, const struct ntfs_wof *wof,
                      uint64_t number, uint64_t *start, uint64_t *end)
{
    unsigned shift = wof->entry_shift;
    /* The entry of this chunk and of the next one: the first has none, and
       behind the last one comes the end. */
    uint64_t first = number > 0 ? number - 1 : 0;
    uint64_t last = number < wof->chunks - 1 ? number : number - 1;
    uint8_t bytes[2 * sizeof(uint64_t)];
    int err = 0;

    *start = 0;
    *end = wof->packed.size - wof->table_size;
    if (wof->chunks > 1)
        err = ntfs_stream_read(vol, &wof->packed, first << shift, bytes,
                               (size_t)(last - first + 1) << shift);
    if (err)
        return err;
    if (number > 0)
        *start = entry_at(wof, bytes);
    if (number < wof->chunks - 1)
        *end = entry_at(wof, bytes + ((last - first) << shift));
    if (*start > *end || *end > wof->packed.size - wof->table_size)
        return shale_corrupt_inode(
            vol->fs, "ntfs: WOF's table of chunks is out of order",
            ntfs_data_place(vol, &wof->packed, first << shift),
            wof->packed.ino);
    *start += wof->table_size;
    *end += wof->table_size;
    return 0;
}

/* Unpack the chunk that is at START to END of the stream to the LEN bytes of
   BUF. */
static int chunk_unpack(struct ntfs_volume *vol, const struct ntfs_wof *wof,
                        uint64_t start, uint64_t end, void *buf, size_t len)
{
    size_t scratch_size = wof->lzx ? NTFS_LZX_SCRATCH : NTFS_XPRESS_SCRATCH;
    size_t packed_size = (size_t)(end - start), at = 0;
    uint8_t *scratch = shale_alloc(vol->fs->mem, scratch_size + packed_size);
    const char *broken;
    uint8_t *packed;
    int err;

    if (!scratch)
        return SHALE_ENOMEM;
    packed = scratch + scratch_size;
    err = ntfs_data_read(vol, &wof->packed, start, packed, packed_size);
    if (!err) {
        broken = wof->lzx ? ntfs_lzx_decode(packed, packed_size, buf, len,
                                            scratch, &at)
                          : ntfs_xpress_decode(packed, packed_size, buf, len,
                                               scratch, &at);
        if (broken)
            err = shale_corrupt_inode(
                vol->fs, broken,
                ntfs_data_place(vol, &wof->packed, start + at),
                wof->packed.ino);
    }
    shale_free(vol->fs->mem, scratch, scratch_size + packed_size);
    return err;
}

static int decode_packed(struct ntfs_vnode *vn,
                         const struct shale_extent *extent, void *buf)
{
    struct ntfs_volume *vol = ntfs_volume_of(vn->base.fs);
    const struct ntfs_wof *wof = vn->wof;
    uint64_t start, end;
    int err = chunk_find(vol, wof, extent->offset >> wof->chunk_shift, &start,
                         &end);

    if (err)
        return err;
    if (end - start == extent->length)
        return ntfs_data_read(vol, &wof->packed, start, buf,
                              (size_t)extent->length);
    if (start == end || end - start > extent->length)
        return shale_corrupt_inode(
            vol->fs, start == end ? "ntfs: a chunk of WOF's is empty"
                                  : "ntfs: a chunk of WOF's is too long",
            ntfs_data_place(vol, &wof->packed, start), wof->packed.ino);
    return chunk_unpack(vol, wof, start, end, buf, (size_t)extent->length);
}

/* ------------------------------------------------------------- the extra */

static const struct ntfs_packed_ops packed = {
    .wof_load   = load_packed,
    .wof_free   = free_packed,
    .wof_map    = map_packed,
    .wof_decode = decode_packed,
};

static void packed_add(struct ntfs_extras *to)
{
    to->packed = &packed;
}

const struct shale_ntfs_extra shale_ntfs_packed = { packed_add };
