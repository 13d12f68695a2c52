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

/* The last two are volumes that no driver reads. */
static const struct {
    const char *name;
    const struct shale_boot_format *format;
} cases[] = {
    { "fat12-small", &shale_boot_fat },
    { "fat16-small", &shale_boot_fat },
    { "fat32-small", &shale_boot_fat },
    { "ext2-small", &shale_boot_ext2 },
    { "check/ext4-small", &shale_boot_ext2 },
    { "check/ext4-sums", &shale_boot_ext2 },
};

enum { COMPARED = 4, EXT4 = 4, ALL = sizeof cases / sizeof cases[0] };

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

/* Does the symlink at PATH lead both to the same, or nowhere? */
static void compare_link(struct shale_boot *boot, const char *path)
{
    struct shale_boot_file found;
    struct shale_vnode *vn;
    int err = shale_boot_find(boot, path, &found);

    if (err == SHALE_ENAMETOOLONG)
        return;                 /* the driver has more room */
    ck_assert_msg(shale_walk(v.fs, NULL, path, 0, &vn) == err, "%s: %d", path,
                  err);
    if (err)
        return;
    ck_assert_int_eq(found.type, shale_vnode_type(vn));
    if (found.type == SHALE_TYPE_FILE)
        compare_at(boot, path, &found, vn, 0, DATA_MAX);
    shale_vnode_put(vn);
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
    if (entry->file.type == SHALE_TYPE_SYMLINK) {
        compare_link(boot, path);
        shale_vnode_put(vn);
        return;
    }
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
    ck_assert_int_eq(shale_boot_find(&boot, "/./x", &file),
                     _i < 3 ? SHALE_EINVAL : SHALE_ENOENT);
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

/* ---------------------------------------------------------------- ext4 */

static uint8_t sector[512];
static struct shale_memory_bdev memory;
static struct shale_boot boot;

static void open_golden(const char *name)
{
    golden_load(&golden, name);
    shale_memory_bdev_init(&memory, golden.bytes, golden.size, 512, true);
    ck_assert_int_eq(shale_boot_open(&boot, &shale_boot_ext2, &memory.base,
                                     sector, sizeof sector), 0);
}

/* The whole file at PATH, to OURS; or the error. */
static int64_t load(const char *path)
{
    struct shale_boot_file file;
    int err = shale_boot_find(&boot, path, &file);

    return err ? err : shale_boot_read(&boot, &file, ours, DATA_MAX, 0);
}

/* What the recipes of the two images put in them. */
START_TEST(reads_extents)
{
    char line[1025];

    open_golden(cases[EXT4 + _i].name);
    ck_assert_int_eq(load("/blocks"), 12289);
    for (unsigned i = 0; i < 12289; i++) {
        if (i % 1024 == 0)
            snprintf(line, sizeof line, "%-1023u\n", i / 1024 + 1);
        ck_assert_uint_eq(ours[i], (uint8_t)line[i % 1024]);
    }
    /* In so many pieces that the tree has a node of its own. */
    ck_assert_int_eq(load("/holes"), 40 * 1024 + 1);
    for (unsigned i = 0; i <= 40 * 1024; i++)
        ck_assert_uint_eq(ours[i], i % 2048 == 0 ? 'x' : 0);
    ck_assert_int_eq(load("/empty"), 0);
    ck_assert_int_eq(load("/many/name-01-"
                          "0000000000000000000000000000000000000001"), 0);
    ck_assert_int_eq(load("/many/name-90-"
                          "0000000000000000000000000000000000000090"), 0);
    ck_assert_int_eq(load("/many/name-91-"
                          "0000000000000000000000000000000000000091"),
                     SHALE_ENOENT);
    golden_free(&golden);
}
END_TEST

/* What is in the inode. */
START_TEST(reads_inline)
{
    struct shale_boot_entry entry;
    struct shale_boot_file dir;
    uint64_t cookie = 0;
    char names[32] = "", line[101];

    open_golden(cases[EXT4 + _i].name);
    ck_assert_int_eq(load("/hello.txt"), 17);
    ck_assert_mem_eq(ours, "Hello from ext4.\n", 17);
    snprintf(line, sizeof line, "%0100d", 4);       /* and an attribute */
    ck_assert_int_eq(load("/inline-ea"), 100);
    ck_assert_mem_eq(ours, line, 100);
    ck_assert_int_eq(shale_boot_find(&boot, "/inline-dir", &dir), 0);
    while (shale_boot_list(&boot, &dir, &cookie, &entry) > 0)
        strcat(strcat(names, entry.name), " ");
    ck_assert_str_eq(names, "a b sub ");
    ck_assert_int_eq(load("/inline-dir/a"), 17);
    ck_assert_int_eq(load("/inline-dir/sub/../sub/./../b"), 17);
    ck_assert_int_eq(load("/inline-dir/sub/a"), SHALE_ENOENT);
    golden_free(&golden);
}
END_TEST

START_TEST(follows_symlinks)
{
    static const struct {
        const char *path;
        int64_t result;
    } paths[] = {
        { "/symlinks/fast", 17 },
        { "/symlinks/../hello.txt", 17 },
        { "//./symlinks/./../symlinks/fast/", 17 },
        { "..", SHALE_EISDIR },
        { "/../../hello.txt", 17 },
        { "/symlinks/fast/x", SHALE_ENOTDIR },
        { "/symlinks/slow-900", SHALE_ENAMETOOLONG },
        { "/symlinks/inline-70", SHALE_ENOENT },
        { "/symlinks/none", SHALE_ENOENT },
        { "/hello.txt/..", SHALE_ENOTDIR },
    };

    open_golden("check/ext4-small");
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        ck_assert_msg(load(paths[i].path) == paths[i].result, "%s: %lld",
                      paths[i].path, (long long)load(paths[i].path));
    golden_free(&golden);
}
END_TEST

/* The only place in the image that has TEXT. */
static uint8_t *place_of(const char *text)
{
    size_t len = strlen(text);
    uint8_t *at = NULL;

    for (size_t i = 0; i + len <= golden.size; i++)
        if (memcmp(golden.bytes + i, text, len) == 0) {
            ck_assert_ptr_null(at);
            at = golden.bytes + i;
        }
    ck_assert_ptr_nonnull(at);
    return at;
}

/* The fast symlink, twelve bytes, leads elsewhere. */
START_TEST(follows_to)
{
    static const struct {
        const char *target, *path;
        int64_t result;
    } links[] = {
        { "///hello.txt", "/symlinks/fast", 17 },
        { ".././././///", "/symlinks/fast/hello.txt", 17 },
        { "/././symlink", "/symlinks/fast", SHALE_ENOENT },
        { "./././//fast", "/symlinks/fast", SHALE_ELOOP },
        { "///.//././//", "/symlinks/fast/symlinks/fast/blocks", 12289 },
        { "fast/fast/fa", "/symlinks/fast", SHALE_ELOOP },
        { "../hello\0txt", "/symlinks/fast", SHALE_ECORRUPT },
    };
    char path[1024] = "/symlinks/fast";

    open_golden("check/ext4-small");
    memcpy(place_of("../hello.txt"), links[_i].target, 12);
    ck_assert_int_eq(load(links[_i].path), links[_i].result);

    if (_i > 0) {
        golden_free(&golden);
        return;
    }
    /* What comes after it has to fit beside it. */
    memset(path + 14, '/', SHALE_BOOT_PATH);
    path[14 + SHALE_BOOT_PATH - 12] = '\0';
    ck_assert_int_ne(load(path), SHALE_ENAMETOOLONG);
    path[14 + SHALE_BOOT_PATH - 12] = '/';
    path[14 + SHALE_BOOT_PATH - 11] = '\0';
    ck_assert_int_eq(load(path), SHALE_ENAMETOOLONG);
    golden_free(&golden);
}
END_TEST

/*
 * A directory of 32 MiB, all blocks of which are one: it is not searched to the
 * end, which a look at each would be.
 */
static uint64_t reads;
static struct shale_bdev_ops counting;

static int count_read(struct shale_bdev *dev, uint64_t offset, void *buf,
                      size_t len)
{
    reads++;
    memcpy(buf, ((struct shale_memory_bdev *)dev)->bytes + offset, len);
    return 0;
}

static void put32(uint8_t *at, uint32_t x)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(x >> 8 * i);
}

START_TEST(endless_directory)
{
    enum { BLOCK = 1024, SINGLE = 1400, DOUBLE = 1401, SAME = 1402 };
    const size_t size = 32u << 20;
    uint8_t *bytes = calloc(1, size), *root;
    struct shale_boot_entry entry;
    struct shale_boot_file file;
    uint64_t cookie = 0;

    ck_assert_ptr_nonnull(bytes);
    golden_load(&golden, "ext2-small");
    memcpy(bytes, golden.bytes, golden.size);
    golden_free(&golden);
    /* Inode 2 of the table of group 0, whose descriptor is in block 2. */
    root = bytes + (size_t)(bytes[2 * BLOCK + 8] | bytes[2 * BLOCK + 9] << 8) *
                       BLOCK + (bytes[BLOCK + 88] | bytes[BLOCK + 89] << 8);
    ck_assert_uint_eq(root[1] & 0xf0, 0x40);
    put32(root + 4, (uint32_t)size);
    for (unsigned i = 0; i < 12; i++)
        put32(root + 40 + 4 * i, SAME);
    put32(root + 40 + 48, SINGLE);
    put32(root + 40 + 52, DOUBLE);
    for (unsigned i = 0; i < BLOCK / 4; i++) {
        put32(bytes + SINGLE * BLOCK + 4 * i, SAME);
        put32(bytes + DOUBLE * BLOCK + 4 * i, SINGLE);
    }
    memset(bytes + SAME * BLOCK, 0, BLOCK);
    bytes[SAME * BLOCK + 5] = BLOCK >> 8;       /* one record, not in use */

    shale_memory_bdev_init(&memory, bytes, size, 512, true);
    counting = *memory.base.ops;
    counting.read = count_read;
    memory.base.ops = &counting;
    ck_assert_int_eq(shale_boot_open(&boot, &shale_boot_ext2, &memory.base,
                                     sector, sizeof sector), 0);
    reads = 0;
    ck_assert_int_eq(shale_boot_find(&boot, "/x", &file), SHALE_EFBIG);
    ck_assert_uint_gt(reads, SHALE_BOOT_DIRS / BLOCK);
    ck_assert_uint_lt(reads, 4 * SHALE_BOOT_DIRS / BLOCK);
    reads = 0;
    ck_assert_int_eq(shale_boot_find(&boot, "", &file), 0);
    ck_assert_int_eq(shale_boot_list(&boot, &file, &cookie, &entry),
                     SHALE_EFBIG);
    ck_assert_uint_lt(reads, 4 * SHALE_BOOT_DIRS / BLOCK + 10);
    free(bytes);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("boot");
    TCase *tc = tcase_create("boot");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, sees_the_same, 0, COMPARED);
    tcase_add_loop_test(tc, says_no, 0, ALL);
    tcase_add_test(tc, no_such_cluster);
    tcase_add_loop_test(tc, survives_damage, 0, ALL);
    tcase_add_loop_test(tc, reads_extents, 0, 2);
    tcase_add_loop_test(tc, reads_inline, 0, 2);
    tcase_add_test(tc, follows_symlinks);
    tcase_add_loop_test(tc, follows_to, 0, 7);
    tcase_add_test(tc, endless_directory);
    suite_add_tcase(s, tc);
    return s;
}
