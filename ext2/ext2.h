/*
 * ext2.h - an ext2 volume in memory, and what the driver's files call on each
 * other
 *
 * Raw bytes (disk.h) become the structs here in one *_decode() each, which
 * checks what it can; after that they are believed. Nothing is written
 * after mount() or load() but what is learnt of a directory, and that
 * atomically, so that readers need no lock.
 *
 * Errors  0 or a negative enum shale_err; SHALE_ECORRUPT has been reported
 *         through shale_corrupt() where it arose
 */
#ifndef EXT2_EXT2_H
#define EXT2_EXT2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/fs.h"

#include "disk.h"
#include "namehash.h"
#include "span.h"

/* The superblock, decoded and checked. */
struct ext2_super {
    uint64_t at;                /* byte of the volume it was read from */

    uint32_t block_size;        /* bytes, and its logarithm */
    uint32_t block_shift;
    uint32_t block_count;
    uint32_t first_block;       /* where group 0 begins: 0 or 1 */
    uint32_t blocks_per_group;
    uint32_t inode_size;        /* bytes */
    uint32_t inode_count;
    uint32_t inodes_per_group;
    uint32_t first_ino;         /* first inode number not reserved */
    uint32_t group_count;
    uint32_t table_blocks;      /* of one group's inode table */
    uint32_t descs_per_block;   /* group descriptors in a block */
    uint32_t desc_blocks;       /* blocks of descriptors, of all groups */
    uint32_t first_meta_bg;     /* descriptor blocks from this on are at home
                                   in their own groups; desc_blocks: none */
    uint32_t reserved_desc;     /* blocks kept free after those before it */

    uint32_t rev_level;
    uint32_t compat, incompat, ro_compat;
    uint32_t backup_groups[2];
    uint32_t hash_seed[4];
    uint8_t hash_version;       /* default, for describe() */
    bool hash_unsigned;         /* names are hashed as unsigned chars */

    uint32_t reserved_blocks, free_blocks, free_inodes;
    uint32_t journal_ino;
    uint32_t last_orphan;       /* heads the list of files without a name */
    uint32_t creator_os;
    uint16_t state;
    uint16_t mount_count;
    int16_t max_mount_count;    /* 0 or less: no limit */
    int64_t mkfs_time, mtime, wtime, last_check;    /* 0: never */
    uint8_t uuid[16];
    char label[17];             /* terminated */
    char last_mounted[65];
};

/* Directories that were made in BATCH, where batches are not whole. */
struct ext2_new_dirs {
    uint64_t batch;
    uint32_t count;
    uint32_t ino[24];
};

/* A mounted volume: struct shale_fs.volume points here. */
struct ext2_volume {
    struct shale_fs *fs;
    struct ext2_super super;
    struct ext2_journal *journal;   /* or NULL: batches are written by rank */
    uint64_t errors_noted;      /* of those that this mount has met */
    uint32_t super_block;       /* block that the superblock in use is in */
    uint32_t first_usable;      /* files have no block below this one */
    uint64_t max_size;          /* bytes that a block map can reach */
    struct namehash_budget names;   /* of all directories' tables */
    struct ext2_vnode *orphans; /* without a name, the last one first */
    uint32_t xattr_block;       /* of attributes, written last; 0: none */
    bool no_room;               /* for a journal: the groups' counts lied */
    bool marked;                /* as in use, at least once by this mount */
    uint64_t made_in;           /* the batch in which a file was made last */
    uint64_t entered_in;        /* ... a record was made or led elsewhere */
    uint64_t linked_in;         /* ... one got another name */
    uint64_t removed_in;        /* ... one lost its name */
    struct ext2_new_dirs new_dirs;
    uint64_t moved_in;          /* ... one was renamed; see names.c */
    uint32_t parks_in;          /* lost+found, if park.c ever used it, or 0 */
    struct ext2_space *space;   /* see write.h; NULL if mounted read-only */
};

struct ext2_group {
    uint32_t inode_table;       /* first block; the table is in the volume */
    uint16_t free_blocks;
    uint16_t free_inodes;
};

/*
 * Of no more groups than this, those of 16 TiB in 4 KiB blocks, are all
 * descriptors read for what is asked of the volume as a whole: 4 MiB.
 */
#define EXT2_COUNTED_GROUPS 131072u

/*
 * No more than this are searched for what one of them has: as many as 2^32
 * blocks of 1 KiB make, if groups are as large as they can be.
 */
#define EXT2_SEARCHED_GROUPS (1u << 19)

/* What the groups count, added up. */
struct ext2_sums {
    bool known;                 /* the rest counts */
    uint64_t free_blocks, free_inodes;
    uint64_t used_dirs;         /* if not over EXT2_COUNTED_GROUPS, else 0 */
};

/* An inode in use. */
struct ext2_inode {
    uint64_t at;                /* byte of the volume where it is */
    uint64_t size;              /* bytes; within reach of a block map */
    uint64_t allocated;         /* bytes on the volume */
    uint32_t mode;              /* of a type that exists */
    uint32_t links;             /* 0 only of a file that is open still */
    uint32_t uid, gid;
    uint32_t flags;
    uint32_t generation;
    uint32_t acl_block;         /* block of attributes, unchecked; 0: none */
    uint32_t extra;             /* bytes past the first 128 that fields are in;
                                   0: times are in seconds */
    uint32_t body;              /* offset in the inode of the attributes kept
                                   there; inode_size: no room for any */
    le32 block[EXT2_POINTERS];  /* still wire format: pointers, or a target */
    struct shale_time atime, mtime, ctime, btime;
};

/* What has come of a directory's table of names; only ever goes on. */
enum ext2_names {
    EXT2_NAMES_UNASKED,         /* no name has been searched for */
    EXT2_NAMES_ASKED,           /* one has: the next search builds the table */
    EXT2_NAMES_BUILDING,
    EXT2_NAMES_READY,
    EXT2_NAMES_NEVER,           /* too small, too large, damaged, no memory */
};

struct ext2_vnode {
    struct shale_vnode base;
    struct ext2_inode inode;
    bool fresh;                 /* being made, and in no table; see write.h */

    /* Of a directory; atomic, for readers share them. */
    uint32_t hint;              /* block where a name was found last */
    bool no_index;              /* its htree turned out to be unusable */
    uint32_t names_state;       /* enum ext2_names */
    struct namehash *names;     /* of all its blocks, once it is READY */

    /* The rest is for changing things, with the volume's lock exclusive. */
    struct ext2_room *room;     /* of a directory: where a name fits; or NULL */
    struct ext2_vnode *orphan_prev, *orphan_next;       /* see orphan.c */
    uint32_t orphan_before;     /* who leads to it on the volume; 0: nobody */
    bool orphan_listed;         /* these three count */
    uint32_t parked_in;         /* directory that has its only name; see park.c,
                                   or 0 */
    uint64_t replaced_in;       /* the batch in which another took its place,
                                   if batches are not whole */
};

static inline struct ext2_volume *ext2_volume_of(const struct shale_fs *fs)
{
    return fs->volume;
}

/* Where BLOCK begins on the volume, in bytes. */
static inline uint64_t ext2_block_at(const struct ext2_volume *vol,
                                     uint64_t block)
{
    return block << vol->super.block_shift;
}

/*
 * How many blocks there are: a superblock may promise 2^32 on a device of a
 * few. What visits more than that, visits some of them again.
 */
static inline uint32_t ext2_blocks_there(const struct ext2_volume *vol)
{
    uint64_t there = vol->fs->dev->size >> vol->super.block_shift;

    return there < vol->super.block_count ? (uint32_t)there
                                          : vol->super.block_count;
}

/* True if COUNT blocks starting at FIRST lie inside the volume. */
static inline bool ext2_in_volume(const struct ext2_volume *vol, uint32_t first,
                                  uint32_t count)
{
    return first >= vol->super.first_block && first < vol->super.block_count &&
           count <= vol->super.block_count - first;
}

/* True if BLOCK may belong to a file: neither superblock nor descriptors. */
static inline bool ext2_block_usable(const struct ext2_volume *vol,
                                     uint32_t block)
{
    return block >= vol->first_usable && block < vol->super.block_count;
}

/* ------------------------------------------------------------- super.c */

/* Do the first LEN bytes of a volume look like ext2? */
bool ext2_probe(const uint8_t *head, size_t len);

/*
 * Decode RAW, whose magic is right, into *OUT, but for out->at. Returns NULL,
 * or what is wrong with its geometry.
 */
const char *ext2_super_decode(const struct ext2_disk_super *raw,
                              struct ext2_super *out);

/* What follows from VOL's superblock, once the volume is known to be ours. */
void ext2_volume_init(struct ext2_volume *vol);

/* Find, read and check the superblock of FS into *OUT. */
int ext2_super_load(struct shale_fs *fs, struct ext2_super *out);

/* Does GROUP hold a copy of the superblock? */
bool ext2_group_has_super(const struct ext2_super *super, uint32_t group);

/* Blocks that hold no file's data: what df(1) does not count. */
uint64_t ext2_overhead(const struct ext2_super *super);

/* ----------------------------------------------------------- feature.c */

enum ext2_feature_set {
    EXT2_COMPAT,
    EXT2_INCOMPAT,
    EXT2_RO_COMPAT,
};

/*
 * Call EMIT with the name of each bit of BITS: "filetype", or "incompat_0x400"
 * for one without a name. NAME is gone after the call.
 */
void ext2_feature_names(enum ext2_feature_set set, uint32_t bits,
                        void (*emit)(void *context, const char *name),
                        void *context);

/* The bit that NAME, LEN bytes, stands for; false if no bit has that name. */
bool ext2_feature_find(const char *name, size_t len, enum ext2_feature_set *set,
                       uint32_t *bit);

/*
 * SHALE_ENOTSUP, having named the culprits, if we cannot read the volume. If we
 * cannot write it, FS is read-only from now on, and that has been told too.
 */
int ext2_feature_check(struct shale_fs *fs, const struct ext2_super *super);

/* Features with which a volume can be read. */
#define EXT2_READABLE (EXT2_INCOMPAT_FILETYPE | EXT2_INCOMPAT_META_BG | \
                       EXT2_INCOMPAT_LARGE_DIR)

/* ------------------------------------------------------------- group.c */

/* The block that has block INDEX of the table of descriptors; unchecked. */
uint64_t ext2_group_table(const struct ext2_volume *vol, uint32_t index);

/* The first block of GROUP, and how many it has. */
uint32_t ext2_group_first(const struct ext2_super *super, uint32_t group);
uint32_t ext2_group_blocks(const struct ext2_super *super, uint32_t group);

/*
 * How many blocks at the start of GROUP hold a copy of what is in group 0:
 * superblock, descriptors, and what is kept for more of them.
 */
uint32_t ext2_group_head(const struct ext2_super *super, uint32_t group);

/* How many groups to search for what one of them has. */
static inline uint32_t ext2_groups_searched(const struct ext2_super *super)
{
    return super->group_count < EXT2_SEARCHED_GROUPS ? super->group_count
                                                     : EXT2_SEARCHED_GROUPS;
}

/* Read the descriptor of GROUP, which is below group_count. */
int ext2_group_load(struct ext2_volume *vol, uint32_t group,
                    struct ext2_group *out);

/*
 * Pin the block that the descriptor of GROUP is in. What it says has not been
 * checked.
 */
int ext2_group_get(struct ext2_volume *vol, uint32_t group,
                   struct shale_buf **out, struct ext2_disk_group **raw);

/*
 * Add up what all groups count; over EXT2_COUNTED_GROUPS it is what the
 * superblock says.
 */
int ext2_group_sum(struct ext2_volume *vol, struct ext2_sums *out);

/* The free ones of these; what the superblock says if they are unreadable. */
int ext2_group_count_free(struct ext2_volume *vol, uint64_t *blocks,
                          uint64_t *inodes);

/* ------------------------------------------------------------- inode.c */

/* The group that inode INO, a valid number, is in. */
static inline uint32_t ext2_group_of_ino(const struct ext2_super *super,
                                         uint64_t ino)
{
    return (uint32_t)((ino - 1) / super->inodes_per_group);
}

/* Read inode INO. SHALE_ESTALE if it is reserved, free or out of range. */
int ext2_inode_load(struct ext2_volume *vol, uint64_t ino,
                    struct ext2_inode *out);

/* The same, though it may have no links (any more), as orphans have. */
int ext2_inode_load_any(struct ext2_volume *vol, uint64_t ino,
                        struct ext2_inode *out);

/* Pin the block that holds inode INO, a valid number; it is at *OFFSET. */
int ext2_inode_get(struct ext2_volume *vol, uint64_t ino,
                   struct shale_buf **out, size_t *offset);

/* Decode the inode at RAW, which is byte AT of the volume. */
int ext2_inode_decode(struct ext2_volume *vol, uint64_t ino, uint64_t at,
                      const uint8_t *raw, struct ext2_inode *out);

void ext2_inode_attr(const struct ext2_volume *vol, uint64_t ino,
                     const struct ext2_inode *inode, struct shale_attr *out);

/* SHALE_PROTECT_... by the flags of INODE. */
uint32_t ext2_inode_protection(const struct ext2_inode *inode);

/* Is the target of this symlink in the inode itself? */
bool ext2_inode_fast_symlink(const struct ext2_volume *vol,
                             const struct ext2_inode *inode);

/* --------------------------------------------------------------- map.c */

/* Blocks of a file that lie in a row. */
struct ext2_run {
    uint32_t block;             /* first block on the volume; 0: a hole */
    uint64_t count;             /* at least 1 */
};

#define EXT2_DEPTH_MAX 3

/* The way to a block of a file. */
struct ext2_path {
    uint32_t root;              /* which pointer of the inode */
    unsigned depth;             /* blocks of pointers on the way */
    uint32_t slot[EXT2_DEPTH_MAX];      /* which pointer in each of them */
};

/* The way to block INDEX; false if it is further than a map reaches. */
bool ext2_path_find(const struct ext2_super *super, uint64_t index,
                    struct ext2_path *out);

/* Bytes that a block map reaches with blocks of 1 << BLOCK_SHIFT. */
uint64_t ext2_map_max_size(uint32_t block_shift);

/*
 * Where do the COUNT blocks (at least 1) of VN from block INDEX on live? A
 * run of data is not longer than COUNT; a hole may be, and may pass the end.
 * An error comes with the run of blocks that the same bad pointer hides.
 */
int ext2_map(const struct ext2_vnode *vn, uint64_t index, uint64_t count,
             struct ext2_run *out);

/* --------------------------------------------------------- map_ahead.c */

/* The last arrays, where POINTERS from SLOT on lead, are going to be read. */
void ext2_map_ahead(const struct ext2_volume *vol, const le32 *pointers,
                    uint32_t slot);

/* --------------------------------------------------------------- dir.c */

/* One directory record. */
struct ext2_dirent {
    uint32_t ino;               /* 0: not in use, and the name is nothing */
    uint32_t rec_len;           /* bytes, slack included */
    const uint8_t *name;        /* in the block */
    uint8_t name_len;
    uint8_t file_type;          /* 0 if the volume does not record it */
};

/* Pin block INDEX of DIR, which must not be a hole. */
int ext2_dir_get(const struct ext2_vnode *dir, uint64_t index,
                 struct shale_buf **out);

/* Where a name was found. */
struct ext2_place {
    struct shale_buf *buf;      /* the block, pinned by who searched */
    uint64_t index;             /* which one of the directory it is */
    uint32_t at;                /* where in it the record begins */
    uint32_t ino;               /* what the name leads to */
};

/*
 * Find NAME in one block. Returns 1, and stores where in it and what it leads
 * to; 0; or an error.
 */
int ext2_dir_find_in(const struct ext2_vnode *dir, const struct shale_buf *buf,
                     const char *name, size_t len, struct ext2_place *out);

/*
 * Find NAME, through the index if there is one. The caller puts the block of
 * *OUT. SHALE_ENOENT if the name is not there. "." and ".." are found too if
 * there is no index.
 */
int ext2_dir_find(struct ext2_vnode *dir, const char *name, size_t len,
                  struct ext2_place *out);

/* As struct shale_fs_ops.iterate. */
int ext2_dir_iterate(struct ext2_vnode *dir, uint64_t cookie,
                     shale_emit_fn *emit, void *context);

/* ------------------------------------------------------------- htree.c */

/* Is it worth asking the index of DIR? */
bool ext2_htree_present(const struct ext2_vnode *dir);

/*
 * Find NAME through the index. Returns 1 and stores where, its block pinned; 0
 * if it is not there; SHALE_ECORRUPT, of which the log has been warned, if the
 * index cannot be used and every block has to be searched.
 */
int ext2_htree_find(struct ext2_vnode *dir, const char *name, size_t len,
                    struct ext2_place *out);

/* -------------------------------------------------------------- hash.c */

enum ext2_hash {
    EXT2_HASH_LEGACY,
    EXT2_HASH_HALF_MD4,
    EXT2_HASH_TEA,
    EXT2_HASH_LEGACY_UNSIGNED,
    EXT2_HASH_HALF_MD4_UNSIGNED,
    EXT2_HASH_TEA_UNSIGNED,
    EXT2_HASH_COUNT,
};

/* The hash of NAME by which an index is sorted; its low bit is clear. */
uint32_t ext2_hash(enum ext2_hash version, const uint32_t seed[4],
                   const char *name, size_t len);

/* ------------------------------------------------------------- xattr.c */

/* As struct shale_fs_ops.getxattr and .listxattr. */
int64_t ext2_xattr_get(struct ext2_vnode *vn, const char *name, void *buf,
                       size_t size);
int ext2_xattr_list(struct ext2_vnode *vn,
                    int (*emit)(void *context, const char *name, size_t len),
                    void *context);

/* --------------------------------------------------------------- acl.c */

/*
 * Convert the POSIX ACL in VALUE to the form that Linux's getxattr() returns,
 * in the SIZE bytes of BUF. Returns its length, as getxattr does; or
 * SHALE_ECORRUPT (not reported yet), SHALE_ERANGE.
 */
int64_t ext2_acl_convert(struct span value, uint8_t *buf, size_t size);

/* ---------------------------------------------------------- describe.c */

/* As struct shale_fs_ops.describe. */
int ext2_describe(struct shale_fs *fs, struct shale_describe *to);

/* ------------------------------------------------------------ format.c */

/* As struct shale_fs_ops.format. */
int ext2_format(struct shale_bdev *dev, struct shale_mem *mem,
                struct shale_log *log, const struct shale_format *format);

#endif /* EXT2_EXT2_H */
