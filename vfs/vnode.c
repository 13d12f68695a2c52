/*
 * vnode.c - the files of a volume that are in memory
 *
 * A vnode is found by its inode number in a hash table, counted, and when its
 * last reference goes, kept in a list of unused ones, least recently used
 * last. That list is bounded: what falls off its end is evicted. A file that
 * the volume has to be told about first goes to another list; see settle.c.
 *
 * (1) A vnode in the table is loaded, and one inode number has at most one.
 * (2) It is in one of the two lists exactly if it has no references, unless it
 *     is leaving: then nobody gets it any more, but its number is not free.
 * (3) The table's lock is held while any of this changes, and not while the
 *     driver loads, which reads the disk, or evicts.
 *
 * Because of (3) two threads may load the same file at once; the one that is
 * second to enter it in the table drops its own and takes the other's.
 *
 * Vnodes come from one slab, each with its lock behind the driver's struct.
 * The lock is made by the slab's constructor and outlives the vnode, so that
 * loading a file makes no lock.
 */
#include "assert.h"
#include "memfn.h"
#include "room.h"
#include "vntable.h"

#define OBJECT_ALIGN 16u

static size_t align_up(size_t size, size_t align)
{
    return (size + align - 1) & ~(align - 1);
}

/* --------------------------------------------------------- the objects */

static int object_construct(void *object, void *arg)
{
    const struct vnode_table *table = arg;

    return table->locks->init((uint8_t *)object + table->lock_at);
}

static void object_destruct(void *object, void *arg)
{
    const struct vnode_table *table = arg;

    table->locks->fini((uint8_t *)object + table->lock_at);
}

/* The driver's struct, and the lock behind it. */
static size_t vnode_object_size(const struct vnode_table *table)
{
    return table->locks ? table->lock_at + table->locks->size
                        : table->vnode_size;
}

/* A vnode that nobody has seen yet, driver part zero. */
static struct shale_vnode *vnode_alloc(struct shale_fs *fs, uint64_t ino)
{
    struct vnode_table *table = &fs->state->table;
    struct shale_vnode *vn = shale_slab_alloc(table->slab);

    if (!vn)
        return NULL;
    memset(vn, 0, table->vnode_size);
    vn->fs = fs;
    vn->ino = ino;
    if (table->locks)
        vn->lock = (uint8_t *)vn + table->lock_at;
    return vn;
}

void vnode_evict(struct shale_vnode *vn)
{
    struct shale_fs *fs = vn->fs;

    if (fs->ops->evict)
        fs->ops->evict(vn);
    shale_slab_free(fs->state->table.slab, vn);
}

static int vnode_load(struct shale_fs *fs, uint64_t ino,
                      struct shale_vnode **out)
{
    struct shale_vnode *vn = vnode_alloc(fs, ino);
    int err;

    if (!vn)
        return SHALE_ENOMEM;
    err = fs->ops->load(vn);
    if (err) {
        shale_slab_free(fs->state->table.slab, vn);
        return err;
    }

    /* So that an offset within any file fits the int64_t calls answer. */
    if (vn->size > INT64_MAX) {
        vnode_evict(vn);
        return shale_corrupt_inode(fs, "vfs: file size over 2^63 bytes",
                                   SHALE_NOWHERE, ino);
    }
    *out = vn;
    return 0;
}

/* ---------------------------------------------------- what others call */

struct shale_vnode *vnode_cached(struct shale_fs *fs, uint64_t ino)
{
    struct vnode_table *table = &fs->state->table;
    struct shale_vnode *vn;

    lock_exclusive(table->locks, table->lock);
    vn = vntable_get(table, ino);
    table->hits += vn != NULL;
    lock_release(table->locks, table->lock);
    return vn;
}

int vnode_find(struct shale_fs *fs, uint64_t ino, struct shale_vnode **out)
{
    struct vnode_table *table = &fs->state->table;
    struct shale_vnode *vn = vnode_cached(fs, ino);
    struct shale_vnode *fresh = NULL;
    int err;

    if (vn) {
        *out = vn;
        return 0;
    }

    err = vnode_load(fs, ino, &fresh);
    if (err)
        return err;

    lock_exclusive(table->locks, table->lock);
    vn = vntable_get(table, ino);
    table->misses++;
    if (!vn)
        vntable_add(table, fresh);
    lock_release(table->locks, table->lock);

    if (vn)                     /* somebody was faster */
        vnode_evict(fresh);
    else
        vn = fresh;
    *out = vn;
    return 0;
}

int shale_vnode_get(struct shale_fs *fs, uint64_t ino,
                    struct shale_vnode **out)
{
    struct shale_vnode *vn = vnode_cached(fs, ino);
    struct visit v;
    int err;

    if (vn) {
        *out = vn;
        return 0;
    }
    visit_shared(&v, fs);
    do
        err = vnode_find(fs, ino, out);
    while (visit_again(&v, err));
    return err;
}

void shale_vnode_ref(struct shale_vnode *vn)
{
    struct vnode_table *table = &vn->fs->state->table;

    lock_exclusive(table->locks, table->lock);
    SHALE_ASSERT(vn->refs > 0);
    vn->refs++;
    lock_release(table->locks, table->lock);
}

/* Let go of what is one too many, and of the table's lock. */
static bool trim_and_unlock(struct shale_fs *fs)
{
    struct vnode_table *table = &fs->state->table;
    struct shale_vnode *victim =
        vntable_take_unused(table, table->unused_max);
    bool unsettled = table->unsettled.count > 0;

    lock_release(table->locks, table->lock);
    if (victim)
        vnode_evict(victim);
    return unsettled;
}

bool vnode_put_locked(struct shale_vnode *vn)
{
    struct vnode_table *table;
    struct shale_fs *fs;

    if (!vn)
        return false;
    fs = vn->fs;
    table = &fs->state->table;
    lock_exclusive(table->locks, table->lock);
    vntable_unref(table, vn);
    return trim_and_unlock(fs);
}

void shale_vnode_put(struct shale_vnode *vn)
{
    struct shale_fs *fs = vn ? vn->fs : NULL;

    if (vnode_put_locked(vn))
        settle(fs);
}

bool shale_vnode_in_memory(struct shale_fs *fs, uint64_t ino)
{
    struct vnode_table *table = &fs->state->table;
    bool found;

    lock_exclusive(table->locks, table->lock);
    found = vntable_find(table, ino) != NULL;
    lock_release(table->locks, table->lock);
    return found;
}

/* Evict unused vnodes, but the KEEP used last. Returns how many. */
static size_t drop_unused(struct shale_fs *fs, size_t keep)
{
    struct vnode_table *table = &fs->state->table;
    struct shale_vnode *vn;
    size_t count = 0;

    for (;;) {
        lock_exclusive(table->locks, table->lock);
        vn = vntable_take_unused(table, keep);
        lock_release(table->locks, table->lock);
        if (!vn)
            return count;
        vnode_evict(vn);
        count++;
    }
}

size_t vnode_drop_unused(struct shale_fs *fs)
{
    return drop_unused(fs, 0);
}

/* -------------------------------------------------- what kernels remember */

void shale_vnode_remember(struct shale_vnode *vn)
{
    struct vnode_table *table = &vn->fs->state->table;

    lock_exclusive(table->locks, table->lock);
    SHALE_ASSERT(vn->refs > 0);
    if (vn->known++ == 0)
        vn->refs++;
    lock_release(table->locks, table->lock);
}

void shale_vnode_forget(struct shale_fs *fs, uint64_t ino, uint64_t count)
{
    struct vnode_table *table = &fs->state->table;
    struct shale_vnode *vn;

    lock_exclusive(table->locks, table->lock);
    vn = vntable_find(table, ino);
    if (vn && vn->known > 0 && count > 0) {
        vn->known -= count < vn->known ? count : vn->known;
        if (vn->known == 0)
            vntable_unref(table, vn);
    }
    if (trim_and_unlock(fs))
        settle(fs);
}

bool shale_vnode_forget_unused(struct shale_vnode *vn)
{
    struct vnode_table *table = &vn->fs->state->table;
    bool forgotten;

    lock_exclusive(table->locks, table->lock);
    forgotten = vn->known > 0 && vn->refs == 2;
    if (forgotten) {
        vn->known = 0;
        vntable_unref(table, vn);
    }
    lock_release(table->locks, table->lock);
    return forgotten;
}

static bool everybody(void *context, uint64_t ino)
{
    (void)context, (void)ino;
    return true;
}

/* Forget what WHOSE says; nothing falls off the unused ones. */
static void forget_where(struct shale_fs *fs,
                         bool (*whose)(void *context, uint64_t ino),
                         void *context)
{
    struct vnode_table *table = &fs->state->table;

    lock_exclusive(table->locks, table->lock);
    for (size_t i = 0; i < table->bucket_count; i++)
        for (struct shale_vnode *vn = table->buckets[i]; vn;
             vn = vn->hash_next)
            if (vn->known > 0 && whose(context, vn->ino)) {
                vn->known = 0;
                vntable_unref(table, vn);
            }
    lock_release(table->locks, table->lock);
}

void shale_vnode_forget_some(struct shale_fs *fs,
                             bool (*whose)(void *context, uint64_t ino),
                             void *context)
{
    forget_where(fs, whose, context);
    drop_unused(fs, fs->state->table.unused_max);
    settle(fs);
}

bool shale_vnode_stays(struct shale_vnode *vn)
{
    const struct shale_fs_ops *ops = vn->fs->ops;
    bool stays;

    volume_lock_shared(vn->fs);
    stays = vn->links > 0 && (!ops->stays || ops->stays(vn));
    volume_unlock(vn->fs);
    return stays;
}

bool vnode_only_root_used(struct shale_fs *fs, struct shale_vnode *root)
{
    struct vnode_table *table = &fs->state->table;
    bool only = true;

    lock_exclusive(table->locks, table->lock);
    for (size_t i = 0; i < table->bucket_count; i++)
        for (struct shale_vnode *vn = table->buckets[i]; vn;
             vn = vn->hash_next)
            if (vn->refs != (vn->known > 0) + (unsigned)(vn == root))
                only = false;
    lock_release(table->locks, table->lock);
    return only;
}

void vnode_forget_all(struct shale_fs *fs)
{
    forget_where(fs, everybody, NULL);
}

/* ------------------------------------------------ for settle.c, see there */

size_t vnode_count_unsettled(struct shale_fs *fs)
{
    struct vnode_table *table = &fs->state->table;
    size_t count;

    lock_exclusive(table->locks, table->lock);
    count = table->unsettled.count;
    lock_release(table->locks, table->lock);
    return count;
}

struct shale_vnode *vnode_take_unsettled(struct shale_fs *fs)
{
    struct vnode_table *table = &fs->state->table;
    struct shale_vnode *vn;

    lock_exclusive(table->locks, table->lock);
    vn = vntable_take_unsettled(table);
    lock_release(table->locks, table->lock);
    return vn;
}

void vnode_return_unsettled(struct shale_vnode *vn)
{
    struct vnode_table *table = &vn->fs->state->table;

    lock_exclusive(table->locks, table->lock);
    vntable_return_unsettled(table, vn);
    lock_release(table->locks, table->lock);
}

void vnode_evict_settled(struct shale_vnode *vn)
{
    struct vnode_table *table = &vn->fs->state->table;

    lock_exclusive(table->locks, table->lock);
    vntable_take_leaving(table, vn);
    lock_release(table->locks, table->lock);
    vnode_evict(vn);
}

void shale_fs_vnode_stats(struct shale_fs *fs, struct shale_vnode_stats *out)
{
    struct vnode_table *table = &fs->state->table;

    lock_exclusive(table->locks, table->lock);
    *out = (struct shale_vnode_stats){
        .used = table->used,
        .unused = table->unused.count + table->unsettled.count,
        .unused_max = table->unused_max,
        .size = vnode_object_size(table),
        .hits = table->hits,
        .misses = table->misses,
    };
    lock_release(table->locks, table->lock);
}

/* ----------------------------------------------------------- accessors */

uint64_t shale_vnode_ino(const struct shale_vnode *vn)
{
    return vn->ino;
}

uint32_t shale_vnode_generation(const struct shale_vnode *vn)
{
    return vn->generation;
}

enum shale_type shale_vnode_type(const struct shale_vnode *vn)
{
    return vn->type;
}

struct shale_fs *shale_vnode_fs(const struct shale_vnode *vn)
{
    return vn->fs;
}

/* ------------------------------------------------ the table as a whole */

int vnode_table_create(struct shale_fs *fs, size_t unused_max)
{
    struct vnode_table *table = &fs->state->table;
    struct shale_slab_config config = {
        .name = "vnode", .align = OBJECT_ALIGN, .arg = table,
    };
    int err;

    SHALE_ASSERT(fs->ops->vnode_size >= sizeof(struct shale_vnode));
    table->locks = fs->state->locks;
    table->vnode_size = fs->ops->vnode_size;
    table->lock_at = align_up(table->vnode_size, OBJECT_ALIGN);
    table->unused_max = unused_max;
    config.size = vnode_object_size(table);
    if (table->locks) {
        config.construct = object_construct;
        config.destruct = object_destruct;
    }

    /* To begin with, one bucket an unused vnode; at least 16, so that a shift
       of 64 is none. */
    table->bucket_bits = 4;
    while (((size_t)1 << table->bucket_bits) < VNODE_BUCKETS_MAX &&
           ((size_t)1 << table->bucket_bits) < unused_max)
        table->bucket_bits++;
    table->bucket_count = (size_t)1 << table->bucket_bits;
    table->buckets = shale_alloc_array(fs->mem, table->bucket_count,
                                       sizeof *table->buckets);
    if (!table->buckets)
        return SHALE_ENOMEM;

    err = vfs_lock_create(table->locks, fs->mem, &table->lock);
    if (err)
        goto free_buckets;

    table->slab = shale_slab_create(fs->mem, &config);
    if (!table->slab) {
        err = SHALE_ENOMEM;
        goto destroy_lock;
    }
    return 0;

destroy_lock:
    vfs_lock_destroy(table->locks, fs->mem, table->lock);
free_buckets:
    shale_free(fs->mem, table->buckets,
               table->bucket_count * sizeof *table->buckets);
    return err;
}

void vnode_table_destroy(struct shale_fs *fs)
{
    struct vnode_table *table = &fs->state->table;
    size_t leaked;

    vnode_drop_unused(fs);
    leaked = shale_slab_destroy(table->slab);
    SHALE_ASSERT(leaked == 0);
    (void)leaked;
    vfs_lock_destroy(table->locks, fs->mem, table->lock);
    shale_free(fs->mem, table->buckets,
               table->bucket_count * sizeof *table->buckets);
}
