/*
 * mapext4.c - files of a volume of ext4, which no driver mounts
 *
 * The reader for boot loaders reads it, too: extent trees, block maps, what is
 * in inodes. It has no memory; here there is some, for paths of any length.
 */
#include "mapext4.h"

#include <stdlib.h>
#include <string.h>

#define LINKS_MAX 40            /* symlinks on the way, as Linux has it */

const char *mapext4_open(struct shale_image *image, uint64_t start,
                         uint64_t size, uint64_t superblock,
                         struct map_ext4 **out)
{
    struct map_ext4 *vol = memory_or_end(calloc(1, sizeof *vol));
    int err = shale_slice_bdev_init(&vol->dev, shale_file_bdev(image->file),
                                    start, size);

    if (!err)
        err = boot_begin(&vol->boot, &shale_boot_ext2, &vol->dev.base,
                         vol->sector, sizeof vol->sector);
    if (!err)
        err = boot_ext2_open(&vol->boot, superblock ? superblock
                                                    : EXT2_SUPER_OFFSET);
    if (!err) {
        *out = vol;
        return NULL;
    }
    free(vol);
    return err == SHALE_ENOTSUP ? "ext4 with features that Shale does not "
                                  "know, or of 2^32 blocks or more"
         : err == SHALE_ECORRUPT ? "no sound superblock of ext4"
                                 : shale_strerror(err);
}

void mapext4_close(struct map_ext4 *vol)
{
    free(vol);
}

bool mapext4_unreplayed(struct map_ext4 *vol)
{
    return (boot_ext2_of(&vol->boot)->vol.super.incompat &
            EXT2_INCOMPAT_RECOVER) != 0;
}

uint32_t mapext4_block_size(struct map_ext4 *vol)
{
    return boot_ext2_of(&vol->boot)->vol.super.block_size;
}

/* ----------------------------------------------------------------- paths */

/* The target of LINK, and behind it what is left of the path, to be freed. */
static int link_follow(struct map_ext4 *vol, struct shale_boot_file *link,
                       const char *left, char **out)
{
    size_t len = (size_t)link->size, more = strlen(left);
    int64_t count;
    char *text;
    int err;

    if (link->size == 0 || link->size >= SHALE_PATH_MAX)
        return SHALE_ECORRUPT;
    if (more >= SHALE_PATH_MAX - len)
        return SHALE_ENAMETOOLONG;
    text = xmalloc(len + more + 1);
    count = boot_read(&vol->boot, link, text, len, 0);
    err = count < 0 ? (int)count : memchr(text, '\0', len) ? SHALE_ECORRUPT : 0;
    if (err) {
        free(text);
        return err;
    }
    memcpy(text + len, left, more + 1);
    *out = text;
    return 0;
}

/* What the name of LEN bytes at NAME in DIR leads to. */
static int name_find(struct map_ext4 *vol, struct shale_boot_file *dir,
                     const char *name, size_t len, struct shale_boot_file *out)
{
    if (dir->type != SHALE_TYPE_DIR)
        return SHALE_ENOTDIR;
    if (len > EXT2_NAME_MAX)
        return SHALE_ENAMETOOLONG;
    if (len == 1 && *name == '.') {
        *out = *dir;
        return 0;
    }
    vol->boot.left = UINT32_MAX;        /* there is time */
    return boot_ext2_find(&vol->boot, dir, name, len, out);
}

int mapext4_find(struct map_ext4 *vol, const char *path,
                 struct shale_boot_file *out)
{
    char *text = xstrdup(path), *at = text, *next;
    struct shale_boot_file dir;
    unsigned links = 0;
    int err = boot_ext2_load(&vol->boot, EXT2_ROOT_INO, out);

    while (!err && *at) {
        size_t len = strcspn(at, "/");

        if (len == 0) {
            err = out->type == SHALE_TYPE_DIR ? 0 : SHALE_ENOTDIR;
            at++;
            continue;
        }
        dir = *out;
        err = name_find(vol, &dir, at, len, out);
        at += len;
        if (err || out->type != SHALE_TYPE_SYMLINK)
            continue;
        err = ++links > LINKS_MAX ? SHALE_ELOOP
                                  : link_follow(vol, out, at, &next);
        if (err)
            break;
        free(text);
        text = at = next;
        *out = dir;
        if (*at == '/')
            err = boot_ext2_load(&vol->boot, EXT2_ROOT_INO, out);
    }
    free(text);
    return err;
}

/* ----------------------------------------------------------------- files */

bool mapext4_has_map(const struct shale_boot_file *file)
{
    return !(file->where[BOOT_FLAGS] &
             (EXT2_INODE_EXTENTS | EXT2_INODE_INLINE));
}

int mapext4_map(struct map_ext4 *vol, const struct shale_boot_file *file,
                uint64_t at, struct shale_extent *out)
{
    uint64_t left = file->size - at;
    int err = boot_ext2_map(&vol->boot, file, at, left, out);

    out->offset = at;
    if (out->length > left || out->kind == SHALE_EXTENT_INLINE)
        out->length = left;
    return err;
}
