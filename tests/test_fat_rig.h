/*
 * test_fat_rig.h - a FAT volume in memory, made by the driver, mounted to write
 */
#ifndef TEST_FAT_RIG_H
#define TEST_FAT_RIG_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fat32/fat.h"
#include "fatcheck.h"
#include "shale/shale.h"
#include "volume.h"

static struct {
    uint8_t *bytes;
    size_t size;
    struct volume v;
    struct shale_vnode *root;
    struct fatcheck check;
} rig;

/* What goes wrong is a failed test. */
#define GOOD(call) ck_assert_int_eq((int)(call), 0)

static inline void rig_mount(const char *options)
{
    ck_assert_msg(volume_to_write(&rig.v, rig.bytes, rig.size) == 0 &&
                  volume_mount(&rig.v, options) == 0, "%s", rig.v.said);
    GOOD(shale_vnode_get(rig.v.fs, shale_root_ino(rig.v.fs), &rig.root));
}

static inline void rig_unmount(void)
{
    shale_vnode_put(rig.root);
    rig.root = NULL;
    ck_assert_uint_eq(volume_close(&rig.v), 0);
}

/* A volume of KIB, of clusters of CLUSTER bytes, mounted with OPTIONS. */
static inline void rig_make(unsigned bits, size_t kib, uint32_t sector,
                            uint32_t cluster, const char *options)
{
    const struct shale_format format = {
        .fat_bits = bits, .sector_size = sector, .block_size = cluster,
    };
    struct volume v;

    rig.size = kib << 10;
    rig.bytes = calloc(1, rig.size);
    ck_assert(rig.bytes && volume_to_write(&v, rig.bytes, rig.size) == 0);
    ck_assert_msg(shale_mkfs(&shale_fat, v.dev, v.mem, &v.log, &format) == 0,
                  "%s", v.said);
    ck_assert_uint_eq(volume_close(&v), 0);
    rig_mount(options);
}

/* Unmounted, the volume has no fault. Its entries are in rig.check then. */
static inline void rig_look(void)
{
    rig_unmount();
    ck_assert_msg(fatcheck_run(&rig.check, rig.bytes, rig.size) == 0, "%s",
                  rig.check.said);
}

static inline void rig_free(void)
{
    fatcheck_free(&rig.check);
    memset(&rig.check, 0, sizeof rig.check);
    free(rig.bytes);
}

static inline void rig_end(void)
{
    rig_look();
    rig_free();
}

static inline struct fat_volume *rig_volume(void)
{
    return fat_volume_of(rig.v.fs);
}

/* ----------------------------------------------------------------- calls */

static inline int rig_try(struct shale_vnode *dir, const char *name,
                          uint32_t mode, struct shale_vnode **out)
{
    const struct shale_node node = { .mode = mode };

    return shale_create(dir, name, strlen(name), &node, out);
}

static inline struct shale_vnode *rig_create(struct shale_vnode *dir,
                                             const char *name)
{
    struct shale_vnode *vn;

    ck_assert_int_eq(rig_try(dir, name, SHALE_S_IFREG | 0644, &vn), 0);
    return vn;
}

static inline struct shale_vnode *rig_mkdir(struct shale_vnode *dir,
                                            const char *name)
{
    struct shale_vnode *vn;

    ck_assert_int_eq(rig_try(dir, name, SHALE_S_IFDIR | 0755, &vn), 0);
    return vn;
}

/* Make a file that nobody holds. */
static inline void rig_touch(struct shale_vnode *dir, const char *name)
{
    shale_vnode_put(rig_create(dir, name));
}

static inline int rig_unlink(struct shale_vnode *dir, const char *name)
{
    return shale_unlink(dir, name, strlen(name));
}

static inline int rig_rename(struct shale_vnode *from, const char *name,
                             struct shale_vnode *to, const char *to_name)
{
    return shale_rename(from, name, strlen(name), to, to_name,
                        strlen(to_name), 0);
}

/* Write LEN bytes of BYTE at OFFSET. */
static inline void rig_write(struct shale_vnode *vn, int byte, size_t len,
                             uint64_t offset)
{
    void *buf = malloc(len);

    ck_assert_ptr_nonnull(buf);
    memset(buf, byte, len);
    ck_assert_int_eq(shale_write(vn, buf, len, offset), (int64_t)len);
    free(buf);
}

/* The runs of a file's clusters. */
static inline unsigned rig_runs(struct shale_vnode *vn)
{
    struct shale_extent extent;
    unsigned runs = 0;

    for (uint64_t at = 0; at < vn->size; at += extent.length) {
        GOOD(shale_map(vn, at, vn->size - at, &extent));
        runs++;
    }
    return runs;
}

static inline uint64_t rig_free_clusters(void)
{
    struct shale_statfs st;

    GOOD(shale_statfs(rig.v.fs, &st));
    return st.blocks_free;
}

/* Names of DIR, in order, as text: "a b c " */
static inline int rig_tell(void *context, const struct shale_dirent *entry)
{
    char *text = context;
    size_t at = strlen(text);

    if (entry->name[0] == '.' && entry->len <= 2)
        return 0;
    snprintf(text + at, 4096 - at, "%.*s ", (int)entry->len, entry->name);
    return 0;
}

static inline const char *rig_list(struct shale_vnode *dir)
{
    static char text[4096];

    text[0] = '\0';
    GOOD(shale_iterate(dir, 0, 0, rig_tell, text));
    return text;
}

#endif /* TEST_FAT_RIG_H */
