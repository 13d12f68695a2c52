/* test_ntfs_runlist.c - mapping pairs, good and bad */
#include "suite.h"
#include "test_ntfs_pretend.h"

#define CLUSTERS 0x10000u
#define HOLE     NTFS_HOLE

static struct pretend rig;

static void setup(void)
{
    pretend_open(&rig, 8, CLUSTERS);
}

static void teardown(void)
{
    pretend_close(&rig);
}

/* ------------------------------------------------------------- one piece */

static const struct {
    const char *what;
    uint8_t bytes[24];
    size_t size;
    uint64_t last;
    size_t count;
    struct ntfs_run runs[3];
} good[] = {
    { "one run", { 0x21, 0x18, 0x34, 0x56 }, 4, 23, 1, { { 0, 0x5634, 24 } } },
    { "$Boot, at cluster 0", { 0x11, 8, 0, 0 }, 4, 7, 1, { { 0, 0, 8 } } },
    { "no zero at the end", { 0x11, 8, 1 }, 3, 7, 1, { { 0, 1, 8 } } },
    { "length is unsigned", { 0x11, 0x80, 1 }, 3, 127, 1, { { 0, 1, 128 } } },
    { "distance is signed", { 0x11, 4, 0x40, 0x11, 4, 0xe0, 0 }, 7, 7, 2,
      { { 0, 0x40, 4 }, { 4, 0x20, 4 } } },
    { "distance of 8 bytes",
      { 0x81, 1, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0 }, 11, 0, 1,
      { { 0, 0xffff, 1 } } },
    { "length of 8 bytes", { 0x18, 3, 0, 0, 0, 0, 0, 0, 0, 5, 0 }, 11, 2, 1,
      { { 0, 5, 3 } } },
    { "the whole volume", { 0x13, 0, 0, 1, 0, 0 }, 6, 0xffff, 1,
      { { 0, 0, 0x10000 } } },
    { "hole", { 0x01, 0x40, 0 }, 3, 63, 1, { { 0, HOLE, 64 } } },
    { "hole past the volume", { 0x03, 0, 0, 2, 0 }, 5, 131071, 1,
      { { 0, HOLE, 131072 } } },
    { "distance is from the last that is somewhere",
      { 0x11, 2, 0x10, 0x01, 5, 0x11, 2, 0x10, 0 }, 9, 8, 3,
      { { 0, 0x10, 2 }, { 2, HOLE, 5 }, { 7, 0x20, 2 } } },
    { "runs in a row are one", { 0x11, 2, 0x10, 0x11, 3, 2, 0 }, 7, 4, 1,
      { { 0, 0x10, 5 } } },
    { "so are holes", { 0x01, 2, 0x01, 3, 0 }, 5, 4, 1, { { 0, HOLE, 5 } } },
    { "not those that go back", { 0x11, 2, 0x10, 0x11, 2, 0xfe, 0 }, 7, 3, 2,
      { { 0, 0x10, 2 }, { 2, 0xe, 2 } } },
    { "no clusters", { 0 }, 1, UINT64_MAX, 0, { { 0, 0, 0 } } },
    { "nothing at all", { 0 }, 0, UINT64_MAX, 0, { { 0, 0, 0 } } },
};

START_TEST(decodes)
{
    struct ntfs_runs runs = { .list = NULL };
    int err = ntfs_runs_decode(&rig.vol, &runs, good[_i].bytes, good[_i].size,
                               good[_i].last, 100, 7);

    ck_assert_msg(err == 0, "%s: %d, %s", good[_i].what, err, rig.said);
    ck_assert_msg(runs.count == good[_i].count, "%s", good[_i].what);
    ck_assert_uint_eq(runs.end, good[_i].last + 1);
    for (size_t i = 0; i < runs.count; i++) {
        ck_assert_uint_eq(runs.list[i].vcn, good[_i].runs[i].vcn);
        ck_assert_uint_eq(runs.list[i].lcn, good[_i].runs[i].lcn);
        ck_assert_uint_eq(runs.list[i].count, good[_i].runs[i].count);
    }
    ntfs_runs_free(&rig.vol, &runs);
}
END_TEST

static const struct {
    const char *what;
    uint8_t bytes[24];
    size_t size;
    uint64_t last;
    const char *said;
} bad[] = {
    { "length is zero", { 0x11, 0, 5 }, 3, 0, "no clusters" },
    { "no width of length", { 0x10, 5 }, 2, 0, "width" },
    { "length of 9 bytes", { 0x19, 1, 0, 0, 0, 0, 0, 0, 0, 0, 5 }, 11, 0,
      "width" },
    { "distance of 9 bytes", { 0x91, 1, 5, 0, 0, 0, 0, 0, 0, 0, 0 }, 11, 0,
      "width" },
    { "no length byte", { 0x11 }, 1, 0, "past the attribute" },
    { "cut inside the distance", { 0x21, 0x18, 0x34 }, 3, 23,
      "past the attribute" },
    { "before the volume", { 0x11, 1, 0xff }, 3, 0, "leaves the volume" },
    { "past the volume", { 0x31, 1, 0, 0, 1 }, 5, 0, "leaves the volume" },
    { "its last cluster past it", { 0x31, 2, 0xff, 0xff, 0 }, 5, 1,
      "leaves the volume" },
    { "length wraps around",
      { 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1 }, 10, 100,
      "go on past" },
    { "the sum wraps around",
      { 0x11, 8, 1, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
      12, 100, "go on past" },
    { "longer than the attribute", { 0x11, 8, 1 }, 3, 6, "go on past" },
    { "shorter than the attribute", { 0x11, 8, 1, 0 }, 4, 8, "end before" },
    { "clusters of an attribute without", { 0x11, 8, 1, 0 }, 4, UINT64_MAX,
      "go on past" },
    { "so many that they are none again",
      { 0x08, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x11, 1, 1, 0x08, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0x7f, 0 }, 22, UINT64_MAX, "go on past" },
    { "none of an attribute with some", { 0 }, 1, 0, "end before" },
    { "a hole of more than any file",
      { 0x08, 0, 0, 0, 0, 0, 0, 0, 0x10 }, 9,
      UINT64_C(0x0fffffffffffffff), "more clusters" },
};

START_TEST(refuses)
{
    struct ntfs_runs runs = { .list = NULL };
    int err = ntfs_runs_decode(&rig.vol, &runs, bad[_i].bytes, bad[_i].size,
                               bad[_i].last, 100, 7);

    ck_assert_msg(err == SHALE_ECORRUPT, "%s: %d", bad[_i].what, err);
    ck_assert_msg(strstr(rig.said, bad[_i].said), "%s: %s", bad[_i].what,
                  rig.said);
    ck_assert_uint_eq(rig.at, 100);
    ck_assert_uint_eq(rig.ino, 7);
    ntfs_runs_free(&rig.vol, &runs);
}
END_TEST

/* ----------------------------------------------------------- many pieces */

/* Pieces grow one list; each run is found by its first and last cluster. */
START_TEST(grows_and_finds)
{
    struct ntfs_runs runs = { .list = NULL };
    uint64_t vcn = 0;

    for (unsigned piece = 0; piece < 250; piece++) {
        /* Two runs each: of 1 + piece % 7 clusters, and a hole of 3. */
        uint8_t count = (uint8_t)(1 + piece % 7);
        uint8_t bytes[] = { 0x21, count, (uint8_t)piece, 0x40, 0x01, 3, 0 };

        vcn += count + 3u;
        ck_assert_int_eq(ntfs_runs_decode(&rig.vol, &runs, bytes, sizeof bytes,
                                          vcn - 1, 100, 7), 0);
        ck_assert_uint_eq(runs.end, vcn);
    }
    ck_assert_uint_eq(runs.count, 500);
    for (size_t i = 0; i < runs.count; i++) {
        const struct ntfs_run *run = &runs.list[i];

        ck_assert_uint_eq(run->lcn, i % 2 ? HOLE : 0x4000 + i / 2);
        ck_assert_ptr_eq(ntfs_runs_find(&runs, run->vcn), run);
        ck_assert_ptr_eq(ntfs_runs_find(&runs, run->vcn + run->count - 1),
                         run);
    }
    ntfs_runs_free(&rig.vol, &runs);
    ck_assert_uint_eq(runs.count, 0);
}
END_TEST

/* Whatever the bytes are: an answer, and runs in the volume and in order. */
START_TEST(stands_any_bytes)
{
    uint32_t seed = 1;

    for (unsigned n = 0; n < 200000; n++) {
        struct ntfs_runs runs = { .list = NULL };
        uint8_t bytes[16];
        uint64_t vcn = 0;

        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(seed >> 24 & (i % 3 ? 0xff : 0x33));
        }
        ntfs_runs_decode(&rig.vol, &runs, bytes, seed >> 8 & 15,
                         seed >> 12 & 0xffff, 100, 7);
        for (size_t i = 0; i < runs.count; i++) {
            const struct ntfs_run *run = &runs.list[i];

            ck_assert_uint_eq(run->vcn, vcn);
            ck_assert(run->lcn == HOLE ||
                      (run->lcn < CLUSTERS &&
                       run->count <= CLUSTERS - run->lcn));
            vcn += run->count;
        }
        ck_assert_uint_eq(runs.end, vcn);
        ntfs_runs_free(&rig.vol, &runs);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/runlist");
    TCase *tc = tcase_create("runs");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, decodes, 0, sizeof good / sizeof good[0]);
    tcase_add_loop_test(tc, refuses, 0, sizeof bad / sizeof bad[0]);
    tcase_add_test(tc, grows_and_finds);
    tcase_add_test(tc, stands_any_bytes);
    suite_add_tcase(s, tc);
    return s;
}
