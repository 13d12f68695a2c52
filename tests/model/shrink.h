/*
 * shrink.h - fewer operations that still fail
 */
#ifndef MODEL_SHRINK_H
#define MODEL_SHRINK_H

#include "ops.h"

/* Runs the operations, in a process of its own and without a word. */
typedef bool shrink_fails(void *context, const struct ops *ops);

/* Leave out of OPS, which fail, what they fail without. */
void shrink(struct ops *ops, shrink_fails *fails, void *context);

/* Run RUN(CONTEXT, OPS) in a process of its own, QUIET without its output and
   for a minute at most. True if it returned 0. */
bool run_apart(int (*run)(void *context, const struct ops *ops),
               void *context, const struct ops *ops, bool quiet);

#endif /* MODEL_SHRINK_H */
