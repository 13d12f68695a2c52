/*
 * table.c - the FAT in memory
 *
 * The FAT is read from end to end by all workers, in stretches, each of all the
 * copies that there are. Pieces of 64 KiB are kept; those that are free all
 * through, or one long row of clusters, as no more than that. So memory is at
 * most one FAT, and little where files are large or few.
 *
 * A FAT may be longer than the clusters take. What is behind them means
 * nothing.
 */
#include "fat32/chain.h"
#include "fat32/check/table.h"
#include "memfn.h"

#define PIECES_READ 4u          /* at once */
#define STRETCH (PIECES_READ * FAT_CHECK_PIECE)

/* ---------------------------------------------------------------- entries */

uint32_t fat_check_get(const struct fat_check *v, uint32_t cluster)
{
    const struct fat_check_piece *piece =
        &v->pieces[cluster >> v->piece_shift];
    uint32_t index = cluster & (((uint32_t)1 << v->piece_shift) - 1);

    if (piece->shape == FAT_PIECE_FREE)
        return 0;
    if (piece->shape == FAT_PIECE_ROW)
        return cluster + 1;
    return fat_check_entry_in(v, piece->bytes, index) & v->mask;
}

/* From AT on, below STOP: the first that the next one does not follow. */
static uint32_t row_end(const struct fat_check *v, const uint8_t *bytes,
                        uint32_t at, uint32_t stop)
{
    uint32_t base = at & ~(((uint32_t)1 << v->piece_shift) - 1);

    if (v->boot.bits == 32)
        while (at < stop && (fat_check_entry32(bytes, at - base) & v->mask) ==
                                at + 1)
            at++;
    else if (v->boot.bits == 16)
        while (at < stop && fat_check_entry16(bytes, at - base) == at + 1)
            at++;
    else
        while (at < stop && fat_check_entry12(bytes, at - base) == at + 1)
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

bool fat_check_is_unknown(const struct fat_check *v, uint32_t cluster)
{
    return v->unknown && check_bits_has(v->unknown, cluster);
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
            count_entry(fat_check_entry32(bytes, i) & mask, base + i, mask,
                        counts);
    else
        for (uint32_t i = 0; i < count; i++)
            count_entry(fat_check_entry_in(v, bytes, i), base + i, mask,
                        counts);
}

/* Claim the bad clusters among COUNT from BASE on. */
static void claim_bad(const struct fat_check *v, const uint8_t *bytes,
                      uint32_t base, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t cluster = base + i;
        uint32_t entry = fat_check_entry_in(v, bytes, i) & v->mask;

        if (entry == (v->mask & FAT_BAD) && fat_check_is_cluster(v, cluster))
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

/* The bytes of a FAT that count. */
static uint64_t table_bytes(const struct fat_check *v)
{
    return (((uint64_t)v->last + 1) * v->boot.bits + 7) / 8;
}

static int stretch(struct check *check, uint64_t index, void *context)
{
    struct fat_check *v = context;
    uint64_t from = index * STRETCH, left = table_bytes(v) - from;
    size_t len = left < STRETCH ? (size_t)left : STRETCH;
    uint32_t base = (uint32_t)index * PIECES_READ << v->piece_shift;
    uint8_t *bytes;
    int err;

    check_done(check, 1);
    if (fat_check_copies_hole(v, from, len)) {
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
    err = fat_check_copies_read(v, from, bytes, len);
    if (!err)
        err = keep_stretch(v, index, bytes, len);
    check_free(check, bytes, 2 * len);
    return err;
}

/* -------------------------------------------------------------- the whole */

static int read_all(struct fat_check *v)
{
    uint64_t stretches = (table_bytes(v) + STRETCH - 1) / STRETCH;
    int err = fat_check_copies_begin(v);

    if (err)
        return err;
    check_phase(v->check, "allocation table", stretches);
    err = check_each(v->check, stretches, stretch, v);
    if (err)
        return err;
    fat_check_copies_tell(v);

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
    v->piece_shift = v->boot.bits == 32 ? 14 : v->boot.bits == 16 ? 15 : 16;
    v->piece_count = (v->last >> v->piece_shift) + 1;
    v->pieces = check_zalloc(v->check, v->piece_count * sizeof *v->pieces);
    return v->pieces ? read_all(v) : SHALE_ENOMEM;
}

void fat_check_table_fini(struct fat_check *v)
{
    for (uint32_t i = 0; v->pieces && i < v->piece_count; i++)
        check_free(v->check, v->pieces[i].bytes, v->pieces[i].size);
    check_free(v->check, v->pieces, v->piece_count * sizeof *v->pieces);
    v->pieces = NULL;
    fat_check_copies_fini(v);
}
