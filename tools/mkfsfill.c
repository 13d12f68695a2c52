/*
 * mkfsfill.c - a tree of the host into the volume that was just made
 *
 * How much there is to copy is known beforehand: so that there are inodes
 * enough, and so that what cannot fit is told before hours of copying.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "epoch.h"
#include "mkfs.h"

static struct put put_of(const struct mkfs *mkfs)
{
    return (struct put){
        .recurse = true, .all_or_none = true,
        .dereference = mkfs->given[MKFS_DEREFERENCE] != NULL,
        .owner = mkfs->owner,
        .progress = isatty(STDERR_FILENO) != 0,
    };
}

void mkfs_measure(struct mkfs *mkfs)
{
    const struct put put = put_of(mkfs);
    char *sources[] = { xstrdup(mkfs->given['d']) };
    uint64_t files;

    put_measure(&put, sources, 1, &mkfs->tree);
    free(sources[0]);
    /* The root is there. */
    files = mkfs->tree.files > 0 ? mkfs->tree.files - 1 : 0;
    mkfs->format.files = files < UINT32_MAX ? (uint32_t)files : UINT32_MAX;
}

/* Say how large the tree is; returns STATUS_USAGE. */
static int does_not_fit(const struct mkfs *mkfs, uint64_t needed,
                        uint64_t room)
{
    char text[SHALE_WHY_MAX], need[PRINT_SIZE_MAX], have[PRINT_SIZE_MAX];

    print_size_long(needed, need);
    print_size_long(room, have);
    snprintf(text, sizeof text, "the tree does not fit: it needs %s at least, "
             "for %" PRIu64 " files, and there is room for %s", need,
             mkfs->tree.files, have);
    return mkfs_refuse(mkfs, text);
}

/*
 * Is there room for the tree in the empty volume, as far as one can say? In a
 * format without holes, or where zeros become holes, one cannot.
 */
static int check_room(const struct mkfs *mkfs, const struct put *put)
{
    struct shale_statfs usage;
    unsigned unit = 0;

    if (!mkfs->driver->holes || put->hole_unit ||
        shale_statfs(mkfs->vol.fs, &usage) != 0)
        return STATUS_OK;
    while (unit < PUT_UNITS - 1 && UINT32_C(512) << unit < usage.block_size)
        unit++;
    if (mkfs->tree.units[unit] <= usage.blocks_free)
        return STATUS_OK;
    return does_not_fit(mkfs, mkfs->tree.units[unit] * usage.block_size,
                        usage.blocks_free * usage.block_size);
}

/* The same when it has turned out not to. */
static void tell_full(const struct mkfs *mkfs, uint64_t room)
{
    char bytes[PRINT_SIZE_MAX], have[PRINT_SIZE_MAX];

    print_size_long(mkfs->tree.bytes, bytes);
    print_size_long(room, have);
    report("%s: the tree does not fit: it has %s in %" PRIu64 " files, and "
           "there was room for %s", mkfs->vol.name, bytes, mkfs->tree.files,
           have);
}

static int copy_in(struct mkfs *mkfs)
{
    struct put put = put_of(mkfs);
    struct shale_statfs usage = { .blocks_free = 0 };
    int status;

    put_init(&put, &mkfs->vol);
    status = check_room(mkfs, &put);
    if (status == STATUS_OK) {
        (void)shale_statfs(mkfs->vol.fs, &usage);
        put_contents(&put, mkfs->given['d'], &mkfs->tree);
    }
    put_fini(&put);
    if (put.full)
        tell_full(mkfs, usage.blocks_free * usage.block_size);
    return status;
}

int mkfs_fill(struct mkfs *mkfs)
{
    struct shale_image *image = mkfs->vol.image;
    const struct shale_fs_ops *const drivers[] = { mkfs->driver, NULL };
    const struct shale_config config = {
        .dev = &image->volume.base,
        .mem = image->mem,
        .drivers = drivers,
        .locks = &shale_host_locks,
        .log = &image->log,
        .options = mkfs->options->image.options,
        .clock = epoch_clock(),
    };
    int err = shale_mount(&config, &image->fs);

    if (err)
        return mkfs_refuse(mkfs, *image->fault ? image->fault
                                               : shale_strerror(err));
    mkfs->vol.fs = image->fs;
    return copy_in(mkfs);
}
