/*
 * poison.c - what debug builds write where nobody may read or write
 *
 * A pattern shows later that somebody wrote. Under AddressSanitizer the bytes
 * are also marked as off limits, so that the access itself stops the program;
 * the pattern is then looked at behind its back.
 */
#include "mem.h"
#include "memfn.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif

#ifdef WITH_ASAN
void __asan_poison_memory_region(const volatile void *bytes, size_t len);
void __asan_unpoison_memory_region(const volatile void *bytes, size_t len);
#define UNWATCHED __attribute__((no_sanitize_address))

void poison_hide(void *bytes, size_t len)
{
    __asan_poison_memory_region(bytes, len);
}

void poison_open(void *bytes, size_t len)
{
    __asan_unpoison_memory_region(bytes, len);
}
#else
#define UNWATCHED

void poison_hide(void *bytes, size_t len)
{
    (void)bytes;
    (void)len;
}

void poison_open(void *bytes, size_t len)
{
    (void)bytes;
    (void)len;
}
#endif

void poison_fresh(void *bytes, size_t len)
{
    poison_open(bytes, len);
    memset(bytes, POISON_FRESH, len);
}

void poison_close(void *bytes, size_t len, uint8_t byte)
{
    poison_open(bytes, len);
    memset(bytes, byte, len);
    poison_hide(bytes, len);
}

/* Word by word: whole pages are looked at, on each allocation. */
UNWATCHED bool poison_intact(const void *bytes, size_t len, uint8_t byte)
{
    typedef uint64_t __attribute__((may_alias)) word;
    const word pattern = byte * UINT64_C(0x0101010101010101);
    const uint8_t *at = bytes, *end = at + len;

    for (; at < end && (uintptr_t)at % sizeof(word) != 0; at++)
        if (*at != byte)
            return false;
    for (; (size_t)(end - at) >= sizeof(word); at += sizeof(word))
        if (*(const word *)(const void *)at != pattern)
            return false;
    for (; at < end; at++)
        if (*at != byte)
            return false;
    return true;
}

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
UNWATCHED uint32_t poison_sum(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint32_t sum = 2166136261u;

    for (size_t i = 0; i < len; i++)
        sum = (sum ^ at[i]) * 16777619u;
    return sum;
}

_Noreturn void poison_fault(const char *why)
{
    const char *volatile look = why; /* for whoever opens the core dump */

    (void)look;
    __builtin_trap();
}
