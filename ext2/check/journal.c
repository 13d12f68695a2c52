/*
 * journal.c - the journal's inode and its superblock
 *
 * The journal is not replayed, and what only it has is not seen: the check is
 * of what is in its place. So a journal with something in it is told of, as
 * advice, since it is as it should be.
 */
#include "ext2/check/check.h"
#include "ext2/journal_disk.h"
#include "memfn.h"

#define SUPER_CHECKSUM_AT   0xfc
#define KNOWN_INCOMPAT      0x3fu
#define KNOWN_COMPAT        JOURNAL_COMPAT_CHECKSUM
#define TREE_DEPTH_MAX      5u

static size_t length(const char *text)
{
    size_t len = 0;

    while (text[len])
        len++;
    return len;
}

static void tell_inode(struct ext2_check *c, uint32_t ino, const char *what)
{
    ext2_tell_inode(c, JOURNAL_INVALID, ext2_check_inode_at(c, ino), ino,
                    .name = what, .len = length(what));
}

static void tell_super(struct ext2_check *c, uint64_t at, const char *what)
{
    ext2_tell(c, JOURNAL_SUPER, at, .name = what, .len = length(what));
}

static void tell_flag(struct ext2_check *c, const char *what)
{
    ext2_tell(c, JOURNAL_FLAG, EXT2_AT_SUPER(c, incompat), .name = what,
              .len = length(what));
}

/* ------------------------------------------------- where the journal begins */

static uint32_t get16(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8;
}

static uint32_t get32(const uint8_t *b)
{
    return get16(b) | get16(b + 2) << 16;
}

/* Go down the extent tree's left side. *BLOCK is 0 if that leads nowhere. */
static int first_of_extents(struct ext2_check *c, const uint8_t *root,
                            uint8_t *buf, uint64_t *block)
{
    const uint8_t *node = root;
    int err = 0;

    *block = 0;
    for (unsigned i = 0; i <= TREE_DEPTH_MAX && !err; i++) {
        uint32_t depth = get16(node + 6);
        uint64_t below;

        if (get16(node) != 0xf30a || get16(node + 2) == 0 ||
            get32(node + 12) != 0)
            return 0;
        if (depth == 0) {
            *block = get32(node + 20) | (uint64_t)get16(node + 18) << 32;
            return 0;
        }
        below = get32(node + 16) | (uint64_t)get16(node + 20) << 32;
        if (!ext2_check_fits(c, below, 1))
            return 0;
        err = check_read(c->check, ext2_check_at(c, below), buf,
                         c->super.block_size);
        node = buf;
    }
    return err == SHALE_EIO ? 0 : err;
}

/* ---------------------------------------------------------- the superblock */

static bool sum_wrong(const struct ext2_check *c,
                      const struct journal_disk_super *raw)
{
    uint32_t wanted = JOURNAL_INCOMPAT_CSUM_V2 | JOURNAL_INCOMPAT_CSUM_V3;

    if (!(be32_get(raw->incompat) & wanted))
        return false;
    return be32_get(raw->checksum) !=
           ext2_check_crc_without(c, ~UINT32_C(0), raw, sizeof *raw,
                                  SUPER_CHECKSUM_AT, 4);
}

/* What is wrong with it; NULL: nothing. */
static const char *wrong(const struct ext2_check *c,
                         const struct journal_disk_super *raw,
                         uint64_t file_blocks)
{
    uint32_t both = JOURNAL_INCOMPAT_CSUM_V2 | JOURNAL_INCOMPAT_CSUM_V3;
    uint32_t type = be32_get(raw->header.type);

    if (be32_get(raw->header.magic) != JOURNAL_MAGIC)
        return "does not have the right magic number";
    if (type != JOURNAL_SUPER_V1 && type != JOURNAL_SUPER_V2)
        return "is of a type that is not known";
    if (be32_get(raw->block_size) != c->super.block_size)
        return "has another block size than the volume";
    if (be32_get(raw->blocks) < JOURNAL_MIN_BLOCKS ||
        be32_get(raw->blocks) > file_blocks)
        return "says that it has more blocks than its file, or too few";
    if (be32_get(raw->first) == 0 ||
        be32_get(raw->first) >= be32_get(raw->blocks) ||
        be32_get(raw->start) >= be32_get(raw->blocks))
        return "says that the log is not within it";
    if (type == JOURNAL_SUPER_V1)
        return NULL;
    if (be32_get(raw->users) > 1)
        return "says that several volumes use it";
    if ((be32_get(raw->incompat) & ~KNOWN_INCOMPAT) ||
        be32_get(raw->ro_compat) != 0)
        return "has features that are not known";
    if ((be32_get(raw->incompat) & both) == both)
        return "has two kinds of checksums";
    return sum_wrong(c, raw) ? "has a wrong checksum" : NULL;
}

/* Where a user of the journal is named, the volume must be. */
static void check_super(struct ext2_check *c, uint64_t at,
                        const struct journal_disk_super *raw,
                        uint64_t file_blocks)
{
    const char *what = wrong(c, raw, file_blocks);
    bool recover = c->super.incompat & EXT2_INCOMPAT_RECOVER;

    if (be32_get(raw->error) != 0)
        ext2_tell(c, JOURNAL_ERROR,
                  at + offsetof(struct journal_disk_super, error),
                  .compared = true,
                  .found = be32_get(raw->error));
    if (what)
        tell_super(c, at, what);
    else if (!recover && be32_get(raw->start) != 0)
        tell_flag(c, "the journal has data, and nobody says that it is to be "
                  "replayed");
}

/* ------------------------------------------------------------------- inode */

static int read_super(struct ext2_check *c,
                      const struct ext2_check_inode *inode)
{
    size_t size = c->super.block_size;
    uint8_t *buf = check_alloc(c->check, size);
    uint64_t block = le32_get(inode->block[0]);
    bool good = false;
    int err = buf ? 0 : SHALE_ENOMEM;

    if (!err && (inode->flags & EXT2_INODE_EXTENTS))
        err = first_of_extents(c, inode->block->b, buf, &block);
    if (!err && !ext2_check_fits(c, block, 1))
        tell_inode(c, inode->ino, "has no first block");
    else if (!err)
        err = check_get(c->check, ext2_check_at(c, block), buf, size,
                        SHALE_OBJECT_INODE, inode->ino, &good);
    if (!err && good)
        check_super(c, ext2_check_at(c, block),
                    (const struct journal_disk_super *)buf,
                    inode->size >> c->super.block_shift);
    if (buf)
        check_free(c->check, buf, size);
    return err;
}

static int check_inode(struct ext2_check *c, uint32_t ino)
{
    struct ext2_check_inode inode;
    uint8_t *bytes = check_alloc(c->check, c->super.inode_size);
    bool good;
    int err;

    if (!bytes)
        return SHALE_ENOMEM;
    err = ext2_check_inode_read(c, ino, bytes, &inode, &good);
    if (!err && !good)
        tell_inode(c, ino, "is out of reach");
    else if (!err && inode.links == 0)
        tell_inode(c, ino, "is not in use");
    else if (!err && (inode.mode & EXT2_S_IFMT) != EXT2_S_IFREG)
        tell_inode(c, ino, "is not a regular file");
    else if (!err && (inode.size % c->super.block_size != 0 ||
                      inode.size >> c->super.block_shift < JOURNAL_MIN_BLOCKS))
        tell_inode(c, ino, "is too small, or no number of blocks");
    else if (!err)
        err = read_super(c, &inode);
    check_free(c->check, bytes, c->super.inode_size);
    return err;
}

static bool is_named(const uint8_t *uuid)
{
    return !check_is_zero(uuid, 16);
}

int ext2_check_journal(struct ext2_check *c)
{
    const struct ext2_check_super *s = &c->super;
    bool has = s->compat & EXT2_COMPAT_HAS_JOURNAL;
    bool recover = s->incompat & EXT2_INCOMPAT_RECOVER;
    bool named = is_named(s->raw.journal_uuid);
    uint32_t ino = le32_get(s->raw.journal_ino);

    if (!has && recover)
        tell_flag(c, "there is something to be replayed, and no journal");
    if (has && recover)
        ext2_tell(c, JOURNAL_WAITS, EXT2_AT_SUPER(c, incompat), .other = 0);
    /* Whoever is named must be one, though the feature were missing. */
    if (ino != 0 && !named)
        return check_inode(c, ino);
    if (named || (has && le32_get(s->raw.journal_dev) != 0))
        ext2_tell(c, JOURNAL_EXTERNAL,
                  named ? EXT2_AT_SUPER(c, journal_uuid)
                        : EXT2_AT_SUPER(c, journal_dev), .other = 0);
    else if (has)
        tell_flag(c, "there is a journal, and nobody says where");
    return 0;
}
