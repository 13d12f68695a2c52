/*
 * jlang.h - workloads of others, for crash consistency, as operations
 */
#ifndef POWERCUT_JLANG_H
#define POWERCUT_JLANG_H

#include "model/ops.h"

/*
 * Append the operations of the `setup` and `run` sections in FROM. Without
 * UNIX_FILES what FAT does not have (links, extended attributes, holes) is left
 * out; *LEFT_OUT counts it. False if something is not understood.
 */
bool jlang_parse(struct ops *ops, FILE *from, bool unix_files,
                 unsigned *left_out);

#endif /* POWERCUT_JLANG_H */
