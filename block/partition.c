/*
 * partition.c - what kind of table a disk has, and the MBR kind
 *
 * Sector 0 ends in 55AA whether it is a partition table or the boot sector of
 * a FAT or NTFS volume without one, so the decision is by plausibility; see
 * table_kind(). An MBR has four entries. One of them may be an extended
 * partition, which holds a chain of sectors like sector 0, each with (at most)
 * one logical partition and one link:
 *
 *      MBR    | p1 | p2 | extended ............................ |
 *      EBR                |E| logical 5 |E| logical 6 | E | ...
 *                          +------------>+------------->
 *
 * A logical partition's start counts from its own EBR; a link's start counts
 * from the start of the extended partition.
 */
#include "shale/partition.h"

#include "le.h"
#include "memfn.h"
#include "shale/err.h"
#include "shale/mem.h"
#include "table.h"

#define MBR_SIZE 512u
#define MBR_ENTRIES 4u
#define MBR_ACTIVE 0x80u
#define MBR_TYPE_GPT 0xeeu      /* UEFI 2.10, 5.2.3 "Protective MBR" */

/* A sector number of an MBR counts in units of 512 bytes or more. */
#define MBR_SECTOR_MIN 512u

struct mbr_disk_entry {
    uint8_t status;             /* 0x00  0x80 is active, 0x00 is not */
    uint8_t first_chs[3];       /* 0x01  not used */
    uint8_t type;               /* 0x04  0 is an empty slot */
    uint8_t last_chs[3];        /* 0x05  not used */
    le32 start;                 /* 0x08  sectors; from where, see above */
    le32 count;                 /* 0x0c  sectors */
};

_Static_assert(sizeof(struct mbr_disk_entry) == 16, "MBR entry");

struct mbr_disk {
    uint8_t code[440];          /* 0x000 */
    le32 id;                    /* 0x1b8  disk signature */
    uint8_t reserved[2];        /* 0x1bc */
    struct mbr_disk_entry entries[MBR_ENTRIES];     /* 0x1be */
    uint8_t signature[2];       /* 0x1fe  55 AA */
};

_Static_assert(sizeof(struct mbr_disk) == MBR_SIZE, "MBR");

/* The start of a FAT, exFAT, NTFS or BitLocker boot sector. */
struct boot_disk {
    uint8_t jump[3];            /* 0x00  x86: over these fields */
    char oem[8];                /* 0x03 */
    le16 bytes_per_sector;      /* 0x0b */
    uint8_t cluster_sectors;    /* 0x0d */
    le16 reserved_sectors;      /* 0x0e */
    uint8_t fats;               /* 0x10 */
    uint8_t skipped[4];         /* 0x11 */
    uint8_t media;              /* 0x15 */
};

_Static_assert(sizeof(struct boot_disk) == 22, "boot sector");

struct mbr_entry {
    uint8_t type;
    bool active;
    uint32_t start, count;      /* sectors */
};

/* ------------------------------------------------- shared with gpt.c */

static void tell(const struct table *table, enum shale_level level, int err,
                 const char *what, const char *detail, uint64_t at)
{
    const struct shale_event event = {
        .level = level,
        .err = err,
        .what = what,
        .detail = detail,
        .at = at,
    };

    if (table->log)
        table->log->event(table->log, &event);
}

void table_warn(const struct table *table, const char *what,
                const char *detail, uint64_t at)
{
    tell(table, SHALE_LOG_WARNING, 0, what, detail, at);
}

int table_error(const struct table *table, int err, const char *what,
                const char *detail, uint64_t at)
{
    tell(table, SHALE_LOG_ERROR, err, what, detail, at);
    return err;
}

int table_emit(const struct table *table,
               const struct shale_partition *partition)
{
    uint64_t size = table->dev->size;

    if (partition->start > size || partition->size > size - partition->start)
        table_warn(table, "partition: runs past the end of the disk", NULL,
                   partition->start);
    return table->emit(table->context, partition);
}

/* --------------------------------------------------- table or volume? */

static struct mbr_entry entry_decode(const struct mbr_disk_entry *raw)
{
    return (struct mbr_entry){
        .type = raw->type,
        .active = (raw->status & MBR_ACTIVE) != 0,
        .start = le32_get(raw->start),
        .count = le32_get(raw->count),
    };
}

static bool is_empty(const struct mbr_entry *entry)
{
    return entry->type == 0 || entry->count == 0;
}

static bool is_extended(const struct mbr_entry *entry)
{
    return !is_empty(entry) && (entry->type == 0x05 ||  /* CHS */
                                entry->type == 0x0f ||  /* LBA */
                                entry->type == 0x85);   /* Linux */
}

static bool has_signature(const struct mbr_disk *mbr)
{
    return mbr->signature[0] == 0x55 && mbr->signature[1] == 0xaa;
}

static bool is_power_of_two(uint32_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

/*
 * True if the sector opens like a boot sector of a volume: the jump that every
 * writer of FAT and NTFS puts there, and a name or parameters that make sense.
 * (Boot loaders in an MBR have the jump, too, but zeros for parameters.)
 */
static bool is_boot_sector(const struct boot_disk *boot)
{
    uint32_t sector = le16_get(boot->bytes_per_sector);

    if (boot->jump[0] != 0xe9 &&
        (boot->jump[0] != 0xeb || boot->jump[2] != 0x90))
        return false;
    if (memcmp(boot->oem, "NTFS    ", 8) == 0 ||
        memcmp(boot->oem, "EXFAT   ", 8) == 0 ||
        memcmp(boot->oem, "-FVE-FS-", 8) == 0)
        return true;
    return is_power_of_two(sector) && sector >= 512 && sector <= 4096 &&
           is_power_of_two(boot->cluster_sectors) &&
           le16_get(boot->reserved_sectors) > 0 &&
           (boot->fats == 1 || boot->fats == 2) &&
           (boot->media == 0xf0 || boot->media >= 0xf8);
}

/*
 * What sector 0 is. Any status byte other than 00 and 80 is boot code or text,
 * and so no table. In a sector that is also a sound boot sector, only a table
 * that fits the disk in every entry is believed: some sticks are made so, but
 * most hold a volume, and four empty entries are just padding.
 *
 * A protective entry starts at sector 1, alone or (a hybrid MBR) in company.
 */
static enum shale_table table_kind(const struct mbr_disk *mbr, uint64_t sectors)
{
    bool boot = is_boot_sector((const struct boot_disk *)mbr);
    bool protective = false;
    unsigned used = 0;

    if (!has_signature(mbr))
        return SHALE_TABLE_NONE;
    for (unsigned i = 0; i < MBR_ENTRIES; i++) {
        struct mbr_entry entry = entry_decode(&mbr->entries[i]);

        if ((mbr->entries[i].status & ~MBR_ACTIVE) != 0)
            return SHALE_TABLE_NONE;
        if (is_empty(&entry))
            continue;
        used++;
        if (entry.type == MBR_TYPE_GPT && entry.start == 1)
            protective = true;
        else if (boot && (entry.start == 0 || entry.start >= sectors ||
                          entry.count > sectors - entry.start))
            return SHALE_TABLE_NONE;
    }
    if (protective)
        return SHALE_TABLE_GPT;
    return boot && used == 0 ? SHALE_TABLE_NONE : SHALE_TABLE_MBR;
}

/* ----------------------------------------------------------------- MBR */

/* Give ENTRY, whose start counts from sector BASE, to the sink. */
static int entry_emit(struct table *table, unsigned number, uint64_t base,
                      const struct mbr_entry *entry)
{
    uint64_t sector_size = table->info->sector_size;
    const struct shale_partition partition = {
        .number = number,
        .start = (base + entry->start) * sector_size,
        .size = entry->count * sector_size,
        .bootable = entry->active,
        .extended = is_extended(entry),
        .mbr_type = entry->type,
    };

    return table_emit(table, &partition);
}

/* The links of all chains of a disk, counted as they are followed. */
struct chain {
    unsigned links;
    unsigned number;            /* of the next logical partition */
};

/*
 * Read the EBR at sector LINK after sector BASE. Returns 1 and its two entries
 * (it has room for four; the others mean nothing), or 0 with a warning if the
 * chain cannot go on there, or the device's error.
 */
static int link_load(struct table *table, uint32_t base, uint32_t link,
                     struct mbr_entry entries[2])
{
    uint64_t at = ((uint64_t)base + link) * table->info->sector_size;
    const struct mbr_disk *ebr =
        (const struct mbr_disk *)table->scratch->chain.sector;
    int err;

    if (at > table->dev->size || table->dev->size - at < MBR_SIZE) {
        table->info->cut_off = true;
        table_warn(table, "mbr: logical partitions go on past the disk's end",
                   NULL, at);
        return 0;
    }
    err = shale_bdev_read_bytes(table->dev, table->mem, at,
                                table->scratch->chain.sector, MBR_SIZE);
    if (err)
        return err;
    if (!has_signature(ebr)) {
        table_warn(table, "mbr: chain of logical partitions is broken", NULL,
                   at);
        return 0;
    }
    entries[0] = entry_decode(&ebr->entries[0]);
    entries[1] = entry_decode(&ebr->entries[1]);
    return 1;
}

/* True, with a warning, if the chain must not be followed to LINK. */
static bool chain_ends(struct table *table, const struct chain *chain,
                       unsigned first, uint32_t base, uint32_t link)
{
    const uint32_t *seen = table->scratch->chain.seen;
    uint64_t at = ((uint64_t)base + link) * table->info->sector_size;

    if (chain->links == TABLE_LINKS_MAX) {
        table_warn(table, "mbr: too many logical partitions", NULL, at);
        return true;
    }
    for (unsigned i = first; i < chain->links; i++)
        if (seen[i] == link) {
            table_warn(table, "mbr: logical partitions form a loop", NULL, at);
            return true;
        }
    return false;
}

/* Follow the chain of the extended partition that starts at sector BASE. */
static int chain_walk(struct table *table, struct chain *chain, uint32_t base)
{
    unsigned first = chain->links;
    uint32_t link = 0;          /* sectors from BASE */
    bool more = true;

    while (more && !chain_ends(table, chain, first, base, link)) {
        struct mbr_entry entries[2] = { { .start = 0 } };
        uint64_t here = (uint64_t)base + link;
        int err = link_load(table, base, link, entries);

        if (err <= 0)
            return err;
        table->scratch->chain.seen[chain->links++] = link;

        more = false;
        for (unsigned i = 0; i < 2; i++) {
            if (is_extended(&entries[i])) {
                link = entries[i].start;
                more = true;
            } else if (!is_empty(&entries[i])) {
                err = entry_emit(table, chain->number++, here, &entries[i]);
                if (err)
                    return err;
            }
        }
    }
    return 0;
}

static int mbr_partitions(struct table *table)
{
    const struct mbr_disk *mbr =
        (const struct mbr_disk *)table->scratch->sector;
    struct mbr_entry entries[MBR_ENTRIES];
    struct chain chain = { .links = 0, .number = MBR_ENTRIES + 1 };
    int err = 0;

    /* The chain's sectors will overwrite this one. */
    table->info->mbr_id = le32_get(mbr->id);
    for (unsigned i = 0; i < MBR_ENTRIES; i++)
        entries[i] = entry_decode(&mbr->entries[i]);

    for (unsigned i = 0; i < MBR_ENTRIES && !err; i++)
        if (!is_empty(&entries[i]))
            err = entry_emit(table, i + 1, 0, &entries[i]);
    for (unsigned i = 0; i < MBR_ENTRIES && !err; i++)
        if (is_extended(&entries[i]))
            err = chain_walk(table, &chain, entries[i].start);
    return err;
}

static int table_read(struct table *table)
{
    const struct mbr_disk *mbr =
        (const struct mbr_disk *)table->scratch->sector;
    uint64_t sectors = table->dev->size / table->info->sector_size;
    int err = shale_bdev_read_bytes(table->dev, table->mem, 0,
                                    table->scratch->sector, MBR_SIZE);

    if (err)
        return err;
    table->info->kind = table_kind(mbr, sectors);
    switch (table->info->kind) {
    case SHALE_TABLE_GPT:
        return gpt_partitions(table);
    case SHALE_TABLE_MBR:
        return mbr_partitions(table);
    case SHALE_TABLE_NONE:
        break;
    }
    return 0;
}

int shale_partitions(struct shale_bdev *dev, struct shale_mem *mem,
                     struct shale_log *log, struct shale_table_info *info,
                     int (*emit)(void *context,
                                 const struct shale_partition *partition),
                     void *context)
{
    struct table table = {
        .dev = dev,
        .mem = mem,
        .log = log,
        .info = info,
        .emit = emit,
        .context = context,
    };
    int err;

    *info = (struct shale_table_info){
        .kind = SHALE_TABLE_NONE,
        .sector_size = dev->block_size > MBR_SECTOR_MIN ? dev->block_size
                                                        : MBR_SECTOR_MIN,
    };
    if (dev->size < MBR_SIZE)
        return 0;
    table.scratch = shale_alloc(mem, sizeof *table.scratch);
    if (!table.scratch)
        return SHALE_ENOMEM;
    err = table_read(&table);
    shale_free(mem, table.scratch, sizeof *table.scratch);
    return err;
}
