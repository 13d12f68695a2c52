/*
 * inode.c - inodes: finding them, and what their bytes mean
 *
 * Group 0 has inodes 1 to inodes_per_group, and so on; a group's are in its
 * inode table, in order. A table is read in runs, since a listing that asks
 * for one inode usually goes on to ask for its neighbours.
 */
#include "ext2.h"
#include "memfn.h"

/* Whether a field ends within the EXTRA_ISIZE bytes that are in use. */
#define EXTRA_HAS(extra_isize, field)                               \
    ((extra_isize) >= offsetof(struct ext2_disk_inode_extra, field) + \
                          sizeof(le32))

int ext2_inode_get(struct ext2_volume *vol, uint64_t ino,
                   struct shale_buf **out, size_t *offset)
{
    const struct ext2_super *super = &vol->super;
    uint32_t index = (uint32_t)(ino - 1);
    uint32_t in_group = index % super->inodes_per_group;
    uint64_t byte = (uint64_t)in_group * super->inode_size;
    struct ext2_group group;
    int err = ext2_group_load(vol, ext2_group_of_ino(super, ino), &group);

    if (err)
        return err;
    *offset = (size_t)(byte & (super->block_size - 1));
    return shale_buf_get_run(vol->fs->cache,
                             group.inode_table + (byte >> super->block_shift),
                             group.inode_table, super->table_blocks, out);
}

static struct shale_time time_decode(le32 seconds)
{
    return (struct shale_time){ .sec = (int32_t)le32_get(seconds) };
}

/*
 * EXTRA has nanoseconds in its high 30 bits, and in its low two how many times
 * 2^32 seconds to add. Nobody should lose a file over a timestamp, so
 * impossible nanoseconds count as none.
 */
static void time_extend(struct shale_time *t, le32 extra)
{
    uint32_t bits = le32_get(extra);

    t->sec += (int64_t)(bits & 3) << 32;
    t->nsec = bits >> 2;
    if (t->nsec > 999999999)
        t->nsec = 0;
}

/* Decode what lies beyond the first 128 bytes. */
static int extra_decode(struct ext2_volume *vol, uint64_t ino,
                        const uint8_t *raw, struct ext2_inode *out)
{
    const struct ext2_disk_inode_extra *extra =
        (const struct ext2_disk_inode_extra *)(raw + EXT2_GOOD_OLD_INODE);
    uint32_t room = vol->super.inode_size - EXT2_GOOD_OLD_INODE;
    uint32_t used;

    out->extra = 0;
    out->body = vol->super.inode_size;
    if (room == 0)
        return 0;
    used = le16_get(extra->extra_isize);
    if (used % 4 != 0 || used > room) {
        /* Early versions of mke2fs left garbage here in the inodes they made:
           the reserved ones and lost+found. */
        if (ino <= vol->super.first_ino)
            return 0;
        return shale_corrupt_inode(vol->fs, "ext2: bad extra inode size",
                                   out->at + EXT2_GOOD_OLD_INODE, ino);
    }
    if (used == 0)
        return 0;
    if (EXTRA_HAS(used, ctime_extra))
        time_extend(&out->ctime, extra->ctime_extra);
    if (EXTRA_HAS(used, mtime_extra))
        time_extend(&out->mtime, extra->mtime_extra);
    if (EXTRA_HAS(used, atime_extra))
        time_extend(&out->atime, extra->atime_extra);
    if (EXTRA_HAS(used, crtime))
        out->btime = time_decode(extra->crtime);
    if (EXTRA_HAS(used, crtime_extra))
        time_extend(&out->btime, extra->crtime_extra);
    out->extra = used;
    out->body = EXT2_GOOD_OLD_INODE + used;
    return 0;
}

/* i_blocks counts 512 bytes, or with huge_file perhaps whole blocks. */
static uint64_t allocated_decode(const struct ext2_volume *vol,
                                 const struct ext2_disk_inode *raw)
{
    uint64_t blocks = le32_get(raw->blocks);

    if (!(vol->super.ro_compat & EXT2_RO_COMPAT_HUGE_FILE))
        return blocks * 512;
    blocks |= (uint64_t)le16_get(raw->blocks_high) << 32;
    if (le32_get(raw->flags) & EXT2_INODE_HUGE_FILE)
        return blocks << vol->super.block_shift;
    return blocks * 512;
}

/* Decode an inode, though it may have no links. */
static int inode_decode(struct ext2_volume *vol, uint64_t ino, uint64_t at,
                        const uint8_t *bytes, struct ext2_inode *out)
{
    const struct ext2_disk_inode *raw = (const struct ext2_disk_inode *)bytes;
    uint32_t mode = le16_get(raw->mode);

    out->at = at;
    out->mode = mode;
    out->links = le16_get(raw->links);
    out->uid = le16_get(raw->uid) | (uint32_t)le16_get(raw->uid_high) << 16;
    out->gid = le16_get(raw->gid) | (uint32_t)le16_get(raw->gid_high) << 16;
    out->flags = le32_get(raw->flags);
    out->generation = le32_get(raw->generation);
    out->acl_block = le32_get(raw->acl_block);
    out->allocated = allocated_decode(vol, raw);
    memcpy(out->block, raw->block, sizeof out->block);
    out->atime = time_decode(raw->atime);
    out->mtime = time_decode(raw->mtime);
    out->ctime = time_decode(raw->ctime);
    out->btime = (struct shale_time){ .sec = 0 };

    if (shale_type_of_mode(mode) == SHALE_TYPE_UNKNOWN)
        return shale_corrupt_inode(vol->fs, "ext2: file of unknown type", at,
                                   ino);

    /* A directory has another use for the field, but with large_dir. */
    out->size = le32_get(raw->size);
    if ((mode & SHALE_S_IFMT) == SHALE_S_IFREG ||
        ((mode & SHALE_S_IFMT) == SHALE_S_IFDIR &&
         (vol->super.incompat & EXT2_INCOMPAT_LARGE_DIR)))
        out->size |= (uint64_t)le32_get(raw->size_high) << 32;
    if (out->size > vol->max_size)
        return shale_corrupt_inode(vol->fs, "ext2: file of impossible size",
                                   at, ino);
    return extra_decode(vol, ino, bytes, out);
}

int ext2_inode_decode(struct ext2_volume *vol, uint64_t ino, uint64_t at,
                      const uint8_t *bytes, struct ext2_inode *out)
{
    const struct ext2_disk_inode *raw = (const struct ext2_disk_inode *)bytes;

    /* A deleted file's inode keeps its mode; a new one never had any. */
    if (le16_get(raw->mode) == 0 || le16_get(raw->links) == 0)
        return SHALE_ESTALE;
    return inode_decode(vol, ino, at, bytes, out);
}

int ext2_inode_load_any(struct ext2_volume *vol, uint64_t ino,
                        struct ext2_inode *out)
{
    const struct ext2_disk_inode *raw;
    struct shale_buf *buf;
    size_t offset;
    int err;

    if (ino > vol->super.inode_count || ino < vol->super.first_ino)
        return SHALE_ESTALE;
    err = ext2_inode_get(vol, ino, &buf, &offset);
    if (err)
        return err;
    raw = (const struct ext2_disk_inode *)(buf->data + offset);
    err = SHALE_ESTALE;
    if (le16_get(raw->mode) != 0)
        err = inode_decode(vol, ino, ext2_block_at(vol, buf->block) + offset,
                           buf->data + offset, out);
    shale_buf_put(buf);
    return err;
}

int ext2_inode_load(struct ext2_volume *vol, uint64_t ino,
                    struct ext2_inode *out)
{
    struct shale_buf *buf;
    size_t offset;
    int err;

    if (ino > vol->super.inode_count ||
        (ino < vol->super.first_ino && ino != EXT2_ROOT_INO))
        return SHALE_ESTALE;
    err = ext2_inode_get(vol, ino, &buf, &offset);
    if (err)
        return err;
    err = ext2_inode_decode(vol, ino, ext2_block_at(vol, buf->block) + offset,
                            buf->data + offset, out);
    shale_buf_put(buf);
    return err;
}

/*
 * A device's number is in the first pointer, 8 bits each; or if that is 0 in
 * the second: 12 bits of major, and 20 of minor around them.
 */
static void device_decode(const struct ext2_inode *inode,
                          struct shale_attr *out)
{
    uint32_t old = le32_get(inode->block[0]);
    uint32_t new = le32_get(inode->block[1]);

    if (old != 0) {
        out->rdev_major = old >> 8 & 0xff;
        out->rdev_minor = old & 0xff;
    } else {
        out->rdev_major = new >> 8 & 0xfff;
        out->rdev_minor = (new & 0xff) | (new >> 12 & 0xfff00);
    }
}

void ext2_inode_attr(const struct ext2_volume *vol, uint64_t ino,
                     const struct ext2_inode *inode, struct shale_attr *out)
{
    enum shale_type type = shale_type_of_mode(inode->mode);

    *out = (struct shale_attr){
        .ino = ino,
        .size = inode->size,
        .allocated = inode->allocated,
        .mode = inode->mode,
        .uid = inode->uid,
        .gid = inode->gid,
        .links = inode->links,
        .generation = inode->generation,
        .flags = inode->flags,
        .block_size = vol->super.block_size,
        .atime = inode->atime,
        .mtime = inode->mtime,
        .ctime = inode->ctime,
        .btime = inode->btime,
    };
    if (type == SHALE_TYPE_CHAR || type == SHALE_TYPE_BLOCK)
        device_decode(inode, out);
}

uint32_t ext2_inode_protection(const struct ext2_inode *inode)
{
    uint32_t protection = 0;

    if (inode->flags & EXT2_INODE_IMMUTABLE)
        protection |= SHALE_PROTECT_ALL;
    if (inode->flags & EXT2_INODE_APPEND)
        protection |= SHALE_PROTECT_BEGUN;
    return protection;
}

/* It is, if the only block the inode owns is that of its attributes. */
bool ext2_inode_fast_symlink(const struct ext2_volume *vol,
                             const struct ext2_inode *inode)
{
    uint64_t attributes = inode->acl_block ? vol->super.block_size : 0;

    return inode->allocated == attributes;
}
