/*
 * bitmap.c - which clusters and records are in use, and how many
 *
 * $Bitmap has a bit for each cluster, the lowest of a byte first; $MFT has the
 * like of its records in an attribute. Both are read in large pieces past the
 * buffer cache, as their bits are wanted once; but for a few. How much of the
 * volume is in use is counted when it is first asked for, and then known:
 * nobody changes it.
 */
#include "memfn.h"
#include "ntfs.h"

#define PIECE  (256u << 10)     /* bytes read at a time */
#define CACHED (4u << 10)       /* ... and so few through the buffer cache */

/* ------------------------------------------------------------- counting */

/* The bits set in the SIZE bytes at BYTES. */
static uint64_t bits_in(const uint8_t *bytes, size_t size)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t count = 0;

    for (; size > 0; size -= size < 8 ? size : 8, bytes += 8) {
        uint64_t word = 0;

        memcpy(&word, bytes, size < 8 ? size : 8);
        word -= word >> 1 & ones * 0x55;
        word = (word & ones * 0x33) + (word >> 2 & ones * 0x33);
        word = (word + (word >> 4)) & ones * 0x0f;
        count += word * ones >> 56;
    }
    return count;
}

/* Those of the COUNT bits from bit FIRST on, in BYTES. FIRST is below 8. */
static uint64_t bits_between(uint8_t *bytes, unsigned first, uint64_t count)
{
    uint64_t end = first + count;

    bytes[0] &= (uint8_t)(0xffu << first);
    if (end % 8 != 0)
        bytes[end / 8] &= (uint8_t)~(0xffu << end % 8);
    return bits_in(bytes, (size_t)((end + 7) / 8));
}

int ntfs_bits_count(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                    uint64_t first, uint64_t count, uint64_t *out)
{
    uint64_t bytes = (first % 8 + count + 7) / 8;
    size_t room = bytes < PIECE ? (size_t)bytes : PIECE;
    uint8_t *piece;
    uint64_t set = 0;
    int err = 0;

    *out = 0;
    if (count == 0)
        return 0;
    piece = shale_alloc(vol->fs->mem, room);
    if (!piece)
        return SHALE_ENOMEM;
    while (count > 0 && !err) {
        unsigned skip = (unsigned)(first % 8);
        uint64_t n = (uint64_t)room * 8 - skip;
        size_t len;

        if (n > count)
            n = count;
        len = (size_t)((skip + n + 7) / 8);
        err = room <= CACHED
                  ? ntfs_stream_read(vol, stream, first / 8, piece, len)
                  : ntfs_stream_fetch(vol, stream, first / 8, piece, len);
        if (!err)
            set += bits_between(piece, skip, n);
        first += n;
        count -= n;
    }
    shale_free(vol->fs->mem, piece, room);
    *out = set;
    return err;
}

/*
 * Open the bitmap that attribute TYPE of record NUMBER is. One that is larger
 * than the device, as a hole may be, would take for ever to count.
 */
static int bitmap_open(struct ntfs_volume *vol, uint64_t number, uint32_t type,
                       struct ntfs_stream *out)
{
    struct ntfs_record *record;
    int found = ntfs_record_get(vol, number, &record);

    if (!found) {
        found = ntfs_stream_open(vol, record, type, NULL, 0, out);
        ntfs_record_put(vol, record);
    }
    if (found == 0 || found == SHALE_ESTALE)
        return shale_corrupt_inode(vol->fs, "ntfs: a bitmap is missing",
                                   SHALE_NOWHERE, number);
    if (found < 0)
        return found;
    if (out->size > vol->fs->dev->size) {
        ntfs_stream_close(vol, out);
        return shale_corrupt_inode(vol->fs, "ntfs: a bitmap is larger than "
                                   "the device", out->at, number);
    }
    return 0;
}

/* -------------------------------------------------------------- clusters */

int ntfs_bitmap_open(struct ntfs_volume *vol, struct ntfs_stream *out)
{
    int err = bitmap_open(vol, NTFS_BITMAP, NTFS_DATA, out);

    if (!err && out->size < (vol->boot.cluster_count + 7) / 8) {
        err = shale_corrupt_inode(vol->fs, "ntfs: the bitmap is smaller than "
                                  "the volume", out->at, NTFS_BITMAP);
        ntfs_stream_close(vol, out);
    }
    return err;
}

/* How far what is in use has been counted: by nobody, being noted, known. */
enum { USED_UNKNOWN, USED_NOTED, USED_KNOWN };

/* Count all, which the first to have done so notes for the rest. */
static int used_count(struct ntfs_volume *vol, uint64_t *used)
{
    unsigned state = USED_UNKNOWN;
    struct ntfs_stream bitmap;
    int err = ntfs_bitmap_open(vol, &bitmap);

    if (err)
        return err;
    err = ntfs_bits_count(vol, &bitmap, 0, vol->boot.cluster_count, used);
    ntfs_stream_close(vol, &bitmap);
    if (!err && __atomic_compare_exchange_n(&vol->used_state, &state,
                                            USED_NOTED, false,
                                            __ATOMIC_RELAXED,
                                            __ATOMIC_RELAXED)) {
        vol->used_clusters = *used;
        __atomic_store_n(&vol->used_state, USED_KNOWN, __ATOMIC_RELEASE);
    }
    return err;
}

int ntfs_clusters_used(struct ntfs_volume *vol, uint64_t *used)
{
    if (__atomic_load_n(&vol->used_state, __ATOMIC_ACQUIRE) != USED_KNOWN)
        return used_count(vol, used);
    *used = vol->used_clusters;
    return 0;
}

int ntfs_records_used(struct ntfs_volume *vol, uint64_t *used)
{
    struct ntfs_stream stream;
    uint64_t count = vol->record_count;
    int err = bitmap_open(vol, NTFS_MFT, NTFS_BITMAP_ATTR, &stream);

    if (err)
        return err;
    if (count > stream.size * 8)
        count = stream.size * 8;
    err = ntfs_bits_count(vol, &stream, 0, count, used);
    ntfs_stream_close(vol, &stream);
    return err;
}

/* --------------------------------------------------------------- statfs */

/*
 * Files: as many records as the MFT has bits for, and as the free clusters
 * could hold; it is what ntfs-3g says.
 */
static int files_count(struct ntfs_volume *vol, uint64_t free_clusters,
                       struct shale_statfs *out)
{
    struct ntfs_stream stream;
    uint64_t used = 0;
    int err = bitmap_open(vol, NTFS_MFT, NTFS_BITMAP_ATTR, &stream);

    if (err)
        return err;
    err = ntfs_bits_count(vol, &stream, 0, stream.size * 8, &used);
    if (!err) {
        out->files = (free_clusters << vol->boot.cluster_shift
                      >> vol->boot.record_shift) + stream.allocated * 8;
        out->files_free = out->files > used ? out->files - used : 0;
    }
    ntfs_stream_close(vol, &stream);
    return err;
}

int ntfs_statfs(struct shale_fs *fs, struct shale_statfs *out)
{
    struct ntfs_volume *vol = ntfs_volume_of(fs);
    uint64_t used, left;
    struct shale_statfs answer = {
        .blocks = vol->boot.cluster_count,
        .block_size = vol->boot.cluster_size,
        .name_max = NTFS_NAME_BYTES,
        .id = vol->boot.serial,
    };
    int err = ntfs_clusters_used(vol, &used);

    if (err)
        return err;
    left = vol->boot.cluster_count - used;
    answer.blocks_free = left;
    answer.blocks_available = left;
    err = files_count(vol, left, &answer);
    if (!err)
        *out = answer;
    return err;
}
