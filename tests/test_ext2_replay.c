/*
 * test_ext2_replay.c - journals that others left behind, and what is no journal
 *
 * The logs here are put together block by block, so that they are where and
 * what they have to be. e2fsck replays a copy, and both have to come to the
 * same.
 */
#include "ext2/write.h"
#include "suite.h"
#include "test_ext2_rig.h"

#define GOOD(call) ck_assert_int_eq((int)(call), 0)

enum { SIZE = 8 << 20, BLOCK = 1024, FIRST = 7000, BLOCKS = 20 };

static struct rig rig;
static uint8_t *saved;          /* the image before anything was replayed */

/* Where the journal's blocks are: as its runs say. */
static struct ext2_ring_run runs[16];
static uint32_t run_count;

static void learn_runs(void)
{
    const struct ext2_ring *ring;

    rig_mount(&rig);
    ring = &ext2_volume_of(rig.v.fs)->journal->ring;
    run_count = ring->run_count;
    ck_assert_uint_le(run_count, 16);
    memcpy(runs, ring->runs, run_count * sizeof *runs);
    ck_assert_uint_eq(ring->count, 1024);
    rig_unmount(&rig);
}

static uint8_t *block_at(uint32_t index)
{
    for (uint32_t i = 0; i < run_count; i++)
        if (index - runs[i].index < runs[i].count)
            return rig.bytes + (size_t)(runs[i].block + index - runs[i].index)
                               * BLOCK;
    ck_abort_msg("no block %u in the journal", index);
    return NULL;
}

static struct ext2_disk_super *super(void)
{
    return (struct ext2_disk_super *)(rig.bytes + EXT2_SUPER_OFFSET);
}

static struct journal_disk_super *journal_super(void)
{
    return (struct journal_disk_super *)block_at(0);
}

/* ------------------------------------------------------- making a journal */

static uint32_t at, sequence;

static uint32_t after(uint32_t index)
{
    return index == 1023 ? 1 : index + 1;
}

static uint8_t *put(uint32_t type)
{
    uint8_t *block = block_at(at);
    struct journal_disk_header *raw = (struct journal_disk_header *)block;

    memset(block, 0, BLOCK);
    raw->magic = be32_make(JOURNAL_MAGIC);
    raw->type = be32_make(type);
    raw->sequence = be32_make(sequence);
    at = after(at);
    return block;
}

/* An image of bytes BYTE; escaped if that is 0. */
static void put_image(uint8_t byte)
{
    memset(block_at(at), byte, BLOCK);
    at = after(at);
}

/* COUNT blocks from FIRST on, all of bytes BYTE. */
static struct journal_disk_tag *put_blocks(uint32_t first, uint32_t count,
                                           uint8_t byte)
{
    uint8_t *block = put(JOURNAL_DESCRIPTOR);
    struct journal_disk_tag *tags = (struct journal_disk_tag *)
        (block + sizeof(struct journal_disk_header)), *tag = tags;

    for (uint32_t i = 0; i < count; i++) {
        unsigned flags = (i > 0 ? JOURNAL_TAG_SAME_UUID : 0) |
                         (i + 1 == count ? JOURNAL_TAG_LAST : 0) |
                         (byte == 0 ? JOURNAL_TAG_ESCAPED : 0);

        tag->block = be32_make(first + i);
        tag->flags = be16_make((uint16_t)flags);
        tag += i == 0 ? 3 : 1;
        put_image(byte);
    }
    return tags;
}

static struct journal_disk_revoke *put_revoke(uint32_t block)
{
    uint8_t *raw = put(JOURNAL_REVOKE);
    struct journal_disk_revoke *revoke = (struct journal_disk_revoke *)raw;
    be32 *numbers = (be32 *)(raw + sizeof *revoke);

    numbers[0] = be32_make(block);
    revoke->used = be32_make(sizeof *revoke + sizeof *numbers);
    return revoke;
}

static void put_commit(void)
{
    put(JOURNAL_COMMIT);
    sequence++;
}

/* The log begins at block START with transaction NUMBER. */
static void begin_log(uint32_t start, uint32_t number)
{
    at = start;
    sequence = number;
    journal_super()->start = be32_make(start);
    journal_super()->sequence = be32_make(number);
    super()->incompat = le32_make(le32_get(super()->incompat) |
                                  EXT2_INCOMPAT_RECOVER);
}

/*
 * Transactions of all sorts: two descriptors in one, later images prevail, some
 * are revoked before, after and in the same transaction; the last one has no
 * commit block. Around the ring's end and around that of the numbers.
 */
static void make_log(void)
{
    begin_log(1010, UINT32_MAX - 1);
    put_blocks(FIRST, 5, 0x11);
    put_blocks(FIRST + 5, 1, 0x12);
    put_commit();
    put_blocks(FIRST + 1, 2, 0x21);
    put_revoke(FIRST + 3);
    put_revoke(FIRST + 2);
    put_commit();
    put_blocks(FIRST + 3, 1, 0x31);
    put_blocks(FIRST + 8, 3, 0x00);
    put_commit();
    put_blocks(FIRST + 4, 1, 0x41);
    memset(block_at(at), 0, BLOCK);
}

/* ------------------------------------------------------------------ tests */

static void setup(void)
{
    rig_init(&rig, SIZE, "-b 1024 -O has_journal");
    learn_runs();
    memset(rig.bytes + FIRST * BLOCK, 0xee, BLOCKS * BLOCK);
    saved = malloc(SIZE);
}

static void teardown(void)
{
    free(saved);
    rig_fini(&rig);
}

static uint8_t byte_of(uint32_t i)
{
    const uint8_t *block = rig.bytes + (FIRST + i) * BLOCK;

    for (size_t n = 4; n < BLOCK; n++)
        ck_assert_uint_eq(block[n], block[4]);
    if (block[4] != 0)
        ck_assert_uint_eq(block[0], block[4]);
    else
        ck_assert_uint_eq(be32_get(*(const be32 *)block), JOURNAL_MAGIC);
    return block[4];
}

static const uint8_t wanted[12] = {
    0x11, 0x21, 0xee, 0x31, 0x11, 0x12, 0xee, 0xee, 0x00, 0x00, 0x00, 0xee,
};

static void check_wanted(void)
{
    for (uint32_t i = 0; i < sizeof wanted; i++)
        ck_assert_msg(byte_of(i) == wanted[i], "block %u: %02x", i, byte_of(i));
}

START_TEST(replays_as_e2fsck)
{
    int status;

    make_log();
    memcpy(saved, rig.bytes, SIZE);
    rig_run(&rig, "e2fsck -fp @ 2>&1", &status);
    check_wanted();
    memcpy(rig.bytes, saved, SIZE);
    rig_mount(&rig);
    check_wanted();
    ck_assert_uint_eq(be32_get(journal_super()->start), 0);

    /* Mounted to write it is marked as in use, and then as clean. */
    rig_unmount(&rig);
    ck_assert_uint_eq(le32_get(super()->incompat) & EXT2_INCOMPAT_RECOVER, 0);
    ck_assert_uint_eq(le16_get(super()->state), EXT2_STATE_VALID);
    ck_assert(le32_get(super()->compat) & EXT2_COMPAT_HAS_JOURNAL);
    check_wanted();
}
END_TEST

/* A log that nobody says has to be replayed is left alone, and emptied. */
START_TEST(no_replay_unasked)
{
    struct shale_vnode *vn;

    make_log();
    super()->incompat = le32_make(le32_get(super()->incompat) &
                                  ~EXT2_INCOMPAT_RECOVER);
    rig_mount(&rig);
    vn = rig_create(&rig, "file", SHALE_S_IFREG | 0644);
    shale_vnode_put(vn);
    for (uint32_t i = 0; i < BLOCKS; i++)
        ck_assert_uint_eq(byte_of(i), 0xee);
    rig_unmount(&rig);
    ck_assert_uint_eq(be32_get(journal_super()->start), 0);
}
END_TEST

/* Who only reads is told, and may not. */
START_TEST(read_only_is_refused)
{
    make_log();
    memcpy(saved, rig.bytes, SIZE);
    GOOD(volume_of_bytes(&rig.v, rig.bytes, SIZE));
    ck_assert_int_eq(volume_mount(&rig.v, NULL), SHALE_ENOTSUP);
    ck_assert_ptr_nonnull(strstr(rig.v.said, "needs recovery"));
    ck_assert_uint_eq(volume_close(&rig.v), 0);
    ck_assert(memcmp(saved, rig.bytes, SIZE) == 0);
}
END_TEST

/* ... unless he wants what there is as it is. */
START_TEST(read_only_without_recovery)
{
    make_log();
    memcpy(saved, rig.bytes, SIZE);
    GOOD(volume_of_bytes(&rig.v, rig.bytes, SIZE));
    GOOD(volume_mount(&rig.v, "norecovery"));
    ck_assert_uint_eq(rig.v.events, 1);
    ck_assert(shale_fs_read_only(rig.v.fs));
    for (uint32_t i = 0; i < BLOCKS; i++)
        ck_assert_uint_eq(byte_of(i), 0xee);
    ck_assert_uint_eq(volume_close(&rig.v), 0);
    ck_assert(memcmp(saved, rig.bytes, SIZE) == 0);
}
END_TEST

/* An error that the journal was given up for is the volume's. */
START_TEST(error_in_the_journal)
{
    make_log();
    journal_super()->error = be32_make(5);
    rig_mount(&rig);
    GOOD(shale_unmount(rig.v.fs));
    rig.v.fs = NULL;
    ck_assert_uint_eq(volume_close(&rig.v), 0);
    ck_assert_uint_eq(be32_get(journal_super()->error), 0);
    ck_assert_uint_eq(le16_get(super()->state),
                      EXT2_STATE_VALID | EXT2_STATE_ERRORS);
}
END_TEST

/* --------------------------------------------------------- what is wrong */

static struct ext2_disk_inode *journal_inode(void)
{
    uint32_t table = le32_get(((struct ext2_disk_group *)
                               (rig.bytes + 2 * BLOCK))->inode_table);

    return (struct ext2_disk_inode *)
        (rig.bytes + table * BLOCK + 7 * le16_get(super()->inode_size));
}

static void no_magic(void)
{
    journal_super()->header.magic = be32_make(0);
}

static void no_super(void)
{
    journal_super()->header.type = be32_make(JOURNAL_COMMIT);
}

static void other_blocks(void)
{
    journal_super()->block_size = be32_make(4096);
}

static void too_long(void)
{
    journal_super()->blocks = be32_make(1025);
}

/* The volume says to be a thousand times as large as its device. */
static void longer_than_the_device(void)
{
    super()->blocks_count = le32_make(1 + 1000 * 8192);
    super()->inodes_count =
        le32_make(1000 * le32_get(super()->inodes_per_group));
    journal_inode()->size = le32_make(0x7ffffc00);
    journal_super()->blocks = be32_make(1000000);
}

static void first_is_0(void)
{
    journal_super()->first = be32_make(0);
}

static void first_is_past(void)
{
    journal_super()->first = be32_make(1024);
}

static void start_is_before(void)
{
    journal_super()->first = be32_make(5);
    journal_super()->start = be32_make(4);
}

static void start_is_past(void)
{
    journal_super()->start = be32_make(1024);
}

static void fast_commit(void)
{
    journal_super()->incompat = be32_make(0x21);
}

static void unknown_features(void)
{
    journal_super()->incompat = be32_make(0x100);
    journal_super()->ro_compat = be32_make(0x2);
}

static void wrong_checksum(void)
{
    journal_super()->incompat = be32_make(JOURNAL_INCOMPAT_CSUM_V3);
    journal_super()->checksum_type = 4;
}

static void no_inode(void)
{
    super()->journal_ino = le32_make(le32_get(super()->inodes_count) + 1);
}

static void directory(void)
{
    super()->journal_ino = le32_make(EXT2_ROOT_INO);
}

static void free_inode(void)
{
    super()->journal_ino = le32_make(11 + 5);
}

static void hole(void)
{
    journal_inode()->block[3] = le32_make(0);
}

static void off_map(void)
{
    journal_inode()->block[EXT2_DIRECT] = le32_make(UINT32_MAX);
}

static void elsewhere(void)
{
    super()->journal_ino = le32_make(0);
    super()->journal_dev = le32_make(1);
}

static void off_volume(void)
{
    begin_log(1, 1);
    put_blocks(FIRST, 1, 0x11);
    put_commit();
    put_blocks(SIZE / BLOCK - 1, 2, 0x11);
    put_commit();
}

static void long_revocations(void)
{
    begin_log(1, 1);
    put_blocks(FIRST, 1, 0x11);
    put_revoke(FIRST)->used = be32_make(BLOCK + 1);
    put_commit();
}

static void short_revocations(void)
{
    begin_log(1, 1);
    put_blocks(FIRST, 1, 0x11);
    put_revoke(FIRST)->used = be32_make(15);
    put_commit();
}

static void tail_checksum(void)
{
    begin_log(1, 1);
    put_blocks(FIRST, 1, 0x11);
    put_commit();
    journal_super()->compat = be32_make(JOURNAL_COMPAT_CHECKSUM);
    block_at(3)[0x0c] = 1;
}

static const struct {
    const char *what;
    void (*spoil)(void);
    int err;
    const char *said;
} bad[] = {
    { "no magic", no_magic, SHALE_ECORRUPT, "no superblock" },
    { "not a superblock", no_super, SHALE_ECORRUPT, "no superblock" },
    { "block size", other_blocks, SHALE_ECORRUPT, "another size" },
    { "longer than its file", too_long, SHALE_ECORRUPT, "longer" },
    { "longer than its device", longer_than_the_device, SHALE_ECORRUPT,
      "longer" },
    { "ring begins at 0", first_is_0, SHALE_ECORRUPT, "bad first" },
    { "ring begins past", first_is_past, SHALE_ECORRUPT, "bad first" },
    { "log begins before", start_is_before, SHALE_ECORRUPT, "outside" },
    { "log begins past", start_is_past, SHALE_ECORRUPT, "outside" },
    { "fast commits", fast_commit, SHALE_ENOTSUP, "fast_commit" },
    { "unknown features", unknown_features, SHALE_ENOTSUP, "incompat_0x100" },
    { "super's checksum", wrong_checksum, SHALE_ECORRUPT, "checksum" },
    { "inode that cannot be", no_inode, SHALE_ECORRUPT, "inode number" },
    { "a directory", directory, SHALE_ECORRUPT, "no file" },
    { "a free inode", free_inode, SHALE_ECORRUPT, "no file" },
    { "a hole", hole, SHALE_ECORRUPT, "hole" },
    { "map off the volume", off_map, SHALE_ECORRUPT, "leaves the volume" },
    { "another device", elsewhere, SHALE_ENOTSUP, "needs recovery" },
    { "image off the volume", off_volume, SHALE_ECORRUPT, "off the volume" },
    { "too long revocations", long_revocations, SHALE_ECORRUPT, "bad length" },
    { "too short ones", short_revocations, SHALE_ECORRUPT, "bad length" },
    { "v1 checksum", tail_checksum, SHALE_ECORRUPT, "wrong checksum" },
};

/* Nothing of it is replayed; where is said. */
START_TEST(is_refused)
{
    make_log();
    bad[_i].spoil();
    memcpy(saved, rig.bytes, SIZE);
    GOOD(volume_to_write(&rig.v, rig.bytes, SIZE));
    ck_assert_msg(volume_mount(&rig.v, NULL) == bad[_i].err, "%s",
                  bad[_i].what);
    ck_assert_msg(strstr(rig.v.said, bad[_i].said), "%s: %s", bad[_i].what,
                  rig.v.said);
    ck_assert_uint_eq(volume_close(&rig.v), 0);
    ck_assert_msg(memcmp(saved, rig.bytes, SIZE) == 0, "%s", bad[_i].what);
}
END_TEST

static void half_a_descriptor(void)
{
    put_blocks(SIZE / BLOCK - 1, 2, 0x22);
}

static void tags_of_an_earlier_round(void)
{
    uint8_t *block = put(JOURNAL_DESCRIPTOR);

    for (size_t i = 12; i + 8 <= BLOCK; i += 8)
        memcpy(block + i, i < 512 ? "\0\0\x1b\x58\0\0\0\2"
                                  : "\x7f\0\0\0\0\0\0\2", 8);
}

static void half_of_revocations(void)
{
    put_revoke(FIRST)->used = be32_make(BLOCK + 1);
}

/* What may be left of the last transaction, which was being written. */
static void (*const halves[])(void) = {
    half_a_descriptor, tags_of_an_earlier_round, half_of_revocations,
};

/*
 * It is no fault: there is no commit block of its number, but some of earlier
 * ones, from the round before.
 */
START_TEST(half_a_transaction)
{
    for (at = 1, sequence = 7; at != 1023; )
        put_commit();
    begin_log(1, 2000);
    put_blocks(FIRST, 1, 0x11);
    put_commit();
    halves[_i]();
    rig_mount(&rig);
    ck_assert_uint_eq(byte_of(0), 0x11);
    rig_unmount(&rig);
}
END_TEST

/* ... but if one is anywhere, it was whole once. */
START_TEST(half_of_what_was_whole)
{
    begin_log(1, 2000);
    put_blocks(FIRST, 1, 0x11);
    put_commit();
    halves[_i]();
    at += 300;
    put_commit();
    memcpy(saved, rig.bytes, SIZE);
    GOOD(volume_to_write(&rig.v, rig.bytes, SIZE));
    ck_assert_int_eq(volume_mount(&rig.v, NULL), SHALE_ECORRUPT);
    ck_assert_uint_eq(volume_close(&rig.v), 0);
    ck_assert(memcmp(saved, rig.bytes, SIZE) == 0);
}
END_TEST

/* A log that fills the ring, and goes on and on; nothing of it is whole. */
START_TEST(endless_log)
{
    begin_log(1, 7);
    do {
        put_revoke(FIRST);
    } while (at != 1);
    rig_mount(&rig);
    rig_unmount(&rig);
    ck_assert_uint_eq(byte_of(0), 0xee);
}
END_TEST

/* A descriptor whose tags never end. */
START_TEST(endless_tags)
{
    uint8_t *block;

    begin_log(1, 7);
    put_blocks(FIRST, 1, 0x11);
    put_commit();
    block = put(JOURNAL_DESCRIPTOR);
    memset(block + 12, 0, BLOCK - 12);
    for (size_t i = 12; i + 8 <= BLOCK; i += 8)
        block[i + 7] = JOURNAL_TAG_SAME_UUID;
    rig_mount(&rig);
    ck_assert_uint_eq(byte_of(0), 0x11);
    rig_unmount(&rig);
}
END_TEST

/* An image of the log's own second descriptor: what follows is not there. */
START_TEST(log_of_itself)
{
    uint32_t descriptor;

    begin_log(1, 7);
    descriptor = (uint32_t)((size_t)(block_at(4) - rig.bytes) / BLOCK);
    put_blocks(descriptor, 1, 0x11);
    put_commit();
    put_blocks(FIRST, 1, 0x11);
    put_commit();
    GOOD(volume_to_write(&rig.v, rig.bytes, SIZE));
    ck_assert_int_eq(volume_mount(&rig.v, NULL), SHALE_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(rig.v.said, "its own log"));
    ck_assert_uint_eq(volume_close(&rig.v), 0);
}
END_TEST

/* Many revocations, more than the table of them begins with. */
START_TEST(many_revocations)
{
    begin_log(1, 7);
    put_blocks(FIRST, 1, 0x11);
    put_commit();
    put_blocks(FIRST + 1, 1, 0x22);
    for (uint32_t i = 0; i < 3; i++) {
        struct journal_disk_revoke *revoke = put_revoke(FIRST);
        be32 *numbers = (be32 *)(revoke + 1);

        for (uint32_t n = 0; n < 250; n++)
            numbers[n] = be32_make(n == 100 && i == 1 ? FIRST
                                                      : n * 3 + i * 2000);
        revoke->used = be32_make(16 + 250 * 4);
    }
    put_commit();
    rig_mount(&rig);
    ck_assert_uint_eq(byte_of(0), 0xee);
    ck_assert_uint_eq(byte_of(1), 0x22);
    rig_unmount(&rig);
}
END_TEST

/* --------------------------------------------------------------- failures */

/* A replay that fails is begun anew at the next mount, to the same end. */
START_TEST(replay_fails)
{
    struct shale_fault_bdev fault;
    bool failed = true;

    make_log();
    memcpy(saved, rig.bytes, SIZE);
    for (unsigned n = 0; failed; n++) {
        int err;

        memcpy(rig.bytes, saved, SIZE);
        GOOD(volume_to_write(&rig.v, rig.bytes, SIZE));
        GOOD(shale_fault_bdev_init(&fault, rig.v.dev, NULL, NULL));
        rig.v.dev = &fault.base;
        shale_fault_at(&fault, n, 1, SHALE_EIO);
        err = volume_mount(&rig.v, NULL);
        failed = shale_fault_failed(&fault);
        if (err == 0)
            shale_unmount(rig.v.fs);
        rig.v.fs = NULL;
        ck_assert_uint_eq(volume_close(&rig.v), 0);
        shale_fault_bdev_fini(&fault);
        ck_assert(failed || err == 0);
        rig_mount(&rig);
        rig_unmount(&rig);
        check_wanted();
    }
}
END_TEST

START_TEST(memory_fails)
{
    make_log();
    memcpy(saved, rig.bytes, SIZE);
    for (size_t fail = 0; fail < 60; fail++) {
        int err;

        memcpy(rig.bytes, saved, SIZE);
        GOOD(volume_to_write(&rig.v, rig.bytes, SIZE));
        shale_mem_fail_at(rig.v.mem, fail);
        err = volume_mount(&rig.v, NULL);
        ck_assert(err == 0 || err == SHALE_ENOMEM);
        shale_mem_fail_at(rig.v.mem, UINT64_MAX);
        if (err == 0)
            GOOD(shale_unmount(rig.v.fs));
        rig.v.fs = NULL;
        ck_assert_uint_eq(volume_close(&rig.v), 0);
        if (err == 0)
            check_wanted();
    }
}
END_TEST

/* ------------------------------------------------------------ other volumes */

/* The superblock that is in the log says this. */
static struct ext2_disk_super *put_super(void)
{
    uint8_t *image;

    begin_log(1, 7);
    image = block_at(2);
    put_blocks(1, 1, 0x11);
    memcpy(image, rig.bytes + BLOCK, BLOCK);
    put_commit();
    return (struct ext2_disk_super *)image;
}

/* The volume has no journal any more: it is used as any other, and gets one. */
START_TEST(journal_of_none)
{
    struct ext2_disk_super *raw = put_super();
    const char *said;
    int status;

    raw->compat = le32_make(le32_get(raw->compat) & ~EXT2_COMPAT_HAS_JOURNAL);
    raw->incompat = le32_make(le32_get(raw->incompat) & ~EXT2_INCOMPAT_RECOVER);
    raw->journal_ino = le32_make(0);
    rig_mount(&rig);
    shale_vnode_put(rig_create(&rig, "file", SHALE_S_IFREG | 0644));
    GOOD(shale_writeback(rig.v.fs));
    ck_assert_uint_ge(ext2_journal_own_blocks(ext2_volume_of(rig.v.fs)), 1024);
    GOOD(shale_unmount(rig.v.fs));
    rig.v.fs = NULL;
    ck_assert_uint_eq(volume_close(&rig.v), 0);
    ck_assert_uint_eq(le32_get(super()->compat) & EXT2_COMPAT_HAS_JOURNAL, 0);

    /* The blocks of the old one are nobody's. */
    said = rig_run(&rig, "e2fsck -fp @ 2>&1", &status);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "%s", said);
}
END_TEST

/* ... or has another one, which is looked for where the volume says now. */
START_TEST(journal_of_another)
{
    put_super()->journal_ino = le32_make(EXT2_ROOT_INO);
    GOOD(volume_to_write(&rig.v, rig.bytes, SIZE));
    ck_assert_int_eq(volume_mount(&rig.v, NULL), SHALE_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(rig.v.said, "the journal is no file"));
    ck_assert_uint_eq(volume_close(&rig.v), 0);
}
END_TEST

/* ... or is another. */
START_TEST(volume_of_another_size)
{
    struct ext2_disk_super *raw = put_super();

    raw->blocks_count = le32_make(le32_get(raw->blocks_count) - 1);
    GOOD(volume_to_write(&rig.v, rig.bytes, SIZE));
    ck_assert_int_eq(volume_mount(&rig.v, NULL), SHALE_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(rig.v.said, "another size"));
    ck_assert_uint_eq(volume_close(&rig.v), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2/replay");
    TCase *tc = tcase_create("replay");

    rig_need_programs();
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, replays_as_e2fsck);
    tcase_add_test(tc, no_replay_unasked);
    tcase_add_test(tc, read_only_is_refused);
    tcase_add_test(tc, read_only_without_recovery);
    tcase_add_test(tc, error_in_the_journal);
    tcase_add_loop_test(tc, is_refused, 0, sizeof bad / sizeof bad[0]);
    tcase_add_test(tc, endless_log);
    tcase_add_test(tc, endless_tags);
    tcase_add_test(tc, log_of_itself);
    tcase_add_test(tc, many_revocations);
    tcase_add_test(tc, replay_fails);
    tcase_add_test(tc, memory_fails);
    tcase_add_loop_test(tc, half_a_transaction, 0,
                        sizeof halves / sizeof halves[0]);
    tcase_add_loop_test(tc, half_of_what_was_whole, 0,
                        sizeof halves / sizeof halves[0]);
    tcase_add_test(tc, journal_of_none);
    tcase_add_test(tc, journal_of_another);
    tcase_add_test(tc, volume_of_another_size);
    suite_add_tcase(s, tc);
    return s;
}
