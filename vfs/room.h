/*
 * room.h - asking again, having made room
 *
 * A call that finds no memory is made again, from its beginning:
 *
 *     struct visit v;
 *
 *     visit_shared(&v, fs);
 *     do
 *         err = fs->ops->statfs(fs, out);
 *     while (visit_again(&v, err));
 *
 * which has the volume's lock all the time, and lets go of it at the end.
 */
#ifndef VFS_ROOM_H
#define VFS_ROOM_H

#include "vfs.h"

struct visit {
    struct shale_fs *fs;
    unsigned tries;             /* since something else was done last */
    uint8_t how;                /* see room.c */
    bool written;               /* what waited was, for this */
};

/*
 * Begin, with the volume's lock shared; or with the caller's hold of it,
 * exclusive, which he keeps.
 */
void visit_shared(struct visit *v, struct shale_fs *fs);
void visit_held(struct visit *v, struct shale_fs *fs);

/* The answer was ERR. Is it to be asked for again? Else the visit is over. */
bool visit_again(struct visit *v, int64_t err);

/* Something was done, so that what is left to do has all its tries. */
static inline void visit_got_on(struct visit *v)
{
    v->tries = 0;
}

/* The same for what is done without the volume's lock; TRIES counts from 0. */
bool room_again(struct shale_fs *fs, int64_t err, unsigned *tries);

#endif /* VFS_ROOM_H */
