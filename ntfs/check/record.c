/*
 * record.c - one record of the MFT, and what is kept of it
 *
 * A record that is free and torn is nobody's loss: nothing is told of it. One
 * in use whose head cannot be believed counts as not there, so that its file's
 * clusters show up as lost; where an attribute in it cannot be understood, what
 * is missing behind it is no finding of its own.
 */
#include "memfn.h"
#include "ntfs/check/check.h"
#include "ntfs/index.h"

static const struct ntfs_disk_record *head_of(const struct ntfs_record *record)
{
    return (const struct ntfs_disk_record *)record->bytes;
}

/* ------------------------------------------------------ what is kept */

uint64_t ntfs_check_file_of(const struct ntfs_record *record)
{
    return record->base ? NTFS_REFERENCE_NUMBER(record->base)
                        : record->number;
}

struct ntfs_check_record ntfs_check_kept(struct ntfs_check *nc,
                                         uint64_t number)
{
    struct ntfs_check_record kept = { .flags = 0 };
    const struct ntfs_check_record *at;

    if (number >= check_array_size(nc->records))
        return kept;
    check_array_lock(nc->records);
    at = check_array_at(nc->records, number, false);
    if (at)
        kept = *at;
    check_array_unlock(nc->records);
    return kept;
}

bool ntfs_check_is_unread(struct ntfs_check *nc, uint64_t number)
{
    return number < nc->record_count ? check_bits_has(nc->unread, number)
                                     : number < nc->vol->record_count;
}

bool ntfs_check_is_told(struct ntfs_check *nc, uint64_t number)
{
    return ntfs_check_kept(nc, number).flags & NTFS_CHECK_DAMAGED ||
           ntfs_check_is_unread(nc, number);
}

/* Add CHANGE to what is kept of NUMBER: its flags are set, its links and
   sequence put there, its names and sum added. */
static int keep(struct ntfs_check *nc, uint64_t number,
                const struct ntfs_check_record *change)
{
    struct ntfs_check_record *at;

    if (number >= check_array_size(nc->records))
        return 0;
    check_array_lock(nc->records);
    at = check_array_at(nc->records, number, true);
    if (at) {
        at->flags |= change->flags;
        nc->damaged |= (change->flags & NTFS_CHECK_DAMAGED) != 0;
        at->sum += change->sum;
        at->names = at->names > UINT16_MAX - change->names
                        ? UINT16_MAX
                        : (uint16_t)(at->names + change->names);
        if (change->flags & NTFS_CHECK_IN_USE) {
            at->sequence = change->sequence;
            at->links = change->links;
        }
    }
    check_array_unlock(nc->records);
    return at ? 0 : SHALE_ENOMEM;
}

int ntfs_check_mark(struct ntfs_check *nc, uint64_t number, uint16_t on)
{
    return keep(nc, number, &(struct ntfs_check_record){ .flags = on });
}

int ntfs_check_meant(struct ntfs_check *nc, uint64_t number)
{
    return keep(nc, number, &(struct ntfs_check_record){ .names = 1 });
}

int ntfs_check_sum(struct ntfs_check *nc, uint64_t file, uint64_t n)
{
    return keep(nc, file, &(struct ntfs_check_record){ .sum = n });
}

/* ------------------------------------------------------------ the record */

/* What SEEN has of RECORD, which is in use, is kept. */
static int seen_keep(struct ntfs_check *nc, const struct ntfs_record *record,
                     struct ntfs_check_seen *seen)
{
    struct ntfs_check_record *kept = &seen->kept;
    int err;

    check_array_lock(nc->records);
    nc->reparse_sum += seen->reparse;
    nc->objects_sum += seen->objects;
    check_array_unlock(nc->records);
    if (record->base) {
        /* Its names are those of its file. */
        err = keep(nc, ntfs_check_file_of(record),
                   &(struct ntfs_check_record){
            .sum = kept->sum, .names = kept->names,
            .flags = kept->flags & (NTFS_CHECK_DAMAGED | NTFS_CHECK_DIRECTORY |
                                    NTFS_CHECK_VIEW | NTFS_CHECK_NAMED_SO |
                                    NTFS_CHECK_NAMED_NOT),
        });
        if (err)
            return err;
        kept->sum = 0;
        kept->names = 0;
        kept->links = (uint16_t)seen->total;
    }
    return keep(nc, record->number, kept);
}

/* RECORD is in use. */
static int used_check(struct ntfs_check *nc, struct ntfs_record *record)
{
    struct ntfs_check_seen seen = { .total = 0 };
    int err;

    if (!ntfs_check_head(nc, record))
        return ntfs_check_mark(nc, record->number, NTFS_CHECK_DAMAGED);
    err = check_bits_add(nc->in_use, record->number, 1, NULL);
    if (err)
        return err;
    seen.kept = (struct ntfs_check_record){
        .sequence = record->sequence,
        .links = le16_get(head_of(record)->links),
        .flags = NTFS_CHECK_IN_USE,
    };
    if (record->base)
        seen.kept.flags |= NTFS_CHECK_EXTENSION;
    if (record->flags & NTFS_RECORD_DIRECTORY)
        seen.kept.flags |= NTFS_CHECK_CALLED;
    if (record->flags & NTFS_RECORD_VIEW)
        seen.kept.flags |= NTFS_CHECK_CALLED_VIEW;
    err = ntfs_check_attrs(nc, record, &seen);
    return err ? err : seen_keep(nc, record, &seen);
}

/* What is wrong with RECORD, which has no FILE at its beginning? */
static int magic_check(struct ntfs_check *nc, const struct ntfs_record *record)
{
    if (!check_bits_has(nc->claimed, record->number))
        return 0;
    ntfs_check_tell(nc, memcmp(record->bytes, "BAAD", 4) == 0
                            ? NTFS_CHECK_RECORD_BAAD
                            : NTFS_CHECK_RECORD_MAGIC,
                    record->number, record->at);
    return ntfs_check_mark(nc, record->number, NTFS_CHECK_DAMAGED);
}

/* Which byte of RECORD, whose fixups could not be undone, is to blame: the
   first that is neither what they share nor what has been put in its place. */
static uint32_t torn_at(const struct ntfs_check *nc,
                        const struct ntfs_record *record)
{
    const struct ntfs_disk_multi *multi = &head_of(record)->multi;
    uint32_t size = nc->vol->boot.record_size;
    uint32_t offset = le16_get(multi->fixup_offset);
    const uint8_t *fixups = record->bytes + offset;

    if (offset + 2 * ntfs_check_fixups(size) > NTFS_FIXUP_STRIDE - 2)
        return NTFS_CHECK_FIELD(ntfs_disk_multi, fixup_offset);
    for (uint32_t end = NTFS_FIXUP_STRIDE; end <= size;
         end += NTFS_FIXUP_STRIDE)
        if (memcmp(record->bytes + end - 2, fixups, 2) != 0 &&
            memcmp(record->bytes + end - 2,
                   fixups + 2 * (end / NTFS_FIXUP_STRIDE), 2) != 0)
            return end - 2;
    return NTFS_CHECK_FIELD(ntfs_disk_multi, fixup_count);
}

static int record_check(struct ntfs_check *nc, struct ntfs_record *record)
{
    const struct ntfs_disk_record *raw = head_of(record);
    const char *wrong;

    if (memcmp(raw->multi.magic, "FILE", 4) != 0)
        return magic_check(nc, record);
    /* Fixups do not touch the flags. */
    if (!(le16_get(raw->flags) & NTFS_RECORD_IN_USE))
        return 0;
    wrong = ntfs_fixup(record->bytes, nc->vol->boot.record_size, "FILE");
    if (!wrong)
        return used_check(nc, record);
    ntfs_check_rule(nc, NTFS_CHECK_RECORD_FIXUP, record->number,
                    ntfs_check_at(nc, record->number, torn_at(nc, record)),
                    wrong);
    return ntfs_check_mark(nc, record->number, NTFS_CHECK_DAMAGED);
}

/* What the device has not given, stretch by stretch. */
static void unread_tell(struct ntfs_check *nc)
{
    uint64_t count = check_bits_size(nc->unread), at = 0;

    while ((at = check_bits_next(nc->unread, at, true)) < count) {
        uint64_t end = check_bits_next(nc->unread, at, false);

        check_tell(nc->check, &ntfs_check_codes[NTFS_CHECK_RECORD_READ],
                   ntfs_data_place(nc->vol, nc->vol->mft,
                                   at << nc->vol->boot.record_shift),
                   &(struct check_note){
            .object = SHALE_OBJECT_RECORD, .number = at, .other = end - at,
        });
        at = end;
    }
}

int ntfs_check_records(struct ntfs_check *nc)
{
    int err = ntfs_check_claimed(nc);

    if (!err)
        err = ntfs_check_scan(nc, "MFT records", 0, record_check);
    if (!err)
        unread_tell(nc);
    return err;
}
