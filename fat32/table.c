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
#include "chain.h"
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
 * How many of the COUNT entries of SIZE bytes at RAW are free. Clears the bits
 * of these in BITS, unless that is NULL; the first one's is number I.
 */
static uint32_t free_among(const uint8_t *raw, uint32_t size, uint32_t count,
                           uint32_t *bits, uint32_t i)
{
    uint32_t found = 0;

    for (const uint8_t *end = raw + count * size; raw < end; raw += size, i++) {
        if (size == 4 ? le32_get(*(const le32 *)raw) << 4
                      : le16_get(*(const le16 *)raw))
            continue;
        found++;
        if (bits)
            bits[i / 32] &= ~((uint32_t)1 << i % 32);
    }
    return found;
}

int fat_table_free(struct fat_volume *vol, uint32_t first, uint32_t count,
                   uint32_t *bits, uint32_t *out)
{
    struct fat_cursor cursor = { .buf = NULL };
    uint32_t value, found = 0;
    int err = 0;

    for (uint32_t i = 0, here; i < count; i += here) {
        uint32_t cluster = first + i, size = vol->boot.bits / 8;
        const uint8_t *raw;
        le16 single;

        err = fat_table_raw(vol, &cursor, cluster, &value);
        if (err)
            break;
        if (size == 1) {
            if (fat_table_straddles(vol, cluster))
                value = FAT_BAD;
            single = le16_make((uint16_t)value);
            raw = (const uint8_t *)&single;
            here = 1;
        } else {
            uint32_t skip = fat_table_byte(vol, cluster) - cursor.from;

            raw = cursor.bytes + skip;
            here = (cursor.count - skip) / size;
            if (here > count - i)
                here = count - i;
        }
        found += free_among(raw, size, here, bits, i);
    }
    fat_cursor_put(&cursor);
    *out = found;
    return err;
}
