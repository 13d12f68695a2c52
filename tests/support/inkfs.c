/*
 * inkfs.c - a filesystem that writes: its driver
 *
 * Everything is looked up on the volume each time; a vnode holds nothing that
 * is not in its head.
 */
#include "inkfs.h"

#include <string.h>
#include <strings.h>

#include "inkdisk.h"
#include "vfs/vfs.h"
#include "watch.h"

/* The device may be another; the log is always the ink's. */
static struct ink *ink_of(const struct shale_fs *fs)
{
    return (struct ink *)((char *)fs->state->log - offsetof(struct ink, log));
}

/* Count OP, and answer what it is told to answer. */
static int enter(struct shale_fs *fs, enum ink_op op)
{
    struct ink *ink = ink_of(fs);

    atomic_fetch_add(&ink->calls[op], 1);
    if (ink->fail_times[op] == 0)
        return 0;
    if (ink->fail_after[op] > 0) {
        ink->fail_after[op]--;
        return 0;
    }
    ink->fail_times[op]--;
    return ink->fail[op];
}

/* As above, for what changes the volume: with its lock exclusive. */
static int enter_change(struct shale_fs *fs, enum ink_op op)
{
    watch_volume(fs, true);
    return enter(fs, op);
}

/* -------------------------------------------------------------- blocks */

/* Get BLOCK; if RANK is not NO_CHANGE, to be changed. */
#define NO_CHANGE (-1)

static int block_get(struct shale_fs *fs, uint64_t block, int rank,
                     struct shale_buf **out)
{
    int err = shale_buf_get(fs->cache, block, out);

    if (err || rank == NO_CHANGE)
        return err;
    err = shale_tx_change(fs->tx, *out, (enum shale_rank)rank);
    if (err)
        shale_buf_put(*out);
    return err;
}

static int file_get(struct shale_fs *fs, uint64_t ino, bool change,
                    struct shale_buf **buf, struct ink_file **out)
{
    int err;

    if (ino < 1 || ino > INK_FILES)
        return SHALE_ESTALE;
    err = block_get(fs, INK_FILE_BLOCK(ino),
                    change ? SHALE_RANK_NODE : NO_CHANGE, buf);
    if (err)
        return err;
    *out = (struct ink_file *)(void *)(*buf)->data;
    if (!change && (*out)->type == 0) {
        shale_buf_put(*buf);
        return SHALE_ESTALE;
    }
    return 0;
}

static int name_get(struct shale_fs *fs, uint64_t slot, bool change,
                    struct shale_buf **buf, struct ink_name **out)
{
    int err = block_get(fs, INK_NAME_BLOCK(slot),
                        change ? SHALE_RANK_NAME : NO_CHANGE, buf);

    if (!err)
        *out = (struct ink_name *)(void *)(*buf)->data +
               slot % INK_NAMES_A_BLOCK;
    return err;
}

/* --------------------------------------------------------------- names */

static bool name_is(const struct shale_fs *fs, const struct ink_name *entry,
                    uint64_t dir, const char *name, size_t len)
{
    if (!entry->ino || entry->dir != dir || entry->len != len)
        return false;
    return ink_of(fs)->fold_case ? strncasecmp(entry->name, name, len) == 0
                                 : memcmp(entry->name, name, len) == 0;
}

/* The slot of NAME in DIR. */
static int name_find(struct shale_fs *fs, uint64_t dir, const char *name,
                     size_t len, uint64_t *slot, uint64_t *ino)
{
    for (uint64_t i = 0; i < INK_NAMES; i++) {
        struct ink_name *entry;
        struct shale_buf *buf;
        int err = name_get(fs, i, false, &buf, &entry);
        bool found;

        if (err)
            return err;
        found = name_is(fs, entry, dir, name, len);
        if (found) {
            *slot = i;
            *ino = entry->ino;
        }
        shale_buf_put(buf);
        if (found)
            return 0;
    }
    return SHALE_ENOENT;
}

/* A slot that is in DIR / is free, for DIR 0. */
static int name_of_dir(struct shale_fs *fs, uint64_t dir, uint64_t *slot)
{
    for (uint64_t i = 0; i < INK_NAMES; i++) {
        struct ink_name *entry;
        struct shale_buf *buf;
        int err = name_get(fs, i, false, &buf, &entry);
        bool found;

        if (err)
            return err;
        found = dir ? entry->ino && entry->dir == dir : !entry->ino;
        shale_buf_put(buf);
        if (found) {
            *slot = i;
            return 0;
        }
    }
    return dir ? SHALE_ENOENT : SHALE_ENOSPC;
}

static int name_add(struct shale_fs *fs, uint64_t dir, const char *name,
                    size_t len, uint64_t ino)
{
    struct ink_name *entry;
    struct shale_buf *buf;
    uint64_t slot = 0;
    int err = name_of_dir(fs, 0, &slot);

    if (!err)
        err = name_get(fs, slot, true, &buf, &entry);
    if (err)
        return err;
    *entry = (struct ink_name){
        .dir = (uint32_t)dir, .ino = (uint32_t)ino, .len = (uint32_t)len,
    };
    memcpy(entry->name, name, len);
    shale_buf_put(buf);
    return 0;
}

static int name_drop(struct shale_fs *fs, uint64_t dir, const char *name,
                     size_t len)
{
    struct ink_name *entry;
    struct shale_buf *buf;
    uint64_t slot = 0, ino;
    int err = name_find(fs, dir, name, len, &slot, &ino);

    if (!err)
        err = name_get(fs, slot, true, &buf, &entry);
    if (err)
        return err;
    entry->ino = 0;
    shale_buf_put(buf);
    return 0;
}

/* --------------------------------------------------------------- mount */

static bool ink_probe(const uint8_t *head, size_t len)
{
    return len >= 3 && memcmp(head, "INK", 3) == 0;
}

static int ink_mount_fs(struct shale_fs *fs)
{
    watch_mount(fs);
    fs->root_ino = INK_ROOT;
    return shale_fs_set_blocks(fs, INK_BLOCK, INK_BLOCKS);
}

static void ink_unmount_fs(struct shale_fs *fs)
{
    (void)fs;
}

static int ink_load(struct shale_vnode *vn)
{
    struct ink_file *file;
    struct shale_buf *buf;
    int err = enter(vn->fs, INK_LOAD);

    watch_volume(vn->fs, false);
    watch_load(vn);
    if (!err)
        err = file_get(vn->fs, vn->ino, false, &buf, &file);
    if (err)
        return err;
    vn->size = file->size;
    vn->links = file->links;
    vn->type = (enum shale_type)file->type;
    shale_buf_put(buf);
    return 0;
}

static void ink_evict(struct shale_vnode *vn)
{
    watch_insist(vn->refs == 0, "a vnode in use is evicted");
    watch_not(WATCH_TABLE, "evict under the table's lock");
}

static int ink_getattr(struct shale_vnode *vn, struct shale_attr *out)
{
    struct ink_file *file;
    struct shale_buf *buf;
    int err = file_get(vn->fs, vn->ino, false, &buf, &file);

    watch_volume(vn->fs, false);
    if (err)
        return err;
    *out = (struct shale_attr){
        .ino = vn->ino, .size = file->size, .links = file->links,
        .mode = file->mode,
        .mtime = { (int64_t)file->mtime, 0 },
    };
    for (unsigned i = 0; i < INK_FILE_UNITS; i++)
        if (file->units[i])
            out->allocated += INK_BLOCK;
    shale_buf_put(buf);
    return 0;
}

static int ink_lookup(struct shale_vnode *dir, const char *name, size_t len,
                      uint64_t *ino)
{
    uint64_t slot;

    watch_volume(dir->fs, false);
    return name_find(dir->fs, dir->ino, name, len, &slot, ino);
}

static int ink_parent(struct shale_vnode *dir, uint64_t *ino)
{
    watch_volume(dir->fs, false);
    for (uint64_t i = 0; i < INK_NAMES; i++) {
        struct ink_name *entry;
        struct shale_buf *buf;
        int err = name_get(dir->fs, i, false, &buf, &entry);
        bool found;

        if (err)
            return err;
        found = entry->ino == dir->ino;
        *ino = entry->dir;
        shale_buf_put(buf);
        if (found)
            return 0;
    }
    return SHALE_ENOENT;
}

static int ink_iterate(struct shale_vnode *dir, uint64_t cookie,
                       shale_emit_fn *emit, void *context)
{
    watch_volume(dir->fs, false);
    for (uint64_t i = cookie; i < INK_NAMES; i++) {
        struct shale_dirent dirent = { .next = i + 1 };
        struct ink_name *entry, copy;
        struct shale_buf *buf;
        int r = name_get(dir->fs, i, false, &buf, &entry);

        if (r)
            return r;
        copy = *entry;
        shale_buf_put(buf);
        dirent.name = copy.name;
        dirent.len = copy.len;
        dirent.ino = copy.ino;
        if (copy.ino && copy.dir == dir->ino)
            r = emit(context, &dirent);
        if (r)
            return r;
    }
    return 0;
}

/* One unit at a time, so that the VFS has something to join. */
static int ink_map(struct shale_vnode *vn, uint64_t offset, uint64_t len,
                   struct shale_extent *out)
{
    struct ink_file *file;
    struct shale_buf *buf;
    uint64_t into = offset % INK_BLOCK;
    uint32_t unit;
    int err = file_get(vn->fs, vn->ino, false, &buf, &file);

    watch_volume(vn->fs, false);
    watch_vnode(vn, false);
    watch_insist(offset < vn->size && len > 0, "map is asked for nothing");
    if (err)
        return err;
    unit = file->units[offset / INK_BLOCK];
    shale_buf_put(buf);
    *out = (struct shale_extent){
        .offset = offset, .length = INK_BLOCK - into,
        .device = INK_UNIT_AT(unit) + into,
        .kind = unit ? SHALE_EXTENT_DATA : SHALE_EXTENT_HOLE,
    };
    if (!unit && !vn->fs->ops->holes)
        return shale_corrupt_inode(vn->fs, "ink: no unit", 0, vn->ino);
    return 0;
}

/* -------------------------------------------------------------- names */

static int ink_create_op(struct shale_vnode *dir, const char *name, size_t len,
                         const struct shale_node *node, uint64_t *ino)
{
    struct shale_fs *fs = dir->fs;
    int err = enter_change(fs, INK_CREATE);

    for (uint64_t i = INK_ROOT + 1; !err && i <= INK_FILES; i++) {
        struct ink_file *file;
        struct shale_buf *buf;

        /* A number is not used again while somebody holds what had it. */
        err = file_get(fs, i, false, &buf, &file);
        if (!err)
            shale_buf_put(buf);
        if (err != SHALE_ESTALE || shale_vnode_in_memory(fs, i))
            continue;
        err = file_get(fs, i, true, &buf, &file);
        if (err)
            return err;
        *file = (struct ink_file){
            .type = (uint32_t)shale_type_of_mode(node->mode), .links = 1,
            .mode = node->mode, .mtime = (uint64_t)shale_now(fs).sec,
        };
        shale_buf_put(buf);
        *ino = i;
        return name_add(fs, dir->ino, name, len, i);
    }
    return err && err != SHALE_ESTALE ? err : SHALE_ENOSPC;
}

/* The links of VN become LINKS. */
static int links_set(struct shale_vnode *vn, uint32_t links)
{
    struct ink_file *file;
    struct shale_buf *buf;
    int err = file_get(vn->fs, vn->ino, true, &buf, &file);

    if (err)
        return err;
    file->links = links;
    shale_buf_put(buf);
    vn->links = links;
    return 0;
}

static int ink_link_op(struct shale_vnode *vn, struct shale_vnode *dir,
                       const char *name, size_t len)
{
    int err = enter_change(vn->fs, INK_LINK);

    if (!err)
        err = name_add(vn->fs, dir->ino, name, len, vn->ino);
    return err ? err : links_set(vn, vn->links + 1);
}

/* 0 if VN is no directory, or an empty one. */
static int check_empty(struct shale_vnode *vn)
{
    uint64_t slot;
    int err = vn->type == SHALE_TYPE_DIR
                  ? name_of_dir(vn->fs, vn->ino, &slot) : SHALE_ENOENT;

    if (err == SHALE_ENOENT)
        return 0;
    return err ? err : SHALE_ENOTEMPTY;
}

static int ink_remove_op(struct shale_vnode *dir, const char *name, size_t len,
                         struct shale_vnode *vn)
{
    int err = enter_change(dir->fs, INK_REMOVE);

    if (!err)
        err = check_empty(vn);
    if (!err)
        err = name_drop(dir->fs, dir->ino, name, len);
    return err ? err : links_set(vn, vn->links - 1);
}

static int ink_rename_op(const struct shale_rename *what)
{
    struct shale_fs *fs = what->from->fs;
    int err = enter_change(fs, INK_RENAME);

    watch_insist(what->vn && what->vn != what->victim, "nothing to rename");
    if (!err && what->victim)
        err = check_empty(what->victim);
    if (!err && what->victim)
        err = name_drop(fs, what->to->ino, what->to_name, what->to_len);
    if (!err)
        err = name_drop(fs, what->from->ino, what->name, what->len);
    if (!err)
        err = name_add(fs, what->to->ino, what->to_name, what->to_len,
                       what->vn->ino);
    if (!err && what->victim)
        err = links_set(what->victim, what->victim->links - 1);
    return err;
}

static int ink_setattr_op(struct shale_vnode *vn,
                          const struct shale_setattr *what)
{
    struct ink_file *file;
    struct shale_buf *buf;
    int err = enter_change(vn->fs, INK_SETATTR);

    if (!err)
        err = file_get(vn->fs, vn->ino, true, &buf, &file);
    if (err)
        return err;
    if (what->valid & SHALE_SET_MODE)
        file->mode = (file->mode & SHALE_S_IFMT) | (what->mode & 07777u);
    if (what->valid & SHALE_SET_MTIME)
        file->mtime = (uint64_t)what->mtime.sec;
    shale_buf_put(buf);
    return 0;
}

static int64_t ink_getxattr(struct shale_vnode *vn, const char *name,
                            void *to, size_t size)
{
    struct ink_file *file;
    struct shale_buf *buf;
    int64_t len = file_get(vn->fs, vn->ino, false, &buf, &file);

    watch_volume(vn->fs, false);
    if (len)
        return len;
    len = SHALE_ENODATA;
    if (strcmp(name, "user.note") == 0 && file->note_len)
        len = file->note_len - 1;
    if (len > 0 && size > 0 && (size_t)len > size)
        len = SHALE_ERANGE;
    if (len > 0 && size > 0)
        memcpy(to, file->note, (size_t)len);
    shale_buf_put(buf);
    return len;
}

static int ink_setxattr(struct shale_vnode *vn, const char *name,
                        const void *value, size_t size)
{
    struct ink_file *file;
    struct shale_buf *buf;
    int err = 0;

    watch_volume(vn->fs, true);
    if (strcmp(name, "user.note") != 0)
        return SHALE_ENOTSUP;
    if (size > sizeof file->note)
        return SHALE_ENOSPC;
    err = file_get(vn->fs, vn->ino, true, &buf, &file);
    if (err)
        return err;
    if (!value && !file->note_len)
        err = SHALE_ENODATA;
    file->note_len = value ? (uint32_t)size + 1 : 0;
    if (value)
        memcpy(file->note, value, size);
    shale_buf_put(buf);
    return err;
}

static int ink_set_label(struct shale_fs *fs, const char *label, size_t len)
{
    struct shale_buf *buf;
    int err;

    watch_volume(fs, true);
    if (len > INK_LABEL_MAX)
        return SHALE_EINVAL;
    err = block_get(fs, 0, SHALE_RANK_MAP, &buf);
    if (err)
        return err;
    memset(buf->data + INK_LABEL_AT, 0, INK_LABEL_MAX);
    memcpy(buf->data + INK_LABEL_AT, label, len);
    shale_buf_put(buf);
    return 0;
}

/* ---------------------------------------------------------------- space */

/* Take a unit that is free, the first one from GOAL on, around the end. */
static int unit_take(struct shale_fs *fs, uint32_t goal, uint32_t *out)
{
    struct shale_buf *buf;
    int err = block_get(fs, INK_MAP_BLOCK, SHALE_RANK_MAP, &buf);

    if (err)
        return err;
    err = SHALE_ENOSPC;
    for (uint32_t i = 0; err && i < INK_UNITS; i++) {
        uint32_t unit = (goal + i - 1) % INK_UNITS + 1;

        if (!buf->data[unit]) {
            buf->data[unit] = 1;
            *out = unit;
            err = 0;
        }
    }
    shale_buf_put(buf);
    return err;
}

static int ink_allocate(struct shale_vnode *vn, uint64_t offset, uint64_t len,
                        struct shale_extent *out)
{
    struct shale_fs *fs = vn->fs;
    uint64_t most = ink_of(fs)->piece ? ink_of(fs)->piece : UINT64_MAX;
    uint64_t first = offset / INK_BLOCK, i;
    struct ink_file *file;
    struct shale_buf *buf;
    bool fresh;
    int err = enter_change(fs, INK_ALLOCATE);

    watch_vnode(vn, true);
    watch_insist(len > 0, "allocate is asked for nothing");
    if (!err)
        err = file_get(fs, vn->ino, true, &buf, &file);
    if (err)
        return err;
    if (!fs->ops->holes && first > 0)
        watch_insist(file->units[first - 1], "a hole is to be made");
    if (len > most)
        len = most;

    fresh = !file->units[first];
    for (i = first; !err && i * INK_BLOCK < offset + len; i++) {
        uint32_t unit = file->units[i], last = i ? file->units[i - 1] : 0;

        if (fresh != !unit || (i > first && !fresh && unit != last + 1))
            break;
        if (fresh)
            err = unit_take(fs, last + 1, &unit);
        if (!err && fresh && i > first && unit != last + 1) {
            struct shale_buf *map;

            err = block_get(fs, INK_MAP_BLOCK, SHALE_RANK_MAP, &map);
            if (!err) {
                map->data[unit] = 0;    /* not in a row: for the next call */
                shale_buf_put(map);
            }
            break;
        }
        if (!err)
            file->units[i] = unit;
    }
    if (err == SHALE_ENOSPC && i - 1 > first) {
        i--;                    /* as far as it goes */
        err = 0;
    }
    *out = (struct shale_extent){
        .offset = first * INK_BLOCK, .length = (i - first) * INK_BLOCK,
        .device = INK_UNIT_AT(file->units[first]),
        .kind = fresh ? SHALE_EXTENT_UNWRITTEN : SHALE_EXTENT_DATA,
    };
    shale_buf_put(buf);
    if (!err && !fresh) {       /* begins at OFFSET */
        out->device += offset - out->offset;
        out->length -= offset - out->offset;
        out->offset = offset;
    }
    return err;
}

/* Free the units of FILE from number FIRST on. */
static int units_free(struct shale_fs *fs, struct ink_file *file,
                      uint64_t first)
{
    for (uint64_t i = first; i < INK_FILE_UNITS; i++) {
        struct shale_tx_run run = { file->units[i], 1 };
        int err = file->units[i] ? shale_tx_free(fs->tx, run) : 0;

        if (err)
            return err;
        file->units[i] = 0;
    }
    return 0;
}

static int ink_resize(struct shale_vnode *vn, uint64_t size)
{
    struct ink_file *file;
    struct shale_buf *buf;
    int err = enter_change(vn->fs, INK_RESIZE);

    watch_vnode(vn, true);
    if (!err && size > (uint64_t)INK_FILE_UNITS * INK_BLOCK)
        err = SHALE_EFBIG;
    if (!err)
        err = file_get(vn->fs, vn->ino, true, &buf, &file);
    if (err)
        return err;
    if (size < file->size)
        err = units_free(vn->fs, file, (size + INK_BLOCK - 1) / INK_BLOCK);
    if (!err) {
        file->size = size;
        file->mtime = (uint64_t)shale_now(vn->fs).sec;
        vn->size = size;
    }
    shale_buf_put(buf);
    return err;
}

static int ink_trim(struct shale_vnode *vn)
{
    struct ink_file *file;
    struct shale_buf *buf;
    int err = enter_change(vn->fs, INK_TRIM);

    if (!err)
        err = file_get(vn->fs, vn->ino, true, &buf, &file);
    if (err)
        return err;
    err = units_free(vn->fs, file, (file->size + INK_BLOCK - 1) / INK_BLOCK);
    shale_buf_put(buf);
    return err;
}

static int ink_release(struct shale_vnode *vn)
{
    struct ink_file *file;
    struct shale_buf *buf;
    int err = enter_change(vn->fs, INK_RELEASE);

    watch_insist(vn->refs == 0 && vn->links == 0, "a file in use is released");
    watch_insist(vn->leaving, "a file is released that can be had");
    watch_insist(shale_vnode_in_memory(vn->fs, vn->ino),
                 "a number can be given again before its file is released");
    if (!err)
        err = file_get(vn->fs, vn->ino, true, &buf, &file);
    if (err)
        return err;
    err = units_free(vn->fs, file, 0);
    file->type = 0;
    shale_buf_put(buf);
    return err;
}

static int ink_reclaim(struct shale_fs *fs, struct shale_tx_run run)
{
    struct shale_buf *buf;
    int err = enter_change(fs, INK_RECLAIM);

    if (!err)
        err = block_get(fs, INK_MAP_BLOCK, SHALE_RANK_MAP, &buf);
    if (err)
        return err;
    for (uint64_t i = 0; i < run.count; i++) {
        watch_insist(buf->data[run.first + i] == 1, "a free unit is freed");
        buf->data[run.first + i] = 0;
    }
    shale_buf_put(buf);
    return 0;
}

static int ink_mark(struct shale_fs *fs, bool clean)
{
    struct shale_buf *buf;
    int err = enter_change(fs, INK_MARK);

    if (!err)
        err = block_get(fs, 0, SHALE_RANK_MAP, &buf);
    if (err)
        return err;
    buf->data[INK_IN_USE_AT] = !clean;
    shale_buf_put(buf);
    return 0;
}

static void ink_purge(struct shale_fs *fs)
{
    watch_volume(fs, true);
    enter(fs, INK_PURGE);
}

/* --------------------------------------------------------------- tables */

#define INK_OPS_TABLE                                                   \
    .vnode_size = sizeof(struct shale_vnode),                           \
    .traits     = SHALE_TRAIT_FOLDS_CASE, /* with ink.fold_case */      \
    .name_max   = INK_NAME_MAX,                                         \
    .file_max   = (uint64_t)INK_FILE_UNITS * INK_BLOCK,                 \
    .probe      = ink_probe,                                            \
    .mount      = ink_mount_fs,                                         \
    .unmount    = ink_unmount_fs,                                       \
    .load       = ink_load,                                             \
    .evict      = ink_evict,                                            \
    .getattr    = ink_getattr,                                          \
    .lookup     = ink_lookup,                                           \
    .parent     = ink_parent,                                           \
    .iterate    = ink_iterate,                                          \
    .map        = ink_map,                                              \
    .getxattr   = ink_getxattr,                                         \
    .create     = ink_create_op,                                        \
    .link       = ink_link_op,                                          \
    .remove     = ink_remove_op,                                        \
    .rename     = ink_rename_op,                                        \
    .setattr    = ink_setattr_op,                                       \
    .allocate   = ink_allocate,                                         \
    .resize     = ink_resize,                                           \
    .trim       = ink_trim,                                             \
    .release    = ink_release,                                          \
    .setxattr   = ink_setxattr,                                         \
    .set_label  = ink_set_label,                                        \
    .reclaim    = ink_reclaim,                                          \
    .mark       = ink_mark,                                             \
    .purge      = ink_purge

const struct shale_fs_ops ink_ops = { .name = "ink", INK_OPS_TABLE };

const struct shale_fs_ops ink_hole_ops = {
    .name = "inkhole", .holes = true, INK_OPS_TABLE
};
