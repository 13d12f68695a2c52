/*
 * cut.h - one sequence of operations, cut everywhere, judged
 */
#ifndef POWERCUT_CUT_H
#define POWERCUT_CUT_H

#include "model/ops.h"
#include "shape.h"

struct cut_totals {
    uint64_t states, looks, sequences, left_out;
};

struct cut_settings {
    const struct shape *shape;
    const struct image *image;  /* an empty volume of it, which stays so */
    uint64_t seed;
    uint64_t states;            /* to judge, about; 0: all */
    unsigned long sample;       /* one state in so many gets the closer look */
    struct cut_totals *totals;  /* added to */
};

/*
 * Do OPS on a copy of the image, then judge the states that a power cut could have
 * left. True if all is well; or else WHY (SIZE bytes) says what is not. What
 * it then has allocated stays, for a process that ends anyway.
 */
bool cut_sequence(const struct cut_settings *settings, const struct ops *ops,
                  char *why, size_t size);

#endif /* POWERCUT_CUT_H */
