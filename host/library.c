/* library.c - see library.h */
#include "host/library.h"

#include <dlfcn.h>
#include <string.h>

bool library_find(void *handle, const struct library_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        void *symbol = dlsym(handle, calls[i].name);

        if (!symbol)
            return false;
        /* POSIX has them alike in memory; C knows of no conversion. */
        memcpy(calls[i].slot, &symbol, sizeof symbol);
    }
    return true;
}
