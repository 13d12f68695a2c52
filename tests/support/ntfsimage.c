/*
 * ntfsimage.c - NTFS volumes put together by hand: the volume and its records
 *
 * Attributes are in ntfsattr.c, indexes in ntfsindex.c.
 */
#include "ntfsimage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOOT_BYTES   8192u
#define LOG_BYTES    16384u
#define UPCASE_BYTES 131072u

void ntfsimage_need(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "ntfsimage: %s\n", what);
    abort();
}

/* ------------------------------------------------------------ clusters */

uint64_t ntfsimage_clusters(const struct ntfsimage *image, uint64_t bytes)
{
    return (bytes + image->shape.cluster - 1) / image->shape.cluster;
}

static void take(struct ntfsimage *image, uint64_t lcn, uint64_t count)
{
    ntfsimage_need(lcn <= image->shape.clusters &&
         count <= image->shape.clusters - lcn, "the volume is full");
    memset(image->used + lcn, 1, count);
}

uint64_t ntfsimage_alloc(struct ntfsimage *image, uint64_t count)
{
    uint64_t lcn = image->next_lcn, free_count = 0;

    for (; free_count < count; lcn++) {
        ntfsimage_need(lcn < image->shape.clusters, "the volume is full");
        free_count = image->used[lcn] ? 0 : free_count + 1;
    }
    image->next_lcn = lcn;
    take(image, lcn - count, count);
    return lcn - count;
}

uint8_t *ntfsimage_cluster(struct ntfsimage *image, uint64_t lcn)
{
    ntfsimage_need(lcn < image->shape.clusters, "no such cluster");
    return image->bytes + lcn * image->shape.cluster;
}

/* ------------------------------------------------------------- records */

uint8_t *ntfsimage_record(struct ntfsimage *image, uint64_t number)
{
    ntfsimage_need(number < image->shape.records, "no such record");
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
    ntfsimage_need(false, "the MFT's runs are too short for its records");
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
    uint32_t attrs = (uint32_t)ntfsimage_align(fixups + 2 * (strides + 1));
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
    uint64_t mirror = ntfsimage_clusters(image, (uint64_t)s->record * 4);
    uint8_t bits[512] = { 0 };

    if (!s->mft) {
        image->mft_run.count = ntfsimage_clusters(image, bytes);
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
    ntfsimage_need(s->records <= 8 * sizeof bits, "too many records");
    ntfsimage_resident(image, NTFS_MFT, NTFS_BITMAP_ATTR, NULL, bits,
                       ntfsimage_align((s->records + 7) / 8));

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

    ntfsimage_need(table, "no memory");
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
    ntfsimage_need(image->bytes && image->records && image->used, "no memory");

    take(image, 0, ntfsimage_clusters(image, BOOT_BYTES));
    for (size_t i = 0; i < s->mft_count; i++)
        take(image, s->mft[i].lcn, s->mft[i].count);
    mft_init(image);
    files_init(image);
    volume_init(image);
    secure_init(image);
    upcase_init(image);
    bits = ntfsimage_align((s->clusters + 7) / 8);
    zeros = calloc(1, bits);
    ntfsimage_need(zeros, "no memory");
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
    size_t bits = ntfsimage_align((image->shape.clusters + 7) / 8) * 8;

    memset(clusters, 0, bits / 8);
    for (size_t i = 0; i < bits; i++)
        if (i >= image->shape.clusters || image->used[i])
            clusters[i / 8] |= (uint8_t)(1u << i % 8);
    if (!records || ((struct ntfs_disk_attr *)records)->non_resident)
        return;                 /* made otherwise by the test */
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

    ntfsimage_need(scratch, "no memory");
    bits_write(image);
    for (uint64_t i = 0; i < image->shape.records; i++)
        record_write(image, i, scratch);
    free(scratch);
}

int ntfsimage_mount_part(struct ntfsimage *image, size_t size,
                         const char *options)
{
    int err = volume_of_bytes(&image->v, image->bytes, size);

    ntfsimage_need(err == 0, "no volume");
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
