/*
 * write.h - what the files of the driver's writing half call on each other
 *
 * All of it runs inside the transaction fs->tx, with the volume's lock
 * exclusive, so a call may fail at any point: blocks are undone by the
 * transaction, and what is kept in memory has been told to shale_tx_save()
 * before it is changed.
 *
 * A file that is being made is a struct ext2_vnode of its maker's own, in no
 * table, that says `fresh`: nothing of it in memory needs to be undone. All
 * calls below take one.
 */
#ifndef EXT2_WRITE_H
#define EXT2_WRITE_H

#include "apart.h"
#include "ext2.h"
#include "journal_disk.h"

/* ------------------------------------------------------------ bitmap.c */

/* The first bit from AT to before END that is VALUE, or END. */
uint32_t ext2_bit_find(const le64 *words, uint32_t at, uint32_t end,
                       bool value);

/* Set COUNT bits from AT on to VALUE. Returns how many were not that. */
uint32_t ext2_bits_set(le64 *words, uint32_t at, uint32_t count, bool value);

/* ------------------------------------------------------------- space.c */

/* Blocks kept for a file that grows. */
struct ext2_window {
    uint32_t ino;               /* 0: nobody's */
    uint32_t first, count;
    uint64_t used;              /* when, by ext2_space.clock */
    bool shares;                /* it was used after others had been begun */
};

#define EXT2_WINDOWS 30u       /* struct ext2_space is no more than 1 KiB */

/* What is known of the space of a volume that is written. */
struct ext2_space {
    struct ext2_window windows[EXT2_WINDOWS];
    uint64_t clock;             /* files begun */
    bool keep_reserved;         /* nobody gets the last reserved_blocks */
    struct ext2_sums sums;      /* over all groups */
};

/* Called by mount, unless read-only / by unmount; VOL->space is made here. */
int ext2_space_init(struct ext2_volume *vol);
void ext2_space_fini(struct ext2_volume *vol);

/* See to it that the sums are known. */
int ext2_space_count(struct ext2_volume *vol);

/* They are going to change: if the transaction is undone, so are they. */
int ext2_space_note(struct ext2_volume *vol);

/* The window, not INO's, that BLOCK is in, or NULL. */
const struct ext2_window *ext2_window_at(const struct ext2_space *space,
                                         uint32_t block, uint32_t ino);

/* How many of the COUNT blocks from FIRST on come before any such window? */
uint32_t ext2_window_before(const struct ext2_space *space, uint32_t first,
                            uint32_t count, uint32_t ino);

/* The blocks to keep for a file that has LENGTH of them. */
uint32_t ext2_window_size(const struct ext2_volume *vol, uint64_t length);

/* The window of INO is COUNT blocks from FIRST on: none, if COUNT is 0. */
void ext2_window_set(struct ext2_space *space, uint32_t ino, uint32_t first,
                     uint32_t count);

/* Drop all windows. False if there were none. */
bool ext2_windows_drop(struct ext2_space *space);

/* ------------------------------------------------------------- order.c */

/*
 * Unless batches are whole: note in *BATCH that something is done in this one
 * that the rest of it minds. / Has it been?
 */
int ext2_batch_note(struct ext2_volume *vol, uint64_t *batch);
bool ext2_batch_noted(const struct ext2_volume *vol, uint64_t batch);

/*
 * Unless batches are whole: note that directory INO is made in this one.
 * SHALE_EAGAIN if many are. / Has DIR been?
 */
int ext2_new_dir_note(struct ext2_volume *vol, uint32_t ino);
bool ext2_new_dir_noted(const struct ext2_vnode *dir);

/*
 * Unless batches are whole: see to it that BUF, a block that was free and is
 * as it may be found, is on the device before anything leads to it.
 */
int ext2_fresh_write(struct ext2_volume *vol, const struct shale_buf *buf);

/*
 * Unless batches are whole: the links of VN, and with them its life, reach the
 * device at the very end of the batch, when all that it is made of is there
 * and its name leads elsewhere, or there.
 */
int ext2_links_late(struct ext2_vnode *vn);

/* ------------------------------------------------------------ balloc.c */

/* The group that BLOCK, one of the volume's, is in. */
uint32_t ext2_group_of(const struct ext2_volume *vol, uint32_t block);

/*
 * Take up to WANT (at least 1) blocks in a row: from GOAL on if GOAL is free,
 * else near it. Stores at least one. What they hold is anything, and what the
 * cache has of them too: see shale_buf_get_new(). SHALE_ENOSPC.
 */
int ext2_block_take(struct ext2_volume *vol, uint32_t goal, uint32_t want,
                    struct ext2_run *out);

/* The same for a file that has none yet, where it has some room to grow. */
int ext2_block_take_first(struct ext2_volume *vol, uint32_t goal,
                          uint32_t want, struct ext2_run *out);

/*
 * The same for file INO, which has LENGTH blocks and is likely to go on behind
 * what it gets: some of those are kept for it.
 */
int ext2_block_take_growing(struct ext2_volume *vol, uint32_t ino,
                            uint64_t length, uint32_t goal, uint32_t want,
                            struct ext2_run *out);

/* File INO will not grow soon: others may have what was kept for it. */
void ext2_block_release(struct ext2_volume *vol, uint32_t ino);

/* Can all of RUN be a file's? Returns 1 or, if some of it is off the volume or
   is the volume's own, 0. */
int ext2_run_is_a_files(struct ext2_volume *vol, struct ext2_run run);

/*
 * RUN is in use no more, and free once the batch is on the device.
 * SHALE_ECORRUPT, and nothing is done, if no file can have had it.
 */
int ext2_block_free(struct ext2_volume *vol, struct ext2_run run);

/* As struct shale_fs_ops.reclaim. */
int ext2_reclaim(struct shale_fs *fs, struct shale_tx_run run);

/* ------------------------------------------------------------ ialloc.c */

/* Freed inode INO is the run that begins with EXT2_FREE_INODE + INO. */
#define EXT2_FREE_INODE (UINT64_C(1) << 32)

/*
 * Take the number of a free inode for a file of MODE in DIR. What is in the
 * inode is anything. SHALE_ENOSPC.
 */
int ext2_inode_take(struct ext2_volume *vol, const struct ext2_vnode *dir,
                    uint32_t mode, uint32_t *ino);

/* INO, which has been cleared, can be taken once the batch is on the device. */
int ext2_inode_free(struct ext2_volume *vol, uint32_t ino, bool is_dir);

/* COUNT inodes from INO on are free. */
int ext2_inode_reclaim(struct ext2_volume *vol, uint32_t ino, uint32_t count);

/* --------------------------------------------------------- map_write.c */

/* Bytes that a file can have on VOL, its blocks of pointers being counted. */
uint64_t ext2_map_write_max(uint32_t block_shift);

/*
 * Give VN, noted, up to WANT blocks from block INDEX on, where it has none now.
 * Stores the run, at least one. The inode is changed but not stored.
 */
int ext2_map_grow(struct ext2_vnode *vn, uint64_t index, uint32_t want,
                  struct ext2_run *out);

/* Block INDEX of VN, noted, which is there, is BLOCK from now on. */
int ext2_map_replace(struct ext2_vnode *vn, uint64_t index, uint32_t block);

/* ---------------------------------------------------------- map_free.c */

/*
 * Free the blocks of VN, noted, from number INDEX on to before END, and blocks
 * of pointers that are empty then. The inode is changed but not stored.
 */
int ext2_map_free(struct ext2_vnode *vn, uint64_t index, uint64_t end);

/* -------------------------------------------------------- file_write.c */

/*
 * Add a block at the end of VN, a directory, or give a symlink its only one:
 * pinned, announced to the transaction, to be changed; one empty record in a
 * directory, else of zeros. Notes VN and stores it, one block longer.
 */
int ext2_append_block(struct ext2_vnode *vn, struct shale_buf **out,
                      uint32_t *index);

/* As in struct shale_fs_ops. */
int ext2_allocate(struct shale_vnode *base, uint64_t offset, uint64_t len,
                  struct shale_extent *out);
int ext2_resize(struct shale_vnode *base, uint64_t size);
int ext2_punch(struct shale_vnode *base, uint64_t offset, uint64_t len);
int ext2_release(struct shale_vnode *base);

/* ------------------------------------------------------- inode_write.c */

/* Tell the transaction how to put VN's inode, size and links back. */
int ext2_vnode_note(struct ext2_vnode *vn);

/*
 * Write VN->inode, which is on the volume already, where it is. base.size and
 * base.links are set from it.
 */
int ext2_vnode_store(struct ext2_vnode *vn);

/*
 * TIME as it can be kept with EXTRA bytes or without: past the ends the nearest
 * time that can.
 */
struct shale_time ext2_time_fit(struct shale_time time, bool extra);

/*
 * The low 32 bits of its seconds, which are signed, and how many times 2^32 are
 * to be added to them, below nanoseconds.
 */
le32 ext2_time_seconds(struct shale_time time);
le32 ext2_time_extra(struct shale_time time);

/* Times of an inode. */
#define EXT2_ATIME 1u
#define EXT2_MTIME 2u
#define EXT2_CTIME 4u

/* Set those times of VN, which has been noted and will be stored, to now. */
void ext2_vnode_touch(struct ext2_vnode *vn, unsigned times);

/* Note, touch and store. */
int ext2_touch(struct ext2_vnode *vn, unsigned times);

/*
 * What a file made in DIR as *NODE says is to be, except where: owner, mode
 * (SHALE_S_ISGID of DIR honoured; umask and default ACL not yet: see
 * ext2_acl_inherit()), flags that are inherited, times, one link, a device's
 * number. SHALE_EINVAL for a device's number that does not fit.
 */
int ext2_inode_init(const struct ext2_vnode *dir,
                    const struct shale_node *node, struct ext2_inode *out);

/*
 * Make inode INO, which has been taken: write it whole, as *INODE says, and set
 * its `at`, `body`, `extra` and `generation`. To be called before anything else
 * is done with it.
 */
int ext2_inode_create(struct ext2_volume *vol, uint32_t ino,
                      struct ext2_inode *inode);

/*
 * Mark the inode of VN, whose blocks are all free, as deleted: no links, no
 * size, and when. Its number is free when ext2_inode_free() says so.
 */
int ext2_inode_clear(struct ext2_vnode *vn);

/* As struct shale_fs_ops.setattr. */
int ext2_setattr(struct shale_vnode *base, const struct shale_setattr *what);

/*
 * SHALE_EPERM if VN's flags forbid to change its attributes and names
 * (immutable or append-only).
 */
int ext2_may_change(const struct ext2_vnode *vn);

/* ... to add to it: a name to a directory, bytes to a file (immutable). */
int ext2_may_add(const struct ext2_vnode *vn);

/* ------------------------------------------------------- xattr_write.c */

/* As struct shale_fs_ops.setxattr. */
int ext2_setxattr(struct shale_vnode *base, const char *name,
                  const void *value, size_t size);

/* ------------------------------------------------------- xattr_block.c */

/* VN goes: it has no attributes any more. Stores nothing of its inode. */
int ext2_xattr_release(struct ext2_vnode *vn);

/* --------------------------------------------------------- acl_write.c */

/*
 * Give FRESH, which has been created in DIR, the access control lists that it
 * inherits, and store it with the mode that follows: without a default list,
 * UMASK is taken off.
 */
int ext2_acl_inherit(struct ext2_vnode *dir, struct ext2_vnode *fresh,
                     uint32_t umask);

/* --------------------------------------------------------- dir_write.c */

/*
 * Enter NAME, which is not there, in DIR: it is inode INO, of TYPE. Times and
 * links of DIR are the caller's business; its size may grow.
 */
int ext2_dir_insert(struct ext2_vnode *dir, const char *name, size_t len,
                    uint32_t ino, enum shale_type type);

/*
 * Take NAME out of DIR; on the device at the very end of the batch if LATE says
 * so. Then nothing may be entered before the batch is written. SHALE_ENOENT.
 */
int ext2_dir_remove(struct ext2_vnode *dir, const char *name, size_t len,
                    bool late);

/* NAME in DIR is inode INO, of TYPE, from now on. SHALE_ENOENT. */
int ext2_dir_replace(struct ext2_vnode *dir, const char *name, size_t len,
                     uint32_t ino, enum shale_type type);

/*
 * NAME in DIR is called TO from now on, in its record, and changed by one write
 * of the device: 1. 0 if that cannot be, or an error.
 */
int ext2_dir_rename(struct ext2_vnode *dir, const char *name, size_t len,
                    const char *to, size_t to_len);

/* Is there nothing in DIR but "." and ".."? 1, 0 or an error. */
int ext2_dir_is_empty(const struct ext2_vnode *dir);

/* The parent of DIR is inode PARENT from now on. */
int ext2_dir_set_parent(struct ext2_vnode *dir, uint32_t parent);

/* Give the new directory DIR its first block. */
int ext2_dir_start(struct ext2_vnode *dir, uint32_t parent);

/* ------------------------------------------------------------- names.c */

/* As in struct shale_fs_ops. */
int ext2_create(struct shale_vnode *dir, const char *name, size_t len,
                const struct shale_node *node, uint64_t *ino);
int ext2_unname(struct shale_vnode *vn);
int ext2_link(struct shale_vnode *vn, struct shale_vnode *dir,
              const char *name, size_t len);
int ext2_remove(struct shale_vnode *dir, const char *name, size_t len,
                struct shale_vnode *vn);
int ext2_rename(const struct shale_rename *what);
int ext2_exchange(const struct shale_rename *what);

/* ------------------------------------------------------------ orphan.c */

/*
 * VN has no name: put it on the volume's list of such files. / It has one, or
 * is about to be freed: take it off, if it is there. Both write i_dtime, which
 * ext2_vnode_store() leaves alone, and are called after that.
 */
int ext2_orphan_add(struct ext2_vnode *vn);
int ext2_orphan_remove(struct ext2_vnode *vn);

/* VN leaves memory; on the volume it stays on the list. */
void ext2_orphan_forget(struct ext2_vnode *vn);

/*
 * Batches are not going to be whole any more: those in memory go off the list.
 * SHALE_ENOENT if there are none.
 */
int ext2_orphans_unlist(struct ext2_volume *vol);

/*
 * Settle the last file that was on the list before the mount. SHALE_ENOENT if
 * there is none. As struct shale_fs_ops.recover.
 */
int ext2_recover(struct shale_fs *fs);

/* -------------------------------------------------------------- park.c */

/*
 * VN is going to lose its only name where batches are not whole: give it one in
 * lost+found, if that can be, and from now on a link for that on the device.
 */
int ext2_park(struct ext2_vnode *vn);

/* Take that from it, if it has it: it goes. */
int ext2_unpark(struct ext2_vnode *vn);

/* ------------------------------------------------------- super_write.c */

/*
 * Pin the superblock's block, announced to the transaction; RAW points to the
 * superblock in it.
 */
int ext2_super_change(struct ext2_volume *vol, struct shale_buf **out,
                      struct ext2_disk_super **raw);

/* Note in RAW what was corrupt and is not noted there. (errors.c) */
int ext2_errors_store(struct ext2_volume *vol, struct ext2_disk_super *raw);

/* The volume uses the feature BIT of SET from now on, if it did not yet. */
int ext2_super_set_feature(struct ext2_volume *vol, enum ext2_feature_set set,
                           uint32_t bit);

/* The inode that heads the list of orphans; 0: none. */
uint32_t ext2_last_orphan(const struct ext2_volume *vol);
int ext2_last_orphan_set(struct ext2_volume *vol, uint32_t ino);

/* As in struct shale_fs_ops. */
int ext2_mark(struct shale_fs *fs, bool clean);
int ext2_set_label(struct shale_fs *fs, const char *label, size_t len);

/* ----------------------------------------------------------------- crc.c */

/* Go on with CRC, which begins as ~0, over LEN bytes. */
uint32_t ext2_crc32c(uint32_t crc, const uint8_t *bytes, size_t len);
uint32_t ext2_crc32_be(uint32_t crc, const uint8_t *bytes, size_t len);

/* ---------------------------------------------------------------- ring.c */

/* Blocks of a journal that lie in a row. */
struct ext2_ring_run {
    uint32_t index;             /* of the journal */
    uint32_t block;             /* on the volume */
    uint32_t count;
};

/*
 * A journal: its superblock is block 0, and blocks FIRST to before COUNT are a
 * ring. It is read and written past the cache.
 */
struct ext2_ring {
    struct ext2_volume *vol;
    struct ext2_ring_run *runs;
    uint32_t run_count, run_room;
    uint32_t count, first;      /* blocks */
    uint8_t *super;             /* a block: the journal's superblock */
};

/* Make RING one without blocks; and free what it has. */
int ext2_ring_init(struct ext2_volume *vol, struct ext2_ring *ring);
void ext2_ring_fini(struct ext2_ring *ring);

/* Add COUNT blocks from BLOCK on at RING's end. */
int ext2_ring_add(struct ext2_ring *ring, uint32_t block, uint32_t count);

/*
 * Find where the blocks of the volume's journal are, and read and check its
 * superblock. SHALE_ENOTSUP for a journal we do not understand.
 */
int ext2_ring_load(struct ext2_ring *ring);

static inline struct journal_disk_super *
ext2_ring_super(const struct ext2_ring *ring)
{
    return (struct journal_disk_super *)ring->super;
}

/* Byte of the volume where block INDEX of RING is. */
uint64_t ext2_ring_at(const struct ext2_ring *ring, uint32_t index);

/* The block that is COUNT behind block INDEX of the ring, once around. */
uint32_t ext2_ring_skip(const struct ext2_ring *ring, uint32_t index,
                        uint32_t count);

/* Read block INDEX / write COUNT blocks from INDEX on, once around. */
int ext2_ring_read(const struct ext2_ring *ring, uint32_t index, uint8_t *to);
int ext2_ring_write(const struct ext2_ring *ring, uint32_t index,
                    const uint8_t *from, uint32_t count);

/* Write just the first sector of a block to INDEX. */
int ext2_ring_write_sector(const struct ext2_ring *ring, uint32_t index,
                           const uint8_t *from);

/*
 * The log begins at block START (0: it is empty) with transaction SEQUENCE:
 * write that to the journal's superblock. Not flushed.
 */
int ext2_ring_store(struct ext2_ring *ring, uint32_t start, uint32_t sequence);

/* -------------------------------------------------------------- replay.c */

/*
 * Bring the transactions in RING's log, whole ones, to their places, and empty
 * the log. Stores how many they were. SHALE_ENOTSUP, SHALE_ECORRUPT.
 */
int ext2_replay(struct ext2_ring *ring, uint32_t *transactions);

/* ------------------------------------------------------------- journal.c */

/* Our use of a journal; see journal.h. */
struct ext2_journal {
    struct shale_tx_log log;
    struct ext2_ring ring;
    bool temporary;             /* made by us, to be removed */
    bool active;                /* batches go through it */
    uint8_t *gather;            /* some blocks that are written at once */
    uint32_t gather_blocks;
    uint32_t most;              /* blocks that the largest batch takes */

    uint32_t sequence;          /* of the next transaction */
    uint32_t head;              /* where it goes */
    uint32_t last, last_used;   /* where the last one is, and its blocks */
    uint32_t last_sequence;     /* ... and its number; if `last` is not 0 */
    uint32_t tail;              /* where the log on the device begins; or 0 */
    uint32_t used;              /* blocks from there to the head */
    bool placed;                /* all that it holds has been written in its
                                   places; and flushed, but for the last one */
    bool in_doubt;              /* something failed: what the device has of it,
                                   and of its places, is unknown */
    bool is_lapsing;            /* void as soon as the device is flushed */
    uint32_t *held;             /* a hash table of the blocks that it holds */
    uint32_t held_room;         /* a power of two, or 0 */
    uint32_t held_count;
};

/*
 * Called by mount, unless read-only: replay the volume's journal if it needs
 * that, and make use of it. The superblock is read again if it may be another.
 */
int ext2_journal_init(struct ext2_volume *vol);
void ext2_journal_fini(struct ext2_volume *vol);

/*
 * The volume is being marked as in use / as clean, in this transaction: see to
 * it that there is a journal if there can be / that it is empty, and that it is
 * gone if it was ours. RAW is the superblock in BUF, announced.
 */
int ext2_journal_begin(struct ext2_volume *vol, struct shale_buf *buf,
                       struct ext2_disk_super *raw);
int ext2_journal_end(struct ext2_volume *vol, struct ext2_disk_super *raw);

/*
 * After ext2_journal_end() of one of ours, when nothing can fail any more but
 * this: write the superblock in BUF at once, which announces it no more.
 */
int ext2_journal_disown(struct ext2_volume *vol, struct shale_buf *buf);

/* As in struct shale_fs_ops; purge looks whether there is room again. */
int ext2_make_room(struct shale_fs *fs);
void ext2_purge(struct shale_fs *fs);

/* Does a batch reach the device as a whole, whatever happens? */
static inline bool ext2_batch_is_whole(const struct ext2_volume *vol)
{
    return vol->journal && vol->journal->active;
}

/* Blocks that are in use for a journal of ours, but free as far as files go. */
uint32_t ext2_journal_own_blocks(const struct ext2_volume *vol);

#endif /* EXT2_WRITE_H */
