/*
 * types.h - what files look like from outside, whatever the format
 */
#ifndef SHALE_TYPES_H
#define SHALE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Longest name of one directory entry of any format, in bytes of UTF-8: 255
 * characters. A volume's own limit is in struct shale_statfs.
 */
#define SHALE_NAME_MAX 1020u

/* Longest path and symlink target followed, in bytes. */
#define SHALE_PATH_MAX 4096u

enum shale_type {
    SHALE_TYPE_UNKNOWN,
    SHALE_TYPE_FILE,
    SHALE_TYPE_DIR,
    SHALE_TYPE_SYMLINK,
    SHALE_TYPE_CHAR,
    SHALE_TYPE_BLOCK,
    SHALE_TYPE_FIFO,
    SHALE_TYPE_SOCKET,
};

/* POSIX file mode: the type in the high bits, in numbers every Unix shares. */
#define SHALE_S_IFMT   0170000u
#define SHALE_S_IFSOCK 0140000u
#define SHALE_S_IFLNK  0120000u
#define SHALE_S_IFREG  0100000u
#define SHALE_S_IFBLK  0060000u
#define SHALE_S_IFDIR  0040000u
#define SHALE_S_IFCHR  0020000u
#define SHALE_S_IFIFO  0010000u
#define SHALE_S_ISUID  0004000u
#define SHALE_S_ISGID  0002000u
#define SHALE_S_ISVTX  0001000u

enum shale_type shale_type_of_mode(uint32_t mode);

/* UTC since 1970, nanoseconds from 0 to 999,999,999. */
struct shale_time {
    int64_t sec;
    uint32_t nsec;
};

struct shale_attr {
    uint64_t ino;
    uint64_t size;              /* bytes; a symlink's is its target's length */
    uint64_t allocated;         /* bytes on the volume, metadata included */
    uint32_t mode;              /* type and permissions */
    uint32_t uid, gid;
    uint32_t links;
    uint32_t rdev_major, rdev_minor;    /* of devices; else 0 */
    uint32_t generation;
    uint32_t flags;             /* the format's own inode flags */
    uint32_t block_size;        /* preferred unit of I/O, bytes */
    struct shale_time atime, mtime, ctime;
    struct shale_time btime;    /* birth; all zero if not recorded */
};

/* What a new file is to be. */
struct shale_node {
    uint32_t mode;              /* type and permissions */
    uint32_t umask;             /* permissions to take off, unless the directory
                                   has a default ACL, which then says */
    uint32_t uid, gid;
    uint32_t rdev_major, rdev_minor;    /* of devices */
    const char *target;         /* of symlinks, not terminated; else NULL */
    size_t target_len;          /* bytes, 1 to SHALE_PATH_MAX - 1 */
};

#define SHALE_SET_MODE  0x01u   /* the permissions; the type stays */
#define SHALE_SET_UID   0x02u
#define SHALE_SET_GID   0x04u
#define SHALE_SET_FLAGS 0x08u
#define SHALE_SET_ATIME 0x10u
#define SHALE_SET_MTIME 0x20u
#define SHALE_SET_CTIME 0x40u   /* without it, ctime becomes the time now */
#define SHALE_SET_BTIME 0x80u
#define SHALE_SET_NOW   0x100u  /* these times are the time now: what has come
                                   of a use of the file, and nobody's choice */
#define SHALE_SET_WRITTEN 0x200u        /* the file's data changes: so its
                                   capabilities go, append-only as it may be */

struct shale_setattr {
    unsigned valid;             /* which of these: SHALE_SET_..., or-ed */
    uint32_t mode;
    uint32_t uid, gid;
    uint32_t flags;             /* the format's own inode flags */
    struct shale_time atime, mtime, ctime, btime;
};

/* Longest volume label of any format, in bytes of UTF-8. */
#define SHALE_LABEL_MAX 128u

#define SHALE_FORMAT_NONE UINT32_MAX    /* of what 0 would be "choose" */

/* What mkfs is to make. Zero means "choose", unless said otherwise. */
struct shale_format {
    const char *label;          /* UTF-8, terminated; NULL for none */
    struct shale_time now;      /* for what has times */
    uint32_t block_size;        /* bytes of a cluster or block */
    uint32_t sector_size;       /* bytes; 0: 512 or the device's */
    struct shale_describe *plan;        /* not NULL: nothing is written, and
                                   this is told what would be made */

    /* FAT. */
    uint64_t id;                /* volume id, serial number; 0 is 0 */
    int32_t zone;               /* seconds that local time is ahead of UTC, for
                                   formats that keep local time */
    uint64_t hidden;            /* bytes of the disk before the volume */
    uint32_t reserved;          /* sectors before the first FAT */
    uint32_t fat_bits;          /* 12, 16, 32 */
    uint32_t fat_count;
    uint32_t root_entries;      /* of FAT12 and FAT16 */
    uint8_t media;              /* descriptor; 0: 0xf8 */
    bool no_align;              /* do not align data to clusters */

    /* ext2. */
    uint8_t uuid[16];           /* 0 is 0 */
    uint8_t hash_seed[16];      /* of indexed directories; 0 is 0 */
    const char *features;       /* changes to the usual set, as mke2fs(8)'s -O:
                                   "has_journal,^resize_inode"; or NULL */
    uint32_t inode_size;        /* bytes; 0: 256 */
    uint32_t inode_ratio;       /* bytes of the volume for each inode */
    uint32_t inodes;            /* how many at least; 0: by the ratio */
    uint32_t files;             /* that there must be inodes for: more, unless
                                   ratio or number were said, than usual */
    uint32_t group_blocks;      /* blocks of a group; 0: as many as can be */
    uint32_t spare;             /* blocks for root alone, hundredths of a
                                   percent; 0: 500; SHALE_FORMAT_NONE */
    uint64_t journal_size;      /* bytes, with has_journal; 0: by size */
    uint32_t root_uid, root_gid;        /* owner of the root directory */
};

struct shale_statfs {
    uint64_t blocks, blocks_free, blocks_available;     /* of block_size */
    uint64_t files, files_free;
    uint32_t block_size;        /* bytes */
    uint32_t name_max;          /* bytes */
    uint64_t id;                /* from the volume's UUID or serial number */
};

enum shale_extent_kind {
    SHALE_EXTENT_DATA,          /* bytes at .device on the volume */
    SHALE_EXTENT_HOLE,          /* reads as zeros; nothing allocated */
    SHALE_EXTENT_UNWRITTEN,     /* allocated at .device, reads as zeros */
    SHALE_EXTENT_INLINE,        /* lives in metadata: the driver copies it */
    SHALE_EXTENT_ENCODED,       /* compressed: the driver decodes whole units */
};

struct shale_extent {           /* all in bytes */
    uint64_t offset, length, device;
    enum shale_extent_kind kind;
};

/* Most bytes of one that has to be copied or decoded whole. */
#define SHALE_UNIT_MAX ((uint64_t)1 << 20)

struct shale_dirent {
    const char *name;           /* UTF-8, not terminated; gone after the call */
    size_t len;                 /* bytes, 1 to SHALE_NAME_MAX */
    uint64_t ino;
    uint64_t next;              /* the cookie to go on after this entry */
    enum shale_type type;       /* UNKNOWN if the directory does not say */
    const struct shale_attr *attr;      /* NULL: not asked for, or unreadable */
    uint32_t generation;        /* of the file that is meant; 0: not said */
};

/*
 * Takes one entry. 0 to go on; anything else stops the iteration, which
 * returns it: the entry then counts as not taken.
 */
typedef int shale_emit_fn(void *context, const struct shale_dirent *entry);

/* A file that is deleted, and of which the volume still knows something. */
struct shale_deleted {
    uint64_t ino;               /* as long as nobody writes to the volume */
    const char *name;           /* UTF-8, not terminated; gone after the call */
    size_t len;                 /* bytes; 0: its name is not known */
    uint64_t parent;            /* the directory it was in, which may be deleted
                                   too; 0: not known */
    enum shale_type type;
    uint64_t size;              /* bytes */
    uint64_t allocated;         /* bytes of the volume that its data took */
    uint64_t lost;              /* ... of which so many are others' by now */
    struct shale_time mtime;
};

/* Takes one. 0 to go on; anything else stops the walk, which returns it. */
typedef int shale_deleted_fn(void *context, const struct shale_deleted *file);

#ifdef __cplusplus
}
#endif

#endif /* SHALE_TYPES_H */
