/*
 * volume.c - the volumes on the disks
 *
 * All that Shale needs of a kernel is lent in volume_mount().
 */
#include "kernel.h"

struct volume volumes[DISK_MAX];

/*
 * Memory that all volumes have together, as long as one of them is mounted; see
 * volumes_share(). Else each has an allocator of its own.
 */
static struct {
    struct shale_static_arena arena;
    struct shale_mem *mem;
    size_t size;
    size_t bound;               /* the sum of all formulas */
    unsigned users;             /* 0: nobody */
} shared;

static int mount(struct volume *volume, bool read_only)
{
    bool little = shared.users > 0;
    struct shale_config config = {
        .dev = volume->disk->dev,
        .mem = volume->mem,
        .drivers = shale_all_drivers,
        .locks = &kernel_locks,
        .log = &console_log,
        .clock = &kernel_clock,
        .read_only = read_only,
        .cache_bytes = little ? SHARED_CACHE_BYTES : VOLUME_CACHE_BYTES,
        .decoded_bytes = little ? SHARED_DECODED_BYTES : VOLUME_DECODED_BYTES,
        .vnode_max = little ? SHARED_VNODE_MAX : VOLUME_VNODE_MAX,
    };

    return volume->mem ? shale_mount(&config, &volume->fs) : SHALE_ENOMEM;
}

/* ---------------------------------------------------------------- memory */

static struct shale_mem *take_memory(void)
{
    if (shared.users == 0)
        return heap_make();
    shared.users++;
    return shared.mem;
}

/* The end of MEM: that nothing was forgotten is for us to see. */
static int memory_over(const char *name, struct shale_mem *mem)
{
    size_t left = mem ? shale_mem_destroy(mem) : 0;

    if (left > 0)
        print("%s: %zu bytes were not given back\n", name, left);
    return left > 0 ? SHALE_ENOMEM : 0;
}

static int give_memory_back(struct volume *volume)
{
    struct shale_mem *mem = volume->mem;

    volume->mem = NULL;
    if (shared.users == 0 || mem != shared.mem)
        return memory_over(volume->disk->name, mem);
    return --shared.users == 0 ? memory_over("all volumes", mem) : 0;
}

/* The memory formula, for what this kernel does with volumes. */
static size_t memory_bound(const struct volume *volume)
{
    struct shale_memory_bound bound;

    shale_memory_bound(volume->fs, VOLUME_VNODES_HELD, VOLUME_CALLS, &bound);
    return bound.total;
}

/* Tell what memory VOLUME takes, and whether that is more than BOUND. */
static int tell_memory(const struct volume *volume, size_t bound)
{
    const char *name = volume->disk->name;
    struct shale_mem_stats stats;

    shale_mem_stats(volume->mem, &stats);
    if (shared.users > 0) {
        name = "all volumes";
        bound = shared.bound;
    }
    print("%s: memory: %zu KiB now, %zu at most, by the formula %zu\n", name,
          stats.live >> 10, (stats.peak + 1023) >> 10, bound >> 10);
    if (shared.users > 0)
        print("%s: %zu KiB is all that they have\n", name, shared.size >> 10);
    if (stats.peak <= bound)
        return 0;
    print("%s: that is more than the formula says\n", name);
    return SHALE_ENOMEM;
}

int volume_memory(const struct volume *volume)
{
    return tell_memory(volume, memory_bound(volume));
}

/* ---------------------------------------------- mounting, and its end */

int volume_mount(struct volume *volume, bool read_only)
{
    int err;

    if (volume->fs) {
        print("%s: mounted already\n", volume->disk->name);
        return SHALE_EBUSY;
    }
    volume->mem = take_memory();
    err = mount(volume, read_only);
    if (err) {
        give_memory_back(volume);
        print("%s: not mounted: %s\n", volume->disk->name, shale_strerror(err));
        return err;
    }
    if (shared.users > 0)
        shared.bound += memory_bound(volume);
    print("%s: %s, %s\n", volume->disk->name, shale_fs_name(volume->fs),
          shale_fs_read_only(volume->fs) ? "read-only" : "read-write");
    return 0;
}

int volume_unmount(struct volume *volume)
{
    int err, memory = 0;
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
    if (shared.users <= 1)
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

int volumes_share(size_t size)
{
    static _Alignas(SHALE_PAGE_SIZE) unsigned char bytes[SHARED_MAX];
    unsigned failed;

    if (volumes_unmount() > 0)
        return SHALE_EBUSY;
    if (size > 0) {
        shale_static_arena_init(&shared.arena, bytes, size);
        shared.mem = shale_mem_create(&shared.arena.source, &kernel_locks, 0);
        if (!shared.mem)
            return SHALE_ENOMEM;
        shared.size = size;
        shared.bound = 0;
        shared.users = 1;       /* us, until all are mounted */
    }
    failed = volumes_mount();
    if (size > 0 && --shared.users == 0)
        memory_over("all volumes", shared.mem);
    return failed > 0 ? SHALE_ENOMEM : 0;
}

int volumes_rest(void)
{
    int err = 0;

    for (size_t i = 0; shared.users > 0 && i < disk_count; i++) {
        struct shale_fs *fs = volumes[i].fs;
        int one = fs ? shale_writeback(fs) : 0;

        if (one)
            print("%s: %s\n", volumes[i].disk->name, shale_strerror(one));
        if (fs)
            shale_fs_shrink(fs);
        err = err ? err : one;
    }
    return err;
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
