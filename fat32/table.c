/*
 * table.c - the file allocation table: one entry a cluster
 *
 *     FAT12   12 bits: two entries in three bytes, the low one first
 *     FAT16   16 bits
 *     FAT32   28 bits of 32; the upper four are reserved, and stay
 *
 * Entry 0 has the media byte, entry 1 marks of the volume's state. The table
 * is kept several times over, all copies equal, unless FAT32 says that one of
 * them is active and the others are not kept.
 */
#include "fat.h"

/* Which bytes of a FAT hold an entry. */
struct place {
    uint32_t sector;            /* of the FAT */
    uint32_t offset;            /* byte of that sector; two or four from it */
};

static struct place place_of(const struct fat_volume *vol, uint32_t cluster)
{
    const struct fat_boot *boot = &vol->boot;
    uint64_t byte = (uint64_t)cluster * boot->bits / 8;

    return (struct place){
        .sector = (uint32_t)(byte >> boot->sector_shift),
        .offset = (uint32_t)(byte & (boot->sector_size - 1)),
    };
}

/* The sector of the volume at which FAT number COPY begins. */
static uint64_t copy_start(const struct fat_volume *vol, uint32_t copy)
{
    return vol->boot.reserved + (uint64_t)copy * vol->boot.fat_sectors;
}

uint64_t fat_table_at(const struct fat_volume *vol, uint32_t cluster)
{
    uint64_t start = copy_start(vol, vol->boot.fat_active);

    return (start << vol->boot.sector_shift) +
           (uint64_t)cluster * vol->boot.bits / 8;
}

bool fat_table_straddles(const struct fat_volume *vol, uint32_t cluster)
{
    return vol->boot.bits == 12 &&
           place_of(vol, cluster).offset == vol->boot.sector_size - 1;
}

/* -------------------------------------------------------------- reading */

void fat_cursor_put(struct fat_cursor *cursor)
{
    shale_buf_put(cursor->buf);
    cursor->buf = NULL;
}

/* Pin SECTOR of FAT number COPY, reading around it. */
static int copy_get(struct fat_volume *vol, uint32_t copy, uint32_t sector,
                    struct shale_buf **out)
{
    uint64_t start = copy_start(vol, copy);

    return shale_buf_get_run(vol->fs->cache, start + sector, start,
                             vol->boot.fat_sectors, out);
}

/* Move CURSOR to SECTOR of the FAT, of whichever copy can be read. */
static int cursor_move(struct fat_volume *vol, struct fat_cursor *cursor,
                       uint32_t sector)
{
    const struct fat_boot *boot = &vol->boot;
    int err, other;

    if (cursor->buf && cursor->sector == sector)
        return 0;
    fat_cursor_put(cursor);
    err = copy_get(vol, boot->fat_active, sector, &cursor->buf);
    if (err && err != SHALE_ENOMEM && boot->fat_mirrored) {
        for (uint32_t copy = 1; copy < boot->fat_count && err; copy++) {
            other = copy_get(vol, copy, sector, &cursor->buf);
            if (!other || other == SHALE_ENOMEM)
                err = other;
        }
    }
    if (err) {
        cursor->buf = NULL;
        return err;
    }
    cursor->sector = sector;
    return 0;
}

/* The byte at OFFSET of SECTOR, which may be one past that sector. */
static int byte_get(struct fat_volume *vol, struct fat_cursor *cursor,
                    uint32_t sector, uint32_t offset, uint32_t *out)
{
    int err;

    if (offset == vol->boot.sector_size) {
        sector++;
        offset = 0;
    }
    err = cursor_move(vol, cursor, sector);
    if (!err)
        *out = cursor->buf->data[offset];
    return err;
}

static int raw12_get(struct fat_volume *vol, struct fat_cursor *cursor,
                     uint32_t cluster, uint32_t *out)
{
    struct place place = place_of(vol, cluster);
    uint32_t low = 0, high = 0;
    int err = byte_get(vol, cursor, place.sector, place.offset, &low);

    if (!err)
        err = byte_get(vol, cursor, place.sector, place.offset + 1, &high);
    if (!err)
        *out = (low | high << 8) >> (cluster & 1 ? 4 : 0) & 0xfff;
    return err;
}

int fat_table_raw(struct fat_volume *vol, struct fat_cursor *cursor,
                  uint32_t cluster, uint32_t *out)
{
    struct place place = place_of(vol, cluster);
    const uint8_t *bytes;
    int err;

    if (vol->boot.bits == 12)
        return raw12_get(vol, cursor, cluster, out);
    err = cursor_move(vol, cursor, place.sector);
    if (err)
        return err;
    bytes = cursor->buf->data + place.offset;
    if (vol->boot.bits == 16)
        *out = le16_get(*(const le16 *)bytes);
    else
        *out = le32_get(*(const le32 *)bytes) & 0x0fffffff;
    return 0;
}

int fat_table_get(struct fat_volume *vol, struct fat_cursor *cursor,
                  uint32_t cluster, uint32_t *out)
{
    uint32_t mask, value = 0;
    int err = fat_table_raw(vol, cursor, cluster, &value);

    if (err)
        return err;

    /* The end is marked by any of the eight highest values. */
    mask = vol->boot.bits == 12 ? 0xfff
         : vol->boot.bits == 16 ? 0xffff : 0x0fffffff;
    if (value >= (mask & ~7u))
        *out = FAT_END;
    else if (value == (mask & FAT_BAD))
        *out = FAT_BAD;
    else
        *out = value;
    return 0;
}

int fat_table_count_free(struct fat_volume *vol, uint32_t *out)
{
    uint32_t end = FAT_FIRST_CLUSTER + vol->boot.cluster_count;
    struct fat_cursor cursor = { .buf = NULL };
    uint32_t value, count = 0;
    int err = 0;

    for (uint32_t cluster = FAT_FIRST_CLUSTER; cluster < end && !err;
         cluster++) {
        err = fat_table_raw(vol, &cursor, cluster, &value);
        if (!err && value == FAT_FREE && !fat_table_straddles(vol, cluster))
            count++;
    }
    fat_cursor_put(&cursor);
    if (!err)
        *out = count;
    return err;
}
