/*
 * ahead.c - the records of a directory's files, read before they are looked at
 *
 * A listing with attributes wants the records of what it lists: in the order of
 * the names, and they lie in the order in which the files were made. So the
 * listing tells which it is about to want, some hundred at a time, and they are
 * read here in the order of the device, neighbours together.
 *
 * This is but a hint: each record is checked, and its errors are told, when it
 * is taken (record.c). It leaves out what is no whole block of the cache, and
 * extension records, whose numbers nobody knows yet.
 */
#include "ntfs.h"

/* Blocks that nobody asked for between two that somebody did: to read so many
   costs less than another request. */
#define GAP 3u

/* Where a record is: its first block, and the run that it lies in. */
struct place {
    uint64_t block;
    const struct ntfs_run *run;
};

/* Where record NUMBER is. False if that is nowhere, or not for the cache. */
static bool place_find(const struct ntfs_volume *vol, uint64_t number,
                       struct place *out)
{
    uint64_t at, left;

    if (number >= vol->valid_records)
        return false;
    out->run = ntfs_runs_at(vol, vol->mft_runs,
                            number << vol->boot.record_shift, &at, &left);
    out->block = at >> vol->block_shift;
    return at < vol->cached_end;        /* so it is somewhere */
}

/* By insertion: mostly they are in order, and they are few. */
static void sort(struct place *places, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct place moved = places[i];
        size_t at = i;

        for (; at > 0 && places[at - 1].block > moved.block; at--)
            places[at] = places[at - 1];
        places[at] = moved;
    }
}

/* Read the LEN blocks from BLOCK on, which are of RUN. */
static void blocks_read(const struct ntfs_volume *vol,
                        const struct ntfs_run *run, uint64_t block,
                        uint64_t len)
{
    uint32_t shift = vol->boot.cluster_shift;
    uint64_t first = run->lcn << shift >> vol->block_shift;
    uint64_t last = ((run->lcn + run->count) << shift) - 1;

    shale_buf_ahead(vol->fs->cache, block, len, first,
                    (last >> vol->block_shift) + 1 - first);
}

/* Read what the COUNT sorted PLACES say, those that are close together. */
static void places_read(const struct ntfs_volume *vol,
                        const struct place *places, size_t count)
{
    uint32_t size = vol->boot.record_size;
    uint64_t blocks = size > vol->block_size ? size >> vol->block_shift : 1;

    for (size_t i = 0, end; i < count; i = end) {
        uint64_t last = places[i].block + blocks;

        for (end = i + 1; end < count && places[end].run == places[i].run &&
             places[end].block <= last + GAP; end++)
            last = places[end].block + blocks;
        blocks_read(vol, places[i].run, places[i].block,
                    last - places[i].block);
    }
}

void ntfs_ahead(struct shale_fs *fs, const uint64_t *inos, size_t count)
{
    const struct ntfs_volume *vol = ntfs_volume_of(fs);
    struct place *places = shale_alloc_array(fs->mem, count, sizeof *places);
    size_t found = 0;

    if (!places)
        return;
    for (size_t i = 0; i < count; i++)
        found += place_find(vol, NTFS_INO_RECORD(inos[i]), &places[found]);
    sort(places, found);
    places_read(vol, places, found);
    shale_free(fs->mem, places, count * sizeof *places);
}
