/*
 * decoded.h - reading what a driver has to decode, a unit at a time
 */
#ifndef VFS_DECODED_H
#define VFS_DECODED_H

#include <stddef.h>
#include <stdint.h>

#include "shale/fs.h"

/* What a configuration that says 0 gets. */
#define DECODED_BYTES ((size_t)4 << 20)

/*
 * Make FS's cache of decoded units, of up to BUDGET bytes. Nothing is made for
 * a driver that decodes nothing.
 */
int decoded_create(struct shale_fs *fs, size_t budget);

/* Free it. Nobody reads any more. */
void decoded_destroy(struct shale_fs *fs);

/* Free units that nobody is reading, WANT bytes of them; returns how many. */
size_t decoded_shrink(struct shale_fs *fs, size_t want);

/* Bytes that units take now. */
size_t decoded_bytes(struct shale_fs *fs);

/*
 * Read LEN bytes at OFFSET of FILE, whose lock is the only one held, all inside
 * UNIT, an extent just as the driver's map() gave it.
 */
int decoded_read(struct shale_vnode *file, const struct shale_extent *unit,
                 uint64_t offset, void *buf, size_t len);

#endif /* VFS_DECODED_H */
