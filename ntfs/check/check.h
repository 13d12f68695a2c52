/*
 * check.h - a check of NTFS in memory, and what its files call on each other
 *
 *      checker.c   phases, in their order; what is kept, and freed
 *      boot.c      the boot sector, its copy, and what they disagree on
 *      scan.c      all records of the MFT in the device's order, by workers
 *      record.c    one record: fixups, what is kept of it; head.c: its head
 *      attrs.c     the attributes in it, among each other
 *      attr.c      one attribute: head, flags, sizes
 *      value.c     ... and what some types of it hold; descriptor.c: rights
 *      runs.c      mapping pairs to clusters: owned, shared, off the volume
 *      shared.c    who shares clusters with whom
 *      bitmap.c    $Bitmap, and $MFT's own, against what was found
 *      mirror.c    $MFTMirr
 *      list.c      attribute lists against the records they name; what the
 *                  pieces of an attribute say together
 *      system.c    $Volume, $UpCase, and the files that there have to be
 *      log.c       $LogFile's restart pages; usn.c: $UsnJrnl
 *
 *      index.c     one B-tree: nodes, order, its bitmap; order.c: of keys
 *      node.c      ... and one node of it
 *      names.c     names in records against names in directories; pairs.c:
 *                  which of them do not agree
 *      tree.c      which directories lead to the root; loops, orphans
 *      secure.c    $SDS, $SII, $SDH, and the ids that files have
 *      views.c     the other indexes: $R and $O of files; quota.c: $O, $Q
 *      paths.c     what a record is called
 *
 * The volume is mounted, read-only and with the option recover, which finds the
 * MFT by whatever copy is good, and reads what only a few files have (attribute
 * lists, $Secure) through the driver, which is silent here. What all files have
 * is decoded once more, leniently: the driver stops at what is wrong, and here
 * it is told. Where the volume cannot be mounted at all, that is the finding.
 *
 * Sixteen bytes are kept of every record (struct ntfs_check_record), and eight
 * of every file, its size; the rest is read again where it is wanted. That
 * names agree with directories is found by sums: each name of a record adds a
 * hash of (file, parent, name) to its file's sum, each entry of a directory
 * takes one off. Where a sum is not zero at the end, and only there, both are
 * read again and compared.
 */
#ifndef NTFS_CHECK_CHECK_H
#define NTFS_CHECK_CHECK_H

#include "check/check.h"
#include "ntfs/data.h"
#include "ntfs/ntfs.h"
#include "shale/shale.h"

enum {
#define CODE(id, name, severity, sentence, meaning, danger) NTFS_CHECK_##id,
#include "ntfs/check/codes.def"
#undef CODE
    NTFS_CHECK_CODES
};
extern const struct shale_check_code ntfs_check_codes[NTFS_CHECK_CODES];

/* What is kept of a record of the MFT: an element of an array. */
struct ntfs_check_record {
    uint64_t sum;               /* of hashes of names; see above */
    uint16_t sequence;
    uint16_t links;             /* as its head says; of an extension, how many
                                   attributes it has */
    uint16_t names;             /* $FILE_NAMEs of the file, in any record; of an
                                   extension, attributes that its file's list
                                   means */
    uint16_t flags;             /* NTFS_CHECK_... */
};

#define NTFS_CHECK_IN_USE    0x0001u    /* and its head can be believed */
#define NTFS_CHECK_EXTENSION 0x0002u
#define NTFS_CHECK_DIRECTORY 0x0004u    /* it has an index of names */
#define NTFS_CHECK_VIEW      0x0008u    /* ... or other ones */
#define NTFS_CHECK_LIST      0x0010u    /* it has an attribute list */
#define NTFS_CHECK_DAMAGED   0x0020u    /* not all of it, or of an extension,
                                           can be believed: what it lacks is no
                                           finding */
#define NTFS_CHECK_REACHED   0x0040u    /* the root leads there */
#define NTFS_CHECK_CALLED    0x0080u    /* its head says it is a directory */
#define NTFS_CHECK_AGAIN     0x0100u    /* ... and it has several names */
#define NTFS_CHECK_LINKED    0x0200u    /* it says it has a reparse point */
#define NTFS_CHECK_CALLED_VIEW 0x0400u  /* ... or other indexes than of names */
#define NTFS_CHECK_NAMED_SO  0x0800u    /* a name says it is a directory */
#define NTFS_CHECK_NAMED_NOT 0x1000u    /* ... or that it is none */
#define NTFS_CHECK_PARTLY    0x2000u    /* of its index some cannot be read */

/* Where a field is in its struct. */
#define NTFS_CHECK_FIELD(type, name) ((uint32_t)offsetof(struct type, name))

/* Security ids up to this are looked at: more descriptors have no room. */
#define NTFS_CHECK_IDS (1u << 24)

/* Records that lie in a row. */
struct ntfs_check_chunk {
    uint64_t first;
    uint32_t count;
    uint64_t at;                /* byte of the volume; SHALE_NOWHERE: of one
                                   record, which is in several runs */
};

struct ntfs_entry;
struct ntfs_index_node;
struct pile;
struct ntfs_name;

struct ntfs_check {
    struct check *check;
    struct shale_fs *fs;                /* mounted */
    struct ntfs_volume *vol;            /* ... and the driver's part of it */
    struct shale_log log;               /* its events: silence */
    const char *refused;                /* why the mount failed; or NULL */
    uint64_t refused_at;

    uint64_t record_count;              /* of the MFT, as far as the device has
                                           room for them */
    uint64_t cluster_count;             /* of the volume, likewise */
    struct ntfs_check_chunk *chunks;    /* all of the MFT, by place */
    size_t chunk_count, chunk_room;

    struct check_array *records;        /* struct ntfs_check_record */
    struct check_array *parents;        /* of directories: references */
    struct check_array *sizes;          /* of files: of unnamed data, and 1 */
    struct check_bits *claimed;         /* records in use by $MFT's bitmap */
    struct check_bits *claims_unread;   /* ... of which it cannot be read; or
                                           NULL */
    struct check_bits *in_use;          /* ... by their heads */
    struct check_bits *unread;          /* ... that the device has not given */
    struct check_bits *used;            /* clusters that somebody has */
    struct check_bits *shared;          /* ... that several have */
    struct check_bits *once, *twice;    /* while shared.c counts; or NULL */
    struct check_bits *reparse;         /* files with a reparse point */
    struct check_bits *objects;         /* ... with an object id */
    uint64_t reparse_sum, objects_sum;  /* of what indexes should say of them;
                                           all four under records' lock */
    unsigned listings;                  /* views.c: which there are */
    bool damaged;                       /* any record is */
    struct check_bits *ids;             /* of security, that files have */
    struct pile *pile;                  /* while names.c compares; or NULL */
    enum ntfs_log log_state;            /* how $LogFile was left */
    uint64_t claims;                    /* bits of CLAIMED that were read */
    uint64_t shares;                    /* how often one was had already; under
                                           the lock of records */
};

static inline struct ntfs_check *ntfs_check_of(struct check *check)
{
    return check->volume;
}

/* Tell that CODE is so of record NUMBER, at byte AT. */
void ntfs_check_tell(struct ntfs_check *nc, unsigned code, uint64_t number,
                     uint64_t at);
/* The same, of the rule WHAT, which begins with "ntfs: ", of the driver's. */
void ntfs_check_rule(struct ntfs_check *nc, unsigned code, uint64_t number,
                     uint64_t at, const char *what);
/* The same, with what was expected and found. */
void ntfs_check_differ(struct ntfs_check *nc, unsigned code, uint64_t number,
                       uint64_t at, uint64_t expected, uint64_t found);

/* ------------------------------------------------------ boot.c, mirror.c */

/* Before the mount: the boot sector and its copy. */
int ntfs_check_boot(struct ntfs_check *nc);
/* Is there a copy at the device's end, of a volume that ends there? */
bool ntfs_check_probe_copy(struct check *check);
int ntfs_check_mirror(struct ntfs_check *nc);
int ntfs_check_system(struct ntfs_check *nc);

/* ------------------------------------------------------------- scan.c */

/* Find out where the records are. */
int ntfs_check_chunks_make(struct ntfs_check *nc);
void ntfs_check_chunks_free(struct ntfs_check *nc);

/*
 * Call EACH, on all workers, with the bytes of every record of which
 * nc->records has one of FLAGS (0: every record there is, used or not), as on
 * the device, fixups not undone; RECORD's number, at and bytes are set, and the
 * bytes may be changed. Records on stretches of the image that are holes come
 * with FLAGS only.
 */
typedef int ntfs_check_each_fn(struct ntfs_check *nc,
                               struct ntfs_record *record);
int ntfs_check_scan(struct ntfs_check *nc, const char *what, uint16_t flags,
                    ntfs_check_each_fn *each);

/* --------------------------------------------- head.c attrs.c record.c */

/* Undo the fixups of RECORD and fill the rest of it, having told nothing: is it
   one in use, with a head that can be believed? */
bool ntfs_check_open(struct ntfs_check *nc, struct ntfs_record *record);

/* Fill RECORD, whose fixups are undone, by its head, and tell what is wrong
   there. False: no more of it can be believed. */
bool ntfs_check_head(struct ntfs_check *nc, struct ntfs_record *record);

/* The attributes of RECORD end at byte END of it: does its head say so? */
void ntfs_check_used(struct ntfs_check *nc, const struct ntfs_record *record,
                     uint32_t end);

/* How many fixups has a block of SIZE bytes, their number counted too? */
static inline uint32_t ntfs_check_fixups(uint32_t size)
{
    return size / NTFS_FIXUP_STRIDE + 1;
}

/* The byte of the volume where byte INTO of record NUMBER is. */
uint64_t ntfs_check_at(struct ntfs_check *nc, uint64_t number, uint64_t into);

/* What has been seen of the attributes in a record. */
struct ntfs_check_seen {
    uint32_t total;
    uint64_t reparse, objects;  /* what the indexes of those should say */
    struct ntfs_check_record kept;
};

/* Check the attributes of RECORD, whose head is good, and add to OUT what is to
   be kept of them. */
int ntfs_check_attrs(struct ntfs_check *nc, const struct ntfs_record *record,
                     struct ntfs_check_seen *out);

/* The first scan: every record, and all that is in it. */
int ntfs_check_records(struct ntfs_check *nc);

/* The file that RECORD is of: itself, or its base. */
uint64_t ntfs_check_file_of(const struct ntfs_record *record);

/* Change what is kept of record NUMBER: F_ON goes into its flags. */
int ntfs_check_mark(struct ntfs_check *nc, uint64_t number, uint16_t on);
/* What is kept of it; all zero beyond the end. */
struct ntfs_check_record ntfs_check_kept(struct ntfs_check *nc,
                                         uint64_t number);

/* Is record NUMBER out of reach: not given, or past the device's end? */
bool ntfs_check_is_unread(struct ntfs_check *nc, uint64_t number);
/* Has it been told that it cannot be had, or not all of it? */
bool ntfs_check_is_told(struct ntfs_check *nc, uint64_t number);

/* A list means one more attribute of the extension record NUMBER. */
int ntfs_check_meant(struct ntfs_check *nc, uint64_t number);

/* The hash that stands for NAME of the file FILE; see names.c. */
uint64_t ntfs_check_name_hash(uint64_t file, const struct ntfs_name *name);
/* Add N to the sum of record FILE. */
int ntfs_check_sum(struct ntfs_check *nc, uint64_t file, uint64_t n);

/* ------------------------------------------------------- attr.c runs.c */

/*
 * The attribute of RECORD at *OFFSET (record->attrs to begin with), which moves
 * past it. 1; 0 at the end; -1 if it cannot be understood: that is *WRONG, a
 * code, which has not been told, and so is the end. OUT->at is where the field
 * in question is then.
 */
int ntfs_check_attr_next(const struct ntfs_record *record, uint32_t *offset,
                         struct ntfs_attr *out, unsigned *wrong);

/* Check ATTR by itself. LISTED: other records may have more of it, so that
   sizes are left to list.c. */
int ntfs_check_attr(struct ntfs_check *nc, const struct ntfs_attr *attr,
                    bool listed);

/* The byte of the volume where byte INTO of ATTR is; its value, a resident
   one's. */
uint64_t ntfs_check_attr_at(struct ntfs_check *nc, const struct ntfs_attr *attr,
                            uint64_t into);
uint64_t ntfs_check_value_at(struct ntfs_check *nc,
                             const struct ntfs_attr *attr);
/* Where the value of the first attribute of TYPE in record NUMBER is, or if it
   is elsewhere the attribute, or if there is none the record: for what has been
   found out without it. */
int ntfs_check_find(struct ntfs_check *nc, uint64_t number, uint32_t type,
                    uint64_t *at);

/* What ATTR, a first piece, says of sizes, against CLUSTERS of all pieces, of
   which TAKEN are no holes. */
void ntfs_check_sizes(struct ntfs_check *nc, const struct ntfs_attr *attr,
                      uint64_t clusters, uint64_t taken);

/*
 * Claim the clusters of ATTR, a piece that is not resident. Stores how many it
 * has, holes included and not. False in *GOOD: it has been told why they cannot
 * be believed.
 */
struct ntfs_check_extent {
    uint64_t clusters, taken;
    bool good;
};
int ntfs_check_runs(struct ntfs_check *nc, const struct ntfs_attr *attr,
                    struct ntfs_check_extent *out);
/* The same without claiming anything, or telling. */
void ntfs_check_runs_count(struct ntfs_check *nc, const struct ntfs_attr *attr,
                           struct ntfs_check_extent *out);

/* --------------------------------------- value.c descriptor.c views.c */

/* Does what ATTR holds have the form that its type says? */
int ntfs_check_value(struct ntfs_check *nc, const struct ntfs_attr *attr);

/* Do SIZES, $EA_INFORMATION, say what EAS has, both of RECORD? One of them may
   be none: of type 0. */
void ntfs_check_eas(struct ntfs_check *nc, const struct ntfs_record *record,
                    const struct ntfs_attr *eas, const struct ntfs_attr *sizes);

/* What is wrong with NAME, decoded from LEN bytes, besides? NULL: nothing. */
const char *ntfs_check_name(const struct ntfs_name *name, size_t len);

/* What is wrong with the security descriptor that is LEN bytes at BYTES, and at
   which of them? NULL: nothing. */
const char *ntfs_check_descriptor(const uint8_t *bytes, size_t len,
                                  size_t *at);

/* What stands for ATTR, a reparse point or an object id of the file that
   REFERENCE means, and for the entry of an index that says the same. */
uint64_t ntfs_check_listed_hash(const struct ntfs_attr *attr,
                                uint64_t reference);

/* --------------------------------------------------- index.c node.c */

/* What does NODE, which has ROOM bytes, say that cannot be, as far as it can be
   decoded? NULL, or the rule, and in *AT the place in the node. BLOCK: it is
   one, and not a root. */
const char *ntfs_check_node(const struct ntfs_index_node *node, uint32_t room,
                            bool block, uint32_t *at);
/* Has ENTRY, of a tree of names or not, just the length that it needs? It is
   *NEEDS. */
bool ntfs_check_entry(const struct ntfs_entry *entry, bool names,
                      uint32_t *needs);

/* A walk through a B-tree, in order. */
struct ntfs_tree {
    struct ntfs_check *nc;
    const struct ntfs_record *record;   /* whose */
    struct ntfs_index *index;
    uint32_t collation;                 /* enum ntfs_collation */
    bool broken;                        /* something could not be read */
    bool silent;                        /* it has been told before */
    void *context;                      /* of EACH */
};

/*
 * Check the index called NAME of RECORD's file, of LEN units, which is one of
 * COLLATION, and call EACH, or nothing if that is NULL, with its entries in
 * their order. *BROKEN, or NULL: something was told that may have cost some.
 */
typedef int ntfs_tree_fn(struct ntfs_tree *tree,
                         const struct ntfs_entry *entry);
int ntfs_check_index(struct ntfs_check *nc, const struct ntfs_record *record,
                     const uint16_t *name, size_t len, uint32_t collation,
                     ntfs_tree_fn *each, void *context, bool *broken);

/* The same in silence: to read it once more. */
int ntfs_check_reread(struct ntfs_check *nc, const struct ntfs_record *record,
                      const uint16_t *name, size_t len, uint32_t collation,
                      ntfs_tree_fn *each, void *context);

/* ------------------------------------------- order.c: how keys are sorted */

/* Compare two keys: below, at or above 0. */
int ntfs_check_collate(const struct ntfs_volume *vol, uint32_t collation,
                       const uint8_t *a, size_t a_len, const uint8_t *b,
                       size_t b_len);

/* ---------------------------------------------------------- quota.c */

/* What the two indexes of $Quota come to, each walked with the function for its
   entries. */
struct ntfs_quota {
    uint64_t at;                /* of $O; SHALE_NOWHERE: there is none */
    bool limits;                /* there is a $Q: it is $Quota's */
    bool broken;                /* not all can be compared */
    uint64_t count, owners;     /* owners in $Q and $O */
    uint64_t sum;               /* of them, which is 0 if they are the same */
};

int ntfs_quota_limits(struct ntfs_tree *tree, const struct ntfs_entry *entry);
int ntfs_quota_owner(struct ntfs_tree *tree, const struct ntfs_entry *entry);
void ntfs_quota_judge(struct ntfs_check *nc, const struct ntfs_record *record,
                      const struct ntfs_quota *quota);

/* -------------------------------------------- the phases after the scan */

int ntfs_check_lists(struct ntfs_check *nc);
int ntfs_check_claimed(struct ntfs_check *nc);  /* before it: nc->claimed */
int ntfs_check_shared(struct ntfs_check *nc);
int ntfs_check_bitmaps(struct ntfs_check *nc);
int ntfs_check_indexes(struct ntfs_check *nc);
int ntfs_check_names(struct ntfs_check *nc);
int ntfs_check_pairs(struct ntfs_check *nc);    /* of its, where sums differ */
int ntfs_check_tree(struct ntfs_check *nc);
int ntfs_check_secure(struct ntfs_check *nc);
int ntfs_check_views(struct ntfs_check *nc);
int ntfs_check_log(struct ntfs_check *nc);
int ntfs_check_usn(struct ntfs_check *nc);
int ntfs_check_paths(struct check *check, struct check_path *paths,
                     size_t count);

#endif /* NTFS_CHECK_CHECK_H */
