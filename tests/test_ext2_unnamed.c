/* test_ext2_unnamed.c - files that are made without a name */
#include "shale/err.h"
#include "shale/mem.h"
#include "suite.h"
#include "test_ext2_rig.h"

#define MIB ((size_t)1 << 20)

static const struct shale_node node = { .mode = SHALE_S_IFREG | 0640 };

/* Make one with four bytes in it; the caller puts it. */
static struct shale_vnode *make(struct shale_vnode *root)
{
    struct shale_vnode *vn = NULL;

    ck_assert_int_eq(shale_create_unnamed(root, &node, &vn), 0);
    ck_assert_int_eq(shale_write(vn, "temp", 4, 0), 4);
    return vn;
}

static uint32_t links_of(struct shale_vnode *vn)
{
    struct shale_attr attr;

    ck_assert_int_eq(shale_getattr(vn, &attr), 0);
    return attr.links;
}

static uint64_t files_free(struct rig *rig)
{
    struct shale_statfs s;

    ck_assert_int_eq(shale_sync(rig->v.fs), 0);
    ck_assert_int_eq(shale_statfs(rig->v.fs, &s), 0);
    return s.files_free;
}

START_TEST(goes_with_its_last_reference)
{
    struct shale_vnode *root, *vn;
    struct rig rig;
    uint64_t before;

    rig_init(&rig, 4 * MIB, "-I 256");
    rig_mount(&rig);
    root = rig_open(&rig, "/");
    before = files_free(&rig);
    vn = make(root);
    ck_assert_uint_eq(links_of(vn), 0);
    ck_assert_uint_eq(files_free(&rig), before - 1);
    shale_vnode_put(vn);
    ck_assert_uint_eq(files_free(&rig), before);
    shale_vnode_put(root);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

START_TEST(gets_a_name)
{
    struct shale_vnode *root, *vn;
    struct rig rig;
    char data[8];

    rig_init(&rig, 4 * MIB, "-I 256");
    rig_mount(&rig);
    root = rig_open(&rig, "/");
    vn = make(root);
    ck_assert_int_eq(shale_link(vn, root, "one", 3), 0);
    ck_assert_int_eq(shale_link(vn, root, "one", 3), SHALE_EEXIST);
    ck_assert_int_eq(shale_link(vn, root, "two", 3), 0);
    ck_assert_uint_eq(links_of(vn), 2);

    /* From then on it is like any other: without a name it gets none. */
    ck_assert_int_eq(shale_unlink(root, "two", 3), 0);
    shale_vnode_put(vn);
    shale_vnode_put(root);
    rig_unmount(&rig);
    rig_mount(&rig);
    root = rig_open(&rig, "/");
    vn = rig_open(&rig, "/one");
    ck_assert_int_eq(shale_read(vn, data, sizeof data, 0), 4);
    ck_assert_mem_eq(data, "temp", 4);
    ck_assert_int_eq(shale_unlink(root, "one", 3), 0);
    ck_assert_int_eq(shale_link(vn, root, "one", 3), SHALE_ENOENT);
    shale_vnode_put(vn);
    shale_vnode_put(root);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

START_TEST(is_refused)
{
    struct shale_node other = { .mode = SHALE_S_IFDIR | 0755 };
    struct shale_vnode *root, *dir, *file, *vn;
    struct rig rig;

    rig_init(&rig, 4 * MIB, "-I 256");
    rig_mount(&rig);
    root = rig_open(&rig, "/");
    file = rig_create(&rig, "file", SHALE_S_IFREG | 0644);
    dir = rig_create(&rig, "dir", SHALE_S_IFDIR | 0755);
    ck_assert_int_eq(shale_create_unnamed(root, &other, &vn), SHALE_EINVAL);
    ck_assert_int_eq(shale_create_unnamed(file, &node, &vn), SHALE_ENOTDIR);
    ck_assert_int_eq(shale_rmdir(root, "dir", 3), 0);
    ck_assert_int_eq(shale_create_unnamed(dir, &node, &vn), SHALE_ENOENT);
    shale_vnode_put(dir);
    shale_vnode_put(file);
    shale_vnode_put(root);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

/* The power fails: whoever comes next frees the file, and asks nobody. */
START_TEST(is_gone_after_a_cut)
{
    bool by_us = _i == 1;
    struct shale_vnode *root, *vn;
    struct rig rig, cut;
    const char *said;
    int status;

    /* With room for a journal: else there is no list of orphans. */
    rig_init(&rig, 16 * MIB, "-I 256");
    rig_init(&cut, 16 * MIB, "-I 256");
    rig_mount(&rig);
    root = rig_open(&rig, "/");
    vn = make(root);
    ck_assert_int_eq(shale_fsync(vn), 0);
    memcpy(cut.bytes, rig.bytes, rig.size);
    shale_vnode_put(vn);
    shale_vnode_put(root);
    rig_unmount(&rig);
    rig_fini(&rig);

    if (by_us) {
        rig_mount(&cut);
        vn = rig_create(&cut, "new", SHALE_S_IFREG | 0644);
        shale_vnode_put(vn);
        rig_unmount(&cut);
    } else {
        said = rig_run(&cut, "e2fsck -fp @ 2>&1", &status);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "%s",
                      said);
        said = rig_run(&cut, "e2fsck -fn @ 2>&1", &status);
        ck_assert_msg(status == 0, "%s", said);
    }
    rig_fini(&cut);
}
END_TEST

/* Every allocation in turn fails, of making one and of naming it. */
START_TEST(without_memory_nothing_happens)
{
    struct shale_vnode *root, *vn;
    bool failed = true;
    struct rig rig;
    int err;

    rig_init(&rig, 4 * MIB, "-I 256");
    rig_mount(&rig);
    root = rig_open(&rig, "/");
    for (uint64_t nth = 0; failed; nth++) {
        shale_mem_fail_at(rig.v.mem, nth);
        err = shale_create_unnamed(root, &node, &vn);
        failed = shale_mem_failed(rig.v.mem);
        shale_mem_fail_at(rig.v.mem, UINT64_MAX);
        ck_assert(err == 0 || err == SHALE_ENOMEM);
        if (!err)
            shale_vnode_put(vn);
    }
    failed = true;
    for (uint64_t nth = 0; failed; nth++) {
        vn = make(root);
        shale_mem_fail_at(rig.v.mem, nth);
        err = shale_link(vn, root, "name", 4);
        failed = shale_mem_failed(rig.v.mem);
        shale_mem_fail_at(rig.v.mem, UINT64_MAX);
        ck_assert(err == 0 || err == SHALE_ENOMEM);
        ck_assert_uint_eq(links_of(vn), err ? 0 : 1);
        shale_vnode_put(vn);
        if (!err)
            ck_assert_int_eq(shale_unlink(root, "name", 4), 0);
    }
    shale_vnode_put(root);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2_unnamed");
    TCase *t = tcase_create("all");

    rig_need_programs();
    tcase_set_timeout(t, 60);
    tcase_add_test(t, goes_with_its_last_reference);
    tcase_add_test(t, gets_a_name);
    tcase_add_test(t, is_refused);
    tcase_add_loop_test(t, is_gone_after_a_cut, 0, 2);
    tcase_add_test(t, without_memory_nothing_happens);
    suite_add_tcase(s, t);
    return s;
}
