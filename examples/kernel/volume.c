/*
 * volume.c - the volumes on the disks
 *
 * All that Shale needs of a kernel is lent in volume_mount().
 */
#include "kernel.h"

struct volume volumes[DISK_MAX];

int volume_mount(struct volume *volume, bool read_only)
{
    struct shale_config config = {
        .dev = volume->disk->dev,
        .mem = heap,
        .drivers = shale_all_drivers,
        .locks = &kernel_locks,
        .log = &console_log,
        .clock = &kernel_clock,
        .read_only = read_only,
        .cache_bytes = VOLUME_CACHE_BYTES,
        .decoded_bytes = VOLUME_DECODED_BYTES,
        .vnode_max = VOLUME_VNODE_MAX,
    };
    int err = volume->fs ? SHALE_EBUSY : shale_mount(&config, &volume->fs);

    if (err)
        print("%s: not mounted: %s\n", volume->disk->name, shale_strerror(err));
    else
        print("%s: %s, %s\n", volume->disk->name, shale_fs_name(volume->fs),
              shale_fs_read_only(volume->fs) ? "read-only" : "read-write");
    return err;
}

int volume_unmount(struct volume *volume)
{
    int err = volume->fs ? shale_unmount(volume->fs) : 0;

    if (err != SHALE_EBUSY)
        volume->fs = NULL;
    if (err)
        print("%s: unmounted: %s\n", volume->disk->name, shale_strerror(err));
    return err;
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
