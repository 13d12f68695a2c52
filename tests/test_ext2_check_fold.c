/*
 * test_ext2_check_fold.c - what names fold to, in directories that fold case
 *
 * Expected are what the Unicode Standard says of decomposition, of full case
 * folding, of the order of marks and of what is left out.
 */
#include "ext2/check/tree.h"
#include "test_check_rig.h"

static const struct {
    const char *what, *name, *folded;
} cases[] = {
    { "nothing to do", "hello", "hello" },
    { "case", "HeLLo Z", "hello z" },
    { "one becomes two", "stra\xc3\x9f" "e", "strasse" },
    { "a ligature becomes three", "\xef\xac\x83x", "ffix" },
    { "decomposed, and folded", "\xc3\x85", "a\xcc\x8a" },
    { "is so already", "A\xcc\x8a", "a\xcc\x8a" },
    { "a dotted I", "\xc4\xb0", "i\xcc\x87" },
    { "marks in order", "\xe1\xba\x9b\xcc\xa3", "s\xcc\xa3\xcc\x87" },
    { "marks in order again", "a\xcc\x87\xcc\xa3", "a\xcc\xa3\xcc\x87" },
    { "equal marks stay", "a\xcc\x80\xcc\x81", "a\xcc\x80\xcc\x81" },
    { "left out", "a\xe2\x80\x8b" "b\xc2\xad", "ab" },
    { "all of it is", "\xe2\x80\x8b", "" },
    { "two letters in one", "\xc7\x85", "\xc7\x86" },
    { "every second one", "\xc4\x80\xc4\x81\xc5\x8a",
      "a\xcc\x84" "a\xcc\x84\xc5\x8b" },
    { "a syllable", "\xed\x95\x9c", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab" },
    { "a syllable without a tail", "\xea\xb0\x80",
      "\xe1\x84\x80\xe1\x85\xa1" },
    { "past the syllables", "\xed\x9e\xa4", "\xed\x9e\xa4" },
    { "a compatible ideograph", "\xf0\xaf\xa0\x80", "\xe4\xb8\xbd" },
    { "too new for 12.1", "\xea\x9f\x87", "\xea\x9f\x87" },
    { "the last character", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
    { "no text", "NO\xfftext", "NO\xfftext" },
    { "text that is cut", "NO\xc3", "NO\xc3" },
    { "a surrogate", "A\xed\xa0\x80", "A\xed\xa0\x80" },
};

static unsigned which;

static int run_fold(struct check *check)
{
    struct ext2_check c = { .check = check };
    struct ext2_folding *folding;
    struct ext2_record r = { .name = (const uint8_t *)cases[which].name };
    struct ext2_name name;
    int err = ext2_fold_begin(&c, EXT2_CHECK_CASEFOLD, &folding);

    if (err)
        return err;
    while (cases[which].name[r.len])
        r.len++;
    name = ext2_fold_name(folding, 1, &r);
    ck_assert_msg(name.len == strlen(cases[which].folded) &&
                  memcmp(name.bytes, cases[which].folded, name.len) == 0,
                  "%s: %.*s", cases[which].what, (int)name.len,
                  (const char *)name.bytes);
    ext2_fold_end(&c, folding);
    return 0;
}

START_TEST(folds)
{
    which = (unsigned)_i;
    rig_open(1);
    ck_assert_int_eq(rig_check(run_fold), 0);
    rig_close();
}
END_TEST

/* The longest names, of what grows most. */
static int run_long(struct check *check)
{
    static const char *const grow[] = {
        "\xce\x90", "\xf0\x9d\x85\xa0", "\xef\xac\x83", "\xe1\xbd\xb7", "A",
    };
    struct ext2_check c = { .check = check };
    struct ext2_folding *folding;
    uint8_t text[255];
    int err = ext2_fold_begin(&c, EXT2_CHECK_CASEFOLD, &folding);

    for (unsigned i = 0; !err && i < sizeof grow / sizeof grow[0]; i++) {
        size_t len = strlen(grow[i]), at = 0;
        struct ext2_record r = { .name = text };
        struct ext2_name name;

        for (; at + len <= sizeof text; at += len)
            memcpy(text + at, grow[i], len);
        r.len = (uint8_t)at;
        name = ext2_fold_name(folding, 0, &r);
        ck_assert_ptr_ne(name.bytes, text);
        ck_assert_uint_ge(name.len, at);
    }
    ext2_fold_end(&c, folding);
    return err;
}

START_TEST(long_names_have_room)
{
    rig_open(1);
    ck_assert_int_eq(rig_check(run_long), 0);
    rig_close();
}
END_TEST

/* Encrypted names are no text. */
static int run_plain(struct check *check)
{
    struct ext2_check c = { .check = check };
    struct ext2_folding *folding;
    int err = ext2_fold_begin(&c, EXT2_CHECK_CASEFOLD | EXT2_CHECK_CRYPT,
                              &folding);

    ck_assert_ptr_null(folding);
    err = err ? err : ext2_fold_begin(&c, EXT2_CHECK_IN_USE, &folding);
    ck_assert_ptr_null(folding);
    return err;
}

START_TEST(others_stay_as_they_are)
{
    rig_open(1);
    ck_assert_int_eq(rig_check(run_plain), 0);
    rig_close();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2/check/fold");
    TCase *tc = tcase_create("names");

    tcase_add_loop_test(tc, folds, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tc, long_names_have_room);
    tcase_add_test(tc, others_stay_as_they_are);
    suite_add_tcase(s, tc);
    return s;
}
