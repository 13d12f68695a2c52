/*
 * state.c - marking a volume as in use, or as clean
 *
 * NT keeps a mark in the boot sector, where set means dirty; Windows 95 keeps
 * one in FAT entry 1, where set means clean. Both are set and cleared here, so
 * that whoever looks at either knows. A volume that was dirty when it was
 * mounted has not been checked by us, and stays so.
 */
#include "chain.h"
#include "fat.h"
#include "memfn.h"
#include "write.h"

static int mark_table(struct fat_volume *vol, bool clean)
{
    struct fat_cursor cursor = { .buf = NULL };
    uint32_t value;
    int err;

    if (vol->boot.bits == 12)
        return 0;
    err = fat_table_raw(vol, &cursor, 1, &value);
    fat_cursor_put(&cursor);
    if (err)
        return err;
    if (clean)
        value |= fat_table_clean_bit(vol);
    else
        value &= ~fat_table_clean_bit(vol);
    return fat_link_set(vol, 1, value, FAT_NOW);
}

static int mark_boot(struct fat_volume *vol, bool clean)
{
    size_t offset = vol->boot.ext_at + offsetof(struct fat_disk_ext, state);
    struct fat_spot spot;
    int err;

    /* What is there without an extended BPB is program. */
    if (vol->boot.ext_at == 0)
        return 0;
    err = fat_sector_change(vol, 0, &spot);
    if (err)
        return err;
    spot.raw[offset] &= (uint8_t)~FAT_STATE_DIRTY;
    if (!clean)
        spot.raw[offset] |= FAT_STATE_DIRTY;
    shale_buf_put(spot.buf);
    return 0;
}

/*
 * May RAW be made an FSInfo? Yes if it has one of the signatures, or nothing at
 * all; else it is somebody's, such as the rest of a loader.
 */
static bool may_be_info(const struct fat_disk_info *raw)
{
    const uint8_t *bytes = (const uint8_t *)raw;

    if (le32_get(raw->lead) == FAT_INFO_LEAD ||
        le32_get(raw->structure) == FAT_INFO_STRUCT)
        return true;
    for (size_t i = 0; i < offsetof(struct fat_disk_info, trail); i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

/* Bring the FSInfo up to date, and make it one if there is none. */
static int info_store(struct fat_volume *vol)
{
    struct fat_disk_info *raw;
    uint32_t free_count = 0;
    struct fat_spot spot;
    int err;

    if (vol->boot.info_sector == 0)
        return 0;
    err = fat_info_free(vol, &free_count);
    if (!err)
        err = fat_sector_change(vol, vol->boot.info_sector, &spot);
    if (err)
        return err;
    raw = (struct fat_disk_info *)spot.raw;
    if (may_be_info(raw)) {
        if (!vol->info.valid)
            memset(raw, 0, sizeof *raw);
        raw->lead = le32_make(FAT_INFO_LEAD);
        raw->structure = le32_make(FAT_INFO_STRUCT);
        raw->trail = le32_make(FAT_INFO_TRAIL);
        raw->free_count = le32_make(free_count);
        raw->next_free = le32_make(vol->writer->space.cursor);
    }
    shale_buf_put(spot.buf);
    return 0;
}

int fat_mark(struct shale_fs *fs, bool clean)
{
    struct fat_volume *vol = fat_volume_of(fs);
    int err = 0;

    if (clean)
        err = info_store(vol);
    if (!err && !vol->was_dirty)
        err = mark_table(vol, clean);
    if (!err && !vol->was_dirty)
        err = mark_boot(vol, clean);
    return err;
}
