/*
 * views.c - indexes of other things than names: $Secure, $ObjId, $Quota,
 * $Reparse, and whatever else a record has of that kind
 *
 * Each says itself how it is sorted.
 */
#include "memfn.h"
#include "ntfs/check/check.h"
#include "ntfs/index.h"

/* Is the index that begins with ATTR the one of a directory? */
static bool is_of_names(const struct ntfs_attr *attr)
{
    static const uint16_t i30[] = { '$', 'I', '3', '0' };

    return ntfs_attr_is(attr, NTFS_INDEX_ROOT, i30, 4);
}

static int view_check(struct ntfs_check *nc, const struct ntfs_record *record,
                      const struct ntfs_attr *attr)
{
    const struct ntfs_disk_index_root *root = (const void *)attr->value;
    uint16_t name[NTFS_NAME_UNITS];

    if (attr->value_length < sizeof *root) {
        ntfs_check_tell(nc, NTFS_CHECK_INDEX_ROOT, record->number, attr->at);
        return 0;
    }
    for (size_t i = 0; i < attr->name_length; i++)
        name[i] = le16_get(((const le16 *)attr->name)[i]);
    return ntfs_check_index(nc, record, name, attr->name_length,
                            le32_get(root->collation), NULL, NULL);
}

static int record_check(struct ntfs_check *nc, struct ntfs_record *record)
{
    struct ntfs_walk walk;
    struct ntfs_attr attr;
    int more, err = 0;

    if (!ntfs_check_open(nc, record) || record->base)
        return 0;
    more = ntfs_walk_begin(nc->vol, record, &walk);
    if (more)
        return more == SHALE_ENOMEM ? more : 0;     /* list.c has told */
    walk.only = NTFS_INDEX_ROOT;
    while (!err && (more = ntfs_walk_next(&walk, &attr)) > 0)
        if (attr.resident && !is_of_names(&attr))
            err = view_check(nc, record, &attr);
    ntfs_walk_end(&walk);
    return err ? err : more == SHALE_ENOMEM ? more : 0;
}

int ntfs_check_views(struct ntfs_check *nc)
{
    return ntfs_check_scan(nc, "other indexes", NTFS_CHECK_VIEW,
                           record_check);
}
