/*
 * disk.h - the bytes of a FAT volume
 *
 * Offsets and meanings are those of Microsoft's "FAT: General Overview of
 * On-Disk Format", version 1.03 (the "FAT spec"), and of ECMA-107. Wire
 * integers are little-endian.
 *
 *     | reserved: boot sector, | FAT 1 | FAT 2 ... | root, of a fixed | data
 *     | FSInfo, backups        |       |           | size; not FAT32  | ...
 *     0                        reserved sectors                  cluster 2
 */
#ifndef FAT32_DISK_H
#define FAT32_DISK_H

#include <stdint.h>

#include "le.h"

#define FAT_HEAD_SIZE       512u        /* bytes of a boot sector that matter */
#define FAT_SECTOR_MIN      512u
#define FAT_SECTOR_MAX      4096u
#define FAT_CLUSTER_MAX     (256u << 10)
#define FAT_FIRST_CLUSTER   2u

/* Volumes of fewer clusters are FAT12, FAT16; the rest FAT32. */
#define FAT12_CLUSTERS      4085u
#define FAT16_CLUSTERS      65525u
#define FAT32_CLUSTERS      0x0ffffff5u /* as many as fit below FAT_BAD */

/* Where FAT32 usually has what the boot sector says the places of. */
#define FAT_INFO_SECTOR     1u
#define FAT_BACKUP_SECTOR   6u          /* the copies of boot sector, FSInfo */

/* ------------------------------------------------------- boot sector */

#define FAT_SIGNATURE       0xaa55u     /* at byte 510, where there is one */
#define FAT_SIGNATURE_AT    510u
#define FAT_EXT_ID_LABEL    0x29u       /* id, label and type are there */
#define FAT_EXT_ID          0x28u       /* the id alone is */

/* The state byte of the extended BPB, where NT keeps its marks. */
#define FAT_STATE_DIRTY     0x01u
#define FAT_STATE_ERRORS    0x02u

/* What follows the part of the BPB that all types share. */
struct fat_disk_ext {
    uint8_t drive;              /* 0x00  for the BIOS */
    uint8_t state;              /* 0x01  FAT_STATE_... */
    uint8_t signature;          /* 0x02  FAT_EXT_ID_LABEL */
    le32 id;                    /* 0x03  serial number */
    uint8_t label[11];          /* 0x07  in the OEM code page */
    uint8_t type[8];            /* 0x12  "FAT16   "; means nothing */
};

_Static_assert(sizeof(struct fat_disk_ext) == 26, "extended BPB");

struct fat_disk_boot {
    uint8_t jump[3];            /* 0x000 */
    uint8_t oem[8];             /* 0x003  who formatted it */
    le16 sector_size;           /* 0x00b  bytes */
    uint8_t cluster_sectors;    /* 0x00d  a power of two */
    le16 reserved;              /* 0x00e  sectors before the first FAT */
    uint8_t fat_count;          /* 0x010 */
    le16 root_entries;          /* 0x011  0 on FAT32 */
    le16 sectors16;             /* 0x013  of the volume; 0: see sectors32 */
    uint8_t media;              /* 0x015 */
    le16 fat_sectors16;         /* 0x016  of one FAT; 0 on FAT32 */
    le16 track_sectors;         /* 0x018 */
    le16 heads;                 /* 0x01a */
    le32 hidden;                /* 0x01c  sectors of the disk before it */
    le32 sectors32;             /* 0x020 */
    union {
        struct fat_disk_ext fat16;      /* 0x024  FAT12 and FAT16 */
        struct {
            le32 fat_sectors;   /* 0x024  of one FAT */
            le16 flags;         /* 0x028  FAT_FLAGS_... */
            le16 version;       /* 0x02a  0 */
            le32 root_cluster;  /* 0x02c */
            le16 info;          /* 0x030  sector of the FSInfo */
            le16 backup;        /* 0x032  sector of the boot sector's copy */
            uint8_t reserved[12];       /* 0x034 */
            struct fat_disk_ext ext;    /* 0x040 */
        } fat32;
    } u;
    uint8_t code[420];          /* 0x05a */
    le16 signature;             /* 0x1fe  FAT_SIGNATURE */
};

_Static_assert(sizeof(struct fat_disk_boot) == FAT_HEAD_SIZE, "boot sector");

/* Extended flags of FAT32: bit 7 set, only the FAT of that number is kept. */
#define FAT_FLAGS_ACTIVE    0x000fu
#define FAT_FLAGS_ONE       0x0080u

/* ------------------------------------------------------------ FSInfo */

#define FAT_INFO_LEAD       0x41615252u
#define FAT_INFO_STRUCT     0x61417272u
#define FAT_INFO_TRAIL      0xaa550000u
#define FAT_INFO_UNKNOWN    0xffffffffu

struct fat_disk_info {
    le32 lead;                  /* 0x000  FAT_INFO_LEAD */
    uint8_t reserved1[480];     /* 0x004 */
    le32 structure;             /* 0x1e4  FAT_INFO_STRUCT */
    le32 free_count;            /* 0x1e8  clusters; a hint */
    le32 next_free;             /* 0x1ec  cluster to search from; a hint */
    uint8_t reserved2[12];      /* 0x1f0 */
    le32 trail;                 /* 0x1fc  FAT_INFO_TRAIL */
};

_Static_assert(sizeof(struct fat_disk_info) == 512, "FSInfo");

/* ------------------------------------------------- directory entries */

#define FAT_ENTRY_SIZE      32u
#define FAT_DIR_ENTRIES     65536u      /* of one directory, at most */

/* The first byte of the name. */
#define FAT_NAME_END        0x00u       /* no entry here, nor behind */
#define FAT_NAME_FREE       0xe5u
#define FAT_NAME_E5         0x05u       /* the name begins with 0xe5 */

#define FAT_ATTR_READ_ONLY  0x01u
#define FAT_ATTR_HIDDEN     0x02u
#define FAT_ATTR_SYSTEM     0x04u
#define FAT_ATTR_LABEL      0x08u
#define FAT_ATTR_DIR        0x10u
#define FAT_ATTR_ARCHIVE    0x20u
#define FAT_ATTR_LONG       0x0fu       /* of a piece of a long name ... */
#define FAT_ATTR_LONG_MASK  0x3fu       /* ... by these bits */

/* NT's flags: how to show a name that is kept in upper case. */
#define FAT_LOWER_BASE      0x08u
#define FAT_LOWER_EXT       0x10u

struct fat_disk_entry {
    uint8_t name[11];           /* 0x00  8 and 3, spaces behind */
    uint8_t attr;               /* 0x0b */
    uint8_t lower;              /* 0x0c  FAT_LOWER_... */
    uint8_t create_tenth;       /* 0x0d  10 ms, 0 to 199 */
    le16 create_time;           /* 0x0e */
    le16 create_date;           /* 0x10 */
    le16 access_date;           /* 0x12 */
    le16 cluster_high;          /* 0x14  FAT32 only */
    le16 write_time;            /* 0x16 */
    le16 write_date;            /* 0x18 */
    le16 cluster_low;           /* 0x1a  first one; 0: none */
    le32 size;                  /* 0x1c  bytes; 0 in directories */
};

_Static_assert(sizeof(struct fat_disk_entry) == FAT_ENTRY_SIZE, "entry");

#define FAT_LONG_LAST       0x40u       /* in order: the name's last piece */
#define FAT_LONG_ORDER      0x1fu
#define FAT_LONG_UNITS      13u         /* of UTF-16 in one piece */
#define FAT_LONG_PIECES     20u         /* at most */
#define FAT_LONG_MAX        255u        /* units of a long name */

/* Pieces stand before the short entry, the last one first. */
struct fat_disk_long {
    uint8_t order;              /* 0x00  from 1, with FAT_LONG_LAST */
    le16 units1[5];             /* 0x01 */
    uint8_t attr;               /* 0x0b  FAT_ATTR_LONG */
    uint8_t type;               /* 0x0c  0 */
    uint8_t checksum;           /* 0x0d  of the short entry's name */
    le16 units2[6];             /* 0x0e */
    le16 cluster;               /* 0x1a  0 */
    le16 units3[2];             /* 0x1c */
};

_Static_assert(sizeof(struct fat_disk_long) == FAT_ENTRY_SIZE, "long entry");

#endif /* FAT32_DISK_H */
