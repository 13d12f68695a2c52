/*
 * test_vfs_small.c - volumes mounted, read and written in very little memory
 *
 * All that Shale allocates comes from one array, so small that a machine with
 * 64 KiB of RAM (96 KiB, for NTFS) has some left for the stack and for itself.
 * What is read is what is read with plenty of memory, and what was written is
 * there, and sound.
 */
#include <stdio.h>

#include "exercise.h"
#include "golden.h"
#include "shale/fs.h"
#include "sound.h"
#include "suite.h"
#include "volume.h"

#define ARENA_MAX ((size_t)256 << 10)
#define FILES 24u

static const struct {
    const char *name, *type;
    size_t arena;               /* KiB of all memory */
    bool writes;
} cases[] = {
    { "fat12-small", "fat", 56, true },
    { "fat16-small", "fat", 56, true },
    { "fat32-small", "fat", 56, true },
    { "ext2-small", "ext2", 56, true },
    { "ntfs-small", "ntfs", 88, false },
    { "ntfs-packed", "ntfs", 256, false },
};

static _Alignas(SHALE_PAGE_SIZE) uint8_t array[ARENA_MAX];
static struct golden golden;
static struct shale_static_arena arena;
static struct shale_memory_bdev dev;

static uint64_t sum_of(struct shale_fs *fs, const char *what)
{
    struct exercise x = { .max_file_bytes = 1 << 20 };
    int err = exercise(fs, &x);

    ck_assert_msg(err == 0 && x.error_count == 0, "%s: %s", what,
                  shale_strerror(err ? err : x.errors[0]));
    ck_assert_uint_gt(x.entries, 0);
    return x.sum;
}

/* Mount the golden image of case I with the array for all memory. */
static struct shale_fs *mount_small(int i, bool write)
{
    static const struct shale_fs_ops *const drivers[] = {
        &shale_ntfs, &shale_ext2, &shale_fat, NULL,
    };
    struct shale_config config = {
        .dev = &dev.base, .drivers = drivers, .type = cases[i].type,
        .read_only = !write, .cache_bytes = 8 << 10, .decoded_bytes = 4 << 10,
        .vnode_max = 4,
    };
    struct shale_fs *fs = NULL;

    shale_static_arena_init(&arena, array, cases[i].arena << 10);
    shale_memory_bdev_init(&dev, golden.bytes, golden.size, 512, !write);
    config.mem = shale_mem_create(&arena.source, NULL, 0);
    ck_assert_ptr_nonnull(config.mem);
    ck_assert_int_eq(shale_mount(&config, &fs), 0);
    return fs;
}

static void unmount_small(struct shale_fs *fs)
{
    struct shale_mem *mem = fs->mem;

    ck_assert_ptr_null(shale_mem_check(mem));
    ck_assert_int_eq(shale_unmount(fs), 0);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}

static uint64_t sum_with_plenty(void)
{
    struct volume v;
    uint64_t sum;

    ck_assert_int_eq(volume_of_bytes(&v, golden.bytes, golden.size), 0);
    ck_assert_int_eq(volume_mount(&v, NULL), 0);
    sum = sum_of(v.fs, "with plenty");
    ck_assert_uint_eq(volume_close(&v), 0);
    return sum;
}

START_TEST(reads_everything)
{
    struct shale_fs *fs;
    uint64_t plenty;

    golden_load(&golden, cases[_i].name);
    plenty = sum_with_plenty();
    fs = mount_small(_i, false);
    ck_assert_uint_eq(sum_of(fs, cases[_i].name), plenty);
    unmount_small(fs);
    golden_free(&golden);
}
END_TEST

/* Make file number I; every third is removed, and every third renamed. */
static void make(struct shale_fs *fs, unsigned i)
{
    struct shale_node node = { .mode = SHALE_S_IFREG | 0644 };
    struct shale_vnode *root, *vn;
    char name[64], bytes[3000];
    size_t len = (size_t)snprintf(name, sizeof name,
                                  "a name longer than eight %u.txt", i);

    memset(bytes, (int)i, sizeof bytes);
    ck_assert_int_eq(shale_walk(fs, NULL, "/", 0, &root), 0);
    ck_assert_int_eq(shale_create(root, name, len, &node, &vn), 0);
    ck_assert_int_eq(shale_write(vn, bytes, sizeof bytes, 0), sizeof bytes);
    ck_assert_int_eq(shale_write(vn, name, len, 10000), (int)len);
    if (i % 4 == 0)
        ck_assert_int_eq(shale_fsync(vn), 0);
    shale_vnode_put(vn);
    if (i % 3 == 0)
        ck_assert_int_eq(shale_unlink(root, name, len), 0);
    else if (i % 3 == 1)
        ck_assert_int_eq(shale_rename(root, name, len, root, name + 2, len - 2,
                                      0), 0);
    shale_vnode_put(root);
}

START_TEST(writes)
{
    char said[512] = "";
    struct shale_fs *fs;
    uint64_t before, after;

    if (!cases[_i].writes)
        return;
    golden_load(&golden, cases[_i].name);
    before = sum_with_plenty();
    fs = mount_small(_i, true);
    for (unsigned i = 0; i < FILES; i++)
        make(fs, i);
    ck_assert_int_eq(shale_sync(fs), 0);
    after = sum_of(fs, cases[_i].name);
    unmount_small(fs);

    ck_assert_uint_ne(after, before);
    fs = mount_small(_i, false);
    ck_assert_uint_eq(sum_of(fs, cases[_i].name), sum_with_plenty());
    unmount_small(fs);
    ck_assert_msg(is_sound_volume(cases[_i].type, golden.bytes, golden.size,
                                  said, sizeof said), "%s", said);
    golden_free(&golden);
}
END_TEST

/* Pages are small where memory is; and a source may say so itself. */
START_TEST(pages_are_small)
{
    struct shale_mem_stats stats;
    struct shale_mem *mem;
    void *object;

    for (unsigned small = 0; small < 2; small++) {
        size_t page = small ? SHALE_PAGE_SIZE_MIN : SHALE_PAGE_SIZE;
        size_t before;

        shale_static_arena_init(&arena, array, (size_t)56 << 10);
        if (!small)
            arena.source.page_size = SHALE_PAGE_SIZE;
        mem = shale_mem_create(&arena.source, NULL, 0);
        ck_assert_ptr_nonnull(mem);
        shale_mem_stats(mem, &stats);
        before = stats.in_use;
        object = shale_alloc(mem, 16);
        ck_assert_ptr_nonnull(object);
        shale_mem_stats(mem, &stats);
        ck_assert_uint_eq(stats.in_use - before, page);
        shale_free(mem, object, 16);
        ck_assert_uint_eq(shale_mem_destroy(mem), 0);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/small");
    TCase *tc = tcase_create("small");
    int count = (int)(sizeof cases / sizeof cases[0]);

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, reads_everything, 0, count);
    tcase_add_loop_test(tc, writes, 0, count);
    tcase_add_test(tc, pages_are_small);
    suite_add_tcase(s, tc);
    return s;
}
