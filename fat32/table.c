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

uint64_t fat_table_at(const struct fat_volume *vol, uint32_t cluster)
{
    return fat_sector_at(vol, fat_table_sector(vol, vol->boot.fat_active)) +
           fat_table_byte(vol, cluster);
}

bool fat_table_straddles(const struct fat_volume *vol, uint32_t cluster)
{
    uint32_t last = ((uint32_t)1 << FAT_ATOM_SHIFT) - 1;

    return vol->boot.bits == 12 &&
           (fat_table_byte(vol, cluster) & last) == last;
}

void fat_cursor_put(struct fat_cursor *cursor)
{
    shale_buf_put(cursor->buf);
    *cursor = (struct fat_cursor){ .buf = NULL };
}

/* Move CURSOR, which has no block, to the one with BYTE of FAT number COPY. */
static int cursor_load(struct fat_volume *vol, struct fat_cursor *cursor,
                       uint32_t copy, uint32_t byte)
{
    const struct fat_boot *boot = &vol->boot;
    uint32_t start = fat_table_sector(vol, copy);
    struct fat_view view;
    int err = fat_view_get(vol, start + (byte >> boot->sector_shift), start,
                           boot->fat_sectors, &view);

    if (err)
        return err;
    cursor->buf = view.buf;
    cursor->bytes = view.bytes;
    cursor->from = (view.first - start) << boot->sector_shift;
    cursor->count = view.count << boot->sector_shift;
    return 0;
}

/* Move CURSOR to BYTE of the FAT, of whichever copy can be read. */
static int cursor_move(struct fat_volume *vol, struct fat_cursor *cursor,
                       uint32_t byte)
{
    const struct fat_boot *boot = &vol->boot;
    int err, other;

    if (byte - cursor->from < cursor->count)
        return 0;
    fat_cursor_put(cursor);
    err = cursor_load(vol, cursor, boot->fat_active, byte);
    if (!err || err == SHALE_ENOMEM || !boot->fat_mirrored)
        return err;
    for (uint32_t copy = 1; copy < boot->fat_count; copy++) {
        other = cursor_load(vol, cursor, copy, byte);
        if (!other || other == SHALE_ENOMEM)
            return other;
    }
    return err;
}

uint32_t fat_table_decode(const struct fat_volume *vol, uint32_t cluster,
                          const uint8_t *raw)
{
    switch (vol->boot.bits) {
    case 12:
        return (uint32_t)(raw[0] | raw[1] << 8) >> (cluster & 1 ? 4 : 0) &
               0xfff;
    case 16:
        return le16_get(*(const le16 *)raw);
    default:
        return le32_get(*(const le32 *)raw) & 0x0fffffff;
    }
}

uint32_t fat_table_meaning(const struct fat_volume *vol, uint32_t value)
{
    uint32_t mask = 0x0fffffffu;

    if (vol->boot.bits < 32)
        mask >>= 28 - vol->boot.bits;

    /* The end is marked by any of the eight highest values. */
    if (value >= (mask & ~7u))
        return FAT_END;
    return value == (mask & FAT_BAD) ? FAT_BAD : value;
}

/* Entries of 12 bits may lie in two blocks. */
static int raw12_get(struct fat_volume *vol, struct fat_cursor *cursor,
                     uint32_t cluster, uint32_t *out)
{
    uint32_t byte = fat_table_byte(vol, cluster);
    uint8_t pair[2];

    for (unsigned i = 0; i < 2; i++) {
        int err = cursor_move(vol, cursor, byte + i);

        if (err)
            return err;
        pair[i] = cursor->bytes[byte + i - cursor->from];
    }
    *out = fat_table_decode(vol, cluster, pair);
    return 0;
}

int fat_table_raw(struct fat_volume *vol, struct fat_cursor *cursor,
                  uint32_t cluster, uint32_t *out)
{
    uint32_t byte = fat_table_byte(vol, cluster);
    int err;

    if (vol->boot.bits == 12)
        return raw12_get(vol, cursor, cluster, out);
    err = cursor_move(vol, cursor, byte);
    if (err)
        return err;
    *out = fat_table_decode(vol, cluster,
                            cursor->bytes + (byte - cursor->from));
    return 0;
}

int fat_table_get(struct fat_volume *vol, struct fat_cursor *cursor,
                  uint32_t cluster, uint32_t *out)
{
    uint32_t value = 0;
    int err = fat_table_raw(vol, cursor, cluster, &value);

    if (!err)
        *out = fat_table_meaning(vol, value);
    return err;
}

/*
 * Count the free ones among the entries of whole bytes from *CLUSTER on that
 * CURSOR has, and which END is not among; moves *CLUSTER past them.
 */
static uint32_t count_here(const struct fat_volume *vol,
                           const struct fat_cursor *cursor, uint32_t *cluster,
                           uint32_t end)
{
    uint32_t skip = fat_table_byte(vol, *cluster) - cursor->from;
    uint32_t size = vol->boot.bits / 8;
    uint32_t entries = (cursor->count - skip) / size;
    const uint8_t *at = cursor->bytes + skip;
    uint32_t count = 0;

    if (entries > end - *cluster)
        entries = end - *cluster;
    if (size == 2)
        for (uint32_t i = 0; i < entries; i++)
            count += le16_get(((const le16 *)at)[i]) == FAT_FREE;
    else
        for (uint32_t i = 0; i < entries; i++)
            count += (le32_get(((const le32 *)at)[i]) & 0x0fffffff) == FAT_FREE;
    *cluster += entries;
    return count;
}

int fat_table_count_free(struct fat_volume *vol, uint32_t *out)
{
    uint32_t end = FAT_FIRST_CLUSTER + vol->boot.cluster_count;
    uint32_t cluster = FAT_FIRST_CLUSTER, value, count = 0;
    struct fat_cursor cursor = { .buf = NULL };
    int err = 0;

    while (cluster < end) {
        err = fat_table_raw(vol, &cursor, cluster, &value);
        if (err)
            break;
        if (vol->boot.bits != 12) {
            count += count_here(vol, &cursor, &cluster, end);
            continue;
        }
        if (value == FAT_FREE && !fat_table_straddles(vol, cluster))
            count++;
        cluster++;
    }
    fat_cursor_put(&cursor);
    if (!err)
        *out = count;
    return err;
}
