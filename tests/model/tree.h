/*
 * tree.h - the model's own way about in its tree
 *
 * Errors are those of shale.h; on one, nothing is stored. No call gives a
 * reference away but where it says so.
 */
#ifndef MODEL_TREE_H
#define MODEL_TREE_H

#include "model.h"

enum { TREE_PATH_ROOM = 8192 };

/* Where a path leads: the last name, the directory it is in, what it is. */
struct place {
    struct node *dir;
    const char *name;           /* in the path, or in `text` */
    size_t len;
    struct entry *entry;        /* NULL: not there */
    struct node *node;          /* the entry's; or that of ".", ".." */
    char text[TREE_PATH_ROOM];       /* a path that symlinks have led to */
};

/* A node that nobody has a name for; with one reference, the caller's. */
struct node *node_new(struct model *model, enum shale_type type, uint32_t mode);

/* Put NODE into DIR as NAME, which takes the caller's reference. */
void entry_add(struct node *dir, const char *name, struct node *node);

/* Take ENTRY out of DIR, which gives its reference to the caller. */
struct node *entry_take(struct node *dir, struct entry *entry);

/* Follow PATH, and a symlink at its end if FOLLOW says so. */
int place_find(const struct model *model, const char *path, bool follow,
               struct place *out);

/* To the node at PATH, whatever it is. */
int tree_walk(const struct model *model, const char *path, bool follow,
              struct node **out);

/* To a file with contents, at PATH or open ("@3"). */
int tree_walk_file(const struct model *model, const char *path,
                   struct node **out);

/* Is DIR equal to, or somewhere below, ABOVE? */
bool tree_is_below(const struct node *dir, const struct node *above);

#endif /* MODEL_TREE_H */
