/* test_ntfs_attr.c - attributes in a record: what their heads may say */
#include "suite.h"
#include "test_ntfs_pretend.h"

static struct pretend rig;
static uint8_t bytes[1024];
static struct ntfs_record record;

static uint8_t *put(uint8_t *at, uint64_t value, unsigned width)
{
    for (; width > 0; width--, value >>= 8)
        *at++ = (uint8_t)value;
    return at;
}

/* A resident attribute of 8 bytes called "ab", then one of clusters, then the
   end. */
static void setup(void)
{
    uint8_t *at = bytes + 56;

    pretend_open(&rig, 12, 100);
    memset(bytes, 0, sizeof bytes);
    record = (struct ntfs_record){
        .number = 30, .at = 5000, .attrs = 56, .used = 56 + 40 + 80 + 8,
        .bytes = bytes,
    };
    put(at, NTFS_FILE_NAME, 4);
    put(at + 4, 40, 4);
    at[9] = 2;
    put(at + 10, 24, 2);
    put(at + 14, 7, 2);
    put(at + 16, 8, 4);
    put(at + 20, 32, 2);
    memcpy(at + 24, "a\0b\0", 4);
    memcpy(at + 32, "contents", 8);
    at += 40;
    put(at, NTFS_DATA, 4);
    put(at + 4, 80, 4);
    at[8] = 1;
    put(at + 12, NTFS_ATTR_SPARSE, 2);
    put(at + 16, 3, 8);
    put(at + 24, 9, 8);
    put(at + 32, 72, 2);
    put(at + 34, 4, 2);
    put(at + 40, 28672, 8);
    put(at + 48, 28000, 8);
    put(at + 56, 27000, 8);
    put(at + 64, 4096, 8);
    put(at + 72, 0x010711, 4);
    put(at + 80, UINT32_MAX, 4);
}

static void teardown(void)
{
    pretend_close(&rig);
}

START_TEST(decodes)
{
    static const uint16_t name[] = { 'a', 'b' }, other[] = { 'A', 'b' };
    uint32_t offset = record.attrs;
    struct ntfs_attr attr;

    ck_assert_int_eq(ntfs_attr_next(&rig.vol, &record, &offset, &attr), 1);
    ck_assert_uint_eq(offset, 56 + 40);
    ck_assert(attr.resident);
    ck_assert_uint_eq(attr.type, NTFS_FILE_NAME);
    ck_assert_uint_eq(attr.id, 7);
    ck_assert_uint_eq(attr.at, 5056);
    ck_assert_ptr_eq(attr.record, &record);
    ck_assert_uint_eq(attr.value_length, 8);
    ck_assert_mem_eq(attr.value, "contents", 8);
    ck_assert(ntfs_attr_is(&attr, NTFS_FILE_NAME, name, 2));
    ck_assert(!ntfs_attr_is(&attr, NTFS_FILE_NAME, other, 2));
    ck_assert(!ntfs_attr_is(&attr, NTFS_FILE_NAME, name, 1));
    ck_assert(!ntfs_attr_is(&attr, NTFS_FILE_NAME, NULL, 0));
    ck_assert(!ntfs_attr_is(&attr, NTFS_DATA, name, 2));

    ck_assert_int_eq(ntfs_attr_next(&rig.vol, &record, &offset, &attr), 1);
    ck_assert(!attr.resident);
    ck_assert_uint_eq(attr.flags, NTFS_ATTR_SPARSE);
    ck_assert_uint_eq(attr.first_vcn, 3);
    ck_assert_uint_eq(attr.last_vcn, 9);
    ck_assert_uint_eq(attr.unit_shift, 4);
    ck_assert_uint_eq(attr.allocated, 28672);
    ck_assert_uint_eq(attr.size, 28000);
    ck_assert_uint_eq(attr.initialized, 27000);
    ck_assert_uint_eq(attr.compressed, 4096);
    ck_assert_uint_eq(attr.pairs_length, 8);
    ck_assert(ntfs_attr_is(&attr, NTFS_DATA, NULL, 0));
    ck_assert_int_eq(ntfs_attr_next(&rig.vol, &record, &offset, &attr), 0);
    ck_assert_int_eq(ntfs_attr_next(&rig.vol, &record, &offset, &attr), 0);
}
END_TEST

/* The last field is there if there is a unit, whatever the flags say. */
START_TEST(knows_the_short_head)
{
    uint8_t *at = bytes + 96;
    uint32_t offset = 96;
    struct ntfs_attr attr;

    put(at + 32, 64, 2);
    put(at + 34, 0, 2);
    ck_assert_int_eq(ntfs_attr_next(&rig.vol, &record, &offset, &attr), 1);
    ck_assert_uint_eq(attr.compressed, 28672);
    ck_assert_ptr_eq(attr.pairs, at + 64);
    ck_assert_uint_eq(attr.pairs_length, 16);
}
END_TEST

/* One number each, in the first attribute or (from 96 on) the second. */
static const struct {
    const char *what;
    unsigned at;
    uint64_t value;
    unsigned width;
    const char *said;           /* NULL: no harm */
} cases[] = {
    { "length of 0", 60, 0, 4, "length that cannot be" },
    { "length less than a head", 60, 8, 4, "length that cannot be" },
    { "length of a head alone", 60, 16, 4, "runs past its attribute" },
    { "odd length", 60, 41, 4, "length that cannot be" },
    { "past the record", 60, 136, 4, "length that cannot be" },
    { "length of all ones", 60, UINT32_MAX & ~7u, 4, "length that cannot be" },
    { "a value longer than that", 72, 9, 4, "a value runs past" },
    { "a value of all ones", 72, UINT32_MAX, 4, "a value runs past" },
    { "a value that begins behind", 76, 41, 2, "a value runs past" },
    { "an empty one at the end", 76, 40, 2, "a value runs past" },
    { "a name longer than that", 65, 9, 1, "a name runs past" },
    { "a name that begins behind", 66, 41, 2, "a name runs past" },
    { "its last unit behind", 66, 38, 2, "a name runs past" },
    { "a name at the very end", 66, 36, 2, NULL },
    { "head shorter than clusters need", 100, 56, 4, "shorter than its head" },
    { "runs in the head", 128, 63, 2, "runs outside" },
    { "runs behind", 128, 81, 2, "runs outside" },
    { "no room for runs", 128, 80, 2, NULL },
    { "a unit of 2^17", 130, 17, 2, "too many clusters" },
    { "a unit of 2^16", 130, 16, 2, NULL },
};

START_TEST(checks)
{
    uint32_t offset = cases[_i].at < 96 ? 56 : 96;
    struct ntfs_attr attr;
    int found;

    put(bytes + cases[_i].at, cases[_i].value, cases[_i].width);
    found = ntfs_attr_next(&rig.vol, &record, &offset, &attr);
    if (!cases[_i].said) {
        ck_assert_msg(found == 1, "%s: %s", cases[_i].what, rig.said);
        return;
    }
    ck_assert_msg(found == SHALE_ECORRUPT && strstr(rig.said, cases[_i].said),
                  "%s: %d, %s", cases[_i].what, found, rig.said);
    ck_assert_uint_eq(offset, cases[_i].at < 96 ? 56 : 96);
    ck_assert_uint_eq(rig.at, 5000 + offset);
    ck_assert_uint_eq(rig.ino, 30);
}
END_TEST

/* The record says that less of it is in use than its attributes take. */
START_TEST(checks_the_end)
{
    for (uint32_t used = 56; used < 56 + 40 + 80 + 4; used++) {
        uint32_t offset = record.attrs;
        struct ntfs_attr attr;
        int found;

        record.used = used;
        do
            found = ntfs_attr_next(&rig.vol, &record, &offset, &attr);
        while (found == 1);
        ck_assert_msg(found == SHALE_ECORRUPT, "%u: %d", used, found);
    }
}
END_TEST

/* Whatever the bytes are: an end, and nothing outside of the record. */
START_TEST(stands_any_bytes)
{
    uint32_t seed = 7;

    for (unsigned n = 0; n < 100000; n++) {
        uint8_t *copy = malloc(184);
        uint32_t offset = 56, last = 0;
        struct ntfs_attr attr;

        memcpy(copy, bytes, 184);
        for (unsigned i = 0; i < 3; i++) {
            seed = seed * 1664525 + 1013904223;
            copy[56 + (seed >> 8) % 128] = (uint8_t)(seed >> 24);
        }
        record.bytes = copy;
        while (ntfs_attr_next(&rig.vol, &record, &offset, &attr) == 1) {
            const uint8_t *from = attr.resident ? attr.value : attr.pairs;
            size_t len = attr.resident ? attr.value_length
                                       : attr.pairs_length;

            ck_assert_uint_gt(offset, last);
            last = offset;
            ck_assert(from >= copy && from + len <= copy + offset);
            if (attr.name_length > 0)
                ck_assert(attr.name + 2u * attr.name_length <= copy + offset);
        }
        free(copy);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/attr");
    TCase *tc = tcase_create("attr");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, decodes);
    tcase_add_test(tc, knows_the_short_head);
    tcase_add_loop_test(tc, checks, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tc, checks_the_end);
    tcase_add_test(tc, stands_any_bytes);
    suite_add_tcase(s, tc);
    return s;
}
