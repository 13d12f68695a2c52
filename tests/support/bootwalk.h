/*
 * bootwalk.h - all of a volume, as the readers without memory see it
 */
#ifndef SUPPORT_BOOTWALK_H
#define SUPPORT_BOOTWALK_H

#include <stdint.h>

#include "shale/boot.h"

/* What has been found: ENTRY, at PATH. */
typedef void bootwalk_fn(void *context, struct shale_boot *boot,
                         const char *path, struct shale_boot_entry *entry);

/*
 * Open DEV as a volume of FORMAT and call FOUND for all that is in it, but for
 * no more than MOST entries. Returns the first error met, and goes on after it;
 * or 0.
 */
int bootwalk(struct shale_bdev *dev, const struct shale_boot_format *format,
             uint64_t most, bootwalk_fn *found, void *context);

/*
 * The same, by every format, reading the first LEN bytes of each file: for
 * volumes that may be damaged.
 */
void bootwalk_exercise(struct shale_bdev *dev, uint64_t most, uint64_t len);

#endif /* SUPPORT_BOOTWALK_H */
