/* test_fat32_format.c - what a new volume is, and what a failure leaves */
#include <stdlib.h>
#include <string.h>

#include "fat32/fat.h"
#include "shale/err.h"
#include "shale/fault.h"
#include "shale/host.h"
#include "suite.h"

enum { SIZE = 34 << 20, SMALL = 1440 << 10 };

static uint8_t bytes[SIZE];
static struct shale_mem *mem;

static void setup(void)
{
    mem = shale_host_mem_create(0);
}

static void teardown(void)
{
    ck_assert_ptr_null(shale_mem_check(mem));
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}

static int format(struct shale_bdev *dev, const struct shale_format *how)
{
    return shale_mkfs(&shale_fat, dev, mem, NULL, how);
}

static bool is_zero(const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (at[i])
            return false;
    return true;
}

/* --------------------------------------------------- byte by byte, by hand */

START_TEST(a_floppy)
{
    static const uint8_t head[] = {
        0xeb, 0x3c, 0x90, 'S', 'H', 'A', 'L', 'E', ' ', ' ', ' ',
        0x00, 0x02, 0x01, 0x01, 0x00, 0x02, 0xe0, 0x00, 0x40, 0x0b, 0xf0,
        0x09, 0x00, 0x12, 0x00, 0x02, 0x00, 0, 0, 0, 0, 0, 0, 0, 0,
        0x00, 0x00, 0x29, 0x78, 0x56, 0x34, 0x12,
        'N', 'E', 'W', ' ', 'D', 'I', 'S', 'K', ' ', ' ', ' ',
        'F', 'A', 'T', '1', '2', ' ', ' ', ' ', 0xcd, 0x18,
    };
    static const uint8_t label[32] = {
        'N', 'E', 'W', ' ', 'D', 'I', 'S', 'K', ' ', ' ', ' ', 0x08, 0,
        150, 0x02, 0x01, 0x21, 0x00, 0x21, 0x00, 0, 0,
        0x02, 0x01, 0x21, 0x00,
    };
    const struct shale_format how = {
        .label = "New disk", .id = 0x12345678, .zone = 8 * 60,
        /* 1980-01-01 00:00:05.5 UTC, and eight minutes more by the clock. */
        .now = { 315532805, 500000000 },
    };
    struct shale_memory_bdev dev;

    memset(bytes, 0xa5, SMALL);
    shale_memory_bdev_init(&dev, bytes, SMALL, 512, false);
    ck_assert_int_eq(format(&dev.base, &how), 0);
    ck_assert_mem_eq(bytes, head, sizeof head);
    ck_assert_mem_eq(bytes + 510, "\x55\xaa", 2);
    for (size_t fat = 512; fat < 19 * 512; fat += 9 * 512) {
        ck_assert_mem_eq(bytes + fat, "\xf0\xff\xff", 3);
        ck_assert(is_zero(bytes + fat + 3, 9 * 512 - 3));
    }
    ck_assert_mem_eq(bytes + 19 * 512, label, sizeof label);
    ck_assert(is_zero(bytes + 19 * 512 + 32, 14 * 512 - 32));
    /* Data stays as it was, but for what other filesystems look at. */
    ck_assert(is_zero(bytes + 33 * 512, (128 << 10) - 33 * 512));
    ck_assert_uint_eq(bytes[128 << 10], 0xa5);
}
END_TEST

START_TEST(a_fat32)
{
    const struct shale_format how = { .fat_bits = 32, .media = 0xfa };
    struct shale_memory_bdev dev;
    struct fat_disk_boot *boot = (struct fat_disk_boot *)bytes;
    struct fat_disk_info *info = (struct fat_disk_info *)(bytes + 512);
    size_t fat, data;

    memset(bytes, 0xa5, SIZE);
    shale_memory_bdev_init(&dev, bytes, SIZE, 512, false);
    ck_assert_int_eq(format(&dev.base, &how), 0);
    ck_assert_mem_eq(bytes, "\xeb\x58\x90", 3);
    ck_assert_mem_eq(bytes, bytes + 6 * 512, 512);
    ck_assert_mem_eq(bytes + 512, bytes + 7 * 512, 512);
    ck_assert_uint_eq(le32_get(boot->u.fat32.root_cluster), 2);
    ck_assert_uint_eq(le16_get(boot->sectors16), 0);
    ck_assert_uint_eq(le32_get(info->lead), FAT_INFO_LEAD);

    fat = (size_t)le16_get(boot->reserved) * 512;
    data = fat + 2 * (size_t)le32_get(boot->u.fat32.fat_sectors) * 512;
    ck_assert_uint_eq(le32_get(info->free_count), (SIZE - data) / 512 - 1);
    ck_assert_mem_eq(bytes + fat, "\xfa\xff\xff\x0f\xff\xff\xff\x0f"
                     "\xff\xff\xff\x0f", 12);
    ck_assert(is_zero(bytes + fat + 12, 512));
    ck_assert_msg(is_zero(bytes + data, 512), "the root is not empty");
    ck_assert_uint_eq(bytes[data + 512], 0xa5);
    ck_assert(is_zero(bytes + 2 * 512, 4 * 512));
}
END_TEST

/* ------------------------------------------------------------- failures */

static bool probes(void)
{
    return fat_probe(bytes, 4096);
}

/* Fail each request in turn: no volume, or all of one, is what is left. */
START_TEST(io_fails)
{
    const struct shale_format how = { .label = "X" };
    bool failed = true;

    for (unsigned n = 0; failed; n++) {
        struct shale_memory_bdev dev;
        struct shale_fault_bdev fault;
        uint64_t last;
        int err;

        memset(bytes, 0xa5, SMALL);
        shale_memory_bdev_init(&dev, bytes, SMALL, 512, false);
        ck_assert_int_eq(shale_fault_bdev_init(&fault, &dev.base, NULL, NULL),
                         0);
        shale_fault_at(&fault, n, 1, SHALE_EIO);
        err = format(&fault.base, &how);
        failed = shale_fault_failed(&fault);
        last = shale_fault_requests(&fault);
        shale_fault_bdev_fini(&fault);
        ck_assert_msg(err == 0 || (failed && err == SHALE_EIO),
                      "request %u: %d", n, err);
        /* What cannot be read is written all the same: no failure then. */
        if (!err)
            ck_assert_msg(probes(), "request %u: no volume", n);
        else if (probes())
            ck_assert_msg(n + 1 == last, "request %u: half a volume", n);
        ck_assert_uint_lt(n, 100);
    }
}
END_TEST

/* Whatever a power cut keeps of it, the boot sector comes after the rest. */
START_TEST(boot_sector_is_last)
{
    const struct shale_format how = { .label = "X" };
    struct shale_memory_bdev dev;
    struct shale_fault_bdev fault;
    bool flushed = false, booted = false;

    memset(bytes, 0xa5, SMALL);
    shale_memory_bdev_init(&dev, bytes, SMALL, 512, false);
    ck_assert_int_eq(shale_fault_bdev_init(&fault, &dev.base, mem, NULL), 0);
    ck_assert_int_eq(format(&fault.base, &how), 0);
    for (struct shale_fault_record *r = fault.records; r; r = r->next) {
        if (r->kind == SHALE_REQUEST_FLUSH) {
            flushed = true;
            continue;
        }
        ck_assert_msg(!booted, "a write behind the boot sector");
        booted = r->offset == 0 && r->bytes[0] == 0xeb;
        ck_assert_msg(!booted || flushed, "the boot sector before a flush");
    }
    ck_assert(booted);
    shale_fault_bdev_fini(&fault);
}
END_TEST

START_TEST(memory_fails)
{
    const struct shale_format how = { .label = "X" };
    bool failed = true;

    for (unsigned n = 0; failed; n++) {
        struct shale_memory_bdev dev;
        int err;

        memset(bytes, 0xa5, SMALL);
        shale_memory_bdev_init(&dev, bytes, SMALL, 512, false);
        shale_mem_fail_at(mem, n);
        err = format(&dev.base, &how);
        failed = shale_mem_failed(mem);
        /* With a smaller buffer it goes as well. */
        ck_assert_int_eq(err, 0);
        ck_assert(probes());
    }
}
END_TEST

START_TEST(no_memory_at_all)
{
    static _Alignas(4096) uint8_t arena[64 << 10];
    const struct shale_format how = { .label = "X" };
    struct shale_static_arena lent;
    struct shale_memory_bdev dev;
    struct shale_mem *little;
    void *taken[256];
    size_t count = 0;
    int err;

    shale_static_arena_init(&lent, arena, sizeof arena);
    little = shale_mem_create(&lent.source, NULL, 0);
    ck_assert_ptr_nonnull(little);
    shale_memory_bdev_init(&dev, bytes, SMALL, 512, false);
    memset(bytes, 0xa5, SMALL);
    ck_assert_int_eq(shale_mkfs(&shale_fat, &dev.base, little, NULL, &how), 0);
    ck_assert(probes());

    memset(bytes, 0xa5, SMALL);
    while (count < 256 && (taken[count] = shale_alloc(little, 512)) != NULL)
        count++;
    err = shale_mkfs(&shale_fat, &dev.base, little, NULL, &how);
    ck_assert_int_eq(err, SHALE_ENOMEM);
    ck_assert_uint_eq(bytes[0], 0xa5);
    while (count > 0)
        shale_free(little, taken[--count], 512);
    ck_assert_uint_eq(shale_mem_destroy(little), 0);
}
END_TEST

START_TEST(zeros_are_not_written)
{
    const struct shale_format how = { .fat_bits = 32 };
    struct shale_memory_bdev dev;
    struct shale_fault_bdev fault;
    size_t written = 0;

    memset(bytes, 0, SIZE);
    shale_memory_bdev_init(&dev, bytes, SIZE, 512, false);
    ck_assert_int_eq(shale_fault_bdev_init(&fault, &dev.base, mem, NULL), 0);
    ck_assert_int_eq(format(&fault.base, &how), 0);
    for (struct shale_fault_record *r = fault.records; r; r = r->next)
        written += r->len;
    /* Two boot sectors, two FSInfos, the start of two FATs. */
    ck_assert_uint_eq(written, 6 * 512);
    shale_fault_bdev_fini(&fault);
}
END_TEST

START_TEST(read_only_device)
{
    const struct shale_format how = { .label = "X" };
    const struct shale_fs_ops none = { .name = "none" };
    struct shale_memory_bdev dev;

    shale_memory_bdev_init(&dev, bytes, SMALL, 512, true);
    ck_assert_int_eq(format(&dev.base, &how), SHALE_EROFS);
    ck_assert_int_eq(shale_mkfs(&none, &dev.base, mem, NULL, &how),
                     SHALE_ENOTSUP);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fat32/format");
    TCase *tc = tcase_create("format");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_floppy);
    tcase_add_test(tc, a_fat32);
    tcase_add_test(tc, io_fails);
    tcase_add_test(tc, boot_sector_is_last);
    tcase_add_test(tc, memory_fails);
    tcase_add_test(tc, no_memory_at_all);
    tcase_add_test(tc, zeros_are_not_written);
    tcase_add_test(tc, read_only_device);
    suite_add_tcase(s, tc);
    return s;
}
