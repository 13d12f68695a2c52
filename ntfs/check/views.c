/*
 * views.c - indexes of other things than names: $Secure, $ObjId, $Quota,
 * $Reparse, and whatever else a record has of that kind
 *
 * Each says itself how it is sorted. Two of them list files, those that have a
 * reparse point and those that have an object id: with the first scan's sets of
 * these they have to agree, and in the sum of what they say: which tag, which
 * id, which use of the record. If they do not, each entry is held against the
 * file's attribute.
 */
#include "memfn.h"
#include "ntfs/check/check.h"
#include "ntfs/index.h"

/* An index that lists files. */
struct listing {
    char letter;                /* its name is $ and this */
    uint32_t collation, type;   /* type: of the attribute that the files have */
    uint32_t says;              /* bytes of that, at its start and the key's */
    int64_t reference;          /* where in an entry's key; or, below 0, in its
                                   data */
    unsigned lost, stray, other;        /* codes */
};

static const struct listing listings[] = {
    /* key: tag, reference */
    { 'R', NTFS_COLLATE_ULONGS, NTFS_REPARSE_POINT, 4, 4,
      NTFS_CHECK_REPARSE_LOST, NTFS_CHECK_REPARSE_STRAY,
      NTFS_CHECK_REPARSE_OTHER },
    /* key: the id; data: reference, and ids of its birth */
    { 'O', NTFS_COLLATE_ULONGS, NTFS_OBJECT_ID, 16, -1,
      NTFS_CHECK_OBJECT_LOST, NTFS_CHECK_OBJECT_STRAY,
      NTFS_CHECK_OBJECT_OTHER },
};

#define VALUE_MAX (64u << 10)   /* of an attribute that is listed */

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

/* That REFERENCE has the LEN bytes at BYTES. */
static uint64_t hash(const uint8_t *bytes, size_t len, uint64_t reference)
{
    uint64_t n = reference * UINT64_C(0x9e3779b97f4a7c15);

    for (size_t i = 0; i < len; i++)
        n = (n ^ bytes[i]) * UINT64_C(0x00000100000001b3);
    n ^= n >> 30;
    n *= UINT64_C(0xbf58476d1ce4e5b9);
    return n ^ n >> 27;
}

uint64_t ntfs_check_listed_hash(const struct ntfs_attr *attr,
                                uint64_t reference)
{
    for (size_t i = 0; i < LISTINGS; i++)
        if (listings[i].type == attr->type && attr->resident &&
            attr->value_length >= listings[i].says)
            return hash(attr->value, listings[i].says, reference);
    return 1;                   /* what no entry says: a closer look */
}

struct listed {
    const struct listing *listing;
    struct check_bits *files;   /* that the index lists */
    uint64_t sum;               /* of hashes of its entries */
};

/* The file that ENTRY means: False if it has no room for one, or for what it
   should say of it. */
static bool reference_get(const struct listing *listing,
                          const struct ntfs_entry *entry, uint64_t *out)
{
    uint32_t key = (uint32_t)(entry->key - entry->bytes);
    uint32_t at = key + (uint32_t)listing->reference;
    uint32_t end = key + entry->key_length;

    if (listing->reference < 0) {
        at = le16_get(*(const le16 *)entry->bytes);
        end = entry->length;
    }
    if (entry->key_length < listing->says || at + sizeof(le64) > end)
        return false;
    *out = le64_get(*(const le64 *)(entry->bytes + at));
    return true;
}

static int entry_take(struct ntfs_tree *tree, const struct ntfs_entry *entry)
{
    struct listed *listed = tree->context;
    const struct listing *listing = listed->listing;
    struct check_bits *have = files_of(tree->nc, listing);
    uint64_t reference, number;

    if (!reference_get(listing, entry, &reference)) {
        ntfs_check_tell(tree->nc, NTFS_CHECK_VIEW_ENTRY, tree->record->number,
                        entry->at);
        return 0;
    }
    number = NTFS_REFERENCE_NUMBER(reference);
    listed->sum += hash(entry->key, listing->says, reference);
    if (!check_bits_has(have, number) &&
        !ntfs_check_is_told(tree->nc, number))
        ntfs_check_tell(tree->nc, listing->stray, number, entry->at);
    return check_bits_add(listed->files, number, 1, NULL);
}

/* Does ENTRY say of its file what that says? */
static int entry_compare(struct ntfs_tree *tree, const struct ntfs_entry *entry)
{
    const struct listing *listing = tree->context;
    uint64_t reference, number;
    struct ntfs_record *record;
    struct ntfs_value value;
    bool same = true;
    int err;

    if (!reference_get(listing, entry, &reference))
        return 0;
    number = NTFS_REFERENCE_NUMBER(reference);
    if (!check_bits_has(files_of(tree->nc, listing), number))
        return 0;
    err = ntfs_record_get(tree->nc->vol, number, &record);
    if (err)
        return err == SHALE_ENOMEM ? err : 0;
    err = ntfs_value_get(tree->nc->vol, record, listing->type, NULL, 0,
                         VALUE_MAX, &value);
    if (err > 0) {
        same = value.length < listing->says ||
               (memcmp(value.bytes, entry->key, listing->says) == 0 &&
                NTFS_REFERENCE_SEQUENCE(reference) == record->sequence);
        ntfs_value_put(tree->nc->vol, &value);
    }
    ntfs_record_put(tree->nc->vol, record);
    if (!same)
        ntfs_check_tell(tree->nc, listing->other, number,
                        entry->at + (uint64_t)(entry->key - entry->bytes));
    return err == SHALE_ENOMEM ? err : 0;
}

/* Files that should be listed, and are not. */
static int listed_judge(struct ntfs_check *nc, const struct listed *listed)
{
    struct check_bits *have = files_of(nc, listed->listing);
    uint64_t count = check_bits_size(have), at;
    int err = 0;

    for (uint64_t i = check_bits_next(have, 0, true); i < count && !err;
         i = check_bits_next(have, i + 1, true)) {
        if (check_bits_has(listed->files, i))
            continue;
        err = ntfs_check_find(nc, i, listed->listing->type, &at);
        if (!err)
            ntfs_check_tell(nc, listed->listing->lost, i, at);
    }
    return err;
}

static int listing_check(struct ntfs_check *nc,
                         const struct ntfs_record *record,
                         const struct listing *listing, const uint16_t *name)
{
    struct listed listed = { .listing = listing };
    uint64_t sum = listing->letter == 'R' ? nc->reparse_sum : nc->objects_sum;
    bool broken;
    int err;

    check_array_lock(nc->records);
    nc->listings |= 1u << (listing - listings);
    check_array_unlock(nc->records);
    listed.files = check_bits_create(nc->check, nc->record_count);
    if (!listed.files)
        return SHALE_ENOMEM;
    err = ntfs_check_index(nc, record, name, 2, listing->collation,
                           entry_take, &listed, &broken);
    if (!err && !broken)
        err = listed_judge(nc, &listed);
    check_bits_destroy(listed.files);
    if (err || listed.sum == sum)
        return err;
    return ntfs_check_reread(nc, record, name, 2, listing->collation,
                             entry_compare, (void *)(uintptr_t)listing);
}

/* ------------------------------------------------------------- all of them */

/* How is the index that begins with ATTR to be sorted? In $Extend we know, from
   its name and whether it is one of $QUOTA; else it says so itself. */
static uint32_t collation_of(const struct ntfs_attr *attr, bool quota)
{
    const struct ntfs_disk_index_root *root = (const void *)attr->value;

    if (!(attr->record->flags & NTFS_RECORD_EXTEND))
        return le32_get(root->collation);
    if (is_called(attr, 'Q'))
        return NTFS_COLLATE_ULONG;
    if (is_called(attr, 'O'))
        return quota ? NTFS_COLLATE_SID : NTFS_COLLATE_ULONGS;
    return is_called(attr, 'R') ? NTFS_COLLATE_ULONGS
                                : le32_get(root->collation);
}

static int view_check(struct ntfs_check *nc, const struct ntfs_record *record,
                      const struct ntfs_attr *attr, struct ntfs_quota *quota)
{
    const struct ntfs_disk_index_root *root = (const void *)attr->value;
    uint16_t name[NTFS_NAME_UNITS];
    uint32_t collation;

    if (attr->value_length < sizeof *root) {
        ntfs_check_tell(nc, NTFS_CHECK_INDEX_ROOT, record->number, attr->at);
        return 0;
    }
    for (size_t i = 0; i < attr->name_length; i++)
        name[i] = le16_get(((const le16 *)attr->name)[i]);
    collation = collation_of(attr, quota->limits);
    for (size_t i = 0; i < LISTINGS; i++)
        if (is_called(attr, listings[i].letter) &&
            collation == listings[i].collation)
            return listing_check(nc, record, &listings[i], name);
    if (is_called(attr, 'Q') && collation == NTFS_COLLATE_ULONG)
        return ntfs_check_index(nc, record, name, 2, collation,
                                ntfs_quota_limits, quota, NULL);
    if (is_called(attr, 'O') && collation == NTFS_COLLATE_SID) {
        quota->at = attr->at;
        return ntfs_check_index(nc, record, name, 2, collation,
                                ntfs_quota_owner, quota, NULL);
    }
    return ntfs_check_index(nc, record, name, attr->name_length, collation,
                            NULL, NULL, NULL);
}

/* Is there an index $Q in the base record: is this $Quota? */
static bool is_quota(const struct ntfs_record *record)
{
    uint32_t offset = record->attrs;
    struct ntfs_attr attr;
    unsigned wrong;

    while (ntfs_check_attr_next(record, &offset, &attr, &wrong) > 0)
        if (is_called(&attr, 'Q'))
            return true;
    return false;
}

static int record_check(struct ntfs_check *nc, struct ntfs_record *record)
{
    struct ntfs_quota quota = { .at = SHALE_NOWHERE };
    struct ntfs_walk walk;
    const struct ntfs_attr *attr = &walk.attr;
    int more, err = 0;

    if (!ntfs_check_open(nc, record) || record->base)
        return 0;
    more = ntfs_walk_begin(nc->vol, record, NTFS_INDEX_ROOT, &walk);
    if (more)
        return more == SHALE_ENOMEM ? more : 0;     /* list.c has told */
    quota.limits = is_quota(record);
    while (!err && (more = ntfs_walk_next(&walk)) > 0)
        if (attr->resident && !is_of_names(attr))
            err = view_check(nc, record, attr, &quota);
    ntfs_walk_end(&walk);
    if (!err && more == 0)
        ntfs_quota_judge(nc, record, &quota);
    return err ? err : more == SHALE_ENOMEM ? more : 0;
}

int ntfs_check_views(struct ntfs_check *nc)
{
    int err = ntfs_check_scan(nc, "other indexes", NTFS_CHECK_VIEW,
                              record_check);

    /* Where there is no index, nothing is in it; if it is not in what cannot be
       read. */
    for (unsigned i = 0; i < LISTINGS && !err && nc->vol->major >= 3; i++) {
        struct listed none = { .listing = &listings[i] };

        if (nc->listings >> i & 1 || nc->damaged ||
            check_bits_sum(nc->unread, 0, nc->record_count) > 0)
            continue;
        none.files = check_bits_create(nc->check, nc->record_count);
        err = none.files ? listed_judge(nc, &none) : SHALE_ENOMEM;
        check_bits_destroy(none.files);
    }
    return err;
}
