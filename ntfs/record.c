/*
 * record.c - records of the MFT: read, put together again, and checked
 *
 * What NTFS writes in several sectors and needs whole, it writes with fixups:
 * in each 512 bytes the last two are replaced by a number, the same in all of
 * them, and kept with that number in the head. If one differs when it is read,
 * that part was not written. (Linux-NTFS, "Fixup"; the stride is 512 bytes
 * whatever the sectors are, as images of all sizes show.)
 *
 * A record is copied out of the buffer cache, for undoing fixups changes it,
 * into memory of a slab; a record may lie in several blocks, and where clusters
 * are small in several runs.
 *
 * Left out on purpose: the size that a record says it has, and its number,
 * which NTFS before 3.1 does not have. Nothing depends on either.
 */
#include "memfn.h"
#include "ntfs.h"

/* As many records as $MFTMirr has at least. */
#define MIRROR_RECORDS 4u

_Static_assert(sizeof(struct ntfs_disk_record) == 48, "NTFS record head");

/* The head before NTFS 3.1, which ends before `unused`. */
#define HEAD_SIZE ((uint32_t)offsetof(struct ntfs_disk_record, unused))

/* --------------------------------------------------------------- fixups */

static const char *magic_check(const uint8_t *bytes, const char *magic)
{
    if (memcmp(bytes, magic, 4) == 0)
        return NULL;
    if (memcmp(bytes, "BAAD", 4) == 0)
        return "ntfs: a block that has been found damaged before";
    return "ntfs: a block does not begin with its mark";
}

const char *ntfs_fixup(uint8_t *bytes, uint32_t size, const char *magic)
{
    const struct ntfs_disk_multi *head = (const struct ntfs_disk_multi *)bytes;
    uint32_t strides = size / NTFS_FIXUP_STRIDE;
    uint32_t offset = le16_get(head->fixup_offset);
    uint32_t last = NTFS_FIXUP_STRIDE - 2;
    const char *wrong = magic_check(bytes, magic);

    if (wrong)
        return wrong;
    if (le16_get(head->fixup_count) < strides + 1)
        return "ntfs: a block has fewer fixups than sectors";
    if (offset < sizeof *head || offset > last ||
        2 * (strides + 1) > last - offset)
        return "ntfs: fixups outside of the head";
    for (uint32_t i = 0; i < strides; i++) {
        uint8_t *end = bytes + i * NTFS_FIXUP_STRIDE + last;
        const uint8_t *original = bytes + offset + 2 * (i + 1);

        if (end[0] != bytes[offset] || end[1] != bytes[offset + 1])
            return "ntfs: a block was not written whole: its fixups differ";
        end[0] = original[0];
        end[1] = original[1];
    }
    return NULL;
}

/* --------------------------------------------------------------- records */

static bool is_blank(const uint8_t *bytes, uint32_t size)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* Make sense of the bytes of RECORD. SHALE_ECORRUPT is not reported yet. */
static int record_decode(const struct ntfs_volume *vol,
                         struct ntfs_record *record, const char **wrong)
{
    const struct ntfs_disk_record *raw =
        (const struct ntfs_disk_record *)record->bytes;
    uint32_t size = vol->boot.record_size;

    if (is_blank(record->bytes, size))
        return SHALE_ESTALE;
    *wrong = ntfs_fixup(record->bytes, size, "FILE");
    if (*wrong)
        return SHALE_ECORRUPT;
    record->sequence = le16_get(raw->sequence);
    record->flags = le16_get(raw->flags);
    record->base = le64_get(raw->base);
    record->attrs = le16_get(raw->attrs_offset);
    record->used = le32_get(raw->used);
    if (record->used > size)
        *wrong = "ntfs: more of a record is in use than it has";
    else if (record->attrs < HEAD_SIZE || record->attrs > record->used)
        *wrong = "ntfs: the attributes of a record are not in it";
    return *wrong ? SHALE_ECORRUPT : 0;
}

/*
 * Read the bytes of RECORD, whose number is set, by the runs of the MFT known
 * so far.
 */
static int bytes_load(struct ntfs_volume *vol, struct ntfs_record *record,
                      const char **wrong)
{
    const struct ntfs_runs *runs = vol->mft_runs;
    uint32_t size = vol->boot.record_size;
    uint64_t offset = record->number << vol->boot.record_shift;
    int err = ntfs_runs_read(vol, runs, offset, record->bytes, size,
                             NTFS_READ_WHOLE);

    record->at = ntfs_runs_place(vol, runs, offset);
    if (err != SHALE_ENODATA)
        return err;
    if ((offset + size - 1) >> vol->boot.cluster_shift >= runs->end)
        return shale_fail(vol->fs, SHALE_EIO, "ntfs: where a record of the MFT "
                          "is, is not known", NULL, SHALE_NOWHERE);
    *wrong = "ntfs: the MFT has a hole";
    return SHALE_ECORRUPT;
}

/* As the record is in $MFTMirr. Returns 1, or 0 if that is no better, or
   SHALE_ENOMEM. */
static int mirror_load(struct ntfs_volume *vol, struct ntfs_record *record)
{
    uint64_t offset = record->number << vol->boot.record_shift;
    const char *wrong;
    int err;

    if (record->number >= MIRROR_RECORDS || !vol->mirror.list)
        return 0;
    record->at = ntfs_runs_place(vol, &vol->mirror, offset);
    err = ntfs_runs_read(vol, &vol->mirror, offset, record->bytes,
                         vol->boot.record_size, NTFS_READ_ALONE);
    if (!err)
        err = record_decode(vol, record, &wrong);
    return err == SHALE_ENOMEM ? err : !err;
}

/* Load RECORD, whose number is set, from wherever it is good. */
static int record_load(struct ntfs_volume *vol, struct ntfs_record *record)
{
    const char *wrong = NULL;
    uint64_t at;
    int mirror, err = bytes_load(vol, record, &wrong);

    if (!err)
        err = record_decode(vol, record, &wrong);
    if (!err || err == SHALE_ENOMEM)
        return err;
    at = record->at;
    mirror = mirror_load(vol, record);
    if (mirror < 0)
        return mirror;
    if (mirror > 0) {
        if (!__atomic_exchange_n(&vol->mirror_told, 1, __ATOMIC_RELAXED))
            shale_warn(vol->fs, wrong ? wrong : "ntfs: one of the first "
                       "records of the MFT cannot be read",
                       "its copy in $MFTMirr is used", at);
        return 0;
    }
    if (err == SHALE_ECORRUPT)
        shale_corrupt_inode(vol->fs, wrong, at, record->number);
    return err;
}

int ntfs_record_get(struct ntfs_volume *vol, uint64_t number,
                    struct ntfs_record **out)
{
    struct ntfs_record *record;
    int err;

    if (number >= vol->valid_records)
        return SHALE_ESTALE;
    record = shale_slab_alloc(vol->records);
    if (!record)
        return SHALE_ENOMEM;
    record->number = number;
    record->room = (struct ntfs_room *)(record + 1);
    record->bytes = (uint8_t *)(record->room + 1);
    err = record_load(vol, record);
    if (err) {
        shale_slab_free(vol->records, record);
        return err;
    }
    *out = record;
    return 0;
}

void ntfs_record_put(struct ntfs_volume *vol, struct ntfs_record *record)
{
    if (record)
        shale_slab_free(vol->records, record);
}

int ntfs_record_by_reference(struct ntfs_volume *vol, uint64_t reference,
                             struct ntfs_record **out)
{
    uint16_t sequence = NTFS_REFERENCE_SEQUENCE(reference);
    struct ntfs_record *record;
    int err = ntfs_record_get(vol, NTFS_REFERENCE_NUMBER(reference), &record);

    if (err)
        return err;
    if (!(record->flags & NTFS_RECORD_IN_USE) || record->base != 0 ||
        (sequence != 0 && sequence != record->sequence)) {
        ntfs_record_put(vol, record);
        return SHALE_ESTALE;
    }
    *out = record;
    return 0;
}
