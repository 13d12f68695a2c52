/*
 * attr.c - the attributes in a record, one after the other
 *
 * An attribute is a head, perhaps a name, and either its value (resident) or
 * the runs of clusters that the value is in, or a piece of it. Whatever a head
 * says of offsets and lengths is checked here, against the attribute's own
 * length; and that against the bytes of the record in use. What the numbers
 * mean together, sizes and clusters, is stream.c's business.
 *
 *      | head | name | value or runs | head | name | ... | 0xffffffff |
 *      |<------- length ------------>|
 */
#include "memfn.h"
#include "ntfs.h"

#define HEAD_SIZE         ((uint32_t)sizeof(struct ntfs_disk_attr))
#define RESIDENT_SIZE     ((uint32_t)sizeof(struct ntfs_disk_resident))
#define NON_RESIDENT_SIZE ((uint32_t)offsetof(struct ntfs_disk_non_resident, \
                                              compressed))
#define WITH_UNIT_SIZE    ((uint32_t)sizeof(struct ntfs_disk_non_resident))

_Static_assert(sizeof(struct ntfs_disk_resident) == 24, "NTFS resident head");
_Static_assert(sizeof(struct ntfs_disk_non_resident) == 72,
               "NTFS non-resident head");

/* More is in no unit: 16 clusters are usual. */
#define UNIT_SHIFT_MAX 16u

static const char *resident_decode(const uint8_t *bytes, uint32_t length,
                                   struct ntfs_attr *out)
{
    const struct ntfs_disk_resident *raw =
        (const struct ntfs_disk_resident *)bytes;
    uint32_t offset, value_length;

    if (length < RESIDENT_SIZE)
        return "ntfs: an attribute is shorter than its head";
    offset = le16_get(raw->value_offset);
    value_length = le32_get(raw->value_length);
    if (offset > length || value_length > length - offset)
        return "ntfs: a value runs past its attribute";
    out->resident = true;
    out->value = bytes + offset;
    out->value_length = value_length;
    return NULL;
}

static const char *non_resident_decode(const uint8_t *bytes, uint32_t length,
                                       struct ntfs_attr *out)
{
    const struct ntfs_disk_non_resident *raw =
        (const struct ntfs_disk_non_resident *)bytes;
    uint32_t offset;

    if (length < NON_RESIDENT_SIZE)
        return "ntfs: an attribute is shorter than its head";
    out->first_vcn = le64_get(raw->first_vcn);
    out->last_vcn = le64_get(raw->last_vcn);
    out->unit_shift = le16_get(raw->unit_shift);
    out->allocated = le64_get(raw->allocated);
    out->size = le64_get(raw->size);
    out->initialized = le64_get(raw->initialized);
    out->compressed = out->allocated;
    offset = le16_get(raw->runs_offset);
    if (offset < NON_RESIDENT_SIZE || offset > length)
        return "ntfs: runs outside of their attribute";
    if (out->unit_shift > UNIT_SHIFT_MAX)
        return "ntfs: a compression unit of too many clusters";
    /* Without a unit, whatever the flags are, there is no such field. */
    if (out->unit_shift != 0 && offset >= WITH_UNIT_SIZE)
        out->compressed = le64_get(raw->compressed);
    out->pairs = bytes + offset;
    out->pairs_length = length - offset;
    return NULL;
}

/*
 * Decode what is at BYTES, LEFT of them (at least a head), into *OUT, all zero
 * but for its record and place. Stores the length of it.
 */
static const char *attr_decode(const uint8_t *bytes, uint32_t left,
                               uint32_t *length, struct ntfs_attr *out)
{
    const struct ntfs_disk_attr *raw = (const struct ntfs_disk_attr *)bytes;
    uint32_t name = le16_get(raw->name_offset);

    *length = le32_get(raw->length);
    if (*length > left || *length < HEAD_SIZE || *length % 8 != 0)
        return "ntfs: an attribute has a length that cannot be";
    out->type = le32_get(raw->type);
    out->flags = le16_get(raw->flags);
    out->id = le16_get(raw->id);
    out->name_length = raw->name_length;
    if (out->name_length > 0) {
        if (name > *length || 2u * out->name_length > *length - name)
            return "ntfs: a name runs past its attribute";
        out->name = bytes + name;
    }
    return raw->non_resident ? non_resident_decode(bytes, *length, out)
                             : resident_decode(bytes, *length, out);
}

int ntfs_attr_next(struct ntfs_volume *vol, const struct ntfs_record *record,
                   uint32_t *offset, struct ntfs_attr *out)
{
    const uint8_t *bytes = record->bytes + *offset;
    uint32_t left = record->used - *offset, length = 0;
    const char *wrong = NULL;

    if (left < sizeof(le32))
        wrong = "ntfs: a record ends before its attributes do";
    else if (le32_get(*(const le32 *)bytes) == (uint32_t)NTFS_ATTR_END)
        return 0;
    else if (left < HEAD_SIZE)
        wrong = "ntfs: an attribute runs past its record";

    *out = (struct ntfs_attr){ .record = record, .at = record->at + *offset };
    if (!wrong)
        wrong = attr_decode(bytes, left, &length, out);
    if (wrong)
        return shale_corrupt_inode(vol->fs, wrong, record->at + *offset,
                                   record->number);
    *offset += length;
    return 1;
}

bool ntfs_attr_is(const struct ntfs_attr *attr, uint32_t type,
                  const uint16_t *name, size_t len)
{
    if (attr->type != type || attr->name_length != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (le16_get(((const le16 *)attr->name)[i]) != name[i])
            return false;
    return true;
}
