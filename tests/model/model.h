/*
 * model.h - what a filesystem should be: a tree in memory
 *
 * The calls below are those of shale.h with the device left out. Each first
 * finds out what the answer has to be, and then, if it is told to APPLY, does
 * it; so that one can ask before, and do it once the filesystem has agreed.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "ops.h"
#include "shape.h"

struct node;

struct entry {
    char *name;
    struct node *node;
};

/* An extended attribute. */
struct attribute {
    char *name;
    uint8_t *bytes;
    size_t size;
};

struct node {
    uint64_t id;                /* never used twice */
    unsigned refs;              /* its entries, and those who have it open */
    unsigned names;             /* its entries */
    enum shale_type type;
    bool is_dir;
    struct node *parent;        /* of a directory; NULL for a removed one */

    uint8_t *bytes;             /* of a file; a symlink's target */
    size_t size, room;
    int64_t mtime;              /* as OP_TOUCH set it; -1: not known */
    uint32_t mtime_nsec;

    /* Where files have them. */
    uint32_t mode;              /* permissions */
    uint32_t uid, gid, rdev_major, rdev_minor;
    struct attribute *attributes;
    size_t attribute_count;
    uint64_t ino;               /* as it was seen first; 0: not yet */

    struct entry *entries;      /* of a directory */
    size_t count, entries_room;
};

struct model {
    struct node *root;
    struct node *slots[OP_SLOTS];       /* open files, or NULL */
    uint64_t next_id;
    struct abilities can;       /* what the filesystem can */
    bool posix;                 /* answers come through a kernel */
};

void model_init(struct model *model, const struct abilities *can);
void model_fini(struct model *model);

/* One more, or one less, to know NODE. */
struct node *node_ref(struct node *node);
void node_put(struct node *node);

/* The entry of DIR called NAME (LEN bytes), or NULL. */
struct entry *model_find(const struct model *model, struct node *dir,
                         const char *name, size_t len);

/* The number of directories in DIR. */
size_t model_subdirs(const struct node *dir);

/* The attribute of NODE called NAME, or NULL. */
struct attribute *model_attribute(const struct node *node, const char *name);

/* Are two names the same name? */
bool model_same_name(const struct model *model, const char *a, size_t a_len,
                     const char *b, size_t b_len);

/* The node at PATH ("/a/b", or "@3"), where a symlink at the end leads. 0 or
   the error; no reference. */
int model_walk(const struct model *model, const char *path,
               struct node **out);

/*
 * What OP answers: 0, a count, or an error; and do it, if APPLY. Operations
 * that change nothing (read, sync...) answer what is to be expected as well.
 * With APPLY, LIMIT is how many bytes a write or a copy got done.
 */
int64_t model_op(struct model *model, const struct op *op, bool apply,
                 uint64_t limit);

#endif /* MODEL_MODEL_H */
