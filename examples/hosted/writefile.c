/*
 * writefile.c - standard input becomes a file of an image
 *
 *     writefile IMAGE PATH <DATA
 *
 * What a call has answered is in memory; what has been synced is on the device.
 * Closing the image syncs it, and its answer is the one that counts.
 */
#include <stdio.h>
#include <stdlib.h>

#include "shale/host.h"

/* The file at PATH, new or emptied. */
static int make_file(struct shale_fs *fs, const char *path,
                     struct shale_vnode **out)
{
    const struct shale_node node = { .mode = SHALE_S_IFREG | 0644 };
    struct shale_vnode *dir;
    const char *name;
    size_t len;
    int err = shale_walk_parent(fs, path, &dir, &name, &len);

    if (err)
        return err;
    err = shale_create(dir, name, len, &node, out);
    shale_vnode_put(dir);
    if (err != SHALE_EEXIST)
        return err;
    err = shale_walk(fs, NULL, path, 0, out);
    if (err)
        return err;
    err = shale_truncate(*out, 0);
    if (err)
        shale_vnode_put(*out);
    return err;
}

static int write_file(struct shale_fs *fs, const char *path, FILE *from)
{
    static char buffer[1 << 16];
    struct shale_vnode *file;
    uint64_t at = 0;
    size_t got;
    int err = make_file(fs, path, &file);

    if (err)
        return err;
    while (!err && (got = fread(buffer, 1, sizeof buffer, from)) > 0) {
        int64_t done = shale_write(file, buffer, got, at);

        /* Fewer bytes than asked for: an error came after some. */
        if (done < 0)
            err = (int)done;
        else if ((size_t)done < got)
            err = SHALE_ENOSPC;
        at += got;
    }
    shale_vnode_put(file);
    return err;
}

int main(int argc, char **argv)
{
    struct shale_image_config config = {
        .path = argc > 1 ? argv[1] : "", .write = true,
    };
    struct shale_image *image;
    char why[SHALE_WHY_MAX];
    int err, close_err;

    if (argc != 3) {
        fprintf(stderr, "usage: writefile IMAGE PATH <DATA\n");
        return EXIT_FAILURE;
    }
    if (shale_image_open(&config, &image, why)) {
        fprintf(stderr, "%s: %s\n", config.path, why);
        return EXIT_FAILURE;
    }
    err = write_file(image->fs, argv[2], stdin);
    close_err = shale_image_close(image);
    err = err ? err : close_err;
    if (err)
        fprintf(stderr, "%s: %s\n", argv[2], shale_strerror(err));
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
