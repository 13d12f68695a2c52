/*
 * write.h - what the files of the driver's writing half call on each other
 *
 * All of it runs inside the transaction fs->tx, with the volume's lock
 * exclusive. What is kept in memory (the bitmap of free clusters, a vnode's
 * chain and entry) is changed after shale_tx_on_undo() has been told how to
 * put it back, so that a call may fail at any point.
 *
 * The order in which a batch reaches the device, for FAT:
 *
 *     data    file data, and the zeros of new directory clusters
 *     MAP     the FAT: new clusters, linked among themselves
 *     NODE    the link from a chain that was there to its new clusters
 *     NAME    directory entries
 *     WHOLE   short entries whose pieces, or the slots before them, are in
 *             other rows
 *     late    old names of what was renamed, end marks of what got shorter,
 *             ".." of what was moved
 *     then    what was freed is zeroed in the FAT, in the next batch
 */
#ifndef FAT32_WRITE_H
#define FAT32_WRITE_H

#include "chain.h"
#include "dirent.h"
#include "fat.h"
#include "node.h"

struct fat_set;

/* A row is so much of a directory as any device writes as a whole. */
#define FAT_ROW_SLOTS ((1u << FAT_ATOM_SHIFT) / FAT_ENTRY_SIZE)

/* ------------------------------------------------------------- link.c */

/* When a change gets to the device: with all else of its rank, ... */
enum fat_when {
    FAT_NOW,
    FAT_NEXT,                   /* ... once that is there, ... */
    FAT_LATE,                   /* ... or once the batch's names are, too */
};

/*
 * The LEN bytes at SPOT, of a block of RANK, are going to change; FAT_NOW: any
 * of the block's. If not, it is unpinned.
 */
int fat_change(struct fat_volume *vol, const struct fat_spot *spot, size_t len,
               enum shale_rank rank, enum fat_when when);

/* Pin SECTOR, of rank MAP, to change it. */
int fat_sector_change(struct fat_volume *vol, uint32_t sector,
                      struct fat_spot *out);

/*
 * Set the entry of CLUSTER (0 and 1 too) in every FAT that is kept. The four
 * bits that FAT32 reserves stay. SHALE_EAGAIN: it shares a byte with one that
 * waits for its moment, so the batch has to be written first (FAT12 only).
 */
int fat_link_set(struct fat_volume *vol, uint32_t cluster, uint32_t value,
                 enum fat_when when);

/* Make a chain of the COUNT (at least 1) clusters from FIRST on, and end it. */
int fat_link_run(struct fat_volume *vol, uint32_t first, uint32_t count);

/*
 * Mark those of the COUNT clusters from FIRST on as free that are not. Stores
 * how many that were by the FAT that is read, without straddlers. SHALE_EAGAIN
 * as fat_link_set().
 */
int fat_link_clear(struct fat_volume *vol, uint32_t first, uint32_t count,
                   uint32_t *out);

/* Are the entries of A and B written as a whole, both together? */
bool fat_link_together(const struct fat_volume *vol, uint32_t a, uint32_t b);

/* ------------------------------------------------------------ space.c */

/* Free clusters, by regions of so many; see space.c. */
#define FAT_REGION_CLUSTERS 32768u

struct fat_region {
    uint32_t *bits;             /* set: not to be had; NULL: not looked at */
    uint32_t *freed;            /* set: given up; NULL: none */
    uint32_t available;         /* clear ones */
    uint32_t longest;           /* no more of them than so many in a row */
};

/* Clusters kept for a file that grows. */
struct fat_window {
    uint32_t first, count;      /* 0 and 0: there is none */
    uint32_t used;              /* when, by fat_space.clock */
};

#define FAT_WINDOWS 32u

struct fat_space {
    struct fat_region *regions;
    uint32_t region_count;
    uint32_t cursor;            /* where to look for a new file's first */
    uint32_t clock;
    struct fat_window windows[FAT_WINDOWS];
};

int fat_space_init(struct fat_volume *vol);
void fat_space_fini(struct fat_volume *vol);

/*
 * Take up to WANT (at least 1) clusters in a row for a file that has LENGTH of
 * them, the last one LAST. Stores at least one. Nothing is written: the FAT
 * says the same still. SHALE_ENOSPC.
 */
int fat_space_take(struct fat_volume *vol, uint32_t length, uint32_t last,
                   uint32_t want, struct fat_run *out);

/* The file with CHAIN will not grow soon: others may have its window. */
void fat_space_release(struct fat_volume *vol, const struct fat_chain *chain);

/*
 * The COUNT clusters from FIRST on are nobody's any more: reclaim() makes them
 * free. Those of which that has been said before are passed by.
 */
int fat_space_free(struct fat_volume *vol, uint32_t first, uint32_t count);

/* As struct shale_fs_ops.reclaim. */
int fat_reclaim(struct shale_fs *fs, struct shale_tx_run run);

/* SHALE_EPERM if VN may not be changed, by its attribute S and the option. */
static inline int fat_vnode_check(const struct fat_vnode *vn)
{
    const struct fat_volume *vol = fat_volume_of(vn->base.fs);

    return (vol->options.flags & FAT_SYS_IMMUTABLE) &&
                   (vn->entry.attr & FAT_ATTR_SYSTEM) ? SHALE_EPERM : 0;
}

/* ------------------------------------------------------------- grow.c */

/* Tell the transaction how to put VN's own fields back. */
int fat_vnode_note(struct fat_vnode *vn);

/* Store ENTRY in SPOT, a slot, and unpin that. / In the file's at place AT. */
int fat_spot_store(struct fat_volume *vol, const struct fat_spot *spot,
                   const struct fat_entry *entry);
int fat_entry_store(struct fat_volume *vol, uint64_t at,
                    const struct fat_entry *entry);

/* The file with ENTRY is written now. Stores the moment. */
void fat_entry_touch(struct fat_volume *vol, struct fat_entry *entry,
                     struct fat_stamp *now);

/* Make ENTRY that of VN, also on the volume, unless VN has no name left. */
int fat_vnode_store(struct fat_vnode *vn, const struct fat_entry *entry);

/*
 * Give VN up to COUNT (at least 1) more clusters, in a row; WHOLE: all of them,
 * in a row or not. Stores the run added last. Those of a WHOLE are attached to
 * its chain all at once: on FAT12 the entry that waits then (see link.c) may be
 * the neighbour of one of them, which could not be linked afterwards.
 * SHALE_EAGAIN: the batch has to be written first.
 */
int fat_grow(struct fat_vnode *vn, uint32_t count, bool whole,
             struct fat_run *out);

/* As in struct shale_fs_ops. */
int fat_allocate(struct shale_vnode *base, uint64_t offset, uint64_t len,
                 struct shale_extent *out);
int fat_resize(struct shale_vnode *base, uint64_t size);
int fat_trim(struct shale_vnode *base);
int fat_release(struct shale_vnode *base);

/* -------------------------------------------------------- shortname.c */

/* A name that a file is to get. */
struct fat_newname {
    uint32_t len;               /* units, see below */
    uint32_t hash;              /* fat_name_hash() of them */

    uint8_t basis[11];          /* the short name as made from the long one */
    uint32_t base_len, ext_len; /* characters of it that are no padding */
    bool exact;                 /* the basis is the whole name but for case */
    uint8_t exact_lower;        /* FAT_LOWER_... that say the case, or ... */
    bool exact_long;            /* ... it needs pieces even so */

    /* What was chosen. */
    uint8_t name[11];           /* the short name */
    uint8_t lower;              /* FAT_LOWER_... */
    bool is_long;               /* needs pieces of a long name */

    uint16_t units[FAT_LONG_MAX + 1];
};

/*
 * Decode the LEN bytes of NAME into *OUT, all but the choice of a short name.
 * SHALE_EINVAL for what no file can be called.
 */
int fat_newname_decode(struct fat_volume *vol, const char *name, size_t len,
                       struct fat_newname *out);

/*
 * Choose NAME's short name, such that nobody has it in DIR but OWN (or NULL),
 * which gives way in the same moment, and nobody had it in this batch, unless
 * in ROW of DIR (or FAT_UNKNOWN). May be called again, to choose another time.
 */
int fat_newname_choose(struct fat_vnode *dir, struct fat_newname *name,
                       const struct fat_set *own, uint32_t row);

static inline uint32_t fat_newname_slots(const struct fat_newname *name)
{
    return 1 + (name->is_long ? fat_long_pieces(name->len) : 0);
}

/* ----------------------------------------------------------- recent.c */

/* What this batch has done that the device does not know yet; see recent.c. */
struct fat_recent_item {
    uint32_t high, low;         /* the key */
    uint32_t value;
};

struct fat_recent {
    uint64_t batch;             /* of what is in the table */
    struct fat_recent_item *items;
    uint32_t room;              /* a power of two, or 0 */
    uint32_t count;
    uint32_t late_count;        /* slots among them */
};

/*
 * The LEN units of NAME have become free in DIR, by a change of ROW of DIR;
 * FAT_UNKNOWN if of several, or if the change goes late.
 */
int fat_recent_add(struct fat_vnode *dir, const uint16_t *name, uint32_t len,
                   uint32_t row);

/*
 * Has a name with HASH become free in DIR? Stores the row: one that is stored
 * there now goes to the device in the moment in which the old one goes.
 */
bool fat_recent_name(struct fat_vnode *dir, uint32_t hash, uint32_t *row);

/* The slot at place AT is freed late. / Was it? */
int fat_recent_add_slot(struct fat_volume *vol, uint64_t at);
bool fat_recent_slot(struct fat_volume *vol, uint64_t at);

/*
 * DIR has ended in ROW, if that is the first time that this is said. / Does ROW
 * come after the one that DIR ended in, on the device?
 */
int fat_recent_add_end(struct fat_vnode *dir, uint32_t row);
bool fat_recent_behind_end(struct fat_vnode *dir, uint32_t row);

/* What happens to a chain, known by its first cluster. */
enum fat_chain_change {
    FAT_CHAIN_CUT,              /* its new end goes late */
    FAT_CHAIN_LEFT,             /* an entry that leads to it does */
    FAT_CHAIN_LEAVER,           /* a name in it, a directory's, does: there is
                                   more in it than we see */
};

/* WHAT has happened to the chain that begins with FIRST, if any. / Has it? */
int fat_recent_add_chain(struct fat_volume *vol, enum fat_chain_change what,
                         uint32_t first);
bool fat_recent_chain(struct fat_volume *vol, enum fat_chain_change what,
                      uint32_t first);

void fat_recent_fini(struct fat_volume *vol);

/* ------------------------------------------------------------ entry.c */

/* Where a set of slots will be. */
struct fat_room {
    uint32_t slot, count;
    uint32_t end;               /* the slot at which the directory ended so far;
                                   FAT_UNKNOWN if that is behind the room */
};

/*
 * Find room for COUNT slots in DIR, which grows if it has to: in one row if
 * that is long enough. SHALE_ENOSPC.
 */
int fat_room_find(struct fat_vnode *dir, uint32_t count, struct fat_room *out);

/*
 * Find room for COUNT slots in ROW of DIR, where the slots of OWN (or NULL)
 * count as free. SHALE_EAGAIN if there is none.
 */
int fat_room_find_in(struct fat_vnode *dir, uint32_t count, uint32_t row,
                     const struct fat_set *own, struct fat_room *out);

/*
 * Store NAME, whose short name is chosen, and what else ENTRY says in ROOM.
 * Stores the set that is there now in *OUT.
 */
int fat_set_store(struct fat_vnode *dir, const struct fat_room *room,
                  const struct fat_newname *name,
                  const struct fat_entry *entry, struct fat_set *out);

/*
 * Free the slots of SET; LATE: after all else in the batch. Notes that its
 * names were free in this batch.
 */
int fat_set_erase(struct fat_vnode *dir, const struct fat_set *set, bool late);

/* Free SLOT of DIR, which has no name of a file. */
int fat_slot_erase(struct fat_vnode *dir, uint32_t slot);

/* The row that SET is in, or FAT_UNKNOWN if in more than one. */
uint32_t fat_set_row(const struct fat_set *set);

/*
 * SHALE_ENOTEMPTY if there is anything in DIR; SHALE_EAGAIN if there is on the
 * device: what has left DIR may have no other name there yet.
 */
int fat_dir_check_empty(struct fat_vnode *dir);

/* What the ".." of a directory in PARENT leads to. */
static inline uint32_t fat_dotdot_of(const struct fat_vnode *parent)
{
    return parent->base.ino == FAT_ROOT_INO ? 0 : parent->chain.first;
}

/*
 * Fill CLUSTER, which nobody has yet, with free slots. If PARENT is not NULL it
 * is the first one of a directory in there that ENTRY is about.
 */
int fat_dir_clear(struct fat_volume *vol, uint32_t cluster,
                  const struct fat_vnode *parent,
                  const struct fat_entry *entry);

/* ----------------------------------------------------------- change.c */

/* As in struct shale_fs_ops. */
int fat_create(struct shale_vnode *base, const char *name, size_t len,
               const struct shale_node *node, uint64_t *ino);
int fat_remove(struct shale_vnode *base, const char *name, size_t len,
               struct shale_vnode *victim);
int fat_rename(const struct shale_rename *what);
bool fat_stays(const struct shale_vnode *base);

/* ---------------------------------------------------------- setattr.c */

int fat_setattr(struct shale_vnode *base, const struct shale_setattr *what);

/* -------------------------------------------------- state.c, label.c */

/* As in struct shale_fs_ops. */
int fat_mark(struct shale_fs *fs, bool clean);
int fat_set_label(struct shale_fs *fs, const char *label, size_t len);

/*
 * Encode the LEN bytes of UTF-8 of LABEL in 11 bytes of PAGE: in upper case,
 * spaces behind. SHALE_EINVAL for what a label cannot have,
 * SHALE_ENAMETOOLONG.
 */
int fat_label_encode(const struct shale_codepage *page, const char *label,
                     size_t len, uint8_t out[11]);

/* ----------------------------------------------------------- writer.c */

/* What the writing half keeps of a volume. */
struct fat_writer {
    struct fat_recent recent;

    /* Of FAT12: entries that wait for their moment in this batch. */
    uint64_t waiting_batch;
    uint32_t waiting_count;
    uint32_t waiting[16];

    struct fat_space space;
    struct fat_newname name;    /* of the call under way, and ... */
    uint16_t sought[FAT_LONG_MAX + 1];          /* ... one that it looks for */
};

/* Called by mount, unless read-only / by unmount; VOL->writer is made here. */
int fat_writer_init(struct fat_volume *vol);
void fat_writer_fini(struct fat_volume *vol);

#endif /* FAT32_WRITE_H */
