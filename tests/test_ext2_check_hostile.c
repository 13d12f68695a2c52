/*
 * test_ext2_check_hostile.c - the ext2 checker when memory or the device fail,
 * and on volumes that are anything but
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ext2/disk.h"
#include "golden.h"
#include "shale/check.h"
#include "suite.h"
#include "test_check_failing.h"

static const char *const goldens[] = {
    "ext2-small", "check/ext4-small", "check/ext4-sums",
};
#define GOLDENS 3

static const struct shale_checker *const ext2_only[] = {
    &shale_ext2_checker, NULL,
};

/* ------------------------------------------------------------------- a rig */

struct rig {
    unsigned workers;
    uint64_t fail_read, fail_alloc;     /* the Nth, from 1 on; 0: none */
    struct shale_clock *clock;  /* or NULL */

    struct shale_check_result result;
    bool failed;                /* what was to fail has failed */
    uint64_t told[3];           /* findings by severity */
    char last[64];              /* the code told last */
    char wanted[64];            /* a code that is looked for */
    uint64_t seen;              /* how often it was told */
};

static int finding(void *context, const struct shale_finding *f)
{
    struct rig *rig = context;

    ck_assert_ptr_nonnull(f->sentence);
    rig->told[f->code->severity]++;
    snprintf(rig->last, sizeof rig->last, "%s", f->code->name);
    rig->seen += strcmp(rig->wanted, f->code->name) == 0;
    return 0;
}

/* Check SIZE bytes. Nothing may be left. */
static int run(struct rig *rig, uint8_t *bytes, size_t size)
{
    struct failing failing = {
        .workers = rig->workers,
        .fail_read = rig->fail_read, .fail_alloc = rig->fail_alloc,
    };
    struct shale_check_config config = {
        .checkers = ext2_only, .type = "ext2",
        .clock = rig->clock, .context = rig, .finding = finding,
    };
    int err;

    memset(rig->told, 0, sizeof rig->told);
    rig->seen = 0;
    err = failing_run(&failing, config, bytes, size);
    rig->result = failing.result;
    rig->failed = failing.failed;
    return err;
}

/* ----------------------------------------------------------------- changes */

static le32 get32(const uint8_t *at)
{
    le32 value;

    memcpy(&value, at, sizeof value);
    return value;
}

static void put32(uint8_t *at, uint32_t value)
{
    le32 raw = le32_make(value);

    memcpy(at, &raw, sizeof raw);
}

static void put16(uint8_t *at, uint16_t value)
{
    le16 raw = le16_make(value);

    memcpy(at, &raw, sizeof raw);
}

/* Group G's descriptor, of 32 bytes, in a volume with blocks of 1 KiB. */
static uint8_t *desc(struct golden *g, uint32_t group)
{
    return g->bytes + 2048 + (size_t)group * 32;
}

/* Inode INO of ext2-small: 128 in a group, of 256 bytes. */
static uint8_t *inode(struct golden *g, uint32_t ino)
{
    uint32_t table = le32_get(get32(desc(g, (ino - 1) / 128) + 8));

    return g->bytes + (size_t)table * 1024 + (size_t)((ino - 1) % 128) * 256;
}

static uint64_t state;

static uint32_t any(uint32_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

/* ---------------------------------------------------------------- failures */

START_TEST(sound)
{
    struct golden g;
    struct rig rig = { .workers = 2 };

    golden_load(&g, goldens[_i]);
    ck_assert_int_eq(run(&rig, g.bytes, g.size), 0);
    ck_assert(rig.result.complete);
    ck_assert_msg(rig.told[SHALE_INCONSISTENCY] == 0 &&
                  rig.told[SHALE_CORRUPTION] == 0, "%s", rig.last);
    golden_free(&g);
}
END_TEST

/* Something of everything: a block of two files, and one of the volume's. */
static void harm(struct golden *g)
{
    put32(inode(g, 14) + 0x28 + 4, le32_get(get32(inode(g, 15) + 0x28)));
    put32(inode(g, 14) + 0x28 + 8, le32_get(get32(desc(g, 0) + 8)));
}

START_TEST(allocations_fail)
{
    struct golden g;
    struct rig rig = { .workers = 1 };
    bool failed = true;

    golden_load(&g, goldens[_i]);
    if (_i == 0)
        harm(&g);
    for (uint64_t nth = 1; failed; nth++) {
        int err;

        rig.fail_alloc = nth;
        err = run(&rig, g.bytes, g.size);
        failed = rig.failed;
        ck_assert_int_eq(err, failed ? SHALE_ENOMEM : 0);
        ck_assert_int_eq(rig.result.complete, !failed);
    }
    ck_assert_uint_gt(rig.fail_alloc, 40);
    golden_free(&g);
}
END_TEST

/* A device that fails is a finding, and no more than that. */
START_TEST(reads_fail)
{
    struct golden g;
    struct rig rig = { .workers = 1 };
    bool failed = true;

    golden_load(&g, goldens[_i]);
    for (uint64_t nth = 1; failed; nth++) {
        rig.fail_read = nth;
        ck_assert_int_eq(run(&rig, g.bytes, g.size), 0);
        failed = rig.failed;
        ck_assert(rig.result.complete);
    }
    ck_assert_uint_gt(rig.fail_read, 8);
    golden_free(&g);
}
END_TEST

/* ------------------------------------------------------------------ damage */

static uint8_t any_byte(void)
{
    static const uint8_t some[] = {
        0, 1, 2, 3, 4, 7, 8, 0x0c, 0x10, 0x20, 0x2e, 0x40, 0x7f, 0x80, 0xff,
    };

    return any(3) ? some[any(sizeof some)] : (uint8_t)any(256);
}

/* A place where metadata is likely: these images begin with it. */
static size_t any_place(const struct golden *g)
{
    size_t ends[] = { 2048, 4096, 65536, g->size / 4, g->size };
    size_t at = any((uint32_t)ends[any(5)]);

    /* The superblock decides all, and so is left alone more often. */
    return at >= 1024 && at < 1536 && any(4) ? at + 1024 : at;
}

START_TEST(damage_is_survived)
{
    struct golden g;
    struct rig one = { .workers = 1 }, three = { .workers = 3 };
    uint8_t *bytes;

    golden_load(&g, goldens[_i % GOLDENS]);
    bytes = malloc(g.size);
    ck_assert_ptr_nonnull(bytes);
    state = (uint64_t)_i;
    for (unsigned round = 0; round < 150; round++) {
        size_t size = g.size;

        memcpy(bytes, g.bytes, size);
        for (uint32_t left = 1 + any(60); left > 0; left--)
            bytes[any_place(&g)] = any_byte();
        if (any(10) == 0)
            size = any((uint32_t)g.size / 512) * 512;
        ck_assert_int_eq(run(&one, bytes, size), 0);
        ck_assert_int_eq(run(&three, bytes, size), 0);
        ck_assert_int_eq(one.told[SHALE_CORRUPTION] > 0,
                         three.told[SHALE_CORRUPTION] > 0);
    }
    free(bytes);
    golden_free(&g);
}
END_TEST

/* ------------------------------------------------------------ what is meant */

/* Whoever has a block of another's is told, with the other. */
START_TEST(owners)
{
    struct golden g;
    struct rig rig = { .workers = 2, .wanted = "ext2.block.shared" };

    golden_load(&g, "ext2-small");
    harm(&g);
    ck_assert_int_eq(run(&rig, g.bytes, g.size), 0);
    ck_assert_uint_eq(rig.seen, 2);
    strcpy(rig.wanted, "ext2.block.metadata");
    ck_assert_int_eq(run(&rig, g.bytes, g.size), 0);
    ck_assert_uint_eq(rig.seen, 1);
    golden_free(&g);
}
END_TEST

/* All groups have one inode table: it is not read for each. */
START_TEST(tables_in_one_place)
{
    struct golden g;
    struct rig rig = { .workers = 2, .wanted = "ext2.group.conflict" };
    uint64_t before;

    golden_load(&g, "ext2-small");
    ck_assert_int_eq(run(&rig, g.bytes, g.size), 0);
    before = rig.result.bytes_read;
    /* Groups may be as small as eight blocks, and lie anywhere. */
    put32(g.bytes + 1024 + 0x20, 8);
    put32(g.bytes + 1024 + 0x24, 8);
    put32(g.bytes + 1024 + 0x60, 0x202);
    for (uint32_t i = 0; i < 192; i++)
        memcpy(desc(&g, i), desc(&g, 0), 32);
    ck_assert_int_eq(run(&rig, g.bytes, g.size), 0);
    ck_assert_uint_gt(rig.seen, 100);
    ck_assert_uint_lt(rig.result.bytes_read, 4 * before + g.size);
    golden_free(&g);
}
END_TEST

/* All inodes are directories that lead to the same blocks. */
START_TEST(directories_in_one_place)
{
    struct golden g;
    struct rig rig = { .workers = 2, .wanted = "ext2.block.more_shared" };

    golden_load(&g, "ext2-small");
    put32(g.bytes + 1024 + 0x60, le32_get(get32(g.bytes + 1024 + 0x60)) |
          0x40);
    for (uint32_t ino = 12; ino <= 384; ino++) {
        uint8_t *at = inode(&g, ino);

        memset(at, 0, 256);
        put16(at, 0x41ed);
        put16(at + 0x1a, 2);
        put32(at + 0x20, 0x80000);
        put32(at + 0x28, 0xf30a | 1u << 16);
        put32(at + 0x2c, 4);
        put16(at + 0x34 + 4, 1000);
        put32(at + 0x34 + 8, 400);
    }
    ck_assert_int_eq(run(&rig, g.bytes, g.size), 0);
    ck_assert(rig.result.complete);
    ck_assert_uint_gt(rig.told[SHALE_CORRUPTION], 100);
    ck_assert_uint_lt(rig.result.bytes_read, 20 * g.size);
    ck_assert_uint_eq(rig.seen, 1);
    golden_free(&g);
}
END_TEST

/* A volume of revision 0 has no features, and inodes of 128 bytes. */
START_TEST(revision)
{
    struct golden g;
    struct rig rig = { .workers = 2, .wanted = "ext2.feature.revision" };

    golden_load(&g, "ext2-small");
    put32(g.bytes + 1024 + 0x4c, 0);
    ck_assert_int_eq(run(&rig, g.bytes, g.size), 0);
    ck_assert_uint_eq(rig.seen, 1);
    golden_free(&g);
}
END_TEST

static void in_1970(struct shale_clock *clock, struct shale_time *out)
{
    (void)clock;
    *out = (struct shale_time){ .sec = 86400 };
}

/* Where the clock stands at 1970, all times are in the future. */
START_TEST(future)
{
    static const char *const codes[] = {
        "ext2.super.future", "ext2.inode.future",
    };
    struct shale_clock clock = { .now = in_1970 };
    struct golden g;
    struct rig rig = { .workers = 2, .clock = &clock };

    golden_load(&g, "ext2-small");
    strcpy(rig.wanted, codes[_i]);
    ck_assert_int_eq(run(&rig, g.bytes, g.size), 0);
    ck_assert_uint_gt(rig.seen, 0);
    ck_assert_uint_eq(rig.told[SHALE_INCONSISTENCY], 0);
    golden_free(&g);
}
END_TEST

/* A superblock that promises 2^47 blocks of a small device. */
START_TEST(promises)
{
    struct golden g;
    struct rig rig = { .workers = 2, .wanted = "ext2.super.truncated" };

    golden_load(&g, "check/ext4-small");
    put32(g.bytes + 1024 + 0x150, 0x7fff);
    put32(g.bytes + 1024 + 0x28, 8);
    ck_assert_int_eq(run(&rig, g.bytes, g.size), 0);
    ck_assert(rig.result.complete);
    ck_assert_uint_gt(rig.told[SHALE_CORRUPTION], 0);
    ck_assert_uint_lt(rig.result.memory_peak, 16u << 20);
    golden_free(&g);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2/check/hostile");
    TCase *tc = tcase_create("hostile");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, sound, 0, GOLDENS);
    tcase_add_loop_test(tc, allocations_fail, 0, GOLDENS);
    tcase_add_loop_test(tc, reads_fail, 0, GOLDENS);
    tcase_add_loop_test(tc, damage_is_survived, 0, 2 * GOLDENS);
    tcase_add_test(tc, owners);
    tcase_add_test(tc, tables_in_one_place);
    tcase_add_test(tc, directories_in_one_place);
    tcase_add_test(tc, promises);
    tcase_add_test(tc, revision);
    tcase_add_loop_test(tc, future, 0, 2);
    suite_add_tcase(s, tc);
    return s;
}
