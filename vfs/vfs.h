/*
 * vfs.h - what the files of vfs/ call on each other
 *
 * A volume is a struct shale_fs, which drivers see, and behind it a struct
 * shale_fs_state, which only this folder sees.
 *
 * Who takes which lock (drivers take none; order as listed, see fs.h):
 *
 *     vnode    file.c, shared, around a whole read, map or seek; write.c,
 *              exclusive, around a whole write
 *     batch    sync.c, exclusive, around writing the batch and what follows
 *     volume   whoever calls the driver: shared, around that one call, if it
 *              changes nothing; transact.c, exclusive, if it does
 *     table    vnode.c, for a few instructions: a leaf. Never held while a
 *              driver loads or evicts
 *     decoded  decoded.c, likewise: not while a driver decodes
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

/* Vnodes that nobody holds, by lru_next. */
struct vnode_list {
    struct shale_vnode *first, *last;
    size_t count;
};

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

    struct vnode_list unused;   /* last: longest so */
    struct vnode_list unsettled;    /* see settle.c */
    size_t unused_max;
    size_t used;                /* vnodes with references */
    uint64_t hits, misses;      /* found in the table; loaded */
    size_t writers;             /* writes under way; see sync.c */
};

struct decoded;

struct shale_fs_state {
    struct shale_fs fs;
    const struct shale_lock_ops *locks;
    struct shale_log *log;
    void *volume_lock;
    struct vnode_table table;
    struct decoded *decoded;    /* NULL: the driver decodes nothing */
    struct shale_vnode *root;   /* referenced from mount to unmount */
    char *options;
    size_t options_size;        /* bytes, with the NUL */
    size_t cache_bytes;

    /* For what changes the volume; see sync.c. Under the volume's lock. */
    void *batch_lock;
    bool errors_continue;
    bool in_use;                /* marked so on the device */
    int late_err;               /* of a write, to be reported; 0: none */
    uint32_t data_written;      /* ... of files, since the device was flushed;
                                   atomic, and under no lock */
    uint64_t orphans;           /* files without a name, not freed so far */
    bool reclaim_failed;        /* of something, since sync_all() asked */

    /* What was corrupt; see fault.c. Under the vnode table's lock. */
    uint64_t corruptions;
    struct shale_corruption first_corruption, last_corruption;
};

/* ------------------------------------------------------------- locks */

static inline void volume_lock_exclusive(struct shale_fs *fs)
{
    lock_exclusive(fs->state->locks, fs->state->volume_lock);
}

static inline void volume_lock_shared(struct shale_fs *fs)
{
    lock_shared(fs->state->locks, fs->state->volume_lock);
}

static inline void volume_unlock(struct shale_fs *fs)
{
    lock_release(fs->state->locks, fs->state->volume_lock);
}

static inline void vnode_lock_exclusive(struct shale_vnode *vn)
{
    lock_exclusive(vn->fs->state->locks, vn->lock);
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

/* ------------------------------------------------------------- room.c */

/*
 * Free memory of FS's own for something that found none and will be tried
 * again: unused vnodes; and blocks that nobody holds and what was decoded, half
 * of them and then all, as TRIES counts from 0. False if there is nothing more
 * to give. Takes the leaf locks only, and may wait for what is read ahead.
 */
bool vfs_make_room(struct shale_fs *fs, unsigned tries);

/* Is a driver that answered ERR to be asked again, room having been made? */
static inline bool vfs_again(struct shale_fs *fs, int64_t err, unsigned *tries)
{
    return err == SHALE_ENOMEM && vfs_make_room(fs, (*tries)++);
}

/*
 * As shale_alloc() from FS's memory, but makes room before it gives up; with no
 * lock but vnodes' held.
 */
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

/*
 * As shale_vnode_put(), with the volume's lock held, so that nothing is
 * settled. True if something is to be.
 */
bool vnode_put_locked(struct shale_vnode *vn);

/* Evict every unused vnode. Returns how many. */
size_t vnode_drop_unused(struct shale_fs *fs);

/* True if nobody but a kernel, and one holder of ROOT, holds any vnode. */
bool vnode_only_root_used(struct shale_fs *fs, struct shale_vnode *root);

/* Forget what kernels remember, as by shale_vnode_forget(). */
void vnode_forget_all(struct shale_fs *fs);

/*
 * Take a vnode off the list of the unsettled ones; NULL if there is none. An
 * orphan is the caller's alone: nobody gets it from the table any more, where
 * it stays so that its number is not given to somebody else. Another one comes
 * with a reference. With the volume's lock exclusive.
 */
struct shale_vnode *vnode_take_unsettled(struct shale_fs *fs);
size_t vnode_count_unsettled(struct shale_fs *fs);

/* Put back VN, taken by the above: it could not be settled now. */
void vnode_return_unsettled(struct shale_vnode *vn);

/* Evict the orphan VN, taken by the above: it is settled. */
void vnode_evict_settled(struct shale_vnode *vn);

/* Undo load(): VN is in nobody's hands, and not in the table. */
void vnode_evict(struct shale_vnode *vn);

/* ----------------------------------------------------------- settle.c */

/* Settle what is to be settled; with no lock but a vnode's held. */
void settle(struct shale_fs *fs);

/* The same, with the volume's lock exclusive. */
void settle_locked(struct shale_fs *fs);

/* VN, which has lost a name, is an orphan if that was its last one. */
void settle_note_unlinked(struct shale_vnode *vn);

/* VN, which has got a name, is none. */
void settle_note_linked(struct shale_vnode *vn);

/* --------------------------------------------------------- transact.c */

/*
 * Changes a volume, inside a transaction; see transact.c. Called again after
 * some errors, having been undone.
 */
typedef int change_fn(struct shale_fs *fs, void *context);

/*
 * Run CHANGE(FS, CONTEXT) in a transaction, whole or not at all, with the
 * volume's lock exclusive. No lock but vnodes' may be held.
 */
int change_run(struct shale_fs *fs, change_fn *change, void *context);

/* The same, for who holds the volume's lock exclusive. */
int change_run_locked(struct shale_fs *fs, change_fn *change, void *context);

/* 0 if NODE is something that may be made. */
int change_check_node(const struct shale_node *node);

/* One transaction, tried again only for want of memory. */
int change_attempt(struct shale_fs *fs, change_fn *change, void *context);

/*
 * The volume, whose lock is held exclusive, is going to change: SHALE_EROFS,
 * or see to it that it is marked as in use.
 */
int change_open(struct shale_fs *fs);

/* Have the driver recover; see fs.h. Nobody else is there yet. */
void change_recover(struct shale_fs *fs);

/* ------------------------------------------------------------- sync.c */

/*
 * Write the batch, and reclaim what it freed, with the volume's lock exclusive
 * all the time: where something waits for that space. Errors are late ones.
 */
int sync_write_exclusive(struct shale_fs *fs);

/*
 * Write all that waits, so that memory it takes can be given up; with the
 * volume's lock exclusive. Errors are late ones. False if nothing did.
 */
bool sync_waiting(struct shale_fs *fs);

/* Do the changes in memory take so much of the cache that they are written? */
bool sync_is_due(struct shale_fs *fs);

/* Note that data of files is being written / is not any more; see sync.c. */
int sync_writer_enter(struct shale_fs *fs);
void sync_writer_leave(struct shale_fs *fs);

/* -------------------------------------------------------------- dir.c */

/* 0 if NAME can be the name of an entry on FS. */
int dir_check_name(const struct shale_fs *fs, const char *name, size_t len);

/* Is NAME "." or ".."? */
bool dir_is_dots(const char *name, size_t len);

/* As shale_lookup(), NAME having been checked, with the volume's lock held. */
int dir_find_locked(struct shale_vnode *dir, const char *name, size_t len,
                    struct shale_vnode **out);

/* ------------------------------------------- file.c, its lock being held */

/* 0 if VN has data to read. */
int file_check(const struct shale_vnode *vn);

/*
 * The extent at OFFSET, below the file's size, joined with what continues it
 * as far as LEN bytes ask. An error further on is for whoever asks for the
 * bytes there.
 */
int file_map(struct shale_vnode *file, uint64_t offset, uint64_t len,
             struct shale_extent *out);

/* The bytes that FILE's last extent has past the size, and where. */
int file_map_tail(struct shale_vnode *file, struct shale_extent *out);

/* Read LEN bytes, all of them inside FILE. */
int file_read_locked(struct shale_vnode *file, void *buf, size_t len,
                     uint64_t offset);

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
