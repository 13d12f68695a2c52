/* test_fat_grow.c - files that get longer and shorter, and their chains */
#include "fat32/node.h"
#include "fat32/write.h"
#include "suite.h"
#include "test_fat_rig.h"

#define MAX 9000u               /* bytes; clusters are of 512 */

static const struct {
    unsigned bits;
    size_t kib;
} shapes[] = { { 12, 720 }, { 16, 5000 }, { 32, 34000 } };

enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static void make(unsigned shape)
{
    rig_make(shapes[shape].bits, shapes[shape].kib, 512, 512, NULL);
}

/* The entry called NAME, once rig_look() has been. */
static const struct fatcheck_entry *entry_of(const char *name)
{
    for (size_t i = 1; i < rig.check.count; i++)
        if (strcmp(fatcheck_name(&rig.check, &rig.check.entries[i]), name) ==
            0)
            return &rig.check.entries[i];
    ck_abort_msg("%s is not there", name);
    return NULL;
}

/* ----------------------------------------------------------------- sizes */

/* From one size to the next, within one batch or each in its own. */
static const struct {
    const char *what;
    uint64_t sizes[8];          /* ends with END */
} walks[] = {
#define END UINT64_MAX
    { "empty", { 0, END } },
    { "one byte", { 1, END } },
    { "a cluster", { 512, END } },
    { "a cluster and a byte", { 513, END } },
    { "up", { 1, 512, 513, 1024, 5000, MAX, END } },
    { "down", { MAX, 5000, 1024, 513, 512, 1, 0, END } },
    { "down and up", { 5000, 600, 5000, 600, 6000, END } },
    { "to nothing and up", { 5000, 0, 5000, 0, 600, END } },
    { "within a cluster", { 5000, 4990, 4999, 5000, END } },
    { "down twice, up", { MAX, 5000, 600, MAX, END } },
    { "up, down into what was there", { 3000, MAX, 2000, MAX, END } },
    { "up, down to what was there", { 3000, MAX, 3000, MAX, END } },
    { "up, down not so far", { 3000, MAX, 4000, MAX, 3500, END } },
};

enum { WALKS = sizeof walks / sizeof walks[0] };

static void check_content(struct shale_vnode *vn, const uint8_t *want,
                          uint64_t size, const char *what)
{
    static uint8_t got[MAX];

    ck_assert_uint_eq(vn->size, size);
    ck_assert_int_eq(shale_read(vn, got, MAX, 0), (int64_t)size);
    ck_assert_msg(memcmp(got, want, size) == 0, "%s", what);
}

static void walk(unsigned shape, unsigned which, bool write_each)
{
    uint8_t want[MAX] = { 0 };
    struct shale_vnode *vn;
    uint64_t size = 0;

    make(shape);
    vn = rig_create(rig.root, "file");
    for (unsigned i = 0; walks[which].sizes[i] != END; i++) {
        uint64_t next = walks[which].sizes[i];

        if (next > size) {
            memset(want + size, (int)i + 1, next - size);
            ck_assert_int_eq(shale_write(vn, want + size, next - size, size),
                             (int64_t)(next - size));
        } else {
            GOOD(shale_truncate(vn, next));
            memset(want + next, 0, size - next);
        }
        size = next;
        check_content(vn, want, size, walks[which].what);
        if (write_each)
            GOOD(shale_writeback(rig.v.fs));
    }
    shale_vnode_put(vn);
    rig_look();
    ck_assert_uint_eq(entry_of("file")->size, size);
    ck_assert_uint_eq(entry_of("file")->chain_count, (size + 511) / 512);
    rig_mount(NULL);
    GOOD(shale_walk(rig.v.fs, NULL, "/file", 0, &vn));
    check_content(vn, want, size, walks[which].what);
    shale_vnode_put(vn);
    rig_end();
}

START_TEST(any_size_after_any)
{
    walk((unsigned)_i / WALKS, (unsigned)_i % WALKS, false);
    walk((unsigned)_i / WALKS, (unsigned)_i % WALKS, true);
}
END_TEST

START_TEST(a_gap_reads_as_zeros)
{
    uint8_t want[MAX] = { 0 };
    struct shale_vnode *vn;

    make((unsigned)_i);
    /* What was on the clusters before is not to be seen. */
    vn = rig_create(rig.root, "before");
    rig_write(vn, 0xee, 200000, 0);
    shale_vnode_put(vn);
    GOOD(rig_unlink(rig.root, "before"));
    GOOD(shale_sync(rig.v.fs));
    vn = rig_create(rig.root, "file");
    rig_write(vn, 7, 10, 4000);
    memset(want + 4000, 7, 10);
    check_content(vn, want, 4010, "a gap");
    GOOD(shale_truncate(vn, 8000));
    check_content(vn, want, 8000, "truncated up");
    shale_vnode_put(vn);
    rig_end();
}
END_TEST

START_TEST(four_gigabytes_are_too_much)
{
    struct shale_vnode *vn;
    struct shale_extent extent;
    uint8_t byte = 1;

    make(2);
    vn = rig_create(rig.root, "file");
    ck_assert_int_eq(shale_truncate(vn, (uint64_t)1 << 32), SHALE_EFBIG);
    ck_assert_int_eq((int)shale_write(vn, &byte, 1, 0xffffffffu),
                     SHALE_EFBIG);
    ck_assert_int_eq(shale_allocate(vn, 0xfffffff0u, 17, 0), SHALE_EFBIG);
    /* Asked by itself, too. */
    ck_assert_int_eq(fat_allocate(vn, 0xffffffffu, 1, &extent), SHALE_EFBIG);
    ck_assert_int_eq(fat_allocate(vn, 0, (uint64_t)1 << 32, &extent),
                     SHALE_EFBIG);
    ck_assert_int_eq(fat_resize(vn, (uint64_t)1 << 32), SHALE_EFBIG);
    ck_assert_uint_eq(vn->size, 0);
    shale_vnode_put(vn);
    rig_end();
}
END_TEST

START_TEST(a_gap_that_does_not_fit_is_not_begun)
{
    const size_t size = (size_t)32 << 20, part = (size_t)1 << 20;
    uint8_t *last;
    struct shale_vnode *vn;
    uint8_t byte = 1;

    rig_make(16, size >> 10, 512, 2048, "");
    last = rig.bytes + size - part;
    memset(last, 0xaa, part);
    vn = rig_create(rig.root, "file");
    ck_assert_int_eq(shale_truncate(vn, 2 * size), SHALE_ENOSPC);
    ck_assert_int_eq((int)shale_write(vn, &byte, 1, 2 * size), SHALE_ENOSPC);
    ck_assert_uint_eq(vn->size, 0);
    for (size_t i = 0; i < part; i++)
        ck_assert_uint_eq(last[i], 0xaa);
    /* All there is, from what has just been freed, too. */
    GOOD(shale_truncate(vn, size - part));
    GOOD(shale_truncate(vn, 0));
    GOOD(shale_truncate(vn, size - part));
    shale_vnode_put(vn);
    rig_end();
}
END_TEST

/* ----------------------------------------------------------- within a batch */

START_TEST(what_was_cut_grows_in_the_next_batch)
{
    struct shale_vnode *vn;
    uint64_t batch;

    make((unsigned)_i);
    vn = rig_create(rig.root, "file");
    rig_write(vn, 1, 5000, 0);
    GOOD(shale_sync(rig.v.fs));
    GOOD(shale_truncate(vn, 1000));
    batch = shale_tx_batch(rig.v.fs->tx);
    /* There is room in the last cluster. */
    rig_write(vn, 2, 20, 1000);
    ck_assert_uint_eq(shale_tx_batch(rig.v.fs->tx), batch);
    rig_write(vn, 2, 20, 1020);
    ck_assert_uint_gt(shale_tx_batch(rig.v.fs->tx), batch);
    shale_vnode_put(vn);
    rig_end();
}
END_TEST

START_TEST(what_grew_may_be_cut_and_grow_in_one_batch)
{
    struct shale_vnode *vn;
    uint64_t batch;

    make((unsigned)_i);
    vn = rig_create(rig.root, "file");
    rig_write(vn, 1, 700, 0);
    GOOD(shale_sync(rig.v.fs));
    rig_write(vn, 1, 100, 700);
    batch = shale_tx_batch(rig.v.fs->tx);
    for (unsigned i = 0; i < 10; i++) {
        rig_write(vn, 2, 5000, 800);
        GOOD(shale_truncate(vn, 800 + 100 * i));
    }
    GOOD(shale_truncate(vn, 0));
    rig_write(vn, 2, 5000, 0);
    ck_assert_uint_eq(shale_tx_batch(rig.v.fs->tx), batch);
    shale_vnode_put(vn);
    rig_end();
}
END_TEST

START_TEST(a_chain_with_an_old_name_is_cut_in_the_next_batch)
{
    struct shale_vnode *vn, *dir;
    uint64_t batch;

    make((unsigned)_i);
    dir = rig_mkdir(rig.root, "dir");
    vn = rig_create(rig.root, "file");
    rig_write(vn, 1, 5000, 0);
    batch = shale_tx_batch(rig.v.fs->tx);
    GOOD(rig_rename(rig.root, "file", dir, "moved"));
    GOOD(shale_truncate(vn, 4999));
    ck_assert_uint_eq(shale_tx_batch(rig.v.fs->tx), batch);
    GOOD(shale_truncate(vn, 1000));
    ck_assert_uint_gt(shale_tx_batch(rig.v.fs->tx), batch);
    shale_vnode_put(vn);
    shale_vnode_put(dir);
    rig_end();
}
END_TEST

/* ------------------------------------------------------------ reservations */

START_TEST(what_was_kept_and_not_used_is_given_back)
{
    struct shale_vnode *vn;
    uint64_t before;

    make((unsigned)_i);
    vn = rig_create(rig.root, "file");
    rig_write(vn, 1, 700, 0);
    before = rig_free_clusters();
    GOOD(shale_allocate(vn, 0, 50 * 512, SHALE_ALLOCATE_KEEP_SIZE));
    ck_assert_uint_eq(vn->size, 700);
    ck_assert_uint_eq(rig_free_clusters(), before - 48);
    rig_write(vn, 1, 2000, 700);
    ck_assert_uint_eq(rig_free_clusters(), before - 48);
    ck_assert_uint_eq(rig_runs(vn), 1);
    shale_vnode_put(vn);
    GOOD(shale_sync(rig.v.fs));
    ck_assert_uint_eq(rig_free_clusters(), before - 4);
    rig_end();
}
END_TEST

/* --------------------------------------------------------------- removal */

START_TEST(an_open_file_lives_until_it_is_put)
{
    struct shale_vnode *vn;
    uint64_t before;
    uint8_t want[MAX];

    make((unsigned)_i);
    before = rig_free_clusters();
    vn = rig_create(rig.root, "file");
    GOOD(rig_unlink(rig.root, "file"));
    ck_assert_uint_eq(vn->links, 0);
    memset(want, 5, MAX);
    rig_write(vn, 5, MAX, 0);
    check_content(vn, want, MAX, "unlinked");
    GOOD(shale_sync(rig.v.fs));
    GOOD(shale_truncate(vn, 3000));
    check_content(vn, want, 3000, "cut");
    /* Others do not get its clusters. */
    rig_touch(rig.root, "other");
    ck_assert_uint_eq(rig_free_clusters() < before, true);
    shale_vnode_put(vn);
    GOOD(shale_sync(rig.v.fs));
    ck_assert_uint_eq(rig_free_clusters(), before);
    rig_end();
}
END_TEST

/* A chain that runs into a free cluster: what there is of it is freed. */
START_TEST(a_damaged_chain_can_be_removed)
{
    struct shale_vnode *vn;
    uint32_t fat, cluster;

    make(2);
    vn = rig_create(rig.root, "file");
    rig_write(vn, 1, 5000, 0);
    shale_vnode_put(vn);
    rig_look();
    cluster = rig.check.clusters[entry_of("file")->chain + 4];
    /* Its entries in all FATs are behind the reserved sectors. */
    fat = (uint32_t)(rig.bytes[14] | rig.bytes[15] << 8) * 512;
    for (unsigned copy = 0; copy < rig.bytes[16]; copy++) {
        uint32_t size = (uint32_t)(rig.bytes[36] | rig.bytes[37] << 8) * 512;

        memset(rig.bytes + fat + copy * size + cluster * 4, 0, 4);
    }
    rig_mount(NULL);
    GOOD(rig_unlink(rig.root, "file"));
    rig_unmount();
    fatcheck_run(&rig.check, rig.bytes, rig.size);
    ck_assert_msg((rig.check.faults &
                   ~(unsigned)(FATCHECK_LOST | FATCHECK_FREE)) == 0, "%s",
                  rig.check.said);
    ck_assert_uint_eq(rig.check.count, 1);
    rig_free();
}
END_TEST

/* Behind such an end nothing is written, but the file can be cut to it. */
START_TEST(a_chain_that_ends_before_its_file_does_not_grow)
{
    struct shale_vnode *vn;
    uint64_t at;

    make(2);
    vn = rig_create(rig.root, "file");
    rig_write(vn, 1, 5000, 0);
    at = fat_vnode_of(vn)->at;
    shale_vnode_put(vn);
    rig_look();
    rig.bytes[at + 30] = 1;     /* its size: 64 KiB more */
    rig_mount(NULL);
    GOOD(shale_lookup(rig.root, "file", 4, &vn));
    ck_assert_int_eq(shale_write(vn, "x", 1, 65536 + 5000), SHALE_ECORRUPT);
    ck_assert_msg(strstr(rig.v.said, "ends before"), "%s", rig.v.said);
    ck_assert_int_eq(shale_truncate(vn, 200000), SHALE_ECORRUPT);
    GOOD(shale_truncate(vn, 5000));
    rig_write(vn, 2, 3000, 5000);
    shale_vnode_put(vn);
    rig_end();
}
END_TEST

/* That a directory has no cluster is not that the volume is full. */
START_TEST(a_directory_without_clusters_is_damage)
{
    struct shale_vnode *dir;
    uint64_t at;

    make(2);
    dir = rig_mkdir(rig.root, "dir");
    at = fat_vnode_of(dir)->at;
    shale_vnode_put(dir);
    rig_look();
    memset(rig.bytes + at + 20, 0, 2);
    memset(rig.bytes + at + 26, 0, 2);
    rig_mount(NULL);
    GOOD(shale_lookup(rig.root, "dir", 3, &dir));
    ck_assert_int_eq(rig_try(dir, "file", 0100644, NULL), SHALE_ECORRUPT);
    shale_vnode_put(dir);
    rig_unmount();
    rig_free();
}
END_TEST

/* That one directory goes is no reason to forget which the others are. */
START_TEST(a_directory_within_itself_is_known_after_rmdir)
{
    struct shale_vnode *dir, *in;
    uint64_t at, in_at;

    make(2);
    dir = rig_mkdir(rig.root, "dir");
    in = rig_mkdir(dir, "in");
    at = fat_vnode_of(dir)->at;
    in_at = fat_vnode_of(in)->at;
    shale_vnode_put(in);
    in = rig_mkdir(rig.root, "other");
    shale_vnode_put(in);
    shale_vnode_put(dir);
    rig_look();
    memcpy(rig.bytes + in_at + 26, rig.bytes + at + 26, 2);
    rig_mount(NULL);
    GOOD(shale_lookup(rig.root, "dir", 3, &dir));
    GOOD(shale_rmdir(rig.root, "other", 5));
    ck_assert_int_eq(shale_lookup(dir, "in", 2, &in), SHALE_ECORRUPT);
    shale_vnode_put(dir);
    rig_unmount();
    rig_free();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fat/grow");
    TCase *tc = tcase_create("grow");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, any_size_after_any, 0, SHAPES * WALKS);
    tcase_add_loop_test(tc, a_gap_reads_as_zeros, 0, SHAPES);
    tcase_add_test(tc, four_gigabytes_are_too_much);
    tcase_add_test(tc, a_gap_that_does_not_fit_is_not_begun);
    tcase_add_loop_test(tc, what_was_cut_grows_in_the_next_batch, 0, SHAPES);
    tcase_add_loop_test(tc, what_grew_may_be_cut_and_grow_in_one_batch, 0,
                        SHAPES);
    tcase_add_loop_test(tc, a_chain_with_an_old_name_is_cut_in_the_next_batch,
                        0, SHAPES);
    tcase_add_loop_test(tc, what_was_kept_and_not_used_is_given_back, 0,
                        SHAPES);
    tcase_add_loop_test(tc, an_open_file_lives_until_it_is_put, 0, SHAPES);
    tcase_add_test(tc, a_damaged_chain_can_be_removed);
    tcase_add_test(tc, a_chain_that_ends_before_its_file_does_not_grow);
    tcase_add_test(tc, a_directory_without_clusters_is_damage);
    tcase_add_test(tc, a_directory_within_itself_is_known_after_rmdir);
    suite_add_tcase(s, tc);
    return s;
}
