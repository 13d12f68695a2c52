/*
 * inuse.h - does the kernel itself have an image in use?
 */
#ifndef HOST_INUSE_H
#define HOST_INUSE_H

#include <stdbool.h>

/*
 * Is a loop device attached to the file FD? What mounts that takes no lock on
 * the file, and must not see it change.
 */
bool inuse_by_loop(int fd);

#endif /* HOST_INUSE_H */
