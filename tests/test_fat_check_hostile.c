/*
 * test_fat_check_hostile.c - the checker when memory or the device fail, and on
 * volumes that are anything but
 */
#include "suite.h"
#include "test_fat_check.h"

#define DIR FAT_ATTR_DIR

static struct checked checked;

static uint64_t state;

static uint32_t any(uint32_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

/* Something of everything: long names, shared, lost, looping clusters. */
static void mixed(struct image *image, unsigned bits)
{
    uint8_t *at;

    checked_init(image, bits);
    at = image_root(image);
    at = image_entry(at, "DIRECTORY  ", DIR, 10, 0);
    at = image_long(at, "a long name.txt", "ALONGN~1TXT");
    at = image_entry(at, "ALONGN~1TXT", 0, 20, 5 * SECTOR);
    at = image_entry(at, "SHARES     ", 0, 21, 4 * SECTOR);
    image_entry(at, "LOOPS      ", 0, 30, 4 * SECTOR);
    image_chain(image, 20, 5);
    image_chain(image, 30, 4);
    image_link(image, 33, 31);
    image_chain(image, 40, 3);
    image_chain(image, 50, 3);
    image_link(image, 52, 50);
    at = image_dir(image, 10, 0);
    image_chain(image, 10, 2);
    for (unsigned i = 0; i < 20; i++) {
        char name[12];

        snprintf(name, sizeof name, "FILE%02u     ", i);
        at = image_entry(at, name, 0, 0, 0);
    }
}

static const unsigned types[] = { 12, 16, 32 };

START_TEST(allocations_fail)
{
    struct image image;
    bool failed = true;

    memset(&checked, 0, sizeof checked);
    mixed(&image, types[_i]);
    for (uint64_t nth = 1; failed; nth++) {
        int err;

        checked.fail_alloc = nth;
        err = checked_run(&checked, image.bytes,
                          (size_t)image.sectors * SECTOR);
        failed = checked.failed;
        ck_assert_int_eq(err, failed ? SHALE_ENOMEM : 0);
        ck_assert_int_eq(checked.result.complete, !failed);
    }
    ck_assert_uint_gt(checked.fail_alloc, 20);
    free(image.bytes);
}
END_TEST

/* A device that fails is a finding, and no more than that. */
START_TEST(reads_fail)
{
    struct image image;
    bool failed = true;

    memset(&checked, 0, sizeof checked);
    mixed(&image, types[_i]);
    for (uint64_t nth = 1; failed; nth++) {
        int err;

        checked.fail_read = nth;
        err = checked_run(&checked, image.bytes,
                          (size_t)image.sectors * SECTOR);
        failed = checked.failed;
        ck_assert_int_eq(err, 0);
        ck_assert(checked.result.complete);
    }
    ck_assert_uint_gt(checked.fail_read, 3);
    free(image.bytes);
}
END_TEST

/* ----------------------------------------------------------------- damage */

/* Bytes that mean something, more often than chance would have it. */
static uint8_t any_byte(void)
{
    static const uint8_t some[] = {
        0, 1, 2, 3, 0x05, 0x08, 0x0f, 0x10, 0x20, 0x2e, 0x40, 0x7f, 0x80,
        0xe5, 0xf0, 0xf7, 0xf8, 0xff,
    };

    return any(3) ? some[any(sizeof some)] : (uint8_t)any(256);
}

static void damage(struct image *image, uint8_t *bytes)
{
    size_t size = (size_t)image->sectors * SECTOR;
    uint32_t ends[] = {
        90, 512, (uint32_t)image_fat_at(image, 1),
        (uint32_t)image_cluster_at(image, 60),
    };

    memcpy(bytes, image->bytes, size);
    for (uint32_t left = 1 + any(40); left > 0; left--)
        bytes[any(ends[any(4)])] = any_byte();
}

START_TEST(damage_is_survived)
{
    static struct checked again;
    struct image image;
    uint8_t *bytes;

    memset(&checked, 0, sizeof checked);
    memset(&again, 0, sizeof again);
    again.workers = 3;
    state = types[_i];
    mixed(&image, types[_i]);
    bytes = malloc((size_t)image.sectors * SECTOR);
    ck_assert_ptr_nonnull(bytes);
    for (unsigned round = 0; round < 400; round++) {
        size_t size = (size_t)image.sectors * SECTOR;

        damage(&image, bytes);
        if (any(10) == 0)
            size = any(image.sectors) * SECTOR;
        ck_assert_int_eq(checked_run(&checked, bytes, size), 0);
        ck_assert_int_eq(checked_run(&again, bytes, size), 0);
        ck_assert_str_eq(again.told, checked.told);
    }
    free(bytes);
    free(image.bytes);
}
END_TEST

/* All FAT entries are any numbers; directories stay. */
START_TEST(wild_chains)
{
    struct image image;

    memset(&checked, 0, sizeof checked);
    state = 77 + types[_i];
    for (unsigned round = 0; round < 60; round++) {
        mixed(&image, types[_i]);
        for (uint32_t c = 2; c < 200; c++)
            image_link(&image, c, any(4) ? 2 + any(200) : 0x0ffffff0 + any(16));
        checked_image(&checked, &image);
        free(image.bytes);
    }
}
END_TEST

/* Without a boot sector FAT32 has its copy, and the others two equal FATs. */
START_TEST(what_is_left_is_known)
{
    static uint8_t empty[256 * SECTOR];
    struct image image;
    size_t size;

    memset(&checked, 0, sizeof checked);
    checked.unnamed = true;
    mixed(&image, types[_i]);
    size = (size_t)image.sectors * SECTOR;
    memset(image.bytes, 0, SECTOR);
    ck_assert_int_eq(checked_run(&checked, image.bytes, size), 0);
    ck_assert_uint_gt(checked.result.findings[SHALE_CORRUPTION], 0);
    ck_assert_ptr_nonnull(strstr(checked.told, types[_i] == 32
                                                   ? "fat.backup.used"
                                                   : "fat.boot.lost"));

    /* One FAT may be anything. */
    memset(empty, 0, sizeof empty);
    memcpy(empty + 2 * SECTOR, "\xf8\xff\xff\xff", 4);
    ck_assert_int_eq(checked_run(&checked, empty, sizeof empty),
                     SHALE_ENODEV);

    /* So may ones: erased flash, the rest of a bitmap, and the next one's. */
    memset(empty, 0xff, sizeof empty);
    ck_assert_int_eq(checked_run(&checked, empty, sizeof empty),
                     SHALE_ENODEV);
    free(image.bytes);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fat/check/hostile");
    TCase *tc = tcase_create("hostile");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, allocations_fail, 0, 3);
    tcase_add_loop_test(tc, reads_fail, 0, 3);
    tcase_add_loop_test(tc, damage_is_survived, 0, 3);
    tcase_add_loop_test(tc, wild_chains, 0, 3);
    tcase_add_loop_test(tc, what_is_left_is_known, 0, 3);
    suite_add_tcase(s, tc);
    return s;
}
