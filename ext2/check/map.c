/*
 * map.c - block maps: twelve pointers to data, then one to a block of pointers,
 * one to a block of pointers to such, and one to a block of those
 *
 * A pointer of 0 is a hole. What else there may be: any block of the volume
 * past the boot block, each only once.
 */
#include "ext2/check/scan.h"
#include "memfn.h"

/* Logical blocks that a pointer of LEVEL (0: to data) leads to. */
static uint64_t reach(const struct ext2_check *c, unsigned level)
{
    return UINT64_C(1) << level * (c->super.block_shift - 2);
}

/* COUNT pointers to data at byte AT of the volume, the first for LOGICAL. */
static int take_data(struct ext2_check_walk *walk, const uint8_t *pointers,
                     uint64_t at, uint64_t count, uint64_t logical)
{
    uint64_t first = 0, len = 0, from = 0;
    int err = 0;

    for (uint64_t i = 0; i < count && !err; i++) {
        const uint8_t *b = pointers + i * sizeof(le32);
        uint64_t block = le32_get((le32){{ b[0], b[1], b[2], b[3] }});

        /* Neighbours in one piece, holes and nonsense one by one. */
        if (len > 0 && block == first + len &&
            block < walk->c->super.block_count) {
            len++;
            continue;
        }
        walk->at = at + from * sizeof(le32);
        if (len > 0)
            err = ext2_check_data(walk, logical + from, first, len, false);
        first = block;
        from = i;
        len = block != 0;
    }
    walk->at = at + from * sizeof(le32);
    if (!err && len > 0)
        err = ext2_check_data(walk, logical + from, first, len, false);
    return err;
}

int ext2_check_map_root(struct ext2_check_walk *walk, const le32 *pointers)
{
    uint64_t logical = EXT2_DIRECT;
    uint64_t at = EXT2_AT(walk->file, block);
    int err = take_data(walk, (const uint8_t *)pointers, at, EXT2_DIRECT, 0);

    for (unsigned level = 1; level <= 3 && !err; level++) {
        uint32_t block = le32_get(pointers[EXT2_DIRECT + level - 1]);

        walk->at = at + (EXT2_DIRECT + level - 1) * sizeof(le32);
        if (block != 0)
            err = ext2_check_node(walk, block, logical, level, 0);
        logical += reach(walk->c, level);
    }
    return err;
}

int ext2_check_map_node(struct ext2_check_walk *walk,
                        const struct check_item *item, const uint8_t *bytes)
{
    uint64_t count = walk->c->super.block_size / sizeof(le32);
    uint64_t logical = item->tag[1] & EXT2_CHECK_LOGICAL;
    unsigned level = (unsigned)(item->tag[1] >> EXT2_CHECK_LEVEL_SHIFT);
    int err = 0;

    if (level == 1)
        return take_data(walk, bytes, item->at, count, logical);
    for (uint64_t i = 0; i < count && !err; i++) {
        const uint8_t *b = bytes + i * sizeof(le32);
        uint32_t block = le32_get((le32){{ b[0], b[1], b[2], b[3] }});

        walk->at = item->at + i * sizeof(le32);
        if (block != 0)
            err = ext2_check_node(walk, block,
                                  logical + i * reach(walk->c, level - 1),
                                  level - 1, 0);
    }
    return err;
}
