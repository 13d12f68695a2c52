/*
 * toyfs.c - a driver for Shale, whole
 *
 * What a driver has to do for files to be read: say whether a volume is its,
 * find names, and say where a file's bytes lie. Paths, locks, caches, handles
 * and reading are the core's. Each number from the volume is checked in
 * record_get(), and believed after that.
 */
#include "toyfs.h"

#include <string.h>             /* memcpy, memcmp: no more is asked for */

#include "shale/shale.h"

#define BLOCK 512u              /* of the buffer cache */

/* Where each field of a record is. */
enum { PARENT = 0, TYPE = 4, START = 8, SIZE = 12, NAME = 16 };

/* A mounted volume: fs->volume points here. */
struct toy_volume {
    uint32_t count;             /* records */
};

/* A file in memory: begins with what the core knows of it. */
struct toy_vnode {
    struct shale_vnode base;
    uint32_t start;
};

/* A record, decoded and checked. */
struct toy_record {
    uint32_t parent, type, start, size;
    size_t len;
    char name[TOYFS_NAME + 1];
};

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
           (uint32_t)at[3] << 24;
}

/* ------------------------------------------------------------- records */

/* Which rule RECORD, number INDEX, breaks; NULL: none. */
static const char *record_check(const struct shale_fs *fs, uint32_t index,
                                const struct toy_record *record)
{
    if (record->type != TOYFS_DIR && record->type != TOYFS_FILE)
        return "toyfs: a record of no type";
    if (index == 0)
        return record->type == TOYFS_DIR ? NULL : "toyfs: the root is a file";
    if (record->parent >= index)
        return "toyfs: a record before its parent";
    if (record->start > fs->dev->size ||
        record->size > fs->dev->size - record->start)
        return "toyfs: data outside the volume";
    if (record->len == 0 || record->len > TOYFS_NAME)
        return "toyfs: a name of no length";
    for (size_t i = 0; i < record->len; i++)
        if (record->name[i] == '/')
            return "toyfs: a name with a slash";
    return NULL;
}

/* Read record INDEX. A block of the cache is pinned, used, and put. */
static int record_get(struct shale_fs *fs, uint32_t index,
                      struct toy_record *out)
{
    const struct toy_volume *volume = fs->volume;
    uint64_t at = (uint64_t)TOYFS_RECORD * (index + 1);
    const uint8_t *raw;
    struct shale_buf *buf;
    const char *wrong;
    int err;

    if (index >= volume->count)
        return SHALE_ESTALE;
    err = shale_buf_get(fs->cache, at / BLOCK, &buf);
    if (err)
        return err;
    raw = buf->data + at % BLOCK;
    out->parent = get32(raw + PARENT);
    out->type = get32(raw + TYPE);
    out->start = get32(raw + START);
    out->size = get32(raw + SIZE);
    memcpy(out->name, raw + NAME, sizeof out->name);
    shale_buf_put(buf);

    out->len = 0;
    while (out->len < sizeof out->name && out->name[out->len] != '\0')
        out->len++;
    wrong = record_check(fs, index, out);
    return wrong ? shale_corrupt(fs, wrong, at) : 0;
}

static enum shale_type type_of(const struct toy_record *record)
{
    return record->type == TOYFS_DIR ? SHALE_TYPE_DIR : SHALE_TYPE_FILE;
}

/* ------------------------------------------------------------- volumes */

static bool toy_probe(const uint8_t *head, size_t len)
{
    return len >= TOYFS_RECORD && memcmp(head, TOYFS_MAGIC, 8) == 0;
}

static int toy_mount(struct shale_fs *fs)
{
    struct toy_volume *volume;
    uint8_t head[12];
    int err = shale_bdev_read_bytes(fs->dev, fs->mem, 0, head, sizeof head);

    if (err)
        return err;
    if (memcmp(head, TOYFS_MAGIC, 8) != 0)
        return shale_corrupt(fs, "toyfs: no head", 0);
    if (get32(head + 8) == 0 ||
        get32(head + 8) >= fs->dev->size / TOYFS_RECORD)
        return shale_corrupt(fs, "toyfs: more records than there is room", 8);

    err = shale_fs_set_blocks(fs, BLOCK, fs->dev->size / BLOCK);
    if (err)
        return err;
    volume = shale_zalloc(fs->mem, sizeof *volume);
    if (!volume)
        return SHALE_ENOMEM;
    volume->count = get32(head + 8);
    fs->volume = volume;
    fs->root_ino = 1;           /* record INDEX is file INDEX + 1 */
    return 0;
}

static void toy_unmount(struct shale_fs *fs)
{
    shale_free(fs->mem, fs->volume, sizeof(struct toy_volume));
    fs->volume = NULL;
}

static int toy_statfs(struct shale_fs *fs, struct shale_statfs *out)
{
    const struct toy_volume *volume = fs->volume;

    *out = (struct shale_statfs){
        .blocks = fs->dev->size / BLOCK, .block_size = BLOCK,
        .files = volume->count, .name_max = TOYFS_NAME,
    };
    return 0;
}

/* --------------------------------------------------------------- files */

static int toy_load(struct shale_vnode *base)
{
    struct toy_vnode *vn = (struct toy_vnode *)base;
    struct toy_record record;
    int err = record_get(base->fs, (uint32_t)base->ino - 1, &record);

    if (err)
        return err;
    vn->start = record.start;
    base->type = type_of(&record);
    base->size = record.size;
    base->links = 1;
    return 0;
}

static int toy_peek(struct shale_fs *fs, uint64_t ino, struct shale_attr *out)
{
    struct toy_record record;
    int err = record_get(fs, (uint32_t)ino - 1, &record);

    if (err)
        return err;
    *out = (struct shale_attr){
        .ino = ino, .size = record.size, .allocated = record.size,
        .mode = record.type == TOYFS_DIR ? SHALE_S_IFDIR | 0555
                                         : SHALE_S_IFREG | 0444,
        .links = 1, .block_size = BLOCK,
    };
    return 0;
}

static int toy_getattr(struct shale_vnode *vn, struct shale_attr *out)
{
    return toy_peek(vn->fs, vn->ino, out);
}

/* Where the bytes are is all that a driver says of a file's data. */
static int toy_map(struct shale_vnode *base, uint64_t offset, uint64_t len,
                   struct shale_extent *out)
{
    const struct toy_vnode *vn = (const struct toy_vnode *)base;

    (void)len;                  /* more than was asked for is welcome */
    *out = (struct shale_extent){
        .offset = offset, .length = base->size - offset,
        .device = vn->start + offset, .kind = SHALE_EXTENT_DATA,
    };
    return 0;
}

/* --------------------------------------------------------- directories */

static int toy_iterate(struct shale_vnode *dir, uint64_t cookie,
                       shale_emit_fn *emit, void *context)
{
    const struct toy_volume *volume = dir->fs->volume;
    int r = 0;

    /* A cookie is a record's number; record 0, the root, is in no directory. */
    for (uint64_t i = cookie ? cookie : 1; i < volume->count && !r; i++) {
        struct toy_record record;

        r = record_get(dir->fs, (uint32_t)i, &record);
        if (!r && record.parent == dir->ino - 1) {
            const struct shale_dirent entry = {
                .name = record.name, .len = record.len, .ino = i + 1,
                .next = i + 1, .type = type_of(&record),
            };

            r = emit(context, &entry);
        }
    }
    return r;
}

static int toy_lookup(struct shale_vnode *dir, const char *name, size_t len,
                      uint64_t *ino)
{
    const struct toy_volume *volume = dir->fs->volume;

    for (uint32_t i = 1; i < volume->count; i++) {
        struct toy_record record;
        int err = record_get(dir->fs, i, &record);

        if (err)
            return err;
        if (record.parent == dir->ino - 1 && record.len == len &&
            memcmp(record.name, name, len) == 0) {
            *ino = (uint64_t)i + 1;
            return 0;
        }
    }
    return SHALE_ENOENT;
}

static int toy_parent(struct shale_vnode *dir, uint64_t *ino)
{
    struct toy_record record;
    int err = record_get(dir->fs, (uint32_t)dir->ino - 1, &record);

    if (!err)
        *ino = (uint64_t)record.parent + 1;
    return err;
}

const struct shale_fs_ops toyfs = {
    .name       = "toyfs",
    .vnode_size = sizeof(struct toy_vnode),
    .name_max   = TOYFS_NAME,
    .probe      = toy_probe,
    .mount      = toy_mount,
    .unmount    = toy_unmount,
    .statfs     = toy_statfs,
    .load       = toy_load,
    .getattr    = toy_getattr,
    .peek       = toy_peek,
    .lookup     = toy_lookup,
    .parent     = toy_parent,
    .iterate    = toy_iterate,
    .map        = toy_map,
};
