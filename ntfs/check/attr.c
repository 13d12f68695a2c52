/*
 * attr.c - one attribute of a record: its head, and what it says of sizes
 */
#include "ntfs/check/check.h"

#define HEAD_SIZE         ((uint32_t)sizeof(struct ntfs_disk_attr))
#define RESIDENT_SIZE     ((uint32_t)sizeof(struct ntfs_disk_resident))
#define NON_RESIDENT_SIZE ((uint32_t)offsetof(struct ntfs_disk_non_resident, \
                                              compressed))
#define WITH_UNIT_SIZE    ((uint32_t)sizeof(struct ntfs_disk_non_resident))

#define TYPE_STEP      16u
#define TYPE_MAX       0x100u   /* the last that $AttrDef defines */
#define UNIT_SHIFT_MAX 4u       /* 16 clusters */

/* -------------------------------------------------------------- decoding */

static unsigned resident_decode(const uint8_t *bytes, uint32_t length,
                                struct ntfs_attr *out)
{
    const struct ntfs_disk_resident *raw =
        (const struct ntfs_disk_resident *)bytes;
    uint32_t offset, size;

    if (length < RESIDENT_SIZE)
        return NTFS_CHECK_ATTR_LENGTH;
    offset = le16_get(raw->value_offset);
    size = le32_get(raw->value_length);
    if (offset < RESIDENT_SIZE || offset > length || size > length - offset)
        return NTFS_CHECK_ATTR_VALUE;
    out->resident = true;
    out->value = bytes + offset;
    out->value_length = size;
    return NTFS_CHECK_CODES;
}

static unsigned non_resident_decode(const uint8_t *bytes, uint32_t length,
                                    struct ntfs_attr *out)
{
    const struct ntfs_disk_non_resident *raw =
        (const struct ntfs_disk_non_resident *)bytes;
    uint32_t offset;

    if (length < NON_RESIDENT_SIZE)
        return NTFS_CHECK_ATTR_LENGTH;
    offset = le16_get(raw->runs_offset);
    if (offset < NON_RESIDENT_SIZE || offset > length)
        return NTFS_CHECK_ATTR_RUNS;
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
    return NTFS_CHECK_CODES;
}

/* Decode the attribute at BYTES, of which LEFT are in the record. Returns what
   is wrong, or NTFS_CHECK_CODES. */
static unsigned decode(const uint8_t *bytes, uint32_t left, uint32_t *length,
                       struct ntfs_attr *out)
{
    const struct ntfs_disk_attr *raw = (const struct ntfs_disk_attr *)bytes;
    uint32_t name;

    *length = le32_get(raw->length);
    if (*length > left || *length < HEAD_SIZE || *length % 8 != 0)
        return NTFS_CHECK_ATTR_LENGTH;
    out->type = le32_get(raw->type);
    out->flags = le16_get(raw->flags);
    out->id = le16_get(raw->id);
    out->name_length = raw->name_length;
    name = le16_get(raw->name_offset);
    if (out->name_length > 0) {
        if (name > *length || 2u * out->name_length > *length - name)
            return NTFS_CHECK_ATTR_NAME;
        out->name = bytes + name;
    }
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

void ntfs_check_sizes(struct ntfs_check *nc, const struct ntfs_attr *attr,
                      uint64_t clusters, uint64_t taken)
{
    uint32_t shift = nc->vol->boot.cluster_shift;
    uint64_t number = attr->record->number;

    if (attr->allocated != clusters << shift)
        ntfs_check_differ(nc, NTFS_CHECK_SIZE_ALLOCATED, number, attr->at,
                          clusters << shift, attr->allocated);
    if (attr->size > clusters << shift)
        ntfs_check_differ(nc, NTFS_CHECK_SIZE_DATA, number, attr->at,
                          clusters << shift, attr->size);
    if (attr->initialized > attr->size)
        ntfs_check_differ(nc, NTFS_CHECK_SIZE_INITIALIZED, number, attr->at,
                          attr->size, attr->initialized);
    if (is_thin(attr) && attr->unit_shift != 0 &&
        attr->compressed != taken << shift)
        ntfs_check_differ(nc, NTFS_CHECK_SIZE_COMPRESSED, number, attr->at,
                          taken << shift, attr->compressed);
}

int ntfs_check_attr(struct ntfs_check *nc, const struct ntfs_attr *attr,
                    bool listed)
{
    struct ntfs_check_extent extent;
    uint64_t number = attr->record->number;
    int err;

    if (attr->type == 0 || attr->type % TYPE_STEP != 0 ||
        attr->type > TYPE_MAX)
        ntfs_check_differ(nc, NTFS_CHECK_ATTR_TYPE, number, attr->at, 0,
                          attr->type);
    if (!is_where_it_can_be(attr))
        ntfs_check_differ(nc, NTFS_CHECK_ATTR_RESIDENT, number, attr->at, 0,
                          attr->type);
    if (attr->resident)
        return 0;
    if (attr->unit_shift > UNIT_SHIFT_MAX)
        ntfs_check_differ(nc, NTFS_CHECK_ATTR_UNIT, number, attr->at,
                          UNIT_SHIFT_MAX, attr->unit_shift);
    err = ntfs_check_runs(nc, attr, &extent);
    if (err || !extent.good || listed)
        return err;
    ntfs_check_sizes(nc, attr, extent.clusters, extent.taken);
    return 0;
}
