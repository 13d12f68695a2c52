/*
 * atomic.h - C11's atomic types, where a program in C++ may include them too
 *
 * None is wider than a pointer.
 */
#ifndef SHALE_ATOMIC_H
#define SHALE_ATOMIC_H

#ifdef __cplusplus
#include <atomic>
#define SHALE_ATOMIC(type) std::atomic<type>
#else
#include <stdatomic.h>
#define SHALE_ATOMIC(type) _Atomic(type)
#endif

#endif /* SHALE_ATOMIC_H */
