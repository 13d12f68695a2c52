/*
 * heap.c - the one array that all memory comes from
 *
 * It is lent in chunks, to the kernel's own allocator and to one for each
 * mounted volume: so what a volume takes is known, and comes back whole when it
 * is unmounted.
 */
#include "kernel.h"
#include "machine.h"

#define CHUNK  ((size_t)128 << 10)
#define CHUNKS (KERNEL_HEAP_SIZE / CHUNK)

/* How much is set when the kernel is built. */
static _Alignas(SHALE_PAGE_SIZE) unsigned char bytes[KERNEL_HEAP_SIZE];
static bool lent[CHUNKS];
static size_t lent_count, lent_peak;
static struct spinlock lock;    /* of these */

struct shale_mem *heap;

/* COUNT free chunks in a row: the first one's number, CHUNKS if there are none.
   With the lock. */
static size_t find_free(size_t count)
{
    size_t free = 0;

    for (size_t i = 0; i < CHUNKS; i++) {
        free = lent[i] ? 0 : free + 1;
        if (free == count)
            return i + 1 - count;
    }
    return CHUNKS;
}

static void *lend(struct shale_arena_source *source, size_t min, size_t *size)
{
    size_t count = (min + CHUNK - 1) / CHUNK, first;

    (void)source;
    spin_lock(&lock);
    first = count > 0 ? find_free(count) : CHUNKS;
    if (first < CHUNKS) {
        memset(lent + first, true, count);
        lent_count += count;
        if (lent_count > lent_peak)
            lent_peak = lent_count;
    }
    spin_unlock(&lock);
    if (first == CHUNKS)
        return NULL;
    *size = count * CHUNK;
    return bytes + first * CHUNK;
}

static void give_back(struct shale_arena_source *source, void *arena,
                      size_t size)
{
    size_t first = (size_t)((unsigned char *)arena - bytes) / CHUNK;

    (void)source;
    spin_lock(&lock);
    memset(lent + first, false, size / CHUNK);
    lent_count -= size / CHUNK;
    spin_unlock(&lock);
}

static struct shale_arena_source source = {
    .lend = lend, .give_back = give_back,
};

struct shale_mem *heap_make(void)
{
    return shale_mem_create(&source, &kernel_locks, 0);
}

size_t heap_size(void)
{
    return sizeof bytes;
}

size_t heap_peak(void)
{
    return lent_peak * CHUNK;
}

void heap_init(void)
{
    heap = heap_make();
    if (!heap)
        panic("the heap is too small for its own state");
}
