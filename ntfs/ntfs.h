/*
 * ntfs.h - an NTFS volume in memory, and what the driver's files call on each
 * other; attrs.h has what files are made of
 *
 * Raw bytes (disk.h) become the structs here in one *_decode() each, which
 * checks what it can; after that they are believed. Everything is read-only
 * once made, so there are no locks: a vnode is complete when load() returns.
 *
 * Units   bytes, unless it says clusters. A VCN counts the clusters of a
 *         stream, an LCN those of the volume. A record is known by its number
 *         in the MFT, a place (`at`) is a byte of the volume, or SHALE_NOWHERE
 * Names   16-bit units in the machine's order, not terminated; UTF-8 at the
 *         VFS's door (utf16.h)
 * Errors  0 or a negative enum shale_err, unless a count or an answer of 1 and
 *         0 is described; SHALE_ECORRUPT has been reported through
 *         shale_corrupt() where it arose
 */
#ifndef NTFS_NTFS_H
#define NTFS_NTFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/fs.h"

#include "apart.h"
#include "attrs.h"

#define NTFS_NAME_UNITS 255u            /* of any name */
#define NTFS_NAME_BYTES 765u            /* of one as UTF-8, at most */

/* How a vnode's number is made; see node.c. */
#define NTFS_INO_RECORD(ino) ((ino) & UINT64_C(0xffffffffffff))
#define NTFS_INO_STREAM(ino) ((unsigned)((ino) >> 48 & 0x3fff))
#define NTFS_INO_STREAM_SHIFT 48
#define NTFS_INO_DELETED (UINT64_C(1) << 62)

struct ntfs_security;
struct ntfs_children;
struct ntfs_lately;

/* --------------------------------------------------------- the volume */

/* The boot sector, decoded and checked. */
struct ntfs_boot {
    uint64_t at;                /* where it was read from; SHALE_NOWHERE: the
                                   options said it all */
    uint32_t sector_size, sector_shift;
    uint32_t cluster_size, cluster_shift;       /* 256 bytes to 2 MiB */
    uint64_t cluster_count;     /* of the volume, the backup's not included */
    uint64_t size;              /* bytes, likewise */
    uint32_t record_size, record_shift;
    uint32_t index_size;        /* of directories; others say their own */
    uint64_t mft_lcn, mirror_lcn;
    uint64_t serial;
};

enum ntfs_streams {
    NTFS_STREAMS_NONE,
    NTFS_STREAMS_XATTR,
    NTFS_STREAMS_WINDOWS,
};

/* The mount options. */
struct ntfs_options {
    bool permissions;           /* owner and mode by the descriptor */
    const char *mapping;        /* usermapping=, of SIDs to ids: see sid.c; */
    size_t mapping_length;      /* implies permissions. NULL: not given */
    uint32_t uid, gid;          /* of what says no other */
    uint32_t fmask, dmask;      /* permissions to take off, likewise */
    bool uid_given, gid_given;  /* for all files, whatever they say; not */
    bool fmask_given, dmask_given;      /* with usermapping= */
    enum ntfs_streams streams;
    bool case_sensitive;        /* everywhere */
    bool efs_raw;               /* encrypted data as it is */
    bool recover;
    bool show_system, hide_hidden;
    uint64_t mft_lcn;           /* by hand; 0: not */
    uint32_t cluster_size;      /* likewise */
};

/* What a program has named of that which the driver can do without; extras.h
   says what each is. NULL: it has not. */
struct ntfs_extras {
    const struct ntfs_packed_ops *packed;
    const struct ntfs_owners_ops *owners;
    const struct ntfs_unix_ops *unixes;
    const struct ntfs_streams_ops *streams;
    const struct ntfs_recovery_ops *recovery;
    int (*deleted_each)(struct shale_fs *fs, shale_deleted_fn *emit,
                        void *context);
    int (*about_tell)(struct shale_fs *fs, struct shale_describe *to);
};

/* A mounted volume: struct shale_fs.volume points here. */
struct ntfs_volume {
    struct shale_fs *fs;
    struct ntfs_boot boot;
    struct ntfs_options options;
    struct ntfs_extras extras;
    uint32_t block_size, block_shift;   /* of the buffer cache */
    uint64_t cached_end;        /* bytes of the volume that it has; what is
                                   behind is no whole block, or not there */
    struct shale_slab *records;         /* for ntfs_record_get() */

    struct ntfs_stream *mft;    /* the data of $MFT: see mft.c */
    const struct ntfs_runs *mft_runs;   /* ... and its runs */
    struct ntfs_run mirror_run; /* $MFTMirr, as if it went on to the volume's */
    struct ntfs_runs mirror;    /* end; without a list where it is not known */
    uint64_t record_count;      /* records of the MFT */
    uint64_t valid_records;     /* ... of which these have ever been written */

    uint16_t **upcase;          /* of units, by rows; see upcase.c */
    struct ntfs_security *security;     /* secure.c; NULL: before NTFS 3.0 */
    struct ntfs_children *children;     /* recover.c; published */

    uint8_t major, minor;       /* of NTFS: 1.2, 3.0, 3.1 */
    uint16_t flags;             /* NTFS_VOLUME_... */
    uint32_t mirror_told;       /* that a record of $MFTMirr is used; atomic */
    uint64_t used_clusters;     /* by $Bitmap, once it is counted: bitmap.c */
    unsigned used_state;        /* atomic */
};

static inline struct ntfs_volume *ntfs_volume_of(const struct shale_fs *fs)
{
    return fs->volume;
}

/* ------------------------------------------------------------- boot.c */

bool ntfs_probe(const uint8_t *head, size_t len);

/* Find, read and check the boot sector, or its backup, or go by the options. */
int ntfs_boot_load(struct shale_fs *fs, const struct ntfs_options *options,
                   struct ntfs_boot *out);

/*
 * Decode NTFS_HEAD_SIZE bytes. Returns NULL, or which rule they break, with
 * the offset of the field in *FIELD.
 */
const char *ntfs_boot_decode(const uint8_t *head, struct ntfs_boot *out,
                             uint32_t *field);

/* ---------------------------------------------------------- options.c */

/* Names of the mount options, then NULL. */
extern const char *const ntfs_option_names[];

/* SHALE_ENOTSUP, said why, for what only an extra does that EXTRAS lack. */
int ntfs_options_load(struct shale_fs *fs, const struct ntfs_extras *extras,
                      struct ntfs_options *out);

/* The options of two extras. */
void ntfs_owners_options(struct shale_fs *fs, struct ntfs_options *out);
int ntfs_streams_options(struct shale_fs *fs, struct ntfs_options *out);

/* -------------------------------------------------------------- mft.c */

/* Find $MFT, by itself or by its mirror, and load its runs. */
int ntfs_mft_init(struct ntfs_volume *vol);
void ntfs_mft_fini(struct ntfs_volume *vol);

/* ----------------------------------------------------------- volume.c */

#define NTFS_LABEL_UNITS 128u

/* Version and flags of the volume, as far as $Volume can be read: else they
   stay 0, which is told. */
int ntfs_volume_load(struct ntfs_volume *vol);

/* The label, at most NTFS_LABEL_UNITS, in UNITS. Returns their count. */
int ntfs_label_get(struct ntfs_volume *vol, uint16_t *units);

/* ----------------------------------------------------------- upcase.c */

/* Load $UpCase, or if that is bad make one by a rule of our own, and say so. */
int ntfs_upcase_load(struct ntfs_volume *vol);
void ntfs_upcase_free(struct ntfs_volume *vol);

/* As file names are collated, case aside: below, at or above 0. Before the
   table is loaded only the case of ASCII is put aside. */
int ntfs_name_compare(const struct ntfs_volume *vol, const uint16_t *a,
                      size_t a_len, const uint16_t *b, size_t b_len);

/* ------------------------------------------------------------- node.c */

/* A bit for each type of attribute. */
#define NTFS_HAS(type) (UINT32_C(1) << ((uint32_t)(type) >> 4 & 31))

/* What a record says of a file, but for its data. */
struct ntfs_info {
    uint64_t number;
    uint16_t sequence;
    bool is_directory;          /* it has an index of names */
    bool is_view;               /* it has one of something else, and no data */
    bool case_sensitive;        /* a directory for which WSL asked for that */
    uint32_t flags;             /* NTFS_FILE_... */
    uint32_t has;               /* NTFS_HAS() of the attributes it has */
    struct shale_time created, modified, changed, accessed;
    uint32_t links;             /* names, DOS ones not counted */
    uint32_t security_id;       /* 0: see the attribute */
    uint64_t size, allocated;   /* of the data: unnamed, or of the stream that
                                   the number means; of a directory's index */
    uint32_t reparse_tag;       /* 0: none */
    enum shale_type type;       /* FILE or DIR, or what a special makes it */
    uint32_t mode;              /* permissions; node.c adds the type */
    uint32_t uid, gid;
    uint32_t rdev_major, rdev_minor;
    uint64_t symlink_length;    /* bytes of a symlink's target */
    bool data_lost;             /* what begins the data is damaged */
    bool reparse_lost;          /* so is its reparse point */
};

/* A reparse point, read and its head checked: reparse.c. */
struct ntfs_reparse {
    uint32_t tag;
    struct ntfs_value value;    /* the whole attribute */
    const uint8_t *data;        /* behind the head, and the GUID if any */
    size_t data_length;
};

/*
 * What comes with each record, for who looks at it: a stack has little room. It
 * is one walk's at a time, and of one who gathers what the record says.
 */
struct ntfs_room {
    struct ntfs_walk walk;
    struct ntfs_info info;
    struct ntfs_reparse point;
};

/* Bytes of a record in memory, with its room, less those on the volume. */
#define NTFS_RECORD_HEAD (sizeof(struct ntfs_record) + sizeof(struct ntfs_room))

/* A B-tree: of a directory's names ("$I30"), or of something else. */
struct ntfs_index {
    uint64_t ino;               /* whose, for reports */
    uint64_t at;                /* byte of the volume, about: its root */
    bool names;                 /* it is one of names */
    bool branches;              /* it has more nodes than the root */
    unsigned checked;           /* enum ntfs_checked; atomic. If it is damaged
                                   nothing else counts */
    struct ntfs_stream root;    /* $INDEX_ROOT, resident */
    uint32_t block_size;        /* bytes of an index block */
    uint32_t vcn_shift;         /* a block's VCN counts units of 2^it bytes */
    uint64_t block_count;
    struct ntfs_stream blocks;  /* $INDEX_ALLOCATION; type 0: none */
    struct ntfs_stream bitmap;  /* which of them are in use; type 0: none */
};

/* How a file's data is to be had; see map.c. */
enum ntfs_layout {
    NTFS_LAYOUT_INLINE,         /* the vnode has it */
    NTFS_LAYOUT_CLUSTERS,
    NTFS_LAYOUT_UNITS,          /* in clusters, of compression units */
    NTFS_LAYOUT_WOF,
    NTFS_LAYOUT_EFS,            /* in clusters, encrypted, and shown so */
    NTFS_LAYOUT_SEALED,         /* likewise, and not shown */
    NTFS_LAYOUT_ELSEWHERE,      /* not on this volume, or not as data */
    NTFS_LAYOUT_LOST,           /* what tells of it is damaged */
};

struct ntfs_vnode {
    struct shale_vnode base;
    struct ntfs_info info;
    enum ntfs_layout layout;
    const char *elsewhere;      /* why, with that layout */
    struct ntfs_stream data;    /* of a file, or of one of its streams */
    struct ntfs_index *index;   /* of a directory; else NULL */
    struct ntfs_wof *wof;       /* data is packed by WOF; else NULL */
    struct ntfs_lately *lately; /* data has units: see compress.c; or NULL */
};

/*
 * Is ERR, which has been reported, about one part of a file, and the others are
 * to be shown all the same? What the device fails to read may be read another
 * time: that denies the file, unless `recover` says to make do.
 */
bool ntfs_is_damage(const struct ntfs_volume *vol, int err);

int ntfs_load(struct shale_vnode *vn);
void ntfs_evict(struct shale_vnode *vn);
int ntfs_getattr(struct shale_vnode *vn, struct shale_attr *out);
int ntfs_peek(struct shale_fs *fs, uint64_t ino, struct shale_attr *out);

/* Read the records of COUNT files ahead of looking at them; ahead.c. */
void ntfs_ahead(struct shale_fs *fs, const uint64_t *inos, size_t count);

/* ------------------------------------- map.c; for others, data.h */

int ntfs_map(struct shale_vnode *file, uint64_t offset, uint64_t len,
             struct shale_extent *out);
int ntfs_decode(struct shale_vnode *file, const struct shale_extent *extent,
                void *buf);

/* ---------------------------------------------------------- interix.c */

/*
 * INFO is of a file with the SYSTEM flag and no reparse point: if its unnamed
 * data makes it a special of Interix, set type, device and symlink_length.
 */
int ntfs_interix_load(struct ntfs_volume *vol, const struct ntfs_record *base,
                      struct ntfs_info *info);
/* As readlink, of a symlink that has no reparse_tag. */
int64_t ntfs_interix_readlink(struct shale_vnode *vn, char *buf, size_t size);

/* ------------------------------------------------------------ index.c */

/*
 * Load the index of names of BASE's file, a directory. With the option recover
 * one that is damaged is loaded as such: there is a way around it.
 */
int ntfs_index_load(struct ntfs_volume *vol, const struct ntfs_record *base,
                    struct ntfs_index **out);

/* The same for the index called NAME ("$SII", "$O"). SHALE_ENODATA if BASE's
   file has none. */
int ntfs_index_load_named(struct ntfs_volume *vol,
                          const struct ntfs_record *base,
                          const uint16_t *name, size_t len,
                          struct ntfs_index **out);
void ntfs_index_free(struct ntfs_volume *vol, struct ntfs_index *index);

/* Is what is sought below, at or above the LEN bytes of key at KEY? Negative,
   0, positive. */
typedef int ntfs_seek_fn(const void *sought, const uint8_t *key, size_t len);

/*
 * Copy the entry that SEEK answers 0 for to ENTRY, at most SIZE bytes of it,
 * its head (struct ntfs_disk_entry) included. Returns its whole length, or 0 if
 * there is none.
 */
int64_t ntfs_index_find(struct ntfs_volume *vol, const struct ntfs_index *index,
                        ntfs_seek_fn *seek, const void *sought, void *entry,
                        size_t size);

/* ----------------------------------------------------- lookup.c list.c */

int ntfs_lookup(struct shale_vnode *dir, const char *name, size_t len,
                uint64_t *ino);
int ntfs_parent(struct shale_vnode *dir, uint64_t *ino);
int ntfs_iterate(struct shale_vnode *dir, uint64_t cookie,
                 shale_emit_fn *emit, void *context);

/* ------------------------------------------------ special.c reparse.c */

/*
 * Type, mode, owner, device, reparse_tag and symlink_length of INFO, in which
 * number, is_directory, flags, has, security_id and size are known: by its
 * reparse point, its EAs, its descriptor and the mount options. BASE is its
 * record.
 */
int ntfs_special_load(struct ntfs_volume *vol, const struct ntfs_record *base,
                      struct ntfs_info *info);
int64_t ntfs_readlink(struct shale_vnode *vn, char *buf, size_t size);

/* ---------------------------------------------------------- streams.c */

/*
 * The named $DATA number ORDINAL, from 1 on, of BASE's file, opened in *OUT.
 * Returns 1, or 0 if it has not so many.
 */
int ntfs_streams_open(struct ntfs_volume *vol, const struct ntfs_record *base,
                      unsigned ordinal, struct ntfs_stream *out);

/* The same as a file of its own: INFO becomes that of it, and *DATA, unless it
   is NULL, is opened. SHALE_ESTALE if there is none. */
int ntfs_streams_load(struct ntfs_volume *vol, const struct ntfs_record *base,
                      unsigned ordinal, struct ntfs_info *info,
                      struct ntfs_stream *data);

/*
 * With the option streams_interface=windows: what "file:NAME" is, NAME being
 * LEN bytes of UTF-8 and the file what REFERENCE means. SHALE_ENOENT if it has
 * no such stream; without a NAME it is the file itself.
 */
int ntfs_streams_lookup(struct ntfs_volume *vol, uint64_t reference,
                        const char *name, size_t len, uint64_t *ino);

/* --------------------------------------------- xattr.c and the rest */

int64_t ntfs_getxattr(struct shale_vnode *vn, const char *name, void *buf,
                      size_t size);
int ntfs_listxattr(struct shale_vnode *vn,
                   int (*emit)(void *context, const char *name, size_t len),
                   void *context);
int ntfs_describe(struct shale_fs *fs, struct shale_describe *to);
int ntfs_statfs(struct shale_fs *fs, struct shale_statfs *out);

/* 100 ns units since 1601, as NTFS counts, in the VFS's terms. In node.c. */
struct shale_time ntfs_time(uint64_t units);

/* Open $Bitmap, which has a bit for each cluster. */
int ntfs_bitmap_open(struct ntfs_volume *vol, struct ntfs_stream *out);

/* Count what is set of the COUNT bits of STREAM from bit FIRST on. */
int ntfs_bits_count(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                    uint64_t first, uint64_t count, uint64_t *out);

/* Clusters that are in use by $Bitmap. */
int ntfs_clusters_used(struct ntfs_volume *vol, uint64_t *used);

/* Records that are in use by $MFT's bitmap. */
int ntfs_records_used(struct ntfs_volume *vol, uint64_t *used);

/* ... and clusters of one run after another, for one thread; usage.c. */
struct ntfs_usage;
int ntfs_usage_open(struct ntfs_volume *vol, struct ntfs_usage **out);
int ntfs_usage_count(struct ntfs_volume *vol, struct ntfs_usage *usage,
                     uint64_t lcn, uint64_t count, uint64_t *used);
void ntfs_usage_close(struct ntfs_volume *vol, struct ntfs_usage *usage);

/* ----------------------------------------------- scan.c deleted.c state.c */

/*
 * Call EACH with every record that the MFT has, in use or not, in the order in
 * which they lie on the device. Records that are damaged or have never been
 * used are passed over. A nonzero answer of EACH ends the scan and is returned.
 */
typedef int ntfs_scan_fn(void *context, const struct ntfs_record *record);
int ntfs_scan(struct ntfs_volume *vol, ntfs_scan_fn *each, void *context);

int ntfs_deleted(struct shale_fs *fs, shale_deleted_fn *emit, void *context);

/* What Windows has left in $LogFile. */
enum ntfs_log {
    NTFS_LOG_UNKNOWN,           /* damaged, or of a kind that we do not know */
    NTFS_LOG_EMPTY,             /* never used, or reset: as good as clean */
    NTFS_LOG_CLEAN,
    NTFS_LOG_UNCLEAN,           /* holds what the volume lacks */
};

/* ... and in hiberfil.sys. */
enum ntfs_sleep {
    NTFS_SLEEP_UNKNOWN,         /* that could not be read */
    NTFS_SLEEP_NONE,
    NTFS_SLEEP_HIBERNATED,      /* or shut down the fast way */
    NTFS_SLEEP_RESUMED,         /* ... and woken up since */
};

struct ntfs_state {
    uint16_t flags;             /* NTFS_VOLUME_... */
    enum ntfs_log log;
    uint16_t log_major, log_minor;      /* 0.0: not known */
    enum ntfs_sleep sleep;
};

/* Find out; fails with SHALE_ENOMEM only. fs->volume has to be set. */
int ntfs_state_load(struct ntfs_volume *vol, struct ntfs_state *out);

/* Has Windows let go of the volume as it should? */
bool ntfs_state_clean(const struct ntfs_state *state);

/*
 * The last step of a mount: warn, in one line, if Windows has not let go of the
 * volume as it should. Never stops a mount but by SHALE_ENOMEM.
 */
int ntfs_state_tell(struct ntfs_volume *vol);

#endif /* NTFS_NTFS_H */
