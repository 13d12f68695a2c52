/*
 * each.h - doing something to files of a volume, one after the other, or to
 * trees of them
 */
#ifndef SHALE_TOOLS_EACH_H
#define SHALE_TOOLS_EACH_H

#include "tools.h"

#define EACH_RECURSE  1u        /* with all that is below a directory */
#define EACH_NOFOLLOW 2u        /* a symlink that is named is itself meant */

/*
 * Call DO_IT with each file that PATH stands for, which it finds named as in
 * the call. Below a directory, symlinks are themselves meant. What cannot be
 * found has been told.
 */
void each_file(struct volume *vol, const char *path, unsigned flags,
               void (*do_it)(void *context, struct shale_vnode *vn,
                             const char *path),
               void *context);

#endif /* SHALE_TOOLS_EACH_H */
