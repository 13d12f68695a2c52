/*
 * dirent.c - one 32-byte entry of a directory, decoded and encoded
 */
#include "dirent.h"
#include "fat.h"
#include "memfn.h"

static struct fat_stamp stamp_of(le16 date, le16 time, uint8_t tenth)
{
    return (struct fat_stamp){ le16_get(date), le16_get(time), tenth };
}

void fat_entry_decode(const struct fat_volume *vol,
                      const struct fat_disk_entry *raw, struct fat_entry *out)
{
    *out = (struct fat_entry){
        .attr = raw->attr,
        .lower = raw->lower,
        .cluster = le16_get(raw->cluster_low),
        .size = le32_get(raw->size),
        .created = stamp_of(raw->create_date, raw->create_time,
                            raw->create_tenth),
        .written = stamp_of(raw->write_date, raw->write_time, 0),
        .accessed = le16_get(raw->access_date),
    };
    memcpy(out->name, raw->name, sizeof out->name);

    /* Elsewhere OS/2 and NT keep the number of extended attributes there. */
    if (vol->boot.bits == 32)
        out->cluster |= (uint32_t)le16_get(raw->cluster_high) << 16;
    if (out->attr & FAT_ATTR_DIR)
        out->size = 0;
}

void fat_entry_encode(const struct fat_volume *vol,
                      const struct fat_entry *entry,
                      struct fat_disk_entry *raw)
{
    memcpy(raw->name, entry->name, sizeof raw->name);
    raw->attr = entry->attr;
    raw->lower = entry->lower;
    raw->create_tenth = entry->created.tenth;
    raw->create_time = le16_make(entry->created.time);
    raw->create_date = le16_make(entry->created.date);
    raw->access_date = le16_make(entry->accessed);
    if (vol->boot.bits == 32)
        raw->cluster_high = le16_make((uint16_t)(entry->cluster >> 16));
    raw->write_time = le16_make(entry->written.time);
    raw->write_date = le16_make(entry->written.date);
    raw->cluster_low = le16_make((uint16_t)entry->cluster);
    raw->size = le32_make(entry->size);
}

unsigned fat_dots(const uint8_t name[11])
{
    unsigned dots = 0;

    while (dots < 2 && name[dots] == '.')
        dots++;
    for (unsigned i = dots; i < 11 && dots > 0; i++) {
        if (name[i] != ' ')
            return 0;
    }
    return dots;
}

enum fat_slot fat_slot_kind(const uint8_t *raw)
{
    uint8_t attr = raw[offsetof(struct fat_disk_entry, attr)];

    if (raw[0] == FAT_NAME_END)
        return FAT_SLOT_END;
    if (raw[0] == FAT_NAME_FREE)
        return FAT_SLOT_FREE;
    if ((attr & FAT_ATTR_LONG_MASK) == FAT_ATTR_LONG)
        return FAT_SLOT_LONG;
    if (attr & FAT_ATTR_LABEL)
        return FAT_SLOT_LABEL;
    return fat_dots(raw) ? FAT_SLOT_DOTS : FAT_SLOT_FILE;
}

/* FAT spec 1.03, "Organization and Association of Short & Long Entries". */
uint8_t fat_checksum(const uint8_t name[11])
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < 11; i++)
        sum = (uint8_t)((sum >> 1 | sum << 7) + name[i]);
    return sum;
}

/* ------------------------------------------------------- long name pieces */

/* Unit I of a piece. */
static le16 *piece_unit(struct fat_disk_long *raw, unsigned i)
{
    if (i < 5)
        return &raw->units1[i];
    return i < 11 ? &raw->units2[i - 5] : &raw->units3[i - 11];
}

void fat_long_encode(const uint16_t *name, uint32_t len, uint32_t order,
                     uint8_t checksum, struct fat_disk_long *raw)
{
    uint32_t at = (order - 1) * FAT_LONG_UNITS;

    memset(raw, 0, sizeof *raw);
    raw->order = (uint8_t)order;
    if (order == fat_long_pieces(len))
        raw->order |= FAT_LONG_LAST;
    raw->attr = FAT_ATTR_LONG;
    raw->checksum = checksum;

    /* A name that does not fill its last piece ends with 0, then 0xffff. */
    for (unsigned i = 0; i < FAT_LONG_UNITS; i++, at++)
        *piece_unit(raw, i) = le16_make(at < len ? name[at]
                                        : at == len ? 0 : 0xffff);
}

void fat_long_decode(const struct fat_disk_long *raw, uint16_t *out)
{
    for (unsigned i = 0; i < 5; i++)
        out[i] = le16_get(raw->units1[i]);
    for (unsigned i = 0; i < 6; i++)
        out[5 + i] = le16_get(raw->units2[i]);
    for (unsigned i = 0; i < 2; i++)
        out[11 + i] = le16_get(raw->units3[i]);
}
