/* suite.h - what a test program gives to main.c */
#ifndef SUPPORT_SUITE_H
#define SUPPORT_SUITE_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

Suite *suite(void);

/* Is that how much test.sh was asked for: "quick" or "long"? */
static inline bool suite_is(const char *level)
{
    const char *asked = getenv("SHALE_TEST_LEVEL");

    return asked && strcmp(asked, level) == 0;
}

/* Does an emulator run this? It takes twenty times as long, and a hundred times
   with several threads. */
#ifdef CROSS_CHECK_H
enum { SUITE_EMULATED = 1 };
#else
enum { SUITE_EMULATED = 0 };
#endif

/* How many states to judge: ALL of them with --long; or else SOME, and fewer
   under an emulator. */
static inline uint64_t suite_states(uint64_t some, uint64_t all)
{
    if (suite_is("long"))
        return all;
    return SUITE_EMULATED ? some / 2 : some;
}

#endif /* SUPPORT_SUITE_H */
