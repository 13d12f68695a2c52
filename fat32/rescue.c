/*
 * rescue.c - volumes whose boot sector is bad, or has never been
 *
 * FAT32 keeps a copy of the boot sector, usually in sector 6. It is used where
 * the first one is bad, and nothing is written then. Floppies of DOS 1 have no
 * BPB: what they are follows from their size and the first byte of the FAT.
 */
#include "extras.h"
#include "fat.h"
#include "memfn.h"

/* ---------------------------------------------------------------- DOS 1 */

/* Floppies of DOS 1, which is before there was a BPB. */
static const struct {
    uint16_t sectors;
    uint8_t cluster_sectors, root_entries, fat_sectors, media;
} dos1x[] = {
    { 320, 1, 64, 1, 0xfe },    /* 160 KiB */
    { 360, 1, 64, 2, 0xfc },    /* 180 KiB */
    { 640, 2, 112, 1, 0xff },   /* 320 KiB */
    { 720, 2, 112, 2, 0xfd },   /* 360 KiB */
};

/* Does a FAT of such a floppy begin so, behind the boot sector? */
static bool is_dos1x_fat(const uint8_t *fat, uint8_t media)
{
    return fat[0] == media && fat[1] == 0xff && fat[2] == 0xff;
}

/* DOS 1.0 has a date before that. */
bool fat_head_is_blank(const uint8_t *head)
{
    const size_t end = offsetof(struct fat_disk_boot, u);

    for (size_t i = offsetof(struct fat_disk_boot, sector_size); i < end; i++)
        if (head[i] != 0)
            return false;
    return true;
}

bool fat_dos1x_make(uint64_t size, const uint8_t fat[3], uint8_t *head)
{
    struct fat_disk_boot *raw = (struct fat_disk_boot *)head;

    for (size_t i = 0; i < sizeof dos1x / sizeof dos1x[0]; i++) {
        if (size != (uint64_t)dos1x[i].sectors * FAT_SECTOR_MIN ||
            !is_dos1x_fat(fat, dos1x[i].media))
            continue;
        memset(raw, 0, sizeof *raw);
        raw->sector_size = le16_make(FAT_SECTOR_MIN);
        raw->cluster_sectors = dos1x[i].cluster_sectors;
        raw->reserved = le16_make(1);
        raw->fat_count = 2;
        raw->root_entries = le16_make(dos1x[i].root_entries);
        raw->sectors16 = le16_make(dos1x[i].sectors);
        raw->media = dos1x[i].media;
        raw->fat_sectors16 = le16_make(dos1x[i].fat_sectors);
        return true;
    }
    return false;
}

/* Make up the BPB of such a floppy in HEAD. False if FS is none. */
static bool dos1x_load(struct shale_fs *fs, uint8_t *head)
{
    uint8_t fat[3];

    return !shale_bdev_read_bytes(fs->dev, fs->mem, FAT_SECTOR_MIN, fat,
                                  sizeof fat) &&
           fat_dos1x_make(fs->dev->size, fat, head);
}

/* Could the LEN bytes at HEAD be such a floppy's, of DOS 1.1? */
static bool is_dos1x(const uint8_t *head, size_t len)
{
    if (len < FAT_SECTOR_MIN + 3 || head[0] != 0xeb || head[2] != 0x90 ||
        !fat_head_is_blank(head))
        return false;
    for (size_t i = 0; i < sizeof dos1x / sizeof dos1x[0]; i++)
        if (is_dos1x_fat(head + FAT_SECTOR_MIN, dos1x[i].media))
            return true;
    return false;
}

/* -------------------------------------------------------------- probing */

/* Is what HEAD has of a boot sector that of FAT32, whatever the rest says? */
static bool is_fat32_wreck(const uint8_t *head)
{
    const struct fat_disk_boot *raw = (const struct fat_disk_boot *)head;

    return memcmp(raw->u.fat32.ext.type, "FAT32   ", 8) == 0 ||
           (head[0] == 0 && memcmp(head, head + 1, FAT_HEAD_SIZE - 1) == 0);
}

bool fat_probe(const uint8_t *head, size_t len)
{
    const uint8_t *copy = head + FAT_BACKUP_SECTOR * FAT_SECTOR_MIN;
    struct fat_boot boot;
    uint32_t field;
    int known = fat_probe_bpb(head, len, &boot);

    if (known != 0)
        return known > 0;
    if (is_dos1x(head, len))
        return true;            /* the option is asked for when it is mounted */

    /* A copy alone could be left from before anything. */
    return len >= (FAT_BACKUP_SECTOR + 1) * FAT_SECTOR_MIN &&
           is_fat32_wreck(head) && fat_head_is_signed(copy) &&
           fat_head_has_jump(copy) && !fat_head_is_other(copy) &&
           !fat_boot_decode(copy, 0, &boot, &field) &&
           boot.bits == 32 && boot.backup_sector == FAT_BACKUP_SECTOR;
}

/* -------------------------------------------------------------- loading */

/* Try the copies of the boot sector, of any size of sectors. */
static bool backup_load(struct fat_volume *vol, uint8_t *head)
{
    struct fat_boot *out = &vol->boot;
    struct shale_fs *fs = vol->fs;
    uint32_t field;

    for (uint32_t size = FAT_SECTOR_MIN; size <= FAT_SECTOR_MAX; size *= 2) {
        uint64_t at = (uint64_t)FAT_BACKUP_SECTOR * size;

        if (shale_bdev_read_bytes(fs->dev, fs->mem, at, head, FAT_HEAD_SIZE) ||
            !fat_head_is_signed(head) || fat_head_is_other(head) ||
            fat_boot_decode(head, vol->options.force_bits, out, &field) ||
            out->bits != 32 || out->sector_size != size)
            continue;
        out->at = at;
        fs->read_only = true;
        return true;
    }
    return false;
}

int fat_boot_rescue(struct fat_volume *vol, uint8_t *head, int err,
                    const char **wrong, uint32_t *field)
{
    struct shale_fs *fs = vol->fs;
    const char *text;
    size_t len;
    bool dos1x_taken = shale_option_text(fs, "dos1xfloppy", &text, &len) == 1;

    if (!err && (dos1x_taken || fat_head_is_blank(head)) &&
        dos1x_load(fs, head)) {
        if (!dos1x_taken)
            return shale_fail(fs, SHALE_EINVAL, "fat: a floppy of DOS 1, "
                              "without a BPB",
                              "option dos1xfloppy takes it", 0);
        *wrong = fat_boot_decode(head, vol->options.force_bits, &vol->boot,
                                 field);
        if (!*wrong)
            return 1;
    }
    if (!backup_load(vol, head))
        return 0;
    shale_warn(fs, *wrong, "its copy is used, and nothing will be written",
               *field);
    return 1;
}
