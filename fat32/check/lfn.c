/*
 * lfn.c - long names
 *
 * The pieces of a name stand before the short entry, the last one first: they
 * count down to 1, and all have the sum of the short name. (FAT spec 1.03,
 * "Long Directory Entries") A name of which a rule is broken is lost, and the
 * file goes by its short name; so it is enough to tell of the first.
 */
#include "fat32/check/check.h"
#include "fat32/codepage.h"
#include "fat32/dirent.h"
#include "fat32/name.h"
#include "memfn.h"
#include "utf16.h"

#define OF_DIR(slots) .object = SHALE_OBJECT_FILE, .number = (slots)->dir->at

static const struct fat_disk_long *
piece_at(const struct fat_check_slots *slots, uint32_t slot)
{
    return (const struct fat_disk_long *)(slots->bytes +
                                          (size_t)slot * FAT_ENTRY_SIZE);
}

static uint32_t order_of(const struct fat_disk_long *raw)
{
    return raw->order & FAT_LONG_ORDER;
}

/* ---------------------------------------------------------------- reading */

uint32_t fat_check_long_name(const struct fat_check_slots *slots,
                             uint32_t slot, uint16_t *name)
{
    uint8_t sum = fat_checksum(fat_check_entry(slots, slot)->name);
    uint16_t units[FAT_LONG_UNITS];
    uint32_t len = 0;
    bool ended = false;

    for (uint32_t order = 1; order <= FAT_LONG_PIECES && order <= slot;
         order++) {
        const struct fat_disk_long *raw = piece_at(slots, slot - order);

        if (raw->order == FAT_NAME_FREE || raw->order == FAT_NAME_END ||
            (raw->attr & FAT_ATTR_LONG_MASK) != FAT_ATTR_LONG ||
            order_of(raw) != order || raw->checksum != sum)
            return 0;
        fat_long_decode(raw, units);
        for (unsigned i = 0; i < FAT_LONG_UNITS && !ended; i++) {
            ended = units[i] == 0 || len > FAT_LONG_MAX;
            if (!ended)
                name[len++] = units[i];
        }
        if (raw->order & FAT_LONG_LAST)
            return len <= FAT_LONG_MAX ? len : 0;
    }
    return 0;
}

/* COUNT bytes of a short name, less the spaces at the end, as units. */
static size_t part_units(const uint8_t *bytes, size_t count, bool small,
                         uint16_t *out)
{
    const struct shale_codepage *page = &shale_codepage_437;
    size_t used = 0;

    while (count > 0 && bytes[count - 1] == ' ')
        count--;
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = bytes[i];

        if (small && byte >= 'A' && byte <= 'Z')
            byte = (uint8_t)(byte + 'a' - 'A');
        fat_codepage_decode(page, &byte, 1, &out[used++]);
    }
    return used;
}

size_t fat_check_name(const struct fat_check_slots *slots, uint32_t slot,
                      char *out)
{
    const struct fat_disk_entry *raw = fat_check_entry(slots, slot);
    uint16_t units[FAT_LONG_MAX + 1];
    size_t len = fat_check_long_name(slots, slot, units), ext;
    uint8_t name[11];

    if (len == 0) {
        memcpy(name, raw->name, sizeof name);
        if (name[0] == FAT_NAME_E5)
            name[0] = FAT_NAME_FREE;
        len = part_units(name, 8, raw->lower & FAT_LOWER_BASE, units);
        ext = part_units(name + 8, 3, raw->lower & FAT_LOWER_EXT,
                         units + len + 1);
        units[len] = '.';
        if (ext > 0)
            len += ext + 1;
    }
    return utf16_to_utf8(units, len, out);
}

/* --------------------------------------------------------------- checking */

/* Tell CODE of the sequence that is being read, with the piece in SLOT. */
static void tell_broken(struct fat_check *v,
                        const struct fat_check_slots *slots, uint32_t slot,
                        enum fat_check_code code, struct fat_check_lfn *lfn)
{
    uint16_t units[FAT_LONG_UNITS];
    char text[3 * FAT_LONG_UNITS];
    size_t len = 0;

    if (slots->unread)
        return;                 /* the rest may be there */
    /* That it is too long does not say that it is nobody's. */
    if (lfn->broken && !lfn->too_long)
        return;
    lfn->broken = true;
    lfn->too_long = false;
    fat_long_decode(piece_at(slots, slot), units);
    while (len < FAT_LONG_UNITS && units[len] != 0)
        len++;
    len = utf16_to_utf8(units, len, text);
    check_tell(v->check, &fat_check_codes[code],
               fat_check_slot_at(v, slots, slot) +
                   (code == FAT_CHECK_LONG_CHECKSUM ? FAT_LONG_FIELD(checksum)
                                                    : 0),
               &(struct check_note){ OF_DIR(slots), .name = text,
                                     .len = len });
}

/* The fields that are the same in all pieces. */
static void check_fields(struct fat_check *v,
                         const struct fat_check_slots *slots, uint32_t slot)
{
    const struct fat_disk_long *raw = piece_at(slots, slot);
    uint64_t at = fat_check_slot_at(v, slots, slot);

    if (raw->attr != FAT_ATTR_LONG)
        FAT_TELL(v, LONG_ATTRIBUTES, at + FAT_LONG_FIELD(attr), OF_DIR(slots),
                 .compared = true, .expected = FAT_ATTR_LONG,
                 .found = raw->attr);
    if (raw->type != 0)
        FAT_TELL(v, LONG_TYPE, at + FAT_LONG_FIELD(type), OF_DIR(slots),
                 .compared = true, .expected = 0, .found = raw->type);
    if (le16_get(raw->cluster) != 0)
        FAT_TELL(v, LONG_CLUSTER, at + FAT_LONG_FIELD(cluster), OF_DIR(slots),
                 .compared = true, .expected = 0,
                 .found = le16_get(raw->cluster));
}

void fat_check_lfn_piece(struct fat_check *v,
                         const struct fat_check_slots *slots, uint32_t slot,
                         struct fat_check_lfn *lfn)
{
    const struct fat_disk_long *raw = piece_at(slots, slot);
    uint32_t order = order_of(raw);

    check_fields(v, slots, slot);
    if (raw->order & FAT_LONG_LAST) {
        if (lfn->count && (lfn->left > 0 || lfn->broken))
            tell_broken(v, slots, lfn->slot, FAT_CHECK_LONG_ORDER, lfn);
        else if (lfn->count)
            tell_broken(v, slots, lfn->slot, FAT_CHECK_LONG_ORPHAN, lfn);
        *lfn = (struct fat_check_lfn){
            .slot = slot, .count = 1, .left = order ? order - 1 : 0,
            .checksum = raw->checksum,
        };
        if (order == 0)
            tell_broken(v, slots, slot, FAT_CHECK_LONG_ORDER, lfn);
        if (order > FAT_LONG_PIECES) {
            FAT_TELL(v, LONG_LENGTH, fat_check_slot_at(v, slots, slot),
                     OF_DIR(slots), .other = order * FAT_LONG_UNITS);
            lfn->broken = lfn->too_long = true;
        }
        return;
    }
    if (lfn->count++ == 0)
        lfn->slot = slot;
    if (order == 0 || order != lfn->left)
        tell_broken(v, slots, slot, FAT_CHECK_LONG_ORDER, lfn);
    else if (raw->checksum != lfn->checksum)
        tell_broken(v, slots, slot, FAT_CHECK_LONG_CHECKSUM, lfn);
    else
        lfn->left--;
}

static bool is_never(uint16_t unit)
{
    return unit < 0x20 || fat_is_one_of(unit, "\"*/:<>?\\|");
}

/* The byte of the volume where character I of the piece in SLOT is. */
static uint64_t unit_at(const struct fat_check *v,
                        const struct fat_check_slots *slots, uint32_t slot,
                        unsigned i)
{
    uint64_t at = fat_check_slot_at(v, slots, slot);

    if (i < 5)
        return at + FAT_LONG_FIELD(units1) + 2 * (uint64_t)i;
    return i < 11 ? at + FAT_LONG_FIELD(units2) + 2 * (uint64_t)(i - 5)
                  : at + FAT_LONG_FIELD(units3) + 2 * (uint64_t)(i - 11);
}

/* What the pieces of a name have: up to a zero characters, behind it ones. */
struct text {
    uint32_t len;
    bool ended;
    uint16_t never;             /* the first that cannot be, and where */
    uint64_t never_at;          /* 0: there is none */
    uint64_t garbage_at;        /* the first behind the end that is no one */
};

static void take_unit(struct text *text, uint16_t unit, uint64_t at)
{
    if (text->ended) {
        if (unit != 0xffff && text->garbage_at == 0)
            text->garbage_at = at;
    } else if (unit == 0) {
        text->ended = true;
    } else {
        text->len++;
        if (is_never(unit) && text->never_at == 0) {
            text->never = unit;
            text->never_at = at;
        }
    }
}

/* What is in the pieces of the name from slot FIRST on, that of the entry in
   SLOT. */
static void check_text(struct fat_check *v,
                       const struct fat_check_slots *slots, uint32_t first,
                       uint32_t slot)
{
    uint64_t at = fat_check_slot_at(v, slots, slot);
    struct text text = { .len = 0 };
    uint16_t units[FAT_LONG_UNITS];

    for (uint32_t piece = slot; piece-- > first;) {
        fat_long_decode(piece_at(slots, piece), units);
        for (unsigned i = 0; i < FAT_LONG_UNITS; i++)
            take_unit(&text, units[i], unit_at(v, slots, piece, i));
    }
    if (text.never_at)
        FAT_TELL(v, LONG_CHARACTER, text.never_at, .object = SHALE_OBJECT_FILE,
                 .number = at, .found = text.never);
    if (text.garbage_at)
        FAT_TELL(v, LONG_PADDING, text.garbage_at, .object = SHALE_OBJECT_FILE,
                 .number = at, .other = text.len);
    if (text.len == 0 || text.len > FAT_LONG_MAX)
        FAT_TELL(v, LONG_LENGTH, unit_at(v, slots, slot - 1, 0),
                 .object = SHALE_OBJECT_FILE, .number = at,
                 .other = text.len);
}

bool fat_check_lfn_end(struct fat_check *v,
                       const struct fat_check_slots *slots, uint32_t slot,
                       bool entry, struct fat_check_lfn *lfn)
{
    struct fat_check_lfn name = *lfn;
    uint32_t first = lfn->slot;

    *lfn = (struct fat_check_lfn){ .count = 0 };
    if (!entry)
        tell_broken(v, slots, first, FAT_CHECK_LONG_ORPHAN, &name);
    else if (name.left > 0)
        tell_broken(v, slots, first, FAT_CHECK_LONG_ORDER, &name);
    else if (name.checksum != fat_checksum(fat_check_entry(slots, slot)->name))
        tell_broken(v, slots, first, FAT_CHECK_LONG_CHECKSUM, &name);
    if (name.broken)
        return false;
    check_text(v, slots, first, slot);
    return true;
}
