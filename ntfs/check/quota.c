/*
 * quota.c - $Quota: who may have how much, by number and by who it is
 *
 *      $Q   number -> | version 4 | flags 4 | used 8 | changed 8 |
 *                     | warn at 8 | limit 8 | exceeded 8 | SID |
 *      $O   SID    -> number
 *
 * Each owner that $Q has is in $O with the same number, and the other way
 * round. The first entry of $Q is for owners to come, and has none.
 * (Linux-NTFS, "$Quota")
 */
#include "ntfs/meta.h"
#include "ntfs/check/check.h"
#include "ntfs/index.h"

struct disk_limits {
    le32 version, flags;
    le64 used, changed, warning, limit, exceeded;
};

#define VERSION 2u
#define DELETED 0x0004u         /* flag: of an owner who is no more */

/* The rule WRONG is broken at AT, in ENTRY. */
static void tell(struct ntfs_tree *tree, const struct ntfs_entry *entry,
                 const void *at, const char *wrong)
{
    ntfs_check_rule(tree->nc, NTFS_CHECK_QUOTA_ENTRY, tree->record->number,
                    entry->at + (uint64_t)((const uint8_t *)at - entry->bytes),
                    wrong);
    ((struct ntfs_quota *)tree->context)->broken = true;
}

/* The data of ENTRY, and how much that is: NULL if it is not within it. */
static const uint8_t *data_of(const struct ntfs_entry *entry, uint32_t *length)
{
    uint32_t offset = le16_get(*(const le16 *)entry->bytes);

    *length = le16_get(*(const le16 *)(entry->bytes + 2));
    return offset <= entry->length && *length <= entry->length - offset
               ? entry->bytes + offset : NULL;
}

/* Something that is different for every owner, SID, of NUMBER. */
static uint64_t hash(const uint8_t *sid, size_t len, uint32_t number)
{
    uint64_t n = number * UINT64_C(0x9e3779b97f4a7c15);

    for (size_t i = 0; i < len; i++)
        n = (n ^ sid[i]) * UINT64_C(0x00000100000001b3);
    return n ^ n >> 29;
}

int ntfs_quota_limits(struct ntfs_tree *tree, const struct ntfs_entry *entry)
{
    struct ntfs_quota *quota = tree->context;
    uint32_t length;
    const uint8_t *data = data_of(entry, &length);
    const struct disk_limits *limits = (const void *)data;
    size_t sid;

    if (entry->key_length != sizeof(le32) || !data ||
        length < sizeof *limits) {
        tell(tree, entry, entry->bytes, "ntfs: it is cut short");
        return 0;
    }
    if (le32_get(limits->version) != VERSION) {
        tell(tree, entry, limits, "ntfs: a version that there is not");
        return 0;
    }
    if (length == sizeof *limits)
        return 0;
    sid = ntfs_sid_length(data + sizeof *limits, length - sizeof *limits);
    if (sid == 0) {
        tell(tree, entry, limits + 1, "ntfs: an owner that is none");
        return 0;
    }
    quota->broken |= le32_get(limits->flags) & DELETED;
    quota->count++;
    quota->sum += hash(data + sizeof *limits, sid,
                       le32_get(*(const le32 *)entry->key));
    return 0;
}

int ntfs_quota_owner(struct ntfs_tree *tree, const struct ntfs_entry *entry)
{
    struct ntfs_quota *quota = tree->context;
    uint32_t length;
    const uint8_t *data = data_of(entry, &length);

    if (entry->key_length == 0 ||
        ntfs_sid_length(entry->key, entry->key_length) != entry->key_length) {
        tell(tree, entry, entry->key, "ntfs: an owner that is none");
    } else if (!data || length < sizeof(le32)) {
        tell(tree, entry, entry->bytes, "ntfs: it is cut short");
    } else {
        quota->owners++;
        quota->sum -= hash(entry->key, entry->key_length,
                           le32_get(*(const le32 *)data));
    }
    return 0;
}

void ntfs_quota_judge(struct ntfs_check *nc, const struct ntfs_record *record,
                      const struct ntfs_quota *quota)
{
    if (!quota->broken && quota->sum != 0)
        ntfs_check_differ(nc, NTFS_CHECK_QUOTA_OWNER, record->number,
                          quota->at == SHALE_NOWHERE ? record->at : quota->at,
                          quota->count, quota->owners);
}
