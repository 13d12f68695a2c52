/*
 * embed_boot.c - what a boot loader does: a file from a disk, and no memory but
 * a struct and a sector
 *
 * load() is the loader's; main() stands for the disk. Needs libshale-core, of
 * which the linker keeps one reader.
 */
#include <stdio.h>
#include <stdlib.h>

#include "shale/boot.h"

static unsigned char loaded[1 << 20];

/* ---- load */
static int64_t load(struct shale_bdev *disk,
                    const struct shale_boot_format *format, const char *path)
{
    static uint8_t sector[4096];        /* as large as the disk's are */
    struct shale_boot boot;
    struct shale_boot_file file;
    int err = shale_boot_open(&boot, format, disk, sector, sizeof sector);

    if (!err)
        err = shale_boot_find(&boot, path, &file);
    if (err)
        return err;
    return shale_boot_read(&boot, &file, loaded, sizeof loaded, 0);
}
/* ---- */

struct disk {
    struct shale_bdev base;
    FILE *file;
};

static int disk_read(struct shale_bdev *dev, uint64_t offset, void *buf,
                     size_t len)
{
    FILE *file = ((struct disk *)dev)->file;

    return fseek(file, (long)offset, SEEK_SET) ||
           fread(buf, 1, len, file) != len ? SHALE_EIO : 0;
}

int main(int argc, char **argv)
{
    static const struct shale_bdev_ops ops = { .read = disk_read };
    struct disk disk = {
        .base = { .ops = &ops, .block_size = 512, .fd = -1 },
    };
    int64_t count;

    disk.file = argc == 3 ? fopen(argv[1], "rb") : NULL;
    if (!disk.file) {
        fprintf(stderr, "usage: embed_boot IMAGE PATH\n");
        return EXIT_FAILURE;
    }
    fseek(disk.file, 0, SEEK_END);
    disk.base.size = (uint64_t)ftell(disk.file) / 512 * 512;
    count = load(&disk.base, &shale_boot_fat, argv[2]);
    if (count == SHALE_ECORRUPT)        /* not FAT, then */
        count = load(&disk.base, &shale_boot_ext2, argv[2]);
    fclose(disk.file);
    if (count < 0) {
        fprintf(stderr, "%s: %s\n", argv[2], shale_strerror((int)count));
        return EXIT_FAILURE;
    }
    fwrite(loaded, 1, (size_t)count, stdout);
    return EXIT_SUCCESS;
}
