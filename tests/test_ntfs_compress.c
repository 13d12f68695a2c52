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

/* From now on a chunk may be all that is unpacked of a unit. */
static void remember(struct pretend *p)
{
    ck_assert_int_eq(ntfs_lately_create(&p->vol, &p->vn.data, &p->vn.lately),
                     0);
}

/* By whole units, by chunks, and by what was asked for lately. */
static void same_anyhow(struct pretend *p, const uint8_t *want)
{
    pretend_same(p, want);
    remember(p);
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

        ck_assert_int_eq(pretend_map(&p, want_extents[i].offset, 1, &e),
                         0);
        ck_assert_uint_eq(e.offset, want_extents[i].start);
        ck_assert_msg(e.length == want_extents[i].length, "%zu: %u", i,
                      (unsigned)e.length);
        ck_assert_int_eq(e.kind, want_extents[i].kind);
    }
    pretend_close(&p);
}
END_TEST

/* Who asks for little gets a chunk; then it is before that, or behind. */
START_TEST(little_is_a_chunk_at_first)
{
    static const struct {
        uint64_t offset, len, start, length;
        bool taken;             /* and unpacked */
    } asked[] = {
        { UNIT + 4096, 4096, UNIT + 4096, 4096, false },
        { UNIT, 1, UNIT, 4096, true },
        { UNIT + 4096, 1, UNIT + 4096, 4096, true },
        { UNIT + 4000, 200, UNIT, 4096, true },
        { UNIT, UNIT, UNIT, UNIT, true },           /* straight to a reader */
        { UNIT + 5000, 1, UNIT + 4096, 4096, true },
        { 3 * UNIT + 1, 4096, 3 * UNIT, UNIT, true },
        { 3 * UNIT, 1, 3 * UNIT, UNIT, true },
        { 6 * UNIT + 5000, 3192, 6 * UNIT + 4096, 4096, true },
        { 6 * UNIT, 8192, 6 * UNIT, UNIT, false },
        { 6 * UNIT, 8191, 6 * UNIT, 4096, true },
        { 6 * UNIT + 5000, 3192, 6 * UNIT + 4096, 4096, true },
        { 8 * UNIT + 5, 1, 8 * UNIT, 77, true },
    };
    static uint8_t want[9 * UNIT], got[UNIT];
    struct pretend p;

    make_file(&p, want, 1, 8 * UNIT + 77, 8 * UNIT + 77);
    remember(&p);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        struct shale_extent e = { 0 };

        ck_assert_int_eq(pretend_map(&p, asked[i].offset, asked[i].len,
                                     &e), 0);
        ck_assert_int_eq(e.kind, SHALE_EXTENT_ENCODED);
        ck_assert_msg(e.offset == asked[i].start &&
                      e.length == asked[i].length, "%zu: %u, %u", i,
                      (unsigned)e.offset, (unsigned)e.length);
        if (asked[i].taken) {
            ck_assert_int_eq(ntfs_decode(&p.vn.base, &e, got), 0);
            ck_assert_mem_eq(got, want + e.offset, e.length);
        }
    }
    pretend_close(&p);
}
END_TEST

#define MANY_UNITS 64u
#define MANY_UNIT 65536u        /* of 128 clusters */

/*
 * Random reads of 4 KiB, by who keeps what he got: no byte of a file of many
 * units is unpacked twice, and a unit in no more than three parts.
 */
START_TEST(nothing_is_unpacked_twice)
{
    const size_t size = MANY_UNITS * (size_t)MANY_UNIT, chunk = 4096;
    uint8_t *times = calloc(size, 1), *got = malloc(MANY_UNIT);
    unsigned parts[MANY_UNITS] = { 0 };
    uint32_t seed = 1;
    struct pretend p;

    pretend_open(&p, SHIFT, MANY_UNITS + 1);
    p.vn.data.flags = 1;
    p.vn.data.unit_shift = 7;
    for (unsigned i = 0; i < MANY_UNITS; i++) {
        uint8_t *end = pack(pretend_at(&p, i), 'A', 16);

        end[0] = end[1] = 0;
    }
    /* All units are one cluster and a hole: 64 runs for the table. */
    p.vn.data.runs.room = 2 * MANY_UNITS;
    p.vn.data.runs.list = shale_alloc_array(p.mem, 2 * MANY_UNITS,
                                            sizeof(struct ntfs_run));
    for (unsigned i = 0; i < MANY_UNITS; i++) {
        pretend_run(&p, &p.vn.data, i, 1);
        pretend_run(&p, &p.vn.data, NTFS_HOLE, 127);
    }
    pretend_size(&p, size - 9000, size - 9000);     /* in part of a chunk */
    remember(&p);
    for (unsigned n = 0; n < 20000; n++) {
        struct shale_extent e = { 0 };
        size_t at, len = chunk;

        seed = seed * 1103515245 + 12345;
        at = (seed >> 8) % (size / chunk) * chunk;
        if (at >= p.vn.base.size)
            continue;
        if (len > p.vn.base.size - at)
            len = (size_t)p.vn.base.size - at;
        pretend_need(!pretend_map(&p, at, len, &e), p.said, at);
        pretend_need(e.offset <= at && e.offset + e.length >= at + len,
                     "not what was asked for", at);
        if (times[e.offset] > 0)
            continue;           /* it is kept */
        pretend_need(!ntfs_decode(&p.vn.base, &e, got), p.said, at);
        parts[at / MANY_UNIT]++;
        for (size_t i = 0; i < e.length; i++) {
            size_t to = (size_t)e.offset + i;

            pretend_need(++times[to] == 1, "unpacked twice", to);
            pretend_need(got[i] == 'A' + to % MANY_UNIT / chunk,
                         "another byte", to);
        }
    }
    for (unsigned i = 0; i < MANY_UNITS; i++)
        ck_assert_msg(parts[i] > 0 && parts[i] <= 3, "%u: %u parts", i,
                      parts[i]);
    free(times);
    free(got);
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
        { 16, 4, 1048576 },    { 8, 5, 8192 },         { 8, 12, 1048576 },
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
        { 1, 9, 12, "1 MiB" },          { 1, 17, 4, "1 MiB" },
        { 1, 9, 60, "1 MiB" },          { 1, 21, 4, "1 MiB" },
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
    tcase_add_test(good, nothing_is_unpacked_twice);
    tcase_add_loop_test(good, units_are_of_many_sizes, 0, 9);
    suite_add_tcase(s, good);
    tcase_add_loop_test(bad, broken_units_are_told, 0, 5);
    tcase_add_test(bad, holes_are_behind);
    tcase_add_loop_test(bad, other_methods_are_refused, 0, 6);
    suite_add_tcase(s, bad);
    return s;
}
