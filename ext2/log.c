/*
 * log.c - the log of a batch, in the journal's ring
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
 * (5) When a write or a flush has failed nobody knows what the device has, but
 *     for what was flushed before: logs up to the last one, and the places of
 *     those before that. So the last one is brought to its places again, from
 *     the log, before that is made void and anything else is logged; and the
 *     number of one that failed is not used again.
 */
#include "journal.h"
#include "memfn.h"

/*
 * Bytes written at once, though no more than a part of what the cache may have;
 * and at least so many blocks: a descriptor, an image, and what ends a log.
 */
#define GATHER_BYTES ((size_t)128 << 10)
#define GATHER_BLOCKS 4u
#define MEMORY_BUDGET 4u

/* Of a larger run of freed blocks it is not asked whether the log has any. */
#define HELD_LOOKS (1u << 20)
#define HELD_MAX (1u << 16)     /* slots of the table of what it has; ... */
#define HELD_MIN 256u           /* ... if there is little memory, these */

/* The commit block, and the zeros behind it. */
#define COMMIT_BLOCKS 2u

/* The log holds nothing. */
static void hold_nothing(struct ext2_journal *j)
{
    memset(j->held, 0, j->held_room * sizeof *j->held);
    j->held_count = 0;
    j->tail = j->last = 0;
    j->used = 0;
    j->in_doubt = j->is_lapsing = false;
}

/*
 * Replay the last log, and make all void, see (5). Others may read from its
 * places meanwhile: what is not in memory, newer, is the same there and here.
 */
static int last_replay(struct ext2_journal *j)
{
    struct journal_disk_super *raw = ext2_ring_super(&j->ring);
    uint32_t transactions;
    int err;

    raw->start = be32_make(j->last);
    raw->sequence = be32_make(j->last_sequence);
    err = ext2_replay(&j->ring, &transactions);
    if (!err)
        j->sequence = be32_get(raw->sequence);
    return err;
}

/* The log is void when the device has been flushed once more. */
static int void_store(struct ext2_journal *j)
{
    int err = shale_bdev_flush(j->ring.vol->fs->dev);

    return err ? err : ext2_ring_store(&j->ring, 0, j->sequence);
}

/* Make the log void, if it is not. */
static int log_void(struct ext2_journal *j)
{
    int err;

    if (j->tail == 0)
        return 0;
    if (j->in_doubt && j->last != 0) {
        err = last_replay(j);
    } else {
        err = void_store(j);
        if (!err)
            err = shale_bdev_flush(j->ring.vol->fs->dev);
    }
    j->in_doubt = err != 0;
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

static int journal_bypass(void *context, uint64_t block)
{
    struct ext2_journal *j = context;
    int err;

    if (!journal_holds(j, (struct shale_tx_run){ block, 1 }))
        return 0;
    if (j->in_doubt)
        return log_void(j);
    err = void_store(j);
    j->is_lapsing = !err;
    j->in_doubt = err != 0;
    return err;
}

static void journal_doubt(void *context)
{
    struct ext2_journal *j = context;

    j->in_doubt = j->tail != 0;
    j->is_lapsing = false;
}

/* Tags that go into one descriptor whose images are written with it. */
static uint32_t tags_max(const struct ext2_journal *j)
{
    uint32_t room = j->ring.vol->super.block_size -
                    (uint32_t)sizeof(struct journal_disk_header) -
                    JOURNAL_UUID_SIZE;
    uint32_t tags = room / (uint32_t)sizeof(struct journal_disk_tag);
    uint32_t most = j->gather_blocks - 1 - COMMIT_BLOCKS;

    return tags < most ? tags : most;
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
    uint32_t tags = tags_max(j), shift = j->ring.vol->super.block_shift;
    int err = 0;

    *commit = j->head;
    while (!err && count > 0) {
        uint32_t n = count < tags ? count : tags, zeros = 0;
        uint32_t at = *commit;

        descriptor_fill(j, walk, n);
        *commit = ext2_ring_skip(&j->ring, at, n + 1);
        count -= n;
        if (count == 0) {
            zeros = COMMIT_BLOCKS;
            memset(j->gather + ((size_t)(n + 1) << shift), 0,
                   (size_t)zeros << shift);
        }
        err = ext2_ring_write(&j->ring, at, j->gather, n + 1 + zeros);
    }
    return err;
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

    /* One after the other could not be brought to its places. */
    if (j->used + need > blocks)
        j->in_doubt = true;
    if (j->in_doubt || j->is_lapsing) {
        int err = log_void(j);

        if (err)
            return err;
    }
    *store = true;
    *first = j->head;
    *sequence = j->sequence;
    if (j->tail != 0) {
        *store = j->placed && j->used + need + j->most > blocks;
        *first = j->last;
        *sequence = j->last_sequence;
    }
    return 0;
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
    if (err) {
        j->sequence++;
        return err;
    }
    if (store)
        j->used = was_void ? 0 : j->last_used;
    j->last = j->head;
    j->last_sequence = j->sequence++;
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
    if (j->is_lapsing)
        hold_nothing(j);
    return is_to_be_void ? log_void(j) : 0;
}

/* ---------------------------------------------------------- being used */

void ext2_log_free(struct ext2_journal *j)
{
    const struct ext2_volume *vol = j->ring.vol;

    shale_free(vol->fs->mem, j->gather,
               (size_t)j->gather_blocks << vol->super.block_shift);
    shale_free(vol->fs->mem, j->held, j->held_room * sizeof *j->held);
    j->gather = NULL;
    j->held = NULL;
    j->held_room = 0;
}

/* How much may each part of what J needs take, in bytes? */
static size_t memory_part(const struct ext2_journal *j)
{
    struct shale_cache_stats stats;

    shale_cache_stats(j->ring.vol->fs->cache, &stats);
    return stats.budget / MEMORY_BUDGET;
}

/* What J needs to be written, for a ring of its size. */
static int memory_alloc(struct ext2_journal *j)
{
    const struct ext2_volume *vol = j->ring.vol;
    size_t part = memory_part(j);
    size_t bytes = part < GATHER_BYTES ? part : GATHER_BYTES;
    uint32_t blocks = (uint32_t)(bytes >> vol->super.block_shift);
    uint32_t room = HELD_MIN;

    /* Half of it is enough for all that the ring can hold; or for much. */
    while (room / 2 <= j->ring.count && room < HELD_MAX &&
           2 * room * sizeof *j->held <= part)
        room *= 2;
    if (j->gather && j->held_room >= room)
        return 0;
    ext2_log_free(j);
    do {
        j->gather_blocks = blocks < GATHER_BLOCKS ? GATHER_BLOCKS : blocks;
        j->gather = shale_alloc(vol->fs->mem, (size_t)j->gather_blocks
                                              << vol->super.block_shift);
        blocks /= 2;
    } while (!j->gather && j->gather_blocks > GATHER_BLOCKS);
    j->held = shale_zalloc(vol->fs->mem, room * sizeof *j->held);
    j->held_room = j->held ? room : 0;
    return j->gather && j->held ? 0 : SHALE_ENOMEM;
}

/* How many blocks may a batch have that three of them fit the ring? */
static uint32_t capacity(const struct ext2_journal *j)
{
    uint32_t third = (j->ring.count - j->ring.first) / 3;
    uint64_t tags = tags_max(j);

    /* Of each TAGS + 1 blocks one is a descriptor. */
    return third <= COMMIT_BLOCKS
               ? 0 : (uint32_t)((third - COMMIT_BLOCKS) * tags / (tags + 1));
}

int ext2_log_start(struct ext2_journal *j)
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
        .holds = journal_holds, .bypass = journal_bypass,
        .doubt = journal_doubt,
    };
    hold_nothing(j);
    j->placed = true;
    j->active = true;
    shale_tx_set_log(tx, &j->log);
    return ext2_ring_store(&j->ring, 0, j->sequence);
}
