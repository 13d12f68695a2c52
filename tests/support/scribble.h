/*
 * scribble.h - change a volume in every way, as some bytes say
 *
 * For volumes that may be corrupt: an error is an answer like any other. The
 * work is bounded by the number of bytes.
 */
#ifndef SUPPORT_SCRIBBLE_H
#define SUPPORT_SCRIBBLE_H

#include <stddef.h>
#include <stdint.h>

#include "shale/shale.h"

struct scribble {
    unsigned done, refused;     /* changes that worked, and that did not */
    int errors[256];            /* how often each error; by its number */
};

/* Change FS as the LEN bytes of SCRIPT say, three a change. */
void scribble(struct shale_fs *fs, const uint8_t *script, size_t len,
              struct scribble *out);

#endif /* SUPPORT_SCRIBBLE_H */
