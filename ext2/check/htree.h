/*
 * htree.h - what is taken down of indexes, and what that must fit to
 *
 *      htree.c       one block: a root, a node, a leaf
 *      htree_fit.c   all of them together
 */
#ifndef EXT2_CHECK_HTREE_H
#define EXT2_CHECK_HTREE_H

#include "ext2/check/tree.h"

#define HTREE_DEEPEST       2u   /* of nodes, the root's own included ... */
#define HTREE_DEEPEST_LARGE 3u   /* ... with large_dir */

enum htree_kind { HTREE_ROOT, HTREE_NODE, HTREE_LEAF };

/* A block of an indexed directory: what is in it. */
struct htree_node {
    uint64_t at;                /* byte of the volume */
    uint32_t ino, logical;
    uint32_t min, max;          /* hashes; min > max: it has none */
    enum htree_kind kind;
};

/* An entry of an index: what it promises. */
struct htree_entry {
    uint32_t ino, block;
    uint32_t parent;            /* block that has the entry */
    uint32_t low, high;         /* hashes */
    bool first, last;           /* LOW, HIGH are for whoever has the parent */
};

struct htree_root {
    uint64_t at;
    uint32_t ino;
    uint8_t version, levels;
};

/* Names at one edge of a leaf. */
struct htree_edge {
    uint32_t hash;
    unsigned count;
    uint64_t keys[8];           /* more that have one hash are not looked for */
};

/* Leave those entries that count, of as many as there may be; sorted. */
void ext2_htree_trim(struct ext2_check_tree *tree);

/*
 * The least and the largest hash of B's names, by VERSION. LOW->hash is the
 * larger one if there are none.
 */
void ext2_htree_hashes(const struct ext2_dir_block *b, unsigned version,
                       struct htree_edge *low, struct htree_edge *high);

#endif /* EXT2_CHECK_HTREE_H */
