/*
 * test_fat_image.h - a small FAT volume put together by hand
 *
 * Sectors and clusters of 512 bytes, two FATs, and an empty root; of 200, 5000
 * or 300 clusters for 12, 16 or 32 bits. (Few enough, for FAT32, that only the
 * size of the FAT tells it.) A test writes what it needs into the bytes, mounts
 * them and asks.
 */
#ifndef TEST_FAT_IMAGE_H
#define TEST_FAT_IMAGE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fat32/chain.h"
#include "fat32/dirent.h"
#include "fat32/fat.h"
#include "fat32/node.h"
#include "shale/shale.h"
#include "vfs/utf16.h"
#include "volume.h"

#define SECTOR 512u
#define ROOT_ENTRIES 64u        /* of FAT12 and FAT16 */

struct image {
    unsigned bits;
    uint32_t reserved, fat_sectors, root_sectors, clusters, sectors;
    uint8_t *bytes;
    struct volume v;
};

static inline void put16(uint8_t *at, uint32_t x)
{
    at[0] = (uint8_t)x;
    at[1] = (uint8_t)(x >> 8);
}

static inline void put32(uint8_t *at, uint32_t x)
{
    put16(at, x);
    put16(at + 2, x >> 16);
}

static inline uint64_t image_fat_at(const struct image *image, unsigned copy)
{
    return (image->reserved + copy * (uint64_t)image->fat_sectors) * SECTOR;
}

/* The place of CLUSTER; of cluster 2 less the root of a fixed size, if any. */
static inline uint64_t image_cluster_at(const struct image *image,
                                        uint32_t cluster)
{
    return image_fat_at(image, 2) +
           (image->root_sectors + (uint64_t)(cluster - 2)) * SECTOR;
}

static inline uint8_t *image_cluster(struct image *image, uint32_t cluster)
{
    return image->bytes + image_cluster_at(image, cluster);
}

static inline uint64_t image_root_at(const struct image *image)
{
    return image->bits == 32 ? image_cluster_at(image, 2)
                             : image_fat_at(image, 2);
}

static inline uint8_t *image_root(struct image *image)
{
    return image->bytes + image_root_at(image);
}

/* Set the entry of CLUSTER in FAT number COPY. */
static inline void image_link_in(struct image *image, unsigned copy,
                                 uint32_t cluster, uint32_t value)
{
    uint8_t *fat = image->bytes + image_fat_at(image, copy);

    if (image->bits == 32) {
        put32(fat + cluster * 4, value);
    } else if (image->bits == 16) {
        put16(fat + cluster * 2, value);
    } else {
        uint8_t *at = fat + cluster * 3 / 2;

        if (cluster & 1)
            put16(at, (value & 0xfff) << 4 | (at[0] & 0xfu));
        else
            put16(at, (value & 0xfff) | (at[1] & 0xf0u) << 8);
    }
}

static inline void image_link(struct image *image, uint32_t cluster,
                              uint32_t value)
{
    image_link_in(image, 0, cluster, value);
    image_link_in(image, 1, cluster, value);
}

/* Make a chain of the COUNT clusters from FIRST on. */
static inline void image_chain(struct image *image, uint32_t first,
                               uint32_t count)
{
    for (uint32_t i = 0; i + 1 < count; i++)
        image_link(image, first + i, first + i + 1);
    image_link(image, first + count - 1, FAT_END);
}

static inline void image_init(struct image *image, unsigned bits)
{
    uint8_t *boot, *ext;

    memset(image, 0, sizeof *image);
    image->bits = bits;
    image->clusters = bits == 12 ? 200 : bits == 16 ? 5000 : 300;
    image->reserved = bits == 32 ? 8 : 1;
    image->root_sectors = bits == 32 ? 0 : ROOT_ENTRIES * 32 / SECTOR;
    image->fat_sectors = ((image->clusters + 2) * bits / 8 + SECTOR) / SECTOR;
    image->sectors = image->reserved + 2 * image->fat_sectors +
                     image->root_sectors + image->clusters;
    image->bytes = calloc(image->sectors, SECTOR);
    ck_assert_ptr_nonnull(image->bytes);

    boot = image->bytes;
    memcpy(boot, "\xeb\x3c\x90test 1.0", 11);
    put16(boot + 0x0b, SECTOR);
    boot[0x0d] = 1;
    put16(boot + 0x0e, image->reserved);
    boot[0x10] = 2;
    put16(boot + 0x11, bits == 32 ? 0 : ROOT_ENTRIES);
    put16(boot + 0x13, image->sectors);
    boot[0x15] = 0xf8;
    put16(boot + 0x16, bits == 32 ? 0 : image->fat_sectors);
    ext = boot + 0x24;
    if (bits == 32) {
        put32(boot + 0x24, image->fat_sectors);
        put32(boot + 0x2c, 2);
        put16(boot + 0x30, 1);
        put16(boot + 0x32, 6);
        put32(boot + SECTOR, FAT_INFO_LEAD);
        put32(boot + SECTOR + 0x1e4, FAT_INFO_STRUCT);
        put32(boot + SECTOR + 0x1e8, 0xffffffff);
        put32(boot + SECTOR + 0x1ec, 0xffffffff);
        put32(boot + SECTOR + 0x1fc, FAT_INFO_TRAIL);
        ext = boot + 0x40;
    }
    ext[2] = 0x29;
    put32(ext + 3, 0x1234abcd);
    memcpy(ext + 7, "BOOT LABEL FAT     ", 19);
    if (bits == 32)
        memcpy(ext + 0x12, "FAT32   ", 8);
    put16(boot + 0x1fe, 0xaa55);
    if (bits == 32)
        memcpy(boot + 6 * SECTOR, boot, SECTOR);

    image_link(image, 0, 0x0ffffff8);
    image_link(image, 1, FAT_END);
    if (bits == 32)
        image_link(image, 2, FAT_END);
}

/* Write a short entry; returns where the next one goes. NAME: 11 bytes. */
static inline uint8_t *image_entry(uint8_t *at, const char *name, uint8_t attr,
                                   uint32_t cluster, uint32_t size)
{
    memset(at, 0, 32);
    memcpy(at, name, 11);
    at[0x0b] = attr;
    put16(at + 0x14, cluster >> 16);
    put16(at + 0x1a, cluster);
    put16(at + 0x16, 10 << 11 | 20 << 5 | 15);  /* 10:20:30 */
    put16(at + 0x18, 40 << 9 | 6 << 5 | 7);     /* 2020-06-07 */
    put32(at + 0x1c, size);
    return at + 32;
}

/* Write the pieces of a long name for the short NAME; returns what is next. */
static inline uint8_t *image_long(uint8_t *at, const char *text,
                                  const char *name)
{
    uint16_t units[FAT_LONG_MAX];
    int len = utf16_from_utf8(text, strlen(text), units, FAT_LONG_MAX);
    uint8_t sum = fat_checksum((const uint8_t *)name);

    ck_assert_int_gt(len, 0);
    for (uint32_t n = fat_long_pieces((uint32_t)len); n > 0; n--, at += 32)
        fat_long_encode(units, (uint32_t)len, n, sum,
                        (struct fat_disk_long *)at);
    return at;
}

/* Make CLUSTER a directory of one cluster, whose parent begins with PARENT.
   Returns where its entries go. */
static inline uint8_t *image_dir(struct image *image, uint32_t cluster,
                                 uint32_t parent)
{
    uint8_t *at = image_cluster(image, cluster);

    image_link(image, cluster, FAT_END);
    at = image_entry(at, ".          ", FAT_ATTR_DIR, cluster, 0);
    return image_entry(at, "..         ", FAT_ATTR_DIR, parent, 0);
}

/* Mount; returns shale_mount()'s answer. */
static inline int image_try(struct image *image, const char *options)
{
    ck_assert_int_eq(volume_of_bytes(&image->v, image->bytes,
                                     (size_t)image->sectors * SECTOR), 0);
    return volume_mount(&image->v, options);
}

static inline void image_mount(struct image *image, const char *options)
{
    int err = image_try(image, options);

    ck_assert_msg(err == 0, "mount: %d, %s", err, image->v.said);
}

static inline struct fat_volume *image_volume(struct image *image)
{
    return fat_volume_of(image->v.fs);
}

/* Unmount, and see that nothing is left. */
static inline void image_close(struct image *image)
{
    ck_assert_uint_eq(volume_close(&image->v), 0);
    free(image->bytes);
}

/* The file that PATH leads to; an error, or its vnode in *OUT. */
static inline int image_walk(struct image *image, const char *path,
                             struct fat_vnode **out)
{
    struct shale_vnode *vn;
    int err = shale_walk(image->v.fs, NULL, path, 0, &vn);

    if (!err)
        *out = fat_vnode_of(vn);
    return err;
}

static inline struct fat_vnode *image_get(struct image *image,
                                          const char *path)
{
    struct fat_vnode *vn = NULL;
    int err = image_walk(image, path, &vn);

    ck_assert_msg(err == 0, "%s: %d, %s", path, err, image->v.said);
    return vn;
}

static inline void image_put(struct fat_vnode *vn)
{
    shale_vnode_put(&vn->base);
}

/* What a directory shows: names with a '/' behind directories, sorted by where
   they are, separated by '|'. */
struct image_list {
    char text[8192];
    unsigned count;
};

static inline int image_list_emit(void *context,
                                  const struct shale_dirent *entry)
{
    struct image_list *list = context;
    size_t used = strlen(list->text);

    if (entry->name[0] == '.' &&
        (entry->len == 1 || (entry->len == 2 && entry->name[1] == '.')))
        return 0;
    list->count++;
    if (used + entry->len + 3 < sizeof list->text)
        snprintf(list->text + used, sizeof list->text - used, "%s%.*s%s",
                 used ? "|" : "", (int)entry->len, entry->name,
                 entry->type == SHALE_TYPE_DIR ? "/" : "");
    return 0;
}

/* List PATH into *LIST; returns shale_iterate()'s answer. */
static inline int image_list(struct image *image, const char *path,
                             struct image_list *list)
{
    struct fat_vnode *dir = image_get(image, path);
    int err;

    list->text[0] = '\0';
    list->count = 0;
    err = shale_iterate(&dir->base, 0, SHALE_ITERATE_ATTR, image_list_emit,
                        list);
    image_put(dir);
    return err;
}

#endif /* TEST_FAT_IMAGE_H */
