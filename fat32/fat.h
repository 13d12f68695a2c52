/*
 * fat.h - a FAT volume in memory, and what the driver's files call on each
 * other
 *
 * Raw bytes (disk.h) become the structs here in one *_decode() each, which
 * checks what it can; after that they are believed.
 *
 * Units   a cluster is known by its number, from 2; a place (`at`) is a byte of
 *         the volume; a slot is the index of a 32-byte entry in its directory
 * Errors  0 or a negative enum shale_err, unless a count or an answer of 1 and
 *         0 is described; SHALE_ECORRUPT has been reported through
 *         shale_corrupt() where it arose
 * Locking whoever holds the volume's lock shared may call what only reads: it
 *         changes nothing but what is marked as atomic, or published, below.
 *         What changes things needs the volume's lock exclusive
 */
#ifndef FAT32_FAT_H
#define FAT32_FAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/codepage.h"
#include "shale/fs.h"
#include "shale/once.h"

#include "disk.h"
#include "namehash.h"
#include "pair.h"

struct fat_extras;
struct fat_moves;
struct fat_vnode;
struct fat_writer;

#define FAT_ROOT_INO        1u
#define FAT_NAME_BYTES      765u        /* of a long name as UTF-8, at most */
#define FAT_SIZE_MAX        0xffffffffu /* bytes of a file */

/* What any device writes as a whole, however large its sectors are. */
#define FAT_ATOM_SHIFT      9u

/* --------------------------------------------------------- the volume */

/* The boot sector, decoded and checked. */
struct fat_boot {
    unsigned bits;              /* of a FAT entry: 12, 16 or 32 */
    uint32_t sector_size, sector_shift;         /* bytes, and the logarithm */
    uint32_t cluster_size, cluster_shift;
    uint32_t cluster_sectors;
    uint32_t cluster_count;     /* the last one is 1 higher */
    uint32_t data_sector;       /* where cluster 2 begins */
    uint32_t sectors;           /* of the volume */
    uint32_t reserved;          /* sectors before the first FAT */
    uint32_t fat_sectors;       /* of one FAT */
    uint32_t fat_count;
    uint32_t fat_active;        /* the one to read, from 0 */
    uint32_t fat_first, fat_end;        /* those to write, up to before end */
    bool fat_mirrored;          /* that is all; else only fat_active */
    uint32_t root_sector;       /* of the root of a fixed size, and ... */
    uint32_t root_entries;      /* ... its entries; 0 on FAT32 */
    uint32_t root_cluster;      /* of FAT32's root; else 0 */
    uint32_t info_sector;       /* of the FSInfo; 0: none */
    uint32_t backup_sector;     /* of the boot sector's copy; 0: none */

    uint64_t at;                /* where it was read from */
    uint32_t hidden;            /* for describe() only */
    uint32_t track_sectors, heads;
    uint8_t media, drive;
    uint8_t oem[8];

    uint32_t ext_at;            /* byte of the boot sector where the extended
                                   BPB is, if it has an id; else 0 */
    bool has_label;             /* label counts */
    uint8_t state;              /* FAT_STATE_..., as found at mount; where
                                   ext_at is 0, none */
    uint32_t id;
    uint8_t label[11];
};

/* The FSInfo as it was found at mount. */
struct fat_info {
    bool valid;                 /* its signatures are there */
    uint32_t free_count;        /* clusters, at most cluster_count; or
                                   FAT_INFO_UNKNOWN */
    uint32_t next_free;         /* a cluster; or FAT_INFO_UNKNOWN */
};

/* Mount options, of which each is a bit: by the place of its name, option.c. */
enum fat_flag {
    FAT_QUIET         = 1 << 0, /* what cannot be set is not an error */
    FAT_SHOWEXEC      = 1 << 1, /* x for .EXE, .COM and .BAT only */
    FAT_SYS_IMMUTABLE = 1 << 2, /* attribute S forbids changes */
    FAT_RODIR         = 1 << 3, /* attribute R of a directory too does */
    FAT_NONUMTAIL     = 1 << 4, /* a short name that is unique without gets no
                                   ~1 */
    FAT_USEFREE       = 1 << 5, /* believe the FSInfo, clean or not */

    /* What shortname says. */
    FAT_SHOW_LOWER    = 1 << 6, /* short names in lower case, all of them */
    FAT_SHOW_NT       = 1 << 7, /* ... or as NT's flags say */
    FAT_CREATE_NT     = 1 << 8, /* a name all in one case gets those flags, and
                                   not a long name */
};

/* The mount options. */
struct fat_options {
    const struct shale_codepage *codepage;      /* of short names */
    unsigned flags;             /* FAT_..., or-ed */
    bool utc;                   /* times are UTC plus utc_offset ... */
    int32_t utc_offset;         /* ... seconds; else the host's local time */
    unsigned force_bits;        /* 12, 16, 32, whatever the count says; or 0 */
};

/* A mounted volume: struct shale_fs.volume points here. */
struct fat_volume {
    struct shale_fs *fs;
    struct fat_writer *writer;  /* the writing half's own; NULL: read-only */
    const struct fat_extras *extras;    /* or NULL; see extras.h */
    struct fat_moves *moves;    /* see moved.c; NULL: nothing moved yet */
    struct fat_vnode *root;     /* in memory as long as the volume is mounted */
    uint32_t free_clusters;     /* counted, or FAT_INFO_UNKNOWN; atomic. A
                                   volume that can be written keeps it up */
    uint32_t block_size;        /* of the buffer cache: a sector's, which is
                                   what a device writes as a whole; larger if
                                   nothing will be written */
    uint32_t block_sectors;     /* a power of two, ... */
    uint32_t block_extra;       /* ... and its logarithm */
    struct fat_options options;
    struct shale_slab *sets;    /* struct fat_set, for fat_set_get() */
    struct pair *owners;        /* whose a first cluster is; see owner.c */
    uint32_t owner_count;
    struct pair *zones;         /* what the host said of its zone; see time.c */
    struct fat_boot boot;
    struct fat_info info;
    bool was_dirty;             /* at mount, in the boot sector or the FAT: */
    bool had_errors;            /* both stay on the volume */
    struct namehash_budget names;       /* of all directories' tables */
};

static inline struct fat_volume *fat_volume_of(const struct shale_fs *fs)
{
    return fs->volume;
}

static inline bool fat_is_cluster(const struct fat_volume *vol,
                                  uint32_t cluster)
{
    return cluster >= FAT_FIRST_CLUSTER &&
           cluster - FAT_FIRST_CLUSTER < vol->boot.cluster_count;
}

/* The byte at which SECTOR begins. */
static inline uint64_t fat_sector_at(const struct fat_volume *vol,
                                     uint32_t sector)
{
    return (uint64_t)sector * vol->boot.sector_size;
}

/* The sector, and the byte, at which CLUSTER begins. */
static inline uint32_t fat_cluster_sector(const struct fat_volume *vol,
                                          uint32_t cluster)
{
    return vol->boot.data_sector +
           (cluster - FAT_FIRST_CLUSTER) * vol->boot.cluster_sectors;
}

static inline uint64_t fat_cluster_at(const struct fat_volume *vol,
                                      uint32_t cluster)
{
    return fat_sector_at(vol, fat_cluster_sector(vol, cluster));
}

/* The clusters that SIZE bytes take. */
static inline uint32_t fat_clusters_of(const struct fat_volume *vol,
                                       uint32_t size)
{
    return (size >> vol->boot.cluster_shift) +
           ((size & (vol->boot.cluster_size - 1)) != 0);
}

/* ------------------------------------------------------------ place.c */

/* Sectors of the volume, in a block that is pinned. */
struct fat_view {
    struct shale_buf *buf;
    uint8_t *bytes;             /* of the first one */
    uint32_t first, count;
};

/*
 * Pin the block with SECTOR, which is one of the COUNT from FIRST on, all of
 * which will be read soon. The view is of those of them that the block has.
 */
int fat_view_get(struct fat_volume *vol, uint32_t sector, uint32_t first,
                 uint32_t count, struct fat_view *out);

/* Something on the volume, in a block that is pinned. */
struct fat_spot {
    struct shale_buf *buf;
    uint8_t *raw;
};

/* Pin the block with byte AT of the volume. */
int fat_spot_get(struct fat_volume *vol, uint64_t at, struct fat_spot *out);

/* The byte of the volume that RAW, in BUF, is. */
uint64_t fat_place_of(const struct fat_volume *vol,
                      const struct shale_buf *buf, const uint8_t *raw);

/* ------------------------------------------------------------- boot.c */

/* Do the first LEN bytes of a volume look like FAT? */
bool fat_probe(const uint8_t *head, size_t len);

/* The same, where nothing needs to be rescued for it (rescue.c). */
bool fat_probe_sound(const uint8_t *head, size_t len);

/*
 * Read and check the boot sector of VOL, whose options are known; or find
 * another way to what it says. From a copy the volume is read-only:
 * fs->read_only is set.
 */
int fat_boot_load(struct fat_volume *vol);

/*
 * Make up the boot sector of a floppy of DOS 1, which has none that says
 * anything, in HEAD. False if no such floppy has SIZE bytes, and a FAT (512
 * bytes behind the beginning) that begins with those.
 */
bool fat_dos1x_make(uint64_t size, const uint8_t fat[3], uint8_t *head);

/*
 * Decode the boot sector in the FAT_HEAD_SIZE bytes at HEAD; FORCE_BITS says
 * which type, 0 that it is found by the rules. Returns NULL, or which rule it
 * breaks, with the offset of the field in *FIELD.
 */
const char *fat_boot_decode(const uint8_t *head, unsigned force_bits,
                            struct fat_boot *out, uint32_t *field);

/* ------------------------------------------------------------- info.c */

/* Read the FSInfo, and the marks in FAT entry 1, into VOL. */
int fat_info_load(struct fat_volume *vol);

/* The free clusters: as counted, believed from the FSInfo, or counted now. */
int fat_info_free(struct fat_volume *vol, uint32_t *out);

/* ----------------------------------------------------------- option.c */

/* Names of mount options, then NULL. */
extern const char *const fat_option_names[];

/* As in struct fat_extras. */
int fat_options_load(struct shale_fs *fs, struct fat_options *out);

/* ------------------------------------------------------------ table.c */

/* Values of FAT entries, whatever their width. The rest are clusters. */
#define FAT_FREE 0u
#define FAT_BAD  0x0ffffff7u
#define FAT_END  0x0fffffffu

/* The sector at which FAT number COPY begins. */
static inline uint32_t fat_table_sector(const struct fat_volume *vol,
                                        uint32_t copy)
{
    return vol->boot.reserved + copy * vol->boot.fat_sectors;
}

/* Keeps the block last looked at pinned; zero one to begin with. */
struct fat_cursor {
    struct shale_buf *buf;
    const uint8_t *bytes;       /* in it, of a FAT: ... */
    uint32_t from, count;       /* ... which of that, and how many */
};

void fat_cursor_put(struct fat_cursor *cursor);

/*
 * The entry of CLUSTER (0 and 1 too): FAT_FREE, FAT_BAD, FAT_END, or a number
 * that is a cluster if fat_is_cluster(). From another FAT if the first cannot
 * be read.
 */
int fat_table_get(struct fat_volume *vol, struct fat_cursor *cursor,
                  uint32_t cluster, uint32_t *out);

/* The same, but the bits as they are: for entries 0 and 1. */
int fat_table_raw(struct fat_volume *vol, struct fat_cursor *cursor,
                  uint32_t cluster, uint32_t *out);

/* The byte of a FAT at which the entry of CLUSTER begins. */
static inline uint32_t fat_table_byte(const struct fat_volume *vol,
                                      uint32_t cluster)
{
    return cluster * (vol->boot.bits / 4) / 2;
}

/*
 * The entry of CLUSTER whose bytes begin at RAW, as they are: two bytes of
 * FAT12 and FAT16, four of FAT32; and what VALUE means, see above.
 */
uint32_t fat_table_decode(const struct fat_volume *vol, uint32_t cluster,
                          const uint8_t *raw);
uint32_t fat_table_meaning(const struct fat_volume *vol, uint32_t value);

/* Where on the device that is, in the FAT being read. */
uint64_t fat_table_at(const struct fat_volume *vol, uint32_t cluster);

/* The mark in entry 1 that all was written; FAT12 has no room for marks. */
static inline uint32_t fat_table_clean_bit(const struct fat_volume *vol)
{
    return vol->boot.bits == 16 ? 0x8000u : 0x08000000u;
}

/* Is that entry, of FAT12, in two atoms, so that it changes in two parts? */
bool fat_table_straddles(const struct fat_volume *vol, uint32_t cluster);

/*
 * Stores how many of the COUNT clusters from FIRST on are free, and clears
 * their bits in BITS, unless that is NULL: bit 0 is FIRST's. Clusters of FAT12
 * whose entries are in two sectors do not count: they are not used, see
 * space.c.
 */
int fat_table_free(struct fat_volume *vol, uint32_t first, uint32_t count,
                   uint32_t *bits, uint32_t *out);

/* ------------------------------------------------------------ chain.c */

/* Clusters of a file that lie in a row. */
struct fat_run {
    uint32_t index;             /* which of the file's the first one is */
    uint32_t cluster;
    uint32_t count;
};

#define FAT_UNKNOWN 0xffffffffu
#define FAT_CHAIN_INLINE 2u
#define FAT_CHAIN_PARTS 20u

/* A file's chain of clusters, and what is known of it; see chain.c. */
struct fat_chain {
    uint64_t ino;               /* whose, for reports */
    uint32_t first;             /* cluster; 0: there is none */
    uint32_t length;            /* clusters, or FAT_UNKNOWN; atomic. Once known
                                   it counts, whatever the FAT says */
    uint32_t last;              /* the last of them; published by length */

    uint32_t run_count;         /* atomic */
    uint32_t loop_mark;         /* a cluster of it, to be met in a loop */
    uint32_t loop_index;        /* ... that is number so much; or FAT_UNKNOWN */
    uint32_t busy;              /* somebody is adding runs; atomic */
    struct fat_run near[FAT_CHAIN_INLINE];
    struct fat_run *far[FAT_CHAIN_PARTS];
};

/* CHAIN is file INO's, from FIRST on (0: none); no more is known yet. */
void fat_chain_init(struct fat_chain *chain, uint64_t ino, uint32_t first);

/* Release its memory. */
void fat_chain_fini(struct fat_volume *vol, struct fat_chain *chain);

/* As fini and init. */
void fat_chain_reset(struct fat_volume *vol, struct fat_chain *chain,
                     uint32_t first);

/*
 * The run that begins with cluster INDEX of the file; of at least 1 cluster
 * and, if that costs nothing, of more than WANT. Returns 1, or 0 if the chain
 * ends before.
 */
int fat_chain_find(struct fat_volume *vol, struct fat_chain *chain,
                   uint32_t index, uint32_t want, struct fat_run *out);

/* Walk CHAIN to its end: length and last are known then. */
int fat_chain_measure(struct fat_volume *vol, struct fat_chain *chain);

/*
 * Note that the COUNT clusters from CLUSTER on follow CHAIN, whose length is
 * known. In memory only, and never fails; its undo is a cut.
 */
void fat_chain_append(struct fat_volume *vol, struct fat_chain *chain,
                      uint32_t cluster, uint32_t count);

/*
 * Note that CHAIN has LENGTH clusters, no more than before, from now on, of
 * which the last is LAST (0 and 0: none, and first is 0 then). In memory only;
 * its undo is an append, or a reset.
 */
void fat_chain_cut(struct fat_volume *vol, struct fat_chain *chain,
                   uint32_t length, uint32_t last);

/* ------------------------------------------------------------- time.c */

/* A moment as an entry has it: local time. */
struct fat_stamp {
    uint16_t date, time;        /* 7/4/5 and 5/6/5 bits; date 0: not noted */
    uint8_t tenth;              /* 10 ms, 0 to 199 */
};

#define FAT_ZONES 64u           /* pairs at vol->zones */

/* 1970 for a stamp that was not noted. */
void fat_time_decode(const struct fat_volume *vol,
                     const struct fat_stamp *stamp, struct shale_time *out);

/* Rounded down to 10 ms, and into 1980 to 2107. */
void fat_time_encode(const struct fat_volume *vol,
                     const struct shale_time *time, struct fat_stamp *out);

/* The same for second SEC and nanosecond NSEC of what is local time already. */
struct fat_stamp fat_stamp_make(int64_t sec, uint32_t nsec);

/* ----------------------------------------------------------- dirent.c */

/* A short entry, native. */
struct fat_entry {
    uint8_t name[11];           /* as on the volume, 0x05 for 0xe5 included */
    uint8_t attr;               /* FAT_ATTR_... */
    uint8_t lower;              /* FAT_LOWER_... */
    uint32_t cluster;           /* unchecked */
    uint32_t size;              /* bytes; of directories 0 */
    struct fat_stamp created;
    struct fat_stamp written;   /* its tenth is 0 */
    uint16_t accessed;          /* date */
};

void fat_entry_decode(const struct fat_volume *vol,
                      const struct fat_disk_entry *raw, struct fat_entry *out);

/*
 * Store all of ENTRY in *RAW. On FAT12 and FAT16 the cluster's high half is
 * not: others keep something else there.
 */
void fat_entry_encode(const struct fat_volume *vol,
                      const struct fat_entry *entry,
                      struct fat_disk_entry *raw);

enum fat_slot {
    FAT_SLOT_END,               /* free, and so is all that follows */
    FAT_SLOT_FREE,
    FAT_SLOT_LONG,              /* a piece of a long name */
    FAT_SLOT_LABEL,             /* the volume's label */
    FAT_SLOT_DOTS,              /* "." or ".." */
    FAT_SLOT_FILE,              /* a file or a directory */
};

/* What the FAT_ENTRY_SIZE bytes at RAW are. */
enum fat_slot fat_slot_kind(const uint8_t *raw);

/* The checksum of a short NAME, which ties long entries to it. */
uint8_t fat_checksum(const uint8_t name[11]);

/* Store piece ORDER (from 1) of the LEN units of NAME in *RAW. */
void fat_long_encode(const uint16_t *name, uint32_t len, uint32_t order,
                     uint8_t checksum, struct fat_disk_long *raw);

/* The FAT_LONG_UNITS units of a piece, whatever they are. */
void fat_long_decode(const struct fat_disk_long *raw, uint16_t *out);

/* The pieces that LEN units take. */
static inline uint32_t fat_long_pieces(uint32_t len)
{
    return (len + FAT_LONG_UNITS - 1) / FAT_LONG_UNITS;
}

/* --------------------------------------------------- codepage.c, fold.c */

/* Code page NUMBER, 437 or one of PAGES (or NULL), a list; or NULL. */
const struct shale_codepage *
fat_codepage_find(const struct shale_codepage *const *pages, uint64_t number);
uint32_t fat_codepage_number(const struct shale_codepage *page);

/*
 * Decode the character that begins the LEN (at least 1) bytes at BYTES into
 * *UNIT. Returns its bytes, 1 or 2. What the page does not have becomes U+FFFD.
 */
size_t fat_codepage_decode(const struct shale_codepage *page,
                           const uint8_t *bytes, size_t len, uint16_t *unit);

/* The bytes of UNIT, 1 or 2, stored in OUT; 0 if the page does not have it. */
size_t fat_codepage_encode(const struct shale_codepage *page, uint16_t unit,
                           uint8_t out[2]);

/* UNIT without its case / in upper case, of the whole BMP. */
uint16_t fat_fold(uint16_t unit);
uint16_t fat_upper(uint16_t unit);

/* ------------------------------------------------------------- name.c */

/* Are they the same but for case? */
bool fat_name_equal(const uint16_t *a, size_t a_len, const uint16_t *b,
                    size_t b_len);

/* A hash that is the same for names that are equal so. */
uint32_t fat_name_hash(const uint16_t *name, size_t len);

/*
 * Decode the LEN bytes of a file's NAME into OUT, of FAT_LONG_MAX units: the
 * dots that end it are nothing. Returns its units, or an error.
 */
int fat_name_units(const char *name, size_t len, uint16_t *out);

/* LEN without the dots (and SPACES, if asked) that end NAME. */
size_t fat_name_strip(const uint16_t *name, size_t len, bool spaces);

#define FAT_SHORT_UNITS 12u     /* 8, a dot, 3 */

/*
 * The name that a short entry shows, by the options, in the FAT_SHORT_UNITS
 * units at OUT. Returns its length; 0 if it is empty, as no name may be.
 */
size_t fat_short_decode(const struct fat_volume *vol,
                        const struct fat_entry *entry, uint16_t *out);

/* The same as it is kept, but for what LOWER, FAT_LOWER_..., says. */
size_t fat_short_units(const struct fat_volume *vol, const uint8_t name[11],
                       uint8_t lower, uint16_t *out);

/* The same for a label: 11 bytes without a dot. */
size_t fat_label_decode(const struct fat_volume *vol, const uint8_t label[11],
                        uint16_t *out);

/* ---------------------------------------------------------- longname.c */

/* The pieces of a long name read so far; zero to begin with. */
struct fat_pieces {
    uint32_t left;              /* orders still to come before the entry */
    uint32_t count;             /* of all; 0: there is no name */
    uint32_t slot;              /* of the first one read */
    uint8_t checksum;
};

/*
 * Take a piece, found at SLOT, into NAME, of FAT_LONG_MAX + 1 units; a name
 * that it breaks is dropped.
 */
void fat_pieces_add(struct fat_pieces *pieces, const uint8_t *bytes,
                    uint32_t slot, uint16_t *name);

/*
 * The entry with SHORT_NAME follows: the length of the long name that is in
 * NAME, or 0 if it has none that is sound.
 */
uint32_t fat_pieces_end(const struct fat_pieces *pieces,
                        const uint8_t short_name[11], const uint16_t *name);

/* As fat_short_decode(), but never "." or "..". */
uint32_t fat_short_shown(const struct fat_volume *vol,
                         const struct fat_entry *entry, uint16_t *out);

/* -------------------------------------------------------------- dir.c */

/*
 * One file as a directory has it: its entry, with the pieces of the long name
 * before it if they are sound and belong to it. Taken with fat_set_get(), for
 * it is too large for a stack.
 */
struct fat_set {
    uint32_t slot;              /* the first one of it */
    uint32_t count;             /* slots, 1 to 21; the last: the short entry */
    uint64_t at;                /* place of the short entry */
    struct fat_entry entry;
    bool is_long;               /* the name is the long one; else as shown */
    uint32_t len;               /* units */
    uint16_t name[FAT_LONG_MAX + 1];
};

/* One, of any content, or NULL; and back, which takes NULL. */
struct fat_set *fat_set_get(struct fat_volume *vol);
void fat_set_put(struct fat_volume *vol, struct fat_set *set);

/* A walk over the slots of a directory. */
struct fat_walk {
    struct fat_vnode *dir;
    struct fat_run run;         /* clusters of DIR around the next slot */
    uint32_t next;              /* slot */
    struct shale_buf *buf;      /* block of the last one */
    uint8_t *raw;               /* where the next one is in it ... */
    uint32_t left;              /* ... if this is not 0: slots from there on */
};

/* Start at SLOT of DIR. What a walk has pinned, stop releases. */
void fat_walk_start(struct fat_walk *walk, struct fat_vnode *dir,
                    uint32_t slot);
void fat_walk_stop(struct fat_walk *walk);

/*
 * The next slot's FAT_ENTRY_SIZE bytes, in walk->buf, and its number, free or
 * not, to the end of what is allocated. Returns 1, 0 or an error.
 */
int fat_walk_slot(struct fat_walk *walk, const uint8_t **raw, uint32_t *slot);

/* The next file. Returns 1 and fills *OUT, 0 at the end, or an error. */
int fat_walk_next(struct fat_walk *walk, struct fat_set *out);

/*
 * The file whose set begins at SLOT of DIR. Returns 1 and fills *OUT, 0 if none
 * does, or an error.
 */
int fat_set_read(struct fat_vnode *dir, uint32_t slot, struct fat_set *out);

/*
 * Pin the block with SLOT of DIR. Returns 1, or 0 if SLOT is past what is
 * allocated.
 */
int fat_dir_slot(struct fat_vnode *dir, uint32_t slot, struct fat_spot *out);

/* The slots that are allocated to DIR. */
int fat_dir_slots(struct fat_vnode *dir, uint32_t *out);

/* As struct shale_fs_ops.iterate. */
int fat_dir_iterate(struct fat_vnode *dir, uint64_t cookie,
                    shale_emit_fn *emit, void *context);

/* ------------------------------------------------------------ names.c */

/*
 * Find the LEN units of NAME, long or short, in DIR: exactly so, or else in
 * another case, and stores what it is in *OUT. SHALE_ENOENT.
 */
int fat_dir_find(struct fat_vnode *dir, const uint16_t *name, size_t len,
                 struct fat_set *out);

/* As struct shale_fs_ops.lookup. */
int fat_dir_lookup(struct fat_vnode *dir, const char *name, size_t len,
                   uint64_t *ino);

/*
 * SET has come to DIR, or gone: note that, if DIR has a table of its names. If
 * it cannot be noted, the table is dropped and a later search makes a new one;
 * which may be asked for, too.
 */
void fat_names_add(struct fat_vnode *dir, const struct fat_set *set);
void fat_names_remove(struct fat_vnode *dir, const struct fat_set *set);
void fat_names_forget(struct fat_vnode *dir);

/* ------------------------------------------------------------ moved.c */

/*
 * A file's number is the place of its short entry / 32 + 16, unless it has
 * been moved, or somebody who moved has that number: then it is noted here.
 */
#define FAT_INO_FRESH ((uint64_t)1 << 48)

static inline uint64_t fat_ino_natural(uint64_t at)
{
    return at / FAT_ENTRY_SIZE + 16;
}

/* The number of the file whose entry is at AT. */
uint64_t fat_ino_of(const struct fat_volume *vol, uint64_t at);

/* Where the entry of number INO (not the root) is; false if none can be. */
bool fat_ino_place(const struct fat_volume *vol, uint64_t ino, uint64_t *at);

/*
 * Note that the file numbered INO has its entry at AT from now on: its last
 * place is forgotten, and who else was noted at AT is. SHALE_ENOMEM, but not
 * where it only undoes what others of these calls did since the last purge.
 */
int fat_moved_enter(struct fat_volume *vol, uint64_t ino, uint64_t at);

/* Forget what is noted of INO. */
void fat_moved_leave(struct fat_volume *vol, uint64_t ino);

/* Store a number that no file of this mount has had. SHALE_ENOMEM. */
int fat_moved_fresh(struct fat_volume *vol, uint64_t *out);

/* Forget those whose numbers belong to no vnode in memory: ops->purge. */
void fat_moved_purge(struct fat_volume *vol);

/* Free the lot. */
void fat_moved_fini(struct fat_volume *vol);

/* ------------------------------------------------------------ owner.c */

#define FAT_OWNERS_MAX 2048u    /* pairs at vol->owners; a power of two */
#define FAT_OWNERS_MIN 64u

/*
 * Note that the directory whose entry is at AT begins with CLUSTER. If another
 * entry, still there, says so too: SHALE_ECORRUPT, for the two would be one
 * directory, perhaps within itself.
 */
int fat_owner_claim(struct fat_volume *vol, uint32_t cluster, uint64_t at);

/* The place of the entry of the directory that begins with CLUSTER; or 0. */
uint64_t fat_owner_find(struct fat_volume *vol, uint32_t cluster);

/* The directory that begins with CLUSTER is no more. */
void fat_owner_forget(struct fat_volume *vol, uint32_t cluster);

/* ------------------------------------------------------------- node.c */

/* What a batch has done so far to the chain of a file; see grow.c. */
struct fat_growth {
    uint64_t batch;             /* in which it grew, ... */
    uint32_t from;              /* ... having had so many clusters before */
    bool hidden;                /* the link to the new ones goes to the device
                                   when they are there */
};

/*
 * Where to look for room in a directory: before slot at[N - 1] there is no gap
 * of N slots (for the last one: of that many or more).
 */
#define FAT_GAP_SIZES 8u
struct fat_gaps {
    uint32_t at[FAT_GAP_SIZES];
    uint64_t late_batch;        /* in which slots were freed late; 0: none */
};

struct fat_vnode {
    struct shale_vnode base;
    struct fat_chain chain;     /* chain.first is entry.cluster */
    union {
        struct {
            struct fat_entry entry;     /* the root's is all zero but for the
                                           cluster */
            uint64_t at;        /* its place; 0: the root, or no name is left */
        };
        uint64_t kept[6];       /* the two, for undo: see fat_vnode_note() */
    };

    /* Of a directory; atomic, for readers share them. */
    uint32_t hint;              /* slot after the name found last */
    uint32_t names_asked;       /* a search took long: the next one makes ... */
    struct shale_once names_made;   /* ... a table, unless DIR is damaged, or
                                   there is no memory: then never */
    struct namehash *names;     /* the table; or NULL */

    /* The writing half's; zero at load. */
    struct fat_growth growth;
    struct fat_gaps gaps;       /* of a directory */
};

_Static_assert(offsetof(struct fat_vnode, at) + sizeof(uint64_t) <=
                   offsetof(struct fat_vnode, kept) + 6 * sizeof(uint64_t),
               "kept has all that is undone");

static inline struct fat_vnode *fat_vnode_of(struct shale_vnode *base)
{
    return (struct fat_vnode *)base;
}

/*
 * Pin the block of the short entry at AT. SHALE_ESTALE if no directory can be
 * there, or no file is.
 */
int fat_entry_get(struct fat_volume *vol, uint64_t at, struct fat_spot *out);

/* The same, decoded. */
int fat_entry_load(struct fat_volume *vol, uint64_t at, struct fat_entry *out);

/* The mode that a file with ENTRY is shown to have. */
uint32_t fat_entry_mode(const struct fat_volume *vol,
                        const struct fat_entry *entry);

/* As struct shale_fs_ops.load, .getattr, .peek, .map and .parent. */
int fat_node_load(struct shale_vnode *base);
int fat_node_getattr(struct shale_vnode *base, struct shale_attr *out);
int fat_node_peek(struct shale_fs *fs, uint64_t ino, struct shale_attr *out);
int fat_node_map(struct shale_vnode *base, uint64_t offset, uint64_t len,
            struct shale_extent *out);
int fat_node_parent(struct shale_vnode *base, uint64_t *ino);

/*
 * Where the LEN bytes of VN at OFFSET are, to its chain's end: the first
 * extent, which may be longer. Returns 1, 0 if the chain ends before, or an
 * error.
 */
int fat_extent_find(struct fat_vnode *vn, uint32_t offset, uint32_t len,
                 struct shale_extent *out);

/* The extent of RUN of some file, but for the first INTO bytes. */
void fat_run_extent(const struct fat_volume *vol, const struct fat_run *run,
                    uint32_t into, struct shale_extent *out);

/* Report that VN breaks rule WHAT, by its entry. */
int fat_node_corrupt(const struct fat_vnode *vn, const char *what);

/* ... that its chain ends before the file does. */
int fat_chain_short(const struct fat_vnode *vn);

/*
 * As much of a vnode as a walk needs, for the directory that begins with
 * CLUSTER (0: the root), when there is none at hand. Or NULL; and back, which
 * takes NULL.
 */
struct fat_vnode *fat_dir_borrow(struct fat_volume *vol, uint32_t cluster);
void fat_dir_return(struct fat_volume *vol, struct fat_vnode *dir);

/* ------------------------------------------------ describe.c, xattr.c */

/*
 * The label that the root directory has: its slot, and entry. Returns 1, 0 or
 * an error.
 */
int fat_label_find(struct fat_vnode *root, uint32_t *slot,
                   struct fat_entry *out);

/* As struct shale_fs_ops.describe, .getxattr, .listxattr and .setxattr. */
int fat_describe(struct shale_fs *fs, struct shale_describe *to);
int64_t fat_xattr_get(struct shale_vnode *base, const char *name, void *buf,
                      size_t size);
int fat_xattr_list(struct shale_vnode *base,
                   int (*emit)(void *context, const char *name, size_t len),
                   void *context);
int fat_xattr_set(struct shale_vnode *base, const char *name,
                  const void *value, size_t size);

#endif /* FAT32_FAT_H */
