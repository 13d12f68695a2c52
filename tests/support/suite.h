/* suite.h - what a test program gives to main.c */
#ifndef SUPPORT_SUITE_H
#define SUPPORT_SUITE_H

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

Suite *suite(void);

/* Is that how much test.sh was asked for: "quick" or "long"? */
static inline bool suite_is(const char *level)
{
    const char *asked = getenv("SHALE_TEST_LEVEL");

    return asked && strcmp(asked, level) == 0;
}

#endif /* SUPPORT_SUITE_H */
