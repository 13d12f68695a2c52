/*
 * ext2check_inodes.c - the inodes of an ext2 volume, and the blocks they have
 *
 * Every block has one owner: an inode, or the format itself.
 */
#include "ext2check_own.h"

#include <stdlib.h>
#include <string.h>

uint32_t ext2check_map(const struct ext2check *check, const uint8_t *raw,
                       uint64_t index)
{
    uint64_t per = check->block_size / 4, reach = per;
    unsigned levels = 1;
    uint32_t block;

    if (index < DIRECT) {
        block = get32(raw + 40 + 4 * index);
        return in_volume(check, block) ? block : 0;
    }
    index -= DIRECT;
    while (index >= reach) {
        index -= reach;
        reach *= per;
        if (++levels > 3)
            return 0;
    }
    block = get32(raw + 40 + 4 * (DIRECT + levels - 1));
    while (levels-- > 0) {
        if (block == 0 || !in_volume(check, block))
            return 0;
        reach /= per;
        block = get32(block_at(check, block) + 4 * (index / reach));
        index %= reach;
    }
    return in_volume(check, block) ? block : 0;
}

void ext2check_claim(struct found *found, uint32_t block, uint32_t owner)
{
    struct ext2check *check = found->own;

    if (!in_volume(check, block))
        fault(found, FOUND_BAD, "inode %u has block %u, off the volume", owner,
              block);
    else if (check->owners[block] != 0)
        fault(found, FOUND_BAD, "block %u is in inode %u and in %s %u", block,
              owner, check->owners[block] == EXT2CHECK_METADATA
              ? "metadata" : "inode", check->owners[block]);
    else
        check->owners[block] = owner;
}

/* What an inode's blocks are counted into. */
struct counted {
    uint64_t blocks;            /* that it has, those of the map too */
    uint64_t data;              /* of them, those of its content */
    uint64_t end;               /* past the last of these */
};

/* Claim BLOCK, LEVELS above the data, and what it leads to; it begins at block
   INDEX of the file. */
static void claim_tree(struct found *found, uint32_t ino, uint32_t block,
                       unsigned levels, uint64_t index, struct counted *sum)
{
    struct ext2check *check = found->own;
    uint64_t reach = 1;
    bool good;

    if (block == 0)
        return;
    good = in_volume(check, block) && check->owners[block] == 0;
    ext2check_claim(found, block, ino);
    sum->blocks++;
    if (levels == 0) {
        sum->data++;
        sum->end = index + 1;
        return;
    }
    for (unsigned i = 1; i < levels; i++)
        reach *= check->block_size / 4;
    for (uint32_t i = 0; good && i < check->block_size / 4; i++)
        claim_tree(found, ino, get32(block_at(check, block) + 4 * i),
                   levels - 1, index + i * reach, sum);
}

static void claim_file(struct found *found, uint32_t ino, const uint8_t *raw,
                       struct counted *sum)
{
    struct ext2check *check = found->own;
    uint64_t reach = 1, index = DIRECT;

    for (unsigned i = 0; i < DIRECT; i++)
        claim_tree(found, ino, get32(raw + 40 + 4 * i), 0, i, sum);
    for (unsigned levels = 1; levels <= 3; levels++) {
        claim_tree(found, ino, get32(raw + 40 + 4 * (DIRECT + levels - 1)),
                   levels, index, sum);
        reach *= check->block_size / 4;
        index += reach;
    }
}

/* ---------------------------------------------------------------- inodes */

bool ext2check_has_map(uint32_t mode, uint64_t size, uint64_t blocks)
{
    switch (mode & SHALE_S_IFMT) {
    case SHALE_S_IFREG:
    case SHALE_S_IFDIR:
        return true;
    case SHALE_S_IFLNK:
        return size >= 60 || blocks > 0;
    default:
        return false;
    }
}

static bool is_file_mode(uint32_t mode)
{
    static const uint32_t types[] = {
        SHALE_S_IFREG, SHALE_S_IFDIR, SHALE_S_IFLNK, SHALE_S_IFCHR,
        SHALE_S_IFBLK, SHALE_S_IFIFO, SHALE_S_IFSOCK,
    };

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if ((mode & SHALE_S_IFMT) == types[i])
            return true;
    return false;
}

/* The block of attributes that an inode shares with others, if it has one. */
static void claim_attributes(struct found *found, uint32_t ino, uint32_t block)
{
    struct ext2check *check = found->own;
    uint32_t users = 0;

    if (!in_volume(check, block)) {
        fault(found, FOUND_BAD, "inode %u has attributes in block %u", ino,
              block);
        return;
    }
    if (get32(block_at(check, block)) != 0xea020000)
        fault(found, FOUND_BAD, "inode %u: block %u has no attributes", ino,
              block);
    /* The first to have it owns it, and counts the others. */
    if (check->owners[block] != 0 &&
        check->owners[block] != EXT2CHECK_METADATA &&
        get32(check->inodes[check->owners[block]].raw + 104) == block)
        return;
    ext2check_claim(found, block, ino);
    for (uint32_t other = 1; other <= check->inode_count; other++)
        if (check->inodes[other].used &&
            get32(check->inodes[other].raw + 104) == block)
            users++;
    if (get32(block_at(check, block) + 4) != users)
        fault(found, FOUND_STEPS, "attributes in block %u: %u users, not %u",
              block, users, get32(block_at(check, block) + 4));
}

static void take_inode(struct found *found, uint32_t ino)
{
    struct ext2check *check = found->own;
    struct ext2check_inode *inode = &check->inodes[ino];
    const uint8_t *raw = inode->raw;
    uint32_t mode = get16(raw), acl = get32(raw + 104);
    uint32_t unit = check->block_size / 512;
    struct counted sum = { 0, 0, 0 };
    uint64_t wanted, ends;

    if (ino != JOURNAL_INO && ino != RESIZE_INO && !is_file_mode(mode))
        fault(found, FOUND_BAD, "inode %u has mode %o", ino, mode);
    if (acl != 0) {
        claim_attributes(found, ino, acl);
        sum.blocks++;
    }
    if (ino == RESIZE_INO) {
        /* What its one double indirect block leads to is metadata. */
        ext2check_claim(found, get32(raw + 40 + 4 * 13), ino);
        return;
    }
    wanted = get32(raw + 28);
    if (ext2check_has_map(mode, inode->size, wanted - sum.blocks * unit))
        claim_file(found, ino, raw, &sum);
    if (wanted != sum.blocks * unit)
        fault(found, FOUND_STEPS, "inode %u has %llu blocks, and says %llu "
              "sectors", ino, (unsigned long long)sum.blocks,
              (unsigned long long)wanted);
    ends = (inode->size + check->block_size - 1) / check->block_size;
    if (sum.end > ends && !inode->orphan)
        fault(found, FOUND_STEPS, "inode %u has a block behind its end", ino);
    if ((mode & SHALE_S_IFMT) == SHALE_S_IFDIR && !inode->orphan &&
        (inode->size % check->block_size != 0 || sum.data != ends))
        fault(found, sum.data == sum.end ? FOUND_STEPS : FOUND_BAD,
              "directory %u is not whole", ino);
}

static void take_orphans(struct found *found)
{
    struct ext2check *check = found->own;
    uint32_t count = 0;

    for (uint32_t ino = check->last_orphan; ino != 0;) {
        struct ext2check_inode *inode;

        if (ino < check->first_ino || ino > check->inode_count ||
            ++count > check->inode_count) {
            fault(found, FOUND_BAD, "inode %u cannot be on the list of "
                  "orphans", ino);
            return;
        }
        fault(found, FOUND_LEFT, "inode %u is an orphan", ino);
        inode = &check->inodes[ino];
        if (inode->orphan) {
            fault(found, FOUND_BAD, "the list of orphans has no end");
            return;
        }
        inode->orphan = inode->used = true;
        ino = get32(inode->raw + 20);
    }
}

void ext2check_inodes(struct found *found)
{
    struct ext2check *check = found->own;

    check->inodes = ext2check_zeros(check->inodes, &check->inode_room,
                                    check->inode_count + 1,
                                    sizeof *check->inodes);
    for (uint32_t ino = 1; ino <= check->inode_count; ino++) {
        struct ext2check_inode *inode = &check->inodes[ino];

        inode->raw = ext2check_inode_at(check, ino);
        inode->size = get32(inode->raw + 4);
        if ((get16(inode->raw) & SHALE_S_IFMT) == SHALE_S_IFREG)
            inode->size |= (uint64_t)get32(inode->raw + 108) << 32;
        inode->used = get16(inode->raw + 26) > 0;
    }
    if (!(check->compat & COMPAT_JOURNAL) && check->inodes[JOURNAL_INO].used) {
        /* It counts as free, blocks and all. */
        fault(found, FOUND_LEFT, "a journal is left that nobody has");
        check->inodes[JOURNAL_INO].used = false;
    }
    take_orphans(found);
    for (uint32_t ino = 1; ino <= check->inode_count; ino++)
        if (check->inodes[ino].used)
            take_inode(found, ino);
}
