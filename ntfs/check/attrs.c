/*
 * attrs.c - the attributes of a record, among each other
 *
 * Their order, their numbers, which there has to be or cannot be without
 * another; and of each what is kept of the file, or has to be known of all
 * files at the end.
 */
#include "memfn.h"
#include "ntfs/check/check.h"
#include "ntfs/index.h"

#define FIELD(name) NTFS_CHECK_FIELD(ntfs_disk_record, name)
#define ATTR(name)  NTFS_CHECK_FIELD(ntfs_disk_attr, name)
#define NAME(name)  NTFS_CHECK_FIELD(ntfs_disk_name, name)

/* What has been seen of a record's attributes. */
struct seen {
    uint32_t type;              /* of the last one; 0: there was none */
    const uint8_t *name;        /* ... and its name */
    uint8_t name_length;
    uint64_t encrypted_at;      /* of data that is; 0: there is none */
    bool keyed;                 /* by $EFS */
    struct ntfs_attr eas, sizes;        /* EAs, and what says how large they
                                   are; type 0: none */
    uint32_t standards;
    uint32_t count;             /* of ids: */
    uint16_t ids[32];           /* of the first ones */
    uint8_t *more;              /* a bit for each id, where there are more */
    uint16_t highest;
    struct ntfs_check_seen *out;
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
        seen->out->kept.flags |= NTFS_CHECK_DAMAGED;
        return 0;
    }
    wrong = ntfs_check_name(&name, attr->value_length);
    if (wrong)
        ntfs_check_rule(nc, NTFS_CHECK_ATTR_FILE_NAME, record->number,
                        ntfs_check_value_at(nc, attr) + NAME(length), wrong);
    seen->out->kept.flags |= name.flags & NTFS_NAME_IS_DIRECTORY
                            ? NTFS_CHECK_NAMED_SO : NTFS_CHECK_NAMED_NOT;
    seen->out->kept.names++;
    seen->out->kept.sum +=
        ntfs_check_name_hash(ntfs_check_file_of(record), &name);
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
        seen->out->kept.flags |= NTFS_CHECK_LINKED;
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
        seen->out->kept.flags |= NTFS_CHECK_LIST;
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
        return listed_take(attr, nc->reparse, &seen->out->reparse);
    case NTFS_OBJECT_ID:
        return listed_take(attr, nc->objects, &seen->out->objects);
    case NTFS_INDEX_ROOT:
        seen->out->kept.flags |= is_named_i30(attr) ? NTFS_CHECK_DIRECTORY
                                               : NTFS_CHECK_VIEW;
        return 0;
    default:
        return 0;
    }
}

/* Is ATTR the same attribute as the last, and no further piece of it? Of names
   a file may have many; what says times and flags is counted. */
static bool is_twice(const struct seen *seen, const struct ntfs_attr *attr)
{
    return attr->type == seen->type && attr->type != NTFS_FILE_NAME &&
           attr->type != NTFS_STANDARD_INFORMATION &&
           (attr->resident || attr->first_vcn == 0) &&
           attr->name_length == seen->name_length &&
           (attr->name_length == 0 ||
            memcmp(attr->name, seen->name, 2u * attr->name_length) == 0);
}

/* One attribute of a record, among the others. */
static int attr_take(struct ntfs_check *nc, const struct ntfs_attr *attr,
                     struct seen *seen)
{
    uint64_t number = attr->record->number;
    bool before, listed;
    int err = id_take(nc, seen, attr->id, &before);

    if (err)
        return err;
    if (before)
        ntfs_check_differ(nc, NTFS_CHECK_ATTR_ID, number,
                          ntfs_check_attr_at(nc, attr, ATTR(id)), attr->id,
                          attr->id);
    if (attr->type < seen->type)
        ntfs_check_differ(nc, NTFS_CHECK_ATTR_ORDER, number,
                          ntfs_check_attr_at(nc, attr, ATTR(type)),
                          seen->type, attr->type);
    if (is_twice(seen, attr))
        ntfs_check_differ(nc, NTFS_CHECK_ATTR_TWICE, number,
                          ntfs_check_attr_at(nc, attr, 0), attr->type,
                          attr->type);
    seen->type = attr->type;
    seen->name = attr->name;
    seen->name_length = attr->name_length;
    seen->out->total++;
    err = by_type(nc, attr, seen);
    listed = seen->out->kept.flags & NTFS_CHECK_LIST || attr->record->base;
    return err ? err : ntfs_check_attr(nc, attr, listed);
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
            seen->out->kept.flags |= NTFS_CHECK_DAMAGED;
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
    const struct ntfs_disk_record *head = (const void *)record->bytes;
    uint16_t next = le16_get(head->next_id);

    if (seen->count > 0 && next <= seen->highest && next != 0)
        ntfs_check_differ(nc, NTFS_CHECK_RECORD_NEXT_ID, record->number,
                          ntfs_check_at(nc, record->number, FIELD(next_id)),
                          next, seen->highest);
    if (seen->out->kept.flags & NTFS_CHECK_DAMAGED || record->base)
        return;
    if (seen->standards != 1)
        ntfs_check_differ(nc, NTFS_CHECK_ATTR_STANDARD, record->number,
                          record->at, 1, seen->standards);
    if (seen->out->kept.flags & NTFS_CHECK_LIST)
        return;                 /* the rest may be elsewhere */
    if (seen->encrypted_at && !seen->keyed)
        ntfs_check_tell(nc, NTFS_CHECK_FILE_KEY, record->number,
                        seen->encrypted_at);
    if (seen->eas.type || seen->sizes.type)
        ntfs_check_eas(nc, record, &seen->eas, &seen->sizes);
}

int ntfs_check_attrs(struct ntfs_check *nc, const struct ntfs_record *record,
                     struct ntfs_check_seen *out)
{
    struct seen seen = { .out = out };
    int err = attrs_check(nc, record, &seen);

    check_free(nc->check, seen.more, seen.more ? ID_BYTES : 0);
    if (!err)
        attrs_judge(nc, record, &seen);
    return err;
}
