/*
 * runs.c - the clusters of an attribute: whose they are
 *
 * Pairs are taken one by one and kept nowhere. Each run is claimed as it comes;
 * what follows one that cannot be believed is not.
 */
#include "ntfs/check/check.h"
#include "span.h"

#define LAST_VCN_AT NTFS_CHECK_FIELD(ntfs_disk_non_resident, last_vcn)

/* What the clusters of ATTR are used for. */
static enum shale_use use_of(const struct ntfs_attr *attr)
{
    uint64_t number = ntfs_check_file_of(attr->record);

    /* All that has a name here is far below 32 bits. */
    switch (number <= UINT32_MAX ? (uint32_t)number : UINT32_MAX) {
    case NTFS_MFT:
    case NTFS_MFTMIRR:
        return attr->type == NTFS_DATA ? SHALE_USE_INODES : SHALE_USE_BITMAP;
    case NTFS_LOGFILE:
        return SHALE_USE_JOURNAL;
    case NTFS_BITMAP:
        return SHALE_USE_BITMAP;
    case NTFS_BOOT:
        return SHALE_USE_BOOT;
    case NTFS_BADCLUS:
        return SHALE_USE_BAD;
    case NTFS_SECURE:
        return SHALE_USE_ATTRIBUTES;
    default:
        break;
    }
    switch (attr->type) {
    case NTFS_INDEX_ALLOCATION:
        return SHALE_USE_DIRECTORY;
    case NTFS_BITMAP_ATTR:
        return SHALE_USE_BITMAP;
    case NTFS_DATA:
        return ntfs_check_file_of(attr->record) < NTFS_FIRST_USER
                   ? SHALE_USE_SYSTEM : SHALE_USE_DATA;
    default:
        return SHALE_USE_ATTRIBUTES;
    }
}

/* The COUNT clusters from LCN on are number VCN of ATTR. */
static int run_claim(struct ntfs_check *nc, const struct ntfs_attr *attr,
                     const struct ntfs_pair *pair, uint64_t vcn)
{
    uint32_t shift = nc->vol->boot.cluster_shift;
    uint64_t already;
    int err = check_bits_add(nc->used, pair->lcn, pair->count, &already);

    if (!err && already > 0) {
        /* More than these, perhaps: shared.c finds out. */
        err = check_bits_add(nc->shared, pair->lcn, pair->count, NULL);
        check_array_lock(nc->records);
        nc->shares++;
        check_array_unlock(nc->records);
    }
    if (err)
        return err;
    check_claim(nc->check, &(struct shale_claim){
        .use = use_of(attr),
        .object = SHALE_OBJECT_RECORD,
        .number = ntfs_check_file_of(attr->record),
        .at = pair->lcn << shift,
        .length = pair->count << shift,
        .position = attr->type == NTFS_DATA && attr->name_length == 0
                        ? vcn << shift : SHALE_NOWHERE,
    });
    return 0;
}

/* Which rule does PAIR break, coming at VCN? NTFS_CHECK_CODES: none. */
static unsigned pair_judge(struct ntfs_check *nc, const struct ntfs_attr *attr,
                           const struct ntfs_pair *pair, uint64_t vcn)
{
    uint64_t clusters = nc->cluster_count;

    if (pair->count == 0)
        return NTFS_CHECK_RUN_CODING;
    if (attr->last_vcn == UINT64_MAX || vcn > attr->last_vcn ||
        pair->count - 1 > attr->last_vcn - vcn)
        return NTFS_CHECK_RUN_LENGTH;
    if (pair->lcn != NTFS_HOLE &&
        (pair->lcn >= clusters || pair->count > clusters - pair->lcn))
        return NTFS_CHECK_RUN_RANGE;
    return NTFS_CHECK_CODES;
}

/* Does a run that begins at VCN, behind a hole, have its data in a compression
   unit that the hole has begun? Packed data is at the start of its unit. */
static bool is_late(const struct ntfs_attr *attr, const struct ntfs_pair *pair,
                    uint64_t vcn, bool behind_hole)
{
    return behind_hole && pair->lcn != NTFS_HOLE &&
           attr->flags & NTFS_ATTR_COMPRESSION_MASK &&
           attr->unit_shift > 0 && attr->unit_shift < 32 &&
           vcn & ((UINT64_C(1) << attr->unit_shift) - 1);
}

/* Where AT, in the pairs of ATTR, is on the volume. */
static uint64_t pair_at(struct ntfs_check *nc, const struct ntfs_attr *attr,
                        const uint8_t *at)
{
    return ntfs_check_attr_at(nc, attr,
                              (uint64_t)(at - attr->record->bytes) -
                                  (attr->at - attr->record->at));
}

/* CODE is so of the pair at AT, of ATTR, or of all of them. */
static void pair_tell(struct ntfs_check *nc, unsigned code,
                      const struct ntfs_attr *attr,
                      const struct ntfs_pair *pair, const uint8_t *at,
                      uint64_t clusters)
{
    uint64_t place = code == NTFS_CHECK_RUN_LENGTH
                         ? ntfs_check_attr_at(nc, attr, LAST_VCN_AT)
                         : pair_at(nc, attr, at);
    struct check_note note = {
        .object = SHALE_OBJECT_RECORD,
        .number = attr->record->number,
        .compared = code != NTFS_CHECK_RUN_CODING,
        .expected = attr->last_vcn + 1 - attr->first_vcn,
        .found = clusters,
    };

    if (code == NTFS_CHECK_RUN_RANGE) {
        note.expected = nc->cluster_count;
        note.found = pair->lcn;
        note.other = pair->lcn + pair->count - 1;
    }
    check_tell(nc->check, &ntfs_check_codes[code], place, &note);
}

/* Walk the runs of ATTR; with CLAIM take them. *WRONG is NTFS_CHECK_CODES, or
   what is, of PAIR, which begins at *AT. */
static int walk(struct ntfs_check *nc, const struct ntfs_attr *attr, bool claim,
                struct ntfs_check_extent *out, unsigned *wrong,
                struct ntfs_pair *pair, const uint8_t **at)
{
    struct span span = { attr->pairs, attr->pairs_length };
    uint64_t most = (uint64_t)INT64_MAX >> nc->vol->boot.cluster_shift;
    uint64_t vcn = attr->first_vcn, lcn = 0;
    bool behind_hole = false;
    const char *ignored;
    int more = 0, err = 0;

    *out = (struct ntfs_check_extent){ .clusters = 0 };
    *pair = (struct ntfs_pair){ .count = 0 };
    *wrong = NTFS_CHECK_CODES;
    *at = span.at;
    if (attr->first_vcn > most ||
        (attr->last_vcn != UINT64_MAX && attr->last_vcn >= most))
        *wrong = NTFS_CHECK_RUN_LENGTH;
    while (*wrong == NTFS_CHECK_CODES && !err &&
           (more = ntfs_pair_take(&span, &lcn, pair, &ignored)) > 0) {
        *wrong = pair_judge(nc, attr, pair, vcn);
        if (*wrong != NTFS_CHECK_CODES)
            break;
        if (claim && is_late(attr, pair, vcn, behind_hole))
            ntfs_check_differ(nc, NTFS_CHECK_UNIT_ORDER,
                              attr->record->number, pair_at(nc, attr, *at),
                              vcn & UINT64_MAX << attr->unit_shift, vcn);
        behind_hole = pair->lcn == NTFS_HOLE;
        if (!behind_hole) {
            if (claim)
                err = run_claim(nc, attr, pair, vcn);
            out->taken += pair->count;
        }
        vcn += pair->count;
        *at = span.at;
    }
    out->clusters = vcn - attr->first_vcn;
    if (more < 0)
        *wrong = NTFS_CHECK_RUN_CODING;
    else if (*wrong == NTFS_CHECK_CODES && vcn != attr->last_vcn + 1)
        *wrong = NTFS_CHECK_RUN_LENGTH;
    out->good = *wrong == NTFS_CHECK_CODES;
    return err;
}

int ntfs_check_runs(struct ntfs_check *nc, const struct ntfs_attr *attr,
                    struct ntfs_check_extent *out)
{
    struct ntfs_pair pair;
    const uint8_t *at;
    unsigned wrong;
    int err = walk(nc, attr, true, out, &wrong, &pair, &at);

    if (!err && !out->good)
        pair_tell(nc, wrong, attr, &pair, at, out->clusters);
    return err;
}

void ntfs_check_runs_count(struct ntfs_check *nc, const struct ntfs_attr *attr,
                           struct ntfs_check_extent *out)
{
    struct ntfs_pair pair;
    const uint8_t *at;
    unsigned wrong;

    walk(nc, attr, false, out, &wrong, &pair, &at);
}
