/*
 * volume.h - an image under test: its device, its memory, what it said
 *
 * Uses the core only, so that the same programs run on any machine that has a
 * C library. What the host adds is tested through the command and the daemon.
 *
 * With SHALE_TEST_ASYNC=ROOM in the environment all is mounted by way of a
 * device that works on ROOM requests at once, in an order of its own.
 */
#ifndef SUPPORT_VOLUME_H
#define SUPPORT_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asyncdisk.h"
#include "shale/fault.h"
#include "shale/shale.h"

/* A device over a file. */
struct file_device {
    struct shale_bdev base;
    int fd;
};

struct volume {
    struct shale_bdev *dev;     /* what gets mounted */
    struct file_device file;
    struct shale_memory_bdev memory;
    struct shale_slice_bdev slice;
    struct async_disk async;    /* over DEV, if SHALE_TEST_ASYNC is set */

    struct shale_arena_source arenas;   /* from malloc */
    struct shale_mem *mem;
    struct shale_fs *fs;        /* NULL while not mounted */

    /* As in struct shale_config; to be set before mounting, or left zero. */
    size_t cache_bytes, decoded_bytes, vnode_max;
    const struct shale_lock_ops *locks;
    const char *type;
    const struct shale_fs_ops *const *drivers;  /* NULL: all there are */
    const struct shale_ntfs_extra *const *ntfs_extras;
    bool write;                 /* mount for writing */

    struct shale_log log;
    unsigned events;            /* errors and warnings so far */
    char said[512];             /* the last error's words; "" if none */
};

/*
 * Prepare V over the file at PATH, from byte OFFSET on, or over the SIZE bytes
 * at BYTES, which stay the caller's. 0, or SHALE_EIO with errno set.
 */
int volume_of_file(struct volume *v, const char *path, uint64_t offset);
int volume_of_bytes(struct volume *v, void *bytes, size_t size);

/* The same, and the bytes are going to change. */
int volume_to_write(struct volume *v, void *bytes, size_t size);

/* Mount v->dev with the driver's OPTIONS (or NULL). */
int volume_mount(struct volume *v, const char *options);

/*
 * Unmount if it is mounted, and free everything. Returns the bytes that were
 * still allocated or, where unmounting fails or the allocator's structures are
 * damaged, SIZE_MAX.
 */
size_t volume_close(struct volume *v);

#endif /* SUPPORT_VOLUME_H */
