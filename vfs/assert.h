/*
 * assert.h - SHALE_ASSERT: our own code is wrong, stop here
 *
 * Never for what came from a disk or from a caller. On in builds with
 * SHALE_MEM_DEBUG, off elsewhere.
 */
#ifndef VFS_ASSERT_H
#define VFS_ASSERT_H

#ifdef SHALE_MEM_DEBUG
#define SHALE_ASSERT(x) ((x) ? (void)0 : __builtin_trap())
#else
#define SHALE_ASSERT(x) ((void)sizeof(x))
#endif

#endif /* VFS_ASSERT_H */
