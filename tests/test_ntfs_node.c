/* test_ntfs_node.c - what a record says of its file: attributes and numbers */
#include "suite.h"
#include "support/ntfsimage.h"

#include <stdlib.h>
#include <string.h>

static struct ntfsimage image;
static uint64_t file;           /* "file", without data */

static void setup(void)
{
    ntfsimage_init(&image, NULL);
    file = ntfsimage_file(&image, NTFS_ROOT, "file");
}

static void teardown(void)
{
    ck_assert_uint_eq(ntfsimage_close(&image), 0);
}

static void mount_with(const char *options)
{
    int err;

    ntfsimage_finish(&image);
    err = ntfsimage_mount(&image, options);
    ck_assert_msg(err == 0, "%d: %s", err, image.v.said);
}

/* The value of FILE's $STANDARD_INFORMATION, and its head. */
static uint8_t *standard(void)
{
    uint8_t *head = ntfsimage_find(&image, file, NTFS_STANDARD_INFORMATION,
                                   NULL);
    uint8_t *value = head + (head[20] | head[21] << 8);

    return value;
}

static void put64(uint8_t *to, uint64_t x)
{
    for (unsigned i = 0; i < 8; i++)
        to[i] = (uint8_t)(x >> 8 * i);
}

static void put32(uint8_t *to, uint32_t x)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(x >> 8 * i);
}

/* The attributes of INO, by both ways to them, which agree. */
static struct shale_attr attr_of(uint64_t ino)
{
    struct shale_vnode *vn;
    struct shale_attr a, b;
    int err = shale_getattr_ino(image.v.fs, ino, &a);

    ck_assert_msg(err == 0, "peek: %d: %s", err, image.v.said);
    err = shale_vnode_get(image.v.fs, ino, &vn);
    ck_assert_msg(err == 0, "load: %d: %s", err, image.v.said);
    ck_assert_int_eq(shale_getattr(vn, &b), 0);
    ck_assert_uint_eq(a.ino, b.ino);
    ck_assert_uint_eq(a.size, b.size);
    ck_assert_uint_eq(a.allocated, b.allocated);
    ck_assert_uint_eq(a.mode, b.mode);
    ck_assert_uint_eq(a.links, b.links);
    ck_assert_uint_eq(a.flags, b.flags);
    ck_assert_uint_eq(a.generation, b.generation);
    ck_assert_uint_eq(a.rdev_major, b.rdev_major);
    ck_assert_int_eq(a.ctime.sec, b.ctime.sec);
    shale_vnode_put(vn);
    return a;
}

/* Neither way finds INO. */
static void no_attr(uint64_t ino, int want)
{
    struct shale_vnode *vn;
    struct shale_attr a;

    ck_assert_int_eq(shale_getattr_ino(image.v.fs, ino, &a), want);
    ck_assert_int_eq(shale_vnode_get(image.v.fs, ino, &vn), want);
}

/* ---------------------------------------------------------------- times */

static const struct {
    uint64_t units;
    int64_t sec;
    uint32_t nsec;
} times[] = {
    { 0, -11644473600, 0 },
    { 1, -11644473600, 100 },
    { UINT64_C(116444736000000000) - 1, -1, 999999900 },
    { UINT64_C(116444736000000000), 0, 0 },
    { UINT64_C(116444736000000001), 0, 100 },
    { UINT64_C(133500000000000000) + 1234567, 1705526400, 123456700 },
    { INT64_MAX, 910692730085, 477580700 },
    { UINT64_MAX, -11644473601, 999999900 },
    { UINT64_C(1) << 63, -933981677286, 522419200 },
};

START_TEST(converts_times)
{
    struct shale_time t = ntfs_time(times[_i].units);

    ck_assert_msg(t.sec == times[_i].sec && t.nsec == times[_i].nsec,
                  "%llu: %lld.%09u", (unsigned long long)times[_i].units,
                  (long long)t.sec, t.nsec);
}
END_TEST

/* On the device their order is another one than in system.ntfs_times. */
START_TEST(has_its_times)
{
    struct shale_attr a;

    for (unsigned i = 0; i < 4; i++)
        put64(standard() + 8 * i, UINT64_C(116444736000000000) + 10000000 * i +
                                  i);
    mount_with(NULL);
    a = attr_of(file);
    ck_assert_int_eq(a.btime.sec, 0);
    ck_assert_int_eq(a.mtime.sec, 1);
    ck_assert_int_eq(a.ctime.sec, 2);
    ck_assert_int_eq(a.atime.sec, 3);
    ck_assert_uint_eq(a.atime.nsec, 300);
}
END_TEST

/* ------------------------------------------------------- links and sizes */

START_TEST(counts_names_but_for_dos)
{
    ntfsimage_enter(&image, NTFS_ROOT, file, "a second name", NTFS_WIN32);
    ntfsimage_enter(&image, NTFS_ROOT, file, "ASECON~1", NTFS_DOS);
    ntfsimage_enter(&image, NTFS_ROOT, file, "third", NTFS_POSIX);
    mount_with(NULL);
    ck_assert_uint_eq(attr_of(file).links, 3);
    ck_assert_uint_eq(attr_of(NTFS_ROOT).links, 1);
}
END_TEST

START_TEST(has_sizes)
{
    static const struct ntfsimage_run runs[] = {
        { 100, 3 }, { NTFSIMAGE_HOLE, 13 },
    };
    struct ntfsimage_piece piece = {
        .type = NTFS_DATA, .runs = runs, .count = 1, .size = 9000,
    };
    uint64_t dir = ntfsimage_dir(&image, NTFS_ROOT, "dir");
    uint64_t resident = ntfsimage_file(&image, NTFS_ROOT, "resident");
    uint64_t sparse = ntfsimage_file(&image, NTFS_ROOT, "sparse");
    uint64_t clusters = ntfsimage_file(&image, NTFS_ROOT, "clusters");
    struct shale_attr a;

    ntfsimage_resident(&image, resident, NTFS_DATA, NULL, "hello there", 11);
    ntfsimage_runs(&image, clusters, &piece);
    piece.count = 2;
    piece.size = 65000;
    piece.flags = NTFS_ATTR_SPARSE;
    piece.unit_shift = 4;
    ntfsimage_runs(&image, sparse, &piece);
    mount_with(NULL);

    a = attr_of(file);
    ck_assert_uint_eq(a.size, 0);
    ck_assert_uint_eq(a.allocated, 0);
    ck_assert_uint_eq(a.mode, SHALE_S_IFREG | 0777);
    ck_assert_uint_eq(a.block_size, 4096);
    ck_assert_uint_eq(a.generation, image.records[file * 1024 + 16]);
    a = attr_of(resident);
    ck_assert_uint_eq(a.size, 11);
    ck_assert_uint_eq(a.allocated, 16);
    a = attr_of(clusters);
    ck_assert_uint_eq(a.size, 9000);
    ck_assert_uint_eq(a.allocated, 3 * 4096);
    a = attr_of(sparse);
    ck_assert_uint_eq(a.size, 65000);
    ck_assert_uint_eq(a.allocated, 3 * 4096);
    a = attr_of(dir);
    ck_assert_uint_eq(a.size, 0);
    ck_assert_uint_eq(a.mode, SHALE_S_IFDIR | 0777);
}
END_TEST

START_TEST(raw_data_has_a_trailer)
{
    static const struct ntfsimage_run run = { 100, 1 };
    const struct ntfsimage_piece piece = {
        .type = NTFS_DATA, .runs = &run, .count = 1, .size = 1000,
        .flags = NTFS_ATTR_ENCRYPTED,
    };

    ntfsimage_runs(&image, file, &piece);
    mount_with(_i ? "efs_raw" : NULL);
    ck_assert_uint_eq(attr_of(file).size, _i ? 1026 : 1000);
}
END_TEST

/* What is said to be encrypted and is in its record has none. */
START_TEST(raw_data_that_is_resident)
{
    uint8_t *record = ntfsimage_record(&image, file), *at;
    struct shale_vnode *vn;
    char bytes[600];

    ntfsimage_resident(&image, file, NTFS_DATA, NULL, "x", 1);
    for (at = record + record[20]; at[0] != NTFS_DATA; at += at[4])
        ck_assert_uint_ne(at[0], 0xff);
    at[13] = NTFS_ATTR_ENCRYPTED >> 8;
    mount_with("efs_raw");
    ck_assert_uint_eq(attr_of(file).size, 1);
    ck_assert_int_eq(shale_vnode_get(image.v.fs, file, &vn), 0);
    ck_assert_int_eq(shale_read(vn, bytes, sizeof bytes, 0), 1);
    shale_vnode_put(vn);
}
END_TEST

/* Indexes that are no directory's: nobody can read them, as with ntfs-3g. */
START_TEST(views_are_nobodys)
{
    uint64_t view = ntfsimage_file(&image, NTFS_ROOT, "$Quota");

    ntfsimage_record(&image, view)[22] |= NTFS_RECORD_VIEW;
    mount_with(NULL);
    ck_assert_uint_eq(attr_of(view).mode, SHALE_S_IFREG);
    ck_assert_uint_eq(attr_of(file).mode, SHALE_S_IFREG | 0777);
}
END_TEST

/* -------------------------------------------------------------- numbers */

START_TEST(numbers_mean_streams)
{
    uint64_t unit = UINT64_C(1) << NTFS_INO_STREAM_SHIFT;
    struct shale_vnode *vn;
    struct shale_attr a;
    char got[8];

    ntfsimage_resident(&image, file, NTFS_DATA, NULL, "unnamed", 7);
    ntfsimage_resident(&image, file, NTFS_DATA, "first", "12345", 5);
    ntfsimage_resident(&image, file, NTFS_DATA, "second", "xy", 2);
    mount_with(NULL);
    ck_assert_uint_eq(attr_of(file).size, 7);
    a = attr_of(file + unit);
    ck_assert_uint_eq(a.size, 5);
    ck_assert_uint_eq(a.allocated, 0);
    ck_assert_uint_eq(a.mode, SHALE_S_IFREG | 0777);
    ck_assert_uint_eq(a.ino, file + unit);
    ck_assert_uint_eq(attr_of(file + 2 * unit).size, 2);
    no_attr(file + 3 * unit, SHALE_ESTALE);
    no_attr(file + 0x3fff * unit, SHALE_ESTALE);
    no_attr(30 + unit, SHALE_ESTALE);

    ck_assert_int_eq(shale_vnode_get(image.v.fs, file + unit, &vn), 0);
    ck_assert_int_eq(shale_read(vn, got, sizeof got, 1), 4);
    ck_assert_mem_eq(got, "2345", 4);
    shale_vnode_put(vn);
}
END_TEST

START_TEST(numbers_mean_records_in_use)
{
    uint64_t base = ntfsimage_file(&image, NTFS_ROOT, "base");
    uint64_t extension = ntfsimage_extension(&image, base);
    uint64_t gone = ntfsimage_file(&image, NTFS_ROOT, "gone");

    ntfsimage_resident(&image, gone, NTFS_DATA, NULL, "there", 5);
    ntfsimage_record(&image, gone)[22] = 0;
    mount_with(NULL);
    no_attr(extension, SHALE_ESTALE);
    no_attr(extension | NTFS_INO_DELETED, SHALE_ESTALE);
    no_attr(gone, SHALE_ESTALE);
    no_attr(file | NTFS_INO_DELETED, SHALE_ESTALE);
    no_attr(image.shape.records + 7, SHALE_ESTALE);
    no_attr(UINT64_C(0xffffffffffff), SHALE_ESTALE);
    no_attr(UINT64_MAX, SHALE_ESTALE);
    ck_assert_uint_eq(attr_of(gone | NTFS_INO_DELETED).size, 5);
    ck_assert_uint_eq(attr_of(base).size, 0);
}
END_TEST

/* ------------------------------------------------------------------ bad */

static void no_standard(void)
{
    ntfsimage_remove(&image, file, NTFS_STANDARD_INFORMATION, NULL);
}

static void short_standard(void)
{
    put32(ntfsimage_find(&image, file, NTFS_STANDARD_INFORMATION, NULL) + 16,
          47);
}

static void no_beginning(void)
{
    static const struct ntfsimage_run run = { 100, 1 };
    const struct ntfsimage_piece piece = {
        .type = NTFS_DATA, .runs = &run, .count = 1, .first_vcn = 3,
    };

    ntfsimage_runs(&image, file, &piece);
}

static void huge_data(void)
{
    static const struct ntfsimage_run run = { 100, 1 };
    const struct ntfsimage_piece piece = {
        .type = NTFS_DATA, .runs = &run, .count = 1, .size = UINT64_MAX,
    };

    ntfsimage_runs(&image, file, &piece);
}

static const struct {
    void (*spoil)(void);
    const char *said;
} bad[] = {
    { no_standard, "without $STANDARD_INFORMATION" },
    { short_standard, "$STANDARD_INFORMATION is too short" },
    { no_beginning, "beginning of the data" },
    { huge_data, "larger than any" },
};

START_TEST(damage_is_told)
{
    bad[_i].spoil();
    mount_with(NULL);
    no_attr(file, SHALE_ECORRUPT);
    ck_assert_msg(strstr(image.v.said, bad[_i].said), "%s", image.v.said);
    ck_assert_uint_eq(attr_of(NTFS_ROOT).links, 1);
}
END_TEST

/* --------------------------------------------- bad, and the rest is shown */

/* Three clusters at 100, in one piece or two. */
static uint8_t *clusters(bool two)
{
    static const struct ntfsimage_run runs[] = { { 100, 2 }, { 110, 1 } };
    struct ntfsimage_piece piece = {
        .type = NTFS_DATA, .runs = runs, .count = two ? 1 : 2, .size = 9000,
    };
    uint8_t *head = ntfsimage_runs(&image, file, &piece);

    if (!two)
        return head;
    piece.runs = runs + 1;
    piece.first_vcn = 2;
    return ntfsimage_runs(&image, file, &piece);
}

static void spoil_name(void)
{
    uint8_t key[600];

    ntfsimage_key(&image, key, NTFS_ROOT, "n", NTFS_WIN32);
    ntfsimage_resident(&image, file, NTFS_FILE_NAME, NULL, key, 65);
    clusters(false);
}

static void spoil_eas(void)
{
    ntfsimage_resident(&image, file, NTFS_EA, NULL, "\200\0\0\0\0\1\0", 8);
    clusters(false);
}

static void spoil_reparse(void)
{
    ntfsimage_resident(&image, file, NTFS_REPARSE_POINT, NULL,
                       "\14\0\0\240\377\377\0", 8);
    clusters(false);
}

/* What is behind the data is not to be found. */
static void spoil_end(void)
{
    uint8_t *head;

    clusters(false);
    head = ntfsimage_resident(&image, file, NTFS_EA, NULL, "", 0);
    put32(head + 4, 1);
}

/* The reparse point of a file without clusters may say where the data is. */
static void spoil_sparse(void)
{
    static const struct ntfsimage_run hole = { NTFSIMAGE_HOLE, 16 };
    const struct ntfsimage_piece piece = {
        .type = NTFS_DATA, .runs = &hole, .count = 1, .size = 9000,
        .flags = NTFS_ATTR_SPARSE, .unit_shift = 4,
    };

    ntfsimage_resident(&image, file, NTFS_REPARSE_POINT, NULL, "", 0);
    ntfsimage_runs(&image, file, &piece);
}

static void spoil_descriptor(void)
{
    ntfsimage_resident(&image, file, NTFS_SECURITY_DESCRIPTOR, NULL, "x", 1);
    clusters(false);
}

static void spoil_id(void)
{
    clusters(false);
    put32(standard() + 52, 0x7777);
}

static void data_twice(void)
{
    clusters(false);
    ntfsimage_resident(&image, file, NTFS_DATA, NULL, "b", 1);
}

/* The last run has no length; or its piece is not where it goes on. */
static void spoil_runs(void)
{
    uint8_t *head = clusters(false);

    head[(head[32] | head[33] << 8) + 4] = 0;
}

static void spoil_second(void)
{
    uint8_t *head = clusters(true);

    put64(head + 16, 3);
    put64(head + 24, 3);
}

static void spoil_size(void)
{
    put64(clusters(false) + 48, 12289);
}

/* The first unit is cut off in its middle: is it packed? */
static void spoil_unit(void)
{
    static const struct ntfsimage_run run = { 100, 3 };
    const struct ntfsimage_piece piece = {
        .type = NTFS_DATA, .runs = &run, .count = 1, .size = 65536,
        .flags = 1, .unit_shift = 4,
    };

    ntfsimage_runs(&image, file, &piece);
}

static const struct {
    void (*spoil)(void);
    const char *said;
    uint64_t size;
    uint64_t sound;             /* bytes that can be read; SIZE: all */
    uint32_t mode, links;
} partly[] = {
    { spoil_name, "$FILE_NAME is too short", 9000, 9000, 0777, 2 },
    { spoil_eas, "extended attribute", 9000, 9000, 0777, 1 },
    { spoil_reparse, "reparse point longer", 9000, 9000, 0777, 1 },
    { spoil_end, "length that cannot be", 9000, 9000, 0777, 1 },
    { spoil_sparse, "reparse point too short", 9000, 0, 0777, 1 },
    { spoil_descriptor, "descriptor", 9000, 9000, 0700, 1 },
    { spoil_id, "$Secure", 9000, 9000, 0700, 1 },
    { data_twice, "its data twice", 9000, 0, 0777, 1 },
    { spoil_runs, "no clusters", 9000, 0, 0777, 1 },
    { spoil_second, "do not follow", 9000, 8192, 0777, 1 },
    { spoil_size, "larger than its clusters", 12289, 12288, 0777, 1 },
    { spoil_unit, "larger than its clusters", 65536, 0, 0777, 1 },
};

START_TEST(what_is_sound_is_shown)
{
    bool is_secret = partly[_i].mode != 0777;
    uint64_t sound = partly[_i].sound;
    struct shale_vnode *vn;
    struct shale_attr a;
    char byte;

    partly[_i].spoil();
    mount_with(is_secret ? "permissions,owner_uid=7,owner_gid=8" : NULL);
    a = attr_of(file);
    ck_assert_uint_eq(a.size, partly[_i].size);
    ck_assert_uint_eq(a.mode, SHALE_S_IFREG | partly[_i].mode);
    ck_assert_uint_eq(a.links, partly[_i].links);
    ck_assert_uint_eq(a.uid, is_secret ? 7 : 0);
    ck_assert_int_eq(shale_vnode_get(image.v.fs, file, &vn), 0);
    ck_assert_msg(strstr(image.v.said, partly[_i].said), "%s", image.v.said);
    if (sound > 0)
        ck_assert_int_eq(shale_read(vn, &byte, 1, sound - 1), 1);
    ck_assert_int_eq(shale_read(vn, &byte, 1, sound),
                     sound == a.size ? 0 : SHALE_ECORRUPT);
    shale_vnode_put(vn);
}
END_TEST

/* What cannot be read now may be read later; with `recover` nobody waits. */
START_TEST(unreadable_is_not_damaged)
{
    const struct ntfsimage_run last = { image.shape.clusters - 1, 1 };
    const struct ntfsimage_piece piece = {
        .type = NTFS_EA, .runs = &last, .count = 1, .size = 20,
    };
    size_t size = image.size - 2 * image.shape.cluster;

    ntfsimage_runs(&image, file, &piece);
    ntfsimage_finish(&image);
    ck_assert_int_eq(ntfsimage_mount_part(&image, size, NULL), 0);
    no_attr(file, SHALE_EIO);
    ck_assert_uint_eq(ntfsimage_unmount(&image), 0);
    ck_assert_int_eq(ntfsimage_mount_part(&image, size, "recover"), 0);
    ck_assert_uint_eq(attr_of(file).mode, SHALE_S_IFREG | 0777);
}
END_TEST

/* -------------------------------------------------------------- interix */

#define LINK "IntxLNK\1"
#define HIDDEN (NTFS_FILE_SYSTEM | NTFS_FILE_HIDDEN)

static const struct {
    const char *what;
    uint32_t flags;
    const char *data;
    size_t len;
    enum shale_type type;
    uint32_t major, minor;
    const char *target;
} specials[] = {
    { "fifo", NTFS_FILE_SYSTEM, "", 0, SHALE_TYPE_FIFO, 0, 0, NULL },
    { "hidden, and empty", HIDDEN, "", 0, SHALE_TYPE_FILE, 0, 0, NULL },
    { "no system file", 0, "", 0, SHALE_TYPE_FILE, 0, 0, NULL },
    { "socket", NTFS_FILE_SYSTEM, "x", 1, SHALE_TYPE_SOCKET, 0, 0, NULL },
    { "hidden, a byte", HIDDEN, "x", 1, SHALE_TYPE_FILE, 0, 0, NULL },
    { "two bytes", NTFS_FILE_SYSTEM, "xy", 2, SHALE_TYPE_FILE, 0, 0, NULL },
    { "link", NTFS_FILE_SYSTEM, LINK "a\0/\0b\0", 14, SHALE_TYPE_SYMLINK, 0, 0,
      "a/b" },
    { "hidden link", HIDDEN, LINK "a\0", 10, SHALE_TYPE_SYMLINK, 0, 0, "a" },
    { "link of no system file", 0, LINK "a\0", 10, SHALE_TYPE_FILE, 0, 0,
      NULL },
    { "link, odd", NTFS_FILE_SYSTEM, LINK "a\0b\0c", 13, SHALE_TYPE_SYMLINK, 0,
      0, "ab" },
    { "link beyond ASCII", NTFS_FILE_SYSTEM, LINK "\xfc\0", 10,
      SHALE_TYPE_SYMLINK, 0, 0, "\xc3\xbc" },
    { "link with an end", NTFS_FILE_SYSTEM, LINK "a\0\0\0b\0", 14,
      SHALE_TYPE_SYMLINK, 0, 0, "a" },
    { "link to nothing", NTFS_FILE_SYSTEM, LINK, 8, SHALE_TYPE_FILE, 0, 0,
      NULL },
    { "link that ends at once", NTFS_FILE_SYSTEM, LINK "\0\0a\0", 12,
      SHALE_TYPE_FILE, 0, 0, NULL },
    { "half a unit", NTFS_FILE_SYSTEM, LINK "a", 9, SHALE_TYPE_FILE, 0, 0,
      NULL },
    { "character device", NTFS_FILE_SYSTEM,
      "IntxCHR\0\5\0\0\0\0\0\0\0\1\1\0\0\0\0\0\0", 24, SHALE_TYPE_CHAR, 5, 257,
      NULL },
    { "block device", HIDDEN, "IntxBLK\0\10\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 24,
      SHALE_TYPE_BLOCK, 8, 2, NULL },
    { "device of 25 bytes", NTFS_FILE_SYSTEM,
      "IntxCHR\0\5\0\0\0\0\0\0\0\1\1\0\0\0\0\0\0", 25, SHALE_TYPE_FILE, 0, 0,
      NULL },
    { "device past 32 bits", NTFS_FILE_SYSTEM,
      "IntxCHR\0\5\0\0\0\1\0\0\0\1\1\0\0\0\0\0\0", 24, SHALE_TYPE_FILE, 0, 0,
      NULL },
    { "device cut short", NTFS_FILE_SYSTEM,
      "IntxBLK\0\5\0\0\0\1\0\0\0\1\1\0\0\0\0\0\0", 23, SHALE_TYPE_FILE, 0, 0,
      NULL },
};

START_TEST(interix_made_specials)
{
    const char *want = specials[_i].target;
    struct shale_vnode *vn;
    struct shale_attr a;
    char got[32];

    put32(standard() + 32, specials[_i].flags);
    ntfsimage_resident(&image, file, NTFS_DATA, NULL, specials[_i].data,
                       specials[_i].len);
    mount_with(NULL);
    a = attr_of(file);
    ck_assert_int_eq(shale_type_of_mode(a.mode), specials[_i].type);
    ck_assert_uint_eq(a.rdev_major, specials[_i].major);
    ck_assert_uint_eq(a.rdev_minor, specials[_i].minor);
    ck_assert_uint_eq(a.size, want ? strlen(want) : specials[_i].len);
    if (!want)
        return;
    ck_assert_int_eq(shale_vnode_get(image.v.fs, file, &vn), 0);
    ck_assert_int_eq(shale_readlink(vn, got, sizeof got),
                     (int64_t)strlen(want));
    ck_assert_mem_eq(got, want, strlen(want));
    shale_vnode_put(vn);
}
END_TEST

/* A long target is in clusters; past what a path may have it is none. */
START_TEST(links_may_be_long)
{
    static const size_t units[] = { 400, 1000, 4095, 4096, 5000 };
    size_t count = units[_i];
    uint8_t *data = malloc(8 + 2 * count);
    struct shale_vnode *vn;
    struct shale_attr a;
    char got[SHALE_PATH_MAX];

    memcpy(data, LINK, 8);
    for (size_t i = 0; i < count; i++) {
        data[8 + 2 * i] = (uint8_t)('a' + i % 26);
        data[9 + 2 * i] = 0;
    }
    put32(standard() + 32, NTFS_FILE_SYSTEM);
    ntfsimage_data(&image, file, NTFS_DATA, NULL, data, 8 + 2 * count);
    mount_with(NULL);
    a = attr_of(file);
    if (count < SHALE_PATH_MAX) {
        ck_assert_uint_eq(a.size, count);
        ck_assert_int_eq(shale_vnode_get(image.v.fs, file, &vn), 0);
        ck_assert_int_eq(shale_readlink(vn, got, sizeof got), (int64_t)count);
        for (size_t i = 0; i < count; i++)
            ck_assert_int_eq(got[i], 'a' + (char)(i % 26));
        shale_vnode_put(vn);
    } else {
        ck_assert_uint_eq(a.mode & SHALE_S_IFMT, SHALE_S_IFREG);
    }
    free(data);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/node");
    TCase *tc = tcase_create("node"), *time = tcase_create("time");

    tcase_add_loop_test(time, converts_times, 0,
                        sizeof times / sizeof times[0]);
    suite_add_tcase(s, time);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, has_its_times);
    tcase_add_test(tc, counts_names_but_for_dos);
    tcase_add_test(tc, has_sizes);
    tcase_add_loop_test(tc, raw_data_has_a_trailer, 0, 2);
    tcase_add_test(tc, raw_data_that_is_resident);
    tcase_add_test(tc, views_are_nobodys);
    tcase_add_test(tc, numbers_mean_streams);
    tcase_add_test(tc, numbers_mean_records_in_use);
    tcase_add_loop_test(tc, damage_is_told, 0, sizeof bad / sizeof bad[0]);
    tcase_add_loop_test(tc, what_is_sound_is_shown, 0,
                        sizeof partly / sizeof partly[0]);
    tcase_add_test(tc, unreadable_is_not_damaged);
    tcase_add_loop_test(tc, interix_made_specials, 0,
                        sizeof specials / sizeof specials[0]);
    tcase_add_loop_test(tc, links_may_be_long, 0, 5);
    suite_add_tcase(s, tc);
    return s;
}
