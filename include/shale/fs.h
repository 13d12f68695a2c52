/*
 * fs.h - what a filesystem driver implements, and what it may use
 *
 * A driver is one const struct shale_fs_ops. Before calling it the core has
 * walked the path, checked types, taken the locks and turned away writes on a
 * read-only mount, so a driver sees vnodes and single names, never paths or
 * locks.
 *
 * Units      offsets, sizes and lengths are bytes
 * Ownership  a vnode stored through OUT carries one reference, the caller's
 * Errors     0 or a negative enum shale_err, unless a count is returned; on
 *            error nothing is stored through OUT
 * Absent     a NULL slot means the format cannot do it; the core answers
 *            SHALE_ENOTSUP
 *
 * Locks held by the core when it calls (V: the volume's, N: the vnode's; s
 * shared, x exclusive). Order: vnode, then volume; then the leaves (vnode
 * table, buffer cache, memory), which the callee takes by itself.
 *
 *     probe, mount, unmount               none; nobody else is there yet
 *     load, peek, lookup, parent,         Vs
 *     iterate, getattr, readlink,
 *     getxattr, listxattr, statfs,
 *     describe
 *     map                                 Ns Vs
 *     evict                               the vnode is in nobody's hands
 */
#ifndef SHALE_FS_H
#define SHALE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/bdev.h"
#include "shale/cache.h"
#include "shale/err.h"
#include "shale/log.h"
#include "shale/mem.h"
#include "shale/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct shale_fs;
struct shale_vnode;

/* The head of every vnode; a driver's own struct starts with one. */
struct shale_vnode {
    struct shale_fs *fs;
    uint64_t ino;               /* the volume's number for it */
    uint64_t size;              /* bytes of data; set by load */
    uint32_t generation;        /* tells a reused number apart; set by load */
    enum shale_type type;       /* set by load */

    /* The core's, under the vnode table's lock. */
    uint32_t refs;
    struct shale_vnode *hash_next;
    struct shale_vnode *lru_prev, *lru_next;
    void *lock;                 /* N above; NULL if the host lends none */
};

/* Where a driver's description of its volume goes; see describe. */
struct shale_describe {
    /* KEY is a stable identifier, "block_size"; it becomes a JSON key. */
    void (*text)(struct shale_describe *to, const char *key,
                 const char *value);
    void (*number)(struct shale_describe *to, const char *key, uint64_t value);
    void (*time)(struct shale_describe *to, const char *key, int64_t seconds);
    /* One more item of the list KEY; items of a list come in a row. */
    void (*item)(struct shale_describe *to, const char *key,
                 const char *value);
};

struct shale_fs_ops {
    const char *name;           /* "ext2"; what users type after -t */
    size_t vnode_size;          /* bytes of the driver's struct of a vnode */
    const char *const *options; /* names of mount options taken, then NULL */

    /*
     * Is this our format? True or false by the volume's first LEN bytes, 4096
     * or all there are. Looks at nothing else and allocates nothing.
     */
    bool (*probe)(const uint8_t *head, size_t len);

    /*
     * Attach to fs->dev: validate, call shale_fs_set_blocks(), set fs->volume
     * and fs->root_ino. Fail without trace, having told shale_refuse() or
     * shale_corrupt() why.
     */
    int (*mount)(struct shale_fs *fs);

    /* Undo mount(). Called once, with every vnode evicted. */
    void (*unmount)(struct shale_fs *fs);

    int (*statfs)(struct shale_fs *fs, struct shale_statfs *out);

    /* Tell TO about geometry, features and state, most important first. */
    int (*describe)(struct shale_fs *fs, struct shale_describe *to);

    /*
     * Fill the fresh VN, whose fs and ino are set and whose driver part is
     * zero. SHALE_ESTALE if no file has that number (now).
     */
    int (*load)(struct shale_vnode *vn);

    /* Release what load() attached to VN. NULL if there is nothing. */
    void (*evict)(struct shale_vnode *vn);

    /* The attributes of VN. */
    int (*getattr)(struct shale_vnode *vn, struct shale_attr *out);

    /*
     * The attributes of the file numbered INO, without making a vnode of it:
     * what a listing with attributes calls for each entry. Errors as load().
     */
    int (*peek)(struct shale_fs *fs, uint64_t ino, struct shale_attr *out);

    /*
     * Find NAME in DIR: LEN bytes of UTF-8 (1 to 255), not terminated, never
     * "." or "..". Case rules are the format's. Stores the number of the file;
     * whether there is one by that number, load() or peek() will tell.
     * SHALE_ENOENT if the name is not there.
     */
    int (*lookup)(struct shale_vnode *dir, const char *name, size_t len,
                  uint64_t *ino);

    /* The number of the directory that holds DIR, which is not the root. */
    int (*parent)(struct shale_vnode *dir, uint64_t *ino);

    /*
     * Call EMIT for each entry of DIR from COOKIE on, which is 0 or the `next`
     * of an entry emitted before. "." and ".." are left out. Stops at the end
     * with 0, or as soon as EMIT returns nonzero, with that. A cookie stays
     * below 2^62 and valid while entries come and go.
     */
    int (*iterate)(struct shale_vnode *dir, uint64_t cookie,
                   shale_emit_fn *emit, void *context);

    /*
     * Where do the LEN bytes of FILE at OFFSET live? Stores the first extent,
     * which begins at OFFSET and may be shorter or longer than LEN (longer is
     * welcome if it costs nothing). OFFSET is below the file's size and LEN at
     * least 1; an extent may run past the size.
     */
    int (*map)(struct shale_vnode *file, uint64_t offset, uint64_t len,
               struct shale_extent *out);

    /*
     * Store the target of symlink VN in the SIZE bytes of BUF, not terminated.
     * Returns its length; SHALE_ERANGE if it does not fit.
     */
    int64_t (*readlink)(struct shale_vnode *vn, char *buf, size_t size);

    /*
     * Store the value of attribute NAME ("user.comment", terminated) in BUF.
     * Returns its length, or SHALE_ENODATA. With SIZE 0 nothing is stored and
     * the length is returned; SHALE_ERANGE if it does not fit otherwise.
     */
    int64_t (*getxattr)(struct shale_vnode *vn, const char *name, void *buf,
                        size_t size);

    /*
     * Call EMIT with the full name of each attribute of VN, LEN bytes, not
     * terminated. A nonzero answer stops the walk and is returned.
     */
    int (*listxattr)(struct shale_vnode *vn,
                     int (*emit)(void *context, const char *name, size_t len),
                     void *context);
};

/* A mounted volume, as its driver sees it. */
struct shale_fs {
    const struct shale_fs_ops *ops;
    struct shale_bdev *dev;
    struct shale_mem *mem;
    struct shale_cache *cache;  /* set by shale_fs_set_blocks() */
    const char *options;        /* "sb=8193,..." or ""; see shale_option() */
    bool read_only;             /* as asked, or since the driver cannot write */

    /* The driver's. */
    void *volume;
    uint64_t root_ino;

    struct shale_fs_state *state;   /* the core's */
};

/*
 * Give FS its buffer cache: COUNT blocks of BLOCK_SIZE bytes. Called once by
 * mount(), as soon as it knows; the core destroys the cache.
 */
int shale_fs_set_blocks(struct shale_fs *fs, uint32_t block_size,
                        uint64_t count);

/*
 * Note that the volume breaks a rule: WHAT says which in a phrase that begins
 * with the driver's name, AT where on the volume in bytes. Returns
 * SHALE_ECORRUPT. The second form also names the inode concerned.
 */
int shale_corrupt(struct shale_fs *fs, const char *what, uint64_t at);
int shale_corrupt_inode(struct shale_fs *fs, const char *what, uint64_t at,
                        uint64_t ino);

/* Note that the volume is sound but not for us. Returns SHALE_ENOTSUP. */
int shale_refuse(struct shale_fs *fs, const char *what, const char *detail,
                 uint64_t at);

/*
 * Note that something fails with ERR for a reason that is not the volume's: an
 * option, the device. Returns ERR.
 */
int shale_fail(struct shale_fs *fs, int err, const char *what,
               const char *detail, uint64_t at);

/* Note something that stops nothing. */
void shale_warn(struct shale_fs *fs, const char *what, const char *detail,
                uint64_t at);

/*
 * The value of mount option NAME as a number (decimal, or 0x). Returns 1 and
 * stores it, 0 if the option is absent, SHALE_EINVAL if it is not a number.
 */
int shale_option(const struct shale_fs *fs, const char *name, uint64_t *out);

#ifdef __cplusplus
}
#endif

#endif /* SHALE_FS_H */
