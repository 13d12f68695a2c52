/*
 * listing.h - the entries of one directory, in memory
 */
#ifndef SHALE_TOOLS_LISTING_H
#define SHALE_TOOLS_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/shale.h"

struct listing_entry {
    const char *name;           /* terminated as well */
    size_t len;                 /* bytes */
    size_t stream;              /* where a stream's own name begins; else 0 */
    uint64_t ino;
    enum shale_type type;       /* the inode's if we have it */
    bool has_attr;              /* false: not asked for, or unreadable */
    struct shale_attr attr;
};

struct listing {
    struct listing_entry *entries;
    size_t count, capacity;
    char *names;                /* all of them, one after the other */
    size_t names_len, names_capacity;
};

#define LISTING_ATTR     1u     /* with attributes */
#define LISTING_HIDDEN   2u     /* with names that begin with a dot */
#define LISTING_DOTS     4u     /* with "." and ".." too */
#define LISTING_UNSORTED 8u     /* in the directory's own order */

/*
 * Read DIR's entries from *COOKIE on, at most MAX (0: all), and move *COOKIE
 * on. Sorted by name, byte by byte. On error the entries read before it are
 * there. LISTING is new or has been used before.
 */
int listing_load(struct listing *listing, struct shale_vnode *dir,
                 unsigned flags, size_t max, uint64_t *cookie);

void listing_free(struct listing *listing);

/* Is NAME one that a file can have: not empty, no '/', no NUL, no dots? */
bool listing_name_sane(const char *name, size_t len);

#endif /* SHALE_TOOLS_LISTING_H */
