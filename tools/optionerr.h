/*
 * optionerr.h - what is wrong with an option, in our words
 */
#ifndef SHALE_TOOLS_OPTIONERR_H
#define SHALE_TOOLS_OPTIONERR_H

#include <getopt.h>

/*
 * getopt_long() has answered LETTER, '?' or ':', for ARGV and LONGS; opterr is
 * 0, and the letters begin with a colon. Write to OUT what is wrong.
 */
#define OPTIONERR_MAX 256
void optionerr(char *const *argv, const struct option *longs, int letter,
               char out[OPTIONERR_MAX]);

#endif /* SHALE_TOOLS_OPTIONERR_H */
