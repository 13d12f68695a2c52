/*
 * choose.h - which part of an image is the volume that is meant
 */
#ifndef HOST_CHOOSE_H
#define HOST_CHOOSE_H

#include "shale/host.h"

/*
 * Choose by CONFIG among what is on IMAGE, whose file and allocator are open,
 * and store the place in IMAGE->volume and IMAGE->part. TYPE is the only
 * driver to consider, or NULL. On failure adds the reason to WHY.
 */
int choose_volume(struct shale_image *image,
                  const struct shale_image_config *config,
                  const struct shale_fs_ops *type, char *why);

/*
 * As above, but where CONFIG names no place the answer is the whole image,
 * whatever is on it.
 */
int choose_place(struct shale_image *image,
                 const struct shale_image_config *config, char *why);

/* No driver knows IMAGE's volume: add to WHY what it may be instead. */
void choose_explain(struct shale_image *image, char *why);

/*
 * The superblock of IMAGE's volume is no good. If a driver finds a backup of
 * one, and can be told to use it, add to WHY how.
 */
void choose_hint_backup(struct shale_image *image, char *why);

#endif /* HOST_CHOOSE_H */
