/*
 * test_vfs_threads.c - everything at once from several threads
 *
 * The locks watch their order (toyfs.c), a thread sanitizer the rest, where
 * the build has one. What is read is checked, so a vnode that is evicted under
 * somebody's hands, or two for one file, show as well.
 */
#include <pthread.h>
#include <stdio.h>

#include "suite.h"
#include "toyfs.h"
#include "watch.h"
#include "vfs/vfs.h"

#define THREADS 4u
#define FILES 40u
#define ROUNDS 400u
#define FIRST (TOY_ROOT + 1u)   /* inode number of the first file */

static struct toy toy;

/* The file numbered INO has INO * 10 bytes, from INO * 100 of the device. */
static void setup(void)
{
    toy_init(&toy);
    for (unsigned i = 0; i < FILES; i++) {
        char name[8];
        uint64_t ino = FIRST + i;

        snprintf(name, sizeof name, "%u", (unsigned)ino);
        toy_extent(toy_add(&toy, TOY_ROOT, name, SHALE_TYPE_FILE),
                   SHALE_EXTENT_DATA, ino * 10, ino * 100);
    }
    toy_add_link(&toy, TOY_ROOT, "link", "../2");
    toy.config.vnode_max = 4;
    toy_mount(&toy);
}

static void teardown(void)
{
    toy_fini(&toy);
}

/* ck_assert is for the main thread. */
static bool sound(bool what)
{
    static atomic_bool failed;

    if (!what)
        atomic_store(&failed, true);
    return !atomic_load(&failed);
}

static int count_entry(void *context, const struct shale_dirent *entry)
{
    unsigned *count = context;

    sound(entry->attr && entry->attr->ino == entry->ino);
    (*count)++;
    return 0;
}

static void read_file(uint64_t ino)
{
    struct shale_vnode *vn;
    uint8_t buf[FILES * 20];
    int64_t got;

    if (!sound(shale_vnode_get(toy.fs, ino, &vn) == 0))
        return;
    got = shale_read(vn, buf, sizeof buf, 0);
    sound(shale_vnode_ino(vn) == ino && got == (int64_t)ino * 10);
    for (int64_t i = 0; i < got; i++)
        sound(buf[i] == toy_byte(ino * 100 + (uint64_t)i));
    shale_vnode_put(vn);
}

static void list_root(void)
{
    struct shale_vnode *root;
    unsigned count = 0;

    if (!sound(shale_vnode_get(toy.fs, TOY_ROOT, &root) == 0))
        return;
    sound(shale_iterate(root, 0, SHALE_ITERATE_ATTR, count_entry, &count) ==
          0);
    sound(count == FILES + 3);
    shale_vnode_put(root);
}

static void walk_to(uint64_t ino)
{
    struct shale_attr attr;
    char path[16];

    snprintf(path, sizeof path, "/%u", (unsigned)ino);
    sound(shale_stat(toy.fs, path, &attr) == 0 && attr.ino == ino);
    sound(shale_stat(toy.fs, "/link", &attr) == 0 && attr.ino == FIRST);
}

static void *work(void *arg)
{
    uint32_t random = *(unsigned *)arg + 1;

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t ino;

        random = random * 1103515245u + 12345u;
        ino = FIRST + (random >> 16) % FILES;
        switch ((random >> 8) % 8) {
        case 0:
            list_root();
            break;
        case 1:
            shale_fs_shrink(toy.fs);
            break;
        case 2:
        case 3:
            walk_to(ino);
            break;
        default:
            read_file(ino);
        }
    }
    return (void *)(uintptr_t)watch_held();
}

static void run(void *(*body)(void *), unsigned *args, void **results)
{
    pthread_t threads[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        args[i] = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, body, &args[i]),
                         0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], &results[i]), 0);
    ck_assert(sound(true));
}

START_TEST(everything_at_once)
{
    unsigned args[THREADS];
    void *held[THREADS];

    run(work, args, held);
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_ptr_null(held[i]);
    ck_assert_uint_eq(toy.fs->state->table.used, 1);
    ck_assert_uint_le(toy.fs->state->table.unused.count, 4);
}
END_TEST

static pthread_barrier_t all_here;

/* Nobody gets on with loading before all are loading the same file. */
static void meet(struct toy *t, uint64_t ino)
{
    (void)t;
    (void)ino;
    pthread_barrier_wait(&all_here);
}

static void *get_first(void *arg)
{
    struct shale_vnode *vn = NULL;

    (void)arg;
    sound(shale_vnode_get(toy.fs, FIRST, &vn) == 0);
    return vn;
}

START_TEST(all_load_one_file)
{
    unsigned args[THREADS];
    void *vns[THREADS];

    pthread_barrier_init(&all_here, NULL, THREADS);
    toy.on_load = meet;
    run(get_first, args, vns);
    ck_assert_uint_eq(toy_calls(&toy, TOY_LOAD), 1 + THREADS);
    ck_assert_uint_eq(toy_calls(&toy, TOY_EVICT), THREADS - 1);
    for (unsigned i = 0; i < THREADS; i++) {
        ck_assert_ptr_nonnull(vns[i]);
        ck_assert_ptr_eq(vns[i], vns[0]);
        shale_vnode_put(vns[i]);
    }
    pthread_barrier_destroy(&all_here);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/threads");
    TCase *tc = tcase_create("threads");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, everything_at_once);
    tcase_add_test(tc, all_load_one_file);
    suite_add_tcase(s, tc);
    return s;
}
