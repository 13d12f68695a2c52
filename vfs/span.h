/*
 * span.h - a bounds-checked walk over bytes: taking is checking
 */
#ifndef VFS_SPAN_H
#define VFS_SPAN_H

#include <stddef.h>
#include <stdint.h>

struct span {
    const uint8_t *at;
    size_t left;                /* bytes */
};

/* Step over LEN bytes and return where they began; NULL if too few remain. */
static inline const uint8_t *span_take(struct span *s, size_t len)
{
    const uint8_t *start = s->at;

    if (len > s->left)
        return NULL;
    s->at += len;
    s->left -= len;
    return start;
}

#endif /* VFS_SPAN_H */
