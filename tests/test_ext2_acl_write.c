/* test_ext2_acl_write.c - access control lists: set, followed, inherited */
#include "shale/err.h"
#include "suite.h"
#include "test_ext2_rig.h"

#define MIB ((size_t)1 << 20)

#define NOBODY 0xff, 0xff, 0xff, 0xff
#define ID(n)  (n) & 0xff, (n) >> 8, 0, 0
#define OWNER(p) 1, 0, (p), 0, NOBODY
#define USER(p, id) 2, 0, (p), 0, ID(id)
#define GROUP(p) 4, 0, (p), 0, NOBODY
#define NAMED(p, id) 8, 0, (p), 0, ID(id)
#define MASK(p)  16, 0, (p), 0, NOBODY
#define OTHER(p) 32, 0, (p), 0, NOBODY
#define VERSION  2, 0, 0, 0

#define ACCESS  "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

#define LIST_MAX 80

/* A list as setxattr() takes it. */
struct list {
    size_t len;
    uint8_t bytes[LIST_MAX];
};

#define ENTRIES(n) (4 + 8 * (n))

static void list_is(struct shale_vnode *vn, const char *name,
                    const struct list *want, const char *what)
{
    uint8_t buf[LIST_MAX];
    int64_t got = shale_getxattr(vn, name, buf, sizeof buf);

    if (want->len == 0) {
        ck_assert_msg(got == SHALE_ENODATA, "%s: %s has %d", what, name,
                      (int)got);
        return;
    }
    ck_assert_msg(got == (int64_t)want->len &&
                  memcmp(buf, want->bytes, want->len) == 0,
                  "%s: %s is another (%d)", what, name, (int)got);
}

static uint32_t mode_of(struct shale_vnode *vn)
{
    struct shale_attr attr;

    ck_assert_int_eq(shale_getattr(vn, &attr), 0);
    return attr.mode & 07777;
}

/* ------------------------------------------------------------------- set */

static const struct {
    const char *what;
    struct list list;
    int err;
    uint32_t mode;              /* that follows */
    bool kept;                  /* it says more than that */
} sets[] = {
    { "as a mode", { ENTRIES(3), { VERSION, OWNER(6), GROUP(4), OTHER(0) } },
      0, 0640, false },
    { "a mask alone",
      { ENTRIES(4), { VERSION, OWNER(7), GROUP(7), MASK(5), OTHER(1) } },
      0, 0751, true },
    { "a user",
      { ENTRIES(5), { VERSION, OWNER(7), USER(6, 1000), GROUP(5), MASK(6),
                      OTHER(4) } }, 0, 0764, true },
    { "two users and a group",
      { ENTRIES(7), { VERSION, OWNER(7), USER(6, 1), USER(0, 2), GROUP(5),
                      NAMED(1, 3), MASK(7), OTHER(0) } }, 0, 0770, true },
    { "nothing", { 4, { VERSION } }, 0, 01644, false },
    { "no version", { 3, { 2, 0, 0 } }, SHALE_EINVAL, 01644, false },
    { "version 1", { 4, { 1, 0, 0, 0 } }, SHALE_ENOTSUP, 01644, false },
    { "half an entry", { 8, { VERSION, 1, 0, 7, 0 } }, SHALE_EINVAL, 01644,
      false },
    { "no owner", { ENTRIES(2), { VERSION, GROUP(4), OTHER(0) } },
      SHALE_EINVAL, 01644, false },
    { "no group", { ENTRIES(2), { VERSION, OWNER(6), OTHER(0) } },
      SHALE_EINVAL, 01644, false },
    { "no others", { ENTRIES(2), { VERSION, OWNER(6), GROUP(4) } },
      SHALE_EINVAL, 01644, false },
    { "two owners",
      { ENTRIES(4), { VERSION, OWNER(6), OWNER(6), GROUP(4), OTHER(0) } },
      SHALE_EINVAL, 01644, false },
    { "two masks",
      { ENTRIES(5), { VERSION, OWNER(6), GROUP(4), MASK(4), MASK(4),
                      OTHER(0) } }, SHALE_EINVAL, 01644, false },
    { "out of order",
      { ENTRIES(3), { VERSION, OWNER(6), OTHER(0), GROUP(4) } },
      SHALE_EINVAL, 01644, false },
    { "a user and no mask",
      { ENTRIES(4), { VERSION, OWNER(6), USER(4, 1), GROUP(4), OTHER(0) } },
      SHALE_EINVAL, 01644, false },
    { "a user who is nobody",
      { ENTRIES(5), { VERSION, OWNER(6), 2, 0, 4, 0, NOBODY, GROUP(4),
                      MASK(4), OTHER(0) } }, SHALE_EINVAL, 01644, false },
    { "a permission that is none",
      { ENTRIES(3), { VERSION, OWNER(8), GROUP(4), OTHER(0) } },
      SHALE_EINVAL, 01644, false },
    { "a tag that is none",
      { ENTRIES(4), { VERSION, OWNER(6), GROUP(4), OTHER(0), 64, 0, 0, 0,
                      NOBODY } }, SHALE_EINVAL, 01644, false },
};

START_TEST(the_mode_follows)
{
    const struct list none = { 0, { 0 } };
    const struct list *list = &sets[_i].list;
    uint32_t mode = sets[_i].mode;
    struct shale_vnode *vn;
    struct rig rig;

    rig_init(&rig, 4 * MIB, "-I 256");
    rig_mount(&rig);
    vn = rig_create(&rig, "it", SHALE_S_IFREG | 01644);
    ck_assert_msg(shale_setxattr(vn, ACCESS, list->bytes, list->len, 0) ==
                  sets[_i].err, "%s", sets[_i].what);
    /* Bits that are no permissions stay. */
    ck_assert_uint_eq(mode_of(vn), mode | 01000);
    list_is(vn, ACCESS, sets[_i].kept ? list : &none, sets[_i].what);
    shale_vnode_put(vn);
    rig_unmount(&rig);
    rig_mount(&rig);
    vn = rig_open(&rig, "/it");
    ck_assert_uint_eq(mode_of(vn), mode | 01000);
    list_is(vn, ACCESS, sets[_i].kept ? list : &none, sets[_i].what);

    ck_assert_int_eq(shale_removexattr(vn, ACCESS), 0);
    list_is(vn, ACCESS, &none, "removed");
    ck_assert_int_eq(shale_removexattr(vn, ACCESS), 0);
    ck_assert_uint_eq(mode_of(vn), mode | 01000);
    shale_vnode_put(vn);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

START_TEST(who_has_which)
{
    static const struct list list = {
        ENTRIES(3), { VERSION, OWNER(6), GROUP(4), OTHER(0) },
    };
    const struct shale_node node = { .mode = SHALE_S_IFLNK | 0777,
                                     .target = "it", .target_len = 2 };
    struct shale_vnode *vn, *root;
    struct rig rig;

    rig_init(&rig, 4 * MIB, "-I 256");
    rig_mount(&rig);
    vn = rig_create(&rig, "it", SHALE_S_IFREG | 0644);
    ck_assert_int_eq(shale_setxattr(vn, DEFAULT, list.bytes, list.len, 0),
                     SHALE_EACCES);
    ck_assert_int_eq(shale_removexattr(vn, DEFAULT), 0);
    shale_vnode_put(vn);

    vn = rig_create(&rig, "dir", SHALE_S_IFDIR | 0755);
    ck_assert_int_eq(shale_setxattr(vn, DEFAULT, list.bytes, list.len, 0), 0);
    list_is(vn, DEFAULT, &list, "a default of a mode's");
    ck_assert_uint_eq(mode_of(vn), 0755);
    shale_vnode_put(vn);

    root = rig_open(&rig, "/");
    ck_assert_int_eq(shale_create(root, "link", 4, &node, &vn), 0);
    ck_assert_int_eq(shale_setxattr(vn, ACCESS, list.bytes, list.len, 0),
                     SHALE_ENOTSUP);
    shale_vnode_put(vn);
    shale_vnode_put(root);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

/* ----------------------------------------------------------------- chmod */

static const struct {
    struct list before;
    uint32_t mode;
    struct list after;
} chmods[] = {
    { { ENTRIES(5), { VERSION, OWNER(7), USER(6, 1000), GROUP(5), MASK(6),
                      OTHER(4) } }, 0510,
      { ENTRIES(5), { VERSION, OWNER(5), USER(6, 1000), GROUP(5), MASK(1),
                      OTHER(0) } } },
    { { ENTRIES(4), { VERSION, OWNER(0), GROUP(2), MASK(0), OTHER(0) } },
      02777,
      { ENTRIES(4), { VERSION, OWNER(7), GROUP(2), MASK(7), OTHER(7) } } },
};

START_TEST(the_list_follows_chmod)
{
    const struct list *before = &chmods[_i].before;
    struct shale_setattr set = { .valid = SHALE_SET_MODE,
                                 .mode = chmods[_i].mode };
    struct shale_vnode *vn;
    struct rig rig;

    rig_init(&rig, 4 * MIB, "-I 128");
    rig_mount(&rig);
    vn = rig_create(&rig, "it", SHALE_S_IFREG | 0600);
    ck_assert_int_eq(shale_setxattr(vn, ACCESS, before->bytes, before->len, 0),
                     0);
    ck_assert_int_eq(shale_setattr(vn, &set), 0);
    ck_assert_uint_eq(mode_of(vn), chmods[_i].mode);
    list_is(vn, ACCESS, &chmods[_i].after, "chmod");
    shale_vnode_put(vn);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

/* --------------------------------------------------------------- inherit */

static const struct {
    const char *what;
    struct list list;           /* the directory's default */
    uint32_t mode;              /* asked for, with umask 077 */
    uint32_t want;
    struct list access;         /* that the new file has */
} heirs[] = {
    { "a mode's",
      { ENTRIES(3), { VERSION, OWNER(7), GROUP(5), OTHER(4) } },
      0666, 0644, { 0, { 0 } } },
    { "with a user",
      { ENTRIES(5), { VERSION, OWNER(7), USER(6, 1000), GROUP(5), MASK(7),
                      OTHER(5) } }, 0664, 0664,
      { ENTRIES(5), { VERSION, OWNER(6), USER(6, 1000), GROUP(5), MASK(6),
                      OTHER(4) } } },
    { "less than asked",
      { ENTRIES(4), { VERSION, OWNER(5), GROUP(7), MASK(4), OTHER(0) } },
      0777, 0540,
      { ENTRIES(4), { VERSION, OWNER(5), GROUP(7), MASK(4), OTHER(0) } } },
};

START_TEST(default_lists_are_inherited)
{
    static const struct list none = { 0, { 0 } };
    const struct list *list = &heirs[_i].list;
    struct shale_node node = { .mode = SHALE_S_IFREG | heirs[_i].mode,
                               .umask = 077 };
    struct shale_vnode *dir, *vn;
    struct rig rig;

    rig_init(&rig, 4 * MIB, _i % 2 ? "-I 128" : "-I 256");
    rig_mount(&rig);
    dir = rig_create(&rig, "dir", SHALE_S_IFDIR | 0755);
    ck_assert_int_eq(shale_setxattr(dir, DEFAULT, list->bytes, list->len, 0),
                     0);
    ck_assert_int_eq(shale_create(dir, "file", 4, &node, &vn), 0);
    ck_assert_msg(mode_of(vn) == heirs[_i].want, "%s: %o", heirs[_i].what,
                  mode_of(vn));
    list_is(vn, ACCESS, &heirs[_i].access, heirs[_i].what);
    list_is(vn, DEFAULT, &none, heirs[_i].what);
    shale_vnode_put(vn);

    node.mode = SHALE_S_IFDIR | heirs[_i].mode;
    ck_assert_int_eq(shale_create(dir, "below", 5, &node, &vn), 0);
    ck_assert_uint_eq(mode_of(vn), heirs[_i].want);
    list_is(vn, ACCESS, &heirs[_i].access, heirs[_i].what);
    list_is(vn, DEFAULT, list, heirs[_i].what);
    shale_vnode_put(vn);

    node = (struct shale_node){ .mode = SHALE_S_IFLNK | 0777, .umask = 077,
                                .target = "x", .target_len = 1 };
    ck_assert_int_eq(shale_create(dir, "link", 4, &node, &vn), 0);
    ck_assert_uint_eq(mode_of(vn), 0777);
    list_is(vn, ACCESS, &none, "a symlink");
    shale_vnode_put(vn);
    shale_vnode_put(dir);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2_acl_write");
    TCase *t = tcase_create("all");

    rig_need_programs();
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, the_mode_follows, 0, sizeof sets / sizeof sets[0]);
    tcase_add_test(t, who_has_which);
    tcase_add_loop_test(t, the_list_follows_chmod, 0,
                        sizeof chmods / sizeof chmods[0]);
    tcase_add_loop_test(t, default_lists_are_inherited, 0,
                        sizeof heirs / sizeof heirs[0]);
    suite_add_tcase(s, t);
    return s;
}
