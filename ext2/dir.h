/*
 * dir.h - what the files about directories share
 *
 *     dir.c          blocks of records, searching them one by one, listing
 *     nametable.c    large directories without an index: a table of names
 *     htree.c        directories with an index: searching it
 *     dir_record.c   changing the records of a block
 *     dir_write.c    entering and removing names; without an index
 *     dir_room.c     ... where there is room
 *     htree_write.c  adding to an index: htree_leaf.c, htree_node.c
 */
#ifndef EXT2_DIR_H
#define EXT2_DIR_H

#include "ext2.h"
#include "memfn.h"

/* Bytes of the head of a record, before its name. */
#define EXT2_DIRENT_HEAD ((uint32_t)sizeof(struct ext2_disk_dirent))

/* Bytes that a record with a name of LEN bytes needs. */
static inline uint32_t ext2_dirent_need(size_t len)
{
    return EXT2_DIRENT_HEAD + (((uint32_t)len + 3) & ~3u);
}

/* ----------------------------------------------------------- records */

/*
 * The length is 16 bits, too few for one record that fills a block of 64 KiB:
 * there 0 and 65535 mean the whole block. ("Directory Entries")
 */
static inline uint32_t ext2_rec_len_decode(const struct ext2_super *super,
                                           le16 raw)
{
    uint32_t len = le16_get(raw);

    if (super->block_size == 65536 && (len == 0 || len == 65535))
        return 65536;
    return len;
}

/*
 * Decode the head of a record, RAW, with ROOM bytes left in its block, itself
 * included, which are EXT2_DIRENT_HEAD or more. Returns NULL, or which rule it
 * breaks; out->name is not set.
 */
static inline const char *ext2_dirent_head(const struct ext2_super *super,
                                           const struct ext2_disk_dirent *raw,
                                           uint32_t room,
                                           struct ext2_dirent *out)
{
    uint32_t need;

    out->ino = le32_get(raw->inode);
    out->rec_len = ext2_rec_len_decode(super, raw->rec_len);
    out->name_len = raw->name_len;
    out->file_type = 0;
    if (super->incompat & EXT2_INCOMPAT_FILETYPE)
        out->file_type = raw->file_type;

    need = ext2_dirent_need(out->name_len);
    if (out->rec_len % 4 != 0)
        return "ext2: directory record of a length that is no multiple of 4";
    if (out->rec_len < need)
        return "ext2: directory record shorter than its name";
    if (out->rec_len > room)
        return "ext2: directory record leaves its block";
    return NULL;
}

/*
 * Decode the record at OFFSET of a directory's BLOCK. Returns NULL, or which
 * rule it breaks. Unless it does, the record lies within the block.
 */
static inline const char *ext2_dirent_decode(const struct ext2_super *super,
                                             const uint8_t *block,
                                             uint32_t offset,
                                             struct ext2_dirent *out)
{
    uint32_t room = super->block_size - offset;

    if (room < EXT2_DIRENT_HEAD)
        return "ext2: directory block ends in less than a record";
    out->name = block + offset + EXT2_DIRENT_HEAD;
    return ext2_dirent_head(super,
                            (const struct ext2_disk_dirent *)(block + offset),
                            room, out);
}

/* Is ENTRY in use, and called NAME? LEN is at least 1. */
static inline bool ext2_dirent_has_name(const struct ext2_dirent *entry,
                                        const char *name, size_t len)
{
    /* Names in one directory tend to differ at their ends. */
    return entry->ino != 0 && entry->name_len == len &&
           entry->name[len - 1] == (uint8_t)name[len - 1] &&
           memcmp(entry->name, name, len) == 0;
}

/* --------------------------------------------------------------- dir.c */

/* The blocks of a directory, in order, holes left out. */
struct ext2_walk {
    const struct ext2_vnode *dir;
    struct ext2_run run;        /* where blocks from run_first on are */
    uint64_t run_first;
    uint64_t next, end;         /* blocks of the directory */
    uint32_t budget;            /* blocks, and errors, still to be met */
};

/* Start at block FIRST of DIR. */
int ext2_walk_start(struct ext2_walk *w, const struct ext2_vnode *dir,
                    uint64_t first);

/*
 * Pin the next block. Returns 1 and stores its number and it, 0, or an error.
 * Moves on even then.
 */
int ext2_walk_next(struct ext2_walk *w, uint64_t *index,
                   struct shale_buf **out);

/* A record at OFFSET of BUF, a block of DIR's, breaks rule WRONG: say so. */
int ext2_dir_bad_record(const struct ext2_vnode *dir,
                        const struct shale_buf *buf, uint32_t offset,
                        const char *wrong);

/* Is ENTRY "." or ".."? */
bool ext2_dirent_is_dots(const struct ext2_dirent *entry);

/* --------------------------------------------------------- nametable.c */

/*
 * The table of DIR, built if it is time to, or NULL. Several may ask at once.
 */
const struct namehash *ext2_names_of(struct ext2_vnode *dir);

/* Find NAME through NAMES. As ext2_dir_find_in(); *OUT has its block pinned. */
int ext2_names_find(const struct ext2_vnode *dir,
                    const struct namehash *names, const char *name, size_t len,
                    struct ext2_place *out);

/*
 * With the volume's lock exclusive: NAME is at OFFSET of block INDEX of DIR
 * from now on / no longer; the table, if there is one, is to say so.
 */
void ext2_names_add(struct ext2_vnode *dir, const char *name, size_t len,
                    uint64_t index, uint32_t offset);
void ext2_names_remove(struct ext2_vnode *dir, const char *name, size_t len,
                       uint64_t index, uint32_t offset);

/* Likewise: the table is out of date, and another one may be made. */
void ext2_names_forget(struct ext2_vnode *dir);

/* ---------------------------------------------------------- dir_room.c */

/*
 * A block of DIR that may have NEED bytes for a record: try it, note what it
 * has, and ask again. UINT32_MAX if there is none. TRIES counts, from 0.
 */
uint32_t ext2_room_find(struct ext2_vnode *dir, uint32_t need,
                        uint32_t *tries);

/* The longest record that block INDEX has room for is of ROOM bytes. */
void ext2_room_note(struct ext2_vnode *dir, uint64_t index, uint32_t room);

/* Block INDEX, as far as it is noted, has room for a record of ROOM bytes. */
void ext2_room_raise(struct ext2_vnode *dir, uint64_t index, uint32_t room);

/* All that is noted is out of date / goes with DIR. */
void ext2_room_forget(struct ext2_vnode *dir);

/* -------------------------------------------------------- dir_record.c */

/* A name that is to be entered. */
struct ext2_new_name {
    const char *name;
    size_t len;
    uint32_t ino;
    enum shale_type type;
};

/* Write a record, REC_LEN bytes long and already in its place, at RAW. */
void ext2_dirent_encode(const struct ext2_super *super, uint8_t *raw,
                        uint32_t rec_len, const struct ext2_new_name *what);

/* The record at RAW is REC_LEN bytes long from now on. */
void ext2_dirent_set_length(uint8_t *raw, uint32_t rec_len);

/*
 * Enter WHAT in BUF, block INDEX of DIR. Returns 1; 0 if there is no room; or
 * an error. In either case stores how long a record there is room for now.
 */
int ext2_block_insert(struct ext2_vnode *dir, struct shale_buf *buf,
                      uint64_t index, const struct ext2_new_name *what,
                      uint32_t *room);

/*
 * Take the record at PLACE out of DIR; see ext2_dir_remove() about LATE. Stores
 * how many bytes there are free in a row now.
 */
int ext2_block_remove(const struct ext2_vnode *dir,
                      const struct ext2_place *place, bool late,
                      uint32_t *room);

/* The record at PLACE leads to INO, of TYPE, from now on. */
int ext2_block_replace(const struct ext2_vnode *dir,
                       const struct ext2_place *place, uint32_t ino,
                       enum shale_type type);

/*
 * The record at PLACE has another name from now on, changed by one write of the
 * device: 1. 0 if that cannot be, or an error.
 */
int ext2_block_rename(const struct ext2_vnode *dir,
                      const struct ext2_place *place, const char *name,
                      size_t len);

/* BUF, a block of DIR, is about to be changed. */
int ext2_dir_change(const struct ext2_vnode *dir, struct shale_buf *buf);

/* --------------------------------------------------------- dir_write.c */

/*
 * If the transaction is undone, what is known of DIR in memory, of where names
 * and room are, is forgotten.
 */
int ext2_dir_note(struct ext2_vnode *dir);

/* Add an empty block to DIR, pinned and ready to be changed. */
int ext2_dir_append(struct ext2_vnode *dir, struct shale_buf **out,
                    uint32_t *index);

/* -------------------------------------------------------- htree_write.c */

/* Can DIR, of one block, get an index? Only if batches are whole. */
bool ext2_htree_possible(const struct ext2_vnode *dir);

/* Give it one. */
int ext2_htree_make(struct ext2_vnode *dir);

/*
 * Enter WHAT through the index of DIR. Returns 1; 0 if that is damaged, of
 * which the log has been warned, or would have to grow where batches are not
 * whole; or an error.
 */
int ext2_htree_insert(struct ext2_vnode *dir,
                      const struct ext2_new_name *what);

#endif /* EXT2_DIR_H */
