/*
 * reads.c - a file of an image against one of the host
 *
 *     ntfs_reads [-o OPTIONS] IMAGE PATH FILE [COUNT]
 *
 * The two have the same bytes: in pieces of many sizes one after the other,
 * then COUNT times 4 KiB at random places, which is how a decoder meets units
 * out of order. FILE may have holes. With FILE "-" every read of PATH has to
 * fail, and to say why: that is printed.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shale/fs.h"
#include "volume.h"

enum { PIECE = 4096, LARGEST = 1 << 20 };

static uint8_t ours[LARGEST], theirs[LARGEST];

static _Noreturn void die(const char *what, uint64_t at, const char *why)
{
    printf("%s: %s at byte %" PRIu64 "\n", what, why, at);
    exit(1);
}

static void compare(struct volume *v, struct shale_vnode *vn, int fd,
                    uint64_t at, size_t len, const char *path)
{
    int64_t got;

    memset(ours, 0xa5, len);
    got = shale_read(vn, ours, len, at);
    if (got != (int64_t)len) {
        printf("%s\n", v->said);
        die(path, at, got < 0 ? shale_strerror((int)got) : "read cut short");
    }
    if (pread(fd, theirs, len, (off_t)at) != (ssize_t)len)
        die(path, at, "the host's file is shorter");
    for (size_t i = 0; i < len; i++)
        if (ours[i] != theirs[i])
            die(path, at + i, "differs");
}

/* All of it, or of a large file what matters: its ends, and its middle. */
static void compare_in_order(struct volume *v, struct shale_vnode *vn, int fd,
                             const char *path)
{
    uint64_t size = vn->size, part = (uint64_t)64 << 20;
    size_t len = 1;

    for (uint64_t at = 0; at < size; at += len, len = len * 3 % LARGEST + 1) {
        if (size > 4 * part && at > part && at < size / 2)
            at = size / 2;
        if (size > 4 * part && at > size / 2 + part && at < size - part)
            at = size - part;
        if (len > size - at)
            len = (size_t)(size - at);
        compare(v, vn, fd, at, len, path);
    }
}

static void compare_at_random(struct volume *v, struct shale_vnode *vn, int fd,
                              unsigned long count, const char *path)
{
    uint64_t state = 88172645463325252u;

    for (; count > 0 && vn->size > 0; count--) {
        uint64_t at;
        size_t len = PIECE;

        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        at = state % vn->size;
        if (count % 4 != 0)
            at &= ~(uint64_t)(PIECE - 1);
        if (len > vn->size - at)
            len = (size_t)(vn->size - at);
        compare(v, vn, fd, at, len, path);
    }
}

/* No byte of VN can be had. */
static void must_fail(struct volume *v, struct shale_vnode *vn,
                      const char *path)
{
    for (uint64_t at = 0; at < vn->size; at += PIECE) {
        int64_t got = shale_read(vn, ours, PIECE, at);

        if (got >= 0)
            die(path, at, "can be read");
        if (at == 0)
            printf("%s: %s\n", shale_strerror((int)got), v->said);
    }
}

int main(int argc, char **argv)
{
    const char *options = NULL, *path, *file;
    struct shale_vnode *vn;
    struct volume v;
    struct stat st;
    int err, fd;

    if (argc > 2 && strcmp(argv[1], "-o") == 0) {
        options = argv[2];
        argv += 2;
        argc -= 2;
    }
    if (argc < 4)
        die("usage", 0, "ntfs_reads [-o OPTIONS] IMAGE PATH FILE [COUNT]");
    path = argv[2];
    file = argv[3];
    if (volume_of_file(&v, argv[1], 0))
        die(argv[1], 0, "cannot be opened");
    v.type = "ntfs";
    err = volume_mount(&v, options);
    if (err)
        die(argv[1], 0, v.said);
    err = shale_walk(v.fs, NULL, path, 0, &vn);
    if (err)
        die(path, 0, shale_strerror(err));
    if (strcmp(file, "-") == 0) {
        must_fail(&v, vn, path);
    } else {
        fd = open(file, O_RDONLY);
        if (fd < 0 || fstat(fd, &st))
            die(file, 0, "cannot be opened");
        if ((uint64_t)st.st_size != vn->size)
            die(path, vn->size, "has another size");
        compare_in_order(&v, vn, fd, path);
        compare_at_random(&v, vn, fd, argc > 4 ? strtoul(argv[4], NULL, 10) : 0,
                          path);
        close(fd);
    }
    shale_vnode_put(vn);
    if (volume_close(&v) != 0)
        die(path, 0, "memory was left");
    return 0;
}
