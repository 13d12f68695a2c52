/*
 * test_ext2_image.h - a small ext2 volume put together by hand
 *
 * 256 blocks of 1 KiB, one group, 64 inodes; a root directory with nothing in
 * it but "." and "..". A test writes what it needs into the bytes, mounts them
 * and asks. Where things are:
 *
 *     block  1      2            3     4     5 ...           48   ...
 *            super  descriptors  bits  bits  inode table     root  free
 */
#ifndef TEST_EXT2_IMAGE_H
#define TEST_EXT2_IMAGE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ext2/ext2.h"
#include "shale/shale.h"
#include "volume.h"

#define IMAGE_BLOCK  1024u
#define IMAGE_BLOCKS 256u
#define IMAGE_INODES 64u
#define IMAGE_TABLE  5u
#define IMAGE_ROOT   48u        /* block of the root directory */
#define IMAGE_FREE   49u        /* first block that nothing is in */
#define IMAGE_FILE   12u        /* first inode that nothing is in */

struct image {
    uint8_t *bytes;
    uint32_t inode_size;
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

static inline uint8_t *image_super(struct image *image)
{
    return image->bytes + EXT2_SUPER_OFFSET;
}

static inline uint8_t *image_block(struct image *image, uint32_t block)
{
    return image->bytes + block * IMAGE_BLOCK;
}

static inline uint8_t *image_inode(struct image *image, uint32_t ino)
{
    return image_block(image, IMAGE_TABLE) + (ino - 1) * image->inode_size;
}

/* Make inode INO a file of MODE and SIZE, in blocks from BLOCK on. */
static inline uint8_t *image_file(struct image *image, uint32_t ino,
                                  uint32_t mode, uint32_t size, uint32_t block)
{
    uint8_t *inode = image_inode(image, ino);
    uint32_t blocks = block ? (size + IMAGE_BLOCK - 1) / IMAGE_BLOCK : 0;

    put16(inode + 0x00, mode);
    put32(inode + 0x04, size);
    put16(inode + 0x1a, 1);
    put32(inode + 0x1c, blocks * (IMAGE_BLOCK / 512));
    for (uint32_t i = 0; i < blocks && i < EXT2_DIRECT; i++)
        put32(inode + 0x28 + 4 * i, block + i);
    return inode;
}

/* Write a directory record; returns where the next one goes. */
static inline uint8_t *image_record(uint8_t *at, uint32_t ino, const char *name,
                                    uint32_t rec_len, uint8_t type)
{
    put32(at, ino);
    put16(at + 4, rec_len);
    at[6] = (uint8_t)strlen(name);
    at[7] = type;
    memcpy(at + 8, name, strlen(name));
    return at + rec_len;
}

static inline void image_init(struct image *image, uint32_t inode_size)
{
    uint8_t *super, *group, *at;

    image->bytes = calloc(IMAGE_BLOCKS, IMAGE_BLOCK);
    ck_assert_ptr_nonnull(image->bytes);
    image->inode_size = inode_size;

    super = image_super(image);
    put32(super + 0x00, IMAGE_INODES);
    put32(super + 0x04, IMAGE_BLOCKS);
    put32(super + 0x08, 10);            /* reserved */
    put32(super + 0x0c, 100);           /* free blocks */
    put32(super + 0x10, 50);            /* free inodes */
    put32(super + 0x14, 1);             /* first data block */
    put32(super + 0x20, 8192);          /* blocks per group */
    put32(super + 0x24, 8192);
    put32(super + 0x28, IMAGE_INODES);  /* inodes per group */
    put16(super + 0x38, EXT2_MAGIC);
    put16(super + 0x3a, EXT2_STATE_VALID);
    put32(super + 0x4c, 1);             /* revision */
    put32(super + 0x54, 11);            /* first inode */
    put16(super + 0x58, inode_size);
    put32(super + 0x60, EXT2_INCOMPAT_FILETYPE);

    group = image_block(image, 2);
    put32(group + 0x00, 3);
    put32(group + 0x04, 4);
    put32(group + 0x08, IMAGE_TABLE);
    put16(group + 0x0c, 101);
    put16(group + 0x0e, 51);

    image_file(image, EXT2_ROOT_INO, 040755, IMAGE_BLOCK, IMAGE_ROOT);
    at = image_block(image, IMAGE_ROOT);
    at = image_record(at, EXT2_ROOT_INO, ".", 12, 2);
    image_record(at, EXT2_ROOT_INO, "..", IMAGE_BLOCK - 12, 2);
}

/* Mount; returns shale_mount()'s answer. */
static inline int image_mount(struct image *image, const char *options)
{
    ck_assert_int_eq(volume_of_bytes(&image->v, image->bytes,
                                     IMAGE_BLOCKS * IMAGE_BLOCK), 0);
    return volume_mount(&image->v, options);
}

/* Mount, and get inode INO. */
static inline struct shale_vnode *image_open(struct image *image, uint32_t ino)
{
    struct shale_vnode *vn;
    int err = image_mount(image, NULL);

    ck_assert_msg(err == 0, "mount: %d, %s", err, image->v.said);
    err = shale_vnode_get(image->v.fs, ino, &vn);
    ck_assert_msg(err == 0, "inode %u: %d, %s", ino, err, image->v.said);
    return vn;
}

/* Put VN (or NULL), unmount, and see that nothing is left. */
static inline void image_close(struct image *image, struct shale_vnode *vn)
{
    shale_vnode_put(vn);
    ck_assert_uint_eq(volume_close(&image->v), 0);
    free(image->bytes);
}

#endif /* TEST_EXT2_IMAGE_H */
