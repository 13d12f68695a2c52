/*
 * ext2check.c - another opinion on an ext2 or ext3 volume, in memory
 *
 * Every block has one owner: an inode, or the format itself. Directories are
 * taken in the order in which they are found, so the list of entries is the
 * queue of directories too. The index of a directory is e2fsck's to look at:
 * here it is records that are not in use. Facts: the kernel's "ext4 Data
 * Structures and Algorithms", chapters 2 to 4, and 3.6 on the journal.
 */
#include "ext2check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SUPER = 1024,               /* byte of the volume, and its size */
    ROOT_INO = 2,
    RESIZE_INO = 7,
    JOURNAL_INO = 8,
    DIRECT = 12,
    COMPAT_JOURNAL = 0x4,
    COMPAT_ATTR = 0x8,
    INCOMPAT_FILETYPE = 0x2,
    INCOMPAT_RECOVER = 0x4,
    INCOMPAT_KNOWN = 0x2 | 0x4,
    RO_COMPAT_SPARSE = 0x1,
    STATE_VALID = 1,
    DUPLICATES_MAX = 300,       /* names that are compared with each other */
};

static const uint32_t metadata = UINT32_MAX;    /* an owner */

static void fault(struct found *found, unsigned kind, const char *format, ...)
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

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t get32(const uint8_t *at)
{
    return get16(at) | (uint32_t)get16(at + 2) << 16;
}

/* The journal's numbers are the other way round. */
static uint32_t big32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
           (uint32_t)at[2] << 8 | at[3];
}

static void *zeros(void *old, uint32_t *room, uint32_t count, size_t size)
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

static const uint8_t *block_at(const struct ext2check *check, uint32_t block)
{
    if (check->recovering && check->over[block])
        return check->over[block];
    return check->image + (uint64_t)block * check->block_size;
}

static bool in_volume(const struct ext2check *check, uint32_t block)
{
    return block >= check->first_block && block < check->block_count;
}

/* ------------------------------------------------------------- geometry */

static const uint8_t *super_of(const struct ext2check *check)
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

static const uint8_t *inode_at(const struct ext2check *check, uint32_t ino)
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

/* ------------------------------------------------------------- block maps */

/* Which block has number INDEX of the file at RAW? 0: none. */
static uint32_t map(const struct ext2check *check, const uint8_t *raw,
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

static void claim(struct found *found, uint32_t block, uint32_t owner)
{
    struct ext2check *check = found->own;

    if (!in_volume(check, block))
        fault(found, FOUND_BAD, "inode %u has block %u, off the volume", owner,
              block);
    else if (check->owners[block] != 0)
        fault(found, FOUND_BAD, "block %u is in inode %u and in %s %u", block,
              owner, check->owners[block] == metadata ? "metadata" : "inode",
              check->owners[block]);
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
    claim(found, block, ino);
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

/* ---------------------------------------------------------- the journal */

/* One block of the log, and the number of the next one. */
static const uint8_t *log_block(const struct ext2check *check, uint32_t *at,
                                uint32_t first, uint32_t max)
{
    const uint8_t *bytes = check->image + (uint64_t)check->journal[*at] *
                           check->block_size;

    *at = *at + 1 == max ? first : *at + 1;
    return bytes;
}

static const uint8_t *unescape(struct ext2check *check, const uint8_t *bytes)
{
    static const uint8_t magic[4] = { 0xc0, 0x3b, 0x39, 0x98 };
    uint8_t *copy;

    if (check->escaped_count == check->escaped_room)
        return NULL;
    copy = check->escaped + (size_t)check->escaped_count++ * check->block_size;
    memcpy(copy, bytes, check->block_size);
    memcpy(copy, magic, sizeof magic);
    return copy;
}

/*
 * Go through the transaction whose descriptor block is D; *AT is after it. If
 * APPLY, its images are what is on the volume.
 */
static void take_tags(struct found *found, const uint8_t *d, uint32_t *at,
                      uint32_t first, uint32_t max, bool apply)
{
    struct ext2check *check = found->own;
    uint32_t flags = 0;

    for (uint32_t tag = 12; !(flags & 8) && tag + 8 <= check->block_size;) {
        uint32_t block = big32(d + tag);
        const uint8_t *bytes = log_block(check, at, first, max);

        flags = big32(d + tag + 4) & 0xffff;
        tag += flags & 2 ? 8 : 24;
        if (!apply)
            continue;
        if (block >= check->block_count) {
            fault(found, FOUND_BAD, "the journal has block %u", block);
            return;
        }
        check->over[block] = flags & 1 ? unescape(check, bytes) : bytes;
        if (!check->over[block])
            fault(found, FOUND_BAD, "more escaped blocks than possible");
    }
}

/* Transaction SEQUENCE at *AT: is it whole? Then *AT is after it. */
static bool take_transaction(struct found *found, uint32_t *at, uint32_t first,
                             uint32_t max, uint32_t sequence, bool apply)
{
    struct ext2check *check = found->own;
    uint32_t now = *at;

    for (uint32_t blocks = 0; blocks < max; blocks++) {
        const uint8_t *b = log_block(check, &now, first, max);

        if (big32(b) != 0xc03b3998 || big32(b + 8) != sequence)
            return false;
        switch (big32(b + 4)) {
        case 1:
            take_tags(found, b, &now, first, max, apply);
            break;
        case 2:
            *at = now;
            return true;
        default:
            /* Nothing of ours is ever revoked. */
            fault(found, FOUND_BAD, "the journal has a block of type %u",
                  big32(b + 4));
            return false;
        }
    }
    return false;
}

static void replay(struct found *found)
{
    struct ext2check *check = found->own;
    const uint8_t *raw = inode_at(check, JOURNAL_INO), *s;
    uint32_t max, first, start, sequence;

    check->journal_count = (uint32_t)(get32(raw + 4) / check->block_size);
    if (check->journal_count > check->block_count) {
        fault(found, FOUND_BAD, "the journal is too long");
        return;
    }
    check->journal = zeros(check->journal, &check->journal_room,
                           check->journal_count, sizeof *check->journal);
    for (uint32_t i = 0; i < check->journal_count; i++) {
        check->journal[i] = map(check, raw, i);
        if (check->journal[i] == 0) {
            fault(found, FOUND_BAD, "the journal has a hole at %u", i);
            return;
        }
    }
    if (check->journal_count == 0) {
        fault(found, FOUND_BAD, "there is no journal");
        return;
    }
    s = check->image + (uint64_t)check->journal[0] * check->block_size;
    max = big32(s + 16);
    first = big32(s + 20);
    sequence = big32(s + 24);
    start = big32(s + 28);
    if (big32(s) != 0xc03b3998 || (big32(s + 4) != 3 && big32(s + 4) != 4) ||
        big32(s + 12) != check->block_size || max > check->journal_count ||
        first == 0 || first >= max || start >= max ||
        (big32(s + 4) == 4 && big32(s + 40) != 0)) {
        fault(found, FOUND_BAD, "the journal's superblock is not one");
        return;
    }
    if (start == 0)
        return;
    check->over = zeros(check->over, &check->over_room, check->block_count,
                        sizeof *check->over);
    check->recovering = true;
    check->escaped_count = 0;
    if (!check->escaped) {
        check->escaped_room = 64;
        check->escaped = malloc((size_t)check->escaped_room * 65536);
        if (!check->escaped)
            abort();
    }
    for (uint32_t at = start, now = at;
         take_transaction(found, &now, first, max, sequence, false);
         at = now, sequence++) {
        uint32_t again = at;

        take_transaction(found, &again, first, max, sequence, true);
    }
}

/* ---------------------------------------------------------------- inodes */

static bool has_map(uint32_t mode, uint64_t size, uint64_t blocks)
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
    if (check->owners[block] != 0 && check->owners[block] != metadata &&
        get32(check->inodes[check->owners[block]].raw + 104) == block)
        return;
    claim(found, block, ino);
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
        claim(found, get32(raw + 40 + 4 * 13), ino);
        return;
    }
    wanted = get32(raw + 28);
    if (has_map(mode, inode->size, wanted - sum.blocks * unit))
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

static void take_inodes(struct found *found)
{
    struct ext2check *check = found->own;

    check->inodes = zeros(check->inodes, &check->inode_room,
                          check->inode_count + 1, sizeof *check->inodes);
    for (uint32_t ino = 1; ino <= check->inode_count; ino++) {
        struct ext2check_inode *inode = &check->inodes[ino];

        inode->raw = inode_at(check, ino);
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

/* ----------------------------------------------------------- directories */

static enum shale_type type_of(uint32_t mode)
{
    switch (mode & SHALE_S_IFMT) {
    case SHALE_S_IFREG:
        return SHALE_TYPE_FILE;
    case SHALE_S_IFDIR:
        return SHALE_TYPE_DIR;
    case SHALE_S_IFLNK:
        return SHALE_TYPE_SYMLINK;
    case SHALE_S_IFCHR:
        return SHALE_TYPE_CHAR;
    case SHALE_S_IFBLK:
        return SHALE_TYPE_BLOCK;
    case SHALE_S_IFIFO:
        return SHALE_TYPE_FIFO;
    case SHALE_S_IFSOCK:
        return SHALE_TYPE_SOCKET;
    default:
        return SHALE_TYPE_UNKNOWN;
    }
}

/* What a directory's record says, as enum shale_type has it. */
static const enum shale_type record_types[8] = {
    SHALE_TYPE_UNKNOWN, SHALE_TYPE_FILE, SHALE_TYPE_DIR, SHALE_TYPE_CHAR,
    SHALE_TYPE_BLOCK, SHALE_TYPE_FIFO, SHALE_TYPE_SOCKET, SHALE_TYPE_SYMLINK,
};

/* Names are kept as offsets until all are known: the text moves. */
static size_t keep_text(struct ext2check *check, const void *name, size_t len)
{
    size_t at = check->text_len;

    if (at + len + 1 > check->text_room) {
        check->text_room = (at + len + 1) * 2 + 4096;
        check->text = realloc(check->text, check->text_room);
        if (!check->text)
            abort();
    }
    memcpy(check->text + at, name, len);
    check->text[at + len] = '\0';
    check->text_len = at + len + 1;
    return at;
}

static void add_entry(struct found *found, size_t dir, uint32_t ino,
                      const void *name, size_t len)
{
    struct ext2check *check = found->own;
    struct found_entry *entry = found_add(found);
    const uint8_t *raw = check->inodes[ino].raw;

    entry->parent = dir;
    entry->ino = ino;
    entry->mode = get16(raw);
    entry->uid = get16(raw + 2) | (uint32_t)get16(raw + 120) << 16;
    entry->gid = get16(raw + 24) | (uint32_t)get16(raw + 122) << 16;
    entry->type = type_of(entry->mode);
    if (entry->type == SHALE_TYPE_FILE || entry->type == SHALE_TYPE_SYMLINK)
        entry->size = check->inodes[ino].size;
    entry->place = keep_text(check, name, len);
}

/* A record of DIR that is in use, the NUMBERth of them. */
static void take_record(struct found *found, size_t dir, const uint8_t *record,
                        unsigned number)
{
    struct ext2check *check = found->own;
    uint32_t ino = get32(record), self = (uint32_t)found->entries[dir].ino;
    uint8_t len = record[6], type = record[7];
    const uint8_t *name = record + 8;
    struct ext2check_inode *inode;
    bool dots = number < 2;

    if (ino > check->inode_count || (ino < check->first_ino &&
                                     ino != ROOT_INO)) {
        fault(found, FOUND_BAD, "'%.*s' in directory %u is inode %u", len,
              (const char *)name, self, ino);
        return;
    }
    if (!check->inodes[ino].used) {
        fault(found, dots ? FOUND_BAD : FOUND_STEPS, "'%.*s' in directory %u "
              "is inode %u, which is not in use", len, (const char *)name,
              self, ino);
        return;
    }
    inode = &check->inodes[ino];
    inode->names++;
    if ((check->incompat & INCOMPAT_FILETYPE) &&
        (type > 7 || record_types[type] != type_of(get16(inode->raw))))
        fault(found, FOUND_BAD, "'%.*s' in directory %u is not of type %u",
              len, (const char *)name, self, type);
    if (dots) {
        if (len != number + 1 || memcmp(name, "..", len) != 0 ||
            ino != (number == 0 ? self : inode == &check->inodes[ROOT_INO] &&
                    self == ROOT_INO ? ROOT_INO : check->inodes[self].parent))
            fault(found, number == 1 ? FOUND_RENAMED : FOUND_BAD,
                  "directory %u: '%.*s' is inode %u", self, len,
                  (const char *)name, ino);
        return;
    }
    if (type_of(get16(inode->raw)) == SHALE_TYPE_DIR) {
        if (inode->parent != 0 || ino == ROOT_INO) {
            fault(found, FOUND_RENAMED, "directory %u is in directories %u and "
                  "%u", ino, inode->parent, self);
            return;
        }
        inode->parent = self;
    }
    if (memchr(name, '/', len) || memchr(name, '\0', len) ||
        (len < 3 && memcmp(name, "..", len) == 0))
        fault(found, FOUND_BAD, "directory %u has a name that is none", self);
    add_entry(found, dir, ino, name, len);
}

static void take_dir(struct found *found, size_t dir)
{
    struct ext2check *check = found->own;
    uint32_t self = (uint32_t)found->entries[dir].ino;
    const struct ext2check_inode *inode = &check->inodes[self];
    size_t first = found->count;
    unsigned number = 0;

    for (uint64_t i = 0; i < inode->size / check->block_size; i++) {
        uint32_t block = map(check, inode->raw, i);
        const uint8_t *bytes = block_at(check, block);

        for (uint32_t at = 0; block != 0 && at < check->block_size;) {
            uint32_t len = get16(bytes + at + 4);
            uint32_t needed = 8 + (uint32_t)bytes[at + 6];

            if (check->block_size == 65536 && (len == 0 || len == 65535))
                len = 65536;    /* which has no 16 bits */
            if (len % 4 != 0 || len < 12 || len > check->block_size - at ||
                (get32(bytes + at) != 0 && needed > len)) {
                fault(found, FOUND_BAD, "directory %u, block %u, byte %u: a "
                      "record of %u bytes", self, (unsigned)i, at, len);
                break;
            }
            if (get32(bytes + at) != 0 && bytes[at + 6] == 0)
                fault(found, FOUND_BAD, "directory %u has an empty name",
                      self);
            else if (get32(bytes + at) != 0)
                take_record(found, dir, bytes + at, number++);
            at += len;
        }
    }
    if (number < 2)
        fault(found, FOUND_BAD, "directory %u has no '..'", self);
    for (size_t i = first; i < found->count && i - first < DUPLICATES_MAX; i++)
        for (size_t k = first; k < i; k++)
            if (strcmp(check->text + found->entries[i].place,
                       check->text + found->entries[k].place) == 0)
                fault(found, FOUND_BAD, "directory %u has '%s' twice", self,
                      check->text + found->entries[i].place);
}

static void take_tree(struct found *found)
{
    struct ext2check *check = found->own;

    check->text_len = 0;
    if (!check->inodes[ROOT_INO].used ||
        type_of(get16(check->inodes[ROOT_INO].raw)) != SHALE_TYPE_DIR) {
        fault(found, FOUND_BAD, "there is no root");
        return;
    }
    add_entry(found, 0, ROOT_INO, "", 0);
    for (size_t i = 0; i < found->count; i++)
        if (found->entries[i].type == SHALE_TYPE_DIR)
            take_dir(found, i);
    for (size_t i = 0; i < found->count; i++)
        found->entries[i].name = check->text + found->entries[i].place;
}

static void check_links(struct found *found)
{
    struct ext2check *check = found->own;

    for (uint32_t ino = ROOT_INO; ino <= check->inode_count; ino++) {
        const struct ext2check_inode *inode = &check->inodes[ino];
        uint32_t links = get16(inode->raw + 26);

        if ((ino > ROOT_INO && ino < check->first_ino) || !inode->used)
            continue;
        if (inode->names == 0 && links > 0)
            fault(found, type_of(get16(inode->raw)) == SHALE_TYPE_DIR
                         ? FOUND_RENAMED : FOUND_BAD,
                  "inode %u has no name", ino);
        else if (inode->names != links)
            fault(found, FOUND_STEPS, "inode %u has %u names, not %u", ino,
                  inode->names, links);
        if (type_of(get16(inode->raw)) == SHALE_TYPE_DIR && links > 0 &&
            ino != ROOT_INO && inode->parent == 0)
            fault(found, FOUND_RENAMED, "directory %u is in none", ino);
    }
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
            claim(found, first + i, metadata);
        claim(found, get32(d), metadata);
        claim(found, get32(d + 4), metadata);
        for (uint32_t i = 0; i < check->table_blocks; i++)
            claim(found, get32(d + 8) + i, metadata);
    }
}

static bool bit(const uint8_t *bits, uint32_t number)
{
    return bits[number / 8] >> number % 8 & 1;
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
    if (get32(super_of(check) + 12) != free_blocks ||
        get32(super_of(check) + 16) != free_inodes)
        fault(found, FOUND_LEFT, "the superblock has %u free blocks and %u "
              "inodes, not %u and %u", get32(super_of(check) + 12),
              get32(super_of(check) + 16), free_blocks, free_inodes);
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
        replay(found);
        take_super(check, super_of(check));
        if (!read_groups(found)) {
            fault(found, FOUND_BAD, "no ext2 volume after replay");
            return;
        }
    }
    if (!(check->state & STATE_VALID))
        fault(found, FOUND_LEFT, "not marked as clean");
    check->owners = zeros(check->owners, &check->owner_room,
                          check->block_count, sizeof *check->owners);
    claim_metadata(found);
    take_inodes(found);
    take_tree(found);
    check_links(found);
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
        !has_map(get16(inode->raw), inode->size, 0)) {
        memcpy(out, inode->raw + 40 + offset, len);
        return true;
    }
    while (len > 0) {
        uint32_t within = (uint32_t)(offset % check->block_size);
        uint32_t block = map(check, inode->raw, offset / check->block_size);
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
