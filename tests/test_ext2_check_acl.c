/* test_ext2_check_acl.c - is it an access control list? */
#include "ext2/check/xattr.h"
#include "suite.h"

#define VERSION 1, 0, 0, 0
#define OWNER   1, 0, 7, 0      /* tag, permissions */
#define GROUP   4, 0, 5, 0
#define MASK    16, 0, 6, 0
#define OTHER   32, 0, 4, 0
#define USER(id)  2, 0, 6, 0, id, 3, 0, 0       /* ... and whose */
#define NAMED(id) 8, 0, 1, 0, id, 0, 0, 0

static const struct {
    const char *what;
    uint8_t bytes[48];
    uint32_t len;
    bool sound;
} cases[] = {
    { "as the mode", { VERSION, OWNER, GROUP, OTHER }, 16, true },
    { "with names", { VERSION, OWNER, USER(1), GROUP, NAMED(2), MASK, OTHER },
      36, true },
    { "two users", { VERSION, OWNER, USER(1), USER(2), GROUP, MASK, OTHER },
      36, true },
    { "a mask, no names", { VERSION, OWNER, GROUP, MASK, OTHER }, 20, true },
    { "no entries", { VERSION }, 4, true },
    { "nothing at all", { 0 }, 0, false },
    { "cut in the version", { VERSION }, 3, false },
    { "version 2", { 2, 0, 0, 0, OWNER, GROUP, OTHER }, 16, false },
    { "cut in an entry", { VERSION, OWNER, GROUP, OTHER }, 15, false },
    { "cut in whose it is", { VERSION, OWNER, USER(1) }, 13, false },
    { "only the owner", { VERSION, OWNER }, 8, false },
    { "no group", { VERSION, OWNER, OTHER }, 12, false },
    { "no owner", { VERSION, GROUP, OTHER }, 12, false },
    { "the owner twice", { VERSION, OWNER, OWNER, GROUP, OTHER }, 20, false },
    { "others first", { VERSION, OTHER, OWNER, GROUP }, 16, false },
    { "names, no mask", { VERSION, OWNER, USER(1), GROUP, OTHER }, 24, false },
    { "users not in order",
      { VERSION, OWNER, USER(2), USER(1), GROUP, MASK, OTHER }, 36, false },
    { "a user twice",
      { VERSION, OWNER, USER(1), USER(1), GROUP, MASK, OTHER }, 36, false },
    { "permission of nothing", { VERSION, 1, 0, 15, 0, GROUP, OTHER }, 16,
      false },
    { "tag of nothing", { VERSION, OWNER, 3, 0, 7, 0, GROUP, OTHER }, 20,
      false },
};

START_TEST(judges)
{
    bool sound = ext2_acl_is_sound(cases[_i].bytes, cases[_i].len);

    ck_assert_msg(sound == cases[_i].sound, "%s", cases[_i].what);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2_check_acl");
    TCase *t = tcase_create("lists");

    tcase_add_loop_test(t, judges, 0, sizeof cases / sizeof cases[0]);
    suite_add_tcase(s, t);
    return s;
}
