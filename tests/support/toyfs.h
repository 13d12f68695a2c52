/*
 * toyfs.h - a filesystem of a few lines, to test the VFS without a format
 *
 * A toy is a device, a tree of files that a test makes by hand, and the volume
 * mounted from them. Its driver answers from the tree; its device reads as
 * toy_byte() says; its locks stop the program if they are taken in another
 * order than fs.h allows, or if the driver or the device is called under other
 * locks than it says.
 */
#ifndef SUPPORT_TOYFS_H
#define SUPPORT_TOYFS_H

#include <check.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/fs.h"
#include "shale/shale.h"
#include "arenas.h"

#define TOY_ROOT 1u             /* its inode number */
#define TOY_DEVICE ((uint64_t)64 << 10)         /* bytes */
#define TOY_EXTENTS 8u
#define TOY_XATTRS 3u
#define TOY_DELETED ((uint64_t)1 << 62) /* in a deleted file's number */

struct toy_node {
    uint64_t ino, parent;
    enum shale_type type;
    bool stale;                 /* load and peek answer SHALE_ESTALE */
    bool shy;                   /* listed with type UNKNOWN */
    bool deleted;               /* has no name any more; see TOY_DELETED */
    uint32_t means;             /* generation that its entry says, or 0 */
    char name[SHALE_NAME_MAX + 1];
    const char *target;         /* of a symlink; the test's */
    size_t target_len;

    uint64_t size;
    struct shale_extent extents[TOY_EXTENTS];
    unsigned extent_count;
    uint64_t piece;             /* map() tells no more at once; 0: an extent */
    uint64_t unit;              /* what is INLINE or ENCODED comes in these,
                                   from an extent's start on; 0: extents */

    const char *xattr_names[TOY_XATTRS];
    const char *xattr_values[TOY_XATTRS];
    unsigned xattr_count;
};

/* What can be counted and made to fail. */
enum toy_op {
    TOY_MOUNT, TOY_LOAD, TOY_PEEK, TOY_GETATTR, TOY_LOOKUP, TOY_PARENT,
    TOY_ITERATE, TOY_MAP, TOY_READLINK, TOY_GETXATTR, TOY_LISTXATTR,
    TOY_STATFS, TOY_DECODE, TOY_FIND_DELETED,
    TOY_READ,                   /* the device's */
    TOY_AHEAD,                  /* counted only, like: */
    TOY_EVICT, TOY_UNMOUNT,
    TOY_OPS,
};

struct toy {
    struct shale_bdev base;
    struct test_source source;
    struct shale_mem *mem;
    struct shale_log log;
    struct shale_config config; /* for the next toy_mount() */
    struct shale_fs *fs;        /* NULL while not mounted */

    struct toy_node *nodes;     /* by inode number less 1 */
    size_t count, room;

    atomic_uint calls[TOY_OPS];
    int fail[TOY_OPS];          /* the error that it answers, or 0 */
    uint64_t fail_ino;          /* ... for this file only, unless 0 */

    bool give_bad_extent;       /* map() answers this one */
    struct shale_extent bad_extent;

    /* Called by load(), with the volume's lock held shared, and by decode(),
       with the file's, if not NULL. */
    void (*on_load)(struct toy *toy, uint64_t ino);
    void (*on_decode)(struct toy *toy, uint64_t ino);
    void *context;              /* its */

    unsigned events;            /* so far */
    struct shale_event said;    /* the last; its detail is in the array */
    char detail[64];
};

/* The driver, and one with nothing but what every driver has. */
extern const struct shale_fs_ops toy_ops;
extern const struct shale_fs_ops toy_bare_ops;

/* Make a toy with an empty root directory, and locks that watch. */
void toy_init(struct toy *toy);

/* Unmount if mounted, and assert that nothing is left of it. */
void toy_fini(struct toy *toy);

/* Mount, which has to work, the volume as it is now. */
void toy_mount(struct toy *toy);

/* Add a file. Valid until the next one is added. */
struct toy_node *toy_add(struct toy *toy, uint64_t parent, const char *name,
                         enum shale_type type);
struct toy_node *toy_add_link(struct toy *toy, uint64_t parent,
                              const char *name, const char *target);

/* Append an extent to the file NODE. */
void toy_extent(struct toy_node *node, enum shale_extent_kind kind,
                uint64_t length, uint64_t device);

/* The byte at AT of the device / of the file INO, where it is decoded. */
uint8_t toy_byte(uint64_t at);
uint8_t toy_decoded(uint64_t ino, uint64_t at);

/* What file INO has for a generation. */
uint32_t toy_generation(uint64_t ino);

/* How often the driver was asked for OP. */
unsigned toy_calls(struct toy *toy, enum toy_op op);

/* The inode number that PATH leads to, or an error. */
int64_t toy_walk(struct toy *toy, const char *path, unsigned flags);

/* The vnode of INO, which has to exist; the caller puts it. */
struct shale_vnode *toy_get(struct toy *toy, uint64_t ino);

#endif /* SUPPORT_TOYFS_H */
