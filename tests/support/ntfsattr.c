/*
 * ntfsattr.c - attributes, runs and lists for the volumes of ntfsimage.c
 */
#include "ntfsimage.h"

#include <stdlib.h>
#include <string.h>

#define LIST_ROOM 65536u

static struct ntfs_disk_record *head_of(struct ntfsimage *image,
                                        uint64_t number)
{
    return (struct ntfs_disk_record *)ntfsimage_record(image, number);
}

static struct ntfs_disk_attr *attr_at(uint8_t *record, uint32_t offset)
{
    return (struct ntfs_disk_attr *)(record + offset);
}

static bool has_name(const struct ntfs_disk_attr *attr, const char *name)
{
    const uint8_t *units = (const uint8_t *)attr + le16_get(attr->name_offset);
    size_t len = name ? strlen(name) : 0;

    if (attr->name_length != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (units[2 * i] != (uint8_t)name[i] || units[2 * i + 1] != 0)
            return false;
    return true;
}

static void put_name(uint8_t *to, const char *name)
{
    for (; name && *name; name++) {
        *to++ = (uint8_t)*name;
        *to++ = 0;
    }
}

/* Offset of the first attribute of RECORD above TYPE. */
static uint32_t offset_above(uint8_t *record, uint32_t type)
{
    uint32_t offset =
        le16_get(((struct ntfs_disk_record *)record)->attrs_offset);

    while (le32_get(attr_at(record, offset)->type) <= type)
        offset += le32_get(attr_at(record, offset)->length);
    return offset;
}

/* Make room for an attribute, whose head is HEAD bytes without the name. */
static struct ntfs_disk_attr *attr_insert(struct ntfsimage *image,
                                          uint64_t number, uint32_t type,
                                          const char *name, uint32_t head,
                                          size_t size)
{
    struct ntfs_disk_record *record = head_of(image, number);
    uint8_t *bytes = (uint8_t *)record;
    uint32_t used = le32_get(record->used);
    uint32_t offset = offset_above(bytes, type);
    uint16_t id = le16_get(record->next_id);
    struct ntfs_disk_attr *attr = attr_at(bytes, offset);

    size = ntfsimage_align(size);
    ntfsimage_need(used + size <= image->shape.record, "the record is full");
    memmove(bytes + offset + size, bytes + offset, used - offset);
    memset(attr, 0, size);
    record->used = le32_make(used + (uint32_t)size);
    record->next_id = le16_make((uint16_t)(id + 1));
    attr->type = le32_make(type);
    attr->length = le32_make((uint32_t)size);
    attr->name_length = (uint8_t)(name ? strlen(name) : 0);
    attr->name_offset = le16_make((uint16_t)head);
    attr->id = le16_make(id);
    put_name((uint8_t *)attr + head, name);
    return attr;
}

uint8_t *ntfsimage_resident(struct ntfsimage *image, uint64_t number,
                            uint32_t type, const char *name,
                            const void *value, size_t len)
{
    const uint32_t head = sizeof(struct ntfs_disk_resident);
    size_t offset = ntfsimage_align(head + (name ? 2 * strlen(name) : 0));
    struct ntfs_disk_resident *attr =
        (struct ntfs_disk_resident *)attr_insert(image, number, type, name,
                                                 head, offset + len);

    attr->value_offset = le16_make((uint16_t)offset);
    attr->value_length = le32_make((uint32_t)len);
    if (len > 0)
        memcpy((uint8_t *)attr + offset, value, len);
    return (uint8_t *)attr;
}

/* Bytes that the signed VALUE takes. */
static unsigned width_of(int64_t value)
{
    unsigned width = 1;

    while (width < 8 && (value < -((int64_t)1 << (8 * width - 1)) ||
                         value >= (int64_t)1 << (8 * width - 1)))
        width++;
    return width;
}

static uint8_t *put_packed(uint8_t *to, uint64_t value, unsigned width)
{
    for (; width > 0; width--, value >>= 8)
        *to++ = (uint8_t)value;
    return to;
}

size_t ntfsimage_pairs(uint8_t *to, const struct ntfsimage_run *runs,
                       size_t count)
{
    uint8_t *at = to;
    uint64_t lcn = 0;

    for (size_t i = 0; i < count; i++) {
        bool hole = runs[i].lcn == NTFSIMAGE_HOLE;
        int64_t distance = hole ? 0 : (int64_t)(runs[i].lcn - lcn);
        unsigned length_width = width_of((int64_t)runs[i].count);
        unsigned distance_width = hole ? 0 : width_of(distance);

        *at++ = (uint8_t)(length_width | distance_width << 4);
        at = put_packed(at, runs[i].count, length_width);
        at = put_packed(at, (uint64_t)distance, distance_width);
        if (!hole)
            lcn = runs[i].lcn;
    }
    *at++ = 0;
    return (size_t)(at - to);
}

uint8_t *ntfsimage_runs(struct ntfsimage *image, uint64_t number,
                        const struct ntfsimage_piece *piece)
{
    uint32_t head = piece->unit_shift ? 72 : 64;
    uint8_t *pairs = malloc(17 * piece->count + 1);
    size_t pairs_len, offset;
    uint64_t all = 0, taken = 0;
    struct ntfs_disk_non_resident *attr;

    ntfsimage_need(pairs, "no memory");
    pairs_len = ntfsimage_pairs(pairs, piece->runs, piece->count);
    for (size_t i = 0; i < piece->count; i++) {
        all += piece->runs[i].count;
        taken += piece->runs[i].lcn == NTFSIMAGE_HOLE ? 0
                                                      : piece->runs[i].count;
    }
    offset = ntfsimage_align(head +
                             (piece->name ? 2 * strlen(piece->name) : 0));
    attr = (struct ntfs_disk_non_resident *)
        attr_insert(image, number, piece->type, piece->name, head,
                    offset + pairs_len);
    attr->head.non_resident = 1;
    attr->head.flags = le16_make(piece->flags);
    attr->first_vcn = le64_make(piece->first_vcn);
    attr->last_vcn = le64_make(piece->first_vcn + all - 1);
    attr->runs_offset = le16_make((uint16_t)offset);
    attr->unit_shift = le16_make(piece->unit_shift);
    if (piece->first_vcn == 0) {
        attr->allocated = le64_make(piece->allocated ? piece->allocated
                                    : all * image->shape.cluster);
        attr->size = le64_make(piece->size);
        attr->initialized = le64_make(piece->size - piece->unwritten);
        if (piece->unit_shift)
            attr->compressed = le64_make(piece->compressed ? piece->compressed
                                         : taken * image->shape.cluster);
    }
    memcpy((uint8_t *)attr + offset, pairs, pairs_len);
    free(pairs);
    return (uint8_t *)attr;
}

uint64_t ntfsimage_data(struct ntfsimage *image, uint64_t number,
                        uint32_t type, const char *name, const void *bytes,
                        size_t len)
{
    uint64_t count = ntfsimage_clusters(image, len);
    const struct ntfsimage_run run = { ntfsimage_alloc(image, count), count };

    ntfsimage_runs(image, number, &(struct ntfsimage_piece){
        .type = type, .name = name, .runs = &run, .count = count > 0,
        .size = len,
    });
    if (len > 0)
        memcpy(ntfsimage_cluster(image, run.lcn), bytes, len);
    return run.lcn;
}

uint8_t *ntfsimage_find(struct ntfsimage *image, uint64_t number,
                        uint32_t type, const char *name)
{
    uint8_t *record = ntfsimage_record(image, number);
    uint32_t offset =
        le16_get(((struct ntfs_disk_record *)record)->attrs_offset);

    while (offset >= 8 && offset < image->shape.record) {
        struct ntfs_disk_attr *attr = attr_at(record, offset);

        if (le32_get(attr->type) == UINT32_MAX || le32_get(attr->length) == 0)
            break;
        if (le32_get(attr->type) == type && has_name(attr, name))
            return (uint8_t *)attr;
        offset += le32_get(attr->length);
    }
    return NULL;
}

void ntfsimage_remove(struct ntfsimage *image, uint64_t number, uint32_t type,
                      const char *name)
{
    struct ntfs_disk_record *record = head_of(image, number);
    uint8_t *attr = ntfsimage_find(image, number, type, name);
    uint32_t used = le32_get(record->used), length;

    ntfsimage_need(attr, "no such attribute");
    length = le32_get(((struct ntfs_disk_attr *)attr)->length);
    memmove(attr, attr + length, (size_t)((uint8_t *)record + used - attr) -
            length);
    record->used = le32_make(used - length);
}

/* ------------------------------------------------------ attribute lists */

/* An entry for ATTR in record REFERENCE, at TO. */
static size_t list_entry(uint8_t *to, const struct ntfs_disk_attr *attr,
                         uint64_t reference)
{
    struct ntfs_disk_list_entry *entry = (struct ntfs_disk_list_entry *)to;
    size_t head = sizeof *entry, name = 2u * attr->name_length;
    size_t length = ntfsimage_align(head + name);

    memset(to, 0, length);
    entry->type = attr->type;
    entry->length = le16_make((uint16_t)length);
    entry->name_length = attr->name_length;
    entry->name_offset = (uint8_t)head;
    if (attr->non_resident)
        entry->first_vcn =
            ((const struct ntfs_disk_non_resident *)attr)->first_vcn;
    entry->record = le64_make(reference);
    entry->id = attr->id;
    memcpy(to + head, (const uint8_t *)attr + le16_get(attr->name_offset),
           name);
    return length;
}

/* Does entry A go before B? */
static bool entry_before(const struct ntfs_disk_list_entry *a,
                         const struct ntfs_disk_list_entry *b)
{
    size_t a_len = 2u * a->name_length, b_len = 2u * b->name_length;
    int order;

    if (le32_get(a->type) != le32_get(b->type))
        return le32_get(a->type) < le32_get(b->type);
    order = memcmp((const uint8_t *)a + a->name_offset,
                   (const uint8_t *)b + b->name_offset,
                   a_len < b_len ? a_len : b_len);
    if (order != 0 || a_len != b_len)
        return order < 0 || (order == 0 && a_len < b_len);
    return le64_get(a->first_vcn) < le64_get(b->first_vcn);
}

/* Put the entry of LENGTH bytes at ENTRY in its place among LEN bytes. */
static void entry_insert(uint8_t *list, size_t len, const uint8_t *entry,
                         size_t length)
{
    size_t at = 0;

    while (at < len &&
           !entry_before((const struct ntfs_disk_list_entry *)entry,
                         (const struct ntfs_disk_list_entry *)(list + at)))
        at += le16_get(((struct ntfs_disk_list_entry *)(list + at))->length);
    ntfsimage_need(len + length <= LIST_ROOM, "the attribute list is too long");
    memmove(list + at + length, list + at, len - at);
    memcpy(list + at, entry, length);
}

size_t ntfsimage_list(struct ntfsimage *image, const uint64_t *records,
                      size_t count, uint8_t *to)
{
    uint8_t *list = to ? to : malloc(LIST_ROOM), entry[600];
    size_t len = 0;

    ntfsimage_need(list, "no memory");
    for (size_t i = 0; i < count; i++) {
        uint8_t *record = ntfsimage_record(image, records[i]);
        uint32_t at =
            le16_get(((struct ntfs_disk_record *)record)->attrs_offset);

        for (; le32_get(attr_at(record, at)->type) != UINT32_MAX;
             at += le32_get(attr_at(record, at)->length)) {
            size_t length = list_entry(entry, attr_at(record, at),
                                       ntfsimage_reference(image, records[i]));

            if (le32_get(attr_at(record, at)->type) == NTFS_ATTRIBUTE_LIST)
                continue;
            entry_insert(list, len, entry, length);
            len += length;
        }
    }
    if (!to) {
        ntfsimage_resident(image, records[0], NTFS_ATTRIBUTE_LIST, NULL, list,
                           len);
        free(list);
    }
    return len;
}
