/*
 * name.c - names: when two are the same, and how short ones are shown
 */
#include "codepage.h"
#include "dirent.h"
#include "fat.h"
#include "fold.h"
#include "memfn.h"
#include "name.h"
#include "utf16.h"

#define REPLACEMENT 0xfffdu

/* ----------------------------------------------------------- comparing */

bool fat_name_equal(const uint16_t *a, size_t a_len, const uint16_t *b,
                    size_t b_len)
{
    if (a_len != b_len)
        return false;
    for (size_t i = 0; i < a_len; i++)
        if (a[i] != b[i] && fat_fold(a[i]) != fat_fold(b[i]))
            return false;
    return true;
}

uint32_t fat_name_hash(const uint16_t *name, size_t len)
{
    /* FNV-1a by units, and the last step of MurmurHash3. */
    uint32_t hash = 0x811c9dc5u;

    for (size_t i = 0; i < len; i++) {
        uint32_t unit = name[i];

        if (unit >= 0x80)
            unit = fat_fold((uint16_t)unit);
        else if (unit - 'A' < 26)
            unit += 'a' - 'A';
        hash = (hash ^ unit) * 0x01000193u;
    }
    hash = (hash ^ hash >> 16) * 0x85ebca6bu;
    hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
    return hash ^ hash >> 16;
}

size_t fat_name_strip(const uint16_t *name, size_t len, bool spaces)
{
    while (len > 0 &&
           (name[len - 1] == '.' || (spaces && name[len - 1] == ' ')))
        len--;
    return len;
}

int fat_name_units(const char *name, size_t len, uint16_t *out)
{
    int count = utf16_from_utf8(name, len, out, FAT_LONG_MAX);

    return count < 0 ? count : (int)fat_name_strip(out, (size_t)count, false);
}

/* ---------------------------------------------------------- short names */

/* What a byte of a short name may not be shown as. */
static uint16_t shown(uint16_t unit)
{
    return unit == '/' || unit == 0 ? REPLACEMENT : unit;
}

/*
 * Decode the LEN bytes of a part of a short name, less the spaces that end it,
 * into OUT, in lower case if asked. Returns the units.
 */
static size_t part_decode(const struct fat_volume *vol, const uint8_t *bytes,
                          size_t len, bool lower, uint16_t *out)
{
    size_t count = 0, at = 0;

    while (len > 0 && bytes[len - 1] == ' ')
        len--;
    while (at < len) {
        uint16_t unit;

        at += fat_codepage_decode(vol->options.codepage, bytes + at, len - at,
                                  &unit);
        if (lower && fat_upper(fat_fold(unit)) == unit)
            unit = fat_fold(unit);
        out[count++] = shown(unit);
    }
    return count;
}

size_t fat_short_units(const struct fat_volume *vol, const uint8_t raw[11],
                       uint8_t lower, uint16_t *out)
{
    uint8_t name[11];
    size_t len, ext;

    memcpy(name, raw, sizeof name);
    if (name[0] == FAT_NAME_E5)
        name[0] = FAT_NAME_FREE;
    len = part_decode(vol, name, 8, lower & FAT_LOWER_BASE, out);
    ext = part_decode(vol, name + 8, 3, lower & FAT_LOWER_EXT, out + len + 1);
    if (ext == 0)
        return len;
    out[len] = '.';
    return len + 1 + ext;
}

size_t fat_short_decode(const struct fat_volume *vol,
                        const struct fat_entry *entry, uint16_t *out)
{
    unsigned flags = vol->options.flags;
    uint8_t lower = flags & FAT_SHOW_LOWER ? FAT_LOWER_BASE | FAT_LOWER_EXT
                  : flags & FAT_SHOW_NT    ? entry->lower
                                           : 0;

    return fat_short_units(vol, entry->name, lower, out);
}

size_t fat_label_decode(const struct fat_volume *vol, const uint8_t label[11],
                        uint16_t *out)
{
    uint8_t name[11];

    memcpy(name, label, sizeof name);
    if (name[0] == FAT_NAME_E5)
        name[0] = FAT_NAME_FREE;
    return part_decode(vol, name, sizeof name, false, out);
}
