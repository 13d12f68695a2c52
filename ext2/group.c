/*
 * group.c - block group descriptors, read when they are needed
 *
 * The table of descriptors follows the superblock in use. With meta_bg, its
 * blocks from first_meta_bg on are each in the first of the groups that they
 * describe. Nothing is read ahead of use and nothing is kept but in the buffer
 * cache, so that mounting costs the same whatever the size of the volume.
 */
#include "ext2.h"

uint32_t ext2_group_first(const struct ext2_super *super, uint32_t group)
{
    return super->first_block + group * super->blocks_per_group;
}

uint32_t ext2_group_blocks(const struct ext2_super *super, uint32_t group)
{
    uint32_t left = super->block_count - ext2_group_first(super, group);

    return left < super->blocks_per_group ? left : super->blocks_per_group;
}

uint32_t ext2_group_head(const struct ext2_super *super, uint32_t group)
{
    bool has_super = ext2_group_has_super(super, group);
    uint32_t per_block = super->descs_per_block;
    uint32_t in_run = group % per_block, head = has_super;

    /* Block 0 of 1 KiB, if group 0 begins there, is before the superblock. */
    if (group == 0 && EXT2_SUPER_OFFSET >> super->block_shift >
                          super->first_block)
        head++;
    if (group / per_block < super->first_meta_bg) {
        if (has_super)
            head += super->first_meta_bg;
        if (has_super && (super->compat & EXT2_COMPAT_RESIZE_INODE))
            head += super->reserved_desc;
    } else if (in_run < 2 || in_run == per_block - 1) {
        head++;
    }
    return head;
}

/* A block of descriptors, and those that may be read along with it. */
struct place {
    uint64_t block, first, count;
};

/* Where is block INDEX of the table of descriptors? */
static struct place table_place(const struct ext2_volume *vol, uint32_t index)
{
    const struct ext2_super *super = &vol->super;
    struct place p;
    uint32_t group;

    if (index < super->first_meta_bg) {
        p.first = (uint64_t)vol->super_block + 1;
        p.count = super->first_meta_bg;
        p.block = p.first + index;
        return p;
    }
    group = index * super->descs_per_block;
    p.first = super->first_block + (uint64_t)group * super->blocks_per_group;
    p.first += ext2_group_has_super(super, group);
    p.count = 1;
    p.block = p.first;
    return p;
}

uint64_t ext2_group_table(const struct ext2_volume *vol, uint32_t index)
{
    return table_place(vol, index).block;
}

/* Pin block INDEX of the table. */
static int table_get(struct ext2_volume *vol, uint32_t index,
                     struct shale_buf **out)
{
    struct place p = table_place(vol, index);

    /* A short last group, or sb= near the end: the table may run off. */
    if (p.block >= vol->super.block_count)
        return shale_corrupt(vol->fs, "ext2: group descriptors off volume",
                             ext2_block_at(vol, p.block));
    if (p.count > vol->super.block_count - p.first)
        p.count = vol->super.block_count - p.first;
    return shale_buf_get_run(vol->fs->cache, p.block, p.first, p.count, out);
}

/*
 * Decode one descriptor, found at byte AT of the volume. The bitmaps are left
 * alone: who only reads has no use for them, and should not lose a group's
 * files because a pointer to them is bad.
 */
static int group_decode(struct ext2_volume *vol, uint64_t at,
                        const struct ext2_disk_group *raw,
                        struct ext2_group *out)
{
    out->inode_table = le32_get(raw->inode_table);
    out->free_blocks = le16_get(raw->free_blocks);
    out->free_inodes = le16_get(raw->free_inodes);

    if (!ext2_in_volume(vol, out->inode_table, vol->super.table_blocks))
        return shale_corrupt(vol->fs, "ext2: inode table off volume", at);
    return 0;
}

int ext2_group_load(struct ext2_volume *vol, uint32_t group,
                    struct ext2_group *out)
{
    uint32_t slot = group % vol->super.descs_per_block;
    const struct ext2_disk_group *raw;
    struct shale_buf *buf;
    uint64_t at;
    int err;

    err = table_get(vol, group / vol->super.descs_per_block, &buf);
    if (err)
        return err;
    raw = (const struct ext2_disk_group *)buf->data + slot;
    at = ext2_block_at(vol, buf->block) + slot * sizeof *raw;
    err = group_decode(vol, at, raw, out);
    shale_buf_put(buf);
    return err;
}

int ext2_group_get(struct ext2_volume *vol, uint32_t group,
                   struct shale_buf **out, struct ext2_disk_group **raw)
{
    uint32_t per_block = vol->super.descs_per_block;
    int err = table_get(vol, group / per_block, out);

    if (!err)
        *raw = (struct ext2_disk_group *)(*out)->data + group % per_block;
    return err;
}

/* Add up the COUNT descriptors in BUF. */
static void sums_add(const struct shale_buf *buf, uint32_t count,
                     struct ext2_sums *sums)
{
    const struct ext2_disk_group *raw =
        (const struct ext2_disk_group *)buf->data;

    for (uint32_t i = 0; i < count; i++) {
        sums->free_blocks += le16_get(raw[i].free_blocks);
        sums->free_inodes += le16_get(raw[i].free_inodes);
        sums->used_dirs += le16_get(raw[i].used_dirs);
    }
}

/* A superblock may promise 2^29 groups on a device that is all holes. */
int ext2_group_sum(struct ext2_volume *vol, struct ext2_sums *out)
{
    const struct ext2_super *super = &vol->super;
    struct ext2_sums sums = { .known = true };
    uint32_t left = super->group_count;

    if (left > EXT2_COUNTED_GROUPS) {
        sums.free_blocks = super->free_blocks;
        sums.free_inodes = super->free_inodes;
        left = 0;
    }
    for (uint32_t index = 0; left > 0; index++) {
        uint32_t count = super->descs_per_block;
        struct shale_buf *buf;
        int err = table_get(vol, index, &buf);

        if (err)
            return err;
        if (count > left)
            count = left;
        sums_add(buf, count, &sums);
        shale_buf_put(buf);
        left -= count;
    }
    *out = sums;
    return 0;
}

int ext2_group_count_free(struct ext2_volume *vol, uint64_t *blocks,
                          uint64_t *inodes)
{
    struct ext2_sums sums;
    int err = ext2_group_sum(vol, &sums);

    if (err == SHALE_ENOMEM)
        return err;

    /* df(1) should work on a damaged volume too. */
    *blocks = err ? vol->super.free_blocks : sums.free_blocks;
    *inodes = err ? vol->super.free_inodes : sums.free_inodes;
    return 0;
}
