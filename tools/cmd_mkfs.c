/*
 * cmd_mkfs.c - shale mkfs: a new filesystem, empty or with a tree in it
 *
 * Before anything is written: the image must not be in use, and what is there
 * must not be a filesystem or a partition table, unless --force says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "epoch.h"
#include "mkfs.h"
#include "owner.h"

/* ------------------------------------------------------------- the image */

int mkfs_refuse(const struct mkfs *mkfs, const char *text)
{
    report("%s: %s", mkfs->vol.name, text);
    return STATUS_USAGE;
}

/* Make the image file longer, to mkfs->size, or make it. */
static int grow_file(struct mkfs *mkfs)
{
    const char *path = mkfs->vol.name;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    int status = STATUS_OK;

    if (fd < 0 || ftruncate(fd, (off_t)mkfs->size) != 0)
        status = mkfs_refuse(mkfs, strerror(errno));
    if (fd >= 0)
        close(fd);
    return status;
}

/*
 * See to it that there is an image file. If it is empty it gets its size now;
 * one with something in it first has to be looked at.
 */
static int prepare_file(struct mkfs *mkfs)
{
    char text[SHALE_WHY_MAX];
    struct stat st;

    if (stat(mkfs->vol.name, &st) != 0) {
        if (errno != ENOENT)
            return mkfs_refuse(mkfs, strerror(errno));
        if (!mkfs->size)
            return mkfs_refuse(mkfs, "no such file (--size SIZE would make "
                               "it)");
        mkfs->created = true;
        return grow_file(mkfs);
    }
    if (!mkfs->size)
        return STATUS_OK;
    if (!S_ISREG(st.st_mode))
        return mkfs_refuse(mkfs, "only a file can be given a size");
    if ((uint64_t)st.st_size > mkfs->size) {
        snprintf(text, sizeof text, "has %jd bytes already, and --size does "
                 "not make it shorter (--size-limit leaves a part unused)",
                 (intmax_t)st.st_size);
        return mkfs_refuse(mkfs, text);
    }
    return st.st_size == 0 ? grow_file(mkfs) : STATUS_OK;
}

static int open_raw(struct mkfs *mkfs)
{
    struct shale_image_config config = mkfs->options->image;
    char why[SHALE_WHY_MAX] = "";
    int err;

    config.path = mkfs->vol.name;
    config.log = &mkfs->vol.log;
    config.write = true;
    err = shale_image_open_raw(&config, &mkfs->vol.image, why);
    if (!err)
        return STATUS_OK;
    mkfs->vol.image = NULL;
    return mkfs_refuse(mkfs, *why ? why : shale_strerror(err));
}

static int no_partition(void *context, const struct shale_partition *partition)
{
    (void)context, (void)partition;
    return 0;
}

/* What is there now, in words; or NULL. */
static const char *find_content(struct mkfs *mkfs, bool whole, char *buf,
                                size_t size)
{
    struct shale_image *image = mkfs->vol.image;
    struct shale_bdev *dev = &image->volume.base;
    const struct shale_fs_ops *driver;
    struct shale_table_info info;

    if (shale_probe(dev, image->mem, shale_all_drivers, &driver) == 0)
        return shale_driver_name(driver);
    if (shale_guess_type(dev, buf, size))
        return buf;
    if (whole && shale_partitions(dev, image->mem, NULL, &info, no_partition,
                                  NULL) == 0 &&
        info.kind != SHALE_TABLE_NONE)
        return "a partition table";
    return NULL;
}

/* Open the image, with nothing on it that has to be kept, in its full size. */
static int open_image(struct mkfs *mkfs)
{
    const struct options *options = mkfs->options;
    bool whole = !options->image.part && !options->image.has_offset;
    char text[SHALE_WHY_MAX], buf[64];
    const char *content;
    int status;

    status = prepare_file(mkfs);
    if (status == STATUS_OK)
        status = open_raw(mkfs);
    if (status != STATUS_OK)
        return status;

    content = mkfs->given[MKFS_FORCE]
                  ? NULL : find_content(mkfs, whole, buf, sizeof buf);
    if (content) {
        snprintf(text, sizeof text, "holds %s already (--force overwrites it)",
                 content);
        return mkfs_refuse(mkfs, text);
    }
    if (mkfs->size <= shale_file_bdev(mkfs->vol.image->file)->size)
        return STATUS_OK;
    shale_image_close(mkfs->vol.image);
    mkfs->vol.image = NULL;
    status = grow_file(mkfs);
    return status == STATUS_OK ? open_raw(mkfs) : status;
}

/* ------------------------------------------------------------ the volume */

/* A disk's sectors are the volume's, unless told otherwise. */
static void set_sector(struct mkfs *mkfs)
{
    int fd = mkfs->vol.image->volume.base.fd, size;

    if (!mkfs->format.sector_size && ioctl(fd, BLKSSZGET, &size) == 0 &&
        size > 0)
        mkfs->format.sector_size = (uint32_t)size;
}

/* Where the volume is on a disk goes into it, if it can be said in sectors. */
static void set_hidden(struct mkfs *mkfs)
{
    uint64_t start = mkfs->vol.image->volume.start;
    uint32_t sector = mkfs->format.sector_size ? mkfs->format.sector_size
                                               : 4096;

    if (start % sector == 0 && start / sector <= UINT32_MAX)
        mkfs->format.hidden = start;
}

void mkfs_set_place(struct mkfs *mkfs)
{
    set_sector(mkfs);
    set_hidden(mkfs);
}

void mkfs_set_time(struct mkfs *mkfs, uint64_t size)
{
    struct shale_clock *clock = epoch_clock();
    struct shale_format *format = &mkfs->format;

    clock->now(clock, &format->now);
    if (clock->zone)
        format->zone = clock->zone(clock, format->now.sec);
    mkfs_choose_fat(mkfs);
    mkfs_choose_ext2(mkfs, size);
}

static int make_volume(struct mkfs *mkfs)
{
    struct shale_image *image = mkfs->vol.image;
    int err;

    mkfs_set_place(mkfs);
    mkfs_set_time(mkfs, image->volume.base.size);
    image->fault[0] = '\0';
    err = shale_mkfs(mkfs->driver, &image->volume.base, image->mem,
                     &image->log, &mkfs->format);
    if (!err)
        return STATUS_OK;
    return mkfs_refuse(mkfs, *image->fault ? image->fault
                                           : shale_strerror(err));
}

/* --------------------------------------------------------------- options */

/* Is what was asked for possible, as far as one can say without the image? */
static int check_options(struct mkfs *mkfs, int count)
{
    const struct options *options = mkfs->options;
    const char *type = options->image.type, *tree = mkfs->given['d'];
    struct stat st;

    if (count != 1)
        return options_complain(options, count ? "one image at a time"
                                               : "which image?");
    if (!type)
        return options_complain(options, "which filesystem? -t fat, -t ext2");
    mkfs->driver = shale_driver_named(type);
    if (!mkfs->driver->format)
        return options_complain(options, "Shale does not make %s",
                                shale_driver_name(mkfs->driver));
    if (mkfs->given[MKFS_SIZE] && options->image.part)
        return options_complain(options, "--size is the image's; a partition "
                                "has its size");
    errno = 0;
    if (tree && (stat(tree, &st) != 0 || !S_ISDIR(st.st_mode))) {
        report("%s: %s", tree, strerror(errno ? errno : ENOTDIR));
        return STATUS_USAGE;
    }
    if (!strcmp(type, "ext3") && !mkfs->given['j'])
        mkfs->given['j'] = "";
    return epoch_init() ? mkfs_take_options(mkfs) : STATUS_USAGE;
}

/* Make it, and copy the tree in; what was made for nothing goes again. */
static int make(struct mkfs *mkfs)
{
    int status = open_image(mkfs);

    if (status == STATUS_OK)
        status = make_volume(mkfs);
    if (status == STATUS_OK && mkfs->given['d'])
        status = mkfs_fill(mkfs);
    if (status != STATUS_OK && mkfs->created)
        unlink(mkfs->vol.name);
    return status;
}

static int cmd_mkfs(int argc, char **argv)
{
    struct mkfs mkfs = { .owner = { OWNER_KEEP, OWNER_KEEP } };
    struct options options;
    char **operands;
    int letter, count, status;

    options_init(&options, &command_mkfs, argc, argv);
    while ((letter = options_next(&options)) >= 0)
        mkfs.given[letter] = optarg ? optarg : "";
    if (letter == OPTIONS_STOP)
        return options.status;
    count = options_operands(&options, &operands);
    mkfs.options = &options;
    status = check_options(&mkfs, count);
    if (status != STATUS_OK)
        return status;

    volume_init(&mkfs.vol, &options, operands[0]);
    if (mkfs.given['d'])
        mkfs_measure(&mkfs);
    status = mkfs.given[MKFS_DRY_RUN] ? mkfs_plan(&mkfs) : make(&mkfs);
    if (status != STATUS_OK)
        mkfs.vol.status = status;
    return finish_output(volume_close(&mkfs.vol));
}

const struct command command_mkfs = {
    .name     = "mkfs",
    .run      = cmd_mkfs,
    .operands = "-t TYPE IMAGE",
    .summary  = "make a filesystem, empty or with a tree in it",
    .details  =
        "What is not told is chosen as usual for the size. With\n"
        "SOURCE_DATE_EPOCH in the environment, equal input makes equal "
        "images.\n",
    .options  = mkfs_options,
    .image    = true,
};
