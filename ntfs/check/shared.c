/*
 * shared.c - clusters that several attributes have: which, and whose
 *
 * The first scan only knows that some runs had a cluster that was taken
 * already, and whole runs of such were noted. Here the records are read again,
 * if that was so: once to learn which clusters of those runs are claimed more
 * than once, and once to tell each attribute that claims one.
 */
#include "ntfs/check/check.h"
#include "span.h"

/* What is done with COUNT candidates from LCN on, which ATTR has. */
typedef int stretch_fn(struct ntfs_check *nc, const struct ntfs_attr *attr,
                       uint64_t lcn, uint64_t count);

/* The stretches of PAIR, a run of ATTR, that are in nc->shared. */
static int pair_walk(struct ntfs_check *nc, const struct ntfs_attr *attr,
                     const struct ntfs_pair *pair, stretch_fn *each)
{
    uint64_t end = pair->lcn + pair->count, at = pair->lcn;
    int err = 0;

    while (!err && (at = check_bits_next(nc->shared, at, true)) < end) {
        uint64_t stop = check_bits_next(nc->shared, at, false);

        if (stop > end)
            stop = end;
        err = each(nc, attr, at, stop - at);
        at = stop;
    }
    return err;
}

/* The runs of ATTR, as far as runs.c has claimed them. */
static int attr_walk(struct ntfs_check *nc, const struct ntfs_attr *attr,
                     stretch_fn *each)
{
    struct span span = { attr->pairs, attr->pairs_length };
    uint64_t clusters = nc->cluster_count;
    uint64_t vcn = attr->first_vcn, lcn = 0;
    struct ntfs_pair pair;
    const char *ignored;
    int err = 0;

    if (attr->last_vcn == UINT64_MAX)
        return 0;
    while (!err && vcn <= attr->last_vcn &&
           ntfs_pair_take(&span, &lcn, &pair, &ignored) > 0) {
        if (pair.count == 0 || pair.count - 1 > attr->last_vcn - vcn ||
            (pair.lcn != NTFS_HOLE &&
             (pair.lcn >= clusters || pair.count > clusters - pair.lcn)))
            return 0;
        if (pair.lcn != NTFS_HOLE)
            err = pair_walk(nc, attr, &pair, each);
        vcn += pair.count;
    }
    return err;
}

static int record_walk(struct ntfs_check *nc, struct ntfs_record *record,
                       stretch_fn *each)
{
    struct ntfs_attr attr;
    uint32_t offset;
    unsigned wrong;
    int err = 0;

    if (!ntfs_check_open(nc, record))
        return 0;
    offset = record->attrs;
    while (!err &&
           ntfs_check_attr_next(record, &offset, &attr, &wrong) > 0)
        if (!attr.resident)
            err = attr_walk(nc, &attr, each);
    return err;
}

/* --------------------------------------------------------------- passes */

/* Those that are claimed here for the second time are shared. */
static int count_stretch(struct ntfs_check *nc, const struct ntfs_attr *attr,
                         uint64_t lcn, uint64_t count)
{
    int err = 0;

    (void)attr;
    for (uint64_t i = 0; i < count && !err; i++) {
        uint64_t already;

        err = check_bits_add(nc->once, lcn + i, 1, &already);
        if (!err && already > 0)
            err = check_bits_add(nc->twice, lcn + i, 1, NULL);
    }
    return err;
}

static int count_record(struct ntfs_check *nc, struct ntfs_record *record)
{
    return record_walk(nc, record, count_stretch);
}

static int tell_stretch(struct ntfs_check *nc, const struct ntfs_attr *attr,
                        uint64_t lcn, uint64_t count)
{
    uint32_t shift = nc->vol->boot.cluster_shift;

    check_tell(nc->check, &ntfs_check_codes[NTFS_CHECK_CLUSTER_SHARED],
               lcn << shift, &(struct check_note){
        .object = SHALE_OBJECT_RECORD,
        .number = ntfs_check_file_of(attr->record),
        .other = count, .found = lcn,
    });
    return 0;
}

static int tell_record(struct ntfs_check *nc, struct ntfs_record *record)
{
    return record_walk(nc, record, tell_stretch);
}

int ntfs_check_shared(struct ntfs_check *nc)
{
    uint64_t clusters = nc->cluster_count;
    int err;

    if (nc->shares == 0)
        return 0;
    nc->once = check_bits_create(nc->check, clusters);
    nc->twice = check_bits_create(nc->check, clusters);
    err = nc->once && nc->twice ? 0 : SHALE_ENOMEM;
    if (!err)
        err = ntfs_check_scan(nc, "shared clusters", NTFS_CHECK_IN_USE,
                              count_record);
    check_bits_destroy(nc->once);
    nc->once = NULL;
    if (!err) {
        check_bits_destroy(nc->shared);
        nc->shared = nc->twice;
        nc->twice = NULL;
        err = ntfs_check_scan(nc, "who shares them", NTFS_CHECK_IN_USE,
                              tell_record);
    }
    check_bits_destroy(nc->twice);
    nc->twice = NULL;
    return err;
}
