/*
 * super.c - the superblock: geometry, and the rules that make it safe to use
 *
 * The superblock is 1024 bytes at byte 1024, or wherever `sb=` says that a
 * copy is. Every later computation trusts what superblock_decode() let pass:
 *
 * (1) block and inode sizes are powers of two, and inodes do not straddle
 *     blocks;
 * (2) nothing that divides is zero;
 * (3) groups x inodes per group is the number of inodes, so an inode number
 *     that is in range has a group;
 * (4) the descriptors of all groups take less room than the volume has.
 *
 * What ext4 has besides is decoded too, for who reads that (boot/).
 *
 * The number of groups sizes no allocation and no loop of mount().
 */
#include "ext2.h"
#include "memfn.h"
#include "text.h"

static bool is_power_of_two(uint32_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

static uint32_t divide_up(uint32_t x, uint32_t by)
{
    return x / by + (x % by != 0);
}

/*
 * Two bytes of magic are little evidence, so two numbers that are small on
 * every volume have to be small as well. The rest is mount()'s to judge, which
 * can say what is wrong.
 */
bool ext2_probe(const uint8_t *head, size_t len)
{
    const struct ext2_disk_super *raw;

    if (len < EXT2_SUPER_OFFSET + EXT2_SUPER_SIZE)
        return false;
    raw = (const struct ext2_disk_super *)(head + EXT2_SUPER_OFFSET);
    return le16_get(raw->magic) == EXT2_MAGIC &&
           le32_get(raw->log_block_size) < 256 &&
           le32_get(raw->rev_level) < 256;
}

/* Copy a string that is terminated on disk only if it is short. */
static void string_copy(char *to, const char *from, size_t len)
{
    memcpy(to, from, len);
    to[len] = '\0';
}

static int64_t time_of(le32 low, uint8_t high)
{
    return (int64_t)((uint64_t)high << 32 | le32_get(low));
}

/* What no rule applies to. */
static void facts_decode(const struct ext2_disk_super *raw,
                         struct ext2_super *out)
{
    out->rev_level = le32_get(raw->rev_level);
    out->inode_size = EXT2_GOOD_OLD_INODE;
    out->first_ino = EXT2_GOOD_OLD_FIRST;
    if (out->rev_level != EXT2_GOOD_OLD_REV) {
        out->inode_size = le16_get(raw->inode_size);
        out->first_ino = le32_get(raw->first_ino);
    }

    /* Valid in revision 0 too: features used to be switched on without it. */
    out->compat = le32_get(raw->compat);
    out->incompat = le32_get(raw->incompat);
    out->ro_compat = le32_get(raw->ro_compat);

    for (unsigned i = 0; i < 2; i++)
        out->backup_groups[i] = le32_get(raw->backup_groups[i]);
    for (unsigned i = 0; i < 4; i++)
        out->hash_seed[i] = le32_get(raw->hash_seed[i]);
    out->hash_version = raw->hash_version;
    /* With neither flag the writer did not know: most had signed chars. */
    out->hash_unsigned =
        (le32_get(raw->flags) & EXT2_FLAG_UNSIGNED_HASH) != 0;

    out->reserved_blocks = le32_get(raw->reserved_blocks);
    out->free_blocks = le32_get(raw->free_blocks);
    out->free_inodes = le32_get(raw->free_inodes);
    out->reserved_desc = le16_get(raw->reserved_gdt_blocks);
    out->journal_ino = le32_get(raw->journal_ino);
    out->last_orphan = le32_get(raw->last_orphan);
    out->creator_os = le32_get(raw->creator_os);
    out->state = le16_get(raw->state);
    out->mount_count = le16_get(raw->mount_count);
    out->max_mount_count = (int16_t)le16_get(raw->max_mount_count);
    out->mkfs_time = time_of(raw->mkfs_time, raw->mkfs_time_high);
    out->mtime = time_of(raw->mtime, raw->mtime_high);
    out->wtime = time_of(raw->wtime, raw->wtime_high);
    out->last_check = time_of(raw->last_check, raw->last_check_high);

    memcpy(out->uuid, raw->uuid, sizeof out->uuid);
    string_copy(out->label, raw->label, sizeof raw->label);
    string_copy(out->last_mounted, raw->last_mounted, sizeof raw->last_mounted);
}

/*
 * Blocks in a group: as many as one block of bitmap has bits, and then, with
 * bigalloc, as many times that as a cluster has blocks. Returns what is wrong.
 */
static const char *blocks_per_group_check(const struct ext2_disk_super *raw,
                                          const struct ext2_super *super)
{
    uint32_t bits = super->block_size * 8;
    uint32_t log_cluster = le32_get(raw->log_cluster_size);
    uint64_t limit = bits;

    if (super->ro_compat & EXT2_RO_COMPAT_BIGALLOC) {
        /* No cluster is over 1 << 30 bytes, which is 1024 << 20. */
        if (log_cluster > 20 || log_cluster < super->block_shift - 10)
            return "ext2: bad cluster size";
        limit <<= log_cluster - (super->block_shift - 10);
    }
    if (super->blocks_per_group == 0 || super->blocks_per_group > limit)
        return "ext2: bad number of blocks per group";

    /* Room for two bitmaps, the inode table and at least one block of data. */
    if (super->blocks_per_group <= super->table_blocks ||
        super->blocks_per_group - super->table_blocks <= 2)
        return "ext2: block groups are smaller than their inode tables";
    return NULL;
}

/* Bytes of a group's descriptor; 0 if it cannot be what RAW says. */
static uint32_t desc_size_of(const struct ext2_disk_super *raw,
                             const struct ext2_super *super)
{
    uint32_t size = le16_get(raw->desc_size);

    if (!(super->incompat & EXT2_INCOMPAT_64BIT))
        return sizeof(struct ext2_disk_group);
    return size >= EXT2_DESC_SIZE_64 && size <= super->block_size &&
           is_power_of_two(size) ? size : 0;
}

/* Geometry, checked. Returns NULL, or what is wrong. */
static const char *geometry_decode(const struct ext2_disk_super *raw,
                                   struct ext2_super *out)
{
    uint32_t log_block = le32_get(raw->log_block_size), desc_size;
    const char *wrong;

    if (log_block > EXT2_MAX_LOG_BLOCK)
        return "ext2: bad block size";
    out->block_shift = 10 + log_block;
    out->block_size = 1u << out->block_shift;

    if (!is_power_of_two(out->inode_size) ||
        out->inode_size < EXT2_GOOD_OLD_INODE ||
        out->inode_size > EXT2_MAX_INODE_SIZE ||
        out->inode_size > out->block_size)
        return "ext2: bad inode size";

    out->inodes_per_group = le32_get(raw->inodes_per_group);
    if (out->inodes_per_group == 0 ||
        out->inodes_per_group > out->block_size * 8)
        return "ext2: bad number of inodes per group";
    out->table_blocks = divide_up(out->inodes_per_group,
                                  out->block_size / out->inode_size);

    out->blocks_per_group = le32_get(raw->blocks_per_group);
    wrong = blocks_per_group_check(raw, out);
    if (wrong)
        return wrong;

    /* The superblock is in block 1 of 1 KiB, and in block 0 of any larger. */
    out->block_count = le32_get(raw->blocks_count);
    out->first_block = le32_get(raw->first_data_block);
    if (out->first_block > (out->block_size == 1024 ? 1u : 0u))
        return "ext2: bad first data block";
    if (out->block_count <= out->first_block)
        return "ext2: bad number of blocks";

    out->group_count = divide_up(out->block_count - out->first_block,
                                 out->blocks_per_group);
    out->inode_count = le32_get(raw->inodes_count);
    if ((uint64_t)out->group_count * out->inodes_per_group != out->inode_count)
        return "ext2: number of inodes does not match the block groups";
    if (out->first_ino < EXT2_GOOD_OLD_FIRST)
        return "ext2: bad first inode number";

    desc_size = desc_size_of(raw, out);
    if (desc_size == 0)
        return "ext2: bad size of group descriptors";
    out->descs_per_block = out->block_size / desc_size;
    out->desc_blocks = divide_up(out->group_count, out->descs_per_block);
    if (out->desc_blocks >= out->block_count)
        return "ext2: group descriptors do not fit the volume";
    out->first_meta_bg = out->desc_blocks;
    if (out->incompat & EXT2_INCOMPAT_META_BG) {
        out->first_meta_bg = le32_get(raw->first_meta_bg);
        if (out->first_meta_bg > out->desc_blocks)
            return "ext2: bad first meta block group";
    }
    return NULL;
}

const char *ext2_super_decode(const struct ext2_disk_super *raw,
                              struct ext2_super *out)
{
    facts_decode(raw, out);
    return geometry_decode(raw, out);
}

void ext2_volume_init(struct ext2_volume *vol)
{
    const struct ext2_super *super = &vol->super;
    uint32_t primary = EXT2_SUPER_OFFSET >> super->block_shift;

    vol->super_block = (uint32_t)(super->at >> super->block_shift);
    vol->first_usable = primary + 1 + super->first_meta_bg;
    vol->max_size = ext2_map_max_size(super->block_shift);
}

/* Decode RAW, found at byte AT. */
static int superblock_decode(struct shale_fs *fs, uint64_t at,
                             const struct ext2_disk_super *raw,
                             struct ext2_super *out)
{
    const char *wrong;
    int err;

    if (le16_get(raw->magic) != EXT2_MAGIC)
        return shale_corrupt(fs, "ext2: no superblock here", at);

    out->at = at;
    facts_decode(raw, out);

    /* First of all: a feature we do not know may change all the rest. */
    err = ext2_feature_check(fs, out);
    if (err)
        return err;
    wrong = geometry_decode(raw, out);
    if (wrong)
        return shale_corrupt(fs, wrong, at);
    return 0;
}

/* A volume longer than its device was cut short: worth trying, and telling. */
static void warn_if_truncated(struct shale_fs *fs,
                              const struct ext2_super *super)
{
    uint64_t want = (uint64_t)super->block_count << super->block_shift;
    struct text t = { .len = 0 };

    if (want <= fs->dev->size)
        return;
    text_add_number(&t, want, 10);
    text_add(&t, " bytes declared, ");
    text_add_number(&t, fs->dev->size, 10);
    text_add(&t, " there: what lies beyond cannot be read");
    shale_warn(fs, "ext2: the image is truncated", t.bytes, fs->dev->size);
}

/* Where the superblock to use is: `sb=` counts blocks of 1 KiB. */
static int superblock_find(struct shale_fs *fs, uint64_t *at)
{
    uint64_t block;
    int found = shale_option(fs, "sb", &block);

    *at = EXT2_SUPER_OFFSET;
    if (found == 0)
        return 0;
    if (found < 0 || block > UINT64_MAX / 1024)
        return shale_fail(fs, SHALE_EINVAL, "ext2: not a place for a "
                          "superblock, in KiB, is the option", "sb",
                          SHALE_NOWHERE);
    *at = block * 1024;
    return 0;
}

/* Read the superblock at byte AT into RAW. */
static int superblock_read(struct shale_fs *fs, uint64_t at, void *raw)
{
    int err = shale_bdev_read_bytes(fs->dev, fs->mem, at, raw,
                                    EXT2_SUPER_SIZE);

    if (err != SHALE_EIO)
        return err;
    return shale_fail(fs, err, at >= fs->dev->size
                      ? "ext2: the superblock would lie past the volume's end"
                      : "ext2: the superblock cannot be read", NULL, at);
}

int ext2_super_load(struct shale_fs *fs, struct ext2_super *out)
{
    uint64_t at;
    void *raw;
    int err = superblock_find(fs, &at);

    if (err)
        return err;
    raw = shale_alloc(fs->mem, EXT2_SUPER_SIZE);
    if (!raw)
        return SHALE_ENOMEM;
    err = superblock_read(fs, at, raw);
    if (!err)
        err = superblock_decode(fs, at, raw, out);
    shale_free(fs->mem, raw, EXT2_SUPER_SIZE);
    if (!err)
        warn_if_truncated(fs, out);
    return err;
}

static bool is_power_of(uint32_t base, uint32_t x)
{
    while (x > base && x % base == 0)
        x /= base;
    return x == base;
}

/*
 * With sparse_super the copies are in groups 0, 1 and the powers of 3, 5, 7;
 * with sparse_super2 in 0 and two groups named in the superblock.
 */
bool ext2_group_has_super(const struct ext2_super *super, uint32_t group)
{
    if (group == 0)
        return true;
    if (super->compat & EXT2_COMPAT_SPARSE_SUPER2)
        return group == super->backup_groups[0] ||
               group == super->backup_groups[1];
    if (group == 1 || !(super->ro_compat & EXT2_RO_COMPAT_SPARSE_SUPER))
        return true;
    return is_power_of(3, group) || is_power_of(5, group) ||
           is_power_of(7, group);
}

/* How many of the first COUNT groups hold a copy of the superblock. */
static uint32_t supers_below(const struct ext2_super *super, uint32_t count)
{
    static const uint8_t bases[] = { 3, 5, 7 };
    uint32_t supers = count < 2 ? count : 2;

    if (super->compat & EXT2_COMPAT_SPARSE_SUPER2) {
        uint32_t a = super->backup_groups[0], b = super->backup_groups[1];

        supers = count > 0;
        supers += a > 0 && a < count;
        supers += b > 0 && b < count && b != a;
        return supers;
    }
    if (!(super->ro_compat & EXT2_RO_COMPAT_SPARSE_SUPER))
        return count;
    for (unsigned i = 0; i < sizeof bases; i++) {
        for (uint64_t group = bases[i]; group < count; group *= bases[i])
            supers++;
    }
    return supers;
}

/*
 * Counted by arithmetic, since a volume of 16 TiB has 131,072 groups:
 * everything before group 0; in each group two bitmaps and an inode table; the
 * superblock's copies; the descriptors, of which a copy follows each
 * superblock, with blocks kept for more of them, or, from first_meta_bg on,
 * three are in each run of groups that one block describes: in its first,
 * second and last.
 */
uint64_t ext2_overhead(const struct ext2_super *super)
{
    uint64_t groups = super->group_count;
    uint64_t plain = (uint64_t)super->first_meta_bg * super->descs_per_block;
    uint64_t meta, tail, blocks;

    if (plain > groups)
        plain = groups;
    meta = (groups - plain) / super->descs_per_block;
    tail = (groups - plain) % super->descs_per_block;

    blocks = super->first_block;
    blocks += groups * (2 + (uint64_t)super->table_blocks);
    blocks += supers_below(super, (uint32_t)groups);
    blocks += ((uint64_t)super->first_meta_bg + super->reserved_desc) *
              supers_below(super, (uint32_t)plain);
    blocks += meta * 3 + (tail < 2 ? tail : 2);
    return blocks;
}
