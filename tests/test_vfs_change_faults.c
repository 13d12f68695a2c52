/* test_vfs_change_faults.c - every change, with everything failing in turn */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "inkfs.h"
#include "suite.h"
#include "watch.h"

/*
 * A volume on which each change below can be done once:
 *
 *     a  b  d/  d/f  e/      a has 5,000 bytes, b 2,000
 */
static struct ink ink;
static struct shale_vnode *a, *b, *d;

static void open_volume(bool holes)
{
    struct shale_vnode *e, *f;

    ink_init(&ink, holes);
    ink_mount(&ink);
    a = ink_create(&ink, "a");
    b = ink_create(&ink, "b");
    d = ink_mkdir(&ink, "d");
    e = ink_mkdir(&ink, "e");
    ck_assert_int_eq(ink_make(&ink, d, "f", SHALE_S_IFREG, &f), 0);
    ck_assert_int_eq(ink_write(a, 1, 0, 5000), 5000);
    ck_assert_int_eq(ink_write(b, 2, 0, 2000), 2000);
    shale_vnode_put(e);
    shale_vnode_put(f);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
}

static int create(void)
{
    return ink_make(&ink, d, "new", SHALE_S_IFREG, NULL);
}

static int create_vnode(void)
{
    struct shale_vnode *vn;
    int err = ink_make(&ink, NULL, "new", SHALE_S_IFDIR, &vn);

    if (!err)
        shale_vnode_put(vn);
    return err;
}

static int link_file(void)
{
    return shale_link(a, d, "new", 3);
}

static int unlink_file(void)
{
    return shale_unlink(d, "f", 1);
}

static int unlink_held(void)
{
    return ink_unlink(&ink, "a");
}

static int remove_directory(void)
{
    return shale_rmdir(ink.root, "e", 1);
}

static int rename_file(void)
{
    return shale_rename(ink.root, "a", 1, d, "new", 3, 0);
}

static int rename_over(void)
{
    return shale_rename(ink.root, "a", 1, ink.root, "b", 1, 0);
}

static int rename_directory(void)
{
    return shale_rename(ink.root, "d", 1, ink.root, "e", 1, 0);
}

static int exchange(void)
{
    return shale_rename(ink.root, "a", 1, d, "f", 1, SHALE_RENAME_EXCHANGE);
}

static int set_mode(void)
{
    const struct shale_setattr what = { .valid = SHALE_SET_MODE, .mode = 0 };

    return shale_setattr(a, &what);
}

static int set_xattr(void)
{
    return shale_setxattr(a, "user.note", "x", 1, SHALE_XATTR_CREATE);
}

static int set_label(void)
{
    return shale_set_label(ink.fs, "label");
}

/* What counts is whole or not at all; others are in test_vfs_write. */
static int write_all(int64_t done, int64_t len)
{
    return done < 0 ? (int)done : done < len ? SHALE_EINTR : 0;
}

static int overwrite(void)
{
    return write_all(ink_write(a, 3, 100, 2000), 2000);
}

static int extend(void)
{
    return write_all(ink_write(a, 3, 4000, 8000), 8000);
}

static int write_gap(void)
{
    return write_all(ink_write(b, 3, 9000, 10), 10);
}

static int cut(void)
{
    return shale_truncate(a, 1025);
}

static int grow(void)
{
    return shale_truncate(a, 9000);
}

static int reserve(void)
{
    return shale_allocate(a, 0, 9000, 0);
}

static int reserve_more(void)
{
    return shale_allocate(a, 0, 9000, SHALE_ALLOCATE_KEEP_SIZE);
}

static int copy(void)
{
    return write_all(shale_copy_range(a, 0, b, 1000, 5000), 5000);
}

static int sync_volume(void)
{
    return shale_sync(ink.fs);
}

static const struct {
    const char *what;
    int (*run)(void);
    bool data;                  /* may be done in part */
} changes[] = {
    { "create", create, false },
    { "create a directory", create_vnode, false },
    { "link", link_file, false },
    { "unlink", unlink_file, false },
    { "unlink what is held", unlink_held, false },
    { "rmdir", remove_directory, false },
    { "rename", rename_file, false },
    { "rename over", rename_over, false },
    { "rename a directory over", rename_directory, false },
    { "exchange", exchange, false },
    { "setattr", set_mode, false },
    { "setxattr", set_xattr, false },
    { "label", set_label, false },
    { "overwrite", overwrite, true },
    { "extend", extend, true },
    { "write behind a gap", write_gap, true },
    { "cut", cut, false },
    { "grow", grow, false },
    { "reserve", reserve, false },
    { "reserve and keep the size", reserve_more, false },
    { "copy", copy, true },
    { "sync", sync_volume, false },
};

#define CHANGES ((int)(sizeof changes / sizeof *changes))

/* ------------------------------------------- what a user can see of it all */

struct view {
    uint64_t hash;
};

static void view_add(struct view *view, const void *bytes, size_t len)
{
    const uint8_t *from = bytes;

    for (size_t i = 0; i < len; i++)
        view->hash = (view->hash ^ from[i]) * 0x100000001b3u;
}

static void view_file(struct view *view, struct shale_vnode *vn)
{
    static uint8_t bytes[32768];
    struct shale_attr attr;
    char note[32];
    int64_t len;

    ck_assert_int_eq(shale_getattr(vn, &attr), 0);
    view_add(view, &attr.mode, sizeof attr.mode);
    view_add(view, &attr.links, sizeof attr.links);
    view_add(view, &attr.size, sizeof attr.size);
    len = shale_getxattr(vn, "user.note", note, sizeof note);
    view_add(view, &len, sizeof len);
    if (vn->type != SHALE_TYPE_FILE)
        return;
    len = shale_read(vn, bytes, sizeof bytes, 0);
    ck_assert_int_ge(len, 0);
    view_add(view, bytes, (size_t)len);
}

struct view_list {
    struct shale_entry entries[16];
    unsigned count;
};

static int view_entry(void *context, const struct shale_dirent *entry)
{
    struct view_list *list = context;
    struct shale_entry *to = &list->entries[list->count];

    if (entry->name[0] == '.')
        return 0;
    ck_assert_uint_lt(list->count, 16);
    to->ino = entry->ino;
    memcpy(to->name, entry->name, entry->len);
    to->name[entry->len] = '\0';
    list->count++;
    return 0;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(((const struct shale_entry *)x)->name,
                  ((const struct shale_entry *)y)->name);
}

static void view_dir(struct view *view, struct shale_vnode *dir, bool deeper)
{
    struct view_list list;

    list.count = 0;
    ck_assert_int_eq(shale_iterate(dir, 0, 0, view_entry, &list), 0);
    qsort(list.entries, list.count, sizeof *list.entries, by_name);
    for (unsigned i = 0; i < list.count; i++) {
        const char *name = list.entries[i].name;
        struct shale_vnode *vn;

        view_add(view, name, strlen(name));
        ck_assert_int_eq(shale_lookup(dir, name, strlen(name), &vn), 0);
        view_file(view, vn);
        if (vn->type == SHALE_TYPE_DIR && deeper)
            view_dir(view, vn, false);
        shale_vnode_put(vn);
    }
}

static struct view view_all(void)
{
    struct view view = { 0xcbf29ce484222325u };

    view_dir(&view, ink.root, true);
    return view;
}

/* Unmount: on the device is what VIEW says, and nothing is wrong with it. */
static void close_volume(struct view view)
{
    shale_vnode_put(a);
    shale_vnode_put(b);
    shale_vnode_put(d);
    ink_unmount(&ink);
    ink_mount(&ink);
    ck_assert_uint_eq(view_all().hash, view.hash);
    ink_fini(&ink);
}

/*
 * After a change that answered ERR: all is as BEFORE or, if it worked, as
 * after it; a second try works, and what is then there is on the device.
 */
static void check_whole(int i, int err, struct view before)
{
    const char *what = changes[i].what;

    ck_assert_uint_eq(watch_held(), 0);
    if (err && !changes[i].data)
        ck_assert_msg(view_all().hash == before.hash, "%s: in part", what);
    if (err) {
        err = changes[i].run();
        ck_assert_msg(err == 0, "%s: then %d", what, err);
    }
    close_volume(view_all());
}

/* ---------------------------------------------------------------- memory */

static void memory_fails(int i, bool holes)
{
    bool failed = true;

    for (uint64_t n = 0; failed; n++) {
        struct view before;
        int err;

        open_volume(holes);
        before = view_all();
        shale_fs_shrink(ink.fs);
        shale_mem_fail_at(ink.mem, n);
        err = changes[i].run();
        failed = shale_mem_failed(ink.mem);
        shale_mem_fail_at(ink.mem, UINT64_MAX);
        ck_assert_msg(err == 0 || err == SHALE_ENOMEM || err == SHALE_EINTR,
                      "%s, allocation %u: %d", changes[i].what, (unsigned)n,
                      err);
        check_whole(i, err, before);
    }
}

START_TEST(each_allocation_fails)
{
    memory_fails(_i, false);
}
END_TEST

START_TEST(each_allocation_fails_with_holes)
{
    memory_fails(_i, true);
}
END_TEST

/* ---------------------------------------------------------------- device */

/* One request fails, and later ones work. */
static void device_fails(int i, bool holes)
{
    bool failed = true;

    for (uint64_t n = 0; failed; n++) {
        struct view before;
        int err;

        open_volume(holes);
        before = view_all();
        shale_fs_shrink(ink.fs);
        shale_fault_at(&ink.fault, n, 1, SHALE_EIO);
        err = changes[i].run();
        failed = shale_fault_failed(&ink.fault);
        shale_fault_at(&ink.fault, 0, 0, 0);
        ck_assert_msg(err == 0 || err == SHALE_EIO || err == SHALE_EINTR,
                      "%s, request %u: %d", changes[i].what, (unsigned)n, err);
        if (shale_fs_read_only(ink.fs)) {
            /* Then it was metadata that could not be written. */
            ck_assert_msg(changes[i].data || view_all().hash == before.hash,
                          "%s, request %u: in part", changes[i].what,
                          (unsigned)n);
            shale_vnode_put(a);
            shale_vnode_put(b);
            shale_vnode_put(d);
            shale_vnode_put(ink.root);
            ck_assert_int_eq(shale_unmount(ink.fs), SHALE_EIO);
            ck_assert_ptr_null(ink_check(&ink, true));
            ink_discard(&ink);
        } else {
            check_whole(i, err, before);
        }
    }
}

START_TEST(each_request_fails)
{
    device_fails(_i, false);
}
END_TEST

START_TEST(each_request_fails_with_holes)
{
    device_fails(_i, true);
}
END_TEST

/* ---------------------------------------------------------------- driver */

static const int answers[] = { SHALE_EIO, SHALE_ENOSPC, SHALE_EAGAIN,
                               SHALE_ENOMEM };
#define ANSWERS 4

/* Each thing that the driver is asked to do fails. */
START_TEST(each_operation_fails)
{
    int answer = answers[_i % ANSWERS], i = _i / ANSWERS;

    for (unsigned op = 0; op < INK_OPS; op++) {
        struct view before;
        int err;

        if (op == INK_RECLAIM || op == INK_RELEASE || op == INK_TRIM ||
            op == INK_PURGE)
            continue;           /* these leak; see test_vfs_unlinked */
        open_volume(false);
        before = view_all();
        shale_fs_shrink(ink.fs);
        ink_fail(&ink, (enum ink_op)op, 1, answer);
        err = changes[i].run();
        ink_fail(&ink, (enum ink_op)op, 0, 0);
        if (err == SHALE_EAGAIN)
            ck_assert_msg(op == INK_LOAD || op == INK_MARK,
                          "%s, operation %u: EAGAIN", changes[i].what, op);
        check_whole(i, err, before);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/change_faults");
    TCase *tc = tcase_create("faults");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, each_allocation_fails, 0, CHANGES);
    tcase_add_loop_test(tc, each_allocation_fails_with_holes, 0, CHANGES);
    tcase_add_loop_test(tc, each_request_fails, 0, CHANGES);
    tcase_add_loop_test(tc, each_request_fails_with_holes, 0, CHANGES);
    tcase_add_loop_test(tc, each_operation_fails, 0, CHANGES * ANSWERS);
    suite_add_tcase(s, tc);
    return s;
}
