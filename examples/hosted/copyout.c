/*
 * copyout.c - a file of an image becomes a file of this machine
 *
 *     copyout IMAGE PATH FILE
 */
#include <stdio.h>
#include <stdlib.h>

#include "shale/host.h"

/* Copy what FROM has from its position on. 0, an error, or 1: no room in TO. */
static int copy(struct shale_file *from, FILE *to)
{
    static char buffer[1 << 16];
    int64_t got;

    while ((got = shale_file_read(from, buffer, sizeof buffer)) > 0)
        if (fwrite(buffer, 1, (size_t)got, to) != (size_t)got)
            return 1;
    return (int)got;
}

/* Open both, copy, close both; says what went wrong. */
static int copy_out(struct shale_fs *fs, const char *path, const char *target)
{
    struct shale_file *from;
    FILE *to;
    int err = shale_open(fs, path, &from);

    if (err) {
        fprintf(stderr, "%s: %s\n", path, shale_strerror(err));
        return err;
    }
    to = fopen(target, "wb");
    err = to ? copy(from, to) : 1;
    if (to && fclose(to) != 0 && !err)
        err = 1;
    if (err > 0)
        perror(target);
    else if (err)
        fprintf(stderr, "%s: %s\n", path, shale_strerror(err));
    shale_close(from);
    return err;
}

int main(int argc, char **argv)
{
    struct shale_image_config config = { .path = argc > 1 ? argv[1] : "" };
    struct shale_image *image;
    char why[SHALE_WHY_MAX];
    int err;

    if (argc != 4) {
        fprintf(stderr, "usage: copyout IMAGE PATH FILE\n");
        return EXIT_FAILURE;
    }
    if (shale_image_open(&config, &image, why)) {
        fprintf(stderr, "%s: %s\n", config.path, why);
        return EXIT_FAILURE;
    }
    err = copy_out(image->fs, argv[2], argv[3]);
    shale_image_close(image);
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
