/*
 * optionerr.c - what is wrong with an option, in our words
 *
 * getopt_long(3) can say so by itself, but as it comes: what stands in an
 * option may be anything. What it leaves behind (optopt, optind) is enough to
 * say the same.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "optionerr.h"

/* How many of LONGS begin with the LEN bytes at NAME? */
static unsigned candidates(const struct option *longs, const char *name,
                           size_t len)
{
    unsigned count = 0;

    for (; longs->name; longs++)
        count += strncmp(longs->name, name, len) == 0;
    return count;
}

/* The long option of LONGS that is VALUE by itself; NULL if there is none. */
static const char *name_of(const struct option *longs, int value)
{
    for (; longs->name; longs++)
        if (longs->val == value)
            return longs->name;
    return NULL;
}

void optionerr(char *const *argv, const struct option *longs, int letter,
               char out[OPTIONERR_MAX])
{
    const char *last = optind > 0 ? argv[optind - 1] : "";
    bool is_long = !strncmp(last, "--", 2);

    if (letter == ':' && is_long)
        snprintf(out, OPTIONERR_MAX, "option '%s' requires an argument", last);
    else if (letter == ':')
        snprintf(out, OPTIONERR_MAX, "option requires an argument -- '%c'",
                 optopt);
    else if (optopt == 0 && is_long)
        snprintf(out, OPTIONERR_MAX,
                 candidates(longs, last + 2, strcspn(last + 2, "=")) > 1
                     ? "option '%s' is ambiguous" : "unrecognized option '%s'",
                 last);
    else if (is_long && name_of(longs, optopt))
        snprintf(out, OPTIONERR_MAX, "option '--%s' takes no argument",
                 name_of(longs, optopt));
    else
        snprintf(out, OPTIONERR_MAX, "invalid option -- '%c'", optopt);
}
