/*
 * check.h - what the files of the FAT checker know of a volume
 *
 *      checker.c   the phases, one after the other; the table, last
 *      boot.c      boot sector and backup, field by field
 *      wreck.c     what is left without a boot sector
 *      info.c      FSInfo; the marks of a volume in use
 *      table.c     the FAT in memory: see table.h
 *      copies.c    the FAT as its copies have it
 *      chain.c     one chain, followed and marked as somebody's
 *      tree.c      directories, level by level
 *      dir.c       the entries of one directory
 *      entry.c     one entry: name, attributes, times, size against chain
 *      lfn.c       long names
 *      names.c     names that are there twice
 *      label.c     the volume's label
 *      shared.c    clusters that several have: who with whom
 *      lost.c      chains that nobody has
 *      paths.c     paths of entries
 *
 * The FAT is read once, and kept but for what is zero or one long run. Who has
 * a cluster is not kept: there is a bit for "somebody", and if two came upon
 * the same one, all directories are read again to find out which.
 */
#ifndef FAT32_CHECK_CHECK_H
#define FAT32_CHECK_CHECK_H

#include "check/check.h"
#include "fat32/fat.h"

/* ----------------------------------------------------------------- codes */

enum fat_check_code {
#define CODE(id, name, severity, sentence, meaning, danger) FAT_CHECK_##id,
#include "codes.def"
#undef CODE
    FAT_CHECK_CODES
};

extern const struct shale_check_code fat_check_codes[FAT_CHECK_CODES];

/* ------------------------------------------------------------ the volume */

struct fat_check_problem;
struct fat_check_difference;

/* A directory that was found. */
struct fat_check_dir {
    uint64_t at;                /* its entry; 0: the root */
    uint32_t first;             /* cluster; 0: FAT12's and FAT16's root */
    uint32_t parent;            /* whose dirs[] it is in */
    uint32_t clusters;          /* that are its own */
};

/* So many bytes of the FAT in memory. */
#define FAT_CHECK_PIECE     ((size_t)64 << 10)

struct fat_check_piece {
    uint8_t *bytes;             /* NULL: it is as SHAPE says */
    size_t size;                /* of bytes */
    enum {
        FAT_PIECE_FREE,         /* zeros */
        FAT_PIECE_ROW,          /* each cluster followed by the next one */
        FAT_PIECE_MIXED,
    } shape;
};

struct fat_check {
    struct check *check;
    struct fat_boot boot;       /* as believed */
    uint64_t size;              /* bytes of the volume */
    uint64_t data_at;           /* byte of cluster 2 */
    uint32_t last;              /* cluster */
    uint32_t mask;              /* of the bits of an entry that count */
    uint32_t info_sector;       /* as the boot sector has it; 0: none */
    bool dos1x;                 /* there is no BPB */

    /* table.c */
    uint32_t copy;              /* the FAT that is read */
    struct fat_check_piece *pieces;
    uint32_t piece_count, piece_shift;      /* 2^shift entries in one */
    uint64_t free_count, bad_count;
    struct check_lock lock;     /* guards what workers change below and above */

    /* copies.c */
    struct fat_check_difference *differences;   /* of each copy */
    struct check_bits *unknown; /* entries that no copy has; NULL: none */

    /* tree.c */
    struct fat_check_dir *dirs; /* the root first; a parent before its own */
    size_t dir_count, dir_room;
    struct check_bits *dir_clusters;        /* of directories */

    /* chain.c */
    struct check_bits *owned;   /* clusters that are somebody's */
    bool shared;                /* somebody met a cluster that was owned */
    struct fat_check_problem *problems;     /* see entry.c */
    size_t problem_count, problem_room;

    /* label.c */
    uint8_t label[11];
    uint64_t label_at;          /* 0: the root has none, */
    bool root_unread;           /*   as far as it can be read */
    bool dirs_unread;           /* so it is with some directory */

    uint64_t lost;              /* clusters; lost.c */
    uint32_t names_read;        /* for paths; paths.c */
    uint64_t late;              /* the first date and time of the future, as
                                   entries have it; 0: not known */
};

static inline bool fat_check_is_cluster(const struct fat_check *v,
                                        uint32_t cluster)
{
    return cluster >= FAT_FIRST_CLUSTER && cluster <= v->last;
}

static inline uint64_t fat_check_cluster_at(const struct fat_check *v,
                                            uint32_t cluster)
{
    return v->data_at + ((uint64_t)(cluster - FAT_FIRST_CLUSTER)
                         << v->boot.cluster_shift);
}

/* Where the entry of CLUSTER is in the FAT that is read. */
static inline uint64_t fat_check_entry_at(const struct fat_check *v,
                                          uint32_t cluster)
{
    return ((v->boot.reserved + (uint64_t)v->copy * v->boot.fat_sectors)
            << v->boot.sector_shift) + (uint64_t)cluster * v->boot.bits / 8;
}

/* Tell of a code by its ID: FAT_TELL(v, DIR_SIZE, at, .number = ...). */
#define FAT_TELL(v, id, where, ...)                                       \
    check_tell((v)->check, &fat_check_codes[FAT_CHECK_##id], (where),     \
               &(struct check_note){ __VA_ARGS__ })

/* Where a field is in a short entry, or in a piece of a long name. */
#define FAT_ENTRY_FIELD(name) ((uint64_t)offsetof(struct fat_disk_entry, name))
#define FAT_LONG_FIELD(name)  ((uint64_t)offsetof(struct fat_disk_long, name))

/* ------------------------------------------------------------- checker.c */

/*
 * ARRAY of COUNT elements of SIZE bytes, with room for one more: as it is, or
 * twice as large in another place. *ROOM says how many it has room for. NULL,
 * and nothing has changed, if there is no memory.
 */
void *fat_check_grow(struct check *check, void *array, size_t count,
                     size_t *room, size_t size);

/* ---------------------------------------------------------------- boot.c */

bool fat_check_probe(const uint8_t *head, size_t len);
bool fat_check_probe_backup(struct check *check);

/*
 * Read the boot sector, or its backup, into V->boot and what follows from it;
 * *USABLE is false if there is none to be believed, which has been told.
 */
int fat_check_boot(struct fat_check *v, bool *usable);

/* --------------------------------------------------------------- wreck.c */

/* Are there FATs that a boot sector should be before? */
int fat_check_find_tables(struct check *check, bool *found);

/* ---------------------------------------------------------------- info.c */

/* FSInfo against what the FAT has; after all else. */
int fat_check_info(struct fat_check *v);

/* The marks in the boot sector and in entries 0 and 1 of the FAT. */
void fat_check_marks(struct fat_check *v);

/* --------------------------------------------------------------- table.c */

/* Read the FAT, and compare its copies. fini takes what was begun. */
int fat_check_table(struct fat_check *v);
void fat_check_table_fini(struct fat_check *v);

/* The entry of CLUSTER (of 0 to last): its bits as they are. */
uint32_t fat_check_get(const struct fat_check *v, uint32_t cluster);

/* Is it 0 only because it cannot be read? That has been told. */
bool fat_check_is_unknown(const struct fat_check *v, uint32_t cluster);

/*
 * How many clusters from CLUSTER on each have the next one for successor, and
 * so are in a row with it: at least 1, that being CLUSTER, and at most MAX.
 */
uint32_t fat_check_row(const struct fat_check *v, uint32_t cluster,
                       uint32_t max);

/* The first cluster from CLUSTER on that is not certainly free; last + 1. */
uint32_t fat_check_skip_free(const struct fat_check *v, uint32_t cluster);

/* --------------------------------------------------------------- chain.c */

/* How a chain ends. */
enum fat_check_end {
    FAT_END_MARK,               /* as it should */
    FAT_END_FREE,               /* with a cluster that is free */
    FAT_END_BAD,                /* ... that is marked as bad */
    FAT_END_NOWHERE,            /* with a number that is no cluster */
    FAT_END_UNKNOWN,            /* with an entry that cannot be read */
    FAT_END_MET,                /* in a cluster that somebody has */
};

#define FAT_CHECK_FEW 64u       /* rows; see chain.c */

struct fat_check_chain {
    uint32_t rows;              /* followed */
    uint32_t length;            /* clusters */
    enum fat_check_end end;
    uint32_t last;              /* of them; 0: there is none */
    uint32_t value;             /* the cluster, or the number, that ends it */
};

/* What its clusters are to be claimed as. */
struct fat_check_use {
    enum shale_use use;
    uint64_t at;                /* place of the entry: the object's number */
};

/*
 * Follow the chain from FIRST, which is a cluster, and take its clusters: they
 * are in TAKEN from now on. Its end is FAT_END_MET where one of them has been
 * there before. If TAKEN is V->owned, V->shared is set then, and the end is
 * another if it is not far. USE may be NULL.
 */
int fat_check_follow(struct fat_check *v, uint32_t first,
                     struct check_bits *taken, const struct fat_check_use *use,
                     struct fat_check_chain *out);

/*
 * The clusters in a row from CLUSTER on that belong to its chain: none if
 * CLUSTER cannot be in one. *END: how the chain ends behind them, and *VALUE
 * with what; or FAT_END_MET, and it goes on at *VALUE.
 */
uint32_t fat_check_run(const struct fat_check *v, uint32_t cluster,
                       enum fat_check_end *end, uint32_t *value);

/* How many of COUNT clusters from CLUSTER on come before one in BITS? */
uint32_t fat_check_before(struct check_bits *bits, uint32_t cluster,
                          uint32_t count);

/*
 * Tell how CHAIN of the object NUMBER ends, if that is not as it should. AT is
 * where its beginning is noted. Answers whether it did.
 */
bool fat_check_tell_end(struct fat_check *v, enum shale_object object,
                        uint64_t number, uint64_t at,
                        const struct fat_check_chain *chain);

/* ---------------------------------------------------------------- tree.c */

/* Find and check all directories. */
int fat_check_tree(struct fat_check *v);

/* The bytes of one directory, in its order. */
struct fat_check_slots {
    const struct fat_check_dir *dir;
    uint32_t index;             /* of it in dirs[] */
    uint8_t *bytes;
    uint32_t count;             /* slots */
    bool unread;                /* some cannot be read: they are as if free */
    uint32_t shift;             /* 2^shift slots in a cluster */
    const uint32_t *clusters;   /* NULL: they are all in a row from AT on */
    uint64_t at;
};

static inline uint64_t fat_check_slot_at(const struct fat_check *v,
                                         const struct fat_check_slots *slots,
                                         uint32_t slot)
{
    uint32_t within = slot & (((uint32_t)1 << slots->shift) - 1);

    if (!slots->clusters)
        return slots->at + (uint64_t)slot * FAT_ENTRY_SIZE;
    return fat_check_cluster_at(v, slots->clusters[slot >> slots->shift]) +
           within * FAT_ENTRY_SIZE;
}

/*
 * Call EACH with the bytes of dirs[INDEX]; FIRST_BYTES is its first cluster, if
 * somebody has read it. What cannot be read is told if TELL, and is free.
 */
int fat_check_dir_read(struct fat_check *v, uint32_t index,
                       uint8_t *first_bytes, bool tell,
                       int (*each)(struct fat_check *v,
                                   struct fat_check_slots *slots,
                                   void *context),
                       void *context);

/* Note a directory in dirs[]; by any worker. */
int fat_check_dir_add(struct fat_check *v, const struct fat_check_dir *dir);

/* ----------------------------------------------------------------- dir.c */

/* Check the entries of a directory, and note those in it. */
int fat_check_dir(struct fat_check *v, struct fat_check_slots *slots);

/* A walk over the slots of a directory. */
struct fat_check_scan {
    uint32_t next;              /* slot */
    bool ended;                 /* the mark of the end has been passed */
};

enum fat_check_kind {
    FAT_KIND_NONE,              /* there are no more slots */
    FAT_KIND_FREE,
    FAT_KIND_LONG,
    FAT_KIND_LABEL,
    FAT_KIND_DOTS,
    FAT_KIND_FILE,              /* or a directory */
};

/*
 * What the next slot is, which is scan->next - 1 then. Of those behind the end
 * only files are told that could be some.
 */
enum fat_check_kind fat_check_next(const struct fat_check *v,
                                   const struct fat_check_slots *slots,
                                   struct fat_check_scan *scan);

static inline const struct fat_disk_entry *
fat_check_entry(const struct fat_check_slots *slots, uint32_t slot)
{
    return (const struct fat_disk_entry *)(slots->bytes +
                                           (size_t)slot * FAT_ENTRY_SIZE);
}

static inline uint32_t fat_check_first(const struct fat_check *v,
                                       const struct fat_disk_entry *raw)
{
    uint32_t first = le16_get(raw->cluster_low);

    return v->boot.bits == 32 ? first | (uint32_t)le16_get(raw->cluster_high)
                                            << 16
                              : first;
}

/* --------------------------------------------------------------- entry.c */

/* An entry whose name says that there is no short one; see entry.c. */
#define FAT_LOWER_NO_SHORT 0x20u

/* May a short name look so? */
bool fat_check_name_is_legal(const uint8_t name[11]);

/*
 * Check the file or directory in SLOT. LONG_NAME: it has a long name.
 */
int fat_check_file(struct fat_check *v, struct fat_check_slots *slots,
                   uint32_t slot, bool long_name);

/* Something is wrong with the chain of a file of SIZE bytes. */
struct fat_check_problem {
    uint64_t at;                /* its entry */
    uint32_t size;
    struct fat_check_chain chain;
};

/* Tell what, if anything. */
void fat_check_tell_problem(struct fat_check *v,
                            const struct fat_check_problem *problem);

/* A label's entry has no data. */
int fat_check_label_data(struct fat_check *v,
                         const struct fat_disk_entry *raw, uint64_t at);

/* ----------------------------------------------------------------- lfn.c */

/* A long name that is being read. */
struct fat_check_lfn {
    uint32_t slot;              /* of its first piece; valid if COUNT */
    uint32_t count;             /* pieces seen; 0: no name is being read */
    uint32_t left;              /* orders still to come */
    uint8_t checksum;
    bool broken;                /* told of: the rest is passed over */
    bool too_long;              /* ... for having too many pieces, so far */
};

/* The piece in SLOT. */
void fat_check_lfn_piece(struct fat_check *v,
                         const struct fat_check_slots *slots, uint32_t slot,
                         struct fat_check_lfn *lfn);

/*
 * The pieces read end before SLOT: with a short entry there if ENTRY, to which
 * they may belong: then that is the answer.
 */
bool fat_check_lfn_end(struct fat_check *v,
                       const struct fat_check_slots *slots, uint32_t slot,
                       bool entry, struct fat_check_lfn *lfn);

/*
 * The long name of the entry in SLOT in NAME, of FAT_LONG_MAX + 1 units.
 * Returns its length; 0: it has none.
 */
uint32_t fat_check_long_name(const struct fat_check_slots *slots,
                             uint32_t slot, uint16_t *name);

/* The name of the entry in SLOT as UTF-8, long or short. Returns the bytes. */
#define FAT_CHECK_NAME_BYTES FAT_NAME_BYTES
size_t fat_check_name(const struct fat_check_slots *slots, uint32_t slot,
                      char *out);

/* --------------------------------------------------------------- names.c */

/* Tell of names that two entries of a directory have. */
int fat_check_names(struct fat_check *v, struct fat_check_slots *slots,
                    uint32_t entries);

/* --------------------------------------------------------------- label.c */

/* The root's label against the boot sector's; both against the rules. */
void fat_check_labels(struct fat_check *v);

/* -------------------------------------------------------------- shared.c */

int fat_check_shared(struct fat_check *v);

/* ---------------------------------------------------------------- lost.c */

int fat_check_lost(struct fat_check *v);

/* --------------------------------------------------------------- paths.c */

int fat_check_paths(struct check *check, struct check_path *paths,
                    size_t count);

/*
 * The path of the entry at AT in dirs[DIR] (0: of the root) in the SIZE bytes
 * at OUT. Stores 0 in *LEN if it cannot be known.
 */
int fat_check_path_of(struct fat_check *v, uint32_t dir, uint64_t at,
                      char *out, size_t size, size_t *len);

#endif /* FAT32_CHECK_CHECK_H */
