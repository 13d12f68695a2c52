/*
 * attr.c - one attribute of a record: its head, and what it says of sizes
 */
#include "memfn.h"
#include "ntfs/check/check.h"

#define HEAD_SIZE         ((uint32_t)sizeof(struct ntfs_disk_attr))
#define RESIDENT_SIZE     ((uint32_t)sizeof(struct ntfs_disk_resident))
#define NON_RESIDENT_SIZE NTFS_CHECK_FIELD(ntfs_disk_non_resident, compressed)
#define WITH_UNIT_SIZE    ((uint32_t)sizeof(struct ntfs_disk_non_resident))

#define TYPE_STEP      16u
#define TYPE_MAX       0x100u   /* the last that $AttrDef defines */
#define UNIT_SHIFT_MAX 4u       /* 16 clusters */
#define LZNT1          1u       /* the only way of packing there is */

#define HEAD(name)  NTFS_CHECK_FIELD(ntfs_disk_attr, name)
#define FIELD(name) NTFS_CHECK_FIELD(ntfs_disk_non_resident, name)
#define VALUE(name) NTFS_CHECK_FIELD(ntfs_disk_resident, name)

/* ---------------------------------------------------------------- places */

uint64_t ntfs_check_attr_at(struct ntfs_check *nc, const struct ntfs_attr *attr,
                            uint64_t into)
{
    /* Where a record is in two pieces, attr->at is right in the first. */
    return ntfs_check_at(nc, attr->record->number,
                         attr->at - attr->record->at + into);
}

uint64_t ntfs_check_value_at(struct ntfs_check *nc,
                             const struct ntfs_attr *attr)
{
    uint64_t offset = attr->at - attr->record->at;

    return ntfs_check_attr_at(nc, attr,
                              (uint64_t)(attr->value - attr->record->bytes) -
                                  offset);
}

int ntfs_check_find(struct ntfs_check *nc, uint64_t number, uint32_t type,
                    uint64_t *at)
{
    struct ntfs_record *record;
    struct ntfs_attr attr;
    uint32_t offset;
    unsigned wrong;
    int err = ntfs_record_get(nc->vol, number, &record);

    *at = ntfs_check_at(nc, number, 0);
    if (err)
        return err == SHALE_ENOMEM ? err : 0;
    offset = record->attrs;
    while (ntfs_check_attr_next(record, &offset, &attr, &wrong) > 0)
        if (attr.type == type) {
            *at = attr.resident ? ntfs_check_value_at(nc, &attr)
                                : ntfs_check_attr_at(nc, &attr, 0);
            break;
        }
    ntfs_record_put(nc->vol, record);
    return 0;
}

/* -------------------------------------------------------------- decoding */

static const struct ntfs_disk_attr *head_of(const struct ntfs_attr *attr)
{
    return (const struct ntfs_disk_attr *)(attr->record->bytes +
                                           (attr->at - attr->record->at));
}

/* The rule CODE is broken in byte FIELD of OUT. */
static unsigned broken(struct ntfs_attr *out, uint32_t field, unsigned code)
{
    out->at += field;
    return code;
}

/* Take the name of the attribute at BYTES, if it has one: from byte FROM on,
   and before UNTIL. */
static unsigned name_decode(const uint8_t *bytes, uint32_t from, uint32_t until,
                            struct ntfs_attr *out)
{
    const struct ntfs_disk_attr *raw = (const struct ntfs_disk_attr *)bytes;
    uint32_t offset = le16_get(raw->name_offset);

    if (out->name_length == 0)
        return NTFS_CHECK_CODES;
    if (offset < from || offset > until ||
        2u * out->name_length > until - offset)
        return broken(out, HEAD(name_offset), NTFS_CHECK_ATTR_NAME);
    out->name = bytes + offset;
    return NTFS_CHECK_CODES;
}

static unsigned resident_decode(const uint8_t *bytes, uint32_t length,
                                struct ntfs_attr *out)
{
    const struct ntfs_disk_resident *raw =
        (const struct ntfs_disk_resident *)bytes;
    uint32_t offset, size;

    if (length < RESIDENT_SIZE)
        return broken(out, HEAD(length), NTFS_CHECK_ATTR_LENGTH);
    offset = le16_get(raw->value_offset);
    size = le32_get(raw->value_length);
    if (offset < RESIDENT_SIZE || offset > length)
        return broken(out, VALUE(value_offset), NTFS_CHECK_ATTR_VALUE);
    if (size > length - offset)
        return broken(out, VALUE(value_length), NTFS_CHECK_ATTR_VALUE);
    out->resident = true;
    out->value = bytes + offset;
    out->value_length = size;
    return name_decode(bytes, RESIDENT_SIZE, size > 0 ? offset : length, out);
}

static unsigned non_resident_decode(const uint8_t *bytes, uint32_t length,
                                    struct ntfs_attr *out)
{
    const struct ntfs_disk_non_resident *raw =
        (const struct ntfs_disk_non_resident *)bytes;
    uint32_t offset;

    if (length < NON_RESIDENT_SIZE)
        return broken(out, HEAD(length), NTFS_CHECK_ATTR_LENGTH);
    offset = le16_get(raw->runs_offset);
    if (offset < NON_RESIDENT_SIZE || offset > length)
        return broken(out, FIELD(runs_offset), NTFS_CHECK_ATTR_RUNS);
    out->first_vcn = le64_get(raw->first_vcn);
    out->last_vcn = le64_get(raw->last_vcn);
    out->unit_shift = le16_get(raw->unit_shift);
    out->allocated = le64_get(raw->allocated);
    out->size = le64_get(raw->size);
    out->initialized = le64_get(raw->initialized);
    out->compressed = out->unit_shift != 0 && offset >= WITH_UNIT_SIZE
                          ? le64_get(raw->compressed) : out->allocated;
    out->pairs = bytes + offset;
    out->pairs_length = length - offset;
    return name_decode(bytes, NON_RESIDENT_SIZE, offset, out);
}

/* Decode the attribute at BYTES, of which LEFT are in the record. Returns what
   is wrong, or NTFS_CHECK_CODES. */
static unsigned decode(const uint8_t *bytes, uint32_t left, uint32_t *length,
                       struct ntfs_attr *out)
{
    const struct ntfs_disk_attr *raw = (const struct ntfs_disk_attr *)bytes;

    *length = le32_get(raw->length);
    if (*length > left || *length < HEAD_SIZE || *length % 8 != 0)
        return broken(out, HEAD(length), NTFS_CHECK_ATTR_LENGTH);
    if (raw->non_resident > 1)
        return broken(out, HEAD(non_resident), NTFS_CHECK_ATTR_FORM);
    out->type = le32_get(raw->type);
    out->flags = le16_get(raw->flags);
    out->id = le16_get(raw->id);
    out->name_length = raw->name_length;
    return raw->non_resident ? non_resident_decode(bytes, *length, out)
                             : resident_decode(bytes, *length, out);
}

int ntfs_check_attr_next(const struct ntfs_record *record, uint32_t *offset,
                         struct ntfs_attr *out, unsigned *wrong)
{
    const uint8_t *bytes = record->bytes + *offset;
    uint32_t left = record->used - *offset, length;

    *out = (struct ntfs_attr){ .record = record, .at = record->at + *offset };
    if (left < sizeof(le32)) {
        *wrong = NTFS_CHECK_ATTR_END;
        return -1;
    }
    if (le32_get(*(const le32 *)bytes) == (uint32_t)NTFS_ATTR_END)
        return 0;
    if (left < HEAD_SIZE) {
        *wrong = NTFS_CHECK_ATTR_LENGTH;
        return -1;
    }
    *wrong = decode(bytes, left, &length, out);
    if (*wrong != NTFS_CHECK_CODES)
        return -1;
    *offset += length;
    return 1;
}

/* -------------------------------------------------------------- checking */

static void differ(struct ntfs_check *nc, unsigned code,
                   const struct ntfs_attr *attr, uint32_t field,
                   uint64_t expected, uint64_t found)
{
    check_tell(nc->check, &ntfs_check_codes[code],
               ntfs_check_attr_at(nc, attr, field), &(struct check_note){
        .object = SHALE_OBJECT_RECORD, .number = attr->record->number,
        .other = attr->type, .compared = true,
        .expected = expected, .found = found,
    });
}

/* Types that are always in the record, or never: [Linux-NTFS: $AttrDef] */
static bool is_where_it_can_be(const struct ntfs_attr *attr)
{
    switch (attr->type) {
    case NTFS_STANDARD_INFORMATION:
    case NTFS_FILE_NAME:
    case NTFS_VOLUME_NAME:
    case NTFS_VOLUME_INFORMATION:
    case NTFS_INDEX_ROOT:
    case NTFS_EA_INFORMATION:
        return attr->resident;
    case NTFS_INDEX_ALLOCATION:
        return !attr->resident;
    default:
        return true;
    }
}

/* Is ATTR's data stored in units, or with holes? */
static bool is_thin(const struct ntfs_attr *attr)
{
    return attr->flags & (NTFS_ATTR_COMPRESSION_MASK | NTFS_ATTR_SPARSE);
}

/* The flags that ATTR may have. Data has them, and the root of a directory's
   index for the files to come; what the system itself reads has none. */
static uint32_t flags_of(const struct ntfs_attr *attr)
{
    if (ntfs_check_file_of(attr->record) < NTFS_FIRST_USER &&
        attr->type != NTFS_INDEX_ROOT)
        return NTFS_ATTR_SPARSE;
    switch (attr->type) {
    case NTFS_STANDARD_INFORMATION:
    case NTFS_ATTRIBUTE_LIST:
    case NTFS_FILE_NAME:
    case NTFS_OBJECT_ID:
    case NTFS_SECURITY_DESCRIPTOR:
    case NTFS_VOLUME_NAME:
    case NTFS_VOLUME_INFORMATION:
    case NTFS_REPARSE_POINT:
    case NTFS_EA_INFORMATION:
    case NTFS_EA:
        return 0;
    default:
        return LZNT1 | NTFS_ATTR_ENCRYPTED | NTFS_ATTR_SPARSE;
    }
}

void ntfs_check_sizes(struct ntfs_check *nc, const struct ntfs_attr *attr,
                      uint64_t clusters, uint64_t taken)
{
    uint32_t shift = nc->vol->boot.cluster_shift;

    if (attr->allocated != clusters << shift)
        differ(nc, NTFS_CHECK_SIZE_ALLOCATED, attr, FIELD(allocated),
               clusters << shift, attr->allocated);
    if (attr->size > clusters << shift)
        differ(nc, NTFS_CHECK_SIZE_DATA, attr, FIELD(size), clusters << shift,
               attr->size);
    if (attr->initialized > attr->size)
        differ(nc, NTFS_CHECK_SIZE_INITIALIZED, attr, FIELD(initialized),
               attr->size, attr->initialized);
    if (is_thin(attr) && attr->unit_shift != 0 &&
        attr->compressed != taken << shift)
        differ(nc, NTFS_CHECK_SIZE_COMPRESSED, attr, FIELD(compressed),
               taken << shift, attr->compressed);
}

/* What ATTR, resident, says of itself besides. */
static void resident_check(struct ntfs_check *nc, const struct ntfs_attr *attr)
{
    const struct ntfs_disk_resident *raw = (const void *)head_of(attr);
    uint32_t length = le32_get(raw->head.length);
    uint32_t offset = le16_get(raw->value_offset);
    uint32_t behind = (RESIDENT_SIZE + 2u * attr->name_length + 7u) & ~7u;
    uint32_t needs = (offset + attr->value_length + 7u) & ~7u;
    uint8_t indexed = attr->type == NTFS_FILE_NAME;

    if (offset != behind)
        differ(nc, NTFS_CHECK_ATTR_OFFSET, attr, VALUE(value_offset), behind,
               offset);
    else if (length != needs)
        differ(nc, NTFS_CHECK_ATTR_SLACK, attr, VALUE(value_length), needs,
               length);
    if (raw->indexed != indexed)
        differ(nc, NTFS_CHECK_ATTR_INDEXED, attr, VALUE(indexed), indexed,
               raw->indexed);
}

/* Pieces behind the first say nothing of units that anybody goes by. */
static void unit_check(struct ntfs_check *nc, const struct ntfs_attr *attr)
{
    if (attr->unit_shift > UNIT_SHIFT_MAX)
        differ(nc, NTFS_CHECK_ATTR_UNIT, attr, FIELD(unit_shift),
               UNIT_SHIFT_MAX, attr->unit_shift);
    else if (attr->unit_shift != 0 && attr->first_vcn == 0 && !is_thin(attr))
        differ(nc, NTFS_CHECK_ATTR_UNIT_PLAIN, attr, FIELD(unit_shift), 0,
               attr->unit_shift);
}

int ntfs_check_attr(struct ntfs_check *nc, const struct ntfs_attr *attr,
                    bool listed)
{
    struct ntfs_check_extent extent;
    int err;

    if (attr->type == 0 || attr->type % TYPE_STEP != 0 ||
        attr->type > TYPE_MAX)
        differ(nc, NTFS_CHECK_ATTR_TYPE, attr, HEAD(type), 0, attr->type);
    if (!is_where_it_can_be(attr))
        differ(nc, NTFS_CHECK_ATTR_RESIDENT, attr, HEAD(non_resident),
               attr->resident, !attr->resident);
    if (attr->flags & ~flags_of(attr))
        differ(nc, NTFS_CHECK_ATTR_FLAGS, attr, HEAD(flags),
               attr->flags & flags_of(attr), attr->flags);
    if (attr->resident) {
        resident_check(nc, attr);
        return ntfs_check_value(nc, attr);
    }
    unit_check(nc, attr);
    err = ntfs_check_runs(nc, attr, &extent);
    if (err || !extent.good)
        return err;
    /* The list itself is in none. */
    if (!listed || attr->type == NTFS_ATTRIBUTE_LIST)
        ntfs_check_sizes(nc, attr, extent.clusters, extent.taken);
    return ntfs_check_value(nc, attr);
}
