/* settings.c - see settings.h */
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>

bool settings_take(struct settings *settings, int letter, const char *value)
{
    unsigned long number = value ? strtoul(value, NULL, 0) : 0;

    switch (letter) {
    case 't':
        settings->shape = shape_named(value);
        return settings->shape != NULL;
    case 's':
        settings->gen.rng.state = number;
        return true;
    case 'n':
        settings->ops = number;
        return true;
    case 'm':
        settings->gen.file_max = number;
        return true;
    case 'r':
        settings->replay = value;
        return true;
    case 'w':
        settings->save = value;
        return true;
    case 'S':
        settings->shrink = true;
        return true;
    default:
        return false;
    }
}

void settings_failed(const struct settings *settings, const char *name,
                     struct ops *ops, shrink_run *run, void *context)
{
    FILE *to;

    fprintf(stderr, "FAILED: %s, %s, seed %llu\n", name, settings->shape->name,
            (unsigned long long)settings->gen.rng.state);
    if (settings->shrink) {
        shrink(ops, run, context);
        ops_print(ops, stderr);
        run_apart(run, context, ops, false);
    }
    if (settings->save && (to = fopen(settings->save, "w")) != NULL) {
        ops_print(ops, to);
        fclose(to);
    }
}
