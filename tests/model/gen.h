/*
 * gen.h - random operations that are likely to mean something
 */
#ifndef MODEL_GEN_H
#define MODEL_GEN_H

#include "model.h"
#include "rng.h"

struct gen {
    struct rng rng;
    uint64_t stamp;             /* of the next write */

    /* What is wanted. */
    uint64_t file_max;          /* bytes that files usually stay below */
    bool exact_case;            /* a name is always written alike */
    bool long_names;            /* some of more than 200 units */
    bool no_whole;              /* no compare, remount */
    unsigned syncs;             /* out of 1000 operations; 0: 40 */
};

/* The next operation for a filesystem that is as MODEL. The caller frees its
   paths. */
struct op gen_next(struct gen *gen, const struct model *model);

#endif /* MODEL_GEN_H */
