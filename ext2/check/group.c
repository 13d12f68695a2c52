/*
 * group.c - group descriptors: where each group's metadata lies
 *
 * A descriptor names two blocks of bitmaps and the first block of an inode
 * table. Without flex_bg they are in the group itself; with it anywhere. What
 * lies outside is not believed: the copy of the descriptor in a group with a
 * backup is tried, and failing that the group's inodes are out of reach.
 *
 * All of that, the superblocks and the descriptors is claimed here, before any
 * inode has a say.
 */
#include "ext2/check/check.h"
#include "memfn.h"

#define READ_BLOCKS 64u         /* of descriptors, at once */

#define DESC_BLOCK_BITMAP   0x00
#define DESC_INODE_BITMAP   0x04
#define DESC_TABLE          0x08
#define DESC_PLACES         0x0c        /* bytes of these three */
/* Fields of a descriptor that the driver has no names for. */
#define DESC_FLAGS          0x12
#define DESC_BLOCK_CSUM     0x18
#define DESC_INODE_CSUM     0x1a
#define DESC_UNUSED         0x1c
#define DESC_CHECKSUM       0x1e
#define DESC_HIGH           0x20        /* what follows has 64bit only */
#define DESC_BLOCK_BITMAP_H 0x20
#define DESC_INODE_BITMAP_H 0x24
#define DESC_TABLE_H        0x28
#define DESC_FREE_BLOCKS_H  0x2c
#define DESC_FREE_INODES_H  0x2e
#define DESC_DIRS_H         0x30
#define DESC_UNUSED_H       0x32
#define DESC_BLOCK_CSUM_H   0x38
#define DESC_INODE_CSUM_H   0x3a

static uint32_t get16(const uint8_t *desc, size_t offset)
{
    return (uint32_t)desc[offset] | (uint32_t)desc[offset + 1] << 8;
}

static uint32_t get32(const uint8_t *desc, size_t offset)
{
    return get16(desc, offset) | get16(desc, offset + 2) << 16;
}

/* -------------------------------------------------------------- decoding */

static void decode(const struct ext2_check *c, const uint8_t *desc,
                   struct ext2_check_group *g)
{
    bool wide = c->super.desc_size > DESC_HIGH;

    memset(g, 0, sizeof *g);
    g->block_bitmap = get32(desc, DESC_BLOCK_BITMAP);
    g->inode_bitmap = get32(desc, DESC_INODE_BITMAP);
    g->inode_table = get32(desc, DESC_TABLE);
    g->free_clusters = get16(desc, 0x0c);
    g->free_inodes = get16(desc, 0x0e);
    g->used_dirs = get16(desc, 0x10);
    g->flags = (uint16_t)get16(desc, DESC_FLAGS);
    g->block_csum = get16(desc, DESC_BLOCK_CSUM);
    g->inode_csum = get16(desc, DESC_INODE_CSUM);
    g->unused_inodes = get16(desc, DESC_UNUSED);
    if (!wide)
        return;
    g->block_bitmap |= (uint64_t)get32(desc, DESC_BLOCK_BITMAP_H) << 32;
    g->inode_bitmap |= (uint64_t)get32(desc, DESC_INODE_BITMAP_H) << 32;
    g->inode_table |= (uint64_t)get32(desc, DESC_TABLE_H) << 32;
    g->free_clusters |= get16(desc, DESC_FREE_BLOCKS_H) << 16;
    g->free_inodes |= get16(desc, DESC_FREE_INODES_H) << 16;
    g->used_dirs |= get16(desc, DESC_DIRS_H) << 16;
    g->unused_inodes |= get16(desc, DESC_UNUSED_H) << 16;
    g->block_csum |= get16(desc, DESC_BLOCK_CSUM_H) << 16;
    g->inode_csum |= get16(desc, DESC_INODE_CSUM_H) << 16;
}

/* CRC-16 as in ARC: polynomial 0x8005, reflected. */
static uint16_t crc16(uint16_t crc, const uint8_t *bytes, size_t len)
{
    static const uint16_t table[16] = {
        0x0000, 0xcc01, 0xd801, 0x1400, 0xf001, 0x3c00, 0x2800, 0xe401,
        0xa001, 0x6c00, 0x7800, 0xb401, 0x5000, 0x9c01, 0x8801, 0x4400,
    };

    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        crc = (uint16_t)(crc >> 4 ^ table[crc & 15]);
        crc = (uint16_t)(crc >> 4 ^ table[crc & 15]);
    }
    return crc;
}

static uint16_t checksum(const struct ext2_check *c, uint32_t group,
                         const uint8_t *desc)
{
    const struct ext2_check_super *s = &c->super;
    le32 number = le32_make(group);
    uint32_t crc;
    uint16_t sum;

    if (s->metadata_csum) {
        crc = ext2_check_crc(c, s->seed, &number, sizeof number);
        return (uint16_t)ext2_check_crc_without(c, crc, desc, s->desc_size,
                                                DESC_CHECKSUM, 2);
    }
    sum = crc16(0xffff, s->raw.uuid, sizeof s->raw.uuid);
    sum = crc16(sum, number.b, sizeof number.b);
    sum = crc16(sum, desc, DESC_CHECKSUM);
    if (s->desc_size > DESC_HIGH)
        sum = crc16(sum, desc + DESC_HIGH, s->desc_size - DESC_HIGH);
    return sum;
}

/* -------------------------------------------------------------- believing */

/* Are COUNT blocks from FIRST on where GROUP's metadata may be? */
static bool in_place(const struct ext2_check *c, uint32_t group,
                     uint64_t first, uint64_t count)
{
    const struct ext2_check_super *s = &c->super;
    uint64_t from = ext2_check_group_first(s, group);

    if (!ext2_check_fits(c, first, count))
        return false;
    return s->flex_bg || (first >= from && first + count <=
                          from + ext2_check_group_blocks(s, group));
}

static bool all_in_place(const struct ext2_check *c, uint32_t group,
                         const struct ext2_check_group *g)
{
    return in_place(c, group, g->block_bitmap, 1) &&
           in_place(c, group, g->inode_bitmap, 1) &&
           in_place(c, group, g->inode_table, c->super.table_blocks);
}

static void check_place(struct ext2_check *c, uint32_t group, uint64_t at,
                        const char *name, size_t len, uint64_t *block,
                        uint64_t count)
{
    if (in_place(c, group, *block, count))
        return;
    ext2_tell(c, GROUP_PLACE, at, .object = SHALE_OBJECT_GROUP,
              .number = group, .other = *block, .name = name, .len = len);
    *block = 0;
}

/* Where the first other group that has a copy of GROUP's descriptor has it; 0:
   none has. */
static uint64_t copy_at(const struct ext2_check *c, uint32_t group)
{
    const struct ext2_check_super *s = &c->super;
    uint32_t part = group / s->descs_per_block, keeper = 1;
    uint64_t block;

    while (keeper < s->group_count && !ext2_check_has_backup(s, keeper))
        keeper++;
    if (keeper >= s->group_count)
        return 0;
    block = ext2_check_desc_copy(s, part, keeper);
    if (block == 0)
        return 0;
    return ext2_check_at(c, block) +
           (uint64_t)(group % s->descs_per_block) * s->desc_size;
}

/*
 * *G is what COPY says of GROUP, and believed in nothing but the places, which
 * never change: copies are seldom brought up to date. The rest is in DESC. If
 * that has the checksum of both together, they belong together.
 */
static void join(const struct ext2_check *c, uint32_t group, uint8_t *desc,
                 uint8_t *copy, struct ext2_check_group *g)
{
    size_t size = c->super.desc_size, high = DESC_HIGH + DESC_PLACES;
    uint16_t copied_flags = g->flags;

    memcpy(copy + DESC_PLACES, desc + DESC_PLACES, DESC_HIGH - DESC_PLACES);
    if (size > high)
        memcpy(copy + high, desc + high, size - high);
    decode(c, copy, g);
    if (!c->super.group_csum)
        return;
    if (checksum(c, group, copy) == get16(desc, DESC_CHECKSUM)) {
        memcpy(desc, copy, size);
    } else {
        g->perhaps_uninit = copied_flags;
        g->uncounted = true;
    }
}

/* The same, where there is nothing but the copy. */
static void do_without(const struct ext2_check *c, struct ext2_check_group *g)
{
    g->perhaps_uninit = c->super.group_csum ? g->flags : 0;
    g->flags = 0;
    g->unused_inodes = 0;
    g->uncounted = true;
}

/* Try the copy of GROUP's descriptor. */
static int try_copy(struct ext2_check *c, uint32_t group, uint8_t *desc,
                    struct ext2_check_group *g)
{
    const struct ext2_check_super *s = &c->super;
    struct ext2_check_group other;
    uint8_t *copy;
    uint64_t at = copy_at(c, group);
    int err;

    if (at == 0)
        return 0;
    copy = check_alloc(c->check, s->desc_size);
    if (!copy)
        return SHALE_ENOMEM;
    err = check_read(c->check, at, copy, s->desc_size);
    if (!err) {
        decode(c, copy, &other);
        if (all_in_place(c, group, &other)) {
            *g = other;
            if (desc)
                join(c, group, desc, copy, g);
            else
                do_without(c, g);
            ext2_tell(c, GROUP_BACKUP_USED, at, .object = SHALE_OBJECT_GROUP,
                      .number = group);
        }
    }
    check_free(c->check, copy, s->desc_size);
    return err == SHALE_EIO ? 0 : err;
}

static bool is_last(const struct ext2_check_super *s, uint32_t group)
{
    return group ==
           (s->block_count - s->first_block - 1) / s->blocks_per_group;
}

/* The flags say what of a group was never written. */
static void check_uninit(struct ext2_check *c, uint32_t group, uint64_t at,
                         const uint8_t *desc, struct ext2_check_group *g)
{
    const struct ext2_check_super *s = &c->super;
    uint16_t uninit = EXT2_GROUP_INODE_UNINIT | EXT2_GROUP_BLOCK_UNINIT;
    uint16_t sum;

    if (!s->group_csum) {
        if ((g->flags & uninit) || g->unused_inodes != 0)
            ext2_tell(c, GROUP_UNINIT_FEATURE,
                      at + (g->flags & uninit ? DESC_FLAGS : DESC_UNUSED),
                      .object = SHALE_OBJECT_GROUP, .number = group);
        g->said_unused = g->unused_inodes;
        if (g->unused_inodes > s->inodes_per_group)
            g->said_unused = 0;
        if (g->flags & EXT2_GROUP_INODE_UNINIT)
            g->said_unused = s->inodes_per_group;
        if ((g->flags & EXT2_GROUP_BLOCK_UNINIT) && is_last(s, group))
            ext2_tell(c, GROUP_LAST_UNINIT, at + DESC_FLAGS,
                      .object = SHALE_OBJECT_GROUP, .number = group);
        g->flags = 0;
        g->unused_inodes = 0;
        return;
    }
    sum = checksum(c, group, desc);
    if (sum != get16(desc, DESC_CHECKSUM)) {
        ext2_tell(c, GROUP_CHECKSUM, at + DESC_CHECKSUM,
                  .object = SHALE_OBJECT_GROUP, .number = group,
                  .compared = true, .expected = sum,
                  .found = get16(desc, DESC_CHECKSUM));
        g->flags = 0;
        g->unused_inodes = 0;
    }
    if (g->unused_inodes > s->inodes_per_group) {
        ext2_tell(c, GROUP_UNUSED, at + DESC_UNUSED,
                  .object = SHALE_OBJECT_GROUP, .number = group,
                  .compared = true, .expected = s->inodes_per_group,
                  .found = g->unused_inodes);
        g->unused_inodes = 0;
    }
    if ((g->flags & EXT2_GROUP_BLOCK_UNINIT) && is_last(s, group)) {
        ext2_tell(c, GROUP_LAST_UNINIT, at + DESC_FLAGS,
                  .object = SHALE_OBJECT_GROUP, .number = group);
        g->flags &= (uint16_t)~EXT2_GROUP_BLOCK_UNINIT;
    }
}

/* GROUP's descriptor could not be read. */
static int lack_desc(struct ext2_check *c, uint32_t group)
{
    struct ext2_check_group *g = &c->groups[group];
    int err = try_copy(c, group, NULL, g);

    if (!g->uncounted) {
        ext2_check_lacks(&g->unread);
        ext2_check_lacks(&c->unread);
    }
    return err;
}

/* One descriptor, at byte AT. */
static int take_desc(struct ext2_check *c, uint32_t group, uint64_t at,
                     uint8_t *desc)
{
    struct ext2_check_group *g = &c->groups[group];
    int err = 0;

    decode(c, desc, g);
    if (!all_in_place(c, group, g)) {
        struct ext2_check_group first = *g;

        err = try_copy(c, group, desc, g);
        check_place(c, group, at + DESC_BLOCK_BITMAP, "block bitmap", 12,
                    &first.block_bitmap, 1);
        check_place(c, group, at + DESC_INODE_BITMAP, "inode bitmap", 12,
                    &first.inode_bitmap, 1);
        check_place(c, group, at + DESC_TABLE, "inode table", 11,
                    &first.inode_table, c->super.table_blocks);
        if (!all_in_place(c, group, g))
            *g = first;
    }
    check_uninit(c, group, at, desc, g);
    return err;
}

/* --------------------------------------------------------------- reading */

/* COUNT parts of the table of descriptors from PART on, which are at BLOCK. */
static int take_parts(struct ext2_check *c, uint32_t part, uint32_t count,
                      uint64_t block, uint8_t *buf)
{
    const struct ext2_check_super *s = &c->super;
    uint64_t at = ext2_check_at(c, block);
    uint32_t per = s->descs_per_block;
    bool good;
    int err = check_get(c->check, at, buf, (size_t)count << s->block_shift,
                        SHALE_OBJECT_VOLUME, 0, &good);

    for (uint32_t i = 0; i < count * per && !err; i++) {
        size_t offset = ((size_t)(i / per) << s->block_shift) +
                        (size_t)(i % per) * s->desc_size;

        if (part * per + i >= s->group_count)
            break;
        err = good ? take_desc(c, part * per + i, at + offset, buf + offset)
                   : lack_desc(c, part * per + i);
    }
    return err;
}

static int read_descs(struct ext2_check *c)
{
    const struct ext2_check_super *s = &c->super;
    uint32_t parts = (s->group_count - 1) / s->descs_per_block + 1;
    uint32_t count;
    size_t size = (size_t)READ_BLOCKS << s->block_shift;
    uint8_t *buf = check_alloc(c->check, size);
    int err = buf ? 0 : SHALE_ENOMEM;

    for (uint32_t part = 0; part < parts && !err; part += count) {
        uint64_t block = ext2_check_desc_block(s, part);

        count = 1;
        while (count < READ_BLOCKS && part + count < parts &&
               ext2_check_desc_block(s, part + count) == block + count)
            count++;
        err = take_parts(c, part, count, block, buf);
    }
    check_free(c->check, buf, size);
    return err;
}

/* --------------------------------------------------------------- claiming */

/* *CONFLICT (or NULL): some of it is claimed already. */
static int claim(struct ext2_check *c, uint32_t group, enum shale_use use,
                 uint64_t first, uint64_t count, const char *name, size_t len,
                 bool *conflict)
{
    const struct ext2_check_super *s = &c->super;
    uint64_t from = first >> s->cluster_shift;
    uint64_t to = (first + count - 1) >> s->cluster_shift;
    uint64_t already = 0;
    int err;

    err = check_bits_add(c->used, from, to - from + 1, &already);
    if (!err)
        err = check_bits_add(c->metadata, from, to - from + 1, NULL);
    /* Several small things may share a cluster. */
    if (!err && already != 0 && !s->bigalloc)
        ext2_tell(c, GROUP_CONFLICT, ext2_check_at(c, first),
                  .object = SHALE_OBJECT_GROUP, .number = group,
                  .other = first, .name = name, .len = len);
    if (conflict)
        *conflict = already > (s->bigalloc ? 2 : 0);
    check_claim(c->check, &(const struct shale_claim){
        .use = use, .object = SHALE_OBJECT_GROUP, .number = group,
        .at = ext2_check_at(c, first), .length = ext2_check_at(c, count),
        .position = SHALE_NOWHERE,
    });
    return err;
}

/* What the group begins with; nobody may be in it already. */
static int claim_head(struct ext2_check *c, uint32_t group)
{
    const struct ext2_check_super *s = &c->super;
    uint64_t first, count, alone;
    int err = 0;

    ext2_check_group_head(s, group, &first, &count, &alone);
    if (count > ext2_check_group_blocks(s, group))
        count = ext2_check_group_blocks(s, group);
    /* The boot block, which with small blocks is not in any group. */
    if (group == 0 && first > s->first_block)
        err = claim(c, group, SHALE_USE_BOOT, s->first_block,
                    first - s->first_block, "boot block", 10, NULL);
    if (!err && count > 0)
        err = claim(c, group, SHALE_USE_BOOT, first, 1, "superblock", 10,
                    NULL);
    if (!err && count > 1)
        err = claim(c, group, SHALE_USE_TABLE, first + 1, count - 1,
                    "descriptors", 11, NULL);
    if (!err && alone)
        err = claim(c, group, SHALE_USE_TABLE, alone, 1, "descriptors", 11,
                    NULL);
    return err;
}

/* Bitmaps; what cannot be believed is at block 0. */
static int claim_bitmaps(struct ext2_check *c, uint32_t group)
{
    const struct ext2_check_group *g = &c->groups[group];
    int err = 0;

    if (g->block_bitmap != 0)
        err = claim(c, group, SHALE_USE_BITMAP, g->block_bitmap, 1,
                    "block bitmap", 12, NULL);
    if (!err && g->inode_bitmap != 0)
        err = claim(c, group, SHALE_USE_BITMAP, g->inode_bitmap, 1,
                    "inode bitmap", 12, NULL);
    return err;
}

/*
 * The inode table. One that overlaps others is read all the same, for there may
 * be something in it; but all groups' could be one, and that would take too
 * long: no more than an eighth of the volume is read twice.
 */
static int claim_table(struct ext2_check *c, uint32_t group)
{
    struct ext2_check_group *g = &c->groups[group];
    bool conflict;
    int err;

    if (g->inode_table == 0)
        return 0;
    err = claim(c, group, SHALE_USE_INODES, g->inode_table,
                c->super.table_blocks, "inode table", 11, &conflict);
    if (err || !conflict)
        return err;
    c->tables_twice += c->super.table_blocks;
    if (c->tables_twice > c->super.blocks_there / 8 + c->super.table_blocks)
        g->inode_table = 0;
    return 0;
}

/* With small blocks the boot block is before the first group. */
static void claim_boot(struct ext2_check *c)
{
    if (c->super.first_block > 0)
        check_claim(c->check, &(const struct shale_claim){
            .use = SHALE_USE_BOOT, .object = SHALE_OBJECT_VOLUME,
            .at = 0, .length = ext2_check_at(c, c->super.first_block),
            .position = SHALE_NOWHERE,
        });
}

int ext2_check_groups(struct ext2_check *c)
{
    uint32_t count = c->super.group_count;
    int err;

    c->groups = check_zalloc(c->check, (size_t)count * sizeof *c->groups);
    if (!c->groups)
        return SHALE_ENOMEM;
    claim_boot(c);
    err = read_descs(c);
    for (uint32_t g = 0; g < count && !err; g++)
        err = claim_head(c, g);
    for (uint32_t g = 0; g < count && !err; g++) {
        err = claim_bitmaps(c, g);
        if (!err)
            err = claim_table(c, g);
        if (!err && g % 4096 == 0)
            err = check_going(c->check);
    }
    return err;
}
