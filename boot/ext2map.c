/*
 * ext2map.c - where the bytes of a file are, on ext2 without memory
 *
 * Who reads has only to know the byte of the volume, even of what is in the
 * inode itself: the first 60 bytes in place of the map, and the rest in an
 * attribute, "system.data". Blocks of pointers are read pointer by pointer.
 */
#include "boot/ext2.h"
#include "ext2/xattr.h"
#include "memfn.h"

/* --------------------------------------------------------- in the inode */

/* From where to where the inode at byte INODE has its "system.data". */
static int rest_find(struct shale_boot *boot, uint64_t inode, uint64_t *begin,
                     uint64_t *end)
{
    uint32_t left = boot_ext2_of(boot)->vol.super.inode_size;
    uint64_t at = inode + EXT2_GOOD_OLD_INODE, first;
    struct {
        struct ext2_disk_xattr_entry entry;
        char name[4];
    } raw;
    le16 extra;
    le32 magic;
    int err;

    *end = inode + left;
    left -= EXT2_GOOD_OLD_INODE;
    if (left < sizeof extra + sizeof magic)
        return SHALE_ECORRUPT;
    err = boot_bytes(boot, at, &extra, sizeof extra);
    if (!err && le16_get(extra) > left - sizeof magic)
        err = SHALE_ECORRUPT;
    if (err)
        return err;
    at += le16_get(extra);
    err = boot_bytes(boot, at, &magic, sizeof magic);
    if (!err && le32_get(magic) != EXT2_XATTR_MAGIC)
        err = SHALE_ECORRUPT;
    first = at += sizeof magic;
    while (!err && at + sizeof raw <= *end) {
        err = boot_bytes(boot, at, &raw, sizeof raw);
        if (err || raw.entry.name_len == 0)
            break;
        if (raw.entry.name_index == EXT2_XATTR_SYSTEM &&
            raw.entry.name_len == sizeof raw.name &&
            memcmp(raw.name, "data", sizeof raw.name) == 0) {
            *begin = first + le16_get(raw.entry.value_offset);
            if (*begin > *end ||
                le32_get(raw.entry.value_size) > *end - *begin)
                return SHALE_ECORRUPT;
            *end = *begin + le32_get(raw.entry.value_size);
            return 0;
        }
        at += sizeof raw.entry + ((raw.entry.name_len + 3u) & ~3u);
    }
    return err ? err : SHALE_ECORRUPT;
}

static int inside_map(struct shale_boot *boot,
                      const struct shale_boot_file *file, uint64_t offset,
                      struct shale_extent *out)
{
    uint64_t inode, begin, end;
    int err = boot_ext2_inode_at(boot, file->where[BOOT_INO], &inode);

    if (err)
        return err;
    if (offset < BOOT_INSIDE) {
        begin = inode + offsetof(struct ext2_disk_inode, block);
        end = begin + BOOT_INSIDE;
    } else {
        offset -= BOOT_INSIDE;
        err = rest_find(boot, inode, &begin, &end);
        if (err)
            return err;
    }
    if (offset >= end - begin)
        return SHALE_ECORRUPT;
    out->kind = SHALE_EXTENT_INLINE;
    out->device = begin + offset;
    out->length = end - out->device;
    return 0;
}

/* --------------------------------------------------------------- blocks */

/* How many blocks are left of what a pointer of LEVEL on the way PATH has. */
static uint64_t rest_of(const struct ext2_super *super,
                        const struct ext2_path *path, unsigned level)
{
    uint64_t span = 1, into = 0;

    for (unsigned i = path->depth; i > level; i--) {
        into += path->slot[i - 1] * span;
        span *= super->block_size / sizeof(le32);
    }
    return span - into;
}

/* Where block INDEX of FILE is, by its map; or how far a hole goes. */
static int pointer_find(struct shale_boot *boot,
                        const struct shale_boot_file *file, uint64_t index,
                        struct boot_run *out)
{
    const struct ext2_volume *vol = &boot_ext2_of(boot)->vol;
    const le32 *pointers = (const le32 *)(const void *)file->where;
    struct ext2_path path;
    unsigned level = 0;
    uint32_t block;

    if (!ext2_path_find(&vol->super, index, &path))
        return SHALE_ECORRUPT;
    block = le32_get(pointers[path.root]);
    while (block != 0 && level < path.depth) {
        le32 pointer;
        int err;

        if (!ext2_block_usable(vol, block))
            return SHALE_ECORRUPT;
        err = boot_bytes(boot, ext2_block_at(vol, block) +
                                   path.slot[level++] * sizeof pointer,
                         &pointer, sizeof pointer);
        if (err)
            return err;
        block = le32_get(pointer);
    }
    if (block != 0 && !ext2_block_usable(vol, block))
        return SHALE_ECORRUPT;
    *out = (struct boot_run){
        .block = block,
        .count = block ? 1 : rest_of(&vol->super, &path, level),
    };
    return 0;
}

/* The same, and what goes on where that ends, up to WANT blocks. */
static int pointer_run(struct shale_boot *boot,
                       const struct shale_boot_file *file, uint64_t index,
                       uint64_t want, struct boot_run *out)
{
    int err = pointer_find(boot, file, index, out);

    while (!err && out->count < want) {
        struct boot_run next;

        /* An error is told when it is its turn. */
        if (pointer_find(boot, file, index + out->count, &next) ||
            next.block != (out->block ? out->block + out->count : 0))
            break;
        out->count += next.count;
    }
    return err;
}

int boot_ext2_map(struct shale_boot *boot, const struct shale_boot_file *file,
                  uint64_t offset, uint64_t want, struct shale_extent *out)
{
    const struct ext2_volume *vol = &boot_ext2_of(boot)->vol;
    unsigned shift = vol->super.block_shift;
    uint32_t into = (uint32_t)offset & (vol->super.block_size - 1);
    uint64_t index = offset >> shift;
    struct boot_run run;
    int err;

    if (file->where[BOOT_FLAGS] & EXT2_INODE_INLINE)
        return inside_map(boot, file, offset, out);
    if (file->where[BOOT_FLAGS] & EXT2_INODE_EXTENTS)
        err = boot_extent_find(boot, file, (uint32_t)index, &run);
    else
        err = pointer_run(boot, file, index, ((into + want - 1) >> shift) + 1,
                          &run);
    if (err)
        return err;
    out->kind = !run.block ? SHALE_EXTENT_HOLE :
                run.unwritten ? SHALE_EXTENT_UNWRITTEN : SHALE_EXTENT_DATA;
    out->device = run.block ? ext2_block_at(vol, run.block) + into : 0;
    out->length = (run.count << shift) - into;
    return 0;
}
