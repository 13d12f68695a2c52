/*
 * embed_device.c - a disk of one's own, a clock, a log and locks: all there is
 *
 * disk_read() and disk_write() are where a driver of a kernel would program its
 * controller; the disk here is a file that stdio reads and writes. Needs
 * libshale-core.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shale/shale.h"

/* ---- device */
struct disk {
    struct shale_bdev base;     /* first, so that a cast leads back */
    FILE *file;
};

static int disk_read(struct shale_bdev *dev, uint64_t offset, void *buf,
                     size_t len)
{
    struct disk *disk = (struct disk *)dev;

    if (fseek(disk->file, (long)offset, SEEK_SET) ||
        fread(buf, 1, len, disk->file) != len)
        return SHALE_EIO;
    return 0;
}

static int disk_write(struct shale_bdev *dev, uint64_t offset, const void *buf,
                      size_t len)
{
    struct disk *disk = (struct disk *)dev;

    if (fseek(disk->file, (long)offset, SEEK_SET) ||
        fwrite(buf, 1, len, disk->file) != len)
        return SHALE_EIO;
    return 0;
}

static int disk_flush(struct shale_bdev *dev)
{
    return fflush(((struct disk *)dev)->file) ? SHALE_EIO : 0;
}

static const struct shale_bdev_ops disk_ops = {
    .read = disk_read, .write = disk_write, .flush = disk_flush,
};
/* ---- */

/* ---- clock and log */
static void clock_now(struct shale_clock *clock, struct shale_time *out)
{
    (void)clock;
    *out = (struct shale_time){ .sec = (int64_t)time(NULL) };
}

static void log_event(struct shale_log *log, const struct shale_event *event)
{
    (void)log;
    fprintf(stderr, "%s%s%s\n", event->what, event->detail ? ": " : "",
            event->detail ? event->detail : "");
}
/* ---- */

/* ---- locks */
struct simple_lock {
    int readers;                /* -1: a writer */
};

static int lock_init(void *lock)
{
    ((struct simple_lock *)lock)->readers = 0;
    return 0;
}

static void lock_fini(void *lock)
{
    (void)lock;
}

static void lock_exclusive(void *lock)
{
    struct simple_lock *simple = lock;

    if (simple->readers != 0)
        abort();                /* a kernel would put the thread to sleep */
    simple->readers = -1;
}

static void lock_shared(void *lock)
{
    struct simple_lock *simple = lock;

    if (simple->readers < 0)
        abort();
    simple->readers++;
}

static void lock_release(void *lock)
{
    struct simple_lock *simple = lock;

    simple->readers = simple->readers < 0 ? 0 : simple->readers - 1;
}

static const struct shale_lock_ops locks = {
    .size = sizeof(struct simple_lock), .init = lock_init, .fini = lock_fini,
    .lock = lock_exclusive, .lock_shared = lock_shared, .unlock = lock_release,
};
/* ---- */

/* ---- write a file */
static int write_file(struct shale_fs *fs, const char *path, const char *text)
{
    struct shale_node node = { .mode = SHALE_S_IFREG | 0644 };
    struct shale_vnode *dir, *file;
    const char *name;
    int64_t count;
    size_t len;
    int err = shale_walk_parent(fs, path, &dir, &name, &len);

    if (err)
        return err;
    err = shale_create(dir, name, len, &node, &file);
    shale_vnode_put(dir);
    if (err)
        return err;
    count = shale_write(file, text, strlen(text), 0);
    err = count < 0 ? (int)count : shale_fsync(file);
    shale_vnode_put(file);
    return err;
}
/* ---- */

/* ---- mount */
static _Alignas(SHALE_PAGE_SIZE) unsigned char arena[60 << 10];

static int run(FILE *file, uint64_t size, const char *path, const char *text)
{
    static const struct shale_fs_ops *const drivers[] = {
        &shale_fat, &shale_ext2, NULL,
    };
    struct disk disk = {
        .base = {
            .ops = &disk_ops, .size = size, .block_size = 512, .fd = -1,
        },
        .file = file,
    };
    struct shale_clock clock = { .now = clock_now };
    struct shale_log log = { .event = log_event };
    struct shale_static_arena lent;
    struct shale_config config = {
        .dev = &disk.base, .drivers = drivers, .locks = &locks, .log = &log,
        .clock = &clock, .cache_bytes = 8 << 10, .vnode_max = 8,
    };
    struct shale_fs *fs;
    int err, unmount_err;

    shale_static_arena_init(&lent, arena, sizeof arena);
    config.mem = shale_mem_create(&lent.source, &locks, 0);
    err = shale_mount(&config, &fs);
    if (err)
        return err;
    err = write_file(fs, path, text);
    unmount_err = shale_unmount(fs);
    return err ? err : unmount_err;
}
/* ---- */

int main(int argc, char **argv)
{
    FILE *file = argc == 4 ? fopen(argv[1], "r+b") : NULL;
    long size;
    int err;

    if (!file) {
        fprintf(stderr, "usage: embed_device IMAGE PATH TEXT\n");
        return EXIT_FAILURE;
    }
    fseek(file, 0, SEEK_END);
    size = ftell(file) / 512 * 512;
    err = run(file, (uint64_t)size, argv[2], argv[3]);
    if (err)
        fprintf(stderr, "%s: %s\n", argv[2], shale_strerror(err));
    fclose(file);
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
