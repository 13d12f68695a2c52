/*
 * extent.c - extent trees
 *
 * A node is a header and entries of twelve bytes: at the bottom extents, above
 * them keys with the block of the node below. The root is in the inode. After
 * "ext4 Data Structures and Algorithms", "Extent Tree". All integers are
 * little-endian:
 *
 *     header   magic 16, entries 16, room 16, depth 16, generation 32
 *     extent   logical 32, length 16, start high 16, start low 32
 *     index    logical 32, block low 32, block high 16, unused 16
 *
 * A length past 32768 means an extent that much shorter, not yet written. In a
 * node that is a block a checksum follows the last entry there is room for.
 */
#include "ext2/check/scan.h"
#include "memfn.h"

#define EXTENT_MAGIC    0xf30au
#define EXTENT_ENTRY    12u
#define START_HIGH      6u              /* of an extent */
#define BELOW_LOW       4u              /* of an index */
#define HEADER_DEPTH   6u              /* of a header */
#define ROOT_SIZE       60u             /* bytes of i_block */
#define EXTENT_WRITTEN_MAX 32768u       /* longest extent that is written */
#define EXTENT_DEPTH_MAX 5u             /* enough for 2^32 blocks of 1 KiB */
#define EXTENT_END      (UINT64_C(1) << 32)

struct node {
    const uint8_t *bytes;
    uint64_t at;                /* byte of the volume */
    uint32_t entries, room, depth;
    uint64_t first, end;        /* what logical blocks it is for */
    bool root;
};

static uint32_t get16(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8;
}

static uint32_t get32(const uint8_t *b)
{
    return get16(b) | get16(b + 2) << 16;
}

bool ext2_check_is_extents(const le32 *block)
{
    const uint8_t *b = block->b;

    return get16(b) == EXTENT_MAGIC && get16(b + 4) == ROOT_SIZE /
           EXTENT_ENTRY - 1 && get16(b + 2) <= get16(b + 4) &&
           get16(b + 6) <= EXTENT_DEPTH_MAX;
}

/*
 * Is there a header with room for its entries in SIZE bytes? It says how many
 * there may be: as many as there is room for, or up to two less, as where these
 * bytes hold something else.
 */
static bool decode(struct node *node, uint32_t size)
{
    uint32_t most = size / EXTENT_ENTRY - 1;

    node->entries = get16(node->bytes + 2);
    node->room = get16(node->bytes + 4);
    node->depth = get16(node->bytes + 6);
    return get16(node->bytes) == EXTENT_MAGIC &&
           node->entries <= node->room &&
           node->room <= most && node->room + 2 >= most &&
           (node->entries > 0 || node->depth == 0);
}

/* --------------------------------------------------------------- extents */

/* What is wrong with the extent; NULL: nothing. */
static const char *wrong(const struct node *node, uint64_t logical,
                         uint64_t count, uint64_t next)
{
    if (count == 0)
        return "has no blocks";
    if (logical < next)
        return "overlaps the one before or is out of order";
    if (logical + count > node->end)
        return "goes past where the next part of the tree begins";
    return NULL;
}

static void tell_extent(struct ext2_check_walk *walk, const struct node *node,
                        uint32_t index, uint64_t logical, const char *what)
{
    size_t len = 0;

    while (what[len])
        len++;
    walk->sums.broken = true;
    if (ext2_check_tells(walk))
        ext2_tell_inode(walk->c, EXTENT_BAD,
                        node->at + (uint64_t)(index + 1) * EXTENT_ENTRY,
                        walk->file->ino, .other = logical, .name = what,
                        .len = len);
}

static int take_leaf(struct ext2_check_walk *walk, const struct node *node)
{
    bool dir = (walk->file->mode & EXT2_S_IFMT) == EXT2_S_IFDIR;
    uint64_t next = node->first;
    int err = 0;

    walk->sums.leaves++;
    for (uint32_t i = 0; i < node->entries && !err; i++) {
        const uint8_t *b = node->bytes + (i + 1) * EXTENT_ENTRY;
        uint64_t logical = get32(b), count = get16(b + 4);
        uint64_t start = get32(b + 8) | (uint64_t)get16(b + 6) << 32;
        bool unwritten = count > EXTENT_WRITTEN_MAX;
        const char *what;

        if (unwritten)
            count -= EXTENT_WRITTEN_MAX;
        what = wrong(node, logical, count, next);
        if (!what && unwritten && dir)
            what = "of a directory is marked as not written";
        if (what)
            tell_extent(walk, node, i, logical, what);
        if (count == 0 || logical < next || logical + count > node->end)
            continue;
        next = logical + count;
        walk->at = node->at + (uint64_t)(i + 1) * EXTENT_ENTRY + START_HIGH;
        err = ext2_check_data(walk, logical, start, count, unwritten);
    }
    return err;
}

static int take_index(struct ext2_check_walk *walk, const struct node *node)
{
    uint64_t next = node->first;
    int err = 0;

    for (uint32_t i = 0; i < node->entries && !err; i++) {
        const uint8_t *b = node->bytes + (i + 1) * EXTENT_ENTRY;
        uint64_t logical = get32(b), end = node->end;
        uint64_t block = get32(b + 4) | (uint64_t)get16(b + 8) << 32;

        if (i + 1 < node->entries)
            end = get32(b + EXTENT_ENTRY);
        if (logical < next || end <= logical || end > node->end) {
            tell_extent(walk, node, i, logical, "of the tree's inner part is "
                        "out of order");
            continue;
        }
        next = logical;
        walk->at = node->at + (uint64_t)(i + 1) * EXTENT_ENTRY + BELOW_LOW;
        err = ext2_check_node(walk, block, logical, EXT2_CHECK_NODE_EXTENT |
                              (node->depth - 1), end);
    }
    return err;
}

/* ----------------------------------------------------------------- nodes */

int ext2_check_extent_root(struct ext2_check_walk *walk, const le32 *block)
{
    struct node node = {
        .bytes = block->b, .at = walk->file->at +
                                 offsetof(struct ext2_disk_inode, block),
        .first = 0, .end = EXTENT_END, .root = true,
    };

    if (!decode(&node, ROOT_SIZE) || node.depth > 0x7f) {
        walk->sums.broken = true;
        if (ext2_check_tells(walk))
            ext2_tell_inode(walk->c, EXTENT_ROOT, node.at, walk->file->ino,
                            .other = 0);
        return 0;
    }
    if (node.depth > EXTENT_DEPTH_MAX && ext2_check_tells(walk))
        ext2_tell_inode(walk->c, EXTENT_DEEP, node.at + HEADER_DEPTH,
                        walk->file->ino,
                        .compared = true, .expected = EXTENT_DEPTH_MAX,
                        .found = node.depth);
    return node.depth == 0 ? take_leaf(walk, &node) : take_index(walk, &node);
}

static void check_sum(struct ext2_check_walk *walk, const struct node *node)
{
    size_t offset = (size_t)(node->room + 1) * EXTENT_ENTRY;
    uint32_t sum;

    if (!walk->c->super.metadata_csum || !ext2_check_tells(walk) ||
        offset + 4 > walk->c->super.block_size)
        return;
    sum = ext2_check_crc(walk->c, walk->file->seed, node->bytes, offset);
    if (sum != get32(node->bytes + offset))
        ext2_tell_inode(walk->c, EXTENT_CHECKSUM, node->at + offset,
                        walk->file->ino,
                        .compared = true, .expected = sum,
                        .found = get32(node->bytes + offset));
}

int ext2_check_extent_node(struct ext2_check_walk *walk,
                           const struct check_item *item,
                           const uint8_t *bytes)
{
    unsigned depth = (unsigned)(item->tag[1] >> EXT2_CHECK_LEVEL_SHIFT) &
                     ~EXT2_CHECK_NODE_EXTENT;
    struct node node = {
        .bytes = bytes, .at = item->at,
        .first = item->tag[1] & EXT2_CHECK_LOGICAL, .end = item->tag[2],
    };

    if (!decode(&node, walk->c->super.block_size) || node.depth != depth) {
        walk->sums.broken = true;
        if (ext2_check_tells(walk))
            ext2_tell_inode(walk->c, EXTENT_NODE, node.at, walk->file->ino,
                            .other = item->at >> walk->c->super.block_shift);
        return 0;
    }
    check_sum(walk, &node);
    if (node.entries > 0 && get32(bytes + EXTENT_ENTRY) != node.first &&
        ext2_check_tells(walk))
        ext2_tell_inode(walk->c, EXTENT_KEY, node.at + EXTENT_ENTRY,
                        walk->file->ino,
                        .compared = true, .expected = node.first,
                        .found = get32(bytes + EXTENT_ENTRY));
    return node.depth == 0 ? take_leaf(walk, &node) : take_index(walk, &node);
}
