/* test_ntfs_compress.c - compression units: plain, packed, holes, and bad */
#include "suite.h"
#include "test_ntfs_pretend.h"

#define SHIFT 9
#define CLUSTER 512u
#define UNIT 8192u              /* of 16 clusters */

/* ------------------------------------------------------- what is packed */

/* Pack COUNT chunks at TO: LETTER, and the next ones, 4096 times each. */
static uint8_t *pack(uint8_t *to, char letter, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const uint8_t chunk[6] = { 0x03, 0xb0, 0x02, (uint8_t)(letter + (int)i),
                                   0xfc, 0x0f };

        memcpy(to, chunk, sizeof chunk);
        to += sizeof chunk;
    }
    return to;
}

static void fill(uint8_t *want, char letter, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        memset(want + i * 4096, letter + (int)i, 4096);
}

/*
 * Nine units of every kind, the last one as LAST says: 0 three clusters and
 * the runs' end; 1 the same, packed, and a hole behind; 2 a hole; 3 full.
 */
static void make_file(struct pretend *p, uint8_t *want, int last, uint64_t size,
                      uint64_t valid)
{
    struct ntfs_stream *data = &p->vn.data;
    uint8_t *end;

    pretend_open(p, SHIFT, 512);
    data->flags = 1;
    data->unit_shift = 4;
    /* 0: plain, in two runs */
    pretend_run(p, data, 100, 10);
    pretend_run(p, data, 200, 6);
    memcpy(want, pretend_at(p, 100), 10 * CLUSTER);
    memcpy(want + 10 * CLUSTER, pretend_at(p, 200), 6 * CLUSTER);
    /* 1: packed in one cluster */
    pretend_run(p, data, 50, 1);
    end = pack(pretend_at(p, 50), 'a', 2);
    end[0] = end[1] = 0;
    fill(want + UNIT, 'a', 2);
    /* The holes of 1 and, whole, 2 are one run. */
    pretend_run(p, data, NTFS_HOLE, 15 + 16);
    memset(want + 2 * UNIT, 0, UNIT);
    /* 3: packed in three clusters of two runs, a stored chunk across them */
    pretend_run(p, data, 7, 1);
    pretend_run(p, data, 300, 9);
    pretend_run(p, data, NTFS_HOLE, 6);
    {
        static uint8_t packed[10 * CLUSTER];

        end = pack(packed, 'z', 1);
        *end++ = 0xff;
        *end++ = 0x3f;
        for (unsigned i = 0; i < 4096; i++)
            end[i] = (uint8_t)(i * 11 + i / 256);
        memcpy(want + 3 * UNIT + 4096, end, 4096);
        end[4096] = end[4097] = 0;
        fill(want + 3 * UNIT, 'z', 1);
        memcpy(pretend_at(p, 7), packed, CLUSTER);
        memcpy(pretend_at(p, 300), packed + CLUSTER, 9 * CLUSTER);
    }
    /* 4 and 5: plain, in one run that goes on in 6, which is packed */
    pretend_run(p, data, 400, 34);
    pretend_run(p, data, NTFS_HOLE, 14 + 16);
    memcpy(want + 4 * UNIT, pretend_at(p, 400), 2 * UNIT);
    end = pack(pretend_at(p, 432), 'm', 2);
    end[0] = end[1] = 0;
    fill(want + 6 * UNIT, 'm', 2);
    /* 7: the hole above */
    memset(want + 7 * UNIT, 0, UNIT);
    /* 8 */
    memset(want + 8 * UNIT, 0, UNIT);
    switch (last) {
    case 0:
        pretend_run(p, data, 20, 3);
        memcpy(want + 8 * UNIT, pretend_at(p, 20), 3 * CLUSTER);
        break;
    case 1:
        pretend_run(p, data, 20, 1);
        pretend_run(p, data, NTFS_HOLE, 15);
        end = pack(pretend_at(p, 20), 'q', 1);
        end[0] = end[1] = 0;
        fill(want + 8 * UNIT, 'q', 1);
        break;
    case 2:
        pretend_run(p, data, NTFS_HOLE, 16);
        break;
    default:
        pretend_run(p, data, 20, 16);
        memcpy(want + 8 * UNIT, pretend_at(p, 20), UNIT);
        break;
    }
    pretend_size(p, size, valid);
    if (valid < size)
        memset(want + valid, 0, 9 * UNIT - (size_t)valid);
}

/* ------------------------------------------------------------------ good */

/* By whole units, by chunks, and by what was asked for lately. */
static void same_anyhow(struct pretend *p, const uint8_t *want)
{
    pretend_same(p, want);
    p->vn.lately = p->lately;
    pretend_same(p, want);
    p->forgets = true;
    pretend_same(p, want);
}

START_TEST(reads_units_of_every_kind)
{
    static uint8_t want[9 * UNIT];
    static const uint64_t sizes[] = {
        8 * UNIT + 1, 8 * UNIT + 511, 8 * UNIT + 3 * CLUSTER,
    };
    uint64_t size = sizes[_i % 3];
    struct pretend p;

    make_file(&p, want, _i / 3, size, size);
    same_anyhow(&p, want);
    pretend_close(&p);
}
END_TEST

START_TEST(reads_every_last_unit)
{
    static uint8_t want[9 * UNIT];
    uint64_t size = 8 * UNIT + 1 + (uint64_t)_i * 1131;
    struct pretend p;

    for (int last = 1; last < 4; last++) {
        /* A unit that ends where its data does may be followed by zeros only
           up to there: the packed one has 4096 bytes. */
        if (last == 1 && size > 8 * UNIT + 4096)
            continue;
        make_file(&p, want, last, size, size);
        same_anyhow(&p, want);
        pretend_close(&p);
    }
}
END_TEST

/* Whatever is packed behind the valid-data length, zeros are read. */
START_TEST(valid_data_ends)
{
    static uint8_t want[9 * UNIT];
    uint64_t valid = (uint64_t)_i * 5021;
    struct pretend p;

    if (valid > 8 * UNIT + 3 * CLUSTER)
        valid = 8 * UNIT + 3 * CLUSTER;
    make_file(&p, want, 0, 8 * UNIT + 3 * CLUSTER, valid);
    same_anyhow(&p, want);
    pretend_close(&p);
}
END_TEST

START_TEST(extents_join_what_is_alike)
{
    static const struct {
        uint64_t offset, start, length;
        enum shale_extent_kind kind;
    } want_extents[] = {
        { 100, 100, 10 * CLUSTER - 100, SHALE_EXTENT_DATA },
        { 10 * CLUSTER, 10 * CLUSTER, 6 * CLUSTER, SHALE_EXTENT_DATA },
        { UNIT + 5000, UNIT, UNIT, SHALE_EXTENT_ENCODED },
        { 2 * UNIT + 1, 2 * UNIT + 1, UNIT - 1, SHALE_EXTENT_HOLE },
        { 4 * UNIT - 1, 3 * UNIT, UNIT, SHALE_EXTENT_ENCODED },
        { 4 * UNIT, 4 * UNIT, 2 * UNIT, SHALE_EXTENT_DATA },
        { 5 * UNIT, 5 * UNIT, UNIT, SHALE_EXTENT_DATA },
        { 6 * UNIT, 6 * UNIT, UNIT, SHALE_EXTENT_ENCODED },
        { 7 * UNIT, 7 * UNIT, UNIT, SHALE_EXTENT_HOLE },
        { 8 * UNIT + 9, 8 * UNIT, 77, SHALE_EXTENT_ENCODED },
    };
    static uint8_t want[9 * UNIT];
    struct pretend p;

    make_file(&p, want, 1, 8 * UNIT + 77, 8 * UNIT + 77);
    for (size_t i = 0; i < sizeof want_extents / sizeof want_extents[0]; i++) {
        struct shale_extent e = { 0 };

        ck_assert_int_eq(ntfs_map(&p.vn.base, want_extents[i].offset, 1, &e),
                         0);
        ck_assert_uint_eq(e.offset, want_extents[i].start);
        ck_assert_msg(e.length == want_extents[i].length, "%zu: %u", i,
                      (unsigned)e.length);
        ck_assert_int_eq(e.kind, want_extents[i].kind);
    }
    pretend_close(&p);
}
END_TEST

/* Who asks for little gets a chunk, unless he has asked that unit before. */
START_TEST(little_is_a_chunk_at_first)
{
    static const struct {
        uint64_t offset, len, start, length;
    } asked[] = {
        { UNIT + 4096, 4096, UNIT + 4096, 4096 },
        { UNIT, 1, UNIT, UNIT },
        { 3 * UNIT + 1, 4096, 3 * UNIT, UNIT },
        { 3 * UNIT, 1, 3 * UNIT, UNIT },
        { 6 * UNIT + 5000, 3192, 6 * UNIT + 4096, 4096 },
        { 8 * UNIT + 5, 1, 8 * UNIT, 77 },
    };
    static uint8_t want[9 * UNIT];
    struct pretend p;

    make_file(&p, want, 1, 8 * UNIT + 77, 8 * UNIT + 77);
    p.vn.lately = p.lately;
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        struct shale_extent e = { 0 };

        ck_assert_int_eq(ntfs_map(&p.vn.base, asked[i].offset, asked[i].len,
                                  &e), 0);
        ck_assert_int_eq(e.kind, SHALE_EXTENT_ENCODED);
        ck_assert_msg(e.offset == asked[i].start &&
                      e.length == asked[i].length, "%zu", i);
    }
    pretend_close(&p);
}
END_TEST

/* Units of 2 clusters to 64 KiB clusters' 16, and where none is said: 16. */
START_TEST(units_are_of_many_sizes)
{
    static const struct {
        unsigned cluster_shift, unit_shift, unit;
    } sizes[] = {
        { 12, 1, 8192 },       { 9, 4, 8192 },         { 9, 0, 8192 },
        { 10, 4, 16384 },      { 11, 4, 32768 },       { 12, 4, 65536 },
        { 16, 4, 1048576 },    { 8, 5, 8192 },         { 20, 4, 16777216 },
    };
    unsigned unit = sizes[_i].unit;
    unsigned clusters = unit >> sizes[_i].cluster_shift;
    uint8_t *want = malloc(2 * (size_t)unit);
    struct pretend p;
    uint8_t *end;

    pretend_open(&p, sizes[_i].cluster_shift, 2 * clusters + 2);
    p.vn.data.flags = 1;
    p.vn.data.unit_shift = sizes[_i].unit_shift;
    pretend_run(&p, &p.vn.data, 1, clusters - 1);
    pretend_run(&p, &p.vn.data, NTFS_HOLE, 1);
    pretend_run(&p, &p.vn.data, clusters, clusters);
    end = pretend_at(&p, 1);
    for (unsigned i = 0; i < unit / 4096; i++)
        end = pack(end, 'A' + (char)(i % 64), 1);
    if ((size_t)(end - pretend_at(&p, 1)) + 2 <=
        (size_t)(clusters - 1) << sizes[_i].cluster_shift)
        end[0] = end[1] = 0;
    for (unsigned i = 0; i < unit / 4096; i++)
        memset(want + i * 4096, 'A' + (int)(i % 64), 4096);
    memcpy(want + unit, pretend_at(&p, clusters), unit);
    pretend_size(&p, 2 * (uint64_t)unit - 10, 2 * (uint64_t)unit - 10);
    ck_assert_int_eq(pretend_read(&p, 0, want + 2 * unit - 10, 0), 0);
    {
        uint8_t *got = malloc(2 * (size_t)unit);

        ck_assert_int_eq(pretend_read(&p, 0, got, 2 * unit - 10), 0);
        ck_assert_mem_eq(got, want, 2 * unit - 10);
        free(got);
    }
    free(want);
    pretend_close(&p);
}
END_TEST

/* ------------------------------------------------------------------- bad */

/* Nothing is read of a unit that is broken, and the place is told. */
START_TEST(broken_units_are_told)
{
    static const struct {
        const char *said;
        unsigned at;            /* byte of cluster 50, in unit 1 */
        uint8_t byte;
    } cases[] = {
        { "signature", 1, 0xa0 },       { "signature", 7, 0x80 },
        { "ends before", 6, 0 },        { "runs past", 1, 0xbf },
        { "more than", 4, 0xfd },
    };
    static uint8_t want[9 * UNIT], got[9 * UNIT];
    struct pretend p;

    make_file(&p, want, 0, 8 * UNIT + 9, 8 * UNIT + 9);
    if (cases[_i].byte == 0)
        memset(pretend_at(&p, 50) + cases[_i].at, 0, 2);
    else
        pretend_at(&p, 50)[cases[_i].at] = cases[_i].byte;
    ck_assert_int_eq(pretend_read(&p, UNIT, got, 1), SHALE_ECORRUPT);
    ck_assert_msg(strstr(p.said, cases[_i].said), "%s", p.said);
    ck_assert_msg(strncmp(p.said, "ntfs: ", 6) == 0, "%s", p.said);
    ck_assert_uint_ge(p.at, 50 * CLUSTER);
    ck_assert_uint_lt(p.at, 51 * CLUSTER);
    ck_assert_uint_eq(p.ino, PRETEND_INO);
    /* The others are not concerned. */
    ck_assert_int_eq(pretend_read(&p, 0, got, UNIT), 0);
    ck_assert_int_eq(pretend_read(&p, 2 * UNIT, got, 6 * UNIT), 0);
    ck_assert_mem_eq(got, want + 2 * UNIT, 6 * UNIT);
    pretend_close(&p);
}
END_TEST

START_TEST(holes_are_behind)
{
    struct pretend p;
    uint8_t byte;

    pretend_open(&p, SHIFT, 64);
    p.vn.data.flags = 1;
    p.vn.data.unit_shift = 4;
    pretend_run(&p, &p.vn.data, 3, 2);
    pretend_run(&p, &p.vn.data, NTFS_HOLE, 4);
    pretend_run(&p, &p.vn.data, 5, 10);
    pretend_size(&p, UNIT, UNIT);
    ck_assert_int_eq(pretend_read(&p, 0, &byte, 1), SHALE_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(p.said, "hole in its middle"));
    pretend_close(&p);
}
END_TEST

START_TEST(other_methods_are_refused)
{
    static const struct {
        unsigned flags, cluster_shift, unit_shift;
        const char *said;
    } cases[] = {
        { 2, 9, 4, "not LZNT1" },       { 0xff, 9, 4, "not LZNT1" },
        { 1, 9, 16, "16 MiB" },         { 1, 21, 4, "16 MiB" },
        { 1, 9, 60, "16 MiB" },
    };
    struct pretend p;
    uint8_t byte;

    pretend_open(&p, cases[_i].cluster_shift, 4);
    p.vn.data.flags = (uint16_t)cases[_i].flags;
    p.vn.data.unit_shift = cases[_i].unit_shift;
    pretend_run(&p, &p.vn.data, 1, 2);
    pretend_size(&p, 700, 700);
    ck_assert_int_eq(pretend_read(&p, 0, &byte, 1), SHALE_ENOTSUP);
    ck_assert_msg(strstr(p.said, cases[_i].said), "%s", p.said);
    pretend_close(&p);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/compress");
    TCase *good = tcase_create("good"), *bad = tcase_create("bad");

    tcase_add_loop_test(good, reads_units_of_every_kind, 0, 12);
    tcase_add_loop_test(good, reads_every_last_unit, 0, UNIT / 1131);
    tcase_add_loop_test(good, valid_data_ends, 0, 8 * UNIT / 5021);
    tcase_add_test(good, extents_join_what_is_alike);
    tcase_add_test(good, little_is_a_chunk_at_first);
    tcase_add_loop_test(good, units_are_of_many_sizes, 0, 9);
    suite_add_tcase(s, good);
    tcase_add_loop_test(bad, broken_units_are_told, 0, 5);
    tcase_add_test(bad, holes_are_behind);
    tcase_add_loop_test(bad, other_methods_are_refused, 0, 5);
    suite_add_tcase(s, bad);
    return s;
}
