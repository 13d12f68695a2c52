/*
 * vnode.c - the files of a volume that are in memory
 *
 * A vnode is found by its inode number in a hash table, counted, and when its
 * last reference goes, kept in a list of unused ones, least recently used
 * last. That list is bounded: what falls off its end is evicted.
 *
 * (1) A vnode in the table is loaded, and one inode number has at most one.
 * (2) It is in the unused list exactly if it has no references.
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
#include "vfs.h"

/* Buckets, at most: 8 MiB of them on a 64-bit host. */
#define BUCKET_BITS_MAX 20u

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

/* A vnode that nobody has seen yet, driver part zero. */
static struct shale_vnode *vnode_alloc(struct shale_fs *fs, uint64_t ino)
{
    struct vnode_table *table = &fs->state->table;
    struct shale_vnode *vn = shale_slab_alloc(table->slab);

    for (unsigned tries = 0; !vn && vfs_make_room(fs, tries); tries++)
        vn = shale_slab_alloc(table->slab);
    if (!vn)
        return NULL;
    memset(vn, 0, table->vnode_size);
    vn->fs = fs;
    vn->ino = ino;
    if (table->locks)
        vn->lock = (uint8_t *)vn + table->lock_at;
    return vn;
}

/* Undo load() and vnode_alloc(). */
static void vnode_evict(struct shale_vnode *vn)
{
    struct shale_fs *fs = vn->fs;

    if (fs->ops->evict)
        fs->ops->evict(vn);
    shale_slab_free(fs->state->table.slab, vn);
}

static int vnode_load(struct shale_fs *fs, uint64_t ino,
                      struct shale_vnode **out)
{
    struct shale_vnode *vn;
    unsigned tries = 0;
    int err;

    do {
        vn = vnode_alloc(fs, ino);
        if (!vn)
            return SHALE_ENOMEM;
        err = fs->ops->load(vn);
        if (err)
            shale_slab_free(fs->state->table.slab, vn);
    } while (vfs_again(fs, err, &tries));
    if (err)
        return err;

    /* So that an offset within any file fits the int64_t calls answer. */
    if (vn->size > INT64_MAX) {
        vnode_evict(vn);
        return shale_corrupt_inode(fs, "vfs: file size over 2^63 bytes",
                                   SHALE_NOWHERE, ino);
    }
    *out = vn;
    return 0;
}

/* ----------------------------------------- the table, its lock held */

static struct shale_vnode **bucket_of(struct vnode_table *table, uint64_t ino)
{
    /* Fibonacci hashing: the high bits of the product depend on all of INO,
       which may be a byte offset or an index. */
    uint64_t hash = ino * 0x9e3779b97f4a7c15u;

    return &table->buckets[(size_t)(hash >> (64 - table->bucket_bits))];
}

static void unused_add(struct vnode_table *table, struct shale_vnode *vn)
{
    vn->lru_prev = NULL;
    vn->lru_next = table->lru_first;
    if (table->lru_first)
        table->lru_first->lru_prev = vn;
    else
        table->lru_last = vn;
    table->lru_first = vn;
    table->unused++;
}

static void unused_remove(struct vnode_table *table, struct shale_vnode *vn)
{
    if (vn->lru_prev)
        vn->lru_prev->lru_next = vn->lru_next;
    else
        table->lru_first = vn->lru_next;
    if (vn->lru_next)
        vn->lru_next->lru_prev = vn->lru_prev;
    else
        table->lru_last = vn->lru_prev;
    table->unused--;
}

/* Find INO and reference it. */
static struct shale_vnode *get_locked(struct vnode_table *table, uint64_t ino)
{
    struct shale_vnode *vn = *bucket_of(table, ino);

    while (vn && vn->ino != ino)
        vn = vn->hash_next;
    if (!vn)
        return NULL;

    if (vn->refs == 0) {
        unused_remove(table, vn);
        table->used++;
    }
    vn->refs++;
    return vn;
}

/* Enter VN, not there yet, with one reference. */
static void add_locked(struct vnode_table *table, struct shale_vnode *vn)
{
    struct shale_vnode **bucket = bucket_of(table, vn->ino);

    vn->hash_next = *bucket;
    *bucket = vn;
    vn->refs = 1;
    table->used++;
}

/*
 * Take the vnode unused for longest out of the table, if more than KEEP are
 * unused. It is the caller's to evict, after unlocking.
 */
static struct shale_vnode *take_unused_locked(struct vnode_table *table,
                                              size_t keep)
{
    struct shale_vnode *vn = table->lru_last;
    struct shale_vnode **link;

    if (table->unused <= keep)
        return NULL;
    unused_remove(table, vn);
    for (link = bucket_of(table, vn->ino); *link != vn;)
        link = &(*link)->hash_next;
    *link = vn->hash_next;
    return vn;
}

/* ---------------------------------------------------- what others call */

struct shale_vnode *vnode_cached(struct shale_fs *fs, uint64_t ino)
{
    struct vnode_table *table = &fs->state->table;
    struct shale_vnode *vn;

    lock_exclusive(table->locks, table->lock);
    vn = get_locked(table, ino);
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
    vn = get_locked(table, ino);
    if (!vn)
        add_locked(table, fresh);
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
    int err;

    if (vn) {
        *out = vn;
        return 0;
    }
    volume_lock_shared(fs);
    err = vnode_find(fs, ino, out);
    volume_unlock(fs);
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

void shale_vnode_put(struct shale_vnode *vn)
{
    struct vnode_table *table;
    struct shale_vnode *victim = NULL;

    if (!vn)
        return;
    table = &vn->fs->state->table;

    lock_exclusive(table->locks, table->lock);
    SHALE_ASSERT(vn->refs > 0);
    if (--vn->refs == 0) {
        table->used--;
        unused_add(table, vn);
        victim = take_unused_locked(table, table->unused_max);
    }
    lock_release(table->locks, table->lock);

    if (victim)
        vnode_evict(victim);
}

size_t vnode_drop_unused(struct shale_fs *fs)
{
    struct vnode_table *table = &fs->state->table;
    struct shale_vnode *vn;
    size_t count = 0;

    for (;;) {
        lock_exclusive(table->locks, table->lock);
        vn = take_unused_locked(table, 0);
        lock_release(table->locks, table->lock);
        if (!vn)
            return count;
        vnode_evict(vn);
        count++;
    }
}

bool vnode_only_root_used(struct shale_fs *fs, struct shale_vnode *root)
{
    struct vnode_table *table = &fs->state->table;
    bool only;

    lock_exclusive(table->locks, table->lock);
    only = table->used == 1 && root->refs == 1;
    lock_release(table->locks, table->lock);
    return only;
}

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
    config.size = table->vnode_size;
    if (table->locks) {
        config.size = table->lock_at + table->locks->size;
        config.construct = object_construct;
        config.destruct = object_destruct;
    }

    /* One bucket a vnode, and at least 16, so that a shift of 64 is none. */
    table->bucket_bits = 4;
    while (table->bucket_bits < BUCKET_BITS_MAX &&
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
