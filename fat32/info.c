/*
 * info.c - what FAT keeps of a volume's state: free clusters, clean or not
 *
 * FSInfo has the count of free clusters and where to look for one. Both are
 * hints, written when somebody unmounts, if ever. Whether a volume was
 * unmounted is marked by Windows in FAT entry 1 (a bit that is set is good),
 * and by NT in the boot sector (one that is set is bad). (FAT spec 1.03,
 * "FAT Data Structure", "FAT32 FSInfo Sector Structure")
 */
#include "chain.h"
#include "fat.h"

/* A FAT of so many bytes is counted sooner than a wrong count is found out. */
#define COUNT_MAX (1u << 20)

static int fsinfo_read(struct fat_volume *vol)
{
    const struct fat_boot *boot = &vol->boot;
    uint64_t at = fat_sector_at(vol, boot->info_sector);
    const struct fat_disk_info *raw;
    struct fat_spot spot;
    int err;

    vol->info.free_count = FAT_INFO_UNKNOWN;
    vol->info.next_free = FAT_INFO_UNKNOWN;
    if (boot->info_sector == 0)
        return 0;
    err = fat_spot_get(vol, at, &spot);
    if (err)
        return err == SHALE_ENOMEM ? err : 0;

    raw = (const struct fat_disk_info *)spot.raw;
    vol->info.valid = le32_get(raw->lead) == FAT_INFO_LEAD &&
                      le32_get(raw->structure) == FAT_INFO_STRUCT;
    if (vol->info.valid) {
        if (le32_get(raw->free_count) <= boot->cluster_count)
            vol->info.free_count = le32_get(raw->free_count);
        if (fat_is_cluster(vol, le32_get(raw->next_free)))
            vol->info.next_free = le32_get(raw->next_free);
    }
    shale_buf_put(spot.buf);
    if (!vol->info.valid)
        shale_warn(vol->fs, "fat: FSInfo without its signatures is ignored",
                   NULL, at);
    return 0;
}

static int marks_read(struct fat_volume *vol)
{
    const struct fat_boot *boot = &vol->boot;
    struct fat_cursor cursor = { .buf = NULL };
    uint32_t clean = fat_table_clean_bit(vol), entry;
    int err;

    vol->was_dirty = boot->state & FAT_STATE_DIRTY;
    vol->had_errors = boot->state & FAT_STATE_ERRORS;
    if (boot->bits == 12)
        return 0;
    err = fat_table_raw(vol, &cursor, 1, &entry);
    fat_cursor_put(&cursor);
    if (err == SHALE_ENOMEM)
        return err;
    if (err)
        entry = 0;              /* nobody knows: then it is neither */
    if (!(entry & clean))
        vol->was_dirty = true;
    if (!(entry & clean >> 1))  /* below it: no error was met */
        vol->had_errors = true;
    return 0;
}

int fat_info_load(struct fat_volume *vol)
{
    int err = fsinfo_read(vol);

    if (!err)
        err = marks_read(vol);
    if (err)
        return err;
    vol->free_clusters = FAT_INFO_UNKNOWN;
    if ((vol->options.flags & FAT_USEFREE) ||
        (!vol->was_dirty && !vol->had_errors &&
         vol->boot.fat_sectors > COUNT_MAX >> vol->boot.sector_shift))
        vol->free_clusters = vol->info.free_count;
    return 0;
}

int fat_info_free(struct fat_volume *vol, uint32_t *out)
{
    uint32_t count = __atomic_load_n(&vol->free_clusters, __ATOMIC_RELAXED);
    int err;

    if (count == FAT_INFO_UNKNOWN) {
        err = fat_table_free(vol, FAT_FIRST_CLUSTER, vol->boot.cluster_count,
                             NULL, &count);
        if (err)
            return err;
        __atomic_store_n(&vol->free_clusters, count, __ATOMIC_RELAXED);
    }
    *out = count;
    return 0;
}
