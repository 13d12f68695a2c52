/*
 * volume.c - calls on a volume as a whole, what it may take of memory, and the
 * making of a new one
 */
#include "decoded.h"
#include "memfn.h"
#include "room.h"

const char *shale_fs_name(const struct shale_fs *fs)
{
    return fs->ops->name;
}

bool shale_fs_read_only(const struct shale_fs *fs)
{
    struct shale_fs *shared = &fs->state->fs;
    bool read_only;

    volume_lock_shared(shared);
    read_only = fs->read_only;
    volume_unlock(shared);
    return read_only;
}

unsigned shale_fs_traits(const struct shale_fs *fs)
{
    return fs->traits;
}

uint32_t shale_fs_time_step(const struct shale_fs *fs)
{
    return fs->time_step ? fs->time_step : fs->ops->time_step;
}

uint64_t shale_root_ino(const struct shale_fs *fs)
{
    return fs->root_ino;
}

int shale_statfs(struct shale_fs *fs, struct shale_statfs *out)
{
    struct visit v;
    int err;

    if (!fs->ops->statfs)
        return SHALE_ENOTSUP;
    visit_shared(&v, fs);
    do
        err = fs->ops->statfs(fs, out);
    while (visit_again(&v, err));
    return err;
}

int shale_describe(struct shale_fs *fs, struct shale_describe *to)
{
    int err;

    if (!fs->ops->describe)
        return SHALE_ENOTSUP;
    volume_lock_shared(fs);
    err = fs->ops->describe(fs, to);
    volume_unlock(fs);
    return err;
}

void shale_fs_cache_stats(struct shale_fs *fs, struct shale_cache_stats *out)
{
    memset(out, 0, sizeof *out);
    if (fs->cache)
        shale_cache_stats(fs->cache, out);
}

void shale_fs_shrink(struct shale_fs *fs)
{
    vnode_drop_unused(fs);
    shale_slab_shrink(fs->state->table.slab);
    decoded_shrink(fs, SIZE_MAX);
    if (fs->cache)
        shale_cache_shrink(fs->cache, SIZE_MAX);
}

/* -------------------------------------------------------- deleted files */

struct deleted_walk {
    shale_deleted_fn *emit;     /* the caller's */
    void *context;
    bool begun;                 /* the caller has seen one */
};

static int deleted_emit(void *context, const struct shale_deleted *file)
{
    struct deleted_walk *walk = context;

    walk->begun = true;
    return walk->emit(walk->context, file);
}

int shale_deleted_iterate(struct shale_fs *fs, shale_deleted_fn *emit,
                          void *context)
{
    struct deleted_walk walk = { .emit = emit, .context = context };
    struct visit v;
    int r;

    if (!fs->ops->deleted)
        return SHALE_ENOTSUP;
    visit_shared(&v, fs);
    do
        r = fs->ops->deleted(fs, deleted_emit, &walk);
    while (visit_again(&v, walk.begun ? 0 : r));
    return r;
}

/* ---------------------------------------------------------------- time */

struct shale_time shale_now(const struct shale_fs *fs)
{
    struct shale_time now = { 0, 0 };

    if (fs->clock)
        fs->clock->now(fs->clock, &now);
    return now;
}

int32_t shale_zone(const struct shale_fs *fs, int64_t sec)
{
    return fs->clock && fs->clock->zone ? fs->clock->zone(fs->clock, sec) : 0;
}

/* ---------------------------------------------------------------- mkfs */

int shale_mkfs(const struct shale_fs_ops *driver, struct shale_bdev *dev,
               struct shale_mem *mem, struct shale_log *log,
               const struct shale_format *format)
{
    int err;

    if (!driver->format)
        return SHALE_ENOTSUP;
    if (!dev->ops->write && !format->plan)
        return SHALE_EROFS;
    err = driver->format(dev, mem, log, format);
    return err || format->plan ? err : shale_bdev_flush(dev);
}
