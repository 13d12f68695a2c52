/*
 * pages.c - memory for the core, from anonymous mmap
 *
 * The core borrows arenas. The first is 1 MiB, and each further one twice as
 * large up to 8 MiB, so that a big volume needs few of them. Only pages that
 * have been touched take memory, so a large arena costs addresses and no more;
 * that holds as long as the kernel does not back it with huge pages, hence
 * MADV_NOHUGEPAGE.
 *
 * The source lives as long as its last arena. The allocator keeps its own
 * state in the first one, so that is when shale_mem_destroy() is through.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "shale/host.h"

_Static_assert(_Alignof(pthread_mutex_t) <= _Alignof(void *),
               "the core aligns a lock like a pointer");

/*
 * The allocator's lock is never shared, and held for moments: a plain one is
 * faster, and who finds it taken does best to look again a few times.
 */
static int mutex_init(void *lock)
{
    pthread_mutexattr_t attr;
    int err = pthread_mutexattr_init(&attr);

    if (err)
        return -err;
#ifdef __GLIBC__
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
#endif
    err = pthread_mutex_init(lock, &attr);
    pthread_mutexattr_destroy(&attr);
    return -err;
}

static void mutex_fini(void *lock)
{
    pthread_mutex_destroy(lock);
}

static void mutex_lock(void *lock)
{
    pthread_mutex_lock(lock);
}

static void mutex_unlock(void *lock)
{
    pthread_mutex_unlock(lock);
}

static const struct shale_lock_ops mutexes = {
    .size        = sizeof(pthread_mutex_t),
    .init        = mutex_init,
    .fini        = mutex_fini,
    .lock        = mutex_lock,
    .lock_shared = mutex_lock,
    .unlock      = mutex_unlock,
};

#define PLENTY ((size_t)64 << 20)
#define FIRST_ARENA ((size_t)1 << 20)
#define LARGEST_ARENA ((size_t)8 << 20)
#define ARENA_ALIGN ((size_t)1 << 20)
#define ARENA_UNIT ((size_t)64 << 10)   /* the largest page Linux runs with */

struct mmap_source {
    struct shale_arena_source base;
    pthread_mutex_t lock;       /* guards all below */
    size_t refs;                /* arenas out, and the creator */
    size_t next_size;           /* bytes of the next arena, if it may choose */
    size_t left;                /* bytes of the budget not lent */
};

/* Map SIZE bytes, a multiple of ARENA_UNIT, at a multiple of ARENA_ALIGN. */
static void *map_aligned(size_t size)
{
    uint8_t *map;
    size_t before, after;

    if (size > SIZE_MAX - ARENA_ALIGN)
        return NULL;
    map = mmap(NULL, size + ARENA_ALIGN, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return NULL;

    before = -(uintptr_t)map & (ARENA_ALIGN - 1);
    after = ARENA_ALIGN - before;
    if (before)
        munmap(map, before);
    munmap(map + before + size, after);
    madvise(map + before, size, MADV_NOHUGEPAGE);   /* may not be compiled in */
    return map + before;
}

static void source_unref(struct mmap_source *source)
{
    bool last;

    pthread_mutex_lock(&source->lock);
    last = --source->refs == 0;
    pthread_mutex_unlock(&source->lock);
    if (last) {
        pthread_mutex_destroy(&source->lock);
        free(source);
    }
}

/* How large the next arena is to be; 0 if MIN is more than the budget has. */
static size_t choose_size(const struct mmap_source *source, size_t min)
{
    size_t size = source->next_size;

    if (min > SIZE_MAX - ARENA_UNIT)
        return 0;
    min = (min + ARENA_UNIT - 1) & ~(ARENA_UNIT - 1);
    if (size > source->left)
        size = source->left & ~(ARENA_UNIT - 1);
    if (size < min)
        size = min;
    return size <= source->left ? size : 0;
}

static void *source_lend(struct shale_arena_source *base, size_t min,
                         size_t *size)
{
    struct mmap_source *source = (struct mmap_source *)base;
    void *arena = NULL;
    size_t len;

    pthread_mutex_lock(&source->lock);
    len = choose_size(source, min);
    if (len)
        arena = map_aligned(len);
    if (arena) {
        source->refs++;
        source->left -= len;
        if (source->next_size < LARGEST_ARENA)
            source->next_size *= 2;
        *size = len;
    }
    pthread_mutex_unlock(&source->lock);
    return arena;
}

static void source_give_back(struct shale_arena_source *base, void *arena,
                             size_t size)
{
    struct mmap_source *source = (struct mmap_source *)base;

    munmap(arena, size);
    pthread_mutex_lock(&source->lock);
    source->left += size;
    pthread_mutex_unlock(&source->lock);
    source_unref(source);
}

struct shale_mem *shale_host_mem_create(size_t budget)
{
    struct mmap_source *source = calloc(1, sizeof *source);
    struct shale_mem *mem;

    if (!source)
        return NULL;
    source->base.lend = source_lend;
    source->base.give_back = source_give_back;
    source->base.is_plenty = budget == 0 || budget >= PLENTY;
    source->refs = 1;
    source->next_size = FIRST_ARENA;
    source->left = budget ? budget : SIZE_MAX;
    if (pthread_mutex_init(&source->lock, NULL)) {
        free(source);
        return NULL;
    }

    mem = shale_mem_create(&source->base, &mutexes, budget);
    source_unref(source);       /* from here on it lives by its arenas */
    return mem;
}
