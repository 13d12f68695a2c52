/*
 * mapext4.h - an ext4 volume that is read without a mount, for `shale map`
 *
 * No driver mounts a volume with extents; where a file lies is told all the
 * same. Nothing is written.
 *
 * Errors     0 or a negative enum shale_err; SHALE_ENOTSUP for a path that
 *            leads through what is encrypted
 */
#ifndef SHALE_TOOLS_MAPEXT4_H
#define SHALE_TOOLS_MAPEXT4_H

#include "boot/ext2.h"
#include "map.h"

struct map_ext4 {
    struct shale_slice_bdev dev;
    struct shale_boot boot;
    uint8_t sector[512];        /* of the volume, that was read last */
};

/*
 * Open the volume of SIZE bytes from byte START of IMAGE on, which stays open
 * as long, by its superblock at byte SUPERBLOCK of it; 0: the first one.
 * Returns NULL, or why that cannot be.
 */
const char *mapext4_open(struct shale_image *image, uint64_t start,
                         uint64_t size, uint64_t superblock,
                         struct map_ext4 **out);
void mapext4_close(struct map_ext4 *vol);

/* Has it a journal that was not replayed? */
bool mapext4_unreplayed(struct map_ext4 *vol);

uint32_t mapext4_block_size(struct map_ext4 *vol);

/* What PATH leads to, through symlinks. */
int mapext4_find(struct map_ext4 *vol, const char *path,
                 struct shale_boot_file *out);

/* Has FILE a block map, as ext2's? */
bool mapext4_has_map(const struct shale_boot_file *file);

/* What is at byte AT of FILE, which is below its size; as shale_map(). */
int mapext4_map(struct map_ext4 *vol, const struct shale_boot_file *file,
                uint64_t at, struct shale_extent *out);

#endif /* SHALE_TOOLS_MAPEXT4_H */
