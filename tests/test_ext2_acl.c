/* test_ext2_acl.c - access control lists, from the volume's form to Linux's */
#include "ext2/ext2.h"
#include "shale/err.h"
#include "suite.h"

#include <string.h>

#define OWNER  1, 0, 7, 0       /* tag, permissions */
#define GROUP  4, 0, 5, 0
#define MASK   16, 0, 6, 0
#define OTHER  32, 0, 4, 0
#define USER   2, 0, 6, 0, 0xe8, 3, 0, 0        /* ... and id 1000 */
#define NAMED  8, 0, 1, 0, 0xff, 0xff, 0xff, 0x7f
#define NOBODY 0xff, 0xff, 0xff, 0xff

static const struct {
    const char *what;
    uint8_t disk[40];
    size_t disk_len;
    int64_t result;
    uint8_t linux_form[64];
} cases[] = {
    { "as the mode", { 1, 0, 0, 0, OWNER, GROUP, OTHER }, 16, 28,
      { 2, 0, 0, 0, OWNER, NOBODY, GROUP, NOBODY, OTHER, NOBODY } },
    { "with names", { 1, 0, 0, 0, OWNER, USER, GROUP, NAMED, MASK, OTHER },
      36, 52,
      { 2, 0, 0, 0, OWNER, NOBODY, USER, GROUP, NOBODY, NAMED, MASK, NOBODY,
        OTHER, NOBODY } },
    { "no entries", { 1, 0, 0, 0 }, 4, 4, { 2, 0, 0, 0 } },
    { "nothing at all", { 0 }, 0, SHALE_ECORRUPT, { 0 } },
    { "cut in the version", { 1, 0, 0 }, 3, SHALE_ECORRUPT, { 0 } },
    { "version 2", { 2, 0, 0, 0, OWNER }, 8, SHALE_ECORRUPT, { 0 } },
    { "cut in an entry", { 1, 0, 0, 0, OWNER }, 7, SHALE_ECORRUPT, { 0 } },
    { "cut before an id", { 1, 0, 0, 0, USER }, 8, SHALE_ECORRUPT, { 0 } },
    { "cut in an id", { 1, 0, 0, 0, USER }, 11, SHALE_ECORRUPT, { 0 } },
    { "tag of nothing", { 1, 0, 0, 0, 0, 0, 7, 0 }, 8, SHALE_ECORRUPT, { 0 } },
    { "two tags at once", { 1, 0, 0, 0, 3, 0, 7, 0 }, 8, SHALE_ECORRUPT,
      { 0 } },
};

START_TEST(converts)
{
    struct span value = { cases[_i].disk, cases[_i].disk_len };
    int64_t want = cases[_i].result, got;
    uint8_t buf[64];

    got = ext2_acl_convert(value, NULL, 0);
    ck_assert_msg(got == want, "%s: length %d", cases[_i].what, (int)got);
    got = ext2_acl_convert(value, buf, sizeof buf);
    ck_assert_msg(got == want, "%s: got %d", cases[_i].what, (int)got);
    if (want > 0)
        ck_assert_mem_eq(buf, cases[_i].linux_form, (size_t)want);
}
END_TEST

/* Every buffer that is too small is refused, and not written past its end. */
START_TEST(never_overruns)
{
    struct span value = { cases[1].disk, cases[1].disk_len };
    size_t need = (size_t)cases[1].result;
    uint8_t buf[65];

    for (size_t size = 1; size <= need; size++) {
        memset(buf, 0xaa, sizeof buf);
        ck_assert_int_eq(ext2_acl_convert(value, buf, size),
                         size < need ? SHALE_ERANGE : (int64_t)need);
        ck_assert_uint_eq(buf[size], 0xaa);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2/acl");
    TCase *tc = tcase_create("convert");

    tcase_add_loop_test(tc, converts, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tc, never_overruns);
    suite_add_tcase(s, tc);
    return s;
}
