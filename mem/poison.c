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

UNWATCHED bool poison_intact(const void *bytes, size_t len, uint8_t byte)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++) {
        if (at[i] != byte)
            return false;
    }
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
