/*
 * heap.c - the one array that all memory comes from
 */
#include "kernel.h"
#include "machine.h"

/* How much is set when the kernel is built. */
static _Alignas(SHALE_PAGE_SIZE) unsigned char bytes[KERNEL_HEAP_SIZE];
static struct shale_static_arena arena;

struct shale_mem *heap;

size_t heap_size(void)
{
    return sizeof bytes;
}

void heap_init(void)
{
    shale_static_arena_init(&arena, bytes, sizeof bytes);
    heap = shale_mem_create(&arena.source, &kernel_locks, 0);
    if (!heap)
        panic("the heap is too small for its own state");
}
