/*
 * golden.h - the small images in images/, in memory
 */
#ifndef SUPPORT_GOLDEN_H
#define SUPPORT_GOLDEN_H

#include <stddef.h>
#include <stdint.h>

struct golden {
    uint8_t *bytes;
    size_t size;
};

/* Unpack images/NAME.img.gz. Ends the program where that cannot be done. */
void golden_load(struct golden *golden, const char *name);
void golden_free(struct golden *golden);

#endif /* SUPPORT_GOLDEN_H */
