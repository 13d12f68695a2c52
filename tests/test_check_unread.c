/*
 * test_check_unread.c - what is told of a sound volume that cannot be read
 * everywhere
 *
 * Some bytes cannot be read: that is told, and what can only be known by them
 * is not made up. So nothing else is found but what a reader cannot do without,
 * which is listed.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "shale/check.h"
#include "suite.h"
#include "test_check_failing.h"

enum { PART = 4096, ALLOWED = 12, EXT2_IMAGES = 4 };

/* Findings that follow; "ntfs.index" is all that begins so. */
static const struct {
    const char *image;
    const char *allowed[ALLOWED];
} images[] = {
    { "ext2-small", { "read.failed" } },
    { "check/ext4-small", {
        "read.failed", "ext2.journal.invalid", "ext2.orphan.file",
    } },
    { "check/ext4-sums", {
        "read.failed", "ext2.journal.invalid", "ext2.orphan.file",
    } },
    { "check/ext4-quota", {
        "read.failed", "ext2.journal.invalid", "ext2.quota",
    } },
    { "fat12-small", { "read.failed", "fat.boot.lost" } },
    { "fat16-small", { "read.failed", "fat.boot.lost" } },
    { "ntfs-small", {
        "read.failed", "ntfs.record.unreadable", "ntfs.record.base",
        "ntfs.index.block", "ntfs.system.missing", "ntfs.secure", "ntfs.boot",
        "ntfs.list", "ntfs.log.unknown",
    } },
};

struct seen {
    const char *const *allowed;
    uint64_t at;                /* of the part */
    const char *image;
    unsigned count;
};

static int on_finding(void *context, const struct shale_finding *finding)
{
    struct seen *seen = context;
    const char *code = finding->code->name;

    if (finding->code->severity == SHALE_ADVICE)
        return 0;
    seen->count++;
    for (unsigned i = 0; i < ALLOWED && seen->allowed[i]; i++)
        if (!strncmp(code, seen->allowed[i], strlen(seen->allowed[i])))
            return 0;
    ck_abort_msg("%s without its bytes from %#llx on: %s: %s", seen->image,
                 (unsigned long long)seen->at, code, finding->sentence);
    return 0;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
    while (len > 0 && *bytes == 0) {
        bytes++;
        len--;
    }
    return len == 0;
}

/* Descriptors that cannot be read have neither places nor checksums. */
START_TEST(descriptors)
{
    static const char *const allowed[ALLOWED] = {
        "read.failed", "ext2.group.backup_used", "ext2.bitmap", "ext2.quota",
        "ext2.journal.invalid",
    };
    struct golden golden;
    struct failing failing = { .workers = 1, .bad = { { 2048, 3072 } } };
    struct seen seen = { .allowed = allowed, .at = 2048 };
    struct shale_check_config config = {
        .checkers = shale_all_checkers, .context = &seen,
        .finding = on_finding, .type = "ext2",
    };

    seen.image = images[_i].image;
    golden_load(&golden, seen.image);
    ck_assert_int_eq(failing_run(&failing, config, golden.bytes, golden.size),
                     0);
    ck_assert_uint_gt(seen.count, 0);
    golden_free(&golden);
}
END_TEST

START_TEST(one_part)
{
    struct golden golden;
    unsigned found = 0;

    golden_load(&golden, images[_i].image);
    for (size_t at = 0; at < golden.size; at += PART) {
        struct failing failing = {
            .workers = 1 + (unsigned)(at / PART % 3),
            .bad = { { at, at + PART } },
        };
        struct seen seen = {
            .allowed = images[_i].allowed, .at = at, .image = images[_i].image,
        };
        struct shale_check_config config = {
            .checkers = shale_all_checkers, .context = &seen,
            .finding = on_finding,
            .type = strstr(images[_i].image, "ext") ? "ext2"
                  : strstr(images[_i].image, "fat") ? "fat" : "ntfs",
        };
        size_t len = golden.size - at < PART ? golden.size - at : PART;

        if (is_zero(golden.bytes + at, len))
            continue;
        ck_assert_int_eq(failing_run(&failing, config, golden.bytes,
                                     golden.size), 0);
        ck_assert(failing.result.complete);
        found += seen.count > 0;
    }
    ck_assert_uint_gt(found, 5);
    golden_free(&golden);
}
END_TEST

/* An NTFS that ends before it should: what may be past the end is not said to
   be nowhere. */
START_TEST(cut_off)
{
    static const char *const allowed[ALLOWED] = {
        "read.failed", "ntfs.record.unreadable", "ntfs.index.block",
        "ntfs.system.missing", "ntfs.secure.place", "ntfs.secure.copy",
        "ntfs.boot.size", "ntfs.list", "ntfs.log.unknown",
        "ntfs.volume.unreadable",
    };
    struct golden golden;

    golden_load(&golden, "ntfs-small");
    for (size_t size = 16u << 10; size < golden.size; size += size / 4) {
        struct failing failing = { .workers = 2 };
        struct seen seen = {
            .allowed = allowed, .at = size, .image = "ntfs-small",
        };
        struct shale_check_config config = {
            .checkers = shale_all_checkers, .context = &seen,
            .finding = on_finding, .type = "ntfs",
        };

        ck_assert_int_eq(failing_run(&failing, config, golden.bytes,
                                     size & ~(size_t)511), 0);
        ck_assert_uint_gt(seen.count, 0);
    }
    golden_free(&golden);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("check/unread");
    TCase *tc = tcase_create("parts");

    tcase_add_loop_test(tc, descriptors, 0, EXT2_IMAGES);
    tcase_add_loop_test(tc, one_part, 0, sizeof images / sizeof images[0]);
    tcase_add_test(tc, cut_off);
    suite_add_tcase(s, tc);
    return s;
}
