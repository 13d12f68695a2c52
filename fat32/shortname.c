/*
 * shortname.c - the two names that a new file gets
 *
 * Every file has a short name, of 8 and 3 characters of the code page, in
 * capitals. If that is not the whole truth, the name as it was given is stored
 * as well, in pieces of UTF-16. (FAT spec, "The Basis-Name Generation
 * Algorithm", "The Numeric-Tail Generation Algorithm")
 *
 *     given             short         pieces
 *     README.TXT        README.TXT    no
 *     readme.txt        README.TXT    no: NT's flags say it is in small letters
 *     ReadMe.txt        README.TXT    yes
 *     read me.text      README~1.TEX  yes
 *
 * A tail is found in constant expected time however many names begin alike:
 * ~1 to ~4 are tried, and then four digits made from the name's hash go before
 * it, as Windows does.
 */
#include "chain.h"
#include "codepage.h"
#include "dir.h"
#include "fat.h"
#include "fold.h"
#include "memfn.h"
#include "name.h"
#include "node.h"
#include "write.h"

#define PLAIN_TAILS 4u
#define TRIES_MAX 8192u

/* ---------------------------------------------------------- the basis */

/* A part of a basis being made. */
struct part {
    uint8_t *bytes;
    uint32_t len, room;
    bool exact;                 /* nothing was left out or replaced */
};

/*
 * Encode UNIT, in capitals if there is one. Returns how many bytes it takes, or
 * 0 if no short name can have it. That includes what has the byte of a
 * separator for its second (code pages 932, 936 and 950): few programs but
 * Windows see the two as one character.
 */
static size_t basis_encode(const struct shale_codepage *page, uint16_t unit,
                           uint8_t bytes[2])
{
    size_t len;

    if (unit == 0x7f || fat_is_one_of(unit, "+,;=[]"))
        return 0;
    len = fat_codepage_encode(page, fat_upper(unit), bytes);
    if (len == 0)
        len = fat_codepage_encode(page, unit, bytes);
    return len == 2 && fat_is_one_of(bytes[1], "\\|") ? 0 : len;
}

/* Add UNIT to PART in capitals, as far as the code page has it. */
static void part_add(const struct shale_codepage *page, struct part *part,
                     uint16_t unit)
{
    uint8_t bytes[2] = { '_' };
    size_t len;

    if (unit == ' ' || unit == '.') {
        part->exact = false;
        return;
    }
    len = basis_encode(page, unit, bytes);
    if (len == 0) {
        bytes[0] = '_';
        len = 1;
        part->exact = false;
    }
    if (len > part->room - part->len) {
        part->room = part->len;         /* nor anything that is shorter */
        part->exact = false;
        return;
    }
    memcpy(part->bytes + part->len, bytes, len);
    part->len += (uint32_t)len;
}

/*
 * Can NAME, whose basis says it but for case, do without pieces? SHOWN is the
 * basis. If the flags make up for the case, they are stored.
 */
static bool does_without_pieces(const struct fat_volume *vol,
                                const uint16_t *name, const uint16_t *shown,
                                uint32_t len, uint8_t *lower)
{
    uint8_t part = FAT_LOWER_BASE, small = 0, large = 0;

    for (uint32_t i = 0; i < len; i++) {
        bool is_letter = shown[i] >= 'A' && shown[i] <= 'Z';

        if (shown[i] == '.') {
            part = FAT_LOWER_EXT;
        } else if (name[i] != shown[i]) {
            if (!is_letter)
                return false;
            small |= part;
        } else if (is_letter || shown[i] >= 0x80) {
            /* Systems differ in what the flags do to other letters. */
            large |= part;
        }
    }
    *lower = small;
    return !(small & large) &&
           (small == 0 || (vol->options.flags & FAT_CREATE_NT));
}

/* Make the basis of NAME's units. */
static void basis_make(const struct fat_volume *vol, struct fat_newname *name)
{
    const struct shale_codepage *page = vol->options.codepage;
    struct part base = { name->basis, 0, 8, true };
    struct part ext = { name->basis + 8, 0, 3, true };
    uint16_t shown[FAT_SHORT_UNITS];
    uint32_t first = 0, dot, len;

    memset(name->basis, ' ', sizeof name->basis);
    while (first < name->len &&
           (name->units[first] == '.' || name->units[first] == ' '))
        first++;
    for (dot = name->len; dot > first && name->units[dot - 1] != '.'; dot--)
        ;
    if (dot == first)
        dot = name->len + 1;            /* there is none */
    for (uint32_t i = first; i + 1 < dot; i++)
        part_add(page, &base, name->units[i]);
    for (uint32_t i = dot; i < name->len; i++)
        part_add(page, &ext, name->units[i]);
    if (base.len == 0)
        part_add(page, &base, '_');
    name->base_len = base.len;
    name->ext_len = ext.len;

    name->exact = false;
    name->exact_long = true;
    name->exact_lower = 0;
    if (first > 0 || !base.exact || !ext.exact)
        return;
    len = (uint32_t)fat_short_units(vol, name->basis, 0, shown);
    if (!fat_name_equal(name->units, name->len, shown, len) ||
        len != name->len)
        return;
    name->exact = true;
    name->exact_long = !does_without_pieces(vol, name->units, shown, len,
                                            &name->exact_lower);
    if (name->exact_long)
        name->exact_lower = 0;
}

int fat_newname_decode(struct fat_volume *vol, const char *text, size_t len,
                       struct fat_newname *out)
{
    int count = fat_name_units(text, len, out->units);

    if (count < 0)
        return count;
    out->len = (uint32_t)count;         /* a space is no end */
    if (out->len == 0 || out->units[out->len - 1] == ' ')
        return SHALE_EINVAL;
    for (uint32_t i = 0; i < out->len; i++) {
        if (out->units[i] < ' ' || fat_is_one_of(out->units[i], "\"*/:<>?\\|"))
            return SHALE_EINVAL;
    }
    out->hash = fat_name_hash(out->units, out->len);
    basis_make(vol, out);
    return 0;
}

/* ----------------------------------------------------------- the choice */

/* Is short NAME somebody's? Arguments as of fat_newname_choose(). */
static int is_taken(struct fat_vnode *dir, const uint8_t name[11],
                    const struct fat_set *own, uint32_t row)
{
    struct fat_volume *vol = fat_volume_of(dir->base.fs);
    uint16_t units[FAT_SHORT_UNITS];
    size_t len = fat_short_units(vol, name, 0, units);
    uint32_t freed;
    struct fat_set *other = fat_set_get(vol);
    bool is_own = false;
    int err;

    if (!other)
        return SHALE_ENOMEM;
    err = fat_dir_find(dir, units, len, other);
    if (!err && own)
        is_own = other->at == own->at;
    fat_set_put(vol, other);
    if (err && err != SHALE_ENOENT)
        return err;
    if (!err && !is_own)
        return 1;
    return fat_recent_name(dir, fat_name_hash(units, len), &freed) &&
           (freed != row || row == FAT_UNKNOWN);
}

/* The bytes of a base, LEN long, that fit in ROOM without half a character. */
static uint32_t base_fit(const struct shale_codepage *page, const uint8_t *base,
                         uint32_t len, uint32_t room)
{
    uint32_t at = 0;
    uint16_t unit;

    while (at < len) {
        uint32_t step = (uint32_t)fat_codepage_decode(page, base + at,
                                                      len - at, &unit);

        if (step > room - at)
            break;
        at += step;
    }
    return at;
}

/* 0xe5 at the beginning would say that there is no file. */
static void first_byte_mask(struct fat_newname *name)
{
    if (name->name[0] == FAT_NAME_FREE)
        name->name[0] = FAT_NAME_E5;
}

/* Make candidate number N (from 1) in name->name. */
static void candidate_make(const struct fat_volume *vol,
                           struct fat_newname *name, uint32_t n)
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t tail[8];
    uint32_t len = 0, room;

    if (n > PLAIN_TAILS) {
        uint32_t hash = (name->hash + n) * 0x9e3779b1u >> 16;

        for (int shift = 12; shift >= 0; shift -= 4)
            tail[len++] = (uint8_t)digits[hash >> shift & 15];
    }
    tail[len++] = '~';
    tail[len++] = (uint8_t)('1' + (n - 1) % (n > PLAIN_TAILS ? 9 : 4));

    memcpy(name->name, name->basis, sizeof name->name);
    memset(name->name, ' ', 8);
    room = base_fit(vol->options.codepage, name->basis, name->base_len,
                    8 - len);
    memcpy(name->name, name->basis, room);
    memcpy(name->name + room, tail, len);
    first_byte_mask(name);
}

int fat_newname_choose(struct fat_vnode *dir, struct fat_newname *name,
                       const struct fat_set *own, uint32_t row)
{
    const struct fat_volume *vol = fat_volume_of(dir->base.fs);
    int taken = 1;

    memcpy(name->name, name->basis, sizeof name->name);
    first_byte_mask(name);
    name->is_long = name->exact_long;
    name->lower = name->exact_lower;
    if (name->exact || (vol->options.flags & FAT_NONUMTAIL))
        taken = is_taken(dir, name->name, own, row);
    for (uint32_t n = 1; taken > 0; n++) {
        if (n > TRIES_MAX)
            return SHALE_ENOSPC;
        candidate_make(vol, name, n);
        name->is_long = true;
        name->lower = 0;
        taken = is_taken(dir, name->name, own, row);
    }
    return taken;
}
