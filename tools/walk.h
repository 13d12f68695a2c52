/*
 * walk.h - a tree of directories, one step at a time
 *
 * An explicit stack of listings instead of recursion, since the depth comes
 * from the image. Every directory is listed in one pass, with attributes. A
 * sound volume has one name for a directory; one that turns up again in a walk
 * (its own ancestor, or a second parent's child) is reported and not entered,
 * which bounds the work by the number of directories there are.
 */
#ifndef SHALE_TOOLS_WALK_H
#define SHALE_TOOLS_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "inomap.h"
#include "listing.h"
#include "tools.h"

enum walk_step {
    WALK_END,
    WALK_ENTER,                 /* a directory, its listing just read */
    WALK_ENTRY,                 /* one of the entries of the one we are in */
    WALK_LEAVE,                 /* out of the directory: all in it is done */
};

/*
 * How deep a walk goes whose every line shows a path: paths grow with depth,
 * so a hostile chain of directories would print the square of its length.
 */
#define WALK_SHOWN_MAX 4096

struct walk_level {
    struct listing listing;
    size_t next;                /* entry to return next */
    size_t path_len;            /* of this directory */
    uint64_t ino;               /* its number */
    bool has_attr;
    struct shale_attr attr;     /* of this directory */
};

struct walk {
    struct volume *vol;
    unsigned flags;             /* of listing_load() */
    size_t max_depth;           /* levels to enter; 0: no limit */
    const char *path;           /* of what the step is about */

    /* After ENTRY: the entry, and whether it is its directory's last. */
    const struct listing_entry *entry;
    bool last;

    /* The stack; the directory we are in is levels[depth - 1]. */
    struct walk_level *levels;
    size_t depth, capacity;

    char *path_buf;
    size_t path_capacity;
    bool descend;               /* into .entry, at the next step */
    bool left;                  /* the top level, at the next step */
    struct shale_vnode *root;   /* until it has been entered */
    struct inomap seen;         /* directories entered */
};

/* Walk the tree under ROOT, a reference that is the walk's from now on. */
void walk_init(struct walk *walk, struct volume *vol, unsigned flags,
               struct shale_vnode *root, const char *path);

/* The next step. Errors are reported on the way. */
enum walk_step walk_next(struct walk *walk);

/* After ENTRY: do not enter it. After ENTER: leave at once, without LEAVE. */
void walk_skip(struct walk *walk);

/* The directory we are in; after LEAVE, the one just left. */
struct walk_level *walk_top(struct walk *walk);

void walk_fini(struct walk *walk);

#endif /* SHALE_TOOLS_WALK_H */
