/*
 * record.c - one record of the MFT, and the attributes in it
 *
 * A record that is free and torn is nobody's loss: nothing is told of it. One
 * in use whose head cannot be believed counts as not there, so that its file's
 * clusters show up as lost; where an attribute in it cannot be understood, what
 * is missing behind it is no finding of its own.
 */
#include "memfn.h"
#include "ntfs/check/check.h"
#include "ntfs/index.h"

#define FIELD(name) NTFS_CHECK_FIELD(ntfs_disk_record, name)
#define ATTR(name)  NTFS_CHECK_FIELD(ntfs_disk_attr, name)
#define NAME(name)  NTFS_CHECK_FIELD(ntfs_disk_name, name)

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

bool ntfs_check_is_told(struct ntfs_check *nc, uint64_t number)
{
    return ntfs_check_kept(nc, number).flags & NTFS_CHECK_DAMAGED ||
           check_bits_has(nc->unread, number);
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

/* ------------------------------------------------------- the attributes */

/* What has been seen of a record's attributes. */
struct seen {
    struct ntfs_attr last;      /* type 0: there was none */
    uint64_t encrypted_at;      /* of data that is; 0: there is none */
    bool keyed;                 /* by $EFS */
    struct ntfs_attr eas, sizes;        /* EAs, and what says how large they
                                   are; type 0: none */
    uint32_t standards;
    uint32_t total;             /* of attributes */
    uint32_t count;
    uint16_t ids[32];           /* of the first ones */
    uint8_t *more;              /* a bit for each id, where there are more */
    uint16_t highest;
    uint64_t reparse, objects;  /* what the indexes of those should say */
    struct ntfs_check_record kept;
};

#define IDS (sizeof((struct seen *)0)->ids / sizeof(uint16_t))
#define ID_BYTES (65536u / 8)

/* Has an attribute had ID before? */
static int id_take(struct ntfs_check *nc, struct seen *seen, uint16_t id,
                   bool *before)
{
    *before = false;
    if (id > seen->highest)
        seen->highest = id;
    if (seen->count < IDS) {
        for (uint32_t i = 0; i < seen->count; i++)
            *before |= seen->ids[i] == id;
        seen->ids[seen->count++] = id;
        return 0;
    }
    if (!seen->more) {
        seen->more = check_zalloc(nc->check, ID_BYTES);
        if (!seen->more)
            return SHALE_ENOMEM;
        for (uint32_t i = 0; i < IDS; i++)
            seen->more[seen->ids[i] / 8] |= (uint8_t)(1u << seen->ids[i] % 8);
    }
    *before = seen->more[id / 8] >> id % 8 & 1;
    seen->more[id / 8] |= (uint8_t)(1u << id % 8);
    return 0;
}

/* NAME is one of a directory, whose parent is kept: there is but one that is
   not of the name space DOS. */
static int parent_take(struct ntfs_check *nc, const struct ntfs_record *record,
                       const struct ntfs_name *name)
{
    uint64_t file = ntfs_check_file_of(record), *at;
    bool again = false;

    if (!(record->flags & NTFS_RECORD_DIRECTORY) ||
        name->space == NTFS_DOS || file >= check_array_size(nc->parents))
        return 0;
    check_array_lock(nc->parents);
    at = check_array_at(nc->parents, file, true);
    if (at && *at == 0)
        *at = name->parent;
    else
        again = true;
    check_array_unlock(nc->parents);
    if (at && again)
        return ntfs_check_mark(nc, file, NTFS_CHECK_AGAIN);
    return at ? 0 : SHALE_ENOMEM;
}

/* Take note of a name, ATTR. */
static int name_take(struct ntfs_check *nc, const struct ntfs_attr *attr,
                      struct seen *seen)
{
    const struct ntfs_record *record = attr->record;
    struct ntfs_name name;
    const char *wrong = attr->resident
                            ? ntfs_name_decode(attr->value,
                                               attr->value_length, &name)
                            : NULL;

    if (!attr->resident)
        return 0;               /* which has been told */
    if (wrong) {
        ntfs_check_rule(nc, NTFS_CHECK_ATTR_FILE_NAME, record->number,
                        ntfs_check_value_at(nc, attr) + NAME(length), wrong);
        seen->kept.flags |= NTFS_CHECK_DAMAGED;
        return 0;
    }
    wrong = ntfs_check_name(&name, attr->value_length);
    if (wrong)
        ntfs_check_rule(nc, NTFS_CHECK_ATTR_FILE_NAME, record->number,
                        ntfs_check_value_at(nc, attr) + NAME(length), wrong);
    seen->kept.flags |= name.flags & NTFS_NAME_IS_DIRECTORY
                            ? NTFS_CHECK_NAMED_SO : NTFS_CHECK_NAMED_NOT;
    seen->kept.names++;
    seen->kept.sum += ntfs_check_name_hash(ntfs_check_file_of(record), &name);
    return parent_take(nc, record, &name);
}

/* Take note of times, flags and owner, ATTR. */
static int standard_take(struct ntfs_check *nc, const struct ntfs_attr *attr,
                         struct seen *seen)
{
    const struct ntfs_disk_standard *raw = (const void *)attr->value;
    uint32_t id;

    if (!attr->resident)
        return 0;               /* which has been told */
    if (attr->value_length < offsetof(struct ntfs_disk_standard, owner_id))
        return 0;
    seen->standards++;
    if (le32_get(raw->flags) & NTFS_FILE_REPARSE)
        seen->kept.flags |= NTFS_CHECK_LINKED;
    if (attr->value_length < sizeof *raw)
        return 0;
    id = le32_get(raw->security_id);
    return id == 0 || id >= NTFS_CHECK_IDS
               ? 0 : check_bits_add(nc->ids, id, 1, NULL);
}

/* Take note of a reparse point or an object id, ATTR, and in *SUM of what an
   index should say of it. */
static int listed_take(const struct ntfs_attr *attr, struct check_bits *files,
                       uint64_t *sum)
{
    const struct ntfs_record *record = attr->record;
    uint64_t reference = record->base
                             ? record->base
                             : record->number |
                                   (uint64_t)record->sequence << 48;

    *sum += ntfs_check_listed_hash(attr, reference);
    return check_bits_add(files, ntfs_check_file_of(record), 1, NULL);
}

/* The size of the unnamed data, which ATTR is or begins. */
static int size_take(struct ntfs_check *nc, const struct ntfs_attr *attr)
{
    uint64_t file = ntfs_check_file_of(attr->record), *at;
    uint64_t size = attr->resident ? attr->value_length : attr->size;

    if (attr->name_length > 0 || file >= check_array_size(nc->sizes) ||
        (!attr->resident && attr->first_vcn != 0))
        return 0;
    check_array_lock(nc->sizes);
    at = check_array_at(nc->sizes, file, true);
    if (at)
        *at = size + 1;
    check_array_unlock(nc->sizes);
    return at ? 0 : SHALE_ENOMEM;
}

static bool is_named_i30(const struct ntfs_attr *attr)
{
    static const uint16_t i30[] = { '$', 'I', '3', '0' };

    return ntfs_attr_is(attr, NTFS_INDEX_ROOT, i30, 4);
}

static bool is_key(const struct ntfs_attr *attr)
{
    static const uint16_t efs[] = { '$', 'E', 'F', 'S' };

    return ntfs_attr_is(attr, NTFS_LOGGED_UTILITY_STREAM, efs, 4);
}

/* Take note of what is kept of ATTR. */
static int by_type(struct ntfs_check *nc, const struct ntfs_attr *attr,
                   struct seen *seen)
{
    switch (attr->type) {
    case NTFS_STANDARD_INFORMATION:
        return standard_take(nc, attr, seen);
    case NTFS_ATTRIBUTE_LIST:
        seen->kept.flags |= NTFS_CHECK_LIST;
        return 0;
    case NTFS_FILE_NAME:
        return name_take(nc, attr, seen);
    case NTFS_DATA:
        if (attr->flags & NTFS_ATTR_ENCRYPTED)
            seen->encrypted_at = ntfs_check_attr_at(nc, attr, ATTR(flags));
        return size_take(nc, attr);
    case NTFS_LOGGED_UTILITY_STREAM:
        seen->keyed |= is_key(attr);
        return 0;
    case NTFS_EA:
        seen->eas = *attr;
        return 0;
    case NTFS_EA_INFORMATION:
        seen->sizes = *attr;
        return 0;
    case NTFS_REPARSE_POINT:
        return listed_take(attr, nc->reparse, &seen->reparse);
    case NTFS_OBJECT_ID:
        return listed_take(attr, nc->objects, &seen->objects);
    case NTFS_INDEX_ROOT:
        seen->kept.flags |= is_named_i30(attr) ? NTFS_CHECK_DIRECTORY
                                               : NTFS_CHECK_VIEW;
        return 0;
    default:
        return 0;
    }
}

/* Is ATTR the same attribute as LAST, and no further piece of it? Of names a
   file may have many; what says times and flags is counted. */
static bool is_twice(const struct ntfs_attr *last, const struct ntfs_attr *attr)
{
    return attr->type == last->type && attr->type != NTFS_FILE_NAME &&
           attr->type != NTFS_STANDARD_INFORMATION &&
           (attr->resident || attr->first_vcn == 0) &&
           attr->name_length == last->name_length &&
           (attr->name_length == 0 ||
            memcmp(attr->name, last->name, 2u * attr->name_length) == 0);
}

/* One attribute of a record, among the others. */
static int attr_take(struct ntfs_check *nc, const struct ntfs_attr *attr,
                     struct seen *seen)
{
    uint64_t number = attr->record->number;
    bool before;
    int err = id_take(nc, seen, attr->id, &before);

    if (err)
        return err;
    if (before)
        ntfs_check_differ(nc, NTFS_CHECK_ATTR_ID, number,
                          ntfs_check_attr_at(nc, attr, ATTR(id)), attr->id,
                          attr->id);
    if (attr->type < seen->last.type)
        ntfs_check_differ(nc, NTFS_CHECK_ATTR_ORDER, number,
                          ntfs_check_attr_at(nc, attr, ATTR(type)),
                          seen->last.type, attr->type);
    if (is_twice(&seen->last, attr))
        ntfs_check_differ(nc, NTFS_CHECK_ATTR_TWICE, number,
                          ntfs_check_attr_at(nc, attr, 0), attr->type,
                          attr->type);
    seen->last = *attr;
    seen->total++;
    err = by_type(nc, attr, seen);
    return err ? err : ntfs_check_attr(nc, attr,
                                       seen->kept.flags & NTFS_CHECK_LIST ||
                                           attr->record->base);
}

/* All attributes of RECORD. */
static int attrs_check(struct ntfs_check *nc, const struct ntfs_record *record,
                       struct seen *seen)
{
    uint32_t offset = record->attrs;
    struct ntfs_attr attr;
    unsigned wrong;
    int more, err = 0;

    while (!err && (more = ntfs_check_attr_next(record, &offset, &attr,
                                                &wrong)) != 0) {
        if (more < 0) {
            ntfs_check_tell(nc, wrong, record->number,
                            ntfs_check_attr_at(nc, &attr, 0));
            seen->kept.flags |= NTFS_CHECK_DAMAGED;
            return 0;
        }
        err = attr_take(nc, &attr, seen);
    }
    if (!err)
        ntfs_check_used(nc, record, offset);
    return err;
}

/* What a record lacks, or has too often. */
static void attrs_judge(struct ntfs_check *nc, const struct ntfs_record *record,
                        const struct seen *seen)
{
    uint16_t next = le16_get(head_of(record)->next_id);

    if (seen->count > 0 && next <= seen->highest && next != 0)
        ntfs_check_differ(nc, NTFS_CHECK_RECORD_NEXT_ID, record->number,
                          ntfs_check_at(nc, record->number, FIELD(next_id)),
                          next, seen->highest);
    if (seen->kept.flags & NTFS_CHECK_DAMAGED || record->base)
        return;
    if (seen->standards != 1)
        ntfs_check_differ(nc, NTFS_CHECK_ATTR_STANDARD, record->number,
                          record->at, 1, seen->standards);
    if (seen->kept.flags & NTFS_CHECK_LIST)
        return;                 /* the rest may be elsewhere */
    if (seen->encrypted_at && !seen->keyed)
        ntfs_check_tell(nc, NTFS_CHECK_FILE_KEY, record->number,
                        seen->encrypted_at);
    if (seen->eas.type || seen->sizes.type)
        ntfs_check_eas(nc, record, &seen->eas, &seen->sizes);
}

/* ------------------------------------------------------------ the record */

/* What SEEN has of RECORD, which is in use, is kept. */
static int seen_keep(struct ntfs_check *nc, const struct ntfs_record *record,
                     struct seen *seen)
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
    struct seen seen = { .count = 0 };
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
    err = attrs_check(nc, record, &seen);
    check_free(nc->check, seen.more, seen.more ? ID_BYTES : 0);
    if (err)
        return err;
    attrs_judge(nc, record, &seen);
    return seen_keep(nc, record, &seen);
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
