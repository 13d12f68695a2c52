/*
 * watch.h - locks that watch over their order
 *
 * A volume that is mounted with watch_locks stops the program if locks are
 * taken in another order than fs.h allows; and the driver of a test can ask
 * whether it is called under those that fs.h says.
 */
#ifndef SUPPORT_WATCH_H
#define SUPPORT_WATCH_H

#include <stdbool.h>

#include "shale/fs.h"
#include "shale/lock.h"

/* In the order they are taken. The leaves are the cache's and the batch's. */
enum watch_rank {
    WATCH_VNODE = 1, WATCH_BATCH, WATCH_VOLUME, WATCH_TABLE, WATCH_LEAF,
};

extern const struct shale_lock_ops watch_locks;

/* For memory, which is below everything, and tested on its own. */
extern const struct shale_lock_ops watch_plain_locks;

/* How many of watch_locks this thread holds. */
unsigned watch_held(void);

/* Stop the program, saying WHY, unless WHAT. For any thread of a test. */
void watch_insist(bool what, const char *why);

/* For a driver's mount() and load(): give the locks of FS / of VN a rank. */
void watch_mount(struct shale_fs *fs);
void watch_load(struct shale_vnode *vn);

/* Insist that the volume's / VN's lock is held, EXCLUSIVE or either way. */
void watch_volume(struct shale_fs *fs, bool exclusive);
void watch_vnode(struct shale_vnode *vn, bool exclusive);

/* Insist that nothing above RANK / nothing of RANK is held, or say WHY. */
void watch_no_more_than(enum watch_rank rank, const char *why);
void watch_not(enum watch_rank rank, const char *why);

#endif /* SUPPORT_WATCH_H */
