/*
 * names.c - names that are there twice
 *
 * All names of a directory, long and short, are one set: a file is looked for
 * by either, and without regard to case (FAT spec 1.03, "Name Matching In
 * Short & Long Names"). They go into a table of hashes. Who makes thousands of
 * names of one hash has only some of them compared.
 *
 * Which letters are the same but for case beyond ASCII depends on who wrote the
 * volume, so that names that differ there are at most worth a word. The bytes
 * of short names beyond ASCII are compared among themselves only.
 */
#include "fat32/check/check.h"
#include "fat32/name.h"
#include "memfn.h"

#define PROBES_MAX 128u         /* cells looked at for a name */

/* A name: of the entry in SLOT, the long one or the short one. */
struct cell {
    uint32_t hash;
    uint32_t who;               /* slot * 2 + is_long + 1; 0: free */
};

struct table {
    struct fat_check *v;
    const struct fat_check_slots *slots;
    uint32_t mask;
    uint16_t name[FAT_LONG_MAX + 1], other[FAT_LONG_MAX + 1];
    struct cell cells[];
};

/* ------------------------------------------------------------- as units */

/* Add the LEN bytes of a part of a short name; false if not all are ASCII. */
static bool add_part(const uint8_t *bytes, size_t len, uint16_t *out,
                     uint32_t *count)
{
    while (len > 0 && bytes[len - 1] == ' ')
        len--;
    if (len > 0 && *count > 0)
        out[(*count)++] = '.';
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] >= 0x80 || bytes[i] == FAT_NAME_E5)
            return false;
        out[(*count)++] = bytes[i];
    }
    return true;
}

/* The short name in SLOT as units; 0: it is not all ASCII. */
static uint32_t short_units(const struct fat_check_slots *slots, uint32_t slot,
                            uint16_t *out)
{
    const uint8_t *name = fat_check_entry(slots, slot)->name;
    uint32_t len = 0;

    return add_part(name, 8, out, &len) && add_part(name + 8, 3, out, &len)
               ? len : 0;
}

static uint32_t units_of(const struct table *t, uint32_t who, uint16_t *out)
{
    uint32_t slot = (who - 1) / 2;

    return (who - 1) & 1 ? fat_check_long_name(t->slots, slot, out)
                         : short_units(t->slots, slot, out);
}

static uint32_t upper(uint32_t unit)
{
    return unit - 'a' < 26 ? unit - ('a' - 'A') : unit;
}

/* -------------------------------------------------------------- comparing */

enum likeness { DIFFERENT, ALIKE, SAME };

static enum likeness compare_short(const uint8_t a[11], const uint8_t b[11])
{
    if (memcmp(a, b, 11) == 0)
        return SAME;
    for (size_t i = 0; i < 11; i++)
        if (upper(a[i]) != upper(b[i]))
            return DIFFERENT;
    return ALIKE;
}

/* Compare LEN units of t->name, that are A's, with B's. */
static enum likeness compare_long(struct table *t, uint32_t len, uint32_t b)
{
    uint32_t other = units_of(t, b, t->other);

    if (len == 0 || !fat_name_equal(t->name, len, t->other, other))
        return DIFFERENT;
    for (uint32_t i = 0; i < len; i++)
        if (upper(t->name[i]) != upper(t->other[i]))
            return ALIKE;
    return SAME;
}

static enum likeness compare(struct table *t, uint32_t a, uint32_t len,
                             uint32_t b)
{
    uint32_t slot_a = (a - 1) / 2, slot_b = (b - 1) / 2;

    if (slot_a == slot_b)
        return DIFFERENT;
    if ((a - 1) & 1 || (b - 1) & 1)
        return compare_long(t, len, b);
    return compare_short(fat_check_entry(t->slots, slot_a)->name,
                         fat_check_entry(t->slots, slot_b)->name);
}

static void tell(struct table *t, uint32_t a, uint32_t b, enum likeness how)
{
    uint64_t at = fat_check_slot_at(t->v, t->slots, (a - 1) / 2);
    uint64_t other = fat_check_slot_at(t->v, t->slots, (b - 1) / 2);
    bool both_short = !((a - 1) & 1) && !((b - 1) & 1);
    enum fat_check_code code = how == ALIKE ? FAT_CHECK_NAME_ALIKE
                             : both_short   ? FAT_CHECK_NAME_TWICE
                                            : FAT_CHECK_NAME_TWICE_LONG;
    char *name = check_alloc(t->v->check, FAT_CHECK_NAME_BYTES);

    if (name)
        check_tell(t->v->check, &fat_check_codes[code], at,
                   &(struct check_note){
                       .object = SHALE_OBJECT_FILE, .number = at,
                       .other = other, .name = name,
                       .len = fat_check_name(t->slots, (b - 1) / 2, name),
                   });
    check_free(t->v->check, name, FAT_CHECK_NAME_BYTES);
}

/* -------------------------------------------------------------- the table */

/*
 * Enter the name WHO, of LEN units in t->name. Answers whether it was told that
 * it is there already.
 */
static bool enter(struct table *t, uint32_t who, uint32_t hash, uint32_t len)
{
    for (uint32_t i = 0; i < PROBES_MAX; i++) {
        struct cell *cell = &t->cells[(hash + i) & t->mask];
        enum likeness how;

        if (cell->who == 0) {
            *cell = (struct cell){ hash, who };
            return false;
        }
        if (cell->hash != hash)
            continue;
        how = compare(t, who, len, cell->who);
        if (how != DIFFERENT) {
            tell(t, who, cell->who, how);
            return true;
        }
    }
    return false;
}

static uint32_t hash_bytes(const uint8_t name[11])
{
    uint32_t hash = 0x811c9dc5u;        /* FNV-1a */

    for (size_t i = 0; i < 11; i++)
        hash = (hash ^ upper(name[i])) * 0x01000193u;
    return hash ^ hash >> 15;
}

/* The names of the entry in SLOT; what is told of one is enough for both. */
static void enter_both(struct table *t, uint32_t slot)
{
    const struct fat_disk_entry *raw = fat_check_entry(t->slots, slot);
    uint32_t who = slot * 2 + 1, len;
    bool told = false;

    len = short_units(t->slots, slot, t->name);
    if (!(raw->lower & FAT_LOWER_NO_SHORT))
        told = enter(t, who, len ? fat_name_hash(t->name, len)
                                 : hash_bytes(raw->name), len);
    len = fat_check_long_name(t->slots, slot, t->name);
    if (len && !told)
        enter(t, who + 1, fat_name_hash(t->name, len), len);
}

int fat_check_names(struct fat_check *v, struct fat_check_slots *slots,
                    uint32_t entries)
{
    struct fat_check_scan scan = { 0, false };
    uint32_t cells = 8, names = 2 * entries;
    enum fat_check_kind kind;
    struct table *t;
    size_t size;

    if (entries < 2)
        return 0;
    if (names > slots->count)
        names = slots->count;   /* a long one takes a slot at least */
    while (cells / 2 < names)
        cells *= 2;
    size = sizeof *t + cells * sizeof t->cells[0];
    t = check_zalloc(v->check, size);
    if (!t)
        return SHALE_ENOMEM;
    t->v = v;
    t->slots = slots;
    t->mask = cells - 1;
    while ((kind = fat_check_next(v, slots, &scan)) != FAT_KIND_NONE)
        if (kind == FAT_KIND_FILE)
            enter_both(t, scan.next - 1);
    check_free(v->check, t, size);
    return 0;
}
