/*
 * layout.c - which group has what at its beginning
 *
 *     | superblock | descriptors | reserved for more | bitmaps, inodes, data
 *       1 block      desc_blocks   reserved_desc
 *
 * in group 0 and in those that keep backups: every group; with sparse_super
 * group 1 and powers of 3, 5 and 7; with sparse_super2 two that the superblock
 * names. With meta_bg, blocks of descriptors from first_meta_bg on are each at
 * home in the groups that they describe: in the first, second and last of them.
 */
#include "ext2/check/check.h"

static bool is_power(uint32_t n, uint32_t base)
{
    while (n > 1 && n % base == 0)
        n /= base;
    return n == 1;
}

bool ext2_check_has_backup(const struct ext2_check_super *s, uint32_t group)
{
    if (group == 0)
        return true;
    if (s->compat & EXT2_COMPAT_SPARSE_SUPER2)
        return group == le32_get(s->raw.backup_groups[0]) ||
               group == le32_get(s->raw.backup_groups[1]);
    if (group == 1 || !(s->ro_compat & EXT2_RO_COMPAT_SPARSE_SUPER))
        return true;
    return is_power(group, 3) || is_power(group, 5) || is_power(group, 7);
}

uint32_t ext2_check_group_blocks(const struct ext2_check_super *s,
                                 uint32_t group)
{
    uint64_t left = s->block_count - ext2_check_group_first(s, group);

    return left < s->blocks_per_group ? (uint32_t)left : s->blocks_per_group;
}

uint64_t ext2_check_super_block(const struct ext2_check_super *s,
                                uint32_t group)
{
    if (group == 0)
        return EXT2_SUPER_OFFSET >> s->block_shift;
    return ext2_check_group_first(s, group);
}

uint64_t ext2_check_desc_block(const struct ext2_check_super *s, uint32_t part)
{
    uint32_t group = part * s->descs_per_block;

    if (part < s->first_meta_bg)
        return ext2_check_super_block(s, 0) + 1 + part;
    return ext2_check_super_block(s, group) + ext2_check_has_backup(s, group);
}

uint64_t ext2_check_desc_at(const struct ext2_check_super *s, uint32_t group)
{
    uint64_t block = ext2_check_desc_block(s, group / s->descs_per_block);

    return (block << s->block_shift) +
           (uint64_t)(group % s->descs_per_block) * s->desc_size;
}

uint64_t ext2_check_desc_copy(const struct ext2_check_super *s, uint32_t part,
                              uint32_t group)
{
    if (part < s->first_meta_bg)
        return ext2_check_super_block(s, group) + 1 + part;
    group = part * s->descs_per_block + 1;
    if (s->descs_per_block < 2 || group >= s->group_count)
        return 0;
    return ext2_check_super_block(s, group) + ext2_check_has_backup(s, group);
}

void ext2_check_group_head(const struct ext2_check_super *s, uint32_t group,
                           uint64_t *first, uint64_t *count, uint64_t *alone)
{
    bool backup = ext2_check_has_backup(s, group);
    uint32_t part = group / s->descs_per_block;
    uint32_t index = group % s->descs_per_block;

    *first = ext2_check_super_block(s, group);
    *count = 0;
    *alone = 0;
    if (backup) {
        *count = 1 + (uint64_t)s->reserved_desc +
                 (s->first_meta_bg < s->desc_blocks ? s->first_meta_bg
                                                    : s->desc_blocks);
    }
    if (part >= s->first_meta_bg && part < s->desc_blocks &&
        (index == 0 || index == 1 || index == s->descs_per_block - 1))
        *alone = *first + backup;
    if (*alone)
        *count = backup;
}
