/*
 * usage.c - how many clusters of a run are in use, asked again and again
 *
 * Deleted files name runs, as long as they like and over each other, and of
 * each it is to be told how much of it is another's by now. Counting bits for
 * each of them would have no bound that a user lives to see. So $Bitmap stays
 * open and is thought of in pieces, 65,536 at most, and what is set in one is
 * known once it was counted: a run costs its two ends and a sum.
 */
#include "ntfs.h"

#define PIECES_MAX 65536u
#define SHIFT_MIN  15u          /* 2^15 clusters: 4 KiB of $Bitmap */

struct ntfs_usage {
    struct ntfs_stream bitmap;
    uint32_t shift;             /* a piece is of 2^it clusters */
    size_t size;                /* of this, with its pieces */
    uint64_t known[];           /* how many of each are in use, and 1 more; 0:
                                   it has not been counted */
};

int ntfs_usage_open(struct ntfs_volume *vol, struct ntfs_usage **out)
{
    uint64_t clusters = vol->boot.cluster_count;
    uint32_t shift = SHIFT_MIN;
    struct ntfs_usage *usage;
    size_t size;
    int err;

    while (clusters >> shift >= PIECES_MAX)
        shift++;
    size = sizeof *usage +
           (size_t)((clusters >> shift) + 1) * sizeof usage->known[0];
    usage = shale_zalloc(vol->fs->mem, size);
    if (!usage)
        return SHALE_ENOMEM;
    usage->shift = shift;
    usage->size = size;
    err = ntfs_bitmap_open(vol, &usage->bitmap);
    if (err)
        shale_free(vol->fs->mem, usage, size);
    else
        *out = usage;
    return err;
}

void ntfs_usage_close(struct ntfs_volume *vol, struct ntfs_usage *usage)
{
    if (!usage)
        return;
    ntfs_stream_close(vol, &usage->bitmap);
    shale_free(vol->fs->mem, usage, usage->size);
}

/* Count the COUNT clusters at LCN, which are all of a piece, or in one. */
static int piece_count(struct ntfs_volume *vol, struct ntfs_usage *usage,
                       uint64_t lcn, uint64_t count, uint64_t *used)
{
    uint64_t *known = &usage->known[lcn >> usage->shift];
    bool whole = count >> usage->shift != 0;
    int err;

    if (whole && *known != 0) {
        *used = *known - 1;
        return 0;
    }
    err = ntfs_bits_count(vol, &usage->bitmap, lcn, count, used);
    if (!err && whole)
        *known = *used + 1;
    return err;
}

int ntfs_usage_count(struct ntfs_volume *vol, struct ntfs_usage *usage,
                     uint64_t lcn, uint64_t count, uint64_t *used)
{
    const uint64_t size = UINT64_C(1) << usage->shift;

    *used = 0;
    while (count > 0) {
        uint64_t n = size - (lcn & (size - 1)), set;
        int err;

        if (n > count)
            n = count;
        err = piece_count(vol, usage, lcn, n, &set);
        if (err)
            return err;
        *used += set;
        lcn += n;
        count -= n;
    }
    return 0;
}
