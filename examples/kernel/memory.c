/*
 * memory.c - the four functions every freestanding C program needs
 *
 * A word at a time where both ends can be aligned, since not every RISC-V
 * takes a misaligned word. Built with -fno-builtin, or the compiler would find
 * in here the loops that it knows as memcpy() and call that.
 */
#include "kernel.h"

typedef uint64_t __attribute__((may_alias)) word;

#define WORD sizeof(word)

/* How far is PTR behind a word's beginning? */
static size_t ragged(const void *ptr)
{
    return (uintptr_t)ptr % WORD;
}

static void copy_up(unsigned char *to, const unsigned char *from, size_t len)
{
    if (ragged(to) == ragged(from)) {
        for (; len > 0 && ragged(to); len--)
            *to++ = *from++;
        for (; len >= 4 * WORD; len -= 4 * WORD) {
            const word *in = (const word *)(const void *)from;
            word *out = (word *)(void *)to;
            word a = in[0], b = in[1], c = in[2], d = in[3];

            out[0] = a;
            out[1] = b;
            out[2] = c;
            out[3] = d;
            to += 4 * WORD;
            from += 4 * WORD;
        }
    }
    while (len-- > 0)
        *to++ = *from++;
}

static void copy_down(unsigned char *to, const unsigned char *from, size_t len)
{
    to += len;
    from += len;
    if (ragged(to) == ragged(from)) {
        for (; len > 0 && ragged(to); len--)
            *--to = *--from;
        for (; len >= WORD; len -= WORD) {
            to -= WORD;
            from -= WORD;
            *(word *)(void *)to = *(const word *)(const void *)from;
        }
    }
    while (len-- > 0)
        *--to = *--from;
}

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
    copy_up(to, from, len);
    return to;
}

void *memmove(void *to, const void *from, size_t len)
{
    if ((uintptr_t)to - (uintptr_t)from >= len)
        copy_up(to, from, len);
    else
        copy_down(to, from, len);
    return to;
}

void *memset(void *to, int byte, size_t len)
{
    word pattern = (unsigned char)byte * UINT64_C(0x0101010101010101);
    unsigned char *out = to;

    for (; len > 0 && ragged(out); len--)
        *out++ = (unsigned char)byte;
    for (; len >= WORD; len -= WORD, out += WORD)
        *(word *)(void *)out = pattern;
    while (len-- > 0)
        *out++ = (unsigned char)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t len)
{
    const unsigned char *left = a, *right = b;

    if (!ragged(left) && !ragged(right))
        while (len >= WORD && *(const word *)(const void *)left ==
                                  *(const word *)(const void *)right) {
            left += WORD;
            right += WORD;
            len -= WORD;
        }
    for (; len > 0; len--, left++, right++)
        if (*left != *right)
            return *left < *right ? -1 : 1;
    return 0;
}
