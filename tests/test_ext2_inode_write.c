/* test_ext2_inode_write.c - attributes that are set, and what they become */
#include "ext2/disk.h"
#include "shale/err.h"
#include "suite.h"
#include "test_ext2_rig.h"

#define MIB ((size_t)1 << 20)

/* ----------------------------------------------------------------- times */

#define LAST_OLD INT64_C(2147483647)
#define FIRST    INT64_C(-2147483648)
#define LAST_NEW INT64_C(15032385535)           /* 2^34 - 2^31 - 1 */

static const struct {
    const char *what;
    struct shale_time given, old, new;  /* in inodes of 128 bytes, of 256 */
} times[] = {
    { "now", { 1700000000, 123456789 }, { 1700000000, 0 },
      { 1700000000, 123456789 } },
    { "the epoch", { 0, 1 }, { 0, 0 }, { 0, 1 } },
    { "before it", { -1, 999999999 }, { -1, 0 }, { -1, 999999999 } },
    { "the first", { FIRST, 5 }, { FIRST, 0 }, { FIRST, 0 } },
    { "after that", { FIRST + 1, 5 }, { FIRST + 1, 0 }, { FIRST + 1, 5 } },
    { "before that", { FIRST - 1, 5 }, { FIRST, 0 }, { FIRST, 0 } },
    { "the last", { LAST_OLD, 7 }, { LAST_OLD, 0 }, { LAST_OLD, 7 } },
    { "after that", { LAST_OLD + 1, 7 }, { LAST_OLD, 0 },
      { LAST_OLD + 1, 7 } },
    { "2106", { INT64_C(1) << 32, 0 }, { LAST_OLD, 0 },
      { INT64_C(1) << 32, 0 } },
    { "2^33", { INT64_C(1) << 33, 1 }, { LAST_OLD, 0 },
      { INT64_C(1) << 33, 1 } },
    { "2446", { LAST_NEW - 1, 8 }, { LAST_OLD, 0 }, { LAST_NEW - 1, 8 } },
    { "the last", { LAST_NEW, 8 }, { LAST_OLD, 0 }, { LAST_NEW, 0 } },
    { "after that", { LAST_NEW + 1, 8 }, { LAST_OLD, 0 }, { LAST_NEW, 0 } },
    { "the end", { INT64_MAX, 8 }, { LAST_OLD, 0 }, { LAST_NEW, 0 } },
};

static void time_is(const char *what, const struct shale_time *got,
                    const struct shale_time *want)
{
    ck_assert_msg(got->sec == want->sec && got->nsec == want->nsec,
                  "%s: %lld.%u", what, (long long)got->sec, got->nsec);
}

START_TEST(times_are_kept_as_well_as_can_be)
{
    bool is_old = _i == 0;
    struct shale_setattr set = { .valid = SHALE_SET_ATIME | SHALE_SET_MTIME |
                                          SHALE_SET_CTIME };
    struct shale_attr attr, again;
    struct shale_vnode *vn;
    struct rig rig;

    rig_init(&rig, 4 * MIB, is_old ? "-I 128" : "-I 256");
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        const struct shale_time *want = is_old ? &times[i].old : &times[i].new;

        rig_mount(&rig);
        vn = i == 0 ? rig_create(&rig, "it", SHALE_S_IFREG | 0644)
                    : rig_open(&rig, "/it");
        set.atime = set.mtime = set.ctime = set.btime = times[i].given;
        set.valid |= SHALE_SET_BTIME;
        ck_assert_int_eq(shale_setattr(vn, &set), is_old ? SHALE_EPERM : 0);
        set.valid &= ~SHALE_SET_BTIME;
        ck_assert_int_eq(shale_setattr(vn, &set), 0);
        ck_assert_int_eq(shale_getattr(vn, &attr), 0);
        time_is(times[i].what, &attr.atime, want);
        time_is(times[i].what, &attr.mtime, want);
        time_is(times[i].what, &attr.ctime, want);
        if (!is_old)
            time_is(times[i].what, &attr.btime, want);
        shale_vnode_put(vn);
        rig_unmount(&rig);

        /* What was in memory is what can be read. */
        rig_mount(&rig);
        vn = rig_open(&rig, "/it");
        ck_assert_int_eq(shale_getattr(vn, &again), 0);
        time_is(times[i].what, &again.atime, want);
        time_is(times[i].what, &again.mtime, want);
        time_is(times[i].what, &again.ctime, want);
        time_is(times[i].what, &again.btime, &attr.btime);
        shale_vnode_put(vn);
        rig_unmount(&rig);
    }
    rig_fini(&rig);
}
END_TEST

START_TEST(impossible_nanoseconds_are_refused)
{
    struct shale_setattr set = { .valid = SHALE_SET_MTIME,
                                 .mtime = { 1, 1000000000 } };
    struct shale_vnode *vn;
    struct rig rig;

    rig_init(&rig, 4 * MIB, "-I 256");
    rig_mount(&rig);
    vn = rig_create(&rig, "it", SHALE_S_IFREG | 0644);
    ck_assert_int_eq(shale_setattr(vn, &set), SHALE_EINVAL);
    shale_vnode_put(vn);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

/* ---------------------------------------------------------------- owners */

static const struct {
    const char *what;
    uint32_t type, mode;        /* before */
    unsigned valid;
    uint32_t asked, want;       /* mode */
} chowns[] = {
    { "set-user-id", SHALE_S_IFREG, 04755, SHALE_SET_UID, 0, 0755 },
    { "of a group too", SHALE_S_IFREG, 06755, SHALE_SET_GID, 0, 0755 },
    { "a lock is no set-group-id", SHALE_S_IFREG, 06644, SHALE_SET_GID, 0,
      02644 },
    { "sticky stays", SHALE_S_IFREG, 05755, SHALE_SET_UID, 0, 01755 },
    { "of a directory", SHALE_S_IFDIR, 06755, SHALE_SET_UID, 0, 06755 },
    { "the mode that is asked for", SHALE_S_IFREG, 04755,
      SHALE_SET_UID | SHALE_SET_MODE, 06711, 06711 },
    { "chmod alone", SHALE_S_IFREG, 0644, SHALE_SET_MODE, 07777, 07777 },
};

START_TEST(a_new_owner_takes_no_rights_along)
{
    struct shale_setattr set = {
        .valid = chowns[_i].valid, .uid = 70000, .gid = UINT32_MAX - 1,
        .mode = chowns[_i].asked,
    };
    struct shale_attr attr;
    struct shale_vnode *vn;
    struct rig rig;

    rig_init(&rig, 4 * MIB, "-I 128");
    rig_mount(&rig);
    vn = rig_create(&rig, "it", chowns[_i].type | chowns[_i].mode);
    ck_assert_int_eq(shale_setxattr(vn, "security.capability", "c", 1, 0), 0);
    ck_assert_int_eq(shale_setattr(vn, &set), 0);
    shale_vnode_put(vn);
    rig_unmount(&rig);
    rig_mount(&rig);
    vn = rig_open(&rig, "/it");
    ck_assert_int_eq(shale_getattr(vn, &attr), 0);
    ck_assert_msg((attr.mode & 07777) == chowns[_i].want, "%s: %o",
                  chowns[_i].what, attr.mode);
    ck_assert_uint_eq(attr.mode & SHALE_S_IFMT, chowns[_i].type);
    if (set.valid & SHALE_SET_UID)
        ck_assert_uint_eq(attr.uid, 70000);
    if (set.valid & SHALE_SET_GID)
        ck_assert_uint_eq(attr.gid, UINT32_MAX - 1);
    ck_assert_int_eq(shale_getxattr(vn, "security.capability", NULL, 0),
                     set.valid == SHALE_SET_MODE ||
                     chowns[_i].type == SHALE_S_IFDIR ? 1 : SHALE_ENODATA);
    shale_vnode_put(vn);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

/* ----------------------------------------------------------------- flags */

static const struct {
    uint32_t type, asked, want;
} flag_cases[] = {
    { SHALE_S_IFREG, 0xffffffff, 0x80ff },
    { SHALE_S_IFDIR, 0xffffffff, 0x380ff },
    { SHALE_S_IFIFO, 0xffffffff, EXT2_INODE_NODUMP | EXT2_INODE_NOATIME },
    { SHALE_S_IFREG, EXT2_INODE_IMMUTABLE, EXT2_INODE_IMMUTABLE },
    { SHALE_S_IFREG, EXT2_INODE_INDEX | EXT2_INODE_EXTENTS, 0 },
    { SHALE_S_IFREG, 0, 0 },
};

START_TEST(flags_that_may_change_do)
{
    struct shale_setattr set = { .valid = SHALE_SET_FLAGS,
                                 .flags = flag_cases[_i].asked };
    struct shale_attr attr;
    struct shale_vnode *vn;
    struct rig rig;

    rig_init(&rig, 4 * MIB, "-I 256");
    rig_mount(&rig);
    vn = rig_create(&rig, "it", flag_cases[_i].type | 0700);
    ck_assert_int_eq(shale_setattr(vn, &set), 0);
    ck_assert_int_eq(shale_getattr(vn, &attr), 0);
    ck_assert_uint_eq(attr.flags, flag_cases[_i].want);
    set.flags = 0;
    ck_assert_int_eq(shale_setattr(vn, &set), 0);
    ck_assert_int_eq(shale_getattr(vn, &attr), 0);
    ck_assert_uint_eq(attr.flags, 0);
    shale_vnode_put(vn);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

/* What an immutable file, or one that is for appending, lets be done. */
static const struct {
    unsigned valid;
    int immutable, append;
} forbidden[] = {
    { SHALE_SET_MODE, SHALE_EPERM, SHALE_EPERM },
    { SHALE_SET_UID, SHALE_EPERM, SHALE_EPERM },
    { SHALE_SET_GID, SHALE_EPERM, SHALE_EPERM },
    { SHALE_SET_MTIME, SHALE_EPERM, SHALE_EPERM },
    { SHALE_SET_MTIME | SHALE_SET_NOW, SHALE_EPERM, 0 },
    { SHALE_SET_MODE | SHALE_SET_NOW, SHALE_EPERM, SHALE_EPERM },
    { SHALE_SET_WRITTEN, SHALE_EPERM, 0 },
    { SHALE_SET_WRITTEN | SHALE_SET_MODE, SHALE_EPERM, SHALE_EPERM },
    { SHALE_SET_ATIME | SHALE_SET_CTIME, 0, 0 },        /* it was read */
    { SHALE_SET_FLAGS, 0, 0 },
};

START_TEST(protected_files_stay)
{
    bool immutable = _i == 0;
    uint32_t flag = immutable ? EXT2_INODE_IMMUTABLE : EXT2_INODE_APPEND;
    struct shale_setattr set = { .valid = SHALE_SET_FLAGS, .flags = flag };
    struct shale_vnode *vn, *root, *made;
    const struct shale_node node = { .mode = SHALE_S_IFREG | 0644 };
    struct rig rig;
    char data[8];

    rig_init(&rig, 4 * MIB, "-I 256");
    rig_mount(&rig);
    root = rig_open(&rig, "/");
    vn = rig_create(&rig, "it", SHALE_S_IFREG | 0644);
    ck_assert_int_eq(shale_write(vn, "data", 4, 0), 4);
    ck_assert_int_eq(shale_setattr(vn, &set), 0);
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
        set.valid = forbidden[i].valid;
        ck_assert_int_eq(shale_setattr(vn, &set),
                         immutable ? forbidden[i].immutable
                                   : forbidden[i].append);
    }
    ck_assert_int_eq(shale_setxattr(vn, "user.x", "", 0, 0), SHALE_EPERM);
    ck_assert_int_eq(shale_unlink(root, "it", 2), SHALE_EPERM);
    ck_assert_int_eq(shale_link(vn, root, "other", 5), SHALE_EPERM);
    ck_assert_int_eq(shale_rename(root, "it", 2, root, "other", 5, 0),
                     SHALE_EPERM);
    ck_assert_int_eq(shale_write(vn, "X", 1, 0), SHALE_EPERM);
    ck_assert_int_eq(shale_write(vn, "X", 1, 3), SHALE_EPERM);
    ck_assert_int_eq(shale_write(vn, "X", 1, 4), immutable ? SHALE_EPERM : 1);
    ck_assert_int_eq(shale_truncate(vn, 10), SHALE_EPERM);
    ck_assert_int_eq(shale_truncate(vn, 4), SHALE_EPERM);
    ck_assert_int_eq(shale_truncate(vn, 1), SHALE_EPERM);
    ck_assert_int_eq(shale_allocate(vn, 0, 2, SHALE_ALLOCATE_ZERO_RANGE),
                     SHALE_EPERM);
    ck_assert_int_eq(shale_allocate(vn, 0, 2, 0), immutable ? SHALE_EPERM : 0);
    ck_assert_int_eq(shale_read(vn, data, sizeof data, 0), immutable ? 4 : 5);
    ck_assert_mem_eq(data, "dataX", immutable ? 4 : 5);

    set.valid = SHALE_SET_FLAGS;
    set.flags = 0;
    ck_assert_int_eq(shale_setattr(vn, &set), 0);
    set.flags = flag;
    ck_assert_int_eq(shale_setattr(root, &set), 0);
    ck_assert_int_eq(shale_unlink(root, "it", 2), SHALE_EPERM);
    ck_assert_int_eq(shale_create(root, "new", 3, &node, &made),
                     immutable ? SHALE_EPERM : 0);
    if (!immutable)
        shale_vnode_put(made);
    shale_vnode_put(vn);
    shale_vnode_put(root);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

/* ------------------------------------------------------------- new files */

static const struct {
    const char *what;
    uint32_t dir_mode, dir_flags;
    uint32_t mode, umask;
    uint32_t want_mode, want_gid, want_flags;
} births[] = {
    { "plain", 0755, 0, SHALE_S_IFREG | 0666, 0, SHALE_S_IFREG | 0666, 7, 0 },
    { "umask", 0755, 0, SHALE_S_IFREG | 0666, 027, SHALE_S_IFREG | 0640, 7,
      0 },
    { "umask leaves set-id bits", 0755, 0, SHALE_S_IFREG | 06777, 077,
      SHALE_S_IFREG | 06700, 7, 0 },
    { "a group's directory", 02755, 0, SHALE_S_IFREG | 0666, 022,
      SHALE_S_IFREG | 0644, 99, 0 },
    { "and below", 02755, 0, SHALE_S_IFDIR | 0777, 022,
      SHALE_S_IFDIR | 02755, 99, 0 },
    { "flags", 0755, EXT2_INODE_NOATIME | EXT2_INODE_DIRSYNC |
      EXT2_INODE_TOPDIR | EXT2_INODE_NODUMP, SHALE_S_IFREG | 0600, 0,
      SHALE_S_IFREG | 0600, 7, EXT2_INODE_NOATIME | EXT2_INODE_NODUMP },
    { "flags of a directory", 0755, EXT2_INODE_SYNC | EXT2_INODE_DIRSYNC |
      EXT2_INODE_TOPDIR, SHALE_S_IFDIR | 0700, 0, SHALE_S_IFDIR | 0700, 7,
      EXT2_INODE_SYNC | EXT2_INODE_DIRSYNC },
    { "flags of a pipe", 0755, EXT2_INODE_SYNC | EXT2_INODE_NOATIME,
      SHALE_S_IFIFO | 0700, 0, SHALE_S_IFIFO | 0700, 7, EXT2_INODE_NOATIME },
};

START_TEST(new_files_are_as_their_directory_says)
{
    struct shale_setattr set = {
        .valid = SHALE_SET_MODE | SHALE_SET_GID | SHALE_SET_FLAGS, .gid = 99,
        .mode = births[_i].dir_mode, .flags = births[_i].dir_flags,
    };
    const struct shale_node node = { .mode = births[_i].mode, .uid = 6,
                                     .gid = 7, .umask = births[_i].umask };
    struct shale_vnode *dir, *vn;
    struct shale_attr attr;
    struct rig rig;

    rig_init(&rig, 4 * MIB, "-I 256");
    rig_mount(&rig);
    dir = rig_create(&rig, "dir", SHALE_S_IFDIR | 0755);
    ck_assert_int_eq(shale_setattr(dir, &set), 0);
    ck_assert_int_eq(shale_create(dir, "it", 2, &node, &vn), 0);
    shale_vnode_put(dir);
    for (int again = 0; again < 2; again++) {
        ck_assert_int_eq(shale_getattr(vn, &attr), 0);
        ck_assert_msg(attr.mode == births[_i].want_mode, "%s: mode %o",
                      births[_i].what, attr.mode);
        ck_assert_msg(attr.gid == births[_i].want_gid, "%s: group %u",
                      births[_i].what, attr.gid);
        ck_assert_msg(attr.flags == births[_i].want_flags, "%s: flags %x",
                      births[_i].what, attr.flags);
        ck_assert_uint_eq(attr.uid, 6);
        shale_vnode_put(vn);
        rig_unmount(&rig);
        if (again)
            break;
        rig_mount(&rig);
        vn = rig_open(&rig, "/dir/it");
    }
    rig_fini(&rig);
}
END_TEST

static const struct {
    uint32_t major, minor;
    int err;
} devices[] = {
    { 8, 1, 0 }, { 0, 0, 0 }, { 255, 255, 0 }, { 256, 0, 0 }, { 0, 256, 0 },
    { 259, 0x12345, 0 }, { 4095, 1048575, 0 }, { 4096, 0, SHALE_EINVAL },
    { 0, 1048576, SHALE_EINVAL },
};

START_TEST(devices_keep_their_numbers)
{
    const struct shale_node node = {
        .mode = (_i % 2 ? SHALE_S_IFCHR : SHALE_S_IFBLK) | 0600,
        .rdev_major = devices[_i].major, .rdev_minor = devices[_i].minor,
    };
    struct shale_vnode *root, *vn;
    struct shale_attr attr;
    struct rig rig;

    rig_init(&rig, 4 * MIB, "-I 128");
    rig_mount(&rig);
    root = rig_open(&rig, "/");
    ck_assert_int_eq(shale_create(root, "it", 2, &node, NULL),
                     devices[_i].err);
    shale_vnode_put(root);
    rig_unmount(&rig);
    if (!devices[_i].err) {
        rig_mount(&rig);
        vn = rig_open(&rig, "/it");
        ck_assert_int_eq(shale_getattr(vn, &attr), 0);
        ck_assert_uint_eq(attr.mode, node.mode);
        ck_assert_uint_eq(attr.rdev_major, node.rdev_major);
        ck_assert_uint_eq(attr.rdev_minor, node.rdev_minor);
        shale_vnode_put(vn);
        rig_unmount(&rig);
    }
    rig_fini(&rig);
}
END_TEST

/* A number that is used again is not taken for the file it was. */
START_TEST(generations_differ)
{
    struct shale_vnode *root, *vn;
    uint64_t ino = 0;
    uint32_t last = 0;
    struct rig rig;

    rig_init(&rig, 4 * MIB, "-I 256");
    rig_mount(&rig);
    root = rig_open(&rig, "/");
    for (int i = 0; i < 20; i++) {
        vn = rig_create(&rig, "it", SHALE_S_IFREG | 0644);
        if (shale_vnode_ino(vn) == ino)
            ck_assert_uint_ne(shale_vnode_generation(vn), last);
        ino = shale_vnode_ino(vn);
        last = shale_vnode_generation(vn);
        shale_vnode_put(vn);
        ck_assert_int_eq(shale_unlink(root, "it", 2), 0);
        ck_assert_int_eq(shale_sync(rig.v.fs), 0);
    }
    shale_vnode_put(root);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2_inode_write");
    TCase *t = tcase_create("all");

    rig_need_programs();
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, times_are_kept_as_well_as_can_be, 0, 2);
    tcase_add_test(t, impossible_nanoseconds_are_refused);
    tcase_add_loop_test(t, a_new_owner_takes_no_rights_along, 0,
                        sizeof chowns / sizeof chowns[0]);
    tcase_add_loop_test(t, flags_that_may_change_do, 0,
                        sizeof flag_cases / sizeof flag_cases[0]);
    tcase_add_loop_test(t, protected_files_stay, 0, 2);
    tcase_add_loop_test(t, new_files_are_as_their_directory_says, 0,
                        sizeof births / sizeof births[0]);
    tcase_add_loop_test(t, devices_keep_their_numbers, 0,
                        sizeof devices / sizeof devices[0]);
    tcase_add_test(t, generations_differ);
    suite_add_tcase(s, t);
    return s;
}
