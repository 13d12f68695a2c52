/*
 * info.c - what FAT keeps of a volume's state: FSInfo, and marks of its use
 *
 * FSInfo's numbers are hints, but drivers believe them. Whether a volume was
 * unmounted is marked by Windows 95 in entry 1 of the FAT, where a bit that is
 * set is good, and by NT in the boot sector, where one that is set is bad. (FAT
 * spec 1.03, "FAT Data Structure", "FSInfo Sector Structure")
 */
#include "fat32/check/check.h"

#define INFO_AT offsetof(struct fat_disk_boot, u.fat32.info)

/* ----------------------------------------------------------------- FSInfo */

/* The free count against what the FAT has. */
static void check_free_count(struct fat_check *v,
                             const struct fat_disk_info *raw, uint64_t at)
{
    uint64_t count = le32_get(raw->free_count);

    at += offsetof(struct fat_disk_info, free_count);
    if (count == FAT_INFO_UNKNOWN) {
        FAT_TELL(v, INFO_UNKNOWN, at, .found = v->free_count);
        return;
    }
    if (v->unknown)
        return;

    /* Clusters that were lost may have been free when it was written. */
    if (count != v->free_count && count != v->free_count + v->lost)
        FAT_TELL(v, INFO_FREE, at, .compared = true,
                 .expected = v->free_count, .found = count);
}

static bool has_signatures(const struct fat_disk_info *raw)
{
    return le32_get(raw->lead) == FAT_INFO_LEAD &&
           le32_get(raw->structure) == FAT_INFO_STRUCT &&
           le32_get(raw->trail) == FAT_INFO_TRAIL;
}

static void check_info(struct fat_check *v, const struct fat_disk_info *raw,
                       uint64_t at)
{
    uint32_t next = le32_get(raw->next_free);

    if (!has_signatures(raw)) {
        FAT_TELL(v, INFO_SIGNATURE, at, .number = 0);
        return;
    }
    check_free_count(v, raw, at);
    if (next != FAT_INFO_UNKNOWN && !fat_check_is_cluster(v, next))
        FAT_TELL(v, INFO_NEXT,
                 at + offsetof(struct fat_disk_info, next_free),
                 .found = next, .other = v->last);
}

/* Its numbers are old, if there is a copy at all: some have none. */
static void check_copy(struct fat_check *v, const struct fat_disk_info *raw,
                       uint64_t at)
{
    if (!has_signatures(raw) && !check_is_zero(raw, sizeof *raw))
        FAT_TELL(v, INFO_COPY, at, .number = 0);
}

/* Call CHECK with what is in SECTOR. */
static int read_info(struct fat_check *v, struct fat_disk_info *raw,
                     uint32_t sector,
                     void (*check)(struct fat_check *v,
                                   const struct fat_disk_info *raw,
                                   uint64_t at))
{
    uint64_t at = (uint64_t)sector << v->boot.sector_shift;
    bool good;
    int err = check_get(v->check, at, raw, sizeof *raw, SHALE_OBJECT_VOLUME, 0,
                        &good);

    if (!err && good)
        check(v, raw, at);
    return err;
}

int fat_check_info(struct fat_check *v)
{
    struct fat_disk_info *raw;
    int err = SHALE_ENOMEM;
    uint32_t copy;

    if (v->boot.bits != 32)
        return 0;
    if (v->info_sector == 0) {
        FAT_TELL(v, INFO_NONE, v->boot.at + INFO_AT, .number = 0);
        return 0;
    }
    if (v->info_sector >= v->boot.reserved ||
        v->info_sector == v->boot.backup_sector) {
        FAT_TELL(v, INFO_PLACE, v->boot.at + INFO_AT,
                 .found = v->info_sector, .other = v->boot.reserved);
        return 0;
    }
    raw = check_alloc(v->check, sizeof *raw);
    if (raw)
        err = read_info(v, raw, v->info_sector, check_info);
    copy = v->boot.backup_sector + v->info_sector;
    if (!err && v->boot.backup_sector != 0 && copy < v->boot.reserved)
        err = read_info(v, raw, copy, check_copy);
    check_free(v->check, raw, sizeof *raw);
    return err;
}

/* ------------------------------------------------------------------ marks */

/* Entry 0: the media byte, and ones. */
static void check_media(struct fat_check *v, uint32_t entry)
{
    uint64_t at = fat_check_entry_at(v, 0);

    if ((entry | 0xff) != v->mask || (entry & 0xff) < 0xf0)
        FAT_TELL(v, TABLE_BEGIN, at, .compared = true,
                 .expected = (v->mask & ~(uint32_t)0xff) | v->boot.media,
                 .found = entry);
    else if ((entry & 0xff) != v->boot.media &&
             !check_told(v->check, &fat_check_codes[FAT_CHECK_BOOT_BAD]))
        FAT_TELL(v, TABLE_MEDIA, at, .compared = true,
                 .expected = v->boot.media, .found = entry & 0xff);
}

/* Entry 1: marks of use, and else ones. */
static void check_second(struct fat_check *v, uint32_t entry)
{
    uint32_t clean = v->boot.bits == 16 ? 0x8000u : 0x08000000u;
    uint32_t ends = v->mask & ~(uint32_t)7;
    uint64_t at = fat_check_entry_at(v, 1);

    if (v->boot.bits != 12) {
        ends &= ~(clean | clean >> 1);
        if (!(entry & clean))
            FAT_TELL(v, STATE_DIRTY, at, .number = 0);
        if (!(entry & clean >> 1))
            FAT_TELL(v, STATE_ERRORS, at, .number = 0);
    }
    if ((entry & ends) != ends)
        FAT_TELL(v, TABLE_SECOND, at, .compared = true, .expected = v->mask,
                 .found = entry);
}

void fat_check_marks(struct fat_check *v)
{
    uint64_t state_at = v->boot.at + v->boot.ext_at +
                        offsetof(struct fat_disk_ext, state);
    bool in_boot = v->boot.ext_at != 0;

    if (!fat_check_is_unknown(v, 0))
        check_media(v, fat_check_get(v, 0));
    if (!fat_check_is_unknown(v, 1))
        check_second(v, fat_check_get(v, 1));
    if (in_boot && v->boot.state & FAT_STATE_DIRTY &&
        !check_told(v->check, &fat_check_codes[FAT_CHECK_STATE_DIRTY]))
        FAT_TELL(v, STATE_DIRTY, state_at, .number = 0);
    if (in_boot && v->boot.state & FAT_STATE_ERRORS &&
        !check_told(v->check, &fat_check_codes[FAT_CHECK_STATE_ERRORS]))
        FAT_TELL(v, STATE_ERRORS, state_at, .number = 0);
}
