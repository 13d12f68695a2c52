/*
 * map.c - the block map: where a file's blocks are
 *
 * An inode has 15 pointers. Twelve point at data; the others at a tree of one,
 * two and three levels of blocks full of pointers, P of them in each:
 *
 *     0 .. 11     12             13               14
 *     direct      indirect       double           triple
 *     12 blocks   P blocks       P^2 blocks       P^3 blocks
 *
 * A pointer of 0 is a hole, as large as what it stands for. The depth is fixed
 * by the block's number, so no chain of pointers can loop.
 */
#include "ext2.h"

/*
 * One call looks into at most this many arrays of pointers before it answers
 * with what it has: a hole of present but empty blocks of pointers could
 * otherwise keep it busy for as long as the image pleases. Whoever goes on
 * asking counts the answers.
 */
#define MAX_STEPS 8

/* These are enough for an answer, if somebody can be busy with them. */
#define BLOCKS_ENOUGH 16

uint64_t ext2_map_max_size(uint32_t block_shift)
{
    uint32_t shift = block_shift - 2;   /* pointers in a block: 1 << shift */
    uint64_t blocks = EXT2_DIRECT;

    for (unsigned level = 1; level <= EXT2_DEPTH_MAX; level++)
        blocks += UINT64_C(1) << (level * shift);
    return blocks << block_shift;
}

bool ext2_path_find(const struct ext2_super *super, uint64_t index,
                    struct ext2_path *out)
{
    uint32_t shift = super->block_shift - 2;
    uint32_t mask = (1u << shift) - 1;

    if (index < EXT2_DIRECT) {
        out->root = (uint32_t)index;
        out->depth = 0;
        return true;
    }
    index -= EXT2_DIRECT;
    for (unsigned depth = 1; depth <= EXT2_DEPTH_MAX; depth++) {
        if (index >> (depth * shift) == 0) {
            out->root = EXT2_DIRECT + depth - 1;
            out->depth = depth;
            for (unsigned i = 0; i < depth; i++) {
                unsigned below = (depth - 1 - i) * shift;

                out->slot[i] = (uint32_t)(index >> below) & mask;
            }
            return true;
        }
        index -= UINT64_C(1) << (depth * shift);
    }
    return false;
}

/*
 * Blocks left in the hole that begins where PATH's first LEVEL slots lead: in
 * that subtree and, as far as COUNT blocks ask, in those missing beside it in
 * its array of POINTERS.
 */
static uint64_t hole_left(const struct ext2_super *super,
                          const struct ext2_path *path, unsigned level,
                          const le32 *pointers, uint64_t count)
{
    uint32_t shift = super->block_shift - 2;
    uint64_t span = UINT64_C(1) << ((path->depth - level) * shift);
    uint64_t left, into = 0;

    for (unsigned i = level; i < path->depth; i++)
        into = into << shift | path->slot[i];
    left = span - into;

    /* The inode's own pointers are roots of subtrees that differ in size. */
    if (level == 0)
        return left;
    for (uint32_t slot = path->slot[level - 1] + 1;
         slot < 1u << shift && left < count && le32_get(pointers[slot]) == 0;
         slot++)
        left += span;
    return left;
}

static int bad_pointer(const struct ext2_vnode *vn, uint64_t at)
{
    return shale_corrupt_inode(vn->base.fs, "ext2: block map leaves the volume",
                               at, vn->base.ino);
}

/*
 * Measure the run that begins with the first of LEFT pointers at POINTERS,
 * which is byte AT of the volume, looking at COUNT of them at most.
 */
static int run_scan(const struct ext2_vnode *vn, const le32 *pointers,
                    uint64_t left, uint64_t count, uint64_t at,
                    struct ext2_run *out)
{
    const struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    uint32_t first = le32_get(pointers[0]);
    uint32_t step = first != 0;
    uint64_t two = (uint64_t)(first + step) << 32 | first;
    uint64_t grow = (uint64_t)step << 33 | step << 1;
    const le32 *at_two = pointers, *stop;
    uint64_t n;

    if (first != 0 && !ext2_block_usable(vol, first))
        return bad_pointer(vn, at);
    if (count > left)
        count = left;

    /* A run stops before a pointer off the volume as before any other gap. Most
       are long: two at a time. (What wraps is past the volume's end.) */
    stop = pointers + (count & ~UINT64_C(1));
    while (at_two != stop &&
           le64_get(*(const le64 *)(const void *)at_two) == two) {
        two += grow;
        at_two += 2;
    }
    n = (uint64_t)(at_two - pointers);
    while (n < count && le32_get(pointers[n]) == first + n * step)
        n++;
    if (first != 0 && n > vol->super.block_count - first)
        n = vol->super.block_count - first;
    out->block = first;
    out->count = n;
    return 0;
}

/* As ext2_map(), but a run ends where its array of pointers ends. */
static int map_step(const struct ext2_vnode *vn, uint64_t index,
                    uint64_t count, struct ext2_run *out)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    const struct ext2_super *super = &vol->super;
    struct shale_buf *buf = NULL;
    const le32 *pointers = vn->inode.block;
    uint64_t at = vn->inode.at + offsetof(struct ext2_disk_inode, block);
    uint32_t slot, end = EXT2_DIRECT;
    struct ext2_path path;
    int err;

    if (!ext2_path_find(super, index, &path))
        return SHALE_EFBIG;
    slot = path.root;

    for (unsigned level = 0; level < path.depth; level++) {
        uint32_t block = le32_get(pointers[slot]);

        if (block == 0) {
            out->block = 0;
            out->count = hole_left(super, &path, level, pointers, count);
            shale_buf_put(buf);
            return 0;
        }
        if (level > 0 && level == path.depth - 1 && count >= BLOCKS_ENOUGH)
            ext2_map_ahead(vol, pointers, slot);
        shale_buf_put(buf);
        err = ext2_block_usable(vol, block)
                  ? shale_buf_get(vol->fs->cache, block, &buf)
                  : bad_pointer(vn, at + slot * sizeof(le32));
        if (err) {
            out->block = 0;
            out->count = hole_left(super, &path, level, NULL, 0);
            return err;
        }
        pointers = (const le32 *)buf->data;
        at = ext2_block_at(vol, block);
        slot = path.slot[level];
        end = super->block_size / sizeof(le32);
    }
    err = run_scan(vn, pointers + slot, end - slot, count,
                   at + slot * sizeof(le32), out);
    shale_buf_put(buf);
    return err;
}

int ext2_map(const struct ext2_vnode *vn, uint64_t index, uint64_t count,
             struct ext2_run *out)
{
    struct ext2_run run = { .count = 1 }, next;
    int err;

    *out = (struct ext2_run){ .count = count };
    if (vn->inode.flags & (EXT2_INODE_EXTENTS | EXT2_INODE_INLINE))
        return shale_corrupt_inode(vn->base.fs,
                                   "ext2: inode has extents or inline data, "
                                   "which the volume does not declare",
                                   vn->inode.at, vn->base.ino);

    err = map_step(vn, index, count, &run);
    *out = run;
    if (err)
        return err;
    for (unsigned step = 1; step < MAX_STEPS && run.count < count; step++) {
        if (run.block != 0 && run.count >= BLOCKS_ENOUGH &&
            vn->base.fs->dev->at_once > 1)
            break;
        /* An error further on is for whoever asks for that block. */
        err = map_step(vn, index + run.count, count - run.count, &next);
        if (err || next.block != (run.block ? run.block + run.count : 0))
            break;
        run.count += next.count;
    }
    *out = run;
    return 0;
}
