/*
 * node.h - files: their numbers, and what is in memory of one
 */
#ifndef FAT32_NODE_H
#define FAT32_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain.h"
#include "dirent.h"
#include "shale/once.h"

struct namehash;

/* ------------------------------------------------------------- node.c */

/* What a batch has done so far to the chain of a file; see grow.c. */
struct fat_growth {
    uint64_t batch;             /* in which it grew, ... */
    uint32_t from;              /* ... having had so many clusters before */
    bool hidden;                /* the link to the new ones goes to the device
                                   when they are there */
};

/*
 * Where to look for room in a directory: before slot at[N - 1] there is no gap
 * of N slots (for the last one: of that many or more).
 */
#define FAT_GAP_SIZES 8u
struct fat_gaps {
    uint32_t at[FAT_GAP_SIZES];
    uint64_t late_batch;        /* in which slots were freed late; 0: none */
};

struct fat_vnode {
    struct shale_vnode base;
    struct fat_chain chain;     /* chain.first is entry.cluster */
    union {
        struct {
            struct fat_entry entry;     /* the root's is all zero but for the
                                           cluster */
            uint64_t at;        /* its place; 0: the root, or no name is left */
        };
        uint64_t kept[6];       /* the two, for undo: see fat_vnode_note() */
    };

    /* Of a directory; atomic, for readers share them. */
    uint32_t hint;              /* slot after the name found last */
    uint32_t names_asked;       /* a search took long: the next one makes ... */
    struct shale_once names_made;   /* ... a table, unless DIR is damaged, or
                                   there is no memory: then never */
    struct namehash *names;     /* the table; or NULL */

    /* The writing half's; zero at load. */
    struct fat_growth growth;
    struct fat_gaps gaps;       /* of a directory */
};

_Static_assert(offsetof(struct fat_vnode, at) + sizeof(uint64_t) <=
                   offsetof(struct fat_vnode, kept) + 6 * sizeof(uint64_t),
               "kept has all that is undone");

static inline struct fat_vnode *fat_vnode_of(struct shale_vnode *base)
{
    return (struct fat_vnode *)base;
}

/*
 * Pin the block of the short entry at AT. SHALE_ESTALE if no directory can be
 * there, or no file is.
 */
int fat_entry_get(struct fat_volume *vol, uint64_t at, struct fat_spot *out);

/* The same, decoded. */
int fat_entry_load(struct fat_volume *vol, uint64_t at, struct fat_entry *out);

/* The mode that a file with ENTRY is shown to have. */
uint32_t fat_entry_mode(const struct fat_volume *vol,
                        const struct fat_entry *entry);

/* As struct shale_fs_ops.load, .getattr, .peek, .map and .parent. */
int fat_node_load(struct shale_vnode *base);
int fat_node_getattr(struct shale_vnode *base, struct shale_attr *out);
int fat_node_peek(struct shale_fs *fs, uint64_t ino, struct shale_attr *out);
int fat_node_map(struct shale_vnode *base, uint64_t offset, uint64_t len,
            struct shale_extent *out);
int fat_node_parent(struct shale_vnode *base, uint64_t *ino);

/*
 * Where the LEN bytes of VN at OFFSET are, to its chain's end: the first
 * extent, which may be longer. Returns 1, 0 if the chain ends before, or an
 * error.
 */
int fat_extent_find(struct fat_vnode *vn, uint32_t offset, uint32_t len,
                 struct shale_extent *out);

/* The extent of RUN of some file, but for the first INTO bytes. */
void fat_run_extent(const struct fat_volume *vol, const struct fat_run *run,
                    uint32_t into, struct shale_extent *out);

/* Report that VN breaks rule WHAT, by its entry. */
int fat_node_corrupt(const struct fat_vnode *vn, const char *what);

/* ... that its chain ends before the file does. */
int fat_chain_short(const struct fat_vnode *vn);

/*
 * As much of a vnode as a walk needs, for the directory that begins with
 * CLUSTER (0: the root), when there is none at hand. Or NULL; and back, which
 * takes NULL.
 */
struct fat_vnode *fat_dir_borrow(struct fat_volume *vol, uint32_t cluster);
void fat_dir_return(struct fat_volume *vol, struct fat_vnode *dir);

/* ------------------------------------------------------------ moved.c */

/*
 * A file's number is the place of its short entry / 32 + 16, unless it has
 * been moved, or somebody who moved has that number: then it is noted here.
 */
#define FAT_INO_FRESH ((uint64_t)1 << 48)

static inline uint64_t fat_ino_natural(uint64_t at)
{
    return at / FAT_ENTRY_SIZE + 16;
}

/* The number of the file whose entry is at AT. */
uint64_t fat_ino_of(const struct fat_volume *vol, uint64_t at);

/* Where the entry of number INO (not the root) is; false if none can be. */
bool fat_ino_place(const struct fat_volume *vol, uint64_t ino, uint64_t *at);

/*
 * Note that the file numbered INO has its entry at AT from now on: its last
 * place is forgotten, and who else was noted at AT is. SHALE_ENOMEM, but not
 * where it only undoes what others of these calls did since the last purge.
 */
int fat_moved_enter(struct fat_volume *vol, uint64_t ino, uint64_t at);

/* Forget what is noted of INO. */
void fat_moved_leave(struct fat_volume *vol, uint64_t ino);

/* Store a number that no file of this mount has had. SHALE_ENOMEM. */
int fat_moved_fresh(struct fat_volume *vol, uint64_t *out);

/* Forget those whose numbers belong to no vnode in memory: ops->purge. */
void fat_moved_purge(struct fat_volume *vol);

/* Free the lot. */
void fat_moved_fini(struct fat_volume *vol);

/* ------------------------------------------------------------ owner.c */

#define FAT_OWNERS_MAX 2048u    /* pairs at vol->owners; a power of two */
#define FAT_OWNERS_MIN 64u

/*
 * Note that the directory whose entry is at AT begins with CLUSTER. If another
 * entry, still there, says so too: SHALE_ECORRUPT, for the two would be one
 * directory, perhaps within itself.
 */
int fat_owner_claim(struct fat_volume *vol, uint32_t cluster, uint64_t at);

/* The place of the entry of the directory that begins with CLUSTER; or 0. */
uint64_t fat_owner_find(struct fat_volume *vol, uint32_t cluster);

/* The directory that begins with CLUSTER is no more. */
void fat_owner_forget(struct fat_volume *vol, uint32_t cluster);

/* ----------------------------------------------------------- xattr.c */

/* As struct shale_fs_ops.getxattr, .listxattr and .setxattr. */
int64_t fat_xattr_get(struct shale_vnode *base, const char *name, void *buf,
                      size_t size);
int fat_xattr_list(struct shale_vnode *base,
                   int (*emit)(void *context, const char *name, size_t len),
                   void *context);
int fat_xattr_set(struct shale_vnode *base, const char *name,
                  const void *value, size_t size);

#endif /* FAT32_NODE_H */
