/* test_ext2_xattr_write.c - attributes that are set, replaced and removed */
#include "shale/err.h"
#include "shale/mem.h"
#include "suite.h"
#include "test_ext2_rig.h"

#define MIB ((size_t)1 << 20)

static const char *const layouts[] = {
    "-b 1024 -I 128", "-b 1024 -I 256", "-b 2048 -I 512", "-b 4096 -I 256",
    "-b 1024 -I 1024", "-b 1024 -I 256 -O ^ext_attr",
};

enum { LAYOUTS = sizeof layouts / sizeof layouts[0] };

/* ------------------------------------------------------------ at random */

enum { FILES = 4, NAMES = 24, STEPS = 3000, VALUE_MAX = 1500 };

/* What a file's attributes are to be; absent ones have size -1. */
struct model {
    int size[NAMES];
    uint8_t value[NAMES][VALUE_MAX];
};

static struct model models[FILES];

static uint32_t state;

static uint32_t draw(uint32_t below)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % below;
}

/* Names of different lengths, whose order is not that of their numbers. */
static const char *name_of(int i)
{
    static const char *const prefixes[] = { "user.", "trusted.", "security." };
    static char name[100];

    snprintf(name, sizeof name, "%s%.*s%d", prefixes[i % 3], i * 7 % 29,
             "abcdefghijklmnopqrstuvwxyzabc", i * 13 % NAMES);
    return name;
}

static void compare(struct shale_vnode *vn, const struct model *model)
{
    static char list[65536];
    int64_t len = shale_listxattr(vn, list, sizeof list), listed = 0;
    static uint8_t buf[VALUE_MAX + 1];
    int have = 0;

    ck_assert_int_ge(len, 0);
    for (int64_t i = 0; i < len; i++)
        listed += list[i] == '\0';
    for (int i = 0; i < NAMES; i++) {
        int64_t got = shale_getxattr(vn, name_of(i), buf, sizeof buf);

        have += model->size[i] >= 0;
        if (model->size[i] < 0) {
            ck_assert_int_eq(got, SHALE_ENODATA);
            continue;
        }
        ck_assert_int_eq(got, model->size[i]);
        ck_assert_mem_eq(buf, model->value[i], (size_t)got);
    }
    ck_assert_int_eq(listed, have);
}

/* One change of VN; the model follows if there was room. */
static void step(struct shale_vnode *vn, struct model *model)
{
    static const int sizes[] = { 1, 5, 17, 60, 200, 700, VALUE_MAX };
    int i = (int)draw(NAMES), size = (int)draw((uint32_t)sizes[draw(7)]);
    static uint8_t value[VALUE_MAX];
    int err;

    if (draw(3) == 0) {
        err = shale_removexattr(vn, name_of(i));
        ck_assert_int_eq(err, model->size[i] < 0 ? SHALE_ENODATA : 0);
        model->size[i] = -1;
        return;
    }
    for (int at = 0; at < size; at++)
        value[at] = (uint8_t)draw(256);
    err = shale_setxattr(vn, name_of(i), value, (size_t)size, 0);
    if (err == SHALE_ENOSPC)
        return;
    ck_assert_int_eq(err, 0);
    model->size[i] = size;
    memcpy(model->value[i], value, (size_t)size);
}

static void open_all(struct rig *rig, struct shale_vnode *vn[FILES])
{
    char path[20];

    for (int f = 0; f < FILES; f++) {
        snprintf(path, sizeof path, "/f%d", f);
        vn[f] = rig_open(rig, path);
    }
}

static void put_all(struct shale_vnode *vn[FILES])
{
    for (int f = 0; f < FILES; f++)
        shale_vnode_put(vn[f]);
}

START_TEST(is_what_a_model_says)
{
    struct shale_vnode *vn[FILES];
    struct rig rig;
    char name[20];

    state = (uint32_t)_i;
    rig_init(&rig, 4 * MIB, layouts[_i]);
    rig_mount(&rig);
    for (int f = 0; f < FILES; f++) {
        snprintf(name, sizeof name, "f%d", f);
        vn[f] = rig_create(&rig, name, f % 2 ? SHALE_S_IFDIR | 0755
                                             : SHALE_S_IFREG | 0644);
        for (int i = 0; i < NAMES; i++)
            models[f].size[i] = -1;
    }
    for (int i = 0; i < STEPS; i++) {
        int f = (int)draw(FILES);

        step(vn[f], &models[f]);
        if (i % 16 == 0)
            compare(vn[f], &models[f]);
        if (i % 1000 == 999) {
            put_all(vn);
            rig_unmount(&rig);
            rig_mount(&rig);
            open_all(&rig, vn);
            for (int k = 0; k < FILES; k++)
                compare(vn[k], &models[k]);
        }
    }
    put_all(vn);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

/* What is kept in blocks, and how much of it there is, counts. */
START_TEST(blocks_come_and_go)
{
    static const char big[900] = "x";
    struct shale_statfs before, after;
    struct shale_attr attr;
    struct shale_vnode *vn;
    struct rig rig;

    rig_init(&rig, 4 * MIB, "-b 1024 -I 128");
    rig_mount(&rig);
    vn = rig_create(&rig, "file", SHALE_S_IFREG | 0644);
    ck_assert_int_eq(shale_statfs(rig.v.fs, &before), 0);
    ck_assert_int_eq(shale_setxattr(vn, "user.big", big, sizeof big, 0), 0);
    ck_assert_int_eq(shale_getattr(vn, &attr), 0);
    ck_assert_uint_eq(attr.allocated, 1024);
    ck_assert_int_eq(shale_statfs(rig.v.fs, &after), 0);
    ck_assert_uint_eq(after.blocks_free, before.blocks_free - 1);
    ck_assert_int_eq(shale_setxattr(vn, "user.small", big, 200, 0),
                     SHALE_ENOSPC);
    ck_assert_int_eq(shale_removexattr(vn, "user.big"), 0);
    ck_assert_int_eq(shale_getattr(vn, &attr), 0);
    ck_assert_uint_eq(attr.allocated, 0);
    ck_assert_int_eq(shale_sync(rig.v.fs), 0);
    ck_assert_int_eq(shale_statfs(rig.v.fs, &after), 0);
    ck_assert_uint_eq(after.blocks_free, before.blocks_free);

    /* A file that goes takes its block along. */
    ck_assert_int_eq(shale_setxattr(vn, "user.big", big, sizeof big, 0), 0);
    shale_vnode_put(vn);
    vn = rig_open(&rig, "/");
    ck_assert_int_eq(shale_unlink(vn, "file", 4), 0);
    shale_vnode_put(vn);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

/* --------------------------------------------------------------- sharing */

/* Set what debugfs calls FIELD of inode PATH to VALUE. */
static void poke(struct rig *rig, const char *path, const char *field,
                 const char *value)
{
    char command[200];
    int status;

    snprintf(command, sizeof command,
             "debugfs -w -R 'set_inode_field %s %s %s' @ 2>&1", path, field,
             value);
    rig_run(rig, command, &status);
    ck_assert_int_eq(status, 0);
}

/* The number of the block that PATH's attributes are in. */
static uint32_t acl_block(struct rig *rig, const char *path)
{
    char command[200];
    const char *said, *at;
    int status;

    snprintf(command, sizeof command, "debugfs -R 'stat %s' @ 2>/dev/null",
             path);
    said = rig_run(rig, command, &status);
    at = strstr(said, "File ACL: ");
    ck_assert_ptr_nonnull(at);
    return (uint32_t)strtoul(at + 10, NULL, 10);
}

static void get_is(struct shale_vnode *vn, const char *name, const char *want)
{
    char buf[100];
    int64_t got = shale_getxattr(vn, name, buf, sizeof buf);

    if (!want) {
        ck_assert_int_eq(got, SHALE_ENODATA);
        return;
    }
    ck_assert_msg(got == (int64_t)strlen(want), "%s: %d", name, (int)got);
    ck_assert_mem_eq(buf, want, (size_t)got);
}

/* Two files share a block: /a's, which becomes that of /b, too. */
static void make_shared(struct rig *rig)
{
    struct shale_vnode *a, *b;
    char number[20];
    uint32_t block;

    rig_init(rig, 4 * MIB, "-b 1024 -I 128");
    rig_mount(rig);
    a = rig_create(rig, "a", SHALE_S_IFREG | 0644);
    b = rig_create(rig, "b", SHALE_S_IFREG | 0644);
    ck_assert_int_eq(shale_setxattr(a, "user.one", "1", 1, 0), 0);
    ck_assert_int_eq(shale_setxattr(a, "user.two", "22", 2, 0), 0);
    shale_vnode_put(a);
    shale_vnode_put(b);
    rig_unmount(rig);
    block = acl_block(rig, "/a");
    ck_assert_uint_ne(block, 0);
    snprintf(number, sizeof number, "%u", block);
    poke(rig, "/b", "file_acl", number);
    poke(rig, "/b", "blocks", "2");
    rig->bytes[block * 1024 + 4] = 2;
    rig_mount(rig);
}

static const struct {
    const char *what;
    const char *a, *b;          /* commands: "-NAME", "NAME=VALUE", "!" gone */
    const char *a_one, *a_two, *b_one, *b_two;
    bool shared;                /* in the end still */
} sharing[] = {
    { "nothing", NULL, NULL, "1", "22", "1", "22", true },
    { "one changes", "user.one=new", NULL, "new", "22", "1", "22", false },
    { "the other", NULL, "-user.two", "1", "22", "1", NULL, false },
    { "both", "user.one=x", "user.one=y", "x", "22", "y", "22", false },
    { "one goes", "!", NULL, NULL, NULL, "1", "22", false },
    { "both go", "!", "!", NULL, NULL, NULL, NULL, false },
};

static void perform(struct rig *rig, const char *path, const char *command)
{
    struct shale_vnode *vn, *root;
    char name[20];

    if (!command)
        return;
    if (command[0] == '!') {
        root = rig_open(rig, "/");
        ck_assert_int_eq(shale_unlink(root, path + 1, strlen(path + 1)), 0);
        shale_vnode_put(root);
        return;
    }
    vn = rig_open(rig, path);
    snprintf(name, sizeof name, "%.8s", command + (command[0] == '-'));
    if (command[0] == '-')
        ck_assert_int_eq(shale_removexattr(vn, name), 0);
    else
        ck_assert_int_eq(shale_setxattr(vn, name, command + 9,
                                        strlen(command + 9), 0), 0);
    shale_vnode_put(vn);
}

START_TEST(shared_blocks_are_copied)
{
    const char *a = sharing[_i].a, *b = sharing[_i].b;
    struct shale_vnode *vn;
    struct rig rig;

    make_shared(&rig);
    perform(&rig, "/a", a);
    perform(&rig, "/b", b);
    rig_unmount(&rig);
    rig_mount(&rig);
    if (!a || a[0] != '!') {
        vn = rig_open(&rig, "/a");
        get_is(vn, "user.one", sharing[_i].a_one);
        get_is(vn, "user.two", sharing[_i].a_two);
        shale_vnode_put(vn);
    }
    if (!b || b[0] != '!') {
        vn = rig_open(&rig, "/b");
        get_is(vn, "user.one", sharing[_i].b_one);
        get_is(vn, "user.two", sharing[_i].b_two);
        shale_vnode_put(vn);
    }
    rig_unmount(&rig);
    if (a && b && a[0] == '!' && b[0] == '!')
        goto out;
    if (sharing[_i].shared)
        ck_assert_uint_eq(acl_block(&rig, "/a"), acl_block(&rig, "/b"));
out:
    rig_fini(&rig);
}
END_TEST

/* Files with the same attributes share a block, up to 1024 of them. */
START_TEST(equal_blocks_are_shared)
{
    enum { MANY = 1030 };
    static const char value[300] = "equal";
    struct shale_statfs before, after;
    struct shale_vnode *vn, *root;
    struct rig rig;
    char name[20];

    rig_init(&rig, 8 * MIB, "-b 1024 -I 128 -N 1200");
    rig_mount(&rig);
    root = rig_open(&rig, "/");
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "f%d", i);
        shale_vnode_put(rig_create(&rig, name, SHALE_S_IFREG | 0644));
    }
    ck_assert_int_eq(shale_statfs(rig.v.fs, &before), 0);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "/f%d", i);
        vn = rig_open(&rig, name);
        ck_assert_int_eq(shale_setxattr(vn, "user.x", value, sizeof value, 0),
                         0);
        shale_vnode_put(vn);
    }
    ck_assert_int_eq(shale_statfs(rig.v.fs, &after), 0);
    ck_assert_uint_eq(after.blocks_free, before.blocks_free - 2);

    vn = rig_open(&rig, "/f7");
    ck_assert_int_eq(shale_setxattr(vn, "user.x", "own", 3, 0), 0);
    shale_vnode_put(vn);
    vn = rig_open(&rig, "/f8");
    ck_assert_int_eq(shale_getxattr(vn, "user.x", NULL, 0), sizeof value);
    shale_vnode_put(vn);
    shale_vnode_put(root);
    rig_unmount(&rig);
    rig_mount(&rig);
    root = rig_open(&rig, "/");
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "f%d", i);
        ck_assert_int_eq(shale_unlink(root, name, strlen(name)), 0);
    }
    ck_assert_int_eq(shale_sync(rig.v.fs), 0);
    ck_assert_int_eq(shale_statfs(rig.v.fs, &after), 0);
    ck_assert_uint_eq(after.blocks_free, before.blocks_free);
    shale_vnode_put(root);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

/* ----------------------------------------------------------------- names */

#define LONG_16 "0123456789abcdef"
#define LONG_64 LONG_16 LONG_16 LONG_16 LONG_16
#define LONG_256 LONG_64 LONG_64 LONG_64 LONG_64

static const struct {
    const char *name;
    uint32_t mode;
    int err;
} names[] = {
    { "user.x", SHALE_S_IFREG, 0 },
    { "user.x", SHALE_S_IFDIR, 0 },
    { "user.x", SHALE_S_IFIFO, SHALE_EPERM },
    { "user.x", SHALE_S_IFSOCK, SHALE_EPERM },
    { "trusted.x", SHALE_S_IFIFO, 0 },
    { "security.x", SHALE_S_IFIFO, 0 },
    { "user.", SHALE_S_IFREG, SHALE_EINVAL },
    { "trusted.", SHALE_S_IFREG, SHALE_EINVAL },
    { "system.x", SHALE_S_IFREG, SHALE_ENOTSUP },
    { "system.data", SHALE_S_IFREG, SHALE_ENOTSUP },
    { "system.richacl", SHALE_S_IFREG, SHALE_ENOTSUP },
    { "os2.x", SHALE_S_IFREG, SHALE_ENOTSUP },
    { "user", SHALE_S_IFREG, SHALE_ENOTSUP },
    { "x", SHALE_S_IFREG, SHALE_ENOTSUP },
    { "user." LONG_256, SHALE_S_IFREG, SHALE_ERANGE },
    /* 255 bytes without the prefix, of which "0" has been taken off. */
    { "user." LONG_64 LONG_64 LONG_64 LONG_16 LONG_16 LONG_16
      "0123456789abcde", SHALE_S_IFREG, 0 },
};

START_TEST(knows_names)
{
    struct shale_vnode *vn;
    struct rig rig;

    rig_init(&rig, 4 * MIB, "-b 1024 -I 256");
    rig_mount(&rig);
    vn = rig_create(&rig, "it", names[_i].mode | 0644);
    ck_assert_msg(shale_setxattr(vn, names[_i].name, "value", 5, 0) ==
                  names[_i].err, "%s", names[_i].name);
    if (names[_i].err == SHALE_ENOTSUP || names[_i].err == SHALE_EINVAL) {
        ck_assert_int_eq(shale_getxattr(vn, names[_i].name, NULL, 0),
                         names[_i].err);
        ck_assert_int_eq(shale_setxattr(vn, names[_i].name, "value", 5,
                                        SHALE_XATTR_REPLACE), names[_i].err);
    }
    if (names[_i].err == 0)
        get_is(vn, names[_i].name, "value");
    shale_vnode_put(vn);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

START_TEST(has_limits)
{
    static char value[4096];
    struct shale_vnode *vn;
    struct rig rig;

    /* A block less its header, one entry with name, and the end. */
    const size_t most = 4096 - 32 - 16 - 4 - 4;

    rig_init(&rig, 4 * MIB, "-b 4096 -I 256");
    rig_mount(&rig);
    vn = rig_create(&rig, "it", SHALE_S_IFREG | 0644);
    ck_assert_int_eq(shale_setxattr(vn, "user.name", value, most + 1, 0),
                     SHALE_ENOSPC);
    ck_assert_int_eq(shale_setxattr(vn, "user.name", value, 4097, 0),
                     SHALE_ENOSPC);
    ck_assert_int_eq(shale_setxattr(vn, "user.name", value, most, 0), 0);
    ck_assert_int_eq(shale_getxattr(vn, "user.name", NULL, 0), (int)most);
    ck_assert_int_eq(shale_setxattr(vn, "user.other", "1", 1, 0), 0);
    ck_assert_int_eq(shale_setxattr(vn, "user.name", value, 1,
                                    SHALE_XATTR_CREATE), SHALE_EEXIST);
    ck_assert_int_eq(shale_setxattr(vn, "user.absent", value, 1,
                                    SHALE_XATTR_REPLACE), SHALE_ENODATA);
    ck_assert_int_eq(shale_removexattr(vn, "user.absent"), SHALE_ENODATA);
    shale_vnode_put(vn);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

/* ---------------------------------------------------------------- faults */

/* Every allocation in turn fails: the value is the old one, or the new. */
START_TEST(without_memory_nothing_happens)
{
    static char value[700];
    struct shale_vnode *vn;
    struct rig rig;
    bool failed = true;
    char buf[1000];

    rig_init(&rig, 4 * MIB, "-b 1024 -I 256");
    rig_mount(&rig);
    vn = rig_create(&rig, "it", SHALE_S_IFREG | 0644);
    ck_assert_int_eq(shale_setxattr(vn, "user.a", "short", 5, 0), 0);
    memset(value, 'v', sizeof value);
    for (uint64_t nth = 0; failed; nth++) {
        int err;

        shale_mem_fail_at(rig.v.mem, nth);
        err = shale_setxattr(vn, "user.a", value, sizeof value, 0);
        failed = shale_mem_failed(rig.v.mem);
        shale_mem_fail_at(rig.v.mem, UINT64_MAX);
        ck_assert(err == 0 || err == SHALE_ENOMEM);
        if (err) {
            ck_assert_int_eq(shale_getxattr(vn, "user.a", buf, sizeof buf), 5);
            ck_assert_mem_eq(buf, "short", 5);
            continue;
        }
        ck_assert_int_eq(shale_getxattr(vn, "user.a", buf, sizeof buf),
                         sizeof value);
        ck_assert_mem_eq(buf, value, sizeof value);
        ck_assert_int_eq(shale_setxattr(vn, "user.a", "short", 5, 0), 0);
    }
    shale_vnode_put(vn);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2_xattr_write");
    TCase *t = tcase_create("all");

    rig_need_programs();
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, is_what_a_model_says, 0, LAYOUTS);
    tcase_add_test(t, blocks_come_and_go);
    tcase_add_loop_test(t, shared_blocks_are_copied, 0,
                        sizeof sharing / sizeof sharing[0]);
    tcase_add_test(t, equal_blocks_are_shared);
    tcase_add_loop_test(t, knows_names, 0, sizeof names / sizeof names[0]);
    tcase_add_test(t, has_limits);
    tcase_add_test(t, without_memory_nothing_happens);
    suite_add_tcase(s, t);
    return s;
}
