/* test_ntfs_wof.c - files packed by WOF: tables, chunks, and what breaks */
#include "suite.h"
#include "test_ntfs_pretend.h"

#define SHIFT 12
#define SIZE_MOST 65537u        /* of a file here, but for a large one */

/* A record with a reparse point and an unnamed stream of 17 units' name. */
struct record {
    struct ntfs_record head;
    uint8_t bytes[1024];
};

static void put16(uint8_t *to, unsigned x)
{
    to[0] = (uint8_t)x;
    to[1] = (uint8_t)(x >> 8);
}

static void put32(uint8_t *to, uint32_t x)
{
    put16(to, x & 0xffff);
    put16(to + 2, x >> 16);
}

static void put64(uint8_t *to, uint64_t x)
{
    put32(to, (uint32_t)x);
    put32(to + 4, (uint32_t)(x >> 32));
}

/* A resident attribute of LEN bytes at TO. Returns where the next one goes. */
static uint8_t *put_resident(uint8_t *to, uint32_t type, const void *value,
                             uint32_t len)
{
    memset(to, 0, 24);
    put32(to, type);
    put32(to + 4, (24 + len + 7) & ~7u);
    put32(to + 16, len);
    put16(to + 20, 24);
    memcpy(to + 24, value, len);
    return to + ((24 + len + 7) & ~7u);
}

/* "WofCompressedData", SIZE bytes, in the clusters from LCN (below 128) on. */
static uint8_t *put_stream(uint8_t *to, uint64_t size, unsigned lcn)
{
    static const char name[] = "WofCompressedData";
    uint64_t clusters = (size + 4095) >> SHIFT;

    memset(to, 0, 112);
    put32(to, NTFS_DATA);
    put32(to + 4, 112);
    to[8] = 1;
    to[9] = 17;
    put16(to + 10, 64);
    put64(to + 24, clusters - 1);
    put16(to + 32, 98);
    put64(to + 40, clusters << SHIFT);
    put64(to + 48, size);
    put64(to + 56, size);
    for (unsigned i = 0; i < 17; i++)
        put16(to + 64 + 2 * i, (unsigned char)name[i]);
    to[98] = 0x14;
    put32(to + 99, (uint32_t)clusters);
    to[103] = (uint8_t)lcn;
    return to + 112;
}

static uint8_t *put_reparse(uint8_t *to, unsigned version, unsigned provider,
                            unsigned file_version, unsigned algorithm)
{
    uint8_t value[24] = { 0x17, 0, 0, 0x80, 16 };

    put32(value + 8, version);
    put32(value + 12, provider);
    put32(value + 16, file_version);
    put32(value + 20, algorithm);
    return put_resident(to, NTFS_REPARSE_POINT, value, sizeof value);
}

/* Load, as node.c does, a file of SIZE bytes whose stream has PACKED of them
   from cluster 2 on; 0: there is none. */
static void load(struct pretend *p, uint64_t size, uint64_t packed,
                 unsigned version, unsigned provider, unsigned file_version,
                 unsigned algorithm)
{
    struct ntfs_room room;
    struct record r = { 0 };
    uint8_t *to = r.bytes + 56;

    if (packed > 0)
        to = put_stream(to, packed, 2);
    to = put_reparse(to, version, provider, file_version, algorithm);
    put32(to, 0xffffffff);
    r.head = (struct ntfs_record){
        .number = PRETEND_INO, .at = 4096, .flags = NTFS_RECORD_IN_USE,
        .attrs = 56, .used = (uint32_t)(to + 8 - r.bytes), .bytes = r.bytes,
        .room = &room,
    };
    p->vol.boot.record_size = 1024;
    p->vn.base.size = p->vn.info.size = size;
    p->vn.info.reparse_tag = NTFS_TAG_WOF;
    ck_assert_int_eq(p->vol.extras.packed->wof_load(&p->vol, &r.head, &p->vn),
                     0);
}

/* ----------------------------------------------------------------- chunks */

/* Packed by another program: 32 KiB of 'x', as XPRESS. */
static size_t pack_run(uint8_t *to, size_t len)
{
    static const uint8_t rest[] = { 0x00, 0x38, 0x00, 0x00, 0xff };

    /* Two of 'x', and a match at distance 1 whose length is a word. */
    memset(to, 0, 256);
    to[60] = 0x01;
    to[128] = 0x02;
    to[135] = 0x20;
    memcpy(to + 256, rest, sizeof rest);
    put16(to + 256 + sizeof rest, (unsigned)(len - 2 - 3));
    return 256 + sizeof rest + 2;
}

static const struct {
    unsigned algorithm, chunk;
} kinds[] = {
    { NTFS_WOF_XPRESS4K, 4096 },
    { NTFS_WOF_XPRESS8K, 8192 },
    { NTFS_WOF_XPRESS16K, 16384 },
};

/*
 * Lay out a file of SIZE bytes at cluster 2: every third chunk as it is, the
 * others a run of 'x'. Returns how long the stream is.
 */
static size_t lay_out(struct pretend *p, uint8_t *want, size_t size,
                      size_t chunk)
{
    size_t chunks = (size + chunk - 1) / chunk, table = 4 * (chunks - 1);
    uint8_t *base = pretend_at(p, 2), *to = base + table;

    for (size_t i = 0; i < chunks; i++) {
        size_t len = size - i * chunk < chunk ? size - i * chunk : chunk;

        if (i > 0)
            put32(base + 4 * (i - 1), (uint32_t)((size_t)(to - base) - table));
        if (i % 3 == 2 || len < 300) {
            for (size_t j = 0; j < len; j++)
                to[j] = (uint8_t)(i + j * 3);
            memcpy(want + i * chunk, to, len);
            to += len;
        } else {
            memset(want + i * chunk, 'x', len);
            to += pack_run(to, len);
        }
    }
    return (size_t)(to - base);
}

START_TEST(reads_chunks)
{
    static const size_t counts[] = { 1, 4096, 4097, 50000, 65536, 65537, 4500 };
    static uint8_t want[SIZE_MOST];
    unsigned kind = (unsigned)_i % 3;
    size_t size = counts[_i / 3], packed;
    struct pretend p;

    pretend_open(&p, SHIFT, 64);
    packed = lay_out(&p, want, size, kinds[kind].chunk);
    load(&p, size, packed, 1, 2, 1, kinds[kind].algorithm);
    pretend_same(&p, want);
    pretend_close(&p);
}
END_TEST

START_TEST(broken_tables_are_told)
{
    static uint8_t want[50000];
    struct pretend p;
    uint8_t byte;
    size_t packed;

    pretend_open(&p, SHIFT, 64);
    packed = lay_out(&p, want, sizeof want, 4096);
    load(&p, sizeof want, packed, 1, 2, 1, NTFS_WOF_XPRESS4K);
    /* Chunk 4 begins where 5 does, behind it, or behind all. */
    put32(pretend_at(&p, 2) + 12, (uint32_t)_i == 0
              ? le32_get((le32){{ pretend_at(&p, 2)[16], pretend_at(&p, 2)[17],
                                  pretend_at(&p, 2)[18],
                                  pretend_at(&p, 2)[19] }})
              : _i == 1 ? 0x10000u : 0xfffffff0u);
    ck_assert_int_eq(pretend_read(&p, 4 * 4096 + 7, &byte, 1), SHALE_ECORRUPT);
    ck_assert_msg(strstr(p.said, _i ? "out of order" : "is empty"), "%s",
                  p.said);
    ck_assert_uint_ge(p.at, 2 * 4096);
    /* So the one before has more than it needs, or ends behind all. */
    ck_assert_int_eq(pretend_read(&p, 3 * 4096, &byte, 1),
                     _i ? SHALE_ECORRUPT : 0);
    ck_assert_int_eq(pretend_read(&p, 5 * 4096, &byte, 1), 0);
    ck_assert_int_eq(pretend_read(&p, 0, &byte, 1), 0);
    pretend_close(&p);
}
END_TEST

START_TEST(broken_chunks_are_told)
{
    static uint8_t want[50000];
    struct pretend p;
    uint8_t byte;
    size_t packed;

    pretend_open(&p, SHIFT, 64);
    packed = lay_out(&p, want, sizeof want, 4096);
    load(&p, sizeof want, packed, 1, 2, 1, NTFS_WOF_XPRESS4K);
    pretend_at(&p, 2)[4 * 12 + 60] = 0x55;
    ck_assert_int_eq(pretend_read(&p, 0, &byte, 1), SHALE_ECORRUPT);
    ck_assert_msg(strncmp(p.said, "ntfs: an XPRESS", 15) == 0, "%s", p.said);
    ck_assert_uint_ge(p.at, 2 * 4096);
    ck_assert_uint_lt(p.at, 2 * 4096 + packed);
    ck_assert_int_eq(pretend_read(&p, 4096, &byte, 1), 0);
    pretend_close(&p);
}
END_TEST

/* The entries of a file of 4 GiB and more have 8 bytes. */
START_TEST(tables_are_wide_from_4_gib_on)
{
    const uint64_t sizes[] = { UINT32_MAX, UINT64_C(1) << 32 };
    uint64_t size = sizes[_i], chunks = (size + 16383) >> 14;
    uint64_t width = _i ? 8 : 4, table = (chunks - 1) * width;
    struct pretend p;
    uint8_t *base, byte = 0;

    pretend_open(&p, SHIFT, 1024);
    base = pretend_at(&p, 2);
    memset(base, 0, (size_t)table);
    /* Two chunks are there: the first, and the last one but one. */
    (void)pack_run(base + table, 16384);
    for (uint64_t i = 1; i < chunks; i++) {
        uint64_t start = 263 * i;

        if (_i)
            put64(base + (i - 1) * 8, start);
        else
            put32(base + (i - 1) * 4, (uint32_t)start);
    }
    load(&p, size, table + 263 * 2, 1, 2, 1, NTFS_WOF_XPRESS16K);
    ck_assert_int_eq(pretend_read(&p, 16383, &byte, 1), 0);
    ck_assert_uint_eq(byte, 'x');
    ck_assert_int_eq(pretend_read(&p, 16384 * 5, &byte, 1), SHALE_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(p.said, "out of order"));
    ck_assert_int_eq(pretend_read(&p, size - 1, &byte, 1), SHALE_ECORRUPT);
    pretend_close(&p);
}
END_TEST

static const struct {
    unsigned version, provider, file_version, algorithm;
    uint64_t packed;
    int err;
    const char *said;
} refused[] = {
    { 1, 1, 1, 0, 4096, SHALE_ENOTSUP, "WIMBoot" },
    { 2, 2, 1, 0, 4096, SHALE_ENOTSUP, "not known" },
    { 1, 3, 1, 0, 4096, SHALE_ENOTSUP, "not known" },
    { 1, 2, 2, 0, 4096, SHALE_ENOTSUP, "not known" },
    { 1, 2, 1, 4, 4096, SHALE_ENOTSUP, "not known" },
    { 1, 2, 1, UINT32_MAX, 4096, SHALE_ENOTSUP, "not known" },
    { 1, 2, 1, 0, 0, SHALE_ECORRUPT, "lacks the data" },
    { 1, 2, 1, 0, 39, SHALE_ECORRUPT, "cut short" },
};

START_TEST(others_are_refused_when_read)
{
    struct pretend p;
    uint8_t byte;

    pretend_open(&p, SHIFT, 64);
    load(&p, 4096 * 11, refused[_i].packed, refused[_i].version,
         refused[_i].provider, refused[_i].file_version, refused[_i].algorithm);
    ck_assert_int_eq(pretend_read(&p, 0, &byte, 1), refused[_i].err);
    ck_assert_msg(strstr(p.said, refused[_i].said), "%s", p.said);
    pretend_close(&p);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/wof");
    TCase *tc = tcase_create("wof");

    tcase_add_loop_test(tc, reads_chunks, 0, 21);
    tcase_add_loop_test(tc, broken_tables_are_told, 0, 3);
    tcase_add_test(tc, broken_chunks_are_told);
    tcase_add_loop_test(tc, tables_are_wide_from_4_gib_on, 0, 2);
    tcase_add_loop_test(tc, others_are_refused_when_read, 0,
                        sizeof refused / sizeof refused[0]);
    suite_add_tcase(s, tc);
    return s;
}
