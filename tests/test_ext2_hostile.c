/*
 * test_ext2_hostile.c - what a volume says of itself does not keep us busy
 *
 * Each volume here counts more of something than there is. Without a bound the
 * test would run for hours.
 */
#include "ext2/dir.h"
#include "ext2/write.h"
#include "suite.h"
#include "test_ext2_rig.h"

#define GOOD(call) ck_assert_int_eq((int)(call), 0)

static struct rig rig;

/* Unmount it; e2fsck would have a lot to say. */
static void end(void)
{
    (void)shale_unmount(rig.v.fs);
    rig.v.fs = NULL;
    ck_assert_uint_eq(volume_close(&rig.v), 0);
    rig_fini(&rig);
}

static void change(const char *requests)
{
    char command[900];
    int status;

    snprintf(command, sizeof command, "printf '%s' | debugfs -w -f - @ 2>&1",
             requests);
    (void)rig_run(&rig, command, &status);
    GOOD(status);
}

/* ---------------------------------------------------------- directories */

/* The name of a record may begin where its block ends. */
START_TEST(empty_name_is_not_read)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *bytes = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct ext2_dirent entry = { .ino = 12, .rec_len = EXT2_DIRENT_HEAD };

    ck_assert_ptr_ne(bytes, MAP_FAILED);
    GOOD(mprotect(bytes + page, page, PROT_NONE));
    entry.name = bytes + page;
    ck_assert(!ext2_dirent_is_dots(&entry));

    memcpy(bytes + page - 2, "..", 2);
    entry.name = bytes + page - 1;
    entry.name_len = 1;
    ck_assert(ext2_dirent_is_dots(&entry));
    entry.name = bytes + page - 2;
    entry.name_len = 2;
    ck_assert(ext2_dirent_is_dots(&entry));
    munmap(bytes, 2 * page);
}
END_TEST

/* In a directory of 4 TiB, one pointer leads off the volume. */
static const char *const pointers[] = { "IND", "DIND", "TIND" };

START_TEST(bad_pointer_is_met_once)
{
    struct shale_vnode *vn;
    char requests[300];

    rig_init(&rig, 8 << 20, "-b 4096 -O ^dir_index,large_dir");
    snprintf(requests, sizeof requests,
             "mkdir d\\nsif d block[%s] 0xfffffff0\\n"
             "sif d size 0x10000000000\\n", pointers[_i]);
    change(requests);
    rig_mount(&rig);
    ck_assert_int_eq(shale_walk(rig.v.fs, NULL, "/d/x", 0, &vn),
                     SHALE_ECORRUPT);
    /* The hole in front of it may have been followed up to it. */
    ck_assert_uint_ge(rig.v.events, 1);
    ck_assert_uint_le(rig.v.events, 2);
    end();
}
END_TEST

/* The pointer that BLOCK of the volume holds at SLOT. */
static void pointer_set(uint32_t block, uint32_t slot, uint32_t value)
{
    le32 *pointer = (le32 *)(rig.bytes + block * 1024) + slot;

    *pointer = le32_make(value);
}

/* All ways lead to one block of 256 bad pointers: 2^24 of them. */
START_TEST(bad_pointers_used_again_end)
{
    enum { BLOCKS = 8192, LEVELS = 3 };
    uint32_t block[LEVELS];
    struct shale_vnode *vn;
    char said[12], requests[300];

    rig_init(&rig, BLOCKS << 10, "-b 1024 -O ^dir_index,large_dir");
    for (uint32_t i = 0; i < LEVELS; i++) {
        block[i] = 5000 + i;
        for (uint32_t slot = 0; slot < 256; slot++)
            pointer_set(block[i], slot,
                        i + 1 < LEVELS ? block[i] + 1 : 0xfffffff0);
    }
    snprintf(said, sizeof said, "%u", block[0]);
    snprintf(requests, sizeof requests,
             "mkdir d\\nsif d block[TIND] %s\\nsif d size 0x%x\\n", said,
             0x7ffffc00u);
    change(requests);
    rig_mount(&rig);
    ck_assert_int_eq(shale_walk(rig.v.fs, NULL, "/d/x", 0, &vn),
                     SHALE_ECORRUPT);
    ck_assert_uint_gt(rig.v.events, 256);
    ck_assert_uint_le(rig.v.events, BLOCKS + 2);
    end();
}
END_TEST

static void entry_set(uint8_t *at, uint32_t first, uint32_t block)
{
    le32 *entry = (le32 *)at;

    entry[0] = le32_make(first);
    entry[1] = le32_make(block);
}

/* Write an index at AT: all its COUNT entries have HASH and lead to BLOCK. */
static void index_set(uint8_t *at, uint32_t count, uint32_t hash,
                      uint32_t block)
{
    entry_set(at, count << 16 | count, block);
    for (uint32_t i = 1; i < count; i++)
        entry_set(at + i * 8, hash | 1, block);
}

/* An index of 124 x 127 entries, with a hash in common, and of one leaf. */
START_TEST(leaves_used_again_end)
{
    static const uint8_t info[8] = { [4] = EXT2_HASH_HALF_MD4, 8, 1, 0 };
    uint8_t *root, *node, *leaf;
    struct shale_vnode *vn;
    struct ext2_super decoded;
    uint32_t hash;

    rig_init(&rig, 8 << 20, "-b 1024");
    change("mkdir d\nsif d flags 0x1000\nsif d size 0x7ffffc00\n"
           "sif d block[0] 5000\nsif d block[1] 5001\n"
           "sif d block[2] 5002\n");
    root = rig.bytes + 5000 * 1024;
    node = root + 1024;
    leaf = node + 1024;
    rig_mount(&rig);
    decoded = ext2_volume_of(rig.v.fs)->super;
    hash = ext2_hash(EXT2_HASH_HALF_MD4, decoded.hash_seed, "x", 1);

    memset(root, 0, 3 * 1024);
    entry_set(root, 12, 1 << 16 | 12);
    root[6] = 1;
    root[8] = '.';
    entry_set(root + 12, 2, 2 << 16 | 1012);
    memcpy(root + 20, "..", 2);
    memcpy(root + 24, info, sizeof info);
    index_set(root + 32, 124, hash, 1);
    entry_set(node, 0, 1024);
    index_set(node + 8, 127, hash, 2);
    entry_set(leaf, 0, 1024);

    ck_assert_int_eq(shale_walk(rig.v.fs, NULL, "/d/x", 0, &vn), SHALE_ENOENT);
    ck_assert_uint_eq(rig.v.events, 1);
    end();
}
END_TEST

/* ---------------------------------------------------------------- files */

/*
 * A file's map leads 2^16 times to one empty block of pointers: more often than
 * the device has blocks, less so than the volume, most of which was cut off.
 */
START_TEST(map_in_a_knot_is_freed_so_far)
{
    struct shale_vnode *root;

    rig_init(&rig, 128 << 20, "-b 1024 -r 0");
    change("write /dev/null f\nsif f block[TIND] 5000\n");
    for (uint32_t slot = 0; slot < 256; slot++) {
        pointer_set(5000, slot, 5001);
        pointer_set(5001, slot, 5002);
    }
    GOOD(volume_to_write(&rig.v, rig.bytes, 8 << 20));
    GOOD(volume_mount(&rig.v, NULL));
    root = rig_open(&rig, "/");
    (void)shale_unlink(root, "f", 1);
    shale_vnode_put(root);
    ck_assert_msg(strstr(rig.v.said, "more blocks than the volume"), "%s",
                  rig.v.said);
    end();
}
END_TEST

/* --------------------------------------------------------------- groups */

static struct ext2_disk_super *super(void)
{
    return (struct ext2_disk_super *)(rig.bytes + EXT2_SUPER_OFFSET);
}

/* The image becomes one of SIZE bytes, most of them a hole. */
static void make_sparse(size_t size)
{
    munmap(rig.bytes, rig.size);
    rig.size = size;
    GOOD(ftruncate(rig.fd, (off_t)size));
    rig.bytes = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_NORESERVE, rig.fd, 0);
    ck_assert_ptr_ne(rig.bytes, MAP_FAILED);
}

START_TEST(groups_are_not_all_counted)
{
    const uint32_t groups = 1u << 29;
    struct ext2_vnode dir = { .base.ino = 1u << 29 };
    struct ext2_volume *vol;
    struct ext2_run run;
    uint32_t ino;

    rig_init(&rig, 1 << 20, "-b 1024 -O none");
    make_sparse((size_t)4 << 40);
    super()->inodes_count = le32_make(groups * 2);
    super()->inodes_per_group = le32_make(2);
    super()->blocks_count = le32_make(UINT32_MAX);
    super()->blocks_per_group = le32_make(8);
    super()->clusters_per_group = le32_make(8);
    super()->free_blocks = le32_make(1000);
    rig_mount(&rig);
    vol = ext2_volume_of(rig.v.fs);
    ck_assert_uint_eq(vol->super.group_count, groups);
    GOOD(shale_set_label(rig.v.fs, "new"));
    GOOD(shale_sync(rig.v.fs));
    ck_assert_str_eq(super()->label, "new");
    ck_assert_uint_eq(le32_get(super()->free_blocks), 1000);

    /* Nor are they all asked for an inode, or for blocks. */
    shale_tx_begin(rig.v.fs->tx);
    ck_assert_int_eq(ext2_block_take(vol, 1u << 30, 1, &run), SHALE_ENOSPC);
    ck_assert_int_eq(ext2_inode_take(vol, &dir, SHALE_S_IFREG, &ino),
                     SHALE_ENOSPC);
    ck_assert_int_eq(ext2_inode_take(vol, &dir, SHALE_S_IFDIR, &ino),
                     SHALE_ENOSPC);
    shale_tx_undo(rig.v.fs->tx);
    end();
}
END_TEST

/* A group that counts inodes but has none is asked for one once. */
START_TEST(lying_group_is_asked_once)
{
    struct ext2_volume *vol;
    struct shale_vnode *root;
    struct ext2_disk_group *desc;
    struct shale_buf *buf;
    uint32_t ino;
    int err;

    rig_init(&rig, 16 << 20, "-b 1024 -g 2048 -N 512");
    rig_mount(&rig);
    vol = ext2_volume_of(rig.v.fs);
    root = rig_open(&rig, "/");
    shale_tx_begin(rig.v.fs->tx);
    do
        err = ext2_inode_take(vol, (struct ext2_vnode *)root, SHALE_S_IFREG,
                              &ino);
    while (!err);
    ck_assert_int_eq(err, SHALE_ENOSPC);
    ck_assert_uint_eq(rig.v.events, 0);

    GOOD(ext2_group_get(vol, 5, &buf, &desc));
    desc->free_inodes = le16_make(7);
    ck_assert_int_eq(ext2_inode_take(vol, (struct ext2_vnode *)root,
                                     SHALE_S_IFREG, &ino), SHALE_ENOSPC);
    ck_assert_uint_le(rig.v.events, 2);
    shale_buf_put(buf);
    shale_tx_undo(rig.v.fs->tx);
    shale_vnode_put(root);
    end();
}
END_TEST

/* What has been counted once need not be when a transaction is undone. */
START_TEST(counts_outlive_undone_transactions)
{
    struct ext2_sums before;
    struct ext2_volume *vol;
    struct shale_vnode *root;
    struct ext2_run run;
    uint32_t ino;

    rig_init(&rig, 16 << 20, "-b 1024 -g 2048 -N 512");
    rig_mount(&rig);
    vol = ext2_volume_of(rig.v.fs);
    root = rig_open(&rig, "/");
    shale_tx_begin(rig.v.fs->tx);
    GOOD(ext2_space_count(vol));
    before = vol->space->sums;
    ck_assert(before.known);
    GOOD(ext2_block_take(vol, 9000, 5, &run));
    GOOD(ext2_inode_take(vol, (struct ext2_vnode *)root, SHALE_S_IFDIR, &ino));
    ck_assert_uint_ne(vol->space->sums.free_blocks, before.free_blocks);
    shale_tx_undo(rig.v.fs->tx);
    ck_assert(vol->space->sums.known);
    ck_assert_uint_eq(vol->space->sums.free_blocks, before.free_blocks);
    ck_assert_uint_eq(vol->space->sums.free_inodes, before.free_inodes);
    ck_assert_uint_eq(vol->space->sums.used_dirs, before.used_dirs);

    /* Counted amidst changes that are undone, they are not known. */
    vol->space->sums.known = false;
    shale_tx_begin(rig.v.fs->tx);
    GOOD(ext2_block_take(vol, 9000, 5, &run));
    GOOD(ext2_space_count(vol));
    shale_tx_undo(rig.v.fs->tx);
    GOOD(ext2_space_count(vol));
    ck_assert_uint_eq(vol->space->sums.free_blocks, before.free_blocks);
    shale_vnode_put(root);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2/hostile");
    TCase *tc = tcase_create("directories");

    rig_need_programs();
    tcase_set_timeout(tc, 20);
    tcase_add_test(tc, empty_name_is_not_read);
    tcase_add_loop_test(tc, bad_pointer_is_met_once, 0,
                        sizeof pointers / sizeof pointers[0]);
    tcase_add_test(tc, bad_pointers_used_again_end);
    tcase_add_test(tc, leaves_used_again_end);
    tcase_add_test(tc, map_in_a_knot_is_freed_so_far);
    suite_add_tcase(s, tc);

    tc = tcase_create("groups");
    tcase_set_timeout(tc, 20);
    tcase_add_test(tc, groups_are_not_all_counted);
    tcase_add_test(tc, lying_group_is_asked_once);
    tcase_add_test(tc, counts_outlive_undone_transactions);
    suite_add_tcase(s, tc);
    return s;
}
