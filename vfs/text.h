/*
 * text.h - putting a short line together without printf
 */
#ifndef VFS_TEXT_H
#define VFS_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Start with { .len = 0 }. What does not fit is left off. */
struct text {
    size_t len;
    char bytes[240];            /* terminated from the first add on */
};

static inline void text_add(struct text *t, const char *s)
{
    while (*s && t->len < sizeof t->bytes - 1)
        t->bytes[t->len++] = *s++;
    t->bytes[t->len] = '\0';
}

/* BASE is 10 or 16. */
static inline void text_add_number(struct text *t, uint64_t n, unsigned base)
{
    char digits[21];
    size_t at = sizeof digits - 1;

    digits[at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[n % base];
        n /= base;
    } while (n > 0);
    text_add(t, digits + at);
}

#endif /* VFS_TEXT_H */
