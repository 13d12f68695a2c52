/*
 * boot.c - the boot sector, and in it the BIOS parameter block
 *
 * The BPB says where everything is. Which of the three types a volume has is
 * said nowhere: it follows from the number of clusters, and FAT32 also shows in
 * having no 16-bit size of the FAT. (FAT spec 1.03, "FAT Type Determination")
 *
 * FAT32 keeps a copy of the boot sector, usually in sector 6. It is used where
 * the first one is bad, and nothing is written then.
 *
 * Left out on purpose, since sound volumes are known that would fail it: the
 * jump, the names of the system and of the type, the signature 0xaa55 (which
 * DOS before 3.3 did not write), the device's size, a root of whole sectors.
 */
#include "bits.h"
#include "fat.h"
#include "memfn.h"

#define BACKUP_SECTOR 6u
#define FIELD(name) ((uint32_t)offsetof(struct fat_disk_boot, name))
#define EXT16_AT FIELD(u.fat16)
#define EXT32_AT FIELD(u.fat32.ext)

static bool is_power_of_two(uint32_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

static uint32_t log2_of(uint32_t power)
{
    return bit_lowest32(power);
}

/* ------------------------------------------------------------- decoding */

/* A rule that is broken, by the field at *FIELD. */
#define BROKEN(where, what) (*field = (where), (what))

/* What is the same in all types. */
static const char *decode_common(const struct fat_disk_boot *raw,
                                 struct fat_boot *out, uint32_t *field)
{
    out->sector_size = le16_get(raw->sector_size);
    out->cluster_sectors = raw->cluster_sectors;
    out->reserved = le16_get(raw->reserved);
    out->fat_count = raw->fat_count;
    out->root_entries = le16_get(raw->root_entries);
    out->sectors = le16_get(raw->sectors16);
    if (out->sectors == 0)
        out->sectors = le32_get(raw->sectors32);
    out->fat_sectors = le16_get(raw->fat_sectors16);
    out->media = raw->media;
    out->track_sectors = le16_get(raw->track_sectors);
    out->heads = le16_get(raw->heads);
    out->hidden = le32_get(raw->hidden);
    memcpy(out->oem, raw->oem, sizeof out->oem);

    if (!is_power_of_two(out->sector_size) ||
        out->sector_size < FAT_SECTOR_MIN || out->sector_size > FAT_SECTOR_MAX)
        return BROKEN(FIELD(sector_size),
                      "fat: sectors of no size from 512 to 4096");
    if (!is_power_of_two(out->cluster_sectors))
        return BROKEN(FIELD(cluster_sectors),
                      "fat: sectors in a cluster are no power of two");
    out->cluster_size = out->cluster_sectors * out->sector_size;
    if (out->cluster_size > FAT_CLUSTER_MAX)
        return BROKEN(FIELD(cluster_sectors),
                      "fat: clusters of more than 256 KiB");
    if (out->reserved == 0)
        return BROKEN(FIELD(reserved), "fat: no reserved sectors");
    if (out->fat_count == 0)
        return BROKEN(FIELD(fat_count), "fat: no file allocation table");
    if (out->media != 0xf0 && out->media < 0xf8)
        return BROKEN(FIELD(media), "fat: no media descriptor");
    if (out->sectors == 0)
        return BROKEN(FIELD(sectors32), "fat: volume of 0 sectors");
    out->sector_shift = log2_of(out->sector_size);
    out->cluster_shift = log2_of(out->cluster_size);
    return NULL;
}

/* What only FAT32 has. */
static const char *decode_fat32(const struct fat_disk_boot *raw,
                                struct fat_boot *out, uint32_t *field)
{
    uint32_t flags = le16_get(raw->u.fat32.flags);

    out->fat_sectors = le32_get(raw->u.fat32.fat_sectors);
    out->root_cluster = le32_get(raw->u.fat32.root_cluster);
    out->info_sector = le16_get(raw->u.fat32.info);
    out->backup_sector = le16_get(raw->u.fat32.backup);
    out->fat_mirrored = !(flags & FAT_FLAGS_ONE);
    out->fat_active = out->fat_mirrored ? 0 : flags & FAT_FLAGS_ACTIVE;

    if (out->fat_sectors == 0)
        return BROKEN(FIELD(u.fat32.fat_sectors),
                      "fat: file allocation table of 0 sectors");
    if (out->fat_active >= out->fat_count)
        return BROKEN(FIELD(u.fat32.flags),
                      "fat: the active file allocation table does not exist");
    /* Mostly 0xffff or 0 for "none"; nothing depends on either. */
    if (out->backup_sector >= out->reserved)
        out->backup_sector = 0;
    if (out->info_sector >= out->reserved ||
        out->info_sector == out->backup_sector)
        out->info_sector = 0;   /* not to be made where a boot sector is */
    return NULL;
}

/* Where the areas are, and how many clusters that leaves. */
static const char *decode_layout(struct fat_boot *out, uint32_t *field)
{
    uint32_t root = (out->root_entries * FAT_ENTRY_SIZE + out->sector_size - 1)
                    >> out->sector_shift;
    uint64_t start = out->reserved +
                     (uint64_t)out->fat_count * out->fat_sectors;

    if (start + root >= out->sectors)
        return BROKEN(FIELD(fat_count),
                      "fat: the tables leave no room in the volume");
    out->root_sector = (uint32_t)start;
    out->data_sector = (uint32_t)start + root;
    out->cluster_count = (out->sectors - out->data_sector) /
                         out->cluster_sectors;
    if (out->cluster_count == 0)
        return BROKEN(FIELD(sectors32), "fat: volume without a cluster");
    return NULL;
}

/* The type, once layout is known. */
static const char *decode_type(struct fat_boot *out, bool is_fat32,
                               unsigned force_bits, uint32_t *field)
{
    uint32_t most;

    if (is_fat32)
        out->bits = 32;
    else if (force_bits == 12 || force_bits == 16)
        out->bits = force_bits;
    else
        out->bits = out->cluster_count < FAT12_CLUSTERS ? 12 : 16;

    most = out->bits == 32 ? FAT32_CLUSTERS
         : out->bits == 16 ? FAT16_CLUSTERS - 1 : FAT12_CLUSTERS - 1;
    if (out->cluster_count > most)
        return BROKEN(FIELD(sectors32), "fat: more clusters than the type of "
                      "file allocation table can have");
    if (!is_fat32 && out->root_entries == 0)
        return BROKEN(FIELD(root_entries), "fat: no root directory");
    return NULL;
}

/* A FAT has to have an entry for each cluster, so there are no others. */
static const char *decode_fat_size(struct fat_boot *out, uint32_t *field)
{
    uint64_t entries = ((uint64_t)out->fat_sectors << out->sector_shift) * 8 /
                       out->bits;

    if (entries <= FAT_FIRST_CLUSTER)
        return BROKEN(FIELD(fat_sectors16),
                      "fat: file allocation table without an entry");
    if (out->cluster_count > entries - FAT_FIRST_CLUSTER)
        out->cluster_count = (uint32_t)(entries - FAT_FIRST_CLUSTER);
    return NULL;
}

static void decode_ext(const struct fat_disk_ext *ext, uint32_t at,
                       struct fat_boot *out)
{
    if (ext->signature != FAT_EXT_ID_LABEL && ext->signature != FAT_EXT_ID)
        return;
    out->ext_at = at;
    out->drive = ext->drive;
    out->state = ext->state;
    out->id = le32_get(ext->id);
    out->has_label = ext->signature == FAT_EXT_ID_LABEL;
    memcpy(out->label, ext->label, sizeof out->label);
}

const char *fat_boot_decode(const uint8_t *head, unsigned force_bits,
                            struct fat_boot *out, uint32_t *field)
{
    const struct fat_disk_boot *raw = (const struct fat_disk_boot *)head;
    const char *wrong;
    bool is_fat32;

    memset(out, 0, sizeof *out);
    wrong = decode_common(raw, out, field);
    if (wrong)
        return wrong;
    out->fat_mirrored = true;
    is_fat32 = out->fat_sectors == 0;
    if (is_fat32)
        wrong = decode_fat32(raw, out, field);
    if (!wrong)
        wrong = decode_layout(out, field);
    if (!wrong)
        wrong = decode_type(out, is_fat32, force_bits, field);
    if (!wrong)
        wrong = decode_fat_size(out, field);
    if (wrong)
        return wrong;
    if (is_fat32 && (out->root_cluster < FAT_FIRST_CLUSTER ||
                     out->root_cluster - FAT_FIRST_CLUSTER >=
                         out->cluster_count))
        return BROKEN(FIELD(u.fat32.root_cluster),
                      "fat: the root directory is outside the volume");
    if (is_fat32)
        decode_ext(&raw->u.fat32.ext, EXT32_AT, out);
    else
        decode_ext(&raw->u.fat16, EXT16_AT, out);
    return NULL;
}

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

/* Does HEAD have no BPB, but zeros? Of DOS 1.0, it has a date there. */
static bool is_blank(const uint8_t *head)
{
    for (uint32_t i = FIELD(sector_size); i < FIELD(u); i++)
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
        !is_blank(head))
        return false;
    for (size_t i = 0; i < sizeof dos1x / sizeof dos1x[0]; i++)
        if (is_dos1x_fat(head + FAT_SECTOR_MIN, dos1x[i].media))
            return true;
    return false;
}

/* -------------------------------------------------------------- probing */

static bool has_signature(const uint8_t *head)
{
    return head[FAT_SIGNATURE_AT] == (FAT_SIGNATURE & 0xff) &&
           head[FAT_SIGNATURE_AT + 1] == FAT_SIGNATURE >> 8;
}

/*
 * Does the sector at HEAD have a table of partitions, of which one does not
 * begin with that very sector? Then the BPB in it is left from before. (What
 * mkfs.fat writes for Windows' sake is one partition, from sector 0 on.)
 */
static bool has_partitions(const uint8_t *head)
{
    bool found = false;

    if (!has_signature(head))
        return false;
    for (unsigned i = 0; i < 4; i++) {
        const uint8_t *entry = head + 446 + i * 16;
        uint32_t first = le32_get(*(const le32 *)(entry + 8));
        uint32_t count = le32_get(*(const le32 *)(entry + 12));

        if (entry[0] != 0x00 && entry[0] != 0x80)
            return false;
        if (entry[4] == 0)
            continue;
        if (first == 0 || count == 0)
            return false;
        found = true;
    }
    return found;
}

/* Does a boot sector of another format with a BPB begin at HEAD? */
static bool is_other(const uint8_t *head)
{
    return memcmp(head + 3, "NTFS    ", 8) == 0 ||
           memcmp(head + 3, "EXFAT   ", 8) == 0 ||
           memcmp(head + 3, "-FVE-FS-", 8) == 0;
}

/* Do programs for the PC begin so, or for the Atari ST? */
static bool has_jump(const uint8_t *head)
{
    return head[0] == 0xeb || head[0] == 0xe9 || head[0] == 0x60;
}

/* Does the first FAT begin, in the LEN bytes at HEAD, with the media byte? */
static bool has_media(const uint8_t *head, size_t len,
                      const struct fat_boot *boot)
{
    uint64_t at = (uint64_t)boot->reserved << boot->sector_shift;

    return at + 2 <= len && head[at] == boot->media && head[at + 1] == 0xff;
}

/* Is what HEAD has of a boot sector that of FAT32, whatever the rest says? */
static bool is_fat32_wreck(const uint8_t *head)
{
    const struct fat_disk_boot *raw = (const struct fat_disk_boot *)head;

    return memcmp(raw->u.fat32.ext.type, "FAT32   ", 8) == 0 ||
           (head[0] == 0 && memcmp(head, head + 1, FAT_HEAD_SIZE - 1) == 0);
}

bool fat_probe(const uint8_t *head, size_t len)
{
    const uint8_t *copy = head + BACKUP_SECTOR * FAT_SECTOR_MIN;
    struct fat_boot boot;
    uint32_t field;

    if (len < FAT_HEAD_SIZE || is_other(head) || has_partitions(head))
        return false;
    if (is_dos1x(head, len))
        return true;            /* the option is asked for when it is mounted */
    if (!fat_boot_decode(head, 0, &boot, &field))
        return has_signature(head) || has_jump(head) ||
               has_media(head, len, &boot);

    /* A copy alone could be left from before anything. */
    return len >= (BACKUP_SECTOR + 1) * FAT_SECTOR_MIN &&
           is_fat32_wreck(head) && has_signature(copy) && has_jump(copy) &&
           !is_other(copy) && !fat_boot_decode(copy, 0, &boot, &field) &&
           boot.bits == 32 && boot.backup_sector == BACKUP_SECTOR;
}

/* -------------------------------------------------------------- loading */

/* Try the copies of the boot sector, of any size of sectors. */
static bool backup_load(struct shale_fs *fs, uint8_t *head,
                        unsigned force_bits, struct fat_boot *out)
{
    uint32_t field;

    for (uint32_t size = FAT_SECTOR_MIN; size <= FAT_SECTOR_MAX; size *= 2) {
        uint64_t at = (uint64_t)BACKUP_SECTOR * size;

        if (shale_bdev_read_bytes(fs->dev, fs->mem, at, head, FAT_HEAD_SIZE) ||
            !has_signature(head) || is_other(head) ||
            fat_boot_decode(head, force_bits, out, &field) ||
            out->bits != 32 || out->sector_size != size)
            continue;
        out->at = at;
        fs->read_only = true;
        return true;
    }
    return false;
}

static int load_with(struct shale_fs *fs, const struct fat_options *options,
                     uint8_t *head, struct fat_boot *out)
{
    const char *wrong = "fat: the boot sector cannot be read";
    uint32_t field = 0;
    int err = shale_bdev_read_bytes(fs->dev, fs->mem, 0, head, FAT_HEAD_SIZE);

    if (!err && is_other(head))
        wrong = "fat: a boot sector of NTFS or exFAT";
    else if (!err)
        wrong = fat_boot_decode(head, options->force_bits, out, &field);
    if (wrong && !err && (options->dos1x || is_blank(head)) &&
        dos1x_load(fs, head)) {
        if (!options->dos1x)
            return shale_fail(fs, SHALE_EINVAL, "fat: a floppy of DOS 1, "
                              "without a BPB",
                              "option dos1xfloppy takes it", 0);
        wrong = fat_boot_decode(head, options->force_bits, out, &field);
    }
    if (!wrong)
        return 0;
    if (backup_load(fs, head, options->force_bits, out)) {
        shale_warn(fs, wrong, "its copy is used, and nothing will be written",
                   field);
        return 0;
    }
    return err ? shale_fail(fs, err, wrong, NULL, 0)
               : shale_corrupt(fs, wrong, field);
}

int fat_boot_load(struct shale_fs *fs, const struct fat_options *options,
                  struct fat_boot *out)
{
    uint8_t *head = shale_alloc(fs->mem, FAT_HEAD_SIZE);
    int err = SHALE_ENOMEM;

    if (!head)
        return err;
    err = load_with(fs, options, head, out);
    if (!err && (uint64_t)out->sectors << out->sector_shift > fs->dev->size)
        shale_warn(fs, "fat: the volume is larger than its device", NULL,
                   FIELD(sectors32));
    shale_free(fs->mem, head, FAT_HEAD_SIZE);
    return err;
}
