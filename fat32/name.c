/*
 * name.c - names: UTF-8 and UTF-16, short ones, and when two are the same
 *
 * On the volume a long name is any sequence of 16-bit units. Surrogates that
 * are not paired are kept as three bytes of what looks like UTF-8 ("WTF-8"), so
 * that each name on a volume has one spelling here, and leads back to itself.
 */
#include "fat.h"
#include "memfn.h"

#define SURROGATE_HIGH 0xd800u
#define SURROGATE_LOW  0xdc00u
#define REPLACEMENT    0xfffdu

static bool is_high(uint32_t unit)
{
    return (unit & 0xfc00) == SURROGATE_HIGH;
}

static bool is_low(uint32_t unit)
{
    return (unit & 0xfc00) == SURROGATE_LOW;
}

/* ---------------------------------------------------------------- UTF-8 */

/*
 * Decode the character that begins the LEFT bytes at AT. Returns its bytes, or
 * 0 if that is no UTF-8: cut short, longer than need be, or too large.
 */
static size_t utf8_decode(const uint8_t *at, size_t left, uint32_t *out)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint32_t c = at[0];
    size_t len;

    if (c < 0x80) {
        *out = c;
        return 1;
    }
    if (c < 0xc0 || c > 0xf7)
        return 0;
    len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (len > left)
        return 0;
    c &= 0x7fu >> len;
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (at[i] & 0x3f);
    }
    if (c < least[len] || c > 0x10ffff)
        return 0;
    *out = c;
    return len;
}

int fat_name_decode(const char *name, size_t size, uint16_t *out)
{
    const uint8_t *at = (const uint8_t *)name;
    unsigned count = 0;

    while (size > 0) {
        uint32_t c = 0;
        size_t len = utf8_decode(at, size, &c);

        if (len == 0)
            return SHALE_EINVAL;
        /* A pair spelt as two characters would be a second name for it. */
        if (is_low(c) && count > 0 && is_high(out[count - 1]))
            return SHALE_EINVAL;
        if (count + (c > 0xffff ? 2 : 1) > FAT_LONG_MAX)
            return SHALE_ENAMETOOLONG;
        if (c > 0xffff) {
            out[count++] = (uint16_t)(SURROGATE_HIGH | (c - 0x10000) >> 10);
            c = SURROGATE_LOW | (c & 0x3ff);
        }
        out[count++] = (uint16_t)c;
        at += len;
        size -= len;
    }
    return (int)count;
}

/* Store character C at OUT. Returns the bytes it took. */
static size_t utf8_encode(uint32_t c, char *out)
{
    unsigned len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

    for (unsigned i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)(first[len] | c);
    return len;
}

size_t fat_name_encode(const uint16_t *name, size_t len, char *out)
{
    size_t size = 0;

    for (size_t i = 0; i < len; i++) {
        uint32_t c = name[i];

        if (c < 0x80) {
            out[size++] = (char)c;
            continue;
        }
        if (is_high(c) && i + 1 < len && is_low(name[i + 1])) {
            c = 0x10000 + ((c & 0x3ff) << 10) + (name[i + 1] & 0x3ff);
            i++;
        }
        size += utf8_encode(c, out + size);
    }
    return size;
}

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

size_t fat_short_decode(const struct fat_volume *vol,
                        const struct fat_entry *entry, uint16_t *out)
{
    const struct fat_options *options = &vol->options;
    uint8_t lower = options->show_lower ? FAT_LOWER_BASE | FAT_LOWER_EXT
                  : options->show_nt    ? entry->lower
                                        : 0;
    uint8_t name[11];
    size_t len, ext;

    memcpy(name, entry->name, sizeof name);
    if (name[0] == FAT_NAME_E5)
        name[0] = FAT_NAME_FREE;
    len = part_decode(vol, name, 8, lower & FAT_LOWER_BASE, out);
    ext = part_decode(vol, name + 8, 3, lower & FAT_LOWER_EXT, out + len + 1);
    if (ext == 0)
        return len;
    out[len] = '.';
    return len + 1 + ext;
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
