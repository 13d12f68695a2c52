/*
 * journal.c - how batches become whole: our use of a journal
 *
 * Some changes take several blocks that have to reach the device all or none: a
 * directory that moves, a name that takes another's place, an index that grows.
 * No order of writing makes them safe, so batches go through a journal, which
 * whoever finds the volume after a power cut replays: we, e2fsck or Linux.
 *
 * An ext3 volume has one. An ext2 volume gets one for as long as it is in use:
 * made when it is marked as in use, removed when it is marked as clean, known
 * by its UUID if it is still there at the next mount. If there is no room for
 * one, batches are written by rank, as tx.h says.
 *
 * The log of a batch, in the ring:
 *
 *     descriptor  images  descriptor  images ...  commit  zeros
 *
 * (1) All but the commit block is written first, with zeros for that; then,
 *     after a flush, the commit block. So it cannot be taken for valid early,
 *     and the log's end cannot be mistaken, whatever the ring held before.
 * (2) The journal's superblock on the device points to the oldest log that may
 *     be replayed. What is in its place need not be, but can, unless a freed
 *     block that it holds is used again: then it is made void before (`holds`,
 *     `placed`).
 * (3) What the last log holds is in its places, but not flushed. The flush of
 *     (1) of the next one does that, so that two are enough for a batch.
 * (4) A log never overlaps one that the superblock on the device leads to. The
 *     superblock moves on, to the last log and not past it, with the blocks of
 *     (1) of a later one, before the largest batch would not fit any more; that
 *     is why the ring has room for three of these.
 * (5) A journal of ours is announced when it is there, and removed when that
 *     has been taken back: nobody uses blocks as a journal that are free.
 * (6) When a write fails nobody knows what the log holds. Unless a batch in it
 *     is not in its places, it is made void, and its number is not used again.
 */
#include "memfn.h"
#include "write.h"

/* Bytes written at once; and at least so many blocks. */
#define GATHER_BYTES (128u << 10)
#define GATHER_BLOCKS 4u

/* A journal of ours has a part of the volume; not more than so many bytes ... */
#define OWN_PART 32u
#define OWN_BYTES (16u << 20)
#define OWN_BLOCKS 8192u        /* ... and so many blocks, ... */
#define OWN_SPARE 4u            /* ... if so many times that is free */

/* More free blocks than this, and ENOSPC was about something else. */
#define SHORT_OF_BLOCKS 64u

/* Of a larger run of freed blocks it is not asked whether the log has any. */
#define HELD_LOOKS (1u << 20)
#define HELD_MAX (1u << 16)     /* slots of the table of what it has */

/* The commit block, and the zeros behind it. */
#define COMMIT_BLOCKS 2u

/*
 * Of the superblock's copy of a journal's map, while there is no journal: the
 * number of the next transaction.
 */
#define SEQUENCE_SLOT (EXT2_POINTERS + 1)

static const uint8_t own_uuid[JOURNAL_UUID_SIZE] = {
    's', 'h', 'a', 'l', 'e', ':', 'i', 'n', 'u', 's', 'e', ':', 'e', 'x', 't',
    '2',
};

/* -------------------------------------------------------------- the log */

/* The log holds nothing. */
static void hold_nothing(struct ext2_journal *j)
{
    memset(j->held, 0, j->held_room * sizeof *j->held);
    j->held_count = 0;
    j->tail = 0;
    j->used = 0;
}

/* Make the log on the device void, what it holds being in its places. */
static int make_void(struct ext2_journal *j)
{
    struct shale_bdev *dev = j->ring.vol->fs->dev;
    int err;

    if (j->tail == 0)
        return 0;
    err = shale_bdev_flush(dev);
    if (!err)
        err = ext2_ring_store(&j->ring, 0, j->sequence);
    if (!err)
        err = shale_bdev_flush(dev);
    if (!err)
        hold_nothing(j);
    return err;
}

/* Where BLOCK is in the table, or would be. */
static uint32_t *held_slot(const struct ext2_journal *j, uint32_t block)
{
    uint32_t at = block * 0x9e3779b1u;

    for (at ^= at >> 15;; at++) {
        uint32_t *slot = &j->held[at & (j->held_room - 1)];

        if (*slot == 0 || *slot == block + 1)
            return slot;
    }
}

/* The log is going to hold BLOCK. */
static void hold(struct ext2_journal *j, uint32_t block)
{
    uint32_t *slot;

    if (j->held_count == j->held_room / 2)
        return;                 /* too many to tell */
    slot = held_slot(j, block);
    if (*slot == 0)
        j->held_count++;
    *slot = block + 1;
}

static bool journal_holds(void *context, struct shale_tx_run run)
{
    const struct ext2_journal *j = context;

    if (run.first >= EXT2_FREE_INODE || j->tail == 0)
        return false;
    if (j->held_count == j->held_room / 2 || run.count > HELD_LOOKS)
        return true;
    for (uint64_t i = 0; i < run.count; i++)
        if (*held_slot(j, (uint32_t)(run.first + i)) != 0)
            return true;
    return false;
}

/* Tags that go into one descriptor whose images are written with it. */
static uint32_t tags_max(const struct ext2_journal *j)
{
    uint32_t room = j->ring.vol->super.block_size -
                    (uint32_t)sizeof(struct journal_disk_header) -
                    JOURNAL_UUID_SIZE;
    uint32_t tags = room / (uint32_t)sizeof(struct journal_disk_tag);

    return tags < j->gather_blocks ? tags : j->gather_blocks - 1;
}

/* Blocks that the log of COUNT takes. */
static uint32_t log_blocks(const struct ext2_journal *j, uint32_t count)
{
    uint32_t tags = tags_max(j);

    return count + (count + tags - 1) / tags + COMMIT_BLOCKS;
}

static void header_fill(const struct ext2_journal *j, uint8_t *block,
                        enum journal_type type)
{
    struct journal_disk_header *raw = (struct journal_disk_header *)block;

    memset(block, 0, j->ring.vol->super.block_size);
    raw->magic = be32_make(JOURNAL_MAGIC);
    raw->type = be32_make(type);
    raw->sequence = be32_make(j->sequence);
}

/* Copy BUF's data to IMAGE; returns the flag it needs. */
static unsigned image_fill(const struct ext2_journal *j,
                           const struct shale_buf *buf, uint8_t *image)
{
    memcpy(image, buf->data, j->ring.vol->super.block_size);
    if (be32_get(*(const be32 *)image) != JOURNAL_MAGIC)
        return 0;
    memset(image, 0, sizeof(be32));
    return JOURNAL_TAG_ESCAPED;
}

/* Gather a descriptor of COUNT blocks of WALK, and their images. */
static void descriptor_fill(struct ext2_journal *j, struct shale_tx_walk *walk,
                            uint32_t count)
{
    uint32_t block_size = j->ring.vol->super.block_size;
    struct journal_disk_tag *tag = (struct journal_disk_tag *)
        (j->gather + sizeof(struct journal_disk_header));

    header_fill(j, j->gather, JOURNAL_DESCRIPTOR);
    for (uint32_t i = 0; i < count; i++) {
        const struct shale_buf *buf = shale_tx_walk_next(walk);
        unsigned flags = image_fill(j, buf, j->gather +
                                            (size_t)(i + 1) * block_size);

        hold(j, (uint32_t)buf->block);
        flags |= i > 0 ? JOURNAL_TAG_SAME_UUID : 0;
        flags |= i + 1 == count ? JOURNAL_TAG_LAST : 0;
        tag->block = be32_make((uint32_t)buf->block);
        tag->flags = be16_make((uint16_t)flags);
        tag++;
        if (i == 0) {
            memcpy(tag, ext2_ring_super(&j->ring)->uuid, JOURNAL_UUID_SIZE);
            tag += JOURNAL_UUID_SIZE / sizeof *tag;
        }
    }
}

/*
 * Write descriptors and images of the COUNT blocks of WALK, and zeros, from the
 * head on. Stores where the commit block goes.
 */
static int images_write(struct ext2_journal *j, struct shale_tx_walk *walk,
                        uint32_t count, uint32_t *commit)
{
    uint32_t tags = tags_max(j), at = j->head;
    size_t zeros = (size_t)COMMIT_BLOCKS << j->ring.vol->super.block_shift;

    while (count > 0) {
        uint32_t n = count < tags ? count : tags;
        int err;

        descriptor_fill(j, walk, n);
        err = ext2_ring_write(&j->ring, at, j->gather, n + 1);
        if (err)
            return err;
        at = ext2_ring_skip(&j->ring, at, n + 1);
        count -= n;
    }
    *commit = at;
    memset(j->gather, 0, zeros);
    return ext2_ring_write(&j->ring, at, j->gather, COMMIT_BLOCKS);
}

/*
 * See to it that a log of NEED blocks from the head on overlaps none that may
 * have to be replayed. *STORE becomes true if the superblock is to be written
 * along with it, so that the log begins at *FIRST with number *SEQUENCE.
 */
static int room_make(struct ext2_journal *j, uint32_t need, bool *store,
                     uint32_t *first, uint32_t *sequence)
{
    uint32_t blocks = j->ring.count - j->ring.first;

    if (j->in_doubt) {
        int err = j->placed ? make_void(j) : SHALE_EIO;

        if (err)
            return err;
        j->in_doubt = false;
    }
    *store = true;
    *first = j->head;
    *sequence = j->sequence;
    if (j->tail != 0) {
        *store = j->placed && j->used + need + j->most > blocks;
        *first = j->last;
        *sequence = j->sequence - 1;
    }
    return j->used + need > blocks ? SHALE_EIO : 0;
}

/* Write and flush the log of COUNT blocks. *NEXT is what follows it. */
static int log_write(struct ext2_journal *j, struct shale_tx_walk *walk,
                     uint32_t count, uint32_t *next)
{
    struct shale_bdev *dev = j->ring.vol->fs->dev;
    uint32_t commit;
    int err = images_write(j, walk, count, &commit);

    if (!err)
        err = shale_bdev_flush(dev);
    if (err)
        return err;
    header_fill(j, j->gather, JOURNAL_COMMIT);
    *next = ext2_ring_skip(&j->ring, commit, 1);
    err = ext2_ring_write_sector(&j->ring, commit, j->gather);
    return err ? err : shale_bdev_flush(dev);
}

static int journal_write(void *context, struct shale_tx_walk *walk,
                         size_t count)
{
    struct ext2_journal *j = context;
    uint32_t need = log_blocks(j, (uint32_t)count), first, sequence, next = 0;
    bool store, was_void;
    int err = room_make(j, need, &store, &first, &sequence);

    if (err)
        return err;
    j->in_doubt = true;
    was_void = j->tail == 0;
    if (store) {
        j->tail = first;
        err = ext2_ring_store(&j->ring, first, sequence);
    }
    if (!err)
        err = log_write(j, walk, (uint32_t)count, &next);
    j->sequence++;
    if (err)
        return err;
    if (store)
        j->used = was_void ? 0 : j->last_used;
    j->last = j->head;
    j->last_used = need - 1;    /* the next one begins with the zeros */
    j->used += j->last_used;
    j->head = next;
    j->placed = false;
    j->in_doubt = false;
    return 0;
}

static int journal_placed(void *context, bool is_to_be_void)
{
    struct ext2_journal *j = context;

    j->placed = true;
    return is_to_be_void ? make_void(j) : 0;
}

/* ------------------------------------------------------------- using one */

static void memory_free(struct ext2_journal *j)
{
    const struct ext2_volume *vol = j->ring.vol;

    shale_free(vol->fs->mem, j->gather,
               (size_t)j->gather_blocks << vol->super.block_shift);
    shale_free(vol->fs->mem, j->held, j->held_room * sizeof *j->held);
    j->gather = NULL;
    j->held = NULL;
    j->held_room = 0;
}

/* What J needs to be written, for a ring of its size. */
static int memory_alloc(struct ext2_journal *j)
{
    const struct ext2_volume *vol = j->ring.vol;
    uint32_t blocks = GATHER_BYTES >> vol->super.block_shift;
    uint32_t room = 2 * JOURNAL_MIN_BLOCKS;

    /* Half of it is enough for all that the ring can hold; or for much. */
    while (room / 2 <= j->ring.count && room < HELD_MAX)
        room *= 2;
    if (j->gather && j->held_room >= room)
        return 0;
    memory_free(j);
    j->gather_blocks = blocks < GATHER_BLOCKS ? GATHER_BLOCKS : blocks;
    j->gather = shale_alloc(vol->fs->mem, (size_t)j->gather_blocks
                                          << vol->super.block_shift);
    j->held = shale_zalloc(vol->fs->mem, room * sizeof *j->held);
    j->held_room = j->held ? room : 0;
    return j->gather && j->held ? 0 : SHALE_ENOMEM;
}

/* How many blocks may a batch have that three of them fit the ring? */
static uint32_t capacity(const struct ext2_journal *j)
{
    uint32_t third = (j->ring.count - j->ring.first) / 3;
    uint32_t count = third;

    while (count > 0 && log_blocks(j, count) > third)
        count -= log_blocks(j, count) - third;
    return count;
}

/*
 * Send batches through J from the next one on, its log being void. Which
 * features it has had does not matter any more: we use none.
 */
static int journal_start(struct ext2_journal *j)
{
    struct journal_disk_super *raw = ext2_ring_super(&j->ring);
    struct shale_tx *tx = j->ring.vol->fs->tx;
    int err = memory_alloc(j);

    if (!err)
        err = shale_tx_save(tx, j, sizeof *j);
    if (err)
        return err;
    if (be32_get(raw->header.type) == JOURNAL_SUPER_V2) {
        raw->compat = raw->incompat = be32_make(0);
        raw->checksum_type = 0;
        raw->checksum = be32_make(0);
    }
    raw->error = be32_make(0);
    j->most = log_blocks(j, capacity(j));
    j->log = (struct shale_tx_log){
        .context = j, .capacity = capacity(j),
        .write = journal_write, .placed = journal_placed,
        .holds = journal_holds,
    };
    hold_nothing(j);
    j->placed = true;
    j->in_doubt = false;
    j->active = true;
    shale_tx_set_log(tx, &j->log);
    return ext2_ring_store(&j->ring, 0, j->sequence);
}

/* ------------------------------------------------------------ one of ours */

static bool is_ours(const struct journal_disk_super *raw)
{
    return be32_get(raw->header.type) == JOURNAL_SUPER_V2 &&
           memcmp(raw->uuid, own_uuid, sizeof own_uuid) == 0;
}

/* How many blocks should it have? 0: there is no room for one. */
static int own_size(struct ext2_volume *vol, uint32_t *out)
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
    free_blocks = vol->space->free_blocks;
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

/*
 * Make inode VN a journal of COUNT blocks, RING. Whatever that inode says now,
 * without has_journal it is nothing to anybody: a cut may have left it.
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
    };
    err = ext2_inode_create(vol, (uint32_t)vn->base.ino, &vn->inode);
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

static void journal_free(struct ext2_volume *vol, struct ext2_journal *j)
{
    memory_free(j);
    ext2_ring_fini(&j->ring);
    shale_free(vol->fs->mem, j, sizeof *j);
}

static int journal_alloc(struct ext2_volume *vol, struct ext2_journal **out)
{
    struct ext2_journal *j = shale_zalloc(vol->fs->mem, sizeof *j);
    int err;

    if (!j)
        return SHALE_ENOMEM;
    err = ext2_ring_init(vol, &j->ring);
    if (err)
        shale_free(vol->fs->mem, j, sizeof *j);
    else
        *out = j;
    return err;
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
    int err = vol->journal ? 0 : journal_alloc(vol, &vol->journal);

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
    size_t offset = vol->super.at & (vol->super.block_size - 1);
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
 * the last one ended; the first one begins anywhere.
 */
static uint32_t first_sequence(const struct ext2_volume *vol,
                               const struct ext2_disk_super *raw)
{
    uint32_t sequence = le32_get(raw->journal_blocks[SEQUENCE_SLOT]);

    if (raw->journal_backup == 0 && sequence != 0)
        return sequence;
    sequence = ext2_crc32c(UINT32_MAX, raw->uuid, sizeof raw->uuid);
    sequence += (uint32_t)shale_now(vol->fs).sec;
    return sequence != 0 ? sequence : 1;
}

/* Make a journal of COUNT blocks. */
static int own_make(struct ext2_volume *vol, struct shale_buf *buf,
                    struct ext2_disk_super *raw, uint32_t count)
{
    struct ext2_vnode vn = {
        .base = { .fs = vol->fs, .ino = EXT2_JOURNAL_INO }, .fresh = true,
    };
    struct ext2_journal *j;
    int err = own_alloc(vol);

    if (!err)
        err = shale_tx_save(vol->fs->tx, &vol->super, sizeof vol->super);
    if (err)
        return err;
    j = vol->journal;
    err = own_file_make(&vn, &j->ring, count);
    if (err)
        return err;
    own_super_fill(&j->ring);
    j->ring.first = 1;
    j->head = 1;
    if (j->sequence == 0)
        j->sequence = first_sequence(vol, raw);
    err = journal_start(j);
    return err ? err : own_announce(vol, buf, raw, &vn.inode);
}

/* COUNT blocks from FIRST on, which were a journal's, are free. */
static int own_blocks_free(struct ext2_volume *vol, uint32_t first,
                           uint32_t count)
{
    if (!ext2_block_usable(vol, first) ||
        count > vol->super.block_count - first)
        return shale_corrupt(vol->fs, "ext2: the journal's map leaves the "
                             "volume", ext2_block_at(vol, first));
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

static int own_remove(struct ext2_journal *j, struct ext2_disk_super *raw)
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
    struct shale_bdev *dev = vol->fs->dev;
    int err = shale_bdev_write(dev, ext2_block_at(vol, buf->block), buf->data,
                               vol->super.block_size);

    if (!err)
        err = shale_bdev_flush(dev);
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

/* ------------------------------------------------------------- the volume */

/* A journal with something in its log that is to be replayed. */
static int replay(struct ext2_volume *vol, struct ext2_ring *ring)
{
    uint32_t shift = vol->super.block_shift, count = vol->super.block_count;
    uint32_t transactions;
    int err = ext2_replay(ring, &transactions);

    if (err)
        return err;
    vol->fs->unfinished = true;         /* it still says that it needs that */
    if (transactions == 0)
        return 0;
    shale_cache_shrink(vol->fs->cache, SIZE_MAX);
    err = ext2_super_load(vol->fs, &vol->super);
    if (err)
        return err;
    if (vol->super.block_shift != shift || vol->super.block_count != count)
        return shale_corrupt(vol->fs, "ext2: the journal made a volume of "
                             "another size", vol->super.at);
    return vol->fs->read_only
           ? shale_fail(vol->fs, SHALE_ENOTSUP, "ext2: the journal made a "
                        "volume that cannot be written", NULL, vol->super.at)
           : 0;
}

int ext2_journal_init(struct ext2_volume *vol)
{
    struct ext2_journal *j;
    int err;

    if (!(vol->super.compat & EXT2_COMPAT_HAS_JOURNAL))
        return 0;
    err = journal_alloc(vol, &j);
    if (err)
        return err;
    err = ext2_ring_load(&j->ring);
    if (!err && (vol->super.incompat & EXT2_INCOMPAT_RECOVER))
        err = replay(vol, &j->ring);
    if (err) {
        journal_free(vol, j);
        return err;
    }
    if (be32_get(ext2_ring_super(&j->ring)->error) != 0)
        vol->super.state |= EXT2_STATE_ERRORS;
    vol->super.incompat &= ~EXT2_INCOMPAT_RECOVER;
    j->temporary = is_ours(ext2_ring_super(&j->ring));
    if (j->temporary)
        vol->fs->unfinished = true;
    j->head = j->ring.first;
    j->sequence = be32_get(ext2_ring_super(&j->ring)->sequence);
    vol->journal = j;
    return 0;
}

void ext2_journal_fini(struct ext2_volume *vol)
{
    if (vol->journal)
        journal_free(vol, vol->journal);
    vol->journal = NULL;
}

int ext2_journal_begin(struct ext2_volume *vol, struct shale_buf *buf,
                       struct ext2_disk_super *raw)
{
    uint32_t blocks;
    int err;

    if (vol->journal && vol->journal->active)
        return 0;
    if (vol->super.compat & EXT2_COMPAT_HAS_JOURNAL) {
        if (vol->journal->ring.count < JOURNAL_MIN_BLOCKS)
            return 0;
        raw->incompat = le32_make(vol->super.incompat | EXT2_INCOMPAT_RECOVER);
        return journal_start(vol->journal);
    }
    if (vol->super.rev_level == EXT2_GOOD_OLD_REV)
        return 0;
    err = own_size(vol, &blocks);
    if (err || blocks == 0 || vol->no_room)
        return err;
    err = own_make(vol, buf, raw, blocks);
    vol->no_room = err == SHALE_ENOSPC;         /* the next try does without */
    return err;
}

int ext2_journal_end(struct ext2_volume *vol, struct ext2_disk_super *raw)
{
    struct ext2_journal *j = vol->journal;
    int err;

    if (!j)
        return 0;
    err = j->active ? make_void(j) : 0;
    if (err)
        return shale_fs_write_failed(vol->fs, err);
    err = shale_tx_save(vol->fs->tx, j, sizeof *j);
    if (!err)
        err = shale_tx_save(vol->fs->tx, &vol->super, sizeof vol->super);
    if (err)
        return err;
    shale_tx_set_log(vol->fs->tx, NULL);
    j->active = false;
    raw->incompat = le32_make(vol->super.incompat);
    return j->temporary ? own_remove(j, raw) : 0;
}

int ext2_make_room(struct shale_fs *fs)
{
    struct ext2_volume *vol = ext2_volume_of(fs);
    struct ext2_disk_super *raw;
    struct shale_buf *buf;
    uint64_t left;
    int err;

    if (!vol->journal || !vol->journal->temporary)
        return SHALE_ENOENT;
    err = ext2_space_count(vol);
    if (err)
        return err;
    left = vol->space->free_blocks;
    if (vol->space->keep_reserved)
        left -= left < vol->super.reserved_blocks ? left
                                                  : vol->super.reserved_blocks;
    if (left > SHORT_OF_BLOCKS)
        return SHALE_ENOENT;    /* it was not for want of blocks */
    err = ext2_orphans_unlist(vol);     /* the last that has to be whole */
    if (err != SHALE_ENOENT)
        return err;
    err = ext2_super_change(vol, &buf, &raw);
    if (err)
        return err;
    err = ext2_journal_end(vol, raw);
    if (!err)
        err = ext2_journal_disown(vol, buf);
    shale_buf_put(buf);
    return err;
}

void ext2_purge(struct shale_fs *fs)
{
    struct ext2_volume *vol = ext2_volume_of(fs);
    uint32_t blocks;

    if (vol->journal && vol->journal->active)
        return;
    if (!(vol->super.compat & EXT2_COMPAT_HAS_JOURNAL) &&
        vol->super.rev_level != EXT2_GOOD_OLD_REV &&
        own_size(vol, &blocks) == 0 && blocks > 0)
        fs->mark_again = true;
}
