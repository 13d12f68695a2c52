/*
 * boot_run.c - what a boot loader sees of an ext2, ext3 or ext4 volume
 *
 *     boot_run IMAGE
 *
 * Prints the digest of each file, and its path, as sha256sum does; and of each
 * symlink the digest of the file that it leads to. What cannot be read is told,
 * with the status 1.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bootwalk.h"
#include "examples/kernel/sha256.h"
#include "shale/err.h"

static int failed;

static void fail(const char *path, int err)
{
    printf("%s: %s\n", path, shale_strerror(err));
    failed = 1;
}

static void print(struct shale_boot *boot, struct shale_boot_file *file,
                  const char *path)
{
    static uint8_t buf[70001];
    char hex[SHA256_HEX];
    struct sha256 hash;
    uint64_t at = 0;
    int64_t count;

    sha256_init(&hash);
    while ((count = shale_boot_read(boot, file, buf, sizeof buf, at)) > 0) {
        sha256_add(&hash, buf, (size_t)count);
        at += (uint64_t)count;
    }
    if (count < 0) {
        fail(path, (int)count);
        return;
    }
    sha256_hex(&hash, hex);
    printf("%s  .%s\n", hex, path);
}

static void found(void *context, struct shale_boot *boot, const char *path,
                  struct shale_boot_entry *entry)
{
    struct shale_boot_file file;
    int err = shale_boot_find(boot, path, &file);

    (void)context;
    if (err)
        fail(path, err);
    else if (entry->file.type == SHALE_TYPE_FILE)
        print(boot, &entry->file, path);
    else if (entry->file.type == SHALE_TYPE_SYMLINK &&
             file.type == SHALE_TYPE_FILE)
        print(boot, &file, path);
}

int main(int argc, char **argv)
{
    struct shale_memory_bdev dev;
    struct stat stat;
    void *bytes;
    int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1, err;

    if (fd < 0 || fstat(fd, &stat)) {
        fprintf(stderr, "usage: boot_run IMAGE\n");
        return 2;
    }
    bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        perror(argv[1]);
        return 2;
    }
    shale_memory_bdev_init(&dev, bytes, (uint64_t)stat.st_size, 512, true);
    err = bootwalk(&dev.base, &shale_boot_ext2, UINT64_MAX, found, NULL);
    if (err)
        fail("/", err);
    return failed;
}
