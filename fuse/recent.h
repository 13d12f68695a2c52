/*
 * recent.h - the files that were written last
 *
 * Each is held, so that it stays in memory: a file that is being written has
 * space beyond its end, which the core takes back as soon as nobody holds it.
 * All zeros is one with none. Who calls has a lock, and puts what he gets back
 * only without it: the core may have much to do then.
 */
#ifndef SHALE_FUSE_RECENT_H
#define SHALE_FUSE_RECENT_H

#include <stdbool.h>
#include <stdint.h>

/* Files being written at once; more, and they get in each other's way. */
enum { RECENT = 64 };

struct shale_vnode;

struct recent {
    struct shale_vnode *all[RECENT];    /* NULL: free */
    unsigned next;              /* place in it to be used next */
};

/* VN has been written. Returns the one it takes the place of, or NULL. */
struct shale_vnode *recent_add(struct recent *recent, struct shale_vnode *vn);

/* Take out the one numbered INO; NULL if it is not there. */
struct shale_vnode *recent_take(struct recent *recent, uint64_t ino);

/*
 * Take out those for whose number WHOSE says so, and store them in OUT, RECENT
 * at most. Returns how many.
 */
unsigned recent_take_some(struct recent *recent,
                          bool (*whose)(void *context, uint64_t ino),
                          void *context, struct shale_vnode **out);

#endif /* SHALE_FUSE_RECENT_H */
