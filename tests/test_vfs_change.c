/* test_vfs_change.c - making and removing names, and attributes */
#include <check.h>
#include <string.h>

#include "inkfs.h"
#include "suite.h"
#include "watch.h"

static struct ink ink;
static struct shale_vnode *dir, *file;      /* /dir, /file */

static void setup(void)
{
    ink_init(&ink, false);
    ink_mount(&ink);
    dir = ink_mkdir(&ink, "dir");
    file = ink_create(&ink, "file");
}

static void teardown(void)
{
    shale_vnode_put(dir);
    shale_vnode_put(file);
    ink_fini(&ink);
}

/* Mount again: what is left is on the device. */
static void remount(void)
{
    shale_vnode_put(dir);
    shale_vnode_put(file);
    ink_unmount(&ink);
    ink_mount(&ink);
    dir = ink_get(&ink, "/dir");
    file = ink_get(&ink, "/file");
}

static char longest[INK_NAME_MAX + 2];

/* --------------------------------------------------------------- create */

static const struct {
    const char *what, *name;
    uint32_t mode;
    const char *target;
    int64_t target_len;         /* -1: the string's */
    int result;
} creations[] = {
    { "a file", "new", SHALE_S_IFREG | 0644, NULL, 0, 0 },
    { "a directory", "new", SHALE_S_IFDIR | 0755, NULL, 0, 0 },
    { "a fifo", "new", SHALE_S_IFIFO | 0644, NULL, 0, 0 },
    { "a symlink", "new", SHALE_S_IFLNK | 0777, "file", -1, 0 },
    { "no type", "new", 0644, NULL, 0, SHALE_EINVAL },
    { "a type there is not", "new", 0170000u, NULL, 0, SHALE_EINVAL },
    { "a name that is there", "file", SHALE_S_IFREG, NULL, 0, SHALE_EEXIST },
    { "a directory's", "dir", SHALE_S_IFREG, NULL, 0, SHALE_EEXIST },
    { "dot", ".", SHALE_S_IFREG, NULL, 0, SHALE_EEXIST },
    { "dot dot", "..", SHALE_S_IFDIR, NULL, 0, SHALE_EEXIST },
    { "three dots", "...", SHALE_S_IFREG, NULL, 0, 0 },
    { "no name", "", SHALE_S_IFREG, NULL, 0, SHALE_EINVAL },
    { "a slash", "a/b", SHALE_S_IFREG, NULL, 0, SHALE_EINVAL },
    { "the longest name", longest + 1, SHALE_S_IFREG, NULL, 0, 0 },
    { "one byte more", longest, SHALE_S_IFREG, NULL, 0, SHALE_ENAMETOOLONG },
    { "no target", "new", SHALE_S_IFLNK, NULL, 0, SHALE_EINVAL },
    { "an empty target", "new", SHALE_S_IFLNK, "", 0, SHALE_ENOENT },
    { "a target with NUL", "new", SHALE_S_IFLNK, "a", 2, SHALE_EINVAL },
    { "a long target", "new", SHALE_S_IFLNK, "a", SHALE_PATH_MAX,
      SHALE_ENAMETOOLONG },
    { "a file's target", "new", SHALE_S_IFREG, "a", -1, SHALE_EINVAL },
};

START_TEST(creates)
{
    struct shale_node node = {
        .mode = creations[_i].mode, .target = creations[_i].target,
    };
    struct shale_vnode *vn = NULL;
    int err;

    memset(longest, 'n', INK_NAME_MAX + 1);
    node.target_len = creations[_i].target_len < 0
                          ? strlen(creations[_i].target)
                          : (size_t)creations[_i].target_len;
    err = shale_create(ink.root, creations[_i].name,
                       strlen(creations[_i].name), &node, &vn);
    ck_assert_msg(err == creations[_i].result, "%s: %d", creations[_i].what,
                  err);
    ck_assert_uint_eq(watch_held(), 0);
    if (err) {
        ck_assert_ptr_null(vn);
        return;
    }
    ck_assert_int_eq(shale_vnode_type(vn), shale_type_of_mode(node.mode));
    ck_assert_uint_eq(vn->links, 1);
    shale_vnode_put(vn);
    remount();
    ck_assert_int_eq(shale_lookup(ink.root, creations[_i].name,
                                  strlen(creations[_i].name), &vn), 0);
    shale_vnode_put(vn);
}
END_TEST

START_TEST(creates_without_a_vnode)
{
    unsigned loads = ink_calls(&ink, INK_LOAD);

    ck_assert_int_eq(ink_make(&ink, NULL, "new", SHALE_S_IFREG, NULL), 0);
    ck_assert_uint_eq(ink_calls(&ink, INK_LOAD), loads);
    ck_assert_int_ge(ink_find(&ink, "/new"), 0);
}
END_TEST

START_TEST(creates_in_no_directory)
{
    ck_assert_int_eq(ink_make(&ink, file, "new", SHALE_S_IFREG, NULL),
                     SHALE_ENOTDIR);
}
END_TEST

/* The file is made, but its vnode cannot be: so it is not made. */
START_TEST(a_file_that_cannot_be_loaded_is_not_made)
{
    struct shale_vnode *vn;

    ink_fail(&ink, INK_LOAD, 1, SHALE_EIO);
    ck_assert_int_eq(ink_make(&ink, NULL, "new", SHALE_S_IFREG, &vn),
                     SHALE_EIO);
    ink_fail(&ink, INK_LOAD, 1, SHALE_ESTALE);
    ck_assert_int_eq(ink_make(&ink, NULL, "new", SHALE_S_IFREG, &vn),
                     SHALE_EIO);
    ck_assert_int_eq(ink_find(&ink, "/new"), SHALE_ENOENT);
    remount();
    ck_assert_int_eq(ink_find(&ink, "/new"), SHALE_ENOENT);
}
END_TEST

/* ------------------------------------------------------- link and remove */

START_TEST(links)
{
    ck_assert_int_eq(shale_link(file, dir, "two", 3), 0);
    ck_assert_uint_eq(file->links, 2);
    ck_assert_int_eq(ink_find(&ink, "/dir/two"),
                     (int64_t)shale_vnode_ino(file));
    ck_assert_int_eq(shale_link(file, dir, "two", 3), SHALE_EEXIST);
    ck_assert_int_eq(shale_link(file, dir, ".", 1), SHALE_EEXIST);
    ck_assert_int_eq(shale_link(file, file, "x", 1), SHALE_ENOTDIR);
    ck_assert_int_eq(shale_link(dir, ink.root, "x", 1), SHALE_EPERM);
    ck_assert_int_eq(ink_unlink(&ink, "file"), 0);
    ck_assert_uint_eq(file->links, 1);
    ck_assert_int_eq(ink_find(&ink, "/dir/two"),
                     (int64_t)shale_vnode_ino(file));
    ck_assert_int_eq(shale_link(file, ink.root, "file", 4), 0);
    remount();
    ck_assert_uint_eq(file->links, 2);
}
END_TEST

static const struct {
    const char *what, *name;
    bool directory;
    int result;
} removals[] = {
    { "a file", "file", false, 0 },
    { "a file as a directory", "file", true, SHALE_ENOTDIR },
    { "a directory as a file", "dir", false, SHALE_EISDIR },
    { "an empty directory", "dir", true, 0 },
    { "nothing", "none", false, SHALE_ENOENT },
    { "no directory", "none", true, SHALE_ENOENT },
    { "dot", ".", true, SHALE_EINVAL },
    { "dot dot", "..", true, SHALE_EINVAL },
    { "dot as a file", ".", false, SHALE_EINVAL },
    { "no name", "", false, SHALE_EINVAL },
    { "a path", "dir/x", false, SHALE_EINVAL },
};

START_TEST(removes)
{
    const char *name = removals[_i].name;
    int err = removals[_i].directory
                  ? shale_rmdir(ink.root, name, strlen(name))
                  : shale_unlink(ink.root, name, strlen(name));

    ck_assert_msg(err == removals[_i].result, "%s: %d", removals[_i].what,
                  err);
    ck_assert_uint_eq(watch_held(), 0);
    if (!err)
        ck_assert_int_eq(ink_make(&ink, NULL, name, SHALE_S_IFREG, NULL), 0);
}
END_TEST

START_TEST(a_directory_that_is_not_empty)
{
    ck_assert_int_eq(ink_make(&ink, dir, "x", SHALE_S_IFREG, NULL), 0);
    ck_assert_int_eq(shale_rmdir(ink.root, "dir", 3), SHALE_ENOTEMPTY);
    ck_assert_int_eq(shale_unlink(dir, "x", 1), 0);
    ck_assert_int_eq(shale_rmdir(ink.root, "dir", 3), 0);
    ck_assert_int_eq(ink_make(&ink, NULL, "dir", SHALE_S_IFDIR, NULL), 0);
}
END_TEST

START_TEST(nothing_is_made_in_what_is_removed)
{
    ck_assert_int_eq(shale_rmdir(ink.root, "dir", 3), 0);
    ck_assert_int_eq(ink_make(&ink, dir, "x", SHALE_S_IFREG, NULL),
                     SHALE_ENOENT);
    ck_assert_int_eq(shale_link(file, dir, "x", 1), SHALE_ENOENT);
    ck_assert_int_eq(shale_rename(ink.root, "file", 4, dir, "x", 1, 0),
                     SHALE_ENOENT);
    ck_assert_int_eq(shale_unlink(dir, "x", 1), SHALE_ENOENT);
    ck_assert_int_eq(ink_make(&ink, NULL, "dir", SHALE_S_IFDIR, NULL), 0);
}
END_TEST

START_TEST(no_name_for_a_file_without_one)
{
    ck_assert_int_eq(ink_unlink(&ink, "file"), 0);
    ck_assert_int_eq(shale_link(file, dir, "x", 1), SHALE_ENOENT);
}
END_TEST

/* ----------------------------------------------------------- attributes */

START_TEST(sets_attributes)
{
    const struct shale_setattr what = {
        .valid = SHALE_SET_MODE | SHALE_SET_MTIME,
        .mode = 0600, .mtime = { 5, 999999999 },
    };
    struct shale_setattr late = { .valid = SHALE_SET_MTIME };
    struct shale_attr attr;

    ck_assert_int_eq(shale_setattr(file, &what), 0);
    remount();
    ck_assert_int_eq(shale_getattr(file, &attr), 0);
    ck_assert_uint_eq(attr.mode, SHALE_S_IFREG | 0600);
    ck_assert_int_eq(attr.mtime.sec, 5);
    late.mtime.nsec = 1000000000;
    ck_assert_int_eq(shale_setattr(file, &late), SHALE_EINVAL);
    late.valid = SHALE_SET_MODE;        /* then nobody looks at it */
    ck_assert_int_eq(shale_setattr(file, &late), 0);
}
END_TEST

static const struct {
    const char *what, *name, *value;
    unsigned flags;
    bool there;
    int result;
} xattrs[] = {
    { "new", "user.note", "x", 0, false, 0 },
    { "again", "user.note", "y", 0, true, 0 },
    { "empty", "user.note", "", 0, false, 0 },
    { "no value", "user.note", NULL, 0, false, 0 },
    { "create", "user.note", "x", SHALE_XATTR_CREATE, false, 0 },
    { "create again", "user.note", "x", SHALE_XATTR_CREATE, true,
      SHALE_EEXIST },
    { "replace", "user.note", "x", SHALE_XATTR_REPLACE, true, 0 },
    { "replace nothing", "user.note", "x", SHALE_XATTR_REPLACE, false,
      SHALE_ENODATA },
    { "both", "user.note", "x", SHALE_XATTR_CREATE | SHALE_XATTR_REPLACE,
      true, SHALE_EEXIST },
    { "a flag there is not", "user.note", "x", 4, false, SHALE_EINVAL },
    { "no name", "", "x", 0, false, SHALE_EINVAL },
    { "a name of others", "user.other", "x", 0, false, SHALE_ENOTSUP },
};

START_TEST(sets_xattrs)
{
    const char *value = xattrs[_i].value;
    size_t len = value ? strlen(value) : 0;
    char got[32];
    int err;

    if (xattrs[_i].there)
        ck_assert_int_eq(shale_setxattr(file, "user.note", "old", 3, 0), 0);
    err = shale_setxattr(file, xattrs[_i].name, value, len, xattrs[_i].flags);
    ck_assert_msg(err == xattrs[_i].result, "%s: %d", xattrs[_i].what, err);
    if (err)
        return;
    remount();
    ck_assert_int_eq(shale_getxattr(file, "user.note", got, sizeof got),
                     (int64_t)len);
    ck_assert_int_eq(memcmp(got, value ? value : "", len), 0);
    ck_assert_int_eq(shale_removexattr(file, "user.note"), 0);
    ck_assert_int_eq(shale_removexattr(file, "user.note"), SHALE_ENODATA);
}
END_TEST

START_TEST(sets_the_label)
{
    char label[SHALE_LABEL_MAX + 2] = "paper";

    ck_assert_int_eq(shale_set_label(ink.fs, label), 0);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_str_eq((const char *)ink.bytes + 16, "paper");
    ck_assert_int_eq(shale_set_label(ink.fs, ""), 0);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_str_eq((const char *)ink.bytes + 16, "");
    memset(label, 'x', SHALE_LABEL_MAX + 1);
    ck_assert_int_eq(shale_set_label(ink.fs, label), SHALE_EINVAL);
}
END_TEST

/* -------------------------------------------- read-only, in all its ways */

/* One after the other, every call that changes something. */
static int change_number(unsigned number)
{
    const struct shale_setattr what = { .valid = SHALE_SET_MODE };
    const struct shale_node node = { .mode = SHALE_S_IFREG };
    uint64_t end;

    switch (number) {
    case 0: return shale_create(ink.root, "x", 1, &node, NULL);
    case 1: return shale_link(file, dir, "x", 1);
    case 2: return shale_unlink(ink.root, "file", 4);
    case 3: return shale_rmdir(ink.root, "dir", 3);
    case 4: return shale_rename(ink.root, "file", 4, dir, "x", 1, 0);
    case 5: return shale_rename(ink.root, "file", 4, ink.root, "dir", 3,
                                SHALE_RENAME_EXCHANGE);
    case 6: return shale_setattr(file, &what);
    case 7: return shale_setxattr(file, "user.note", "x", 1, 0);
    case 8: return shale_removexattr(file, "user.note");
    case 9: return shale_set_label(ink.fs, "x");
    case 10: return (int)shale_write(file, "x", 1, 0);
    case 11: return (int)shale_append(file, "x", 1, &end);
    case 12: return shale_truncate(file, 1);
    case 13: return shale_allocate(file, 0, 1, 0);
    case 14: return (int)shale_copy_range(file, 0, file, 10, 1);
    }
    return 1000;
}

#define CHANGES 15

static void mount_otherwise(void)
{
    const char *wrong;

    shale_vnode_put(dir);
    shale_vnode_put(file);
    ink_unmount(&ink);
    wrong = ink_check(&ink, false);
    ck_assert_msg(!wrong, "%s", wrong);
    shale_fault_forget(&ink.fault);
}

START_TEST(a_read_only_mount_changes_nothing)
{
    mount_otherwise();
    ink.config.read_only = true;
    ink_mount(&ink);
    dir = ink_get(&ink, "/dir");
    file = ink_get(&ink, "/file");
    ck_assert(shale_fs_read_only(ink.fs));
    ck_assert_int_eq(change_number((unsigned)_i), SHALE_EROFS);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_int_eq(shale_writeback(ink.fs), 0);
    ck_assert_int_eq(shale_fsync(file), 0);
    ck_assert_ptr_null(ink.fault.records);
}
END_TEST

/* A driver that has nothing but create() besides what it reads with. */
START_TEST(a_driver_that_can_do_little)
{
    static struct shale_fs_ops little;
    static const struct shale_fs_ops *const drivers[] = { &little, NULL };
    int err;

    little = ink_ops;
    little.link = NULL;
    little.remove = NULL;
    little.rename = NULL;
    little.setattr = NULL;
    little.setxattr = NULL;
    little.set_label = NULL;
    little.allocate = NULL;
    mount_otherwise();
    ink.config.drivers = drivers;
    ink_mount(&ink);
    dir = ink_get(&ink, "/dir");
    file = ink_get(&ink, "/file");
    err = change_number((unsigned)_i);
    ck_assert_int_eq(err, _i == 0 ? 0 : SHALE_ENOTSUP);
}
END_TEST

START_TEST(a_driver_that_only_reads)
{
    static struct shale_fs_ops reader;
    static const struct shale_fs_ops *const drivers[] = { &reader, NULL };

    reader = ink_ops;
    reader.create = NULL;
    ck_assert(shale_driver_writes(&ink_ops));
    ck_assert(!shale_driver_writes(&reader));
    mount_otherwise();
    ink.config.drivers = drivers;
    ink_mount(&ink);
    ck_assert(shale_fs_read_only(ink.fs));
    dir = ink_get(&ink, "/dir");
    file = ink_get(&ink, "/file");
    ck_assert_int_eq(shale_truncate(file, 1), SHALE_EROFS);
}
END_TEST

START_TEST(a_device_that_only_reads)
{
    static struct shale_memory_bdev device;

    mount_otherwise();
    shale_memory_bdev_init(&device, ink.bytes, INK_SIZE, 512, true);
    ink.config.dev = &device.base;
    ck_assert_int_eq(shale_mount(&ink.config, &ink.fs), 0);
    ck_assert(shale_fs_read_only(ink.fs));
    ck_assert_int_eq(shale_set_label(ink.fs, "x"), SHALE_EROFS);
    ck_assert_int_eq(shale_unmount(ink.fs), 0);
    ink.config.dev = &ink.fault.base;
    ink_mount(&ink);
    dir = ink_get(&ink, "/dir");
    file = ink_get(&ink, "/file");
}
END_TEST

/* Blocks of the volume could not be written one by one. */
START_TEST(a_device_with_larger_blocks)
{
    static struct shale_memory_bdev device;

    mount_otherwise();
    shale_memory_bdev_init(&device, ink.bytes, INK_SIZE, 2048, false);
    ink.config.dev = &device.base;
    atomic_store(&ink.events, 0);
    ck_assert_int_eq(shale_mount(&ink.config, &ink.fs), 0);
    ck_assert(shale_fs_read_only(ink.fs));
    ck_assert_uint_eq(atomic_load(&ink.events), 1);
    ck_assert_int_eq(ink.said.level, SHALE_LOG_WARNING);
    ck_assert_int_eq(shale_set_label(ink.fs, "x"), SHALE_EROFS);
    ck_assert_int_eq(shale_unmount(ink.fs), 0);
    ink.config.dev = &ink.fault.base;
    ink_mount(&ink);
    dir = ink_get(&ink, "/dir");
    file = ink_get(&ink, "/file");
}
END_TEST

/* ---------------------------------------------------------------- mkfs */

static int formats;

static int format(struct shale_bdev *dev, struct shale_mem *mem,
                  struct shale_log *log, const struct shale_format *what)
{
    (void)mem, (void)log;
    formats++;
    return shale_bdev_write(dev, 0, what->label, 512);
}

START_TEST(makes_a_volume)
{
    static uint8_t bytes[512];
    struct shale_fs_ops ops = { .name = "x" };
    struct shale_memory_bdev device;
    struct shale_format what = { .label = (const char *)ink.bytes };

    shale_memory_bdev_init(&device, bytes, 512, 512, true);
    ck_assert_int_eq(shale_mkfs(&ops, &device.base, ink.mem, NULL, &what),
                     SHALE_ENOTSUP);
    ops.format = format;
    ck_assert_int_eq(shale_mkfs(&ops, &device.base, ink.mem, NULL, &what),
                     SHALE_EROFS);
    ck_assert_int_eq(formats, 0);
    shale_memory_bdev_init(&device, bytes, 512, 512, false);
    ck_assert_int_eq(shale_mkfs(&ops, &device.base, ink.mem, NULL, &what), 0);
    ck_assert_int_eq(formats, 1);
    ck_assert_int_eq(memcmp(bytes, ink.bytes, 512), 0);
}
END_TEST

/* ------------------------------------------------------------- by path */

static const struct {
    const char *path;
    int result;
    const char *name;
    bool in_dir;
} parents[] = {
    { "/new", 0, "new", false },
    { "new", 0, "new", false },
    { "new/", 0, "new", false },
    { "//new//", 0, "new", false },
    { "/dir/new", 0, "new", true },
    { "dir/new///", 0, "new", true },
    { "dir/./new", 0, "new", true },
    { "dir/../dir/new", 0, "new", true },
    { "/dir/..new", 0, "..new", true },
    { "/", SHALE_EBUSY, NULL, false },
    { "//", SHALE_EBUSY, NULL, false },
    { ".", SHALE_EBUSY, NULL, false },
    { "dir/..", SHALE_EBUSY, NULL, false },
    { "dir/./", SHALE_EBUSY, NULL, false },
    { "", SHALE_ENOENT, NULL, false },
    { "none/new", SHALE_ENOENT, NULL, false },
    { "file/new", SHALE_ENOTDIR, NULL, false },
};

START_TEST(walks_to_the_parent)
{
    struct shale_vnode *at = NULL;
    const char *name;
    size_t len;
    int err = shale_walk_parent(ink.fs, parents[_i].path, &at, &name, &len);

    ck_assert_msg(err == parents[_i].result, "%s: %d", parents[_i].path, err);
    if (err)
        return;
    ck_assert_uint_eq(len, strlen(parents[_i].name));
    ck_assert_int_eq(memcmp(name, parents[_i].name, len), 0);
    ck_assert_ptr_eq(at, parents[_i].in_dir ? dir : ink.root);
    shale_vnode_put(at);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/change");
    TCase *tc = tcase_create("change");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, creates, 0,
                        sizeof creations / sizeof *creations);
    tcase_add_test(tc, creates_without_a_vnode);
    tcase_add_test(tc, creates_in_no_directory);
    tcase_add_test(tc, a_file_that_cannot_be_loaded_is_not_made);
    tcase_add_test(tc, links);
    tcase_add_loop_test(tc, removes, 0, sizeof removals / sizeof *removals);
    tcase_add_test(tc, a_directory_that_is_not_empty);
    tcase_add_test(tc, nothing_is_made_in_what_is_removed);
    tcase_add_test(tc, no_name_for_a_file_without_one);
    tcase_add_test(tc, sets_attributes);
    tcase_add_loop_test(tc, sets_xattrs, 0, sizeof xattrs / sizeof *xattrs);
    tcase_add_test(tc, sets_the_label);
    tcase_add_loop_test(tc, a_read_only_mount_changes_nothing, 0, CHANGES);
    tcase_add_loop_test(tc, a_driver_that_can_do_little, 0, CHANGES);
    tcase_add_test(tc, a_driver_that_only_reads);
    tcase_add_test(tc, a_device_that_only_reads);
    tcase_add_test(tc, a_device_with_larger_blocks);
    tcase_add_test(tc, makes_a_volume);
    tcase_add_loop_test(tc, walks_to_the_parent, 0,
                        sizeof parents / sizeof *parents);
    suite_add_tcase(s, tc);
    return s;
}
