/*
 * volume.c - the volumes on the disks
 *
 * All that Shale needs of a kernel is lent in volume_mount().
 */
#include "kernel.h"

struct volume volumes[DISK_MAX];

static int mount(struct volume *volume, bool read_only)
{
    struct shale_config config = {
        .dev = volume->disk->dev,
        .mem = volume->mem,
        .drivers = shale_all_drivers,
        .locks = &kernel_locks,
        .log = &console_log,
        .clock = &kernel_clock,
        .read_only = read_only,
        .cache_bytes = VOLUME_CACHE_BYTES,
        .decoded_bytes = VOLUME_DECODED_BYTES,
        .vnode_max = VOLUME_VNODE_MAX,
    };

    return volume->mem ? shale_mount(&config, &volume->fs) : SHALE_ENOMEM;
}

/* All of its memory goes back; that nothing was forgotten is for us to see. */
static int give_memory_back(struct volume *volume)
{
    size_t left = volume->mem ? shale_mem_destroy(volume->mem) : 0;

    volume->mem = NULL;
    if (left > 0)
        print("%s: %zu bytes were not given back\n", volume->disk->name, left);
    return left > 0 ? SHALE_ENOMEM : 0;
}

int volume_mount(struct volume *volume, bool read_only)
{
    int err;

    if (volume->fs) {
        print("%s: mounted already\n", volume->disk->name);
        return SHALE_EBUSY;
    }
    volume->mem = heap_make();
    err = mount(volume, read_only);
    if (err)
        give_memory_back(volume);
    if (err)
        print("%s: not mounted: %s\n", volume->disk->name, shale_strerror(err));
    else
        print("%s: %s, %s\n", volume->disk->name, shale_fs_name(volume->fs),
              shale_fs_read_only(volume->fs) ? "read-only" : "read-write");
    return err;
}

/* The memory formula, for what this kernel does with a volume. */
static size_t memory_bound(const struct volume *volume)
{
    struct shale_memory_bound bound;

    shale_memory_bound(volume->fs, VOLUME_VNODES_HELD, VOLUME_CALLS, &bound);
    return bound.total;
}

/* Tell what memory VOLUME takes, and whether that is more than BOUND. */
static int tell_memory(const struct volume *volume, size_t bound)
{
    struct shale_mem_stats stats;

    shale_mem_stats(volume->mem, &stats);
    print("%s: memory: %zu KiB now, %zu at most, by the formula %zu\n",
          volume->disk->name, stats.live >> 10, (stats.peak + 1023) >> 10,
          bound >> 10);
    if (stats.peak <= bound)
        return 0;
    print("%s: that is more than the formula says\n", volume->disk->name);
    return SHALE_ENOMEM;
}

int volume_memory(const struct volume *volume)
{
    return tell_memory(volume, memory_bound(volume));
}

int volume_unmount(struct volume *volume)
{
    int err, memory;
    size_t bound;

    if (!volume->fs)
        return 0;
    bound = memory_bound(volume);
    err = shale_unmount(volume->fs);
    if (err)
        print("%s: unmounted: %s\n", volume->disk->name, shale_strerror(err));
    if (err == SHALE_EBUSY)
        return err;
    volume->fs = NULL;
    memory = tell_memory(volume, bound);
    if (give_memory_back(volume))
        memory = SHALE_ENOMEM;
    return err ? err : memory;
}

unsigned volumes_mount(void)
{
    unsigned failed = 0;

    for (size_t i = 0; i < disk_count; i++) {
        volumes[i].disk = &disks[i];
        failed += volume_mount(&volumes[i], false) != 0;
    }
    return failed;
}

unsigned volumes_unmount(void)
{
    unsigned failed = 0;

    for (size_t i = 0; i < disk_count; i++)
        failed += volume_unmount(&volumes[i]) != 0;
    return failed;
}

/* Does PATH begin with NAME and a colon? */
static bool is_on(const char *path, const char *name)
{
    return text_begins(path, name) && path[text_len(name)] == ':';
}

struct volume *volume_of(const char *path, const char **rest)
{
    for (size_t i = 0; i < disk_count; i++) {
        struct volume *volume = &volumes[i];
        const char *name = volume->disk->name;
        const char *kind = volume->fs ? shale_fs_name(volume->fs) : name;

        if (is_on(path, name) || is_on(path, kind)) {
            *rest = path + text_len(is_on(path, name) ? name : kind) + 1;
            return volume;
        }
    }
    return NULL;
}
