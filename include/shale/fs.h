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
 *     probe, mount, unmount, format       none; nobody else is there yet
 *     load, peek, lookup, parent,         Vs, or Vx if the core changes things
 *     iterate, getattr, readlink,
 *     getxattr, listxattr, statfs,
 *     describe, deleted
 *     map, decode                         Ns Vs, or Vx for who needs memory
 *     create, link, remove, rename,       Vx, in a transaction
 *     exchange, setattr, setxattr,
 *     release, trim, set_label
 *     allocate, resize, punch             Nx Vx, in a transaction
 *     reclaim, mark, make_room, recover   Vx, in a transaction
 *     purge                               Vx
 *     evict                               none, or any: only the vnode is in
 *                                         nobody else's hands
 *
 * The operations that change things run inside the transaction fs->tx (tx.h).
 * Whatever error one returns, the core undoes its changes of blocks; changes
 * of the driver's own memory come after everything that can fail, or have been
 * told to shale_tx_on_undo() or shale_tx_save(). An operation that met
 * SHALE_ENOMEM is called again once memory has been freed, and one that met
 * SHALE_ENOSPC once what earlier transactions freed has been written and
 * reclaimed.
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
#include "shale/tx.h"
#include "shale/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct shale_codepage;
struct shale_fs;
struct shale_ntfs_extra;
struct shale_vnode;

/* What the core does to no file's data; SHALE_EPERM. */
#define SHALE_PROTECT_ALL   1u          /* change it in any way */
#define SHALE_PROTECT_BEGUN 2u          /* but add to its end */

/* The head of every vnode; a driver's own struct starts with one. */
struct shale_vnode {
    struct shale_fs *fs;
    uint64_t ino;               /* the volume's number for it */
    uint64_t size;              /* bytes of data; set by load, and kept up by
                                   resize, under Nx and Vx */
    uint32_t links;             /* names it has; set by load, and kept up by
                                   what changes them, under Vx; at 0 the file
                                   lives until its last reference goes */
    uint32_t generation;        /* tells a reused number apart; set by load */
    enum shale_type type;       /* set by load */
    uint32_t protection;        /* of its data: SHALE_PROTECT_..., or-ed; set by
                                   load, kept up by setattr; atomic */

    /* The core's, under the vnode table's lock. */
    uint32_t refs;
    uint64_t known;             /* times it was remembered, which together are
                                   one reference; see shale_vnode_remember() */
    bool orphan;                /* its last name went; under Vx */
    bool nameless;              /* it has not had one; likewise */
    bool leaving;               /* an orphan that is not to be had any more */
    bool excess;                /* may have units past its size; under Nx */
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

/* A rename: what NAME in FROM is gets the name TO_NAME in TO. */
struct shale_rename {
    struct shale_vnode *from, *to;      /* directories, maybe the same */
    struct shale_vnode *vn;             /* what is renamed */
    struct shale_vnode *victim;         /* what has that name now, or NULL */
    const char *name, *to_name;
    size_t len, to_len;
};

struct shale_fs_ops {
    const char *name;           /* "ext2"; what users type after -t */
    size_t vnode_size;          /* bytes of the driver's struct of a vnode */
    const char *const *options; /* names of mount options taken, then NULL */
    bool holes;                 /* a file may have ranges without space */
    bool exact;                 /* ... and none past its size, but the rest of
                                   its last unit */
    unsigned traits;            /* SHALE_TRAIT_...; see shale_fs_traits() */
    uint32_t time_step;         /* nanoseconds; see shale_fs_time_step() */
    uint32_t name_max;          /* longest name, bytes; 0: SHALE_NAME_MAX */
    uint64_t file_max;          /* bytes the largest file of any volume has; 0:
                                   2^63 - 1. resize may know better */

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
     * The files of the COUNT numbers at INOS are going to be peeked at: read
     * what that takes, in the device's order and with few requests
     * (shale_buf_ahead()). Errors are peek()'s to meet. NULL if that would not
     * help.
     */
    void (*ahead)(struct shale_fs *fs, const uint64_t *inos, size_t count);

    /*
     * Find NAME in DIR: LEN bytes of UTF-8 (1 to name_max), not terminated,
     * never "." or "..". Case rules are the format's. Stores the number of the
     * file; whether there is one by that number, load() or peek() will tell.
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
     * least 1; an extent may run past the size, and the last one of a file that
     * may have holes runs to its unit's end. An extent of kind INLINE or
     * ENCODED is one whole unit, which OFFSET is in: at most SHALE_UNIT_MAX
     * bytes, cut at the file's size, and its `device` is where it begins.
     */
    int (*map)(struct shale_vnode *file, uint64_t offset, uint64_t len,
               struct shale_extent *out);

    /*
     * Store EXTENT, of kind INLINE or ENCODED, just as map() gave it, in the
     * extent->length bytes of BUF: all of it, or an error; never zeros for what
     * cannot be decoded. The core keeps the bytes, so they have to stay the
     * same for as long as FS is mounted. Reads the device. NULL in a driver
     * that has no such extents.
     */
    int (*decode)(struct shale_vnode *file, const struct shale_extent *extent,
                  void *buf);

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

    /*
     * Call EMIT for each file that is deleted and still described on the
     * volume. A nonzero answer stops the walk and is returned. load(), peek()
     * and what follows take the numbers that it gives, which no file in use
     * has.
     */
    int (*deleted)(struct shale_fs *fs, shale_deleted_fn *emit, void *context);

    /* ---- what changes the volume; all NULL in a driver that cannot ---- */

    /*
     * Make what *NODE says and enter it in DIR as NAME, which is not there.
     * Stores its number. Its times are shale_now(). SHALE_ENOTSUP for a type,
     * SHALE_EINVAL for a name, that the format does not have.
     */
    int (*create)(struct shale_vnode *dir, const char *name, size_t len,
                  const struct shale_node *node, uint64_t *ino);

    /*
     * VN was made just now by create() with LEN 0, which enters nothing: it is
     * to be an orphan, though link() may give it a name one day. NULL if create
     * has to have a name.
     */
    int (*unname)(struct shale_vnode *vn);

    /* Give VN, no directory, one more name, or a nameless one its first. */
    int (*link)(struct shale_vnode *vn, struct shale_vnode *dir,
                const char *name, size_t len);

    /*
     * Remove NAME, which is VN, from DIR, and lower vn->links. A directory has
     * to be empty (SHALE_ENOTEMPTY). What VN occupies stays until release().
     */
    int (*remove)(struct shale_vnode *dir, const char *name, size_t len,
                  struct shale_vnode *vn);

    /*
     * Rename. The victim, if any, loses its name as by remove(); it and vn are
     * both directories or both not. The core has seen to it that a directory
     * does not go below itself and that vn and the victim differ; the names
     * may be the same but for their case. The new name is on the device before
     * the old one goes.
     */
    int (*rename)(const struct shale_rename *what);

    /*
     * What vn and the victim are called is exchanged, whole or not at all. NULL
     * or SHALE_ENOTSUP if that cannot be (now): then it takes three renames.
     */
    int (*exchange)(const struct shale_rename *what);

    /* Change those attributes of VN that WHAT says. */
    int (*setattr)(struct shale_vnode *vn, const struct shale_setattr *what);

    /*
     * See to it that space is allocated for the LEN bytes of FILE at OFFSET,
     * wherever its size ends (without holes: OFFSET is not past what is
     * allocated, up to the next whole unit). Stores the first extent: of kind
     * DATA if it was there; UNWRITTEN if it is new, beginning and ending with
     * whole units, so perhaps before OFFSET. It may be shorter than LEN, but
     * covers OFFSET, and longer than LEN only to its unit's end. The core
     * fills what is UNWRITTEN. The size stays.
     */
    int (*allocate)(struct shale_vnode *file, uint64_t offset, uint64_t len,
                    struct shale_extent *out);

    /*
     * FILE's size is SIZE from now on. Allocates nothing; if the file becomes
     * shorter, frees (shale_tx_free) whole units past SIZE. Sets file->size,
     * and the times of a change: the same size as before asks for these alone.
     */
    int (*resize)(struct shale_vnode *file, uint64_t size);

    /*
     * Free the whole units inside the LEN (at least 1) bytes of FILE at OFFSET,
     * which become a hole; the core zeroes what is left at its ends. Only a
     * format with holes has this. The size stays, and the times of a change are
     * set.
     */
    int (*punch)(struct shale_vnode *file, uint64_t offset, uint64_t len);

    /*
     * Free whole units past FILE's size, which allocate() was asked for and
     * which are not going to be used. No times change. NULL if they may stay.
     */
    int (*trim)(struct shale_vnode *file);

    /* The last reference to VN, which has no name, is gone: free all it has. */
    int (*release)(struct shale_vnode *vn);

    /*
     * Set attribute NAME of VN to the SIZE bytes at VALUE; remove it if VALUE
     * is NULL (SHALE_ENODATA if it is not there).
     */
    int (*setxattr)(struct shale_vnode *vn, const char *name,
                    const void *value, size_t size);

    /* The volume's label, UTF-8, up to SHALE_LABEL_MAX bytes; "" for none. */
    int (*set_label)(struct shale_fs *fs, const char *label, size_t len);

    /* RUN, given to shale_tx_free() once, may be used again. */
    int (*reclaim)(struct shale_fs *fs, struct shale_tx_run run);

    /*
     * Note on the volume that it is about to change (CLEAN false), or that all
     * is written (true), with what else is kept for that moment, such as the
     * count of free units. In a transaction of its own, which the core writes
     * before it does anything else. A mark that was there at mount stays. After
     * SHALE_ENOSPC it is called once more, and asks for less.
     */
    int (*mark)(struct shale_fs *fs, bool clean);

    /*
     * Free space that the driver keeps for itself and can do without: there is
     * no other. The batch was empty, and is written at once; if there is still
     * too little, it is called again. SHALE_ENOENT if it has none. NULL if it
     * never has any.
     */
    int (*make_room)(struct shale_fs *fs);

    /*
     * Go on with what an earlier use of the volume has left unfinished: files
     * that were in use when their last name went. Called after a mount that may
     * write, if that has set fs->unfinished, the volume being marked as in use:
     * as long as it answers 0. SHALE_ENOENT when there is nothing (more) to do.
     */
    int (*recover)(struct shale_fs *fs);

    /*
     * Nobody searches or lists now: forget what was kept for vnodes that are
     * not in memory any more. NULL if there is nothing.
     */
    void (*purge)(struct shale_fs *fs);

    /*
     * Will load() find VN, which is in memory and has a name, by its number?
     * NULL: yes, always.
     */
    bool (*stays)(const struct shale_vnode *vn);

    /*
     * Make an empty volume on DEV, all of which may be overwritten. Reads the
     * device's size and what *FORMAT says; tells LOG why it cannot.
     */
    int (*format)(struct shale_bdev *dev, struct shale_mem *mem,
                  struct shale_log *log, const struct shale_format *format);
};

/* A mounted volume, as its driver sees it. */
struct shale_fs {
    const struct shale_fs_ops *ops;
    struct shale_bdev *dev;
    struct shale_mem *mem;
    struct shale_cache *cache;  /* set by shale_fs_set_blocks() */
    struct shale_tx *tx;        /* set with it; NULL if mounted read-only */
    struct shale_clock *clock;  /* or NULL; see shale_now() */
    const struct shale_codepage *const *codepages;      /* or NULL */
    const struct shale_ntfs_extra *const *ntfs_extras;  /* or NULL */
    const char *options;        /* "sb=8193,..." or ""; see shale_option() */
    bool read_only;             /* as asked, since the driver cannot write, or
                                   since an error; a driver may set it in
                                   mount(), having told shale_warn() why */
    bool unfinished;            /* set by mount(): there is work for recover */
    bool mark_again;            /* set by the driver: mark() as in use, which
                                   has been done, is to be called once more
                                   when the batch is empty */

    /* The driver's. */
    void *volume;
    uint64_t root_ino;
    uint64_t file_max;          /* as ops->file_max, of this volume; 0: that */
    uint32_t time_step;         /* likewise */
    unsigned traits;            /* ops->traits; mount() may change it */

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

/* What shale_corrupt() was told, for formats that keep it on the volume. */
struct shale_corruption {
    struct shale_time time;
    uint64_t at;                /* byte of the volume, or SHALE_NOWHERE */
    uint64_t ino;               /* or 0 */
    char what[32];              /* terminated, perhaps cut short */
};

/*
 * How many times FS has met something corrupt, since it was mounted. Unless it
 * is 0, stores the first and the last.
 */
uint64_t shale_fs_saw_corruption(const struct shale_fs *fs,
                                 struct shale_corruption *first,
                                 struct shale_corruption *last);

/* Note that the volume is sound but not for us. Returns SHALE_ENOTSUP. */
int shale_refuse(struct shale_fs *fs, const char *what, const char *detail,
                 uint64_t at);

/*
 * Note that something fails with ERR for a reason that is not the volume's: an
 * option, the device. Returns ERR.
 */
int shale_fail(struct shale_fs *fs, int err, const char *what,
               const char *detail, uint64_t at);

/*
 * A write that the driver made past the transactions failed with ERR: this is
 * as if the batch could not be written. With the volume's lock exclusive.
 * Returns ERR.
 */
int shale_fs_write_failed(struct shale_fs *fs, int err);

/* Note something that stops nothing. */
void shale_warn(struct shale_fs *fs, const char *what, const char *detail,
                uint64_t at);

/*
 * The value of mount option NAME as a number (decimal, or 0x). Returns 1 and
 * stores it, 0 if the option is absent, SHALE_EINVAL if it is not a number.
 */
int shale_option(const struct shale_fs *fs, const char *name, uint64_t *out);

/*
 * The text of mount option NAME, not terminated. Returns 1 and stores where it
 * is and its length (0 for an option without "="), 0 if the option is absent.
 */
int shale_option_text(const struct shale_fs *fs, const char *name,
                      const char **text, size_t *len);

/* The time now; 1970 where the host lends no clock. */
struct shale_time shale_now(const struct shale_fs *fs);

/*
 * Seconds that the host's local time is ahead of UTC, at UTC second SEC; 0
 * without a clock. For the formats that keep local time.
 */
int32_t shale_zone(const struct shale_fs *fs, int64_t sec);

/*
 * Is a vnode numbered INO in memory? For a driver whose numbers depend on which
 * are in use. With the volume's lock exclusive "no" stays true until it loads
 * one itself; "yes" may not.
 */
bool shale_vnode_in_memory(struct shale_fs *fs, uint64_t ino);

#ifdef __cplusplus
}
#endif

#endif /* SHALE_FS_H */
