/*
 * backend.h - a filesystem that operations are carried out on
 *
 * Either the library, over a device in memory, or a mount of the daemon's,
 * through the kernel. Errors are those of err.h, which are errno's.
 */
#ifndef MODEL_BACKEND_H
#define MODEL_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ops.h"
#include "shale/types.h"

struct shale_fault_bdev;
struct shale_mem;

/* One entry of a directory. */
struct seen {
    const char *name;
    size_t len;
    enum shale_type type;
    uint64_t size, ino;
    int64_t mtime;
    uint32_t mtime_nsec;
    uint32_t mode, uid, gid, links, rdev_major, rdev_minor;
};

/* What is free. */
struct space {
    uint64_t bytes, files;
    uint64_t unit;              /* bytes of a cluster or block */
};

typedef void backend_emit(void *context, const struct seen *entry);

struct backend {
    /* Do OP, which is none of those that concern the whole. For OP_READ, the
       bytes go to BUF. 0, the count, or an error. */
    int64_t (*op)(struct backend *backend, const struct op *op, uint8_t *buf);

    /* List the directory at PATH. */
    int (*list)(struct backend *backend, const char *path, backend_emit *emit,
                void *context);

    /* Read LEN bytes of the file at PATH at OFFSET. */
    int64_t (*read)(struct backend *backend, const char *path, void *buf,
                    size_t len, uint64_t offset);

    /* The target of the symlink at PATH, not terminated. The length, or an
       error. */
    int64_t (*readlink)(struct backend *backend, const char *path, char *buf,
                        size_t size);

    /* The names of the attributes of what is at PATH, terminated, one after
       the other; and the value of one. The length, or an error. */
    int64_t (*listxattr)(struct backend *backend, const char *path, char *buf,
                         size_t size);
    int64_t (*getxattr)(struct backend *backend, const char *path,
                        const char *name, void *buf, size_t size);

    /* What is free. 0 or an error. */
    int (*space)(struct backend *backend, struct space *out);

    /* Mount, and unmount: then the image can be looked at. stop() closes what
       is open first. 0 or an error, with WHY. */
    int (*start)(struct backend *backend);
    int (*stop)(struct backend *backend);

    /* Space of what was removed may be free a moment later: Linux tells a
       daemon when it likes that nobody has a file any more. */
    bool frees_late;

    const uint8_t *image;
    size_t size;
    char why[400];
};

struct lib_options {
    size_t cache_bytes;         /* 0: the default */
    size_t vnode_max;           /* unused vnodes that are kept; as above */
    const char *options;        /* the driver's, or NULL */
    bool record;                /* keep what is written; the device's records */
    bool errors_continue;       /* as in struct shale_config */
};

/* The library over the SIZE bytes at IMAGE, a volume. Not mounted yet. */
struct backend *backend_lib(uint8_t *image, size_t size, uint32_t block_size,
                            const struct lib_options *options);
void backend_lib_free(struct backend *backend);

/* The device under the library's volume, and its memory. */
struct shale_fault_bdev *backend_lib_fault(struct backend *backend);
struct shale_mem *backend_lib_mem(struct backend *backend);

/*
 * The tree at DIR, where COMMAND (the `shale` command) mounts the file IMAGE
 * with the mount options OPTIONS; its process id is in IMAGE.pid. Writes and
 * reads go through mmap(2) half of the time.
 */
struct backend *backend_posix(const char *command, const char *image,
                              const char *dir, const char *options);
void backend_posix_free(struct backend *backend);

/* The same, mounted by the kernel itself, as file system TYPE. */
struct backend *backend_kernel(const char *type, const char *image,
                               const char *dir, const char *options);

#endif /* MODEL_BACKEND_H */
