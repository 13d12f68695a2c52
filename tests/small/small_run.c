/*
 * small_run.c - several volumes at once in one small heap
 *
 *     small_run [--write] KIB CACHE IMAGE...
 *
 * Mounts all the images, with KIB KiB of memory for all, of which CACHE KiB are
 * for blocks of each, and uses them in turns: lists, looks up and reads all that
 * there is; with --write, where the driver can, it also makes, syncs, renames
 * and removes files. Prints for each its driver and the sum of what it holds in
 * the end, and fails if anything is not given back.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "smallwork.h"

enum { VOLUMES_MAX = 8 };

static _Alignas(SHALE_PAGE_SIZE) uint8_t array[8 << 20];

struct used {
    const char *path;
    uint8_t *bytes;
    size_t size;
    struct shale_memory_bdev dev;
    struct shale_fs *fs;
};

static struct used volumes[VOLUMES_MAX];
static size_t volume_count;

static _Noreturn void fail(const char *path, const char *what, int err)
{
    fprintf(stderr, "%s: %s: %s\n", path, what, shale_strerror(err));
    exit(1);
}

static void image_open(struct used *v, const char *path)
{
    int fd = open(path, O_RDWR);
    struct stat stat;

    if (fd < 0 || fstat(fd, &stat)) {
        perror(path);
        exit(1);
    }
    v->path = path;
    v->size = (size_t)stat.st_size;
    v->bytes = mmap(NULL, v->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (v->bytes == MAP_FAILED) {
        perror(path);
        exit(1);
    }
}

/* Each of them, one after another, and so for each file. */
static void use_all(bool write)
{
    uint64_t sum;
    int err;

    for (size_t i = 0; i < volume_count; i++)
        if ((err = smallwork_read(volumes[i].fs, &sum)))
            fail(volumes[i].path, "cannot be read", err);
    for (unsigned n = 0; write && n < SMALLWORK_FILES; n++)
        for (size_t i = 0; i < volume_count; i++)
            if (!shale_fs_read_only(volumes[i].fs) &&
                (err = smallwork_change(volumes[i].fs, n)))
                fail(volumes[i].path, "cannot be changed", err);
    for (size_t i = 0; i < volume_count; i++)
        if ((err = smallwork_read(volumes[i].fs, &sum)))
            fail(volumes[i].path, "cannot be read again", err);
        else
            printf("%s %016" PRIx64 "\n", shale_fs_name(volumes[i].fs), sum);
}

int main(int argc, char **argv)
{
    bool write = argc > 1 && strcmp(argv[1], "--write") == 0;
    struct shale_static_arena arena;
    struct shale_mem *mem;
    size_t kib = 0, cache = 0, left;
    int first = 1 + write, err;

    if (argc > first + 1) {
        kib = strtoul(argv[first++], NULL, 10);
        cache = strtoul(argv[first++], NULL, 10);
    }
    if (kib == 0 || kib << 10 > sizeof array || argc - first < 1 ||
        argc - first > VOLUMES_MAX) {
        fprintf(stderr, "usage: small_run [--write] KIB CACHE IMAGE...\n");
        return 2;
    }
    mem = smallwork_mem(&arena, array, kib);
    if (!mem)
        fail(argv[0], "memory", SHALE_ENOMEM);
    for (; first < argc; first++) {
        struct used *v = &volumes[volume_count++];

        image_open(v, argv[first]);
        shale_memory_bdev_init(&v->dev, v->bytes, v->size, 512, !write);
        err = smallwork_mount(mem, &v->dev.base, NULL, cache, write,
                              &v->fs);
        if (err)
            fail(v->path, "cannot be mounted", err);
    }
    use_all(write);
    for (size_t i = 0; i < volume_count; i++) {
        err = shale_unmount(volumes[i].fs);
        if (err)
            fail(volumes[i].path, "cannot be unmounted", err);
        munmap(volumes[i].bytes, volumes[i].size);
    }
    left = shale_mem_destroy(mem);
    if (left > 0)
        fprintf(stderr, "%zu bytes were not given back\n", left);
    return left > 0;
}
