/*
 * checkuse.h - is somebody changing what is being read?
 */
#ifndef SHALE_TOOLS_CHECKUSE_H
#define SHALE_TOOLS_CHECKUSE_H

/* What is known of a program with a lock. */
#define CHECKUSE_LOCKED "opened by another program, to be written to"

/*
 * Who may write to the image or block device NAME, open as FD, at this moment,
 * as far as this system tells: "mounted on /mnt", to be freed; NULL if nobody
 * is known.
 */
char *checkuse_find(const char *name, int fd);

#endif /* SHALE_TOOLS_CHECKUSE_H */
