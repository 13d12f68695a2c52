/*
 * journal_disk.h - the bytes of a journal
 *
 * After the kernel's "ext4 Data Structures and Algorithms", chapter "Journal
 * (jbd2)". Unlike all else on the volume, a journal's integers are big-endian.
 *
 *     | superblock | descriptor  images ...  descriptor  images ..  commit | ..
 *     block 0      first
 *
 * From block `first` on the journal is a ring. A transaction is a series of
 * descriptors, each followed by the images of the blocks that it names, perhaps
 * of blocks of revocations, and at last a commit block: without that it did
 * not happen. All of a transaction carry its number, the next one's is one
 * more, and where that does not go on the log ends.
 */
#ifndef EXT2_JOURNAL_DISK_H
#define EXT2_JOURNAL_DISK_H

#include <stdint.h>

#define JOURNAL_MAGIC 0xc03b3998u

/* A journal of fewer blocks is none to e2fsck and to Linux. */
#define JOURNAL_MIN_BLOCKS 1024u

enum journal_type {
    JOURNAL_DESCRIPTOR = 1,
    JOURNAL_COMMIT = 2,
    JOURNAL_SUPER_V1 = 3,
    JOURNAL_SUPER_V2 = 4,
    JOURNAL_REVOKE = 5,
};

/* feature_compat */
#define JOURNAL_COMPAT_CHECKSUM 0x01u   /* commit blocks have one of it all */

/* feature_incompat */
#define JOURNAL_INCOMPAT_REVOKE       0x01u     /* has such blocks */
#define JOURNAL_INCOMPAT_64BIT        0x02u
#define JOURNAL_INCOMPAT_ASYNC_COMMIT 0x04u     /* no flush before a commit */
#define JOURNAL_INCOMPAT_CSUM_V2      0x08u
#define JOURNAL_INCOMPAT_CSUM_V3      0x10u
#define JOURNAL_INCOMPAT_FAST_COMMIT  0x20u

/* Flags of a tag, the name of a block in a descriptor. */
#define JOURNAL_TAG_ESCAPED   0x1u      /* the image began with the magic, and
                                           has zeros there instead */
#define JOURNAL_TAG_SAME_UUID 0x2u      /* no UUID follows the tag */
#define JOURNAL_TAG_DELETED   0x4u
#define JOURNAL_TAG_LAST      0x8u      /* of its descriptor */

#define JOURNAL_UUID_SIZE 16u

typedef struct { uint8_t b[2]; } be16;
typedef struct { uint8_t b[4]; } be32;

static inline uint16_t be16_get(be16 v)
{
    return (uint16_t)(v.b[0] << 8 | v.b[1]);
}

static inline uint32_t be32_get(be32 v)
{
    return (uint32_t)v.b[0] << 24 | (uint32_t)v.b[1] << 16 |
           (uint32_t)v.b[2] << 8 | (uint32_t)v.b[3];
}

static inline be16 be16_make(uint16_t x)
{
    return (be16){{ (uint8_t)(x >> 8), (uint8_t)x }};
}

static inline be32 be32_make(uint32_t x)
{
    return (be32){{ (uint8_t)(x >> 24), (uint8_t)(x >> 16),
                    (uint8_t)(x >> 8), (uint8_t)x }};
}

/* Every block of a journal that is no image begins so. */
struct journal_disk_header {
    be32 magic;                 /* 0x00 */
    be32 type;                  /* 0x04  enum journal_type */
    be32 sequence;              /* 0x08  the transaction's */
};

_Static_assert(sizeof(struct journal_disk_header) == 12, "journal header");

struct journal_disk_super {
    struct journal_disk_header header;          /* 0x00  no sequence */
    be32 block_size;            /* 0x0c */
    be32 blocks;                /* 0x10  of the journal, this one included */
    be32 first;                 /* 0x14  of the ring */
    be32 sequence;              /* 0x18  the first that is expected in the log,
                                   or the next one to be used */
    be32 start;                 /* 0x1c  block where the log begins; 0: empty */
    be32 error;                 /* 0x20  why the journal was given up */

    /* From version 2 on. */
    be32 compat;                /* 0x24 */
    be32 incompat;              /* 0x28 */
    be32 ro_compat;             /* 0x2c */
    uint8_t uuid[JOURNAL_UUID_SIZE];            /* 0x30 */
    be32 users;                 /* 0x40  volumes that use it */
    be32 dynamic_super;         /* 0x44 */
    be32 max_transaction;       /* 0x48 */
    be32 max_data;              /* 0x4c */
    uint8_t checksum_type;      /* 0x50 */
    uint8_t reserved1[3];       /* 0x51 */
    be32 fast_blocks;           /* 0x54  with fast_commit only */
    uint8_t reserved2[164];     /* 0x58 */
    be32 checksum;              /* 0xfc  of this struct, it being 0 */
    uint8_t user_uuids[768];    /* 0x100 */
};

_Static_assert(sizeof(struct journal_disk_super) == 1024, "journal superblock");

/* A tag. With 64BIT a be32, the high half of the number, follows. */
struct journal_disk_tag {
    be32 block;                 /* 0x00 */
    be16 checksum;              /* 0x04 */
    be16 flags;                 /* 0x06 */
};

_Static_assert(sizeof(struct journal_disk_tag) == 8, "journal tag");

/* With CSUM_V3 tags look like this, whatever else. */
struct journal_disk_tag3 {
    be32 block;                 /* 0x00 */
    be32 flags;                 /* 0x04 */
    be32 block_high;            /* 0x08 */
    be32 checksum;              /* 0x0c */
};

_Static_assert(sizeof(struct journal_disk_tag3) == 16, "journal tag, v3");

struct journal_disk_revoke {
    struct journal_disk_header header;
    be32 used;                  /* 0x0c  bytes, this struct included; block
                                   numbers follow, of 4 bytes, or 8 (64BIT) */
};

_Static_assert(sizeof(struct journal_disk_revoke) == 16, "journal revocations");

struct journal_disk_commit {
    struct journal_disk_header header;
    uint8_t checksum_type;      /* 0x0c  1: CRC-32, with COMPAT_CHECKSUM */
    uint8_t checksum_size;      /* 0x0d */
    uint8_t reserved[2];        /* 0x0e */
    be32 checksum;              /* 0x10 */
};

_Static_assert(sizeof(struct journal_disk_commit) == 20, "journal commit");

#endif /* EXT2_JOURNAL_DISK_H */
