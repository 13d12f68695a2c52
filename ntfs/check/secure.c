/*
 * secure.c - $Secure: security descriptors, and the two ways to find them
 *
 *      $SDS   | hash, id, place, length | descriptor | to the next 16 | ...
 *      $SII   id        -> the same head
 *      $SDH   hash, id  -> the same head
 *
 * Each 256 KiB of $SDS are followed by a copy of them. Every entry of an index
 * has to lead to a head in $SDS that is the same, before a descriptor with that
 * hash; both indexes have the same entries; and the ids that files have are
 * among them. (libfsntfs, "Secure"; hash and copies as seen on volumes.)
 */
#include "memfn.h"
#include "ntfs/check/check.h"
#include "ntfs/index.h"

#define HEAD_SIZE  20u
#define COPY_AFTER (256u << 10)
#define LENGTH_MAX (64u << 10)  /* of a descriptor; Windows' own bound */

struct head {
    uint32_t hash, id, length;
    uint64_t at;
};

/* What the walks below have in common. */
struct secure {
    struct ntfs_stream sds;
    struct check_bits *ids;     /* that $SII has */
    uint64_t by_id, by_hash;    /* entries, and a sum of what they say */
    uint64_t sum_id, sum_hash;
    uint8_t *bytes, *copy;      /* LENGTH_MAX each */
};

static void tell(struct ntfs_check *nc, unsigned code, uint64_t at,
                 uint64_t id)
{
    check_tell(nc->check, &ntfs_check_codes[code], at, &(struct check_note){
        .object = SHALE_OBJECT_RECORD, .number = NTFS_SECURE, .other = id,
    });
}

static struct head head_get(const uint8_t *bytes)
{
    return (struct head){
        .hash = le32_get(*(const le32 *)bytes),
        .id = le32_get(*(const le32 *)(bytes + 4)),
        .at = le64_get(*(const le64 *)(bytes + 8)),
        .length = le32_get(*(const le32 *)(bytes + 16)),
    };
}

static bool is_same(const struct head *a, const struct head *b)
{
    return a->hash == b->hash && a->id == b->id && a->length == b->length &&
           a->at == b->at;
}

/* Each 32 bits are added, what was so far being turned left by three. */
static uint32_t descriptor_hash(const uint8_t *bytes, size_t len)
{
    uint32_t hash = 0;

    for (size_t i = 0; i + 4 <= len; i += 4)
        hash = le32_get(*(const le32 *)(bytes + i)) +
               (hash << 3 | hash >> 29);
    return hash;
}

/* --------------------------------------------------------------- $SDS */

/* Is there an equal copy of the descriptor that HEAD leads to? */
static int copy_check(struct ntfs_check *nc, struct secure *secure,
                      const struct head *head, uint64_t place)
{
    int err = SHALE_EIO;

    if (secure->sds.size - head->at >= (uint64_t)head->length + COPY_AFTER)
        err = ntfs_stream_fetch(nc->vol, &secure->sds, head->at + COPY_AFTER,
                                secure->copy, head->length);
    if (err == SHALE_ENOMEM)
        return err;
    if (err || memcmp(secure->bytes, secure->copy, head->length) != 0)
        tell(nc, NTFS_CHECK_SECURE_COPY, place, head->id);
    return check_going(nc->check);
}

/* The descriptor that HEAD leads to is the one that was meant: can it be? */
static void form_check(struct ntfs_check *nc, const struct secure *secure,
                       const struct head *head)
{
    struct check_note note = {
        .object = SHALE_OBJECT_RECORD, .number = NTFS_SECURE,
        .other = head->id,
    };
    size_t at;
    const char *wrong = ntfs_check_descriptor(secure->bytes + HEAD_SIZE,
                                              head->length - HEAD_SIZE, &at);

    if (!wrong)
        return;
    note.name = wrong + sizeof "ntfs: " - 1;
    while (note.name[note.len])
        note.len++;
    check_tell(nc->check, &ntfs_check_codes[NTFS_CHECK_SECURE_FORM],
               ntfs_data_place(nc->vol, &secure->sds,
                               head->at + HEAD_SIZE + at), &note);
}

/* Does HEAD, of an index, lead to a descriptor that is as it says? */
static int descriptor_check(struct ntfs_check *nc, struct secure *secure,
                            const struct head *head, uint64_t at)
{
    uint64_t place;
    struct head own;
    int err;

    if (head->length < HEAD_SIZE || head->length > LENGTH_MAX ||
        head->at > secure->sds.size ||
        head->length > secure->sds.size - head->at) {
        tell(nc, NTFS_CHECK_SECURE_PLACE, at, head->id);
        return 0;
    }
    place = ntfs_data_place(nc->vol, &secure->sds, head->at);
    err = ntfs_stream_fetch(nc->vol, &secure->sds, head->at, secure->bytes,
                            head->length);
    if (err == SHALE_ENOMEM)
        return err;
    if (err) {
        tell(nc, NTFS_CHECK_SECURE_PLACE, place, head->id);
        return 0;
    }
    own = head_get(secure->bytes);
    if (!is_same(&own, head))
        tell(nc, NTFS_CHECK_SECURE_HEAD, place, head->id);
    else if (descriptor_hash(secure->bytes + HEAD_SIZE,
                             head->length - HEAD_SIZE) != head->hash)
        tell(nc, NTFS_CHECK_SECURE_HASH, place, head->id);
    else
        form_check(nc, secure, head);
    return copy_check(nc, secure, head, place);
}

/* ------------------------------------------------------------- indexes */

/* The head that ENTRY leads to, behind its key of KEY bytes. */
static bool entry_head(const struct ntfs_entry *entry, uint32_t key,
                       struct head *out)
{
    uint32_t offset = le16_get(*(const le16 *)entry->bytes);
    uint32_t length = le16_get(*(const le16 *)(entry->bytes + 2));

    if (entry->key_length != key || length != HEAD_SIZE ||
        offset > entry->length || length > entry->length - offset)
        return false;
    *out = head_get(entry->bytes + offset);
    return true;
}

/* Something that two lists of the same heads have in common. */
static uint64_t stir(const struct head *head)
{
    uint64_t n = ((uint64_t)head->hash << 32 | head->id) ^
                 head->at * UINT64_C(0x9e3779b97f4a7c15) ^ head->length;

    n ^= n >> 30;
    n *= UINT64_C(0xbf58476d1ce4e5b9);
    return n ^ n >> 27;
}

static int by_id(struct ntfs_tree *tree, const struct ntfs_entry *entry)
{
    struct secure *secure = tree->context;
    struct head head;
    int err;

    if (!entry_head(entry, 4, &head) ||
        le32_get(*(const le32 *)entry->key) != head.id) {
        tell(tree->nc, NTFS_CHECK_SECURE_ENTRY, entry->at, 0);
        return 0;
    }
    secure->by_id++;
    secure->sum_id += stir(&head);
    err = head.id < check_bits_size(secure->ids)
              ? check_bits_add(secure->ids, head.id, 1, NULL) : 0;
    return err ? err : descriptor_check(tree->nc, secure, &head, entry->at);
}

static int by_hash(struct ntfs_tree *tree, const struct ntfs_entry *entry)
{
    struct secure *secure = tree->context;
    struct head head;

    if (!entry_head(entry, 8, &head) ||
        le32_get(*(const le32 *)entry->key) != head.hash ||
        le32_get(*(const le32 *)(entry->key + 4)) != head.id) {
        tell(tree->nc, NTFS_CHECK_SECURE_ENTRY, entry->at, 0);
        return 0;
    }
    secure->by_hash++;
    secure->sum_hash += stir(&head);
    return 0;
}

/* RECORD, of a file with a security id: tell if $Secure has not got it. */
static int id_judge(struct ntfs_check *nc, struct ntfs_record *record)
{
    uint32_t offset;
    struct ntfs_attr attr;
    unsigned wrong;

    if (!ntfs_check_open(nc, record))
        return 0;
    offset = record->attrs;
    while (ntfs_check_attr_next(record, &offset, &attr, &wrong) > 0) {
        const struct ntfs_disk_standard *raw = (const void *)attr.value;
        uint32_t id;

        if (attr.type != NTFS_STANDARD_INFORMATION || !attr.resident ||
            attr.value_length < sizeof *raw)
            continue;
        id = le32_get(raw->security_id);
        if (id != 0 && id < NTFS_CHECK_IDS && check_bits_has(nc->ids, id))
            check_tell(nc->check, &ntfs_check_codes[NTFS_CHECK_SECURE_ID],
                       ntfs_check_value_at(nc, &attr) +
                           NTFS_CHECK_FIELD(ntfs_disk_standard, security_id),
                       &(struct check_note){
                .object = SHALE_OBJECT_RECORD, .number = record->number,
                .other = id,
            });
    }
    return 0;
}

/* Ids that files have, and $Secure has not: only these stay in nc->ids. */
static int ids_check(struct ntfs_check *nc, struct secure *secure)
{
    uint64_t count = check_bits_size(nc->ids), at = 0;
    bool lost = false;
    int err = 0;

    while (!err && (at = check_bits_next(nc->ids, at, true)) < count) {
        if (check_bits_has(secure->ids, at))
            err = check_bits_remove(nc->ids, at, 1);
        else
            lost = true;
        at++;
    }
    return err || !lost ? err
                        : ntfs_check_scan(nc, "security ids",
                                          NTFS_CHECK_IN_USE, id_judge);
}

static int indexes_check(struct ntfs_check *nc,
                         const struct ntfs_record *record,
                         struct secure *secure)
{
    static const uint16_t sii[] = { '$', 'S', 'I', 'I' };
    static const uint16_t sdh[] = { '$', 'S', 'D', 'H' };
    int err = ntfs_check_index(nc, record, sii, 4, NTFS_COLLATE_ULONG, by_id,
                               secure, NULL);

    if (!err)
        err = ntfs_check_index(nc, record, sdh, 4, NTFS_COLLATE_SECURITY_HASH,
                               by_hash, secure, NULL);
    if (err)
        return err;
    if (ntfs_check_kept(nc, NTFS_SECURE).flags & NTFS_CHECK_PARTLY)
        return 0;               /* what it lacks may be there */
    if (secure->by_id != secure->by_hash)
        ntfs_check_differ(nc, NTFS_CHECK_SECURE_COUNT, NTFS_SECURE, record->at,
                          secure->by_id, secure->by_hash);
    else if (secure->sum_id != secure->sum_hash)
        ntfs_check_differ(nc, NTFS_CHECK_SECURE_DIFFERS, NTFS_SECURE,
                          record->at, 0, 0);
    return ids_check(nc, secure);
}

static int secure_check(struct ntfs_check *nc, const struct ntfs_record *record,
                        struct secure *secure)
{
    struct check *check = nc->check;
    int err = SHALE_ENOMEM;

    secure->ids = check_bits_create(check, check_bits_size(nc->ids));
    secure->bytes = check_alloc(check, 2 * (size_t)LENGTH_MAX);
    secure->copy = secure->bytes ? secure->bytes + LENGTH_MAX : NULL;
    if (secure->ids && secure->bytes)
        err = indexes_check(nc, record, secure);
    check_bits_destroy(secure->ids);
    check_free(check, secure->bytes, 2 * (size_t)LENGTH_MAX);
    return err;
}

int ntfs_check_secure(struct ntfs_check *nc)
{
    static const uint16_t sds[] = { '$', 'S', 'D', 'S' };
    struct secure secure = { .bytes = NULL };
    struct ntfs_record *record;
    int err, found;

    if (nc->vol->major < 3)
        return 0;               /* number 9 is $Quota then */
    err = ntfs_record_get(nc->vol, NTFS_SECURE, &record);
    if (err)
        return err == SHALE_ENOMEM ? err : 0;
    found = ntfs_stream_open(nc->vol, record, NTFS_DATA, sds, 4, &secure.sds);
    if (found > 0) {
        err = secure_check(nc, record, &secure);
        ntfs_stream_close(nc->vol, &secure.sds);
    } else if (found != SHALE_ENOMEM) {
        tell(nc, NTFS_CHECK_SECURE_SDS, ntfs_check_at(nc, NTFS_SECURE, 0), 0);
    } else {
        err = found;
    }
    ntfs_record_put(nc->vol, record);
    return err;
}
