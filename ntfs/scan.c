/*
 * scan.c - all records of the MFT, in the order in which they lie
 *
 * Who wants every record, to find deleted files or the children of a damaged
 * directory, wants them in the order of the device and not of their numbers:
 * the MFT is one file, perhaps in a thousand pieces, and each piece is read
 * from its start to its end in large requests (record.c).
 *
 * No more records are read than the device has room for: a damaged MFT may be
 * said to go on far behind it, or to be in the same clusters again and again.
 */
#include "ntfs.h"
#include "sort.h"

/* A piece of the MFT: what is needed to sort, and to number its records. */
struct piece {
    uint64_t lcn;
    uint64_t first, end;        /* records that begin in it */
};

static bool piece_below(const void *of, size_t i, size_t j)
{
    const struct piece *pieces = of;

    return pieces[i].lcn < pieces[j].lcn;
}

static void piece_swap(void *of, size_t i, size_t j)
{
    struct piece *pieces = of, moved = pieces[i];

    pieces[i] = pieces[j];
    pieces[j] = moved;
}

/* The first record that begins at byte OFFSET of the MFT or after it. */
static uint64_t record_from(const struct ntfs_volume *vol, uint64_t offset)
{
    uint64_t number = (offset + vol->boot.record_size - 1) >>
                      vol->boot.record_shift;

    return number < vol->valid_records ? number : vol->valid_records;
}

/* The pieces of the MFT, sorted, in an array of mft_runs->count; NULL: no
   memory. */
static struct piece *pieces_make(struct ntfs_volume *vol)
{
    const struct ntfs_runs *runs = vol->mft_runs;
    uint32_t shift = vol->boot.cluster_shift;
    struct piece *pieces = shale_alloc_array(vol->fs->mem, runs->count,
                                             sizeof *pieces);

    if (!pieces)
        return NULL;
    for (size_t i = 0; i < runs->count; i++) {
        const struct ntfs_run *run = &runs->list[i];

        pieces[i].lcn = run->lcn;
        pieces[i].first = record_from(vol, run->vcn << shift);
        pieces[i].end = run->lcn == NTFS_HOLE ? pieces[i].first
                        : record_from(vol, (run->vcn + run->count) << shift);
    }
    ntfs_sort(&(struct ntfs_sorted){ pieces, piece_below, piece_swap },
              runs->count);
    return pieces;
}

/*
 * What record NUMBER is. *FAILED keeps the device's error, if it has one: the
 * others are still worth having.
 */
static int scan_one(struct ntfs_volume *vol, uint64_t number,
                    ntfs_scan_fn *each, void *context, int *failed)
{
    struct ntfs_record *record;
    int err = ntfs_record_get(vol, number, &record);

    if (err == SHALE_ENOMEM)
        return err;
    if (err) {
        if (err != SHALE_ESTALE && err != SHALE_ECORRUPT)
            *failed = err;
        return 0;
    }
    err = each(context, record);
    ntfs_record_put(vol, record);
    return err;
}

/* Read the records of PIECE, of which some may be behind the device's end: for
   these *FAILED says so. No more than *LEFT records, which is brought down. */
static int scan_piece(struct ntfs_volume *vol, const struct piece *piece,
                      uint64_t *left, ntfs_scan_fn *each, void *context,
                      int *failed)
{
    uint64_t at = piece->lcn << vol->boot.cluster_shift;
    uint64_t size = vol->fs->dev->size;
    uint64_t room = at < size ? ((size - at) >> vol->boot.record_shift) + 1
                              : 0;
    int err = 0;

    for (uint64_t n = piece->first; n < piece->end && !err; n++) {
        if (n - piece->first >= room) {
            *failed = SHALE_EIO;
            break;
        }
        if (*left == 0)
            return shale_corrupt_inode(vol->fs, "ntfs: the MFT has more "
                                       "records than the device", at,
                                       NTFS_MFT);
        --*left;
        err = scan_one(vol, n, each, context, failed);
    }
    return err;
}

int ntfs_scan(struct ntfs_volume *vol, ntfs_scan_fn *each, void *context)
{
    uint64_t left = (vol->fs->dev->size >> vol->boot.record_shift) + 1;
    size_t count = vol->mft_runs->count;
    struct piece *pieces = pieces_make(vol);
    int err = 0, failed = 0;

    if (!pieces)
        return SHALE_ENOMEM;
    for (size_t i = 0; i < count && !err; i++)
        err = scan_piece(vol, &pieces[i], &left, each, context, &failed);
    shale_free(vol->fs->mem, pieces, count * sizeof *pieces);
    return err ? err : failed;
}
