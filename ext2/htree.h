/*
 * htree.h - the way through an index, and what changes on it
 */
#ifndef EXT2_HTREE_H
#define EXT2_HTREE_H

#include "dir.h"

#define HTREE_ROOT_INFO  24u    /* after the records of "." and ".." */
#define HTREE_NODE_START 8u     /* entries of a node: after a free record */
#define HTREE_MAX_NODES  3u     /* blocks of index from root to leaf ... */
#define HTREE_USUAL_NODES 2u    /* ... and without large_dir */
#define HTREE_BLOCK_MASK 0x0fffffffu
#define HTREE_ROOT_START \
    (HTREE_ROOT_INFO + (uint32_t)sizeof(struct ext2_disk_htree_info))

/* A place in one block of the index. */
struct htree_node {
    struct shale_buf *buf;
    const struct ext2_disk_htree_entry *entries;
    uint32_t limit;             /* entries there is room for */
    uint32_t count;             /* ... and are; at least 1 */
    uint32_t at;                /* the entry followed; below count */
};

/* The way from the root to a leaf. */
struct htree_way {
    const struct ext2_vnode *dir;
    uint64_t blocks;            /* of the directory */
    enum ext2_hash version;
    unsigned depth;             /* nodes in use */
    bool unusable;              /* the index is damaged */
    struct htree_node node[HTREE_MAX_NODES];
};

/* Blocks of index from the root to a leaf, at most. */
unsigned ext2_htree_max_nodes(const struct ext2_super *super);

/* Open the index of way->dir and follow it to the leaf where NAME would be. */
int ext2_way_find(struct htree_way *way, const char *name, size_t len,
                  uint32_t *hash);

/* Pin the block that the deepest node points to, which is further down. */
int ext2_way_child(struct htree_way *way, struct shale_buf **out);

/* The number of that block in the directory. */
uint32_t ext2_way_block(const struct htree_way *way);

void ext2_way_close(struct htree_way *way);

/* -------------------------------------------------------- htree_node.c */

/* The entries of NODE, whose block may be changed. */
struct ext2_disk_htree_entry *ext2_node_entries(const struct htree_node *node);

/* NODE has COUNT entries from now on, and room for LIMIT. */
void ext2_node_set_counts(struct htree_node *node, uint32_t limit,
                          uint32_t count);

/* Add an entry for block INDEX, from HASH on, after the one followed. */
int ext2_node_insert(const struct ext2_vnode *dir, struct htree_node *node,
                     uint32_t hash, uint32_t index);

/* See to it that the deepest node has room for one more entry. */
int ext2_way_make_room(struct ext2_vnode *dir, struct htree_way *way);

/* -------------------------------------------------------- htree_leaf.c */

/* One record of a leaf. */
struct ext2_leaf_record {
    uint32_t hash;
    uint16_t at;                /* in the block */
    uint16_t size;              /* bytes, without slack */
};

/* All records of a leaf, in memory of their own. */
struct ext2_leaf_map {
    struct ext2_leaf_record *records;
    size_t room;                /* records there is memory for */
    uint32_t count;
    uint32_t bytes;             /* of all of them */
};

/* Make a map of LEAF's records, in their order / free it. */
int ext2_leaf_map(struct ext2_vnode *dir, const struct shale_buf *leaf,
                  enum ext2_hash version, struct ext2_leaf_map *map);
void ext2_leaf_unmap(struct ext2_vnode *dir, struct ext2_leaf_map *map);

/* Sort MAP by hash. Returns the first record that goes to a new leaf. */
uint32_t ext2_leaf_halve(struct ext2_leaf_map *map);

/* Pack the COUNT RECORDS of FROM, in any order, into the empty block TO. */
void ext2_leaf_fill(const struct ext2_super *super, struct shale_buf *to,
                    const struct shale_buf *from,
                    const struct ext2_leaf_record *records, uint32_t count);

/* Take the COUNT RECORDS out of LEAF, which has been announced. */
void ext2_leaf_drop(const struct ext2_super *super, struct shale_buf *leaf,
                    const struct ext2_leaf_record *records, uint32_t count);

/*
 * Pack the records of LEAF against its end, so that all that is free is in one
 * record at its start.
 */
int ext2_leaf_pack(struct ext2_vnode *dir, struct shale_buf *leaf);

#endif /* EXT2_HTREE_H */
