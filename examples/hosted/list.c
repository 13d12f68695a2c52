/*
 * list.c - a program that works with image files: what is in a directory
 *
 *     list IMAGE [PATH]
 *
 * libshale adds the host to the core, so that one call opens the image, finds
 * the volume on it and mounts that, or says in words why it cannot.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shale/host.h"

/* Print the entry's size and name. */
static int show(struct shale_file *dir, const struct shale_entry *entry)
{
    struct shale_attr attr;
    int err = shale_lookup_attr(shale_file_vnode(dir), entry->name,
                                strlen(entry->name), &attr);

    if (!err)
        printf("%10" PRIu64 " %s%s\n", attr.size, entry->name,
               entry->type == SHALE_TYPE_DIR ? "/" : "");
    return err;
}

static int list(struct shale_fs *fs, const char *path)
{
    struct shale_file *dir;
    struct shale_entry entry;
    int more, err;

    err = shale_open(fs, path, &dir);
    if (err)
        return err;
    while ((more = shale_file_readdir(dir, &entry)) > 0 && !err)
        if (strcmp(entry.name, ".") != 0 && strcmp(entry.name, "..") != 0)
            err = show(dir, &entry);
    shale_close(dir);
    return err ? err : more;
}

int main(int argc, char **argv)
{
    struct shale_image_config config = { .path = argc > 1 ? argv[1] : "" };
    const char *path = argc > 2 ? argv[2] : "/";
    struct shale_image *image;
    char why[SHALE_WHY_MAX];
    int err;

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: list IMAGE [PATH]\n");
        return EXIT_FAILURE;
    }
    if (shale_image_open(&config, &image, why)) {
        fprintf(stderr, "%s: %s\n", config.path, why);
        return EXIT_FAILURE;
    }
    err = list(image->fs, path);
    if (err)
        fprintf(stderr, "%s: %s\n", path, shale_strerror(err));
    shale_image_close(image);
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
