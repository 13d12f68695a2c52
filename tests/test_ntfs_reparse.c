/* test_ntfs_reparse.c - what reparse points and EAs make of files */
#include "ntfs/meta.h"
#include "ntfsimage.h"
#include "suite.h"
#include "vfs/vfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ntfsimage image;
static uint64_t inside, deep, deeper;

/*
 * /target, /inside/t.txt, /inside/sub/, /deep/deeper/: for links to lead to,
 * and to be in.
 */
static void setup(void)
{
    ntfsimage_init(&image, NULL);
    ntfsimage_resident(&image, ntfsimage_file(&image, NTFS_ROOT, "target"),
                       NTFS_DATA, NULL, "x", 1);
    inside = ntfsimage_dir(&image, NTFS_ROOT, "inside");
    ntfsimage_resident(&image, ntfsimage_file(&image, inside, "t.txt"),
                       NTFS_DATA, NULL, "x", 1);
    ntfsimage_dir(&image, inside, "sub");
    deep = ntfsimage_dir(&image, NTFS_ROOT, "deep");
    deeper = ntfsimage_dir(&image, deep, "deeper");
}

static void teardown(void)
{
    ck_assert_uint_eq(ntfsimage_close(&image), 0);
}

static void mount_it(const char *options)
{
    int err;

    ntfsimage_finish(&image);
    err = ntfsimage_mount(&image, options);
    ck_assert_msg(!err, "%d: %s", err, image.v.said);
}

static void put16(uint8_t *at, size_t n)
{
    at[0] = (uint8_t)n;
    at[1] = (uint8_t)(n >> 8);
}

static void put32(uint8_t *at, uint32_t n)
{
    put16(at, n & 0xffff);
    put16(at + 2, n >> 16);
}

/* The flag in $STANDARD_INFORMATION that goes with a reparse point. */
static void set_flags(uint64_t number, uint32_t flags)
{
    uint8_t *attr = ntfsimage_find(&image, number, NTFS_STANDARD_INFORMATION,
                                   NULL);

    put32(attr + 24 + offsetof(struct ntfs_disk_standard, flags), flags);
}

/* Give NUMBER a reparse point. */
static void point(uint64_t number, uint32_t tag, const void *data, size_t len)
{
    uint8_t value[1024] = { 0 };

    ck_assert_uint_le(len, sizeof value - 8);
    put32(value, tag);
    put16(value + 4, len);
    if (len > 0)
        memcpy(value + 8, data, len);
    ntfsimage_resident(&image, number, NTFS_REPARSE_POINT, NULL, value,
                       8 + len);
    set_flags(number, NTFS_FILE_REPARSE);
}

static size_t put_units(uint8_t *to, const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++)
        put16(to + 2 * i, (uint8_t)text[i]);
    return 2 * len;
}

/* Data of a symlink, the print name first as Windows has it. */
static size_t symlink_data(uint8_t *to, const char *target, uint32_t flags)
{
    size_t print = put_units(to + 12, "print"), len;

    len = put_units(to + 12 + print, target);
    put16(to, print);
    put16(to + 2, len);
    put16(to + 4, 0);
    put16(to + 6, print);
    put32(to + 8, flags);
    return 12 + print + len;
}

static size_t mount_point_data(uint8_t *to, const char *target)
{
    size_t len = put_units(to + 8, target);

    memset(to, 0, 8);
    put16(to + 2, len);
    put16(to + 4, len + 2);
    memset(to + 8 + len, 0, 4);
    return 8 + len + 4;
}

static struct shale_attr attr_of(uint64_t ino)
{
    struct shale_attr attr = { 0 }, peeked = { 0 };
    struct shale_vnode *vn;
    int err = shale_vnode_get(image.v.fs, ino, &vn);

    ck_assert_msg(!err, "%d: %s", err, image.v.said);
    ck_assert_int_eq(shale_getattr(vn, &attr), 0);
    shale_vnode_put(vn);

    /* A listing says the same. */
    ck_assert_int_eq(ntfs_peek(image.v.fs, ino, &peeked), 0);
    ck_assert_uint_eq(attr.mode, peeked.mode);
    ck_assert_uint_eq(attr.size, peeked.size);
    ck_assert_uint_eq(attr.uid, peeked.uid);
    ck_assert_uint_eq(attr.gid, peeked.gid);
    ck_assert_uint_eq(attr.rdev_major, peeked.rdev_major);
    return attr;
}

/* NUMBER is a link to WANT. */
static void leads(uint64_t number, const char *name, const char *want)
{
    struct shale_attr attr = attr_of(number);
    struct shale_vnode *vn;
    char got[4096];
    int64_t len;

    ck_assert_msg(attr.mode == (SHALE_S_IFLNK | 0777), "%s: mode %o", name,
                  attr.mode);
    ck_assert_int_eq(shale_vnode_get(image.v.fs, number, &vn), 0);
    len = shale_readlink(vn, got, sizeof got - 1);
    ck_assert_msg(len >= 0, "%s: %d", name, (int)len);
    got[len] = '\0';
    ck_assert_msg(strcmp(got, want) == 0, "%s: %s, not %s", name, got, want);
    ck_assert_uint_eq(attr.size, (uint64_t)len);
    shale_vnode_put(vn);
}

/* ---------------------------------------------------------------- links */

static const struct {
    const char *name, *target;
    char kind;                  /* s: symlink, d: one of a directory; m: mount
                                   point */
    uint32_t flags;
    unsigned depth;             /* of the directory that it is in */
    const char *want;
} links[] = {
    { "relative", "target", 's', 1, 0, "target" },
    { "relative, deep", "inside\\t.txt", 's', 1, 2, "inside/t.txt" },
    { "up", "..\\..\\target", 's', 1, 2, "../../target" },
    { "dot", ".", 's', 1, 0, "." },
    { "not there", "no\\such", 's', 1, 0, "no/such" },
    { "slash at the end", "inside\\", 's', 1, 0, "inside/" },
    { "slash of ours", "a/b", 's', 1, 0, "a/b" },

    { "rooted", "\\inside\\t.txt", 's', 1, 0, "inside/t.txt" },
    { "rooted, deep", "\\inside\\t.txt", 's', 1, 2, "../../inside/t.txt" },
    { "rooted, not there", "\\no", 's', 1, 1, "../no" },
    { "rooted, by Linux", "\\inside\\t.txt", 's', 0, 1, "../inside/t.txt" },
    { "root", "\\", 's', 1, 0, "." },
    { "root, deep", "\\", 's', 1, 1, ".." },
    { "root, deeper", "\\", 's', 1, 2, "../.." },

    { "letter", "\\??\\C:\\inside\\t.txt", 's', 0, 0, "inside/t.txt" },
    { "letter, deep", "\\??\\C:\\inside\\t.txt", 's', 0, 2,
      "../../inside/t.txt" },
    { "any letter", "\\??\\z:\\target", 's', 0, 0, "target" },
    { "case", "\\??\\C:\\INSIDE\\T.TXT", 's', 0, 0, "INSIDE/T.TXT" },
    { "letter alone", "C:\\target", 's', 1, 0, "target" },
    { "prefix of Win32", "\\\\?\\C:\\target", 's', 0, 0, "target" },
    { "letter, not there", "\\??\\C:\\nope\\q", 's', 0, 0,
      ".NTFS-3G/C:/nope/q" },
    { "letter, not there, deep", "\\??\\D:\\nope", 's', 0, 2,
      "../../.NTFS-3G/D:/nope" },
    { "letter's root", "\\??\\C:\\", 's', 0, 0, ".NTFS-3G/C:/" },
    { "letter only", "\\??\\C:", 's', 0, 0, ".NTFS-3G/C:" },
    { "a directory's name", "\\??\\C:\\inside", 's', 0, 0,
      ".NTFS-3G/C:/inside" },
    { "file in a file", "\\??\\C:\\target\\x", 's', 0, 0,
      ".NTFS-3G/C:/target/x" },
    { "directory", "\\??\\C:\\inside", 'd', 0, 0, "inside" },
    { "file's name", "\\??\\C:\\target", 'd', 0, 0, ".NTFS-3G/C:/target" },

    { "server", "\\??\\UNC\\server\\share\\x", 's', 0, 0,
      ".NTFS-3G/UNC/server/share/x" },
    { "server, short", "\\\\server\\share", 's', 0, 1,
      "../.NTFS-3G/UNC/server/share" },
    { "volume", "\\??\\Volume{1-2}\\x", 's', 0, 0, ".NTFS-3G/Volume{1-2}/x" },
    { "object", "\\Device\\Disk0\\x", 's', 0, 0, ".NTFS-3G/Device/Disk0/x" },

    { "junction", "\\??\\C:\\inside\\sub", 'm', 0, 0, "inside/sub" },
    { "junction, deep", "\\??\\C:\\inside\\sub", 'm', 0, 2,
      "../../inside/sub" },
    { "junction, slash", "\\??\\C:\\inside\\", 'm', 0, 0, "inside/" },
    { "junction elsewhere", "\\??\\E:\\whatever", 'm', 0, 1,
      "../.NTFS-3G/E:/whatever" },
    { "mount point", "\\??\\Volume{1-2}\\", 'm', 0, 0,
      ".NTFS-3G/Volume{1-2}" },
    { "no prefix", "inside", 'm', 0, 0, ".NTFS-3G/inside" },
};

#define LINKS (sizeof links / sizeof links[0])

START_TEST(leads_where_windows_does)
{
    const uint64_t dirs[] = { NTFS_ROOT, deep, deeper };
    uint64_t numbers[LINKS];

    for (size_t first = 0; first < LINKS; first += 3) {
        size_t end = first + 3 < LINKS ? first + 3 : LINKS;

        /* A few at a time: the root's index is one node. */
        if (first > 0) {
            ck_assert_uint_eq(ntfsimage_close(&image), 0);
            setup();
        }
        for (size_t i = first; i < end; i++) {
            uint8_t data[512];
            char name[16];

            snprintf(name, sizeof name, "l%zu", i);
            numbers[i] = links[i].kind == 's' ?
                ntfsimage_file(&image, dirs[links[i].depth], name) :
                ntfsimage_dir(&image, dirs[links[i].depth], name);
            if (links[i].kind == 'm')
                point(numbers[i], NTFS_TAG_MOUNT_POINT, data,
                      mount_point_data(data, links[i].target));
            else
                point(numbers[i], NTFS_TAG_SYMLINK, data,
                      symlink_data(data, links[i].target, links[i].flags));
        }
        mount_it(NULL);
        for (size_t i = first; i < end; i++)
            leads(numbers[i], links[i].name, links[i].want);
    }
}
END_TEST

/* Two junctions through each other lead somewhere, and that is all. */
START_TEST(does_not_chase_loops)
{
    uint64_t a = ntfsimage_dir(&image, NTFS_ROOT, "a");
    uint64_t b = ntfsimage_dir(&image, NTFS_ROOT, "b");
    uint8_t data[256];

    point(a, NTFS_TAG_MOUNT_POINT, data,
          mount_point_data(data, "\\??\\C:\\b\\x\\y"));
    point(b, NTFS_TAG_MOUNT_POINT, data,
          mount_point_data(data, "\\??\\C:\\a\\x"));
    mount_it(NULL);
    leads(a, "a", "b/x/y");
    leads(b, "b", "a/x");
}
END_TEST

/* Directories that are in each other have no depth. */
START_TEST(does_not_climb_for_ever)
{
    uint64_t link = ntfsimage_file(&image, deeper, "link");
    uint8_t data[256], *name;
    struct shale_vnode *vn;
    char target[64];

    point(link, NTFS_TAG_SYMLINK, data, symlink_data(data, "\\target", 1));
    name = ntfsimage_find(&image, deep, NTFS_FILE_NAME, NULL);
    put32(name + 24, (uint32_t)deeper);
    put16(name + 24 + 4, 0);
    put16(name + 24 + 6, ntfsimage_reference(&image, deeper) >> 48);
    mount_it(NULL);
    ck_assert_int_eq(shale_vnode_get(image.v.fs, link, &vn), 0);
    ck_assert_ptr_nonnull(strstr(image.v.said, "without a root"));
    ck_assert_int_eq(shale_readlink(vn, target, sizeof target),
                     SHALE_ECORRUPT);
    shale_vnode_put(vn);
}
END_TEST

/* ---------------------------------------------------------- other kinds */

static const struct {
    const char *name;
    uint32_t tag;
    const char *data;
    size_t len;
    uint32_t type;              /* of the mode */
    const char *leads;
} kinds[] = {
    { "WSL's link", NTFS_TAG_LX_SYMLINK, "\2\0\0\0/mnt/c\\x", 12,
      SHALE_S_IFLNK, "/mnt/c\\x" },
    { "WSL's fifo", NTFS_TAG_LX_FIFO, "", 0, SHALE_S_IFIFO, NULL },
    { "WSL's socket", NTFS_TAG_AF_UNIX, "", 0, SHALE_S_IFSOCK, NULL },
    { "WSL's char", NTFS_TAG_LX_CHR, "", 0, SHALE_S_IFCHR, NULL },
    { "WSL's block", NTFS_TAG_LX_BLK, "", 0, SHALE_S_IFBLK, NULL },
    { "NFS's link", NTFS_TAG_NFS, "LNK\1\0\0\0\0a\0\\\0b\0", 14,
      SHALE_S_IFLNK, "a\\b" },
    { "NFS's char", NTFS_TAG_NFS, "CHR\0\0\0\0\0\1\0\0\0\2\0\0\0", 16,
      SHALE_S_IFCHR, NULL },
    { "NFS's fifo", NTFS_TAG_NFS, "FIFO\0\0\0\0", 8, SHALE_S_IFIFO, NULL },
    { "NFS's socket", NTFS_TAG_NFS, "SOCK\0\0\0\0", 8, SHALE_S_IFSOCK, NULL },

    { "unknown", 0x80000042, "abc", 3, SHALE_S_IFREG, NULL },
    { "unknown link", 0xa0000099, "abc", 3, SHALE_S_IFREG, NULL },
    { "alias", NTFS_TAG_APPEXECLINK, "abc", 3, SHALE_S_IFREG, NULL },
    { "WSL's link of another version", NTFS_TAG_LX_SYMLINK, "\1\0\0\0x", 5,
      SHALE_S_IFREG, NULL },
    { "WSL's link to nothing", NTFS_TAG_LX_SYMLINK, "\2\0\0\0", 4,
      SHALE_S_IFREG, NULL },
    { "WSL's link with a NUL", NTFS_TAG_LX_SYMLINK, "\2\0\0\0a\0b", 7,
      SHALE_S_IFREG, NULL },
    { "NFS's what", NTFS_TAG_NFS, "WHAT\0\0\0\0", 8, SHALE_S_IFREG, NULL },
    { "NFS's little", NTFS_TAG_NFS, "LNK", 3, SHALE_S_IFREG, NULL },
    { "symlink of nothing", NTFS_TAG_SYMLINK,
      "\0\0\0\0\0\0\0\0\0\0\0\0", 12, SHALE_S_IFREG, NULL },
    { "symlink too short", NTFS_TAG_SYMLINK, "\0\0\2\0\0\0\0\0\0\0\0", 11,
      SHALE_S_IFREG, NULL },
    { "name past the end", NTFS_TAG_SYMLINK,
      "\0\0\4\0\0\0\0\0\1\0\0\0a\0", 14, SHALE_S_IFREG, NULL },
    { "name far past the end", NTFS_TAG_SYMLINK,
      "\xff\xff\2\0\0\0\0\0\1\0\0\0a\0", 14, SHALE_S_IFREG, NULL },
    { "name with a NUL", NTFS_TAG_SYMLINK,
      "\0\0\6\0\0\0\0\0\1\0\0\0a\0\0\0b\0", 18, SHALE_S_IFREG, NULL },
    { "odd length", NTFS_TAG_SYMLINK,
      "\0\0\3\0\0\0\0\0\1\0\0\0a\0b", 15, SHALE_S_IFLNK, "a" },
    { "NUL counted", NTFS_TAG_SYMLINK,
      "\0\0\4\0\0\0\0\0\1\0\0\0a\0\0\0", 16, SHALE_S_IFLNK, "a" },
};

#define KINDS (sizeof kinds / sizeof kinds[0])

START_TEST(tells_kinds)
{
    for (size_t i = 0; i < KINDS; i++) {
        uint64_t file, dir;
        struct shale_attr attr;

        if (i > 0) {
            ck_assert_uint_eq(ntfsimage_close(&image), 0);
            setup();
        }
        file = ntfsimage_file(&image, NTFS_ROOT, "f");
        dir = ntfsimage_dir(&image, NTFS_ROOT, "d");
        ntfsimage_resident(&image, file, NTFS_DATA, NULL, "content", 7);
        point(file, kinds[i].tag, kinds[i].data, kinds[i].len);
        point(dir, kinds[i].tag, kinds[i].data, kinds[i].len);
        mount_it(NULL);

        attr = attr_of(file);
        ck_assert_msg((attr.mode & SHALE_S_IFMT) == kinds[i].type, "%s: %o",
                      kinds[i].name, attr.mode);
        if (kinds[i].leads)
            leads(file, kinds[i].name, kinds[i].leads);
        if (kinds[i].type == SHALE_S_IFREG)
            ck_assert_uint_eq(attr.size, 7);
        if (kinds[i].len == 16 && kinds[i].type == SHALE_S_IFCHR) {
            ck_assert_uint_eq(attr.rdev_major, 1);
            ck_assert_uint_eq(attr.rdev_minor, 2);
        }

        /* A directory can be a link, and else stays one. */
        attr = attr_of(dir);
        ck_assert_msg((attr.mode & SHALE_S_IFMT) ==
                      (kinds[i].leads ? SHALE_S_IFLNK : SHALE_S_IFDIR),
                      "%s: %o", kinds[i].name, attr.mode);
    }
}
END_TEST

/* A tag that is not Microsoft's has a GUID behind its head. */
START_TEST(steps_over_guids)
{
    static const uint8_t value[] = {
        0x42, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
        14, 15, 16, 'a', 'b', 'c', 'd',
    };
    uint64_t file = ntfsimage_file(&image, NTFS_ROOT, "f");
    struct shale_vnode *vn;
    uint8_t got[64];

    ntfsimage_resident(&image, file, NTFS_REPARSE_POINT, NULL, value,
                       sizeof value);
    set_flags(file, NTFS_FILE_REPARSE);
    mount_it(NULL);
    ck_assert_uint_eq(attr_of(file).mode & SHALE_S_IFMT, SHALE_S_IFREG);
    ck_assert_int_eq(shale_vnode_get(image.v.fs, file, &vn), 0);
    ck_assert_int_eq(shale_getxattr(vn, "system.ntfs_reparse_data", got,
                                    sizeof got), sizeof value);
    ck_assert_mem_eq(got, value, sizeof value);
    ck_assert_int_eq(shale_readlink(vn, (char *)got, sizeof got),
                     SHALE_EINVAL);
    shale_vnode_put(vn);
}
END_TEST

/* The file stays one. */
START_TEST(passes_over_damaged_heads)
{
    static const struct {
        uint8_t value[24];
        size_t len;
    } cases[] = {
        { { 0 }, 0 },
        { { 0x0c, 0, 0, 0xa0, 0, 0, 0 }, 7 },
        { { 0x0c, 0, 0, 0xa0, 1, 0, 0, 0 }, 8 },
        { { 0x0c, 0, 0, 0xa0, 0xff, 0xff, 0, 0, 1 }, 9 },
        { { 0x42, 0, 0, 0, 0, 0, 0, 0, 1, 2 }, 23 },
        { { 0x42, 0, 0, 0, 1, 0, 0, 0, 1, 2 }, 24 },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shale_attr attr;
        uint64_t file;

        if (i > 0) {
            ck_assert_uint_eq(ntfsimage_close(&image), 0);
            setup();
        }
        file = ntfsimage_file(&image, NTFS_ROOT, "f");
        ntfsimage_resident(&image, file, NTFS_REPARSE_POINT, NULL,
                           cases[i].value, cases[i].len);
        set_flags(file, NTFS_FILE_REPARSE);
        mount_it(NULL);
        ck_assert_int_eq(ntfs_peek(image.v.fs, file, &attr), 0);
        ck_assert_uint_eq(attr.mode, SHALE_S_IFREG | 0777);
        ck_assert_ptr_nonnull(strstr(image.v.said, "reparse point"));
    }
}
END_TEST

/* -------------------------------------------------- not enough memory */

START_TEST(lacks_memory)
{
    uint64_t link = ntfsimage_dir(&image, deeper, "link");
    struct shale_attr attr;
    uint8_t data[256];
    uint64_t n;

    point(link, NTFS_TAG_MOUNT_POINT, data,
          mount_point_data(data, "\\??\\C:\\inside\\sub"));
    mount_it(NULL);
    for (n = 0; n < 200; n++) {
        int err;

        shale_mem_fail_at(image.v.mem, n);
        err = ntfs_peek(image.v.fs, link, &attr);
        if (!shale_mem_failed(image.v.mem)) {
            ck_assert_int_eq(err, 0);
            break;
        }
        ck_assert_int_eq(err, SHALE_ENOMEM);
    }
    shale_mem_fail_at(image.v.mem, UINT64_MAX);
    ck_assert_uint_ge(n, 5);
    ck_assert_uint_lt(n, 200);
    ck_assert_uint_eq(attr.size, strlen("../../inside/sub"));
}
END_TEST

/* A way through a directory that is its own child ends after 256 steps. */
START_TEST(walks_so_far_and_no_farther)
{
    uint64_t loop = ntfsimage_dir(&image, NTFS_ROOT, "a"), number;
    uint8_t path[4 * 300] = { 0 };

    ntfsimage_enter(&image, loop, loop, "a", NTFS_POSIX);
    mount_it(NULL);
    for (unsigned i = 0; i < 2 * 300; i++)
        path[2 * i] = i % 2 ? '\\' : 'a';
    for (unsigned n = 255; n <= 300; n += 45) {
        number = NTFS_ROOT;
        ck_assert_int_eq(ntfs_path_find(ntfsimage_volume(&image), path, 2 * n,
                                        &number), n < 256);
        if (n < 256)
            ck_assert_uint_eq(number, loop);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs_reparse");
    TCase *tc = tcase_create("reparse");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, leads_where_windows_does);
    tcase_add_test(tc, does_not_chase_loops);
    tcase_add_test(tc, does_not_climb_for_ever);
    tcase_add_test(tc, tells_kinds);
    tcase_add_test(tc, steps_over_guids);
    tcase_add_test(tc, passes_over_damaged_heads);
    tcase_add_test(tc, lacks_memory);
    tcase_add_test(tc, walks_so_far_and_no_farther);
    suite_add_tcase(s, tc);
    return s;
}
