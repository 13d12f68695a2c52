/*
 * fat.h - a FAT volume in memory: what its boot sector and FSInfo said, how it
 * is mounted, and how its sectors are had
 *
 * What else the driver's files call on each other is in one header a concept:
 *
 *     chain.h    the FAT, and chains of clusters in it
 *     dirent.h   one entry of a directory, and its times
 *     name.h     names; with codepage.h and fold.h
 *     dir.h      directories, as slots and as files with names
 *     node.h     files: their numbers, and vnodes
 *     write.h    what only the writing half has
 *     extras.h   what only shale_fat has, and not shale_fat_small
 *
 * Raw bytes (disk.h) become native structs in one *_decode() each, which checks
 * what it can; after that they are believed. In all of these headers:
 *
 * Units   a cluster is known by its number, from 2; a place (`at`) is a byte of
 *         the volume; a slot is the index of a 32-byte entry in its directory
 * Errors  0 or a negative enum shale_err, unless a count or an answer of 1 and
 *         0 is described; SHALE_ECORRUPT has been reported through
 *         shale_corrupt() where it arose
 * Locking whoever holds the volume's lock shared may call what only reads: it
 *         changes nothing but what is marked as atomic, or published.
 *         What changes things needs the volume's lock exclusive
 */
#ifndef FAT32_FAT_H
#define FAT32_FAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/fs.h"

#include "disk.h"
#include "namehash.h"

struct fat_extras;
struct fat_moves;
struct fat_vnode;
struct fat_writer;
struct pair;
struct shale_codepage;

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
 * Decode the boot sector in the FAT_HEAD_SIZE bytes at HEAD; FORCE_BITS says
 * which type, 0 that it is found by the rules. Returns NULL, or which rule it
 * breaks, with the offset of the field in *FIELD.
 */
const char *fat_boot_decode(const uint8_t *head, unsigned force_bits,
                            struct fat_boot *out, uint32_t *field);

/* What can be seen of a boot sector at HEAD: the mark at its end; a jump, as
   programs for the PC or the Atari ST begin; that it is another format's. */
bool fat_head_is_signed(const uint8_t *head);
bool fat_head_has_jump(const uint8_t *head);
bool fat_head_is_other(const uint8_t *head);

/* ----------------------------------------------------------- rescue.c */

/* Is there nothing at HEAD where the BPB should be? */
bool fat_head_is_blank(const uint8_t *head);

/*
 * Make up the boot sector of a floppy of DOS 1, which has none that says
 * anything, in HEAD. False if no such floppy has SIZE bytes, and a FAT (512
 * bytes behind the beginning) that begins with those.
 */
bool fat_dos1x_make(uint64_t size, const uint8_t fat[3], uint8_t *head);

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

/* -------------------------------------------------------- describe.c */

/* As struct shale_fs_ops.describe. */
int fat_describe(struct shale_fs *fs, struct shale_describe *to);

#endif /* FAT32_FAT_H */
