/*
 * test_ext2_check_threads.c - what is found does not depend on who comes first
 *
 * Images in which inodes have the blocks, the maps and the directories of
 * others, besides bytes changed all over, are checked by one thread, by two and
 * by four, on a device that lets now the one, now the other go first. The same
 * findings must come, in the same order, with the same paths.
 */
#include <check.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ext2/disk.h"
#include "golden.h"
#include "shale/check.h"
#include "shale/host.h"
#include "suite.h"

enum { TEXT = 8 << 20, ROUNDS = 10 };

static const char *const goldens[] = {
    "ext2-small", "check/ext4-small", "check/ext4-sums", "check/ext4-quota",
    "check/ext4-fold",
};
enum { GOLDENS = sizeof goldens / sizeof goldens[0] };

/* ------------------------------------------------------------- the device */

/* A device in memory whose reads take as long as they like. */
struct uneven {
    struct shale_bdev base;
    const uint8_t *bytes;
    unsigned seed;
};

static int uneven_read(struct shale_bdev *dev, uint64_t offset, void *buf,
                       size_t len)
{
    struct uneven *uneven = (struct uneven *)dev;
    unsigned turn = __atomic_add_fetch(&uneven->seed, 2654435761u,
                                       __ATOMIC_RELAXED);

    memcpy(buf, uneven->bytes + offset, len);
    turn ^= turn >> 15;
    if (turn % 4 == 0)
        nanosleep(&(const struct timespec){ .tv_nsec = turn % 60000 }, NULL);
    else if (turn % 4 == 1)
        sched_yield();
    return 0;
}

static const struct shale_bdev_ops uneven_ops = { .read = uneven_read };

/* ------------------------------------------------------------- the damage */

static uint32_t state;

static uint32_t any(uint32_t below)
{
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
}

static uint32_t get(const uint8_t *at)
{
    le32 value;

    memcpy(&value, at, sizeof value);
    return le32_get(value);
}

struct image {
    uint8_t *bytes;
    size_t size;
    uint32_t block_size, inode_size, per_group, inodes;
    uint32_t first, desc_size;
};

static void look(struct image *image)
{
    const uint8_t *super = image->bytes + EXT2_SUPER_OFFSET;

    image->block_size = 1024u << get(super + 24);
    image->first = get(super + 20);
    image->per_group = get(super + 40);
    image->inodes = get(super);
    image->inode_size = get(super + 88) & 0xffff;
    image->desc_size = get(super + 96) & 0x80 ? get(super + 252) >> 16 : 32;
}

static uint8_t *inode(const struct image *image, uint32_t ino)
{
    const uint8_t *desc = image->bytes +
                          (size_t)(image->first + 1) * image->block_size +
                          (size_t)((ino - 1) / image->per_group) *
                          image->desc_size;

    return image->bytes + (size_t)get(desc + 8) * image->block_size +
           (size_t)((ino - 1) % image->per_group) * image->inode_size;
}

/* An inode in use. */
static uint32_t any_used(const struct image *image)
{
    for (unsigned i = 0; i < 10000; i++) {
        uint32_t ino = 12 + any(image->inodes - 12);

        if ((get(inode(image, ino) + 24) >> 16) != 0)
            return ino;
    }
    return 2;
}

/* One of few that has most blocks: such have maps, or are directories. */
static uint32_t any_large(const struct image *image)
{
    uint32_t best = any_used(image);

    for (unsigned i = 0; i < 5; i++) {
        uint32_t ino = any_used(image);

        if (get(inode(image, ino) + 28) > get(inode(image, best) + 28))
            best = ino;
    }
    return best;
}

/* Give inodes the contents of others, and change bytes that are not zero. */
static void damage(struct image *image, uint32_t seed)
{
    state = seed * 7919 + 1;
    for (unsigned i = 0; i < 60; i++) {
        uint32_t from = any_large(image), to = any_used(image);
        bool whole = any(2);

        memcpy(inode(image, to) + 40, inode(image, from) + 40, 60);
        if (whole) {            /* type, size and flags as well */
            memcpy(inode(image, to), inode(image, from), 2);
            memcpy(inode(image, to) + 4, inode(image, from) + 4, 4);
            memcpy(inode(image, to) + 28, inode(image, from) + 28, 8);
        }
    }
    for (unsigned left = seed % 3 * 60; left > 0;) {
        size_t at = 4096 + any((uint32_t)image->size - 4096);

        if (image->bytes[at] == 0 && any(64) != 0)
            continue;
        image->bytes[at] ^= (uint8_t)(1 + any(255));
        left--;
    }
}

/* -------------------------------------------------------------- the checks */

struct told {
    char *text;
    size_t len;
    struct shale_check_result result;
};

static int on_finding(void *context, const struct shale_finding *f)
{
    struct told *told = context;
    int len = snprintf(told->text + told->len, TEXT - told->len,
                       "%s %d %llu %lld %llu %llu %s %s\n", f->code->name,
                       (int)f->object, (unsigned long long)f->number,
                       (long long)f->at, (unsigned long long)f->expected,
                       (unsigned long long)f->found, f->path ? f->path : "-",
                       f->sentence);

    ck_assert_uint_lt((size_t)len, TEXT - told->len);
    told->len += (size_t)len;
    return 0;
}

static void check_by(unsigned count, const struct image *image,
                     uint32_t findings, struct told *told)
{
    static const struct shale_checker *const checkers[] = {
        &shale_ext2_checker, NULL,
    };
    struct uneven dev = {
        .base = { .ops = &uneven_ops, .size = image->size, .block_size = 1,
                  .fd = -1 },
        .bytes = image->bytes, .seed = count,
    };
    struct shale_workers *workers = shale_host_workers_create(count);
    struct shale_check_config config = {
        .dev = &dev.base, .mem = shale_host_mem_create(0), .type = "ext2",
        .checkers = checkers, .context = told, .finding = on_finding,
        .workers = workers, .locks = &shale_host_locks,
        .findings_max = findings,
    };

    told->len = 0;
    told->text = calloc(1, TEXT);
    ck_assert_ptr_nonnull(told->text);
    ck_assert_int_eq(shale_check(&config, &told->result), 0);
    shale_host_workers_destroy(workers);
    ck_assert_uint_eq(shale_mem_destroy(config.mem), 0);
}

/* The first line of TEXT in which it is not as OTHER, in short. */
static const char *first_other(const char *text, const char *other)
{
    static char line[200];
    size_t at = 0;

    for (size_t i = 0; text[i] && text[i] == other[i]; i++)
        if (text[i] == '\n')
            at = i + 1;
    snprintf(line, sizeof line, "%s", text + at);
    return line;
}

static void compare(const struct image *image, uint32_t findings)
{
    static const unsigned counts[] = { 2, 4, 4 };
    struct told one, many;

    check_by(1, image, findings, &one);
    for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        check_by(counts[i], image, findings, &many);
        ck_assert_msg(strcmp(one.text, many.text) == 0, "by %u: %s",
                      counts[i], first_other(one.text, many.text));
        ck_assert_int_eq(memcmp(one.result.findings, many.result.findings,
                                sizeof one.result.findings), 0);
        ck_assert_uint_eq(one.result.units_used, many.result.units_used);
        ck_assert_uint_eq(one.result.files, many.result.files);
        free(many.text);
    }
    free(one.text);
}

START_TEST(who_comes_first_does_not_matter)
{
    struct golden golden;
    struct image image;

    golden_load(&golden, goldens[_i % GOLDENS]);
    image = (struct image){ .bytes = golden.bytes, .size = golden.size };
    look(&image);
    damage(&image, (uint32_t)_i);
    compare(&image, 100000);
    compare(&image, 50);        /* those that are kept are the same, too */
    golden_free(&golden);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2/check/threads");
    TCase *tc = tcase_create("damaged");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, who_comes_first_does_not_matter, 0,
                        GOLDENS * ROUNDS);
    suite_add_tcase(s, tc);
    return s;
}
