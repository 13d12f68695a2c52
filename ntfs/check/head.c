/*
 * head.c - the head of a record: what it says of the record as a whole
 *
 *      "FILE" | fixups | uses, names | attributes, flags | used, size | ...
 *
 * What cannot be so costs the record: it counts as not there. What nothing
 * depends on, as long as all else is right, is only told.
 */
#include "memfn.h"
#include "ntfs/check/check.h"

/* The head before NTFS 3.1, and where fixups begin since. */
#define HEAD_SIZE     ((uint32_t)offsetof(struct ntfs_disk_record, unused))
#define HEAD_SIZE_3_1 ((uint32_t)sizeof(struct ntfs_disk_record))

#define FIELD(name) NTFS_CHECK_FIELD(ntfs_disk_record, name)
#define MULTI(name) NTFS_CHECK_FIELD(ntfs_disk_multi, name)

#define FLAGS_KNOWN 0x000fu     /* the third: it is in $Extend */
#define END_SIZE    8u          /* 0xffffffff, and 4 bytes that are anything */

static const struct ntfs_disk_record *head_of(const struct ntfs_record *record)
{
    return (const struct ntfs_disk_record *)record->bytes;
}

/* Fill RECORD by its head, fixups undone. False: that cannot be. */
static bool head_take(struct ntfs_check *nc, struct ntfs_record *record)
{
    const struct ntfs_disk_record *raw = head_of(record);
    uint32_t fixups = le16_get(raw->multi.fixup_offset) +
                      2u * le16_get(raw->multi.fixup_count);

    record->sequence = le16_get(raw->sequence);
    record->flags = le16_get(raw->flags);
    record->base = le64_get(raw->base);
    record->attrs = le16_get(raw->attrs_offset);
    record->used = le32_get(raw->used);
    return record->attrs >= HEAD_SIZE && record->attrs % 8 == 0 &&
           record->used <= nc->vol->boot.record_size &&
           record->attrs < record->used &&
           /* A count that is too large is told by itself. */
           (record->attrs >= fixups ||
            le16_get(raw->multi.fixup_count) !=
                ntfs_check_fixups(nc->vol->boot.record_size));
}

bool ntfs_check_open(struct ntfs_check *nc, struct ntfs_record *record)
{
    return !ntfs_fixup(record->bytes, nc->vol->boot.record_size, "FILE") &&
           head_take(nc, record) && record->flags & NTFS_RECORD_IN_USE;
}

uint64_t ntfs_check_at(struct ntfs_check *nc, uint64_t number, uint64_t into)
{
    uint64_t offset = (number << nc->vol->boot.record_shift) + into;

    return number < nc->record_count
               ? ntfs_data_place(nc->vol, nc->vol->mft, offset)
               : SHALE_NOWHERE;
}

static void differ(struct ntfs_check *nc, unsigned code,
                   const struct ntfs_record *record, uint32_t field,
                   uint64_t expected, uint64_t found)
{
    ntfs_check_differ(nc, code, record->number,
                      ntfs_check_at(nc, record->number, field), expected,
                      found);
}

/* Attributes cannot be where RECORD says, and no other place is known. */
static void tell_bounds(struct ntfs_check *nc,
                        const struct ntfs_record *record)
{
    check_tell(nc->check, &ntfs_check_codes[NTFS_CHECK_RECORD_HEAD],
               ntfs_check_at(nc, record->number, FIELD(attrs_offset)),
               &(const struct check_note){
                   .object = SHALE_OBJECT_RECORD, .number = record->number,
                   .other = record->attrs, .found = record->used,
               });
}

/* The first use of record NUMBER, which of the system's is the only one.
   (Linux-NTFS, "FILE record") */
static uint64_t first_use(uint64_t number)
{
    return number > 0 && number < NTFS_FIRST_USER ? number : 1;
}

bool ntfs_check_head(struct ntfs_check *nc, struct ntfs_record *record)
{
    const struct ntfs_disk_record *raw = head_of(record);
    uint32_t size = nc->vol->boot.record_size, fixups = ntfs_check_fixups(size);

    if (!head_take(nc, record)) {
        tell_bounds(nc, record);
        return false;
    }
    if (le16_get(raw->multi.fixup_count) != fixups)
        differ(nc, NTFS_CHECK_FIXUP_COUNT, record, MULTI(fixup_count), fixups,
               le16_get(raw->multi.fixup_count));
    if (le32_get(raw->allocated) != size)
        differ(nc, NTFS_CHECK_RECORD_SIZE, record, FIELD(allocated), size,
               le32_get(raw->allocated));
    if (le16_get(raw->multi.fixup_offset) >= HEAD_SIZE_3_1 &&
        le32_get(raw->number) != (uint32_t)record->number)
        differ(nc, NTFS_CHECK_RECORD_NUMBER, record, FIELD(number),
               record->number, le32_get(raw->number));
    if (record->sequence == 0 ||
        (record->number < NTFS_FIRST_USER &&
         record->sequence != first_use(record->number)))
        differ(nc, NTFS_CHECK_RECORD_SEQUENCE, record, FIELD(sequence),
               first_use(record->number), record->sequence);
    if (record->flags & ~FLAGS_KNOWN)
        differ(nc, NTFS_CHECK_RECORD_FLAGS, record, FIELD(flags),
               record->flags & FLAGS_KNOWN, record->flags);
    return true;
}

void ntfs_check_used(struct ntfs_check *nc, const struct ntfs_record *record,
                     uint32_t end)
{
    if (record->used != end + END_SIZE)
        differ(nc, NTFS_CHECK_RECORD_USED, record, FIELD(used), end + END_SIZE,
               record->used);
}
