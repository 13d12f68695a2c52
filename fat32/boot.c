/*
 * boot.c - the boot sector, and in it the BIOS parameter block
 *
 * The BPB says where everything is. Which of the three types a volume has is
 * said nowhere: it follows from the number of clusters, and FAT32 also shows in
 * having no 16-bit size of the FAT. (FAT spec 1.03, "FAT Type Determination")
 *
 * What is done about one that is bad, or not there, is in rescue.c.
 *
 * Left out on purpose, since sound volumes are known that would fail it: the
 * jump, the names of the system and of the type, the signature 0xaa55 (which
 * DOS before 3.3 did not write), the device's size, a root of whole sectors.
 */
#include "bits.h"
#include "extras.h"
#include "fat.h"
#include "memfn.h"

#define FIELD(name) ((uint32_t)offsetof(struct fat_disk_boot, name))

/* So many a FAT can need: FAT32_CLUSTERS and two more, of four bytes. */
#define FAT_BYTES_MAX ((uint32_t)1 << 30)

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

/* The rules, ... */
enum rule {
    SOUND, RULE_SECTOR_SIZE, RULE_CLUSTER_SECTORS, RULE_CLUSTER_SIZE,
    RULE_RESERVED, RULE_FATS, RULE_MEDIA, RULE_SECTORS, RULE_FAT_SECTORS,
    RULE_ACTIVE, RULE_ROOM, RULE_CLUSTERS, RULE_TYPE, RULE_ROOT_ENTRIES,
    RULE_FAT_ENTRIES, RULE_ROOT,
};

/* ... by the field that breaks them, and how. */
static const struct {
    uint32_t field;
    const char *what;
} rules[] = {
    [SOUND] = { 0, NULL },
    [RULE_SECTOR_SIZE] = { FIELD(sector_size),
      "fat: sectors of no size from 512 to 4096" },
    [RULE_CLUSTER_SECTORS] = { FIELD(cluster_sectors),
      "fat: sectors in a cluster are no power of two" },
    [RULE_CLUSTER_SIZE] = { FIELD(cluster_sectors),
      "fat: clusters of more than 256 KiB" },
    [RULE_RESERVED] = { FIELD(reserved), "fat: no reserved sectors" },
    [RULE_FATS] = { FIELD(fat_count), "fat: no file allocation table" },
    [RULE_MEDIA] = { FIELD(media), "fat: no media descriptor" },
    [RULE_SECTORS] = { FIELD(sectors32), "fat: volume of 0 sectors" },
    [RULE_FAT_SECTORS] = { FIELD(u.fat32.fat_sectors),
      "fat: file allocation table of 0 sectors" },
    [RULE_ACTIVE] = { FIELD(u.fat32.flags),
      "fat: the active file allocation table does not exist" },
    [RULE_ROOM] = { FIELD(fat_count),
      "fat: the tables leave no room in the volume" },
    [RULE_CLUSTERS] = { FIELD(sectors32), "fat: volume without a cluster" },
    [RULE_TYPE] = { FIELD(sectors32),
      "fat: more clusters than the type of file allocation table "
      "can have" },
    [RULE_ROOT_ENTRIES] = { FIELD(root_entries), "fat: no root directory" },
    [RULE_FAT_ENTRIES] = { FIELD(fat_sectors16),
      "fat: file allocation table without an entry" },
    [RULE_ROOT] = { FIELD(u.fat32.root_cluster),
      "fat: the root directory is outside the volume" },
};

/* What is the same in all types. */
static enum rule decode_common(const struct fat_disk_boot *raw,
                                 struct fat_boot *out)
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
        return RULE_SECTOR_SIZE;
    if (!is_power_of_two(out->cluster_sectors))
        return RULE_CLUSTER_SECTORS;
    out->cluster_size = out->cluster_sectors * out->sector_size;
    if (out->cluster_size > FAT_CLUSTER_MAX)
        return RULE_CLUSTER_SIZE;
    if (out->reserved == 0)
        return RULE_RESERVED;
    if (out->fat_count == 0)
        return RULE_FATS;
    if (out->media != 0xf0 && out->media < 0xf8)
        return RULE_MEDIA;
    if (out->sectors == 0)
        return RULE_SECTORS;
    out->sector_shift = log2_of(out->sector_size);
    out->cluster_shift = log2_of(out->cluster_size);
    return SOUND;
}

/* What only FAT32 has. */
static enum rule decode_fat32(const struct fat_disk_boot *raw,
                                struct fat_boot *out)
{
    uint32_t flags = le16_get(raw->u.fat32.flags);

    out->fat_sectors = le32_get(raw->u.fat32.fat_sectors);
    out->root_cluster = le32_get(raw->u.fat32.root_cluster);
    out->info_sector = le16_get(raw->u.fat32.info);
    out->backup_sector = le16_get(raw->u.fat32.backup);
    out->fat_mirrored = !(flags & FAT_FLAGS_ONE);
    out->fat_active = out->fat_mirrored ? 0 : flags & FAT_FLAGS_ACTIVE;

    if (out->fat_sectors == 0)
        return RULE_FAT_SECTORS;
    if (out->fat_active >= out->fat_count)
        return RULE_ACTIVE;
    /* Mostly 0xffff or 0 for "none"; nothing depends on either. */
    if (out->backup_sector >= out->reserved)
        out->backup_sector = 0;
    if (out->info_sector >= out->reserved ||
        out->info_sector == out->backup_sector)
        out->info_sector = 0;   /* not to be made where a boot sector is */
    return SOUND;
}

/* Where the areas are, and how many clusters that leaves. */
static enum rule decode_layout(struct fat_boot *out)
{
    uint32_t root = (out->root_entries * FAT_ENTRY_SIZE + out->sector_size - 1)
                    >> out->sector_shift;
    uint64_t start = out->reserved +
                     (uint64_t)out->fat_count * out->fat_sectors;

    if (start + root >= out->sectors)
        return RULE_ROOM;
    out->root_sector = (uint32_t)start;
    out->data_sector = (uint32_t)start + root;
    out->cluster_count = (out->sectors - out->data_sector) /
                         out->cluster_sectors;
    if (out->cluster_count == 0)
        return RULE_CLUSTERS;
    return SOUND;
}

/* The type, once layout is known. */
static enum rule decode_type(struct fat_boot *out, bool is_fat32,
                               unsigned force_bits)
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
        return RULE_TYPE;
    if (!is_fat32 && out->root_entries == 0)
        return RULE_ROOT_ENTRIES;
    return SOUND;
}

/* A FAT has to have an entry for each cluster, so there are no others. */
static enum rule decode_fat_size(struct fat_boot *out)
{
    uint32_t most = FAT_BYTES_MAX >> out->sector_shift;
    uint32_t sectors = out->fat_sectors < most ? out->fat_sectors : most;
    uint32_t entries = (sectors << out->sector_shift) * 2 / (out->bits / 4);

    if (entries <= FAT_FIRST_CLUSTER)
        return RULE_FAT_ENTRIES;
    if (out->cluster_count > entries - FAT_FIRST_CLUSTER)
        out->cluster_count = entries - FAT_FIRST_CLUSTER;
    return SOUND;
}

static void decode_ext(const uint8_t *head, uint32_t at, struct fat_boot *out)
{
    const struct fat_disk_ext *ext = (const struct fat_disk_ext *)(head + at);

    if (ext->signature != FAT_EXT_ID_LABEL && ext->signature != FAT_EXT_ID)
        return;
    out->ext_at = at;
    out->drive = ext->drive;
    out->state = ext->state;
    out->id = le32_get(ext->id);
    out->has_label = ext->signature == FAT_EXT_ID_LABEL;
    memcpy(out->label, ext->label, sizeof out->label);
}

/* Fill *OUT. Returns which rule is broken, if any. */
static enum rule decode(const uint8_t *head, unsigned force_bits,
                        struct fat_boot *out)
{
    const struct fat_disk_boot *raw = (const struct fat_disk_boot *)head;
    enum rule broken;
    bool is_fat32;

    memset(out, 0, sizeof *out);
    broken = decode_common(raw, out);
    if (broken)
        return broken;
    out->fat_mirrored = true;
    is_fat32 = out->fat_sectors == 0;
    if (is_fat32)
        broken = decode_fat32(raw, out);
    if (!broken)
        broken = decode_layout(out);
    if (!broken)
        broken = decode_type(out, is_fat32, force_bits);
    if (!broken)
        broken = decode_fat_size(out);
    if (broken)
        return broken;
    out->fat_first = out->fat_active;
    out->fat_end = out->fat_mirrored ? out->fat_count : out->fat_active + 1;
    if (is_fat32 && (out->root_cluster < FAT_FIRST_CLUSTER ||
                     out->root_cluster - FAT_FIRST_CLUSTER >=
                         out->cluster_count))
        return RULE_ROOT;
    decode_ext(head, is_fat32 ? EXT32_AT : EXT16_AT, out);
    return SOUND;
}

const char *fat_boot_decode(const uint8_t *head, unsigned force_bits,
                            struct fat_boot *out, uint32_t *field)
{
    enum rule broken = decode(head, force_bits, out);

    if (broken)
        *field = rules[broken].field;
    return rules[broken].what;
}

/* -------------------------------------------------------------- probing */

bool fat_head_is_signed(const uint8_t *head)
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

    if (!fat_head_is_signed(head))
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

bool fat_head_is_other(const uint8_t *head)
{
    return memcmp(head + 3, "NTFS    ", 8) == 0 ||
           memcmp(head + 3, "EXFAT   ", 8) == 0 ||
           memcmp(head + 3, "-FVE-FS-", 8) == 0;
}

bool fat_head_has_jump(const uint8_t *head)
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

int fat_probe_bpb(const uint8_t *head, size_t len, struct fat_boot *boot)
{
    uint32_t field;

    if (len < FAT_HEAD_SIZE || fat_head_is_other(head) || has_partitions(head))
        return -1;
    if (fat_boot_decode(head, 0, boot, &field))
        return 0;
    return fat_head_is_signed(head) || fat_head_has_jump(head) ||
                   has_media(head, len, boot) ? 1 : -1;
}

bool fat_probe_sound(const uint8_t *head, size_t len)
{
    struct fat_boot boot;

    return fat_probe_bpb(head, len, &boot) > 0;
}

/* -------------------------------------------------------------- loading */

static int load_with(struct fat_volume *vol, uint8_t *head)
{
    const char *wrong = "fat: the boot sector cannot be read";
    struct shale_fs *fs = vol->fs;
    uint32_t field = 0;
    int err = shale_bdev_read_bytes(fs->dev, fs->mem, 0, head, FAT_HEAD_SIZE);

    if (!err && fat_head_is_other(head))
        wrong = "fat: a boot sector of NTFS or exFAT";
    else if (!err)
        wrong = fat_boot_decode(head, vol->options.force_bits, &vol->boot,
                                &field);
    if (!wrong)
        return 0;
    if (vol->extras) {
        int found = vol->extras->boot_rescue(vol, head, err, &wrong, &field);

        if (found != 0)
            return found < 0 ? found : 0;
    }
    return err ? shale_fail(fs, err, wrong, NULL, 0)
               : shale_corrupt(fs, wrong, field);
}

int fat_boot_load(struct fat_volume *vol)
{
    struct shale_fs *fs = vol->fs;
    uint8_t *head = shale_alloc(fs->mem, FAT_HEAD_SIZE);
    int err = SHALE_ENOMEM;

    if (!head)
        return err;
    err = load_with(vol, head);
    if (!err && fat_sector_at(vol, vol->boot.sectors) > fs->dev->size)
        shale_warn(fs, "fat: the volume is larger than its device", NULL,
                   FIELD(sectors32));
    shale_free(fs->mem, head, FAT_HEAD_SIZE);
    return err;
}
