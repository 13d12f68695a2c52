/*
 * mft.c - find $MFT, the table of all files, which is a file itself
 *
 * The boot sector says where its first record is, and that is $MFT's own: its
 * data are the table. If the table is in many pieces, that record has an
 * attribute list, and the runs of later pieces are in extension records, which
 * are in the table: each is found by the runs of the pieces before it.
 *
 * If the first record is no good, $MFTMirr has a copy. Damage that shows when a
 * record is read is record.c's business; where it shows later, all of this is
 * done once more, by the copy.
 *
 * Where a later piece cannot be found, the volume is mounted with those before:
 * what is in the others answers SHALE_EIO.
 */
#include "memfn.h"
#include "ntfs.h"

static int mft_corrupt(struct ntfs_volume *vol, const char *what, uint64_t at)
{
    return shale_corrupt_inode(vol->fs, what, at, NTFS_MFT);
}

/* Believe for now that the table has one record, at LCN. */
static int first_run(struct ntfs_volume *vol, uint64_t lcn)
{
    struct ntfs_runs *runs = &vol->mft->runs;
    uint64_t count = vol->boot.record_size >> vol->boot.cluster_shift;

    if (count == 0)
        count = 1;
    if (count > vol->boot.cluster_count - lcn)
        return shale_corrupt(vol->fs, "ntfs: the MFT begins at the volume's "
                             "end", lcn << vol->boot.cluster_shift);
    ntfs_runs_free(vol, runs);
    runs->list = shale_alloc(vol->fs->mem, sizeof *runs->list);
    if (!runs->list)
        return SHALE_ENOMEM;
    runs->list[0] = (struct ntfs_run){ .lcn = lcn, .count = count };
    runs->room = 1;
    runs->count = 1;
    runs->end = count;
    vol->record_count = 1;
    vol->valid_records = 1;
    return 0;
}

/* The piece of the table's data that its own RECORD describes. */
static int first_piece(struct ntfs_volume *vol,
                       const struct ntfs_record *record,
                       struct ntfs_stream *out)
{
    uint32_t offset = record->attrs;
    struct ntfs_attr attr;
    int found;

    while ((found = ntfs_attr_next(vol, record, &offset, &attr)) > 0) {
        if (!ntfs_attr_is(&attr, NTFS_DATA, NULL, 0))
            continue;
        if (attr.resident || attr.flags & (NTFS_ATTR_COMPRESSION_MASK |
                                           NTFS_ATTR_ENCRYPTED))
            return mft_corrupt(vol, "ntfs: the MFT is not in plain clusters",
                               attr.at);
        found = ntfs_stream_begin(vol, out, &attr);
        if (!found && out->initialized >> vol->boot.record_shift == 0)
            found = mft_corrupt(vol, "ntfs: the MFT has no records", attr.at);
        if (found)
            ntfs_stream_close(vol, out);
        return found;
    }
    return found < 0 ? found : mft_corrupt(vol, "ntfs: the MFT has no data",
                                           record->at);
}

/* Add the pieces of the table's data that are not in RECORD. */
static int add_pieces(struct ntfs_volume *vol,
                      const struct ntfs_record *record)
{
    struct ntfs_walk *walk = &record->room->walk;
    const struct ntfs_attr *attr = &walk->attr;
    int found = ntfs_walk_begin(vol, record, NTFS_DATA, walk);

    if (found)
        return found;
    while ((found = ntfs_walk_next(walk)) > 0) {
        if (!ntfs_attr_is(attr, NTFS_DATA, NULL, 0) || attr->first_vcn == 0)
            continue;
        found = ntfs_stream_add(vol, vol->mft, attr);
        if (found)
            break;
    }
    ntfs_walk_end(walk);
    return found;
}

/*
 * Find the table by its first record, which is at LCN. Stores where that was
 * read from in the end: SHALE_NOWHERE if neither there nor in the mirror.
 */
static int bootstrap(struct ntfs_volume *vol, uint64_t lcn, uint64_t *at)
{
    struct ntfs_record *record;
    struct ntfs_stream stream;
    int err = first_run(vol, lcn);

    *at = SHALE_NOWHERE;
    if (err)
        return err;
    err = ntfs_record_get(vol, NTFS_MFT, &record);
    if (err == SHALE_ESTALE)
        return mft_corrupt(vol, "ntfs: the first record of the MFT is empty",
                           lcn << vol->boot.cluster_shift);
    if (err)
        return err;
    *at = record->at;
    err = first_piece(vol, record, &stream);
    if (!err) {
        ntfs_runs_free(vol, &vol->mft->runs);
        *vol->mft = stream;
        vol->record_count = stream.size >> vol->boot.record_shift;
        vol->valid_records = stream.initialized >> vol->boot.record_shift;
        err = add_pieces(vol, record);
        if (err != SHALE_ENOMEM &&
            vol->mft->runs.end << vol->boot.cluster_shift < vol->mft->size)
            shale_warn(vol->fs, "ntfs: only a part of the MFT is found",
                       "files in the rest of it cannot be read", record->at);
        if (err != SHALE_ENOMEM)
            err = 0;
    }
    ntfs_record_put(vol, record);
    return err;
}

int ntfs_mft_init(struct ntfs_volume *vol)
{
    uint64_t mirror = vol->boot.mirror_lcn, at, unused;
    int err;

    vol->mft = shale_zalloc(vol->fs->mem, sizeof *vol->mft);
    if (!vol->mft)
        return SHALE_ENOMEM;
    if (mirror != NTFS_HOLE) {
        vol->mirror_run = (struct ntfs_run){
            .lcn = mirror, .count = vol->boot.cluster_count - mirror,
        };
        vol->mirror = (struct ntfs_runs){
            &vol->mirror_run, 1, 1, vol->mirror_run.count,
        };
    }
    vol->mft_runs = &vol->mft->runs;
    err = bootstrap(vol, vol->boot.mft_lcn, &at);
    if (!err || err == SHALE_ENOMEM || at == SHALE_NOWHERE ||
        mirror == NTFS_HOLE || at == mirror << vol->boot.cluster_shift)
        return err;
    if (bootstrap(vol, mirror, &unused))
        return err;
    shale_warn(vol->fs, "ntfs: the first record of the MFT is damaged",
               "its copy in $MFTMirr is used", at);
    return 0;
}

void ntfs_mft_fini(struct ntfs_volume *vol)
{
    if (!vol->mft)
        return;
    ntfs_stream_close(vol, vol->mft);
    shale_free(vol->fs->mem, vol->mft, sizeof *vol->mft);
    vol->mft = NULL;
    vol->mft_runs = NULL;
}
