/*
 * chunk.h - 32,768 members of a set, in as little memory as they take
 *
 * A chunk is one word:
 *
 *      0           nothing is in it
 *      1           all is in it
 *      pointer | 2 to a few runs, sorted, none touching the next
 *      pointer     to a bitmap of 4 KiB
 *
 * Members are numbered from 0 within it; a run is FIRST to LAST. The caller has
 * whatever lock guards it.
 */
#ifndef CHECK_CHUNK_H
#define CHECK_CHUNK_H

#include "check/check.h"

enum { CHUNK_SIZE = 32768 };

typedef uintptr_t chunk;

/* Put FIRST to LAST in, or take it out. 0, or SHALE_ENOMEM: nothing is done. */
int chunk_add(struct check *check, chunk *c, uint32_t first, uint32_t last);
int chunk_remove(struct check *check, chunk *c, uint32_t first, uint32_t last);
void chunk_clear(struct check *check, chunk *c);

/* How many of FIRST to LAST are in? */
uint32_t chunk_sum(chunk c, uint32_t first, uint32_t last);

/* The first of FIRST to LAST that is in, or not in; LAST + 1 if none is. */
uint32_t chunk_next(chunk c, uint32_t first, uint32_t last, bool in);

/* Set bit AT + (N - FIRST) of the bitmap OUT for each N of FIRST to LAST that
   is in. Bits that are not in are left. */
void chunk_store(chunk c, uint32_t first, uint32_t last, uint8_t *out,
                 uint64_t at);

/* The state of one that is not a pointer, for callers that would be quick. */
static inline bool chunk_is_empty(chunk c)
{
    return c == 0;
}

static inline bool chunk_is_full(chunk c)
{
    return c == 1;
}

#endif /* CHECK_CHUNK_H */
