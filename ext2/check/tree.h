/*
 * tree.h - what the files about directories call on each other
 *
 *      record.c    the records of a block, one after the other
 *      dir.c       one block of a directory: its records, "." and "..", tails
 *      inline.c    directories and files in an inode
 *      htree.c     indexes: see htree.h
 *      names.c     names that a directory has twice
 *      connect.c   parents: what cannot be reached, what loops
 *      link.c      counts of links
 *      crypt.c     encrypted files
 *      fold.c      names that fold case
 *      path.c      paths, for findings
 */
#ifndef EXT2_CHECK_TREE_H
#define EXT2_CHECK_TREE_H

#include "ext2/check/check.h"
#include "ext2/check/table.h"

/* ------------------------------------------------------------- record.c */

#define EXT2_RECORD_MIN 12u     /* bytes of the shortest record there may be */
#define EXT2_TAIL       12u     /* ... of the one that holds a checksum */
#define EXT2_TAIL_TYPE  0xdeu

/* A record of a directory. */
struct ext2_record {
    uint32_t at;                /* in its block */
    uint32_t length;            /* of all of it */
    uint32_t ino;               /* 0: not in use */
    uint8_t type;
    uint8_t len;                /* of the name */
    const uint8_t *name;        /* at least len bytes, and 4 */
};

/*
 * Decode the record at AT of END bytes at BYTES. 1; 0 if AT is END; -1 if it
 * breaks the rules, with what it says in *OUT as far as it is there. HUGE: the
 * block has 64 KiB, which its length may not be able to say.
 */
int ext2_record_get(const uint8_t *bytes, uint32_t at, uint32_t end, bool huge,
                    struct ext2_record *out);

/* Is R called "." or ".."? */
bool ext2_record_is_dots(const struct ext2_record *r);

/* A name as it is compared with others. */
struct ext2_name {
    const uint8_t *bytes;
    unsigned len;
};

struct ext2_folding;            /* fold.c's */

/* ---------------------------------------------------------------- the tree */

/* A block of a directory that was read; for those who come again. */
struct ext2_tree_block {
    uint64_t block;
    uint32_t ino;
    uint32_t logical;
};

/* A name of a directory that had one already. */
struct ext2_tree_link {
    uint32_t child, parent;
    uint64_t at;                /* byte of the volume of its record */
};

struct ext2_check_tree {
    struct check_lock lock;     /* of all these tables */
    struct ext2_table blocks;   /* struct ext2_tree_block */
    struct ext2_table links;    /* struct ext2_tree_link */
    struct ext2_table inlined;  /* uint32_t: directories in their inodes */

    struct ext2_table roots;    /* htree.c's */
    struct ext2_table nodes;
    struct ext2_table entries;
    uint64_t entries_max;       /* that are kept: as many as there are blocks */
    bool entries_lost;          /* there were more */

    struct ext2_names_dir *open[64];    /* names.c's */
    uint32_t open_count;
    bool open_full;             /* none is opened any more */
    struct ext2_table names;
    struct ext2_table same;
    struct ext2_table policies; /* crypt.c's */
    struct check_queue *targets;        /* symlink.c's */
};

/* A directory's block, being looked at; or a part of an inode. */
struct ext2_dir_block {
    struct ext2_check *c;
    uint32_t ino, seed;
    uint32_t logical;           /* number of the block in the directory ... */
    uint32_t blocks;            /* ... and how many it is to have ... */
    uint32_t found;             /* ... and has */
    uint32_t size;              /* bytes */
    uint32_t end;               /* ... of records, which a tail may follow */
    uint64_t at;                /* byte of the volume */
    uint8_t *bytes;
    uint8_t flags;              /* EXT2_CHECK_... of the inode */
    bool broken;                /* something has been told of it */
    struct ext2_folding *folding;       /* NULL: names are as they are */
    struct ext2_check_window window;    /* of inodes that are named in it */
    unsigned count;             /* names not yet counted */
    struct {
        uint32_t ino;
        uint32_t at;            /* of the record, if it is a directory; else
                                   UINT32_MAX */
    } named[24];
};

static inline struct ext2_check_tree *ext2_tree_of(const struct ext2_check *c)
{
    return c->tree;
}

/* Tell of B, or of the record R in it; or of the byte at OFFSET of either. CODE
   is without its EXT2_CHECK_. */
#define ext2_tell_block(b, code, ...)                                       \
    ((b)->broken = true,                                                    \
     ext2_tell_inode((b)->c, code, (b)->at, (b)->ino, __VA_ARGS__))
#define ext2_tell_block_at(b, offset, code, ...)                            \
    ((b)->broken = true,                                                    \
     ext2_tell_inode((b)->c, code, (b)->at + (offset), (b)->ino, __VA_ARGS__))
#define ext2_tell_record_at(b, r, offset, code, ...)                        \
    ((b)->broken = true,                                                    \
     ext2_tell_inode((b)->c, code, (b)->at + (r)->at + (offset), (b)->ino,  \
                     .name = (const char *)(r)->name, .len = (r)->len,      \
                     __VA_ARGS__))
#define ext2_tell_record(b, r, code, ...)                                   \
    ext2_tell_record_at(b, r, 0u, code, __VA_ARGS__)

/* ---------------------------------------------------------------- dir.c */

/* Check R, which is neither of the first two of a directory, and count it. */
int ext2_dir_entry(struct ext2_dir_block *b, const struct ext2_record *r);

/* Check the records of B from AT on, and what they lead to. */
int ext2_dir_records(struct ext2_dir_block *b, uint32_t at);

/* Enter the names that B has gathered. To be called at its end. */
int ext2_dir_flush(struct ext2_dir_block *b);

/* ".." of B's directory leads to INO. */
int ext2_dir_set_dotdot(struct ext2_dir_block *b, uint32_t ino);

/* -------------------------------------------------------------- htree.c */

/* Is B, not the first block of an indexed directory, one of its index? */
bool ext2_htree_is_node(const struct ext2_dir_block *b);

/* Take down what the root, a node, a leaf says. */
int ext2_htree_root(struct ext2_dir_block *b);
int ext2_htree_node(struct ext2_dir_block *b);
int ext2_htree_leaf(struct ext2_dir_block *b);

void ext2_htree_begin(struct ext2_check_tree *tree, struct check *check);
void ext2_htree_end(struct ext2_check_tree *tree);

/* Does it all fit? After all blocks. */
int ext2_htree_finish(struct ext2_check *c);

/* -------------------------------------------------------------- names.c */

/* A number for NAME in directory INO: as good as its own. */
uint64_t ext2_name_key(uint32_t ino, struct ext2_name name);

/* Look for names that B's directory has twice. */
int ext2_check_names_block(struct ext2_dir_block *b);

/* Names at the edges of a leaf, which may be in the next one, too. */
int ext2_check_names_add(struct ext2_check *c, const uint64_t *keys,
                         unsigned count);

void ext2_check_names_begin(struct ext2_check_tree *tree, struct check *check);
void ext2_check_names_end(struct ext2_check_tree *tree);

/* After all blocks. */
int ext2_check_names_finish(struct ext2_check *c);

/* ------------------------------------------------------------- inline.c */

/*
 * Read the directories that are in their inodes once more, and call EACH for
 * each piece of entries: SIZE bytes that are at AT of the volume.
 */
int ext2_inline_each(struct ext2_check *c,
                     int (*each)(const struct ext2_check_inode *inode,
                                 uint8_t *bytes, uint32_t size, uint64_t at,
                                 void *context),
                     void *context);

/* Check them; after pass 1. */
int ext2_inline_dirs(struct ext2_check *c);

/* -------------------------------------------------------------- crypt.c */

struct ext2_attrs;

void ext2_crypt_begin(struct ext2_check_tree *tree, struct check *check);

/* INODE is encrypted, and LIST (or NULL) is the attributes in it. */
int ext2_crypt_check(struct ext2_check *c,
                     const struct ext2_check_inode *inode,
                     const struct ext2_attrs *list);

/* All inodes are known. */
void ext2_crypt_sort(struct ext2_check_tree *tree);

/* Is INO encrypted as DIR is, as far as that is known? */
bool ext2_crypt_fits(const struct ext2_check *c, uint32_t dir, uint32_t ino);

/* --------------------------------------------------------------- fold.c */

/* Have names in directories that fold case to be text? */
bool ext2_fold_is_strict(const struct ext2_check *c);

/* Are the LEN bytes at TEXT UTF-8? */
bool ext2_fold_is_text(const uint8_t *text, unsigned len);

/*
 * Memory to fold two names of a directory with these flags; NULL in *OUT if its
 * names are compared as they are.
 */
int ext2_fold_begin(struct ext2_check *c, uint8_t flags,
                    struct ext2_folding **out);
void ext2_fold_end(struct ext2_check *c, struct ext2_folding *folding);

/* R's name as it is compared and hashed: in the memory of WHICH, 0 or 1, until
   that is used again, or its own bytes. */
struct ext2_name ext2_fold_name(struct ext2_folding *folding, unsigned which,
                                const struct ext2_record *r);

/* ------------------------------------------------------------ symlink.c */

/* Read the targets that have a block. */
int ext2_check_targets(struct ext2_check *c);

/* ------------------------------------------------------------- once more */

/*
 * Read blocks of directories once more: those of directories in WANTED, or all
 * of them. Calls HANDLE for each as check_queue_run() does, with tag[0] the
 * inode and tag[1] the number of the block. After pass 2.
 */
int ext2_tree_again(struct ext2_check *c, struct check_bits *wanted,
                    int (*handle)(struct check *check,
                                  const struct check_item *item,
                                  uint8_t *bytes, void *context),
                    void *context);

#endif /* EXT2_CHECK_TREE_H */
