/*
 * golden.c - the small images in images/, in memory
 *
 * gzip does the unpacking; SHALE_IMAGES, from the build, is their folder.
 */
#include "golden.h"

#include <stdio.h>
#include <stdlib.h>

enum { STEP = 1 << 20 };

void golden_load(struct golden *golden, const char *name)
{
    char command[4096];
    FILE *from;
    size_t got;

    *golden = (struct golden){ NULL, 0 };
    snprintf(command, sizeof command, "gzip -dc '%s/%s.img.gz'", SHALE_IMAGES,
             name);
    from = popen(command, "r");
    do {
        uint8_t *more = realloc(golden->bytes, golden->size + STEP);

        if (!more || !from)
            abort();
        golden->bytes = more;
        got = fread(more + golden->size, 1, STEP, from);
        golden->size += got;
    } while (got > 0);
    if (pclose(from) != 0 || golden->size == 0) {
        fprintf(stderr, "cannot unpack %s\n", name);
        exit(1);
    }
}

void golden_free(struct golden *golden)
{
    free(golden->bytes);
    golden->bytes = NULL;
}
