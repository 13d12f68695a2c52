/*
 * check.h - the ext2, ext3 and ext4 checker, and what its files call on each
 * other
 *
 *      checker.c   the table of the checker; the order of everything
 *      layout.c    which group has what at its beginning
 *      super.c     superblock: fields, features
 *      backup.c    copies of the superblock and of descriptors
 *      decode.c    bytes of superblock, descriptors and inodes, decoded
 *      group.c     descriptors: where metadata lies
 *      inode.c     the scan of the inode tables
 *      node.c      one inode
 *      walk.c      blocks claimed, whatever leads to them
 *      reserved.c  inodes with a meaning, and what of them must be there
 *      map.c       block maps: direct, indirect, double, triple
 *      extent.c    extent trees
 *      file.c      what came of one file's blocks: size, i_blocks
 *      rival.c     nodes that several lead to: who gets them
 *      shared.c    blocks that several have: who with whom
 *      bitmap.c    bitmaps and counts of what is free
 *      journal.c   the journal's inode and superblock
 *      resize.c    the resize inode
 *      quota.c     what users have, and what files of quotas say: see quota.h
 *      mmp.c       the block that tells who has the volume in use
 *
 *      symlink.c   targets
 *      xattr.c     attributes in inodes and in blocks: see xattr.h
 *      dir.c       directory blocks and their records: see tree.h
 *      htree.c     indexes of directories
 *      names.c     two entries of one name
 *      connect.c   parents, what cannot be reached, lost+found
 *      link.c      counts of links
 *      orphan.c    the list of inodes without a name, and the file of them
 *      path.c      paths of inodes
 *
 * It runs in the order that e2fsck(8) calls passes 0 to 5, reading each piece
 * of metadata once:
 *
 *      0   superblock, descriptors: metadata's own blocks are claimed
 *      1   inode tables, from end to end; what inodes point at is claimed, and
 *          gathered in queues: pointer blocks, extent nodes, blocks of
 *          attributes, directories
 *      1b  only if blocks were claimed twice: once more, who they are
 *      2   directory blocks, in the volume's order; names counted
 *      3   directories that cannot be reached
 *      4   counts of links
 *      5   bitmaps and free counts, against what was claimed
 *
 * Unlike the driver's, its numbers of blocks have 64 bits, and nothing that it
 * decodes is refused: what cannot be believed is told and left out.
 */
#ifndef EXT2_CHECK_CHECK_H
#define EXT2_CHECK_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/check.h"
#include "ext2/disk.h"
#include "le.h"

/* ----------------------------------------------------------------- codes */

enum {
#define CODE(id, name, severity, sentence, meaning, danger) EXT2_CHECK_##id,
#include "ext2/check/codes.def"
#undef CODE
    EXT2_CHECK_CODES
};
extern const struct shale_check_code ext2_check_codes[EXT2_CHECK_CODES];

/* -------------------------------------------------------------- features */

/* Those that the driver does not know; the rest is in ext2/disk.h. */
#define EXT2_COMPAT_DIR_PREALLOC    0x0001u
#define EXT2_COMPAT_IMAGIC_INODES   0x0002u
#define EXT2_COMPAT_FAST_COMMIT     0x0400u
#define EXT2_COMPAT_STABLE_INODES   0x0800u
#define EXT2_COMPAT_ORPHAN_FILE     0x1000u

#define EXT2_INCOMPAT_COMPRESSION   0x0001u
#define EXT2_INCOMPAT_JOURNAL_DEV   0x0008u
#define EXT2_INCOMPAT_EXTENTS       0x0040u
#define EXT2_INCOMPAT_64BIT         0x0080u
#define EXT2_INCOMPAT_MMP           0x0100u
#define EXT2_INCOMPAT_FLEX_BG       0x0200u
#define EXT2_INCOMPAT_EA_INODE      0x0400u
#define EXT2_INCOMPAT_DIRDATA       0x1000u
#define EXT2_INCOMPAT_CSUM_SEED     0x2000u
#define EXT2_INCOMPAT_INLINE_DATA   0x8000u
#define EXT2_INCOMPAT_ENCRYPT       0x10000u
#define EXT2_INCOMPAT_CASEFOLD      0x20000u

#define EXT2_RO_COMPAT_GDT_CSUM     0x0010u
#define EXT2_RO_COMPAT_QUOTA        0x0100u
#define EXT2_RO_COMPAT_METADATA_CSUM 0x0400u
#define EXT2_RO_COMPAT_READONLY     0x1000u
#define EXT2_RO_COMPAT_PROJECT      0x2000u
#define EXT2_RO_COMPAT_SHARED_BLOCKS 0x4000u
#define EXT2_RO_COMPAT_VERITY       0x8000u
#define EXT2_RO_COMPAT_ORPHAN_PRESENT 0x10000u

/* i_flags, likewise. */
#define EXT2_INODE_COMPRESSED       0x00000200u
#define EXT2_INODE_ENCRYPTED        0x00000800u
#define EXT2_INODE_IMAGIC           0x00002000u
#define EXT2_INODE_VERITY           0x00100000u
#define EXT2_INODE_EA_INODE         0x00200000u
#define EXT2_INODE_SNAPFILE         0x01000000u
#define EXT2_INODE_PROJINHERIT      0x20000000u
#define EXT2_INODE_CASEFOLD         0x40000000u

/* i_mode's type; shifted right by 12 it is what ext2_check_info keeps. */
#define EXT2_S_IFMT   0xf000u
#define EXT2_S_IFIFO  0x1000u
#define EXT2_S_IFCHR  0x2000u
#define EXT2_S_IFDIR  0x4000u
#define EXT2_S_IFBLK  0x6000u
#define EXT2_S_IFREG  0x8000u
#define EXT2_S_IFLNK  0xa000u
#define EXT2_S_IFSOCK 0xc000u

#define EXT2_OS_LINUX 0u
#define EXT2_OS_HURD  1u

/* bg_flags */
#define EXT2_GROUP_INODE_UNINIT 0x1u    /* no inode is in use; the bitmap may
                                           be anything */
#define EXT2_GROUP_BLOCK_UNINIT 0x2u    /* only metadata is in use; likewise */
#define EXT2_GROUP_ZEROED       0x4u    /* the inode table's rest is zero */

/* -------------------------------------------------------------- geometry */

/* The superblock that is believed: whatever it says fits together. */
struct ext2_check_super {
    uint64_t at;                /* byte of the volume it was read from */
    struct ext2_disk_super raw;

    uint32_t block_size, block_shift;
    uint32_t cluster_shift;     /* block >> this is its cluster; 0 without
                                   bigalloc */
    uint64_t block_count;       /* by its own account */
    uint64_t blocks_there;      /* on the device; block_count, as a rule */
    uint64_t cluster_count;     /* blocks_there, in clusters, rounded up */
    uint32_t first_block;       /* where group 0 begins: 0 or 1 */
    uint32_t blocks_per_group;
    uint32_t inodes_per_group, inode_count;     /* they fit */
    uint32_t inode_size, inodes_per_block;
    uint32_t first_ino;         /* first inode number not reserved */
    uint32_t group_count;       /* of groups that begin on the device */
    uint32_t table_blocks;      /* of one group's inode table */
    uint32_t desc_size;         /* 32, or 64 and more with 64bit */
    uint32_t descs_per_block;
    uint32_t desc_blocks;
    uint32_t first_meta_bg;     /* descriptor blocks from here on are at home in
                                   their own groups; desc_blocks: none */
    uint32_t reserved_desc;
    uint32_t compat, incompat, ro_compat;
    uint32_t journal_ino;       /* 0: none */
    uint32_t seed;              /* of crc32c; see checksums below */

    bool is64;                  /* 64bit */
    bool extents, inline_data, casefold, encrypt, ea_inode, flex_bg, filetype;
    bool metadata_csum;         /* everything has a crc32c */
    bool group_csum;            /* descriptors have a checksum, so uninit flags
                                   count: metadata_csum or uninit_bg */
    bool dir_index, large_dir, bigalloc, huge_file;
    bool hash_unsigned;         /* names are hashed as unsigned chars */
    uint32_t hash_seed[4];
};

/* A group's descriptor. */
struct ext2_check_group {
    uint64_t block_bitmap, inode_bitmap;        /* 0: not to be believed */
    uint64_t inode_table;                       /* likewise; the whole table is
                                                   in the volume */
    uint32_t free_clusters, free_inodes, used_dirs, unused_inodes;
    uint32_t said_unused;       /* without group_csum: what it says all the
                                   same */
    uint32_t block_csum, inode_csum;            /* of the bitmaps */
    uint16_t flags;             /* 0 unless group_csum and its checksum is
                                   right */
    bool uncounted;             /* its places are known from a copy, and nothing
                                   else for certain */
    uint16_t perhaps_uninit;    /* flags that it may have, or not */
    bool unread;                /* not all of its inodes can be read */
    uint32_t found_inodes, found_dirs;          /* by the scan */
    uint32_t used_to;           /* inodes of the table up to the last in use */
};

/* ---------------------------------------------------------------- inodes */

/* What is kept of each inode in use: 4 bytes if it is not as most are. */
struct ext2_check_info {
    uint16_t links;             /* i_links_count */
    uint8_t type;               /* i_mode >> 12; 0: nothing that exists */
    uint8_t flags;
};

#define EXT2_CHECK_IN_USE   0x01u
#define EXT2_CHECK_INDEXED  0x02u       /* directory: i_flags say so */
#define EXT2_CHECK_INLINE   0x04u       /* data in the inode */
#define EXT2_CHECK_CASEFOLD 0x08u
#define EXT2_CHECK_CRYPT    0x10u       /* names are no text */
#define EXT2_CHECK_IMAGIC   0x20u       /* known by its number: needs no name */
#define EXT2_CHECK_EA       0x40u       /* holds a value of an attribute */
#define EXT2_CHECK_CLEAR    0x80u       /* so badly that its name goes as well:
                                           e2fsck's "bad inode" in pass 2 */

/* What is kept of each directory: 24 bytes. */
struct ext2_check_dir {
    uint32_t ino;
    struct ext2_check_info info;
    uint32_t blocks;            /* i_size, in blocks */
    union {
        uint32_t found;         /* until the end of pass 2: of these, mapped */
        uint32_t children;      /* then: directories that have it as parent */
    };
    uint32_t dotdot;            /* what its ".." says; 0: has none */
    uint32_t parent;            /* who has a name for it; 0: nobody yet */
};

/* One inode, as it is being looked at. */
struct ext2_check_inode {
    uint32_t ino;
    uint64_t at;                /* byte of the volume */
    const uint8_t *bytes;       /* super.inode_size of them */
    uint16_t mode, links;
    uint32_t flags, generation, dtime;
    uint64_t size, sectors;     /* i_size, i_blocks as they stand: units of 512
                                   bytes, or blocks with HUGE_FILE */
    uint64_t acl;               /* block of attributes; 0: none */
    uint32_t extra;             /* i_extra_isize, if it can be believed */
    uint32_t seed;              /* of checksums of what belongs to it */
    le32 block[EXT2_POINTERS];  /* i_block */
};

/* ---------------------------------------------------------------- a check */

struct ext2_check {
    struct check *check;
    struct ext2_check_super super;
    struct ext2_check_group *groups;

    /* By cluster. What is metadata is in both. */
    struct check_bits *used;    /* somebody's */
    struct check_bits *metadata;        /* the volume's own: super, descriptors,
                                           bitmaps, tables */
    struct check_bits *twice;   /* claimed by several, perhaps: runs in which
                                   there is such a block */

    /* By block: entered in a queue, as a map or as a directory's; and blocks
       that are to be entered in dir_blocks more than once. */
    struct check_bits *maps, *dir_seen, *dir_twice;

    /* By inode number (0 is none). */
    struct check_bits *inodes;  /* in use */
    struct check_bits *dirs;    /* in use, and a directory */
    struct check_bits *orphans; /* in the list of the superblock or in the file
                                   of orphans; NULL: there is none */
    struct check_bits *special; /* in use, and no regular file with one link
                                   and one name at most */
    struct check_bits *named;   /* some name leads to it */
    struct check_array *info;   /* struct ext2_check_info of special ones that
                                   are no directories */
    struct ext2_check_dirs *dir;        /* struct ext2_check_dir of each; see
                                           below */
    struct check_array *names;  /* 2 bytes: names that lead to it, past the
                                   first; "." and ".." are none */
    struct check_lock names_lock;

    /*
     * Blocks of directories: tag[0] is the inode; tag[1] the number of the
     * block in it; tag[2] the inode's seed.
     */
    struct check_queue *dir_blocks;
    struct ext2_check_owned *owned;     /* shared.c's: whose those are that
                                           several directories have */

    uint32_t (*crc)[256];       /* crc.c's tables */
    struct ext2_check_scan *scan;       /* inode.c's, while it runs */
    struct ext2_check_xattrs *xattrs;   /* xattr.c's own */
    struct ext2_check_tree *tree;       /* dir.c's and its friends' own */
    struct ext2_check_quota *quota;     /* quota.c's; NULL: there are none */
    uint64_t tables_twice;      /* blocks of inode tables that are where other
                                   metadata is */
    bool unread;                /* inodes, or what leads to blocks: what seems
                                   to be nobody's may be somebody's */
    bool names_unread;          /* blocks of directories: likewise, inodes */
    bool unjudged;              /* there are features that nobody here knows:
                                   only superblock and groups are looked at */
};

static inline struct ext2_check *ext2_check_of(const struct check *check)
{
    return check->volume;
}

/* Where BLOCK begins, in bytes. */
static inline uint64_t ext2_check_at(const struct ext2_check *c, uint64_t block)
{
    return block << c->super.block_shift;
}

/* Note that something cannot be read; by any worker. */
static inline void ext2_check_lacks(bool *unread)
{
    __atomic_store_n(unread, true, __ATOMIC_RELAXED);
}

/* May COUNT blocks from FIRST on be anybody's? */
static inline bool ext2_check_fits(const struct ext2_check *c, uint64_t first,
                                   uint64_t count)
{
    return first > 0 && first >= c->super.first_block &&
           first < c->super.block_count &&
           count <= c->super.block_count - first;
}

static inline bool ext2_check_is_ino(const struct ext2_check *c, uint32_t ino)
{
    return ino > 0 && ino <= c->super.inode_count;
}

/* Is INO one that people's files may have? */
static inline bool ext2_check_is_plain(const struct ext2_check *c, uint32_t ino)
{
    return ino >= c->super.first_ino && ino <= c->super.inode_count;
}

/* Is INO in a group of which not all inodes can be read? */
static inline bool ext2_check_is_unread(const struct ext2_check *c,
                                        uint32_t ino)
{
    return c->groups[(ino - 1) / c->super.inodes_per_group].unread;
}

/* kept.c: what is known of INO; NULL: it is not in use. Passes 2 and later. */
const struct ext2_check_info *ext2_check_info_of(struct ext2_check *c,
                                                 uint32_t ino);

/* The same, where those asked for are near each other; begin with zeros. */
struct ext2_check_window {
    uint32_t first;
    bool loaded;
    uint8_t used[64], special[64];
};
const struct ext2_check_info *
ext2_check_info_near(struct ext2_check *c, struct ext2_check_window *window,
                     uint32_t ino);

/* Count a name for each of the COUNT inodes at INOS, which are in use; those
   that follow each other cost least. */
int ext2_check_names_count(struct ext2_check *c, const uint32_t *inos,
                           size_t count);
uint64_t ext2_check_names_of(struct ext2_check *c, uint32_t ino);

/*
 * dirtable.c: the directories. Pass 1 adds them, in any order, then they are
 * sorted: the lock goes round _of() and what is changed, where several workers
 * do. NULL: INO is no directory that can be believed.
 */
int ext2_check_dirs_begin(struct ext2_check *c);
int ext2_check_dirs_add(struct ext2_check *c, const struct ext2_check_dir *dir);
int ext2_check_dirs_sort(struct ext2_check *c);
void ext2_check_dirs_end(struct ext2_check *c);
struct ext2_check_dir *ext2_check_dir_of(struct ext2_check *c, uint32_t ino);
void ext2_check_dirs_lock(struct ext2_check *c);
void ext2_check_dirs_unlock(struct ext2_check *c);

/* Where inode INO lies; SHALE_NOWHERE if its table cannot be believed. */
uint64_t ext2_check_inode_at(const struct ext2_check *c, uint32_t ino);

static inline uint64_t ext2_check_field_at(const struct ext2_check *c,
                                           uint64_t ino, size_t offset)
{
    uint64_t at = ext2_check_inode_at(c, (uint32_t)ino);

    return at == SHALE_NOWHERE ? at : at + offset;
}

/*
 * Read inode INO and decode it. *GOOD is false if it cannot be read (which has
 * been told). BYTES is memory for super.inode_size bytes, and stays in use.
 */
int ext2_check_inode_read(struct ext2_check *c, uint32_t ino, uint8_t *bytes,
                          struct ext2_check_inode *inode, bool *good);

/* Decode BYTES, super.inode_size of them from AT. */
void ext2_check_inode_decode(const struct ext2_check *c, uint32_t ino,
                             uint64_t at, const uint8_t *bytes,
                             struct ext2_check_inode *inode);

/* --------------------------------------------------------------- telling */

/* CODE is without its EXT2_CHECK_. AT is a byte of the volume. */
#define ext2_tell(c, code, at, ...)                                         \
    check_tell((c)->check, &ext2_check_codes[EXT2_CHECK_##code], (at),      \
               &(const struct check_note){ __VA_ARGS__ })

/* About inode INO. */
#define ext2_tell_inode(c, code, at, ino, ...)                              \
    ext2_tell(c, code, at, .object = SHALE_OBJECT_INODE, .number = (ino),   \
              __VA_ARGS__)

/* ... at its place in the inode table. */
#define ext2_tell_there(c, code, ino, ...)                                  \
    ext2_tell_inode(c, code, ext2_check_inode_at(c, (uint32_t)(ino)), ino,  \
                    __VA_ARGS__)

/*
 * Where a field is: of INODE (or whatever else has the place of one in `at`);
 * of inode INO, which may be out of reach; of the superblock.
 */
#define EXT2_AT(inode, field)                                               \
    ((inode)->at + offsetof(struct ext2_disk_inode, field))
#define EXT2_AT_INO(c, ino, field)                                          \
    ext2_check_field_at(c, ino, offsetof(struct ext2_disk_inode, field))
#define EXT2_AT_SUPER(c, field)                                             \
    ((c)->super.at + offsetof(struct ext2_disk_super, field))

/* ------------------------------------------------------------- checksums */

/*
 * CRC-32C over LEN bytes, going on from CRC, without the usual inversions: as
 * ext4 has it. super.seed is that of the UUID (or s_checksum_seed). Sixteen
 * bytes at a time, with tables that crc.c fills.
 */
uint32_t ext2_check_crc(const struct ext2_check *c, uint32_t crc,
                        const void *bytes, size_t len);

/* With the LEN bytes at OFFSET taken as zero: where the checksum itself is. */
uint32_t ext2_check_crc_without(const struct ext2_check *c, uint32_t crc,
                                const void *bytes, size_t size, size_t offset,
                                size_t len);
int ext2_check_crc_begin(struct ext2_check *c);
void ext2_check_crc_end(struct ext2_check *c);

/* ---------------------------------------------------------------- claims */

/*
 * Claims are gathered by each worker, and entered many at a time. Nothing
 * follows from a claim at once: what is claimed twice is found out by flush.
 */
#define EXT2_CHECK_CLAIMS 128

struct ext2_check_claims {
    struct ext2_check *c;
    uint32_t ino;               /* whose the last run is */
    unsigned count;
    struct {
        uint64_t first;         /* cluster */
        uint64_t len;
    } runs[EXT2_CHECK_CLAIMS];
};

/* COUNT blocks from FIRST on, which fit, are USE of inode INO, from byte
   POSITION of its data on (or SHALE_NOWHERE). */
int ext2_check_take(struct ext2_check_claims *claims, uint64_t first,
                    uint64_t count, enum shale_use use, uint32_t ino,
                    uint64_t position);
int ext2_check_take_flush(struct ext2_check_claims *claims);

/* shared.c: ITEM's place, which several directories have, is this one's. */
int ext2_check_dir_owner(struct ext2_check *c, const struct check_item *item);

/* ... ITEM has been read: make it that of the directory that gets its block. */
void ext2_check_dir_settle(const struct ext2_check *c,
                           struct check_item *item);
void ext2_check_owned_end(struct ext2_check *c);

/* ---------------------------------------- passes, in the order they come */

/* super.c: may BYTES be a superblock? What is wrong with it, else NULL: the
   name of a field, which is *FOUND. */
const char *ext2_check_super_wrong(const struct ext2_disk_super *raw,
                                   uint64_t *found);
/* ... is it that of a device that is nothing but another volume's journal? */
bool ext2_check_super_of_journal(const struct ext2_disk_super *raw);
/* ... where the field called NAME is, of those that are ever told of. */
uint64_t ext2_check_super_field(const char *name);
void ext2_check_super_decode(struct ext2_check *c, uint64_t at,
                             const struct ext2_disk_super *raw);

/* decode.c: counts that have two halves. */
uint64_t ext2_check_super_blocks(const struct ext2_disk_super *raw);
uint64_t ext2_check_super_reserved(const struct ext2_disk_super *raw);
uint64_t ext2_check_super_free(const struct ext2_disk_super *raw);

/* layout.c: has GROUP a copy of superblock and descriptors? */
bool ext2_check_has_backup(const struct ext2_check_super *super,
                           uint32_t group);

/* backup.c: the first copy that can be used is read into RAW; *AT is 0: there
   is none. */
int ext2_check_backup_find(struct check *check, struct ext2_disk_super *raw,
                           uint64_t *at);
int ext2_check_backups(struct ext2_check *c);

/*
 * layout.c: block that has part N of the descriptors, and that of a copy in
 * GROUP, which has one (of meta_bg's parts: the second copy, whatever GROUP);
 * 0: there is none.
 */
uint64_t ext2_check_desc_block(const struct ext2_check_super *super,
                               uint32_t part);
uint64_t ext2_check_desc_copy(const struct ext2_check_super *super,
                              uint32_t part, uint32_t group);

/* Byte of the volume where GROUP's descriptor is. */
uint64_t ext2_check_desc_at(const struct ext2_check_super *super,
                            uint32_t group);

/* Block of the superblock, or its copy, in GROUP. */
uint64_t ext2_check_super_block(const struct ext2_check_super *super,
                                uint32_t group);

/* Blocks that GROUP begins with: superblock, descriptors, what is reserved for
   these. *FIRST is where, COUNT how many. With meta_bg there may be one more
   at *ALONE (or 0). */
void ext2_check_group_head(const struct ext2_check_super *super,
                           uint32_t group, uint64_t *first, uint64_t *count,
                           uint64_t *alone);
static inline uint64_t ext2_check_group_first(const struct ext2_check_super *s,
                                              uint32_t group)
{
    return s->first_block + (uint64_t)group * s->blocks_per_group;
}

/* Blocks of GROUP; fewer in the last one. */
uint32_t ext2_check_group_blocks(const struct ext2_check_super *super,
                                 uint32_t group);

/* Pass 0. False in *GOOD: there is nothing to go on with; it has been told. */
int ext2_check_super(struct ext2_check *c, bool *good);
int ext2_check_groups(struct ext2_check *c);

/* The list of orphans, from the superblock on: fills c->orphans. */
int ext2_check_orphans(struct ext2_check *c);

/* Pass 1. */
int ext2_check_inodes(struct ext2_check *c);
int ext2_check_shared(struct ext2_check *c);

/* What an inode has besides its data, as quotas and i_blocks count. */
struct ext2_check_charge {
    uint64_t clusters;          /* of its attributes' block, of values ... */
    uint64_t values;            /* ... that have inodes of their own */
};

/*
 * Pass 1 calls, for each inode in use whose attributes are to be looked at
 * (anything but a few special ones): check those in the inode, and enter the
 * block at inode->acl, if it is one, in the queue of such. Adds to *CHARGE.
 * Called by all workers.
 */
int ext2_check_xattrs(struct ext2_check *c,
                      const struct ext2_check_inode *inode,
                      struct ext2_check_claims *claims,
                      struct ext2_check_charge *charge);

/* ... and for a directory whose entries are in the inode. */
int ext2_check_inline_dir(struct ext2_check *c,
                          const struct ext2_check_inode *inode);

/* ... and for a symlink, with block 0 of its data, which has been claimed; 0:
   there is none. Its i_size and blocks are its own affair, its i_blocks not. */
int ext2_check_symlink(struct ext2_check *c,
                       const struct ext2_check_inode *inode, uint64_t block);

/* How much inline data an inode has, where EXT2_INODE_INLINE is set: bytes of
   i_block and of the attribute "system.data"; 0 if that is missing. */
uint64_t ext2_check_inline_size(struct ext2_check *c,
                                const struct ext2_check_inode *inode,
                                bool *has_data);

/* Before and after all of pass 1; the second reads the blocks queued. */
int ext2_check_xattrs_begin(struct ext2_check *c);
int ext2_check_xattr_blocks(struct ext2_check *c);

/* The trees of names: before pass 1, and passes 2 to 4. */
int ext2_check_tree_begin(struct ext2_check *c);

int ext2_check_dirs(struct ext2_check *c);              /* pass 2 */
int ext2_check_connect(struct ext2_check *c);           /* pass 3 */
int ext2_check_links(struct ext2_check *c);             /* pass 4 */
int ext2_check_bitmaps(struct ext2_check *c);           /* pass 5 */

/* quota.c: before pass 1, and after it. */
int ext2_check_quota_begin(struct ext2_check *c);
int ext2_check_quotas(struct ext2_check *c);
void ext2_check_quota_end(struct ext2_check *c);

/* Inside pass 0, whatever belongs to it: journal, mmp. */
int ext2_check_journal(struct ext2_check *c);
int ext2_check_mmp(struct ext2_check *c);
void ext2_check_quota_numbers(struct ext2_check *c);

/* Free c->xattrs and c->tree, which may be NULL. */
void ext2_check_xattrs_end(struct ext2_check *c);
void ext2_check_tree_end(struct ext2_check *c);

/* For findings; struct shale_checker's. */
int ext2_check_paths(struct check *check, struct check_path *paths,
                     size_t count);

#endif /* EXT2_CHECK_CHECK_H */
