/*
 * apart.h - functions that are to have a frame of their own
 *
 * A compiler makes a function that is called once a part of who calls it, and
 * its variables lie under whatever that calls besides. Where this is the way to
 * the deepest point of the stack, APART keeps them off it.
 */
#ifndef VFS_APART_H
#define VFS_APART_H

#define APART __attribute__((noinline))

#endif /* VFS_APART_H */
