/*
 * test_ext2_threads.c - eight threads change an ext2 volume in every way
 *
 * They share all names, so they meet; each has besides a file of its own, which
 * has no name any more, and of which it knows every byte.
 * A ninth syncs, writes back, drops what is cached.
 * Nobody is told that the volume is corrupt; and afterwards it is not.
 */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/ops.h"
#include "model/rng.h"
#include "scribble.h"
#include "shale/host.h"
#include "shale/shale.h"
#include "shape.h"
#include "suite.h"

enum { THREADS = 8, SCRIPT = 300, OWN = 40000 };

static const char *const shapes[] = { "ext2", "ext2-4k", "ext3", "ext2-tiny" };

enum { SHAPES = sizeof shapes / sizeof shapes[0] };

struct rig {
    struct image image;
    struct shale_memory_bdev device;
    struct shale_arena_source arenas;
    struct shale_mem *mem;
    struct shale_fs *fs;
    atomic_bool stop;
    atomic_int wrong;           /* an error that should not be */
};

static struct rig rig;

static void *lend(struct shale_arena_source *source, size_t min, size_t *size)
{
    (void)source;
    *size = min > 256 << 10 ? min : 256 << 10;
    return aligned_alloc(SHALE_PAGE_SIZE, *size);
}

static void give_back(struct shale_arena_source *source, void *arena,
                      size_t size)
{
    (void)source, (void)size;
    free(arena);
}

static void open_rig(const struct shape *shape)
{
    struct shale_config config = {
        .dev = &rig.device.base, .drivers = shale_all_drivers,
        .locks = &shale_host_locks, .cache_bytes = 64 << 10, .vnode_max = 8,
    };

    memset(&rig, 0, sizeof rig);
    shape_make(&rig.image, shape);
    rig.arenas.lend = lend;
    rig.arenas.give_back = give_back;
    rig.mem = shale_mem_create(&rig.arenas, &shale_host_locks, 0);
    ck_assert_ptr_nonnull(rig.mem);
    shale_memory_bdev_init(&rig.device, rig.image.bytes, rig.image.size, 512,
                           false);
    config.mem = rig.mem;
    ck_assert_int_eq(shale_mount(&config, &rig.fs), 0);
}

static void insist(bool good, int err)
{
    if (!good)
        atomic_store(&rig.wrong, err ? err : 1);
}

/* ---------------------------------------------------------- the own file */

struct own {
    struct shale_vnode *file;
    uint8_t bytes[OWN], seen[OWN];
    size_t size;
};

static void change_own(struct own *own, struct rng *rng)
{
    size_t at = (size_t)rng_below(rng, OWN - 1);
    size_t len = (size_t)rng_below(rng, OWN - at);
    int64_t done;

    switch (rng_below(rng, 4)) {
    case 0:
        if (shale_truncate(own->file, at) == 0) {
            if (at < own->size)
                memset(own->bytes + at, 0, own->size - at);
            own->size = at;
        }
        break;
    case 1:
        if (shale_allocate(own->file, at, len, SHALE_ALLOCATE_KEEP_SIZE |
                           SHALE_ALLOCATE_PUNCH_HOLE) == 0)
            memset(own->bytes + at, 0, len);
        break;
    default:
        stamp_fill(own->seen, len, at, rng_next(rng));
        done = shale_write(own->file, own->seen, len, at);
        if (done > 0) {
            memcpy(own->bytes + at, own->seen, (size_t)done);
            if (at + (size_t)done > own->size)
                own->size = at + (size_t)done;
        }
        insist(done >= 0 || done == SHALE_ENOSPC, (int)done);
        break;
    }
}

static void read_own(struct own *own)
{
    int64_t got = shale_read(own->file, own->seen, OWN, 0);

    insist(got == (int64_t)own->size &&
           memcmp(own->bytes, own->seen, own->size) == 0, (int)got);
}

/* ------------------------------------------------------------ the threads */

static void check_errors(const struct scribble *did)
{
    static const int bad[] = { SHALE_ECORRUPT, SHALE_EIO, SHALE_ENOMEM,
                               SHALE_EROFS, SHALE_ESTALE };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        insist(did->errors[-bad[i]] == 0, bad[i]);
}

static struct own owns[THREADS];

/* Without a name, so that nobody else comes by. */
static void make_own(struct own *own)
{
    struct shale_node node = { .mode = SHALE_S_IFREG | 0600 };
    struct shale_vnode *root;

    memset(own, 0, sizeof *own);
    ck_assert_int_eq(shale_vnode_get(rig.fs, shale_root_ino(rig.fs), &root),
                     0);
    ck_assert_int_eq(shale_create(root, "own", 3, &node, &own->file), 0);
    ck_assert_int_eq(shale_unlink(root, "own", 3), 0);
    shale_vnode_put(root);
}

static void *worker(void *arg)
{
    unsigned number = *(unsigned *)arg;
    unsigned rounds = suite_is("long") ? 4000 : suite_is("quick") ? 40 : 200;
    struct rng rng = { number + 1 };
    struct own *own = &owns[number];
    uint8_t script[SCRIPT];
    struct scribble did;

    for (unsigned i = 0; i < rounds; i++) {
        for (unsigned k = 0; k < SCRIPT; k++)
            script[k] = (uint8_t)rng_next(&rng);
        scribble(rig.fs, script, sizeof script, &did);
        check_errors(&did);
        change_own(own, &rng);
        read_own(own);
    }
    shale_vnode_put(own->file);
    return NULL;
}

static void *bystander(void *arg)
{
    struct shale_statfs st;
    unsigned round = 0;
    int err = 0;

    (void)arg;
    while (!atomic_load(&rig.stop)) {
        switch (round++ % 4) {
        case 0:
            err = shale_writeback(rig.fs);
            break;
        case 1:
            err = shale_sync(rig.fs);
            break;
        case 2:
            shale_fs_shrink(rig.fs);
            break;
        default:
            err = shale_statfs(rig.fs, &st);
            break;
        }
        insist(err == 0, err);
    }
    return NULL;
}

START_TEST(eight_threads_change_one_volume)
{
    const struct shape *shape = shape_named(shapes[_i]);
    struct found found = { .kind = shape->kind };
    pthread_t threads[THREADS], watcher;
    unsigned numbers[THREADS];
    char said[1000];

    if (!shape_possible(shape))
        return;
    open_rig(shape);
    for (unsigned i = 0; i < THREADS; i++)
        make_own(&owns[i]);
    ck_assert_int_eq(pthread_create(&watcher, NULL, bystander, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, worker,
                                        &numbers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&rig.stop, true);
    pthread_join(watcher, NULL);
    ck_assert_msg(atomic_load(&rig.wrong) == 0, "%s: %s", shape->name,
                  shale_strerror(atomic_load(&rig.wrong)));
    ck_assert_int_eq(shale_unmount(rig.fs), 0);
    ck_assert_uint_eq(shale_mem_destroy(rig.mem), 0);
    ck_assert_msg(found_look(&found, rig.image.bytes, rig.image.size) == 0,
                  "%s: %s", shape->name, found.said);
    ck_assert_msg(shape->kind->is_sound(rig.image.path, said, sizeof said),
                  "%s: %s", shape->name, said);
    found_free(&found);
    image_free(&rig.image);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2/threads");
    TCase *tc = tcase_create("changes");

    tcase_set_timeout(tc, 280);
    tcase_add_loop_test(tc, eight_threads_change_one_volume, 0, SHAPES);
    suite_add_tcase(s, tc);
    return s;
}
