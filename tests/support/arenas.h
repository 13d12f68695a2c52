/*
 * arenas.h - an arena source that tests can look into, and crashes on purpose
 */
#ifndef SUPPORT_ARENAS_H
#define SUPPORT_ARENAS_H

#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shale/mem.h"

#define ARENA_ALIGN ((size_t)1 << 20)

struct test_source {
    struct shale_arena_source base;
    size_t chunk;               /* bytes lent when less is asked for */
    size_t shift;               /* bytes past a multiple of 1 MiB */
    size_t limit;               /* arenas out at once; 0: any number */

    pthread_mutex_t lock;       /* guards the rest */
    size_t arenas, bytes;       /* out now */
    size_t most_bytes;          /* ... and at most so far */
    size_t lends;               /* times that something was lent */
    void *all[64];              /* the first that were */
};

static inline void *test_lend(struct shale_arena_source *base, size_t min,
                              size_t *size)
{
    struct test_source *source = (struct test_source *)base;
    void *bytes = NULL;
    size_t len = min > source->chunk ? min : source->chunk;

    pthread_mutex_lock(&source->lock);
    if (source->limit == 0 || source->arenas < source->limit) {
        ck_assert(posix_memalign(&bytes, ARENA_ALIGN, len + source->shift) ==
                  0);
        bytes = (uint8_t *)bytes + source->shift;
        memset(bytes, 0x5a, len);       /* it need not be zero */
        *size = len;
        if (source->lends < 64)
            source->all[source->lends] = bytes;
        source->lends++;
        source->arenas++;
        source->bytes += len;
        if (source->bytes > source->most_bytes)
            source->most_bytes = source->bytes;
    }
    pthread_mutex_unlock(&source->lock);
    return bytes;
}

static inline void test_give_back(struct shale_arena_source *base, void *arena,
                                  size_t size)
{
    struct test_source *source = (struct test_source *)base;

    pthread_mutex_lock(&source->lock);
    ck_assert_uint_gt(source->arenas, 0);
    source->arenas--;
    source->bytes -= size;
    pthread_mutex_unlock(&source->lock);
    memset(arena, 0x6b, size);  /* under ASan: nothing is left poisoned */
    free((uint8_t *)arena - source->shift);
}

/* Free what a source without give_back() has lent. */
static inline void test_source_free(struct test_source *source)
{
    ck_assert_uint_le(source->lends, 64);
    for (size_t i = 0; i < source->lends; i++)
        free((uint8_t *)source->all[i] - source->shift);
}

static inline void test_source_init(struct test_source *source, size_t chunk,
                                    size_t shift)
{
    *source = (struct test_source){
        .base = { .lend = test_lend, .give_back = test_give_back },
        .chunk = chunk,
        .shift = shift,
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };
}

static inline struct shale_mem_stats test_mem_stats(struct shale_mem *mem)
{
    struct shale_mem_stats stats;

    shale_mem_stats(mem, &stats);
    return stats;
}

static inline void test_mem_sound(struct shale_mem *mem, const char *when)
{
    const char *wrong = shale_mem_check(mem);

    ck_assert_msg(!wrong, "%s: %s", when, wrong);
}

/* Does RUN stop the process, in the way that the allocator does? */
static inline bool test_traps(void (*run)(void *arg), void *arg)
{
    pid_t child = fork();
    int status;

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        signal(SIGILL, SIG_DFL);
        signal(SIGTRAP, SIG_DFL);
        run(arg);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) &&
           (WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGTRAP);
}

#endif /* SUPPORT_ARENAS_H */
