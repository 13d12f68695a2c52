/* test_vfs_path.c - following paths and symlinks */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "toyfs.h"

/* Inode numbers of the tree, in the order setup makes it. */
enum {
    ROOT = TOY_ROOT, DIR, FILE_, SUB, INNER, DEEP, FIFO, TO_FILE, TO_DIR,
    ABSOLUTE, UP, LOOP, SELF_DIR, DANGLING, EMPTY, SLASHED, DOUBLE, TO_ROOT,
    PING, PONG, LONGNAME, LAST_FIXED = LONGNAME,
};

static struct toy toy;
static char longest[SHALE_NAME_MAX + 1];

static void setup(void)
{
    toy_init(&toy);
    memset(longest, 'n', SHALE_NAME_MAX);
    toy_add(&toy, ROOT, "dir", SHALE_TYPE_DIR);
    toy_add(&toy, ROOT, "file", SHALE_TYPE_FILE);
    toy_add(&toy, DIR, "sub", SHALE_TYPE_DIR);
    toy_add(&toy, DIR, "inner", SHALE_TYPE_FILE);
    toy_add(&toy, SUB, "deep", SHALE_TYPE_FILE);
    toy_add(&toy, ROOT, "fifo", SHALE_TYPE_FIFO);
    toy_add_link(&toy, ROOT, "tofile", "file");
    toy_add_link(&toy, ROOT, "todir", "dir");
    toy_add_link(&toy, SUB, "absolute", "/dir/inner");
    toy_add_link(&toy, SUB, "up", "../../file");
    toy_add_link(&toy, ROOT, "loop", "loop");
    toy_add_link(&toy, ROOT, "selfdir", "selfdir/x");
    toy_add_link(&toy, ROOT, "dangling", "nowhere");
    toy_add_link(&toy, ROOT, "empty", "");
    toy_add_link(&toy, ROOT, "slashed", "file/");
    toy_add_link(&toy, ROOT, "double", "todir");
    toy_add_link(&toy, DIR, "toroot", "/");
    toy_add_link(&toy, ROOT, "ping", "pong");
    toy_add_link(&toy, ROOT, "pong", "ping");
    toy_add(&toy, DIR, longest, SHALE_TYPE_FILE);
}

static void teardown(void)
{
    toy_fini(&toy);
}

#define NOFOLLOW SHALE_WALK_NOFOLLOW

static const struct {
    const char *path;
    unsigned flags;
    int64_t result;
} cases[] = {
    { "/", 0, ROOT },
    { "///", 0, ROOT },
    { ".", 0, ROOT },
    { "", 0, SHALE_ENOENT },
    { "dir", 0, DIR },
    { "/dir", 0, DIR },
    { "//dir//sub//deep", 0, DEEP },
    { "/dir/", 0, DIR },
    { "/dir//", 0, DIR },
    { "/dir/.", 0, DIR },
    { "/dir/./sub/.", 0, SUB },
    { "/dir/sub/..", 0, DIR },
    { "/dir/sub/../..", 0, ROOT },
    { "/..", 0, ROOT },
    { "../../../dir/../../file", 0, FILE_ },
    { "/...", 0, SHALE_ENOENT },
    { "/nowhere", 0, SHALE_ENOENT },
    { "/nowhere/x", 0, SHALE_ENOENT },
    { "/DIR", 0, SHALE_ENOENT },
    { "/di", 0, SHALE_ENOENT },

    /* What is no directory has nothing in it. */
    { "/file/", 0, SHALE_ENOTDIR },
    { "/file/.", 0, SHALE_ENOTDIR },
    { "/file/..", 0, SHALE_ENOTDIR },
    { "/file/x", 0, SHALE_ENOTDIR },
    { "/fifo", 0, FIFO },
    { "/fifo/", 0, SHALE_ENOTDIR },

    /* Symlinks, in the middle and at the end. */
    { "/tofile", 0, FILE_ },
    { "/tofile", NOFOLLOW, TO_FILE },
    { "/tofile/", 0, SHALE_ENOTDIR },
    { "/tofile/", NOFOLLOW, SHALE_ENOTDIR },
    { "/todir", 0, DIR },
    { "/todir", NOFOLLOW, TO_DIR },
    { "/todir/", NOFOLLOW, DIR },
    { "/todir/.", NOFOLLOW, DIR },
    { "/todir/..", NOFOLLOW, ROOT },
    { "/todir/inner", NOFOLLOW, INNER },
    { "/todir//sub//up", NOFOLLOW, UP },
    { "/double", 0, DIR },
    { "/double", NOFOLLOW, DOUBLE },
    { "/double/", NOFOLLOW, DIR },
    { "/double/sub/deep", 0, DEEP },
    { "/dir/sub/up", 0, FILE_ },
    { "/dir/sub/absolute", 0, INNER },
    { "/dir/sub/absolute", NOFOLLOW, ABSOLUTE },
    { "/dir/toroot", 0, ROOT },
    { "/dir/toroot", NOFOLLOW, TO_ROOT },
    { "/dir/toroot/dir/toroot/file", 0, FILE_ },
    { "/dir/toroot/../todir", 0, DIR },
    { "/dangling", 0, SHALE_ENOENT },
    { "/dangling", NOFOLLOW, DANGLING },
    { "/dangling/", NOFOLLOW, SHALE_ENOENT },
    { "/empty", 0, SHALE_ENOENT },
    { "/empty", NOFOLLOW, EMPTY },
    { "/slashed", 0, SHALE_ENOTDIR },
    { "/slashed", NOFOLLOW, SLASHED },

    /* ... that lead nowhere. */
    { "/loop", 0, SHALE_ELOOP },
    { "/loop", NOFOLLOW, LOOP },
    { "/loop/x", NOFOLLOW, SHALE_ELOOP },
    { "/selfdir", 0, SHALE_ELOOP },
    { "/selfdir", NOFOLLOW, SELF_DIR },
    { "/ping", 0, SHALE_ELOOP },
    { "/pong", NOFOLLOW, PONG },
};

START_TEST(walks)
{
    int64_t r;

    toy_mount(&toy);
    r = toy_walk(&toy, cases[_i].path, cases[_i].flags);
    ck_assert_msg(r == cases[_i].result, "%s: %d, not %d", cases[_i].path,
                  (int)r, (int)cases[_i].result);
}
END_TEST

START_TEST(walks_from_a_directory)
{
    struct shale_vnode *start, *vn;

    toy_mount(&toy);
    start = toy_get(&toy, SUB);
    ck_assert_int_eq(shale_walk(toy.fs, start, "deep", 0, &vn), 0);
    ck_assert_uint_eq(shale_vnode_ino(vn), DEEP);
    shale_vnode_put(vn);
    ck_assert_int_eq(shale_walk(toy.fs, start, "../inner", 0, &vn), 0);
    ck_assert_uint_eq(shale_vnode_ino(vn), INNER);
    shale_vnode_put(vn);
    ck_assert_int_eq(shale_walk(toy.fs, start, "/file", 0, &vn), 0);
    ck_assert_uint_eq(shale_vnode_ino(vn), FILE_);
    shale_vnode_put(vn);
    shale_vnode_put(start);

    start = toy_get(&toy, FILE_);
    ck_assert_int_eq(shale_walk(toy.fs, start, ".", 0, &vn), SHALE_ENOTDIR);
    ck_assert_uint_eq(start->refs, 1);
    shale_vnode_put(start);
}
END_TEST

/* link1 leads to the file, link2 to link1, and so on. */
static void add_chain(unsigned links)
{
    static char names[64][8];

    for (unsigned i = 1; i <= links; i++) {
        snprintf(names[i], sizeof names[i], "link%u", i);
        toy_add_link(&toy, ROOT, names[i], i == 1 ? "file" : names[i - 1]);
    }
}

START_TEST(forty_links_and_one_more)
{
    add_chain(41);
    toy_mount(&toy);
    ck_assert_int_eq(toy_walk(&toy, "/link40", 0), FILE_);
    ck_assert_int_eq(toy_walk(&toy, "/link41", 0), SHALE_ELOOP);
    ck_assert_int_eq(toy_walk(&toy, "/link41", NOFOLLOW),
                     LAST_FIXED + 41);
}
END_TEST

START_TEST(links_count_over_the_whole_path)
{
    char path[64 * 7] = "";

    for (unsigned i = 0; i < 40; i++)
        strcat(path, "todir/../");
    toy_mount(&toy);
    ck_assert_int_eq(toy_walk(&toy, path, 0), ROOT);
    strcat(path, "todir");
    ck_assert_int_eq(toy_walk(&toy, path, 0), SHALE_ELOOP);
}
END_TEST

START_TEST(long_names)
{
    char path[4 + SHALE_NAME_MAX + 2];

    toy_mount(&toy);
    snprintf(path, sizeof path, "dir/%s", longest);
    ck_assert_int_eq(toy_walk(&toy, path, 0), LONGNAME);
    snprintf(path, sizeof path, "dir/%sn", longest);
    ck_assert_int_eq(toy_walk(&toy, path, 0), SHALE_ENAMETOOLONG);
}
END_TEST

START_TEST(long_paths)
{
    char path[SHALE_PATH_MAX + 8];

    toy_mount(&toy);
    for (unsigned i = 0; i < SHALE_PATH_MAX; i += 2)
        memcpy(path + i, "./", 3);
    path[SHALE_PATH_MAX - 1] = '\0';
    ck_assert_int_eq(toy_walk(&toy, path, 0), ROOT);
    path[SHALE_PATH_MAX - 1] = '/';
    ck_assert_int_eq(toy_walk(&toy, path, 0), SHALE_ENAMETOOLONG);
}
END_TEST

/* The target and what follows it have to fit together. */
START_TEST(long_targets)
{
    static char target[SHALE_PATH_MAX];

    memset(target, '/', SHALE_PATH_MAX - 10);
    memcpy(target + SHALE_PATH_MAX - 10, "dir", 4);
    toy_add_link(&toy, ROOT, "long", target);       /* 4,089 bytes */
    toy_mount(&toy);
    ck_assert_int_eq(toy_walk(&toy, "/long", 0), DIR);
    ck_assert_int_eq(toy_walk(&toy, "/long/", 0), DIR);
    ck_assert_int_eq(toy_walk(&toy, "/long/././", 0), DIR);     /* 4,094 */
    ck_assert_int_eq(toy_walk(&toy, "/long/././.", 0), DIR);    /* 4,095 */
    ck_assert_int_eq(toy_walk(&toy, "/long/./././", 0), SHALE_ENAMETOOLONG);
}
END_TEST

/* Alone, a target may be as long as a path. */
START_TEST(longest_target)
{
    static char target[SHALE_PATH_MAX + 1];
    struct toy_node *node;

    memset(target, '/', SHALE_PATH_MAX);
    memcpy(target + SHALE_PATH_MAX - 4, "dir", 3);
    node = toy_add_link(&toy, ROOT, "long", target);
    node->target_len = SHALE_PATH_MAX - 1;
    toy_mount(&toy);
    ck_assert_int_eq(toy_walk(&toy, "/long", 0), DIR);
    toy.nodes[toy.count - 1].target_len = SHALE_PATH_MAX;
    ck_assert_int_eq(toy_walk(&toy, "/long", 0), SHALE_ENAMETOOLONG);
}
END_TEST

START_TEST(errors_on_the_way)
{
    static const struct {
        enum toy_op op;
        const char *path;
        uint64_t ino;
    } ways[] = {
        { TOY_LOOKUP, "/dir/sub/deep", SUB },
        { TOY_LOAD, "/dir/sub/deep", DEEP },
        { TOY_READLINK, "/dir/sub/up", UP },
        { TOY_PARENT, "/dir/sub/../..", DIR },
    };

    toy_mount(&toy);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        memset(toy.fail, 0, sizeof toy.fail);
        toy.fail[ways[i].op] = SHALE_EIO;
        toy.fail_ino = ways[i].ino;
        shale_fs_shrink(toy.fs);
        ck_assert_int_eq(toy_walk(&toy, ways[i].path, 0), SHALE_EIO);
    }
}
END_TEST

START_TEST(root_is_its_own_parent_whatever_the_volume_says)
{
    toy.nodes[ROOT - 1].parent = SUB;
    toy_mount(&toy);
    ck_assert_int_eq(toy_walk(&toy, "/../file", 0), FILE_);
    ck_assert_uint_eq(toy_calls(&toy, TOY_PARENT), 0);
}
END_TEST

START_TEST(parent_has_to_be_a_directory)
{
    struct shale_vnode *sub, *out;

    toy.nodes[SUB - 1].parent = FILE_;
    toy_mount(&toy);
    sub = toy_get(&toy, SUB);
    ck_assert_int_eq(shale_lookup(sub, "..", 2, &out), SHALE_ECORRUPT);
    ck_assert_uint_eq(toy.said.ino, SUB);
    shale_vnode_put(sub);
}
END_TEST

START_TEST(stat_and_lstat)
{
    struct shale_attr attr;

    toy_mount(&toy);
    ck_assert_int_eq(shale_stat(toy.fs, "/tofile", &attr), 0);
    ck_assert_uint_eq(attr.ino, FILE_);
    ck_assert_int_eq(shale_lstat(toy.fs, "/tofile", &attr), 0);
    ck_assert_uint_eq(attr.ino, TO_FILE);
    ck_assert_uint_eq(attr.size, 4);
    ck_assert_int_eq(shale_stat(toy.fs, "/none", &attr), SHALE_ENOENT);
    ck_assert_int_eq(shale_lstat(toy.fs, "/none", &attr), SHALE_ENOENT);
}
END_TEST

START_TEST(readlink_bounds)
{
    struct shale_vnode *link, *file;
    char buf[8];

    toy_mount(&toy);
    link = toy_get(&toy, TO_FILE);
    file = toy_get(&toy, FILE_);
    memset(buf, 'x', sizeof buf);
    ck_assert_int_eq(shale_readlink(link, buf, sizeof buf), 4);
    ck_assert_str_eq(buf, "file");
    ck_assert_int_eq(buf[5], 'x');
    ck_assert_int_eq(shale_readlink(link, buf, 5), 4);
    ck_assert_int_eq(shale_readlink(link, buf, 4), SHALE_ERANGE);
    ck_assert_int_eq(shale_readlink(link, buf, 1), SHALE_ERANGE);
    ck_assert_int_eq(shale_readlink(link, NULL, 0), SHALE_ERANGE);
    ck_assert_int_eq(shale_readlink(file, buf, sizeof buf), SHALE_EINVAL);
    shale_vnode_put(link);
    shale_vnode_put(file);
}
END_TEST

START_TEST(target_ends_at_its_nul)
{
    struct toy_node *node = toy_add_link(&toy, ROOT, "cut", "dir\0/sub");
    struct shale_vnode *link;
    uint64_t ino = node->ino;
    char buf[16];

    node->target_len = 8;
    toy_mount(&toy);
    link = toy_get(&toy, ino);
    ck_assert_int_eq(shale_readlink(link, buf, sizeof buf), 3);
    ck_assert_str_eq(buf, "dir");
    shale_vnode_put(link);
    ck_assert_int_eq(toy_walk(&toy, "/cut", 0), DIR);
    ck_assert_int_eq(toy_walk(&toy, "/cut/sub", 0), SUB);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/path");
    TCase *tc = tcase_create("walk");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, walks, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tc, walks_from_a_directory);
    tcase_add_test(tc, forty_links_and_one_more);
    tcase_add_test(tc, links_count_over_the_whole_path);
    tcase_add_test(tc, long_names);
    tcase_add_test(tc, long_paths);
    tcase_add_test(tc, long_targets);
    tcase_add_test(tc, longest_target);
    tcase_add_test(tc, errors_on_the_way);
    tcase_add_test(tc, root_is_its_own_parent_whatever_the_volume_says);
    tcase_add_test(tc, parent_has_to_be_a_directory);
    tcase_add_test(tc, stat_and_lstat);
    tcase_add_test(tc, readlink_bounds);
    tcase_add_test(tc, target_ends_at_its_nul);
    suite_add_tcase(s, tc);
    return s;
}
