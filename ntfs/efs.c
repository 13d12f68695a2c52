/*
 * efs.c - encrypted data as it is, with the option efs_raw
 *
 * A program that saves such a file, and does not have the key, needs all that
 * is in its clusters. As with ntfs-3g the file is shown longer than it is:
 *
 *     | data, encrypted, to the end of its last 512 bytes | excess 2 |
 *
 * and the excess says how many of these bytes are too many. Where clusters are
 * smaller than 512 bytes the data ends with its last cluster: there are no more
 * bytes. A stream with a name has no such end, and is shown no longer.
 */
#include "data.h"
#include "memfn.h"

#define UNIT_MAX 512u

/* SIZE bytes and what follows of them in the last unit. */
static uint64_t whole(const struct ntfs_volume *vol, uint64_t size)
{
    uint64_t unit = vol->boot.cluster_size < UNIT_MAX ? vol->boot.cluster_size
                                                      : UNIT_MAX;

    return (size + unit - 1) & ~(unit - 1);
}

uint64_t ntfs_efs_size(const struct ntfs_volume *vol, uint64_t size)
{
    if (size == 0 || size > INT64_MAX - UNIT_MAX - sizeof(le16))
        return size;
    return whole(vol, size) + sizeof(le16);
}

int ntfs_efs_map(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                 uint64_t offset, struct shale_extent *out)
{
    uint64_t end = whole(vol, stream->size);
    int err;

    if (offset >= end) {
        *out = (struct shale_extent){
            .offset = end, .length = sizeof(le16), .device = stream->at,
            .kind = SHALE_EXTENT_INLINE,
        };
        return 0;
    }
    /* As they are: what was never written, too. */
    err = ntfs_clusters_map(vol, stream, offset, UINT64_MAX, out);
    if (!err && out->length > end - offset)
        out->length = end - offset;
    return err;
}

void ntfs_efs_decode(const struct ntfs_volume *vol,
                     const struct ntfs_stream *stream, void *buf)
{
    uint64_t excess = whole(vol, stream->size) - stream->size;
    le16 trailer = le16_make((uint16_t)excess);

    memcpy(buf, &trailer, sizeof trailer);
}
