/*
 * rename.h - what rename.c and exchange.c share
 *
 * All of it is called with the volume's lock held, but for rename_exchange().
 */
#ifndef VFS_RENAME_H
#define VFS_RENAME_H

#include "vfs.h"

struct renaming {
    struct shale_rename what;
    unsigned flags;
    const struct shale_node *left;      /* what comes where it was, or NULL */
};

/*
 * Find what WHAT is about; the victim is NULL if there is none. What it had
 * found before it lets go.
 */
int rename_ends_find(struct shale_rename *what);
void rename_ends_put(struct shale_rename *what);

/* 0 if VN may move from directory FROM to TO. */
int rename_check_move(struct shale_vnode *vn, struct shale_vnode *from,
                      struct shale_vnode *to);

/*
 * Do what CONTEXT, a struct renaming, says. Who runs this puts the ends: the
 * undo of a transaction needs them, too.
 */
int rename_in_tx(struct shale_fs *fs, void *context);

/* Exchange the names of WHAT. */
int rename_exchange(struct shale_fs *fs, struct shale_rename *what);

#endif /* VFS_RENAME_H */
