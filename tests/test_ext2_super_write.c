/* test_ext2_super_write.c - what the superblock says of a volume's use */
#include "ext2/write.h"
#include "suite.h"
#include "test_ext2_rig.h"

#define GOOD(call) ck_assert_int_eq((int)(call), 0)

enum { SIZE = 8 << 20, BLOCK = 1024 };

static struct rig rig;

static void teardown(void)
{
    rig_fini(&rig);
}

static void setup(void)
{
    rig_init(&rig, SIZE, "-b 1024 -I 256");
}

static struct ext2_disk_super *super(void)
{
    return (struct ext2_disk_super *)(rig.bytes + EXT2_SUPER_OFFSET);
}

static void mount_with(const char *options)
{
    GOOD(volume_to_write(&rig.v, rig.bytes, rig.size));
    ck_assert_msg(volume_mount(&rig.v, options) == 0, "%s", rig.v.said);
}

static void make(const char *name)
{
    shale_vnode_put(rig_create(&rig, name, SHALE_S_IFREG | 0644));
}

/* ------------------------------------------------------------------ marks */

START_TEST(nothing_changed_nothing_written)
{
    uint8_t *before = malloc(SIZE);

    memcpy(before, rig.bytes, SIZE);
    mount_with("last_mounted=/mnt");
    GOOD(shale_sync(rig.v.fs));
    rig_unmount(&rig);
    ck_assert(memcmp(before, rig.bytes, SIZE) == 0);
    free(before);
}
END_TEST

START_TEST(in_use_and_clean)
{
    uint32_t features = le32_get(super()->compat);

    mount_with("last_mounted=/mnt/somewhere");
    make("one");
    ck_assert_uint_eq(le16_get(super()->state), 0);
    ck_assert_uint_eq(le16_get(super()->mount_count), 1);
    ck_assert_str_eq(super()->last_mounted, "/mnt/somewhere");
    ck_assert(le32_get(super()->incompat) & EXT2_INCOMPAT_RECOVER);

    /* Clean in between, and one mount is counted once. */
    GOOD(shale_sync(rig.v.fs));
    ck_assert_uint_eq(le16_get(super()->state), EXT2_STATE_VALID);
    ck_assert_uint_eq(le32_get(super()->compat), features);
    make("two");
    ck_assert_uint_eq(le16_get(super()->state), 0);
    ck_assert_uint_eq(le16_get(super()->mount_count), 1);
    rig_unmount(&rig);
    ck_assert_uint_eq(le16_get(super()->state), EXT2_STATE_VALID);
    ck_assert_uint_eq(le32_get(super()->compat), features);
    ck_assert_uint_eq(le32_get(super()->journal_ino), 0);

    mount_with(NULL);
    make("three");
    rig_unmount(&rig);
    ck_assert_uint_eq(le16_get(super()->mount_count), 2);
    ck_assert_str_eq(super()->last_mounted, "/mnt/somewhere");
}
END_TEST

/* A path that does not fit is cut short. */
START_TEST(long_path)
{
    static const char path[] = "last_mounted=/0123456789/0123456789/0123456789/"
                               "0123456789/0123456789/0123456789/0123456789";

    mount_with(path);
    make("one");
    rig_unmount(&rig);
    ck_assert(memcmp(super()->last_mounted, path + 13, 64) == 0);
}
END_TEST

/* What was not valid, or had errors, when it was mounted stays so. */
static const uint16_t states[] = {
    0, EXT2_STATE_ERRORS, EXT2_STATE_VALID | EXT2_STATE_ERRORS,
};

START_TEST(states_stay)
{
    super()->state = le16_make(states[_i]);
    mount_with(NULL);
    make("one");
    ck_assert_uint_eq(le16_get(super()->state),
                      states[_i] & ~EXT2_STATE_VALID);
    GOOD(shale_unmount(rig.v.fs));
    rig.v.fs = NULL;
    ck_assert_uint_eq(volume_close(&rig.v), 0);
    ck_assert_uint_eq(le16_get(super()->state), states[_i]);
}
END_TEST

/* --------------------------------------------------------------- features */

/* What gives a volume its first feature. */
static void make_large(struct shale_vnode *vn)
{
    GOOD(shale_truncate(vn, UINT64_C(1) << 31));
}

static void make_named(struct shale_vnode *vn)
{
    static const char value[200] = "more than an inode has room for";

    GOOD(shale_setxattr(vn, "user.x", value, sizeof value, 0));
}

static void (*const makers[])(struct shale_vnode *vn) = {
    make_large, make_named,
};

/* A feature makes revision 1 of a volume of revision 0; undone, it does not. */
START_TEST(first_feature_makes_revision_1)
{
    struct ext2_volume *vol;
    struct shale_vnode *vn;

    rig_fini(&rig);
    rig_init(&rig, SIZE, "-b 1024 -r 0");
    ck_assert_uint_eq(le32_get(super()->rev_level), EXT2_GOOD_OLD_REV);
    mount_with(NULL);
    make("plain");
    GOOD(shale_sync(rig.v.fs));
    ck_assert_uint_eq(le32_get(super()->rev_level), EXT2_GOOD_OLD_REV);

    vol = ext2_volume_of(rig.v.fs);
    shale_tx_begin(rig.v.fs->tx);
    GOOD(ext2_super_set_feature(vol, EXT2_RO_COMPAT,
                                EXT2_RO_COMPAT_LARGE_FILE));
    ck_assert_uint_eq(vol->super.rev_level, EXT2_DYNAMIC_REV);
    shale_tx_undo(rig.v.fs->tx);
    ck_assert_uint_eq(vol->super.rev_level, EXT2_GOOD_OLD_REV);

    vn = rig_open(&rig, "/plain");
    makers[_i](vn);
    shale_vnode_put(vn);
    rig_unmount(&rig);
    ck_assert_uint_eq(le32_get(super()->rev_level), EXT2_DYNAMIC_REV);
    ck_assert_uint_eq(le32_get(super()->first_ino), EXT2_GOOD_OLD_FIRST);
    ck_assert_uint_eq(le16_get(super()->inode_size), EXT2_GOOD_OLD_INODE);
    ck_assert_uint_ne(le32_get(super()->compat) | le32_get(super()->ro_compat),
                      0);

    /* With whole batches from now on. */
    mount_with(NULL);
    make("more");
    rig_unmount(&rig);
}
END_TEST

/* ----------------------------------------------------------------- errors */

/* Break the first record of lost+found. */
static void break_directory(void)
{
    struct shale_vnode *vn;
    struct ext2_disk_dirent *entry;
    uint32_t block;

    mount_with(NULL);
    vn = rig_open(&rig, "/lost+found");
    block = le32_get(((const struct ext2_vnode *)vn)->inode.block[0]);
    shale_vnode_put(vn);
    rig_unmount(&rig);
    entry = (struct ext2_disk_dirent *)(rig.bytes + block * BLOCK);
    entry->rec_len = le16_make(3);
}

static void meet_error(void)
{
    struct shale_vnode *vn;

    mount_with(NULL);
    vn = rig_open(&rig, "/lost+found");
    ck_assert_int_eq(shale_create(vn, "x", 1, &(struct shale_node){
                                      .mode = SHALE_S_IFREG }, NULL),
                     SHALE_ECORRUPT);
    shale_vnode_put(vn);
    make("file");
    vn = rig_open(&rig, "/");
    GOOD(shale_unlink(vn, "file", 4));
    shale_vnode_put(vn);
    GOOD(shale_unmount(rig.v.fs));
    rig.v.fs = NULL;
    ck_assert_uint_eq(volume_close(&rig.v), 0);
}

START_TEST(errors_are_kept)
{
    uint32_t count;
    uint64_t block;

    break_directory();
    meet_error();
    count = le32_get(super()->error_count);
    block = le64_get(super()->first_error_block);
    ck_assert_uint_eq(le16_get(super()->state),
                      EXT2_STATE_VALID | EXT2_STATE_ERRORS);
    ck_assert_uint_gt(count, 0);
    ck_assert_uint_eq(le32_get(super()->first_error_ino), 11);
    ck_assert_uint_gt(block, 0);
    ck_assert(strncmp(super()->first_error_func, "ext2: ", 6) == 0);
    ck_assert_uint_eq(le64_get(super()->last_error_block), block);
    ck_assert(memchr(super()->last_error_func, '\0', 32));

    memset(super()->first_error_func, 'f', 32);
    meet_error();
    ck_assert_uint_eq(le32_get(super()->error_count), 2 * count);
    ck_assert_int_eq(super()->first_error_func[0], 'f');
    ck_assert(strncmp(super()->last_error_func, "ext2: ", 6) == 0);
}
END_TEST

/* ------------------------------------------------------------------ label */

static const struct {
    const char *label;
    int err;
} labels[] = {
    { "", 0 }, { "x", 0 }, { "sixteen bytes it", 0 }, { "\xc3\xa4", 0 },
    { "seventeen bytes it", SHALE_ENAMETOOLONG }, { "a\nb", SHALE_EINVAL },
};

START_TEST(label)
{
    const char *text = labels[_i].label;

    memcpy(super()->label, "before", 7);
    mount_with(NULL);
    ck_assert_int_eq(shale_set_label(rig.v.fs, text), labels[_i].err);
    rig_unmount(&rig);
    ck_assert(strncmp(super()->label, labels[_i].err ? "before" : text, 16)
              == 0);
}
END_TEST

/* --------------------------------------------------------------- features */

static const struct {
    uint32_t compat, ro_compat;
    bool read_only;
} features[] = {
    { 0, EXT2_RO_COMPAT_SPARSE_SUPER | EXT2_RO_COMPAT_LARGE_FILE, false },
    { 0, 0x6f, false },         /* all that a block map does not mind */
    { 0x40000000, 0x3, false }, /* whatever it is, it may be ignored */
    { 0, 0x13, true },          /* gdt_csum */
    { 0, 0x103, true },         /* quota */
    { 0, 0x403, true },         /* metadata_csum */
    { 0, 0x1003, true },        /* read-only */
    { 0, 0x2003, true },        /* project */
    { 0, 0x80000003, true },    /* one without a name */
};

START_TEST(written_or_not)
{
    super()->compat = le32_make(le32_get(super()->compat) |
                                features[_i].compat);
    super()->ro_compat = le32_make(features[_i].ro_compat);
    mount_with(NULL);
    ck_assert_int_eq(shale_fs_read_only(rig.v.fs), features[_i].read_only);
    ck_assert_uint_eq(rig.v.events, features[_i].read_only);
    if (!features[_i].read_only)
        make("file");
    GOOD(shale_unmount(rig.v.fs));
    rig.v.fs = NULL;
    ck_assert_uint_eq(volume_close(&rig.v), 0);
}
END_TEST

/* A copy of the superblock is for reading only. */
START_TEST(copies_are_left_alone)
{
    rig_fini(&rig);
    rig_init(&rig, 16u << 20, "-b 1024");
    GOOD(volume_to_write(&rig.v, rig.bytes, rig.size));
    GOOD(volume_mount(&rig.v, "sb=8193"));
    ck_assert(shale_fs_read_only(rig.v.fs));
    rig_unmount(&rig);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2/super_write");
    TCase *tc = tcase_create("super");

    rig_need_programs();
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, nothing_changed_nothing_written);
    tcase_add_test(tc, in_use_and_clean);
    tcase_add_test(tc, long_path);
    tcase_add_loop_test(tc, states_stay, 0, sizeof states / sizeof states[0]);
    tcase_add_loop_test(tc, first_feature_makes_revision_1, 0,
                        sizeof makers / sizeof makers[0]);
    tcase_add_test(tc, errors_are_kept);
    tcase_add_loop_test(tc, label, 0, sizeof labels / sizeof labels[0]);
    tcase_add_loop_test(tc, written_or_not, 0,
                        sizeof features / sizeof features[0]);
    tcase_add_test(tc, copies_are_left_alone);
    suite_add_tcase(s, tc);
    return s;
}
