/* test_fat_table.c - entries of the file allocation table */
#include "fat32/chain.h"
#include "fat32/fat.h"
#include "suite.h"
#include "test_fat_image.h"

static struct image image;

/* The entry of CLUSTER, as the driver sees it. */
static uint32_t get(uint32_t cluster)
{
    struct fat_cursor cursor = { .buf = NULL };
    uint32_t value = 0;

    ck_assert_int_eq(fat_table_get(image_volume(&image), &cursor, cluster,
                                   &value), 0);
    fat_cursor_put(&cursor);
    return value;
}

static const struct {
    const char *what;
    unsigned bits;
    uint32_t raw, value;
} values[] = {
    { "free", 12, 0, FAT_FREE },
    { "a cluster", 12, 0x123, 0x123 },
    { "the highest one", 12, 0xff6, 0xff6 },
    { "bad", 12, 0xff7, FAT_BAD },
    { "end, lowest", 12, 0xff8, FAT_END },
    { "end, highest", 12, 0xfff, FAT_END },
    { "free", 16, 0, FAT_FREE },
    { "a cluster", 16, 0x1234, 0x1234 },
    { "the highest one", 16, 0xfff6, 0xfff6 },
    { "bad", 16, 0xfff7, FAT_BAD },
    { "end, lowest", 16, 0xfff8, FAT_END },
    { "end, highest", 16, 0xffff, FAT_END },
    { "free", 32, 0, FAT_FREE },
    { "free, reserved bits set", 32, 0xf0000000, FAT_FREE },
    { "a cluster", 32, 0x01234567, 0x01234567 },
    { "a cluster, reserved bits set", 32, 0xa0000123, 0x123 },
    { "the highest one", 32, 0x0ffffff6, 0x0ffffff6 },
    { "bad", 32, 0x0ffffff7, FAT_BAD },
    { "bad, reserved bits set", 32, 0x5ffffff7, FAT_BAD },
    { "end, lowest", 32, 0x0ffffff8, FAT_END },
    { "end, reserved bits set", 32, 0xffffffff, FAT_END },
};

START_TEST(tells_values)
{
    image_init(&image, values[_i].bits);
    image_link(&image, 7, values[_i].raw);
    image_link(&image, 8, values[_i].raw);
    image_mount(&image, NULL);
    ck_assert_msg(get(7) == values[_i].value && get(8) == values[_i].value,
                  "%s: %x, %x", values[_i].what, get(7), get(8));
    image_close(&image);
}
END_TEST

/* Entry 341 of FAT12 is in bytes 511 and 512. */
START_TEST(reads_what_straddles)
{
    struct fat_volume *vol;

    image_init(&image, 12);
    image.fat_sectors = 2;      /* what image_link() goes by */
    image.clusters = 400;
    image.sectors += 202;
    free(image.bytes);
    image.bytes = calloc(image.sectors, SECTOR);
    {
        struct image small;

        image_init(&small, 12);
        memcpy(image.bytes, small.bytes, SECTOR);
        free(small.bytes);
    }
    put16(image.bytes + 0x13, image.sectors);
    put16(image.bytes + 0x16, image.fat_sectors);
    image_link(&image, 340, 0x111);
    image_link(&image, 341, 0xabc);
    image_link(&image, 342, 0x222);
    image_mount(&image, NULL);
    vol = image_volume(&image);
    ck_assert_uint_eq(get(340), 0x111);
    ck_assert_uint_eq(get(341), 0xabc);
    ck_assert_uint_eq(get(342), 0x222);
    ck_assert(!fat_table_straddles(vol, 340));
    ck_assert(fat_table_straddles(vol, 341));
    ck_assert(!fat_table_straddles(vol, 342));
    ck_assert_uint_eq(fat_table_at(vol, 341), SECTOR + 511);
    image_close(&image);
}
END_TEST

START_TEST(reads_the_active_one)
{
    image_init(&image, 32);
    image_link_in(&image, 0, 9, 0x11);
    image_link_in(&image, 1, 9, 0x22);
    put16(image.bytes + 0x28, FAT_FLAGS_ONE | 1);
    image_mount(&image, NULL);
    ck_assert_uint_eq(get(9), 0x22);
    image_close(&image);

    /* The number counts only if mirroring is off. */
    image_init(&image, 32);
    image_link_in(&image, 0, 9, 0x11);
    image_link_in(&image, 1, 9, 0x22);
    put16(image.bytes + 0x28, 1);
    image_mount(&image, NULL);
    ck_assert_uint_eq(get(9), 0x11);
    image_close(&image);
}
END_TEST

/* A device that cannot read one range. */
struct holed {
    struct shale_bdev base;
    struct shale_bdev *lower;
    uint64_t from, to;
};

static int holed_read(struct shale_bdev *dev, uint64_t offset, void *buf,
                      size_t len)
{
    struct holed *holed = (struct holed *)dev;

    if (offset < holed->to && offset + len > holed->from)
        return SHALE_EIO;
    return shale_bdev_read(holed->lower, offset, buf, len);
}

static const struct shale_bdev_ops holed_ops = { .read = holed_read };

START_TEST(reads_another_copy)
{
    for (unsigned copies = 1; copies <= 2; copies++) {
        struct fat_cursor cursor = { .buf = NULL };
        struct holed holed = { .base.ops = &holed_ops };
        uint32_t value = 0;
        int err;

        image_init(&image, 16);
        image_link_in(&image, 0, 4000, 0x1111);
        image_link_in(&image, 1, 4000, 0x2222);
        ck_assert_int_eq(volume_of_bytes(&image.v, image.bytes,
                                         (size_t)image.sectors * SECTOR), 0);
        holed.base.size = image.v.dev->size;
        holed.base.block_size = image.v.dev->block_size;
        holed.base.fd = -1;
        holed.lower = image.v.dev;
        holed.from = image_fat_at(&image, 0) + 8000 / SECTOR * SECTOR;
        holed.to = holed.from + SECTOR;
        if (copies == 1)        /* with one FAT there is no other */
            holed.to = image_fat_at(&image, 2);
        image.v.dev = &holed.base;
        ck_assert_int_eq(volume_mount(&image.v, NULL), 0);
        err = fat_table_get(image_volume(&image), &cursor, 4000, &value);
        fat_cursor_put(&cursor);
        ck_assert_int_eq(err, copies == 1 ? SHALE_EIO : 0);
        ck_assert_uint_eq(value, copies == 1 ? 0 : 0x2222);
        image_close(&image);
    }
}
END_TEST

/* Free clusters are counted, and found, as each entry by itself says. */
START_TEST(finds_free_clusters)
{
    static const unsigned all_bits[] = { 12, 16, 32 };
    static uint32_t bits[FAT16_CLUSTERS / 32 + 2];
    unsigned width = all_bits[_i];
    struct fat_volume *vol;
    uint32_t count, first = 7, some, seen = 0;

    image_init(&image, width);
    image_chain(&image, 10, 20);
    image_link(&image, 50, FAT_BAD);
    if (width == 32)
        image_link(&image, 51, 0xf0000000);     /* free, by 28 bits */
    image_link(&image, image.clusters + 1, FAT_END);
    image_mount(&image, NULL);
    vol = image_volume(&image);
    ck_assert_int_eq(fat_table_free(vol, FAT_FIRST_CLUSTER,
                                    vol->boot.cluster_count, NULL, &count), 0);
    ck_assert_uint_eq(count, image.clusters - 22 - (width == 32 ? 1 : 0));

    some = vol->boot.cluster_count - 6;
    if (some > FAT16_CLUSTERS)
        some = FAT16_CLUSTERS;
    memset(bits, 0xff, sizeof bits);
    ck_assert_int_eq(fat_table_free(vol, first, some, bits, &count), 0);
    for (uint32_t i = 0; i < sizeof bits * 8; i++) {
        bool is_free = i < some && get(first + i) == FAT_FREE &&
                       !fat_table_straddles(vol, first + i);

        ck_assert_msg((bits[i / 32] >> i % 32 & 1) == !is_free,
                      "FAT%u: cluster %u", width, first + i);
        seen += is_free;
    }
    ck_assert_uint_eq(count, seen);
    image_close(&image);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fat/table");
    TCase *tc = tcase_create("entry");

    tcase_add_loop_test(tc, tells_values, 0, sizeof values / sizeof values[0]);
    tcase_add_test(tc, reads_what_straddles);
    tcase_add_test(tc, reads_the_active_one);
    tcase_add_test(tc, reads_another_copy);
    tcase_add_loop_test(tc, finds_free_clusters, 0, 3);
    suite_add_tcase(s, tc);
    return s;
}
