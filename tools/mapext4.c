/*
 * mapext4.c - where the blocks of a file lie on a volume that is not mounted
 *
 * Extent trees, block maps and inline data, as ext4 has them. A block of a tree
 * or map is read once for all that is asked of it: the last one of each level
 * is at hand, and nothing else, so memory is bounded by eight blocks.
 */
#include <stdlib.h>
#include <string.h>

#include "mapext4.h"

/* The rest is for who writes, or checks. */
#define READABLE (EXT2_READABLE | EXT2_INCOMPAT_RECOVER |                    \
                  EXT2_INCOMPAT_EXTENTS | EXT2_INCOMPAT_64BIT |              \
                  EXT2_INCOMPAT_MMP | EXT2_INCOMPAT_FLEX_BG |                \
                  EXT2_INCOMPAT_EA_INODE | EXT2_INCOMPAT_CSUM_SEED |         \
                  EXT2_INCOMPAT_INLINE_DATA | EXT2_INCOMPAT_ENCRYPT |        \
                  EXT2_INCOMPAT_CASEFOLD)

#define ENTRY 12u               /* bytes of an extent, and of a header */
#define EXTENT_END (UINT64_C(1) << 32)

_Static_assert(EXT2_EXTENT_DEPTH < EXT4_BLOCKS && EXT2_DEPTH_MAX < EXT4_BLOCKS,
               "a block for each level");

/* ---------------------------------------------------------------- volume */

int ext4_read(struct map_ext4 *vol, uint64_t at, void *buf, size_t len)
{
    return shale_bdev_read_bytes(&vol->dev.base, vol->mem, at, buf, len);
}

int ext4_block(struct map_ext4 *vol, unsigned slot, uint64_t number,
               const uint8_t **out)
{
    struct ext4_block *block = &vol->blocks[slot];
    uint32_t size = vol->core.super.block_size;
    int err;

    if (number > UINT32_MAX ||
        !ext2_block_usable(&vol->core, (uint32_t)number))
        return SHALE_ECORRUPT;
    *out = block->bytes;
    if (block->bytes && block->number == number)
        return 0;
    if (!block->bytes)
        block->bytes = xmalloc(size);
    *out = block->bytes;
    block->number = 0;          /* which nobody may ask for */
    err = ext4_read(vol, ext2_block_at(&vol->core, number), block->bytes, size);
    if (!err)
        block->number = number;
    return err;
}

/* Why the volume that RAW is of cannot be read; NULL: it can. */
static const char *refusal(const struct ext2_disk_super *raw)
{
    if (le16_get(raw->magic) != EXT2_MAGIC)
        return "no superblock of ext4";
    if (le32_get(raw->incompat) & ~READABLE)
        return "ext4 with features that Shale does not know";
    if ((le32_get(raw->incompat) & EXT2_INCOMPAT_64BIT) &&
        (raw->counts_high[0] | raw->counts_high[1] | raw->counts_high[2] |
         raw->counts_high[3]) != 0)
        return "where files lie is told of volumes of less than 2^32 blocks";
    return NULL;
}

const char *mapext4_open(struct shale_image *image, uint64_t start,
                         uint64_t size, struct map_ext4 **out)
{
    struct map_ext4 *vol = memory_or_end(calloc(1, sizeof *vol));
    struct ext2_disk_super raw;
    const char *why;
    int err;

    vol->mem = image->mem;
    err = shale_slice_bdev_init(&vol->dev, shale_file_bdev(image->file), start,
                                size);
    if (!err)
        err = ext4_read(vol, EXT2_SUPER_OFFSET, &raw, sizeof raw);
    why = err ? shale_strerror(err) : refusal(&raw);
    if (!why)
        why = ext2_super_decode(&raw, &vol->core.super);
    if (why) {
        free(vol);
        return why;
    }
    vol->core.super.at = EXT2_SUPER_OFFSET;
    ext2_volume_init(&vol->core);
    *out = vol;
    return NULL;
}

void mapext4_close(struct map_ext4 *vol)
{
    for (unsigned i = 0; i < EXT4_BLOCKS; i++)
        free(vol->blocks[i].bytes);
    free(vol);
}

bool mapext4_unreplayed(const struct map_ext4 *vol)
{
    return (vol->core.super.incompat & EXT2_INCOMPAT_RECOVER) != 0;
}

uint32_t mapext4_block_size(const struct map_ext4 *vol)
{
    return vol->core.super.block_size;
}

/* ---------------------------------------------------------------- inodes */

/* Where inode INO is. */
static int inode_at(struct map_ext4 *vol, uint32_t ino, uint64_t *at)
{
    const struct ext2_super *super = &vol->core.super;
    uint32_t group = ext2_group_of_ino(super, ino), table;
    uint32_t in_group = (ino - 1) % super->inodes_per_group;
    uint32_t desc_size = super->block_size / super->descs_per_block;
    uint64_t block = ext2_group_table(&vol->core,
                                      group / super->descs_per_block);
    uint8_t desc[EXT2_DESC_SIZE_64] = { 0 };
    le32 high;
    int err;

    if (block >= super->block_count)
        return SHALE_ECORRUPT;
    err = ext4_read(vol, ext2_block_at(&vol->core, block) +
                        group % super->descs_per_block * desc_size, desc,
                    desc_size < sizeof desc ? desc_size : sizeof desc);
    if (err)
        return err;
    table = le32_get(((const struct ext2_disk_group *)desc)->inode_table);
    memcpy(&high, desc + EXT2_DESC_TABLE_HIGH, sizeof high);
    if (le32_get(high) != 0 ||
        !ext2_in_volume(&vol->core, table, super->table_blocks))
        return SHALE_ECORRUPT;
    *at = ext2_block_at(&vol->core, table) +
          (uint64_t)in_group * super->inode_size;
    return 0;
}

/* Does the volume declare what FLAGS, of an inode, say? */
static bool declared(const struct ext2_super *super, uint32_t flags)
{
    return (!(flags & EXT2_INODE_EXTENTS) ||
            (super->incompat & EXT2_INCOMPAT_EXTENTS)) &&
           (!(flags & EXT2_INODE_INLINE) ||
            (super->incompat & EXT2_INCOMPAT_INLINE_DATA));
}

int ext4_inode(struct map_ext4 *vol, uint32_t ino, struct map_ext4_file *out)
{
    const struct ext2_super *super = &vol->core.super;
    const struct ext2_disk_inode *raw = &out->raw.inode;
    uint64_t at;
    int err;

    if (ino == 0 || ino > super->inode_count ||
        (ino < super->first_ino && ino != EXT2_ROOT_INO))
        return SHALE_ECORRUPT;
    err = inode_at(vol, ino, &at);
    if (!err)
        err = ext4_read(vol, at, &out->raw, super->inode_size);
    if (err)
        return err;
    out->ino = ino;
    out->type = shale_type_of_mode(le16_get(raw->mode));
    out->flags = le32_get(raw->flags);
    out->size = le32_get(raw->size);
    if (out->type == SHALE_TYPE_FILE ||
        (out->type == SHALE_TYPE_DIR &&
         (super->incompat & EXT2_INCOMPAT_LARGE_DIR)))
        out->size |= (uint64_t)le32_get(raw->size_high) << 32;
    return out->type == SHALE_TYPE_UNKNOWN || le16_get(raw->links) == 0 ||
           !declared(super, out->flags) ||
           out->size > ext2_block_at(&vol->core, EXTENT_END)
               ? SHALE_ECORRUPT : 0;
}

/* --------------------------------------------------------------- extents */

/* A run of blocks of a file; a hole if BLOCK is 0. */
struct run {
    uint64_t block, count;
    bool unwritten;
};

/*
 * The last entry of NODE that begins at block INDEX or before it; NULL if there
 * is none. What begins after it is stored in *END, if anything does.
 */
static const uint8_t *entry_find(const uint8_t *node, uint32_t index,
                                 uint64_t *end)
{
    const struct ext2_disk_extent_header *head = (const void *)node;
    uint32_t low = 0, high = le16_get(head->entries);

    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;
        const struct ext2_disk_extent *extent =
            (const void *)(node + (size_t)middle * ENTRY);
        uint32_t logical = le32_get(extent->logical);

        if (logical <= index) {
            low = middle;
        } else {
            high = middle - 1;
            *end = logical;
        }
    }
    return low ? node + (size_t)low * ENTRY : NULL;
}

/* Where block INDEX is by the entry of a leaf, which begins before it. */
static int leaf_map(const struct map_ext4 *vol, const uint8_t *entry,
                    uint32_t index, uint64_t end, struct run *out)
{
    const struct ext2_disk_extent *extent = (const void *)entry;
    uint32_t length = le16_get(extent->length), start = le32_get(extent->start);
    uint32_t into = index - le32_get(extent->logical);

    out->unwritten = length > EXT2_EXTENT_WRITTEN;
    if (out->unwritten)
        length -= EXT2_EXTENT_WRITTEN;
    if (length == 0 || le16_get(extent->start_high) != 0 ||
        !ext2_block_usable(&vol->core, start) ||
        length > vol->core.super.block_count - start)
        return SHALE_ECORRUPT;
    out->count = end - index;
    if (into < length) {
        out->block = (uint64_t)start + into;
        out->count = length - into;
    }
    return 0;
}

static int extent_map(struct map_ext4 *vol, const struct map_ext4_file *file,
                      uint32_t index, struct run *out)
{
    const uint8_t *node = file->raw.inode.block->b, *entry;
    uint32_t size = EXT4_INSIDE, depth = 0;
    uint64_t end = EXTENT_END;
    int err = 0;

    for (unsigned level = 0; !err; level++) {
        const struct ext2_disk_extent_header *head = (const void *)node;
        const struct ext2_disk_extent_index *below;

        if (le16_get(head->magic) != EXT2_EXTENT_MAGIC ||
            le16_get(head->entries) >= size / ENTRY ||
            le16_get(head->depth) > EXT2_EXTENT_DEPTH ||
            (level > 0 && le16_get(head->depth) + 1u != depth))
            return SHALE_ECORRUPT;
        depth = le16_get(head->depth);
        entry = entry_find(node, index, &end);
        *out = (struct run){ .count = end - index };
        if (!entry)
            return 0;
        if (depth == 0)
            return leaf_map(vol, entry, index, end, out);
        below = (const void *)entry;
        if (le16_get(below->block_high) != 0)
            return SHALE_ECORRUPT;
        err = ext4_block(vol, level, le32_get(below->block), &node);
        size = vol->core.super.block_size;
    }
    return err;
}

/* ---------------------------------------------------------- block maps */

/* How many blocks are left of the part of a map that PATH is in, from LEVEL
   down. */
static uint64_t rest_of(const struct ext2_super *super,
                        const struct ext2_path *path, unsigned level)
{
    uint64_t span = 1, into = 0, pointers = super->block_size / sizeof(le32);

    for (unsigned i = path->depth; i > level; i--) {
        into += path->slot[i - 1] * span;
        span *= pointers;
    }
    return span - into;
}

/* Where block INDEX is by FILE's block map: one block, or all that
   one pointer leaves out. */
static int pointer_map(struct map_ext4 *vol, const struct map_ext4_file *file,
                       uint64_t index, struct run *out)
{
    const struct ext2_super *super = &vol->core.super;
    struct ext2_path path;
    unsigned level = 0;
    uint32_t block;

    if (!ext2_path_find(super, index, &path))
        return SHALE_ECORRUPT;
    block = le32_get(file->raw.inode.block[path.root]);
    while (block != 0 && level < path.depth) {
        const uint8_t *bytes;
        int err = ext4_block(vol, level, block, &bytes);

        if (err)
            return err;
        block = le32_get(((const le32 *)bytes)[path.slot[level++]]);
    }
    if (block != 0 && !ext2_block_usable(&vol->core, block))
        return SHALE_ECORRUPT;
    *out = (struct run){ block, block ? 1 : rest_of(super, &path, level),
                         false };
    return 0;
}

/* The same, and what follows it without a gap, up to block END of the file. */
static int pointer_run(struct map_ext4 *vol, const struct map_ext4_file *file,
                       uint64_t index, uint64_t end, struct run *out)
{
    int err = pointer_map(vol, file, index, out);

    while (!err && index + out->count < end) {
        struct run next;

        err = pointer_map(vol, file, index + out->count, &next);
        if (err || next.block != (out->block ? out->block + out->count : 0))
            return 0;           /* an error is told when it is its turn */
        out->count += next.count;
    }
    return err;
}

/* ------------------------------------------------------------------ files */

bool mapext4_has_map(const struct map_ext4_file *file)
{
    return !(file->flags & (EXT2_INODE_EXTENTS | EXT2_INODE_INLINE));
}

int mapext4_map(struct map_ext4 *vol, const struct map_ext4_file *file,
                uint64_t at, struct shale_extent *out)
{
    unsigned shift = vol->core.super.block_shift;
    uint64_t index = at >> shift, into = at & (vol->core.super.block_size - 1);
    struct run run;
    int err;

    *out = (struct shale_extent){ .offset = at, .length = file->size - at };
    if (file->flags & EXT2_INODE_INLINE) {
        out->kind = SHALE_EXTENT_INLINE;
        return 0;
    }
    if (file->flags & EXT2_INODE_EXTENTS)
        err = extent_map(vol, file, (uint32_t)index, &run);
    else
        err = pointer_run(vol, file, index, ((file->size - 1) >> shift) + 1,
                          &run);
    if (err)
        return err;
    if (out->length > (run.count << shift) - into)
        out->length = (run.count << shift) - into;
    out->kind = !run.block ? SHALE_EXTENT_HOLE : run.unwritten
                    ? SHALE_EXTENT_UNWRITTEN : SHALE_EXTENT_DATA;
    out->device = run.block ? (run.block << shift) + into : 0;
    return 0;
}
