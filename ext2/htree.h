/*
 * htree.h - what htree.c and htree_write.c share: the way through an index
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

#endif /* EXT2_HTREE_H */
