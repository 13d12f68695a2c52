/*
 * gpt.c - GUID partition tables (UEFI 2.10, chapter 5.3)
 *
 * A header names an array of entries, and both are covered by a CRC32. They
 * exist twice: the primary header is at LBA 1, its copy at the disk's last.
 *
 *      | MBR | header | array ... | partitions ... | array | header |
 *       LBA 0  LBA 1                                         LBA -1
 *
 * An LBA is 512 or 4096 bytes, which an image file does not say, so that both
 * are tried. A header holds its own LBA, and its CRC covers that: one found by
 * the wrong size, or left over at a place where it no longer belongs, is not
 * taken for sound.
 */
#include "le.h"
#include "memfn.h"
#include "shale/err.h"
#include "table.h"

#define GPT_HEADER_SIZE 92u     /* bytes; at least, says the standard */
#define GPT_ENTRY_SIZE 128u     /* bytes; times a power of two */
#define GPT_ENTRIES_MAX 1024u   /* ours; usual is 128 */
#define GPT_BOOTABLE 0x04u      /* attribute bit 2, "Legacy BIOS Bootable" */
#define GPT_NAME_UNITS 36u

struct gpt_disk_header {
    char signature[8];          /* 0x00  "EFI PART" */
    le32 revision;              /* 0x08 */
    le32 size;                  /* 0x0c  bytes of header under the CRC */
    le32 crc;                   /* 0x10  taken with this field zero */
    le32 reserved;              /* 0x14 */
    le64 lba;                   /* 0x18  where this header is */
    le64 other_lba;             /* 0x20  where the other one is */
    le64 first_usable;          /* 0x28  LBA */
    le64 last_usable;           /* 0x30  LBA, included */
    uint8_t guid[16];           /* 0x38  the disk's */
    le64 entries_lba;           /* 0x48 */
    le32 entry_count;           /* 0x50 */
    le32 entry_size;            /* 0x54  bytes */
    le32 entries_crc;           /* 0x58 */
};

_Static_assert(sizeof(struct gpt_disk_header) == GPT_HEADER_SIZE, "GPT header");

struct gpt_disk_entry {
    uint8_t type[16];           /* 0x00  zero is an unused entry */
    uint8_t guid[16];           /* 0x10 */
    le64 first;                 /* 0x20  LBA */
    le64 last;                  /* 0x28  LBA, included */
    uint8_t attributes[8];      /* 0x30 */
    le16 name[GPT_NAME_UNITS];  /* 0x38  UTF-16 */
};

_Static_assert(sizeof(struct gpt_disk_entry) == GPT_ENTRY_SIZE, "GPT entry");

struct gpt {
    uint64_t at;                /* byte on the disk of this header */
    uint32_t sector_size;       /* bytes */
    uint64_t other_lba;         /* 0 if the header does not even begin well */
    uint64_t first_usable, last_usable;     /* LBA */
    uint64_t entries;           /* byte on the disk */
    uint32_t entry_count;
    uint32_t entry_size;        /* bytes; divides TABLE_SECTOR_MAX */
    uint32_t entries_crc;
    uint8_t guid[16];           /* in the order printed */
    const char *why;            /* what is wrong with it */
};

/* ---------------------------------------------------------------- CRC32 */

/*
 * The reflected CRC32 of polynomial 04C11DB7, four bits at a time: 64 bytes of
 * table for what is computed over 16 KiB once a disk. Start with CRC_START,
 * invert at the end.
 */
#define CRC_START 0xffffffffu

static uint32_t crc_update(uint32_t crc, const uint8_t *bytes, size_t len)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
        0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };

    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return crc;
}

/* The CRC of a header of SIZE bytes, as if its own CRC field were zero. */
static uint32_t header_crc(const uint8_t *raw, uint32_t size)
{
    static const uint8_t zero[4];
    const size_t field = offsetof(struct gpt_disk_header, crc);
    uint32_t crc = crc_update(CRC_START, raw, field);

    crc = crc_update(crc, zero, sizeof zero);
    crc = crc_update(crc, raw + field + sizeof zero,
                     size - field - sizeof zero);
    return ~crc;
}

/* -------------------------------------------------- GUIDs and names */

/*
 * On disk the first three fields of a GUID are little-endian; printed, every
 * field is in the order of its digits.
 */
static void guid_decode(const uint8_t raw[16], uint8_t out[16])
{
    static const uint8_t order[16] = {
        3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15,
    };

    for (unsigned i = 0; i < 16; i++)
        out[i] = raw[order[i]];
}

/* Append code point C to OUT. Returns the end. */
static char *utf8_put(char *out, uint32_t c)
{
    static const uint8_t lead[] = { 0x00, 0xc0, 0xe0, 0xf0 };
    unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

    *out++ = (char)(lead[more] | c >> 6 * more);
    while (more-- > 0)
        *out++ = (char)(0x80 | (c >> 6 * more & 0x3f));
    return out;
}

/* UTF-16 up to a zero into terminated UTF-8; lone surrogates become U+FFFD. */
static void name_decode(const le16 raw[GPT_NAME_UNITS], char *out)
{
    for (unsigned i = 0; i < GPT_NAME_UNITS; i++) {
        uint32_t c = le16_get(raw[i]);
        uint32_t low = i + 1 < GPT_NAME_UNITS ? le16_get(raw[i + 1]) : 0;

        if (c == 0)
            break;
        if ((c & 0xfc00) == 0xd800 && (low & 0xfc00) == 0xdc00) {
            c = 0x10000 + ((c & 0x3ff) << 10) + (low & 0x3ff);
            i++;
        } else if ((c & 0xf800) == 0xd800) {
            c = 0xfffd;
        }
        out = utf8_put(out, c);
    }
    *out = '\0';
}

/* ------------------------------------------------------ one of the two */

static int unsound(struct gpt *gpt, int err, const char *why)
{
    gpt->why = why;
    return err;
}

/* Decode and check the header RAW that was read from sector LBA. */
static int header_decode(const uint8_t *raw, uint64_t lba, struct gpt *gpt)
{
    const struct gpt_disk_header *header = (const struct gpt_disk_header *)raw;
    uint64_t lba_max = UINT64_MAX / gpt->sector_size - 1;
    uint32_t size = le32_get(header->size);

    if (memcmp(header->signature, "EFI PART", 8) != 0)
        return unsound(gpt, SHALE_ECORRUPT, "no header");
    gpt->other_lba = le64_get(header->other_lba);
    if (size < GPT_HEADER_SIZE || size > gpt->sector_size)
        return unsound(gpt, SHALE_ECORRUPT, "header has an impossible size");
    if (header_crc(raw, size) != le32_get(header->crc))
        return unsound(gpt, SHALE_ECORRUPT, "header has a wrong checksum");
    if (le64_get(header->lba) != lba)
        return unsound(gpt, SHALE_ECORRUPT, "header is not in its place");

    gpt->first_usable = le64_get(header->first_usable);
    gpt->last_usable = le64_get(header->last_usable);
    gpt->entry_count = le32_get(header->entry_count);
    gpt->entry_size = le32_get(header->entry_size);
    gpt->entries_crc = le32_get(header->entries_crc);
    guid_decode(header->guid, gpt->guid);

    /* Every LBA up to the last usable one fits in bytes from here on. */
    if (gpt->first_usable > gpt->last_usable || gpt->last_usable > lba_max)
        return unsound(gpt, SHALE_ECORRUPT, "usable area makes no sense");
    if (gpt->entry_size < GPT_ENTRY_SIZE ||
        (gpt->entry_size & (gpt->entry_size - 1)) != 0)
        return unsound(gpt, SHALE_ECORRUPT, "entries have an impossible size");
    if (gpt->entry_size > TABLE_SECTOR_MAX)
        return unsound(gpt, SHALE_ENOTSUP, "entries are too large");
    if (gpt->entry_count > GPT_ENTRIES_MAX)
        return unsound(gpt, SHALE_ENOTSUP, "too many entries");
    if (le64_get(header->entries_lba) > lba_max)
        return unsound(gpt, SHALE_ECORRUPT, "entries are off the disk");
    gpt->entries = le64_get(header->entries_lba) * gpt->sector_size;
    return 0;
}

/*
 * Read the next piece of the array, which begins DONE bytes into it, into the
 * scratch sector. Stores its length.
 */
static int entries_read(struct table *table, const struct gpt *gpt,
                        uint32_t done, size_t *len)
{
    uint32_t left = gpt->entry_count * gpt->entry_size - done;

    *len = left < TABLE_SECTOR_MAX ? left : TABLE_SECTOR_MAX;
    return shale_bdev_read_bytes(table->dev, table->mem, gpt->entries + done,
                                 table->scratch->sector, *len);
}

/* Check the array against its CRC, a piece at a time. */
static int entries_check(struct table *table, struct gpt *gpt)
{
    uint32_t total = gpt->entry_count * gpt->entry_size;
    uint64_t disk = table->dev->size;
    uint32_t crc = CRC_START;
    size_t len;

    if (gpt->entries > disk || total > disk - gpt->entries)
        return unsound(gpt, SHALE_ECORRUPT, "entries are off the disk");
    for (uint32_t done = 0; done < total; done += (uint32_t)len) {
        int err = entries_read(table, gpt, done, &len);

        if (err)
            return unsound(gpt, err, "entries cannot be read");
        crc = crc_update(crc, table->scratch->sector, len);
    }
    if (~crc != gpt->entries_crc)
        return unsound(gpt, SHALE_ECORRUPT, "entries have a wrong checksum");
    return 0;
}

/*
 * Load the header at LBA and check it and its array. On error gpt->why says
 * what is wrong, and gpt->other_lba is where it claims its copy to be.
 */
static int gpt_load(struct table *table, uint32_t sector_size, uint64_t lba,
                    struct gpt *gpt)
{
    int err;

    *gpt = (struct gpt){ .sector_size = sector_size };
    if (lba >= table->dev->size / sector_size) {
        gpt->at = table->dev->size;
        return unsound(gpt, SHALE_ECORRUPT, "header is off the disk");
    }
    gpt->at = lba * sector_size;
    err = shale_bdev_read_bytes(table->dev, table->mem, gpt->at,
                                table->scratch->sector, sector_size);
    if (err)
        return unsound(gpt, err, "header cannot be read");
    err = header_decode(table->scratch->sector, lba, gpt);
    if (err)
        return err;
    return entries_check(table, gpt);
}

/* ---------------------------------------------------- which of the two */

/* The error to report for two failures: the one that is not the disk's lie. */
static int graver(int a, int b)
{
    return a == SHALE_ECORRUPT ? b : a;
}

/*
 * Find the backup of the unsound PRIMARY: where that says, or if there is
 * none, on the last sector.
 */
static int backup_load(struct table *table, const struct gpt *primary,
                       struct gpt *backup)
{
    uint64_t sectors = table->dev->size / primary->sector_size;
    int err = SHALE_ECORRUPT;

    if (primary->other_lba > 1 && primary->other_lba != sectors - 1) {
        err = gpt_load(table, primary->sector_size, primary->other_lba, backup);
        if (!err || err == SHALE_ENOMEM)
            return err;
    }
    if (sectors < 3)
        return err;
    int last = gpt_load(table, primary->sector_size, sectors - 1, backup);

    return last ? graver(err, last) : 0;
}

/* The backup of the sound PRIMARY should be sound, too: say so if it is not. */
static int backup_check(struct table *table, const struct gpt *primary)
{
    struct gpt backup;
    int err = gpt_load(table, primary->sector_size, primary->other_lba,
                       &backup);

    if (err == SHALE_ENOMEM)
        return err;
    if (err)
        table_warn(table, "gpt: the backup table is damaged", backup.why,
                   backup.at);
    else if (backup.entries_crc != primary->entries_crc)
        table_warn(table, "gpt: the backup table differs", NULL, backup.at);
    return 0;
}

/* Find a sound table: any primary before any backup. */
static int gpt_find(struct table *table, struct gpt *gpt)
{
    static const uint32_t sizes[] = { 512, 4096 };
    struct gpt primary[2];
    int worst = SHALE_ECORRUPT;

    for (unsigned i = 0; i < 2; i++) {
        int err = gpt_load(table, sizes[i], 1, &primary[i]);

        if (!err) {
            *gpt = primary[i];
            return backup_check(table, gpt);
        }
        if (err == SHALE_ENOMEM)
            return err;
        worst = graver(worst, err);
    }
    for (unsigned i = 0; i < 2; i++) {
        int err = backup_load(table, &primary[i], gpt);

        if (!err) {
            table->info->backup_used = true;
            table_warn(table, "gpt: primary table is damaged, using the backup",
                       primary[i].why, primary[i].at);
            return 0;
        }
        if (err == SHALE_ENOMEM)
            return err;
        worst = graver(worst, err);
    }

    /* Blame the one that looks like a header, if either does. */
    struct gpt *bad = &primary[primary[0].other_lba == 0 &&
                               primary[1].other_lba != 0];

    return table_error(table, worst, "gpt: neither copy of the table is sound",
                       bad->why, bad->at);
}

/* ------------------------------------------------------------- entries */

/* Give the entry RAW, byte AT of the disk, to the sink if it is in use. */
static int entry_emit(struct table *table, const struct gpt *gpt,
                      const struct gpt_disk_entry *raw, unsigned number,
                      uint64_t at)
{
    static const uint8_t unused[16];
    uint64_t first = le64_get(raw->first), last = le64_get(raw->last);
    struct shale_partition partition = { .number = number };

    if (memcmp(raw->type, unused, sizeof unused) == 0)
        return 0;
    if (first > last || first < gpt->first_usable || last > gpt->last_usable) {
        table_warn(table, "gpt: a partition lies outside the usable area", NULL,
                   at);
        return 0;
    }
    partition.start = first * gpt->sector_size;
    partition.size = (last - first + 1) * gpt->sector_size;
    partition.bootable = (raw->attributes[0] & GPT_BOOTABLE) != 0;
    guid_decode(raw->type, partition.type_guid);
    guid_decode(raw->guid, partition.guid);
    name_decode(raw->name, partition.name);
    return table_emit(table, &partition);
}

int gpt_partitions(struct table *table)
{
    struct gpt gpt;
    uint32_t total, entry = 0;
    size_t len;
    int err = gpt_find(table, &gpt);

    if (err)
        return err;
    table->info->sector_size = gpt.sector_size;
    memcpy(table->info->disk_guid, gpt.guid, sizeof gpt.guid);

    total = gpt.entry_count * gpt.entry_size;
    for (uint32_t done = 0; done < total; done += (uint32_t)len) {
        err = entries_read(table, &gpt, done, &len);
        if (err)
            return err;
        for (size_t i = 0; i < len; i += gpt.entry_size) {
            const uint8_t *raw = table->scratch->sector + i;

            err = entry_emit(table, &gpt, (const struct gpt_disk_entry *)raw,
                             ++entry, gpt.entries + done + i);
            if (err)
                return err;
        }
    }
    return 0;
}
