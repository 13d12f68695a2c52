/*
 * own_journal.c - the journal that an ext2 volume has while it is in use
 *
 * Made when the volume is marked as in use, in inode 8, and removed when it is
 * marked as clean.
 *
 * (1) It is announced when it is there, and removed when that has been taken
 *     back: nobody uses blocks as a journal that are free.
 */
#include "journal.h"
#include "memfn.h"

/* It has a part of the volume; not more than so many bytes ... */
#define OWN_PART 32u
#define OWN_BYTES (16u << 20)
#define OWN_BLOCKS 8192u        /* ... and so many blocks, ... */
#define OWN_SPARE 4u            /* ... if so many times that is free */

/*
 * Of the superblock's copy of a journal's map, while there is no journal: the
 * number of the next transaction.
 */
#define SEQUENCE_SLOT (EXT2_POINTERS + 1)

static const uint8_t own_uuid[JOURNAL_UUID_SIZE] = {
    's', 'h', 'a', 'l', 'e', ':', 'i', 'n', 'u', 's', 'e', ':', 'e', 'x', 't',
    '2',
};

bool ext2_own_known(const struct journal_disk_super *raw)
{
    return be32_get(raw->header.type) == JOURNAL_SUPER_V2 &&
           memcmp(raw->uuid, own_uuid, sizeof own_uuid) == 0;
}

int ext2_own_size(struct ext2_volume *vol, uint32_t *out)
{
    uint32_t blocks = vol->super.block_count / OWN_PART;
    uint32_t most = OWN_BYTES >> vol->super.block_shift;
    uint64_t free_blocks;
    int err = ext2_space_count(vol);

    *out = 0;
    if (err)
        return err;
    if (most > OWN_BLOCKS)
        most = OWN_BLOCKS;
    if (blocks > most)
        blocks = most;
    if (blocks < JOURNAL_MIN_BLOCKS)
        blocks = JOURNAL_MIN_BLOCKS;
    free_blocks = vol->space->sums.free_blocks;
    if (vol->space->keep_reserved)
        free_blocks -= free_blocks < vol->super.reserved_blocks
                           ? free_blocks : vol->super.reserved_blocks;
    while (blocks > JOURNAL_MIN_BLOCKS &&
           (uint64_t)blocks * OWN_SPARE > free_blocks)
        blocks = blocks / 2 > JOURNAL_MIN_BLOCKS ? blocks / 2
                                                 : JOURNAL_MIN_BLOCKS;
    if ((uint64_t)blocks * OWN_SPARE <= free_blocks)
        *out = blocks;
    return 0;
}

/*
 * Give VN, a new file, COUNT blocks, in the middle of the volume: there they
 * are least in the way of those that come and stay.
 */
static int own_blocks_take(struct ext2_vnode *vn, struct ext2_ring *ring,
                           uint32_t count)
{
    struct ext2_volume *vol = ring->vol;
    uint32_t middle = vol->super.group_count / 2;
    struct ext2_run run;
    int err = ext2_block_take(vol, ext2_group_first(&vol->super, middle), 1,
                              &run);

    if (!err) {
        vn->inode.block[0] = le32_make(run.block);
        vn->inode.allocated = vol->super.block_size;
        err = ext2_ring_add(ring, run.block, 1);
    }
    while (!err && ring->count < count) {
        err = ext2_map_grow(vn, ring->count, count - ring->count, &run);
        if (!err)
            err = ext2_ring_add(ring, run.block, (uint32_t)run.count);
    }
    ext2_block_release(vol, (uint32_t)vn->base.ino);
    for (uint32_t i = 0; i < ring->run_count; i++)
        shale_cache_forget(vol->fs->cache, ring->runs[i].block,
                           ring->runs[i].count);
    return err;
}

/* Of the inode of a journal of ours nothing is left, for now. */
static int own_inode_clear(struct ext2_volume *vol)
{
    struct shale_buf *buf;
    size_t offset;
    int err = ext2_inode_get(vol, EXT2_JOURNAL_INO, &buf, &offset);

    if (err)
        return err;
    err = shale_tx_change(vol->fs->tx, buf, SHALE_RANK_NODE);
    if (!err)
        memset(buf->data + offset, 0, vol->super.inode_size);
    shale_buf_put(buf);
    return err;
}

/*
 * Make inode VN a journal of COUNT blocks, RING. Whatever that inode says now,
 * without has_journal it is nothing to anybody: a cut may have left it. It has
 * to be there when it is announced, so it is not made like others, which come
 * to life last.
 */
static int own_file_make(struct ext2_vnode *vn, struct ext2_ring *ring,
                         uint32_t count)
{
    struct ext2_volume *vol = ring->vol;
    struct shale_time now = shale_now(vol->fs);
    int err;

    vn->inode = (struct ext2_inode){
        .mode = SHALE_S_IFREG | 0600, .links = 1,
        .size = (uint64_t)count << vol->super.block_shift,
        .atime = now, .mtime = now, .ctime = now, .btime = now,
        .body = vol->super.inode_size,
    };
    err = own_inode_clear(vol);
    if (!err)
        err = own_blocks_take(vn, ring, count);
    return err ? err : ext2_vnode_store(vn);
}

/* The superblock of a journal of ours. */
static void own_super_fill(const struct ext2_ring *ring)
{
    struct journal_disk_super *raw = ext2_ring_super(ring);

    memset(raw, 0, sizeof *raw);
    raw->header.magic = be32_make(JOURNAL_MAGIC);
    raw->header.type = be32_make(JOURNAL_SUPER_V2);
    raw->block_size = be32_make(ring->vol->super.block_size);
    raw->blocks = be32_make(ring->count);
    raw->first = be32_make(1);
    raw->users = be32_make(1);
    memcpy(raw->uuid, own_uuid, sizeof raw->uuid);
}

/* Undoes own_alloc(), which leaves memory for the next time. */
static void own_alloc_undo(void *context, uint64_t a, uint64_t b)
{
    struct ext2_journal *j = context;

    (void)a;
    (void)b;
    j->temporary = false;
    j->ring.count = j->ring.run_count = 0;
}

/* VOL gets a journal in memory, of no blocks. */
static int own_alloc(struct ext2_volume *vol)
{
    int err = vol->journal ? 0 : ext2_journal_alloc(vol, &vol->journal);

    if (!err)
        err = shale_tx_on_undo(vol->fs->tx, own_alloc_undo, vol->journal, 0, 0);
    if (!err)
        vol->journal->temporary = true;
    return err;
}

/*
 * The superblock says that there is a journal when all of it is there. A copy
 * of its map is kept besides, as e2fsck would do.
 */
static int own_announce(struct ext2_volume *vol, struct shale_buf *buf,
                        struct ext2_disk_super *raw,
                        const struct ext2_inode *inode)
{
    size_t offset = (size_t)(vol->super.at & (vol->super.block_size - 1));
    size_t compat = offset + offsetof(struct ext2_disk_super, compat);
    size_t ino = offset + offsetof(struct ext2_disk_super, journal_ino);
    int err = shale_tx_change_late(vol->fs->tx, buf, compat, 2 * sizeof(le32),
                                   SHALE_RANK_MAP);

    if (!err)
        err = shale_tx_change_late(vol->fs->tx, buf, ino, sizeof(le32),
                                   SHALE_RANK_MAP);
    if (err)
        return err;
    vol->super.compat |= EXT2_COMPAT_HAS_JOURNAL;
    vol->super.journal_ino = EXT2_JOURNAL_INO;
    raw->compat = le32_make(vol->super.compat);
    raw->incompat = le32_make(vol->super.incompat | EXT2_INCOMPAT_RECOVER);
    raw->journal_ino = le32_make(EXT2_JOURNAL_INO);
    raw->journal_backup = 1;
    memcpy(raw->journal_blocks, inode->block, sizeof inode->block);
    raw->journal_blocks[EXT2_POINTERS] = le32_make(0);
    raw->journal_blocks[EXT2_POINTERS + 1] = le32_make((uint32_t)inode->size);
    return 0;
}

/*
 * The number of the first transaction of a journal of ours. In its blocks there
 * may be logs of those before it: their numbers must not come again, or a cut
 * finds half a log with an older one's commit block. So they go on from where
 * the last one ended. If that is not known, they begin anywhere: elsewhere than
 * before, as the superblock changes with each mount if not by the clock.
 */
static uint32_t first_sequence(const struct ext2_volume *vol,
                               const struct ext2_disk_super *raw)
{
    uint32_t sequence = le32_get(raw->journal_blocks[SEQUENCE_SLOT]);
    struct shale_time now = shale_now(vol->fs);
    le32 times[] = { le32_make((uint32_t)now.sec), le32_make(now.nsec) };

    if (raw->journal_backup == 0 && sequence != 0)
        return sequence;
    sequence = ext2_crc32c(UINT32_MAX, (const uint8_t *)raw, sizeof *raw);
    sequence = ext2_crc32c(sequence, (const uint8_t *)times, sizeof times);
    return sequence != 0 ? sequence : 1;
}

/* As ext2_own_make(), in VN, which is to be the journal's inode. */
static int own_make(struct ext2_vnode *vn, struct shale_buf *buf,
                    struct ext2_disk_super *raw, uint32_t count)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    struct ext2_journal *j;
    int err = own_alloc(vol);

    if (!err)
        err = shale_tx_save(vol->fs->tx, &vol->super, sizeof vol->super);
    if (err)
        return err;
    j = vol->journal;
    err = own_file_make(vn, &j->ring, count);
    if (err)
        return err;
    own_super_fill(&j->ring);
    j->ring.first = 1;
    j->head = 1;
    if (j->sequence == 0)
        j->sequence = first_sequence(vol, raw);
    err = ext2_log_start(j);
    return err ? err : own_announce(vol, buf, raw, &vn->inode);
}

int ext2_own_make(struct ext2_volume *vol, struct shale_buf *buf,
                  struct ext2_disk_super *raw, uint32_t count)
{
    struct ext2_vnode *vn = shale_zalloc(vol->fs->mem, sizeof *vn);
    int err;

    if (!vn)                    /* a stack has no room for it */
        return SHALE_ENOMEM;
    vn->base.fs = vol->fs;
    vn->base.ino = EXT2_JOURNAL_INO;
    vn->fresh = true;
    err = own_make(vn, buf, raw, count);
    shale_free(vol->fs->mem, vn, sizeof *vn);
    return err;
}

/* COUNT blocks from FIRST on, which were a journal's, are free. */
static int own_blocks_free(struct ext2_volume *vol, uint32_t first,
                           uint32_t count)
{
    int is = ext2_run_is_a_files(vol, (struct ext2_run){ first, count });

    if (is == 0)
        return shale_corrupt(vol->fs, "ext2: the journal's map leads to "
                             "blocks that are no file's",
                             ext2_block_at(vol, first));
    if (is < 0)
        return is;
    while (count > 0) {
        uint32_t group = ext2_group_of(vol, first);
        uint32_t n = ext2_group_first(&vol->super, group) +
                     ext2_group_blocks(&vol->super, group) - first;
        int err;

        n = n < count ? n : count;
        err = ext2_reclaim(vol->fs, (struct shale_tx_run){ first, n });
        if (err)
            return err;
        first += n;
        count -= n;
    }
    return 0;
}

/* Free the blocks that the COUNT pointers at POINTERS lead to. */
static int pointers_free(struct ext2_volume *vol, const le32 *pointers,
                         uint32_t count)
{
    int err = 0;

    for (uint32_t i = 0; i < count && !err; i++)
        if (le32_get(pointers[i]) != 0)
            err = own_blocks_free(vol, le32_get(pointers[i]), 1);
    return err;
}

/*
 * Free the blocks of pointers that the inode RAW of a journal of ours has. It
 * is not so large that there were three levels of them.
 */
static int lists_free(struct ext2_volume *vol,
                      const struct ext2_disk_inode *raw)
{
    const le32 *lists = raw->block + EXT2_DIRECT;
    struct shale_buf *buf;
    int err = pointers_free(vol, lists, 2);

    if (err || le32_get(lists[1]) == 0)
        return err;
    err = shale_buf_get(vol->fs->cache, le32_get(lists[1]), &buf);
    if (err)
        return err;
    err = pointers_free(vol, (const le32 *)buf->data,
                        vol->super.block_size / (uint32_t)sizeof(le32));
    shale_buf_put(buf);
    return err;
}

/*
 * Free what the journal J has. Nothing leads to its blocks when this
 * transaction is on the device, and no other comes before that.
 */
static int own_file_remove(struct ext2_journal *j)
{
    struct ext2_volume *vol = j->ring.vol;
    struct shale_buf *buf;
    size_t offset;
    int err = ext2_inode_get(vol, EXT2_JOURNAL_INO, &buf, &offset);

    if (err)
        return err;
    err = shale_tx_change(vol->fs->tx, buf, SHALE_RANK_NODE);
    if (!err)
        err = lists_free(vol, (struct ext2_disk_inode *)(buf->data + offset));
    for (uint32_t i = 0; i < j->ring.run_count && !err; i++)
        err = own_blocks_free(vol, j->ring.runs[i].block,
                              j->ring.runs[i].count);
    if (!err)
        memset(buf->data + offset, 0, vol->super.inode_size);
    shale_buf_put(buf);
    return err;
}

int ext2_own_remove(struct ext2_journal *j, struct ext2_disk_super *raw)
{
    struct ext2_volume *vol = j->ring.vol;
    int err = own_file_remove(j);

    if (err)
        return err;
    vol->super.compat &= ~EXT2_COMPAT_HAS_JOURNAL;
    vol->super.journal_ino = 0;
    raw->compat = le32_make(vol->super.compat);
    raw->journal_ino = le32_make(0);
    raw->journal_backup = 0;
    memset(raw->journal_blocks, 0, sizeof raw->journal_blocks);
    raw->journal_blocks[SEQUENCE_SLOT] = le32_make(j->sequence);
    j->temporary = false;
    j->ring.count = j->ring.run_count = 0;
    return 0;
}

int ext2_journal_disown(struct ext2_volume *vol, struct shale_buf *buf)
{
    struct shale_fs *fs = vol->fs;
    int err = shale_bdev_write(fs->dev, ext2_block_at(vol, buf->block),
                               buf->data, vol->super.block_size);

    if (!err)
        err = shale_tx_flush(fs->tx);
    return err ? shale_fs_write_failed(vol->fs, err) : 0;
}

uint32_t ext2_journal_own_blocks(const struct ext2_volume *vol)
{
    const struct ext2_journal *j = vol->journal;
    uint32_t per_block = vol->super.block_size / (uint32_t)sizeof(le32), lists;

    if (!j || !j->temporary || j->ring.count <= EXT2_DIRECT)
        return 0;
    lists = (j->ring.count - EXT2_DIRECT + per_block - 1) / per_block;
    return j->ring.count + lists + (lists > 1);
}
