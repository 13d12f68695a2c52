/* test_ntfs_map.c - where data is: resident, clusters, encrypted, elsewhere */
#include "suite.h"
#include "test_ntfs_pretend.h"

#define SHIFT 9
#define CLUSTER 512u

/* Five clusters in three runs, and a hole. */
static void make_file(struct pretend *p, uint64_t size, uint64_t initialized)
{
    pretend_open(p, SHIFT, 64);
    pretend_run(p, &p->vn.data, 40, 2);
    pretend_run(p, &p->vn.data, 10, 1);
    pretend_run(p, &p->vn.data, NTFS_HOLE, 3);
    pretend_run(p, &p->vn.data, 42, 2);
    pretend_size(p, size, initialized);
}

static void fill_want(struct pretend *p, uint8_t *want)
{
    memcpy(want, pretend_at(p, 40), 2 * CLUSTER);
    memcpy(want + 2 * CLUSTER, pretend_at(p, 10), CLUSTER);
    memset(want + 3 * CLUSTER, 0, 3 * CLUSTER);
    memcpy(want + 6 * CLUSTER, pretend_at(p, 42), 2 * CLUSTER);
}

START_TEST(reads_clusters)
{
    uint8_t want[8 * CLUSTER];
    struct pretend p;

    make_file(&p, 8 * CLUSTER - 100, 8 * CLUSTER - 100);
    fill_want(&p, want);
    pretend_same(&p, want);
    pretend_close(&p);
}
END_TEST

/* Zeros follow the valid-data length, wherever it is, whatever lies there. */
START_TEST(valid_data_ends)
{
    uint64_t valid = (uint64_t)_i * 256 + (uint64_t)(_i % 3) * 61;
    uint8_t want[8 * CLUSTER];
    struct shale_extent e;
    struct pretend p;

    if (valid > sizeof want)
        valid = sizeof want;
    make_file(&p, 8 * CLUSTER, valid);
    fill_want(&p, want);
    memset(want + valid, 0, sizeof want - (size_t)valid);
    pretend_same(&p, want);
    if (valid < 8 * CLUSTER) {
        ck_assert_int_eq(pretend_map(&p, 8 * CLUSTER - 1, 1, &e), 0);
        ck_assert_int_eq(e.kind, SHALE_EXTENT_UNWRITTEN);
        ck_assert_uint_eq(e.device, 44 * CLUSTER - 1);
    }
    pretend_close(&p);
}
END_TEST

START_TEST(extents_are_whole_runs)
{
    static const struct {
        uint64_t offset, length, device;
        enum shale_extent_kind kind;
    } want[] = {
        { 0, 1024, 40 * 512, SHALE_EXTENT_DATA },
        { 1, 1023, 40 * 512 + 1, SHALE_EXTENT_DATA },
        { 1023, 1, 42 * 512 - 1, SHALE_EXTENT_DATA },
        { 1024, 512, 10 * 512, SHALE_EXTENT_DATA },
        { 1600, 1472, 0, SHALE_EXTENT_HOLE },
        { 3072, 700, 42 * 512, SHALE_EXTENT_DATA },
        { 3771, 1, 42 * 512 + 699, SHALE_EXTENT_DATA },
        { 3772, 324, 42 * 512 + 700, SHALE_EXTENT_UNWRITTEN },
    };
    struct pretend p;

    make_file(&p, 4000, 3772);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct shale_extent e = { 0 };

        ck_assert_int_eq(pretend_map(&p, want[i].offset, 1, &e), 0);
        ck_assert_uint_eq(e.offset, want[i].offset);
        ck_assert_uint_eq(e.length, want[i].length);
        ck_assert_uint_eq(e.device, want[i].device);
        ck_assert_int_eq(e.kind, want[i].kind);
    }
    pretend_close(&p);
}
END_TEST

START_TEST(runs_that_end_too_early_are_told)
{
    uint8_t byte;
    struct pretend p;

    make_file(&p, 8 * CLUSTER + 1, 8 * CLUSTER + 1);
    ck_assert_int_eq(pretend_read(&p, 8 * CLUSTER - 1, &byte, 1), 0);
    ck_assert_int_eq(pretend_read(&p, 8 * CLUSTER, &byte, 1), SHALE_ECORRUPT);
    ck_assert_uint_eq(p.ino, PRETEND_INO);
    pretend_close(&p);
}
END_TEST

START_TEST(reads_resident_data)
{
    struct pretend p;

    pretend_open(&p, SHIFT, 8);
    p.vn.data.resident = true;
    p.vn.data.value = shale_alloc(p.mem, 300);
    memcpy(p.vn.data.value, p.disk, 300);
    pretend_size(&p, 300, 300);
    pretend_same(&p, p.disk);
    pretend_close(&p);
}
END_TEST

/* As ntfs-3g tells it: clusters as they are, then what is too much of them. */
START_TEST(encrypted_data_is_raw_or_refused)
{
    uint8_t want[8 * CLUSTER + 2];
    static const unsigned last[] = { 0, 1, 2, 255, 256, 511 };
    uint64_t size = 7 * CLUSTER + last[_i];
    uint64_t whole = last[_i] ? 8 * CLUSTER : 7 * CLUSTER;
    struct pretend p;
    uint8_t byte;

    make_file(&p, size, size);
    fill_want(&p, want);
    p.vn.data.flags = NTFS_ATTR_ENCRYPTED;
    ck_assert_int_eq(pretend_read(&p, 0, &byte, 1), SHALE_EACCES);
    ck_assert_ptr_nonnull(strstr(p.said, "encrypted"));
    ck_assert_uint_eq(p.at, 40 * CLUSTER);

    p.vol.options.efs_raw = true;
    p.vn.base.size = whole + 2;
    want[whole] = (uint8_t)(whole - size);
    want[whole + 1] = (uint8_t)((whole - size) >> 8);
    pretend_same(&p, want);
    /* A stream with a name has no such end. */
    p.vn.base.size = size;
    fill_want(&p, want);
    pretend_same(&p, want);
    pretend_close(&p);
}
END_TEST

/* With clusters of 256 bytes there may be none to the end of 512. */
START_TEST(raw_data_ends_with_its_clusters)
{
    uint8_t want[3 * 256 + 2];
    struct pretend p;

    pretend_open(&p, 8, 64);
    p.vol.options.efs_raw = true;
    pretend_run(&p, &p.vn.data, 40, 3);
    pretend_size(&p, 3 * 256 - 7, 3 * 256 - 7);
    p.vn.data.flags = NTFS_ATTR_ENCRYPTED;
    p.vn.base.size = ntfs_efs_size(&p.vol, p.vn.data.size);
    ck_assert_uint_eq(p.vn.base.size, sizeof want);
    memcpy(want, pretend_at(&p, 40), 3 * 256);
    want[3 * 256] = 7;
    want[3 * 256 + 1] = 0;
    pretend_same(&p, want);
    pretend_close(&p);
}
END_TEST

static const struct {
    uint32_t tag, flags;
    bool taken;                 /* there are clusters */
    const char *said;           /* NULL: can be read */
} tags[] = {
    { 0, 0, true, NULL },
    { 0, NTFS_FILE_OFFLINE, false, NULL },
    { NTFS_TAG_DEDUP, 0, false, "chunk store" },
    { NTFS_TAG_DEDUP, 0, true, "chunk store" },
    { NTFS_TAG_SIS, 0, true, "single-instance" },
    { NTFS_TAG_HSM, 0, true, "hierarchical" },
    { NTFS_TAG_HSM2, 0, true, "hierarchical" },
    { NTFS_TAG_CLOUD, 0, true, NULL },
    { NTFS_TAG_CLOUD | 0xf000, NTFS_FILE_RECALL_ON_DATA, true, "in a cloud" },
    { NTFS_TAG_CLOUD | 0x1000, NTFS_FILE_OFFLINE, false, "in a cloud" },
    { NTFS_TAG_CLOUD, NTFS_FILE_RECALL_ON_OPEN, true, NULL },
    { NTFS_TAG_CLOUD, 0, false, "reparse point says" },
    { NTFS_TAG_PROJFS, 0, false, "reparse point says" },
    { NTFS_TAG_PROJFS, 0, true, NULL },
    { NTFS_TAG_STORAGE_SYNC, NTFS_FILE_OFFLINE, true, "offline" },
    { 0x00001234, 0, true, NULL },
    { 0x00001234, 0, false, "reparse point says" },
};

START_TEST(data_that_is_elsewhere_is_refused)
{
    const char *said = tags[_i].said;
    struct pretend p;
    uint8_t byte;
    int err;

    make_file(&p, 4000, 4000);
    p.vn.info.reparse_tag = tags[_i].tag;
    p.vn.info.flags = tags[_i].flags;
    if (!tags[_i].taken)
        p.vn.data.taken = 0;
    err = pretend_read(&p, 100, &byte, 1);
    ck_assert_msg(err == (said ? SHALE_ENOTSUP : 0), "%x: %d", tags[_i].tag,
                  err);
    if (said)
        ck_assert_msg(strstr(p.said, said), "%x: %s", tags[_i].tag, p.said);
    /* Its other streams are here. */
    p.vn.base.ino |= UINT64_C(1) << NTFS_INO_STREAM_SHIFT;
    ck_assert_int_eq(pretend_read(&p, 100, &byte, 1), 0);
    pretend_close(&p);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/map");
    TCase *tc = tcase_create("map");

    tcase_add_test(tc, reads_clusters);
    tcase_add_loop_test(tc, valid_data_ends, 0, 8 * 2 + 1);
    tcase_add_test(tc, extents_are_whole_runs);
    tcase_add_test(tc, runs_that_end_too_early_are_told);
    tcase_add_test(tc, reads_resident_data);
    tcase_add_loop_test(tc, encrypted_data_is_raw_or_refused, 0, 6);
    tcase_add_test(tc, raw_data_ends_with_its_clusters);
    tcase_add_loop_test(tc, data_that_is_elsewhere_is_refused, 0,
                        sizeof tags / sizeof tags[0]);
    suite_add_tcase(s, tc);
    return s;
}
