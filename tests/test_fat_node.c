/* test_fat_node.c - files: attributes, numbers, and what a volume says */
#include "fat32/fat.h"
#include "fat32/node.h"
#include "shale/fs.h"
#include "suite.h"
#include "test_fat_image.h"

static struct image image;

static struct shale_attr attr_of(const char *path)
{
    struct shale_attr attr;

    ck_assert_int_eq(shale_stat(image.v.fs, path, &attr), 0);
    return attr;
}

/* ----------------------------------------------------------------- modes */

static const struct {
    const char *options, *path;
    uint32_t mode;
} modes[] = {
    { NULL, "/", 040755 },
    { NULL, "/FILE.TXT", 0100755 },
    { NULL, "/LOCKED.TXT", 0100555 },
    { NULL, "/DIR", 040755 },
    { NULL, "/LOCKDIR", 040755 },
    { "rodir", "/LOCKDIR", 040555 },
    { "showexec", "/FILE.TXT", 0100644 },
    { "showexec", "/LOCKED.TXT", 0100444 },
    { "showexec", "/RUN.EXE", 0100755 },
    { "showexec", "/RUN.COM", 0100755 },
    { "showexec", "/RUN.BAT", 0100755 },
    { "showexec", "/DIR", 040755 },
};

static void make_files(unsigned bits)
{
    uint8_t *at;

    image_init(&image, bits);
    at = image_root(&image);
    at = image_entry(at, "FILE    TXT", FAT_ATTR_ARCHIVE, 20, 700);
    image_chain(&image, 20, 2);
    at = image_entry(at, "LOCKED  TXT", FAT_ATTR_READ_ONLY, 0, 0);
    at = image_entry(at, "DIR        ", FAT_ATTR_DIR, 10, 12345);
    image_dir(&image, 10, 0);
    at = image_entry(at, "LOCKDIR    ", FAT_ATTR_DIR | FAT_ATTR_READ_ONLY, 11,
                     0);
    image_dir(&image, 11, 0);
    at = image_entry(at, "RUN     EXE", 0, 0, 0);
    at = image_entry(at, "RUN     COM", 0, 0, 0);
    image_entry(at, "RUN     BAT", 0, 0, 0);
}

START_TEST(gives_modes)
{
    uint32_t mode;

    make_files(16);
    image_mount(&image, modes[_i].options);
    mode = attr_of(modes[_i].path).mode;
    ck_assert_msg(mode == modes[_i].mode, "%s, %s: %o", modes[_i].path,
                  modes[_i].options, mode);
    image_close(&image);
}
END_TEST

START_TEST(gives_attributes)
{
    struct shale_attr attr;

    make_files(32);
    put16(image_root(&image) + 0x0e, 1 << 11);          /* created 01:00 */
    put16(image_root(&image) + 0x10, 40 << 9 | 1 << 5 | 1);
    image_root(&image)[0x0d] = 150;
    put16(image_root(&image) + 0x12, 41 << 9 | 1 << 5 | 1);
    image_mount(&image, NULL);

    attr = attr_of("/FILE.TXT");
    ck_assert_uint_eq(attr.size, 700);
    ck_assert_uint_eq(attr.allocated, 1024);
    ck_assert_uint_eq(attr.block_size, 512);
    ck_assert_uint_eq(attr.flags, FAT_ATTR_ARCHIVE);
    ck_assert_uint_eq(attr.links, 1);
    ck_assert_int_eq(attr.mtime.sec, 1591525230);
    ck_assert_int_eq(attr.ctime.sec, attr.mtime.sec);
    ck_assert_int_eq(attr.atime.sec, 1609459200);
    ck_assert_int_eq(attr.btime.sec, 1577840401);
    ck_assert_uint_eq(attr.btime.nsec, 500000000);

    /* Not noted: as old as the data, and born nobody knows when. */
    attr = attr_of("/LOCKED.TXT");
    ck_assert_int_eq(attr.atime.sec, attr.mtime.sec);
    ck_assert_int_eq(attr.btime.sec, 0);
    attr = attr_of("/DIR");
    ck_assert_uint_eq(attr.size, 512);
    attr = attr_of("/");
    ck_assert_uint_eq(attr.ino, FAT_ROOT_INO);
    ck_assert_int_eq(attr.mtime.sec, 0);
    image_close(&image);
}
END_TEST

START_TEST(gives_xattrs)
{
    struct fat_vnode *vn;
    uint8_t value[8];

    make_files(12);
    image_mount(&image, NULL);
    vn = image_get(&image, "/LOCKDIR");
    ck_assert_int_eq(shale_getxattr(&vn->base, "system.ntfs_attrib", value, 8),
                     4);
    ck_assert_mem_eq(value, "\x11\0\0\0", 4);
    ck_assert_int_eq(shale_getxattr(&vn->base, "system.ntfs_attrib_be", value,
                                    4), 4);
    ck_assert_mem_eq(value, "\0\0\0\x11", 4);
    ck_assert_int_eq(shale_getxattr(&vn->base, "system.ntfs_attrib", NULL, 0),
                     4);
    ck_assert_int_eq(shale_getxattr(&vn->base, "system.ntfs_attrib", value, 3),
                     SHALE_ERANGE);
    ck_assert_int_lt(shale_getxattr(&vn->base, "system.ntfs_attrib_x", value,
                                    8), 0);
    ck_assert_int_lt(shale_getxattr(&vn->base, "user.x", value, 8), 0);
    ck_assert_int_eq(shale_listxattr(&vn->base, NULL, 0), 0);
    image_put(vn);
    image_close(&image);
}
END_TEST

/* --------------------------------------------------------------- numbers */

START_TEST(knows_no_other_numbers)
{
    static const uint64_t never[] = { 0, 2, 15, UINT64_C(1) << 47,
                                      FAT_INO_FRESH, UINT64_MAX };
    struct shale_attr attr;
    struct fat_vnode *vn;
    uint64_t ino;

    make_files(12);
    image_mount(&image, NULL);
    for (unsigned i = 0; i < sizeof never / sizeof never[0]; i++)
        ck_assert_int_eq(shale_getattr_ino(image.v.fs, never[i], &attr),
                         SHALE_ESTALE);

    /* What follows the last file; a byte of the FAT; the dots. */
    vn = image_get(&image, "/RUN.BAT");
    ino = vn->base.ino;
    ck_assert_uint_eq(ino, fat_ino_natural(vn->at));
    image_put(vn);
    ck_assert_int_eq(shale_getattr_ino(image.v.fs, ino, &attr), 0);
    ck_assert_int_eq(shale_getattr_ino(image.v.fs, ino + 1, &attr),
                     SHALE_ESTALE);
    ino = fat_ino_natural(image_fat_at(&image, 0));
    ck_assert_int_eq(shale_getattr_ino(image.v.fs, ino, &attr), SHALE_ESTALE);
    ino = fat_ino_natural(image_cluster_at(&image, 10));
    ck_assert_int_eq(shale_getattr_ino(image.v.fs, ino, &attr), SHALE_ESTALE);
    image_close(&image);
}
END_TEST

/* Who is where, if numbers go from place to place. */
START_TEST(notes_moves)
{
    struct fat_volume *vol;
    uint64_t a = 32 * 100, b = 32 * 200, at, fresh, ino = fat_ino_natural(a);

    make_files(12);
    image_mount(&image, NULL);
    vol = image_volume(&image);
    ck_assert_uint_eq(fat_ino_of(vol, a), ino);

    /* The file at A moves to B; a new one at A needs a number. */
    ck_assert_int_eq(fat_moved_enter(vol, ino, b), 0);
    ck_assert_int_eq(fat_moved_fresh(vol, &fresh), 0);
    ck_assert_int_eq(fat_moved_enter(vol, fresh, a), 0);
    ck_assert_uint_ge(fresh, FAT_INO_FRESH);
    ck_assert_uint_eq(fat_ino_of(vol, b), ino);
    ck_assert_uint_eq(fat_ino_of(vol, a), fresh);
    ck_assert(fat_ino_place(vol, ino, &at) && at == b);
    ck_assert(fat_ino_place(vol, fresh, &at) && at == a);
    ck_assert(!fat_ino_place(vol, fat_ino_natural(b), &at));

    /* It comes home, where somebody is: that one is forgotten. */
    ck_assert_int_eq(fat_moved_enter(vol, ino, a), 0);
    ck_assert_uint_eq(fat_ino_of(vol, a), ino);
    ck_assert_uint_eq(fat_ino_of(vol, b), fat_ino_natural(b));
    ck_assert(!fat_ino_place(vol, fresh, &at));

    /* Thousands; and none is left when nobody is in memory. */
    for (uint64_t i = 0; i < 5000; i++)
        ck_assert_int_eq(fat_moved_enter(vol, fat_ino_natural(32 * i),
                                         32 * (10000 + i)), 0);
    for (uint64_t i = 0; i < 5000; i++)
        ck_assert_uint_eq(fat_ino_of(vol, 32 * (10000 + i)),
                          fat_ino_natural(32 * i));
    fat_moved_leave(vol, fat_ino_natural(32 * 7));
    ck_assert_uint_eq(fat_ino_of(vol, 32 * 10007), fat_ino_natural(32 * 10007));
    fat_moved_purge(vol);
    ck_assert_uint_eq(fat_ino_of(vol, 32 * 10000),
                      fat_ino_natural(32 * 10000));
    image_close(&image);
}
END_TEST

/* What an undone transaction does to the notes takes no memory. */
START_TEST(moves_are_put_back_without_memory)
{
    struct fat_volume *vol;
    uint64_t a = 32 * 100, b = 32 * 200, at;
    uint64_t ino = fat_ino_natural(a), other = fat_ino_natural(32 * 300);

    make_files(12);
    image_mount(&image, NULL);
    vol = image_volume(&image);

    /* INO was at B, and OTHER at A; INO has come home in its place. */
    ck_assert_int_eq(fat_moved_enter(vol, ino, b), 0);
    ck_assert_int_eq(fat_moved_enter(vol, other, a), 0);
    ck_assert_int_eq(fat_moved_enter(vol, ino, a), 0);

    shale_mem_fail_at(image.v.mem, 0);
    ck_assert_int_eq(fat_moved_enter(vol, ino, b), 0);
    ck_assert_int_eq(fat_moved_enter(vol, other, a), 0);
    ck_assert(!shale_mem_failed(image.v.mem));
    ck_assert(fat_ino_place(vol, ino, &at) && at == b);
    ck_assert(fat_ino_place(vol, other, &at) && at == a);

    /* One that is new does. */
    ck_assert_int_eq(fat_moved_enter(vol, FAT_INO_FRESH, 32 * 400),
                     SHALE_ENOMEM);
    ck_assert(shale_mem_failed(image.v.mem));
    fat_moved_purge(vol);
    image_close(&image);
}
END_TEST

/* ------------------------------------------------------------- describe */

struct said {
    struct shale_describe to;
    char text[2048];
};

static void say(struct shale_describe *to, const char *key, const char *value)
{
    struct said *said = (struct said *)to;
    size_t used = strlen(said->text);

    snprintf(said->text + used, sizeof said->text - used, "%s=%s;", key,
             value);
}

static void say_number(struct shale_describe *to, const char *key,
                       uint64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    say(to, key, text);
}

static void say_time(struct shale_describe *to, const char *key,
                     int64_t seconds)
{
    say_number(to, key, (uint64_t)seconds);
}

START_TEST(describes)
{
    struct said said = { .to = { say, say_number, say_time, say } };
    static const char *const parts[] = {
        "type=FAT32;label=ROOT LABEL;boot_label=BOOT LABEL;",
        ";volume_id=1234-ABCD;state=not unmounted;sector_size=512;",
        "clusters=300;", "root_cluster=2;", "oem_name=test 1.0;",
        "backup_boot_sector=6;", "codepage=437;", "free_clusters=299;",
    };

    image_init(&image, 32);
    image_entry(image_root(&image), "ROOT LABEL ", FAT_ATTR_LABEL, 0, 0);
    image.bytes[0x41] = FAT_STATE_DIRTY;
    image_mount(&image, NULL);
    ck_assert_int_eq(shale_describe(image.v.fs, &said.to), 0);
    for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++)
        ck_assert_msg(strstr(said.text, parts[i]), "%s: %s", parts[i],
                      said.text);
    image_close(&image);
}
END_TEST

/* The blocks of a volume that is read only are larger than its sectors. */
START_TEST(reads_through_larger_blocks)
{
    static const uint32_t odd[] = { 0, 1, 2, 4 };
    char text[1000];
    int64_t got;

    for (unsigned i = 0; i < 4; i++) {
        struct fat_vnode *vn;
        uint32_t size;

        make_files(12);
        /* Of a whole number of 4 KiB, and of less. */
        image.sectors = 200 + odd[i];
        put16(image.bytes + 0x13, image.sectors);
        memset(image_cluster(&image, 20), 'a', 512);
        memset(image_cluster(&image, 21), 'b', 512);
        image_mount(&image, NULL);
        size = image_volume(&image)->block_size;
        ck_assert_uint_eq(size, odd[i] == 0 ? 4096 : odd[i] == 1 ? 512
                                : odd[i] == 2 ? 1024 : 2048);
        vn = image_get(&image, "/file.txt");
        got = shale_read(&vn->base, text, sizeof text, 0);
        ck_assert_int_eq(got, 700);
        ck_assert(text[511] == 'a' && text[512] == 'b' && text[699] == 'b');
        image_put(vn);
        vn = image_get(&image, "/DIR/..");
        ck_assert_uint_eq(vn->base.ino, FAT_ROOT_INO);
        image_put(vn);
        image_close(&image);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fat/node");
    TCase *tc = tcase_create("node");

    tcase_add_loop_test(tc, gives_modes, 0, sizeof modes / sizeof modes[0]);
    tcase_add_test(tc, gives_attributes);
    tcase_add_test(tc, gives_xattrs);
    tcase_add_test(tc, knows_no_other_numbers);
    tcase_add_test(tc, notes_moves);
    tcase_add_test(tc, moves_are_put_back_without_memory);
    tcase_add_test(tc, describes);
    tcase_add_test(tc, reads_through_larger_blocks);
    suite_add_tcase(s, tc);
    return s;
}
