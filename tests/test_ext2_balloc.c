/*
 * test_ext2_balloc.c - blocks and inodes: which are taken, and when again
 *
 * Blocks are taken as the driver's files take them, in transactions that are
 * undone at the end, so that e2fsck finds the volume as it was.
 */
#include "ext2/write.h"
#include "suite.h"
#include "test_ext2_rig.h"

#define BLOCKS_PER_GROUP 2048u  /* of 1 KiB, in 8 groups */
#define INODES_PER_GROUP 64u

static struct rig rig;
static struct ext2_volume *vol;

static void setup(void)
{
    rig_init(&rig, 16 << 20, "-b 1024 -g 2048 -N 512");
    rig_mount(&rig);
    vol = ext2_volume_of(rig.v.fs);
    ck_assert_uint_eq(vol->super.group_count, 8);
    ck_assert_uint_eq(vol->super.inodes_per_group, INODES_PER_GROUP);
    shale_tx_begin(rig.v.fs->tx);
}

static void teardown(void)
{
    shale_tx_undo(rig.v.fs->tx);
    rig_unmount(&rig);
    rig_fini(&rig);
}

static struct ext2_run take(uint32_t goal, uint32_t want)
{
    struct ext2_run run = { .block = 0 };

    ck_assert_int_eq(ext2_block_take(vol, goal, want, &run), 0);
    ck_assert_uint_ge(run.count, 1);
    ck_assert_uint_le(run.count, want);
    return run;
}

static uint32_t free_in_group(uint32_t group)
{
    struct ext2_group g;

    ck_assert_int_eq(ext2_group_load(vol, group, &g), 0);
    return g.free_blocks;
}

/* The first block of a file that GROUP can have. */
static uint32_t first_free(uint32_t group)
{
    return take(ext2_group_first(&vol->super, group), 1).block;
}

/* ---------------------------------------------------------------- blocks */

START_TEST(takes_its_goal)
{
    uint32_t goal = first_free(2) + 100, before = free_in_group(2);
    struct ext2_run run = take(goal, 10);

    ck_assert_uint_eq(run.block, goal);
    ck_assert_uint_eq(run.count, 10);
    ck_assert_uint_eq(free_in_group(2), before - 10);

    /* Taken is taken; and what is free up to there is as good as any. */
    run = take(goal, 10);
    ck_assert_uint_eq(run.block, goal + 10);
    run = take(goal - 5, 10);
    ck_assert_uint_eq(run.block, goal - 5);
    ck_assert_uint_eq(run.count, 5);
}
END_TEST

START_TEST(looks_behind_the_goal_then_before_it)
{
    uint32_t first = first_free(3);
    uint32_t end = ext2_group_first(&vol->super, 4);
    struct ext2_run run = take(end - 10, 10);

    ck_assert_uint_eq(run.block, end - 10);
    run = take(end - 5, 20);
    ck_assert_uint_eq(run.block, first + 1);
    ck_assert_uint_eq(run.count, 20);
}
END_TEST

START_TEST(goes_on_in_the_next_group)
{
    uint32_t group = 7, goal = first_free(group), taken = 1;

    while (free_in_group(group) > 0)
        taken += (uint32_t)take(goal, UINT32_MAX).count;
    ck_assert_uint_gt(taken, 1800);
    ck_assert_uint_eq(ext2_group_of(vol, take(goal, 1).block), 0);
}
END_TEST

START_TEST(prefers_enough_to_near)
{
    uint32_t first = first_free(1);

    /* Only every second block of group 1 is free, but for a few at the end. */
    for (uint32_t i = 1; i + 20 < free_in_group(1); i++)
        take(first + 2 * i, 1);
    ck_assert_uint_eq(take(first + 2, 1).block, first + 3);
    ck_assert_uint_eq(ext2_group_of(vol, take(first + 2, 500).block), 2);
}
END_TEST

START_TEST(takes_the_last_block)
{
    struct ext2_run run;
    uint64_t blocks_free, inodes_free, taken = 0;

    ck_assert_int_eq(ext2_group_count_free(vol, &blocks_free, &inodes_free),
                     0);
    while (ext2_block_take(vol, 0, UINT32_MAX, &run) == 0)
        taken += run.count;
    ck_assert_uint_eq(taken, blocks_free);
    ck_assert_int_eq(ext2_block_take(vol, 5000, 1, &run), SHALE_ENOSPC);
    ck_assert_int_eq(ext2_block_take(vol, UINT32_MAX, 1, &run), SHALE_ENOSPC);
}
END_TEST

/* ---------------------------------------------------------------- windows */

static struct ext2_run take_growing(uint32_t ino, uint64_t length,
                                    uint32_t goal, uint32_t want)
{
    struct ext2_run run = { .block = 0 };

    ck_assert_int_eq(ext2_block_take_growing(vol, ino, length, goal, want,
                                             &run), 0);
    return run;
}

START_TEST(a_window_is_left_alone)
{
    uint32_t goal = first_free(2) + 10;
    struct ext2_run run = take_growing(20, 6, goal, 2);

    ck_assert_uint_eq(run.block, goal);
    ck_assert_uint_eq(run.count, 2);
    run = take_growing(21, 6, goal + 2, 2);
    ck_assert_uint_ge(run.block, goal + 10);
    run = take_growing(20, 8, goal + 2, 8);
    ck_assert_uint_eq(run.block, goal + 2);
    ck_assert_uint_eq(run.count, 8);
    ck_assert_uint_ge(take(goal + 10, 1).block, goal + 10);

    ext2_block_release(vol, 20);
    ext2_block_release(vol, 21);
    run = take(goal + 10, 5);
    ck_assert_uint_ge(run.block, goal + 10);
}
END_TEST

/* Until other files have been begun, and it has not been used. */
START_TEST(a_window_does_not_wait_for_ever)
{
    uint32_t goal = first_free(2) + 10;
    struct ext2_run run = take_growing(20, 6, goal, 2), begun;

    ck_assert_uint_eq(run.block, goal);
    ck_assert_int_eq(ext2_block_take_first(vol, goal + 2, 1, &begun), 0);
    ck_assert_uint_eq(begun.block, goal + 2);

    /* It has been, meanwhile: it waits for longer. */
    run = take_growing(20, 8, goal + 3, 2);
    ck_assert_uint_eq(run.block, goal + 3);
    run = take_growing(20, 10, goal + 5, 2);
    ck_assert_uint_eq(run.block, goal + 5);
    ck_assert_int_eq(ext2_block_take_first(vol, goal + 7, 1, &begun), 0);
    ck_assert_uint_ge(begun.block, goal + 7 + 12);
}
END_TEST

START_TEST(windows_go_when_space_is_short)
{
    struct ext2_run run;
    uint64_t blocks_free, inodes_free, taken = 0;

    for (uint32_t i = 0; i < 100; i++)
        take_growing(20 + i, 100, 0, 1);
    ck_assert_int_eq(ext2_group_count_free(vol, &blocks_free, &inodes_free),
                     0);
    while (ext2_block_take(vol, 0, 7, &run) == 0)
        taken += run.count;
    ck_assert_uint_eq(taken, blocks_free);
}
END_TEST

/* ---------------------------------------------------------------- freeing */

START_TEST(what_is_freed_waits)
{
    struct ext2_run run;
    uint32_t before;

    shale_tx_undo(rig.v.fs->tx);
    shale_tx_begin(rig.v.fs->tx);
    run = take(first_free(5), 10);
    shale_tx_commit(rig.v.fs->tx);
    before = free_in_group(5);

    shale_tx_begin(rig.v.fs->tx);
    ck_assert_int_eq(ext2_block_free(vol, run), 0);
    shale_tx_commit(rig.v.fs->tx);
    ck_assert_uint_eq(free_in_group(5), before);
    ck_assert_uint_eq(shale_tx_freed(rig.v.fs->tx, EXT2_FREE_INODE), 10);

    /* The one that first_free() took stays: e2fsck is not asked here. */
    ck_assert_int_eq(shale_writeback(rig.v.fs), 0);
    ck_assert_uint_eq(free_in_group(5), before + 10);
    run.count = 1;
    run.block--;
    shale_tx_begin(rig.v.fs->tx);
    ck_assert_int_eq(ext2_block_free(vol, run), 0);
    shale_tx_commit(rig.v.fs->tx);
    ck_assert_int_eq(shale_sync(rig.v.fs), 0);
    shale_tx_begin(rig.v.fs->tx);
}
END_TEST

START_TEST(what_no_file_has_is_not_freed)
{
    const uint32_t blocks[] = {
        0, 1, 2,                                    /* superblock, group 0 */
        ext2_group_first(&vol->super, 1),           /* their copies */
        ext2_group_first(&vol->super, 1) + 1,
        16384, UINT32_MAX,
    };
    struct ext2_disk_group *desc;
    struct shale_buf *buf;
    struct ext2_run run = { .count = 1 };

    for (unsigned i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        run.block = blocks[i];
        ck_assert_int_eq(ext2_block_free(vol, run), SHALE_ECORRUPT);
    }
    ck_assert_int_eq(ext2_group_get(vol, 4, &buf, &desc), 0);
    run.block = le32_get(desc->inode_table) + vol->super.table_blocks - 1;
    ck_assert_int_eq(ext2_block_free(vol, run), SHALE_ECORRUPT);
    run.block++;
    ck_assert_int_eq(ext2_block_free(vol, run), 0);
    run.block = le32_get(desc->block_bitmap);
    ck_assert_int_eq(ext2_block_free(vol, run), SHALE_ECORRUPT);
    run.block = le32_get(desc->inode_bitmap);
    ck_assert_int_eq(ext2_block_free(vol, run), SHALE_ECORRUPT);

    /* A run that begins well and goes on into another group. */
    run.block = ext2_group_first(&vol->super, 1) - 1;
    ck_assert_int_eq(ext2_block_free(vol, run), 0);
    run.count = 2;
    ck_assert_int_eq(ext2_block_free(vol, run), SHALE_ECORRUPT);
    shale_buf_put(buf);
}
END_TEST

START_TEST(freeing_twice_is_told)
{
    struct ext2_run run = take(first_free(5), 10);

    run.block--;
    run.count++;
    ck_assert_int_eq(ext2_reclaim(rig.v.fs, (struct shale_tx_run){
        run.block, run.count }), 0);
    ck_assert_uint_eq(rig.v.events, 0);
    ck_assert_int_eq(ext2_reclaim(rig.v.fs, (struct shale_tx_run){
        run.block, run.count }), 0);
    ck_assert_uint_eq(rig.v.events, 1);
}
END_TEST

/* ----------------------------------------------------------------- inodes */

static uint32_t inode_take(uint32_t parent, uint32_t mode)
{
    const struct ext2_vnode dir = { .base = { .ino = parent } };
    uint32_t ino = 0;

    ck_assert_int_eq(ext2_inode_take(vol, &dir, mode, &ino), 0);
    return ino;
}

static uint32_t group_of_ino(uint32_t ino)
{
    return (ino - 1) / INODES_PER_GROUP;
}

START_TEST(files_are_with_their_directory)
{
    for (unsigned i = 0; i < 20; i++) {
        ck_assert_uint_eq(inode_take(EXT2_ROOT_INO, 0100644), 12 + i);
        ck_assert_uint_eq(inode_take(3 * INODES_PER_GROUP + 1, 0100644),
                          3 * INODES_PER_GROUP + 1 + i);
    }
}
END_TEST

START_TEST(directories_at_the_top_are_spread)
{
    bool seen[8] = { false };

    for (unsigned i = 0; i < 7; i++) {
        uint32_t group = group_of_ino(inode_take(EXT2_ROOT_INO, 0040755));

        ck_assert(!seen[group]);
        seen[group] = true;
    }
}
END_TEST

START_TEST(directories_below_are_near)
{
    uint32_t parent = 3 * INODES_PER_GROUP + 1;
    unsigned near = 0;

    for (unsigned i = 0; i < 40; i++)
        near += group_of_ino(inode_take(parent, 0040755)) == 3;
    ck_assert_uint_ge(near, 4);     /* not more than their share, though */
    ck_assert_uint_le(near, 12);
}
END_TEST

START_TEST(takes_the_last_inode)
{
    const struct ext2_vnode dir = { .base = { .ino = EXT2_ROOT_INO } };
    bool seen[8 * INODES_PER_GROUP + 1] = { false };
    uint32_t ino, count = 0;

    while (ext2_inode_take(vol, &dir, count % 3 ? 0100644 : 0040755,
                           &ino) == 0) {
        ck_assert_uint_ge(ino, 12);
        ck_assert_uint_le(ino, 8 * INODES_PER_GROUP);
        ck_assert(!seen[ino]);
        seen[ino] = true;
        count++;
    }
    ck_assert_uint_eq(count, 8 * INODES_PER_GROUP - 11);
    ck_assert_int_eq(ext2_inode_take(vol, &dir, 0100644, &ino), SHALE_ENOSPC);
}
END_TEST

START_TEST(a_freed_inode_waits)
{
    const struct ext2_vnode dir = { .base = { .ino = EXT2_ROOT_INO } };
    uint32_t ino = inode_take(EXT2_ROOT_INO, 0040755), other;

    ck_assert_int_eq(ext2_inode_free(vol, ino, true), 0);
    while (ext2_inode_take(vol, &dir, 0100644, &other) == 0)
        ck_assert_uint_ne(other, ino);
    ck_assert_int_eq(ext2_reclaim(rig.v.fs, (struct shale_tx_run){
        EXT2_FREE_INODE + ino, 1 }), 0);
    ck_assert_int_eq(ext2_inode_take(vol, &dir, 0100644, &other), 0);
    ck_assert_uint_eq(other, ino);
}
END_TEST

/* ------------------------------------------------------------------- bits */

START_TEST(bits_are_found_and_set)
{
    le64 words[4];

    memset(words, 0, sizeof words);
    ck_assert_uint_eq(ext2_bit_find(words, 0, 256, true), 256);
    ck_assert_uint_eq(ext2_bits_set(words, 60, 10, true), 10);
    ck_assert_uint_eq(ext2_bits_set(words, 0, 100, true), 90);
    ck_assert_uint_eq(ext2_bits_set(words, 50, 100, false), 50);
    ck_assert_uint_eq(ext2_bits_set(words, 0, 256, true), 206);
    ck_assert_uint_eq(ext2_bits_set(words, 64, 64, false), 64);
    ck_assert_uint_eq(ext2_bit_find(words, 0, 256, false), 64);
    ck_assert_uint_eq(ext2_bit_find(words, 0, 64, false), 64);
    ck_assert_uint_eq(ext2_bit_find(words, 0, 30, false), 30);
    ck_assert_uint_eq(ext2_bit_find(words, 70, 256, true), 128);
    ck_assert_uint_eq(ext2_bit_find(words, 127, 256, false), 127);
    ck_assert_uint_eq(ext2_bit_find(words, 128, 256, false), 256);
    ck_assert_uint_eq(ext2_bits_set(words, 255, 1, false), 1);
    ck_assert_uint_eq(ext2_bit_find(words, 128, 256, false), 255);
    ck_assert_uint_eq(((uint8_t *)words)[31], 0x7f);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2_balloc");
    TCase *tc = tcase_create("all");

    rig_need_programs();
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, takes_its_goal);
    tcase_add_test(tc, looks_behind_the_goal_then_before_it);
    tcase_add_test(tc, goes_on_in_the_next_group);
    tcase_add_test(tc, prefers_enough_to_near);
    tcase_add_test(tc, takes_the_last_block);
    tcase_add_test(tc, a_window_is_left_alone);
    tcase_add_test(tc, a_window_does_not_wait_for_ever);
    tcase_add_test(tc, windows_go_when_space_is_short);
    tcase_add_test(tc, what_is_freed_waits);
    tcase_add_test(tc, what_no_file_has_is_not_freed);
    tcase_add_test(tc, freeing_twice_is_told);
    tcase_add_test(tc, files_are_with_their_directory);
    tcase_add_test(tc, directories_at_the_top_are_spread);
    tcase_add_test(tc, directories_below_are_near);
    tcase_add_test(tc, takes_the_last_inode);
    tcase_add_test(tc, a_freed_inode_waits);
    tcase_add_test(tc, bits_are_found_and_set);
    suite_add_tcase(s, tc);
    return s;
}
