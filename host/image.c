/*
 * image.c - from the name of an image file to a mounted volume
 *
 * Opens the file, chooses the volume, mounts it; and, whichever step fails,
 * puts the true reason into one line.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "host/choose.h"
#include "host/text.h"
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

/* As shale_image_open_raw(), but nothing is chosen yet. */
static int open_file(const struct shale_image_config *config,
                     struct shale_image **out, char *why)
{
    struct image *image;
    int err;

    why[0] = '\0';
    image = calloc(1, sizeof *image);
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
        err = SHALE_ENOMEM;
        goto free_image;
    }

    /*
     * A driver that writes has slots for it in struct shale_fs_ops. There are
     * none yet, so config->write comes down to reading, and the lock to a
     * shared one.
     */
    err = shale_file_bdev_open(config->path,
                               config->no_lock ? SHALE_FILE_NOLOCK : 0,
                               &image->base.file);
    if (err) {
        explain_open(err, why);
        goto destroy_mem;
    }
    *out = &image->base;
    return 0;

destroy_mem:
    shale_mem_destroy(image->base.mem);
free_image:
    pthread_mutex_destroy(&image->fault_lock);
    free(image);
    return err;
}

int shale_image_close(struct shale_image *image)
{
    struct image *whole = (struct image *)image;
    int err = 0;

    if (image->fs)
        err = shale_unmount(image->fs);
    shale_file_bdev_close(image->file);
    shale_mem_destroy(image->mem);
    pthread_mutex_destroy(&whole->fault_lock);
    free(whole);
    return err;
}

int shale_image_open_raw(const struct shale_image_config *config,
                         struct shale_image **out, char *why)
{
    struct shale_image *image;
    int err;

    err = open_file(config, &image, why);
    if (err)
        return err;
    err = choose_place(image, config, why);
    if (err) {
        shale_image_close(image);
        return err;
    }
    *out = image;
    return 0;
}

static const struct shale_fs_ops *driver_named(const char *name)
{
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

/* Does OPTIONS, "sb=8193,...", have one called NAME? */
static bool has_option(const char *options, const char *name)
{
    size_t want = strlen(name);

    while (options && *options) {
        size_t len = strcspn(options, ",=");

        if (len == want && memcmp(options, name, len) == 0)
            return true;
        options += strcspn(options, ",");
        options += *options == ',';
    }
    return false;
}

/*
 * The driver that CONFIG means: by name, or by an option of its own, as "sb"
 * comes with a volume that no driver recognises any more. NULL: to be probed.
 */
static int choose_driver(const struct shale_image_config *config,
                         const struct shale_fs_ops **out, char *why)
{
    *out = NULL;
    if (!config->type) {
        if (has_option(config->options, "sb"))
            *out = driver_with_option("sb", 2);
        return 0;
    }

    *out = driver_named(config->type);
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
    else if (err == SHALE_ECORRUPT && !has_option(config->options, "sb"))
        choose_hint_backup(image, why);
}

static int mount_volume(struct shale_image *image,
                        const struct shale_image_config *config,
                        const struct shale_fs_ops *type, char *why)
{
    struct shale_config mount = {
        .dev = &image->volume.base,
        .mem = image->mem,
        .drivers = shale_all_drivers,
        .locks = &shale_host_locks,
        .log = &image->log,
        .type = type ? shale_driver_name(type) : NULL,
        .options = config->options,
        .read_only = !config->write,
        .cache_bytes = config->cache_bytes,
    };
    int err;

    image->fault[0] = '\0';
    err = shale_mount(&mount, &image->fs);
    if (err)
        explain_mount(image, config, err, why);
    return err;
}

int shale_image_open(const struct shale_image_config *config,
                     struct shale_image **out, char *why)
{
    const struct shale_fs_ops *type;
    struct shale_image *image;
    int err;

    err = open_file(config, &image, why);
    if (err)
        return err;
    err = choose_driver(config, &type, why);
    if (!err)
        err = choose_volume(image, config, type, why);
    if (!err)
        err = mount_volume(image, config, type, why);
    if (err) {
        shale_image_close(image);
        return err;
    }
    *out = image;
    return 0;
}
