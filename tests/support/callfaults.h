/*
 * callfaults.h - every call that changes a volume fails, everywhere
 *
 * A round mounts a volume with a few files, and does one call while one thing
 * fails: the first allocation, the second, ..., or the first request to the
 * device, and so on until the call gets through untouched. Whatever fails, the
 * call has failed whole: the tree is what it was, or, for a call that found a
 * way around, what it should be. The same call then works, and the volume that
 * is left has no fault.
 *
 * The volume is a private mapping of one image, so a round costs only what it
 * touches. Assertions are Check's.
 */
#ifndef SUPPORT_CALLFAULTS_H
#define SUPPORT_CALLFAULTS_H

#include "model/ops.h"
#include "shape.h"

struct callfaults {
    const struct shape *shape;
    const struct op *setup;     /* what makes the files */
    size_t setup_count;
    const struct op *calls;     /* the first makes a file */
    const unsigned *few;        /* calls that can be made one after another */
    size_t few_count;

    struct image image;         /* made by begin */
};

/* Make the image, and give it back. */
void callfaults_begin(struct callfaults *of);
void callfaults_end(struct callfaults *of);

/* Each allocation, or else request, of call number CALL fails in turn; COLD:
   with nothing cached. */
void callfaults_call(const struct callfaults *of, int call, bool allocation,
                     bool cold);

/* The few calls, and then what was done is to be written, while one request
   after the other fails: sync says so and, if errors are to be survived
   (GO_ON), works the next time. */
void callfaults_sync(const struct callfaults *of, bool go_on);

/*
 * Is it CALL's turn on VOLUME, one of so many? Every call is tried on each, if
 * there is time. Or else on one of them; or only a third of the calls, where
 * each access is checked.
 */
bool callfaults_picked(int call, int volume, int volumes);

#endif /* SUPPORT_CALLFAULTS_H */
