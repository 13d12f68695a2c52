/* test_ntfs_scan.c - all records of the MFT, or several, in the order of the
   device */
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

/* What a scan has come to. */
struct seen {
    unsigned count;
    uint64_t at[8192];          /* where each record is */
    uint64_t number[8192];
    unsigned stop;              /* after so many; 0: at the end */
};

static struct seen seen;

static int look(void *context, const struct ntfs_record *record)
{
    struct seen *s = context;

    ck_assert_uint_lt(s->count, 8192);
    s->at[s->count] = record->at;
    s->number[s->count++] = record->number;
    return s->count == s->stop ? 77 : 0;
}

static int scan(unsigned stop)
{
    memset(&seen, 0, sizeof seen);
    seen.stop = stop;
    return ntfs_scan(ntfsimage_volume(&image), look, &seen);
}

/* Each once, the pieces in another order than they follow each other. */
START_TEST(goes_by_the_device)
{
    static const struct ntfsimage_run runs[] = {
        { 300, 3 }, { 100, 5 }, { 500, 1 }, { 200, 7 },
    };
    bool had[64] = { false };

    ntfsimage_init(&image, &(struct ntfsimage_shape){
        .sector = 512, .mft = runs, .mft_count = 4,
    });
    for (uint64_t i = 24; i < 64; i += 3)
        ntfsimage_begin(&image, i, 0);
    mount();
    ck_assert_int_eq(scan(0), 0);
    ck_assert_uint_eq(seen.count, 12 + 14);
    for (unsigned i = 0; i < seen.count; i++) {
        ck_assert(!had[seen.number[i]]);
        had[seen.number[i]] = true;
        ck_assert_uint_eq(seen.at[i],
                          ntfsimage_place(&image, seen.number[i]));
        ck_assert(i == 0 || seen.at[i] > seen.at[i - 1]);
    }
    ck_assert_int_eq(scan(5), 77);
    ck_assert_uint_eq(seen.count, 5);
    done();
}
END_TEST

static uint64_t reads(void)
{
    struct shale_cache_stats stats;

    shale_cache_stats(image.v.fs->cache, &stats);
    return stats.reads;
}

/* The records of a listing are read in few requests, and those of no place
   are left out. */
START_TEST(reads_ahead)
{
    static const struct ntfsimage_run runs[] = {
        { 300, 3 }, { 100, 50 }, { 200, 10 },
    };
    static const uint64_t beyond[] = { 252, 5000, UINT64_MAX };
    struct ntfs_record *record;
    uint64_t numbers[60];

    ntfsimage_init(&image, &(struct ntfsimage_shape){
        .records = 252, .mft = runs, .mft_count = 3,
    });
    for (uint64_t i = 0; i < 60; i++) {
        numbers[i] = 24 + i * 37 % 60 * 3;
        ntfsimage_begin(&image, numbers[i], 0);
    }
    mount();
    shale_cache_shrink(image.v.fs->cache, SIZE_MAX);
    for (unsigned again = 0; again < 2; again++) {
        uint64_t before = reads();

        ntfs_ahead(image.v.fs, numbers, 60);
        ntfs_ahead(image.v.fs, beyond, 3);
        ck_assert_uint_le(reads(), before + 4);
        before = reads();
        for (unsigned i = 0; i < 60; i++) {
            ck_assert_int_eq(ntfs_record_get(ntfsimage_volume(&image),
                                             numbers[i], &record), 0);
            ntfs_record_put(ntfsimage_volume(&image), record);
        }
        ck_assert_uint_eq(reads(), before);
        shale_cache_shrink(image.v.fs->cache, SIZE_MAX);
    }
    done();
}
END_TEST

/* A damaged record is passed over. */
START_TEST(passes_over_damage)
{
    ntfsimage_init(&image, NULL);
    ntfsimage_begin(&image, 40, 0);
    ntfsimage_begin(&image, 41, 0);
    memcpy(ntfsimage_record(&image, 40), "BAAD", 4);
    mount();
    ck_assert_int_eq(scan(0), 0);
    ck_assert_uint_eq(seen.count, 13);
    ck_assert_uint_eq(seen.number[12], 41);
    done();
}
END_TEST

/* The device ends in the MFT: what is there, and then an error. */
START_TEST(ends_with_the_device)
{
    ntfsimage_init(&image, NULL);
    for (uint64_t i = 24; i < 64; i++)
        ntfsimage_begin(&image, i, 0);
    ntfsimage_finish(&image);
    ck_assert_int_eq(ntfsimage_mount_part(
        &image, (size_t)ntfsimage_place(&image, 50), NULL), 0);
    ck_assert_int_eq(scan(0), SHALE_EIO);
    ck_assert_uint_eq(seen.count, 12 + 26);
    done();
}
END_TEST

/* The MFT of a volume of 2^49 clusters, on a device of 512. */
START_TEST(does_not_scan_for_ever)
{
    const uint64_t clusters = UINT64_C(1) << 49;
    struct ntfs_disk_boot *boot;
    struct ntfsimage_run run;

    ntfsimage_init(&image, NULL);
    run = (struct ntfsimage_run){ image.shape.mft[0].lcn, clusters / 2 };
    ntfsimage_remove(&image, NTFS_MFT, NTFS_DATA, NULL);
    ntfsimage_runs(&image, NTFS_MFT, &(struct ntfsimage_piece){
        .type = NTFS_DATA, .runs = &run, .count = 1,
        .size = run.count * 4096,
    });
    boot = (struct ntfs_disk_boot *)image.bytes;
    boot->sectors = le64_make(clusters * 8);
    ntfsimage_finish(&image);
    ck_assert_msg(ntfsimage_mount(&image, NULL) == 0, "%s", image.v.said);
    ck_assert_int_eq(scan(0), SHALE_EIO);
    ck_assert_uint_eq(seen.count, 12 + 4);      /* the mirror's are in it */
    done();
}
END_TEST

/* The same clusters of records, again and again. */
START_TEST(does_not_scan_in_circles)
{
    struct ntfsimage_run runs[3];

    ntfsimage_init(&image, NULL);
    for (unsigned i = 0; i < 3; i++)
        runs[i] = (struct ntfsimage_run){ image.shape.mft[0].lcn, 400 };
    ntfsimage_remove(&image, NTFS_MFT, NTFS_DATA, NULL);
    ntfsimage_runs(&image, NTFS_MFT, &(struct ntfsimage_piece){
        .type = NTFS_DATA, .runs = runs, .count = 3, .size = 3 * 400 * 4096,
    });
    mount();
    ck_assert_int_eq(scan(0), SHALE_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(image.v.said, "more records than"));
    done();
}
END_TEST

static int take_deleted(void *context, const struct shale_deleted *file)
{
    struct shale_deleted *out = context;

    *out = *file;
    return 0;
}

/* Of a deleted file it is told how much is another's by now; all of it, where
   $Bitmap is too short to tell. */
START_TEST(tells_what_is_lost)
{
    struct shale_deleted gone = { .len = 0 };
    uint8_t bytes[10000] = { 0 };
    struct ntfs_disk_record *raw;
    uint64_t file, lcn;

    ntfsimage_init(&image, NULL);
    file = ntfsimage_file(&image, NTFS_ROOT, "gone");
    lcn = ntfsimage_data(&image, file, NTFS_DATA, NULL, bytes, sizeof bytes);
    raw = (struct ntfs_disk_record *)ntfsimage_record(&image, file);
    raw->flags = le16_make(0);
    image.used[lcn + 1] = 0;
    if (_i == 1)
        ntfsimage_find(&image, NTFS_BITMAP, NTFS_DATA, NULL)[48] = 1;
    mount();
    ck_assert_int_eq(ntfs_deleted(image.v.fs, take_deleted, &gone), 0);
    ck_assert_uint_eq(gone.len, 4);
    ck_assert_uint_eq(gone.size, sizeof bytes);
    ck_assert_uint_eq(gone.allocated, 3 * 4096);
    ck_assert_uint_eq(gone.lost, _i == 1 ? 3 * 4096 : 2 * 4096);
    done();
}
END_TEST

/* Of a sparse or compressed file that is less than its size says. */
START_TEST(holes_are_not_lost)
{
    static const struct ntfsimage_run runs[] = {
        { NTFS_HOLE, 1000 }, { 300, 2 }, { NTFS_HOLE, 14 },
    };
    struct shale_deleted gone = { .len = 0 };
    struct ntfs_disk_record *raw;
    uint64_t file;

    ntfsimage_init(&image, NULL);
    file = ntfsimage_file(&image, NTFS_ROOT, "gone");
    ntfsimage_runs(&image, file, &(struct ntfsimage_piece){
        .type = NTFS_DATA, .runs = runs, .count = 3, .size = 1016 * 4096,
    });
    raw = (struct ntfs_disk_record *)ntfsimage_record(&image, file);
    raw->flags = le16_make(0);
    image.used[300] = image.used[301] = 1;
    mount();
    ck_assert_int_eq(ntfs_deleted(image.v.fs, take_deleted, &gone), 0);
    ck_assert_uint_eq(gone.size, 1016 * 4096);
    ck_assert_uint_eq(gone.allocated, 2 * 4096);
    ck_assert_uint_eq(gone.lost, 2 * 4096);
    done();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/scan");
    TCase *tc = tcase_create("scan");

    tcase_add_test(tc, goes_by_the_device);
    tcase_add_test(tc, reads_ahead);
    tcase_add_test(tc, passes_over_damage);
    tcase_add_test(tc, ends_with_the_device);
    tcase_add_test(tc, does_not_scan_for_ever);
    tcase_add_test(tc, does_not_scan_in_circles);
    tcase_add_loop_test(tc, tells_what_is_lost, 0, 2);
    tcase_add_test(tc, holes_are_not_lost);
    suite_add_tcase(s, tc);
    return s;
}
