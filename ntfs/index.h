/*
 * index.h - what the files of directories know of a B-tree's nodes
 *
 *      root      $INDEX_ROOT:  type, collation ... | node
 *      a block   "INDX", fixups, VCN ...           | node
 *
 *      node      head | entry | entry | ... | last entry, without a key
 *      entry     reference, length ... | key | (VCN of the child before it)
 *
 * A child has the keys below the key of its entry, and above those before. No
 * order is taken for granted but by the descent: a listing goes through the
 * blocks as they lie.
 */
#ifndef NTFS_INDEX_H
#define NTFS_INDEX_H

#include "ntfs.h"

#define NTFS_NO_CHILD UINT64_MAX
#define NTFS_INDEX_DEPTH 32u            /* levels of a tree, at most */
#define NTFS_INDEX_MAX 65536u           /* bytes of a block: fixups of a larger
                                           one have no room */

/* With option recover: is there anything in the index that is damaged? Then its
   directory does without; see list.c. */
enum ntfs_checked {
    NTFS_UNCHECKED,
    NTFS_SOUND,
    NTFS_DAMAGED,
};

/* Has that been found out, and does a listing do without it? */
static inline bool ntfs_index_is_damaged(const struct ntfs_index *index)
{
    return __atomic_load_n(&index->checked, __ATOMIC_ACQUIRE) == NTFS_DAMAGED;
}

/* A directory, as far as names in it are concerned. */
struct ntfs_dir {
    struct ntfs_volume *vol;
    struct ntfs_index *index;
    uint64_t ino;
    uint16_t sequence;          /* of its record; 0: not known */
    bool case_sensitive;
};

static inline struct ntfs_dir ntfs_dir_of(const struct ntfs_vnode *vn)
{
    return (struct ntfs_dir){
        .vol = ntfs_volume_of(vn->base.fs), .index = vn->index,
        .ino = vn->base.ino, .sequence = vn->info.sequence,
        .case_sensitive = vn->info.case_sensitive,
    };
}

/* A node, its head checked; its bytes are a stream's or the caller's. */
struct ntfs_index_node {
    const uint8_t *bytes;       /* from its head on */
    uint32_t first;             /* offset of the first entry, from there */
    uint32_t used;              /* ... and of what is behind the last one */
    uint64_t at;                /* of bytes on the volume, about */
};

/* An entry, checked; points into its node. */
struct ntfs_entry {
    const uint8_t *bytes;       /* struct ntfs_disk_entry, and what follows */
    uint32_t offset;            /* of it in its node */
    uint32_t length;
    uint64_t reference;         /* in an index of names: of the file */
    const uint8_t *key;
    uint32_t key_length;        /* 0 in the last one of a node */
    uint64_t child;             /* VCN of the node before it; NTFS_NO_CHILD */
    bool last;
    uint64_t at;                /* of bytes on the volume, about */
};

/* Decode the head of a node that has ROOM bytes at BYTES, but for its place.
   NULL, or why not. */
const char *ntfs_node_decode(const uint8_t *bytes, size_t room,
                             struct ntfs_index_node *out);

/* Decode the entry at OFFSET, below the end of NODE. NULL, or why not. */
const char *ntfs_entry_decode(const struct ntfs_index_node *node,
                              uint32_t offset, struct ntfs_entry *out);

/* The root, which ntfs_index_load() has checked. */
struct ntfs_index_node ntfs_index_root(const struct ntfs_index *index);

/*
 * Read block NUMBER, below index->block_count, into the index->block_size bytes
 * at BUF, and check it. AHEAD: those behind it are going to be wanted too.
 */
int ntfs_index_block(struct ntfs_volume *vol, const struct ntfs_index *index,
                     uint64_t number, bool ahead, uint8_t *buf,
                     struct ntfs_index_node *out);

/*
 * The entry of NODE at *OFFSET, which is node->first to begin with and moves
 * past it. Returns 1, the last entry included, or 0 behind that.
 */
int ntfs_index_next(struct ntfs_volume *vol, const struct ntfs_index *index,
                    const struct ntfs_index_node *node, uint32_t *offset,
                    struct ntfs_entry *out);

/* Which block is the child of ENTRY, which has one? */
int ntfs_index_child(struct ntfs_volume *vol, const struct ntfs_index *index,
                     const struct ntfs_entry *entry, uint64_t *number);

/*
 * Go down the tree. COMPARE says whether what is sought is below, at or above
 * ENTRY's key; of the entry for which it answers 0 it keeps what it needs.
 * Returns 1, or 0 if there is none.
 */
typedef int ntfs_compare_fn(void *context, const struct ntfs_entry *entry);
int ntfs_index_descend(struct ntfs_volume *vol, const struct ntfs_index *index,
                       ntfs_compare_fn *compare, void *context);

/*
 * The bits of index->bitmap for the blocks from *NUMBER on: *NUMBER becomes
 * that of the next block in use. Returns 1, or 0 if there is none.
 */
int ntfs_index_used(struct ntfs_volume *vol, const struct ntfs_index *index,
                    uint64_t *number);

/* ----------------------------------------------------------- a file name */

/* The value of a $FILE_NAME, or the key of an index of names. */
struct ntfs_name {
    uint64_t parent;            /* reference */
    uint32_t flags;             /* NTFS_FILE_..., NTFS_NAME_IS_...; as of the
                                   last time that this name was used */
    uint32_t extra;             /* reparse tag, or size of the EAs; likewise */
    uint8_t space;              /* enum ntfs_name_space */
    uint8_t length;             /* units, at least 1 */
    const uint8_t *units;       /* le16 */
};

/* Decode the LEN bytes at BYTES. Returns NULL, or which rule they break. */
const char *ntfs_name_decode(const uint8_t *bytes, size_t len,
                             struct ntfs_name *out);

/* The type of the file that NAME is of, as far as it says. */
enum shale_type ntfs_name_type(const struct ntfs_name *name);

/* Could a path have NAME in it? NULL, or why not. "." and ".." could not. */
const char *ntfs_name_check(const struct ntfs_name *name);
bool ntfs_name_is_dots(const struct ntfs_name *name);

/* NAME as UTF-8 in the NTFS_NAME_BYTES at OUT. Returns how many it took. */
size_t ntfs_name_text(const struct ntfs_name *name, char *out);

/* A name that is sought, and what has been found. */
struct ntfs_sought {
    struct ntfs_volume *vol;
    bool backwards;             /* see lookup.c */
    bool exact;                 /* REFERENCE is of that very name ... */
    bool similar;               /* ... or of one that differs in case */
    uint64_t reference;
    const char *wrong;          /* with the entry that WRONG_AT is the place
                                   of: then nothing is found */
    uint64_t wrong_at;
    unsigned length;
    uint16_t units[NTFS_NAME_UNITS];
    uint16_t upper[NTFS_NAME_UNITS];
};

/*
 * Is what is sought below, at or above NAME, which is of the file that
 * REFERENCE means? Takes note of it where they differ in case only, or not.
 */
int ntfs_sought_compare(struct ntfs_sought *sought,
                        const struct ntfs_name *name, uint64_t reference);

/* The upper case of UNIT by VOL's table; before that is loaded, of ASCII. */
static inline uint16_t ntfs_upper(const struct ntfs_volume *vol, uint16_t unit)
{
    if (vol->upcase) {
        const uint16_t *row = vol->upcase[unit >> 8];

        return row ? row[unit & 0xff] : unit;
    }
    return (unsigned)unit - 'a' < 26 ? (uint16_t)(unit - ('a' - 'A')) : unit;
}

/* --------------------------------------------------------------- lookup.c */

/*
 * Find the name of LEN UNITS, as they are on the volume, in the directory of
 * RECORD, whose index is loaded for that: store the reference of what it is,
 * which may be stale. SHALE_ENOENT if it is not there.
 */
int ntfs_name_find_in(struct ntfs_volume *vol, const struct ntfs_record *record,
                      const uint8_t *units, size_t len, uint64_t *reference);

/* Take the way that SOUGHT, of which units and length are set, leads down
   DIR's index, and note in it what that comes to. */
int ntfs_sought_find(const struct ntfs_dir *dir, struct ntfs_sought *sought);

/* Store the reference of the directory that BASE's file is in: by its first
   name, a DOS one only if there is no other; 0 if it has none. */
int ntfs_parent_find(struct ntfs_volume *vol, const struct ntfs_record *base,
                     uint64_t *reference);

/* ---------------------------------------------------------------- sound.c */

/*
 * With the option recover: find out, once, if DIR's index is damaged anywhere;
 * then ntfs_index_is_damaged() says so. Fails for other reasons only.
 */
int ntfs_index_examine(const struct ntfs_dir *dir);

/* ----------------------------------------------------------------- list.c */

/* A listing on its way to who asked for it. */
struct ntfs_listing {
    struct ntfs_dir dir;
    shale_emit_fn *emit;
    void *context;

    /* Where it is in the index: list.c. */
    uint64_t cookie;            /* from which on */
    uint8_t *buf;               /* for a block; NULL if there are none */
    uint64_t place;             /* the node's, as in a cookie */
    struct ntfs_index_node node;
    uint32_t offset;            /* in it, of the next entry */
    struct ntfs_entry entry;

    /* What is given, for a file called NAME; its `next` is set before. */
    struct ntfs_name name;
    struct shale_dirent given;
    char text[NTFS_NAME_BYTES];
};

/* Give listing->name, of the file that REFERENCE means, unless it is hidden;
   listing->given.next is the cookie after it. Returns what the listing's emit()
   does, or 0. */
int ntfs_listing_give(struct ntfs_listing *listing, uint64_t reference);

/* As ntfs_iterate(), by the index. */
int ntfs_index_list(struct ntfs_listing *listing, uint64_t cookie);

/* -------------------------------------------------------------- recover.c */

/* Can what failed with ERR, because of an index, be done without that? */
static inline bool ntfs_recover_helps(const struct ntfs_volume *vol, int err)
{
    return vol->options.recover && (err == SHALE_ECORRUPT || err == SHALE_EIO);
}

/* Cookies of a recovered listing have this bit. */
#define NTFS_RECOVER_COOKIE (UINT64_C(1) << 61)

#endif /* NTFS_INDEX_H */
