/* test_vfs_mount.c - volumes: choosing a driver, mounting, and every failure */
#include <string.h>

#include "shale/cache.h"
#include "suite.h"
#include "toyfs.h"
#include "watch.h"

static struct toy toy;

static void setup(void)
{
    toy_init(&toy);
}

static void teardown(void)
{
    toy_fini(&toy);
}

static bool probe_never(const uint8_t *head, size_t len)
{
    (void)head;
    (void)len;
    return false;
}

static int mount_never(struct shale_fs *fs)
{
    (void)fs;
    ck_abort_msg("the wrong driver mounts");
    return SHALE_EIO;
}

static const struct shale_fs_ops stranger = {
    .name = "stranger", .vnode_size = sizeof(struct shale_vnode),
    .probe = probe_never, .mount = mount_never,
};

static const struct shale_fs_ops *const both[] = { &stranger, &toy_ops, NULL };
static const struct shale_fs_ops *const none[] = { &stranger, NULL };

START_TEST(probe_finds_the_driver)
{
    const struct shale_fs_ops *driver = NULL;

    ck_assert_int_eq(shale_probe(&toy.base, toy.mem, both, &driver), 0);
    ck_assert_ptr_eq(driver, &toy_ops);
    ck_assert_str_eq(shale_driver_name(driver), "toy");
    ck_assert_uint_eq(toy_calls(&toy, TOY_READ), 1);
}
END_TEST

START_TEST(probe_finds_nothing)
{
    const struct shale_fs_ops *driver = &toy_ops;

    ck_assert_int_eq(shale_probe(&toy.base, toy.mem, none, &driver),
                     SHALE_ENODEV);
    ck_assert_ptr_eq(driver, &toy_ops);
    ck_assert_int_eq(shale_probe(&toy.base, toy.mem, none + 1, &driver),
                     SHALE_ENODEV);
}
END_TEST

START_TEST(probe_of_small_and_broken_devices)
{
    const struct shale_fs_ops *driver;

    toy.base.size = 512;
    ck_assert_int_eq(shale_probe(&toy.base, toy.mem, both, &driver), 0);
    toy.base.size = 0;
    ck_assert_int_eq(shale_probe(&toy.base, toy.mem, both, &driver),
                     SHALE_ENODEV);
    toy.base.size = TOY_DEVICE;
    toy.fail[TOY_READ] = SHALE_EIO;
    ck_assert_int_eq(shale_probe(&toy.base, toy.mem, both, &driver),
                     SHALE_EIO);
}
END_TEST

START_TEST(mount_by_probe_reads_once)
{
    toy.config.drivers = both;
    toy_mount(&toy);
    ck_assert_uint_eq(toy_calls(&toy, TOY_READ), 1);
    ck_assert_str_eq(shale_fs_name(toy.fs), "toy");
    ck_assert_uint_eq(shale_root_ino(toy.fs), TOY_ROOT);
    ck_assert(shale_fs_read_only(toy.fs));
    ck_assert_uint_eq(toy.events, 0);
}
END_TEST

START_TEST(mount_by_type_does_not_probe)
{
    toy.config.drivers = both;
    toy.config.type = "toy";
    toy_mount(&toy);
    ck_assert_uint_eq(toy_calls(&toy, TOY_READ), 0);
}
END_TEST

static const char *const wrong_types[] = { "", "to", "toys", "ext2" };

START_TEST(mount_by_wrong_type)
{
    struct shale_fs *fs = NULL;

    toy.config.type = wrong_types[_i];
    ck_assert_int_eq(shale_mount(&toy.config, &fs), SHALE_ENODEV);
    ck_assert_ptr_null(fs);
}
END_TEST

START_TEST(mount_says_what_the_driver_says)
{
    struct shale_fs *fs = NULL;

    toy.fail[TOY_MOUNT] = SHALE_ENOTSUP;
    ck_assert_int_eq(shale_mount(&toy.config, &fs), SHALE_ENOTSUP);
    ck_assert_ptr_null(fs);
    ck_assert_uint_eq(toy.events, 1);
    ck_assert_str_eq(toy.said.what, "toy: told to fail");
    ck_assert_uint_eq(toy_calls(&toy, TOY_UNMOUNT), 0);

    toy.config.log = NULL;      /* and nobody need listen */
    ck_assert_int_eq(shale_mount(&toy.config, &fs), SHALE_ENOTSUP);
}
END_TEST

START_TEST(root_has_to_be_a_directory)
{
    struct shale_fs *fs;

    toy.nodes[0].type = SHALE_TYPE_FILE;
    ck_assert_int_eq(shale_mount(&toy.config, &fs), SHALE_ECORRUPT);
    ck_assert_uint_eq(toy.said.ino, TOY_ROOT);
    toy.nodes[0].type = SHALE_TYPE_DIR;
    toy.nodes[0].stale = true;
    ck_assert_int_eq(shale_mount(&toy.config, &fs), SHALE_ECORRUPT);
    ck_assert_uint_eq(toy.events, 2);
    toy.nodes[0].stale = false;
    toy.fail[TOY_LOAD] = SHALE_EIO;
    ck_assert_int_eq(shale_mount(&toy.config, &fs), SHALE_EIO);
    ck_assert_uint_eq(toy.events, 2);
    ck_assert_uint_eq(toy_calls(&toy, TOY_UNMOUNT), 3);
}
END_TEST

START_TEST(unknown_option_is_named)
{
    struct shale_fs *fs;

    toy.config.options = "speed=3,colour=red,size=1";
    ck_assert_int_eq(shale_mount(&toy.config, &fs), SHALE_EINVAL);
    ck_assert_int_eq(toy.said.err, SHALE_EINVAL);
    ck_assert_str_eq(toy.said.detail, "colour");
    ck_assert_uint_eq(toy_calls(&toy, TOY_MOUNT), 0);
}
END_TEST

START_TEST(options_and_type_are_copied)
{
    char options[] = "speed=3", type[] = "toy";
    uint64_t speed;

    toy.config.options = options;
    toy.config.type = type;
    toy_mount(&toy);
    memset(options, 'x', sizeof options);
    memset(type, 'x', sizeof type);
    ck_assert_int_eq(shale_option(toy.fs, "speed", &speed), 1);
    ck_assert_uint_eq(speed, 3);
    ck_assert_str_eq(shale_fs_name(toy.fs), "toy");
}
END_TEST

/* An arena without one whole page: who did not look gets an error, here. */
START_TEST(mount_without_memory)
{
    static unsigned char arena[100];
    struct shale_static_arena lent;
    struct shale_fs *fs = NULL;

    shale_static_arena_init(&lent, arena, sizeof arena);
    toy.config.mem = shale_mem_create(&lent.source, NULL, 0);
    ck_assert_ptr_null(toy.config.mem);
    ck_assert_int_eq(shale_mount(&toy.config, &fs), SHALE_ENOMEM);
    toy.config.type = "toy";
    ck_assert_int_eq(shale_mount(&toy.config, &fs), SHALE_ENOMEM);
    ck_assert_ptr_null(fs);
    toy.config.mem = toy.mem;
}
END_TEST

START_TEST(defaults)
{
    struct shale_cache_stats stats;

    toy_mount(&toy);
    shale_fs_cache_stats(toy.fs, &stats);
    ck_assert_uint_eq(stats.budget, (size_t)4 << 20);
    ck_assert_uint_eq(stats.misses, 0);
    ck_assert_int_eq(shale_unmount(toy.fs), 0);

    toy.config.cache_bytes = 65536;
    toy_mount(&toy);
    shale_fs_cache_stats(toy.fs, &stats);
    ck_assert_uint_eq(stats.budget, 65536);
}
END_TEST

START_TEST(unmount_is_busy_while_a_vnode_is_held)
{
    struct shale_vnode *vn;
    uint64_t ino = toy_add(&toy, TOY_ROOT, "f", SHALE_TYPE_FILE)->ino;

    toy_mount(&toy);
    vn = toy_get(&toy, ino);
    ck_assert_int_eq(shale_unmount(toy.fs), SHALE_EBUSY);
    ck_assert_int_eq(toy_walk(&toy, "/f", 0), (int64_t)ino);
    shale_vnode_put(vn);

    vn = toy_get(&toy, TOY_ROOT);
    ck_assert_int_eq(shale_unmount(toy.fs), SHALE_EBUSY);
    shale_vnode_put(vn);
    ck_assert_uint_eq(toy_calls(&toy, TOY_UNMOUNT), 0);
}
END_TEST

START_TEST(unmount_is_busy_while_a_file_is_open)
{
    struct shale_file *file;

    toy_mount(&toy);
    ck_assert_int_eq(shale_open(toy.fs, "/", &file), 0);
    ck_assert_int_eq(shale_unmount(toy.fs), SHALE_EBUSY);
    shale_close(file);
    ck_assert_int_eq(shale_unmount(toy.fs), 0);
    toy.fs = NULL;
    ck_assert_uint_eq(toy_calls(&toy, TOY_UNMOUNT), 1);
    ck_assert_uint_eq(toy_calls(&toy, TOY_EVICT), 1);
}
END_TEST

START_TEST(two_volumes_share_nothing)
{
    struct shale_fs *other;
    struct shale_vnode *vn;

    toy_mount(&toy);
    ck_assert_int_eq(shale_mount(&toy.config, &other), 0);
    ck_assert_int_eq(shale_vnode_get(other, TOY_ROOT, &vn), 0);
    ck_assert_ptr_eq(shale_vnode_fs(vn), other);
    ck_assert_int_eq(shale_unmount(toy.fs), 0);
    toy.fs = NULL;
    ck_assert_int_eq(shale_unmount(other), SHALE_EBUSY);
    shale_vnode_put(vn);
    ck_assert_int_eq(shale_unmount(other), 0);
}
END_TEST

static void count_number(struct shale_describe *to, const char *key,
                         uint64_t value)
{
    (void)to;
    ck_assert_str_eq(key, "block_size");
    ck_assert_uint_eq(value, 1024);
}

START_TEST(statfs_and_describe)
{
    struct shale_describe to = { .number = count_number };
    struct shale_statfs stat = { 0 };

    toy_mount(&toy);
    ck_assert_int_eq(shale_statfs(toy.fs, &stat), 0);
    ck_assert_uint_eq(stat.blocks, 64);
    toy.fail[TOY_STATFS] = SHALE_EIO;
    ck_assert_int_eq(shale_statfs(toy.fs, &stat), SHALE_EIO);
    ck_assert_int_eq(shale_describe(toy.fs, &to), 0);
    ck_assert_uint_eq(watch_held(), 0);
}
END_TEST

/* What a driver cannot do is answered without it. */
START_TEST(absent_slots)
{
    static const struct shale_fs_ops *const bare[] = { &toy_bare_ops, NULL };
    struct shale_describe to = { 0 };
    struct shale_vnode *root, *file, *link, *out;
    struct shale_statfs stat;
    struct shale_attr attr;
    uint64_t dir = toy_add(&toy, TOY_ROOT, "d", SHALE_TYPE_DIR)->ino;
    uint64_t f = toy_add(&toy, TOY_ROOT, "f", SHALE_TYPE_FILE)->ino;
    uint64_t l = toy_add_link(&toy, TOY_ROOT, "l", "f")->ino;
    char buf[16];

    toy.config.drivers = bare;
    toy_mount(&toy);
    root = toy_get(&toy, dir);
    file = toy_get(&toy, f);
    link = toy_get(&toy, l);
    ck_assert_int_eq(shale_statfs(toy.fs, &stat), SHALE_ENOTSUP);
    ck_assert_int_eq(shale_describe(toy.fs, &to), SHALE_ENOTSUP);
    ck_assert_int_eq(shale_lookup(root, "f", 1, &out), SHALE_ENOTSUP);
    ck_assert_int_eq(shale_lookup(root, "..", 2, &out), SHALE_ENOTSUP);
    ck_assert_int_eq(shale_iterate(root, 0, 0, NULL, NULL), SHALE_ENOTSUP);
    ck_assert_int_eq(shale_read(file, buf, 1, 0), SHALE_ENOTSUP);
    ck_assert_int_eq(shale_readlink(link, buf, sizeof buf), SHALE_ENOTSUP);
    ck_assert_int_eq(shale_getxattr(file, "user.a", buf, 1), SHALE_ENOTSUP);
    ck_assert_int_eq(shale_listxattr(file, buf, 1), SHALE_ENOTSUP);
    ck_assert_int_eq(shale_getattr_ino(toy.fs, f, &attr), 0);
    ck_assert_uint_eq(attr.ino, f);
    ck_assert_uint_eq(watch_held(), 0);
    shale_vnode_put(root);
    shale_vnode_put(file);
    shale_vnode_put(link);
}
END_TEST

/* A bit of everything; the first error, or 0. */
static int use_volume(struct toy *t)
{
    struct shale_entry entry;
    struct shale_attr attr;
    struct shale_file *file;
    uint8_t buf[700];
    int64_t r;
    int err = shale_mount(&t->config, &t->fs);

    if (err)
        return err;
    err = shale_stat(t->fs, "/l/../l/f", &attr);
    if (err)
        return err;
    err = shale_open(t->fs, "/d/f", &file);
    if (err)
        return err;
    r = shale_file_read(file, buf, sizeof buf);
    shale_close(file);
    if (r < 0)
        return (int)r;
    ck_assert_int_eq(r, 600);
    for (uint64_t i = 0; i < 600; i++)
        ck_assert_uint_eq(buf[i], toy_byte(777 + i));

    err = shale_open(t->fs, "/d", &file);
    if (err)
        return err;
    while ((r = shale_file_readdir(file, &entry)) > 0)
        ;
    shale_close(file);
    return (int)r;
}

static void small_tree(struct toy *t)
{
    uint64_t dir = toy_add(t, TOY_ROOT, "d", SHALE_TYPE_DIR)->ino;

    toy_extent(toy_add(t, dir, "f", SHALE_TYPE_FILE), SHALE_EXTENT_DATA, 600,
               777);
    toy_add_link(t, TOY_ROOT, "l", "d");
    t->config.options = "speed=1";
    t->config.vnode_max = 2;
}

/* Fail allocation 0, then 1, ... until the whole gets through untouched. */
START_TEST(no_allocation_failure_hurts)
{
    bool failed = true;

    for (uint64_t n = 0; failed; n++) {
        struct toy t;
        int err;

        ck_assert_uint_lt(n, 1000);
        toy_init(&t);
        small_tree(&t);
        shale_mem_fail_at(t.mem, n);
        err = use_volume(&t);
        failed = shale_mem_failed(t.mem);
        /* A vnode's is tried again, once room has been made. */
        ck_assert_msg(err == 0 || (failed && err == SHALE_ENOMEM),
                      "allocation %u: %d", (unsigned)n, err);
        toy_fini(&t);
    }
}
END_TEST

/* Each operation of the driver and the device fails, from the start on. */
START_TEST(no_driver_failure_hurts)
{
    static const enum toy_op ops[] = {
        TOY_MOUNT, TOY_LOAD, TOY_GETATTR, TOY_LOOKUP, TOY_PARENT,
        TOY_ITERATE, TOY_MAP, TOY_READLINK, TOY_READ,
    };
    struct toy t;
    int err;

    toy_init(&t);
    small_tree(&t);
    t.fail[ops[_i]] = ops[_i] == TOY_MOUNT ? SHALE_ENOTSUP : SHALE_EIO;
    err = use_volume(&t);
    ck_assert_int_eq(err, t.fail[ops[_i]]);
    toy_fini(&t);
}
END_TEST

static int refuse_lock(void *lock)
{
    (void)lock;
    return SHALE_EAGAIN;
}

START_TEST(a_lock_that_cannot_be_made)
{
    struct shale_lock_ops locks = watch_locks;
    struct shale_fs *fs;

    locks.init = refuse_lock;
    toy.config.locks = &locks;
    ck_assert_int_eq(shale_mount(&toy.config, &fs), SHALE_EAGAIN);
}
END_TEST

START_TEST(no_locks_at_all)
{
    struct toy t;

    toy_init(&t);
    small_tree(&t);
    t.config.locks = NULL;
    ck_assert_int_eq(use_volume(&t), 0);
    toy_fini(&t);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/mount");
    TCase *tc = tcase_create("mount");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, probe_finds_the_driver);
    tcase_add_test(tc, probe_finds_nothing);
    tcase_add_test(tc, probe_of_small_and_broken_devices);
    tcase_add_test(tc, mount_by_probe_reads_once);
    tcase_add_test(tc, mount_by_type_does_not_probe);
    tcase_add_loop_test(tc, mount_by_wrong_type, 0,
                        sizeof wrong_types / sizeof wrong_types[0]);
    tcase_add_test(tc, mount_says_what_the_driver_says);
    tcase_add_test(tc, root_has_to_be_a_directory);
    tcase_add_test(tc, unknown_option_is_named);
    tcase_add_test(tc, options_and_type_are_copied);
    tcase_add_test(tc, mount_without_memory);
    tcase_add_test(tc, defaults);
    tcase_add_test(tc, unmount_is_busy_while_a_vnode_is_held);
    tcase_add_test(tc, unmount_is_busy_while_a_file_is_open);
    tcase_add_test(tc, two_volumes_share_nothing);
    tcase_add_test(tc, statfs_and_describe);
    tcase_add_test(tc, absent_slots);
    suite_add_tcase(s, tc);

    tc = tcase_create("failures");
    tcase_add_test(tc, no_allocation_failure_hurts);
    tcase_add_loop_test(tc, no_driver_failure_hurts, 0, 9);
    tcase_add_test(tc, no_locks_at_all);
    suite_add_tcase(s, tc);

    tc = tcase_create("locks");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_lock_that_cannot_be_made);
    suite_add_tcase(s, tc);
    return s;
}
