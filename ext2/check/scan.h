/*
 * scan.h - pass 1: inodes, and the blocks that they lead to
 *
 * Most inodes lead to their blocks directly, and are judged at once. For the
 * others a struct ext2_check_file is kept, and the pointer blocks or extent
 * nodes are put into a queue. After each batch of inodes the queue is read, in
 * the volume's order, whatever file a block belongs to; then the files of the
 * batch are judged. So memory is bounded by the size of a batch.
 *
 * The same walk is done once more where blocks are claimed twice, then only to
 * find out by whom (HUNT): it tells nothing and keeps nothing else.
 */
#ifndef EXT2_CHECK_SCAN_H
#define EXT2_CHECK_SCAN_H

#include "ext2/check/check.h"

/* What was found of a file's blocks. */
struct ext2_check_sums {
    uint64_t blocks;            /* clusters that are its own, maps included */
    uint64_t end;               /* past the last block mapped */
    uint64_t init_end;          /* ... that is not marked as unwritten */
    uint64_t mapped;            /* blocks of data */
    uint64_t first;             /* where logical block 0 is; 0: a hole */
    uint32_t illegal;           /* numbers that cannot be */
    uint32_t leaves;            /* extent nodes with extents */
    bool broken;                /* a part of the tree was not walked */
};

struct ext2_check_file {
    uint32_t ino, seed;
    uint16_t mode, links;
    uint32_t flags;
    uint64_t at, size, sectors;
    uint32_t ids[3];            /* user, group, project */
    uint64_t values;            /* of attributes, in inodes of their own */
    struct ext2_check_sums sums;
};

#define EXT2_CHECK_CHUNK 64     /* files whose memory is had at once */

struct ext2_check_chunk {
    struct ext2_check_chunk *next;
    unsigned used;
    struct ext2_check_file files[EXT2_CHECK_CHUNK];
};

struct ext2_check_owner {
    uint64_t cluster;
    uint32_t ino;
    uint32_t use;               /* enum shale_use */
};

struct ext2_check_scan {
    struct check_queue *nodes;  /* tag: see below */
    struct check_lock lock;     /* of what follows, and of files' sums */
    struct ext2_check_chunk *chunks;
    uint64_t large_files;       /* too large for 31 bits */
    struct ext2_check_rivals *rivals;   /* rival.c's */

    bool hunt;
    struct ext2_check_owner *owners;    /* while it hunts: what is in twice */
    size_t owner_count, owner_room;
    uint64_t owners_lost;       /* there was no room for */
};

/*
 * In the queue: tag[0] is the struct ext2_check_file, tag[1] the first logical
 * block, with the level in the highest byte: 1 to 3 of a block map, or'ed with
 * NODE_EXTENT the depth of an extent node. tag[2]: of a node, past its last
 * logical block.
 */
#define EXT2_CHECK_LEVEL_SHIFT 56
#define EXT2_CHECK_NODE_EXTENT 0x80u
#define EXT2_CHECK_LOGICAL ((UINT64_C(1) << EXT2_CHECK_LEVEL_SHIFT) - 1)

/* One worker walks a part of one file. */
struct ext2_check_walk {
    struct ext2_check *c;
    struct ext2_check_scan *scan;
    struct ext2_check_claims *claims;
    struct ext2_check_file *file;       /* the worker's own, until it is kept */
    bool kept;                  /* file is in a chunk */
    struct ext2_check_sums sums;        /* of this part; added at its end */
    uint64_t at;                /* byte of the volume of the number that is
                                   followed */
    uint64_t last_cluster;      /* counted last; with bigalloc only */
};

/* ---------------------------------------------------------------- walk.c */

/* See to it that walk->file stays; it is to be done before a node is queued. */
int ext2_check_keep(struct ext2_check_walk *walk);

/* COUNT blocks from BLOCK on are logical blocks LOGICAL and on. Claims them if
   they may be, and counts; UNWRITTEN: read as zeros. */
int ext2_check_data(struct ext2_check_walk *walk, uint64_t logical,
                    uint64_t block, uint64_t count, bool unwritten);

/* BLOCK has pointers or extents: claim and queue it, unless it cannot be. */
int ext2_check_node(struct ext2_check_walk *walk, uint64_t block,
                    uint64_t logical, unsigned level, uint64_t end);

/* --------------------------------------------------------------- rival.c */

int ext2_check_rivals_begin(struct ext2_check *c);
void ext2_check_rivals_end(struct ext2_check *c);

/* The next round of nodes begins. Not by workers. */
int ext2_check_rivals_round(struct ext2_check *c);

/*
 * WALK's file, which is kept, leads to BLOCK, a node that ITEM says all about:
 * queue it, unless somebody else has or will get it.
 */
int ext2_check_rival_enter(struct ext2_check_walk *walk, uint64_t block,
                           const struct check_item *item);

/* ITEM has been read: make it that of the file that gets its block. */
void ext2_check_rival_settle(struct ext2_check *c, struct check_item *item);

/* ---------------------------------------------------------------- walk.c */

/* Add walk->sums to the file's. */
void ext2_check_add_sums(struct ext2_check_walk *walk);

/* May things be told? Not in the hunt. */
static inline bool ext2_check_tells(const struct ext2_check_walk *walk)
{
    return !walk->scan->hunt;
}

/* What data of this file is. */
enum shale_use ext2_check_use_of(const struct ext2_check *c,
                                 const struct ext2_check_file *file);

/* ------------------------------------------------------- map.c, extent.c */

int ext2_check_map_root(struct ext2_check_walk *walk, const le32 *pointers);
int ext2_check_map_node(struct ext2_check_walk *walk,
                        const struct check_item *item, const uint8_t *bytes);
int ext2_check_extent_root(struct ext2_check_walk *walk, const le32 *block);
int ext2_check_extent_node(struct ext2_check_walk *walk,
                           const struct check_item *item,
                           const uint8_t *bytes);

/* Does it begin as an extent tree would? */
bool ext2_check_is_extents(const le32 *block);

/* ---------------------------------------------------------------- others */

/* file.c: all of FILE's blocks are known. */
void ext2_check_file_begin(struct ext2_check_file *file,
                           const struct ext2_check_inode *inode);
int ext2_check_file_end(struct ext2_check *c,
                        const struct ext2_check_file *file);

/* quota.c: add FILE to what its owners have; where c->quota is. */
int ext2_check_quota_count(struct ext2_check *c,
                           const struct ext2_check_file *file);

/* ... COUNT blocks from BLOCK on are of inode INO, from LOGICAL on. */
int ext2_check_quota_run(struct ext2_check *c, uint32_t ino, uint64_t logical,
                         uint64_t block, uint64_t count);

/* Bytes that a file with these i_flags can have: what its map reaches. */
uint64_t ext2_check_most_bytes(const struct ext2_check *c, uint32_t flags);

/* node.c: one inode in use; what is to be kept of it goes into *INFO. */
int ext2_check_one(struct ext2_check *c, struct ext2_check_claims *claims,
                   const struct ext2_check_inode *inode,
                   struct ext2_check_info *info);
/* node.c: the flags that are kept of an inode with these i_flags. */
uint8_t ext2_check_kept_flags(const struct ext2_check *c, uint32_t flags);
/* ... or not in use. */
void ext2_check_unused(struct ext2_check *c,
                       const struct ext2_check_inode *inode);
/* ... either way: is the checksum right? */
void ext2_check_inode_sum(struct ext2_check *c,
                          const struct ext2_check_inode *inode);

/* reserved.c: one that is not for people's files. *OWN: it is, or is looked at
   there, so its blocks are not to be walked. */
int ext2_check_reserved(struct ext2_check *c, struct ext2_check_claims *claims,
                        const struct ext2_check_inode *inode, bool *own);

/* resize.c: the resize inode: its blocks are reserved for descriptors. */
int ext2_check_resize(struct ext2_check *c, struct ext2_check_claims *claims,
                      const struct ext2_check_inode *inode);

/* node.c: claim what INODE's block map or extent tree leads to. CHARGE: what it
   has besides that. */
int ext2_check_walk_file(struct ext2_check *c,
                         struct ext2_check_claims *claims,
                         const struct ext2_check_inode *inode,
                         const struct ext2_check_charge *charge,
                         bool has_blocks);

/* inode.c: all inodes, once. */
int ext2_check_scan_all(struct ext2_check *c);

#endif /* EXT2_CHECK_SCAN_H */
