/*
 * shrink.h - fewer operations that still fail
 */
#ifndef MODEL_SHRINK_H
#define MODEL_SHRINK_H

#include "ops.h"

/* Carries out operations: 0, or how it failed, 1 to 127. */
typedef int shrink_run(void *context, const struct ops *ops);

/* RUN(CONTEXT, OPS) in a process of its own, QUIET without its output and for
   a minute at most. Returns what it did, or 128 and the signal that it got. */
int run_apart(shrink_run *run, void *context, const struct ops *ops,
              bool quiet);

/* Leave out of OPS, which fail, what they fail without, in the same way. */
void shrink(struct ops *ops, shrink_run *run, void *context);

#endif /* MODEL_SHRINK_H */
