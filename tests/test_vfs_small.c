/*
 * test_vfs_small.c - volumes mounted, read and written in very little memory
 *
 * All that Shale allocates comes from one array, so small that a machine with
 * 64 KiB of RAM has some left for the stack and for itself; or, with 96 KiB for
 * them, for all formats at once. What is read is what is read with plenty of
 * memory, and what was written is there, and sound. Volumes as other programs
 * make them are in small/small.sh.
 */
#include "golden.h"
#include "smallwork.h"
#include "sound.h"
#include "suite.h"
#include "volume.h"

#define ARENA_MAX ((size_t)256 << 10)
#define CACHE 8                 /* KiB, for one volume's blocks */

/* For three volumes: KiB of all memory, and for blocks of each. */
#define ALL_AT_ONCE 96
#define ALL_CACHE 2

static const struct {
    const char *name, *type;
    size_t arena;               /* KiB of all memory */
    bool writes;
} cases[] = {
    { "fat12-small", "fat", 48, true },
    { "fat16-small", "fat", 48, true },
    { "fat32-small", "fat", 48, true },
    { "ext2-small", "ext2", 48, true },
    { "ntfs-small", "ntfs", 72, false },
    { "ntfs-packed", "ntfs", 256, false },
};

static _Alignas(SHALE_PAGE_SIZE) uint8_t array[ARENA_MAX];
static struct shale_static_arena arena;

/* A golden image, and what is mounted from it. */
struct used {
    const char *type;
    struct golden golden;
    struct shale_memory_bdev dev;
    struct shale_fs *fs;
};

static uint64_t sum_of(struct shale_fs *fs, const char *what)
{
    uint64_t sum;
    int err = smallwork_read(fs, &sum);

    ck_assert_msg(err == 0, "%s: %s", what, shale_strerror(err));
    return sum;
}

static void mount_small(struct used *u, struct shale_mem *mem, size_t cache,
                        bool write)
{
    shale_memory_bdev_init(&u->dev, u->golden.bytes, u->golden.size, 512,
                           !write);
    ck_assert_ptr_nonnull(mem);
    ck_assert_int_eq(smallwork_mount(mem, &u->dev.base, u->type, cache, write,
                                     &u->fs), 0);
}

static uint64_t sum_with_plenty(const struct used *u)
{
    struct volume v;
    uint64_t sum;

    ck_assert_int_eq(volume_of_bytes(&v, u->golden.bytes, u->golden.size), 0);
    ck_assert_int_eq(volume_mount(&v, NULL), 0);
    sum = sum_of(v.fs, "with plenty");
    ck_assert_uint_eq(volume_close(&v), 0);
    return sum;
}

static void change_all(struct used *u, size_t count)
{
    for (unsigned n = 0; n < SMALLWORK_FILES; n++)
        for (size_t i = 0; i < count; i++)
            if (!shale_fs_read_only(u[i].fs))
                ck_assert_msg(smallwork_change(u[i].fs, n) == 0, "%s: file %u",
                              u[i].type, n);
}

/*
 * Use COUNT volumes at once in KIB KiB, of which CACHE are for blocks of each:
 * read all, change all that may be changed, and read all again. Everything is
 * given back.
 */
static void use_all(struct used *u, size_t count, size_t kib, size_t cache,
                    bool write)
{
    struct shale_mem *mem = smallwork_mem(&arena, array, kib);

    for (size_t i = 0; i < count; i++)
        mount_small(&u[i], mem, cache, write);
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(sum_of(u[i].fs, u[i].type), sum_with_plenty(&u[i]));
    change_all(u, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(shale_sync(u[i].fs), 0);
        ck_assert_uint_eq(sum_of(u[i].fs, u[i].type), sum_with_plenty(&u[i]));
    }
    ck_assert_ptr_null(shale_mem_check(mem));
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(shale_unmount(u[i].fs), 0);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}

static void check_sound(const struct used *u)
{
    char said[512] = "";

    ck_assert_msg(is_sound_volume(u->type, u->golden.bytes, u->golden.size,
                                  said, sizeof said), "%s", said);
}

START_TEST(each_alone)
{
    struct used u = { .type = cases[_i].type };
    uint64_t before;

    golden_load(&u.golden, cases[_i].name);
    before = sum_with_plenty(&u);
    use_all(&u, 1, cases[_i].arena, CACHE, false);
    ck_assert_uint_eq(sum_with_plenty(&u), before);
    if (cases[_i].writes) {
        use_all(&u, 1, cases[_i].arena, CACHE, true);
        ck_assert_uint_ne(sum_with_plenty(&u), before);
        check_sound(&u);
    }
    golden_free(&u.golden);
}
END_TEST

/* FAT32, ext2 and NTFS in one heap of 96 KiB, used in turns. */
START_TEST(all_at_once)
{
    static struct used u[] = {
        { .type = "fat" }, { .type = "ext2" }, { .type = "ntfs" },
    };

    golden_load(&u[0].golden, "fat32-small");
    golden_load(&u[1].golden, "ext2-small");
    golden_load(&u[2].golden, "ntfs-small");
    use_all(u, 3, ALL_AT_ONCE, ALL_CACHE, true);
    for (unsigned i = 0; i < 3; i++) {
        check_sound(&u[i]);
        golden_free(&u[i].golden);
    }
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
    tcase_add_loop_test(tc, each_alone, 0, count);
    tcase_add_test(tc, all_at_once);
    tcase_add_test(tc, pages_are_small);
    suite_add_tcase(s, tc);
    return s;
}
