/*
 * ialloc.c - which inodes are free, and which of them to take
 *
 * A file's inode, and so its blocks, go into its directory's group as long as
 * there is room. Directories are spread, after an idea of Grigory Orlov's:
 *
 *     those at the top     are likely to be about different things: each goes
 *                          to the group with the fewest directories, of those
 *                          that have about as much room as the average
 *     those below          go to their parent's group, or the next one, that
 *                          has not much less room and not many more
 *                          directories than the average
 *
 * Inodes are freed as blocks are, by reclaim: an inode's number is not taken
 * again before the device knows that its file is gone.
 */
#include "memfn.h"
#include "write.h"

/* Directories at the top choose from so many groups. */
#define SPREAD_GROUPS 2048u

/* A group has an inode to give, or not; see counts_meet(). */
struct wish {
    uint32_t free_inodes, free_blocks;  /* at least so many */
    uint64_t used_dirs;                 /* fewer than so many */
};

/* What the descriptor of a group counts. */
struct counts {
    uint32_t free_inodes, free_blocks, used_dirs;
};

static int counts_get(struct ext2_volume *vol, uint32_t group,
                      struct counts *out)
{
    struct ext2_disk_group *desc;
    struct shale_buf *buf;
    int err = ext2_group_get(vol, group, &buf, &desc);

    if (err)
        return err;
    *out = (struct counts){
        .free_inodes = le16_get(desc->free_inodes),
        .free_blocks = le16_get(desc->free_blocks),
        .used_dirs = le16_get(desc->used_dirs),
    };
    shale_buf_put(buf);
    return 0;
}

static bool counts_meet(const struct counts *counts, const struct wish *wish)
{
    return counts->free_inodes > 0 &&
           counts->free_inodes >= wish->free_inodes &&
           counts->free_blocks >= wish->free_blocks &&
           counts->used_dirs < wish->used_dirs;
}

/* The first group from FROM on that meets WISH. 1; 0 if none does; error. */
static int group_find(struct ext2_volume *vol, uint32_t from,
                      const struct wish *wish, uint32_t *out)
{
    uint32_t groups = vol->super.group_count;
    uint32_t most = ext2_groups_searched(&vol->super);

    for (uint32_t i = 0; i < most; i++) {
        struct counts counts;
        int err = counts_get(vol, (from + i) % groups, &counts);

        if (err)
            return err;
        if (counts_meet(&counts, wish)) {
            *out = (from + i) % groups;
            return 1;
        }
    }
    return 0;
}

/* --------------------------------------------------------- the group */

/* The group, of those from FROM on that meet WISH, with fewest directories. */
static int group_spread(struct ext2_volume *vol, uint32_t from,
                        const struct wish *wish, uint32_t *out)
{
    uint32_t groups = vol->super.group_count;
    struct wish better = *wish;
    int found = 0;

    for (uint32_t i = 0; i < groups && i < SPREAD_GROUPS; i++) {
        struct counts counts;
        int err = counts_get(vol, (from + i) % groups, &counts);

        if (err)
            return err;
        if (!counts_meet(&counts, &better))
            continue;
        *out = (from + i) % groups;
        better.used_dirs = counts.used_dirs;
        found = 1;
        if (counts.used_dirs == 0)
            break;
    }
    return found;
}

/* Choose a group for a directory in DIR. */
static int group_for_dir(struct ext2_volume *vol, const struct ext2_vnode *dir,
                         uint32_t *out)
{
    const struct ext2_super *super = &vol->super;
    const struct ext2_sums *sums = &vol->space->sums;
    uint32_t from = ext2_group_of_ino(super, dir->base.ino), slack;
    uint32_t groups = super->group_count;
    struct wish wish = { 1, 1, UINT64_MAX };
    int found;

    /* There is no average of what has not been counted. */
    if (groups > EXT2_COUNTED_GROUPS)
        return group_find(vol, from, &wish, out);
    found = ext2_space_count(vol);
    if (found)
        return found;
    wish = (struct wish){
        .free_inodes = (uint32_t)(sums->free_inodes / groups / 8 * 7),
        .free_blocks = (uint32_t)(sums->free_blocks / groups / 8 * 7),
        .used_dirs = UINT64_MAX,
    };
    if (dir->base.ino == EXT2_ROOT_INO ||
        (dir->inode.flags & EXT2_INODE_TOPDIR)) {
        found = group_spread(vol, from, &wish, out);
        if (found != 0)
            return found;
    }

    slack = super->inodes_per_group / 8;
    wish.free_inodes -= slack < wish.free_inodes ? slack : wish.free_inodes;
    slack = super->blocks_per_group / 8;
    wish.free_blocks -= slack < wish.free_blocks ? slack : wish.free_blocks;
    wish.used_dirs = sums->used_dirs / groups + super->inodes_per_group / 16 +
                     1;
    return group_find(vol, from, &wish, out);
}

/*
 * Choose a group for a file in DIR: the directory's; else one of those that are
 * 1, 3, 7 ... further, from a place that differs from directory to directory,
 * so that files of two of them do not crowd into the same.
 */
static int group_for_file(struct ext2_volume *vol,
                          const struct ext2_vnode *dir, uint32_t *out)
{
    static const struct wish wish = { 1, 1, UINT64_MAX };
    const struct ext2_super *super = &vol->super;
    uint32_t groups = super->group_count;
    uint64_t at = ext2_group_of_ino(super, dir->base.ino);

    for (uint64_t step = 1; step < groups; step *= 2) {
        struct counts counts;
        int err = counts_get(vol, (uint32_t)at, &counts);

        if (err)
            return err;
        if (counts_meet(&counts, &wish)) {
            *out = (uint32_t)at;
            return 1;
        }
        at = (at + step + (step == 1 ? dir->base.ino : 0)) % groups;
    }
    return group_find(vol, (uint32_t)at, &wish, out);
}

/* --------------------------------------------------------------- the bit */

static int bad_bitmap(struct ext2_volume *vol, const struct shale_buf *buf,
                      const char *what)
{
    return shale_corrupt(vol->fs, what, ext2_block_at(vol, buf->block));
}

/* Pin the bitmap of the inodes of a group, which DESC describes. */
static int bitmap_get(struct ext2_volume *vol, uint32_t group,
                      const struct ext2_disk_group *desc,
                      struct shale_buf **out)
{
    uint32_t block = le32_get(desc->inode_bitmap);
    uint32_t first = ext2_group_first(&vol->super, group);

    if (block < first || block - first >= ext2_group_blocks(&vol->super, group))
        return shale_corrupt(vol->fs, "ext2: a group's inode bitmap is not in "
                             "the group", ext2_block_at(vol, block));
    return shale_buf_get(vol->fs->cache, block, out);
}

/* A number in a group's count, changed by UP or DOWN, and within bounds. */
static le16 count_change(le16 raw, uint32_t up, uint32_t down)
{
    uint32_t count = le16_get(raw) + up;

    count -= down < count ? down : count;
    return le16_make((uint16_t)(count < UINT16_MAX ? count : UINT16_MAX));
}

/*
 * Take the first free inode of GROUP. 1, or 0 if there is none: its count was
 * wrong.
 */
static int group_take(struct ext2_volume *vol, uint32_t group, bool is_dir,
                      uint32_t *ino)
{
    const struct ext2_super *super = &vol->super;
    struct shale_tx *tx = vol->fs->tx;
    struct shale_buf *desc_buf, *bitmap = NULL;
    struct ext2_disk_group *desc;
    uint32_t bit = group == 0 ? super->first_ino - 1 : 0;
    int err = ext2_group_get(vol, group, &desc_buf, &desc);

    if (err)
        return err;
    err = bitmap_get(vol, group, desc, &bitmap);
    if (err)
        goto out;
    bit = ext2_bit_find((le64 *)bitmap->data, bit, super->inodes_per_group,
                        false);
    if (bit >= super->inodes_per_group) {
        bad_bitmap(vol, bitmap, "ext2: a group counts free inodes that it "
                                "does not have");
        goto out;
    }
    err = ext2_space_note(vol);
    if (!err)
        err = shale_tx_change(tx, bitmap, SHALE_RANK_MAP);
    if (!err)
        err = shale_tx_change(tx, desc_buf, SHALE_RANK_MAP);
    if (err)
        goto out;
    ext2_bits_set((le64 *)bitmap->data, bit, 1, true);
    desc->free_inodes = count_change(desc->free_inodes, 0, 1);
    desc->used_dirs = count_change(desc->used_dirs, is_dir, 0);
    vol->space->sums.free_inodes -= vol->space->sums.free_inodes > 0;
    vol->space->sums.used_dirs += is_dir;
    *ino = group * super->inodes_per_group + bit + 1;
    err = 1;

out:
    shale_buf_put(bitmap);
    shale_buf_put(desc_buf);
    return err;
}

/*
 * Take an inode of the first group from FROM on that has one. Each is looked at
 * once, however many count inodes that they do not have. 1, 0 or an error.
 */
static int any_take(struct ext2_volume *vol, uint32_t from, bool is_dir,
                    uint32_t *ino)
{
    static const struct wish any = { 1, 0, UINT64_MAX };
    uint32_t groups = vol->super.group_count;
    uint32_t most = ext2_groups_searched(&vol->super);

    for (uint32_t i = 0; i < most; i++) {
        uint32_t group = (from + i) % groups;
        struct counts counts;
        int taken = counts_get(vol, group, &counts);

        if (!taken && counts_meet(&counts, &any))
            taken = group_take(vol, group, is_dir, ino);
        if (taken != 0)
            return taken;
    }
    return 0;
}

int ext2_inode_take(struct ext2_volume *vol, const struct ext2_vnode *dir,
                    uint32_t mode, uint32_t *ino)
{
    bool is_dir = (mode & SHALE_S_IFMT) == SHALE_S_IFDIR;
    uint32_t home = ext2_group_of_ino(&vol->super, dir->base.ino);
    uint32_t group = home;
    int chosen = is_dir ? group_for_dir(vol, dir, &group)
                        : group_for_file(vol, dir, &group);
    int taken = chosen > 0 ? group_take(vol, group, is_dir, ino) : chosen;

    if (taken == 0)
        taken = any_take(vol, home, is_dir, ino);
    if (taken == 0)
        return SHALE_ENOSPC;
    return taken < 0 ? taken : 0;
}

/* --------------------------------------------------------------- freeing */

int ext2_inode_free(struct ext2_volume *vol, uint32_t ino, bool is_dir)
{
    struct shale_tx *tx = vol->fs->tx;
    struct shale_tx_run run = { EXT2_FREE_INODE + ino, 1 };
    struct ext2_disk_group *desc;
    struct shale_buf *buf;
    int err;

    if (!is_dir)
        return shale_tx_free(tx, run);
    err = ext2_group_get(vol, ext2_group_of_ino(&vol->super, ino), &buf, &desc);
    if (err)
        return err;
    err = ext2_space_note(vol);
    if (!err)
        err = shale_tx_change(tx, buf, SHALE_RANK_MAP);
    if (!err)
        err = shale_tx_free(tx, run);
    if (!err) {
        desc->used_dirs = count_change(desc->used_dirs, 0, 1);
        vol->space->sums.used_dirs -= vol->space->sums.used_dirs > 0;
    }
    shale_buf_put(buf);
    return err;
}

/* Clear the bits of COUNT inodes from INO on, all in one group. */
static int inodes_reclaim(struct ext2_volume *vol, uint32_t ino,
                          uint32_t count)
{
    struct shale_tx *tx = vol->fs->tx;
    struct shale_buf *desc_buf, *bitmap = NULL;
    uint32_t group = ext2_group_of_ino(&vol->super, ino);
    struct ext2_disk_group *desc;
    uint32_t freed;
    int err = ext2_group_get(vol, group, &desc_buf, &desc);

    if (err)
        return err;
    err = bitmap_get(vol, group, desc, &bitmap);
    if (!err)
        err = ext2_space_note(vol);
    if (!err)
        err = shale_tx_change(tx, bitmap, SHALE_RANK_MAP);
    if (!err)
        err = shale_tx_change(tx, desc_buf, SHALE_RANK_MAP);
    if (!err) {
        freed = ext2_bits_set((le64 *)bitmap->data,
                              (ino - 1) % vol->super.inodes_per_group, count,
                              false);
        if (freed < count)
            bad_bitmap(vol, bitmap, "ext2: an inode that was freed was free");
        desc->free_inodes = count_change(desc->free_inodes, freed, 0);
        vol->space->sums.free_inodes += freed;
    }
    shale_buf_put(bitmap);
    shale_buf_put(desc_buf);
    return err;
}

int ext2_inode_reclaim(struct ext2_volume *vol, uint32_t ino, uint32_t count)
{
    while (count > 0) {
        uint32_t per_group = vol->super.inodes_per_group;
        uint32_t left = per_group - (ino - 1) % per_group;
        uint32_t now = count < left ? count : left;
        int err = inodes_reclaim(vol, ino, now);

        if (err)
            return err;
        ino += now;
        count -= now;
    }
    return 0;
}
