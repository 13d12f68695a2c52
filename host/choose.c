/*
 * choose.c - which part of an image is the volume that is meant
 *
 * In this order: the place that the user names; the whole image, if a driver
 * knows it; the only partition that a driver knows. Where that leaves none or
 * several, the error says what there is and how to choose.
 */
#include <inttypes.h>

#include "host/choose.h"
#include "host/guess.h"
#include "host/text.h"
#include "shale/bdev.h"
#include "shale/err.h"

/*
 * Where mke2fs puts the first backup of a superblock, in units of 1 KiB, which
 * is also what ext2's option "sb" counts in: the second block group, for blocks
 * of 1, 2, 4 ... 64 KiB and groups as large as they can be. The superblock
 * itself lies 1 KiB into the volume.
 */
static const uint64_t backup_kib[] = {
    8193, 32768, 131072, 524224, 1048448, 2096896, 4193792,
};

/* Say WHAT failed with ERR; an event from below, if any, knows better. */
static int failed(struct shale_image *image, const char *what, int err,
                  char *why)
{
    text_add(why, SHALE_WHY_MAX, "%s: %s", what,
             image->fault[0] ? image->fault : shale_strerror(err));
    return err;
}

/* Let the volume be SIZE bytes at START, or less by CONFIG's limit. */
static int place(struct shale_image *image,
                 const struct shale_image_config *config,
                 uint64_t start, uint64_t size, char *why)
{
    struct shale_bdev *file = shale_file_bdev(image->file);
    int err;

    if (config->size_limit && size > config->size_limit)
        size = config->size_limit;
    err = shale_slice_bdev_init(&image->volume, file, start, size);
    if (err || start >= file->size) {
        text_add(why, SHALE_WHY_MAX, "the volume would begin at byte %" PRIu64
                 ", past the image's end at %" PRIu64, start, file->size);
        return SHALE_EINVAL;
    }
    return 0;
}

static int place_at_offset(struct shale_image *image,
                           const struct shale_image_config *config,
                           uint64_t offset, char *why)
{
    uint64_t end = shale_file_bdev(image->file)->size;

    return place(image, config, offset, offset < end ? end - offset : 0, why);
}

/*
 * Which of DRIVERS knows the volume at START, SIZE bytes long? Errors as
 * shale_probe()'s.
 */
static int probe_at(struct shale_image *image,
                    const struct shale_fs_ops *const *drivers,
                    uint64_t start, uint64_t size,
                    const struct shale_fs_ops **out)
{
    struct shale_slice_bdev slice;
    int err;

    err = shale_slice_bdev_init(&slice, shale_file_bdev(image->file), start,
                                size);
    return err ? err : shale_probe(&slice.base, image->mem, drivers, out);
}

/* A walk over the partition table: what is looked for, and what was seen. */
struct walk {
    struct shale_image *image;
    const struct shale_fs_ops *const *drivers;
    unsigned want;              /* the number asked for; 0: any that is known */
    unsigned volumes;           /* seen, extended partitions not counted */
    unsigned known;             /* ... that one of the drivers knows */
    struct shale_partition last_volume, last_known, wanted;

    /* For the second walk, which lists them. */
    bool list_known;            /* only what a driver knows */
    char *why;
};

static int find_partition(void *context, const struct shale_partition *part)
{
    struct walk *walk = context;
    const struct shale_fs_ops *driver;

    if (part->number == walk->want)
        walk->wanted = *part;
    if (part->extended)
        return 0;
    walk->volumes++;
    walk->last_volume = *part;
    if (!walk->want && probe_at(walk->image, walk->drivers, part->start,
                                part->size, &driver) == 0) {
        walk->known++;
        walk->last_known = *part;
    }
    return 0;
}

/* What PART holds, for people. */
static void add_content(struct walk *walk, const struct shale_partition *part,
                        const struct shale_fs_ops *driver)
{
    struct shale_slice_bdev slice;
    struct guess guess;

    if (part->extended) {
        text_add(walk->why, SHALE_WHY_MAX, "extended");
    } else if (shale_slice_bdev_init(&slice, shale_file_bdev(walk->image->file),
                                     part->start, part->size)) {
        text_add(walk->why, SHALE_WHY_MAX, "past the image's end");
    } else if (guess_volume(&slice.base, &guess)) {
        text_add(walk->why, SHALE_WHY_MAX, "%s", guess.type);
        if (guess.label[0])
            text_add(walk->why, SHALE_WHY_MAX, " '%s'", guess.label);
    } else {
        text_add(walk->why, SHALE_WHY_MAX, "%s",
                 driver ? shale_driver_name(driver) : "unknown");
    }
}

static int list_partition(void *context, const struct shale_partition *part)
{
    struct walk *walk = context;
    uint64_t end = shale_file_bdev(walk->image->file)->size;
    const struct shale_fs_ops *driver = NULL;

    if (!part->extended)
        (void)probe_at(walk->image, walk->drivers, part->start, part->size,
                       &driver);
    if (walk->list_known && !driver)
        return 0;

    text_add(walk->why, SHALE_WHY_MAX, "%s%u (", walk->volumes ? ", " : "",
             part->number);
    add_content(walk, part, driver);
    text_add(walk->why, SHALE_WHY_MAX, ", ");
    text_add_size(walk->why, SHALE_WHY_MAX, part->size);
    text_add(walk->why, SHALE_WHY_MAX, "%s)",
             part->start < end && part->size > end - part->start ?
                 ", cut off" : "");
    walk->volumes++;
    return 0;
}

/* Add a list of the partitions to WHY: of all, or of those that are KNOWN. */
static void add_list(const struct walk *found, bool known, char *why)
{
    struct walk walk = {
        .image = found->image, .drivers = found->drivers,
        .list_known = known, .why = why,
    };
    struct shale_table_info info;

    (void)shale_partitions(shale_file_bdev(walk.image->file), walk.image->mem,
                           NULL, &info, list_partition, &walk);
}

static int use_partition(struct shale_image *image,
                         const struct shale_image_config *config,
                         const struct shale_partition *part, char *why)
{
    image->part = part->number;
    return place(image, config, part->start, part->size, why);
}

/* The partition whose number CONFIG names. */
static int choose_number(const struct walk *walk,
                         const struct shale_image_config *config,
                         enum shale_table kind, char *why)
{
    if (walk->wanted.number && !walk->wanted.extended)
        return use_partition(walk->image, config, &walk->wanted, why);

    if (kind == SHALE_TABLE_NONE) {
        text_add(why, SHALE_WHY_MAX, "no partition %u: the image has no "
                 "partition table", walk->want);
        return SHALE_ENOENT;
    }
    if (walk->wanted.extended)
        text_add(why, SHALE_WHY_MAX, "partition %u is an extended one, which "
                 "only holds others; there are ", walk->want);
    else if (walk->volumes)
        text_add(why, SHALE_WHY_MAX, "no partition %u; there are ",
                 walk->want);
    else
        text_add(why, SHALE_WHY_MAX, "no partition %u; the partition table is "
                 "empty", walk->want);
    add_list(walk, false, why);
    return SHALE_ENOENT;
}

/* The only partition that is known; or, TYPED, the only one there is. */
static int choose_known(const struct walk *walk,
                        const struct shale_image_config *config, bool typed,
                        char *why)
{
    if (walk->known == 1)
        return use_partition(walk->image, config, &walk->last_known, why);
    if (typed && walk->volumes == 1)
        return use_partition(walk->image, config, &walk->last_volume, why);

    if (walk->volumes == 0) {
        text_add(why, SHALE_WHY_MAX, "the partition table is empty");
        return SHALE_ENODEV;
    }
    if (walk->known == 0)
        text_add(why, SHALE_WHY_MAX, "no partition holds a filesystem that "
                 "Shale reads: ");
    else
        text_add(why, SHALE_WHY_MAX, "%u filesystems, choose with -p N "
                 "(mount: -o part=N): ", walk->known);
    add_list(walk, walk->known > 0, why);
    return SHALE_ENODEV;
}

int choose_place(struct shale_image *image,
                 const struct shale_image_config *config, char *why)
{
    struct shale_bdev *file = shale_file_bdev(image->file);
    struct walk walk = {
        .image = image, .drivers = shale_all_drivers, .want = config->part,
    };
    struct shale_table_info info;
    int err;

    if (file->size == 0) {
        text_add(why, SHALE_WHY_MAX, "the image is empty (0 bytes)");
        return SHALE_ENODEV;
    }
    if (config->has_offset)
        return place_at_offset(image, config, config->offset, why);
    if (!config->part)
        return place_at_offset(image, config, 0, why);

    err = shale_partitions(file, image->mem, &image->log, &info,
                           find_partition, &walk);
    if (err)
        return failed(image, "partition table", err, why);
    return choose_number(&walk, config, info.kind, why);
}

/*
 * A boot sector ends as a table of partitions does. Is what INFO and FOUND say
 * of a table without partitions rather of a volume?
 */
static bool is_boot_sector(struct shale_image *image,
                           const struct shale_table_info *info,
                           const struct walk *found)
{
    struct guess guess;

    return info->kind == SHALE_TABLE_MBR && found->volumes == 0 &&
           (found->drivers != shale_all_drivers ||
            guess_volume(&image->volume.base, &guess));
}

int choose_volume(struct shale_image *image,
                  const struct shale_image_config *config,
                  const struct shale_fs_ops *type, char *why)
{
    const struct shale_fs_ops *const typed[] = { type, NULL };
    struct walk walk = {
        .image = image, .drivers = type ? typed : shale_all_drivers,
    };
    const struct shale_fs_ops *driver;
    struct shale_table_info info;
    int err;

    err = choose_place(image, config, why);
    if (err || config->has_offset || config->part)
        return err;

    /* Nothing said, so the whole image is chosen. Is that right? */
    err = shale_probe(&image->volume.base, image->mem, walk.drivers, &driver);
    if (err != SHALE_ENODEV)
        return err ? failed(image, "cannot read the image", err, why) : 0;

    err = shale_partitions(shale_file_bdev(image->file), image->mem,
                           &image->log, &info, find_partition, &walk);
    if (err)
        return failed(image, "partition table", err, why);
    if (info.kind != SHALE_TABLE_NONE && !is_boot_sector(image, &info, &walk))
        return choose_known(&walk, config, type != NULL, why);
    if (type)
        return 0;               /* let that driver say what it misses */
    choose_explain(image, why);
    return SHALE_ENODEV;
}

/* The backup of a superblock on IMAGE's volume that DRIVER knows; or 0. */
static uint64_t find_backup(struct shale_image *image,
                            const struct shale_fs_ops *driver)
{
    const struct shale_fs_ops *const drivers[] = { driver, NULL };
    const struct shale_fs_ops *found;
    struct shale_slice_bdev slice;

    for (size_t i = 0; i < sizeof backup_kib / sizeof backup_kib[0]; i++)
        if (shale_slice_bdev_init(&slice, &image->volume.base,
                                  (backup_kib[i] - 1) * 1024,
                                  UINT64_MAX) == 0 &&
            shale_probe(&slice.base, image->mem, drivers, &found) == 0)
            return backup_kib[i];
    return 0;
}

/*
 * Is there a boot sector of DRIVER's at the end of IMAGE's volume, where NTFS
 * keeps the copy? In its last sector, or some before that.
 */
static bool has_copy_at_end(struct shale_image *image,
                            const struct shale_fs_ops *driver)
{
    const struct shale_fs_ops *const drivers[] = { driver, NULL };
    uint64_t size = image->volume.base.size;
    const struct shale_fs_ops *found;
    struct shale_slice_bdev slice;

    for (uint64_t back = 512; back <= 4096 && back < size; back += 512)
        if (shale_slice_bdev_init(&slice, &image->volume.base, size - back,
                                  back) == 0 &&
            shale_probe(&slice.base, image->mem, drivers, &found) == 0)
            return true;
    return false;
}

void choose_hint_backup(struct shale_image *image, char *why)
{
    for (const struct shale_fs_ops *const *driver = shale_all_drivers; *driver;
         driver++) {
        uint64_t kib = 0;

        if (shale_driver_has_option(*driver, "sb", 2))
            kib = find_backup(image, *driver);
        if (kib)
            text_add(why, SHALE_WHY_MAX, "; there is a backup superblock of "
                     "%s, try -o sb=%" PRIu64, shale_driver_name(*driver),
                     kib);
        if (shale_driver_has_option(*driver, "mft", 3) &&
            has_copy_at_end(image, *driver))
            text_add(why, SHALE_WHY_MAX, "; there is a backup boot sector of "
                     "%s, try -t %s", shale_driver_name(*driver),
                     shale_driver_name(*driver));
    }
}

void choose_explain(struct shale_image *image, char *why)
{
    const char *container, *how;
    struct guess guess;

    if (image->part)
        text_add(why, SHALE_WHY_MAX, "partition %u ", image->part);
    else if (image->volume.start)
        text_add(why, SHALE_WHY_MAX, "byte %" PRIu64 " ", image->volume.start);

    container = guess_container(&image->volume.base, &how);
    if (container) {
        text_add(why, SHALE_WHY_MAX, "looks like %s; unpack it first (%s)",
                 container, how);
    } else if (guess_volume(&image->volume.base, &guess)) {
        text_add(why, SHALE_WHY_MAX, "looks like %s, which Shale does not "
                 "read", guess.type);
    } else {
        text_add(why, SHALE_WHY_MAX, "holds no filesystem that Shale knows");
        choose_hint_backup(image, why);
    }
}
