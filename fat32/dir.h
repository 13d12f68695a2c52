/*
 * dir.h - directories: their slots, the files among them, and finding one
 */
#ifndef FAT32_DIR_H
#define FAT32_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain.h"
#include "dirent.h"

struct fat_vnode;

/* -------------------------------------------------------------- dir.c */

/*
 * One file as a directory has it: its entry, with the pieces of the long name
 * before it if they are sound and belong to it. Taken with fat_set_get(), for
 * it is too large for a stack.
 */
struct fat_set {
    uint32_t slot;              /* the first one of it */
    uint32_t count;             /* slots, 1 to 21; the last: the short entry */
    uint64_t at;                /* place of the short entry */
    struct fat_entry entry;
    bool is_long;               /* the name is the long one; else as shown */
    uint32_t len;               /* units */
    uint16_t name[FAT_LONG_MAX + 1];
};

/* One, of any content, or NULL; and back, which takes NULL. */
struct fat_set *fat_set_get(struct fat_volume *vol);
void fat_set_put(struct fat_volume *vol, struct fat_set *set);

/* A walk over the slots of a directory. */
struct fat_walk {
    struct fat_vnode *dir;
    struct fat_run run;         /* clusters of DIR around the next slot */
    uint32_t next;              /* slot */
    struct shale_buf *buf;      /* block of the last one */
    uint8_t *raw;               /* where the next one is in it ... */
    uint32_t left;              /* ... if this is not 0: slots from there on */
};

/* Start at SLOT of DIR. What a walk has pinned, stop releases. */
void fat_walk_start(struct fat_walk *walk, struct fat_vnode *dir,
                    uint32_t slot);
void fat_walk_stop(struct fat_walk *walk);

/*
 * The next slot's FAT_ENTRY_SIZE bytes, in walk->buf, and its number, free or
 * not, to the end of what is allocated. Returns 1, 0 or an error.
 */
int fat_walk_slot(struct fat_walk *walk, const uint8_t **raw, uint32_t *slot);

/* The next file. Returns 1 and fills *OUT, 0 at the end, or an error. */
int fat_walk_next(struct fat_walk *walk, struct fat_set *out);

/*
 * The file whose set begins at SLOT of DIR. Returns 1 and fills *OUT, 0 if none
 * does, or an error.
 */
int fat_set_read(struct fat_vnode *dir, uint32_t slot, struct fat_set *out);

/*
 * Pin the block with SLOT of DIR. Returns 1, or 0 if SLOT is past what is
 * allocated.
 */
int fat_dir_slot(struct fat_vnode *dir, uint32_t slot, struct fat_spot *out);

/* The slots that are allocated to DIR. */
int fat_dir_slots(struct fat_vnode *dir, uint32_t *out);

/* As struct shale_fs_ops.iterate. */
int fat_dir_iterate(struct fat_vnode *dir, uint64_t cookie,
                    shale_emit_fn *emit, void *context);

/* ------------------------------------------------------------ names.c */

/*
 * Find the LEN units of NAME, long or short, in DIR: exactly so, or else in
 * another case, and stores what it is in *OUT. SHALE_ENOENT.
 */
int fat_dir_find(struct fat_vnode *dir, const uint16_t *name, size_t len,
                 struct fat_set *out);

/* As struct shale_fs_ops.lookup. */
int fat_dir_lookup(struct fat_vnode *dir, const char *name, size_t len,
                   uint64_t *ino);

/*
 * SET has come to DIR, or gone: note that, if DIR has a table of its names. If
 * it cannot be noted, the table is dropped and a later search makes a new one;
 * which may be asked for, too.
 */
void fat_names_add(struct fat_vnode *dir, const struct fat_set *set);
void fat_names_remove(struct fat_vnode *dir, const struct fat_set *set);
void fat_names_forget(struct fat_vnode *dir);

/* -------------------------------------------------------- describe.c */

/*
 * The label that the root directory has: its slot, and entry. Returns 1, 0 or
 * an error.
 */
int fat_label_find(struct fat_vnode *root, uint32_t *slot,
                   struct fat_entry *out);

#endif /* FAT32_DIR_H */
