/*
 * copy.h - copying out of an image: what the files of `shale cp` share
 *
 * The image may be hostile and so may be what already lies at the destination.
 * Therefore everything on the destination's side is named by an open directory
 * and a single name that has been checked; symlinks there are never followed;
 * what is in the way is removed and made anew, never written through; and
 * descent is a loop with one descriptor, not a recursion.
 */
#ifndef SHALE_TOOLS_COPY_H
#define SHALE_TOOLS_COPY_H

#include <sys/types.h>

#include "inomap.h"
#include "tools.h"

/* A file with several names, once the first one has been copied. */
struct copy_link {
    char *path;                 /* of the copy, from .base on */
    dev_t dev;
    ino_t ino;
};

struct copy {
    struct volume *vol;
    bool no_clobber;            /* leave alone what is there */
    bool verbose;
    bool is_root;
    dev_t image_dev;            /* which file the image itself is */
    ino_t image_ino;

    /* The operand in hand: it becomes NAME in the directory .base. */
    int base;
    const char *base_path;      /* as given, for messages */
    const char *name;           /* NULL: its contents go right into .base */
    const char *rest;           /* below NAME, where we are: "" or "/a/b" */
    bool drop_acls;             /* .base makes new files inherit an ACL */

    char *buf;                  /* COPY_CHUNK bytes */
    bool no_range;              /* copy_file_range() does not work here */
    bool said_no_xattrs;

    struct inomap links_of;     /* inode to 1 + index in .links */
    struct copy_link *links;
    size_t link_count, link_capacity;
};

#define COPY_CHUNK (1u << 20)

/* The copy's path from .base on; to be freed. */
char *copy_path(const struct copy *copy);

/* Say that the destination failed with ERROR, an errno value. */
void copy_fail(struct copy *copy, int error);

/* --------------------------------------------------------- copyfile.c */

/*
 * Copy the SIZE bytes of FILE to the new and empty file FD, and leave holes
 * where FILE has them. False, having said so, if that failed; FD then holds
 * what precedes the failure.
 */
bool copy_data(struct copy *copy, const char *path, struct shale_vnode *file,
               uint64_t size, int fd);

/* --------------------------------------------------------- copyattr.c */

/* The copy: open if that is possible, or named. */
struct copy_target {
    int fd;                     /* or -1 */
    int dir;
    const char *name;
};

/*
 * Give TARGET the owner, extended attributes, mode and times of VN, whose
 * path is PATH and attributes are ATTR. What only root may keep is left out in
 * silence if we are not; so are setuid and setgid without their owner.
 */
void copy_attr(struct copy *copy, const char *path, struct shale_vnode *vn,
               const struct shale_attr *attr,
               const struct copy_target *target);

/* --------------------------------------------------------- copytree.c */

/*
 * Copy VN, a reference that is put, found at PATH, to what .base and .name
 * say; a directory with all that is in it.
 */
void copy_tree(struct copy *copy, struct shale_vnode *vn, const char *path);

/* Add up what copy_tree() would have to do. */
void copy_measure(struct copy *copy, struct shale_vnode *vn, const char *path,
                  uint64_t *bytes, uint64_t *files);

/* Forget the hard links; free all. */
void copy_fini(struct copy *copy);

#endif /* SHALE_TOOLS_COPY_H */
