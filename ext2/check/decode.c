/*
 * decode.c - bytes of superblocks and inodes, decoded
 *
 * Nothing is refused here: what is wrong has been, or will be, told by others.
 */
#include "ext2/check/check.h"
#include "memfn.h"

/* Places that the driver has no names for. */
#define SUPER_FREE_HIGH     0x158       /* le32 */
#define SUPER_RESERVED_HIGH 0x154       /* le32 */
#define SUPER_BLOCKS_HIGH   0x150       /* le32 */
#define SUPER_CSUM_SEED     0x270       /* le32 */

#define DESC_SIZE           64u         /* with 64bit; larger is possible */
#define DESC_SIZE_MAX       1024u

static uint32_t super_le32(const struct ext2_disk_super *raw, size_t offset)
{
    le32 value;

    memcpy(&value, (const uint8_t *)raw + offset, sizeof value);
    return le32_get(value);
}

uint64_t ext2_check_super_blocks(const struct ext2_disk_super *raw)
{
    uint64_t count = le32_get(raw->blocks_count);

    if (le32_get(raw->incompat) & EXT2_INCOMPAT_64BIT)
        count |= (uint64_t)super_le32(raw, SUPER_BLOCKS_HIGH) << 32;
    return count;
}

uint64_t ext2_check_super_reserved(const struct ext2_disk_super *raw)
{
    uint64_t count = le32_get(raw->reserved_blocks);

    if (le32_get(raw->incompat) & EXT2_INCOMPAT_64BIT)
        count |= (uint64_t)super_le32(raw, SUPER_RESERVED_HIGH) << 32;
    return count;
}

uint64_t ext2_check_super_free(const struct ext2_disk_super *raw)
{
    uint64_t count = le32_get(raw->free_blocks);

    if (le32_get(raw->incompat) & EXT2_INCOMPAT_64BIT)
        count |= (uint64_t)super_le32(raw, SUPER_FREE_HIGH) << 32;
    return count;
}

static void decode_features(struct ext2_check_super *s)
{
    bool dynamic = le32_get(s->raw.rev_level) >= EXT2_DYNAMIC_REV;

    s->compat = dynamic ? le32_get(s->raw.compat) : 0;
    s->incompat = dynamic ? le32_get(s->raw.incompat) : 0;
    s->ro_compat = dynamic ? le32_get(s->raw.ro_compat) : 0;

    s->filetype = s->incompat & EXT2_INCOMPAT_FILETYPE;
    s->extents = s->incompat & EXT2_INCOMPAT_EXTENTS;
    s->is64 = s->incompat & EXT2_INCOMPAT_64BIT;
    s->flex_bg = s->incompat & EXT2_INCOMPAT_FLEX_BG;
    s->ea_inode = s->incompat & EXT2_INCOMPAT_EA_INODE;
    s->large_dir = s->incompat & EXT2_INCOMPAT_LARGE_DIR;
    s->inline_data = s->incompat & EXT2_INCOMPAT_INLINE_DATA;
    s->encrypt = s->incompat & EXT2_INCOMPAT_ENCRYPT;
    s->casefold = s->incompat & EXT2_INCOMPAT_CASEFOLD;
    s->dir_index = s->compat & EXT2_COMPAT_DIR_INDEX;
    s->huge_file = s->ro_compat & EXT2_RO_COMPAT_HUGE_FILE;
    s->bigalloc = s->ro_compat & EXT2_RO_COMPAT_BIGALLOC;
    s->metadata_csum = s->ro_compat & EXT2_RO_COMPAT_METADATA_CSUM;
    s->group_csum = s->metadata_csum ||
                    (s->ro_compat & EXT2_RO_COMPAT_GDT_CSUM);
}

static void decode_inodes(struct ext2_check_super *s)
{
    bool dynamic = le32_get(s->raw.rev_level) >= EXT2_DYNAMIC_REV;

    s->inode_size = dynamic ? le16_get(s->raw.inode_size)
                            : EXT2_GOOD_OLD_INODE;
    s->first_ino = dynamic ? le32_get(s->raw.first_ino)
                           : EXT2_GOOD_OLD_FIRST;
    if (s->first_ino < EXT2_GOOD_OLD_FIRST)
        s->first_ino = EXT2_GOOD_OLD_FIRST;
    s->inodes_per_block = s->block_size / s->inode_size;
    s->inodes_per_group = le32_get(s->raw.inodes_per_group);
    s->table_blocks = (s->inodes_per_group + s->inodes_per_block - 1) /
                      s->inodes_per_block;
    s->inode_count = s->inodes_per_group * s->group_count;
    s->journal_ino = s->compat & EXT2_COMPAT_HAS_JOURNAL
                     ? le32_get(s->raw.journal_ino) : 0;
}

/* What it says, or what is usual if that cannot be. */
static uint32_t desc_size(const struct ext2_check_super *s)
{
    uint32_t size = le16_get(s->raw.desc_size);

    if (!s->is64)
        return sizeof(struct ext2_disk_group);
    return size >= DESC_SIZE && size <= DESC_SIZE_MAX &&
           (size & (size - 1)) == 0 ? size : DESC_SIZE;
}

/* How many groups there are, and where their descriptors lie. */
static void decode_groups(struct ext2_check_super *s, uint64_t device)
{
    uint64_t there = device >> s->block_shift, all;

    s->block_count = ext2_check_super_blocks(&s->raw);
    s->blocks_there = s->block_count < there ? s->block_count : there;
    if (s->blocks_there <= s->first_block)
        s->blocks_there = s->first_block + 1;
    s->cluster_count = ((s->blocks_there - 1) >> s->cluster_shift) + 1;
    s->group_count =
        (uint32_t)((s->blocks_there - s->first_block - 1) /
                   s->blocks_per_group + 1);
    s->desc_size = desc_size(s);
    s->descs_per_block = s->block_size / s->desc_size;
    all = (s->block_count - s->first_block - 1) / s->blocks_per_group;
    s->desc_blocks = (uint32_t)(all / s->descs_per_block) + 1;
    s->first_meta_bg = s->desc_blocks;
    if (s->incompat & EXT2_INCOMPAT_META_BG &&
        le32_get(s->raw.first_meta_bg) < s->desc_blocks)
        s->first_meta_bg = le32_get(s->raw.first_meta_bg);
    s->reserved_desc = le16_get(s->raw.reserved_gdt_blocks);
    if (s->reserved_desc > s->block_size / 4 ||
        (s->incompat & EXT2_INCOMPAT_META_BG))
        s->reserved_desc = 0;
}

void ext2_check_super_decode(struct ext2_check *c, uint64_t at,
                             const struct ext2_disk_super *raw)
{
    struct ext2_check_super *s = &c->super;

    memset(s, 0, sizeof *s);
    s->raw = *raw;
    s->at = at;
    s->block_shift = 10 + le32_get(raw->log_block_size);
    s->block_size = 1u << s->block_shift;
    s->first_block = le32_get(raw->first_data_block);
    s->blocks_per_group = le32_get(raw->blocks_per_group);
    decode_features(s);
    if (s->bigalloc)
        s->cluster_shift = le32_get(raw->log_cluster_size) -
                           le32_get(raw->log_block_size);
    decode_groups(s, c->check->dev->size);
    decode_inodes(s);

    if (s->incompat & EXT2_INCOMPAT_CSUM_SEED)
        s->seed = super_le32(raw, SUPER_CSUM_SEED);
    else
        s->seed = ext2_check_crc(c, ~UINT32_C(0), raw->uuid, sizeof raw->uuid);
    for (unsigned i = 0; i < 4; i++)
        s->hash_seed[i] = le32_get(raw->hash_seed[i]);
    s->hash_unsigned = le32_get(raw->flags) & EXT2_FLAG_UNSIGNED_HASH;
}

/* ---------------------------------------------------------------- inodes */

/* The checksum that all that belongs to an inode begins with. */
static uint32_t inode_seed(const struct ext2_check *c, uint32_t ino,
                           const struct ext2_disk_inode *raw)
{
    le32 number = le32_make(ino);
    uint32_t crc = ext2_check_crc(c, c->super.seed, &number, sizeof number);

    return ext2_check_crc(c, crc, &raw->generation, sizeof raw->generation);
}

void ext2_check_inode_decode(const struct ext2_check *c, uint32_t ino,
                             uint64_t at, const uint8_t *bytes,
                             struct ext2_check_inode *inode)
{
    const struct ext2_disk_inode *raw = (const struct ext2_disk_inode *)bytes;
    const struct ext2_check_super *s = &c->super;
    const struct ext2_disk_inode_extra *extra =
        (const struct ext2_disk_inode_extra *)(bytes + sizeof *raw);
    uint32_t os = le32_get(s->raw.creator_os);

    inode->ino = ino;
    inode->at = at;
    inode->bytes = bytes;
    inode->mode = le16_get(raw->mode);
    inode->links = le16_get(raw->links);
    inode->flags = le32_get(raw->flags);
    inode->generation = le32_get(raw->generation);
    inode->dtime = le32_get(raw->dtime);
    inode->size = le32_get(raw->size) |
                  (uint64_t)le32_get(raw->size_high) << 32;
    inode->sectors = le32_get(raw->blocks);
    inode->acl = le32_get(raw->acl_block);
    if (os == EXT2_OS_LINUX) {
        if (s->huge_file)
            inode->sectors |= (uint64_t)le16_get(raw->blocks_high) << 32;
        if (s->is64)
            inode->acl |= (uint64_t)le16_get(raw->acl_block_high) << 32;
    }
    inode->extra = 0;
    if (s->inode_size > EXT2_GOOD_OLD_INODE) {
        inode->extra = le16_get(extra->extra_isize);
        if (inode->extra > s->inode_size - EXT2_GOOD_OLD_INODE ||
            inode->extra < 4 || inode->extra % 4 != 0)
            inode->extra = 0;
    }
    inode->seed = s->metadata_csum ? inode_seed(c, ino, raw) : 0;
    memcpy(inode->block, raw->block, sizeof inode->block);
}

uint64_t ext2_check_inode_at(const struct ext2_check *c, uint32_t ino)
{
    const struct ext2_check_super *s = &c->super;
    uint64_t table;

    if (!ext2_check_is_ino(c, ino))
        return SHALE_NOWHERE;
    table = c->groups[(ino - 1) / s->inodes_per_group].inode_table;
    if (table == 0)
        return SHALE_NOWHERE;
    return ext2_check_at(c, table) +
           (uint64_t)((ino - 1) % s->inodes_per_group) * s->inode_size;
}

int ext2_check_inode_read(struct ext2_check *c, uint32_t ino, uint8_t *bytes,
                          struct ext2_check_inode *inode, bool *good)
{
    uint64_t at = ext2_check_inode_at(c, ino);
    int err;

    *good = false;
    if (at == SHALE_NOWHERE)
        return 0;
    err = check_get(c->check, at, bytes, c->super.inode_size,
                    SHALE_OBJECT_INODE, ino, good);
    if (!err && *good)
        ext2_check_inode_decode(c, ino, at, bytes, inode);
    return err;
}
