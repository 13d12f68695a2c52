/* test_ntfs_volume.c - $Volume and $Bitmap: label, version, what is in use */
#include <stdlib.h>

#include "ntfsimage.h"
#include "suite.h"

static struct ntfsimage image;

static void mount(void)
{
    ntfsimage_finish(&image);
    ck_assert_msg(ntfsimage_mount(&image, NULL) == 0, "%s", image.v.said);
}

static void done(void)
{
    ck_assert_uint_eq(ntfsimage_close(&image), 0);
}

/* ------------------------------------------------------------- clusters */

static uint64_t used_between(uint64_t lcn, uint64_t count)
{
    uint64_t used = 0;

    for (uint64_t i = lcn; i < lcn + count; i++)
        used += image.used[i];
    return used;
}

/* Any range, in a bitmap of several pieces of 256 KiB. */
START_TEST(counts_ranges)
{
    const uint32_t clusters = 5000001;
    struct ntfs_usage *usage;
    struct ntfs_volume *vol;
    uint64_t used, seed = 1, lcn, count;

    ntfsimage_init(&image, &(struct ntfsimage_shape){
        .sector = 256, .cluster = 256, .clusters = clusters,
    });
    for (uint64_t i = image.next_lcn; i < clusters; i++) {
        seed = seed * 6364136223846793005 + 1442695040888963407;
        image.used[i] = seed >> 60 > (i >> 16) % 16;
    }
    image.used[clusters - 1] = 1;
    mount();
    vol = ntfsimage_volume(&image);
    ck_assert_int_eq(ntfs_usage_open(vol, &usage), 0);
    for (unsigned n = 0; n < 40; n++) {
        seed = seed * 6364136223846793005 + 1442695040888963407;
        lcn = seed >> 33 & ((UINT64_C(1) << n / 2) - 1);
        count = n % 2 ? clusters - lcn : seed >> 40 & ((1u << n / 2) - 1);
        if (count > clusters - lcn)
            count = clusters - lcn;
        ck_assert_int_eq(ntfs_usage_count(vol, usage, lcn, count, &used), 0);
        ck_assert_msg(used == used_between(lcn, count), "%d, %d: %d",
                      (int)lcn, (int)count, (int)used);
    }
    /* All of it, twice: it is counted once. */
    for (unsigned n = 0; n < 2; n++) {
        ck_assert_int_eq(ntfs_clusters_used(vol, &used), 0);
        ck_assert_uint_eq(used, used_between(0, clusters));
        memset(ntfsimage_cluster(&image, image.bitmap_lcn), 0, 256);
    }
    /* And long runs by what is known of their pieces. */
    memset(ntfsimage_cluster(&image, image.bitmap_lcn), 0, clusters / 8);
    shale_cache_shrink(vol->fs->cache, SIZE_MAX);
    count = clusters & ~((UINT64_C(1) << 15) - 1);
    ck_assert_uint_gt(count, 0);
    ck_assert_int_eq(ntfs_usage_count(vol, usage, 0, count, &used), 0);
    ck_assert_uint_eq(used, used_between(0, count));
    ntfs_usage_close(vol, usage);
    done();
}
END_TEST

START_TEST(needs_a_whole_bitmap)
{
    struct shale_statfs statfs;
    uint8_t *data;

    ntfsimage_init(&image, NULL);
    data = ntfsimage_find(&image, NTFS_BITMAP, NTFS_DATA, NULL);
    data[48] = (uint8_t)(image.shape.clusters / 8 - 1);
    mount();
    ck_assert_int_eq(shale_statfs(image.v.fs, &statfs), SHALE_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(image.v.said, "smaller than the volume"));
    done();
}
END_TEST

START_TEST(needs_a_bitmap)
{
    struct shale_statfs statfs;

    ntfsimage_init(&image, NULL);
    if (_i == 0)
        ntfsimage_remove(&image, NTFS_MFT, NTFS_BITMAP_ATTR, NULL);
    else
        memset(ntfsimage_record(&image, NTFS_BITMAP), 0, 1024);
    mount();
    ck_assert_int_eq(shale_statfs(image.v.fs, &statfs), SHALE_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(image.v.said, "a bitmap is missing"));
    done();
}
END_TEST

/* A hole of 2^60 bytes is as good as any clusters, but for its zeros. */
START_TEST(does_not_count_for_ever)
{
    const struct ntfsimage_run run = { NTFSIMAGE_HOLE, UINT64_C(1) << 48 };
    const uint64_t number = _i ? NTFS_BITMAP : NTFS_MFT;
    const uint32_t type = _i ? NTFS_DATA : NTFS_BITMAP_ATTR;
    struct shale_statfs statfs;

    ntfsimage_init(&image, NULL);
    ntfsimage_remove(&image, number, type, NULL);
    ntfsimage_runs(&image, number, &(struct ntfsimage_piece){
        .type = type, .runs = &run, .count = 1, .size = UINT64_C(1) << 60,
    });
    ntfsimage_finish(&image);
    ck_assert_int_eq(ntfsimage_mount(&image, NULL), 0);
    ck_assert_int_eq(shale_statfs(image.v.fs, &statfs), SHALE_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(image.v.said, "larger than the device"));
    done();
}
END_TEST

START_TEST(counts_files)
{
    struct shale_statfs statfs;
    uint64_t left;

    ntfsimage_init(&image, NULL);
    ntfsimage_file(&image, NTFS_ROOT, "file");
    mount();
    ck_assert_int_eq(shale_statfs(image.v.fs, &statfs), 0);
    left = image.shape.clusters - used_between(0, image.shape.clusters);
    /* Four records fit into a cluster; the bitmap of 64 has 8 bytes. */
    ck_assert_uint_eq(statfs.files, left * 4 + 64);
    ck_assert_uint_eq(statfs.files_free, left * 4 + 64 - 13);
    ck_assert_uint_eq(statfs.id, UINT64_C(0x1234567890abcdef));
    done();
}
END_TEST

/* ----------------------------------------------------------------- $Volume */

static void label(const void *bytes, size_t len)
{
    ntfsimage_remove(&image, NTFS_VOLUME, NTFS_VOLUME_NAME, NULL);
    if (bytes)
        ntfsimage_resident(&image, NTFS_VOLUME, NTFS_VOLUME_NAME, NULL, bytes,
                           len);
}

START_TEST(tells_the_label)
{
    static const uint8_t odd[] = { 'a', 0, 0x34, 0xd8, 'c' };
    uint16_t units[NTFS_LABEL_UNITS];
    uint8_t many[300];

    memset(many, 'x', sizeof many);
    ntfsimage_init(&image, NULL);
    if (_i == 1)
        label(odd, sizeof odd);
    else if (_i == 2)
        label(many, sizeof many);
    else if (_i == 3)
        label(NULL, 0);
    else if (_i == 4)
        label("", 0);
    mount();
    switch (_i) {
    case 0:
        ck_assert_int_eq(ntfs_label_get(ntfsimage_volume(&image), units), 4);
        ck_assert_uint_eq(units[0], 't');
        ck_assert_uint_eq(units[3], 't');
        break;
    case 1:
        ck_assert_int_eq(ntfs_label_get(ntfsimage_volume(&image), units), 2);
        ck_assert_uint_eq(units[1], 0xd834);
        break;
    case 2:
        ck_assert_int_eq(ntfs_label_get(ntfsimage_volume(&image), units),
                         NTFS_LABEL_UNITS);
        break;
    default:
        ck_assert_int_eq(ntfs_label_get(ntfsimage_volume(&image), units), 0);
    }
    done();
}
END_TEST

/* The flags; and without the attribute, or all of it, they are not known. */
START_TEST(tells_version_and_flags)
{
    const struct ntfs_volume *vol;
    const uint8_t raw[12] = { [8] = 1, [9] = 2, [10] = 0x81, [11] = 0x40 };

    ntfsimage_init(&image, NULL);
    ntfsimage_remove(&image, NTFS_VOLUME, NTFS_VOLUME_INFORMATION, NULL);
    if (_i < 2)
        ntfsimage_resident(&image, NTFS_VOLUME, NTFS_VOLUME_INFORMATION, NULL,
                           raw, sizeof raw - (size_t)_i);
    mount();
    vol = ntfsimage_volume(&image);
    ck_assert_uint_eq(vol->major, _i == 0 ? 1 : 0);
    ck_assert_uint_eq(vol->minor, _i == 0 ? 2 : 0);
    ck_assert_uint_eq(vol->flags, _i == 0 ? 0x4081 : 0);
    ck_assert_uint_ge(image.v.events, 1);
    done();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/volume");
    TCase *tc = tcase_create("volume");

    tcase_add_test(tc, counts_ranges);
    tcase_add_test(tc, needs_a_whole_bitmap);
    tcase_add_loop_test(tc, needs_a_bitmap, 0, 2);
    tcase_add_loop_test(tc, does_not_count_for_ever, 0, 2);
    tcase_add_test(tc, counts_files);
    tcase_add_loop_test(tc, tells_the_label, 0, 5);
    tcase_add_loop_test(tc, tells_version_and_flags, 0, 3);
    suite_add_tcase(s, tc);
    return s;
}
