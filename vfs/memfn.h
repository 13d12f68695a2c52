/*
 * memfn.h - the four functions the core asks of its host
 *
 * <string.h> is not a freestanding header, so they are declared here. A
 * compiler may also call them on its own; every kernel and libc has them.
 */
#ifndef VFS_MEMFN_H
#define VFS_MEMFN_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);

#endif /* VFS_MEMFN_H */
