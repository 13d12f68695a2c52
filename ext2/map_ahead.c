/*
 * map_ahead.c - arrays of pointers are asked for before they are needed
 *
 * Who reads a long file comes to its arrays one after another, and the numbers
 * of those that follow are in the array above them. On a device that works on
 * several requests they are asked for long before, while data is read that the
 * ones before them lead to: so many, whenever fewer than those needed soon are
 * there or on their way.
 */
#include "ext2.h"

#define ARRAYS_AHEAD 16
#define ARRAYS_NEEDED 8

void ext2_map_ahead(const struct ext2_volume *vol, const le32 *pointers,
                    uint32_t slot)
{
    uint32_t end = vol->super.block_size / sizeof(le32);
    uint64_t blocks[ARRAYS_AHEAD];
    size_t found = 0;

    if (vol->fs->dev->at_once < 2)
        return;
    if (end - slot > ARRAYS_AHEAD)
        end = slot + ARRAYS_AHEAD;
    for (; slot < end; slot++) {
        uint32_t block = le32_get(pointers[slot]);

        if (block != 0 && ext2_block_usable(vol, block))
            blocks[found++] = block;
    }
    shale_buf_ahead_each(vol->fs->cache, blocks, found, ARRAYS_NEEDED);
}
