/*
 * balloc.c - which blocks are free, and which of them to take
 *
 * Each group of blocks has a bitmap, one block of it, and a descriptor that
 * counts its clear bits. Both are changed where they are, in the buffer cache.
 * A search begins at a goal, usually behind a file's last block, goes on in its
 * group, and then in the groups behind, of which the full ones cost a look at
 * their descriptors only. It leaves the windows of others alone, see space.c.
 *
 * (1) A block is taken in the transaction that makes something lead to it.
 * (2) A block is free again when the batch that made nothing lead to it is on
 *     the device: in reclaim.
 * (3) A block that has the volume's own structures in it is neither taken nor
 *     freed, whatever a bitmap or a file's map says.
 */
#include "write.h"

/*
 * A search for many in a row looks at the bitmaps of so many groups before it
 * takes what is best.
 */
#define LOOKS_MAX 8u

/* Blocks that should be free behind those that a file begins with. */
#define ROOM_BEHIND 8u

/* Groups whose blocks are reclaimed in one transaction. */
#define RECLAIM_GROUPS 16u

/* --------------------------------------------------------------- groups */

uint32_t ext2_group_of(const struct ext2_volume *vol, uint32_t block)
{
    return (block - vol->super.first_block) / vol->super.blocks_per_group;
}

/* A group whose blocks are looked at. */
struct group {
    struct ext2_volume *vol;
    uint32_t number;
    uint32_t first, count;      /* its blocks */
    struct shale_buf *desc_buf, *bitmap_buf;
    struct ext2_disk_group *desc;
    le64 *bits;
};

static int bad_group(const struct group *g, const char *what)
{
    uint64_t at = ext2_block_at(g->vol, g->desc_buf->block) +
                  (uint64_t)((uint8_t *)g->desc - g->desc_buf->data);

    return shale_corrupt(g->vol->fs, what, at);
}

/* Are the COUNT blocks from BLOCK on all in G? */
static bool group_holds(const struct group *g, uint32_t block, uint32_t count)
{
    return block >= g->first && block - g->first < g->count &&
           count <= g->count - (block - g->first);
}

/* Pin the descriptor of GROUP. */
static int group_open(struct ext2_volume *vol, uint32_t group,
                      struct group *g)
{
    *g = (struct group){
        .vol = vol, .number = group,
        .first = ext2_group_first(&vol->super, group),
        .count = ext2_group_blocks(&vol->super, group),
    };
    return ext2_group_get(vol, group, &g->desc_buf, &g->desc);
}

static void group_close(struct group *g)
{
    shale_buf_put(g->bitmap_buf);
    shale_buf_put(g->desc_buf);
}

/* Pin its bitmap. A group's structures are in the group. */
static int group_load(struct group *g)
{
    uint32_t bitmap = le32_get(g->desc->block_bitmap);
    uint32_t inodes = le32_get(g->desc->inode_bitmap);
    uint32_t table = le32_get(g->desc->inode_table);
    int err;

    if (g->bits)
        return 0;
    if (!group_holds(g, bitmap, 1) || !group_holds(g, inodes, 1) ||
        !group_holds(g, table, g->vol->super.table_blocks))
        return bad_group(g, "ext2: a group's bitmaps or inode table are not "
                            "in the group");
    err = shale_buf_get(g->vol->fs->cache, bitmap, &g->bitmap_buf);
    if (!err)
        g->bits = (le64 *)g->bitmap_buf->data;
    return err;
}

static bool overlap(uint32_t a, uint32_t a_count, uint32_t b, uint32_t b_count)
{
    return a < b ? b - a < a_count : a - b < b_count;
}

/* Is one of the COUNT blocks from FIRST on, all in G, the volume's own? */
static bool group_owns(const struct group *g, uint32_t first, uint32_t count)
{
    const struct ext2_disk_group *desc = g->desc;

    return overlap(first, count, g->first,
                   ext2_group_head(&g->vol->super, g->number)) ||
           overlap(first, count, le32_get(desc->block_bitmap), 1) ||
           overlap(first, count, le32_get(desc->inode_bitmap), 1) ||
           overlap(first, count, le32_get(desc->inode_table),
                   g->vol->super.table_blocks);
}

/* ------------------------------------------------------------- searching */

/* What is sought, and the best that has been found. */
struct search {
    uint32_t ino;               /* whose window does not matter */
    uint32_t want;              /* that many would be best */
    uint32_t enough;            /* with that many, no other group is asked */
    uint32_t first, count;
};

/*
 * Look for s->want free blocks in a row in G, whose bitmap is loaded, from bit
 * AT to before END: the first such, or else the most.
 */
static void gap_find(const struct group *g, uint32_t at, uint32_t end,
                     struct search *s)
{
    const struct ext2_space *space = g->vol->space;

    while (s->count < s->want) {
        const struct ext2_window *window;
        uint32_t stop, count;

        at = ext2_bit_find(g->bits, at, end, false);
        if (at == end)
            break;
        window = ext2_window_at(space, g->first + at, s->ino);
        if (window) {
            stop = window->first + window->count - g->first;
            at = stop < end ? stop : end;
            continue;
        }
        stop = end - at < s->want ? end : at + s->want;
        stop = ext2_bit_find(g->bits, at, stop, true);
        count = ext2_window_before(space, g->first + at, stop - at, s->ino);
        if (count > s->count) {
            s->count = count;
            s->first = g->first + at;
        }
        at += count;
    }
}

/* Look around GOAL: if it is free, nothing else matters. */
APART static int search_goal(struct ext2_volume *vol, uint32_t goal,
                             struct search *s)
{
    struct group g;
    uint32_t at, end;
    int err = group_open(vol, ext2_group_of(vol, goal), &g);

    if (err)
        return err;
    at = goal - g.first;
    if (le16_get(g.desc->free_blocks) > 0)
        err = group_load(&g);
    if (!err && g.bits) {
        end = g.count - at < s->want ? g.count : at + s->want;
        end = ext2_bit_find(g.bits, at, end, true);
        if (end > at && !ext2_window_at(vol->space, goal, s->ino)) {
            s->first = goal;
            s->count = ext2_window_before(vol->space, goal, end - at, s->ino);
        }
    }
    group_close(&g);
    return err;
}

/* Look anywhere, first in the group of GOAL. */
static int search_all(struct ext2_volume *vol, uint32_t goal, struct search *s)
{
    uint32_t groups = vol->super.group_count, looks = 0;
    uint32_t most = ext2_groups_searched(&vol->super);
    uint32_t from = ext2_group_of(vol, goal);

    for (uint32_t i = 0; i < most && s->count < s->enough; i++) {
        struct group g;
        int err;

        if (s->count > 0 && looks >= LOOKS_MAX)
            break;
        err = group_open(vol, (from + i) % groups, &g);
        if (err)
            return err;
        if (le16_get(g.desc->free_blocks) > s->count) {
            looks++;
            err = group_load(&g);
            if (!err && i == 0)
                gap_find(&g, goal - g.first, g.count, s);
            if (!err)
                gap_find(&g, 0, g.count, s);
        }
        group_close(&g);
        if (err)
            return err;
    }
    return 0;
}

/* ---------------------------------------------------------------- taking */

/* The bitmap of G, which is loaded, and its counts are about to change. */
static int group_change(const struct group *g)
{
    struct shale_tx *tx = g->vol->fs->tx;
    int err = ext2_space_note(g->vol);

    if (!err)
        err = shale_tx_change(tx, g->bitmap_buf, SHALE_RANK_MAP);
    return err ? err : shale_tx_change(tx, g->desc_buf, SHALE_RANK_MAP);
}

/* Blocks of G have been taken from those that are free, or come to them. */
static void free_count_change(struct group *g, uint32_t taken, uint32_t freed)
{
    struct ext2_sums *sums = &g->vol->space->sums;
    uint32_t count = le16_get(g->desc->free_blocks) + freed;

    if (taken > count) {
        bad_group(g, "ext2: a group has more free blocks than it counts");
        taken = count;
    }
    count -= taken;
    if (count > UINT16_MAX)
        count = UINT16_MAX;
    g->desc->free_blocks = le16_make((uint16_t)count);
    sums->free_blocks += freed;
    sums->free_blocks -= taken < sums->free_blocks ? taken : sums->free_blocks;
}

/* Set the bits of COUNT blocks from FIRST on, all in one group. */
APART static int blocks_take(struct ext2_volume *vol, uint32_t first,
                             uint32_t count)
{
    struct group g;
    int err = group_open(vol, ext2_group_of(vol, first), &g);

    if (err)
        return err;
    err = group_load(&g);
    if (!err && group_owns(&g, first, count))
        err = shale_corrupt(vol->fs, "ext2: a bitmap says that the volume's "
                            "own blocks are free",
                            ext2_block_at(vol, g.bitmap_buf->block));
    if (!err)
        err = group_change(&g);
    if (!err) {
        ext2_bits_set(g.bits, first - g.first, count, true);
        free_count_change(&g, count, 0);
    }
    group_close(&g);
    return err;
}

/* Lower *WANT to what is not reserved. */
static int reserve_keep(struct ext2_volume *vol, uint32_t *want)
{
    const struct ext2_sums *sums = &vol->space->sums;
    uint32_t reserved = vol->super.reserved_blocks;
    int err = ext2_space_count(vol);

    if (err)
        return err;
    if (sums->free_blocks <= reserved)
        return SHALE_ENOSPC;
    if (*want > sums->free_blocks - reserved)
        *want = (uint32_t)(sums->free_blocks - reserved);
    return 0;
}

/*
 * Take up to WANT blocks, where there are MORE behind them if possible; for INO
 * these are kept, unless it is 0.
 */
static int take(struct ext2_volume *vol, uint32_t ino, uint32_t goal,
                uint32_t want, uint32_t more, struct ext2_run *out)
{
    struct search s = { .ino = ino };
    uint32_t now;
    int err = vol->space->keep_reserved ? reserve_keep(vol, &want) : 0;

    if (err)
        return err;
    if (!ext2_in_volume(vol, goal, 1))
        goal = vol->super.first_block;
    if (want > vol->super.blocks_per_group)
        want = vol->super.blocks_per_group;
    s.want = want + more;
    s.enough = ino != 0 ? s.want : want;
    err = search_goal(vol, goal, &s);
    if (!err && s.count == 0)
        err = search_all(vol, goal, &s);
    if (!err && s.count == 0 && ext2_windows_drop(vol->space))
        err = search_all(vol, goal, &s);
    if (err)
        return err;
    if (s.count == 0)
        return SHALE_ENOSPC;

    now = want < s.count ? want : s.count;
    err = blocks_take(vol, s.first, now);
    if (err)
        return err;
    if (ino != 0)
        ext2_window_set(vol->space, ino, s.first + now, s.count - now);
    *out = (struct ext2_run){ .block = s.first, .count = now };
    return 0;
}

int ext2_block_take(struct ext2_volume *vol, uint32_t goal, uint32_t want,
                    struct ext2_run *out)
{
    return take(vol, 0, goal, want, 0, out);
}

int ext2_block_take_first(struct ext2_volume *vol, uint32_t goal,
                          uint32_t want, struct ext2_run *out)
{
    vol->space->clock++;
    return take(vol, 0, goal, want, ROOM_BEHIND, out);
}

int ext2_block_take_growing(struct ext2_volume *vol, uint32_t ino,
                            uint64_t length, uint32_t goal, uint32_t want,
                            struct ext2_run *out)
{
    return take(vol, ino, goal, want, ext2_window_size(vol, length + want),
                out);
}

/* --------------------------------------------------------------- freeing */

int ext2_run_is_a_files(struct ext2_volume *vol, struct ext2_run run)
{
    uint32_t block = run.block;
    uint64_t left = run.count;

    if (!ext2_block_usable(vol, block) ||
        left > vol->super.block_count - block)
        return 0;
    while (left > 0) {
        uint32_t count;
        struct group g;
        bool owns;
        int err = group_open(vol, ext2_group_of(vol, block), &g);

        if (err)
            return err;
        count = g.count - (block - g.first);
        if (count > left)
            count = (uint32_t)left;
        owns = group_owns(&g, block, count);
        group_close(&g);
        if (owns)
            return 0;
        block += count;
        left -= count;
    }
    return 1;
}

int ext2_block_free(struct ext2_volume *vol, struct ext2_run run)
{
    int is = ext2_run_is_a_files(vol, run);

    if (is == 0)
        return shale_corrupt(vol->fs, "ext2: a block to be freed is none of "
                             "a file's", ext2_block_at(vol, run.block));
    if (is < 0)
        return is;
    return shale_tx_free(vol->fs->tx,
                         (struct shale_tx_run){ run.block, run.count });
}

/* Clear the bits of COUNT blocks from FIRST on, all in one group. */
static int blocks_reclaim(struct ext2_volume *vol, uint32_t first,
                          uint32_t count)
{
    struct group g;
    uint32_t freed;
    int err = group_open(vol, ext2_group_of(vol, first), &g);

    if (err)
        return err;
    err = group_load(&g);
    if (!err)
        err = group_change(&g);
    if (!err) {
        freed = ext2_bits_set(g.bits, first - g.first, count, false);
        if (freed < count)
            shale_corrupt(vol->fs, "ext2: a block that was freed was free",
                          ext2_block_at(vol, first));
        free_count_change(&g, 0, freed);
    }
    group_close(&g);
    return err;
}

int ext2_reclaim(struct shale_fs *fs, struct shale_tx_run run)
{
    struct ext2_volume *vol = ext2_volume_of(fs);

    if (run.first >= EXT2_FREE_INODE)
        return ext2_inode_reclaim(vol, (uint32_t)(run.first - EXT2_FREE_INODE),
                                  (uint32_t)run.count);

    for (unsigned i = 0; i < RECLAIM_GROUPS && run.count > 0; i++) {
        uint32_t first = (uint32_t)run.first;
        uint32_t group = ext2_group_of(vol, first);
        uint32_t count = ext2_group_first(&vol->super, group) +
                         ext2_group_blocks(&vol->super, group) - first;
        int err;

        if (count > run.count)
            count = (uint32_t)run.count;
        err = blocks_reclaim(vol, first, count);
        if (err)
            return err;
        run.first += count;
        run.count -= count;
    }
    /* Not more than a cache holds at once: the rest is for the next batch. */
    return run.count > 0 ? shale_tx_free(fs->tx, run) : 0;
}
