/*
 * ring.c - a journal as a ring of blocks
 *
 * The journal is a file that no name leads to, of inode s_journal_inum. Its
 * blocks are read and written past the buffer cache, in which none of them ever
 * is; so where they are is found out once and kept.
 */
#include "memfn.h"
#include "text.h"
#include "write.h"

#define RUNS_MIN 8u

/* Features of a journal that replay.c understands. */
#define INCOMPAT (JOURNAL_INCOMPAT_REVOKE | JOURNAL_INCOMPAT_64BIT |         \
                  JOURNAL_INCOMPAT_ASYNC_COMMIT | JOURNAL_INCOMPAT_CSUM_V2 | \
                  JOURNAL_INCOMPAT_CSUM_V3)
#define CSUM_V2_OR_V3 (JOURNAL_INCOMPAT_CSUM_V2 | JOURNAL_INCOMPAT_CSUM_V3)

int ext2_ring_init(struct ext2_volume *vol, struct ext2_ring *ring)
{
    *ring = (struct ext2_ring){ .vol = vol };
    ring->super = shale_zalloc(vol->fs->mem, vol->super.block_size);
    return ring->super ? 0 : SHALE_ENOMEM;
}

void ext2_ring_fini(struct ext2_ring *ring)
{
    struct shale_mem *mem = ring->vol->fs->mem;

    shale_free(mem, ring->runs, ring->run_room * sizeof *ring->runs);
    shale_free(mem, ring->super, ring->vol->super.block_size);
}

/* --------------------------------------------------------------- the map */

static int runs_grow(struct ext2_ring *ring)
{
    struct shale_mem *mem = ring->vol->fs->mem;
    uint32_t room = ring->run_room ? ring->run_room * 2 : RUNS_MIN;
    struct ext2_ring_run *runs = shale_alloc(mem, room * sizeof *runs);

    if (!runs)
        return SHALE_ENOMEM;
    if (ring->runs)
        memcpy(runs, ring->runs, ring->run_count * sizeof *runs);
    shale_free(mem, ring->runs, ring->run_room * sizeof *runs);
    ring->runs = runs;
    ring->run_room = room;
    return 0;
}

int ext2_ring_add(struct ext2_ring *ring, uint32_t block, uint32_t count)
{
    struct ext2_ring_run *last;
    int err;

    if (ring->run_count > 0) {
        last = &ring->runs[ring->run_count - 1];
        if (last->block + last->count == block) {
            last->count += count;
            ring->count += count;
            return 0;
        }
    }
    if (ring->run_count == ring->run_room) {
        err = runs_grow(ring);
        if (err)
            return err;
    }
    ring->runs[ring->run_count++] = (struct ext2_ring_run){
        .index = ring->count, .block = block, .count = count,
    };
    ring->count += count;
    return 0;
}

/* Read the journal's inode into the vnode VN. */
static int inode_load(struct ext2_volume *vol, struct ext2_vnode *vn)
{
    struct shale_buf *buf;
    size_t offset;
    uint64_t at;
    int err;

    *vn = (struct ext2_vnode){
        .base = { .fs = vol->fs, .ino = vol->super.journal_ino },
    };
    if (vn->base.ino > vol->super.inode_count || vn->base.ino == 0)
        return shale_corrupt(vol->fs, "ext2: bad inode number of the journal",
                             vol->super.at);
    err = ext2_inode_get(vol, vn->base.ino, &buf, &offset);
    if (err)
        return err;
    at = ext2_block_at(vol, buf->block) + offset;
    err = ext2_inode_decode(vol, vn->base.ino, at, buf->data + offset,
                            &vn->inode);
    shale_buf_put(buf);
    if (err == SHALE_ESTALE ||
        (!err && (vn->inode.mode & SHALE_S_IFMT) != SHALE_S_IFREG))
        return shale_corrupt_inode(vol->fs, "ext2: the journal is no file", at,
                                   vn->base.ino);
    return err;
}

/* A log that is written over the volume's own blocks would be its end. */
static int run_check(const struct ext2_vnode *vn, struct ext2_run run)
{
    int is = ext2_run_is_a_files(ext2_volume_of(vn->base.fs), run);

    if (is == 0)
        return shale_corrupt_inode(vn->base.fs, "ext2: the journal has blocks "
                                   "that are no file's", vn->inode.at,
                                   vn->base.ino);
    return is < 0 ? is : 0;
}

/* Find out where the first COUNT blocks of VN are. */
static int map_load(const struct ext2_vnode *vn, uint32_t count,
                    struct ext2_ring *ring)
{
    while (ring->count < count) {
        struct ext2_run run;
        int err = ext2_map(vn, ring->count, count - ring->count, &run);

        if (!err && run.block == 0)
            err = shale_corrupt_inode(vn->base.fs, "ext2: the journal has a "
                                      "hole", vn->inode.at, vn->base.ino);
        if (!err)
            err = run_check(vn, run);
        if (!err)
            err = ext2_ring_add(ring, run.block, (uint32_t)run.count);
        if (err)
            return err;
    }
    return 0;
}

/* ---------------------------------------------------------- the superblock */

static void name_features(struct text *list, const char *set, uint32_t bits)
{
    if (bits == 0)
        return;
    text_add(list, list->len > 0 ? ", " : "");
    text_add(list, set);
    text_add_number(list, bits, 16);
}

/* SHALE_ENOTSUP if RING's superblock says what we do not understand. */
static int features_check(const struct ext2_ring *ring)
{
    const struct journal_disk_super *raw = ext2_ring_super(ring);
    uint32_t incompat = be32_get(raw->incompat) & ~INCOMPAT;
    struct text list = { .len = 0 };

    if (be32_get(raw->header.type) == JOURNAL_SUPER_V1)
        return 0;
    if (incompat == 0 && be32_get(raw->ro_compat) == 0)
        return 0;
    if (incompat & JOURNAL_INCOMPAT_FAST_COMMIT)
        text_add(&list, "fast_commit");
    name_features(&list, "incompat_0x",
                  incompat & ~JOURNAL_INCOMPAT_FAST_COMMIT);
    name_features(&list, "ro_compat_0x", be32_get(raw->ro_compat));
    return shale_refuse(ring->vol->fs, "ext2: the journal uses features that "
                        "are not supported", list.bytes,
                        ext2_ring_at(ring, 0));
}

static uint32_t super_checksum(const struct ext2_ring *ring)
{
    struct journal_disk_super *raw = ext2_ring_super(ring);
    be32 found = raw->checksum;
    uint32_t checksum;

    raw->checksum = be32_make(0);
    checksum = ext2_crc32c(UINT32_MAX, ring->super, sizeof *raw);
    raw->checksum = found;
    return checksum;
}

static bool has_checksum(const struct journal_disk_super *raw)
{
    return be32_get(raw->header.type) == JOURNAL_SUPER_V2 &&
           (be32_get(raw->incompat) & CSUM_V2_OR_V3) != 0;
}

/* Check RING's superblock, in a file of BLOCKS. Returns what is wrong. */
static const char *super_check(const struct ext2_ring *ring, uint64_t blocks)
{
    const struct journal_disk_super *raw = ext2_ring_super(ring);
    uint32_t type = be32_get(raw->header.type);
    uint32_t count = be32_get(raw->blocks), first = be32_get(raw->first);
    uint32_t start = be32_get(raw->start);

    if (be32_get(raw->header.magic) != JOURNAL_MAGIC ||
        (type != JOURNAL_SUPER_V1 && type != JOURNAL_SUPER_V2))
        return "ext2: the journal has no superblock";
    if (has_checksum(raw) && super_checksum(ring) != be32_get(raw->checksum))
        return "ext2: the journal's superblock has a wrong checksum";
    if (be32_get(raw->block_size) != ring->vol->super.block_size)
        return "ext2: the journal has blocks of another size";
    if (count > blocks || count > ext2_blocks_there(ring->vol))
        return "ext2: the journal is longer than its file";
    if (first == 0 || first >= count)
        return "ext2: the journal has a bad first block";
    if (start != 0 && (start < first || start >= count))
        return "ext2: the journal's log begins outside of it";
    return NULL;
}

int ext2_ring_load(struct ext2_ring *ring)
{
    struct ext2_volume *vol = ring->vol;
    const struct journal_disk_super *raw = ext2_ring_super(ring);
    struct ext2_vnode vn;
    const char *wrong;
    uint64_t blocks;
    int err = inode_load(vol, &vn);

    if (err)
        return err;
    blocks = vn.inode.size >> vol->super.block_shift;
    err = map_load(&vn, 1, ring);
    if (!err)
        err = ext2_ring_read(ring, 0, ring->super);
    if (err)
        return err;
    wrong = super_check(ring, blocks);
    if (wrong)
        return shale_corrupt_inode(vol->fs, wrong, ext2_ring_at(ring, 0),
                                   vn.base.ino);
    err = features_check(ring);
    if (err)
        return err;
    ring->first = be32_get(raw->first);
    return map_load(&vn, be32_get(raw->blocks), ring);
}

int ext2_ring_store(struct ext2_ring *ring, uint32_t start, uint32_t sequence)
{
    struct journal_disk_super *raw = ext2_ring_super(ring);

    raw->start = be32_make(start);
    raw->sequence = be32_make(sequence);
    if (has_checksum(raw))
        raw->checksum = be32_make(super_checksum(ring));
    return ext2_ring_write_sector(ring, 0, ring->super);
}

/* ------------------------------------------------------------------- I/O */

/* The run that block INDEX is in. */
static const struct ext2_ring_run *run_find(const struct ext2_ring *ring,
                                            uint32_t index)
{
    uint32_t low = 0, high = ring->run_count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (ring->runs[middle].index <= index)
            low = middle;
        else
            high = middle;
    }
    return &ring->runs[low];
}

uint64_t ext2_ring_at(const struct ext2_ring *ring, uint32_t index)
{
    const struct ext2_ring_run *run = run_find(ring, index);

    return ext2_block_at(ring->vol, run->block + (index - run->index));
}

uint32_t ext2_ring_skip(const struct ext2_ring *ring, uint32_t index,
                        uint32_t count)
{
    uint32_t left = ring->count - index;

    return count < left ? index + count : ring->first + (count - left);
}

int ext2_ring_read(const struct ext2_ring *ring, uint32_t index, uint8_t *to)
{
    struct ext2_volume *vol = ring->vol;
    uint64_t at = ext2_ring_at(ring, index);
    int err = shale_bdev_read(vol->fs->dev, at, to, vol->super.block_size);

    return err == SHALE_EIO
           ? shale_fail(vol->fs, err, "ext2: the journal cannot be read", NULL,
                        at)
           : err;
}

int ext2_ring_write(const struct ext2_ring *ring, uint32_t index,
                    const uint8_t *from, uint32_t count)
{
    struct ext2_volume *vol = ring->vol;

    while (count > 0) {
        const struct ext2_ring_run *run = run_find(ring, index);
        uint32_t n = run->count - (index - run->index);
        size_t size;
        int err;

        if (n > ring->count - index)
            n = ring->count - index;
        if (n > count)
            n = count;
        size = (size_t)n << vol->super.block_shift;
        err = shale_bdev_write(vol->fs->dev, ext2_ring_at(ring, index), from,
                               size);
        if (err)
            return err;
        from += size;
        count -= n;
        index = ext2_ring_skip(ring, index, n);
    }
    return 0;
}

int ext2_ring_write_sector(const struct ext2_ring *ring, uint32_t index,
                           const uint8_t *from)
{
    struct shale_bdev *dev = ring->vol->fs->dev;
    size_t size = dev->block_size < 512 ? 512 : dev->block_size;

    return shale_bdev_write(dev, ext2_ring_at(ring, index), from, size);
}
