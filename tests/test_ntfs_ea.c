/* test_ntfs_ea.c - extended attributes of OS/2's kind, and WSL's among them */
#include "suite.h"
#include "test_ntfs_file.h"

/* EAs, put together. */
struct eas {
    uint8_t bytes[4096];
    size_t len;
};

static void add(struct eas *eas, const char *name, const void *value,
                size_t len)
{
    uint8_t *at = eas->bytes + eas->len;
    size_t name_len = strlen(name);
    size_t next = (8 + name_len + 1 + len + 3) & ~(size_t)3;

    memset(at, 0, next);
    at[0] = (uint8_t)next;
    at[1] = (uint8_t)(next >> 8);
    at[5] = (uint8_t)name_len;
    at[6] = (uint8_t)len;
    at[7] = (uint8_t)(len >> 8);
    memcpy(at + 8, name, name_len);
    if (len > 0)
        memcpy(at + 8 + name_len + 1, value, len);
    eas->len += next;
}

static void add32(struct eas *eas, const char *name, uint32_t a)
{
    const uint8_t value[4] = {
        (uint8_t)a, (uint8_t)(a >> 8), (uint8_t)(a >> 16), (uint8_t)(a >> 24),
    };

    add(eas, name, value, sizeof value);
}

static void attach(uint64_t number, const struct eas *eas)
{
    ntfsimage_resident(&image, number, NTFS_EA, NULL, eas->bytes, eas->len);
}

/* ------------------------------------------------------------- the walk */

START_TEST(walks_them)
{
    struct eas made = { .len = 0 };
    struct ntfs_value eas;
    struct ntfs_ea ea;
    size_t offset = 0;

    add(&made, "A", "1", 1);
    add(&made, "", "", 0);
    add(&made, "LONGER", "value", 5);
    made.bytes[made.len - 20] = 0;      /* its length, as Windows' calls say */
    eas = (struct ntfs_value){ made.bytes, made.len, 0 };

    ck_assert_int_eq(ntfs_ea_next(&eas, &offset, &ea), 1);
    ck_assert_uint_eq(ea.name_length, 1);
    ck_assert_mem_eq(ea.name, "A", 1);
    ck_assert_uint_eq(ea.value_length, 1);
    ck_assert_mem_eq(ea.value, "1", 1);
    ck_assert_int_eq(ntfs_ea_next(&eas, &offset, &ea), 1);
    ck_assert_uint_eq(ea.name_length, 0);
    ck_assert_uint_eq(ea.value_length, 0);
    ck_assert_int_eq(ntfs_ea_next(&eas, &offset, &ea), 1);
    ck_assert_mem_eq(ea.value, "value", 5);
    ck_assert_int_eq(ntfs_ea_next(&eas, &offset, &ea), 0);
}
END_TEST

/* No length leads past the end, and every step is one forward. */
START_TEST(survives_any_damage)
{
    static const struct {
        const char *what;
        uint8_t bytes[16];
        size_t len;
    } bad[] = {
        { "too short for a head", { 8 }, 7 },
        { "next past the end", { 20, 0, 0, 0, 0, 1, 0, 0, 'A' }, 16 },
        { "next far past the end",
          { 255, 255, 255, 255, 0, 1, 0, 0, 'A' }, 16 },
        { "next inside the name", { 9, 0, 0, 0, 0, 1, 0, 0, 'A' }, 16 },
        { "next of 1", { 1, 0, 0, 0, 0, 1, 0, 0, 'A' }, 16 },
        { "name past the end", { 16, 0, 0, 0, 0, 200, 0, 0, 'A' }, 16 },
        { "value past the end", { 16, 0, 0, 0, 0, 1, 200, 0, 'A' }, 16 },
        { "long value past the end", { 0, 0, 0, 0, 0, 1, 0, 255, 'A' }, 16 },
        { "no room for the NUL", { 9, 0, 0, 0, 0, 1, 0, 0, 'A' }, 9 },
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t *copy = malloc(bad[i].len);
        struct ntfs_value eas = { copy, bad[i].len, 0 };
        struct ntfs_ea ea;
        size_t offset = 0;

        memcpy(copy, bad[i].bytes, bad[i].len);
        ck_assert_msg(ntfs_ea_next(&eas, &offset, &ea) == SHALE_ECORRUPT,
                      "%s", bad[i].what);
        ck_assert_uint_eq(offset, 0);
        free(copy);
    }
}
END_TEST

START_TEST(reports_damage)
{
    static const uint8_t bytes[12] = { 200, 0, 0, 0, 0, 1, 0, 0, 'A' };

    ntfsimage_resident(&image, file, NTFS_EA, NULL, bytes, sizeof bytes);
    mount_it(NULL);
    ck_assert_uint_eq(attr_of(file).mode, SHALE_S_IFREG | 0777);
    ck_assert_ptr_nonnull(strstr(image.v.said, "extended attribute"));
}
END_TEST

/* ------------------------------------------------------- owner and mode */

static const struct {
    const char *options;
    uint32_t mode, uid, gid;    /* of a file that WSL says 0640 7 8 of */
} views[] = {
    { "", 0640, 7, 8 },
    { "owner_uid=100,owner_gid=101", 0640, 7, 8 },
    { "uid=100", 0640, 100, 8 },
    { "gid=100", 0640, 7, 100 },
    { "umask=0", 0777, 7, 8 },
    { "fmask=027", 0750, 7, 8 },
    { "dmask=027", 0640, 7, 8 },
    { "uid=1,gid=2,umask=077", 0700, 1, 2 },
    { "permissions", 0640, 7, 8 },
    { "usermapping=::S-1-5-21-1", 0640, 7, 8 },
    { "uid=100,umask=0,usermapping=::S-1-5-21-1", 0640, 7, 8 },
};

START_TEST(gives_owner_and_mode)
{
    struct eas eas = { .len = 0 };

    add32(&eas, "$LXUID", 7);
    add32(&eas, "$LXGID", 8);
    add32(&eas, "$LXMOD", 0100640);
    attach(file, &eas);
    ntfsimage_finish(&image);
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        struct shale_attr attr;
        int err = ntfsimage_mount(&image, views[i].options);

        ck_assert_msg(!err, "%s: %s", views[i].options, image.v.said);
        attr = attr_of(file);
        ck_assert_msg(attr.mode == (SHALE_S_IFREG | views[i].mode),
                      "%s: mode %o", views[i].options, attr.mode);
        ck_assert_msg(attr.uid == views[i].uid && attr.gid == views[i].gid,
                      "%s: %u:%u", views[i].options, attr.uid, attr.gid);
        ck_assert_uint_eq(ntfsimage_unmount(&image), 0);
    }
}
END_TEST

/* Some of them only, in any case, and none of another size. */
START_TEST(takes_what_there_is)
{
    struct eas eas = { .len = 0 }, odd = { .len = 0 };
    uint64_t other = ntfsimage_file(&image, NTFS_ROOT, "other");
    uint64_t dir = ntfsimage_dir(&image, NTFS_ROOT, "dir");
    struct shale_attr attr;

    add(&eas, "other", "x", 1);
    add32(&eas, "$lxmod", 0107755);
    attach(file, &eas);
    attach(dir, &eas);
    add(&odd, "$LXUID", "\1\0\0", 3);
    add(&odd, "$LXGID", "\1\0\0\0\0", 5);
    add(&odd, "$LXMODE", "\1\0\0\0", 4);
    attach(other, &odd);
    mount_it("owner_uid=100,owner_gid=101");
    attr = attr_of(file);
    ck_assert_uint_eq(attr.mode, SHALE_S_IFREG | 07755);
    ck_assert_uint_eq(attr.uid, 100);
    ck_assert_uint_eq(attr.gid, 101);
    attr = attr_of(dir);
    ck_assert_uint_eq(attr.mode, SHALE_S_IFDIR | 07755);
    attr = attr_of(other);
    ck_assert_uint_eq(attr.mode, SHALE_S_IFREG | 0777);
    ck_assert_uint_eq(attr.uid, 100);
    ck_assert_uint_eq(attr.gid, 101);
}
END_TEST

/* The numbers of devices; no others have any. */
START_TEST(gives_devices)
{
    static const uint8_t device[] = { 5, 0, 0, 0, 44, 1, 0, 0 };
    static const uint8_t character[] = { 0x25, 0, 0, 0x80, 0, 0, 0, 0 };
    uint64_t chr = ntfsimage_file(&image, NTFS_ROOT, "chr");
    struct eas eas = { .len = 0 };
    struct shale_attr attr;

    add32(&eas, "$LXMOD", 0020620);
    add(&eas, "$LXDEV", device, sizeof device);
    attach(file, &eas);
    attach(chr, &eas);
    ntfsimage_resident(&image, chr, NTFS_REPARSE_POINT, NULL, character,
                       sizeof character);
    mount_it(NULL);
    attr = attr_of(chr);
    ck_assert_uint_eq(attr.mode, SHALE_S_IFCHR | 0620);
    ck_assert_uint_eq(attr.rdev_major, 5);
    ck_assert_uint_eq(attr.rdev_minor, 300);
    attr = attr_of(file);
    ck_assert_uint_eq(attr.mode, SHALE_S_IFREG | 0620);
    ck_assert_uint_eq(attr.rdev_major, 0);
}
END_TEST

/* ----------------------------------------------------------- Linux's own */

START_TEST(gives_attributes_of_linux)
{
    struct eas eas = { .len = 0 };

    add(&eas, "LX.USER.COMMENT", "lxeahello", 9);
    add(&eas, "LX.user.Mixed", "plain", 5);
    add(&eas, "LX.SECURITY.CAPABILITY", "lxea\1\2", 6);
    add(&eas, "LX.USER.EMPTY", "lxea", 4);
    add(&eas, "LX.USER.", "x", 1);
    add(&eas, "LX.", "x", 1);
    add(&eas, "LX.OTHER.X", "x", 1);
    add(&eas, "USER.X", "x", 1);
    add(&eas, "LX.USER.STREAM", "lxeaea", 6);
    add(&eas, "LX.USER.NTFS-3G.SECURITY.X", "lxeaea", 6);
    attach(file, &eas);
    ntfsimage_resident(&image, file, NTFS_DATA, "stream", "of data", 7);
    ntfsimage_resident(&image, file, NTFS_DATA, "ntfs-3g.security.x", "x", 1);
    mount_it(NULL);
    lists(file, "user.stream user.comment user.Mixed security.capability "
          "user.empty ");
    is(file, "user.comment", "hello", 5);
    is(file, "user.Mixed", "plain", 5);
    is(file, "security.capability", "\1\2", 2);
    is(file, "user.empty", "", 0);
    is(file, "user.stream", "of data", 7);
    ck_assert_int_eq(get(file, "user.none", NULL, 0), SHALE_ENODATA);
    ck_assert_int_eq(get(file, "other.x", NULL, 0), SHALE_ENOTSUP);
    is(file, "system.ntfs_ea", eas.bytes, eas.len);
}
END_TEST

/* They are no streams, so they are there without any. */
START_TEST(gives_them_without_streams)
{
    struct eas eas = { .len = 0 };

    add(&eas, "LX.USER.COMMENT", "lxeahello", 9);
    attach(file, &eas);
    ntfsimage_resident(&image, file, NTFS_DATA, "stream", "of data", 7);
    mount_it("streams_interface=none");
    lists(file, "user.comment ");
    is(file, "user.comment", "hello", 5);
    ck_assert_int_eq(get(file, "user.stream", NULL, 0), SHALE_ENOTSUP);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs_ea");
    TCase *tc = tcase_create("ea");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, walks_them);
    tcase_add_test(tc, survives_any_damage);
    tcase_add_test(tc, reports_damage);
    tcase_add_test(tc, gives_owner_and_mode);
    tcase_add_test(tc, takes_what_there_is);
    tcase_add_test(tc, gives_devices);
    tcase_add_test(tc, gives_attributes_of_linux);
    tcase_add_test(tc, gives_them_without_streams);
    suite_add_tcase(s, tc);
    return s;
}
