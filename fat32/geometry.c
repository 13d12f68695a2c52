/*
 * geometry.c - where everything of a new FAT volume goes
 *
 * What a FAT volume is, FAT12, 16 or 32, follows from its number of clusters
 * and nothing else. That number depends on the size of the FATs, which depends
 * on that number: fit() settles the two for one cluster size. Around it, what
 * was not asked for is chosen as Microsoft's tables say (FAT spec, "FAT Volume
 * Initialization"), and where the tables' choice does not fit, the next larger
 * or smaller cluster that does.
 */
#include "disk.h"
#include "geometry.h"
#include "shale/err.h"
#include "text.h"

/*
 * How many clusters each type may have. Between FAT12 and FAT16 two counts are
 * left out: Windows takes 4085 and 4086 for FAT12, all others for FAT16.
 */
static const struct type {
    unsigned bits;
    uint32_t clusters_min, clusters_max;
    const char *name, *too_small, *too_large;
} types[] = {
    { 12, 1, FAT12_CLUSTERS - 1, "FAT12",
      "fat: the volume is too small",
      "fat: the volume is too large for FAT12" },
    { 16, FAT12_CLUSTERS + 2, FAT16_CLUSTERS - 1, "FAT16",
      "fat: the volume is too small for FAT16",
      "fat: the volume is too large for FAT16" },
    { 32, FAT16_CLUSTERS, FAT32_CLUSTERS, "FAT32",
      "fat: the volume is too small for FAT32",
      "fat: the volume is too large for FAT32" },
};

#define TYPE_COUNT (sizeof types / sizeof types[0])

/* Cluster sizes by volume size, in sectors of 512 bytes (FAT spec). */
struct cluster_row {
    uint32_t sectors;           /* volumes up to this size ... */
    uint32_t cluster;           /* ... get clusters of so many bytes */
};

static const struct cluster_row fat16_clusters[] = {
    {    8400,   512 },         /* 4 MiB; the spec has FAT12 here */
    {   32680,  1024 },
    {  262144,  2048 },         /* 128 MiB */
    {  524288,  4096 },
    { 1048576,  8192 },
    { 2097152, 16384 },         /* from here on only if FAT16 is asked for */
    { 4194304, 32768 },
    { UINT32_MAX, 65536 },
};

static const struct cluster_row fat32_clusters[] = {
    {   532480,   512 },        /* 260 MiB */
    { 16777216,  4096 },        /* 8 GiB */
    { 33554432,  8192 },
    { 67108864, 16384 },
    { UINT32_MAX, 32768 },
};

/* Above these sizes FAT16, then FAT32 is chosen (FAT spec). */
#define FAT12_BYTES ((uint64_t)8400 * 512)
#define FAT16_BYTES ((uint64_t)512 << 20)

/* Disks that every system knows by their size, in sectors of 512 bytes. */
static const struct floppy {
    uint16_t sectors, track_sectors, heads, cluster_sectors, root_entries;
    uint8_t media;
} floppies[] = {
    {  320,  8, 1, 1,  64, 0xfe },      /* 160 KiB, 5.25" */
    {  360,  9, 1, 1,  64, 0xfc },      /* 180 */
    {  640,  8, 2, 2, 112, 0xff },      /* 320 */
    {  720,  9, 2, 2, 112, 0xfd },      /* 360 */
    { 1440,  9, 2, 2, 112, 0xf9 },      /* 720, 3.5" */
    { 2400, 15, 2, 1, 224, 0xf9 },      /* 1200, 5.25" */
    { 2880, 18, 2, 1, 224, 0xf0 },      /* 1440, 3.5" */
    { 5760, 36, 2, 2, 240, 0xf0 },      /* 2880 */
};

#define MEDIA_FIXED_DISK  0xf8u
#define ROOT_ENTRIES      512u          /* of a disk that is no floppy */
#define RESERVED_FAT32    32u

/* ------------------------------------------------------------ complaints */

int fat_format_refuse(struct shale_log *log, const char *what,
                      const char *detail)
{
    const struct shale_event event = {
        .level = SHALE_LOG_ERROR, .err = SHALE_EINVAL,
        .what = what, .detail = detail, .at = SHALE_NOWHERE,
    };

    if (log)
        log->event(log, &event);
    return SHALE_EINVAL;
}

static bool power_of_two(uint32_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

static const struct type *type_of_bits(uint32_t bits)
{
    for (size_t i = 0; i < TYPE_COUNT; i++)
        if (types[i].bits == bits)
            return &types[i];
    return NULL;
}

/* Say why G, the best that could be done, is no volume of TYPE. */
static int refuse_size(struct shale_log *log, const struct type *type,
                       const struct fat_geometry *g)
{
    bool small = g->clusters < type->clusters_min;
    struct text text = { .len = 0 };

    if (g->clusters == 0) {
        text_add(&text, "what comes before the data leaves no room for a "
                 "cluster");
    } else {
        text_add_number(&text, g->clusters, 10);
        text_add(&text, " clusters of ");
        text_add_number(&text, g->cluster_sectors * g->sector_size, 10);
        text_add(&text, " bytes; ");
        text_add(&text, type->name);
        text_add(&text, small ? " has at least " : " has at most ");
        text_add_number(&text, small ? type->clusters_min : type->clusters_max,
                        10);
    }
    return fat_format_refuse(log, small ? type->too_small : type->too_large,
                             text.bytes);
}

/* ------------------------------------------------------------ one fit */

/* Are FAT_SECTORS enough to describe CLUSTERS clusters? */
static bool fat_holds(const struct fat_geometry *g, uint64_t fat_sectors,
                      uint64_t clusters)
{
    /* Two entries come before cluster 2's. */
    uint64_t bytes = ((clusters + 2) * g->bits + 7) / 8;

    return bytes <= fat_sectors * g->sector_size;
}

/*
 * Clusters that SPACE sectors, FATs included, have room for if a FAT takes
 * FAT_SECTORS.
 */
static uint64_t clusters_beside(const struct fat_geometry *g, uint64_t space,
                                uint64_t fat_sectors)
{
    uint64_t fats = g->fat_count * fat_sectors;

    return fats < space ? (space - fats) / g->cluster_sectors : 0;
}

/* The fewest sectors of a FAT that describe all clusters beside the FATs. */
static uint64_t fat_sectors_for(const struct fat_geometry *g, uint64_t space)
{
    uint64_t sector_bits = (uint64_t)g->sector_size * 8;
    /*
     * A cluster takes its own bits and those of its entries, in each FAT; by
     * that count nothing is rounded up, so that no more clusters can fit.
     */
    uint64_t cluster_bits = g->cluster_sectors * sector_bits +
                            (uint64_t)g->fat_count * g->bits;
    uint64_t most = space * sector_bits / cluster_bits;
    uint64_t sectors = ((most + 2) * g->bits + sector_bits - 1) / sector_bits;

    while (sectors > 1 &&
           fat_holds(g, sectors - 1, clusters_beside(g, space, sectors - 1)))
        sectors--;
    return sectors;
}

/*
 * Settle the FATs and the clusters of G, whose other fields are set. Unless
 * ALIGN is false, the reserved area or, where its size is FIXED, each FAT grows
 * until the data begins at a multiple of a cluster: so that clusters do not
 * straddle the pages and erase blocks of what lies below.
 */
static void fit(struct fat_geometry *g, bool align, bool fixed)
{
    uint64_t before = (uint64_t)g->reserved + g->root_sectors;
    uint64_t space = before < g->sectors ? g->sectors - before : 0;
    uint64_t fat = fat_sectors_for(g, space);
    uint32_t mask = g->cluster_sectors - 1;
    uint64_t clusters;

    if (align && fixed) {
        uint64_t grown = fat;

        /* Two FATs never make an odd number even: then leave it. */
        while (grown - fat <= mask &&
               ((before + g->fat_count * grown) & mask) != 0)
            grown++;
        if (grown - fat <= mask)
            fat = grown;
    } else if (align) {
        uint64_t end = before + g->fat_count * fat;
        uint32_t pad = (uint32_t)(0 - end) & mask;

        g->reserved += pad;
        space = pad < space ? space - pad : 0;
    }
    clusters = clusters_beside(g, space, fat);
    g->fat_sectors = (uint32_t)fat;
    g->clusters = clusters < UINT32_MAX ? (uint32_t)clusters : UINT32_MAX;
}

/* Two clusters too many for FAT12 and too few for FAT16 are better left out. */
static void trim(struct fat_geometry *g)
{
    uint32_t excess = g->clusters - (FAT12_CLUSTERS - 1);

    if (g->bits == 12 && g->clusters >= FAT12_CLUSTERS && excess <= 2) {
        g->clusters -= excess;
        g->sectors = fat_geometry_data(g) + g->clusters * g->cluster_sectors;
    }
}

/* -------------------------------------------------------- one FAT type */

/* The cluster size to begin with. */
static uint32_t cluster_first(unsigned bits, uint64_t bytes)
{
    const struct cluster_row *row = bits == 32 ? fat32_clusters
                                               : fat16_clusters;

    if (bits == 12)             /* any size will do: the smallest that fits */
        return FAT_SECTOR_MIN;
    while (bytes > (uint64_t)row->sectors * 512 && row->sectors != UINT32_MAX)
        row++;
    return row->cluster;
}

/* G, without what depends on the type of FAT, with TYPE's. */
static void set_type(struct fat_geometry *g, const struct type *type,
                     const struct shale_format *format)
{
    uint32_t per_sector = g->sector_size / FAT_ENTRY_SIZE;

    g->bits = type->bits;
    g->reserved = format->reserved ? format->reserved
                  : type->bits == 32 ? RESERVED_FAT32 : 1;
    if (type->bits == 32)
        g->root_entries = 0;
    g->root_sectors = (g->root_entries + per_sector - 1) / per_sector;
    g->root_entries = g->root_sectors * per_sector;
}

/*
 * Make of BASE a volume of TYPE in *OUT. False if none fits; *OUT is then what
 * comes nearest.
 */
static bool fit_type(const struct fat_geometry *base, const struct type *type,
                     const struct shale_format *format,
                     struct fat_geometry *out)
{
    uint64_t bytes = (uint64_t)base->sectors * base->sector_size;
    bool told = format->block_size || base->floppy;
    uint32_t cluster = base->cluster_sectors;
    uint32_t cluster_max = FAT_CLUSTER_MAX / base->sector_size;
    bool grown = false, shrunk = false;

    if (cluster_max > 128)      /* the largest power of two in a byte */
        cluster_max = 128;
    if (!told)
        cluster = cluster_first(type->bits, bytes) / base->sector_size;
    if (cluster == 0)
        cluster = 1;

    for (;;) {
        *out = *base;
        out->cluster_sectors = cluster;
        set_type(out, type, format);
        fit(out, !format->no_align && !base->floppy, format->reserved != 0);
        trim(out);
        if (out->clusters >= type->clusters_min &&
            out->clusters <= type->clusters_max)
            return true;
        if (told)
            return false;
        if (out->clusters < type->clusters_min) {
            if (cluster == 1 || grown)
                return false;
            cluster /= 2;
            shrunk = true;
        } else {
            if (cluster >= cluster_max || shrunk)
                return false;
            cluster *= 2;
            grown = true;
        }
    }
}

/* --------------------------------------------------- what was asked for */

/* Set what does not depend on the type of FAT, having checked FORMAT. */
static int take_sizes(const struct shale_bdev *dev, struct shale_log *log,
                      const struct shale_format *format,
                      struct fat_geometry *g)
{
    uint32_t least = dev->block_size > FAT_SECTOR_MIN ? dev->block_size
                                                      : FAT_SECTOR_MIN;
    uint64_t sectors, hidden;

    g->sector_size = format->sector_size ? format->sector_size : least;
    if (!power_of_two(g->sector_size) || g->sector_size < least ||
        g->sector_size > FAT_SECTOR_MAX)
        return fat_format_refuse(log, "fat: no such sector size", "a power of "
                                 "two from 512 (or the device's) to 4096");

    sectors = dev->size / g->sector_size;
    if (sectors > UINT32_MAX)
        return fat_format_refuse(log, "fat: the volume is too large",
                                 "it has 4294967295 sectors at most; larger "
                                 "ones would help");
    g->sectors = (uint32_t)sectors;

    hidden = format->hidden / g->sector_size;
    if (format->hidden % g->sector_size != 0 || hidden > UINT32_MAX)
        return fat_format_refuse(log, "fat: the place on the disk does not do",
                                 "it is to be a whole number of sectors, of "
                                 "32 bits");
    g->hidden = (uint32_t)hidden;

    if (format->block_size) {
        if (!power_of_two(format->block_size) ||
            format->block_size < g->sector_size ||
            format->block_size > FAT_CLUSTER_MAX ||
            format->block_size / g->sector_size > 128)
            return fat_format_refuse(log, "fat: no such cluster size",
                                     "a power of two from one to 128 sectors, "
                                     "and up to 262144 bytes");
        g->cluster_sectors = format->block_size / g->sector_size;
    }
    return 0;
}

static int take_counts(struct shale_log *log,
                       const struct shale_format *format,
                       struct fat_geometry *g)
{
    if (format->fat_bits && !type_of_bits(format->fat_bits))
        return fat_format_refuse(log, "fat: no such type",
                                 "there are FAT12, FAT16 and FAT32");
    if (format->fat_count > 4)
        return fat_format_refuse(log, "fat: too many FATs", "1 to 4");
    g->fat_count = format->fat_count ? format->fat_count : 2;

    if (format->reserved > 0xffff ||
        (format->fat_bits == 32 && format->reserved == 1))
        return fat_format_refuse(log, "fat: no such reserved area",
                                 "1 to 65535 sectors, and 2 at least on FAT32");
    if (format->root_entries && format->fat_bits == 32)
        return fat_format_refuse(log, "fat: no root entries to be counted",
                                 "FAT32's root directory is like any other");
    if (format->root_entries > 0xffff - FAT_SECTOR_MAX / FAT_ENTRY_SIZE)
        return fat_format_refuse(log, "fat: too many root entries",
                                 "65407 at most");
    g->root_entries = format->root_entries ? format->root_entries
                                           : ROOT_ENTRIES;

    if (format->media && format->media != 0xf0 && format->media < 0xf8)
        return fat_format_refuse(log, "fat: no such media descriptor",
                                 "0xf0, or 0xf8 to 0xff");
    g->media = format->media ? format->media : MEDIA_FIXED_DISK;
    return 0;
}

/*
 * A track and the number of heads mean nothing any more, but there are programs
 * that want a volume to be made of whole tracks: so a track is what divides it.
 */
static void set_tracks(struct fat_geometry *g)
{
    g->track_sectors = 63;
    g->heads = 255;
    if (g->sectors % 63 == 0)
        return;
    g->heads = 64;
    g->track_sectors = 32;
    while (g->sectors % g->track_sectors != 0)
        g->track_sectors /= 2;
}

/* The floppy that G and FORMAT describe, or leave open; or NULL. */
static const struct floppy *find_floppy(const struct fat_geometry *g,
                                        const struct shale_format *format)
{
    const struct floppy *disk = floppies;
    const struct floppy *end = disk + sizeof floppies / sizeof floppies[0];

    if (g->sector_size != 512 || g->hidden || format->reserved > 1 ||
        (format->fat_bits && format->fat_bits != 12))
        return NULL;
    while (disk < end && disk->sectors != g->sectors)
        disk++;
    if (disk == end || (format->media && format->media != disk->media))
        return NULL;
    return disk;
}

static void set_floppy(struct fat_geometry *g, const struct floppy *disk,
                       const struct shale_format *format)
{
    g->floppy = true;
    g->track_sectors = disk->track_sectors;
    g->heads = disk->heads;
    g->media = disk->media;
    if (!format->block_size)
        g->cluster_sectors = disk->cluster_sectors;
    if (!format->root_entries)
        g->root_entries = disk->root_entries;
}

/* FAT32 has no root entries to be told, but an FSInfo in its second sector. */
static bool type_allowed(const struct type *type,
                         const struct shale_format *format)
{
    return type->bits != 32 || (!format->root_entries && format->reserved != 1);
}

/* The type that a volume of G's size has unless told otherwise. */
static const struct type *usual_type(const struct fat_geometry *g,
                                     const struct shale_format *format)
{
    uint64_t bytes = (uint64_t)g->sectors * g->sector_size;
    bool large = bytes > FAT16_BYTES && type_allowed(type_of_bits(32), format);

    return type_of_bits(g->floppy || bytes <= FAT12_BYTES ? 12
                        : large ? 32 : 16);
}

/* Nobody said which type: make of BASE one that fits. False: *OUT stays. */
static bool fit_any(const struct fat_geometry *base,
                    const struct shale_format *format,
                    struct fat_geometry *out)
{
    struct fat_geometry g;

    for (size_t i = 0; i < TYPE_COUNT; i++)
        if (type_allowed(&types[i], format) &&
            fit_type(base, &types[i], format, &g)) {
            *out = g;
            return true;
        }
    return false;
}

int fat_geometry_choose(const struct shale_bdev *dev, struct shale_log *log,
                        const struct shale_format *format,
                        struct fat_geometry *out)
{
    struct fat_geometry base = { .bits = 0 };
    const struct type *type;
    const struct floppy *disk;
    int err;

    err = take_sizes(dev, log, format, &base);
    if (!err)
        err = take_counts(log, format, &base);
    if (err)
        return err;
    disk = find_floppy(&base, format);
    if (disk)
        set_floppy(&base, disk, format);

    type = format->fat_bits ? type_of_bits(format->fat_bits)
                            : usual_type(&base, format);
    if (!fit_type(&base, type, format, out) &&
        !(!format->fat_bits && fit_any(&base, format, out)))
        return refuse_size(log, type, out);
    if (!out->floppy)
        set_tracks(out);
    return 0;
}
