/*
 * format.c - a new and empty ext2 volume
 *
 * The superblock is what makes a volume: where it goes is cleared first, and it
 * is written last, behind a flush, so that a power cut leaves no volume rather
 * than half of one. In between, what belongs to the groups is made zero, which
 * is most of the work: inode tables are a sixtieth of a volume. A device that
 * has a quick way is asked for that; otherwise what is zero already stays
 * unwritten, which keeps a sparse image file sparse.
 */
#include "format.h"
#include "memfn.h"
#include "shale/err.h"

/* Cleared at least: where other filesystems have their superblocks. */
#define CLEAR_MIN ((uint64_t)128 << 10)

#define BUF_MAX ((size_t)256 << 10)

#define ERRORS_CONTINUE 1u      /* s_errors */
#define NO_MAX_MOUNTS 0xffffu
#define MOUNT_XATTR_ACL 0x0cu   /* s_default_mount_opts: user_xattr, acl */
#define JOURNAL_BACKUP 1u       /* s_jnl_backup_type: the blocks are known */

/* --------------------------------------------------------------- writing */

int ext2_new_put(struct ext2_new *v, uint32_t block, const void *buf,
                 uint32_t count)
{
    const struct ext2_super *super = &v->super;

    return shale_bdev_write(v->dev, (uint64_t)block << super->block_shift, buf,
                            (size_t)count << super->block_shift);
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

/* Make the bytes from AT to END zero by hand. */
static int clear_bytes(struct ext2_new *v, uint64_t at, uint64_t end)
{
    while (at < end) {
        size_t len = end - at < v->buf_size ? (size_t)(end - at) : v->buf_size;
        int err = shale_bdev_read(v->dev, at, v->buf, len);

        /* What cannot be read may still be written. */
        if (err || !is_zero(v->buf, len)) {
            memset(v->buf, 0, len);
            err = shale_bdev_write(v->dev, at, v->buf, len);
        }
        if (err)
            return err;
        at += len;
    }
    return 0;
}

int ext2_new_clear(struct ext2_new *v, uint32_t block, uint32_t count)
{
    uint64_t at = (uint64_t)block << v->super.block_shift;
    uint64_t len = (uint64_t)count << v->super.block_shift;
    int err = shale_bdev_zero(v->dev, at, len);

    return err == SHALE_ENOTSUP ? clear_bytes(v, at, at + len) : err;
}

/* Clear the start of the volume, its superblock with it. */
static int clear_head(struct ext2_new *v)
{
    uint64_t size = (uint64_t)v->super.block_count << v->super.block_shift;

    return clear_bytes(v, 0, CLEAR_MIN < size ? CLEAR_MIN : size);
}

static int clear_groups(struct ext2_new *v)
{
    const struct ext2_super *super = &v->super;
    int err = 0;

    for (uint32_t group = 0; group < super->group_count && !err; group++)
        err = ext2_new_clear(v, ext2_group_first(super, group),
                             ext2_group_own(super, group));
    return err;
}

/* --------------------------------------------------------------- bitmaps */

/* Set bits FROM to TO - 1. */
static void set_bits(uint8_t *bitmap, uint32_t from, uint32_t to)
{
    for (; from < to && from % 8 != 0; from++)
        bitmap[from / 8] |= (uint8_t)(1u << from % 8);
    if (from >= to)
        return;
    memset(bitmap + from / 8, 0xff, (to - from) / 8);
    for (from = to & ~7u; from < to; from++)
        bitmap[from / 8] |= (uint8_t)(1u << from % 8);
}

/* How many of GROUP's blocks are in use: they are its first. */
static uint32_t used_blocks(const struct ext2_new *v, uint32_t group)
{
    uint32_t first = ext2_group_first(&v->super, group);
    uint32_t own = ext2_group_own(&v->super, group);
    uint32_t blocks = ext2_group_blocks(&v->super, group);

    if (v->next <= first + own)
        return own;
    return v->next - first < blocks ? v->next - first : blocks;
}

/* How many of GROUP's inodes are in use, likewise. */
static uint32_t used_inodes(const struct ext2_new *v, uint32_t group)
{
    uint32_t each = v->super.inodes_per_group;
    uint64_t before = (uint64_t)group * each;

    if (before >= EXT2_LOST_INO)
        return 0;
    return EXT2_LOST_INO - before < each ? (uint32_t)(EXT2_LOST_INO - before)
                                         : each;
}

/* Both bitmaps of GROUP, which lie side by side. Bits without a meaning are
   set. */
static int put_bitmaps(struct ext2_new *v, uint32_t group)
{
    const struct ext2_super *super = &v->super;
    uint32_t bits = super->block_size * 8;
    uint8_t *blocks = v->buf, *inodes = v->buf + super->block_size;

    memset(v->buf, 0, 2 * (size_t)super->block_size);
    set_bits(blocks, 0, used_blocks(v, group));
    set_bits(blocks, ext2_group_blocks(super, group), bits);
    set_bits(inodes, 0, used_inodes(v, group));
    set_bits(inodes, super->inodes_per_group, bits);
    return ext2_new_put(v, ext2_group_first(super, group) +
                        ext2_group_head(super, group), v->buf, 2);
}

/* ----------------------------------------------------------- descriptors */

/* Is directory INO in GROUP? */
static uint32_t has_dir(const struct ext2_super *super, uint32_t group,
                        uint32_t ino)
{
    return ext2_group_of_ino(super, ino) == group;
}

static void encode_group(const struct ext2_new *v, uint32_t group,
                         struct ext2_disk_group *raw)
{
    const struct ext2_super *super = &v->super;
    uint32_t bitmaps = ext2_group_first(super, group) +
                       ext2_group_head(super, group);
    uint32_t free_blocks = ext2_group_blocks(super, group) -
                           used_blocks(v, group);
    uint32_t free_inodes = super->inodes_per_group - used_inodes(v, group);

    raw->block_bitmap = le32_make(bitmaps);
    raw->inode_bitmap = le32_make(bitmaps + 1);
    raw->inode_table = le32_make(bitmaps + 2);
    raw->free_blocks = le16_make((uint16_t)free_blocks);
    raw->free_inodes = le16_make((uint16_t)free_inodes);
    raw->used_dirs = le16_make((uint16_t)(has_dir(super, group, EXT2_ROOT_INO) +
                                          has_dir(super, group,
                                                  EXT2_LOST_INO)));
}

/* Write COUNT blocks of descriptors, of which INDEX is the first, to wherever
   there is a copy of them. */
static int put_descs(struct ext2_new *v, uint32_t index, uint32_t count)
{
    const struct ext2_super *super = &v->super;
    struct ext2_disk_group *raw = (struct ext2_disk_group *)v->buf;
    uint32_t first = index * super->descs_per_block;
    uint32_t end = first + count * super->descs_per_block;
    int err = 0;

    memset(v->buf, 0, (size_t)count << super->block_shift);
    for (uint32_t i = first; i < end && i < super->group_count; i++)
        encode_group(v, i, &raw[i - first]);
    for (uint32_t i = 0; i < super->group_count && !err; i++)
        if (ext2_group_has_super(super, i))
            err = ext2_new_put(v, ext2_group_first(super, i) + 1 + index,
                               v->buf, count);
    return err;
}

static int put_groups(struct ext2_new *v)
{
    const struct ext2_super *super = &v->super;
    uint32_t most = (uint32_t)(v->buf_size >> super->block_shift), count;
    int err = 0;

    for (uint32_t group = 0; group < super->group_count && !err; group++)
        err = put_bitmaps(v, group);
    for (uint32_t i = 0; i < super->desc_blocks && !err; i += count) {
        count = super->desc_blocks - i < most ? super->desc_blocks - i : most;
        err = put_descs(v, i, count);
    }
    return err;
}

/* ------------------------------------------------------------ superblock */

static void encode_counts(const struct ext2_new *v,
                          struct ext2_disk_super *raw)
{
    const struct ext2_super *super = &v->super;
    uint64_t used = ext2_overhead(super) + v->taken;

    raw->inodes_count = le32_make(super->inode_count);
    raw->blocks_count = le32_make(super->block_count);
    raw->reserved_blocks = le32_make(super->reserved_blocks);
    raw->free_blocks = le32_make((uint32_t)(super->block_count - used));
    raw->free_inodes = le32_make(super->inode_count - EXT2_LOST_INO);
    raw->first_data_block = le32_make(super->first_block);
    raw->log_block_size = le32_make(super->block_shift - 10);
    raw->log_cluster_size = raw->log_block_size;
    raw->blocks_per_group = le32_make(super->blocks_per_group);
    raw->clusters_per_group = raw->blocks_per_group;
    raw->inodes_per_group = le32_make(super->inodes_per_group);
    raw->reserved_gdt_blocks = le16_make((uint16_t)super->reserved_desc);
}

static void encode_times(const struct ext2_new *v, struct ext2_disk_super *raw)
{
    uint64_t now = (uint64_t)v->format->now.sec;
    uint8_t high = (uint8_t)(now >> 32);

    raw->wtime = raw->last_check = raw->mkfs_time = le32_make((uint32_t)now);
    raw->wtime_high = raw->last_check_high = raw->mkfs_time_high = high;
}

/* The journal's inode is kept here as well, in case it is damaged. */
static void encode_journal(const struct ext2_new *v,
                           struct ext2_disk_super *raw)
{
    uint64_t size = (uint64_t)v->journal_blocks << v->super.block_shift;

    raw->journal_ino = le32_make(EXT2_JOURNAL_INO);
    raw->journal_backup = JOURNAL_BACKUP;
    memcpy(raw->journal_blocks, v->journal_map, sizeof v->journal_map);
    raw->journal_blocks[EXT2_POINTERS] = le32_make((uint32_t)(size >> 32));
    raw->journal_blocks[EXT2_POINTERS + 1] = le32_make((uint32_t)size);
}

/* The superblock as the copy in GROUP has it. */
static void encode_super(const struct ext2_new *v, uint32_t group,
                         struct ext2_disk_super *raw)
{
    const struct ext2_super *super = &v->super;
    const struct shale_format *format = v->format;

    memset(raw, 0, sizeof *raw);
    encode_counts(v, raw);
    encode_times(v, raw);
    raw->magic = le16_make(EXT2_MAGIC);
    raw->state = le16_make(EXT2_STATE_VALID);
    raw->errors = le16_make(ERRORS_CONTINUE);
    raw->max_mount_count = le16_make(NO_MAX_MOUNTS);
    raw->rev_level = le32_make(EXT2_DYNAMIC_REV);
    raw->first_ino = le32_make(EXT2_GOOD_OLD_FIRST);
    raw->inode_size = le16_make((uint16_t)super->inode_size);
    raw->block_group_nr = le16_make((uint16_t)group);
    raw->compat = le32_make(super->compat);
    raw->incompat = le32_make(super->incompat);
    raw->ro_compat = le32_make(super->ro_compat);
    memcpy(raw->uuid, format->uuid, sizeof raw->uuid);
    memcpy(raw->label, super->label, sizeof raw->label);
    memcpy(raw->hash_seed, format->hash_seed, sizeof raw->hash_seed);
    raw->hash_version = EXT2_HASH_HALF_MD4;
    raw->flags = le32_make(EXT2_FLAG_SIGNED_HASH);
    raw->mount_options = le32_make(MOUNT_XATTR_ACL);
    if (super->inode_size > EXT2_GOOD_OLD_INODE) {
        raw->min_extra_isize = le16_make(EXT2_EXTRA_ISIZE);
        raw->want_extra_isize = le16_make(EXT2_EXTRA_ISIZE);
    }
    if (v->journal_blocks)
        encode_journal(v, raw);
}

/* Write the copy in GROUP, which is not the first. */
static int put_copy(struct ext2_new *v, uint32_t group)
{
    memset(v->buf, 0, v->super.block_size);
    encode_super(v, group, (struct ext2_disk_super *)v->buf);
    return ext2_new_put(v, ext2_group_first(&v->super, group), v->buf, 1);
}

/* Write the one that counts, which has the boot block before it. */
static int put_super(struct ext2_new *v)
{
    uint32_t size = v->super.block_size > 2 * EXT2_SUPER_SIZE
                    ? v->super.block_size : 2 * EXT2_SUPER_SIZE;
    uint32_t at = v->dev->block_size > EXT2_SUPER_OFFSET ? 0
                                                         : EXT2_SUPER_OFFSET;

    memset(v->buf, 0, size);
    encode_super(v, 0, (struct ext2_disk_super *)(v->buf + EXT2_SUPER_OFFSET));
    return shale_bdev_write(v->dev, at, v->buf + at, size - at);
}

/* ------------------------------------------------------------- the whole */

static int write_all(struct ext2_new *v)
{
    int err = clear_head(v);

    if (!err)
        err = shale_bdev_flush(v->dev);
    if (!err)
        err = clear_groups(v);
    if (!err)
        err = ext2_first_files(v);
    if (!err)
        err = put_groups(v);
    for (uint32_t i = 1; i < v->super.group_count && !err; i++)
        if (ext2_group_has_super(&v->super, i))
            err = put_copy(v, i);
    if (!err)
        err = shale_bdev_flush(v->dev);
    if (!err)
        err = put_super(v);
    if (!err)
        err = shale_bdev_flush(v->dev);
    return err;
}

int ext2_format(struct shale_bdev *dev, struct shale_mem *mem,
                struct shale_log *log, const struct shale_format *format)
{
    struct ext2_new v = { .dev = dev, .mem = mem, .format = format };
    int err = ext2_layout_choose(&v, log);

    if (err)
        return err;
    if (format->plan) {
        memcpy(v.super.uuid, format->uuid, sizeof v.super.uuid);
        v.super.first_ino = EXT2_GOOD_OLD_FIRST;
        v.super.at = EXT2_SUPER_OFFSET;
        ext2_describe_new(&v, format->plan);
        return 0;
    }
    v.buf_size = BUF_MAX;       /* or whatever there is */
    while (!(v.buf = shale_alloc(mem, v.buf_size)))
        if (v.buf_size /= 2, v.buf_size < 2 * (size_t)v.super.block_size)
            return SHALE_ENOMEM;
    err = write_all(&v);
    shale_free(mem, v.buf, v.buf_size);
    return err;
}
