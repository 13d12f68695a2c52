/*
 * fatimage.h - FAT volumes to test on, made by mkfs.fat, in memory
 */
#ifndef SUPPORT_FATIMAGE_H
#define SUPPORT_FATIMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shape.h"

/* What a volume looks like. */
struct fat_shape {
    const char *name;
    unsigned bits, sector, per_cluster, fats, root_entries;
    unsigned kib;               /* its size */
    unsigned keep;              /* clusters left free, the others being bad, so
                                   that a large volume is soon full; 0: all */
};

extern const struct fat_shape fat_shapes[];
extern const size_t fat_shape_count;

/* The shape called NAME, or NULL. */
const struct fat_shape *fat_shape_named(const char *name);

/* Are the programs there that this needs? */
bool fatimage_possible(void);

/* Make the volume in an image of its size, or one with it. Ends the program
   where that cannot be made. */
void fatimage_format(const struct image *image,
                     const struct fat_shape *shape);
void fatimage_make(struct image *image, const struct fat_shape *shape);
void fatimage_free(struct image *image);

/* Run fsck.fat -n on the image, and store what it says in the SIZE bytes of
   SAID. Returns its exit status. */
int fatimage_fsck(const struct image *image, char *said, size_t size);

/* The same of any file. */
int fatimage_fsck_file(const char *path, char *said, size_t size);

/*
 * Is what fsck.fat said about a volume after a power cut all harmless? Each
 * line has to be one of those for lost clusters, differing free counts and
 * FATs, chains longer than files, and the mark of use.
 */
bool fatimage_fsck_harmless(const char *said);

#endif /* SUPPORT_FATIMAGE_H */
