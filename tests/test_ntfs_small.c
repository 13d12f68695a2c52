/* test_ntfs_small.c - the small driver: what it does by itself, and what only
   when that is named */
#include "shale/fs.h"
#include "shale/ntfs.h"
#include "suite.h"
#include "test_ntfs_file.h"

static const struct shale_fs_ops *const small[] = { &shale_ntfs_small, NULL };
static const struct shale_fs_ops *const whole[] = { &shale_ntfs, NULL };

static struct volume v;
static uint64_t packed, sealed, unixes, lost;

/* A file whose four bytes WOF has packed, by storing them. */
static void packed_make(void)
{
    static const uint8_t point[24] = {
        0x17, 0, 0, 0x80, 16, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0,
    };
    static const struct ntfsimage_run hole = { NTFSIMAGE_HOLE, 1 };
    const struct ntfsimage_piece data = {
        .type = NTFS_DATA, .flags = NTFS_ATTR_SPARSE, .unit_shift = 4,
        .runs = &hole, .count = 1, .size = 4,
    };

    packed = ntfsimage_file(&image, NTFS_ROOT, "packed");
    ntfsimage_runs(&image, packed, &data);
    ntfsimage_resident(&image, packed, NTFS_DATA, "WofCompressedData", "wof!",
                       4);
    ntfsimage_resident(&image, packed, NTFS_REPARSE_POINT, NULL, point,
                       sizeof point);
}

/* A file whose four bytes are encrypted. */
static void sealed_make(void)
{
    static const struct ntfsimage_run hole = { NTFSIMAGE_HOLE, 1 };
    const struct ntfsimage_piece data = {
        .type = NTFS_DATA, .flags = NTFS_ATTR_ENCRYPTED, .runs = &hole,
        .count = 1, .size = 4,
    };

    sealed = ntfsimage_file(&image, NTFS_ROOT, "sealed");
    ntfsimage_runs(&image, sealed, &data);
}

/* One of each kind of thing that an extra is for. */
static void setup_all(void)
{
    static const uint8_t ea[20] = {
        20, 0, 0, 0, 0, 6, 4, 0, '$', 'L', 'X', 'U', 'I', 'D', 0, 77,
    };
    struct ntfs_disk_record *head;
    uint64_t gone;

    setup();
    ntfsimage_resident(&image, file, NTFS_DATA, NULL, "data", 4);
    ntfsimage_resident(&image, file, NTFS_DATA, "s", "stream", 6);
    packed_make();
    sealed_make();
    unixes = ntfsimage_file(&image, NTFS_ROOT, "unix");
    ntfsimage_resident(&image, unixes, NTFS_EA, NULL, ea, sizeof ea);
    lost = ntfsimage_dir(&image, NTFS_ROOT, "lost");
    ntfsimage_file(&image, lost, "found");
    ntfsimage_find(&image, lost, NTFS_INDEX_ROOT, "$I30")[32] ^= 0xff;
    gone = ntfsimage_file(&image, NTFS_ROOT, "gone");
    head = (struct ntfs_disk_record *)ntfsimage_record(&image, gone);
    head->flags = le16_make(0);
    ntfsimage_finish(&image);
}

static int mount_by(const struct shale_fs_ops *const *drivers,
                    const struct shale_ntfs_extra *const *extras,
                    const char *options)
{
    ck_assert_int_eq(volume_of_bytes(&v, image.bytes, image.size), 0);
    v.drivers = drivers;
    v.ntfs_extras = extras;
    return volume_mount(&v, options);
}

static void close_it(void)
{
    ck_assert_uint_eq(volume_close(&v), 0);
}

/* -------------------------------------------------- what needs an extra */

static int64_t read_it(uint64_t ino, char text[8])
{
    struct shale_vnode *vn;
    int64_t len;

    ck_assert_int_eq(shale_vnode_get(v.fs, ino, &vn), 0);
    len = shale_read(vn, text, 8, 0);
    shale_vnode_put(vn);
    return len;
}

static int64_t read_packed(void)
{
    char text[8] = { 0 };
    int64_t len = read_it(packed, text);

    return len == 4 ? memcmp(text, "wof!", 4) : len;
}

static int64_t mode_of_file(void)
{
    struct shale_attr attr;

    ck_assert_int_eq(shale_getattr_ino(v.fs, file, &attr), 0);
    return attr.mode & 07777;
}

static int64_t owner_of_unix(void)
{
    struct shale_attr attr;

    ck_assert_int_eq(shale_getattr_ino(v.fs, unixes, &attr), 0);
    return attr.uid;
}

static int64_t stream_length(void)
{
    struct shale_vnode *vn;
    int64_t len;

    ck_assert_int_eq(shale_vnode_get(v.fs, file, &vn), 0);
    len = shale_getxattr(vn, "user.s", NULL, 0);
    shale_vnode_put(vn);
    return len;
}

static int count_name(void *context, const char *name, size_t len)
{
    (void)name;
    *(int64_t *)context += (int64_t)len;
    return 0;
}

static int64_t names_length(void)
{
    struct shale_vnode *vn;
    int64_t count = 0;
    int err;

    ck_assert_int_eq(shale_vnode_get(v.fs, file, &vn), 0);
    err = vn->fs->ops->listxattr(vn, count_name, &count);
    shale_vnode_put(vn);
    return err ? err : count;
}

static int64_t find_lost(void)
{
    struct shale_attr attr;

    return shale_stat(v.fs, "/lost/found", &attr);
}

static int count_deleted(void *context, const struct shale_deleted *deleted)
{
    (void)deleted;
    ++*(int64_t *)context;
    return 0;
}

static int64_t deleted_count(void)
{
    int64_t count = 0;
    int err = shale_deleted_iterate(v.fs, count_deleted, &count);

    return err ? err : count;
}

static void tell_number(struct shale_describe *to, const char *key,
                        uint64_t value)
{
    (void)to, (void)key, (void)value;
}

static void tell_time(struct shale_describe *to, const char *key, int64_t sec)
{
    (void)to, (void)key, (void)sec;
}

static void tell_text(struct shale_describe *to, const char *key,
                      const char *text)
{
    (void)to, (void)key, (void)text;
}

static int64_t describe(void)
{
    struct shale_describe to = {
        .number = tell_number, .time = tell_time, .text = tell_text,
        .item = tell_text,
    };

    return shale_describe(v.fs, &to);
}

static const struct {
    const char *what;
    const struct shale_ntfs_extra *extra;
    const char *options;        /* refused without the extra */
    int64_t (*get)(void);
    int64_t with, without;
} cases[] = {
    { "packed by WOF", &shale_ntfs_packed, NULL, read_packed, 0,
      SHALE_ENOTSUP },
    { "permissions", &shale_ntfs_owners, "permissions", mode_of_file, 0, 0 },
    { "a mapping", &shale_ntfs_owners, "usermapping=0:0:S-1-5-32-544",
      mode_of_file, 0, 0 },
    { "an owner by WSL", &shale_ntfs_unix, NULL, owner_of_unix, 77, 0 },
    { "a stream", &shale_ntfs_streams, NULL, stream_length, 6,
      SHALE_ENOTSUP },
    { "their names", &shale_ntfs_streams, NULL, names_length, 6,
      SHALE_ENOTSUP },
    { "streams as Windows has them", &shale_ntfs_streams,
      "streams_interface=windows", stream_length, SHALE_ENOTSUP, 0 },
    { "encrypted data", &shale_ntfs_streams, "efs_raw", stream_length, 6, 0 },
    { "a damaged directory", &shale_ntfs_recovery, "recover", find_lost, 0,
      0 },
    { "deleted files", &shale_ntfs_undelete, NULL, deleted_count, 1,
      SHALE_ENOTSUP },
    { "a description", &shale_ntfs_about, NULL, describe, 0, SHALE_ENOTSUP },
};

/* Named, an extra does what it does in the whole driver. */
START_TEST(does_what_is_named)
{
    const struct shale_ntfs_extra *extras[] = { cases[_i].extra, NULL };

    for (int i = 0; i < 2; i++) {
        int err = mount_by(i ? whole : small, i ? NULL : extras,
                           cases[_i].options);

        ck_assert_msg(!err, "%s: %s", cases[_i].what, v.said);
        ck_assert_msg(cases[_i].get() == cases[_i].with, "%s by %s: %d",
                      cases[_i].what, i ? "the whole" : "the small one",
                      (int)cases[_i].get());
        close_it();
    }
}
END_TEST

/* With all the others, and without it, the mount or the call says so. */
START_TEST(refuses_what_is_not_named)
{
    const struct shale_ntfs_extra *others[16];
    size_t count = 0;
    int err;

    for (size_t i = 0; shale_all_ntfs_extras[i]; i++)
        if (shale_all_ntfs_extras[i] != cases[_i].extra)
            others[count++] = shale_all_ntfs_extras[i];
    others[count] = NULL;
    for (int i = 0; i < 2; i++) {
        err = mount_by(small, i ? others : NULL, cases[_i].options);
        if (cases[_i].options) {
            ck_assert_int_eq(err, SHALE_ENOTSUP);
            ck_assert_ptr_nonnull(strstr(v.said, "has not named"));
        } else {
            ck_assert_int_eq(err, 0);
            ck_assert_int_eq(cases[_i].get(), cases[_i].without);
        }
        close_it();
    }
}
END_TEST

/* The option that would show it is told of if there is one. */
START_TEST(names_no_option_that_it_lacks)
{
    static const struct shale_ntfs_extra *const with_streams[] = {
        &shale_ntfs_streams, NULL,
    };
    char text[8];

    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(mount_by(small, i ? with_streams : NULL, NULL), 0);
        ck_assert_int_eq(read_it(sealed, text), SHALE_EACCES);
        ck_assert_ptr_nonnull(strstr(v.said, "encrypted"));
        ck_assert_msg(!strstr(v.said, "efs_raw") == !i, "%s", v.said);
        close_it();
    }
}
END_TEST

/* ------------------------------------------------- what it does anyway */

START_TEST(reads_by_itself)
{
    struct shale_attr attr;
    struct shale_file *open;
    char text[8];

    ck_assert_int_eq(mount_by(small, NULL, "uid=5,fmask=137"), 0);
    ck_assert_int_eq(shale_stat(v.fs, "/FILE", &attr), 0);
    ck_assert_uint_eq(attr.uid, 5);
    ck_assert_uint_eq(attr.mode & 07777, 0640);
    ck_assert_int_eq(shale_open(v.fs, "/file", &open), 0);
    ck_assert_int_eq(shale_file_read(open, text, sizeof text), 4);
    ck_assert_mem_eq(text, "data", 4);
    shale_close(open);
    ck_assert_int_eq(find_lost(), SHALE_ECORRUPT);
    /* A number that only a stream of a file could have. */
    ck_assert_int_eq(shale_getattr_ino(
                         v.fs, file | UINT64_C(1) << NTFS_INO_STREAM_SHIFT,
                         &attr), SHALE_ESTALE);
    close_it();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/small");
    TCase *tc = tcase_create("extras");
    int count = (int)(sizeof cases / sizeof cases[0]);

    tcase_add_checked_fixture(tc, setup_all, teardown);
    tcase_add_loop_test(tc, does_what_is_named, 0, count);
    tcase_add_loop_test(tc, refuses_what_is_not_named, 0, count);
    tcase_add_test(tc, names_no_option_that_it_lacks);
    tcase_add_test(tc, reads_by_itself);
    suite_add_tcase(s, tc);
    return s;
}
