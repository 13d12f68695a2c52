/*
 * file.c - all blocks of a file are known: are they as many as it says, and
 * where its size says?
 */
#include "ext2/check/scan.h"
#include "memfn.h"

#define USER_HIGH       0x78u           /* of an inode, le16 */
#define GROUP_HIGH      0x7au
#define PROJECT         0x9cu           /* le32, if i_extra_isize says so */

/* Who has the inode, as quotas count. */
static void ids_get(const struct ext2_check_inode *inode, uint32_t *ids)
{
    const struct ext2_disk_inode *raw =
        (const struct ext2_disk_inode *)inode->bytes;
    const uint8_t *b = inode->bytes;

    ids[0] = le16_get(raw->uid) |
             (uint32_t)le16_get(*(const le16 *)(b + USER_HIGH)) << 16;
    ids[1] = le16_get(raw->gid) |
             (uint32_t)le16_get(*(const le16 *)(b + GROUP_HIGH)) << 16;
    ids[2] = 0;
    if (EXT2_GOOD_OLD_INODE + inode->extra >= PROJECT + sizeof(le32))
        ids[2] = le32_get(*(const le32 *)(b + PROJECT));
}

void ext2_check_file_begin(struct ext2_check_file *file,
                           const struct ext2_check_inode *inode)
{
    memset(file, 0, sizeof *file);
    ids_get(inode, file->ids);
    file->ino = inode->ino;
    file->seed = inode->seed;
    file->mode = inode->mode;
    file->links = inode->links;
    file->flags = inode->flags;
    file->at = inode->at;
    file->size = inode->size;
    file->sectors = inode->sectors;
}

uint64_t ext2_check_most_bytes(const struct ext2_check *c, uint32_t flags)
{
    const struct ext2_check_super *s = &c->super;
    uint64_t pointers = s->block_size / sizeof(le32);
    uint64_t blocks = EXT2_DIRECT + pointers + pointers * pointers +
                      pointers * pointers * pointers;

    if ((flags & EXT2_INODE_EXTENTS) || blocks > UINT32_MAX)
        blocks = UINT32_MAX;
    return blocks << s->block_shift;
}

static void tell_size(struct ext2_check *c, const struct ext2_check_file *file,
                      uint64_t expected)
{
    ext2_tell_inode(c, INODE_SIZE, EXT2_AT(file, size), file->ino,
                    .compared = true, .expected = expected,
                    .found = file->size);
}

static void check_dir_size(struct ext2_check *c,
                           const struct ext2_check_file *file)
{
    const struct ext2_check_super *s = &c->super;
    uint64_t blocks = file->size >> s->block_shift;
    uint64_t end = file->sums.end;

    /* Blocks may have been allotted ahead. */
    if (file->size % s->block_size != 0 || blocks > end ||
        end - blocks > s->raw.prealloc_dir)
        tell_size(c, file, end << s->block_shift);
}

static void check_size(struct ext2_check *c,
                       const struct ext2_check_file *file)
{
    const struct ext2_check_super *s = &c->super;
    uint64_t most = ext2_check_most_bytes(c, file->flags), last;

    if (file->size > most) {
        ext2_tell_inode(c, INODE_TOO_BIG, EXT2_AT(file, size), file->ino,
                        .compared = true, .expected = most,
                        .found = file->size);
        return;
    }
    if (file->size > INT32_MAX && file->mode != 0) {
        check_lock(c->check, &c->scan->lock);
        c->scan->large_files++;
        check_unlock(c->check, &c->scan->lock);
    }
    /* One block past the end is tolerated, if the end is that block's. */
    last = file->sums.init_end;
    if (last > 0 && file->size < (last - 1) << s->block_shift)
        tell_size(c, file, last << s->block_shift);
}

/* i_blocks: of 512 bytes, or of blocks where the inode says so. */
static void check_blocks(struct ext2_check *c,
                         const struct ext2_check_file *file)
{
    const struct ext2_check_super *s = &c->super;
    uint64_t blocks = file->sums.blocks << s->cluster_shift;
    unsigned shift = s->block_shift - 9;
    uint64_t least;

    if (s->huge_file && (file->flags & EXT2_INODE_HUGE_FILE))
        shift = 0;
    /* A cluster whose pieces are in two nodes was counted twice. */
    least = blocks;
    if (s->bigalloc && file->sums.leaves > 1)
        least -= (uint64_t)(file->sums.leaves - 1) << s->cluster_shift;
    if (file->sectors < least << shift || file->sectors > blocks << shift)
        ext2_tell_inode(c, INODE_BLOCKS, EXT2_AT(file, blocks), file->ino,
                        .compared = true, .expected = blocks << shift,
                        .found = file->sectors);
}

/* A journal is written to where it is, so all of it has to be somewhere. */
static void check_journal(struct ext2_check *c,
                          const struct ext2_check_file *file)
{
    static const char what[] = "has holes";

    if (file->sums.mapped < file->size >> c->super.block_shift)
        ext2_tell_inode(c, JOURNAL_INVALID, EXT2_AT(file, block), file->ino,
                        .name = what, .len = sizeof what - 1);
}

/* What pass 2 and later want to know of a directory. */
static int keep_dir(struct ext2_check *c, const struct ext2_check_file *file)
{
    const struct ext2_check_sums *sums = &file->sums;

    return ext2_check_dirs_add(c, &(const struct ext2_check_dir){
        .ino = file->ino,
        .info = {
            .links = file->links, .type = EXT2_S_IFDIR >> 12,
            .flags = ext2_check_kept_flags(c, file->flags),
        },
        .blocks = sums->end < UINT32_MAX ? (uint32_t)sums->end : UINT32_MAX,
        .found = sums->mapped < UINT32_MAX ? (uint32_t)sums->mapped
                                           : UINT32_MAX,
    });
}

int ext2_check_file_end(struct ext2_check *c,
                        const struct ext2_check_file *file)
{
    bool dir = (file->mode & EXT2_S_IFMT) == EXT2_S_IFDIR;
    bool inlined = (file->flags & EXT2_INODE_INLINE) && c->super.inline_data;
    int err = 0;

    if (file->ino == EXT2_BAD_INO || c->scan->hunt)
        return 0;
    if (dir && !inlined)
        check_dir_size(c, file);
    else if (!inlined && ((file->mode & EXT2_S_IFMT) == EXT2_S_IFREG ||
                          (file->mode & EXT2_S_IFMT) == 0))
        check_size(c, file);
    /* What a symlink in an inode counts, nobody minds. */
    if (!file->sums.broken &&
        !(inlined && (file->mode & EXT2_S_IFMT) == EXT2_S_IFLNK))
        check_blocks(c, file);
    if (file->ino == c->super.journal_ino)
        check_journal(c, file);
    if (c->quota)
        err = ext2_check_quota_count(c, file);
    return dir && !err ? keep_dir(c, file) : err;
}
