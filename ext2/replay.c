/*
 * replay.c - bringing what is in a journal's log to its places
 *
 * The log is walked three times:
 *
 *     SCAN    find its end, which is behind the last transaction that has a
 *             commit block, and check all that can be checked; what has none
 *             is what was being written when the power went, and is no fault
 *     REVOKE  note which blocks were freed as metadata, and in which
 *             transaction: no image from then or before counts any more
 *     WRITE   write all other images to their places
 *
 * (1) Nothing is written before SCAN and REVOKE are through, so a log that is
 *     refused leaves the volume alone.
 * (2) A walk takes no more steps than the ring has blocks.
 * (3) A cut during WRITE is harmless: the log is emptied after that, and
 *     replaying twice is replaying once.
 */
#include "memfn.h"
#include "write.h"

#define REVOKED_MIN 64u         /* slots */
#define REVOKED_MAX (1u << 26)

enum pass { SCAN, REVOKE, WRITE };

/* What the parts of a walk return but for 0 and errors: the log is over. */
enum { LOG_ENDS = 1 };

/* A block that was revoked, last in transaction SEQUENCE. */
struct revoked {
    uint64_t block;             /* plus 1; 0: a free slot */
    uint32_t sequence;
};

struct replay {
    struct ext2_ring *ring;
    struct shale_fs *fs;
    uint32_t block_size;

    /* What the journal's superblock says. */
    uint32_t start, sequence;
    bool is_64bit, v1, v2, v3, async;
    uint32_t seed;              /* of v2 and v3 checksums */

    uint32_t end;               /* sequence of the first that is not whole */
    uint8_t *block, *image;
    uint32_t checksum;          /* v1: of the transaction so far */

    struct revoked *revoked;    /* a hash table */
    uint32_t revoked_room;      /* a power of two, or 0 */
    uint32_t revoked_count;
};

static int corrupt(const struct replay *r, const char *what, uint32_t index)
{
    return shale_corrupt_inode(r->fs, what, ext2_ring_at(r->ring, index),
                               r->ring->vol->super.journal_ino);
}

/*
 * Read the block at INDEX into r->block. Returns its type if it is one of
 * transaction SEQUENCE, 0 if it is not, or an error.
 */
static int block_load(struct replay *r, uint32_t index, uint32_t sequence)
{
    const struct journal_disk_header *raw =
        (const struct journal_disk_header *)r->block;
    int err = ext2_ring_read(r->ring, index, r->block);

    if (err)
        return err;
    if (be32_get(raw->magic) != JOURNAL_MAGIC ||
        be32_get(raw->sequence) != sequence)
        return 0;
    switch (be32_get(raw->type)) {
    case JOURNAL_DESCRIPTOR:
        return JOURNAL_DESCRIPTOR;
    case JOURNAL_COMMIT:
        return JOURNAL_COMMIT;
    case JOURNAL_REVOKE:
        return JOURNAL_REVOKE;
    }
    return 0;
}

/* Where the tags, or revocations, in a block end. */
static uint32_t content_end(const struct replay *r)
{
    return r->v2 || r->v3 ? r->block_size - (uint32_t)sizeof(be32)
                          : r->block_size;
}

/* -------------------------------------------------------------- checksums */

/* A v2 or v3 checksum of the block BYTES that has it in the be32 at OFFSET. */
static uint32_t block_checksum(const struct replay *r, const uint8_t *bytes,
                               size_t offset)
{
    static const uint8_t zero[4];
    uint32_t crc = ext2_crc32c(r->seed, bytes, offset);

    crc = ext2_crc32c(crc, zero, sizeof zero);
    offset += sizeof zero;
    return ext2_crc32c(crc, bytes + offset, r->block_size - offset);
}

/* Descriptors and revocations have one at their end. */
static bool tail_is_right(const struct replay *r)
{
    size_t offset = r->block_size - sizeof(be32);

    if (!r->v2 && !r->v3)
        return true;
    return block_checksum(r, r->block, offset) ==
           be32_get(*(const be32 *)(r->block + offset));
}

static bool commit_is_right(const struct replay *r)
{
    const struct journal_disk_commit *raw =
        (const struct journal_disk_commit *)r->block;

    if (r->v2 || r->v3)
        return block_checksum(r, r->block,
                              offsetof(struct journal_disk_commit,
                                       checksum)) == be32_get(raw->checksum);
    /* Type 0: it was not made, though the feature is on. */
    if (!r->v1 || raw->checksum_type == 0)
        return true;
    return raw->checksum_type == 1 && be32_get(raw->checksum) == r->checksum;
}

/*
 * SCAN has found WHAT at INDEX, in transaction SEQUENCE. If that has a commit
 * block it was whole once, and WHAT is what has become of it. If not, this is
 * half of the last transaction, and half of what was there in earlier rounds
 * of the ring; none of that has its number, which never comes again. As it is
 * not known how far it would have gone, all of the ring is looked through.
 */
static int flawed(struct replay *r, const char *what, uint32_t index,
                  uint32_t sequence)
{
    uint32_t count = r->ring->count - r->ring->first, at = index;

    if (r->async)
        return LOG_ENDS;        /* the commit block may be there early */
    for (uint32_t i = 1; i < count; i++) {
        int type;

        at = ext2_ring_skip(r->ring, at, 1);
        type = block_load(r, at, sequence);
        if (type < 0)
            return type;
        if (type == JOURNAL_COMMIT && (r->v1 || commit_is_right(r)))
            return corrupt(r, what, index);
    }
    return LOG_ENDS;
}

/* ------------------------------------------------------------ revocations */

static struct revoked *revoked_slot(const struct replay *r, uint64_t block)
{
    uint64_t hash = (block + 1) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t at = (uint32_t)(hash >> 32) & (r->revoked_room - 1);

    while (r->revoked[at].block != 0 && r->revoked[at].block != block + 1)
        at = (at + 1) & (r->revoked_room - 1);
    return &r->revoked[at];
}

static int revoked_grow(struct replay *r)
{
    uint32_t old_room = r->revoked_room;
    uint32_t room = old_room ? old_room * 2 : REVOKED_MIN;
    struct revoked *old = r->revoked;

    if (room > REVOKED_MAX)
        return SHALE_ENOMEM;
    r->revoked = shale_zalloc(r->fs->mem, room * sizeof *old);
    if (!r->revoked) {
        r->revoked = old;
        return SHALE_ENOMEM;
    }
    r->revoked_room = room;
    for (uint32_t i = 0; i < old_room; i++)
        if (old[i].block != 0)
            *revoked_slot(r, old[i].block - 1) = old[i];
    shale_free(r->fs->mem, old, old_room * sizeof *old);
    return 0;
}

/* BLOCK is revoked in SEQUENCE, which never is before those noted so far. */
static int revoked_note(struct replay *r, uint64_t block, uint32_t sequence)
{
    struct revoked *slot;
    int err;

    if (r->revoked_count >= r->revoked_room / 4 * 3) {
        err = revoked_grow(r);
        if (err)
            return err;
    }
    slot = revoked_slot(r, block);
    if (slot->block == 0)
        r->revoked_count++;
    *slot = (struct revoked){ .block = block + 1, .sequence = sequence };
    return 0;
}

/* Has BLOCK been revoked in SEQUENCE or later? */
static bool is_revoked(const struct replay *r, uint64_t block,
                       uint32_t sequence)
{
    const struct revoked *slot;

    if (r->revoked_room == 0)
        return false;
    slot = revoked_slot(r, block);
    return slot->block != 0 && (int32_t)(slot->sequence - sequence) >= 0;
}

/* The block of revocations at INDEX, in r->block. */
static int revoke_block(struct replay *r, enum pass pass, uint32_t index,
                        uint32_t sequence)
{
    const struct journal_disk_revoke *raw =
        (const struct journal_disk_revoke *)r->block;
    uint32_t used = be32_get(raw->used), width = r->is_64bit ? 8 : 4;

    if (pass == WRITE)
        return 0;
    if (pass == SCAN && !tail_is_right(r))
        return flawed(r, "ext2: revocations in the journal have a wrong "
                      "checksum", index, sequence);
    if (used < sizeof *raw || used > content_end(r))
        return flawed(r, "ext2: bad length of revocations in the journal",
                      index, sequence);
    if (pass == SCAN)
        return 0;
    for (uint32_t at = sizeof *raw; used - at >= width; at += width) {
        const be32 *number = (const be32 *)(r->block + at);
        uint64_t block = be32_get(number[0]);
        int err;

        if (r->is_64bit)
            block = block << 32 | be32_get(number[1]);
        err = revoked_note(r, block, sequence);
        if (err)
            return err;
    }
    return 0;
}

/* ------------------------------------------------------------ descriptors */

/* A tag, decoded. */
struct tag {
    uint64_t block;
    uint32_t flags;
    uint32_t checksum;
};

static uint32_t tag_size(const struct replay *r)
{
    uint32_t size = sizeof(struct journal_disk_tag);

    if (r->v3)
        return sizeof(struct journal_disk_tag3);
    if (r->v2)
        size += 2;              /* the checksum grew, and was not used whole */
    return r->is_64bit ? size + (uint32_t)sizeof(be32) : size;
}

static void tag_decode(const struct replay *r, const uint8_t *bytes,
                       struct tag *out)
{
    const struct journal_disk_tag3 *v3 =
        (const struct journal_disk_tag3 *)bytes;
    const struct journal_disk_tag *raw = (const struct journal_disk_tag *)bytes;

    out->block = be32_get(raw->block);
    if (r->v3) {
        out->flags = be32_get(v3->flags);
        out->checksum = be32_get(v3->checksum);
    } else {
        out->flags = be16_get(raw->flags);
        out->checksum = be16_get(raw->checksum);
    }
    /* In either form the high half is what follows these eight bytes. */
    if (r->is_64bit)
        out->block |= (uint64_t)be32_get(*(const be32 *)(raw + 1)) << 32;
}

/* Does the image of TAG, in r->image, have the checksum that TAG says? */
static bool image_is_right(const struct replay *r, const struct tag *tag,
                           uint32_t sequence)
{
    be32 number = be32_make(sequence);
    uint32_t crc;

    if (!r->v2 && !r->v3)
        return true;
    crc = ext2_crc32c(r->seed, number.b, sizeof number.b);
    crc = ext2_crc32c(crc, r->image, r->block_size);
    return (r->v3 ? crc : (crc & 0xffff)) == tag->checksum;
}

/* Check the image at INDEX that TAG announces. */
static int image_check(struct replay *r, const struct tag *tag, uint32_t index,
                       uint32_t sequence)
{
    int err;

    if (tag->block >= r->ring->vol->super.block_count)
        return flawed(r, "ext2: the journal has a block that is off the "
                      "volume", index, sequence);
    if (!r->v1 && !r->v2 && !r->v3)
        return 0;
    err = ext2_ring_read(r->ring, index, r->image);
    if (err)
        return err;
    if (r->v1)
        r->checksum = ext2_crc32_be(r->checksum, r->image, r->block_size);
    return image_is_right(r, tag, sequence) ? 0 :
           flawed(r, "ext2: a block in the journal has a wrong checksum",
                  index, sequence);
}

/* Write the image at INDEX where TAG says. */
static int image_write(struct replay *r, const struct tag *tag, uint32_t index,
                       uint32_t sequence)
{
    be32 magic = be32_make(JOURNAL_MAGIC);
    int err;

    if (is_revoked(r, tag->block, sequence))
        return 0;
    err = ext2_ring_read(r->ring, index, r->image);
    if (err)
        return err;
    if (tag->flags & JOURNAL_TAG_ESCAPED)
        memcpy(r->image, &magic, sizeof magic);
    return shale_bdev_write(r->fs->dev, ext2_block_at(r->ring->vol, tag->block),
                            r->image, r->block_size);
}

/* The descriptor at INDEX, in r->block. Stores how many images follow it. */
static int descriptor_block(struct replay *r, enum pass pass, uint32_t index,
                            uint32_t sequence, uint32_t *images)
{
    uint32_t at = sizeof(struct journal_disk_header), size = tag_size(r);
    uint32_t end = content_end(r), count = 0;
    struct tag tag = { .flags = 0 };
    int err = 0;

    if (pass == SCAN && !tail_is_right(r))
        return flawed(r, "ext2: a descriptor in the journal has a wrong "
                      "checksum", index, sequence);
    if (pass == SCAN && r->v1)
        r->checksum = ext2_crc32_be(r->checksum, r->block, r->block_size);
    while (!err && !(tag.flags & JOURNAL_TAG_LAST) && end - at >= size) {
        uint32_t image = ext2_ring_skip(r->ring, index, ++count);

        if (count >= r->ring->count - r->ring->first)
            return flawed(r, "ext2: a descriptor in the journal has more "
                          "blocks than the journal", index, sequence);
        tag_decode(r, r->block + at, &tag);
        at += size;
        if (!(tag.flags & JOURNAL_TAG_SAME_UUID))
            at = end - at > JOURNAL_UUID_SIZE ? at + JOURNAL_UUID_SIZE : end;
        if (pass == SCAN)
            err = image_check(r, &tag, image, sequence);
        else if (pass == WRITE)
            err = image_write(r, &tag, image, sequence);
    }
    *images = count;
    return err;
}

/* ------------------------------------------------------------------ walks */

/* The commit block of *SEQUENCE, at INDEX, in r->block. */
static int commit_block(struct replay *r, enum pass pass, uint32_t index,
                        uint32_t *sequence)
{
    if (pass == SCAN && !commit_is_right(r)) {
        /* Written at the same time as what it is about, it may be early. */
        if (r->async)
            return LOG_ENDS;
        return corrupt(r, "ext2: a transaction in the journal has a wrong "
                       "checksum", index);
    }
    ++*sequence;
    if (pass == SCAN)
        r->end = *sequence;
    r->checksum = UINT32_MAX;
    return 0;
}

static int walk(struct replay *r, enum pass pass)
{
    uint32_t left = r->ring->count - r->ring->first;
    uint32_t index = r->start, sequence = r->sequence;

    r->checksum = UINT32_MAX;
    while (left > 0 && (pass == SCAN || sequence != r->end)) {
        int type = block_load(r, index, sequence), err = 0;
        uint32_t images = 0;

        if (type < 0)
            return type;
        if (type == JOURNAL_DESCRIPTOR)
            err = descriptor_block(r, pass, index, sequence, &images);
        else if (type == JOURNAL_REVOKE)
            err = revoke_block(r, pass, index, sequence);
        else if (type == JOURNAL_COMMIT)
            err = commit_block(r, pass, index, &sequence);
        if (err < 0)
            return err;
        if (type == 0 || err == LOG_ENDS || images >= left)
            break;
        index = ext2_ring_skip(r->ring, index, 1 + images);
        left -= 1 + images;
    }
    /* What SCAN has found is there, unless an image has been put over it. */
    if (pass != SCAN && sequence != r->end)
        return corrupt(r, "ext2: the journal is part of its own log", index);
    return 0;
}

static void settings_decode(struct replay *r)
{
    const struct journal_disk_super *raw = ext2_ring_super(r->ring);
    uint32_t incompat = 0, compat = 0;

    if (be32_get(raw->header.type) == JOURNAL_SUPER_V2) {
        compat = be32_get(raw->compat);
        incompat = be32_get(raw->incompat);
    }
    r->start = be32_get(raw->start);
    r->sequence = r->end = be32_get(raw->sequence);
    r->is_64bit = incompat & JOURNAL_INCOMPAT_64BIT;
    r->async = incompat & JOURNAL_INCOMPAT_ASYNC_COMMIT;
    r->v3 = incompat & JOURNAL_INCOMPAT_CSUM_V3;
    r->v2 = !r->v3 && (incompat & JOURNAL_INCOMPAT_CSUM_V2);
    r->v1 = !r->v3 && !r->v2 && (compat & JOURNAL_COMPAT_CHECKSUM);
    r->seed = ext2_crc32c(UINT32_MAX, raw->uuid, sizeof raw->uuid);
}

/* The three walks, and the log empty after them. */
static int replay(struct replay *r)
{
    int err = walk(r, SCAN);

    if (!err)
        err = walk(r, REVOKE);
    if (!err)
        err = walk(r, WRITE);
    if (!err)
        err = shale_bdev_flush(r->fs->dev);
    /* Skip the number of one that may be there in part. */
    if (!err)
        err = ext2_ring_store(r->ring, 0, r->end + 1);
    return err ? err : shale_bdev_flush(r->fs->dev);
}

int ext2_replay(struct ext2_ring *ring, uint32_t *transactions)
{
    struct shale_fs *fs = ring->vol->fs;
    struct replay r = {
        .ring = ring, .fs = fs, .block_size = ring->vol->super.block_size,
    };
    int err = SHALE_ENOMEM;

    *transactions = 0;
    settings_decode(&r);
    if (r.start == 0)
        return 0;
    r.block = shale_alloc(fs->mem, r.block_size);
    r.image = shale_alloc(fs->mem, r.block_size);
    if (r.block && r.image)
        err = replay(&r);
    shale_free(fs->mem, r.revoked, r.revoked_room * sizeof *r.revoked);
    shale_free(fs->mem, r.image, r.block_size);
    shale_free(fs->mem, r.block, r.block_size);
    *transactions = r.end - r.sequence;
    return err;
}
