/*
 * walk.c - a large tree, made and walked by the library, in a memory budget
 *
 *     walk make IMAGE FILES       an ext2 volume with FILES empty files, 100 in
 *                                 a directory, 100 directories in a directory
 *     walk tree IMAGE BUDGET      list every directory with all attributes,
 *                                 twice, in BUDGET MiB
 *
 * The memory is watched from outside as well: what the library borrows comes
 * from a source of our own, which notes how much is lent at most, and whether
 * all came back.
 *
 * Prints one JSON object.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "shale/cache.h"
#include "shale/host.h"

enum { IN_A_DIR = 100 };

static void die(const char *what, int err)
{
    fprintf(stderr, "walk: %s: %s\n", what, shale_strerror(err));
    exit(1);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --------------------------------------------------------------- memory */

struct source {
    struct shale_arena_source base;
    size_t lent, most;          /* bytes */
};

static void *lend(struct shale_arena_source *base, size_t min, size_t *size)
{
    struct source *source = (struct source *)base;
    const size_t unit = (size_t)256 << 10;
    void *arena;

    *size = (min + unit - 1) / unit * unit;
    arena = mmap(NULL, *size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (arena == MAP_FAILED)
        return NULL;
    source->lent += *size;
    if (source->lent > source->most)
        source->most = source->lent;
    return arena;
}

static void give_back(struct shale_arena_source *base, void *arena,
                      size_t size)
{
    struct source *source = (struct source *)base;

    munmap(arena, size);
    source->lent -= size;
}

/* --------------------------------------------------------------- volumes */

struct volume {
    struct source source;
    struct shale_mem *mem;
    struct shale_file_bdev *file;
    struct shale_fs *fs;
};

static void open_image(struct volume *v, const char *path, bool write,
                       size_t budget)
{
    int err = shale_file_bdev_open(path, write ? SHALE_FILE_WRITE : 0,
                                   &v->file);

    if (err)
        die(path, err);
    v->source.base.lend = lend;
    v->source.base.give_back = give_back;
    v->mem = shale_mem_create(&v->source.base, &shale_host_locks, budget);
    if (!v->mem)
        die("memory", SHALE_ENOMEM);
}

static void mount(struct volume *v, bool write, size_t cache_bytes)
{
    const struct shale_config config = {
        .dev = shale_file_bdev(v->file), .mem = v->mem,
        .drivers = shale_all_drivers, .locks = &shale_host_locks,
        .clock = &shale_host_clock, .read_only = !write,
        .cache_bytes = cache_bytes,
    };
    int err = shale_mount(&config, &v->fs);

    if (err)
        die("mount", err);
}

/* What was still allocated, bytes. */
static size_t close_image(struct volume *v)
{
    int err = shale_unmount(v->fs);
    size_t leaked;

    if (err)
        die("unmount", err);
    leaked = shale_mem_destroy(v->mem);
    shale_file_bdev_close(v->file);
    return leaked;
}

/* ------------------------------------------------------------------ make */

static struct shale_vnode *create(struct shale_vnode *dir, uint32_t mode,
                                  char kind, unsigned number)
{
    const struct shale_node node = { .mode = mode };
    struct shale_vnode *vn;
    char name[24];
    int len = snprintf(name, sizeof name, "%c%07u", kind, number);
    int err = shale_create(dir, name, (size_t)len, &node, &vn);

    if (err)
        die(name, err);
    return vn;
}

static void make(const char *path, unsigned files)
{
    const struct shale_format format = {
        .block_size = 4096, .inode_size = 256,
        .inodes = files + files / 50 + 1000,
    };
    uint64_t size = (uint64_t)format.inodes * 400 + ((uint64_t)64 << 20);
    struct volume v = { .fs = NULL };
    struct shale_vnode *root, *top = NULL, *dir = NULL;
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);
    int err;

    if (fd < 0 || ftruncate(fd, (off_t)(size & ~(uint64_t)4095)) < 0) {
        perror(path);
        exit(1);
    }
    close(fd);
    open_image(&v, path, true, 0);
    err = shale_mkfs(&shale_ext2, shale_file_bdev(v.file), v.mem, NULL,
                     &format);
    if (err)
        die("mkfs", err);
    mount(&v, true, (size_t)64 << 20);
    err = shale_vnode_get(v.fs, shale_root_ino(v.fs), &root);
    if (err)
        die("root", err);
    for (unsigned i = 0; i < files; i++) {
        if (i % (IN_A_DIR * IN_A_DIR) == 0) {
            shale_vnode_put(top);
            top = create(root, SHALE_S_IFDIR | 0755, 't', i);
        }
        if (i % IN_A_DIR == 0) {
            shale_vnode_put(dir);
            dir = create(top, SHALE_S_IFDIR | 0755, 'd', i);
        }
        shale_vnode_put(create(dir, SHALE_S_IFREG | 0644, 'f', i));
    }
    shale_vnode_put(dir);
    shale_vnode_put(top);
    shale_vnode_put(root);
    close_image(&v);
}

/* ------------------------------------------------------------------ walk */

/* Directories still to be listed: ours, not the library's. */
struct walk {
    uint64_t *dirs;
    size_t count, room;
    uint64_t entries, sum;
};

static int visit(void *context, const struct shale_dirent *entry)
{
    struct walk *walk = context;

    if (entry->name[0] == '.' &&
        (entry->len == 1 || (entry->len == 2 && entry->name[1] == '.')))
        return 0;
    if (!entry->attr)
        die("an entry has no attributes", SHALE_ECORRUPT);
    walk->entries++;
    walk->sum += entry->ino * 31 + entry->attr->mode;
    if (entry->type != SHALE_TYPE_DIR)
        return 0;
    if (walk->count == walk->room) {
        walk->room = walk->room ? 2 * walk->room : 1024;
        walk->dirs = realloc(walk->dirs, walk->room * sizeof *walk->dirs);
        if (!walk->dirs)
            die("directories", SHALE_ENOMEM);
    }
    walk->dirs[walk->count++] = entry->ino;
    return 0;
}

static void pass(struct volume *v, const char *name)
{
    struct shale_cache_stats before, after;
    struct walk walk = { .count = 0 };
    uint64_t ino = shale_root_ino(v->fs), hits, misses;
    double start = now();

    shale_fs_cache_stats(v->fs, &before);
    for (;;) {
        struct shale_vnode *dir;
        int err = shale_vnode_get(v->fs, ino, &dir);

        if (!err)
            err = shale_iterate(dir, 0, SHALE_ITERATE_ATTR, visit, &walk);
        if (err)
            die("walk", err);
        shale_vnode_put(dir);
        if (walk.count == 0)
            break;
        ino = walk.dirs[--walk.count];
    }
    shale_fs_cache_stats(v->fs, &after);
    hits = after.hits - before.hits;
    misses = after.misses - before.misses;
    printf("\"%s\": {\"seconds\": %.3f, \"entries\": %" PRIu64
           ", \"sum\": %" PRIu64 ", \"hits\": %" PRIu64 ", \"misses\": %" PRIu64
           ", \"hit_rate\": %.4f, \"reads\": %" PRIu64 "}, ",
           name, now() - start, walk.entries, walk.sum, hits, misses,
           (double)hits / (double)(hits + misses), after.reads - before.reads);
    free(walk.dirs);
}

static void tree(const char *path, size_t budget)
{
    struct volume v = { .fs = NULL };
    struct shale_mem_stats stats;
    size_t leaked;

    open_image(&v, path, false, budget);
    mount(&v, false, budget / 2);
    printf("{");
    pass(&v, "first");
    pass(&v, "second");
    shale_mem_stats(v.mem, &stats);
    leaked = close_image(&v);
    printf("\"budget\": %zu, \"live_peak\": %zu, \"borrowed_peak\": %zu, "
           "\"left\": %zu, \"not_given_back\": %zu}\n",
           budget, stats.peak, v.source.most, leaked, v.source.lent);
}

int main(int argc, char **argv)
{
    if (argc == 4 && !strcmp(argv[1], "make"))
        make(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
    else if (argc == 4 && !strcmp(argv[1], "tree"))
        tree(argv[2], (size_t)strtoul(argv[3], NULL, 10) << 20);
    else
        return 2;
    return 0;
}
