/*
 * test_vfs_bound.c - the memory formula, beside what is measured
 *
 * Volumes of each format, with small and large blocks and budgets, are mounted,
 * exercised and written to; what they had allocated at most is to be within the
 * formula. SHALE_TEST_SHOW=1 in the environment shows both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exercise.h"
#include "golden.h"
#include "shale/cache.h"
#include "suite.h"
#include "volume.h"

enum { MADE = 40 << 20, FILES = 200, LARGE = 6 << 20 };

/* Of golden images, and of volumes made here. */
static const struct {
    const char *golden;         /* or NULL */
    const struct shale_fs_ops *driver;
    struct shale_format format;
    bool write;
} volumes[] = {
    { "fat12-small", NULL, { .fat_bits = 0 }, true },
    { "fat16-small", NULL, { .fat_bits = 0 }, true },
    { "fat32-small", NULL, { .fat_bits = 0 }, true },
    { "ext2-small", NULL, { .fat_bits = 0 }, true },
    { "ntfs-small", NULL, { .fat_bits = 0 }, false },
    { "ntfs-packed", NULL, { .fat_bits = 0 }, false },
    { NULL, &shale_fat, { .block_size = 1024, .fat_bits = 16 }, true },
    { NULL, &shale_fat, { .block_size = 512, .fat_bits = 32 }, true },
    { NULL, &shale_fat, { .block_size = 16384, .fat_bits = 12 }, true },
    { NULL, &shale_fat, { .block_size = 4096, .sector_size = 4096,
                          .fat_bits = 16 }, true },
    { NULL, &shale_ext2, { .block_size = 1024 }, true },
    { NULL, &shale_ext2, { .block_size = 4096 }, true },
    { NULL, &shale_ext2, { .block_size = 65536 }, true },
    { NULL, &shale_ext2, { .block_size = 1024,
                           .features = "has_journal" }, true },
    { NULL, &shale_ext2, { .block_size = 4096,
                           .features = "has_journal" }, true },
};

enum { VOLUMES = sizeof volumes / sizeof volumes[0] };

/* Budgets: bytes of blocks, of units, vnodes. */
static const struct {
    size_t cache, decoded, vnodes;
} budgets[] = {
    { 8 << 10, 4 << 10, 4 },
    { 256 << 10, 64 << 10, 100 },
    { 0, 0, 0 },
};

enum { BUDGETS = sizeof budgets / sizeof budgets[0] };

/* ---------------------------------------------------------------- volumes */

static struct golden disk;

static void disk_make(int i)
{
    struct shale_memory_bdev dev;
    struct volume v;

    if (volumes[i].golden) {
        golden_load(&disk, volumes[i].golden);
        return;
    }
    disk.size = MADE;
    disk.bytes = calloc(1, MADE);
    ck_assert_ptr_nonnull(disk.bytes);
    ck_assert_int_eq(volume_to_write(&v, disk.bytes, disk.size), 0);
    shale_memory_bdev_init(&dev, disk.bytes, disk.size, 512, false);
    ck_assert_int_eq(shale_mkfs(volumes[i].driver, &dev.base, v.mem, NULL,
                                &volumes[i].format), 0);
    ck_assert_uint_eq(volume_close(&v), 0);
}

static void open_disk(struct volume *v, bool write, int budget)
{
    ck_assert_int_eq(write ? volume_to_write(v, disk.bytes, disk.size)
                           : volume_of_bytes(v, disk.bytes, disk.size), 0);
    v->cache_bytes = budgets[budget].cache;
    v->decoded_bytes = budgets[budget].decoded;
    v->vnode_max = budgets[budget].vnodes;
    v->write = write;
    ck_assert_int_eq(volume_mount(v, NULL), 0);
}

/* ------------------------------------------------------------ the formula */

static void hold(struct volume *v, size_t held,
                 const char *what, int i)
{
    struct shale_memory_bound bound;
    struct shale_mem_stats stats;
    size_t took;

    shale_memory_bound(v->fs, held, 1, &bound);
    ck_assert_uint_eq(bound.total, bound.volume + bound.cache + bound.vnodes +
                                   bound.decoded + bound.names +
                                   bound.passing +
                                   (v->write ? bound.changes : 0));
    ck_assert_uint_eq(bound.changes > 0, volumes[i].write);
    shale_mem_stats(v->mem, &stats);
    took = stats.peak;
    if (getenv("SHALE_TEST_SHOW"))
        fprintf(stderr, "%-8s %2d %-12s took %8zu of %8zu: volume %zu cache "
                "%zu changes %zu vnodes %zu decoded %zu names %zu passing "
                "%zu\n", what, i,
                volumes[i].golden ? volumes[i].golden : "", took, bound.total,
                bound.volume, bound.cache, bound.changes, bound.vnodes,
                bound.decoded, bound.names, bound.passing);
    ck_assert_msg(took <= bound.total, "%s, volume %d: took %zu of %zu", what,
                  i, took, bound.total);
}


START_TEST(holds_for_who_reads)
{
    int i = _i / BUDGETS;
    struct exercise x = { .max_file_bytes = 4 << 20 };
    struct volume v;

    disk_make(i);
    open_disk(&v, false, _i % BUDGETS);
    ck_assert_int_eq(exercise(v.fs, &x), 0);
    hold(&v, 4, "reading", i);
    ck_assert_uint_eq(volume_close(&v), 0);
    golden_free(&disk);
}
END_TEST

/* Make, write, rename, cut and remove. */
static void churn(struct shale_fs *fs, struct shale_vnode *dir)
{
    static const uint8_t bytes[20000] = { 1 };
    const struct shale_node node = { .mode = SHALE_S_IFREG | 0644 };
    char name[40], other[40];

    for (unsigned i = 0; i < FILES; i++) {
        size_t len = (size_t)snprintf(name, sizeof name,
                                      "a file with a longer name %u", i);
        struct shale_vnode *vn;

        ck_assert_int_eq(shale_create(dir, name, len, &node, &vn), 0);
        ck_assert_int_eq(shale_write(vn, bytes, sizeof bytes, 0),
                         sizeof bytes);
        ck_assert_int_eq(shale_write(vn, bytes, 100, 40000), 100);
        if (i % 7 == 0)
            ck_assert_int_eq(shale_truncate(vn, 5000), 0);
        shale_vnode_put(vn);
        snprintf(other, sizeof other, "b file with a longer name %u", i);
        if (i % 3 == 0)
            ck_assert_int_eq(shale_rename(dir, name, len, dir, other, len, 0),
                             0);
        else if (i % 3 == 1 || i > 30)
            ck_assert_int_eq(shale_unlink(dir, name, len), 0);
        if (i % 3 == 0 && i > 30)
            ck_assert_int_eq(shale_unlink(dir, other, len), 0);
        if (i % 50 == 0)
            ck_assert_int_eq(shale_sync(fs), 0);
    }
}

/* A large file, in one go and in pieces that are apart; where there is room. */
static void write_large(struct shale_fs *fs, struct shale_vnode *dir)
{
    const struct shale_node node = { .mode = SHALE_S_IFREG | 0644 };
    uint8_t *bytes = calloc(1, LARGE);
    struct shale_statfs usage;
    struct shale_vnode *vn;

    ck_assert_ptr_nonnull(bytes);
    ck_assert_int_eq(shale_statfs(fs, &usage), 0);
    if (usage.blocks_available * usage.block_size < 3 * (uint64_t)LARGE) {
        free(bytes);
        return;
    }
    ck_assert_int_eq(shale_create(dir, "large", 5, &node, &vn), 0);
    ck_assert_int_eq(shale_write(vn, bytes, LARGE, 0), LARGE);
    ck_assert_int_eq(shale_truncate(vn, 100), 0);
    for (uint64_t at = 0; at < LARGE; at += LARGE / 100)
        ck_assert_int_eq(shale_write(vn, bytes, 1000, at), 1000);
    shale_vnode_put(vn);
    ck_assert_int_eq(shale_unlink(dir, "large", 5), 0);
    free(bytes);
}

START_TEST(holds_for_who_writes)
{
    const struct shale_node node = { .mode = SHALE_S_IFDIR | 0755 };
    struct shale_vnode *root, *dir;
    int i = _i / BUDGETS;
    struct volume v;

    if (!volumes[i].write)
        return;
    disk_make(i);
    open_disk(&v, true, _i % BUDGETS);
    ck_assert_int_eq(shale_vnode_get(v.fs, shale_root_ino(v.fs), &root), 0);
    ck_assert_int_eq(shale_create(root, "new", 3, &node, &dir), 0);
    churn(v.fs, dir);
    write_large(v.fs, dir);
    shale_vnode_put(dir);
    shale_vnode_put(root);
    hold(&v, 4, "writing", i);
    ck_assert_uint_eq(volume_close(&v), 0);
    golden_free(&disk);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/bound");
    TCase *tc = tcase_create("bound");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, holds_for_who_reads, 0, VOLUMES * BUDGETS);
    tcase_add_loop_test(tc, holds_for_who_writes, 0, VOLUMES * BUDGETS);
    suite_add_tcase(s, tc);
    return s;
}
