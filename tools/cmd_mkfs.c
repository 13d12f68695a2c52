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
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "epoch.h"
#include "put.h"
#include "shale/fs.h"

struct mkfs {
    struct volume vol;
    const struct shale_fs_ops *driver;
    struct shale_format format;
    uint64_t size;              /* the image's, from --size; 0: as it is */
    bool has_id, force, created;
    bool dereference;
    const char *tree;           /* -d */
};

/* ------------------------------------------------------------- the image */

/* Complain about the image; returns STATUS_USAGE. */
static int refuse(const struct mkfs *mkfs, const char *text)
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
        status = refuse(mkfs, strerror(errno));
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
            return refuse(mkfs, strerror(errno));
        if (!mkfs->size)
            return refuse(mkfs, "no such file (--size SIZE would make it)");
        mkfs->created = true;
        return grow_file(mkfs);
    }
    if (!mkfs->size)
        return STATUS_OK;
    if (!S_ISREG(st.st_mode))
        return refuse(mkfs, "only a file can be given a size");
    if ((uint64_t)st.st_size > mkfs->size) {
        snprintf(text, sizeof text, "has %jd bytes already, and --size does "
                 "not make it shorter (--size-limit leaves a part unused)",
                 (intmax_t)st.st_size);
        return refuse(mkfs, text);
    }
    return st.st_size == 0 ? grow_file(mkfs) : STATUS_OK;
}

static int open_raw(struct mkfs *mkfs, const struct options *options)
{
    struct shale_image_config config = options->image;
    char why[SHALE_WHY_MAX] = "";
    int err;

    config.path = mkfs->vol.name;
    config.log = &mkfs->vol.log;
    config.write = true;
    err = shale_image_open_raw(&config, &mkfs->vol.image, why);
    if (!err)
        return STATUS_OK;
    mkfs->vol.image = NULL;
    return refuse(mkfs, *why ? why : shale_strerror(err));
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
static int open_image(struct mkfs *mkfs, const struct options *options)
{
    bool whole = !options->image.part && !options->image.has_offset;
    char text[SHALE_WHY_MAX], buf[64];
    const char *content;
    int status;

    status = prepare_file(mkfs);
    if (status == STATUS_OK)
        status = open_raw(mkfs, options);
    if (status != STATUS_OK)
        return status;

    content = mkfs->force ? NULL : find_content(mkfs, whole, buf, sizeof buf);
    if (content) {
        snprintf(text, sizeof text, "holds %s already (--force overwrites it)",
                 content);
        return refuse(mkfs, text);
    }
    if (mkfs->size <= shale_file_bdev(mkfs->vol.image->file)->size)
        return STATUS_OK;
    shale_image_close(mkfs->vol.image);
    mkfs->vol.image = NULL;
    status = grow_file(mkfs);
    return status == STATUS_OK ? open_raw(mkfs, options) : status;
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

/* Fill in what the time, or chance, decides. */
static void set_time(struct mkfs *mkfs)
{
    struct shale_clock *clock = epoch_clock();
    struct shale_format *format = &mkfs->format;
    uint32_t id;

    clock->now(clock, &format->now);
    if (clock->zone)
        format->zone = clock->zone(clock, format->now.sec);
    if (mkfs->has_id)
        return;
    id = (uint32_t)format->now.sec;
    if (!epoch_fixed() && getrandom(&id, sizeof id, 0) < (ssize_t)sizeof id)
        id ^= (uint32_t)getpid() << 16;
    format->id = id;
}

static int make_volume(struct mkfs *mkfs)
{
    struct shale_image *image = mkfs->vol.image;
    int err;

    set_sector(mkfs);
    set_hidden(mkfs);
    set_time(mkfs);
    image->fault[0] = '\0';
    err = shale_mkfs(mkfs->driver, &image->volume.base, image->mem,
                     &image->log, &mkfs->format);
    if (!err)
        return STATUS_OK;
    return refuse(mkfs, *image->fault ? image->fault : shale_strerror(err));
}

/* Mount the new volume, on the image that is open, and copy the tree in. */
static int fill(struct mkfs *mkfs, const struct options *options)
{
    struct put put = {
        .recurse = true, .dereference = mkfs->dereference,
        .progress = isatty(STDERR_FILENO) != 0,
    };
    struct shale_image *image = mkfs->vol.image;
    const struct shale_fs_ops *const drivers[] = { mkfs->driver, NULL };
    const struct shale_config config = {
        .dev = &image->volume.base,
        .mem = image->mem,
        .drivers = drivers,
        .locks = &shale_host_locks,
        .log = &image->log,
        .options = options->image.options,
        .clock = epoch_clock(),
    };
    int err = shale_mount(&config, &image->fs);

    if (err)
        return refuse(mkfs, *image->fault ? image->fault
                                          : shale_strerror(err));
    mkfs->vol.fs = image->fs;
    put_init(&put, &mkfs->vol);
    put_contents(&put, mkfs->tree);
    put_fini(&put);
    return STATUS_OK;
}

/* --------------------------------------------------------------- options */

enum { OPTION_SIZE = OPTION_LONG, OPTION_FORCE };

static const struct command_option options_mkfs[] = {
    { 'F', "fat-bits", "N", "12, 16 or 32: which FAT; else by size" },
    { 's', "cluster-size", "BYTES", "of a cluster; else by size" },
    { 'S', "sector-size", "BYTES", "of a sector: 512 to 4096" },
    { 'n', "label", "LABEL", "the volume's label" },
    { 'i', "id", "HEX", "its serial number, 1234-ABCD; else by chance" },
    { 'f', "fats", "N", "how many FATs: 1 to 4, else 2" },
    { 'R', "reserved", "N", "sectors before the first FAT" },
    { 'r', "root-entries", "N", "of FAT12 and FAT16; else 512" },
    { 'M', "media", "BYTE", "the media descriptor: 0xf0, 0xf8 to 0xff" },
    { 'a', "no-align", NULL, "do not align the data to its clusters" },
    { 'd', "directory", "DIR", "copy what is in DIR into the new volume" },
    { 'L', "dereference", NULL, "... and what symlinks there lead to" },
    { OPTION_SIZE, "size", "BYTES", "make the image file, or make it longer" },
    { OPTION_FORCE, "force", NULL, "overwrite what is there" },
    { 0, NULL, NULL, NULL },
};

/* A serial number: eight hexadecimal digits, maybe with a dash among them. */
static bool parse_id(const char *text, uint64_t *out)
{
    uint64_t id = 0;
    int digits = 0;

    if (!strncmp(text, "0x", 2))
        text += 2;
    for (; *text; text++) {
        const char *set = "0123456789abcdef0123456789ABCDEF";
        const char *digit = strchr(set, *text);

        if (*text == '-' && digits == 4)
            continue;
        if (!digit || ++digits > 8)
            return false;
        id = id << 4 | (uint64_t)((digit - set) % 16);
    }
    *out = id;
    return digits > 0;
}

/* Take TEXT, a number from MIN to MAX that is called WHAT, into *OUT. */
static int take_number(const struct options *options, const char *what,
                       const char *text, uint64_t min, uint64_t max,
                       uint32_t *out)
{
    uint64_t value;

    if (!options_size(text, &value) || value < min || value > max)
        return options_complain(options, "%s: not from %" PRIu64 " to %" PRIu64
                                ": '%s'", what, min, max, text);
    *out = (uint32_t)value;
    return STATUS_OK;
}

/* STATUS_OK, or another status after a complaint. */
static int take_option(struct mkfs *mkfs, const struct options *options,
                       int letter)
{
    struct shale_format *format = &mkfs->format;
    uint32_t number = 0;
    int status;

    switch (letter) {
    case 'F':
        if (strcmp(optarg, "12") != 0 && strcmp(optarg, "16") != 0 &&
            strcmp(optarg, "32") != 0)
            return options_complain(options, "there is no FAT%s", optarg);
        format->fat_bits = (uint32_t)atoi(optarg);
        return STATUS_OK;
    case 's':
        return take_number(options, "cluster size", optarg, 512, 256 << 10,
                           &format->block_size);
    case 'S':
        return take_number(options, "sector size", optarg, 512, 4096,
                           &format->sector_size);
    case 'f':
        return take_number(options, "FATs", optarg, 1, 4, &format->fat_count);
    case 'R':
        return take_number(options, "reserved sectors", optarg, 1, 65535,
                           &format->reserved);
    case 'r':
        return take_number(options, "root entries", optarg, 1, 65535,
                           &format->root_entries);
    case 'M':
        status = take_number(options, "media descriptor", optarg, 0xf0, 0xff,
                             &number);
        if (status == STATUS_OK)
            format->media = (uint8_t)number;
        return status;
    case 'n':
        format->label = optarg;
        return STATUS_OK;
    case 'i':
        mkfs->has_id = parse_id(optarg, &format->id);
        if (mkfs->has_id)
            return STATUS_OK;
        return options_complain(options, "not a serial number: '%s'", optarg);
    case 'a':
        format->no_align = true;
        return STATUS_OK;
    case 'd':
        mkfs->tree = optarg;
        return STATUS_OK;
    case 'L':
        mkfs->dereference = true;
        return STATUS_OK;
    case OPTION_FORCE:
        mkfs->force = true;
        return STATUS_OK;
    default:
        if (options_size(optarg, &mkfs->size) && mkfs->size > 0 &&
            mkfs->size <= INT64_MAX)
            return STATUS_OK;
        return options_complain(options, "not a size: '%s'", optarg);
    }
}

/* Is what was asked for possible, as far as one can say without the image? */
static int check_options(struct mkfs *mkfs, const struct options *options,
                         int count)
{
    struct stat st;

    if (count != 1)
        return options_complain(options, count ? "one image at a time"
                                               : "which image?");
    if (!options->image.type)
        return options_complain(options, "which filesystem? -t fat");
    mkfs->driver = shale_driver_named(options->image.type);
    if (!mkfs->driver->format)
        return options_complain(options, "Shale does not make %s",
                                shale_driver_name(mkfs->driver));
    if (mkfs->tree && (stat(mkfs->tree, &st) != 0 || !S_ISDIR(st.st_mode))) {
        report("%s: %s", mkfs->tree, strerror(errno ? errno : ENOTDIR));
        return STATUS_USAGE;
    }
    return epoch_init() ? STATUS_OK : STATUS_USAGE;
}

static int cmd_mkfs(int argc, char **argv)
{
    struct mkfs mkfs = { .size = 0 };
    struct options options;
    char **operands;
    int letter, count, status;

    options_init(&options, &command_mkfs, argc, argv);
    while ((letter = options_next(&options)) >= 0) {
        status = take_option(&mkfs, &options, letter);
        if (status != STATUS_OK)
            return status;
    }
    if (letter == OPTIONS_STOP)
        return options.status;
    count = options_operands(&options, &operands);
    errno = 0;
    status = check_options(&mkfs, &options, count);
    if (status != STATUS_OK)
        return status;

    volume_init(&mkfs.vol, &options, operands[0]);
    status = open_image(&mkfs, &options);
    if (status == STATUS_OK)
        status = make_volume(&mkfs);
    if (status != STATUS_OK && mkfs.created)
        unlink(mkfs.vol.name);
    if (status == STATUS_OK && mkfs.tree)
        status = fill(&mkfs, &options);
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
    .options  = options_mkfs,
    .image    = true,
};
