/* test_ext2_format.c - what a new volume is, and what a failure leaves */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ext2/ext2.h"
#include "ext2/format.h"
#include "shale/err.h"
#include "shale/fault.h"
#include "shale/host.h"
#include "shape.h"
#include "suite.h"

enum { SIZE = 24 << 20, SMALL = 256 << 10, WITH_JOURNAL = 4 << 20 };

static uint8_t bytes[SIZE];
static struct shale_mem *mem;

/* What went wrong, in words. */
struct listener {
    struct shale_log log;
    char said[256];
};

static void hear(struct shale_log *log, const struct shale_event *event)
{
    struct listener *listener = (struct listener *)log;

    snprintf(listener->said, sizeof listener->said, "%s: %s", event->what,
             event->detail ? event->detail : "");
}

static struct listener listener;

static void setup(void)
{
    listener = (struct listener){ .log = { hear } };
    mem = shale_host_mem_create(0);
}

static void teardown(void)
{
    ck_assert_ptr_null(shale_mem_check(mem));
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}

static int format(struct shale_bdev *dev, const struct shale_format *how)
{
    return shale_mkfs(&shale_ext2, dev, mem, &listener.log, how);
}

/* The layout of a volume of SIZE bytes, of which there need be none. */
static int lay_out(uint64_t size, const struct shale_format *how,
                   struct ext2_new *v)
{
    static struct shale_bdev dev;
    static const struct shale_bdev_ops none;

    dev = (struct shale_bdev){ .ops = &none, .size = size, .block_size = 1 };
    *v = (struct ext2_new){ .dev = &dev, .mem = mem, .format = how };
    return ext2_layout_choose(v, &listener.log);
}

/* ---------------------------------------------------------------- layout */

#define M UINT64_C(1048576)
#define G (M << 10)
#define T (M << 20)

/* As mke2fs 1.47 lays them out, but for what a comment says. */
static const struct {
    const char *what;
    uint64_t size;
    struct shale_format how;
    uint32_t block_size, blocks, groups, inodes, reserved_desc;
} layouts[] = {
    { "the least", 32 << 10, { 0 }, 1024, 32, 1, 16, 0 },
    { "64 KiB", 64 << 10, { 0 }, 1024, 64, 1, 16, 0 },
    { "small inodes on it", 64 << 10, { .inode_size = 128 },
      1024, 64, 1, 16, 0 },
    { "256 KiB", 256 << 10, { 0 }, 1024, 256, 1, 32, 0 },
    { "below 3 MiB", 3 * M - 1, { 0 }, 1024, 3071, 1, 384, 11 },
    { "3 MiB", 3 * M, { 0 }, 1024, 3072, 1, 768, 11 },
    { "a group, less the boot block", 8 * M, { 0 }, 1024, 8192, 1, 2048, 31 },
    { "one group", 8 * M + 1024, { 0 }, 1024, 8193, 1, 2048, 32 },
    { "a bit more is left out", 8 * M + 11 * 1024, { 0 }, 1024, 8193, 1, 2056,
      32 },
    { "less than 512 MiB", 512 * M - 1, { 0 }, 1024, 524287, 64, 131072, 256 },
    { "512 MiB", 512 * M, { 0 }, 4096, 131072, 4, 32768, 31 },
    { "2 GiB", 2 * G, { 0 }, 4096, 524288, 16, 131072, 127 },
    { "4 TiB", 4 * T, { 0 }, 4096, 1 << 30, 32768, 134217728, 768 },
    { "16 TiB, less a block", 16 * T - 4096, { 0 }, 4096, UINT32_MAX, 131072,
      536870912, 0 },
    { "groups of 65528 blocks", 8 * G, { .block_size = 65536 },
      65536, 131056, 2, 130560, 0 },
    { "smaller groups for more inodes", 64 * M,
      { .block_size = 4096, .inode_ratio = 1024 }, 4096, 16384, 2, 65536, 15 },
    { "a disk of large sectors", 64 * M, { .sector_size = 4096 },
      4096, 16384, 1, 16384, 3 },
    { "not the default's ratio", 64 * M, { .block_size = 65536 },
      65536, 1024, 1, 1024, 0 },
};

START_TEST(lays_out)
{
    const char *what = layouts[_i].what;
    struct ext2_new v;
    int err = lay_out(layouts[_i].size, &layouts[_i].how, &v);

    ck_assert_msg(err == 0, "%s: %s", what, listener.said);
    ck_assert_msg(v.super.block_size == layouts[_i].block_size, "%s: %u", what,
                  v.super.block_size);
    ck_assert_msg(v.super.block_count == layouts[_i].blocks, "%s: %u blocks",
                  what, v.super.block_count);
    ck_assert_msg(v.super.group_count == layouts[_i].groups, "%s: %u groups",
                  what, v.super.group_count);
    ck_assert_msg(v.super.inode_count == layouts[_i].inodes, "%s: %u inodes",
                  what, v.super.inode_count);
    ck_assert_msg(v.super.reserved_desc == layouts[_i].reserved_desc,
                  "%s: %u spare", what, v.super.reserved_desc);
}
END_TEST

static const struct {
    const char *why;
    uint64_t size;
    struct shale_format how;
} refusals[] = {
    { "too small", 31 << 10, { 0 } },
    { "too small", 0, { 0 } },
    { "too large", 16 * T, { 0 } },
    { "too large", 5 * T, { .block_size = 1024 } },
    { "block size", 8 * M, { .block_size = 512 } },
    { "block size", 8 * M, { .block_size = 131072 } },
    { "block size", 8 * M, { .block_size = 3072 } },
    { "block size", 8 * M, { .block_size = 1024, .sector_size = 4096 } },
    { "inode size", 8 * M, { .inode_size = 64 } },
    { "inode size", 8 * M, { .inode_size = 8192, .block_size = 16384 } },
    { "inode size", 8 * M, { .inode_size = 2048, .block_size = 1024 } },
    { "inode size", 8 * M, { .inode_size = 192 } },
    { "blocks per group", 8 * M, { .group_blocks = 255 } },
    { "blocks per group", 8 * M, { .group_blocks = 1001 } },
    { "blocks per group", 8 * M, { .group_blocks = 8200 } },
    { "too many inodes", 8 * M, { .inodes = UINT32_MAX } },
    { "leave no room", 8 * M, { .inodes = 8192, .inode_size = 1024 } },
    { "too many inodes", 8 * M, { .group_blocks = 8192, .inodes = 16385 } },
    { "feature", 8 * M, { .features = "extents" } },
    { "''", 8 * M, { .features = "," } },
    { "feature", 8 * M, { .features = "^" } },
    { "feature", 8 * M, { .features = "filetypes" } },
    { "feature", 8 * M, { .features = "none,filetyp" } },
    { "sparse_super", 8 * M, { .features = "^sparse_super" } },
    { "journal", 64 * M, { .features = "has_journal",
                           .journal_size = 1023 << 10 } },
    { "journal", 1 * M, { .features = "has_journal" } },
    { "label", 8 * M, { .label = "seventeen bytes.." } },
    { "half of", 8 * M, { .spare = 5001 } },
};

START_TEST(refuses)
{
    struct ext2_new v;
    int err = lay_out(refusals[_i].size, &refusals[_i].how, &v);

    ck_assert_msg(err == SHALE_EINVAL, "%s: %d", refusals[_i].why, err);
    ck_assert_msg(strstr(listener.said, refusals[_i].why) != NULL,
                  "%s: '%s'", refusals[_i].why, listener.said);
}
END_TEST

/* ----------------------------------------------------------- the volume */

static const struct shale_format hows[] = {
    { 0 },
    { .inode_size = 128, .features = "none" },
    { .block_size = 1024, .features = "has_journal", .group_blocks = 2048 },
    { .block_size = 2048, .features = "^sparse_super,^resize_inode",
      .group_blocks = 1024, .spare = SHALE_FORMAT_NONE },
    { .block_size = 4096, .inode_size = 512, .inodes = 3000 },
    { .block_size = 4096, .features = "has_journal,^filetype" },
    { .block_size = 65536, .inode_size = 4096 },
    { .block_size = 4096, .features = "^large_file,^filetype" },
};

/* What is wrong with the volume, in words; "" if nothing is. */
static const char *fault(void)
{
    static char said[400];
    struct found found = { .kind = &ext2_kind };

    said[0] = '\0';
    if (found_look(&found, bytes, SIZE))
        snprintf(said, sizeof said, "%s", found.said);
    /* The root, and what is in it. */
    else if (found.count != 2 || strcmp(found.entries[1].name, "lost+found"))
        snprintf(said, sizeof said, "%zu files", found.count);
    found_free(&found);
    return said;
}

/* Whatever was there before: nothing of it counts any more. */
START_TEST(is_sound)
{
    struct shale_memory_bdev dev;
    uint8_t *again = malloc(SIZE);

    ck_assert_ptr_nonnull(again);
    for (unsigned old = 0; old < 2; old++) {
        memset(bytes, old ? 0xff : 0xa5, SIZE);
        shale_memory_bdev_init(&dev, bytes, SIZE, 512, false);
        ck_assert_msg(format(&dev.base, &hows[_i]) == 0, "%s", listener.said);
        ck_assert_str_eq(fault(), "");
    }
    memcpy(again, bytes, SIZE);
    memset(bytes, 0xff, SIZE);
    ck_assert_int_eq(format(&dev.base, &hows[_i]), 0);
    ck_assert_msg(memcmp(again, bytes, SIZE) == 0, "another one each time");
    free(again);
}
END_TEST

/* The feature is there if a file is that large, also the resize inode. */
START_TEST(large_file)
{
    const struct {
        struct shale_format how;
        bool large;
    } cases[] = {
        { { .block_size = 1024, .features = "^large_file" }, false },
        { { .block_size = 2048, .features = "^large_file" }, false },
        { { .block_size = 4096, .features = "^large_file" }, true },
        { { .block_size = 4096, .features = "^large_file,^resize_inode" },
          false },
        { { .block_size = 65536, .features = "none,resize_inode,sparse_super" },
          true },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ext2_new v;

        ck_assert_int_eq(lay_out(64 * M, &cases[i].how, &v), 0);
        ck_assert_msg(!(v.super.ro_compat & EXT2_RO_COMPAT_LARGE_FILE) ==
                      !cases[i].large, "%zu", i);
    }
}
END_TEST

/* A device of large blocks is written in these. */
START_TEST(device_of_4096)
{
    const struct shale_format how = { .block_size = 4096 };
    struct shale_memory_bdev dev;

    memset(bytes, 0xa5, SIZE);
    shale_memory_bdev_init(&dev, bytes, SIZE, 4096, false);
    ck_assert_int_eq(format(&dev.base, &how), 0);
    ck_assert_str_eq(fault(), "");
}
END_TEST

/* A device that can zero is asked to; what it did is not written again. */
static uint64_t zeroed;

static int zero(struct shale_bdev *dev, uint64_t offset, uint64_t len)
{
    struct shale_memory_bdev *memory = (struct shale_memory_bdev *)dev;

    memset(memory->bytes + offset, 0, (size_t)len);
    zeroed += len;
    return 0;
}

START_TEST(device_that_zeroes)
{
    struct shale_memory_bdev dev;
    struct shale_bdev_ops ops;

    memset(bytes, 0xa5, SIZE);
    shale_memory_bdev_init(&dev, bytes, SIZE, 512, false);
    ops = *dev.base.ops;
    ops.zero = zero;
    dev.base.ops = &ops;
    zeroed = 0;
    ck_assert_int_eq(format(&dev.base, &hows[0]), 0);
    ck_assert_uint_gt(zeroed, SIZE / 64);
    ck_assert_str_eq(fault(), "");
}
END_TEST

START_TEST(says_what_it_was_told)
{
    const struct shale_format how = {
        .label = "sixteen bytes...", .now = { 4000000000, 250000000 },
        .uuid = { 1, 2, 3, 4 }, .hash_seed = { 5, 6, 7, 8 },
        .root_uid = 70000, .root_gid = 80000,
    };
    struct shale_memory_bdev dev;
    const struct ext2_disk_super *raw =
        (const struct ext2_disk_super *)(bytes + EXT2_SUPER_OFFSET);
    const struct shale_fs_ops *const drivers[] = { &shale_ext2, NULL };
    struct shale_config config = {
        .dev = &dev.base, .mem = mem, .drivers = drivers, .read_only = true,
    };
    struct shale_attr attr;
    struct shale_fs *fs;

    memset(bytes, 0, SIZE);
    shale_memory_bdev_init(&dev, bytes, SIZE, 512, false);
    ck_assert_int_eq(format(&dev.base, &how), 0);
    ck_assert_mem_eq(raw->label, how.label, 16);
    ck_assert_mem_eq(raw->uuid, how.uuid, 16);
    ck_assert_mem_eq(raw->hash_seed, how.hash_seed, 16);
    ck_assert_uint_eq(le32_get(raw->mkfs_time), 4000000000);
    /* The copy in group 1. */
    raw = (const struct ext2_disk_super *)(bytes + 8193 * 1024);
    ck_assert_uint_eq(le16_get(raw->magic), EXT2_MAGIC);
    ck_assert_uint_eq(le16_get(raw->block_group_nr), 1);

    ck_assert_int_eq(shale_mount(&config, &fs), 0);
    ck_assert_int_eq(shale_stat(fs, "/", &attr), 0);
    ck_assert_uint_eq(attr.uid, 70000);
    ck_assert_uint_eq(attr.gid, 80000);
    ck_assert_int_eq(attr.mtime.sec, 4000000000);
    ck_assert_uint_eq(attr.mtime.nsec, 250000000);
    ck_assert_int_eq(attr.btime.sec, 4000000000);
    ck_assert_int_eq(shale_stat(fs, "/lost+found", &attr), 0);
    ck_assert_uint_eq(attr.mode, SHALE_S_IFDIR | 0700);
    ck_assert_uint_eq(attr.size, 12 << 10);
    ck_assert_int_eq(shale_unmount(fs), 0);
}
END_TEST

/* ------------------------------------------------------------- failures */

static bool probes(void)
{
    return ext2_probe(bytes, 4096);
}

/* Fail each request in turn: no volume, or all of one, is what is left. */
START_TEST(io_fails)
{
    const struct shale_format how = { .features = "has_journal" };
    bool failed = true;

    for (unsigned n = 0; failed; n++) {
        struct shale_memory_bdev dev;
        struct shale_fault_bdev faulty;
        uint64_t last;
        int err;

        memset(bytes, 0xa5, WITH_JOURNAL);
        shale_memory_bdev_init(&dev, bytes, WITH_JOURNAL, 512, false);
        ck_assert_int_eq(shale_fault_bdev_init(&faulty, &dev.base, NULL, NULL),
                         0);
        shale_fault_at(&faulty, n, 1, SHALE_EIO);
        err = format(&faulty.base, &how);
        failed = shale_fault_failed(&faulty);
        last = shale_fault_requests(&faulty);
        shale_fault_bdev_fini(&faulty);
        ck_assert_msg(err == 0 || (failed && err == SHALE_EIO),
                      "request %u: %d", n, err);
        /* What cannot be read is written all the same: no failure then. */
        if (!err)
            ck_assert_msg(probes(), "request %u: no volume", n);
        else if (probes())
            ck_assert_msg(n + 2 >= last, "request %u: half a volume", n);
        ck_assert_uint_lt(n, 400);
    }
}
END_TEST

/* Whatever a power cut keeps of it, the superblock comes after the rest. */
START_TEST(superblock_is_last)
{
    const struct shale_format how = { .label = "X" };
    struct shale_memory_bdev dev;
    struct shale_fault_bdev faulty;
    unsigned flushes = 0;
    bool made = false;

    memset(bytes, 0xa5, SMALL);
    shale_memory_bdev_init(&dev, bytes, SMALL, 512, false);
    ck_assert_int_eq(shale_fault_bdev_init(&faulty, &dev.base, mem, NULL), 0);
    ck_assert_int_eq(format(&faulty.base, &how), 0);
    for (struct shale_fault_record *r = faulty.records; r; r = r->next) {
        if (r->kind == SHALE_REQUEST_FLUSH) {
            flushes++;
            continue;
        }
        ck_assert_msg(!made, "a write behind the superblock");
        made = r->offset == EXT2_SUPER_OFFSET && flushes > 0;
        /* The old one is gone, for good, before anything else is. */
        ck_assert(flushes > 0 || r->offset < 128 << 10);
        ck_assert_msg(!made || flushes == 2, "the superblock before a flush");
    }
    ck_assert(made);
    shale_fault_bdev_fini(&faulty);
}
END_TEST

START_TEST(memory_fails)
{
    const struct shale_format how = {
        .block_size = 4096, .features = "^resize_inode",
    };
    bool failed = true;

    for (unsigned n = 0; failed; n++) {
        struct shale_memory_bdev dev;
        int err;

        memset(bytes, 0xa5, WITH_JOURNAL);
        shale_memory_bdev_init(&dev, bytes, WITH_JOURNAL, 4096, false);
        shale_mem_fail_at(mem, n);
        err = format(&dev.base, &how);
        failed = shale_mem_failed(mem);
        ck_assert_msg(err == 0 || (failed && err == SHALE_ENOMEM), "%u: %d", n,
                      err);
        ck_assert(probes() == !err);
        ck_assert_uint_lt(n, 100);
    }
}
END_TEST

START_TEST(read_only_device)
{
    struct shale_memory_bdev dev;

    shale_memory_bdev_init(&dev, bytes, SMALL, 512, true);
    ck_assert_int_eq(format(&dev.base, &hows[0]), SHALE_EROFS);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2/format");
    TCase *tc = tcase_create("format");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, lays_out, 0, sizeof layouts / sizeof *layouts);
    tcase_add_loop_test(tc, refuses, 0, sizeof refusals / sizeof *refusals);
    tcase_add_loop_test(tc, is_sound, 0, sizeof hows / sizeof *hows);
    tcase_add_test(tc, large_file);
    tcase_add_test(tc, device_of_4096);
    tcase_add_test(tc, device_that_zeroes);
    tcase_add_test(tc, says_what_it_was_told);
    tcase_add_test(tc, io_fails);
    tcase_add_test(tc, superblock_is_last);
    tcase_add_test(tc, memory_fails);
    tcase_add_test(tc, read_only_device);
    suite_add_tcase(s, tc);
    return s;
}
