/*
 * request.h - a request to a device, done at once
 */
#ifndef BLOCK_REQUEST_H
#define BLOCK_REQUEST_H

#include "shale/bdev.h"

/* Do REQUEST now, whole. In a build that only reads writing is SHALE_EROFS. */
int bdev_request_do(struct shale_bdev *dev,
                    const struct shale_bdev_request *request);

#endif /* BLOCK_REQUEST_H */
