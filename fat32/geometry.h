/*
 * geometry.h - where everything of a new FAT volume goes
 */
#ifndef FAT32_GEOMETRY_H
#define FAT32_GEOMETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "shale/bdev.h"
#include "shale/log.h"
#include "shale/mem.h"
#include "shale/types.h"

struct fat_geometry {
    unsigned bits;              /* 12, 16 or 32 */
    uint32_t sector_size;       /* bytes */
    uint32_t sectors;           /* of the volume */
    uint32_t cluster_sectors;
    uint32_t reserved;          /* sectors before the first FAT */
    uint32_t fat_count;
    uint32_t fat_sectors;       /* of one FAT */
    uint32_t root_entries;      /* of a root that is no chain; else 0 */
    uint32_t root_sectors;      /* likewise */
    uint32_t clusters;
    uint32_t hidden;            /* sectors of the disk before the volume */
    uint16_t track_sectors, heads;
    uint8_t media;
    bool floppy;                /* one of the well-known sizes */
};

/* The first sector of the root that is no chain, and of cluster 2. */
static inline uint32_t fat_geometry_root(const struct fat_geometry *g)
{
    return g->reserved + g->fat_count * g->fat_sectors;
}

static inline uint32_t fat_geometry_data(const struct fat_geometry *g)
{
    return fat_geometry_root(g) + g->root_sectors;
}

/*
 * Choose a geometry for a volume that fills DEV and is as FORMAT says.
 * SHALE_EINVAL, having told LOG (or NULL) why, if there is none.
 */
int fat_geometry_choose(const struct shale_bdev *dev, struct shale_log *log,
                        const struct shale_format *format,
                        struct fat_geometry *out);

/* The driver's format(); in format.c. */
int fat_format(struct shale_bdev *dev, struct shale_mem *mem,
               struct shale_log *log, const struct shale_format *format);

/* Tell LOG (or NULL) that the volume cannot be so. Returns SHALE_EINVAL. */
int fat_format_refuse(struct shale_log *log, const char *what,
                      const char *detail);

#endif /* FAT32_GEOMETRY_H */
