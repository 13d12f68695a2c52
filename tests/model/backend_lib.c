/*
 * backend_lib.c - operations carried out by the library, by path and vnode
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asyncdisk.h"
#include "backend.h"
#include "shale/fault.h"
#include "shale/fs.h"
#include "shale/shale.h"

struct lib {
    struct backend base;
    struct shale_memory_bdev memory;
    struct shale_fault_bdev fault;
    struct async_disk async;    /* over it, if that is asked for */
    struct shale_bdev *dev;     /* what is mounted */
    struct shale_arena_source arenas;
    struct shale_mem *mem, *record_mem;
    struct shale_clock clock;
    struct shale_log log;
    struct shale_fs *fs;
    struct shale_vnode *slots[OP_SLOTS];
    struct lib_options options;
    int64_t now;
};

static struct lib *lib_of(struct backend *backend)
{
    return (struct lib *)backend;
}

static void *lend(struct shale_arena_source *source, size_t min, size_t *size)
{
    (void)source;
    *size = min > 256 << 10 ? min : 256 << 10;
    return aligned_alloc(SHALE_PAGE_SIZE, *size);
}

static void give_back(struct shale_arena_source *source, void *arena,
                      size_t size)
{
    (void)source;
    (void)size;
    free(arena);
}

/* A clock that goes on by itself: the same run, the same image. */
static void now(struct shale_clock *clock, struct shale_time *out)
{
    struct lib *lib = (struct lib *)((char *)clock -
                                     offsetof(struct lib, clock));

    out->sec = 1700000000 + lib->now++ / 16;
    out->nsec = 0;
}

static void event(struct shale_log *log, const struct shale_event *event)
{
    struct lib *lib = (struct lib *)((char *)log - offsetof(struct lib, log));

    if (event->level == SHALE_LOG_ERROR)
        snprintf(lib->base.why, sizeof lib->base.why,
                 "%s%s%s (inode %llu, byte %lld)", event->what,
                 event->detail ? ": " : "",
                 event->detail ? event->detail : "",
                 (unsigned long long)event->ino, (long long)event->at);
}

/* -------------------------------------------------------------- one file */

static int file_of(struct lib *lib, const char *path, struct shale_vnode **out)
{
    if (path[0] != '@')
        return shale_walk(lib->fs, NULL, path, 0, out);
    *out = lib->slots[(unsigned)(path[1] - '0') % OP_SLOTS];
    if (!*out)
        return SHALE_ENOENT;
    shale_vnode_ref(*out);
    return 0;
}

static int64_t write_stamp(struct shale_vnode *file, const struct op *op)
{
    uint8_t *bytes = need((size_t)op->b);
    struct shale_attr attr;
    uint64_t at = op->a;
    int64_t done = 0;

    if (op->kind == OP_APPEND) {
        done = shale_getattr(file, &attr);
        at = attr.size;
    }
    stamp_fill(bytes, (size_t)op->b, at, op->c);
    if (done == 0 && op->kind == OP_APPEND) {
        uint64_t got = 0;

        done = shale_append(file, bytes, (size_t)op->b, &got);
        if (done > 0 && got != at)
            abort();
    } else if (done == 0) {
        done = shale_write(file, bytes, (size_t)op->b, at);
    }
    free(bytes);
    return done;
}

static int64_t copy(struct lib *lib, struct shale_vnode *from,
                    const struct op *op)
{
    struct shale_vnode *to;
    int64_t done = file_of(lib, op->to, &to);

    if (done)
        return done;
    done = shale_copy_range(from, op->a, to, op->c, op->b);
    shale_vnode_put(to);
    return done;
}

static int touch(struct shale_vnode *vn, const struct op *op)
{
    struct shale_setattr what = {
        .valid = SHALE_SET_MTIME,
        .mtime = { (int64_t)op->a, (uint32_t)op->b },
    };

    return shale_setattr(vn, &what);
}

static int64_t file_op(struct lib *lib, const struct op *op, uint8_t *buf)
{
    struct shale_vnode *file;
    int64_t done = file_of(lib, op->path, &file);

    if (done)
        return done;
    switch (op->kind) {
    case OP_OPEN:
        if (shale_vnode_type(file) != SHALE_TYPE_FILE) {
            done = shale_vnode_type(file) == SHALE_TYPE_DIR ? SHALE_EISDIR
                                                            : SHALE_EINVAL;
            break;
        }
        shale_vnode_put(lib->slots[op->a % OP_SLOTS]);
        lib->slots[op->a % OP_SLOTS] = file;
        return 0;
    case OP_WRITE:
    case OP_APPEND:
        done = write_stamp(file, op);
        break;
    case OP_TRUNCATE:
        done = shale_truncate(file, op->a);
        break;
    case OP_ALLOCATE:
        done = shale_allocate(file, op->a, op->b, (unsigned)op->c);
        break;
    case OP_COPY:
        done = copy(lib, file, op);
        break;
    case OP_READ:
        done = shale_read(file, buf, (size_t)op->b, op->a);
        break;
    case OP_TOUCH:
        done = touch(file, op);
        break;
    default:
        done = shale_fsync(file);
        break;
    }
    shale_vnode_put(file);
    return done;
}

/* ----------------------------------------------------------- attributes */

static int set_attribute(struct shale_vnode *vn, const struct op *op)
{
    uint8_t *bytes = need((size_t)op->b);
    int err;

    stamp_fill(bytes, (size_t)op->b, 0, op->a);
    err = shale_setxattr(vn, op->to, bytes, (size_t)op->b, (unsigned)op->c);
    free(bytes);
    return err;
}

static int attribute_op(struct lib *lib, const struct op *op)
{
    struct shale_setattr set = { .valid = 0 };
    struct shale_vnode *vn;
    int err = shale_walk(lib->fs, NULL, op->path,
                         op->kind == OP_CHOWN ? SHALE_WALK_NOFOLLOW : 0, &vn);

    if (err)
        return err;
    if (op->kind == OP_CHMOD) {
        set.valid = SHALE_SET_MODE;
        set.mode = (uint32_t)op->a;
        err = shale_setattr(vn, &set);
    } else if (op->kind == OP_CHOWN) {
        set.valid = (op->a != OP_KEEP ? SHALE_SET_UID : 0) |
                    (op->b != OP_KEEP ? SHALE_SET_GID : 0);
        set.uid = (uint32_t)op->a;
        set.gid = (uint32_t)op->b;
        err = shale_setattr(vn, &set);
    } else if (shale_vnode_type(vn) != SHALE_TYPE_FILE &&
               shale_vnode_type(vn) != SHALE_TYPE_DIR &&
               strncmp(op->to, "user.", 5) == 0) {
        err = SHALE_EPERM;      /* as Linux, before it asks a filesystem */
    } else if (op->kind == OP_SETXATTR) {
        err = set_attribute(vn, op);
    } else {
        err = shale_removexattr(vn, op->to);
    }
    shale_vnode_put(vn);
    return err;
}

/* ---------------------------------------------------------------- names */

static struct shale_node node_for(const struct op *op)
{
    struct shale_node node = { .mode = SHALE_S_IFREG | 0644 };

    if (op->kind == OP_MKDIR) {
        node.mode = SHALE_S_IFDIR | 0755;
    } else if (op->kind == OP_SYMLINK) {
        node.mode = SHALE_S_IFLNK | 0777;
        node.target = op->to;
        node.target_len = strlen(op->to);
    } else if (op->kind == OP_MKNOD) {
        node.mode = (uint32_t)op->a | 0644;
        node.rdev_major = (uint32_t)op->b;
        node.rdev_minor = (uint32_t)op->c;
    }
    return node;
}

static int make_link(struct lib *lib, const struct op *op)
{
    struct shale_vnode *vn, *dir;
    const char *name;
    size_t len;
    int err = shale_walk(lib->fs, NULL, op->path, SHALE_WALK_NOFOLLOW, &vn);

    if (err)
        return err;
    err = shale_walk_parent(lib->fs, op->to, &dir, &name, &len);
    if (!err) {
        err = shale_link(vn, dir, name, len);
        shale_vnode_put(dir);
    }
    shale_vnode_put(vn);
    return err;
}

static int name_op(struct lib *lib, const struct op *op)
{
    struct shale_node node = node_for(op);
    struct shale_vnode *dir, *to;
    const char *name, *to_name;
    size_t len, to_len;
    int err = shale_walk_parent(lib->fs, op->path, &dir, &name, &len);

    if (err)
        return err;
    switch (op->kind) {
    case OP_CREATE:
    case OP_MKDIR:
    case OP_SYMLINK:
    case OP_MKNOD:
        err = shale_create(dir, name, len, &node, NULL);
        break;
    case OP_UNLINK:
        err = shale_unlink(dir, name, len);
        break;
    case OP_RMDIR:
        err = shale_rmdir(dir, name, len);
        break;
    default:
        err = shale_walk_parent(lib->fs, op->to, &to, &to_name, &to_len);
        if (err)
            break;
        err = shale_rename(dir, name, len, to, to_name, to_len,
                           (unsigned)op->a);
        shale_vnode_put(to);
        break;
    }
    shale_vnode_put(dir);
    return err;
}

static int64_t lib_op(struct backend *backend, const struct op *op,
                      uint8_t *buf)
{
    struct lib *lib = lib_of(backend);

    switch (op->kind) {
    case OP_CREATE:
    case OP_MKDIR:
    case OP_UNLINK:
    case OP_RMDIR:
    case OP_RENAME:
    case OP_SYMLINK:
    case OP_MKNOD:
        return name_op(lib, op);
    case OP_LINK:
        return make_link(lib, op);
    case OP_CHMOD:
    case OP_CHOWN:
    case OP_SETXATTR:
    case OP_REMOVEXATTR:
        return attribute_op(lib, op);
    case OP_CLOSE:
        shale_vnode_put(lib->slots[op->a % OP_SLOTS]);
        lib->slots[op->a % OP_SLOTS] = NULL;
        return 0;
    case OP_SYNC:
        return shale_sync(lib->fs);
    case OP_WRITEBACK:
        return shale_writeback(lib->fs);
    case OP_SHRINK:
        shale_fs_shrink(lib->fs);
        return 0;
    default:
        return file_op(lib, op, buf);
    }
}

/* -------------------------------------------------------------- the tree */

struct listing {
    backend_emit *emit;
    void *context;
};

static int list_one(void *context, const struct shale_dirent *entry)
{
    struct listing *listing = context;
    struct seen seen = {
        .name = entry->name,
        .len = entry->len,
    };
    const struct shale_attr *attr = entry->attr;

    if ((entry->len == 1 && entry->name[0] == '.') ||
        (entry->len == 2 && memcmp(entry->name, "..", 2) == 0))
        return 0;
    if (!attr || (entry->type != SHALE_TYPE_UNKNOWN &&
                  entry->type != shale_type_of_mode(attr->mode)))
        return SHALE_EIO;
    seen.type = shale_type_of_mode(attr->mode);
    seen.size = attr->size;
    seen.ino = attr->ino;
    seen.mtime = attr->mtime.sec;
    seen.mtime_nsec = attr->mtime.nsec;
    seen.mode = attr->mode;
    seen.uid = attr->uid;
    seen.gid = attr->gid;
    seen.links = attr->links;
    seen.rdev_major = attr->rdev_major;
    seen.rdev_minor = attr->rdev_minor;
    listing->emit(listing->context, &seen);
    return 0;
}

static int lib_list(struct backend *backend, const char *path,
                    backend_emit *emit, void *context)
{
    struct listing listing = { emit, context };
    struct shale_vnode *dir;
    int err = shale_walk(lib_of(backend)->fs, NULL, path, 0, &dir);

    if (err)
        return err;
    err = shale_iterate(dir, 0, SHALE_ITERATE_ATTR, list_one, &listing);
    shale_vnode_put(dir);
    return err;
}

static int64_t lib_read(struct backend *backend, const char *path, void *buf,
                        size_t len, uint64_t offset)
{
    struct shale_vnode *file;
    int64_t got = shale_walk(lib_of(backend)->fs, NULL, path, 0, &file);

    if (got)
        return got;
    got = shale_read(file, buf, len, offset);
    shale_vnode_put(file);
    return got;
}

static int64_t lib_readlink(struct backend *backend, const char *path,
                            char *buf, size_t size)
{
    struct shale_vnode *vn;
    int64_t got = shale_walk(lib_of(backend)->fs, NULL, path,
                             SHALE_WALK_NOFOLLOW, &vn);

    if (got)
        return got;
    got = shale_readlink(vn, buf, size);
    shale_vnode_put(vn);
    return got;
}

static int64_t lib_listxattr(struct backend *backend, const char *path,
                             char *buf, size_t size)
{
    struct shale_vnode *vn;
    int64_t got = shale_walk(lib_of(backend)->fs, NULL, path, 0, &vn);

    if (got)
        return got;
    got = shale_listxattr(vn, buf, size);
    shale_vnode_put(vn);
    return got;
}

static int64_t lib_getxattr(struct backend *backend, const char *path,
                            const char *name, void *buf, size_t size)
{
    struct shale_vnode *vn;
    int64_t got = shale_walk(lib_of(backend)->fs, NULL, path, 0, &vn);

    if (got)
        return got;
    got = shale_getxattr(vn, name, buf, size);
    shale_vnode_put(vn);
    return got;
}

static int lib_space(struct backend *backend, struct space *out)
{
    struct shale_statfs st;
    int err = shale_statfs(lib_of(backend)->fs, &st);

    if (err)
        return err;
    *out = (struct space){ st.blocks_free * st.block_size, st.files_free,
                           st.block_size };
    return 0;
}

static int lib_start(struct backend *backend)
{
    struct lib *lib = lib_of(backend);
    struct shale_config config = {
        .dev = lib->dev,
        .mem = lib->mem,
        .drivers = shale_all_drivers,
        .log = &lib->log,
        .clock = &lib->clock,
        .options = lib->options.options,
        .cache_bytes = lib->options.cache_bytes,
        .vnode_max = lib->options.vnode_max,
        .errors_continue = lib->options.errors_continue,
    };
    int err = shale_mount(&config, &lib->fs);

    if (err)
        lib->fs = NULL;
    else if (shale_fs_read_only(lib->fs)) {
        snprintf(backend->why, sizeof backend->why, "mounted read-only");
        err = SHALE_EROFS;
    }
    return err;
}

static int lib_stop(struct backend *backend)
{
    struct lib *lib = lib_of(backend);
    const char *damage;
    int err = 0;

    for (unsigned i = 0; i < OP_SLOTS; i++) {
        shale_vnode_put(lib->slots[i]);
        lib->slots[i] = NULL;
    }
    if (lib->fs)
        err = shale_unmount(lib->fs);
    lib->fs = NULL;
    damage = shale_mem_check(lib->mem);
    if (!err && damage) {
        snprintf(backend->why, sizeof backend->why, "%s", damage);
        err = SHALE_ENOMEM;
    }
    return err;
}

struct backend *backend_lib(uint8_t *image, size_t size, uint32_t block_size,
                            const struct lib_options *options)
{
    struct lib *lib = need(sizeof *lib);

    lib->base = (struct backend){
        .op = lib_op, .list = lib_list, .read = lib_read,
        .readlink = lib_readlink, .listxattr = lib_listxattr,
        .getxattr = lib_getxattr, .space = lib_space, .start = lib_start,
        .stop = lib_stop, .image = image, .size = size,
    };
    lib->options = *options;
    lib->arenas.lend = lend;
    lib->arenas.give_back = give_back;
    lib->clock.now = now;
    lib->log.event = event;
    lib->mem = shale_mem_create(&lib->arenas, NULL, 0);
    if (options->record)
        lib->record_mem = shale_mem_create(&lib->arenas, NULL, 0);
    shale_memory_bdev_init(&lib->memory, image, size, block_size, false);
    if (!lib->mem ||
        shale_fault_bdev_init(&lib->fault, &lib->memory.base, lib->record_mem,
                              NULL))
        abort();
    lib->dev = async_disk_if_asked(&lib->async, &lib->fault.base);
    return &lib->base;
}

void backend_lib_free(struct backend *backend)
{
    struct lib *lib = lib_of(backend);
    size_t leaked;

    lib_stop(backend);
    async_disk_fini(&lib->async);
    shale_fault_bdev_fini(&lib->fault);
    leaked = shale_mem_destroy(lib->mem);
    if (lib->record_mem)
        shale_mem_destroy(lib->record_mem);
    if (leaked > 0) {
        fprintf(stderr, "%zu bytes left allocated\n", leaked);
        abort();
    }
    free(lib);
}

struct shale_fault_bdev *backend_lib_fault(struct backend *backend)
{
    return &lib_of(backend)->fault;
}

struct shale_mem *backend_lib_mem(struct backend *backend)
{
    return lib_of(backend)->mem;
}
