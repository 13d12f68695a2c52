/*
 * unload.c LIBRARY - a thread that has used a library ends after its dlclose(3)
 *
 * The library has told the C library whom to call when that thread ends.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "shale/host.h"
#include "shale/mem.h"

static pthread_barrier_t used, closed;
static void *(*alloc)(struct shale_mem *mem, size_t size);
static void (*give)(struct shale_mem *mem, void *ptr, size_t size);

static void *work(void *context)
{
    struct shale_mem *mem = context;

    for (unsigned i = 0; i < 200; i++)
        give(mem, alloc(mem, 64), 64);
    pthread_barrier_wait(&used);
    pthread_barrier_wait(&closed);
    return NULL;
}

/* Set the function pointer at SLOT to what LIB calls NAME. */
static bool find(void *lib, const char *name, void *slot)
{
    void *symbol = dlsym(lib, name);

    memcpy(slot, &symbol, sizeof symbol);
    return symbol != NULL;
}

int main(int argc, char **argv)
{
    void *lib = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    struct shale_mem *(*create)(size_t budget);
    int (*set_places)(struct shale_mem *mem, struct shale_places *places);
    size_t (*destroy)(struct shale_mem *mem);
    struct shale_places *places;
    struct shale_mem *mem;
    pthread_t thread;

    if (!lib || !find(lib, "shale_alloc", &alloc) ||
        !find(lib, "shale_free", &give) ||
        !find(lib, "shale_host_mem_create", &create) ||
        !find(lib, "shale_mem_set_places", &set_places) ||
        !find(lib, "shale_mem_destroy", &destroy) ||
        !find(lib, "shale_host_places", &places)) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    mem = create(0);
    if (!mem || set_places(mem, places))
        return 1;
    pthread_barrier_init(&used, NULL, 2);
    pthread_barrier_init(&closed, NULL, 2);
    if (pthread_create(&thread, NULL, work, mem))
        return 1;
    pthread_barrier_wait(&used);
    if (destroy(mem) != 0)
        return 1;
    dlclose(lib);
    pthread_barrier_wait(&closed);
    pthread_join(thread, NULL);
    return 0;
}
