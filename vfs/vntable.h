/*
 * vntable.h - the table of the vnodes in memory, for vnode.c
 *
 * A vnode is in the table from when it is added until it is taken; see vnode.c
 * for what that means. Everything here is done with the table's lock held.
 */
#ifndef VFS_VNTABLE_H
#define VFS_VNTABLE_H

#include "vfs.h"

/* 8 MiB of them on a 64-bit host. */
#define VNODE_BUCKETS_MAX ((size_t)1 << 20)

/* The vnode numbered INO, or NULL; with one more reference / as it is. */
struct shale_vnode *vntable_get(struct vnode_table *table, uint64_t ino);
struct shale_vnode *vntable_find(struct vnode_table *table, uint64_t ino);

/* Enter VN, not there yet, with one reference. */
void vntable_add(struct vnode_table *table, struct shale_vnode *vn);

/* Return a reference. */
void vntable_unref(struct vnode_table *table, struct shale_vnode *vn);

/*
 * Take the vnode unused for longest out of the table, if more than KEEP are
 * unused. It is the caller's to evict, after unlocking.
 */
struct shale_vnode *vntable_take_unused(struct vnode_table *table, size_t keep);

/* As the functions of settle.c's in vfs.h. */
struct shale_vnode *vntable_take_unsettled(struct vnode_table *table);
void vntable_return_unsettled(struct vnode_table *table,
                              struct shale_vnode *vn);
void vntable_take_leaving(struct vnode_table *table, struct shale_vnode *vn);

#endif /* VFS_VNTABLE_H */
