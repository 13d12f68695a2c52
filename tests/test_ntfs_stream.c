/* test_ntfs_stream.c - attributes as a whole: sizes, pieces, reading */
#include "suite.h"
#include "test_ntfs_pretend.h"

#define SHIFT    9u
#define CLUSTERS 1000u

static struct pretend rig;
static struct ntfs_stream stream;
static struct ntfs_record record = { .number = 30, .at = 5000 };

static void setup(void)
{
    pretend_open(&rig, SHIFT, CLUSTERS);
}

static void teardown(void)
{
    pretend_close(&rig);
}

/* 8 clusters from 100 on, a hole of 2, 6 from 50 on. */
static const uint8_t pairs[] = {
    0x11, 8, 100, 0x01, 2, 0x11, 6, 0xce, 0,
};

/* A piece of all of these. */
static struct ntfs_attr piece(void)
{
    return (struct ntfs_attr){
        .type = NTFS_DATA, .record = &record, .at = 5100, .last_vcn = 15,
        .pairs = pairs, .pairs_length = sizeof pairs, .allocated = 16 << SHIFT,
        .size = 8000, .initialized = 8000, .compressed = 16 << SHIFT,
    };
}

static void begin(const struct ntfs_attr *attr)
{
    int err = ntfs_stream_begin(&rig.vol, &stream, attr);

    if (!err)
        err = ntfs_stream_end(&rig.vol, &stream);
    ck_assert_msg(err == 0, "%d, %s", err, rig.said);
}

/* The byte of cluster VCN at OFFSET, by where the runs are. */
static uint8_t byte_of(uint64_t offset)
{
    uint64_t vcn = offset >> SHIFT;
    uint64_t lcn = vcn < 8 ? 100 + vcn : 50 + vcn - 10;

    return vcn == 8 || vcn == 9 ? 0
         : rig.disk[(lcn << SHIFT) + offset % (1 << SHIFT)];
}

START_TEST(reads)
{
    struct ntfs_attr attr = piece();
    uint8_t *got = malloc(8192);

    begin(&attr);
    ck_assert_uint_eq(stream.ino, 30);
    ck_assert_uint_eq(stream.size, 8000);
    ck_assert_uint_eq(stream.allocated, 8192);
    ck_assert_uint_eq(stream.runs.count, 3);
    for (unsigned past_cache = 0; past_cache < 2; past_cache++) {
        size_t len = 1;

        for (size_t at = 0; at < 8000; at += 97) {
            int err;

            len = len * 3 % 8191;
            if (len > 8000 - at)
                len = 8000 - at;
            err = past_cache
                      ? ntfs_stream_fetch(&rig.vol, &stream, at, got, len)
                      : ntfs_stream_read(&rig.vol, &stream, at, got, len);
            ck_assert_int_eq(err, 0);
            for (size_t i = 0; i < len; i++)
                ck_assert_uint_eq(got[i], byte_of(at + i));
        }
    }
    free(got);
    ntfs_stream_close(&rig.vol, &stream);
}
END_TEST

/* What has never been written is zeros, whatever is in the clusters. */
START_TEST(ends_where_it_was_written)
{
    struct ntfs_attr attr = piece();
    uint8_t got[8000];

    attr.initialized = 700;
    begin(&attr);
    memset(got, 0xee, sizeof got);
    ck_assert_int_eq(ntfs_stream_read(&rig.vol, &stream, 0, got, 8000), 0);
    for (size_t i = 0; i < 8000; i++)
        ck_assert_uint_eq(got[i], i < 700 ? byte_of(i) : 0);
    memset(got, 0xee, sizeof got);
    ck_assert_int_eq(ntfs_stream_read(&rig.vol, &stream, 700, got, 100), 0);
    ck_assert_int_eq(ntfs_stream_read(&rig.vol, &stream, 7999, got + 100, 1),
                     0);
    for (size_t i = 0; i < 101; i++)
        ck_assert_uint_eq(got[i], 0);
    ntfs_stream_close(&rig.vol, &stream);

    attr.initialized = UINT64_MAX;      /* is no more than there is */
    begin(&attr);
    ck_assert_uint_eq(stream.initialized, 8000);
    ntfs_stream_close(&rig.vol, &stream);
}
END_TEST

START_TEST(copies_what_is_resident)
{
    uint8_t value[] = "contents", got[8];
    struct ntfs_attr attr = {
        .type = NTFS_DATA, .record = &record, .resident = true, .value = value,
        .value_length = 8,
    };

    begin(&attr);
    memset(value, 0, sizeof value);
    ck_assert_int_eq(ntfs_stream_read(&rig.vol, &stream, 0, got, 8), 0);
    ck_assert_mem_eq(got, "contents", 8);
    ck_assert_int_eq(ntfs_stream_fetch(&rig.vol, &stream, 3, got, 5), 0);
    ck_assert_mem_eq(got, "tents", 5);
    ck_assert_uint_eq(stream.initialized, 8);
    ck_assert_uint_eq(stream.taken, 8);
    ck_assert_int_eq(ntfs_stream_add(&rig.vol, &stream, &attr),
                     SHALE_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(rig.said, "there twice"));
    ntfs_stream_close(&rig.vol, &stream);

    attr.value_length = 0;
    begin(&attr);
    ck_assert_int_eq(ntfs_stream_read(&rig.vol, &stream, 0, got, 0), 0);
    ntfs_stream_close(&rig.vol, &stream);
}
END_TEST

START_TEST(goes_on)
{
    struct ntfs_attr first = piece(), next = piece();

    first.size = first.initialized = 32 << SHIFT;
    ck_assert_int_eq(ntfs_stream_begin(&rig.vol, &stream, &first), 0);
    ck_assert_int_eq(ntfs_stream_end(&rig.vol, &stream), SHALE_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(rig.said, "larger than its clusters"));
    ck_assert_uint_eq(rig.at, 5100);
    for (unsigned i = 0; i < 3; i++) {
        /* Again, with a gap, or one back. */
        next.first_vcn = i == 0 ? 0 : i == 1 ? 17 : 15;
        next.last_vcn = next.first_vcn + 15;
        ck_assert_int_eq(ntfs_stream_add(&rig.vol, &stream, &next),
                         SHALE_ECORRUPT);
        ck_assert_ptr_nonnull(strstr(rig.said, "do not follow"));
    }
    next.first_vcn = 16;
    next.last_vcn = 31;
    next.size = UINT64_MAX;     /* of no meaning there */
    ck_assert_int_eq(ntfs_stream_add(&rig.vol, &stream, &next), 0);
    ck_assert_int_eq(ntfs_stream_end(&rig.vol, &stream), 0);
    ck_assert_uint_eq(stream.runs.count, 6);
    ck_assert_uint_eq(stream.size, 32 << SHIFT);
    ntfs_stream_close(&rig.vol, &stream);
}
END_TEST

static const struct {
    const char *what;
    uint64_t first_vcn, last_vcn, size, allocated, compressed;
    int end;                    /* it fails at its end, not its beginning */
    const char *said;
} bad[] = {
    { "begins in the middle", 1, 15, 1, 0, 0, 0, "do not follow" },
    { "more than 2^63", 0, 15, UINT64_C(1) << 63, 0, 0, 0, "larger than any" },
    { "allocated as much", 0, 15, 1, UINT64_MAX, 0, 0, "larger than any" },
    { "compressed to as much", 0, 15, 1, 0, UINT64_MAX, 0, "larger than any" },
    { "larger than its clusters", 0, 15, 8193, 0, 0, 1, "than its clusters" },
    { "runs are longer", 0, 14, 1, 0, 0, 0, "go on past" },
    { "runs are shorter", 0, 16, 1, 0, 0, 0, "end before" },
};

START_TEST(checks)
{
    struct ntfs_attr attr = piece();
    int err;

    attr.first_vcn = bad[_i].first_vcn;
    attr.last_vcn = bad[_i].last_vcn;
    attr.size = bad[_i].size;
    attr.allocated = bad[_i].allocated;
    attr.compressed = bad[_i].compressed;
    err = ntfs_stream_begin(&rig.vol, &stream, &attr);
    if (bad[_i].end) {
        ck_assert_int_eq(err, 0);
        err = ntfs_stream_end(&rig.vol, &stream);
        ntfs_stream_close(&rig.vol, &stream);
    }
    ck_assert_msg(err == SHALE_ECORRUPT && strstr(rig.said, bad[_i].said),
                  "%s: %d, %s", bad[_i].what, err, rig.said);
}
END_TEST

/* Nothing in clusters: the last one is number -1. */
START_TEST(may_be_empty)
{
    struct ntfs_attr attr = piece();

    attr.last_vcn = UINT64_MAX;
    attr.pairs_length = 0;
    attr.size = attr.initialized = attr.allocated = attr.compressed = 0;
    begin(&attr);
    ck_assert_uint_eq(stream.runs.end, 0);
    ntfs_stream_close(&rig.vol, &stream);
}
END_TEST

/* Of what XP has compressed, the unit is not always said. */
START_TEST(assumes_a_unit)
{
    struct ntfs_attr attr = piece();

    attr.flags = 1;
    begin(&attr);
    ck_assert_uint_eq(stream.unit_shift, 4);
    ntfs_stream_close(&rig.vol, &stream);
    attr.unit_shift = 3;
    begin(&attr);
    ck_assert_uint_eq(stream.unit_shift, 3);
    ntfs_stream_close(&rig.vol, &stream);
}
END_TEST

/* A device cut short: what is there can be read. */
START_TEST(fails_where_the_device_ends)
{
    struct ntfs_attr attr = piece();
    uint8_t got[512];

    begin(&attr);
    rig.memory.base.size = 104 << SHIFT;
    rig.vol.cached_end = 104 << SHIFT;
    ck_assert_int_eq(ntfs_stream_read(&rig.vol, &stream, 3 << SHIFT, got, 512),
                     0);
    ck_assert_int_eq(ntfs_stream_read(&rig.vol, &stream, 4 << SHIFT, got, 512),
                     SHALE_EIO);
    ck_assert_ptr_nonnull(strstr(rig.said, "device ends before"));
    ck_assert_int_eq(ntfs_stream_fetch(&rig.vol, &stream, 4 << SHIFT, got,
                                       512), SHALE_EIO);
    ck_assert_int_eq(ntfs_stream_read(&rig.vol, &stream, 10 << SHIFT, got,
                                      512), 0);
    ntfs_stream_close(&rig.vol, &stream);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/stream");
    TCase *tc = tcase_create("stream");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, reads);
    tcase_add_test(tc, ends_where_it_was_written);
    tcase_add_test(tc, copies_what_is_resident);
    tcase_add_test(tc, goes_on);
    tcase_add_loop_test(tc, checks, 0, sizeof bad / sizeof bad[0]);
    tcase_add_test(tc, may_be_empty);
    tcase_add_test(tc, assumes_a_unit);
    tcase_add_test(tc, fails_where_the_device_ends);
    suite_add_tcase(s, tc);
    return s;
}
