/*
 * profile.h - what a build may leave out
 *
 * CMake leaves whole files out; here is what is said in their place by who
 * would call them. A driver's table names what changes a volume by WRITING(),
 * which is an absent slot in a build that only reads (SHALE_READONLY). The few
 * other calls stand behind `if (PROFILE_WRITES)`: the compiler drops them, and
 * has checked them.
 */
#ifndef VFS_PROFILE_H
#define VFS_PROFILE_H

#ifdef SHALE_READONLY
#define PROFILE_WRITES 0
#define WRITING(function) NULL
#else
#define PROFILE_WRITES 1
#define WRITING(function) (function)
#endif

#endif /* VFS_PROFILE_H */
