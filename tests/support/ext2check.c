/*
 * ext2check.c - another opinion on an ext2 or ext3 volume, in memory
 *
 * Here are the superblock, the groups, and what is free. Facts: the kernel's
 * "ext4 Data Structures and Algorithms", chapters 2 to 4, and 3.6 on the
 * journal.
 */
#include "ext2check_own.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ext2check_fault(struct found *found, unsigned kind, const char *format,
                     ...)
{
    struct ext2check *check = found->own;
    va_list args;

    found->faults |= kind;
    if (check->said_kind >= kind)
        return;
    check->said_kind = kind;
    va_start(args, format);
    vsnprintf(check->said, sizeof check->said, format, args);
    va_end(args);
}

void *ext2check_zeros(void *old, uint32_t *room, uint32_t count, size_t size)
{
    if (count > *room) {
        old = realloc(old, count * size);
        if (!old)
            abort();
        *room = count;
    }
    memset(old, 0, count * size);
    return old;
}

/* ------------------------------------------------------------- geometry */

const uint8_t *ext2check_super(const struct ext2check *check)
{
    if (check->block_size == 1024)
        return block_at(check, 1);
    return block_at(check, 0) + SUPER;
}

static void take_super(struct ext2check *check, const uint8_t *s)
{
    check->inode_count = get32(s);
    check->block_count = get32(s + 4);
    check->first_block = get32(s + 20);
    check->block_size = 1024u << (get32(s + 24) & 7);
    check->blocks_per_group = get32(s + 32);
    check->inodes_per_group = get32(s + 40);
    check->state = get16(s + 58);
    check->first_ino = get32(s + 76) == 0 ? 11 : get32(s + 84);
    check->inode_size = get32(s + 76) == 0 ? 128 : get16(s + 88);
    check->compat = get32(s + 92);
    check->incompat = get32(s + 96);
    check->ro_compat = get32(s + 100);
    check->reserved_desc = get16(s + 206);
    check->last_orphan = get32(s + 232);
}

static bool read_super(struct found *found)
{
    struct ext2check *check = found->own;
    const uint8_t *s = check->image + SUPER;

    if (check->size < 2 * SUPER || get16(s + 56) != 0xef53)
        return false;
    take_super(check, s);
    if (check->blocks_per_group == 0 || check->inodes_per_group == 0 ||
        check->blocks_per_group > 8 * check->block_size ||
        check->inodes_per_group > 8 * check->block_size ||
        check->inode_size < 128 || check->inode_size > check->block_size ||
        check->block_count <= check->first_block ||
        (uint64_t)check->block_count * check->block_size > check->size)
        return false;
    check->groups = (check->block_count - check->first_block +
                     check->blocks_per_group - 1) / check->blocks_per_group;
    if (check->inode_count != check->groups * check->inodes_per_group)
        return false;
    check->desc_blocks = (check->groups * 32 + check->block_size - 1) /
                         check->block_size;
    check->table_blocks = (check->inodes_per_group * check->inode_size +
                           check->block_size - 1) / check->block_size;
    return (check->incompat & ~(uint32_t)INCOMPAT_KNOWN) == 0;
}

static bool is_power(uint32_t n, uint32_t of)
{
    while (n % of == 0)
        n /= of;
    return n == 1;
}

static bool has_super(const struct ext2check *check, uint32_t group)
{
    return group <= 1 || !(check->ro_compat & RO_COMPAT_SPARSE) ||
           is_power(group, 3) || is_power(group, 5) || is_power(group, 7);
}

static const uint8_t *group_at(const struct ext2check *check, uint32_t group)
{
    uint32_t per_block = check->block_size / 32;

    return block_at(check, check->first_block + 1 + group / per_block) +
           group % per_block * 32;
}

const uint8_t *ext2check_inode_at(const struct ext2check *check, uint32_t ino)
{
    uint32_t group = (ino - 1) / check->inodes_per_group;
    uint32_t at = (ino - 1) % check->inodes_per_group * check->inode_size;
    uint32_t table = get32(group_at(check, group) + 8);

    return block_at(check, table + at / check->block_size) +
           at % check->block_size;
}

/* Are the bitmaps and tables where they can be? */
static bool read_groups(struct found *found)
{
    const struct ext2check *check = found->own;

    for (uint32_t group = 0; group < check->groups; group++) {
        const uint8_t *d = group_at(check, group);

        if (!in_volume(check, get32(d)) || !in_volume(check, get32(d + 4)) ||
            !in_volume(check, get32(d + 8)) ||
            check->block_count - get32(d + 8) < check->table_blocks)
            return false;
    }
    return true;
}

/* ----------------------------------------------------------------- space */

static void claim_metadata(struct found *found)
{
    struct ext2check *check = found->own;

    for (uint32_t group = 0; group < check->groups; group++) {
        uint32_t first = check->first_block + group * check->blocks_per_group;
        const uint8_t *d = group_at(check, group);
        uint32_t count = 1 + check->desc_blocks + check->reserved_desc;

        for (uint32_t i = 0; has_super(check, group) && i < count; i++)
            ext2check_claim(found, first + i, EXT2CHECK_METADATA);
        ext2check_claim(found, get32(d), EXT2CHECK_METADATA);
        ext2check_claim(found, get32(d + 4), EXT2CHECK_METADATA);
        for (uint32_t i = 0; i < check->table_blocks; i++)
            ext2check_claim(found, get32(d + 8) + i, EXT2CHECK_METADATA);
    }
}

/* A thing is USED or not, and MARKED so or not. */
static void check_mark(struct found *found, bool used, bool marked,
                       const char *what, uint32_t number)
{
    if (used && !marked)
        fault(found, FOUND_BAD, "%s %u is in use, and marked as free", what,
              number);
    else if (!used && marked)
        fault(found, FOUND_LEFT, "%s %u is free, and marked as in use", what,
              number);
}

static void check_count(struct found *found, uint32_t group, const char *what,
                        uint32_t is, uint32_t says)
{
    if (is != says)
        fault(found, FOUND_LEFT, "group %u has %u %s, and says %u", group, is,
              what, says);
}

static void check_space(struct found *found)
{
    struct ext2check *check = found->own;
    uint32_t free_blocks = 0, free_inodes = 0;

    for (uint32_t group = 0; group < check->groups; group++) {
        uint32_t first = check->first_block + group * check->blocks_per_group;
        const uint8_t *d = group_at(check, group);
        const uint8_t *blocks = block_at(check, get32(d));
        const uint8_t *inodes = block_at(check, get32(d + 4));
        uint32_t left = 0, inodes_left = 0, dirs = 0;

        for (uint32_t i = 0; i < check->blocks_per_group &&
             first + i < check->block_count; i++) {
            check_mark(found, check->owners[first + i] != 0, bit(blocks, i),
                       "block", first + i);
            left += !bit(blocks, i);
        }
        for (uint32_t i = 0; i < check->inodes_per_group; i++) {
            uint32_t ino = group * check->inodes_per_group + i + 1;
            const struct ext2check_inode *inode = &check->inodes[ino];

            check_mark(found, inode->used || ino < check->first_ino,
                       bit(inodes, i), "inode", ino);
            inodes_left += !bit(inodes, i);
            dirs += bit(inodes, i) && inode->used &&
                    type_of(get16(inode->raw)) == SHALE_TYPE_DIR;
        }
        check_count(found, group, "free blocks", left, get16(d + 12));
        check_count(found, group, "free inodes", inodes_left, get16(d + 14));
        check_count(found, group, "directories", dirs, get16(d + 16));
        free_blocks += left;
        free_inodes += inodes_left;
    }
    if (get32(ext2check_super(check) + 12) != free_blocks ||
        get32(ext2check_super(check) + 16) != free_inodes)
        fault(found, FOUND_LEFT, "the superblock has %u free blocks and %u "
              "inodes, not %u and %u", get32(ext2check_super(check) + 12),
              get32(ext2check_super(check) + 16), free_blocks, free_inodes);
}

/* ------------------------------------------------------------- the volume */

void ext2check_look(struct found *found, const uint8_t *image, uint64_t size)
{
    struct ext2check *check = found->own;

    if (!check) {
        found->own = check = calloc(1, sizeof *check);
        if (!check)
            abort();
    }
    check->image = image;
    check->size = size;
    check->said_kind = 0;
    check->said[0] = '\0';
    check->recovering = false;
    found->said = check->said;
    if (!read_super(found) || !read_groups(found)) {
        fault(found, FOUND_BAD, "no ext2 volume");
        return;
    }
    if (check->incompat & INCOMPAT_RECOVER) {
        fault(found, FOUND_LEFT, "the journal is not empty");
        ext2check_journal(found);
        take_super(check, ext2check_super(check));
        if (!read_groups(found)) {
            fault(found, FOUND_BAD, "no ext2 volume after replay");
            return;
        }
    }
    if (!(check->state & STATE_VALID))
        fault(found, FOUND_LEFT, "not marked as clean");
    check->owners = ext2check_zeros(check->owners, &check->owner_room,
                                    check->block_count, sizeof *check->owners);
    claim_metadata(found);
    ext2check_inodes(found);
    ext2check_names(found);
    check_space(found);
}

bool ext2check_read(const struct found *found, size_t entry, void *buf,
                    size_t len, uint64_t offset)
{
    const struct ext2check *check = found->own;
    const struct ext2check_inode *inode =
        &check->inodes[found->entries[entry].ino];
    uint8_t *out = buf;

    if (found->entries[entry].type == SHALE_TYPE_SYMLINK &&
        !ext2check_has_map(get16(inode->raw), inode->size, 0)) {
        memcpy(out, inode->raw + 40 + offset, len);
        return true;
    }
    while (len > 0) {
        uint32_t within = (uint32_t)(offset % check->block_size);
        uint32_t block = ext2check_map(check, inode->raw,
                                       offset / check->block_size);
        size_t part = check->block_size - within;

        if (part > len)
            part = len;
        if (block == 0)
            memset(out, 0, part);
        else
            memcpy(out, block_at(check, block) + within, part);
        out += part;
        offset += part;
        len -= part;
    }
    return true;
}

void ext2check_free(struct found *found)
{
    struct ext2check *check = found->own;

    free(check->over);
    free(check->escaped);
    free(check->owners);
    free(check->inodes);
    free(check->journal);
    free(check->text);
    free(check);
}
