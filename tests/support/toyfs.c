/*
 * toyfs.c - a filesystem of a few lines, to test the VFS without a format
 */
#include "toyfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vfs/vfs.h"
#include "watch.h"

/* -------------------------------------------------------------- device */

uint8_t toy_byte(uint64_t at)
{
    return (uint8_t)(at * 7 + (at >> 8) + 1);
}

uint8_t toy_decoded(uint64_t ino, uint64_t at)
{
    return (uint8_t)(at * 13 + (at >> 8) * 3 + ino * 31 + 5);
}

uint32_t toy_generation(uint64_t ino)
{
    return (uint32_t)ino + 1000;
}

/* Count OP, and answer what it is told to answer for INO. */
static int enter(struct toy *toy, enum toy_op op, uint64_t ino)
{
    atomic_fetch_add(&toy->calls[op], 1);
    return toy->fail_ino == 0 || toy->fail_ino == ino ? toy->fail[op] : 0;
}

static int toy_read(struct shale_bdev *dev, uint64_t offset, void *buf,
                    size_t len)
{
    struct toy *toy = (struct toy *)dev;
    uint8_t *to = buf;
    int err = enter(toy, TOY_READ, 0);

    watch_no_more_than(WATCH_VNODE,
                       "data is read under a lock other than the file's");
    if (err)
        return err;
    for (size_t i = 0; i < len; i++)
        to[i] = offset + i < 3 ? (uint8_t)"TOY"[offset + i]
                               : toy_byte(offset + i);
    return 0;
}

static const struct shale_bdev_ops device_ops = { .read = toy_read };

/* -------------------------------------------------------------- driver */

struct toy_vnode {
    struct shale_vnode base;
    struct toy_node *node;
    void *loaded;               /* allocated by load, so that evict counts */
};

#define LOADED_SIZE 24u

static struct toy *toy_of(struct shale_fs *fs)
{
    return (struct toy *)fs->dev;
}

static struct toy_node *node_of(struct shale_vnode *vn)
{
    return ((struct toy_vnode *)vn)->node;
}

/* Insist on the locks of fs.h's table: the volume's ... */
static void insist_volume(struct shale_fs *fs)
{
    watch_volume(fs, false);
}

/* ... and VN's before it. */
static void insist_both(struct shale_vnode *vn)
{
    watch_volume(vn->fs, false);
    watch_vnode(vn, false);
}

static bool toy_probe(const uint8_t *head, size_t len)
{
    return len >= 3 && memcmp(head, "TOY", 3) == 0;
}

static int toy_mount_fs(struct shale_fs *fs)
{
    struct toy *toy = toy_of(fs);
    int err = enter(toy, TOY_MOUNT, 0);

    watch_insist(watch_held() == 0, "mount is called under a lock");
    if (err)
        return shale_refuse(fs, "toy: told to fail", "mount", 3);
    watch_mount(fs);
    err = shale_fs_set_blocks(fs, 1024, TOY_DEVICE / 1024);
    if (err)
        return err;
    fs->volume = shale_alloc(fs->mem, 100);
    if (!fs->volume)
        return SHALE_ENOMEM;
    fs->root_ino = TOY_ROOT;
    return 0;
}

static void toy_unmount_fs(struct shale_fs *fs)
{
    struct toy *toy = toy_of(fs);

    enter(toy, TOY_UNMOUNT, 0);
    watch_insist(watch_held() == 0, "unmount is called under a lock");
    shale_free(fs->mem, fs->volume, 100);
}

static int toy_statfs(struct shale_fs *fs, struct shale_statfs *out)
{
    int err = enter(toy_of(fs), TOY_STATFS, 0);

    insist_volume(fs);
    if (err)
        return err;
    *out = (struct shale_statfs){ .blocks = 64, .block_size = 1024 };
    return 0;
}

static int toy_describe(struct shale_fs *fs, struct shale_describe *to)
{
    insist_volume(fs);
    to->number(to, "block_size", 1024);
    return 0;
}

static int node_of_number(struct toy *toy, uint64_t ino,
                          struct toy_node **out)
{
    bool deleted = (ino & TOY_DELETED) != 0;
    uint64_t number = ino & ~TOY_DELETED;

    if (number < 1 || number > toy->count ||
        toy->nodes[number - 1].stale ||
        toy->nodes[number - 1].deleted != deleted)
        return SHALE_ESTALE;
    *out = &toy->nodes[number - 1];
    return 0;
}

/* Find the node of INO, for load and peek. */
static int find_node(struct toy *toy, enum toy_op op, uint64_t ino,
                     struct toy_node **out)
{
    int err = enter(toy, op, ino);

    if (err)
        return err;
    return node_of_number(toy, ino, out);
}

static int toy_load(struct shale_vnode *base)
{
    struct toy_vnode *vn = (struct toy_vnode *)base;
    struct toy *toy = toy_of(base->fs);
    struct toy_node *node = NULL;
    int err;

    insist_volume(base->fs);
    watch_insist(!vn->node && !vn->loaded && base->refs == 0,
                 "vnode is not fresh");
    watch_load(base);

    err = find_node(toy, TOY_LOAD, base->ino, &node);
    if (err)
        return err;
    if (toy->on_load)
        toy->on_load(toy, base->ino);
    vn->loaded = shale_alloc(base->fs->mem, LOADED_SIZE);
    if (!vn->loaded)
        return SHALE_ENOMEM;
    vn->node = node;
    base->size = node->size;
    base->links = 1;
    base->generation = toy_generation(node->ino);
    base->type = node->type;
    return 0;
}

static void toy_evict(struct shale_vnode *base)
{
    struct toy_vnode *vn = (struct toy_vnode *)base;

    enter(toy_of(base->fs), TOY_EVICT, base->ino);
    watch_insist(base->refs == 0, "a vnode in use is evicted");
    watch_not(WATCH_TABLE, "evict under the table's lock");
    shale_free(base->fs->mem, vn->loaded, LOADED_SIZE);
}

static uint32_t mode_of(enum shale_type type)
{
    static const uint32_t modes[] = {
        [SHALE_TYPE_FILE] = SHALE_S_IFREG,
        [SHALE_TYPE_DIR] = SHALE_S_IFDIR,
        [SHALE_TYPE_SYMLINK] = SHALE_S_IFLNK,
        [SHALE_TYPE_CHAR] = SHALE_S_IFCHR,
        [SHALE_TYPE_BLOCK] = SHALE_S_IFBLK,
        [SHALE_TYPE_FIFO] = SHALE_S_IFIFO,
        [SHALE_TYPE_SOCKET] = SHALE_S_IFSOCK,
    };

    return modes[type] | 0644u;
}

static void node_attr(const struct toy_node *node, struct shale_attr *out)
{
    *out = (struct shale_attr){
        .ino = node->ino | (node->deleted ? TOY_DELETED : 0),
        .size = node->size, .mode = mode_of(node->type), .links = 1,
        .generation = toy_generation(node->ino),
    };
}

static int toy_getattr(struct shale_vnode *vn, struct shale_attr *out)
{
    int err = enter(toy_of(vn->fs), TOY_GETATTR, vn->ino);

    insist_volume(vn->fs);
    if (!err)
        node_attr(node_of(vn), out);
    return err;
}

static int toy_peek(struct shale_fs *fs, uint64_t ino, struct shale_attr *out)
{
    struct toy_node *node = NULL;
    int err = find_node(toy_of(fs), TOY_PEEK, ino, &node);

    insist_volume(fs);
    if (!err)
        node_attr(node, out);
    return err;
}

/* It is a favour: who is alone needs none, and nobody is asked for twice. */
static void toy_ahead(struct shale_fs *fs, const uint64_t *inos, size_t count)
{
    enter(toy_of(fs), TOY_AHEAD, 0);
    insist_volume(fs);
    ck_assert_uint_gt(count, 1);
    for (size_t i = 1; i < count; i++)
        ck_assert_uint_ne(inos[i], inos[i - 1]);
}

static int toy_lookup(struct shale_vnode *dir, const char *name, size_t len,
                      uint64_t *out)
{
    struct toy *toy = toy_of(dir->fs);
    int err = enter(toy, TOY_LOOKUP, dir->ino);

    insist_volume(dir->fs);
    if (err)
        return err;
    for (size_t i = TOY_ROOT; i < toy->count; i++) {
        const struct toy_node *node = &toy->nodes[i];

        if (node->parent == dir->ino && !node->deleted &&
            strlen(node->name) == len && memcmp(node->name, name, len) == 0) {
            *out = node->ino;
            return 0;
        }
    }
    return SHALE_ENOENT;
}

static int toy_parent(struct shale_vnode *dir, uint64_t *out)
{
    int err = enter(toy_of(dir->fs), TOY_PARENT, dir->ino);

    insist_volume(dir->fs);
    if (!err)
        *out = node_of(dir)->parent;
    return err;
}

/* The cookie after a node is its number, so that 0 is before all of them. */
static int toy_iterate(struct shale_vnode *dir, uint64_t cookie,
                       shale_emit_fn *emit, void *context)
{
    struct toy *toy = toy_of(dir->fs);
    int r = enter(toy, TOY_ITERATE, dir->ino);

    insist_volume(dir->fs);
    for (uint64_t i = cookie; !r && i < toy->count; i++) {
        const struct toy_node *node = &toy->nodes[i];
        const struct shale_dirent entry = {
            .name = node->name, .len = strlen(node->name), .ino = node->ino,
            .next = node->ino, .generation = node->means,
            .type = node->shy ? SHALE_TYPE_UNKNOWN : node->type,
        };

        if (node->parent == dir->ino && node->ino != TOY_ROOT &&
            !node->deleted)
            r = emit(context, &entry);
    }
    return r;
}

static bool is_unit(const struct shale_extent *e)
{
    return e->kind == SHALE_EXTENT_INLINE || e->kind == SHALE_EXTENT_ENCODED;
}

static int toy_map(struct shale_vnode *file, uint64_t offset, uint64_t len,
                   struct shale_extent *out)
{
    const struct toy_node *node = node_of(file);
    struct toy *toy = toy_of(file->fs);
    int err = enter(toy, TOY_MAP, file->ino);

    insist_both(file);
    watch_insist(offset < file->size && len > 0, "map is asked for nothing");
    if (err)
        return err;
    if (toy->give_bad_extent) {
        *out = toy->bad_extent;
        return 0;
    }
    for (unsigned i = 0; i < node->extent_count; i++) {
        struct shale_extent e = node->extents[i];
        uint64_t into = offset - e.offset;

        if (offset < e.offset || into >= e.length)
            continue;
        if (is_unit(&e))
            into = node->unit ? into / node->unit * node->unit : 0;
        e.offset += into;
        e.length -= into;
        if (e.kind != SHALE_EXTENT_HOLE)
            e.device += into;
        if (is_unit(&e) && node->unit && e.length > node->unit)
            e.length = node->unit;
        if (!is_unit(&e) && node->piece > 0 && e.length > node->piece)
            e.length = node->piece;
        *out = e;
        return 0;
    }
    return SHALE_EIO;
}

/* As a decoder does, it takes memory for a while. */
static int toy_decode(struct shale_vnode *file,
                      const struct shale_extent *extent, void *buf)
{
    struct toy *toy = toy_of(file->fs);
    int err = enter(toy, TOY_DECODE, file->ino);
    uint8_t *to = buf;
    void *tables;

    watch_vnode(file, false);
    watch_volume(file->fs, false);
    watch_vnode(file, false);
    watch_no_more_than(WATCH_VOLUME, "decode is called under more locks");
    watch_insist(is_unit(extent), "decode is asked for what is not encoded");
    if (toy->on_decode)
        toy->on_decode(toy, file->ino);
    if (err)
        return err;
    tables = shale_alloc(file->fs->mem, 500);
    if (!tables)
        return SHALE_ENOMEM;
    for (uint64_t i = 0; i < extent->length; i++)
        to[i] = toy_decoded(file->ino, extent->offset + i);
    shale_free(file->fs->mem, tables, 500);
    return 0;
}

static int64_t toy_readlink(struct shale_vnode *vn, char *buf, size_t size)
{
    const struct toy_node *node = node_of(vn);
    int err = enter(toy_of(vn->fs), TOY_READLINK, vn->ino);

    insist_volume(vn->fs);
    if (err)
        return err;
    if (node->target_len > size)
        return SHALE_ERANGE;
    memcpy(buf, node->target, node->target_len);
    return (int64_t)node->target_len;
}

static int64_t toy_getxattr(struct shale_vnode *vn, const char *name,
                            void *buf, size_t size)
{
    const struct toy_node *node = node_of(vn);
    int err = enter(toy_of(vn->fs), TOY_GETXATTR, vn->ino);

    insist_volume(vn->fs);
    if (err)
        return err;
    for (unsigned i = 0; i < node->xattr_count; i++) {
        size_t len = strlen(node->xattr_values[i]);

        if (strcmp(node->xattr_names[i], name) != 0)
            continue;
        if (size > 0 && len > size)
            return SHALE_ERANGE;
        if (size > 0)
            memcpy(buf, node->xattr_values[i], len);
        return (int64_t)len;
    }
    return SHALE_ENODATA;
}

static int toy_listxattr(struct shale_vnode *vn,
                         int (*emit)(void *context, const char *name,
                                     size_t len),
                         void *context)
{
    const struct toy_node *node = node_of(vn);
    int r = enter(toy_of(vn->fs), TOY_LISTXATTR, vn->ino);

    insist_volume(vn->fs);
    for (unsigned i = 0; !r && i < node->xattr_count; i++)
        r = emit(context, node->xattr_names[i], strlen(node->xattr_names[i]));
    return r;
}

static int toy_find_deleted(struct shale_fs *fs, shale_deleted_fn *emit,
                            void *context)
{
    struct toy *toy = toy_of(fs);
    int r = enter(toy, TOY_FIND_DELETED, 0);

    insist_volume(fs);
    for (size_t i = 0; !r && i < toy->count; i++) {
        const struct toy_node *node = &toy->nodes[i];
        const struct shale_deleted file = {
            .ino = node->ino | TOY_DELETED, .name = node->name,
            .len = strlen(node->name), .parent = node->parent,
            .type = node->type, .size = node->size,
            .allocated = node->size, .lost = node->size / 2,
        };

        if (node->deleted)
            r = emit(context, &file);
    }
    return r;
}

static const char *const toy_options[] = { "speed", "size", NULL };

const struct shale_fs_ops toy_ops = {
    .name       = "toy",
    .vnode_size = sizeof(struct toy_vnode),
    .options    = toy_options,
    .probe      = toy_probe,
    .mount      = toy_mount_fs,
    .unmount    = toy_unmount_fs,
    .statfs     = toy_statfs,
    .describe   = toy_describe,
    .load       = toy_load,
    .evict      = toy_evict,
    .getattr    = toy_getattr,
    .peek       = toy_peek,
    .ahead      = toy_ahead,
    .lookup     = toy_lookup,
    .parent     = toy_parent,
    .iterate    = toy_iterate,
    .map        = toy_map,
    .decode     = toy_decode,
    .deleted    = toy_find_deleted,
    .readlink   = toy_readlink,
    .getxattr   = toy_getxattr,
    .listxattr  = toy_listxattr,
};

const struct shale_fs_ops toy_bare_ops = {
    .name       = "bare",
    .vnode_size = sizeof(struct toy_vnode),
    .probe      = toy_probe,
    .mount      = toy_mount_fs,
    .unmount    = toy_unmount_fs,
    .load       = toy_load,
    .evict      = toy_evict,
    .getattr    = toy_getattr,
};

/* ------------------------------------------------------------ the toy */

static const struct shale_fs_ops *const toy_drivers[] = { &toy_ops, NULL };

static void note(struct shale_log *log, const struct shale_event *event)
{
    struct toy *toy = (struct toy *)((char *)log - offsetof(struct toy, log));

    toy->events++;
    toy->said = *event;
    snprintf(toy->detail, sizeof toy->detail, "%s",
             event->detail ? event->detail : "");
    toy->said.detail = event->detail ? toy->detail : NULL;
}

void toy_init(struct toy *toy)
{
    memset(toy, 0, sizeof *toy);
    toy->base = (struct shale_bdev){
        .ops = &device_ops, .size = TOY_DEVICE, .block_size = 512, .fd = -1,
    };
    test_source_init(&toy->source, (size_t)1 << 20, 0);
    toy->mem = shale_mem_create(&toy->source.base, &watch_plain_locks, 0);
    ck_assert_ptr_nonnull(toy->mem);
    toy->log.event = note;
    toy->config = (struct shale_config){
        .dev = &toy->base, .mem = toy->mem, .drivers = toy_drivers,
        .locks = &watch_locks, .log = &toy->log,
    };
    toy_add(toy, TOY_ROOT, "", SHALE_TYPE_DIR);
}

void toy_fini(struct toy *toy)
{
    ck_assert_uint_eq(watch_held(), 0);
    if (toy->fs)
        ck_assert_int_eq(shale_unmount(toy->fs), 0);
    test_mem_sound(toy->mem, "at the end");
    ck_assert_uint_eq(shale_mem_destroy(toy->mem), 0);
    free(toy->nodes);
}

void toy_mount(struct toy *toy)
{
    ck_assert_int_eq(shale_mount(&toy->config, &toy->fs), 0);
    ck_assert_uint_eq(watch_held(), 0);
}

struct toy_node *toy_add(struct toy *toy, uint64_t parent, const char *name,
                         enum shale_type type)
{
    struct toy_node *node;

    if (toy->count == toy->room) {
        ck_assert_ptr_null(toy->fs);    /* vnodes point at nodes */
        toy->room = toy->room * 2 + 64;
        toy->nodes = realloc(toy->nodes, toy->room * sizeof *toy->nodes);
        ck_assert_ptr_nonnull(toy->nodes);
    }
    node = &toy->nodes[toy->count++];
    memset(node, 0, sizeof *node);
    node->ino = toy->count;
    node->parent = parent;
    node->type = type;
    ck_assert_uint_lt(strlen(name), sizeof node->name);
    strcpy(node->name, name);
    return node;
}

struct toy_node *toy_add_link(struct toy *toy, uint64_t parent,
                              const char *name, const char *target)
{
    struct toy_node *node = toy_add(toy, parent, name, SHALE_TYPE_SYMLINK);

    node->target = target;
    node->target_len = strlen(target);
    node->size = node->target_len;
    return node;
}

void toy_extent(struct toy_node *node, enum shale_extent_kind kind,
                uint64_t length, uint64_t device)
{
    ck_assert_uint_lt(node->extent_count, TOY_EXTENTS);
    node->extents[node->extent_count++] = (struct shale_extent){
        .offset = node->size, .length = length, .device = device,
        .kind = kind,
    };
    node->size += length;
}

unsigned toy_calls(struct toy *toy, enum toy_op op)
{
    return atomic_load(&toy->calls[op]);
}

int64_t toy_walk(struct toy *toy, const char *path, unsigned flags)
{
    struct shale_vnode *vn;
    int64_t r = shale_walk(toy->fs, NULL, path, flags, &vn);

    ck_assert_uint_eq(watch_held(), 0);
    if (r == 0) {
        r = (int64_t)shale_vnode_ino(vn);
        shale_vnode_put(vn);
    }
    return r;
}

struct shale_vnode *toy_get(struct toy *toy, uint64_t ino)
{
    struct shale_vnode *vn = NULL;

    ck_assert_int_eq(shale_vnode_get(toy->fs, ino, &vn), 0);
    ck_assert_uint_eq(watch_held(), 0);
    return vn;
}
