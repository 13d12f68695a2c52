/*
 * views.c - indexes of other things than names: $Secure, $ObjId, $Quota,
 * $Reparse, and whatever else a record has of that kind
 *
 * Each says itself how it is sorted. Two of them list files, those that have a
 * reparse point and those that have an object id: with the first scan's sets of
 * these they have to agree.
 */
#include "memfn.h"
#include "ntfs/check/check.h"
#include "ntfs/index.h"

/* An index that lists files. */
struct listing {
    char letter;                /* its name is $ and this */
    uint32_t collation;
    int64_t reference;          /* where in an entry's key; or, below 0, in its
                                   data */
    unsigned lost, stray;       /* codes */
};

static const struct listing listings[] = {
    /* key: tag, reference */
    { 'R', NTFS_COLLATE_ULONGS, 4,
      NTFS_CHECK_REPARSE_LOST, NTFS_CHECK_REPARSE_STRAY },
    /* key: the id; data: reference, and ids of its birth */
    { 'O', NTFS_COLLATE_ULONGS, -1,
      NTFS_CHECK_OBJECT_LOST, NTFS_CHECK_OBJECT_STRAY },
};

enum { LISTINGS = sizeof listings / sizeof listings[0] };

/* The set of files that should be in LISTING. */
static struct check_bits *files_of(struct ntfs_check *nc,
                                   const struct listing *listing)
{
    return listing->letter == 'R' ? nc->reparse : nc->objects;
}

/* Is the index that begins with ATTR called $ and LETTER? */
static bool is_called(const struct ntfs_attr *attr, char letter)
{
    const uint16_t name[] = { '$', (uint16_t)letter };

    return ntfs_attr_is(attr, NTFS_INDEX_ROOT, name, 2);
}

/* Is it the one of a directory? */
static bool is_of_names(const struct ntfs_attr *attr)
{
    static const uint16_t i30[] = { '$', 'I', '3', '0' };

    return ntfs_attr_is(attr, NTFS_INDEX_ROOT, i30, 4);
}

/* ----------------------------------------------------- what lists files */

struct listed {
    const struct listing *listing;
    struct check_bits *files;   /* that the index lists */
    bool broken;
};

static int entry_take(struct ntfs_tree *tree, const struct ntfs_entry *entry)
{
    struct listed *listed = tree->context;
    uint64_t at = (uint64_t)listed->listing->reference;
    uint32_t offset = le16_get(*(const le16 *)entry->bytes), end;
    uint64_t number;

    if (listed->listing->reference < 0) {
        at = offset;
        end = entry->length;
    } else {
        at += (uint64_t)(entry->key - entry->bytes);
        end = (uint32_t)(entry->key - entry->bytes) + entry->key_length;
    }
    if (at + sizeof(le64) > end) {
        ntfs_check_tell(tree->nc, NTFS_CHECK_VIEW_ENTRY, tree->record->number,
                        entry->at);
        return 0;
    }
    number = NTFS_REFERENCE_NUMBER(le64_get(*(const le64 *)
                                            (entry->bytes + at)));
    if (number < check_bits_size(listed->files))
        return check_bits_add(listed->files, number, 1, NULL);
    check_tell(tree->nc->check,
               &ntfs_check_codes[listed->listing->stray], entry->at,
               &(struct check_note){
        .object = SHALE_OBJECT_RECORD, .number = number,
    });
    return 0;
}

/* Files that are listed, against those that should be. */
static void listed_judge(struct ntfs_check *nc, const struct listed *listed)
{
    struct check_bits *have = files_of(nc, listed->listing);
    uint64_t count = check_bits_size(have);

    for (uint64_t i = check_bits_next(have, 0, true); i < count;
         i = check_bits_next(have, i + 1, true))
        if (!check_bits_has(listed->files, i))
            ntfs_check_tell(nc, listed->listing->lost, i, SHALE_NOWHERE);
    for (uint64_t i = check_bits_next(listed->files, 0, true); i < count;
         i = check_bits_next(listed->files, i + 1, true))
        if (!check_bits_has(have, i) && !ntfs_check_is_told(nc, i))
            ntfs_check_tell(nc, listed->listing->stray, i, SHALE_NOWHERE);
}

static int listing_check(struct ntfs_check *nc,
                         const struct ntfs_record *record,
                         const struct listing *listing, const uint16_t *name)
{
    struct listed listed = { .listing = listing };
    bool broken;
    int err;

    listed.files = check_bits_create(nc->check, nc->record_count);
    if (!listed.files)
        return SHALE_ENOMEM;
    err = ntfs_check_index(nc, record, name, 2, listing->collation,
                           entry_take, &listed, &broken);
    if (!err && !broken)
        listed_judge(nc, &listed);
    check_bits_destroy(listed.files);
    return err;
}

/* ------------------------------------------------------------- all of them */

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
    for (size_t i = 0; i < LISTINGS; i++)
        if (is_called(attr, listings[i].letter) &&
            le32_get(root->collation) == listings[i].collation)
            return listing_check(nc, record, &listings[i], name);
    return ntfs_check_index(nc, record, name, attr->name_length,
                            le32_get(root->collation), NULL, NULL, NULL);
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
