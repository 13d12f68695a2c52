/*
 * orphan.c - inodes that wait to be freed
 *
 * A file that is removed while somebody has it open, or is being made shorter,
 * is in a list, so that the next mount after a crash can finish the work: from
 * the superblock's s_last_orphan through i_dtime, which has the number of the
 * next one. With "orphan_file" they are in a file as well, whose blocks are
 * filled with numbers up to a tail. ("Orphan file" in "ext4 Data Structures and
 * Algorithms")
 *
 *      | number | 0 | number | ...                 | magic | checksum |
 *
 * That is no damage; but who reads the volume before that mount, or without
 * one, finds space in use for nothing.
 */
#include "ext2/check/check.h"
#include "memfn.h"

#define ORPHAN_FILE_INO 0x280u  /* s_orphan_file_inum */
#define ORPHAN_MAGIC    0x0b10ca04u
#define ORPHAN_TAIL     8u      /* bytes: magic, checksum */
#define EXTENT_MAGIC    0xf30au
#define ENTRY           12u     /* bytes of an extent, of a node's header */
#define FILE_BLOCKS_MAX 65536u  /* more than anybody makes */

/* INO waits: enter it. *AGAIN: it was there already. */
static int orphan_add(struct ext2_check *c, uint32_t ino, bool *again)
{
    uint64_t already = 0;
    int err;

    if (!c->orphans)
        c->orphans = check_bits_create(c->check,
                                       (uint64_t)c->super.inode_count + 1);
    if (!c->orphans)
        return SHALE_ENOMEM;
    err = check_bits_add(c->orphans, ino, 1, &already);
    *again = already > 0;
    return err;
}

/* ---------------------------------------------------------------- the list */

/* Take INODE, from the list, into account; *NEXT is the one after it. */
static int orphan_visit(struct ext2_check *c,
                        const struct ext2_check_inode *inode, uint32_t *next)
{
    bool again;
    int err = orphan_add(c, inode->ino, &again);

    *next = 0;
    if (err)
        return err;
    if (inode->mode == 0) {
        ext2_tell_inode(c, ORPHAN_UNUSED, inode->at, inode->ino, .other = 0);
        return 0;
    }
    if (again) {
        ext2_tell_inode(c, ORPHAN_LOOP, inode->at, inode->ino, .other = 0);
        return 0;
    }
    if (inode->links == 0)
        ext2_tell_inode(c, ORPHAN_WAITS, inode->at, inode->ino, .other = 0);
    else
        ext2_tell_inode(c, ORPHAN_SHRINKS, inode->at, inode->ino,
                        .other = 0);
    *next = inode->dtime;
    return 0;
}

/* BYTES is memory for an inode. */
static int list_follow(struct ext2_check *c, uint8_t *bytes)
{
    uint32_t ino = le32_get(c->super.raw.last_orphan), before = 0;
    struct ext2_check_inode inode;
    bool good = true;
    int err = 0;

    while (ino != 0 && good && !err) {
        if (!ext2_check_is_plain(c, ino)) {
            ext2_tell(c, ORPHAN_NUMBER,
                      before ? EXT2_AT(&inode, dtime)
                             : EXT2_AT_SUPER(c, last_orphan),
                      .object = before ? SHALE_OBJECT_INODE
                                       : SHALE_OBJECT_VOLUME,
                      .number = before, .other = ino);
            break;
        }
        before = ino;
        err = ext2_check_inode_read(c, ino, bytes, &inode, &good);
        if (!err && good)
            err = orphan_visit(c, &inode, &ino);
    }
    return err;
}

/* ---------------------------------------------------------------- the file */

struct orphan_file {
    struct ext2_check *c;
    struct ext2_check_inode inode;
    uint8_t *block;             /* memory for one */
    uint32_t blocks;            /* by i_size */
    uint32_t found;
    uint64_t numbers;           /* of orphans, in it */
};

/* The numbers in block LOGICAL of F, at AT. */
static int numbers_take(struct orphan_file *f, uint32_t count, uint64_t at)
{
    const le32 *numbers = (const le32 *)f->block;
    bool again;
    int err = 0;

    for (uint32_t i = 0; i < count && !err; i++) {
        uint32_t ino = le32_get(numbers[i]);

        if (ino == 0)
            continue;
        f->numbers++;
        if (!ext2_check_is_plain(f->c, ino)) {
            ext2_tell_inode(f->c, ORPHAN_NUMBER, at + i * sizeof(le32),
                            f->inode.ino, .other = ino);
            continue;
        }
        err = orphan_add(f->c, ino, &again);
        if (!err)
            ext2_tell_inode(f->c, ORPHAN_WAITS, at + i * sizeof(le32), ino,
                            .other = 0);
    }
    return err;
}

/* A block of the file. */
static int file_block(struct orphan_file *f, uint64_t block)
{
    struct ext2_check *c = f->c;
    uint32_t size = c->super.block_size - ORPHAN_TAIL;
    uint64_t at = ext2_check_at(c, block);
    const le32 *tail = (const le32 *)(f->block + size);
    le32 number[2] = { le32_make((uint32_t)block),
                       le32_make((uint32_t)(block >> 32)) };
    uint32_t crc = 0;
    bool good;
    int err;

    if (!ext2_check_fits(c, block, 1))
        return 0;               /* told by who looks at its blocks */
    f->found++;
    err = check_get(c->check, at, f->block, c->super.block_size,
                    SHALE_OBJECT_INODE, f->inode.ino, &good);
    if (err || !good)
        return err;
    if (le32_get(tail[0]) != ORPHAN_MAGIC) {
        ext2_tell_inode(c, ORPHAN_BLOCK, at + size, f->inode.ino,
                        .compared = true,
                        .expected = ORPHAN_MAGIC, .found = le32_get(tail[0]));
        return 0;
    }
    if (c->super.metadata_csum) {
        crc = ext2_check_crc(c, f->inode.seed, number, sizeof number);
        crc = ext2_check_crc(c, crc, f->block, size);
    }
    if (crc != le32_get(tail[1])) {
        ext2_tell_inode(c, ORPHAN_CHECKSUM, at + size + sizeof(le32),
                        f->inode.ino, .compared = true, .expected = crc,
                        .found = le32_get(tail[1]));
        return 0;
    }
    return numbers_take(f, size / (uint32_t)sizeof(le32), at);
}

static uint32_t u16_at(const uint8_t *bytes, size_t at)
{
    return le16_get(*(const le16 *)(bytes + at));
}

static uint32_t u32_at(const uint8_t *bytes, size_t at)
{
    return le32_get(*(const le32 *)(bytes + at));
}

/* A node of the file's extent tree, of LEN bytes, without nodes below it. */
static int extents_walk(struct orphan_file *f, const uint8_t *node, size_t len)
{
    size_t count = u16_at(node, 2), room = len / ENTRY - 1;
    int err = 0;

    if (u16_at(node, 0) != EXTENT_MAGIC || u16_at(node, 6) != 0)
        return 0;
    for (size_t i = 1; i <= count && i <= room && !err; i++) {
        const uint8_t *extent = node + i * ENTRY;
        uint64_t first = u32_at(extent, 8) |
                         (uint64_t)u16_at(extent, 6) << 32;
        uint32_t blocks = u16_at(extent, 4);

        for (uint32_t k = 0; k < blocks && f->found < f->blocks && !err; k++)
            err = file_block(f, first + k);
    }
    return err;
}

/* Read a block of pointers, or a node, into memory that is freed by the caller;
   NULL in *OUT if it cannot be. */
static int node_read(struct orphan_file *f, uint64_t block, uint8_t **out)
{
    struct ext2_check *c = f->c;
    bool good = false;
    int err = 0;

    *out = NULL;
    if (!ext2_check_fits(c, block, 1))
        return 0;
    *out = check_alloc(c->check, c->super.block_size);
    if (!*out)
        return SHALE_ENOMEM;
    err = check_get(c->check, ext2_check_at(c, block), *out,
                    c->super.block_size, SHALE_OBJECT_INODE, f->inode.ino,
                    &good);
    if (err || !good) {
        check_free(c->check, *out, c->super.block_size);
        *out = NULL;
    }
    return err;
}

/* The file's extents: in the inode, or in nodes which that leads to. Nobody
   makes this file so that it has more levels. */
static int extents_file(struct orphan_file *f)
{
    const uint8_t *root = (const uint8_t *)f->inode.block;
    size_t size = sizeof f->inode.block;
    uint32_t count = u16_at(root, 2);
    int err = 0;

    if (u16_at(root, 6) == 0)
        return extents_walk(f, root, size);
    for (uint32_t i = 1; i <= count && i < size / ENTRY && !err; i++) {
        uint64_t block = u32_at(root + i * ENTRY, 4) |
                         (uint64_t)u16_at(root + i * ENTRY, 8) << 32;
        uint8_t *node;

        err = node_read(f, block, &node);
        if (!err && node)
            err = extents_walk(f, node, f->c->super.block_size);
        if (node)
            check_free(f->c->check, node, f->c->super.block_size);
    }
    return err;
}

/* The file's block map: direct pointers, and one block of them. */
static int map_file(struct orphan_file *f)
{
    uint32_t count = f->c->super.block_size / (uint32_t)sizeof(le32);
    uint8_t *node = NULL;
    int err = 0;

    for (unsigned i = 0; i < EXT2_DIRECT && f->found < f->blocks && !err; i++)
        err = file_block(f, le32_get(f->inode.block[i]));
    if (f->found >= f->blocks || err)
        return err;
    err = node_read(f, le32_get(f->inode.block[EXT2_DIRECT]), &node);
    for (uint32_t i = 0; node && i < count && f->found < f->blocks && !err;
         i++)
        err = file_block(f, u32_at(node, i * sizeof(le32)));
    if (node)
        check_free(f->c->check, node, f->c->super.block_size);
    return err;
}

static int file_read(struct ext2_check *c, uint8_t *bytes)
{
    uint32_t ino = u32_at((const uint8_t *)&c->super.raw, ORPHAN_FILE_INO);
    struct orphan_file f = { .c = c };
    bool good = false;
    int err = 0;

    if (ext2_check_is_ino(c, ino))
        err = ext2_check_inode_read(c, ino, bytes, &f.inode, &good);
    if (err)
        return err;
    if (!good || (f.inode.mode & EXT2_S_IFMT) != EXT2_S_IFREG ||
        f.inode.size % c->super.block_size != 0 ||
        f.inode.size >> c->super.block_shift > FILE_BLOCKS_MAX) {
        ext2_tell(c, ORPHAN_FILE, c->super.at + ORPHAN_FILE_INO,
                  .other = ino);
        return 0;
    }
    f.blocks = (uint32_t)(f.inode.size >> c->super.block_shift);
    f.block = check_alloc(c->check, c->super.block_size);
    if (!f.block)
        return SHALE_ENOMEM;
    err = f.inode.flags & EXT2_INODE_EXTENTS ? extents_file(&f) : map_file(&f);
    if (!err && f.found < f.blocks)
        ext2_tell_inode(c, ORPHAN_HOLE, EXT2_AT(&f.inode, block), ino,
                        .compared = true, .expected = f.blocks,
                        .found = f.found);
    if (!err && f.numbers == 0 &&
        (c->super.ro_compat & EXT2_RO_COMPAT_ORPHAN_PRESENT))
        ext2_tell(c, ORPHAN_NONE, c->super.at + ORPHAN_FILE_INO,
                  .other = ino);
    check_free(c->check, f.block, c->super.block_size);
    return err;
}

int ext2_check_orphans(struct ext2_check *c)
{
    uint8_t *bytes;
    int err;

    if (le32_get(c->super.raw.last_orphan) == 0 &&
        !(c->super.compat & EXT2_COMPAT_ORPHAN_FILE))
        return 0;
    bytes = check_alloc(c->check, c->super.inode_size);
    if (!bytes)
        return SHALE_ENOMEM;
    err = list_follow(c, bytes);
    if (!err && (c->super.compat & EXT2_COMPAT_ORPHAN_FILE))
        err = file_read(c, bytes);
    check_free(c->check, bytes, c->super.inode_size);
    return err;
}
