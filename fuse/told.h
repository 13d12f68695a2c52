/*
 * told.h - where a running daemon tells of itself
 */
#ifndef SHALE_FUSE_TOLD_H
#define SHALE_FUSE_TOLD_H

/*
 * The attribute of a mount's root that tells of the daemon's memory: a line for
 * each key, its name and its value. See memory.c.
 */
#define MEMORY_ATTRIBUTE "system.shale.memory"

#endif /* SHALE_FUSE_TOLD_H */
