/*
 * link.c - changing the file allocation table
 *
 * Most changes go to the device with the rest of the FAT, before any name. But
 * a chain that is already there, and that a name leads to, must not lead to
 * clusters whose own entries are not there yet, nor end before the name says
 * so: such an entry waits (enum fat_when), and its block is written with the
 * old bytes until then.
 *
 * An entry of FAT12 shares a byte with its neighbour, which must not change
 * while the entry waits: it would wait, too. So who needs the neighbour has to
 * wait for the next batch. And it may be in two sectors, which cannot be
 * changed at once: space.c hands out no such clusters, so only chains made by
 * others have them.
 */
#include "chain.h"
#include "fat.h"
#include "write.h"

int fat_change(struct fat_volume *vol, const struct fat_spot *spot, size_t len,
               enum shale_rank rank, enum fat_when when)
{
    size_t offset = (size_t)(spot->raw - spot->buf->data);
    struct shale_tx *tx = vol->fs->tx;
    int err;

    if (when == FAT_NOW)
        err = shale_tx_change(tx, spot->buf, rank);
    else if (when == FAT_NEXT)
        err = shale_tx_change_with(tx, spot->buf, offset, len, rank,
                                   (enum shale_rank)(rank + 1));
    else
        err = shale_tx_change_late(tx, spot->buf, offset, len, rank);
    if (err)
        shale_buf_put(spot->buf);
    return err;
}

int fat_sector_change(struct fat_volume *vol, uint32_t sector,
                      struct fat_spot *out)
{
    int err = fat_spot_get(vol, fat_sector_at(vol, sector), out);

    return err ? err : fat_change(vol, out, 1, SHALE_RANK_MAP, FAT_NOW);
}

/*
 * Pin the LEN bytes at AT of FAT number COPY, in one sector, to change them. A
 * block is a sector where something is written.
 */
static int spot_change(struct fat_volume *vol, uint32_t copy, uint32_t at,
                       uint32_t len, enum fat_when when, struct fat_spot *out)
{
    const struct fat_boot *boot = &vol->boot;
    uint32_t first = fat_table_sector(vol, copy);
    int err = shale_buf_get_run(vol->fs->cache,
                                first + (at >> boot->sector_shift), first,
                                boot->fat_sectors, &out->buf);

    if (err)
        return err;
    out->raw = out->buf->data + (at & (boot->sector_size - 1));
    return fat_change(vol, out, len, SHALE_RANK_MAP, when);
}

static uint32_t entry_len(const struct fat_volume *vol)
{
    return vol->boot.bits == 32 ? 4 : 2;
}

/* ---------------------------------------------------------------- FAT12 */

/* Does the neighbour with whom CLUSTER shares a byte wait in this batch? */
static bool neighbour_waits(struct fat_volume *vol, uint32_t cluster)
{
    const struct fat_writer *writer = vol->writer;

    if (writer->waiting_batch != shale_tx_batch(vol->fs->tx))
        return false;
    for (uint32_t i = 0; i < writer->waiting_count; i++) {
        if (writer->waiting[i] == (cluster ^ 1))
            return true;
    }
    return false;
}

/*
 * Note that CLUSTER's entry waits. If its transaction is undone it does not,
 * but then all that costs is that a batch is written early.
 */
static int wait_add(struct fat_volume *vol, uint32_t cluster)
{
    const uint32_t room = sizeof vol->writer->waiting /
                          sizeof vol->writer->waiting[0];
    struct fat_writer *writer = vol->writer;
    uint64_t batch = shale_tx_batch(vol->fs->tx);

    if (writer->waiting_batch != batch) {
        writer->waiting_batch = batch;
        writer->waiting_count = 0;
    }
    for (uint32_t i = 0; i < writer->waiting_count; i++) {
        if (writer->waiting[i] == cluster)
            return 0;
    }
    if (writer->waiting_count == room)
        return SHALE_EAGAIN;
    writer->waiting[writer->waiting_count++] = cluster;
    return 0;
}

static int set12(struct fat_volume *vol, uint32_t cluster, uint32_t value,
                 enum fat_when when)
{
    const struct fat_boot *boot = &vol->boot;
    unsigned shift = cluster & 1 ? 4 : 0;
    uint32_t bits = (value & 0xfff) << shift, mask = 0xfffu << shift;
    uint32_t at = fat_table_byte(vol, cluster);
    struct fat_spot spot;
    int err = 0;

    if (neighbour_waits(vol, cluster))
        return SHALE_EAGAIN;
    if (when != FAT_NOW)
        err = wait_add(vol, cluster);
    for (uint32_t copy = boot->fat_first; copy < boot->fat_end; copy++) {
        for (unsigned i = 0; i < 2; i++) {
            if (!err)
                err = spot_change(vol, copy, at + i, 1, when, &spot);
            if (err)
                return err;
            *spot.raw = (uint8_t)((*spot.raw & ~(mask >> 8 * i)) |
                                  bits >> 8 * i);
            shale_buf_put(spot.buf);
        }
    }
    return 0;
}

/* ------------------------------------------------------- FAT16 and FAT32 */

static void value_store(const struct fat_volume *vol, uint8_t *raw,
                        uint32_t value)
{
    if (vol->boot.bits == 16) {
        *(le16 *)raw = le16_make((uint16_t)value);
    } else {
        uint32_t kept = le32_get(*(le32 *)raw) & 0xf0000000;

        *(le32 *)raw = le32_make(kept | (value & 0x0fffffff));
    }
}

static bool is_free(const struct fat_volume *vol, const uint8_t *raw)
{
    if (vol->boot.bits == 16)
        return le16_get(*(const le16 *)raw) == FAT_FREE;
    return (le32_get(*(const le32 *)raw) & 0x0fffffff) == FAT_FREE;
}

/*
 * Change the entries from *CLUSTER to before END as far as they are in one
 * sector: each leads to the next one, and LAST to nowhere; or, if LAST is 0,
 * they become free. Moves *CLUSTER on, and adds to *CHANGED.
 */
static int sector_fill(struct fat_volume *vol, uint32_t copy,
                       uint32_t *cluster, uint32_t end, uint32_t last,
                       uint32_t *changed)
{
    uint32_t len = entry_len(vol), c = *cluster;
    struct fat_spot spot;
    const uint8_t *stop;
    int err = spot_change(vol, copy, fat_table_byte(vol, c), len, FAT_NOW,
                          &spot);

    if (err)
        return err;
    stop = spot.buf->data + vol->boot.sector_size;
    for (; c < end && spot.raw < stop; c++, spot.raw += len) {
        if (last == 0 && is_free(vol, spot.raw))
            continue;
        value_store(vol, spot.raw, last == 0 ? FAT_FREE
                                   : c == last ? FAT_END : c + 1);
        ++*changed;
    }
    *cluster = c;
    shale_buf_put(spot.buf);
    return 0;
}

/* ---------------------------------------------------------- entry points */

bool fat_link_together(const struct fat_volume *vol, uint32_t a, uint32_t b)
{
    uint32_t at_a = fat_table_byte(vol, a), at_b = fat_table_byte(vol, b);
    uint32_t more = entry_len(vol) - 1, atom = at_a >> FAT_ATOM_SHIFT;

    return (at_a + more) >> FAT_ATOM_SHIFT == atom &&
           at_b >> FAT_ATOM_SHIFT == atom &&
           (at_b + more) >> FAT_ATOM_SHIFT == atom;
}

/*
 * Change the entries from FIRST to before END, of FAT16 or FAT32, as
 * sector_fill() does. Stores how many that were in the FAT that is read.
 */
static int sectors_fill(struct fat_volume *vol, uint32_t first, uint32_t end,
                        uint32_t last, uint32_t *out)
{
    const struct fat_boot *boot = &vol->boot;
    int err = 0;

    for (uint32_t copy = boot->fat_first; copy < boot->fat_end; copy++) {
        uint32_t changed = 0;

        for (uint32_t cluster = first; cluster < end && !err; )
            err = sector_fill(vol, copy, &cluster, end, last, &changed);
        if (copy == boot->fat_active)
            *out = changed;
    }
    return err;
}

int fat_link_set(struct fat_volume *vol, uint32_t cluster, uint32_t value,
                 enum fat_when when)
{
    const struct fat_boot *boot = &vol->boot;
    uint32_t at = fat_table_byte(vol, cluster);
    struct fat_spot spot;

    if (boot->bits == 12)
        return set12(vol, cluster, value, when);
    for (uint32_t copy = boot->fat_first; copy < boot->fat_end; copy++) {
        int err = spot_change(vol, copy, at, entry_len(vol), when, &spot);

        if (err)
            return err;
        value_store(vol, spot.raw, value);
        shale_buf_put(spot.buf);
    }
    return 0;
}

int fat_link_run(struct fat_volume *vol, uint32_t first, uint32_t count)
{
    uint32_t last = first + count - 1, changed;
    int err = 0;

    if (vol->boot.bits != 12)
        return sectors_fill(vol, first, first + count, last, &changed);
    for (; first <= last && !err; first++)
        err = set12(vol, first, first < last ? first + 1 : FAT_END, FAT_NOW);
    return err;
}

static int clear12(struct fat_volume *vol, uint32_t first, uint32_t count,
                   uint32_t *out)
{
    struct fat_cursor cursor = { .buf = NULL };
    uint32_t value, freed = 0;
    int err = 0;

    /* All or none: who shares a byte is asked before anything changes. */
    for (uint32_t i = 0; i < count; i++) {
        if (neighbour_waits(vol, first + i))
            return SHALE_EAGAIN;
    }
    for (uint32_t i = 0; i < count && !err; i++) {
        err = fat_table_get(vol, &cursor, first + i, &value);
        if (err || value == FAT_FREE)
            continue;
        err = set12(vol, first + i, FAT_FREE, FAT_NOW);
        if (!fat_table_straddles(vol, first + i))
            freed++;
    }
    fat_cursor_put(&cursor);
    *out = freed;
    return err;
}

int fat_link_clear(struct fat_volume *vol, uint32_t first, uint32_t count,
                   uint32_t *out)
{
    if (vol->boot.bits == 12)
        return clear12(vol, first, count, out);
    return sectors_fill(vol, first, first + count, 0, out);
}
