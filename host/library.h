/*
 * library.h - a library that is loaded when somebody needs it
 */
#ifndef HOST_LIBRARY_H
#define HOST_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

/* A function by name, and the function pointer that is to lead to it. */
struct library_call {
    const char *name;
    void *slot;
};

/*
 * Set the function pointers of CALLS to what the library behind HANDLE, which
 * dlopen(3) gave, calls so. False if it lacks one: dlerror(3) tells which.
 */
bool library_find(void *handle, const struct library_call *calls, size_t count);

#endif /* HOST_LIBRARY_H */
