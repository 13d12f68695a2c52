/*
 * smallwork.h - volumes at work in one small array
 *
 * All that Shale allocates comes from the array, for all of the volumes.
 */
#ifndef SUPPORT_SMALLWORK_H
#define SUPPORT_SMALLWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/shale.h"

enum { SMALLWORK_FILES = 24 };

/*
 * Lend the KIB KiB of ARRAY, which is aligned to SHALE_PAGE_SIZE, by ARENA.
 * NULL if that is too little for an allocator.
 */
struct shale_mem *smallwork_mem(struct shale_static_arena *arena,
                                uint8_t *array, size_t kib);

/* Mount DEV with CACHE KiB for its blocks, and little of all else. */
int smallwork_mount(struct shale_mem *mem, struct shale_bdev *dev,
                    const char *type, size_t cache, bool write,
                    struct shale_fs **out);

/*
 * Make file number I in the root; every fourth is synced, every third removed,
 * and every third renamed. 0 or the error.
 */
int smallwork_change(struct shale_fs *fs, unsigned i);

/* List, look up and read all that there is: 0 or an error, and the sum. */
int smallwork_read(struct shale_fs *fs, uint64_t *sum);

#endif /* SUPPORT_SMALLWORK_H */
