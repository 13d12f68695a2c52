/*
 * slice.c - a device that is a range of another device
 *
 * Every call goes on through the checked calls of the lower device, so that a
 * slice that runs past the end of a truncated image answers SHALE_EIO there.
 */
#include "shale/bdev.h"
#include "shale/err.h"

static struct shale_slice_bdev *slice_of(struct shale_bdev *dev)
{
    return (struct shale_slice_bdev *)dev;
}

static int slice_read(struct shale_bdev *dev, uint64_t offset, void *buf,
                      size_t len)
{
    struct shale_slice_bdev *slice = slice_of(dev);

    return shale_bdev_read(slice->lower, slice->start + offset, buf, len);
}

static int slice_write(struct shale_bdev *dev, uint64_t offset, const void *buf,
                       size_t len)
{
    struct shale_slice_bdev *slice = slice_of(dev);

    return shale_bdev_write(slice->lower, slice->start + offset, buf, len);
}

static int slice_flush(struct shale_bdev *dev)
{
    return shale_bdev_flush(slice_of(dev)->lower);
}

static int slice_discard(struct shale_bdev *dev, uint64_t offset, uint64_t len)
{
    struct shale_slice_bdev *slice = slice_of(dev);

    return shale_bdev_discard(slice->lower, slice->start + offset, len);
}

static int slice_zero(struct shale_bdev *dev, uint64_t offset, uint64_t len)
{
    struct shale_slice_bdev *slice = slice_of(dev);

    return shale_bdev_zero(slice->lower, slice->start + offset, len);
}

static const void *slice_direct(struct shale_bdev *dev, uint64_t offset,
                                size_t len)
{
    struct shale_slice_bdev *slice = slice_of(dev);

    return shale_bdev_direct(slice->lower, slice->start + offset, len);
}

/*
 * Past the end of a truncated image there are no zeros but errors: the lower
 * device's "none" is its end, which is a place in this one then.
 */
static uint64_t slice_data_from(struct shale_bdev *dev, uint64_t offset)
{
    struct shale_slice_bdev *slice = slice_of(dev);

    return shale_bdev_data_from(slice->lower, slice->start + offset) -
           slice->start;
}

static void slice_soon(struct shale_bdev *dev, uint64_t offset, uint64_t len)
{
    struct shale_slice_bdev *slice = slice_of(dev);

    shale_bdev_soon(slice->lower, slice->start + offset, len);
}

static size_t slice_submit(struct shale_bdev *dev,
                           struct shale_bdev_request *const *requests,
                           size_t count)
{
    struct shale_slice_bdev *slice = slice_of(dev);
    size_t taken;

    for (size_t i = 0; i < count; i++)
        requests[i]->offset += slice->start;
    taken = shale_bdev_submit(slice->lower, requests, count);
    for (size_t i = taken; i < count; i++)
        requests[i]->offset -= slice->start;
    return taken;
}

static void slice_wait(struct shale_bdev *dev, const struct shale_queue *done)
{
    shale_bdev_wait(slice_of(dev)->lower, done);
}

static const struct shale_bdev_ops slice_ops = {
    .read      = slice_read,
    .write     = slice_write,
    .flush     = slice_flush,
    .discard   = slice_discard,
    .zero      = slice_zero,
    .direct    = slice_direct,
    .data_from = slice_data_from,
    .soon      = slice_soon,
    .submit    = slice_submit,
    .wait      = slice_wait,
};

static const struct shale_bdev_ops slice_read_only_ops = {
    .read      = slice_read,
    .direct    = slice_direct,
    .data_from = slice_data_from,
    .soon      = slice_soon,
    .submit    = slice_submit,
    .wait      = slice_wait,
};

int shale_slice_bdev_init(struct shale_slice_bdev *slice,
                          struct shale_bdev *lower, uint64_t start,
                          uint64_t size)
{
    uint64_t ragged = lower->block_size - 1;

    if ((start & ragged) != 0 || start > lower->size)
        return SHALE_EINVAL;
    if (size == UINT64_MAX)
        size = lower->size - start;
    if (size > UINT64_MAX - start)      /* its last byte has no address */
        return SHALE_EINVAL;

    *slice = (struct shale_slice_bdev){
        .base = {
            .ops = lower->ops->write ? &slice_ops : &slice_read_only_ops,
            .size = size & ~ragged,
            .block_size = lower->block_size,
            .fd = lower->fd,
            .fd_offset = lower->fd_offset + start,
            .at_once = lower->at_once,
        },
        .lower = lower,
        .start = start,
    };
    return 0;
}
