/*
 * disk.h - the bytes of an ext2 volume
 *
 * Offsets and meanings are those of the kernel's "ext4 Data Structures and
 * Algorithms" and of Poirier's "The Second Extended File System". Wire
 * integers are little-endian whatever machine wrote the volume.
 *
 *     | boot | super | descriptors | bitmap bitmap | inode table | data ...
 *     0      1024    next block      group 0, then group 1, 2 ...
 */
#ifndef EXT2_DISK_H
#define EXT2_DISK_H

#include <stdint.h>

#include "le.h"

#define EXT2_SUPER_OFFSET      1024u    /* bytes, whatever the block size */
#define EXT2_SUPER_SIZE        1024u
#define EXT2_MAGIC             0xef53u
#define EXT2_MAX_LOG_BLOCK     6u       /* 1024 << 6 is 64 KiB */
#define EXT2_GOOD_OLD_REV      0u
#define EXT2_DYNAMIC_REV       1u      /* features, and sizes of inodes */
#define EXT2_GOOD_OLD_INODE    128u     /* bytes of an inode in revision 0 */
#define EXT2_GOOD_OLD_FIRST    11u      /* first inode not reserved there */
#define EXT2_MAX_INODE_SIZE    4096u

/* Inodes with a meaning; those below the 11th, or s_first_ino, are reserved. */
#define EXT2_BAD_INO           1u       /* lists bad blocks */
#define EXT2_ROOT_INO          2u
#define EXT2_RESIZE_INO        7u       /* owns the reserved descriptors */
#define EXT2_JOURNAL_INO       8u

/* s_state */
#define EXT2_STATE_VALID       0x1u     /* unmounted cleanly */
#define EXT2_STATE_ERRORS      0x2u     /* the kernel met errors */

/* s_flags */
#define EXT2_FLAG_SIGNED_HASH   0x1u
#define EXT2_FLAG_UNSIGNED_HASH 0x2u

/* s_feature_compat: an older driver may read and write */
#define EXT2_COMPAT_HAS_JOURNAL     0x0004u
#define EXT2_COMPAT_EXT_ATTR        0x0008u
#define EXT2_COMPAT_RESIZE_INODE    0x0010u
#define EXT2_COMPAT_DIR_INDEX       0x0020u
#define EXT2_COMPAT_SPARSE_SUPER2   0x0200u

/* s_feature_incompat: an older driver must not touch it */
#define EXT2_INCOMPAT_FILETYPE      0x0002u
#define EXT2_INCOMPAT_RECOVER       0x0004u
#define EXT2_INCOMPAT_META_BG       0x0010u
#define EXT2_INCOMPAT_EXTENTS       0x0040u
#define EXT2_INCOMPAT_64BIT         0x0080u
#define EXT2_INCOMPAT_MMP           0x0100u
#define EXT2_INCOMPAT_FLEX_BG       0x0200u
#define EXT2_INCOMPAT_EA_INODE      0x0400u
#define EXT2_INCOMPAT_CSUM_SEED     0x2000u
#define EXT2_INCOMPAT_LARGE_DIR     0x4000u
#define EXT2_INCOMPAT_INLINE_DATA   0x8000u
#define EXT2_INCOMPAT_ENCRYPT       0x10000u
#define EXT2_INCOMPAT_CASEFOLD      0x20000u

/* s_feature_ro_compat: an older driver may read */
#define EXT2_RO_COMPAT_SPARSE_SUPER 0x0001u
#define EXT2_RO_COMPAT_LARGE_FILE   0x0002u
#define EXT2_RO_COMPAT_BTREE_DIR    0x0004u     /* never used */
#define EXT2_RO_COMPAT_HUGE_FILE    0x0008u
#define EXT2_RO_COMPAT_DIR_NLINK    0x0020u
#define EXT2_RO_COMPAT_EXTRA_ISIZE  0x0040u
#define EXT2_RO_COMPAT_BIGALLOC     0x0200u

struct ext2_disk_super {
    le32 inodes_count;          /* 0x000 */
    le32 blocks_count;          /* 0x004  counted from block 0 */
    le32 reserved_blocks;       /* 0x008  for the superuser */
    le32 free_blocks;           /* 0x00c */
    le32 free_inodes;           /* 0x010 */
    le32 first_data_block;      /* 0x014  where group 0 begins */
    le32 log_block_size;        /* 0x018  block size is 1024 << this */
    le32 log_cluster_size;      /* 0x01c  as above; bigalloc only */
    le32 blocks_per_group;      /* 0x020 */
    le32 clusters_per_group;    /* 0x024 */
    le32 inodes_per_group;      /* 0x028 */
    le32 mtime;                 /* 0x02c  last mount */
    le32 wtime;                 /* 0x030  last write */
    le16 mount_count;           /* 0x034  since the last check */
    le16 max_mount_count;       /* 0x036 */
    le16 magic;                 /* 0x038 */
    le16 state;                 /* 0x03a */
    le16 errors;                /* 0x03c  what to do about errors */
    le16 minor_rev;             /* 0x03e */
    le32 last_check;            /* 0x040 */
    le32 check_interval;        /* 0x044 */
    le32 creator_os;            /* 0x048 */
    le32 rev_level;             /* 0x04c */
    le16 reserved_uid;          /* 0x050 */
    le16 reserved_gid;          /* 0x052 */

    /* From revision 1 on. */
    le32 first_ino;             /* 0x054  first inode not reserved */
    le16 inode_size;            /* 0x058 */
    le16 block_group_nr;        /* 0x05a  the group this copy is in */
    le32 compat;                /* 0x05c */
    le32 incompat;              /* 0x060 */
    le32 ro_compat;             /* 0x064 */
    uint8_t uuid[16];           /* 0x068 */
    char label[16];             /* 0x078  ends with NUL only if shorter */
    char last_mounted[64];      /* 0x088  likewise */
    le32 algorithms;            /* 0x0c8 */
    uint8_t prealloc_blocks;    /* 0x0cc */
    uint8_t prealloc_dir;       /* 0x0cd */
    le16 reserved_gdt_blocks;   /* 0x0ce  for growing the descriptors */
    uint8_t journal_uuid[16];   /* 0x0d0 */
    le32 journal_ino;           /* 0x0e0 */
    le32 journal_dev;           /* 0x0e4 */
    le32 last_orphan;           /* 0x0e8 */
    le32 hash_seed[4];          /* 0x0ec */
    uint8_t hash_version;       /* 0x0fc  for new directories */
    uint8_t journal_backup;     /* 0x0fd */
    le16 desc_size;             /* 0x0fe  with 64bit only */
    le32 mount_options;         /* 0x100 */
    le32 first_meta_bg;         /* 0x104  in blocks of descriptors */
    le32 mkfs_time;             /* 0x108 */
    le32 journal_blocks[17];    /* 0x10c  copy of the journal's inode: its
                                   pointers, size_high, size */
    uint8_t counts_high[12];    /* 0x150  with 64bit only */
    le16 min_extra_isize;       /* 0x15c  of every inode */
    le16 want_extra_isize;      /* 0x15e  of new ones */
    le32 flags;                 /* 0x160 */
    uint8_t unused1[48];        /* 0x164 */
    le32 error_count;           /* 0x194  times that something was corrupt */
    le32 first_error_time;      /* 0x198 */
    le32 first_error_ino;       /* 0x19c */
    le64 first_error_block;     /* 0x1a0 */
    char first_error_func[32];  /* 0x1a8  where it was noticed */
    le32 first_error_line;      /* 0x1c8 */
    le32 last_error_time;       /* 0x1cc  the same of the last one */
    le32 last_error_ino;        /* 0x1d0 */
    le32 last_error_line;       /* 0x1d4 */
    le64 last_error_block;      /* 0x1d8 */
    char last_error_func[32];   /* 0x1e0 */
    uint8_t unused4[76];        /* 0x200 */
    le32 backup_groups[2];      /* 0x24c  with sparse_super2 only */
    uint8_t unused2[32];        /* 0x254 */
    uint8_t wtime_high;         /* 0x274  bits 32 to 39 of the times above */
    uint8_t mtime_high;         /* 0x275 */
    uint8_t mkfs_time_high;     /* 0x276 */
    uint8_t last_check_high;    /* 0x277 */
    uint8_t first_error_time_high;      /* 0x278 */
    uint8_t last_error_time_high;       /* 0x279 */
    uint8_t unused3[390];       /* 0x27a */
};

_Static_assert(sizeof(struct ext2_disk_super) == EXT2_SUPER_SIZE,
               "ext2 superblock");

/* Block group descriptor: a table of these follows the superblock. */
struct ext2_disk_group {
    le32 block_bitmap;          /* 0x00  block holding the block bitmap */
    le32 inode_bitmap;          /* 0x04  block holding the inode bitmap */
    le32 inode_table;           /* 0x08  first block of the inode table */
    le16 free_blocks;           /* 0x0c */
    le16 free_inodes;           /* 0x0e */
    le16 used_dirs;             /* 0x10 */
    uint8_t reserved[14];       /* 0x12 */
};

_Static_assert(sizeof(struct ext2_disk_group) == 32, "ext2 group descriptor");

/* With 64bit descriptors are of this size or larger, and have at byte ... */
#define EXT2_DESC_SIZE_64  64u
#define EXT2_DESC_TABLE_HIGH  40u       /* ... the rest of inode_table. */

/* i_flags */
#define EXT2_INODE_SYNC        0x00000008u
#define EXT2_INODE_IMMUTABLE   0x00000010u
#define EXT2_INODE_APPEND      0x00000020u      /* grows, and nothing else */
#define EXT2_INODE_NODUMP      0x00000040u
#define EXT2_INODE_NOATIME     0x00000080u
#define EXT2_INODE_ENCRYPTED   0x00000800u
#define EXT2_INODE_INDEX       0x00001000u      /* directory has an htree */
#define EXT2_INODE_DIRSYNC     0x00010000u
#define EXT2_INODE_TOPDIR      0x00020000u      /* what is in it is unrelated */
#define EXT2_INODE_HUGE_FILE   0x00040000u      /* i_blocks counts blocks */
#define EXT2_INODE_EXTENTS     0x00080000u
#define EXT2_INODE_INLINE      0x10000000u

#define EXT2_INODE_MODIFIABLE  0x000380ffu      /* by chattr(1) */
#define EXT2_INODE_INHERITED   0x0001c0cfu      /* from the directory: not
                                   IMMUTABLE, APPEND or TOPDIR */

#define EXT2_DIRECT     12u     /* pointers to data blocks in the inode */
#define EXT2_POINTERS   15u     /* ... and to an indirect, double, triple */

/* The part of an inode that every volume has. */
struct ext2_disk_inode {
    le16 mode;                  /* 0x00 */
    le16 uid;                   /* 0x02 */
    le32 size;                  /* 0x04 */
    le32 atime;                 /* 0x08 */
    le32 ctime;                 /* 0x0c */
    le32 mtime;                 /* 0x10 */
    le32 dtime;                 /* 0x14  when it was deleted */
    le16 gid;                   /* 0x18 */
    le16 links;                 /* 0x1a */
    le32 blocks;                /* 0x1c  of 512 bytes, metadata included */
    le32 flags;                 /* 0x20 */
    le32 osd1;                  /* 0x24 */
    le32 block[EXT2_POINTERS];  /* 0x28  block map, target or device */
    le32 generation;            /* 0x64 */
    le32 acl_block;             /* 0x68  extended attributes */
    le32 size_high;             /* 0x6c  of regular files */
    le32 fragment;              /* 0x70 */
    le16 blocks_high;           /* 0x74  with huge_file, on Linux */
    le16 acl_block_high;        /* 0x76  with 64bit only */
    le16 uid_high;              /* 0x78 */
    le16 gid_high;              /* 0x7a */
    le32 osd2;                  /* 0x7c */
};

_Static_assert(sizeof(struct ext2_disk_inode) == EXT2_GOOD_OLD_INODE,
               "ext2 inode");

/* What follows it in larger inodes, EXTRA_ISIZE bytes of which are in use. */
struct ext2_disk_inode_extra {
    le16 extra_isize;           /* 0x80  this field included */
    le16 checksum_high;         /* 0x82 */
    le32 ctime_extra;           /* 0x84  nanoseconds << 2 | epoch */
    le32 mtime_extra;           /* 0x88 */
    le32 atime_extra;           /* 0x8c */
    le32 crtime;                /* 0x90  creation */
    le32 crtime_extra;          /* 0x94 */
};

_Static_assert(sizeof(struct ext2_disk_inode_extra) == 24, "ext2 inode, rest");

/* ... in new inodes: all fields that there are today, the last two unused. */
#define EXT2_EXTRA_ISIZE 32u

#define EXT2_NAME_MAX 255u      /* bytes of a file's name */

/* A directory record; NAME_LEN bytes of name follow, then slack to rec_len. */
struct ext2_disk_dirent {
    le32 inode;                 /* 0x00  0: not in use */
    le16 rec_len;               /* 0x04 */
    uint8_t name_len;           /* 0x06 */
    uint8_t file_type;          /* 0x07  with filetype only */
};

_Static_assert(sizeof(struct ext2_disk_dirent) == 8, "ext2 directory record");

/*
 * An extent tree (ext4). A node is a header, and behind it entries: at depth 0
 * extents, else pointers to nodes. The root is in place of the block map.
 */
struct ext2_disk_extent_header {
    le16 magic;                 /* 0x00 */
    le16 entries;               /* 0x02 */
    le16 room;                  /* 0x04  entries that it has room for */
    le16 depth;                 /* 0x06  of nodes below */
    le32 generation;            /* 0x08 */
};

struct ext2_disk_extent {
    le32 logical;               /* 0x00  its first block of the file; ... */
    le16 length;                /* 0x04  ... blocks. Past EXT2_EXTENT_WRITTEN:
                                   so many more than that, not written yet */
    le16 start_high;            /* 0x06 */
    le32 start;                 /* 0x08 */
};

struct ext2_disk_extent_index {
    le32 logical;               /* 0x00  likewise, of all below */
    le32 block;                 /* 0x04  that has the node */
    le16 block_high;            /* 0x08 */
    le16 unused;                /* 0x0a */
};

_Static_assert(sizeof(struct ext2_disk_extent_header) == 12, "extent header");
_Static_assert(sizeof(struct ext2_disk_extent) == 12, "extent");
_Static_assert(sizeof(struct ext2_disk_extent_index) == 12, "extent index");

#define EXT2_EXTENT_MAGIC    0xf30au
#define EXT2_EXTENT_WRITTEN  32768u
#define EXT2_EXTENT_DEPTH    5u /* enough for 2^32 blocks of 1 KiB */

/* In block 0 of an indexed directory, after the records of "." and "..". */
struct ext2_disk_htree_info {
    le32 reserved;              /* 0x00  0 */
    uint8_t hash_version;       /* 0x04 */
    uint8_t info_length;        /* 0x05  8 */
    uint8_t levels;             /* 0x06  of nodes between root and leaves */
    uint8_t flags;              /* 0x07  0 */
};

_Static_assert(sizeof(struct ext2_disk_htree_info) == 8, "ext2 htree info");

/* An index entry. The first one's hash field holds limit and count instead. */
struct ext2_disk_htree_entry {
    le32 hash;                  /* 0x00  least hash in the block; bit 0 set if
                                   the block before ends with the same hash */
    le32 block;                 /* 0x04  of the directory; low 28 bits */
};

struct ext2_disk_htree_count {
    le16 limit;                 /* 0x00  entries there is room for */
    le16 count;                 /* 0x02  entries in use, this one included */
};

_Static_assert(sizeof(struct ext2_disk_htree_entry) == 8, "ext2 htree entry");

#define EXT2_XATTR_MAGIC 0xea020000u

/* Start of a block of extended attributes; entries follow. */
struct ext2_disk_xattr_header {
    le32 magic;                 /* 0x00 */
    le32 refcount;              /* 0x04  inodes that share the block */
    le32 blocks;                /* 0x08  1 */
    le32 hash;                  /* 0x0c */
    le32 checksum;              /* 0x10 */
    uint8_t reserved[12];       /* 0x14 */
};

_Static_assert(sizeof(struct ext2_disk_xattr_header) == 32, "ext2 xattr block");

/* One attribute; NAME_LEN bytes of name follow, padded to 4. */
struct ext2_disk_xattr_entry {
    uint8_t name_len;           /* 0x00 */
    uint8_t name_index;         /* 0x01  which prefix the name has */
    le16 value_offset;          /* 0x02  from the block's start, or from the
                                   first entry in an inode's body */
    le32 value_inode;           /* 0x04  0, unless the value has an inode */
    le32 value_size;            /* 0x08 */
    le32 hash;                  /* 0x0c */
};

_Static_assert(sizeof(struct ext2_disk_xattr_entry) == 16, "ext2 xattr entry");

#endif /* EXT2_DISK_H */
