/* test_ntfs_xattr.c - streams and what NTFS keeps of a file, as attributes */
#include "suite.h"
#include "test_ntfs_file.h"

/* ------------------------------------------------------- flags and times */

START_TEST(gives_flags)
{
    uint64_t dir = ntfsimage_dir(&image, NTFS_ROOT, "dir");
    uint64_t none = ntfsimage_file(&image, NTFS_ROOT, "none");

    memcpy(standard(file) + 32, "\x26\x00\x00\x20", 4);
    memcpy(standard(dir) + 32, "\x02\x20\x00\x10", 4);
    memset(standard(none) + 32, 0, 4);
    mount_it(NULL);
    is(file, "system.ntfs_attrib", "\x26\0\0\x20", 4);
    is(file, "system.ntfs_attrib_be", "\x20\0\0\x26", 4);
    is(dir, "system.ntfs_attrib", "\x12\x20\0\x10", 4);
    is(none, "system.ntfs_attrib", "\x80\0\0\0", 4);
}
END_TEST

/* On the volume the third is of the record, and the last of access. */
START_TEST(gives_times)
{
    static const uint8_t raw[32] = {
        1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18,
        21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33, 34, 35, 36, 37, 38,
    };
    static const uint8_t want[32] = {
        1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18,
        31, 32, 33, 34, 35, 36, 37, 38, 21, 22, 23, 24, 25, 26, 27, 28,
    };
    static const uint8_t big[32] = {
        8, 7, 6, 5, 4, 3, 2, 1, 18, 17, 16, 15, 14, 13, 12, 11,
        38, 37, 36, 35, 34, 33, 32, 31, 28, 27, 26, 25, 24, 23, 22, 21,
    };

    memcpy(standard(file), raw, sizeof raw);
    mount_it(NULL);
    is(file, "system.ntfs_times", want, 32);
    is(file, "system.ntfs_times_be", big, 32);
    is(file, "system.ntfs_crtime", want, 8);
    is(file, "system.ntfs_crtime_be", big, 8);
}
END_TEST

/* ------------------------------------------------------------- DOS names */

START_TEST(gives_dos_names)
{
    uint64_t both = ntfsimage_file(&image, NTFS_ROOT, "Short.txt");
    uint64_t dir = ntfsimage_dir(&image, NTFS_ROOT, "dir");
    uint64_t linked = ntfsimage_file(&image, NTFS_ROOT, "linked");
    uint8_t *name;

    ntfsimage_enter(&image, NTFS_ROOT, file, "FILE~1", NTFS_DOS);
    name = ntfsimage_find(&image, both, NTFS_FILE_NAME, NULL);
    name[24 + offsetof(struct ntfs_disk_name, space)] = NTFS_WIN32_AND_DOS;
    name = ntfsimage_find(&image, file, NTFS_FILE_NAME, NULL);
    name[24 + offsetof(struct ntfs_disk_name, space)] = NTFS_WIN32;
    ntfsimage_enter(&image, NTFS_ROOT, linked, "LINKED~1", NTFS_DOS);
    ntfsimage_enter(&image, dir, linked, "elsewhere", NTFS_POSIX);
    name = ntfsimage_find(&image, linked, NTFS_FILE_NAME, NULL);
    name[24 + offsetof(struct ntfs_disk_name, space)] = NTFS_WIN32;
    name = ntfsimage_find(&image, dir, NTFS_FILE_NAME, NULL);
    name[24 + offsetof(struct ntfs_disk_name, space)] = NTFS_POSIX;
    mount_it(NULL);
    is(file, "system.ntfs_dos_name", "FILE~1", 6);
    is(both, "system.ntfs_dos_name", "SHORT.TXT", 9);
    ck_assert_int_eq(get(linked, "system.ntfs_dos_name", NULL, 0),
                     SHALE_EMLINK);
    ck_assert_int_eq(get(dir, "system.ntfs_dos_name", NULL, 0),
                     SHALE_ENODATA);
    ck_assert_int_eq(get(NTFS_ROOT, "system.ntfs_dos_name", NULL, 0),
                     SHALE_EPERM);
}
END_TEST

/* ------------------------------------------------------------ object ids */

/* $Extend\$ObjId with an index of ENTRIES, which begin with ids. */
static void object_index(const uint8_t *entries, size_t len)
{
    uint64_t number = ntfsimage_file(&image, NTFS_EXTEND, "$ObjId");

    ntfsimage_root(&image, number, "$O", 0, NTFS_COLLATE_ULONGS, entries, len,
                   false);
}

static size_t object_entry(uint8_t *to, const uint8_t id[16], uint8_t birth)
{
    uint8_t key[72];
    size_t len;

    memcpy(key, id, 16);
    memset(key + 16, 0, 8);
    memset(key + 24, birth, 48);
    len = ntfsimage_entry(to, 32 | 56u << 16, key, sizeof key, -1);
    to[10] = 16;
    return len;
}

START_TEST(gives_object_ids)
{
    /* In the order of their first four bytes as a number. */
    static const uint8_t ids[][16] = {
        { 9, 0, 0, 1, 5 }, { 1, 0, 0, 2, 5 }, { 1, 0, 0, 2, 6 },
    };
    static const uint8_t whole[64] = { 7, [16] = 1, [63] = 2 };
    uint64_t other = ntfsimage_file(&image, NTFS_ROOT, "other");
    uint64_t none = ntfsimage_file(&image, NTFS_ROOT, "none");
    uint64_t self = ntfsimage_file(&image, NTFS_ROOT, "self");
    uint8_t entries[600], want[64];
    size_t len = 0;

    for (uint8_t i = 0; i < 3; i++)
        len += object_entry(entries + len, ids[i], (uint8_t)(0x40 + i));
    len += ntfsimage_last(entries + len, -1);
    object_index(entries, len);
    ntfsimage_resident(&image, file, NTFS_OBJECT_ID, NULL, ids[1], 16);
    ntfsimage_resident(&image, other, NTFS_OBJECT_ID, NULL, "0123456789abcdef",
                       16);
    ntfsimage_resident(&image, self, NTFS_OBJECT_ID, NULL, whole, 64);
    mount_it(NULL);
    memcpy(want, ids[1], 16);
    memset(want + 16, 0x41, 48);
    is(file, "system.ntfs_object_id", want, 64);
    is(other, "system.ntfs_object_id", "0123456789abcdef", 16);
    is(self, "system.ntfs_object_id", whole, 64);
    ck_assert_int_eq(get(none, "system.ntfs_object_id", NULL, 0),
                     SHALE_ENODATA);
}
END_TEST

/* ------------------------------------------------------------------- EFS */

START_TEST(gives_efs_only_raw)
{
    ntfsimage_resident(&image, file, NTFS_LOGGED_UTILITY_STREAM, "$EFS",
                       "keys", 4);
    mount_it(NULL);
    ck_assert_int_eq(get(file, "system.ntfs_efsinfo", NULL, 0), SHALE_EPERM);
    ck_assert_int_eq(get(file, "user.ntfs.efsinfo", NULL, 0), SHALE_ENODATA);
    lists(file, "");
    ck_assert_uint_eq(ntfsimage_unmount(&image), 0);
    ck_assert_int_eq(ntfsimage_mount(&image, "efs_raw"), 0);
    is(file, "system.ntfs_efsinfo", "keys", 4);
    is(file, "user.ntfs.efsinfo", "keys", 4);
    lists(file, "user.ntfs.efsinfo ");
    ck_assert_int_eq(get(NTFS_ROOT, "system.ntfs_efsinfo", NULL, 0),
                     SHALE_ENODATA);
    lists(NTFS_ROOT, "");
}
END_TEST

/* ------------------------------------------------------------ in clusters */

/* What is read as it lies is to be stored so, all of it, and not be huge. */
static const struct {
    const char *what;
    uint16_t flags;
    uint64_t size;
    uint64_t lcn;               /* of the second cluster; 0: as it should be */
    int64_t got;
    const char *said;
} values[] = {
    { "plain", 0, 5000, 0, 5000, NULL },
    { "a flag that means nothing here", NTFS_ATTR_SPARSE, 5000, 0, 5000,
      NULL },
    { "compressed", 1, 5000, 0, SHALE_ECORRUPT, "compressed or encrypted" },
    { "encrypted", NTFS_ATTR_ENCRYPTED, 5000, 0, SHALE_ECORRUPT,
      "compressed or encrypted" },
    { "a hole", NTFS_ATTR_SPARSE, 5000, NTFSIMAGE_HOLE, SHALE_ECORRUPT,
      "hole in it" },
    { "huge", 0, (256 << 10) + 1, 0, SHALE_ECORRUPT, "longer than one" },
};

START_TEST(values_are_as_they_lie)
{
    uint64_t lcn = ntfsimage_alloc(&image, 80);
    const struct ntfsimage_run runs[] = {
        { lcn, 1 },
        { values[_i].lcn ? values[_i].lcn : lcn + 1, values[_i].lcn ? 1 : 79 },
    };
    char *got = malloc(5000);

    ntfsimage_runs(&image, file, &(struct ntfsimage_piece){
        .type = NTFS_LOGGED_UTILITY_STREAM, .name = "$EFS",
        .flags = values[_i].flags, .runs = runs, .count = 2,
        .size = values[_i].size,
    });
    memset(ntfsimage_cluster(&image, lcn), 'v', 2 * image.shape.cluster);
    mount_it("efs_raw");
    ck_assert_msg(get(file, "system.ntfs_efsinfo", got, 5000) ==
                  values[_i].got, "%s", values[_i].what);
    if (values[_i].said)
        ck_assert_msg(strstr(image.v.said, values[_i].said), "%s: %s",
                      values[_i].what, image.v.said);
    else
        ck_assert_int_eq(got[4999], 'v');
    free(got);
}
END_TEST

/* --------------------------------------------------------------- streams */

static void streams_make(void)
{
    ntfsimage_resident(&image, file, NTFS_DATA, NULL, "unnamed", 7);
    ntfsimage_resident(&image, file, NTFS_DATA, "a", "small", 5);
    ntfsimage_resident(&image, file, NTFS_DATA, "A", "capital", 7);
    ntfsimage_resident(&image, file, NTFS_DATA, "empty", "", 0);
    ntfsimage_resident(&image, file, NTFS_DATA, "ntfs-3g.security.x", "s", 1);
    ntfsimage_resident(&image, file, NTFS_DATA, "ntfs-3g.other", "o", 1);
}

START_TEST(gives_streams_as_attributes)
{
    uint64_t dir = ntfsimage_dir(&image, NTFS_ROOT, "dir");

    streams_make();
    ntfsimage_resident(&image, dir, NTFS_DATA, "of a directory", "d", 1);
    ntfsimage_resident(&image, dir, NTFS_DATA, "ntfs-3g.security.selinux",
                       "label", 5);
    ntfsimage_resident(&image, NTFS_ROOT, NTFS_DATA, "own", "x", 1);
    mount_it(NULL);
    lists(file, "user.a user.A user.empty user.ntfs-3g.other ");
    is(file, "user.a", "small", 5);
    is(file, "user.A", "capital", 7);
    is(file, "user.empty", "", 0);
    is(file, "security.x", "s", 1);
    is(file, "user.ntfs-3g.security.x", "s", 1);
    ck_assert_int_eq(get(file, "user.b", NULL, 0), SHALE_ENODATA);
    ck_assert_int_eq(get(file, "user.", NULL, 0), SHALE_ENODATA);
    ck_assert_int_eq(get(file, "user.\xff", NULL, 0), SHALE_ENODATA);
    ck_assert_int_eq(get(file, "trusted.x", NULL, 0), SHALE_ENODATA);
    ck_assert_int_eq(get(file, "system.posix_acl_access", NULL, 0),
                     SHALE_ENOTSUP);
    ck_assert_int_eq(get(file, "system.ntfs_what", NULL, 0), SHALE_ENODATA);
    ck_assert_int_eq(get(file, "system.ntfs_attribs", NULL, 0),
                     SHALE_ENODATA);
    ck_assert_int_eq(get(file, "os2.x", NULL, 0), SHALE_ENOTSUP);
    lists(dir, "user.of a directory ");
    is(dir, "user.of a directory", "d", 1);

    /* Who has no label is told that there are none: see xattr.c. */
    is(dir, "security.selinux", "label", 5);
    ck_assert_int_eq(get(file, "security.selinux", NULL, 0), SHALE_ENOTSUP);
    ck_assert_int_eq(get(file, "security.selinux2", NULL, 0), SHALE_ENODATA);

    /* The system keeps its own. */
    lists(NTFS_ROOT, "");
    ck_assert_int_eq(get(NTFS_ROOT, "user.own", NULL, 0), SHALE_ENODATA);
}
END_TEST

START_TEST(gives_none_where_not_asked)
{
    static const char *const options[] = {
        "streams_interface=none", "streams_interface=windows",
    };

    streams_make();
    ntfsimage_finish(&image);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(ntfsimage_mount(&image, options[i]), 0);
        lists(file, "");
        ck_assert_int_eq(get(file, "user.a", NULL, 0), SHALE_ENOTSUP);
        ck_assert_int_eq(get(file, "security.x", NULL, 0), SHALE_ENOTSUP);
        ck_assert_int_eq(get(file, "system.ntfs_attrib", NULL, 0), 4);
        ck_assert_uint_eq(ntfsimage_unmount(&image), 0);
    }
}
END_TEST

/* In clusters, with holes, and with an end that was never written. */
START_TEST(reads_large_streams)
{
    uint32_t cluster = image.shape.cluster;
    uint64_t lcn = ntfsimage_alloc(&image, 2);
    const struct ntfsimage_run runs[] = {
        { lcn, 1 }, { NTFSIMAGE_HOLE, 1 }, { lcn + 1, 1 },
    };
    size_t size = 2 * (size_t)cluster + 100;
    uint8_t *want = calloc(1, size), *got = malloc(size + 10);

    memset(ntfsimage_cluster(&image, lcn), 'a', cluster);
    memset(ntfsimage_cluster(&image, lcn + 1), 'b', cluster);
    memset(want, 'a', cluster);
    memset(want + 2 * (size_t)cluster, 'b', 90);
    ntfsimage_runs(&image, file, &(struct ntfsimage_piece){
        .type = NTFS_DATA, .name = "large", .flags = NTFS_ATTR_SPARSE,
        .unit_shift = 4, .runs = runs, .count = 3, .size = size,
        .unwritten = 10,
    });
    mount_it(NULL);
    ck_assert_int_eq(get(file, "user.large", NULL, 0), (int64_t)size);
    ck_assert_int_eq(get(file, "user.large", got, size - 1), SHALE_ERANGE);
    ck_assert_int_eq(get(file, "user.large", got, size + 10), (int64_t)size);
    ck_assert_mem_eq(got, want, size);
    free(want);
    free(got);
}
END_TEST

/* LZNT1: 8192 times the same byte, in one cluster of sixteen. */
START_TEST(reads_compressed_streams)
{
    /* "c", and then a match of all that is left, twice. */
    static const uint8_t packed[] = {
        0x03, 0xb0, 0x02, 'c', 0xfc, 0x0f, 0x03, 0xb0, 0x02, 'c', 0xfc, 0x0f,
        0, 0,
    };
    uint64_t lcn = ntfsimage_alloc(&image, 1);
    const struct ntfsimage_run runs[] = {
        { lcn, 1 }, { NTFSIMAGE_HOLE, 15 },
    };
    uint8_t got[8192];

    memcpy(ntfsimage_cluster(&image, lcn), packed, sizeof packed);
    ntfsimage_runs(&image, file, &(struct ntfsimage_piece){
        .type = NTFS_DATA, .name = "packed", .flags = 1, .unit_shift = 4,
        .runs = runs, .count = 2, .size = 8192,
    });
    mount_it(NULL);
    ck_assert_int_eq(get(file, "user.packed", got, sizeof got), 8192);
    for (size_t i = 0; i < sizeof got; i++)
        ck_assert_uint_eq(got[i], 'c');
}
END_TEST

/* --------------------------------------------------------- file:stream */

static int64_t read_all(uint64_t ino, char *buf, size_t size)
{
    struct shale_vnode *vn;
    int64_t len;
    int err = shale_vnode_get(image.v.fs, ino, &vn);

    if (err)
        return err;
    len = shale_read(vn, buf, size, 0);
    shale_vnode_put(vn);
    return len;
}

START_TEST(finds_streams_by_name)
{
    static const struct {
        const char *name, *data;
    } cases[] = {
        { "a", "small" }, { "A", "capital" }, { "empty", "" },
        { "ntfs-3g.security.x", "s" }, { "", "unnamed" }, { "b", NULL },
        { "a:$DATA", NULL }, { "\xff", NULL },
    };
    uint64_t reference, ino;
    char got[64];

    streams_make();
    reference = ntfsimage_reference(&image, file);
    mount_it("streams_interface=windows");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int err = ntfs_streams_lookup(ntfsimage_volume(&image), reference,
                                      cases[i].name, strlen(cases[i].name),
                                      &ino);
        int64_t len;

        ck_assert_msg(err == (cases[i].data ? 0 : SHALE_ENOENT), "%s: %d",
                      cases[i].name, err);
        if (err)
            continue;
        len = read_all(ino, got, sizeof got);
        ck_assert_msg(len == (int64_t)strlen(cases[i].data), "%s: %d",
                      cases[i].name, (int)len);
        ck_assert_mem_eq(got, cases[i].data, (size_t)len);
        ck_assert_uint_eq(NTFS_INO_RECORD(ino), file);
    }
    /* More than there are, and of another use of the record. */
    ck_assert_int_eq(read_all(file | UINT64_C(6) << NTFS_INO_STREAM_SHIFT, got,
                              sizeof got), SHALE_ESTALE);
    ck_assert_int_eq(ntfs_streams_lookup(ntfsimage_volume(&image),
                                         reference + (UINT64_C(1) << 48), "a",
                                         1, &ino), SHALE_ESTALE);
}
END_TEST

START_TEST(lacks_memory)
{
    static const char *const names[] = {
        "user.large", "system.ntfs_object_id", "system.ntfs_acl",
    };
    uint8_t entries[100], *bytes = calloc(1, 5000);
    struct shale_vnode *vn;
    size_t len = ntfsimage_last(entries, -1);

    object_index(entries, len);
    ntfsimage_resident(&image, file, NTFS_OBJECT_ID, NULL, "0123456789abcdef",
                       16);
    ntfsimage_data(&image, file, NTFS_DATA, "large", bytes, 5000);
    mount_it(NULL);
    ck_assert_int_eq(shale_vnode_get(image.v.fs, file, &vn), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint64_t n;

        for (n = 0; n < 100; n++) {
            int64_t got;

            shale_mem_fail_at(image.v.mem, n);
            got = ntfs_getxattr(vn, names[i], bytes, 5000);
            ck_assert_msg(got > 0 || got == SHALE_ENOMEM, "%s: %d", names[i],
                          (int)got);
            if (!shale_mem_failed(image.v.mem))
                break;
        }
        ck_assert_uint_lt(n, 100);
    }
    shale_mem_fail_at(image.v.mem, UINT64_MAX);
    shale_vnode_put(vn);
    free(bytes);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs_xattr");
    TCase *tc = tcase_create("xattr");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, gives_flags);
    tcase_add_test(tc, gives_times);
    tcase_add_test(tc, gives_dos_names);
    tcase_add_test(tc, gives_object_ids);
    tcase_add_test(tc, gives_efs_only_raw);
    tcase_add_loop_test(tc, values_are_as_they_lie, 0,
                        sizeof values / sizeof values[0]);
    tcase_add_test(tc, gives_streams_as_attributes);
    tcase_add_test(tc, gives_none_where_not_asked);
    tcase_add_test(tc, reads_large_streams);
    tcase_add_test(tc, reads_compressed_streams);
    tcase_add_test(tc, finds_streams_by_name);
    tcase_add_test(tc, lacks_memory);
    suite_add_tcase(s, tc);
    return s;
}
