/* threads.h - the same in several threads */
#ifndef SUPPORT_THREADS_H
#define SUPPORT_THREADS_H

#include <pthread.h>
#include <stdint.h>

#include "suite.h"

enum { IN_THREADS_MAX = 16 };

/* Call BODY in COUNT threads, each with its number from 0 on for an argument,
   and wait until all have returned. */
static inline void in_threads(unsigned count, void *(*body)(void *number))
{
    pthread_t threads[IN_THREADS_MAX];

    ck_assert_uint_le(count, IN_THREADS_MAX);
    for (uintptr_t i = 0; i < count; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, body, (void *)i), 0);
    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

#endif /* SUPPORT_THREADS_H */
