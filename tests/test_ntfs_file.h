/*
 * test_ntfs_file.h - a volume with one file, for tests of what is beside data
 */
#ifndef TEST_NTFS_FILE_H
#define TEST_NTFS_FILE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ntfs/meta.h"
#include "ntfsimage.h"
#include "vfs/vfs.h"

static struct ntfsimage image;
static uint64_t file;           /* "file" in the root, without data */

static inline void setup(void)
{
    ntfsimage_init(&image, NULL);
    file = ntfsimage_file(&image, NTFS_ROOT, "file");
}

static inline void teardown(void)
{
    ck_assert_uint_eq(ntfsimage_close(&image), 0);
}

static inline void mount_it(const char *options)
{
    int err;

    ntfsimage_finish(&image);
    err = ntfsimage_mount(&image, options);
    ck_assert_msg(!err, "%d: %s", err, image.v.said);
}

static inline struct shale_attr attr_of(uint64_t ino)
{
    struct shale_attr attr = { 0 };
    int err = ntfs_peek(image.v.fs, ino, &attr);

    ck_assert_msg(!err, "%d: %s", err, image.v.said);
    return attr;
}

/* The value of $STANDARD_INFORMATION. */
static inline uint8_t *standard(uint64_t number)
{
    return ntfsimage_find(&image, number, NTFS_STANDARD_INFORMATION, NULL) +
           24;
}

/* ---------------------------------------------------- extended attributes */

static inline int64_t get(uint64_t ino, const char *name, void *buf,
                          size_t size)
{
    struct shale_vnode *vn;
    int64_t len;
    int err = shale_vnode_get(image.v.fs, ino, &vn);

    ck_assert_msg(!err, "%d: %s", err, image.v.said);
    len = shale_getxattr(vn, name, buf, size);
    shale_vnode_put(vn);
    return len;
}

/* Attribute NAME of INO is the LEN bytes of WANT, however it is asked for. */
static inline void is(uint64_t ino, const char *name, const void *want,
                      size_t len)
{
    char got[1024];
    int64_t got_len = get(ino, name, got, sizeof got);

    ck_assert_msg(got_len == (int64_t)len, "%s: %d bytes", name, (int)got_len);
    ck_assert_msg(memcmp(got, want, len) == 0, "%s", name);
    ck_assert_int_eq(get(ino, name, NULL, 0), (int64_t)len);
    ck_assert_int_eq(get(ino, name, got, len + 1), (int64_t)len);
    if (len > 1)
        ck_assert_int_eq(get(ino, name, got, len - 1), SHALE_ERANGE);
}

static inline int collect(void *context, const char *name, size_t len)
{
    char *all = context;

    strncat(all, name, len);
    strcat(all, " ");
    return 0;
}

/* INO has the attributes WANT, each with a space behind it. */
static inline void lists(uint64_t ino, const char *want)
{
    struct shale_vnode *vn;
    char all[2048] = "";

    ck_assert_int_eq(shale_vnode_get(image.v.fs, ino, &vn), 0);
    ck_assert_int_eq(ntfs_listxattr(vn, collect, all), 0);
    ck_assert_str_eq(all, want);
    shale_vnode_put(vn);
}

#endif /* TEST_NTFS_FILE_H */
