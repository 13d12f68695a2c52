/* test_ntfs_secure.c - security descriptors: where they are, and mappings */
#include "ntfs/extras.h"
#include "ntfsimage.h"
#include "suite.h"
#include "vfs/vfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID 0x100u
#define COPY 0x40000u

static struct ntfsimage image;
static uint64_t file;
static uint8_t *sds;            /* what $SDS is going to be: two copies */

/* A descriptor in TO: S-1-5-21-9-OWNER may all, his group, the number above,
   nothing, and everyone what OTHERS says. Returns its length. */
static size_t descriptor(uint8_t *to, uint32_t owner, uint32_t others)
{
    static const uint8_t head[] = {
        1, 0, 4, 0x80, 20, 0, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0,
    };
    static const uint8_t sid[20] = {
        1, 3, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 9, 0, 0, 0,
    };
    static const uint8_t list[] = {
        2, 0, 56, 0, 2, 0, 0, 0,
        0, 0, 28, 0, 0xff, 1, 0x1f, 0,
    };
    static const uint8_t all[] = {
        0, 0, 20, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
    };

    memcpy(to, head, 20);
    memcpy(to + 20, sid, 20);
    memcpy(to + 36, &(le32){{ (uint8_t)owner, (uint8_t)(owner >> 8), 0, 0 }},
           4);
    memcpy(to + 40, to + 20, 20);
    to[56]++;
    memcpy(to + 60, list, 16);
    memcpy(to + 76, to + 20, 20);
    memcpy(to + 96, all, 20);
    to[100] = (uint8_t)others;
    return 116;
}

static void setup(void)
{
    ntfsimage_init(&image, &(struct ntfsimage_shape){
        .cluster = 4096, .clusters = 512 });
    file = ntfsimage_file(&image, NTFS_ROOT, "file");
    sds = calloc(2, COPY);
}

static void teardown(void)
{
    free(sds);
    ck_assert_uint_eq(ntfsimage_close(&image), 0);
}

/* Put LEN bytes of DESCRIPTOR, with a head for ID, at AT of $SDS, twice. */
static void store(uint64_t at, uint32_t id, const uint8_t *bytes, size_t len)
{
    const le32 parts[] = { le32_make(1), le32_make(id) };
    le64 place = le64_make(at);
    le32 length = le32_make((uint32_t)(20 + len));

    memcpy(sds + at, parts, 8);
    memcpy(sds + at + 8, &place, 8);
    memcpy(sds + at + 16, &length, 4);
    memcpy(sds + at + 20, bytes, len);
    memcpy(sds + COPY + at, sds + at, 20 + len);
}

/* An entry of $SII for ID, whose head is at AT of $SDS. */
static size_t sii_entry(uint8_t *to, uint32_t id, uint64_t at)
{
    uint8_t key[24];
    le32 number = le32_make(id);
    size_t len;

    memcpy(key, &number, 4);
    memcpy(key + 4, sds + at, 20);
    len = ntfsimage_entry(to, 20 | 20 << 16, key, sizeof key, -1);
    to[10] = 4;                 /* of that only the id is the key */
    return len;
}

static void index_put(const uint8_t *entries, size_t len)
{
    ntfsimage_remove(&image, NTFS_SECURE, NTFS_INDEX_ROOT, "$SII");
    ntfsimage_root(&image, NTFS_SECURE, "$SII", 0, NTFS_COLLATE_ULONG, entries,
                   len, false);
}

static void data_put(size_t size)
{
    ntfsimage_remove(&image, NTFS_SECURE, NTFS_DATA, "$SDS");
    ntfsimage_data(&image, NTFS_SECURE, NTFS_DATA, "$SDS", sds, size);
}

/* Let NUMBER have security id ID. */
static void set_id(uint64_t number, uint32_t id)
{
    uint8_t *attr = ntfsimage_find(&image, number, NTFS_STANDARD_INFORMATION,
                                   NULL);
    le32 raw = le32_make(id);

    memcpy(attr + 24 + offsetof(struct ntfs_disk_standard, security_id), &raw,
           4);
}

/* The usual: one descriptor, which the file has. */
static void one(void)
{
    uint8_t bytes[256], entries[256];
    size_t len = descriptor(bytes, 1000, 8);

    store(0, ID, bytes, len);
    len = sii_entry(entries, ID, 0);
    len += ntfsimage_last(entries + len, -1);
    index_put(entries, len);
    data_put(COPY + 136);
    set_id(file, ID);
}

static void mount_it(const char *options)
{
    int err;

    ntfsimage_finish(&image);
    err = ntfsimage_mount(&image, options);
    ck_assert_msg(!err, "%d: %s", err, image.v.said);
}

static const char mapping[] =
    "usermapping=1000:1000:S-1-5-21-9-1000;:1001:S-1-5-21-9-1001";

static void has(uint64_t number, uint32_t mode, uint32_t uid, uint32_t gid)
{
    struct shale_attr attr;
    int err = ntfs_peek(image.v.fs, number, &attr);

    ck_assert_msg(!err, "%d: %s", err, image.v.said);
    ck_assert_uint_eq(attr.mode & 07777, mode);
    ck_assert_uint_eq(attr.uid, uid);
    ck_assert_uint_eq(attr.gid, gid);
}

static int64_t acl_of(uint64_t number, void *buf, size_t size)
{
    struct shale_vnode *vn;
    int64_t len;

    ck_assert_int_eq(shale_vnode_get(image.v.fs, number, &vn), 0);
    len = shale_getxattr(vn, "system.ntfs_acl", buf, size);
    shale_vnode_put(vn);
    return len;
}

/* ----------------------------------------------------------------- tests */

START_TEST(finds_the_shared_one)
{
    uint8_t want[256], got[256];
    size_t len = descriptor(want, 1000, 8);

    one();
    mount_it(mapping);
    ck_assert_int_eq(acl_of(file, NULL, 0), (int64_t)len);
    ck_assert_int_eq(acl_of(file, got, sizeof got), (int64_t)len);
    ck_assert_mem_eq(got, want, len);
    ck_assert_int_eq(acl_of(file, got, len - 1), SHALE_ERANGE);
    has(file, 0700, 1000, 1001);
    has(file, 0700, 1000, 1001);        /* as kept */
    ck_assert_uint_eq(ntfsimage_unmount(&image), 0);

    /* Without the mapping nobody is anybody, and without permissions it does
       not count. */
    ck_assert_int_eq(ntfsimage_mount(&image, "permissions"), 0);
    has(file, 0700, 0, 0);
    ck_assert_uint_eq(ntfsimage_unmount(&image), 0);
    ck_assert_int_eq(ntfsimage_mount(&image, "owner_uid=5"), 0);
    has(file, 0777, 5, 0);
    ck_assert_uint_eq(ntfsimage_unmount(&image), 0);
    ck_assert_int_eq(ntfsimage_mount(&image, "permissions,gid=5"), 0);
    has(file, 0777, 0, 5);
}
END_TEST

/* Of two copies one is enough. */
START_TEST(takes_the_copy)
{
    one();
    memset(sds, 0xee, 20);
    data_put(COPY + 136);
    mount_it(mapping);
    has(file, 0700, 1000, 1001);
}
END_TEST

START_TEST(finds_its_own)
{
    uint8_t bytes[256], got[256];
    size_t len = descriptor(bytes, 1000, 1);

    ntfsimage_resident(&image, file, NTFS_SECURITY_DESCRIPTOR, NULL, bytes,
                       len);
    mount_it(mapping);
    ck_assert_int_eq(acl_of(file, got, sizeof got), (int64_t)len);
    ck_assert_mem_eq(got, bytes, len);
    has(file, 0744, 1000, 1001);
}
END_TEST

/* Longer than a record has room for. */
START_TEST(finds_its_own_in_clusters)
{
    uint8_t bytes[4300] = { 0 }, got[4300];

    descriptor(bytes, 1000, 1);
    ntfsimage_data(&image, file, NTFS_SECURITY_DESCRIPTOR, NULL, bytes,
                   sizeof bytes);
    mount_it(mapping);
    ck_assert_int_eq(acl_of(file, got, sizeof got), sizeof bytes);
    ck_assert_mem_eq(got, bytes, sizeof bytes);
    has(file, 0744, 1000, 1001);
}
END_TEST

START_TEST(makes_one_up)
{
    uint8_t got[256];

    mount_it(mapping);
    ck_assert_int_eq(acl_of(file, got, sizeof got), 172);
    has(file, 0, 0, 0);
}
END_TEST

/* What the index or the stream lacks is told, and never made up. */
START_TEST(tells_what_is_not_there)
{
    static const struct {
        const char *what;
        size_t at;              /* in the entry: which byte ... */
        uint8_t value;          /* ... becomes this */
        const char *says;
    } cases[] = {
        { "other id", 16, 0x77, "that $Secure lacks" },
        { "data elsewhere", 0, 21, "bad entry" },
        { "id of the data", 24, 0x77, "bad entry" },
        { "length too short", 36, 19, "bad entry" },
        { "length too long", 38, 0xff, "bad entry" },
        { "place past the end", 31, 0x70, "lacks a descriptor" },
        { "place far past the end", 35, 0xff, "lacks a descriptor" },
        { "length of another", 36, 100, "lacks a descriptor" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t entries[256];
        size_t len;

        one();
        len = sii_entry(entries, ID, 0);
        entries[cases[i].at] = cases[i].value;
        len += ntfsimage_last(entries + len, -1);
        index_put(entries, len);
        mount_it(mapping);
        has(file, 0700, 0, 0);
        ck_assert_msg(strstr(image.v.said, cases[i].says), "%s: %s",
                      cases[i].what, image.v.said);
        teardown();
        setup();
    }
    ntfsimage_finish(&image);
}
END_TEST

/* A volume whose $Secure is gone can be read all the same, with `permissions`
   by who mounts it. */
START_TEST(mounts_without_secure)
{
    one();
    memset(ntfsimage_record(&image, NTFS_SECURE), 0, 1024);
    mount_it(NULL);
    has(file, 0777, 0, 0);
    ck_assert_uint_eq(ntfsimage_unmount(&image), 0);
    ck_assert_int_eq(ntfsimage_mount(&image, "permissions,owner_uid=7"), 0);
    has(file, 0700, 7, 0);
    ck_assert_ptr_nonnull(strstr(image.v.said, "$Secure"));
}
END_TEST

START_TEST(tells_bad_descriptors)
{
    uint8_t bytes[256], entries[256];
    size_t len = descriptor(bytes, 1000, 8);

    bytes[64] = 99;             /* entries in the list */
    one();
    store(0, ID, bytes, len);
    data_put(COPY + 136);
    mount_it(mapping);
    has(file, 0700, 0, 0);
    ck_assert_ptr_nonnull(strstr(image.v.said, "access list"));

    /* As it is, it can be had. */
    ck_assert_uint_eq(ntfsimage_unmount(&image), 0);
    ck_assert_int_eq(ntfsimage_mount(&image, NULL), 0);
    ck_assert_int_eq(acl_of(file, entries, sizeof entries), (int64_t)len);
    ck_assert_mem_eq(entries, bytes, len);
}
END_TEST

/* ------------------------------------------------------------- mappings */

START_TEST(takes_the_volumes_mapping)
{
    static const char text[] = "# of this volume\r\n7:8:S-1-5-21-9-1000\r\n"
        ":9:S-1-5-21-9-1001\n";
    uint64_t dir = ntfsimage_dir(&image, NTFS_ROOT, ".NTFS-3G");
    uint64_t map = ntfsimage_file(&image, dir, "UserMapping");

    one();
    ntfsimage_resident(&image, map, NTFS_DATA, NULL, text, sizeof text - 1);
    mount_it("permissions");
    has(file, 0700, 7, 9);
    ck_assert_uint_eq(ntfsimage_unmount(&image), 0);

    /* One by option outdoes it. */
    ck_assert_int_eq(ntfsimage_mount(&image, mapping), 0);
    has(file, 0700, 1000, 1001);
}
END_TEST

START_TEST(passes_over_a_bad_mapping)
{
    uint64_t dir = ntfsimage_dir(&image, NTFS_ROOT, ".NTFS-3G");
    uint64_t map = ntfsimage_file(&image, dir, "UserMapping");

    one();
    ntfsimage_resident(&image, map, NTFS_DATA, NULL, "joe", 3);
    mount_it("permissions");
    ck_assert_uint_eq(image.v.events, 1);
    has(file, 0700, 0, 0);
    ck_assert_uint_eq(ntfsimage_unmount(&image), 0);

    /* By option it stops the mount. */
    ck_assert_int_eq(ntfsimage_mount(&image, "usermapping=joe"), SHALE_EINVAL);
    ck_assert_ptr_nonnull(strstr(image.v.said, "usermapping"));
}
END_TEST

/* ------------------------------------------------------------- the kept */

#define SHARED 3u

/*
 * Ids that share a slot of what is kept: their rights are not taken for each
 * other's.
 */
static const uint32_t ids[SHARED] = { 0x100, 0x100 + 4096, 0x100 + (5u << 20) };
static uint64_t files[SHARED];

static bool ask(const struct ntfs_record *base)
{
    struct ntfs_volume *vol = ntfsimage_volume(&image);

    for (unsigned i = 0; i < 3000; i++) {
        unsigned which = i * 7 % SHARED;
        struct ntfs_info info = {
            .number = files[which], .security_id = ids[which],
        };
        struct ntfs_rights rights;

        if (vol->extras.owners->rights(vol, base, &info, &rights) ||
            rights.uid != 1000 + which || rights.gid != 2000 + which ||
            rights.mode != (which == 2 ? 0744u : 0700u))
            return false;
    }
    return true;
}

START_TEST(keeps_rights_apart)
{
    uint8_t bytes[256], entries[512];
    struct ntfs_record *base;
    size_t len = 0;
    char options[512] = "usermapping=";

    for (unsigned i = 0; i < SHARED; i++) {
        uint64_t at = 144 * (uint64_t)i;
        char rule[80];

        files[i] = ntfsimage_file(&image, NTFS_ROOT, (char[]){
            (char)('a' + i), '\0' });
        store(at, ids[i], bytes, descriptor(bytes, 100 * (i + 1),
                                            i == 2 ? 1 : 8));
        len += sii_entry(entries + len, ids[i], at);
        set_id(files[i], ids[i]);
        snprintf(rule, sizeof rule, "%u::S-1-5-21-9-%u;:%u:S-1-5-21-9-%u;",
                 1000 + i, 100 * (i + 1), 2000 + i, 100 * (i + 1) + 1);
        strcat(options, rule);
    }
    len += ntfsimage_last(entries + len, -1);
    index_put(entries, len);
    data_put(COPY + 1024);
    mount_it(options);
    for (unsigned i = 0; i < SHARED; i++)
        has(files[i], i == 2 ? 0744 : 0700, 1000 + i, 2000 + i);

    ck_assert_int_eq(ntfs_record_get(ntfsimage_volume(&image), files[0],
                                     &base), 0);
    ck_assert(ask(base));
    ntfs_record_put(ntfsimage_volume(&image), base);
}
END_TEST

START_TEST(lacks_memory)
{
    struct shale_attr attr;
    uint64_t n;

    one();
    ntfsimage_finish(&image);
    ck_assert_int_eq(ntfsimage_mount(&image, mapping), 0);
    for (n = 0; n < 100; n++) {
        int err;

        shale_mem_fail_at(image.v.mem, n);
        err = ntfs_peek(image.v.fs, file, &attr);
        if (!shale_mem_failed(image.v.mem)) {
            ck_assert_int_eq(err, 0);
            break;
        }
        /* The buffer cache may do with less. */
        ck_assert_msg(err == 0 || err == SHALE_ENOMEM, "%d", err);
    }
    shale_mem_fail_at(image.v.mem, UINT64_MAX);
    ck_assert_uint_ge(n, 2);
    ck_assert_uint_lt(n, 100);
    has(file, 0700, 1000, 1001);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs_secure");
    TCase *tc = tcase_create("secure");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, finds_the_shared_one);
    tcase_add_test(tc, takes_the_copy);
    tcase_add_test(tc, finds_its_own);
    tcase_add_test(tc, finds_its_own_in_clusters);
    tcase_add_test(tc, makes_one_up);
    tcase_add_test(tc, tells_what_is_not_there);
    tcase_add_test(tc, mounts_without_secure);
    tcase_add_test(tc, tells_bad_descriptors);
    tcase_add_test(tc, takes_the_volumes_mapping);
    tcase_add_test(tc, passes_over_a_bad_mapping);
    tcase_add_test(tc, keeps_rights_apart);
    tcase_add_test(tc, lacks_memory);
    suite_add_tcase(s, tc);
    return s;
}
