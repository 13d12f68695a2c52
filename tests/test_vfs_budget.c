/*
 * test_vfs_budget.c - trees that are larger than the memory there is for them
 *
 * 20,000 files are made, listed, looked up, loaded, renamed and removed in one
 * MiB, by one thread and by several. Nothing may fail for want of memory, and
 * never is more asked for than there is: of that the host takes care, here as
 * strictly as can be. What was lent comes back.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "shale/cache.h"
#include "shale/host.h"
#include "suite.h"

enum { FILES = 20000, IN_A_DIR = 200, THREADS = 4 };

#define BUDGET ((size_t)1 << 20)
#define CHUNK ((size_t)64 << 10)
#define DISK ((size_t)96 << 20)

static const struct {
    const char *what;
    const struct shale_fs_ops *driver;
    struct shale_format format;
} cases[] = {
    { "ext2", &shale_ext2, { .block_size = 1024, .inodes = FILES + 1000 } },
    { "ext2, large blocks", &shale_ext2,
      { .block_size = 4096, .inodes = FILES + 1000 } },
    { "fat", &shale_fat, { .block_size = 2048 } },
};

enum { CASES = sizeof cases / sizeof cases[0] };

/* --------------------------------------------------------- all of memory */

static struct {
    struct shale_arena_source base;
    pthread_mutex_t lock;
    size_t limit, lent, most;   /* bytes */
    bool beyond;                /* more was asked for than there was left */
} source = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void *lend(struct shale_arena_source *base, size_t min, size_t *size)
{
    void *arena = NULL;
    size_t left;

    (void)base;
    pthread_mutex_lock(&source.lock);
    left = source.limit - source.lent;
    if (min > left) {
        source.beyond = true;
    } else {
        *size = min > CHUNK ? min : CHUNK < left ? CHUNK : left;
        arena = aligned_alloc(SHALE_PAGE_SIZE, *size);
    }
    if (arena) {
        source.lent += *size;
        if (source.lent > source.most)
            source.most = source.lent;
    }
    pthread_mutex_unlock(&source.lock);
    return arena;
}

static void give_back(struct shale_arena_source *base, void *arena, size_t size)
{
    (void)base;
    pthread_mutex_lock(&source.lock);
    source.lent -= size;
    pthread_mutex_unlock(&source.lock);
    free(arena);
}

/* ---------------------------------------------------------------- volume */

static struct shale_memory_bdev dev;
static struct shale_mem *mem;
static struct shale_fs *fs;
static void *disk;

static void memory_begin(size_t limit)
{
    source.base.lend = lend;
    source.base.give_back = give_back;
    source.limit = limit;
    source.most = 0;
    source.beyond = false;
    mem = shale_mem_create(&source.base, &shale_host_locks, limit);
    ck_assert_ptr_nonnull(mem);
}

/* All comes back, and there never was more than there may be. */
static void memory_end(void)
{
    struct shale_mem_stats stats;

    shale_mem_stats(mem, &stats);
    ck_assert_uint_le(stats.peak, source.limit);
    ck_assert_uint_le(stats.borrowed_peak, source.limit);
    ck_assert_ptr_null(shale_mem_check(mem));
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
    ck_assert(!source.beyond);
    ck_assert_uint_le(source.most, source.limit);
    ck_assert_uint_eq(source.lent, 0);
}

static void volume_begin(bool write)
{
    const struct shale_config config = {
        .dev = &dev.base, .mem = mem, .drivers = shale_all_drivers,
        .locks = &shale_host_locks, .read_only = !write,
        .cache_bytes = source.limit / 2,
        .vnode_max = source.limit / 8 / 512,
    };

    ck_assert_int_eq(shale_mount(&config, &fs), 0);
}

static void volume_end(void)
{
    struct shale_mem_stats stats;

    ck_assert_int_eq(shale_unmount(fs), 0);
    shale_mem_stats(mem, &stats);
    ck_assert_uint_eq(stats.live, 0);
}

static void disk_make(int i)
{
    disk = mmap(NULL, DISK, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert_ptr_ne(disk, MAP_FAILED);
    shale_memory_bdev_init(&dev, disk, DISK, 512, false);
    memory_begin((size_t)16 << 20);
    ck_assert_int_eq(shale_mkfs(cases[i].driver, &dev.base, mem, NULL,
                                &cases[i].format), 0);
    memory_end();
}

/* ------------------------------------------------------------------ tree */

static size_t name_of(char kind, unsigned i, char *out, size_t size)
{
    return (size_t)snprintf(out, size, "%c with a longer name %05u", kind, i);
}

static struct shale_vnode *make(struct shale_vnode *in, uint32_t mode,
                                char kind, unsigned i)
{
    const struct shale_node node = { .mode = mode };
    struct shale_vnode *vn;
    char name[40];
    size_t len = name_of(kind, i, name, sizeof name);
    int err = shale_create(in, name, len, &node, &vn);

    ck_assert_msg(err == 0, "%s: %s", name, shale_strerror(err));
    return vn;
}

static struct shale_vnode *root_get(void)
{
    struct shale_vnode *root;

    ck_assert_int_eq(shale_vnode_get(fs, shale_root_ino(fs), &root), 0);
    return root;
}

static void tree_make(void)
{
    struct shale_vnode *root = root_get(), *dir = NULL;

    for (unsigned i = 0; i < FILES; i++) {
        if (i % IN_A_DIR == 0) {
            shale_vnode_put(dir);
            dir = make(root, SHALE_S_IFDIR | 0755, 'd', i);
        }
        shale_vnode_put(make(dir, SHALE_S_IFREG | 0644, 'f', i));
    }
    shale_vnode_put(dir);
    shale_vnode_put(root);
}

/* What one pass over a tree has seen. */
struct seen {
    uint64_t files, dirs, sum;
    uint64_t numbers[IN_A_DIR + 2];     /* of one directory */
    unsigned count;
};

static int note(void *context, const struct shale_dirent *entry)
{
    struct seen *seen = context;

    if (entry->name[0] == '.')
        return 0;
    if (!entry->attr)
        return SHALE_ECORRUPT;
    seen->files += entry->type == SHALE_TYPE_FILE;
    seen->dirs += entry->type == SHALE_TYPE_DIR;
    seen->sum += entry->ino * entry->len;
    if (entry->type == SHALE_TYPE_FILE)
        seen->numbers[seen->count++] = entry->ino;
    return 0;
}

/* List DIR, find two of its files by name, and load all by number. */
static int look_at(struct shale_vnode *dir, unsigned first, struct seen *seen)
{
    struct shale_attr attr;
    struct shale_vnode *vn;
    char name[40];
    size_t len = name_of('f', first + IN_A_DIR / 2, name, sizeof name);
    int err;

    seen->count = 0;
    err = shale_iterate(dir, 0, SHALE_ITERATE_ATTR, note, seen);
    for (unsigned i = 0; !err && i < seen->count; i++) {
        err = shale_vnode_get(fs, seen->numbers[i], &vn);
        if (!err)
            shale_vnode_put(vn);
    }
    return err ? err : shale_lookup_attr(dir, name, len, &attr);
}

static int tree_look(struct seen *seen)
{
    struct shale_vnode *root = root_get();
    int err = shale_iterate(root, 0, SHALE_ITERATE_ATTR, note, seen);

    for (unsigned i = 0; !err && i < FILES; i += IN_A_DIR) {
        struct shale_vnode *dir;
        char name[40];
        size_t len = name_of('d', i, name, sizeof name);

        err = shale_lookup(root, name, len, &dir);
        if (!err) {
            err = look_at(dir, i, seen);
            shale_vnode_put(dir);
        }
    }
    shale_vnode_put(root);
    return err;
}

static void must_look(struct seen *seen)
{
    memset(seen, 0, sizeof *seen);
    ck_assert_int_eq(tree_look(seen), 0);
    seen->dirs -= seen->dirs % 2;       /* lost+found, which ext2 has */
    ck_assert_uint_eq(seen->dirs, FILES / IN_A_DIR);
}

/* In each directory give half of the files other names; remove the rest. */
static void tree_change(void)
{
    struct shale_vnode *root = root_get();

    for (unsigned i = 0; i < FILES; i++) {
        struct shale_vnode *dir;
        char name[40], other[40];
        size_t len = name_of('d', i / IN_A_DIR * IN_A_DIR, name, sizeof name);

        ck_assert_int_eq(shale_lookup(root, name, len, &dir), 0);
        len = name_of('f', i, name, sizeof name);
        name_of('g', i, other, sizeof other);
        if (i % IN_A_DIR == IN_A_DIR / 2)
            ;                   /* is looked for by its name */
        else if (i % 2 == 0)
            ck_assert_int_eq(shale_rename(dir, name, len, dir, other, len, 0),
                             0);
        else
            ck_assert_int_eq(shale_unlink(dir, name, len), 0);
        shale_vnode_put(dir);
    }
    shale_vnode_put(root);
}

/* ----------------------------------------------------------------- tests */

START_TEST(makes_and_changes_a_tree)
{
    struct seen seen;

    disk_make(_i);
    memory_begin(BUDGET);
    volume_begin(true);
    tree_make();
    must_look(&seen);
    ck_assert_uint_eq(seen.files, FILES);
    tree_change();
    must_look(&seen);
    ck_assert_uint_eq(seen.files, FILES / 2);
    volume_end();

    volume_begin(false);        /* in what the first one has given back */
    must_look(&seen);
    ck_assert_uint_eq(seen.files, FILES / 2);
    volume_end();
    memory_end();
    munmap(disk, DISK);
}
END_TEST

static struct seen each[THREADS];
static int errors[THREADS];

static void *look(void *context)
{
    struct seen *seen = context;

    errors[seen - each] = tree_look(seen);
    return NULL;
}

START_TEST(threads_walk_a_tree)
{
    struct shale_cache_stats stats;
    pthread_t threads[THREADS];

    disk_make(_i);
    memory_begin((size_t)16 << 20);
    volume_begin(true);
    tree_make();
    volume_end();
    memory_end();

    memory_begin(BUDGET);
    volume_begin(false);
    memset(each, 0, sizeof each);
    for (unsigned t = 0; t < THREADS; t++)
        ck_assert_int_eq(pthread_create(&threads[t], NULL, look, &each[t]), 0);
    for (unsigned t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    for (unsigned t = 0; t < THREADS; t++) {
        ck_assert_int_eq(errors[t], 0);
        ck_assert_uint_eq(each[t].files, FILES);
        ck_assert_uint_eq(each[t].sum, each[0].sum);
    }
    shale_fs_cache_stats(fs, &stats);
    ck_assert_uint_gt(stats.hits, stats.misses);
    volume_end();
    memory_end();
    munmap(disk, DISK);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/budget");
    TCase *tc = tcase_create("budget");

    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, makes_and_changes_a_tree, 0, CASES);
    tcase_add_loop_test(tc, threads_walk_a_tree, 0, CASES);
    suite_add_tcase(s, tc);
    return s;
}
