/*
 * mkfsplan.c - shale mkfs --dry-run: what would be made
 *
 * The format is asked for its plan of a device that is as large as the image
 * would be, and that has nothing else. An image that is there is opened to be
 * read; one that is not is not made.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "info.h"
#include "mkfs.h"

/* What the format refuses. */
struct plan_log {
    struct shale_log base;
    char why[SHALE_WHY_MAX];
};

static void plan_event(struct shale_log *log, const struct shale_event *event)
{
    struct plan_log *to = (struct plan_log *)log;

    if (event->level == SHALE_LOG_ERROR)
        shale_event_text(event, 0, to->why, sizeof to->why);
}

/* Look at the image, if there is one: how large is the volume going to be? */
static int find_size(struct mkfs *mkfs, uint64_t *size)
{
    struct shale_image_config config = mkfs->options->image;
    char why[SHALE_WHY_MAX] = "";
    struct stat st;
    int err;

    *size = mkfs->size;
    if (stat(mkfs->vol.name, &st) != 0) {
        if (errno == ENOENT && mkfs->size)
            return STATUS_OK;
        return mkfs_refuse(mkfs, strerror(errno));
    }
    if (mkfs->size && st.st_size == 0)
        return STATUS_OK;
    config.path = mkfs->vol.name;
    config.log = &mkfs->vol.log;
    err = shale_image_open_raw(&config, &mkfs->vol.image, why);
    if (err) {
        mkfs->vol.image = NULL;
        return mkfs_refuse(mkfs, *why ? why : shale_strerror(err));
    }
    mkfs_set_place(mkfs);
    if (mkfs->vol.image->volume.base.size > *size)
        *size = mkfs->vol.image->volume.base.size;
    return STATUS_OK;
}

int mkfs_plan(struct mkfs *mkfs)
{
    static const struct shale_bdev_ops none = { .read = NULL };
    struct plan_log log = { .base = { .event = plan_event } };
    struct shale_bdev dev = { .ops = &none, .block_size = 512 };
    struct info_sink sink;
    int status = find_size(mkfs, &dev.size), err;

    if (status != STATUS_OK)
        return status;
    if (mkfs->vol.image)
        dev.block_size = mkfs->vol.image->volume.base.block_size;
    dev.size -= dev.size % dev.block_size;
    mkfs_set_time(mkfs, dev.size);
    info_sink_init(&sink);
    mkfs->format.plan = &sink.base;
    err = shale_mkfs(mkfs->driver, &dev, NULL, &log.base, &mkfs->format);
    info_sink_end(&sink);
    if (!err)
        return STATUS_OK;
    return mkfs_refuse(mkfs, *log.why ? log.why : shale_strerror(err));
}
