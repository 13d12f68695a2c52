/*
 * test_vfs_room_threads.c - several threads in as little memory as there may be
 *
 * What one needs for a moment another has, what all need is beyond what there
 * is, and a quarter of it belongs to somebody else, as in a daemon that counts
 * what a kernel knows. Nobody fails for want of memory: each can have to wait
 * until he is alone, and alone there is enough.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "exercise.h"
#include "golden.h"
#include "shale/host.h"
#include "suite.h"
#include "threads.h"

enum { THREADS = 8, ROUNDS = 400, NAMES = 24 };

#define MEMORY ((size_t)1 << 20)        /* the least that a mount can have */
#define DISK ((size_t)48 << 20)

static struct shale_memory_bdev dev;
static struct shale_mem *mem;
static struct shale_fs *fs;
static struct shale_static_arena lender;
static void *arena;

/* ----------------------------------------------------- memory and volumes */

static struct piece {
    struct piece *next;
    char more[336];
} *others;

/* SIZE bytes; a quarter is not to be had, page after page. */
static void memory_begin(size_t size)
{
    arena = aligned_alloc(SHALE_PAGE_SIZE, size);
    ck_assert_ptr_nonnull(arena);
    shale_static_arena_init(&lender, arena, size);
    mem = shale_mem_create(&lender.source, &shale_host_locks, 0);
    ck_assert_ptr_nonnull(mem);
    for (size_t taken = 0; taken < size / 4; taken += sizeof *others) {
        struct piece *piece = shale_alloc(mem, sizeof *piece);

        ck_assert_ptr_nonnull(piece);
        piece->next = others;
        others = piece;
    }
}

static void memory_end(void)
{
    struct piece *piece;

    while ((piece = others)) {
        others = piece->next;
        shale_free(mem, piece, sizeof *piece);
    }
    ck_assert_ptr_null(shale_mem_check(mem));
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
    free(arena);
}

/* As by `shale mount -o cache=`. */
static void volume_begin(size_t size, bool write)
{
    const struct shale_config config = {
        .dev = &dev.base, .mem = mem, .drivers = shale_all_drivers,
        .locks = &shale_host_locks, .read_only = !write,
        .cache_bytes = size / 2, .decoded_bytes = size / 8,
        .vnode_max = size / 8 / 512,
    };

    ck_assert_int_eq(shale_mount(&config, &fs), 0);
}

/* --------------------------------------------------------------- readers */

static const char *const goldens[] = {
    "ext2-small", "fat12-small", "fat32-small", "ntfs-small", "ntfs-packed",
};

static struct exercise each[THREADS];

static void *read_all(void *number)
{
    exercise(fs, &each[(uintptr_t)number]);
    return NULL;
}

START_TEST(all_of_a_volume_is_read)
{
    struct exercise alone = { 0 };
    struct golden golden;

    golden_load(&golden, goldens[_i]);
    shale_memory_bdev_init(&dev, golden.bytes, golden.size, 512, true);
    memory_begin(64 * MEMORY);
    volume_begin(64 * MEMORY, false);
    exercise(fs, &alone);
    ck_assert_int_eq(shale_unmount(fs), 0);
    memory_end();

    memset(each, 0, sizeof each);
    memory_begin(MEMORY);
    volume_begin(MEMORY, false);
    in_threads(THREADS, read_all);
    for (unsigned i = 0; i < THREADS; i++) {
        ck_assert_uint_eq(each[i].error_count, alone.error_count);
        ck_assert_uint_eq(each[i].files, alone.files);
        ck_assert_uint_eq(each[i].bytes, alone.bytes);
        ck_assert_uint_eq(each[i].sum, alone.sum);
    }
    ck_assert_int_eq(shale_unmount(fs), 0);
    memory_end();
    golden_free(&golden);
}
END_TEST

/* --------------------------------------------------------------- writers */

static const struct {
    const struct shale_fs_ops *driver;
    struct shale_format format;
} cases[] = {
    { &shale_ext2, { .block_size = 1024 } },
    { &shale_ext2, { .block_size = 4096 } },
    { &shale_ext2, { .block_size = 1024, .features = "has_journal" } },
    { &shale_fat, { .block_size = 512 } },
    { &shale_fat, { .block_size = 4096 } },
};

enum { CASES = sizeof cases / sizeof cases[0] };

/* The first error of each, but for what others have done. */
static int errors[THREADS];
static struct shale_vnode *homes[THREADS];

static uint32_t next(uint32_t *state)
{
    return *state = *state * 1664525u + 1013904223u, *state >> 8;
}

static size_t name_of(unsigned i, char *out, size_t size)
{
    return (size_t)snprintf(out, size, "a file of some length %05u", i);
}

static int not_listed(void *context, const struct shale_dirent *entry)
{
    (void)context;
    return entry->attr ? 0 : SHALE_ECORRUPT;
}

/* Look for NAME at HOME; make it, write to it, move it or remove it. */
static int change(struct shale_vnode *home, unsigned i, uint32_t how)
{
    static const char data[3000] = "some bytes";
    const struct shale_node node = { .mode = SHALE_S_IFREG | 0644 };
    struct shale_vnode *vn;
    char name[40], other[40], back[100];
    size_t len = name_of(i % NAMES, name, sizeof name);
    int err = shale_lookup(home, name, len, &vn);
    int64_t r = 0;

    if (err == SHALE_ENOENT)
        err = shale_create(home, name, len, &node, &vn);
    if (err)
        return err;
    if (how % 4 < 2)
        r = shale_write(vn, data, sizeof data, how % 5000);
    if (r >= 0)
        r = shale_read(vn, back, sizeof back, how % 4000);
    shale_vnode_put(vn);
    if (r < 0)
        return (int)r;
    name_of((i + 1) % NAMES, other, sizeof other);
    return how % 4 == 2 ? shale_rename(home, name, len, home, other, len, 0)
           : how % 4 == 3 ? shale_unlink(home, name, len) : 0;
}

static void *change_and_look(void *number)
{
    unsigned me = (unsigned)(uintptr_t)number;
    uint32_t state = 12345 + me;
    int err = 0;

    for (unsigned i = 0; i < ROUNDS && !err; i++) {
        struct shale_vnode *theirs = homes[next(&state) % THREADS];
        struct shale_attr attr;
        char name[40];
        size_t len = name_of(next(&state) % NAMES, name, sizeof name);

        err = change(homes[me], next(&state), next(&state));
        if (!err)
            err = shale_lookup_attr(theirs, name, len, &attr);
        if (err == SHALE_ENOENT)
            err = 0;
        if (!err && i % 8 == me)
            err = shale_iterate(theirs, 0, SHALE_ITERATE_ATTR, not_listed,
                                NULL);
        if (!err && i % 100 == 99)
            err = shale_fsync(theirs);
    }
    errors[me] = err;
    return NULL;
}

static void homes_make(void)
{
    const struct shale_node node = { .mode = SHALE_S_IFDIR | 0755 };
    struct shale_vnode *root;
    char name[8];

    ck_assert_int_eq(shale_vnode_get(fs, shale_root_ino(fs), &root), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        snprintf(name, sizeof name, "d%u", i);
        ck_assert_int_eq(shale_create(root, name, 2, &node, &homes[i]), 0);
    }
    shale_vnode_put(root);
}

START_TEST(files_come_and_go)
{
    void *disk = mmap(NULL, DISK, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    ck_assert_ptr_ne(disk, MAP_FAILED);
    shale_memory_bdev_init(&dev, disk, DISK, 512, false);
    memory_begin(16 * MEMORY);
    ck_assert_int_eq(shale_mkfs(cases[_i].driver, &dev.base, mem, NULL,
                                &cases[_i].format), 0);
    memory_end();
    memory_begin(MEMORY);
    volume_begin(MEMORY, true);
    homes_make();
    in_threads(THREADS, change_and_look);
    for (unsigned i = 0; i < THREADS; i++) {
        ck_assert_msg(errors[i] == 0, "thread %u: %s", i,
                      shale_strerror(errors[i]));
        shale_vnode_put(homes[i]);
    }
    ck_assert_int_eq(shale_unmount(fs), 0);
    memory_end();
    munmap(disk, DISK);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/room, threads");
    TCase *tc = tcase_create("threads");

    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, all_of_a_volume_is_read, 0,
                        sizeof goldens / sizeof goldens[0]);
    tcase_add_loop_test(tc, files_come_and_go, 0, CASES);
    suite_add_tcase(s, tc);
    return s;
}
