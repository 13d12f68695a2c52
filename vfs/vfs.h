/*
 * vfs.h - what the files of vfs/ call on each other
 *
 * A volume is a struct shale_fs, which drivers see, and behind it a struct
 * shale_fs_state, which only this folder sees.
 *
 * Who takes which lock (drivers take none; order as listed, see fs.h):
 *
 *     vnode    file.c, shared, around a whole read, map or seek
 *     volume   whoever calls the driver, shared, around that one call
 *     table    vnode.c, for a few instructions: a leaf. Never held while a
 *              driver loads or evicts
 */
#ifndef VFS_VFS_H
#define VFS_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lock.h"
#include "shale/fs.h"
#include "shale/shale.h"

/* What a configuration that says 0 gets. */
#define VFS_CACHE_BYTES ((size_t)4 << 20)
#define VFS_VNODE_MAX ((size_t)1024)

/* Every vnode in memory, by inode number; see vnode.c. */
struct vnode_table {
    const struct shale_lock_ops *locks;
    void *lock;
    struct shale_slab *slab;
    size_t vnode_size;          /* the driver's struct; the lock follows it */
    size_t lock_at;             /* ... at this byte of the slab's object */

    struct shale_vnode **buckets;
    size_t bucket_count;        /* 1 << bucket_bits */
    unsigned bucket_bits;

    struct shale_vnode *lru_first, *lru_last;   /* unused; last: longest so */
    size_t unused;              /* vnodes in that list */
    size_t unused_max;
    size_t used;                /* vnodes with references */
};

struct shale_fs_state {
    struct shale_fs fs;
    const struct shale_lock_ops *locks;
    struct shale_log *log;
    void *volume_lock;
    struct vnode_table table;
    struct shale_vnode *root;   /* referenced from mount to unmount */
    char *options;
    size_t options_size;        /* bytes, with the NUL */
    size_t cache_bytes;
};

/* ------------------------------------------------------------- locks */

static inline void volume_lock_shared(struct shale_fs *fs)
{
    lock_shared(fs->state->locks, fs->state->volume_lock);
}

static inline void volume_unlock(struct shale_fs *fs)
{
    lock_release(fs->state->locks, fs->state->volume_lock);
}

static inline void vnode_lock_shared(struct shale_vnode *vn)
{
    lock_shared(vn->fs->state->locks, vn->lock);
}

static inline void vnode_unlock(struct shale_vnode *vn)
{
    lock_release(vn->fs->state->locks, vn->lock);
}

/* Make a lock in MEM, or store NULL if LOCKS is NULL. */
int vfs_lock_create(const struct shale_lock_ops *locks, struct shale_mem *mem,
                    void **out);
void vfs_lock_destroy(const struct shale_lock_ops *locks,
                      struct shale_mem *mem, void *lock);

/* ------------------------------------------------------------ mount.c */

/*
 * Free memory of FS's own for something that found none and will be tried
 * again: unused vnodes, and blocks that nobody holds, half of them and then
 * all, as TRIES counts from 0. False if there is nothing more to give. Takes
 * the leaf locks only.
 */
bool vfs_make_room(struct shale_fs *fs, unsigned tries);

/* Is a driver that answered ERR to be asked again, room having been made? */
static inline bool vfs_again(struct shale_fs *fs, int64_t err, unsigned *tries)
{
    return err == SHALE_ENOMEM && vfs_make_room(fs, (*tries)++);
}

/* As shale_alloc() from FS's memory, but makes room before it gives up. */
void *vfs_alloc(struct shale_fs *fs, size_t size);

/* ------------------------------------------------------------ vnode.c */

/* Make FS's vnode table, which keeps at most UNUSED_MAX unused vnodes. */
int vnode_table_create(struct shale_fs *fs, size_t unused_max);

/* Evict every vnode, all unused by now, and free the table. */
void vnode_table_destroy(struct shale_fs *fs);

/*
 * Get the vnode numbered INO, from the table or through the driver's load(),
 * with the volume's lock held. Errors are load()'s, and SHALE_ENOMEM.
 */
int vnode_find(struct shale_fs *fs, uint64_t ino, struct shale_vnode **out);

/* A reference to the vnode numbered INO if it is in memory, or NULL. */
struct shale_vnode *vnode_cached(struct shale_fs *fs, uint64_t ino);

/* Evict every unused vnode. Returns how many. */
size_t vnode_drop_unused(struct shale_fs *fs);

/* True if ROOT, held once, is the only vnode in use. */
bool vnode_only_root_used(struct shale_fs *fs, struct shale_vnode *root);

/* ------------------------------------------------------------- attr.c */

/* As shale_getattr_ino(), with the volume's lock held. */
int attr_of_ino_locked(struct shale_fs *fs, uint64_t ino,
                       struct shale_attr *out);

/* ----------------------------------------------------------- option.c */

/*
 * The first name in OPTIONS ("sb=1,x") that DRIVER does not take, and its
 * length; NULL if it takes all of them.
 */
const char *option_unknown(const struct shale_fs_ops *driver,
                           const char *options, size_t *len);

/* ------------------------------------------------------------ fault.c */

/* Hand the host an event made of these parts. */
void fault_event(struct shale_fs *fs, const struct shale_event *event);

#endif /* VFS_VFS_H */
