/*
 * speed.c - what a filesystem costs: a file, and its sectors by themselves
 *
 * The file is read through Shale, and then the same bytes straight from the
 * device, by the file's map, in as large pieces and as many requests at once.
 * Neither has been in memory before: file data is not cached, and what is of
 * the filesystem's own is dropped first. This is done in turn a few times, and
 * the best time of each counts; what the device was asked is told as well, as
 * that does not depend on how busy the machine is.
 */
#include "kernel.h"
#include "shale/flight.h"

#define PIECE     ((size_t)1 << 20)
#define ROUNDS    5u
#define RUNS_MAX  4096u         /* extents of the file */

struct speed {
    struct volume *volume;
    struct shale_vnode *file;
    uint64_t size;
    unsigned char *buf;         /* PIECE bytes */
    struct shale_extent *runs;
    size_t run_count;
    struct shale_flight flight;
};

static int find_runs(struct speed *speed)
{
    uint64_t at = 0;

    for (; at < speed->size; speed->run_count++) {
        struct shale_extent *run = &speed->runs[speed->run_count];
        int err;

        if (speed->run_count == RUNS_MAX)
            return SHALE_EFBIG;
        err = shale_map(speed->file, at, speed->size - at, run);
        if (err)
            return err;
        if (run->kind != SHALE_EXTENT_DATA)
            return SHALE_ENOTSUP;
        at += run->length;
    }
    return 0;
}

static int read_file(struct speed *speed)
{
    for (uint64_t at = 0; at < speed->size;) {
        int64_t count = shale_read(speed->file, speed->buf, PIECE, at);

        if (count <= 0)
            return count < 0 ? (int)count : SHALE_EIO;
        at += (uint64_t)count;
    }
    return 0;
}

/* All whole blocks of the file; each piece waits for the one before. */
static int read_raw(struct speed *speed)
{
    struct shale_bdev *dev = speed->volume->disk->dev;
    size_t filled = 0;
    int err = 0;

    shale_flight_begin(&speed->flight, dev);
    for (size_t i = 0; !err && i < speed->run_count; i++) {
        uint64_t at = speed->runs[i].device;
        uint64_t left = speed->runs[i].length & ~(uint64_t)4095;

        while (!err && left > 0) {
            size_t count = left < PIECE - filled ? (size_t)left
                                                 : PIECE - filled;

            err = shale_flight_read(&speed->flight, at, speed->buf + filled,
                                    count);
            at += count;
            left -= count;
            filled += count;
            if (!err && filled == PIECE) {
                err = shale_flight_finish(&speed->flight);
                shale_flight_begin(&speed->flight, dev);
                filled = 0;
            }
        }
    }
    return err ? err : shale_flight_finish(&speed->flight);
}

/* What one way to read takes: the best time, and the work of the last time. */
struct cost {
    uint64_t ns;                /* 0: not measured yet */
    struct disk_work work;
};

static int measure(struct speed *speed, int (*run)(struct speed *speed),
                   struct cost *cost)
{
    struct disk_work before;
    uint64_t start, took;
    int err;

    shale_fs_shrink(speed->volume->fs);
    before = disk_work;
    start = clock_ns();
    err = run(speed);
    took = clock_ns() - start;
    if (cost->ns == 0 || took < cost->ns)
        cost->ns = took > 0 ? took : 1;
    cost->work = (struct disk_work){
        .requests = disk_work.requests - before.requests,
        .told = disk_work.told - before.told,
        .sleeps = disk_work.sleeps - before.sleeps,
    };
    return err;
}

static void show(const char *name, const struct cost *cost)
{
    print("speed: %s: %lu requests, told %lu times, slept %lu times\n", name,
          cost->work.requests, cost->work.told, cost->work.sleeps);
}

static int compare(struct speed *speed, const char *path)
{
    struct cost raw = { 0 }, file = { 0 };
    int err = find_runs(speed);
    uint64_t percent;

    for (unsigned i = 0; !err && i < ROUNDS; i++) {
        err = measure(speed, read_raw, &raw);
        if (!err)
            err = measure(speed, read_file, &file);
    }
    if (err)
        return err;
    percent = 100 * raw.ns / file.ns;
    print("speed: %s:%s: %lu KiB in %zu extents: raw %lu us, file %lu us, "
          "ratio %lu.%02lu\n", shale_fs_name(speed->volume->fs), path,
          speed->size >> 10, speed->run_count, raw.ns / 1000, file.ns / 1000,
          percent / 100, percent % 100);
    show("raw", &raw);
    show("file", &file);
    return 0;
}

int speed_file(struct volume *volume, const char *path)
{
    struct speed *speed = shale_zalloc(heap, sizeof *speed);
    struct shale_attr attr;
    int err = SHALE_ENOMEM;

    if (!speed)
        return err;
    speed->volume = volume;
    speed->buf = shale_alloc(heap, PIECE);
    speed->runs = shale_alloc_array(heap, RUNS_MAX, sizeof *speed->runs);
    if (speed->buf && speed->runs)
        err = shale_walk(volume->fs, NULL, path, 0, &speed->file);
    if (!err)
        err = shale_getattr(speed->file, &attr);
    if (!err) {
        speed->size = attr.size;
        err = compare(speed, path);
    }
    if (err)
        print("speed: %s: %s\n", path, shale_strerror(err));
    shale_vnode_put(speed->file);
    shale_free(heap, speed->runs, RUNS_MAX * sizeof *speed->runs);
    shale_free(heap, speed->buf, PIECE);
    shale_free(heap, speed, sizeof *speed);
    return err;
}
