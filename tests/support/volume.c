/*
 * volume.c - an image under test
 */
#include "volume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "shale/codepage.h"

#define ARENA ((size_t)256 << 10)

static void *lend(struct shale_arena_source *source, size_t min, size_t *size)
{
    void *arena;

    (void)source;
    *size = min > ARENA ? min : ARENA;
    return posix_memalign(&arena, SHALE_PAGE_SIZE, *size) ? NULL : arena;
}

static void give_back(struct shale_arena_source *source, void *arena,
                      size_t size)
{
    (void)source;
    (void)size;
    free(arena);
}

static int file_read(struct shale_bdev *dev, uint64_t offset, void *buf,
                     size_t len)
{
    struct file_device *file = (struct file_device *)dev;
    char *to = buf;

    while (len > 0) {
        ssize_t got = pread(file->fd, to, len, (off_t)offset);

        if (got <= 0)
            return SHALE_EIO;
        to += got;
        offset += (uint64_t)got;
        len -= (size_t)got;
    }
    return 0;
}

static const struct shale_bdev_ops file_ops = { .read = file_read };

static void note(struct shale_log *log, const struct shale_event *event)
{
    struct volume *v =
        (struct volume *)((char *)log - offsetof(struct volume, log));

    if (event->level == SHALE_LOG_INFO)
        return;
    v->events++;
    if (event->level != SHALE_LOG_ERROR)
        return;
    snprintf(v->said, sizeof v->said, "%s%s%s (inode %llu, byte %lld)",
             event->what, event->detail ? ": " : "",
             event->detail ? event->detail : "",
             (unsigned long long)event->ino, (long long)event->at);
}

/* What is the same for every device. */
static int prepare(struct volume *v)
{
    v->log.event = note;
    v->arenas.lend = lend;
    v->arenas.give_back = give_back;
    v->mem = shale_mem_create(&v->arenas, NULL, 0);
    if (!v->mem) {
        errno = ENOMEM;
        return SHALE_EIO;
    }
    return 0;
}

int volume_of_file(struct volume *v, const char *path, uint64_t offset)
{
    off_t size;

    memset(v, 0, sizeof *v);
    v->file.fd = open(path, O_RDONLY);
    if (v->file.fd < 0)
        return SHALE_EIO;
    size = lseek(v->file.fd, 0, SEEK_END);
    if (size < 0) {
        close(v->file.fd);
        return SHALE_EIO;
    }
    v->file.base = (struct shale_bdev){
        .ops = &file_ops, .size = (uint64_t)size, .block_size = 1, .fd = -1,
    };
    v->dev = &v->file.base;
    if (offset > 0) {
        if (shale_slice_bdev_init(&v->slice, v->dev, offset, UINT64_MAX)) {
            close(v->file.fd);
            errno = EINVAL;
            return SHALE_EIO;
        }
        v->dev = &v->slice.base;
    }
    if (prepare(v)) {
        close(v->file.fd);
        return SHALE_EIO;
    }
    return 0;
}

int volume_of_bytes(struct volume *v, void *bytes, size_t size)
{
    memset(v, 0, sizeof *v);
    v->file.fd = -1;
    shale_memory_bdev_init(&v->memory, bytes, size, 512, true);
    v->dev = &v->memory.base;
    return prepare(v);
}

int volume_to_write(struct volume *v, void *bytes, size_t size)
{
    int err = volume_of_bytes(v, bytes, size);

    shale_memory_bdev_init(&v->memory, bytes, size, 512, false);
    v->write = true;
    return err;
}

int volume_mount(struct volume *v, const char *options)
{
    struct shale_config config = {
        .mem = v->mem,
        .drivers = v->drivers ? v->drivers : shale_all_drivers,
        .codepages = shale_all_codepages,
        .ntfs_extras = v->ntfs_extras,
        .log = &v->log,
        .options = options,
        .read_only = !v->write,
        .cache_bytes = v->cache_bytes,
        .decoded_bytes = v->decoded_bytes, .vnode_max = v->vnode_max,
        .locks = v->locks,
        .type = v->type,
    };

    async_disk_fini(&v->async);
    config.dev = async_disk_if_asked(&v->async, v->dev);
    return shale_mount(&config, &v->fs);
}

size_t volume_close(struct volume *v)
{
    size_t leaked = 0;

    if (v->fs && shale_unmount(v->fs) != 0)
        leaked = SIZE_MAX;
    v->fs = NULL;
    if (shale_mem_check(v->mem) != NULL)
        leaked = SIZE_MAX;
    if (leaked == 0)
        leaked = shale_mem_destroy(v->mem);
    async_disk_fini(&v->async);
    if (v->file.fd >= 0)
        close(v->file.fd);
    return leaked;
}
