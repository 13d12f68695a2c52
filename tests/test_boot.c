/*
 * test_boot.c - the readers without memory see what the drivers see
 *
 * Each file of the golden images by both; and of images that are damaged,
 * anything at all, in bounded time.
 */
#include <stdio.h>

#include "bootwalk.h"
#include "golden.h"
#include "suite.h"
#include "volume.h"

#define DATA_MAX (3u << 20)

static const struct {
    const char *name;
    const struct shale_boot_format *format;
} cases[] = {
    { "fat12-small", &shale_boot_fat },
    { "fat16-small", &shale_boot_fat },
    { "fat32-small", &shale_boot_fat },
    { "ext2-small", &shale_boot_ext2 },
};

static struct golden golden;
static struct volume v;
static uint64_t entries;
static uint8_t ours[DATA_MAX], theirs[DATA_MAX];

/* ------------------------------------------------------------ the same */

/* Do both read the same LEN bytes of the file at PATH, from OFFSET on? */
static void compare_at(struct shale_boot *boot, const char *path,
                       struct shale_boot_file *file, struct shale_vnode *vn,
                       uint64_t offset, size_t len)
{
    int64_t count = shale_boot_read(boot, file, ours, len, offset);

    ck_assert_msg(count == shale_read(vn, theirs, len, offset),
                  "%s at %llu: %lld", path, (unsigned long long)offset,
                  (long long)count);
    ck_assert_msg(count <= 0 || memcmp(ours, theirs, (size_t)count) == 0,
                  "%s at %llu differs", path, (unsigned long long)offset);
}

static void compare(void *context, struct shale_boot *boot, const char *path,
                    struct shale_boot_entry *entry)
{
    struct shale_boot_file found;
    struct shale_vnode *vn;
    struct shale_attr attr;

    (void)context;
    entries++;
    ck_assert_msg(shale_walk(v.fs, NULL, path, SHALE_WALK_NOFOLLOW, &vn) == 0,
                  "%s", path);
    ck_assert_int_eq(shale_getattr(vn, &attr), 0);
    ck_assert_msg(shale_vnode_type(vn) == entry->file.type, "%s: type", path);
    ck_assert_msg(shale_boot_find(boot, path, &found) == 0, "%s", path);
    ck_assert_int_eq(found.type, entry->file.type);
    if (entry->file.type == SHALE_TYPE_FILE) {
        uint64_t size = attr.size;

        ck_assert_uint_eq(found.size, size);
        compare_at(boot, path, &found, vn, 0, DATA_MAX);
        compare_at(boot, path, &found, vn, 511, 5000);  /* and back again */
        compare_at(boot, path, &found, vn, size / 2 + 1, 70000);
        compare_at(boot, path, &entry->file, vn, size - size / 9, 3000);
        compare_at(boot, path, &found, vn, size, 1);
    }
    shale_vnode_put(vn);
}

/* The files and directories below VN, itself left out. */
static int count_entry(void *context, const struct shale_dirent *entry)
{
    uint64_t *inos = context;

    if (entry->name[0] == '.' && (entry->len == 1 ||
                                  (entry->len == 2 && entry->name[1] == '.')))
        return 0;
    inos[0]++;
    if (entry->type == SHALE_TYPE_DIR)
        inos[++inos[1] + 1] = entry->ino;
    return 0;
}

static uint64_t count_all(struct shale_fs *fs)
{
    uint64_t inos[2 + 4000] = { 0, 1, shale_root_ino(fs) };

    for (uint64_t i = 0; i < inos[1]; i++) {
        struct shale_vnode *vn;

        ck_assert_uint_lt(inos[1], 3000);
        ck_assert_int_eq(shale_vnode_get(fs, inos[2 + i], &vn), 0);
        ck_assert_int_eq(shale_iterate(vn, 0, 0, count_entry, inos), 0);
        shale_vnode_put(vn);
    }
    return inos[0];
}

START_TEST(sees_the_same)
{
    golden_load(&golden, cases[_i].name);
    ck_assert_int_eq(volume_of_bytes(&v, golden.bytes, golden.size), 0);
    ck_assert_int_eq(volume_mount(&v, NULL), 0);
    entries = 0;
    ck_assert_int_eq(bootwalk(v.dev, cases[_i].format, UINT64_MAX, compare,
                              NULL), 0);
    ck_assert_uint_eq(entries, count_all(v.fs));
    ck_assert_uint_eq(volume_close(&v), 0);
    golden_free(&golden);
}
END_TEST

/* ------------------------------------------------------------- the calls */

START_TEST(says_no)
{
    static uint8_t sector[512];
    struct shale_memory_bdev dev;
    struct shale_boot_file file;
    struct shale_boot boot;
    uint8_t byte;

    golden_load(&golden, cases[_i].name);
    shale_memory_bdev_init(&dev, golden.bytes, golden.size, 512, true);
    ck_assert_int_eq(shale_boot_open(&boot, cases[_i].format, &dev.base, sector,
                                     511), SHALE_EINVAL);
    ck_assert_int_eq(shale_boot_open(&boot, cases[_i].format, &dev.base, sector,
                                     512), 0);
    ck_assert_int_eq(shale_boot_find(&boot, "/no/such", &file), SHALE_ENOENT);
    ck_assert_int_eq(shale_boot_find(&boot, "/./x", &file), SHALE_EINVAL);
    ck_assert_int_eq(shale_boot_find(&boot, "//", &file), 0);
    ck_assert_int_eq(file.type, SHALE_TYPE_DIR);
    ck_assert_int_eq(shale_boot_read(&boot, &file, &byte, 1, 0), SHALE_EISDIR);

    /* Another format's volume, one that is cut short, and none at all. */
    ck_assert_int_lt(shale_boot_open(&boot, _i < 3 ? &shale_boot_ext2
                                                   : &shale_boot_fat,
                                     &dev.base, sector, 512), 0);
    shale_memory_bdev_init(&dev, golden.bytes, 512, 512, true);
    if (shale_boot_open(&boot, cases[_i].format, &dev.base, sector, 512) == 0)
        ck_assert_int_lt(shale_boot_find(&boot, "/x", &file), 0);
    memset(golden.bytes, 0, 4096);
    shale_memory_bdev_init(&dev, golden.bytes, golden.size, 512, true);
    ck_assert_int_lt(shale_boot_open(&boot, cases[_i].format, &dev.base, sector,
                                     512), 0);
    golden_free(&golden);
}
END_TEST

/* The first directory of FAT32's root begins with cluster 0xffffffff. */
START_TEST(no_such_cluster)
{
    static uint8_t sector[512];
    struct shale_memory_bdev dev;
    struct shale_boot_entry entry;
    struct shale_boot_file root;
    struct shale_boot boot;
    uint64_t cookie = 0;

    golden_load(&golden, "fat32-small");
    shale_memory_bdev_init(&dev, golden.bytes, golden.size, 512, true);
    ck_assert_int_eq(shale_boot_open(&boot, &shale_boot_fat, &dev.base, sector,
                                     sizeof sector), 0);
    ck_assert_int_eq(shale_boot_find(&boot, "", &root), 0);
    do
        ck_assert_int_eq(shale_boot_list(&boot, &root, &cookie, &entry), 1);
    while (entry.file.type != SHALE_TYPE_DIR);
    /* The cookie is the slot after it, and the sector is what was read last. */
    cookie = boot.sector_at + (cookie - 1) * 32 % sizeof sector;
    memset(golden.bytes + cookie + 20, 0xff, 2);
    memset(golden.bytes + cookie + 26, 0xff, 2);
    boot.sector_at = UINT64_MAX;
    ck_assert_int_eq(shale_boot_find(&boot, entry.name, &root), 0);
    cookie = 0;
    ck_assert_int_eq(shale_boot_list(&boot, &root, &cookie, &entry),
                     SHALE_ECORRUPT);
    golden_free(&golden);
}
END_TEST

/* Change bytes where metadata is; whatever comes of it ends. */
START_TEST(survives_damage)
{
    uint32_t random = 12345;
    uint8_t *sound;

    golden_load(&golden, cases[_i].name);
    sound = malloc(golden.size);
    ck_assert_ptr_nonnull(sound);
    memcpy(sound, golden.bytes, golden.size);
    for (unsigned round = 0; round < 300; round++) {
        struct shale_memory_bdev dev;

        for (unsigned i = 0; i < 8; i++) {
            size_t most = i < 3 ? 4096 : golden.size < 1 << 19 ? golden.size
                                                               : 1 << 19;

            random = random * 1664525 + 1013904223;
            golden.bytes[(random >> 4) % most] = (uint8_t)(random >> 24);
        }
        shale_memory_bdev_init(&dev, golden.bytes, golden.size, 512, true);
        bootwalk_exercise(&dev.base, 300, 20000);
        if (round % 4 == 3)
            memcpy(golden.bytes, sound, golden.size);
    }
    free(sound);
    golden_free(&golden);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("boot");
    TCase *tc = tcase_create("boot");
    int count = (int)(sizeof cases / sizeof cases[0]);

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, sees_the_same, 0, count);
    tcase_add_loop_test(tc, says_no, 0, count);
    tcase_add_test(tc, no_such_cluster);
    tcase_add_loop_test(tc, survives_damage, 0, count);
    suite_add_tcase(s, tc);
    return s;
}
