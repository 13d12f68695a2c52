/*
 * longname.c - a file's name, put together from the slots before its entry
 *
 * Pieces come from the name's end to its beginning, and count down to 1. Each
 * has a checksum of the short entry's name, which says that they are its.
 */
#include "dirent.h"
#include "fat.h"
#include "memfn.h"
#include "name.h"

#define REPLACEMENT 0xfffdu

void fat_pieces_add(struct fat_pieces *pieces, const uint8_t *bytes,
                    uint32_t slot, uint16_t *name)
{
    const struct fat_disk_long *raw = (const struct fat_disk_long *)bytes;
    uint32_t order = raw->order & FAT_LONG_ORDER;
    uint16_t units[FAT_LONG_UNITS];
    uint32_t at;

    if (raw->order & FAT_LONG_LAST) {
        *pieces = (struct fat_pieces){
            .left = order, .count = order, .slot = slot,
            .checksum = raw->checksum,
        };
        if (order > FAT_LONG_PIECES)
            pieces->count = 0;
    }
    if (pieces->count == 0 || order != pieces->left || order == 0 ||
        raw->checksum != pieces->checksum) {
        pieces->count = 0;
        return;
    }

    at = (order - 1) * FAT_LONG_UNITS;
    if (order < FAT_LONG_PIECES) {
        fat_long_decode(raw, name + at);
    } else {
        /* 20 pieces have room for five units more than a name. */
        fat_long_decode(raw, units);
        memcpy(name + at, units, (FAT_LONG_MAX + 1 - at) * sizeof units[0]);
    }
    pieces->left--;
}

static bool is_dots(const uint16_t *name, uint32_t len)
{
    return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

/* The length of the long name in NAME, of COUNT pieces; 0 if it is none. */
static uint32_t long_length(const uint16_t *name, uint32_t count)
{
    uint32_t room = count * FAT_LONG_UNITS, len = 0;

    if (room > FAT_LONG_MAX + 1)
        room = FAT_LONG_MAX + 1;
    while (len < room && name[len] != 0) {
        if (name[len] == '/')
            return 0;
        len++;
    }
    if (len > FAT_LONG_MAX || len == 0 || is_dots(name, len))
        return 0;
    return len;
}

uint32_t fat_pieces_end(const struct fat_pieces *pieces,
                        const uint8_t short_name[11], const uint16_t *name)
{
    if (pieces->count == 0 || pieces->left > 0 ||
        pieces->checksum != fat_checksum(short_name))
        return 0;
    return long_length(name, pieces->count);
}

uint32_t fat_short_shown(const struct fat_volume *vol,
                         const struct fat_entry *entry, uint16_t *out)
{
    uint32_t len = (uint32_t)fat_short_decode(vol, entry, out);

    /* Spaces and a dot can come to these; nobody could ask for them. */
    if (len > 0 && is_dots(out, len))
        out[0] = REPLACEMENT;
    return len;
}
