/*
 * test_ntfs_upcase.c - the table of upper case, and the order of names
 */
#include "suite.h"
#include "test_ntfs_dirs.h"

#define TABLE 131072u

/* Give the volume an $UpCase of SIZE bytes: one that nobody has, so that it can
   be told from the one that is built in. */
static void upcase_make(struct dirs *d, uint64_t size, bool resident)
{
    uint8_t *to = pretend_at(&d->p, d->lcn);
    struct dirs_record r = record_begin(d, NTFS_UPCASE, 10, 1);

    for (uint32_t i = 0; i < 65536; i++) {
        uint32_t upper = i - 'a' < 26 ? i - 32
                         : i >= 0x1000 && i < 0x1100 ? i + 0x100 : i;

        to[2 * i] = (uint8_t)upper;
        to[2 * i + 1] = (uint8_t)(upper >> 8);
    }
    if (resident)
        record_value(&r, NTFS_DATA, "", to, 64);
    else
        record_run(d, &r, NTFS_DATA, "", d->lcn, TABLE >> 12, size);
    record_end(&r);
}

START_TEST(the_volumes_own)
{
    struct dirs d;

    dirs_open(&d, 12, TABLE);
    upcase_make(&d, TABLE, false);
    ck_assert_int_eq(ntfs_upcase_load(d.vol), 0);
    ck_assert_str_eq(d.p.said, "");
    ck_assert_uint_eq(ntfs_upper(d.vol, 'a'), 'A');
    ck_assert_uint_eq(ntfs_upper(d.vol, 0x1001), 0x1101);
    ck_assert_uint_eq(ntfs_upper(d.vol, 0xe4), 0xe4);
    dirs_close(&d);
}
END_TEST

/* What a volume's own table has wrong. */
enum wrong {
    NO_RECORD, NOT_WRITTEN_WHOLE, NO_DATA, TOO_SHORT, TOO_LONG, IN_THE_RECORD,
    A_HOLE, NOT_ASCII, NOT_UPPER, WRONGS,
};

START_TEST(a_bad_one)
{
    struct dirs_record r;
    struct dirs d;

    dirs_open(&d, 12, TABLE + 4096);
    upcase_make(&d, _i == TOO_SHORT ? TABLE - 2
                    : _i == TOO_LONG ? TABLE + 2 : TABLE, _i == IN_THE_RECORD);
    if (_i == NO_RECORD)
        memset(pretend_at(&d.p, 1) + NTFS_UPCASE * DIRS_RECORD, 0,
               DIRS_RECORD);
    if (_i == NOT_WRITTEN_WHOLE)
        pretend_at(&d.p, 1)[NTFS_UPCASE * DIRS_RECORD + 511]++;
    if (_i == NO_DATA)
        dirs_file(&d, NTFS_UPCASE, 10);
    if (_i == A_HOLE) {
        r = record_begin(&d, NTFS_UPCASE, 10, 1);
        record_run(&d, &r, NTFS_DATA, "", 0, TABLE >> 12, TABLE);
        record_end(&r);
    }
    if (_i == NOT_ASCII)
        pretend_at(&d.p, d.lcn)[2 * 'q'] = 'q';
    if (_i == NOT_UPPER)
        pretend_at(&d.p, d.lcn)[2 * 0x3001] = 0x05, /* and 0x3005 goes on */
        pretend_at(&d.p, d.lcn)[2 * 0x3005] = 0x09;
    ck_assert_int_eq(ntfs_upcase_load(d.vol), 0);
    ck_assert_msg(strstr(d.p.said, "$UpCase cannot be used") != NULL, "%d: %s",
                  _i, d.p.said);
    ck_assert_uint_eq(ntfs_upper(d.vol, 0xe4), 0xc4);
    ck_assert_uint_eq(ntfs_upper(d.vol, 0x1001), 0x1001);
    dirs_close(&d);
}
END_TEST

/* What Windows has, by chance and with its exceptions. */
START_TEST(the_one_built_in)
{
    static const uint16_t pairs[][2] = {
        { 'a', 'A' }, { 'z', 'Z' }, { '`', '`' }, { '{', '{' }, { 'A', 'A' },
        { 0xb5, 0xb5 }, { 0xdf, 0xdf }, { 0xe0, 0xc0 }, { 0xf7, 0xf7 },
        { 0xfe, 0xde }, { 0xff, 0x178 }, { 0x101, 0x100 }, { 0x131, 0x131 },
        { 0x17f, 0x17f }, { 0x3b1, 0x391 }, { 0x3c2, 0x3c2 },
        { 0x430, 0x410 }, { 0x450, 0x400 }, { 0x561, 0x531 },
        { 0x1e01, 0x1e00 }, { 0x24d0, 0x24b6 }, { 0xff41, 0xff21 },
        { 0xffff, 0xffff }, { 0, 0 },
    };
    unsigned changed = 0;
    struct dirs d;

    dirs_open(&d, 12, 4096);
    ck_assert_int_eq(ntfs_upcase_load(d.vol), 0);
    for (unsigned i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        ck_assert_uint_eq(ntfs_upper(d.vol, pairs[i][0]), pairs[i][1]);
    for (uint32_t i = 0; i < 65536; i++) {
        uint16_t upper = ntfs_upper(d.vol, (uint16_t)i);

        changed += upper != i;
        ck_assert_uint_eq(ntfs_upper(d.vol, upper), upper);
    }
    ck_assert_uint_eq(changed, 973);
    dirs_close(&d);
}
END_TEST

START_TEST(the_order)
{
    static const struct {
        const char *a, *b;
        int order;
    } cases[] = {
        { "a", "a", 0 }, { "a", "A", 0 }, { "a", "b", -1 }, { "b", "A", 1 },
        { "", "", 0 }, { "", "a", -1 }, { "ab", "a", 1 }, { "Z", "_", -1 },
        { "z", "_", -1 }, { "z", "{", -1 }, { "\xe4", "\xc4", 0 },
        { "a\xff", "ab", 1 }, { "~", "\x7f", -1 },
    };
    struct dirs d;

    dirs_open(&d, 12, 4096);
    ck_assert_int_eq(ntfs_upcase_load(d.vol), 0);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint16_t a[8], b[8];
        size_t a_len = strlen(cases[i].a), b_len = strlen(cases[i].b);
        int order;

        for (size_t k = 0; k < a_len; k++)
            a[k] = (uint8_t)cases[i].a[k];
        for (size_t k = 0; k < b_len; k++)
            b[k] = (uint8_t)cases[i].b[k];
        order = ntfs_name_compare(d.vol, a, a_len, b, b_len);
        ck_assert_int_eq(order < 0 ? -1 : order > 0, cases[i].order);
        order = ntfs_name_compare(d.vol, b, b_len, a, a_len);
        ck_assert_int_eq(order < 0 ? -1 : order > 0, -cases[i].order);
    }
    dirs_close(&d);
}
END_TEST

START_TEST(memory_runs_out)
{
    int err = SHALE_ENOMEM;
    struct dirs d;

    dirs_open(&d, 12, TABLE);
    upcase_make(&d, TABLE, false);
    for (uint64_t n = 0; err; n++) {
        shale_mem_fail_at(d.p.mem, n);
        err = ntfs_upcase_load(d.vol);
        ck_assert(err == 0 || err == SHALE_ENOMEM);
        ck_assert_str_eq(d.p.said, "");
    }
    shale_mem_fail_at(d.p.mem, UINT64_MAX);
    ck_assert_uint_eq(ntfs_upper(d.vol, 0x1001), 0x1101);
    dirs_close(&d);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/upcase");
    TCase *tc = tcase_create("upcase");

    tcase_add_test(tc, the_volumes_own);
    tcase_add_loop_test(tc, a_bad_one, 0, WRONGS);
    tcase_add_test(tc, the_one_built_in);
    tcase_add_test(tc, the_order);
    tcase_add_test(tc, memory_runs_out);
    suite_add_tcase(s, tc);
    return s;
}
