/*
 * map_write.c - adding blocks to the map of a file
 *
 * See map.c for what it looks like. A block of pointers is taken where the
 * data would go that it leads to, and the data right behind it: so a file that
 * is read from start to end is read in the order in which it lies there.
 */
#include "write.h"

/* ---------------------------------------------------------------- limits */

static uint64_t divide_up(uint64_t x, uint64_t y)
{
    return (x + y - 1) / y;
}

/* Blocks that the first N blocks of a file take, those of pointers included. */
static uint64_t blocks_with_pointers(uint64_t n, uint32_t block_shift)
{
    uint64_t per_block = UINT64_C(1) << (block_shift - 2);
    uint64_t reach = per_block, left, all = n;

    if (n <= EXT2_DIRECT)
        return all;
    left = n - EXT2_DIRECT;
    for (unsigned depth = 1; depth <= EXT2_DEPTH_MAX && left > 0; depth++) {
        uint64_t here = left < reach ? left : reach, span = reach;

        /* One at the root, then as many as it takes of each level below. */
        for (unsigned level = 0; level < depth; level++) {
            all += divide_up(here, span);
            span /= per_block;
        }
        left -= here;
        reach *= per_block;
    }
    return all;
}

/*
 * An inode counts its blocks in units of 512 bytes, with 32 bits. Linux takes
 * those of pointers off as if all the others were data, and so do we.
 */
uint64_t ext2_map_write_max(uint32_t block_shift)
{
    uint64_t reach = ext2_map_max_size(block_shift) >> block_shift;
    uint64_t most = UINT32_MAX >> (block_shift - 9);

    if (blocks_with_pointers(reach, block_shift) > most)
        reach = 2 * most - blocks_with_pointers(most, block_shift);
    return reach << block_shift;
}

/* --------------------------------------------------------------- growing */

/* A hole in an array of pointers, which may be changed. */
struct gap {
    struct shale_buf *buf;      /* pinned; NULL: the array is the inode's */
    le32 *pointers;             /* from the hole on */
    uint32_t count;             /* pointers of the array there that are 0 */
    uint32_t goal;              /* where its first block should be */
    bool grows;                 /* it comes right behind another block */
};

/* Take blocks for VN near GAP's goal. */
static int take(struct ext2_vnode *vn, const struct gap *gap, uint32_t want,
                struct ext2_run *out)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    uint64_t length = vn->inode.allocated >> vol->super.block_shift;
    int err;

    if (gap->grows)
        err = ext2_block_take_growing(vol, (uint32_t)vn->base.ino, length,
                                      gap->goal, want, out);
    else if (length == 0)
        err = ext2_block_take_first(vol, gap->goal, want, out);
    else
        err = ext2_block_take(vol, gap->goal, want, out);
    if (!err)
        vn->inode.allocated += out->count << vol->super.block_shift;
    return err;
}

/* Where should block INDEX of VN be? Behind the one before, if there is one. */
static int goal_find(const struct ext2_vnode *vn, uint64_t index,
                     struct gap *gap)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    uint32_t group = ext2_group_of_ino(&vol->super, vn->base.ino);
    struct ext2_run before = { .block = 0 };
    int err = index > 0 ? ext2_map(vn, index - 1, 1, &before) : 0;

    if (err)
        return err;
    gap->grows = before.block != 0;
    gap->goal = before.block + 1;
    if (!gap->grows)
        gap->goal = ext2_group_first(&vol->super, group);
    return 0;
}

/*
 * Without a block right before: as far behind the nearest one in the same array
 * as it is in the file, so that the file may be in order when it has no holes
 * any more; else behind the array.
 */
static void goal_refine(struct gap *gap, const le32 *array, uint32_t slot)
{
    if (gap->grows)
        return;
    for (uint32_t i = slot; i-- > 0;) {
        uint32_t block = le32_get(array[i]);

        if (block != 0) {
            gap->goal = block + (slot - i);
            return;
        }
    }
    if (gap->buf)
        gap->goal = (uint32_t)gap->buf->block + 1;
}

/* Make a block of pointers for POINTER, which may be changed, to lead to. */
static int pointers_make(struct ext2_vnode *vn, struct gap *gap, le32 *pointer,
                         struct shale_buf **out)
{
    struct shale_fs *fs = vn->base.fs;
    struct ext2_run run;
    int err = take(vn, gap, 1, &run);

    if (err)
        return err;
    err = shale_buf_get_new(fs->cache, run.block, out);
    if (err)
        return err;
    err = ext2_fresh_write(ext2_volume_of(fs), *out);
    if (err) {
        shale_buf_put(*out);
        *out = NULL;
        return err;
    }
    *pointer = le32_make(run.block);
    gap->goal = run.block + 1;
    return 0;
}

/*
 * Follow POINTER, of the array that GAP is in now, to the next array, which is
 * made if it is not there, and may be changed if it is the LAST or is made.
 */
static int gap_descend(struct ext2_vnode *vn, struct gap *gap, le32 *pointer,
                       bool last)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    uint32_t block = le32_get(*pointer);
    struct shale_buf *next = NULL;
    int err = 0;

    if (block == 0) {
        if (gap->buf)
            err = shale_tx_change(vol->fs->tx, gap->buf, SHALE_RANK_NODE);
        if (!err)
            err = pointers_make(vn, gap, pointer, &next);
    } else if (!ext2_block_usable(vol, block)) {
        return shale_corrupt_inode(vol->fs, "ext2: block map leaves the "
                                   "volume", vn->inode.at, vn->base.ino);
    } else {
        err = shale_buf_get(vol->fs->cache, block, &next);
    }
    if (!err && (last || block == 0))
        err = shale_tx_change(vol->fs->tx, next, SHALE_RANK_NODE);
    shale_buf_put(gap->buf);
    gap->buf = next;
    return err;
}

/* Find the gap at block INDEX of VN, where there is none now. */
static int gap_find(struct ext2_vnode *vn, uint64_t index, struct gap *gap)
{
    const struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    uint32_t slot, end = EXT2_DIRECT;
    le32 *array = vn->inode.block;
    struct ext2_path path;
    int err;

    *gap = (struct gap){ .buf = NULL };
    if (!ext2_path_find(&vol->super, index, &path))
        return SHALE_EFBIG;
    err = goal_find(vn, index, gap);
    slot = path.root;
    for (unsigned level = 0; level < path.depth && !err; level++) {
        err = gap_descend(vn, gap, &array[slot], level == path.depth - 1);
        if (err)
            break;
        array = (le32 *)gap->buf->data;
        slot = path.slot[level];
        end = vol->super.block_size / sizeof(le32);
    }
    if (err) {
        shale_buf_put(gap->buf);
        return err;
    }
    goal_refine(gap, array, slot);
    gap->pointers = array + slot;
    while (slot < end && le32_get(array[slot]) == 0) {
        gap->count++;
        slot++;
    }
    return 0;
}

int ext2_map_grow(struct ext2_vnode *vn, uint64_t index, uint32_t want,
                  struct ext2_run *out)
{
    struct gap gap;
    int err = gap_find(vn, index, &gap);

    if (err)
        return err;
    if (gap.count == 0)
        err = SHALE_EINVAL;
    if (want > gap.count)
        want = gap.count;
    if (!err)
        err = take(vn, &gap, want, out);
    for (uint32_t i = 0; !err && i < out->count; i++)
        gap.pointers[i] = le32_make(out->block + i);
    shale_buf_put(gap.buf);
    return err;
}

int ext2_map_replace(struct ext2_vnode *vn, uint64_t index, uint32_t block)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    struct shale_buf *buf = NULL;
    le32 *array = vn->inode.block;
    struct ext2_path path;
    uint32_t slot;
    int err = 0;

    if (!ext2_path_find(&vol->super, index, &path))
        return SHALE_EFBIG;
    slot = path.root;
    for (unsigned level = 0; level < path.depth; level++) {
        uint32_t next = le32_get(array[slot]);

        shale_buf_put(buf);
        err = shale_buf_get(vol->fs->cache, next, &buf);
        if (err)
            return err;
        array = (le32 *)buf->data;
        slot = path.slot[level];
    }
    if (buf)
        err = shale_tx_change(vol->fs->tx, buf, SHALE_RANK_NODE);
    if (!err)
        array[slot] = le32_make(block);
    shale_buf_put(buf);
    return err;
}
