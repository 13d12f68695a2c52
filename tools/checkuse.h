/*
 * checkuse.h - is somebody changing what is being read?
 */
#ifndef SHALE_TOOLS_CHECKUSE_H
#define SHALE_TOOLS_CHECKUSE_H

/*
 * Who may write to the image or block device NAME at this moment, as far as
 * this system tells: "mounted on /mnt", to be freed; NULL if nobody is known.
 */
char *checkuse_find(const char *name);

#endif /* SHALE_TOOLS_CHECKUSE_H */
