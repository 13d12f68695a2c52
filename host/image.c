/*
 * image.c - from the name of an image file to a mounted volume
 *
 * Opens the file, chooses the volume, mounts it; and, whichever step fails,
 * puts the true reason into one line.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/choose.h"
#include "host/fsoptions.h"
#include "host/text.h"
#include "shale/codepage.h"
#include "shale/err.h"
#include "shale/host.h"

/* The public struct, and what guards its `fault`: events come from anywhere. */
struct image {
    struct shale_image base;
    pthread_mutex_t fault_lock;
};

static void image_event(struct shale_log *log, const struct shale_event *event)
{
    struct shale_image *image = (struct shale_image *)(void *)(
        (char *)log - offsetof(struct shale_image, log));
    struct image *whole = (struct image *)image;

    struct shale_event placed = *event;

    /* The volume does not know where on the image it is. */
    if (event->at < SHALE_NOWHERE - image->volume.start)
        placed.at += image->volume.start;
    if (event->level == SHALE_LOG_ERROR) {
        pthread_mutex_lock(&whole->fault_lock);
        shale_event_text(&placed, 0, image->fault, sizeof image->fault);
        pthread_mutex_unlock(&whole->fault_lock);
    }
    if (image->next_log)
        image->next_log->event(image->next_log, &placed);
}

/* Add to WHY why the file itself could not be opened. */
static void explain_open(int err, char *why)
{
    switch (err) {
    case SHALE_EAGAIN:
        text_add(why, SHALE_WHY_MAX, "in use: another program holds a lock on "
                 "it; unmount it there first");
        break;
    case SHALE_EBUSY:
        text_add(why, SHALE_WHY_MAX, "in use: the kernel has it mounted, or "
                 "has a device on it");
        break;
    case SHALE_EISDIR:
        text_add(why, SHALE_WHY_MAX, "is a directory, not an image");
        break;
    case SHALE_EINVAL:
    case SHALE_ENXIO:
        text_add(why, SHALE_WHY_MAX, "neither a file nor a block device");
        break;
    default:
        text_add(why, SHALE_WHY_MAX, "%s", strerror(-err));
        break;
    }
}

/* An image with nothing open. */
static int image_create(const struct shale_image_config *config,
                        struct shale_image **out, char *why)
{
    struct image *image = calloc(1, sizeof *image);

    why[0] = '\0';
    if (!image || pthread_mutex_init(&image->fault_lock, NULL)) {
        free(image);
        text_add(why, SHALE_WHY_MAX, "out of memory");
        return SHALE_ENOMEM;
    }
    image->base.log.event = image_event;
    image->base.next_log = config->log;

    image->base.mem = shale_host_mem_create(config->memory_budget);
    if (!image->base.mem) {
        text_add(why, SHALE_WHY_MAX, "out of memory");
        pthread_mutex_destroy(&image->fault_lock);
        free(image);
        return SHALE_ENOMEM;
    }
    /* Without, it is only slower. */
    shale_mem_set_places(image->base.mem, &shale_host_places);
    *out = &image->base;
    return 0;
}

/* Open the file of IMAGE; any that is open is closed first. */
static int file_open(struct shale_image *image,
                     const struct shale_image_config *config, bool write,
                     char *why)
{
    unsigned flags = (write ? SHALE_FILE_WRITE : 0) |
                     (config->no_lock ? SHALE_FILE_NOLOCK : 0);
    int err;

    shale_file_bdev_close(image->file);
    image->file = NULL;
    err = shale_file_bdev_open(config->path, flags, &image->file);
    if (err)
        explain_open(err, why);
    return err;
}

/* Give back IMAGE's memory, of which nothing is in use any more. */
static void memory_end(struct shale_image *image)
{
    const struct shale_event event = {
        .level = SHALE_LOG_WARNING, .at = SHALE_NOWHERE,
        .what = "host: some memory was still in use at the end",
    };

    if (shale_mem_destroy(image->mem) > 0 && image->next_log)
        image->next_log->event(image->next_log, &event);
}

int shale_image_close(struct shale_image *image)
{
    struct image *whole = (struct image *)image;
    int err = 0;

    if (image->fs)
        err = shale_unmount(image->fs);
    shale_file_bdev_close(image->file);
    memory_end(image);
    pthread_mutex_destroy(&whole->fault_lock);
    free(whole);
    return err;
}

int shale_image_open_raw(const struct shale_image_config *config,
                         struct shale_image **out, char *why)
{
    struct shale_image *image;
    int err;

    err = image_create(config, &image, why);
    if (err)
        return err;
    err = file_open(image, config, config->write, why);
    if (!err)
        err = choose_place(image, config, why);
    if (err) {
        shale_image_close(image);
        return err;
    }
    *out = image;
    return 0;
}

/* What mount(8) calls our drivers. */
static const struct {
    const char *alias, *name;
} aliases[] = {
    { "vfat", "fat" },
    { "msdos", "fat" },
    { "ext3", "ext2" },
    { "ext4", "ext2" },         /* as far as its features are known */
    { "ntfs3", "ntfs" },
    { "ntfs-3g", "ntfs" },
};

const struct shale_fs_ops *shale_driver_named(const char *name)
{
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (strcmp(aliases[i].alias, name) == 0)
            name = aliases[i].name;
    for (const struct shale_fs_ops *const *driver = shale_all_drivers; *driver;
         driver++)
        if (strcmp(shale_driver_name(*driver), name) == 0)
            return *driver;
    return NULL;
}

/* The only driver that takes the option NAME, LEN bytes; or NULL. */
static const struct shale_fs_ops *driver_with_option(const char *name,
                                                     size_t len)
{
    const struct shale_fs_ops *found = NULL;

    for (const struct shale_fs_ops *const *driver = shale_all_drivers; *driver;
         driver++)
        if (shale_driver_has_option(*driver, name, len)) {
            if (found)
                return NULL;
            found = *driver;
        }
    return found;
}

/* These come with a volume that no driver recognises any more. */
static const char *const telling_options[] = { "sb", "mft" };

/*
 * The driver that CONFIG means: by name, or by an option of its own. NULL: to
 * be probed.
 */
static int choose_driver(const struct shale_image_config *config,
                         const struct shale_fs_ops **out, char *why)
{
    *out = NULL;
    if (!config->type) {
        for (size_t i = 0; i < sizeof telling_options /
                                   sizeof telling_options[0]; i++)
            if (fsoptions_has(config->options, telling_options[i]))
                *out = driver_with_option(telling_options[i],
                                          strlen(telling_options[i]));
        return 0;
    }

    *out = shale_driver_named(config->type);
    if (*out)
        return 0;
    text_add(why, SHALE_WHY_MAX, "no driver for type '%s'; there is",
             config->type);
    for (const struct shale_fs_ops *const *driver = shale_all_drivers; *driver;
         driver++)
        text_add(why, SHALE_WHY_MAX, " %s", shale_driver_name(*driver));
    return SHALE_ENODEV;
}

/* Add to WHY why the volume chosen could not be mounted. */
static void explain_mount(struct shale_image *image,
                          const struct shale_image_config *config, int err,
                          char *why)
{
    const struct shale_slice_bdev *volume = &image->volume;
    uint64_t end = shale_file_bdev(image->file)->size;

    if (err == SHALE_ENODEV && !image->fault[0]) {
        choose_explain(image, why);
        return;
    }
    text_add(why, SHALE_WHY_MAX, "%s",
             image->fault[0] ? image->fault : shale_strerror(err));
    if (volume->base.size > end - volume->start)
        text_add(why, SHALE_WHY_MAX, "; the image is cut off, it has %" PRIu64
                 " of the partition's %" PRIu64 " bytes",
                 end - volume->start, volume->base.size);
    else if (err == SHALE_ECORRUPT && !fsoptions_has(config->options, "sb"))
        choose_hint_backup(image, why);
}

static int mount_volume(struct shale_image *image,
                        const struct shale_image_config *config,
                        const struct shale_fs_ops *type, bool write,
                        char *why)
{
    struct shale_config mount = {
        .dev = &image->volume.base,
        .mem = image->mem,
        .drivers = shale_all_drivers,
        .locks = &shale_host_locks,
        .log = &image->log,
        .type = type ? shale_driver_name(type) : NULL,
        .clock = config->clock ? config->clock : &shale_host_clock,
        .read_only = !write,
        .codepages = shale_all_codepages,
        .errors_continue = config->errors_continue,
        .cache_bytes = config->cache_bytes,
        .decoded_bytes = config->decoded_bytes,
        .vnode_max = config->vnode_max,
    };
    const struct shale_fs_ops *known = type;
    char *options = NULL;
    int err;

    if (!known && shale_probe(&image->volume.base, image->mem,
                              shale_all_drivers, &known))
        known = NULL;
    err = fsoptions_make(config, known, &options, why);
    if (err) {
        if (!*why)
            text_add(why, SHALE_WHY_MAX, "%s", shale_strerror(err));
        return err;
    }

    /* The zone's rules are in a file. A daemon that has given up its rights
       cannot open it: so they are read now, whether or not they are needed. */
    if (mount.clock->zone)
        (void)mount.clock->zone(mount.clock, 0);

    image->fault[0] = '\0';
    mount.options = options;
    err = shale_mount(&mount, &image->fs);
    free(options);
    if (err)
        explain_mount(image, config, err, why);
    return err;
}

/* Can the driver of the volume chosen, TYPE unless that is NULL, write? */
static bool driver_writes(struct shale_image *image,
                          const struct shale_fs_ops *type)
{
    if (!type && shale_probe(&image->volume.base, image->mem,
                             shale_all_drivers, &type))
        return false;
    return shale_driver_writes(type);
}

/*
 * Open IMAGE's file and choose its volume. What can only be read is opened to
 * be read, with the others who do so; so a file is looked at before it is
 * opened for writing. Stores which it is.
 */
static int open_volume(struct shale_image *image,
                       const struct shale_image_config *config,
                       const struct shale_fs_ops *type, bool *write, char *why)
{
    int err = file_open(image, config, false, why);

    if (!err)
        err = choose_volume(image, config, type, why);
    if (err)
        return err;
    *write = config->write && driver_writes(image, type);
    if (!*write)
        return 0;
    err = file_open(image, config, true, why);
    return err ? err : choose_volume(image, config, type, why);
}

int shale_image_open(const struct shale_image_config *config,
                     struct shale_image **out, char *why)
{
    const struct shale_fs_ops *type;
    struct shale_image *image;
    bool write = false;
    int err;

    err = image_create(config, &image, why);
    if (err)
        return err;
    err = choose_driver(config, &type, why);
    if (!err)
        err = open_volume(image, config, type, &write, why);
    if (!err)
        err = mount_volume(image, config, type, write, why);
    if (err) {
        shale_image_close(image);
        return err;
    }
    *out = image;
    return 0;
}
