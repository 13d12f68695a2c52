/*
 * list.c - attribute lists, and attributes in several pieces
 *
 * A file whose attributes outgrow its record has a list of where they are. Each
 * entry has to mean an attribute that is there, in a record of that file; each
 * attribute has to be meant by one; and the pieces of one attribute follow each
 * other, the first saying how large they are together.
 *
 * For an extension record what is kept says how many attributes it has (links)
 * and how many of them lists mean (names): it has no links of its own.
 */
#include "memfn.h"
#include "ntfs/check/check.h"

/* Windows stops at 256 KiB. (Linux-NTFS, "$ATTRIBUTE_LIST") */
#define LIST_MAX   (256u << 10)
#define ENTRY_SIZE 26u          /* of one without a name */

#define ENTRY(name) NTFS_CHECK_FIELD(ntfs_disk_list_entry, name)
#define FIELD(name) NTFS_CHECK_FIELD(ntfs_disk_record, name)

/* A walk through one file's list. */
struct walk {
    struct ntfs_check *nc;
    const struct ntfs_record *base;
    const struct ntfs_stream *list;     /* NULL: it cannot be read */
    uint64_t value_at;          /* of a list that is in its record */
    const uint8_t *bytes;
    uint32_t length, offset;
    uint32_t entry_at;          /* the last entry's offset */
    uint32_t in_base;           /* entries that mean one in the base record */
    bool broken;                /* what is missing is no finding any more */

    struct ntfs_record *holder; /* the last extension record; or NULL */
    struct check_bits *lost;    /* those that are none of this file's */

    /* The attribute whose pieces come one after the other. */
    bool open;
    struct ntfs_attr first;     /* its name is in the list */
    uint64_t clusters, taken;
    bool sound;
};

/* An entry, decoded. */
struct entry {
    uint32_t type;
    uint16_t id;
    uint64_t first_vcn, record;
    const uint8_t *name;
    uint8_t name_length;
};

/* Byte OFFSET of the list is where on the volume? */
static uint64_t place_of(const struct walk *walk, uint32_t offset)
{
    if (!walk->list)
        return walk->value_at;
    return walk->list->resident
               ? walk->value_at + offset
               : ntfs_data_place(walk->nc->vol, walk->list, offset);
}

/* CODE is so of byte FIELD of the entry that is looked at. */
static void tell(struct walk *walk, unsigned code, uint32_t field,
                 uint64_t other)
{
    check_tell(walk->nc->check, &ntfs_check_codes[code],
               place_of(walk, walk->entry_at + field), &(struct check_note){
        .object = SHALE_OBJECT_RECORD, .number = walk->base->number,
        .other = other, .found = other,
    });
    walk->broken = true;
    walk->sound = false;
}

/* -------------------------------------------------------------- entries */

/* Take the next entry: 1, or 0 at the end or where none can be. */
static int entry_take(struct walk *walk, struct entry *out)
{
    const uint8_t *bytes = walk->bytes + walk->offset;
    const struct ntfs_disk_list_entry *raw =
        (const struct ntfs_disk_list_entry *)bytes;
    uint32_t left = walk->length - walk->offset, length;

    if (left == 0)
        return 0;
    walk->entry_at = walk->offset;
    length = left < ENTRY_SIZE ? 0 : le16_get(raw->length);
    if (length < ENTRY_SIZE || length > left ||
        (raw->name_length > 0 &&
         (raw->name_offset > length ||
          2u * raw->name_length > length - raw->name_offset))) {
        tell(walk, NTFS_CHECK_LIST_ENTRY, ENTRY(length), walk->offset);
        return 0;
    }
    walk->offset += length;
    *out = (struct entry){
        .type = le32_get(raw->type),
        .id = le16_get(raw->id),
        .first_vcn = le64_get(raw->first_vcn),
        .record = le64_get(raw->record),
        .name = bytes + raw->name_offset,
        .name_length = raw->name_length,
    };
    return 1;
}

/* Record NUMBER is none of this file's: that is told once, however many entries
   lead there. */
static int lost_tell(struct walk *walk, uint64_t number)
{
    uint64_t already = 0;
    int err = 0;

    if (!walk->lost) {
        walk->lost = check_bits_create(walk->nc->check,
                                       walk->nc->record_count);
        if (!walk->lost)
            return SHALE_ENOMEM;
    }
    if (number < walk->nc->record_count)
        err = check_bits_add(walk->lost, number, 1, &already);
    if (!err && already == 0)
        tell(walk, NTFS_CHECK_LIST_RECORD, ENTRY(record), number);
    return err;
}

/* The record that ENTRY says; *OUT is NULL, and it is told, if it is none of
   this file's. */
static int holder_find(struct walk *walk, const struct entry *entry,
                       const struct ntfs_record **out)
{
    struct ntfs_check *nc = walk->nc;
    uint64_t number = NTFS_REFERENCE_NUMBER(entry->record);
    uint16_t sequence = NTFS_REFERENCE_SEQUENCE(entry->record);
    struct ntfs_check_record kept;
    int err;

    if (number == walk->base->number) {
        *out = walk->base;
        return 0;
    }
    *out = walk->holder;
    if (walk->holder && walk->holder->number == number)
        return 0;
    ntfs_record_put(nc->vol, walk->holder);
    walk->holder = NULL;
    *out = NULL;
    kept = ntfs_check_kept(nc, number);
    err = SHALE_ECORRUPT;
    if (kept.flags & NTFS_CHECK_EXTENSION &&
        (sequence == 0 || sequence == kept.sequence))
        err = ntfs_record_get(nc->vol, number, &walk->holder);
    if (err == SHALE_ENOMEM)
        return err;
    if (!err && ntfs_check_file_of(walk->holder) != walk->base->number) {
        ntfs_record_put(nc->vol, walk->holder);
        walk->holder = NULL;
        err = SHALE_ECORRUPT;
    }
    *out = walk->holder;
    return err ? lost_tell(walk, number) : 0;
}

static bool is_meant(const struct entry *entry, const struct ntfs_attr *attr)
{
    return attr->type == entry->type && attr->id == entry->id &&
           (attr->resident ? 0 : attr->first_vcn) == entry->first_vcn &&
           attr->name_length == entry->name_length &&
           (attr->name_length == 0 ||
            memcmp(attr->name, entry->name, 2u * attr->name_length) == 0);
}

/* -------------------------------------------------------------- pieces */

/* Clusters of the piece ATTR, as runs.c has found them good or told. */
static void piece_count(struct walk *walk, const struct ntfs_attr *attr)
{
    struct ntfs_check_extent extent;

    ntfs_check_runs_count(walk->nc, attr, &extent);
    walk->clusters += extent.clusters;
    walk->taken += extent.taken;
    walk->sound &= extent.good;
}

/* All pieces of an attribute have been seen. */
static void pieces_end(struct walk *walk)
{
    if (walk->open && walk->sound)
        ntfs_check_sizes(walk->nc, &walk->first, walk->clusters,
                         walk->taken);
    walk->open = false;
}

/* The next piece, ATTR, which ENTRY means: of the same attribute, or not. */
static void piece_take(struct walk *walk, const struct entry *entry,
                       const struct ntfs_attr *attr)
{
    bool same = walk->open && walk->first.type == entry->type &&
                walk->first.name_length == entry->name_length &&
                memcmp(walk->first.name, entry->name,
                       2u * (size_t)entry->name_length) == 0;

    if (attr->resident) {
        pieces_end(walk);
        return;
    }
    if (!same || attr->first_vcn == 0) {
        pieces_end(walk);
        walk->open = true;
        walk->sound = true;
        walk->first = *attr;
        walk->first.name = entry->name;
        walk->first.record = walk->base;
        walk->clusters = 0;
        walk->taken = 0;
    }
    if (attr->first_vcn != walk->clusters && walk->sound)
        tell(walk, NTFS_CHECK_ATTR_PIECES, ENTRY(first_vcn),
             attr->first_vcn);
    piece_count(walk, attr);
}

/* Find what ENTRY means in HOLDER. */
static int attr_find(struct walk *walk, const struct entry *entry,
                     const struct ntfs_record *holder)
{
    uint32_t offset = holder->attrs;
    struct ntfs_attr attr;
    unsigned wrong;

    while (ntfs_check_attr_next(holder, &offset, &attr, &wrong) > 0) {
        if (!is_meant(entry, &attr))
            continue;
        piece_take(walk, entry, &attr);
        if (holder == walk->base) {
            walk->in_base++;
            return 0;
        }
        return ntfs_check_meant(walk->nc, holder->number);
    }
    tell(walk, NTFS_CHECK_LIST_ATTR, ENTRY(id), holder->number);
    return 0;
}

/* ---------------------------------------------------------------- a list */

static int walk_all(struct walk *walk)
{
    struct entry entry, last = { .type = 0 };
    const struct ntfs_record *holder;
    int err = 0;

    while (!err && entry_take(walk, &entry) > 0) {
        if (entry.type < last.type)
            tell(walk, NTFS_CHECK_LIST_ORDER, ENTRY(type), entry.type);
        last = entry;
        err = holder_find(walk, &entry, &holder);
        if (!err && holder)
            err = attr_find(walk, &entry, holder);
    }
    pieces_end(walk);
    ntfs_record_put(walk->nc->vol, walk->holder);
    check_bits_destroy(walk->lost);
    return err;
}

/* How many attributes has RECORD, the list itself not counted? */
static uint32_t attrs_count(const struct ntfs_record *record)
{
    uint32_t offset = record->attrs, count = 0;
    struct ntfs_attr attr;
    unsigned wrong;

    while (ntfs_check_attr_next(record, &offset, &attr, &wrong) > 0)
        count += attr.type != NTFS_ATTRIBUTE_LIST;
    return count;
}

/* Open the list that the base record of WALK has. 1, or 0 or an error if that
   cannot be. */
static int list_open(struct walk *walk, struct ntfs_stream *out)
{
    struct ntfs_check *nc = walk->nc;
    uint32_t offset = walk->base->attrs;
    struct ntfs_attr attr;
    unsigned wrong;
    int err;

    while (ntfs_check_attr_next(walk->base, &offset, &attr, &wrong) > 0) {
        if (attr.type != NTFS_ATTRIBUTE_LIST)
            continue;
        walk->value_at = attr.resident ? ntfs_check_value_at(nc, &attr)
                                       : ntfs_check_attr_at(nc, &attr, 0);
        err = ntfs_stream_begin(nc->vol, out, &attr);
        if (err)
            return err;
        err = ntfs_stream_end(nc->vol, out);
        if (err)
            ntfs_stream_close(nc->vol, out);
        return err ? err : 1;
    }
    return 0;
}

/* Is every attribute of the base record, but for the list, in the list? */
static void base_judge(struct walk *walk)
{
    uint32_t count = attrs_count(walk->base);

    if (count != walk->in_base)
        ntfs_check_differ(walk->nc, NTFS_CHECK_LIST_MISSING,
                          walk->base->number, walk->value_at, count,
                          walk->in_base);
}

/* Walk through LIST. False in *GOOD: it cannot be read. */
static int list_walk(struct walk *walk, const struct ntfs_stream *list,
                     bool *good)
{
    struct check *check = walk->nc->check;
    uint8_t *bytes;
    int err;

    *good = list->size > 0 && list->size <= LIST_MAX;
    if (!*good)
        return 0;
    walk->length = (uint32_t)list->size;
    bytes = check_alloc(check, walk->length);
    if (!bytes)
        return SHALE_ENOMEM;
    err = ntfs_stream_read(walk->nc->vol, list, 0, bytes, walk->length);
    if (err) {
        *good = false;
        err = err == SHALE_ENOMEM ? err : 0;
    } else {
        walk->bytes = bytes;
        walk->list = list;
        err = walk_all(walk);
    }
    check_free(check, bytes, walk->length);
    return err;
}

static int list_check(struct ntfs_check *nc, struct ntfs_record *record)
{
    struct walk walk = { .nc = nc, .base = record };
    struct ntfs_stream list;
    bool good = false;
    int err = 0, found;

    if (!ntfs_check_open(nc, record) || record->base)
        return 0;
    found = list_open(&walk, &list);
    if (found == SHALE_ENOMEM)
        return found;
    if (found > 0) {
        err = list_walk(&walk, &list, &good);
        if (!err && good && !walk.broken)
            base_judge(&walk);
        ntfs_stream_close(nc->vol, &list);
    }
    walk.list = NULL;
    if (!err && !good)
        tell(&walk, NTFS_CHECK_LIST_READ, 0, 0);
    return err || !walk.broken
               ? err : ntfs_check_mark(nc, record->number, NTFS_CHECK_DAMAGED);
}

/* ------------------------------------------------------ extension records */

/* The reference of the file that the extension record NUMBER says it is of. */
static int base_of(struct ntfs_check *nc, uint64_t number, uint64_t *out)
{
    struct ntfs_record *record;
    int err = ntfs_record_get(nc->vol, number, &record);

    *out = 0;
    if (err)
        return err == SHALE_ENOMEM ? err : 0;
    *out = record->base;
    ntfs_record_put(nc->vol, record);
    return 0;
}

/* Every extension record that the scan has found, and what lists say of it. */
static int extensions_check(struct ntfs_check *nc)
{
    uint64_t count = check_array_size(nc->records);
    int err = 0;

    for (uint64_t i = check_bits_next(nc->in_use, 0, true);
         i < count && !err; i = check_bits_next(nc->in_use, i + 1, true)) {
        struct ntfs_check_record kept = ntfs_check_kept(nc, i), base;
        uint64_t reference, number;

        err = check_going(nc->check);
        if (err || !(kept.flags & NTFS_CHECK_EXTENSION))
            continue;
        err = base_of(nc, i, &reference);
        if (err)
            break;
        number = NTFS_REFERENCE_NUMBER(reference);
        base = ntfs_check_kept(nc, number);
        if (base.flags & NTFS_CHECK_DAMAGED)
            continue;
        if (!(base.flags & NTFS_CHECK_IN_USE) ||
            !(base.flags & NTFS_CHECK_LIST) || kept.names == 0 ||
            NTFS_REFERENCE_SEQUENCE(reference) != base.sequence)
            check_tell(nc->check, &ntfs_check_codes[NTFS_CHECK_RECORD_BASE],
                       ntfs_check_at(nc, i, FIELD(base)),
                       &(struct check_note){
                .object = SHALE_OBJECT_RECORD, .number = i, .other = number,
            });
        else if (!(kept.flags & NTFS_CHECK_DAMAGED) &&
                 kept.names != kept.links)
            ntfs_check_differ(nc, NTFS_CHECK_LIST_MISSING, i,
                              ntfs_check_at(nc, i, FIELD(attrs_offset)),
                              kept.links, kept.names);
    }
    return err;
}

int ntfs_check_lists(struct ntfs_check *nc)
{
    int err = ntfs_check_scan(nc, "attribute lists", NTFS_CHECK_LIST,
                              list_check);

    return err ? err : extensions_check(nc);
}
