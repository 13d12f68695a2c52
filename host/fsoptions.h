/*
 * fsoptions.h - what a driver is told, from what the user and the host say
 */
#ifndef HOST_FSOPTIONS_H
#define HOST_FSOPTIONS_H

#include "shale/host.h"

/* Does OPTIONS, "sb=8193,...", or NULL, have one called NAME? */
bool fsoptions_has(const char *options, const char *name);

/*
 * CONFIG's options, and what else CONFIG says that TYPE takes as an option;
 * with the contents of a file in place of its name, where TYPE cannot open it.
 * Stores them in *OUT, allocated. On failure adds the reason to WHY.
 */
int fsoptions_make(const struct shale_image_config *config,
                   const struct shale_fs_ops *type, char **out, char *why);

#endif /* HOST_FSOPTIONS_H */
