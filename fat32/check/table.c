/*
 * table.c - the FAT in memory; its copies compared
 *
 * The FAT is read from end to end by all workers, in stretches, each of all the
 * copies that there are. Pieces of 64 KiB are kept; those that are free all
 * through, or one long row of clusters, as no more than that. So memory is at
 * most one FAT, and little where files are large or few.
 *
 * A FAT may be longer than the clusters take. What is behind them means
 * nothing.
 */
#include "fat32/check/check.h"
#include "memfn.h"

#define PIECES_READ 4u          /* at once */
#define STRETCH (PIECES_READ * FAT_CHECK_PIECE)

/* How one of the copies differs from the one that is believed. */
struct difference {
    uint32_t entries;
    uint32_t first;             /* cluster */
};

struct reading {
    struct fat_check *v;
    uint64_t bytes;             /* of a FAT that count */
    struct difference *differences;         /* of each copy */
};

static uint64_t copy_at(const struct fat_check *v, uint32_t copy)
{
    return (v->boot.reserved + (uint64_t)copy * v->boot.fat_sectors)
           << v->boot.sector_shift;
}

/* ---------------------------------------------------------------- entries */

/* Entry INDEX of the bits at BYTES, of which the first is entry 0. */
static uint32_t entry12(const uint8_t *bytes, uint32_t index)
{
    const uint8_t *at = bytes + index * 3 / 2;
    uint32_t pair = at[0] | (uint32_t)at[1] << 8;

    return index & 1 ? pair >> 4 : pair & 0xfff;
}

static uint32_t entry16(const uint8_t *bytes, uint32_t index)
{
    return le16_get(((const le16 *)bytes)[index]);
}

static uint32_t entry32(const uint8_t *bytes, uint32_t index)
{
    return le32_get(((const le32 *)bytes)[index]);
}

static uint32_t entry_of(const struct fat_check *v, const uint8_t *bytes,
                         uint32_t index)
{
    return v->boot.bits == 32 ? entry32(bytes, index)
         : v->boot.bits == 16 ? entry16(bytes, index) : entry12(bytes, index);
}

uint32_t fat_check_get(const struct fat_check *v, uint32_t cluster)
{
    const struct fat_check_piece *piece =
        &v->pieces[cluster >> v->piece_shift];
    uint32_t index = cluster & (((uint32_t)1 << v->piece_shift) - 1);

    if (piece->shape == FAT_PIECE_FREE)
        return 0;
    if (piece->shape == FAT_PIECE_ROW)
        return cluster + 1;
    return entry_of(v, piece->bytes, index) & v->mask;
}

/* From AT on, below STOP: the first that the next one does not follow. */
static uint32_t row_end(const struct fat_check *v, const uint8_t *bytes,
                        uint32_t at, uint32_t stop)
{
    uint32_t base = at & ~(((uint32_t)1 << v->piece_shift) - 1);

    if (v->boot.bits == 32)
        while (at < stop && (entry32(bytes, at - base) & 0x0fffffff) == at + 1)
            at++;
    else if (v->boot.bits == 16)
        while (at < stop && entry16(bytes, at - base) == at + 1)
            at++;
    else
        while (at < stop && entry12(bytes, at - base) == at + 1)
            at++;
    return at;
}

/* The end of the piece that CLUSTER is in, but no more than MAX. */
static uint32_t piece_end(const struct fat_check *v, uint32_t cluster,
                          uint32_t max)
{
    uint64_t end = ((uint64_t)(cluster >> v->piece_shift) + 1)
                   << v->piece_shift;

    return end < max ? (uint32_t)end : max;
}

uint32_t fat_check_row(const struct fat_check *v, uint32_t cluster,
                       uint32_t max)
{
    uint32_t at = cluster, end = cluster + max - 1;

    while (at < end) {
        const struct fat_check_piece *piece = &v->pieces[at >> v->piece_shift];
        uint32_t stop = piece_end(v, at, end);

        if (piece->shape == FAT_PIECE_MIXED)
            at = row_end(v, piece->bytes, at, stop);
        else if (piece->shape == FAT_PIECE_ROW)
            at = stop;
        if (at < stop)
            break;
    }
    return at - cluster + 1;
}

uint32_t fat_check_skip_free(const struct fat_check *v, uint32_t cluster)
{
    while (cluster <= v->last) {
        const struct fat_check_piece *piece =
            &v->pieces[cluster >> v->piece_shift];
        uint32_t stop = piece_end(v, cluster, v->last + 1);

        if (piece->shape == FAT_PIECE_ROW)
            return cluster;
        if (piece->shape == FAT_PIECE_MIXED)
            while (cluster < stop && fat_check_get(v, cluster) == FAT_FREE)
                cluster++;
        else
            cluster = stop;
        if (cluster < stop)
            return cluster;
    }
    return v->last + 1;
}

/* ---------------------------------------------------------------- reading */

/* Is the stretch from FROM on a hole in all copies that count? */
static bool is_hole(const struct reading *r, uint64_t from, uint64_t len)
{
    struct fat_check *v = r->v;

    for (uint32_t copy = 0; copy < v->boot.fat_count; copy++) {
        uint64_t at = copy_at(v, copy) + from;

        if (at >= v->check->dev->size)
            continue;
        if ((v->boot.fat_mirrored || copy == v->copy) &&
            check_data_from(v->check, at) < at + len)
            return false;
    }
    return true;
}

/*
 * Read LEN bytes at FROM of a COPY into BYTES; zeros past the device's end,
 * which has been told. *GOOD is false, and BYTES zeros, if it cannot be read.
 */
static int read_copy(const struct reading *r, uint32_t copy, uint64_t from,
                     uint8_t *bytes, size_t len, bool *good)
{
    struct check *check = r->v->check;
    uint64_t at = copy_at(r->v, copy) + from;
    size_t there = len;
    int err = 0;

    *good = true;
    if (at >= check->dev->size)
        there = 0;
    else if (check->dev->size - at < len)
        there = (size_t)(check->dev->size - at);
    if (there)
        err = check_get(check, at, bytes, there, SHALE_OBJECT_VOLUME, 0,
                        good);
    if (!*good)
        there = 0;
    memset(bytes + there, 0, len - there);
    return err;
}

/* The same of the copy that is believed, or of any that can be read. */
static int read_best(const struct reading *r, uint64_t from, uint8_t *bytes,
                     size_t len)
{
    bool good;
    int err = read_copy(r, r->v->copy, from, bytes, len, &good);

    if (!r->v->boot.fat_mirrored)
        return err;
    for (uint32_t copy = 0; !err && !good && copy < r->v->boot.fat_count;
         copy++)
        if (copy != r->v->copy)
            err = read_copy(r, copy, from, bytes, len, &good);
    return err;
}

/* ------------------------------------------------------------- comparing */

/* Note where the COUNT entries from BASE on are different in A and B. */
static void compare(const struct reading *r, uint32_t copy, const uint8_t *a,
                    const uint8_t *b, uint32_t base, uint32_t count)
{
    struct difference *difference = &r->differences[copy];
    uint32_t entries = 0, first = 0;

    for (uint32_t i = 0; i < count; i++)
        if (entry_of(r->v, a, i) != entry_of(r->v, b, i) && entries++ == 0)
            first = base + i;
    if (entries == 0)
        return;
    check_lock(r->v->check, &r->v->lock);
    if (difference->entries == 0 || first < difference->first)
        difference->first = first;
    difference->entries += entries;
    check_unlock(r->v->check, &r->v->lock);
}

/* Read the other copies of what is in BYTES, and compare. */
static int compare_copies(const struct reading *r, uint64_t from,
                          const uint8_t *bytes, uint8_t *other, size_t len,
                          uint32_t base, uint32_t count)
{
    struct fat_check *v = r->v;
    bool good;

    if (!v->boot.fat_mirrored)
        return 0;
    for (uint32_t copy = 0; copy < v->boot.fat_count; copy++) {
        int err;

        if (copy == v->copy)
            continue;
        err = read_copy(r, copy, from, other, len, &good);
        if (err)
            return err;
        if (good && memcmp(bytes, other, len) != 0)
            compare(r, copy, bytes, other, base, count);
    }
    return 0;
}

/* ---------------------------------------------------------------- keeping */

/* What was counted in a piece. */
struct counts {
    uint32_t free, bad, row;
};

static void count_entry(uint32_t value, uint32_t cluster, uint32_t mask,
                        struct counts *counts)
{
    counts->free += value == FAT_FREE;
    counts->bad += value == (mask & FAT_BAD);
    counts->row += value == cluster + 1;
}

static void count_piece(const struct fat_check *v, const uint8_t *bytes,
                        uint32_t base, uint32_t count, struct counts *counts)
{
    uint32_t mask = v->mask;

    if (v->boot.bits == 32)
        for (uint32_t i = 0; i < count; i++)
            count_entry(entry32(bytes, i) & mask, base + i, mask, counts);
    else
        for (uint32_t i = 0; i < count; i++)
            count_entry(entry_of(v, bytes, i), base + i, mask, counts);
}

/* Claim the bad clusters among COUNT from BASE on. */
static void claim_bad(const struct fat_check *v, const uint8_t *bytes,
                      uint32_t base, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t cluster = base + i;

        if ((entry_of(v, bytes, i) & v->mask) == (v->mask & FAT_BAD) &&
            fat_check_is_cluster(v, cluster))
            check_claim(v->check, &(struct shale_claim){
                .use = SHALE_USE_BAD, .object = SHALE_OBJECT_CLUSTER,
                .number = cluster, .at = fat_check_cluster_at(v, cluster),
                .length = v->boot.cluster_size, .position = SHALE_NOWHERE,
            });
    }
}

/* Keep the SIZE bytes of piece INDEX. */
static int keep_piece(struct fat_check *v, uint32_t index,
                      const uint8_t *bytes, size_t size)
{
    struct fat_check_piece *piece = &v->pieces[index];
    uint32_t base = index << v->piece_shift;
    uint32_t count = piece_end(v, base, v->last + 1) - base;
    struct counts counts = { 0, 0, 0 };

    if (check_is_zero(bytes, size)) {
        counts.free = count;
    } else {
        count_piece(v, bytes, base, count, &counts);
        piece->shape = counts.row == count ? FAT_PIECE_ROW : FAT_PIECE_MIXED;
    }
    if (piece->shape == FAT_PIECE_MIXED) {
        piece->bytes = check_alloc(v->check, size);
        if (!piece->bytes) {
            piece->shape = FAT_PIECE_FREE;
            return SHALE_ENOMEM;
        }
        piece->size = size;
        memcpy(piece->bytes, bytes, size);
    }
    if (counts.bad && v->check->config->claim)
        claim_bad(v, bytes, base, count);
    check_lock(v->check, &v->lock);
    v->free_count += counts.free;
    v->bad_count += counts.bad;
    check_unlock(v->check, &v->lock);
    return 0;
}

static int keep_stretch(struct fat_check *v, uint64_t index,
                        const uint8_t *bytes, size_t len)
{
    uint32_t piece = (uint32_t)index * PIECES_READ;
    int err = 0;

    for (size_t at = 0; !err && at < len; at += FAT_CHECK_PIECE, piece++)
        err = keep_piece(v, piece, bytes + at,
                         len - at < FAT_CHECK_PIECE ? len - at
                                                    : FAT_CHECK_PIECE);
    return err;
}

/* The stretch INDEX, of LEN bytes, with room for two of it at BYTES. */
static int read_stretch(const struct reading *r, uint64_t index,
                        uint8_t *bytes, size_t len)
{
    struct fat_check *v = r->v;
    uint64_t from = index * STRETCH;
    uint32_t base = (uint32_t)index * PIECES_READ << v->piece_shift;
    uint32_t count = (uint32_t)(len * 8 / v->boot.bits);
    int err = read_best(r, from, bytes, len);

    if (count > v->last + 1 - base)
        count = v->last + 1 - base;
    if (!err)
        err = compare_copies(r, from, bytes, bytes + len, len, base, count);
    if (!err)
        err = keep_stretch(v, index, bytes, len);
    return err;
}

static int stretch(struct check *check, uint64_t index, void *context)
{
    const struct reading *r = context;
    struct fat_check *v = r->v;
    uint64_t from = index * STRETCH;
    size_t len = r->bytes - from < STRETCH ? (size_t)(r->bytes - from)
                                           : STRETCH;
    uint32_t base = (uint32_t)index * PIECES_READ << v->piece_shift;
    uint8_t *bytes;
    int err;

    check_done(check, 1);
    if (is_hole(r, from, len)) {
        uint64_t count = len * 8 / v->boot.bits;

        if (count > v->last + 1 - base)
            count = v->last + 1 - base;
        check_lock(check, &v->lock);
        v->free_count += count;
        check_unlock(check, &v->lock);
        return 0;
    }
    bytes = check_alloc(check, 2 * len);
    if (!bytes)
        return SHALE_ENOMEM;
    err = read_stretch(r, index, bytes, len);
    check_free(check, bytes, 2 * len);
    return err;
}

/* -------------------------------------------------------------- the whole */

/* Does the FAT at COPY begin as one does: a media byte, all ones behind it? */
static int has_beginning(struct fat_check *v, uint32_t copy, bool *has)
{
    uint8_t bytes[4] = { 0 };
    uint32_t value;
    int err = check_read(v->check, copy_at(v, copy), bytes, sizeof bytes);

    value = entry_of(v, bytes, 0) & v->mask;
    *has = !err && (value | 0xff) == v->mask && (value & 0xff) >= 0xf0;
    return err == SHALE_EIO ? 0 : err;
}

/* Believe the first of the copies that begins as it should. */
static int choose_copy(struct fat_check *v)
{
    bool has;
    int err = has_beginning(v, v->copy, &has);

    for (uint32_t copy = 0; !err && !has && v->boot.fat_mirrored &&
                            copy < v->boot.fat_count; copy++) {
        err = has_beginning(v, copy, &has);
        if (has)
            v->copy = copy;
    }
    return err;
}

static void tell_differences(const struct reading *r)
{
    struct fat_check *v = r->v;

    for (uint32_t copy = 0; copy < v->boot.fat_count; copy++) {
        const struct difference *d = &r->differences[copy];
        uint64_t at = copy_at(v, copy) +
                      (uint64_t)d->first * v->boot.bits / 8;

        if (d->entries)
            FAT_TELL(v, TABLE_DIFFERS, at, .other = copy + 1,
                     .expected = d->first, .found = d->entries);
    }
}

static int read_all(struct reading *r)
{
    struct fat_check *v = r->v;
    uint64_t stretches = (r->bytes + STRETCH - 1) / STRETCH;
    int err = choose_copy(v);

    if (err)
        return err;
    check_phase(v->check, "allocation table", stretches);
    err = check_each(v->check, stretches, stretch, r);
    if (err)
        return err;
    tell_differences(r);

    /* Entries 0 and 1 are no clusters. */
    for (uint32_t i = 0; i < FAT_FIRST_CLUSTER; i++) {
        v->free_count -= fat_check_get(v, i) == FAT_FREE;
        v->bad_count -= fat_check_get(v, i) == (v->mask & FAT_BAD);
    }
    v->check->result->units_used = v->boot.cluster_count - v->free_count;
    return 0;
}

int fat_check_table(struct fat_check *v)
{
    struct reading r = { .v = v };
    size_t size = v->boot.fat_count * sizeof *r.differences;
    int err = SHALE_ENOMEM;

    r.bytes = (((uint64_t)v->last + 1) * v->boot.bits + 7) / 8;
    v->piece_shift = v->boot.bits == 32 ? 14 : v->boot.bits == 16 ? 15 : 16;
    v->piece_count = (v->last >> v->piece_shift) + 1;
    v->pieces = check_zalloc(v->check, v->piece_count * sizeof *v->pieces);
    r.differences = check_zalloc(v->check, size);
    if (v->pieces && r.differences)
        err = read_all(&r);
    check_free(v->check, r.differences, size);
    return err;
}

void fat_check_table_fini(struct fat_check *v)
{
    for (uint32_t i = 0; v->pieces && i < v->piece_count; i++)
        check_free(v->check, v->pieces[i].bytes, v->pieces[i].size);
    check_free(v->check, v->pieces, v->piece_count * sizeof *v->pieces);
    v->pieces = NULL;
}
