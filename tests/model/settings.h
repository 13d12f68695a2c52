/*
 * settings.h - what the programs that run random operations have in common:
 * options, and what is done with operations that failed
 */
#ifndef MODEL_SETTINGS_H
#define MODEL_SETTINGS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

#include "gen.h"
#include "shape.h"
#include "shrink.h"

struct settings {
    const struct shape *shape;
    struct gen gen;             /* seed, sizes */
    unsigned long ops;          /* how many */
    const char *replay, *save;  /* files, or NULL */
    bool shrink;
};

/* For the table of getopt_long(); other options have other letters. */
#define SETTINGS_OPTIONS                            \
    { "type", required_argument, NULL, 't' },       \
    { "seed", required_argument, NULL, 's' },       \
    { "ops", required_argument, NULL, 'n' },        \
    { "max", required_argument, NULL, 'm' },        \
    { "replay", required_argument, NULL, 'r' },     \
    { "save", required_argument, NULL, 'w' },       \
    { "shrink", no_argument, NULL, 'S' }

/* Take option LETTER with its VALUE. False if it is none of these, or bad. */
bool settings_take(struct settings *settings, int letter, const char *value);

/*
 * OPS, called NAME, failed: say so, leave out of them what RUN(CONTEXT, OPS)
 * fails without and keep them in a file, if that is wanted.
 */
void settings_failed(const struct settings *settings, const char *name,
                     struct ops *ops, shrink_run *run, void *context);

#endif /* MODEL_SETTINGS_H */
