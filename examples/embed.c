/*
 * embed.c - Shale inside a program that lends it all it has: one array
 *
 * show() is what a kernel would write. It needs libshale-core and nothing from
 * an operating system: the disk is bytes in memory (a driver of yours fills a
 * struct shale_bdev instead), the memory is a static array, and there are no
 * locks since there is one thread. main() stands for the rest of the kernel.
 */
#include <stdio.h>
#include <stdlib.h>

#include "shale/shale.h"

static void console_write(const char *text, size_t len)
{
    fwrite(text, 1, len, stdout);
}

static _Alignas(4096) unsigned char arena[1 << 20];

static int show(unsigned char *disk, uint64_t size, const char *path)
{
    static const struct shale_fs_ops *const drivers[] = { &shale_ext2, NULL };
    struct shale_static_arena lent;
    struct shale_memory_bdev dev;
    struct shale_config config = { .dev = &dev.base, .drivers = drivers };
    struct shale_fs *fs;
    struct shale_file *file;
    char text[512];
    int64_t count;
    int err, unmount_err;

    shale_static_arena_init(&lent, arena, sizeof arena);
    shale_memory_bdev_init(&dev, disk, size, 512, true);
    config.mem = shale_mem_create(&lent.source, NULL, 0);
    err = shale_mount(&config, &fs);
    if (err)
        return err;
    err = shale_open(fs, path, &file);
    if (!err) {
        while ((count = shale_file_read(file, text, sizeof text)) > 0)
            console_write(text, (size_t)count);
        err = (int)count;       /* 0 at the end of the file, or an error */
        shale_close(file);
    }
    unmount_err = shale_unmount(fs);
    return err ? err : unmount_err;
}

int main(int argc, char **argv)
{
    unsigned char *disk;
    FILE *image;
    long size;
    int err;

    if (argc != 3 || !(image = fopen(argv[1], "rb"))) {
        fprintf(stderr, "usage: embed IMAGE PATH\n");
        return EXIT_FAILURE;
    }
    fseek(image, 0, SEEK_END);
    size = ftell(image);
    rewind(image);
    disk = size > 0 ? malloc((size_t)size) : NULL;
    if (!disk || fread(disk, 1, (size_t)size, image) != (size_t)size) {
        fprintf(stderr, "%s: cannot be read\n", argv[1]);
        return EXIT_FAILURE;
    }
    fclose(image);

    err = show(disk, (uint64_t)size, argv[2]);
    if (err)
        fprintf(stderr, "%s: %s\n", argv[2], shale_strerror(err));
    free(disk);
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
