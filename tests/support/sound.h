/*
 * sound.h - `shale check` as a judge: is a volume in memory or a file sound?
 *
 * What is made by the tests, and what is left after each of them, must have no
 * finding but advice. It is asked wherever the format's own checker is.
 */
#ifndef SUPPORT_SOUND_H
#define SUPPORT_SOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a check came to. */
struct verdict {
    int err;                    /* of shale_check() */
    uint64_t faults;            /* findings that are more than advice */
    uint64_t advice;
    char said[1024];            /* the first of the faults, one a line */
    size_t left;                /* bytes of memory that were not given back */
};

/* Check the SIZE bytes at BYTES, which are read only, as a volume of TYPE
   ("ext2"), or, with NULL, of whatever it is. */
void verdict_of(struct verdict *verdict, const char *type, uint8_t *bytes,
                size_t size);

/* Is it sound? If not, SAID, of SIZE bytes, has the reasons. */
bool is_sound_volume(const char *type, uint8_t *bytes, size_t bytes_size,
                     char *said, size_t size);

/* The same of the file at PATH. */
bool is_sound_file(const char *type, const char *path, char *said,
                   size_t size);

#endif /* SUPPORT_SOUND_H */
