/*
 * run.h - operations carried out on a filesystem and on the model, compared
 */
#ifndef MODEL_RUN_H
#define MODEL_RUN_H

#include "backend.h"
#include "model.h"
#include "shape.h"

struct run {
    struct model model;
    struct backend *backend;
    const struct shape *shape;
    struct found found;

    /* The image as a file, for the format's own checker at every so many
       remounts; 0: never. */
    const char *image_path;
    unsigned long fsck_every;
    FILE *answers;              /* where each one goes, or NULL */

    bool names_only;            /* run_compare() reads no file */
    unsigned tolerated;         /* FOUND_..., after unmounting */
    unsigned long done, refused, remounts;
    unsigned waited;            /* moments, for the space of this operation */
    char why[1600];             /* what went wrong; "" so far */
    unsigned kind;              /* the same as a number, without details */
    uint8_t *buf;
    size_t buf_size;
    struct op rest;             /* what of the last operation was not done; of
                                   length b, 0: all was */
};

/* Begin with an empty model and BACKEND, a volume of SHAPE, which is mounted,
   or not if that fails: false. */
bool run_init(struct run *run, struct backend *backend,
              const struct shape *shape);
void run_fini(struct run *run);

/* Do OP on both. False, and run->why says what was wrong, if they differ. */
bool run_op(struct run *run, const struct op *op);

/* Compare the whole tree, as the filesystem shows it. */
bool run_compare(struct run *run);

/* Unmount, let the image be judged, compare the tree that is in it, mount. */
bool run_remount(struct run *run);

/* Compare the tree that was found in the image with the model's. */
bool run_compare_image(struct run *run);

#endif /* MODEL_RUN_H */
