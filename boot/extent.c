/*
 * extent.c - where a file's blocks are, by its extent tree (ext4)
 *
 * Each node is searched by halves, entry by entry through the sector that there
 * is: no memory, and no more than a few reads a level. The depth goes down by
 * one with each node, so no tree is endless.
 */
#include "boot/ext2.h"
#include "memfn.h"

#define ENTRY 12u               /* bytes of a header, and of all that follows */
#define EXTENT_END (UINT64_C(1) << 32)

union entry {
    struct ext2_disk_extent_header header;
    struct ext2_disk_extent extent;
    struct ext2_disk_extent_index index;
};

_Static_assert(sizeof(union entry) == ENTRY, "entries are of one size");

/* A node: the root, in the inode, or a block. */
struct node {
    const struct shale_boot_file *file;
    uint64_t at;                /* byte of the volume; 0: the root */
    uint32_t entries, depth;
};

/* Read entry I of NODE, from 1 on; 0 is its header. */
static int entry_read(struct shale_boot *boot, const struct node *node,
                      uint32_t i, union entry *out)
{
    if (node->at == 0) {
        memcpy(out, (const uint8_t *)node->file->where + i * ENTRY, ENTRY);
        return 0;
    }
    return boot_bytes(boot, node->at + i * ENTRY, out, ENTRY);
}

/* Begin with NODE, which is SIZE bytes. */
static int node_open(struct shale_boot *boot, struct node *node, uint32_t size)
{
    union entry head;
    int err = entry_read(boot, node, 0, &head);

    if (err)
        return err;
    node->entries = le16_get(head.header.entries);
    node->depth = le16_get(head.header.depth);
    return le16_get(head.header.magic) == EXT2_EXTENT_MAGIC &&
           node->entries < size / ENTRY &&
           node->depth <= EXT2_EXTENT_DEPTH ? 0 : SHALE_ECORRUPT;
}

/*
 * The last entry of NODE that begins at block INDEX or before it, in *OUT, and
 * its number in *FOUND; 0: there is none. What begins after it is stored in
 * *END, if anything does.
 */
static int node_search(struct shale_boot *boot, const struct node *node,
                       uint32_t index, union entry *out, uint32_t *found,
                       uint64_t *end)
{
    uint32_t low = 0, high = node->entries;
    union entry entry = { 0 };

    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2, logical;
        int err = entry_read(boot, node, middle, &entry);

        if (err)
            return err;
        logical = le32_get(entry.extent.logical);
        if (logical <= index) {
            low = middle;
            *out = entry;
        } else {
            high = middle - 1;
            *end = logical;
        }
    }
    *found = low;
    return 0;
}

/* Where block INDEX is by EXTENT, which begins before it; END as below. */
static int extent_map(const struct ext2_volume *vol,
                      const struct ext2_disk_extent *extent, uint32_t index,
                      uint64_t end, struct boot_run *out)
{
    uint32_t length = le16_get(extent->length), start = le32_get(extent->start);
    uint32_t into = index - le32_get(extent->logical);
    bool written = length <= EXT2_EXTENT_WRITTEN;

    if (!written)
        length -= EXT2_EXTENT_WRITTEN;
    if (length == 0 || le16_get(extent->start_high) != 0 ||
        !ext2_block_usable(vol, start) ||
        length > vol->super.block_count - start)
        return SHALE_ECORRUPT;
    *out = (struct boot_run){ .count = end - index };
    if (into < length)
        *out = (struct boot_run){ start + into, length - into, !written };
    return 0;
}

int boot_extent_find(struct shale_boot *boot,
                     const struct shale_boot_file *file, uint32_t index,
                     struct boot_run *out)
{
    const struct ext2_volume *vol = &boot_ext2_of(boot)->vol;
    struct node node = { .file = file };
    uint64_t end = EXTENT_END;
    uint32_t size = BOOT_INSIDE, found = 0, depth, block;
    union entry entry = { 0 };
    int err = node_open(boot, &node, size);

    while (!err) {
        err = node_search(boot, &node, index, &entry, &found, &end);
        if (err)
            break;
        *out = (struct boot_run){ .count = end - index };
        if (found == 0)
            return 0;
        if (node.depth == 0)
            return extent_map(vol, &entry.extent, index, end, out);

        block = le32_get(entry.index.block);
        if (le16_get(entry.index.block_high) != 0 ||
            !ext2_block_usable(vol, block))
            return SHALE_ECORRUPT;
        depth = node.depth;
        node.at = ext2_block_at(vol, block);
        err = node_open(boot, &node, vol->super.block_size);
        if (!err && node.depth != depth - 1)
            err = SHALE_ECORRUPT;
    }
    return err;
}
