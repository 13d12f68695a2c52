/*
 * disk.h - what NTFS looks like on the device
 *
 * From the documentation of the format by libfsntfs and by the Linux-NTFS
 * project, and from [MS-FSCC] for what Windows shows of it. All integers are
 * little-endian; offsets are in bytes.
 */
#ifndef NTFS_DISK_H
#define NTFS_DISK_H

#include "le.h"

#define NTFS_HEAD_SIZE      512u        /* of the boot sector, what counts */
#define NTFS_FIXUP_STRIDE   512u        /* bytes that one fixup guards */

/* Records of the MFT with a purpose of their own. */
enum ntfs_number {
    NTFS_MFT = 0,
    NTFS_MFTMIRR = 1,
    NTFS_LOGFILE = 2,
    NTFS_VOLUME = 3,
    NTFS_ATTRDEF = 4,
    NTFS_ROOT = 5,
    NTFS_BITMAP = 6,
    NTFS_BOOT = 7,
    NTFS_BADCLUS = 8,
    NTFS_SECURE = 9,            /* $Quota before NTFS 3.0 */
    NTFS_UPCASE = 10,
    NTFS_EXTEND = 11,
    NTFS_FIRST_USER = 16,       /* 12 to 15 are reserved, 16 to 23 unused */
};

enum ntfs_type {
    NTFS_STANDARD_INFORMATION = 0x10,
    NTFS_ATTRIBUTE_LIST = 0x20,
    NTFS_FILE_NAME = 0x30,
    NTFS_OBJECT_ID = 0x40,      /* $VOLUME_VERSION before NTFS 3.0 */
    NTFS_SECURITY_DESCRIPTOR = 0x50,
    NTFS_VOLUME_NAME = 0x60,
    NTFS_VOLUME_INFORMATION = 0x70,
    NTFS_DATA = 0x80,
    NTFS_INDEX_ROOT = 0x90,
    NTFS_INDEX_ALLOCATION = 0xa0,
    NTFS_BITMAP_ATTR = 0xb0,
    NTFS_REPARSE_POINT = 0xc0,  /* $SYMBOLIC_LINK before NTFS 3.0 */
    NTFS_EA_INFORMATION = 0xd0,
    NTFS_EA = 0xe0,
    NTFS_PROPERTY_SET = 0xf0,
    NTFS_LOGGED_UTILITY_STREAM = 0x100,
    NTFS_ATTR_END = -1,         /* 0xffffffff, after the last attribute */
};

struct ntfs_disk_boot {
    uint8_t jump[3];
    uint8_t oem[8];             /* "NTFS    " */
    le16 sector_size;
    uint8_t cluster_sectors;    /* above 128: 2^(256 - it) sectors */
    uint8_t unused1[26];
    le64 sectors;               /* of the volume, without the backup */
    le64 mft_cluster;
    le64 mirror_cluster;
    uint8_t record_clusters;    /* above 128: 2^(256 - it) bytes */
    uint8_t unused2[3];
    uint8_t index_clusters;     /* likewise */
    uint8_t unused3[3];
    le64 serial;
    le32 checksum;
    uint8_t code[426];
    le16 signature;             /* 0xaa55; not checked, as by Windows */
};

/* The head of what is written in several sectors and must be whole. */
struct ntfs_disk_multi {
    uint8_t magic[4];           /* "FILE", "INDX", "RCRD", "RSTR", "BAAD" */
    le16 fixup_offset;
    le16 fixup_count;           /* 16-bit units: the number, then originals */
    le64 lsn;
};

struct ntfs_disk_record {
    struct ntfs_disk_multi multi;
    le16 sequence;
    le16 links;                 /* names, DOS ones included */
    le16 attrs_offset;
    le16 flags;                 /* NTFS_RECORD_... */
    le32 used, allocated;       /* bytes */
    le64 base;                  /* 0, or of which this is an extension */
    le16 next_id;
    le16 unused;                /* from here on since NTFS 3.1 */
    le32 number;
};

#define NTFS_RECORD_IN_USE    0x0001u
#define NTFS_RECORD_DIRECTORY 0x0002u   /* it has an index of names */
#define NTFS_RECORD_EXTEND    0x0004u   /* it is in $Extend */
#define NTFS_RECORD_VIEW      0x0008u   /* it has other indexes */

struct ntfs_disk_attr {
    le32 type;
    le32 length;                /* bytes to the next */
    uint8_t non_resident;
    uint8_t name_length;        /* 16-bit units */
    le16 name_offset;
    le16 flags;                 /* NTFS_ATTR_... */
    le16 id;
};

#define NTFS_ATTR_COMPRESSION_MASK 0x00ffu      /* 1: LZNT1 */
#define NTFS_ATTR_ENCRYPTED        0x4000u
#define NTFS_ATTR_SPARSE           0x8000u

struct ntfs_disk_resident {
    struct ntfs_disk_attr head;
    le32 value_length;
    le16 value_offset;
    uint8_t indexed;
    uint8_t unused;
};

struct ntfs_disk_non_resident {
    struct ntfs_disk_attr head;
    le64 first_vcn, last_vcn;   /* clusters of the attribute in this piece */
    le16 runs_offset;
    le16 unit_shift;            /* a compression unit is 2^it clusters; or 0 */
    le32 unused;
    le64 allocated, size, initialized;  /* bytes; in the first piece only */
    le64 compressed;            /* bytes that it takes; only if unit_shift is
                                   not 0: runs_offset is past it then */
};

/* An entry of $ATTRIBUTE_LIST. */
struct ntfs_disk_list_entry {
    le32 type;
    le16 length;                /* bytes to the next */
    uint8_t name_length;        /* 16-bit units */
    uint8_t name_offset;
    le64 first_vcn;
    le64 record;                /* reference: where the attribute is */
    le16 id;
};

/* $STANDARD_INFORMATION: 48 bytes; 72 since NTFS 3.0. */
struct ntfs_disk_standard {
    le64 created, modified, changed, accessed;  /* 100 ns since 1601 */
    le32 flags;                 /* FILE_ATTRIBUTE_... */
    le32 max_versions, version, class_id;
    le32 owner_id, security_id; /* from here on since NTFS 3.0 */
    le64 quota, usn;
};

/* $FILE_NAME, and the key of an index of names. */
struct ntfs_disk_name {
    le64 parent;                /* reference */
    le64 created, modified, changed, accessed;
    le64 allocated, size;
    le32 flags;                 /* FILE_ATTRIBUTE_..., and NTFS_NAME_IS_... */
    le32 reparse_tag;           /* or, without one, the size of the EAs */
    uint8_t length;             /* 16-bit units */
    uint8_t space;              /* enum ntfs_name_space */
    /* the name */
};

#define NTFS_NAME_IS_DIRECTORY 0x10000000u
#define NTFS_NAME_IS_VIEW      0x20000000u

enum ntfs_name_space {
    NTFS_POSIX = 0, NTFS_WIN32 = 1, NTFS_DOS = 2, NTFS_WIN32_AND_DOS = 3,
};

/* The head of the entries of a node, in $INDEX_ROOT or an index block. */
struct ntfs_disk_node {
    le32 entries_offset;        /* from here */
    le32 used, allocated;       /* bytes, from here */
    uint8_t has_children;       /* bit 0 */
    uint8_t unused[3];
};

struct ntfs_disk_index_root {
    le32 type;                  /* of the attribute that is indexed, or 0 */
    le32 collation;             /* enum ntfs_collation */
    le32 block_size;            /* bytes of an index block */
    uint8_t block_clusters;
    uint8_t unused[3];
    struct ntfs_disk_node node;
};

enum ntfs_collation {
    NTFS_COLLATE_BINARY = 0,
    NTFS_COLLATE_FILE_NAME = 1,
    NTFS_COLLATE_UNICODE = 2,
    NTFS_COLLATE_ULONG = 0x10,
    NTFS_COLLATE_SID = 0x11,
    NTFS_COLLATE_SECURITY_HASH = 0x12,
    NTFS_COLLATE_ULONGS = 0x13,
};

struct ntfs_disk_index_block {
    struct ntfs_disk_multi multi;       /* "INDX" */
    le64 vcn;                   /* of this block in $INDEX_ALLOCATION */
    struct ntfs_disk_node node;
};

struct ntfs_disk_entry {
    le64 reference;             /* of what the name is of; or, in other indexes,
                                   le16 data offset, le16 data length, le32 */
    le16 length;                /* bytes to the next */
    le16 key_length;
    le16 flags;                 /* NTFS_ENTRY_... */
    le16 unused;
    /* the key; and, if it has a child, its VCN in the last 8 bytes */
};

#define NTFS_ENTRY_HAS_CHILD 0x0001u
#define NTFS_ENTRY_LAST      0x0002u    /* no key */

/* $VOLUME_INFORMATION */
struct ntfs_disk_volume {
    le64 unused;
    uint8_t major, minor;
    le16 flags;
};

#define NTFS_VOLUME_DIRTY         0x0001u
#define NTFS_VOLUME_RESIZE_LOG    0x0002u
#define NTFS_VOLUME_UPGRADE       0x0004u
#define NTFS_VOLUME_MOUNTED_NT4   0x0008u
#define NTFS_VOLUME_DELETE_USN    0x0010u
#define NTFS_VOLUME_REPAIR_IDS    0x0020u
#define NTFS_VOLUME_CHKDSK        0x4000u
#define NTFS_VOLUME_MODIFIED      0x8000u       /* by chkdsk */

/* FILE_ATTRIBUTE_..., [MS-FSCC] 2.6 */
#define NTFS_FILE_READONLY   0x00000001u
#define NTFS_FILE_HIDDEN     0x00000002u
#define NTFS_FILE_SYSTEM     0x00000004u
#define NTFS_FILE_DIRECTORY  0x00000010u
#define NTFS_FILE_ARCHIVE    0x00000020u
#define NTFS_FILE_NORMAL     0x00000080u    /* none; not kept on volumes */
#define NTFS_FILE_SPARSE     0x00000200u
#define NTFS_FILE_REPARSE    0x00000400u
#define NTFS_FILE_COMPRESSED 0x00000800u
#define NTFS_FILE_OFFLINE    0x00001000u
#define NTFS_FILE_ENCRYPTED  0x00004000u
#define NTFS_FILE_RECALL_ON_OPEN 0x00040000u
#define NTFS_FILE_RECALL_ON_DATA 0x00400000u

/* The head of $REPARSE_POINT's value, [MS-FSCC] 2.1.2. */
struct ntfs_disk_reparse {
    le32 tag;                   /* enum ntfs_tag */
    le16 length;                /* of what follows, but for a GUID */
    le16 unused;
    /* 16 bytes of GUID, if the tag is not Microsoft's; then the data */
};

/* What follows is whose: tags by [MS-FSCC] 2.1.2.1. */
#define NTFS_TAG_MICROSOFT   0x80000000u
#define NTFS_TAG_SURROGATE   0x20000000u        /* stands for another name */
#define NTFS_TAG_MOUNT_POINT 0xa0000003u
#define NTFS_TAG_HSM         0xc0000004u
#define NTFS_TAG_HSM2        0x80000006u
#define NTFS_TAG_SIS         0x80000007u
#define NTFS_TAG_SYMLINK     0xa000000cu
#define NTFS_TAG_DEDUP       0x80000013u
#define NTFS_TAG_NFS         0x80000014u
#define NTFS_TAG_WOF         0x80000017u
#define NTFS_TAG_WCI         0x80000018u
#define NTFS_TAG_CLOUD       0x9000001au        /* one of 16: | n << 12 */
#define NTFS_TAG_CLOUD_MASK  0xffff0fffu
#define NTFS_TAG_APPEXECLINK 0x8000001bu
#define NTFS_TAG_PROJFS      0x9000001cu
#define NTFS_TAG_LX_SYMLINK  0xa000001du
#define NTFS_TAG_STORAGE_SYNC 0x8000001eu
#define NTFS_TAG_ONEDRIVE    0x80000021u
#define NTFS_TAG_AF_UNIX     0x80000023u
#define NTFS_TAG_LX_FIFO     0x80000024u
#define NTFS_TAG_LX_CHR      0x80000025u
#define NTFS_TAG_LX_BLK      0x80000026u

/* What follows that of NTFS_TAG_WOF (wofapi.h, ntifs.h). */
struct ntfs_disk_wof {
    le32 version;               /* 1 */
    le32 provider;              /* enum ntfs_wof_provider */
    le32 file_version;          /* of NTFS_WOF_FILE from here on; 1 */
    le32 algorithm;             /* enum ntfs_wof_algorithm */
};

enum ntfs_wof_provider {
    NTFS_WOF_WIM = 1,           /* WIMBoot: the data is in an archive */
    NTFS_WOF_FILE = 2,          /* ... in the stream "WofCompressedData" */
};

enum ntfs_wof_algorithm {
    NTFS_WOF_XPRESS4K = 0,
    NTFS_WOF_LZX = 1,
    NTFS_WOF_XPRESS8K = 2,
    NTFS_WOF_XPRESS16K = 3,
};

/* A reference: where a record is, and which use of that is meant. */
#define NTFS_REFERENCE_NUMBER(ref)   ((ref) & UINT64_C(0xffffffffffff))
#define NTFS_REFERENCE_SEQUENCE(ref) ((uint16_t)((ref) >> 48))

#endif /* NTFS_DISK_H */
