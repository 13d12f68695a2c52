/* test_fat_space.c - which clusters are taken, and when they are free again */
#include "fat32/chain.h"
#include "fat32/write.h"
#include "suite.h"
#include "test_fat_rig.h"

/* The FAT's entry for CLUSTER, on the image of an unmounted volume. */
static uint32_t fat_entry(uint32_t cluster)
{
    return fatcheck_fat(&rig.check, cluster);
}

static struct fat_run take(uint32_t length, uint32_t last, uint32_t want)
{
    struct fat_run run = { 0, 0, 0 };

    ck_assert_int_eq(fat_space_take(rig_volume(), length, last, want, &run),
                     0);
    return run;
}

/* ---------------------------------------------------------------- in rows */

START_TEST(a_file_is_in_one_piece)
{
    struct shale_vnode *vn;

    rig_make(16, 16 << 10, 512, 512, NULL);
    vn = rig_create(rig.root, "file");
    for (unsigned i = 0; i < 1000; i++)
        rig_write(vn, 1, 700, i * 700);
    ck_assert_uint_eq(rig_runs(vn), 1);
    shale_vnode_put(vn);
    rig_end();
}
END_TEST

START_TEST(two_growing_side_by_side_are_in_long_pieces)
{
    struct shale_vnode *a, *b;

    rig_make(16, 16 << 10, 512, 512, NULL);
    a = rig_create(rig.root, "a");
    b = rig_create(rig.root, "b");
    for (unsigned i = 0; i < 4000; i++) {
        rig_write(a, 1, 512, i * 512);
        rig_write(b, 2, 512, i * 512);
    }
    /* Windows double up to a 64th of the volume: 500 clusters. */
    ck_assert_uint_le(rig_runs(a), 20);
    ck_assert_uint_le(rig_runs(b), 20);
    shale_vnode_put(a);
    shale_vnode_put(b);
    rig_end();
}
END_TEST

START_TEST(files_one_after_the_other_leave_no_gap)
{
    uint32_t next = 0;
    struct shale_extent extent;

    rig_make(16, 16 << 10, 512, 2048, NULL);
    for (unsigned i = 0; i < 50; i++) {
        char name[16];
        struct shale_vnode *vn;

        snprintf(name, sizeof name, "file.%u", i);
        vn = rig_create(rig.root, name);
        rig_write(vn, 1, 5000, 0);
        GOOD(shale_map(vn, 0, 5000, &extent));
        if (i > 0)
            ck_assert_uint_eq(extent.device, next);
        ck_assert_uint_eq(rig_runs(vn), 1);
        next = (uint32_t)extent.device + 3 * 2048;
        shale_vnode_put(vn);
    }
    rig_end();
}
END_TEST

/* -------------------------------------------------------------- full ones */

static const struct {
    unsigned bits;
    size_t kib;
    uint32_t sector, cluster;
} shapes[] = {
    { 12, 720, 512, 1024 },
    { 12, 1000, 512, 512 },
    { 12, 8000, 4096, 4096 },
    { 16, 5000, 512, 1024 },
    { 32, 34000, 512, 512 },
};

START_TEST(every_cluster_but_straddlers_is_used)
{
    struct shale_vnode *vn;
    uint64_t size, before;
    uint8_t byte = 1;
    uint32_t straddlers = 0;

    rig_make(shapes[_i].bits, shapes[_i].kib, shapes[_i].sector,
             shapes[_i].cluster, NULL);
    before = rig_free_clusters();
    size = before * shapes[_i].cluster;
    vn = rig_create(rig.root, "all");
    rig_write(vn, 1, size, 0);
    ck_assert_uint_eq(rig_free_clusters(), 0);
    ck_assert_int_eq((int)shale_write(vn, &byte, 1, size), SHALE_ENOSPC);
    ck_assert_uint_eq(vn->size, size);
    ck_assert_int_eq(rig_try(rig.root, "dir", SHALE_S_IFDIR | 0755, NULL),
                     SHALE_ENOSPC);
    ck_assert_str_eq(rig_list(rig.root), "all ");
    shale_vnode_put(vn);
    rig_look();
    for (uint32_t c = 2; c < rig.check.cluster_count + 2; c++) {
        bool straddles = shapes[_i].bits == 12 && (c + c / 2) % 512 == 511;

        straddlers += straddles && fat_entry(c) == 0;
        if (!straddles)
            ck_assert_msg(fat_entry(c) != 0, "cluster %u", c);
    }
    if (shapes[_i].bits == 12)
        ck_assert_uint_gt(straddlers, 0);
    ck_assert_uint_eq(before + straddlers + (shapes[_i].bits == 32),
                      rig.check.cluster_count);
    rig_free();
}
END_TEST

START_TEST(windows_are_given_back_when_space_runs_out)
{
    struct shale_vnode *a, *b;
    uint64_t left;

    rig_make(16, 5000, 512, 512, NULL);
    a = rig_create(rig.root, "a");
    b = rig_create(rig.root, "b");
    for (unsigned i = 0; i < 300; i++)
        rig_write(a, 1, 512, i * 512);
    left = rig_free_clusters();
    rig_write(b, 2, left * 512, 0);
    ck_assert_uint_eq(rig_free_clusters(), 0);
    shale_vnode_put(a);
    shale_vnode_put(b);
    rig_end();
}
END_TEST

START_TEST(single_clusters_are_found_too)
{
    struct shale_vnode *vn;
    char name[16];

    rig_make(16, 5000, 512, 512, NULL);
    vn = rig_mkdir(rig.root, "dir");
    for (unsigned i = 0; ; i++) {
        struct shale_vnode *one;
        uint8_t byte = 1;
        int64_t done;

        snprintf(name, sizeof name, "%u", i);
        if (rig_try(vn, name, SHALE_S_IFREG, &one))
            break;
        done = shale_write(one, &byte, 1, 0);
        shale_vnode_put(one);
        if (done < 0)
            break;
    }
    /* Every third one goes: no two clusters in a row are free. */
    for (unsigned i = 0; i < 3000; i += 3) {
        snprintf(name, sizeof name, "%u", i);
        GOOD(rig_unlink(vn, name));
    }
    shale_vnode_put(vn);
    vn = rig_create(rig.root, "large");
    rig_write(vn, 3, 1000 * 512, 0);
    ck_assert_uint_ge(rig_runs(vn), 900);
    shale_vnode_put(vn);
    rig_end();
}
END_TEST

/* --------------------------------------------------- taken, given, undone */

START_TEST(what_is_undone_is_free_again)
{
    struct shale_tx *tx;
    struct fat_run first, again;
    uint64_t before;

    rig_make(16, 5000, 512, 512, NULL);
    tx = rig.v.fs->tx;
    before = rig_free_clusters();
    shale_tx_begin(tx);
    first = take(0, 0, 10);
    ck_assert_uint_eq(first.count, 10);
    ck_assert_uint_eq(rig_free_clusters(), before - 10);
    shale_tx_undo(tx);
    ck_assert_uint_eq(rig_free_clusters(), before);
    shale_tx_begin(tx);
    again = take(50, first.cluster - 1, 10);
    ck_assert_uint_eq(again.cluster, first.cluster);
    shale_tx_undo(tx);
    rig_end();
}
END_TEST

START_TEST(a_window_follows_the_file)
{
    struct shale_tx *tx;
    struct fat_run a, b, more;

    rig_make(16, 16 << 10, 512, 512, NULL);
    tx = rig.v.fs->tx;
    shale_tx_begin(tx);
    a = take(0, 0, 10);
    b = take(0, 0, 1);
    ck_assert_uint_eq(b.cluster, a.cluster + 10);
    /* Ten more are kept behind what it gets, which is not behind its last. */
    more = take(10, a.cluster + 9, 2);
    ck_assert_uint_eq(more.cluster, b.cluster + 1);
    b = take(0, 0, 1);
    ck_assert_uint_eq(b.cluster, more.cluster + 12);
    more = take(12, more.cluster + 1, 20);
    ck_assert_uint_eq(more.count, 10);
    ck_assert_uint_eq(more.cluster + 10, b.cluster);
    shale_tx_undo(tx);
    rig_end();
}
END_TEST

START_TEST(what_is_freed_is_free_when_that_is_written)
{
    struct shale_vnode *vn;
    uint64_t before, batch;

    rig_make(16, 5000, 512, 512, NULL);
    before = rig_free_clusters();
    vn = rig_create(rig.root, "file");
    rig_write(vn, 1, 51200, 0);
    shale_vnode_put(vn);
    GOOD(shale_sync(rig.v.fs));
    ck_assert_uint_eq(rig_free_clusters(), before - 100);
    batch = shale_tx_batch(rig.v.fs->tx);
    GOOD(rig_unlink(rig.root, "file"));
    GOOD(shale_writeback(rig.v.fs));
    ck_assert_uint_gt(shale_tx_batch(rig.v.fs->tx), batch);
    GOOD(shale_sync(rig.v.fs));
    ck_assert_uint_eq(rig_free_clusters(), before);
    rig_end();
}
END_TEST

/* The short entry of NAME in the root, on the image of a mounted volume. */
static uint8_t *root_entry(const char name[11])
{
    uint8_t *at = rig.bytes + rig.check.root_at;

    while (memcmp(at, name, 11) != 0)
        at += 32;
    return at;
}

/* Two files that share clusters, and both go: those become free once. */
START_TEST(what_is_freed_twice_is_free_once)
{
    struct shale_vnode *vn;
    uint64_t before, batch;

    rig_make(16, 5000, 512, 512, NULL);
    vn = rig_create(rig.root, "A");
    rig_write(vn, 1, 1024, 0);
    shale_vnode_put(vn);
    vn = rig_create(rig.root, "B");
    rig_write(vn, 2, 512, 0);
    shale_vnode_put(vn);
    rig_look();
    memcpy(root_entry("B          ") + 26, root_entry("A          ") + 26, 2);

    rig_mount(NULL);
    before = rig_free_clusters();
    batch = shale_tx_batch(rig.v.fs->tx);
    GOOD(rig_unlink(rig.root, "A"));
    GOOD(rig_unlink(rig.root, "B"));
    ck_assert_uint_eq(shale_tx_freed(rig.v.fs->tx, UINT64_MAX), 2);
    ck_assert_uint_eq(rig_free_clusters(), before + 2);
    GOOD(shale_writeback(rig.v.fs));
    ck_assert_uint_gt(shale_tx_batch(rig.v.fs->tx), batch);
    ck_assert_uint_eq(rig_free_clusters(), before + 2);

    /* What somebody else has taken meanwhile stays theirs. */
    vn = rig_create(rig.root, "C");
    rig_write(vn, 3, 1024, 0);
    shale_vnode_put(vn);
    rig_unmount();
    fatcheck_run(&rig.check, rig.bytes, rig.size);
    ck_assert_msg(rig.check.faults == FATCHECK_LOST, "%s", rig.check.said);
    rig_free();
}
END_TEST

/* The FATs differ: what counts is what the one says that is read. */
START_TEST(the_fat_that_is_read_says_what_is_freed)
{
    struct shale_vnode *vn;
    uint64_t before;

    rig_make(16, 5000, 512, 512, NULL);
    before = rig_free_clusters();
    vn = rig_create(rig.root, "A");
    rig_write(vn, 1, 10 * 512, 0);
    shale_vnode_put(vn);
    rig_look();
    memset(rig.bytes + (rig.bytes[14] + rig.bytes[22]) * 512 + 4, 0, 508);
    rig_mount(NULL);
    ck_assert_uint_eq(rig_free_clusters(), before - 10);
    GOOD(rig_unlink(rig.root, "A"));
    GOOD(shale_writeback(rig.v.fs));
    GOOD(shale_writeback(rig.v.fs));
    ck_assert_uint_eq(rig_free_clusters(), before);
    rig_end();
}
END_TEST

/* Is told at once, to `df`, though it cannot be had before it is written. */
START_TEST(what_is_freed_counts_as_free)
{
    struct shale_vnode *vn;
    uint64_t before;

    rig_make(16, 5000, 512, 512, NULL);
    before = rig_free_clusters();
    vn = rig_create(rig.root, "file");
    rig_write(vn, 1, 51200, 0);
    GOOD(shale_sync(rig.v.fs));
    ck_assert_uint_eq(rig_free_clusters(), before - 100);
    GOOD(shale_truncate(vn, 512));
    ck_assert_uint_eq(rig_free_clusters(), before - 1);
    GOOD(rig_unlink(rig.root, "file"));
    ck_assert_uint_eq(rig_free_clusters(), before - 1);
    shale_vnode_put(vn);
    ck_assert_uint_eq(rig_free_clusters(), before);
    GOOD(shale_sync(rig.v.fs));
    ck_assert_uint_eq(rig_free_clusters(), before);
    rig_end();
}
END_TEST

START_TEST(a_full_volume_reuses_what_was_just_deleted)
{
    struct shale_vnode *vn;
    uint64_t left;

    rig_make(16, 5000, 512, 512, NULL);
    left = rig_free_clusters();
    for (unsigned i = 0; i < 5; i++) {
        vn = rig_create(rig.root, "file");
        rig_write(vn, (int)i, left * 512, 0);
        shale_vnode_put(vn);
        GOOD(rig_unlink(rig.root, "file"));
    }
    rig_end();
}
END_TEST

/* ------------------------------------------------------------------ hints */

static const struct {
    const char *what;
    uint32_t free_count, next_free;
} hints[] = {
    { "nothing known", 0xffffffff, 0xffffffff },
    { "none free", 0, 2 },
    { "too many free", 66000, 3 },
    { "more than there are", 0x7fffffff, 0x7fffffff },
    { "the last cluster", 0xffffffff, 66000 },
};

static void put32(size_t at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        rig.bytes[at + i] = (uint8_t)(value >> 8 * i);
}

START_TEST(a_hint_is_no_more)
{
    struct shale_vnode *vn;

    rig_make(32, 34000, 512, 512, NULL);
    rig_unmount();
    put32(512 + 0x1e8, hints[_i].free_count);
    put32(512 + 0x1ec, hints[_i].next_free);
    rig_mount(NULL);
    vn = rig_create(rig.root, "file");
    rig_write(vn, 1, 5000, 0);
    /* Counting is not believed where it cannot be right. */
    ck_assert_uint_le(rig_free_clusters(), 67000);
    shale_vnode_put(vn);
    rig_unmount();
    fatcheck_run(&rig.check, rig.bytes, rig.size);
    ck_assert_msg((rig.check.faults & ~(unsigned)FATCHECK_FREE) == 0, "%s: %s",
                  hints[_i].what, rig.check.said);
    rig_free();
}
END_TEST

START_TEST(a_count_that_cannot_be_is_counted)
{
    struct shale_vnode *vn;

    rig_make(32, 34000, 512, 512, NULL);
    rig_unmount();
    put32(512 + 0x1e8, 3);
    rig_mount(NULL);
    vn = rig_create(rig.root, "file");
    rig_write(vn, 1, 5000, 0);
    shale_vnode_put(vn);
    rig_end();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fat/space");
    TCase *tc = tcase_create("space");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_file_is_in_one_piece);
    tcase_add_test(tc, two_growing_side_by_side_are_in_long_pieces);
    tcase_add_test(tc, files_one_after_the_other_leave_no_gap);
    tcase_add_loop_test(tc, every_cluster_but_straddlers_is_used, 0,
                        sizeof shapes / sizeof shapes[0]);
    tcase_add_test(tc, windows_are_given_back_when_space_runs_out);
    tcase_add_test(tc, single_clusters_are_found_too);
    tcase_add_test(tc, what_is_undone_is_free_again);
    tcase_add_test(tc, a_window_follows_the_file);
    tcase_add_test(tc, what_is_freed_is_free_when_that_is_written);
    tcase_add_test(tc, what_is_freed_counts_as_free);
    tcase_add_test(tc, what_is_freed_twice_is_free_once);
    tcase_add_test(tc, the_fat_that_is_read_says_what_is_freed);
    tcase_add_test(tc, a_full_volume_reuses_what_was_just_deleted);
    tcase_add_loop_test(tc, a_hint_is_no_more, 0,
                        sizeof hints / sizeof hints[0]);
    tcase_add_test(tc, a_count_that_cannot_be_is_counted);
    suite_add_tcase(s, tc);
    return s;
}
