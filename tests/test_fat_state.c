/* test_fat_state.c - marks of use, FSInfo, labels and attributes, changed */
#include "fat32/write.h"
#include "shale/err.h"
#include "suite.h"
#include "test_fat_rig.h"

static const struct {
    unsigned bits;
    size_t kib;
    size_t state_at;            /* of the boot sector's mark */
} shapes[] = { { 12, 720, 0x25 }, { 16, 9000, 0x25 }, { 32, 34000, 0x41 } };

enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static void make(unsigned shape)
{
    rig_make(shapes[shape].bits, shapes[shape].kib, 512, 512, NULL);
}

/* Where FAT number COPY begins on the image. */
static size_t fat_at(unsigned copy)
{
    const uint8_t *b = rig.bytes;
    size_t size = (size_t)(b[22] | b[23] << 8);

    if (size == 0)
        size = (size_t)(b[36] | b[37] << 8);
    return ((size_t)(b[14] | b[15] << 8) + copy * size) * 512;
}

/* The mark of FAT entry 1, in all copies alike. */
static bool entry_is_clean(unsigned shape)
{
    size_t byte = shapes[shape].bits == 16 ? 3 : 7;
    uint8_t bit = shapes[shape].bits == 16 ? 0x80 : 0x08;

    ck_assert_uint_eq(rig.bytes[fat_at(0) + byte],
                      rig.bytes[fat_at(1) + byte]);
    return rig.bytes[fat_at(0) + byte] & bit;
}

/* ----------------------------------------------------------------- marks */

START_TEST(is_marked_while_it_is_changed)
{
    unsigned shape = (unsigned)_i;
    size_t at = shapes[shape].state_at;

    make(shape);
    ck_assert_uint_eq(rig.bytes[at] & 1, 0);
    rig_touch(rig.root, "a");
    ck_assert_uint_eq(rig.bytes[at] & 1, 1);
    if (shapes[shape].bits != 12)
        ck_assert(!entry_is_clean(shape));
    GOOD(shale_sync(rig.v.fs));
    ck_assert_uint_eq(rig.bytes[at] & 1, 0);
    if (shapes[shape].bits != 12)
        ck_assert(entry_is_clean(shape));
    rig_touch(rig.root, "b");
    ck_assert_uint_eq(rig.bytes[at] & 1, 1);
    rig_unmount();
    ck_assert_uint_eq(rig.bytes[at] & 1, 0);
    rig_mount(NULL);
    rig_end();
}
END_TEST

START_TEST(what_was_dirty_stays_dirty)
{
    unsigned shape = (unsigned)_i;
    size_t at = shapes[shape].state_at;

    make(shape);
    rig_unmount();
    rig.bytes[at] |= 3;
    rig_mount(NULL);
    rig_touch(rig.root, "a");
    rig_unmount();
    ck_assert_uint_eq(rig.bytes[at] & 3, 3);
    fatcheck_run(&rig.check, rig.bytes, rig.size);
    ck_assert_msg(rig.check.faults == FATCHECK_DIRTY, "%s", rig.check.said);
    rig_free();
}
END_TEST

START_TEST(a_mount_that_changes_nothing_writes_nothing)
{
    uint8_t *before;

    make((unsigned)_i);
    rig_unmount();
    before = malloc(rig.size);
    memcpy(before, rig.bytes, rig.size);
    rig_mount(NULL);
    ck_assert_str_eq(rig_list(rig.root), "");
    GOOD(shale_sync(rig.v.fs));
    rig_unmount();
    ck_assert_int_eq(memcmp(before, rig.bytes, rig.size), 0);
    free(before);
    rig_free();
}
END_TEST

START_TEST(fsinfo_is_repaired)
{
    make(2);
    rig_unmount();
    memset(rig.bytes + 512, 0, 512);
    rig_mount(NULL);
    rig_touch(rig.root, "a");
    rig_look();
    ck_assert_int_eq(memcmp(rig.bytes + 512, "RRaA", 4), 0);
    ck_assert_int_eq(memcmp(rig.bytes + 512 + 484, "rrAa", 4), 0);
    ck_assert_uint_eq(rig.bytes[512 + 511], 0xaa);
    rig_free();
}
END_TEST

static uint64_t free_count(void)
{
    struct shale_statfs statfs;

    GOOD(shale_statfs(rig.v.fs, &statfs));
    return statfs.blocks_free;
}

/* To count a large FAT takes a while; a wrong count in a small one, no more. */
START_TEST(fsinfo_is_believed_of_large_volumes)
{
    uint64_t counted;

    rig_make(32, 150 << 10, 512, 512, NULL);
    counted = free_count();
    rig_unmount();
    memset(rig.bytes + 512 + 488, 1, 2);
    rig_mount(NULL);
    ck_assert_uint_ne(free_count(), counted);
    rig_unmount();
    rig.bytes[65] |= 1;         /* not unmounted */
    rig_mount(NULL);
    ck_assert_uint_eq(free_count(), counted);
    rig_unmount();
    rig_free();

    make(2);
    counted = free_count();
    rig_unmount();
    memset(rig.bytes + 512 + 488, 1, 2);
    memset(rig.bytes + 512 + 508, 0, 4);
    rig_mount(NULL);
    ck_assert_uint_eq(free_count(), counted);
    rig_touch(rig.root, "a");
    rig_look();
    ck_assert_uint_eq(rig.bytes[512 + 511], 0xaa);
    rig_free();
}
END_TEST

START_TEST(fsinfo_is_not_made_of_a_boot_sector)
{
    make(2);
    rig_unmount();
    ck_assert_uint_eq(rig.bytes[50], 6);
    rig.bytes[48] = 6;
    rig_mount(NULL);
    rig_touch(rig.root, "a");
    rig_unmount();
    ck_assert_int_eq(memcmp(rig.bytes + 3, rig.bytes + 6 * 512 + 3, 8), 0);
    ck_assert_int_eq(memcmp(rig.bytes + 6 * 512 + 82, "FAT32", 5), 0);
    rig_free();
}
END_TEST

/* What is in the sector is a program's, or was an FSInfo. */
static const struct {
    const char *what;
    size_t at;
    uint8_t bytes[4];
    bool made;
} sectors[] = {
    { "a program", 0, { 0xeb, 0xfe, 0x90, 0x90 }, false },
    { "the end of a program", 0x1f8, { 0xc3, 0, 0, 0 }, false },
    { "only its first signature", 0, { 'R', 'R', 'a', 'A' }, true },
    { "only its second", 0x1e4, { 'r', 'r', 'A', 'a' }, true },
    { "only the mark of a sector", 0x1fc, { 0, 0, 0x55, 0xaa }, true },
};

enum { SECTORS = sizeof sectors / sizeof sectors[0] };

START_TEST(fsinfo_is_made_where_nothing_else_is)
{
    uint8_t *at;

    make(2);
    rig_unmount();
    at = rig.bytes + 512;
    memset(at, 0, 512);
    memcpy(at + sectors[_i].at, sectors[_i].bytes, 4);
    rig_mount(NULL);
    rig_touch(rig.root, "a");
    rig_unmount();
    if (sectors[_i].made) {
        ck_assert_int_eq(memcmp(at, "RRaA", 4), 0);
        ck_assert_int_eq(memcmp(at + 0x1e4, "rrAa", 4), 0);
    } else {
        ck_assert_int_eq(memcmp(at + sectors[_i].at, sectors[_i].bytes, 4), 0);
        memset(at + sectors[_i].at, 0, 4);
        for (unsigned i = 0; i < 512; i++)
            ck_assert_msg(at[i] == 0, "%s: byte %u", sectors[_i].what, i);
    }
    rig_free();
}
END_TEST

/* ----------------------------------------------------- others' sectors */

/* Writes that came to the first sectors of a volume. */
static unsigned written[FAT_HEAD_SIZE / 64];

static void note_write(void *context, enum shale_request_kind kind,
                       uint64_t offset, size_t len)
{
    (void)context;
    for (unsigned i = 0; i < sizeof written / sizeof written[0]; i++)
        if (kind == SHALE_REQUEST_WRITE && offset < (i + 1) * 512 &&
            offset + len > i * 512)
            written[i]++;
}

/* What is in a sector that the boot sector calls FSInfo, or its copy. */
static const struct {
    const char *what;
    unsigned sector;
    size_t at;
    uint8_t bytes[5];
    bool is_ours;
} foreign[] = {
    { "an FSInfo", 1, 0, { 'R', 'R', 'a', 'A' }, true },
    { "a program for one", 1, 0, { 0xeb, 0xfe, 0x90, 0x90 }, false },
    { "a copy", 6, 0x40, { 0x80 }, true },
    { "a copy that is none", 6, 0x42, { 0x90 }, false },
    { "another volume's copy", 6, 0x42, { 0x29, 1, 2, 3, 4 }, false },
};

START_TEST(foreign_sectors_are_not_written)
{
    unsigned sector = foreign[_i].sector;
    struct shale_fault_bdev device;
    struct shale_vnode *vn;
    uint8_t before[512];

    make(2);
    rig_unmount();
    if (!foreign[_i].is_ours && sector == 1)
        memset(rig.bytes + 512, 0x90, 512);
    memcpy(rig.bytes + sector * 512 + foreign[_i].at, foreign[_i].bytes,
           foreign[_i].is_ours ? 1 : 5);
    memcpy(before, rig.bytes + sector * 512, sizeof before);

    ck_assert_int_eq(volume_to_write(&rig.v, rig.bytes, rig.size), 0);
    GOOD(shale_fault_bdev_init(&device, rig.v.dev, NULL, NULL));
    device.watch = note_write;
    rig.v.dev = &device.base;
    memset(written, 0, sizeof written);
    GOOD(volume_mount(&rig.v, NULL));
    GOOD(shale_vnode_get(rig.v.fs, shale_root_ino(rig.v.fs), &rig.root));
    GOOD(shale_set_label(rig.v.fs, "LABEL"));
    vn = rig_create(rig.root, "a");
    ck_assert_int_eq(shale_write(vn, "a", 1, 0), 1);
    shale_vnode_put(vn);
    rig_unmount();
    shale_fault_bdev_fini(&device);
    ck_assert_uint_gt(written[0], 0);
    ck_assert_msg((written[sector] > 0) == foreign[_i].is_ours, "%s: %u",
                  foreign[_i].what, written[sector]);
    ck_assert_int_eq(memcmp(before, rig.bytes + sector * 512, sizeof before)
                         != 0, foreign[_i].is_ours);
    rig_free();
}
END_TEST

/* ---------------------------------------------------------------- labels */

static const struct {
    const char *label;
    int err;
    const char *bytes;          /* in the boot sector */
} labels[] = {
    { "SHALE", 0, "SHALE      " },
    { "lower", 0, "LOWER      " },
    { "ELEVEN LONG", 0, "ELEVEN LONG" },
    { "A B", 0, "A B        " },
    { "\xc3\xa9t\xc3\xa9", 0, "\x90T\x90        " },
    { "", 0, "NO NAME    " },
    { "TWELVE CHARS", SHALE_ENAMETOOLONG, NULL },
    { "A*B", SHALE_EINVAL, NULL },
    { "A.B", SHALE_EINVAL, NULL },
    { "A/B", SHALE_EINVAL, NULL },
    { "A\tB", SHALE_EINVAL, NULL },
    { " A", SHALE_EINVAL, NULL },
    { "\xe6\x97\xa5", SHALE_EINVAL, NULL },
    { "\xff", SHALE_EINVAL, NULL },
};

enum { LABELS = sizeof labels / sizeof labels[0] };

/* The root's label entry, or NULL. */
static const uint8_t *root_label(void)
{
    const uint8_t *at = rig.bytes + rig.check.root_at;

    if (rig.check.root_at == 0)
        at = rig.bytes + rig.check.data_at +
             (uint64_t)(rig.check.root_cluster - 2) * rig.check.cluster_size;
    for (unsigned i = 0; i < 16; i++, at += 32)
        if (at[0] != 0xe5 && at[0] != 0 && at[11] == FAT_ATTR_LABEL)
            return at;
    return NULL;
}

START_TEST(a_label_is_in_both_places)
{
    unsigned shape = (unsigned)_i / LABELS, which = (unsigned)_i % LABELS;
    size_t at = shapes[shape].state_at - 0x25 + 0x2b;

    make(shape);
    GOOD(shale_set_label(rig.v.fs, "BEFORE"));
    rig_touch(rig.root, "file");
    ck_assert_int_eq(shale_set_label(rig.v.fs, labels[which].label),
                     labels[which].err);
    rig_look();
    if (labels[which].err) {
        ck_assert_int_eq(memcmp(rig.bytes + at, "BEFORE     ", 11), 0);
    } else {
        ck_assert_int_eq(memcmp(rig.bytes + at, labels[which].bytes, 11), 0);
        if (shapes[shape].bits == 32)
            ck_assert_int_eq(memcmp(rig.bytes + 6 * 512 + at,
                                    labels[which].bytes, 11), 0);
        if (labels[which].label[0])
            ck_assert(root_label() && memcmp(root_label(), labels[which].bytes,
                                             11) == 0);
        else
            ck_assert_ptr_null(root_label());
    }
    ck_assert_uint_eq(rig.check.count, 2);
    rig_free();
}
END_TEST

/* The slot of a label that is gone is one to be used again. */
START_TEST(a_label_leaves_its_slot)
{
    uint64_t size;

    make(2);
    GOOD(shale_set_label(rig.v.fs, "LABEL"));
    for (unsigned i = 1; i < FAT_ROW_SLOTS; i++) {
        char name[12];

        snprintf(name, sizeof name, "FILE%u", i);
        rig_touch(rig.root, name);
    }
    size = rig.root->size;
    GOOD(shale_set_label(rig.v.fs, ""));
    rig_touch(rig.root, "ONEMORE");
    ck_assert_uint_eq(rig.root->size, size);
    rig_end();
}
END_TEST

/* ------------------------------------------------------------- attributes */

static const struct {
    const char *what, *options;
    bool dir;
    struct shale_setattr set;
    int err;
    uint32_t flags, mode;       /* afterwards; a file has A in the beginning */
} sets[] = {
#define R FAT_ATTR_READ_ONLY
#define H FAT_ATTR_HIDDEN
#define S FAT_ATTR_SYSTEM
#define A FAT_ATTR_ARCHIVE
#define D FAT_ATTR_DIR
    { "no write permission", NULL, false,
      { .valid = SHALE_SET_MODE, .mode = 0555 }, 0, R | A, 0555 },
    { "as it is", NULL, false, { .valid = SHALE_SET_MODE, .mode = 0755 }, 0, A,
      0755 },
    { "another's write permission", NULL, false,
      { .valid = SHALE_SET_MODE, .mode = 0777 }, 0, A, 0755 },
    { "no read permission", NULL, false,
      { .valid = SHALE_SET_MODE, .mode = 0300 }, SHALE_EPERM, A, 0755 },
    { "that, quiet", "quiet", false, { .valid = SHALE_SET_MODE, .mode = 0300 },
      0, A, 0755 },
    { "set user id", NULL, false, { .valid = SHALE_SET_MODE, .mode = 04755 },
      SHALE_EPERM, A, 0755 },
    { "a directory's permission", NULL, true,
      { .valid = SHALE_SET_MODE, .mode = 0555 }, SHALE_EPERM, D, 0755 },
    { "that, with rodir", "rodir", true,
      { .valid = SHALE_SET_MODE, .mode = 0555 }, 0, D | R, 0555 },
    { "the owner as it is", NULL, false, { .valid = SHALE_SET_UID, .uid = 0 },
      0, A, 0755 },
    { "another owner", NULL, false, { .valid = SHALE_SET_UID, .uid = 1 },
      SHALE_EPERM, A, 0755 },
    { "another owner, quiet", "quiet", false,
      { .valid = SHALE_SET_UID, .uid = 1 }, 0, A, 0755 },
    { "another owner, quiet, and what can be", "quiet", false,
      { .valid = SHALE_SET_UID | SHALE_SET_MODE, .uid = 1, .mode = 0555 }, 0,
      R | A, 0555 },
    { "another group", NULL, false, { .valid = SHALE_SET_GID, .gid = 1 },
      SHALE_EPERM, A, 0755 },
    { "hidden and system", NULL, false,
      { .valid = SHALE_SET_FLAGS, .flags = H | S }, 0, H | S, 0755 },
    { "read-only by its flag", NULL, false,
      { .valid = SHALE_SET_FLAGS, .flags = R }, 0, R, 0555 },
    { "none", NULL, false, { .valid = SHALE_SET_FLAGS, .flags = 0 }, 0, 0,
      0755 },
    { "a file cannot become a directory", NULL, false,
      { .valid = SHALE_SET_FLAGS, .flags = D | A }, 0, A, 0755 },
    { "nor a directory a file", NULL, true,
      { .valid = SHALE_SET_FLAGS, .flags = H }, 0, H | D, 0755 },
    { "what there is not", NULL, false,
      { .valid = SHALE_SET_FLAGS, .flags = 0x80 }, SHALE_EINVAL, A, 0755 },
};

START_TEST(sets_what_can_be_set)
{
    struct shale_vnode *vn;
    struct shale_attr attr;
    int err;

    rig_make(16, 9000, 512, 512, sets[_i].options);
    vn = sets[_i].dir ? rig_mkdir(rig.root, "it") : rig_create(rig.root, "it");
    err = shale_setattr(vn, &sets[_i].set);
    ck_assert_msg(err == sets[_i].err, "%s: %d", sets[_i].what, err);
    shale_vnode_put(vn);
    rig_look();
    rig_mount(sets[_i].options);
    GOOD(shale_stat(rig.v.fs, "/it", &attr));
    ck_assert_msg(attr.flags == sets[_i].flags, "%s: %x", sets[_i].what,
                  attr.flags);
    ck_assert_msg((attr.mode & 07777) == sets[_i].mode, "%s: %o",
                  sets[_i].what, attr.mode);
    rig_end();
}
END_TEST

static const struct {
    const char *what;
    struct shale_time set, mtime, btime;
    int64_t atime;
} times[] = {
    { "a moment", { 1000000001, 999999999 }, { 1000000000, 0 },
      { 1000000001, 990000000 }, 999993600 },
    { "before 1980", { 0, 0 }, { 315532800, 0 }, { 315532800, 0 }, 315532800 },
    { "after 2107", { 5000000000, 0 }, { 4354819198, 0 },
      { 4354819199, 990000000 }, 4354732800 },
};

START_TEST(times_are_rounded_and_clamped)
{
    const struct shale_setattr what = {
        .valid = SHALE_SET_ATIME | SHALE_SET_MTIME | SHALE_SET_BTIME,
        .atime = times[_i].set, .mtime = times[_i].set, .btime = times[_i].set,
    };
    struct shale_attr attr;
    struct shale_vnode *vn;

    make(1);
    vn = rig_create(rig.root, "file");
    GOOD(shale_setattr(vn, &what));
    GOOD(shale_setattr(rig.root, &what));       /* which does nothing */
    shale_vnode_put(vn);
    rig_look();
    rig_mount(NULL);
    GOOD(shale_stat(rig.v.fs, "/file", &attr));
    ck_assert_int_eq(attr.mtime.sec, times[_i].mtime.sec);
    ck_assert_uint_eq(attr.mtime.nsec, 0);
    ck_assert_int_eq(attr.btime.sec, times[_i].btime.sec);
    ck_assert_uint_eq(attr.btime.nsec, times[_i].btime.nsec);
    ck_assert_int_eq(attr.atime.sec, times[_i].atime);
    rig_end();
}
END_TEST

START_TEST(system_files_can_be_immutable)
{
    const struct shale_setattr system = {
        .valid = SHALE_SET_FLAGS, .flags = FAT_ATTR_SYSTEM,
    };
    const struct shale_setattr plain = { .valid = SHALE_SET_FLAGS };
    const struct shale_setattr touch = { .valid = SHALE_SET_MTIME };
    struct shale_vnode *vn, *dir;

    rig_make(16, 9000, 512, 512, "sys_immutable");
    vn = rig_create(rig.root, "file");
    dir = rig_mkdir(rig.root, "dir");
    rig_touch(dir, "other");
    rig_write(vn, 1, 600, 0);
    GOOD(shale_setattr(vn, &system));
    GOOD(shale_setattr(dir, &system));
    ck_assert_int_eq(rig_unlink(rig.root, "file"), SHALE_EPERM);
    ck_assert_int_eq(rig_rename(rig.root, "file", rig.root, "x"), SHALE_EPERM);
    ck_assert_int_eq(rig_rename(dir, "other", rig.root, "file"), SHALE_EPERM);
    ck_assert_int_eq(rig_unlink(dir, "other"), SHALE_EPERM);
    ck_assert_int_eq(rig_try(dir, "new", SHALE_S_IFREG, NULL), SHALE_EPERM);
    ck_assert_int_eq(shale_truncate(vn, 0), SHALE_EPERM);
    ck_assert_int_eq(shale_truncate(vn, 9000), SHALE_EPERM);
    ck_assert_int_eq(shale_setattr(vn, &touch), SHALE_EPERM);
    GOOD(shale_setattr(vn, &plain));
    GOOD(shale_setattr(dir, &plain));
    GOOD(rig_unlink(dir, "other"));
    GOOD(rig_unlink(rig.root, "file"));
    shale_vnode_put(vn);
    shale_vnode_put(dir);
    rig_end();
}
END_TEST

START_TEST(attributes_by_their_ntfs_name)
{
    const uint8_t hidden[4] = { FAT_ATTR_HIDDEN, 0, 0, 0 };
    const uint8_t system[4] = { 0, 0, 0, FAT_ATTR_SYSTEM };
    struct shale_attr attr;
    struct shale_vnode *vn;

    make(0);
    vn = rig_create(rig.root, "file");
    GOOD(shale_setxattr(vn, "system.ntfs_attrib", hidden, 4, 0));
    GOOD(shale_getattr(vn, &attr));
    ck_assert_uint_eq(attr.flags, FAT_ATTR_HIDDEN);
    GOOD(shale_setxattr(vn, "system.ntfs_attrib_be", system, 4, 0));
    GOOD(shale_getattr(vn, &attr));
    ck_assert_uint_eq(attr.flags, FAT_ATTR_SYSTEM);
    ck_assert_int_eq(shale_setxattr(vn, "system.ntfs_attrib", hidden, 3, 0),
                     SHALE_EINVAL);
    ck_assert_int_eq(shale_setxattr(vn, "user.other", hidden, 4, 0),
                     SHALE_ENOTSUP);
    shale_vnode_put(vn);
    rig_end();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fat/state");
    TCase *tc = tcase_create("state");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, is_marked_while_it_is_changed, 0, SHAPES);
    tcase_add_loop_test(tc, what_was_dirty_stays_dirty, 0, SHAPES);
    tcase_add_loop_test(tc, a_mount_that_changes_nothing_writes_nothing, 0,
                        SHAPES);
    tcase_add_test(tc, fsinfo_is_repaired);
    tcase_add_test(tc, fsinfo_is_believed_of_large_volumes);
    tcase_add_test(tc, fsinfo_is_not_made_of_a_boot_sector);
    tcase_add_loop_test(tc, fsinfo_is_made_where_nothing_else_is, 0, SECTORS);
    tcase_add_loop_test(tc, foreign_sectors_are_not_written, 0,
                        sizeof foreign / sizeof foreign[0]);
    tcase_add_loop_test(tc, a_label_is_in_both_places, 0, SHAPES * LABELS);
    tcase_add_test(tc, a_label_leaves_its_slot);
    tcase_add_loop_test(tc, sets_what_can_be_set, 0,
                        sizeof sets / sizeof sets[0]);
    tcase_add_loop_test(tc, times_are_rounded_and_clamped, 0,
                        sizeof times / sizeof times[0]);
    tcase_add_test(tc, system_files_can_be_immutable);
    tcase_add_test(tc, attributes_by_their_ntfs_name);
    suite_add_tcase(s, tc);
    return s;
}
