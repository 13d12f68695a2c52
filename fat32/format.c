/*
 * format.c - a new and empty FAT volume
 *
 * The boot sector is what makes a volume: it is destroyed first and written
 * last, behind a flush, so that a power cut leaves no volume rather than half
 * of one. In between, all that the new volume takes for granted to be zero is
 * made zero; what already is stays unwritten, which keeps a sparse image file
 * sparse.
 */
#include "dirent.h"
#include "fat.h"
#include "geometry.h"
#include "memfn.h"
#include "shale/codepage.h"
#include "shale/err.h"
#include "text.h"
#include "write.h"

/* Cleared at least: where other filesystems have their superblocks. */
#define CLEAR_MIN ((uint64_t)128 << 10)

#define BUF_MAX ((size_t)128 << 10)

/* What is being made, and a piece of memory to make it in. */
struct formatter {
    struct shale_bdev *dev;
    const struct shale_format *format;
    struct fat_geometry g;
    uint8_t label[11];
    bool has_label;
    uint8_t *buf;
    size_t buf_size;            /* a power of two, at least a sector */
};

/* ------------------------------------------------------------- the label */

static int take_label(struct formatter *f, struct shale_log *log)
{
    const char *label = f->format->label;
    size_t len = 0;
    int err;

    memcpy(f->label, "NO NAME    ", sizeof f->label);
    while (label && label[len])
        len++;
    if (len == 0)
        return 0;
    f->has_label = true;
    err = fat_label_encode(&shale_codepage_437, label, len, f->label);
    if (err == SHALE_ENAMETOOLONG)
        return fat_format_refuse(log, "fat: the label is too long",
                                 "11 bytes at most");
    if (err)
        return fat_format_refuse(log, "fat: the label has a character that "
                                 "no label can have", label);
    return 0;
}

/* ---------------------------------------------------------- the sectors */

static uint64_t sector_at(const struct formatter *f, uint32_t sector)
{
    return (uint64_t)sector * f->g.sector_size;
}

/* A zero sector to fill in. */
static uint8_t *blank(struct formatter *f)
{
    memset(f->buf, 0, f->g.sector_size);
    return f->buf;
}

/* Write what blank() gave as SECTOR. */
static int put(struct formatter *f, uint32_t sector)
{
    return shale_bdev_write(f->dev, sector_at(f, sector), f->buf,
                            f->g.sector_size);
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

/* Make the first END bytes zero, whole sectors of them. */
static int clear(struct formatter *f, uint64_t end)
{
    uint64_t at = 0;

    while (at < end) {
        size_t len = end - at < f->buf_size ? (size_t)(end - at) : f->buf_size;
        int err = shale_bdev_read(f->dev, at, f->buf, len);

        /* What cannot be read may still be written. */
        if (err || !is_zero(f->buf, len)) {
            memset(f->buf, 0, len);
            err = shale_bdev_write(f->dev, at, f->buf, len);
        }
        if (err)
            return err;
        at += len;
    }
    return 0;
}

/* The entries that each FAT begins with. */
static int put_fats(struct formatter *f)
{
    uint8_t *fat = blank(f);
    int err = 0;

    /* Entry 0 repeats the media descriptor, 1 is an end, both all ones. */
    fat[0] = f->g.media;
    if (f->g.bits == 12) {
        memset(fat + 1, 0xff, 2);
    } else if (f->g.bits == 16) {
        memset(fat + 1, 0xff, 3);
    } else {
        memset(fat + 1, 0xff, 11);
        fat[3] = fat[7] = fat[11] = 0x0f;       /* entry 2: the root's end */
    }
    for (uint32_t i = 0; i < f->g.fat_count && !err; i++)
        err = put(f, f->g.reserved + i * f->g.fat_sectors);
    return err;
}

/* The root directory's only entry, the label. */
static int put_label(struct formatter *f)
{
    /* What time.c wants to know of a volume. */
    const struct fat_volume zone = {
        .options = { .utc = true, .utc_offset = f->format->zone },
    };
    struct fat_disk_entry *entry = (struct fat_disk_entry *)blank(f);
    struct fat_stamp now;

    if (!f->has_label)
        return 0;
    fat_time_encode(&zone, &f->format->now, &now);
    memcpy(entry->name, f->label, sizeof entry->name);
    if (entry->name[0] == FAT_NAME_FREE)
        entry->name[0] = FAT_NAME_E5;
    entry->attr = FAT_ATTR_LABEL;
    entry->create_tenth = now.tenth;
    entry->create_time = le16_make(now.time);
    entry->create_date = le16_make(now.date);
    entry->access_date = le16_make(now.date);
    entry->write_time = le16_make(now.time);
    entry->write_date = le16_make(now.date);
    return put(f, fat_geometry_root(&f->g));
}

static bool has_backup(const struct formatter *f)
{
    return f->g.bits == 32 && f->g.reserved > FAT_BACKUP_SECTOR + 1;
}

static int put_info(struct formatter *f)
{
    struct fat_disk_info *info = (struct fat_disk_info *)blank(f);
    int err;

    info->lead = le32_make(FAT_INFO_LEAD);
    info->structure = le32_make(FAT_INFO_STRUCT);
    info->free_count = le32_make(f->g.clusters - 1);    /* the root has one */
    info->next_free = le32_make(FAT_FIRST_CLUSTER + 1);
    info->trail = le32_make(FAT_INFO_TRAIL);
    err = put(f, FAT_INFO_SECTOR);
    if (!err && has_backup(f))
        err = put(f, FAT_BACKUP_SECTOR + FAT_INFO_SECTOR);
    return err;
}

/* --------------------------------------------------------- boot sector */

static void encode_ext(const struct formatter *f, const char *type,
                       struct fat_disk_ext *ext)
{
    ext->drive = f->g.media == 0xf8 ? 0x80 : 0x00;
    ext->signature = FAT_EXT_ID_LABEL;
    ext->id = le32_make((uint32_t)f->format->id);
    memcpy(ext->label, f->label, sizeof ext->label);
    memcpy(ext->type, type, sizeof ext->type);
}

/*
 * Code for who boots from the volume: INT 18h has the firmware go on to the
 * next device; behind it, should it return, a halt in a loop.
 */
static void encode_code(struct fat_disk_boot *boot, size_t at)
{
    static const uint8_t code[] = { 0xcd, 0x18, 0xf4, 0xeb, 0xfd };

    boot->jump[0] = 0xeb;
    boot->jump[1] = (uint8_t)(at - 2);
    boot->jump[2] = 0x90;
    memcpy((uint8_t *)boot + at, code, sizeof code);
}

static void encode_boot(const struct formatter *f, struct fat_disk_boot *boot)
{
    const struct fat_geometry *g = &f->g;
    bool short_count = g->bits != 32 && g->sectors <= 0xffff;

    memcpy(boot->oem, "SHALE   ", sizeof boot->oem);
    boot->sector_size = le16_make((uint16_t)g->sector_size);
    boot->cluster_sectors = (uint8_t)g->cluster_sectors;
    boot->reserved = le16_make((uint16_t)g->reserved);
    boot->fat_count = (uint8_t)g->fat_count;
    boot->root_entries = le16_make((uint16_t)g->root_entries);
    boot->sectors16 = le16_make(short_count ? (uint16_t)g->sectors : 0);
    boot->sectors32 = le32_make(short_count ? 0 : g->sectors);
    boot->media = g->media;
    boot->track_sectors = le16_make(g->track_sectors);
    boot->heads = le16_make(g->heads);
    boot->hidden = le32_make(g->hidden);
    if (g->bits == 32) {
        boot->u.fat32.fat_sectors = le32_make(g->fat_sectors);
        boot->u.fat32.root_cluster = le32_make(FAT_FIRST_CLUSTER);
        boot->u.fat32.info = le16_make(FAT_INFO_SECTOR);
        boot->u.fat32.backup = le16_make(has_backup(f) ? FAT_BACKUP_SECTOR : 0);
        encode_ext(f, "FAT32   ", &boot->u.fat32.ext);
        encode_code(boot, 0x5a);
    } else {
        boot->fat_sectors16 = le16_make((uint16_t)g->fat_sectors);
        encode_ext(f, g->bits == 12 ? "FAT12   " : "FAT16   ", &boot->u.fat16);
        encode_code(boot, 0x3e);
    }
    boot->signature = le16_make(FAT_SIGNATURE);
}

static int put_boot(struct formatter *f, uint32_t sector)
{
    encode_boot(f, (struct fat_disk_boot *)blank(f));
    return put(f, sector);
}

/* ------------------------------------------------------------ the whole */

static int write_all(struct formatter *f)
{
    const struct fat_geometry *g = &f->g;
    uint64_t end = sector_at(f, fat_geometry_data(g));
    uint64_t volume = sector_at(f, g->sectors);
    int err;

    if (g->bits == 32)
        end += sector_at(f, g->cluster_sectors);        /* the root */
    if (end < CLEAR_MIN)
        end = CLEAR_MIN < volume ? CLEAR_MIN : volume;

    err = clear(f, end);
    if (!err)
        err = put_fats(f);
    if (!err)
        err = put_label(f);
    if (!err && g->bits == 32)
        err = put_info(f);
    if (!err && has_backup(f))
        err = put_boot(f, FAT_BACKUP_SECTOR);
    if (!err)
        err = shale_bdev_flush(f->dev);
    if (!err)
        err = put_boot(f, 0);
    if (!err)
        err = shale_bdev_flush(f->dev);
    return err;
}

/* Tell TO how the volume is going to look. */
static void describe(const struct formatter *f, struct shale_describe *to)
{
    const struct fat_geometry *g = &f->g;

    to->text(to, "type", g->bits == 32 ? "FAT32"
                       : g->bits == 16 ? "FAT16" : "FAT12");
    to->number(to, "sector_size", g->sector_size);
    to->number(to, "cluster_size", (uint64_t)g->cluster_sectors *
                                   g->sector_size);
    to->number(to, "sectors", g->sectors);
    to->number(to, "clusters", g->clusters);
    to->number(to, "reserved_sectors", g->reserved);
    to->number(to, "fats", g->fat_count);
    to->number(to, "fat_sectors", g->fat_sectors);
    if (g->bits != 32)
        to->number(to, "root_entries", g->root_entries);
    to->number(to, "data_offset", sector_at(f, fat_geometry_data(g)));
    to->number(to, "hidden_sectors", g->hidden);
}

int fat_format(struct shale_bdev *dev, struct shale_mem *mem,
               struct shale_log *log, const struct shale_format *format)
{
    struct formatter f = { .dev = dev, .format = format };
    int err;

    err = fat_geometry_choose(dev, log, format, &f.g);
    if (!err)
        err = take_label(&f, log);
    if (err)
        return err;
    if (format->plan) {
        describe(&f, format->plan);
        return 0;
    }

    f.buf_size = BUF_MAX;       /* or whatever there is */
    while (!(f.buf = shale_alloc(mem, f.buf_size)))
        if (f.buf_size /= 2, f.buf_size < f.g.sector_size)
            return SHALE_ENOMEM;
    err = write_all(&f);
    shale_free(mem, f.buf, f.buf_size);
    return err;
}
