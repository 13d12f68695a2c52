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

#include <check.h>
#include <stddef.h>

#include "model/ops.h"

/* What is tried, on volumes of which shapes. */
struct callfaults_plan {
    const char *name;           /* of the suite */
    const char *const *shapes;  /* names, then NULL */
    const struct op *setup;     /* what makes the files */
    size_t setup_count;
    const struct op *calls;     /* the first makes a file */
    int call_count;
    const unsigned *few;        /* calls that can be made one after another */
    size_t few_count;
};

/* The suite of PLAN, which stays its owner's. */
Suite *callfaults_suite(const struct callfaults_plan *plan);

#endif /* SUPPORT_CALLFAULTS_H */
