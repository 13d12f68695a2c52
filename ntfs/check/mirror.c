/*
 * mirror.c - $MFTMirr: the copies of the MFT's first four records
 *
 * Both are compared with their fixups undone: the numbers of these may differ,
 * as each copy is written by itself.
 */
#include "memfn.h"
#include "ntfs/check/check.h"

/* As many are kept up to date, however large $MFTMirr is. */
#define RECORDS 4u

/* The first byte where two sound copies differ; SIZE if they do not. */
static uint32_t compare(const uint8_t *a, const uint8_t *b, uint32_t size)
{
    const struct ntfs_disk_record *head = (const struct ntfs_disk_record *)a;
    uint32_t used = le32_get(head->used);
    uint32_t fixups = le16_get(head->multi.fixup_offset);
    uint32_t end = fixups + 2u * le16_get(head->multi.fixup_count);

    if (used > size)
        used = size;
    for (uint32_t i = 0; i < used; i++)
        if (a[i] != b[i] && (i < fixups || i >= end))
            return i;
    return size;
}

static int record_compare(struct ntfs_check *nc, uint64_t number, uint8_t *a,
                          uint8_t *b)
{
    const struct ntfs_boot *boot = &nc->vol->boot;
    uint64_t offset = number << boot->record_shift;
    uint64_t first = (boot->mft_lcn << boot->cluster_shift) + offset;
    uint64_t second = (boot->mirror_lcn << boot->cluster_shift) + offset;
    uint32_t size = boot->record_size, differs;
    bool good, good_too;
    int err = check_get(nc->check, first, a, size, SHALE_OBJECT_RECORD,
                        number, &good);

    if (!err)
        err = check_get(nc->check, second, b, size, SHALE_OBJECT_RECORD,
                        NTFS_MFTMIRR, &good_too);
    if (err || !good || !good_too || ntfs_fixup(a, size, "FILE"))
        return err;             /* the record is told elsewhere */
    differs = ntfs_fixup(b, size, "FILE") ? 0 : compare(a, b, size);
    if (differs < size)
        check_tell(nc->check, &ntfs_check_codes[NTFS_CHECK_MIRROR],
                   second + differs, &(struct check_note){
            .object = SHALE_OBJECT_RECORD, .number = number,
            .other = differs,
        });
    return 0;
}

/* Are the first records in one run, as they have to be for whoever starts? */
static bool is_in_a_row(const struct ntfs_check *nc)
{
    const struct ntfs_run *run = &nc->vol->mft_runs->list[0];

    return run->lcn == nc->vol->boot.mft_lcn &&
           run->count << nc->vol->boot.cluster_shift >=
               (uint64_t)RECORDS << nc->vol->boot.record_shift;
}

int ntfs_check_mirror(struct ntfs_check *nc)
{
    struct check *check = nc->check;
    size_t size = nc->vol->boot.record_size;
    uint8_t *both;
    int err = 0;

    if (nc->vol->boot.mirror_lcn == NTFS_HOLE) {
        ntfs_check_tell(nc, NTFS_CHECK_MIRROR_PLACE, NTFS_MFTMIRR,
                        offsetof(struct ntfs_disk_boot, mirror_cluster));
        return 0;
    }
    if (!is_in_a_row(nc))
        return 0;
    both = check_alloc(check, 2 * size);
    if (!both)
        return SHALE_ENOMEM;
    for (uint64_t i = 0; i < RECORDS && !err; i++)
        err = record_compare(nc, i, both, both + size);
    check_free(check, both, 2 * size);
    return err;
}
