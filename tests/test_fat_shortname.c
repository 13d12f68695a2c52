/* test_fat_shortname.c - the names a new file gets, and those it cannot have */
#include "fat32/chain.h"
#include "fat32/dir.h"
#include "fat32/node.h"
#include "fat32/write.h"
#include "suite.h"
#include "test_fat_rig.h"
#include "vfs/utf16.h"

#define LOOP(tc, test, table) \
    tcase_add_loop_test(tc, test, 0, sizeof table / sizeof table[0])

/* ----------------------------------------------------------------- basis */

static const struct {
    const char *name;           /* in UTF-8 */
    const char *basis;          /* 11 bytes, of code page 437 */
    bool exact, is_long;
    uint8_t lower;
} names[] = {
    { "README.TXT", "README  TXT", true, false, 0 },
    { "readme.txt", "README  TXT", true, false, 0x18 },
    { "README.txt", "README  TXT", true, false, 0x10 },
    { "readme.TXT", "README  TXT", true, false, 0x08 },
    { "ReadMe.txt", "README  TXT", true, true, 0 },
    { "readme.Txt", "README  TXT", true, true, 0 },
    { "A", "A          ", true, false, 0 },
    { "a", "A          ", true, false, 0x08 },
    { "a1", "A1         ", true, false, 0x08 },
    { "1234", "1234       ", true, false, 0 },
    { "a.1", "A       1  ", true, false, 0x08 },
    { "12345678.123", "12345678123", true, false, 0 },
    { "123456789", "12345678   ", false, true, 0 },
    { "a.1234", "A       123", false, true, 0 },
    { "two.dots.c", "TWODOTS C  ", false, true, 0 },
    { "a b", "AB         ", false, true, 0 },
    { ".hidden", "HIDDEN     ", false, true, 0 },
    { "...x", "X          ", false, true, 0 },
    { "..a.b", "A       B  ", false, true, 0 },
    { " a", "A          ", false, true, 0 },
    { "+,;=[]", "______     ", false, true, 0 },
    { "a+b.c", "A_B     C  ", false, true, 0 },
    { "x.", "X          ", true, false, 0x08 },
    { "x...", "X          ", true, false, 0x08 },
    { "!#$%&'()", "!#$%&'()   ", true, false, 0 },
    { "a\x7f" "b", "A_B        ", false, true, 0 },
    { "-@^_`{}~", "-@^_`{}~   ", true, false, 0 },
    { "\xc3\x89T\xc3\x89", "\x90T\x90        ", true, false, 0 },
    { "\xc3\xa9t\xc3\xa9", "\x90T\x90        ", true, true, 0 },
    { "\xc3\x89t\xc3\x89", "\x90T\x90        ", true, true, 0 },
    { "\xc3\xbf", "\x98          ", true, false, 0 },
    { "\xe6\x97\xa5", "_          ", false, true, 0 },
    { "\xf0\x9f\x90\x9a", "__         ", false, true, 0 },
    { "\xcf\x83x", "\xe4X         ", true, true, 0 },
};

START_TEST(makes_a_basis)
{
    struct fat_newname *name;

    rig_make(12, 720, 512, 0, NULL);
    name = &rig_volume()->writer->name;
    ck_assert_int_eq(fat_newname_decode(rig_volume(), names[_i].name,
                                        strlen(names[_i].name), name), 0);
    ck_assert_msg(memcmp(name->basis, names[_i].basis, 11) == 0,
                  "%s: '%.11s'", names[_i].name, (char *)name->basis);
    ck_assert_msg(name->exact == names[_i].exact, "%s", names[_i].name);
    ck_assert_msg(name->exact_long == names[_i].is_long, "%s", names[_i].name);
    ck_assert_msg(name->exact_lower == names[_i].lower, "%s: %x",
                  names[_i].name, name->exact_lower);
    rig_end();
}
END_TEST

/* The choice depends on the directory, and not on the one before. */
START_TEST(chooses_again)
{
    struct shale_vnode *dir;
    struct fat_newname *name;

    rig_make(12, 720, 512, 0, NULL);
    dir = rig_mkdir(rig.root, "dir");
    rig_touch(dir, "Readme.txt");
    name = &rig_volume()->writer->name;
    GOOD(fat_newname_decode(rig_volume(), "readme.txt", 10, name));
    GOOD(fat_newname_choose(fat_vnode_of(dir), name, NULL, FAT_UNKNOWN));
    ck_assert_int_eq(memcmp(name->name, "README~1TXT", 11), 0);
    ck_assert(name->is_long && name->lower == 0);
    GOOD(fat_newname_choose(fat_vnode_of(rig.root), name, NULL, FAT_UNKNOWN));
    ck_assert_int_eq(memcmp(name->name, "README  TXT", 11), 0);
    ck_assert(!name->is_long && name->lower == (FAT_LOWER_BASE |
                                                FAT_LOWER_EXT));
    shale_vnode_put(dir);
    rig_end();
}
END_TEST

/* ------------------------------------------------------------ what cannot */

static const struct {
    const char *what, *name;
    int err;
} refused[] = {
    { "a star", "a*b", SHALE_EINVAL },
    { "a question mark", "a?b", SHALE_EINVAL },
    { "a colon", "a:b", SHALE_EINVAL },
    { "a quote", "a\"b", SHALE_EINVAL },
    { "less", "a<b", SHALE_EINVAL },
    { "greater", "a>b", SHALE_EINVAL },
    { "a bar", "a|b", SHALE_EINVAL },
    { "a backslash", "a\\b", SHALE_EINVAL },
    { "a control character", "a\nb", SHALE_EINVAL },
    { "a space at the end", "a ", SHALE_EINVAL },
    { "dots alone", "...", SHALE_EINVAL },
    { "a space and dots", "a ..", SHALE_EINVAL },
    { "dots and a space", ". .", SHALE_EINVAL },
    { "no UTF-8", "a\xff", SHALE_EINVAL },
    { "delete", "a\x7f", 0 },
    { "a space in the middle", "a b", 0 },
    { "an unpaired surrogate", "\xed\xa0\x80", 0 },
};

START_TEST(refuses_a_name)
{
    int err;

    rig_make(12, 720, 512, 0, NULL);
    err = rig_try(rig.root, refused[_i].name, SHALE_S_IFREG | 0644, NULL);
    ck_assert_msg(err == refused[_i].err, "%s: %d", refused[_i].what, err);
    if (err)
        ck_assert_str_eq(rig_list(rig.root), "");
    rig_end();
}
END_TEST

START_TEST(takes_255_units_and_no_more)
{
    char name[SHALE_NAME_MAX];

    /* Of three bytes each. */
    for (unsigned i = 0; i < 256; i++)
        memcpy(name + 3 * i, "\xe2\x82\xac", 3);
    rig_make(12, 720, 512, 0, NULL);
    name[3 * 256] = '\0';
    ck_assert_int_eq(rig_try(rig.root, name, SHALE_S_IFREG, NULL),
                     SHALE_ENAMETOOLONG);
    name[3 * 255] = '\0';
    rig_touch(rig.root, name);
    ck_assert_int_eq(rig_try(rig.root, name, SHALE_S_IFREG, NULL),
                     SHALE_EEXIST);
    rig_end();
}
END_TEST

/* ------------------------------------------------------------- the options */

static const struct {
    const char *options, *name, *shown;
    uint32_t slots;             /* on the volume */
} modes[] = {
    { NULL, "readme.txt", "readme.txt ", 1 },
    { "shortname=winnt", "readme.txt", "readme.txt ", 1 },
    { "shortname=mixed", "readme.txt", "readme.txt ", 2 },
    { "shortname=mixed", "README.TXT", "README.TXT ", 1 },
    { "shortname=win95", "readme.txt", "readme.txt ", 2 },
    { "shortname=win95", "README.TXT", "README.TXT ", 1 },
    { "shortname=lower", "readme.txt", "readme.txt ", 2 },
    { "shortname=lower", "README.TXT", "readme.txt ", 1 },
    { "codepage=866", "\xd0\x96.txt", "\xd0\x96.txt ", 1 },
    { "codepage=437", "\xd0\x96.txt", "\xd0\x96.txt ", 2 },
    { "codepage=932", "\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac ",
      1 },
    /* Its second byte is a backslash, or a bar. */
    { "codepage=932", "\xe3\x82\xbd", "\xe3\x82\xbd ", 2 },
    { "codepage=950", "\xe5\x92\xbd", "\xe5\x92\xbd ", 2 },
};

START_TEST(stores_as_the_option_says)
{
    struct fat_set *set;

    rig_make(12, 720, 512, 0, modes[_i].options);
    rig_touch(rig.root, modes[_i].name);
    ck_assert_str_eq(rig_list(rig.root), modes[_i].shown);
    set = fat_set_get(rig_volume());
    ck_assert_int_eq(fat_set_read(fat_vnode_of(rig.root), 0, set), 1);
    ck_assert_uint_eq(set->count, modes[_i].slots);
    fat_set_put(rig_volume(), set);
    rig_end();
}
END_TEST

/* ---------------------------------------------------------------- tails */

/* The short name of the file called NAME in DIR, terminated. */
static const char *short_of(struct shale_vnode *dir, const char *name)
{
    static char text[12];
    struct fat_set *set = fat_set_get(rig_volume());
    uint16_t units[FAT_LONG_MAX + 1];
    int len = utf16_from_utf8(name, strlen(name), units, FAT_LONG_MAX);

    GOOD(fat_dir_find(fat_vnode_of(dir), units, (size_t)len, set));
    memcpy(text, set->entry.name, 11);
    fat_set_put(rig_volume(), set);
    return text;
}

START_TEST(tails_are_numbered_then_hashed)
{
    static const char *const first[] = {
        "LONGNA~1TXT", "LONGNA~2TXT", "LONGNA~3TXT", "LONGNA~4TXT",
    };
    char name[32];

    rig_make(12, 720, 512, 0, NULL);
    for (unsigned i = 0; i < 8; i++) {
        const char *made;

        snprintf(name, sizeof name, "long name %u.txt", i);
        rig_touch(rig.root, name);
        made = short_of(rig.root, name);
        if (i < 4) {
            ck_assert_str_eq(made, first[i]);
            continue;
        }
        ck_assert_msg(memcmp(made, "LO", 2) == 0 && made[6] == '~' &&
                      memcmp(made + 8, "TXT", 3) == 0, "%s", made);
    }
    rig_end();
}
END_TEST

START_TEST(a_tail_does_not_meet_other_names)
{
    rig_make(12, 720, 512, 0, NULL);
    rig_touch(rig.root, "LONGNA~1.TXT");
    rig_touch(rig.root, "longna~2.txt long");
    rig_touch(rig.root, "long name one.txt");
    ck_assert_str_eq(short_of(rig.root, "long name one.txt"), "LONGNA~3TXT");
    /* What is one file's short name is not another one's long name. */
    ck_assert_int_eq(rig_try(rig.root, "longna~2.TXT", SHALE_S_IFREG, NULL),
                     SHALE_EEXIST);
    rig_end();
}
END_TEST

START_TEST(without_numtail_only_where_it_must)
{
    rig_make(12, 720, 512, 0, "nonumtail");
    rig_touch(rig.root, "longname.text");
    ck_assert_str_eq(short_of(rig.root, "longname.text"), "LONGNAMETEX");
    rig_touch(rig.root, "longname.texture");
    ck_assert_str_eq(short_of(rig.root, "longname.texture"), "LONGNA~1TEX");
    rig_end();
}
END_TEST

START_TEST(half_a_character_is_no_character)
{
    rig_make(12, 720, 512, 0, "codepage=932");
    /* Seven bytes and then one of two: the tail leaves room for six. */
    rig_touch(rig.root, "a\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5\xe6\x9c\xac");
    ck_assert_str_eq(short_of(rig.root, "a\xe6\x97\xa5\xe6\x9c\xac"
                              "\xe6\x97\xa5\xe6\x9c\xac"),
                     "A\x93\xfa\x96{~1    ");
    rig_end();
}
END_TEST

START_TEST(e5_is_stored_as_05)
{
    rig_make(12, 720, 512, 0, "codepage=932");
    /* U+7E67 is 0xe5 0x87 there. */
    rig_touch(rig.root, "\xe7\xb9\xa7X");
    ck_assert_str_eq(rig_list(rig.root), "\xe7\xb9\xa7X ");
    GOOD(rig_unlink(rig.root, "\xe7\xb9\xa7X"));
    rig_touch(rig.root, "\xe7\xb9\xa7 long and more");
    ck_assert_str_eq(rig_list(rig.root), "\xe7\xb9\xa7 long and more ");
    rig_end();
}
END_TEST

/* Ten thousand names that begin alike take time in proportion. */
START_TEST(many_names_that_begin_alike)
{
    struct shale_cache_stats before, after;
    struct shale_vnode *dir;
    char name[64];
    uint64_t gets;

    rig_make(32, 40 << 10, 512, 512, NULL);
    dir = rig_mkdir(rig.root, "dir");
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "a name that begins alike %05u.txt", i);
        rig_touch(dir, name);
        if (i == 8000)
            shale_fs_cache_stats(rig.v.fs, &before);
    }
    shale_fs_cache_stats(rig.v.fs, &after);
    gets = after.hits + after.misses - before.hits - before.misses;
    ck_assert_msg(gets < 2000 * 60, "%llu", (unsigned long long)gets);
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "a name that begins alike %05u.txt", i);
        GOOD(rig_unlink(dir, name));
    }
    shale_vnode_put(dir);
    GOOD(shale_rmdir(rig.root, "dir", 3));
    rig_end();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fat/shortname");
    TCase *tc = tcase_create("shortname");

    tcase_set_timeout(tc, 60);
    LOOP(tc, makes_a_basis, names);
    tcase_add_test(tc, chooses_again);
    LOOP(tc, refuses_a_name, refused);
    tcase_add_test(tc, takes_255_units_and_no_more);
    LOOP(tc, stores_as_the_option_says, modes);
    tcase_add_test(tc, tails_are_numbered_then_hashed);
    tcase_add_test(tc, a_tail_does_not_meet_other_names);
    tcase_add_test(tc, without_numtail_only_where_it_must);
    tcase_add_test(tc, half_a_character_is_no_character);
    tcase_add_test(tc, e5_is_stored_as_05);
    tcase_add_test(tc, many_names_that_begin_alike);
    suite_add_tcase(s, tc);
    return s;
}
