/*
 * copies.c - the FAT as its copies have it
 *
 * One of them is believed, as a rule the first one, and the others are compared
 * with it. Where it cannot be read, or the device ends before it, another is
 * taken; and where no single one has all of a stretch, each of its parts from
 * any that has it. What is in none is unknown: read as zeros, and noted, so
 * that nothing is told of what is not there to be seen.
 */
#include "fat32/check/table.h"
#include "memfn.h"

#define PART 4096u              /* of a stretch that is in pieces */

/* How one of the copies differs from the one that is believed. */
struct fat_check_difference {
    uint32_t entries;
    uint32_t first;             /* cluster */
};

static uint64_t copy_at(const struct fat_check *v, uint32_t copy)
{
    return (v->boot.reserved + (uint64_t)copy * v->boot.fat_sectors)
           << v->boot.sector_shift;
}

bool fat_check_copies_hole(const struct fat_check *v, uint64_t from,
                           uint64_t len)
{
    struct check *check = v->check;

    for (uint32_t copy = 0; copy < v->boot.fat_count; copy++) {
        uint64_t at = copy_at(v, copy) + from;

        if (!v->boot.fat_mirrored && copy != v->copy)
            continue;
        if (at > check->dev->size || check->dev->size - at < len ||
            check_data_from(check, at) < at + len)
            return false;
    }
    return true;
}

/* --------------------------------------------------------------- reading */

/*
 * Read LEN bytes at FROM of a COPY into BYTES. *GOOD is false if not all of
 * them are there: what cannot be read is told, but that the device ends before
 * them has been.
 */
static int read_copy(const struct fat_check *v, uint32_t copy, uint64_t from,
                     uint8_t *bytes, size_t len, bool *good)
{
    uint64_t at = copy_at(v, copy) + from, size = v->check->dev->size;
    size_t there = at >= size ? 0 : size - at < len ? (size_t)(size - at) : len;
    int err = 0;

    *good = true;
    if (there > 0)
        err = check_get(v->check, at, bytes, there, SHALE_OBJECT_VOLUME, 0,
                        good);
    *good = *good && there == len;
    return err;
}

/* The entries in LEN bytes from FROM on are unknown. */
static int note_unknown(struct fat_check *v, uint64_t from, size_t len)
{
    uint64_t first = from * 8 / v->boot.bits;
    uint64_t end = ((from + len) * 8 + v->boot.bits - 1) / v->boot.bits;
    int err = 0;

    check_lock(v->check, &v->lock);
    if (!v->unknown) {
        v->unknown = check_bits_create(v->check, (uint64_t)v->last + 1);
        err = v->unknown ? 0 : SHALE_ENOMEM;
    }
    check_unlock(v->check, &v->lock);
    return err ? err : check_bits_add(v->unknown, first, end - first, NULL);
}

/* Read LEN bytes at FROM of whichever copy has them. */
static int read_part(struct fat_check *v, uint64_t from, uint8_t *bytes,
                     size_t len)
{
    uint32_t copies = v->boot.fat_mirrored ? v->boot.fat_count : 1;
    int err = SHALE_EIO;

    for (uint32_t i = 0; i < copies && err == SHALE_EIO; i++) {
        /* The one that is believed, then those before and behind it. */
        uint32_t copy = i == 0 ? v->copy : i <= v->copy ? i - 1 : i;
        uint64_t at = copy_at(v, copy) + from;

        err = check_read(v->check, at, bytes, len);
    }
    if (err != SHALE_EIO)
        return err;
    memset(bytes, 0, len);
    return note_unknown(v, from, len);
}

static int read_parts(struct fat_check *v, uint64_t from, uint8_t *bytes,
                      size_t len)
{
    int err = 0;

    while (!err && len > 0) {
        size_t part = len < PART ? len : PART;

        err = read_part(v, from, bytes, part);
        from += part;
        bytes += part;
        len -= part;
    }
    return err;
}

/*
 * Read LEN bytes at FROM of the copy that is believed, or of any that has all
 * of them, or of several. *NEXT: this copy, and those behind it, have not been
 * tried.
 */
static int read_best(struct fat_check *v, uint64_t from, uint8_t *bytes,
                     size_t len, uint32_t *next)
{
    bool good;
    int err = read_copy(v, v->copy, from, bytes, len, &good);

    *next = 0;
    while (!err && !good && v->boot.fat_mirrored &&
           *next < v->boot.fat_count) {
        uint32_t copy = (*next)++;

        if (copy != v->copy)
            err = read_copy(v, copy, from, bytes, len, &good);
    }
    return err || good ? err : read_parts(v, from, bytes, len);
}

/* ------------------------------------------------------------- comparing */

/* Note where the entries in the LEN bytes from FROM on differ in A and B. */
static void compare(struct fat_check *v, uint32_t copy, const uint8_t *a,
                    const uint8_t *b, uint64_t from, size_t len)
{
    struct fat_check_difference *difference = &v->differences[copy];
    uint32_t base = (uint32_t)(from * 8 / v->boot.bits);
    uint32_t count = (uint32_t)(len * 8 / v->boot.bits);
    uint32_t entries = 0, first = 0;

    if (count > v->last + 1 - base)
        count = v->last + 1 - base;
    for (uint32_t i = 0; i < count; i++)
        if (fat_check_entry_in(v, a, i) != fat_check_entry_in(v, b, i) &&
            entries++ == 0)
            first = base + i;
    if (entries == 0)
        return;
    check_lock(v->check, &v->lock);
    if (difference->entries == 0 || first < difference->first)
        difference->first = first;
    difference->entries += entries;
    check_unlock(v->check, &v->lock);
}

int fat_check_copies_read(struct fat_check *v, uint64_t from, uint8_t *bytes,
                          size_t len)
{
    uint8_t *other = bytes + len;
    uint32_t copy;
    bool good;
    int err = read_best(v, from, bytes, len, &copy);

    for (; !err && v->boot.fat_mirrored && copy < v->boot.fat_count; copy++) {
        if (copy == v->copy)
            continue;
        err = read_copy(v, copy, from, other, len, &good);
        if (!err && good && memcmp(bytes, other, len) != 0)
            compare(v, copy, bytes, other, from, len);
    }
    return err;
}

void fat_check_copies_tell(struct fat_check *v)
{
    for (uint32_t copy = 0; copy < v->boot.fat_count; copy++) {
        const struct fat_check_difference *d = &v->differences[copy];
        uint64_t at = copy_at(v, copy) +
                      (uint64_t)d->first * v->boot.bits / 8;

        if (d->entries)
            FAT_TELL(v, TABLE_DIFFERS, at, .other = copy + 1,
                     .expected = d->first, .found = d->entries);
    }
}

/* -------------------------------------------------------------- choosing */

/* Does the FAT at COPY begin as one does: a media byte, all ones behind it? */
static int has_beginning(struct fat_check *v, uint32_t copy, bool *has)
{
    uint8_t bytes[4] = { 0 };
    uint32_t value;
    int err = check_read(v->check, copy_at(v, copy), bytes, sizeof bytes);

    value = fat_check_entry_in(v, bytes, 0) & v->mask;
    *has = !err && (value | 0xff) == v->mask && (value & 0xff) >= 0xf0;
    return err == SHALE_EIO ? 0 : err;
}

int fat_check_copies_begin(struct fat_check *v)
{
    bool has;
    int err;

    v->differences = check_zalloc(v->check,
                                  v->boot.fat_count * sizeof *v->differences);
    if (!v->differences)
        return SHALE_ENOMEM;
    err = has_beginning(v, v->copy, &has);

    /* Believe the first of the copies that begins as it should. */
    for (uint32_t copy = 0; !err && !has && v->boot.fat_mirrored &&
                            copy < v->boot.fat_count; copy++) {
        err = has_beginning(v, copy, &has);
        if (has)
            v->copy = copy;
    }
    return err;
}

void fat_check_copies_fini(struct fat_check *v)
{
    check_free(v->check, v->differences,
               v->boot.fat_count * sizeof *v->differences);
    check_bits_destroy(v->unknown);
    v->differences = NULL;
    v->unknown = NULL;
}
