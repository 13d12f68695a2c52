/*
 * usn.c - $UsnJrnl: the journal of what has changed, if Windows keeps one
 *
 *      $Max   | most bytes 8 | step 8 | id 8 | lowest number that counts 8 |
 *      $J     the changes, sparse: a change's number is where it is in $J
 *
 * What is in $J nobody needs to read the volume, so it is not looked at.
 * (libfsntfs, "USN change journal"; USN_JOURNAL_DATA in winioctl.h)
 */
#include "ntfs/check/check.h"
#include "ntfs/index.h"

struct disk_max {
    le64 most, step, id, lowest;
};

static const uint8_t journal_name[] = {
    '$', 0, 'U', 0, 's', 0, 'n', 0, 'J', 0, 'r', 0, 'n', 0, 'l', 0,
};
static const uint16_t max_name[] = { '$', 'M', 'a', 'x' };
static const uint16_t j_name[] = { '$', 'J' };

#define NAME_UNITS (sizeof journal_name / 2)

/* The record of $UsnJrnl: 1 with *OUT, which the caller puts, or 0. */
static int journal_find(struct ntfs_volume *vol, struct ntfs_record **out)
{
    struct ntfs_record *extend;
    uint64_t reference;
    int err = ntfs_record_get(vol, NTFS_EXTEND, &extend);

    if (err)
        return err == SHALE_ENOMEM ? err : 0;
    err = ntfs_name_find_in(vol, extend, journal_name, NAME_UNITS, &reference);
    ntfs_record_put(vol, extend);
    if (!err)
        err = ntfs_record_by_reference(vol, reference, out);
    return err == SHALE_ENOMEM ? err : err ? 0 : 1;
}

/* What is wrong with the journal of RECORD, or NULL; *ERR if there is too
   little memory to know. */
static const char *journal_rule(struct ntfs_volume *vol,
                                const struct ntfs_record *record, int *err)
{
    struct ntfs_stream changes;
    struct ntfs_value max;
    const struct disk_max *raw;
    const char *wrong = NULL;

    *err = ntfs_value_get(vol, record, NTFS_DATA, max_name, 4, sizeof *raw,
                          &max);
    if (*err <= 0)
        return "ntfs: it does not say how large it may be";
    raw = (const struct disk_max *)max.bytes;
    if (max.length != sizeof *raw || le64_get(raw->most) == 0)
        wrong = "ntfs: it does not say how large it may be";
    if (!wrong) {
        *err = ntfs_stream_open(vol, record, NTFS_DATA, j_name, 2, &changes);
        if (*err <= 0) {
            wrong = "ntfs: it has no changes";
        } else {
            if (le64_get(raw->lowest) > changes.size)
                wrong = "ntfs: its lowest number is behind its end";
            ntfs_stream_close(vol, &changes);
        }
    }
    ntfs_value_put(vol, &max);
    return wrong;
}

int ntfs_check_usn(struct ntfs_check *nc)
{
    struct ntfs_record *record;
    const char *wrong;
    uint64_t number;
    int err = journal_find(nc->vol, &record);

    if (err <= 0)
        return err;
    number = record->number;
    wrong = journal_rule(nc->vol, record, &err);
    ntfs_record_put(nc->vol, record);
    if (err == SHALE_ENOMEM)
        return err;
    /* One that is being deleted may be so in part. */
    if (wrong && !(nc->vol->flags & NTFS_VOLUME_DELETE_USN) &&
        !ntfs_check_is_told(nc, number))
        ntfs_check_rule(nc, NTFS_CHECK_USN, number,
                        ntfs_check_at(nc, number, 0), wrong);
    return 0;
}
