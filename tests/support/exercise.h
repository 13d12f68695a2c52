/*
 * exercise.h - touch everything that a volume has
 *
 * Walks every directory, looks up every name, reads every file, target and
 * attribute, maps and seeks. For volumes that may be corrupt or whose device
 * may fail: an error is counted and the walk goes on. The work is bounded
 * whatever the volume says.
 */
#ifndef SUPPORT_EXERCISE_H
#define SUPPORT_EXERCISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/shale.h"

enum { EXERCISE_ERRORS = 8 };

struct exercise {
    /* How much to do at most; zero is a generous default. */
    uint64_t max_entries;       /* names listed */
    uint64_t max_bytes;         /* of file data read, in all */
    uint64_t max_file_bytes;    /* ... and of one file */
    uint64_t max_steps;         /* extents mapped and seeks made, in all */

    /* What was done. */
    uint64_t files, entries, bytes, steps;
    uint64_t sum;               /* of all that was seen, in order */
    bool cut_short;             /* a bound above was met */

    /* Each error seen, once. */
    int errors[EXERCISE_ERRORS];
    unsigned error_count;
};

/* Exercise FS. Returns the first error met, or 0. */
int exercise(struct shale_fs *fs, struct exercise *x);

#endif /* SUPPORT_EXERCISE_H */
