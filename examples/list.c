/*
 * list.c - a program that works with image files: the root's names
 *
 * libshale adds the host to the core, so that one call opens the image, finds
 * the volume on it and mounts that, or says in words why it cannot.
 */
#include <stdio.h>
#include <stdlib.h>

#include "shale/host.h"

static int list(struct shale_fs *fs)
{
    struct shale_file *dir;
    struct shale_entry entry;
    int err;

    err = shale_open(fs, "/", &dir);
    if (err)
        return err;
    while ((err = shale_file_readdir(dir, &entry)) > 0)
        puts(entry.name);
    shale_close(dir);
    return err;
}

int main(int argc, char **argv)
{
    struct shale_image_config config = { .path = argc > 1 ? argv[1] : "" };
    struct shale_image *image;
    char why[SHALE_WHY_MAX];
    int err;

    if (shale_image_open(&config, &image, why)) {
        fprintf(stderr, "%s: %s\n", config.path, why);
        return EXIT_FAILURE;
    }
    err = list(image->fs);
    if (err)
        fprintf(stderr, "%s: %s\n", config.path, shale_strerror(err));
    shale_image_close(image);
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
