/*
 * guess.h - what a volume probably is, for people to read
 */
#ifndef HOST_GUESS_H
#define HOST_GUESS_H

#include <stdbool.h>

struct shale_bdev;

struct guess {
    char type[32];              /* "xfs", or "" */
    char label[64];             /* or "" */
};

/*
 * What is at the start of DEV, by the opinion of libblkid, which knows some
 * eighty formats. False, and both fields empty, if nobody knows.
 */
bool guess_volume(struct shale_bdev *dev, struct guess *out);

/*
 * The container that DEV's bytes are packed in, "qcow2" or "gzip", if it is
 * one that people take for a disk image; or NULL. Stores in *HOW the command
 * that unpacks it.
 */
const char *guess_container(struct shale_bdev *dev, const char **how);

#endif /* HOST_GUESS_H */
