/*
 * ntfsimage.c - NTFS volumes put together by hand: the volume and its records
 *
 * Indexes are in ntfsindex.c.
 */
#include "ntfsimage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOOT_BYTES   8192u
#define LOG_BYTES    16384u
#define UPCASE_BYTES 131072u
#define LIST_ROOM    65536u

static void need(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "ntfsimage: %s\n", what);
    abort();
}

static size_t align8(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

/* ------------------------------------------------------------ clusters */

static uint64_t clusters_of(const struct ntfsimage *image, uint64_t bytes)
{
    return (bytes + image->shape.cluster - 1) / image->shape.cluster;
}

static void take(struct ntfsimage *image, uint64_t lcn, uint64_t count)
{
    need(lcn <= image->shape.clusters &&
         count <= image->shape.clusters - lcn, "the volume is full");
    memset(image->used + lcn, 1, count);
}

uint64_t ntfsimage_alloc(struct ntfsimage *image, uint64_t count)
{
    uint64_t lcn = image->next_lcn, free_count = 0;

    for (; free_count < count; lcn++) {
        need(lcn < image->shape.clusters, "the volume is full");
        free_count = image->used[lcn] ? 0 : free_count + 1;
    }
    image->next_lcn = lcn;
    take(image, lcn - count, count);
    return lcn - count;
}

uint8_t *ntfsimage_cluster(struct ntfsimage *image, uint64_t lcn)
{
    need(lcn < image->shape.clusters, "no such cluster");
    return image->bytes + lcn * image->shape.cluster;
}

/* ------------------------------------------------------------- records */

uint8_t *ntfsimage_record(struct ntfsimage *image, uint64_t number)
{
    need(number < image->shape.records, "no such record");
    return image->records + number * image->shape.record;
}

/* Where byte OFFSET of the MFT is. */
static uint64_t mft_at(const struct ntfsimage *image, uint64_t offset)
{
    uint64_t vcn = offset / image->shape.cluster;

    for (size_t i = 0; i < image->shape.mft_count; i++) {
        const struct ntfsimage_run *run = &image->shape.mft[i];

        if (vcn < run->count)
            return (run->lcn + vcn) * image->shape.cluster +
                   offset % image->shape.cluster;
        vcn -= run->count;
    }
    need(false, "the MFT's runs are too short for its records");
    return 0;
}

uint64_t ntfsimage_place(const struct ntfsimage *image, uint64_t number)
{
    return mft_at(image, number * image->shape.record);
}

static struct ntfs_disk_record *head_of(struct ntfsimage *image,
                                        uint64_t number)
{
    return (struct ntfs_disk_record *)ntfsimage_record(image, number);
}

uint64_t ntfsimage_reference(struct ntfsimage *image, uint64_t number)
{
    return number | (uint64_t)le16_get(head_of(image, number)->sequence) << 48;
}

void ntfsimage_begin(struct ntfsimage *image, uint64_t number, unsigned flags)
{
    struct ntfs_disk_record *head = head_of(image, number);
    uint32_t strides = image->shape.record / NTFS_FIXUP_STRIDE;
    bool old = image->shape.major < 3 || image->shape.minor < 1;
    uint32_t fixups = old ? 42 : 48;
    uint32_t attrs = (uint32_t)align8(fixups + 2 * (strides + 1));
    uint8_t *bytes = (uint8_t *)head;

    memset(bytes, 0, image->shape.record);
    memcpy(head->multi.magic, "FILE", 4);
    head->multi.fixup_offset = le16_make((uint16_t)fixups);
    head->multi.fixup_count = le16_make((uint16_t)(strides + 1));
    head->sequence = le16_make((uint16_t)(number && number < 16 ? number : 1));
    head->attrs_offset = le16_make((uint16_t)attrs);
    head->flags = le16_make((uint16_t)(NTFS_RECORD_IN_USE | flags));
    head->used = le32_make(attrs + 8);
    head->allocated = le32_make(image->shape.record);
    if (!old)
        head->number = le32_make((uint32_t)number);
    memset(bytes + attrs, 0xff, 4);
}

void ntfsimage_fix(uint8_t *bytes, uint32_t size)
{
    struct ntfs_disk_multi *head = (struct ntfs_disk_multi *)bytes;
    uint8_t *fixups = bytes + le16_get(head->fixup_offset);

    fixups[0] = 0x5a;
    fixups[1] = 0x01;
    for (uint32_t i = 0; i < size / NTFS_FIXUP_STRIDE; i++) {
        uint8_t *end = bytes + (i + 1) * NTFS_FIXUP_STRIDE - 2;

        memcpy(fixups + 2 * (i + 1), end, 2);
        memcpy(end, fixups, 2);
    }
}

/* ---------------------------------------------------------- attributes */

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

    size = align8(size);
    need(used + size <= image->shape.record, "the record is full");
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
    size_t offset = align8(head + (name ? 2 * strlen(name) : 0));
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

    need(pairs, "no memory");
    pairs_len = ntfsimage_pairs(pairs, piece->runs, piece->count);
    for (size_t i = 0; i < piece->count; i++) {
        all += piece->runs[i].count;
        taken += piece->runs[i].lcn == NTFSIMAGE_HOLE ? 0
                                                      : piece->runs[i].count;
    }
    offset = align8(head + (piece->name ? 2 * strlen(piece->name) : 0));
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
    uint64_t count = clusters_of(image, len);
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

    need(attr, "no such attribute");
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
    size_t length = align8(head + name);

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
    need(len + length <= LIST_ROOM, "the attribute list is too long");
    memmove(list + at + length, list + at, len - at);
    memcpy(list + at, entry, length);
}

size_t ntfsimage_list(struct ntfsimage *image, const uint64_t *records,
                      size_t count, uint8_t *to)
{
    uint8_t *list = to ? to : malloc(LIST_ROOM), entry[600];
    size_t len = 0;

    need(list, "no memory");
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

/* --------------------------------------------------------------- files */

#define SOME_TIME UINT64_C(0x01d6a8e0b0a05000)  /* in 2020 */

static uint64_t file_new(struct ntfsimage *image, unsigned flags)
{
    uint64_t number = image->next_record++;

    ntfsimage_begin(image, number, flags);
    return number;
}

static void standard_add(struct ntfsimage *image, uint64_t number,
                         uint32_t flags)
{
    struct ntfs_disk_standard standard = { .flags = le32_make(flags) };
    bool old = image->shape.major < 3;

    standard.created = le64_make(SOME_TIME);
    standard.modified = le64_make(SOME_TIME + 10000000);
    standard.changed = le64_make(SOME_TIME + 20000000);
    standard.accessed = le64_make(SOME_TIME + 30000000);
    ntfsimage_resident(image, number, NTFS_STANDARD_INFORMATION, NULL,
                       &standard, old ? 48 : sizeof standard);
}

static void empty_root(struct ntfsimage *image, uint64_t number)
{
    uint8_t last[16];
    size_t len = ntfsimage_last(last, -1);

    ntfsimage_root(image, number, "$I30", NTFS_FILE_NAME,
                   NTFS_COLLATE_FILE_NAME, last, len, false);
}

uint64_t ntfsimage_file(struct ntfsimage *image, uint64_t parent,
                        const char *name)
{
    uint64_t number = file_new(image, 0);

    standard_add(image, number, NTFS_FILE_ARCHIVE);
    ntfsimage_enter(image, parent, number, name, NTFS_WIN32_AND_DOS);
    return number;
}

uint64_t ntfsimage_dir(struct ntfsimage *image, uint64_t parent,
                       const char *name)
{
    uint64_t number = file_new(image, NTFS_RECORD_DIRECTORY);

    standard_add(image, number, 0);
    empty_root(image, number);
    ntfsimage_enter(image, parent, number, name, NTFS_WIN32_AND_DOS);
    return number;
}

uint64_t ntfsimage_extension(struct ntfsimage *image, uint64_t base)
{
    uint64_t number = file_new(image, 0);

    head_of(image, number)->base =
        le64_make(ntfsimage_reference(image, base));
    return number;
}

/* ---------------------------------------------------------- the volume */

static void shape_complete(struct ntfsimage *image,
                           const struct ntfsimage_shape *shape)
{
    static const struct ntfsimage_shape usual = { .sector = 0 };
    struct ntfsimage_shape *s = &image->shape;

    *s = shape ? *shape : usual;
    s->sector = s->sector ? s->sector : 512;
    s->cluster = s->cluster ? s->cluster
               : s->sector > 4096 ? s->sector : 4096;
    s->record = s->record ? s->record : 1024;
    s->index = s->index ? s->index : 4096;
    s->records = s->records ? s->records : 64;
    if (s->clusters == 0)
        s->clusters = s->cluster > 65536 ? 64 : (2u << 20) / s->cluster;
    if (s->clusters < 64)
        s->clusters = 64;
    if (s->major == 0)
        s->major = 3, s->minor = 1;
}

static uint8_t log2_byte(uint32_t size)
{
    return (uint8_t)(256 - (uint32_t)__builtin_ctz(size));
}

/* As the boot sector says a size: in clusters, or less than one. */
static uint8_t size_byte(const struct ntfsimage *image, uint32_t size)
{
    if (size >= image->shape.cluster)
        return (uint8_t)(size / image->shape.cluster);
    return log2_byte(size);
}

static void boot_write(struct ntfsimage *image)
{
    const struct ntfsimage_shape *s = &image->shape;
    struct ntfs_disk_boot *boot = (struct ntfs_disk_boot *)image->bytes;
    uint32_t per = s->cluster / s->sector;

    memcpy(boot->jump, "\xeb\x52\x90", 3);
    memcpy(boot->oem, "NTFS    ", 8);
    boot->sector_size = le16_make((uint16_t)s->sector);
    boot->cluster_sectors = per <= 128 ? (uint8_t)per : log2_byte(per);
    boot->sectors = le64_make((uint64_t)s->clusters * per);
    boot->mft_cluster = le64_make(s->mft[0].lcn);
    boot->mirror_cluster = le64_make(image->mirror_lcn);
    boot->record_clusters = size_byte(image, s->record);
    boot->index_clusters = size_byte(image, s->index);
    boot->serial = le64_make(UINT64_C(0x1234567890abcdef));
    boot->signature = le16_make(0xaa55);
    memcpy(image->bytes + (uint64_t)s->clusters * s->cluster, boot,
           NTFS_HEAD_SIZE < s->sector ? NTFS_HEAD_SIZE : s->sector);
}

static void mft_init(struct ntfsimage *image)
{
    struct ntfsimage_shape *s = &image->shape;
    uint64_t bytes = (uint64_t)s->records * s->record;
    uint64_t mirror = clusters_of(image, (uint64_t)s->record * 4);
    uint8_t bits[512] = { 0 };

    if (!s->mft) {
        image->mft_run.count = clusters_of(image, bytes);
        image->mft_run.lcn = ntfsimage_alloc(image, image->mft_run.count);
        s->mft = &image->mft_run;
        s->mft_count = 1;
    }
    ntfsimage_begin(image, NTFS_MFT, 0);
    standard_add(image, NTFS_MFT, NTFS_FILE_HIDDEN | NTFS_FILE_SYSTEM);
    ntfsimage_runs(image, NTFS_MFT, &(struct ntfsimage_piece){
        .type = NTFS_DATA, .runs = s->mft, .count = s->mft_count,
        .size = bytes,
    });
    need(s->records <= 8 * sizeof bits, "too many records");
    ntfsimage_resident(image, NTFS_MFT, NTFS_BITMAP_ATTR, NULL, bits,
                       align8((s->records + 7) / 8));

    image->mirror_lcn = ntfsimage_alloc(image, mirror);
    ntfsimage_begin(image, NTFS_MFTMIRR, 0);
    standard_add(image, NTFS_MFTMIRR, NTFS_FILE_HIDDEN | NTFS_FILE_SYSTEM);
    ntfsimage_runs(image, NTFS_MFTMIRR, &(struct ntfsimage_piece){
        .type = NTFS_DATA,
        .runs = &(struct ntfsimage_run){ image->mirror_lcn, mirror },
        .count = 1, .size = (uint64_t)s->record * 4,
    });
}

/* ASCII and Latin-1. */
static void upcase_init(struct ntfsimage *image)
{
    uint8_t *table = malloc(UPCASE_BYTES);

    need(table, "no memory");
    for (uint32_t i = 0; i < 65536; i++) {
        uint32_t up = i;

        if ((i >= 'a' && i <= 'z') || (i >= 0xe0 && i <= 0xfe && i != 0xf7))
            up -= 0x20;
        else if (i == 0xff)
            up = 0x178;
        table[2 * i] = (uint8_t)up;
        table[2 * i + 1] = (uint8_t)(up >> 8);
    }
    ntfsimage_data(image, NTFS_UPCASE, NTFS_DATA, NULL, table, UPCASE_BYTES);
    free(table);
}

static void volume_init(struct ntfsimage *image)
{
    struct ntfs_disk_volume raw = {
        .major = image->shape.major, .minor = image->shape.minor,
    };

    ntfsimage_resident(image, NTFS_VOLUME, NTFS_VOLUME_NAME, NULL,
                       "t\0e\0s\0t", 8);
    ntfsimage_resident(image, NTFS_VOLUME, NTFS_VOLUME_INFORMATION, NULL,
                       &raw, sizeof raw);
    ntfsimage_resident(image, NTFS_VOLUME, NTFS_DATA, NULL, NULL, 0);
}

/* No descriptors. */
static void secure_init(struct ntfsimage *image)
{
    uint8_t last[16];
    size_t len = ntfsimage_last(last, -1);

    if (image->shape.major < 3)
        return;
    ntfsimage_resident(image, NTFS_SECURE, NTFS_DATA, "$SDS", NULL, 0);
    ntfsimage_root(image, NTFS_SECURE, "$SII", 0, NTFS_COLLATE_ULONG, last,
                   len, false);
}

/* Names are in the root's index for those who list it all. */
static void files_init(struct ntfsimage *image)
{
    static const char *const names[] = {
        "$MFT", "$MFTMirr", "$LogFile", "$Volume", "$AttrDef", ".",
        "$Bitmap", "$Boot", "$BadClus", "$Secure", "$UpCase", "$Extend",
    };
    uint8_t log[LOG_BYTES];

    for (uint64_t i = NTFS_LOGFILE; i <= NTFS_EXTEND; i++) {
        bool dir = i == NTFS_ROOT || i == NTFS_EXTEND;

        ntfsimage_begin(image, i, dir ? NTFS_RECORD_DIRECTORY : 0);
        standard_add(image, i, NTFS_FILE_HIDDEN | NTFS_FILE_SYSTEM);
        if (dir)
            empty_root(image, i);
    }
    for (uint64_t i = 0; i <= NTFS_EXTEND; i++) {
        uint8_t key[128];
        size_t len = ntfsimage_key(image, key, NTFS_ROOT, names[i],
                                   NTFS_WIN32_AND_DOS);

        ntfsimage_resident(image, i, NTFS_FILE_NAME, NULL, key, len);
        head_of(image, i)->links = le16_make(1);
    }
    memset(log, 0xff, sizeof log);
    ntfsimage_data(image, NTFS_LOGFILE, NTFS_DATA, NULL, log, sizeof log);
}

void ntfsimage_init(struct ntfsimage *image,
                    const struct ntfsimage_shape *shape)
{
    struct ntfsimage_shape *s = &image->shape;
    size_t bits;
    uint8_t *zeros;

    memset(image, 0, sizeof *image);
    shape_complete(image, shape);
    image->size = (size_t)s->clusters * s->cluster + s->sector;
    image->bytes = calloc(1, image->size);
    image->records = calloc(s->records, s->record);
    image->used = calloc(1, s->clusters);
    image->next_record = NTFS_FIRST_USER + 8;
    need(image->bytes && image->records && image->used, "no memory");

    take(image, 0, clusters_of(image, BOOT_BYTES));
    for (size_t i = 0; i < s->mft_count; i++)
        take(image, s->mft[i].lcn, s->mft[i].count);
    mft_init(image);
    files_init(image);
    volume_init(image);
    secure_init(image);
    upcase_init(image);
    bits = align8((s->clusters + 7) / 8);
    zeros = calloc(1, bits);
    need(zeros, "no memory");
    image->bitmap_lcn = ntfsimage_data(image, NTFS_BITMAP, NTFS_DATA, NULL,
                                       zeros, bits);
    free(zeros);
    boot_write(image);
}

/* ------------------------------------------------------------ finishing */

static void bits_write(struct ntfsimage *image)
{
    uint8_t *clusters = ntfsimage_cluster(image, image->bitmap_lcn);
    uint8_t *records = ntfsimage_find(image, NTFS_MFT, NTFS_BITMAP_ATTR, NULL);
    size_t bits = align8((image->shape.clusters + 7) / 8) * 8;

    memset(clusters, 0, bits / 8);
    for (size_t i = 0; i < bits; i++)
        if (i >= image->shape.clusters || image->used[i])
            clusters[i / 8] |= (uint8_t)(1u << i % 8);
    if (!records)
        return;                 /* moved by the test */
    records += le16_get(((struct ntfs_disk_resident *)records)->value_offset);
    for (uint64_t i = 0; i < image->shape.records; i++)
        if (le16_get(head_of(image, i)->flags) & NTFS_RECORD_IN_USE)
            records[i / 8] |= (uint8_t)(1u << i % 8);
}

static void record_write(struct ntfsimage *image, uint64_t number,
                         uint8_t *scratch)
{
    uint32_t size = image->shape.record;
    uint32_t step = size < image->shape.cluster ? size : image->shape.cluster;

    memcpy(scratch, ntfsimage_record(image, number), size);
    if (memcmp(scratch, "FILE", 4) == 0)
        ntfsimage_fix(scratch, size);
    for (uint32_t i = 0; i < size; i += step)
        memcpy(image->bytes + mft_at(image, number * size + i), scratch + i,
               step);
    if (number < 4)
        memcpy(ntfsimage_cluster(image, image->mirror_lcn) + number * size,
               scratch, size);
}

void ntfsimage_finish(struct ntfsimage *image)
{
    uint8_t *scratch = malloc(image->shape.record);

    need(scratch, "no memory");
    bits_write(image);
    for (uint64_t i = 0; i < image->shape.records; i++)
        record_write(image, i, scratch);
    free(scratch);
}

int ntfsimage_mount_part(struct ntfsimage *image, size_t size,
                         const char *options)
{
    int err = volume_of_bytes(&image->v, image->bytes, size);

    need(err == 0, "no volume");
    image->open = true;
    image->v.type = "ntfs";
    return volume_mount(&image->v, options);
}

int ntfsimage_mount(struct ntfsimage *image, const char *options)
{
    return ntfsimage_mount_part(image, image->size, options);
}

struct ntfs_volume *ntfsimage_volume(struct ntfsimage *image)
{
    return ntfs_volume_of(image->v.fs);
}

size_t ntfsimage_unmount(struct ntfsimage *image)
{
    size_t left = image->open ? volume_close(&image->v) : 0;

    image->open = false;
    return left;
}

size_t ntfsimage_close(struct ntfsimage *image)
{
    size_t left = ntfsimage_unmount(image);

    free(image->bytes);
    free(image->records);
    free(image->used);
    return left;
}
